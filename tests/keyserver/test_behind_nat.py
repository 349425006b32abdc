# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members behind a translator: they move to the port for that, and are pushed to there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyserver.gdoi.arrival import Peer, RefusedPeer
from keyserver.groups.members import MemberList
from keyserver.groups.pushes import Door
from keyserver.ike.nat import Path, detection_payloads, floating, translated
from keyserver.ike.vendor import NAT_TRAVERSAL
from keyserver.member.registrations import MemberState
from tests.keyserver.stranger import KE, NONCE, SA, VENDOR, Manner, Stranger, identity
from tests.keyserver.test_strangers import CONTACT, carrier
from tests.keyserver.world import GM, SERVER, V1_SMC, World
from tests.lab import PSK

BLOCK = V1_SMC + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"
INSIDE, OUTSIDE = ("10.0.0.5", 848), (GM, 61234)
MARKER = bytes(4)


def talk(world, member, queue, outside=OUTSIDE):
    """The member's datagrams pass a translator; what the server answers comes back."""
    floated = []
    while queue:
        datagram = queue.pop(0)
        floated.append(member.registrations.floats(datagram))
        sent, source = (MARKER + datagram, outside) if floated[-1] else (datagram, (GM, 848))
        answer, _ = world.endpoint.receive(sent, source, world.now, floated=floated[-1])
        if answer is not None:
            queue += member.receive(answer, world.now)
    return floated


@pytest.mark.parametrize("mode", ["main", "aggressive"])
def test_a_member_behind_a_translator_floats_registers_and_is_rekeyed(signing_key, mode):
    world = World(signing_key, extra=(BLOCK,), floating_port=4500, aggressive=True)
    member = world.member(mode=mode)
    member.registrations.paths = (Path(INSIDE, (SERVER, 848)),)
    floated = talk(world, member, member.start(world.now))
    assert member.state is MemberState.REGISTERED
    # RFC 3947 §4: from the first message behind the detection on, and never back.
    assert floated == sorted(floated)
    assert floated[-1] is True
    assert [m.source for m in world.view().members] == [OUTSIDE]
    world.now += 3600 - 60
    world.device.expire(world.now)
    (push,) = world.device.take(world.now)[0]
    assert (push.door, push.to) == (Door.FLOATING, (OUTSIDE,))
    assert push.datagram.startswith(MARKER)
    member.receive(push.datagram, world.now)
    assert member.events[-1].event == "rekeyed"
    world.now += 1
    talk(world, member, member.tick(world.now))
    assert world.listed()[1].push_acknowledged == 1


@pytest.mark.parametrize("moved", range(1, 6))
@pytest.mark.parametrize("floats", [False, True])
def test_whom_a_translator_moves_amid_its_registration_is_pushed_to_where_it_is(
    signing_key, floats, moved
):
    world = World(signing_key, extra=(BLOCK,), floating_port=4500)
    member = world.member()
    member.registrations.paths = (Path(INSIDE if floats else (GM, 848), (SERVER, 848)),)
    queue, number = member.start(world.now), 0
    while queue:
        number += 1
        datagram, port = queue.pop(0), 40000 + (number >= moved)
        is_floated = member.registrations.floats(datagram)
        answer, _ = world.endpoint.receive(
            MARKER * is_floated + datagram, (GM, port), world.now, floated=is_floated
        )
        queue += member.receive(answer, world.now)
    assert member.state is MemberState.REGISTERED
    assert [m.source for m in world.view().members] == [(GM, 40001)]
    world.now += 3600 - 60
    world.device.expire(world.now)
    assert [push.to for push in world.device.take(world.now)[0]] == [((GM, 40001),)]


def test_two_of_one_identity_behind_a_translator_are_two(signing_key):
    world = World(signing_key, extra=(BLOCK,), floating_port=4500)
    outside = [(GM, 61234), (GM, 61235)]
    members = [world.member() for _ in outside]
    for number, (member, there) in enumerate(zip(members, outside, strict=True)):
        member.registrations.paths = (Path((f"10.0.0.{number}", 848), (SERVER, 848)),)
        talk(world, member, member.start(world.now), there)
    assert [m.source for m in world.view().members] == outside
    world.now += 3600 - 60
    world.device.expire(world.now)
    ((push,), _) = world.device.take(world.now)
    assert push.to == tuple(outside)
    for member, there in zip(members, outside, strict=True):
        member.receive(push.datagram, world.now)
        talk(world, member, member.tick(world.now + 1), there)
    assert world.listed()[1].push_acknowledged == 2


@pytest.mark.parametrize("inside", [True, False])
def test_who_is_behind_a_translator_keeps_its_way_open(signing_key, inside):
    world = World(signing_key, extra=(BLOCK,), floating_port=4500)
    member = world.member()
    member.registrations.paths = (Path(INSIDE if inside else (GM, 848), (SERVER, 848)),)
    talk(world, member, member.start(world.now))
    world.now += 60
    assert member.tick(world.now) == [b"\xff"] * inside
    assert not inside or member.wake_at == world.now + 20
    assert (floating(b"\xff"), floating(b"any")) == (b"\xff", MARKER + b"any")
    assert member.registrations.floats(b"\xff") is inside
    # The key server behind it sees nothing that a member says.
    assert world.endpoint.receive(b"\xff", OUTSIDE, world.now, floated=True) == (None, ())


def test_what_is_not_of_an_attempt_keeps_to_the_way_that_was_found(signing_key):
    world = World(signing_key, extra=(BLOCK,), floating_port=4500)
    member = world.member()
    member.registrations.paths = (Path(INSIDE, (SERVER, 848)),)
    talk(world, member, member.start(world.now))
    deletion, first = member.start(world.now)
    # The acknowledgement of a push that comes meanwhile goes there too.
    assert [member.registrations.floats(one) for one in (deletion, first, bytes(16))] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("theirs", [False, True])
def test_a_translator_is_found_in_front_of_either_end(ours, theirs):
    """RFC 3947 §3.2: of an address and port that are not those that the other end knows."""
    cookies, moved = (b"i" * 8, b"r" * 8), ("198.51.100.7", 848)
    said = detection_payloads("sha256", cookies, Path(INSIDE, (SERVER, 848)))
    seen = Path(moved if ours else (SERVER, 848), (INSIDE[0], 61234) if theirs else INSIDE)
    assert translated(said, "sha256", cookies, seen) == (ours, theirs)


def test_a_member_without_a_translator_stays_where_it_is(signing_key):
    world = World(signing_key, extra=(BLOCK,), floating_port=4500)
    member = world.member()
    member.registrations.paths = (Path((GM, 848), (SERVER, 848)),)
    assert set(talk(world, member, member.start(world.now))) == {False}
    assert member.state is MemberState.REGISTERED


def test_who_does_not_say_that_it_looks_for_translators_is_told_nothing_of_them(signing_key):
    """RFC 3947 §3.1: NAT-D is for those that know what it is."""
    world = World(signing_key, extra=(BLOCK,), floating_port=4500)
    say, said = carrier(world), []

    def heard(datagram):
        said.append(say(datagram))
        return said[-1]

    assert Stranger(heard, PSK.encode(), bytes(map(int, GM.split(".")))).registers()
    found = [one for answer in said[:2] for one in Stranger.read(answer)]
    assert [kind for kind, _ in found] == [SA, VENDOR, KE, NONCE]
    assert found[1][1] != NAT_TRAVERSAL


def test_a_server_that_does_not_look_for_translators_is_met_as_ever(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    member = world.member()
    member.registrations.paths = (Path(INSIDE, (SERVER, 848)),)
    assert set(talk(world, member, member.start(world.now))) == {False}
    assert member.state is MemberState.REGISTERED


# Two gateways of one address: two sites behind one translator

SITES = ("site-a.example.net", "site-b.example.net")


def _two_gateways(signing_key, mode, keys, **spec):
    """A hub that meets both sites at one address, each with a key of its own or with the same."""
    server = "set security group-vpn server"
    lines = [BLOCK]
    for gateway, site, key in zip(("gm-1", "gm-2"), SITES, keys, strict=True):
        lines += [
            f"{server} ike policy {gateway} mode {mode}",
            f"{server} ike policy {gateway} proposals p1",
            f"{server} ike policy {gateway} pre-shared-key ascii-text {key}",
            f"{server} ike gateway {gateway} ike-policy {gateway}",
            f"{server} ike gateway {gateway} remote-identity hostname identity-hostname {site}",
        ]
    return World(
        signing_key, extra=tuple(lines), gateways={"gm-1": GM, "gm-2": GM}, members=0, **spec
    )


def _register(world, site, port, before=None, **more):
    """``before``: of which of the member's messages by number, and what is done then."""
    member = world.member(identity=site, **more)
    queue, number = member.start(world.now), 0
    while queue:
        number += 1
        if before is not None and number == before[0]:
            before[1]()
        answer, events = world.endpoint.receive(queue.pop(0), (GM, port), world.now)
        world.events += events
        if answer is not None:
            queue += member.receive(answer, world.now)
    return member


ONE_KEY, OWN_KEYS = ("made-up-key-1", "made-up-key-1"), ("made-up-key-1", "made-up-key-2")


@pytest.mark.parametrize("keys", [ONE_KEY, OWN_KEYS])
@pytest.mark.parametrize("mode", ["main", "aggressive"])
def test_gateways_of_one_address_are_told_apart_by_key_and_identity(signing_key, mode, keys):
    world = _two_gateways(signing_key, mode, keys)
    for number, (site, key) in enumerate(zip(SITES, keys, strict=True)):
        member = _register(world, site, 40000 + number, psk=key, mode=mode)
        assert member.state is MemberState.REGISTERED
    listed = world.view().members
    assert [(m.gateway, m.source) for m in listed] == [
        ("gm-1", (GM, 40000)),
        ("gm-2", (GM, 40001)),
    ]
    world.device.groups.by_name["G1"].clear(world.now)
    ((push,), _) = world.device.take(world.now)
    assert push.to == ((GM, 40000), (GM, 40001))


def test_who_begins_anew_takes_nothing_of_the_other_gateway_of_its_address(signing_key):
    world = _two_gateways(signing_key, "main", OWN_KEYS)
    manners = (Manner(), Manner(beside={5: CONTACT}))
    for site, key, manner in zip(SITES, OWN_KEYS, manners, strict=True):
        own = identity(2, site.encode())
        Stranger(carrier(world), key.encode(), b"", manner, own_id=own).phase1()
    views = world.endpoint.associations(world.now)
    assert [view.gateway for view in views] == ["gm-1", "gm-2"]


@pytest.mark.parametrize("mode", ["main", "aggressive"])
@pytest.mark.parametrize(
    ("site", "key"),
    [
        (SITES[0], "made-up-key-2"),
        (SITES[1], "made-up-key-1"),
        (SITES[0], "made-up-key-3"),
        ("site-c.example.net", "made-up-key-1"),
    ],
)
def test_the_key_of_one_gateway_does_not_open_the_other(signing_key, mode, site, key):
    world = _two_gateways(signing_key, mode, OWN_KEYS)
    member = _register(world, site, 40000, psk=key, mode=mode)
    assert member.state is not MemberState.REGISTERED
    assert list(world.view().members) == []
    if mode == "main":
        # In aggressive mode the member hears the wrong proof first.
        assert any(isinstance(event, RefusedPeer) for event in world.events)


def test_the_second_of_one_address_may_want_other_algorithms(signing_key):
    world = _two_gateways(signing_key, "main", OWN_KEYS)
    server = "set security group-vpn server ike"
    world.commit(
        f"{server} proposal p2 authentication-method pre-shared-keys",
        f"{server} proposal p2 dh-group group14",
        f"{server} proposal p2 authentication-algorithm sha-384",
        f"{server} proposal p2 encryption-algorithm aes-128-cbc",
        f"{server} policy other proposals p2",
        f"{server} policy other pre-shared-key ascii-text made-up-key-2",
        f"{server} gateway gm-2 ike-policy other",
    )
    world.phase1 = ("group14", "sha-384", "aes-128-cbc")
    member = _register(world, SITES[1], 40001, psk="made-up-key-2")
    assert member.state is MemberState.REGISTERED
    assert [m.gateway for m in world.view().members] == ["gm-2"]


@pytest.mark.parametrize("message", [2, 3])
@pytest.mark.parametrize("changed", [0, 1])
@pytest.mark.parametrize("coming", [0, 1])
def test_a_commit_amid_main_mode_meets_only_the_gateway_that_it_changes(
    signing_key, message, changed, coming
):
    world = _two_gateways(signing_key, "main", OWN_KEYS)
    policy = f"set security group-vpn server ike policy gm-{changed + 1}"
    member = _register(
        world,
        SITES[coming],
        40000,
        (message, lambda: world.commit(f"{policy} pre-shared-key ascii-text another-key")),
        psk=OWN_KEYS[coming],
    )
    assert (member.state is MemberState.REGISTERED) is (changed != coming)


def test_who_leaves_the_group_takes_nobody_of_its_address_along(signing_key):
    world = _two_gateways(signing_key, "main", OWN_KEYS)
    for number, (site, key) in enumerate(zip(SITES, OWN_KEYS, strict=True)):
        _register(world, site, 40000 + number, psk=key)
    world.text = world.text.replace("set security group-vpn server group G1 ike-gateway gm-1\n", "")
    world.commit()
    assert [(m.gateway, m.source[1]) for m in world.view().members] == [("gm-2", 40001)]


def test_a_member_is_who_it_was_when_it_came_last():
    members = MemberList()
    peer = Peer("gm-1", OUTSIDE, True, extended=False, identity="host one", behind_nat=False)
    for now, floated in enumerate((True, False)):
        came = replace(peer, floated=floated)
        listed = members.enter(came, float(now))
        assert (listed.peer, listed.last_update, len(members)) == (came, now, 1)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase 1 as configured and as other gear does it: lives, loss, translators, what is announced."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyserver.gdoi.arrival import RefusedPeer
from keyserver.gdoi.numbers import GapAttribute, GdoiExchange
from keyserver.gdoi.payloads import GroupAssociatedPolicy, group_identity
from keyserver.ike.aggressive_mode import AggressiveModeInitiator
from keyserver.ike.exchange import Phase1Sa, new_message_id
from keyserver.ike.main_mode import MainModeInitiator
from keyserver.ike.nat import Path
from keyserver.ike.numbers import Exchange, IdType, NotifyType, OakleyAttribute, PayloadType
from keyserver.ike.payloads import Delete, Identification, Notification, Proposal, SaPayload
from keyserver.ike.phase1 import State
from keyserver.ike.vendor import DEAD_PEER_DETECTION, NAT_TRAVERSAL
from keyserver.ike.wire import HEADER_LENGTH, Attribute, Header, Payload, decode_chain
from keyserver.member.registrations import MemberState
from tests.keyserver.test_rekey import V2_BLOCK
from tests.keyserver.world import GM, SERVER, World

NAT = "198.51.100.1"


def _policy(world: World, lifetime: int = 28800, address: str = GM):
    return replace(world.member(address).registrations.policies[0], lifetime=lifetime)


def _payloads(datagram: bytes) -> list[Payload]:
    header = Header.decode(datagram)
    return decode_chain(header.next_payload, datagram[HEADER_LENGTH:])[0]


def _phase1(world: World, end, source=(GM, 848)):
    """Run phase 1 over any end of ours; what the key server answered."""
    datagram, answers = end.first(), []
    while datagram is not None:
        answer, events = world.endpoint.receive(datagram, source, world.now)
        world.events += events
        answers.append(answer)
        if answer is None:
            break
        datagram = end.receive(Header.decode(answer), answer, world.now)
    return answers


def _established(world: World, lifetime: int = 28800) -> Phase1Sa:
    end = MainModeInitiator(_policy(world, lifetime))
    _phase1(world, end)
    assert end.state is State.ESTABLISHED
    return end.sa


def _told(sa: Phase1Sa, datagram: bytes) -> Payload:
    header = Header.decode(datagram)
    assert header.exchange == Exchange.INFORMATIONAL
    (payload,) = sa.exchange(Exchange.INFORMATIONAL, header.message_id).open(header, datagram)
    return payload


@pytest.mark.parametrize(("offered", "kept"), [(180, 180), (28800, 28800), (10**6, 86400)])
def test_a_phase_1_lives_as_long_as_was_offered_and_ends_with_a_deletion(
    signing_key, offered, kept
):
    world = World(signing_key)
    sa = _established(world, offered)
    (view,) = world.endpoint.associations(world.now)
    assert view.life_remaining == kept
    world.now += kept - 1
    world.device.expire(world.now)
    assert world.device.take(world.now)[0] == []
    assert world.device.deadline() <= world.now + 1
    world.now += 1
    world.device.expire(world.now)
    ((out,), _) = world.device.take(world.now)
    assert out.to == ((GM, 848),)
    told = _told(sa, out.datagram)
    assert told.type == PayloadType.DELETE
    assert Delete.decode(told.body).spis == (b"".join(sa.cookies),)
    assert world.endpoint.associations(world.now) == []


class Offering(MainModeInitiator):
    """An initiator whose offer has these (type, duration) pairs of a life."""

    def __init__(self, policy, lives):
        super().__init__(policy)
        (proposal,) = SaPayload.decode(self._sa_body).proposals
        (transform,) = proposal.transforms
        kept = [a for a in transform.attributes if a.type not in (11, 12)]
        for kind, duration in lives:
            kept.append(Attribute.short(OakleyAttribute.LIFE_TYPE, kind))
            kept.append(Attribute.long(OakleyAttribute.LIFE_DURATION, duration.to_bytes(4, "big")))
        changed = replace(transform, attributes=tuple(kept))
        self._sa_body = SaPayload((Proposal(1, 1, b"", (changed,)),)).encode()


@pytest.mark.parametrize(
    "lives",
    [
        [(2, 50_000), (1, 600)],
        [(1, 600), (2, 50_000)],
        [(1, 900), (1, 600), (65001, 7)],
    ],
)
def test_lives_in_seconds_and_kilobytes_are_understood(signing_key, lives):
    world = World(signing_key)
    end = Offering(_policy(world), lives)
    _phase1(world, end)
    assert end.state is State.ESTABLISHED
    (view,) = world.endpoint.associations(world.now)
    assert view.life_remaining == 600


def test_a_commit_that_adds_a_gateway_leaves_the_phase_1_of_others_alone(signing_key):
    world = World(signing_key)
    sa = _established(world)
    server = "set security group-vpn server"
    world.commit(
        f"{server} ike gateway gm-9 ike-policy pol",
        f"{server} ike gateway gm-9 address 192.0.2.99",
    )
    assert len(world.endpoint.associations(world.now)) == 1
    # Another key for it: that phase 1 is given up, and told so.
    world.commit(
        f"{server} ike policy new proposals p1",
        f"{server} ike policy new pre-shared-key ascii-text another-made-up-key",
        f"{server} ike gateway gm-1 ike-policy new",
    )
    assert world.endpoint.associations(world.now) == []
    assert _told(sa, world.pushed[-1]).type == PayloadType.DELETE


@pytest.mark.parametrize("mode", [MainModeInitiator, AggressiveModeInitiator])
def test_dead_peer_detection_is_announced(signing_key, mode):
    world = World(signing_key, aggressive=True)
    answer = _phase1(world, mode(_policy(world)))[0]
    assert Payload(PayloadType.VENDOR_ID, DEAD_PEER_DETECTION) in _payloads(answer)
    assert Payload(PayloadType.VENDOR_ID, NAT_TRAVERSAL) not in _payloads(answer)


def test_the_responder_says_its_last_message_again_until_aggressive_mode_is_complete(signing_key):
    world = World(signing_key, aggressive=True)
    end = AggressiveModeInitiator(_policy(world))
    answer, _ = world.endpoint.receive(end.first(), (GM, 848), world.now)
    world.pass_time(15)
    assert world.pushed == [answer] * 3
    lost = end.receive(Header.decode(answer), answer, world.now)
    world.endpoint.receive(lost, (GM, 848), world.now)
    world.pass_time(60)
    assert len(world.pushed) == 3
    assert len(world.endpoint.associations(world.now)) == 1


def test_a_first_message_is_not_answered_for_ever(signing_key):
    world = World(signing_key, aggressive=True)
    end = AggressiveModeInitiator(_policy(world))
    world.endpoint.receive(end.first(), (GM, 848), world.now)
    world.pass_time(300)
    assert len(world.pushed) == 3
    assert world.endpoint.half_open == 0
    assert world.device.endpoint.deadline() is None


@pytest.mark.parametrize("mode", [MainModeInitiator, AggressiveModeInitiator])
@pytest.mark.parametrize("translated", [False, True])
def test_a_translator_is_found_and_the_member_met_at_its_new_port(signing_key, mode, translated):
    world = World(signing_key, aggressive=True, floating_port=4500)
    own = ("10.0.0.5", 848) if translated else (GM, 848)
    end = mode(_policy(world), path=Path(own, (SERVER, 848)))
    answer, _ = world.endpoint.receive(end.first(), (GM, 848), world.now)
    assert Payload(PayloadType.VENDOR_ID, NAT_TRAVERSAL) in _payloads(answer)
    while end.state is not State.ESTABLISHED or mode is AggressiveModeInitiator:
        datagram = end.receive(Header.decode(answer), answer, world.now)
        if datagram is None:
            break
        last = end.state in (State.AUTHENTICATION, State.ESTABLISHED)
        if last and translated:
            # RFC 3947 §4: both ports change, and the marker stands in front.
            answer, _ = world.endpoint.receive(
                bytes(4) + datagram, (GM, 61234), world.now, floated=True
            )
            answer = answer and answer[4:]
        else:
            answer, _ = world.endpoint.receive(datagram, (GM, 848), world.now)
        if answer is None:
            break
    assert end.behind_nat is translated
    (view,) = world.endpoint.associations(world.now)
    assert view.port == (61234 if translated else 848)


def test_what_comes_to_the_floating_port_without_a_marker_is_none_of_ours(signing_key):
    world = World(signing_key, floating_port=4500)
    for datagram in (b"\xff", bytes(4), b"\x12\x34\x56\x78" + bytes(60), b""):
        assert world.endpoint.receive(datagram, (GM, 4500), world.now, floated=True) == (None, ())


def test_two_members_behind_one_translator_are_two_members(signing_key):
    server = "set security group-vpn server"
    lines = [
        f"{server} ike policy away mode aggressive",
        f"{server} ike policy away proposals p1",
        f"{server} ike policy away pre-shared-key ascii-text made-up-key-1",
    ]
    for n in (1, 2):
        lines += [
            f"{server} ike gateway home-{n} ike-policy away",
            f"{server} ike gateway home-{n} dynamic hostname site-{n}.example.net",
            f"{server} group G1 ike-gateway home-{n}",
        ]
    world = World(signing_key, extra=(V2_BLOCK, *lines))
    members = []
    for n in (1, 2):
        member = world.member(NAT, identity=f"site-{n}.example.net", mode="aggressive")
        members.append(member)
        queue = member.start(world.now)
        while queue:
            answer, _ = world.endpoint.receive(queue.pop(0), (NAT, 60000 + n), world.now)
            queue += member.receive(answer, world.now) if answer else []
        assert member.state is MemberState.REGISTERED
    assert world.listed()[0] == [NAT, NAT]
    # A push goes to both, each acknowledges for itself.
    world.groups.clear_statistics("G1")
    world.commit(
        V2_BLOCK,
        "set security group-vpn server group G1 server-member-communication "
        "encryption-algorithm aes-128-cbc",
    )
    for n, member in enumerate(members, 1):
        for datagram in member.receive(world.pushed[-1], world.now) + member.tick(world.now + 2):
            world.endpoint.receive(datagram, (NAT, 60000 + n), world.now + 2)
    assert world.listed()[1].push_acknowledged == 2
    # One that comes back from its own place is not a third.
    world.exchange(members[0].start(world.now), members[0], NAT)
    assert len(world.listed()[0]) == 2


def _pull(world: World, sa: Phase1Sa, identity: Identification):
    exchange = sa.exchange(GdoiExchange.GROUPKEY_PULL, new_message_id())
    message = exchange.seal(
        [Payload(PayloadType.NONCE, bytes(20)), Payload(PayloadType.ID, identity.encode())]
    )
    return world.endpoint.receive(message, (GM, 848), world.now)


@pytest.mark.parametrize(
    "identity",
    [
        Identification(IdType.KEY_ID, b"\1"),
        Identification(IdType.KEY_ID, bytes(5)),
        Identification(IdType.FQDN, b"G1"),
        group_identity(77),
    ],
)
def test_an_identity_that_is_no_group_of_ours_is_answered(signing_key, identity):
    world = World(signing_key)
    sa = _established(world)
    answer, events = _pull(world, sa, identity)
    assert Notification.decode(_told(sa, answer).body).type == NotifyType.INVALID_ID_INFORMATION
    assert len(events) == 1


def test_a_pull_that_fails_counts_at_the_group_that_it_names_or_at_each_of_its_gateway(signing_key):
    server = "set security group-vpn server "
    other = f"{server}ike gateway other "
    own = f"{server}group G3 "
    extra = (
        f"{other}ike-policy pol",
        f"{other}address 192.0.2.99",
        f"{own}group-id 3",
        f"{own}ike-gateway other",
        f"{own}ipsec-sa sa-1 proposal esp",
        f"{own}ipsec-sa sa-1 match-policy any source 10.0.0.0/8",
        f"{own}ipsec-sa sa-1 match-policy any destination 10.0.0.0/8",
    )
    world = World(signing_key, extra=extra)
    sa = _established(world)

    def failed():
        return [world.listed(name)[1].pull_failed for name in ("G1", "G2", "G3")]

    _pull(world, sa, group_identity(3))
    assert failed() == [0, 0, 1]
    _pull(world, sa, Identification(IdType.KEY_ID, b"\1"))
    assert failed() == [1, 1, 1]


def test_quick_mode_of_an_ordinary_peer_is_logged_once(signing_key):
    world = World(signing_key)
    sa = _established(world)
    seen = []
    for _ in range(3):
        exchange = sa.exchange(GdoiExchange.GROUPKEY_PULL, new_message_id())
        offer = [Payload(PayloadType.SA, bytes(8)), Payload(PayloadType.NONCE, bytes(16))]
        quick = exchange.seal(offer)
        for _ in range(2):
            _, events = world.endpoint.receive(quick, (GM, 848), world.now)
            seen += events
    assert len(seen) == 1
    assert world.listed()[1].pull_failed == 1
    # And of one that we do not know any more.
    foreign = [world.endpoint.receive(b"\7" * 16 + quick[16:], (GM, 848), 0)[1] for _ in range(3)]
    assert [len(events) for events in foreign] == [1, 0, 0]


_IDS = GapAttribute.SENDER_ID_REQUEST


@pytest.mark.parametrize(
    ("asked_for", "named"),
    [
        ((Attribute.short(_IDS, 3),), "SENDER_ID_REQUEST for 3"),
        ((Attribute.short(99, 3),), "attribute 99"),
        ((Attribute.short(_IDS, 3), Attribute.short(_IDS, 3)), "attribute 3 twice"),
        ((Attribute.long(_IDS, b"\0\3"),), "attribute 3 in variable form"),
        ((Attribute.short(GapAttribute.HEARTBEAT_INTERVAL, 3),), "attribute 128"),
    ],
)
def test_what_a_member_asks_for_in_message_3_is_answered_by_name(signing_key, asked_for, named):
    world = World(signing_key)
    sa = _established(world)
    exchange = sa.exchange(GdoiExchange.GROUPKEY_PULL, new_message_id())
    nonce = Payload(PayloadType.NONCE, bytes(20))
    asked = [nonce, Payload(PayloadType.ID, group_identity(1).encode())]
    answer, _ = world.endpoint.receive(exchange.seal(asked), (GM, 848), world.now)
    theirs, _ = exchange.open(Header.decode(answer), answer, known=bytes(20))
    gap = GroupAssociatedPolicy(asked_for).encode()
    message = exchange.seal([Payload(PayloadType.GAP, gap)], known=bytes(20) + theirs.body)
    answer, events = world.endpoint.receive(message, (GM, 848), world.now)
    assert bool(world.listed()[0]) is ("SENDER_ID_REQUEST" in named)
    refused = [event for event in events if isinstance(event, RefusedPeer)]
    assert named in refused[0].reason

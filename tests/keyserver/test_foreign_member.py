# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Cisco's GDOI reference code needs of a key server, as found when it was the member."""

from __future__ import annotations

import pytest

from keyserver.gdoi.arrival import Peer
from keyserver.gdoi.numbers import KEK_DELETE_PROTOCOL, IpsecAttribute, TekProtocol
from keyserver.gdoi.payloads import Profile
from keyserver.groups import groupkey_push
from keyserver.groups.pushes import Door, MulticastTarget
from keyserver.ike.numbers import IdType
from tests.keyserver.test_rekey import MULTICAST, V1_BLOCK
from tests.keyserver.world import GM, V1_SMC, World

CISCO = Profile.CISCO_REFERENCE
PUSH_PORT = 8848


@pytest.fixture
def sent(monkeypatch):
    """Every push that is sealed from now on."""
    pushes = []
    seal = groupkey_push.seal_push
    monkeypatch.setattr(
        groupkey_push, "seal_push", lambda push, *rest: pushes.append(push) or seal(push, *rest)
    )
    return pushes


def test_to_the_reference_implementation_a_destination_of_one_host_is_an_address(signing_key):
    for profile, kind in (
        (Profile.CISCO_REFERENCE, IdType.IPV4_ADDR),
        (Profile.RFC6407, IdType.IPV4_ADDR_SUBNET),
    ):
        world = World(signing_key, "v1", profile=profile)
        world.text = world.text.replace("203.0.113.0/24", "203.0.113.7/32")
        world.commit()
        world.run(world.member())
        (tek,) = world.grants[-1].sa.teks
        assert tek.destination.type == kind
        assert tek.source.type == IdType.IPV4_ADDR_SUBNET
        assert IpsecAttribute.LIFE_DURATION in {a.type for a in tek.attributes}


@pytest.mark.parametrize("profile", list(Profile))
def test_a_kek_that_rolls_goes_by_the_old_ones_spi_for_the_reference_implementation(
    signing_key, profile, sent
):
    world = World(signing_key, "v1", extra=(V1_BLOCK,), profile=profile)
    (member,) = world.joined(1)
    old = member.keys.kek.kek.spi
    world.commit(V1_BLOCK, V1_SMC + "encryption-algorithm aes-128-cbc")
    (push,) = sent
    (packet,) = [p for p in push.keys.packets if p.type == 2]
    assert (packet.spi == old) is (profile is Profile.CISCO_REFERENCE)
    assert push.sa.kek.spi == member.keys.kek.kek.spi != old


def _renewed(world: World):
    """The one datagram that new keys are sent in."""
    world.device.groups.by_name["G1"].clear(world.now)
    (sent,) = world.device.take(world.now)[0]
    return sent


@pytest.mark.parametrize("profile", list(Profile))
def test_a_multicast_push_goes_to_the_port_that_the_policy_names(signing_key, profile):
    world = World(signing_key, "v1", extra=(MULTICAST,), profile=profile, push_port=PUSH_PORT)
    (member,) = world.joined(1)
    sent = _renewed(world)
    assert isinstance(sent.to, MulticastTarget)
    assert (sent.to.group, sent.to.port) == member.multicast
    assert (sent.to.port, sent.door) == (PUSH_PORT, Door.PUSH)


@pytest.mark.parametrize(
    ("profile", "ours", "port"),
    [(CISCO, False, PUSH_PORT), (CISCO, True, 848), (Profile.RFC6407, False, 848)],
)
def test_the_reference_implementation_waits_for_unicast_pushes_where_the_policy_says(
    signing_key, profile, ours, port
):
    world = World(signing_key, "v1", extra=(V1_BLOCK,), profile=profile, push_port=PUSH_PORT)
    group = world.groups.by_name["G1"]
    # A member of ours, in whatever profile, has no other port than its own.
    peer = Peer("gm-1", (GM, 848), extended=ours)
    promise = group.pull.promise(peer, world.now)
    group.pull.enter(peer, promise, world.now)
    assert promise.grant.sa.kek.destination.port == PUSH_PORT
    assert _renewed(world).to == ((GM, port),)


def test_a_member_of_ours_in_the_reference_implementations_profile_hears_unicast_pushes(
    signing_key,
):
    world = World(signing_key, "v1", extra=(V1_BLOCK,), profile=CISCO, push_port=PUSH_PORT)
    (member,) = world.joined(1)
    world.commit(V1_BLOCK, V1_SMC + "encryption-algorithm aes-128-cbc")
    assert "rekeyed" in [event.event for event in member.events]


def test_without_a_port_for_pushes_they_go_to_where_a_member_came_from(signing_key):
    world = World(signing_key, "v1", extra=(V1_BLOCK,), profile=CISCO)
    world.joined(1)
    assert _renewed(world).to == ((GM, 848),)


def _deletes(signing_key, sent, profile):
    world = World(signing_key, "v1", extra=(V1_BLOCK,), profile=profile)
    (member,) = world.joined(1)
    held, kek = set(member.keys.traffic.receives_with), member.keys.kek.kek.spi
    world.groups.clear("G1", immediately=True, now=world.now)
    world.flush()
    assert member.keys.tek_spis() == ()
    assert not member.keys.keks
    return sent[-1].deletes, held, kek


def test_a_deletion_names_every_association_for_who_knows_no_word_for_all(signing_key, sent):
    (teks, keks), held, kek = _deletes(signing_key, sent, CISCO)
    assert (teks.protocol, {spi.hex() for spi in teks.spis}) == (TekProtocol.ESP, held)
    assert (keks.protocol, keks.spis) == (KEK_DELETE_PROTOCOL, (kek,))


def test_a_deletion_of_everything_is_one_word_in_the_rfc(signing_key, sent):
    (teks, keks), _, _ = _deletes(signing_key, sent, Profile.RFC6407)
    assert (teks.spis, keks.spis) == ((bytes(4),), (bytes(16),))

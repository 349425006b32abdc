# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a member installs, and what it refuses by name: policies and keys that cannot work."""

from __future__ import annotations

import dataclasses

import pytest

from keyserver.gdoi.numbers import IpsecAttribute, KeyPacketType, SaDirection, TekKeyAttribute
from keyserver.gdoi.payloads import GroupAssociatedPolicy, KeyPacket, SaTek, Selector
from keyserver.ike.wire import Attribute, MalformedPayload
from keyserver.member.associations import traffic_keys, traffic_sa
from keyserver.member.registrations import MemberState
from tests.keyserver.world import GM, V1_SMC, World

BLOCK = V1_SMC + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"
SHORT, LONG = Attribute.short, Attribute.long
HOST = Selector.host("192.0.2.1", 0)
NETWORK = Selector.prefix("192.0.2.0/25", 0)


def sat(
    *more,
    protocol=1,
    transform=12,
    spi=b"\1\2\3\4",
    seconds=3600,
    bits=256,
    integrity=5,
    source=NETWORK,
):
    """A SAT that a member takes, but for what is given."""
    attributes = [SHORT(1, 1), LONG(2, seconds.to_bytes(4, "big"))] if seconds is not None else []
    attributes += [SHORT(6, bits)] if bits else []
    attributes += [SHORT(5, integrity)] if integrity else []
    return SaTek(protocol, 0, source, HOST, transform, spi, (*attributes, *more))


def keys(encryption=32, integrity=32, *more):
    packets = (
        (TekKeyAttribute.ALGORITHM_KEY, encryption),
        (TekKeyAttribute.INTEGRITY_KEY, integrity),
    )
    attributes = tuple(LONG(kind, bytes(size)) for kind, size in packets if size is not None)
    return KeyPacket(KeyPacketType.TEK, b"\1\2\3\4", (*attributes, *more))


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        (sat(transform=99), "transform 99"),
        (sat(transform=20), "transform 20"),
        (sat(protocol=2, transform=12), "AH transform 12"),
        (sat(protocol=2, transform=2, integrity=5), "AH transform 2"),
        (sat(protocol=2, transform=5, integrity=None), "AH transform 5"),
        (sat(bits=255), "6 (KEY_LENGTH): 255"),
        (sat(bits=40), "6 (KEY_LENGTH): 40"),
        (sat(transform=3, bits=128), "6 (KEY_LENGTH): 128"),
        (sat(integrity=99), "5 (AUTHENTICATION_ALGORITHM): 99"),
        (sat(SHORT(4, 3)), "4 (ENCAPSULATION_MODE): 3"),
        (sat(SHORT(14, 9)), "14 (ADDRESS_PRESERVATION): 9"),
        (sat(SHORT(14, 1)), "14 (ADDRESS_PRESERVATION): 1 (NONE) in tunnel mode"),
        (sat(SHORT(4, 1), SHORT(14, 2)), "14 (ADDRESS_PRESERVATION): 2 (SOURCE_ONLY) in tunnel"),
        (sat(SHORT(15, 4)), "15 (SA_DIRECTION): 4"),
        (sat(SHORT(11, 2)), "11 (EXTENDED_SEQUENCE_NUMBER): 2"),
        (sat(SHORT(7, 2)), "attribute 7 is unknown"),
        (sat(SHORT(99, 2)), "attribute 99 is unknown"),
        (sat(SHORT(32000, 2)), "attribute 32000 is unknown"),
        (sat(SHORT(6, 256)), "attribute 6 twice"),
        (sat(seconds=0), "a life of 0"),
        (sat(LONG(2, b"\0\0\1\0")), "without a life type"),
        (sat(SHORT(1, 1), SHORT(2, 600)), "two that contradict"),
        (sat(SHORT(1, 7), SHORT(2, 600)), "1 (LIFE_TYPE): 7"),
        (sat(SHORT(1, 61439), SHORT(2, 600)), "1 (LIFE_TYPE): 61439"),
        (sat(spi=b"\0\0\0\xff"), "SPI 000000ff is reserved"),
        (sat(source=Selector(5, 0, bytes(16))), "one is of IPv4, the other of IPv6"),
        (sat(source=Selector(1, 0, b"\1\2\3")), "source of type 1 with 3 octets"),
        (sat(source=Selector(200, 0, b"\1")), "source of type 200"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_policy_that_cannot_work_is_refused_by_name(policy, named):
    with pytest.raises(MalformedPayload) as refusal:
        traffic_sa(policy)
    assert named in str(refusal.value)


@pytest.mark.parametrize(
    ("packet", "named"),
    [
        (keys(encryption=5), "1 (ALGORITHM_KEY) of 5 octets"),
        (keys(encryption=16), "1 (ALGORITHM_KEY) of 16 octets"),
        (keys(encryption=40), "1 (ALGORITHM_KEY) of 40 octets"),
        (keys(32, 33), "2 (INTEGRITY_KEY) of 33 octets"),
        (keys(encryption=None), "1 (ALGORITHM_KEY) of 0 octets"),
        (keys(32, None), "2 (INTEGRITY_KEY) of 0 octets"),
        (keys(32, 20), "2 (INTEGRITY_KEY) of 20 octets"),
        (keys(32, 32, LONG(3, b"x")), "3 (SOURCE_AUTH_KEY)"),
        (keys(32, 32, LONG(9, b"x")), "attribute 9"),
        (dataclasses.replace(keys(), type=3), "type 3"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_keys_that_do_not_fit_are_refused_by_name(packet, named):
    with pytest.raises(MalformedPayload) as refusal:
        traffic_keys(traffic_sa(sat()), packet)
    assert named in str(refusal.value)


def test_a_life_in_seconds_and_kilobytes_is_taken():
    sa = traffic_sa(sat(SHORT(1, 2), LONG(2, (10**6).to_bytes(4, "big"))))
    assert (sa.seconds, sa.kilobytes) == (3600, 10**6)
    again = traffic_sa(sat(SHORT(1, 1), SHORT(2, 3600)))
    assert again.seconds == 3600
    assert traffic_sa(sat(seconds=None)).seconds == 28800


@pytest.mark.parametrize("octets", [2, 4, 8])
def test_a_life_may_have_any_length(octets):
    policy = sat(SHORT(1, 1), LONG(2, (900).to_bytes(octets, "big")), seconds=None)
    assert traffic_sa(policy).seconds == 900


def test_what_is_reserved_for_private_use_is_passed_over():
    assert traffic_sa(sat(SHORT(32001, 5), LONG(32767, b"anything"))).seconds == 3600
    assert traffic_sa(sat(SHORT(1, 61440), SHORT(2, 5))).seconds == 3600


@pytest.mark.parametrize(
    ("transform", "bits", "integrity", "sizes"),
    [
        (2, None, 1, (8, 16)),
        (3, None, 2, (24, 20)),
        (12, None, 5, (16, 32)),
        (12, 128, 1, (16, 16)),
        (12, 192, 2, (24, 20)),
        (12, 256, 5, (32, 32)),
        (12, 256, None, (32, None)),
    ],
)
def test_what_is_legal_is_installed(transform, bits, integrity, sizes):
    sa = traffic_sa(sat(transform=transform, bits=bits, integrity=integrity))
    found = traffic_keys(sa, keys(*sizes))
    assert (len(found.encryption), len(found.integrity)) == (sizes[0], sizes[1] or 0)


def test_ah_has_an_integrity_key_alone():
    sa = traffic_sa(sat(protocol=2, transform=5, bits=None))
    assert sa.cipher is None
    assert len(traffic_keys(sa, keys(None, 32)).integrity) == 32
    with pytest.raises(MalformedPayload):
        traffic_keys(sa, keys(32, 32))


def spoiled(world, alter):
    """What the server grants from now on is altered before it is sent."""
    begin = world.groups.begin

    def altered(*arguments):
        registration = begin(*arguments)
        return dataclasses.replace(registration, grant=alter(registration.grant))

    world.groups.begin = altered


def with_tek_attribute(grant, attribute):
    tek = grant.sa.teks[0]
    altered = dataclasses.replace(tek, attributes=(*tek.attributes, attribute))
    policy = dataclasses.replace(grant.sa, teks=(altered, *grant.sa.teks[1:]))
    return dataclasses.replace(grant, sa=policy)


def with_gap_attribute(grant, attribute):
    gap = GroupAssociatedPolicy((*grant.sa.gap.attributes, attribute))
    return dataclasses.replace(grant, sa=dataclasses.replace(grant.sa, gap=gap))


def with_kek_attribute(grant, attribute):
    kek = grant.sa.kek
    kek = dataclasses.replace(kek, attributes=(*kek.attributes, attribute))
    return dataclasses.replace(grant, sa=dataclasses.replace(grant.sa, kek=kek))


def without_integrity_key(grant, _attribute):
    packets = tuple(
        dataclasses.replace(p, attributes=tuple(a for a in p.attributes if a.type != 2))
        if p.type == KeyPacketType.TEK
        else p
        for p in grant.keys.packets
    )
    return dataclasses.replace(grant, keys=dataclasses.replace(grant.keys, packets=packets))


@pytest.mark.parametrize(
    ("alter", "named"),
    [
        (with_tek_attribute, "SAT: attribute 77 is unknown"),
        (with_gap_attribute, "GAP: attribute 77 is unknown"),
        (with_kek_attribute, "SAK: attribute 77 is unknown"),
        (without_integrity_key, "2 (INTEGRITY_KEY)"),
    ],
)
def test_a_member_that_cannot_do_what_is_granted_says_why_and_ends_phase_1(
    signing_key, alter, named
):
    world = World(signing_key, extra=(BLOCK,))
    spoiled(world, lambda grant: alter(grant, SHORT(77, 1)))
    member = world.member()
    world.run(member)
    assert member.state is MemberState.WAITING
    assert named in member.events[-1].reason
    assert not member.keys.teks
    # RFC 6407 §3.3: the phase 1 SA is deleted.
    assert world.endpoint.associations(world.now) == []


def test_a_refused_grant_leaves_the_keys_that_are_held(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    (member,) = world.joined(1)
    held = member.held()
    spoiled(world, lambda grant: with_tek_attribute(grant, SHORT(77, 1)))
    world.exchange(member.start(world.now), member, GM)
    assert member.state is MemberState.WAITING
    assert member.held() == held


def directed(world, direction):
    """The server's policy is for one direction from now on."""

    def alter(grant):
        tek = grant.sa.teks[0]
        one_way = SHORT(IpsecAttribute.SA_DIRECTION, direction)
        tek = dataclasses.replace(tek, attributes=(*tek.attributes, one_way))
        return dataclasses.replace(grant, sa=dataclasses.replace(grant.sa, teks=(tek,)))

    spoiled(world, alter)


def test_a_policy_for_receiving_only_is_not_sent_with(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    directed(world, SaDirection.RECEIVER_ONLY)
    (member,) = world.joined(1)
    assert member.held().sends_with is None
    assert len(member.held().receives_with) == 1


def test_a_policy_for_sending_only_is_not_received_with(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    directed(world, SaDirection.SENDER_ONLY)
    (member,) = world.joined(1)
    assert member.held().sends_with is not None
    assert member.held().receives_with == ()

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Another's gear: odd but legal exchanges are done, others refused by name, nothing piles up."""

from __future__ import annotations

import ipaddress
import struct

import pytest

from tests.keyserver import stranger as wire
from tests.keyserver.stranger import (
    AGGRESSIVE,
    ALGORITHMS,
    DAY,
    Manner,
    Stranger,
    delete,
    identity,
    notify,
    proposal,
    sa,
    tlv,
    tv,
)
from tests.keyserver.test_rekey import V2_BLOCK
from tests.keyserver.world import GM, World
from tests.lab import PSK

NO_PROPOSAL, MALFORMED, INVALID_ID, UNSUPPORTED, INVALID_EXCHANGE = 14, 16, 18, 13, 7
INVALID_MESSAGE_ID = 9
INITIAL_CONTACT, R_U_THERE, R_U_THERE_ACK = 24578, 36136, 36137
VENDORS = [(wire.VENDOR, bytes([n]) * 16) for n in range(18)]
TRIPLE_DES = tv(1, 5) + tv(2, 2) + tv(3, 1) + tv(4, 2)
SIGNED = tv(1, 7) + tv(14, 256) + tv(2, 4) + tv(3, 3) + tv(4, 14)


def life(kind, value, size=None):
    """A life of a kind, as long as that many octets, or in the short form."""
    duration = tv(12, value) if size is None else tlv(12, value.to_bytes(size, "big"))
    return tv(11, kind) + duration


@pytest.fixture
def world(signing_key):
    return World(signing_key, extra=(V2_BLOCK,), aggressive=True)


def carrier(world, source=(GM, 848)):
    def say(datagram):
        answer, events = world.endpoint.receive(datagram, source, world.now)
        world.events += events
        return answer

    return say


def stranger(world, manner=None, source=(GM, 848), **own):
    return Stranger(
        carrier(world, source), PSK.encode(), ipaddress.ip_address(GM).packed, manner, **own
    )


def beside(**numbered):
    return {int(name[1:]): pieces for name, pieces in numbered.items()}


CONTACT = [(wire.NOTIFY, notify(INITIAL_CONTACT))]
LEGAL = {
    "as usual": Manner(),
    "payloads in reverse": Manner(in_reverse=True),
    "a cookie that begins as the non-ESP marker does": Manner(cookie=bytes(7) + b"\1"),
    "many vendor ids": Manner(beside=beside(n1=VENDORS, n3=VENDORS)),
    "initial contact in message 5": Manner(beside=beside(n5=CONTACT)),
    "a vendor id in message 5": Manner(beside=beside(n5=VENDORS[:1])),
    "nat-d without asking": Manner(beside=beside(n3=[(wire.NAT_D, bytes(32))] * 2)),
    "a certificate request": Manner(beside=beside(n3=[(wire.CR, b"\4")])),
    "nonce of 8 octets": Manner(nonce=8),
    "nonce of 256 octets": Manner(nonce=256),
    "minor version 1": Manner(version=0x11),
    "commit flag": Manner(flags=2),
    "no life": Manner(sa=sa(proposal(ALGORITHMS))),
    "life in the short form": Manner(sa=sa(proposal(ALGORITHMS + life(1, 3600)))),
    "life of 8 octets": Manner(sa=sa(proposal(ALGORITHMS + life(1, 86400, 8)))),
    "life of 3 octets": Manner(sa=sa(proposal(ALGORITHMS + life(1, 86400, 3)))),
    "a life beyond 32 bits": Manner(sa=sa(proposal(ALGORITHMS + life(1, 2**40, 6)))),
    "seconds and kilobytes": Manner(sa=sa(proposal(ALGORITHMS + DAY + life(2, 1000, 4)))),
    "a private kind of life": Manner(sa=sa(proposal(ALGORITHMS + life(65001, 9) + DAY))),
    "life first": Manner(sa=sa(proposal(DAY + ALGORITHMS))),
    "the second transform": Manner(sa=sa(proposal(TRIPLE_DES + DAY, ALGORITHMS + DAY))),
    "the second proposal": Manner(
        sa=sa(proposal(TRIPLE_DES + DAY, following=2), proposal(ALGORITHMS + DAY, number=2))
    ),
    "the last of 255 transforms": Manner(
        sa=sa(proposal(*[TRIPLE_DES + DAY] * 254, ALGORITHMS + DAY))
    ),
    "certificates offered first": Manner(sa=sa(proposal(SIGNED + DAY, ALGORITHMS + DAY))),
    "an SPI in the proposal": Manner(sa=sa(proposal(ALGORITHMS + DAY, spi=bytes(8)))),
    "a proposal from 0": Manner(sa=sa(proposal(ALGORITHMS + DAY, number=0))),
    "an unknown attribute in the first": Manner(
        sa=sa(proposal(ALGORITHMS + DAY + tv(16384, 7), ALGORITHMS + DAY))
    ),
    "aggressive": Manner(mode=AGGRESSIVE),
    "aggressive, message 3 in clear": Manner(mode=AGGRESSIVE, seals_last=False),
    "aggressive in reverse": Manner(mode=AGGRESSIVE, in_reverse=True),
    "aggressive with vendor ids": Manner(mode=AGGRESSIVE, beside=beside(n1=VENDORS, n3=CONTACT)),
}


@pytest.mark.parametrize("manner", LEGAL.values(), ids=LEGAL)
def test_what_is_legal_registers(world, manner):
    assert stranger(world, manner).registers()
    assert [member.address for member in world.groups.views(world.now)[0].members] == [GM]
    assert world.endpoint.half_open == 0


OTHERS = {
    "DOI 1": (Manner(sa=sa(proposal(ALGORITHMS + DAY), doi=1)), NO_PROPOSAL),
    "256 transforms": (
        Manner(
            sa=sa(
                proposal(*[TRIPLE_DES + DAY] * 254, following=2),
                proposal(*[ALGORITHMS + DAY] * 2, number=2),
            )
        ),
        MALFORMED,
    ),
    "certificates alone": (Manner(sa=sa(proposal(SIGNED + DAY))), NO_PROPOSAL),
    "other algorithms": (Manner(sa=sa(proposal(TRIPLE_DES + DAY))), NO_PROPOSAL),
    "an unknown attribute": (Manner(sa=sa(proposal(ALGORITHMS + tv(16384, 7)))), NO_PROPOSAL),
    "no proposal": (Manner(sa=sa()), MALFORMED),
    "two SA payloads": (Manner(beside=beside(n1=[(wire.SA, wire.USUAL_SA)])), MALFORMED),
    "a payload of type 200": (Manner(beside=beside(n1=[(200, b"x")])), MALFORMED),
    "nonce of 7 octets": (Manner(nonce=7), MALFORMED),
    "nonce of 257 octets": (Manner(nonce=257), MALFORMED),
    "two nonces": (Manner(beside=beside(n3=[(wire.NONCE, bytes(16))])), MALFORMED),
}


@pytest.mark.parametrize(("manner", "expected"), OTHERS.values(), ids=OTHERS)
def test_what_is_not_is_refused_by_name(world, manner, expected):
    found = stranger(world, manner).phase1()
    assert struct.unpack_from("!H", found[wire.NOTIFY], 6) == (expected,)
    assert world.events
    assert not world.groups.views(world.now)[0].members


@pytest.mark.parametrize(
    "own",
    [identity(2, b"site.example.net"), identity(9, b"\x30\x00"), identity(1, bytes(4))],
    ids=["name", "DER", "address"],
)
@pytest.mark.parametrize("mode", [wire.MAIN, AGGRESSIVE])
def test_an_identity_that_is_not_the_gateways_is_refused_by_name(world, own, mode):
    end = stranger(world, Manner(mode=mode), own_id=own)
    if mode == wire.MAIN:
        found = end.phase1()
        assert struct.unpack_from("!H", found[wire.NOTIFY], 6) == (INVALID_ID,)
    else:
        answer = end.say(end.first())
        assert end.is_told(answer)


@pytest.mark.parametrize("ports", [(17, 500), (17, 848), (0, 0), (17, 0)])
def test_protocol_and_port_of_an_identity_say_nothing(world, ports):
    packed = ipaddress.ip_address(GM).packed
    assert stranger(world, own_id=identity(1, packed, *ports)).registers()


GROUPS = {
    "1 octet": identity(11, b"\1"),
    "3 octets": identity(11, b"\0\0\1"),
    "5 octets": identity(11, b"\0\0\0\0\1"),
    "200 octets": identity(11, bytes(199) + b"\1"),
    "none": identity(11, b""),
    "a name": identity(2, b"G1"),
    "a distinguished name": identity(9, b"\x30\x00"),
    "an address": identity(1, b"\0\0\0\1"),
    "no group of ours": identity(11, b"\0\0\0\x63"),
}


@pytest.mark.parametrize("asked", GROUPS.values(), ids=GROUPS)
def test_what_is_no_group_is_answered_and_the_next_pull_is_done(world, asked):
    end = stranger(world)
    end.phase1()
    answer, *_ = end.ask(asked)
    assert end.told(answer) == [INVALID_ID]
    brought, _ = end.confirm(end.ask())
    assert wire.KD in brought


@pytest.mark.parametrize(("size", "ok"), [(8, True), (128, True), (7, False), (129, False)])
def test_nonces_of_a_pull_have_8_to_128_octets(world, size, ok):
    end = stranger(world)
    end.phase1()
    asked = end.ask(nonce=size)
    if ok:
        assert wire.KD in end.confirm(asked)[0]
    else:
        assert end.told(asked[0]) == [MALFORMED]


BESIDES = {
    "in reverse": {"in_reverse": True},
    "a vendor id": {"more": VENDORS[:1]},
    "a notification": {"more": CONTACT},
}


@pytest.mark.parametrize("more", BESIDES.values(), ids=BESIDES)
def test_a_pull_may_be_laid_out_otherwise(world, more):
    assert stranger(world).registers(**more)


THIRD = {
    "sender ids": ([(wire.GAP, tv(3, 1))], None),
    "an empty GAP": ([(wire.GAP, b"")], None),
    "a vendor id": (VENDORS[:1], None),
    "initial contact": (CONTACT, None),
    "an unknown attribute": ([(wire.GAP, tv(9, 1))], [UNSUPPORTED]),
    "a nonce": ([(wire.NONCE, bytes(16))], [MALFORMED]),
    "that it cannot": ([(wire.NOTIFY, notify(UNSUPPORTED))], [MALFORMED]),
}


@pytest.mark.parametrize(("more", "refused"), THIRD.values(), ids=THIRD)
def test_message_3_may_ask_for_more_and_is_answered_by_name(world, more, refused):
    end = stranger(world)
    end.phase1()
    brought, _ = end.confirm(end.ask(), more)
    if refused is None:
        assert wire.KD in brought
    else:
        assert end.told(brought) == refused
        assert not world.groups.views(world.now)[0].members


def test_what_is_repeated_gets_the_same_answer_and_makes_nothing(world):
    end, answers = stranger(world), []
    once = end.say

    def twice(datagram):
        first, second = once(datagram), once(datagram)
        answers.append((first, second))
        return first

    end.say = twice
    assert end.registers()
    assert [a == b for a, b in answers] == [True] * 5
    assert world.endpoint.half_open == 0
    assert len(world.endpoint.associations(world.now)) == 1
    assert len(world.groups.views(world.now)[0].members) == 1


def test_a_first_message_that_comes_late_again_makes_no_second_registration(world):
    end = stranger(world)
    first = end.first()
    end.first = lambda: first
    assert end.registers()
    for _ in range(20):
        end.say(first)
    assert world.endpoint.half_open <= 1
    world.now += 61
    world.device.expire(world.now)
    assert world.endpoint.half_open == 0


def test_of_several_transforms_the_first_that_is_taken_is_answered_as_it_was_offered(world):
    """RFC 2408 §4.2: with its own number and attributes, and alone."""
    hour = tv(11, 1) + tv(12, 3600)
    offered = proposal(TRIPLE_DES + DAY, ALGORITHMS + hour, ALGORITHMS + DAY)
    end = stranger(world, Manner(sa=sa(offered)))
    answer = dict(end.read(end.say(end.first())))[wire.SA]
    one = wire.transform(ALGORITHMS + hour, number=2)
    assert answer == sa(offered)[:10] + struct.pack("!HBBBB", 8 + len(one), 1, 1, 0, 1) + one
    assert end.registers()


def test_two_registrations_at_once_from_one_address_are_both_done(world):
    one, other = stranger(world), stranger(world, Manner(mode=AGGRESSIVE))
    other_first = other.say(other.first())
    one.phase1()
    first = one.ask()
    other.cookies = other.cookies[:8] + other_first[8:16]
    other.end_aggressively(dict(other.read(other_first)))
    second = other.ask()
    assert wire.KD in one.confirm(first)[0]
    assert wire.KD in other.confirm(second)[0]
    assert len(world.groups.views(world.now)[0].members) == 1


def test_several_pulls_under_one_phase_1_do_not_mix(world):
    end = stranger(world)
    end.phase1()
    asked = [end.ask(identity(11, bytes([0, 0, 0, n]))) for n in (1, 2, 1)]
    brought = [end.confirm(one)[0] for one in reversed(asked)]
    assert all(wire.KD in one for one in brought)
    assert brought[0][wire.KD] == brought[2][wire.KD] != brought[1][wire.KD]


def test_every_group_of_a_server_may_be_asked_for_at_once(world):
    end = stranger(world)
    end.phase1()
    for _ in range(2):
        asked = [end.ask(identity(11, bytes([0, 0, 0, 1 + n % 2]))) for n in range(50)]
        assert all(wire.KD in end.confirm(one)[0] for one in asked)
    assert len(_left(world)) == 1


def test_a_commit_that_takes_one_group_away_leaves_the_pull_for_the_other_alone(world):
    end = stranger(world)
    end.phase1()
    kept, gone = (end.ask(identity(11, bytes([0, 0, 0, n]))) for n in (1, 2))
    world.text = "".join(line for line in world.text.splitlines(True) if "group G2" not in line)
    world.commit(V2_BLOCK)
    assert end.told(end.confirm(gone)[0]) == [INVALID_ID]
    assert wire.KD in end.confirm(kept)[0]
    assert len(_left(world)) == 1
    assert wire.KD in end.confirm(end.ask())[0]


def test_a_pull_whose_keys_everybody_was_told_to_delete_is_refused(world):
    """RFC 6407 §3.3: message 4 could bring but the keys of message 2, which nobody has any more."""
    late = stranger(world)
    late.phase1()
    asked = late.ask()
    world.groups.clear("G1", immediately=True, now=world.now)
    assert stranger(world).registers()
    assert late.told(late.confirm(asked)[0]) == [INVALID_MESSAGE_ID]
    assert wire.KD in late.confirm(late.ask())[0]


INFORMED = {
    "initial contact": CONTACT,
    "an unknown error": [(wire.NOTIFY, notify(8191))],
    "an unknown status": [(wire.NOTIFY, notify(40000, data=bytes(300)))],
    "of the IPsec DOI": [(wire.NOTIFY, notify(24576, bytes(16), doi=1))],
    "ESP SPIs": [(wire.DELETE, delete(3, 4, b"abcd", b"efgh"))],
    "no SPIs": [(wire.DELETE, delete(1, 16))],
    "SPIs of 3 octets": [(wire.DELETE, delete(3, 3, b"abc"))],
    "SPIs of 0 octets": [(wire.DELETE, delete(1, 0))],
    "SPIs that are not there": [(wire.DELETE, delete(1, 16)[:-2] + b"\0\x09")],
    "another phase 1": [(wire.DELETE, delete(1, 16, bytes(16)))],
    "cut off": [(wire.DELETE, b"\0")],
    "a notification that is cut off": [(wire.NOTIFY, b"\0\0")],
}


@pytest.mark.parametrize("pieces", INFORMED.values(), ids=INFORMED)
def test_what_informs_of_something_else_leaves_the_phase_1_alone(world, pieces):
    end = stranger(world)
    end.phase1()
    datagram, _, _ = end.protected(wire.INFORMATIONAL, pieces)
    assert end.say(datagram) is None
    assert wire.KD in end.confirm(end.ask())[0]


def _left(world):
    return [view.initiator_cookie for view in world.endpoint.associations(world.now)]


@pytest.mark.parametrize("mode", [wire.MAIN, AGGRESSIVE])
def test_who_begins_anew_has_no_phase_1_of_before(world, mode):
    before = [stranger(world, Manner(mode=mode)) for _ in range(2)]
    for end in before:
        assert end.registers()
    assert len(_left(world)) == 2
    number = "n5" if mode == wire.MAIN else "n3"
    end = stranger(world, Manner(mode=mode, beside=beside(**{number: CONTACT})))
    assert end.registers()
    assert _left(world) == [end.cookies[:8].hex()]
    assert [member.address for member in world.groups.views(world.now)[0].members] == [GM]
    # Under the one of before nobody is answered any longer.
    assert before[0].ask()[0] is None


def test_who_says_so_later_has_none_either(world):
    for _ in range(2):
        stranger(world).phase1()
    end = stranger(world)
    end.phase1()
    world.endpoint.receive(end.protected(5, CONTACT)[0], (GM, 848), world.now)
    assert _left(world) == [end.cookies[:8].hex()]


def test_in_clear_it_says_nothing(world):
    stranger(world).phase1()
    manner = Manner(mode=AGGRESSIVE, seals_last=False, beside=beside(n3=CONTACT))
    assert stranger(world, manner).registers()
    assert len(_left(world)) == 2


def test_a_phase_1_is_deleted_among_others(world):
    end = stranger(world)
    end.phase1()
    esp = [(wire.DELETE, delete(3, 16, end.cookies))]
    assert end.say(end.protected(wire.INFORMATIONAL, esp)[0]) is None
    assert len(_left(world)) == 1
    pieces = [*CONTACT, (wire.DELETE, delete(1, 16, bytes(16), end.cookies, doi=1))]
    datagram, _, _ = end.protected(wire.INFORMATIONAL, pieces)
    assert end.say(datagram) is None
    assert world.endpoint.associations(world.now) == []


@pytest.mark.parametrize("more", [[], VENDORS[:1], CONTACT], ids=["alone", "vendor", "contact"])
@pytest.mark.parametrize("doi", [1, 2])
def test_a_probe_is_answered(world, doi, more):
    end = stranger(world)
    end.phase1()
    probe = (wire.NOTIFY, notify(R_U_THERE, end.cookies, b"\0\0\0\7", doi))
    datagram, _, _ = end.protected(wire.INFORMATIONAL, [probe, *more])
    answer = end.say(datagram)
    assert end.told(answer) == [R_U_THERE_ACK]
    ((_, body),) = end.opened(answer)
    assert body.endswith(end.cookies + b"\0\0\0\7")


def test_an_ordinary_peers_exchanges_are_refused_and_nothing_is_kept(world):
    end = stranger(world)
    end.phase1()
    quick = [(wire.SA, bytes(8)), (wire.NONCE, bytes(16)), (wire.ID, identity(4, bytes(8)))]
    answers = []
    for _ in range(50):
        datagram, _, _ = end.protected(wire.PULL, quick)
        answers.append(end.told(end.say(datagram)))
    assert answers == [[MALFORMED]] * 50
    assert len([event for event in world.events if "payloads" in str(event)]) == 1
    for exchange in (1, 3, 6, 33, 34, 36, 240):
        datagram, _, _ = end.protected(exchange, quick)
        assert end.say(datagram) is None
    assert wire.KD in end.confirm(end.ask())[0]

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Another's key server: our member takes what is legal, and aborts by name what is not."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives import hashes

from keyserver.gdoi.payloads import Profile
from keyserver.groups.gateways import phase1_proposal
from keyserver.ike.payloads import Identification
from keyserver.ike.proposal import PeerPolicy
from keyserver.member.machine import GroupMember
from keyserver.member.options import MemberOptions
from keyserver.member.registrations import MemberState
from tests.keyserver.strange_server import (
    GAP,
    KEK_ATTRIBUTES,
    Kek,
    StrangeServer,
    Tek,
    download,
    granted,
    group_policy,
    packet,
    selector,
    subnet,
)
from tests.keyserver.stranger import (
    DELETE,
    INFORMATIONAL,
    KD,
    NOTIFY,
    SA,
    SEQ,
    VENDOR,
    Pieces,
    delete,
    notify,
    proposal,
    sa,
    tlv,
    tv,
)
from tests.lab import PSK

OWN, SERVER = "192.0.2.11", "192.0.2.1"
NOW = 1_800_000_000.0
BOTH = pytest.mark.parametrize("profile", list(Profile))
INITIAL_CONTACT, RESPONDER_LIFETIME, NO_PROPOSAL, UNSUPPORTED = 24578, 24576, 14, 13
SIG_LENGTH = tv(7, 1024)
SEVERAL = [
    Tek(),
    Tek(source=subnet("203.0.113"), destination=subnet("198.51.100")),
    Tek(source=selector(1, bytes([192, 0, 2, 9])), destination=selector(4, bytes(8))),
]
MODE = tv(4, 1) + tv(5, 5) + tv(6, 128)
SECONDS, KILOBYTES = tv(1, 1) + tlv(2, b"\0\0\x0e\x10"), tv(1, 2) + tlv(2, b"\0\1\0\0")


@dataclass
class Given:
    """What a server gives; a case alters it."""

    kek: Kek
    teks: list[Tek] = field(default_factory=lambda: [Tek()])
    gap: bytes | None = tv(1, 15)
    sequence: int = 0
    second: Pieces = field(default_factory=list)
    fourth: Pieces = field(default_factory=list)

    def messages(self) -> tuple[Pieces, Pieces]:
        """Payloads of messages 2 and 4."""
        second, fourth = granted(self.teks, self.kek, self.gap, self.sequence)
        return self.second or second, self.fourth or fourth


def member_of(
    profile: Profile = Profile.RFC6407, group: int = 1, servers: int = 1, jitter: float = 0.5
) -> GroupMember:
    policy = PeerPolicy(
        "ks",
        PSK.encode(),
        (phase1_proposal("aes-256-cbc", "sha-256", "group14"),),
        Identification.address(OWN),
        Identification.address(SERVER),
    )
    options = MemberOptions(profile)
    policies = (policy,) * servers
    return GroupMember("site", group, policies, options, jitter=lambda: jitter, address=OWN)


def server_of(second: Pieces, fourth: Pieces) -> StrangeServer:
    return StrangeServer(PSK.encode(), bytes([192, 0, 2, 1]), second, fourth)


def meet(member: GroupMember, server: StrangeServer) -> None:
    """They talk until both are silent."""
    queue = member.start(NOW)
    for _ in range(30):
        if not queue:
            return
        for answer in server.answers(queue.pop(0)):
            queue += member.receive(answer, NOW)
    raise AssertionError("they do not come to an end")


@pytest.fixture
def given(signing_key):
    return Given(Kek(signing_key(""), KEK_ATTRIBUTES + SIG_LENGTH))


def registered(
    given: Given, profile: Profile = Profile.RFC6407, jitter: float = 0.5
) -> GroupMember:
    given.kek.raw = profile is Profile.CISCO_REFERENCE
    member = member_of(profile, jitter=jitter)
    meet(member, server_of(*given.messages()))
    assert member.state is MemberState.REGISTERED, member.events
    return member


def pushed(member: GroupMember, kek: Kek, sequence: int, pieces: Pieces, **more: bytes) -> str:
    """A push reaches it: the first event that comes of it."""
    before = len(member.events)
    member.receive(kek.seal(sequence, pieces, **more), NOW)
    return member.events[before].event


def rekey(teks: list[Tek], kek: Kek | None = None, named: bytes | None = None) -> Pieces:
    """SA and KD of a push."""
    policy = [*([kek.policy()] if kek else []), *(tek.policy() for tek in teks)]
    packets = [tek.packet() for tek in teks] + ([kek.packet(named)] if kek else [])
    return [(SA, group_policy(*policy)), (KD, download(*packets))]


# What is legal


def set_(**changes):
    def alter(given):
        for name, value in changes.items():
            setattr(given, name, value)

    return alter


def life(*attributes):
    return set_(teks=[Tek(attributes=b"".join(attributes))])


def kek_is(attributes, **more):
    def alter(given):
        given.kek.attributes = attributes + SIG_LENGTH
        for name, value in more.items():
            setattr(given.kek, name, value)

    return alter


def second(alter):
    def altered(given):
        given.second = alter(granted(given.teks, given.kek, given.gap)[0])
        given.fourth = granted(given.teks, given.kek)[1]

    return altered


def fourth(alter):
    def altered(given):
        given.fourth = alter(granted(given.teks, given.kek, given.gap)[1])

    return altered


def more_packets(*packets):
    """Key packets beside those that belong there."""
    return fourth(
        lambda told: [
            told[0],
            (KD, struct.pack("!HH", 2 + len(packets), 0) + told[1][1][4:] + b"".join(packets)),
        ]
    )


TOLD = [(NOTIFY, notify(INITIAL_CONTACT)), (VENDOR, b"another's"), (NOTIFY, notify(40000))]
LEGAL = {
    "as usual": lambda given: None,
    "several TEKs": set_(teks=SEVERAL),
    "fifty TEKs": set_(teks=[Tek(source=subnet(f"10.0.{n}")) for n in range(50)]),
    "life in kilobytes alone": life(KILOBYTES, MODE),
    "kilobytes before seconds": life(KILOBYTES, SECONDS, MODE),
    "life in the short form": life(tv(1, 1), tv(2, 3600), MODE),
    "life of three octets": life(tv(1, 1), tlv(2, b"\1\0\0"), MODE),
    "life at the end": life(MODE, SECONDS),
    "attributes in reverse": life(tv(6, 128), tv(5, 5), tv(4, 1), SECONDS),
    "private attributes": life(SECONDS, MODE, tv(32001, 7), tlv(32767, b"whatever")),
    "a private life type": life(SECONDS, tv(1, 65001), tlv(2, b"\0\0\0\5"), MODE),
    "directions and preservation": life(SECONDS, MODE, tv(14, 4), tv(15, 3)),
    "the destination preserved": life(SECONDS, MODE, tv(14, 3)),
    "nothing to preserve in transport mode": life(
        SECONDS, tv(4, 2), tv(5, 5), tv(6, 128), tv(14, 2)
    ),
    "any sender": set_(teks=[Tek(source=selector(0, b""))]),
    "a range of addresses": set_(teks=[Tek(source=selector(7, bytes([10, 0, 0, 1, 10, 0, 0, 9])))]),
    "IPv6": set_(teks=[Tek(source=selector(6, bytes(32)), destination=selector(5, bytes(16)))]),
    "SEQ near its end": set_(sequence=4_000_000_000),
    "no GAP": set_(gap=None),
    "an empty GAP": set_(gap=b""),
    "no delay": set_(gap=tv(1, 0) + tv(2, 0)),
    "the longest delays": set_(gap=tv(2, 65535) + tv(1, 65535)),
    "SAK attributes in another order": kek_is(
        tv(6, 1) + tv(5, 3) + tlv(4, b"\0\1\x51\x80") + tv(3, 128) + tv(2, 3)
    ),
    "a KEK's life in the short form": kek_is(
        tv(2, 3) + tv(3, 128) + tv(4, 40000) + tv(5, 3) + tv(6, 1)
    ),
    "pushes hashed with SHA-384": kek_is(
        tv(2, 3) + tv(3, 128) + tv(5, 4) + tv(6, 1), hash=hashes.SHA384()
    ),
    "pushes hashed with SHA-1": kek_is(
        tv(2, 3) + tv(3, 128) + tv(5, 2) + tv(6, 1), hash=hashes.SHA1()
    ),
    "a KEK's SPI that begins as the non-ESP marker does": kek_is(
        KEK_ATTRIBUTES, spi=bytes(15) + b"\1"
    ),
    "a KEK of 256 bits": kek_is(tv(2, 3) + tv(3, 256) + tv(5, 3) + tv(6, 1), key=bytes(range(32))),
    "notifications in message 2": second(lambda told: [*TOLD, *told]),
    "notifications in message 4": fourth(lambda told: [told[0], *TOLD, told[1]]),
    "KD before SEQ": fourth(lambda told: told[::-1]),
    "sender ids": more_packets(packet(4, b"", tv(1, 8) + tlv(2, b"\7"))),
    "several sender ids of twelve bits": more_packets(
        packet(4, b"", tlv(2, b"\0\7") + tv(1, 12) + tlv(2, b"\0\x08"))
    ),
    "the word that keys may come as a tree": kek_is(KEK_ATTRIBUTES + tv(1, 1)),
    "the word that keys come in a way of which nobody has heard": kek_is(KEK_ATTRIBUTES + tv(1, 7)),
    "a Diffie-Hellman group, which says nothing here": life(SECONDS, tv(3, 14), MODE),
}


@pytest.mark.parametrize("name", LEGAL)
@BOTH
def test_what_is_legal_registers_and_what_is_pushed_then_is_taken(given, profile, name):
    LEGAL[name](given)
    member = registered(given, profile)
    assert set(member.held().receives_with) == {tek.spi.hex() for tek in given.teks}
    assert member.held().sends_with == given.teks[0].spi.hex()
    fresh = [Tek(source=tek.source, destination=tek.destination) for tek in given.teks]
    assert pushed(member, given.kek, given.sequence + 1, rekey(fresh)) == "rekeyed"
    assert {tek.spi.hex() for tek in fresh} <= set(member.held().receives_with)
    assert "refused" not in {event.event for event in member.events}


@pytest.mark.parametrize("size", [8, 128])
def test_a_nonce_may_be_as_short_and_as_long_as_the_rfc_lets_it(given, size):
    member, server = member_of(), server_of(*given.messages())
    server.nonce = bytes(size)
    meet(member, server)
    assert member.state is MemberState.REGISTERED


@BOTH
def test_what_is_told_between_the_messages_changes_nothing(given, profile):
    member, server = member_of(profile), server_of(*given.messages())
    told = [[(NOTIFY, notify(RESPONDER_LIFETIME))], [(NOTIFY, notify(40000)), (VENDOR, b"x")]]
    for message in ("message 2", "message 4"):
        server.between[message] = lambda: [server.protected(INFORMATIONAL, one) for one in told]
    meet(member, server)
    assert member.state is MemberState.REGISTERED


def test_an_error_that_is_told_in_place_of_message_2_ends_the_attempt_by_its_name(given):
    member, server = member_of(), server_of(*given.messages())
    server.between["message 2"] = lambda: [
        server.protected(INFORMATIONAL, [(NOTIFY, notify(NO_PROPOSAL))])
    ]
    meet(member, server)
    refused = [event.reason for event in member.events if event.event == "refused"]
    assert refused == ["NO-PROPOSAL-CHOSEN"]


def test_a_lone_life_in_kilobytes_leaves_the_rfcs_eight_hours(given):
    LEGAL["life in kilobytes alone"](given)
    member = registered(given)
    (teks,) = member.keys.teks.values()
    assert (teks[0].expires, teks[0].sa.kilobytes) == (NOW + 28800, 65536)


@pytest.mark.parametrize(("seconds", "later"), [(1, 2), (3, 2), (30, 18)])
def test_keys_that_are_all_but_over_do_not_bring_a_member_back_at_once(given, seconds, later):
    life(tv(1, 1), tv(2, seconds), MODE)(given)
    member = registered(given)
    tried = 0
    for _ in range(100):
        member.tick(member.wake_at)
        tried += member.state is not MemberState.REGISTERED
        if tried:
            break
    assert [e.event for e in member.events][-1] == "reregistering"
    assert member.events[-1].time == pytest.approx(NOW + later, abs=0.1)


def test_a_member_answers_a_probe_with_its_number(given):
    """RFC 3706 §5.2; an answer is not answered."""
    member, server = member_of(), server_of(*given.messages())
    meet(member, server)
    probe, answer = (notify(kind, server.cookies, b"\0\0\0\7") for kind in (36136, 36137))
    (said,) = member.receive(server.protected(INFORMATIONAL, [(NOTIFY, probe)]), NOW)
    assert server.opened(said) == [(NOTIFY, answer)]
    assert member.receive(server.protected(INFORMATIONAL, [(NOTIFY, answer)]), NOW) == []


# What is not


def tek_is(**changes):
    return set_(teks=[Tek(**changes)])


ILLEGAL = {
    "a key packet of an unknown type": (
        more_packets(packet(5, b"", b"")),
        "KD: key packet of type 5",
        "§5.6",
    ),
    "a private key packet": (
        more_packets(packet(200, b"", b"")),
        "KD: key packet of type 200",
        "§5.6",
    ),
    "LKH arrays": (
        more_packets(packet(3, bytes(16), tlv(1, bytes(20)))),
        "KD: key packet of type 3 (LKH) is not supported",
        "§5.6",
    ),
    "a private GAP attribute": (set_(gap=tv(200, 1)), "GAP: attribute 200", "§5.4"),
    "sender ids asked of a member": (set_(gap=tv(3, 1)), "GAP: attribute 3", "§5.4"),
    "a reserved life type": (
        life(tv(1, 3), tv(2, 9), MODE),
        "SAT: attribute 1 (LIFE_TYPE): 3",
        "§5.5",
    ),
    "lives that contradict": (
        life(SECONDS, tv(1, 1), tv(2, 9), MODE),
        "SAT: attribute 2 (LIFE_DURATION)",
        "§5.5",
    ),
    "a duration of nothing": (
        life(tlv(2, b"\1"), MODE),
        "SAT: attribute 2 (LIFE_DURATION)",
        "§5.5",
    ),
    "a type of life without a duration": (
        life(SECONDS, MODE, tv(1, 2)),
        "SAT: attribute 1 (LIFE_TYPE): 2 without a duration",
        "§5.5",
    ),
    "two types of life and one duration": (
        life(tv(1, 1), tv(1, 2), tlv(2, b"\0\1\0\0"), MODE),
        "SAT: attribute 1 (LIFE_TYPE): 1 without a duration",
        "§5.5",
    ),
    "an empty source of an unknown type": (
        tek_is(source=selector(99, b"")),
        "SAT: source of type 99 with 0 octets",
        "§5.5",
    ),
    "an unknown SAT attribute": (life(SECONDS, MODE, tv(29, 1)), "SAT: attribute 29", "§5.5"),
    "a mode that is none": (life(SECONDS, tv(4, 9), tv(5, 5)), "SAT: attribute 4", "§5.5"),
    "IEC 61850": (tek_is(protocol=3), "SAT: protocol 3", "§5.5"),
    "GCM": (tek_is(transform=20), "SAT: ESP transform 20", "§5.5"),
    "a key of 200 bits": (
        life(SECONDS, tv(4, 1), tv(5, 5), tv(6, 200)),
        "SAT: attribute 6 (KEY_LENGTH)",
        "§5.5",
    ),
    "an unknown SAK attribute": (
        kek_is(KEK_ATTRIBUTES + tv(77, 1)),
        "SAK: attribute 77",
        "§5.3",
    ),
    "a signature of ECDSA": (
        kek_is(tv(2, 3) + tv(3, 128) + tv(5, 3) + tv(6, 4)),
        "SAK: attribute 6",
        "§5.3",
    ),
    "a KEK's life of three octets": (
        kek_is(tv(2, 3) + tv(3, 128) + tlv(4, b"\1\x51\x80") + tv(5, 3) + tv(6, 1)),
        "SAK: attribute 4 (KEY_LIFETIME) of 3 octets, 4 expected",
        "§5.3",
    ),
    "3DES with a key of 128 bits": (
        kek_is(tv(2, 2) + tv(3, 128) + tv(5, 3) + tv(6, 1)),
        "SAK: attribute 2 (ALGORITHM): 2 with 128 bits",
        "§5.3",
    ),
    "our heartbeats from a server that is not ours": (
        set_(gap=tv(1, 15) + tv(128, 1)),
        "GAP: attribute 128",
        "§5.4",
    ),
    "sender ids of no size": (
        more_packets(packet(4, b"", tlv(2, b"\7"))),
        "KD: SID attribute 1 (NUMBER_OF_BITS)",
        "§5.6",
    ),
    "sender ids of another size than stated": (
        more_packets(packet(4, b"", tv(1, 8) + tlv(2, b"\0\7"))),
        "KD: SID attribute 2 (VALUE) of 2 octets for 8 bits",
        "§5.6",
    ),
    "sender ids that are announced only": (
        more_packets(packet(4, b"", tv(1, 8))),
        "KD: SID attribute 2 (VALUE) of 0 octets",
        "§5.6",
    ),
    "an unknown word on sender ids": (
        more_packets(packet(4, b"", tv(1, 8) + tlv(2, b"\7") + tv(3, 1))),
        "KD: SID attribute 3",
        "§5.6",
    ),
    "sender ids with an SPI": (
        more_packets(packet(4, bytes(4), tv(1, 8) + tlv(2, b"\7"))),
        "KD: SID key packet with an SPI",
        "§5.6",
    ),
    "SHA-3": (kek_is(tv(2, 3) + tv(3, 128) + tv(5, 9) + tv(6, 1)), "SAK: attribute 5", "§5.3"),
    "an error beside the policy": (
        second(lambda told: [*told, (NOTIFY, notify(NO_PROPOSAL))]),
        "message 2: NO-PROPOSAL-CHOSEN beside its payloads",
        "§3.2",
    ),
    "an error beside the keys": (
        fourth(lambda told: [*told, (NOTIFY, notify(9999))]),
        "message 4: notification 9999 beside its payloads",
        "§3.2",
    ),
    "no SEQ": (fourth(lambda told: told[1:]), "message 4: payloads [17]", "§3.2"),
    "two KDs": (fourth(lambda told: [*told, told[1]]), "message 4: payloads [18, 17, 17]", "§3.2"),
    "a KD that is cut off": (fourth(lambda told: [told[0], (KD, told[1][1][:-3])]), "KD", "§5.6"),
    "a SEQ of two octets": (
        fourth(lambda told: [(SEQ, b"\0\1"), told[1]]),
        "SEQ: 2 octets",
        "§5.7",
    ),
}


@pytest.mark.parametrize("name", ILLEGAL)
@BOTH
def test_what_is_not_is_refused_by_name_and_the_server_is_told(given, profile, name):
    alter, named, section = ILLEGAL[name]
    alter(given)
    member, server = member_of(profile), server_of(*given.messages())
    meet(member, server)
    assert member.state is MemberState.WAITING
    reason = member.events[-1].reason
    assert named in reason
    assert section in reason
    assert (member.keys.teks, member.keys.keks) == ({}, {})
    (told, body), (deleted, _) = server.told
    assert (told, struct.unpack_from("!H", body, 6), deleted) == (NOTIFY, (UNSUPPORTED,), DELETE)


OFFERED = tv(1, 7) + tv(14, 256) + tv(2, 4) + tv(3, 1) + tv(4, 14)
ALGORITHMS = {
    "AES-128": tv(1, 7) + tv(14, 128) + tv(2, 4) + tv(3, 1) + tv(4, 14),
    "group 2": tv(1, 7) + tv(14, 256) + tv(2, 4) + tv(3, 1) + tv(4, 2),
    "signatures": tv(1, 7) + tv(14, 256) + tv(2, 4) + tv(3, 3) + tv(4, 14),
    "MD5": tv(1, 7) + tv(14, 256) + tv(2, 1) + tv(3, 1) + tv(4, 14),
}
NOT_OFFERED = {name: sa(proposal(one)) for name, one in ALGORITHMS.items()} | {
    "the same twice": sa(proposal(OFFERED, OFFERED)),
    "none": sa(proposal()),
}


@pytest.mark.parametrize("name", NOT_OFFERED)
def test_an_answer_that_was_not_offered_is_refused(given, name):
    """RFC 2409 §5; what follows from it is proved only later, and by weaker means perhaps."""
    member, server = member_of(), server_of(*given.messages())
    server.chosen = NOT_OFFERED[name]
    meet(member, server)
    assert member.state is MemberState.PHASE_1
    assert member.events[-1].reason == "the answer is not what was offered"


def test_what_an_abort_says_is_for_the_server_that_was_refused(given):
    given.gap = tv(200, 1)
    member, server = member_of(servers=2), server_of(*given.messages())
    meet(member, server)
    assert [kind for kind, _ in server.told] == [NOTIFY, DELETE]
    assert (member.state, member.registrations.server) == (MemberState.WAITING, 0)
    assert member.tick(member.wake_at)
    assert member.registrations.server == 1


MISPLACED = {
    "a GAP behind the SATs": (
        lambda kek, tek: [kek.policy(), tek.policy(), (GAP, tv(1, 15))],
        "22",
    ),
    "two SAKs": (lambda kek, tek: [kek.policy(), kek.policy(), tek.policy()], "15"),
    "a SAK behind the SATs": (lambda kek, tek: [tek.policy(), kek.policy()], "15"),
    "a SAK behind the GAP": (
        lambda kek, tek: [(GAP, tv(1, 15)), kek.policy(), tek.policy()],
        "15",
    ),
    "two GAPs": (
        lambda kek, tek: [kek.policy(), (GAP, tv(1, 15)), (GAP, tv(1, 15)), tek.policy()],
        "22",
    ),
}


@pytest.mark.parametrize("name", MISPLACED)
def test_attributes_out_of_their_order_are_refused(given, name):
    build, number = MISPLACED[name]
    given.second = [(SA, group_policy(*build(given.kek, given.teks[0])))]
    given.fourth = granted(given.teks, given.kek)[1]
    member = member_of()
    meet(member, server_of(*given.messages()))
    assert f"SA: payload {number}" in member.events[-1].reason


# Pushes


@BOTH
def test_a_kek_that_rolls_is_followed_by_the_name_that_the_server_gives_it(
    given, profile, signing_key
):
    member, old = registered(given, profile), given.kek
    cisco = profile is Profile.CISCO_REFERENCE
    new = Kek(signing_key(""), KEK_ATTRIBUTES + SIG_LENGTH, raw=cisco)
    assert pushed(member, old, 1, rekey([Tek()], new, old.spi if cisco else None)) == "rekeyed"
    # RFC 6407 §4.3: numbers begin anew; the reference implementation goes on with the old ones.
    tek = Tek()
    assert pushed(member, new, 2 if cisco else 1, rekey([tek])) == "rekeyed"
    assert tek.spi.hex() in member.held().receives_with


def test_a_kek_that_goes_by_the_old_ones_name_is_refused_where_the_rfc_holds(given, signing_key):
    member = registered(given)
    new = Kek(signing_key(""), KEK_ATTRIBUTES + SIG_LENGTH)
    assert pushed(member, given.kek, 1, rekey([Tek()], new, given.kek.spi)) == "refused"
    assert f"KD: KEK SPI {given.kek.spi.hex()}" in member.events[-1].reason


@BOTH
def test_what_fills_up_the_last_block_is_not_looked_at(given, profile):
    member = registered(given, profile)
    assert pushed(member, given.kek, 1, rekey([Tek()]), filler=b"\xaa", more=16) == "rekeyed"


@BOTH
def test_a_deletion_takes_what_it_names_and_in_the_end_all(given, profile):
    given.teks = SEVERAL
    member = registered(given, profile)
    first, *others = [tek.spi for tek in SEVERAL]
    assert pushed(member, given.kek, 7, [(DELETE, delete(1, 4, first))]) == "deleted"
    assert set(member.held().receives_with) == {spi.hex() for spi in others}
    both = [(DELETE, delete(1, 4, bytes(4))), (DELETE, delete(0, 16, bytes(16)))]
    assert pushed(member, given.kek, 8, both) == "deleted"
    assert (member.held().receives_with, member.keys.keks) == ((), {})


@BOTH
def test_a_deletion_takes_nothing_of_the_other_protocol(given, profile):
    member = registered(given, profile)
    own = given.teks[0].spi
    both = [(DELETE, delete(2, 4, own)), (DELETE, delete(2, 4, bytes(4)))]
    assert pushed(member, given.kek, 1, both) == "deleted"
    assert member.held().sends_with == own.hex()


@BOTH
@pytest.mark.parametrize("delay", [0, 15])
def test_who_is_left_without_a_key_to_send_with_asks_for_another(
    given, signing_key, profile, delay
):
    """A new KEK, and a D for the only TEK: the others may have one that came another way."""
    given.gap = tv(1, delay)
    member = registered(given, profile)
    new = Kek(signing_key(""), KEK_ATTRIBUTES + SIG_LENGTH)
    gone = (DELETE, delete(1, 4, given.teks[0].spi))
    assert pushed(member, given.kek, 1, [gone, *rekey([], new)]) == "rekeyed"
    while member.state is MemberState.REGISTERED and member.wake_at < NOW + 100:
        member.tick(member.wake_at)
    asked = member.events[-1]
    assert (asked.event, asked.reason) == ("reregistering", "no key is left to send with")
    assert NOW + 2 * delay <= asked.time <= NOW + 2 * delay + 2


@BOTH
def test_what_informs_may_stand_beside_a_rekey_in_any_order(given, profile):
    member = registered(given, profile)
    tek = Tek()
    sa, keys = rekey([tek])
    assert pushed(member, given.kek, 1, [TOLD[1], keys, sa, TOLD[0]]) == "rekeyed"
    assert tek.spi.hex() in member.held().receives_with


NOT_A_PUSH = {
    "an SA without KD": lambda: rekey([Tek()])[:1],
    "two SAs": lambda: rekey([Tek()]) * 2,
    "a second SEQ": lambda: [(SEQ, bytes(4)), *rekey([Tek()])],
    "an error": lambda: [*rekey([Tek()]), (NOTIFY, notify(NO_PROPOSAL))],
    "a D that is cut off": lambda: [(DELETE, delete(1, 4, bytes(4))[:-1])],
    "sender ids": lambda: [
        rekey([tek := Tek()])[0],
        (KD, download(tek.packet(), packet(4, b"", tv(1, 8) + tlv(2, b"\7")))),
    ],
}


@pytest.mark.parametrize("name", NOT_A_PUSH)
@BOTH
def test_an_authentic_push_of_another_layout_is_told_and_asked_about(given, profile, name):
    member = registered(given, profile)
    assert pushed(member, given.kek, 1, NOT_A_PUSH[name]()) == "refused"
    assert "(RFC 6407 §" in member.events[-1].reason
    assert member.wake_at <= NOW + 2
    assert member.held().sends_with == given.teks[0].spi.hex()


@BOTH
def test_a_push_that_says_nothing_is_a_sign_of_life(given, profile):
    member = registered(given, profile)
    assert pushed(member, given.kek, 1, []) == "heartbeat"
    assert pushed(member, given.kek, 1, []) == "ignored"


@BOTH
@pytest.mark.parametrize("multicast", [False, True])
def test_a_rekey_is_acknowledged_where_the_server_asks_for_it(given, profile, multicast):
    """RFC 8263 §4 and §6: by multicast, too, which Junos does not ask it for."""
    given.kek.attributes += tv(9, 1)
    if multicast:
        given.kek.destination = selector(1, bytes([239, 192, 0, 1]), 8848)
    member = registered(given, profile, jitter=1.0)
    assert pushed(member, given.kek, 1, rekey([Tek()])) == "rekeyed"
    assert member.wake_at <= NOW + 5
    (told,) = member.tick(member.wake_at)
    assert given.kek.acknowledges(told, 1, bytes([192, 0, 2, 11]))


@BOTH
def test_an_acknowledgement_goes_to_where_an_authentic_push_came_from(given, profile):
    """RFC 8263 §3.1; what only looks like a push moves it nowhere."""
    member = registered(given, profile)
    rekeyed = given.kek.seal(1, rekey([Tek()]))
    forged = given.kek.seal(2, rekey([Tek()]))[:-16] + bytes(16)
    member.receive(rekeyed, NOW, (SERVER, 8848))
    for looks_like_one in (forged, Kek(given.kek.signing_key).seal(2, []), forged[:40]):
        member.receive(looks_like_one, NOW, (SERVER, 9))
    assert member.pushed_from == (SERVER, 8848)
    member.receive(rekeyed, NOW, (SERVER, 848))
    assert member.pushed_from == (SERVER, 848)


def test_two_pushes_overtake_message_4_and_the_second_is_under_the_kek_that_the_first_brings(
    given, signing_key
):
    new, first, second = Kek(signing_key("")), Tek(), Tek()
    noise = [Kek(new.signing_key).seal(n, []) for n in range(1, 4)]
    early = [
        new.seal(1, rekey([second])),
        given.kek.seal(1, rekey([first], new)),
        *noise,
    ]
    member, server = member_of(), server_of(*given.messages())
    server.between["message 4"] = lambda: early
    meet(member, server)
    assert {first.spi.hex(), second.spi.hex()} <= set(member.held().receives_with)


@BOTH
def test_a_rekey_is_not_acknowledged_where_nobody_asks_for_it(given, profile):
    member = registered(given, profile)
    assert pushed(member, given.kek, 1, rekey([Tek()])) == "rekeyed"
    said = []
    while member.wake_at < NOW + 100:
        said += member.tick(member.wake_at)
    assert said == []


def test_pushes_to_a_group_of_addresses_are_awaited_there(given):
    given.kek.destination = selector(1, bytes([239, 192, 0, 1]), 8848)
    member = registered(given)
    assert member.multicast == ("239.192.0.1", 8848)


def test_a_group_without_a_kek_has_neither_sak_nor_seq(given):
    given.second, given.fourth = granted(given.teks, None, given.gap)
    member = registered(given)
    assert member.held().sends_with == given.teks[0].spi.hex()
    assert member.keys.keks == {}

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an authentic peer says and nobody should: refused by name, and never half understood.

A member that says that it is registered can hear its key server; what it holds can be used. A
server lists nobody whose words it does not understand.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyserver.gdoi.numbers import (
    GapAttribute,
    GdoiExchange,
    IpsecAttribute,
    KekAttribute,
    KekKeyAttribute,
    KeyPacketType,
    TekKeyAttribute,
)
from keyserver.gdoi.payloads import (
    GroupAssociatedPolicy,
    GroupSa,
    KeyDownload,
    Selector,
    Sequence,
    group_identity,
)
from keyserver.gdoi.push import Push, seal_push
from keyserver.ike.main_mode import MainModeInitiator
from keyserver.ike.numbers import Exchange, Flags, NotifyType, PayloadType
from keyserver.ike.payloads import (
    Delete,
    Identification,
    Notification,
    Proposal,
    SaPayload,
    Transform,
)
from keyserver.ike.wire import Attribute, Header, Payload, decode_chain, encode_message
from keyserver.member.registrations import MemberState
from tests.keyserver.odd import (
    NONCE,
    PROPOSAL,
    OddMember,
    OddServer,
    Words,
    other,
    policy,
    sealed_push,
)
from tests.keyserver.world import GM, SERVER, V1_SMC, World

BLOCK = V1_SMC + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"
PHASE_1 = ("group14", "sha-256", "aes-128-cbc")
SHORT, LONG = Attribute.short, Attribute.long
TEK, KEK = KeyPacketType.TEK, KeyPacketType.KEK
SEQ, SA, KD, SIG = PayloadType.SEQ, PayloadType.SA, PayloadType.KD, PayloadType.SIG
LAST = 2**32 - 1


@pytest.fixture(scope="module")
def world(signing_key):
    """A key server with a KEK; what its member was granted is what odd servers start from."""
    world = World(signing_key, extra=(BLOCK,), phase1=PHASE_1)
    world.joined(1)
    return world


def met(world, words):
    """A member that registered, or did not, with a server that says these words."""
    member, server = world.member(), OddServer(words)
    server.meet(member, world.now)
    return member, server


def hears(member, world, signing_key):
    """True when a push of the key server reaches it."""
    member.receive(
        seal_push(Push(member.keys.kek.sequence + 1), member.keys.kek.kek, signing_key("")),
        world.now,
    )
    return member.events[-1].event == "heartbeat"


# At the member: a registration


def kek_attribute(attribute):
    return lambda w: w.with_kek(attributes=other(w.sa.kek.attributes, attribute))


def kek_without(kind):
    return lambda w: w.with_kek(attributes=tuple(a for a in w.sa.kek.attributes if a.type != kind))


def kek_of_one_length(words):
    """3DES, whose key has one length, which an SAK need not state (RFC 6407 §5.3.3)."""
    stated = (KekAttribute.ALGORITHM, KekAttribute.KEY_LENGTH)
    others = (a for a in words.sa.kek.attributes if a.type not in stated)
    words.with_kek(attributes=(SHORT(KekAttribute.ALGORITHM, 2), *others))
    packet(KEK, LONG(KekKeyAttribute.ALGORITHM_KEY, bytes(range(8 + 24))))(words)


def tek_attribute(*attributes):
    return lambda w: w.with_tek(attributes=other(w.sa.teks[0].attributes, *attributes))


def gap(*attributes):
    def alter(words):
        words.sa = replace(words.sa, gap=GroupAssociatedPolicy(attributes))

    return alter


def packet(kind, *attributes):
    def alter(words):
        (held,) = (p for p in words.kd.packets if p.type == kind)
        words.with_packet(kind, attributes=other(held.attributes, *attributes))

    return alter


def packet_without(kind, attribute):
    def alter(words):
        (held,) = (p for p in words.kd.packets if p.type == kind)
        kept = tuple(a for a in held.attributes if a.type != attribute)
        words.with_packet(kind, attributes=kept)

    return alter


def packets(change):
    def alter(words):
        words.kd = KeyDownload(tuple(change(words.kd.packets)))

    return alter


def spi(kind, octets):
    return lambda w: w.with_packet(kind, spi=octets)


def sequence(number):
    def alter(words):
        words.sequence = number

    return alter


def second(build):
    def alter(words):
        words.second = build([NONCE, Payload(SA, words.sa.encode())])

    return alter


def fourth(build):
    def alter(words):
        words.fourth = build(words.messages()[1])

    return alter


def empty(words):
    words.sa, words.kd, words.sequence = GroupSa(None, None, ()), KeyDownload(()), None


def two_of_one_spi(words):
    first = words.sa.teks[0]
    also = replace(
        first,
        source=Selector.prefix("192.0.2.0/24", 0),
        attributes=other(first.attributes, SHORT(IpsecAttribute.AUTHENTICATION_ALGORITHM, 2)),
    )
    words.sa = replace(words.sa, teks=(first, also))


def spi_of_kek(octets):
    def alter(words):
        words.with_kek(spi=octets)
        words.with_packet(KEK, spi=octets)

    return alter


def swapped(payloads):
    return payloads[::-1]


def with_unknown(payloads):
    return [*payloads, Payload(99, bytes(4))]


MULTICAST = "239.1.1.1"
REFUSED_GRANTS = {
    "a TEK packet with an SPI of 3 octets": (spi(TEK, b"\1\2\3"), "KD: 1 TEK key packets"),
    "a TEK packet with an SPI of 16 octets": (spi(TEK, bytes(16)), "KD: 1 TEK key packets"),
    "a TEK packet without an SPI": (spi(TEK, b""), "KD: 1 TEK key packets"),
    "a KEK packet with an SPI of 4 octets": (spi(KEK, b"\1\2\3\4"), "KD: KEK SPI 01020304"),
    "no TEK packet": (
        packets(lambda all_of: [p for p in all_of if p.type != TEK]),
        "KD: 0 TEK key packets",
    ),
    "each key packet twice": (packets(lambda all_of: [*all_of, *all_of]), "KD: 2 KEK key packets"),
    "a TEK packet twice": (
        packets(lambda all_of: [*all_of, *(p for p in all_of if p.type == TEK)]),
        "KD: 2 TEK key packets",
    ),
    "an LKH packet": (
        packets(lambda all_of: [*all_of, replace(all_of[0], type=3)]),
        "KD: key packet of type 3",
    ),
    "no signature key": (
        packet_without(KEK, KekKeyAttribute.SIG_ALGORITHM_KEY),
        "KD: no KEK attribute 2 (SIG_ALGORITHM_KEY)",
    ),
    "a signature key that is none": (
        packet(KEK, LONG(KekKeyAttribute.SIG_ALGORITHM_KEY, bytes(162))),
        "KD: the verification key",
    ),
    "a KEK without its IV": (
        packet(KEK, LONG(KekKeyAttribute.ALGORITHM_KEY, bytes(32))),
        "KD: KEK attribute 1 (ALGORITHM_KEY) of 32 octets, 48 expected",
    ),
    "a TEK's key in basic form": (
        packet(TEK, SHORT(TekKeyAttribute.ALGORITHM_KEY, 7)),
        "KD: 1 (ALGORITHM_KEY) of 2 octets",
    ),
    "a KEK attribute that is unknown": (
        packet(KEK, LONG(9, b"x")),
        "KD: KEK attribute 9 is unknown",
    ),
    "a cipher in variable form": (
        kek_attribute(LONG(KekAttribute.ALGORITHM, b"\0\3")),
        "SAK: attribute 2 in variable form",
    ),
    "no cipher": (kek_without(KekAttribute.ALGORITHM), "SAK: attribute 2 (ALGORITHM): none"),
    "no signature": (
        kek_without(KekAttribute.SIG_ALGORITHM),
        "SAK: attribute 6 (SIG_ALGORITHM): none",
    ),
    "a signature of DSS": (
        kek_attribute(SHORT(KekAttribute.SIG_ALGORITHM, 2)),
        "SAK: attribute 6 (SIG_ALGORITHM): 2",
    ),
    "keys that are masked": (
        kek_attribute(SHORT(KekAttribute.KE_OAKLEY_GROUP, 14)),
        "SAK: attribute 8 is unknown",
    ),
    "a KEK without a life": (
        kek_attribute(LONG(KekAttribute.KEY_LIFETIME, bytes(4))),
        "SAK: attribute 4 (KEY_LIFETIME): a life of 0",
    ),
    "an empty life": (
        kek_attribute(LONG(KekAttribute.KEY_LIFETIME, b"")),
        "SAK: attribute 4 (KEY_LIFETIME) of 0 octets, 4 expected",
    ),
    "a KEK's SPI of zeros": (spi_of_kek(bytes(16)), "SAK: an SPI of zeros"),
    "pushes by TCP": (lambda w: w.with_kek(protocol=6), "SAK: protocol 6, UDP is expected"),
    "pushes to a name": (
        lambda w: w.with_kek(destination=Selector(2, 848, b"gm.example.net")),
        "SAK: destination of type 2",
    ),
    "pushes to IPv6": (
        lambda w: w.with_kek(destination=Selector(5, 848, b"\xff" + bytes(15))),
        "SAK: destination of type 5 is not listened at",
    ),
    "pushes to a group at no port": (
        lambda w: w.with_kek(destination=Selector.host(MULTICAST, 0)),
        f"SAK: destination {MULTICAST} without a port",
    ),
    "pushes to many groups": (
        lambda w: w.with_kek(destination=Selector.prefix("239.1.1.0/24", 848)),
        "SAK: destination 239.1.1.0/24 is of more than one group",
    ),
    "proof of possession": (
        lambda w: w.with_kek(reserved=b"\0\1\4\0"),
        "SAK: reserved octets 00010400, zeros are expected",
    ),
    "a delay of 8 octets": (
        gap(LONG(GapAttribute.ACTIVATION_TIME_DELAY, b"\xff" * 8)),
        "GAP: attribute 1 in variable form, of 8 octets",
    ),
    "a delay of 2000 octets": (
        gap(LONG(GapAttribute.DEACTIVATION_TIME_DELAY, b"\xff" * 2000)),
        "GAP: attribute 2 in variable form, of 2000 octets",
    ),
    "a delay twice": (gap(SHORT(1, 15), SHORT(1, 15)), "GAP: attribute 1 twice"),
    "a mode in variable form": (
        tek_attribute(LONG(IpsecAttribute.ENCAPSULATION_MODE, b"\0\1")),
        "SAT: attribute 4 in variable form",
    ),
    "a life type in variable form": (
        lambda w: w.with_tek(
            attributes=tuple(replace(a, basic=a.type != 1) for a in w.sa.teks[0].attributes)
        ),
        "SAT: attribute 1 in variable form",
    ),
    "a mask with gaps": (
        lambda w: w.with_tek(source=Selector(4, 0, bytes([10, 0, 0, 0, 255, 0, 255, 0]))),
        "SAT: source with the mask ff00ff00",
    ),
    "a range from its end": (
        lambda w: w.with_tek(destination=Selector(7, 0, bytes([10, 0, 0, 9, 10, 0, 0, 1]))),
        "SAT: destination with a range",
    ),
    "one SPI for two ciphers": (two_of_one_spi, "SAT: two associations of SPI"),
    "nothing at all": (empty, "SA: a SAK or a SAT is missing"),
    "no SEQ": (sequence(None), "message 4: payloads [17], [18, 17] expected"),
    "two SEQ": (
        fourth(lambda both: [both[0], *both]),
        "message 4: payloads [18, 18, 17]",
    ),
    "a SEQ behind which nothing can come": (sequence(LAST), f"SEQ: {LAST}"),
    "a SEQ of 8 octets": (
        fourth(lambda both: [Payload(SEQ, bytes(8)), both[1]]),
        "SEQ: 8 octets",
    ),
    "an unknown payload in message 2": (second(with_unknown), "message 2: payloads [10, 1, 99]"),
    "an unknown payload in message 4": (fourth(with_unknown), "message 4: payloads [18, 17, 99]"),
    "no nonce": (second(lambda both: both[1:]), "message 2: payloads [1], [10, 1] expected"),
    "a nonce of 7 octets": (
        second(lambda both: [Payload(PayloadType.NONCE, bytes(7)), both[1]]),
        "message 2: nonce: 7 octets",
    ),
    "an SA of another DOI": (
        second(lambda both: [both[0], Payload(SA, b"\0\0\0\1" + both[1].body[4:])]),
        "SA: DOI 1",
    ),
    "an SA whose reserved octets are used": (
        second(
            lambda both: [both[0], Payload(SA, both[1].body[:10] + b"\0\1" + both[1].body[12:])]
        ),
        "SA: DOI 2, reserved 1",
    ),
    "a KD whose reserved octets are used": (
        fourth(lambda both: [both[0], Payload(KD, both[1].body[:2] + b"\0\1" + both[1].body[4:])]),
        "KD: reserved octets are not zero",
    ),
    "a key packet whose reserved octet is used": (
        fourth(lambda both: [both[0], Payload(KD, both[1].body[:5] + b"\1" + both[1].body[6:])]),
        "KD: key packet of",
    ),
    "a KEK with more octets than it has": (
        packet(KEK, LONG(KekKeyAttribute.ALGORITHM_KEY, bytes(64))),
        "KD: KEK attribute 1 (ALGORITHM_KEY) of 64 octets, 48 expected",
    ),
    "an SA that is cut off": (
        second(lambda both: [both[0], Payload(SA, both[1].body[:-1])]),
        "payload",
    ),
}


@pytest.mark.parametrize("name", REFUSED_GRANTS)
def test_a_member_refuses_by_name_what_a_key_server_must_not_grant(world, name):
    alter, named = REFUSED_GRANTS[name]
    words = Words.of(world.grants[0])
    alter(words)
    member, server = met(world, words)
    assert member.state is MemberState.WAITING
    reason = member.events[-1].reason
    assert named in reason
    assert "(RFC " in reason or named == "payload"
    assert (member.keys.teks, member.keys.keks) == ({}, {})
    # It says so, and gives phase 1 up (RFC 6407 §3.3).
    notified, deleted = server.told
    assert Notification.decode(notified.body).type == NotifyType.ATTRIBUTES_NOT_SUPPORTED
    assert deleted.type == PayloadType.DELETE
    member.tick(member.wake_at)
    assert member.state is MemberState.PHASE_1


TAKEN_GRANTS = {
    "as it is": lambda w: None,
    "payloads in another order": second(swapped),
    "keys in front of their number": fourth(swapped),
    "key packets in another order": packets(lambda all_of: all_of[::-1]),
    "a sender id that no cipher needs": packets(
        lambda all_of: [
            *all_of,
            replace(all_of[0], type=4, spi=b"", attributes=(SHORT(1, 8), LONG(2, b"\7"))),
        ]
    ),
    "a vendor id beside": second(lambda both: [*both, Payload(PayloadType.VENDOR_ID, b"x")]),
    "a life of a KEK in basic form": kek_attribute(SHORT(KekAttribute.KEY_LIFETIME, 3600)),
    "the longest life of a KEK": kek_attribute(LONG(KekAttribute.KEY_LIFETIME, b"\xff" * 4)),
    "no life of a KEK": kek_without(KekAttribute.KEY_LIFETIME),
    "a KEK of the one length of its cipher": kek_of_one_length,
    "a life of a TEK of 8 octets": tek_attribute(
        SHORT(IpsecAttribute.LIFE_TYPE, 1), LONG(IpsecAttribute.LIFE_DURATION, b"\xff" * 8)
    ),
    "no delays": gap(),
    "no activation delay": gap(SHORT(1, 0), SHORT(2, 0)),
    "the longest delays": gap(SHORT(1, 65535), SHORT(2, 65535)),
    "a key that ends before the one before": gap(SHORT(1, 900), SHORT(2, 1)),
    "SEQ 0": sequence(0),
    "SEQ one before the last": sequence(LAST - 1),
    "KEK management": kek_attribute(SHORT(KekAttribute.MANAGEMENT_ALGORITHM, 1)),
    "any sender": lambda w: w.with_tek(source=Selector(1, 0, b"")),
    "pushes to a group": lambda w: w.with_kek(destination=Selector.host(MULTICAST, 848)),
}


@pytest.mark.parametrize("name", TAKEN_GRANTS)
def test_a_member_takes_what_is_legal_and_follows_pushes(world, signing_key, name):
    words = Words.of(world.grants[0])
    TAKEN_GRANTS[name](words)
    member, _ = met(world, words)
    assert member.state is MemberState.REGISTERED
    assert member.held().sends_with == world.grants[0].sa.teks[0].spi.hex()
    assert member.wake_at is None or member.wake_at > world.now
    assert hears(member, world, signing_key)


def test_a_member_listens_at_a_group_that_is_written_as_a_subnet(world):
    words = Words.of(world.grants[0])
    words.with_kek(destination=Selector.prefix(f"{MULTICAST}/32", 848))
    member, _ = met(world, words)
    assert member.multicast == (MULTICAST, 848)


def test_a_member_without_keys_for_traffic_says_so(world, signing_key):
    words = Words.of(world.grants[0])
    words.sa = replace(words.sa, teks=())
    words.kd = KeyDownload(tuple(p for p in words.kd.packets if p.type == KEK))
    member, _ = met(world, words)
    assert member.state is MemberState.REGISTERED
    assert member.held().sends_with is None
    assert hears(member, world, signing_key)


@pytest.mark.parametrize("kind", [TEK, KEK])
def test_another_key_under_an_spi_that_is_held_is_refused(world, kind):
    words = Words.of(world.grants[0])
    member, _ = met(world, words)
    before = member.held()
    (held,) = (p for p in words.kd.packets if p.type == kind)
    changed = bytes(len(held.attributes[0].value))
    packet(kind, LONG(1, changed))(words)
    OddServer(words).meet(member, world.now)
    assert member.state is MemberState.WAITING
    assert "which is in use (RFC 6407 §5.6)" in member.events[-1].reason
    assert member.held() == before


# At the member: pushes


@pytest.fixture
def registered(world):
    """A member that holds what the world's first grant had."""
    member, _ = met(world, Words.of(world.grants[0]))
    assert member.state is MemberState.REGISTERED
    return member


def fresh(words):
    """The words of a rekey: other SPIs and keys, no KEK."""
    words.sa = replace(words.sa, kek=None)
    words.with_tek(spi=b"\xaa\xbb\xcc\xdd")
    words.kd = KeyDownload(
        tuple(
            replace(
                p,
                spi=b"\xaa\xbb\xcc\xdd",
                attributes=tuple(LONG(a.type, b"\x5a" * len(a.value)) for a in p.attributes),
            )
            for p in words.kd.packets
            if p.type == TEK
        )
    )


def push_of(words, number, *deletes):
    """Payloads of a push."""
    return [
        Payload(SEQ, Sequence(number).encode()),
        *(Payload(PayloadType.DELETE, one.encode()) for one in deletes),
        Payload(SA, words.sa.encode()),
        Payload(KD, words.kd.encode()),
        Payload(SIG, b""),
    ]


def send(member, payloads, world, signing_key, kek=None):
    octets = sealed_push(payloads, kek or member.keys.kek.kek, signing_key(""))
    return member.receive(octets, world.now)


REFUSED_PUSHES = {
    "an SA that is cut off": lambda w: None,
    "two TEKs for one": lambda w: packets(lambda all_of: [*all_of, *all_of])(w),
    "no keys": lambda w: packets(lambda _: [])(w),
    "a transform that is unknown": lambda w: w.with_tek(transform=99),
    "a delay of 8 octets": gap(LONG(1, b"\xff" * 8)),
    "an integrity key of 5 octets": lambda w: packet(TEK, LONG(2, bytes(5)))(w),
    "an SPI that is in use with another key": lambda w: (
        w.with_tek(spi=w.held),
        spi(TEK, w.held)(w),
    ),
}


@pytest.mark.parametrize("name", REFUSED_PUSHES)
def test_an_authentic_push_that_cannot_be_done_is_told_and_asked_about(
    world, registered, signing_key, name
):
    words = Words.of(world.grants[0])
    words.held = words.sa.teks[0].spi
    fresh(words)
    REFUSED_PUSHES[name](words)
    payloads = push_of(words, 1)
    if name == "an SA that is cut off":
        payloads[1] = Payload(SA, payloads[1].body[:-1])
    before = registered.held()
    assert send(registered, payloads, world, signing_key) == []
    refusal = registered.events[-1]
    assert refusal.event == "refused"
    assert registered.held() == before
    # It is not acknowledged; the member asks soon, once, however often the push is repeated.
    for _ in range(3):
        send(registered, payloads, world, signing_key)
    assert [e.event for e in registered.events].count("refused") == 1
    assert registered.wake_at <= world.now + 2
    assert registered.tick(world.now + 2) != []
    assert registered.state is MemberState.PHASE_1


def delete(protocol, *spis, doi=2):
    return Delete(protocol, spis, doi)


@pytest.mark.parametrize(
    ("one", "named"),
    [
        (delete(1, bytes(16)), "D: SPIs of 16 octets for protocol 1, 4 expected"),
        (delete(0, bytes(4)), "D: SPIs of 4 octets for protocol 0, 16 expected"),
        (delete(1), "D: SPIs of 0 octets"),
        (delete(3, bytes(4)), "D: protocol 3 is unknown"),
        (delete(1, bytes(4), doi=1), "D: DOI 1"),
    ],
    ids=["long", "short", "none", "protocol", "doi"],
)
def test_a_deletion_that_is_not_understood_deletes_nothing(
    world, registered, signing_key, one, named
):
    before = registered.held()
    payloads = [Payload(SEQ, Sequence(1).encode()), Payload(12, one.encode()), Payload(SIG, b"")]
    send(registered, payloads, world, signing_key)
    assert registered.events[-1].event == "refused"
    assert named in registered.events[-1].reason
    assert registered.events[-1].reason.endswith("(RFC 6407 §5.9)")
    assert registered.held() == before


@pytest.mark.parametrize("one", [delete(1, b"\1\2\3\4"), delete(0, bytes([7] * 16))])
def test_a_deletion_of_what_is_not_held_changes_nothing(world, registered, signing_key, one):
    before, kek = registered.held(), registered.keys.current_kek
    payloads = [Payload(SEQ, Sequence(1).encode()), Payload(12, one.encode()), Payload(SIG, b"")]
    send(registered, payloads, world, signing_key)
    assert registered.events[-1].event == "deleted"
    assert (registered.held(), registered.keys.current_kek) == (before, kek)
    assert hears(registered, world, signing_key)


def test_what_a_push_brings_is_not_deleted_by_its_word_for_all(world, registered, signing_key):
    old = registered.held().sends_with
    words = Words.of(world.grants[0])
    fresh(words)
    send(registered, push_of(words, 1, delete(1, bytes(4))), world, signing_key)
    assert set(registered.held().receives_with) == {old, "aabbccdd"}
    now = world.now
    while registered.wake_at <= world.now + 100:
        now = registered.wake_at
        registered.tick(now)
    held = registered.held()
    assert (held.sends_with, held.receives_with) == ("aabbccdd", ("aabbccdd",))


def test_what_a_push_brings_cannot_be_deleted_by_name(world, registered, signing_key):
    words = Words.of(world.grants[0])
    fresh(words)
    send(registered, push_of(words, 1, delete(1, b"\xaa\xbb\xcc\xdd")), world, signing_key)
    assert "is deleted by the push that brings it (RFC 6407 §5.9)" in registered.events[-1].reason


@pytest.mark.parametrize("number", [0, LAST])
def test_sequence_numbers_at_their_ends(world, registered, signing_key, number):
    words = Words.of(world.grants[0])
    fresh(words)
    send(registered, push_of(words, number), world, signing_key)
    if number == 0:
        assert registered.events[-1].reason == "SEQ 0 after 0: replayed"
        return
    assert registered.events[-1].event == "rekeyed"
    # Nothing can follow under this KEK: the member does not wait for what cannot come.
    assert registered.wake_at <= world.now + 2


def test_a_kek_that_is_used_up_without_a_gap_makes_a_member_ask(world, signing_key):
    words = Words.of(world.grants[0])
    words.sequence = LAST - 1
    member, _ = met(world, words)
    assert hears(member, world, signing_key)
    assert member.keys.kek.sequence == LAST
    assert member.wake_at <= world.now + 2


def test_a_signature_that_is_short_or_anothers_changes_nothing(world, registered, signing_key):
    words = Words.of(world.grants[0])
    fresh(words)
    before, kek = registered.held(), registered.keys.kek.kek
    octets = sealed_push(push_of(words, 1), kek, signing_key(""))
    plain = kek.cipher.decrypt(kek.key, kek.iv, octets[28:])
    payloads, _ = decode_chain(SEQ, plain)
    for signature in (b"", bytes(1), payloads[-1].body[:-1], payloads[-1].body + b"\0"):
        chain = [*payloads[:-1], Payload(SIG, signature)]
        from_server = encode_message(Header.decode(octets)._replace(length=0), chain)
        sealed = kek.cipher.encrypt(kek.key, kek.iv, from_server[28:])
        header = Header.decode(octets)._replace(length=28 + len(sealed))
        registered.receive(header.encode() + sealed, world.now)
        assert registered.events[-1].reason == "SIG does not match"
    assert registered.held() == before
    assert registered.keys.kek.sequence == 0
    registered.receive(octets, world.now)
    assert registered.events[-1].event in ("rekeyed", "activated")


# At the server


@pytest.fixture
def peer(world):
    """A peer of the key server that is authenticated."""
    return OddMember(world)


def identity(kind, data, **more):
    return Payload(PayloadType.ID, Identification(kind, data, **more).encode())


GROUP = identity(11, bytes([0, 0, 0, 1]))
ODD_IDENTITIES = {
    "an IPv4 address": identity(1, bytes([192, 0, 2, 11])),
    "a name": identity(2, b"gm.example.net"),
    "a name that writes lines": identity(2, b"gm\n2026 root: all is well\x1b[2J"),
    "a KEY_ID of 3 octets": identity(11, bytes(3)),
    "a KEY_ID of 5 octets": identity(11, bytes(5)),
    "an empty KEY_ID": identity(11, b""),
    "a KEY_ID of 60000 octets": identity(11, bytes(60000)),
    "type 255": identity(255, bytes(4)),
    "an ID of 3 octets": Payload(PayloadType.ID, bytes(3)),
}


@pytest.mark.parametrize("name", ODD_IDENTITIES)
def test_what_is_no_group_is_named_with_its_section(world, peer, name):
    reason = peer.ask(NONCE, ODD_IDENTITIES[name])
    assert reason.startswith("ID: ")
    assert reason.endswith("(RFC 6407 §5.1.1)")
    assert reason.isprintable()
    assert len(reason) < 100


@pytest.mark.parametrize("group", [0, 3, 2**32 - 1])
def test_a_group_that_is_not_there_is_refused(world, peer, group):
    asked = Payload(PayloadType.ID, group_identity(group).encode())
    assert f"group {group}" in peer.ask(NONCE, asked)


@pytest.mark.parametrize(
    "payloads",
    [
        [NONCE],
        [GROUP],
        [NONCE, NONCE, GROUP],
        [NONCE, GROUP, GROUP],
        [NONCE, GROUP, Payload(99, bytes(4))],
        [NONCE, GROUP, Payload(200, b"private use")],
        [Payload(PayloadType.NONCE, bytes(7)), GROUP],
        [Payload(PayloadType.NONCE, bytes(129)), GROUP],
        [],
    ],
    ids=lambda payloads: "-".join(f"{p.type}.{len(p.body)}" for p in payloads),
)
def test_a_pull_that_asks_for_nothing_is_refused(world, peer, payloads):
    before = world.listed()
    assert peer.ask(*payloads).startswith(("payloads [", "nonce: "))
    assert world.listed()[0] == before[0]


def test_the_payloads_of_a_pull_may_come_in_any_order(peer):
    assert peer.ask(GROUP, NONCE) == ""


def test_a_pull_in_clear_or_with_a_wrong_hash_gets_no_answer(world, peer):
    exchange = peer.exchange()
    sealed = exchange.seal([NONCE, GROUP])
    header = Header.decode(sealed)
    clear = header._replace(flags=0).encode() + sealed[28:]
    assert peer.send(clear) is None
    assert peer.reasons == ["message is not encrypted"]
    other_id = header._replace(message_id=header.message_id ^ 1).encode() + sealed[28:]
    assert peer.send(other_id) is None
    no_cookies = header._replace(initiator_cookie=bytes(8), responder_cookie=bytes(8))
    assert peer.send(no_cookies.encode() + sealed[28:]) is None
    assert peer.send(sealed) is not None


BESIDE = {
    "an error": Notification(NotifyType.NO_PROPOSAL_CHOSEN),
    "a status": Notification(NotifyType.INITIAL_CONTACT),
}


@pytest.mark.parametrize(("name", "said"), [("an error", "NO-PROPOSAL-CHOSEN"), ("a status", "")])
def test_a_request_with_an_error_beside_it_is_not_clear(peer, name, said):
    assert peer.ask(NONCE, GROUP, Payload(11, BESIDE[name].encode())).startswith(said)
    assert bool(peer.reasons) == bool(said)


@pytest.mark.parametrize(
    ("payloads", "reason"),
    [
        ([], "an Informational message of []"),
        ([Payload(99, b"x")], "an Informational message of [99]"),
        (
            [NONCE, Payload(12, Delete(1, (bytes(16),)).encode())],
            "an Informational message of [10]",
        ),
        ([Payload(11, BESIDE["an error"].encode())], "the peer says NO-PROPOSAL-CHOSEN"),
        ([Payload(11, Notification(1).encode())], "the peer says INVALID-PAYLOAD-TYPE"),
        ([Payload(11, Notification(31).encode())], "the peer says notification 31"),
        ([Payload(11, BESIDE["a status"].encode())], None),
    ],
    ids=["nothing", "unknown", "nonce", "error", "strongSwan's", "unnamed", "status"],
)
def test_what_a_peer_informs_of_and_cannot_be_followed_is_logged(peer, payloads, reason):
    assert peer.send(peer.exchange(Exchange.INFORMATIONAL).seal(payloads)) is None
    assert peer.reasons == ([reason] if reason else [])


def test_a_policy_that_a_member_cannot_do_is_logged_at_the_key_server_too(peer):
    # RFC 6407 §3.3; the member that gives its phase 1 up says why.
    words = Notification(NotifyType.ATTRIBUTES_NOT_SUPPORTED).encode()
    peer.send(peer.exchange(Exchange.INFORMATIONAL).seal([Payload(11, words)]))
    assert peer.reasons == ["the peer says ATTRIBUTES-NOT-SUPPORTED"]
    assert peer.gateways == ["gm-1"]


def test_informational_messages_that_are_not_proved_are_logged_and_change_nothing(peer):
    sealed = peer.exchange(Exchange.INFORMATIONAL).seal([Payload(13, b"x")])
    peer.send(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    peer.send(sealed[:19] + b"\0" + sealed[20:])
    assert len(peer.reasons) == 2
    assert peer.ask(NONCE, GROUP) == peer.reasons[-1] == "message is not encrypted"


def test_a_message_3_takes_one_gap(peer):
    exchange = peer.exchange()
    answer = peer.send(exchange.seal([NONCE, GROUP]))
    said = exchange.open(Header.decode(answer), answer, known=NONCE.body)
    both = NONCE.body + next(p.body for p in said if p.type == PayloadType.NONCE)
    peer.send(exchange.seal([Payload(PayloadType.GAP, b"")] * 2, known=both))
    assert peer.reasons == ["message 3 takes a GAP at most"]


def test_pulls_that_interleave_are_told_apart(world, peer):
    exchanges = [peer.exchange() for _ in range(3)]
    firsts = [exchange.seal([NONCE, GROUP]) for exchange in exchanges]
    answers = [peer.send(first) for first in firsts]
    assert [peer.send(first) for first in firsts] == answers
    for exchange, answer in zip(exchanges[::-1], answers[::-1], strict=True):
        said = exchange.open(Header.decode(answer), answer, known=NONCE.body)
        theirs = next(p.body for p in said if p.type == PayloadType.NONCE)
        third = exchange.seal([], known=NONCE.body + theirs)
        fourth_message = peer.send(third)
        assert peer.send(third) == fourth_message
        granted = exchange.open(
            Header.decode(fourth_message), fourth_message, known=NONCE.body + theirs
        )
        assert [p.type for p in granted] == [SEQ, KD]
    assert peer.reasons == []


@pytest.mark.parametrize(
    ("attribute", "chosen"),
    [
        (SHORT(13, 1), False),
        (SHORT(5, 3), False),
        (SHORT(16384, 1), False),
        (SHORT(11, 1), True),
    ],
    ids=["prf", "group type", "private", "life type"],
)
def test_a_transform_is_chosen_only_when_all_of_it_is_understood(world, attribute, chosen):
    offered = PROPOSAL.transform(1, 600)
    transform = Transform(1, 1, (*offered.attributes, attribute))
    sa = SaPayload((Proposal(1, 1, b"", (transform,)),))
    first = Header.decode(MainModeInitiator(policy(GM, SERVER)).first())
    message = encode_message(first, [Payload(SA, sa.encode())])
    answer, _ = world.endpoint.receive(message, (GM, 848), world.now)
    expected = Exchange.IDENTITY_PROTECTION if chosen else Exchange.INFORMATIONAL
    assert Header.decode(answer).exchange == expected


@pytest.mark.parametrize(
    "octets",
    [b"", b"\0", bytes(28), bytes(65507), b"\xff" * 65507, bytes(31), bytes(33)],
    ids=lambda octets: f"{octets[:1].hex()}x{len(octets)}",
)
def test_octets_of_any_length_are_noise_to_both_ends(world, registered, octets):
    before = registered.held(), registered.state
    _, events = world.endpoint.receive(octets, (GM, 848), world.now)
    assert len(events) == 1
    registered.receive(octets, world.now)
    assert (registered.held(), registered.state) == before


# Generated: authentic messages with anything in them

MOST_EXAMPLES = 150


def mangled(draw, octets):
    """Octets with a few of them changed, left out or doubled."""
    found = bytearray(octets)
    for _ in range(draw(st.integers(1, 3))):
        position = draw(st.integers(0, max(0, len(found) - 1)))
        how = draw(st.sampled_from(("flip", "cut", "double", "zero", "ones")))
        if how == "flip" and found:
            found[position] ^= draw(st.integers(1, 255))
        elif how == "cut":
            del found[position : position + draw(st.integers(1, 40))]
        elif how == "double":
            found[position:position] = found[position : position + draw(st.integers(1, 40))]
        else:
            end = position + draw(st.integers(1, 8))
            found[position:end] = (b"\0" if how == "zero" else b"\xff") * len(found[position:end])
    return bytes(found)


def generous(function):
    """Many examples, as long as they take; the world is common to them."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    limits = settings(max_examples=MOST_EXAMPLES, deadline=None, suppress_health_check=checks)
    return limits(given(st.data())(function))


def usable(member):
    """What it says that it sends with is held, whole, and the lengths are those of the names."""
    for teks in member.keys.teks.values():
        for tek in teks:
            assert len(tek.keys.encryption) == (tek.sa.key_length if tek.sa.cipher else 0)
            size = tek.sa.integrity.key_length if tek.sa.integrity else 0
            assert len(tek.keys.integrity) == size


@generous
def test_no_grant_that_is_mangled_registers_a_member_that_cannot_hear(world, signing_key, data):
    words = Words.of(world.grants[0])
    which = data.draw(st.sampled_from(("second", "fourth")))
    payloads = words.messages()[which == "fourth"]
    number = data.draw(st.integers(0, len(payloads) - 1))
    payloads[number] = Payload(payloads[number].type, mangled(data.draw, payloads[number].body))
    setattr(words, which, payloads)
    member, _ = met(world, words)
    if member.state is not MemberState.REGISTERED:
        assert member.state is MemberState.WAITING
        assert member.events[-1].reason
        return
    usable(member)
    for _ in range(20):
        if member.wake_at is None or member.wake_at > world.now + 10**6:
            break
        member.tick(member.wake_at)
    if member.keys.kek is not None:
        assert member.keys.kek.sequence < LAST


@generous
def test_no_push_that_is_mangled_is_half_installed(world, signing_key, data):
    member, _ = met(world, Words.of(world.grants[0]))
    words = Words.of(world.grants[0])
    fresh(words)
    payloads = push_of(words, 1, delete(1, words.sa.teks[0].spi))[:-1]
    number = data.draw(st.integers(0, len(payloads) - 1))
    payloads[number] = Payload(payloads[number].type, mangled(data.draw, payloads[number].body))
    before = member.held()
    send(member, [*payloads, Payload(SIG, b"")], world, signing_key)
    usable(member)
    if member.events[-1].event in ("refused", "ignored"):
        assert member.held() == before
    if member.events[-1].event == "refused":
        assert member.wake_at <= world.now + 2


@generous
def test_no_word_of_a_peer_that_is_mangled_lists_it_or_stops_the_server(world, data):
    peer, before = OddMember(world), world.listed()[0]
    kind = data.draw(st.sampled_from((GdoiExchange.GROUPKEY_PULL, Exchange.INFORMATIONAL)))
    bodies = {
        GdoiExchange.GROUPKEY_PULL: [NONCE, GROUP],
        Exchange.INFORMATIONAL: [
            Payload(11, Notification(NotifyType.R_U_THERE, bytes(16), data=b"1234").encode()),
            Payload(PayloadType.DELETE, Delete(1, (bytes(16),)).encode()),
        ],
    }[kind]
    number = data.draw(st.integers(0, len(bodies) - 1))
    altered = [
        Payload(
            data.draw(st.sampled_from((p.type, 99))) if n == number else p.type,
            mangled(data.draw, p.body) if n == number else p.body,
        )
        for n, p in enumerate(bodies)
    ]
    sealed = peer.exchange(kind).seal(altered)
    answer = peer.send(sealed)
    assert world.listed()[0] == before
    assert answer is None or Header.decode(answer).flags & Flags.ENCRYPTION
    assert all(reason.isprintable() for reason in peer.reasons)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ISAKMP framing octet by octet, and what an endpoint makes of datagrams that are not for it."""

from __future__ import annotations

import pytest

from keyserver.gdoi.arrival import Acknowledged, RefusedPeer
from keyserver.gdoi.numbers import GdoiExchange
from keyserver.gdoi.push import open_push
from keyserver.groups.gateways import phase1_proposal
from keyserver.ike.authentication import decode_certificate
from keyserver.ike.numbers import Exchange, Flags, NotifyType
from keyserver.ike.payloads import SaPayload
from keyserver.ike.proposal import offer
from keyserver.ike.refusal import Refused
from keyserver.ike.wire import (
    Attribute,
    Header,
    MalformedPayload,
    Payload,
    Reader,
    attribute_map,
    decode_attributes,
    decode_chain,
    encode_attributes,
    encode_chain,
    encode_message,
    exchange_of,
)
from tests.keyserver.test_rekey import V2_BLOCK
from tests.keyserver.world import GM, V1_SMC, World

I_COOKIE, R_COOKIE = bytes(range(1, 9)), bytes(range(11, 19))
HEADER = Header(I_COOKIE, R_COOKIE, 0, Exchange.INFORMATIONAL, Flags.ENCRYPTION, 0x01020304)
OCTETS = bytes.fromhex("01020304050607080b0c0d0e0f1011120110050101020304")
PAYLOADS = [Payload(10, b"nonce"), Payload(5, b""), Payload(8, b"x")]
CHAIN = bytes.fromhex("05000009") + b"nonce" + bytes.fromhex("0800000400000005") + b"x"


# Framing


def test_a_header_and_a_chain_are_laid_out_as_rfc_2408_says():
    assert encode_chain(PAYLOADS) == CHAIN
    assert encode_chain([]) == b""
    message = encode_message(Header(I_COOKIE, R_COOKIE, 0, 5, 1, 0x01020304), PAYLOADS)
    head = OCTETS.replace(b"\x01\x10\x05", b"\x0a\x10\x05")
    assert message == head + (28 + len(CHAIN)).to_bytes(4, "big") + CHAIN
    assert Header.decode(message) == Header(
        I_COOKIE, R_COOKIE, 10, 5, 1, 0x01020304, len(message), 0x10
    )
    assert decode_chain(10, CHAIN + b"pad") == (PAYLOADS, b"pad")
    empty = encode_message(HEADER, [])
    assert (empty[16], int.from_bytes(empty[24:], "big")) == (0, 28)


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (bytes(27), "datagram of 27 octets has no ISAKMP header"),
        (OCTETS + (27).to_bytes(4, "big"), "header length 27, datagram 28 octets"),
        (OCTETS + (29).to_bytes(4, "big"), "header length 29, datagram 28 octets"),
        (OCTETS.replace(b"\x10\x05", b"\x21\x05") + (28).to_bytes(4, "big"), "ISAKMP version 2.1"),
    ],
)
def test_a_header_that_lies_is_refused_with_what_it_says(octets, words):
    with pytest.raises(MalformedPayload, match=f"^{words}$"):
        Header.decode(octets)


def test_a_minor_version_is_taken():
    later = OCTETS.replace(b"\x10\x05", b"\x1f\x05") + (28).to_bytes(4, "big")
    assert Header.decode(later).version == 0x1F


@pytest.mark.parametrize(
    ("first", "octets", "words"),
    [
        (5, b"", "payload 5 is cut off"),
        (5, bytes(3), "payload 5 is cut off"),
        (5, bytes.fromhex("00010004"), "payload 5: reserved octet is 1"),
        (5, bytes.fromhex("00000003"), "payload 5: length 3 does not fit"),
        (5, bytes.fromhex("00000005"), "payload 5: length 5 does not fit"),
        (5, bytes.fromhex("07000004"), "payload 7 is cut off"),
        (5, bytes.fromhex("05000004") * 65, "more than 64 payloads"),
    ],
)
def test_a_chain_that_lies_is_refused_with_what_it_says(first, octets, words):
    with pytest.raises(MalformedPayload, match=f"^{words}$"):
        decode_chain(first, octets)


def test_a_chain_may_have_64_payloads():
    octets = bytes.fromhex("05000004") * 63 + bytes.fromhex("00000004")
    assert len(decode_chain(5, octets)[0]) == 64


def test_attributes_have_a_short_and_a_long_form():
    attributes = (Attribute.short(1, 7), Attribute.long(12, b"\x00\x01\x51\x80"))
    octets = bytes.fromhex("80010007000c000400015180")
    assert encode_attributes(attributes) == octets
    assert decode_attributes(octets, "x") == attributes
    assert [a.number for a in attributes] == [7, 86400]
    assert list(attribute_map(attributes, "x")) == [1, 12]


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        ("80", "x: 2 octets expected, 1 left"),
        ("800100", "x: 2 octets expected, 1 left"),
        ("000c0004000151", "x: 4 octets expected, 3 left"),
        ("80010007" * 65, "x: more than 64 attributes"),
    ],
)
def test_attributes_that_lie_are_refused_with_what_they_are_of(octets, words):
    with pytest.raises(MalformedPayload, match=f"^{words}$"):
        decode_attributes(bytes.fromhex(octets), "x")


def test_an_attribute_comes_once():
    with pytest.raises(MalformedPayload, match=r"^x: attribute 1 twice$"):
        attribute_map((Attribute.short(1, 7), Attribute.short(1, 7)), "x")
    assert len(decode_attributes(bytes.fromhex("80010007") * 64, "x")) == 64


def test_a_reader_accounts_for_every_octet():
    reader = Reader(b"\x01\x02\x03\x04\x05", "x")
    assert (reader.number(2), reader.left, reader.take(1)) == (0x0102, 3, b"\x03")
    with pytest.raises(MalformedPayload, match=r"^x: 2 octets too many$"):
        reader.done()
    with pytest.raises(MalformedPayload, match=r"^x: -1 octets expected, 2 left$"):
        reader.take(-1)
    assert reader.rest() == b"\x04\x05"
    reader.done()


@pytest.mark.parametrize("marker", [b"", bytes(4)])
def test_the_exchange_that_a_datagram_claims_is_seen_behind_a_marker_too(marker):
    message = OCTETS + (28).to_bytes(4, "big")
    assert exchange_of(marker + message) == 5
    assert exchange_of(marker + bytes(4) + message[4:]) == 5
    assert exchange_of(marker + message[:-1]) == 0
    assert exchange_of(marker) == 0


def test_an_offer_numbers_its_transforms_from_one():
    offered = (
        phase1_proposal("aes-256-cbc", "sha-256", "group14", "pre-shared-keys"),
        phase1_proposal("3des-cbc", "sha1", "group2", "pre-shared-keys"),
    )
    body = offer(offered, 28800, 2)
    assert body[:8] == bytes.fromhex("0000000200000000")
    (proposal,) = SaPayload.decode(body).proposals
    assert (proposal.number, proposal.protocol, proposal.spi) == (1, 1, b"")
    assert [(t.number, t.identifier) for t in proposal.transforms] == [(1, 1), (2, 1)]
    first = {a.type: a.number for a in proposal.transforms[0].attributes}
    assert first == {1: 7, 2: 4, 3: 1, 4: 14, 11: 1, 12: 28800, 14: 256}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "SA: 4 octets expected, 0 left"),
        ("0000000200", "SA: 4 octets expected, 1 left"),
        ("000000020000000000000004", "proposal: 1 octets expected, 0 left"),
        ("00000002000000000000000800000001", "payload 3 is cut off"),
        (
            "0000000200000000000000080101000000",
            "SA: something else than proposals inside",
        ),
    ],
)
def test_an_offer_that_lies_is_refused_with_what_it_is_of(body, words):
    with pytest.raises(MalformedPayload) as refused:
        SaPayload.decode(bytes.fromhex(body))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", NotifyType.INVALID_CERT_ENCODING),
        (b"\x05abc", NotifyType.INVALID_CERT_ENCODING),
        (b"\x04abc", NotifyType.INVALID_CERTIFICATE),
    ],
)
def test_a_certificate_that_is_none_is_refused_by_its_kind(body, kind):
    with pytest.raises(Refused) as refused:
        decode_certificate(body)
    assert refused.value.notify is kind


# At an endpoint


@pytest.fixture
def world(signing_key):
    return World(signing_key, extra=(V2_BLOCK,))


def refused(world, datagram, **more):
    answer, events = world.endpoint.receive(datagram, (GM, 848), world.now, **more)
    assert answer is None
    return events


@pytest.mark.parametrize("marker", [b"", bytes(4)])
def test_octets_that_are_no_message_are_told_with_who_sent_them(world, marker):
    wrong = OCTETS + (99).to_bytes(4, "big") + bytes(8)
    assert refused(world, marker + wrong) == (
        RefusedPeer(GM, "header length 99, datagram 36 octets"),
    )
    short = marker + b"\x01" * 20
    assert refused(world, short) == (RefusedPeer(GM, "datagram of 20 octets has no ISAKMP header"),)


@pytest.mark.parametrize("exchange", [0, 6, GdoiExchange.GROUPKEY_PUSH, 99, 255])
def test_an_exchange_that_is_not_spoken_is_named(world, exchange):
    message = encode_message(Header(I_COOKIE, bytes(8), 0, exchange), [])
    assert refused(world, message) == (
        RefusedPeer(GM, f"exchange type {exchange} is not supported"),
    )


@pytest.mark.parametrize("datagram", [b"", b"\xff", bytes(4), OCTETS + (28).to_bytes(4, "big")])
def test_at_the_floating_port_only_what_is_marked_is_looked_at(world, datagram):
    assert refused(world, datagram, floated=True) == ()


@pytest.mark.parametrize(
    ("exchange", "reasons"),
    [(Exchange.INFORMATIONAL, []), (GdoiExchange.GROUPKEY_PULL, ["pull without phase 1"])],
)
def test_what_belongs_to_no_phase_1_leaves_nothing(world, exchange, reasons):
    message = encode_message(
        Header(I_COOKIE, R_COOKIE, 0, exchange, Flags.ENCRYPTION, 7), [Payload(8, bytes(28))]
    )
    assert refused(world, message) == tuple(RefusedPeer(GM, reason) for reason in reasons)
    assert world.endpoint.associations(world.now) == []
    assert world.endpoint.half_open == 0


def test_a_registration_is_shown(world):
    world.joined(1)
    (view,) = world.endpoint.associations(world.now)
    assert (view.gateway, view.address, view.port, view.mode) == ("gm-1", GM, 848, "main")
    assert (view.cipher, view.key_bits, view.hash_name, view.dh_group) == ("aes", 256, "sha256", 14)
    assert (view.authentication, view.life_remaining) == ("pre-shared-key", 28800)


def test_an_acknowledgement_is_told(world):
    world.joined(1)
    world.commit(V2_BLOCK, V1_SMC + "lifetime-seconds 7200")
    world.pass_time(10)
    assert [type(event) for event in world.events].count(Acknowledged) == 1


# A push's header


@pytest.mark.parametrize(
    ("message_id", "flags"), [(1, Flags.ENCRYPTION), (0, 0), (0, 3), (1, 0), (0xFFFFFFFF, 1)]
)
def test_a_push_has_no_message_id_and_is_encrypted(world, message_id, flags):
    world.joined(1)
    world.commit(V2_BLOCK, V1_SMC + "lifetime-seconds 7200")
    kek = world.members[GM].keys.kek.kek
    (datagram, *_rest) = world.pushed
    header = Header.decode(datagram)
    assert (header.message_id, header.flags) == (0, Flags.ENCRYPTION)
    wrong = Header(
        header.initiator_cookie,
        header.responder_cookie,
        header.next_payload,
        header.exchange,
        flags,
        message_id,
        header.length,
    )
    with pytest.raises(MalformedPayload, match=f"^push with message id {message_id:#x} and flags"):
        open_push(wrong, datagram, kek)

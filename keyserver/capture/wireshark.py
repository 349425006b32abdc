# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make a capture of GDOI readable for Wireshark, whose dissector knows IKE but not all of GDOI.

It learns ciphers only from a phase 1 SA of DOI 1, and decrypts a message only behind a phase 1
with the same cookie. So in the copy the DOI is 1, and in front of each push stand an invented
phase 1 under the KEK's cookies and one block that makes the dissector take the KEK's IV. All
goes to port 500, where Wireshark expects ISAKMP.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from ..gdoi.numbers import GdoiExchange
from ..ike.numbers import Exchange, Flags, PayloadType
from ..ike.payloads import PROTO_ISAKMP, Proposal, SaPayload
from ..ike.proposal import Phase1Proposal
from ..ike.wire import (
    COOKIE_LENGTH,
    HEADER_LENGTH,
    Header,
    MalformedPayload,
    Payload,
    encode_message,
)
from .keylog import LoggedKek

_MAGIC = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\x3c\x4d": ">",
}
_RAW_IP = 101
# Octets in front of the IP header, by link type.
_LINK_HEADERS = {0: 4, 1: 14, _RAW_IP: 0, 113: 16, 276: 20}
_UDP, _ISAKMP_PORT = 17, 500
_FIRST_DOI = slice(HEADER_LENGTH + 4, HEADER_LENGTH + 8)


class UnreadableCapture(ValueError):
    """A file of another kind than the captures that are read here."""


@dataclass(frozen=True)
class _Packet:
    seconds: int
    fraction: int
    ends: tuple[bytes, bytes]
    datagram: bytes


def _packets(capture: bytes) -> Iterator[_Packet]:
    order = _MAGIC.get(capture[:4])
    if order is None or len(capture) < 24:
        raise UnreadableCapture("a pcap file is expected; write the capture with tcpdump -w")
    link = struct.unpack_from(order + "I", capture, 20)[0]
    if link not in _LINK_HEADERS:
        raise UnreadableCapture(
            f"link type {link} is not known here; capture on lo or on an Ethernet"
        )
    position = 24
    while position + 16 <= len(capture):
        seconds, fraction, size, _ = struct.unpack_from(order + "IIII", capture, position)
        frame = capture[position + 16 : position + 16 + size]
        position += 16 + size
        packet = frame[_LINK_HEADERS[link] :]
        head = (packet[0] & 15) * 4 if packet else 0
        if len(packet) < head + 8 or packet[0] >> 4 != 4 or packet[9] != _UDP:
            continue
        yield _Packet(seconds, fraction, (packet[12:16], packet[16:20]), packet[head + 8 :])


def readable_capture(capture: bytes, keks: dict[bytes, LoggedKek]) -> bytes:
    """A pcap of the GDOI messages in ``capture``. Raises UnreadableCapture."""
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, _RAW_IP)
    introduced: set[bytes] = set()
    records = (_records(packet, keks, introduced) for packet in _packets(capture))
    return b"".join(chain([header], chain.from_iterable(records)))


def _records(
    packet: _Packet, keks: dict[bytes, LoggedKek], introduced: set[bytes]
) -> Iterator[bytes]:
    """A packet, behind what the dissector needs to read it; ``introduced``: KEKs that it knows."""
    marked = packet.datagram[:4] == bytes(4)
    message = packet.datagram[4:] if marked else packet.datagram
    try:
        header = Header.decode(message)
    except MalformedPayload:
        return
    kek = keks.get(header.spi) if header.exchange == GdoiExchange.GROUPKEY_PUSH else None
    if kek is not None and kek.spi not in introduced:
        introduced.add(kek.spi)
        # The dissector tells initiator and responder apart by their addresses.
        back = packet.ends[::-1]
        for number, datagram in enumerate(_introduction(kek)):
            ends = back if number % 2 else packet.ends
            yield _record(replace(packet, datagram=datagram, ends=ends))
    if kek is not None:
        yield _record(replace(packet, datagram=_iv_carrier(kek)))
    yield _record(replace(packet, datagram=_with_ipsec_doi(header, message)))


def _with_ipsec_doi(header: Header, message: bytes) -> bytes:
    phase1 = header.exchange in (Exchange.IDENTITY_PROTECTION, Exchange.AGGRESSIVE)
    if not phase1 or header.next_payload != PayloadType.SA or header.flags & Flags.ENCRYPTION:
        return message
    return message[: _FIRST_DOI.start] + (1).to_bytes(4, "big") + message[_FIRST_DOI.stop :]


def _introduction(kek: LoggedKek) -> list[bytes]:
    proposal = Phase1Proposal(kek.cipher, "sha1", 2)
    sa = SaPayload((Proposal(1, PROTO_ISAKMP, b"", (proposal.transform(1, 3600),)),), 1, 1).encode()
    first, second = kek.spi[:COOKIE_LENGTH], kek.spi[COOKIE_LENGTH:]
    exchange = [Payload(PayloadType.KE, bytes(128)), Payload(PayloadType.NONCE, bytes(16))]
    return [
        encode_message(Header(first, responder, 0, Exchange.IDENTITY_PROTECTION), payloads)
        for responder, payloads in (
            (bytes(COOKIE_LENGTH), [Payload(PayloadType.SA, sa)]),
            (second, [Payload(PayloadType.SA, sa)]),
            (second, exchange),
            (second, exchange),
        )
    ]


def _iv_carrier(kek: LoggedKek) -> bytes:
    header = Header(
        kek.spi[:COOKIE_LENGTH],
        kek.spi[COOKIE_LENGTH:],
        PayloadType.NONE,
        Exchange.IDENTITY_PROTECTION,
        Flags.ENCRYPTION,
        0,
        HEADER_LENGTH + len(kek.iv),
    )
    return header.encode() + kek.iv


def _record(packet: _Packet) -> bytes:
    udp = struct.pack("!HHHH", _ISAKMP_PORT, _ISAKMP_PORT, 8 + len(packet.datagram), 0)
    body = udp + packet.datagram
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, _UDP, 0)
    frame = head + b"".join(packet.ends) + body
    return struct.pack("<IIII", packet.seconds, packet.fraction, len(frame), len(frame)) + frame

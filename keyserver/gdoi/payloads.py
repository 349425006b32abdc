# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Payload bodies of GDOI, each a dataclass with ``encode`` and ``decode`` (RFC 6407 §5).

Where the RFC's text and figures differ, the figures, the reference implementation and Wireshark
agree; they are followed here.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Literal, Self

from ..ike.numbers import GDOI_DOI, IdType, PayloadType
from ..ike.payloads import Identification, Notification
from ..ike.wire import (
    Attribute,
    MalformedPayload,
    Payload,
    Reader,
    decode_attributes,
    decode_chain,
    encode_attributes,
    encode_chain,
    encode_payload,
)
from .numbers import KEK_PROTOCOL

# As many as a datagram has room for: who says them is known by now.
MOST_POLICIES = 1200


class Profile(Enum):
    """Which implementation's reading of the RFC is spoken.

    ``cisco-reference`` is Cisco's GDOI reference code: group id in little-endian order, a
    destination of one host as an address, the old KEK's SPI in the KD that rolls it, raw
    digests under signatures, numbers that go on, and in one release six reserved octets in the SAK.
    """

    RFC6407 = "rfc6407"
    CISCO_REFERENCE = "cisco-reference"


_GROUP_ID_ORDER: dict[Profile, Literal["little", "big"]] = {
    Profile.RFC6407: "big",
    Profile.CISCO_REFERENCE: "little",
}


def group_identity(group_id: int, profile: Profile = Profile.RFC6407) -> Identification:
    """The group to register to (RFC 6407 §5.1.1): a 4-octet KEY_ID."""
    return Identification(IdType.KEY_ID, group_id.to_bytes(4, _GROUP_ID_ORDER[profile]))


def group_id_of(identity: Identification, profile: Profile = Profile.RFC6407) -> int:
    """The group id of a KEY_ID. Raises MalformedPayload."""
    if identity.type != IdType.KEY_ID or len(identity.data) != 4:
        raise MalformedPayload(
            f"ID: type {identity.type} of {len(identity.data)} octets, a group is expected"
        )
    return int.from_bytes(identity.data, _GROUP_ID_ORDER[profile])


# Every registration describes the same policy: its addresses are parsed once.
_KNOWN_SELECTORS = 1024


_ADDRESS_SIZES = {4: 4, 6: 16}
_SINGLE = (IdType.IPV4_ADDR, IdType.IPV6_ADDR)
_SUBNETS = (IdType.IPV4_ADDR_SUBNET, IdType.IPV6_ADDR_SUBNET)
_RANGES = (IdType.IPV4_ADDR_RANGE, IdType.IPV6_ADDR_RANGE)
_VERSIONS: dict[int, int] = {
    kind: version
    for kinds in (_SINGLE, _SUBNETS, _RANGES)
    for kind, version in zip(kinds, (4, 6), strict=True)
}


@dataclass(frozen=True, slots=True)
class Selector:
    """Source or destination in a SAK or SAT: identification type, port, data (§5.3, §5.5)."""

    type: int
    port: int
    data: bytes

    def encode(self) -> bytes:
        return struct.pack("!BHB", self.type, self.port, len(self.data)) + self.data

    @classmethod
    def read(cls, reader: Reader) -> Self:
        kind, port = reader.number(1), reader.number(2)
        return cls(kind, port, reader.take(reader.number(1)))

    @classmethod
    @lru_cache(maxsize=_KNOWN_SELECTORS)
    def host(cls, address: str, port: int) -> Self:
        """One IPv4 host."""
        return cls(IdType.IPV4_ADDR, port, ipaddress.IPv4Address(address).packed)

    @classmethod
    @lru_cache(maxsize=_KNOWN_SELECTORS)
    def prefix(cls, prefix: str, port: int) -> Self:
        """An IPv4 prefix as address and mask."""
        network = ipaddress.IPv4Network(prefix, strict=False)
        return cls(
            IdType.IPV4_ADDR_SUBNET, port, network.network_address.packed + network.netmask.packed
        )

    @property
    def version(self) -> int:
        """4 or 6: that of its addresses; 0 for one that has none."""
        return _VERSIONS.get(self.type, 0)

    def __str__(self) -> str:
        size = _ADDRESS_SIZES.get(self.version, 0)
        halves = self.data[:size], self.data[size:]
        if self.type in _SINGLE and len(self.data) == size:
            return str(ipaddress.ip_address(self.data))
        if self.type in _SUBNETS and len(self.data) == 2 * size:
            ones = int.from_bytes(halves[1], "big").bit_count()
            return f"{ipaddress.ip_address(halves[0])}/{ones}"
        if self.type in _RANGES and len(self.data) == 2 * size:
            return "-".join(str(ipaddress.ip_address(half)) for half in halves)
        return f"{self.type}:{self.data.hex()}"


SAK_RESERVED = b"\0" * 4
_SAK_RESERVED_LENGTHS = (4, 6)


@dataclass(frozen=True, slots=True)
class SaKek:
    """SAK payload: the policy of the group's KEK (RFC 6407 §5.3).

    ``reserved`` is RESERVED2, four octets; six in one release of the reference implementation.
    """

    source: Selector
    destination: Selector
    spi: bytes
    attributes: tuple[Attribute, ...]
    protocol: int = KEK_PROTOCOL
    reserved: bytes = SAK_RESERVED

    def encode(self) -> bytes:
        return b"".join(
            (
                bytes([self.protocol]),
                self.source.encode(),
                self.destination.encode(),
                self.spi,
                self.reserved,
                encode_attributes(self.attributes),
            )
        )

    @classmethod
    def decode(cls, body: bytes, profile: Profile = Profile.RFC6407) -> Self:
        reader = Reader(body, "SAK")
        protocol = reader.number(1)
        source, destination = Selector.read(reader), Selector.read(reader)
        spi, rest = reader.take(16), reader.rest()
        lengths = _SAK_RESERVED_LENGTHS if profile is Profile.CISCO_REFERENCE else (4,)
        failure = MalformedPayload("SAK: reserved octets missing")
        for length in lengths:
            if len(rest) < length:
                break
            try:
                attributes = decode_attributes(rest[length:], "SAK")
            except MalformedPayload as error:
                failure = error
                continue
            return cls(source, destination, spi, attributes, protocol, rest[:length])
        raise failure


@dataclass(frozen=True, slots=True)
class GroupAssociatedPolicy:
    """GAP payload (RFC 6407 §5.4)."""

    attributes: tuple[Attribute, ...]

    def encode(self) -> bytes:
        return encode_attributes(self.attributes)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        return cls(decode_attributes(body, "GAP"))


@dataclass(frozen=True, slots=True)
class SaTek:
    """SAT payload for ESP or AH (RFC 6407 §5.5.1): one traffic selector and its SA."""

    protocol_id: int
    protocol: int
    source: Selector
    destination: Selector
    transform: int
    spi: bytes
    attributes: tuple[Attribute, ...]

    def encode(self) -> bytes:
        return b"".join(
            (
                bytes([self.protocol_id, self.protocol]),
                self.source.encode(),
                self.destination.encode(),
                bytes([self.transform]),
                self.spi,
                encode_attributes(self.attributes),
            )
        )

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = Reader(body, "SAT")
        protocol_id, protocol = reader.number(1), reader.number(1)
        if protocol_id not in (1, 2):
            raise MalformedPayload(f"SAT: protocol {protocol_id}, ESP or AH is expected")
        source, destination = Selector.read(reader), Selector.read(reader)
        transform, spi = reader.number(1), reader.take(4)
        attributes = decode_attributes(reader.rest(), "SAT")
        return cls(protocol_id, protocol, source, destination, transform, spi, attributes)


@dataclass(frozen=True, slots=True)
class GroupSa:
    """SA payload of GDOI with its attribute payloads (RFC 6407 §5.2)."""

    kek: SaKek | None
    gap: GroupAssociatedPolicy | None
    teks: tuple[SaTek, ...]
    doi: int = GDOI_DOI
    situation: int = 0

    def encode(self) -> bytes:
        payloads = [Payload(PayloadType.SAK, self.kek.encode())] if self.kek else []
        if self.gap:
            payloads.append(Payload(PayloadType.GAP, self.gap.encode()))
        payloads += [Payload(PayloadType.SAT, tek.encode()) for tek in self.teks]
        first = payloads[0].type if payloads else 0
        head = struct.pack("!IIHH", self.doi, self.situation, first, 0)
        return head + encode_chain(payloads)

    @classmethod
    def decode(cls, body: bytes, profile: Profile = Profile.RFC6407) -> Self:
        kek, gap = None, None
        teks: list[SaTek] = []
        doi, situation, payloads = _sa(body)
        for payload in payloads:
            if payload.type == PayloadType.SAK and kek is None and gap is None and not teks:
                kek = SaKek.decode(payload.body, profile)
            elif payload.type == PayloadType.GAP and gap is None and not teks:
                gap = GroupAssociatedPolicy.decode(payload.body)
            elif payload.type == PayloadType.SAT:
                teks.append(SaTek.decode(payload.body))
            else:
                raise MalformedPayload(f"SA: payload {payload.type} where it must not be")
        return cls(kek, gap, tuple(teks), doi, situation)


def _sa(body: bytes) -> tuple[int, int, list[Payload]]:
    """DOI, situation and attribute payloads of an SA payload."""
    reader = Reader(body, "SA")
    doi, situation, first, reserved = (reader.number(n) for n in (4, 4, 2, 2))
    if doi != GDOI_DOI or reserved != 0:
        raise MalformedPayload(f"SA: DOI {doi}, reserved {reserved}; {GDOI_DOI} and 0 expected")
    payloads, left = decode_chain(first, reader.rest(), MOST_POLICIES)
    if left:
        raise MalformedPayload(f"SA: {len(left)} octets too many")
    return doi, situation, payloads


@dataclass(frozen=True, slots=True)
class KeyPacket:
    """One key packet of a KD payload (RFC 6407 §5.6)."""

    type: int
    spi: bytes
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class KeyDownload:
    """KD payload (RFC 6407 §5.6)."""

    packets: tuple[KeyPacket, ...]

    def encode(self) -> bytes:
        parts = [struct.pack("!HH", len(self.packets), 0)]
        for packet in self.packets:
            inner = bytes([len(packet.spi)]) + packet.spi + encode_attributes(packet.attributes)
            parts.append(encode_payload(packet.type, inner))
        return b"".join(parts)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = Reader(body, "KD")
        count, reserved = reader.number(2), reader.number(2)
        if reserved != 0:
            raise MalformedPayload("KD: reserved octets are not zero")
        packets = []
        for _ in range(count):
            kind, zero, length = (reader.number(n) for n in (1, 1, 2))
            if zero != 0 or length < 5:
                raise MalformedPayload(
                    f"KD: key packet of {length} octets, reserved {zero}; 5 at least and 0 expected"
                )
            inner = Reader(reader.take(length - 4), "key packet")
            spi = inner.take(inner.number(1))
            packets.append(KeyPacket(kind, spi, decode_attributes(inner.rest(), "key packet")))
        reader.done()
        return cls(tuple(packets))


def only_informs(payload: Payload) -> bool:
    """True for what may stand beside anything, which an error may not.

    Raises MalformedPayload.
    """
    if payload.type == PayloadType.NOTIFICATION:
        return not Notification.decode(payload.body).is_error
    return payload.type == PayloadType.VENDOR_ID


@dataclass(frozen=True, slots=True)
class Sequence:
    """SEQ payload (RFC 6407 §5.7)."""

    number: int

    def encode(self) -> bytes:
        return self.number.to_bytes(4, "big")

    @classmethod
    def decode(cls, body: bytes) -> Self:
        if len(body) != 4:
            raise MalformedPayload(f"SEQ: {len(body)} octets, 4 expected")
        return cls(int.from_bytes(body, "big"))

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Payload bodies of ISAKMP, each a dataclass with ``encode`` and ``decode`` (RFC 2408 §3)."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from .numbers import FIRST_STATUS, GDOI_DOI, IdType, NotifyType, PayloadType
from .wire import (
    Attribute,
    MalformedPayload,
    Payload,
    Reader,
    decode_attributes,
    decode_chain,
    encode_attributes,
    encode_chain,
)

# Whoever sends an ID writes into our log: as many octets of it as the longest name has.
_SHOWN = 255
# A proposal counts its transforms in an octet, and phase 1 has one proposal (RFC 2409 §5). Where
# there are several they have no more together: what anyone may send must be read quickly.
_MOST_TRANSFORMS = 255
PROTO_ISAKMP = 1
"""Protocol id of phase 1 itself (RFC 2407 §4.4.1)."""


@dataclass(frozen=True, slots=True)
class Transform:
    """A transform payload (RFC 2408 §3.6)."""

    number: int
    identifier: int
    attributes: tuple[Attribute, ...]
    reserved: bytes = b"\0\0"

    def encode(self) -> bytes:
        return struct.pack(
            "!BB2s", self.number, self.identifier, self.reserved
        ) + encode_attributes(self.attributes)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = Reader(body, "transform")
        number, identifier, reserved = reader.number(1), reader.number(1), reader.take(2)
        return cls(number, identifier, decode_attributes(reader.rest(), "transform"), reserved)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal payload (RFC 2408 §3.5) with its transforms."""

    number: int
    protocol: int
    spi: bytes
    transforms: tuple[Transform, ...]

    def encode(self) -> bytes:
        head = struct.pack("!BBBB", self.number, self.protocol, len(self.spi), len(self.transforms))
        payloads = [Payload(PayloadType.TRANSFORM, t.encode()) for t in self.transforms]
        return head + self.spi + encode_chain(payloads)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = Reader(body, "proposal")
        number, protocol = reader.number(1), reader.number(1)
        spi_size, count = reader.number(1), reader.number(1)
        spi = reader.take(spi_size)
        first = PayloadType.TRANSFORM if count else 0
        payloads, left = decode_chain(first, reader.rest(), _MOST_TRANSFORMS)
        if left or len(payloads) != count:
            raise MalformedPayload(f"proposal: {count} transforms expected, {len(payloads)} found")
        if any(p.type != PayloadType.TRANSFORM for p in payloads):
            raise MalformedPayload("proposal: something else than transforms inside")
        return cls(number, protocol, spi, tuple(Transform.decode(p.body) for p in payloads))


@dataclass(frozen=True, slots=True)
class SaPayload:
    """SA payload of phase 1 (RFC 2408 §3.4)."""

    proposals: tuple[Proposal, ...]
    doi: int = GDOI_DOI
    situation: int = 0

    def encode(self) -> bytes:
        payloads = [Payload(PayloadType.PROPOSAL, p.encode()) for p in self.proposals]
        return struct.pack("!II", self.doi, self.situation) + encode_chain(payloads)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = Reader(body, "SA")
        doi, situation = reader.number(4), reader.number(4)
        payloads, left = decode_chain(PayloadType.PROPOSAL, reader.rest())
        if left or any(p.type != PayloadType.PROPOSAL for p in payloads):
            raise MalformedPayload("SA: something else than proposals inside")
        if sum(sum(p.body[3:4]) for p in payloads) > _MOST_TRANSFORMS:
            raise MalformedPayload(f"SA: more than {_MOST_TRANSFORMS} transforms")
        return cls(tuple(Proposal.decode(p.body) for p in payloads), doi, situation)


@dataclass(frozen=True, slots=True)
class Identification:
    """ID payload (RFC 2407 §4.6.2): phase 1 identities and, as KEY_ID, the group."""

    type: int
    data: bytes
    protocol: int = 0
    port: int = 0

    def is_the(self, other: Identification) -> bool:
        """True for the same identity; protocol and port only say what it is used for."""
        return (self.type, self.data) == (other.type, other.data)

    def encode(self) -> bytes:
        return struct.pack("!BBH", self.type, self.protocol, self.port) + self.data

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = Reader(body, "ID")
        kind, protocol, port = reader.number(1), reader.number(1), reader.number(2)
        return cls(kind, reader.rest(), protocol, port)

    @classmethod
    def address(cls, address: str) -> Self:
        """An IPv4 or IPv6 address identity."""
        parsed = ipaddress.ip_address(address)
        kind = IdType.IPV4_ADDR if parsed.version == 4 else IdType.IPV6_ADDR
        return cls(kind, parsed.packed)

    def __str__(self) -> str:
        if self.type == IdType.IPV4_ADDR and len(self.data) == 4:
            return str(ipaddress.IPv4Address(self.data))
        if self.type in (IdType.FQDN, IdType.USER_FQDN) and len(self.data) <= _SHOWN:
            name = self.data.decode("ascii", "replace")
            if name.isprintable():
                return name
        return f"{self.type}:{self.data[:_SHOWN].hex()}{'...' * (len(self.data) > _SHOWN)}"


@dataclass(frozen=True, slots=True)
class Notification:
    """Notification payload (RFC 2408 §3.14)."""

    type: int
    spi: bytes = b""
    protocol: int = 1
    data: bytes = b""
    doi: int = GDOI_DOI

    @property
    def is_error(self) -> bool:
        """True for an error (RFC 2408 §3.14.1); others may come at any time."""
        return self.type < FIRST_STATUS

    def __str__(self) -> str:
        """Its type by the RFC's name, or by its number."""
        known = self.type in set(NotifyType)
        name = NotifyType(self.type).name.replace("_", "-") if known else ""
        return name or f"notification {self.type}"

    def encode(self) -> bytes:
        head = struct.pack("!IBBH", self.doi, self.protocol, len(self.spi), self.type)
        return head + self.spi + self.data

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = Reader(body, "notification")
        doi, protocol, size, kind = (reader.number(n) for n in (4, 1, 1, 2))
        return cls(kind, reader.take(size), protocol, reader.rest(), doi)


def begins_anew(payloads: Iterable[Payload]) -> bool:
    """True with INITIAL-CONTACT: the peer has no SA left of those before (RFC 2407 §4.6.3.3)."""
    kind = NotifyType.INITIAL_CONTACT.to_bytes(2, "big")
    return any(p.type == PayloadType.NOTIFICATION and p.body[6:8] == kind for p in payloads)


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete payload (RFC 2408 §3.15)."""

    protocol: int
    spis: tuple[bytes, ...]
    doi: int = GDOI_DOI

    def encode(self) -> bytes:
        size = len(self.spis[0]) if self.spis else 0
        head = struct.pack("!IBBH", self.doi, self.protocol, size, len(self.spis))
        return head + b"".join(self.spis)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        reader = Reader(body, "delete")
        doi, protocol, size, count = (reader.number(n) for n in (4, 1, 1, 2))
        spis = tuple(reader.take(size) for _ in range(count if size else 0))
        reader.done()
        return cls(protocol, spis, doi)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ISAKMP framing: the header, the payload chain and data attributes (RFC 2408 §3).

Decoders take untrusted octets: every length is checked against what is really there, and every
refusal is a :class:`MalformedPayload`. What was decoded encodes to the same octets again.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple, Self

HEADER_LENGTH = 28
COOKIE_LENGTH = 8
VERSION = 0x10
_HEADER = struct.Struct("!8s8sBBBBII")
_GENERIC = struct.Struct("!BBH")
_GENERIC_LENGTH = _GENERIC.size
MOST_PAYLOADS = 64
MOST_ATTRIBUTES = 64


class MalformedPayload(ValueError):
    """Octets that do not follow the protocol; the text says which rule they break."""


class Reader:
    """Takes fixed and counted fields off a byte string, refusing to read past its end."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._position = 0
        self._what = what

    def take(self, count: int) -> bytes:
        """The next ``count`` octets."""
        end = self._position + count
        if count < 0 or end > len(self._data):
            raise MalformedPayload(
                f"{self._what}: {count} octets expected, {len(self._data) - self._position} left"
            )
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def number(self, octets: int) -> int:
        """The next unsigned number in network order."""
        return int.from_bytes(self.take(octets), "big")

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(len(self._data) - self._position)

    @property
    def left(self) -> int:
        """How many octets are left."""
        return len(self._data) - self._position

    def done(self) -> None:
        """Refuse octets that no field accounts for."""
        if self.left:
            raise MalformedPayload(f"{self._what}: {self.left} octets too many")


class Header(NamedTuple):
    """ISAKMP header (RFC 2408 §3.1). ``length`` is that of the whole message, in octets."""

    initiator_cookie: bytes
    responder_cookie: bytes
    next_payload: int
    exchange: int
    flags: int = 0
    message_id: int = 0
    length: int = 0
    version: int = VERSION

    @property
    def spi(self) -> bytes:
        """Both cookies: phase 1's SPI (RFC 2408 §2.5), under a KEK the KEK's (RFC 6407 §4.2)."""
        return self.initiator_cookie + self.responder_cookie

    def encode(self) -> bytes:
        """28 octets."""
        return _HEADER.pack(
            self.initiator_cookie,
            self.responder_cookie,
            self.next_payload,
            self.version,
            self.exchange,
            self.flags,
            self.message_id,
            self.length,
        )

    def leading(self, next_payload: int, octets: int, flags: int = 0) -> Header:
        """This header in front of that many octets, which begin with that payload; adds flags."""
        return Header(
            self.initiator_cookie,
            self.responder_cookie,
            next_payload,
            self.exchange,
            self.flags | flags,
            self.message_id,
            HEADER_LENGTH + octets,
            self.version,
        )

    @classmethod
    def decode(cls, datagram: bytes) -> Self:
        """The header of a datagram; its length must be that of the datagram."""
        if len(datagram) < HEADER_LENGTH:
            raise MalformedPayload(f"datagram of {len(datagram)} octets has no ISAKMP header")
        icookie, rcookie, following, version, exchange, flags, message_id, length = (
            _HEADER.unpack_from(datagram)
        )
        if length != len(datagram):
            raise MalformedPayload(f"header length {length}, datagram {len(datagram)} octets")
        if version >> 4 != VERSION >> 4:
            raise MalformedPayload(f"ISAKMP version {version >> 4}.{version & 15}")
        return cls(icookie, rcookie, following, exchange, flags, message_id, length, version)


NON_ESP_MARKER = bytes(4)
"""What stands in front of IKE where ESP could be meant as well (RFC 3948 §2.2)."""
_EXCHANGE_OFFSET = 18
_LENGTH_OFFSET = 24


def without_marker(datagram: bytes) -> bytes:
    """A datagram without the non-ESP marker, which peers behind a translator put in front.

    A cookie, or a KEK's SPI, may begin with four zeros as well: its length tells what they are.
    """
    if not datagram.startswith(NON_ESP_MARKER):
        return datagram
    length = datagram[_LENGTH_OFFSET:HEADER_LENGTH]
    whole = len(datagram) >= HEADER_LENGTH and int.from_bytes(length, "big") == len(datagram)
    return datagram if whole else datagram[len(NON_ESP_MARKER) :]


def exchange_of(datagram: bytes) -> int:
    """The exchange type that a datagram claims; 0 when it is too short to have one."""
    message = without_marker(datagram)
    return message[_EXCHANGE_OFFSET] if len(message) >= HEADER_LENGTH else 0


class Payload(NamedTuple):
    """One payload of a chain: its type and its body without the generic header."""

    type: int
    body: bytes

    @property
    def size(self) -> int:
        """Octets on the wire, generic header included."""
        return _GENERIC.size + len(self.body)


def encode_payload(next_type: int, body: bytes) -> bytes:
    """One payload with its generic header (RFC 2408 §3.2)."""
    return _GENERIC.pack(next_type, 0, _GENERIC.size + len(body)) + body


def encode_chain(payloads: list[Payload]) -> bytes:
    """A payload chain; the last one's next payload is 0."""
    parts: list[bytes] = []
    following = 0
    for kind, body in reversed(payloads):
        parts += (body, _GENERIC.pack(following, 0, _GENERIC_LENGTH + len(body)))
        following = kind
    parts.reverse()
    return b"".join(parts)


def decode_chain(first: int, data: bytes, most: int = MOST_PAYLOADS) -> tuple[list[Payload], bytes]:
    """(payloads, what follows the last one): the rest is padding, or nothing."""
    payloads: list[Payload] = []
    position, current, end = 0, first, len(data)
    while current != 0:
        if len(payloads) >= most:
            raise MalformedPayload(f"more than {most} payloads")
        body = position + _GENERIC_LENGTH
        if body > end:
            raise MalformedPayload(f"payload {current} is cut off")
        following, reserved, length = _GENERIC.unpack_from(data, position)
        position += length
        if reserved != 0:
            raise MalformedPayload(f"payload {current}: reserved octet is {reserved}")
        if not body <= position <= end:
            raise MalformedPayload(f"payload {current}: length {length} does not fit")
        payloads.append(Payload(current, data[body:position]))
        current = following
    return payloads, data[position:]


def encode_message(header: Header, payloads: list[Payload]) -> bytes:
    """A message in the clear: header with the right first payload and length, then the chain."""
    chain = encode_chain(payloads)
    first = payloads[0].type if payloads else 0
    return header.leading(first, len(chain)).encode() + chain


@dataclass(frozen=True, slots=True)
class Attribute:
    """A data attribute (RFC 2408 §3.3). ``basic`` is the two-octet (AF = 1) form."""

    type: int
    value: bytes
    basic: bool

    @classmethod
    def short(cls, kind: int, number: int) -> Self:
        """An attribute in basic form."""
        return cls(kind, number.to_bytes(2, "big"), basic=True)

    @classmethod
    def long(cls, kind: int, value: bytes) -> Self:
        """An attribute in variable form."""
        return cls(kind, value, basic=False)

    @property
    def number(self) -> int:
        """The value as an unsigned number."""
        return int.from_bytes(self.value, "big")

    def encode(self) -> bytes:
        """The attribute on the wire."""
        if self.basic:
            return struct.pack("!H2s", 0x8000 | self.type, self.value)
        return struct.pack("!HH", self.type, len(self.value)) + self.value


def encode_attributes(attributes: tuple[Attribute, ...]) -> bytes:
    """Attributes one behind the other."""
    return b"".join(attribute.encode() for attribute in attributes)


def decode_attributes(data: bytes, what: str) -> tuple[Attribute, ...]:
    """All attributes of ``data``, which must hold nothing else."""
    reader = Reader(data, what)
    attributes: list[Attribute] = []
    while reader.left:
        if len(attributes) >= MOST_ATTRIBUTES:
            raise MalformedPayload(f"{what}: more than {MOST_ATTRIBUTES} attributes")
        kind = reader.number(2)
        if kind & 0x8000:
            attributes.append(Attribute(kind & 0x7FFF, reader.take(2), basic=True))
        else:
            attributes.append(Attribute(kind, reader.take(reader.number(2)), basic=False))
    return tuple(attributes)


def attribute_map(
    attributes: tuple[Attribute, ...], what: str, basic: Collection[int] = ()
) -> dict[int, Attribute]:
    """Attributes by type; a type that comes twice is refused.

    So is one of ``basic`` in variable form: RFC 2407 §4.5 allows the converse only.
    """
    by_type: dict[int, Attribute] = {}
    for attribute in attributes:
        if attribute.type in by_type:
            raise MalformedPayload(f"{what}: attribute {attribute.type} twice")
        if attribute.type in basic and not attribute.basic:
            octets = len(attribute.value)
            raise MalformedPayload(
                f"{what}: attribute {attribute.type} in variable form, of {octets} octets"
            )
        by_type[attribute.type] = attribute
    return by_type

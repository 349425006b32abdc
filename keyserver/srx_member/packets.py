# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IPv4 packets and ICMP echo as octets (RFC 791, RFC 792), as far as ``ping`` needs them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Self

IPV4_IN_IP, ICMP, ESP = 4, 1, 50
USUAL_TTL = 64
_HEADER = struct.Struct("!BBHHHBBH4s4s")
_ECHO = struct.Struct("!BBHHH")
_PLAIN_HEADER = 0x45
_DO_NOT_FRAGMENT = 0x4000
_FRAGMENT = 0x3FFF
_ECHO_REPLY, _ECHO_REQUEST = 0, 8


class NotUnderstood(ValueError):
    """Octets that are not a packet that is dealt with here."""


def _checksum(octets: bytes) -> int:
    """RFC 1071: the ones' complement of the ones' complement sum of 16-bit words."""
    padded = octets + bytes(len(octets) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


@dataclass(frozen=True)
class Ipv4:
    """A packet without options, whole."""

    source: IPv4Address
    destination: IPv4Address
    protocol: int
    payload: bytes
    ttl: int = USUAL_TTL
    tos: int = 0
    do_not_fragment: bool = False

    def encode(self) -> bytes:
        """As octets, with its checksum."""
        flags = _DO_NOT_FRAGMENT if self.do_not_fragment else 0
        size = _HEADER.size + len(self.payload)
        ends = (self.source.packed, self.destination.packed)
        head = (_PLAIN_HEADER, self.tos, size, 0, flags, self.ttl, self.protocol)
        checksum = _checksum(_HEADER.pack(*head, 0, *ends))
        return _HEADER.pack(*head, checksum, *ends) + self.payload

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read a packet. Raises NotUnderstood."""
        if len(octets) < _HEADER.size:
            raise NotUnderstood(f"{len(octets)} octets are not an IPv4 packet")
        first, tos, size, _, flags, ttl, protocol, _, source, destination = _HEADER.unpack_from(
            octets
        )
        if first != _PLAIN_HEADER or size != len(octets) or flags & _FRAGMENT:
            raise NotUnderstood("an IPv4 packet with options, cut off or in fragments")
        if _checksum(octets[: _HEADER.size]):
            raise NotUnderstood("an IPv4 header with a wrong checksum")
        return cls(
            IPv4Address(source),
            IPv4Address(destination),
            protocol,
            octets[_HEADER.size :],
            ttl,
            tos,
            bool(flags & _DO_NOT_FRAGMENT),
        )


@dataclass(frozen=True)
class Echo:
    """An ICMP echo request, or the reply to one."""

    identifier: int
    sequence: int
    data: bytes
    is_reply: bool = False

    def encode(self) -> bytes:
        """As octets, with its checksum."""
        kind = _ECHO_REPLY if self.is_reply else _ECHO_REQUEST
        rest = (self.identifier, self.sequence)
        checksum = _checksum(_ECHO.pack(kind, 0, 0, *rest) + self.data)
        return _ECHO.pack(kind, 0, checksum, *rest) + self.data

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read a message. Raises NotUnderstood for any other of ICMP."""
        if len(octets) < _ECHO.size or _checksum(octets):
            raise NotUnderstood("an ICMP message that is cut off or damaged")
        kind, code, _, identifier, sequence = _ECHO.unpack_from(octets)
        if kind not in (_ECHO_REPLY, _ECHO_REQUEST) or code:
            raise NotUnderstood(f"an ICMP message of type {kind}")
        return cls(identifier, sequence, octets[_ECHO.size :], kind == _ECHO_REPLY)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Finding address translators between the ends of phase 1 (RFC 3947 §3.2).

Each end sends a hash of the address that it sends to, and one of its own. An end that does not
find the hash of what it sees knows that something in between has changed it.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass

from .numbers import PayloadType
from .wire import NON_ESP_MARKER, Payload

Address = tuple[str, int]

KEEPS_OPEN = b"\xff"
"""The datagram that says nothing but that the way is still needed (RFC 3948 §2.3)."""


@dataclass(frozen=True, slots=True)
class Path:
    """Our address and port, and the other end's as we see it."""

    local: Address
    remote: Address


def _hash(hash_name: str, cookies: tuple[bytes, bytes], address: Address) -> bytes:
    octets = ipaddress.ip_address(address[0]).packed + address[1].to_bytes(2, "big")
    return hashlib.new(hash_name, b"".join(cookies) + octets).digest()


def detection_payloads(hash_name: str, cookies: tuple[bytes, bytes], path: Path) -> list[Payload]:
    """NAT-D: the other end's address first, then our own."""
    return [
        Payload(PayloadType.NAT_D, _hash(hash_name, cookies, address))
        for address in (path.remote, path.local)
    ]


def translated(
    payloads: list[Payload], hash_name: str, cookies: tuple[bytes, bytes], path: Path
) -> tuple[bool, bool]:
    """(whether we are behind a translator, whether the other end is), by its NAT-D payloads."""
    hashes = [p.body for p in payloads if p.type == PayloadType.NAT_D]
    if len(hashes) < 2:
        return False, False
    ours, *theirs = hashes
    return (
        ours != _hash(hash_name, cookies, path.local),
        _hash(hash_name, cookies, path.remote) not in theirs,
    )


def floating(datagram: bytes) -> bytes:
    """A datagram as it goes to the port for those behind a translator."""
    return datagram if datagram == KEEPS_OPEN else NON_ESP_MARKER + datagram

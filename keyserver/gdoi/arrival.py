# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A datagram that came in at a key server, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from ..ike.nat import Address
from ..ike.wire import Header


@dataclass(frozen=True, slots=True)
class Arrival:
    """A decoded header, the whole message without a marker, where it came from and when.

    ``marked``: the non-ESP marker of RFC 3948 stood in front. ``floated``: it came to the port
    that peers change to behind a translator.
    """

    header: Header
    message: bytes
    source: Address
    marked: bool
    now: float
    floated: bool = False


@dataclass(frozen=True)
class Peer:
    """Who asks: an authenticated gateway at an address.

    ``marked``: its datagrams carry the non-ESP marker. ``extended``: it told by a vendor id that
    it knows our private attributes. ``identity``: what it proved to be in phase 1. ``floated``: it
    is met at the port for those behind a translator.
    """

    gateway: str
    source: Address
    marked: bool = False
    extended: bool = False
    identity: str = ""
    behind_nat: bool = False
    floated: bool = False


@dataclass(frozen=True, slots=True)
class Registered:
    """A member completed a pull."""

    gateway: str
    group_id: int
    address: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A member acknowledged a push."""

    address: str
    sequence: int


@dataclass(frozen=True, slots=True)
class RefusedPeer:
    """A datagram or request was refused; ``gateway`` and ``group_id`` as far as known."""

    address: str
    reason: str
    gateway: str | None = None
    group_id: int | None = None


Event = Registered | Acknowledged | RefusedPeer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a datagram: an answer for its sender, and what happened."""

    answer: bytes | None = None
    events: tuple[Event, ...] = ()


def refused(
    arrival: Arrival,
    reason: object,
    gateway: str | None = None,
    group_id: int | None = None,
    answer: bytes | None = None,
) -> Outcome:
    """What comes of a datagram that is refused."""
    return Outcome(answer, (RefusedPeer(arrival.source[0], str(reason), gateway, group_id),))

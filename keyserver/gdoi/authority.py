# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the doors of a key server ask of its groups."""

from __future__ import annotations

from typing import Protocol

from ..ike.nat import Address
from ..ike.payloads import Identification
from ..ike.proposal import PeerPolicy
from .acknowledgement import PushAck
from .arrival import Peer
from .pull import Grant


class Gateways(Protocol):
    """Who may meet us in phase 1, and how."""

    def at(self, address: str) -> tuple[PeerPolicy, ...]:
        """The policies for a peer at that address, one of which is its own; none for a stranger."""

    def dynamic(self, identity: Identification) -> PeerPolicy | None:
        """The policy for a peer that is known by its identity only."""

    def of(self, gateway: str) -> tuple[PeerPolicy, ...]:
        """Every policy that the peers of a gateway can be met with."""

    @property
    def anonymous(self) -> PeerPolicy | None:
        """What may be agreed in main mode with a peer whose identity is still to come."""


class Registration(Protocol):
    """A member between messages 2 and 4 of its pull."""

    @property
    def grant(self) -> Grant:
        """What message 2 promises and message 4 delivers."""

    def complete(self, peer: Peer, now: float) -> None:
        """The peer has proved itself: enter it, where it is now. Raises Refused."""


class Authority(Protocol):
    """Who is who and who gets which keys."""

    @property
    def peers(self) -> Gateways:
        """The gateways as they are configured now: others after a commit."""

    def count_refusal(self, gateway: str | None, group_id: int | None, now: float) -> None:
        """A phase 1 or a pull of that gateway failed."""

    def begin(self, peer: Peer, group_id: int, now: float) -> Registration:
        """The peer asks for the group. Raises Refused; changes nothing."""

    def knows_kek(self, spi: bytes) -> bool:
        """True for the SPI of a KEK whose pushes may be acknowledged."""

    def acknowledge(self, spi: bytes, ack: PushAck, source: Address, now: float) -> bool:
        """A push was acknowledged; False when nobody waits for that."""

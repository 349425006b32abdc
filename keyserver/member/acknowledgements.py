# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Acknowledgements of pushes that a member has still to send (RFC 8263)."""

from __future__ import annotations

from collections.abc import Callable

from ..gdoi.acknowledgement import encode_ack
from ..ike.payloads import Identification
from .keys import InstalledKek

ACK_JITTER_SECONDS = 1.0
"""Within these it is sent: 5 are allowed, and Junos' shortest retransmission period is 2."""


class Acknowledgements:
    """Each waits a moment of its own; without an ``address`` to name there are none."""

    def __init__(self, address: str | None, jitter: Callable[[], float]) -> None:
        self._address, self._jitter = address, jitter
        self._waiting: list[tuple[float, bytes]] = []

    def queue(self, kek: InstalledKek, sequence: int, now: float) -> None:
        """Acknowledge a push, where that is asked for."""
        if kek.ack_algorithm is None or self._address is None:
            return
        own = Identification.address(self._address)
        ack = encode_ack(kek.kek, kek.ack_algorithm, sequence, own)
        # RFC 8263 §6: jitter, so that a server is not flooded by a whole group at once.
        self._waiting.append((now + ACK_JITTER_SECONDS * self._jitter(), ack))

    @property
    def due(self) -> float | None:
        """When the next one is to be sent; None without one."""
        return min((when for when, _ in self._waiting), default=None)

    def take(self, now: float) -> list[bytes]:
        """Those whose time has come."""
        ready = [ack for when, ack in self._waiting if when <= now]
        self._waiting = [(when, ack) for when, ack in self._waiting if when > now]
        return ready

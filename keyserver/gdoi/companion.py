# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What else speaks ISAKMP at a key server's socket: the seam for what GDOI itself has not."""

from __future__ import annotations

from typing import Protocol

from ..ike.dpd import Probe
from .arrival import Arrival
from .associations import Association


class Companion(Protocol):
    """A protocol beside GDOI, such as that between key servers which share a group."""

    def claims(self, arrival: Arrival) -> bool:
        """True for a message of its own."""

    def receive(self, arrival: Arrival, association: Association | None) -> bytes | None:
        """Take such a message, under that phase 1 SA: the answer, None when there is none.

        Raises Refused or MalformedPayload; both stay unanswered.
        """

    def probed(self, cookies: bytes, told: Probe, now: float) -> None:
        """The other end of a phase 1 SA has probed us, or answered a probe."""

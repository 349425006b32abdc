# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A member's link with faults, sans-IO: which datagrams arrive, how often and how late."""

from __future__ import annotations

import random

from ..lab.specs import Faults

# A datagram that is reordered comes this much later: behind what is sent meanwhile.
_REORDER_SECONDS = 0.2


class FaultyLink:
    """Decides the fate of datagrams; the same seed gives the same fates."""

    def __init__(self, faults: Faults, seed: int | str) -> None:
        self._faults = faults
        self._random = random.Random(seed)

    def deliveries(self) -> list[float]:
        """For the next datagram: after how many seconds each of its copies arrives."""
        faults, chance = self._faults, self._random.random
        if chance() < faults.drop:
            return []
        copies = [faults.delay]
        if chance() < faults.duplicate:
            copies.append(faults.delay)
        if chance() < faults.reorder:
            copies = [delay + _REORDER_SECONDS for delay in copies]
        return copies

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much is told of what strangers send: they choose how often, and no log is without end."""

from __future__ import annotations


class Ration:
    """Lines that may be told: so many at once, and then one in every so many seconds."""

    def __init__(self, at_once: int = 100, seconds: float = 1.0) -> None:
        self._most, self._seconds = at_once, seconds
        self._left, self._since, self._untold = float(at_once), 0.0, 0

    def take(self, now: float) -> int | None:
        """How many were not told since the last one that was; None: nor is this one."""
        self._left = min(self._most, self._left + (now - self._since) / self._seconds)
        self._since = now
        if self._left < 1:
            self._untold += 1
            return None
        self._left -= 1
        untold, self._untold = self._untold, 0
        return untold

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""For how long changes of servers stand that nobody has confirmed yet.

A device counts from its own commit on. Here it is counted from before the first one, so what is
over here may stand for a moment still, and never the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .crew import Crew

_FOR_CHANGES = 0.5
"""The part of the time in which members may begin to change; the rest is for what proves it."""
_TO_CONFIRM = 1.5
"""How many of the longest changes a confirmation may take."""


class Standing:
    """The unconfirmed changes of a run.

    ``unconfirmed``: servers that would take a change back, with what the change returned.
    """

    def __init__(self, crew: Crew) -> None:
        self._crew, self._since = crew, math.inf
        self.unconfirmed: dict[str, Mapping[str, Any]] = {
            host: one.made or {} for host, one in crew.unproved.items()
        }

    def begins(self) -> None:
        """Servers are about to commit what they take back unless it is confirmed."""
        if self._crew.order.confirm_minutes:
            self._since = self._crew.clock()

    def has_time(self, member: str) -> bool:
        """Whether a member can change while its servers wait, as long as the longest change yet."""
        servers = {s for group in self._crew.description.of_member(member) for s in group.servers}
        if servers.isdisjoint(self.unconfirmed):
            return True
        return self._left(_FOR_CHANGES) >= self._crew.slowest

    def patience(self) -> float:
        """Seconds that hosts are waited for: servers have to be told in their time, too."""
        left = self._left() - _TO_CONFIRM * self._crew.slowest if self.unconfirmed else math.inf
        return max(0.0, min(self._crew.order.timeout, left))

    def over(self) -> list[str]:
        """Servers that take, or have taken, their change back."""
        return list(self.unconfirmed) if self._left() < 0 else []

    def _left(self, part: float = 1.0) -> float:
        """Seconds left of a part of the time; without end where an earlier run has committed."""
        return self._since + 60 * part * self._crew.order.confirm_minutes - self._crew.clock()

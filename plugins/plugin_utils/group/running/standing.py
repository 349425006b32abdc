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
_USUAL = 30.0
"""Seconds that a change may take where none was made yet: an SRX takes its time to commit."""


class Standing:
    """The unconfirmed changes of a run.

    ``unconfirmed``: servers that would take a change back, with what the change returned.
    """

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self.unconfirmed: dict[str, Mapping[str, Any]] = {}
        self._times: dict[str, tuple[float, float]] = {}
        now = crew.clock()
        for host, one in crew.unproved.items():
            # Of what is over and awaits still, the device's times do not fit together.
            left = one.left if one.left is not None and one.left > 0 else math.inf
            self._add(host, one.made or {}, now, left)

    def began(self, made: Mapping[str, Mapping[str, Any]], since: float) -> None:
        """Servers have committed, not before ``since``, what they take back; what that returned."""
        for host, one in made.items():
            if one["changed"]:
                self._add(host, one, since, 60 * self._crew.order.confirm_minutes)

    def _add(self, host: str, made: Mapping[str, Any], since: float, seconds: float) -> None:
        self.unconfirmed[host] = made
        self._times[host] = since + _FOR_CHANGES * seconds, since + seconds

    @property
    def longest(self) -> float:
        """Seconds that a change may take, as far as is known."""
        return _USUAL if self._crew.slowest is None else self._crew.slowest

    def has_time(self, member: str) -> bool:
        """Whether a member can change while its servers wait, as long as the longest change yet."""
        servers = {s for group in self._crew.description.of_member(member) for s in group.servers}
        end = self._crew.clock() + self.longest
        return all(end <= self._times[host][0] for host in servers & self.unconfirmed.keys())

    def patience(self) -> float:
        """Seconds that hosts are waited for: servers have to be told in their time, too."""
        last = min((self._times[host][1] for host in self.unconfirmed), default=math.inf)
        left = last - self._crew.clock() - _TO_CONFIRM * self.longest
        return max(0.0, min(self._crew.order.timeout, left))

    def over(self) -> list[str]:
        """Servers that take, or have taken, their change back."""
        lasting = set(self.lasting())
        return [host for host in self.unconfirmed if host not in lasting]

    def lasting(self) -> list[str]:
        """Servers that can be told yet that theirs is to be kept."""
        now = self._crew.clock()
        return [host for host in self.unconfirmed if self._times[host][1] >= now]

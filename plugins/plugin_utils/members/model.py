# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Groups and members of a ``registered-members`` list, and what of it was not understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

COUNTERS = (
    "pull_succeeded",
    "pull_failed",
    "push_sent",
    "push_acknowledged",
    "push_unacknowledged",
)

Member = dict[str, Any]
"""``gateway``, ``address``, ``last_update``, ``vsys`` and counters, as far as they were read."""


@dataclass
class GroupMembers:
    """One group of a list; ``count`` is the device's own number of members."""

    name: str = ""
    id: int | None = None
    node: str | None = None
    members: list[Member] = field(default_factory=list)
    count: int | None = None


_MOST_KEPT, _MOST_SHOWN, _LONGEST = 50, 5, 160


@dataclass
class Reading:
    """What was read of a reply. It is the whole list only when nothing is ``unclear``."""

    groups: list[GroupMembers] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def doubt(self, what: str) -> None:
        """Something was said that nothing here understands."""
        text = " ".join(what.split())
        if len(self.unclear) < _MOST_KEPT:
            self.unclear.append(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")

    def doubts(self) -> str:
        """The first of what is unclear, on one line."""
        shown = "; ".join(self.unclear[:_MOST_SHOWN])
        return f"{shown}; and more" if len(self.unclear) > _MOST_SHOWN else shown

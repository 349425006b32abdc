# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Groups and members of a ``registered-members`` list, and what of it was not understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .doubts import Doubts

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


@dataclass
class Reading(Doubts):
    """What was read of a reply. It is the whole list only when nothing is ``unclear``."""

    groups: list[GroupMembers] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def hollow(self) -> str:
        """A list that names no group."""
        return "" if self.groups else "no group"

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Groups and members as a device lists them, whatever form its reply has."""

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


@dataclass
class GroupMembers:
    """One group of the reply."""

    name: str = ""
    id: int | None = None
    node: str | None = None
    members: list[Member] = field(default_factory=list)
    count: int | None = None

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What became of hosts, and of a whole run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...errors import GroupVpnError, Refused, TransportFailure
from ..look import Holdings
from ..plan import Plan
from ..planning.unserved import Unserved


@dataclass
class Fate:
    """What became of one host; ``left``: what of it nobody knows, and why nothing was done."""

    changed: bool = False
    unreachable: bool = False
    failures: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    diff: str = ""
    did: list[str] = field(default_factory=list)

    def as_result(self) -> dict[str, Any]:
        return {
            "changed": self.changed,
            "unreachable": self.unreachable,
            "failures": self.failures,
            "left": self.left,
            "warnings": list(dict.fromkeys(self.warnings)),
            "diff": self.diff,
            "did": self.did,
        }

    def note(self, error: GroupVpnError) -> None:
        """Something has failed."""
        lines = error.objections if isinstance(error, Refused) else [str(error)]
        self.failures += [line for line in lines if line not in self.failures]
        self.warnings += error.warnings
        self.unreachable = isinstance(error, TransportFailure)
        # What may have been done is not reported as not done.
        self.changed = self.changed or error.may_have_changed


@dataclass
class Outcome:
    """The plan, what became of each host, keys and lists before and after, groups given up.

    ``unverified``: members that Ansible does not reach, and why nothing shows that they live;
    ``unserved``: groups that went, or would, from under their members; ``at``: when it was over,
    on the clock of those keys.
    """

    plan: Plan
    hosts: dict[str, Fate]
    before: dict[str, Holdings] = field(default_factory=dict)
    after: dict[str, Holdings] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    unverified: dict[str, str] = field(default_factory=dict)
    unserved: tuple[Unserved, ...] = ()
    at: float = 0.0

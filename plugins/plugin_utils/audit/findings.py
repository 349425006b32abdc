# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an audit can find, how bad it is, and how it is counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What can be found."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    STALE = "stale"
    DUPLICATE = "duplicate"
    UNACKNOWLEDGED = "unacknowledged"
    BELOW_MINIMUM = "below_minimum"
    NOT_PROOF_OF_LIVENESS = "not_proof_of_liveness"
    GROUP_MISSING = "group_missing"
    MALFORMED = "malformed"
    CLOCK = "clock"
    COUNTERS = "counters"
    PREVIOUS_UNREADABLE = "previous_unreadable"
    HISTORY_UNREADABLE = "history_unreadable"
    OLD_SLICE = "old_slice"
    UNREACHABLE = "unreachable"
    NOT_READ = "not_read"
    NOT_ASKED = "not_asked"


class Severity(StrEnum):
    """How bad it is; ``info`` alone leaves a fleet compliant."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


SEVERITIES = tuple(severity.value for severity in Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; ``member`` is empty when it is about the group as a whole."""

    group: str
    member: str
    kind: Kind
    severity: Severity
    why: str

    def as_dict(self) -> dict[str, str]:
        """Plain data."""
        return {
            "group": self.group,
            "member": self.member,
            "kind": self.kind.value,
            "severity": self.severity.value,
            "why": self.why,
        }


def named(member: Mapping[str, Any]) -> str:
    """A member's gateway and address, as far as they are known."""
    return " ".join(str(member[k]) for k in ("gateway", "address") if member.get(k))


def not_compared(groups: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Groups whose members were compared with nobody."""
    return [g for g in groups if g["members"] and g.get("expected_count") is None]


def summary(groups: Sequence[Mapping[str, Any]], findings: Sequence[Finding]) -> dict[str, Any]:
    """Counts for one screen."""
    kinds: dict[str, int] = {}
    severities = dict.fromkeys(SEVERITIES, 0)
    for finding in findings:
        kinds[finding.kind.value] = kinds.get(finding.kind.value, 0) + 1
        severities[finding.severity.value] += 1
    return {
        "groups": len(groups),
        "members": sum(group["member_count"] for group in groups),
        "findings": len(findings),
        "by_kind": kinds,
        "by_severity": severities,
    }


def without_list(kind: Kind, severity: Severity, why: str) -> dict[str, Any]:
    """What an audit of a host without a list says: a finding, not a gap."""
    finding = Finding("", "", kind, severity, why)
    return {
        "compliant": False,
        "findings": [finding.as_dict()],
        "summary": summary([], [finding]),
        "groups": [],
    }

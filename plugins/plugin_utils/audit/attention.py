# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What in a fleet wants a person's attention, worst first, and how it is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..engine.counting import counted
from .findings import SEVERITIES, Severity
from .fleet import natural

SEVERITY_ORDER = {name: number for number, name in enumerate(reversed(SEVERITIES))}


def attention(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Groups with findings above info, worst first."""
    rows = []
    for name, host in found["hosts"].items():
        by_group: dict[str, list[Mapping[str, str]]] = {}
        for finding in host["findings"]:
            if finding["severity"] != Severity.INFO.value:
                by_group.setdefault(finding["group"], []).append(finding)
        views = {group["name"]: group for group in host["groups"]}
        for group, bad in by_group.items():
            worst = min((f["severity"] for f in bad), key=SEVERITY_ORDER.__getitem__)
            view = views.get(group, {})
            rows.append(
                {
                    "host": name,
                    "group": group or "(host)",
                    "worst": worst,
                    "count": len(bad),
                    "communication": view.get("communication", ""),
                    "means": view.get("means", ""),
                    # None: no list was read, so nothing is known of its members.
                    "members": view.get("member_count"),
                    "expected": view.get("expected_count"),
                    "kinds": _counted(f["kind"] for f in bad),
                    "who": who(bad),
                    "first": bad[0]["why"],
                }
            )
    rows.sort(
        key=lambda r: (
            SEVERITY_ORDER[r["worst"]],
            -r["count"],
            natural(r["host"]),
            natural(r["group"]),
        )
    )
    return rows


_FIRST_NAMES = 5


def who(bad: Sequence[Mapping[str, str]]) -> list[str]:
    """Of each kind of finding, how many and the first few by name."""
    by_kind: dict[str, list[str]] = {}
    for finding in bad:
        by_kind.setdefault(finding["kind"], []).append(finding["member"])
    lines = []
    for kind, members in by_kind.items():
        names = sorted(filter(None, members), key=natural)
        more = len(names) - _FIRST_NAMES
        shown = ", ".join(names[:_FIRST_NAMES]) + (f" and {more} more" if more > 0 else "")
        lines.append(f"{len(members)} {kind.replace('_', ' ')}{f': {shown}' if names else ''}")
    return lines


def _counted(kinds: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for kind in kinds:
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in counts.items())


_WORDS = {"error": "error", "warning": "warning", "info": "note"}


def counted_severities(severities: Mapping[str, int]) -> str:
    """Severities as a sentence counts them, worst first."""
    return ", ".join(counted(severities[s], _WORDS[s]) for s in reversed(SEVERITIES))

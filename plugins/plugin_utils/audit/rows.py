# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every member of a fleet, listed or missing, and that as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from .findings import named
from .fleet import natural

_MEMBER_FIELDS = (
    "gateway",
    "address",
    "state",
    "role",
    "age",
    "last_update",
    "vsys",
    "pull_succeeded",
    "pull_failed",
    "push_sent",
    "push_acknowledged",
    "push_unacknowledged",
    "push_in_flight",
)


def rows_of(group: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Members of a group's list and those who are missing in it, in the order of their names."""
    rows = [*group["members"], *(group.get("absent") or ())]
    return sorted(rows, key=lambda row: natural(named(row)))


def members_csv(found: Mapping[str, Any]) -> str:
    """Every member of every group, listed or missing, one in a row; free columns at the end."""
    everyone = [r for h in found["hosts"].values() for g in h["groups"] for r in rows_of(g)]
    free = sorted({key for row in everyone for key in row.get("about") or ()})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ("host", "group", "communication", "list_shows", *_MEMBER_FIELDS, *free)
    writer.writerow([_cell(name) for name in head])
    for name, host in found["hosts"].items():
        for group in host["groups"]:
            head = (name, group["name"], group.get("communication"), group.get("list_shows"))
            for row in rows_of(group):
                about = row.get("about") or {}
                cells = [row.get(f) for f in _MEMBER_FIELDS] + [about.get(key) for key in free]
                writer.writerow([_cell(value) for value in (*head, *cells)])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.0f}"
    text = str(value)
    # A spreadsheet would run what begins like this.
    return f"'{text}" if text[:1] in "=+-@\t\r" and not isinstance(value, int) else text

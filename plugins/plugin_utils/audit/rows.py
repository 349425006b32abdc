# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every member of a fleet, listed or missing, and that as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..members.model import COUNTERS
from .findings import named
from .fleet import natural
from .shape import Check, each, is_names, is_number, is_text, is_texts, is_whole_number
from .sheets import written

COLUMNS: Mapping[str, Check] = {
    **each(is_text, "gateway", "address", "state", "role"),
    "age": is_number,
    **each(is_text, "last_update", "vsys"),
    **each(is_whole_number, *COUNTERS, "push_in_flight"),
}
"""What a row says of a member, in the order of the columns of members.csv; each may be missing."""

ABOUT: Mapping[str, Check] = {"hosts": is_names, "about": is_texts}
"""What expectations say of it besides."""


def rows_of(group: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Members of a group's list and those who are missing in it, in the order of their names."""
    rows = [*group["members"], *(group.get("absent") or ())]
    return sorted(rows, key=lambda row: natural(named(row)))


def members_csv(found: Mapping[str, Any]) -> str:
    """Every member of every group, listed or missing, one in a row; free columns at the end."""
    everyone = [r for h in found["hosts"].values() for g in h["groups"] for r in rows_of(g)]
    free = sorted({key for row in everyone for key in row.get("about") or ()})
    head = ("host", "group", "communication", "list_shows", *COLUMNS, *free)
    return written(head, _rows(found, free))


def _rows(found: Mapping[str, Any], free: Sequence[str]) -> Iterator[Sequence[Any]]:
    for name, host in found["hosts"].items():
        for group in host["groups"]:
            head = (name, group["name"], group.get("communication"), group.get("list_shows"))
            for row in rows_of(group):
                about = row.get("about") or {}
                yield (*head, *map(row.get, COLUMNS), *map(about.get, free))

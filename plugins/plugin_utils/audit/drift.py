# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is different from an earlier audit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference to an earlier audit."""

    group: str
    member: str
    change: str
    before: str
    after: str


def drift(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]
) -> list[dict[str, str]]:
    """Who came, who left, who changed address or gateway: lists of groups, earlier and now."""
    old, new = _placed(before), _placed(after)
    changes: list[Drift] = []
    for name in [*new, *(n for n in old if n not in new)]:
        changes += _group_drift(name, old.get(name, {}), new.get(name, {}))
    return [asdict(change) for change in changes]


def _placed(groups: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Group name to address to gateway."""
    placed: dict[str, dict[str, str]] = {}
    for group in groups:
        members = placed.setdefault(str(group["name"]), {})
        for member in group["members"]:
            members[str(member.get("address") or "")] = str(member.get("gateway") or "")
    return placed


def _group_drift(name: str, old: dict[str, str], new: dict[str, str]) -> Iterator[Drift]:
    gone = {a: g for a, g in old.items() if a not in new}
    come = {a: g for a, g in new.items() if a not in old}
    # Who left and came by the same gateway, once each, has changed its address.
    left_by, came_by = _single(gone), _single(come)
    moved = {gateway for gateway in left_by if gateway and gateway in came_by}
    for gateway in sorted(moved):
        yield Drift(name, gateway, "address", left_by[gateway], came_by[gateway])
    for address, gateway in come.items():
        if gateway not in moved:
            yield Drift(name, f"{gateway} {address}".strip(), "came", "", address)
    for address, gateway in gone.items():
        if gateway not in moved:
            yield Drift(name, f"{gateway} {address}".strip(), "left", address, "")
    for address, gateway in new.items():
        if address in old and old[address] != gateway:
            yield Drift(name, address, "gateway", old[address], gateway)


def _single(members: dict[str, str]) -> dict[str, str]:
    counts: dict[str, list[str]] = {}
    for address, gateway in members.items():
        counts.setdefault(gateway, []).append(address)
    return {gateway: found[0] for gateway, found in counts.items() if len(found) == 1}

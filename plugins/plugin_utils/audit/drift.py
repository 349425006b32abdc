# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is different from an earlier audit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class Place(NamedTuple):
    """A member's gateway and address: behind one translator several have the same address."""

    gateway: str
    address: str

    def __str__(self) -> str:
        return f"{self.gateway} {self.address}".strip()


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


def _placed(groups: Iterable[Mapping[str, Any]]) -> dict[str, dict[Place, None]]:
    """Group name to who is in it, each once."""
    placed: dict[str, dict[Place, None]] = {}
    for group in groups:
        places = (
            Place(str(member.get("gateway") or ""), str(member.get("address") or ""))
            for member in group["members"]
        )
        placed.setdefault(str(group["name"]), {}).update(dict.fromkeys(places))
    return placed


def _group_drift(name: str, old: Collection[Place], new: Collection[Place]) -> Iterator[Drift]:
    gone, come = ({p: None for p in a if p not in b} for a, b in ((old, new), (new, old)))
    regated = _same(gone, come, "address")
    moved = sorted(_same(gone, come, "gateway"))
    for left, came in moved:
        yield Drift(name, left.gateway, "address", left.address, came.address)
    for one in come:
        yield Drift(name, str(one), "came", "", one.address)
    for one in gone:
        yield Drift(name, str(one), "left", one.address, "")
    for left, came in regated:
        yield Drift(name, left.address, "gateway", left.gateway, came.gateway)


def _same(gone: dict[Place, None], come: dict[Place, None], part: str) -> list[tuple[Place, Place]]:
    """Take out who left and came with the same ``part``, once each: it has changed the other."""
    left, came = _single(gone, part), _single(come, part)
    pairs = [(one, came[key]) for key, one in left.items() if key and key in came]
    for one, other in pairs:
        del gone[one], come[other]
    return pairs


def _single(places: Iterable[Place], part: str) -> dict[str, Place]:
    found: dict[str, list[Place]] = {}
    for place in places:
        found.setdefault(getattr(place, part), []).append(place)
    return {key: same[0] for key, same in found.items() if len(same) == 1}

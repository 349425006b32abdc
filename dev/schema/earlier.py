# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m dev.schema.earlier FOLDER...``: what releases before those of the table had besides.

A folder has the modules of one release (``conf-with-extensions`` of the family ``junos-es`` in
github.com/Juniper/yang) and is called like it; the newest comes first. Kept is, for each, the part
of its tree that leads to a statement, or a word or number, that no later one has.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any

from .besides import Besides
from .table import Body, Interned, Table
from .yang import read_module

KEPT = Path(__file__).with_name("earlier.json.z")
FOREIGN = frozenset({"logical-systems", "tenants", "dynamic-profiles", "wlan"})
"""Hierarchies that are the whole again, that no SRX has, or whose modules lack a part."""
_BRANCHES, _VALUES = "cl", "fv"


def modules(folder: Path) -> Table:
    """The table of a release's modules."""
    return Table(read_module(path) for path in sorted(folder.glob("*.yang")))


def earlier_releases() -> list[tuple[Table, Body]]:
    """What is kept of each earlier release, the newest first."""
    return [_read(kept) for kept in json.loads(zlib.decompress(KEPT.read_bytes())).values()]


def _read(kept: dict[str, Any]) -> tuple[Table, Body]:
    table = Table([])
    for name in ("types", "children", "nodes"):
        interned: Interned = getattr(table, name)
        for value in kept[name]:
            interned.number(_frozen(value))
    return table, Body(kept["root"])


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


class Difference:
    """The part of an earlier release that the table does not have."""

    def __init__(self, table: Table, earlier: Table) -> None:
        self._new, self._old = table, earlier
        self.kept = Table([])
        self._done: dict[tuple[int, int], int | None] = {}

    def nodes(self, new: tuple[int, ...], old: tuple[int, ...]) -> tuple[int, ...]:
        """Of statements beside each other those that are missing, or lead to what is missing.

        So that it is known where they stand, each follows the one that it stands behind.
        """
        known = {self._new.nodes.values[number][0]: number for number in new}
        found: dict[int, int] = {}
        for before, number in zip((None, *old), old, strict=False):
            kept = self._one(known.get(self._old.nodes.values[number][0]), number)
            if kept is not None and before is not None:
                found.setdefault(before, self._alone(before))
            if kept is not None:
                found[number] = kept
        return tuple(found.values())

    def _alone(self, old: int) -> int:
        """A statement with nothing below it."""
        if self._old.nodes.values[old][1][0] not in _BRANCHES:
            return self._whole(old)
        return self._branch(old, self.kept.children.number(((), ())))

    def _one(self, new: int | None, old: int) -> int | None:
        if new is None:
            return self._whole(old)
        if (new, old) not in self._done:
            self._done[new, old] = self._way(new, old)
        return self._done[new, old]

    def _way(self, new: int, old: int) -> int | None:
        """A statement that both have, where there is more of it in the earlier release."""
        _, marks, *now = self._new.nodes.values[new]
        _, flags, *rest = self._old.nodes.values[old]
        if marks[0] != flags[0]:
            return None
        if flags[0] in _VALUES:
            return self._whole(old) if self._takes_more(now[0], rest[0]) else None
        if flags[0] not in _BRANCHES:
            return None
        before, choices = self._old.children.values[rest[0]]
        below = self.nodes(self._new.children.values[now[0]][0], before)
        more = below or self._has_more_keys(now[2:], rest[2:])
        return self._branch(old, self.kept.children.number((below, choices))) if more else None

    def _has_more_keys(self, new: list[tuple[Any, ...]], old: list[tuple[Any, ...]]) -> bool:
        """Whether entries had names that they cannot have any more."""
        now = {name: kind for keys in new for name, _, kind in keys}
        was = {name: kind for keys in old for name, _, kind in keys}
        return any(self._takes_more(now[name], was[name]) for name in now.keys() & was.keys())

    def _takes_more(self, new: int, old: int) -> bool:
        now, was = self._new.types.values[new], self._old.types.values[old]
        if now[0] == was[0] == "enum":
            return not set(was) <= set(now)
        spans = now[0] == was[0] == "integer" and len(now) == len(was) == 3
        return bool(spans) and (was[1] < now[1] or was[2] > now[2])

    def _whole(self, old: int) -> int:
        """A statement with all that is below it."""
        name, flags, *rest = self._old.nodes.values[old]
        if flags[0] in _BRANCHES:
            nodes, choices = self._old.children.values[rest[0]]
            below = self.kept.children.number((tuple(map(self._whole, nodes)), choices))
            return self._branch(old, below)
        kinds = [self._type(kind) for kind in rest[:1]]
        return self.kept.nodes.number((name, flags, *kinds, *rest[1:]))

    def _branch(self, old: int, below: int) -> int:
        name, flags, _, *rest = self._old.nodes.values[old]
        keys = [tuple((n, w, self._type(kind)) for n, w, kind in keys) for keys in rest[1:]]
        return self.kept.nodes.number((name, flags, below, *rest[:1], *keys))

    def _type(self, old: int) -> int:
        kind = self._old.types.values[old]
        if kind[0] == "union":
            kind = ("union", *map(self._type, kind[1:]))
        return self.kept.types.number(kind)


def _own(table: Table) -> Body:
    body = table.root()
    body.nodes = [n for n in body.nodes if table.nodes.values[n][0] not in FOREIGN]
    return body


def main(folders: list[Path]) -> None:
    """Write what each of the releases had besides all later ones."""
    home = Path(os.environ["JUNOS_YANG_DIR"])
    table, before = modules(home / "24.4R1"), modules(home)
    body = Besides(table, before).body(table.root(), _own(before))
    kept = {}
    for folder in folders:
        release = modules(folder)
        difference = Difference(table, release)
        root = difference.nodes(tuple(body.nodes), tuple(_own(release).nodes))
        part = difference.kept
        kept[folder.name] = {
            "types": part.types.values,
            "children": part.children.values,
            "nodes": part.nodes.values,
            "root": root,
        }
        body = Besides(table, part).body(body, Body(list(root)))
    KEPT.write_bytes(zlib.compress(json.dumps(kept, separators=(",", ":")).encode(), 9))


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])

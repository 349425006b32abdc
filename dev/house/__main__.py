# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make house``: the floors of both halves, the arrows between rooms, lines per room.

The floors are the ``layers`` contracts of ``pyproject.toml``; that the arrows only go down is what
``make test`` checks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grimp
from importlinter.api import read_configuration

from dev.house.files import ROOT


def floors() -> Iterator[tuple[str, list[list[str]]]]:
    """(container, its floors from the top down, each a list of rooms)."""
    contracts: list[dict[str, Any]] = read_configuration(str(ROOT / "pyproject.toml"))[
        "contracts_options"
    ]
    for contract in contracts:
        for container in contract.get("containers", []):
            yield container, [re.split(r"\s*[|:]\s*", layer) for layer in contract["layers"]]


def room_of(module: str, rooms: set[str]) -> str | None:
    """The innermost room that a module is in."""
    parts = module.split(".")
    names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((name for name in names if name in rooms), None)


def arrows(graph: grimp.ImportGraph, rooms: set[str]) -> Counter[tuple[str, str]]:
    """(importing room, imported room): how many imports."""
    found: Counter[tuple[str, str]] = Counter()
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            pair = room_of(importer, rooms), room_of(imported, rooms)
            if pair[0] and pair[1] and pair[0] != pair[1]:
                found[pair[0], pair[1]] += 1
    return found


def lines_of(room: str) -> int:
    """Lines of Python in a room."""
    path = ROOT.joinpath(*room.split("."))
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    return sum(len(file.read_text().splitlines()) for file in files)


def main() -> None:
    """Print floors, top first: each room with its lines and the rooms that it imports."""
    graph = grimp.build_graph("keyserver", "plugins")
    houses = list(floors())
    rooms = {
        f"{container}.{room}" for container, floor in houses for layer in floor for room in layer
    }
    found = arrows(graph, rooms)
    for container, layers in houses:
        print(f"\n{container}: {lines_of(container)} lines, {len(layers)} floors")
        for number, layer in zip(range(len(layers), 0, -1), layers, strict=True):
            for name in layer:
                room = f"{container}.{name}"
                below = ", ".join(
                    f"{to.removeprefix(container + '.')} {count}"
                    for (of, to), count in sorted(found.items())
                    if of == room
                )
                print(f"{number:3} {name:14} {lines_of(room):6}  {below and '-> '}{below}")


if __name__ == "__main__":
    main()

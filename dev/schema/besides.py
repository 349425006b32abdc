# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an earlier release has besides: statements that went, and values that are no longer taken.

Devices of that release hold them. The later release says how everything is shown: the earlier one
marks hardly anything, so what it has besides is shown as the later one shows its namesakes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from . import exceptions
from .table import Body, Table

Node = tuple[Any, ...]
_BRANCHES = "cl"
_SHOWN = "KHOP"


class Besides:
    """Puts into one table what another has besides."""

    def __init__(self, table: Table, earlier: Table) -> None:
        self._new, self._old = table, earlier
        self._shown: Mapping[tuple[str, str, str], str] = {}
        self._merged: dict[tuple[int, int], int] = {}
        self._brought: dict[tuple[str, int], int] = {}

    def body(self, body: Body, earlier: Body) -> Body:
        """The top hierarchies of both."""
        self._shown = {**_as_shown(self._new), **exceptions.SHOWN}
        nodes = self._nodes("", tuple(body.nodes), tuple(earlier.nodes))
        return Body(list(nodes), body.choices, body.marks)

    def _nodes(self, parent: str, new: tuple[int, ...], old: tuple[int, ...]) -> tuple[int, ...]:
        """Those of both; what the earlier one alone has stands behind what it stood behind."""
        before = {self._old.nodes.values[number][0]: number for number in old}
        names = [self._new.nodes.values[number][0] for number in new]
        both = {
            name: self._both(number, before[name]) if name in before else number
            for name, number in zip(names, new, strict=True)
        }
        at = 0
        for name, number in before.items():
            if name in both:
                at = names.index(name) + 1
                continue
            names.insert(at, name)
            both[name], at = self._bring(parent, number), at + 1
        return tuple(both[name] for name in names)

    def _both(self, new: int, old: int) -> int:
        """A statement that both have, with what either has below it."""
        if (new, old) not in self._merged:
            self._merged[new, old] = self._made(new, old)
        return self._merged[new, old]

    def _made(self, new: int, old: int) -> int:
        name, flags, *rest = self._new.nodes.values[new]
        _, earlier, *was = self._old.nodes.values[old]
        if flags[0] != earlier[0] or not rest:
            # What became another kind of statement is as it is now.
            return new
        if flags[0] in _BRANCHES:
            below = self._below(name, rest[0], was[0])
            keys = [self._wider_keys(*pair) for pair in zip(rest[2:], was[2:], strict=True)]
            return self._new.nodes.number((name, flags, below, *rest[1:2], *keys))
        return self._new.nodes.number((name, flags, self._wider(rest[0], was[0]), *rest[1:]))

    def _below(self, parent: str, new: int, old: int) -> int:
        nodes, choices = self._new.children.values[new]
        before, chosen = self._old.children.values[old]
        both = self._nodes(parent, nodes, before)
        names = {self._new.nodes.values[number][0] for number in nodes}
        widened = tuple(_with_cases(choice, chosen, names) for choice in choices)
        return self._new.children.number((both, widened))

    def _wider(self, new: int, old: int) -> int:
        """A type that takes what either takes, where that is words or numbers."""
        kind, was = self._new.types.values[new], self._old.types.values[old]
        if kind[0] == "enum" and was[0] == "enum":
            return self._new.types.number(tuple(dict.fromkeys((*kind, *was))))
        if kind[0] == was[0] == "integer" and len(kind) == len(was) == 3:
            spans = (min(kind[1], was[1]), max(kind[2], was[2]))
            return self._new.types.number(("integer", *spans))
        return new

    def _wider_keys(self, keys: tuple[Node, ...], was: tuple[Node, ...]) -> tuple[Node, ...]:
        known = {name: kind for name, _, kind in was}
        return tuple(
            (name, word, self._wider(kind, known[name]) if name in known else kind)
            for name, word, kind in keys
        )

    def _bring(self, parent: str, old: int) -> int:
        """A statement of the earlier release alone."""
        key = (parent, old)
        if key not in self._brought:
            name, flags, *rest = self._old.nodes.values[old]
            if flags[0] in _BRANCHES:
                rest = [self._bring_below(name, rest[0]), *rest[1:2], *map(self._keys, rest[2:])]
            elif rest:
                rest = [self._type(rest[0]), *rest[1:]]
            flags += self._shown.get((parent, name, flags[0]), "")
            self._brought[key] = self._new.nodes.number((name, flags, *rest))
        return self._brought[key]

    def _keys(self, keys: tuple[Node, ...]) -> tuple[Node, ...]:
        """A list's keys; the word of one that is alone is in no configuration."""
        alone = len(keys) == 1
        return tuple((name, "" if alone else word, self._type(kind)) for name, word, kind in keys)

    def _bring_below(self, parent: str, old: int) -> int:
        nodes, choices = self._old.children.values[old]
        brought = tuple(self._bring(parent, number) for number in nodes)
        return self._new.children.number((brought, choices))

    def _type(self, old: int) -> int:
        kind = self._old.types.values[old]
        if kind[0] == "union":
            kind = ("union", *map(self._type, kind[1:]))
        return self._new.types.number(kind)


def _with_cases(choice: Any, earlier: Any, names: set[str]) -> Any:
    """A choice with the cases that it had, of which no statement is left."""
    own = {name for case in choice for name in case}
    for before in earlier:
        if own & {name for case in before for name in case}:
            choice = (*choice, *(case for case in before if not names & set(case)))
    return choice


def _as_shown(table: Table) -> Mapping[tuple[str, str, str], str]:
    """How a statement of a kind is shown below a parent, where that is the same everywhere."""
    found: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    for name, flags, *rest in table.nodes.values:
        for child in table.children.values[rest[0]][0] if flags[0] in _BRANCHES else ():
            inner, marks = table.nodes.values[child][:2]
            found[name, inner, marks[0]].add("".join(m for m in _SHOWN if m in marks))
    return {place: min(marks) for place, marks in found.items() if len(marks) == 1}

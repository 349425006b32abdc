# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table as the CLI has it: Juniper's YANG with the exceptions put in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from . import exceptions
from .besides import Besides
from .table import Body, Table

Node = tuple[Any, ...]
_BRANCHES = "cl"
_SYSTEMS = ("logical-systems", "tenants")


class Adjusted:
    """Rebuilds a table's statements, each once for every parent that matters to an exception."""

    def __init__(self, table: Table) -> None:
        self._old = table
        self.new = Table([])
        self._done: dict[tuple[str, int], int] = {}
        by_parent = (
            *(*exceptions.WORDS, *exceptions.ORDER),
            *(*exceptions.SPANS, *exceptions.ALSO),
            *(*exceptions.NAMED, *exceptions.VANISHING, *exceptions.IN_ORDER),
        )
        self._wanted = {parent for parent, _ in by_parent}

    def node(self, parent: str, number: int) -> int:
        """The number in the new table of a statement of the old one below ``parent``."""
        key = (parent if parent in self._wanted else "", number)
        if key not in self._done:
            self._done[key] = self._rebuilt(parent, self._old.nodes.values[number])
        return self._done[key]

    def _rebuilt(self, parent: str, node: Node) -> int:
        kind = node[1][0]
        if kind in _BRANCHES:
            return self._branch(parent, node)
        if kind == "e":
            return self.new.nodes.number((_word(parent, node), node[1]))
        return self._leaf(parent, node)

    def _branch(self, parent: str, node: Node) -> int:
        name, flags, *rest = node
        flags = flags.replace("P", "O") if name in exceptions.ONE_LINE else flags
        # Its word before each of its statements says nothing alone.
        flags = flags.replace("p", "") if flags[0] == "c" and "H" in flags else flags
        for mark, marked in (("v", exceptions.VANISHING), ("U", exceptions.IN_ORDER)):
            if flags[0] == "l" and (parent, name) in marked and mark not in flags:
                flags += mark
        children = self._children(name, rest[0])
        keys = [tuple(self._key(key) for key in rest[2])] if flags[0] == "l" else []
        named = exceptions.NAMED.get((parent, name))
        if named is not None and not self._is_numbered(rest[2][0]):
            keys = [(("name", "", self.new.types.number(named)),)]
        return self.new.nodes.number((_word(parent, node), flags, children, *rest[1:2], *keys))

    def _is_numbered(self, key: Node) -> bool:
        return self._old.types.values[key[2]][0] in ("integer", "union")

    def _leaf(self, parent: str, node: Node) -> int:
        name, flags, *rest = node
        kind = self._old.types.values[rest[0]]
        flags += _secrecy(name, kind)
        span = exceptions.SPANS.get((parent, name))
        number = self.new.types.number(("integer", *span)) if span else self._type(rest[0])
        word = exceptions.ALSO.get((parent, name))
        if word is not None:
            number = self.new.types.number(("union", self.new.types.number(("enum", word)), number))
        return self.new.nodes.number((_word(parent, node), flags, number, *rest[1:]))

    def _key(self, key: Node) -> Node:
        name, word, kind = key
        return name, exceptions.KEY_WORDS.get(name, word), self._type(kind)

    def _type(self, number: int) -> int:
        kind = self._old.types.values[number]
        if kind[0] == "union":
            kind = ("union", *map(self._type, kind[1:]))
        elif kind[0] == "enum":
            words = (exceptions.ENUM_WORDS.get(word, word) for word in kind[1:])
            kind = (
                "enum",
                *(f"{n}|{w}" if n != w else n for n, w in zip(kind[1:], words, strict=True)),
            )
        elif kind[0] == "unreadable":
            kind = ("string",)
        return self.new.types.number(kind)

    def _children(self, parent: str, number: int) -> int:
        nodes, choices = self._old.children.values[number]
        names = [self._old.nodes.values[child][0] for child in nodes]
        order = list(zip(names, nodes, strict=True))
        for (where, what), behind in exceptions.ORDER.items():
            if where == parent and what in names and behind in names:
                moving = next(pair for pair in order if pair[0] == what)
                order.remove(moving)
                order.insert([n for n, _ in order].index(behind) + 1, moving)
        kept = self._folded([self.node(parent, child) for _, child in order])
        if parent in exceptions.ENABLE_BESIDE_DISABLE and "disable" in names:
            if "enable" not in names:
                kept.insert(names.index("disable") + 1, self.new.nodes.number(("enable", "e")))
            choices = (*choices, (("disable",), ("enable",)))
        return self.new.children.number((tuple(kept), tuple(choices)))

    def _folded(self, numbers: list[int]) -> list[int]:
        """``priority 4 3``: values without a word go into the container that text has before them.

        The YANG has them beside it.
        """
        values = [number for number in numbers if self._has_no_word(number)]
        found: list[int] = []
        for at, number in enumerate(numbers, 1):
            if len(values) > 1 and numbers[at : at + len(values)] == values and self._opens(number):
                inner = self.new.children.number((tuple(values), ()))
                name = self.new.nodes.values[number][0]
                found.append(self.new.nodes.number((name, "cFOp", inner)))
            elif not (found and self._is_in(found[-1], number)):
                found.append(number)
        return found

    def _opens(self, number: int) -> bool:
        """Whether it is a container with nothing in it, that may be there by itself."""
        flags, *rest = self.new.nodes.values[number][1:]
        return flags[0] == "c" and "p" in flags and self.new.children.values[rest[0]] == ((), ())

    def _is_in(self, container: int, number: int) -> bool:
        flags, *rest = self.new.nodes.values[container][1:]
        return "F" in flags and number in self.new.children.values[rest[0]][0]

    def _has_no_word(self, number: int) -> bool:
        flags = self.new.nodes.values[number][1]
        return flags[0] == "f" and "K" in flags

    def with_undocumented(self, nodes: list[int]) -> list[int]:
        """The top hierarchies with what the YANG has not, or calls otherwise than the CLI."""
        for path, additions in exceptions.UNDOCUMENTED.items():
            nodes = self._at(nodes, path.split(), partial(self._added, additions))
        for path, word in exceptions.WORDS_AT.items():
            *way, name = path.split()
            nodes = self._at(nodes, way, partial(self._respelled, name, f"{name}|{word}"))
        added = partial(self._added, {"filename": "word"})
        return self._at(nodes, ["snmp", "traceoptions", "file"], added)

    def _at(
        self, nodes: list[int], path: list[str], change: Callable[[list[int]], list[int]]
    ) -> list[int]:
        """Statements beside each other, of which those at the end of a path are changed."""
        if not path:
            return change(nodes)
        at = next(i for i, n in enumerate(nodes) if self._name(n) == path[0])
        name, flags, children, *rest = self.new.nodes.values[nodes[at]]
        inner, choices = self.new.children.values[children]
        number = self.new.children.number((tuple(self._at(list(inner), path[1:], change)), choices))
        replaced = self.new.nodes.number((name, flags, number, *rest))
        return [*nodes[:at], replaced, *nodes[at + 1 :]]

    def _respelled(self, name: str, spelled: str, nodes: list[int]) -> list[int]:
        return [self._like(n, spelled) if self._name(n) == name else n for n in nodes]

    def _added(self, additions: Mapping[str, Any], nodes: list[int]) -> list[int]:
        for name, what in additions.items():
            known = [n for n in nodes if self._name(n) == name]
            if known:
                nodes = [self._like(n, name, "x") if n in known else n for n in nodes]
            else:
                nodes = [*nodes, self._invented(name, what, nodes)]
        return nodes

    def _like(self, number: int, name: str, mark: str = "") -> int:
        """The same statement by another name, or with a mark more."""
        _, flags, *rest = self.new.nodes.values[number]
        return self.new.nodes.number((name, flags + mark, *rest))

    def _name(self, number: int) -> str:
        name: str = self.new.nodes.values[number][0].partition("|")[0]
        return name

    def _invented(self, name: str, what: Any, beside: list[int]) -> int:
        if isinstance(what, dict):
            inner = tuple(self._invented(*pair, []) for pair in what.items())
            return self.new.nodes.number((name, "cpx", self.new.children.number((inner, ()))))
        text = self.new.types.number(("string",))
        nodes: dict[str, Node] = {
            "flag": (name, "ex"),
            "value": (name, "fx", text, 0),
            "values": (name, "vUx", text, 0),
            "word": (name, "fK", text, 0),
        }
        if what in nodes:
            return self.new.nodes.number(nodes[what])
        return self._like(next(n for n in beside if self._name(n) == what), name, "x")


def _word(parent: str, node: Node) -> str:
    name = node[0]
    word = exceptions.WORDS.get((parent, name)) or exceptions.WORDS.get(("*", name))
    if (parent, name) == ("policies", "policy") and len(node[4]) < 2:
        word = None
    return f"{name}|{word}" if word else str(name)


def _spelled(word: str) -> str:
    """An enumeration's word, with the CLI's own behind it where that differs."""
    other = exceptions.ENUM_WORDS.get(word)
    return f"{word}|{other}" if other else word


def _secrecy(name: str, kind: Node) -> str:
    if name in exceptions.HASHES:
        return "h"
    unreadable = kind[0] == "unreadable" and name not in exceptions.READABLE
    return "s" if unreadable or name in exceptions.SECRETS else ""


def without_systems(table: Table) -> Body:
    """The top hierarchies of a release, but for those that are the whole again."""
    body = table.root()
    body.nodes = [n for n in body.nodes if table.nodes.values[n][0] not in _SYSTEMS]
    return body


def whole_table(old: Table, earlier: Iterable[tuple[Table, Body]]) -> dict[str, Any]:
    """The table as it is kept: types, lists of children, statements, and a root a generation.

    ``earlier`` are releases that have statements besides, or parts of them, the newest first.
    """
    body, extras = old.root(), old.group_extras()
    for table, has in earlier:
        body = Besides(old, table).body(body, has)
    adjusted = Adjusted(old)
    new = adjusted.new
    top = adjusted.with_undocumented([adjusted.node("configuration", n) for n in body.nodes])
    when = [
        adjusted.node("groups", number)
        for number in extras.nodes
        if old.nodes.values[number][0] == "when"
    ]
    name = ("name", "", new.types.number(("string", 1, 254)))
    roots = {}
    for generation, order in exceptions.TOP.items():
        plain = _ordered(new, top, order)
        system = new.children.number((tuple(plain), ()))
        kept = [new.nodes.number((word, "lHa", system, 0, (name,))) for word in _SYSTEMS]
        inner = new.children.number((tuple(when + _ordered(new, [*plain, *kept], order)), ()))
        groups = new.nodes.number(("groups", "lHUa", inner, 0, (name,)))
        everything = _ordered(new, [*plain, *kept, groups], order)
        roots[generation] = new.children.number((tuple(everything), ()))
    return {
        "types": new.types.values,
        "children": new.children.values,
        "nodes": new.nodes.values,
        "roots": roots,
    }


def _ordered(table: Table, nodes: list[int], order: list[str]) -> list[int]:
    def place(number: int) -> int:
        name = table.nodes.values[number][0]
        return order.index(name) if name in order else len(order)

    return sorted(nodes, key=place)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From YANG modules to one table of distinct statements.

Every ``uses`` is expanded once, and equal statements, lists of children and types are one entry
each: 24.4R1's 85,000 statements become some 14,000. The table's form is told in
``keyserver/config/statements.py``, which reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .yang import Word

ROOT_MODULE = "junos-es-conf-root"
_WILDCARD = "<.*>|$.*"
"""In Juniper's unions this stands for "or a wildcard of a configuration group"."""

_MARKS = {"nokeyword": "K", "homogeneous": "H", "oneliner": "O", "oneliner-plus": "P"}
_INTEGERS = {
    f"{sign}int{bits}": (0 if sign else -(2 ** (bits - 1)), 2 ** (bits if sign else bits - 1) - 1)
    for bits in (8, 16, 32, 64)
    for sign in ("", "u")
}
_ADVANCED = ("apply-groups", "apply-groups-except", "apply-macro")
_NODES = ("container", "list", "leaf", "leaf-list")


class Interned:
    """Values by number; equal ones have one."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, value: Any) -> int:
        """The number of a (hashable) value."""
        if value not in self._numbers:
            self._numbers[value] = len(self.values)
            self.values.append(value)
        return self._numbers[value]


@dataclass
class Body:
    """What stands in a container, list or grouping."""

    nodes: list[int] = field(default_factory=list)
    choices: list[tuple[tuple[str, ...], ...]] = field(default_factory=list)
    marks: str = ""

    def add(self, other: Body) -> None:
        """What a ``uses`` brings."""
        self.nodes += other.nodes
        self.choices += other.choices
        self.marks += other.marks


class Table:
    """Statements, lists of children and types, each once."""

    def __init__(self, modules: Iterable[Word]) -> None:
        self.nodes, self.children, self.types = Interned(), Interned(), Interned()
        self._modules = {module.argument: module for module in modules}
        self._groupings = {
            (name, grouping.argument): grouping
            for name, module in self._modules.items()
            for grouping in module.all("grouping")
        }
        self._prefixes = {
            name: {
                **{i.get("prefix"): i.argument for i in module.all("import")},
                module.get("prefix"): name,
            }
            for name, module in self._modules.items()
        }
        self._expanded: dict[tuple[str, str], Body] = {}

    def root(self) -> Body:
        """The hierarchies at the top, without groups."""
        top = next(self._modules[ROOT_MODULE].all("container"))
        body = self._body(ROOT_MODULE, top.all("uses"))
        for name, module in self._modules.items():
            for augment in module.all("augment"):
                if augment.argument == "/jc:configuration":
                    body.add(self._body(name, augment.children))
        return body

    def group_extras(self) -> Body:
        """What a configuration group has beside the hierarchies: ``when``."""
        return self._body(ROOT_MODULE, [Word("uses", "juniper-group")])

    def _body(self, module: str, words: Iterable[Word]) -> Body:
        body = Body()
        for word in words:
            if word.keyword == "uses":
                body.add(self._uses(module, word.argument))
            elif word.keyword == "choice":
                self._choice(module, word, body)
            elif word.keyword in _NODES and word.argument in _ADVANCED:
                body.marks += "a"
            elif word.keyword in _NODES:
                body.nodes.append(self._node(module, word))
            elif word.keyword == "junos:cli-feature":
                body.marks += _MARKS[word.argument]
            elif word.keyword == "presence":
                body.marks += "p"
        return body

    def _uses(self, module: str, name: str) -> Body:
        prefix, _, plain = name.rpartition(":")
        home = self._prefixes[module][prefix] if prefix else module
        key = (home, plain)
        if key not in self._expanded:
            self._expanded[key] = self._body(home, self._groupings[key].children)
        return self._expanded[key]

    def _choice(self, module: str, choice: Word, body: Body) -> None:
        cases = []
        for word in choice.children:
            if word.keyword not in ("case", *_NODES):
                continue
            case = self._body(module, word.children if word.keyword == "case" else [word])
            body.add(case)
            names = tuple(self.nodes.values[number][0] for number in case.nodes)
            if names:
                cases.append(names)
        if len(cases) > 1:
            body.choices.append(tuple(cases))

    def _node(self, module: str, word: Word) -> int:
        marks = "U" if word.get("ordered-by") == "user" else ""
        marks += "d" if word.get("status") == "deprecated" else ""
        limit = int(word.get("max-elements") or 0)
        if word.keyword in ("leaf", "leaf-list"):
            marks += "".join(_MARKS[f.argument] for f in word.all("junos:cli-feature"))
            kind = self._type(next(word.all("type")))
            if kind == ("empty",):
                return self.nodes.number((word.argument, "e" + _tidy(marks)))
            letter = "f" if word.keyword == "leaf" else "v"
            return self.nodes.number(
                (word.argument, letter + _tidy(marks), self.types.number(kind), limit)
            )
        body = self._body(module, word.children)
        return self.branch(word.argument, body, marks, word.get("key").split(), limit)

    def branch(self, name: str, body: Body, marks: str, keys: list[str], limit: int = 0) -> int:
        """A container, or a list when it has keys; its keys are not among its children."""
        by_name = {self.nodes.values[number][0]: number for number in body.nodes}
        own = [number for number in body.nodes if self.nodes.values[number][0] not in keys]
        children = self.children.number((tuple(dict.fromkeys(own)), tuple(body.choices)))
        marks = _tidy(marks + body.marks)
        if not keys:
            return self.nodes.number((name, "c" + marks, children))
        return self.nodes.number(
            (name, "l" + marks, children, limit, tuple(self._key(by_name[key]) for key in keys))
        )

    def _key(self, number: int) -> tuple[str, str, int]:
        """(leaf, its word in the CLI or nothing, type)."""
        name, flags, kind, *_ = self.nodes.values[number]
        return name, "" if "K" in flags else name, kind

    def _type(self, word: Word) -> tuple[Any, ...]:
        name = word.argument
        if name == "union":
            members = [self._type(member) for member in word.all("type")]
            members = [m for m in members if m != ("enum", _WILDCARD)]
            if len(members) == 1:
                return members[0]
            return ("union", *(self.types.number(member) for member in members))
        if name == "enumeration":
            return ("enum", *(enum.argument for enum in word.all("enum")))
        if name in _INTEGERS:
            return ("integer", *_spans(word.get("range"), *_INTEGERS[name]))
        if name == "string":
            return self._string(word)
        if name == "decimal64":
            return ("decimal", int(word.get("fraction-digits")), word.get("range"))
        return (name.removeprefix("jt:"),)

    def _string(self, word: Word) -> tuple[Any, ...]:
        if word.get("pattern"):
            # Beside the wildcard, which unions leave out, these are plain words.
            return ("enum", word.get("pattern"))
        pattern = word.get("junos:posix-pattern")
        length = _spans(word.get("length"), 0, 0) if word.get("length") else ()
        if pattern:
            return ("pattern", pattern, word.get("junos:pattern-message"), *length)
        return ("string", *length)


def _tidy(marks: str) -> str:
    return "".join(sorted(set(marks)))


def _spans(text: str, low: int, high: int) -> list[int]:
    """``1 .. 5 | 9`` as [1, 5, 9, 9]."""
    if not text:
        return [low, high]
    ends: list[int] = []
    for part in text.split("|"):
        first, _, last = (end.strip() for end in part.partition(".."))
        for end in (first, last or first):
            ends.append({"min": low, "max": high}[end] if end in ("min", "max") else int(end))
    return ends

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of Junos statements, and how it becomes :class:`Statement` objects when needed.

``statements.json.z`` is generated (``make schema``) from Juniper's YANG of Junos 24.4R1 for SRX,
with what 22.4R1 and eight other releases since 17.4R1 had besides (github.com/Juniper/yang,
Copyright Juniper Networks, Apache License 2.0): facts about statements, zlib-compressed JSON with

- ``types``: ``["integer", low, high, …]``, ``["enum", word, …]`` (``xml|cli`` where they differ),
  ``["string"(, low, high)]``, ``["pattern", posix, message(, low, high)]``,
  ``["decimal", digits, range]``, ``["union", type, …]``, or Juniper's name of a type of its own;
- ``children``: ``[[statement, …], [choice, …]]``, a choice as cases of names;
- ``nodes``: ``[name, flags, …]``, the name ``xml|cli`` where they differ; then for a container its
  children, for a list its children, limit and keys ``[name, word, type]``, for a leaf or leaf-list
  its type and limit. The first flag is the kind: c container, l list, f leaf, v leaf-list, e empty;
  then K no keyword, H homogeneous, O oneliner, P oneliner-plus, U the user's order, p presence,
  a apply-groups, d deprecated, x undocumented, v vanishing, s secret, h hash;
- ``roots``: the children of ``[edit]``, a generation.
"""

from __future__ import annotations

import json
import pkgutil
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from .schema import APPLY, Key, Kind, Secrecy, Statement
from .values import (
    NAMED,
    ValueCheck,
    decimal,
    either,
    enumeration,
    integers,
    matching,
    physical,
    secret,
    spelled_enumeration,
    text_of,
)

_TABLE = "statements.json.z"
_KINDS = {
    "c": Kind.CONTAINER,
    "l": Kind.LIST,
    "f": Kind.LEAF,
    "v": Kind.LEAF_LIST,
    "e": Kind.EMPTY,
}
_ANY = text_of()
_EXPRESSION = "policy-algebra"


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(
        zlib.decompress(pkgutil.get_data(__package__, _TABLE) or b"")
    )
    return table


class Statements:
    """Statements by their number; each is made once, when something asks for it.

    ``instead`` replaces whole statements by others, by the path that leads to them.
    """

    def __init__(self, instead: Mapping[str, Statement]) -> None:
        self._table = _table()
        self._made: dict[int, Statement] = {}
        self._checks: dict[int, ValueCheck] = {}
        for path, statement in instead.items():
            self._made[self._number(path.split())] = statement

    def root(self, generation: str) -> Statement:
        """``[edit]`` of a generation."""
        number: int = self._table["roots"][generation]
        return Statement("configuration", Kind.CONTAINER, below=lambda: self._top(number))

    def _top(self, children: int) -> Iterator[Statement]:
        for statement in self._below(children):
            yield statement
            if statement.name == "groups":
                yield from APPLY

    def _number(self, path: list[str]) -> int:
        children, number = self._table["roots"]["v1"], -1
        for name in path:
            number = next(
                n
                for n in self._table["children"][children][0]
                if self._table["nodes"][n][0] == name
            )
            children = self._table["nodes"][number][2]
        return number

    def _below(self, children: int) -> list[Statement]:
        return [self._statement(number) for number in self._table["children"][children][0]]

    def _statement(self, number: int) -> Statement:
        if number not in self._made:
            self._made[number] = self._make(self._table["nodes"][number])
        return self._made[number]

    def _make(self, node: list[Any]) -> Statement:
        (name, _, word), flags, rest = node[0].partition("|"), node[1], node[2:]
        kind = _KINDS[flags[0]]
        branch = kind in (Kind.CONTAINER, Kind.LIST)
        return Statement(
            name,
            kind,
            word,
            below=(lambda: self._below(rest[0])) if branch else tuple,
            check=self._leaf_check(rest[0], flags) if rest and not branch else None,
            keys=tuple(Key(n, w, self._key_check(name, flags, t)) for n, w, t in rest[2])
            if kind is Kind.LIST
            else (),
            limit=rest[1] or None if len(rest) > 1 else None,
            spelled="K" not in flags,
            oneliner="O" in flags,
            terse="P" in flags,
            homogeneous="H" in flags,
            user_ordered="U" in flags or kind is Kind.LEAF_LIST,
            presence="p" in flags,
            advanced="a" in flags,
            undocumented="x" in flags,
            flat="F" in flags,
            vanishing="v" in flags[1:],
            expression=not branch and self._is_expression(rest),
            secrecy=_secrecy(flags),
            alternatives=(lambda: self._table["children"][rest[0]][1]) if branch else tuple,
        )

    def _is_expression(self, rest: list[Any]) -> bool:
        return bool(rest) and self._table["types"][rest[0]] == [_EXPRESSION]

    def _key_check(self, name: str, flags: str, number: int) -> ValueCheck:
        """What a key may be; an interface that needs no word before it is a device."""
        return physical if name == "interface" and "K" in flags else self._check(number)

    def _leaf_check(self, number: int, flags: str) -> ValueCheck:
        check = self._check(number)
        return secret(check) if "s" in flags else check

    def _check(self, number: int) -> ValueCheck:
        if number not in self._checks:
            self._checks[number] = self._made_check(self._table["types"][number])
        return self._checks[number]

    def _made_check(self, kind: list[Any]) -> ValueCheck:
        name, rest = kind[0], kind[1:]
        if name == "union":
            return either(*map(self._check, rest))
        if name == "integer":
            return integers(*zip(rest[::2], rest[1::2], strict=True))
        if name == "enum":
            words = [(w.partition("|")[0], w.partition("|")[2] or w) for w in rest]
            differ = any(xml != cli for xml, cli in words)
            return spelled_enumeration(words) if differ else enumeration(*rest)
        if name == "pattern":
            return matching(*rest[:2], *_lengths(rest[2:]))
        if name == "decimal":
            return decimal(*rest)
        return text_of(*_lengths(rest)) if name == "string" else NAMED.get(name, _ANY)


def _lengths(spans: list[int]) -> list[int]:
    return [spans[0], spans[-1]] if spans else []


def _secrecy(flags: str) -> Secrecy:
    return Secrecy.SECRET if "s" in flags else Secrecy.HASH if "h" in flags else Secrecy.NONE

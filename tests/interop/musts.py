# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Juniper's commit rules (``junos:must``) read from the YANG itself, and carried out word by word.

An expression is made of paths in quotes, ``!``, ``&&``, ``||`` and parentheses. A path begins at
``[edit]`` or, with ``..``, around the statement: a list and its entry are a level each. ``$$`` is
the statement's value, ``$$-IFL`` the logical interface of that name, ``<*>`` any name; ``any`` and
``unique`` stand before a path.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keyserver.config.schema import KEY_SEPARATOR, Kind, Statement
from keyserver.config.tree import MARKS

_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"((?:[^"\\]|\\.)*)"|([{};])|([^\s{};"]+)', re.DOTALL)
_WORD = re.compile(r'\(|\)|!|&&|\|\||any|unique|"[^"]*"')
_USUAL = ["mode", "main"]
Level = tuple[Statement, dict] | None


@dataclass
class Node:
    """One statement of YANG."""

    keyword: str
    argument: str
    children: list[Node]


def read_yang(path: Path) -> Node:
    """A module."""
    words = deque(
        found[0] if found[1] is None else _Text(re.sub(r"\\(.)", r"\1", found[1]))
        for found in _TOKEN.finditer(path.read_text())
        if not found[0].startswith(("//", "/*"))
    )
    return _node(words)


class _Text(str):
    """A word in quotes, which is no mark."""

    __slots__ = ()


def _node(words: deque[str]) -> Node:
    node = Node(words.popleft(), "", [])
    while not _is(words[0], "{", ";"):
        node.argument += "" if _is(words[0], "+") else words[0]
        words.popleft()
    if words.popleft() == "{":
        while not _is(words[0], "}"):
            node.children.append(_node(words))
        words.popleft()
    return node


def _is(word: str, *marks: str) -> bool:
    return word in marks and not isinstance(word, _Text)


@dataclass(frozen=True)
class Rule:
    """A rule: where, what, and what is said when it does not hold."""

    path: tuple[str, ...]
    expression: Any
    message: str


def rules(module: Node) -> list[Rule]:
    """Every rule below ``security``."""
    groupings = {n.argument: n for n in module.children if n.keyword == "grouping"}
    return list(_rules(groupings["security-group"], (), groupings))


def _rules(node: Node, path: tuple[str, ...], groupings: dict[str, Node]) -> Iterator[Rule]:
    for place, child in enumerate(node.children):
        if child.keyword == "junos:must":
            message = node.children[place + 1].argument
            yield Rule(path, _parsed(_WORD.findall(child.argument)), message)
        elif child.keyword in ("container", "list", "leaf", "leaf-list"):
            yield from _rules(child, (*path, child.argument), groupings)
        elif child.keyword in ("choice", "case"):
            yield from _rules(child, path, groupings)
        elif child.keyword == "uses" and child.argument in groupings:
            used = {k: v for k, v in groupings.items() if k != child.argument}
            yield from _rules(groupings[child.argument], path, used)


def _parsed(words: list[str]) -> Any:
    """("or", a, b), ("and", a, b), ("not", a), or (how, the words of a path)."""

    def either() -> Any:
        left = both()
        while words[:1] == ["||"]:
            words.pop(0)
            left = ("or", left, both())
        return left

    def both() -> Any:
        left = one()
        while words[:1] == ["&&"]:
            words.pop(0)
            left = ("and", left, one())
        return left

    def one() -> Any:
        word = words.pop(0)
        if word == "!":
            return ("not", one())
        if word == "(":
            inner = either()
            assert words.pop(0) == ")"
            return inner
        if word in ("any", "unique"):
            return (word, words.pop(0).strip('"').split())
        return ("any", word.strip('"').split())

    return either()


def complaints(root: Statement, tree: dict, wanted: list[Rule]) -> list[str]:
    """What the rules say against a configuration that is in force."""
    return sorted(
        rule.message
        for rule in wanted
        for value, around in _sites(root, tree, rule.path, [])
        if not _holds(rule.expression, value, around)
    )


def _sites(
    statement: Statement, tree: dict, path: tuple[str, ...], around: list[Level]
) -> Iterator[tuple[str, list[Level]]]:
    """(value, the levels around it) of every statement at a path."""
    name, *rest = path
    child, here = statement.children.get(name), [*around, (statement, tree)]
    if child is None or name not in tree:
        return
    if child.kind is Kind.LIST:
        keys = [key.name for key in child.keys]
        for key, entry in tree[name].items():
            within = [*here, None]
            if rest[0] in keys:
                yield key.split(KEY_SEPARATOR)[keys.index(rest[0])], [*within, (child, entry)]
            else:
                yield from _sites(child, entry, tuple(rest), within)
    elif rest:
        yield from _sites(child, tree[name], tuple(rest), here)
    elif child.kind is Kind.LEAF_LIST:
        yield from ((value, here) for value in tree[name])
    else:
        yield tree[name] if child.kind is Kind.LEAF else name, here


def _holds(expression: Any, value: str, around: list[Level]) -> bool:
    how, *parts = expression
    if how == "not":
        return not _holds(parts[0], value, around)
    if how in ("or", "and"):
        return (any if how == "or" else all)(_holds(part, value, around) for part in parts)
    path = parts[0]
    up = path.count("..")
    start = around[-up] if up else around[0]
    assert start is not None, path
    words = _words(path[up:], value)
    found = _count(*start, words)
    if not found and words[-2:] == _USUAL:
        # The mode that there is without a word.
        of_policy = _count(*start, words[:-2])
        found = of_policy - _count(*start, [*words[:-1], "aggressive"])
    return found < 2 if how == "unique" else found > 0


def _words(path: list[str], value: str) -> list[str]:
    name, _, unit = value.partition(".")
    logical = [name, "unit", unit or "0"]
    # What an interface has is what its unit has.
    of_interface = path[0] == "interfaces"
    return [
        part
        for word in path
        for part in (logical if "$$" in word and of_interface else [word.replace("$$", value)])
    ]


def _count(statement: Statement, tree: dict, words: list[str]) -> int:
    """How many statements there are at a path, in the words of the CLI."""
    total = 0
    for own, child, inner in _children(statement, tree):
        both = list(zip(own, words, strict=False))
        if any(word not in ("<*>", name) for name, word in both):
            continue
        if len(words) <= len(own):
            total += 1
        elif inner is not None:
            total += _count(child, inner, words[len(own) :])
    return total


def _children(
    statement: Statement, tree: dict
) -> Iterator[tuple[list[str], Statement, dict | None]]:
    """(words, statement, what is in it) of what a branch holds."""
    for name in tree.keys() - MARKS:
        child, value = statement.children[name], tree[name]
        own = [child.shown] if child.spelled else []
        if child.kind is Kind.CONTAINER:
            yield own, child, value
        elif child.kind is Kind.LIST:
            yield from ((own + child.key_words(key), child, entry) for key, entry in value.items())
        elif child.kind is Kind.EMPTY:
            yield own, child, None
        else:
            values = value if child.kind is Kind.LEAF_LIST else [value]
            yield from (([*own, one], child, None) for one in values)

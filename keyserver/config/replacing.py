# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``replace pattern A with B upto N``: identifiers and values of a branch, one after the other.

Junos CLI guide, "replace": POSIX expressions without lazy qualifiers, ``\\1`` to ``\\9`` and ``&``
in what comes instead; ``upto`` counts objects (an identifier or a value), siblings first. Secrets
and comments are left as they are: what is kept of a secret is not what its owner wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from .edit import Edit, Operation, Replacement
from .expressions import Expression, NoExpression
from .schema import KEY_SEPARATOR, Kind, Statement
from .tree import Item, Tree, items
from .values import posix

_REPEATED = re.compile(r"(?<!\\)[*+{]")
_CHOSEN = re.compile(r"(?<!\\)[?|]")
_MOST_REPETITIONS, _MOST_CHOICES = 2, 8
"""More of them in one expression would take as long as a client likes to match."""
_MOST_TRIALS = 2_000_000
"""Ways in which an expression may match a value: a turn of some milliseconds."""
_LONGEST = 250
_NOT_POSIX = re.compile(r"\(\?|\\[A-Za-z0-9]|[*+?}][*+?]|\)[*+?{]")
_REFERENCE = re.compile(r"\\(.)|&", re.DOTALL)


class NoPattern(ValueError):
    """An expression that cannot be read, or would take too long to match."""


def replacement(pattern: str, text: str, upto: str) -> Replacement:
    """What ``replace pattern`` asks for. Raises NoPattern."""
    if not (upto.isascii() and upto.isdigit() and len(upto) < 10):
        raise NoPattern(f"Invalid numeric value: '{upto[:40]}'")
    repeated, chosen = _branches(pattern)
    too_many = repeated > _MOST_REPETITIONS or chosen > _MOST_CHOICES
    if not 0 < len(pattern) <= _LONGEST or too_many:
        raise NoPattern("regular expression too complex")
    if _NOT_POSIX.search(pattern):
        raise NoPattern("invalid regular expression")
    try:
        compiled, expression = posix(pattern), Expression(pattern)
    except (re.error, NoExpression) as error:
        raise NoPattern(f"invalid regular expression: {error}") from None
    if any(
        int(m[1]) > compiled.groups for m in _REFERENCE.finditer(text) if (m[1] or "").isdigit()
    ):
        raise NoPattern("invalid back reference")
    return Replacement(compiled, text, int(upto), expression.found_in)


@lru_cache(maxsize=8)
def _branches(pattern: str) -> tuple[int, int]:
    """How often an expression repeats something, and how often it has a choice."""
    return len(_REPEATED.findall(pattern)), len(_CHOSEN.findall(pattern))


def _instead(asked: Replacement, value: str) -> str:
    def fill(found: re.Match[str]) -> str:
        def part(reference: re.Match[str]) -> str:
            named = reference[1]
            if named is None:
                return found[0]
            return (found[int(named)] or "") if named in "123456789" else named

        return _REFERENCE.sub(part, asked.text)

    if not asked.found_in(value):
        return value
    _refuse_long(asked.pattern.pattern, value)
    return asked.pattern.sub(fill, value)


def _refuse_long(pattern: str, value: str) -> None:
    """Raise NoPattern for a value that would take too long: Python goes back and tries again."""
    repeated, chosen = _branches(pattern)
    if len(value) ** (repeated + 1) * 2**chosen > _MOST_TRIALS:
        raise NoPattern(f"regular expression too complex for a value of {len(value)} characters")


@dataclass
class _Found:
    """A statement of the branch: the way to it, and itself."""

    way: list[Item]
    item: Item


def replacing(statement: Statement, tree: Tree, asked: Replacement) -> list[Edit]:
    """The edits of a branch that make the replacement: values first, then the deepest names."""
    left = asked.upto or -1
    values: list[Edit] = []
    names: list[Edit] = []
    for found in _breadth_first(statement, tree):
        if left == 0:
            break
        edit, count = _other(asked, found.item, left)
        if edit is not None and count:
            left -= count
            (values if edit.rename is None else names).append(_below(found.way, edit))
    return [*values, *reversed(names)]


def _other(asked: Replacement, item: Item, left: int) -> tuple[Edit | None, int]:
    """What makes another of a statement, and how many objects are another then."""
    if isinstance(item.identity, tuple):
        key = item.identity[1]
        new = _key_instead(asked, key)
        return Edit(item.statement, key=key, rename=new), int(new != key)
    if item.statement.kind in (Kind.LEAF, Kind.LEAF_LIST) and not item.statement.is_secret:
        return _value_instead(asked, item, left)
    return None, 0


def _breadth_first(statement: Statement, tree: Tree) -> Iterator[_Found]:
    level: list[tuple[Statement, Tree, list[Item]]] = [(statement, tree, [])]
    while level:
        below: list[tuple[Statement, Tree, list[Item]]] = []
        for here, branch, way in level:
            for item in items(here, branch):
                yield _Found(way, item)
                if item.statement.is_branch:
                    below.append((item.statement, item.value, [*way, item]))
        level = below


def _key_instead(asked: Replacement, key: str) -> str:
    return KEY_SEPARATOR.join(_instead(asked, part) for part in key.split(KEY_SEPARATOR))


def _value_instead(asked: Replacement, item: Item, left: int) -> tuple[Edit, int]:
    """The leaf with its new values, and how many of them are new (``left`` at most)."""
    old = item.value if item.statement.kind is Kind.LEAF_LIST else [item.value]
    new: list[str] = []
    count = 0
    for value in old:
        other = _instead(asked, value) if count != left else value
        count += other != value
        new.append(other)
    return Edit(item.statement, values=new, operation=Operation.REPLACE), count


def _below(way: list[Item], edit: Edit) -> Edit:
    """The edit behind the branches that lead to it, which are not made by it."""
    for item in reversed(way):
        key = item.identity[1] if isinstance(item.identity, tuple) else None
        edit = Edit(item.statement, key=key, children=[edit], operation=Operation.NONE)
    return edit

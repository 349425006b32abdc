# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two changes of one configuration put together, as a commit in private mode does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .schema import Kind, Statement
from .tree import COMMENTS, INACTIVE, MARKS, PROTECTED, Branch, Identity, Tree, continues, differing


class Conflict(Exception):
    """Both changed the same statement, each in its own way; ``path`` leads there."""

    def __init__(self, path: list[str]) -> None:
        super().__init__(" ".join(path))
        self.path = path


def merge(schema: Statement, base: Tree, mine: Tree, theirs: Tree) -> Tree:
    """``theirs`` with what ``mine`` changed against ``base``. Raises Conflict."""
    return _branch(schema, base, mine, theirs, [])


def _branch(statement: Statement, base: Tree, mine: Tree, theirs: Tree, path: list[str]) -> Tree:
    """What stands in a container or in one entry of a list."""

    def child(name: str, one: Any, own: Any, other: Any) -> Any:
        return _value(statement.children[name], one, own, other, [*path, name])

    merged = _each(child, base, mine, theirs)
    for name in merged:
        if not merged.keys().isdisjoint(statement.excluded.get(name, ())):
            # One chose this, the other that.
            raise Conflict([*path, name])
    _merge_marks(merged, base, mine, theirs, path)
    return merged


def _each(value: Callable[[str, Any, Any, Any], Any], base: Tree, mine: Tree, theirs: Tree) -> Tree:
    merged = Branch({}, None)
    # Who put something into an order of his own keeps it.
    ordered = continues(mine, {name: None for name in base if name in mine})
    for name in dict.fromkeys([*theirs, *mine] if ordered else [*mine, *theirs]):
        if name in MARKS:
            continue
        found = value(name, base.get(name), mine.get(name), theirs.get(name))
        if found is not None:
            merged[name] = found
    return merged


def _refuse_protected(base: Tree, mine: Tree, theirs: Tree, path: list[str]) -> None:
    """What somebody else has protected meanwhile is not changed any more."""
    for identity in frozenset(theirs.get(PROTECTED, ())) - frozenset(base.get(PROTECTED, ())):
        held = _alike(_held(mine, identity), _held(base, identity))
        if not held or _said(mine, identity) != _said(base, identity):
            raise Conflict([*path, *_words(identity)])


def _said(tree: Tree, identity: Identity) -> tuple[bool, str | None]:
    return identity in tree.get(INACTIVE, ()), tree.get(COMMENTS, {}).get(identity)


def _held(tree: Tree, identity: Identity) -> Any:
    if isinstance(identity, tuple):
        return tree.get(identity[0], {}).get(identity[1])
    return tree.get(identity)


def _merge_marks(merged: Tree, base: Tree, mine: Tree, theirs: Tree, path: list[str]) -> None:
    _refuse_protected(base, mine, theirs, path)
    for mark in (INACTIVE, PROTECTED):
        old, own, others = (frozenset(tree.get(mark, ())) for tree in (base, mine, theirs))
        for identity in (old - own) | (old - others):
            if _is_in(merged, identity) and not (
                _is_in(mine, identity) and _is_in(theirs, identity)
            ):
                # It went with its mark, and the other's change of it would be in force now.
                raise Conflict([*path, *_words(identity)])
        if kept := (others | (own - old)) - (old - own):
            merged[mark] = kept
    said, mine_said = base.get(COMMENTS, {}), mine.get(COMMENTS, {})
    comments = {
        identity: text
        for identity, text in {**theirs.get(COMMENTS, {}), **mine_said}.items()
        if identity in mine_said or identity not in said
    }
    if comments:
        merged[COMMENTS] = comments


def _is_in(tree: Tree, identity: Identity) -> bool:
    if isinstance(identity, tuple):
        return identity[1] in tree.get(identity[0], ())
    return identity in tree


def _words(identity: Identity) -> list[str]:
    return list(identity) if isinstance(identity, tuple) else [identity]


def _alike(one: Any, other: Any) -> bool:
    """Equal, in the same order."""
    if one is other:
        return True
    if not isinstance(one, dict) or not isinstance(other, dict):
        return bool(one == other)
    return list(one) == list(other) and all(
        one[name] == other[name] if name in MARKS else _alike(one[name], other[name])
        for name in differing(one, other)
    )


def _value(statement: Statement, base: Any, mine: Any, theirs: Any, path: list[str]) -> Any:
    if _alike(mine, base):
        return theirs
    if _alike(theirs, base) or _alike(theirs, mine):
        return mine
    if statement.kind is Kind.LIST:
        return _entries(statement, base or {}, mine or {}, theirs or {}, path) or None
    if statement.kind is Kind.CONTAINER and not statement.presence:
        # One that is empty is not there: who took the last of it away took no more than that.
        return _branch(statement, base or {}, mine or {}, theirs or {}, path) or None
    if statement.kind is Kind.LEAF_LIST:
        return _values(base or [], mine or [], theirs or [], path) or None
    return _both(statement, base, mine, theirs, path)


def _both(statement: Statement, base: Any, mine: Any, theirs: Any, path: list[str]) -> Tree:
    """A branch that means something by itself: both must have kept it."""
    if not isinstance(mine, dict) or not isinstance(theirs, dict):
        raise Conflict(path)
    return _branch(statement, base or {}, mine, theirs, path)


def _entries(statement: Statement, base: Tree, mine: Tree, theirs: Tree, path: list[str]) -> Tree:
    def entry(key: str, one: Any, own: Any, other: Any) -> Any:
        if _alike(own, one):
            return other
        if _alike(other, one) or _alike(other, own):
            return own
        return _both(statement, one, own, other, [*path, key])

    return _each(entry, base, mine, theirs)


def _values(base: list[str], mine: list[str], theirs: list[str], path: list[str]) -> list[str]:
    """Values that came and went; of two new orders neither is right."""
    if [v for v in mine if v in base] != [v for v in base if v in mine]:
        raise Conflict(path)
    kept = [value for value in theirs if value in mine or value not in base]
    return list(dict.fromkeys([*kept, *(value for value in mine if value not in base)]))

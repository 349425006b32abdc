# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two changes of one configuration put together, as a commit in private mode does it."""

from __future__ import annotations

from typing import Any

from .tree import COMMENTS, INACTIVE, MARKS, PROTECTED, Branch, Tree, continues, differing


class Conflict(Exception):
    """Both changed the same statement, each in its own way; ``path`` leads there."""

    def __init__(self, path: list[str]) -> None:
        super().__init__(" ".join(path))
        self.path = path


def merge(base: Tree, mine: Tree, theirs: Tree) -> Tree:
    """``theirs`` with what ``mine`` changed against ``base``. Raises Conflict."""
    return _merge(base, mine, theirs, [])


def _merge(base: Tree, mine: Tree, theirs: Tree, path: list[str]) -> Tree:
    merged = Branch({}, None)
    # Who put something into an order of his own keeps it.
    ordered = continues(mine, {name: None for name in base if name in mine})
    for name in dict.fromkeys([*theirs, *mine] if ordered else [*mine, *theirs]):
        if name in MARKS:
            continue
        value = _value(base.get(name), mine.get(name), theirs.get(name), [*path, str(name)])
        if value is not None:
            merged[name] = value
    for mark in (INACTIVE, PROTECTED):
        old, own, others = (frozenset(tree.get(mark, ())) for tree in (base, mine, theirs))
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
    return merged


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


def _value(base: Any, mine: Any, theirs: Any, path: list[str]) -> Any:
    if _alike(mine, base):
        return theirs
    if _alike(theirs, base) or _alike(theirs, mine):
        return mine
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return _merge(base if isinstance(base, dict) else {}, mine, theirs, path)
    raise Conflict(path)

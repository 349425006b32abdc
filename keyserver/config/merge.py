# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two changes of one configuration put together, as a commit in private mode does it."""

from __future__ import annotations

from typing import Any

from .tree import COMMENTS, INACTIVE, MARKS, PROTECTED, Tree


class Conflict(Exception):
    """Both changed the same statement, each in its own way; ``path`` leads there."""

    def __init__(self, path: list[str]) -> None:
        super().__init__(" ".join(path))
        self.path = path


def merge(base: Tree, mine: Tree, theirs: Tree) -> Tree:
    """``theirs`` with what ``mine`` changed against ``base``. Raises Conflict."""
    return _merge(base, mine, theirs, [])


def _merge(base: Tree, mine: Tree, theirs: Tree, path: list[str]) -> Tree:
    merged: Tree = {}
    for name in dict.fromkeys([*theirs, *mine]):
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


def _value(base: Any, mine: Any, theirs: Any, path: list[str]) -> Any:
    if mine == base:
        return theirs
    if theirs in (base, mine):
        return mine
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return _merge(base if isinstance(base, dict) else {}, mine, theirs, path)
    raise Conflict(path)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Statements written as words, matched with the tables: set lines and curly-brace text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import MalformedReply
from .found import APPLY_GROUPS, Found, value_of
from .schema import Branch, Kind, Leaf, List, Path, Statement, Tree, value_at
from .words import Quoted

_META = (APPLY_GROUPS, "apply-groups-except", "apply-macro", "apply-flags")


@dataclass
class Place:
    """Where words have led to: a branch, its tree and its path.

    ``first``: the path of the first statement that they name, which a mark before them is about.
    ``known`` is false when they lead out of the tables.
    """

    node: Branch
    tree: Tree
    path: Path = ()
    first: Path = ()
    known: bool = True


def follow(found: Found, place: Place, rest: Sequence[str]) -> Place:
    """Take words in as statements; where they lead to. Raises MalformedReply."""
    left, first = list(rest), None
    while left and place.known:
        place = _step(found, place, left)
        first = place.first = first or place.first
    return place


def _step(found: Found, place: Place, left: list[str]) -> Place:
    word = left.pop(0)
    child = place.node.by_word.get(word)
    if child is None:
        return _unnamed(found, place, word, left)
    path = (*place.path, child.name)
    for rival in place.node.rivals(child.name):
        # As the CLI: of what excludes one another the last counts.
        if rival in place.tree:
            found.delete((*place.path, rival))
    if isinstance(child, List):
        return _entry(found, place, child, left)
    if isinstance(child, Branch):
        return Place(child, place.tree.setdefault(child.name, {}), path, path)
    if not isinstance(child, Leaf):
        raise AssertionError(child)
    return _leaf(found, place, child, left)


def _leaf(found: Found, place: Place, leaf: Leaf, left: list[str]) -> Place:
    path = (*place.path, leaf.name)
    values = [""] if leaf.kind is Kind.FLAG else _values(leaf, place, left)
    for value in values:
        found.leaf(leaf, value, place.tree, place.path)
    about = (*path, values[0]) if leaf.many and len(values) == 1 else path
    return Place(place.node, place.tree, place.path, about)


def _values(leaf: Leaf, place: Place, left: list[str]) -> list[str]:
    if not left:
        raise MalformedReply(f"{' '.join([*place.path, leaf.name])}: its value is missing")
    first = left.pop(0)
    if not is_bracket(first, "["):
        return [first]
    if not leaf.many:
        raise MalformedReply(
            f"{' '.join([*place.path, leaf.name])}: takes one value, and a list is given"
        )
    return _to_bracket(left, (*place.path, leaf.name))


def is_bracket(word: str, bracket: str) -> bool:
    """Whether a word is a bracket; one that is quoted is a word like any other."""
    return word == bracket and not isinstance(word, Quoted)


def _to_bracket(left: list[str], path: Path) -> list[str]:
    """Take the words up to the closing bracket."""
    taken: list[str] = []
    while left:
        word = left.pop(0)
        if is_bracket(word, "]"):
            return taken
        taken.append(word)
    raise MalformedReply(f"{' '.join(path)}: unbalanced '['")


def _entry(found: Found, place: Place, node: List, left: list[str]) -> Place:
    path = (*place.path, node.name)
    if not left:
        # The entries stand in the braces that follow.
        return Place(Entries.of(node), place.tree, place.path, path)
    key = left.pop(0)
    if is_bracket(key, "["):
        return _bracketed(found, place, node, left)
    key = name_of(node, key, left)
    entry = found.entry(node, key, place.tree)
    return Place(node, entry, (*path, key), (*path, key))


def name_of(node: List, first: str, left: list[str]) -> str:
    """An entry's name, whose first word was taken already. Raises MalformedReply."""
    if node.second is None:
        return first
    if len(left) < 2 or left[0] != node.second.said:
        raise MalformedReply(f"{node.said} {first}: an entry needs a {node.second.said!r}")
    left.pop(0)
    return node.joined((first, left.pop(0)))


def _bracketed(found: Found, place: Place, node: List, left: list[str]) -> Place:
    """Several entries without content, in brackets."""
    for key in _to_bracket(left, (*place.path, node.name)):
        found.entry(node, key, place.tree)
    return Place(place.node, place.tree, place.path, (*place.path, node.name))


def _unnamed(found: Found, place: Place, word: str, left: list[str]) -> Place:
    """A word that names no statement here: a bare value, an entry's name, or foreign."""
    node, bare = place.node, place.node.bare
    if isinstance(node, Entries):
        left.insert(0, word)
        return _entry(found, place, node.entries, left)
    if bare is not None and bare.name not in place.tree:
        found.leaf(bare, word, place.tree, place.path)
        return Place(node, place.tree, place.path, (*place.path, bare.name))
    if word == APPLY_GROUPS:
        names = tuple(name for name in left if name not in ("[", "]"))
        found.apply(place.path, names)
    elif word not in _META and not node.partial:
        found.unknown(place.path, word)
    return Place(node, {}, (*place.path, word), (*place.path, word), known=False)


@dataclass(frozen=True, kw_only=True)
class Entries(Branch):
    """The inside of ``LIST { entry; entry; }``."""

    entries: List

    @classmethod
    def of(cls, node: List) -> Entries:
        return cls(name=node.name, entries=node)


def resolve(place: Place, rest: Sequence[str]) -> Path | None:
    """The path below a place that words name, without the values of single leaves.

    None when it leads out of the tables, or names another value than the one that is there.
    """
    path: list[str] = []
    node, left = place.node, list(rest)
    while left:
        child = node.by_word.get(left[0], node.bare)
        if child is None:
            return None
        path.append(child.name)
        # Else it is the value of a statement whose own word is not said.
        if left[0] in node.by_word:
            left.pop(0)
        path += _key_or_value(child, left)
        if isinstance(child, Branch):
            node = child
        elif isinstance(child, Leaf) and not child.many and left:
            value = left.pop(0)
            if not _holds(place, child, value, tuple(path)):
                return None
    return tuple(path)


def _key_or_value(node: Statement, left: list[str]) -> list[str]:
    """The key of an entry, or one value of several, which is part of a path; taken off."""
    if left and isinstance(node, List):
        return [name_of(node, left.pop(0), left)]
    return [left.pop(0)] if left and isinstance(node, Leaf) and node.many else []


def _holds(place: Place, leaf: Leaf, text: str, path: Path) -> bool:
    """Whether a leaf below a place has the value that a command names."""
    value = value_at(place.tree, path)
    return value is not None and value == value_of(leaf, text, (*place.path, *path[:-1]))

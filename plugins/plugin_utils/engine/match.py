# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Statements written as words, matched with the tables: set lines and curly-brace text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import MalformedReply
from .found import APPLY_GROUPS, Found
from .schema import Branch, Kind, Leaf, List, Path, Tree
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
        raise MalformedReply(f"{' '.join([*place.path, leaf.name])}: takes one value, no list")
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
        return Place(_Entries.of(node), place.tree, place.path, path)
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
    if isinstance(node, _Entries):
        left.insert(0, word)
        return _entry(found, place, node.entries, left)
    if bare is not None and bare.name not in place.tree:
        found.leaf(bare, word, place.tree, place.path)
        return Place(node, place.tree, place.path, (*place.path, bare.name))
    if word == APPLY_GROUPS:
        names = tuple(name for name in left if name not in ("[", "]"))
        found.apply(place.path, names)
    elif word not in _META and not node.partial:
        found.unknown(place.path, " ".join([word, *left]))
    return Place(node, {}, (*place.path, word), (*place.path, word), known=False)


@dataclass(frozen=True, kw_only=True)
class _Entries(Branch):
    """The inside of ``LIST { entry; entry; }``."""

    entries: List

    @classmethod
    def of(cls, node: List) -> _Entries:
        return cls(name=node.name, entries=node)


def resolve(node: Branch, rest: Sequence[str]) -> Path | None:
    """The path that words name, without values; None when it leads out of the tables."""
    path: list[str] = []
    left = list(rest)
    while left:
        word = left.pop(0)
        child = node.by_word.get(word)
        if child is None:
            if node.bare is None:
                return None
            path.append(node.bare.name)
            continue
        path.append(child.name)
        if isinstance(child, Branch):
            node = child
            if isinstance(child, List) and left:
                path.append(name_of(child, left.pop(0), left))
        elif isinstance(child, Leaf) and left:
            value = left.pop(0)
            path += [value] if child.many else []
    return tuple(path)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A configuration as data: nested dictionaries that follow a schema.

A container is ``{child name: value}``, a list ``{key: entry}`` (several keys of one entry are
joined by ``KEY_SEPARATOR``), a leaf a string, a leaf-list a list of strings, a flag ``True``.
What is said about a statement stands in its parent, by the statement's identity (a child name, or
``(list name, key)`` for one entry): the sets ``INACTIVE`` and ``PROTECTED``, and ``COMMENTS``; in
what is shown with its configuration groups, ``INHERITED`` names the group of what came from one.

Trees share what they have in common. A branch, marks or the values of a leaf-list may be written to
by the tree that owns them and by no other; who owns none are replaced, never changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain, compress, repeat
from operator import is_not
from typing import Any, NamedTuple

from .schema import Kind, Statement
from .words import quote, quoted

Tree = dict[str, Any]

INACTIVE = "@inactive"
PROTECTED = "@protected"
COMMENTS = "@comments"
INHERITED = "@inherited"
MARKS = frozenset((INACTIVE, PROTECTED, COMMENTS, INHERITED))
Identity = str | tuple[str, str]


class Owner:
    """Stands for one tree that is written to."""

    __slots__ = ()


class Branch(dict[str, Any]):
    """A container, list or entry, and the owner of the tree that may write to it."""

    __slots__ = ("owner",)

    def __init__(self, content: dict[str, Any], owner: Owner | None) -> None:
        super().__init__(content)
        self.owner = owner


class Marks(set[Identity]):
    """The statements of which a mark is said, and the owner of the tree that may change them."""

    __slots__ = ("owner",)

    def __init__(self, identities: Iterable[Identity], owner: Owner | None) -> None:
        super().__init__(identities)
        self.owner = owner


class Values(list[str]):
    """The values of a leaf-list, also as a set, and the owner of the tree that may change them."""

    __slots__ = ("known", "owner")

    def __init__(self, values: Iterable[str], owner: Owner | None) -> None:
        super().__init__(values)
        self.known, self.owner = set(self), owner


def owner_of(tree: Tree) -> Owner | None:
    """Who may write to a branch; None for dictionaries that were built by hand."""
    return tree.owner if isinstance(tree, Branch) else None


def copy_tree(tree: Tree) -> Branch:
    """An independent copy; it shares what stays the same in both."""
    if isinstance(tree, Branch):
        # What the original wrote so far is shared from now on, also with its own later self.
        tree.owner = Owner()
        return Branch(tree, Owner())
    return deep_copy(tree, Owner())


def deep_copy(tree: Tree, owner: Owner | None) -> Branch:
    """A copy that shares no branch."""
    return Branch(
        {
            name: deep_copy(value, owner)
            if isinstance(value, dict) and name not in MARKS
            else _own_copy(value)
            for name, value in tree.items()
        },
        owner,
    )


def _own_copy(value: Any) -> Any:
    """Values or marks that nobody writes to in two places."""
    if isinstance(value, set):
        return frozenset(value)
    kind = next((kind for kind in (list, dict) if isinstance(value, kind)), None)
    return value if kind is None else kind(value)


NOTHING: Tree = {}
"""What is not there, as a branch. Nobody writes to it."""


class Item(NamedTuple):
    """One statement in a container: a leaf, a container, one list entry, ...

    ``group``: the configuration group that it came from; ``groups``: those of a leaf-list's values.
    """

    statement: Statement
    identity: Identity
    value: Any
    inactive: bool = False
    protected: bool = False
    comment: str | None = None
    group: str | None = None
    within: Statement | None = None
    groups: Mapping[str, str] = NOTHING

    @property
    def key_words(self) -> list[str]:
        """An entry's keys as text has them."""
        return (
            self.statement.key_words(self.identity[1]) if isinstance(self.identity, tuple) else []
        )

    @property
    def words(self) -> list[str]:
        """How the item opens in set and text form: keyword, then the entry's keys."""
        return ([self.statement.shown] if self.statement.spelled else []) + self.key_words

    @property
    def opening(self) -> list[str]:
        """The words that open the item, as they are written."""
        keywords = {self.statement.shown, *(key.word for key in self.statement.keys)}
        own = [self.statement.shown] if self.statement.spelled else []
        keys = [word if word in keywords else quote(word) for word in self.key_words]
        if keys and not own:
            keys[0] = self.apart(keys[0])
        return own + keys

    def apart(self, word: str) -> str:
        """A word that stands where a keyword might: in quotes when it is one."""
        known = self.within is not None and word in self.within.words
        return quoted(word) if known else word

    @property
    def plain(self) -> bool:
        """True when nothing is said about the item."""
        return not (self.inactive or self.protected or self.comment)


def names_of(statement: Statement, tree: Tree) -> list[str]:
    """The children that a branch has, in the order in which Junos shows them."""
    names = [name for name in tree if name not in MARKS]
    names.sort(key=statement.rank.__getitem__)
    return names


def items(statement: Statement, tree: Tree) -> Iterator[Item]:
    """What a container or list entry holds, in the order in which Junos shows it."""
    inactive, protected = tree.get(INACTIVE, ()), tree.get(PROTECTED, ())
    comments, groups = tree.get(COMMENTS, {}), tree.get(INHERITED, {})
    children = statement.children
    for name in names_of(statement, tree):
        child, value = children[name], tree[name]
        if child.kind is not Kind.LIST:
            yield Item(
                child,
                name,
                value,
                name in inactive,
                name in protected,
                comments.get(name),
                groups.get(name),
                statement,
                _brought(groups, name, value) if child.kind is Kind.LEAF_LIST else NOTHING,
            )
            continue
        for key in value if child.user_ordered else sorted(value, key=order_of(child)):
            identity = (name, key)
            yield Item(
                child,
                identity,
                value[key],
                identity in inactive,
                identity in protected,
                comments.get(identity),
                groups.get(identity),
                statement,
            )


def _brought(groups: Mapping[Any, str], name: str, values: Iterable[str]) -> Mapping[str, str]:
    """By value of a leaf-list the group that it came from."""
    return {v: groups[name, v] for v in values if (name, v) in groups} if groups else NOTHING


_SLOTTED = re.compile(r"([a-z]+)-(\d+)/(\d+)/(\d+)(?::(\d+))?(.*)")
_NUMBER = re.compile(r"(\d+)")


def order_of(statement: Statement) -> Callable[[str], tuple[Any, ...]]:
    """How a list is sorted whose order means nothing.

    In what devices print (the configurations of Juniper's validated designs) interfaces and what
    begins with a number are by their numbers, names by their characters: vn1400, vn400.
    """
    return natural if "interface" in statement.name else _by_character


def _by_character(key: str) -> tuple[Any, ...]:
    return natural(key) if key[:1].isdigit() or ":" in key else (2, key)


@lru_cache(maxsize=65536)
def natural(key: str) -> tuple[Any, ...]:
    """Sorts interfaces by slot and channel, and other names by the numbers in them."""
    slotted = _SLOTTED.fullmatch(key)
    if slotted is not None:
        media, *numbers, channel, rest = slotted.groups()
        place = map(_magnitude, (*numbers, channel or "0"))
        return (0, *place, media, channel or "", _parts(rest))
    return (1, _parts(key))


def _parts(text: str) -> tuple[Any, ...]:
    return tuple(
        (0, _magnitude(part)) if part.isdigit() else (1, (0, part))
        for part in _NUMBER.split(text)
        if part
    )


def _magnitude(digits: str) -> tuple[int, str]:
    plain = digits.lstrip("0")
    return len(plain), plain


def is_branch(statement: Statement) -> bool:
    """True for statements whose value is itself a tree."""
    return statement.is_branch


_UNKNOWN = NOTHING, NOTHING


def differing(tree: Tree, before: Tree) -> list[str]:
    """The names whose value is not the very same in ``before``; for branches a cheap question."""
    if tree is before:
        return []
    was: Iterator[Any] = map(before.get, tree)
    if continues(tree, before):
        was = chain(before.values(), repeat(None))
    return list(compress(tree, map(is_not, tree.values(), was)))


def continues(tree: Tree, before: Tree) -> bool:
    """True when the names are those that were, in their order, and new ones behind them."""
    return list(tree)[: len(before)] == list(before)


def differing_branches(
    statement: Statement, tree: Tree, before: Tree
) -> Iterator[tuple[list[str], Statement, Tree, Tree]]:
    """Containers and entries right below that are not the very same: words, and what they hold."""
    for name in differing(tree, before):
        child, held, was = statement.children.get(name), tree[name], before.get(name, NOTHING)
        if child is not None and child.kind is Kind.CONTAINER:
            yield [child.shown], child, held, was
        elif child is not None and child.kind is Kind.LIST:
            for key in differing(held, was):
                yield [child.shown, key], child, held[key], was.get(key, NOTHING)


def says_the_same(statement: Statement, tree: Tree, other: Tree) -> bool:
    """True when nothing differs, nor the order of what the user orders."""
    if tree.keys() != other.keys():
        return False
    for name in differing(tree, other):
        value, was = tree[name], other[name]
        if name in MARKS or not isinstance(value, dict):
            if value != was:
                return False
        elif not _branches_say_the_same(statement.children[name], value, was):
            return False
    return True


def _branches_say_the_same(statement: Statement, tree: Tree, other: Tree) -> bool:
    if statement.kind is not Kind.LIST:
        return says_the_same(statement, tree, other)
    if tree.keys() != other.keys() or (statement.user_ordered and list(tree) != list(other)):
        return False
    return all(says_the_same(statement, tree[key], other[key]) for key in differing(tree, other))


def effective(tree: Tree, before: Tree = NOTHING, known: Tree = NOTHING) -> Tree:
    """``tree`` without what is deactivated; what has nothing deactivated is shared.

    ``known`` is what was effective of ``before``: what ``tree`` shares with that is not gone
    through again.
    """
    if known is before and tree.keys().isdisjoint(MARKS):
        # Nothing was deactivated here: look at what is new.
        changed_below = dict(_changed_below(tree, before))
        return {**tree, **changed_below} if changed_below else tree
    inactive = tree.get(INACTIVE, frozenset())
    same_marks = inactive == before.get(INACTIVE, frozenset())
    kept: Tree = {}
    for name, value in tree.items():
        if name in MARKS or name in inactive:
            continue
        if isinstance(value, dict):
            was, found = (before.get(name, NOTHING), known[name]) if name in known else _UNKNOWN
            # An entry's mark stands beside its list.
            same = same_marks and value is was
            value = found if same else effective(_active(inactive, name, value), was, found)
        kept[name] = value
    return kept if differing(tree, kept) else tree


def _changed_below(tree: Tree, before: Tree) -> Iterator[tuple[str, Tree]]:
    """The branches in which something is deactivated, without it; ``before`` had none."""
    for name in differing(tree, before) if before else tree:
        value, was = tree[name], before.get(name, NOTHING)
        if isinstance(value, dict) and (inner := effective(value, was, was)) is not value:
            yield name, inner


def _active(inactive: frozenset[Identity], name: str, entries: Tree) -> Tree:
    """A list without its entries that are deactivated; any other branch as it is."""
    if not inactive:
        return entries
    there = {key: entry for key, entry in entries.items() if (name, key) not in inactive}
    return there if len(there) < len(entries) else entries


def lookup(tree: Tree, *path: str) -> Any:
    """The value at a path of names and keys; an empty dictionary where there is none."""
    here: Any = tree
    for step in path:
        here = here.get(step) if isinstance(here, dict) else None
        if here is None:
            return {}
    return here

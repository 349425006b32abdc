# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writing to the branches of a configuration, and to what is said about their statements."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .edit import Place
from .ordering import Ordering
from .schema import Statement
from .tree import (
    COMMENTS,
    MARKS,
    Branch,
    Identity,
    Marks,
    Owner,
    Tree,
    Values,
    deep_copy,
    owner_of,
)


class Writer:
    """Writes to one load's branches: those that it does not own yet are copied on the way."""

    def __init__(self, owner: Owner | None) -> None:
        self._owner = owner
        self._ordering: Ordering | None = None

    def settle(self) -> None:
        """Call this at the end of the load, and before the order of entries means something."""
        if self._ordering is not None:
            self._ordering.write()
            self._ordering = None

    def _order_with(self, tree: Tree, name: str, key: str | None) -> Ordering:
        """The order of a list, with that entry, which may have come to it just now."""
        self.own(tree, name)
        known = self._ordering
        if known is None or not known.is_of(tree, name) or (key is not None and key not in known):
            self.settle()
            known = self._ordering = Ordering(tree, name)
        return known

    def branch(self) -> Tree:
        """A new branch."""
        return {} if self._owner is None else Branch({}, self._owner)

    def own(self, tree: Tree, name: str) -> Tree:
        """The branch ``name`` of ``tree``, made where it is missing, for writing."""
        value = tree.get(name)
        if value is None:
            value = tree[name] = self.branch()
        elif owner_of(value) is not self._owner:
            value = tree[name] = Branch(value, self._owner)
        found: Tree = value
        return found

    def drop(self, tree: Tree, identity: Identity) -> bool:
        """Take a statement away with what is said about it; False when it was not there."""
        if isinstance(identity, tuple):
            if identity[1] not in tree.get(identity[0], ()):
                return False
            entries = self.own(tree, identity[0])
            del entries[identity[1]]
            if self._ordering is not None and self._ordering.is_of(tree, identity[0]):
                self._ordering.forget(identity[1])
            if not entries:
                del tree[identity[0]]
        elif tree.pop(identity, None) is None:
            return False
        self.forget(tree, identity)
        return True

    def leave(self, tree: Tree, identity: Identity, left: Tree) -> None:
        """Put what is left of a branch, a list or one of its entries in its place.

        ``left`` of an entry: the list with that entry alone.
        """
        if isinstance(identity, tuple):
            self.own(tree, identity[0]).update(left)
            return
        gone = tree[identity].keys() - left.keys()
        tree[identity] = left
        for key in gone:
            self.forget(tree, (identity, key))

    def forget(self, tree: Tree, identity: Identity) -> None:
        """Drop what is said about a statement."""
        for mark in MARKS & tree.keys():
            for gone in _about(tree[mark], identity):
                self._unsay(tree, mark, gone)

    def mark(self, tree: Tree, mark: str, identities: set[Identity], wanted: bool) -> None:
        """Say something of statements, or no longer."""
        held = self._marks(tree, mark)
        if wanted:
            held |= identities
        else:
            held -= identities
        if not held:
            del tree[mark]

    def _marks(self, tree: Tree, mark: str) -> Marks:
        held = tree.get(mark, ())
        if not isinstance(held, Marks) or held.owner is not self._owner:
            held = tree[mark] = Marks(held, self._owner)
        return held

    def annotate(self, tree: Tree, about: Identity, comment: str) -> None:
        """Put a comment on a statement; an empty one takes it away."""
        self._comments(tree)[about] = comment
        if not comment:
            self._unsay(tree, COMMENTS, about)

    def _comments(self, tree: Tree) -> Any:
        return self.own(tree, COMMENTS)

    def _unsay(self, tree: Tree, mark: str, identity: Identity) -> None:
        if mark == COMMENTS:
            del self._comments(tree)[identity]
        else:
            self._marks(tree, mark).remove(identity)
        if not tree[mark]:
            del tree[mark]

    def rename(self, tree: Tree, statement: Statement, key: str, new: str) -> None:
        """Call an entry of a list otherwise, where it stands and with what is said about it."""
        name = statement.name
        if statement.user_ordered:
            self._order_with(tree, name, key).rename(key, new)
        entries = self.own(tree, name)
        entries[new] = entries.pop(key)
        self._rename_marks(tree, (name, key), (name, new))

    def _rename_marks(self, tree: Tree, old: Identity, new: Identity) -> None:
        for mark in [mark for mark in MARKS & tree.keys() if old in tree[mark]]:
            if mark == COMMENTS:
                comments = self._comments(tree)
                comments[new] = comments.pop(old)
            else:
                self.mark(tree, mark, {new}, True)
                self._unsay(tree, mark, old)

    def copy(self, tree: Tree, name: str, key: str, new: str) -> None:
        """Put a copy of an entry at a list's end."""
        self.settle()
        entries = self.own(tree, name)
        entries[new] = deep_copy(entries[key], self._owner)

    def move(self, tree: Tree, name: str, moving: str, place: Place) -> None:
        """Put an entry of a list, or a value of a leaf-list, somewhere else."""
        if isinstance(tree[name], dict):
            self._order_with(tree, name, place.key).move(moving, place)
            return
        order = [value for value in tree[name] if value != moving]
        at = (0 if place.before else len(order)) if place.key is None else order.index(place.key)
        order.insert(at + (place.key is not None and not place.before), moving)
        tree[name] = order

    def arrange(self, tree: Tree, name: str, named: Collection[str]) -> None:
        """Put entries of a list into that order, behind all that are not named."""
        self.settle()
        held = tree[name]
        order = [key for key in held if key not in named] + [key for key in named if key in held]
        if order != list(held):
            tree[name] = Branch({key: held[key] for key in order}, self._owner)

    def add(self, tree: Tree, name: str, values: list[str]) -> None:
        """Put values behind those that a leaf-list has."""
        held = self._values(tree, name)
        held.extend(dict.fromkeys(value for value in values if value not in held.known))
        held.known.update(values)

    def take(self, tree: Tree, name: str, values: set[str]) -> bool:
        """Take values from a leaf-list; False when it has none of them."""
        held = self._values(tree, name)
        gone = values & held.known
        if len(gone) == 1:
            held.remove(*gone)
        elif gone:
            held[:] = [value for value in held if value not in gone]
        held.known -= gone
        if not held:
            self.drop(tree, name)
        return bool(gone)

    def _values(self, tree: Tree, name: str) -> Values:
        held = tree.get(name, ())
        if not isinstance(held, Values) or held.owner is not self._owner:
            held = tree[name] = Values(held, self._owner)
        return held


def _about(marks: Collection[Identity], identity: Identity) -> list[Identity]:
    """The marks of a statement; of a list's name also those of its entries."""
    if isinstance(identity, tuple):
        return [identity] if identity in marks else []
    return [m for m in marks if m == identity or (type(m) is tuple and m[0] == identity)]

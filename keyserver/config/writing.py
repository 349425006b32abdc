# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writing to the branches of a configuration, and to what is said about their statements."""

from __future__ import annotations

from .tree import COMMENTS, MARKS, Branch, Identity, Owner, Tree, deep_copy, owner_of


class Writer:
    """Writes to one load's branches: those that it does not own yet are copied on the way."""

    def __init__(self, owner: Owner | None) -> None:
        self._owner = owner

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
            kept = [m for m in tree[mark] if m != identity and (m[0] != identity or type(m) is str)]
            if len(kept) < len(tree[mark]):
                _keep_marks(tree, mark, kept)

    def mark(self, tree: Tree, mark: str, identities: set[Identity], wanted: bool) -> None:
        """Say something of statements, or no longer."""
        held = frozenset(tree.get(mark, ()))
        changed = held | identities if wanted else held - identities
        if changed:
            tree[mark] = changed
        else:
            tree.pop(mark, None)

    def annotate(self, tree: Tree, about: Identity, comment: str) -> None:
        """Put a comment on a statement; an empty one takes it away."""
        comments = {**tree.get(COMMENTS, {}), about: comment}
        kept = {identity: text for identity, text in comments.items() if text}
        tree[COMMENTS] = kept
        if not kept:
            del tree[COMMENTS]

    def rename(self, tree: Tree, name: str, key: str, new: str) -> None:
        """Call an entry of a list otherwise, where it stands and with what is said about it."""
        entries = tree[name]
        tree[name] = Branch({new if k == key else k: v for k, v in entries.items()}, self._owner)
        _rename_marks(tree, (name, key), (name, new))

    def copy(self, tree: Tree, name: str, key: str, new: str) -> None:
        """Put a copy of an entry at a list's end."""
        entries = self.own(tree, name)
        entries[new] = deep_copy(entries[key], self._owner)

    def reorder(self, tree: Tree, name: str, order: list[str]) -> None:
        """Put a list's entries, or a leaf-list's values, into this order."""
        held = tree[name]
        ordered = isinstance(held, dict)
        tree[name] = Branch({key: held[key] for key in order}, self._owner) if ordered else order


def _keep_marks(tree: Tree, mark: str, kept: list[Identity]) -> None:
    if not kept:
        del tree[mark]
    elif mark == COMMENTS:
        tree[mark] = {identity: tree[mark][identity] for identity in kept}
    else:
        tree[mark] = frozenset(kept)


def _rename_marks(tree: Tree, old: Identity, new: Identity) -> None:
    for mark in MARKS & tree.keys():
        held = tree[mark]
        if old not in held:
            continue
        if mark == COMMENTS:
            tree[mark] = {new if i == old else i: text for i, text in held.items()}
        else:
            tree[mark] = (held - {old}) | {new}

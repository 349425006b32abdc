# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stays of a branch that is deleted or replaced: all that is protected in it.

Juniper's guide to the Junos XML protocol: the deletion of an unprotected hierarchy "deletes all
unprotected child elements and preserves all protected child elements".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .edit import Edit
from .held import holds_protected
from .schema import Kind, Statement
from .tree import COMMENTS, MARKS, PROTECTED, Identity, Tree
from .writing import Writer


class Kept:
    """Gathers what is protected; ``words`` are the ways to it, from where it was looked for."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.words: list[list[str]] = []

    def of_statement(self, statement: Statement, tree: Tree, identity: Identity) -> Tree:
        """What stays of a branch, an entry or a whole list; nothing of one without protection."""
        protected, name = tree.get(PROTECTED, frozenset()), statement.name
        if not statement.is_branch or name not in tree:
            return {}
        value = tree[name]
        if isinstance(identity, tuple):
            value = {key: entry for key, entry in value.items() if key == identity[1]}
        if not (PROTECTED in tree or holds_protected(value)):
            return {}
        return self._of(statement, value, protected, []) or {}

    def of_branch(self, statement: Statement, tree: Tree, way: Iterable[str] = ()) -> Tree:
        """What stays of a container or of an entry, with what is said about it."""
        kept, protected = self._writer.branch(), tree.get(PROTECTED, frozenset())
        for name in tree:
            if name not in MARKS:
                found = self._of(statement.children[name], tree[name], protected, [*way])
                if found is not None:
                    kept[name] = found
        _said(kept, tree)
        return kept

    def of_list(
        self, statement: Statement, entries: Tree, protected: frozenset[Identity], way: list[str]
    ) -> Tree:
        """The entries that stay of a list; what is said about them stands beside it."""
        kept = self._writer.branch()
        for key, entry in entries.items():
            here = [*way, *Edit(statement, key).words]
            if (statement.name, key) in protected:
                self.words.append(here)
                kept[key] = entry
                continue
            inner = self.of_branch(statement, entry, here)
            if inner:
                kept[key] = inner
        return kept

    def _of(
        self, child: Statement, value: Any, protected: frozenset[Identity], way: list[str]
    ) -> Any:
        """What stays of a statement, or None. ``value`` of a list: the entries to look at."""
        if child.kind is Kind.LIST:
            return self.of_list(child, value, protected, way) or None
        here = [*way, *Edit(child).words]
        if child.name in protected:
            self.words.append(here)
            return value
        return (self.of_branch(child, value, here) or None) if child.is_branch else None


def _said(kept: Tree, tree: Tree) -> None:
    for mark in MARKS & tree.keys():
        held = [i for i in tree[mark] if _holds(kept, i)]
        if held:
            comments = mark == COMMENTS
            kept[mark] = {i: tree[mark][i] for i in held} if comments else frozenset(held)


def _holds(tree: Tree, identity: Identity) -> bool:
    if isinstance(identity, tuple):
        return identity[1] in tree.get(identity[0], ())
    return identity in tree


def named(edits: list[Edit], words: list[str]) -> bool:
    """Whether a load says something of the statement at a way."""
    for edit in edits:
        length = len(edit.words)
        if words[:length] == edit.words and (
            length >= len(words) or named(edit.children, words[length:])
        ):
            return True
    return False

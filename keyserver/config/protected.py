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
from .held import holds_protected, marked_by
from .schema import Kind, Statement
from .tree import COMMENTS, MARKS, PROTECTED, Branch, Identity, Tree
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
            value = {identity[1]: value[identity[1]]} if identity[1] in value else {}
        if not (PROTECTED in tree or holds_protected(value)):
            return {}
        self._writer.settle()
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
    marks = MARKS & tree.keys()
    _say_of(kept, tree, {i for mark in marks for i in tree[mark] if _holds(kept, i)})


def _holds(tree: Tree, identity: Identity) -> bool:
    if isinstance(identity, tuple):
        return identity[1] in tree.get(identity[0], ())
    return identity in tree


class Named:
    """The ways to the statements of which a load says something."""

    def __init__(self, edits: list[Edit]) -> None:
        self._inner: dict[tuple[str, ...], list[Edit]] = {}
        self._known: dict[tuple[str, ...], Named] = {}
        for edit in edits:
            self._inner.setdefault(tuple(edit.words), []).extend(edit.children)

    def __contains__(self, words: list[str]) -> bool:
        for length in range(1, len(words) + 1):
            step, rest = tuple(words[:length]), words[length:]
            if step in self._inner and (not rest or rest in self._below(step)):
                return True
        return False

    def _below(self, step: tuple[str, ...]) -> Named:
        if step not in self._known:
            self._known[step] = Named(self._inner[step])
        return self._known[step]


def in_order(edits: list[Edit]) -> dict[str, dict[str, None]]:
    """By list in the user's order the entries that a load has, unless it says their places."""
    found: dict[str, dict[str, None]] = {}
    for edit in edits:
        if edit.statement.user_ordered and edit.key is not None:
            found.setdefault(edit.statement.name, {})[edit.key] = None
    for edit in edits:
        if edit.place is not None:
            found.pop(edit.statement.name, None)
    return found


def guarded(tree: Tree, edit: Edit) -> bool:
    """Whether protection forbids what an edit says of a statement, or of all in a list.

    A copy leaves it as it is, and who takes the protection away may go on.
    """
    if edit.protect is False or edit.copy is not None or edit.pattern:
        return False
    if edit.identity in tree.get(PROTECTED, ()):
        return True
    return (edit.activate, edit.comment) != (None, None) and _holds_guarded(tree, edit)


def _holds_guarded(tree: Tree, edit: Edit) -> bool:
    """Whether what is said of a whole list, or of a name without braces, is said of such."""
    name = edit.statement.name
    if edit.statement.kind is Kind.LIST and edit.key is None:
        return any(m[0] == name for m in tree.get(PROTECTED, ()) if isinstance(m, tuple))
    return edit.statement.has_no_braces and PROTECTED in tree.get(name, ())


def pushed_out(parent: Statement, tree: Tree, edit: Edit) -> Edit | None:
    """What is protected and could not stay beside the statement, if anything."""
    for other in parent.excluded.get(edit.statement.name, frozenset()) & tree.keys():
        marked = any(other in (m, m[0]) for m in tree.get(PROTECTED, ()))
        if marked or (isinstance(tree[other], dict) and holds_protected(tree[other])):
            return Edit(parent.children[other], line=edit.line)
    return None


def alone(tree: Tree, edit: Edit) -> Branch:
    """What a branch has of what an edit is about, with what is said of it, and no more."""
    name, identity = edit.statement.name, edit.identity
    found, said = Branch({}, None), {identity}
    if isinstance(identity, tuple):
        found[name] = Branch({identity[1]: tree[name][identity[1]]}, None)
    else:
        found[name] = tree[name]
        said |= marked_by(tree, edit)
    _say_of(found, tree, said)
    return found


def _say_of(found: Tree, tree: Tree, about: set[Identity]) -> None:
    """Say of statements what is said of them in a branch."""
    for mark in MARKS & tree.keys():
        held = [identity for identity in about if identity in tree[mark]]
        if held:
            comments = mark == COMMENTS
            found[mark] = {i: tree[mark][i] for i in held} if comments else frozenset(held)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Taking statements away, but for what is protected in them."""

from __future__ import annotations

from .checking import Checking
from .edit import Edit
from .held import holds_protected
from .load_report import LoadReport
from .protected import Kept, Named
from .schema import Kind, Statement
from .tree import Identity, Tree
from .wildcards import Wildcard
from .writing import Writer


class Taking:
    """Takes away, and reports what stays."""

    def __init__(self, writer: Writer, report: LoadReport, checking: Checking) -> None:
        self._writer, self._report, self._checking = writer, report, checking

    def empty(self, statement: Statement, tree: Tree, edits: list[Edit], *inside: Edit) -> None:
        """Take everything out of a branch but what is protected, which ``edits`` may name."""
        self._writer.settle()
        kept = Kept(self._writer)
        left = kept.of_branch(statement, tree) if holds_protected(tree) else {}
        tree.clear()
        tree.update(left)
        named = Named(edits if kept.words else [])
        self._report.stays([words for words in kept.words if words not in named], *inside)

    def drop(self, tree: Tree, statement: Statement, identity: Identity) -> bool:
        """Take a statement away, but for what is protected in it; False when it was not there."""
        kept = Kept(self._writer)
        left = kept.of_statement(statement, tree, identity)
        self._report.stays(kept.words)
        if not left:
            return self._writer.drop(tree, identity)
        self._writer.leave(tree, identity, left)
        return True

    def remove(self, tree: Tree, edit: Edit) -> bool:
        """Take away what an edit names; False when it was not there."""
        name, kind = edit.statement.name, edit.statement.kind
        if edit.pattern:
            return self._remove_matching(tree, edit)
        if kind is Kind.LEAF_LIST and edit.values:
            return name in tree and self._writer.take(tree, name, set(edit.values))
        if kind is Kind.LEAF and edit.values and not self._checking.same(tree, edit):
            return False
        return self.drop(tree, edit.statement, edit.identity)

    def _remove_matching(self, tree: Tree, edit: Edit) -> bool:
        name, pattern = edit.statement.name, Wildcard(edit.key or "")
        found = [key for key in tree.get(name, {}) if pattern.stands_for(key)]
        for key in found:
            self.drop(tree, edit.statement, (name, key))
        return bool(found)

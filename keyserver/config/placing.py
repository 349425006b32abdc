# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Entries under another name, and where in a list the user wants them."""

from __future__ import annotations

from .checking import Checking
from .edit import Edit
from .load_report import LoadReport
from .protected import in_order
from .schema import Kind
from .tree import Tree
from .writing import Writer


class Placing:
    """Renames, copies and moves."""

    def __init__(self, writer: Writer, report: LoadReport, checking: Checking) -> None:
        self._writer, self._report, self._checking = writer, report, checking

    def rename_or_copy(self, tree: Tree, edit: Edit) -> None:
        """Give an entry another name, or another entry what it has."""
        name, key, new = edit.statement.name, edit.key or "", edit.rename or edit.copy or ""
        if key not in tree.get(name, {}):
            self._report.missing(edit)
            return
        entries = self._writer.own(tree, name)
        target = Edit(edit.statement, new, line=edit.line)
        if not self._checking.keys_of(target):
            return
        new = target.key or ""
        if new in entries:
            self._report.object(
                new, f"statement '{new}' already exists", tag="data-exists", line=edit.line
            )
            return
        if edit.copy is not None:
            self._writer.copy(tree, name, key, new)
            return
        self._writer.rename(tree, edit.statement, key, new)

    def move(self, tree: Tree, edit: Edit) -> None:
        """Put an entry or a value of a leaf-list where the load wants it."""
        place, name = edit.place, edit.statement.name
        if place is None:
            return
        held = tree[name]
        moving = (edit.key or "") if edit.statement.kind is Kind.LIST else edit.values[0]
        if place.key is not None and (place.key not in held or place.key == moving):
            self._report.object(
                place.key, "statement not found", tag="data-missing", line=edit.line
            )
            return
        self._writer.move(tree, name, moving, place)

    def arrange(self, tree: Tree, edits: list[Edit]) -> None:
        """Put what stayed of a list in the user's order where a load anew has it."""
        for name, named in in_order(edits).items():
            if name in tree:
                self._writer.arrange(tree, name, named)

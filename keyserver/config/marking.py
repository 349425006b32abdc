# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a load says of statements: that they are inactive or protected, and comments."""

from __future__ import annotations

from .checking import Checking
from .edit import Edit
from .held import all_of, marked_by
from .tree import INACTIVE, PROTECTED, Identity, Tree
from .writing import Writer


class Marking:
    """Puts marks on what is there."""

    def __init__(self, writer: Writer, checking: Checking) -> None:
        self._writer, self._checking = writer, checking

    def mark(self, tree: Tree, edit: Edit) -> None:
        """Say of a statement what an edit says of it."""
        if edit.statement.has_no_braces and tree.get(edit.statement.name):
            self._hand_down(tree, edit)
            return
        self._say(tree, edit, marked_by(tree, edit))

    def _say(self, tree: Tree, edit: Edit, identities: set[Identity]) -> None:
        for mark, wanted in (
            (INACTIVE, None if edit.activate is None else not edit.activate),
            (PROTECTED, edit.protect),
        ):
            if wanted is not None:
                self._writer.mark(tree, mark, identities, wanted)
        if edit.comment is not None:
            self._annotate(
                tree, edit, edit.comment, min(identities, key=str, default=edit.identity)
            )

    def _hand_down(self, tree: Tree, edit: Edit) -> None:
        """What is said of a container without braces is said of what is in it."""
        if (edit.activate, edit.protect, edit.comment) != (None, None, None):
            inner = self._writer.own(tree, edit.statement.name)
            self._say(inner, edit, all_of(edit.statement, inner))

    def _annotate(self, tree: Tree, edit: Edit, comment: str, about: Identity) -> None:
        if self._checking.value(None, comment, edit, "comment") is None:
            return
        self._writer.annotate(tree, about, comment)

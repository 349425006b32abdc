# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carrying out a load on a configuration. Values are checked here, once, for all formats.

Only the branches on the way to what changes are copied and tidied, so that a load costs what it
changes and not what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .checking import Checking
from .edit import Edit, LoadError, Operation
from .held import holds, holds_value, marks, marks_others, names_to_mark
from .load_report import LoadReport
from .marking import Marking
from .placing import Placing
from .protected import alone, guarded, pushed_out
from .replacing import NoPattern, replacing
from .schema import Kind, Statement
from .taking import Taking
from .tree import Branch, Owner, Tree, owner_of, says_the_same
from .writing import Writer

_REMOVING = (Operation.DELETE, Operation.REMOVE)
_KEEPING = (Operation.MERGE, Operation.NONE)
"""Operations that do not say what all of a branch is to be."""


def apply(
    root: Statement, tree: Tree, edits: list[Edit], default: Operation, *, anew: bool = False
) -> list[LoadError]:
    """Carry out a load on ``tree`` in place; what is refused is reported and left out.

    ``anew``: the load stands for the whole configuration. What is protected stays.
    """
    load = _Load(Writer(owner_of(tree)), LoadReport(), anew=anew, trial=False)
    if anew:
        load.taking.empty(root, tree, edits)
    for edit in edits:
        if edit.statement is root:
            load.replace(root, tree, edit)
        else:
            load.carry_out(root, tree, edit, default)
    if anew:
        load.placing.arrange(tree, edits)
    load.writer.settle()
    return load.report.problems


class _Load:
    """One load: what writes for it, what it refuses, and the way down."""

    def __init__(self, writer: Writer, report: LoadReport, *, anew: bool, trial: bool) -> None:
        self.writer, self.report = writer, report
        self.checking = Checking(report)
        self.marking = Marking(writer, self.checking)
        self.taking = Taking(writer, report, self.checking)
        self.placing = Placing(writer, report, self.checking)
        self._trial = trial
        """Whether it is done to see what it would change, protected or not."""
        self._anew = anew
        """Whether what a load has of a branch stands for all that was in it."""
        self._handlers: dict[Kind, Callable[[Tree, Edit, Operation], None]] = {
            Kind.CONTAINER: self._container,
            Kind.LIST: self._entry,
            Kind.LEAF: self._leaf,
            Kind.LEAF_LIST: self._leaf_list,
            Kind.EMPTY: self._flag,
        }

    # One statement

    def carry_out(self, parent: Statement, tree: Tree, edit: Edit, default: Operation) -> None:
        """Do what one edit asks for below ``parent``."""
        operation = edit.operation or default
        if operation is Operation.MERGE and names_to_mark(edit):
            operation = Operation.NONE
        if not (
            self._makes_sense(tree, edit, operation)
            and self._allowed(parent, tree, edit, operation)
        ):
            return
        if operation in _REMOVING:
            if not self.taking.remove(tree, edit) and operation is Operation.DELETE:
                self.report.missing(edit)
        elif edit.rename is not None or edit.copy is not None:
            self.placing.rename_or_copy(tree, edit)
        elif operation is Operation.CREATE and holds_value(tree, edit):
            self.report.object(
                " ".join(edit.words), "data exists", tag="data-exists", line=edit.line
            )
        elif operation is Operation.NONE and not self._holds_named(tree, edit):
            self.report.missing(edit)
        else:
            self._change(parent, tree, edit, operation)

    def _change(self, parent: Statement, tree: Tree, edit: Edit, operation: Operation) -> None:
        """Put the statement there, without what it excludes, and say what is said of it."""
        before = len(self.report.problems)
        self._handlers[edit.statement.kind](tree, edit, operation)
        refused = len(self.report.problems) > before
        vanished = edit.statement.kind is Kind.CONTAINER or edit.statement.vanishing
        if (refused or vanished) and not holds(tree, edit):
            # Nothing is left to which a mark could belong.
            if marks(edit) and not refused:
                self.report.missing(edit)
            return
        if operation is not Operation.NONE:
            for other in parent.excluded.get(edit.statement.name, frozenset()):
                if other in tree:
                    self.writer.drop(tree, other)
        self.marking.mark(tree, edit)

    def _makes_sense(self, tree: Tree, edit: Edit, operation: Operation) -> bool:
        """Whether all that an edit asks for can be done; what cannot is noted."""
        renamed = edit.rename is not None or edit.copy is not None
        new = operation in (Operation.REPLACE, Operation.CREATE)
        placed = renamed or edit.place is not None
        said = edit.protect or edit.activate is not None
        if (renamed and new) or ((placed or said) and operation in _REMOVING):
            self.report.object(operation.value, "syntax error", tag="bad-attribute", line=edit.line)
            return False
        if renamed and (edit.children or marks(edit)):
            self.report.object(" ".join(edit.words), "syntax error", line=edit.line)
            return False
        there = operation is not Operation.NONE or self._holds_named(tree, edit)
        if edit.values and there and marks_others(tree, edit):
            # A mark is one of the whole statement.
            self.report.object(edit.values[0], "syntax error", line=edit.line)
            return False
        return True

    def _holds_named(self, tree: Tree, edit: Edit) -> bool:
        """Whether there is what is named, with the value that marks are about."""
        if not holds(tree, edit) or not marks(edit) or not edit.values:
            return holds(tree, edit)
        if edit.statement.kind is Kind.LEAF:
            return self.checking.same(tree, edit)
        return set(edit.values) <= set(tree[edit.statement.name])

    def replace(self, statement: Statement, tree: Tree, edit: Edit) -> None:
        """Put something else in place of a pattern, wherever it is in a branch."""
        if edit.replacement is None:
            return
        self.writer.settle()
        try:
            found = replacing(statement, tree, edit.replacement)
        except NoPattern as refusal:
            self.report.object(edit.replacement.pattern.pattern, str(refusal), line=edit.line)
            return
        for one in found:
            one.line = edit.line
            self.carry_out(statement, tree, one, Operation.MERGE)

    def _allowed(self, parent: Statement, tree: Tree, edit: Edit, operation: Operation) -> bool:
        if edit.key is not None and not self.checking.keys_of(edit):
            return False
        if self._trial:
            return True
        if guarded(tree, edit):
            if not edit.protect or not self._changes_nothing(parent, tree, edit, operation):
                self.report.protected(edit, "deleted" if operation in _REMOVING else "changed")
            return False
        goes = pushed_out(parent, tree, edit) if operation is not Operation.NONE else None
        if goes is not None:
            self.report.protected(goes, "deleted")
        return goes is None

    def _changes_nothing(
        self, parent: Statement, tree: Tree, edit: Edit, operation: Operation
    ) -> bool:
        """Whether what is protected says already what a load has of it; then all is said."""
        if edit.place is not None:
            return False
        if self._anew and operation is Operation.MERGE and (edit.children or edit.values):
            # What the load has of it is to be all that there is.
            operation = Operation.REPLACE
        self.writer.settle()
        there = alone(tree, edit)
        tried = Branch(there, Owner())
        report = LoadReport(*self.report.way)
        load = _Load(Writer(tried.owner), report, anew=False, trial=True)
        load.carry_out(parent, tried, replace(edit, operation=operation), operation)
        load.writer.settle()
        same = says_the_same(parent, tried, there)
        if same:
            self.report.add(report)
        return same

    # The kinds of statements

    def _children(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        # Inside a created or replaced branch everything is new: what is given is simply merged.
        new = operation in (Operation.CREATE, Operation.REPLACE)
        self.report.way.append(edit)
        anew, self._anew = self._anew, self._anew or new
        self.replace(edit.statement, tree, edit)
        for child in edit.children:
            self.carry_out(edit.statement, tree, child, Operation.MERGE if new else operation)
        if self._anew:
            self.placing.arrange(tree, edit.children)
        self._anew = anew
        self.report.way.pop()

    def _container(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        name = edit.statement.name
        new, before = name not in tree, self.report.refused
        inner = self.writer.own(tree, name)
        if operation is Operation.REPLACE:
            self.taking.empty(edit.statement, inner, edit.children, edit)
        self._children(inner, edit, operation)
        self._refuse_gaps(inner, edit)
        in_vain = new and self.report.refused > before
        if not inner and (in_vain or not edit.statement.presence):
            self.writer.drop(tree, name)

    def _refuse_gaps(self, inner: Tree, edit: Edit) -> None:
        """Values that text tells apart by their places alone: the second needs the first."""
        names = edit.statement.in_their_places
        there = [name in inner for name in names]
        if there != sorted(there, reverse=True):
            self.report.object(edit.statement.shown, "missing argument.", line=edit.line)
            for name in names[there.index(False) :]:
                self.writer.drop(inner, name)

    def _entry(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        if edit.key is None:
            self._whole_list(tree, edit, operation)
            return
        entries = self.writer.own(tree, edit.statement.name)
        new, before = edit.key not in entries, self.report.refused
        inner = self.writer.own(entries, edit.key)
        held = bool(inner)
        if operation is Operation.REPLACE:
            self.taking.empty(edit.statement, inner, edit.children, edit)
        self._children(inner, edit, operation)
        in_vain = new and self.report.refused > before
        if not inner and (in_vain or (operation in _KEEPING and _emptied(edit, held=held))):
            # It was made for the sake of what was refused, or nothing is left of it.
            self.writer.drop(tree, edit.identity)
        else:
            self.placing.move(tree, edit)

    def _whole_list(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        """``replace: interfaces { … }``, or marks for all entries."""
        if operation is Operation.REPLACE:
            self.taking.drop(tree, edit.statement, edit.statement.name)
        elif operation is not Operation.NONE:
            self.report.object(edit.statement.shown, "missing argument.", line=edit.line)

    def _leaf(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        if operation is Operation.NONE:
            return
        name = edit.statement.name
        if not edit.values:
            self.report.object(edit.statement.shown, "missing argument.", line=edit.line)
            return
        shown = self.checking.value(edit.statement.check, edit.values[-1], edit, name)
        if shown is not None:
            tree[name] = shown

    def _leaf_list(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        if operation is Operation.NONE and edit.place is None:
            return
        statement, name = edit.statement, edit.statement.name
        held: list[str] = [] if operation is Operation.REPLACE else tree.get(name, [])
        checked = [self.checking.value(statement.check, value, edit, name) for value in edit.values]
        added = [value for value in checked if value is not None]
        if statement.limit is not None and len({*held, *added}) > statement.limit:
            self.report.object(name, f"too many values, {statement.limit} allowed", line=edit.line)
        elif held or added:
            if not held:
                tree.pop(name, None)
            self.writer.add(tree, name, added)
            if edit.place is not None and added:
                self.placing.move(tree, edit)

    def _flag(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        if operation is not Operation.NONE:
            tree[edit.statement.name] = True


def _emptied(edit: Edit, *, held: bool) -> bool:
    """Whether an entry without a statement is one of those that go with their last one.

    ``held``: it had one before.
    """
    return edit.statement.vanishing and (held or _only_takes(edit))


def _only_takes(edit: Edit) -> bool:
    """Whether a load names a branch for the sake of what is to go from it."""
    inner = edit.children
    return bool(inner) and all(one.operation in _REMOVING or _only_takes(one) for one in inner)

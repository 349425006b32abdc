# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carrying out a load on a configuration. Values are checked here, once, for all formats.

Only the branches on the way to what changes are copied and tidied, so that a load costs what it
changes and not what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .edit import Edit, LoadError, Operation, Severity, edit_path
from .held import (
    all_of,
    holds,
    holds_protected,
    holds_value,
    marked_by,
    marks,
    marks_others,
    names_to_mark,
)
from .protected import Kept, Named, alone, guarded, in_order, pushed_out
from .replacing import NoPattern, replacing
from .schema import KEY_SEPARATOR, Key, Kind, Statement, value_follows
from .tree import (
    INACTIVE,
    PROTECTED,
    Branch,
    Identity,
    Owner,
    Tree,
    owner_of,
    says_the_same,
)
from .values import InvalidValue, ValueCheck, is_showable, showable, wildcard
from .wildcards import Wildcard
from .writing import Writer

_REMOVING = (Operation.DELETE, Operation.REMOVE)
_KEEPING = (Operation.MERGE, Operation.NONE)
"""Operations that do not say what all of a branch is to be."""
_GROUPS, _PROFILES = "groups", "dynamic-profiles"


def apply(
    root: Statement, tree: Tree, edits: list[Edit], default: Operation, *, anew: bool = False
) -> list[LoadError]:
    """Carry out a load on ``tree`` in place; what is refused is reported and left out.

    ``anew``: the load stands for the whole configuration. What is protected stays.
    """
    load = _Load(Writer(owner_of(tree)), anew=anew)
    if anew:
        load.empty(root, tree, edits)
    for edit in edits:
        if edit.statement is root:
            load.replace(root, tree, edit)
        else:
            load.carry_out(root, tree, edit, default)
    if anew:
        load.arrange(tree, edits)
    load.writer.settle()
    return load.problems


def check_value(statement: Statement, text: str) -> str:
    """A leaf's value as Junos shows it. Raises InvalidValue."""
    return statement.check(showable(text)) if statement.check is not None else showable(text)


class _Load:
    """One load: what writes for it, the way down, what was refused."""

    def __init__(self, writer: Writer, *, anew: bool = False, trial: bool = False) -> None:
        self.writer = writer
        self._trial = trial
        """Whether it is done to see what it would change, protected or not."""
        self.way: list[Edit] = []
        self.problems: list[LoadError] = []
        self._anew = anew
        """Whether what a load has of a branch stands for all that was in it."""
        self.refused = 0
        """How many of them are errors."""
        self._told: set[str] = set()
        """What was said to stay."""
        self._handlers: dict[Kind, Callable[[Tree, Edit, Operation], None]] = {
            Kind.CONTAINER: self._container,
            Kind.LIST: self._entry,
            Kind.LEAF: self._leaf,
            Kind.LEAF_LIST: self._leaf_list,
            Kind.EMPTY: self._flag,
        }

    # Saying no

    def object(
        self,
        bad_element: str,
        message: str,
        *,
        tag: str = "operation-failed",
        severity: Severity = Severity.ERROR,
        line: int | None = None,
    ) -> None:
        """Note a complaint about something at the end of the way."""
        where = edit_path([word for edit in self.way for word in edit.words])
        self.problems.append(LoadError(where, bad_element, message, severity, tag, line))
        self.refused += severity is Severity.ERROR

    def _missing(self, edit: Edit) -> None:
        words = " ".join([*edit.words, *edit.values])
        self.object(
            words,
            "statement not found",
            severity=Severity.WARNING,
            tag="data-missing",
            line=edit.line,
        )

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
            self._remove(tree, edit, operation)
        elif edit.rename is not None or edit.copy is not None:
            self._rename_or_copy(tree, edit)
        elif operation is Operation.CREATE and holds_value(tree, edit):
            self.object(" ".join(edit.words), "data exists", tag="data-exists", line=edit.line)
        elif operation is Operation.NONE and not self._holds_named(tree, edit):
            self._missing(edit)
        else:
            self._change(parent, tree, edit, operation)

    def _change(self, parent: Statement, tree: Tree, edit: Edit, operation: Operation) -> None:
        """Put the statement there, without what it excludes, and say what is said of it."""
        before = len(self.problems)
        self._handlers[edit.statement.kind](tree, edit, operation)
        refused = len(self.problems) > before
        vanished = edit.statement.kind is Kind.CONTAINER or edit.statement.vanishing
        if (refused or vanished) and not holds(tree, edit):
            # Nothing is left to which a mark could belong.
            if marks(edit) and not refused:
                self._missing(edit)
            return
        if operation is not Operation.NONE:
            for other in parent.excluded.get(edit.statement.name, frozenset()):
                if other in tree:
                    self.writer.drop(tree, other)
        self._mark(tree, edit)

    def _makes_sense(self, tree: Tree, edit: Edit, operation: Operation) -> bool:
        """Whether all that an edit asks for can be done; what cannot is noted."""
        renamed = edit.rename is not None or edit.copy is not None
        new = operation in (Operation.REPLACE, Operation.CREATE)
        placed = renamed or edit.place is not None
        said = edit.protect or edit.activate is not None
        if (renamed and new) or ((placed or said) and operation in _REMOVING):
            self.object(operation.value, "syntax error", tag="bad-attribute", line=edit.line)
            return False
        if renamed and (edit.children or marks(edit)):
            self.object(" ".join(edit.words), "syntax error", line=edit.line)
            return False
        there = operation is not Operation.NONE or self._holds_named(tree, edit)
        if edit.values and there and marks_others(tree, edit):
            # A mark is one of the whole statement.
            self.object(edit.values[0], "syntax error", line=edit.line)
            return False
        return True

    def _holds_named(self, tree: Tree, edit: Edit) -> bool:
        """Whether there is what is named, with the value that marks are about."""
        if not holds(tree, edit) or not marks(edit) or not edit.values:
            return holds(tree, edit)
        if edit.statement.kind is Kind.LEAF:
            return self._same(tree, edit)
        return set(edit.values) <= set(tree[edit.statement.name])

    def replace(self, statement: Statement, tree: Tree, edit: Edit) -> None:
        """Put something else in place of a pattern, wherever it is in a branch."""
        if edit.replacement is None:
            return
        self.writer.settle()
        try:
            found = replacing(statement, tree, edit.replacement)
        except NoPattern as refusal:
            self.object(edit.replacement.pattern.pattern, str(refusal), line=edit.line)
            return
        for one in found:
            one.line = edit.line
            self.carry_out(statement, tree, one, Operation.MERGE)

    def _allowed(self, parent: Statement, tree: Tree, edit: Edit, operation: Operation) -> bool:
        if edit.key is not None and not self._check_keys(edit):
            return False
        if self._trial:
            return True
        if guarded(tree, edit):
            if not edit.protect or not self._changes_nothing(parent, tree, edit, operation):
                self._protected(edit, operation)
            return False
        goes = pushed_out(parent, tree, edit) if operation is not Operation.NONE else None
        if goes is not None:
            self._protected(goes, Operation.DELETE)
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
        load = _Load(Writer(tried.owner), trial=True)
        load.way = [*self.way]
        load.carry_out(parent, tried, replace(edit, operation=operation), operation)
        load.writer.settle()
        same = says_the_same(parent, tried, there)
        if same:
            self.problems += load.problems
            self.refused += load.refused
        return same

    def empty(self, statement: Statement, tree: Tree, edits: list[Edit], *inside: Edit) -> None:
        """Take everything out of a branch but what is protected, which ``edits`` may name."""
        self.writer.settle()
        kept = Kept(self.writer)
        left = kept.of_branch(statement, tree) if holds_protected(tree) else {}
        tree.clear()
        tree.update(left)
        named = Named(edits if kept.words else [])
        self._stays([words for words in kept.words if words not in named], *inside)

    def _drop(self, tree: Tree, statement: Statement, identity: Identity) -> bool:
        """Take a statement away, but for what is protected in it; False when it was not there."""
        kept = Kept(self.writer)
        left = kept.of_statement(statement, tree, identity)
        self._stays(kept.words)
        if not left:
            return self.writer.drop(tree, identity)
        self.writer.leave(tree, identity, left)
        return True

    def _stays(self, protected: list[list[str]], *inside: Edit) -> None:
        way = [word for step in (*self.way, *inside) for word in step.words]
        for words in protected:
            shown = " ".join(way + words)
            if shown in self._told:
                continue
            self._told.add(shown)
            self.object(
                " ".join(words),
                f"[{shown}] is protected, '{shown}' cannot be deleted",
                severity=Severity.WARNING,
            )

    def _protected(self, edit: Edit, operation: Operation) -> None:
        words = " ".join([word for step in (*self.way, edit) for word in step.words])
        verb = "deleted" if operation in _REMOVING else "changed"
        self.object(
            " ".join(edit.words),
            f"[{words}] is protected, '{words}' cannot be {verb}",
            line=edit.line,
        )

    def _check_keys(self, edit: Edit) -> bool:
        """Put an entry's keys into the form in which Junos shows them."""
        if edit.pattern:
            return True
        shown: list[str] = []
        values = (edit.key or "").split(KEY_SEPARATOR)
        if len(values) > len(edit.statement.keys):
            self.object(edit.statement.shown, "invalid character 0x1f", line=edit.line)
            return False
        for key, value in zip(edit.statement.keys, values, strict=False):
            known = self._shown_key(key, value, shown, edit)
            if known is None:
                return False
            shown.append(known)
        edit.key = KEY_SEPARATOR.join(shown)
        return True

    def _shown_key(self, key: Key, value: str, before: list[str], edit: Edit) -> str | None:
        """One key as Junos shows it; None for one that is refused."""
        if key.optional and not self._in_its_place(key, value, before, edit):
            return None
        if (key.optional and not value) or self._may_stand_for_others(value):
            return value
        checked = self._checked(key.check, value, edit, key.name)
        return None if checked is None or self._is_no_name(checked, edit, key.name) else checked

    def _in_its_place(self, key: Key, value: str, before: list[str], edit: Edit) -> bool:
        """False after noting a value that no word takes, or a word without the value it takes."""
        fits = bool(value) is value_follows(key, before)
        if not fits:
            why = "syntax error" if value else "missing argument."
            self.object(value or key.name, why, line=edit.line)
        return fits

    def _is_no_name(self, text: str, edit: Edit, name: str) -> bool:
        """True after noting that an entry could not be shown by this name."""
        if not text.strip():
            self.object(name, "missing argument.", line=edit.line)
        return not text.strip()

    def _checked(self, check: ValueCheck | None, text: str, edit: Edit, name: str) -> str | None:
        """The value as Junos shows it, or None after noting why it is refused."""
        try:
            showable(text)
            return text if check is None or self._is_variable(text) else check(text)
        except InvalidValue as refusal:
            message = str(refusal)
            bad = text if message == "syntax error" else name
            shown = "<secret>" if edit.statement.is_secret else bad
            self.object(shown, message, line=edit.line)
            return None

    def _may_stand_for_others(self, text: str) -> bool:
        """Whether a name is a wildcard or variable in a configuration group, and can be shown."""
        in_group = bool(self.way) and self.way[0].statement.name == _GROUPS
        return in_group and wildcard(text) and is_showable(text)

    def _is_variable(self, text: str) -> bool:
        """Whether it stands for what a subscriber brings: ``$junos-interface-unit``."""
        in_profile = any(step.statement.name == _PROFILES for step in self.way[:2])
        return in_profile and text.startswith("$") and wildcard(text)

    def _mark(self, tree: Tree, edit: Edit) -> None:
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
                self.writer.mark(tree, mark, identities, wanted)
        if edit.comment is not None:
            self._annotate(
                tree, edit, edit.comment, min(identities, key=str, default=edit.identity)
            )

    def _hand_down(self, tree: Tree, edit: Edit) -> None:
        """What is said of a container without braces is said of what is in it."""
        if (edit.activate, edit.protect, edit.comment) != (None, None, None):
            inner = self.writer.own(tree, edit.statement.name)
            self._say(inner, edit, all_of(edit.statement, inner))

    def _annotate(self, tree: Tree, edit: Edit, comment: str, about: Identity) -> None:
        if self._checked(None, comment, edit, "comment") is None:
            return
        self.writer.annotate(tree, about, comment)

    # Taking away

    def _remove(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        if not self._removed(tree, edit) and operation is Operation.DELETE:
            self._missing(edit)

    def _removed(self, tree: Tree, edit: Edit) -> bool:
        name, kind = edit.statement.name, edit.statement.kind
        if edit.pattern:
            return self._remove_matching(tree, edit)
        if kind is Kind.LEAF_LIST and edit.values:
            return name in tree and self.writer.take(tree, name, set(edit.values))
        if kind is Kind.LEAF and edit.values and not self._same(tree, edit):
            return False
        return self._drop(tree, edit.statement, edit.identity)

    def _same(self, tree: Tree, edit: Edit) -> bool:
        """True when a leaf has the value that is to be deleted."""
        held = tree.get(edit.statement.name)
        try:
            return held in (edit.values[0], check_value(edit.statement, edit.values[0]))
        except InvalidValue:
            return False

    def _remove_matching(self, tree: Tree, edit: Edit) -> bool:
        name, pattern = edit.statement.name, Wildcard(edit.key or "")
        found = [key for key in tree.get(name, {}) if pattern.stands_for(key)]
        for key in found:
            self._drop(tree, edit.statement, (name, key))
        return bool(found)

    # Renaming, copying, moving

    def _rename_or_copy(self, tree: Tree, edit: Edit) -> None:
        name, key, new = edit.statement.name, edit.key or "", edit.rename or edit.copy or ""
        if key not in tree.get(name, {}):
            self._missing(edit)
            return
        entries = self.writer.own(tree, name)
        target = Edit(edit.statement, new, line=edit.line)
        if not self._check_keys(target):
            return
        new = target.key or ""
        if new in entries:
            self.object(new, f"statement '{new}' already exists", tag="data-exists", line=edit.line)
            return
        if edit.copy is not None:
            self.writer.copy(tree, name, key, new)
            return
        self.writer.rename(tree, edit.statement, key, new)

    def _move(self, tree: Tree, edit: Edit) -> None:
        """Put an entry or a value of a leaf-list where the load wants it."""
        place, name = edit.place, edit.statement.name
        if place is None:
            return
        held = tree[name]
        moving = (edit.key or "") if edit.statement.kind is Kind.LIST else edit.values[0]
        if place.key is not None and (place.key not in held or place.key == moving):
            self.object(place.key, "statement not found", tag="data-missing", line=edit.line)
            return
        self.writer.move(tree, name, moving, place)

    def arrange(self, tree: Tree, edits: list[Edit]) -> None:
        """Put what stayed of a list in the user's order where a load anew has it."""
        for name, named in in_order(edits).items():
            if name in tree:
                self.writer.arrange(tree, name, named)

    # The kinds of statements

    def _children(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        # Inside a created or replaced branch everything is new: what is given is simply merged.
        new = operation in (Operation.CREATE, Operation.REPLACE)
        self.way.append(edit)
        anew, self._anew = self._anew, self._anew or new
        self.replace(edit.statement, tree, edit)
        for child in edit.children:
            self.carry_out(edit.statement, tree, child, Operation.MERGE if new else operation)
        if self._anew:
            self.arrange(tree, edit.children)
        self._anew = anew
        self.way.pop()

    def _container(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        name = edit.statement.name
        new, before = name not in tree, self.refused
        inner = self.writer.own(tree, name)
        if operation is Operation.REPLACE:
            self.empty(edit.statement, inner, edit.children, edit)
        self._children(inner, edit, operation)
        self._refuse_gaps(inner, edit)
        in_vain = new and self.refused > before
        if not inner and (in_vain or not edit.statement.presence):
            self.writer.drop(tree, name)

    def _refuse_gaps(self, inner: Tree, edit: Edit) -> None:
        """Values that text tells apart by their places alone: the second needs the first."""
        names = edit.statement.in_their_places
        there = [name in inner for name in names]
        if there != sorted(there, reverse=True):
            self.object(edit.statement.shown, "missing argument.", line=edit.line)
            for name in names[there.index(False) :]:
                self.writer.drop(inner, name)

    def _entry(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        if edit.key is None:
            self._whole_list(tree, edit, operation)
            return
        entries = self.writer.own(tree, edit.statement.name)
        new, before = edit.key not in entries, self.refused
        inner = self.writer.own(entries, edit.key)
        held = bool(inner)
        if operation is Operation.REPLACE:
            self.empty(edit.statement, inner, edit.children, edit)
        self._children(inner, edit, operation)
        in_vain = new and self.refused > before
        if not inner and (in_vain or (operation in _KEEPING and _emptied(edit, held=held))):
            # It was made for the sake of what was refused, or nothing is left of it.
            self.writer.drop(tree, edit.identity)
        else:
            self._move(tree, edit)

    def _whole_list(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        """``replace: interfaces { … }``, or marks for all entries."""
        if operation is Operation.REPLACE:
            self._drop(tree, edit.statement, edit.statement.name)
        elif operation is not Operation.NONE:
            self.object(edit.statement.shown, "missing argument.", line=edit.line)

    def _leaf(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        if operation is Operation.NONE:
            return
        name = edit.statement.name
        if not edit.values:
            self.object(edit.statement.shown, "missing argument.", line=edit.line)
            return
        shown = self._checked(edit.statement.check, edit.values[-1], edit, name)
        if shown is not None:
            tree[name] = shown

    def _leaf_list(self, tree: Tree, edit: Edit, operation: Operation) -> None:
        if operation is Operation.NONE and edit.place is None:
            return
        statement, name = edit.statement, edit.statement.name
        held: list[str] = [] if operation is Operation.REPLACE else tree.get(name, [])
        checked = [self._checked(statement.check, value, edit, name) for value in edit.values]
        added = [value for value in checked if value is not None]
        if statement.limit is not None and len({*held, *added}) > statement.limit:
            self.object(name, f"too many values, {statement.limit} allowed", line=edit.line)
        elif held or added:
            if not held:
                tree.pop(name, None)
            self.writer.add(tree, name, added)
            if edit.place is not None and added:
                self._move(tree, edit)

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

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a load asks for, free of the format it came in, and how it changes a configuration.

Readers (:mod:`.read_xml`, :mod:`.read_text`, :mod:`.read_json`) turn each format into a tree of
:class:`Edit`; :func:`apply` carries it out. Values are checked here, once, for all formats.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from enum import Enum

from .schema import InvalidValue, Kind, Statement
from .tree import INACTIVE, Identity, Tree, prune


class Operation(Enum):
    """What happens to one statement (Junos element attributes, RFC 6241 §7.2 operations)."""

    MERGE = "merge"
    REPLACE = "replace"
    CREATE = "create"
    DELETE = "delete"
    REMOVE = "remove"
    NONE = "none"


class Severity(Enum):
    """``error-severity`` of an rpc-error."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class LoadError:
    """One complaint about a load: where, about which word, in Junos' words."""

    path: str
    bad_element: str
    message: str
    severity: Severity = Severity.ERROR
    tag: str = "operation-failed"


class MalformedConfiguration(ValueError):
    """Input that cannot be read as a configuration at all."""


@dataclass
class Edit:
    """One statement of a load.

    ``key`` is the list entry's key. ``values`` are a leaf's or leaf-list's values. ``operation``
    is None where the load's default applies. ``activate`` is True or False where the load says
    ``active:`` or ``inactive:``.
    """

    statement: Statement
    key: str | None = None
    values: list[str] = field(default_factory=list)
    operation: Operation | None = None
    activate: bool | None = None
    children: list[Edit] = field(default_factory=list)
    identity_spelled: bool = True

    @property
    def identity(self) -> Identity:
        """How the parent's tree knows this statement."""
        if self.statement.kind is Kind.LIST and self.key is not None:
            return (self.statement.name, self.key)
        return self.statement.name

    @property
    def words(self) -> list[str]:
        """The statement as part of an ``[edit ...]`` path."""
        words = [self.statement.name] if self.identity_spelled else []
        return words + ([self.key] if self.key is not None else [])


def edit_path(words: list[str]) -> str:
    """Junos' ``[edit a b c]``."""
    return f"[edit {' '.join(words)}]" if words else "[edit]"


def apply(root: Statement, tree: Tree, edits: list[Edit], default: Operation) -> list[LoadError]:
    """Carry out a load on ``tree`` in place; what is refused is reported and left out."""
    problems: list[LoadError] = []
    for edit in edits:
        _apply(root, tree, edit, default, [], problems)
    prune(root, tree)
    return problems


def check_value(
    edit_statement: Statement, text: str, path: list[str], problems: list[LoadError]
) -> str | None:
    """The value as Junos shows it, or None after noting why it is refused."""
    if edit_statement.check is None:
        return text
    try:
        return edit_statement.check(text)
    except InvalidValue as refusal:
        message = str(refusal)
        bad = text if message == "syntax error" else edit_statement.name
        shown = "<secret>" if edit_statement.secret else bad
        problems.append(LoadError(edit_path(path), shown, message))
        return None


def _apply(
    parent: Statement,
    tree: Tree,
    edit: Edit,
    default: Operation,
    path: list[str],
    problems: list[LoadError],
) -> None:
    operation = edit.operation or default
    if operation in (Operation.DELETE, Operation.REMOVE):
        _delete(tree, edit, operation, path, problems)
        return
    handler = {
        Kind.CONTAINER: _apply_container,
        Kind.LIST: _apply_entry,
        Kind.LEAF: _apply_leaf,
        Kind.LEAF_LIST: _apply_leaf_list,
        Kind.EMPTY: _apply_flag,
    }[edit.statement.kind]
    if operation is Operation.CREATE and _holds(tree, edit):
        problems.append(
            LoadError(edit_path(path), " ".join(edit.words), "data exists", tag="data-exists")
        )
        return
    if operation is Operation.NONE and not _holds(tree, edit):
        problems.append(_not_found(edit, path))
        return
    before = len(problems)
    handler(tree, edit, operation, path, problems)
    if len(problems) > before and not _holds(tree, edit):
        return
    if edit.statement.name in parent.choice:
        for other in parent.choice - {edit.statement.name}:
            tree.pop(other, None)
    if edit.activate is not None:
        marks = tree.setdefault(INACTIVE, set())
        (marks.discard if edit.activate else marks.add)(edit.identity)


def _holds(tree: Tree, edit: Edit) -> bool:
    if isinstance(edit.identity, tuple):
        return edit.identity[1] in tree.get(edit.identity[0], {})
    return edit.identity in tree


def _delete(
    tree: Tree, edit: Edit, operation: Operation, path: list[str], problems: list[LoadError]
) -> None:
    name, found = edit.statement.name, False
    if edit.statement.kind is Kind.LIST and edit.key is not None:
        found = tree.get(name, {}).pop(edit.key, None) is not None
    elif edit.statement.kind is Kind.LEAF_LIST and edit.values:
        held: list[str] = tree.get(name, [])
        found = any(value in held for value in edit.values)
        tree[name] = [value for value in held if value not in edit.values]
    elif edit.statement.kind is Kind.LEAF and edit.values:
        checked = check_value(edit.statement, edit.values[0], path, [])
        found = tree.get(name) is not None and tree[name] in (checked, edit.values[0])
        if found:
            del tree[name]
    else:
        found = tree.pop(name, None) is not None
    if not found and operation is Operation.DELETE:
        problems.append(_not_found(edit, path))


def _not_found(edit: Edit, path: list[str]) -> LoadError:
    words = " ".join([*edit.words, *edit.values])
    return LoadError(
        edit_path(path), words, "statement not found", Severity.WARNING, tag="data-missing"
    )


def _apply_children(
    tree: Tree, edit: Edit, operation: Operation, path: list[str], problems: list[LoadError]
) -> None:
    inherited = Operation.MERGE if operation is Operation.CREATE else operation
    # Inside a replaced branch everything is new: what is given there is simply merged.
    inherited = Operation.MERGE if operation is Operation.REPLACE else inherited
    for child in edit.children:
        _apply(edit.statement, tree, child, inherited, [*path, *edit.words], problems)


def _apply_container(
    tree: Tree, edit: Edit, operation: Operation, path: list[str], problems: list[LoadError]
) -> None:
    name = edit.statement.name
    if operation is Operation.REPLACE:
        tree[name] = {}
    _apply_children(tree.setdefault(name, {}), edit, operation, path, problems)


def _apply_entry(
    tree: Tree, edit: Edit, operation: Operation, path: list[str], problems: list[LoadError]
) -> None:
    if edit.key is None:
        problems.append(LoadError(edit_path(path), edit.statement.name, "missing argument."))
        return
    key = check_value(edit.statement, edit.key, path, problems)
    if key is None:
        return
    edit.key = key
    entries = tree.setdefault(edit.statement.name, {})
    if operation is Operation.REPLACE and key in entries:
        entries[key] = {}
    _apply_children(entries.setdefault(key, {}), edit, operation, path, problems)


def _apply_leaf(
    tree: Tree, edit: Edit, operation: Operation, path: list[str], problems: list[LoadError]
) -> None:
    if operation is Operation.NONE:
        return
    if not edit.values:
        # ``activate``/``deactivate`` of a leaf names it without a value.
        if edit.activate is None or edit.statement.name not in tree:
            problems.append(LoadError(edit_path(path), edit.statement.name, "missing argument."))
        return
    shown = check_value(edit.statement, edit.values[-1], path, problems)
    if shown is not None:
        tree[edit.statement.name] = shown


def _apply_leaf_list(
    tree: Tree, edit: Edit, operation: Operation, path: list[str], problems: list[LoadError]
) -> None:
    if operation is Operation.NONE:
        return
    held: list[str] = [] if operation is Operation.REPLACE else tree.get(edit.statement.name, [])
    added = [check_value(edit.statement, value, path, problems) for value in edit.values]
    merged = list(dict.fromkeys([*held, *(value for value in added if value is not None)]))
    limit = edit.statement.limit
    if limit is not None and len(merged) > limit:
        problems.append(
            LoadError(edit_path(path), edit.statement.name, f"too many values, {limit} allowed")
        )
        return
    tree[edit.statement.name] = merged


def _apply_flag(
    tree: Tree, edit: Edit, operation: Operation, path: list[str], problems: list[LoadError]
) -> None:
    if operation is not Operation.NONE:
        tree[edit.statement.name] = True


def copy_tree(tree: Tree) -> Tree:
    """An independent copy of a configuration."""
    return copy.deepcopy(tree)

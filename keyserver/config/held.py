# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a branch of a configuration has of what an edit is about."""

from __future__ import annotations

from typing import Any

from .edit import Edit
from .schema import Kind, Statement
from .tree import INACTIVE, MARKS, PROTECTED, Identity, Tree


def held_by(tree: Tree, edit: Edit) -> Any:
    """What a branch has of what an edit is about, or None."""
    identity = edit.identity
    if isinstance(identity, tuple):
        return tree.get(identity[0], {}).get(identity[1])
    return tree.get(identity)


def holds(tree: Tree, edit: Edit) -> bool:
    """Whether it has any of it."""
    return held_by(tree, edit) is not None


def holds_value(tree: Tree, edit: Edit) -> bool:
    """Whether there is what is to be created: of a leaf-list one of the values."""
    there = held_by(tree, edit)
    if edit.statement.kind is Kind.LEAF_LIST and there is not None:
        return any(value in there for value in edit.values)
    return there is not None


def marks(edit: Edit) -> bool:
    """Whether something is said about a statement."""
    return (edit.activate, edit.protect, edit.comment) != (None, None, None)


def names_to_mark(edit: Edit) -> bool:
    """Whether a leaf or a whole list is only named, since something is said about it."""
    whole = edit.key is None and not edit.values and edit.statement.kind in _NAMED
    return whole and (edit.activate is not None or edit.protect is not None)


_NAMED = frozenset((Kind.LIST, Kind.LEAF, Kind.LEAF_LIST))


def marks_others(tree: Tree, edit: Edit) -> bool:
    """True when what is said of some values of a leaf-list would be said of others, too."""
    name = edit.statement.name
    if edit.statement.kind is not Kind.LEAF_LIST or name not in tree:
        return False
    inactive, protected = (name in tree.get(mark, ()) for mark in (INACTIVE, PROTECTED))
    changes = edit.activate is inactive or edit.protect is (not protected)
    return changes and not set(tree[name]) <= set(edit.values)


def marked_by(tree: Tree, edit: Edit) -> set[Identity]:
    """What a mark is put on: a whole list stands for its entries."""
    name = edit.statement.name
    if edit.statement.kind is Kind.LIST and edit.key is None:
        return {(name, key) for key in tree.get(name, {})}
    return {edit.identity}


def all_of(statement: Statement, tree: Tree) -> set[Identity]:
    """All that a branch holds."""
    found: set[Identity] = set()
    for name in tree.keys() - MARKS:
        listed = statement.children[name].kind is Kind.LIST
        found |= {(name, key) for key in tree[name]} if listed else {name}
    return found


def holds_protected(tree: Tree) -> bool:
    """Whether a branch, or one below it, holds what is protected."""
    return PROTECTED in tree or any(
        holds_protected(value)
        for name, value in tree.items()
        if isinstance(value, dict) and name not in MARKS
    )

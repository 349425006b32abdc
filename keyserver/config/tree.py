# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A configuration as data: nested dictionaries that follow a schema.

A container is ``{child name: value}``, a list ``{key: entry}``, a leaf a string, a leaf-list a
list of strings, a flag ``True``. A statement that is present but deactivated is named in its
parent's set ``INACTIVE`` (a child name, or ``(list name, key)`` for one entry).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .schema import Kind, Statement

Tree = dict[str, Any]

INACTIVE = "@inactive"
Identity = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """One statement in a container: a leaf, a container, one list entry, ..."""

    statement: Statement
    identity: Identity
    value: Any
    inactive: bool
    spelled: bool
    """False when Junos writes this item without the statement's keyword."""

    @property
    def words(self) -> list[str]:
        """How the item opens in set and text form: keyword, then the entry's key."""
        keyword = [self.statement.name] if self.spelled else []
        return keyword + ([self.identity[1]] if isinstance(self.identity, tuple) else [])


def items(statement: Statement, tree: Tree) -> Iterator[Item]:
    """What a container or list entry holds, in the order in which Junos shows it."""
    inactive = tree.get(INACTIVE, frozenset())
    for child in statement.children.values():
        value = tree.get(child.name)
        if value is None:
            continue
        spelled = statement.positional != child.name
        if child.kind is Kind.LIST:
            for key, entry in value.items():
                identity = (child.name, key)
                yield Item(child, identity, entry, identity in inactive, spelled)
        else:
            yield Item(child, child.name, value, child.name in inactive, spelled)


def is_branch(statement: Statement) -> bool:
    """True for statements whose value is itself a tree."""
    return statement.kind in (Kind.CONTAINER, Kind.LIST)


def prune(statement: Statement, tree: Tree) -> None:
    """Remove containers that became empty and mean nothing by being there."""
    for child in statement.children.values():
        value = tree.get(child.name)
        if value is None:
            continue
        if child.kind is Kind.LIST:
            for entry in value.values():
                prune(child, entry)
            if not value:
                del tree[child.name]
        elif child.kind is Kind.CONTAINER:
            prune(child, value)
            if not value and not child.presence:
                del tree[child.name]
        elif child.kind is Kind.LEAF_LIST and not value:
            del tree[child.name]
    marks = tree.get(INACTIVE)
    if marks is not None:
        kept = {mark for mark in marks if _exists(tree, mark)}
        if kept:
            tree[INACTIVE] = kept
        else:
            del tree[INACTIVE]


def _exists(tree: Tree, identity: Identity) -> bool:
    if isinstance(identity, tuple):
        return identity[1] in tree.get(identity[0], {})
    return identity in tree


def effective(tree: Tree) -> Tree:
    """A copy without what is deactivated: what the device acts on."""
    inactive = tree.get(INACTIVE, frozenset())
    kept: Tree = {}
    for name, value in tree.items():
        if name == INACTIVE or name in inactive:
            continue
        if isinstance(value, dict):
            kept[name] = effective(
                {key: entry for key, entry in value.items() if (name, key) not in inactive}
            )
        else:
            kept[name] = copy.copy(value)
    return kept


def lookup(tree: Tree, *path: str) -> Any:
    """The value at a path of names and keys; an empty dictionary where there is none."""
    here: Any = tree
    for step in path:
        here = here.get(step) if isinstance(here, dict) else None
        if here is None:
            return {}
    return here

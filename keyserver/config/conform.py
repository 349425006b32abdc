# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations that were kept under another schema, brought into the form of this one."""

from __future__ import annotations

from typing import Any

from .edit import edit_path
from .schema import Kind, Statement
from .tree import MARKS, Branch, Tree


class UnknownStatement(ValueError):
    """A statement that this schema does not have, or has otherwise."""

    def __init__(self, path: list[str]) -> None:
        super().__init__(f"{edit_path(path)} is not known, or not in that form, to this version")


def conformed(statement: Statement, tree: Tree) -> Branch:
    """``tree`` as ``statement`` has it: what was one value may be a list by now.

    Raises UnknownStatement.
    """
    return _branch(statement, tree, [])


def _branch(statement: Statement, tree: Tree, path: list[str]) -> Branch:
    kept = Branch({}, None)
    for name, value in tree.items():
        if name in MARKS:
            kept[name] = value
            continue
        child = statement.children.get(name)
        if child is None:
            raise UnknownStatement([*path, name])
        kept[name] = _value(child, value, [*path, name])
    return kept


def _value(statement: Statement, value: Any, path: list[str]) -> Any:
    if statement.kind is Kind.LIST:
        return _list(statement, value, path)
    if statement.kind is Kind.CONTAINER and (value is True or isinstance(value, dict)):
        return _branch(statement, {} if value is True else value, path)
    if statement.kind is Kind.LEAF_LIST and isinstance(value, str):
        return [value]
    expected = {Kind.LEAF: str, Kind.LEAF_LIST: list, Kind.EMPTY: bool}
    if not isinstance(value, expected.get(statement.kind, ())):
        raise UnknownStatement(path)
    return value


def _list(statement: Statement, value: Any, path: list[str]) -> Branch:
    if isinstance(value, (str, list)) and len(statement.keys) == 1:
        value = {key: {} for key in ([value] if isinstance(value, str) else value)}
    if not isinstance(value, dict):
        raise UnknownStatement(path)
    entries = {key: _branch(statement, entry, [*path, key]) for key, entry in value.items()}
    return Branch(entries, None)

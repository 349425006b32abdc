# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reader for Junos' JSON configuration form."""

from __future__ import annotations

import json
from typing import Any

from .edit import Edit, LoadError, MalformedConfiguration, Operation, edit_path
from .schema import Kind, Statement


def read_json(root: Statement, text: str) -> tuple[list[Edit], list[LoadError]]:
    """Edits of ``{"configuration": {...}}``; attributes stand under ``"@"`` as in Junos."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedConfiguration(f"invalid JSON: {error}") from None
    if isinstance(document, dict) and "configuration" in document:
        document = document["configuration"]
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict):
        raise MalformedConfiguration("invalid JSON: a configuration object is expected")
    problems: list[LoadError] = []
    return _children(root, document, [], problems), problems


def _children(
    statement: Statement, members: dict[str, Any], path: list[str], problems: list[LoadError]
) -> list[Edit]:
    edits: list[Edit] = []
    for name, value in members.items():
        if name.startswith("@") or (statement.kind is Kind.LIST and name == statement.key):
            continue
        child = statement.children.get(name)
        if child is None:
            problems.append(LoadError(edit_path(path), name, "syntax error"))
            continue
        attributes = members.get(f"@{name}", {})
        edits.extend(_edits(child, value, attributes, path, problems))
    return edits


def _edits(
    statement: Statement, value: Any, attributes: Any, path: list[str], problems: list[LoadError]
) -> list[Edit]:
    if statement.kind is Kind.LIST:
        entries = value if isinstance(value, list) else [value]
        return [
            edit
            for entry in entries
            if (edit := _branch(statement, entry, path, problems)) is not None
        ]
    if statement.kind is Kind.CONTAINER:
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        edit = _branch(statement, inner, path, problems)
        return [edit] if edit is not None else []
    edit = Edit(statement)
    if statement.kind is not Kind.EMPTY:
        values = value if isinstance(value, list) else [value]
        edit.values = [str(item) for item in values if not isinstance(item, dict | list)]
    _attributes(edit, attributes)
    return [edit]


def _branch(
    statement: Statement, value: Any, path: list[str], problems: list[LoadError]
) -> Edit | None:
    if value is None or value == [None]:
        value = {}
    if not isinstance(value, dict):
        problems.append(LoadError(edit_path(path), statement.name, "syntax error"))
        return None
    edit = Edit(statement)
    if statement.kind is Kind.LIST and statement.key in value:
        edit.key = str(value[statement.key])
    _attributes(edit, value.get("@", {}))
    edit.children = _children(statement, value, [*path, *edit.words], problems)
    return edit


def _attributes(edit: Edit, attributes: Any) -> None:
    if not isinstance(attributes, dict):
        return
    if "operation" in attributes and attributes["operation"] in {o.value for o in Operation}:
        edit.operation = Operation(attributes["operation"])
    if attributes.get("inactive"):
        edit.activate = False
    elif attributes.get("active"):
        edit.activate = True

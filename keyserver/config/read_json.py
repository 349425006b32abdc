# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reader for Junos' JSON configuration form."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from .edit import (
    Edit,
    LoadError,
    MalformedConfiguration,
    Operation,
    Place,
    edit_path,
    put_within,
    without_rivals,
)
from .namespaces import STAMPS
from .schema import KEY_SEPARATOR, Kind, Statement
from .words import comment_of

_DEEPEST = 64


def read_json(root: Statement, text: str) -> tuple[list[Edit], list[LoadError]]:
    """Edits of ``{"configuration": {...}}``; attributes stand under ``"@"`` as in Junos."""
    document = _configuration(text)
    reader = _Reader()
    reader.no_attributes(document)
    if reader.problems:
        # As in XML: what is asked for the whole of it is not done with its parts.
        return [], reader.problems
    return reader.children(root, document, [], frozenset()), reader.problems


def _configuration(text: str) -> dict[str, Any]:
    """The object that holds the statements. Raises MalformedConfiguration."""
    try:
        document = json.loads(
            text,
            parse_int=str,
            parse_float=str,
            parse_constant=_refuse_constant,
            object_pairs_hook=_members,
        )
    except (ValueError, RecursionError) as error:
        raise MalformedConfiguration(f"invalid JSON: {error}") from None
    if isinstance(document, dict) and "configuration" in document:
        beside = next((name for name in document if name != "configuration"), None)
        if beside is not None:
            raise MalformedConfiguration(f"invalid JSON: '{beside[:40]}' beside the configuration")
        document = document["configuration"]
    document = _single(document)
    if not isinstance(document, dict):
        raise MalformedConfiguration("invalid JSON: a configuration object is expected")
    return document


def _refuse_constant(text: str) -> str:
    """RFC 8259 §6 knows neither NaN nor infinity."""
    raise ValueError(f"{text} is not a value")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, each name of which stands there once: of two nobody knows which was meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"'{twice[:40]}' is there more than once")
    return found


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _of_all(edit: Edit, attributes: Any) -> Any:
    """What is said of a leaf or of all values of a leaf-list, one of which cannot be told apart.

    Of values it stands in a list, in their order (RFC 7952 §5.2.2).
    """
    if not isinstance(attributes, list):
        return attributes
    several = len(edit.values) if edit.statement.kind is Kind.LEAF_LIST else 1
    alike = len(attributes) == several and all(one == attributes[0] for one in attributes)
    return attributes[0] if alike else attributes


class _Reader:
    def __init__(self) -> None:
        self.problems: list[LoadError] = []

    def object(self, path: list[str], bad: str, message: str, **more: str) -> None:
        """Note a complaint."""
        self.problems.append(LoadError(edit_path(path), bad, message, **more))  # type: ignore[arg-type]

    def no_attributes(self, members: dict[str, Any]) -> None:
        """What is not a statement: its attributes only say where it is from."""
        said = members.get("@")
        for name in said if isinstance(said, dict) else () if said is None else ("@",):
            if name.rpartition(":")[2] not in STAMPS and not name.startswith("xmlns"):
                self.object([], name, "syntax error", tag="bad-attribute")

    def children(
        self, statement: Statement, members: dict[str, Any], path: list[str], skip: frozenset[str]
    ) -> list[Edit]:
        """Edits of an object's members but for those named in ``skip``."""
        if len(path) > 4 * _DEEPEST:
            raise MalformedConfiguration("invalid JSON: nested too deeply")
        edits: list[Edit] = []
        for name, value in members.items():
            if name == "@" or name in skip:
                continue
            if name.startswith("@"):
                if name[1:] not in members:
                    self.object(path, name, "syntax error")
            elif name == "undocumented" and isinstance(_single(value), dict):
                edits += self._wrapped(statement, _single(value), path, skip)
            else:
                self._member(statement, name, (value, members.get(f"@{name}")), path, edits)
        kept, rivals = without_rivals(statement, edits)
        for edit in rivals:
            self.object(path, edit.statement.shown, "syntax error")
        return kept

    def _member(
        self,
        statement: Statement,
        name: str,
        said: tuple[Any, Any],
        path: list[str],
        edits: list[Edit],
    ) -> None:
        """One statement: what is said of it, and its attributes."""
        child = statement.children.get(name)
        if child is not None:
            edits += self._edits(child, *said, path)
        elif (flat := statement.beside.get(name)) is not None:
            for edit in self._edits(flat.children[name], *said, path):
                put_within(flat, edit, edits)
        else:
            self.object(path, name, "syntax error")

    def _wrapped(
        self, statement: Statement, members: dict[str, Any], path: list[str], skip: frozenset[str]
    ) -> list[Edit]:
        """What stands in an object that is not a statement, if nothing else is asked of it."""
        before = len(self.problems)
        self.no_attributes(members)
        return self.children(statement, members, path, skip) if len(self.problems) == before else []

    def _edits(
        self, statement: Statement, value: Any, attributes: Any, path: list[str]
    ) -> list[Edit]:
        if statement.is_branch and attributes is not None and not statement.flat:
            # Those of a branch stand within it (RFC 7952 §5.2.1).
            self.object(path, f"@{statement.name}", "syntax error", tag="bad-attribute")
            return []
        if statement.kind is Kind.LIST:
            entries = value if isinstance(value, list) else [value]
            found = [self._branch(statement, entry, path) for entry in entries]
            return [edit for edit in found if edit is not None]
        if statement.kind is Kind.CONTAINER:
            edit = self._branch(statement, _single(value), path)
            return [edit] if edit is not None else []
        edit = Edit(statement)
        if not self._values(edit, value, path):
            return []
        return [edit] if self._attributes(edit, _of_all(edit, attributes), path) else []

    def _values(self, edit: Edit, value: Any, path: list[str]) -> bool:
        values = value if isinstance(value, list) else [value]
        bad = _wrong(edit.statement, values)
        if bad is not None:
            self.object([*path, edit.statement.shown], bad, "syntax error")
        elif edit.statement.kind is not Kind.EMPTY:
            edit.values = [_text(item) for item in values if item is not None]
        return bad is None

    def _branch(self, statement: Statement, value: Any, path: list[str]) -> Edit | None:
        if value is None or value == [None]:
            value = {}
        if not isinstance(value, dict):
            self.object(path, statement.shown, "syntax error")
            return None
        edit = Edit(statement)
        skip = frozenset(key.name for key in statement.keys)
        if statement.kind is Kind.LIST and not self._keys(edit, value, path):
            return None
        if not self._attributes(edit, value.get("@"), path):
            return None
        edit.children = self.children(statement, value, [*path, *edit.words], skip)
        return edit

    def _keys(self, edit: Edit, members: dict[str, Any], path: list[str]) -> bool:
        keys = []
        named = not members.keys().isdisjoint(key.name for key in edit.statement.keys)
        if "@" in members and not named and not all(key.optional for key in edit.statement.keys):
            return True
        for key in edit.statement.keys:
            found = members.get(key.name, "" if key.optional else None)
            if found is None or isinstance(found, dict | list | bool):
                self.object(path, edit.statement.shown, "missing argument.")
                return False
            keys.append(str(found))
        edit.key = KEY_SEPARATOR.join(keys)
        return True

    def _attributes(self, edit: Edit, attributes: Any, path: list[str]) -> bool:
        if attributes is None:
            return True
        if not isinstance(attributes, dict):
            self.object(path, edit.statement.shown, "syntax error")
            return False
        for name, value in attributes.items():
            if not self._attribute(edit, name, value, attributes):
                self.object(path, name, "syntax error", tag="bad-attribute")
                return False
        return True

    def _attribute(self, edit: Edit, name: str, value: Any, given: dict[str, Any]) -> bool:
        references = {key.name for key in edit.statement.keys}
        if name == "operation" and value in {operation.value for operation in Operation}:
            edit.operation = Operation(value)
        elif name in ("inactive", "active", "protect", "unprotect") and isinstance(value, bool):
            if name.endswith("active"):
                edit.activate = (name == "active") is value
            else:
                edit.protect = (name == "protect") is value
        elif name == "comment" and isinstance(value, str):
            edit.comment = comment_of(value)
        elif name in ("insert", "rename") and isinstance(value, str):
            return _refer(edit, name, value, given)
        else:
            return name in references and ("insert" in given or "rename" in given)
        return True


def _wrong(statement: Statement, values: list[Any]) -> str | None:
    """What no leaf of that kind has for its values; None when it may have all of them."""
    if len(values) > 1 and statement.kind is not Kind.LEAF_LIST:
        return statement.shown
    if statement.kind is Kind.EMPTY:
        sound = values and (values[0] is None or values[0] is True)
        return None if sound else str(values[0] if values else values)[:40]
    if len(values) > 1 and None in values:
        return "null"
    plain = all(item is None or isinstance(item, bool | str) for item in values)
    return None if plain else statement.shown


def _text(value: bool | str) -> str:
    return value if isinstance(value, str) else "true" if value else "false"


def _refer(edit: Edit, name: str, value: str, given: dict[str, Any]) -> bool:
    """``"insert": "before", "name": "other"`` and ``"rename": "rename", "name": "new"``."""
    keys = [given.get(key.name) for key in edit.statement.keys]
    if not keys or not all(isinstance(key, str) for key in keys):
        return False
    reference = KEY_SEPARATOR.join(map(str, keys))
    if name == "rename":
        edit.rename = reference
        return value == "rename"
    edit.place = Place(value == "before", reference)
    edit.operation = edit.operation or Operation.NONE
    return value in ("before", "after")

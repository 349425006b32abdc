# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reader for Junos XML configuration, with Junos' attributes and RFC 6241 operations."""

from __future__ import annotations

from lxml import etree

from ..netconf.xml import local_name
from .edit import Edit, LoadError, Operation, edit_path
from .schema import Kind, Statement

_JUNOS_OPERATIONS = {"delete": Operation.DELETE, "replace": Operation.REPLACE}


def read_xml(root: Statement, configuration: etree._Element) -> tuple[list[Edit], list[LoadError]]:
    """Edits below a ``<configuration>`` element."""
    problems: list[LoadError] = []
    inner = list(configuration.iterchildren(tag=etree.Element))
    if len(inner) == 1 and local_name(inner[0]) == local_name(configuration):
        # ncclient wraps what it is given, also when that is rooted already.
        configuration = inner[0]
    return _children(root, configuration, [], problems), problems


def _children(
    statement: Statement,
    element: etree._Element,
    path: list[str],
    problems: list[LoadError],
    skip: etree._Element | None = None,
) -> list[Edit]:
    edits = []
    for child in element.iterchildren(tag=etree.Element):
        if child is skip:
            continue
        name = local_name(child)
        known = statement.children.get(name)
        if known is None:
            # <undocumented> and <comment> wrap what Junos shows; they are no statements.
            if name not in ("undocumented", "comment"):
                problems.append(LoadError(edit_path(path), name, "syntax error"))
            continue
        edit = _edit(known, child, path, problems)
        if edit is not None:
            edits.append(edit)
    return edits


def _edit(
    statement: Statement, element: etree._Element, path: list[str], problems: list[LoadError]
) -> Edit | None:
    edit = Edit(statement)
    _attributes(edit, element, path, problems)
    text = (element.text or "").strip()
    if statement.kind in (Kind.LEAF, Kind.LEAF_LIST):
        edit.values = [text] if text else []
        if any(True for _ in element.iterchildren(tag=etree.Element)):
            bad = local_name(next(element.iterchildren(tag=etree.Element)))
            problems.append(LoadError(edit_path([*path, statement.name]), bad, "syntax error"))
            return None
        if not edit.values and edit.operation not in (Operation.DELETE, Operation.REMOVE):
            problems.append(LoadError(edit_path(path), statement.name, "missing argument."))
            return None
    elif statement.kind is Kind.CONTAINER:
        edit.children = _children(statement, element, [*path, statement.name], problems)
    elif statement.kind is Kind.LIST:
        key = next(
            (
                child
                for child in element.iterchildren(tag=etree.Element)
                if local_name(child) == statement.key
            ),
            None,
        )
        if key is None:
            if edit.operation in (Operation.DELETE, Operation.REMOVE):
                return edit
            problems.append(LoadError(edit_path(path), statement.name, "missing argument."))
            return None
        edit.key = (key.text or "").strip()
        edit.children = _children(statement, element, [*path, *edit.words], problems, skip=key)
    return edit


def _attributes(
    edit: Edit, element: etree._Element, path: list[str], problems: list[LoadError]
) -> None:
    for name, value in element.attrib.items():
        plain = etree.QName(name).localname
        if plain == "operation":
            try:
                edit.operation = Operation(str(value))
            except ValueError:
                problems.append(
                    LoadError(edit_path(path), plain, "invalid operation", tag="bad-attribute")
                )
        elif plain in _JUNOS_OPERATIONS and value in (plain, ""):
            edit.operation = _JUNOS_OPERATIONS[plain]
        elif plain in ("inactive", "active"):
            edit.activate = plain == "active"

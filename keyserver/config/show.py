# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writers: a configuration as Junos XML, ``set`` commands and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from .layout import write_name, write_value
from .schema import KEY_SEPARATOR, Kind, Statement
from .show_text import to_text
from .tree import Item, Tree, items
from .values import in_json
from .words import quoted

__all__ = ["to_json", "to_set", "to_text", "to_xml"]

_UNDOCUMENTED = "undocumented"


@dataclass(frozen=True)
class _Names:
    """How elements and Junos' own attributes are called: namespaces in braces, or nothing."""

    own: str
    junos: str


def to_xml(
    statement: Statement, tree: Tree, element: etree._Element, junos: str = ""
) -> etree._Element:
    """Fill ``element`` (a ``<configuration>``, say) with the statements of ``tree``.

    ``junos`` is the namespace of comments and of the names of groups.
    """
    namespace = etree.QName(element).namespace
    own = f"{{{namespace}}}" if namespace else ""
    _fill(statement, tree, element, _Names(own, f"{{{junos}}}" if junos else own))
    return element


def _fill(statement: Statement, tree: Tree, element: etree._Element, names: _Names) -> None:
    for item in items(statement, tree):
        parent = element
        if item.statement.undocumented and not statement.undocumented:
            parent = etree.SubElement(element, names.own + _UNDOCUMENTED)
        _item_xml(item, parent, names)


def _item_xml(item: Item, parent: etree._Element, names: _Names) -> None:
    statement, prefix = item.statement, names.own
    if item.comment:
        etree.SubElement(parent, f"{names.junos}comment").text = item.comment
    values = item.value if statement.kind is Kind.LEAF_LIST else [item.value]
    for value in values:
        element = etree.SubElement(parent, prefix + statement.name)
        if not item.plain or item.group or item.groups:
            _mark(item, value, element, names)
        if isinstance(item.identity, tuple):
            for key, text in zip(
                statement.keys, item.identity[1].split(KEY_SEPARATOR), strict=False
            ):
                write_name(etree.SubElement(element, prefix + key.name), text)
        if statement.is_branch:
            _fill(statement, value, parent if statement.flat else element, names)
        elif statement.kind is not Kind.EMPTY:
            write_value(element, value)


def to_set(statement: Statement, tree: Tree, prefix: str = "set") -> Iterator[str]:
    """The ``set`` commands that build ``tree``, with ``deactivate`` and ``protect`` behind."""
    for item in items(statement, tree):
        path = " ".join([prefix, *item.opening])
        yield from _item_set(item, path)
        if item.statement.kind is Kind.LEAF and not item.statement.spelled:
            # Without its value nothing tells it from what it stands in.
            path = next(_item_set(item, path))
        if item.inactive:
            yield "deactivate" + path.removeprefix("set")
        if item.protected:
            yield "protect" + path.removeprefix("set")


def _mark(item: Item, value: Any, element: etree._Element, names: _Names) -> None:
    """What is said of a statement, or of one value of a leaf-list."""
    if item.inactive:
        element.set("inactive", "inactive")
    if item.protected:
        element.set("protect", "protect")
    group = item.groups.get(value) if item.groups else item.group
    if group is not None:
        element.set(f"{names.junos}group", group)


def _item_set(item: Item, path: str) -> Iterator[str]:
    statement = item.statement
    if statement.in_their_places:
        yield " ".join([path, *_in_their_places(item)])
    elif statement.is_branch:
        lines = iter(to_set(statement, item.value, path))
        first = next(lines, None)
        if first is None or _only_marks(first):
            yield path
        if first is not None:
            yield first
        yield from lines
    elif statement.kind is Kind.EMPTY:
        yield path
    else:
        values = item.value if statement.kind is Kind.LEAF_LIST else [item.value]
        for value in values:
            shown = quoted(value) if statement.is_secret else statement.written(value)
            yield f"{path} {shown if statement.spelled else item.apart(shown)}"


def _in_their_places(item: Item) -> Iterator[str]:
    for name in item.statement.in_their_places:
        if name in item.value:
            yield item.statement.children[name].written(item.value[name])


def _only_marks(line: str) -> bool:
    return not line.startswith("set ")


def to_json(statement: Statement, tree: Tree) -> dict[str, Any]:
    """Junos' JSON object of a configuration or branch."""
    members: dict[str, Any] = {}
    for item in items(statement, tree):
        target = members
        if item.statement.undocumented and not statement.undocumented:
            target = members.setdefault(_UNDOCUMENTED, {})
        _item_json(item, target)
    return members


def _item_json(item: Item, members: dict[str, Any]) -> None:
    statement = item.statement
    if not statement.is_branch:
        _leaf_json(item, members)
        return
    said, inner = _said(item), to_json(statement, item.value)
    if isinstance(item.identity, tuple):
        keys = zip(statement.keys, item.identity[1].split(KEY_SEPARATOR), strict=False)
        entry = {**said, **{key.name: in_json(key.check, text) for key, text in keys}, **inner}
        members.setdefault(statement.name, []).append(entry)
    elif statement.flat:
        members[statement.name] = said
        members.update(inner)
    else:
        # A device has [null] for braces that are empty.
        members[statement.name] = {**said, **inner} or [None]


def _leaf_json(item: Item, members: dict[str, Any]) -> None:
    name, said = item.statement.name, _said(item)
    members[name] = [None] if item.statement.kind is Kind.EMPTY else _value_json(item)
    if said:
        members[f"@{name}"] = said["@"]
    if item.groups:
        own = said.get("@", {})
        members[f"@{name}"] = [{**own, **_of_group(item.groups.get(value))} for value in item.value]


def _value_json(item: Item) -> Any:
    check = item.statement.check
    if item.statement.kind is Kind.LEAF_LIST:
        return [in_json(check, value) for value in item.value]
    return in_json(check, item.value)


def _said(item: Item) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if item.comment:
        attributes["comment"] = item.comment
    if item.inactive:
        attributes["inactive"] = True
    if item.protected:
        attributes["protect"] = True
    attributes |= _of_group(item.group)
    return {"@": attributes} if attributes else {}


def _of_group(group: str | None) -> dict[str, Any]:
    return {} if group is None else {"junos:group": group}

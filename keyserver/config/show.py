# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writers: a configuration as Junos XML, curly-brace text, ``set`` commands and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from .read_text import quote
from .schema import Kind, Statement
from .tree import Item, Tree, is_branch, items

SECRET_MARK = " ## SECRET-DATA"
INDENT = "    "


def to_xml(statement: Statement, tree: Tree, element: etree._Element) -> etree._Element:
    """Fill ``element`` (a ``<configuration>``, say) with the statements of ``tree``."""
    namespace = etree.QName(element).namespace
    _fill(statement, tree, element, f"{{{namespace}}}" if namespace else "")
    return element


def _fill(statement: Statement, tree: Tree, element: etree._Element, prefix: str) -> None:
    for item in items(statement, tree):
        _item_xml(item, element, prefix)


def _item_xml(item: Item, parent: etree._Element, prefix: str) -> None:
    statement = item.statement
    values = item.value if statement.kind is Kind.LEAF_LIST else [item.value]
    for value in values:
        element = etree.SubElement(parent, prefix + statement.name)
        if item.inactive:
            element.set("inactive", "inactive")
        if statement.kind is Kind.LIST:
            etree.SubElement(element, prefix + statement.key).text = item.identity[1]
        if is_branch(statement):
            _fill(statement, value, element, prefix)
        elif statement.kind is not Kind.EMPTY:
            element.text = value


def to_set(statement: Statement, tree: Tree, prefix: str = "set") -> Iterator[str]:
    """The ``set`` commands that build ``tree``, then ``deactivate`` for what is inactive."""
    inactive: list[str] = []
    for item in items(statement, tree):
        path = " ".join([prefix, *map(quote, item.words)])
        if item.inactive:
            inactive.append("deactivate" + path.removeprefix("set"))
        if is_branch(item.statement):
            lines = list(to_set(item.statement, item.value, path))
            yield from lines or [path]
        elif item.statement.kind is Kind.EMPTY:
            yield path
        else:
            values = item.value if item.statement.kind is Kind.LEAF_LIST else [item.value]
            for value in values:
                yield f"{path} {quote(value)}"
    yield from inactive


def leaf_text(item: Item) -> str:
    """A leaf, leaf-list or flag as one statement of curly-brace text."""
    words = " ".join(map(quote, item.words))
    if item.statement.kind is Kind.EMPTY:
        return f"{words};"
    if item.statement.kind is Kind.LEAF:
        shown = f'"{item.value}"' if item.statement.secret else quote(item.value)
        mark = SECRET_MARK if item.statement.secret else ""
        return f"{f'{words} {shown}'.strip()};{mark}"
    shown = " ".join(map(quote, item.value))
    return f"{words} [ {shown} ];" if len(item.value) > 1 else f"{words} {shown};"


def item_text(item: Item, indent: str = "") -> Iterator[str]:
    """One statement with everything below it as lines of curly-brace text."""
    tag = "inactive: " if item.inactive else ""
    if not is_branch(item.statement):
        yield f"{indent}{tag}{leaf_text(item)}"
        return
    words = " ".join(map(quote, item.words))
    inner = list(items(item.statement, item.value))
    if not inner:
        yield f"{indent}{tag}{words};"
    elif item.statement.oneliner:
        parts, mark = [words], ""
        for child in inner:
            for line in item_text(child):
                body, _, secret = line.partition(";")
                parts.append(body)
                mark = mark or secret
        yield f"{indent}{tag}{' '.join(parts)};{mark}"
    else:
        yield f"{indent}{tag}{words} {{"
        for child in inner:
            yield from item_text(child, indent + INDENT)
        yield f"{indent}}}"


def to_text(statement: Statement, tree: Tree) -> str:
    """Curly-brace text of a whole configuration or branch."""
    return "".join(f"{line}\n" for item in items(statement, tree) for line in item_text(item))


def to_json(statement: Statement, tree: Tree) -> dict[str, Any]:
    """Junos' JSON object of a configuration or branch."""
    members: dict[str, Any] = {}
    for item in items(statement, tree):
        name = item.statement.name
        if item.statement.kind is Kind.LIST:
            entry = {item.statement.key: item.identity[1], **to_json(item.statement, item.value)}
            if item.inactive:
                entry["@"] = {"inactive": True}
            members.setdefault(name, []).append(entry)
        elif item.statement.kind is Kind.CONTAINER:
            members[name] = to_json(item.statement, item.value)
            if item.inactive:
                members[name]["@"] = {"inactive": True}
        else:
            members[name] = [None] if item.statement.kind is Kind.EMPTY else item.value
            if item.inactive:
                members[f"@{name}"] = {"inactive": True}
    return members

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Change and configuration to and from Junos XML, set lines and curly-brace text.

XML is built and read as trees. Elements are matched by local name: the same statement comes in
Junos' own, NETCONF's, YANG's or no namespace, depending on the device's mode.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .errors import MalformedReply
from .libraries import etree
from .statements import (
    BLOCK,
    BY_NAME,
    HIERARCHY,
    Block,
    Generation,
    Value,
    ValueKind,
    ordered,
)
from .tree import Change, Group, GroupChange

INDENT = "    "


def parse_document(data: bytes) -> etree._Element:
    """The root of an XML document; entities and document types are refused."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise MalformedReply("XML with a document type or entities is refused")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
    )
    try:
        return etree.fromstring(data.strip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MalformedReply(f"malformed XML: {error}") from None


def local_name(element: etree._Element) -> str:
    """An element's name without namespace; empty for comments and instructions."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def text_of(element: etree._Element | None) -> str:
    """An element's own text without padding."""
    return "" if element is None else (element.text or "").strip()


def children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """Children of that local name."""
    return (child for child in element if local_name(child) == name)


def child(element: etree._Element, name: str) -> etree._Element | None:
    """The first child of that local name."""
    return next(children(element, name), None)


# Rendering


def _element(parent: etree._Element, name: str, value: Value | None = None) -> etree._Element:
    element = etree.SubElement(parent, name)
    if value is not None:
        element.text = str(value)
    return element


def _group_elements(root: etree._Element) -> etree._Element:
    here = root
    for name in HIERARCHY[:-1]:
        here = _element(here, name)
    return here


def read_filter() -> etree._Element:
    """The part of the configuration that the module needs: groups and IKE gateways."""
    root = etree.Element("configuration")
    server = _group_elements(root)
    _element(server, HIERARCHY[-1])
    _element(_element(server, "ike"), "gateway")
    return root


def change_xml(change: Change, generation: Generation) -> etree._Element:
    """``<configuration>`` for load-configuration (merge): only the difference."""
    root = etree.Element("configuration")
    server = _group_elements(root)
    for group in change.groups:
        entry = _element(server, HIERARCHY[-1])
        _element(entry, "name", group.group)
        block = _element(entry, BLOCK)
        if group.removes_block:
            block.set("delete", "delete")
            continue
        if group.was_inactive:
            block.set("active", "active")
        for option in group.removed:
            statement = BY_NAME[option.replace("_", "-")]
            _element(block, statement.name).set("delete", "delete")
        for statement, value in ordered(group.set, generation):
            _element(block, statement.name, value)
    return root


def blocks_xml(blocks: Mapping[str, Block | None], generation: Generation) -> etree._Element:
    """``<configuration>`` that holds the given settings."""
    new = tuple(GroupChange(name, None, block or {}) for name, block in blocks.items())
    return change_xml(Change(new), generation)


def to_string(element: etree._Element) -> str:
    """Indented XML text."""
    etree.indent(element, INDENT)
    text: str = etree.tostring(element, encoding="unicode")
    return text


_PLAIN = re.compile(r"[A-Za-z0-9_./:@*+=,%~^!?|-]+")


def quote(word: str) -> str:
    """A word as Junos takes it in set lines: quoted when it is not plain."""
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def set_lines(change: Change, generation: Generation) -> list[str]:
    """The change as ``set`` and ``delete`` commands."""
    lines = []
    for group in change.groups:
        path = " ".join([*HIERARCHY, quote(group.group), BLOCK])
        if group.removes_block:
            lines.append(f"delete {path}")
            continue
        if group.was_inactive:
            lines.append(f"activate {path}")
        lines += [f"delete {path} {BY_NAME[o.replace('_', '-')].name}" for o in group.removed]
        lines += [
            f"set {path} {statement.name} {quote(str(value))}"
            for statement, value in ordered(group.set, generation)
        ]
        if group.creates_block and not group.set:
            lines.append(f"set {path}")
    return lines


def diff_text(change: Change, generation: Generation) -> str:
    """The change as ``show | compare`` prints it."""
    lines: list[str] = []
    for group in change.groups:
        path = [*HIERARCHY, quote(group.group)]
        if group.creates_block or group.removes_block:
            sign = "-" if group.removes_block else "+"
            block = (group.before if group.removes_block else group.after) or {}
            lines += [f"[edit {' '.join(path)}]", f"{sign}{INDENT}{BLOCK} {{"]
            lines += [
                f"{sign}{INDENT * 2}{s.name} {quote(str(value))};"
                for s, value in ordered(block, generation)
            ]
            lines.append(f"{sign}{INDENT}}}")
            continue
        if group.was_inactive:
            lines += [f"[edit {' '.join(path)}]", f"!{INDENT}active: {BLOCK} {{ ... }}"]
        before, after = group.before or {}, group.after or {}
        touched = dict.fromkeys([*group.removed, *group.set], 0)
        if touched:
            lines.append(f"[edit {' '.join([*path, BLOCK])}]")
        for statement, _value_before in ordered(touched, generation):
            for sign, side in (("-", before), ("+", after)):
                if statement.option in side:
                    value = quote(str(side[statement.option]))
                    lines.append(f"{sign}{INDENT}{statement.name} {value};")
    return "".join(f"{line}\n" for line in lines)


# Parsing


def _value(name: str, text: str) -> tuple[str, Value] | None:
    statement = BY_NAME.get(name)
    if statement is None:
        return None
    if statement.kind is ValueKind.INTEGER:
        if not text.isdigit() or len(text) > 12:
            raise MalformedReply(f"{BLOCK} {name}: {text!r} is not a number")
        return statement.option, int(text)
    return statement.option, text


def _block(element: etree._Element | None) -> Block | None:
    if element is None:
        return None
    pairs = (
        _value(local_name(leaf), text_of(leaf)) for leaf in element if local_name(leaf) in BY_NAME
    )
    return dict(pair for pair in pairs if pair is not None)


def parse_xml(root: etree._Element) -> dict[str, Group]:
    """Groups of a configuration, wherever in the document it stands."""
    server = _find_server(root)
    if server is None:
        return {}
    dynamic = set()
    ike = child(server, "ike")
    for gateway in children(ike, "gateway") if ike is not None else ():
        if child(gateway, "dynamic") is not None:
            dynamic.add(text_of(child(gateway, "name")))
    groups = {}
    for entry in children(server, HIERARCHY[-1]):
        name = text_of(child(entry, "name"))
        if not name:
            raise MalformedReply("a group without a name")
        block = child(entry, BLOCK)
        gateways = [text_of(child(g, "name")) or text_of(g) for g in children(entry, "ike-gateway")]
        delay = text_of(child(entry, "activation-time-delay"))
        groups[name] = Group(
            name,
            _block(block),
            block is not None and block.get("inactive") is not None,
            tuple(g for g in gateways if g in dynamic),
            int(delay) if delay.isdigit() else None,
        )
    return groups


def _find_server(root: etree._Element) -> etree._Element | None:
    if local_name(root) == "server":
        return root
    for element in root.iter("{*}group-vpn"):
        return child(element, "server")
    return None


def parse_running(text: str) -> dict[str, Group]:
    """Groups of a configuration given as XML, set lines or curly-brace text."""
    stripped = text.lstrip()
    if stripped.startswith("<"):
        return parse_xml(parse_document(text.encode()))
    first = stripped.split(None, 1)[:1]
    if first in (["set"], ["delete"], ["activate"], ["deactivate"]):
        return _parse_set(text)
    return _parse_curly(text)


_WORD = re.compile(r'\s+|#[^\n]*|/\*.*?\*/|("(?:[^"\\]|\\.)*")|([{};\[\]])|([^\s{};\[\]"]+)', re.S)


def _words(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            raise MalformedReply(
                f"running_config: unreadable near {text[position : position + 20]!r}"
            )
        position = match.end()
        quoted, mark, word = match.groups()
        if quoted is not None:
            yield re.sub(r"\\(.)", r"\1", quoted[1:-1])
        elif mark or word:
            yield mark or word


def _parse_set(text: str) -> dict[str, Group]:
    blocks: dict[str, Block | None] = {}
    inactive: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        words = list(_words(line))
        if len(words) < 6 or tuple(words[1:5]) != HIERARCHY:
            continue
        verb, group, rest = words[0], words[5], words[6:]
        if verb == "set":
            blocks.setdefault(group, None)
        if not rest or rest[0] != BLOCK:
            continue
        if verb == "deactivate":
            inactive.add(group)
            continue
        if verb != "set":
            continue
        block = blocks[group] or {}
        blocks[group] = block
        pairs = rest[1:]
        if len(pairs) % 2:
            raise MalformedReply(f"running_config: line {number}: {pairs[-1]} has no value")
        for name, value in zip(pairs[::2], pairs[1::2], strict=True):
            pair = _value(name, value)
            if pair is not None:
                block[pair[0]] = pair[1]
    return {name: Group(name, block, name in inactive) for name, block in blocks.items()}


def _parse_curly(text: str) -> dict[str, Group]:
    """Walk the braces; a group is found wherever ``group NAME {`` stands below ``server``."""
    groups: dict[str, Group] = {}
    path: list[list[str]] = []
    statement: list[str] = []
    for word in _words(text):
        if word == "{":
            path.append(statement)
            statement = []
            name = _group_of(path)
            if name is not None:
                groups.setdefault(name, Group(name))
                if len(path) >= 2 and path[-1][-1:] == [BLOCK]:
                    inactive = "inactive:" in path[-1]
                    groups[name] = Group(name, {}, inactive)
        elif word in (";", "}"):
            if word == ";":
                _curly_leaf(groups, path, statement)
            elif not path:
                raise MalformedReply("running_config: unbalanced '}'")
            else:
                path.pop()
            statement = []
        else:
            statement.append(word)
    if path:
        raise MalformedReply("running_config: unbalanced '{'")
    return groups


def _group_of(path: list[list[str]]) -> str | None:
    for words in path:
        plain = [word for word in words if not word.endswith(":")]
        if len(plain) == 2 and plain[0] == HIERARCHY[-1]:
            return plain[1]
    return None


def _curly_leaf(groups: dict[str, Group], path: list[list[str]], statement: list[str]) -> None:
    name = _group_of(path)
    if name is None or path[-1][-1:] != [BLOCK] or len(statement) < 2:
        return
    pair = _value(statement[-2], statement[-1])
    block = groups[name].block
    if pair is not None and block is not None:
        block[pair[0]] = pair[1]

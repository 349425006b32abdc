# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings out of a configuration: Junos XML, set lines or curly-brace text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import MalformedReply
from ..netconf.libraries import etree
from ..netconf.xml import child, children, local_name, parse_document, text_of
from ..resources.server_member_communication import (
    BLOCK,
    BY_NAME,
    HIERARCHY,
    Block,
    Value,
    ValueKind,
)
from .plan import Group


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

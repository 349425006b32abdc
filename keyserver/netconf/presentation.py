# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Replies as the CLI's text and as JSON, and what pipes make of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import dropwhile

from lxml import etree

from ..config.layout import value_of
from .commands import Command, Filter
from .reply import xml_text
from .rpcs.platform import Elements
from .session import Content, Request
from .texts import cli_text
from .xml import local_name, serialize

MINIFIED = {"json-minified": "json", "xml-minified": "xml"}
"""Formats without the blanks that are there for people alone, and what they are with them."""


def minified(content: Content) -> Content:
    """A reply without blanks between its values."""
    return [_without_blanks(part) for part in content]


def _without_blanks(part: etree._Element | str) -> etree._Element | str:
    if isinstance(part, str):
        return json.dumps(json.loads(part), separators=(",", ":"))
    for element in part.iter(tag=etree.Element):
        if len(element) or element.text:
            # Without any text the reply would begin what is in it on a line of its own.
            element.text = value_of(element)
    return part


def as_text(elements: Elements, request: Request) -> Elements:
    """An operational reply as Junos' CLI text in ``<output>``."""
    text = "\n".join(cli_text(e) for e in elements)
    return [request.dialect.own("output", xml_text(f"\n{text}\n"))]


def as_json(elements: Elements) -> str:
    """An operational reply as Junos' JSON: each element a list, each text ``data``."""

    def value(element: etree._Element) -> object:
        inner = list(element.iterchildren(tag=etree.Element))
        if not inner:
            return {"data": (element.text or "").strip()}
        found: dict[str, list[object]] = {}
        for child in inner:
            found.setdefault(local_name(child), []).append(value(child))
        return found

    return json.dumps({local_name(e): [value(e)] for e in elements}, indent=4)


# Pipes

_FILTERS: dict[str, Callable[[list[str], Filter], list[str]]] = {
    "match": lambda lines, one: [line for line in lines if one.found_in(line)],
    "except": lambda lines, one: [line for line in lines if not one.found_in(line)],
    "find": lambda lines, one: list(dropwhile(lambda line: not one.found_in(line), lines)),
    "count": lambda lines, _: [f"Count: {len(lines)} lines"],
    "last": lambda lines, one: lines[max(0, len(lines) - one.amount) :],
    "trim": lambda lines, one: [line[one.amount :] for line in lines],
}
_TEXTS = ("output", "configuration-output", "configuration-text", "configuration-set")


def piped(content: Content, command: Command, request: Request) -> Content:
    """The reply of a command: filtered by its pipes, in the elements that clients look for.

    ``show configuration`` as text stands in ``configuration-information``, everything else that
    is text in ``output``; PyEZ's ``cli()`` and junos_command expect it so. Set lines that a pipe
    asks for are text, too; those that ``format="set"`` asks for stand in ``configuration-set``.
    """
    if command.relative:
        _make_relative(content, " ".join(command.path))
    of_configuration = command.of_configuration and not command.shows_rpc
    as_lines = of_configuration and (command.display == "text" or command.piped == "set")
    if not command.filters and not as_lines:
        return content
    lines = _lines(content, request)
    if as_lines and command.display == "text" and not command.compares:
        lines = _inside(lines, command.path)
    if as_lines and command.display == "set" and not command.filters and not any(lines):
        # Clients tell by the empty reply that nothing is configured there.
        return []
    text = xml_text("\n".join(["", *_filtered(lines, command), ""]))
    own = request.dialect.own
    if not of_configuration:
        return [own("output", text)]
    return [own("configuration-information", None, own("configuration-output", text))]


def _filtered(lines: list[str], command: Command) -> list[str]:
    for one in command.filters:
        lines = _FILTERS[one.name](lines, one)
    return lines


def _make_relative(content: Content, path: str) -> None:
    """Leave out of set lines the path that was asked for."""
    for part in content:
        if isinstance(part, str) or not path:
            continue
        lines = [line.replace(f" {path} ", " ", 1) for line in (part.text or "").split("\n")]
        part.text = "\n".join(line for line in lines if not line.endswith(f" {path}"))


def _inside(lines: list[str], path: tuple[str, ...]) -> list[str]:
    """What stands in these blocks, one in the other, as the CLI shows a path's content."""
    for depth in range(len(path)):
        head = next((at for at, line in enumerate(lines) if line.endswith("{")), None)
        if head is None:
            return _on_one_line(lines, " ".join(path[depth:]))
        lines = [line.removeprefix("    ") for line in lines[head + 1 : -1]]
    return lines


def _on_one_line(lines: list[str], opening: str) -> list[str]:
    """What is behind the words that lead to it, where no braces are; of an entry alone nothing."""
    found = (line.partition(f"{opening} ")[2] for line in lines)
    return [line for line in found if line]


def _lines(content: Content, request: Request) -> list[str]:
    """The text of a reply, or its XML where it is not text."""
    found: list[str] = []
    for part in content:
        if isinstance(part, str):
            found += part.strip("\n").split("\n")
            continue
        texts = [e for e in part.iter(tag=etree.Element) if local_name(e) in _TEXTS]
        if not texts:
            found += _as_lines(part, request)
        for one in texts:
            text = (one.text or "").strip("\n")
            found += text.split("\n") if text else []
    return found


def _as_lines(element: etree._Element, request: Request) -> list[str]:
    """XML in the reply's own prefixes, as it would have stood there."""
    request.dialect.reply().append(element)
    etree.indent(element, "    ")
    return serialize(element).decode().splitlines()

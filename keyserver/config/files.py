# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configuration files as people have them.

Text, set commands, XML or JSON, told apart by what they begin with; saved by a device, cut out of
a terminal or of a NETCONF reply, edited on another system. What stands around the configuration
(a byte order mark, CRLF, prompts, ``{primary:node0}``, ``[edit]``, the wrapper of an XML reply)
is left out, and every line keeps its number.
"""

from __future__ import annotations

import re
from dataclasses import replace

from lxml import etree

from .apply import apply
from .edit import Edit, LoadError, MalformedConfiguration, Operation, Severity, Tree
from .parsing import parse_apart
from .read_json import read_json
from .read_set import COMMANDS, read_set
from .read_text import read_text
from .read_xml import read_xml
from .schema import Statement

_PROMPT = re.compile(r"\s*[\w.-]+@[\w.:-]*[>#%](?P<line>.*)")
_AROUND = re.compile(
    r"\s*(\{(primary|secondary|master|backup|linecard)(:[\w-]+)?\}(\[edit[^\]]*\])?"
    r"|\[edit[^\[\]]*\]|---\(more[^)]*\)---|Entering configuration mode|commit complete"
    r"|load complete|Exiting configuration mode|Last login: .*|--- JUNOS .*"
    r"|cli|configure( (private|exclusive))?"
    r"|commit( and-quit| check| synchronize| force| confirmed( \d+)?"
    r'| comment ("[^"]*"|[\w.-]+))*)\s*'
)
_COMMENT_BLOCK = re.compile(r"^[ \t]*/\*.*?\*/[ \t]*$", re.DOTALL | re.MULTILINE)
_IN_QUOTES = re.compile(r'"(?:[^"\\]|\\.)*"')
_IN_BRACES = re.compile(r"[{;]")
_WRAPPERS = ("configuration", "configuration-text", "configuration-set", "configuration-json")


def read_file(schema: Statement, text: str) -> tuple[Tree, list[LoadError]]:
    """What a file says and what of it is not understood. Raises MalformedConfiguration."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if text.lstrip().startswith("<"):
        return _xml(schema, text)
    text = "\n".join(map(_bare, text.split("\n")))
    if text.lstrip().startswith("<"):
        return _xml(schema, text)
    if text.lstrip().startswith("{"):
        return _applied(schema, *read_json(schema, text))
    if _is_commands(schema, text):
        return _commands(schema, text)
    return _applied(schema, *read_text(schema, text))


def _bare(line: str) -> str:
    """A line without the prompt in front of it; nothing where the line is the CLI's own."""
    if _AROUND.fullmatch(line):
        return ""
    prompt = _PROMPT.fullmatch(line)
    if prompt is None:
        return line
    typed = prompt["line"].strip()
    if _IN_BRACES.search(typed):
        # No command: lines have become one.
        return line
    return typed if typed.partition(" ")[0] in COMMANDS else ""


def _is_commands(schema: Statement, text: str) -> bool:
    """True for set commands and their like: what the first line that says something begins with.

    A line that begins with neither a command nor a hierarchy says nothing; it is objected to later.
    """
    for line in _COMMENT_BLOCK.sub("", text).split("\n"):
        words = _IN_QUOTES.sub("", line).split("#", 1)[0].split()
        opens = any(word.endswith(("{", ";")) for word in words)
        if opens or (words and words[0] in schema.words):
            return False
        if words and words[0] in COMMANDS:
            return True
    return False


def _commands(schema: Statement, text: str) -> tuple[Tree, list[LoadError]]:
    tree: Tree = {}
    problems: list[LoadError] = []
    text = _COMMENT_BLOCK.sub(lambda block: "\n" * block[0].count("\n"), text)
    for edit in read_set(schema, text):
        if isinstance(edit, LoadError):
            problems.append(edit)
        else:
            problems += _carried_out(schema, tree, [edit])
    return tree, _errors(problems)


def _applied(
    schema: Statement, edits: list[Edit], problems: list[LoadError]
) -> tuple[Tree, list[LoadError]]:
    tree: Tree = {}
    return tree, _errors(problems + _carried_out(schema, tree, edits))


def _carried_out(schema: Statement, tree: Tree, edits: list[Edit]) -> list[LoadError]:
    """What is wrong with edits. Nothing needs to be there to be deleted, but to be moved."""
    problems: list[LoadError] = []
    for edit in edits:
        found = apply(schema, tree, [edit], Operation.MERGE)
        moved = _moves(edit) if found else False
        problems += [replace(p, severity=Severity.ERROR) for p in found] if moved else found
    return problems


def _moves(edit: Edit) -> bool:
    """Whether an edit gives something that is there another name or another place."""
    named = edit.rename is not None or edit.copy is not None or edit.place is not None
    return named or any(map(_moves, edit.children))


def _errors(problems: list[LoadError]) -> list[LoadError]:
    found = [problem for problem in problems if problem.severity is Severity.ERROR]
    return sorted(found, key=lambda problem: problem.line or 0)


def _xml(schema: Statement, text: str) -> tuple[Tree, list[LoadError]]:
    root = _root(text)
    wrapped = _outermost(root)
    if len(wrapped) > 1:
        raise MalformedConfiguration("syntax error: more than one configuration")
    found = wrapped[0] if wrapped else root
    if wrapped and _local_name(found) != _WRAPPERS[0]:
        return read_file(schema, found.text or "")
    if not wrapped and _local_name(root) not in schema.children:
        raise MalformedConfiguration(
            f"syntax error: <{_local_name(root)}>: <configuration> is expected"
        )
    if not wrapped:
        found = etree.Element(_WRAPPERS[0])
        found.append(root)
    return _applied(schema, *read_xml(schema, found))


def _root(text: str) -> etree._Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise MalformedConfiguration("document type declarations are not accepted")
    try:
        return parse_apart(_document(text), _parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MalformedConfiguration(f"syntax error: {error}") from None


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        # The text was read already; what it says of its octets is past.
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
    )


def _outermost(root: etree._Element) -> list[etree._Element]:
    """The configurations in a document; what stands in one is none."""
    if _local_name(root) in _WRAPPERS:
        return [root]
    return [found for part in root.iterchildren(tag=etree.Element) for found in _outermost(part)]


def _document(text: str) -> bytes:
    """An XML document without the prompts behind it. Raises ValueError for more than that."""
    end = text.rfind(">") + 1
    for number, line in enumerate(text[end:].split("\n"), start=text[:end].count("\n") + 1):
        if _bare(line).strip():
            raise ValueError(f"line {number}: '{line.strip()[:20]}' behind the configuration")
    return text[:end].strip().encode()


def _local_name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]

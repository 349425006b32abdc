# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Octets of a device to XML, and its elements by local name.

Devices send what no XML parser takes: control characters in a description, Latin-1, ``xmlns`` twice
(Junos 10.2R2). That is put right here, for replies read whole and for those read as a stream alike.
In replies read whole a ``<routing-engine>`` that is not closed (clusters in rfc-compliant mode) is
closed: checks and commits are answered so; no list is. There, too, a prefix that nobody declares is
one. Nothing else is mended: what breaks off or does not fit together is refused, because a reader
that guesses would report what it lost as absent.
"""

from __future__ import annotations

import codecs
import contextlib
import re
import threading
from collections.abc import Iterable, Iterator
from functools import cache

from ..errors import MalformedReply
from .libraries import etree

# XML 1.0 §2.2: neither these octets nor references to them may stand in a document.
_CONTROLS = bytes(octet for octet in range(0x20) if octet not in b"\t\n\r")
_CONTROL = re.compile(b"[" + re.escape(_CONTROLS) + b"]")
_REFERENCE = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|[xX]0*(?:[0-8bcefBCEF]|1[0-9a-fA-F]));"
)
_REPLACEMENT = "\ufffd".encode()
_TAG_WITH_NAMESPACE = re.compile(rb"<[^<>]*?xmlns[^<>]*>")
_NAMESPACE = re.compile(rb"""\s(xmlns(?::[\w.-]+)?)\s*=\s*(?:"[^"]*"|'[^']*')""")
_DECLARATION = re.compile(rb"\s*<\?xml\b[^>]*\?>")
_LONGEST_TAG = 64 * 1024
_LONGEST_REFERENCE = 12


@cache
def _decoder_errors() -> str:
    """The name of an error handler that reads an octet outside of UTF-8 as Latin-1."""

    def as_latin_1(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        return error.object[error.start : error.end].decode("latin-1"), error.end

    codecs.register_error("groupvpn.latin-1", as_latin_1)
    return "groupvpn.latin-1"


def clean(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The octets of one document as UTF-8, without a declaration and without what XML cannot hold.

    ``pieces`` may be cut anywhere, through characters and tags too.
    """
    decode = codecs.getincrementaldecoder("utf-8")(_decoder_errors()).decode
    held, begun = b"", False
    for piece in pieces:
        held += decode(piece).encode()
        if not begun:
            if b">" not in held and len(held) < _LONGEST_TAG:
                continue
            held, begun = _DECLARATION.sub(b"", held, count=1), True
        end = _complete(held)
        if end:
            ready, held = held[:end], held[end:]
            yield _repaired(ready)
    held += decode(b"", final=True).encode()
    if held:
        yield _repaired(held)


def _cleaned(data: bytes) -> bytes:
    """What :func:`clean` makes of a document that is there whole."""
    text = data.decode("utf-8", _decoder_errors()).encode().strip()
    return _repaired(_DECLARATION.sub(b"", text, count=1).lstrip())


def _complete(data: bytes) -> int:
    """Where a tag or reference begins that has not ended yet; else the end of ``data``."""
    start = data.rfind(b"<")
    if start < 0 or data.find(b">", start) >= 0 or len(data) - start > _LONGEST_TAG:
        start = len(data)
    reference = data.rfind(b"&", max(0, start - _LONGEST_REFERENCE), start)
    return reference if reference >= 0 and data.find(b";", reference, start) < 0 else start


def _repaired(data: bytes) -> bytes:
    # To delete is fast, to search is not.
    if len(data.translate(None, _CONTROLS)) != len(data):
        data = _CONTROL.sub(_REPLACEMENT, data)
    if b"&#" in data:
        data = _REFERENCE.sub(_REPLACEMENT, data)
    if data.count(b"xmlns") > 1:
        data = _TAG_WITH_NAMESPACE.sub(lambda tag: _with_namespaces_once(tag[0]), data)
    return data


def _with_namespaces_once(tag: bytes) -> bytes:
    seen: set[bytes] = set()

    def first(declaration: re.Match[bytes]) -> bytes:
        new = declaration[1] not in seen
        seen.add(declaration[1])
        return declaration[0] if new else b""

    return _NAMESPACE.sub(first, tag)


def parse_document(data: bytes) -> etree._Element:
    """The root of an XML document. Raises MalformedReply; entities are refused as well."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise MalformedReply("XML with a document type or entities is refused")
    with contextlib.suppress(etree.XMLSyntaxError, ValueError):
        # What needs no cleaning is most of what comes.
        return _parse(data)
    text = _cleaned(data)
    try:
        return _parse(text)
    except (etree.XMLSyntaxError, ValueError) as error:
        mended = _with_prefixes_declared(_with_engines_closed(text))
        if mended != text:
            with contextlib.suppress(etree.XMLSyntaxError, ValueError):
                return _parse(mended)
        raise MalformedReply(f"malformed XML: {error}") from None


class _Parsers(threading.local):
    """A parser for each thread.

    libxml2 keeps names in a dictionary. A thread that has parsed nothing yet takes over that of the
    parser that it uses; two that have parsed with the same one would write to one dictionary at the
    same time, for parsing lets go of the interpreter's lock: a name came out as another name.
    """

    def __init__(self) -> None:
        self.own = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=True,
            encoding="utf-8",
            remove_pis=True,
        )


@cache
def _parsers() -> _Parsers:
    return _Parsers()


def _parse(data: bytes) -> etree._Element:
    root = etree.fromstring(data, _parsers().own)
    if b"<!--" in data:
        _join_values(root)
    return root


def _join_values(root: etree._Element) -> None:
    """Take out comments within values, which they would cut.

    Those that stand alone stay: a device may say in one what it hides.
    """
    for comment in list(root.iter(etree.Comment)):
        parent = comment.getparent()
        pieces = [] if parent is None else [parent.text, *(node.tail for node in parent)]
        if any(piece and piece.strip() for piece in pieces):
            etree.strip_tags(parent, etree.Comment)


_MARKUP = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(/?)([\w:.-]+)[^<>]*?(/?)>", re.S)
_LEFT_OPEN = (b"routing-engine", b"commit-results")
_ENGINE, _ENDS_ENGINE = b"routing-engine", (b"ok", b"routing-engine")


def _with_engines_closed(data: bytes) -> bytes:
    """``data`` with an end tag for each ``<routing-engine>`` that its device forgot to close."""
    out: list[bytes] = []
    opened: list[bytes] = []
    copied = 0
    for match in _MARKUP.finditer(data):
        end, name, empty = match.groups()
        while name and opened and _ends_unclosed(opened[-1], name, bool(end)):
            out += [data[copied : match.start()], b"</" + opened.pop() + b">"]
            copied = match.start()
        if end and opened and opened[-1] == name:
            opened.pop()
        elif name and not end and not empty:
            opened.append(name)
    return b"".join([*out, data[copied:]])


def _ends_unclosed(opened: bytes, name: bytes, end: bool) -> bool:
    """Whether a tag cannot stand where it does unless ``opened`` was closed before it."""
    if end:
        return _local(opened) in _LEFT_OPEN and name != opened
    return _local(opened) == _ENGINE and _local(name) in _ENDS_ENGINE


_PREFIX = re.compile(rb"""<([\w.-]+):[\w.-]+|\s([\w.-]+):[\w.-]+\s*=\s*["']""")
_OWN_PREFIXES = (b"", b"xml", b"xmlns")


def _with_prefixes_declared(data: bytes) -> bytes:
    """``data`` with a namespace for each prefix that its root does not declare.

    What is cut out of a reply lacks the declarations of what was around it.
    """
    root = next((match for match in _MARKUP.finditer(data) if match[2]), None)
    if root is None:
        return data
    used = {prefix for found in _PREFIX.findall(data) for prefix in found}
    there = {name.removeprefix(b"xmlns:") for name in _NAMESPACE.findall(root[0])}
    new = sorted(used.difference(there, _OWN_PREFIXES))
    declared = b"".join(b' xmlns:%b="undeclared:/%b/"' % (prefix, prefix) for prefix in new)
    return data[: root.end(2)] + declared + data[root.end(2) :]


def _local(name: bytes) -> bytes:
    return name.rpartition(b":")[2]


def local_name(element: etree._Element) -> str:
    """An element's name without namespace; empty for comments and instructions."""
    tag = element.tag
    return tag[tag.rfind("}") + 1 :] if isinstance(tag, str) else ""


def seconds_in(stamp: etree._Element) -> float | None:
    """A device's time in seconds since the epoch, as its attribute tells; None without one."""
    told = (value for name, value in stamp.attrib.items() if name.endswith("seconds"))
    text = next(told, "")
    return float(text) if text.isdecimal() else None


def text_of(element: etree._Element | None) -> str:
    """An element's own text without padding."""
    return "" if element is None else (element.text or "").strip()


def children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """Children of that local name."""
    return (child for child in element if local_name(child) == name)


def child(element: etree._Element, name: str) -> etree._Element | None:
    """The first child of that local name."""
    return next(children(element, name), None)

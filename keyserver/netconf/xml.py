# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""XML at the edge: parsing what a client sent without trusting it, and writing replies."""

from __future__ import annotations

from lxml import etree

from ..config.parsing import is_alone, parse_apart
from .work import LIGHT

DEEPEST = 200


def _untrusting() -> etree.XMLParser:
    return etree.XMLParser(
        # RFC 6241 §3: messages are UTF-8, whatever they say of themselves. In UTF-16 a document
        # type would be read before it is seen.
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )


_FOR_LIGHT = _untrusting()
"""Made once, for it takes longer than what it does."""


class MalformedMessage(ValueError):
    """Bytes that are not an acceptable XML message."""


def local_name(element: etree._Element) -> str:
    """The element's name without its namespace."""
    return etree.QName(element).localname


def parse(message: bytes) -> etree._Element:
    """The root element of one message.

    Document type declarations are refused (no entity is ever expanded), as is nesting deeper
    than DEEPEST. Raises MalformedMessage.
    """
    if b"<!DOCTYPE" in message or b"<!ENTITY" in message:
        raise MalformedMessage("document type declarations are not accepted")
    try:
        root = _parsed(message.strip())
    except etree.XMLSyntaxError as error:
        raise MalformedMessage(error.msg) from None
    except ValueError as error:
        raise MalformedMessage(str(error)) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedMessage("document type declarations are not accepted")
    # In no encoding does an element that is open take fewer octets than "<a>".
    if len(message) > 3 * DEEPEST:
        _refuse_deep(root)
    return root


def _parsed(text: bytes) -> etree._Element:
    if len(text) <= LIGHT and is_alone():
        return etree.fromstring(text, _FOR_LIGHT)
    return parse_apart(text, _untrusting)


def _refuse_deep(root: etree._Element) -> None:
    deepest, _element = 0, root
    for event, _element in etree.iterwalk(root, events=("start", "end")):
        deepest += 1 if event == "start" else -1
        if deepest > DEEPEST:
            raise MalformedMessage(f"elements nested deeper than {DEEPEST}")


def serialize(element: etree._Element) -> bytes:
    """The element as bytes.

    US-ASCII with character references: a client that decodes each read on its own (ncclient with
    base:1.0 framing does) must not find half a character at the end of a read.
    """
    return etree.tostring(element, encoding="US-ASCII", xml_declaration=False)

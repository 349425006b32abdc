# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""XML at the edge: parsing what a client sent without trusting it, and writing replies."""

from __future__ import annotations

from lxml import etree

DEEPEST = 200


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
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(message.strip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MalformedMessage(str(error)) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedMessage("document type declarations are not accepted")
    deepest, _element = 0, root
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, _element in walker:
        deepest += 1 if event == "start" else -1
        if deepest > DEEPEST:
            raise MalformedMessage(f"elements nested deeper than {DEEPEST}")
    return root


def serialize(element: etree._Element) -> bytes:
    """The element as bytes.

    US-ASCII with character references: a client that decodes each read on its own (ncclient with
    base:1.0 framing does) must not find half a character at the end of a read.
    """
    return etree.tostring(element, encoding="US-ASCII", xml_declaration=False)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""XML of devices: parsed without entities, elements matched by local name.

The same statement comes in Junos' own, NETCONF's, YANG's or no namespace, depending on the
device's mode.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import MalformedReply
from .libraries import etree


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

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Blanks around a value in XML: whether they are of the value, or of how the document is laid out.

People and templates put a value on a line of its own. A value that could be taken for one of those
is written with ``xml:space="preserve"`` (XML 1.0 §2.10), so that it comes back as it is; so is one
without a character, which would be lost.
"""

from __future__ import annotations

from lxml import etree

SPACE = "{http://www.w3.org/XML/1998/namespace}space"
PRESERVED = "preserve"
_BLANKS = " \t\r\n"


def write_value(element: etree._Element, value: str) -> None:
    """Make ``value`` an element's text; what reads it again reads the same."""
    element.text = value
    if not value or _without_layout(value) != value:
        element.set(SPACE, PRESERVED)


def value_of(element: etree._Element) -> str:
    """An element's own text, whatever comments stand in it, without lines that only lay it out."""
    text = _whole(element)
    return text if element.get(SPACE) == PRESERVED else _without_layout(text)


def write_name(element: etree._Element, name: str) -> None:
    """Like :func:`write_value` for a name, around which blanks are rare and elsewhere layout."""
    element.text = name or None
    if name.strip(_BLANKS) != name:
        element.set(SPACE, PRESERVED)


def name_of(element: etree._Element) -> str:
    """Like :func:`value_of` for what seldom has blanks around it: names, numbers, words."""
    text = _whole(element)
    stripped = text.strip(_BLANKS)
    return text if "\n" in stripped or element.get(SPACE) == PRESERVED else stripped


def _whole(element: etree._Element) -> str:
    return "".join([element.text or "", *(child.tail or "" for child in element)])


def _without_layout(text: str) -> str:
    """A value of several lines is one as a whole; blanks within a line are the value's."""
    stripped = text.strip(_BLANKS)
    if not stripped or len(stripped) == len(text):
        return stripped
    around = text[: text.index(stripped)] + text[text.rindex(stripped) + len(stripped) :]
    return stripped if "\n" in around and "\n" not in stripped else text

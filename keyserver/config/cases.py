# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Entries that are named by one of several words (``exact``, ``upto``, ``add``), in XML.

Juniper's YANG has the word in a key ``choice-ident`` and what stands behind it in ``choice-value``.
A device writes so with ``yang-compliant``, and otherwise an element that is called by the word:
``<exact/>``, ``<upto>/24</upto>``. Both are read.
"""

from __future__ import annotations

from lxml import etree

from .namespaces import own_name
from .schema import Key, Statement
from .values import InvalidValue

_WORD, _VALUE = "choice-ident", "choice-value"
_ELEMENTS = {"=": "equal-literal", "+": "plus-literal", "-": "minus-literal"}
"""Words of the CLI that no element can be called by."""


def modelled_below(statement: Statement, element: etree._Element) -> None:
    """Make all entries in an element as the model has them."""
    for child in element.iterchildren(tag=etree.Element):
        known = statement.in_xml(own_name(str(child.tag)))
        if known is not None:
            modelled(known, child)
            modelled_below(known, child)


def modelled(statement: Statement, entry: etree._Element) -> None:
    """Make an entry's word a key of it, if it stands there as an element of its own."""
    key = next((one for one in statement.keys if one.name == _WORD), None)
    if key is None or entry.find("{*}" + _WORD) is not None:
        return
    for child in entry.iterchildren(tag=etree.Element):
        if _is_word(key, own_name(str(child.tag))):
            _parted(child)
            return


def _is_word(key: Key, name: str) -> bool:
    try:
        key.check(name)
    except InvalidValue:
        return False
    return True


def _parted(word: etree._Element) -> None:
    qualified = etree.QName(word)
    text, word.text = word.text, qualified.localname
    if (text or "").strip():
        value = etree.Element(etree.QName(qualified.namespace, _VALUE))
        value.text = text
        word.addnext(value)
    word.tag = etree.QName(qualified.namespace, _WORD).text


def by_words(element: etree._Element) -> etree._Element:
    """An element in which every such entry has an element called by its word."""
    for word in list(element.iter("{*}" + _WORD)):
        parent, value, name = word.getparent(), word.getnext(), word.text or ""
        word.tag = etree.QName(etree.QName(word).namespace, _ELEMENTS.get(name, name)).text
        word.text = None
        if parent is not None and value is not None and etree.QName(value).localname == _VALUE:
            word.text = value.text
            parent.remove(value)
    return element

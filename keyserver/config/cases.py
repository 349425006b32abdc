# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One of several words (``exact``, ``upto``, ``permit-all``), which devices have as an element.

Juniper's YANG has the word that names an entry in a key ``choice-ident`` and what stands behind it
in ``choice-value``; one that a branch has is the value of a leaf. A device writes so with
``yang-compliant``, and otherwise an element that is called by the word: ``<exact/>``,
``<upto>/24</upto>``, ``<permit-all/>``. Both are read.
"""

from __future__ import annotations

from typing import cast

from lxml import etree

from .layout import name_of
from .namespaces import own_name
from .schema import Kind, Statement
from .values import InvalidValue, ValueCheck

_WORD, _VALUE = "choice-ident", "choice-value"
_ELEMENTS = {"=": "equal-literal", "+": "plus-literal", "-": "minus-literal"}
"""Words of the CLI that no element can be called by."""
_LEAVES = {"default-policy": "default-action"}
"""Branches that have one of several words, and the leaf that it is the value of; where a device was
seen to write the word (junipernetworks.junos' junos_security_policies_global reads it so)."""


def is_word(branch: Statement, leaf: Statement) -> bool:
    """Whether devices have the leaf's value as an element."""
    return _LEAVES.get(branch.name) == leaf.name


def modelled_below(statement: Statement, element: etree._Element) -> None:
    """Make all words in an element as the model has them."""
    for child in element.iterchildren(tag=etree.Element):
        known = statement.in_xml(own_name(str(child.tag)))
        if known is not None and known.is_branch:
            modelled(known, child)
            modelled_below(known, child)


def modelled(statement: Statement, branch: etree._Element) -> None:
    """Make the word of an entry a key of it, that of a container a leaf's value."""
    if statement.kind is Kind.CONTAINER:
        leaf = statement.children.get(_LEAVES.get(statement.name, ""))
        word = None if leaf is None else _word(branch, leaf.check)
        if leaf is not None and word is not None and not name_of(word):
            _called(word, leaf.name)
        return
    key = next((one for one in statement.keys if one.name == _WORD), None)
    if key is None or branch.find("{*}" + _WORD) is not None:
        return
    if (word := _word(branch, key.check)) is not None:
        value = _called(word, _WORD)
        if value.strip():
            beside = etree.Element(etree.QName(etree.QName(word).namespace, _VALUE))
            beside.text = value
            word.addnext(beside)


def _word(branch: etree._Element, check: ValueCheck | None) -> etree._Element | None:
    """The child that is called by a word which the model has as a value."""
    children = branch.iterchildren(tag=etree.Element)
    return next((one for one in children if check and _takes(check, one)), None)


def _takes(check: ValueCheck, child: etree._Element) -> bool:
    try:
        check(own_name(str(child.tag)))
    except InvalidValue:
        return False
    return True


def _called(word: etree._Element, name: str) -> str:
    """Give an element another name, and its own as its text; the text that it had."""
    qualified = etree.QName(word)
    text, word.text = word.text or "", qualified.localname
    word.tag = etree.QName(qualified.namespace, name).text
    return text


def by_words(element: etree._Element) -> etree._Element:
    """An element in which what is one of several words is called by it."""
    for key in list(element.iter("{*}" + _WORD)):
        value = key.getnext()
        _by_word(key)
        if value is not None and etree.QName(value).localname == _VALUE:
            key.text = value.text
            cast("etree._Element", value.getparent()).remove(value)
    for branch, leaf in _LEAVES.items():
        for one in list(element.iter("{*}" + branch)):
            for value in one.findall("{*}" + leaf):
                _by_word(value)
    return element


def _by_word(element: etree._Element) -> None:
    word = element.text or ""
    element.tag = etree.QName(etree.QName(element).namespace, _ELEMENTS.get(word, word)).text
    element.text = None

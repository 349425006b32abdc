# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A path in the CLI's words as the XML that names the same statement."""

from __future__ import annotations

from lxml import etree

from .descent import Descent
from .edit import Edit, LoadError
from .layout import write_name
from .schema import KEY_SEPARATOR, Statement
from .words import Word


def name_in_xml(root: Statement, words: list[Word], parent: etree._Element) -> LoadError | None:
    """Put the elements that ``words`` lead through below ``parent``, or say what is not a word.

    A statement's word may be cut short, as an operator types it.
    """
    descent = Descent(root, [], cut_short=True)
    problem = descent.walk(words, naming=True)
    here: list[Edit] = descent.top[:1]
    while here and problem is None:
        parent = _element(here[0], parent)
        here = here[0].children[:1]
    return problem


def _element(edit: Edit, parent: etree._Element) -> etree._Element:
    element = etree.SubElement(parent, edit.statement.name)
    if edit.key is not None:
        for key, text in zip(edit.statement.keys, edit.key.split(KEY_SEPARATOR), strict=False):
            write_name(etree.SubElement(element, key.name), text)
    for value in edit.values:
        # What a branch must have; without the empty element all of the branch would be meant.
        etree.SubElement(parent, edit.statement.name).text = value
    return element

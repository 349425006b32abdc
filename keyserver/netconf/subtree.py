# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Selecting parts of a configuration: Junos' and RFC 6241 §6 subtree filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain
from typing import Any

from lxml import etree

from ..config.layout import name_of
from ..config.namespaces import own_name
from ..config.schema import KEY_SEPARATOR, Kind, Statement
from ..config.tree import MARKS, Tree
from .xml import local_name


def narrowed(statement: Statement, tree: Tree, wanted: Sequence[etree._Element]) -> Tree:
    """The branches of ``tree`` that the filters can select from; more than they select.

    It saves showing what would be thrown away: one entry of many costs what one costs.
    """
    asked: dict[str, list[etree._Element]] = {}
    for one in wanted:
        if not _selections(one):
            return tree
        for child in one.iterchildren(tag=etree.Element):
            asked.setdefault(_asked(child), []).append(child)
    kept: Tree = {name: value for name, value in tree.items() if name in MARKS}
    for name, elements in asked.items():
        child_statement = statement.children.get(name)
        if child_statement is None:
            if name not in {key.name for key in statement.keys}:
                return tree
        elif name in tree:
            kept[name] = _narrowed_child(child_statement, tree[name], elements)
    return kept


def _narrowed_child(statement: Statement, value: Any, wanted: list[etree._Element]) -> Any:
    if statement.kind is Kind.CONTAINER:
        return narrowed(statement, value, wanted)
    if statement.kind is not Kind.LIST:
        return value
    keys = [_key_of(statement, one) for one in wanted]
    if None in keys:
        return value
    named: dict[str, list[etree._Element]] = {}
    for key, one in zip(keys, wanted, strict=True):
        named.setdefault(key or "", []).append(one)
    # One entry is found without a look at the others; several keep the order that they have.
    order = named if len(named) == 1 else value
    return {
        key: narrowed(statement, value[key], named[key])
        for key in order
        if key in named and key in value
    }


def _key_of(statement: Statement, wanted: etree._Element) -> str | None:
    """The one entry that a filter names; None when it names none, or not by its whole key."""
    named = [wanted.find("{*}" + key.name) for key in statement.keys]
    texts = ["" if one is None else name_of(one) for one in named]
    return KEY_SEPARATOR.join(texts) if all(texts) else None


def select(
    statement: Statement, wanted: Sequence[etree._Element], found: etree._Element
) -> etree._Element | None:
    """The part of ``found``, a branch of that statement, that any of the filters ``wanted`` (same
    level) asks for; None for nothing.

    An element without children selects all below it; text is a content match; list entries
    are kept when all their content matches hold, together with their keys. ``found`` is taken
    apart for it.
    """
    return _select(statement, _Filters(wanted), found)


def _select(
    statement: Statement | None, filters: _Filters, found: etree._Element
) -> etree._Element | None:
    asked = filters.about(found)
    if not asked:
        return None
    if any(not _selections(one) for one in asked):
        return found
    matched = {_asked(match) for one in asked for match in _matches(one)}
    below = _below(asked)
    keys = statement.key_names if statement is not None else frozenset()
    children = list(found)
    kept = list(_parts(statement, matched | keys, below, children))
    bare = all(local_name(child) in keys for child in kept)
    if bare and keys.isdisjoint(matched) and keys.isdisjoint(below):
        return None
    if kept == children:
        # To put all of it elsewhere costs as much as to write it.
        return found
    part = _bare(found)
    part.extend(kept)
    return part


def _parts(
    statement: Statement | None,
    kept: Set[str],
    below: Mapping[str, _Filters],
    children: Iterable[etree._Element],
) -> Iterator[etree._Element]:
    """Of what is in a branch that which is ``kept``, and what filters choose of the rest."""
    for child in children:
        name = local_name(child)
        if name in kept:
            yield child
        elif name in below:
            within = statement.in_xml(name) if statement is not None else None
            chosen = _select(within, below[name], child)
            if chosen is not None:
                yield chosen


def _below(filters: Sequence[etree._Element]) -> dict[str, _Filters]:
    """What filters ask for one level further down, by name."""
    asked: dict[str, list[etree._Element]] = {}
    for selection in chain.from_iterable(map(_selections, filters)):
        asked.setdefault(_asked(selection), []).append(selection)
    return {name: _Filters(several) for name, several in asked.items()}


class _Filters:
    """Filters of one level, looked up by what they match: there may be as many as entries."""

    def __init__(self, wanted: Sequence[etree._Element]) -> None:
        self._by_first: dict[_Pair | None, list[tuple[etree._Element, frozenset[_Pair]]]] = {}
        for one in wanted:
            matches = [(_asked(match), _text(match)) for match in _matches(one)]
            alike = self._by_first.setdefault(matches[0] if matches else None, [])
            alike.append((one, frozenset(matches)))

    def about(self, found: etree._Element) -> list[etree._Element]:
        """The filters whose content matches are all in ``found``."""
        if self._by_first.keys() == {None}:
            return [one for one, _ in self._by_first[None]]
        held = {(local_name(child), _text(child)) for child in found}
        near = (pair for first in (None, *held) for pair in self._by_first.get(first, ()))
        return [one for one, matches in near if matches <= held]


_Pair = tuple[str, str]
"""The name of an element, and its text."""


def _text(element: etree._Element) -> str:
    return (element.text or "").strip()


def _asked(wanted: etree._Element) -> str:
    """What an element of a filter asks for; of somebody else's namespace nothing that is here."""
    return own_name(str(wanted.tag))


def _matches(wanted: etree._Element) -> list[etree._Element]:
    """Content match nodes: elements with text alone."""
    return [child for child in wanted.iterchildren(tag=etree.Element) if _is_match(child)]


def _selections(wanted: etree._Element) -> list[etree._Element]:
    """Containment and selection nodes."""
    return [child for child in wanted.iterchildren(tag=etree.Element) if not _is_match(child)]


def _is_match(child: etree._Element) -> bool:
    return bool(_text(child)) and not len(child)


def _bare(element: etree._Element) -> etree._Element:
    """The element without what is in it."""
    nsmap: Any = element.nsmap
    attributes = {str(name): str(value) for name, value in element.attrib.items()}
    return etree.Element(element.tag, attributes, nsmap=nsmap)

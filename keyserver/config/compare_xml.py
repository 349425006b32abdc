# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``show | compare | display xml``: the difference of two configurations as NETCONF would make it.

What differs stands in its branches, each statement with the operation of RFC 6241 §7.2 that leads
from the old configuration to the new one; where the user's order matters, with ``yang:insert`` of
RFC 7950 §7.8.6 behind what stands before it. Loading it into the old configuration gives the new.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from itertools import chain

from lxml import etree

from .cases import is_word
from .compare import Items, by_statement, in_order, out_of_order
from .layout import write_name, write_value
from .namespaces import NETCONF, YANG
from .predicates import predicates
from .schema import KEY_SEPARATOR, Kind, Statement
from .show import to_xml
from .tree import Identity, Item, Tree

_CREATE, _DELETE, _REPLACE = "create", "delete", "replace"


def difference_xml(
    statement: Statement, old: Tree, new: Tree, element: etree._Element, junos: str
) -> etree._Element:
    """Fill ``element`` with what makes ``new`` of ``old``; ``junos`` is the comments' namespace."""
    _Difference(etree.QName(element).namespace or "", junos).level(statement, old, new, element)
    return element


@dataclass(frozen=True)
class _Difference:
    own: str
    junos: str

    def level(self, statement: Statement, old: Tree, new: Tree, element: etree._Element) -> None:
        """The differences of one branch."""
        if old is new:
            return
        was, now = by_statement(statement, old), by_statement(statement, new)
        # What makes room for another of its choice goes first: with that, it would go.
        for name in chain.from_iterable(names for _, names in in_order(statement, was, now)):
            child = statement.children[name]
            before, after = was.get(name, {}), now.get(name, {})
            if child.kind is Kind.LEAF_LIST:
                self._values(child, _value(before), _value(after), element)
            else:
                gone = [item for identity, item in before.items() if identity not in after]
                element.extend(self._gone(item, whole=is_word(statement, child)) for item in gone)
            ordered = child.kind is Kind.LIST and child.user_ordered
            places = _places(before, after) if ordered else {}
            for identity, item in after.items():
                self._there(before.get(identity), item, element, places.get(identity))

    def _gone(self, item: Item, *, whole: bool) -> etree._Element:
        """A statement that goes, by its name, or ``whole`` with its value."""
        gone = self._named(item)
        return self._operation(self._fill(item, gone) if whole else gone, _DELETE)

    def _there(
        self, was: Item | None, now: Item, element: etree._Element, behind: str | None
    ) -> None:
        shown = self._named(now)
        if now.statement.kind is not Kind.LEAF_LIST:
            self._changed(was, now, shown)
        _mark(shown, was, now)
        _place(shown, now, behind)
        commented = now.comment != (was.comment if was is not None else None)
        if commented:
            comment = etree.SubElement(element, etree.QName(self.junos or None, "comment"))
            comment.text = now.comment
        if commented or shown.attrib or len(shown) > len(_keys(now)):
            self._add(element, shown, was, now)

    def _changed(self, was: Item | None, now: Item, shown: etree._Element) -> None:
        """What of a statement is new or another."""
        if was is None:
            self._operation(shown, _CREATE)
            self._fill(now, shown)
        elif now.statement.vanishing and was.value and not now.value:
            # Without its statements it would go.
            self._operation(shown, _REPLACE)
        elif now.statement.is_branch:
            self.level(now.statement, was.value, now.value, shown)
        elif was.value != now.value:
            self._operation(self._fill(now, shown), _REPLACE)

    def _add(
        self, element: etree._Element, shown: etree._Element, was: Item | None, now: Item
    ) -> None:
        """A difference, with what belongs beside it."""
        if not now.statement.is_branch and not len(shown):
            self._fill(now, shown)
        element.append(shown)
        if now.statement.kind is Kind.LEAF_LIST:
            element.extend(self._others(now, shown))
        if now.statement.flat:
            element.extend(self._beside(shown, new=was is None))

    def _others(self, item: Item, shown: etree._Element) -> list[etree._Element]:
        """The same said of the other values, for it is said of all."""
        others = [deepcopy(shown) for _ in item.value[1:]]
        for other, value in zip(others, item.value[1:], strict=True):
            write_value(other, value)
        return others

    def _beside(self, shown: etree._Element, *, new: bool) -> list[etree._Element]:
        """What stands in XML beside its container."""
        values = list(shown)
        return [self._operation(one, _CREATE) if new else one for one in values]

    def _fill(self, item: Item, shown: etree._Element) -> etree._Element:
        if item.statement.is_branch:
            to_xml(item.statement, item.value, shown, self.junos)
        elif item.statement.kind is Kind.LEAF_LIST:
            write_value(shown, item.value[0])
        elif item.statement.kind is not Kind.EMPTY:
            write_value(shown, item.value)
        return shown

    def _values(
        self, statement: Statement, old: list[str], new: list[str], element: etree._Element
    ) -> None:
        kept = [value for value in old if value in set(new)]
        added = [value for value in new if value not in set(old)]
        for value in old:
            if value not in set(new):
                self._operation(self._one_value(statement, value, element), _DELETE)
        if [*kept, *added] == new:
            for value in added:
                self._operation(self._one_value(statement, value, element), _CREATE)
            return
        for before, value in zip(["", *new], new, strict=False):
            shown = self._one_value(statement, value, element)
            shown.set(etree.QName(YANG, "insert"), "after" if before else "first")
            if before:
                shown.set(etree.QName(YANG, "value"), before)

    def _one_value(
        self, statement: Statement, value: str, element: etree._Element
    ) -> etree._Element:
        shown = etree.SubElement(element, etree.QName(self.own or None, statement.name))
        write_value(shown, value)
        return shown

    def _named(self, item: Item) -> etree._Element:
        """The statement with its keys."""
        shown = etree.Element(etree.QName(self.own or None, item.statement.name))
        for key, text in _keys(item):
            write_name(etree.SubElement(shown, etree.QName(self.own or None, key)), text)
        return shown

    @staticmethod
    def _operation(element: etree._Element, operation: str) -> etree._Element:
        element.set(etree.QName(NETCONF, "operation"), operation)
        return element


def _value(held: Items) -> list[str]:
    return next((item.value for item in held.values()), [])


def _keys(item: Item) -> list[tuple[str, str]]:
    if not isinstance(item.identity, tuple):
        return []
    values = item.identity[1].split(KEY_SEPARATOR)
    return [(key.name, text) for key, text in zip(item.statement.keys, values, strict=False)]


def _mark(shown: etree._Element, was: Item | None, now: Item) -> None:
    for before, after, on, off in (
        (was is not None and was.inactive, now.inactive, "inactive", "active"),
        (was is not None and was.protected, now.protected, "protect", "unprotect"),
    ):
        if before != after:
            word = on if after else off
            shown.set(word, word)


def _place(shown: etree._Element, item: Item, behind: str | None) -> None:
    """Behind another entry, or in front of all for an empty name."""
    if behind is None:
        return
    shown.set(etree.QName(YANG, "insert"), "after" if behind else "first")
    if behind:
        shown.set(etree.QName(YANG, "key"), predicates(item.statement, behind))


def _places(before: Items, after: Items) -> dict[Identity, str]:
    """The entries that are not where appending would put them: each behind which other one."""
    moved = set(out_of_order(before, after))
    left = sum(identity in after for identity in before)
    places: dict[Identity, str] = {}
    previous = ""
    for identity in after:
        if identity in moved or (identity not in before and left):
            places[identity] = previous
        left -= identity in before
        previous = identity[1]
    return places

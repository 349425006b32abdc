# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``show | compare``: the difference of two configurations as Junos lays it out.

Each place that changed has an ``[edit ...]`` heading, below it the statements that go (``-``) and
come (``+``), whole branches with everything in them. The layout is unpublished; it follows what
devices printed in public (``docs/architecture.md`` names the samples):

- the first entry under a heading sets the indentation of all of them: a leaf, or a list in braces
  of its own, stands one column behind the levels of the heading's path, any other branch two; every
  deeper level four further;
- the entries of a list stand under a heading of their own, unless all of them come, or go, directly
  behind something else that does;
- what comes in the place of something that it excludes stands right behind that, where the first
  of the two is shown;
- behind a branch that both have, and that does not differ, the heading stands once more;
- in a list that the user orders, the entries before and behind what is new are named as context,
  with a blank for a sign; what goes stands behind all that comes;
- ``!`` marks what moved in such a list, and, one column further, what was (de)activated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from .compare_page import Page, Place
from .schema import Kind, Statement
from .tree import Identity, Item, Tree, items, order_of


def compare(statement: Statement, old: Tree, new: Tree) -> str:
    """Junos' compare text; empty when there is no difference."""
    page = Page()
    _level(page, statement, old, new, Place())
    return "".join(f"{line}\n" for line in page.lines)


def _level(page: Page, statement: Statement, old: Tree, new: Tree, place: Place) -> None:
    if old is new:
        return
    was, now = by_statement(statement, old), by_statement(statement, new)
    for first, names in in_order(statement, was, now):
        page.lead = first if len(names) > 1 else None
        for name in names:
            child, said = statement.children[name], len(page.lines)
            _child(page, child, was.get(name, {}), now.get(name, {}), place)
            if len(page.lines) == said:
                page.passed(place, child)


def _child(page: Page, child: Statement, before: Items, after: Items, place: Place) -> None:
    """One leaf or container, or one list with all its entries."""
    if child.homogeneous and child.spelled:
        if child.kind is Kind.CONTAINER and before and after:
            _repeating(page, child, before, after, place)
            return
        if child.kind is Kind.LIST:
            if not (before and after):
                page.whole("+" if after else "-", place, child, [*(after or before).values()])
                return
            place = place.shared(child)
    if child.kind is not Kind.LIST:
        _sorted(page, before, after, place)
        return
    with page.listed(place, "" if before and after else "+" if after else "-"):
        (_ordered if child.user_ordered else _sorted)(page, before, after, place)


def _repeating(page: Page, child: Statement, before: Items, after: Items, place: Place) -> None:
    was, now = before[child.name], after[child.name]
    _said(page, was, now, place)
    _level(page, child, was.value, now.value, place.repeating(child))


Items = dict[Identity, Item]


def by_statement(statement: Statement, tree: Tree) -> dict[str, Items]:
    """What stands in a branch, by the names of its statements."""
    found: dict[str, Items] = {}
    for item in items(statement, tree):
        found.setdefault(item.statement.name, {})[item.identity] = item
    return found


def in_order(
    statement: Statement, was: dict[str, Items], now: dict[str, Items]
) -> Iterator[tuple[Statement, list[str]]]:
    """What is shown first, and its name with those of which one comes for the others, it last."""
    place = {
        gone: name
        for name in now.keys() - was.keys()
        for gone in statement.excluded.get(name, frozenset()) & was.keys() - now.keys()
    }
    found: dict[str, list[str]] = {}
    for name in sorted({**was, **now}, key=statement.rank.__getitem__):
        found.setdefault(place.get(name, name), []).append(name)
    for names in found.values():
        yield statement.children[names[0]], sorted(names, key=now.__contains__)


def _sorted(page: Page, before: Items, after: Items, place: Place) -> None:
    """A leaf or container, or the entries of a list whose order means nothing."""
    both = {**before, **after}
    for identity in sorted(both, key=lambda one: _shown(both[one], one)):
        was, now = before.get(identity), after.get(identity)
        if was is None or now is None:
            _come_or_gone(page, was, now, place)
        else:
            _both(page, was, now, place)


def _shown(item: Item, identity: Identity) -> tuple[object, ...]:
    return order_of(item.statement)(identity[1]) if isinstance(identity, tuple) else ()


def _ordered(page: Page, before: Items, after: Items, place: Place) -> None:
    _moves(page, before, after, place)
    for gap in _gaps(before, after):
        if gap.added and gap.behind is not None:
            page.context(place, gap.behind)
        for item in gap.added:
            page.put("+", place, item)
        if gap.added and gap.next is not None:
            page.context(place, gap.next)
        if gap.next is not None:
            _both(page, before[gap.next.identity], gap.next, place)
    for identity, item in before.items():
        if identity not in after:
            page.put("-", place, item)


def _moves(page: Page, before: Items, after: Items, place: Place) -> None:
    """Name the entries that are not where the old order would have them."""
    moved = list(out_of_order(before, after))
    if not moved:
        return
    kept = [identity for identity in after if identity in before]
    page.leave()
    for previous in kept[: kept.index(moved[0])][-1:]:
        page.name(" ", place, after[previous])
    for identity in moved:
        page.name("!", place, after[identity])
    page.leave()


def out_of_order(before: Items, after: Items) -> Iterator[Identity]:
    """The entries that are not the next one of the old order that is still expected."""
    expected = deque(identity for identity in before if identity in after)
    moved: set[Identity] = set()
    for identity in (one for one in after if one in before):
        while expected[0] in moved:
            expected.popleft()
        if expected[0] == identity:
            expected.popleft()
        else:
            moved.add(identity)
            yield identity


@dataclass
class _Gap:
    """What came between two entries that both configurations have."""

    behind: Item | None
    added: list[Item] = field(default_factory=list)
    next: Item | None = None


def _gaps(before: Items, after: Items) -> Iterator[_Gap]:
    gap = _Gap(None)
    for identity, item in after.items():
        if identity in before:
            gap.next = item
            yield gap
            gap = _Gap(item)
        else:
            gap.added.append(item)
    yield gap


def _come_or_gone(page: Page, was: Item | None, now: Item | None, place: Place) -> None:
    if was is not None:
        page.put("-", place, was)
    if now is not None:
        page.put("+", place, now)


def _both(page: Page, was: Item, now: Item, place: Place) -> None:
    if not now.statement.is_branch or now.statement.in_their_places or _is_another(was, now):
        if (was.value, was.inactive) != (now.value, now.inactive):
            _come_or_gone(page, was, now, place)
            return
        _said(page, was, now, place)
        return
    _said(page, was, now, place)
    if was.value is not now.value:
        said, under = len(page.lines), page.under
        _level(page, now.statement, was.value, now.value, place.below(now))
        page.under = under if len(page.lines) == said else None


def _is_another(was: Item, now: Item) -> bool:
    """Whether a container that is one line has another value behind its word.

    Devices show another line then (junipernetworks.junos' integration tests of junos_vrf). An entry
    that would go with its last statement, and stays, is another one, too.
    """
    statement, plain = now.statement, now.statement.plain
    if statement.vanishing:
        return bool(was.value) and not now.value
    if plain is None or statement.kind is not Kind.CONTAINER:
        return False
    values = (was.value.get(plain.name), now.value.get(plain.name))
    alone = len(was.value) == len(now.value) == 1
    one_line = statement.oneliner or (statement.terse and alone)
    return one_line and None not in values and values[0] != values[1]


def _said(page: Page, was: Item, now: Item, place: Place) -> None:
    """What changed of what is said about a statement: its marks and its comment."""
    for before, after, on, off in (
        (was.inactive, now.inactive, "inactive:", "active:"),
        (was.protected, now.protected, "protect:", "unprotect:"),
    ):
        if before != after:
            page.mark(place, now, on if after else off)
    if was.comment != now.comment:
        for sign, text in (("-", was.comment), ("+", now.comment)):
            if text:
                page.say(sign, place, now, text)
        page.name(" ", place, now)

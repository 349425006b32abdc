# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``show | compare``: the difference of two configurations in Junos' form.

For each level that changed there is one ``[edit ...]`` heading, below it the statements that go
(``-``) and come (``+``), whole branches with everything in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .read_text import quote
from .schema import Statement
from .show import item_text
from .tree import Identity, Item, Tree, is_branch, items


def compare(statement: Statement, old: Tree, new: Tree) -> str:
    """Junos' compare text; empty when there is no difference."""
    return "".join(f"{line}\n" for line in _level(statement, old, new, []))


def _level(statement: Statement, old: Tree, new: Tree, path: list[str]) -> Iterator[str]:
    was = {item.identity: item for item in items(statement, old)}
    now = {item.identity: item for item in items(statement, new)}
    changes = list(_changes(statement, was, now))
    if changes:
        yield f"[edit {' '.join(map(quote, path))}]" if path else "[edit]"
        yield from changes
    for identity, item in now.items():
        before = was.get(identity)
        if before is not None and is_branch(item.statement):
            yield from _level(item.statement, before.value, item.value, [*path, *item.words])


def _changes(
    statement: Statement, was: dict[Identity, Item], now: dict[Identity, Item]
) -> Iterator[str]:
    for identity in sorted({**was, **now}, key=_order(statement, was, now)):
        before, after = was.get(identity), now.get(identity)
        if before is None or after is None:
            sign, item = ("-", before) if after is None else ("+", after)
            assert item is not None
            yield from _signed(sign, item)
        elif is_branch(after.statement):
            if before.inactive != after.inactive:
                word = "inactive" if after.inactive else "active"
                yield f"!    {word}: {' '.join(map(quote, after.words))} {{ ... }}"
        elif before.value != after.value or before.inactive != after.inactive:
            yield from _signed("-", before)
            yield from _signed("+", after)


def _order(
    statement: Statement, was: dict[Identity, Item], now: dict[Identity, Item]
) -> Callable[[Identity], tuple[int, int]]:
    places = {identity: place for place, identity in enumerate([*was, *now])}

    def rank(identity: Identity) -> tuple[int, int]:
        name = identity[0] if isinstance(identity, tuple) else identity
        return statement.rank(name), places[identity]

    return rank


def _signed(sign: str, item: Item) -> Iterator[str]:
    for line in item_text(item):
        yield f"{sign}    {line}"

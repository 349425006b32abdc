# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a configuration holds a change that was loaded into it earlier, whatever it is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..netconf.libraries import etree
from ..netconf.xml import child, children, local_name, text_of
from .secret import MASK, read_secret

_Held = Mapping[tuple[str, str], Sequence[Any]]
"""Elements; modules are also imported where there is no lxml that could be named here."""


def selection(change: etree._Element) -> etree._Element:
    """The filter that selects what a change touches: as a whole what has leaves in it.

    Who names a part beside the key of an entry gets that part of it and no other. Where an entry
    has got another place, its neighbours tell.
    """
    selected = etree.Element(local_name(change))
    for name in children(change, "name"):
        etree.SubElement(selected, "name").text = text_of(name)
    parts = [part for part in change if local_name(part) not in ("", "name")]
    if all(len(part) and part.get("insert") is None for part in parts):
        selected.extend(map(selection, parts))
    return selected


def lacking(reply: etree._Element, change: etree._Element) -> list[str]:
    """What of a change a configuration does not hold, as paths; ``reply`` may enclose it."""
    return list(_lacking(_enclosed(reply, change), change, ()))


def asleep(reply: etree._Element, change: etree._Element) -> list[str]:
    """What of a change a configuration holds deactivated, as paths."""
    if all(element.get("inactive") is None for element in reply.iter("*")):
        return []
    return list(dict.fromkeys(_asleep(_enclosed(reply, change), change, ())))


def _enclosed(reply: etree._Element, change: etree._Element) -> etree._Element | None:
    name = local_name(change)
    return reply if local_name(reply) == name else next(reply.iter(f"{{*}}{name}"), None)


def _asleep(
    there: etree._Element | None, change: etree._Element, path: tuple[str, ...]
) -> Iterator[str]:
    held = _held(there)
    for part in change:
        name = local_name(part)
        if name in ("", "name") or part.get("delete") is not None:
            continue
        here = tuple(filter(None, (*path, name, text_of(child(part, "name")))))
        for found in _found(held, part):
            if found.get("inactive") is not None:
                yield " ".join(here)
            else:
                yield from _asleep(found, part, here)


def _lacking(
    there: etree._Element | None, change: etree._Element, path: tuple[str, ...]
) -> Iterator[str]:
    held = _held(there)
    for part in change:
        name = local_name(part)
        if not name or name == "name":
            continue
        found = _found(held, part)
        if part.get("delete") is None:
            yield from _not_there(held, found, part, path)
            continue
        # A value that changes its place is taken away, and set anew.
        anew = (one for one in children(change, name) if one.get("delete") is None)
        if found and not any(_may_be(one, part) for one in anew):
            yield f"{' '.join(_named(part, path))} is still there"
    yield from _displaced(held, change, path)


def _named(part: etree._Element, path: tuple[str, ...]) -> tuple[str, ...]:
    key = text_of(child(part, "name"))
    return (*path, local_name(part), key) if key else (*path, local_name(part))


def _not_there(
    held: _Held, found: list[etree._Element], part: etree._Element, path: tuple[str, ...]
) -> Iterator[str]:
    """What of a statement is not among those ``found`` that it may be."""
    here, name = _named(part, path), local_name(part)
    if len(part):
        # Where entries have keys of other names, it is the one that lacks least.
        yield from min((list(_lacking(e, part, here)) for e in found or [None]), key=len)
        if not found and len(part) == 1 and here[-1] != name:
            yield " ".join(here)
    elif not any(_holds(text_of(e), text_of(part)) for e in found or held.get((name, ""), ())):
        yield " ".join(filter(None, [*here, text_of(part)]))


def _displaced(held: _Held, change: etree._Element, path: tuple[str, ...]) -> Iterator[str]:
    """Entries that do not stand where a change has put them."""
    moved = [part for part in change if part.get("insert") is not None]
    for name in dict.fromkeys(map(local_name, moved)):
        order = {text_of(child(e, "name")): n for n, e in enumerate(held.get((name, ""), ()))}
        for part in (part for part in moved if local_name(part) == name):
            key = text_of(child(part, "name"))
            if not _is_in_place(order, key, part.get("name")):
                yield f"{' '.join((*path, name, key))} in its place"


def _is_in_place(order: Mapping[str, int], key: str, before: str | None) -> bool:
    """Whether an entry stands behind the one that it was put behind, or first of all."""
    if key not in order or (before is not None and before not in order):
        return True
    return order[key] == 0 if before is None else order[before] < order[key]


def _found(held: _Held, part: etree._Element) -> list[etree._Element]:
    """What a part of a change may be about."""
    return [e for e in held.get((local_name(part), _told_by(part)), ()) if _may_be(e, part)]


def _held(there: etree._Element | None) -> _Held:
    """What is below an element by its name, and by that and what tells it from others.

    A server may have a thousand gateways: to go through all of them for each takes seconds.
    """
    held: dict[tuple[str, str], list[etree._Element]] = defaultdict(list)
    for element in () if there is None else there:
        for key in dict.fromkeys(("", _told_by(element))):
            held[local_name(element), key].append(element)
    return held


def _told_by(element: etree._Element) -> str:
    """What tells an element from others of its name: its key, or its value."""
    return text_of(child(element, "name")) or text_of(element)


def _may_be(element: etree._Element, part: etree._Element) -> bool:
    """Whether a part of a change may be about an element of its name."""
    keys = [*children(part, "name")]
    if part.get("delete") is not None:
        # All that it says is what goes: its keys, or a value of several.
        keys = [one for one in part if local_name(one)]
        if not keys and text_of(part) not in ("", text_of(element)):
            return False
    return all(text_of(child(element, local_name(one))) == text_of(one) for one in keys)


def _holds(value: str, wanted: str) -> bool:
    """Whether a value may be what a change has set; a result of a module masks its secrets."""
    there = read_secret(value)
    return wanted == MASK or there.is_opaque or there == read_secret(wanted)

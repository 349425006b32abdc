# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether what somebody has in hand is what the modules gather, which hands and files mangle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ..engine.options import options
from ..engine.shape import Given
from .configurations import RESOURCES

_TYPES: Mapping[str, tuple[Any, str]] = {
    "dict": (Mapping, "a mapping"),
    "list": (list, "a list"),
    "int": (int, "a whole number"),
    "bool": (bool, "true or false"),
    "str": (str, "a text"),
    # A key, which devices do not give back, and which somebody may have filled in.
    "raw": ((Mapping, str), "a text or a mapping"),
}
_LONGEST = 40
"""Characters of a wrong value that are repeated."""
_TEXTS: Mapping[str, Any] = {"type": "list", "elements": "str"}
_ASIDE: Mapping[str, Any] = {"generation": {"type": "str"}, "inactive": _TEXTS, "unread": _TEXTS}


def objections(given: Any) -> Iterator[str]:
    """What is wrong with ``server``, ``member`` and what stands beside them, of one host.

    A value that no device takes is not: it is what the device has.
    """
    if not isinstance(given, Mapping):
        yield f"{repr(given)[:_LONGEST]}: a mapping with 'server' and 'member' is expected"
        return
    wrong = list(_parts(_host(), given, ""))
    if given.keys().isdisjoint(RESOURCES):
        wrong.append("neither 'server' nor 'member' is there")
    yield from wrong or _twice(given)


@cache
def _host() -> Mapping[str, Any]:
    sides = {
        side: {"type": "dict", "options": options(resource.asked)}
        for side, resource in RESOURCES.items()
    }
    return {**sides, **_ASIDE}


def _parts(known: Mapping[str, Any], given: Mapping[str, Any], place: str) -> Iterator[str]:
    """Of a mapping's values. On top nothing may be given for what is not there."""
    for name, value in given.items():
        here = f"{place}.{name}" if place else str(name)
        if name not in known:
            yield f"{here}: not known; correct it, or take it out"
        elif place or value is not None:
            yield from _odd(known[name], value, here)
    for name, about in known.items():
        if about.get("required") and given.get(name) in (None, ""):
            yield f"{place}: '{name}' is missing"


def _odd(about: Mapping[str, Any], value: Any, here: str) -> Iterator[str]:
    kind, words = _TYPES[about["type"]]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        said = "" if about.get("no_log") else f"{repr(value)[:_LONGEST]}: "
        yield f"{here}: {said}{words} is expected"
    elif isinstance(value, list):
        each = {**about, "type": about["elements"]}
        for number, entry in enumerate(value):
            yield from _odd(each, entry, f"{here}[{number}]")
    elif "options" in about:
        yield from _parts(about["options"], value, here)


def _twice(given: Mapping[str, Any]) -> Iterator[str]:
    """Entries of one name, of which one would be lost."""
    for side, resource in RESOURCES.items():
        yield from Given(resource, given.get(side)).objections

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Mappings that a person wrote: words that have no place, values that are of another kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..engine.schema import Kind
from . import words
from .description import SECRETS, Contradiction, Options

_WORDS = {
    list: "a list",
    dict: "a mapping",
    int: "a whole number",
    str: "text",
    bool: "true or false",
}


class Sheet:
    """Gives back what of mappings is known and of its kind; ``wrong`` has what is not."""

    def __init__(self, wrong: Iterable[Contradiction]) -> None:
        self.wrong = list(wrong)
        self._unread = [one.path for one in self.wrong if not one.hosts]

    def say(self, hosts: Sequence[str], path: str, value: Any, why: str, remedy: str) -> None:
        """Something is wrong; what is left of a value that could not be had is not said to be."""
        around = (f"{path}.", f"{path}[")
        if not any(one == path or one.startswith(around) for one in self._unread):
            self.wrong.append(Contradiction(tuple(hosts), path, value, why, remedy))

    def sound(
        self, where: str, hosts: Sequence[str], given: Any, table: Mapping[str, type]
    ) -> dict[str, Any]:
        """Of a mapping, what has a place in the table and is of that kind."""
        if not isinstance(given, Mapping):
            self.say(hosts, where, None, "a mapping is expected", "correct it")
            return {}
        sound: dict[str, Any] = {}
        for name, written in given.items():
            kind = table.get(name)
            value = _meant(written, kind)
            if kind is None:
                self.say(hosts, _inside(where, name), None, "unknown", _taking(name, table))
            elif value is not None and not _is(value, kind):
                said = None if name in SECRETS else _single(value)
                why = f"{_WORDS[kind]} is expected"
                self.say(hosts, _inside(where, name), said, why, "correct it")
            elif value is not None:
                sound[name] = value
        return sound

    def parts(
        self, where: str, hosts: Sequence[str], sound: Options, tables: Mapping[str, words.Words]
    ) -> dict[str, Any]:
        """As :meth:`sound`, of the mappings in a mapping, and of those in its lists."""
        found = dict(sound)
        for name in sound.keys() & tables.keys():
            here, given, table = _inside(where, name), sound[name], tables[name]
            if isinstance(given, Mapping):
                found[name] = self._part(here, hosts, given, table)
            else:
                found[name] = self._entries(here, hosts, given, table)
        return found

    def _entries(
        self, where: str, hosts: Sequence[str], given: Sequence[Any], table: words.Words
    ) -> list[dict[str, Any]]:
        """Those entries of a list that are mappings."""
        found = []
        for number, entry in enumerate(given):
            sound = self._part(f"{where}[{called(entry, number)}]", hosts, entry, table)
            found += [sound] if isinstance(entry, Mapping) else []
        return found

    def _part(
        self, where: str, hosts: Sequence[str], given: Any, table: words.Words
    ) -> dict[str, Any]:
        sound = self.sound(where, hosts, given, dict.fromkeys(table, object))
        for name, value in list(sound.items()):
            why = _no_value(value, table[name])
            if why is not None:
                self.say(hosts, _inside(where, name), _single(value), why, "correct it")
                del sound[name]
            elif table[name] in _MADE:
                sound[name] = _MADE[table[name]](value)
        return sound


_WHOLE = re.compile("[0-9]{1,18}")
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}
_MADE: Mapping[Kind | None, Callable[[Any], Any]] = {Kind.INTEGER: int, Kind.TEXT: str}
"""What is made of values, so that a name like 7 is the one that the device gives back."""


def called(entry: Any, number: int) -> Any:
    """How an entry of a list is named to a person."""
    name = entry.get("name") if isinstance(entry, Mapping) else None
    return _single(name) or number


def _single(value: Any) -> Any:
    """A value that can be shown as it is."""
    return None if isinstance(value, list | tuple | Mapping) else value


def _inside(where: str, name: Any) -> str:
    """A word's place; those of a host are variables, one by one."""
    return f"{where}{'' if where.endswith('_') else '.'}{name}"


def _no_value(value: Any, kind: Kind | None) -> str | None:
    """Why it is not a value of a kind; kind None is not for values."""
    if kind is not None and isinstance(value, list | tuple | Mapping):
        return "one value is expected"
    if kind is Kind.INTEGER and not _WHOLE.fullmatch(str(value)):
        return "a whole number is expected"
    # YAML makes true of a plain yes, 1.1 of 1.10, and keeps blanks within quotes.
    if kind is Kind.TEXT and (isinstance(value, bool) or not isinstance(value, str | int)):
        return "text is expected"
    if kind is Kind.TEXT and str(value).strip() != str(value):
        return "it begins or ends with a blank or a new line"
    return None


def _taking(name: Any, table: Iterable[str]) -> str:
    known = list(table)
    meant = words.nearest(str(name), known)
    return f"{f'did you mean {meant!r}? ' if meant else ''}it takes {', '.join(known)}"


def _meant(written: Any, kind: type | None) -> Any:
    """The number, or the truth, of a text: templates and extra variables may give no other."""
    if kind is int and isinstance(written, str) and _WHOLE.fullmatch(written):
        return int(written)
    if kind is bool and isinstance(written, str):
        return _TRUTHS.get(written.lower(), written)
    return written


def _is(value: Any, kind: type) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is list:
        return isinstance(value, list | tuple)
    return isinstance(value, Mapping if kind is dict else kind)

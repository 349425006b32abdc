# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who should be in a group: expectations from inventory variables, CSV or YAML files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import Refused
from ..members.addresses import canonical_address, is_meant_as_address
from . import sources
from .shape import is_writable
from .sheets import Table

_GROUP_KEYS = frozenset({"group", "members", "min_members", "role", "host"})
_MEMBER_KEYS = frozenset({"gateway", "address", "role", "host"})
_FLAT_KEYS = (_GROUP_KEYS | _MEMBER_KEYS) - {"members"}
_NO_TEXT = (bool, list, tuple, Mapping)
_ALIKE = 0.8
_HOST = re.compile(r'"([^"]+)"|([^\s,;|]+)')
_DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
"""What word processors make of a hyphen."""


class Role(Enum):
    """Whether a member is always there, or a dynamic peer such as a home office."""

    STATIC = "static"
    DYNAMIC = "dynamic"


@dataclass(frozen=True, slots=True)
class ExpectedMember:
    """One member that should be there: by address, by gateway, or by both.

    ``hosts``: the servers at one of which it is expected, any when empty; more than one are a
    cluster, whose lists count as one. ``about``: what else is said of it, for the report.
    """

    gateway: str | None
    address: str | None
    role: Role
    hosts: tuple[str, ...] = ()
    about: tuple[tuple[str, str], ...] = ()

    def same_as(self, other: ExpectedMember) -> bool:
        """True for the same expectation, whatever else is said of it."""
        return (self.gateway, self.address, self.role) == (other.gateway, other.address, other.role)

    def as_row(self, state: str) -> dict[str, Any]:
        """Plain data, for a list of members."""
        return {
            "gateway": self.gateway,
            "address": self.address,
            "role": self.role.value,
            "state": state,
            "hosts": list(self.hosts),
            "about": dict(self.about),
        }

    def __str__(self) -> str:
        return " ".join(part for part in (self.gateway, self.address) if part)


@dataclass
class ExpectedGroup:
    """What is expected of one group."""

    name: str
    members: list[ExpectedMember] = field(default_factory=list)
    min_members: int | None = None
    hosts: tuple[str, ...] = ()


Expectations = dict[str, ExpectedGroup]


def read_expected(raw: Any, where: str = "expected", host: str | None = None) -> Expectations:
    """Expectations from data. Raises Refused with every objection.

    Taken: a mapping of group name to members, or to a mapping with ``members`` and
    ``min_members``; a list of entries with ``group`` and ``members``; flat rows with ``group``
    and one ``address`` or ``gateway``. A member is a mapping, or a string that is one of the two.
    Each may name the ``host`` that it is for, or several that are a cluster; with ``host`` given,
    what is for others is left out. Other keys are kept as they are.
    """
    found: Expectations = {}
    objections: list[str] = []
    for place, group, entry in _entries(raw, where, objections):
        _Entry(place, group, entry, host, objections).put_into(found)
    objections += _contradictions(found, where)
    if objections:
        # Of a flat row, both the group and its one member say it.
        raise Refused(list(dict.fromkeys(objections)))
    # Whose members are all for other hosts: nothing is expected of it here.
    return {n: g for n, g in found.items() if g.members or g.min_members is not None}


def _entries(
    raw: Any, where: str, objections: list[str]
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    if isinstance(raw, Mapping):
        for name, value in raw.items():
            entry = value if isinstance(value, Mapping) else {"members": value}
            yield f"{where}.{name}", str(name).strip(), entry
        return
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        objections.append(f"{where}: a list of groups or a mapping of them is expected")
        return
    for number, entry in enumerate(raw):
        place = f"{where}{_place(raw, number)}"
        if not isinstance(entry, Mapping):
            objections.append(f"{place}: {entry!r}: a mapping with 'group' is expected")
        elif isinstance(entry.get("group"), _NO_TEXT):
            objections.append(f"{place}: group {entry['group']!r}: a name is expected")
        elif not str(entry.get("group") or "").strip():
            objections.append(f"{place}: 'group' is missing; name one")
        else:
            yield place, str(entry["group"]).strip(), entry


def _place(raw: Sequence[Any], number: int) -> str:
    return f": line {raw.lines[number]}" if isinstance(raw, Table) else f"[{number}]"


def hosts_of(value: Any, known: Container[str] = ()) -> tuple[str, ...]:
    """Host names of a list, or of a text that separates them by blanks, commas or bars.

    A name that holds one of these is quoted, unless it is all of the text, and ``known``.
    """
    if isinstance(value, str):
        text = value.strip()
        named = (text,) if text in known else tuple(a or b for a, b in _HOST.findall(text))
        return tuple(dict.fromkeys(named))
    parts = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return tuple(dict.fromkeys(str(part) for part in parts if str(part).strip()))


def told_hosts(names: Iterable[str]) -> str:
    """Names as a text that :func:`hosts_of` reads."""
    return " ".join(name if _HOST.fullmatch(name) else f'"{name}"' for name in names)


@dataclass
class _Entry:
    """One entry of expectations: a group with its members, or a flat row."""

    place: str
    name: str
    entry: Mapping[str, Any]
    host: str | None
    objections: list[str]
    about: tuple[tuple[str, str], ...] = ()

    def put_into(self, found: Expectations) -> None:
        """Add what the entry says, if it is for our host."""
        if not self.name or not self.name.isprintable():
            words = "printable characters are expected"
            self.objections.append(f"{self.place}: group {self.name!r}: {words}")
        hosts = self._hosts(self.entry)
        if not self._is_ours(hosts):
            return
        group = found.setdefault(self.name, ExpectedGroup(self.name))
        group.hosts = tuple(dict.fromkeys((*group.hosts, *hosts)))
        self._take_minimum(group)
        members = self._listed()
        if members is not None:
            self._take_members(group, members)

    def _take_members(self, group: ExpectedGroup, members: Sequence[Any]) -> None:
        if not members and self.entry.get("min_members") in (None, ""):
            self.objections.append(
                f"{self.place}: it names nobody; give members or min_members, or leave it out"
            )
        for number, member in enumerate(members):
            flat = member is self.entry
            place = self.place if flat else f"{self.place}.members[{number}]"
            taken = self._member(place, member)
            if taken is not None and self._is_ours(taken.hosts):
                group.members.append(taken)

    def _listed(self) -> list[Any] | None:
        """The members that it names, a flat row itself; None for what is no list."""
        members = self.entry.get("members")
        if members is None:
            self._about(self.entry, _FLAT_KEYS | {"members"}, self.place)
            return [self.entry] if self.entry.get("gateway") or self.entry.get("address") else []
        self._take_about()
        if isinstance(members, str | Mapping) or not isinstance(members, Iterable):
            self.objections.append(f"{self.place}: members {members!r}: a list is expected")
            return None
        return list(members)

    def _hosts(self, said: Mapping[str, Any]) -> tuple[str, ...]:
        value = said.get("host")
        parts = value if isinstance(value, list | tuple) else [] if value is None else [value]
        if any(part is None or isinstance(part, (*_NO_TEXT, bytes)) for part in parts):
            # A host 'no' that is written without quotes is not one, and would be nobody's.
            words = "a name or names are expected; write them in quotes"
            self.objections.append(f"{self.place}: host {value!r}: {words}")
            return ()
        hosts = hosts_of(value, () if self.host is None else (self.host,))
        self.objections += [
            f"{self.place}: host {name!r}: printable characters are expected"
            for name in hosts
            if name != self.host and not name.isprintable()
        ]
        return hosts

    def _take_about(self) -> None:
        """What is said of a group is said of each of its members."""
        self.about = self._about(self.entry, _GROUP_KEYS, self.place)
        self.objections += [
            f"{self.place}: {key!r} stands beside 'members'; put it among them"
            for key, _value in self.about
            if key in _MEMBER_KEYS
        ]

    def _is_ours(self, hosts: tuple[str, ...]) -> bool:
        if self.host is None or not hosts or self.host in hosts:
            return True
        for name in hosts:
            if name.casefold() == self.host.casefold():
                self.objections.append(
                    f"{self.place}: host {name!r}: the inventory has {self.host!r}; write it so"
                )
        return False

    def _take_minimum(self, group: ExpectedGroup) -> None:
        minimum = self.entry.get("min_members")
        if minimum in (None, ""):
            return
        number = _whole_number(minimum)
        if number is None:
            self.objections.append(
                f"{self.place}: min_members {minimum!r}: a number from 0 up is expected"
            )
        elif group.min_members is not None and group.min_members != number:
            self.objections.append(
                f"{self.place}: min_members {number}: group {self.name} has {group.min_members} "
                "elsewhere; give one number"
            )
        else:
            group.min_members = number

    def _about(
        self, mapping: Mapping[str, Any], known: frozenset[str], place: str
    ) -> tuple[tuple[str, str], ...]:
        """Keys that are free; one that looks like a known one is a mistake."""
        free = [(str(k), v) for k, v in mapping.items() if str(k) not in known]
        for key, _value in free:
            meant = _meant(key, known)
            if meant:
                self.objections.append(f"{place}: unknown key {key!r}; did you mean {meant!r}?")
        self.objections += [
            f"{place}: {key!r}: {value!r}: half a character (a surrogate) is no text; take it out"
            for key, value in free
            if not is_writable(f"{key}{value}")
        ]
        return tuple((key, str(value)) for key, value in free if value not in (None, ""))

    def _member(self, place: str, member: Any) -> ExpectedMember | None:
        if isinstance(member, str) and member.strip():
            # A gateway that is called like an address is given as 'gateway'.
            member = {"address" if is_meant_as_address(member) else "gateway": member}
        if not isinstance(member, Mapping):
            self.objections.append(f"{place}: {member!r}: a mapping or a string is expected")
            return None
        hosts = self._hosts(member) or self._hosts(self.entry)
        known_keys = _FLAT_KEYS if member is self.entry else _MEMBER_KEYS
        own = self._about(member, known_keys, place)
        about = tuple({**dict(self.about), **dict(own)}.items())
        names = _names(place, member.get("gateway"), member.get("address"), self.objections)
        role = self._role(place, member) if names is not None else None
        if names is None or role is None:
            return None
        return ExpectedMember(*names, role, hosts, about)

    def _role(self, place: str, member: Mapping[str, Any]) -> Role | None:
        """The member's, else the entry's; None after an objection."""
        said = (one.get("role") for one in (member, self.entry))
        role = next((one for one in said if one not in (None, "")), Role.STATIC.value)
        if str(role) in {one.value for one in Role}:
            return Role(str(role))
        self.objections.append(f"{place}: role {role!r}: static or dynamic is expected")
        return None


@lru_cache(maxsize=4096)
def _meant(key: str, known: frozenset[str]) -> str | None:
    """The known key that one is alike, which the rows of a file ask over and over."""
    return next(iter(difflib.get_close_matches(key.lower(), known, 1, _ALIKE)), None)


def _names(
    place: str, gateway: Any, address: Any, objections: list[str]
) -> tuple[str | None, str | None] | None:
    """(gateway, address), at least one of which is given and good."""
    name, text = (
        None if value is None else str(value).strip() or None for value in (gateway, address)
    )
    odd = next((value for value in (gateway, address) if isinstance(value, _NO_TEXT)), None)
    canonical = canonical_address(text) if text is not None else None
    wrong = None
    if name is None and text is None:
        wrong = "'address' or 'gateway' is missing; give one"
    elif odd is not None:
        wrong = f"{odd!r}: a text is expected"
    elif name is not None and not name.isprintable():
        wrong = f"gateway {name!r}: printable characters are expected"
    elif name is not None and _DASHES.search(name):
        wrong = f"gateway {name!r}: its dash is not a hyphen; write '-'"
    elif text is not None and canonical is None:
        wrong = f"{text!r}: an IPv4 or IPv6 address is expected"
    if wrong is not None:
        objections.append(f"{place}: {wrong}")
        return None
    return name, canonical


def _whole_number(value: Any) -> int | None:
    text = str(value).strip()
    return int(text) if text.isdecimal() and len(text) < 10 and value is not True else None


def _contradictions(found: Expectations, where: str) -> Iterator[str]:
    for group in found.values():
        seen: dict[str, ExpectedMember] = {}
        for member in group.members:
            # One gateway may stand for members with an address of their own.
            name = member.address or f"gateway {member.gateway}"
            earlier = seen.setdefault(name, member)
            elsewhere = (
                earlier.hosts and member.hosts and not set(earlier.hosts) & set(member.hosts)
            )
            if earlier is member or elsewhere:
                continue
            if earlier.same_as(member):
                yield f"{where}: group {group.name}: {member} is expected twice; take one out"
            else:
                yield (
                    f"{where}: group {group.name}: {name} is expected as {earlier} "
                    f"({earlier.role.value}) and as {member} ({member.role.value}); take one out"
                )


def read_expected_file(path: Path, host: str | None = None) -> Expectations:
    """Expectations from a CSV file (by its suffix) or a YAML or JSON file. Raises Refused."""
    return read_expected(load(path, host), str(path), host)


def load(path: Path, host: str | None = None) -> Any:
    """What a file says, of a table for that host. Raises Refused."""
    return sources.load(path, _FLAT_KEYS, host)


def hosts_named(raw: Any, known: Container[str]) -> set[str]:
    """Every host that expectations name; ``known``: as :func:`hosts_of` has it."""
    parts = [
        part
        for _place, _group, entry in _entries(raw, "", [])
        for part in (entry, *(entry.get("members") or ()))
    ]
    named = (part.get("host") for part in parts if isinstance(part, Mapping))
    return {host for text in named for host in hosts_of(text, known)}

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that is wrong with a description, at once, before any device is asked.

What a single statement may be is judged by the tables of the modules ``server`` and ``member``;
what concerns several devices, or several statements of one, by the rules that stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from .description import Contradiction, Description, Group
from .judging import (
    generations,
    identities,
    lockout,
    members,
    notation,
    parts,
    proposals,
    servers,
    statements,
    times,
    traffic,
)
from .judging.places import place
from .judging.tables import by_tables

_OF_DESCRIPTION: tuple[Callable[[Description], Iterable[Contradiction]], ...] = (
    identities.of_groups,
    identities.names,
    notation.notation,
    statements.of_devices,
    proposals.proposals,
    identities.addresses,
    parts.of_devices,
    members.members,
    traffic.between_groups,
)
_OF_GROUP: tuple[Callable[[Description, Group], Iterable[Contradiction]], ...] = (
    parts.missing,
    statements.of_group,
    parts.exclusion,
    parts.room,
    servers.servers,
    generations.generations,
    times.lifetimes,
    times.retransmissions,
    times.heartbeats,
    traffic.within,
    traffic.excluded,
    lockout.lockout,
)


def refusals(description: Description) -> list[str]:
    """What contradicts itself or the devices' generations; each a line for a person.

    One fault is one line: what is known to be wrong is not judged again, nor what stands in it.
    """
    found, known = list(description.wrong), _Places()
    around = _Places()
    for one in description.wrong:
        known.add(one, one.path)
        for path in _above(one.path):
            around.add(one, path)
    for one in _judged(description):
        if not known.has(one, _above(one.path)) and not around.has(one, [one.path]):
            known.add(one, one.path)
            found.append(one)
    lines = list(dict.fromkeys(map(str, found)))
    return [*lines, *by_tables(description, _concerned(description, found))]


class _Places:
    """Where something is wrong, and with which hosts; a fault without hosts is everybody's."""

    def __init__(self) -> None:
        self._hosts: dict[str, set[str]] = {}
        self._everybodys: set[str] = set()

    def add(self, one: Contradiction, path: str) -> None:
        """Something is wrong at a path."""
        self._hosts.setdefault(path, set()).update(one.hosts)
        if not one.hosts:
            self._everybodys.add(path)

    def has(self, one: Contradiction, paths: Iterable[str]) -> bool:
        """Whether something is wrong at one of the paths with a host of this fault."""
        return any(
            not one.hosts or path in self._everybodys or not hosts.isdisjoint(one.hosts)
            for path in paths
            if (hosts := self._hosts.get(path)) is not None
        )


def _above(path: str) -> list[str]:
    """A path, and those of what it stands in."""
    return [path[:at] for at, c in enumerate(path) if c in ".["] + [path]


def _concerned(description: Description, found: Iterable[Contradiction]) -> set[str]:
    """Hosts that would get something of which it is known that it is wrong.

    What is wrong with one host reaches those that are in a group with it.
    """
    faults = list(found)
    wrong = {host for one in faults for host in one.hosts}
    concerned: set[str] = set()
    for group in description.groups:
        inside = {*group.servers, *group.members}
        if inside & wrong or any(one.path.startswith(place(group)) for one in faults):
            concerned |= inside
    return concerned


def _judged(description: Description) -> Iterator[Contradiction]:
    for judge in _OF_DESCRIPTION:
        yield from judge(description)
    for group in description.groups:
        for judge_group in _OF_GROUP:
            yield from judge_group(description, group)

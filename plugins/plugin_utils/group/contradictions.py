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
    found = list(description.wrong)
    for one in _judged(description):
        around = (before for before in description.wrong if _inside(before, one))
        if not any(_inside(one, before) for before in found) and not any(around):
            found.append(one)
    lines = list(dict.fromkeys(map(str, found)))
    return [*lines, *by_tables(description, _concerned(description, found))]


def _inside(one: Contradiction, other: Contradiction) -> bool:
    """Whether a fault is where another is, or in it, and the same hosts'."""
    alike = not one.hosts or not other.hosts or not set(one.hosts).isdisjoint(other.hosts)
    within = one.path.startswith((f"{other.path}.", f"{other.path}["))
    return alike and (within or one.path == other.path)


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

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
    times,
    traffic,
)
from .judging.tables import by_tables

_OF_DESCRIPTION: tuple[Callable[[Description], Iterable[Contradiction]], ...] = (
    identities.of_groups,
    identities.names,
    notation.notation,
    proposals.proposals,
    identities.addresses,
    parts.of_devices,
    members.members,
    traffic.between_groups,
)
_OF_GROUP: tuple[Callable[[Description, Group], Iterable[Contradiction]], ...] = (
    parts.missing,
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
    """What contradicts itself or the devices' generations; each a line for a person."""
    # What is known to be wrong is not judged again.
    known = {(host, one.path) for one in description.wrong for host in one.hosts}
    judged = (
        one for one in _judged(description) if not {(host, one.path) for host in one.hosts} & known
    )
    lines = [str(one) for one in (*description.wrong, *judged)]
    return list(dict.fromkeys([*lines, *by_tables(description)]))


def _judged(description: Description) -> Iterator[Contradiction]:
    for judge in _OF_DESCRIPTION:
        yield from judge(description)
    for group in description.groups:
        for judge_group in _OF_GROUP:
            yield from judge_group(description, group)

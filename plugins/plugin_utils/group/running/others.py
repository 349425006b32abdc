# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members that Ansible does not reach: what the lists of their servers show of them.

Nobody can ask them which keys they hold, and to be listed proves nothing: a sign of life does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...engine.device import Device
from ...engine.values import Generation
from ...members.asking import lists
from ...members.eyes import committed_at
from ...members.life import UNDATED, Listed, Lists, Moment, Roll, is_new, sent_since, sign_of_life
from ...netconf.rpc import Rpc
from ..description import Description, Group, some
from ..description import Device as Member
from .verify import together


@dataclass(frozen=True)
class Start:
    """From when on signs of life count at one server.

    ``before``: its lists before the change; ``commit``: when it made that, as it prints it, ''
    where it does not tell; ``then``: its lists just after, None where they could not be read.
    Without a change only ``before`` is there.
    """

    before: Lists
    commit: str | None = None
    then: Lists | None = None


def since_commit(rpc: Rpc, generation: Generation, start: Start) -> Start:
    """The same server when it has just made its change."""
    commit, _untold = committed_at(Device(rpc))
    return Start(start.before, commit, lists(rpc, generation, detail=True))


def servers_of_others(description: Description) -> list[str]:
    """Servers of groups with members that Ansible does not reach."""
    groups = (g for g in description.groups if any(_others(description, g)))
    return list(dict.fromkeys(host for group in groups for host in group.servers))


def unverified(
    description: Description, starts: Mapping[str, Start], now: Mapping[str, Lists]
) -> dict[str, str]:
    """Member to why nothing shows that it lives, by server what was and what is."""
    return together(
        (member.host, why)
        for group in description.groups
        for member in _others(description, group)
        if (why := _why(group, member, starts, now)) is not None
    )


def _others(description: Description, group: Group) -> Iterator[Member]:
    members = (description.devices[host] for host in group.members)
    return (member for member in members if not member.managed)


def _why(
    group: Group, member: Member, starts: Mapping[str, Start], now: Mapping[str, Lists]
) -> str | None:
    asked = [host for host in group.servers if host in starts and host in now]
    there = [host for host in asked if _find(now[host], group, member) is not None]
    if any(_lives(group, member, starts[host], now[host]) for host in there):
        return None
    if there:
        return f"listed in {group.name}, but not heard of in this run"
    if not asked:
        return "no server was asked"
    unasked = [host for host in group.servers if host not in asked]
    rest = f"; not asked: {some(unasked)}" if unasked else ""
    return f"no server lists it as a member of {group.name}{rest}"


def _lives(group: Group, member: Member, start: Start, now: Lists) -> bool:
    found = _find(now, group, member)
    if found is None:
        return False
    then = _find(start.then or {}, group, member)
    came = start.then is not None and is_new(then, found)
    before = _find(start.before, group, member)
    older = 0 if start.commit is None or before is None else _older(before, then, found)
    sign = sign_of_life(before, found, Moment(start.commit, came=came, older=older))
    return sign not in (None, UNDATED)


def _older(before: Listed, then: Listed | None, now: Listed) -> int:
    """How many rekeys may have gone out before the commit, which itself causes one at the most.

    All, where nobody knows which had gone out just after it.
    """
    return sent_since(before, now) if then is None else max(0, sent_since(before, then) - 1)


def _find(there: Lists, group: Group, member: Member) -> Listed | None:
    return Roll(there.get(group.name, ())).find(member.name, member.fixed_address)

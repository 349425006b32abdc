# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what there is to what is wanted: the steps, in the order that cuts nobody off.

Servers learn before members ask; members change while servers still know the old; whoever left is
forgotten by the servers before the rest gets keys that it cannot read. Each step says who may be
unable to talk to whom until the members have been waited for; whoever it does not name goes on.

Hosts that nobody could look at are left as they are: what servers know of such a member stays what
it was, and a group of which a server is missing is not touched at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from .description import Description, Group
from .expand import configurations
from .planning import keys, members, servers
from .planning.situation import Fleet, Readings, Situation, Stranded, has_part
from .planning.taken import is_seen, taken
from .planning.unserved import Unserved, unserved
from .steps import Apart, Change, Kind, Step


@dataclass(frozen=True)
class Plan:
    """Steps, and what is left as it is and why.

    ``exclusive``: hosts that are left with nothing but what is described; ``unserved``: who is cut
    off by that; ``taken``: groups that stay as they are, by who may have their number.
    """

    steps: tuple[Step, ...]
    left: tuple[str, ...] = ()
    exclusive: frozenset[str] = frozenset()
    unserved: tuple[Unserved, ...] = ()
    taken: Mapping[str, str] = field(default_factory=dict)


def plan(
    now: Fleet,
    description: Description,
    *,
    exclusive: bool = False,
    readable: Collection[str] = (),
    outdated: Collection[str] = (),
    unshared: Collection[str] = (),
    stranded: Stranded | None = None,
    readings: Readings | None = None,
) -> Plan:
    """The steps from ``now`` (hosts that could be looked at) to what a description wants.

    ``exclusive``: on the description's hosts, what it does not name goes, but for those of groups
    that are not touched; ``readable``: groups that servers have sent somebody away from who still
    holds their keys; ``outdated``: groups whose keys may have other algorithms than their servers;
    ``unshared``: groups whose servers do not have the same keys; ``stranded``: members that no
    server lists; ``readings``: what was read of the hosts, where anything of it may outlast a
    change.
    """
    of_others = taken(now, description)
    groups = tuple(g for g in description.groups if is_seen(now, g) and g.name not in of_others)
    left = (*_untouched(now, description, of_others), *_unseen(now, description, groups))
    alone = _without(now, description, groups) if exclusive else frozenset()
    touched = Description(groups, description.devices)
    wanted = configurations(touched)
    here = Situation(
        now,
        touched,
        wanted,
        alone,
        readable,
        outdated,
        unshared,
        stranded or {},
        readings or {},
    )
    steps = tuple(_steps(here))
    return Plan(steps, left, alone, tuple(unserved(here, steps)), of_others)


def _without(now: Fleet, description: Description, touched: Collection[Group]) -> frozenset[str]:
    """Hosts that have no part in a group that stays as it is everywhere."""
    kept = [group for group in description.groups if group not in touched]
    return frozenset(
        host
        for host, sides in now.items()
        if not any(host in (*g.servers, *g.members) or has_part(sides, g) for g in kept)
    )


def _steps(here: Situation) -> Iterator[Step]:
    serving = [host for host in here.now if here.server(host) or here.served(host)]
    learn = here.changes(servers.learn, serving)
    forget = here.changes(servers.forget, serving, here.made(learn))
    join = here.changes(members.join, [host for host in here.now if here.member(host)])
    then = here.made(join)
    leave = here.changes(members.leave, here.now, then)
    building = [*_building(here, learn, join, then)]
    yield from building
    if building:
        yield Step(Kind.WAIT, (), groups=tuple(group.name for group in here.groups))
    yield from _step(Kind.FORGET, forget, members.outdated(here, forget))
    yield from _step(Kind.LEAVE, leave)


def _building(
    here: Situation, learn: Mapping[str, Change], join: Mapping[str, Change], then: Fleet
) -> Iterator[Step]:
    """What comes before the wait for members, who may need it."""
    apart = servers.moving(here) + servers.renumbered(here)
    for step in _step(Kind.LEARN, learn, apart):
        yield replace(step, remade=keys.remade(here))
    yield from servers.sharing(here, join)
    apart = members.registering(here, then) + members.carried(here, then)
    yield from _step(Kind.MEMBERS, join, apart)
    yield from keys.new_keys(here)
    yield from keys.renewing(here, learn)


def _step(
    kind: Kind, changes: Mapping[str, Change], apart: tuple[Apart, ...] = ()
) -> Iterator[Step]:
    if changes:
        yield Step(kind, tuple(changes), changes, apart=apart)


def _untouched(now: Fleet, description: Description, of_others: Mapping[str, str]) -> Iterator[str]:
    for group in description.groups:
        if group.name in of_others:
            yield (
                f"group {group.name} stays as it is everywhere: its number {group.group_id} may "
                f"be that of {of_others[group.name]} still, which cannot be touched"
            )
        blind = [host for host in group.servers if host not in now]
        if blind:
            yield f"{', '.join(blind)}: not looked at; group {group.name} stays as it is everywhere"


def _unseen(now: Fleet, description: Description, groups: Iterable[Group]) -> Iterator[str]:
    for host in dict.fromkeys(host for group in groups for host in group.members):
        if host not in now and description.devices[host].managed:
            yield f"{host}: not looked at; it, and what servers know of it, stays as it is"

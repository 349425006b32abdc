# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Before anything is touched: what there is, what will come of it, and what nobody knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from functools import partial

from ...engine.device import CommitOptions
from ...errors import Refused
from ..configurations import entries
from ..description import Group, some
from ..judging.identities import devices
from ..look import look
from ..plan import Plan
from ..planning.situation import Lost
from ..references import servers_asked
from ..steps import Change, Kind, Step
from . import work
from .borrowed import borrowed, called_otherwise, known_twice
from .crew import Crew
from .scopes import uninstalled
from .verify import due, newest_keys, uncompared

LATER = "{}: left for the next run"
_CLEANING = (Kind.FORGET, Kind.LEAVE)


def look_at_all(crew: Crew) -> None:
    """Look at every host.

    Raises Refused for a generation that is not the described one, and for two names of one device.
    """
    crew.looks = crew.each(dict.fromkeys(crew.order.hosts, look))
    _refuse_others(crew)
    crew.holds({host: looked.holdings for host, looked in crew.looks.items()})
    for host, looked in crew.looks.items():
        crew.sides[host] = looked.sides
        crew.fates[host].warnings += [*looked.warnings, *_known_twice(crew, host)]
    _find_unproved(crew)


def _known_twice(crew: Crew, host: str) -> Iterator[str]:
    groups = crew.description.of_server(host)
    peers = {crew.description.devices[h].name for g in groups for h in (*g.servers, *g.members)}
    return known_twice(crew.sides[host]["server"], peers)


def _find_unproved(crew: Crew) -> None:
    """What servers are about to take back; of others' commits it is only said that they are."""
    servers = [h for h in crew.looks if any(crew.description.of_server(h))]
    earlier = CommitOptions(crew.order.comment, crew.order.confirm_minutes)
    found = crew.each(dict.fromkeys(servers, partial(work.unproved, commit=earlier)))
    pending = {host: one for host, one in found.items() if one is not None}
    crew.unproved = {host: one for host, one in pending.items() if one.concerns_us}
    for host, one in pending.items():
        crew.fates[host].warnings.append(str(one))


def _refuse_others(crew: Crew) -> None:
    wrong = [
        f"{host}: group_vpn_generation {device.generation}: the device is of Group "
        f"VPN{looked.generation}; correct 'group_vpn_generation'"
        for host, looked in crew.looks.items()
        if (device := crew.description.devices[host]).generation is not looked.generation
        and crew.takes_part(host)
    ]
    wrong += map(str, devices(crew.description, crew.looks))
    if wrong:
        raise Refused(wrong)


def readable(crew: Crew) -> set[str]:
    """Groups that somebody who has gone can read, because an earlier run did not end.

    Either servers have sent somebody away in a commit that nothing has proved, or a host holds
    keys of the group and is not a member of it.
    """
    return {
        group.name
        for group in crew.description.groups
        if any(crew.unproved[h].sends_away for h in crew.unproved if h in group.servers)
        or any(_reads(crew, host, group) for host in crew.held)
    }


def outdated(crew: Crew) -> set[str]:
    """Groups whose servers got other algorithms of traffic in a commit that nothing has proved."""
    return {
        group.name
        for group in crew.description.groups
        if any(one.outdates(group.name) for h, one in crew.unproved.items() if h in group.servers)
    }


def _reads(crew: Crew, host: str, group: Group) -> bool:
    serves = group.name in entries(crew.sides[host]["server"], "groups")
    if serves or host in (*group.members, *group.servers):
        return False
    own = crew.held[host].of(group.group_id)
    there = [crew.held[h].of(group.group_id) for h in group.servers if h in crew.held]
    return any(own.kek & one.kek or own.teks.keys() & one.teks.keys() for one in there)


def stranded(crew: Crew, group: Group) -> dict[str, Lost]:
    """Members that no server lists, and what they hold; unpushed ones that lack what is new, too.

    No push reaches them, and nothing tells them so: a server has forgotten them, their list was
    cleared behind a run that did not end, or they never had the key under which it pushes.
    """
    newest, lists = newest_keys(group, crew.held), _lists(crew, group)
    found = {
        host: _lost(crew.held[host].of(group.group_id).teks.keys(), newest)
        for host in group.members
        if host in crew.held and not _is_listed(crew, host, lists)
    }
    return {**_deaf(crew, group, newest), **found}


def _is_listed(crew: Crew, host: str, lists: Mapping[str, Collection[str]]) -> bool:
    """Whether a server lists a member that this one asks: one that leaves the group, too."""
    name = crew.description.devices[host].name
    asked = servers_asked(crew.sides[host]["member"])
    return any(name in lists.get(address, ()) for address in asked)


def _deaf(crew: Crew, group: Group, newest: Set[str]) -> dict[str, Lost]:
    """Members whom no push tells of what is new, by what they show.

    Not where that cannot be compared: who registers anew for it would do so in each run.
    """
    own = {h: crew.held[h].of(group.group_id) for h in group.members if h in crew.held}
    holders = Counter(spi for keys in own.values() for spi in keys.teks)
    keks, doubted = _keks(crew, group), uncompared(group, crew.held, crew.held)
    asking = due(group, crew.held)
    found: dict[str, Lost] = {}
    for host, keys in own.items():
        holds = _lost(keys.teks.keys(), newest)
        if host in doubted:
            continue
        if keks and not keks & keys.kek:
            found[host] = holds
        elif group.communication is None and holds is Lost.OLD_KEYS:
            # Where others have these keys, it may be about to ask by itself.
            is_alone = all(holders[spi] == 1 for spi in keys.teks)
            is_apart = is_alone and any(one.teks for other, one in own.items() if other != host)
            if is_apart or host not in asking:
                found[host] = holds if is_alone else Lost.KEYS
    return found


def _lists(crew: Crew, group: Group) -> dict[str, set[str]]:
    """By a server's address the gateways of a group that it lists."""
    return {
        address: set(held.listed.get(group.name, ()))
        for host, held in crew.held.items()
        if (address := crew.description.devices[host].address) is not None
    }


def _keks(crew: Crew, group: Group) -> set[str]:
    """The keys for rekeying that a group's servers have, where they push."""
    servers = group.servers if group.communication is not None else ()
    there = (crew.held[h].of(group.group_id) for h in servers if h in crew.held)
    return {spi for one in there for spi in one.kek}


def _lost(own: Set[str], newest: Set[str]) -> Lost:
    if not own:
        return Lost.NOTHING
    return Lost.KEYS if newest and newest <= own else Lost.OLD_KEYS


def foresee(crew: Crew, made: Plan) -> None:
    """What each host will have been through; raises Refused for what a device must not get."""
    wrong: list[str] = []
    for host in crew.looks:
        changes = [s.changes[host] for s in made.steps if host in s.changes]
        later = [s for s in made.steps if host in s.changes and _waits(crew, s, host)]
        wrong += _of_others(crew, host, changes, is_alone=host in made.exclusive)
        try:
            wrong += _foreseen(crew, host, changes, [step.changes[host] for step in later])
        except Refused as error:
            wrong += [f"{host}: {line.removeprefix(f'{host}: ')}" for line in error.objections]
            continue
        if crew.order.check:
            crew.fates[host].did = list(_done((s for s in made.steps if s not in later), host))
            crew.fates[host].changed = bool(crew.fates[host].did)
            crew.fates[host].warnings += [LATER.format(step.kind.value) for step in later]
    if wrong:
        raise Refused(list(dict.fromkeys(wrong)))


def _waits(crew: Crew, step: Step, host: str) -> bool:
    """Whether a step is left for the next run on a host, since somebody depends on what goes."""
    return step.kind in _CLEANING and any(
        crew.fates[other].failures
        for group in crew.description.groups
        if host in (*group.servers, *group.members) or crew.has(host, group)
        for other in crew.fates.keys() & {*group.servers, *group.members}
    )


def _foreseen(crew: Crew, host: str, changes: list[Change], later: Collection[Change]) -> list[str]:
    """Keep what changes do, and why they must not be made. Raises Refused.

    ``later``: those of them that are left for the next run.
    """
    looked = crew.looks[host]
    crew.foreseen[host] = foreseen = work.foresee(looked, changes)
    if crew.order.diff:
        soon = [(change, made) for change, made in foreseen if change not in later]
        crew.fates[host].diff = work.difference_to(looked, soon)
    then = work.member_after(looked, foreseen)
    lines = uninstalled(crew.description, host, looked.sides["member"], then)
    return [f"{host}: {line}" for line in lines]


_DONE = {Kind.NEW_KEYS: "cleared", Kind.NEW_ALGORITHMS: "cleared", Kind.RENEW: "registered anew"}
"""What steps do that change no configuration."""


def _done(steps: Iterable[Step], host: str) -> Iterator[str]:
    """What steps do on a host, in the words of who does it."""
    for step in steps:
        if host in step.changes:
            yield "configured"
        elif host in step.hosts and step.kind in _DONE:
            yield _DONE[step.kind]


def _of_others(crew: Crew, host: str, changes: list[Change], *, is_alone: bool) -> list[str]:
    """What changes would make of what others use; ``is_alone``: nobody else stays in the end.

    Until then two gateways of one peer stand side by side also there.
    """
    looked = crew.looks[host]
    reasons = (called_otherwise,) if is_alone else (borrowed, called_otherwise)
    return [
        f"{host}: {line}"
        for change in changes
        for why in reasons
        for line in why(looked.sides[change.side], change, looked.generation)
    ]


def leave_as_they_are(crew: Crew) -> None:
    """Nobody knows whether hosts are as wanted whose servers could not be looked at."""
    for group in crew.description.groups:
        because = _not_touched(crew, group)
        if because:
            why = (
                f"{group.name}: whether anything is to be changed is not known, because "
                f"{because}; the next run goes on"
            )
            for host in crew.looks:
                if host in (*group.servers, *group.members) or crew.has(host, group):
                    crew.fates[host].left.append(why)


def _not_touched(crew: Crew, group: Group) -> str:
    """Why a group stays as it is; '' where it need not."""
    unseen = [host for host in group.servers if host not in crew.looks]
    if unseen:
        return f"{some(unseen)} was not looked at"
    other = crew.taken.get(group.name)
    return f"its number {group.group_id} may be that of {other} still" if other else ""

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Servers: they learn beside what they have, share keys, and forget what nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..configurations import entries, joined
from ..description import Group
from ..expand import Config, Sides, is_cluster
from ..references import foreign, merged
from ..steps import Apart, Change, Kind, Step
from .keys import moves, traffic_changes
from .peers import excludes, not_renamed
from .situation import Situation

_MOVED = "all have registered at a server that shares keys with theirs"
_RENUMBERED = "all have the group's new number, and have registered for it"


def learn(here: Situation, host: str, have: Sides) -> Change | None:
    """Everything new, beside whatever of the old is still needed; without who left."""
    want, now = here.server(host), have["server"]
    if not want:
        return None
    fresh = _but_for(want, _held(here, host))
    offered, wanted = _offered(now), entries(want, "groups")
    policies = [
        {**policy, "proposals": joined(policy["proposals"], offered.get(policy["name"], ()))}
        for policy in fresh["ike"]["policies"]
    ]
    config = {
        **fresh,
        "ike": {**fresh["ike"], "policies": policies},
        "groups": [
            _with_old_peers(here, host, group, wanted[group.name])
            for group in here.groups
            if group.name in wanted
        ],
    }
    return Change("server", config)


def forget(here: Situation, host: str, have: Sides) -> Change | None:
    """Exactly what is wanted; groups that are served elsewhere now go."""
    want = here.server(host)
    wanted = entries(want, "groups")
    gone = [{"name": name} for name in here.served(host) if name not in wanted]
    drop: Config = {"groups": gone} if gone else {}
    if host in here.exclusive and want:
        drop = merged(drop, foreign("server", have["server"], want))
    config = _but_for(want, _held(here, host)) if want else {}
    return Change("server", config, drop)


def _held(here: Situation, host: str) -> set[str]:
    """Members that could not be looked at and that a server knows already."""
    unseen = {
        here.device(member).name
        for group in here.groups
        for member in group.members
        if member not in here.now and here.device(member).managed
    }
    return unseen & entries(here.now[host]["server"], "ike", "gateways").keys()


def _but_for(want: Config, held: set[str]) -> Config:
    """What is wanted, without the peers that stay as they are."""
    parts = {
        part: [peer for peer in want["ike"][part] if peer["name"] not in held]
        for part in ("policies", "gateways")
    }
    return {**want, "ike": {**want["ike"], **parts}}


def _offered(now: Config) -> dict[str, Sequence[str]]:
    """Gateway to the proposals that a server takes from it."""
    policies = entries(now, "ike", "policies")
    return {
        name: policies.get(gateway.get("ike_policy", ""), {}).get("proposals") or ()
        for name, gateway in entries(now, "ike", "gateways").items()
    }


def _with_old_peers(here: Situation, host: str, group: Group, want: Config) -> Config:
    """A group with the other servers that it has had, until the change is over.

    Not with those that still know somebody who has left: they would be given the new keys. Nor,
    where another makes the keys, with who made them: the two would share keys that do not fit.
    """
    cluster, old = _cluster(want), here.block(host, group)
    before = _cluster(old)
    if before is None or excludes(here, group):
        return want
    if moves(here, group) and (cluster is not None or _has_other_keys(here, group, old, want)):
        return want
    if cluster is None:
        return {**want, "server_cluster": before}
    there = before.get("ike_gateways") or ()
    others = not_renamed(here.now[host]["server"], there, here.server(host))
    gateways = joined(cluster["ike_gateways"], others)
    return {**want, "server_cluster": {**before, **cluster, "ike_gateways": gateways}}


def _has_other_keys(here: Situation, group: Group, old: Config | None, want: Config) -> bool:
    """Whether who makes the group's keys has to make others: a sub-server cannot."""
    words = ("group_id", "server_member_communication")
    return traffic_changes(here, group) or any((old or {}).get(w) != want.get(w) for w in words)


def sharing(here: Situation, join: Mapping[str, Change]) -> Iterator[Step]:
    """Wait for the keys of a cluster where a server is new in it.

    Also where an earlier run ended before a new one had them, and members are yet to be changed
    (``join``).
    """
    new = [g for g in here.groups if _grows(here, g) or _lacks_keys(here, g, join)]
    if new:
        hosts = joined((), (host for group in new for host in group.servers))
        yield Step(Kind.SHARE, tuple(hosts), groups=tuple(group.name for group in new))


def _grows(here: Situation, group: Group) -> bool:
    return is_cluster(group) and any(
        _cluster(here.block(host, group)) is None for host in group.servers
    )


def _lacks_keys(here: Situation, group: Group, join: Mapping[str, Change]) -> bool:
    return (
        is_cluster(group)
        and group.name in here.unshared
        and not join.keys().isdisjoint(group.members)
    )


def moving(here: Situation) -> tuple[Apart, ...]:
    """Groups whose keys will be made by another server."""
    moved = (group for group in here.groups if moves(here, group))
    return tuple(Apart(group.name, tuple(here.stay(group)), _MOVED) for group in moved)


def numbers(here: Situation, group: Group) -> set[int | None]:
    """Numbers that servers know a group by."""
    return {number_of(block) for block in here.blocks(group)}


def number_of(block: Config) -> int | None:
    """The number that a server knows a group by."""
    number: int | None = block.get("group_id")
    return number


def renumbered(here: Situation) -> tuple[Apart, ...]:
    """Groups that get another number: to who has the old one that is a group that ends."""
    found = []
    for group in here.groups:
        old = numbers(here, group) - {group.group_id}
        # Whoever nobody can look at, or manages, stays with the old one.
        hosts = here.stay(group, old) + [h for h in group.members if h not in here.now]
        if old and hosts:
            found.append(Apart(group.name, tuple(hosts), _RENUMBERED))
    return tuple(found)


def _cluster(block: Config | None) -> Config | None:
    return (block or {}).get("server_cluster")

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys: who must not read any more, and whom no push tells of what is new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...engine.values import Generation
from ..configurations import entries, joined
from ..description import Group
from ..expand import ROOT, Config
from ..steps import Apart, Change, Kind, Step
from .peers import excludes
from .situation import Lost, Situation

_ALGORITHMS = ("authentication_algorithm", "encryption_algorithm")
_NEW_KEYS = "all have registered for new keys"


def new_keys(here: Situation) -> Iterator[Step]:
    """A step for each group whose keys must go at once."""
    for group in here.groups:
        kind = _voiding(here, group)
        if kind is not None:
            # Whoever could not be looked at gets them as well.
            apart = (Apart(group.name, group.members, _NEW_KEYS),) if group.members else ()
            yield Step(kind, group.servers, {}, (group.name,), apart)


def _voiding(here: Situation, group: Group) -> Kind | None:
    """Why a group's keys must go at once; None: they need not."""
    if excludes(here, group):
        return Kind.NEW_KEYS
    return Kind.NEW_ALGORITHMS if _outdates(here, group) else None


def remade(here: Situation) -> tuple[str, ...]:
    """Groups whose maker of keys learns other algorithms of traffic, and pushes what it makes."""
    return tuple(g.name for g in here.groups if not _is_silent(here, g) and _is_outgrown(here, g))


def _is_outgrown(here: Situation, group: Group) -> bool:
    """Whether the keys that are there have other algorithms, as far as that is said."""
    want = _algorithms(*next(_wanted_and_found(here, group)))
    makers = [h for h in group.servers if _makes_keys(here.block(h, group))]
    found = [_algorithms(here.now[h]["server"], here.block(h, group) or {}) for h in makers]
    return any(one != want and all(map(all, one)) for one in found)


def renewing(here: Situation, learn: Mapping[str, Change]) -> Iterator[Step]:
    """Members that no push reaches, and that have to ask for what is new.

    ``learn``: what servers learn before.
    """
    whom = [(group, hosts) for group in here.groups if (hosts := _to_ask(here, group, learn))]
    if not whom:
        return
    hosts = joined((), (host for _group, them in whom for host in them))
    apart = [
        Apart(group.name, tuple(them), _NEW_KEYS)
        for group, them in whom
        if _has_other_keys(here, group, them)
    ]
    names = tuple(group.name for group, _them in whom)
    old = tuple(joined((), (host for group, _them in whom for host in _with_old_keys(here, group))))
    yield Step(Kind.RENEW, tuple(hosts), {}, names, tuple(apart), old)


def _with_old_keys(here: Situation, group: Group) -> list[str]:
    """Members that would go on sending for a while with keys that others do not have."""
    if _voiding(here, group) is not None:
        return here.managed(group)
    return [h for h, holds in _lost(here, group) if holds is Lost.OLD_KEYS]


def _to_ask(here: Situation, group: Group, learn: Mapping[str, Change]) -> list[str]:
    if _unpushed(here, group):
        return here.managed(group)
    if _pushed_otherwise(here, group):
        return here.stay(group)
    is_new = not learn.keys().isdisjoint(group.servers)
    # Who asked in vain may not ask again for long; who is called otherwise is listed nowhere.
    missed = {h for h, holds in _lost(here, group) if is_new or holds is not Lost.NOTHING}
    return [host for host in here.stay(group) if host in missed]


def _has_other_keys(here: Situation, group: Group, hosts: list[str]) -> bool:
    """Whether some do not understand the others until they have asked."""
    stranded = any(host in hosts for host, _holds in _lost(here, group))
    return stranded or _unpushed(here, group) or _of_v1(here, hosts)


def _lost(here: Situation, group: Group) -> Iterable[tuple[str, Lost]]:
    return here.stranded.get(group.name, {}).items()


def _of_v1(here: Situation, hosts: Iterable[str]) -> bool:
    return any(here.generation(host) is Generation.V1 for host in hosts)


def _pushed_otherwise(here: Situation, group: Group) -> bool:
    """Whether pushes begin, or go another way."""
    want, kinds = group.communication, _kinds(here.blocks(group))
    return want is not None and bool(kinds) and kinds != {_kind(want)}


def _unpushed(here: Situation, group: Group) -> bool:
    """Whether traffic keys change and no push tells of them.

    Where another server comes to make keys, the one that members hear follows it at once: its push
    that keys are void may come under a key for rekeying that they do not have.
    """
    makes_others = moves(here, group)
    if not _is_silent(here, group):
        return makes_others and excludes(here, group)
    return makes_others or traffic_changes(here, group) or _voiding(here, group) is not None


def _is_silent(here: Situation, group: Group) -> bool:
    """Whether nothing is pushed, or was not before."""
    return group.communication is None or _kinds(here.blocks(group)) == {None}


def _outdates(here: Situation, group: Group) -> bool:
    """Whether keys have old algorithms, and no push brings others.

    Whether a server goes on handing out such a key until it is due is not public.
    """
    want, *found = (_algorithms(*one) for one in _wanted_and_found(here, group))
    changes = group.name in here.outdated or any(one != want for one in found)
    return changes and _is_silent(here, group)


def moves(here: Situation, group: Group) -> bool:
    """Whether another server comes to make the group's keys."""
    makers = {host for host in here.now if _makes_keys(here.block(host, group))}
    return bool(makers) and makers != {group.servers[0]}


def _makes_keys(block: Config | None) -> bool:
    """Whether a server that has this block of a group makes its keys."""
    if block is None:
        return False
    cluster = block.get("server_cluster")
    return cluster is None or cluster.get("server_role") == ROOT


def traffic_changes(here: Situation, group: Group) -> bool:
    """Whether what a server hands out for the group becomes something else."""
    want, *found = (
        (block.get("ipsec_sas"), entries(server, "ipsec", "proposals").get(group.name))
        for server, block in _wanted_and_found(here, group)
    )
    return any(one != want for one in found)


def _wanted_and_found(here: Situation, group: Group) -> Iterator[tuple[Config, Config]]:
    """What its first server is to have, and has of the group; then what those have that know it."""
    root = here.server(group.servers[0])
    yield root, entries(root, "groups")[group.name]
    for host in group.servers:
        block = here.block(host, group)
        if block is not None:
            yield here.now[host]["server"], block


def _algorithms(server: Config, block: Config) -> set[tuple[Any, ...]]:
    """Of traffic, whatever their proposals are called."""
    proposals = entries(server, "ipsec", "proposals")
    used = (proposals.get(sa.get("proposal"), {}) for sa in block.get("ipsec_sas") or ())
    return {tuple(map(one.get, _ALGORITHMS)) for one in used}


def _kind(communication: Any) -> str | None:
    return None if communication is None else communication.get("communication_type", "unicast")


def _kinds(blocks: list[Config]) -> set[str | None]:
    return {_kind(block.get("server_member_communication")) for block in blocks}

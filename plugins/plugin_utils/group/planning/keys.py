# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys: who must not read any more, and whom no push tells of what is new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...engine.values import Generation
from ..configurations import entries, joined
from ..description import REREGISTER, Group
from ..expand import Config
from ..steps import Apart, Kind, Step
from .situation import Situation

_NEW_KEYS = "all have registered for new keys"


def new_keys(here: Situation) -> Iterator[Step]:
    """A step for each group whose keys somebody holds who has gone."""
    for group in here.groups:
        stay = (*here.stay(group), *here.unmanaged(group))
        if stay and _excludes(here, group):
            apart = Apart(group.name, stay, _NEW_KEYS)
            yield Step(Kind.NEW_KEYS, group.servers, {}, (group.name,), (apart,))


def _excludes(here: Situation, group: Group) -> bool:
    """Whether somebody has gone who must not read what the others say from now on."""
    if group.exclude != REREGISTER:
        return False
    return group.name in here.readable or _somebody_left(here, group)


def _somebody_left(here: Situation, group: Group) -> bool:
    """Whether the group has had a gateway of somebody who is no member."""
    names = {here.device(host).name for host in group.members}
    had = (name for block in here.blocks(group) for name in block.get("ike_gateways", ()))
    return any(name not in names for name in had)


def renewing(here: Situation) -> Iterator[Step]:
    """Members that no push reaches, and that have to ask for what is new."""
    known = [group for group in here.groups if here.blocks(group) and here.stay(group)]
    cut = {group.name for group in known if _unpushed(here, group)}
    groups = [g for g in known if g.name in cut or _pushed_otherwise(here, g)]
    if not groups:
        return
    hosts = joined((), (host for group in groups for host in here.stay(group)))
    apart = [
        Apart(group.name, tuple(here.stay(group)), _NEW_KEYS)
        for group in groups
        if group.name in cut or _of_v1(here, here.stay(group))
    ]
    yield Step(Kind.RENEW, tuple(hosts), {}, tuple(g.name for g in groups), tuple(apart))


def _of_v1(here: Situation, hosts: Iterable[str]) -> bool:
    return any(here.generation(host) is Generation.V1 for host in hosts)


def _pushed_otherwise(here: Situation, group: Group) -> bool:
    """Whether pushes begin, or go another way."""
    want = group.communication
    return want is not None and _kinds(here.blocks(group)) != {_kind(want)}


def _unpushed(here: Situation, group: Group) -> bool:
    """Whether traffic keys change and nothing pushes them."""
    if group.communication is not None and _kinds(here.blocks(group)) != {None}:
        return False
    return _traffic_changes(here, group) or _excludes(here, group)


def _traffic_changes(here: Situation, group: Group) -> bool:
    """Whether what a server hands out for the group becomes something else."""
    root = here.server(group.servers[0])
    want = _traffic(root, entries(root, "groups")[group.name], group)
    found = ((here.now[host]["server"], here.block(host, group)) for host in group.servers)
    return any(
        _traffic(server, block, group) != want for server, block in found if block is not None
    )


def _traffic(server: Config, block: Config, group: Group) -> tuple[Any, Any]:
    return block.get("ipsec_sas"), entries(server, "ipsec", "proposals").get(group.name)


def _kind(communication: Any) -> str | None:
    return None if communication is None else communication.get("communication_type", "unicast")


def _kinds(blocks: list[Config]) -> set[str | None]:
    return {_kind(block.get("server_member_communication")) for block in blocks}

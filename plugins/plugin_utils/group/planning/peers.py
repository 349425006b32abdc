# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gateways that servers have of a group: who has gone, and who is only called otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...engine.secret import Secret
from ..configurations import entries, settled
from ..description import REREGISTER, Group
from ..expand import Config
from .situation import Situation

_OWN_WORDS = frozenset({"name", "ike_policy", "local_address"})
"""What of a gateway says nothing of who is behind it."""


def excludes(here: Situation, group: Group) -> bool:
    """Whether somebody has gone who must not read what the others say from now on."""
    if group.exclude != REREGISTER:
        return False
    return group.name in here.readable or _somebody_left(here, group)


def _somebody_left(here: Situation, group: Group) -> bool:
    """Whether the group has had a gateway of somebody who is not a member."""
    wanted = {here.device(host).name for host in group.members}
    return any(_has_left(here, group, server, wanted) for server in group.servers)


def _has_left(here: Situation, group: Group, server: str, wanted: set[str]) -> bool:
    had = (here.block(server, group) or {}).get("ike_gateways") or ()
    gone = [name for name in had if name not in wanted]
    if not gone:
        return False
    want = settled("server", here.server(server), here.generation(server))
    members = {who(want, name) for name in wanted}
    return any(who(here.now[server]["server"], name) not in members for name in gone)


def who(server: Config, name: str) -> Any:
    """Who is behind a gateway: an address or an identity, with the key that proves it."""
    gateway = entries(server, "ike", "gateways").get(name, {})
    policy = entries(server, "ike", "policies").get(gateway.get("ike_policy", ""), {})
    key = policy.get("pre_shared_key")
    if not isinstance(key, dict) or any(_is_opaque(one) for one in key.values()):
        return name, None
    peer = {word: value for word, value in gateway.items() if word not in _OWN_WORDS}
    return str(sorted(peer.items())), frozenset(key.items())


def not_renamed(server: Config, names: Iterable[str], want: Config) -> list[str]:
    """Those of some gateways at whose addresses nobody is wanted by another name."""
    wanted = entries(want, "ike", "gateways").items()
    called = {gateway["address"]: name for name, gateway in wanted if "address" in gateway}
    known = entries(server, "ike", "gateways")
    return [name for name in names if called.get(known.get(name, {}).get("address"), name) == name]


def _is_opaque(key: Any) -> bool:
    return not isinstance(key, Secret) or key.is_opaque

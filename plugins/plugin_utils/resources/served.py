# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The groups that a key server serves: what decides who is in their lists, as far as in force.

The tables are those of ``server``; what they do not lead to is not asked for, keys above all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..engine.device import Device
from ..engine.resource import Resource
from ..engine.schema import Container, Tree
from . import server
from .server_member_communication import BLOCK, effective

DEFAULT_KEY_LIFETIME = 3600
"""Seconds that a traffic key lives where the IPsec proposal does not say."""

_ASKED = Resource(
    name="served",
    prefix=server.RESOURCE.prefix,
    root=Container(
        name="server",
        partial=True,
        children=(
            replace(server.GROUP, partial=True),
            Container(name="ike", partial=True, children=(server.GATEWAY,)),
            Container(name="ipsec", partial=True, children=(server.IPSEC_PROPOSAL,)),
        ),
    ),
    landmarks=("group",),
)


@dataclass(frozen=True)
class Group:
    """One group of a key server.

    ``communication``: a key of ``meaning.LIST_SHOWS``; ``admits``: names of the gateways whose
    peers may be members; ``gateways``: those that are configured, name to address, None for a
    dynamic peer; ``clustered``: other servers have this group too, and lists of their own;
    ``key_lifetime``: seconds that the longest-lived traffic key lives.
    """

    name: str
    id: int | None = None
    communication: str = "none"
    admits: frozenset[str] = frozenset()
    gateways: Mapping[str, str | None] = field(default_factory=dict)
    clustered: bool = False
    key_lifetime: int = DEFAULT_KEY_LIFETIME


def read_groups(device: Device) -> dict[str, Group]:
    """The groups of a device, which keeps as warnings what of them may not be known.

    Raises DeviceError, MalformedReply and TransportFailure.
    """
    reading = _ASKED.read(device.read(_ASKED.read_filter()))
    for note in reading.notes:
        device.warn(note)
    tree = reading.in_force(_ASKED.root)
    return {name: _group(name, group, tree) for name, group in tree.get("group", {}).items()}


def _group(name: str, group: Tree, whole: Tree) -> Group:
    gateways = whole.get("ike", {}).get("gateway", {})
    block, names = group.get(BLOCK), group.get("ike-gateway", {})
    used = [association.get("proposal") for association in group.get("ipsec-sa", {}).values()]
    return Group(
        name,
        group.get("group-id"),
        "none" if block is None else effective(block, "communication-type"),
        frozenset(names),
        {name: gateways[name].get("address") for name in names if name in gateways},
        "server-cluster" in group,
        _lives(whole.get("ipsec", {}).get("proposal", {}), used, "lifetime-seconds"),
    )


def _lives(proposals: Mapping[str, Tree], used: Iterable[str | None], lifetime: str) -> int:
    """Seconds that the longest-lived traffic key of associations with these proposals lives."""
    there = (proposals.get(name, {}) for name in used if name is not None)
    lives = (proposal.get(lifetime, DEFAULT_KEY_LIFETIME) for proposal in there)
    return max(lives, default=DEFAULT_KEY_LIFETIME)


def key_lifetimes(config: Mapping[str, Any]) -> dict[int, int]:
    """Of the module's ``config``: group number to seconds that a new traffic key lives."""
    proposals = {p["name"]: p for p in (config.get("ipsec") or {}).get("proposals") or ()}
    found = {}
    for group in config.get("groups") or ():
        used = [association.get("proposal") for association in group.get("ipsec_sas") or ()]
        if "group_id" in group:
            found[group["group_id"]] = _lives(proposals, used, "lifetime_seconds")
    return found

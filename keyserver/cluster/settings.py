# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the committed configuration says about a group's other key servers (``server-cluster``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from ..config.tree import Tree, lookup
from ..groups.gateways import Peers
from ..groups.hosts import addresses_of, host_mapping
from ..groups.settings import DEFAULT_RETRANSMISSION_PERIOD
from ..ike.proposal import PeerPolicy

DEFAULT_DPD_INTERVAL = 10
DEFAULT_DPD_THRESHOLD = 5


class ServerRole(Enum):
    """``server-role`` of a server-cluster."""

    ROOT = "root-server"
    SUB = "sub-server"


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """``server-cluster`` of a group; ``retransmission_period`` in seconds."""

    role: ServerRole
    gateways: tuple[str, ...]
    retransmission_period: int


def _cluster(block: Tree | None) -> ClusterSettings | None:
    if block is None or "server-role" not in block:
        return None
    return ClusterSettings(
        ServerRole(block["server-role"]),
        tuple(block.get("ike-gateway", {})),
        int(block.get("retransmission-period", DEFAULT_RETRANSMISSION_PERIOD)),
    )


@dataclass(frozen=True, slots=True)
class ClusterPeer:
    """Another server of a group's cluster, and how it is probed; times in seconds."""

    policy: PeerPolicy
    address: str
    own_role: ServerRole
    retransmission_period: int
    dpd_interval: int
    dpd_threshold: int


def followers(tree: Tree, groups: Iterable[str]) -> list[str]:
    """Of these groups, those whose keys another server makes."""
    server = lookup(tree, "security", "group-vpn", "server")
    clusters = {n: _cluster(lookup(server, "group", n).get("server-cluster")) for n in groups}
    return [n for n, c in clusters.items() if c and c.gateways and c.role is ServerRole.SUB]


def cluster_peers(
    tree: Tree, groups: Iterable[str], peers: Peers
) -> dict[str, tuple[ClusterPeer, ...]]:
    """The other servers of each group's cluster that can be reached."""
    server = lookup(tree, "security", "group-vpn", "server")
    gateways, hosts = lookup(server, "ike", "gateway"), host_mapping(tree)
    found: dict[str, tuple[ClusterPeer, ...]] = {}
    for name in groups:
        cluster = _cluster(lookup(server, "group", name).get("server-cluster"))
        if cluster is None:
            continue
        found[name] = tuple(
            peer
            for gateway in cluster.gateways
            for policy in peers.of(gateway)[:1]
            for peer in _met(cluster, policy, gateways.get(gateway, {}), hosts)
        )
    return found


def _met(
    cluster: ClusterSettings, policy: PeerPolicy, gateway: Tree, hosts: Tree
) -> Iterator[ClusterPeer]:
    """The other server behind a gateway; nobody where its address is an unknown host's name."""
    probing = gateway.get("dead-peer-detection", {})
    for address in addresses_of(hosts, gateway.get("address", ""))[:1]:
        yield ClusterPeer(
            policy,
            address,
            cluster.role,
            cluster.retransmission_period,
            int(probing.get("interval", DEFAULT_DPD_INTERVAL)),
            int(probing.get("threshold", DEFAULT_DPD_THRESHOLD)),
        )

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is shown of a server cluster, and what clears it."""

from __future__ import annotations

import dataclasses

from lxml import etree

from ..netconf.arguments import Argument
from ..netconf.reply import xml_text
from ..netconf.rpcs.group_vpn.chosen import CHOICE, GROUP, NAME, chosen_groups
from ..netconf.rpcs.group_vpn.place import PLACE
from ..netconf.rpcs.level import LEVEL, LEVELS, is_detail
from ..netconf.rpcs.platform import Elements, OperationalRpc, Platform, takes
from ..netconf.session import Request
from .servers import LinkView, ServerCluster

_SHOW, _CLEAR = "show security group-vpn server", "clear security group-vpn server"


def _cluster(device: Platform) -> ServerCluster:
    return next(one for one in device.companions if isinstance(one, ServerCluster))


def _server_cluster(device: Platform, request: Request) -> Elements:
    """Children are not published: the names follow those of the other server replies."""
    own, dialect = request.dialect.own, request.dialect
    detail, peer = is_detail(request), request.text("peer-gateway")
    root = dialect.styled(own("server-cluster-information"), style="detail" if detail else "brief")
    for group in chosen_groups(device.groups, request, request.now):
        links = [
            link for link in _cluster(device).views(group.name) if peer in (None, link.gateway)
        ]
        if not links:
            continue
        block = own(
            "server-cluster-group",
            None,
            own("group-vpn-group-name", xml_text(group.name)),
            own("group-vpn-group-id", str(group.group_id)),
            own("server-cluster-role", links[0].own_role),
            own("server-cluster-makes-keys", "yes" if links[0].leading else "no"),
        )
        block.extend(_cluster_peer(request, link, detail) for link in links)
        root.append(block)
    return [root]


def _cluster_peer(request: Request, link: LinkView, detail: bool) -> etree._Element:
    own = request.dialect.own
    entry = own(
        "server-cluster-peer",
        None,
        own("peer-gateway", xml_text(link.gateway)),
        own("peer-address", link.address),
        own("peer-status", link.state),
    )
    if detail:
        counters = dataclasses.asdict(link.counters)
        entry.append(
            own(
                "server-cluster-stats",
                None,
                *(own(name.replace("_", "-"), str(count)) for name, count in counters.items()),
            )
        )
    return entry


def _clear_cluster(device: Platform, request: Request) -> Elements:
    _cluster(device).clear(request.now)
    return []


def _clear_cluster_statistics(device: Platform, request: Request) -> Elements:
    for group in chosen_groups(device.groups, request, request.now):
        _cluster(device).clear_statistics(group.name, request.text("peer-gateway"))
    return []


_RPCS = {
    "get-security-group-vpn-svr-svr-cluster-info": OperationalRpc(
        _server_cluster,
        takes(
            *LEVEL,
            *GROUP,
            Argument("peer-gateway", NAME),
            *PLACE,
            alternatives=(LEVELS, CHOICE),
        ),
        f"{_SHOW} server-cluster",
    ),
    "clear-security-group-vpn-server-server-cluster": OperationalRpc(
        _clear_cluster, command=f"{_CLEAR} server-cluster"
    ),
    "clear-security-group-vpn-svr-svr-cluster-stats": OperationalRpc(
        _clear_cluster_statistics,
        takes(*GROUP, Argument("peer-gateway", NAME), alternatives=(CHOICE,)),
        f"{_CLEAR} server-cluster statistics",
    ),
}


def cluster_rpcs(generation: str) -> dict[str, OperationalRpc]:
    """Group VPNv2 alone has server clusters."""
    return _RPCS if generation == "v2" else {}

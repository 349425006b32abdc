# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a description to what each device needs: configurations of ``server`` and ``member``.

Names: an IKE proposal is called after its algorithms, so that an old and a new one can stand side
by side; on servers a policy and a gateway after the member (one policy per key), the rest after the
group; on members everything after the group.
"""

from __future__ import annotations

from typing import Any

from ..engine.values import Generation
from .description import SERVER_SETTINGS, VPN_SETTINGS, Description, Device, Group, Options

Config = dict[str, Any]
Sides = dict[str, Config]
"""``server`` and ``member``, each the option ``config`` of the module of that name."""

_V1, _V2 = Generation.V1, Generation.V2
_ADDRESSES = {_V1: "addresses", _V2: "server_addresses"}
IDENTITIES = {
    "inet": "identity_ipv4",
    "hostname": "identity_hostname",
    "user_at_hostname": "identity_user",
}
"""Who a member says that it is: a server's word for it, and the member's."""
ROOT, SUB = "root-server", "sub-server"


def configurations(description: Description) -> dict[str, Sides]:
    """Host to its configurations; hosts that no group names have none."""
    found: dict[str, Sides] = {}
    for host, device in description.devices.items():
        served, joined = list(description.of_server(host)), list(description.of_member(host))
        if device.managed and (served or joined):
            found[host] = {
                "server": _server(description, device, served) if served else {},
                "member": _member(description, device, joined) if joined else {},
            }
    return found


def proposal_name(proposal: Options) -> str:
    """The name of an IKE proposal."""
    words = ("encryption_algorithm", "authentication_algorithm", "dh_group")
    return "-".join(str(proposal.get(word)) for word in words)


# Servers


def _server(description: Description, server: Device, groups: list[Group]) -> Config:
    peers = _peers(description, server, groups)
    return {
        "ike": {
            "proposals": _unique(_ike_proposal(group, on_member=False) for group in groups),
            "policies": [peer["policy"] for peer in peers],
            "gateways": [peer["gateway"] for peer in peers],
        },
        "ipsec": {"proposals": [{"name": g.name, **g.ipsec_proposal} for g in groups]},
        "groups": [_group(description, server, group) for group in groups],
    }


def _peers(
    description: Description, server: Device, groups: list[Group]
) -> list[dict[str, Config]]:
    """The policy and the gateway of everybody whom a server talks to, each once."""
    peers: dict[str, dict[str, Config]] = {}
    for group in groups:
        for host in group.members:
            _add_peer(peers, description.devices[host], _policy(description, host), group, server)
        for host in _other_servers(server, group):
            device, root = description.devices[host], description.devices[group.servers[0]]
            _add_peer(peers, device, ("main", root.key), group, server)
            peers[device.name]["gateway"]["dead_peer_detection"] = {"always_send": True}
    return list(peers.values())


def _other_servers(server: Device, group: Group) -> list[str]:
    """Those with which a server shares the group's keys."""
    return [host for host in group.servers if host != server.host]


def is_cluster(group: Group) -> bool:
    """Whether its servers share its keys."""
    return len(group.servers) > 1


def _policy(description: Description, host: str) -> tuple[str, str | None]:
    device = description.devices[host]
    return _mode(device), device.key


def _mode(device: Device) -> str:
    # Main mode with pre-shared keys finds the key by the peer's address.
    return "aggressive" if device.dynamic else "main"


def _add_peer(
    peers: dict[str, dict[str, Config]],
    device: Device,
    policy: tuple[str, str | None],
    group: Group,
    server: Device,
) -> None:
    mode, key = policy
    if device.name not in peers:
        peers[device.name] = {
            "policy": _given(name=device.name, mode=mode, proposals=[], pre_shared_key=key),
            "gateway": _gateway(device, server),
        }
    proposals = peers[device.name]["policy"]["proposals"]
    name = proposal_name(group.ike_proposal)
    if name not in proposals:
        proposals.append(name)


def _gateway(device: Device, server: Device) -> Config:
    return _given(
        name=device.name,
        ike_policy=device.name,
        address=None if device.dynamic else device.address,
        dynamic=dict(device.dynamic) or None,
        local_address=server.address if server.generation is _V2 else None,
    )


def _group(description: Description, server: Device, group: Group) -> Config:
    devices = description.devices
    found = _given(
        name=group.name,
        group_id=group.group_id,
        ike_gateways=[devices[host].name for host in group.members],
        server_address=server.address if server.generation is _V1 else None,
        server_member_communication=_plain(group.communication),
        ipsec_sas=[
            {
                "name": group.name,
                "proposal": group.name,
                "match_policies": [dict(policy) for policy in group.match_policies],
            }
        ],
        **{name: group.settings[name] for name in SERVER_SETTINGS if name in group.settings},
    )
    others = _other_servers(server, group)
    if others:
        found["server_cluster"] = {
            "server_role": ROOT if server.host == group.servers[0] else SUB,
            "ike_gateways": [devices[host].name for host in others],
        }
    return found


# Members


def _member(description: Description, member: Device, groups: list[Group]) -> Config:
    proposals = _unique(_ike_proposal(group, on_member=True) for group in groups)
    return {
        "ike": {
            "proposals": proposals,
            "policies": [
                _given(
                    name=group.name,
                    mode=_mode(member),
                    proposals=[proposal_name(group.ike_proposal)],
                    pre_shared_key=member.key,
                )
                for group in groups
            ],
            "gateways": [_servers(description, member, group) for group in groups],
        },
        "ipsec": {"vpns": [_vpn(description, member, group) for group in groups]},
        "policies": [
            {"from_zone": p.get("from_zone"), "to_zone": p.get("to_zone"), "vpn": vpn}
            for p in member.policies
            for vpn in [p.get("group") or groups[0].name]
            if vpn in [group.name for group in groups]
        ],
    }


def _servers(description: Description, member: Device, group: Group) -> Config:
    addresses = [description.devices[host].address for host in group.servers]
    identity = {
        kind: {IDENTITIES[kind]: value}
        for kind, value in member.dynamic.items()
        if kind in IDENTITIES
    }
    return _given(
        name=group.name,
        ike_policy=group.name,
        local_address=member.address,
        local_identity=identity or None,
        **{_ADDRESSES[member.generation]: [a for a in addresses if a is not None]},
    )


def _vpn(description: Description, member: Device, group: Group) -> Config:
    found = _given(
        name=group.name,
        ike_gateway=group.name,
        group_vpn_external_interface=member.external_interface,
        group=group.group_id,
        **{name: group.settings[name] for name in VPN_SETTINGS if name in group.settings},
    )
    if member.generation is _V1 and serves(description, group) is _V2:
        # A v2 server may send no heartbeats, and a v1 member would take that for its end.
        found.setdefault("heartbeat_threshold", 0)
    return found


def serves(description: Description, group: Group) -> Generation | None:
    """The generation of a group's servers; None while it has none."""
    found = [description.devices[host].generation for host in group.servers]
    return found[0] if found else None


def _ike_proposal(group: Group, *, on_member: bool) -> Config:
    own = {n: v for n, v in group.ike_proposal.items() if on_member or n != "lifetime_seconds"}
    return {
        "name": proposal_name(group.ike_proposal),
        "authentication_method": "pre-shared-keys",
        **own,
    }


def _unique(entries: Any) -> list[Config]:
    return list({entry["name"]: entry for entry in entries}.values())


def _given(**options: Any) -> Config:
    return {name: value for name, value in options.items() if value is not None}


def _plain(options: Options | None) -> Config | None:
    return None if options is None else dict(options)

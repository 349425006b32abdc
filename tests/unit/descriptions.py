# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Generated descriptions of whole Group VPNs, and fleets that carry out plans in memory."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.secret import Secret
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.configurations import (
    after,
    entries,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.contradictions import refusals
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.reading import read
from hypothesis import strategies as st

SITES = [f"site-{n}" for n in range(1, 6)]
HUBS = [f"hub-{n}" for n in range(1, 4)]
UNICAST = {
    "communication_type": "unicast",
    "encryption_algorithm": "aes-256-cbc",
    "sig_hash_algorithm": "sha-256",
}


def hosts_of(keys: dict[str, str] | None = None, **more: Any) -> dict[str, dict[str, Any]]:
    """Variables of every host, without their prefix."""
    hosts = {
        name: {"address": f"192.0.2.{n}", "pre_shared_key": "key-of-hubs"}
        for n, name in enumerate(HUBS, 1)
    }
    for n, name in enumerate(SITES, 1):
        hosts[name] = {
            "address": f"198.51.100.{n}",
            "pre_shared_key": (keys or {}).get(name, f"key-of-{name}"),
            "external_interface": "ge-0/0/1.0",
            "policies": [{"from_zone": "LAN", "to_zone": "WAN"}],
            "inventory_groups": ["branches"],
        }
    for name, given in more.items():
        hosts[name.replace("_", "-")] |= given
    return {h: {k: v for k, v in own.items() if v is not None} for h, own in hosts.items()}


def group_of(**more: Any) -> dict[str, Any]:
    """One group of all sites at the first hub, which nothing speaks against."""
    return {
        "name": "BRANCHES",
        "group_id": 70000,
        "servers": ["hub-1"],
        "members": ["branches"],
        "match_policies": [{"name": "all", "source": "10.0.0.0/8", "destination": "10.0.0.0/8"}],
        "server_member_communication": copy.deepcopy(UNICAST),
        **more,
    }


def contradictions(groups: Any, hosts: dict[str, dict[str, Any]]) -> list[str]:
    """What speaks against a description, as a task says it."""
    return refusals(read(groups, hosts))


@st.composite
def described(draw: Any) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """One to two groups, and the hosts' variables."""
    groups = []
    free = list(SITES)
    for number in range(1, draw(st.integers(1, 2)) + 1):
        members = draw(st.lists(st.sampled_from(free), min_size=1, unique=True)) if free else []
        if not members:
            break
        free = [name for name in free if name not in members]
        groups.append(
            {
                "name": f"G{number}",
                "group_id": number,
                "servers": draw(st.lists(st.sampled_from(HUBS), min_size=1, unique=True)),
                "members": members,
                "ike_proposal": {
                    "encryption_algorithm": draw(st.sampled_from(["aes-128-cbc", "aes-256-cbc"])),
                    "authentication_algorithm": draw(st.sampled_from(["sha-256", "sha-384"])),
                    "dh_group": draw(st.sampled_from(["group14", "group24"])),
                },
                "ipsec_proposal": {
                    "encryption_algorithm": draw(st.sampled_from(["aes-128-cbc", "aes-256-cbc"])),
                    "authentication_algorithm": "hmac-sha-256-128",
                    "lifetime_seconds": draw(st.sampled_from([1800, 3600])),
                },
                "match_policies": [
                    {
                        "name": "all",
                        "source": f"10.{number}.0.0/16",
                        "destination": f"10.{number}.0.0/16",
                    }
                ],
                **draw(
                    st.sampled_from(
                        [
                            {"exclude": "reregister"},
                            *(
                                {
                                    "exclude": way,
                                    "server_member_communication": copy.deepcopy(UNICAST),
                                }
                                for way in ("reregister", "rekey")
                            ),
                        ]
                    )
                ),
            }
        )
    changed = draw(st.dictionaries(st.sampled_from(SITES), st.sampled_from(["new", "newer"])))
    return groups, hosts_of(changed)


class Fleet:
    """Devices in memory: their configurations, and which keys members hold after each step.

    Keys are told by the server that made them and a count. A server that has none takes those of
    its cluster's root, else makes its own; it keeps them as long as it serves the group. A member
    that cannot register holds None.
    """

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, Any]] = {
            host: {"server": {}, "member": {}} for host in (*HUBS, *SITES)
        }
        self.holds: dict[tuple[str, int], tuple[str, int] | None] = {}
        self.keys: dict[tuple[str, int], tuple[str, int]] = {}
        self._made = 0

    def change(self, host: str, change: Any) -> None:
        """What a device does with a change; a member whose registration it touches registers."""
        have = self.sides[host]
        side = change.side
        then = after(side, have[side], change.config, change.drop, Generation.V2)
        before, have[side] = have[side], then
        if side == "server":
            self._serve(host)
            return
        vpns = {vpn["group"]: vpn for vpn in entries(then, "ipsec", "vpns").values()}
        for _host, number in [key for key in self.holds if key[0] == host]:
            if number not in vpns:
                del self.holds[host, number]
        for number, vpn in vpns.items():
            known = (host, number) in self.holds
            if not known or _way(before, number) != _way(then, number):
                self.register(host, vpn["group"])

    def _serve(self, host: str) -> None:
        numbers = {g["group_id"]: g["name"] for g in self._groups(host).values()}
        for _host, number in [key for key in self.keys if key[0] == host]:
            if number not in numbers:
                del self.keys[host, number]
        for number, name in numbers.items():
            root = self._root(host, name)
            if root is not None and (root, number) in self.keys:
                self.keys[host, number] = self.keys[root, number]
            elif root is None:
                self.keys.setdefault((host, number), self._new(host))

    def share(self) -> None:
        """Servers of a cluster have taken the keys of their root."""
        for host in self.sides:
            self._serve(host)

    def _new(self, host: str) -> tuple[str, int]:
        self._made += 1
        return host, self._made

    def _groups(self, host: str) -> dict[str, Any]:
        return entries(self.sides[host]["server"], "groups")

    def _root(self, server: str, group: str) -> str | None:
        """Whose keys a server follows; None: it makes them."""
        cluster = self._groups(server)[group].get("server_cluster")
        if cluster is None or cluster["server_role"] == "root-server":
            return None
        for other in cluster["ike_gateways"]:
            block = self._groups(other).get(group) or {}
            if (block.get("server_cluster") or {}).get("server_role") == "root-server":
                return str(other)
        return other

    def register(self, host: str, number: int) -> None:
        """A member asks its servers, in order."""
        self.holds[host, number] = self._granted(host, number)

    def _granted(self, host: str, number: int) -> tuple[str, int] | None:
        member = self.sides[host]["member"]
        vpn = next(v for v in entries(member, "ipsec", "vpns").values() if v["group"] == number)
        gateway = entries(member, "ike", "gateways")[vpn["ike_gateway"]]
        offer = _offer(member, gateway["ike_policy"])
        for address in gateway["server_addresses"]:
            server = next(h for h, s in hosts_of().items() if s["address"] == address)
            config = self.sides[server]["server"]
            for group in entries(config, "groups").values():
                if group["group_id"] != number:
                    continue
                for name in group["ike_gateways"]:
                    peer = entries(config, "ike", "gateways")[name]
                    if peer.get("address") == gateway["local_address"] and _agree(
                        offer, _offer(config, peer["ike_policy"])
                    ):
                        return self.keys.get((server, number))
        return None

    def clear(self, number: int) -> None:
        """New keys, and all members register."""
        for host in list(self.sides):
            if (host, number) in self.keys:
                self.keys[host, number] = self._new(host)
        self.share()
        for host, of in list(self.holds):
            if of == number:
                self.register(host, of)

    def apart(self, number: int, among: Collection[str]) -> set[str]:
        """Those of some members of a group that do not have what most of them have, or nothing."""
        held = {h: key for (h, of), key in self.holds.items() if of == number and h in among}
        values = list(held.values())
        if len(set(values)) <= 1 and None not in values:
            return set()
        usual = max({v for v in values if v is not None} or {None}, key=values.count)
        return {host for host, key in held.items() if key is None or key != usual}


def _way(member: dict[str, Any], number: int) -> Any:
    """What a member's registration in a group depends on."""
    vpns = entries(member, "ipsec", "vpns").values()
    vpn = next((one for one in vpns if one["group"] == number), None)
    if vpn is None:
        return None
    gateway = entries(member, "ike", "gateways")[vpn["ike_gateway"]]
    return vpn, gateway, _offer(member, gateway["ike_policy"])


def _offer(config: dict[str, Any], policy: str) -> tuple[str, set[Any]]:
    found = entries(config, "ike", "policies")[policy]
    proposals = entries(config, "ike", "proposals")
    words = ("encryption_algorithm", "authentication_algorithm", "dh_group")
    key = found["pre_shared_key"]
    key = key["ascii_text"] if isinstance(key, dict) else key
    return (
        key.reveal() if isinstance(key, Secret) else key,
        {tuple(proposals[name][word] for word in words) for name in found["proposals"]},
    )


def _agree(one: tuple[str, set[Any]], other: tuple[str, set[Any]]) -> bool:
    return one[0] == other[0] and bool(one[1] & other[1])

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way back: from what a fleet has to the description that a person would have written.

Devices do not give keys back in the clear, so a description has none: ``keys`` says which variables
have to be filled. What has no place in a description is named in ``unfit``, with its statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from .configurations import entries, joined
from .description import SERVER_SETTINGS, VPN_SETTINGS, Options
from .expand import IDENTITIES, ROOT, Config
from .fit import misfits
from .unplaced import unplaced

Gathered = Mapping[str, Mapping[str, Any]]
"""Host to ``server`` and ``member``, what the modules gathered, and ``generation``."""

_PREFIX = "group_vpn_"


def describe(fleet: Gathered) -> dict[str, Any]:
    """``group_vpn_groups``, ``hosts`` (variables by host), ``keys`` to be filled, ``unfit``."""
    return _Describer(fleet).describe()


class _Describer:
    def __init__(self, fleet: Gathered) -> None:
        self._fleet = fleet
        self._hosts: dict[str, dict[str, Any]] = {}
        self._unfit: list[str] = []
        self._keys: dict[str, None] = {}
        self._members = dict(self._known())

    def describe(self) -> dict[str, Any]:
        for host, sides in self._fleet.items():
            self._unfit += unplaced(host, sides)
        groups = [self._group(*found) for found in self._found()]
        own = {
            host: {option.removeprefix(_PREFIX): value for option, value in found.items()}
            for host, found in self._hosts.items()
        }
        self._unfit += misfits(self._fleet, groups, own)
        return {
            "group_vpn_groups": groups,
            "hosts": self._hosts,
            "keys": list(self._keys),
            "unfit": list(dict.fromkeys(self._unfit)),
        }

    def _found(self) -> Iterator[tuple[str, list[str]]]:
        """Each group's name with its servers, in the order in which members try them."""
        servers: dict[str, list[str]] = {}
        for host, sides in self._fleet.items():
            for name in entries(sides["server"], "groups"):
                servers.setdefault(name, []).append(host)
        for name in _in_order(servers, self._fleet.values()):
            hosts = servers[name]
            tried = self._tried(self._block(hosts[0], name).get("group_id"))
            yield name, sorted(hosts, key=lambda host: self._turn(host, name, tried))

    def _tried(self, number: Any) -> list[str]:
        """Addresses of a group's servers, as the member that knows most of them has them."""
        gateways = [
            self._gateway(host, vpn)
            for host in self._fleet
            if (vpn := self._vpn(host, number)) is not None
        ]
        known = (one.get("server_addresses") or one.get("addresses") or [] for one in gateways)
        return max(known, key=len, default=[])

    def _turn(self, host: str, group: str, tried: list[str]) -> tuple[bool, int]:
        """A server's place: the one that makes the keys is first."""
        cluster = self._block(host, group).get("server_cluster") or {}
        address = self._server_address(host, group)
        place = tried.index(address) if address in tried else len(tried)
        return cluster.get("server_role") != ROOT, place

    def _block(self, host: str, group: str) -> Config:
        found: Config = entries(self._fleet[host]["server"], "groups")[group]
        return found

    def _group(self, name: str, servers: list[str]) -> dict[str, Any]:
        first, block = servers[0], self._block(servers[0], name)
        self._on_their_own(name, servers)
        members, others = self._peers(first, name, block)
        for host in servers:
            self._server(host, name, servers)
        found = {
            "name": name,
            "group_id": block.get("group_id"),
            "servers": servers,
            "members": members,
            "unmanaged_members": others,
            "ike_proposal": self._ike(first, block, members),
            **self._traffic(first, block),
            "server_member_communication": block.get("server_member_communication"),
            **{option: block[option] for option in SERVER_SETTINGS if option in block},
            **self._vpn_settings(members, block.get("group_id")),
        }
        return {option: value for option, value in found.items() if value not in (None, [])}

    def _on_their_own(self, group: str, servers: list[str]) -> None:
        """Further servers that share no keys with the first one do not fit."""
        for host in servers[1:]:
            if "server_cluster" not in self._block(host, group):
                self._unfit.append(
                    f"{host}: group {group}: no server cluster with {servers[0]}; "
                    "its keys are its own"
                )

    def _peers(
        self, server: str, group: str, block: Config
    ) -> tuple[list[str], list[dict[str, Any]]]:
        """Hosts of the fleet among a group's members, and the entries of the others."""
        gateways = entries(self._fleet[server]["server"], "ike", "gateways")
        members, others = [], []
        for name in block.get("ike_gateways", ()):
            gateway, number = gateways.get(name, {}), block.get("group_id")
            known = self._host_of(gateway, number)
            if known is None:
                others.append(self._unmanaged(server, name, gateway))
            else:
                members.append(known)
                self._member(known, name, group, number)
        return members, others

    # Hosts

    def _vpn(self, host: str, number: Any) -> Config | None:
        vpns = entries(self._fleet[host]["member"], "ipsec", "vpns").values()
        return next((vpn for vpn in vpns if vpn.get("group") == number), None)

    def _gateway(self, host: str, vpn: Config) -> Config:
        gateways = entries(self._fleet[host]["member"], "ike", "gateways")
        found: Config = gateways.get(str(vpn.get("ike_gateway")), {})
        return found

    def _known(self) -> Iterator[tuple[tuple[Any, str], str]]:
        """Hosts by a group's number and whoever they say to its servers that they are."""
        for host, sides in self._fleet.items():
            for vpn in entries(sides["member"], "ipsec", "vpns").values():
                own = self._gateway(host, vpn)
                for said in (own.get("local_address"), _dynamic(own)):
                    if said:
                        yield (vpn.get("group"), str(said)), host

    def _host_of(self, gateway: Config, number: Any) -> str | None:
        """The host of the fleet that a server knows by this gateway."""
        said = gateway.get("address") or gateway.get("dynamic")
        return self._members.get((number, str(said))) if said else None

    def _unmanaged(self, server: str, name: str, gateway: Config) -> dict[str, Any]:
        self._keys[f"{name}: pre_shared_key of unmanaged_members"] = None
        own: Config = {o: gateway[o] for o in ("address", "dynamic") if o in gateway}
        # A server of v1 has members of v1 alone.
        old = self._fleet[server].get("generation") == "v1"
        return {"name": name, **own, **({"generation": "v1"} if old else {})}

    def _variables(self, host: str) -> dict[str, Any]:
        found = self._hosts.setdefault(host, {})
        if self._fleet[host].get("generation") == "v1":
            found[f"{_PREFIX}generation"] = "v1"
        return found

    def _server_address(self, host: str, group: str) -> Any:
        """Where a server answers members of a group; None where it does not say."""
        block = self._block(host, group)
        gateways = entries(self._fleet[host]["server"], "ike", "gateways")
        there = [gateways.get(name, {}) for name in block.get("ike_gateways", ())]
        own = (gateway.get("local_address") for gateway in there)
        return block.get("server_address") or next(filter(None, own), None)

    def _server(self, host: str, group: str, servers: list[str]) -> None:
        for sa in (self._block(host, group).get("ipsec_sas") or ())[1:]:
            self._unfit.append(f"{host}: group {group}: ipsec_sas {sa['name']}: a second one")
        self._note(host, "address", self._server_address(host, group))
        name = self._called(group, servers).get(host, host)
        self._note(host, "name", name if name != host else None)
        if len(servers) > 1 and host == servers[0]:
            self._keys[f"{host}: {_PREFIX}pre_shared_key"] = None

    def _called(self, group: str, servers: list[str]) -> dict[str, str]:
        """What the servers of a cluster call one another, unless that tells them not apart."""
        addresses = {self._server_address(host, group): host for host in servers}
        names: dict[str, str] = {}
        for host in servers:
            gateways = entries(self._fleet[host]["server"], "ike", "gateways")
            cluster = self._block(host, group).get("server_cluster") or {}
            for name in cluster.get("ike_gateways", ()):
                address = gateways.get(name, {}).get("address")
                if address in addresses and address is not None:
                    names.setdefault(addresses[address], name)
        return names if len({*names.values()}) == len(names) else {}

    def _member(self, host: str, gateway: str, group: str, number: Any) -> None:
        vpn = self._vpn(host, number) or {}
        own = self._gateway(host, vpn)
        self._note(host, "address", own.get("local_address"))
        self._note(host, "dynamic", _dynamic(own) or None)
        self._note(host, "external_interface", vpn.get("group_vpn_external_interface"))
        if gateway != host:
            self._note(host, "name", gateway)
        self._zones(host, vpn, group)
        self._keys[f"{host}: {_PREFIX}pre_shared_key"] = None

    def _zones(self, host: str, vpn: Config, group: str) -> None:
        """Pairs of zones that a group's traffic goes through; whose it is, where there are more."""
        member = self._fleet[host]["member"]
        whose = {"group": group} if len(entries(member, "ipsec", "vpns")) > 1 else {}
        for policy in member.get("policies") or ():
            if policy.get("vpn") == vpn.get("name"):
                entry = {zone: policy[zone] for zone in ("from_zone", "to_zone")} | whose
                pairs = self._variables(host).setdefault(f"{_PREFIX}policies", [])
                pairs += [] if entry in pairs else [entry]

    def _note(self, host: str, option: str, value: Any) -> None:
        """A host's variable; two groups that need two values do not fit."""
        if value is None:
            return
        known = self._variables(host).setdefault(f"{_PREFIX}{option}", value)
        if known != value:
            self._unfit.append(f"{host}: {option} {value}: another group has {known}")

    # A group's settings

    def _ike(self, server: str, block: Config, members: list[str]) -> Options:
        proposal = self._proposal(server, block, members)
        found = {o: v for o, v in proposal.items() if o not in ("name", "authentication_method")}
        method = proposal.get("authentication_method", "pre-shared-keys")
        if method != "pre-shared-keys":
            self._unfit.append(
                f"{server}: IKE proposal {proposal['name']}: authentication_method {method}"
            )
        lives = self._lives(members, proposal)
        return {**found, **({"lifetime_seconds": max(lives)} if lives else {})}

    def _proposal(self, server: str, block: Config, members: list[str]) -> Config:
        """The IKE proposal of a group: of those that its server takes, what most members offer.

        A peer that is in several groups has those of all of them.
        """
        config = self._fleet[server]["server"]
        there = entries(config, "ike", "proposals")
        taken = [there[name] for name in _proposals(config, block) if name in there]
        offers = [one for host in members for one in self._offers(host, block.get("group_id"))]
        return max(taken, key=lambda one: sum(_same(one, offer) for offer in offers), default={})

    def _offers(self, host: str, number: Any) -> Iterator[Config]:
        """The IKE proposals with which a member comes for a group."""
        ike = self._fleet[host]["member"]
        gateway = self._gateway(host, self._vpn(host, number) or {})
        policy = entries(ike, "ike", "policies").get(str(gateway.get("ike_policy")), {})
        known = entries(ike, "ike", "proposals")
        return (known[name] for name in policy.get("proposals") or () if name in known)

    def _lives(self, members: list[str], proposal: Config) -> set[int]:
        """How long phase 1 lives, as the members of a group offer it."""
        return {
            offer["lifetime_seconds"]
            for host in members
            for offer in entries(self._fleet[host]["member"], "ike", "proposals").values()
            if "lifetime_seconds" in offer and _same(offer, proposal)
        }

    def _traffic(self, server: str, block: Config) -> dict[str, Any]:
        sa: Config = next(iter(block.get("ipsec_sas") or ()), {})
        proposal = entries(self._fleet[server]["server"], "ipsec", "proposals").get(
            str(sa.get("proposal")), {}
        )
        return {
            "ipsec_proposal": {o: v for o, v in proposal.items() if o != "name"},
            "match_policies": sa.get("match_policies") or [],
        }

    def _vpn_settings(self, members: list[str], number: Any) -> dict[str, Any]:
        vpns = {host: self._vpn(host, number) or {} for host in members}
        found = {}
        for option in VPN_SETTINGS:
            values = [vpn.get(option) for vpn in vpns.values()]
            if not values or all(value is None for value in values):
                continue
            found[option] = next(value for value in values if value is not None)
        return found


def _in_order(groups: Iterable[str], fleet: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Groups as every server has them: what a peer of several is offered first depends on it."""
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(groups, ()))
    for sides in fleet:
        for before, name in pairwise(entries(sides["server"], "groups")):
            sorter.add(name, before)
    try:
        return list(sorter.static_order())
    except CycleError:
        return groups


def _dynamic(gateway: Config) -> dict[str, Any]:
    """What a member says that it is, as its server's gateway has it."""
    identity = gateway.get("local_identity") or {}
    return {
        kind: inside[IDENTITIES[kind]]
        for kind, inside in identity.items()
        if kind in IDENTITIES and isinstance(inside, Mapping)
    }


def _proposals(server: Config, block: Config) -> list[str]:
    """Names of the IKE proposals that a server takes from a group's members, each once."""
    policies, gateways = entries(server, "ike", "policies"), entries(server, "ike", "gateways")
    used = (gateways.get(name, {}).get("ike_policy") for name in block.get("ike_gateways", ()))
    return joined((), (name for p in used for name in policies.get(p, {}).get("proposals") or ()))


def _same(one: Config, other: Config) -> bool:
    words = ("encryption_algorithm", "authentication_algorithm", "dh_group")
    return all(one.get(word) == other.get(word) for word in words)

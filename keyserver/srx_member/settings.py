# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the committed configuration says about a device's own membership, in protocol terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from ..config.schema import KEY_SEPARATOR
from ..config.tree import Tree, lookup
from ..groups.gateways import identity, pre_shared_key, proposals_of
from ..groups.hosts import addresses_of, host_mapping
from ..ike.authentication import Credentials
from ..ike.numbers import OakleyAuthentication
from ..ike.payloads import Identification
from ..ike.proposal import Mode, PeerPolicy, Phase1Proposal
from ..lab.specs import DEFAULT_HEARTBEAT_THRESHOLD, DEFAULT_PHASE_1_SECONDS
from .applications import Service, services_of
from .scope import Scope, scopes_of

DEFAULT_V2_PHASE_1_SECONDS = 180
_NOTHING = Service(-1)


@dataclass(frozen=True, slots=True)
class TrafficRule:
    """An ``exclude`` or ``fail-open`` rule; without services it is for all of them."""

    name: str
    source: str
    destination: str
    services: tuple[Service, ...] = ()

    def covers(self, one: IPv4Address, other: IPv4Address, protocol: int) -> bool:
        """True for traffic of a protocol without ports between the two, either way."""
        source, destination = (
            IPv4Network(prefix, strict=False) for prefix in (self.source, self.destination)
        )
        between = (one in source and other in destination) or (
            other in source and one in destination
        )
        return between and (
            not self.services or any(service.covers(protocol) for service in self.services)
        )


@dataclass(frozen=True)
class Enrolment:
    """What a registration depends on: when it changes, the device registers anew."""

    group: int
    servers: tuple[str, ...]
    policies: tuple[PeerPolicy, ...]
    local_address: str

    def place_of(self, other: Enrolment, place: int) -> int | None:
        """Where a key server of another enrolment is in this one, if it still is one of the group.

        It is the same with the same address and the same phase 1.
        """
        if (other.group, other.local_address) != (self.group, self.local_address):
            return None
        wanted = other.servers[place], other.policies[place]
        ends = zip(self.servers, self.policies, strict=True)
        return next((number for number, end in enumerate(ends) if end == wanted), None)


@dataclass(frozen=True)
class Manners:
    """How a member behaves that is registered: when it changes, the registration goes on.

    ``lifetime``: what it offers for its next phase 1, in seconds.
    """

    lifetime: int
    heartbeat_threshold: int
    recovery_probe: bool


@dataclass(frozen=True)
class VpnSettings:
    """One ``member ipsec vpn``; ``enrolment`` None: ``missing`` says what it lacks to register.

    ``zones`` are the pair that sends its traffic through it, None where nothing does. ``scopes``:
    Group VPNv1's scope policies; without one everything that the group has is taken.
    """

    name: str
    group: int
    gateway: str
    enrolment: Enrolment | None
    missing: str
    manners: Manners
    external_interface: str
    df_bit: str
    exclude: tuple[TrafficRule, ...]
    fail_open: tuple[TrafficRule, ...]
    zones: tuple[str, str] | None
    scopes: tuple[Scope, ...] = ()


def vpn_settings(
    tree: Tree, local_address: str, credentials: Mapping[str, Credentials], v1: bool
) -> dict[str, VpnSettings]:
    """The VPNs of an effective configuration by name; those without a group are not there yet."""
    member = lookup(tree, "security", "group-vpn", "member")
    zones, hosts = dict(_attachments(tree)), host_mapping(tree)
    scopes: dict[str, tuple[Scope, ...]] = {}
    for name, scope in scopes_of(tree) if v1 else ():
        scopes[name] = (*scopes.get(name, ()), scope)
    found = {}
    for name, vpn in lookup(member, "ipsec", "vpn").items():
        if "group" not in vpn:
            continue
        gateway = vpn.get("ike-gateway", "")
        enrolment, missing = _enrolment(member, vpn, hosts, local_address, credentials, v1)
        found[name] = VpnSettings(
            name,
            int(vpn["group"]),
            gateway,
            enrolment,
            missing,
            _manners(member, vpn, v1),
            vpn.get("group-vpn-external-interface", ""),
            vpn.get("df-bit", "clear"),
            tuple(_rules(tree, vpn.get("exclude", {}))),
            tuple(_rules(tree, vpn.get("fail-open", {}))),
            zones.get(name),
            scopes.get(name, ()),
        )
    return found


def _enrolment(
    member: Tree,
    vpn: Tree,
    hosts: Tree,
    local_address: str,
    credentials: Mapping[str, Credentials],
    v1: bool,
) -> tuple[Enrolment | None, str]:
    ike = lookup(member, "ike")
    gateway = lookup(ike, "gateway", vpn.get("ike-gateway", ""))
    policy = lookup(ike, "policy", gateway.get("ike-policy", ""))
    named = gateway.get("server-address") or gateway.get("address") or ()
    servers = tuple(address for word in named for address in addresses_of(hosts, word))
    if not servers:
        return None, _no_address(named)
    key = pre_shared_key(policy.get("pre-shared-key", {}))
    own = credentials.get(lookup(policy, "certificate").get("local-certificate", ""))
    proposals = _usable(proposals_of(policy, lookup(ike, "proposal"), v1), key, own)
    if not proposals:
        return None, "no IKE proposal with a key for it"
    local = gateway.get("local-address", local_address)
    theirs = identity(gateway.get("remote-identity"))
    policies = tuple(
        PeerPolicy(
            vpn["ike-gateway"],
            key,
            proposals,
            identity(gateway.get("local-identity")) or Identification.address(local),
            theirs or Identification.address(server),
            modes=frozenset({Mode(policy.get("mode", "main"))}),
            credentials=own,
        )
        for server in servers
    )
    return Enrolment(int(vpn["group"]), servers, policies, local), ""


def _usable(
    proposals: Iterable[Phase1Proposal], key: bytes | None, own: Credentials | None
) -> tuple[Phase1Proposal, ...]:
    """Those that there is something to prove oneself with for."""
    proofs = {
        OakleyAuthentication.PRE_SHARED_KEY: key,
        OakleyAuthentication.RSA_SIGNATURES: own,
    }
    return tuple(one for one in proposals if proofs[one.authentication] is not None)


def _manners(member: Tree, vpn: Tree, v1: bool) -> Manners:
    ike = lookup(member, "ike")
    gateway = lookup(ike, "gateway", vpn.get("ike-gateway", ""))
    policy = lookup(ike, "policy", gateway.get("ike-policy", ""))
    return Manners(
        _lifetime(policy, lookup(ike, "proposal"), v1),
        int(vpn.get("heartbeat-threshold", DEFAULT_HEARTBEAT_THRESHOLD)),
        "recovery-probe" in vpn,
    )


def _lifetime(policy: Tree, defined: Tree, v1: bool) -> int:
    """The shortest of its proposals' lives."""
    usual = DEFAULT_PHASE_1_SECONDS if v1 else DEFAULT_V2_PHASE_1_SECONDS
    bodies = [defined.get(name, {}) for name in policy.get("proposals", [])]
    return min((int(body.get("lifetime-seconds", usual)) for body in bodies), default=usual)


def _no_address(named: Iterable[str]) -> str:
    unknown = ", ".join(named)
    return f"no address is known for {unknown}" if unknown else "no key server address"


def _rules(tree: Tree, block: Tree) -> Iterator[TrafficRule]:
    for name, rule in block.get("rule", {}).items():
        application = rule.get("application")
        services = services_of(tree, [application]) if application is not None else ()
        yield TrafficRule(
            name,
            lookup(rule, "source-address").get("address", "0.0.0.0/0"),
            lookup(rule, "destination-address").get("address", "0.0.0.0/0"),
            # One that stands for nothing that is known here covers nothing.
            tuple(services) or ((_NOTHING,) if application is not None else ()),
        )


def _attachments(tree: Tree) -> Iterator[tuple[str, tuple[str, str]]]:
    """(vpn, zone pair) of ``security ipsec-policy``, and of policies that tunnel into a VPN."""
    security = lookup(tree, "security")
    for pair, body in lookup(security, "policies", "policy").items():
        for policy in body.get("policy", {}).values():
            vpn = lookup(policy, "then", "permit", "tunnel").get("ipsec-group-vpn")
            if vpn is not None:
                yield vpn, _zones(pair)
    for pair, body in lookup(security, "ipsec-policy", "from-zone").items():
        if "ipsec-group-vpn" in body:
            yield body["ipsec-group-vpn"], _zones(pair)


def _zones(pair: str) -> tuple[str, str]:
    source, _, destination = pair.partition(KEY_SEPARATOR)
    return source, destination

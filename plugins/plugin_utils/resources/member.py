# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All of ``[edit security group-vpn member]``, and what attaches it: table and rules.

A VPN is attached to a pair of zones: in Group VPNv2 by ``security ipsec-policy``, in Group VPNv1 by
a security policy whose action is a tunnel (which v2 still has, deprecated). Security policies
without such a tunnel are somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..engine import values
from ..engine.resource import Outlook, Resource, Rules, Wording
from ..engine.schema import Container, Leaf, List, Tree
from ..engine.tree import Reading
from ..engine.values import Generation
from .common import (
    ONLY_V1,
    ONLY_V2,
    ROUTING_INSTANCE,
    V1,
    V2,
    flag,
    identity,
    ike_policy,
    ike_proposal,
    key,
    number,
    reference,
    traceoptions,
    words,
)

_MEMBER = ("group-vpn", "member")
_ANY = ("any",)
_LIFETIME = (180, 86400)

_GATEWAY = List(
    name="gateway",
    called="gateways",
    summary="IKE gateways: the key servers.",
    key=key("Name of the gateway."),
    children=(
        reference("ike-policy", "Name of an IKE policy.", *_MEMBER, "ike", "policy"),
        Leaf(
            name="server-address",
            called="server_addresses",
            known=ONLY_V2,
            many=True,
            most=4,
            summary="Addresses of key servers, the one to try first in front; at most 4.",
            form=values.ipv4_address,
        ),
        Leaf(
            name="address",
            called="addresses",
            known=ONLY_V1,
            many=True,
            summary="Addresses or host names of key servers.",
            longest=255,
        ),
        identity("local-identity", "What the member says that it is."),
        identity("remote-identity", "What the server has to say that it is.", ONLY_V2),
        Leaf(
            name="local-address",
            summary="Address that the member uses towards the server.",
            form=values.ipv4_address,
        ),
        ROUTING_INSTANCE,
    ),
)


def _address(name: str, summary: str) -> Container:
    return Container(
        name=name,
        inline=True,
        summary=summary,
        children=(
            Leaf(
                name="address",
                called=name.replace("-", "_"),
                bare=True,
                summary=summary,
                form=values.ipv4_prefix,
            ),
        ),
    )


def _rules(name: str, called: str, summary: str) -> Container:
    return Container(
        name=name,
        known=ONLY_V2,
        inline=True,
        summary=summary,
        children=(
            List(
                name="rule",
                called=called,
                known=ONLY_V2,
                most=10,
                summary=summary,
                key=Leaf(
                    name="name",
                    summary="Name of the rule.",
                    longest=63,
                    form=values.identifier,
                ),
                children=(
                    _address("source-address", "IPv4 prefix of senders."),
                    _address("destination-address", "IPv4 prefix of receivers."),
                    Leaf(name="application", summary="Name of an application of the device."),
                ),
            ),
        ),
    )


_VPN = List(
    name="vpn",
    called="vpns",
    summary="The groups that the device is a member of.",
    key=key("Name of the VPN."),
    children=(
        reference("ike-gateway", "Name of an IKE gateway.", *_MEMBER, "ike", "gateway"),
        Leaf(
            name="group-vpn-external-interface",
            summary="Logical interface that protected traffic leaves and arrives by.",
            form=values.interface,
            longest=63,
        ),
        number("group", "Number of the group.", {V1: (1, 65535), V2: (1, 4294967295)}),
        number(
            "heartbeat-threshold",
            "Heartbeats that may be missed until the member registers again; deprecated in Group "
            "VPNv2.",
            {V1: (0, 10), V2: (0, 10)},
            3,
        ),
        flag("recovery-probe", "Ask the server when keys seem to be out of step.", ONLY_V2),
        words(
            "df-bit",
            "What becomes of the bit 'don't fragment' in the outer header.",
            {V2: ("clear", "set", "copy")},
            "clear",
        ),
        _rules(
            "fail-open",
            "fail_open_rules",
            "Traffic that passes in the clear as long as there are no keys.",
        ),
        _rules("exclude", "exclude_rules", "Traffic that always passes in the clear."),
    ),
)


def _zone(name: str, option: str, summary: str, word: str | None = None) -> Leaf:
    return Leaf(name=name, called=option, word=word, summary=summary, longest=63)


_FROM = _zone("from-zone-name", "from_zone", "Zone that traffic comes from.")
_TO = "Zone that traffic goes to."
_ATTACHED = Leaf(
    name="ipsec-group-vpn",
    called="vpn",
    summary="Name of the VPN; not needed to take the attachment away.",
    longest=32,
    refers=(*_MEMBER, "ipsec", "vpn"),
    required=True,
)

_IPSEC_POLICY = Container(
    name="ipsec-policy",
    known=ONLY_V2,
    inline=True,
    summary="VPNs of pairs of zones.",
    children=(
        List(
            name="from-zone",
            called="ipsec_policies",
            known=ONLY_V2,
            summary="VPNs of pairs of zones.",
            key=_FROM,
            second=_zone("to-zone", "to_zone", _TO),
            twice="without 'policy' a pair of zones has one VPN; give each further one a 'policy'",
            children=(_ATTACHED,),
        ),
    ),
)


def _matched(name: str, option: str, summary: str) -> Leaf:
    return Leaf(name=name, called=option, many=True, summary=summary)


_MATCH = Container(
    name="match",
    inline=True,
    partial=True,
    summary="Traffic of a policy.",
    children=(
        _matched(
            "source-address",
            "source_addresses",
            "Address book names of senders, for a tunnel policy; V(any) for a new one.",
        ),
        _matched(
            "destination-address",
            "destination_addresses",
            "Address book names of receivers, for a tunnel policy; V(any) for a new one.",
        ),
        _matched(
            "application",
            "applications",
            "Applications, for a tunnel policy; V(any) for a new one.",
        ),
    ),
)

_THEN = Container(
    name="then",
    inline=True,
    partial=True,
    summary="Action of a policy.",
    children=(
        Container(
            name="permit",
            inline=True,
            partial=True,
            summary="Let it pass.",
            children=(
                Container(
                    name="tunnel",
                    inline=True,
                    partial=True,
                    summary="By a tunnel.",
                    children=(
                        replace(_ATTACHED, longest=63),
                        Leaf(
                            name="pair-policy",
                            summary="Name of the policy of the reverse direction, for a tunnel "
                            "policy.",
                            form=values.identifier,
                            longest=63,
                        ),
                    ),
                ),
            ),
        ),
    ),
)

_TUNNEL_POLICIES = Container(
    name="policies",
    inline=True,
    partial=True,
    summary="Security policies that tunnel into a VPN.",
    children=(
        List(
            name="policy",
            word="from-zone",
            called="tunnel_policies",
            shell=True,
            partial=True,
            summary="Pairs of zones.",
            key=_FROM,
            second=_zone("to-zone-name", "to_zone", _TO, "to-zone"),
            children=(
                List(
                    name="policy",
                    called="policies",
                    partial=True,
                    mark=("then", "permit", "tunnel", "ipsec-group-vpn"),
                    summary="Policies that tunnel into a VPN.",
                    key=Leaf(name="name", called="policy", summary="Name.", longest=63),
                    twice="merge the two entries, or give one of them another 'policy'",
                    children=(_MATCH, _THEN),
                ),
            ),
        ),
    ),
)

_IKE = Container(
    name="ike",
    summary="Phase 1 with key servers.",
    children=(
        traceoptions(ONLY_V2),
        ike_proposal(
            number(
                "lifetime-seconds",
                "Lifetime of phase 1; the member's is the one that counts.",
                {V1: _LIFETIME, V2: _LIFETIME},
                180,
                "seconds",
            )
        ),
        ike_policy(*_MEMBER),
        _GATEWAY,
    ),
)
_IPSEC = Container(name="ipsec", summary="The groups.", children=(_VPN,))

_ROOT = Container(
    name="security",
    partial=True,
    children=(
        Container(
            name="group-vpn",
            inline=True,
            partial=True,
            summary="Group VPN.",
            children=(
                Container(
                    name="member",
                    inline=True,
                    summary="The device as a member.",
                    children=(_IKE, _IPSEC),
                ),
            ),
        ),
        _IPSEC_POLICY,
        _TUNNEL_POLICIES,
    ),
)

_OPTIONS = Container(
    name="member",
    children=(
        _IKE,
        _IPSEC,
        List(
            name="policies",
            summary="Pairs of zones that a VPN is attached to: C(security ipsec-policy), in Group "
            "VPNv1 a security policy with a tunnel.",
            key=_FROM,
            second=_zone("to-zone-name", "to_zone", _TO),
            children=(
                _ATTACHED,
                Leaf(
                    name="policy",
                    summary="Name of a security policy with a tunnel. Group VPNv1 always has such "
                    "policies; a new one is called as the VPN unless this is given. Group VPNv2 "
                    "has them only if this is given, and calls them deprecated.",
                    longest=63,
                ),
                *(leaf for leaf in _MATCH.children if isinstance(leaf, Leaf)),
                Leaf(name="pair-policy", summary="Name of the tunnel policy of the reverse way."),
            ),
        ),
    ),
)


# Options and tree


def _inward(config: Mapping[str, Any]) -> dict[str, Any]:
    """``policies`` parted: those with a name are tunnel policies, the others are for the pair."""
    inside = {name: value for name, value in config.items() if name != "policies"}
    pairs: dict[tuple[str, str], list[Any]] = {}
    plain = []
    for given in config.get("policies") or ():
        entry = {name: value for name, value in given.items() if value is not None}
        if entry.keys() <= {"from_zone", "to_zone", "vpn"}:
            plain.append(entry)
            continue
        zones = str(entry.pop("from_zone")), str(entry.pop("to_zone"))
        entry.setdefault("policy", entry.get("vpn", ""))
        pairs.setdefault(zones, []).append(entry)
    if plain:
        inside["ipsec_policies"] = plain
    if pairs:
        inside["tunnel_policies"] = [
            {"from_zone": a, "to_zone": b, "policies": policies}
            for (a, b), policies in pairs.items()
        ]
    return inside


def _outward(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with ``policies`` in one list."""
    outside = dict(config)
    policies = list(outside.pop("ipsec_policies", ()))
    for pair in outside.pop("tunnel_policies", ()):
        zones = {name: pair[name] for name in ("from_zone", "to_zone")}
        policies += [{**zones, **_said(policy)} for policy in pair["policies"]]
    return {**outside, **({"policies": policies} if policies else {})}


def _said(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A tunnel policy without what goes without saying."""
    matched = {leaf.option for leaf in _MATCH.children}
    if any(policy.get(name) != [*_ANY] for name in matched):
        return dict(policy)
    return {name: value for name, value in policy.items() if name not in matched}


# Where a generation has it


def _fitted(want: Tree, have: Reading, generation: Generation) -> Tree:
    """What is wanted: v1 has attachments in security policies; a new policy matches anything."""
    there = have.explicit.tree.get("policies", {}).get("policy", {})
    tunnels = {pair: dict(e["policy"]) for pair, e in _tunnels(want).items() if "policy" in e}
    left = dict(want)
    if generation is V1:
        plain = left.pop("ipsec-policy", {}).get("from-zone", {})
        for pair, entry in plain.items():
            named = _named(there.get(pair, {}).get("policy", {}), entry.get("ipsec-group-vpn"))
            tunnels.setdefault(pair, {}).update(named)
    if tunnels:
        full = {
            pair: {"policy": _matching(policies, there.get(pair, {}).get("policy", {}))}
            for pair, policies in tunnels.items()
        }
        left["policies"] = {"policy": full}
    return left


def _tunnels(tree: Tree) -> Tree:
    found: Tree = tree.get("policies", {}).get("policy", {})
    return found


def _named(there: Tree, vpn: str | None) -> Tree:
    """The policies of a pair of zones that attach a VPN (None: any); a new one is called as it."""
    found = {
        name: policy
        for name, policy in there.items()
        if (attached := _vpn_of(policy)) is not None and vpn in (None, attached)
    }
    if found or vpn is None:
        return {name: {"then": policy["then"]} for name, policy in found.items()}
    return {vpn: {"then": {"permit": {"tunnel": {"ipsec-group-vpn": vpn}}}}}


def _vpn_of(policy: Tree) -> str | None:
    vpn: str | None = (
        policy.get("then", {}).get("permit", {}).get("tunnel", {}).get("ipsec-group-vpn")
    )
    return vpn


def _matching(policies: Tree, there: Tree) -> Tree:
    """Policies with what they match: as given, else as it is; new ones anything."""
    anything = {child.name: _ANY for child in _MATCH.children}
    return {
        name: {
            **policy,
            "match": {
                **(there[name].get("match", {}) if name in there else anything),
                **policy.get("match", {}),
            },
        }
        for name, policy in policies.items()
    }


# Rules


def _objections(outlook: Outlook) -> list[str]:
    vpns = outlook.after.get("group-vpn", {}).get("member", {}).get("ipsec", {}).get("vpn", {})
    return [*_groups(vpns), *_addresses(outlook), *_pairs(outlook), *_taken(outlook)]


def _groups(vpns: Tree) -> Iterator[str]:
    seen: dict[int, str] = {}
    for name, vpn in vpns.items():
        group = vpn.get("group")
        if group in seen:
            yield (
                f"{RESOURCE.where((*_MEMBER, 'ipsec', 'vpn', name), 'group')} {group}: vpn "
                f"{seen[group]} has it already; correct 'group'"
            )
        elif group is not None:
            seen[group] = name


def _addresses(outlook: Outlook) -> Iterator[str]:
    ike = outlook.after.get("group-vpn", {}).get("member", {}).get("ike", {})
    gateways = ike.get("gateway", {})
    servers = {
        address
        for gateway in gateways.values()
        for address in (*gateway.get("server-address", ()), *gateway.get("address", ()))
    }
    for name, gateway in gateways.items():
        own = gateway.get("local-address")
        if own in servers:
            yield (
                f"{RESOURCE.where((*_MEMBER, 'ike', 'gateway', name), 'local-address')} {own}: it "
                "is a key server's address; correct 'local_address'"
            )


def _pairs(outlook: Outlook) -> Iterator[str]:
    seen: dict[str, str] = {}
    for pair, entry in outlook.after.get("ipsec-policy", {}).get("from-zone", {}).items():
        vpn = entry.get("ipsec-group-vpn")
        if vpn in seen:
            yield (
                f"{RESOURCE.where(('ipsec-policy', 'from-zone', pair), 'ipsec-group-vpn')} {vpn}: "
                f"from-zone {seen[vpn]} has it already, and a VPN has one pair of zones, for both "
                "directions; take one out of 'policies'"
            )
        elif vpn is not None:
            seen[vpn] = pair


def _taken(outlook: Outlook) -> Iterator[str]:
    """Policies that are there for something else."""
    there = _tunnels(outlook.have.explicit.tree)
    for pair, entry in _tunnels(outlook.want).items():
        for name in entry.get("policy", {}):
            policy = there.get(pair, {}).get("policy", {}).get(name)
            if policy is not None and _vpn_of(policy) is None:
                yield (
                    f"{RESOURCE.where(('policies', 'policy', pair, 'policy', name))}: a policy of "
                    "that name is there, and it is not for a group VPN; name another in 'policy', "
                    "or remove that one first"
                )


RESOURCE = Resource(
    name="member",
    prefix=("security",),
    root=_ROOT,
    landmarks=("group-vpn", "ipsec-policy", "policies"),
    ways={"member": ("group-vpn",)},
    about="group-vpn",
    wording=Wording(_OPTIONS, _inward, _outward),
    rules=Rules(objections=_objections, fitted=_fitted),
)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What attaches a VPN to a pair of zones: tables, options and rules.

In Group VPNv2 that is ``security ipsec-policy``, in Group VPNv1 a security policy whose action is
a tunnel (which v2 still has, deprecated). Security policies without such a tunnel are somebody
else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..engine import values
from ..engine.resource import Outlook
from ..engine.schema import Container, Leaf, List, Path, Tree, value_at
from ..engine.tree import Reading, overlaid
from ..engine.values import Generation
from .common import ONLY_V2, V1, V2

_ANY = ("any",)
Where = Callable[..., str]
"""Names a statement by its path; :meth:`.engine.resource.Resource.where`."""


def _zone(name: str, option: str, summary: str, word: str | None = None) -> Leaf:
    return Leaf(name=name, called=option, word=word, summary=summary, form=values.entry, longest=63)


_FROM = _zone("from-zone-name", "from_zone", "Zone that traffic comes from.")
_TO = "Zone that traffic goes to."
_ATTACHED = Leaf(
    name="ipsec-group-vpn",
    called="vpn",
    summary="Name of the VPN; not needed to take the attachment away.",
    longest=32,
    refers=("group-vpn", "member", "ipsec", "vpn"),
    required=True,
)

IPSEC_POLICY = Container(
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

_POLICY = Leaf(
    name="policy",
    summary="Name of a security policy with a tunnel. Group VPNv1 always has such policies; a new "
    "one is called as the VPN unless this is given. Group VPNv2 has them only if this is given, "
    "and calls them deprecated.",
    longest=63,
    narrower={V2: (values.identifier, 63)},
)

TUNNEL_POLICIES = Container(
    name="policies",
    inline=True,
    partial=True,
    presence=True,
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
                    key=replace(_POLICY, name="name", called="policy", summary="Name."),
                    twice="merge the two entries, or give one of them another 'policy'",
                    children=(_MATCH, _THEN),
                ),
            ),
        ),
    ),
)

POLICIES = List(
    name="policies",
    summary="Pairs of zones that a VPN is attached to: C(security ipsec-policy), in Group "
    "VPNv1 a security policy with a tunnel.",
    key=_FROM,
    second=_zone("to-zone-name", "to_zone", _TO),
    children=(
        _ATTACHED,
        _POLICY,
        *(leaf for leaf in _MATCH.children if isinstance(leaf, Leaf)),
        Leaf(name="pair-policy", summary="Name of the tunnel policy of the reverse way."),
    ),
)
"""Both as one list: the option."""


# Options and tree


def inward(config: Mapping[str, Any]) -> dict[str, Any]:
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


def outward(config: Mapping[str, Any]) -> dict[str, Any]:
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


def fitted(want: Tree, have: Reading, generation: Generation) -> Tree:
    """What is wanted: v1 has attachments in security policies; a new policy matches anything."""
    there = _there(have)
    tunnels = {pair: dict(e["policy"]) for pair, e in _tunnels(want).items() if "policy" in e}
    left = dict(want)
    if generation is V1:
        plain = left.pop("ipsec-policy", {}).get("from-zone", {})
        for pair, entry in plain.items():
            named = _named(there.get(pair, {}).get("policy", {}), entry.get("ipsec-group-vpn"))
            tunnels.setdefault(pair, {}).update(named)
    if tunnels:
        full = {
            pair: {"policy": _matching(policies, have, ("policies", "policy", pair, "policy"))}
            for pair, policies in tunnels.items()
        }
        left["policies"] = {"policy": full}
    return left


def _tunnels(tree: Tree) -> Tree:
    found: Tree = tree.get("policies", {}).get("policy", {})
    return found


def _there(have: Reading) -> Tree:
    """Pairs of zones with their policies, those that configuration groups bring in too."""
    below, above = (t.get("policies", {}) for t in (have.inherited, have.explicit.tree))
    found: Tree = overlaid(TUNNEL_POLICIES, below, above).get("policy", {})
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


def _matching(policies: Tree, have: Reading, path: Path) -> Tree:
    """Policies with what they match: as given, else as it is; new ones anything."""
    anything = {child.name: _ANY for child in _MATCH.children}
    there, found = value_at(have.explicit.tree, path) or {}, {}
    brought = value_at(have.inherited, path) or {}
    for name, policy in policies.items():
        given, at = policy.get("match", {}), (*path, name, "match")
        # What is given wakes what it stands in.
        asleep = have.explicit.inactive - ({at} if given else set())
        fresh = {} if name in brought else anything
        was = _awake(there[name].get("match", {}), asleep, at) if name in there else fresh
        match = {**was, **given}
        found[name] = {**policy, "match": match} if match else policy
    return found


def _awake(match: Tree, asleep: frozenset[Path], at: Path) -> Tree:
    """What of a match is active; the rest stays as it is."""
    found = {
        name: tuple(value for value in values if (*at, name, value) not in asleep)
        for name, values in match.items()
        if asleep.isdisjoint({at, (*at, name)})
    }
    return {name: values for name, values in found.items() if values}


# Rules


def objections(outlook: Outlook, where: Where) -> Iterator[str]:
    """What is wrong with the attachments that a change would leave."""
    yield from _pairs(outlook, where)
    yield from _taken(outlook, where)


def _pairs(outlook: Outlook, where: Where) -> Iterator[str]:
    seen: dict[str, str] = {}
    for pair, entry in outlook.after.get("ipsec-policy", {}).get("from-zone", {}).items():
        vpn = entry.get("ipsec-group-vpn")
        if vpn in seen:
            yield (
                f"{where(('ipsec-policy', 'from-zone', pair), 'ipsec-group-vpn')} {vpn}: "
                f"from-zone {seen[vpn]} has it already, and a VPN has one pair of zones, for both "
                "directions; take one out of 'policies'"
            )
        elif vpn is not None:
            seen[vpn] = pair


def _taken(outlook: Outlook, where: Where) -> Iterator[str]:
    """Policies that are there for something else."""
    there = _there(outlook.have)
    for pair, entry in _tunnels(outlook.want).items():
        for name in entry.get("policy", {}):
            policy = there.get(pair, {}).get("policy", {}).get(name)
            if policy is not None and _vpn_of(policy) is None:
                yield (
                    f"{where(('policies', 'policy', pair, 'policy', name))}: a policy of "
                    "that name is there, and it is not for a group VPN; name another in 'policy', "
                    "or remove that one first"
                )

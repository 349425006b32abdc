# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a fleet has, compared with what its description would make of it: where the two differ.

Names of proposals, policies and gateways are the role's own and mean nothing: each group of a
server and each VPN of a member is compared with all that it names put in the name's place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..engine.schema import Branch, Leaf
from ..engine.values import Generation
from .configurations import RESOURCES, entries, settled
from .contradictions import refusals
from .description import some
from .expand import Config, configurations
from .reading import read
from .words import children

Facts = dict[tuple[str, ...], Any]
"""Values, by the options and names that lead to them."""
_KEY = "pre_shared_key"
_NAMED_ANEW = ("name", "ike_policy", "ike_gateway", _KEY)


def misfits(
    fleet: Mapping[str, Mapping[str, Any]],
    groups: list[dict[str, Any]],
    hosts: Mapping[str, Mapping[str, Any]],
) -> Iterator[str]:
    """Why the role refuses a description, and what of a fleet it would change.

    ``hosts``: variables by host, without their prefix; keys are no matter here.
    """
    keyed = {host: {**hosts.get(host, {}), _KEY: f"key-of-{host}"} for host in fleet}
    description = read([_with_keys(group) for group in groups], keyed)
    yield from refusals(description)
    if groups and description.wrong:
        # Names that no description takes; without them there are no entries to compare.
        return
    would = configurations(description)
    for host, sides in fleet.items():
        for side, facts in _FACTS.items():
            wanted = would.get(host, {}).get(side, {})
            generation = description.devices[host].generation
            has, then = (
                facts(filled(RESOURCES[side].asked, config), generation)
                for config in (sides[side], settled(side, wanted, generation))
            )
            for subject, found in has.items():
                if subject in then:
                    yield from _differing(f"{host}: {subject}", found, then[subject])
                else:
                    yield f"{host}: {subject}: no place in a description"


def _with_keys(group: dict[str, Any]) -> dict[str, Any]:
    others = [{**one, _KEY: f"key-of-{one['name']}"} for one in group.get("unmanaged_members", ())]
    return {**group, "unmanaged_members": others}


def filled(node: Branch, given: Any) -> Config:
    """A configuration with what the device takes where nothing is said."""
    found = dict(given or {})
    for child in children(node):
        if isinstance(child, Leaf) and child.default is not None:
            found.setdefault(child.option, child.default)
        elif isinstance(child, Branch) and isinstance(found.get(child.option), Mapping):
            found[child.option] = filled(child, found[child.option])
        elif isinstance(child, Branch) and child.option in found:
            found[child.option] = [
                filled(child, entry) if isinstance(entry, Mapping) else entry
                for entry in found[child.option] or ()
            ]
    return found


# What stands in a group's or a VPN's name


def _served(config: Config, _generation: Generation) -> dict[str, Facts]:
    """A server's groups."""
    gateways = {
        name: _gateway(config, name, "address") for name in entries(config, "ike", "gateways")
    }
    found = {}
    for name, block in entries(config, "groups").items():
        whole = {**block, "ike_gateways": _peers(gateways, block)}
        cluster = block.get("server_cluster")
        if cluster is not None:
            whole["server_cluster"] = {**cluster, "ike_gateways": _peers(gateways, cluster)}
        # A description has one; that there are more is said where it is made.
        whole["ipsec_sas"] = [_sa(config, sa) for sa in (block.get("ipsec_sas") or [])[:1]]
        found[f"group {name}"] = dict(_flat(whole))
    return found


def _joined(config: Config, generation: Generation) -> dict[str, Facts]:
    """A member's VPNs, by their groups' numbers."""
    found: dict[str, Facts] = {}
    for name, vpn in entries(config, "ipsec", "vpns").items():
        attached: list[Config] = []
        for policy in config.get("policies") or ():
            if policy.get("vpn") == name:
                one = {option: policy[option] for option in policy if option in _SEEN[generation]}
                attached += [] if one in attached else [one]
        _identity, gateway = _gateway(config, str(vpn.get("ike_gateway")), "")
        whole = {**vpn, "gateway": gateway, "policies": attached}
        of_group = f"of group {vpn.get('group')}"
        subject = f"VPN {of_group}"
        # A description has one.
        subject = f"VPN {name} {of_group}" if subject in found else subject
        found[subject] = dict(_flat(whole))
    return found


_ZONES = frozenset({"from_zone", "to_zone"})
# In v1 the security policies that are there keep their names and what they match.
_SEEN = {Generation.V1: _ZONES, Generation.V2: _ZONES | {"policy"}}
_FACTS: Mapping[str, Callable[[Config, Generation], dict[str, Facts]]] = {
    "server": _served,
    "member": _joined,
}


def _peers(gateways: Mapping[str, tuple[str, Config]], block: Config) -> Config:
    """Gateways by who they are for, whatever their names are; a further one with its own."""
    found: Config = {}
    for name in block.get("ike_gateways") or ():
        if name in gateways:
            peer, gateway = gateways[name]
            found[f"{peer} as {name}" if peer in found else peer] = gateway
    return found


def _gateway(config: Config, name: str, identity: str) -> tuple[str, Config]:
    gateway = entries(config, "ike", "gateways").get(name, {})
    policy = entries(config, "ike", "policies").get(str(gateway.get("ike_policy")), {})
    proposals = entries(config, "ike", "proposals")
    offers = [proposals.get(one, {}) for one in policy.get("proposals") or ()]
    who = gateway.get(identity) or " ".join(
        str(value) for value in (gateway.get("dynamic") or {}).values()
    )
    return str(who or name), {**gateway, "policy": {**policy, "proposals": offers}}


def _sa(config: Config, sa: Config) -> Config:
    return {**sa, "proposal": entries(config, "ipsec", "proposals").get(str(sa.get("proposal")))}


def _flat(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value with what leads to it; names that the role gives are left out."""
    if isinstance(value, Mapping):
        for option, inside in value.items():
            if option not in _NAMED_ANEW:
                yield from _flat(inside, (*path, str(option)))
    elif isinstance(value, list | tuple):
        for number, inside in enumerate(value, 1):
            named = isinstance(inside, Mapping) and path[-1] in _BY_NAME
            yield from _flat(inside, (*path, str(inside["name"] if named else number)))
    elif value is not None:
        yield path, value


_BY_NAME = ("match_policies", "exclude_rules", "fail_open_rules")


# Saying it


def _differing(where: str, has: Facts, then: Facts) -> Iterator[str]:
    """What would change; peers for which it is the same are named together."""
    said: dict[tuple[tuple[str, ...], str], dict[str, None]] = defaultdict(dict)
    ways = _ways(has), _ways(then)
    for path in dict.fromkeys((*has, *then)):
        if has.get(path) != then.get(path):
            cut, what = _difference(path, has, then, ways)
            peer, rest = _divided(cut)
            said[rest, what][peer] = None
    for (rest, what), peers in said.items():
        who = f" {some(peers)}" if any(peers) else ""
        yield f"{where}{who}: {' '.join((*rest, what))}"


def _difference(
    path: tuple[str, ...], has: Facts, then: Facts, ways: tuple[set[Any], set[Any]]
) -> tuple[tuple[str, ...], str]:
    """What differs there, in words; of what is missing as a whole, the whole."""
    if path not in has:
        cut = _cut(path, ways[0])
        return cut, "is not set: the description " + (
            f"makes it {then[path]}" if cut == path else "has it"
        )
    if path not in then:
        cut = _cut(path, ways[1])
        return cut, f"{has[path]}: no place in a description" if cut == path else (
            "has no place in a description"
        )
    return path, f"{has[path]}: the description makes it {then[path]}"


def _ways(facts: Facts) -> set[Any]:
    """Whatever leads to a value."""
    return {path[:length] for path in facts for length in range(1, len(path) + 1)}


def _cut(path: tuple[str, ...], ways: set[Any]) -> tuple[str, ...]:
    """A path up to where others do not follow."""
    lengths = range(1, len(path) + 1)
    return next((path[:length] for length in lengths if path[:length] not in ways), path)


def _divided(path: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The peer that a path goes through, and the rest of it; none where all peers are missing."""
    if "ike_gateways" not in path[:-1]:
        return "", path
    at = path.index("ike_gateways")
    return path[at + 1], (*path[:at], *path[at + 2 :])

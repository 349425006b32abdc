# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that is wrong with a description, at once, before any device is asked.

What a single statement may be is judged by the tables of the modules ``server`` and ``member``;
here stands what concerns several devices, or several statements of one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from ..engine.checks import request_objections
from ..engine.resource import Resource
from ..engine.shape import Given
from ..engine.tree import Reading
from ..engine.values import Generation
from ..resources import member as member_table
from ..resources import server as server_table
from ..resources.server_member_communication import DEFAULTS
from .description import (
    GROUPS,
    REKEY,
    Contradiction,
    Description,
    Device,
    Group,
    Options,
    read,
)
from .expand import configurations, proposal_name, serves
from .notation import Found, of_device, of_group, place
from .prefixes import covered, covering, holds, overlapping, same_way

_V1, _V2 = Generation.V1, Generation.V2
MOST_SERVERS, MOST_GROUPS = 4, 50
ACTIVATION_SECONDS = 15
_DELAYS = 10
"""A key's lifetime holds so many activation delays at least."""


def contradictions(groups: Any, hosts: Mapping[str, Options]) -> list[str]:
    """What contradicts itself or the devices' generations; each a line for a person."""
    return refusals(read(groups, hosts))


def refusals(description: Description) -> list[str]:
    """As :func:`contradictions`, of a description that has been read."""
    found = [*description.wrong]
    for check in _OF_DESCRIPTION:
        found += check(description)
    for group in description.groups:
        for judge in _OF_GROUP:
            found += judge(description, group)
    # What is known to be wrong is not judged again.
    known = {(host, one.path) for one in description.wrong for host in one.hosts}
    found = [
        one
        for one in found
        if one in description.wrong or not {(host, one.path) for host in one.hosts} & known
    ]
    lines = [str(one) for one in found]
    return list(dict.fromkeys([*lines, *_by_tables(description)]))


# Of the whole


def _twice(description: Description) -> Found:
    every: tuple[tuple[str, list[Any]], ...] = (
        ("name", [g.name for g in description.groups]),
        ("group_id", [g.group_id for g in description.groups]),
    )
    for option, values in every:
        for value in {v for v in values if v and values.count(v) > 1}:
            same = [g for g in description.groups if getattr(g, option) == value]
            hosts = tuple(dict.fromkeys(host for group in same for host in group.servers))
            names = " and ".join(group.name for group in same)
            yield Contradiction(
                hosts,
                f"{GROUPS}.{option}",
                value,
                f"used {len(same)} times (by {names})",
                "give each group its own",
            )


def _taking_part(description: Description) -> dict[str, Device]:
    return {
        host: description.devices[host]
        for group in description.groups
        for host in (*group.servers, *group.members)
    }


def _names(description: Description) -> Found:
    named = defaultdict(list)
    for host, device in _taking_part(description).items():
        named[device.name].append(host)
    for name, hosts in named.items():
        if len(hosts) > 1:
            yield Contradiction(
                tuple(hosts),
                "group_vpn_name",
                name,
                "these have the same name, and gateways are called after it",
                "give each its own",
            )


def _notation(description: Description) -> Found:
    for device in _taking_part(description).values():
        yield from of_device(device)
    for group in description.groups:
        yield from of_group(description, group)


def _addresses(description: Description) -> Found:
    by_address = defaultdict(list)
    for host, device in _taking_part(description).items():
        for address in {str(a).lower() for a in (device.address, *device.dynamic.values()) if a}:
            by_address[address].append(host)
    for address, hosts in by_address.items():
        if len(hosts) > 1:
            yield Contradiction(
                tuple(hosts),
                "group_vpn_address",
                address,
                "these have the same address, and a server could not tell them apart",
                "correct it",
            )


def _colocation(description: Description) -> Found:
    for host, device in _taking_part(description).items():
        served, joined = list(description.of_server(host)), list(description.of_member(host))
        if served and joined:
            roles = f"serves {served[0].name} and is a member of {joined[0].name}"
            yield Contradiction(
                (host,),
                place(joined[0], "members"),
                host,
                f"it {roles}; a device of Group VPN{device.generation} is one or the other here",
                "take it out of one",
            )
        if len(served) > MOST_GROUPS:
            yield Contradiction(
                (host,),
                GROUPS,
                len(served),
                f"a server has at most {MOST_GROUPS} groups",
                "spread them over more servers",
            )


def _members(description: Description) -> Found:
    for host, device in _taking_part(description).items():
        joined = list(description.of_member(host))
        if joined:
            yield from _lacking(device)
            yield from _attachment(device, joined)


def _lacking(device: Device) -> Found:
    reach = "'group_vpn_address'" if device.managed else "'address'"
    key = "'group_vpn_pre_shared_key'" if device.managed else "'pre_shared_key'"
    needs = [
        (device.address or device.dynamic, "address", f"set {reach}, or the one for 'dynamic'"),
        (device.key, "pre_shared_key", f"set {key}"),
        (
            device.external_interface or not device.managed,
            "external_interface",
            "set 'group_vpn_external_interface'",
        ),
    ]
    for there, what, remedy in needs:
        if not there:
            yield Contradiction((device.host,), f"group_vpn_{what}", None, "missing", remedy)


def _attachment(device: Device, joined: list[Group]) -> Found:
    names = [group.name for group in joined]
    pairs = defaultdict(list)
    for policy in device.policies:
        zones = (policy.get("from_zone"), policy.get("to_zone"))
        vpn = policy.get("group") or names[0]
        pairs[zones].append(vpn)
        if not all(zone and str(zone).strip() for zone in zones):
            yield _policy_of(device, policy, "it needs 'from_zone' and 'to_zone'", "set both")
        elif policy.get("group") is None and len(names) > 1:
            which = f"the host is in {', '.join(names)}, and it says not whose traffic it is"
            yield _policy_of(device, policy, which, "add 'group'")
        elif vpn not in names:
            other = f"the host is no member of {vpn}"
            yield _policy_of(
                device, policy, other, f"correct 'group' (it is in {', '.join(names)})"
            )
    for zones, vpns in pairs.items():
        if len(vpns) > 1:
            yield _policy_of(
                device,
                dict(zip(("from_zone", "to_zone"), zones, strict=True)),
                "one pair of zones takes one group",
                "leave one",
            )
    for vpn in {v for vpns in pairs.values() for v in vpns}:
        if device.generation is _V2 and sum(vpns.count(vpn) for vpns in pairs.values()) > 1:
            yield _policy_of(
                device, {}, f"{vpn} is attached to several pairs of zones", "leave one pair"
            )


def _policy_of(device: Device, policy: Options, why: str, remedy: str) -> Contradiction:
    value = " to ".join(str(policy.get(end)) for end in ("from_zone", "to_zone") if policy)
    return Contradiction((device.host,), "group_vpn_policies", value or None, why, remedy)


def _overlaps(description: Description) -> Found:
    for one, other in combinations(description.groups, 2):
        if one.isolated and other.isolated and not set(one.members) & set(other.members):
            continue
        pair = next(overlapping(one.match_policies, other.match_policies), None)
        if pair is not None:
            yield Contradiction(
                tuple(dict.fromkeys((*one.servers, *other.servers))),
                place(one, "match_policies"),
                shown(pair[0]),
                f"overlaps {shown(pair[1])} of group {other.name}, which has other keys",
                "narrow one of them, or set 'isolated: true' in both groups when their networks "
                "never meet and no member is in both",
            )


def _proposals(description: Description) -> Found:
    """An IKE proposal is called after its algorithms; a device has it once."""
    for one, other in combinations(description.groups, 2):
        members = set(one.members) & set(other.members)
        servers = set(one.servers) & set(other.servers)
        if proposal_name(one.ike_proposal) != proposal_name(other.ike_proposal):
            continue
        words = {*one.ike_proposal, *other.ike_proposal}
        differ = sorted(w for w in words if one.ike_proposal.get(w) != other.ike_proposal.get(w))
        hosts = members | (servers if differ != ["lifetime_seconds"] else set())
        if differ and hosts:
            yield Contradiction(
                tuple(sorted(hosts)),
                place(other, "ike_proposal"),
                ", ".join(differ),
                f"group {one.name} has the same algorithms with another value, and these hosts "
                "have one proposal for both",
                "give both groups the same value",
            )


# Of one group


def _whole(description: Description, group: Group) -> Found:
    for what, there in (
        ("name", group.name),
        ("group_id", group.group_id),
        ("servers", group.servers),
        ("members", group.members),
        ("match_policies", group.match_policies),
    ):
        if not there:
            yield Contradiction(group.servers, place(group, what), None, "missing", f"set '{what}'")
    if group.exclude == REKEY and group.communication is None:
        yield Contradiction(
            group.servers,
            place(group, "exclude"),
            REKEY,
            "no rekeys are pushed without 'server_member_communication', so that who is removed "
            "could read on",
            "add 'server_member_communication', or leave 'exclude' out",
        )
    most = group.setting("member_threshold")
    if most and most < len(group.members):
        yield Contradiction(
            group.servers,
            place(group, "member_threshold"),
            most,
            f"the group has {len(group.members)} members, and servers turn away who comes later",
            f"set it to {len(group.members)} or more, or leave it out",
        )
    if len(group.servers) > MOST_SERVERS:
        yield Contradiction(
            group.servers,
            place(group, "servers"),
            len(group.servers),
            f"a member takes at most {MOST_SERVERS} servers",
            "leave some out",
        )


def _servers(description: Description, group: Group) -> Found:
    devices = [description.devices[host] for host in group.servers]
    for device in devices:
        if device.address is None:
            yield Contradiction(
                (device.host,),
                "group_vpn_address",
                None,
                f"missing, and members of {group.name} have to know it",
                "set 'group_vpn_address'",
            )
        if device.dynamic:
            yield Contradiction(
                (device.host,),
                "group_vpn_dynamic",
                None,
                f"members of {group.name} have to know where their server is",
                "leave it out, and give the server a fixed 'group_vpn_address'",
            )
    if len({device.generation for device in devices}) > 1:
        yield Contradiction(
            group.servers,
            place(group, "servers"),
            None,
            "servers of both generations cannot share keys",
            "take servers of one generation",
        )
    elif len(devices) > 1:
        yield from _cluster(group, devices)


def _cluster(group: Group, devices: list[Device]) -> Found:
    if devices[0].generation is _V1:
        yield Contradiction(
            group.servers,
            place(group, "servers"),
            ", ".join(group.servers),
            "Group VPNv1 has no server cluster: each server would make keys of its own",
            "name one server",
        )
    elif not devices[0].key:
        yield Contradiction(
            (devices[0].host,),
            "group_vpn_pre_shared_key",
            None,
            f"missing; the servers of {group.name} prove who they are with the first one's",
            "set it on the first server",
        )


def _generations(description: Description, group: Group) -> Found:
    server = serves(description, group)
    for host in group.members:
        device = description.devices[host]
        if server is None or device.generation is server:
            continue
        if device.generation is _V2:
            yield _mixed(group, device, "a member of Group VPNv2 at a server of Group VPNv1", "")
            continue
        if device.dynamic:
            yield _mixed(group, device, "a v1 member at a v2 server needs main mode", "dynamic")
        if group.setting("anti_replay_time_window") is not None:
            yield Contradiction(
                (host,),
                place(group, "anti_replay_time_window"),
                group.setting("anti_replay_time_window"),
                "seconds to a v1 member, milliseconds to a v2 server",
                "leave it out while the group has v1 members",
            )


def _mixed(group: Group, device: Device, why: str, option: str) -> Contradiction:
    return Contradiction(
        (device.host,),
        "group_vpn_dynamic" if option else "group_vpn_generation",
        None if option else device.generation,
        f"{why} ({group.name}) is not documented to work",
        "give it a fixed address" if option else "move the servers to v2 first",
    )


def _timing(description: Description, group: Group) -> Found:
    block = group.communication or {}
    delay = group.setting("activation_time_delay", ACTIVATION_SECONDS)
    lives = [("ipsec_proposal.lifetime_seconds", group.ipsec_proposal.get("lifetime_seconds"))]
    lives.append(("server_member_communication.lifetime_seconds", block.get("lifetime_seconds")))
    for option, life in lives:
        if isinstance(life, int) and life < _DELAYS * delay:
            yield Contradiction(
                group.servers,
                place(group, option),
                life,
                f"a key has to live for {_DELAYS} activation delays of {delay} s",
                f"set it to {_DELAYS * delay} or more, or shorten 'activation_time_delay'",
            )
    if group.communication is not None:
        yield from _rekeys(group, block, delay)


def _rekeys(group: Group, block: Options, delay: int) -> Found:
    period, times, heartbeat, life = (
        block.get(option, DEFAULTS.get(option))
        for option in (
            "retransmission_period",
            "number_of_retransmission",
            "heartbeat",
            "lifetime_seconds",
        )
    )
    multicast = block.get("communication_type") == "multicast"
    if not multicast and period * times >= 2 * delay:
        yield Contradiction(
            group.servers,
            place(group, "server_member_communication.number_of_retransmission"),
            times,
            f"{times} retransmissions every {period} s last as long as it takes until new keys are "
            f"used ({2 * delay} s): who hears only the last one is deaf meanwhile",
            "retransmit less, or raise 'activation_time_delay'",
        )
    threshold = group.setting("heartbeat_threshold", 3)
    if block.get("heartbeat") is not None and threshold and heartbeat * threshold >= life:
        yield Contradiction(
            group.servers,
            place(group, "server_member_communication.heartbeat"),
            heartbeat,
            f"{threshold} missed heartbeats take longer than a key for rekeying lives ({life} s)",
            "shorten it, or lengthen 'lifetime_seconds'",
        )


def _traffic(description: Description, group: Group) -> Found:
    for one, other in combinations(group.match_policies, 2):
        if same_way(one, other):
            yield Contradiction(
                group.servers,
                place(group, "match_policies"),
                shown(other),
                f"takes traffic that {shown(one)} takes, too, and each has keys of its own",
                "leave one out, or narrow it",
            )
    for policy in group.match_policies:
        rule = covered(policy, group.setting("exclude_rules", ()))
        if rule is not None:
            yield Contradiction(
                group.servers,
                place(group, "exclude_rules"),
                rule.get("name"),
                f"takes all traffic of {shown(policy)} out: nothing of it would be protected",
                "narrow the rule",
            )


def shown(policy: Options) -> str:
    """A match policy for a person."""
    return f"{policy.get('name')} ({policy.get('source')} to {policy.get('destination')})"


def _lockout(description: Description, group: Group) -> Found:
    """Members whose way to a server, or from who manages them, would be encrypted."""
    rules = group.setting("exclude_rules", ())
    for host in group.members:
        device = description.devices[host]
        remedy = (
            "narrow the policy, or add an 'exclude_rules' entry"
            if device.generation is _V2
            else "narrow the policy"
        )
        for server in (description.devices[name] for name in group.servers):
            policy = covering(group.match_policies, device.address, server.address, rules)
            if policy is not None:
                yield Contradiction(
                    (host,),
                    place(group, "match_policies"),
                    shown(policy),
                    f"covers the way to its server {server.host} ({server.address}): it would lock "
                    "itself out",
                    remedy,
                )
        policy = _on_management(group, device)
        if policy is not None:
            yield Contradiction(
                (host,),
                place(group, "match_policies"),
                shown(policy),
                f"covers the way to where it is managed at ({device.management})",
                remedy,
            )


def _on_management(group: Group, device: Device) -> Options | None:
    """A policy that takes traffic of the management address with everybody."""
    if device.management is None:
        return None
    rules = group.setting("exclude_rules", ())
    if any(holds(rule.get("source_address"), device.management) for rule in rules):
        return None
    for policy in group.match_policies:
        ends = (policy.get("source"), policy.get("destination"))
        for one, other in (ends, ends[::-1]):
            if str(other).endswith("/0") and holds(one, device.management):
                return policy
    return None


# By the tables


def _by_tables(description: Description) -> Iterator[str]:
    for host, sides in configurations(description).items():
        device = description.devices[host]
        for resource, side in _RESOURCES:
            if sides[side]:
                yield from _table(host, resource, sides[side], device.generation)
    for group in description.groups:
        yield from _for_members(description, group)


_RESOURCES: tuple[tuple[Resource, str], ...] = (
    (server_table.RESOURCE, "server"),
    (member_table.RESOURCE, "member"),
)


def _for_members(description: Description, group: Group) -> Iterator[str]:
    """What the server hands out, judged by the generations of those who take it."""
    server = serves(description, group)
    traffic = {"ipsec": {"proposals": [{"name": group.name, **group.ipsec_proposal}]}}
    for host in group.members:
        generation = description.devices[host].generation
        if generation is not server:
            yield from _table(host, server_table.RESOURCE, traffic, generation)


def _table(
    host: str, resource: Resource, config: dict[str, Any], generation: Generation
) -> Iterator[str]:
    try:
        given = Given(resource, config)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        yield f"{host}: {GROUPS}: a value is of the wrong kind ({error}); correct it"
        return
    fitted = resource.rules.fitted(given.tree, Reading(), generation)
    objections = given.objections + request_objections(resource, fitted, generation)
    yield from (f"{host}: {objection}" for objection in objections)


_OF_DESCRIPTION: tuple[Callable[[Description], Iterable[Contradiction]], ...] = (
    _twice,
    _names,
    _notation,
    _proposals,
    _addresses,
    _colocation,
    _members,
    _overlaps,
)
_OF_GROUP: tuple[Callable[[Description, Group], Iterable[Contradiction]], ...] = (
    _whole,
    _servers,
    _generations,
    _timing,
    _traffic,
    _lockout,
)

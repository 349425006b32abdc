# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a member needs, and which of its zones a group's traffic goes through."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ...engine.values import Generation
from ..description import Contradiction, Description, Device, Group, Options
from .places import Found, in_host, taking_part

_ENDS = ("from_zone", "to_zone")


def members(description: Description) -> Found:
    """What each member lacks, and what is wrong with its zones."""
    for host, device in taking_part(description).items():
        joined = list(description.of_member(host))
        if joined:
            yield from _lacking(device)
            yield from _attachment(device, joined)


def _lacking(device: Device) -> Found:
    # Who is not managed has no variables; the options of its entry are named.
    prefix = "group_vpn_" if device.managed else ""
    reach = f"set '{prefix}address', or the one for 'dynamic'"
    needs = [
        (device.address or device.dynamic, "address", reach),
        (device.key, "pre_shared_key", f"set '{prefix}pre_shared_key'"),
        (
            device.external_interface or not device.managed,
            "external_interface",
            "set 'group_vpn_external_interface'",
        ),
    ]
    for there, what, remedy in needs:
        if not there:
            yield in_host(device, what, None, "missing", remedy)
    if device.address and device.dynamic and not device.managed:
        # A host's own address is where it calls from; of others, servers learn one or the other.
        why = "servers would know it by 'dynamic', and not by this"
        yield in_host(device, "address", device.address, why, "leave one of the two out")


def _attachment(device: Device, joined: list[Group]) -> Found:
    names = [group.name for group in joined]
    pairs: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for policy in device.policies:
        zones = tuple(policy.get(end) for end in _ENDS)
        pairs[zones].append(policy.get("group") or names[0])
        yield from _of_one(device, policy, names)
    yield from _one_group_a_pair(device, pairs)
    if device.generation is Generation.V2:
        yield from _one_pair_a_group(device, [vpn for vpns in pairs.values() for vpn in vpns])


def _of_one(device: Device, policy: Options, names: list[str]) -> Found:
    vpn = policy.get("group")
    if not all(zone and str(zone).strip() for zone in map(policy.get, _ENDS)):
        yield _wrong(device, policy, "it needs 'from_zone' and 'to_zone'", "set both")
    elif vpn is None and len(names) > 1:
        why = f"the host is in {', '.join(names)}, and it does not say for which of them"
        yield _wrong(device, policy, why, "add 'group'")
    elif (vpn or names[0]) not in names:
        remedy = f"correct 'group' (it is in {', '.join(names)})"
        yield _wrong(device, policy, f"the host is not a member of {vpn}", remedy)


def _one_group_a_pair(device: Device, pairs: dict[tuple[Any, ...], list[str]]) -> Found:
    for zones, vpns in pairs.items():
        if len(vpns) > 1:
            policy = dict(zip(_ENDS, zones, strict=True))
            yield _wrong(device, policy, "one pair of zones takes one group", "leave one")


def _one_pair_a_group(device: Device, vpns: list[str]) -> Found:
    for vpn in dict.fromkeys(vpn for vpn in vpns if vpns.count(vpn) > 1):
        yield _wrong(device, {}, f"{vpn} is attached to several pairs of zones", "leave one pair")


def _wrong(device: Device, policy: Options, why: str, remedy: str) -> Contradiction:
    value = " to ".join(str(policy.get(end)) for end in _ENDS if policy)
    return in_host(device, "policies", value or None, why, remedy)

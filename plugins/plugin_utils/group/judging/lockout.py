# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members whose way to a server, or from who manages them, would be encrypted."""

from __future__ import annotations

from ...engine.values import Generation
from ..description import Contradiction, Description, Device, Group, Options
from ..prefixes import covering, ends_of, holds, is_ipv4
from .places import Found, place
from .traffic import shown


def lockout(description: Description, group: Group) -> Found:
    """Policies that cut a member off from what it needs to be in the group at all."""
    servers = [description.devices[host] for host in group.servers]
    for device in (description.devices[host] for host in group.members):
        for server in servers:
            yield from _to_server(group, device, server)
        policy = _on_management(group, device)
        if policy is not None:
            why = f"covers the way to where it is managed at ({device.management})"
            yield _wrong(group, device, policy, why)


def _to_server(group: Group, device: Device, server: Device) -> Found:
    if server.address is None:
        return
    # Nobody knows where a peer is whose address changes, or where a name leads.
    own = device.address if is_ipv4(device.address) else None
    rules = group.setting("exclude_rules", ())
    policy = covering(group.match_policies, own, server.address, rules)
    if policy is not None:
        where = f"{server.host} ({server.address})"
        why = f"covers the way to its server {where}: it would lock itself out"
        yield _wrong(group, device, policy, why)


def _on_management(group: Group, device: Device) -> Options | None:
    """A policy that takes traffic of the management address with everybody."""
    if device.management is None:
        return None
    rules = group.setting("exclude_rules", ())
    opened = (end for rule in rules for end in ends_of(rule))
    # A rule for everybody is one for the other end, and not for this address.
    if any(holds(end, device.management) and not end.endswith("/0") for end in opened):
        return None
    for policy in group.match_policies:
        ends = (policy.get("source"), policy.get("destination"))
        for one, other in (ends, ends[::-1]):
            if str(other).endswith("/0") and holds(one, device.management):
                return policy
    return None


def _wrong(group: Group, device: Device, policy: Options, why: str) -> Contradiction:
    rule = ", or add an 'exclude_rules' entry" if device.generation is Generation.V2 else ""
    where, remedy = place(group, "match_policies"), f"narrow the policy{rule}"
    return Contradiction((device.host,), where, shown(policy), why, remedy)

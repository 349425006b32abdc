# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members whose way to a server, or from who manages them, would be encrypted."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ...engine.values import Generation
from ..description import Contradiction, Description, Device, Group, Options, some
from ..prefixes import PORTS, covering, ends_of, holds, is_ipv4
from .places import Found, place
from .traffic import shown


def lockout(description: Description, group: Group) -> Found:
    """Policies that cut members off from what they need to be in the group at all."""
    devices = description.devices
    pairs = [(devices[h], devices[s]) for h, servers in _asked(description, group) for s in servers]
    yield from _from_servers(group, pairs)
    for device in (devices[host] for host in group.members):
        policy = _on_management(group, device)
        if policy is not None:
            why = f"covers the way to where it is managed at ({device.management})"
            yield _wrong(group, [device], shown(policy), why)


def _asked(description: Description, group: Group) -> Iterable[tuple[str, Iterable[str]]]:
    """Members of a group with all servers that they ask, those of their other groups, too."""
    found: dict[str, dict[str, None]] = {host: {} for host in group.members}
    for one in description.groups:
        for host in one.members:
            if host in found:
                found[host].update(dict.fromkeys(one.servers))
    return found.items()


def _from_servers(group: Group, asking: Iterable[tuple[Device, Device]]) -> Found:
    """One fault for each policy, with all whom it cuts off, and from which servers."""
    cut: dict[str, list[tuple[Device, Device]]] = {}
    for device, server in asking:
        policy = _on_the_way(group, device, server)
        if policy is not None:
            cut.setdefault(shown(policy), []).append((device, server))
    for policy_shown, pairs in cut.items():
        whom, where = ({d.host: d for d in ends} for ends in zip(*pairs, strict=True))
        said = some(f"{server.host} ({server.address})" for server in where.values())
        why = f"covers the way to its server {said}: it would lock itself out"
        yield _wrong(group, list(whom.values()), policy_shown, why)


def _on_the_way(group: Group, device: Device, server: Device) -> Options | None:
    """A policy that takes what a member and its server have to say to each other."""
    if server.address is None:
        return None
    # Nobody knows where a peer is whose address changes, or where a name leads.
    own = device.address if is_ipv4(device.address) else None
    policies = [policy for policy in group.match_policies if _takes(policy, _UDP, _KEY_PORTS)]
    return covering(policies, own, server.address, group.setting("exclude_rules", ()))


def _on_management(group: Group, device: Device) -> Options | None:
    """A policy that takes traffic of the management address with everybody."""
    if device.management is None:
        return None
    rules = group.setting("exclude_rules", ())
    opened = (end for rule in rules for end in ends_of(rule))
    # A rule for everybody is one for the other end, and not for this address.
    if any(holds(end, device.management) and not end.endswith("/0") for end in opened):
        return None
    for policy in (one for one in group.match_policies if _takes(one, _TCP)):
        ends = (policy.get("source"), policy.get("destination"))
        for one, other in (ends, ends[::-1]):
            if str(other).endswith("/0") and holds(one, device.management):
                return policy
    return None


_TCP, _UDP = 6, 17
_KEY_PORTS = frozenset({500, 848, 4500})
"""Where peers speak IKE and GDOI."""


def _takes(policy: Options, protocol: int, ports: Collection[int] | None = None) -> bool:
    """Whether a policy is for a protocol, and for some of its ports; 0, or nothing, is any."""
    if (policy.get("protocol") or protocol) != protocol:
        return False
    given = filter(None, map(policy.get, PORTS))
    return ports is None or all(port in ports for port in given)


def _wrong(group: Group, devices: list[Device], policy: str, why: str) -> Contradiction:
    has_rules = any(device.generation is Generation.V2 for device in devices)
    rule = ", or add an 'exclude_rules' entry" if has_rules else ""
    where, remedy = place(group, "match_policies"), f"narrow the policy{rule}"
    return Contradiction(tuple(d.host for d in devices), where, policy, why, remedy)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Single values of a description, judged by the statements that devices get of them.

Each is judged once for each generation that takes it, and named where a person wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...engine.schema import Leaf, Statement
from ...engine.values import Generation
from ...resources import member, server
from ..description import SERVER_SETTINGS, VPN_SETTINGS, Contradiction, Description, Device, Group
from ..sheet import called
from ..words import STATEMENTS, statements
from .places import Found, in_host, place, taking_part

Takers = Mapping[Generation, tuple[str, ...]]
_GROUPS = statements(server.RESOURCE.root, "groups")
_VPNS = statements(member.RESOURCE.root, "ipsec", "vpns")
_KEY = statements(member.RESOURCE.root, "ike", "policies", "pre_shared_key")["ascii_text"]
_ZONES = statements(member.RESOURCE.asked, "policies")
_BY_MEMBERS = frozenset({"exclude_rules", "fail_open_rules"})
_BY_SERVERS = frozenset({"server_member_communication", "match_policies"})


def of_group(description: Description, group: Group) -> Found:
    """What devices would not take of a group."""
    servers, members = (
        _by_generation(description, hosts) for hosts in (group.servers, group.members)
    )
    everybody = _by_generation(description, (*group.servers, *group.members))
    for where, value, statement in _settings(group, _GROUPS, SERVER_SETTINGS):
        yield from _judged(group, where, value, statement, servers)
    for where, value, statement in _settings(group, _VPNS, VPN_SETTINGS):
        yield from _judged(group, where, value, statement, members)
    if group.group_id is not None:
        yield from _judged(group, "group_id", group.group_id, _GROUPS["group_id"], everybody)
    for part, table in STATEMENTS.items():
        takers = members if part in _BY_MEMBERS else servers if part in _BY_SERVERS else everybody
        for where, entry in _entries(part, _part(group, part)):
            for option, value in entry.items():
                yield from _judged(group, f"{where}.{option}", value, table[option], takers)


def of_devices(description: Description) -> Found:
    """What devices would not take of what only they know; keys are shown to nobody."""
    for device in taking_part(description).values():
        found: list[tuple[str, Any, Any, Statement]] = [
            ("pre_shared_key", None, device.key, _KEY),
            *_same("external_interface", device.external_interface, _VPNS, _INTERFACE),
        ]
        for number, policy in enumerate(device.policies):
            for zone in ("from_zone", "to_zone"):
                found += _same(f"policies[{number}].{zone}", policy.get(zone), _ZONES, zone)
        for where, shown, value, statement in found:
            yield from _of_device(device, where, shown, value, statement)


_INTERFACE = "group_vpn_external_interface"


def _same(
    where: str, value: Any, table: Mapping[str, Statement], option: str
) -> list[tuple[str, Any, Any, Statement]]:
    return [(where, value, value, table[option])]


def _of_device(device: Device, where: str, shown: Any, value: Any, statement: Statement) -> Found:
    why = _objection(statement, value, device.generation) if value else None
    if why is not None:
        yield in_host(device, where, shown, why, "correct it")


def _by_generation(description: Description, hosts: tuple[str, ...]) -> Takers:
    found: dict[Generation, tuple[str, ...]] = {}
    for host in hosts:
        generation = description.devices[host].generation
        found[generation] = (*found.get(generation, ()), host)
    return found


def _settings(
    group: Group, table: Mapping[str, Statement], options: tuple[str, ...]
) -> Iterator[tuple[str, Any, Statement]]:
    return ((o, group.settings[o], table[o]) for o in options if o in group.settings)


def _part(group: Group, part: str) -> Any:
    """What stands in a part of a group that has words of its own."""
    own = {"server_member_communication": group.communication}
    return own[part] if part in own else getattr(group, part, group.setting(part))


def _entries(part: str, given: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A mapping, or the mappings of a list, each with its place."""
    if isinstance(given, Mapping):
        yield part, given
        return
    for number, entry in enumerate(given or ()):
        yield f"{part}[{called(entry, number)}]", entry


def _judged(group: Group, where: str, value: Any, statement: Statement, takers: Takers) -> Found:
    for generation, hosts in takers.items():
        why = _objection(statement, value, generation)
        if why is not None:
            remedy = "correct it" if statement.known_to(generation) else "leave it out"
            yield Contradiction(hosts, place(group, where), value, why, remedy)


def _objection(statement: Statement, value: Any, generation: Generation) -> str | None:
    if value is False:
        return None
    if not statement.known_to(generation):
        return f"Group VPN{generation} does not have this statement"
    return statement.objection(value, generation) if isinstance(statement, Leaf) else None

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who takes part in a group: nobody is missing, in two roles, or one too many."""

from __future__ import annotations

from ...engine.counting import counted
from ..description import GROUPS, REKEY, Contradiction, Description, Device, Group
from .places import Found, in_group, place, taking_part

MOST_SERVERS, MOST_GROUPS = 4, 50
_NEEDED = ("group_id", "servers", "members", "match_policies")


def of_devices(description: Description) -> Found:
    """Devices that would be of both kinds, or serve too many groups."""
    for device in taking_part(description).values():
        yield from _both(description, device)
        served = len(list(description.of_server(device.host)))
        if served > MOST_GROUPS:
            why = f"a server has at most {MOST_GROUPS} groups"
            remedy = "spread them over more servers"
            yield Contradiction((device.host,), GROUPS, served, why, remedy)


def _both(description: Description, device: Device) -> Found:
    host = device.host
    served, joined = list(description.of_server(host)), list(description.of_member(host))
    if served and joined:
        roles = f"serves {served[0].name} and is a member of {joined[0].name}"
        why = f"it {roles}; a device of Group VPN{device.generation} is one or the other here"
        yield Contradiction((host,), place(joined[0], "members"), host, why, "take it out of one")


def missing(_description: Description, group: Group) -> Found:
    """What no group can be without."""
    for option in _NEEDED:
        if getattr(group, option) in (None, ()):
            yield in_group(group, option, None, "missing", f"set '{option}'")


def exclusion(_description: Description, group: Group) -> Found:
    """Whether whoever is removed is kept from what is said afterwards."""
    if group.exclude == REKEY and group.communication is None:
        yield in_group(
            group,
            "exclude",
            REKEY,
            "no rekeys are pushed without 'server_member_communication', so that who is removed "
            "could read on",
            "add 'server_member_communication', or leave 'exclude' out",
        )


def room(_description: Description, group: Group) -> Found:
    """Whether servers have room for the members, and members for the servers."""
    most, members = group.setting("member_threshold"), len(group.members)
    if most is not None and most < members:
        why = f"the group has {counted(members, 'member')}, and servers turn away who comes later"
        remedy = f"set it to {members} or more, or leave it out"
        yield in_group(group, "member_threshold", most, why, remedy)
    if len(group.servers) > MOST_SERVERS:
        why = f"a member takes at most {MOST_SERVERS} servers"
        yield in_group(group, "servers", len(group.servers), why, "leave some out")

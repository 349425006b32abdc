# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a list of registered members means, and how it is returned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..resources.served import Group
from .model import COUNTERS, GroupMembers, Member

# communication: what the list shows (Juniper, "Understanding Server-Member Communication").
LIST_SHOWS = {
    "none": "registered",
    "unicast": "active",
    "multicast": "registered_since_configured",
}


def _shaped(member: Member, detail: bool) -> Member:
    shaped: Member = {
        name: member.get(name) for name in ("gateway", "address", "last_update", "vsys")
    }
    if detail:
        shaped.update({name: member.get(name) for name in COUNTERS})
    return shaped


def described(
    groups: Iterable[GroupMembers], in_force: Mapping[str, Group], detail: bool
) -> Iterator[dict[str, Any]]:
    """The module's ``groups``: each with what its list means.

    A group that is not in force has no server-member-communication in force either.
    """
    for group in groups:
        known = in_force.get(group.name, Group(group.name))
        entry: dict[str, Any] = {
            "name": group.name,
            "id": known.id if group.id is None else group.id,
            "communication": known.communication,
            "list_shows": LIST_SHOWS[known.communication],
            "member_count": len(group.members),
            "members": [_shaped(member, detail) for member in group.members],
            "gateways": [{"name": n, "address": a} for n, a in known.gateways.items()],
            "clustered": known.clustered,
        }
        if group.node is not None:
            entry["node"] = group.node
        yield entry

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a list of registered members means, and how it is returned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..resources.server_member_communication import Block
from .model import COUNTERS, GroupMembers, Member

# communication: what the list shows (Juniper, "Understanding Server-Member Communication").
LIST_SHOWS = {
    "none": "registered",
    "unicast": "active",
    "multicast": "registered_since_configured",
}


def communication_of(block: Block | None) -> str:
    """What the block in force in a group means, a key of ``LIST_SHOWS``; None: no block is."""
    return "none" if block is None else str(block.get("communication_type", "unicast"))


def _shaped(member: Member, detail: bool) -> Member:
    shaped: Member = {
        name: member.get(name) for name in ("gateway", "address", "last_update", "vsys")
    }
    if detail:
        shaped.update({name: member.get(name) for name in COUNTERS})
    return shaped


def described(
    groups: Iterable[GroupMembers], communications: Mapping[str, str], detail: bool
) -> Iterator[dict[str, Any]]:
    """The module's ``groups``: each with what its list means.

    ``communications`` says what is in force in each group, a key of ``LIST_SHOWS``; a group that is
    not named there has no server-member-communication in force.
    """
    for group in groups:
        communication = communications.get(group.name, "none")
        entry: dict[str, Any] = {
            "name": group.name,
            "id": group.id,
            "communication": communication,
            "list_shows": LIST_SHOWS[communication],
            "member_count": len(group.members),
            "members": [_shaped(member, detail) for member in group.members],
        }
        if group.node is not None:
            entry["node"] = group.node
        yield entry

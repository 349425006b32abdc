# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IKE proposals of several groups on one device."""

from __future__ import annotations

from itertools import combinations

from ..description import Contradiction, Description, Group
from ..expand import proposal_name
from .places import Found, place


def proposals(description: Description) -> Found:
    """A proposal is called after its algorithms; a device has it once."""
    for one, other in combinations(description.groups, 2):
        if proposal_name(one.ike_proposal) == proposal_name(other.ike_proposal):
            yield from _differing(one, other)


def _differing(one: Group, other: Group) -> Found:
    words = {*one.ike_proposal, *other.ike_proposal}
    differ = sorted(w for w in words if one.ike_proposal.get(w) != other.ike_proposal.get(w))
    hosts = _sharing(one, other, differ)
    if differ and hosts:
        yield Contradiction(
            tuple(sorted(hosts)),
            place(other, "ike_proposal"),
            ", ".join(differ),
            f"group {one.name} has the same algorithms with another value, and these hosts "
            "have one proposal for both",
            "give both groups the same value",
        )


def _sharing(one: Group, other: Group, differ: list[str]) -> set[str]:
    """Hosts that would have both; a lifetime is what members offer, and servers have none."""
    members = set(one.members) & set(other.members)
    if differ == ["lifetime_seconds"]:
        return members
    return members | (set(one.servers) & set(other.servers))

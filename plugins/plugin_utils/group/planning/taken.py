# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Numbers that a group is to get, and another one may have still that nobody can change now."""

from __future__ import annotations

from ..configurations import entries
from ..description import Description, Group
from .servers import number_of
from .situation import Fleet


def taken(now: Fleet, description: Description) -> dict[str, str]:
    """By group whose number is taken who may have it: it stays as it is as well.

    Its members would take the other one's VPN for theirs. Who waits for it has to wait, too.
    """
    found: dict[str, str] = {}
    while True:
        kept = [g for g in description.groups if g.name in found or not is_seen(now, g)]
        more = {
            group.name: other.name
            for group in description.groups
            for other in kept
            if group not in kept and _may_have_its_number(now, other, group)
        }
        if not more:
            return found
        found |= more


def is_seen(now: Fleet, group: Group) -> bool:
    """Whether all servers of a group could be looked at."""
    return all(host in now for host in group.servers)


def _may_have_its_number(now: Fleet, other: Group, group: Group) -> bool:
    """Whether a member of the other group has a VPN of that number which is not this group's."""
    blocks = (entries(now[h]["server"], "groups").get(group.name, {}) for h in group.servers)
    is_its_own = any(number_of(block) == group.group_id for block in blocks)
    names = {
        name
        for host in other.members
        if host in now
        for name, vpn in entries(now[host]["member"], "ipsec", "vpns").items()
        if vpn.get("group") == group.group_id
    }
    return bool(names & {other.name} if is_its_own else names - {group.name})

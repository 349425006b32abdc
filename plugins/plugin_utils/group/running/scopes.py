# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Protected traffic that a member of Group VPNv1 would not take by the policies that it gets.

It installs a group's policy only where protocol and ports are those of the application of a
security policy that tunnels into the VPN. A new one is for any application; what an old one's names
stand for, the device alone knows.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...engine.values import Generation
from ..configurations import entries
from ..description import Description, Group, Options
from ..expand import Config
from ..planning.members import pair
from ..prefixes import NUMBERS


def uninstalled(description: Description, host: str, now: Config, then: Config) -> Iterator[str]:
    """Why a change must not be made to what a host has (``now``): keys would come for nothing."""
    if description.devices[host].generation is not Generation.V1:
        return
    for group in description.of_member(host):
        if _is_for_any(group, now, then):
            yield from filter(None, (_said(group, policy) for policy in group.match_policies))


def _is_for_any(group: Group, now: Config, then: Config) -> bool:
    """Whether all that tunnels into a group's VPN is new, and so for any application."""
    known = {pair(policy) for policy in now.get("policies") or ()}
    vpns = entries(then, "ipsec", "vpns")
    names = {name for name, vpn in vpns.items() if vpn.get("group") == group.group_id}
    own = [policy for policy in then.get("policies") or () if policy.get("vpn") in names]
    return bool(own) and not any(pair(policy) in known for policy in own)


def _said(group: Group, policy: Options) -> str:
    """What no member takes of a policy; '' where it is for any application, too."""
    given = {option: str(policy.get(option) or 0) for option in NUMBERS}
    narrow = ", ".join(f"{option} {value}" for option, value in given.items() if value != "0")
    return narrow and (
        f"group_vpn_groups[{group.name}].match_policies[{policy.get('name')}] {narrow}: a v1 "
        "member takes only what the application of its security policy is, and a new one is for "
        "any; leave protocol and ports out, or make its VPN and policy with the module 'member' "
        "and that application first"
    )

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members of another generation than their servers."""

from __future__ import annotations

from ...engine.values import Generation
from ..description import Contradiction, Description, Device, Group
from ..expand import serves
from .places import Found, in_host, place

_WINDOW = "anti_replay_time_window"


def generations(description: Description, group: Group) -> Found:
    """What of a group does not work, or means something else, for the other generation."""
    server = serves(description, group)
    for device in (description.devices[host] for host in group.members):
        if server is None or device.generation is server:
            continue
        if device.generation is Generation.V2:
            at = f"a member of Group VPNv2 at a server of Group VPNv1 ({group.name})"
            why = f"{at} is not documented to work"
            yield in_host(device, "generation", Generation.V2, why, "move the servers to v2 first")
        else:
            yield from _old_member(device, group)


def _old_member(device: Device, group: Group) -> Found:
    if device.dynamic:
        why = f"a v1 member at a v2 server needs main mode ({group.name}), and so a fixed address"
        yield in_host(device, "dynamic", None, why, "give it a fixed address")
    if group.setting(_WINDOW) is not None:
        yield Contradiction(
            (device.host,),
            place(group, _WINDOW),
            group.setting(_WINDOW),
            "seconds to a v1 member, milliseconds to a v2 server",
            "leave it out while the group has v1 members",
        )

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong, and where in a description it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..description import GROUPS, Contradiction, Description, Device, Group

Found = Iterator[Contradiction]


def place(group: Group, option: str = "") -> str:
    """Where something of a group stands in the description."""
    return f"{GROUPS}[{group.name}]{'.' if option else ''}{option}"


def in_group(group: Group, option: str, value: Any, why: str, remedy: str) -> Contradiction:
    """What is wrong with an option of a group; its servers would get it."""
    return Contradiction(group.servers, place(group, option), value, why, remedy)


def in_host(device: Device, variable: str, value: Any, why: str, remedy: str) -> Contradiction:
    """What is wrong with a word of a device, named without what it begins with."""
    return Contradiction((device.host,), f"{device.where}{variable}", value, why, remedy)


def taking_part(description: Description) -> dict[str, Device]:
    """Devices that a group names, each once."""
    return {
        host: description.devices[host]
        for group in description.groups
        for host in (*group.servers, *group.members)
    }

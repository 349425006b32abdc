# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What tells groups and devices apart is each one's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from ..description import GROUPS, Contradiction, Description, Device, Group
from .places import Found, taking_part


def of_groups(description: Description) -> Found:
    """Names and numbers of groups."""
    every: tuple[tuple[str, list[Any]], ...] = (
        ("name", [group.name for group in description.groups]),
        ("group_id", [group.group_id for group in description.groups]),
    )
    for option, values in every:
        for value in dict.fromkeys(v for v in values if v and values.count(v) > 1):
            same = [group for group in description.groups if getattr(group, option) == value]
            yield _twice(option, value, same)


def _twice(option: str, value: Any, same: list[Group]) -> Contradiction:
    hosts = tuple(dict.fromkeys(host for group in same for host in group.servers))
    names = " and ".join(group.name for group in same)
    why = f"used {len(same)} times (by {names})"
    return Contradiction(hosts, f"{GROUPS}.{option}", value, why, "give each group its own")


def names(description: Description) -> Found:
    """Names of devices."""
    why = "these have the same name, and gateways are called after it"
    for name, hosts in _shared(description, lambda device: [device.name]):
        yield Contradiction(hosts, "group_vpn_name", name, why, "give each its own")


def addresses(description: Description) -> Found:
    """Where devices are, and who they say that they are."""
    why = "these have the same address, and a server could not tell them apart"
    for address, hosts in _shared(description, _known_by):
        yield Contradiction(hosts, "group_vpn_address", address, why, "correct it")


def devices(description: Description, there: Iterable[str]) -> Found:
    """Two names of one device: what is meant for the other would be done to it, at once.

    ``there``: hosts that have answered; where nobody listens nothing is said of who would.
    """
    found = defaultdict(list)
    for host in there:
        found[description.devices[host].reached].append(host)
    why = "a session for each of these leads to the same device"
    remedy = "correct it, or leave all but one of them out of play and description"
    for reached, hosts in found.items():
        if reached and len(hosts) > 1:
            value = "{} port {}".format(*reached)
            yield Contradiction(tuple(hosts), "ansible_host", value, why, remedy)


def _known_by(device: Device) -> Iterable[str]:
    return dict.fromkeys(str(a).lower() for a in (device.address, *device.dynamic.values()) if a)


def _shared(
    description: Description, known_by: Callable[[Device], Iterable[str]]
) -> Iterable[tuple[str, tuple[str, ...]]]:
    """What several devices have, and those devices."""
    found = defaultdict(list)
    for host, device in taking_part(description).items():
        for word in known_by(device):
            found[word].append(host)
    return [(word, tuple(hosts)) for word, hosts in found.items() if len(hosts) > 1]

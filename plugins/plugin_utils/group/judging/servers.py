# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Servers of a group: members can find them, and they can share its keys."""

from __future__ import annotations

from ...engine.values import Generation
from ..description import Description, Device, Group
from .places import Found, in_group, in_host


def servers(description: Description, group: Group) -> Found:
    """What is wrong with each server, and with all of them together."""
    devices = [description.devices[host] for host in group.servers]
    for device in devices:
        yield from _findable(device, group)
    if len({device.generation for device in devices}) > 1:
        why = "servers of both generations cannot share keys"
        yield in_group(group, "servers", None, why, "take servers of one generation")
    elif len(devices) > 1:
        yield from _cluster(group, devices[0])


def _findable(device: Device, group: Group) -> Found:
    if device.address is None:
        why = f"missing, and members of {group.name} have to know it"
        yield in_host(device, "address", None, why, "set 'group_vpn_address'")
    if device.dynamic:
        why = f"members of {group.name} have to know where their server is"
        remedy = "leave it out, and give the server a fixed 'group_vpn_address'"
        yield in_host(device, "dynamic", None, why, remedy)


def _cluster(group: Group, root: Device) -> Found:
    if root.generation is Generation.V1:
        why = "Group VPNv1 has no server cluster: each server would make keys of its own"
        yield in_group(group, "servers", ", ".join(group.servers), why, "name one server")
    elif not root.key:
        why = f"missing; the servers of {group.name} prove who they are with the first one's"
        yield in_host(root, "pre_shared_key", None, why, "set it on the first server")

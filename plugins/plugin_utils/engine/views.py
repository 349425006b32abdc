# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The states that change nothing: gathered, parsed, rendered."""

from __future__ import annotations

from typing import Any

from ..errors import Refused
from ..netconf.rpc import Rpc
from .advice import inactive, reading_warnings
from .change import change_xml, edits, set_lines, to_string
from .checks import request_objections, result_objections
from .device import Device
from .draft import read_device
from .plan import State, plan
from .request import fitted
from .resource import Outlook, Resource
from .schema import Tree
from .shape import as_config
from .tree import Configuration, Reading
from .values import Generation


def gather(resource: Resource, rpc: Rpc) -> dict[str, Any]:
    """What is in force on the device; the module's return values."""
    return _shown("gathered", resource, resource.read(read_device(Device(rpc), resource, None)))


def parse(resource: Resource, running: str) -> dict[str, Any]:
    """What a configuration text sets; the module's return values. Raises MalformedReply."""
    return _shown("parsed", resource, resource.parse(running))


def _shown(state: str, resource: Resource, have: Reading) -> dict[str, Any]:
    return {
        state: as_config(resource, have.in_force(resource.root)),
        "inactive": inactive(resource, have),
        "unread": list(have.unread),
        "warnings": reading_warnings(resource, have),
    }


def render(resource: Resource, want: Tree, generation: Generation | None) -> dict[str, Any]:
    """The wanted settings as set lines and XML, without a device."""
    chosen = generation or _likely_generation(resource, want)
    want = fitted(resource, want, Reading(), chosen)
    target = plan(resource.root, Reading(), want, State.MERGED)
    after = target.tree
    outlook = Outlook(Reading(), target, {}, after, want, chosen)
    objections = request_objections(resource, want, chosen)
    if resource.anchored is not None:
        objections += result_objections(resource, outlook)
    if objections:
        raise Refused(objections)
    change = edits(resource.root, Configuration(), target, chosen)
    commands = set_lines(resource.prefix, change)
    return {
        "rendered": "\n".join(commands),
        "commands": commands,
        "xml": to_string(change_xml(resource.prefix, change)),
    }


def _likely_generation(resource: Resource, want: Tree) -> Generation:
    """The generation that settings fit when no device says it: v2 unless only v1 takes them."""
    wants = {g: fitted(resource, want, Reading(), g) for g in Generation}
    unfit = {g: bool(request_objections(resource, wants[g], g)) for g in Generation}
    return Generation.V1 if unfit[Generation.V2] and not unfit[Generation.V1] else Generation.V2

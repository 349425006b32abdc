# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The change that leads from what a device has to what is wanted, judged before it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from ..errors import DeviceError, Refused
from ..netconf.libraries import etree
from .change import Edit, edits
from .checks import (
    inherited_objections,
    protected_objections,
    request_objections,
    result_objections,
)
from .device import Device
from .plan import State, plan
from .reply import same
from .request import Request, fitted
from .resource import Outlook, Resource
from .schema import Tree
from .tree import Configuration, Reading
from .values import Generation


class Draft(NamedTuple):
    """A change that may be made; ``reply``: the reading that it is made from.

    None: it is made from what was read in another request, or is not there yet.
    """

    reply: etree._Element | None
    outlook: Outlook
    change: list[Edit]

    @property
    def generation(self) -> Generation | None:
        return self.outlook.generation


def foresee(request: Request, have: Reading, generation: Generation) -> Draft:
    """The change of a device that has this, without the device. Raises Refused."""
    return Draft(None, *_judged(request, have, generation, lambda: generation))


def drafted(device: Device, request: Request, earlier: Draft | None = None) -> Draft:
    """The change from what the device has; ``earlier``: what came of an earlier reading."""
    resource = request.resource
    generation = request.generation if earlier is None else earlier.generation
    reply = read_device(device, resource, generation)
    if earlier is not None and earlier.reply is not None and same(earlier.reply, reply):
        return earlier
    have = replace(resource.read(reply), groups=request.groups)
    if earlier is not None and have.is_as(earlier.outlook.have):
        return earlier._replace(reply=reply)
    generation = generation or device.told_generation()
    ask = partial(device.generation, "set 'generation'")
    return Draft(reply, *_judged(request, have, generation, ask))


def _judged(
    request: Request,
    have: Reading,
    generation: Generation | None,
    ask: Callable[[], Generation],
) -> tuple[Outlook, list[Edit]]:
    """The change that leads from what there is to what is wanted; ``ask``: the generation."""
    resource, root = request.resource, request.resource.root
    _refuse_asleep(request, have)
    _refuse_unknown_entries(request, have)
    if resource.rules.fits:
        generation = generation or ask()
    want = fitted(resource, request.want, have, generation)
    target = target_of(request, have, want, generation)
    change = edits(root, have.explicit, target, generation)
    if change and generation is None:
        generation = ask()
        change = edits(root, have.explicit, target, generation)
    before = have.in_force(root)
    after = replace(have, explicit=target).in_force(root) if change else before
    outlook = Outlook(have, target, before, after, want, generation, request.state)
    _refuse_unfit(resource, outlook, change)
    return outlook, change


def _refuse_asleep(request: Request, have: Reading) -> None:
    """What somebody waits for to be in force, and is not: there, or yet to come."""
    if request.in_force and have.ancestor_inactive:
        (why, *_more) = have.notes
        raise Refused(
            [f"{why}, and nobody could register with it; activate it on the device first"]
        )


def _refuse_unfit(resource: Resource, outlook: Outlook, change: list[Edit]) -> None:
    """What is not wanted, and no change of these settings takes away.

    And of a change what a device of this generation would not take, now or after it.
    """
    objections = list(inherited_objections(resource, outlook))
    if change and not objections:
        objections = request_objections(resource, outlook.want, outlook.generation)
        objections += result_objections(resource, outlook)
        objections += protected_objections(resource, outlook.have, change)
    if objections:
        raise Refused(objections)


def read_device(
    device: Device,
    resource: Resource,
    generation: Generation | None,
    database: str = "committed",
) -> etree._Element:
    """What the device has; one of the older generation may not know all that is asked for."""
    try:
        return device.read(resource.read_filter(generation), database)
    except DeviceError:
        if generation is not None or not resource.divided:
            raise
        return device.read(resource.read_filter(Generation.V1), database)


def target_of(
    request: Request, have: Reading, want: Tree, generation: Generation | None
) -> Configuration:
    """The configuration to come to."""
    resource, root = request.resource, request.resource.root
    target = plan(
        root,
        have,
        want,
        request.state,
        everything=request.everything,
        secrets=request.secrets,
    )
    if not request.drop:
        return target
    left = replace(have, explicit=target)
    return plan(root, left, fitted(resource, request.drop, left, generation), State.DELETED)


def _refuse_unknown_entries(request: Request, have: Reading) -> None:
    """Entries that only the device's operator makes must be there."""
    node = request.resource.anchored
    if node is None or not node.fixed or request.state is State.DELETED:
        return
    there = {**have.explicit.tree.get(node.name, {}), **have.inherited.get(node.name, {})}
    objections = [
        f"{request.resource.where((node.name, name))}: the device has no such {node.name}; create "
        f"it first, or correct '{node.key.option}' (it has {', '.join(there) or 'none'})"
        for name in request.want.get(node.name, {})
        if name not in there
    ]
    if objections:
        raise Refused(objections)

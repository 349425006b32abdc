# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a resource module does, without Ansible: any resource, any state."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..errors import CommitDiffers, DeviceError, GroupVpnError, Refused
from ..netconf.libraries import etree
from ..netconf.rpc import Rpc
from .advice import change_warnings, reading_warnings
from .change import Edit, change_xml, edits, set_lines, to_string
from .checks import request_objections, result_objections
from .confirmation import PendingConfirmation
from .device import CommitOptions, Device
from .outcome import lacking, told
from .plan import State, UpdatePassword, plan
from .resource import Outlook, Resource
from .schema import Leaf, Tree, walk
from .secret import MASK, hidden, secrets_in
from .shape import Given, as_config
from .transaction import settings_at_stake, transact
from .tree import Configuration, Reading
from .values import Generation


class Request(NamedTuple):
    """What a task asks for. ``generation`` None: ask the device. ``everything``: delete all.

    ``counted``: asks a device how many members each group has. ``drop``: entries that go in the
    same commit.
    """

    resource: Resource
    want: Tree
    state: State
    generation: Generation | None = None
    everything: bool = False
    secrets: UpdatePassword = UpdatePassword.ALWAYS
    commit: CommitOptions = CommitOptions()
    validate_on_device: bool = False
    check: bool = False
    diff: bool = False
    counted: Callable[[Rpc], Mapping[str, int]] | None = None
    drop: Tree | None = None


def wanted(resource: Resource, config: Any, generation: Generation | None) -> Tree:
    """The ``config`` option, checked as far as that needs no device. Raises Refused."""
    given = Given(resource, config)
    fitted = _fitted(resource, given.tree, Reading(), generation)
    objections = given.objections + request_objections(resource, fitted, generation)
    if objections:
        raise Refused(objections)
    return given.tree


def _fitted(resource: Resource, want: Tree, have: Reading, generation: Generation | None) -> Tree:
    """What is wanted, as a generation has it."""
    return want if generation is None else resource.rules.fitted(want, have, generation)


def named(config: Any, state: str, everything: bool) -> None:
    """Refuse what would take away more than somebody has named. Raises Refused."""
    if config is not None and not config:
        raise Refused(
            [
                f"config: it is empty, and state {state} would be about everything or nothing; "
                "name what is meant; 'state: deleted' with 'all: true' removes everything"
            ]
        )
    if everything and state != State.DELETED:
        raise Refused([f"all: only for state deleted, not for {state}; leave it out"])
    if state == State.DELETED and config is None and not everything:
        raise Refused(
            [
                "config: state deleted needs the names of what to remove; 'all: true' removes "
                "everything"
            ]
        )


def gather(resource: Resource, rpc: Rpc) -> dict[str, Any]:
    """What is in force on the device; the module's return values."""
    have = resource.read(_read(Device(rpc), resource, None))
    return {
        "gathered": as_config(resource, have.in_force(resource.root)),
        "warnings": reading_warnings(resource, have),
    }


def parse(resource: Resource, running: str) -> dict[str, Any]:
    """What a configuration text sets; the module's return values. Raises MalformedReply."""
    have = resource.parse(running)
    return {
        "parsed": as_config(resource, have.in_force(resource.root)),
        "warnings": reading_warnings(resource, have),
    }


def render(resource: Resource, want: Tree, generation: Generation | None) -> dict[str, Any]:
    """The wanted settings as set lines and XML, without a device."""
    chosen = generation or _likely_generation(resource, want)
    want = _fitted(resource, want, Reading(), chosen)
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
    wants = {g: _fitted(resource, want, Reading(), g) for g in Generation}
    unfit = {g: bool(request_objections(resource, wants[g], g)) for g in Generation}
    return Generation.V1 if unfit[Generation.V2] and not unfit[Generation.V1] else Generation.V2


class _Plan(NamedTuple):
    """A change that may be made; ``reply``: the reading that it is made from."""

    reply: etree._Element
    outlook: Outlook
    change: list[Edit]

    @property
    def generation(self) -> Generation | None:
        return self.outlook.generation


def apply(rpc: Rpc, request: Request) -> dict[str, Any]:
    """Bring the device to the wanted state; the module's return values.

    Raises Refused, DeviceError and TransportFailure, after which the device is as it was, and
    CommitUnknown, after which it may not be.
    """
    if not request.resource.has_secrets:
        return _applied(rpc, request)

    def hide(text: str) -> str:
        return hidden(text, secrets_in(request.want))

    # A device may repeat in its own words what it was given.
    try:
        result = _applied(rpc, request)
    except GroupVpnError as error:
        error.reworded(hide)
        raise
    result["warnings"] = list(map(hide, result["warnings"]))
    result["diff_text"] = hide(result["diff_text"])
    return result


def _applied(rpc: Rpc, request: Request) -> dict[str, Any]:
    device = Device(rpc)
    first = _planned(device, request)
    _count_touched(device, request, first)
    if not first.change or (request.check and not request.validate_on_device):
        diff = _predicted(request, first)
        return _result(device, request, first, diff, _at_stake(device, request, first))
    goal = _Goal(device, request, first)
    text = transact(device, goal, request.commit, compare=request.diff, check=request.check)
    diff = _confirmed_diff(request, _predicted(request, goal.planned), text) if text else ""
    return _result(device, request, goal.come(), diff)


class _Goal:
    """A request's wishes, against what a device has meanwhile; see :class:`.transaction.Goal`."""

    def __init__(self, device: Device, request: Request, first: _Plan) -> None:
        self._device, self._request, self._first = device, request, first
        self.planned = first
        self._taken: etree._Element | None = None
        self._besides: list[Edit] = []
        self._after: Tree | None = None

    @property
    def selection(self) -> etree._Element:
        """What is read of the device."""
        return self._request.resource.read_filter(self._first.generation)

    def missing(self) -> etree._Element | None:
        """What is to be loaded; None: nothing."""
        # Somebody may have committed between our reading and our lock.
        self.planned = _planned(self._device, self._request, self._first)
        change = self.planned.change
        return change_xml(self._request.resource.prefix, change, reveal=True) if change else None

    def lacking(self, database: str = "committed") -> str:
        """What the device has not taken, and what it has made of that.

        Raises CommitDiffers when it has committed something else than that.
        """
        outlook, resource = self.planned.outlook, self._request.resource
        reply = _read(self._device, resource, outlook.generation, database)
        if self._taken is not None and _same(self._taken, reply):
            return ""
        have = resource.read(reply)
        self._besides, self._after = [], None
        words = ""
        if edits(resource.root, have.explicit, outlook.target, outlook.generation):
            words = self._differing(have)
        if words and database == "committed" and have != outlook.have:
            raise CommitDiffers(
                "commit: the device has committed, and has left out some of the change or made "
                f"something else of it{self._or_others}: {words}; look at what it has now"
            )
        self._taken = None if words else reply
        return words

    @property
    def _or_others(self) -> str:
        """Beside a private copy others may commit; under the lock nobody does."""
        private = self._request.commit.private
        return ", or somebody else has committed besides" if private else ""

    def _differing(self, have: Reading) -> str:
        """What is lacking on a device that has something else than what was planned."""
        request, outlook, resource = self._request, self.planned.outlook, self._request.resource
        generation = outlook.generation
        want = _fitted(resource, request.want, have, generation)
        target = _target(request, have, want, generation)
        still = edits(resource.root, have.explicit, target, generation)
        left = lacking(still, outlook.have.explicit.tree, have.explicit.tree)
        self._besides = edits(resource.root, outlook.target, have.explicit, generation)
        self._after = have.in_force(resource.root)
        made = told(resource.prefix, self._besides)
        return (
            f"it lacks: {told(resource.prefix, left)} (it has made of it: {made})" if left else ""
        )

    def come(self) -> _Plan:
        """The change as the device has made it, which it says when that is not what was planned."""
        if not self._besides or self._after is None:
            return self.planned
        more = told(self._request.resource.prefix, self._besides)
        self._device.warn(f"the device has made by itself of the change{self._or_others}: {more}")
        return self.planned._replace(outlook=self.planned.outlook._replace(after=self._after))


def foresee(request: Request, have: Reading, generation: Generation) -> Reading:
    """What a device that has this would have, without the device. Raises Refused."""
    outlook, _change = _judged(request, have, generation, lambda: generation)
    return replace(have, explicit=outlook.target)


def _planned(device: Device, request: Request, earlier: _Plan | None = None) -> _Plan:
    """The change from what the device has; ``earlier``: what came of an earlier reading."""
    resource = request.resource
    generation = request.generation if earlier is None else earlier.generation
    reply = _read(device, resource, generation)
    if earlier is not None and _same(earlier.reply, reply):
        return earlier
    generation = generation or device.told_generation()
    return _Plan(reply, *_judged(request, resource.read(reply), generation, device.generation))


def _judged(
    request: Request,
    have: Reading,
    generation: Generation | None,
    ask: Callable[[], Generation],
) -> tuple[Outlook, list[Edit]]:
    """The change that leads from what there is to what is wanted; ``ask``: the generation."""
    resource, root = request.resource, request.resource.root
    _refuse_unknown_entries(request, have)
    if resource.rules.fits:
        generation = generation or ask()
    want = _fitted(resource, request.want, have, generation)
    target = _target(request, have, want, generation)
    change = edits(root, have.explicit, target, generation)
    if change and generation is None:
        generation = ask()
        change = edits(root, have.explicit, target, generation)
    before = after = have.in_force(root)
    if change:
        come = Reading(target, have.inherited, ancestor_inactive=have.ancestor_inactive)
        after = come.in_force(root)
    outlook = Outlook(have, target, before, after, want, generation, request.state)
    if change:
        objections = request_objections(resource, want, generation)
        objections += result_objections(resource, outlook)
        if objections:
            raise Refused(objections)
    return outlook, change


def _read(
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


def _same(one: etree._Element, other: etree._Element) -> bool:
    """Whether two replies have the same in them, order and marks included."""
    return [etree.tostring(part) for part in one] == [etree.tostring(part) for part in other]


def _target(
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
    return plan(root, left, _fitted(resource, request.drop, left, generation), State.DELETED)


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


def _count_touched(device: Device, request: Request, ready: _Plan) -> None:
    """Say how many members a removal touches."""
    groups = request.resource.rules.touched(ready.outlook) if ready.change else []
    if not groups or request.counted is None:
        return
    try:
        counts = request.counted(device.rpc)
    except GroupVpnError as error:
        device.warn(f"how many members the removal touches is not known: {error}")
        return
    for group in groups:
        listed = counts.get(group, "an unknown number of")
        device.warn(f"group {group}: the removal touches {listed} registered members")


def _predicted(request: Request, ready: _Plan) -> str:
    if not ready.change:
        return ""
    # Only who asks for a difference pays for what lays it out.
    from .compare import difference

    outlook, resource = ready.outlook, request.resource
    return difference(
        resource.prefix, resource.root, outlook.have.explicit, outlook.target, outlook.generation
    )


def _at_stake(device: Device, request: Request, ready: _Plan) -> PendingConfirmation | None:
    """The confirmed commit that all that is wanted still depends on, if the task makes such."""
    if ready.change or request.commit.confirmed is None:
        return None
    return settings_at_stake(device, request.resource.subject)


def _confirmed_diff(request: Request, predicted: str, device: str) -> str:
    """The predicted difference, unless the device's own says something else than layout."""
    masked = _masked(request.resource, device)
    if "".join(predicted.split()) == "".join(masked.split()):
        return predicted
    return f"{masked}\n"


def _masked(resource: Resource, text: str) -> str:
    """A device's text without secrets."""
    names = {n.name for _p, n in walk(resource.root) if isinstance(n, Leaf) and n.secret}
    if not names:
        return text
    words = "|".join(map(re.escape, sorted(names)))
    hidden = re.sub(rf'\b({words}) (?:"[^"\n]*"|[^\s;]+)', rf'\1 "{MASK}"', text)
    return re.sub(r"[ \t]*## SECRET-DATA", "", hidden)


def _result(
    device: Device,
    request: Request,
    ready: _Plan,
    diff: str,
    at_stake: PendingConfirmation | None = None,
) -> dict[str, Any]:
    resource, outlook, change = request.resource, ready.outlook, ready.change
    result: dict[str, Any] = {
        # What the device is about to take back is not what was wanted.
        "changed": bool(change) or at_stake is not None,
        "before": as_config(resource, outlook.before),
        "after": as_config(resource, outlook.after),
        "commands": set_lines(resource.prefix, change),
        "xml": to_string(change_xml(resource.prefix, change)) if change else "",
        "warnings": reading_warnings(resource, outlook.have),
        "diff_text": diff,
        "pending_confirmation": None if at_stake is None else at_stake.as_result(),
        **resource.rules.results(outlook if change else None),
    }
    if change:
        result["warnings"] += change_warnings(resource, outlook)
    result["warnings"] += device.warnings
    return result

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module ``server_member_communication`` does, without Ansible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import Refused
from ..netconf.libraries import etree
from ..netconf.rpc import Rpc
from ..resources.rules import advice, membership_reset, request_objections, result_objections, where
from ..resources.server_member_communication import Block, Generation, likely_generation
from .confirmation import PendingConfirmation
from .device import CommitOptions, Device
from .plan import (
    Change,
    GroupChange,
    Have,
    State,
    as_config,
    blocks_after,
    blocks_of,
    normalize,
    plan,
    unknown_groups,
)
from .read import parse_running, parse_xml
from .render import blocks_xml, change_xml, diff_text, set_lines, to_string
from .transaction import settings_at_stake, transact

Want = list[tuple[str, Block]]

_SUBJECT = "group-vpn"
"""What the comparison with an earlier configuration names when these settings differ."""


@dataclass(frozen=True)
class Request:
    """What a task asks for. ``generation`` None: ask the device."""

    want: Want
    state: State
    generation: Generation | None = None
    commit: CommitOptions = field(default_factory=CommitOptions)
    validate_on_device: bool = False
    check: bool = False
    diff: bool = False


def wanted(config: Sequence[Mapping[str, Any]] | None, generation: Generation | None) -> Want:
    """The ``config`` option, checked as far as that needs no device. Raises Refused."""
    want = [normalize(entry) for entry in config or ()]
    objections = request_objections(want, generation)
    if objections:
        raise Refused(objections)
    return want


def gather(rpc: Rpc) -> list[dict[str, object]]:
    """The settings on the device."""
    return as_config(blocks_of(parse_xml(Device(rpc).read())))


def render(want: Want, generation: Generation | None) -> dict[str, Any]:
    """The wanted settings as set lines and XML, without a device."""
    chosen = generation or likely_generation([block for _group, block in want])
    change = Change(tuple(GroupChange(group, None, block) for group, block in want))
    objections = request_objections(want, chosen) + result_objections({}, change, chosen)
    if objections:
        raise Refused(objections)
    commands = set_lines(change, chosen)
    return {
        "rendered": "\n".join(commands),
        "commands": commands,
        "xml": to_string(blocks_xml(dict(want), chosen)),
    }


def parse(running: str) -> list[dict[str, object]]:
    """The settings of a configuration text."""
    return as_config(blocks_of(parse_running(running)))


@dataclass(frozen=True)
class _Plan:
    """A change that may be made."""

    have: Have
    change: Change
    generation: Generation | None


def apply(rpc: Rpc, request: Request) -> dict[str, Any]:
    """Bring the device to the wanted state; the module's return values.

    Raises Refused, DeviceError and TransportFailure, after which the device is as it was, and
    CommitUnknown, after which it may not be.
    """
    device = Device(rpc)
    first = _planned(device, request)
    if not first.change or (request.check and not request.validate_on_device):
        return _result(device, first, _predicted(first), _at_stake(device, request, first))
    plans: list[_Plan] = []

    def difference() -> etree._Element | None:
        # Somebody may have committed between our reading and our lock.
        plans.append(_planned(device, request, first.generation))
        change, generation = plans[-1].change, plans[-1].generation
        return change_xml(change, generation) if change and generation else None

    text = transact(device, difference, request.commit, compare=request.diff, check=request.check)
    diff = _confirmed_diff(_predicted(plans[0]), text) if text else ""
    return _result(device, plans[0], diff)


def _planned(device: Device, request: Request, known: Generation | None = None) -> _Plan:
    have = parse_xml(device.read())
    change = _change(have, request)
    generation = known or request.generation
    if change:
        generation = generation or device.generation()
        _approve(have, change, generation, request)
    return _Plan(have, change, generation)


def _predicted(ready: _Plan) -> str:
    return diff_text(ready.change, ready.generation) if ready.generation else ""


def _at_stake(device: Device, request: Request, ready: _Plan) -> PendingConfirmation | None:
    """The confirmed commit that all that is wanted still depends on, if the task makes such."""
    if ready.change or request.commit.confirmed is None:
        return None
    return settings_at_stake(device, _SUBJECT)


def _change(have: Have, request: Request) -> Change:
    missing = unknown_groups(have, request.want)
    if missing and request.state is not State.DELETED:
        raise Refused(
            [
                f"{where(name)}: the device has no such group; create it first, or correct "
                f"'group' (it has {', '.join(have) or 'none'})"
                for name in missing
            ]
        )
    return plan(have, request.want, request.state)


def _approve(have: Have, change: Change, generation: Generation, request: Request) -> None:
    objections = request_objections(request.want, generation)
    objections += result_objections(have, change, generation)
    if objections:
        raise Refused(objections)


def _confirmed_diff(predicted: str, device: str) -> str:
    """The predicted difference, unless the device's own says something else than layout."""
    if "".join(predicted.split()) == "".join(device.split()):
        return predicted
    return f"{device}\n"


def _result(
    device: Device, ready: _Plan, diff: str, at_stake: PendingConfirmation | None = None
) -> dict[str, Any]:
    have, change, generation = ready.have, ready.change, ready.generation
    result: dict[str, Any] = {
        # What the device is about to take back is not what was wanted.
        "changed": bool(change) or at_stake is not None,
        "before": as_config(blocks_of(have)),
        "after": as_config(blocks_after(have, change)),
        "commands": [],
        "xml": "",
        "membership_reset": [],
        "warnings": [],
        "diff_text": diff,
        "pending_confirmation": None if at_stake is None else at_stake.as_result(),
    }
    if generation is not None and change:
        result["commands"] = set_lines(change, generation)
        result["xml"] = to_string(change_xml(change, generation))
        result["membership_reset"] = membership_reset(change)
        result["warnings"] = advice(have, change)
    result["warnings"] += device.warnings
    return result

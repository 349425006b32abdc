# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module ``server_member_communication`` does, without Ansible."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import Refused
from ..netconf.rpc import Rpc
from ..resources.rules import advice, membership_reset, request_objections, result_objections, where
from ..resources.server_member_communication import Block, Generation, likely_generation
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
from .transaction import CommitOptions, Device

Want = list[tuple[str, Block]]


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
    generation: Generation


def apply(
    rpc: Rpc, request: Request, progress: Callable[[str], None] = lambda step: None
) -> dict[str, Any]:
    """Bring the device to the wanted state; the module's return values.

    Raises Refused before the device is touched, DeviceError and TransportFailure after which
    the device is as it was.
    """
    device = Device(rpc)
    progress("read")
    have = parse_xml(device.read())
    change = _change(have, request)
    if not change:
        return _result(have, change, None)
    generation = request.generation or device.generation()
    ready = _approved(have, change, generation, request)
    if request.check and not request.validate_on_device:
        return _result(have, change, generation, diff=diff_text(change, generation))
    text = ""
    with device.editing(request.commit):
        progress("read under lock")
        # Somebody may have committed between our reading and our lock.
        have = parse_xml(device.read())
        change = _change(have, request)
        if not change:
            return _result(have, change, None)
        ready = _approved(have, change, generation, request)
        progress("load")
        device.load(change_xml(change, generation))
        if request.diff or request.check:
            text = _confirmed_diff(diff_text(change, generation), device.compare())
        if request.check:
            progress("check")
            device.check()
            device.discard()
        else:
            progress("commit")
            device.commit(request.commit)
    return _result(ready.have, ready.change, generation, diff=text)


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


def _approved(have: Have, change: Change, generation: Generation, request: Request) -> _Plan:
    objections = request_objections(request.want, generation)
    objections += result_objections(have, change, generation)
    if objections:
        raise Refused(objections)
    return _Plan(have, change, generation)


def _confirmed_diff(predicted: str, device: str) -> str:
    """The predicted difference, unless the device's own says something else than layout."""
    if "".join(predicted.split()) == "".join(device.split()):
        return predicted
    return f"{device}\n"


def _result(
    have: Have, change: Change, generation: Generation | None, diff: str = ""
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "changed": bool(change),
        "before": as_config(blocks_of(have)),
        "after": as_config(blocks_after(have, change)),
        "commands": [],
        "xml": "",
        "membership_reset": [],
        "warnings": [],
        "diff_text": diff,
    }
    if generation is not None and change:
        result["commands"] = set_lines(change, generation)
        result["xml"] = to_string(change_xml(change, generation))
        result["membership_reset"] = membership_reset(change)
        result["warnings"] = advice(have, change)
    return result

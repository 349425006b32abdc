# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a resource module does to a device, without Ansible: any resource, whatever is wanted."""

from __future__ import annotations

import re
from typing import Any

from ..errors import GroupVpnError
from ..netconf.rpc import Rpc
from .advice import change_warnings, reading_warnings
from .change import change_xml, set_lines, to_string
from .confirmation import PendingConfirmation
from .counting import counted
from .device import Device
from .draft import Draft, drafted
from .goal import RequestGoal
from .request import Request
from .resource import Resource
from .schema import Leaf, walk
from .secret import MASK, hidden, secrets_in
from .shape import as_config
from .transaction import settings_at_stake, transact


def apply(rpc: Rpc, request: Request, foreseen: Draft | None = None) -> dict[str, Any]:
    """Bring the device to the wanted state; the module's return values.

    ``foreseen``: the change from what was read before; it is looked again only under the lock.

    Raises Refused, DeviceError and TransportFailure, after which the device is as it was, and
    CommitUnknown, after which it may not be.
    """
    if not request.resource.has_secrets:
        return _applied(rpc, request, foreseen)

    def hide(text: str) -> str:
        return hidden(text, secrets_in(request.want))

    # A device may repeat in its own words what it was given.
    try:
        result = _applied(rpc, request, foreseen)
    except GroupVpnError as error:
        error.reworded(hide)
        raise
    result["warnings"] = list(map(hide, result["warnings"]))
    result["diff_text"] = hide(result["diff_text"])
    return result


def _applied(rpc: Rpc, request: Request, foreseen: Draft | None) -> dict[str, Any]:
    device = Device(rpc)
    first = foreseen if foreseen is not None and foreseen.change else drafted(device, request)
    removal = _touched(device, request, first)
    device.warnings += removal
    if not first.change or (request.check and not request.validate_on_device):
        diff = _predicted(request, first)
        return _result(device, request, first, diff, _at_stake(device, request, first))
    goal = RequestGoal(device, request, first)
    text = transact(device, goal, request.commit, compare=request.diff, check=request.check)
    diff = _confirmed_diff(request, _predicted(request, goal.draft), text) if text else ""
    if text is None:
        # Somebody else has removed it.
        device.warnings = [line for line in device.warnings if line not in removal]
    # Who came first with the same change may have to confirm it yet.
    return _result(device, request, goal.come(), diff, _at_stake(device, request, goal.draft))


def _touched(device: Device, request: Request, draft: Draft) -> list[str]:
    """How many members a removal touches, a line for each group."""
    groups = request.resource.rules.touched(draft.outlook) if draft.change else []
    if not groups or request.counted is None:
        return []
    try:
        counts = request.counted(device.rpc)
    except GroupVpnError as error:
        return [f"how many members the removal touches is not known: {error}"]
    listed = {name: counted(count, "registered member") for name, count in counts.items()}
    unknown = "an unknown number of registered members"
    return [f"group {name}: the removal touches {listed.get(name, unknown)}" for name in groups]


def _predicted(request: Request, draft: Draft) -> str:
    if not draft.change:
        return ""
    # Only who asks for a difference pays for what lays it out.
    from .compare import difference

    outlook, resource = draft.outlook, request.resource
    have = outlook.have
    return difference(
        resource.prefix,
        resource.root,
        have.explicit,
        outlook.target,
        outlook.generation,
        have.beside,
    )


def _at_stake(device: Device, request: Request, draft: Draft) -> PendingConfirmation | None:
    """The confirmed commit that all that is wanted still depends on, if the task makes such."""
    if draft.change or request.commit.confirmed is None:
        return None
    subject, look = request.resource.subject, not request.check
    return settings_at_stake(device, subject, look, request.commit)


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
    draft: Draft,
    diff: str,
    at_stake: PendingConfirmation | None = None,
) -> dict[str, Any]:
    resource, outlook, change = request.resource, draft.outlook, draft.change
    result: dict[str, Any] = {
        # What the device is about to take back is not what was wanted.
        "changed": bool(change) or at_stake is not None,
        "committed": bool(change) and not request.check,
        "before": as_config(resource, outlook.before),
        "after": as_config(resource, outlook.after),
        "commands": set_lines(resource.prefix, change),
        "xml": to_string(change_xml(resource.prefix, change)) if change else "",
        "warnings": reading_warnings(resource, outlook.have),
        "diff_text": diff,
        "confirmation_awaited": None if device.made is None else device.made.as_result(),
        "confirmation_untold": device.untold,
        "confirms": None if device.confirms is None else device.confirms.as_result(),
        "pending_confirmation": None if at_stake is None else at_stake.as_result(),
        **resource.rules.results(outlook if change else None),
    }
    if change:
        result["warnings"] += change_warnings(resource, outlook)
    result["warnings"] += device.warnings
    return result

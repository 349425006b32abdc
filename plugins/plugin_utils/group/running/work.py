# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is done on one device in a step: a change, a clear, a renewal, a confirmation."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ...engine import confirm, draft
from ...engine.apply import apply
from ...engine.compare import difference
from ...engine.confirmation import PendingConfirmation, seconds_left
from ...engine.counting import counted
from ...engine.device import CommitOptions, Device
from ...engine.draft import Draft
from ...engine.plan import State
from ...engine.request import Request
from ...engine.schema import Tree
from ...engine.shape import Given, as_config
from ...engine.transaction import UNTOLD, pending_or_doubt
from ...engine.values import Generation
from ...errors import DeviceError, GroupVpnError, Refused
from ...members.showing import show
from ...members.shows import IDENTITY, MEMBER
from ...netconf import task_timeout
from ...netconf.libraries import etree
from ...netconf.rpc import Rpc
from .. import brought
from ..configurations import RESOURCES, entries
from ..expand import Config
from ..look import Looked
from ..references import PLACES
from ..steps import Change

_FORGET = "clear-gvpn-ipsec-security-association"
_RENEW = {Generation.V1: _FORGET, Generation.V2: "clear-gvpn-group-information"}
"""What has a member register anew; v1 knows no way in which it keeps its keys until then."""
_CLEAR = "clear-security-group-vpn-server"
_STEP = "register anew"
_OF_TRAFFIC = re.compile(r"^[-+]\s*(encryption-algorithm|authentication-algorithm|proposal) ", re.M)
_SENT_AWAY = re.compile(r"^-\s*ike-gateway ", re.MULTILINE)


def request_of(
    change: Change,
    generation: Generation,
    commit: CommitOptions | None = None,
    groups: tuple[Tree, ...] | None = None,
) -> Request:
    """A change as the engine takes it; ``groups``: what configuration groups have."""
    resource = RESOURCES[change.side]
    return Request(
        resource=resource,
        want=Given(resource, change.config).tree,
        state=State.REPLACED,
        generation=generation,
        commit=commit or CommitOptions(),
        drop=Given(resource, change.drop).tree,
        groups=groups,
        # Nobody can register with what is not, or ask from there.
        in_force=True,
    )


Foreseen = Sequence[tuple[Change, Draft]]
"""Changes of one host in their order, and what each makes of what the one before has left."""


def foresee(looked: Looked, changes: Iterable[Change]) -> Foreseen:
    """What changes do, one after the other. Raises Refused for what must not be."""
    readings, found = dict(looked.readings), []
    for change in changes:
        have = readings[change.side]
        _refuse_lasting(looked, change)
        made = draft.foresee(request_of(change, looked.generation), have, looked.generation)
        readings[change.side] = replace(have, explicit=made.outlook.target)
        found.append((change, made))
    return found


def _refuse_lasting(looked: Looked, change: Change) -> None:
    """What is to go, and what configuration groups would keep in part."""
    lasting = brought.named(looked.readings)[change.side]
    wrong = [
        f"{change.side} {' '.join(place)} {name}: a configuration group has it by this name, and "
        "would keep part of it; take it out of the group, and set it on the device"
        for place in PLACES[change.side]
        for name in entries(change.drop, *place)
        if name in entries(lasting, *place)
    ]
    if wrong:
        raise Refused(wrong)


def member_after(looked: Looked, foreseen: Foreseen) -> Config:
    """What a host has as a member once all is done."""
    trees = [made.outlook.after for change, made in foreseen if change.side == "member"]
    found = as_config(RESOURCES["member"], trees[-1]) if trees else looked.sides["member"]
    return found if isinstance(found, dict) else {}


def difference_to(looked: Looked, foreseen: Foreseen) -> str:
    """The difference between what a device has and what was foreseen of it."""
    targets = {change.side: made.outlook.target for change, made in foreseen}
    text = ""
    for side, target in targets.items():
        resource, have = RESOURCES[side], looked.readings[side]
        sides = have.explicit, target
        text += difference(resource.prefix, resource.root, *sides, looked.generation, have.beside)
    return text


def change(
    rpc: Rpc, what: Change, looked: Looked, commit: CommitOptions, foreseen: Foreseen
) -> dict[str, Any]:
    """Make a change; what a resource module returns."""
    groups = looked.readings[what.side].groups
    made = next((made for change, made in foreseen if change is what), None)
    return apply(rpc, request_of(what, looked.generation, commit, groups), made)


def new_keys(rpc: Rpc, group: str) -> None:
    """Have a group's members drop their keys and register, and the group make new ones.

    Also where a server lists nobody: its keys are those of members that another server lists.
    """
    operation = etree.Element(_CLEAR)
    etree.SubElement(operation, f"{_CLEAR}-group-name").text = group
    etree.SubElement(operation, f"{_CLEAR}-now")
    _have_done(rpc, f"clear {group}", operation)


def _have_done(rpc: Rpc, step: str, *operations: etree._Element) -> None:
    """Have a device do something that nobody takes back; a failure says what may be done."""
    task_timeout.no_longer_ends_the_task()
    for number, operation in enumerate(operations):
        try:
            rpc.call(step, operation)
        except GroupVpnError as error:
            error.may_have_changed = error.leaves_open or number > 0
            raise


def renew(
    rpc: Rpc, generation: Generation, group_ids: list[int], *, forget: bool = False
) -> dict[str, Any]:
    """Have a member register anew in some of its groups; ``forget``: without its keys.

    The result says whether there was anything to do.
    """
    if generation is Generation.V1:
        argument, values = "index", _indexes(rpc, group_ids)
    else:
        argument, values = "group-id", list(map(str, group_ids))
    operations = [etree.Element(_FORGET if forget else _RENEW[generation]) for _value in values]
    for operation, value in zip(operations, values, strict=True):
        etree.SubElement(operation, argument).text = value
    _have_done(rpc, _STEP, *operations)
    return {"did": bool(operations)}


def _indexes(rpc: Rpc, group_ids: list[int]) -> list[str]:
    """By what a v1 member takes its associations with groups: it knows no group there.

    None of a group without keys, in which it registers by itself.
    """
    shown = show(rpc, MEMBER, ["ipsec"])["ipsec"]
    own = (entry.get("index", "") for entry in shown if entry.get(IDENTITY) in group_ids)
    # The CLI's text has < or > in front: the direction.
    found = list(dict.fromkeys(str(index).strip("<>") for index in own))
    if not all(map(str.isdecimal, found)):
        raise DeviceError(_STEP, ["the device shows an association without its index"])
    return found


def keep(rpc: Rpc, comment: str | None, minutes: int, made: Mapping[str, Any]) -> dict[str, Any]:
    """Confirm a confirmed commit; ``made``: what the change returned that made it.

    The result says whether there was anything to do. A failure says what becomes of the change.
    """
    request = _confirming(made, comment)
    try:
        found = confirm.confirm(rpc, request)
    except GroupVpnError as error:
        # What confirming finds, or may have done, it says itself.
        if not error.may_have_changed and getattr(error, "step", "") != confirm.STEP:
            error.args = (f"{error}; {taken_back(minutes)}",)
        raise
    others = () if found["changed"] else (_confirmed_by_others(request),)
    return {"did": found["changed"], "warnings": (*found["warnings"], *others)}


class Becomes(NamedTuple):
    """What becomes of a change that was not confirmed; ``kept``: the device keeps it anyway."""

    words: str
    kept: bool = False


def becomes(rpc: Rpc, minutes: int, made: Mapping[str, Any]) -> Becomes:
    """What becomes of a change that is not confirmed; ``made``: what it returned."""
    request = _confirming(made, check=True)
    try:
        found = confirm.confirm(rpc, request)
    except DeviceError as error:
        said = error.step == confirm.STEP
        return Becomes("; ".join(error.messages) if said else taken_back(minutes))
    if not found["changed"]:
        return Becomes(_confirmed_by_others(request), kept=True)
    pending = found["pending_confirmation"] and PendingConfirmation(**found["pending_confirmation"])
    if pending and not confirm.is_it(request.made, pending):
        since = "it was made since, and the change may be taken back together with it"
        return Becomes(f"{pending}; {since}")
    return Becomes(taken_back(pending.minutes or minutes if pending else minutes))


def _confirming(
    made: Mapping[str, Any], comment: str | None = None, *, check: bool = False
) -> confirm.Request:
    return confirm.Request(
        comment=comment,
        change=confirm.change_of(made),
        # As far as is known, nobody else has confirmed it.
        untold=True,
        made=confirm.made_by(made),
        check=check,
    )


def _confirmed_by_others(request: confirm.Request) -> str:
    since = "no commit awaits confirmation any more: somebody else has committed since"
    if request.change is None:
        return f"{since}; the next run goes on from what is there"
    return f"the change is there, and {since}, and the device keeps it"


def taken_back(minutes: int) -> str:
    """What becomes of a change that is not confirmed."""
    return (
        f"it is not confirmed, and the device takes it back {counted(minutes, 'minute')} after the "
        "commit unless somebody commits there before"
    )


class Unproved(NamedTuple):
    """What a device takes back, or may: words for the commit, it as a result, its difference.

    ``made``: None where the device does not say whether there is any. ``difference``: None where
    it cannot be asked for it, and it may be any. ``left``: seconds until then; None: not known.
    """

    told: str
    made: dict[str, Any] | None = None
    difference: str | None = ""
    left: float | None = None

    def __str__(self) -> str:
        if self.made is None:
            return self.told
        if not self.concerns_us:
            return f"{self.told}; it does not concern Group VPN, and is left to who made it"
        did = "may have changed" if self.difference is None else "changed"
        return f"{self.told}; it {did} Group VPN, and is confirmed when members prove it"

    @property
    def concerns_us(self) -> bool:
        """Whether it changed Group VPN: then an earlier run may have made it."""
        return self.difference is None or RESOURCES["server"].subject in self.difference

    @property
    def sends_away(self) -> bool:
        """Whether it takes a gateway out of a group."""
        return self.difference is None or _SENT_AWAY.search(self.difference) is not None

    def outdates(self, group: str) -> bool:
        """Whether it gives a group's traffic other algorithms, or another proposal."""
        if self.difference is None:
            return True
        server = "security group-vpn server"
        places = [
            f"{server} ipsec proposal {group}]",
            *(f"{server} group {group}{c}" for c in "] "),
        ]
        sections = re.split(r"^\[edit ", self.difference, flags=re.MULTILINE)
        return any(map(_OF_TRAFFIC.search, (s for s in sections if s.startswith(tuple(places)))))


def unproved(rpc: Rpc, commit: CommitOptions) -> Unproved | None:
    """What a device takes back, or may; None: nothing.

    ``commit``: how an earlier run may have committed.
    """
    device = Device(rpc)
    try:
        pending, certain = pending_or_doubt(device, options=commit)
    except DeviceError as error:
        # Who confirms nothing has left nothing to be confirmed.
        return None if commit.confirmed is None else Unproved(f"{error}; {UNTOLD}")
    if pending is None:
        return None
    # What an earlier run has changed is not known: nothing is looked for.
    made = {"xml": "", "confirmation_awaited": pending.as_result()}
    found = Unproved(pending.told(certain), made, _difference(device), _left(device, commit))
    # Of which it is not known, that is no news.
    return found if certain or found.concerns_us else None


def _left(device: Device, commit: CommitOptions) -> float | None:
    with contextlib.suppress(DeviceError):
        return seconds_left(device.history(), device.time_told(), commit.confirmed)
    return None


def _difference(device: Device) -> str | None:
    with contextlib.suppress(DeviceError):
        return device.compare(rollback=1)
    return None

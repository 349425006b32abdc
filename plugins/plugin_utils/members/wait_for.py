# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module ``wait_for_members`` does, without Ansible."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engine.counting import counted
from ..engine.device import Device
from ..errors import GroupVpnError, Refused
from ..netconf.rpc import Rpc
from ..resources.served import Group
from ..resources.server_member_communication import HIERARCHY
from . import gate
from .addresses import canonical_address
from .earlier import UNKNOWN_BEFORE, list_is_from_before
from .eyes import Eyes
from .life import Roll
from .waiting import Look, Progress, Times, Waited, Watch, wait

CONFIRMING_SECONDS = 30
"""What must be left of a confirmation's time for confirming, at least."""
_LOOKS_TO_CONFIRM = 2
"""A look may have begun as the wait ended; a confirmation reads the device once more."""


@dataclass(frozen=True)
class Request:
    """What a task asks for; ``timeout`` None: as long as the change may need.

    ``change``: what a resource module returned; ``since``: what an earlier call returned under
    that name; ``confirm_within``: minutes after which the device takes the change back.
    """

    wanted: Mapping[str, gate.Wanted] = field(default_factory=dict)
    change: Mapping[str, Any] | None = None
    since: Mapping[str, Any] | None = None
    cleared: bool = False
    timeout: int | None = None
    poll: int = 5
    confirm_within: int | None = None
    check: bool = False


class NotBack(GroupVpnError):
    """Members that were waited for were not heard of; ``state`` says of each group who.

    ``unseen``: what could not be looked at.
    """

    def __init__(self, state: Sequence[Progress], elapsed: float, unseen: Sequence[str]) -> None:
        who = [str(one) for one in state if not one.done]
        told = "; ".join([*who, *unseen])
        what = "not everybody was heard of" if who else "who is there could not be seen in the end"
        super().__init__(f"{what} within {elapsed:.0f} s: {told}")
        self.state = list(state)
        self.elapsed = elapsed


def wait_for(
    rpc: Rpc,
    request: Request,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """The module's return values. In check mode: who would be waited for, and how long.

    Raises Refused before anything is waited for, NotBack when time is over, and what reading the
    list raises.
    """
    _refuse(_objections(request))
    begun = clock()
    eyes = Eyes(rpc, say)
    before = _earlier(request.since) if request.since is not None else eyes.look()
    look_seconds = clock() - begun
    blocks = _blocks(request.change)
    doubts = list(list_is_from_before(Device(rpc))) if request.check and blocks else []
    if eyes.has_all:
        _refuse(_not_there(request.wanted, {**eyes.in_force, **blocks}))
        _refuse(_not_admitted(request.wanted, eyes.in_force, before))
    entries = gate.awaited(before.groups, eyes.in_force, blocks, request.wanted, request.cleared)
    timeout = _timeout(request, entries, look_seconds)
    watch = Watch(entries, before)
    # What was before the change is no look of the wait's: its first one shows what is older.
    state, elapsed, seen = (
        Waited(watch.progress(before, 0.0), 0.0, seen=True)
        if request.check
        else wait(watch, eyes, Times(timeout, request.poll, clock, sleep), say)
    )
    if not (request.check or (seen and all(one.done for one in state))):
        raise NotBack(state, elapsed, eyes.unseen(blocks))
    return {
        "timeout": timeout,
        "since": _as_since(before),
        "elapsed": round(elapsed, 1),
        "groups": [one.as_result() for one in state],
        "warnings": [
            *_advice(entries, timeout),
            *_nobody(request.wanted, before, eyes.in_force),
            *_doubled(entries, before),
            *eyes.unseen(blocks),
            *doubts,
        ],
    }


def _timeout(request: Request, entries: Sequence[gate.Awaited], look_seconds: float) -> int:
    """For how many seconds it is waited: as asked, or as the slowest group needs."""
    timeout = request.timeout
    if timeout is None:
        timeout = max((entry.seconds for entry in entries), default=0)
    to_confirm = max(CONFIRMING_SECONDS, math.ceil(_LOOKS_TO_CONFIRM * look_seconds))
    _refuse(_does_not_fit(request, entries, timeout, to_confirm))
    return timeout


def _blocks(
    change: Mapping[str, Any] | None,
) -> dict[str, tuple[gate.Block | None, gate.Block | None]]:
    """Each group's block before and after the change."""
    if change is None or change.get("skipped"):
        return {}
    if not all(_are_blocks(change.get(side)) for side in ("before", "after")):
        raise Refused([f"change: {_NO_CHANGE}"])
    blocks = gate.changed_blocks(change)
    if change.get("changed") and not blocks:
        # A repeated run of an unconfirmed change: the lists before it are not known any more.
        why = "it was made by an earlier run and awaits its confirmation"
    elif change.get("confirms"):
        why = "it was made over another that awaited its confirmation"
    else:
        return blocks
    raise Refused([f"change: {why}, so {UNKNOWN_BEFORE}"])


_NO_CHANGE = (
    "'before' and 'after' with the blocks of groups are expected; give the registered result of a "
    "server_member_communication task that succeeded"
)


def _are_blocks(side: Any) -> bool:
    """Whether something is the blocks of groups, as the resource module returns them."""
    each = isinstance(side, Sequence) and not isinstance(side, str)
    return each and all(isinstance(one, Mapping) and "group" in one for one in side)


def _refuse(objections: Iterable[str]) -> None:
    found = list(objections)
    if found:
        raise Refused(found)


def _objections(request: Request) -> Iterator[str]:
    if not request.wanted and request.change is None:
        yield "groups, change: there is nobody to wait for; give at least one of the two"
    for name, least in _LEAST.items():
        value = getattr(request, name)
        if value is not None and value < least:
            yield f"{name} {value}: a number from {least} up is expected; correct {name!r}"


_LEAST = {"timeout": 0, "poll": 1, "confirm_within": 1}


def _not_there(wanted: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """Groups that are waited for in vain: nobody is ever listed there."""
    there = list(known)
    for name in wanted:
        if name not in there:
            yield (
                f"[edit {' '.join(HIERARCHY)}]: group {name!r} is not there; correct 'group' "
                f"(it has {', '.join(there) or 'none'})"
            )


def _not_admitted(
    wanted: Mapping[str, gate.Wanted], in_force: Mapping[str, Group], before: Look
) -> Iterator[str]:
    """Members that are waited for in vain: no such peer is ever listed there."""
    lists = gate.fullest(before.groups)
    for name, ask in wanted.items():
        group = in_force.get(name)
        if group is not None:
            there = ", ".join(sorted(group.admits)) or "none"
            for why in _never_there(group, ask, _listed(lists, name)):
                yield f"[edit {' '.join(HIERARCHY)} {name}]: {why} (it has {there})"


def _listed(lists: Mapping[str, Mapping[str, Any]], group: str) -> Roll:
    return Roll((lists.get(group) or {}).get("members") or ())


def _never_there(group: Group, ask: gate.Wanted, listed: Roll) -> Iterator[str]:
    """Who is never listed in a group, and how many; peers without an address may be anybody.

    Members behind one translator have one address, which says of none who it is.
    """
    for address in (gate.as_name(name)[1] for name in (*ask.members, *ask.absent)):
        there = sorted(str(member.get("gateway")) for member in listed.at(address))
        if len(there) > 1:
            yield f"{address} is the address of {', '.join(there)}; name them by gateway"
    peers = {canonical_address(at or "") for at in map(group.gateways.get, group.admits)}
    is_known = bool(peers) and None not in peers
    for gateway, address in map(gate.as_name, ask.members):
        if gateway is not None and gateway not in group.admits:
            yield f"{gateway!r} is not one of its gateways; correct 'members'"
        elif is_known and address not in (None, *peers) and not listed.at(address):
            yield f"none of its gateways has the address {address}; correct 'members'"
    if is_known and ask.min_members > len(group.admits):
        yield (
            f"min_members {ask.min_members}: each of its {counted(len(group.admits), 'gateway')} "
            "lets one member in; correct 'min_members'"
        )


def _does_not_fit(
    request: Request, entries: Sequence[gate.Awaited], timeout: int, to_confirm: int
) -> Iterator[str]:
    if request.confirm_within is not None:
        needed = timeout + request.poll + to_confirm
        if needed > request.confirm_within * 60:
            slowest = max(entries, key=lambda entry: entry.seconds, default=None)
            why = "" if slowest is None else f" ({slowest.group}: {slowest.cause.value})"
            yield (
                f"a wait of {timeout} s{why} does not fit into a confirmation of "
                f"{counted(request.confirm_within, 'minute')}; give it "
                f"{counted(-(-needed // 60), 'minute')} or more"
            )
    cycle = max((entry.cycle for entry in entries if entry.names), default=0)
    if timeout < cycle:
        yield (
            f"timeout {timeout}: a retransmission cycle takes {cycle} s, before which nobody "
            f"counts as back; set it to {cycle} or more"
        )


def _advice(entries: Sequence[gate.Awaited], timeout: int) -> list[str]:
    """What the one who reads the result must know."""
    found = []
    for entry in entries:
        if not entry.proves:
            found.append(
                f"{entry.group}: multicast rekeys are not acknowledged: the list proves nothing, "
                "and nobody was waited for; who registered while it was unicast misses rekeys "
                "until it registers again"
            )
        elif entry.cause is not gate.Cause.ASKED and not (entry.names or entry.min_members):
            found.append(
                f"{entry.group}: nobody was listed before the change, so nobody was waited for and "
                "nothing proves it; set min_members if somebody should be there"
            )
        elif timeout < entry.seconds:
            found.append(
                f"{entry.group}: it may take {entry.seconds} s until {entry.cause.value}; the "
                f"timeout is {timeout} s"
            )
    return found


def _nobody(
    wanted: Mapping[str, gate.Wanted], before: Look, in_force: Mapping[str, Group]
) -> Iterator[str]:
    """Names of those who need not come back that nobody has, and that may be misspelt."""
    lists = gate.fullest(before.groups)
    for group, ask in wanted.items():
        roll = _listed(lists, group)
        admits = in_force[group].admits if group in in_force else frozenset()
        for name in ask.absent:
            if name not in admits and not roll.called(*gate.as_name(name)):
                yield f"{group}: absent {name!r}: nobody of that name was listed, or may be"


def _doubled(entries: Iterable[gate.Awaited], before: Look) -> Iterator[str]:
    """Who is listed more than once, and may be several behind one translator."""
    lists = gate.fullest(before.groups)
    for entry in entries:
        members = (lists.get(entry.group) or {}).get("members") or ()
        rows = Counter((m.get("gateway"), m.get("address")) for m in members)
        for name, count in rows.items():
            if count > 1 and entry.names:
                yield (
                    f"{entry.group}: {gate.shown(name)} is listed {count} times, and waited for as "
                    "one member"
                )


def _as_since(look: Look) -> dict[str, Any]:
    return {"groups": list(look.groups), "keks": dict(look.keks)}


def _earlier(since: Mapping[str, Any]) -> Look:
    groups = since.get("groups")
    if not isinstance(groups, Sequence) or isinstance(groups, str) or not all(map(_lists, groups)):
        raise Refused(
            [
                "since: groups with their members are expected; give what wait_for_members "
                "returned as 'since', or the result of registered_members_info with 'detail: true'"
            ]
        )
    if any("push_sent" not in member for group in groups for member in group["members"]):
        raise Refused(
            [
                "since: a list without counters, from which no acknowledgement can be told; read "
                "it with registered_members_info and 'detail: true'"
            ]
        )
    return Look(groups, None, since.get("keks") or {})


def _lists(group: Any) -> bool:
    """Whether something is a group with its members."""
    if not isinstance(group, Mapping) or "name" not in group:
        return False
    members = group.get("members")
    return isinstance(members, Sequence) and all(isinstance(one, Mapping) for one in members)

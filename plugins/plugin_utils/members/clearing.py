# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module ``clear_members`` does, without Ansible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..engine.device import Device
from ..engine.values import Generation
from ..errors import GroupVpnError, MalformedReply, Refused
from ..netconf import task_timeout
from ..netconf.libraries import etree
from ..netconf.rpc import Rpc
from ..netconf.verdict import warnings
from ..netconf.xml import text_of
from ..resources.served import Group, read_groups
from ..resources.server_member_communication import HIERARCHY
from .asking import Choice, lists
from .life import Listed, Lists
from .read import no_list, unlisted
from .showing import asked
from .shows import SERVER

_CLEAR = "clear-security-group-vpn-server"
_STATISTICS = "clear-security-group-vpn-server-statistics"
_GROUP = {_CLEAR: f"{_CLEAR}-group-name", _STATISTICS: "group"}

_COUNTERS = ("pull", "push")


@dataclass(frozen=True)
class Request:
    """What to clear: ``group`` None is every group; ``now``: members drop their keys at once."""

    group: str | None = None
    now: bool = False
    statistics: bool = False
    check: bool = False


def clear(rpc: Rpc, request: Request) -> dict[str, Any]:
    """The module's return values.

    Raises Refused, DeviceError, MalformedReply and TransportFailure, which know whether something
    was, or may have been, cleared before.
    """
    device = Device(rpc)
    groups = read_groups(device)
    generation = device.generation()
    _refuse(request, generation, groups)
    choice = Choice(group=request.group)
    before = lists(rpc, generation, choice)
    said: list[str] = []
    has_any = _has_any(rpc, request, before, said)
    affected = _affected(groups, before, has_any)
    # A group that has nothing to clear is left alone: a clear gives it new keys for nobody.
    having = [entry["group"] for entry in affected]
    whole = request.group is None and bool(having) and groups.keys() <= set(having)
    said += _clear_all(rpc, request, () if request.check else [None] if whole else having)
    is_emptied = bool(having) and not (request.check or request.statistics)
    said += _as_before(before, partial(lists, rpc, generation, choice)) if is_emptied else ()
    said += map(_no_counters if request.statistics else no_list, unlisted(choice, groups, has_any))
    said += () if request.statistics else _elsewhere(groups[g] for g in having if g in groups)
    return {"changed": bool(affected), "cleared": affected, "warnings": [*device.warnings, *said]}


def _elsewhere(groups: Iterable[Group]) -> list[str]:
    """Lists that are not this device's to clear."""
    return [
        f"group {group.name}: its other servers have lists of their own, which this does not clear"
        for group in groups
        if group.clustered
    ]


def _refuse(request: Request, generation: Generation, groups: Mapping[str, Group]) -> None:
    place = f"[edit {' '.join(HIERARCHY)}]"
    if request.group is not None and request.group not in groups:
        known = ", ".join(groups) or "none"
        raise Refused(
            [f"{place}: group {request.group!r} is not there; correct 'group' (it has {known})"]
        )
    if request.statistics and generation is Generation.V1:
        raise Refused(["statistics: Group VPNv1 has no statistics to clear; leave it out"])


def _affected(
    groups: Mapping[str, Group], there: Lists, has_any: Mapping[str, bool]
) -> list[dict[str, Any]]:
    """Each group that has something to clear, with its members."""
    return [
        {
            "group": name,
            "communication": groups.get(name, Group(name)).communication,
            "members": _shown(there.get(name, ())),
        }
        for name in dict.fromkeys((*there, *groups, *has_any))
        if has_any.get(name)
    ]


def _as_before(before: Lists, ask: Callable[[], Lists]) -> list[str]:
    """What speaks against it that a device has emptied the lists that it was to clear."""
    try:
        now = ask()
    except GroupVpnError as error:
        return [f"whether the lists are empty now is not known: {error}"]
    return [
        f"group {name}: the device has accepted the clear, and lists all of its members as before: "
        "whether it has cleared them is not known"
        for name, members in before.items()
        if members and all(member in now.get(name, ()) for member in members)
    ]


def _shown(members: Sequence[Listed]) -> list[dict[str, Any]]:
    return [{"gateway": m.get("gateway"), "address": m.get("address")} for m in members]


def _has_any(rpc: Rpc, request: Request, before: Lists, said: list[str]) -> dict[str, bool]:
    """Of each group that the device tells of, whether it has anything that is to be cleared.

    A counter has, unless it is known to be 0.
    """
    if not request.statistics:
        return {name: bool(members) for name, members in before.items()}
    found: dict[str, bool] = {}
    for entry in asked(rpc, "statistics", SERVER["statistics"], said).entries:
        name = entry.get("group")
        if name is None:
            raise MalformedReply("read statistics: counters of a group without a name")
        words = {**entry, **entry.get("other", {})}
        counters = [v for word, v in words.items() if any(part in word for part in _COUNTERS)]
        if counters and request.group in (None, name):
            found[name] = found.get(name, False) or any(str(v).strip("0") for v in counters)
    return found


def _no_counters(group: str) -> str:
    return (
        f"group {group}: it is configured, and the device shows no counters of it: whether there "
        "is anything to clear is not known"
    )


def _clear_all(rpc: Rpc, request: Request, names: Iterable[str | None]) -> list[str]:
    """Clear one after the other; what the device said. A failure says what was done before it."""
    said: list[str] = []
    done: list[str] = []
    for name in names:
        shown = name or "every group"
        try:
            said += _clear(rpc, request, name)
        except GroupVpnError as error:
            lost = error.leaves_open
            error.may_have_changed = lost or bool(done)
            unknown = f"whether {shown} was cleared is not known; run the task again"
            before = f"cleared before that: {', '.join(done)}"
            error.warnings = (*said, *([before] if done else ()), *([unknown] if lost else ()))
            raise
        done.append(shown)
    return said


def _clear(rpc: Rpc, request: Request, group: str | None) -> list[str]:
    """Clear one group or all; what the device said to it."""
    name = _STATISTICS if request.statistics else _CLEAR
    operation = etree.Element(name)
    if group is not None:
        etree.SubElement(operation, _GROUP[name]).text = group
    if request.now and not request.statistics:
        etree.SubElement(operation, f"{_CLEAR}-now")
    task_timeout.no_longer_ends_the_task()
    reply = rpc.call(f"clear {group or 'every group'}", operation)
    said = [" ".join(text_of(output).split()) for output in reply.iter("{*}output")]
    return [*warnings(reply), *(f"the device says: {text}" for text in said if text)]

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module ``registered_members_info`` does, without Ansible."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..engine.device import Device
from ..errors import DeviceError, Refused
from ..netconf.libraries import etree
from ..netconf.rpc import Rpc
from ..netconf.xml import seconds_in
from ..resources.served import Group, read_groups
from ..resources.server_member_communication import HIERARCHY
from .addresses import canonical_address
from .asking import EVERYTHING, Choice, listed, lists
from .meaning import described
from .model import GroupMembers
from .times import seconds_of
from .vocabulary import of_others

LARGEST_ID = 4294967295
_PLACE = " ".join(HIERARCHY)


class Lists(NamedTuple):
    """What a device lists, and the groups that are in force and have no list."""

    groups: list[dict[str, Any]]
    unlisted: list[str]
    warnings: list[str]


def read(rpc: Rpc, choice: Choice = EVERYTHING, detail: bool = False) -> dict[str, Any]:
    """The module's return values.

    Raises Refused, DeviceError, MalformedReply for a list that cannot be read as a whole, and
    TransportFailure.
    """
    found = read_lists(rpc, choice, detail)
    return {"groups": found.groups, "warnings": [*found.warnings, *map(no_list, found.unlisted)]}


def read_lists(rpc: Rpc, choice: Choice = EVERYTHING, detail: bool = False) -> Lists:
    """The lists of a device. Raises what :func:`read` raises."""
    _check(choice)
    device = Device(rpc)
    groups = read_groups(device)
    called = frozenset(name for name, group in groups.items() if group.id == choice.group_id)
    reading = listed(rpc, device.generation(), replace(choice, called=called), detail)
    if not reading.groups:
        _refuse_unknown(choice, groups, called)
    there = dict.fromkeys(group.name for group in reading.groups)
    return Lists(
        list(described(reading.groups, groups, detail)),
        list(unlisted(choice, groups, there)),
        [
            *device.warnings,
            *reading.warnings,
            *_of_others(reading.groups),
            *_unconfigured(groups, there),
        ],
    )


def _of_others(groups: Iterable[GroupMembers]) -> Iterator[str]:
    """Of members that came to somebody else than the device's own group."""
    for group in groups:
        yield from of_others(f"group {group.name}", (one.get("vsys") for one in group.members))


def _unconfigured(groups: Mapping[str, Group], there: Collection[str]) -> Iterator[str]:
    """What is to be known of groups that have a list, and that no configuration is shown of."""
    for name in there:
        if name not in groups:
            yield (
                f"group {name}: the device lists it, and shows no such group in its configuration, "
                f"so what its list means is not known; let the user see [edit {_PLACE}]"
            )


def unlisted(choice: Choice, groups: Mapping[str, Group], there: Collection[str]) -> Iterator[str]:
    """Groups that are in force and have no list, which is another thing than an empty one.

    ``there``: the groups that the device lists.
    """
    for name, group in groups.items():
        wanted = choice.group in (None, name) and choice.group_id in (None, group.id)
        if choice.peer_address is None and wanted and name not in there:
            yield name


def no_list(group: str) -> str:
    """What is to be known of a group that is in force and has no list."""
    return (
        f"group {group}: it is configured, and the device shows no list of it: who is "
        "registered there is not known"
    )


def _refuse_unknown(choice: Choice, groups: Mapping[str, Group], called: Collection[str]) -> None:
    """A group that is not there has no list, which is another thing than an empty one."""
    place = f"[edit {_PLACE}"
    if choice.group is not None and choice.group not in groups:
        known = ", ".join(groups) or "none"
        raise Refused(
            [
                f"{place} {choice.group}]: the device has no such group; correct 'group' "
                f"(it has {known})"
            ]
        )
    if choice.group_id is not None and not called:
        known = ", ".join(f"{group.id} {group.name}" for group in groups.values()) or "none"
        raise Refused(
            [
                f"{place}] group-id {choice.group_id}: the device has no such group; correct "
                f"'group_id' (it has {known})"
            ]
        )


def counted(rpc: Rpc) -> dict[str, int]:
    """How many members each group lists now, the fullest node of a cluster counting.

    Raises what :func:`read` raises: a number that is not known is never 0.
    """
    device = Device(rpc)
    read_groups(device)
    return {name: len(members) for name, members in lists(rpc, device.generation()).items()}


def _check(choice: Choice) -> None:
    objections = []
    number, address = choice.group_id, choice.peer_address
    if choice.group is not None and not choice.group.strip():
        objections.append(f"group {choice.group!r}: a name is expected; name one, or leave it out")
    if number is not None and not 1 <= number <= LARGEST_ID:
        objections.append(f"group_id {number}: 1 to {LARGEST_ID} is accepted; correct 'group_id'")
    if address is not None and canonical_address(address) is None:
        objections.append(
            f"peer_address {address!r}: an address is expected; correct 'peer_address'"
        )
    if objections:
        raise Refused(objections)


def configured_at(rpc: Rpc) -> float | None:
    """When the device's configuration was committed last, in seconds since the epoch."""
    try:
        reply = rpc.call("read the commit history", etree.Element("get-commit-information"))
    except DeviceError:
        # A user who may not see it can still audit.
        return None
    newest = next(reply.iter("{*}date-time"), None)
    if newest is None:
        return None
    told = seconds_in(newest)
    return seconds_of(newest.text) if told is None else told

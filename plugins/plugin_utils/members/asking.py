# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asking a device for its list: in its generation's words, then as the CLI's text, then giving up.

A list that could not be read as a whole is an error. Nobody is absent because of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..engine.values import Generation
from ..errors import DeviceError
from ..netconf.libraries import etree
from ..netconf.rpc import Rpc
from .addresses import canonical_address
from .model import GroupMembers, Member, Reading
from .reply import RPC_NAME, read_reply
from .second_form import as_text
from .text import STEP

# Juniper's RPC model for v2; for v1 the table of RPCs of Junos 12.3. v1 has no levels.
_ARGUMENTS: Mapping[Generation, Mapping[str, str]] = {
    Generation.V1: {
        "group": "show-security-group-vpn-server-reg-group-name",
        "group_id": "show-security-group-vpn-server-reg-group-id",
    },
    Generation.V2: {
        "group": "group",
        "group_id": "group-id",
        "peer_address": "peer-address",
        "detail": "detail",
    },
}
_LOST = "the device's list was not understood, so who is in it is not known"
LARGEST_OPERATIONAL_ID = 65535
"""The configuration allows larger ids than the show commands take."""


@dataclass(frozen=True)
class Choice:
    """Which part of the list is wanted; all of it when nothing is given.

    ``called``: the names that groups of this id are configured with, for a list without ids.
    """

    group: str | None = None
    group_id: int | None = None
    peer_address: str | None = None
    called: frozenset[str] = frozenset()

    def takes(self, group: GroupMembers) -> bool:
        """True for a group that is wanted."""
        by_id = self.group_id in (None, group.id) or (
            group.id is None and group.name in self.called
        )
        return self.group in (None, group.name) and by_id

    def part_of(self, groups: list[GroupMembers]) -> list[GroupMembers]:
        """What is wanted of a list; without the groups that do not have the wanted member."""
        chosen = [group for group in groups if self.takes(group)]
        if self.peer_address is None:
            return chosen
        wanted = canonical_address(self.peer_address)
        for group in chosen:
            group.members = [m for m in group.members if canonical_address(m["address"]) == wanted]
        return [group for group in chosen if group.members]


EVERYTHING = Choice()


def listed(
    rpc: Rpc, generation: Generation, choice: Choice = EVERYTHING, detail: bool = False
) -> Reading:
    """The wanted part of the list, completely.

    Raises DeviceError, MalformedReply when it cannot be read as a whole, TransportFailure.
    """
    request = _request(generation, choice, detail)
    try:
        reading = read_reply(rpc.stream(STEP, request))
    except DeviceError:
        if not len(request):
            raise
        # A release that does not take an argument still gives the whole list.
        reading = read_reply(rpc.stream(STEP, etree.Element(RPC_NAME)))
    if reading.unclear:
        level = " detail" if detail and generation is Generation.V2 else ""
        words = f"show security group-vpn server registered-members{level}"
        reading = as_text(STEP, _LOST, words, lambda c: read_reply(rpc.stream(STEP, c)), reading)
    reading.groups = choice.part_of(reading.groups)
    return reading


def lists(
    rpc: Rpc, generation: Generation, choice: Choice = EVERYTHING, detail: bool = False
) -> dict[str, list[Member]]:
    """The list of each group by its name; of a cluster's nodes the active one lists most.

    Raises what :func:`listed` raises.
    """
    found: dict[str, list[Member]] = {}
    for group in listed(rpc, generation, choice, detail).groups:
        found[group.name] = max(found.get(group.name, []), group.members, key=len)
    return found


def _request(generation: Generation, choice: Choice, detail: bool) -> etree._Element:
    words = _ARGUMENTS[generation]
    request = etree.Element(RPC_NAME)
    wanted = {"group": choice.group, "peer_address": choice.peer_address}
    if choice.group_id is not None and choice.group_id <= LARGEST_OPERATIONAL_ID:
        wanted["group_id"] = str(choice.group_id)
    for name, value in wanted.items():
        if value is not None and name in words:
            etree.SubElement(request, words[name]).text = value
    if detail and "detail" in words:
        etree.SubElement(request, words["detail"])
    return request

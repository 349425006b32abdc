# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module ``registered_members_info`` does, without Ansible."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from ..engine.device import Device
from ..engine.plan import blocks_of
from ..engine.read import parse_xml
from ..engine.words import quote
from ..errors import DeviceError, Refused
from ..netconf.libraries import etree
from ..netconf.rpc import Rpc
from ..resources.server_member_communication import HIERARCHY
from .meaning import described
from .model import GroupMembers
from .reply import RPC_NAME, read_members
from .text import read_text
from .times import seconds_of

LARGEST_ID = 4294967295
LARGEST_OPERATIONAL_ID = 65535
_STEP = "read the registered members"


def _request(choice: dict[str, str], detail: bool) -> etree._Element:
    request = etree.Element(RPC_NAME)
    for name, value in choice.items():
        etree.SubElement(request, name).text = value
    if detail:
        etree.SubElement(request, "detail")
    return request


def _command(choice: dict[str, str], detail: bool) -> etree._Element:
    words = ["show security group-vpn server registered-members"]
    words += [f"{name} {quote(value)}" for name, value in choice.items()]
    request = etree.Element("command", format="text")
    request.text = " ".join([*words, "detail"] if detail else words)
    return request


def read(
    rpc: Rpc,
    *,
    group: str | None = None,
    group_id: int | None = None,
    peer_address: str | None = None,
    detail: bool = False,
) -> dict[str, Any]:
    """The module's return values. Raises DeviceError, MalformedReply, TransportFailure."""
    _check_choice(group_id, peer_address)
    choice: dict[str, str] = {}
    if group is not None:
        choice["group"] = group
    if group_id is not None and group_id <= LARGEST_OPERATIONAL_ID:
        choice["group-id"] = str(group_id)
    if peer_address is not None:
        choice["peer-address"] = peer_address
    groups = _groups(rpc, choice, detail)
    # The configuration allows larger ids than the show commands take: pick those here.
    if group_id is not None:
        groups = [g for g in groups if g.id is None or g.id == group_id]
    blocks = blocks_of(parse_xml(Device(rpc).read()))
    if group is not None and group not in blocks and not groups:
        known = ", ".join(blocks) or "none"
        place = f"[edit {' '.join([*HIERARCHY, group])}]"
        raise Refused([f"{place}: the device has no such group; correct 'group' (it has {known})"])
    return {"groups": list(described(groups, blocks, detail))}


def _check_choice(group_id: int | None, peer_address: str | None) -> None:
    objections = []
    if group_id is not None and not 1 <= group_id <= LARGEST_ID:
        objections.append(f"group_id {group_id}: 1 to {LARGEST_ID} is accepted; correct 'group_id'")
    if peer_address is not None:
        try:
            ip_address(peer_address)
        except ValueError:
            objections.append(
                f"peer_address {peer_address!r}: an address is expected; correct 'peer_address'"
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
    seconds = (value for name, value in newest.attrib.items() if name.endswith("seconds"))
    text = next(seconds, "")
    return float(text) if text.isdigit() else seconds_of(newest.text)


def _groups(rpc: Rpc, choice: dict[str, str], detail: bool) -> list[GroupMembers]:
    try:
        groups, text = read_members(rpc.stream(_STEP, _request(choice, detail)))
    except DeviceError as error:
        # Group VPNv1 has no levels: it answers <detail/> with a syntax error.
        if not detail or not any("syntax error" in m and "detail" in m for m in error.messages):
            raise
        groups, text = read_members(rpc.stream(_STEP, _request(choice, detail=False)))
    if groups or text is None:
        if groups:
            return groups
        return _as_text(rpc, choice, detail)
    return read_text(text)


def _as_text(rpc: Rpc, choice: dict[str, str], detail: bool) -> list[GroupMembers]:
    """The CLI's answer: for a device whose XML names nothing that is known here."""
    try:
        _groups_in_text, text = read_members(rpc.stream(_STEP, _command(choice, detail)))
    except DeviceError:
        return []
    return read_text(text or "")

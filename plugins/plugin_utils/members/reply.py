# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ``registered-members`` reply, read as a stream.

Juniper publishes the reply's root element only. Field names are matched by local name through
``FIELDS``, which takes the likely vocabularies; where a device answers with none of them, its
CLI text is read instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import DeviceError, MalformedReply
from ..netconf.libraries import etree
from ..netconf.xml import local_name
from .model import COUNTERS, GroupMembers, Member

# Local names of the reply's leaves, most specific first; the prefix "group-vpn-" is dropped.
FIELDS: Mapping[str, str] = {
    "group-name": "group.name",
    "name-of-group": "group.name",
    "group-id": "group.id",
    "member-count": "group.count",
    "total-members": "group.count",
    "number-of-members": "group.count",
    "total-number-of-registered-members": "group.count",
    "registered-member-count": "group.count",
    "member-gateway": "member.gateway",
    "member-gateway-name": "member.gateway",
    "gateway": "member.gateway",
    "gateway-name": "member.gateway",
    "ike-gateway": "member.gateway",
    "member-address": "member.address",
    "member-ip": "member.address",
    "member-ip-address": "member.address",
    "member-ipaddr": "member.address",
    "peer-address": "member.address",
    "ip-address": "member.address",
    "remote-address": "member.address",
    "member-last-update": "member.last_update",
    "last-update": "member.last_update",
    "last-update-time": "member.last_update",
    "member-vsys": "member.vsys",
    "vsys": "member.vsys",
    "vsys-name": "member.vsys",
    "pull-succeeded": "member.pull_succeeded",
    "pull-failed": "member.pull_failed",
    "push-sent": "member.push_sent",
    "push-acknowledged": "member.push_acknowledged",
    "push-unacknowledged": "member.push_unacknowledged",
    "re-name": "node",
}
_PREFIXES = ("group-vpn-", "gvpn-", "server-", "registered-")
REPLY_ROOT = "security-group-vpn-server-registered-members"
RPC_NAME = f"get-{REPLY_ROOT}"


def _field(name: str) -> str | None:
    while True:
        if name in FIELDS:
            return FIELDS[name]
        shorter = next((name[len(p) :] for p in _PREFIXES if name.startswith(p)), None)
        if shorter is None:
            return None
        name = shorter


class _Assembler:
    """Puts leaves, in document order, together into groups and members.

    A second value for a field that is taken starts the next member (or group), so nested and
    flat replies are read alike.
    """

    def __init__(self) -> None:
        self.groups: list[GroupMembers] = []
        self._node: str | None = None
        self._member: Member = {}

    def leaf(self, place: str, text: str) -> None:
        if place == "node":
            self.end_member()
            self._node = text
            return
        kind, _dot, name = place.partition(".")
        if kind == "group":
            self._group_leaf(name, text)
            return
        if name in self._member and name in ("gateway", "address"):
            self.end_member()
        if name in COUNTERS:
            self._member[name] = int(text) if re.fullmatch(r"-?\d{1,18}", text) else None
        else:
            self._member[name] = text

    def _group_leaf(self, name: str, text: str) -> None:
        self.end_member()
        taken = self.groups and (self.groups[-1].name if name == "name" else None)
        fresh = not self.groups or bool(taken)
        if name == "id" and self.groups and self.groups[-1].id is not None:
            fresh = True
        if self.groups and self.groups[-1].node != self._node:
            fresh = True
        if fresh:
            self.groups.append(GroupMembers(node=self._node))
        group = self.groups[-1]
        if name == "name":
            group.name = text
        elif text.isdigit():
            setattr(group, name, int(text))

    def end_member(self) -> None:
        """What was collected is one member."""
        if "address" in self._member or "gateway" in self._member:
            if not self.groups:
                self.groups.append(GroupMembers(node=self._node))
            self.groups[-1].members.append(self._member)
        self._member = {}


# Elements that hold one member: leaving one ends the member.
_MEMBER_ELEMENTS = {"member", "registered-member", "member-info", "member-entry", "members-entry"}


def _is_member_element(name: str) -> bool:
    stripped = name.removeprefix("group-vpn-").removeprefix("gvpn-")
    return stripped in _MEMBER_ELEMENTS


def read_members(pieces: Iterable[bytes]) -> tuple[list[GroupMembers], str | None]:
    """(groups, CLI text) of a reply that comes in pieces; one of the two is there.

    Holds one element at a time beside the result. Raises DeviceError for an error in the reply
    (``rpc-error`` or ``xnm:error`` at any depth), MalformedReply for one that is cut off.
    """
    parser = etree.XMLPullParser(
        events=("end",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
    )
    assembler, errors, text, tail = _Assembler(), [], None, b""
    names: dict[Any, tuple[str, str | None]] = {}
    started = False

    def drain() -> None:
        nonlocal text
        for _event, element in parser.read_events():
            tag = element.tag
            known = names.get(tag)
            if known is None:
                if not isinstance(tag, str):
                    continue
                name = local_name(element)
                known = names[tag] = (name, _field(name))
            name, place = known
            if len(element) == 0:
                if place is not None:
                    content = (element.text or "").strip()
                    if content:
                        assembler.leaf(place, content)
                elif name == "output":
                    text = element.text or ""
            if name in ("rpc-error", "error"):
                errors.append(_error_text(element))
            elif _is_member_element(name):
                assembler.end_member()
            if name not in (
                "error-message",
                "message",
                "error-severity",
                "bad-element",
                "error-info",
                "error-path",
            ):
                element.clear()
                parent = element.getparent()
                while parent is not None and element.getprevious() is not None:
                    del parent[0]

    try:
        for piece in pieces:
            guard = tail + piece
            if b"<!DOCTYPE" in guard or b"<!ENTITY" in guard:
                raise MalformedReply("XML with a document type or entities is refused")
            tail = piece[-16:]
            if not started:
                piece = piece.lstrip()
                started = bool(piece)
            parser.feed(piece)
            drain()
        parser.close()
        drain()
    except etree.XMLSyntaxError as error:
        raise MalformedReply(f"registered-members: malformed or cut off reply: {error}") from None
    assembler.end_member()
    real = [message for message in errors if message]
    if real:
        raise DeviceError("read the registered members", real)
    return assembler.groups, text if not assembler.groups else None


def _error_text(element: etree._Element) -> str:
    fields = {local_name(part): " ".join((part.text or "").split()) for part in element.iter()}
    if fields.get("error-severity") == "warning":
        return ""
    message = fields.get("error-message") or fields.get("message") or ""
    bad = fields.get("bad-element", "")
    return f"{message} ({bad})" if bad else message

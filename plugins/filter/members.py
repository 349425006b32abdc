# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: members
author: groupvpn.junos contributors (@groupvpn)
version_added: 1.0.0
short_description: Groups and members of a registered-members reply
description:
  - Reads the reply of C(get-security-group-vpn-server-registered-members), as XML or as the CLI's
    text, that was fetched in any other way.
options:
  _input:
    description: The reply.
    type: str
    required: true
  communication:
    description: Group name to V(none), V(unicast) or V(multicast); the reply does not tell.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Who is registered, from a saved reply
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'reply.xml')
      | groupvpn.junos.members(communication={'GRP-0001': 'unicast'}) }}"
"""

RETURN = r"""
_value:
  description: Groups as M(groupvpn.junos.registered_members_info) returns them, with detail.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils.errors import GroupVpnError, MalformedReply, all_legible
from ..plugin_utils.members.meaning import LIST_SHOWS, described
from ..plugin_utils.members.model import Reading
from ..plugin_utils.members.reply import read_reply
from ..plugin_utils.members.text import read_text
from ..plugin_utils.netconf import libraries
from ..plugin_utils.resources.served import Group


def members(reply: Any, communication: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Groups and members of a reply."""
    if not isinstance(reply, str):
        raise AnsibleFilterError(
            "groupvpn.junos.members: text is expected; give the reply as XML or as the CLI has it"
        )
    missing = libraries.complaint()
    if missing is not None:
        raise AnsibleFilterError(f"groupvpn.junos.members: {missing}")
    named = _named(communication or {})
    try:
        found = _read(str(reply))
        if found.unclear:
            raise MalformedReply(f"a list of registered members is expected: {found.doubts()}")
        return list(described(found.groups, named, detail=True))
    except GroupVpnError as error:
        raise AnsibleFilterError(f"groupvpn.junos.members: {all_legible(str(error))}") from None


def _named(communication: Mapping[str, str]) -> dict[str, Group]:
    """What is known of groups beside the reply: which members their lists show."""
    if not isinstance(communication, Mapping):
        raise AnsibleFilterError(
            "groupvpn.junos.members: communication: a mapping of groups to one of "
            f"{', '.join(LIST_SHOWS)} is expected"
        )
    wrong = sorted(set(map(str, communication.values())) - set(LIST_SHOWS))
    if wrong:
        raise AnsibleFilterError(
            f"groupvpn.junos.members: communication {wrong[0]!r}: "
            f"{', '.join(LIST_SHOWS)} are accepted"
        )
    return {str(n): Group(str(n), communication=str(kind)) for n, kind in communication.items()}


def _read(reply: str) -> Reading:
    reply = reply.removeprefix("\ufeff")
    if not reply.strip():
        raise MalformedReply("the reply is empty")
    return read_reply([reply.encode()]) if reply.lstrip().startswith("<") else read_text(reply)


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name to function."""
        return {"members": members}

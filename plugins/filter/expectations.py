# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: expectations
author: groupvpn.junos contributors (@groupvpn)
version_added: 1.0.0
short_description: Expectations for a fleet that exists
description:
  - Makes what M(groupvpn.junos.membership_audit) expects, from the gateways that key servers are
    configured with and from the lists of who is registered. Somebody must review it.
  - A configured gateway is expected, whether it is registered or not. A member whose gateway is not
    configured is not expected, and named for review.
options:
  _input:
    description: Host to what M(groupvpn.junos.registered_members_info) returned there.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what somebody must look at
  ansible.builtin.debug:
    msg: "{{ ({inventory_hostname: registered} | groupvpn.junos.expectations).review }}"
"""

RETURN = r"""
_value:
  description:
    - C(expected), for the option of M(groupvpn.junos.membership_audit), the same as text in C(csv),
      and C(review), sentences about what somebody should look at.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils.audit.proposals import propose
from ..plugin_utils.errors import GroupVpnError, all_legible


def expectations(registered: Any) -> dict[str, Any]:
    """Expectations to be reviewed."""
    whole = isinstance(registered, Mapping) and all(
        isinstance(result, Mapping) for result in registered.values()
    )
    if not whole:
        raise AnsibleFilterError(
            "groupvpn.junos.expectations: a mapping of hosts to results of "
            "registered_members_info is expected"
        )
    try:
        return propose(registered)
    except GroupVpnError as error:
        raise AnsibleFilterError(
            f"groupvpn.junos.expectations: {all_legible(str(error))}"
        ) from None


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name to function."""
        return {"expectations": expectations}

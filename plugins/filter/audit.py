# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: audit
author: groupvpn.junos contributors (@groupvpn)
version_added: 1.0.0
short_description: Audit groups and members against who is expected
description:
  - What M(groupvpn.junos.membership_audit) does, for data from anywhere.
options:
  _input:
    description: Groups as M(groupvpn.junos.registered_members_info) returns them.
    type: list
    elements: dict
    required: true
  expected:
    description: As O(groupvpn.junos.membership_audit#module:expected).
    type: raw
    default: {}
  stale_after:
    description: Seconds without a sign of life after which a member is stale.
    type: int
    default: 86400
  settle_seconds:
    description: Seconds after a commit during which absence cannot be judged.
    type: int
    default: 3600
  configured_ago:
    description: Seconds since the last commit.
    type: float
  now:
    description: Seconds since the epoch to judge ages by; the controller's clock when not given.
    type: float
  host:
    description: The host that the groups are of; expectations that name other hosts are left out.
    type: str
"""

EXAMPLES = r"""
- name: Findings from expectations that another system holds
  ansible.builtin.debug:
    msg: "{{ (registered.groups | groupvpn.junos.audit({'GRP-0001': ['192.0.2.11']})).findings }}"
"""

RETURN = r"""
_value:
  description: C(compliant), C(findings), C(summary) and C(groups).
  type: dict
"""

import time
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils.audit import expectations, group_audit
from ..plugin_utils.audit import judgement as core
from ..plugin_utils.audit import options as audit_options
from ..plugin_utils.engine.objections import value_objections
from ..plugin_utils.errors import GroupVpnError, Refused, all_legible

_NEEDED = ("stale_after", "settle_seconds")


def audit(
    groups: Any,
    expected: Any = None,
    stale_after: int = group_audit.DEFAULT_STALE_SECONDS,
    settle_seconds: int = group_audit.DEFAULT_SETTLE_SECONDS,
    configured_ago: float | None = None,
    now: float | None = None,
    host: str | None = None,
) -> dict[str, Any]:
    """The audit's result."""
    numbers = {
        "now": now,
        "stale_after": stale_after,
        "settle_seconds": settle_seconds,
        "configured_ago": configured_ago,
    }
    wrong = list(value_objections(audit_options.membership_audit()["argument_spec"], numbers))
    # An empty name is no host's: every expectation would be another's, and the group compliant.
    if host is not None and not (isinstance(host, str) and host.strip()):
        wrong.append(f"host {host!r}: a host's name is expected; correct it, or leave it out")
    # Not what they are where they are left out: nobody can say how long None seconds are.
    wrong += [
        f"{name}: seconds are expected, not nothing; give them, or leave it out"
        for name in _NEEDED
        if numbers[name] is None
    ]
    try:
        if wrong:
            raise Refused(wrong)
        found = core.audit(
            groups, expectations.read_expected(expected or {}, host=host), _options(numbers)
        )
    except GroupVpnError as error:
        raise AnsibleFilterError(f"groupvpn.junos.audit: {all_legible(str(error))}") from None
    return found


def _options(given: dict[str, Any]) -> group_audit.Options:
    """How to judge. Raises Refused."""
    numbers = {name: None if value is None else float(value) for name, value in given.items()}
    wrong = audit_options.objections(numbers)
    if wrong:
        raise Refused(wrong)
    now = numbers["now"]
    return group_audit.Options(
        time.time() if now is None else now,
        int(given["stale_after"]),
        int(given["settle_seconds"]),
        numbers["configured_ago"],
    )


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name to function."""
        return {"audit": audit}

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: describe
author: groupvpn.junos contributors (@groupvpn)
version_added: 1.0.0
short_description: The description of a Group VPN that exists
description:
  - Makes the variables of the role C(groupvpn.junos.group_vpn) from what M(groupvpn.junos.server)
    and M(groupvpn.junos.member) gather of a fleet.
  - Devices do not give their keys back in the clear; C(keys) says which variables to fill.
  - Proposals, policies and gateways get the role's own names when the role runs for the first time.
    Whatever else that run would change is found by comparing and stands in C(unfit), with host,
    place, value, and what the description makes of it; so do the reasons for which the role would
    refuse the description.
options:
  _input:
    description:
      - Host to C(server) and C(member), as gathered there, and C(generation), V(v1) or V(v2). Left
        out, it is the one that has the statements and values that were gathered. C(inactive) and
        C(unread), what both return by these names, have their place in C(unfit), as C(gathered) has
        nothing of it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the description
  ansible.builtin.debug:
    msg: "{{ {'hub-1': one} | groupvpn.junos.describe }}"
  vars:
    one: {server: "{{ hub.gathered }}", inactive: "{{ hub.inactive }}"}
"""

RETURN = r"""
_value:
  description:
    - C(group_vpn_groups); C(hosts), each host's variables; C(keys), the variables that somebody
      must fill; C(unfit), what has no place in a description or would become another value. It is
      empty where the role would change nothing but names.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils.engine.values import Generation
from ..plugin_utils.errors import all_legible
from ..plugin_utils.group.describe import describe as description_of
from ..plugin_utils.group.gathered import objections
from ..plugin_utils.group.generation import generation_of

_MOST = 5
"""What is wrong with one host is said so many times."""


def describe(fleet: Any) -> dict[str, Any]:
    """The description of a fleet."""
    if not isinstance(fleet, Mapping):
        raise _refused("a mapping of hosts to 'server' and 'member' is expected")
    return description_of({str(host): _sides(str(host), given) for host, given in fleet.items()})


def _sides(host: str, given: Any) -> dict[str, Any]:
    """What a host gave, and its generation."""
    wrong = list(objections(given))
    if wrong:
        more = f"; and {len(wrong) - _MOST} more" if len(wrong) > _MOST else ""
        raise _refused(
            f"{host}: {'; '.join(wrong[:_MOST])}{more}: not what the modules gather; give "
            "'gathered' of groupvpn.junos.server as 'server', and that of groupvpn.junos.member "
            "as 'member'"
        )
    said = given.get("generation")
    if said not in (None, "auto", *Generation):
        raise _refused(f"{host}: generation {said}: it is v1 or v2; correct it, or leave it out")
    found = {side: given.get(side) or {} for side in ("server", "member")}
    own = generation_of(found) if said in (None, "auto") else Generation(said)
    aside = {word: given.get(word) or [] for word in ("inactive", "unread")}
    return {**found, "generation": own.value, **aside}


def _refused(line: str) -> AnsibleFilterError:
    return AnsibleFilterError(f"groupvpn.junos.describe: {all_legible(line)}")


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name to function."""
        return {"describe": describe}

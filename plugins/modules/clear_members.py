#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: clear_members
short_description: Have the members of Group VPN groups on Junos SRX register anew
version_added: 1.0.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - Does C(clear security group-vpn server), which empties the list of registered members.
  - Without O(now) members get new keys once more, and register when those end. With it they are
    told to drop their keys, and register at once; until they have, their traffic stands still.
  - Members of a group without C(server-member-communication) cannot be told anything. Clearing
    empties their group's list, and they come back when their traffic keys end.
  - A group that lists nobody is left alone. So is one with O(statistics) whose counters are 0; a
    group of which the device shows none is named in RV(warnings).
  - Lists are looked at again afterwards. One with all of its members as before is a warning.
  - In check mode, tells who would be cleared.
extends_documentation_fragment:
  - groupvpn.junos.attributes
options:
  group:
    description: The group to clear. Either this or O(all) is needed.
    type: str
  all:
    description: Clear every group.
    type: bool
    default: false
  now:
    description: Tell members to drop their keys at once.
    type: bool
    default: false
  statistics:
    description: Clear the groups' counters instead of their members; Group VPNv2 only.
    type: bool
    default: false
seealso:
  - module: groupvpn.junos.wait_for_members
"""

EXAMPLES = r"""
- name: Whom would it hit
  groupvpn.junos.clear_members:
    group: GRP-0001
    now: true
  check_mode: true
  register: hit

- name: Everyone registers anew
  groupvpn.junos.clear_members:
    group: GRP-0001
    now: true

- name: Counters from zero
  groupvpn.junos.clear_members:
    all: true
    statistics: true
"""

RETURN = r"""
cleared:
  description: The groups that were cleared, in check mode those that would be.
  returned: success
  type: list
  elements: dict
  contains:
    group:
      description: Name of the group.
      type: str
      sample: GRP-0001
    communication:
      description: V(none), V(unicast) or V(multicast), as it is in force.
      type: str
      sample: unicast
    members:
      description: Who was listed, each with C(gateway) and C(address).
      type: list
      elements: dict
      sample: [{gateway: GM-0001, address: 192.0.2.11}]
warnings:
  description:
    - What the device warned about or said. Of a failure, which groups were cleared before it, and
      whether its answer was lost; C(changed) is then true.
  returned: always
  type: list
  elements: str
  sample: []
"""

#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: group_vpn
short_description: Build and run whole Group VPNs from one description
version_added: 1.0.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - What the role P(groupvpn.junos.group_vpn#role) is made of. Use the role.
  - Runs once for a play, by C(run_once) and a strategy that knows it; it is refused where each host
    would run it. It has a session of its own to each device of the play; several are worked on at
    once, as Ansible's C(forks) say. The sessions are those of
    P(groupvpn.junos.netconf#connection), with each host's usual variables.
  - Takes O(groups), and of each host that they name the variables C(group_vpn_address),
    C(group_vpn_dynamic), C(group_vpn_external_interface), C(group_vpn_pre_shared_key),
    C(group_vpn_policies), C(group_vpn_generation) and C(group_vpn_name).
  - Refuses what contradicts itself, all of it at once, before any device is asked.
  - Looks at every device, plans, tells the plan on standard error, and carries it out. Servers
    commit with a way back, which is closed when the members have proved the change.
  - Each step begins when devices show that the one before is over. What a device does not take
    stops what depends on it, and nothing else; a second run goes on from what it finds.
  - In check mode looks and plans.
  - With O(outcome), says what became of the host that the task runs for; with C(run_once), what
    became of all, and fails when one of them has failed.
extends_documentation_fragment:
  - groupvpn.junos.attributes
options:
  groups:
    description: The description; see the role's variable C(group_vpn_groups).
    type: list
    elements: dict
  exclusive:
    description: On hosts that the description names, take away what it does not name.
    type: bool
    default: false
  confirm_minutes:
    description:
      - Minutes (to 65535) after which a server takes back what nothing has proved; 0 to commit for
        good. More than O(timeout), and twice as long as a member takes to commit.
    type: int
    default: 10
  timeout:
    description:
      - Seconds (0 to 86400) that members and servers of a cluster may take until they have keys.
    type: int
    default: 300
  poll:
    description:
      - Seconds (0.1 or more) between two looks, at the most, and no more than O(timeout); the first
        ones follow each other sooner.
    type: float
    default: 1.0
  comment:
    description: Commit comment.
    type: str
  outcome:
    description:
      - What the task that ran once has returned, or the name of the variable that it was registered
        as. The name spares each host to read a template.
    type: raw
seealso:
  - module: groupvpn.junos.server
"""

EXAMPLES = r"""
- name: Bring the whole Group VPN to what the description says
  groupvpn.junos.group_vpn:
    groups: "{{ group_vpn_groups }}"
  run_once: true
  register: outcome

- name: What became of each host
  groupvpn.junos.group_vpn:
    outcome: outcome
"""

RETURN = r"""
steps:
  description: The plan.
  returned: with O(groups)
  type: list
  elements: dict
  contains:
    step:
      description: Kind of the step.
      type: str
    what:
      description: The same for a person.
      type: str
    hosts:
      description: Hosts that it concerns.
      type: list
      elements: str
    groups:
      description: Groups that it concerns.
      type: list
      elements: str
    apart:
      description: Members that may not understand the others meanwhile, by group, and until when.
      type: list
      elements: dict
left:
  description: What is not touched, and why.
  returned: with O(groups)
  type: list
  elements: str
expected:
  description:
    - Who is to be registered where, as O(groupvpn.junos.membership_audit#module:expected) takes it.
  returned: with O(groups)
  type: list
  elements: dict
unverified:
  description:
    - Unmanaged members of which nothing was heard since the change (since the run began where
      nothing was changed), and what the servers show of them. Nobody can ask such a member for its
      keys; a registration or an acknowledgement in a server's list is what verifies it.
  returned: with O(groups)
  type: dict
hosts:
  description: What became of each host.
  returned: with O(groups)
  type: dict
screen:
  description: The summary as lines of text.
  returned: with O(groups)
  type: list
  elements: str
msg:
  description:
    - What was done on the host, and of which group nobody knows whether anything is to be done,
      because a server of it was not looked at.
  returned: with O(outcome)
  type: str
did:
  description: What was done on the host; in check mode what would be.
  returned: with O(outcome)
  type: list
  elements: str
"""

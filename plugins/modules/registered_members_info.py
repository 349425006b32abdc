#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: registered_members_info
short_description: Registered members of Group VPN key servers on Junos SRX
version_added: 1.0.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - Reads the list of registered members from a Junos SRX key server, and says for each group what
    its list means, which depends on C(server-member-communication).
  - Without that block the list shows all members that registered, active or not. With unicast
    communication it shows only active members. With multicast communication it shows those that
    registered since it was configured, and is not proof that they are alive.
  - Large replies are read as a stream. A reply that is not understood as a whole is asked for as
    the CLI's text; when that is not understood either, the task fails and shows what it could not
    read. Nobody is absent because a row could not be read.
  - The device's own list is asked for; those of logical systems and tenants are not. Where a list
    shows members of one all the same, RV(warnings) names it.
extends_documentation_fragment:
  - groupvpn.junos.attributes
  - groupvpn.junos.attributes.info
options:
  group:
    description: Only the group of this name.
    type: str
  group_id:
    description:
      - Only the group of this id, which the device must have.
      - Ids above 65535, which the device's show commands do not take, are picked from the whole
        list. Group VPNv1 is asked with its own argument names.
    type: int
  peer_address:
    description: Only the member with this address.
    type: str
  detail:
    description: With each member's counters; devices that do not have them answer without.
    type: bool
    default: false
seealso:
  - module: groupvpn.junos.server_member_communication
"""

EXAMPLES = r"""
- name: Who is registered
  groupvpn.junos.registered_members_info:
  register: registered

- name: Show the members that are known to be active
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.members | map(attribute='address') | join(', ') }}"
  loop: "{{ registered.groups | selectattr('list_shows', 'equalto', 'active') }}"
  loop_control:
    label: "{{ item.name }}"

- name: Counters of one group's members
  groupvpn.junos.registered_members_info:
    group: GRP-0001
    detail: true
"""

RETURN = r"""
asked:
  description: The host, and the device where the task was delegated to it.
  returned: success
  type: list
  elements: str
  sample: [hub-1]
groups:
  description: One entry per group, and per node on chassis clusters.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the group.
      type: str
      sample: GRP-0001
    id:
      description: Id of the group.
      type: int
      sample: 1
    communication:
      description: V(none) without server-member-communication, else V(unicast) or V(multicast).
      type: str
      sample: unicast
    list_shows:
      description:
        - V(registered), all that registered, active or not.
        - V(active), only active members.
        - V(registered_since_configured), those that registered since it was configured.
      type: str
      sample: active
    member_count:
      description: Number of members in the list.
      type: int
      sample: 1
    members:
      description: The members.
      type: list
      elements: dict
      contains:
        gateway:
          description: Name of the IKE gateway that the member came in by.
          type: str
          sample: GM-0001
        address:
          description: Address of the member.
          type: str
          sample: 192.0.2.11
        last_update:
          description: When the member was last heard of, in the device's words.
          type: str
          sample: Thu Nov 19 2026 16:31:09
        vsys:
          description: Virtual system.
          type: str
          sample: root
        pull_succeeded:
          description: Registrations that succeeded.
          returned: with detail
          type: int
          sample: 2
        pull_failed:
          description: Registrations that failed.
          returned: with detail
          type: int
          sample: 0
        push_sent:
          description: Rekey messages sent.
          returned: with detail
          type: int
          sample: 4
        push_acknowledged:
          description: Rekey messages acknowledged.
          returned: with detail
          type: int
          sample: 4
        push_unacknowledged:
          description: Rekey messages not acknowledged.
          returned: with detail
          type: int
          sample: 0
    gateways:
      description:
        - The IKE gateways that the group is configured with, each with C(name) and C(address),
          which is null for a dynamic peer.
      type: list
      elements: dict
      sample: [{name: GM-0001, address: 192.0.2.11}]
    clustered:
      description: Whether the group has a server cluster, each of whose servers has its own list.
      type: bool
      sample: false
    node:
      description: Node of a chassis cluster.
      returned: on chassis clusters
      type: str
      sample: node0
warnings:
  description: What the device warned about.
  returned: always
  type: list
  elements: str
  sample: []
"""

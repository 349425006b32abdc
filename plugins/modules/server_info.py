#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: server_info
short_description: Keys, associations and counters of Group VPN key servers on Junos SRX
version_added: 1.0.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - Reads what C(show security group-vpn server) shows of a key server's keys and associations, of
    either Group VPN generation, each asked in its own words.
  - Words of a device that are not known here are returned as C(other) of their entry, and named in
    RV(warnings).
  - An answer that is not understood as a whole is asked for as the CLI's text. When that is not
    understood either, or the device refuses, the task fails if the part was named, and returns
    C(null) for it, with a warning, if it was part of V(all). An empty list means that the device
    says that there is nothing.
  - The device's own Group VPN is asked for; what stands in logical systems and tenants is not.
    Where an answer shows some of it all the same, the entry has C(virtual_system), and RV(warnings)
    says so.
extends_documentation_fragment:
  - groupvpn.junos.attributes
  - groupvpn.junos.attributes.info
options:
  gather_subset:
    description:
      - What to read; V(all) is all that the device's generation has.
      - Group VPNv1 has neither V(statistics) nor V(server_cluster).
    type: list
    elements: str
    choices: [all, kek, ipsec, ike, statistics, server_cluster]
    default: [all]
seealso:
  - module: groupvpn.junos.member_info
  - module: groupvpn.junos.registered_members_info
"""

EXAMPLES = r"""
- name: When will keys be renewed
  groupvpn.junos.server_info:
    gather_subset: [kek]
  register: server

- name: Show it
  ansible.builtin.debug:
    msg: "{{ item.group }}: {{ item.rekey_remaining }} s"
  loop: "{{ server.kek }}"
"""

RETURN = r"""
generation:
  description: The device's Group VPN generation.
  returned: success
  type: str
  sample: v2
kek:
  description:
    - Key encryption keys, by which rekey messages are protected.
    - C(index), C(group), C(group_id), C(initiator_cookie), C(responder_cookie) (together the key's
      SPI), C(authentication_algorithm), C(encryption_algorithm), C(sequence_number), C(pushes),
      C(activation_time_delay), C(retransmission_period), C(number_of_retransmission), counters,
      and the seconds C(lifetime_remaining), C(activation_remaining), C(rekey_remaining).
  returned: when it was asked for
  type: list
  elements: dict
  sample: [{group: GRP-0001, group_id: 1, sequence_number: 4, lifetime_remaining: 1206}]
ipsec:
  description:
    - Security associations that members receive.
    - C(group), C(group_id), C(name), C(spi), C(protocol), C(encryption_algorithm),
      C(authentication_algorithm), C(lifetime_remaining) in seconds, and C(match_policies) with
      C(source) and C(destination).
  returned: when it was asked for
  type: list
  elements: dict
  sample: [{group: GRP-0001, name: SA-1, spi: 5b4c1a2f, lifetime_remaining: 3000}]
ike:
  description:
    - Phase 1 with members and other servers.
    - C(index), C(gateway), C(remote_address), C(port), C(state), C(mode), C(initiator_cookie),
      C(responder_cookie), algorithms, and C(lifetime_remaining) in seconds.
  returned: when it was asked for
  type: list
  elements: dict
  sample: [{gateway: site-01, remote_address: 198.51.100.1, state: UP}]
statistics:
  description:
    - Counters of each group, since they were cleared.
    - C(group), C(group_id), C(pull_succeeded), C(pull_failed), C(pull_exceed_member_threshold),
      C(push_sent), C(push_acknowledged), C(push_unacknowledged).
  returned: when it was asked for
  type: list
  elements: dict
  sample: [{group: GRP-0001, group_id: 1, pull_succeeded: 2, push_sent: 4}]
server_cluster:
  description: The other servers of groups that servers serve together.
  returned: when it was asked for
  type: list
  elements: dict
  sample: []
warnings:
  description: What the device warned about, and what is not known.
  returned: always
  type: list
  elements: str
  sample: []
"""

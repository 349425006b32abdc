#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: member_info
short_description: Keys, associations and policies of Group VPN members on Junos SRX
version_added: 1.0.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - Reads what C(show security group-vpn member) shows of a member's keys, associations and
    policies, of either Group VPN generation, each asked in its own words.
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
      - Group VPNv1 does not have V(policy).
    type: list
    elements: str
    choices: [all, kek, ipsec, ike, policy]
    default: [all]
seealso:
  - module: groupvpn.junos.server_info
  - module: groupvpn.junos.registered_members_info
"""

EXAMPLES = r"""
- name: Which keys are in use
  groupvpn.junos.member_info:
    gather_subset: [kek, ipsec]
  register: member

- name: Every site has the same keys
  ansible.builtin.assert:
    that: spis | unique | length == 1
  vars:
    spis: "{{ ansible_play_hosts | map('extract', hostvars, ['member', 'ipsec'])
      | map('map', attribute='spi') | map('unique') | map('sort') }}"
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
    - C(index), C(vpn), C(group_id), C(server_address), C(local_address), C(initiator_cookie),
      C(responder_cookie) (together the key's SPI), C(authentication_algorithm),
      C(encryption_algorithm), C(sequence_number), C(activation_time_delay), and the seconds
      C(lifetime_remaining).
  returned: when it was asked for
  type: list
  elements: dict
  sample: [{vpn: GRP-0001, group_id: 1, sequence_number: 4, lifetime_remaining: 1206}]
ipsec:
  description:
    - Security associations, one for each direction.
    - C(vpn), C(group_id), C(direction), C(spi), C(server_address), C(port), C(protocol),
      C(encryption_algorithm), C(authentication_algorithm), C(state), C(df_bit), and the seconds
      C(lifetime_remaining) and C(activation_remaining).
  returned: when it was asked for
  type: list
  elements: dict
  sample: [{vpn: GRP-0001, direction: inbound, spi: 5b4c1a2f, lifetime_remaining: 3000}]
ike:
  description:
    - Phase 1 with key servers.
    - C(index), C(gateway), C(remote_address), C(state), C(mode), C(initiator_cookie),
      C(responder_cookie), and C(lifetime_remaining) in seconds.
  returned: when it was asked for
  type: list
  elements: dict
  sample: [{gateway: servers, remote_address: 192.0.2.1, state: UP}]
policy:
  description:
    - What happens to traffic, first match first.
    - C(vpn), C(group_id), C(type), C(source), C(destination), C(from_zone), C(to_zone).
  returned: when it was asked for
  type: list
  elements: dict
  sample: [{vpn: GRP-0001, type: dynamic, source: 10.0.0.0/8, destination: 10.0.0.0/8}]
warnings:
  description: What the device warned about, and what is not known.
  returned: always
  type: list
  elements: str
  sample: []
"""

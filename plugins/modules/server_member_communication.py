#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: server_member_communication
short_description: Rekey settings of Group VPN key servers on Junos SRX
version_added: 1.0.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - Manages C(server-member-communication) of the groups below
    C([edit security group-vpn server group]) on a Junos SRX key server.
  - Without this block a key server sends no rekey messages; a wrong value in it cuts sites off.
    What the device or its documents would refuse is refused before the device is touched.
  - Only the difference is loaded, under a lock; when there is none, one RPC reads the
    configuration and nothing is locked.
  - Runs on the controller, over NETCONF.
extends_documentation_fragment:
  - groupvpn.junos.attributes
  - groupvpn.junos.resource
options:
  config:
    description:
      - Settings per group.
      - Required for the states V(merged), V(replaced), V(overridden) and V(rendered).
      - With state V(deleted), the groups to delete from.
      - An empty list is refused.
    type: list
    elements: dict
    suboptions:
      group:
        description: Name of an existing group, 1 to 32 characters.
        type: str
        required: true
      communication_type:
        description:
          - Whether rekey messages go to each member (unicast) or to a multicast group.
          - The device takes V(unicast) when it is not configured; V(multicast) needs Group VPNv1.
        type: str
        choices: [unicast, multicast]
      lifetime_seconds:
        description:
          - Lifetime of the key encryption key (KEK) in seconds; the device's default is 3600.
          - Group VPNv1 takes 180 to 86400, Group VPNv2 300 to 86400.
        type: int
      retransmission_period:
        description:
          - Seconds, 2 to 60, between a unicast rekey message and its retransmission; the device's
            default is 10.
        type: int
      number_of_retransmission:
        description:
          - How often, 0 to 60, an unacknowledged unicast rekey message is sent again; the device's
            default is 2.
        type: int
      heartbeat:
        description:
          - Interval of heartbeat messages in seconds, 60 to 3600; the device's default is 300.
          - Deprecated in Group VPNv2.
        type: int
      encryption_algorithm:
        description:
          - Encryption of rekey messages; the device has no default, so it must be there.
          - V(3des-cbc) and V(des-cbc) need Group VPNv1.
        type: str
        choices: [3des-cbc, aes-128-cbc, aes-192-cbc, aes-256-cbc, des-cbc]
      sig_hash_algorithm:
        description:
          - Hash of the rekey signature; the device has no default, so it must be there.
          - Group VPNv1 takes V(md5) and V(sha1), Group VPNv2 V(sha-256) and V(sha-384).
        type: str
        choices: [md5, sha1, sha-256, sha-384]
      certificate:
        description: Local certificate (RSA), 1 to 32 characters, whose key signs rekey messages.
        type: str
      multicast_group:
        description: Multicast group that rekey messages are sent to; Group VPNv1 only.
        type: str
      multicast_outgoing_interface:
        description: Interface that multicast rekey messages leave by; Group VPNv1 only.
        type: str
  state:
    description:
      - V(merged) adds to what is configured.
      - V(replaced) makes each named group's block exactly what is given.
      - V(overridden) does so and removes the block of every other group.
      - V(deleted) removes the block of the named groups, of all groups with O(all=true).
      - V(gathered) reads what is in force on the device.
      - V(rendered) gives set lines and XML for O(config) without a device.
      - V(parsed) gives the settings in O(running_config) without a device.
      - What is inactive is not in force; it is named in RV(warnings), and activated when it is
        wanted. V(replaced) and V(overridden) leave it as it is where it is not. What configuration
        groups bring in (C(apply-groups)) is in force and is not set again; RV(warnings) names the
        group, because only a change of that group takes it away.
      - A change of what is protected (C(protect)) is refused.
      - Where a device shows C(apply-groups) and marks nothing as brought in, RV(warnings) says that
        it is not known whether the reading lacks what these groups bring in.
    type: str
    choices: [merged, replaced, overridden, deleted, gathered, rendered, parsed]
    default: merged
  all:
    description: With state V(deleted), remove the block of every group.
    type: bool
    default: false
  running_config:
    description:
      - Junos configuration as XML, JSON, set lines or curly-brace text, for state V(parsed); a
        whole configuration, or the part below C([edit security group-vpn server]).
      - What a terminal puts around it (prompts, banners) is left out. Settings of configuration
        groups, logical systems and tenants are not the device's own and are not returned.
      - RV(warnings) names a logical system or tenant in which the same hierarchy stands; a device
        is not asked for what they have.
      - Text in which no Junos configuration is recognised is refused, and so is one that leaves out
        what is asked for (C(/* OMITTED */), C(/* ACCESS-DENIED */)).
      - RV(warnings) names each place where configuration groups are applied that may bring in more,
        and where those stand. Of C(show configuration | display inheritance | display xml)
        everything is read that is in force.
    type: str
seealso:
  - module: groupvpn.junos.registered_members_info
"""

EXAMPLES = r"""
- name: Let the server send unicast rekeys
  groupvpn.junos.server_member_communication:
    config:
      - group: GRP-0001
        communication_type: unicast
        encryption_algorithm: aes-256-cbc
        sig_hash_algorithm: sha-256
        lifetime_seconds: 7200

- name: Multicast rekeys on a Group VPNv1 server
  groupvpn.junos.server_member_communication:
    state: replaced
    config:
      - group: GRP-0002
        communication_type: multicast
        multicast_group: 233.252.0.1
        multicast_outgoing_interface: ge-0/0/1.0
        encryption_algorithm: aes-128-cbc
        sig_hash_algorithm: sha1

- name: Change it back after ten minutes unless a later commit confirms it
  groupvpn.junos.server_member_communication:
    commit_confirmed: 10
    commit_comment: shorter KEK lifetime
    config:
      - group: GRP-0001
        lifetime_seconds: 3600

- name: No rekeys for a group of dynamic peers
  groupvpn.junos.server_member_communication:
    state: deleted
    config:
      - group: GRP-0003

- name: Set lines for a change window, without a device
  groupvpn.junos.server_member_communication:
    state: rendered
    generation: v2
    config:
      - group: GRP-0001
        encryption_algorithm: aes-256-cbc
        sig_hash_algorithm: sha-384
"""

RETURN = r"""
before:
  description: Settings in force of all groups before the task.
  returned: for states merged, replaced, overridden and deleted
  type: list
  elements: dict
  sample: [{group: GRP-0001, encryption_algorithm: aes-128-cbc, sig_hash_algorithm: sha-256}]
after:
  description: Settings in force of all groups after the task (in check mode, as they would be).
  returned: for states merged, replaced, overridden and deleted
  type: list
  elements: dict
  sample: [{group: GRP-0001, encryption_algorithm: aes-256-cbc, sig_hash_algorithm: sha-256}]
commands:
  description: The change as set and delete commands.
  returned: for states merged, replaced, overridden, deleted and rendered
  type: list
  elements: str
  sample:
    - set security group-vpn server group GRP-0001 server-member-communication heartbeat 120
xml:
  description: The change as the Junos XML that is loaded.
  returned: for states merged, replaced, overridden, deleted and rendered
  type: str
  sample: <configuration>...</configuration>
diff:
  description: The change as C(show | compare) prints it, under C(prepared).
  returned: with --diff, when something changes
  type: dict
  sample: {prepared: "[edit security group-vpn server group GRP-0001 ...]"}
membership_reset:
  description: Groups whose member list the change clears.
  returned: for states merged, replaced, overridden and deleted
  type: list
  elements: str
  sample: [GRP-0001]
committed:
  description: Whether the device has committed this change; never in check mode.
  returned: for states merged, replaced, overridden and deleted
  type: bool
  sample: true
confirmation_awaited:
  description:
    - With O(commit_confirmed), the commit that this task has made, as the device's history shows
      it, by which M(groupvpn.junos.confirm_commit) tells it from one that was made since.
  returned: for states merged, replaced, overridden and deleted
  type: dict
  sample: {user: netops, client: netconf, at: 2026-10-05 22:03:43 UTC, minutes: 10, comment: ""}
confirmation_untold:
  description:
    - With O(commit_confirmed), whether the device does not mark in its history that the commit
      awaits confirmation. M(groupvpn.junos.confirm_commit) then confirms to be sure.
    - When nothing is to be changed, whether what is there may await the confirmation of an earlier
      run, and the device does not say. That is in doubt only while the newest commit is a confirmed
      one and its time is not over.
  returned: for states merged, replaced, overridden and deleted
  type: bool
  sample: false
confirms:
  description:
    - The confirmed commit, of whomever, that awaited its confirmation when this change was made. It
      is confirmed by this change, or taken back together with it.
  returned: for states merged, replaced, overridden and deleted
  type: dict
  sample: {user: netops, client: netconf, at: 2026-10-05 22:03:43 UTC, minutes: 10, comment: ""}
pending_confirmation:
  description:
    - With O(commit_confirmed) when nothing is to be changed, the earlier confirmed commit without
      whose confirmation the device takes these settings back.
  returned: for states merged, replaced, overridden and deleted
  type: dict
  sample: {user: netops, client: netconf, at: 2026-10-05 22:03:43 UTC, minutes: 10, comment: ""}
warnings:
  description:
    - What to know about the change, what the device warned about, and what went wrong after it had
      accepted the commit.
    - What is inactive, what comes from configuration groups, and what could not be read.
  returned: for all states but rendered
  type: list
  elements: str
  sample: []
gathered:
  description: Settings in force of all groups on the device.
  returned: for state gathered
  type: list
  elements: dict
  sample: [{group: GRP-0001, heartbeat: 120}]
inactive:
  description: Statements that are on the device, or in the text, and not in force.
  returned: for states gathered and parsed
  type: list
  elements: str
  sample: []
unread:
  description: Statements on the device, or in the text, that the collection does not know.
  returned: for states gathered and parsed
  type: list
  elements: str
  sample: []
rendered:
  description: Set lines for the given settings.
  returned: for state rendered
  type: str
  sample: set security group-vpn server group GRP-0001 server-member-communication heartbeat 120
parsed:
  description: Settings found in the given configuration.
  returned: for state parsed
  type: list
  elements: dict
  sample: [{group: GRP-0001, heartbeat: 120}]
"""

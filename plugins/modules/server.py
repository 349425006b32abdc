#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: server
short_description: Group VPN key servers on Junos SRX, whole
version_added: 1.0.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - Manages all of C([edit security group-vpn server]) on a Junos SRX key server of either Group VPN
    generation.
  - What something else refers to (a proposal, a policy, a gateway) must be there after the change;
    what is not is refused by name.
  - Only the difference is loaded, under a lock; when there is none, one RPC reads the
    configuration and nothing is locked. One task is one commit.
  - Pre-shared keys are compared by their meaning and appear in no return value; where they change,
    a mask stands in their place. A key that is not given stays as it is.
  - Runs on the controller, over NETCONF.
extends_documentation_fragment:
  - groupvpn.junos.attributes
  - groupvpn.junos.config.server
  - groupvpn.junos.resource
  - groupvpn.junos.resource.secrets
options:
  config:
    description:
      - The configuration; options are Junos' statements with underscores, lists in the plural.
        A statement without a value is V(true); V(false) takes it away.
      - Required for the states V(merged), V(replaced), V(overridden) and V(rendered). An empty
        dictionary is refused.
    type: dict
  state:
    description:
      - V(merged) adds to what is configured.
      - V(replaced) makes each named entry of a list exactly what is given, with all that is in it;
        entries that are not named stay. O(config.traceoptions) is replaced as a whole.
      - V(overridden) makes the whole hierarchy what is given.
      - V(deleted) removes the named entries with all that is in them, and the whole hierarchy with
        O(all=true). What is inside an outermost named entry does not matter.
      - V(gathered) reads what is in force on the device.
      - V(rendered) gives set lines and XML for O(config) without a device.
      - V(parsed) gives the settings in O(running_config) without a device.
      - What is inactive is not in force; it is named in RV(warnings), and activated when it is
        wanted. V(replaced) and V(overridden) leave it as it is where it is not. What configuration
        groups bring in (C(apply-groups)) is in force and is not set again; RV(warnings) names the
        group, because only a change of that group takes it away.
      - Of an inactive C([edit security]) in which a device shows nothing else, check mode does not
        know without O(validate_on_device).
      - A change of what is protected (C(protect)) is refused.
      - Where a device shows C(apply-groups) and marks nothing as brought in, RV(warnings) says that
        it is not known whether the reading lacks what these groups bring in.
    type: str
    choices: [merged, replaced, overridden, deleted, gathered, rendered, parsed]
    default: merged
  all:
    description: With state V(deleted), remove the whole hierarchy.
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
        what is asked for (C(/* OMITTED */), C(/* ACCESS-DENIED */)). A secret that is not shown
        (C(/* SECRET-DATA */)) is not known, which RV(warnings) says.
      - RV(warnings) names each place where configuration groups are applied that may bring in more,
        and where those stand. Of C(show configuration | display inheritance | display xml)
        everything is read that is in force.
    type: str
seealso:
  - module: groupvpn.junos.server_member_communication
"""

EXAMPLES = r"""
- name: A key server with one group of two members
  groupvpn.junos.server:
    config:
      ike:
        proposals:
          - name: PSK-SHA256
            authentication_method: pre-shared-keys
            authentication_algorithm: sha-256
            dh_group: group14
            encryption_algorithm: aes-256-cbc
        policies:
          - name: members
            mode: main
            proposals: [PSK-SHA256]
            pre_shared_key: "{{ vault_group_vpn_key }}"
        gateways:
          - {name: site-01, ike_policy: members, address: 198.51.100.1, local_address: 192.0.2.1}
          - {name: site-02, ike_policy: members, address: 198.51.100.2, local_address: 192.0.2.1}
      ipsec:
        proposals:
          - name: AES256
            authentication_algorithm: hmac-sha-256-128
            encryption_algorithm: aes-256-cbc
            lifetime_seconds: 3600
      groups:
        - name: GRP-0001
          group_id: 1
          ike_gateways: [site-01, site-02]
          anti_replay_time_window: 1000
          server_member_communication:
            communication_type: unicast
            encryption_algorithm: aes-256-cbc
            sig_hash_algorithm: sha-256
            lifetime_seconds: 7200
          ipsec_sas:
            - name: SA-1
              proposal: AES256
              match_policies:
                - {name: all, source: 10.0.0.0/8, destination: 10.0.0.0/8, protocol: 0}

- name: One more site
  groupvpn.junos.server:
    config:
      ike:
        gateways:
          - {name: site-03, ike_policy: members, address: 198.51.100.3, local_address: 192.0.2.1}
      groups:
        - name: GRP-0001
          ike_gateways: [site-03]

- name: Variables from a server that exists
  groupvpn.junos.server:
    state: gathered
  register: server
"""

RETURN = r"""
before:
  description: The configuration in force before the task, without keys.
  returned: for states merged, replaced, overridden and deleted
  type: dict
  sample: {groups: [{name: GRP-0001, group_id: 1, ike_gateways: [site-01]}]}
after:
  description:
    - The configuration in force after the task (in check mode, as it would be), without keys.
  returned: for states merged, replaced, overridden and deleted
  type: dict
  sample: {groups: [{name: GRP-0001, group_id: 1, ike_gateways: [site-01]}]}
commands:
  description: The change as set, delete and insert commands; keys are masked.
  returned: for states merged, replaced, overridden, deleted and rendered
  type: list
  elements: str
  sample:
    - set security group-vpn server group GRP-0001 ike-gateway site-03
xml:
  description: The change as the Junos XML that is loaded; keys are masked.
  returned: for states merged, replaced, overridden, deleted and rendered
  type: str
  sample: <configuration>...</configuration>
diff:
  description: The change as C(show | compare) prints it, under C(prepared); keys are masked.
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
  description: The configuration in force on the device, without keys.
  returned: for state gathered
  type: dict
  sample: {groups: [{name: GRP-0001, group_id: 1, ike_gateways: [site-01]}]}
inactive:
  description: Statements that are on the device, or in the text, and not in force.
  returned: for states gathered and parsed
  type: list
  elements: str
  sample: []
unread:
  description:
    - Statements on the device, or in the text, that the collection does not know; and of a text the
      same hierarchy of a logical system or a tenant.
  returned: for states gathered and parsed
  type: list
  elements: str
  sample: []
rendered:
  description: Set lines for the given settings.
  returned: for state rendered
  type: str
  sample: set security group-vpn server group GRP-0001 ike-gateway site-03
parsed:
  description: The configuration found in the given text, without keys.
  returned: for state parsed
  type: dict
  sample: {groups: [{name: GRP-0001, group_id: 1, ike_gateways: [site-01]}]}
"""

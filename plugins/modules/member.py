#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: member
short_description: Group VPN members on Junos SRX, whole
version_added: 1.0.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - Manages all of C([edit security group-vpn member]) on a Junos SRX of either Group VPN
    generation, and what attaches its VPNs to zones, C([edit security ipsec-policy]) in Group VPNv2
    and security policies with a tunnel in Group VPNv1. Other security policies are left alone.
  - What something else refers to (a proposal, a policy, a gateway, a VPN) must be there after the
    change; what is not is refused by name.
  - Only the difference is loaded, under a lock; when there is none, one RPC reads the
    configuration and nothing is locked. One task is one commit.
  - Pre-shared keys are compared by their meaning and appear in no return value; where they change,
    a mask stands in their place. A key that is not given stays as it is.
  - Zones, interfaces, applications and names of address books are taken as they are; what is not
    there the device refuses.
  - Runs on the controller, over NETCONF.
extends_documentation_fragment:
  - groupvpn.junos.attributes
  - groupvpn.junos.config.member
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
        entries that are not named stay. O(config.ike.traceoptions) is
        replaced as a whole.
      - V(overridden) makes the whole hierarchy what is given.
      - V(deleted) removes the named entries with all that is in them, and the whole hierarchy with
        O(all=true). What is inside an outermost named entry does not matter.
      - V(gathered) reads what is in force on the device.
      - V(rendered) gives set lines and XML for O(config) without a device.
      - V(parsed) gives the settings in O(running_config) without a device.
      - What is inactive is not in force; it is named in RV(warnings), and activated when it is
        wanted. V(replaced) and V(overridden) leave it as it is where it is not. What others have a
        part in, such as C([edit security policies]), is not activated, but refused. What
        configuration groups bring in (C(apply-groups)) is in force and is not set again;
        RV(warnings) names the group, because only a change of that group takes it away.
      - Of an inactive C([edit security]) in which a device shows nothing else, check mode does not
        know without O(validate_on_device).
      - A change of what is protected (C(protect)) is refused.
      - Where a device shows C(apply-groups) and marks nothing as brought in, RV(warnings) says that
        it is not known whether the reading lacks what these groups bring in.
    type: str
    choices: [merged, replaced, overridden, deleted, gathered, rendered, parsed]
    default: merged
  all:
    description:
      - With state V(deleted), remove the whole hierarchy, and what attaches its VPNs.
      - Tunnel policies that are inactive, or whose tunnel is, stay.
    type: bool
    default: false
  running_config:
    description:
      - Junos configuration as XML, JSON, set lines or curly-brace text, for state V(parsed); a
        whole configuration, or the part below C([edit security]).
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
  - module: groupvpn.junos.server
"""

EXAMPLES = r"""
- name: A member of one group, attached to its zones
  groupvpn.junos.member:
    config:
      ike:
        proposals:
          - name: PSK-SHA256
            authentication_method: pre-shared-keys
            authentication_algorithm: sha-256
            dh_group: group14
            encryption_algorithm: aes-256-cbc
            lifetime_seconds: 14400
        policies:
          - name: servers
            mode: main
            proposals: [PSK-SHA256]
            pre_shared_key: "{{ vault_group_vpn_key }}"
        gateways:
          - name: servers
            ike_policy: servers
            server_addresses: [192.0.2.1, 192.0.2.2]
            local_address: 198.51.100.1
      ipsec:
        vpns:
          - name: GRP-0001
            ike_gateway: servers
            group_vpn_external_interface: ge-0/0/1.0
            group: 1
            recovery_probe: true
      policies:
        - {from_zone: LAN, to_zone: WAN, vpn: GRP-0001}

- name: Management stays in the clear
  groupvpn.junos.member:
    config:
      ipsec:
        vpns:
          - name: GRP-0001
            exclude_rules:
              - {name: management, source_address: 10.0.0.0/8, destination_address: 192.0.2.0/24}

- name: The same attachment in Group VPNv1, by a policy with a name of its own
  groupvpn.junos.member:
    config:
      policies:
        - from_zone: LAN
          to_zone: WAN
          vpn: GRP-0001
          policy: scope
          source_addresses: [branch-nets]
          destination_addresses: [branch-nets]
          applications: [any]

- name: Variables from a member that exists
  groupvpn.junos.member:
    state: gathered
  register: member
"""

RETURN = r"""
before:
  description: The configuration in force before the task, without keys.
  returned: for states merged, replaced, overridden and deleted
  type: dict
  sample: {policies: [{from_zone: LAN, to_zone: WAN, vpn: GRP-0001}]}
after:
  description:
    - The configuration in force after the task (in check mode, as it would be), without keys.
  returned: for states merged, replaced, overridden and deleted
  type: dict
  sample: {policies: [{from_zone: LAN, to_zone: WAN, vpn: GRP-0001}]}
commands:
  description: The change as set, delete and insert commands; keys are masked.
  returned: for states merged, replaced, overridden, deleted and rendered
  type: list
  elements: str
  sample:
    - set security group-vpn member ipsec vpn GRP-0001 group 1
xml:
  description: The change as the Junos XML that is loaded; keys are masked.
  returned: for states merged, replaced, overridden, deleted and rendered
  type: str
  sample: <configuration>...</configuration>
diff:
  description: The change as C(show | compare) prints it, under C(prepared); keys are masked.
  returned: with --diff, when something changes
  type: dict
  sample: {prepared: "[edit security group-vpn member ipsec vpn GRP-0001]"}
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
  sample: {policies: [{from_zone: LAN, to_zone: WAN, vpn: GRP-0001}]}
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
  sample: set security group-vpn member ipsec vpn GRP-0001 group 1
parsed:
  description: The configuration found in the given text, without keys.
  returned: for state parsed
  type: dict
  sample: {policies: [{from_zone: LAN, to_zone: WAN, vpn: GRP-0001}]}
"""

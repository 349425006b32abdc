#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: member
short_description: Group VPN members on Junos SRX, whole
version_added: 0.1.0
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
  - groupvpn.junos.resource
  - groupvpn.junos.resource.secrets
options:
  config:
    description:
      - The configuration; options are Junos' statements with underscores, lists in the plural.
      - Required for the states V(merged), V(replaced), V(overridden) and V(rendered). An empty
        dictionary is refused.
    type: dict
    suboptions:
      ike:
        description:
        - Phase 1 with key servers.
        type: dict
        suboptions:
          traceoptions:
            description:
            - Tracing of key management.
            - Group VPNv2 only.
            type: dict
            suboptions:
              no_remote_trace:
                description:
                - Do not trace to a remote host.
                type: bool
              file:
                description:
                - File that is traced to.
                type: dict
                suboptions:
                  filename:
                    description:
                    - Name of the file.
                    type: str
                  size:
                    description:
                    - Largest size, such as 10m.
                    type: str
                  files:
                    description:
                    - How many files are kept.
                    - 2 to 1000.
                    - The device uses V(3) when it is not set.
                    type: int
                  world_readable:
                    description:
                    - Anybody may read the file.
                    type: bool
                  no_world_readable:
                    description:
                    - Not everybody may read the file.
                    type: bool
                  match:
                    description:
                    - Regular expression for lines to trace.
                    type: str
              level:
                description:
                - Least severe messages to trace.
                - Group VPNv2 only.
                - The device uses V(error) when it is not set.
                type: str
                choices:
                - error
                - warning
                - notice
                - info
                - verbose
                - all
              flags:
                description:
                - What is traced.
                type: list
                elements: str
              gateway_filter:
                description:
                - Trace one pair of peers.
                - Group VPNv2 only.
                type: dict
                suboptions:
                  local_address:
                    description:
                    - Our address.
                    type: str
                  remote_address:
                    description:
                    - The peer's address.
                    type: str
          proposals:
            description:
            - 'IKE proposals: the algorithms of phase 1.'
            type: list
            elements: dict
            suboptions:
              name:
                description:
                - Name of the proposal.
                type: str
                required: true
              description:
                description:
                - Text that describes it.
                type: str
              authentication_method:
                description:
                - How the two sides prove who they are.
                - Group VPNv1 takes V(pre-shared-keys), V(rsa-signatures).
                - Group VPNv2 takes V(pre-shared-keys).
                type: str
                choices:
                - pre-shared-keys
                - rsa-signatures
              dh_group:
                description:
                - Diffie-Hellman group.
                - Group VPNv1 takes V(group1), V(group2), V(group5), V(group14).
                - Group VPNv2 takes V(group14), V(group24).
                type: str
                choices:
                - group1
                - group2
                - group5
                - group14
                - group24
              authentication_algorithm:
                description:
                - Hash of phase 1.
                - Group VPNv1 takes V(md5), V(sha-256), V(sha1).
                - Group VPNv2 takes V(sha-256), V(sha-384).
                type: str
                choices:
                - md5
                - sha-256
                - sha1
                - sha-384
              encryption_algorithm:
                description:
                - Encryption of phase 1.
                - Group VPNv1 takes V(3des-cbc), V(aes-128-cbc), V(aes-192-cbc), V(aes-256-cbc),
                  V(des-cbc).
                - Group VPNv2 takes V(aes-128-cbc), V(aes-192-cbc), V(aes-256-cbc).
                type: str
                choices:
                - 3des-cbc
                - aes-128-cbc
                - aes-192-cbc
                - aes-256-cbc
                - des-cbc
              lifetime_seconds:
                description:
                - Lifetime of phase 1; the member's is the one that counts.
                - 180 to 86400 seconds.
                - The device uses V(180) when it is not set.
                type: int
          policies:
            description:
            - 'IKE policies: mode, proposals and key of phase 1.'
            type: list
            elements: dict
            suboptions:
              name:
                description:
                - Name of the policy.
                type: str
                required: true
              mode:
                description:
                - Mode of phase 1.
                - The device uses V(main) when it is not set.
                type: str
                choices:
                - main
                - aggressive
              description:
                description:
                - Text that describes it.
                type: str
              proposals:
                description:
                - Names of IKE proposals, the preferred one first.
                type: list
                elements: str
              certificate:
                description:
                - Certificates instead of a pre-shared key.
                - Group VPNv1 only.
                type: dict
                suboptions:
                  local_certificate:
                    description:
                    - Identifier of the local certificate.
                    type: str
                  peer_certificate_type:
                    description:
                    - Form of the peer's certificate.
                    - Group VPNv1 only.
                    type: str
                    choices:
                    - pkcs7
                    - x509-signature
              proposal_set:
                description:
                - A set of proposals that Junos defines.
                - Group VPNv1 only.
                type: str
                choices:
                - basic
                - compatible
                - standard
              pre_shared_key:
                description:
                - Key that both sides share; a plain value is taken for its ascii_text.
                - Or a dictionary with C(ascii_text) or C(hexadecimal).
                type: raw
          gateways:
            description:
            - 'IKE gateways: the key servers.'
            type: list
            elements: dict
            suboptions:
              name:
                description:
                - Name of the gateway.
                type: str
                required: true
              ike_policy:
                description:
                - Name of an IKE policy.
                type: str
              server_addresses:
                description:
                - Addresses of key servers, the one to try first in front; at most 4.
                - Group VPNv2 only.
                type: list
                elements: str
              addresses:
                description:
                - Addresses or host names of key servers.
                - Group VPNv1 only.
                type: list
                elements: str
              local_identity:
                description:
                - What the member says that it is.
                type: dict
                suboptions:
                  inet:
                    description:
                    - An IPv4 address.
                    type: dict
                    suboptions:
                      identity_ipv4:
                        description:
                        - An IPv4 address.
                        type: str
                  hostname:
                    description:
                    - A host name.
                    type: dict
                    suboptions:
                      identity_hostname:
                        description:
                        - A host name.
                        type: str
                  user_at_hostname:
                    description:
                    - An e-mail address.
                    type: dict
                    suboptions:
                      identity_user:
                        description:
                        - An e-mail address.
                        type: str
                  distinguished_name:
                    description:
                    - The name in the certificate.
                    - Group VPNv1 only.
                    type: bool
              remote_identity:
                description:
                - What the server has to say that it is.
                - Group VPNv2 only.
                type: dict
                suboptions:
                  inet:
                    description:
                    - An IPv4 address.
                    type: dict
                    suboptions:
                      identity_ipv4:
                        description:
                        - An IPv4 address.
                        type: str
                  hostname:
                    description:
                    - A host name.
                    type: dict
                    suboptions:
                      identity_hostname:
                        description:
                        - A host name.
                        type: str
                  user_at_hostname:
                    description:
                    - An e-mail address.
                    type: dict
                    suboptions:
                      identity_user:
                        description:
                        - An e-mail address.
                        type: str
                  distinguished_name:
                    description:
                    - The name in the certificate.
                    - Group VPNv1 only.
                    type: bool
              local_address:
                description:
                - Address that the member uses towards the server.
                type: str
              routing_instance:
                description:
                - Routing instance that the peer is reached through.
                - Group VPNv2 only.
                - The device uses V(default) when it is not set.
                type: str
      ipsec:
        description:
        - The groups.
        type: dict
        suboptions:
          vpns:
            description:
            - The groups that the device is a member of.
            type: list
            elements: dict
            suboptions:
              name:
                description:
                - Name of the VPN.
                type: str
                required: true
              ike_gateway:
                description:
                - Name of an IKE gateway.
                type: str
              group_vpn_external_interface:
                description:
                - Logical interface that protected traffic leaves and arrives by.
                type: str
              group:
                description:
                - Number of the group.
                - Group VPNv1 takes 1 to 65535.
                - Group VPNv2 takes 1 to 4294967295.
                type: int
              heartbeat_threshold:
                description:
                - Heartbeats that may be missed until the member registers again; deprecated in
                  Group VPNv2.
                - 0 to 10.
                - The device uses V(3) when it is not set.
                type: int
              recovery_probe:
                description:
                - Ask the server when keys seem to be out of step.
                - Group VPNv2 only.
                type: bool
              df_bit:
                description:
                - What becomes of the bit 'don't fragment' in the outer header.
                - Group VPNv2 only.
                - The device uses V(clear) when it is not set.
                type: str
                choices:
                - clear
                - set
                - copy
              fail_open_rules:
                description:
                - Traffic that passes in the clear as long as there are no keys.
                - Group VPNv2 only.
                type: list
                elements: dict
                suboptions:
                  name:
                    description:
                    - Name of the rule.
                    type: str
                    required: true
                  source_address:
                    description:
                    - IPv4 prefix of senders.
                    type: str
                  destination_address:
                    description:
                    - IPv4 prefix of receivers.
                    type: str
                  application:
                    description:
                    - Name of an application of the device.
                    type: str
              exclude_rules:
                description:
                - Traffic that always passes in the clear.
                - Group VPNv2 only.
                type: list
                elements: dict
                suboptions:
                  name:
                    description:
                    - Name of the rule.
                    type: str
                    required: true
                  source_address:
                    description:
                    - IPv4 prefix of senders.
                    type: str
                  destination_address:
                    description:
                    - IPv4 prefix of receivers.
                    type: str
                  application:
                    description:
                    - Name of an application of the device.
                    type: str
      policies:
        description:
        - 'Pairs of zones that a VPN is attached to: C(security ipsec-policy), in Group VPNv1 a
          security policy with a tunnel.'
        type: list
        elements: dict
        suboptions:
          from_zone:
            description:
            - Zone that traffic comes from.
            type: str
            required: true
          to_zone:
            description:
            - Zone that traffic goes to.
            type: str
            required: true
          vpn:
            description:
            - Name of the VPN; not needed to take the attachment away.
            type: str
          policy:
            description:
            - Name of a security policy with a tunnel. Group VPNv1 always has such policies; a new
              one is called as the VPN unless this is given. Group VPNv2 has them only if this is
              given, and calls them deprecated.
            type: str
          source_addresses:
            description:
            - Address book names of senders, for a tunnel policy; V(any) for a new one.
            type: list
            elements: str
          destination_addresses:
            description:
            - Address book names of receivers, for a tunnel policy; V(any) for a new one.
            type: list
            elements: str
          applications:
            description:
            - Applications, for a tunnel policy; V(any) for a new one.
            type: list
            elements: str
          pair_policy:
            description:
            - Name of the tunnel policy of the reverse way.
            type: str
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
        wanted. What configuration groups bring in (C(apply-groups)) is in force and is not set
        again; RV(warnings) names the group, because only a change of that group takes it away.
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
        whole configuration, or the part below C([edit security]).
      - What a terminal puts around it (prompts, banners) is left out. Settings of configuration
        groups, logical systems and tenants are not the device's own and are not returned. Text in
        which no Junos configuration is recognised is refused.
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

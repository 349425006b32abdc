#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: server
short_description: Group VPN key servers on Junos SRX, whole
version_added: 0.1.0
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
      traceoptions:
        description:
        - Tracing of key management.
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
      ike:
        description:
        - Phase 1 with members and other servers.
        type: dict
        suboptions:
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
            - 'IKE gateways: the members, and the other servers of a cluster.'
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
              address:
                description:
                - Address or host name of the peer.
                type: str
              dynamic:
                description:
                - A peer whose address is not known beforehand, and how it is known.
                type: dict
                suboptions:
                  distinguished_name:
                    description:
                    - Parts of the name in its certificate.
                    - Group VPNv1 only.
                    type: dict
                    suboptions:
                      container:
                        description:
                        - Parts in their order.
                        type: str
                      wildcard:
                        description:
                        - Parts in any order.
                        type: str
                  hostname:
                    description:
                    - A host name.
                    type: str
                  inet:
                    description:
                    - An IPv4 address.
                    type: str
                  user_at_hostname:
                    description:
                    - An e-mail address.
                    type: str
              dead_peer_detection:
                description:
                - Ask whether the peer is alive; for the other servers of a cluster.
                - Group VPNv2 only.
                type: dict
                suboptions:
                  always_send:
                    description:
                    - Ask whether there is traffic or not.
                    type: bool
                  interval:
                    description:
                    - Time between two questions.
                    - Group VPNv2 only.
                    - 10 to 60 seconds.
                    - The device uses V(10) when it is not set.
                    type: int
                  threshold:
                    description:
                    - Questions without an answer until it is dead.
                    - Group VPNv2 only.
                    - 1 to 5.
                    - The device uses V(5) when it is not set.
                    type: int
              local_identity:
                description:
                - What the server says that it is.
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
                - What the peer has to say that it is.
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
                - Address that the server uses towards the peer.
                - Group VPNv2 only.
                type: str
              routing_instance:
                description:
                - Routing instance that the peer is reached through.
                - Group VPNv2 only.
                - The device uses V(default) when it is not set.
                type: str
      ipsec:
        description:
        - Protection of traffic between members.
        type: dict
        suboptions:
          proposals:
            description:
            - 'IPsec proposals: the algorithms of protected traffic.'
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
              authentication_algorithm:
                description:
                - Integrity of protected traffic.
                - Group VPNv1 takes V(hmac-md5-96), V(hmac-sha-256-128), V(hmac-sha1-96).
                - Group VPNv2 takes V(hmac-sha-256-128).
                type: str
                choices:
                - hmac-md5-96
                - hmac-sha-256-128
                - hmac-sha1-96
              encryption_algorithm:
                description:
                - Encryption of protected traffic.
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
                - Lifetime of traffic keys; the device uses 3600 when it is not set.
                - 180 to 86400 seconds.
                type: int
      groups:
        description:
        - The groups that the server serves.
        type: list
        elements: dict
        suboptions:
          name:
            description:
            - Name of the group.
            type: str
            required: true
          description:
            description:
            - Text that describes it.
            type: str
          group_id:
            description:
            - Number of the group.
            - Group VPNv1 takes 1 to 65535.
            - Group VPNv2 takes 1 to 4294967295.
            type: int
          member_threshold:
            description:
            - Most members that may register.
            - Group VPNv2 only.
            - 0 to 4294967295.
            type: int
          server_cluster:
            description:
            - Servers that serve the group together.
            - Group VPNv2 only.
            type: dict
            suboptions:
              server_role:
                description:
                - Role of this server.
                - Group VPNv2 only.
                type: str
                choices:
                - root-server
                - sub-server
              ike_gateways:
                description:
                - IKE gateways of the other servers.
                type: list
                elements: str
              retransmission_period:
                description:
                - Time until a message to another server is sent again.
                - Group VPNv2 only.
                - 2 to 60 seconds.
                - The device uses V(10) when it is not set.
                type: int
          ike_gateways:
            description:
            - IKE gateways of the members that may register.
            type: list
            elements: str
          activation_time_delay:
            description:
            - Time after which new keys are used; deprecated in Group VPNv2.
            - 10 to 900 seconds.
            - The device uses V(15) when it is not set.
            type: int
          anti_replay_time_window:
            description:
            - 'Largest age of a packet: seconds in Group VPNv1, milliseconds in Group VPNv2.'
            - Group VPNv1 takes 60 to 360.
            - Group VPNv2 takes 1 to 60000.
            type: int
          no_anti_replay:
            description:
            - Accept packets of any age.
            - Group VPNv1 only.
            type: bool
          server_address:
            description:
            - Address that the server serves the group at.
            - Group VPNv1 only.
            type: str
          server_member_communication:
            description:
            - Rekey messages from the server to the group's members.
            type: dict
            suboptions:
              communication_type:
                description:
                - Whether rekey messages go to each member (unicast) or to a multicast group.
                - Group VPNv1 takes V(unicast), V(multicast).
                - Group VPNv2 takes V(unicast).
                - The device uses V(unicast) when it is not set.
                type: str
                choices:
                - unicast
                - multicast
              multicast_group:
                description:
                - Multicast group that rekey messages are sent to.
                - Group VPNv1 only.
                type: str
              multicast_outgoing_interface:
                description:
                - Interface that multicast rekey messages leave by.
                - Group VPNv1 only.
                type: str
              lifetime_seconds:
                description:
                - Lifetime of the key encryption key (KEK).
                - Group VPNv1 takes 180 to 86400 seconds.
                - Group VPNv2 takes 300 to 86400 seconds.
                - The device uses V(3600) when it is not set.
                type: int
              retransmission_period:
                description:
                - Time between a unicast rekey message and its retransmission.
                - 2 to 60 seconds.
                - The device uses V(10) when it is not set.
                type: int
              number_of_retransmission:
                description:
                - How often an unacknowledged unicast rekey message is sent again.
                - 0 to 60.
                - The device uses V(2) when it is not set.
                type: int
              heartbeat:
                description:
                - Interval of heartbeat messages; deprecated in Group VPNv2.
                - 60 to 3600 seconds.
                - The device uses V(300) when it is not set.
                type: int
              encryption_algorithm:
                description:
                - Encryption of rekey messages; the device has no default.
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
              sig_hash_algorithm:
                description:
                - Hash of the rekey signature; the device has no default.
                - Group VPNv1 takes V(md5), V(sha1).
                - Group VPNv2 takes V(sha-256), V(sha-384).
                type: str
                choices:
                - md5
                - sha1
                - sha-256
                - sha-384
              certificate:
                description:
                - Local certificate (RSA) whose key signs rekey messages.
                type: str
          ipsec_sas:
            description:
            - Security associations that members receive.
            type: list
            elements: dict
            suboptions:
              name:
                description:
                - Name of the security association.
                type: str
                required: true
              proposal:
                description:
                - Name of an IPsec proposal.
                type: str
              match_policies:
                description:
                - Traffic that is protected.
                type: list
                elements: dict
                suboptions:
                  name:
                    description:
                    - Name of the match policy.
                    type: str
                    required: true
                  source:
                    description:
                    - IPv4 prefix of senders.
                    type: str
                  destination:
                    description:
                    - IPv4 prefix of receivers.
                    type: str
                  source_port:
                    description:
                    - Port of senders, 0 for any.
                    - 0 to 65535.
                    type: int
                  destination_port:
                    description:
                    - Port of receivers, 0 for any.
                    - 0 to 65535.
                    type: int
                  protocol:
                    description:
                    - IP protocol, 0 for any.
                    - 0 to 254.
                    type: int
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
        whole configuration, or the part below C([edit security group-vpn server]).
      - What a terminal puts around it (prompts, banners) is left out. Settings of configuration
        groups, logical systems and tenants are not the device's own and are not returned. Text in
        which no Junos configuration is recognised is refused.
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

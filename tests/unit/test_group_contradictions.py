# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What contradicts itself in a description is refused: all of it, by host, with a remedy."""

from __future__ import annotations

import contextlib
import copy
import re
from ipaddress import ip_network
from itertools import product

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import Refused
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.contradictions import refusals
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.expand import configurations
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.prefixes import (
    covered,
    overlapping,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.reading import read
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.conduct import conduct
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.order import Order
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.variables import (
    unknown,
    unreadable,
)
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.descriptions import HUBS, SITES, UNICAST, contradictions, group_of, hosts_of

V1_BLOCK = {"encryption_algorithm": "aes-128-cbc", "sig_hash_algorithm": "sha1"}
V1_HUB = {"generation": "v1"}


ZONES_OF_TWO = {"LAN": "BRANCHES", "DMZ": "OTHER"}
QUARTERS = [
    "10.0.0.0/30",
    *(f"10.0.0.{n}/31" for n in (0, 2)),
    *(f"10.0.0.{n}/32" for n in range(4)),
]


def everything(generation):
    return {name.replace("-", "_"): {"generation": generation} for name in ("hub-1", *SITES)}


CASES = {
    "a member without a key": (
        {},
        {"site_1": {"pre_shared_key": None}},
        "site-1: group_vpn_pre_shared_key: missing; set 'group_vpn_pre_shared_key'",
    ),
    "a member without an address": (
        {},
        {"site_1": {"address": None}},
        "site-1: group_vpn_address: missing",
    ),
    "a member without an interface": (
        {},
        {"site_2": {"external_interface": None}},
        "site-2: group_vpn_external_interface: missing",
    ),
    "a server without an address": (
        {},
        {"hub_1": {"address": None}},
        "hub-1: group_vpn_address: missing",
    ),
    "two members with one address": (
        {},
        {"site_2": {"address": "198.51.100.1"}},
        "site-1, site-2: group_vpn_address 198.51.100.1: these have the same address",
    ),
    "an unmanaged member with a managed one's address": (
        {"unmanaged_members": [{"name": "old", "address": "198.51.100.3", "pre_shared_key": "k"}]},
        {},
        "site-3, old: group_vpn_address 198.51.100.3",
    ),
    "a server that is a member": (
        {"members": ["branches", "hub-1"]},
        {},
        "hub-1: group_vpn_groups[BRANCHES].members",
    ),
    "a key that is blank": (
        {},
        {"site_1": {"pre_shared_key": "  "}},
        "site-1: group_vpn_pre_shared_key: blank",
    ),
    "a key that nobody filled in": (
        {},
        {"site_1": {"pre_shared_key": "{{ vault_site_1 }}"}},
        "site-1: group_vpn_pre_shared_key: blank, or a template",
    ),
    "a server that comes from anywhere": (
        {},
        {"hub_1": {"dynamic": {"hostname": "hub.example.net"}}},
        "hub-1: group_vpn_dynamic: members of BRANCHES have to know",
    ),
    "a host that is nowhere": ({"members": ["nowhere"]}, {}, "members nowhere: neither a host"),
    "a group without traffic": ({"match_policies": []}, {}, "match_policies: missing"),
    "an algorithm that v2 has not": (
        {"ike_proposal": {"encryption_algorithm": "3des-cbc"}},
        {},
        "[BRANCHES].ike_proposal.encryption_algorithm 3des-cbc: Group VPNv2 takes",
    ),
    "multicast in v2": (
        {"server_member_communication": {**UNICAST, "communication_type": "multicast"}},
        {},
        "communication_type multicast: Group VPNv2 takes unicast",
    ),
    "a lifetime out of range": (
        {"ipsec_proposal": {"lifetime_seconds": 99999}},
        {},
        "ipsec_proposal.lifetime_seconds 99999: Group VPNv2 takes 180 to 86400",
    ),
    "a key that cannot be stored": (
        {},
        {"site_1": {"pre_shared_key": "schlüssel"}},
        "printable ASCII characters are expected",
    ),
    "a name that is too long": (
        {},
        {"site_1": {"name": "x" * 33}},
        "set a shorter 'group_vpn_name'",
    ),
    "two members of one name": (
        {},
        {"site_1": {"name": "site-2"}},
        "site-1, site-2: group_vpn_name site-2",
    ),
    "retransmissions that last too long": (
        {
            "server_member_communication": {
                **UNICAST,
                "retransmission_period": 10,
                "number_of_retransmission": 3,
            }
        },
        {},
        "number_of_retransmission 3: 3 retransmissions every 10 s last as long",
    ),
    "a lifetime below ten activation delays": (
        {"activation_time_delay": 60, "ipsec_proposal": {"lifetime_seconds": 300}},
        {},
        "ipsec_proposal.lifetime_seconds 300: a key has to live for 10 activation delays of 60 s",
    ),
    "a key for rekeying that lives below ten activation delays": (
        {
            "activation_time_delay": 60,
            "server_member_communication": {**UNICAST, "lifetime_seconds": 300},
        },
        {},
        "server_member_communication.lifetime_seconds 300: a key has to live for 10 activation "
        "delays of 60 s",
    ),
    "heartbeats that outlast the key": (
        {"server_member_communication": {**UNICAST, "heartbeat": 1500}},
        {},
        "heartbeat 1500: 3 missed heartbeats",
    ),
    "heartbeats of a group that says how many may be missed": (
        {
            "server_member_communication": {**UNICAST, "heartbeat": 1500},
            "heartbeat_threshold": 10,
        },
        {},
        "heartbeat 1500: 10 missed heartbeats",
    ),
    "traffic that covers the server": (
        {"match_policies": [{"name": "all", "source": "0.0.0.0/0", "destination": "0.0.0.0/0"}]},
        {},
        "covers the way to its server hub-1 (192.0.2.1): it would lock itself out",
    ),
    "traffic that covers the server, from wherever a member is": (
        {
            "members": ["site-1"],
            "match_policies": [
                {"name": "all", "source": "192.0.2.0/24", "destination": "0.0.0.0/0"}
            ],
        },
        {"site_1": {"address": None, "dynamic": {"hostname": "one.example.net"}}},
        "site-1: group_vpn_groups[BRANCHES].match_policies all (192.0.2.0/24 to 0.0.0.0/0): covers "
        "the way to its server hub-1",
    ),
    "traffic that covers the management": (
        {
            "match_policies": [
                {"name": "out", "source": "203.0.113.0/24", "destination": "0.0.0.0/0"}
            ]
        },
        {"site_1": {"management": "203.0.113.7"}},
        "match_policies out (203.0.113.0/24 to 0.0.0.0/0): covers the way to where it is managed",
    ),
    "five servers": (
        {"servers": ["hub-1", "hub-2", "hub-3", "site-1", "site-2"], "members": ["site-3"]},
        {},
        "at most 4 servers",
    ),
    "eleven match policies": (
        {
            "match_policies": [
                {"name": f"p{n}", "source": f"10.{n}.0.0/16", "destination": "10.99.0.0/16"}
                for n in range(11)
            ]
        },
        {},
        "11 entries, and a device takes 10",
    ),
    "a v2 member at a v1 server": (
        {"server_member_communication": V1_BLOCK},
        {"hub_1": V1_HUB},
        "site-1: group_vpn_generation v2",
    ),
    "a v1 member at a v2 server with what v1 has not": (
        {"ike_proposal": {"dh_group": "group24"}},
        {"site_1": {"generation": "v1"}},
        "site-1: group_vpn_groups[BRANCHES].ike_proposal.dh_group group24: Group VPNv1 takes",
    ),
    "a v2 member at a v1 server's integrity that v2 has not": (
        {
            "server_member_communication": V1_BLOCK,
            "ipsec_proposal": {
                "encryption_algorithm": "aes-128-cbc",
                "authentication_algorithm": "hmac-sha1-96",
            },
        },
        {"hub_1": V1_HUB},
        "ipsec_proposal.authentication_algorithm hmac-sha1-96: Group VPNv2 takes hmac-sha-256-128",
    ),
    "a v1 member at a v2 server behind a changing address": (
        {},
        {"site_1": {"generation": "v1", "dynamic": {"hostname": "one.example.net"}}},
        "site-1: group_vpn_dynamic: a v1 member at a v2 server needs main mode",
    ),
    "units of replay protection that differ": (
        {"anti_replay_time_window": 100},
        {"site_1": {"generation": "v1"}},
        "site-1: group_vpn_groups[BRANCHES].anti_replay_time_window 100: seconds",
    ),
    "two servers without a cluster": (
        {"servers": ["hub-1", "hub-2"], "server_member_communication": V1_BLOCK},
        {**everything("v1"), "hub_2": V1_HUB},
        "Group VPNv1 has no server cluster",
    ),
    "a cluster without a key": (
        {"servers": ["hub-1", "hub-2"]},
        {"hub_1": {"pre_shared_key": None}},
        "hub-1: group_vpn_pre_shared_key: missing; the servers of BRANCHES",
    ),
    "the same traffic twice": (
        {
            "server_member_communication": V1_BLOCK,
            "match_policies": [
                {"name": n, "source": "10.0.0.0/8", "destination": "10.0.0.0/8"} for n in ("a", "b")
            ],
        },
        everything("v1"),
        "b (10.0.0.0/8 to 10.0.0.0/8): takes traffic that a (10.0.0.0/8 to 10.0.0.0/8) takes, too",
    ),
    "a group number that v1 has not": (
        {"server_member_communication": V1_BLOCK},
        everything("v1"),
        "[BRANCHES].group_id 70000: Group VPNv1 takes 1 to 65535",
    ),
    "an unknown word": ({"wings": []}, {}, "wings: unknown; it takes name"),
    "a word of the wrong kind": (
        {"group_id": "seven"},
        {},
        "group_id seven: a whole number is expected",
    ),
    "a number without end": (
        {"group_id": "9" * 5000},
        {},
        "a whole number is expected",
    ),
    "a misspelt word of rekeys": (
        {"server_member_communication": {**UNICAST, "lifetime": 3600}},
        {},
        "server_member_communication.lifetime: unknown; did you mean 'lifetime_seconds'? it takes",
    ),
    "a misspelt word of a proposal": (
        {"ike_proposal": {"dh": "group24"}},
        {},
        "group_vpn_groups[BRANCHES].ike_proposal.dh: unknown; it takes",
    ),
    "a proposal with a name of its own": (
        {"ipsec_proposal": {"name": "mine"}},
        {},
        "ipsec_proposal.name: unknown",
    ),
    "a misspelt word of traffic": (
        {"match_policies": [{"name": "a", "sorce": "10.0.0.0/8", "destination": "10.0.0.0/8"}]},
        {},
        "match_policies[a].sorce: unknown; did you mean 'source'? it takes name",
    ),
    "a policy that is a word": (
        {"match_policies": ["all"]},
        {},
        "match_policies[0]: a mapping is expected",
    ),
    "a misspelt word of a rule": (
        {"exclude_rules": [{"name": "ks", "source": "10.0.0.0/8"}]},
        {},
        "exclude_rules[ks].source: unknown; did you mean 'source_address'?",
    ),
    "a number that is a word": (
        {"server_member_communication": {**UNICAST, "retransmission_period": "ten"}},
        {},
        "server_member_communication.retransmission_period ten: a whole number is expected",
    ),
    "a misspelt word of a host's zones": (
        {},
        {"site_1": {"policies": [{"from_zone": "A", "to_zone": "B", "gruop": "BRANCHES"}]}},
        "site-1: group_vpn_policies[0].gruop: unknown; did you mean 'group'? it takes from_zone",
    ),
    "an unknown identity": (
        {},
        {"site_1": {"address": None, "dynamic": {"host": "one.example.net"}}},
        "site-1: group_vpn_dynamic.host: unknown; did you mean 'hostname'? it takes",
    ),
    "two members with one name in other letters": (
        {},
        {
            "site_1": {"address": None, "dynamic": {"hostname": "One.example.net"}},
            "site_2": {"address": None, "dynamic": {"hostname": "one.example.net"}},
        },
        "site-1, site-2: group_vpn_address one.example.net: these have the same address",
    ),
    "an address of many": (
        {},
        {"site_1": {"address": "233.252.0.1"}},
        "site-1: group_vpn_address 233.252.0.1: the address of a single device is",
    ),
    "more members than servers take": (
        {"member_threshold": 4},
        {},
        "member_threshold 4: the group has 5 members, and servers turn away",
    ),
    "servers that take no member at all": (
        {"member_threshold": 0},
        {},
        "member_threshold 0: the group has 5 members, and servers turn away",
    ),
    "a policy without a source": (
        {"match_policies": [{"name": "all", "destination": "10.0.0.0/8"}]},
        {},
        "hub-1: group_vpn_groups[BRANCHES].match_policies[all].source: missing; set 'source'",
    ),
    "a policy without a destination": (
        {"match_policies": [{"name": "all", "source": "10.0.0.0/8", "destination": None}]},
        {},
        "match_policies[all].destination: missing",
    ),
    "a group called as a statement": (
        {"name": "apply-groups"},
        {},
        "hub-1: group_vpn_groups[apply-groups].name apply-groups: another name is expected",
    ),
    "a group's name with a blank": ({"name": "MY SITES"}, {}, "name MY SITES: 1 to 32 letters"),
    "a group called as a wildcard": ({"name": "<*>"}, {}, "name <*>: 1 to 32 letters"),
    "a group's name that is too long": ({"name": "x" * 33}, {}, "xx: 1 to 32 letters"),
    "a policy without a name": (
        {"match_policies": [{"source": "10.0.0.0/8", "destination": "10.0.0.0/8"}]},
        {},
        "hub-1: group_vpn_groups[BRANCHES].match_policies[0].name: missing; set 'name'",
    ),
    "a group without a name": ({"name": None}, {}, "group_vpn_groups[0].name: missing; set 'name'"),
    "an interface that is none": (
        {},
        {"site_1": {"external_interface": "ge-0/0/1.0 "}},
        "site-1: group_vpn_external_interface 'ge-0/0/1.0 ': an interface name",
    ),
    "a zone that is too long": (
        {},
        {"site_1": {"policies": [{"from_zone": "z" * 64, "to_zone": "WAN"}]}},
        "site-1: group_vpn_policies[0].from_zone zzz",
    ),
    "a member called as a statement": (
        {},
        {"site_1": {"name": "apply-macro"}},
        "site-1: group_vpn_name apply-macro: gateways get this name, and another name",
    ),
    "a member called as a wildcard": (
        {},
        {"site_1": {"name": "<site>"}},
        "site-1: group_vpn_name <site>: gateways get this name, and a name is",
    ),
    "a policy called as a statement": (
        {
            "match_policies": [
                {"name": "apply-groups", "source": "10.0.0.0/8", "destination": "10.0.0.0/8"}
            ]
        },
        {},
        "[BRANCHES].match_policies[apply-groups].name apply-groups: another name is expected",
    ),
    "policies that overlap in one group": (
        {
            "match_policies": [
                {"name": "a", "source": "10.0.0.0/8", "destination": "10.0.0.0/8"},
                {
                    "name": "b",
                    "source": "10.1.0.0/16",
                    "destination": "10.2.0.0/16",
                    "protocol": 17,
                },
            ]
        },
        {},
        "match_policies b (10.1.0.0/16 to 10.2.0.0/16): takes traffic that a (10.0.0.0/8 to",
    ),
    "a prefix with bits of a host": (
        {"match_policies": [{"name": "all", "source": "10.0.0.1/8", "destination": "10.0.0.0/8"}]},
        {},
        "match_policies[all].source 10.0.0.1/8: bits of a host are set in it, or it is not as "
        "Junos writes it; write 10.0.0.0/8",
    ),
    "a prefix with a mask": (
        {
            "match_policies": [
                {"name": "all", "source": "10.0.0.0/255.0.0.0", "destination": "10.0.0.0/8"}
            ]
        },
        {},
        "source 10.0.0.0/255.0.0.0: bits of a host are set in it, or it is not as",
    ),
    "a prefix without its length": (
        {"match_policies": [{"name": "all", "source": "10.0.0.0", "destination": "10.0.0.0/8"}]},
        {},
        "match_policies[all].source 10.0.0.0: an IPv4 prefix with its length",
    ),
    "a prefix of IPv6": (
        {
            "match_policies": [
                {"name": "all", "source": "2001:db8::/32", "destination": "2001:db8::/32"}
            ]
        },
        {},
        "match_policies[all].source 2001:db8::/32: an IPv4 prefix with its length",
    ),
    "a rule's prefix with bits of a host": (
        {"exclude_rules": [{"name": "ks", "source_address": "192.0.2.1/24"}]},
        {},
        "exclude_rules[ks].source_address 192.0.2.1/24: bits of a host",
    ),
    "a rule for any traffic": (
        {"fail_open_rules": [{"name": "ks"}]},
        {},
        "fail_open_rules[ks]: it does not say which traffic it is for",
    ),
    "a rule that leaves nothing protected": (
        {
            "exclude_rules": [
                {"name": "x", "source_address": "0.0.0.0/0", "destination_address": "10.0.0.0/8"}
            ]
        },
        {},
        "exclude_rules x: takes all traffic of all (10.0.0.0/8 to 10.0.0.0/8) out",
    ),
    "a rule for one end that leaves nothing protected": (
        {"exclude_rules": [{"name": "x", "destination_address": "10.0.0.0/8"}]},
        {},
        "exclude_rules x: takes all traffic of all (10.0.0.0/8 to 10.0.0.0/8) out",
    ),
    "a rule that leaves nothing protected, the other way": (
        {
            "match_policies": [
                {"name": "all", "source": "10.0.0.0/8", "destination": "172.16.0.0/12"}
            ],
            "exclude_rules": [
                {
                    "name": "x",
                    "source_address": "172.16.0.0/12",
                    "destination_address": "10.0.0.0/8",
                }
            ],
        },
        {},
        "exclude_rules x: takes all traffic of all (10.0.0.0/8 to 172.16.0.0/12) out",
    ),
    "a port of every protocol": (
        {
            "match_policies": [
                {
                    "name": "all",
                    "source": "10.0.0.0/8",
                    "destination": "10.0.0.0/8",
                    "destination_port": 443,
                }
            ]
        },
        {},
        "match_policies[all].destination_port 443: it is for every protocol; set 'protocol'",
    ),
    "a port of a protocol without ports": (
        {
            "match_policies": [
                {
                    "name": "all",
                    "source": "10.0.0.0/8",
                    "destination": "10.0.0.0/8",
                    "source_port": 443,
                    "protocol": 1,
                }
            ]
        },
        {},
        "match_policies[all].source_port 443: protocol 1 has no ports",
    ),
    "a key as a device shows it": (
        {},
        {"site_1": {"pre_shared_key": "$9$made.up.key"}},
        "site-1: group_vpn_pre_shared_key: begins with $9$, as what a device shows of a key",
    ),
    "a key that nothing has decrypted": (
        {},
        {"site_1": {"pre_shared_key": "$ANSIBLE_VAULT;1.1;AES256 3031"}},
        "site-1: group_vpn_pre_shared_key: begins with $ANSIBLE_VAULT, as what ansible-vault "
        "writes, which nothing has decrypted; tag it with '!vault'",
    ),
    "somebody out of reach who is known in two ways": (
        {
            "unmanaged_members": [
                {
                    "name": "old",
                    "address": "198.51.100.9",
                    "dynamic": {"hostname": "old.example.net"},
                    "pre_shared_key": "made-up-key",
                }
            ]
        },
        {},
        "old: group_vpn_groups[BRANCHES].unmanaged_members[old].address 198.51.100.9: servers",
    ),
    "a key with a new line": (
        {},
        {"site_1": {"pre_shared_key": "made-up-key\n"}},
        "site-1: group_vpn_pre_shared_key: begins or ends with a blank or a new line",
    ),
    "an empty key": (
        {},
        {"site_1": {"pre_shared_key": ""}},
        "site-1: group_vpn_pre_shared_key: missing",
    ),
    "an empty key of somebody out of reach": (
        {"unmanaged_members": [{"name": "old", "address": "198.51.100.9", "pre_shared_key": ""}]},
        {},
        "old: group_vpn_groups[BRANCHES].unmanaged_members[old].pre_shared_key: missing; set",
    ),
    "somebody out of reach twice": (
        {
            "unmanaged_members": [
                {"name": "old", "address": "198.51.100.9", "pre_shared_key": "k"},
                {"name": "old", "address": "198.51.100.9", "pre_shared_key": "k"},
            ]
        },
        {},
        "unmanaged_members[old]: named more than once",
    ),
    "an address in other notation": (
        {},
        {"site_1": {"address": "192.0.2.001"}},
        "site-1: group_vpn_address 192.0.2.001: an IPv4 address such as 192.0.2.1",
    ),
    "an address with a length": (
        {},
        {"hub_1": {"address": "192.0.2.1/24"}},
        "hub-1: group_vpn_address 192.0.2.1/24: an IPv4 address such as",
    ),
    "an address of IPv6": (
        {},
        {"hub_1": {"address": "2001:db8::1"}},
        "hub-1: group_vpn_address 2001:db8::1: an IPv4 address such as 192.0.2.1 "
        "is expected (a Group VPN takes IPv4 alone)",
    ),
    "an address of IPv6 of somebody out of reach": (
        {
            "unmanaged_members": [
                {"name": "o", "address": "::ffff:192.0.2.9", "pre_shared_key": "k"}
            ]
        },
        {},
        "o: group_vpn_groups[BRANCHES].unmanaged_members[o].address ::ffff:192.0.2.9: an IPv4",
    ),
    "a host name where an address is": (
        {},
        {"site_1": {"address": "site-1.example.net"}},
        "site-1: group_vpn_address site-1.example.net: an IPv4 address such as",
    ),
    "an identity that is blank": (
        {},
        {"site_1": {"address": None, "dynamic": {"hostname": " "}}},
        "site-1: group_vpn_dynamic.hostname ' ': it begins or ends with a blank",
    ),
    "an identity of no address": (
        {},
        {"site_1": {"address": None, "dynamic": {"inet": "2001:db8::7"}}},
        "site-1: group_vpn_dynamic.inet 2001:db8::7: an IPv4 address such as",
    ),
    "two identities of one": (
        {},
        {"site_1": {"address": None, "dynamic": {"inet": "192.0.2.7", "hostname": "a.example"}}},
        "site-1: group_vpn_dynamic inet, hostname: a peer is known by one identity",
    ),
    "an identity of a certificate": (
        {},
        {"site_1": {"address": None, "dynamic": {"distinguished_name": {"container": "o=x"}}}},
        "site-1: group_vpn_dynamic.distinguished_name: it belongs to certificates",
    ),
    "a server named twice": (
        {"servers": ["hub-1", "hub-2", "hub-1"]},
        {},
        "group_vpn_groups[BRANCHES].servers hub-1: named more than once; name it once",
    ),
    "a member named twice": (
        {"members": ["site-1", "site-1"]},
        {},
        "group_vpn_groups[BRANCHES].members site-1: named more than once",
    ),
    "a zone without a name": (
        {},
        {"site_1": {"policies": [{"from_zone": "", "to_zone": "B"}]}},
        "it needs 'from_zone' and 'to_zone'",
    ),
    "a zone that is not named": (
        {},
        {"site_1": {"policies": [{"to_zone": "B"}]}},
        "it needs 'from_zone' and 'to_zone'",
    ),
    "a zone that YAML takes for true": (
        {},
        {"site_1": {"policies": [{"from_zone": True, "to_zone": "B"}]}},
        "site-1: group_vpn_policies[0].from_zone True: text is expected; correct it",
    ),
    "a zone that YAML has rounded": (
        {},
        {"site_1": {"policies": [{"from_zone": 1.1, "to_zone": "B"}]}},
        "site-1: group_vpn_policies[0].from_zone 1.1: text is expected; correct it",
    ),
    "a certificate's name of blanks": (
        {"server_member_communication": {**V1_BLOCK, "certificate": "  "}},
        everything("v1"),
        "server_member_communication.certificate '  ': it begins or ends with a blank",
    ),
    "rekeys that came out empty": (
        {"server_member_communication": ""},
        {},
        "[BRANCHES].server_member_communication '': a mapping is expected",
    ),
    "a zone with a blank behind it": (
        {},
        {"site_1": {"policies": [{"from_zone": "A", "to_zone": "B "}]}},
        "site-1: group_vpn_policies[0].to_zone 'B ': it begins or ends with a blank",
    ),
    "a zone of blanks": (
        {},
        {"site_1": {"policies": [{"from_zone": " ", "to_zone": "B"}]}},
        "site-1: group_vpn_policies[0].from_zone ' ': it begins or ends with a blank",
    ),
    "proof by certificates": (
        {"ike_proposal": {"authentication_method": "rsa-signatures"}},
        {},
        "ike_proposal.authentication_method rsa-signatures: both sides prove themselves by",
    ),
    "rekeys that nobody pushes": (
        {"exclude": "rekey", "server_member_communication": None},
        {},
        "hub-1: group_vpn_groups[BRANCHES].exclude rekey: no rekeys are pushed",
    ),
    "a word that is nearly one": (
        {"match_polices": []},
        {},
        "match_polices: unknown; did you mean 'match_policies'? it takes name",
    ),
    "a policy of another group": (
        {},
        {"site_1": {"policies": [{"from_zone": "A", "to_zone": "B", "group": "OTHER"}]}},
        "the host is not a member of OTHER",
    ),
    "policies of one name": (
        {
            "match_policies": [
                {"name": "a", "source": "10.1.0.0/16", "destination": "10.2.0.0/16"},
                {"name": "a", "source": "10.3.0.0/16", "destination": "10.4.0.0/16"},
            ]
        },
        {},
        "hub-1: group_vpn_groups[BRANCHES].match_policies[a].name a: more than one",
    ),
    "rules of one name": (
        {"fail_open_rules": [{"name": "x", "source_address": f"10.{n}.0.0/16"} for n in (8, 9)]},
        {},
        "site-5: group_vpn_groups[BRANCHES].fail_open_rules[x].name x: more than one",
    ),
    "rules that leave nothing protected together": (
        {
            "exclude_rules": [
                {"name": "low", "source_address": "10.0.0.0/9"},
                {"name": "rest", "source_address": "10.128.0.0/9", "application": "any"},
            ]
        },
        {},
        "site-5: group_vpn_groups[BRANCHES].exclude_rules low, rest: together take all traffic of "
        "all (10.0.0.0/8 to 10.0.0.0/8) out",
    ),
    "multicast without its group": (
        {
            "group_id": 7,
            "server_member_communication": {**V1_BLOCK, "communication_type": "multicast"},
        },
        everything("v1"),
        "server-member-communication] multicast-group: multicast communication needs it",
    ),
    "a multicast group of unicast": (
        {
            "group_id": 7,
            "server_member_communication": {**V1_BLOCK, "multicast_group": "233.252.0.1"},
        },
        everything("v1"),
        "multicast-group 233.252.0.1: without effect in unicast communication",
    ),
    "rekeys without their encryption": (
        {"server_member_communication": {"sig_hash_algorithm": "sha-256"}},
        {},
        "hub-1: [edit security group-vpn server group BRANCHES server-member-communication] "
        "encryption-algorithm: missing",
    ),
    "an interface of no type": (
        {},
        {"site_1": {"external_interface": "wan"}},
        "site-1: group_vpn_external_interface wan: an interface name such as ge-0/0/1.0",
    ),
    "a zone called as a wildcard": (
        {},
        {"site_1": {"policies": [{"from_zone": "<*>", "to_zone": "WAN"}]}},
        "site-1: group_vpn_policies[0].from_zone <*>: a name is expected",
    ),
    "an identity without a host": (
        {},
        {"site_1": {"address": None, "dynamic": {"user_at_hostname": "site-1"}}},
        "site-1: group_vpn_dynamic.user_at_hostname site-1: a user and a host are expected",
    ),
    "an identity with blanks": (
        {},
        {"site_1": {"address": None, "dynamic": {"hostname": "one example"}}},
        "site-1: group_vpn_dynamic.hostname one example: text without blanks is expected",
    ),
    "an identity of a user where a host's is": (
        {},
        {"site_1": {"address": None, "dynamic": {"hostname": "site-1@example.net"}}},
        "group_vpn_dynamic.hostname site-1@example.net: a host name is expected, without a user",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused(case):
    group, hosts, said = CASES[case]
    found = contradictions([group_of(**group)], hosts_of(**hosts))
    assert any(said in line for line in found), found
    assert all("; " in line and ": " in line for line in found)


@pytest.mark.parametrize("kind", ["unicast", "multicast"])
def test_only_what_is_sent_again_lasts_too_long(kind):
    block = {**V1_BLOCK, "communication_type": kind, "number_of_retransmission": 60}
    block |= {"multicast_group": "239.0.0.1"} if kind == "multicast" else {}
    group = group_of(server_member_communication=block)
    said = contradictions([group], hosts_of(**everything("v1")))
    assert any("60 retransmissions every" in line for line in said) is (kind == "unicast")


def test_a_sound_description_of_either_generation_is_not():
    assert contradictions([group_of(servers=["hub-1", "hub-2"])], hosts_of()) == []
    old = group_of(group_id=7, server_member_communication=V1_BLOCK)
    assert contradictions([old], hosts_of(**everything("v1"))) == []
    mixed = hosts_of(site_1={"generation": "v1"})
    assert contradictions([group_of(group_id=7)], mixed) == []


@pytest.mark.parametrize("end", ["source_address", "destination_address"])
def test_a_rule_that_names_one_end_is_for_everybody_at_the_other(end):
    everything_ = [{"name": "all", "source": "0.0.0.0/0", "destination": "0.0.0.0/0"}]
    rules = [{"name": "ks", end: "192.0.2.0/24"}, {"name": "managed", end: "203.0.113.0/24"}]
    hosts = hosts_of(site_1={"management": "203.0.113.7"})
    described = group_of(match_policies=everything_, exclude_rules=rules)
    assert contradictions([described], hosts) == []
    # What opens the way to the server alone leaves whoever manages it outside.
    (line,) = contradictions([{**described, "exclude_rules": rules[:1]}], hosts)
    assert "covers the way to where it is managed at (203.0.113.7)" in line


def test_a_text_of_a_number_or_a_truth_is_taken_for_it():
    """So extra variables give it, and `7: a whole number is expected` helps nobody."""
    texts = group_of(group_id="70000", activation_time_delay="20", isolated="True")
    description = read([texts], hosts_of())
    assert refusals(description) == []
    (group,) = description.groups
    assert (group.group_id, group.isolated) == (70000, True)
    assert group.setting("activation_time_delay") == 20
    wrong = {"isolated": "maybe", "group_id": "0x7", "recovery_probe": "1"}
    for option, value in wrong.items():
        (line,) = contradictions([group_of(**{option: value})], hosts_of())
        assert f"[BRANCHES].{option} {value}: " in line


def test_who_may_be_anywhere_needs_a_rule_for_everybody():
    everything_ = [{"name": "all", "source": "0.0.0.0/0", "destination": "0.0.0.0/0"}]
    hosts = hosts_of(site_1={"address": None, "dynamic": {"hostname": "one.example.net"}})
    described = group_of(match_policies=everything_, members=["site-1"])
    ends = {"destination_address": "192.0.2.0/24"}
    for more, is_sound in (({"source_address": "198.51.100.0/24"}, False), ({}, True)):
        rules = [{"name": "ks", **ends, **more}]
        found = contradictions([{**described, "exclude_rules": rules}], hosts)
        assert (found == []) is is_sound, found


def test_what_is_wrong_with_a_rule_is_said_once_and_of_members():
    """Servers do not get the rules."""
    rule = {"name": "x", "source_address": "everywhere"}
    (line,) = contradictions([group_of(exclude_rules=[rule])], hosts_of())
    assert line.startswith("site-1, site-2, site-3, site-4, site-5: ")
    assert "exclude_rules[x].source_address everywhere: an IPv4 prefix" in line


def test_a_number_is_a_name_where_names_stand():
    """A device gives text back, and a number would differ from it for ever."""
    policies = [{"name": 1, "source": "10.0.0.0/8", "destination": "10.0.0.0/8"}]
    zones = [{"from_zone": 50, "to_zone": "WAN"}]
    description = read([group_of(match_policies=policies)], hosts_of(site_1={"policies": zones}))
    assert refusals(description) == []
    would = configurations(description)
    assert would["site-1"]["member"]["policies"][0]["from_zone"] == "50"
    assert would["hub-1"]["server"]["groups"][0]["ipsec_sas"][0]["match_policies"][0]["name"] == "1"


def test_one_policy_that_cuts_many_off_is_one_line_with_all_servers():
    to_hubs = [{"name": "x", "source": "198.51.100.0/24", "destination": "192.0.2.0/24"}]
    found = contradictions([group_of(match_policies=to_hubs, servers=HUBS)], hosts_of())
    assert found == [
        "site-1, site-2, site-3, site-4, site-5: group_vpn_groups[BRANCHES].match_policies x "
        "(198.51.100.0/24 to 192.0.2.0/24): covers the way to its server hub-1 (192.0.2.1), hub-2 "
        "(192.0.2.2), hub-3 (192.0.2.3): it would lock itself out; narrow the policy, or add an "
        "'exclude_rules' entry"
    ]


def test_who_is_in_two_groups_needs_the_way_to_the_servers_of_both():
    zones = [{"from_zone": z, "to_zone": "WAN", "group": g} for z, g in ZONES_OF_TWO.items()]
    hosts = hosts_of(site_1={"policies": zones}, hub_2={"address": "203.0.113.2"})
    other = group_of(
        name="OTHER",
        group_id=9,
        servers=["hub-2"],
        members=["site-1", "site-2"],
        match_policies=[{"name": "x", "source": "198.51.100.0/24", "destination": "192.0.2.0/24"}],
    )
    found = contradictions([group_of(members=["site-1"]), other], hosts)
    assert found == [
        "site-1: group_vpn_groups[OTHER].match_policies x (198.51.100.0/24 to 192.0.2.0/24): "
        "covers the way to its server hub-1 (192.0.2.1): it would lock itself out; narrow the "
        "policy, or add an 'exclude_rules' entry"
    ]


@pytest.mark.parametrize(
    ("more", "is_sound"),
    [
        ({"protocol": 6}, True),
        ({"protocol": 1}, True),
        ({"protocol": 17, "destination_port": 53}, True),
        ({"protocol": 17, "source_port": 5060, "destination_port": 848}, True),
        ({"protocol": 17}, False),
        ({"protocol": 17, "source_port": 848}, False),
        ({"protocol": 17, "source_port": 848, "destination_port": 848}, False),
        ({"protocol": 0}, False),
    ],
)
def test_only_a_policy_of_what_peers_say_to_each_other_locks_them_out(more, is_sound):
    ends = {"source": "198.51.100.0/24", "destination": "192.0.2.0/24"}
    found = contradictions([group_of(match_policies=[{"name": "x", **ends, **more}])], hosts_of())
    assert (found == []) is is_sound, found


def test_whoever_manages_a_device_does_so_over_tcp():
    hosts = hosts_of(site_1={"management": "203.0.113.7"})
    ends = {"source": "203.0.113.0/24", "destination": "0.0.0.0/0"}
    for protocol, is_sound in ((17, True), (6, False)):
        policy = {"name": "x", **ends, "protocol": protocol, "destination_port": 4789}
        described = group_of(match_policies=[policy])
        assert (contradictions([described], hosts) == []) is is_sound


@given(
    st.lists(st.tuples(st.sampled_from(QUARTERS), st.sampled_from(QUARTERS)), max_size=6),
    st.sampled_from(QUARTERS),
)
def test_rules_leave_nothing_exactly_where_no_pair_of_addresses_is_left(rules, source):
    policy = {"source": source, "destination": "10.0.0.0/30"}
    given_ = [
        {"name": str(n), "source_address": a, "destination_address": b}
        for n, (a, b) in enumerate(rules)
    ]
    taken = {
        pair
        for a, b in rules
        for one, other in product(ip_network(a), ip_network(b))
        for pair in ((one, other), (other, one))
    }
    wanted = set(product(ip_network(source), ip_network("10.0.0.0/30")))
    assert bool(covered(policy, given_)) == (wanted <= taken)


@pytest.mark.parametrize(("port", "common"), [(500, True), (4500, False)])
def test_answers_to_a_policys_ports_are_the_traffic_of_a_policy_for_them(port, common):
    ends = {"source": "10.1.0.0/16", "destination": "10.2.0.0/16"}
    back = {"source": "10.2.0.0/16", "destination": "10.1.0.0/16"}
    one, other = {**ends, "source_port": 500}, {**back, "destination_port": port}
    assert list(overlapping([one], [other])) == [(one, other)] * common


def test_a_rule_for_an_application_leaves_the_rest_of_the_traffic():
    policy = {"source": "10.0.0.0/8", "destination": "10.0.0.0/8"}
    rule = {"name": "all", "source_address": "10.0.0.0/8"}
    assert covered(policy, [rule]) == [rule]
    assert covered(policy, [{**rule, "application": "junos-ping"}]) == []


def test_an_exclude_rule_opens_the_way_to_the_server():
    rule = {
        "name": "ks",
        "source_address": "198.51.100.0/24",
        "destination_address": "192.0.2.0/24",
    }
    everything_ = [{"name": "all", "source": "0.0.0.0/0", "destination": "0.0.0.0/0"}]
    shut = group_of(match_policies=everything_)
    assert contradictions([shut], hosts_of()) != []
    assert contradictions([{**shut, "exclude_rules": [rule]}], hosts_of()) == []


def test_groups_that_protect_the_same_traffic_are_refused_unless_they_never_meet():
    one = group_of(members=["site-1"])
    other = group_of(name="OTHER", group_id=2, members=["site-2"])
    found = contradictions([one, other], hosts_of())
    assert any("overlaps all (10.0.0.0/8 to 10.0.0.0/8) of group OTHER" in line for line in found)
    apart = [{**group, "isolated": True} for group in (one, other)]
    assert contradictions(apart, hosts_of()) == []
    met = [apart[0], {**apart[1], "members": ["site-1", "site-2"]}]
    assert any("no member is in both" in line for line in contradictions(met, hosts_of()))


def test_names_and_numbers_are_each_groups_own():
    traffic = [{"name": "x", "source": "172.16.0.0/12", "destination": "172.16.0.0/12"}]
    found = contradictions([group_of(), group_of(match_policies=traffic)], hosts_of())
    assert any("group_id 70000: used 2 times" in line for line in found)
    assert any("name BRANCHES: used 2 times" in line for line in found)


@pytest.mark.parametrize("what", ["address", "pre_shared_key"])
def test_what_an_unmanaged_member_lacks_is_set_where_it_is_named(what):
    member = {"name": "old", "address": "198.51.100.9", "pre_shared_key": "key-of-old"}
    found = contradictions([group_of(unmanaged_members=[{**member, what: None}])], hosts_of())
    assert any("old: " in line and f"set '{what}'" in line for line in found), found


def test_everything_is_said_at_once_and_no_key_is():
    wrong = hosts_of(site_1={"pre_shared_key": None}, site_2={"address": None})
    found = contradictions([group_of(group_id="x", foo=1)], wrong)
    assert len(found) >= 4
    assert "key-of" not in "".join(found)


@pytest.mark.parametrize(
    "groups", [None, "x", [], [None], [{}], [{"name": 3, "members": [1, None]}], {}]
)
def test_what_is_no_description_is_refused_and_never_a_traceback(groups):
    assert contradictions(groups, hosts_of())


def traffic(name, protocol=0, port=0, source="10.0.0.0/8", destination="10.0.0.0/8"):
    return {
        "name": name,
        "source": source,
        "destination": destination,
        "protocol": protocol,
        "destination_port": port,
    }


def test_policies_of_other_protocols_ports_or_ways_do_not_overlap():
    apart = [traffic("web", 6, 443), traffic("names", 17, 53), traffic("mail", 6, 25)]
    assert contradictions([group_of(match_policies=apart)], hosts_of()) == []
    ways = [
        traffic("there", source="10.1.0.0/16", destination="10.2.0.0/16"),
        traffic("back", source="10.2.0.0/16", destination="10.1.0.0/16"),
    ]
    assert contradictions([group_of(match_policies=ways)], hosts_of()) == []
    one = group_of(members=["site-1"], match_policies=[traffic("web", 6, 443)])
    other = group_of(name="B", group_id=2, members=["site-2"], match_policies=[traffic("n", 17)])
    assert contradictions([one, other], hosts_of()) == []
    # What one answers from the port is what the other sends there, seen from the other end.
    answers = {"name": "n", "source": "10.0.0.0/8", "destination": "10.0.0.0/8", "protocol": 6}
    other["match_policies"] = [{**answers, "source_port": 443}]
    assert any("overlaps" in line for line in contradictions([one, other], hosts_of()))


def test_proposals_of_one_name_and_other_values_are_refused_where_they_meet():
    one = group_of(members=["site-1"], ike_proposal={"lifetime_seconds": 600})
    there = [traffic("x", source="172.16.0.0/12", destination="172.16.0.0/12")]
    other = group_of(name="B", group_id=2, members=["site-2"], match_policies=there)
    # A lifetime is what members offer; these two have no member in common.
    assert contradictions([one, other], hosts_of()) == []
    other["members"] = ["site-1"]
    for site in (one, other):
        site["isolated"] = False
    zones = [{"from_zone": "A", "to_zone": "B", "group": "BRANCHES"}]
    found = contradictions([one, other], hosts_of(site_1={"policies": zones}))
    assert found == [
        "site-1: group_vpn_groups[B].ike_proposal lifetime_seconds: group BRANCHES has the same "
        "algorithms with another value, and these hosts have one proposal for both; give both "
        "groups the same value"
    ]


def test_a_variable_that_nothing_reads_is_named_with_the_one_that_may_be_meant():
    found = unknown(
        {
            "site-1": ["group_vpn_extrenal_interface", "group_vpn_address", "inventory_hostname"],
            "site-2": ["group_vpn_extrenal_interface", "groupvpn_address", "group_vpn_zzz"],
        }
    )
    said = [str(one) for one in found]
    assert [line.partition(";")[0] for line in said] == [
        f"{where}: the collection reads no variable of this name"
        for where in (
            "site-1, site-2: group_vpn_extrenal_interface",
            "site-2: groupvpn_address",
            "site-2: group_vpn_zzz",
        )
    ]
    assert "did you mean 'group_vpn_external_interface'?" in said[0]
    assert "did you mean 'group_vpn_address'?" in said[1]
    (shouted,) = unknown({"site-1": ["GROUPVPNADDRESS"]})
    assert "did you mean 'group_vpn_address'?" in str(shouted)


def test_what_a_variable_s_value_is_to_be_is_not_judged_when_it_cannot_be_had():
    wrong = [unreadable("site-1", "group_vpn_pre_shared_key", "'vault_site_1' is undefined")]
    hosts = hosts_of(site_1={"pre_shared_key": None})
    assert refusals(read([group_of()], hosts, wrong)) == [
        "site-1: group_vpn_pre_shared_key: 'vault_site_1' is undefined; define what it refers to "
        "for this host"
    ]


FULL = group_of(
    description="text",
    member_threshold=10,
    recovery_probe=True,
    exclude="reregister",
    ike_proposal={"dh_group": "group14", "lifetime_seconds": 600},
    ipsec_proposal={"lifetime_seconds": 3600},
    exclude_rules=[{"name": "r", "source_address": "10.9.0.0/16"}],
    unmanaged_members=[
        {"name": "legacy", "address": "198.51.100.99", "pre_shared_key": "key-of-legacy"}
    ],
)
BOTH = {"generation": "v2", "name": "one", "dynamic": {"hostname": "one.example.net"}}


def places(value, path=()):
    """What leads to a value, and to all that stand in it."""
    yield path
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from places(inside, (*path, key))
    elif isinstance(value, list):
        for number, inside in enumerate(value):
            yield from places(inside, (*path, number))


HOST = {**hosts_of()["site-1"], **BOTH}
PLACES = [("group", *path) for path in places(FULL) if path] + [
    ("site-1", *path) for path in places(HOST) if path and path[0] != "inventory_groups"
]
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        (
            *(" ", "yes", "x" * 3000, "{{ vault_x }}", "$9$abc", "<*>", "a\nb", "\x00"),
            *("apply-groups", "::1", "10.0.0.1/8", "300.1.1.1", "1e3", "0x10", "-1", "\u202e"),
            *("site-1", "hub-1"),
        )
    ),
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, 65536, -(2**63)]),
    st.floats(),
    TEXTS,
    st.lists(st.one_of(st.integers(), TEXTS, st.none(), st.just([])), max_size=3),
    st.dictionaries(TEXTS, st.one_of(st.integers(), TEXTS, st.lists(st.none()))),
)


def written(odd):
    """The full description with odd values in some places: a group, and hosts."""
    group, hosts = copy.deepcopy(FULL), {**hosts_of(), "site-1": copy.deepcopy(HOST)}
    for (part, *path), value in odd:
        here = group if part == "group" else hosts[part]
        # Where an odd value stands already, nothing may be left to stand in.
        with contextlib.suppress(KeyError, IndexError, TypeError):
            for step in path[:-1]:
                here = here[step]
            here[path[-1]] = value
    return [group], hosts


@example(odd=[(("group", "unmanaged_members", 0, "address"), "A\x1f")])
@example(odd=[(("site-1", "dynamic", "hostname"), "x" * 3000)])
@given(st.lists(st.tuples(st.sampled_from(PLACES), ODD), min_size=1, max_size=3))
def test_whatever_stands_in_a_description_is_taken_or_refused_by_its_place(odd):
    groups, hosts = written(odd)
    found = contradictions(groups, hosts)
    for line in found:
        assert re.fullmatch(r"[^:]+: (group_vpn_|\[edit ).*: .+; .+", line), line
        assert line.isprintable()
        assert len(line) < 1000
        assert "key-of" not in line
    if not found:
        configurations(read(groups, hosts))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_one_fault_is_one_line(place):
    part, *path = place
    value = FULL if part == "group" else HOST
    for step in path:
        value = value[step]
    odd = 7 if isinstance(value, list | dict) else {"a": 1}
    before = contradictions(*written([]))
    assert before == []
    found = contradictions(*written([(place, odd)]))
    assert len(found) == 1
    assert [word for word in path if isinstance(word, str)][-1] in found[0]


@pytest.mark.parametrize(
    "key", [987654321, ["987654321"], {"987654321": "987654321"}, "$9$987654321", "987654321ü"]
)
def test_a_key_that_is_refused_is_not_shown(key):
    legacy = {"name": "legacy", "address": "198.51.100.99", "pre_shared_key": key}
    hosts = hosts_of(site_1={"pre_shared_key": key})
    found = contradictions([group_of(unmanaged_members=[legacy])], hosts)
    assert len(found) == 2
    assert not any("987654321" in line for line in found)


def test_a_line_names_as_many_hosts_as_a_person_reads():
    (line,) = contradictions([group_of(ike_proposal={"dh_group": "group5"})], hosts_of())
    assert line == (
        "hub-1, site-1, site-2, site-3, site-4, site-5: group_vpn_groups[BRANCHES].ike_proposal."
        "dh_group group5: Group VPNv2 takes group14, group24; correct it"
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"confirm_minutes": 5, "timeout": 300}, "group_vpn_confirm_minutes 5: servers would take"),
        ({"confirm_minutes": -1}, "group_vpn_confirm_minutes -1: it is 0 to 65535"),
        ({"timeout": -1}, "group_vpn_timeout -1: it is 0 to 86400"),
        ({"timeout": 86401, "confirm_minutes": 0}, "group_vpn_timeout 86401: it is 0 to 86400"),
        ({"poll": 0.0}, "group_vpn_poll 0.0: it is 0.1 to 300"),
        (
            {"elsewhere": ("site-2", "console", "hub-1")},
            "site-2, hub-1: serial: not in this turn of the play, and a Group VPN is planned as a "
            "whole; take it out of the play",
        ),
        ({"poll": 1000.0}, "group_vpn_poll 1000.0: it is 0.1 to 300"),
    ],
)
def test_times_of_a_run_that_do_not_fit_are_refused(more, said):
    order = Order(read([group_of()], hosts_of()), (), **more)
    with pytest.raises(Refused) as refused:
        conduct(order, None)
    assert any(said in line for line in refused.value.objections)

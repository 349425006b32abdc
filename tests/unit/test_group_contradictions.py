# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What contradicts itself in a description is refused: all of it, by host, with a remedy."""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.contradictions import (
    contradictions,
)

from tests.unit.descriptions import SITES, UNICAST, group_of, hosts_of

V1_BLOCK = {"encryption_algorithm": "aes-128-cbc", "sig_hash_algorithm": "sha1"}
V1_HUB = {"generation": "v1"}


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
        "encryption-algorithm 3des-cbc: Group VPNv2 takes",
    ),
    "multicast in v2": (
        {"server_member_communication": {**UNICAST, "communication_type": "multicast"}},
        {},
        "communication-type multicast: Group VPNv2 takes unicast",
    ),
    "a lifetime out of range": (
        {"ipsec_proposal": {"lifetime_seconds": 99999}},
        {},
        "lifetime-seconds 99999: Group VPNv2 takes 180 to 86400",
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
    "traffic that covers the server": (
        {"match_policies": [{"name": "all", "source": "0.0.0.0/0", "destination": "0.0.0.0/0"}]},
        {},
        "covers the way to its server hub-1 (192.0.2.1): it would lock itself out",
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
        "site-1: [edit security group-vpn member ike proposal",
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
    "the same traffic twice in v1": (
        {
            "server_member_communication": V1_BLOCK,
            "match_policies": [
                {"name": n, "source": "10.0.0.0/8", "destination": "10.0.0.0/8"} for n in ("a", "b")
            ],
        },
        everything("v1"),
        "the same traffic as a; Group VPNv1 refuses that",
    ),
    "a group number that v1 has not": (
        {"server_member_communication": V1_BLOCK},
        everything("v1"),
        "group-id 70000: Group VPNv1 takes 1 to 65535",
    ),
    "an unknown word": ({"match_polices": []}, {}, "match_polices: unknown; it takes name"),
    "a word of the wrong kind": ({"group_id": "seven"}, {}, "group_id: a whole number is expected"),
    "a misspelt word of rekeys": (
        {"server_member_communication": {**UNICAST, "lifetime": 3600}},
        {},
        "server_member_communication.lifetime: unknown; it takes communication_type",
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
        "match_policies[a].sorce: unknown; it takes name, source, destination",
    ),
    "a policy that is a word": (
        {"match_policies": ["all"]},
        {},
        "match_policies[0]: a mapping is expected",
    ),
    "a misspelt word of a rule": (
        {"exclude_rules": [{"name": "ks", "source": "10.0.0.0/8"}]},
        {},
        "exclude_rules[ks].source: unknown; it takes name, source_address",
    ),
    "a number that is a word": (
        {"server_member_communication": {**UNICAST, "retransmission_period": "ten"}},
        {},
        "server_member_communication.retransmission_period ten: a whole number is expected",
    ),
    "a misspelt word of a host's zones": (
        {},
        {"site_1": {"policies": [{"from_zone": "A", "to_zone": "B", "gruop": "BRANCHES"}]}},
        "site-1: group_vpn.policies[0].gruop: unknown; it takes from_zone, to_zone, group",
    ),
    "an unknown identity": (
        {},
        {"site_1": {"address": None, "dynamic": {"host": "one.example.net"}}},
        "site-1: group_vpn.dynamic.host: unknown; it takes",
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
        "site-1: group_vpn_address 233.252.0.1: no address of one device",
    ),
    "more members than servers take": (
        {"member_threshold": 4},
        {},
        "member_threshold 4: the group has 5 members, and servers turn away",
    ),
    "a policy of another group": (
        {},
        {"site_1": {"policies": [{"from_zone": "A", "to_zone": "B", "group": "OTHER"}]}},
        "the host is no member of OTHER",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused(case):
    group, hosts, said = CASES[case]
    found = contradictions([group_of(**group)], hosts_of(**hosts))
    assert any(said in line for line in found), found
    assert all("; " in line and ": " in line for line in found)


def test_a_sound_description_of_either_generation_is_not():
    assert contradictions([group_of(servers=["hub-1", "hub-2"])], hosts_of()) == []
    old = group_of(group_id=7, server_member_communication=V1_BLOCK)
    assert contradictions([old], hosts_of(**everything("v1"))) == []
    mixed = hosts_of(site_1={"generation": "v1"})
    assert contradictions([group_of(group_id=7)], mixed) == []


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

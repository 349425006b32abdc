# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plans for whole Group VPNs: they arrive, and nobody is cut off whom they do not name."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.describe import describe
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.expand import configurations
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.plan import plan
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.planning.peers import not_renamed
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.reading import read
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.screen import announced
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.steps import Kind
from hypothesis import example, given, settings

from tests.unit.descriptions import (
    HUBS,
    SITES,
    UNICAST,
    Fleet,
    contradictions,
    described,
    group_of,
    hosts_of,
)


def planned(fleet, groups, hosts, unseen=(), **more):
    now = {host: sides for host, sides in fleet.sides.items() if host not in unseen}
    return plan(now, read(groups, hosts), **more)


def carried_out(fleet, made, watch=lambda step, named: None):
    """Each step, one host after the other; whoever a step names is named until the wait."""
    named = set()
    for step in made.steps:
        named |= {(one.group, host) for one in step.apart for host in one.members}
        for host, change in step.changes.items():
            fleet.change(host, change)
            watch(step, named)
        numbers = {
            b["group_id"]
            for s in fleet.sides.values()
            for b in s["server"].get("groups", ())
            if b["name"] in step.groups
        }
        if step.kind is Kind.SHARE:
            fleet.share()
        if step.kind in (Kind.NEW_KEYS, Kind.NEW_ALGORITHMS):
            for number in numbers:
                fleet.clear(number)
        if step.kind is Kind.RENEW:
            for host in step.hosts:
                for number in [n for h, n in list(fleet.holds) if h == host and n in numbers]:
                    fleet.register(host, number)
        watch(step, named)
        if step.kind is Kind.WAIT:
            named = set()
    watch(None, set())


def built(groups, hosts):
    fleet = Fleet()
    carried_out(fleet, planned(fleet, groups, hosts))
    return fleet


@given(described(), described())
@settings(max_examples=60)
def test_a_plan_arrives_and_cuts_off_only_whom_it_names(first, second):
    assert contradictions(*first) == contradictions(*second) == []
    fleet = built(*first)
    groups = {g["name"]: g["group_id"] for g in second[0]}
    stays = {
        g["name"]: set(g["members"])
        & {h for o in first[0] if o["group_id"] == g["group_id"] for h in o["members"]}
        for g in second[0]
    }

    def watch(step, named):
        for name, number in groups.items():
            apart = fleet.apart(number, stays[name])
            missed = {host for host in apart if (name, host) not in named}
            assert not missed, (step and step.kind, missed)

    made = planned(fleet, *second)
    carried_out(fleet, made, watch)
    assert planned(fleet, *second).steps == ()
    for group in second[0]:
        assert {h for h, n in fleet.holds if n == group["group_id"]} >= set(group["members"])
        assert fleet.apart(group["group_id"], group["members"]) == set()


def shared_hubs():
    """Two groups with other proposals; the second has more servers, and those stand first."""
    ike = {"encryption_algorithm": "aes-128-cbc", "authentication_algorithm": "sha-256"}
    ipsec = {**ike, "authentication_algorithm": "hmac-sha-256-128", "lifetime_seconds": 1800}
    groups = [
        group_of(
            name=f"G{number}",
            group_id=number,
            servers=servers,
            members=[SITES[number]],
            ike_proposal={**ike, "dh_group": dh_group},
            ipsec_proposal=ipsec,
            match_policies=[{"name": "all", "source": net, "destination": net}],
        )
        for number, net, servers, dh_group in (
            (1, "10.1.0.0/16", HUBS[1:], "group14"),
            (2, "10.2.0.0/16", HUBS, "group24"),
        )
    ]
    return groups, hosts_of()


@given(described())
@example(shared_hubs())
@settings(max_examples=30)
def test_what_a_description_made_is_described_as_it_was(described_):
    groups, hosts = described_
    fleet = built(groups, hosts)
    found = describe(fleet.sides)
    for group in groups:
        (same,) = [g for g in found["group_vpn_groups"] if g["name"] == group["name"]]
        wanted = {k: v for k, v in group.items() if k != "exclude"}
        assert same == wanted
        for host in group["members"]:
            assert found["hosts"][host]["group_vpn_address"] == hosts[host]["address"]
            assert f"{host}: group_vpn_pre_shared_key" in found["keys"]
    assert found["unfit"] == []


def test_servers_learn_a_site_before_it_asks():
    one = group_of(members=SITES[:4])
    fleet = built([one], hosts_of())
    made = planned(fleet, [group_of()], hosts_of())
    assert [step.kind for step in made.steps] == [Kind.LEARN, Kind.MEMBERS, Kind.WAIT]
    assert made.steps[1].hosts == ("site-5",)
    assert not any(step.apart for step in made.steps)


def test_while_another_server_comes_to_make_a_groups_keys_its_members_are_named():
    fleet = built([group_of(servers=HUBS[:2])], hosts_of())
    assert planned(fleet, [group_of(servers=HUBS)], hosts_of()).steps[0].apart == ()
    made = planned(fleet, [group_of(servers=HUBS[1::-1])], hosts_of())
    (apart,) = made.steps[0].apart
    assert (apart.group, set(apart.members)) == ("BRANCHES", set(SITES))


@pytest.mark.parametrize(
    ("sites", "words"),
    [
        (SITES[:1], "site-1 cannot talk to the others until it has registered again"),
        (SITES[:2], "site-1, site-2 cannot talk to the others until each has registered again"),
    ],
)
def test_whose_keys_are_rotated_is_told_until_when_they_are_apart(sites, words):
    fleet = built([group_of()], hosts_of())
    made = planned(fleet, [group_of()], hosts_of(dict.fromkeys(sites, "another-key")))
    assert any(line.endswith(f"BRANCHES: {words}") for line in announced(made))


def test_a_removed_site_goes_from_the_servers_first_and_the_rest_gets_new_keys():
    fleet = built([group_of()], hosts_of())
    made = planned(fleet, [group_of(members=SITES[:4])], hosts_of())
    assert [s.kind for s in made.steps] == [Kind.LEARN, Kind.NEW_KEYS, Kind.WAIT, Kind.LEAVE]
    assert set(made.steps[1].apart[0].members) == set(SITES[:4])
    kept = fleet.holds["site-5", 70000]
    carried_out(fleet, made)
    assert kept not in [fleet.holds[host, 70000] for host in SITES[:4]]
    assert fleet.sides["site-5"]["member"] == {}
    assert "site-5" not in str(fleet.sides["hub-1"])


def test_a_group_that_somebody_gone_can_read_gets_new_keys_though_servers_have_forgotten_who():
    fleet = built([group_of(members=SITES[:4])], hosts_of())
    wanted = read([group_of(members=SITES[:4])], hosts_of())
    assert plan(fleet.sides, wanted).steps == ()
    made = plan(fleet.sides, wanted, readable={"BRANCHES"})
    assert [step.kind for step in made.steps] == [Kind.NEW_KEYS, Kind.WAIT]
    rekey = read([group_of(members=SITES[:4], exclude="rekey")], hosts_of())
    assert plan(fleet.sides, rekey, readable={"BRANCHES"}).steps == ()


def test_members_that_nobody_manages_get_new_keys_as_well():
    other = {"name": "other", "address": "198.51.100.99", "pre_shared_key": "key-of-other"}
    one = group_of(members=["site-1"], unmanaged_members=[other])
    fleet = built([one], hosts_of())
    made = planned(fleet, [{**one, "members": []}], hosts_of())
    (keys,) = [step for step in made.steps if step.kind is Kind.NEW_KEYS]
    assert keys.apart[0].members == ("other",)


def test_rekeying_a_removed_site_away_is_only_done_knowingly():
    fleet = built([group_of()], hosts_of())
    made = planned(fleet, [group_of(members=SITES[:4], exclude="rekey")], hosts_of())
    assert Kind.NEW_KEYS not in [step.kind for step in made.steps]


def test_a_new_proposal_stands_beside_the_old_one_until_all_members_have_it():
    fleet = built([group_of()], hosts_of())
    raised = group_of(ike_proposal={"authentication_algorithm": "sha-384"})
    made = planned(fleet, [raised], hosts_of())
    assert [s.kind for s in made.steps] == [Kind.LEARN, Kind.MEMBERS, Kind.WAIT, Kind.FORGET]
    policies = made.steps[0].changes["hub-1"].config["ike"]["policies"]
    assert {len(policy["proposals"]) for policy in policies} == {2}
    assert made.steps[-1].changes["hub-1"].drop["ike"]["proposals"] == [
        {"name": "aes-256-cbc-sha-256-group14"}
    ]


def test_who_is_not_managed_is_named_when_its_old_proposal_goes_and_at_no_other_change():
    other = {"name": "legacy", "address": "203.0.113.9", "pre_shared_key": "made-up-key-of-legacy"}
    fleet = built([group_of(unmanaged_members=[other])], hosts_of())
    raised = group_of(
        unmanaged_members=[other], ike_proposal={"authentication_algorithm": "sha-384"}
    )
    (apart,) = planned(fleet, [raised], hosts_of()).steps[-1].apart
    assert (apart.group, apart.members) == ("BRANCHES", ("legacy",))
    assert apart.until == "somebody gives it the new proposal; it is not managed"
    keys = planned(fleet, [group_of(unmanaged_members=[other])], hosts_of({"site-1": "new"}))
    assert not any("legacy" in a.members for step in keys.steps for a in step.apart)


def test_a_server_that_serves_a_group_no_more_forgets_it_last():
    fleet = built([group_of(servers=HUBS[:2])], hosts_of())
    made = planned(fleet, [group_of(servers=HUBS[1:2])], hosts_of())
    assert made.steps[-1].kind is Kind.FORGET
    assert made.steps[-1].changes[HUBS[0]].drop["groups"] == [{"name": "BRANCHES"}]
    assert not any(HUBS[0] in step.changes for step in made.steps[:-1])
    carried_out(fleet, made)
    assert not fleet.sides[HUBS[0]]["server"].get("groups")


def test_whose_group_gets_another_number_is_named_from_the_first_step_on():
    """To servers the group of the old number ends then, and some can only be told by somebody."""
    other = {"name": "legacy", "address": "203.0.113.9", "pre_shared_key": "made-up-key-of-legacy"}
    fleet = built([group_of(unmanaged_members=[other])], hosts_of())
    made = planned(fleet, [group_of(unmanaged_members=[other], group_id=7)], hosts_of())
    (apart,) = made.steps[0].apart
    assert (made.steps[0].kind, {*apart.members}) == (Kind.LEARN, {*SITES, "legacy"})


def test_what_the_description_does_not_name_stays():
    fleet = Fleet()
    foreign = read(
        [group_of(name="OTHER", group_id=9, members=["site-5"], servers=["hub-1"])], hosts_of()
    )
    carried_out(fleet, plan(fleet.sides, foreign))
    before = copy.deepcopy(fleet.sides["hub-1"]["server"])
    carried_out(fleet, planned(fleet, [group_of(members=SITES[:4])], hosts_of()))
    names = [g["name"] for g in fleet.sides["hub-1"]["server"]["groups"]]
    assert names == ["OTHER", "BRANCHES"]
    assert before["groups"][0] == fleet.sides["hub-1"]["server"]["groups"][0]
    made = plan(fleet.sides, read([group_of(members=SITES[:4])], hosts_of()), exclusive=True)
    carried_out(fleet, made)
    assert [g["name"] for g in fleet.sides["hub-1"]["server"]["groups"]] == ["BRANCHES"]


def test_an_unseen_member_keeps_what_servers_know_of_it_and_an_unseen_server_stops_its_group():
    fleet = built([group_of()], hosts_of())
    keys = hosts_of({"site-1": "new", "site-2": "new"})
    made = planned(fleet, [group_of()], keys, unseen=("site-1",))
    (learn,) = [step for step in made.steps if step.kind is Kind.LEARN]
    policies = learn.changes["hub-1"].config["ike"]["policies"]
    assert "site-1" not in [policy["name"] for policy in policies]
    assert [step.hosts for step in made.steps if step.kind is Kind.MEMBERS] == [("site-2",)]
    assert any(line.startswith("site-1: ") for line in made.left)
    blind = planned(fleet, [group_of()], keys, unseen=("hub-1",))
    assert blind.steps == ()
    assert any("hub-1" in line and "BRANCHES" in line for line in blind.left)
    of_two = group_of(servers=HUBS[:2])
    blind = planned(built([of_two], hosts_of()), [of_two], keys, unseen=(HUBS[1],))
    assert (blind.steps, len(blind.left)) == ((), 1)


def test_a_member_of_another_interface_registers_again_and_is_named():
    fleet = built([group_of()], hosts_of())
    moved = hosts_of(site_1={"external_interface": "ge-0/0/9.0"})
    change, _wait = planned(fleet, [group_of()], moved).steps
    (apart,) = change.apart
    assert (change.kind, apart.members) == (Kind.MEMBERS, ("site-1",))


def test_a_sub_server_that_is_left_alone_makes_the_keys_of_a_group_of_another_number():
    fleet = built([group_of(servers=HUBS[:2])], hosts_of())
    alone = group_of(servers=HUBS[1:2])
    assert planned(fleet, [alone], hosts_of()).steps[0].kind is Kind.MEMBERS
    learn, *_rest = planned(fleet, [{**alone, "group_id": 9}], hosts_of()).steps
    assert (learn.kind, learn.hosts) == (Kind.LEARN, (HUBS[1],))
    (block,) = learn.changes[HUBS[1]].config["groups"]
    assert "server_cluster" not in block


def test_servers_of_a_cluster_have_one_key_that_a_description_cannot_know():
    found = describe(built([group_of(servers=HUBS[:2])], hosts_of()).sides)
    assert [one for one in found["keys"] if "hub" in one] == [
        f"{HUBS[0]}: group_vpn_pre_shared_key"
    ]


def test_members_that_no_push_reaches_are_had_to_register():
    fleet = built([{**group_of(), "server_member_communication": None}], hosts_of())
    made = planned(fleet, [group_of()], hosts_of())
    assert [step.kind for step in made.steps] == [Kind.LEARN, Kind.RENEW, Kind.WAIT]
    assert not any(step.apart for step in made.steps)
    brief = group_of(ipsec_proposal={"lifetime_seconds": 1800})
    made = planned(fleet, [{**brief, "server_member_communication": None}], hosts_of())
    assert [step.kind for step in made.steps] == [Kind.LEARN, Kind.RENEW, Kind.WAIT]
    assert set(made.steps[1].apart[0].members) == set(SITES)


SILENT = {"server_member_communication": None}


@pytest.mark.parametrize(
    ("before", "then", "is_void"),
    [
        (SILENT, SILENT, True),
        (SILENT, {}, True),
        ({}, SILENT, True),
        ({}, {}, False),
        (SILENT, {**SILENT, "servers": HUBS[:2]}, True),
        # A server that does not know the group has no key of it.
        (SILENT, {**SILENT, "servers": HUBS[1:2]}, False),
    ],
)
def test_keys_of_old_algorithms_are_void_where_no_push_brings_others(before, then, is_void):
    """A server may hand them out until they are due."""
    fleet = built([group_of(**before)], hosts_of())
    weak = {"encryption_algorithm": "aes-128-cbc"}
    made = planned(fleet, [group_of(**then, ipsec_proposal=weak)], hosts_of())
    void = [step for step in made.steps if step.kind is Kind.NEW_ALGORITHMS]
    assert [set(step.apart[0].members) for step in void] == [set(SITES)] * is_void
    if is_void:
        (renew,) = [step for step in made.steps if step.kind is Kind.RENEW]
        assert set(renew.forgetting) == set(SITES)


def test_a_proposal_that_is_only_called_otherwise_leaves_keys_good():
    fleet = built([group_of(**SILENT)], hosts_of())
    server = fleet.sides["hub-1"]["server"]
    server["ipsec"]["proposals"][0]["name"] = "theirs"
    server["groups"][0]["ipsec_sas"][0]["proposal"] = "theirs"
    made = planned(fleet, [group_of(**SILENT)], hosts_of())
    assert [step.kind for step in made.steps] == [Kind.LEARN, Kind.RENEW, Kind.WAIT]


def test_a_server_knows_the_sub_server_that_leaves_until_the_one_that_comes_has_the_keys():
    fleet = built([group_of(servers=["hub-1", "hub-2"])], hosts_of())
    made = planned(fleet, [group_of(servers=["hub-1", "hub-3"])], hosts_of())
    peers = [
        block["server_cluster"]["ike_gateways"]
        for step in made.steps
        for change in [step.changes.get("hub-1")]
        if change is not None
        for block in change.config["groups"]
    ]
    assert set(peers[0]) == {"hub-2", "hub-3"}
    assert peers[-1] == ["hub-3"]


@pytest.mark.parametrize(
    ("servers", "members", "host", "peers"),
    [
        # Who left is still known to the server that leaves, and would be given the new keys there.
        (["hub-1"], SITES, "hub-1", ["hub-2", "hub-3"]),
        (["hub-1"], SITES[:4], "hub-1", []),
        # Another makes the keys: those of the old one do not fit them.
        (["hub-2", "hub-3"], SITES, "hub-3", ["hub-2"]),
        (["hub-1", "hub-3"], SITES, "hub-3", ["hub-1", "hub-2"]),
    ],
)
def test_with_whom_a_server_shares_keys_while_others_leave(servers, members, host, peers):
    fleet = built([group_of(servers=HUBS)], hosts_of())
    made = planned(fleet, [group_of(servers=servers, members=members)], hosts_of())
    for step in made.steps:
        if step.kind is Kind.LEARN:
            for server, change in step.changes.items():
                fleet.change(server, change)
    (group,) = fleet.sides[host]["server"]["groups"]
    assert sorted(group.get("server_cluster", {}).get("ike_gateways", ())) == peers


def test_members_wait_for_shared_keys_also_where_an_earlier_run_ended_before_they_were():
    fleet = built([group_of()], hosts_of())
    wanted = [group_of(servers=["hub-1", "hub-2"])], hosts_of()
    first = planned(fleet, *wanted)
    for host, change in first.steps[0].changes.items():
        fleet.change(host, change)
    rest = planned(fleet, *wanted, unshared={"BRANCHES"})
    assert [step.kind for step in rest.steps] == [Kind.SHARE, Kind.MEMBERS, Kind.WAIT]
    assert [step.kind for step in planned(fleet, *wanted).steps] == [Kind.MEMBERS, Kind.WAIT]
    carried_out(fleet, rest)
    assert planned(fleet, *wanted, unshared={"BRANCHES"}).steps == ()


def test_a_plan_for_a_person_holds_no_key():
    fleet = built([group_of()], hosts_of())
    made = planned(fleet, [group_of()], hosts_of({"site-1": "a-secret-word"}))
    assert made.steps
    assert "a-secret-word" not in repr(made) + str([step.as_result() for step in made.steps])


def test_what_is_expanded_says_the_same_on_both_sides():
    sides = configurations(read([group_of(servers=["hub-1", "hub-2"])], hosts_of()))
    (vpn,) = sides["site-1"]["member"]["ipsec"]["vpns"]
    assert vpn["group"] == sides["hub-1"]["server"]["groups"][0]["group_id"]
    (gateway,) = sides["site-1"]["member"]["ike"]["gateways"]
    assert gateway["server_addresses"] == ["192.0.2.1", "192.0.2.2"]
    assert sides["hub-2"]["server"]["groups"][0]["server_cluster"] == {
        "server_role": "sub-server",
        "ike_gateways": ["hub-1"],
    }
    assert sides["hub-1"]["server"]["groups"][0]["server_member_communication"] == UNICAST


@pytest.mark.parametrize(
    ("other", "has_left"),
    [
        ({"name": "branch-1"}, False),
        ({"name": "branch-1", "pre_shared_key": "another-made-up-key"}, True),
        ({"name": "branch-1", "address": "198.51.100.99"}, True),
    ],
)
def test_who_is_only_called_otherwise_has_not_left_and_nobody_needs_new_keys(other, has_left):
    groups = [group_of(exclude="reregister")]
    fleet = built(groups, hosts_of())
    steps = planned(fleet, groups, hosts_of(site_1=other)).steps
    assert any(step.kind is Kind.NEW_KEYS for step in steps) is has_left


def test_a_gateway_that_is_named_and_not_in_force_is_nobody_by_another_name():
    assert not_renamed({}, ["inactive"], {"ike": {"gateways": [{"name": "a"}]}}) == ["inactive"]


@pytest.mark.parametrize(
    ("traffic", "remade"),
    [({"encryption_algorithm": "aes-128-cbc"}, ("BRANCHES",)), ({"lifetime_seconds": 1800}, ())],
)
def test_other_traffic_keys_are_waited_for_where_their_algorithms_change_alone(traffic, remade):
    fleet = built([group_of()], hosts_of())
    steps = planned(fleet, [group_of(ipsec_proposal=traffic)], hosts_of()).steps
    assert [step.remade for step in steps if step.kind is Kind.LEARN] == [remade]


def test_a_gateway_at_whose_address_another_name_is_wanted_is_called_otherwise():
    def called(name):
        return {"ike": {"gateways": [{"name": name, "address": "192.0.2.1"}]}}

    assert not_renamed(called("a"), ["a"], called("b")) == []
    assert not_renamed(called("a"), ["a"], called("a")) == ["a"]

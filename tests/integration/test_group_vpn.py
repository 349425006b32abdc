# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole Group VPNs run from one description, on emulated servers and members, under observation."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from ncclient import manager

from keyserver.capture.sa_log import read_sa_log
from tests.lab import ask, by_ncclient, play
from tests.processes import Process
from tests.whole import ROLE, UNICAST, WholeLab

NAME, NUMBER = "BRANCHES", 70000
OLD = {"encryption_algorithm": "3des-cbc", "authentication_algorithm": "hmac-sha1-96"}


@pytest.fixture
def whole(lab):
    one = WholeLab(lab)
    try:
        yield one
    finally:
        one.stop()


def built(whole, sites=3, hubs=2, *options, **more):
    """Devices that carry out a description for the first time."""
    servers = whole.hubs(hubs)
    whole.sites(sites)
    whole.group(NAME, NUMBER, servers, server_member_communication=dict(UNICAST), **more)
    whole.start(*options)
    result = run(whole)
    assert changed(result) == {*servers, *whole.branches}
    return result


def run(whole, *options, **more):
    """The role; it has to succeed."""
    more.setdefault("group_vpn_timeout", 60)
    result = whole.run(*options, **more)
    assert result.code == 0, f"{troubles(result)}\n{result.output[-6000:]}"
    return result


def troubles(result):
    """What hosts that have failed, or did not answer, say."""
    told = [one for task in result.tasks for one in task.values()]
    return [one.get("msg") for one in told if one.get("failed") or one.get("unreachable")]


def outcome(result):
    """What the task that ran once returned."""
    return next(iter(result.tasks[-2].values()))


def changed(result):
    return {host for host, one in result.tasks[-1].items() if one.get("changed")}


def of_device(whole, host):
    """What is committed there."""
    with manager.connect(**by_ncclient(whole.lab, host)) as session:
        return str(session.get_config("running"))


def steps(result):
    return [step["step"] for step in outcome(result)["steps"]]


def named(result):
    """Members that the plan says may be apart from the others."""
    return {m for step in outcome(result)["steps"] for a in step["apart"] for m in a["members"]}


def screen(result):
    return "\n".join(outcome(result)["screen"])


def observed(whole, since, result):
    """Nobody was apart but whom the plan names; how many events there are."""
    members = set(whole.branches)
    wrong = {
        pair
        for pair in whole.apart(since)
        if set(pair) <= members and not set(pair) & named(result)
    }
    assert wrong == set()
    return len(whole.events())


def test_a_group_is_built_from_empty_devices_and_then_left_alone(whole):
    result = built(whole)
    assert steps(result) == ["learn", "share", "members", "wait"]
    assert "3 of 3 members registered at hub-1, hub-2" in screen(result)
    seen = observed(whole, 0, result)
    again = run(whole)
    assert changed(again) == set()
    assert steps(again) == []
    assert "3 of 3 members registered" in screen(again)
    # What a member was sent twice comes when it comes.
    assert {e["event"] for e in whole.events()[seen:]} <= {"ignored"}
    everything = result.output + again.output
    assert "made-up-key" not in everything
    assert not any("pending_confirmation" in str(v) for v in outcome(again)["hosts"].values())


def test_check_mode_shows_the_whole_plan_and_touches_nothing(whole):
    servers = whole.hubs(2)
    whole.sites(2)
    whole.group(NAME, NUMBER, servers, server_member_communication=dict(UNICAST))
    whole.start()
    told = run(whole, "--check", "--diff")
    assert changed(told) == {*servers, *whole.branches}
    assert "+       server {" in told.tasks[-1]["hub-1"]["diff"]["prepared"]
    assert "+       member {" in told.tasks[-1]["site-01"]["diff"]["prepared"]
    assert "1. servers learn what is new, and forget who is gone: hub-1, hub-2" in told.output
    assert "made-up-key" not in told.output
    assert whole.events() == []
    assert steps(run(whole, "--check")) == steps(told)


def test_a_site_is_added_and_another_removed_that_can_read_nothing_afterwards(whole):
    log = whole.lab.path / "sa.log"
    built(whole, 3, 2, "--sa-log", str(log))
    seen = len(whole.events())
    # A device that did not exist when the lab began is one that nobody had described.
    whole.branches.remove("site-03")
    removed = run(whole)
    assert steps(removed) == ["learn", "new_keys", "wait", "leave"]
    assert "removed: site-03" in screen(removed)
    assert "rekeyed: the group has new traffic keys" in screen(removed)
    assert named(removed) == {"site-01", "site-02"}
    observed(whole, seen, removed)
    seen = len(whole.events())
    whole.branches.append("site-03")
    added = run(whole)
    assert steps(added) == ["learn", "members", "wait"]
    assert named(added) == set()
    assert "added: site-03" in screen(added)
    observed(whole, seen, added)


def test_who_was_removed_reads_nothing_with_the_keys_that_it_kept(whole):
    log = whole.lab.path / "sa.log"
    built(whole, 3, 2, "--sa-log", str(log))
    before = {sa.member: sa for sa in read_sa_log(log.read_text().splitlines()).held}
    # The thief's device is not ours any more: it keeps its configuration and its keys.
    whole.branches.remove("site-03")
    whole.variables["site-03"]["group_vpn_address"] = None
    removed = run(whole, hosts="all:!site-03")
    assert "removed: site-03" in screen(removed)
    held = read_sa_log(log.read_text().splitlines()).held
    stolen = [sa for sa in (*before.values(), *held) if sa.member.startswith("site-03")]
    now = [sa for sa in held if sa.member.startswith(("site-01", "site-02"))]
    assert stolen
    assert now
    packet = b"what the others say"
    for sa in now:
        seal = hmac.new(bytes.fromhex(sa.integrity_key), packet, hashlib.sha256).digest()
        for old in stolen:
            key = bytes.fromhex(old.integrity_key)
            assert hmac.new(key, packet, hashlib.sha256).digest() != seal
            assert old.encryption_key != sa.encryption_key
            assert old.spi != sa.spi
    ask(whole.lab, "site-03", "clear-gvpn-group-information")
    whole.process.wait_for('"refused"', 60)
    events = [e["event"] for e in whole.events() if e["member"].startswith("site-03")]
    assert events.count("registered") == 1


def test_a_sub_server_tells_nobody_new_keys_under_the_key_that_a_removed_site_has_kept(whole):
    """Who has the old key for rekeying and listens would read them."""
    other = {"name": "other", "address": "127.0.10.90", "pre_shared_key": "made-up-key-of-other"}
    # It is listed by the sub-server alone, and the removed site by nobody but the first.
    whole.lab.add_member("other", "hub-2", "127.0.10.90", NUMBER, psk="made-up-key-of-other")
    built(whole, 2, 2, unmanaged_members=[other])
    fleet = Process("members", whole.lab.file, "--events")
    try:
        fleet.wait_for('"registered"')
        whole.branches.remove("site-02")
        removed = run(whole)
        assert "removed: site-02" in screen(removed)
        assert outcome(removed)["unverified"] == {}
        fleet.wait_for('"registered"', count=2)
        told = [json.loads(line) for line in fleet.output if line.startswith("{")]
        (used,) = [e["receives_with"] for e in told if e["event"] == "registered"][1:]
        pushed = {s for e in told if e["event"] == "rekeyed" for s in e["receives_with"]}
        assert used
        assert not pushed & set(used)
    finally:
        fleet.stop()


def test_keys_are_rotated_and_algorithms_raised_without_a_gap_that_is_not_named(whole):
    built(whole)
    seen = len(whole.events())
    for site in whole.branches[:2]:
        whole.variables[site]["group_vpn_pre_shared_key"] = f"rotated-{site}"
    rotated = run(whole)
    assert steps(rotated) == ["learn", "members", "wait"]
    assert changed(rotated) == {"hub-1", "hub-2", "site-01", "site-02"}
    assert named(rotated) == {"site-01", "site-02"}
    seen = observed(whole, seen, rotated)
    whole.groups[0]["ike_proposal"] = {"authentication_algorithm": "sha-384"}
    raised = run(whole)
    assert steps(raised) == ["learn", "members", "wait", "forget"]
    observed(whole, seen, raised)
    assert steps(run(whole)) == []


def test_algorithms_of_traffic_are_raised_by_a_rekey(whole):
    built(whole, 2, 2, ipsec_proposal={"encryption_algorithm": "aes-128-cbc"})
    seen = len(whole.events())
    whole.groups[0]["ipsec_proposal"] = {"encryption_algorithm": "aes-256-cbc"}
    raised = run(whole)
    assert steps(raised) == ["learn", "wait"]
    assert "rekeyed" in screen(raised)
    assert named(raised) == set()
    observed(whole, seen, raised)


def test_algorithms_of_traffic_are_raised_at_once_where_nothing_is_pushed(whole):
    log = whole.lab.path / "sa.log"
    servers = whole.hubs(2)
    whole.sites(2)
    weak = {"encryption_algorithm": "aes-128-cbc"}
    whole.group(NAME, NUMBER, servers, ipsec_proposal=weak)
    whole.start("--sa-log", str(log))
    run(whole)
    seen = len(whole.events())
    whole.groups[0]["ipsec_proposal"] = {"encryption_algorithm": "aes-256-cbc"}
    raised = run(whole)
    assert steps(raised) == ["learn", "new_algorithms", "renew", "wait"]
    assert "rekeyed" in screen(raised)
    assert named(raised) == set(whole.branches)
    observed(whole, seen, raised)
    held = read_sa_log(log.read_text().splitlines()).held
    assert {sa.member.partition("/")[0] for sa in held} == set(whole.branches)
    assert {len(sa.encryption_key) // 2 for sa in held} == {32}
    shown = ask(whole.lab, servers[1], "get-security-group-vpn-server-security-information")
    assert all(sa.spi.removeprefix("0x") in shown.lower() for sa in held)


def test_a_sub_server_gets_the_keys_before_members_learn_of_it(whole):
    first, second = whole.hubs(2)
    whole.sites(2)
    whole.group(NAME, NUMBER, [first], server_member_communication=dict(UNICAST))
    whole.start()
    run(whole)
    seen = len(whole.events())
    whole.groups[0]["servers"] = [first, second]
    added = run(whole)
    assert steps(added) == ["learn", "share", "members", "wait"]
    assert named(added) == set(whole.branches)
    observed(whole, seen, added)


def replaced(whole, first, second, servers):
    """The run that makes a group of the first two servers one of ``servers``, watched."""
    whole.sites(2)
    whole.group(NAME, NUMBER, [first, second], server_member_communication=dict(UNICAST))
    whole.start()
    run(whole)
    seen = len(whole.events())
    whole.groups[0]["servers"] = servers
    result = run(whole)
    assert steps(result) == ["learn", "share", "members", "wait", "forget"]
    assert named(result) == set(whole.branches)
    observed(whole, seen, result)
    assert steps(run(whole)) == []
    return result


def test_a_sub_server_is_replaced_before_the_old_one_leaves(whole):
    first, second, third = whole.hubs(3)
    replaced(whole, first, second, [first, third])


def test_the_server_that_makes_the_keys_is_replaced_by_its_sub_server(whole):
    first, second, third = whole.hubs(3)
    result = replaced(whole, first, second, [second, third])
    assert "2 of 2 members registered at hub-2, hub-3" in screen(result)
    assert "group-vpn" not in of_device(whole, first)
    assert first not in of_device(whole, second)
    # The new root's keys are those of the group: it alone makes new ones.
    whole.branches.remove("site-02")
    assert "1 of 1 members registered at hub-2, hub-3" in screen(run(whole))


def test_only_where_it_is_exclusive_a_description_takes_away_what_it_does_not_name(whole):
    built(whole, 2, 1)
    foreign = {
        "hub-1": "set security group-vpn server ike gateway foreign ike-policy site-01\n"
        "set security group-vpn server ike gateway foreign address 192.0.2.77\n",
        "site-01": "set security group-vpn member ike proposal foreign dh-group group14\n",
    }
    for host, lines in foreign.items():
        with manager.connect(**by_ncclient(whole.lab, host)) as session:
            session.load_configuration(action="set", config=lines)
            session.commit()
    assert steps(run(whole)) == []
    for host in foreign:
        assert "foreign" in of_device(whole, host)
    seen = len(whole.events())
    told = run(whole, "--check", "--diff", group_vpn_exclusive=True)
    assert "-      gateway foreign {" in told.tasks[-1]["hub-1"]["diff"]["prepared"]
    assert "-      proposal foreign {" in told.tasks[-1]["site-01"]["diff"]["prepared"]
    gone = run(whole, group_vpn_exclusive=True)
    assert changed(gone) == set(foreign)
    for host in foreign:
        assert "foreign" not in of_device(whole, host)
    observed(whole, seen, gone)
    assert steps(run(whole, group_vpn_exclusive=True)) == []


def test_members_learn_of_rekeys_without_losing_a_packet(whole):
    servers = whole.hubs(1)
    whole.sites(2)
    whole.group(NAME, NUMBER, servers)
    whole.start()
    run(whole)
    seen = len(whole.events())
    whole.groups[0]["server_member_communication"] = dict(UNICAST)
    pushed = run(whole)
    assert steps(pushed) == ["learn", "renew", "wait"]
    assert named(pushed) == set()
    observed(whole, seen, pushed)


def test_a_v1_group_goes_to_multicast_and_back(whole):
    servers = whole.hubs(1, "v1")
    whole.sites(2, "v1")
    block = {"encryption_algorithm": "aes-128-cbc", "sig_hash_algorithm": "sha1"}
    more = {"multicast_group": "233.252.0.7", "multicast_outgoing_interface": "ge-0/0/1.0"}
    whole.group(NAME, 7, servers, server_member_communication=block, ipsec_proposal=OLD)
    whole.start()
    run(whole)
    for kind in ({"communication_type": "multicast", **more}, {"communication_type": "unicast"}):
        whole.groups[0]["server_member_communication"] = {**block, **kind}
        moved = run(whole)
        assert steps(moved) == ["learn", "renew", "wait"]
        assert named(moved) == set(whole.branches)
        assert "2 of 2 members registered" in screen(moved)
    assert steps(run(whole)) == []


def test_members_move_from_a_v1_server_to_a_v2_server(whole):
    (old,) = whole.hubs(1, "v1")
    (new,) = whole.hubs(1, "v2", first=2)
    whole.sites(2, "v1")
    block = {"encryption_algorithm": "aes-128-cbc", "sig_hash_algorithm": "sha1"}
    whole.group(NAME, 7, [old], server_member_communication=block, ipsec_proposal=OLD)
    whole.start()
    run(whole)
    seen = len(whole.events())
    del whole.groups[0]["ipsec_proposal"]
    whole.groups[0] |= {"servers": [new], "server_member_communication": dict(UNICAST)}
    moved = run(whole)
    assert steps(moved) == ["learn", "members", "wait", "forget"]
    assert named(moved) == set(whole.branches)
    assert "2 of 2 members registered at hub-2" in screen(moved)
    observed(whole, seen, moved)


def test_contradictions_are_refused_together_before_any_device_is_asked(whole):
    servers = whole.hubs(1)
    whole.sites(3)
    whole.group(NAME, NUMBER, servers, server_member_communication={**UNICAST, "heartbeat": 1})
    whole.variables["site-02"]["group_vpn_extrenal_interface"] = "ge-0/0/2.0"
    whole.variables["site-03"]["group_vpn_pre_shared_key"] = "{{ vault_site_3 }}"
    whole.variables["site-03"]["group_vpn_address"] = "{{ addresses['site-03'] | nothing }}"
    del whole.variables["site-01"]["group_vpn_pre_shared_key"]
    whole.variables["site-02"]["group_vpn_address"] = "127.0.10.1"
    whole.write()
    # No device runs: who asks one fails otherwise.
    refused = whole.unobserved()
    assert refused.code != 0
    assert "site-01: group_vpn_pre_shared_key: missing" in refused.output
    assert "site-01, site-02: group_vpn_address 127.0.10.1" in refused.output
    assert "heartbeat 1: Group VPNv2 takes 60 to 3600" in refused.output
    assert "site-02: group_vpn_extrenal_interface: the collection reads no" in refused.output
    assert "site-03: group_vpn_pre_shared_key: 'vault_site_3' is undefined" in refused.output
    assert "site-03: group_vpn_address: its value can be neither rendered" in refused.output
    assert "unreachable" not in str(refused.tasks)
    asked = {"groupvpn.junos.group_vpn": {"outcome": "no_such_variable"}}
    group = {**whole.groups[0], "group_id": "{{ number_of_branches }}"}
    described = {"groupvpn.junos.group_vpn": {"groups": [group]}, "ignore_errors": True}
    failed = {"groupvpn.junos.group_vpn": {"outcome": "failed"}, "ignore_errors": True}
    once = {**described, "run_once": True, "register": "failed"}
    unknown = play(whole.lab, [once, failed, asked], serial=3)
    there = f"description: group_vpn_groups[{NAME}].group_id"
    assert f"{there}: 'number_of_branches' is undefined; define what" in unknown.output
    assert "site-03: serial: not in this turn of the play, and a Group VPN is" in unknown.output
    assert "outcome 'no_such_variable': expected what 'groups' returned" in unknown.output
    # Nobody is told to have no part in a run that has failed.
    assert "outcome 'failed': it has failed" in unknown.output
    assert "no part of any group" not in unknown.output


def test_a_description_that_is_none_is_refused_as_any_other_is(whole):
    """None ended with a TypeError, and a text with Ansible's words about its conversion."""
    whole.hubs(1)
    whole.write()
    expected = "description: group_vpn_groups: a list of groups is expected"
    module = "groupvpn.junos.group_vpn"
    given = {"null": None, "text": '[{"name": "A"}]', "one": {"name": "A"}, "number": 7}
    tasks = [{module: {"groups": groups}, "ignore_errors": True} for groups in given.values()]
    said = [task["hub-1"]["msg"] for task in play(whole.lab, tasks).tasks]
    assert [line.startswith(expected) for line in said] == [True] * len(given), said
    assert said[1].endswith("give it in a file, as -e name=value makes text of anything")


@pytest.mark.parametrize(
    ("task", "play_is", "what"),
    [
        (ROLE, {"strategy": "free"}, "strategy free"),
        ({"groupvpn.junos.group_vpn": {"groups": []}}, {}, "run_once false"),
    ],
)
def test_a_run_for_each_host_at_once_is_refused_before_any_device_is_asked(
    whole, task, play_is, what
):
    whole.group(NAME, NUMBER, whole.hubs(1))
    whole.sites(1)
    whole.write()
    result = play(whole.lab, [task], **play_is)
    why = (
        f"{what}: each of 2 hosts would run the whole Group VPN, all at once; set 'run_once: true'"
    )
    assert [one.startswith(why) for one in troubles(result)] == [True, True]


NOT_THERE = {"when": "inventory_hostname != excused", "vars": {"excused": "site-02"}}
HERE_ALONE = {"groupvpn.junos.group_vpn": {"groups": "{{ group_vpn_groups }}"}, "run_once": True}
IMPORTED = {"ansible.builtin.import_role": {"name": "groupvpn.junos.group_vpn"}}


@pytest.mark.parametrize(
    "there",
    [
        {**ROLE, **NOT_THERE},
        {**IMPORTED, **NOT_THERE},
        {"block": [IMPORTED], **NOT_THERE},
        {**HERE_ALONE, "when": "is_there"},
        {**HERE_ALONE, "when": "is_there | default(false)"},
        {**HERE_ALONE, "when": "is_there | default(item)", "loop": [False]},
    ],
    ids=["included", "imported", "imported in a block", "unknown", "default", "item"],
)
def test_hosts_that_a_condition_leaves_out_are_refused_before_any_device_is_asked(whole, there):
    """They were configured all the same, and nobody said what became of them.

    And of what was imported all hosts were said to be left out: a text was taken for a list. What
    a host does not say of itself was what the host that runs it says of its own self.
    """
    whole.group(NAME, NUMBER, whole.hubs(1))
    whole.sites(2)
    for host in ("hub-1", "site-01"):
        whole.variables[host]["is_there"] = True
    # What no condition asks for is asked of nobody.
    whole.variables["site-01"]["of_no_use"] = "{{ nobody_has_it }}"
    whole.write()
    why = "site-02: when: the task does not run there, and a Group VPN is planned as a whole; "
    assert f'"msg": "{why}' in play(whole.lab, [there]).output
    # It is nobody's business when the description does not name them.
    whole.branches.remove("site-02")
    whole.write()
    asked = play(whole.lab, [there])
    assert "hub-1: not looked at" in asked.output
    assert "site-02: not looked at" not in asked.output
    assert "site-02" not in str(troubles(asked))


FATES = {
    host: {"changed": True, "unreachable": False, "did": ["configured"], "diff": "+  x;\n"}
    | {"failures": failures, "left": [], "warnings": [f"of {host}"]}
    for host, failures in {"hub-1": [], "site-01": ["commit: refused"]}.items()
}
TELL = {"groupvpn.junos.group_vpn": {"outcome": {"hosts": FATES}}}


@pytest.mark.parametrize("around", ["task", "include"])
def test_one_host_that_speaks_for_all_says_what_became_of_all(whole, around):
    """With 'run_once' a site that had failed was told of by nobody, and Ansible ended with 0."""
    whole.hubs(1)
    whole.sites(1)
    whole.write()
    (whole.lab.path / "tell.yml").write_text(json.dumps([TELL]))
    include = {"ansible.builtin.include_tasks": str(whole.lab.path / "tell.yml")}
    task = {"task": TELL, "include": include}[around]
    result = play(whole.lab, [{**task, "run_once": True}], "--diff")
    assert result.code == 2
    (told,) = [one for one in result.tasks[-1].values() if one["action"].endswith("group_vpn")]
    assert told["msg"] == "site-01: commit: refused"
    assert (told["changed"], told["failed"]) == (True, True)
    assert told["did"] == ["hub-1: configured", "site-01: configured"]
    assert told["warnings"] == ["hub-1: of hub-1", "site-01: of site-01"]
    assert [one["prepared"] for one in told["diff"]] == [f"{h}:\n+  x;\n" for h in FATES]


def test_a_host_at_which_nobody_has_looked_is_not_said_to_need_nothing(whole):
    """After a rescued failure Ansible has one host in the play; all others were 'no part'."""
    whole.hubs(1)
    whole.sites(2)
    whole.write()
    result = play(whole.lab, [{"groupvpn.junos.group_vpn": {"outcome": {"hosts": FATES}}}])
    told = result.tasks[-1]
    assert not told["hub-1"].get("failed")
    assert told["site-01"]["msg"] == "site-01: commit: refused"
    why = "site-02: it was not in the play when the Group VPN was run, and nobody has looked at it"
    assert told["site-02"]["msg"] == f"{why}; run it again"


def test_members_that_nobody_can_ask_are_verified_by_what_servers_hear_of_them(whole):
    others = [
        {"name": name, "address": f"127.0.10.{n}", "pre_shared_key": f"made-up-key-of-{name}"}
        for n, name in enumerate(("alive", "silent"), 90)
    ]
    whole.lab.add_member("alive", "hub-1", "127.0.10.90", NUMBER, psk="made-up-key-of-alive")
    first = built(whole, 1, 1, unmanaged_members=others)
    nobody = f"no server lists it as a member of {NAME}"
    assert outcome(first)["unverified"] == {"alive": nobody, "silent": nobody}
    assert f"not verified: alive, silent: {nobody}" in screen(first)
    fleet = Process("members", whole.lab.file)
    try:
        fleet.wait_for("all 1 member registered")
        # It came before the run, and nothing in it shows that it is still there.
        assert "but not heard of in this run" in outcome(run(whole))["unverified"]["alive"]
        whole.groups[0]["ipsec_proposal"] = {"encryption_algorithm": "aes-128-cbc"}
        assert outcome(run(whole))["unverified"] == {"silent": nobody}
    finally:
        fleet.stop()
    whole.groups[0]["ipsec_proposal"] = {"encryption_algorithm": "aes-192-cbc"}
    assert outcome(run(whole))["unverified"].keys() == {"alive", "silent"}


STEPS = (
    "servers learn what is new",
    "members are configured",
    "members register for keys that",
    "every member is listed",
    "servers forget what only",
    "members that left forget",
)


def test_who_runs_it_may_be_killed_at_any_step_and_the_next_run_ends_it(whole):
    """Each run rotates a key, raises phase 1 and removes a site; each is killed one step later."""
    built(whole, 2 + len(STEPS), 1)
    planned = None
    for number, step in enumerate(STEPS):
        gone = whole.branches.pop()
        whole.variables["site-01"]["group_vpn_pre_shared_key"] = f"made-up-key-{number}"
        digest = ("sha-384", "sha-256")[number % 2]
        whole.groups[0]["ike_proposal"] = {"authentication_algorithm": digest}
        # The first plan names whoever later ones may.
        planned = planned or run(whole, "--check")
        assert steps(planned) == ["learn", "members", "new_keys", "wait", "forget", "leave"]
        seen = len(whole.events())
        whole.killed_at(step, group_vpn_timeout=60)
        seen = observed(whole, seen, planned)
        ended = run(whole)
        observed(whole, seen, ended)
        count = len(whole.branches)
        assert f"{count} of {count} members registered at hub-1" in screen(ended)
        again = run(whole)
        assert (steps(again), changed(again)) == ([], set())
        assert gone not in of_device(whole, "hub-1")
        # Nothing that was ever given to the one sent away is what the others use now.
        used = {spi for site in whole.branches for spi in keys_of(whole, site)[-1]}
        assert used
        assert not used & {spi for spis in keys_of(whole, gone) for spi in spis}, step


def test_a_cluster_that_grows_is_ended_by_the_next_run_wherever_the_first_was_killed(whole):
    first, second, third = whole.hubs(3)
    whole.sites(3)
    group = whole.group(NAME, NUMBER, [first, second], server_member_communication=dict(UNICAST))
    whole.start()
    run(whole)
    group["servers"] = [first, second, third]
    gone = whole.branches.pop()
    whole.variables["site-01"]["group_vpn_pre_shared_key"] = "made-up-key-of-another-day"
    planned = run(whole, "--check")
    assert steps(planned) == ["learn", "share", "members", "new_keys", "wait", "leave"]
    seen = len(whole.events())
    whole.killed_at("servers of a cluster have", group_vpn_timeout=60)
    whole.killed_at("members register for keys that", group_vpn_timeout=60)
    ended = run(whole)
    assert steps(ended) == ["new_keys", "wait", "leave"]
    observed(whole, seen, planned)
    assert "2 of 2 members registered at hub-1, hub-2, hub-3" in screen(ended)
    again = run(whole)
    assert (steps(again), changed(again)) == ([], set())
    used = {spi for site in whole.branches for spi in keys_of(whole, site)[-1]}
    assert used
    assert not used & {spi for spis in keys_of(whole, gone) for spi in spis}


def keys_of(whole, site):
    """What a member could read with, time after time."""
    told = [e for e in whole.events() if "receives_with" in e]
    return [set(e["receives_with"]) for e in told if e["member"].partition("/")[0] == site]


def test_half_of_the_members_out_of_reach_leaves_the_other_half_whole(whole):
    built(whole, 4)
    for site in whole.branches:
        whole.variables[site]["group_vpn_pre_shared_key"] = f"rotated-{site}"
    ports = {d["name"]: d["netconf"]["port"] for d in whole.lab.devices}
    for name in ("site-01", "site-02"):
        # Nobody listens there.
        whole.variables[name]["ansible_port"] = 1
    seen = len(whole.events())
    half = whole.run()
    results = half.tasks[-1]
    assert {h for h, one in results.items() if one.get("unreachable")} == {"site-01", "site-02"}
    assert changed(half) == {"hub-1", "hub-2", "site-03", "site-04"}
    assert "site-01: not looked at; it, and what servers know of it, stays as it is" in half.output
    assert "cut off" in screen(half)
    observed(whole, seen, half)
    # Their keys are as they were on both sides: they can still register.
    ask(whole.lab, "site-01", "clear-gvpn-group-information")
    assert whole.process is not None
    count = sum("registered" in line and "site-01" in line for line in whole.process.output)
    whole.process.wait_for('"registered", "member": "site-01', count=count + 1)
    for name in ("site-01", "site-02"):
        whole.variables[name]["ansible_port"] = ports[name]
    rest = run(whole)
    assert changed(rest) == {"hub-1", "hub-2", "site-01", "site-02"}
    assert steps(run(whole)) == []
    # As in an inventory where one host is copied, and the line of its port left as it was.
    whole.variables["site-02"]["ansible_port"] = ports["site-01"]
    same = f"site-01, site-02: ansible_host 127.0.0.1 port {ports['site-01']}: a session for each"
    assert same in whole.run().output


def test_what_is_not_proved_is_taken_back_and_a_second_run_goes_on(whole):
    servers = whole.hubs(1)
    whole.sites(1)
    whole.group(NAME, NUMBER, servers, server_member_communication=dict(UNICAST))
    whole.start()
    # Members are sent to an address where nobody is.
    whole.variables["hub-1"]["group_vpn_address"] = "127.0.9.99"
    failed = whole.run(group_vpn_timeout=3, group_vpn_confirm_minutes=1)
    assert failed.code != 0
    assert "no server lists it as a member of BRANCHES" in failed.output
    assert "it is not confirmed, and the device takes it back 1 minute after" in failed.output
    whole.variables["hub-1"]["group_vpn_address"] = "127.0.9.1"
    assert "1 of 1 members registered" in screen(run(whole))
    assert steps(run(whole)) == []


def test_what_a_fleet_has_becomes_the_description_that_it_came_from(whole):
    built(whole, 2)
    gathered = whole.play(
        [
            {"groupvpn.junos.server": {"state": "gathered"}, "register": "servers"},
            {"groupvpn.junos.member": {"state": "gathered"}, "register": "members"},
            {
                "ansible.builtin.set_fact": {
                    "side": {
                        "server": "{{ servers.gathered }}",
                        "member": "{{ members.gathered }}",
                        "inactive": "{{ servers.inactive + members.inactive }}",
                        "unread": "{{ servers.unread + members.unread }}",
                    }
                }
            },
            {
                "ansible.builtin.debug": {
                    "msg": "{{ dict(ansible_play_hosts | zip(ansible_play_hosts "
                    "| map('extract', hostvars, 'side'))) | groupvpn.junos.describe }}"
                },
                "run_once": True,
            },
        ]
    )
    assert gathered.code == 0, gathered.output[-3000:]
    found = next(iter(gathered.tasks[-1].values()))["msg"]
    assert found["unfit"] == []
    (group,) = found["group_vpn_groups"]
    assert group["servers"] == ["hub-1", "hub-2"]
    whole.groups = [group]
    for host, variables in found["hosts"].items():
        keys = {"group_vpn_pre_shared_key": whole.variables[host]["group_vpn_pre_shared_key"]}
        whole.variables[host] = {**variables, **keys}
    assert steps(run(whole)) == []
    assert json.dumps(found).count("made-up-key") == 0

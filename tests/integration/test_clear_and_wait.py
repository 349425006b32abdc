# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``clear_members`` and ``wait_for_members`` in playbooks, on a device with members that run."""

from __future__ import annotations

import contextlib

import pytest

from tests.lab import hub_config, play
from tests.processes import Process

CLEAR, WAIT = "groupvpn.junos.clear_members", "groupvpn.junos.wait_for_members"
LISTS = {"groupvpn.junos.registered_members_info": {}}
SITES = {"gm-1": "127.0.1.1", "gm-2": "127.0.1.2", "gm-3": "127.0.1.3"}
UNICAST = (("encryption-algorithm", "aes-256-cbc"), ("sig-hash-algorithm", "sha-256"))
MULTICAST = (
    ("encryption-algorithm", "aes-256-cbc"),
    ("sig-hash-algorithm", "sha1"),
    ("communication-type", "multicast"),
    ("multicast-group", "239.1.1.1"),
    ("multicast-outgoing-interface", "ge-0/0/1.0"),
)


def block(group, settings):
    path = f"set security group-vpn server group {group} server-member-communication"
    return [f"{path} {name} {value}" for name, value in settings]


def listed(*names):
    return [{"gateway": name, "address": SITES[name]} for name in names]


def cleared(result):
    """Group to who was cleared, whatever the order of a list."""
    return {
        entry["group"]: sorted(entry["members"], key=lambda member: member["gateway"])
        for entry in result["cleared"]
    }


@contextlib.contextmanager
def running(lab, generation, extra):
    """Runs tasks: G1 has two members, G2 one that can be told nothing, G3 none."""
    lab.clock = {"speed": 10}
    config = hub_config("hub-1", generation, SITES, ("G1", "G2", "G3"), extra=tuple(extra))
    lab.add_device("hub-1", generation, config)
    for name, group in (("gm-1", 1), ("gm-2", 1), ("gm-3", 2)):
        lab.add_member(name, "hub-1", SITES[name], group)
    server = lab.serve()
    sites = Process("members", lab.file, "--events")
    try:
        sites.wait_for('"registered"', count=len(SITES))
        yield lambda *tasks: play(lab, [{"ignore_errors": True, **task} for task in tasks])
    finally:
        sites.stop()
        server.stop()


@pytest.fixture
def run(lab):
    with running(lab, "v2", block("G1", UNICAST)) as run:
        yield run


@pytest.fixture
def run_v1(lab):
    """G1's members are told by multicast."""
    with running(lab, "v1", block("G1", MULTICAST)) as run:
        yield run


def results(played):
    assert played.tasks, played.output[-3000:]
    return [task["hub-1"] for task in played.tasks]


def named(info):
    return {group["name"]: sorted(m["gateway"] for m in group["members"]) for group in info}


EVERYBODY = {"G1": ["gm-1", "gm-2"], "G2": ["gm-3"], "G3": []}


def test_a_check_names_who_would_be_cleared_and_the_clear_does_so(run):
    check, before, done, after = results(
        run(
            {CLEAR: {"all": True}, "check_mode": True},
            LISTS,
            {CLEAR: {"all": True}},
            LISTS,
        )
    )
    assert cleared(check) == {"G1": listed("gm-1", "gm-2"), "G2": listed("gm-3")}
    assert {e["group"]: e["communication"] for e in check["cleared"]} == {
        "G1": "unicast",
        "G2": "none",
    }
    assert named(before["groups"]) == EVERYBODY
    assert (done["changed"], cleared(done)) == (check["changed"], cleared(check))
    assert done["changed"]
    # Without ``now`` nobody drops a key, so nobody is back yet.
    assert named(after["groups"]) == {"G1": [], "G2": [], "G3": []}


def test_counters_are_cleared_once_and_the_members_stay(run):
    statistics = {CLEAR: {"all": True, "statistics": True}}
    check, done, again, one, lists = results(
        run(
            {**statistics, "check_mode": True},
            statistics,
            statistics,
            {CLEAR: {"group": "G1", "statistics": True}},
            LISTS,
        )
    )
    assert check["changed"]
    assert set(cleared(check)) == {"G1", "G2"}
    assert cleared(done) == cleared(check)
    assert [(r["changed"], r["cleared"]) for r in (again, one)] == [(False, [])] * 2
    assert named(lists["groups"]) == EVERYBODY


def test_what_cannot_be_cleared_is_refused_or_left_alone(run):
    wrong = (
        ({"group": "G9"}, "group 'G9' is not there; correct 'group' (it has G1, G2, G3)"),
        ({"group": "G1", "all": True}, "give either 'group', or 'all: true'"),
        ({}, "give either 'group', or 'all: true'"),
        ({"all": True, "now": True, "statistics": True}, "mutually exclusive"),
    )
    *refused, empty, lists = results(
        run(*({CLEAR: options} for options, _ in wrong), {CLEAR: {"group": "G3"}}, LISTS)
    )
    for result, (options, words) in zip(refused, wrong, strict=True):
        assert result["failed"], options
        assert words in result["msg"]
    assert (empty["changed"], empty["cleared"]) == (False, [])
    assert named(lists["groups"]) == EVERYBODY


def test_who_drops_the_keys_at_once_is_back_and_who_cannot_be_told_is_named(run):
    groups = [{"group": "G1", "members": ["gm-1", SITES["gm-2"]], "min_members": 2}]
    back = {WAIT: {"groups": groups, "since": "{{ known.since }}", "timeout": 60, "poll": 1}}
    silent = [{"group": "G2", "members": ["gm-3"]}]
    played = run(
        {WAIT: {"groups": groups}, "check_mode": True, "register": "known"},
        {CLEAR: {"all": True, "now": True}},
        back,
        {WAIT: {"groups": silent, "timeout": 2, "poll": 1}},
        {WAIT: {"groups": [{"group": "G2", "min_members": 1}], "timeout": 2, "poll": 1}},
    )
    would, _cleared, done, never, too_few = results(played)
    assert would["groups"][0]["returned"] == []
    assert not done.get("failed"), done
    (group,) = done["groups"]
    assert (group["returned"], group["missing"], group["alive"]) == (
        ["gm-1", SITES["gm-2"]],
        [],
        2,
    )
    assert never["failed"]
    assert "hub-1: not everybody was heard of within" in never["msg"]
    assert never["groups"][0]["missing"] == ["gm-3"]
    assert too_few["failed"]
    assert "0 of at least 1 members alive" in too_few["msg"]
    # Progress, for a person who waits.
    assert "G1 (unicast): 2 of 2 heard of: gm-1, 127.0.1.2" in played.output
    assert "G2 (none): 0 of 1 heard of; waiting for gm-3" in played.output


def test_a_list_that_proves_nothing_is_said_and_not_waited_for(run_v1):
    change = {
        "groupvpn.junos.server_member_communication": {
            "config": [{"group": "G1", "lifetime_seconds": 7200}]
        },
        "register": "change",
    }
    changed, waited, counters = results(
        run_v1(
            change,
            {WAIT: {"change": "{{ change }}"}},
            {CLEAR: {"group": "G1", "statistics": True}},
        )
    )
    assert changed["changed"]
    assert not waited.get("failed"), waited
    (group,) = waited["groups"]
    assert (group["group"], group["proof"], group["expected"]) == ("G1", False, [])
    assert waited["elapsed"] < 10
    assert any("the list proves nothing" in line for line in waited["warnings"])
    assert "Group VPNv1 has no statistics to clear; leave it out" in counters["msg"]


def test_what_cannot_be_waited_for_is_refused_at_once(run):
    wrong = (
        ({"groups": [{"group": "G1", "members": ["192.0.2.300"]}]}, "'192.0.2.300': an IPv4"),
        ({"groups": [{"group": "G9", "members": ["gm-1"]}]}, "group 'G9' is not there"),
        ({"groups": [{"group": "G1", "members": ["gm-9"]}]}, "'gm-9' is not one of its gateways"),
        ({"groups": [{"group": "G1", "min_members": -1}]}, "min_members -1"),
        ({"groups": [{"group": "G1"}], "poll": 0}, "poll 0: a number from 1 up"),
        ({}, "nobody to wait for; give at least one of the two"),
        ({"groups": []}, "nobody to wait for"),
    )
    played = run(*({WAIT: options} for options, _ in wrong))
    for result, (options, words) in zip(results(played), wrong, strict=True):
        assert result["failed"], options
        assert words in result["msg"]
    assert "heard of" not in played.output

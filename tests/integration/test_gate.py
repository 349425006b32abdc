# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rollout gate: a change stays only when everybody who was there has shown a sign of life."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from ncclient import manager
from ncclient.xml_ import new_ele

from tests.lab import (
    ROOT,
    ansible_environment,
    ask,
    by_ncclient,
    hub_config,
    listed_within,
    play,
)
from tests.processes import Process

SITES = {"gm-1": "127.0.1.1", "gm-2": "127.0.1.2", "gm-3": "127.0.1.3"}
BLOCK = {
    "group": "G1",
    "encryption_algorithm": "aes-256-cbc",
    "sig_hash_algorithm": "sha-256",
    "retransmission_period": 2,
    "number_of_retransmission": 1,
}
CYCLE = 4
TOO_LITTLE = 2 * CYCLE
"""Seconds that are waited for who does not come."""
V1 = {"sig_hash_algorithm": "sha1"}
ROLE = "server_member_communication"


def block_lines(generation):
    words = {**BLOCK, **(V1 if generation == "v1" else {})}
    path = f"set security group-vpn server group {words.pop('group')} server-member-communication"
    return tuple(f"{path} {name.replace('_', '-')} {value}" for name, value in words.items())


class Fleet:
    """A hub and its sites, each in a process of its own."""

    def __init__(self, lab):
        self.lab = lab
        self.server = None
        self.sites = {}

    def start(self, generation="v2", extra=(), speed=1):
        """``speed``: a member that the machine lets wait has so much less time to acknowledge."""
        self.lab.clock = {"speed": speed}
        self.lab.add_device(
            "hub-1", generation, hub_config("hub-1", generation, SITES, extra=extra)
        )
        for name, address in SITES.items():
            self.lab.add_member(name, "hub-1", address)
        self.server = self.lab.serve()
        for name in SITES:
            self.join(name)
        for site in self.sites.values():
            site.wait_for('"registered"')

    def join(self, name, **more):
        """Start a site; what is given more is in its lab file."""
        document = yaml.safe_load(self.lab.file.read_text())
        document["members"] = [
            {**member, **more} for member in document["members"] if member["name"] == name
        ]
        file = self.lab.path / f"{name}.yml"
        file.write_text(yaml.safe_dump(document))
        self.sites[name] = Process("members", file, "--events")

    def stop(self):
        for process in [*self.sites.values(), self.server]:
            if process is not None:
                process.stop()

    def pending(self):
        """What the device says of a commit that awaits its confirmation."""
        asked = play(self.lab, [{"groupvpn.junos.confirm_commit": {}}], "--check")
        return asked.tasks[0]["hub-1"]["pending_confirmation"]

    def has_new_keys(self):
        """Whether the change is there now; a play would take its time to tell."""
        return "<lifetime-seconds>7200<" in ask(self.lab, "hub-1", "get-configuration")

    def takes_back(self):
        """Wait until the device has taken back what nobody confirmed."""
        end = time.monotonic() + 120
        while self.has_new_keys():
            assert time.monotonic() < end, "the change is still there"
            time.sleep(0.2)

    def settings(self):
        gathered = play(self.lab, [{f"groupvpn.junos.{ROLE}": {"state": "gathered"}}])
        (block,) = gathered.tasks[0]["hub-1"]["gathered"] or [None]
        return block


def said_of(fleet):
    """The file with what a role says that was begun."""
    return fleet.lab.path / "begun.out"


@contextlib.contextmanager
def begun(fleet, **variables):
    """The role while it runs; who leaves before its end kills it and its workers."""
    book = fleet.lab.path / "begun.yml"
    tasks = [task(NEW_KEYS, **variables)]
    book.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    with (
        said_of(fleet).open("w") as told,
        subprocess.Popen(
            [program, "-i", str(fleet.lab.path / "inventory.yml"), str(book)],
            cwd=ROOT,
            env=ansible_environment(),
            stdout=told,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def until(process, words):
    """Wait until it says so."""
    assert any(words in line for line in process.stderr), f"{words!r} was not said"


@pytest.fixture
def fleet(lab):
    fleet = Fleet(lab)
    try:
        yield fleet
    finally:
        fleet.stop()


def task(config, **variables):
    named = {f"{ROLE}_{name}": value for name, value in variables.items()}
    named.setdefault(f"{ROLE}_confirm_minutes", 10)
    named.setdefault(f"{ROLE}_wait_seconds", 30)
    named.setdefault(f"{ROLE}_poll_seconds", 1)
    include = {"ansible.builtin.include_role": {"name": f"groupvpn.junos.{ROLE}"}}
    return {**include, "vars": {f"{ROLE}_config": [config], **named}}


def applied(fleet, config, *options, keywords=(), **variables):
    """The role in a play with keywords of its own."""
    return play(fleet.lab, [task(config, **variables)], *options, **dict(keywords))


def said(result):
    """What the last failed task said."""
    return [o["msg"] for t in result.tasks for o in t.values() if o.get("failed")][-1]


NEW_KEYS = {**BLOCK, "lifetime_seconds": 7200}


@pytest.mark.parametrize("generation", ["v2", "v1"])
def test_a_change_stays_when_everybody_acknowledged_the_rekey(fleet, generation):
    fleet.start(generation, block_lines(generation))
    begin = time.monotonic()
    config = {**NEW_KEYS, **(V1 if generation == "v1" else {})}
    kept = applied(fleet, config)
    assert kept.code == 0, kept.output[-3000:]
    assert time.monotonic() - begin > CYCLE
    for name, address in SITES.items():
        assert f"{name} {address}" in kept.output
    assert fleet.pending() is None
    assert fleet.settings()["lifetime_seconds"] == 7200


def test_one_dead_member_is_named_and_the_change_is_taken_back(fleet):
    fleet.start(extra=block_lines("v2"), speed=3)
    fleet.sites["gm-3"].kill()
    refused = applied(fleet, NEW_KEYS, wait_seconds=TOO_LITTLE, confirm_minutes=1)
    assert refused.code != 0
    assert "gm-3 127.0.1.3" in said(refused)
    assert "gm-1" not in said(refused).partition("waiting for")[2]
    fleet.takes_back()


@pytest.mark.parametrize(
    ("undone", "becomes"),
    [
        (False, "the change is there, and no commit awaits"),
        (True, "the device does not have what was to be confirmed: "),
    ],
)
def test_a_change_that_somebody_else_keeps_or_undoes_is_not_said_to_be_taken_back(
    fleet, undone, becomes
):
    fleet.start(extra=block_lines("v2"))
    fleet.sites["gm-3"].kill()
    with begun(fleet, wait_seconds=TOO_LITTLE) as process:
        until(process, "waiting for gm-3")
        with manager.connect(**by_ncclient(fleet.lab, "hub-1")) as session:
            if undone:
                session.rpc(new_ele("load-configuration", rollback="1"))
            session.rpc(new_ele("commit-configuration"))
        process.stderr.read()
        assert process.wait() != 0
    said = said_of(fleet).read_text()
    assert f"waiting for gm-3 127.0.1.3; {becomes}" in said
    assert "takes it back" not in said
    assert fleet.has_new_keys() is not undone


def test_a_second_run_does_not_confirm_what_the_first_one_did_not(fleet):
    fleet.start(extra=block_lines("v2"))
    fleet.sites["gm-3"].kill()
    first, second = (applied(fleet, NEW_KEYS, wait_seconds=TOO_LITTLE) for _ in range(2))
    assert (first.code, second.code) == (2, 2)
    assert "made by an earlier run and awaits its confirmation" in said(second)
    assert fleet.pending() is not None


def test_with_every_member_dead_nothing_is_confirmed_in_a_play_that_ignores_errors_either(fleet):
    fleet.start(extra=block_lines("v2"))
    for site in fleet.sites.values():
        site.kill()
    ignoring = {"keywords": {"ignore_errors": True}, "wait_seconds": TOO_LITTLE}
    refused = applied(fleet, NEW_KEYS, **ignoring)
    assert refused.code != 0
    assert "the change was not confirmed" in said(refused)
    assert fleet.pending() is not None
    assert all(name in said(refused).partition("waiting for")[2] for name in SITES)
    # The dead have fallen off the list by now: nobody would be missed.
    assert_not_made_over_another(fleet, {**NEW_KEYS, "lifetime_seconds": 7300})
    kept = applied(fleet, NEW_KEYS)
    assert kept.code == 0, kept.output[-3000:]
    assert "nobody was listed before the change" in kept.output


def assert_not_made_over_another(fleet, config):
    """Neither by the role nor by who takes its steps one by one."""
    refused = applied(fleet, config)
    assert "awaits confirmation, within 10 minutes, and nobody knows who" in said(refused)
    refused = applied(fleet, config, pending_confirm="refuse")
    assert refused.code != 0
    assert fleet.settings()["lifetime_seconds"] == 7200
    steps = [
        {f"groupvpn.junos.{ROLE}": {"config": [config]}, "register": "made"},
        {"groupvpn.junos.wait_for_members": {"change": "{{ made }}", "timeout": 60}},
    ]
    assert "made over another that awaited its confirmation" in said(play(fleet.lab, steps))


def test_a_member_with_a_wrong_key_is_not_back(fleet):
    fleet.start(extra=block_lines("v2"))
    fleet.sites["gm-2"].stop()
    fleet.join("gm-2", psk="another-key")
    refused = applied(fleet, NEW_KEYS, wait_seconds=TOO_LITTLE)
    assert refused.code != 0
    assert "waiting for gm-2 127.0.1.2" in said(refused)


def test_a_slow_member_is_waited_for(fleet):
    fleet.start(extra=block_lines("v2"))
    fleet.sites["gm-1"].kill()
    with begun(fleet, wait_seconds=120) as process:
        until(process, "waiting for gm-1 127.0.1.1")
        fleet.join("gm-1")
        rest = process.stderr.read()
        assert process.wait() == 0, rest[-3000:]
    assert fleet.pending() is None
    assert fleet.has_new_keys()


def test_a_member_that_need_not_come_back_is_not_waited_for(fleet):
    fleet.start(extra=block_lines("v2"))
    fleet.sites["gm-3"].kill()
    kept = applied(fleet, NEW_KEYS, wait_for=[{"group": "G1", "absent": ["gm-3"]}])
    assert kept.code == 0, kept.output[-3000:]


def test_a_first_configuration_waits_until_the_traffic_keys_end(fleet):
    short = "set security group-vpn server ipsec proposal esp lifetime-seconds 180"
    fleet.start(extra=(short,), speed=20)
    # A minute of this clock is three seconds: the members are back after some 7.
    kept = applied(fleet, BLOCK, wait_seconds=60, confirm_minutes=30)
    assert kept.code == 0, kept.output[-3000:]
    assert "3 of 3 heard of" in kept.output


def test_a_first_configuration_names_who_does_not_return(fleet):
    short = "set security group-vpn server ipsec proposal esp lifetime-seconds 180"
    fleet.start(extra=(short,), speed=20)
    fleet.sites["gm-2"].kill()
    refused = applied(fleet, BLOCK, wait_seconds=22, confirm_minutes=30)
    assert refused.code != 0
    assert "waiting for gm-2 127.0.1.2" in said(refused)
    assert "2 of 3 heard of" in said(refused)


def test_a_wait_that_does_not_fit_is_refused_before_anything_is_touched(fleet):
    fleet.start()
    # Without a wait of our own, the role waits as long as it may take.
    ignoring = {"ignore_errors": True}
    refused = applied(
        fleet, BLOCK, confirm_minutes=10, wait_seconds="{{ omit }}", keywords=ignoring
    )
    assert refused.code != 0
    assert "does not fit into a confirmation of 10 minutes" in said(refused)
    assert "give it 62 minutes or more" in said(refused)
    assert fleet.settings() is None


def test_members_told_to_drop_their_keys_register_at_once(fleet):
    fleet.start(extra=block_lines("v2"), speed=10)
    # Nothing is pushed for this change: the next rekey is an hour away.
    kept = applied(fleet, {**BLOCK, "heartbeat": 600}, clear_members=True)
    assert kept.code == 0, kept.output[-3000:]
    assert "3 of 3 heard of" in kept.output


def test_multicast_proves_nothing_and_says_so(fleet):
    path = "set security group-vpn server group G1 server-member-communication"
    lines = (
        *block_lines("v1"),
        f"{path} communication-type multicast",
        f"{path} multicast-group 239.1.1.1",
        f"{path} multicast-outgoing-interface ge-0/0/1.0",
    )
    fleet.start("v1", lines)
    kept = applied(fleet, {"group": "G1", "lifetime_seconds": 7200})
    assert kept.code == 0, kept.output[-3000:]
    assert "the list proves nothing" in kept.output


def test_options_given_as_text_on_the_command_line_work(fleet):
    fleet.start(extra=block_lines("v2"))
    texts = {
        "confirm_minutes": "3",
        "wait_seconds": "30",
        "poll_seconds": "1",
        "clear_members": "false",
    }
    options = [part for name, value in texts.items() for part in ("-e", f"{ROLE}_{name}={value}")]
    least = ("-e", json.dumps({f"{ROLE}_min_members": {"G1": "3"}}))
    kept = applied(fleet, NEW_KEYS, *options, *least)
    assert kept.code == 0, kept.output[-3000:]


def test_what_the_tasks_do_decides_and_not_the_mode_that_the_command_asks_for(fleet):
    fleet.start(extra=block_lines("v2"))
    predicted = applied(fleet, NEW_KEYS, keywords={"check_mode": True})
    assert predicted.code == 0, predicted.output[-3000:]
    assert "lifetime_seconds" not in fleet.settings()
    kept = applied(fleet, NEW_KEYS, "--check", keywords={"check_mode": False})
    assert kept.code == 0, kept.output[-3000:]
    assert "3 of 3 heard of" in kept.output
    assert fleet.pending() is None
    assert "lifetime_seconds" in fleet.settings()


def test_a_controller_that_is_killed_leaves_the_change_to_be_taken_back(fleet):
    fleet.start(extra=block_lines("v2"), speed=3)
    fleet.sites["gm-3"].kill()
    with begun(fleet, wait_seconds=TOO_LITTLE, confirm_minutes=1) as process:
        until(process, "waiting for gm-3")
    assert fleet.has_new_keys()
    fleet.takes_back()


def test_who_is_cleared_is_told_before_and_the_members_come_back(fleet):
    fleet.start(extra=block_lines("v2"))
    clear = {"groupvpn.junos.clear_members": {"group": "G1", "now": True}}
    told, done, again = (
        play(fleet.lab, [clear], *options).tasks[0]["hub-1"] for options in (["--check"], [], [])
    )
    assert told["changed"]
    assert sorted(m["gateway"] for m in told["cleared"][0]["members"]) == list(SITES)
    assert (told["changed"], told["cleared"]) == (done["changed"], done["cleared"])
    assert isinstance(again["changed"], bool)
    listed_within(fleet.lab, list(SITES))


def test_a_named_member_is_waited_for_without_a_change(fleet):
    fleet.start(extra=block_lines("v2"))
    wait = {"groups": [{"group": "G1", "members": ["gm-2"]}], "timeout": TOO_LITTLE, "poll": 1}
    asleep = play(fleet.lab, [{"groupvpn.junos.wait_for_members": wait}])
    assert asleep.code != 0
    assert asleep.tasks[0]["hub-1"]["groups"][0]["missing"] == ["gm-2"]
    # What was before is looked at first: however slow the play is, the member comes after that.
    known = play(fleet.lab, [{"groupvpn.junos.wait_for_members": wait}], "--check")
    since = known.tasks[0]["hub-1"]["since"]
    fleet.sites["gm-2"].stop()
    fleet.join("gm-2")
    later = {**wait, "timeout": 120, "since": since}
    woken = play(fleet.lab, [{"groupvpn.junos.wait_for_members": later}])
    assert woken.code == 0, woken.output[-2000:]

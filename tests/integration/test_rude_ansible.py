# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Playbooks against rude devices over connections that are not ours, or not for them."""

from __future__ import annotations

import sys

import asyncssh
import pytest
import yaml

from tests.lab import PlayResult, play
from tests.rude import PASSWORD, USER, Fault, Manner, RudeServer, Stage, box

MODULE = "groupvpn.junos.server_member_communication"
BLOCK = {"group": "G1", "encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}
NETCOMMON = {
    "ansible_connection": "ansible.netcommon.netconf",
    "ansible_network_os": "junipernetworks.junos.junos",
    "ansible_command_timeout": 5,
}
OTHER_KEY = asyncssh.generate_private_key("ssh-ed25519")
NATIVE = {"ansible_connection": "groupvpn.junos.netconf"}


def run(lab, server: RudeServer, tasks, variables, **more) -> PlayResult:
    host = {
        "ansible_host": "127.0.0.1",
        "ansible_port": server.port,
        "ansible_user": USER,
        "ansible_password": PASSWORD,
        "ansible_host_key_checking": False,
        "ansible_python_interpreter": sys.executable,
        **variables,
    }
    inventory = {"all": {"hosts": {"hub-1": host}}}
    (lab.path / "inventory.yml").write_text(yaml.safe_dump(inventory))
    return play(lab, tasks, **more)


@pytest.mark.parametrize(
    ("fault", "changed", "word"),
    [
        (Fault(Stage.COMMIT, Manner.WARNING, "no licence"), True, "commit: no licence"),
        (Fault(Stage.COMMIT, Manner.TIMEOUT), True, "has committed the change"),
        (Fault(Stage.COMMIT, Manner.ERROR), False, "mgd: no"),
        (
            Fault(Stage.LOAD, Manner.ERROR, "\nno such\n  statement\n"),
            False,
            "hub-1: load the change: no such statement",
        ),
        (Fault(Stage.UNLOCK, Manner.ERROR), True, "may stay locked"),
    ],
    ids=lambda value: f"{value.stage} {value.manner}" if isinstance(value, Fault) else None,
)
def test_netcommons_connection_reports_what_is_so(lab, fault, changed, word):
    with RudeServer(box("G1"), fault) as server:
        result = run(lab, server, [{MODULE: {"config": [BLOCK]}}], NETCOMMON)
        there = any("aes-256-cbc" in line for line in server.box.lines)
        # That session is another process's: only it can end it.
        assert server.box.locked is (fault.stage is Stage.UNLOCK)
    done = result.tasks[0]["hub-1"]
    assert (there, done["changed"]) == (changed, changed), done
    assert word in " ".join([done.get("msg", ""), *done.get("warnings", [])])


def test_a_task_whose_commit_may_have_been_done_is_not_said_to_have_changed_nothing(lab):
    with RudeServer(box("G1"), Fault(Stage.COMMIT, Manner.CUT_AFTER)) as server:
        server.logins = 1
        result = run(
            lab, server, [{MODULE: {"config": [BLOCK]}}], {**NATIVE, "ansible_rpc_timeout": 2}
        )
    done = result.tasks[0]["hub-1"]
    assert (done["failed"], done["changed"]) == (True, True)
    assert "whether the device has committed the change is unknown" in done["msg"]


@pytest.mark.parametrize(
    ("stage", "manner"), [(Stage.COMMIT, Manner.WARNING), (Stage.LOAD, Manner.ERROR)]
)
def test_words_of_a_device_never_command_a_terminal(lab, stage, manner):
    """``U+009B`` begins a command as ESC [ does, and XML may hold it; ``U+202E`` turns a line."""
    odd = "\x9b31mred\x9d0;title\x9c \u202eesrever"
    with RudeServer(box("G1"), Fault(stage, manner, odd)) as server:
        result = run(lab, server, [{MODULE: {"config": [BLOCK]}}], NATIVE)
    done = result.tasks[0]["hub-1"]
    said = " ".join([done.get("msg", ""), *done.get("warnings", [])])
    assert r"\x9b31mred\x9d0;title\x9c \u202eesrever" in said
    assert all(letter.isprintable() or letter == "\n" for letter in result.output)


CARRIERS = pytest.mark.parametrize(
    "variables",
    [{**NATIVE, "ansible_rpc_timeout": 60}, {**NETCOMMON, "ansible_command_timeout": 60}],
    ids=["native", "netcommon"],
)
SECONDS = 5


@CARRIERS
@pytest.mark.parametrize("stage", [Stage.LOCK, Stage.LOAD, Stage.COMMIT, Stage.UNLOCK])
def test_ansibles_time_limit_of_a_task_ends_no_change_that_has_begun(lab, stage, variables):
    slow = Fault(stage, Manner.DELAY, seconds=SECONDS + 1)
    with RudeServer(box("G1"), slow) as server:
        task = {MODULE: {"config": [BLOCK]}, "timeout": SECONDS}
        done = run(lab, server, [task], variables).tasks[0]["hub-1"]
        assert any("aes-256-cbc" in line for line in server.box.lines)
        assert not server.box.locked
    assert done["changed"]
    assert "failed" not in done


@CARRIERS
def test_a_task_that_its_time_limit_ends_while_it_reads_leaves_nothing_to_the_next(lab, variables):
    slow = Fault(Stage.READ, Manner.DELAY, seconds=SECONDS + 1)
    with RudeServer(box("G1"), slow) as server:
        task = {MODULE: {"config": [BLOCK]}}
        tasks = [{**task, "timeout": SECONDS, "ignore_errors": True}, task]
        first, then = (t["hub-1"] for t in run(lab, server, tasks, variables).tasks)
        there = any("aes-256-cbc" in line for line in server.box.lines)
        assert not server.box.locked
    # ansible.netcommon's process ends when who asked it is gone: the next may come too soon.
    assert there or variables["ansible_connection"] != NATIVE["ansible_connection"]
    assert (first["changed"], then["changed"]) == (False, there)
    assert f"imed out after {SECONDS} second" in first["msg"]


@pytest.mark.parametrize("transport", ["auto", "openssh"])
def test_each_item_of_a_loop_goes_to_its_own_device(lab, transport):
    """Of devices behind one address the first had all, and the others were said to have theirs."""
    variables = {**NATIVE, "ansible_netconf_transport": transport}
    with RudeServer(box("G1")) as first, RudeServer(box("G1"), key=OTHER_KEY) as second:
        task = {MODULE: {"config": [BLOCK]}, "loop": [first.port, second.port, second.port]}
        task["vars"] = {"ansible_port": "{{ item }}"}
        done = run(lab, first, [task], variables).tasks[0]["hub-1"]
        assert [one["changed"] for one in done["results"]] == [True, True, False]
        for server in (first, second):
            assert any("aes-256-cbc" in line for line in server.box.lines)


def test_a_connection_that_is_no_netconf_is_named(lab):
    with RudeServer(box("G1")) as server:
        for connection in ("ansible.builtin.local", "ansible.builtin.ssh"):
            result = run(
                lab, server, [{MODULE: {"config": [BLOCK]}}], {"ansible_connection": connection}
            )
            message = result.tasks[0]["hub-1"]["msg"]
            assert "cannot carry NETCONF" in message
            assert "groupvpn.junos.netconf" in message


def test_facts_left_on_name_the_host_and_the_remedy(lab):
    with RudeServer(box("G1")) as server:
        result = run(lab, server, [{"ansible.builtin.setup": {}}], NATIVE)
    message = result.tasks[0]["hub-1"]["msg"]
    assert "127.0.0.1: " in message
    assert "gather_facts to false" in message
    # Other collections' NETCONF modules come here as well: theirs is a connection of its own.
    assert "set ansible_connection to ansible.netcommon.netconf in the task's vars" in message


def test_an_option_that_is_none_is_named_with_what_is_wrong(lab):
    with RudeServer(box("G1")) as server:
        task = {MODULE: {"config": [{**BLOCK, "colour": "red"}], "speed": 1}}
        result = run(lab, server, [task], NATIVE)
    message = result.tasks[0]["hub-1"]["msg"]
    assert message.startswith("hub-1: Unsupported parameters: ")
    assert "speed" in message
    assert "config.colour" in message

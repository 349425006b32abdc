# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many devices from one task: what one of them cannot does not end what the others do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import ROOT, ansible_environment
from tests.rude import PASSWORD, USER, RudeServer, box

# A line that is read says whether the sessions have been ended: a client learns of it in its time.
_TWICE = """
import sys, time, yaml
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader()
from ansible.playbook.play_context import PlayContext
from ansible_collections.groupvpn.junos.plugins.action.fleet import Fleet
from lxml import etree
hosts = yaml.safe_load(sys.stdin.readline())
fleet = Fleet(hosts, PlayContext(), 1, print)
job = lambda rpc: rpc.call("read", etree.Element("get-configuration")).tag
first, failed = fleet.each(dict.fromkeys(hosts, job))
print(sorted(first), failed, flush=True)
ended = sys.stdin.readline() == "ended\\n"
while ended and any(one._session.is_alive() for one in fleet._connections.values()):
    time.sleep(0.01)
second, failed = fleet.each(dict.fromkeys(hosts, job))
print(sorted(second), failed)
fleet.close()
"""

# Ansible's loader of collections, once there, would be every other test's as well.
_PROGRAM = """
import itertools, sys, threading, yaml
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader()
from ansible.playbook.play_context import PlayContext
from ansible_collections.groupvpn.junos.plugins.action.fleet import Fleet
begun, numbers = [], itertools.count(1)
second, third = threading.Event(), threading.Event()
def job(rpc):
    begun.append(number := next(numbers))
    if {unforeseen} and number == 1:
        # It takes its time, and the end of the other is not heard of before its own.
        second.wait(60)
        third.wait(2)
    elif {unforeseen}:
        (second if number == 2 else third).set()
        raise LookupError("made up")
hosts = yaml.safe_load(sys.stdin)
fleet = Fleet(hosts, PlayContext(), 2, print)
try:
    done, failed = fleet.each(dict.fromkeys(hosts, job))
    print(sorted(done), {{host: str(error) for host, error in failed.items()}})
except LookupError:
    fleet.close()
    print("begun:", len(begun))
"""


def _run(tmp_path: Path, servers: dict[str, dict[str, object]], unforeseen: bool) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(unforeseen=unforeseen)],
        input=repr(servers).replace("False", "false"),
        cwd=tmp_path,
        env={**ansible_environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return done.stdout


def _variables(server: RudeServer, **more: object) -> dict[str, object]:
    return {
        "ansible_host": "127.0.0.1",
        "ansible_port": server.port,
        "ansible_user": USER,
        "ansible_password": PASSWORD,
        "ansible_host_key_checking": False,
        "ansible_netconf_persist": 0,
        **more,
    }


def test_an_option_that_cannot_be_is_one_hosts_failure(tmp_path):
    with RudeServer(box("G1")) as server:
        one = _variables(server, ansible_port="the usual one")
        said = _run(tmp_path, {"hub-1": one, "hub-2": _variables(server)}, unforeseen=False)
    assert said.startswith("['hub-2'] {'hub-1': ")
    assert "the usual one" in said


def test_what_nobody_has_begun_is_not_begun_behind_an_error_that_nobody_foresaw(tmp_path):
    with RudeServer(box("G1")) as server:
        hosts = {f"hub-{number}": _variables(server) for number in range(1, 21)}
        said = _run(tmp_path, hosts, unforeseen=True)
    assert said == "begun: 2\n"


def _twice(
    tmp_path: Path, server: RudeServer, transport: str, meanwhile: Callable[[], None]
) -> str:
    """What a fleet of one did, and did again behind what happened meanwhile."""
    hosts = {"hub-1": _variables(server, ansible_netconf_transport=transport)}
    with subprocess.Popen(
        [sys.executable, "-c", _TWICE],
        cwd=tmp_path,
        env={**ansible_environment(), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as fleet:
        assert fleet.stdin is not None
        assert fleet.stdout is not None
        print(repr(hosts).replace("False", "false"), file=fleet.stdin, flush=True)
        first = fleet.stdout.readline()
        second, _ = fleet.communicate(meanwhile(), timeout=100)
    return first + second


_BOTH = "['hub-1'] {}\n['hub-1'] {}\n"


@pytest.mark.parametrize("transport", ["libssh", "paramiko", "openssh"])
def test_a_session_that_its_device_ended_while_others_were_waited_for_is_no_failure(
    tmp_path, transport
):
    with RudeServer(box("G1")) as server:

        def ended() -> str:
            server.cut_off()
            return "ended\n" if server.settled() else ""

        assert _twice(tmp_path, server, transport, ended) == _BOTH


def test_a_device_that_is_not_told_that_we_are_there_ends_the_session(tmp_path):
    """Nobody answers for libssh while others are waited for."""
    with RudeServer(box("G1")) as server:

        def ended() -> str:
            # Not before: a client that is at work may be slow to answer, too.
            server.wants_signs_of_life(0.1)
            return "ended\n" if server.settled() else ""

        assert _twice(tmp_path, server, "libssh", ended) == _BOTH


def test_a_session_that_is_still_there_is_used_again(tmp_path):
    for transport in ("libssh", "paramiko", "openssh"):
        with RudeServer(box("G1")) as server:
            assert _twice(tmp_path, server, transport, lambda: "go on\n") == _BOTH
            assert len(server.passwords) == 1


def test_a_task_that_tells_of_hosts_leaves_the_process_small_that_is_forked_for_each(tmp_path):
    program = (
        "import sys\n"
        "from ansible.plugins.loader import action_loader, init_plugin_loader\n"
        "init_plugin_loader()\n"
        "action_loader.get('groupvpn.junos.' + sys.argv[1], class_only=True)\n"
        "print('lxml.etree' in sys.modules, any('.engine.tree' in name for name in sys.modules))\n"
    )

    def heavy(action: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", program, action],
            cwd=tmp_path,
            env=ansible_environment(),
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        ).stdout

    assert heavy("group_vpn") == "False False\n"
    assert heavy("server") == "True True\n"

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The event source for Event-Driven Ansible, run as rulebooks run it, on emulated devices."""

from __future__ import annotations

import asyncio
import os
import runpy
import shutil
import subprocess
import threading

import pytest
import yaml

from tests.lab import COLLECTIONS, PASSWORD, ROOT, USER, ansible_environment, hub_config
from tests.processes import Process

SOURCE = (
    COLLECTIONS
    / "ansible_collections/groupvpn/junos/extensions/eda/plugins/event_source"
    / "registered_members.py"
)
SITES = {"gm-1": "127.0.1.1", "gm-2": "127.0.1.2"}
SECONDS = 60
SEEN = {"hub-1": {"unreachable", "read_again", "member_joined"}, "stranger": {"unreachable"}}


# In an environment of its own (make clients), with the ansible-core that it runs plays with.
RULEBOOK = ROOT / "build" / "venv-rulebook" / "bin" / "ansible-rulebook"
RULEBOOK_PATH = os.pathsep.join((str(RULEBOOK.parent), os.environ.get("PATH", "")))


@pytest.fixture(scope="module")
def main():
    return runpy.run_path(str(SOURCE))["main"]


def device(lab, name):
    return {
        "name": name,
        "host": "127.0.0.1",
        "port": lab.port(name),
        "user": USER,
        "password": PASSWORD,
        "known_hosts_file": str(lab.path / "known_hosts"),
    }


async def until(main, args, steps):
    """Run the source; each step is the event to wait for and what to do then."""
    queue: asyncio.Queue = asyncio.Queue()
    running = asyncio.create_task(main(queue, args))
    seen = []
    try:
        for wanted, then in steps:
            while True:
                event = await asyncio.wait_for(queue.get(), SECONDS)
                seen.append(event)
                if wanted.items() <= event.items():
                    break
            await asyncio.to_thread(then)
    finally:
        running.cancel()
        await asyncio.wait([running])
    return seen


def test_a_device_that_comes_a_member_that_joins_and_a_device_that_goes_are_events(lab, main):
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", SITES))
    lab.add_member("site-1", "hub-1", "127.0.1.1")
    processes = []
    refused = {**device(lab, "hub-1"), "name": "stranger", "user": "nobody"}
    args = {"interval": 0.2, "devices": [device(lab, "hub-1"), refused]}

    def serve():
        processes.append(lab.serve())

    def join():
        processes.append(Process("members", lab.file, "--events"))

    hub = {"device": "hub-1"}
    steps = [
        ({**hub, "event": "unreachable"}, serve),
        ({**hub, "event": "read_again"}, join),
        ({**hub, "event": "member_joined", "gateway": "gm-1"}, lambda: processes[0].stop()),
        ({**hub, "event": "unreachable"}, lambda: None),
    ]
    try:
        seen = asyncio.run(until(main, args, steps))
    finally:
        for process in reversed(processes):
            process.stop()
    kinds = {device: {e["event"] for e in seen if e["device"] == device} for device in SEEN}
    assert kinds == SEEN
    assert PASSWORD not in str(seen)


def rulebook(source):
    """Prints every event, and ends when gm-1 has joined."""
    joined = 'event.event == "member_joined" and event.gateway == "gm-1"'
    rules = [
        {"name": "Joined", "condition": joined, "actions": [{"print_event": {}}, {"shutdown": {}}]},
        # An event is taken by the first rule that it fits.
        {"name": "Other", "condition": "event.event is defined", "action": {"print_event": {}}},
    ]
    sources = [{"groupvpn.junos.registered_members": source}]
    return [{"name": "Members", "hosts": "all", "sources": sources, "rules": rules}]


@pytest.mark.skipif(not RULEBOOK.exists(), reason="make clients installs ansible-rulebook")
@pytest.mark.skipif(shutil.which("java") is None, reason="ansible-rulebook: there is no Java")
def test_a_rulebook_acts_on_the_events(lab, tmp_path):
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", SITES))
    lab.add_member("site-1", "hub-1", "127.0.1.1")
    lab.write()
    book = tmp_path / "rulebook.yml"
    source = {"interval": 0.2, "devices": [device(lab, "hub-1")]}
    book.write_text(yaml.safe_dump(rulebook(source)))
    running = subprocess.Popen(
        [str(RULEBOOK), "--rulebook", str(book), "-i", str(lab.path / "inventory.yml")],
        env=ansible_environment(PATH=RULEBOOK_PATH),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    guard = threading.Timer(5 * SECONDS, running.kill)
    guard.start()
    processes, said = [], []
    try:
        for word, then in (
            ("unreachable", lab.serve),
            ("read_again", lambda: Process("members", lab.file, "--events")),
            ("member_joined", None),
        ):
            for line in running.stdout:
                said.append(line)
                if word in line:
                    break
            else:
                pytest.fail(f"{word} was not told: {''.join(said)[-3000:]}")
            if then is not None:
                processes.append(then())
        assert running.wait(SECONDS) == 0
    finally:
        guard.cancel()
        running.kill()
        running.communicate()
        for process in reversed(processes):
            process.stop()
    assert PASSWORD not in "".join(said)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (None, "a mapping with 'devices' is expected"),
        ({}, "'devices': a list is expected"),
        ({"devices": [{"host": "192.0.2.1"}], "intervall": 5}, "intervall: unknown; known are"),
        ({"devices": [{"name": "hub"}]}, "device 1 has no 'host'"),
        ({"devices": [{"host": "192.0.2.1", "pasword": "x"}]}, "192.0.2.1: pasword: unknown"),
        ({"devices": [{"host": "192.0.2.1", "port": "many"}]}, "192.0.2.1: port 'many': a number"),
        ({"devices": [{"host": "192.0.2.1", "port": 10**400}]}, "port 1000.*: a number above 0"),
        ({"devices": [{"host": "192.0.2.1", "private_key_file": "~nobody-here/k"}]}, "whose home"),
        ({"devices": [{"host": "192.0.2.1"}], "interval": True}, "interval True: a number above 0"),
        ({"devices": [{"host": "192.0.2.1", "port": 65536}]}, "port 65536: a port, 1 to 65535"),
        ({"devices": [{"host": "192.0.2.1", "password": 12345}]}, "password: text is expected"),
        ({"devices": [{"host": "192.0.2.1", "rpc_timeout": 0}]}, "rpc_timeout 0: a number above 0"),
        ({"devices": [{"host": "192.0.2.1", "transport": "telnet"}]}, "transport 'telnet': it is"),
        ({"devices": [{"host": "192.0.2.1", "host_key_checking": "maybe"}]}, "true or false"),
        ({"devices": [{"host": "192.0.2.1"}, {"host": "192.0.2.1"}]}, "192.0.2.1: several devices"),
        ({"devices": [{"host": "192.0.2.1"}], "interval": 0}, "interval 0"),
        ({"devices": [{"host": "192.0.2.1"}], "interval": "inf"}, "interval 'inf'"),
        ({"devices": [{"host": "192.0.2.1"}], "interval": "often"}, "interval 'often'"),
    ],
)
def test_wrong_arguments_are_refused_by_name(main, args, words):
    with pytest.raises(ValueError, match=words):
        asyncio.run(main(asyncio.Queue(), args))

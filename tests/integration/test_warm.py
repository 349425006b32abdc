# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A program that is forked from what has its libraries is the same as one that is started anew."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import warm
from tests.lab import hub_config
from tests.processes import end, forget, start

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux has it")

ANSIBLE = str(Path(sys.executable).with_name("ansible-playbook"))
# What a process can tell of itself from inside; $PPID is Ansible's worker.
ASKED = {
    "directory": "{{ lookup('pipe', 'readlink /proc/$PPID/cwd') }}",
    "descriptors": "{{ lookup('pipe', 'ls -l /proc/$PPID/fd | grep -c socket:; true') }}",
    # Who starts a program blocks everything until it runs: what is blocked, the program has.
    "blocked": "{{ lookup('pipe', 'grep SigBlk /proc/self/status') }}",
    "ignored": "{{ lookup('pipe', 'grep SigIgn /proc/$PPID/status') }}",
    "environment": "{{ lookup('pipe', 'env | grep -v ^GROUPVPN_LAB_PROCESS | sort') }}",
    "limits": "{{ lookup('pipe', 'ulimit -a') }}",
    "mask": "{{ lookup('pipe', 'umask') }}",
    "path": "{{ lookup('env', 'PATH') }}",
    "where": "{{ lookup('pipe', 'pwd') }} {{ playbook_dir }}",
}


def ran(monkeypatch, way, command, **options):
    """(exit status, output, errors) of a program that is started warm or cold."""
    monkeypatch.setattr(warm, "wanted", way == "warm")
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    process = start(command, env={**os.environ, "SOMETHING": "of its own"}, **options)
    assert isinstance(process, warm.Forked) is (way == "warm")
    said = process.communicate(timeout=60)
    forget(process)
    return process.returncode, *said


def test_a_play_finds_itself_as_if_it_had_been_started(tmp_path, monkeypatch):
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"debug": {"msg": ASKED}}]}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
    (tmp_path / "ansible.cfg").write_text("[defaults]\nstdout_callback = ansible.posix.json\n")
    command = [ANSIBLE, "-i", "localhost,", "-c", "local", "play.yml"]
    ran(monkeypatch, "warm", [sys.executable, "-m", "keyserver", "--version"])
    # What a test has changed of its own process is inherited, whenever the other one was forked.
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (few - 1, most))
    mask = os.umask(0o027)
    try:
        warm_, cold = (ran(monkeypatch, way, command, cwd=tmp_path) for way in ("warm", "cold"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
        os.umask(mask)
    told, expected = (
        json.loads(said)["plays"][0]["tasks"][0]["hosts"]["localhost"]["msg"]
        for _, said, _ in (warm_, cold)
    )
    assert told["where"].startswith(str(tmp_path))
    assert "SOMETHING=of its own" in told["environment"]
    assert told == expected
    assert (warm_[0], warm_[2]) == (cold[0], cold[2])


@pytest.mark.parametrize(
    "arguments", [["--version"], ["status", "nowhere.yml"], ["frobnicate"], ["serve", "--help"]]
)
def test_a_command_says_and_returns_the_same(arguments, monkeypatch):
    command = [sys.executable, "-m", "keyserver", *arguments]
    assert ran(monkeypatch, "warm", command) == ran(monkeypatch, "cold", command)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 0)])
def test_signals_end_it_and_it_says_by_which(lab, monkeypatch, number, status):
    monkeypatch.setattr(warm, "wanted", True)
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", {"gm-1": "127.0.1.1"}))
    process = lab.serve()
    process.signal(number)
    assert process.ended(60) == status
    process.stop()


def test_what_it_forks_is_ended_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(warm, "wanted", True)
    tasks = [{"debug": {"msg": "{{ lookup('pipe', 'echo $PPID > number; sleep 60') }}"}}]
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
    process = start(
        [ANSIBLE, "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert isinstance(process, warm.Forked)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.1)
    while not (tmp_path / "number").exists() or not (tmp_path / "number").read_text():
        assert process.poll() is None
    number = int((tmp_path / "number").read_text())
    process.kill()
    end(process)
    forget(process)
    # Who has ended may still wait for init to notice.
    with contextlib.suppress(FileNotFoundError):
        assert "State:\tZ" in Path(f"/proc/{number}/status").read_text()

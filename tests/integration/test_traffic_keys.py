# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members' keys over real UDP: their events are a contract, their log feeds other tools."""

from __future__ import annotations

import json
import shlex
import stat
import subprocess
import sys

from tests.keyserver.observer import Observer, Standing
from tests.lab import ROOT, LabDirectory, hub_config
from tests.processes import Process

SITES = {"gm-1": "127.0.1.1", "gm-2": "127.0.1.2"}
DEAD = {"gm-3": "127.0.1.3"}
BLOCK = (
    "set security group-vpn server group G1 server-member-communication "
    "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"
)
# The shortest life that ten activation delays of 15 s allow: rekeyed after 120 s, 30 times as fast.
SHORT = "set security group-vpn server ipsec proposal esp lifetime-seconds 180"


def sa(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "keyserver", "sa", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def running(lab: LabDirectory) -> Process:
    lab.clock = {"speed": 30}
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", SITES | DEAD, extra=(BLOCK, SHORT)))
    for name, address in SITES.items():
        lab.add_member(name, "hub-1", address)
    lab.add_member("gm-3", "hub-1", DEAD["gm-3"], faults={"stop_after": 5})
    return lab.serve()


def told(process: Process, event: str, member: str = "gm-1") -> dict:
    lines = [json.loads(line) for line in process.output if line.startswith("{")]
    return [line for line in lines if (line["event"], line["member"]) == (event, member)][-1]


def test_a_rekey_is_received_with_then_sent_with_then_alone(lab):
    server = running(lab)
    log = lab.path / "sa.log"
    members = Process("members", lab.file, "--events", "--sa-log", str(log))
    try:
        members.wait_for('"dropped"', count=2)
    finally:
        members.stop()
        server.stop()
    first, pushed = told(members, "registered"), told(members, "rekeyed")
    active, dropped = told(members, "activated"), told(members, "dropped")
    old, new = first["sends_with"], active["sends_with"]
    assert old != new
    assert pushed["sends_with"] == old
    assert set(pushed["receives_with"]) == set(active["receives_with"]) == {old, new}
    assert (dropped["sends_with"], dropped["receives_with"]) == (new, [new])
    # Timers are never early. How late they are says how busy the machine is: a second here is a
    # thirtieth. tests/keyserver/test_activation.py has the moments to the second.
    assert active["time"] - pushed["time"] >= 30
    assert dropped["time"] - active["time"] >= 15
    assert observed(members) == 0

    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    commands = sa(str(log), "--member", "gm-1").stdout.splitlines()
    words = [shlex.split(line) for line in commands if " state " in line]
    assert {word[word.index("spi") + 1] for word in words} == {f"0x{new}"}
    # Nobody sends to a member that has played dead since: what it held is gone.
    assert {word[word.index("dst") + 1] for word in words} == set(SITES.values())
    assert "member 'gm-3' holds no associations" in sa(str(log), "--member", "gm-3").stderr
    table = sa(str(log), "--format", "wireshark").stdout
    assert {f'"0x{spi}"' in table for spi in (old, new)} == {True}


def observed(members: Process) -> float:
    """Pair-seconds apart between the members, by their events alone."""
    observer, end = Observer(), 0.0
    for line in members.output:
        event = json.loads(line) if line.startswith("{") else {}
        if "sends_with" in event:
            standing = Standing(event["sends_with"], frozenset(event["receives_with"]))
            observer.saw(event["member"], standing, event["time"])
            end = event["time"]
        if event.get("event") == "stopped":
            observer.gone(event["member"], event["time"])
        if event.get("event") == "registered":
            observer.begin(event["time"])
    return observer.report(end).apart


def test_the_log_is_written_to_no_file_that_others_read(lab):
    lab.add_member("gm-1", "127.0.0.1:848", "127.0.1.1")
    lab.write()
    log = lab.path / "sa.log"
    log.write_text("")
    log.chmod(0o644)
    members = Process("members", lab.file, "--sa-log", str(log))
    try:
        members.wait_for("has mode 0644")
    finally:
        members.stop()
    assert log.read_text() == ""


def test_sa_says_what_it_cannot_read(tmp_path):
    assert "No such file" in sa(str(tmp_path / "none")).stderr
    (tmp_path / "other").write_text("hello\n")
    assert "line 1: a line of serve --sa-log is expected" in sa(str(tmp_path / "other")).stderr
    (tmp_path / "empty").write_text("")
    refused = sa(str(tmp_path / "empty"), "--member", "gm-1")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "'gm-1'" in refused.stderr


def test_events_that_cannot_be_written_end_the_run_with_a_sentence(lab):
    """A stream with a hole in it would mislead who reads it."""
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", SITES, extra=(BLOCK,)))
    lab.add_member("gm-1", "hub-1", SITES["gm-1"])
    server = lab.serve()
    command = [sys.executable, "-m", "keyserver", "members", "--events", str(lab.file)]
    try:
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
            )
    finally:
        server.stop()
    said = "groupvpn-keyserver: standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, said)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The limit: the RPCs of a change over bare ``ssh -s`` sessions, without Ansible or a client."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.benchmarks.loop import END, HELLO
from tests.benchmarks.plays import Cost
from tests.lab import COLLECTIONS, PASSWORD, USER, LabDirectory

if str(COLLECTIONS) not in sys.path:
    sys.path.insert(0, str(COLLECTIONS))
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.apply import apply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import State
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import (
    Request,
    wanted_tree,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.resource import Resource
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.rpc import SessionRpc
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.session import Target
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.transports import (
    open_session,
)

Writes = list[tuple[str, ...]]
"""The RPCs of a session: those of one tuple are sent in one write."""


class _Recorded:
    """A session that remembers what was sent over it."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.writes: Writes = []

    def request(self, *messages: str) -> Iterator[bytes]:
        self.writes.append(messages)
        pieces: Iterator[bytes] = self._session.request(*messages)
        return pieces

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def rpcs_of(lab: LabDirectory, device: dict[str, Any], resource: Resource, config: Any) -> Writes:
    """What the collection sends to bring a device to ``config``; the device is there then."""
    target = Target(
        device["netconf"]["address"],
        device["netconf"]["port"],
        USER,
        PASSWORD,
        known_hosts_file=str(lab.path / "known_hosts"),
    )
    session = _Recorded(open_session(target, "paramiko"))
    want = wanted_tree(resource, config, None)
    result = apply(SessionRpc(session), Request(resource, want, State.MERGED))  # type: ignore[arg-type]
    session.close()
    assert result["changed"]
    return session.writes


def cost(lab: LabDirectory, writes: Writes, at_once: int) -> Cost:
    """One ``ssh -s`` for each device, so many at once; its password's program included."""
    program = lab.path / "password"
    program.write_text(f"#!/bin/sh\necho '{PASSWORD}'\n")
    program.chmod(0o700)
    started, before = time.perf_counter(), _cpu_of_children()
    with ThreadPoolExecutor(at_once) as pool:
        sessions = [
            pool.submit(_session, lab, device["netconf"], program, writes) for device in lab.devices
        ]
    for session in sessions:
        session.result()
    return Cost(time.perf_counter() - started, _cpu_of_children() - before, 0)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _session(lab: LabDirectory, at: dict[str, Any], program: Path, writes: Writes) -> None:
    options = (f"UserKnownHostsFile={lab.path / 'known_hosts'}", "LogLevel=ERROR")
    more = [word for option in options for word in ("-o", option)]
    where = ["-p", str(at["port"]), "-l", USER, "--", at["address"], "netconf"]
    with subprocess.Popen(
        ["ssh", "-s", "-T", "-F", "none", *more, *where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"},
    ) as ssh:
        assert ssh.stdin is not None
        assert ssh.stdout is not None
        _ask(ssh, [HELLO])
        for messages in writes:
            _ask(ssh, [message.encode() + END for message in messages])
        ssh.stdin.close()
        ssh.stdout.read()


def _ask(ssh: subprocess.Popen[bytes], messages: list[bytes]) -> None:
    assert ssh.stdin is not None
    assert ssh.stdout is not None
    ssh.stdin.write(b"".join(messages))
    ssh.stdin.flush()
    answers = b""
    while answers.count(END) < len(messages):
        piece = os.read(ssh.stdout.fileno(), 1 << 16)
        if not piece or b"<rpc-error>" in answers:
            raise SystemExit(f"bench: a bare session ended or was refused: {answers[-500:]!r}")
        answers += piece

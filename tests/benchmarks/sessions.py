# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a session costs the key server, beside a bare SSH server that echoes.

Both are asked the same by the same client with the same algorithms: connect, log in, hello, one
request, end. ``python -m tests.benchmarks.sessions`` prints the table.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncssh

from tests.benchmarks.limits import at_most
from tests.benchmarks.loop import END, HELLO
from tests.lab import PASSWORD, ROOT, USER, LabDirectory, hub_config
from tests.processes import free_ports, process_cpu

SESSIONS, ROUNDS = 100, 5
_QUESTION = b'<rpc message-id="1"><get-system-information/></rpc>' + END
_ECHO = """
import asyncio, sys
import asyncssh
from keyserver.edge.ssh import _CIPHERS, _MACS

class Login(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True
    def password_auth_supported(self):
        return True
    def validate_password(self, username, password):
        return True
    def session_requested(self):
        return Echo()

class Echo(asyncssh.SSHServerSession):
    def connection_made(self, chan):
        self.chan = chan
    def subsystem_requested(self, subsystem):
        return True
    def data_received(self, data, datatype):
        self.chan.write(data)
    def eof_received(self):
        self.chan.exit(0)
        return True

async def serve():
    await asyncssh.listen(
        "127.0.0.1", int(sys.argv[1]), server_factory=Login,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        encryption_algs=_CIPHERS, mac_algs=_MACS, compression_algs=None, gss_host=None,
        line_editor=False, encoding=None,
    )
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(serve())
"""


async def _session(port: int) -> None:
    async with asyncssh.connect(
        "127.0.0.1",
        port,
        username=USER,
        password=PASSWORD,
        known_hosts=None,
        config=None,
        client_keys=None,
    ) as connection:
        process = await connection.create_process(subsystem="netconf", encoding=None)
        process.stdin.write(HELLO)
        await process.stdout.readuntil(END)
        process.stdin.write(_QUESTION)
        await process.stdout.readuntil(END)
        process.stdin.write_eof()
        await process.stdout.read()


def _cost(pid: int, port: int) -> float:
    """Milliseconds of CPU that one session takes the server."""

    async def run() -> None:
        for _ in range(SESSIONS):
            await _session(port)

    before = process_cpu(pid)
    asyncio.run(run())
    return 1000 * (process_cpu(pid) - before) / SESSIONS


@contextlib.contextmanager
def _bare() -> Iterator[tuple[int, int]]:
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-c", _ECHO, str(port)], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process.pid, port
    finally:
        process.kill()
        process.wait()


def rows() -> Iterator[str]:
    """A table for ``docs/benchmarks.md``; both servers take turns."""
    yield "### A session of the key server beside a bare SSH server that echoes"
    yield ""
    yield "| server | CPU of the server, ms a session | ratio |"
    yield "|---|---|---|"
    with tempfile.TemporaryDirectory() as directory, _bare() as (pid, port):
        lab = LabDirectory(Path(directory))
        lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", {"gm-1": "192.0.2.11"}))
        server = lab.serve()
        try:
            costs = [
                (_cost(pid, port), _cost(server.pid, lab.port("hub-1"))) for _ in range(ROUNDS)
            ]
        finally:
            server.stop()
    bare, ours = (statistics.median(column) for column in zip(*costs, strict=True))
    yield f"| bare asyncssh, echo | {bare:.2f} | 1 |"
    yield f"| the key server | {ours:.2f} | {ours / bare:.2f} |"
    yield ""
    yield at_most("a session of the key server, CPU beside a bare echo", 1.2, ours / bare)
    yield ""


SECTIONS = {"sessions": rows}

if __name__ == "__main__":
    print("\n".join(rows()))

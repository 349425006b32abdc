# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the key server's SSH side does with clients that are slow, silent, rude or many."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import asyncssh
import paramiko
import pytest
from asyncssh.packet import Boolean, String, UInt32

from keyserver.edge import channel, intake, login
from keyserver.edge.addresses import why_unusable
from keyserver.edge.channel import USUAL, Waits
from keyserver.edge.clock import Clock
from keyserver.edge.ration import Ration
from keyserver.edge.serve import LabServer
from keyserver.lab.specs import DeviceSpec, Endpoint, Lab, LabError, User
from keyserver.srx import Patience
from tests.keyserver.console import full_disk
from tests.lab import PASSWORD, ROOT, USER
from tests.processes import free_ports

END = b"]]>]]>"
MSG_IGNORE, MSG_SERVICE_ACCEPT, MSG_USERAUTH_REQUEST = 2, 6, 50
MSG_CHANNEL_WINDOW_ADJUST, MSG_UNKNOWN = 93, 191
HELLO = (
    b"<hello><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>"
    b"</capabilities></hello>" + END
)
CHUNKED = HELLO.replace(b"base:1.0", b"base:1.1")
LIMITS = "set system services netconf ssh {} {}\n"
SECONDS = 60
"""How long anything is waited for that is to come: on a busy machine it takes its time."""


class MovedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time a test moves on."""

    moved = 0.0

    def time(self) -> float:
        return super().time() + self.moved

    async def pass_time(self, seconds: int) -> None:
        """Second after second, in each of which what is due happens."""
        for _ in range(seconds):
            self.moved += 1
            for _turn in range(3):
                await asyncio.sleep(0)


def moved(run):
    """Run a test that is given the loop, to move its time on."""

    async def begun():
        await run(asyncio.get_running_loop())

    with asyncio.Runner(loop_factory=MovedLoop) as runner:
        runner.run(begun())


def spec_of(tmp_path, name: str = "hub-1", config: str = "", **more) -> DeviceSpec:
    file = tmp_path / f"{name}.conf"
    file.write_text(f"set system host-name {name}\n{config}")
    (port,) = free_ports(1)
    users = (User(USER, PASSWORD, None),)
    return DeviceSpec(name, netconf=Endpoint("127.0.0.1", port), users=users, config=file, **more)


@contextlib.asynccontextmanager
async def serving(
    *specs: DeviceSpec,
    waits: Waits = USUAL,
    known_hosts: Path | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[LabServer]:
    server = LabServer(Lab(specs, (), known_hosts=known_hosts), waits=waits, clock=clock)
    await server.start()
    try:
        yield server
    finally:
        server.stop()


async def connect(server: LabServer, number: int = 0, **more) -> asyncssh.SSHClientConnection:
    options = {"username": USER, "password": PASSWORD, "known_hosts": None, "config": None}
    port = server.devices[number].spec.netconf.port
    return await asyncssh.connect("127.0.0.1", port, **{**options, "client_keys": None, **more})


async def session(connection: asyncssh.SSHClientConnection, hello: bytes = HELLO, **more):
    process = await connection.create_process(subsystem="netconf", encoding=None, **more)
    process.stdin.write(hello)
    if hello:
        await process.stdout.readuntil(END)
    return process


async def ask(process, operation: str) -> bytes:
    process.stdin.write(f'<rpc message-id="1">{operation}</rpc>'.encode() + END)
    return await process.stdout.readuntil(END)


async def ended(process) -> None:
    """The server ends the channel; what it still said is read."""
    await asyncio.wait_for(process.stdout.read(), SECONDS)


def test_who_says_no_hello_in_time_is_let_go(tmp_path):
    async def run(loop):
        async with serving(spec_of(tmp_path)) as server, await connect(server) as connection:
            silent = await session(connection, b"")
            await loop.pass_time(USUAL.hello - 10)
            assert len(server.devices[0].sessions) == 1
            await loop.pass_time(11)
            await ended(silent)
            assert server.devices[0].sessions == {}
            assert b"hub-1" in await ask(await session(connection), "<get-system-information/>")

    moved(run)


def test_a_channel_that_asks_for_no_netconf_in_time_is_closed(tmp_path):
    def half_open(transport: paramiko.Transport) -> paramiko.Channel:
        transport.connect(username=USER, password=PASSWORD)
        opened = transport.open_session(timeout=SECONDS)
        opened.settimeout(SECONDS)
        return opened

    async def run(loop):
        async with serving(spec_of(tmp_path)) as server:
            port = server.devices[0].spec.netconf.port
            with paramiko.Transport(("127.0.0.1", port)) as transport:
                opened = await asyncio.to_thread(half_open, transport)
                assert not opened.closed
                await loop.pass_time(USUAL.hello + 1)
                assert await asyncio.to_thread(opened.recv, 1) == b""

    moved(run)


def test_nothing_is_kept_of_an_environment(tmp_path):
    async def run():
        async with serving(spec_of(tmp_path)) as server, await connect(server) as connection:
            process = await session(connection)
            request = process.channel._make_request(b"env", String("LANG"), String("C"))
            assert await asyncio.wait_for(request, SECONDS) is False
            assert b"hub-1" in await ask(process, "<get-system-information/>")

    asyncio.run(run())


def test_a_message_that_comes_too_slowly_ends_its_session(tmp_path):
    async def run(loop):
        waits = Waits(message=20)
        async with (
            serving(spec_of(tmp_path), waits=waits) as server,
            await connect(server) as connection,
        ):
            idle, slow = await session(connection), await session(connection)
            await ask(slow, "<lock-configuration/>")
            slow.stdin.write(b"<rpc>")
            # What the other session asks and is told comes behind it.
            assert b"hub-1" in await ask(idle, "<get-system-information/>")
            await loop.pass_time(10)
            assert server.devices[0].database.workspace.lock_holder is not None
            await loop.pass_time(11)
            await ended(slow)
            assert server.devices[0].database.workspace.lock_holder is None
            assert b"hub-1" in await ask(idle, "<get-system-information/>")

    moved(run)


def test_a_session_that_asks_nothing_for_too_long_loses_its_lock_and_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(channel, "IDLE_SECONDS", 40)

    async def run(loop):
        async with serving(spec_of(tmp_path)) as server, await connect(server) as connection:
            idle, busy = await session(connection), await session(connection)
            workspace = server.devices[0].database.workspace
            await ask(idle, "<lock-configuration/>")
            for _ in range(2):
                await loop.pass_time(15)
                assert workspace.lock_holder is not None
                assert b"hub-1" in await ask(busy, "<get-system-information/>")
            await loop.pass_time(15)
            await ended(idle)
            assert workspace.lock_holder is None
            assert b"<ok/>" in await ask(busy, "<lock-configuration/>")

    moved(run)


_HOLDER = """
import asyncio, sys
from tests.integration import test_edge as edge

async def hold():
    async with edge.asyncssh.connect(
        "127.0.0.1", int(sys.argv[1]), username=edge.USER, password=edge.PASSWORD, known_hosts=None
    ) as connection:
        process = await edge.session(connection)
        await edge.ask(process, "<lock-configuration/>")
        print("locked", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            await edge.ask(process, "<get-system-information/>")
            print("answered", flush=True)

asyncio.run(hold())
"""


def test_a_stopped_client_that_gives_no_sign_of_life_loses_its_lock(tmp_path):
    config = LIMITS.format("client-alive-interval", 20) + LIMITS.format("client-alive-count-max", 1)

    async def run(loop):
        async with serving(spec_of(tmp_path, config=config)) as server:
            device = server.devices[0]
            holder = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                _HOLDER,
                str(device.spec.netconf.port),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=ROOT,
            )
            try:
                assert await holder.stdout.readline() == b"locked\n"
                holder.send_signal(signal.SIGSTOP)
                await loop.pass_time(20)
                assert device.database.workspace.lock_holder is not None
                # A first sign is asked for when one can be missing; then it may be left out once.
                await loop.pass_time(2 * 20 + 1)
                assert device.database.workspace.lock_holder is None
                async with await connect(server) as connection:
                    other = await session(connection)
                    assert b"<ok/>" in await ask(other, "<lock-configuration/>")
            finally:
                holder.kill()
                await holder.wait()

    moved(run)


def test_a_client_that_stops_after_signs_of_life_loses_its_lock_too(tmp_path):
    """Nothing is configured: a sign each minute, three of which may be left out."""

    async def run(loop):
        async with serving(spec_of(tmp_path)) as server:
            database, port = server.devices[0].database, server.devices[0].spec.netconf.port
            holder = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _HOLDER, str(port)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=ROOT,
            )
            try:
                assert await holder.stdout.readline() == b"locked\n"
                for _minute in range(10):
                    await loop.pass_time(login.KEEPALIVE_SECONDS)
                    holder.stdin.write(b"\n")
                    assert await holder.stdout.readline() == b"answered\n"
                assert database.workspace.lock_holder is not None
                holder.send_signal(signal.SIGSTOP)
                await loop.pass_time(login.KEEPALIVES * login.KEEPALIVE_SECONDS)
                assert database.workspace.lock_holder is not None
                await loop.pass_time(login.KEEPALIVE_SECONDS + 1)
                assert database.workspace.lock_holder is None
                async with await connect(server) as connection:
                    other = await session(connection)
                    assert b"<ok/>" in await ask(other, "<lock-configuration/>")
            finally:
                holder.kill()
                await holder.wait()

    moved(run)


def test_what_is_configured_of_patience_holds_for_its_class_and_else_for_all(tmp_path):
    config = (
        "set system login idle-timeout 30\nset system login class brief idle-timeout 2\n"
        "set system login class brief permissions view\n"
        f"set system login user {USER} class brief\n"
        + LIMITS.format("client-alive-interval", 7)
        + LIMITS.format("client-alive-count-max", 2)
    )

    async def run():
        async with serving(spec_of(tmp_path, config=config), spec_of(tmp_path, "hub-2")) as server:
            first, second = server.devices
            assert first.patience(USER) == Patience(120, 7, 2)
            assert first.patience("somebody") == Patience(1800, 7, 2)
            assert second.patience(USER) == Patience(None, None, None)

    asyncio.run(run())


def test_what_was_asked_before_the_end_of_input_is_answered(tmp_path):
    async def run():
        async with serving(spec_of(tmp_path)) as server, await connect(server) as connection:
            process = await session(connection)
            question = b"<rpc><get-system-information/></rpc>" + END
            process.stdin.write(question * 20)
            process.stdin.write_eof()
            answers = await asyncio.wait_for(process.stdout.read(), SECONDS)
            assert answers.count(b"<host-name>hub-1</host-name>") == 20
            assert server.devices[0].sessions == {}

    asyncio.run(run())


def test_close_session_ends_the_session_and_what_follows_is_not_done(tmp_path):
    async def run():
        async with serving(spec_of(tmp_path)) as server, await connect(server) as connection:
            process = await session(connection)
            process.stdin.write(
                b"<rpc><lock-configuration/></rpc>"
                + END
                + b"<rpc><close-session/></rpc>"
                + END
                + b"<rpc><lock-configuration/></rpc>"
                + END
            )
            answers = await asyncio.wait_for(process.stdout.read(), SECONDS)
            assert answers.count(b"<ok/>") == 2
            assert server.devices[0].database.workspace.lock_holder is None

    asyncio.run(run())


class Collected(asyncssh.SSHClientSession):
    """What a channel says, whole answers of which can be waited for."""

    def __init__(self) -> None:
        self.octets = bytearray()

    def data_received(self, data, datatype) -> None:
        self.octets += data

    async def answer(self) -> tuple[int, int]:
        """Its octets, and the turns of the loop that it took."""
        turns = 0
        while not self.octets.endswith(END):
            await asyncio.sleep(0)
            turns += 1
        octets = len(self.octets)
        self.octets.clear()
        return octets, turns


@pytest.mark.parametrize("window", [2**30, 100])
def test_packets_of_one_octet_leave_the_others_their_turns(tmp_path, window):
    config = "".join(f"set applications application a{n} protocol tcp\n" for n in range(300))

    async def run():
        async with serving(spec_of(tmp_path, config=config)) as server:
            connection = await connect(server)
            chan, client = await connection.create_session(
                Collected, subsystem="netconf", encoding=None, max_pktsize=1, window=window
            )
            chan.write(HELLO)
            await client.answer()
            chan.write(b"<rpc><get-configuration/></rpc>" + END)
            if window == 100:
                # What is written meanwhile goes out when the window becomes wider.
                chan.pause_reading()
                await ask(await session(await connect(server)), "<get-system-information/>")
                wider = UInt32(chan._send_chan), UInt32(2**30)
                connection.send_packet(MSG_CHANNEL_WINDOW_ADJUST, *wider)
                chan.resume_reading()
            octets, turns = await client.answer()
            assert octets > 20_000
            assert turns > octets / channel.PACKETS / 2

    asyncio.run(run())


def test_in_base_1_1_nothing_stands_outside_the_framing(tmp_path):
    config = "set system services netconf rfc-compliant\nset system services netconf version-1.1\n"

    async def run():
        spec = spec_of(tmp_path, config=config)
        async with serving(spec) as server, await connect(server) as connection:
            process = await session(connection, CHUNKED)
            rpc = b'<rpc message-id="1"><close-session/></rpc>'
            process.stdin.write(b"\n#%d\n%b\n##\n" % (len(rpc), rpc))
            answer = await asyncio.wait_for(process.stdout.read(), SECONDS)
            assert answer.startswith(b"\n#")
            assert answer.endswith(b"\n##\n")

    asyncio.run(run())


def test_a_client_of_base_1_1_alone_is_told_what_would_let_it_in(tmp_path):
    async def run():
        async with serving(spec_of(tmp_path)) as server, await connect(server) as connection:
            process = await connection.create_process(subsystem="netconf", encoding=None)
            process.stdin.write(CHUNKED)
            said = await asyncio.wait_for(process.stdout.read(), SECONDS)
            assert b"rfc-compliant and version-1.1" in said

    asyncio.run(run())


def test_three_wrong_passwords_with_growing_delays_end_the_connection(tmp_path):
    asked = []

    class Guessing(asyncssh.SSHClient):
        def password_auth_requested(self):
            asked.append(asyncio.get_running_loop().time())
            return "wrong"

    async def run():
        async with serving(spec_of(tmp_path)) as server:
            for user in (USER, "nobody"):
                asked.clear()
                with pytest.raises(asyncssh.DisconnectError):
                    await connect(
                        server,
                        username=user,
                        password=None,
                        client_factory=Guessing,
                        preferred_auth="password",
                    )
                # Each of them may have been asked for later than it was to be.
                assert len(asked) == 3
                assert asked[1] - asked[0] > 0.9
                assert asked[2] - asked[1] > 1.9

    asyncio.run(run())


class Hurried(asyncssh.SSHClient):
    """A client that waits for no answer: what it asks to log in with comes one upon the other.

    ``asks``: it goes on asking without ever saying a password itself.
    """

    def __init__(self, *requests: bytes, asks: bool = False) -> None:
        self._requests, self._asks, self._sending = requests, asks, None

    def connection_made(self, conn):
        self._connection = conn

    async def password_auth_requested(self):
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send())
        if self._asks:
            await asyncio.Event().wait()
        return "wrong"

    async def _send(self):
        for request in self._requests:
            await asyncio.sleep(0.05 / len(self._requests))
            self._connection.send_packet(MSG_USERAUTH_REQUEST, request)

    def connection_lost(self, exc):
        if self._sending is not None:
            self._sending.cancel()


def login_request(method: str, *more: bytes) -> bytes:
    return b"".join((String(USER), String("ssh-connection"), String(method), *more))


def with_password(password: str) -> bytes:
    return login_request("password", Boolean(False), String(password))


@pytest.mark.parametrize(
    ("client", "why"),
    [
        pytest.param(
            partial(Hurried, *map(with_password, ["wrong"] * 9), with_password(PASSWORD)),
            "too many wrong passwords",
            id="passwords",
        ),
        pytest.param(
            partial(Hurried, *[login_request("none", bytes(60))] * 400, asks=True),
            "Connection lost|reset by peer|Broken pipe",
            id="questions without number",
        ),
    ],
)
def test_who_waits_for_no_answer_has_no_more_tries_than_others(tmp_path, client, why):
    async def run():
        async with serving(spec_of(tmp_path)) as server:
            with pytest.raises((asyncssh.DisconnectError, ConnectionError), match=why):
                async with asyncio.timeout(SECONDS):
                    await connect(
                        server,
                        password=None,
                        client_factory=client,
                        preferred_auth="password",
                    )

    asyncio.run(run())


def test_a_password_behind_a_wrong_one_waits_for_its_pause(tmp_path):
    async def run():
        async with serving(spec_of(tmp_path)) as server:
            begun = asyncio.get_running_loop().time()
            hurried = partial(Hurried, with_password(PASSWORD))
            async with await connect(
                server, password=None, client_factory=hurried, preferred_auth="password"
            ):
                assert asyncio.get_running_loop().time() - begun > 0.9

    asyncio.run(run())


def test_nothing_is_made_for_an_agent_that_a_client_offers(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    async def run():
        async with (
            serving(spec_of(tmp_path)) as server,
            await connect(server, agent_forwarding=True, agent_path="nowhere") as connection,
        ):
            process = await session(connection)
            assert b"hub-1" in await ask(process, "<get-system-information/>")
            assert os.listdir(tempfile.gettempdir()) == []

    asyncio.run(run())


def test_the_same_methods_are_offered_whoever_asks(tmp_path):
    async def run():
        async with serving(spec_of(tmp_path)) as server:
            port = server.devices[0].spec.netconf.port
            return [
                await asyncssh.get_server_auth_methods("127.0.0.1", port, username=name)
                for name in (USER, "nobody")
            ]

    known, unknown = map(set, asyncio.run(run()))
    assert known == unknown
    assert {"password", "publickey"} <= known


@pytest.mark.parametrize("statement", ["connection-limit", "rate-limit"])
def test_no_more_connections_are_taken_than_are_configured(tmp_path, statement):
    async def run():
        spec = spec_of(tmp_path, config=LIMITS.format(statement, 2))
        async with serving(spec) as server:
            first = await connect(server)
            second = await connect(server)
            with pytest.raises(asyncssh.DisconnectError, match="limit of 2"):
                await connect(server)
            second.abort()
            await second.wait_closed()
            if statement == "connection-limit":
                (await connect(server)).abort()
            first.abort()

    asyncio.run(run())


def test_no_old_digest_is_agreed(tmp_path):
    async def run():
        async with serving(spec_of(tmp_path)) as server:
            for mac in ("hmac-sha1", "umac-64@openssh.com"):
                with pytest.raises(asyncssh.KeyExchangeFailed):
                    await connect(server, mac_algs=[mac], encryption_algs=["aes128-ctr"])
            with pytest.raises(asyncssh.KeyExchangeFailed):
                await connect(server, kex_algs=["diffie-hellman-group14-sha1"])

    asyncio.run(run())


JSCH = {
    "kex_algs": ["ecdh-sha2-nistp256", "diffie-hellman-group14-sha1"],
    "server_host_key_algs": ["ssh-rsa", "ecdsa-sha2-nistp256"],
    "encryption_algs": ["aes128-ctr", "aes128-cbc"],
    "mac_algs": ["hmac-md5", "hmac-sha1", "hmac-sha2-256"],
}
"""What JSch 0.1.55 offers, the library of Juniper's client for Java."""


def test_a_client_that_knows_no_ed25519_finds_the_other_key_it_knows_again(tmp_path):
    spec = spec_of(tmp_path, state=tmp_path / "hub-1.db")
    file = tmp_path / "known_hosts"

    async def run():
        async with serving(spec, known_hosts=file) as server:
            await ask(await session(await connect(server, **JSCH)), "<get-system-information/>")
        lines = file.read_text().splitlines()
        assert [line.split()[1] for line in lines] == ["ssh-ed25519", "ecdsa-sha2-nistp256"]
        async with serving(spec) as server:
            for algorithm in ("ssh-ed25519", "ecdsa-sha2-nistp256"):
                known = {"server_host_key_algs": [algorithm], "known_hosts": str(file)}
                await connect(server, **known)

    asyncio.run(run())


LONG = ("rsa2048-sha256", "diffie-hellman-group18-sha512", "diffie-hellman-group-exchange-sha256")


@pytest.mark.parametrize("exchange", LONG)
def test_nothing_that_takes_long_is_computed_for_who_is_not_logged_in(tmp_path, exchange):
    async def run():
        async with serving(spec_of(tmp_path)) as server:
            with pytest.raises(asyncssh.KeyExchangeFailed):
                await connect(server, kex_algs=[exchange])
            await ask(await session(await connect(server)), "<get-system-information/>")

    asyncio.run(run())


def test_no_packet_is_sent_that_is_to_be_ignored(tmp_path, monkeypatch):
    """asyncssh has one ahead of each, for ciphers that are not offered."""
    kinds = []

    def received(self, kind, *more):
        kinds.append(kind)

    monkeypatch.setattr(asyncssh.SSHClientConnection, "log_received_packet", received)

    async def run():
        async with serving(spec_of(tmp_path)) as server, await connect(server) as connection:
            await ask(await session(connection), "<get-system-information/>")

    asyncio.run(run())
    assert MSG_SERVICE_ACCEPT in kinds
    assert MSG_IGNORE not in kinds


def segments_in(connection: asyncssh.SSHClientConnection) -> int:
    """How many pieces with data came in: tcpi_data_segs_in of Linux."""
    info = connection.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 156)
    return int.from_bytes(info[152:156], sys.byteorder)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel counts segments on Linux")
def test_what_a_turn_of_the_loop_sends_goes_out_in_one_piece(tmp_path):
    async def run() -> int:
        async with serving(spec_of(tmp_path)) as server, await connect(server) as connection:
            process = await session(connection)
            await ask(process, "<get-system-information/>")
            before = segments_in(connection)
            await ask(process, "<close-session/>")
            await ended(process)
            return segments_in(connection) - before

    # The reply, the exit status, the end of what is sent, and the channel's.
    assert asyncio.run(run()) == 1


def test_options_are_worked_out_once_and_not_for_each_login(tmp_path, monkeypatch):
    async def run():
        async with serving(spec_of(tmp_path)) as server:
            monkeypatch.setattr(asyncssh.SSHServerConnectionOptions, "construct", None)
            await ask(await session(await connect(server)), "<get-system-information/>")

    asyncio.run(run())


def test_a_client_that_reads_nothing_is_answered_no_further_and_holds_up_nobody(tmp_path):
    async def run():
        first, second = spec_of(tmp_path), spec_of(tmp_path, "hub-2")
        async with serving(first, second) as server:
            rude, polite = await connect(server), await connect(server, 1)
            process, other = await session(rude), await session(polite)
            process.channel.pause_reading()
            performed, perform = [], server.devices[0].perform
            server.devices[0].perform = lambda r: performed.append(r) or perform(r)
            question = b"<rpc><get-configuration/></rpc>" + END
            process.stdin.write(question * 20_000)
            for _ in range(200):
                assert b"hub-2" in await ask(other, "<get-system-information/>")
            assert 0 < len(performed) < 20_000
            assert server.devices[0].sessions
            rude.abort()
            polite.abort()

    asyncio.run(run())


LOCK = "<lock><target><candidate/></target></lock>"
WINDOW = 4096


@pytest.mark.parametrize("octets", [4096, WINDOW * 64], ids=["unread answers", "unread requests"])
def test_who_closes_its_channel_with_all_it_asked_unanswered_holds_nothing(
    tmp_path, octets, caplog
):
    """The connection stays, and with it asyncssh's channel: what it has sent is not taken."""
    question = b'<rpc message-id="1"><get-configuration/></rpc>' + END

    async def run():
        async with serving(spec_of(tmp_path)) as server:
            connection = await connect(server)
            rude = await session(connection, window=WINDOW)
            assert b"<ok/>" in await ask(rude, LOCK)
            rude.stdin.write(question * (2 * octets // len(question)))
            if octets == 4096:
                # Until its window is full, for nobody reads.
                await rude.stdout.readexactly(1)
            rude.channel.abort()
            other = await session(await connect(server))
            async with asyncio.timeout(SECONDS):
                while b"<ok/>" not in await ask(other, LOCK):
                    pass

    asyncio.run(run())
    assert not caplog.records


CHANGE = """<load-configuration action="set"><configuration-set>
set system host-name other
</configuration-set></load-configuration>"""


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        ("<commit-configuration/>", b"<host-name>other</host-name>"),
        ("<commit/>", b"<host-name>other</host-name>"),
        ("<commit-configuration><check/></commit-configuration>", b"<host-name>hub-1</host-name>"),
        ("<validate><source><candidate/></source></validate>", b"<host-name>hub-1</host-name>"),
    ],
)
def test_a_slow_commit_takes_effect_in_time_and_outlives_who_asked_for_it(
    tmp_path, operation, named
):
    who = "<get-configuration database='committed'/>"

    async def run(loop):
        async with serving(spec_of(tmp_path, commit_seconds=40)) as server:
            asking, other = [await session(await connect(server)) for _ in range(2)]
            await ask(asking, LOCK)
            await ask(asking, CHANGE)
            committed = asyncio.ensure_future(ask(asking, operation))
            await loop.pass_time(20)
            assert b"<host-name>hub-1</host-name>" in await ask(other, who)
            asking.channel.abort()
            await loop.pass_time(19)
            # Nor is the lock free before.
            assert b"database locked by" in await ask(other, LOCK)
            assert b"<host-name>hub-1</host-name>" in await ask(other, who)
            await loop.pass_time(2)
            async with asyncio.timeout(SECONDS):
                while b"<ok/>" not in await ask(other, LOCK):
                    pass
            assert named in await ask(other, who)
            committed.cancel()

    moved(run)


def test_who_is_killed_within_a_slow_commit_commits_nothing(tmp_path):
    async def run(loop):
        async with serving(spec_of(tmp_path, commit_seconds=40)) as server:
            asking, other = [await session(await connect(server)) for _ in range(2)]
            await ask(asking, LOCK)
            await ask(asking, CHANGE)
            asking.stdin.write(b"<rpc><commit-configuration/></rpc>" + END)
            await loop.pass_time(20)
            await ask(other, "<get-system-information/>")
            victim = next(iter(server.devices[0].sessions))
            kill = f"<kill-session><session-id>{victim}</session-id></kill-session>"
            assert b"<ok/>" in await ask(other, kill)
            await loop.pass_time(21)
            assert b"<ok/>" in await ask(other, LOCK)
            assert b"<host-name>hub-1</host-name>" in await ask(other, "<get-configuration/>")

    moved(run)


def test_what_is_due_within_a_slow_check_is_done_behind_it(tmp_path):
    check = "<validate><source><candidate/></source></validate>"
    confirmed = "<commit-configuration><confirmed/><confirm-timeout>1</confirm-timeout>"

    async def run(loop):
        spec = spec_of(tmp_path, commit_seconds=40)
        async with serving(spec, clock=loop.time) as server:
            asking = await session(await connect(server))
            await ask(asking, CHANGE)
            for operation in (f"{confirmed}</commit-configuration>", check, check):
                reply = asyncio.ensure_future(ask(asking, operation))
                await loop.pass_time(45)
                assert b"<ok/>" in await asyncio.wait_for(reply, SECONDS)
                await loop.pass_time(1)
            assert server.devices[0].identity().hostname == "hub-1"

    moved(run)


def test_what_is_asked_behind_a_slow_commit_is_answered_behind_it(tmp_path):
    async def run(loop):
        async with serving(spec_of(tmp_path, commit_seconds=40)) as server:
            asking, other = [await session(await connect(server)) for _ in range(2)]
            await ask(asking, CHANGE)
            for operation in ("<commit-configuration/>", "<get-system-information/>"):
                asking.stdin.write(f"<rpc>{operation}</rpc>".encode() + END)
            # Which has been answered when what came earlier has been looked at.
            await loop.pass_time(20)
            await ask(other, "<get-system-information/>")
            asking.stdin.write_eof()
            await loop.pass_time(21)
            replies = await asyncio.wait_for(asking.stdout.read(), SECONDS)
            first, second = replies.split(END)[:2]
            assert b"<ok/>" in first
            assert b"<host-name>other</host-name>" in second

    moved(run)


def small_socket(port: int) -> socket.socket:
    """The kernel keeps little of what its owner does not read, or the other side."""
    made = socket.socket()
    for kept in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        made.setsockopt(socket.SOL_SOCKET, kept, 32 * 1024)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


class Deaf(asyncssh.SSHClient):
    """A client that can stop taking what comes, whatever the windows of its channels say."""

    def connection_made(self, conn):
        self.transport = conn._transport


async def all_unread(connection, deaf, meanwhile) -> bool:
    """Whether nothing of what is sent now is read, however long the device is up."""
    while deaf.get_write_buffer_size() == 0:
        # What the two kernels keep between them depends on the machine.
        connection.send_packet(MSG_UNKNOWN)
    for _ in range(5000):
        connection.send_packet(MSG_UNKNOWN)
    before = deaf.get_write_buffer_size()
    # Long enough for the kernel, which asks for room once in 200 ms or so.
    for _ in range(5):
        await meanwhile()
    return before == deaf.get_write_buffer_size() > 0


def test_who_takes_nothing_from_its_socket_is_answered_no_further(tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "UNREAD", 2 * channel.SLICE)
    config = f"set system login class long allow-commands {'x' * 200_000}\n"
    in_the_kernel = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[-1])
    asked = in_the_kernel // 200_000 + 10

    async def run():
        async with serving(spec_of(tmp_path, config=config), spec_of(tmp_path, "hub-2")) as server:
            performed, perform = [], server.devices[0].perform
            server.devices[0].perform = lambda r: performed.append(r) or perform(r)
            link = small_socket(server.devices[0].spec.netconf.port)
            connection, client = await asyncssh.create_connection(
                Deaf, sock=link, username=USER, password=PASSWORD, known_hosts=None, config=None
            )
            deaf, polite = client.transport, await connect(server, 1)
            process, other = await session(connection, window=2**31 - 1), await session(polite)

            async def meanwhile():
                for _ in range(100):
                    assert b"hub-2" in await ask(other, "<get-system-information/>")

            deaf.pause_reading()
            process.stdin.write(asked * (b"<rpc><get-configuration/></rpc>" + END))
            await meanwhile()
            for _ in range(4):
                if await all_unread(connection, deaf, meanwhile):
                    break
            else:
                pytest.fail("the device reads on")
            assert len(performed) < asked
            deaf.resume_reading()
            for _ in range(asked):
                assert b"xxx" in await process.stdout.readuntil(END)
            connection.abort()
            polite.abort()

    asyncio.run(run())


@pytest.mark.parametrize(
    "octets", [channel.BACKLOG - 100, channel.BACKLOG + 1, 4 * channel.BACKLOG]
)
def test_a_session_goes_on_after_a_message_of_any_length(tmp_path, octets):
    async def run():
        async with serving(spec_of(tmp_path)) as server, await connect(server) as connection:
            process = await session(connection)
            for _ in range(3):
                long = f"<get-system-information>{' ' * octets}</get-system-information>"
                assert b"hub-1" in await asyncio.wait_for(ask(process, long), SECONDS)
                short = ask(process, "<get-system-information/>")
                assert b"hub-1" in await asyncio.wait_for(short, SECONDS)

    asyncio.run(run())


def test_little_is_taken_at_once_and_the_kernel_keeps_what_it_likes(tmp_path, monkeypatch):
    """A request of 1 MB over loopback took 7 s where the kernel has its usual settings."""
    taken, take = [], asyncssh.SSHServerConnection.data_received

    def received(self, data, datatype=None):
        kept = self.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        taken.append((len(data), kept))
        return take(self, data, datatype)

    monkeypatch.setattr(asyncssh.SSHServerConnection, "data_received", received)

    async def run():
        async with serving(spec_of(tmp_path)) as server, await connect(server) as connection:
            long = f"<get-system-information>{' ' * 4 * channel.BACKLOG}</get-system-information>"
            assert b"hub-1" in await ask(await session(connection), long)

    asyncio.run(run())
    sizes, kept = zip(*taken, strict=True)
    assert max(sizes) == intake.READ
    with socket.socket() as usual:
        assert min(kept) >= usual.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def test_a_fault_of_ours_is_an_answer_and_the_session_goes_on(tmp_path, caplog):
    async def run():
        async with serving(spec_of(tmp_path)) as server, await connect(server) as connection:
            process = await session(connection)
            device = server.devices[0]
            perform = device.perform
            device.perform = lambda request: 1 / 0
            answer = await ask(process, "<get-system-information/>")
            assert b"operation-failed" in answer
            assert b"ZeroDivisionError" not in answer
            device.perform = perform
            assert b"hub-1" in await ask(process, "<get-system-information/>")

    asyncio.run(run())
    faults = [record for record in caplog.records if record.exc_info]
    assert len(faults) == 1
    assert "get-system-information" in faults[0].message


# The store


def test_a_second_server_on_one_store_does_not_start(tmp_path):
    spec = spec_of(tmp_path, state=tmp_path / "state" / "hub.db")

    async def run():
        async with serving(spec):
            other = LabServer(Lab((spec,), ()))
            with pytest.raises(LabError, match="in use by another server"):
                await other.start()
        async with serving(spec):
            pass

    asyncio.run(run())


def test_what_is_not_told_is_counted_for_the_next_that_is():
    ration = Ration(at_once=3, seconds=2.0)
    took = [ration.take(now) for now in (10, 10, 10, 10, 10, 11, 12, 12, 99, 99, 99, 99)]
    assert took == [0, 0, 0, None, None, None, 3, None, 1, 0, 0, None]


def test_of_what_strangers_send_no_more_is_told_than_a_log_takes(tmp_path, caplog):
    """They choose how often: a line for each datagram fills a disk, or a pipe nobody reads."""
    (port,) = free_ports(1, socket.SOCK_DGRAM)

    def told():
        return [record.getMessage() for record in caplog.records]

    async def send(many):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for _ in range(many):
                stranger.sendto(b"no ISAKMP", ("127.0.0.1", port))
                for _turn in range(3):
                    await asyncio.sleep(0)

    @moved
    async def run(loop):
        async with serving(spec_of(tmp_path, gdoi=Endpoint("127.0.0.1", port))):
            await send(250)
            assert 100 <= len(told()) < 200
            assert len(set(told())) == 1
            caplog.clear()
            await loop.pass_time(2)
            await send(1)
            more, last = told()
            assert re.fullmatch(r"hub-1: 1\d\d datagrams more refused in the meantime", more)
            assert last.startswith("hub-1: RefusedPeer(")


def test_a_store_is_its_owners_alone(tmp_path):
    state = tmp_path / "state" / "hub.db"

    async def run():
        async with serving(spec_of(tmp_path, state=state)):
            for file in state.parent.iterdir():
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
            assert stat.S_IMODE(state.parent.stat().st_mode) == 0o700

    asyncio.run(run())


def _garbage(path):
    path.write_bytes(b"no database at all" * 500)


def _foreign(path):
    import sqlite3

    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (url TEXT)")


def _damaged(path):
    import sqlite3

    from keyserver.config.store import CommitEntry, CommitRecord, Store

    store = Store(path)
    store.commit(CommitRecord(CommitEntry(1, 1.0, "u", "c", ""), {}), None)
    store.close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE commit_log SET body = x'00'")
        database.commit()


def _directory(path):
    path.mkdir()


def _below_a_file(path):
    path.parent.rmdir()
    path.parent.touch()


@pytest.mark.parametrize("spoil", [_garbage, _foreign, _damaged, _directory, _below_a_file])
def test_a_store_that_is_none_is_one_sentence_with_a_remedy_and_stays_as_it_was(tmp_path, spoil):
    state = tmp_path / "state" / "hub.db"
    state.parent.mkdir()
    spoil(state)
    contents = None
    if spoil in (_garbage, _foreign, _directory):
        state.chmod(0o755)
    if spoil in (_garbage, _foreign):
        contents = state.read_bytes()

    async def run():
        with pytest.raises(LabError, match=r"^hub-1: .*state\S*: .*; .*name a") as refused:
            async with serving(spec_of(tmp_path, state=state)):
                pass
        assert "\n" not in str(refused.value)

    asyncio.run(run())
    if spoil in (_garbage, _foreign, _directory):
        assert stat.S_IMODE(state.stat().st_mode) == 0o755
    assert contents is None or state.read_bytes() == contents


def test_a_disk_that_becomes_full_at_any_moment_of_a_start_is_one_sentence(tmp_path):
    async def run(state, octets):
        with full_disk(octets):
            async with serving(replace(spec, state=state)):
                pass

    spec, refused = spec_of(tmp_path), []
    for number in range(48):
        try:
            asyncio.run(run(tmp_path / f"{number}.db", 2048 * number))
        except LabError as error:
            refused.append(str(error))
    assert 0 < len(refused) < 48
    sentence = r"hub-1: .*\.db: (disk I/O error|.* full)"
    assert [text for text in refused if not re.fullmatch(sentence, text)] == []


def test_an_address_that_the_host_does_not_have_is_named_with_the_reason(tmp_path):
    spec = replace(spec_of(tmp_path), netconf=Endpoint("192.0.2.77", 8301))

    async def run():
        with pytest.raises(
            LabError,
            match=r"hub-1: cannot listen at 192\.0\.2\.77:8301: .*not an address of this host",
        ):
            async with serving(spec):
                pass

    asyncio.run(run())


def test_what_keeps_an_address_from_us_is_told_with_its_remedy():
    # What macOS answers; Linux has the whole network.
    missing = OSError(errno.EADDRNOTAVAIL, "error while attempting to bind on address")
    assert why_unusable(Endpoint("127.0.1.1", 8301), missing) == (
        f"{os.strerror(missing.errno)} (macOS and BSD: sudo ifconfig lo0 alias 127.0.1.1)"
    )
    assert "alias" not in why_unusable(Endpoint("127.0.0.1", 8301), missing)
    refused = OSError(errno.EACCES, "error while attempting to bind on address")
    assert why_unusable(Endpoint("127.0.1.1", 8301), refused) == "Permission denied"
    assert why_unusable(Endpoint("127.0.1.1", 848), refused) == (
        "Permission denied (ports below 1024 are the system's: take a higher one, or run as root)"
    )

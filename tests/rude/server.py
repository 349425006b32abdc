# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A rude device on the loopback address: SSH that works, NETCONF with manners by script."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import asyncssh
from lxml import etree

from tests.rude.device import PASSWORD, USER, Box, name_of
from tests.rude.manners import Fault, Manner, Stage
from tests.rude.operations import BASE, Operations, Refusal, rpc_error
from tests.rude.questions import AskingLogin

END = b"]]>]]>"


class _Talk(Operations):
    """One NETCONF session: octets in, octets out, and manners by script."""

    def __init__(self, server: RudeServer, number: int, write: Callable[[bytes], None]) -> None:
        super().__init__(server.box, number)
        self.server, self._write = server, write
        self.data = b""
        self.greeted = False
        self.busy = False
        self.waiting: list[etree._Element] = []

    def receive(self, data: bytes) -> None:
        self.data += data
        cut = self.server.cut_requests_after
        if cut is not None and self.greeted and len(self.data) > cut:
            self.server.drop(self.number)
            return
        while END in self.data:
            message, _, self.data = self.data.partition(END)
            if not self.greeted:
                self.greeted = True
                continue
            if message.strip():
                self.waiting.append(etree.fromstring(message.strip()))
        self.work()

    def work(self) -> None:
        """What was asked, in order: what takes its time holds up what was asked later."""
        while self.waiting and not self.busy:
            self.message(self.waiting.pop(0))

    def answered(self, message: bytes) -> None:
        """The answer to what took its time."""
        self.send(message)
        self.busy = False
        self.work()

    def message(self, rpc: etree._Element) -> None:
        operation = rpc[0]
        self.box.requests.append(name_of(operation))
        stage = self.stage_of(operation)
        fault = self.server.fault_at(stage)
        if fault is None:
            return self.send(self.reply(rpc.get("message-id"), self.done(operation)))
        getattr(self, "_be_" + fault.manner.name.lower())(fault, rpc, operation)
        return None

    def done(self, operation: etree._Element) -> str:
        try:
            return self.perform(operation)
        except Refusal as refusal:
            return rpc_error(str(refusal))

    def send(self, message: bytes) -> None:
        self._write(message + END)

    def _be_error(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.send(self.reply(rpc.get("message-id"), rpc_error(fault.message)))

    def _be_warning(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        words = rpc_error(fault.message, "warning")
        self.send(self.reply(rpc.get("message-id"), words + self.done(operation)))

    def _be_error_inside_success(
        self, fault: Fault, rpc: etree._Element, operation: etree._Element
    ) -> None:
        content = self.done(operation) + rpc_error(fault.message)
        self.send(self.reply(rpc.get("message-id"), content))

    def _be_refusal_inside_success(
        self, fault: Fault, rpc: etree._Element, operation: etree._Element
    ) -> None:
        content = f"<results>{rpc_error(fault.message)}</results>{self.ok()}"
        self.send(self.reply(rpc.get("message-id"), content))

    def _be_timeout(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.done(operation)
        # What came with it is not answered either.
        self.waiting.clear()

    def _be_delay(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        content = self.done(operation)
        answer = self.reply(rpc.get("message-id"), content)
        self.busy = True
        self.server.later(fault.seconds, lambda: self.answered(answer))

    def _be_slow(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.box.busy.add(self.number)
        self.busy = True

        def finish() -> None:
            answer = self.reply(rpc.get("message-id"), self.done(operation))
            self.box.busy.discard(self.number)
            if self.number in self.server.channels:
                self.answered(answer)
            else:
                self.box.end(self.number)

        self.server.later(fault.seconds, finish)

    def _be_partial(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        answer = self.reply(rpc.get("message-id"), self.done(operation))
        self._write(answer[: fault.octets])
        self.busy = True
        self.server.later(fault.seconds, lambda: self.answered(answer[fault.octets :]))

    def _be_cut_before(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.server.drop(self.number)

    def _be_cut_after(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        answer = self.reply(rpc.get("message-id"), self.done(operation))
        self._write(answer[: fault.octets])
        self.server.drop(self.number)

    def _be_garbage(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.done(operation)
        self.send(b"<rpc-reply><<<\x00\xff not XML at all &&")

    def _be_wrong_id(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.send(self.reply("somebody-elses-1", self.done(operation)))

    def _be_empty(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.done(operation)
        self.send(self.reply(rpc.get("message-id"), ""))

    def _be_unclosed(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        content = self.done(operation)
        check = "commit-check-success" in content
        word = "commit-check-success" if check else "commit-success"
        half = f'<routing-engine junos:style="show-name"><name>node0</name><{word}/>'
        rest = f'<routing-engine junos:style="show-name"><name>node1</name><{word}/>'
        text = f"<commit-results>{half}</routing-engine>{rest}</commit-results>{self.ok()}"
        self.send(self.reply(rpc.get("message-id"), text))

    def _be_rewrite(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        answer = self.reply(rpc.get("message-id"), self.done(operation))
        self.send(fault.rewrite(answer))


_CAPABILITIES = (
    "urn:ietf:params:netconf:base:1.0",
    "urn:ietf:params:netconf:capability:candidate:1.0",
    "urn:ietf:params:netconf:capability:confirmed-commit:1.0",
    "http://xml.juniper.net/netconf/junos/1.0",
    "http://xml.juniper.net/dmi/system/1.0",
)


def hello(number: int) -> bytes:
    """The hello of a Junos, with the two comments before it."""
    offered = "".join(f"<capability>{name}</capability>" for name in _CAPABILITIES)
    return (
        "<!-- No zombies were killed during the creation of this user interface -->\n"
        f"<!-- user {USER}, class j-super-user -->\n"
        f'<hello xmlns="{BASE}"><capabilities>{offered}</capabilities>'
        f"<session-id>{number}</session-id></hello>"
    ).encode()


class _Channel(asyncssh.SSHServerSession[bytes]):
    def __init__(self, server: RudeServer) -> None:
        self._server = server
        self.number = next(server.numbers)
        self.talk: _Talk | None = None
        self.channel: Any = None

    def connection_made(self, chan: Any) -> None:
        self.channel = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        self._server.meets("subsystem")
        return subsystem == "netconf"

    def session_started(self) -> None:
        server = self._server
        server.channels[self.number] = self
        self.talk = _Talk(server, self.number, self.channel.write)
        fault = server.fault_at(Stage.HELLO)
        if server.before_hello:
            self.channel.write(server.before_hello)
        manner = None if fault is None else fault.manner
        if manner in (Manner.CUT_BEFORE, Manner.CUT_AFTER):
            self.channel.write(server.greeting(self.number)[: fault.octets if fault else 0])
            server.drop(self.number)
        elif manner is Manner.GARBAGE:
            self.channel.write(b"\x00\xff<<<hello" + END)
        elif manner is Manner.ERROR:
            self.channel.write(f"<rpc-reply>{rpc_error(fault.message)}</rpc-reply>".encode() + END)
        elif manner is not Manner.TIMEOUT:
            self.channel.write(server.greeting(self.number) + END)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self.talk is not None:
            if self.talk.greeted:
                self._server.meets("request")
            self.talk.receive(data)

    def eof_received(self) -> bool:
        self.channel.exit(0)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.channels.pop(self.number, None)
        self._server.box.end(self.number)


class _Login(AskingLogin):
    def __init__(self, server: RudeServer) -> None:
        super().__init__(server)
        self._server = server
        self._connection: Any = None

    def connection_made(self, conn: Any) -> None:
        super().connection_made(conn)
        self._connection = conn
        self._server.connections.add(conn)
        if self._server.gone:
            conn.abort()

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return False

    def validate_password(self, username: str, password: str) -> Any:
        self._server.passwords.append(password)
        self._server.meets("password")
        if self._server.judges is not None:
            return self._server.judges(self._connection)
        if self._server.logins is not None:
            self._server.logins -= 1
            if self._server.logins < 0:
                return False
        return (username, password) == (USER, PASSWORD)

    def session_requested(self) -> Any:
        self._server.meets("session")
        if self._server.gone:
            self._connection.abort()
            return False
        return _Channel(self._server)


_HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
_SSH: dict[str, Any] = {
    "gss_host": None,
    "compression_algs": None,
    "kex_algs": ["curve25519-sha256", "curve25519-sha256@libssh.org"],
}


class RudeServer:
    """A rude device on a port of the loopback address, its loop in a thread."""

    def __init__(
        self,
        box: Box,
        *faults: Fault,
        before_hello: bytes = b"",
        key: asyncssh.SSHKey = _HOST_KEY,
        **ssh: Any,
    ) -> None:
        """``ssh``: what asyncssh is told beside, or instead."""
        self.box, self._key, self._ssh = box, key, {**_SSH, **ssh}
        self.faults = list(faults)
        self.before_hello = before_hello
        self.greeting: Callable[[int], bytes] = hello
        """The hello of a session."""
        self.cut_requests_after: int | None = None
        """End the session when more than so many octets of a request have come."""
        self.numbers = itertools.count(101)
        self.channels: dict[int, _Channel] = {}
        self.connections: set[Any] = set()
        self.logins: int | None = None
        """How many more logins there may be; None for any number."""
        self.gone = False
        """A device that is lost: whoever connects, or wants a session, is cut off."""
        self.hangs_up: dict[str, Exception] = {}
        """How it ends a connection, by what comes: a password, session, subsystem or request."""
        self.judges: Callable[[Any], Any] | None = None
        """What it does over a connection instead of judging a password."""
        self.passwords: list[str] = []
        """What clients tried to log in with."""
        self.questions: list[list[str]] = []
        """What it asks who logs in, turn by turn, instead of taking a password at once."""
        self.answers: list[list[str]] = []
        self.lets_in = True
        """What it was answered."""
        self.port = 0
        self._reached: dict[Stage, int] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> RudeServer:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _listen(self) -> None:
        self._listener = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Login(self),
            server_host_keys=[self._key],
            # As OpenSSH since 8.8: RSA without SHA-1.
            signature_algs=[a.decode() for a in self._key.sig_algorithms if a != b"ssh-rsa"],
            encoding=None,
            line_editor=False,
            **self._ssh,
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._listener.close()
        # Who has no session any more may keep its connection for another one.
        for connection in self.connections:
            connection.abort()
        await self._listener.wait_closed()
        for task in asyncio.all_tasks(self._loop) - {asyncio.current_task()}:
            task.cancel()

    @property
    def host_key(self) -> str:
        """Type and key as known_hosts has them."""
        return " ".join(self._key.export_public_key().decode().split()[:2])

    def fault_at(self, stage: Stage) -> Fault | None:
        """The misbehaviour that is due now that a request of that stage came."""
        reached = self._reached[stage] = self._reached.get(stage, 0) + 1
        due = (f for f in self.faults if f.stage is stage and f.nth in (0, reached))
        return next(due, None)

    def meets(self, asked: str) -> None:
        """What is asked that may have it hang up."""
        if asked in self.hangs_up:
            raise self.hangs_up[asked]

    def aside(self, number: int, words: bytes) -> None:
        """Say something in a session beside NETCONF, before what is asked next is answered."""
        channel = self.channels[number].channel
        self._loop.call_soon_threadsafe(channel.write, words, asyncssh.EXTENDED_DATA_STDERR)

    def drop(self, number: int) -> None:
        """End a session as a device does that dies: no word, no status."""
        if number in self.channels:
            self.channels[number].channel.close()

    def drop_all(self) -> None:
        """End all sessions so."""
        for number in list(self.channels):
            self.drop(number)

    def cut_off(self) -> None:
        """Cut all connections, whatever those at their other ends are doing."""
        for connection in list(self.connections):
            self._loop.call_soon_threadsafe(connection.abort)

    def wants_signs_of_life(self, seconds: float) -> None:
        """Cut who is there now off as soon as it does not answer within that time."""
        for connection in list(self.connections):
            self._loop.call_soon_threadsafe(connection.set_keepalive, seconds, 1)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self._loop.call_later(seconds, action)

    def left(self, seconds: float = 60.0) -> bool:
        """Whether every connection ends in that time."""
        end = time.monotonic() + seconds
        while not (gone := all(one.is_closed() for one in self.connections)):
            if time.monotonic() >= end:
                break
            time.sleep(0.005)
        return gone

    def settled(self, seconds: float = 60.0) -> bool:
        """Whether every session ends in that time."""
        end = time.monotonic() + seconds
        while self.channels and time.monotonic() < end:
            time.sleep(0.005)
        return not self.channels

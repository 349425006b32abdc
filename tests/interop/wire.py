# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The real server on loopback, and NETCONF by hand over SSH: octets out, replies in."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncssh
from lxml import etree

from keyserver.edge.channel import Waits
from keyserver.edge.serve import LabServer
from keyserver.lab.specs import DeviceSpec, Endpoint, Lab, User
from keyserver.srx import Device
from tests.lab import PASSWORD, USER, hub_config
from tests.processes import free_ports

END = b"]]>]]>"
PLAIN, COMPLIANT, FEW = range(3)
"""The devices: as Junos is by default; with base:1.1; with two connections at most."""
_EXTRA = {
    PLAIN: (),
    COMPLIANT: (
        "set system services netconf rfc-compliant",
        "set system services netconf version-1.1",
    ),
    FEW: ("set system services netconf ssh connection-limit 2",),
}
_BASE = "urn:ietf:params:netconf:base:1."
SECONDS = 60
"""How long an answer is waited for."""


def hello(*minors: int, extra: str = "") -> bytes:
    """A client's hello that offers base:1.MINOR for each."""
    offered = "".join(f"<capability>{_BASE}{minor}</capability>" for minor in minors)
    return f"<hello><capabilities>{offered}</capabilities>{extra}</hello>".encode() + END


def specs(directory: Path) -> tuple[DeviceSpec, ...]:
    """The devices, with stores in that directory."""
    found = []
    for number, extra in _EXTRA.items():
        name = f"hub-{number}"
        file = directory / f"{name}.conf"
        file.write_text(hub_config(name, "v2", {"gm-1": "127.0.1.1"}, ("G1", "G2"), extra=extra))
        (port,) = free_ports(1)
        found.append(
            DeviceSpec(
                name,
                netconf=Endpoint("127.0.0.1", port),
                users=(User(USER, PASSWORD, None),),
                config=file,
                state=directory / "state" / f"{name}.db",
            )
        )
    return tuple(found)


class Talk:
    """One session; what is asked is answered without its namespaces."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes], greeting: bytes) -> None:
        self._process = process
        self.greeting = greeting
        self.chunked = False

    @property
    def number(self) -> int:
        """The session-id that the server gave."""
        return int(self.greeting.partition(b"<session-id>")[2].partition(b"<")[0])

    def send(self, octets: bytes) -> None:
        """As they are."""
        self._process.stdin.write(octets)

    def finish(self) -> None:
        """No more input."""
        self._process.stdin.write_eof()

    async def reply(self) -> bytes:
        """The next one, in its framing."""
        end = b"\n##\n" if self.chunked else END
        return await asyncio.wait_for(self._process.stdout.readuntil(end), SECONDS)

    async def rest(self) -> bytes:
        """Everything until the server ends the session."""
        return await asyncio.wait_for(self._process.stdout.read(), SECONDS)

    async def raw(self, octets: bytes) -> bytes:
        """Send a message in end-of-message framing; what comes back."""
        self.send(octets + END)
        return await self.reply()

    async def ask(self, operation: str) -> str:
        """The reply to an operation, without namespaces and prefixes."""
        message = f'<rpc message-id="1">{operation}</rpc>'.encode()
        if not self.chunked:
            return plain((await self.raw(message)).removesuffix(END))
        self.send(b"\n#%d\n%b\n##\n" % (len(message), message))
        return plain(unchunked(await self.reply()))


def unchunked(octets: bytes) -> bytes:
    """The message in chunks of base:1.1."""
    message = b""
    rest = octets.removesuffix(b"\n##\n")
    while rest:
        head, _, rest = rest.removeprefix(b"\n#").partition(b"\n")
        message, rest = message + rest[: int(head)], rest[int(head) :]
    return message


def plain(document: bytes) -> str:
    """A document without its namespaces."""
    root = etree.fromstring(document)
    for element in root.iter(etree.Element):
        element.tag = etree.QName(element).localname
    etree.cleanup_namespaces(root)
    return re.sub(r">\s+<", "><", etree.tostring(root, encoding="unicode"))


class Bench:
    """The running server."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.specs = specs(directory)
        self._clients = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Listen."""
        self.server = LabServer(Lab(self.specs, ()))
        await self.server.start()

    async def stop(self) -> None:
        """Let the clients go, then the server."""
        await self._clients.aclose()
        self.server.stop()

    async def connect(self, device: int = PLAIN, **more: object) -> asyncssh.SSHClientConnection:
        """A connection of its own."""
        endpoint = self.specs[device].netconf
        assert endpoint is not None
        return await self._connect(endpoint.port, **more)

    async def _connect(self, port: int, **more: object) -> asyncssh.SSHClientConnection:
        options: dict[str, object] = {
            "username": USER,
            "password": PASSWORD,
            "known_hosts": None,
            "config": None,
            "client_keys": None,
            **more,
        }
        connection = await asyncssh.connect("127.0.0.1", port, **options)
        self._clients.push_async_callback(connection.wait_closed)
        self._clients.callback(connection.abort)
        return connection

    async def open(self, device: int = PLAIN, greet: bytes | None = hello(0)) -> Talk:
        """A session on a connection of its own; ``greet`` None: says nothing."""
        return await self.on(await self.connect(device), greet)

    async def open_at(self, port: int, greet: bytes | None = hello(0)) -> Talk:
        """A session on another server."""
        return await self.on(await self._connect(port), greet)

    @contextlib.asynccontextmanager
    async def impatient(self, waits: Waits) -> AsyncIterator[tuple[Device, int]]:
        """Another device, which waits only so long for a client; it, and its port."""
        (port,) = free_ports(1)
        spec = replace(
            self.specs[PLAIN], netconf=Endpoint("127.0.0.1", port), state=None, gdoi=None
        )
        server = LabServer(Lab((spec,), ()), waits=waits)
        await server.start()
        try:
            yield server.devices[0], port
        finally:
            server.stop()

    async def on(
        self, connection: asyncssh.SSHClientConnection, greet: bytes | None = hello(0)
    ) -> Talk:
        """A session on that connection."""
        process = await connection.create_process(subsystem="netconf", encoding=None)
        greeting = await asyncio.wait_for(process.stdout.readuntil(END), SECONDS)
        talk = Talk(process, greeting)
        if greet is not None:
            talk.send(greet)
        talk.chunked = greet is not None and b"base:1.1" in greet and b"base:1.1" in greeting
        return talk


@contextlib.asynccontextmanager
async def bench(directory: Path) -> AsyncIterator[Bench]:
    """A running server with its devices."""
    running = Bench(directory)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()

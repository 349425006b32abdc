# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a client can do to the others: the longest turn of the server's loop under rude ones.

Three devices in one process: a client is rude to the first; polite ones ask the second who it is
all the while, and load some lines into the third. Wall time holds what other processes took from
us; CPU time is what counts.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import asyncssh

from tests.lab import PASSWORD, USER, LabDirectory, hub_config
from tests.processes import Process

END = b"]]>]]>"
HELLO = (
    b"<hello><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>"
    b"</capabilities></hello>" + END
)
GATEWAYS, LINES, ATTRIBUTES, PIPELINED = 5000, 10_350, 50_000, 185_000
SOME = 30
GATEWAY = "set security group-vpn server ike gateway gm-{} {}"


class Client:
    """A NETCONF session that can leave its answers unread."""

    @classmethod
    async def open(cls, address: str, port: int) -> Client:
        self = cls()
        self._connection = await asyncssh.connect(
            address, port, username=USER, password=PASSWORD, known_hosts=None, config=None
        )
        await self.begin()
        return self

    async def begin(self, **more: int) -> None:
        """A session on a channel of its own."""
        self._process = await self._connection.create_process(
            subsystem="netconf", encoding=None, **more
        )
        self.send(HELLO)
        await self.answer()

    def send(self, data: bytes) -> None:
        self._process.stdin.write(data)

    async def answer(self) -> bytes:
        return await self._process.stdout.readuntil(END)

    async def ask(self, operation: str) -> bytes:
        self.send(f'<rpc message-id="1">{operation}</rpc>'.encode() + END)
        return await self.answer()

    async def load(self, lines: list[str]) -> bytes:
        text = "\n".join(lines)
        return await self.ask(
            '<load-configuration action="set" format="text"><configuration-set>'
            f"{text}</configuration-set></load-configuration>"
        )

    def close(self) -> None:
        self._connection.abort()


def gateways(count: int) -> list[str]:
    """Set lines of that many gateways."""
    return [
        GATEWAY.format(n, more)
        for n in range(count)
        for more in ("ike-policy pol", f"address 10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    ]


async def unread(client: Client) -> None:
    """185 kB of requests whose answers nobody reads."""
    question = b'<rpc message-id="1"><get-configuration/></rpc>' + END
    client.send(question * (PIPELINED // len(question)))
    await asyncio.sleep(3)


async def small_packets(client: Client) -> None:
    """Answers taken in packets of one octet, for three seconds."""
    await client.begin(max_pktsize=1, window=2**24)
    for _ in range(10):
        client.send(b'<rpc message-id="1"><get-configuration/></rpc>' + END)
    await asyncio.sleep(3)


async def attributes(client: Client) -> None:
    """50,000 attributes on one rpc."""
    many = " ".join(f'a{n}="1"' for n in range(ATTRIBUTES))
    client.send(f"<rpc {many}><get-configuration/></rpc>".encode() + END)
    await client.answer()


async def set_lines(client: Client) -> None:
    """10,350 set lines in one load."""
    await client.load(gateways(LINES // 2))


async def commit(client: Client) -> None:
    """A commit of 5,000 gateways."""
    await client.load(gateways(GATEWAYS))
    await client.ask("<commit-configuration/>")


async def read(client: Client) -> None:
    """All of 5,000 gateways, in four formats."""
    for form in ("xml", "text", "set", "json"):
        await client.ask(f'<get-configuration format="{form}"/>')


async def one_leaf(client: Client) -> None:
    """One leaf beside 5,000 gateways, loaded and committed."""
    await client.load(["set system host-name other"])
    await client.ask("<commit-configuration/>")


RUDE: tuple[Callable[[Client], Awaitable[None]], ...] = (
    unread,
    attributes,
    set_lines,
    commit,
    read,
    small_packets,
    one_leaf,
)


async def ask_who(client: Client) -> None:
    await client.ask("<get-system-information/>")


async def load_some(client: Client) -> None:
    await client.load(gateways(SOME // 2))
    await client.ask("<discard-changes/>")


POLITE = {"hub-2": ask_who, "hub-3": load_some}


async def _all_the_while(
    polite: Callable[[Client], Awaitable[None]], port: int, stop: asyncio.Event
) -> float:
    """The longest wait of a polite client, in seconds."""
    client, waits = await Client.open("127.0.0.1", port), list[float]()
    while not stop.is_set():
        began = time.perf_counter()
        await polite(client)
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.005)
    client.close()
    return max(waits)


async def _under(rude: Callable[[Client], Awaitable[None]], lab: LabDirectory) -> list[float]:
    """How long each of the polite ones waited meanwhile at most, in seconds."""
    stop = asyncio.Event()
    asking = [
        asyncio.create_task(_all_the_while(polite, lab.port(name), stop))
        for name, polite in POLITE.items()
    ]
    client = await Client.open("127.0.0.1", lab.port("hub-1"))
    await rude(client)
    stop.set()
    waits = await asyncio.gather(*asking)
    client.close()
    return waits


def _longest(server: Process) -> tuple[float, float, str]:
    """(wall ms, CPU ms, what) of the longest turn since the last question."""
    asked = sum("longest turn" in line for line in server.output)
    server.signal(signal.SIGUSR1)
    server.wait_for("longest turn", count=asked + 1)
    line = next(line for line in reversed(server.output) if "longest turn" in line)
    found = re.search(r"longest turn: (\S+) (\S+) (.*)", line)
    assert found is not None
    return float(found[1]), float(found[2]), found[3]


def rows() -> Iterator[str]:
    """A table for ``docs/benchmarks.md``."""
    yield "### The longest turn of the loop under rude clients"
    yield ""
    yield (
        "| a client does | longest turn, CPU ms (wall) | others wait at most, ms "
        f"| with {SOME} lines to load | peak MB |"
    )
    yield "|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as directory:
        lab = LabDirectory(Path(directory))
        for name in ("hub-1", *POLITE):
            lab.add_device(name, "v2", hub_config(name, "v2", {"gm-1": "192.0.2.11"}))
        program = str(Path(__file__).with_name("timed_loop.py"))
        server = lab.serve(prefix=(sys.executable, program))
        try:
            for rude in RUDE:
                _longest(server)
                waits = asyncio.run(_under(rude, lab))
                wall, cpu, _what = _longest(server)
                waited = " | ".join(f"{1000 * seconds:.0f}" for seconds in waits)
                name = (rude.__doc__ or "").rstrip(".")
                yield (f"| {name} | {cpu:.1f} ({wall:.1f}) | {waited} | {server.peak_mb():.0f} |")
        finally:
            server.stop()
    yield ""


SECTIONS = {"loop": rows}

if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)

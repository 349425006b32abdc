# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a large configuration costs beside a small one, and what many devices cost.

CPU time of the server's process, whatever else the machine does; one run has both sides of every
ratio.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.limits import at_most
from tests.benchmarks.loop import GATEWAYS, LINES, Client, gateways
from tests.lab import LabDirectory, hub_config
from tests.processes import Process, free_ports

FEW, REPEATS, DEVICES = 10, 200, 1000
IDLE_SECONDS, START_SECONDS = 5, 300
_LEAF = "set security group-vpn server ike gateway gm-7 address 203.0.113.{}"
_FILTER = (
    '<get-configuration format="{}"><configuration><security><group-vpn><server><ike><gateway>'
    "<name>gm-7</name></gateway></ike></server></group-vpn></security></configuration>"
    "</get-configuration>"
)
Question = Callable[[int], list[str]]
"""What a client asks the nth time: NETCONF operations."""


def _set(lines: list[str]) -> str:
    text = "\n".join(lines)
    return (
        '<load-configuration action="set" format="text"><configuration-set>'
        f"{text}</configuration-set></load-configuration>"
    )


def _committed(line: str) -> Question:
    return lambda n: [_set([line.format(n + 1)]), "<commit-configuration/>"]


QUESTIONS: dict[str, Question] = {
    "one leaf elsewhere loaded and committed": _committed("set system host-name h-{}"),
    "one leaf of a gateway loaded and committed": _committed(_LEAF),
    "one gateway read as XML": lambda n: [_FILTER.format("xml")],
    "one gateway read as text": lambda n: [_FILTER.format("text")],
    "one gateway read as set lines": lambda n: [_FILTER.format("set")],
    "one gateway read as JSON": lambda n: [_FILTER.format("json")],
}


async def _ask(client: Client, operations: list[str]) -> None:
    for operation in operations:
        answer = await client.ask(operation)
        assert b"rpc-error" not in answer, answer[:500]


async def _costs(server: Process, address: tuple[str, int]) -> dict[str, float]:
    """CPU milliseconds of each question."""
    client = await Client.open(*address)
    costs = {}
    for name, question in QUESTIONS.items():
        await _ask(client, question(REPEATS))
        before = server.cpu_seconds()
        for n in range(REPEATS):
            await _ask(client, question(n))
        costs[name] = 1000 * (server.cpu_seconds() - before) / REPEATS
    client.close()
    return costs


def _lab(directory: str, count: int, names: list[str]) -> LabDirectory:
    lab = LabDirectory(Path(directory))
    more = "\n".join(gateways(count))
    (port,) = free_ports(1)
    for n, name in enumerate(names):
        # An address for each: there are fewer ports than a thousand devices take.
        place = {"address": f"127.1.{n // 250}.{n % 250 + 1}", "port": port}
        config = f"{hub_config(name, 'v2', {'one': '192.0.2.11'})}\n{more}\n"
        lab.add_device(name, "v2", config, netconf=place, gdoi=place)
    lab.write()
    return lab


def _address(lab: LabDirectory) -> tuple[str, int]:
    place = lab.devices[0]["netconf"]
    return place["address"], place["port"]


@contextlib.contextmanager
def _serving(lab: LabDirectory) -> Iterator[Process]:
    server = Process("serve", lab.file)
    try:
        server.wait_for("ready:", START_SECONDS)
        yield server
    finally:
        server.stop()


def _of_size(count: int) -> tuple[dict[str, float], float]:
    """What the questions cost beside that many gateways, and the start in CPU seconds."""
    with tempfile.TemporaryDirectory() as directory:
        lab = _lab(directory, count, ["hub-1"])
        with _serving(lab) as server:
            start = server.cpu_seconds()
            return asyncio.run(_costs(server, _address(lab))), start


def _xml(count: int) -> str:
    entries = "".join(
        f"<gateway><name>gm-{n}</name><ike-policy>pol</ike-policy>"
        f"<address>10.{n >> 16}.{n >> 8 & 255}.{n & 255}</address></gateway>"
        for n in range(count)
    )
    return (
        "<load-configuration><configuration><security><group-vpn><server><ike>"
        f"{entries}</ike></server></group-vpn></security></configuration></load-configuration>"
    )


async def _load_costs(server: Process, address: tuple[str, int]) -> dict[str, float]:
    client = await Client.open(*address)
    costs = {}
    for name, load in (("set lines", _set(gateways(LINES // 2))), ("XML", _xml(LINES // 2))):
        before = server.cpu_seconds()
        await _ask(client, [load, "<discard-changes/>"] * 3)
        costs[name] = 1000 * (server.cpu_seconds() - before) / 3
    client.close()
    return costs


def sizes() -> Iterator[str]:
    """A table for ``docs/benchmarks.md``."""
    yield f"### The key server with {GATEWAYS:,} gateways beside {FEW}, CPU of its process"
    yield ""
    yield f"| | {FEW} gateways, ms | {GATEWAYS:,} gateways, ms | ratio |"
    yield "|---|---|---|---|"
    few, small_start = _of_size(FEW)
    many, start = _of_size(GATEWAYS)
    for name in QUESTIONS:
        yield f"| {name} | {few[name]:.1f} | {many[name]:.1f} | {many[name] / few[name]:.2f} |"
    yield f"| start | {1000 * small_start:.0f} | {1000 * start:.0f} | |"
    yield ""
    with tempfile.TemporaryDirectory() as directory:
        lab = _lab(directory, FEW, ["hub-1"])
        with _serving(lab) as server:
            loads = asyncio.run(_load_costs(server, _address(lab)))
    ratio = loads["set lines"] / loads["XML"]
    yield (
        f"{LINES:,} set lines load in {loads['set lines']:.0f} ms, the same as XML in "
        f"{loads['XML']:.0f} ms: ratio {ratio:.2f}."
    )
    yield ""
    for kind, limit in (("committed", 3), ("read", 2)):
        worst = max(many[name] / few[name] for name in QUESTIONS if kind in name)
        what = f"what is {kind} of {GATEWAYS:,} gateways, CPU beside {FEW}"
        yield at_most(what, limit, worst)
        yield ""
    yield at_most("the load of set lines, CPU beside XML", 3, ratio)
    yield ""


def many_devices() -> Iterator[str]:
    """A table for ``docs/benchmarks.md``."""
    yield f"### {DEVICES:,} key servers in one process"
    yield ""
    yield "| start, CPU s | peak MB | idle, CPU ms a second |"
    yield "|---|---|---|"
    with tempfile.TemporaryDirectory() as directory:
        lab = _lab(directory, 0, [f"hub-{n}" for n in range(DEVICES)])
        with _serving(lab):
            # The first start makes host keys and stores.
            pass
        with _serving(lab) as server:
            start = server.cpu_seconds()
            time.sleep(IDLE_SECONDS)
            idle = 1000 * (server.cpu_seconds() - start) / IDLE_SECONDS
            peak = server.peak_mb()
    yield f"| {start:.2f} | {peak:.0f} | {idle:.1f} |"
    yield ""
    what = f"{DEVICES:,} key servers in one process"
    yield at_most(f"{what}, start, CPU", 2, start, " s")
    yield ""
    yield at_most(f"{what}, memory", 250, peak, " MB")
    yield ""


SECTIONS = {"sizes": sizes, "devices": many_devices}

if __name__ == "__main__":
    for section in SECTIONS.values():
        for row in section():
            print(row, flush=True)

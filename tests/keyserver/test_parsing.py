# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Messages that are parsed beside other work: libxml2's dictionaries are for one at a time."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from lxml import etree
from ncclient import manager

from keyserver.config.parsing import is_alone
from keyserver.edge.turns import Workers
from keyserver.netconf.work import Work
from keyserver.netconf.xml import parse
from tests.lab import ROOT, LabDirectory, by_ncclient, hub_config


def document(rng: random.Random, length: int = 3000) -> tuple[bytes, list[str]]:
    """One whose names no dictionary has yet."""
    names = [f"n{rng.randrange(10**12):012}-{'x' * rng.randrange(30)}" for _ in range(length)]
    return f"<r>{''.join(f'<{name}>1</{name}>' for name in names)}</r>".encode(), names


def parsed(trees: list[etree._Element], times: int, length: int) -> int:
    """How many of so many messages are not what was sent; each is kept."""
    found = 0
    for seed in range(times):
        octets, names = document(random.Random(seed), length)
        tree = parse(octets)
        found += [one.tag for one in tree] != names
        trees.append(tree)
    return found


def made(trees: list[etree._Element], done: Callable[[], bool]) -> int:
    """How many elements are not what they were made as, in what was parsed before."""
    rng, wrong = random.Random(5), 0
    while not done():
        for tree in trees[-1:]:
            name = f"m{rng.randrange(10**12):012}-{'y' * rng.randrange(30)}"
            wrong += etree.SubElement(tree, name).tag != name
            del tree[-1]
    return wrong


def long() -> int:
    """A worker parses what is long, and the loop works on that."""
    trees: list[etree._Element] = []
    with ThreadPoolExecutor(1) as worker:
        found = worker.submit(parsed, trees, 60, 3000)
        return made(trees, found.done) + found.result()


def short() -> int:
    """The loop parses what is short, and a worker works on what was there before it."""
    trees, over = [parse(document(random.Random(99), 300)[0])], threading.Event()
    with ThreadPoolExecutor(1) as worker:
        found = worker.submit(made, trees, over.is_set)
        try:
            wrong = parsed([], 60, 300)
        finally:
            over.set()
        return wrong + found.result()


CASES = {"long": long, "short": short}


@pytest.mark.parametrize("case", CASES)
def test_what_was_parsed_is_worked_on_while_more_is_parsed(case):
    # In a process of its own: a fault here ends it.
    command = [sys.executable, "-m", __name__, case]
    assert subprocess.run(command, cwd=ROOT, timeout=300).returncode == 0


async def alone() -> list[bool]:
    """Whether the loop is: at first, while a worker works, or writes, behind it, among others."""
    workers, told = Workers(), [is_alone()]
    for bare in (False, True):
        over = threading.Event()
        running = workers.begin(Work(over.wait, 1, bare))
        told.append(is_alone())
        over.set()
        await running
    told.append(is_alone())
    with ThreadPoolExecutor(1) as foreign:
        foreign.submit(is_alone).result()
        told.append(is_alone())
    workers.shutdown()
    return told


def test_a_worker_that_waits_for_work_costs_nothing():
    # Threads of this process' other tests are none of the program's.
    ask = f"import asyncio; from {__name__} import alone; print(asyncio.run(alone()))"
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, timeout=60)
    assert done.stdout.decode().strip() == "[True, False, True, True, False]"


_TELLING = """
import runpy, sys, threading
start = threading.Thread.start
def told(thread):
    print("a thread:", thread.name, flush=True)
    return start(thread)
threading.Thread.start = told
sys.argv = sys.argv[2:]
runpy.run_module("keyserver", run_name="__main__")
"""


def test_a_server_without_long_requests_parses_what_is_short_in_its_own_thread(tmp_path):
    lab = LabDirectory(tmp_path)
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", {"gm-1": "192.0.2.11"}))
    server = lab.serve(prefix=(sys.executable, "-c", _TELLING))
    try:
        with manager.connect(**by_ncclient(lab, "hub-1")) as session:
            session.get_configuration(format="text")
        while server.read(0):
            pass
    finally:
        server.stop()
    # One for what asyncssh does when it begins to listen.
    threads = [line for line in server.output if line.startswith("a thread: ")]
    assert len(threads) == 1, threads


if __name__ == "__main__":
    sys.exit(bool(CASES[sys.argv[1]]()))

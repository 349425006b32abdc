# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one client asks for at length is done beside the event loop, and costs what it is long.

Nothing is timed: steps of the interpreter are counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial

import pytest

from keyserver.edge import turns
from keyserver.netconf.framing import END_OF_MESSAGE
from keyserver.netconf.work import Wait, Work
from tests.keyserver.console import Console
from tests.keyserver.steps import Steps

MANY, FEW_STEPS = 4000, 10_000
IKE = "security group-vpn server ike"


def in_loop(console: Console, netconf, message: bytes) -> tuple[int, bytes]:
    """How many steps a message takes in the loop itself, and its answer."""
    netconf.feed(message + END_OF_MESSAGE)
    counted, beside, result, failure = Steps(), contextlib.nullcontext(), None, None
    with counted:
        steps = netconf.turn(console.now)
    while True:
        try:
            with counted:
                work = steps.send(result) if failure is None else steps.throw(failure)
        except StopIteration as end:
            return counted.count, end.value
        result = failure = None
        try:
            with counted if work.light else beside:
                result = work.run()
        except Exception as error:
            failure = error


@pytest.fixture(scope="module")
def large():
    """A device with many gateways, interfaces and routes."""
    console = Console()
    session = console.session()
    session.set(
        *(f"set {IKE} gateway g-{n} ike-policy pol" for n in range(500)),
        *(f"set interfaces ge-0/0/{n} unit 0 family inet address 10.0.{n}.1/24" for n in range(99)),
        *(f"set routing-options static route 10.1.{n}.0/24 next-hop 10.0.0.2" for n in range(250)),
    )
    assert session.commit().find(".//commit-success") is not None
    return console, session.netconf


def rpc(operation: str) -> bytes:
    return f'<rpc message-id="1">{operation}</rpc>'.encode()


def command(line: str) -> bytes:
    return rpc(f'<command format="text">{line}</command>')


FILTER = f"<gateway>{'<ike-policy>pol</ike-policy>' * 200}</gateway>"
for word in (*reversed(IKE.split()), "configuration"):
    FILTER = f"<{word}>{FILTER}</{word}>"
UNKNOWN = "".join(f"<a{n}/>" for n in range(MANY))
LONG = {
    "braces": rpc(
        f"<load-configuration><configuration-text>{'}' * MANY}</configuration-text>"
        "</load-configuration>"
    ),
    "errors": rpc(
        "<edit-config><target><candidate/></target><config><configuration>"
        f"{UNKNOWN}</configuration></config></edit-config>"
    ),
    "operations": rpc(UNKNOWN),
    "arguments": rpc(f"<get-system-information>{UNKNOWN}</get-system-information>"),
    "arguments of a commit": rpc(f"<commit>{UNKNOWN}</commit>"),
    "filters": rpc(f"<get-configuration>{FILTER}</get-configuration>"),
    "roots": rpc(f"<get><filter>{'<configuration/>' * MANY}</filter></get>"),
    "words": command(f"show configuration {'x ' * MANY}"),
    "pipes": command(f"show configuration {'| match g ' * 300}"),
    "display set": command("show configuration | display set | match g-1"),
    "display xml": command("show configuration | display xml | match g-1"),
    "interfaces": rpc("<get-interface-information/>"),
    "interfaces as text": command("show interfaces terse"),
    "routes": rpc('<get-route-information format="json"/>'),
    "history": rpc("<get-rollback-information><rollback>0</rollback></get-rollback-information>"),
}


@pytest.mark.parametrize("message", LONG.values(), ids=LONG.keys())
def test_what_is_long_takes_few_steps_in_the_loop_itself(large, message):
    console, netconf = large
    steps, answer = in_loop(console, netconf, message)
    assert b"</rpc-reply>" in answer
    assert steps < FEW_STEPS


def test_a_commit_that_is_refused_for_many_reasons_takes_few_steps_in_the_loop_itself():
    console = Console()
    session = console.session()
    session.set(*(f"set {IKE} gateway g-{n} ike-policy nobody" for n in range(MANY // 10)))
    for check in ("", "<check/>"):
        commit = rpc(f"<commit-configuration>{check}</commit-configuration>")
        steps, answer = in_loop(console, session.netconf, commit)
        assert answer.count(b"<rpc-error>") > MANY // 10
        assert steps < FEW_STEPS


def test_a_hello_of_many_capabilities_takes_few_steps_in_the_loop_itself():
    console = Console()
    netconf = console.device.open_session("netops", console.now)
    offered = "".join(f"<capability>urn:{n}</capability>" for n in range(MANY))
    base = "<capability>urn:ietf:params:netconf:base:1.0</capability>"
    hello = f"<hello><capabilities>{offered}{base}</capabilities></hello>".encode()
    steps, _ = in_loop(console, netconf, hello)
    assert netconf.greeted
    assert steps < FEW_STEPS


def test_what_takes_little_does_not_wait_for_what_takes_long():
    async def run():
        workers, over = turns.Workers(), threading.Event()
        try:
            long = workers.begin(Work(over.wait, turns.LONG + 1))
            brief = workers.begin(Work(lambda: "done", turns.LONG))
            assert await asyncio.wait_for(brief, 60) == "done"
            assert not long.done()
        finally:
            over.set()
            workers.shutdown()

    asyncio.run(run())


def test_what_will_be_asked_for_is_made_beside_the_loop_or_at_once_and_only_once():
    workers, begun, over = turns.Workers(), threading.Event(), threading.Event()
    makers = {"early": [], "queued": [], "never": []}

    def make(name):
        makers[name].append(threading.current_thread())
        if name == "early":
            begun.set()
            over.wait(60)
        return name

    early, queued, _ = (workers.foreseen(partial(make, name)) for name in makers)
    assert begun.wait(60)
    # Who asks does not wait for what is made for others.
    assert queued() == "queued"
    ending = threading.Thread(target=workers.shutdown)
    ending.start()
    # Until it refuses, which is when it has let go of what is queued.
    with contextlib.suppress(RuntimeError):
        while True:
            workers.foreseen(partial(make, "never"))
    over.set()
    assert early() == "early"
    ending.join()
    here = threading.current_thread()
    assert [[one is here for one in made] for made in makers.values()] == [[False], [True], []]


NOTHING = Work(lambda: None, 0)


class Client:
    """A source of one request, which is its answer; its transport may fail when that is sent."""

    def __init__(self, request: bytes, fails: bool, work: Work | Wait = NOTHING) -> None:
        self._requests, self._fails, self._work = [request], fails, work
        self.answered = asyncio.get_running_loop().create_future()

    def next_steps(self):
        return self._steps(self._requests.pop()) if self._requests else None

    def _steps(self, request: bytes):
        yield self._work
        return request

    def answer(self, reply: bytes) -> None:
        if self._fails:
            raise BrokenPipeError
        self.answered.set_result(reply)

    def has_more(self) -> bool:
        return bool(self._requests)


def test_a_client_that_cannot_be_answered_keeps_nobody_from_being_answered():
    async def run():
        loop, failures, ended = asyncio.get_running_loop(), [], []
        loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
        queue = turns.Turns(turns.Workers(), lambda: None)
        gone, other = Client(b"one", fails=True), Client(b"other", fails=False)
        queue.wake(gone)
        queue.wake(other)
        assert await asyncio.wait_for(other.answered, 60) == b"other"
        queue.finish(other, lambda: ended.append(True))
        assert ended
        assert [type(failure) for failure in failures] == [BrokenPipeError]

    asyncio.run(run())


def test_time_passes_at_the_speed_of_the_devices_clock():
    async def run():
        queue = turns.Turns(turns.Workers(), lambda: None, speed=10_000)
        client = Client(b"one", fails=False, work=Wait(10_000))
        queue.wake(client)
        assert await asyncio.wait_for(client.answered, 60) == b"one"

    asyncio.run(run())


def test_what_was_discarded_makes_no_later_request_a_long_one():
    console = Console()
    session = console.session()
    before = console.device.database.weight
    for _ in range(3):
        session.set(*(f"set {IKE} gateway g-{n} ike-policy pol" for n in range(100)))
        loaded = console.device.database.weight
        session.rpc("<discard-changes/>")
    assert before < loaded < before + 2 * 100 * len(f"set {IKE} gateway g-99 ike-policy pol")


def test_what_an_edit_brings_counts_as_what_a_load_brings():
    console = Console()
    before = console.device.database.weight
    gateways = "".join(f"<gateway><name>g-{n}</name></gateway>" for n in range(100))
    block = f"<group-vpn><server><ike>{gateways}</ike></server></group-vpn>"
    config = f"<config><configuration><security>{block}</security></configuration></config>"
    edit = f"<edit-config><target><candidate/></target>{config}</edit-config>"
    assert console.session().rpc(edit).find("ok") is not None
    assert console.device.database.weight > before + len(edit)

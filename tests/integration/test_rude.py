# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every stage of a change crossed with every fault of a rude device, over both carriers.

Each cell is a whole task against a device that misbehaves once, and says what is true afterwards:
whether the device has the change, whether anybody still holds its lock, what the task reports, and
in which words. ``make faults`` prints the table as it was run.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import confirm, views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.apply import apply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.device import CommitOptions
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import State
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import (
    Request,
    wanted_tree,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    CommitDiffers,
    CommitUnknown,
    GroupVpnError,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf import libssh
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.rpc import SessionRpc
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.session import Target
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.transports import open_session
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources import (
    server_member_communication,
)

from tests.lab import ROOT
from tests.rude import PASSWORD, USER, Commit, Fault, Manner, RudeServer, Stage, box

RESOURCE = server_member_communication.RESOURCE
TRANSPORTS = ("openssh", *(["libssh"] if libssh.is_there() else []), "paramiko")
MODES = ("exclusive", "private")
# Seconds: what is waited for that does not come, and what comes, however busy the machine is. Where
# a device falls silent once, each of its other answers has to come within the first.
SILENCE, LONG = 4.0, 60.0
AT_ONCE = 16
GOOD = {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}
BLOCK = {"group": "G1", **GOOD}
CHANGE_LINE = "encryption-algorithm aes-256-cbc"

STAGES = (
    Stage.HELLO,
    Stage.READ,
    Stage.LOCK,
    Stage.READ_AGAIN,
    Stage.HISTORY,
    Stage.LOAD,
    Stage.LOOK,
    Stage.COMPARE,
    Stage.CHECK,
    Stage.COMMIT,
    Stage.READ_BACK,
    Stage.UNLOCK,
)
FAULTS = (
    Manner.ERROR,
    Manner.WARNING,
    Manner.ERROR_INSIDE_SUCCESS,
    Manner.REFUSAL_INSIDE_SUCCESS,
    Manner.TIMEOUT,
    Manner.CUT_BEFORE,
    Manner.CUT_AFTER,
    Manner.GARBAGE,
    Manner.WRONG_ID,
    Manner.EMPTY,
    Manner.UNCLOSED,
)
NOT_IN_A_HELLO = (
    Manner.WARNING,
    Manner.ERROR_INSIDE_SUCCESS,
    Manner.REFUSAL_INSIDE_SUCCESS,
    Manner.WRONG_ID,
    Manner.EMPTY,
    Manner.UNCLOSED,
)


CONFIRM = "confirm"
"""The commit of a task that confirms an earlier one."""


@dataclass(frozen=True)
class Cell:
    """One task that meets one fault."""

    stage: Stage | str
    fault: Manner
    transport: str
    mode: str = "exclusive"

    def __str__(self) -> str:
        return f"{self.stage} x {self.fault} ({self.transport}, {self.mode})"


@dataclass(frozen=True)
class Seen:
    """What was true after the task."""

    changed_device: bool
    locked: bool
    ended: bool
    outcome: str
    """ok, changed, failed, failed and changed, or unknown: what the task reports."""
    words: str
    """Message and warnings."""


def cells() -> Iterator[Cell]:
    """Every cell that there can be."""
    for stage, fault, transport, mode in itertools.product(STAGES, FAULTS, TRANSPORTS, MODES):
        if not (stage is Stage.HELLO and fault in NOT_IN_A_HELLO):
            yield Cell(stage, fault, transport, mode)
    for fault, transport in itertools.product(FAULTS, TRANSPORTS):
        yield Cell(CONFIRM, fault, transport)


def target(server: RudeServer, **more: object) -> Target:
    """How to reach a rude server, with times that suit a test."""
    options = {
        "user": USER,
        "password": PASSWORD,
        "host_key_checking": False,
        "persist": 0,
        "rpc_timeout": LONG,
        "connect_timeout": LONG,
    }
    return Target("127.0.0.1", server.port, **{**options, **more})  # type: ignore[arg-type]


class Client:
    """The sessions of one task."""

    def __init__(self, where: Target, transport: str) -> None:
        self._target, self._transport = where, transport
        self.sessions: list[Any] = []

    def open(self):
        session = open_session(self._target, self._transport)
        self.sessions.append(session)
        return session

    def rpc(self) -> SessionRpc:
        return SessionRpc(self.open(), self.open)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        for session in self.sessions:
            session.close()


def change(rpc, state=State.MERGED, block=BLOCK, **more):
    """One task of the resource module."""
    want = wanted_tree(RESOURCE, [block], None)
    return apply(rpc, Request(RESOURCE, want, state, **more))


def gathered(rpc):
    """What the resource module reads."""
    return views.gather(RESOURCE, rpc)["gathered"]


def awaiting_confirmation(*faults: Fault) -> RudeServer:
    """A rude server whose device has a change that awaits its confirmation."""
    server = RudeServer(box("G1", "G2", block={"heartbeat": "90"}), *faults)
    server.box.pending = server.box.committed
    server.box.committed = box("G1", "G2", block={"heartbeat": "120"}).committed
    server.box.history.insert(0, Commit(USER, "netconf", server.box.committed, "two", 10))
    server.box.discard()
    return server


def _outcome(task: Callable[[], dict[str, Any]]) -> tuple[str, str]:
    """What a task reports, and its message and warnings."""
    try:
        result = task()
    except GroupVpnError as error:
        reports = {CommitUnknown: "unknown", CommitDiffers: "failed and changed"}
        outcome = reports.get(type(error), "failed")
        return outcome, "; ".join([str(error), *error.warnings])
    return "changed" if result["changed"] else "ok", "; ".join(result["warnings"])


def run(cell: Cell) -> Seen:
    """Run one cell."""
    return _run_confirmation(cell) if cell.stage == CONFIRM else _run_change(cell)


def _patience(cell: Cell) -> dict[str, float]:
    """Only where no answer comes is it worth little waiting."""
    silent = cell.fault is Manner.TIMEOUT
    hello = silent and cell.stage is Stage.HELLO
    return {
        "rpc_timeout": SILENCE if silent else LONG,
        "connect_timeout": SILENCE if hello else LONG,
    }


def _run_confirmation(cell: Cell) -> Seen:
    fault = Fault(Stage.COMMIT, cell.fault, octets=30)
    with awaiting_confirmation(fault) as server:
        with Client(target(server, **_patience(cell)), cell.transport) as client:
            outcome, words = _outcome(lambda: confirm.confirm(client.rpc(), confirm.Request()))
        ended = server.settled()
        return Seen(server.box.pending is None, server.box.locked, ended, outcome, words)


def _run_change(cell: Cell) -> Seen:
    assert isinstance(cell.stage, Stage)
    server = RudeServer(box("G1", "G2"), Fault(cell.stage, cell.fault, octets=30))
    check = cell.stage is Stage.CHECK
    with server:
        where = target(server, **_patience(cell))
        with Client(where, cell.transport) as client:
            outcome, words = _outcome(
                lambda: change(
                    client.rpc(),
                    commit=CommitOptions(private=cell.mode == "private"),
                    diff=True,
                    check=check,
                    validate_on_device=check,
                )
            )
        ended = server.settled()
        there = any(CHANGE_LINE in line for line in server.box.lines)
        return Seen(there, server.box.locked, ended, outcome, words)


LOSES_THE_ANSWER = (
    Manner.TIMEOUT,
    Manner.CUT_BEFORE,
    Manner.CUT_AFTER,
    Manner.GARBAGE,
    Manner.WRONG_ID,
)
"""Nobody can know from the answer whether it was done."""

CAUSES = {
    Manner.ERROR: "mgd: no",
    Manner.WARNING: "mgd: no",
    Manner.ERROR_INSIDE_SUCCESS: "mgd: no",
    Manner.REFUSAL_INSIDE_SUCCESS: "mgd: no",
    Manner.TIMEOUT: f"within {SILENCE:g} s",
    Manner.CUT_BEFORE: "the connection broke",
    Manner.CUT_AFTER: "the connection broke",
    Manner.GARBAGE: "malformed XML",
    Manner.WRONG_ID: "answers another request",
}
STEPS = {
    Stage.HELLO: "NETCONF hello",
    Stage.READ: "read the configuration",
    Stage.LOCK: "lock the configuration",
    Stage.READ_AGAIN: "read the configuration",
    Stage.HISTORY: "read the commit history",
    Stage.LOAD: "load the change",
    Stage.LOOK: "read the candidate",
    Stage.COMPARE: "compare",
    Stage.CHECK: "check the commit",
    Stage.COMMIT: "commit",
    Stage.READ_BACK: "read the configuration",
    Stage.UNLOCK: "unlock the configuration",
}
_READS = (
    *(Stage.READ, Stage.READ_AGAIN, Stage.HISTORY, Stage.LOOK, Stage.COMPARE),
    Stage.READ_BACK,
)


def expected(cell: Cell) -> tuple[bool, str, tuple[str, ...]]:
    """Whether the device has the change, what the task reports, and words that it says."""
    stage, fault = cell.stage, cell.fault
    cause = CAUSES.get(fault, "")
    if stage == CONFIRM:
        return _expected_of_commit(fault, cause)
    assert isinstance(stage, Stage)
    step = STEPS[stage]
    if stage is Stage.HELLO:
        return False, "failed", (step, "127.0.0.1:")
    if stage is Stage.COMMIT:
        return _expected_of_commit(fault, cause)
    if stage is Stage.UNLOCK:
        harmless = fault in (Manner.WARNING, Manner.EMPTY, Manner.UNCLOSED)
        words = (step, cause) if fault is not Manner.EMPTY and fault is not Manner.UNCLOSED else ()
        return True, "changed", words if harmless else (*words, "session was ended")
    if stage is Stage.READ_BACK:
        return _expected_of_reading_back(fault, cause)
    if fault is Manner.WARNING:
        # Who only reads is told nothing.
        return stage is not Stage.CHECK, "changed", () if stage in _READS else (step, cause)
    return _expected_before_commit(cell, step, cause)


def _expected_of_commit(fault: Manner, cause: str) -> tuple[bool, str, tuple[str, ...]]:
    if fault is Manner.CUT_BEFORE:
        return False, "failed", ("commit", cause, "has not committed", "run the task again")
    if fault in (Manner.ERROR, Manner.REFUSAL_INSIDE_SUCCESS):
        return False, "failed", ("commit", cause)
    if fault in LOSES_THE_ANSWER:
        return True, "changed", ("answer to the commit was lost", cause, "has committed")
    if fault is Manner.ERROR_INSIDE_SUCCESS:
        return True, "changed", (cause, "committed the change all the same")
    if fault is Manner.EMPTY:
        return (
            True,
            "changed",
            ("does not say whether it was done", "committed the change all the same"),
        )
    return True, "changed", ("commit", cause) if fault is Manner.WARNING else ()


def _expected_of_reading_back(fault: Manner, cause: str) -> tuple[bool, str, tuple[str, ...]]:
    if fault is Manner.WARNING:
        return True, "changed", ()
    if fault is Manner.EMPTY:
        # An rfc-compliant device answers with nothing where there is nothing.
        return True, "failed and changed", ("it lacks: set", CHANGE_LINE)
    cause = cause or "holds no configuration"
    return True, "changed", ("has accepted the commit, and was asked", cause)


def _expected_before_commit(cell: Cell, step: str, cause: str) -> tuple[bool, str, tuple[str, ...]]:
    stage, fault = cell.stage, cell.fault
    committed = stage is not Stage.CHECK
    if fault in (Manner.UNCLOSED, Manner.EMPTY):
        if stage in (Stage.READ, Stage.READ_AGAIN):
            # An rfc-compliant device answers with nothing where there is nothing.
            empty = fault is Manner.EMPTY
            return False, "failed", ("no such group" if empty else "holds no configuration",)
        if stage is Stage.LOOK:
            empty = fault is Manner.EMPTY
            return False, "failed", ("it lacks: set" if empty else "holds no configuration",)
        if stage is Stage.COMPARE and fault is Manner.UNCLOSED:
            return False, "failed", (step, "holds no comparison")
        if stage in (Stage.HISTORY, Stage.COMPARE) or fault is Manner.UNCLOSED:
            return committed, "changed", ()
        if stage is Stage.LOCK and cell.mode == "private":
            return True, "changed", ()
        return False, "failed", (step, "does not say that it was done")
    if stage is Stage.HISTORY and fault not in LOSES_THE_ANSWER:
        # A user who may not see the history may still commit.
        return True, "changed", ()
    return False, "failed", (step, cause)


@pytest.fixture(scope="module")
def table() -> dict[Cell, Seen]:
    """All cells, several at a time: they wait for one another's silence."""
    return walk()


def walk() -> dict[Cell, Seen]:
    """Run every cell."""
    every = list(cells())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(every, pool.map(run, every), strict=True))


@pytest.mark.parametrize("cell", list(cells()), ids=str)
def test_what_is_reported_is_what_is_so(table, cell):
    seen = table[cell]
    has_change, outcome, words = expected(cell)
    assert (seen.changed_device, seen.outcome) == (has_change, outcome), seen
    assert not seen.locked, seen
    assert seen.ended, seen
    for word in words:
        assert word in seen.words, seen


def test_the_table_in_the_documentation_is_the_one_that_was_run(table):
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    assert markdown(table) in page, "make faults prints the table for docs/troubleshooting.md"


def _shown(seen: Seen) -> str:
    device = "changed" if seen.changed_device else "as before"
    lock = "locked" if seen.locked else "free"
    return f"{device}, {lock}, {seen.outcome}"


# What nearly every cell is, in the words that stand above the table in docs/troubleshooting.md.
USUAL = {
    "as before, free, failed": "kept",
    "changed, free, changed": "done",
    "as before, free, changed": "told",
}


def markdown(seen: dict[Cell, Seen]) -> str:
    """The table as run: device, lock, report; a cell of several where carriers or modes differ."""
    stages = (*STAGES, CONFIRM)
    lines = [f"| fault | {' | '.join(stages)} |", "|---" * (len(stages) + 1) + "|"]
    for fault in FAULTS:
        row = []
        for stage in stages:
            shown = {_shown(s) for c, s in seen.items() if (c.stage, c.fault) == (stage, fault)}
            row.append(" / ".join(sorted(USUAL.get(one, one) for one in shown)))
        lines.append(f"| {fault} | {' | '.join(row)} |")
    return "\n".join(lines)

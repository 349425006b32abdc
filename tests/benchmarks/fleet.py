# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One group on a fleet: beside an action that does nothing, bare SSH and junos_config."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks import bare
from tests.benchmarks.limits import at_most
from tests.benchmarks.plays import LOCAL, NETCOMMON, NOTHING, SMC, Cost, fleet_of, median, play_cost
from tests.lab import COLLECTIONS, LabDirectory

if str(COLLECTIONS) not in sys.path:
    sys.path.insert(0, str(COLLECTIONS))
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server_member_communication import (  # noqa: E501
    RESOURCE,
)

FLEET, FORKS, FEW, TASKS, REPEATS = 50, 20, 10, 5, 5
_RECORDED = 540
"""The lifetime in the RPCs that bare sessions repeat; each run puts its own there."""


def block(lifetime: Any) -> dict[str, Any]:
    """The settings of one group."""
    return {
        "group": "G1",
        "encryption_algorithm": "aes-256-cbc",
        "sig_hash_algorithm": "sha-256",
        "lifetime_seconds": lifetime,
    }


def ours(lifetime: Any = "{{ lifetime }}") -> dict[str, Any]:
    """Our task; its values are templates."""
    templated = {**block(lifetime), "group": "{{ group }}", "encryption_algorithm": "{{ cipher }}"}
    return {"groupvpn.junos.server_member_communication": {"config": [templated]}}


def values(lifetime: int) -> dict[str, Any]:
    """What our task's templates name."""
    return {"lifetime": lifetime, "group": "G1", "cipher": "aes-256-cbc"}


def junos_config(lifetime: int) -> dict[str, Any]:
    """The change as a task of Juniper's collection."""
    lines = [
        f"set {SMC} encryption-algorithm aes-256-cbc",
        f"set {SMC} sig-hash-algorithm sha-256",
        f"set {SMC} lifetime-seconds {lifetime}",
    ]
    return {"junipernetworks.junos.junos_config": {"lines": lines}}


def row(name: str, cost: Cost, floor: Cost, note: str = "") -> str:
    """A play beside the floor."""
    return (
        f"| {name} | {cost.wall:.2f} | {cost.wall / floor.wall:.2f} | {cost.cpu:.2f} "
        f"| {cost.cpu / floor.cpu:.2f} | {note} |"
    )


HEAD = (
    "| run | wall s | ratio to an action that does nothing | CPU s | ratio | |",
    "|---" * 6 + "|",
)


_WHY = """\
Where the CPU of a host's change goes in its worker, by getrusage (2 busy cores, 2026-11-28; least
of five medians over 50 hosts):

| part | ms |
|---|---|
| Ansible's own worker, up to our action, with the arguments | 6.9 |
| options checked, what is wanted as a tree, the result | 1.6 |
| connection's options, what SSH's files say of the host, which carrier | 1.3 |
| connection and SSH login in libssh, of which key exchange 0.9 | 1.7 |
| session, hello | 0.5 |
| five round trips, nine replies | 1.2 |
| read, planned, compared, read back | 1.7 |
| together | 14.9 |

A worker shares its pages with the main process until it writes to them, mostly to count references:
2,800 are copied, 1,830 of them before our action begins. Nothing but fewer pages makes that less:
having them copied ahead (`MADV_POPULATE_WRITE`) costs 2.7 to 3.4 microseconds a page, and being
interrupted for each 4.3 to 5.4. Over paramiko the login is 6.8 ms and a change 4 ms more. That
OpenSSL's algorithms are looked up before the fork saves 1.4 ms a host. A bare session is 14 ms,
with login and round trips in C, but an ssh process and its password's program.
"""


def _rounds(lab: LabDirectory) -> dict[str, Cost]:
    """Medians of the plays and of the bare sessions, which take turns."""
    writes = bare.rpcs_of(lab, lab.devices[0], RESOURCE, [block(_RECORDED)])
    runs = ("nothing", "templates", "change", "idle", "sessions")
    costs: dict[str, list[Cost]] = {run: [] for run in runs}
    (given,) = ours().values()
    for number in range(REPEATS + 1):
        lifetime = 600 + 120 * number
        costs["nothing"].append(play_cost(lab, [NOTHING], FORKS, LOCAL))
        templates = [{"do_nothing": given}]
        costs["templates"].append(play_cost(lab, templates, FORKS, {**values(lifetime), **LOCAL}))
        costs["change"].append(play_cost(lab, [ours()], FORKS, values(lifetime)))
        costs["idle"].append(play_cost(lab, [ours()], FORKS, values(lifetime)))
        text = f">{lifetime + 60}<"
        own = [tuple(m.replace(f">{_RECORDED}<", text) for m in w) for w in writes]
        costs["sessions"].append(bare.cost(lab, own, FORKS))
    # The first round made the bytecode.
    return {name: median(found[1:]) for name, found in costs.items()}


def fleet() -> Iterator[str]:
    """One group on 50 devices: change, then nothing to do."""
    yield f"### {FLEET} devices, forks={FORKS}, one task with templated values"
    yield ""
    yield from HEAD
    with tempfile.TemporaryDirectory() as directory:
        lab = fleet_of(Path(directory), FLEET)
        server = lab.serve()
        try:
            costs = _rounds(lab)
            peer_change, peer_idle = (
                play_cost(lab, [junos_config(6000)], FORKS, NETCOMMON) for _ in range(2)
            )
        finally:
            server.stop()
    floor, change, idle = costs["nothing"], costs["change"], costs["idle"]
    sessions = costs["sessions"]
    limit = Cost(floor.wall + sessions.wall, floor.cpu + sessions.cpu, floor.peak_mb)
    yield row("an action that does nothing", floor, floor)
    yield row("the same, given the templates of our task", costs["templates"], floor)
    bare_row = f"the first row and {FLEET} bare `ssh -s` sessions with the RPCs of a change"
    yield row(bare_row, limit, floor, f"{FORKS} at once")
    faster = "{:.1f} x faster than junos_config"
    cpu, wall = change.cpu / limit.cpu, change.wall / limit.wall
    beside = f"{cpu:.2f} x the CPU of the row above and {wall:.2f} x its wall time"
    said = f"{faster.format(peer_change.wall / change.wall)}, {beside}"
    yield row("ours, change", change, floor, said)
    yield row("ours, nothing to do", idle, floor, faster.format(peer_idle.wall / idle.wall))
    yield row("junos_config, change", peer_change, floor)
    yield row("junos_config, nothing to do", peer_idle, floor)
    yield ""
    what = f"one change of {FLEET} devices"
    yield at_most(f"{what}, wall time beside doing nothing", 1.5, change.wall / floor.wall)
    yield ""
    beside = "CPU beside doing nothing and bare sessions"
    yield at_most(f"{what}, {beside}", 1.1, change.cpu / limit.cpu)
    yield ""
    yield _WHY.rstrip()
    yield ""


def five_tasks() -> Iterator[str]:
    """Five tasks in one play on ten devices."""
    yield f"### {TASKS} tasks in one play, {FEW} devices, forks={FEW}"
    yield ""
    yield from HEAD
    with tempfile.TemporaryDirectory() as directory:
        lab = fleet_of(Path(directory), FEW)
        server = lab.serve()
        try:
            nothing: list[Cost] = []
            runs: dict[str, list[Cost]] = {"auto": [], "openssh": [], "libssh": [], "paramiko": []}
            idle: list[Cost] = []
            for number in range(REPEATS + 1):
                nothing.append(play_cost(lab, [NOTHING] * TASKS, FEW, LOCAL))
                for transport, costs in runs.items():
                    tasks = [ours(600 + 60 * (number * 15 + n)) for n in range(TASKS)]
                    variables = {**values(0), "ansible_netconf_transport": transport}
                    costs.append(play_cost(lab, tasks, FEW, variables))
                idle.append(play_cost(lab, tasks[-1:] * TASKS, FEW, values(0)))
        finally:
            server.stop()
    floor = median(nothing[1:])
    yield row("actions that do nothing", floor, floor)
    for transport, costs in runs.items():
        yield row(f"ours, five changes, {transport}", median(costs[1:]), floor)
    yield row("ours, nothing to do", median(idle[1:]), floor)
    yield ""


SECTIONS = {"fleet": fleet, "tasks": five_tasks}

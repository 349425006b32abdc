# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`make soak`: many members, many rekeys, bad links; what the observer saw, as one table."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from keyserver.groups.plane import GroupKeys
from tests.keyserver.lossy import BEGINNING, LossyGroup, faults_of
from tests.keyserver.lossy_cluster import LossyCluster
from tests.keyserver.observer import Report

CYCLE = 3600 - 60
LOSSES = (0.0, 0.1, 0.3)
_HEADINGS = (
    "scenario",
    "loss",
    "seed",
    "pair-seconds apart",
    "share",
    "gaps",
    "longest without a TEK",
    "deaf though listed",
    "alive, unlisted",
    "CPU",
)


def rekeys(members: int, loss: float, seed: int, generation: str) -> LossyGroup:
    """Twenty rekeys of the TEK, five of the KEK."""
    group = LossyGroup(members, faults_of(loss), seed, generation)
    group.settle()
    group.run(20 * CYCLE + 60)
    return group


def restart(keys: GroupKeys, members: int, loss: float, seed: int, generation: str) -> LossyGroup:
    """The server is killed, comes back after half a minute; three cycles more."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "hub.db"
        faults = faults_of(loss)
        group = LossyGroup(members, faults, seed, generation, state=state, group_keys=keys)
        group.settle()
        group.run(600)
        group.restart_server(30)
        group.run(3 * CYCLE)
        return group


def servers_parted(members: int, loss: float, seed: int, generation: str) -> LossyGroup:
    """Two servers of a cluster do not hear each other for twenty minutes around a rekey."""
    group = LossyCluster(members, faults_of(loss), seed, generation)
    group.settle()
    group.run(BEGINNING + CYCLE - 600 - group.now)
    group.parted = True
    group.run(1200)
    group.parted = False
    group.run(2 * CYCLE)
    return group


def root_killed(members: int, loss: float, seed: int, generation: str) -> LossyGroup:
    """A root dies within a second of a rekey, and is back empty; members know both servers."""
    group = LossyCluster(members, faults_of(loss), seed, generation, known=2)
    group.settle()
    group.until_rekey()
    group.run(0.6)
    group.restart_server(700)
    group.run(2 * CYCLE)
    return group


PARTED = "servers of a cluster parted"
KILLED = "root of a cluster killed at a rekey"
SCENARIOS: dict[str, Callable[[int, float, int, str], LossyGroup]] = {
    "20 rekeys": rekeys,
    "server restarted, keys durable": partial(restart, GroupKeys.DURABLE),
    "server restarted, keys forgotten": partial(restart, GroupKeys.FORGOTTEN),
    PARTED: servers_parted,
    KILLED: root_killed,
}
# Group VPNv1 has no clusters.
GENERATIONS = dict.fromkeys(SCENARIOS, ("v2", "v1")) | dict.fromkeys((PARTED, KILLED), ("v2",))


def _row(name: str, loss: float, seed: int, report: Report, cpu: float) -> tuple[str, ...]:
    return (
        name,
        f"{loss:.0%}",
        str(seed),
        f"{report.apart:,.0f}",
        f"{report.share:.6%}",
        str(report.gaps),
        f"{report.longest_without_tek:.1f} s",
        f"{report.deaf:,.0f} s",
        f"{report.unlisted:,.0f} s",
        f"{cpu:.1f} s",
    )


def _rows(options: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    for name, scenario in SCENARIOS.items():
        if options.only not in name:
            continue
        for generation in GENERATIONS[name]:
            for loss in LOSSES:
                for seed in range(1, options.seeds + 1):
                    started = time.process_time()
                    group = scenario(options.members, loss, seed, generation)
                    report = group.observer.report(group.now)
                    cpu = time.process_time() - started
                    yield _row(f"{name}, {generation}", loss, seed, report, cpu)


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="scenarios whose name holds this")
    options = parser.parse_args()
    print("| " + " | ".join(_HEADINGS) + " |")
    print("|---" * len(_HEADINGS) + "|")
    for row in _rows(options):
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make bench AGAINST=CHECKOUT``: a fleet's tasks with this collection and another one's build.

The two take turns on the same devices, those of this checkout.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.benchmarks.fleet import FLEET, FORKS, ours, values
from tests.benchmarks.plays import Cost, fleet_of, median, play_cost
from tests.lab import COLLECTIONS, LabDirectory

_REPEATS = 7
_RUNS = ("change", "nothing to do")


def _turns(lab: LabDirectory, sides: Mapping[str, Path]) -> dict[tuple[str, str], list[Cost]]:
    costs: dict[tuple[str, str], list[Cost]] = {}
    lifetime = 600
    for number in range(_REPEATS + 1):
        for side in sorted(sides, reverse=bool(number % 2)):
            lifetime += 60
            for run in _RUNS:
                cost = play_cost(lab, [ours()], FORKS, values(lifetime), sides[side])
                # The first round makes the bytecode.
                if number:
                    costs.setdefault((side, run), []).append(cost)
    return costs


def _row(run: str, there: Sequence[Cost], here: Sequence[Cost]) -> str:
    before, after = median(there), median(here)
    least = min(c.cpu for c in here) / min(c.cpu for c in there)
    return (
        f"| {run} | {before.cpu:.2f} | {after.cpu:.2f} | {after.cpu / before.cpu:.3f} "
        f"| {least:.3f} | {after.wall / before.wall:.2f} | 1.03 |"
    )


def rows(checkout: Path) -> Iterator[str]:
    """A table of CPU and wall time beside the other checkout's, which has been built."""
    there = checkout.resolve() / "build" / "collections"
    if not (there / "ansible_collections").is_dir():
        raise SystemExit(f"bench: {checkout}: there is no build/collections; run make env there")
    yield f"### {FLEET} devices, forks={FORKS}: another checkout and this one in turns"
    yield ""
    yield "| run | CPU s there | here | ratio | ratio of the least | of wall time | asked |"
    yield "|---" * 7 + "|"
    with tempfile.TemporaryDirectory() as directory:
        lab = fleet_of(Path(directory), FLEET)
        server = lab.serve()
        try:
            costs = _turns(lab, {"there": there, "here": COLLECTIONS})
        finally:
            server.stop()
    for run in _RUNS:
        yield _row(run, costs["there", run], costs["here", run])
    spread = statistics.pstdev(c.cpu for c in costs["there", "change"])
    yield ""
    yield f"Standard deviation of the first figure: {spread:.2f}."
    yield ""

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make mutation``: do the tests notice when the code is broken?

A sample of one-line breaks over both halves' cores; each must make a test fail. What survives must
be explained in ``survivors.yml``, or it is a hole in the tests. What was killed and has not changed
since is not run again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

import yaml

from dev.mutation.mutants import Mutant, mutants_of, sample
from dev.mutation.reach import Kept, Reach
from dev.mutation.record import Outcome, Record, Result
from dev.mutation.runner import Copy

ROOT = Path(__file__).parents[2]
ROOMS = (
    "plugins/plugin_utils",
    "keyserver/groups",
    "keyserver/gdoi",
    "keyserver/ike",
    "keyserver/netconf",
)
SUITES = (
    "tests/unit",
    "tests/keyserver",
    "tests/fuzz",
    "tests/integration/test_host_keys.py",
    "tests/integration/test_sessions.py",
    "tests/integration/test_rude_devices.py",
    "tests/integration/test_rude_odd.py",
)
SURVIVORS = Path(__file__).with_name("survivors.yml")
# How many times our patience a mutant is tried for before it counts as a survivor.
PERSEVERANCE = 10
# What is kept from run to run.
KEPT = ROOT / "build" / "mutation-kept"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="mutants in the sample")
    parser.add_argument("--seed", type=int, default=8, help="which sample")
    parser.add_argument("--minutes", type=float, default=60, help="start no mutant after these")
    parser.add_argument("--only", default="", help="mutants whose name holds this text")
    parser.add_argument("--goal", type=float, default=85, help="per cent that must be killed")
    parser.add_argument("--fresh", action="store_true", help="forget the results of earlier runs")
    return parser.parse_args()


def _files() -> list[str]:
    return sorted(str(f.relative_to(ROOT)) for room in ROOMS for f in (ROOT / room).rglob("*.py"))


def _sample(options: argparse.Namespace) -> list[Mutant]:
    every = [m for file in _files() for m in mutants_of(ROOT, file)]
    taken = sample([m for m in every if options.only in m.name], options.count, options.seed)
    print(f"{len(taken)} of {len(every)} mutants, seed {options.seed}", flush=True)
    return taken


def _reach(copy: Copy) -> Reach:
    """Which tests come to which lines."""
    tests = copy.test_files(SUITES)
    return Kept(KEPT, copy.path).reach(tests, lambda stale: copy.measure(stale, _files()))


def _run(mutants: list[Mutant], minutes: float) -> dict[str, Outcome]:
    copy = Copy(ROOT, ROOT / "build" / "mutation")
    KEPT.mkdir(parents=True, exist_ok=True)
    reach = _reach(copy)
    record = Record(KEPT / "results.json", copy.path)
    end, outcomes = time.monotonic() + minutes * 60, {}
    for number, mutant in enumerate(mutants, 1):
        result = record.still(mutant)
        if result is None:
            if time.monotonic() > end:
                continue
            result = _tried(copy, reach, mutant, record.killer(mutant))
            record.keep(mutant, result)
        outcomes[mutant.name] = result.outcome
        if result.outcome is not Outcome.KILLED:
            print(f"{number}/{len(mutants)} {result.outcome}: {mutant.name}", flush=True)
    if len(outcomes) < len(mutants):
        print(f"time is over: {len(mutants) - len(outcomes)} mutants were not tried")
    return outcomes


def _tried(copy: Copy, reach: Reach, mutant: Mutant, killer: str) -> Result:
    """What became of a mutant; that it survives is believed after a second, longer look."""
    result = Result(Outcome.UNREACHED)
    for times in (1, PERSEVERANCE):
        tests = reach.tests(mutant, first=killer, times=times)
        result = copy.run(mutant, tests, sum(reach.seconds[t] for t in tests))
        if result.outcome is not Outcome.SURVIVED:
            break
    return result


def _report(outcomes: dict[str, Outcome], goal: float) -> int:
    """Say the score and what is not explained; the exit status."""
    reasons: dict[str, str] = yaml.safe_load(SURVIVORS.read_text()) or {}
    alive = [name for name, outcome in outcomes.items() if outcome.alive]
    holes = [name for name in alive if name not in reasons]
    for room in ROOMS:
        of = Counter(o for name, o in outcomes.items() if name.startswith(room + "/"))
        killed = of[Outcome.KILLED] + of[Outcome.TIMEOUT]
        print(f"{room:24} {killed:4} of {of.total():4} killed, {of[Outcome.TIMEOUT]} by their time")
    score = 100 * (len(outcomes) - len(alive)) / max(1, len(outcomes))
    print(f"{'all':24} {len(outcomes) - len(alive):4} of {len(outcomes):4} killed: {score:.1f} %")
    timed = [name for name, outcome in outcomes.items() if outcome is Outcome.TIMEOUT]
    print(f"{len(timed)} of them failed no test and did not end, twice:", *timed, sep="\n  ")
    print(f"{len(alive)} survivors, {len(holes)} of them not explained in {SURVIVORS.name}")
    return 0 if score >= goal and not holes else 1


def main() -> int:
    """Sample, run, report."""
    options = _options()
    if options.fresh:
        shutil.rmtree(KEPT, ignore_errors=True)
    return _report(_run(_sample(options), options.minutes), options.goal)


if __name__ == "__main__":
    sys.exit(main())

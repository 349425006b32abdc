# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make mutation``: do the tests notice when the code is broken?

A sample of one-line breaks over both halves' cores; each must make a test fail. What survives must
be explained in ``survivors.yml``, or it is a hole in the tests.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import yaml

from dev.mutation.mutants import Mutant, mutants_of, sample
from dev.mutation.runner import Copy, Outcome

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
    "tests/integration/test_sessions.py",
    "tests/integration/test_rude_devices.py",
)
SURVIVORS = Path(__file__).with_name("survivors.yml")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="mutants in the sample")
    parser.add_argument("--seed", type=int, default=8, help="which sample")
    parser.add_argument("--minutes", type=float, default=60, help="start no mutant after these")
    parser.add_argument("--only", default="", help="mutants whose name holds this text")
    parser.add_argument("--goal", type=float, default=85, help="per cent that must be killed")
    return parser.parse_args()


def _sample(options: argparse.Namespace) -> list[Mutant]:
    files = sorted(f for room in ROOMS for f in (ROOT / room).rglob("*.py"))
    every = [m for f in files for m in mutants_of(ROOT, str(f.relative_to(ROOT)))]
    taken = sample([m for m in every if options.only in m.name], options.count, options.seed)
    print(f"{len(taken)} of {len(every)} mutants, seed {options.seed}", flush=True)
    return taken


def _run(mutants: list[Mutant], minutes: float) -> dict[str, Outcome]:
    copy = Copy(ROOT, ROOT / "build" / "mutation")
    reach = copy.reach(SUITES, sorted({m.file for m in mutants}))
    end, outcomes = time.monotonic() + minutes * 60, {}
    for number, mutant in enumerate(mutants, 1):
        if time.monotonic() > end:
            print(f"time is over: {len(mutants) - number + 1} mutants were not tried")
            break
        tests = reach.tests(mutant)
        outcome = copy.run(mutant, tests, sum(reach.seconds[t] for t in tests))
        outcomes[mutant.name] = outcome
        if outcome in (Outcome.SURVIVED, Outcome.UNREACHED):
            print(f"{number}/{len(mutants)} {outcome}: {mutant.name}", flush=True)
    return outcomes


def _report(outcomes: dict[str, Outcome], goal: float) -> int:
    """Say the score and what is not explained; the exit status."""
    reasons: dict[str, str] = yaml.safe_load(SURVIVORS.read_text()) or {}
    alive = [n for n, o in outcomes.items() if o in (Outcome.SURVIVED, Outcome.UNREACHED)]
    holes = [name for name in alive if name not in reasons]
    for room in ROOMS:
        of = Counter(o for name, o in outcomes.items() if name.startswith(room + "/"))
        killed = of[Outcome.KILLED] + of[Outcome.TIMEOUT]
        print(f"{room:24} {killed:4} of {of.total():4} killed")
    score = 100 * (len(outcomes) - len(alive)) / max(1, len(outcomes))
    print(f"{'all':24} {len(outcomes) - len(alive):4} of {len(outcomes):4} killed: {score:.1f} %")
    print(f"{len(alive)} survivors, {len(holes)} of them not explained in {SURVIVORS.name}")
    return 0 if score >= goal and not holes else 1


def main() -> int:
    """Sample, run, report."""
    options = _options()
    return _report(_run(_sample(options), options.minutes), options.goal)


if __name__ == "__main__":
    sys.exit(main())

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Messages that are parsed beside other work: libxml2's dictionaries are for one at a time."""

from __future__ import annotations

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from lxml import etree

from keyserver.netconf.xml import parse
from tests.lab import ROOT


def document(rng: random.Random) -> tuple[bytes, list[str]]:
    """One whose names no dictionary has yet."""
    names = [f"n{rng.randrange(10**12):012}-{'x' * rng.randrange(30)}" for _ in range(3000)]
    return f"<r>{''.join(f'<{name}>1</{name}>' for name in names)}</r>".encode(), names


def main() -> int:
    """A worker parses long messages; elements are made in what it has parsed before."""
    rng, trees = random.Random(5), []

    def work() -> int:
        found = 0
        for seed in range(60):
            octets, names = document(random.Random(seed))
            tree = parse(octets)
            found += [one.tag for one in tree] != names
            trees.append(tree)
        return found

    wrong = 0
    with ThreadPoolExecutor(1) as worker:
        found = worker.submit(work)
        while not found.done():
            for tree in trees[-1:]:
                name = f"m{rng.randrange(10**12):012}-{'y' * rng.randrange(30)}"
                wrong += etree.SubElement(tree, name).tag != name
                del tree[-1]
    return wrong + found.result()


def test_what_a_worker_has_parsed_is_worked_on_while_it_parses():
    # In a process of its own: a fault here ends it.
    done = subprocess.run([sys.executable, "-m", __name__], cwd=ROOT, timeout=300)
    assert done.returncode == 0


if __name__ == "__main__":
    sys.exit(bool(main()))

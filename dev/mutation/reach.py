# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which tests run which lines, kept from run to run.

A file of tests is measured again when it has changed, or a helper that it imports, or a source that
it reached. A slow one is not measured again for its sources: of what changed it is taken to reach
nothing, which can only make a mutant survive.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from dev.mutation.imports import Imports
from dev.mutation.mutants import Mutant

# Seconds of tests for one mutant. What only a slow test would notice counts as not noticed.
PATIENCE = 12.0
# The same for what is made when a module is imported: whole suites may look at it.
PATIENCE_FOR_TABLES = 30.0
# Seconds from which a file of tests is a slow one.
_SLOW = 20.0


@dataclass
class Part:
    """What one file of tests reaches: lines of sources, each with positions in ``tests``.

    ``own``: digest of the file and of the helpers that it imports; ``sources``: of what it reaches.
    """

    own: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    tests: list[tuple[str, float]] = field(default_factory=list)
    lines: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.tests)


class Reach:
    """All parts: which tests reach a mutant."""

    def __init__(self, parts: Mapping[str, Part], imports: Imports) -> None:
        self._imports = imports
        self.seconds: dict[str, float] = {}
        self._by_line: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._by_distance: dict[str, dict[str, int]] = defaultdict(dict)
        for file, part in parts.items():
            self._add(part, imports.distances(file))

    def _add(self, part: Part, distances: Mapping[str, int]) -> None:
        names = [name for name, _ in part.tests]
        green = set(names).difference(part.failed)
        self.seconds.update((name, took) for name, took in part.tests if name in green)
        for file, lines in part.lines.items():
            for line, tests in lines.items():
                self._by_line[file][int(line)].update(green.intersection(names[t] for t in tests))
        for file, distance in distances.items():
            self._by_distance[file].update(dict.fromkeys(green, distance))

    def tests(self, mutant: Mutant, first: str = "", times: float = 1) -> list[str]:
        """Tests that reach a mutant, as many as ``times`` our patience is for: ``first``, then
        quick ones.

        For what is made at import also those that reach most of its module in their time, and those
        that import it, the nearest first: a line that ran at import is hardly any test's own.
        """
        lines = self._by_line[mutant.file]
        found = {test for line in mutant.lines for test in lines.get(line, ())}
        quick = sorted(found, key=lambda t: (t != first, self.seconds[t]))
        if mutant.function not in ("", *self._imports.makers):
            return self._within(times * PATIENCE, quick)
        part = times * PATIENCE_FOR_TABLES / 3
        orders = (quick, *self._of_module(mutant, first))
        return list(dict.fromkeys(test for order in orders for test in self._within(part, order)))

    def _of_module(self, mutant: Mutant, first: str) -> tuple[list[str], list[str]]:
        """Tests that run lines of a mutant's module, the busiest first; those that import it."""
        reached = Counter(t for tests in self._by_line[mutant.file].values() for t in tests)
        far = self._by_distance[mutant.file]
        return (
            sorted(reached, key=lambda t: (t != first, self.seconds[t] / reached[t])),
            sorted(far, key=lambda t: (t != first, far[t], self.seconds[t])),
        )

    def _within(self, patience: float, tests: Sequence[str]) -> list[str]:
        until = accumulate((self.seconds[test] for test in tests), initial=0.0)
        return [test for test, before in zip(tests, until, strict=False) if before < patience]


class Contexts:
    """A pytest plugin: coverage's context is the test that runs."""

    def __init__(self, measuring: Any) -> None:
        self._measuring = measuring
        self._seconds: dict[str, float] = defaultdict(float)
        self._failed: set[str] = set()

    def pytest_runtest_setup(self, item: Any) -> None:
        self._measuring.switch_context(item.nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._seconds[report.nodeid] += report.duration
        if report.failed:
            self._failed.add(report.nodeid)

    def parts(self, places: dict[str, str]) -> dict[str, Part]:
        """By file of tests; ``places`` has the measured files and what they are called."""
        parts: dict[str, Part] = defaultdict(Part)
        position = {}
        for test, took in self._seconds.items():
            part = parts[test.partition("::")[0]]
            position[test] = len(part.tests)
            part.tests.append((test, took))
        for test in self._failed:
            parts[test.partition("::")[0]].failed.append(test)
        data = self._measuring.get_data()
        for place, file in places.items():
            for line, tests in data.contexts_by_lineno(place).items():
                for test in position.keys() & set(tests):
                    lines = parts[test.partition("::")[0]].lines.setdefault(file, {})
                    lines.setdefault(str(line), []).append(position[test])
        return parts


class Kept:
    """The parts as files; :meth:`reach` measures what is not there or no longer true."""

    def __init__(self, folder: Path, copy: Path) -> None:
        self._folder, self._copy = folder, copy
        self._imports = Imports(copy)

    def reach(self, files: Sequence[str], measure: Callable[[list[str]], dict[str, Part]]) -> Reach:
        """What the files of tests reach; ``measure`` runs some of them."""
        parts = {file: self._read(file) for file in files}
        stale = [file for file, part in parts.items() if self._is_stale(file, part)]
        if stale:
            print(f"which tests reach which lines: running {len(stale)} files", flush=True)
            for file, part in measure(stale).items():
                part.own = self._own(file)
                part.sources = {source: digest(self._copy / source) for source in part.lines}
                parts[file] = part
                self._place(file).write_text(json.dumps(asdict(part)))
        for test in (t for part in parts.values() for t in part.failed):
            print(f"left out, not green without a mutant: {test}", flush=True)
        for part in parts.values():
            for source in self._changed(part):
                del part.lines[source]
        return Reach(parts, self._imports)

    def _is_stale(self, file: str, part: Part) -> bool:
        return part.own != self._own(file) or (part.seconds < _SLOW and bool(self._changed(part)))

    def _changed(self, part: Part) -> list[str]:
        return [s for s in part.lines if part.sources.get(s) != digest(self._copy / s)]

    def _own(self, file: str) -> str:
        helpers = (f for f in self._imports.distances(file) if f.startswith("tests/"))
        return digest(*(self._copy / name for name in sorted({file, *helpers})))

    def _place(self, file: str) -> Path:
        return self._folder / (file.replace("/", ".") + ".json")

    def _read(self, file: str) -> Part:
        place = self._place(file)
        return Part(**json.loads(place.read_text())) if place.exists() else Part()


def digest(*files: Path) -> str:
    """Of the contents of files; a file that is not there is empty."""
    whole = hashlib.sha256()
    for file in files:
        content = file.read_bytes() if file.exists() else b""
        whole.update(hashlib.sha256(content).digest())
    return whole.hexdigest()

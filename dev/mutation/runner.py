# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs tests against mutants in a copy of the repository, each in a forked process.

Coverage says which tests reach a line; only these run, the quick ones first, until one fails.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from pathlib import Path
from typing import Any

from dev.mutation.mutants import Mutant

COLLECTION = Path("build/collections/ansible_collections/groupvpn/junos")
_COPIED = ("keyserver", "plugins", "tests", "dev", "docs", "roles", "pyproject.toml", "README.md")
# Seconds of tests for one mutant. What only a slow test would notice counts as not noticed.
PATIENCE = 12.0
# pytest's status of a run that came to its end: all passed, or some failed.
_RAN = (0, 1)
# Imported once, before the forks; nothing of the project is among them.
_WARM = ("pytest", "hypothesis", "lxml.etree", "asyncssh", "yaml", "ncclient.transport", "paramiko")


class Outcome(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMEOUT = "killed by its time"
    SURVIVED = "survived"
    UNREACHED = "survived, no test reaches it"


@dataclass
class Reach:
    """Which tests run which lines, and how many seconds each test takes."""

    seconds: dict[str, float] = field(default_factory=dict)
    by_line: dict[str, dict[int, list[str]]] = field(default_factory=dict)

    def tests(self, mutant: Mutant) -> list[str]:
        """Tests that reach a mutant, quick ones first; for tables, those of the module."""
        lines = self.by_line.get(mutant.file, {})
        found = {t for line in mutant.lines for t in lines.get(line, ())}
        if not found - {""} and not mutant.function:
            found = {t for tests in lines.values() for t in tests}
        found &= set(self.seconds)
        quick = sorted(found, key=lambda test: self.seconds[test])
        until = accumulate((self.seconds[test] for test in quick), initial=0.0)
        return [test for test, before in zip(quick, until, strict=False) if before < PATIENCE]


class _Contexts:
    """A pytest plugin: coverage's context is the test that runs."""

    def __init__(self, measuring: Any) -> None:
        self._measuring = measuring
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: list[str] = []

    def pytest_runtest_setup(self, item: Any) -> None:
        self._measuring.switch_context(item.nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.append(report.nodeid)


class Copy:
    """A copy of the repository in which files are broken and mended."""

    def __init__(self, root: Path, copy: Path) -> None:
        self.root, self.path = root, copy
        shutil.rmtree(copy, ignore_errors=True)
        ignored = shutil.ignore_patterns("__pycache__")
        for part in (*_COPIED, str(COLLECTION)):
            source, target = root / part, copy / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=ignored)
            else:
                shutil.copy(source, target)
        for name in _WARM:
            importlib.import_module(name)

    def imported_from(self, file: str) -> Path:
        """Where the tests import a file from: the collection from where Ansible looks for it."""
        return self.path / (COLLECTION if file.startswith("plugins/") else "") / file

    def reach(self, suites: Sequence[str], files: Sequence[str]) -> Reach:
        """Run the suites once, measured; tests that fail without a mutant are left out.

        Raises RuntimeError when they do not run at all: then nothing would reach anything.
        """
        answer = self.path / "reach.json"
        status = self._forked(lambda: self._measure(suites, files, answer), seconds=1800)
        if status not in _RAN:
            raise RuntimeError(f"the tests do not run without a mutant, see {self.log}")
        seconds, by_line, failed = json.loads(answer.read_text())
        for test in failed:
            print(f"left out, not green without a mutant: {test}", flush=True)
            seconds.pop(test, None)
        lines = {f: {int(n): tests for n, tests in of.items()} for f, of in by_line.items()}
        return Reach(seconds, lines)

    def run(self, mutant: Mutant, tests: Sequence[str], seconds: float) -> Outcome:
        """Break the file, run the tests, mend the file."""
        if not tests:
            return Outcome.UNREACHED
        file = self.imported_from(mutant.file)
        whole = file.read_text()
        file.write_text(mutant.code())
        try:
            status = self._forked(lambda: _pytest(tests), seconds=10 + 5 * seconds)
        finally:
            file.write_text(whole)
        if status is None:
            return Outcome.TIMEOUT
        return Outcome.SURVIVED if status == 0 else Outcome.KILLED

    @property
    def log(self) -> Path:
        """Output of the last run of tests."""
        return self.path / "log"

    def _measure(self, suites: Sequence[str], files: Sequence[str], answer: Path) -> int:
        import coverage

        places = {str(self.imported_from(file)): file for file in files}
        measuring = coverage.Coverage(data_file=None, include=list(places))
        contexts = _Contexts(measuring)
        measuring.start()
        status = _pytest(suites, contexts, whole=True)
        measuring.stop()
        data = measuring.get_data()
        by_line = {name: data.contexts_by_lineno(place) for place, name in places.items()}
        answer.write_text(json.dumps([contexts.seconds, by_line, contexts.failed]))
        return status

    def _forked(self, job: Callable[[], int], seconds: float) -> int | None:
        """The job's status in a process group of its own; None when its time ran out."""
        child = os.fork()
        if child == 0:
            self._become(job)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None

    def _become(self, job: Callable[[], int]) -> None:
        """The forked process: no way back from here into the parent's frames."""
        status = 70
        try:
            os.setsid()
            os.chdir(self.path)
            out = os.open(self.log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            os.dup2(out, 1)
            os.dup2(out, 2)
            status = int(job())
        finally:
            os._exit(status)


def _pytest(tests: Sequence[str], *plugins: object, whole: bool = False) -> int:
    """pytest's status; unless ``whole``, the first failure ends the run."""
    import pytest

    sys.dont_write_bytecode = True
    sys.path.insert(0, os.getcwd())
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0"]
    return int(pytest.main([*quiet, *([] if whole else ["-x"]), *tests], plugins=list(plugins)))

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs tests against mutants in a copy of the repository, each in a forked process.

The parent has imported what the tests use and nothing of the project; coverage says which tests
reach a line; only these run, the quick ones first, until one fails.
"""

from __future__ import annotations

import compileall
import importlib
import json
import math
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from dev.mutation.mutants import Mutant
from dev.mutation.reach import Contexts, Part
from dev.mutation.record import Outcome, Result

COLLECTION = Path("build/collections/ansible_collections/groupvpn/junos")
_COPIED = (
    *("keyserver", "plugins", "tests", "dev", "docs", "roles", "playbooks", "extensions"),
    *("changelogs", "meta", "galaxy.yml", "pyproject.toml", "README.md", "Makefile"),
)
# pytest's statuses: of a run that came to its end (all passed, some failed), of one without tests.
_RAN = (0, 1)
_NO_TESTS = 5
# What a mutant may take: so many seconds and so many times what its tests take without it, of the
# processor's time. On the clock it may take some times more, since a busy machine is slow; one that
# is out of that, too, is tried once more with twice of it.
_GRACE, _TIMES, _ON_THE_CLOCK, _TRIES = 10, 5, 3, 2
# Seconds for all tests without a mutant: some 300 on a quiet machine.
_MEASURING = 3600
# Tests that run before the others are collected.
_FIRST = 8
# Imported once, before the forks; nothing of the project is among them.
_WARM = ("pytest", "hypothesis", "lxml.etree", "asyncssh", "yaml", "ncclient.transport", "paramiko")


class _Chosen:
    """A pytest plugin: of what is collected only these tests run, in this order.

    The first that fails is written to a file. A test that is not there (the mutant changed what a
    table of tests is made of) is not a failure.
    """

    def __init__(self, tests: Sequence[str], killer: Path) -> None:
        self._order = {test: number for number, test in enumerate(tests)}
        self._killer = killer

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        chosen = (item for item in items if item.nodeid in self._order)
        items[:] = sorted(chosen, key=lambda item: self._order[item.nodeid])

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self._killer.write_text(report.nodeid)


class Copy:
    """A copy of the repository in which files are broken and mended."""

    def __init__(self, root: Path, copy: Path) -> None:
        self.path = copy
        shutil.rmtree(copy, ignore_errors=True)
        ignored = shutil.ignore_patterns("__pycache__")
        for part in (*_COPIED, str(COLLECTION)):
            source, target = root / part, copy / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=ignored)
            else:
                shutil.copy2(source, target)
        for name in _WARM:
            importlib.import_module(name)
        for compiled in ("keyserver", COLLECTION / "plugins"):
            compileall.compile_dir(copy / compiled, quiet=2)

    def imported_from(self, file: str) -> Path:
        """Where the tests import a file from: the collection from where Ansible looks for it."""
        return self.path / (COLLECTION if file.startswith("plugins/") else "") / file

    def test_files(self, suites: Sequence[str]) -> list[str]:
        """The files of tests in folders, and those that are named."""
        found = (
            [self.path / suite] if suite.endswith(".py") else (self.path / suite).rglob("test_*.py")
            for suite in suites
        )
        return sorted(str(file.relative_to(self.path)) for files in found for file in files)

    def measure(self, tests: Sequence[str], files: Sequence[str]) -> dict[str, Part]:
        """Run files of tests once, measured.

        Raises RuntimeError when they do not run at all, then nothing would reach anything, or not
        in time.
        """
        answer = self.path / "reach.json"
        status = self._forked(lambda: self._measured(tests, files, answer), seconds=_MEASURING)
        if status is None:
            raise RuntimeError(f"the tests took more than {_MEASURING} s, see {self.log}")
        if status not in _RAN:
            raise RuntimeError(f"the tests do not run without a mutant, see {self.log}")
        return {file: Part(**part) for file, part in json.loads(answer.read_text()).items()}

    def run(self, mutant: Mutant, tests: Sequence[str], seconds: float) -> Result:
        """Break the file, run the tests, mend the file."""
        if not tests:
            return Result(Outcome.UNREACHED)
        file, killer = self.imported_from(mutant.file), self.path / "killer"
        whole, times = file.read_text(), file.stat()
        killer.write_text("")
        try:
            file.write_text(mutant.code())
            # A time that no compiled file of the whole source has.
            os.utime(file, (0, 0))
            status = self._first_failure(tests, killer, _GRACE + _TIMES * seconds)
        finally:
            file.write_text(whole)
            os.utime(file, (times.st_atime, times.st_mtime))
        if status is None:
            return Result(Outcome.TIMEOUT)
        survived = status in (0, _NO_TESTS)
        return Result(Outcome.SURVIVED if survived else Outcome.KILLED, killer.read_text())

    @property
    def log(self) -> Path:
        """Output of the last run of tests."""
        return self.path / "log"

    def _measured(self, tests: Sequence[str], files: Sequence[str], answer: Path) -> int:
        import coverage

        places = {str(self.imported_from(file)): file for file in files}
        measuring = coverage.Coverage(data_file=None, include=list(places))
        contexts = Contexts(measuring)
        measuring.start()
        status = _pytest(tests, contexts)
        measuring.stop()
        parts = contexts.parts(places)
        answer.write_text(json.dumps({file: asdict(part) for file, part in parts.items()}))
        return status

    def _first_failure(self, tests: Sequence[str], killer: Path, seconds: float) -> int | None:
        """The status of the first few tests, and of the others when those did not notice.

        Most mutants are killed at once, and to collect a file of tests takes longer than a test.
        """
        status: int | None = 0
        for part in filter(None, (tests[:_FIRST], tests[_FIRST:])):
            status = self._tried(partial(_chosen, part, killer), seconds)
            if status not in (0, _NO_TESTS):
                break
        return status

    def _tried(self, job: Callable[[], int], seconds: float) -> int | None:
        """The job's status; None when its time ran out."""

        def limited() -> int:
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), resource.RLIM_INFINITY))
            return job()

        limits = (_ON_THE_CLOCK * seconds * attempt for attempt in range(1, _TRIES + 1))
        statuses = (self._forked(limited, limit) for limit in limits)
        status = next((status for status in statuses if status is not None), None)
        return None if status == -signal.SIGXCPU else status

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


def _chosen(tests: Sequence[str], killer: Path) -> int:
    """pytest's status of these tests; the first failure ends the run."""
    # Compiled files are those of the whole sources.
    sys.dont_write_bytecode = True
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    return _pytest(["-x", *files], _Chosen(tests, killer))


def _pytest(arguments: Sequence[str], plugin: object) -> int:
    import pytest

    sys.path.insert(0, os.getcwd())
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0"]
    return int(pytest.main([*quiet, *arguments], plugins=[plugin]))

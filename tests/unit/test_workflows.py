# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The workflows: whose code they run, and whether the page of compatibility says what they test."""

from __future__ import annotations

import itertools
import os
import re
import subprocess

import pytest
import yaml

from tests.lab import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_PINNED = re.compile(r"- uses: [\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_an_action_of_others_is_named_by_what_it_holds(file):
    """A tag can be moved to other code; beside the release's secrets nobody would see it."""
    named = re.findall(r"(?:- )?uses: .*", file.read_text())
    assert named
    assert [one for one in named if not _PINNED.fullmatch(f"- {one.removeprefix('- ')}")] == []


def matrix() -> dict[tuple[str, str], bool]:
    """Pairs of ansible-core and Python: is it one that the workflow runs?"""
    tests = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["test"]
    axes = tests["strategy"]["matrix"]
    excluded = {(pair["core"], pair["python"]) for pair in axes["exclude"]}
    return {pair: pair not in excluded for pair in itertools.product(axes["core"], axes["python"])}


def table() -> dict[tuple[str, str], bool]:
    """The same pairs on the page: False where it says that core does not support one."""
    page = (ROOT / "docs" / "compatibility.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    pythons = [cell.removeprefix("Python ") for cell in rows[0][1:]]
    return {
        (core, python): cell != "core does not support it"
        for core, *cells in rows[1:]
        if re.fullmatch(r"2\.\d+", core)
        for python, cell in zip(pythons, cells, strict=True)
    }


def test_the_page_of_compatibility_has_the_workflows_matrix():
    assert table() == matrix()


# What make answers for the site, the tests, what runs beside them and the other clients, and what
# is said at the end of all.
SUMMARY = "==== 1 failed, 2 passed in 3.50s ===="
FAILED = "FAILED tests/a.py::b - x"
ENDS = {
    (0, 0, 0, 0): (0, []),
    (0, 0, 0, 2): (0, []),
    (2, 0, 0, 0): (1, ["FAILED: the docs site, see above", FAILED]),
    (0, 2, 0, 0): (1, ["FAILED: tests", FAILED]),
    (0, 0, 2, 0): (1, ["FAILED: lint or sanity, see above", FAILED]),
    (0, 2, 2, 0): (1, ["FAILED: tests; lint or sanity, see above", FAILED]),
}
MAKE = f"""#!/bin/sh
case "$*" in
    *clients*) exit $CLIENTS ;;
    *site*) echo "$*" && exit $SITE ;;
    *lint*) exit $OTHERS ;;
    test) mkdir -p build && printf '%s\\n' '{FAILED}' '{SUMMARY}' 'make: *** [test]'
        exit $TESTS ;;
esac
"""
REFEREES = "tshark yanglint ssh chromium chromedriver ike-scan swanctl java"


@pytest.mark.parametrize(("site", "tests", "others", "clients"), ENDS)
def test_what_ci_runs_fails_with_any_part_of_it_and_ends_with_the_tests_summary(
    tmp_path, site, tests, others, clients
):
    checkout, programs = tmp_path / "a path with blanks", tmp_path / "bin"
    (checkout / ".ci").mkdir(parents=True)
    (checkout / "build").mkdir()
    programs.mkdir()
    script = checkout / ".ci" / "run"
    script.write_text((ROOT / ".ci" / "run").read_text("utf-8"))
    for name in ("make", *REFEREES.split()):
        (programs / name).write_text(MAKE)
        (programs / name).chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    ends = {"SITE": site, "TESTS": tests, "OTHERS": others, "CLIENTS": clients}
    environment = {**os.environ, "PATH": path, **{k: str(v) for k, v in ends.items()}}
    run = subprocess.run(
        ["bash", str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    code, told = ENDS[site, tests, others, clients]
    assert (run.returncode, run.stderr) == (code, "")
    lines = run.stdout.splitlines()
    # Tests are collected when the site and the linter are there.
    assert lines[0].endswith(" build/lint/.ready site")
    missing = ["a client could not be installed, see above"] if clients else []
    assert lines[1 : 1 + len(missing)] == missing
    assert lines[4 + len(missing) :] == [*told, SUMMARY]

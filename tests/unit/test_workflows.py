# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The workflows: whose code they run, and whether the page of compatibility says what they test."""

from __future__ import annotations

import itertools
import re

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

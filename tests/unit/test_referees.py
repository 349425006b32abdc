# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run left out is named once, with what helps."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.lab import ROOT
from tests.referees import left_out


def test_tests_with_one_reason_are_one_line_with_its_remedy():
    reasons = ["Skipped: tshark is not installed", "Skipped: tshark is not installed"]
    assert left_out(reasons) == [
        "2 tests not run: tshark is not installed "
        "-> Debian: apt install tshark; macOS: brew install wireshark"
    ]


def test_a_reason_that_nothing_helps_against_is_named_all_the_same():
    assert left_out(["Skipped: full moon"]) == ["1 test not run: full moon"]


def test_every_reason_that_the_tests_give_has_its_remedy():
    found = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"reason=\"([^\"]+)\"", file.read_text("utf-8")))
    reasons = {reason for reason in found if "not " in reason or "needs" in reason}
    assert len(reasons) > 10
    assert [line for line in left_out(reasons) if " -> " not in line] == []


@pytest.mark.parametrize("locale", ["C", "POSIX", "xx_YY.UTF-8", "C.UTF-8"])
def test_make_gives_ansible_the_locale_that_it_wants(tmp_path, locale):
    # To make, a blank ends a name.
    makefile = str(ROOT / "Makefile").replace(" ", "\\ ")
    (tmp_path / "Makefile").write_text(f"include {makefile}\nshow:\n\t@locale charmap\n")
    # Elsewhere, so that nothing is built.
    made = subprocess.run(
        ["make", "-s", "show"],
        cwd=tmp_path,
        env={**os.environ, "LC_ALL": locale},
        capture_output=True,
        text=True,
    )
    assert made.stdout.strip() == "UTF-8", made.stderr

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


def test_make_builds_the_collection_again_when_a_file_has_gone(tmp_path):
    """What was removed stayed in build/collections, and tests and ansible-lint went on with it."""
    ready = tmp_path / "build/collections/ansible_collections/groupvpn/junos/.ready"
    module = tmp_path / "plugins" / "modules" / "gone.py"
    for file in (ready, module):
        file.parent.mkdir(parents=True)
        file.touch()
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text("utf-8"))
    for place in (module, module.parent, module.parent.parent):
        os.utime(place, (1_000, 1_000))

    def planned() -> str:
        made = subprocess.run(
            ["make", "-n", "env"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return made.stdout

    assert "collection build" not in planned()
    module.unlink()
    # As if the last build had been before that.
    os.utime(ready, (2_000, 2_000))
    assert "collection build" in planned()


@pytest.mark.parametrize("target", ["test", "sanity", "site"])
def test_bytecode_is_kept_where_the_surroundings_forbid_it(tmp_path, target):
    """Each of the programs that are started compiled Ansible and asyncssh anew."""
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text("utf-8"))
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$PYTHONDONTWRITEBYTECODE:$PYTHONPYCACHEPREFIX"\n')
    python.chmod(0o755)
    made = subprocess.run(
        ["make", "-s", "-o", "env", "-o", "build/docs/.ready", "BIN=.", target],
        cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": ""},
        capture_output=True,
        text=True,
    )
    assert made.stdout.strip() == f":{tmp_path / 'build' / 'bytecode'}", made.stderr

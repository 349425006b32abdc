# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""dev/environment: when an environment is made anew, and what is left when it cannot be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "dev" / "environment"
# An interpreter whose environments are made in no time, and whose pip can be had to fail.
INTERPRETER = f"""#!/bin/sh
case "$*" in
*_base_executable*) echo "$0" ;;
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m pip "*) ! grep -q no-such-thing requirements.txt ;;
*) exec "{sys.executable}" "$@" ;;
esac
"""
OLD = '#!/bin/sh\n[ "$1" = -c ] && exit 1\necho Python 3.9.2\n'


class Checkout:
    """A directory with requirements and an environment that has a mark of ours."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mark = path / "venv" / "mark"
        self.python("python", INTERPRETER)
        self.requires("")
        (path / "others.txt").touch()
        assert self.make().returncode == 0
        self.mark.touch()

    def python(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)
        (self.path / name).chmod(0o755)

    def requires(self, text: str) -> None:
        (self.path / "requirements.txt").write_text(f"-r others.txt\n{text}")

    def make(self, python: str = "./python") -> subprocess.CompletedProcess[str]:
        command = [PROGRAM, python, "venv", "requirements.txt"]
        return subprocess.run(command, cwd=self.path, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path):
    path = tmp_path / "a checkout"
    path.mkdir()
    return Checkout(path)


def test_an_environment_is_left_alone_while_what_it_is_made_from_says_the_same(checkout):
    os.utime(checkout.path / "requirements.txt", (0, 2**31))
    done = checkout.make()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert checkout.mark.exists()


def test_what_cannot_be_had_leaves_the_environment_of_before(checkout):
    checkout.requires("no-such-thing==1\n")
    for _ in range(2):
        done = checkout.make()
        assert done.returncode == 1
        assert "could not be made anew, see above; the one of before stays" in done.stderr
        assert checkout.mark.exists()
    checkout.requires("")
    assert checkout.make().returncode == 0
    assert checkout.mark.exists()


def test_nothing_is_left_of_a_first_environment_that_cannot_be_had(checkout):
    shutil.rmtree(checkout.path / "venv")
    checkout.requires("no-such-thing==1\n")
    assert "could not be made, see above" in checkout.make().stderr
    assert not list(checkout.path.glob("venv*"))


def test_what_a_killed_run_had_put_aside_is_the_environment_again(checkout):
    shutil.move(checkout.path / "venv", checkout.path / "venv.before")
    (checkout.path / "venv").mkdir()
    checkout.requires("no-such-thing==1\n")
    assert checkout.make().returncode == 1
    assert checkout.mark.exists()
    assert not (checkout.path / "venv.before").exists()


@pytest.mark.parametrize("file", ["requirements.txt", "others.txt", "python"])
def test_an_environment_that_was_made_from_something_else_is_made_anew(checkout, file):
    if file == "python":
        checkout.python(file, INTERPRETER.replace("*) exec", "*) echo a newer one; exec"))
    else:
        (checkout.path / file).write_text("another-thing==1\n")
    assert checkout.make().returncode == 0
    assert not checkout.mark.exists()
    assert not (checkout.path / "venv.before").exists()


def test_an_environment_that_was_moved_is_made_anew(checkout, tmp_path):
    checkout.path = checkout.path.rename(tmp_path / "moved")
    assert checkout.make().returncode == 0
    assert not (checkout.path / "venv" / "mark").exists()


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("python-of-nobody", "python-of-nobody: not found"),
        ("./old", "made with Python 3.9.2: Python 3.11 or newer is needed, as in make env PYTHON="),
    ],
)
def test_an_interpreter_that_does_not_do_is_named(checkout, python, words):
    checkout.python("old", OLD)
    done = checkout.make(python)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert words in done.stderr
    assert checkout.mark.exists()

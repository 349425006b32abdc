# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the command begins and ends: interrupted, or without what it needs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.lab import ROOT

INTERRUPT = "os.kill(os.getpid(), signal.SIGINT)"
IMPORTED = "import os, signal\n"
NO_YAML = "raise ModuleNotFoundError(name='yaml')"
AT_THE_END = f"import atexit, os, signal; atexit.register(lambda: {INTERRUPT})"


def started(
    tmp_path,
    in_place_of_yaml: str | None,
    prefix: str = "",
    asked: tuple[str, ...] = ("--version",),
) -> subprocess.CompletedProcess[str]:
    """What is asked, of a process for which something else stands where it imports yaml."""
    if in_place_of_yaml is not None:
        (tmp_path / "yaml.py").write_text(IMPORTED + in_place_of_yaml)
    code = f"{prefix}\nimport runpy, sys\nsys.argv = {['keyserver', *asked]}\n"
    return subprocess.run(
        [sys.executable, "-c", f"{code}runpy.run_module('keyserver', run_name='__main__')"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        # A shell's job in the background ignores it, and its children with it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("in_place_of_yaml", "prefix"), [(INTERRUPT, ""), (None, AT_THE_END)], ids=["begins", "ends"]
)
def test_an_interrupt_while_the_command_begins_or_ends_is_no_traceback(
    tmp_path, in_place_of_yaml, prefix
):
    done = started(tmp_path, in_place_of_yaml, prefix)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


WITH_HALF_A_LOOP = f"""
import os, signal, socket
made = socket.socketpair
socket.socketpair = lambda: ({INTERRUPT}, made())[1]
"""


@pytest.mark.parametrize("command", ["serve", "members", "status"])
def test_an_interrupt_while_the_loop_is_made_waits_until_it_is_heard(tmp_path, command):
    lab = tmp_path / "lab.yml"
    lab.write_text("members: [{name: m, server: '127.0.0.1:9', group: 1, psk: made-up}]\n")
    done = started(tmp_path, None, WITH_HALF_A_LOOP, (command, str(lab)))
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, "")


def test_an_interrupt_that_is_ignored_stays_ignored(tmp_path):
    ignored = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    assert started(tmp_path, f"{INTERRUPT}\n{NO_YAML}", ignored).returncode == 2


@pytest.mark.parametrize(
    ("in_place_of_yaml", "prefix", "said"),
    [
        (NO_YAML, "", "yaml is not installed: pip install groupvpn-keyserver brings it"),
        (
            None,
            "import sys; sys.version_info, sys.version = (3, 9, 2), '3.9.2 (main)'",
            "Python 3.9.2: 3.11 or newer is needed",
        ),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(tmp_path, in_place_of_yaml, prefix, said):
    done = started(tmp_path, in_place_of_yaml, prefix)
    assert (done.returncode, done.stderr) == (2, f"groupvpn-keyserver: {said}\n")


WITHOUT_SSH = "import sys; sys.modules['asyncssh'] = None"


def test_what_only_a_server_needs_is_asked_for_when_one_begins(tmp_path):
    assert started(tmp_path, None, WITHOUT_SSH, ("--help",)).returncode == 0
    (tmp_path / "lab.yml").write_text("devices: []\n")
    for command in ("serve", "members", "status"):
        done = started(tmp_path, None, WITHOUT_SSH, (command, str(tmp_path / "lab.yml")))
        said = "asyncssh is not installed: pip install groupvpn-keyserver brings it"
        assert (done.returncode, done.stderr) == (2, f"groupvpn-keyserver: {said}\n")

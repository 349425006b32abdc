# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The demonstration: it ends well, and whatever ends it, nothing of it is left running."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab import ROOT


class Demonstration:
    """``make demo`` without the building, its directory below ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "dev.demo"],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.output = ""

    def wait_for(self, text: str, seconds: float = 300) -> None:
        """Read until the text comes."""
        assert self.process.stdout is not None
        end = time.monotonic() + seconds
        while text not in self.output:
            ready, _, _ = select.select([self.process.stdout], [], [], end - time.monotonic())
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert data, f"{text!r} did not come in:\n{self.output}"
            self.output += data.decode()

    def left(self) -> list[str]:
        """Command lines of processes that know the demonstration's directory."""
        found = []
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self._path) in words:
                found.append(words)
        return found

    def end(self) -> int:
        """Its exit code."""
        assert self.process.stdout is not None
        rest, _ = self.process.communicate(timeout=60)
        self.output += rest.decode()
        return self.process.returncode


def test_it_ends_well_and_leaves_nothing_behind(tmp_path):
    demonstration = Demonstration(tmp_path)
    demonstration.wait_for("done: everything as it should be")
    assert demonstration.end() == 0, demonstration.output
    assert demonstration.left() == []
    assert list(tmp_path.glob("groupvpn-demo-*")) == []


@pytest.mark.parametrize(
    ("moment", "number", "code"),
    [
        ("the plan first", signal.SIGTERM, 143),
        ("building it from empty devices", signal.SIGINT, 130),
    ],
)
def test_an_interruption_stops_what_it_started(tmp_path, moment, number, code):
    demonstration = Demonstration(tmp_path)
    demonstration.wait_for(moment)
    assert any("keyserver serve" in words for words in demonstration.left())
    demonstration.process.send_signal(number)
    assert demonstration.end() == code, demonstration.output
    assert demonstration.left() == []
    assert list(tmp_path.glob("groupvpn-demo-*")) == []

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Processes that tests start, which end with them, and ports that nothing uses."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests import warm

Started = subprocess.Popen[Any] | warm.Forked
ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90
STOP_SECONDS = 60

# Below what the system gives to those who connect: between our choice and the server's bind, some
# client might get the port otherwise. Parallel test processes choose from ranges of their own.
_LOWEST_PORT, _PORTS, _SHARES = 20000, 12768, 8
_share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
_mine = range(_LOWEST_PORT + _share, _LOWEST_PORT + _PORTS, _SHARES)
_ports = itertools.islice(itertools.cycle(_mine), os.getpid() % len(_mine), None)


def free_ports(count: int, kind: int = socket.SOCK_STREAM) -> list[int]:
    """Ports that nothing uses just now, at whatever address: labs have many of loopback's."""
    found: list[int] = []
    while len(found) < count:
        port = next(_ports)
        with socket.socket(socket.AF_INET, kind) as trial, contextlib.suppress(OSError):
            trial.bind(("", port))
            found.append(port)
    return found


_RUNNING: set[Started] = set()
_MARK = "GROUPVPN_LAB_PROCESS"
_MARKS: dict[Started, str] = {}
_INTERRUPTIONS = {signal.SIGINT, signal.SIGTERM}


def start(command: Sequence[str], **options: Any) -> Started:
    """A process that :func:`stop_everything` knows, whatever interrupts us meanwhile."""
    with uninterrupted() as usual:
        mark = _mark(len(_MARKS))
        options["env"] = {**(options.get("env") or os.environ), _MARK: mark}
        if warm.takes(command, options):
            process: Started = warm.Forked(command, mark=mark, blocked=usual, **options)
        else:
            process = subprocess.Popen(
                command,
                preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, usual),
                **options,
            )
        _MARKS[process] = mark
        _RUNNING.add(process)
    return process


def ended(
    command: Sequence[str], seconds: float = 600, **options: Any
) -> subprocess.CompletedProcess[str]:
    """What a program has done by its end: output and errors, together unless asked otherwise."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
    process = start(command, **options)
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        end(process)
        raise
    forget(process)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


@contextlib.contextmanager
def uninterrupted() -> Iterator[set[int]]:
    """Interruptions wait until the block ends; gives the signals that were blocked before.

    A thread takes over what is blocked where it is started. One that blocks nothing is where the
    kernel delivers the signal meanwhile, and Python then interrupts the main thread all the same.
    """
    usual = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTIONS)
    try:
        yield usual
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, usual)


def stop_everything() -> None:
    """End every process that still runs, and those that they started."""
    while _RUNNING:
        end(_RUNNING.pop())


def end(process: Started) -> None:
    """End it, and those that it started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    end = time.monotonic() + 10
    while (others := _marked(_MARKS[process])) and time.monotonic() < end:
        # ssh last: of a client that dies before who uses it, OpenSSH's master forgets to tell the
        # device until its next sign of life, 15 s later at most; so long, the device is locked.
        for other in [pid for pid in others if not _is_ssh(pid)] or others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(other, signal.SIGKILL)
        # A signal is sent before it is obeyed.
        time.sleep(0.01)


def forget(process: Started) -> None:
    """It has ended, and so has what it started."""
    _RUNNING.discard(process)


def _mark(number: int) -> str:
    return f"{os.getpid()}-{number}"


def _marked(mark: str) -> list[int]:
    """Processes that were born with this mark.

    Ansible's workers sit in sessions of their own, and one that was forked while its parent was
    dying has another parent by now: what they all have is the environment, or the name of the
    forked process.
    """
    words, found = f"{_MARK}={mark}\0".encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (place / "status").read_text()
            forked = f"Name:\t{mark}\n" in status and "State:\tZ" not in status
            if forked or words in (place / "environ").read_bytes():
                found.append(int(place.name))
    return found


def _is_ssh(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "ssh\n"
    except OSError:
        return False


def process_cpu(pid: int) -> float:
    """Seconds of CPU that a process has taken so far, to the nanosecond.

    Its clock has the number that Linux' ``clock_getcpuclockid(3)`` makes of the process id.
    """
    return time.clock_gettime((~pid << 3) | 2)


class Process:
    """``python -m keyserver COMMAND LAB`` in the background."""

    def __init__(
        self, command: str, lab: Path, *options: str, prefix: Sequence[str] = (sys.executable,)
    ) -> None:
        self._process = start(
            [*prefix, "-m", "keyserver", command, *options, str(lab)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.output: list[str] = []
        self._rest = b""

    def wait_for(self, text: str, seconds: float = START_SECONDS, count: int = 1) -> None:
        """Wait until that many lines of output hold the text."""
        end = time.monotonic() + seconds
        while sum(text in line for line in self.output) < count:
            if not self.read(end - time.monotonic()):
                shown = "\n".join(self.output[-20:])
                raise AssertionError(f"{text!r} did not come {count} times in:\n{shown}")

    def read(self, seconds: float) -> bool:
        """Take more output, if some comes in time: who writes much stops when nobody does."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, seconds))
        data = os.read(self._process.stdout.fileno(), 65536) if ready else b""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.output += [line.decode() for line in lines]
        return bool(data)

    def peak_mb(self) -> float:
        """The most memory that the process has held."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def cpu_seconds(self) -> float:
        """CPU time that it has taken so far."""
        return process_cpu(self._process.pid)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def ended(self, seconds: float) -> int:
        """Its exit status, when it ends by itself within that time."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        """What a power cut is to a process."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Interrupt and wait."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        forget(self._process)
        if self._process.stdout is not None:
            self._process.stdout.close()

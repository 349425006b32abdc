# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that start at once: forked by a process that has imported their libraries already.

They are processes like any other, with a number, an environment and a directory of their own, and
run what the command line names. Linux only (pidfds).
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

_ROOT = Path(__file__).resolve().parent.parent
# What Python obeys when it starts, and what decides how it reads and writes.
_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_")
_OPTIONS = {"cwd", "env", "stdout", "stderr", "text"}
wanted = False
"""Whether it is done: for tests (conftest.py). What is shown or measured starts the long way."""


def takes(command: Sequence[str], options: Mapping[str, Any]) -> bool:
    """Whether a command can be started this way and would be just the same."""
    environment = options.get("env") or os.environ
    return (
        wanted
        and options.keys() <= _OPTIONS
        and options.get("stdout") == subprocess.PIPE
        and options.get("stderr") in (subprocess.PIPE, subprocess.STDOUT)
        and (_is_ansible(command) or command[:3] == [sys.executable, "-m", "keyserver"])
        and _at_start(environment) == _at_start(os.environ)
    )


def _is_ansible(command: Sequence[str]) -> bool:
    return command[0] == str(Path(sys.executable).with_name("ansible-playbook"))


def _at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_AT_START)}


@functools.cache
def _nursery(_process: int) -> socket.socket:
    """Where a process of ours asks; one for each process that runs tests."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        subprocess.Popen(
            [sys.executable, "-m", "tests.nursery", str(its.fileno())],
            cwd=_ROOT,
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
        )
    return ours


class Forked:
    """As much of a ``subprocess.Popen`` as tests use, for a process that another one forked."""

    def __init__(
        self, command: Sequence[str], *, mark: str, blocked: set[int], **options: Any
    ) -> None:
        self.args = command
        self.returncode: int | None = None
        self.stdout, output = _pipe(options)
        self.stderr: IO[Any] | None = None
        errors = output
        if options["stderr"] == subprocess.PIPE:
            self.stderr, errors = _pipe(options)
        self._reports, reports = os.pipe()
        request = {
            "mark": mark,
            "blocked": sorted(blocked),
            "directory": str(options.get("cwd") or Path.cwd()),
            "files": resource.getrlimit(resource.RLIMIT_NOFILE),
            "umask": _umask(),
            "environment": dict(options.get("env") or os.environ),
            **_program(command),
        }
        descriptors = [output, errors, reports]
        socket.send_fds(_nursery(os.getpid()), [json.dumps(request).encode()], descriptors)
        for descriptor in set(descriptors):
            os.close(descriptor)
        self._said = b""
        self.pid = self._next(None)

    def _next(self, seconds: float | None) -> int:
        """The next number that is reported; raises TimeoutExpired."""
        while b"\n" not in self._said:
            if not select.select([self._reports], [], [], seconds)[0]:
                raise subprocess.TimeoutExpired(self.args, seconds or 0)
            more = os.read(self._reports, 64)
            if not more:
                raise ChildProcessError("who forks processes for tests has ended")
            self._said += more
        number, _, self._said = self._said.partition(b"\n")
        return int(number)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, below 0 for a signal; raises TimeoutExpired."""
        if self.returncode is None:
            self.returncode = self._next(timeout)
            os.close(self._reports)
        return self.returncode

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[Any, Any]:
        """All that it writes until it ends; raises TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        streams = (self.stdout, self.stderr)
        with ThreadPoolExecutor(len(streams)) as readers:
            read = [readers.submit(stream.read) if stream else None for stream in streams]
            try:
                said = [one and one.result(end and end - time.monotonic()) for one in read]
            except TimeoutError:
                # A reader ends when its writer does.
                self.kill()
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
        self.wait(end and max(0, end - time.monotonic()))
        for stream in streams:
            if stream:
                stream.close()
        return said[0], said[1]


def _pipe(options: Mapping[str, Any]) -> tuple[IO[Any], int]:
    read, write = os.pipe()
    return os.fdopen(read, "r" if options.get("text") else "rb"), write


def _program(command: Sequence[str]) -> dict[str, Any]:
    """What Python runs: a module, or a file; with its arguments."""
    if command[1] == "-m":
        return {"module": command[2], "argv": [command[2], *command[3:]]}
    return {"module": "", "argv": list(command)}


def _umask() -> int:
    os.umask(mask := os.umask(0o077))
    return mask

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A process that has imported what programs need, and forks one whenever a test asks.

Most of what a short program of ours or Ansible's does is to import: half a second to a second and
a half, some thousand times in a run of all tests. What is imported before is what no environment
and no file of settings changes: libraries, and the key server. ``ansible.constants`` reads both
when it is imported, so nothing that imports it is among them, and nothing of the collection.

Over the socket comes a request as JSON with three descriptors: where its process writes output and
errors, and where its number and then its exit status go. See :mod:`tests.warm`.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import runpy
import selectors
import signal
import socket
import sys
from typing import Any, TextIO

LIBRARIES = (
    "ansible.module_utils.basic",
    "ansible.module_utils.common.yaml",
    "ansible.module_utils._internal._json._profiles._tagless",
    "cryptography.hazmat.backends.openssl.backend",
    "cryptography.x509",
    "jinja2.nativetypes",
    "lxml.etree",
    "multiprocessing.queues",
    "multiprocessing.synchronize",
    "paramiko",
    "resolvelib",
    "yaml",
    "keyserver.cli",
    "keyserver.edge.run",
    "keyserver.edge.status",
)
LONGEST_REQUEST = 1024 * 1024
_PR_SET_NAME = 15


def main() -> None:
    """Fork until nobody asks any more; in a child, become what was asked for."""
    for name in LIBRARIES:
        importlib.import_module(name)
    request = _Nursery(socket.socket(fileno=int(sys.argv[1]))).asked()
    if request is not None:
        _become(request)


class _Nursery:
    def __init__(self, asking: socket.socket) -> None:
        self._asking = asking
        self._selector = selectors.DefaultSelector()
        self._selector.register(asking, selectors.EVENT_READ)

    def asked(self) -> dict[str, Any] | None:
        """In a child what it is to be; in the parent None, when nobody is there to ask."""
        while True:
            for key, _ in self._selector.select():
                if key.data:
                    self._report(key.fd, *key.data)
                    continue
                data, descriptors, _, _ = socket.recv_fds(self._asking, LONGEST_REQUEST, 3)
                if not data:
                    return None
                number = os.fork()
                if number == 0:
                    os.close(descriptors[2])
                    self._close()
                    return {**json.loads(data), "descriptors": descriptors[:2]}
                self._watch(number, *descriptors)

    def _watch(self, number: int, output: int, errors: int, reports: int) -> None:
        os.close(output)
        os.close(errors)
        os.write(reports, f"{number}\n".encode())
        self._selector.register(os.pidfd_open(number), selectors.EVENT_READ, (number, reports))

    def _report(self, watched: int, number: int, reports: int) -> None:
        self._selector.unregister(watched)
        os.close(watched)
        status = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
        with contextlib.suppress(BrokenPipeError):
            os.write(reports, f"{status}\n".encode())
        os.close(reports)

    def _close(self) -> None:
        """By who opened it: what is closed behind its back is closed again, as somebody else's."""
        for key in [*self._selector.get_map().values()]:
            for descriptor in (key.fd, key.data[1]) if key.data else ():
                os.close(descriptor)
        self._selector.close()
        self._asking.close()


def _become(request: dict[str, Any]) -> None:
    for place, descriptor in enumerate(request["descriptors"], 1):
        os.dup2(descriptor, place)
        os.close(descriptor)
    sys.stdout = sys.__stdout__ = _writer(1, sys.stdout)
    sys.stderr = sys.__stderr__ = _writer(2, sys.stderr)
    # Processes that it forks are known by it: their environment, as the system shows it, is ours.
    ctypes.CDLL(None).prctl(_PR_SET_NAME, request["mark"].encode(), 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, request["files"])
    os.umask(request["umask"])
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    signal.pthread_sigmask(signal.SIG_SETMASK, request["blocked"])
    sys.argv[:] = request["argv"]
    if request["module"]:
        sys.path[0] = request["directory"]
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(sys.argv[0])
        runpy.run_path(sys.argv[0], run_name="__main__")


def _writer(descriptor: int, like: TextIO) -> TextIO:
    """As Python opens it at its start; what the parent opened knows another file."""
    return open(
        descriptor,
        "w",
        buffering=1 if descriptor == 2 else -1,
        encoding=like.encoding,
        errors=like.errors,
        closefd=False,
    )


if __name__ == "__main__":
    main()

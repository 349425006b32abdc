# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Open sessions between the tasks of a play, with no process that keeps them.

Ansible forks a worker for every task of every host, and a worker takes its sessions with it when
it ends. A descriptor that was sent over a Unix socket and not received yet stays open for as long
as that socket does (unix(7), SCM_RIGHTS): the main process makes the sockets, its workers lay their
sessions in and take them out, and when the main process ends, however it ends, the kernel closes
what is left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from typing import NamedTuple

_RECORD = struct.Struct("!32sd?")
_BOARDS = 16
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Kept(NamedTuple):
    """A session on the shelf: its descriptors, and whether it uses chunked framing."""

    descriptors: tuple[int, ...]
    chunked: bool

    def close(self) -> None:
        """Close the descriptors, and with them the session."""
        for descriptor in self.descriptors:
            os.close(descriptor)


class _Record(NamedTuple):
    key: bytes
    deadline: float
    kept: Kept


class Shelf:
    """What workers that were forked after its making share.

    Sessions are spread over several sockets, so that looking for one means looking at few others.
    """

    def __init__(self) -> None:
        # Bare descriptors: Python would complain, at the end of a process, of sockets that nobody
        # has closed.
        self._boards = [_bare_pair() for _number in range(_BOARDS)]
        self._lock, name = tempfile.mkstemp(prefix="groupvpn-")
        os.unlink(name)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # At the end of the interpreter, this module's own names may be gone already.
        for inner, outer in self._boards:
            close(inner)
            close(outer)
        close(self._lock)

    def put(self, name: str, kept: Kept, seconds: float) -> bool:
        """Lay a session down for at most so long; False when there is no room."""
        key = sha256(name.encode()).digest()
        with self._board(key) as (inner, _outer):
            return _lay(inner, _Record(key, time.monotonic() + seconds, kept))

    def take(self, name: str) -> Kept | None:
        """The session of that name, if there is one and its other end has not closed it."""
        key = sha256(name.encode()).digest()
        found: Kept | None = None
        with self._board(key) as (inner, outer):
            for record in list(_records(outer)):
                lives = time.monotonic() < record.deadline and _is_quiet(record.kept)
                if lives and record.key == key and found is None:
                    found = record.kept
                    continue
                if lives:
                    _lay(inner, record)
                record.kept.close()
        return found

    @contextlib.contextmanager
    def _board(self, key: bytes) -> Iterator[tuple[socket.socket, socket.socket]]:
        number = key[0] % _BOARDS
        fcntl.lockf(self._lock, fcntl.LOCK_EX, 1, number)
        inner, outer = (socket.socket(fileno=end) for end in self._boards[number])
        try:
            yield inner, outer
        finally:
            inner.detach()
            outer.detach()
            fcntl.lockf(self._lock, fcntl.LOCK_UN, 1, number)


@cache
def shared() -> Shelf:
    """The shelf of this process and of those that it forks from now on."""
    return Shelf()


def _bare_pair() -> tuple[int, int]:
    pair = socket.socketpair()
    for end in pair:
        end.setblocking(False)
    return pair[0].detach(), pair[1].detach()


def _lay(inner: socket.socket, record: _Record) -> bool:
    data = _RECORD.pack(record.key, record.deadline, record.kept.chunked)
    try:
        socket.send_fds(inner, [data], record.kept.descriptors)
    except OSError:
        # The socket, or what the system lets a user have under way, is full.
        return False
    return True


def _records(outer: socket.socket) -> Iterator[_Record]:
    with contextlib.suppress(BlockingIOError):
        while True:
            data, descriptors = socket.recv_fds(outer, _RECORD.size, 8, _CLOSE_ON_EXEC)[:2]
            key, deadline, chunked = _RECORD.unpack(data)
            yield _Record(key, deadline, Kept(tuple(descriptors), chunked))


def _is_quiet(kept: Kept) -> bool:
    """Whether nothing came while nobody listened: neither an end nor what nobody asked for."""
    poll = select.poll()
    poll.register(kept.descriptors[0], select.POLLIN)
    return not poll.poll(0)

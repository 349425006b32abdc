# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A further session on an OpenSSH master connection, without an ssh process for it.

The master listens at its ControlPath and takes requests of clients (OpenSSH's PROTOCOL.mux,
version 4): the client hands over its three file descriptors, the master carries them. An ssh
process that does only this costs more than everything else in a short task.
"""

from __future__ import annotations

import array
import contextlib
import socket
import struct
from collections.abc import Iterator

_VERSION = 4
_HELLO = 0x00000001
_NEW_SESSION = 0x10000002
_SESSION_OPENED = 0x80000006
_NO_ESCAPE = 0xFFFFFFFF
_LONGEST_MESSAGE = 64 * 1024


class MuxUnavailable(Exception):
    """The master is missing, or refuses to open the session."""


def _string(data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + data


def _send(control: socket.socket, *fields: int | bytes) -> None:
    body = b"".join(
        struct.pack("!I", field) if isinstance(field, int) else _string(field) for field in fields
    )
    control.sendall(_string(body))


def _receive(control: socket.socket) -> bytes:
    (length,) = struct.unpack("!I", _exactly(control, 4))
    if not 4 <= length <= _LONGEST_MESSAGE:
        raise MuxUnavailable(f"message of {length} octets")
    return _exactly(control, length)


def _exactly(control: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = control.recv(count - len(data))
        if not piece:
            raise MuxUnavailable("the master closed the connection")
        data += piece
    return data


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (OSError, struct.error) as error:
        raise MuxUnavailable(str(error) or type(error).__name__) from None


def _greet(control: socket.socket) -> None:
    _send(control, _HELLO, _VERSION)
    kind, version = struct.unpack_from("!II", _receive(control))
    if (kind, version) != (_HELLO, _VERSION):
        raise MuxUnavailable(f"protocol version {version}")


def _ask_for(control: socket.socket, subsystem: str, descriptors: tuple[int, int, int]) -> None:
    number = 1
    flags = (0, 0, 0, 1)  # no terminal, X11 or agent; a subsystem
    _send(control, _NEW_SESSION, number, b"", *flags, _NO_ESCAPE, b"", subsystem.encode())
    for descriptor in descriptors:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))
        control.sendmsg([b"\0"], [rights])
    kind, answered = struct.unpack_from("!II", _receive(control))
    if (kind, answered) != (_SESSION_OPENED, number):
        raise MuxUnavailable("the master did not open the session")


def open_subsystem(
    path: str, subsystem: str, descriptors: tuple[int, int, int], timeout: float
) -> socket.socket:
    """Have the master at ``path`` run a subsystem on these descriptors (input, output, errors).

    The socket that is returned holds the session: closing it ends it. ``timeout`` in seconds.
    Raises MuxUnavailable.
    """
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _failures():
            control.settimeout(timeout)
            control.connect(path)
            _greet(control)
            _ask_for(control, subsystem, descriptors)
    except BaseException:
        control.close()
        raise
    return control

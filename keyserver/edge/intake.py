# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What comes in on a connection: how much before its login, and acknowledged at once."""

from __future__ import annotations

import math
import socket

import asyncssh

READ = 16 * 1024
"""Octets that the kernel is asked to keep for us. All that it has is dealt with in one turn of the
loop: of the smallest packets, the 256 KiB of asyncio would be a turn of 120 ms."""


class Intake:
    """Stands where asyncssh takes what a client sends; it has no hook between a login's packets.

    A client that sends more than so many octets before it is let in is let go. Every segment is
    acknowledged when it comes, not 40 ms later: OpenSSH's client leaves Nagle's algorithm on, so
    small packets that follow one another, as those of a login do, wait for our kernel's
    acknowledgement. The kernel forgets that it was told so.
    """

    def __init__(self, connection: asyncssh.SSHServerConnection, octets: int) -> None:
        self._connection, self._take = connection, connection.data_received
        self._left: float = octets
        raw = connection.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ)
        self._raw = raw if hasattr(socket, "TCP_QUICKACK") else None
        connection.data_received = self._received  # type: ignore[method-assign]

    def let_in(self) -> None:
        """From now on it may send as much as it likes."""
        self._left = math.inf

    def _received(self, data: bytes, datatype: int | None = None) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._connection.abort()
            return
        self._take(data, datatype)
        if self._raw is not None:
            try:  # noqa: SIM105 (for every packet; a context manager would take as long again)
                self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            except OSError:
                pass

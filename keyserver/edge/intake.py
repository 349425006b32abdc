# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What comes in on a connection: how much before its login and unread, and acknowledged at once."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable

import asyncssh

READ = 16 * 1024
"""Octets that are taken from the kernel in one turn of the loop: of the smallest packets, the
256 KiB of asyncio would be a turn of 120 ms. How many it keeps is its own affair: with a buffer
smaller than a segment of the loopback device it may say that there is room only when it is asked,
200 ms later."""
UNREAD = 1024 * 1024
"""Octets for a client that takes none; then nothing more is read from it, signs of life and the
like included, each of which has an answer."""


class Intake:
    """Stands where asyncssh takes what a client sends; it has no hook between a login's packets.

    A client that sends more than so many octets before it is let in is let go. Every segment is
    acknowledged when it comes, not 40 ms later: OpenSSH's client leaves Nagle's algorithm on, so
    small packets that follow one another, as those of a login do, wait for our kernel's
    acknowledgement. The kernel forgets that it was told so.

    While a client does not take what it was sent, its requests wait: asyncssh heeds the windows of
    its channels, which may be of gigabytes, but not that the socket is full.
    """

    def __init__(self, connection: asyncssh.SSHServerConnection, octets: int) -> None:
        self._connection, self._take = connection, connection.data_received
        self._left: float = octets
        raw = connection.get_extra_info("socket")
        transport = connection._transport
        if transport is not None and hasattr(transport, "max_size"):
            transport.max_size = READ
        self._raw = raw if hasattr(socket, "TCP_QUICKACK") else None
        self._full = False
        self._held: set[Callable[[], None]] = set()
        connection.data_received = self._received  # type: ignore[method-assign]
        connection.pause_writing = self._fill  # type: ignore[method-assign]
        connection.resume_writing = self._drain  # type: ignore[method-assign]

    def let_in(self) -> None:
        """From now on it may send as much as it likes."""
        self._left = math.inf

    def holds(self, go_on: Callable[[], None]) -> bool:
        """True while the client has to take what it was sent; it is called when it has."""
        if self._full:
            self._held.add(go_on)
        return self._full

    def _fill(self) -> None:
        self._full = True

    def _drain(self) -> None:
        self._full = False
        if (transport := self._connection._transport) is not None:
            transport.resume_reading()
        held, self._held = self._held, set()
        for go_on in held:
            go_on()

    def _received(self, data: bytes, datatype: int | None = None) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._connection.abort()
            return
        self._take(data, datatype)
        if self._full:
            self._refrain()
        if self._raw is not None:
            try:  # noqa: SIM105 (for every packet; a context manager would take as long again)
                self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            except OSError:
                pass

    def _refrain(self) -> None:
        transport = self._connection._transport
        if transport is not None and transport.get_write_buffer_size() > UNREAD:
            transport.pause_reading()

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes out on a connection: all of one turn of the loop in one piece."""

from __future__ import annotations

import asyncio

import asyncssh
from asyncssh.constants import MSG_IGNORE
from asyncssh.packet import SSHPacketLogger

AT_ONCE = 16 * 1024
"""Octets that are not kept for the end of the turn: that a client takes no more is said when they
are written."""


class Outlet:
    """Stands where asyncssh writes.

    It calls the kernel for each packet, and sends an empty one ahead of each, against attacks on
    CBC ciphers. None of these is offered: half of all packets would be for nothing, here and at
    the client, and OpenSSH's sshd sends none.
    """

    def __init__(self, connection: asyncssh.SSHServerConnection) -> None:
        # asyncssh lets go of it in the turn in which it says why: that is still to be written.
        transport = connection._transport
        assert transport is not None
        self._transport: asyncio.Transport = transport
        self._send_packet = connection.send_packet
        self._waiting: list[bytes] = []
        self._octets = 0
        connection.send_packet = self._packet  # type: ignore[method-assign]
        connection._send = self._keep  # type: ignore[method-assign]

    def _packet(self, pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None) -> None:
        if pkttype != MSG_IGNORE:
            self._send_packet(pkttype, *args, handler=handler)

    def _keep(self, data: bytes) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(data)
        self._octets += len(data)
        if self._octets >= AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        data = b"".join(self._waiting)
        self._waiting, self._octets = [], 0
        if not self._transport.is_closing():
            self._transport.write(data)

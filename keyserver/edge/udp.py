# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""UDP sockets of the key plane: one datagram to many, and multicast in and out."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import struct
import sys
from collections.abc import Callable, Mapping, Sequence

from ..groups.pushes import MulticastTarget
from .addresses import family_of

Address = tuple[str, int]
Receiver = Callable[[bytes, Address], None]

_BUFFER = 4 * 1024 * 1024
_MULTICAST_TTL = 64
# So many datagrams, then the loop may answer others.
_BATCH = 2000
_LOOPBACK = "lo"
# Linux's <linux/in.h>; Python has no names for them.
_IP_MTU_DISCOVER, _IP_PMTUDISC_DONT = 10, 0


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, receive: Receiver) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._receive(data, addr)

    def error_received(self, exc: Exception) -> None:
        # A peer's host said that nothing listens there: its silence has the same meaning.
        return


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        raise OSError(
            f"interface {interface!r}: this host has none of that name; correct the lab file"
        ) from None


class UdpSocket:
    """A bound UDP socket; ``interfaces`` maps Junos' interface names to those of this host."""

    def __init__(self, raw: socket.socket, interfaces: Mapping[str, str]) -> None:
        self._raw = raw
        self._interfaces = interfaces
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def bind(
        cls, address: Address, receive: Receiver, interfaces: Mapping[str, str] | None = None
    ) -> UdpSocket:
        """Listen at an address; raises OSError."""
        raw = _socket(address)
        raw.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _MULTICAST_TTL)
        udp = cls(raw, interfaces or {})
        await udp._open(receive)
        return udp

    @classmethod
    async def join(
        cls, group: Address, interface: str | None, own: str, receive: Receiver
    ) -> UdpSocket:
        """Listen to a multicast group on an interface, or on that of our own address."""
        raw = _socket(group)
        try:
            membership = struct.pack(
                "=4s4si",
                socket.inet_aton(group[0]),
                socket.inet_aton(own),
                _index(interface) if interface else 0,
            )
            raw.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        except OSError:
            raw.close()
            raise
        udp = cls(raw, {})
        await udp._open(receive)
        return udp

    async def _open(self, receive: Receiver) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Protocol(receive), sock=self._raw
        )
        self._transport = transport

    def close(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.close()

    def send(self, datagram: bytes, address: Address) -> None:
        """Send one datagram."""
        self._send(datagram, (address,))

    def _send(self, datagram: bytes, addresses: Sequence[Address]) -> None:
        assert self._transport is not None
        sendto = self._raw.sendto
        for number, address in enumerate(addresses):
            try:
                sendto(datagram, address)
            except BlockingIOError:
                for late in addresses[number:]:
                    self._transport.sendto(datagram, late)
                return
            except OSError:
                # One member's route is gone; the others must not miss their keys for it.
                continue

    async def send_to_all(self, datagram: bytes, addresses: Sequence[Address]) -> None:
        """Send one datagram to many, letting others in between."""
        for start in range(0, len(addresses), _BATCH):
            self._send(datagram, addresses[start : start + _BATCH])
            await asyncio.sleep(0)

    @property
    def address(self) -> Address:
        """Where it is bound."""
        host, port = self._raw.getsockname()[:2]
        return str(host), int(port)

    def send_multicast(self, datagram: bytes, target: MulticastTarget) -> str:
        """Send to a multicast group; the host's interface that it went out of."""
        own = self._raw.getsockname()[0]
        interface = self._interfaces.get(target.interface or "")
        if interface is None and ipaddress.ip_address(own).is_loopback:
            interface = _LOOPBACK
        request = struct.pack(
            "=4s4si",
            bytes(4),
            socket.inet_aton(own),
            _index(interface) if interface else 0,
        )
        self._raw.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
        with contextlib.suppress(BlockingIOError):
            self._raw.sendto(datagram, (target.group, target.port))
        return interface or own


def _socket(address: Address) -> socket.socket:
    raw = socket.socket(family_of(address[0]), socket.SOCK_DGRAM)
    try:
        raw.setblocking(False)
        if ipaddress.ip_address(address[0]).is_multicast:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            raw.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        if sys.platform == "linux":
            # Nothing of GDOI can be divided but by IP: without this Linux forbids routers to do it.
            raw.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DONT)
        raw.bind(address)
    except OSError:
        raw.close()
        raise
    return raw

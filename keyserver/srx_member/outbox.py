# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the member VPNs of a device have to say: datagrams for key servers, and what happened."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ..gdoi.numbers import GdoiExchange
from ..groups.plane import KeyPlane
from ..groups.pushes import Door, Outgoing
from ..ike.nat import floating
from ..ike.wire import exchange_of
from ..member.esp import can_encrypt
from ..member.events import MemberEvent
from ..member.traffic import Traffic
from .site import Site

_REMEMBERED = 64


@dataclass(frozen=True)
class MemberOfGroup:
    """What happened to a member VPN of this device, and the keys that it holds now.

    ``packet``: ESP for all others of the group, where keys changed; empty where there are none.
    """

    vpn: str
    event: MemberEvent
    address: str
    traffic: Traffic = field(repr=False)
    packet: bytes = field(default=b"", repr=False)


class Outbox:
    """Fills with what sites do; :meth:`take` empties it."""

    def __init__(self, plane: KeyPlane) -> None:
        self._plane = plane
        self._datagrams: list[Outgoing] = []
        # With `co-location` the key server is this device: what is said to it is not for us.
        self._to_self: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._events: list[MemberOfGroup] = []

    def is_own(self, message: bytes) -> bool:
        """True for what was said to the key server of this very device."""
        return message in self._to_self

    def take(self) -> tuple[list[Outgoing], list[MemberOfGroup]]:
        """What is to be sent, and what happened since the last call."""
        outgoing, self._datagrams = self._datagrams, []
        events, self._events = self._events, []
        return outgoing, events

    def add(self, site: Site, datagrams: list[bytes]) -> None:
        """A site has done something: what it sends, and what its diary says of it."""
        self._datagrams += [self._outgoing(site, datagram) for datagram in datagrams]
        if site.member is None:
            return
        for event in site.member.diary.take():
            site.pushes += event.event == "rekeyed"
            if event.event in ("refused", "registered"):
                site.last_failure = event.reason or ""
            address, traffic = site.member.address or "", site.member.keys.traffic
            packet = self._packet(site, event)
            self._events.append(MemberOfGroup(site.settings.name, event, address, traffic, packet))

    def _outgoing(self, site: Site, datagram: bytes) -> Outgoing:
        """Where a datagram goes: to the port of key servers, or that of RFC 3947."""
        port, sent, door = self._plane.floating_port, datagram, Door.GDOI
        to, member = (site.server, self._plane.local[1]), site.member
        if member is not None and member.registrations.floats(datagram) and port is not None:
            sent, door, to = floating(datagram), Door.FLOATING, (site.server, port)
        if member is not None and exchange_of(datagram) == GdoiExchange.GROUPKEY_PUSH_ACK:
            to = member.pushed_from or to
        if to[0] == self._plane.local[0]:
            self._to_self.append(datagram)
        return Outgoing(sent, (to,), door)

    @staticmethod
    def _packet(site: Site, event: MemberEvent) -> bytes:
        """What a site sends to the others when its keys have changed: do they understand it?"""
        assert site.member is not None
        tek = site.member.keys.traffic.sending
        if event.held is None or tek is None or not can_encrypt(tek):
            return b""
        return site.seal(tek)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How IPv4 packets leave and reach a device: through its VPNs, in clear, or not at all.

It is an end of traffic, never on the way of it: an address of an interface stands for the hosts
behind that interface. What comes in clear is taken only where the same VPN would send it in clear.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from ipaddress import IPv4Address

from ..member.esp import SPI_LENGTH
from .host import Host
from .packets import ESP, ICMP, USUAL_TTL, Echo, Ipv4, NotUnderstood
from .site import Site, Treatment

_DROPPED_IN_CLEAR = {
    Treatment.PROTECTED: "discard-errors",
    Treatment.FAILED_CLOSED: Treatment.FAILED_CLOSED.value,
}


class Forwarding:
    """A device's addresses, routes and VPNs as they are just now."""

    def __init__(self, host: Host, sites: Collection[Site]) -> None:
        self._host, self._sites = host, sites

    def send(self, packet: Ipv4, now: float) -> bytes | None:
        """The packet as it leaves; None when it is dropped."""
        site = self._site_for(packet.source, packet.destination)
        if site is None:
            return packet.encode()
        treatment = site.treatment(packet.source, packet.destination, packet.protocol)
        site.counted[treatment.value] += 1
        if treatment.in_clear:
            return packet.encode()
        protected = site.protect(packet, now) if treatment is Treatment.PROTECTED else None
        return protected.encode() if protected is not None else None

    def accept(self, octets: bytes, now: float) -> Ipv4 | None:
        """What a packet brings to an address of the device; None when it is dropped."""
        try:
            packet = Ipv4.decode(octets)
        except NotUnderstood:
            return None
        if packet.destination not in self._host.ports:
            return None
        if packet.protocol == ESP:
            return self._unprotected(packet, now)
        return packet if self._may_come_in_clear(packet) else None

    def answer(self, octets: bytes, now: float) -> bytes | None:
        """The reply to an echo request that reaches the device."""
        packet = self.accept(octets, now)
        if packet is None or packet.protocol != ICMP:
            return None
        try:
            request = Echo.decode(packet.payload)
        except NotUnderstood:
            return None
        if request.is_reply or self._host.source_towards(packet.source) is None:
            return None
        reply = replace(
            packet,
            source=packet.destination,
            destination=packet.source,
            payload=replace(request, is_reply=True).encode(),
            ttl=USUAL_TTL,
        )
        return self.send(reply, now)

    def _site_for(self, local: IPv4Address, other: IPv4Address) -> Site | None:
        """The VPN that traffic between an address of the device and another goes through."""
        port = self._host.ports.get(local)
        if port is None or other in self._host.ports:
            return None
        return next((site for site in self._sites if site.concerns(port, local, other)), None)

    def _unprotected(self, packet: Ipv4, now: float) -> Ipv4 | None:
        """What is in ESP, by the VPN that has a key for it; others count it as unknown."""
        spi = packet.payload[:SPI_LENGTH]
        members = [site for site in self._sites if site.member is not None]
        holders = [site for site in members if site.receives(spi)]
        concerned = self._site_for(packet.destination, packet.source)
        for site in holders[:1] or [site for site in members if site is concerned]:
            inner = site.unprotect(packet, now)
            if inner is not None and inner.destination in self._host.ports:
                return inner
        return None

    def _may_come_in_clear(self, packet: Ipv4) -> bool:
        site = self._site_for(packet.destination, packet.source)
        if site is None:
            return True
        treatment = site.treatment(packet.destination, packet.source, packet.protocol)
        if treatment.in_clear:
            return True
        site.counted[_DROPPED_IN_CLEAR[treatment]] += 1
        return False

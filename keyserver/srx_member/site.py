# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One VPN of a device that is a member: its member, its counters, what it does with packets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import Enum
from ipaddress import IPv4Address

from ..gdoi.numbers import AddressPreservation, EncapsulationMode
from ..member.associations import TrafficSelector
from ..member.esp import (
    NO_NEXT_HEADER,
    SPI_LENGTH,
    Fate,
    Opened,
    can_encrypt,
    opened,
    sealed,
)
from ..member.machine import GroupMember
from ..member.traffic import InstalledTek
from .host import Port
from .packets import ESP, IPV4_IN_IP, Ipv4, NotUnderstood
from .scope import covered, networks_of
from .settings import Enrolment, VpnSettings


class Treatment(Enum):
    """What a VPN does with traffic, and the counter of Junos' statistics that tells of it."""

    EXCLUDED = "exclude-created-sess"
    PROTECTED = "dynamic-policy-created-sess"
    FAILED_OPEN = "failopen-created-sess"
    FAILED_CLOSED = "failclose-dropped-pkts"

    @property
    def in_clear(self) -> bool:
        """True when the traffic passes as it is."""
        return self in (Treatment.EXCLUDED, Treatment.FAILED_OPEN)


@dataclass(frozen=True)
class Place:
    """Where the key server of a member's keys is now."""

    number: int
    member: GroupMember


@dataclass
class Site:
    """One VPN, and its member while it can register; ``index`` names it for as long as it is."""

    settings: VpnSettings
    index: int
    member: GroupMember | None = None
    pushes: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    last_failure: str = ""
    _sequences: Counter[bytes] = field(default_factory=Counter)

    @property
    def server(self) -> str:
        """The key server that it talks to, or would."""
        enrolment = self.settings.enrolment
        if enrolment is None or self.member is None:
            return ""
        return enrolment.servers[self.member.registrations.server]

    @property
    def keys_from(self) -> str:
        """The key server that its keys came from last; before that, the one that it talks to."""
        enrolment = self.settings.enrolment
        if enrolment is None or self.member is None or self.member.registrations.granted_by is None:
            return self.server
        return enrolment.servers[self.member.registrations.granted_by]

    def place_in(self, other: Enrolment) -> Place | None:
        """The key server whose keys it has, in another enrolment; None where that is not it."""
        own, member = self.settings.enrolment, self.member
        if (
            own is None
            or member is None
            or member.registrations.granted_by is None
            or not self.is_up
        ):
            return None
        number = other.place_of(own, member.registrations.granted_by)
        return Place(number, member) if number is not None else None

    @property
    def is_up(self) -> bool:
        """True while it holds a key to send with."""
        return self.member is not None and bool(self.member.keys.traffic.sends_with)

    def concerns(self, port: Port, source: IPv4Address, destination: IPv4Address) -> bool:
        """True when traffic between an address of the device and another goes through this VPN.

        It does from the zones that it is attached to, but for the interface that ESP leaves by;
        Group VPNv1 takes what its scope policies are for.
        """
        settings = self.settings
        inside = settings.zones is not None and port.zone in settings.zones
        scopes = settings.scopes
        return (
            inside
            and port.interface != settings.external_interface
            and (not scopes or any(s.holds(source, destination) for s in scopes))
        )

    def treatment(self, source: IPv4Address, destination: IPv4Address, protocol: int) -> Treatment:
        """What happens to traffic that the device sends, first match first."""
        ends = (source, destination, protocol)
        if any(rule.covers(*ends) for rule in self.settings.exclude):
            return Treatment.EXCLUDED
        if self._tek_for(*ends) is not None:
            return Treatment.PROTECTED
        if not self.is_up and any(rule.covers(*ends) for rule in self.settings.fail_open):
            return Treatment.FAILED_OPEN
        return Treatment.FAILED_CLOSED

    def _tek_for(
        self, source: IPv4Address, destination: IPv4Address, protocol: int
    ) -> InstalledTek | None:
        if self.member is None:
            return None
        traffic = self.member.keys.traffic
        for selector in traffic.selectors:
            tek = traffic.sending_for(selector)
            selected = _selects(selector, source, destination, protocol)
            if selected and tek is not None and can_encrypt(tek):
                return tek
        return None

    def narrow(self, now: float) -> None:
        """What lies outside the scope policies is not installed, and what was goes."""
        scopes = self.settings.scopes
        if self.member is not None:
            self.member.take_only(lambda policy: not scopes or covered(policy, scopes), now)

    def leave(self, now: float) -> list[bytes]:
        """It is configured no longer: what its member says at the end."""
        return self.member.leave(now) if self.member is not None else []

    # Packets

    def seal(
        self, tek: InstalledTek, payload: bytes = b"", following: int = NO_NEXT_HEADER
    ) -> bytes:
        """ESP under a key that it sends with; a dummy packet without a payload."""
        self._sequences[tek.spi] += 1
        packet = sealed(tek, self._sequences[tek.spi], payload, following)
        self.counted["esp-encrypted-packets"] += 1
        self.counted["esp-encrypted-bytes"] += len(packet)
        return packet

    def open(self, packet: bytes, now: float) -> Opened:
        """What it makes of ESP that comes in, under a key that it holds or not."""
        assert self.member is not None
        spi = packet[:SPI_LENGTH]
        found = opened(packet, self.member.keys.traffic.receiving(spi))
        self.counted[found.fate.value] += 1
        if found.fate is Fate.DECRYPTED:
            self.counted["esp-decrypted-bytes"] += len(packet)
        self.member.recovery.heard(spi.hex(), now)
        return found

    def receives(self, spi: bytes) -> bool:
        """True while it holds a key to receive with under that SPI."""
        return self.member is not None and self.member.keys.traffic.receiving(spi) is not None

    def protect(self, packet: Ipv4, now: float) -> Ipv4 | None:
        """The packet in ESP; its addresses stay those outside as far as the policy says so."""
        tek = self._tek_for(packet.source, packet.destination, packet.protocol)
        if tek is None or self.member is None:
            return None
        self.member.recovery.sent(now)
        if tek.sa.mode is EncapsulationMode.TRANSPORT:
            octets = self.seal(tek, packet.payload, packet.protocol)
            return replace(packet, protocol=ESP, payload=octets)
        octets = self.seal(tek, packet.encode(), IPV4_IN_IP)
        return replace(packet, source=self._outside(tek, packet), protocol=ESP, payload=octets)

    def _outside(self, tek: InstalledTek, packet: Ipv4) -> IPv4Address:
        """The source of a tunnelled packet: its own, or where this end of the tunnel is."""
        enrolment = self.settings.enrolment
        if enrolment is None or tek.sa.preservation is not AddressPreservation.DESTINATION_ONLY:
            return packet.source
        return IPv4Address(enrolment.local_address)

    def unprotect(self, packet: Ipv4, now: float) -> Ipv4 | None:
        """What is in an ESP packet, where it may be there."""
        found = self.open(packet.payload, now)
        if found.fate is not Fate.DECRYPTED or self.member is None:
            return None
        self.member.recovery.received()
        if found.following == NO_NEXT_HEADER:
            return None
        try:
            inner = _inner(packet, found)
        except NotUnderstood:
            self.counted["bad-headers"] += 1
            return None
        if not self._may_bring(packet.payload[:SPI_LENGTH], inner):
            self.counted["ts-check-fail-errors"] += 1
            return None
        return inner

    def _may_bring(self, spi: bytes, inner: Ipv4) -> bool:
        """True when that association is for such traffic (RFC 4301 §5.2)."""
        assert self.member is not None
        return any(
            _selects(selector, inner.source, inner.destination, inner.protocol)
            and any(tek.spi == spi for tek in teks)
            for selector, teks in self.member.keys.traffic.selectors.items()
        )


def _selects(
    selector: TrafficSelector, source: IPv4Address, destination: IPv4Address, protocol: int
) -> bool:
    ends = ((source, selector.source), (destination, selector.destination))
    return selector.protocol in (0, protocol) and all(
        any(address in one for one in networks_of(chosen)) for address, chosen in ends
    )


def _inner(packet: Ipv4, found: Opened) -> Ipv4:
    if found.following == IPV4_IN_IP:
        return Ipv4.decode(found.payload)
    return replace(packet, protocol=found.following, payload=found.payload)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a member holds: KEKs and TEKs with their lives, as grants and pushes bring them.

A push is checked as a whole before anything of it is installed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa

from ..gdoi.acknowledgement import is_supported
from ..gdoi.numbers import (
    KEK_DELETE_PROTOCOL,
    GapAttribute,
    IpsecAttribute,
    KekAttribute,
    KeyPacketType,
    TekKeyAttribute,
    TekProtocol,
)
from ..gdoi.payloads import GroupSa, KeyDownload, KeyPacket, Profile, SaTek, Selector
from ..gdoi.pull import Grant
from ..gdoi.push import Kek, Push, kek_of
from ..ike.numbers import IdType
from ..ike.wire import MalformedPayload, attribute_map

_DEFAULT_LIFETIME = 3600
_LONGEST_LIFETIME = 10 * 365 * 86400
_CLASS_D = 0b1110


@dataclass
class InstalledKek:
    """A KEK in use; ``last_push`` is the newest accepted push, to acknowledge it again."""

    kek: Kek
    public_key: rsa.RSAPublicKey
    sequence: int
    expires: float
    ack_algorithm: int | None
    multicast: tuple[str, int] | None
    last_push: bytes = field(default=b"", repr=False)
    last_push_sequence: int = 0


@dataclass(frozen=True)
class InstalledTek:
    """A TEK in use for one selector."""

    spi: bytes
    transform: int
    keys: KeyPacket = field(repr=False)
    expires: float


SelectorKey = tuple[int, int, Selector, Selector]


def _lifetime(number: int | None) -> int:
    return min(number or _DEFAULT_LIFETIME, _LONGEST_LIFETIME)


class MemberKeys:
    """Everything that is installed at one member."""

    def __init__(self, profile: Profile = Profile.RFC6407) -> None:
        self._profile = profile
        self.keks: dict[bytes, InstalledKek] = {}
        self.current_kek: bytes | None = None
        self.teks: dict[SelectorKey, list[InstalledTek]] = {}
        self.activation_time_delay = 0
        self.heartbeat: int | None = None

    @property
    def kek(self) -> InstalledKek | None:
        """The KEK that the next push should be under."""
        return self.keks.get(self.current_kek) if self.current_kek else None

    def tek_spis(self) -> tuple[str, ...]:
        """SPIs of the TEKs to send with, in hex."""
        return tuple(sorted({teks[0].spi.hex() for teks in self.teks.values()}))

    def install_grant(self, grant: Grant, now: float) -> None:
        """A registration: what it brings replaces everything. Raises MalformedPayload."""
        kek = self._kek(grant.policy, grant.keys, now)
        teks = _teks(grant.policy, grant.keys, now)
        if kek is not None:
            kek.sequence = grant.sequence.number if grant.sequence else 0
        self.keks = {kek.kek.spi: kek} if kek else {}
        self.current_kek = kek.kek.spi if kek else None
        self.teks = {}
        self._add(teks)
        self._note_gap(grant.policy)
        attributes = grant.policy.gap.attributes if grant.policy.gap else ()
        self.heartbeat = next(
            (a.number for a in attributes if a.type == GapAttribute.HEARTBEAT_INTERVAL), None
        )

    def install_push(self, push: Push, under: InstalledKek, now: float) -> None:
        """An authentic push. Raises MalformedPayload and then has changed nothing."""
        policy, keys = push.policy, push.keys
        kek, teks = None, []
        if policy is not None and keys is not None:
            kek = self._kek(policy, keys, now)
            teks = _teks(policy, keys, now)
        for delete in push.deletes:
            self._delete(delete.protocol, delete.spis)
        self._add(teks)
        if policy is not None:
            self._note_gap(policy)
        if kek is None:
            return
        known = self.keks.get(kek.kek.spi)
        if known is not None:
            # Some servers name the KEK in every push: its count must not begin anew.
            known.expires, known.ack_algorithm = kek.expires, kek.ack_algorithm
            return
        self.keks[kek.kek.spi] = kek
        self.current_kek = kek.kek.spi

    def _kek(self, policy: GroupSa, keys: KeyDownload, now: float) -> InstalledKek | None:
        packets = [packet for packet in keys.packets if packet.type == KeyPacketType.KEK]
        if policy.kek is None:
            if packets:
                raise MalformedPayload("KD: a KEK without a policy for it")
            return None
        if len(packets) != 1:
            raise MalformedPayload(f"KD: {len(packets)} KEK key packets")
        # The reference implementation names the old KEK when it rolls.
        old_name = self._profile is Profile.CISCO_REFERENCE and packets[0].spi in self.keks
        if packets[0].spi != policy.kek.spi and not old_name:
            raise MalformedPayload("KEK SPI differs between SAK and KD")
        kek, public_key = kek_of(policy.kek, packets[0])
        attributes = attribute_map(policy.kek.attributes, "SAK")

        def number(kind: KekAttribute) -> int | None:
            return attributes[kind].number if kind in attributes else None

        ack = number(KekAttribute.ACK_REQUESTED)
        if ack is not None and not is_supported(ack):
            raise MalformedPayload(f"SAK: acknowledgement algorithm {ack} is unknown")
        expires = now + _lifetime(number(KekAttribute.KEY_LIFETIME))
        return InstalledKek(kek, public_key, 0, expires, ack, _multicast(policy.kek.destination))

    def _add(self, teks: list[tuple[SelectorKey, InstalledTek]]) -> None:
        for selector, tek in sorted(teks, key=lambda pair: pair[1].expires):
            known = [t for t in self.teks.get(selector, []) if t.spi != tek.spi]
            self.teks[selector] = [tek, *known]

    def _delete(self, protocol: int, spis: tuple[bytes, ...]) -> None:
        everything = any(not any(spi) for spi in spis)
        if protocol == KEK_DELETE_PROTOCOL:
            for spi in list(self.keks) if everything else spis:
                self.keks.pop(spi, None)
            if self.current_kek not in self.keks:
                self.current_kek = None
        elif protocol in set(TekProtocol):
            for selector, teks in list(self.teks.items()):
                kept = [] if everything else [t for t in teks if t.spi not in spis]
                if kept:
                    self.teks[selector] = kept
                else:
                    del self.teks[selector]
        else:
            raise MalformedPayload(f"D: protocol {protocol}")

    def _note_gap(self, policy: GroupSa) -> None:
        for attribute in policy.gap.attributes if policy.gap else ():
            if attribute.type == GapAttribute.ACTIVATION_TIME_DELAY:
                self.activation_time_delay = attribute.number

    def expire(self, now: float) -> list[str]:
        """Drop what is over; the SPIs in hex that went."""
        gone = {spi.hex() for spi, kek in self.keks.items() if kek.expires <= now}
        self.keks = {spi: kek for spi, kek in self.keks.items() if kek.expires > now}
        if self.current_kek not in self.keks:
            self.current_kek = None
        for selector, teks in list(self.teks.items()):
            gone |= {tek.spi.hex() for tek in teks if tek.expires <= now}
            living = [tek for tek in teks if tek.expires > now]
            if living:
                self.teks[selector] = living
            else:
                del self.teks[selector]
        return sorted(gone)

    def first_end(self) -> float | None:
        """When the first key without a successor ends."""
        ends = [teks[0].expires for teks in self.teks.values()]
        if self.kek is not None:
            ends.append(self.kek.expires)
        return min(ends, default=None)

    def next_expiry(self) -> float | None:
        """When :meth:`expire` has something to do."""
        ends = [tek.expires for teks in self.teks.values() for tek in teks]
        ends += [kek.expires for kek in self.keks.values()]
        return min(ends, default=None)

    def clear(self) -> None:
        """Forget everything."""
        self.keks, self.current_kek, self.teks, self.heartbeat = {}, None, {}, None


def _multicast(destination: Selector) -> tuple[str, int] | None:
    is_address = destination.type == IdType.IPV4_ADDR and len(destination.data) == 4
    if is_address and destination.data[0] >> 4 == _CLASS_D:
        return str(destination), destination.port
    return None


def _teks(policy: GroupSa, keys: KeyDownload, now: float) -> list[tuple[SelectorKey, InstalledTek]]:
    packets = {p.spi: p for p in keys.packets if p.type == KeyPacketType.TEK}
    count = sum(packet.type == KeyPacketType.TEK for packet in keys.packets)
    if {tek.spi for tek in policy.teks} != set(packets) or count != len(packets):
        raise MalformedPayload("keys do not match the policy")
    found = []
    for tek in policy.teks:
        packet = packets[tek.spi]
        attribute_map(packet.attributes, "TEK key packet")
        if not {a.type for a in packet.attributes} <= set(TekKeyAttribute):
            raise MalformedPayload("KD: unknown TEK attribute")
        installed = InstalledTek(tek.spi, tek.transform, packet, now + _tek_lifetime(tek))
        found.append(((tek.protocol_id, tek.protocol, tek.source, tek.destination), installed))
    return found


def _tek_lifetime(tek: SaTek) -> int:
    known = attribute_map(tek.attributes, "SAT")
    unknown = set(known) - set(IpsecAttribute)
    if unknown:
        # RFC 6407 §5.5.1.1 with RFC 2407 §4.5: what is not understood is not installed.
        raise MalformedPayload(f"SAT: unknown attribute {min(unknown)}")
    life = known.get(IpsecAttribute.LIFE_DURATION)
    return _lifetime(life.number if life else None)

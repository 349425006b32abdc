# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a member holds: KEKs and TEKs with their lives, as grants and pushes bring them.

A push or a grant is checked as a whole before anything of it is installed.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric import rsa

from ..gdoi.acknowledgement import is_supported
from ..gdoi.numbers import (
    KEK_DELETE_PROTOCOL,
    GapAttribute,
    KekAttribute,
    KekKeyAttribute,
    KeyPacketType,
    TekProtocol,
)
from ..gdoi.payloads import GroupSa, KeyDownload, Profile, SaKek, Selector
from ..gdoi.pull import Grant
from ..gdoi.push import Kek, Push, check_kek_algorithms, kek_of
from ..ike.numbers import IdType
from ..ike.wire import MalformedPayload, attribute_map
from ..lab import Timing
from .associations import LONGEST_LIFETIME, TrafficKeys, TrafficSa, traffic_keys, traffic_sa
from .traffic import Arrival, Changes, GroupDelays, InstalledTek, SelectorKey, Traffic, lateness

_DEFAULT_KEK_LIFETIME = 3600
_CLASS_D = 0b1110
# Pushes of a KEK that are known again when a copy comes, however late.
_RECENT_PUSHES = 16
# Key packets that a member has a use for, or may pass over: sender ids are for counter modes.
_KEY_PACKETS = (KeyPacketType.TEK, KeyPacketType.KEK, KeyPacketType.SID)

Associations = list[tuple[SelectorKey, TrafficSa]]


@dataclass
class InstalledKek:
    """A KEK in use; ``recent`` are accepted pushes by digest, to acknowledge them again."""

    kek: Kek
    public_key: rsa.RSAPublicKey
    sequence: int
    expires: float
    ack_algorithm: int | None
    multicast: tuple[str, int] | None
    recent: OrderedDict[bytes, int] = field(default_factory=OrderedDict, repr=False)

    def remember(self, datagram: bytes, sequence: int) -> None:
        """A push was accepted."""
        self.recent[hashlib.sha256(datagram).digest()] = sequence
        if len(self.recent) > _RECENT_PUSHES:
            self.recent.popitem(last=False)

    def known(self, datagram: bytes) -> int | None:
        """The sequence number of a push that was accepted before; None for a new one."""
        return self.recent.get(hashlib.sha256(datagram).digest())


class MemberKeys:
    """Everything that is installed at one member."""

    def __init__(self, profile: Profile = Profile.RFC6407, timing: Timing = Timing.JUNOS) -> None:
        self._profile, self._timing = profile, timing
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.keks: dict[bytes, InstalledKek] = {}
        self.current_kek: bytes | None = None
        self.heartbeat: int | None = None
        self.traffic = Traffic(self._timing)

    def forget_keks(self) -> None:
        """Forget every KEK; traffic keys stay."""
        self.keks, self.current_kek = {}, None

    @property
    def kek(self) -> InstalledKek | None:
        """The KEK that the next push should be under."""
        return self.keks.get(self.current_kek) if self.current_kek else None

    @property
    def teks(self) -> dict[SelectorKey, list[InstalledTek]]:
        """The TEKs of each selector, newest first."""
        return self.traffic.selectors

    @property
    def activation_delay(self) -> int:
        """The group's activation time delay in seconds; 0 where it names none."""
        return self.traffic.delays.activation or 0

    def tek_spis(self) -> tuple[str, ...]:
        """SPIs of the TEKs to send with, in hex."""
        return tuple(sorted(self.traffic.sends_with))

    def install_grant(self, grant: Grant, now: float) -> Changes:
        """A registration. What is held already stays for receiving. Raises MalformedPayload."""
        policy = grant.sa
        kek = self._kek(policy, grant.keys, now)
        teks = _teks(policy, grant.keys, self._profile)
        arrival = Arrival.REGISTRATION if self.teks else Arrival.FIRST_REGISTRATION
        known = self.keks.get(kek.kek.spi) if kek is not None else None
        number = grant.sequence.number if grant.sequence else 0
        # RFC 6407 §3.3: with a lower number than what a push had meanwhile, it is the older word.
        stale = known is not None and number < known.sequence
        self.traffic.delays = _delays(_check_gap(policy), GroupDelays())
        self.heartbeat = _check_gap(policy).get(GapAttribute.HEARTBEAT_INTERVAL)
        self.traffic.add(teks, arrival, now, stale=stale)
        if not stale:
            self.traffic.retire_others({selector for selector, _, _ in teks}, now)
            self.current_kek = None
        if kek is not None:
            self._enter(kek, max(number, known.sequence if known else 0))
        changes = self.traffic.settle(now)
        # With the first keys nothing changes hands: that event says what is sent with.
        first = arrival is Arrival.FIRST_REGISTRATION
        return replace(changes, activated=()) if first else changes

    def _enter(self, kek: InstalledKek, number: int) -> None:
        """A granted KEK is the current one, unless a push has rolled it meanwhile."""
        kek.sequence = number
        known = self.keks.get(kek.kek.spi)
        if known is not None:
            kek.recent = known.recent
        self.keks[kek.kek.spi] = kek
        if self.current_kek is None:
            self.current_kek = kek.kek.spi

    def install_push(self, push: Push, under: InstalledKek, now: float) -> Changes:
        """An authentic push. Raises MalformedPayload and then has changed nothing."""
        policy, keys = push.sa, push.keys
        kek, teks = None, []
        if policy is not None and keys is not None:
            kek = self._kek(policy, keys, now)
            teks = _teks(policy, keys, self._profile)
        for delete in push.deletes:
            _check_deletion(delete.protocol)
        if policy is not None:
            self.traffic.delays = _delays(_check_gap(policy), self.traffic.delays)
        self.traffic.add(teks, Arrival.PUSH, now)
        for delete in push.deletes:
            self._delete(delete.protocol, delete.spis, now, at_once=policy is None)
        if kek is not None:
            self._roll(kek, now)
        return self.traffic.settle(now)

    def _roll(self, kek: InstalledKek, now: float) -> None:
        known = self.keks.get(kek.kek.spi)
        if known is not None:
            # Some servers name the KEK in every push: its count must not begin anew.
            known.expires, known.ack_algorithm = kek.expires, kek.ack_algorithm
            return
        if self.kek is not None:
            kek.expires -= lateness(self.kek.expires, self.activation_delay, now)
        self.keks[kek.kek.spi] = kek
        self.current_kek = kek.kek.spi

    def check_policy(self, policy: GroupSa) -> None:
        """Raise MalformedPayload that names what of a policy this member cannot do."""
        if policy.kek is not None:
            _check_kek_policy(policy.kek)
        _check_gap(policy)
        _associations(policy)

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
        known = attribute_map(packets[0].attributes, "KEK key packet")
        for kind in sorted(set(known) - set(KekKeyAttribute)):
            raise MalformedPayload(f"KD: KEK attribute {kind} is unknown")
        kek, public_key = kek_of(policy.kek, packets[0])
        numbers = _check_kek_policy(policy.kek)
        if numbers.get(KekAttribute.SIG_KEY_LENGTH, public_key.key_size) != public_key.key_size:
            raise MalformedPayload(
                f"KD: RSA key of {public_key.key_size} bits, SAK attribute 7 (SIG_KEY_LENGTH) has "
                f"{numbers[KekAttribute.SIG_KEY_LENGTH]}"
            )
        life = numbers.get(KekAttribute.KEY_LIFETIME) or _DEFAULT_KEK_LIFETIME
        return InstalledKek(
            kek,
            public_key,
            0,
            now + min(life, LONGEST_LIFETIME),
            numbers.get(KekAttribute.ACK_REQUESTED),
            multicast_of(policy.kek.destination),
        )

    def _delete(self, protocol: int, spis: tuple[bytes, ...], now: float, *, at_once: bool) -> None:
        everything = any(not any(spi) for spi in spis)
        if protocol != KEK_DELETE_PROTOCOL:
            self.traffic.delete(None if everything else spis, now, at_once=at_once)
            return
        for spi in list(self.keks) if everything else spis:
            self.keks.pop(spi, None)
        if self.current_kek not in self.keks:
            self.current_kek = None

    def settle(self, now: float) -> Changes:
        """Do what is due: send with what became active, drop what is over."""
        changes = self.traffic.settle(now)
        ended = sorted(spi.hex() for spi, kek in self.keks.items() if kek.expires <= now)
        self.keks = {spi: kek for spi, kek in self.keks.items() if kek.expires > now}
        if self.current_kek not in self.keks:
            self.current_kek = None
        return Changes(changes.activated, changes.dropped, (*changes.expired, *ended))

    def first_end(self) -> float | None:
        """When the first key without a successor ends."""
        ends = [self.traffic.first_end(), self.kek.expires if self.kek is not None else None]
        return min((end for end in ends if end is not None), default=None)

    def next_change(self) -> float | None:
        """When :meth:`settle` has something to do."""
        due = [self.traffic.next_change(), *(kek.expires for kek in self.keks.values())]
        return min((when for when in due if when is not None), default=None)


def _check_kek_policy(policy: SaKek) -> dict[int, int]:
    """The SAK's attributes as numbers; refuses what is not understood."""
    check_kek_algorithms(policy)
    known = attribute_map(policy.attributes, "SAK")
    ack = known.get(KekAttribute.ACK_REQUESTED)
    if ack is not None and not is_supported(ack.number):
        raise MalformedPayload(f"SAK: acknowledgement algorithm {ack.number} is unknown")
    return {kind: attribute.number for kind, attribute in known.items()}


def _check_gap(policy: GroupSa) -> dict[int, int]:
    """The GAP's attributes as numbers; RFC 6407 §5.4: abort on what is not understood."""
    known = attribute_map(policy.gap.attributes if policy.gap else (), "GAP")
    for kind in sorted(set(known) - set(GapAttribute)):
        raise MalformedPayload(f"GAP: attribute {kind} is unknown")
    return {kind: attribute.number for kind, attribute in known.items()}


def _delays(numbers: dict[int, int], otherwise: GroupDelays) -> GroupDelays:
    """The delays of a GAP; what it does not name is as before."""
    return GroupDelays(
        numbers.get(GapAttribute.ACTIVATION_TIME_DELAY, otherwise.activation),
        numbers.get(GapAttribute.DEACTIVATION_TIME_DELAY, otherwise.deactivation),
    )


def _check_deletion(protocol: int) -> None:
    if protocol != KEK_DELETE_PROTOCOL and protocol not in set(TekProtocol):
        raise MalformedPayload(f"D: protocol {protocol}")


def multicast_of(destination: Selector) -> tuple[str, int] | None:
    """Group address and port of a SAK whose pushes are multicast; None for unicast."""
    is_address = destination.type == IdType.IPV4_ADDR and len(destination.data) == 4
    if is_address and destination.data[0] >> 4 == _CLASS_D:
        return str(destination), destination.port
    return None


def _associations(policy: GroupSa) -> Associations:
    return [
        ((tek.protocol_id, tek.protocol, tek.source, tek.destination), traffic_sa(tek))
        for tek in policy.teks
    ]


def _teks(
    policy: GroupSa, keys: KeyDownload, profile: Profile
) -> list[tuple[SelectorKey, TrafficSa, TrafficKeys]]:
    """RFC 6407 §3.3: keys are matched to the SPIs of the policy, each once."""
    for packet in keys.packets:
        if packet.type not in _KEY_PACKETS:
            raise MalformedPayload(f"KD: key packet of type {packet.type} is not supported")
    packets = {p.spi: p for p in keys.packets if p.type == KeyPacketType.TEK}
    count = sum(packet.type == KeyPacketType.TEK for packet in keys.packets)
    if {tek.spi for tek in policy.teks} != set(packets) or count != len(packets):
        raise MalformedPayload("keys do not match the policy")
    return [
        (selector, sa, traffic_keys(sa, packets[sa.spi], profile))
        for selector, sa in _associations(policy)
    ]

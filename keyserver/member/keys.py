# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a member holds: KEKs and TEKs with their lives, as grants and pushes bring them.

A push or a grant is checked as a whole before anything of it is installed.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import dropwhile

from cryptography.hazmat.primitives.asymmetric import rsa

from ..gdoi.numbers import (
    KEK_DELETE_PROTOCOL,
    GapAttribute,
    KekAttribute,
)
from ..gdoi.payloads import GroupSa, KeyDownload, Profile
from ..gdoi.pull import Grant
from ..gdoi.push import Kek, OpenedPush, Push, kek_of, open_push
from ..ike.wire import Header, MalformedPayload
from ..lab.specs import Timing
from .associations import LONGEST_LIFETIME, TrafficSelector, traffic_keys
from .overlap import lateness
from .policy import (
    associations_of,
    check_deletion,
    check_sender_ids,
    check_sequence,
    check_size,
    gap_numbers,
    kek_numbers,
    kek_packet,
    matched,
    multicast_of,
    refuse_kek,
    refuse_sender_ids,
)
from .traffic import Arrival, Changes, GrantedTek, GroupDelays, InstalledTek, Traffic

_DEFAULT_KEK_LIFETIME = 3600
# Pushes of a KEK that are known again when a copy comes, however late.
_RECENT_PUSHES = 16


@dataclass
class InstalledKek:
    """A KEK in use.

    ``life`` is what it was said to have when it came, ``recent`` are accepted pushes by digest, to
    acknowledge them again. ``heard`` is the number of the last push since an attempt to register
    began.
    """

    kek: Kek
    public_key: rsa.RSAPublicKey
    sequence: int
    life: float
    expires: float
    ack_algorithm: int | None
    multicast: tuple[str, int] | None
    recent: OrderedDict[bytes, int] = field(default_factory=OrderedDict, repr=False)
    heard: int = 0

    def count(self, sequence: int) -> None:
        """An authentic push has this number."""
        self.sequence = self.heard = sequence

    def opened(self, header: Header, datagram: bytes, profile: Profile) -> OpenedPush:
        """A push that is authentic, and newer than those before. Raises MalformedPayload."""
        push = open_push(header, datagram, self.kek, profile)
        # RFC 6407 §7.3.4: the sequence number is looked at before the costly signature.
        if push.sequence <= self.sequence:
            raise MalformedPayload(f"SEQ {push.sequence} after {self.sequence}: replayed")
        if not push.verify(self.public_key):
            raise MalformedPayload("SIG does not match")
        return push

    def remember(self, datagram: bytes, sequence: int) -> None:
        """A push was accepted."""
        self.recent[hashlib.sha256(datagram).digest()] = sequence
        if len(self.recent) > _RECENT_PUSHES:
            self.recent.popitem(last=False)

    def known(self, datagram: bytes) -> int | None:
        """The sequence number of a push that was accepted before; None for a new one."""
        return self.recent.get(hashlib.sha256(datagram).digest())


@dataclass(frozen=True)
class _Word:
    """A push that brought a policy: under which KEK, and when."""

    kek: bytes
    push: Push
    policy: GroupSa
    at: float

    def follows(self, kek: bytes, sequence: int) -> bool:
        """True when it is under that KEK, and newer."""
        return self.kek == kek and self.push.sequence > sequence

    @property
    def rolls(self) -> bool:
        """True when it brought another KEK."""
        return self.policy.kek is not None and self.policy.kek.spi != self.kek

    def deleted(self, teks: list[GrantedTek]) -> dict[int, set[bytes]]:
        """By protocol, the SPIs of these that it deleted: not what it brought itself."""
        own = {tek.spi for tek in self.policy.teks}
        return {
            delete.protocol: {
                tek.sa.spi
                for tek in teks
                if tek.sa.spi not in own and (_is_all(delete.spis) or tek.sa.spi in delete.spis)
            }
            for delete in self.push.deletes
        }


class MemberKeys:
    """Everything that is installed at one member."""

    def __init__(self, profile: Profile = Profile.RFC6407, timing: Timing = Timing.JUNOS) -> None:
        self.profile, self._timing = profile, timing
        # Which policies of the group are this member's; the others are not installed.
        self.takes: Callable[[TrafficSelector], bool] = lambda selector: True
        # The key server has said in phase 1 that it knows our private attributes.
        self.extended = False
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.keks: dict[bytes, InstalledKek] = {}
        self.current_kek: bytes | None = None
        # Since an attempt to register began; None while none goes on.
        self._since: list[_Word] | None = None
        self.heartbeat: int | None = None
        self.traffic = Traffic(self._timing)

    def spis(self) -> tuple[str, ...]:
        """Every SPI that is held, in hex."""
        held = {tek.spi.hex() for teks in self.teks.values() for tek in teks}
        return tuple(sorted(held | {spi.hex() for spi in self.keks}))

    def keep_own(self) -> tuple[str, ...]:
        """Forget TEKs of policies that this member does not take (any longer); their SPIs."""
        before = {tek.spi.hex() for teks in self.teks.values() for tek in teks}
        for selector in [one for one in self.teks if not self.takes(one)]:
            self.traffic.forget(selector)
        left = {tek.spi.hex() for teks in self.teks.values() for tek in teks}
        return tuple(sorted(before - left))

    def forget_keks(self) -> None:
        """Forget every KEK; traffic keys stay."""
        self.keks, self.current_kek = {}, None

    @property
    def kek(self) -> InstalledKek | None:
        """The KEK that the next push should be under."""
        return self.keks.get(self.current_kek) if self.current_kek else None

    @property
    def teks(self) -> dict[TrafficSelector, list[InstalledTek]]:
        """The TEKs of each selector, newest first."""
        return self.traffic.selectors

    @property
    def activation_delay(self) -> int:
        """The group's activation time delay in seconds; 0 where it names none."""
        return self.traffic.delays.activation or 0

    def tek_spis(self) -> tuple[str, ...]:
        """SPIs of the TEKs to send with, in hex."""
        return tuple(sorted(self.traffic.sends_with))

    def begin(self, now: float) -> None:
        """An attempt to register begins."""
        self.traffic.asked = now
        for kek in self.keks.values():
            kek.heard = 0
        self._since = []

    def install_grant(self, grant: Grant, now: float) -> Changes:
        """A registration. What is held already stays for receiving. Raises MalformedPayload."""
        kek, teks = self._kek(grant.sa, grant.keys, now), self._teks(grant.sa, grant.keys)
        check_sequence(grant)
        check_sender_ids(grant.keys)
        first = not self.teks
        known = self._counted(kek) if kek is not None else None
        number = grant.sequence.number if grant.sequence else 0
        newer = self._newer(known, number)
        self.heartbeat = self._heed(grant.sa, GroupDelays()).get(GapAttribute.HEARTBEAT_INTERVAL)
        self._install(
            teks, newer, Arrival.FIRST_REGISTRATION if first else Arrival.REGISTRATION, now
        )
        if not any(one.rolls for one in newer):
            self.current_kek = None
        if kek is not None:
            self._enter(kek, known, number)
        changes = self.traffic.settle(now)
        # With the first keys nothing changes hands: that event says what is sent with.
        return replace(changes, activated=()) if first else changes

    def _newer(self, kek: InstalledKek | None, number: int) -> list[_Word]:
        """Pushes since the attempt began that are a newer word than a grant of that number.

        RFC 6407 §3.3. Lower than before the attempt: the key server began anew with what it had
        once.
        """
        if kek is None or self._since is None:
            return []
        return [*dropwhile(lambda one: not one.follows(kek.kek.spi, number), self._since)]

    def _install(
        self, teks: list[GrantedTek], newer: list[_Word], arrival: Arrival, now: float
    ) -> None:
        """What a grant brings; what pushes brought meanwhile is newer, for the same traffic."""
        for word in newer:
            self._heed(word.policy, self.traffic.delays)
        brought = {sa.selector for word in newer for sa in associations_of(word.policy)}
        self.traffic.add(teks, arrival, now, older=brought)
        for word in newer:
            for protocol, spis in word.deleted(teks).items():
                self.traffic.delete(protocol, spis, word.at, at_once=False)
        self.traffic.retire_others({tek.sa.selector for tek in teks} | brought, now)
        self._since = None

    def _counted(self, kek: InstalledKek) -> InstalledKek | None:
        """The same KEK, of the same key server: another of a cluster signs and counts by itself."""
        known = self.keks.get(kek.kek.spi)
        own = known.public_key.public_numbers() if known is not None else None
        return known if own == kek.public_key.public_numbers() else None

    def _heed(self, policy: GroupSa, before: GroupDelays) -> dict[int, int]:
        """The numbers of a policy's GAP (RFC 6407 §5.4); its delays hold from now on."""
        gap = gap_numbers(policy, extended=self.extended)
        self.traffic.delays = _delays(gap, before)
        return gap

    def _enter(self, kek: InstalledKek, known: InstalledKek | None, number: int) -> None:
        """A granted KEK is the current one, unless a push has rolled it meanwhile."""
        kek.sequence = number
        if known is not None:
            kek.sequence, kek.recent = max(number, known.heard), known.recent
        self.keks[kek.kek.spi] = kek
        if self.current_kek is None:
            self.current_kek = kek.kek.spi

    def install_push(self, push: Push, under: InstalledKek, now: float) -> Changes:
        """An authentic push. Raises MalformedPayload and then has changed nothing."""
        kek, teks = self._brought(push, now)
        granted = {tek.sa.spi for tek in teks} | {kek.kek.spi for kek in (kek,) if kek}
        for delete in push.deletes:
            check_deletion(delete, granted)
        if push.sa is not None:
            if self._since is not None:
                self._since.append(_Word(under.kek.spi, push, push.sa, now))
            self._heed(push.sa, self.traffic.delays)
        # RFC 6407 §4: D stands in front of what the same push brings, which it does not concern.
        for delete in push.deletes:
            self._delete(delete.protocol, delete.spis, now, at_once=push.sa is None)
        # Junos sends a multicast push once: when it is late, then for everybody.
        self.traffic.repeats = under.multicast is None or self.profile is Profile.CISCO_REFERENCE
        self.traffic.add(teks, Arrival.PUSH, now)
        if kek is not None:
            self._roll(kek, now)
        return self.traffic.settle(now)

    def _brought(self, push: Push, now: float) -> tuple[InstalledKek | None, list[GrantedTek]]:
        """The keys that a push has with it."""
        if push.sa is None or push.keys is None:
            return None, []
        kek = self._kek(push.sa, push.keys, now)
        teks = self._teks(push.sa, push.keys)
        refuse_sender_ids(push.keys)
        return kek, teks

    def _roll(self, kek: InstalledKek, now: float) -> None:
        known = self.keks.get(kek.kek.spi)
        if known is not None:
            # Some servers name the KEK in every push: its count must not begin anew.
            known.expires, known.life = kek.expires, kek.life
            known.ack_algorithm = kek.ack_algorithm
            return
        if self.kek is not None and self.traffic.repeats:
            kek.expires -= lateness(self.kek.expires, kek.life, self.activation_delay, now)
        self.keks[kek.kek.spi] = kek
        self.current_kek = kek.kek.spi

    def check_policy(self, policy: GroupSa) -> None:
        """Raise MalformedPayload that names what of a policy this member cannot do."""
        if policy.kek is not None:
            kek_numbers(policy.kek)
        elif not policy.teks:
            raise MalformedPayload("SA: a SAK or a SAT is missing")
        gap_numbers(policy, extended=self.extended)
        associations_of(policy)

    def _kek(self, policy: GroupSa, keys: KeyDownload, now: float) -> InstalledKek | None:
        if policy.kek is None:
            refuse_kek(keys)
            return None
        # The reference implementation names the old KEK when it rolls.
        also_named = self.keks.keys() if self.profile is Profile.CISCO_REFERENCE else ()
        kek, public_key = kek_of(policy.kek, kek_packet(policy.kek.spi, keys, also_named))
        held = self.keks.get(kek.spi)
        if held is not None and not held.kek.reads_as(kek):
            raise MalformedPayload(f"KD: another key for KEK {kek.spi.hex()}, which is in use")
        numbers = kek_numbers(policy.kek)
        check_size(public_key, numbers)
        told = numbers.get(KekAttribute.KEY_LIFETIME, _DEFAULT_KEK_LIFETIME)
        life = min(told, LONGEST_LIFETIME)
        return InstalledKek(
            kek,
            public_key,
            0,
            life,
            now + life,
            numbers.get(KekAttribute.ACK_REQUESTED),
            multicast_of(policy.kek.destination),
        )

    def _teks(self, policy: GroupSa, keys: KeyDownload) -> list[GrantedTek]:
        self.check_policy(policy)
        packets = matched(policy, keys)
        teks = [
            GrantedTek(sa, traffic_keys(sa, packets[sa.spi], self.profile))
            for sa in associations_of(policy)
            if self.takes(sa.selector)
        ]
        held = {tek.spi: tek for known in self.teks.values() for tek in known}
        for tek in teks:
            known = held.get(tek.sa.spi)
            if known is not None and not known.reads_as(tek):
                spi = tek.sa.spi.hex()
                raise MalformedPayload(f"KD: another key for SPI {spi}, which is in use")
        return teks

    def _delete(self, protocol: int, spis: tuple[bytes, ...], now: float, *, at_once: bool) -> None:
        everything = _is_all(spis)
        if protocol != KEK_DELETE_PROTOCOL:
            self.traffic.delete(protocol, None if everything else spis, now, at_once=at_once)
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
        return replace(changes, expired=(*changes.expired, *ended))

    def first_end(self) -> tuple[float, float] | None:
        """When the first key without a successor ends, and its life when it came."""
        kek = self.kek
        own = (kek.expires, kek.life) if kek is not None else None
        ends = [self.traffic.first_end(pushed=own is not None), own]
        return min((end for end in ends if end is not None), default=None)

    def next_change(self) -> float | None:
        """When :meth:`settle` has something to do."""
        due = [self.traffic.next_change(), *(kek.expires for kek in self.keks.values())]
        return min((when for when in due if when is not None), default=None)


def _is_all(spis: tuple[bytes, ...]) -> bool:
    """True for a D that means everything of its protocol."""
    return any(not any(spi) for spi in spis)


def _delays(numbers: dict[int, int], otherwise: GroupDelays) -> GroupDelays:
    """The delays of a GAP; what it does not name is as before."""
    return GroupDelays(
        numbers.get(GapAttribute.ACTIVATION_TIME_DELAY, otherwise.activation),
        numbers.get(GapAttribute.DEACTIVATION_TIME_DELAY, otherwise.deactivation),
    )

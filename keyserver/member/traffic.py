# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which TEK a member sends with, which ones it receives with, and when that changes.

For each traffic selector the two newest keys are kept, and those that others may still send with;
all of them decrypt, the newest that is active encrypts. A key that was pushed becomes active after
twice the activation time delay, one from a registration that follows another after once that, one
from the first registration at once. The key before it goes one activation time delay later (Junos;
RFC 6407 §5.4.1 and RFC 5374 §4.2.1).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from ..gdoi.numbers import SaDirection
from ..lab.specs import Timing
from .associations import TrafficKeys, TrafficSa, TrafficSelector
from .overlap import Overlap, earliness, lateness, of_ends, of_life

_NEVER = float("inf")
_KEPT = 2


class Arrival(Enum):
    """How keys came to a member."""

    FIRST_REGISTRATION = "first registration"
    REGISTRATION = "registration"
    PUSH = "push"


# How many activation time delays a key waits before it is sent with.
_WAITS = {
    Timing.JUNOS: {Arrival.FIRST_REGISTRATION: 0, Arrival.REGISTRATION: 1, Arrival.PUSH: 2},
    Timing.RFC6407: {Arrival.FIRST_REGISTRATION: 0, Arrival.REGISTRATION: 1, Arrival.PUSH: 1},
}


@dataclass(frozen=True)
class GroupDelays:
    """The group's delays in seconds, as its GAP says; None where it does not."""

    activation: int | None = None
    deactivation: int | None = None


@dataclass(frozen=True, slots=True)
class GrantedTek:
    """A TEK as a registration or a push brings it."""

    sa: TrafficSa
    keys: TrafficKeys = field(repr=False)


@dataclass
class InstalledTek:
    """A TEK for one selector; times in seconds since the epoch.

    ``overlap``: with the key before it; ``activates``: it is sent with from then on; ``retires``:
    never again from then on; ``drops``: it is not even received with.
    """

    sa: TrafficSa
    keys: TrafficKeys = field(repr=False)
    expires: float
    activates: float
    overlap: Overlap
    arrival: Arrival = Arrival.PUSH
    deactivates: float = 0.0
    retires: float = _NEVER
    drops: float = _NEVER

    @property
    def spi(self) -> bytes:
        """Its SPI."""
        return self.sa.spi

    @property
    def life(self) -> float:
        """Seconds that it was said to live when it came."""
        return self.sa.seconds

    @property
    def is_of_known_age(self) -> bool:
        """True when it was made about when it came, or was asked for once more since."""
        return self.arrival is not Arrival.FIRST_REGISTRATION

    def reads_as(self, other: GrantedTek) -> bool:
        """True when what is under that key can be read with this one."""
        sa = other.sa
        is_same = sa.effective(other.keys) == sa.effective(self.keys)
        return is_same and sa.algorithms == self.sa.algorithms

    @property
    def sends(self) -> bool:
        """True when the policy lets members send with it."""
        return self.sa.direction is not SaDirection.RECEIVER_ONLY

    @property
    def receives(self) -> bool:
        """True when the policy lets members receive with it."""
        return self.sa.direction is not SaDirection.SENDER_ONLY


@dataclass(frozen=True)
class Changes:
    """What a look at the clock did: SPIs in hex.

    ``retired``: received with, but sent with no longer, and nothing in their place.
    """

    activated: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()


def _is_over(sa: TrafficSa, newest: TrafficSa) -> bool:
    """Whether a key beside a newer one is named for the last time, to those who still have it.

    ``newest``: of all traffic, for that of this one may not be protected any longer.
    """
    return sa.seconds <= 1 and sa.spi != newest.spi


def _active(teks: list[InstalledTek], now: float) -> Iterator[InstalledTek]:
    """Newest first: those that may be sent with now."""
    return (tek for tek in teks if tek.sends and tek.activates <= now < tek.retires)


class Traffic:
    """The TEKs of a member; ``selectors`` holds them newest first."""

    def __init__(self, timing: Timing = Timing.JUNOS) -> None:
        self.selectors: dict[TrafficSelector, list[InstalledTek]] = {}
        self.delays = GroupDelays()
        # Pushes are repeated: one that is late may be a copy, and others had it in time.
        self.repeats = True
        # When the registration began that brings keys next.
        self.asked = 0.0
        self._waits = _WAITS[timing]
        self._sending: dict[TrafficSelector, InstalledTek] = {}

    # What holds now

    @property
    def sends_with(self) -> tuple[str, ...]:
        """SPIs that are sent with, in hex, in the policy's order, each once."""
        current = (self._sending.get(selector) for selector in self.selectors)
        return tuple(dict.fromkeys(tek.spi.hex() for tek in current if tek is not None))

    @property
    def receives_with(self) -> tuple[str, ...]:
        """SPIs that are received with, in hex, newest first."""
        rows = [tek for teks in self.selectors.values() for tek in teks if tek.receives]
        rows.sort(key=lambda tek: -tek.expires)
        return tuple(dict.fromkeys(tek.spi.hex() for tek in rows))

    @property
    def sending(self) -> InstalledTek | None:
        """The key that traffic of the policy's first selector is sent with."""
        return next((self._sending[s] for s in self.selectors if s in self._sending), None)

    def receiving(self, spi: bytes) -> InstalledTek | None:
        """The key that is received with under that SPI."""
        rows = (tek for teks in self.selectors.values() for tek in teks)
        return next((tek for tek in rows if tek.receives and tek.spi == spi), None)

    def sending_for(self, selector: TrafficSelector) -> InstalledTek | None:
        """The key that this selector's traffic is sent with."""
        return self._sending.get(selector)

    def first_end(self, *, pushed: bool = True) -> tuple[float, float] | None:
        """When the first selector is without a key, should nothing come, and that key's life.

        ``pushed``: a rekey brings the next one. Who has to ask for it must know how long a key
        lives, and the first registration tells what is left of one of any age.
        """
        ends = [
            (teks[0].expires, teks[0].life if pushed or teks[0].is_of_known_age else _NEVER)
            for teks in self.selectors.values()
            if teks[0].retires == _NEVER
        ]
        return min(ends, default=None)

    def next_change(self) -> float | None:
        """When :meth:`settle` has something to do."""
        found = [w for selector in self.selectors for w in self._moments(selector)]
        return min((when for when in found if when != _NEVER), default=None)

    def _moments(self, selector: TrafficSelector) -> Iterable[float]:
        teks, sending = self.selectors[selector], self._sending.get(selector)
        for tek in teks:
            yield min(tek.expires, tek.drops)
        if sending is not None:
            yield sending.retires
        for newer in itertools.takewhile(lambda tek: tek is not sending, teks):
            if newer.sends and newer.activates < newer.retires:
                yield newer.activates

    # Changes

    def add(
        self,
        teks: list[GrantedTek],
        arrival: Arrival,
        now: float,
        older: Collection[TrafficSelector] = (),
    ) -> None:
        """Install what is not there yet; of two for one selector the longer lived is newer.

        ``older``: for these a push has brought newer ones meanwhile; they are for receiving.
        """
        for tek in teks:
            self.selectors.setdefault(tek.sa.selector, [])
        in_order = sorted(teks, key=lambda tek: tek.sa.seconds)
        newest = {tek.sa.selector: tek.sa.spi for tek in in_order}
        for tek in in_order:
            sa, known = tek.sa, self.selectors[tek.sa.selector]
            if any(held.spi == sa.spi for held in known):
                if arrival is Arrival.REGISTRATION:
                    self._told_anew(known, sa, newest[sa.selector], now)
            elif arrival is Arrival.PUSH or not _is_over(sa, in_order[-1].sa):
                # Of two pushes that overtook each other the later one has brought the newest.
                follows = bool(known) and known[0].spi == newest[sa.selector] != sa.spi
                place = len(known) if sa.selector in older else int(follows)
                known.insert(place, self._installed(known, tek, arrival, now))

    def _told_anew(
        self, known: list[InstalledTek], sa: TrafficSa, newest: bytes, now: float
    ) -> None:
        """A registration says when a key ends that is held already."""
        end = now + sa.seconds
        if known[0].spi == sa.spi == newest:
            if known[0].arrival is Arrival.FIRST_REGISTRATION:
                known[0].arrival = Arrival.REGISTRATION
            # What was reckoned from a push that came late may be wrong by as much. The seconds were
            # told at some time since it was asked: on a bad link that is the less exact word.
            known[0].expires = min(max(known[0].expires, self.asked + sa.seconds), end)
            return
        for tek in known:
            # Less is the way that the message took, and whole seconds.
            if tek.spi == sa.spi and tek.expires - end > (self.delays.activation or 0):
                tek.expires = end

    def _installed(
        self, known: list[InstalledTek], fresh: GrantedTek, arrival: Arrival, now: float
    ) -> InstalledTek:
        sa = fresh.sa
        late = self._lateness(known, sa, arrival, now) if known else 0.0
        expires = now + sa.seconds - late
        overlap = self._overlap(known, expires, sa, arrival)
        activates = max(now, self._activation(known, arrival, now - late, overlap))
        tek = InstalledTek(sa, fresh.keys, expires, activates, overlap, arrival)
        if arrival is Arrival.PUSH:
            tek.deactivates = now + (self.delays.deactivation or 0)
        if known and self._others_lag(known[0].expires - now, arrival, overlap, late):
            tek.deactivates = max(tek.deactivates, known[0].expires)
        return tek

    @staticmethod
    def _others_lag(left: float, arrival: Arrival, overlap: Overlap, late: float) -> bool:
        """True when others may send with the key before for longer than can be reckoned.

        Whoever is given both while everybody should have changed is given them because nobody has:
        they heard of the next one with less than usual left of it.
        """
        if arrival is Arrival.FIRST_REGISTRATION:
            return left < overlap.change
        return overlap.is_doubtful(late)

    def _lateness(
        self, known: list[InstalledTek], sa: TrafficSa, arrival: Arrival, now: float
    ) -> float:
        if arrival is not Arrival.PUSH:
            return 0.0
        before, life, delay = known[0], sa.seconds, self.delays.activation or 0
        before.expires -= earliness(before.expires, life, delay, now)
        return lateness(before.expires, life, delay, now) if self.repeats else 0.0

    def _overlap(
        self, known: list[InstalledTek], expires: float, sa: TrafficSa, arrival: Arrival
    ) -> Overlap:
        """A push tells the whole life of a key, a registration what is left of it."""
        delay, wait = self.delays.activation or 0, self._waits[Arrival.PUSH]
        if arrival is Arrival.PUSH or not known:
            return of_life(sa.seconds, delay, wait)
        return of_ends(known[0].expires, expires, delay, wait)

    def _activation(
        self, known: list[InstalledTek], arrival: Arrival, told: float, overlap: Overlap
    ) -> float:
        """When a key is sent with that everybody was told of then.

        One from a registration that follows another: one delay later; but while the key before is
        being replaced, together with all the others: those that register early, not to do so all at
        once, leave the rest the time to, and who was long about it does not go on with a key that
        the others drop.
        """
        if arrival is Arrival.PUSH and not self._sending:
            # Junos waits for the others to have it while they go on with the key before: none is.
            return told
        if not known:
            return told + self._waits[arrival] * overlap.delay
        end = known[0].expires
        wanted = min(told + self._waits_for(arrival) * overlap.delay, end - overlap.earlier)
        if arrival is Arrival.FIRST_REGISTRATION:
            # The others change when the older key has so much of its life left.
            return min(wanted, end - overlap.change)
        if arrival is Arrival.PUSH or told < end - overlap.push:
            return wanted
        return min(max(wanted, end - overlap.change), end - overlap.drop - overlap.earlier)

    def _waits_for(self, arrival: Arrival) -> int:
        """In activation delays, while there is a key before."""
        return self._waits[Arrival.PUSH if arrival is Arrival.PUSH else Arrival.REGISTRATION]

    def delete(
        self, protocol: int, spis: Iterable[bytes] | None, now: float, *, at_once: bool
    ) -> None:
        """The server deletes these of ESP or AH, or all of it with None.

        ``at_once``: nothing replaces them.

        In a rekey they are sent with until what replaces them is active, and received with one
        activation delay longer: RFC 6407 §5.4.1.2 delays what a rekey destroys.
        """
        wanted = None if spis is None else set(spis)
        delay = self.delays.activation or 0
        wait = 0 if at_once else self._waits[Arrival.PUSH] * delay
        for teks in self.selectors.values():
            for tek in teks:
                if tek.sa.protocol == protocol and (wanted is None or tek.spi in wanted):
                    tek.retires = min(tek.retires, now + wait)
                    longer = 0 if at_once else max(delay, (self.delays.deactivation or 0) - wait)
                    tek.drops = min(tek.drops, now + wait + longer)

    def forget(self, selector: TrafficSelector) -> None:
        """Drop the keys of a selector at once."""
        self.selectors.pop(selector, None)
        self._sending.pop(selector, None)

    def retire_others(self, kept: set[TrafficSelector], now: float) -> None:
        """A registration brought a policy without these selectors: received with to their end."""
        delay = self._waits[Arrival.REGISTRATION] * (self.delays.activation or 0)
        for selector, teks in self.selectors.items():
            if selector not in kept:
                for tek in teks:
                    tek.retires = min(tek.retires, now + delay)

    def settle(self, now: float) -> Changes:
        """Do what is due at ``now``."""
        before = dict(self._sending)
        activated: dict[str, None] = {}
        gone: dict[str, bool] = {}
        for selector in list(self.selectors):
            self._remove(selector, now, gone)
            fresh = self._choose(selector, now)
            if fresh is not None:
                activated[fresh.spi.hex()] = None
                self._remove(selector, now, gone)
        left = {tek.spi.hex() for teks in self.selectors.values() for tek in teks}
        ended = [spi for spi in gone if spi not in left]
        return Changes(
            tuple(activated),
            self._retired(before, left),
            tuple(sorted(spi for spi in ended if not gone[spi])),
            tuple(sorted(spi for spi in ended if gone[spi])),
        )

    def _retired(
        self, before: dict[TrafficSelector, InstalledTek], held: set[str]
    ) -> tuple[str, ...]:
        """SPIs still held of keys that were sent with, when nothing came in their place."""
        ended = {tek.spi.hex() for one, tek in before.items() if one not in self._sending}
        return tuple(sorted((ended & held).difference(self.sends_with)))

    def _remove(self, selector: TrafficSelector, now: float, gone: dict[str, bool]) -> None:
        """Take out what is over; ``gone`` notes the SPIs, True for those whose life ended."""
        teks, sending = self.selectors[selector], self._sending.get(selector)
        kept = [tek for tek in teks if now < min(tek.expires, tek.drops)]
        if not self._overlaps:
            kept = [tek for n, tek in enumerate(kept) if n < _KEPT or tek is sending]
        gone |= {tek.spi.hex(): tek.expires <= now for tek in teks if tek not in kept}
        for tek in kept:
            # Never again: or the clock would be looked at for it again and again.
            tek.activates = _NEVER if tek.retires <= now else tek.activates
        if sending is not None and (sending not in kept or sending.retires <= now):
            del self._sending[selector]
            # Its successor is needed now: too early is better than nothing.
            waiting = [tek for tek in kept if tek.sends and now < tek.retires]
            if waiting:
                successor = min(waiting, key=lambda tek: tek.activates)
                successor.activates = min(successor.activates, now)
        self.selectors[selector] = kept
        if not kept:
            del self.selectors[selector]

    def _choose(self, selector: TrafficSelector, now: float) -> InstalledTek | None:
        """Send with the newest active key; that key when it is another one than before."""
        teks = self.selectors.get(selector, [])
        fresh = next(_active(teks, now), None)
        if fresh is None or fresh is self._sending.get(selector):
            return None
        self._sending[selector] = fresh
        delay = self.delays.activation or 0
        for older in teks[teks.index(fresh) + 1 :] if self._overlaps else ():
            older.drops = min(older.drops, _end_of(older, fresh, now + delay))
        return fresh

    @property
    def _overlaps(self) -> bool:
        """True where a key has its time to go once a newer one is sent with.

        Until then each of them is kept, however many: who joined as they followed each other, or
        heard of one late, may send with any.
        """
        return bool(self.delays.activation or self.delays.deactivation)


def _end_of(older: InstalledTek, fresh: InstalledTek, earliest: float) -> float:
    """When the key before an active one goes.

    After a push everybody has the new one, or is off the list. After a registration, the first
    too, others may send with the old one to the end of its life, less the margin that Junos
    leaves.
    """
    if fresh.arrival is Arrival.PUSH:
        return max(earliest, fresh.deactivates)
    return max(earliest, fresh.deactivates, older.expires - fresh.overlap.drop)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of a group: which are good, which are due for new ones, and how they are described.

Junos: new keys are due at lifetime - 4 x activation-time-delay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise, takewhile

from ..gdoi.acknowledgement import AckAlgorithm
from ..gdoi.payloads import GroupAssociatedPolicy, GroupSa, KeyDownload
from ..gdoi.payloads import Sequence as SequenceNumber
from ..gdoi.pull import Grant
from ..ike.nat import Address
from ..ike.wire import MalformedPayload
from .adoption import kek_of_grant, teks_of_grant
from .keys import GroupKek, GroupTek, SpiPool, associated_policy, new_kek, new_tek
from .plane import Acknowledgement, KeyPlane
from .settings import GroupSettings, KekSettings, TekSettings

_REKEY_DELAYS = 4
_OVERLAP_DELAYS = 2
_KNOWN_DELAYS = 16
# What members hold of an end is late by the way that it took to them, and by whole seconds.
_EARLIER_SECONDS = 2


def _rekey_due(created: float, lifetime: int, activation_time_delay: int) -> float:
    # A lifetime that leaves no room for the margin is rekeyed at its half.
    return created + lifetime - min(_REKEY_DELAYS * activation_time_delay, lifetime / 2)


@dataclass(frozen=True)
class Lag:
    """A member that may not have heard what went after ``since``, and may have these keys."""

    since: float
    had: tuple[GroupTek, ...]


@dataclass(frozen=True)
class Hearer:
    """A member, as far as it is told otherwise than all: ``gap``, beside the keys, and ``lag``."""

    gap: GroupAssociatedPolicy | None
    lag: Lag | None


class Keyring:
    """KEK and TEKs of one group.

    ``leads``: the keys are made here; a companion protocol may bring them from elsewhere.
    ``version`` counts what was made or taken over.
    """

    def __init__(self, settings: GroupSettings, plane: KeyPlane) -> None:
        self.settings = settings
        self.kek: GroupKek | None = None
        self.leads = True
        self.version = 0
        self._plane = plane
        self._spis = SpiPool()
        # Newest first: the others are still good until their lifetime ends.
        self._teks: dict[str, list[GroupTek]] = {}
        # Of a policy that is no longer: others send with them until they are told of the next.
        self._replaced: list[tuple[GroupTek, float]] = []
        # Members were told to delete these at once, and nothing came in their place.
        self._deleted: list[tuple[GroupTek, float]] = []
        self._granted: tuple[tuple[object, ...], Grant] | None = None
        # Members go by the delay that they were told with a key: since when it is which.
        self._delays = [(0.0, settings.activation_time_delay)]

    def configure(self, settings: GroupSettings, now: float) -> None:
        """A commit changed the group."""
        changed = settings.activation_time_delay != self.settings.activation_time_delay
        self.settings = settings
        if changed:
            self.tell_delay(settings.activation_time_delay, now)

    def tell_delay(self, delay: int, now: float) -> None:
        """Members are told this activation delay with what they get from now on."""
        if delay != self._delays[-1][1]:
            self._delays = [*self._delays[-_KNOWN_DELAYS:], (now, delay)]

    def _delay_at(self, when: float) -> int:
        known = reversed(self._delays)
        return next((one for since, one in known if since <= when), self._delays[0][1])

    def shortest_delay(self, now: float) -> int:
        """Of those that keys were told with which not all send with yet, and the present one.

        By a longer one a new member would go on with a key that others have dropped.
        """
        made = [tek.created for teks in self._teks.values() for tek in teks]
        made += [at for _, at in self._replaced]
        return min(self._delay_at(at) for at in (*made, now) if now <= self._changed_at(at))

    @property
    def is_empty(self) -> bool:
        """True when no member can hold keys of this group."""
        return self.kek is None and not self._teks

    # What is good

    def current_kek(self, now: float) -> GroupKek | None:
        """The KEK to give out; a new one when it is time."""
        if self.settings.kek is None:
            return None
        if not self.leads:
            return self.kek if self.kek is not None and self.kek.expires > now else None
        if self.kek is None or now >= self.kek_due(self.kek):
            self.kek = self.fresh_kek(self.settings.kek, now)
        return self.kek

    def current_teks(self, settings: TekSettings, now: float) -> list[GroupTek]:
        """The TEKs of an ipsec-sa to give out, the newest first; a new one when it is time."""
        teks = _living(self._teks.get(settings.name, []), now)
        if self.leads and (not teks or now >= self._tek_due(teks[0])):
            teks.insert(0, new_tek(settings, self._spis, now))
            self.version += 1
        if teks:
            self._teks[settings.name] = teks
        return teks

    def teks(self, now: float) -> list[GroupTek]:
        """Every TEK that is still good."""
        return [tek for teks in self._teks.values() for tek in _living(teks, now)]

    def newest_spis(self, now: float) -> set[bytes] | None:
        """SPIs of the TEKs that members send with; None while an ipsec-sa has none."""
        newest = [self.newest(settings.name) for settings in self.settings.teks]
        living = {tek.spi for tek in newest if tek is not None and tek.expires > now}
        return living if len(living) == len(newest) else None

    def newest(self, name: str) -> GroupTek | None:
        """The newest TEK of an ipsec-sa."""
        teks = self._teks.get(name)
        return teks[0] if teks else None

    def known(self, now: float) -> tuple[GroupTek, ...]:
        """Every TEK that a member may have, deleted or not."""
        gone = (tek for tek, _ in (*self._replaced, *self._deleted))
        everything = chain(gone, chain.from_iterable(self._teks.values()))
        return tuple(tek for tek in everything if tek.expires > now)

    # What is new

    def fresh_kek(self, settings: KekSettings, now: float) -> GroupKek:
        """A new KEK; it is the current one only once the members have been told."""
        fresh = new_kek(settings, self._spis, self._plane.signing_keys, now)
        self._plane.on_kek(fresh.kek)
        self.version += 1
        return fresh

    def renew(self, names: Iterable[str], now: float) -> list[GroupTek]:
        """New TEKs for these ipsec-sas, beside those that are still good."""
        wanted = {settings.name: settings for settings in self.settings.teks}
        fresh = []
        self.version += 1
        for name in names:
            tek = new_tek(wanted[name], self._spis, now)
            self._teks[name] = [tek, *_living(self._teks.get(name, []), now)]
            fresh.append(tek)
        return fresh

    def hold(self, name: str, teks: list[GroupTek]) -> None:
        """Let these, newest first and made elsewhere, be the TEKs of an ipsec-sa."""
        if teks:
            # When they were made is reckoned from what is left of their lives: no order to go by.
            self._teks[name] = teks
            # What a commit took away may be there again: it was taken back, or only we have it.
            held = {tek.spi for tek in teks}
            self._replaced = [(tek, at) for tek, at in self._replaced if tek.spi not in held]
        else:
            self._teks.pop(name, None)

    def follow(self, name: str, teks: list[GroupTek], now: float) -> None:
        """The same of what another server gives out just now.

        A life that is configured there already, or there still, tells wrongly when a key was made;
        how long the one before is given out for tells it better.
        """
        made = [
            _made_at(tek, min(max(tek.created, self._followed_at(older.expires)), now))
            for tek, older in pairwise(teks)
        ]
        self.hold(name, made + teks[-1:])

    def _followed_at(self, ends: float) -> float:
        """When a key was followed that is given out until then, by the delay that held then."""
        found = [(ends - _REKEY_DELAYS * delay, delay) for _, delay in reversed(self._delays)]
        fitting = (at for at, delay in found if self._delay_at(at) == delay)
        return next(fitting, found[0][0])

    def take_over(self, kek: GroupKek) -> None:
        """Let this, made elsewhere, be the current KEK."""
        self.kek = kek
        self._plane.on_kek(kek.kek)

    # What goes

    def drop_changed(self, now: float) -> list[GroupTek]:
        """Forget TEKs whose traffic is no longer protected by them; those that went."""
        wanted = {tek.name: tek for tek in self.settings.teks}
        gone: list[tuple[GroupTek, float]] = []
        for name, teks in list(self._teks.items()):
            settings = wanted.get(name)
            if settings is None or settings.selectors != teks[0].settings.selectors:
                gone += [(teks[0], now), *_followed(self._teks.pop(name))]
        gone = _unended(gone, now)
        self._replaced = _unended(self._replaced, now) + gone
        return [tek for tek, _ in gone]

    def withdraw(self, gone: list[GroupTek], now: float) -> None:
        """Members delete these at once, for nothing comes in their place: no new one gets them."""
        self._replaced = [(tek, at) for tek, at in self._replaced if tek not in gone]
        self._deleted = _unended(self._deleted, now) + [(tek, now) for tek in gone]

    def withdraw_all(self, now: float) -> None:
        """Members delete every TEK at once."""
        self.withdraw([*self.teks(now), *(tek for tek, _ in self._replaced)], now)
        self._teks.clear()

    def succeed(self, before: Keyring) -> None:
        """Members of this group may have keys of that one, which is no longer."""
        self._deleted = [*before._deleted]

    def drop_teks(self) -> None:
        """Forget every TEK."""
        self._teks.clear()
        self._replaced.clear()

    # When

    def kek_due(self, kek: GroupKek) -> float:
        """When a KEK is to be followed by a new one."""
        return _rekey_due(kek.created, kek.settings.lifetime, self.settings.activation_time_delay)

    def _tek_due(self, tek: GroupTek) -> float:
        return _rekey_due(tek.created, tek.settings.lifetime, self.settings.activation_time_delay)

    def deadline(self) -> float | None:
        """When the first key is due for a new one; None where keys are made elsewhere."""
        if not self.leads:
            return None
        due = [self._tek_due(teks[0]) for teks in self._teks.values()]
        if self.kek is not None:
            due.append(self.kek_due(self.kek))
        return min(due, default=None)

    @property
    def lacks(self) -> bool:
        """True while a key that is configured is not there."""
        unkeyed = self.settings.kek is not None and self.kek is None
        return unkeyed or any(tek.name not in self._teks for tek in self.settings.teks)

    def due(self, now: float) -> tuple[bool, list[str]]:
        """(whether a new KEK is due, the ipsec-sas that are due for new TEKs)."""
        if self.kek is None or not self.leads:
            return False, []
        names = [name for name, teks in self._teks.items() if now >= self._tek_due(teks[0])]
        return now >= self.kek_due(self.kek), names

    # How they are described

    def grant(self, now: float, member: Hearer | None = None) -> Grant | None:
        """Every key that is good; None when there is nothing to give.

        Without ``member`` for another key server, which tells from an end when a key was followed.
        """
        kek = self.current_kek(now)
        teks = [tek for s in self.settings.teks for tek in self._in_use(s, now)]
        teks += self._still_in_use(now, self._ending if member is None else self._leaving)
        if not teks and (kek is None or not self.leads):
            return None
        if member is not None and member.lag is not None:
            teks += self._over(teks, member.lag, now)
        gap = member.gap if member is not None else None
        seen = self._seen(kek, teks, now, gap)
        if self._granted is None or self._granted[0] != seen:
            sequence = SequenceNumber(kek.sequence) if kek else None
            grant = Grant(self.sa(kek, teks, now, gap), download(kek, teks), sequence)
            self._granted = seen, grant
        return self._granted[1]

    def _seen(
        self,
        kek: GroupKek | None,
        teks: list[GroupTek],
        now: float,
        gap: GroupAssociatedPolicy | None,
    ) -> tuple[object, ...]:
        """All that a grant is made of: members that come together get the same one."""
        seen = [(tek.spi, tek.told(now)) for tek in teks]
        under = (kek.kek, kek.settings, kek.sequence, int(kek.expires - now)) if kek else ()
        return (self.settings, gap, under, seen)

    def snapshot(self, now: float) -> Grant | None:
        """Every key that is good, without making any; None when there is none."""
        teks = self.teks(now)
        kek = self.kek if self.kek is not None and self.kek.expires > now else None
        if kek is None and not teks:
            return None
        sequence = SequenceNumber(kek.sequence) if kek is not None else None
        return Grant(self.sa(kek, teks, now), download(kek, teks), sequence)

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """Differs when there is something else to keep."""
        kek = (self.kek.kek.spi, self.kek.sequence) if self.kek is not None else ()
        return (self.source, *kek, *(tek.spi for teks in self._teks.values() for tek in teks))

    def restore(self, grant: Grant, kept_at: float, now: float) -> None:
        """Take over what was kept, as far as it is still good and still configured.

        Raises MalformedPayload, also for what another server kept: two with one KEK would each
        number pushes by itself.
        """
        told = grant.sa.kek.source if grant.sa.kek is not None else None
        if told is not None and str(told) != self.source[0]:
            raise MalformedPayload(f"{told} kept these keys, this is {self.source[0]}")
        keys, settings = self._plane.signing_keys, self.settings
        kek = kek_of_grant(grant, settings.kek, keys, kept_at)
        teks = teks_of_grant(grant, settings.teks, kept_at)
        for one in settings.teks:
            own = _living([tek for tek in teks if tek.settings.name == one.name], now)
            # Those from before a commit that nobody was told of go on until they are due: members
            # hold them, and do not know of any others.
            self.hold(one.name, own)
        if kek is not None and kek.expires > now and _is_as_configured(kek):
            self.take_over(kek)

    def _in_use(self, settings: TekSettings, now: float) -> list[GroupTek]:
        """Without those that nobody sends with: Junos, 2 x activation-time-delay after the next.

        Receiving goes on one delay longer, but a new member that was given both would send with the
        old one just when the others drop it.
        """
        teks = self.current_teks(settings, now)
        newest, older = teks[:1], teks[1:]
        # Of two that follow, the later may be the first that is sent with: its delay is shorter.
        changes = accumulate((self._changed_at(tek.created) for tek in newest + older), min)
        return newest + [
            self._ending(tek, newer.created)
            for tek, newer, change in zip(older, teks, changes, strict=False)
            if now < change
        ]

    def _changed_at(self, followed: float) -> float:
        """When members send with what followed then."""
        return followed + _OVERLAP_DELAYS * self._delay_at(followed)

    def _still_in_use(
        self, now: float, as_told: Callable[[GroupTek, float], GroupTek]
    ) -> list[GroupTek]:
        return [
            as_told(tek, at)
            for tek, at in _unended(self._replaced, now)
            if now < self._changed_at(at)
        ]

    def _leaving(self, tek: GroupTek, followed: float) -> GroupTek:
        """The same, yet traffic that has no newer key ends with it when the others drop it."""
        kept = {selector.traffic for one in self.settings.teks for selector in one.selectors}
        gone = frozenset(one for one in tek.settings.selectors if one.traffic not in kept)
        left = self._kept(followed) - _EARLIER_SECONDS
        return replace(self._ending(tek, followed), leaving=gone, left=left)

    def _over(self, given: list[GroupTek], lag: Lag, now: float) -> list[GroupTek]:
        """What members have deleted or dropped, or are about to: with no life but until then.

        For one that has it: what went before it registered last, or was made when it was off the
        list, is not for its eyes.
        """
        had = {tek.spi for tek in lag.had} - {tek.spi for tek in given}
        followed = [*self._replaced, *chain.from_iterable(map(_followed, self._teks.values()))]
        gone = [(tek, at, now + 1) for tek, at in _unended(self._deleted, now)]
        gone += [(tek, at, max(self._kept(at), now + 1)) for tek, at in _unended(followed, now)]
        return [_ending_at(tek, end) for tek, at, end in gone if at >= lag.since and tek.spi in had]

    def _kept(self, followed: float) -> float:
        """Until when members keep it; a later key may have told them another delay."""
        changed = self._changed_at(followed)
        return changed + min(self._delay_at(followed), self._delay_at(changed))

    def _ending(self, tek: GroupTek, succeeded: float) -> GroupTek:
        """As it is told to a new member: with no more life than the others give it.

        After a commit that shortens lives it would seem to be the newer one.
        """
        end = succeeded + _REKEY_DELAYS * self._delay_at(succeeded)
        return _ending_at(tek, end)

    @property
    def source(self) -> Address:
        """Where pushes come from, as members are told."""
        own, port = self._plane.push_source
        return self.settings.server_address or own, port

    def sa(
        self,
        kek: GroupKek | None,
        teks: list[GroupTek],
        now: float,
        gap: GroupAssociatedPolicy | None = None,
    ) -> GroupSa:
        """The SA payload for these keys."""
        return GroupSa(
            kek.policy(self.source, self.ack_algorithm(kek), now) if kek else None,
            gap or associated_policy(self._delays[-1][1]),
            tuple(policy for tek in teks for policy in tek.policies(now, self._plane.profile)),
        )

    def ack_algorithm(self, kek: GroupKek) -> int | None:
        """How pushes under a KEK are to be acknowledged; None: not at all."""
        asked = self._plane.acknowledgement is Acknowledgement.RFC8263
        return AckAlgorithm.KEK_SHA256 if asked and not kek.settings.is_multicast else None


def _ending_at(tek: GroupTek, end: float) -> GroupTek:
    """The same one with a life until then."""
    lifetime = int(min(tek.expires, end) - tek.created)
    return replace(tek, settings=replace(tek.settings, lifetime=max(1, lifetime)))


def _made_at(tek: GroupTek, when: float) -> GroupTek:
    """The same one, which ends as before, with a life since then."""
    settings = replace(tek.settings, lifetime=int(tek.expires - when))
    return tek if tek.created == when else replace(tek, created=when, settings=settings)


def _followed(teks: list[GroupTek]) -> list[tuple[GroupTek, float]]:
    """Newest first: those that a newer one has followed, and when."""
    return [(tek, newer.created) for tek, newer in zip(teks[1:], teks, strict=False)]


def _unended(teks: list[tuple[GroupTek, float]], now: float) -> list[tuple[GroupTek, float]]:
    """Those whose life has not ended: the others are nobody's business any more."""
    return [(tek, at) for tek, at in teks if tek.expires > now]


def _living(teks: list[GroupTek], now: float) -> list[GroupTek]:
    """Newest first, up to one that has ended: nobody uses what that one has followed.

    After a commit that shortens lives it would be there still, and seem to be the last in use.
    """
    return list(takewhile(lambda tek: tek.expires > now, teks))


def _is_as_configured(kek: GroupKek) -> bool:
    wanted = kek.settings
    return (kek.kek.cipher, kek.kek.sig_hash) == (wanted.cipher, wanted.sig_hash)


def download(
    kek: GroupKek | None, teks: Iterable[GroupTek], named: bytes | None = None
) -> KeyDownload:
    """The KD payload with these keys; ``named``: the SPI that the KEK goes by, not its own."""
    packets = [tek.packet() for tek in teks]
    if kek is not None:
        packets.append(replace(kek.packet(), spi=named) if named is not None else kek.packet())
    return KeyDownload(tuple(packets))

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The TEKs of a group: which are there, which are due for new ones, and which a member is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, chain

from .delays import ActivationDelays, rekey_due
from .keys import GroupTek, SpiPool, new_tek
from .settings import GroupSettings, TekSettings
from .succession import Followed, GoneTeks, Succession, unended

_NONE = Succession()


@dataclass(frozen=True)
class Lag:
    """A member that may not have heard what went after ``since``, and may have these keys."""

    since: float
    had: tuple[GroupTek, ...]


class Teks:
    """Those of each ipsec-sa; ``gone``: what members may have besides.

    ``version`` counts when some were made.
    """

    def __init__(self, settings: GroupSettings, delays: ActivationDelays, spis: SpiPool) -> None:
        self.gone = GoneTeks()
        self.version = 0
        self._settings, self._delays, self._spis = settings, delays, spis
        self._held: dict[str, Succession] = {}

    def configure(self, settings: GroupSettings) -> None:
        """A commit changed the group."""
        self._settings = settings

    # What there is

    @property
    def spis(self) -> tuple[bytes, ...]:
        """Of all that are held."""
        return tuple(tek.spi for teks in self._held.values() for tek in teks)

    def good(self, now: float) -> list[GroupTek]:
        """Every one whose life has not ended."""
        return [tek for teks in self._held.values() for tek in teks.living(now)]

    def newest(self, name: str) -> GroupTek | None:
        """The newest one of an ipsec-sa."""
        return next(iter(self._held.get(name, _NONE)), None)

    def newest_spis(self, now: float) -> set[bytes] | None:
        """SPIs of those that members send with; None while an ipsec-sa has none."""
        newest = [self.newest(settings.name) for settings in self._settings.teks]
        living = {tek.spi for tek in newest if tek is not None and tek.expires > now}
        return living if len(living) == len(newest) else None

    def known(self, now: float) -> tuple[GroupTek, ...]:
        """Every one that a member may have, deleted or not."""
        everything = chain(self.gone, chain.from_iterable(self._held.values()))
        return tuple(tek for tek in everything if tek.expires > now)

    def shortest_delay(self, now: float) -> int:
        """Of those that keys were told with which not all send with yet, and the present one.

        By a longer one a new member would go on with a key that others have dropped.
        """
        made = [tek.created for teks in self._held.values() for tek in teks]
        made += [at for _, at in self.gone.replaced]
        delays = self._delays
        return min(delays.at(at) for at in (*made, now) if now <= delays.changed(at))

    def due(self) -> dict[str, float]:
        """When the newest one of each ipsec-sa is to be followed."""
        delay = self._settings.activation_time_delay
        newest = [(name, teks[0]) for name, teks in self._held.items()]
        return {name: rekey_due(one.created, one.settings.lifetime, delay) for name, one in newest}

    # What is new

    def renew(self, names: Iterable[str], now: float) -> list[GroupTek]:
        """New ones for these ipsec-sas, beside those that are still good."""
        wanted = {settings.name: settings for settings in self._settings.teks}
        self.version += 1
        return [self._make(wanted[name], now) for name in names]

    def renew_due(self, now: float) -> None:
        """New ones where there is none that is good, or when it is time."""
        due = self.due()
        for settings in self._settings.teks:
            good = self._held.get(settings.name, _NONE).living(now)
            if not good or now >= due[settings.name]:
                self._make(settings, now)
                self.version += 1

    def _make(self, settings: TekSettings, now: float) -> GroupTek:
        older = self._held.get(settings.name, _NONE).living(now)
        tek = new_tek(settings, self._spis, now)
        self._held[settings.name] = Succession([tek, *older])
        return tek

    def hold(self, name: str, teks: Succession) -> None:
        """Let these, newest first and made elsewhere, be the ones of an ipsec-sa."""
        if teks:
            # When they were made is reckoned from what is left of their lives: no order to go by.
            self._held[name] = teks
            self.gone.come_back(teks)
        else:
            self._held.pop(name, None)

    def follow(self, name: str, teks: Succession, now: float) -> None:
        """The same of what another server gives out just now."""
        self.hold(name, teks.as_followed(self._delays, now))

    # What goes

    def drop_changed(self, now: float) -> list[GroupTek]:
        """Forget those whose traffic is no longer protected by them; those that went."""
        wanted = {tek.name: tek for tek in self._settings.teks}
        gone: list[Followed] = []
        for name, teks in list(self._held.items()):
            settings = wanted.get(name)
            if settings is None or settings.selectors != teks[0].settings.selectors:
                gone += [(teks[0], now), *self._held.pop(name).followed()]
        gone = unended(gone, now)
        self.gone.replace(gone, now)
        return [tek for tek, _ in gone]

    def withdraw_all(self, now: float) -> None:
        """Members delete every one at once."""
        replaced = (tek for tek, _ in self.gone.replaced)
        self.gone.withdraw([*self.good(now), *replaced], now)
        self._held.clear()

    def drop(self) -> None:
        """Forget every one."""
        self._held.clear()
        self.gone.replaced.clear()

    # What a member is given

    def given(self, now: float, *, to_member: bool) -> list[GroupTek]:
        """Those that members send with, of each ipsec-sa the newest first.

        As a member is told of them, or another key server.
        """
        wanted = self._settings.teks
        held = [self._kept(settings.name, now) for settings in wanted]
        in_use = [teks.in_use(self._delays, now) for teks in held]
        if not to_member:
            return [*chain.from_iterable(in_use), *self.gone.in_use(self._delays, now)]
        told = chain.from_iterable(map(_in_order, in_use))
        traffic = {selector.traffic for one in wanted for selector in one.selectors}
        return [*told, *self.gone.leaving(self._delays, now, traffic)]

    def _kept(self, name: str, now: float) -> Succession:
        """Those of an ipsec-sa that are good: the others are forgotten, but not all there are."""
        teks = self._held.get(name, _NONE).living(now)
        if teks:
            self._held[name] = teks
        return teks

    def over(self, given: list[GroupTek], lag: Lag, now: float) -> list[GroupTek]:
        """What members have deleted or dropped, or are about to: with no life but until then.

        For one that has it: what went before it registered last, or was made when it was off the
        list, is not for its eyes.
        """
        had = {tek.spi for tek in lag.had} - {tek.spi for tek in given}
        followed = [*self.gone.replaced]
        followed += chain.from_iterable(teks.followed() for teks in self._held.values())
        gone = [(tek, at, now + 1) for tek, at in unended(self.gone.deleted, now)]
        gone += [
            (tek, at, max(self._delays.dropped(at), now + 1)) for tek, at in unended(followed, now)
        ]
        return [tek.ending(end) for tek, at, end in gone if at >= lag.since and tek.spi in had]


def _in_order(teks: list[GroupTek]) -> Iterable[GroupTek]:
    """Newest first: a member takes for the newer one what it is told a longer life of.

    Behind a commit of shorter lives the one before may have more of its own left.
    """
    return accumulate(teks, lambda newer, older: older.ending(newer.expires - 1))

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""TEKs that follow one another: those of one ipsec-sa, and those that have lost theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from itertools import accumulate, chain, pairwise, takewhile

from .delays import ActivationDelays
from .keys import GroupTek

# What members hold of an end is late by the way that it took to them, and by whole seconds.
_EARLIER_SECONDS = 2

Followed = tuple[GroupTek, float]
"""One, and when another has followed it, or nothing was to."""


class Succession(tuple[GroupTek, ...]):
    """The TEKs of one ipsec-sa, newest first: the others are good until their lifetime ends."""

    __slots__ = ()

    def living(self, now: float) -> Succession:
        """Up to one that has ended: nobody uses what that one has followed.

        After a commit that shortens lives it would be there still, and seem to be the last in use.
        """
        return Succession(takewhile(lambda tek: tek.expires > now, self))

    def followed(self) -> list[Followed]:
        """Those that a newer one has followed, and when."""
        return [(tek, newer.created) for newer, tek in pairwise(self)]

    def in_use(self, delays: ActivationDelays, now: float) -> list[GroupTek]:
        """Without those that nobody sends with: Junos, 2 x activation-time-delay after the next.

        Receiving goes on one delay longer, but a new member that was given both would send with the
        old one just when the others drop it.
        """
        # Of two that follow, the later may be the first that is sent with: its delay is shorter.
        changes = accumulate((delays.changed(tek.created) for tek in self), min)
        older = [
            tek.ending(delays.ends(at))
            for (tek, at), change in zip(self.followed(), changes, strict=False)
            if now < change
        ]
        return [*self[:1], *older]

    def as_followed(self, delays: ActivationDelays, now: float) -> Succession:
        """The same of what another server gives out just now.

        A life that is configured there already, or there still, tells wrongly when a key was made;
        how long the one before is given out for tells it better.
        """
        made = [
            tek.made_at(min(max(tek.created, delays.followed(older.expires)), now))
            for tek, older in pairwise(self)
        ]
        return Succession([*made, *self[-1:]])


class GoneTeks:
    """TEKs that are no ipsec-sa's any more, each with when it went."""

    def __init__(self) -> None:
        # Of a policy that is no longer: others send with them until they are told of the next.
        self.replaced: list[Followed] = []
        # Members were told to delete these at once, and nothing came in their place.
        self.deleted: list[Followed] = []

    def __iter__(self) -> Iterator[GroupTek]:
        return (tek for tek, _ in chain(self.replaced, self.deleted))

    def replace(self, gone: list[Followed], now: float) -> None:
        """The policies of these are no longer."""
        self.replaced = unended(self.replaced, now) + gone

    def withdraw(self, gone: list[GroupTek], now: float) -> None:
        """Members delete these at once, for nothing comes in their place: no new one gets them."""
        self.replaced = [(tek, at) for tek, at in self.replaced if tek not in gone]
        self.deleted = unended(self.deleted, now) + [(tek, now) for tek in gone]

    def come_back(self, held: Iterable[GroupTek]) -> None:
        """What a commit took away is there again: it was taken back, or only we have it."""
        spis = {tek.spi for tek in held}
        self.replaced = [(tek, at) for tek, at in self.replaced if tek.spi not in spis]

    def in_use(self, delays: ActivationDelays, now: float) -> list[GroupTek]:
        """Those that members send with still, as another key server is told of them."""
        return [tek.ending(delays.ends(at)) for tek, at in self._sent_with(delays, now)]

    def leaving(
        self, delays: ActivationDelays, now: float, kept: Set[tuple[object, ...]]
    ) -> list[GroupTek]:
        """The same for a member: what is not ``kept`` of their traffic has no newer key.

        That ends when the others drop it.
        """
        found = []
        for tek, at in self._sent_with(delays, now):
            gone = frozenset(one for one in tek.settings.selectors if one.traffic not in kept)
            left = delays.dropped(at) - _EARLIER_SECONDS
            found.append(replace(tek.ending(delays.ends(at)), leaving=gone, left=left))
        return found

    def _sent_with(self, delays: ActivationDelays, now: float) -> list[Followed]:
        return [(tek, at) for tek, at in unended(self.replaced, now) if now < delays.changed(at)]

    def succeed(self, before: GoneTeks) -> None:
        """Members of this group may have keys of that one, which is no longer."""
        self.deleted = [*before.deleted]


def unended(teks: list[Followed], now: float) -> list[Followed]:
    """Those whose life has not ended: the others are nobody's business any more."""
    return [(tek, at) for tek, at in teks if tek.expires > now]

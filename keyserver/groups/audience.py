# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whom a group tells: those on its list, and those who left it and have not heard all."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..gdoi.acknowledgement import PushAck
from ..gdoi.arrival import Peer
from ..ike.nat import Address
from .durable import Unfinished
from .keys import GroupTek
from .leavers import Leaver, Leavers
from .members import Member, MemberList
from .pushes import Pushes
from .teks import Lag

Had = tuple[GroupTek, ...]
"""The traffic keys that somebody has."""


class Audience:
    """A group's members and leavers, and what is still to be told to each."""

    def __init__(self, members: MemberList, pushes: Pushes) -> None:
        self._members, self._pushes = members, pushes
        self._leavers = Leavers()
        # What members of a group that had our place are still to be told: to delete its keys.
        self._inherited: tuple[Pushes, ...] = ()

    @property
    def _all_pushes(self) -> tuple[Pushes, ...]:
        return (*self._inherited, self._pushes)

    @property
    def has_heard_all(self) -> bool:
        """True when nothing is left to be told."""
        return all(one.is_finished for one in self._all_pushes)

    def unfinished(self) -> list[Unfinished]:
        """What is still to be told, and to whom."""
        return [
            Unfinished(made, tuple(member.peer for member in members))
            for pushes in self._all_pushes
            for made, members in pushes.unfinished()
        ]

    def leaver(self, peer: Peer, had: Had, now: float) -> Member:
        """Somebody who is not listed, and is to be told something."""
        known = self._leavers.of(peer)
        if known is None:
            known = Leaver(Member(peer, now), self._pushes, had)
            self._leavers.add(known)
        return known.member

    def lag_of(self, peer: Peer, had: Callable[[], Had]) -> Lag | None:
        """What somebody may not have heard; None: it has heard all. ``had`` by the members."""
        member, left = self._members.of(peer), self._leavers.of(peer)
        if member is not None and self._pushes.waits_for(member):
            return Lag(member.last_update, had())
        return Lag(left.member.last_update, left.had) if left is not None else None

    def succeed(self, before: Audience, *, same_members: bool) -> None:
        """In the place of a group that is no longer; whose members may come here, or not."""
        unfinished = (one for one in before._all_pushes if not one.is_finished)
        self._inherited = (*self._inherited, *unfinished)
        if same_members:
            self._leavers = before._leavers

    def enter(self, peer: Peer, now: float) -> Member:
        """Onto the list, with nothing left to be told."""
        left = self._leavers.of(peer)
        if left is not None:
            self._leavers.discard(left)
            left.pushes.settle(left.member)
        member = self._members.enter(peer, now)
        self._pushes.settle(member)
        return member

    def left(self, members: Iterable[Member], had: Had, now: float) -> None:
        """These are off the list."""
        self._leavers.forget_ended(now)
        for member in members:
            self._leavers.add(Leaver(member, self._pushes, had))

    def expel(self, member: Member) -> None:
        """Off the list, and told nothing any more."""
        self._members.discard(member)
        self._pushes.settle(member)

    def acknowledge(self, spi: bytes, ack: PushAck, source: Address, now: float) -> bool:
        """Somebody acknowledged a push; False when that is not so."""
        left = self._leavers.at(source)
        known = (self._members.at(source), left.member if left is not None else None)
        found = [member for member in known if member is not None]
        # Who has that very port, before who is merely the only one at the address.
        found.sort(key=lambda member: member.source != source)
        if not any(self._pushes.acknowledge(member, spi, ack, now) for member in found):
            return False
        if left is not None and not self._pushes.waits_for(left.member):
            self._leavers.discard(left)
        return True

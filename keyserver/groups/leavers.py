# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is off a group's list, but not yet known to have what it was told last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from ..gdoi.arrival import Peer
from ..ike.nat import Address
from .keys import GroupTek
from .members import Member
from .pushes import Pushes


@dataclass(frozen=True, eq=False)
class Leaver:
    """Who told it what it was told, and the keys that it may have: ``had``."""

    member: Member
    pushes: Pushes
    had: tuple[GroupTek, ...]


class Leavers:
    """They come back as members do: from another port, unless a translator tells them by it."""

    def __init__(self) -> None:
        self._by_address: dict[str, list[Leaver]] = {}

    def __iter__(self) -> Iterator[Leaver]:
        return chain.from_iterable(self._by_address.values())

    def of(self, peer: Peer) -> Leaver | None:
        """As whom a peer has left."""
        here = self._by_address.get(peer.source[0], ())
        return next((one for one in here if one.member.is_the(peer)), None)

    def at(self, source: Address) -> Leaver | None:
        """Who sends from there: that port, or the only one at that address."""
        here = self._by_address.get(source[0], ())
        exact = next((one for one in here if one.member.source == source), None)
        return exact or (here[0] if len(here) == 1 else None)

    def add(self, leaver: Leaver) -> None:
        """It has left, in place of whoever left as the same before."""
        self.discard(self.of(leaver.member.peer))
        self._by_address.setdefault(leaver.member.address, []).append(leaver)

    def discard(self, leaver: Leaver | None) -> None:
        """It is back, or has everything."""
        if leaver is None:
            return
        here = self._by_address[leaver.member.address]
        here.remove(leaver)
        if not here:
            del self._by_address[leaver.member.address]

    def forget_ended(self, now: float) -> None:
        """Whose keys have all ended is of no interest any more."""
        for leaver in [one for one in self if all(tek.expires <= now for tek in one.had)]:
            self.discard(leaver)

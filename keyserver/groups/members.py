# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is registered in a group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..gdoi.arrival import Address, Peer


@dataclass(slots=True)
class MemberCounters:
    """Per member and group, as ``registered-members detail`` shows them."""

    pull_succeeded: int = 0
    pull_failed: int = 0
    pull_exceed_member_threshold: int = 0
    push_sent: int = 0
    push_acknowledged: int = 0
    push_unacknowledged: int = 0


@dataclass(slots=True, eq=False)
class Member:
    """One registered member; times in seconds since the epoch."""

    gateway: str
    source: Address
    marked: bool
    registered_at: float
    last_update: float
    counters: MemberCounters = field(default_factory=MemberCounters)

    @property
    def address(self) -> str:
        """What the list shows it by."""
        return self.source[0]


class MemberList:
    """The members of one group, and what is counted over all of them."""

    def __init__(self) -> None:
        self.counters = MemberCounters()
        self._members: dict[str, Member] = {}

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    def __len__(self) -> int:
        return len(self._members)

    def of(self, peer: Peer) -> Member | None:
        """What a peer is listed as."""
        return self._members.get(peer.source[0])

    def enter(self, peer: Peer, now: float) -> Member:
        """A peer has proved itself: list it, or note that it came again."""
        member = self.of(peer)
        if member is None or member.gateway != peer.gateway:
            member = Member(peer.gateway, peer.source, peer.marked, now, now)
            self._members[member.address] = member
        member.source, member.marked = peer.source, peer.marked
        member.last_update = now
        member.counters.pull_succeeded += 1
        self.counters.pull_succeeded += 1
        return member

    def discard(self, member: Member) -> None:
        """Take a member off the list."""
        self._members.pop(member.address, None)

    def outside(self, gateways: frozenset[str]) -> list[Member]:
        """Those that came through another gateway than these."""
        return [member for member in self if member.gateway not in gateways]

    def clear(self) -> None:
        """Empty the list."""
        self._members.clear()

    def count_failed_pull(self, gateway: str | None) -> None:
        """A pull of that gateway failed."""
        self.counters.pull_failed += 1
        for member in self:
            if member.gateway == gateway:
                member.counters.pull_failed += 1

    def reset_counters(self) -> None:
        """All counters back to zero."""
        self.counters = MemberCounters()
        for member in self:
            member.counters = MemberCounters()

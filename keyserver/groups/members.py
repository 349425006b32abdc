# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is registered in a group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..gdoi.arrival import Peer
from ..ike.nat import Address


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
    """One registered member: who it is as it came last; times in seconds since the epoch."""

    peer: Peer
    last_update: float
    counters: MemberCounters = field(default_factory=MemberCounters)

    @property
    def gateway(self) -> str:
        """The IKE gateway that it came in by."""
        return self.peer.gateway

    @property
    def source(self) -> Address:
        """Where it came from."""
        return self.peer.source

    @property
    def address(self) -> str:
        """What the list shows it by."""
        return self.peer.source[0]

    def is_the(self, peer: Peer) -> bool:
        """True for a peer at our address that is this member.

        Behind a NAT several members have one address, and each a port of its own. Anyone else may
        come back from another port.
        """
        own = self.peer
        if own.identity != peer.identity and own.gateway != peer.gateway:
            return False
        return own.source == peer.source or not (own.behind_nat or peer.behind_nat)


class MemberList:
    """The members of one group, and what is counted over all of them."""

    def __init__(self) -> None:
        self.counters = MemberCounters()
        self._members: dict[Member, None] = {}
        self._by_address: dict[str, list[Member]] = {}
        self._by_gateway: dict[str, dict[Member, None]] = {}

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def of(self, peer: Peer) -> Member | None:
        """What a peer is listed as."""
        here = self._by_address.get(peer.source[0], ())
        return next((member for member in here if member.is_the(peer)), None)

    def at(self, source: Address) -> Member | None:
        """Who sends from there: that port, or the only one at that address."""
        here = self._by_address.get(source[0], ())
        exact = next((member for member in here if member.source == source), None)
        return exact or (here[0] if len(here) == 1 else None)

    def enter(self, peer: Peer, now: float) -> Member:
        """A peer has proved itself: list it, or note that it came again."""
        member = self.of(peer)
        if member is not None and member.gateway != peer.gateway:
            self.discard(member)
            member = None
        if member is None:
            member = Member(peer, now)
            self._members[member] = None
            self._by_address.setdefault(member.address, []).append(member)
            self._by_gateway.setdefault(member.gateway, {})[member] = None
        member.peer, member.last_update = peer, now
        member.counters.pull_succeeded += 1
        self.counters.pull_succeeded += 1
        return member

    def discard(self, member: Member) -> bool:
        """Take a member off the list; False when it is not in it."""
        if member not in self._members:
            return False
        del self._members[member]
        here, likewise = self._by_address[member.address], self._by_gateway[member.gateway]
        here.remove(member)
        del likewise[member]
        if not here:
            del self._by_address[member.address]
        if not likewise:
            del self._by_gateway[member.gateway]
        return True

    def outside(self, gateways: frozenset[str]) -> list[Member]:
        """Those that came through another gateway than these."""
        gone = [members for name, members in self._by_gateway.items() if name not in gateways]
        return [member for members in gone for member in members]

    def clear(self) -> None:
        """Empty the list."""
        self._members.clear()
        self._by_address.clear()
        self._by_gateway.clear()

    def count_failed_pull(self, gateway: str | None) -> None:
        """A pull of that gateway failed."""
        self.counters.pull_failed += 1
        for member in self._by_gateway.get(gateway or "", ()):
            member.counters.pull_failed += 1

    def reset_counters(self) -> None:
        """All counters back to zero."""
        self.counters = MemberCounters()
        for member in self:
            member.counters = MemberCounters()

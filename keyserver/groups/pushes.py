# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a group has pushed: where to, how often, and who has not acknowledged it yet.

Junos: a unicast push is repeated ``number-of-retransmission`` times every
``retransmission-period`` seconds, and who then has not acknowledged it leaves the list; a multicast
push is sent once, without an acknowledgement.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from heapq import heappop, heappush

from ..gdoi.acknowledgement import AckAlgorithm, PushAck
from ..ike.nat import Address
from ..ike.payloads import Identification
from ..ike.wire import NON_ESP_MARKER
from .members import Member, MemberCounters
from .registration import MadePush
from .settings import KekSettings


@dataclass(slots=True)
class Traffic:
    """Push datagrams and acknowledgements of a group."""

    input_bytes: int = 0
    input_packets: int = 0
    output_bytes: int = 0
    output_packets: int = 0

    def sent(self, datagram: bytes, copies: int) -> None:
        """That many copies went out."""
        self.output_packets += copies
        self.output_bytes += copies * len(datagram)

    def received(self, octets: int) -> None:
        """A datagram of that size came in."""
        self.input_packets += 1
        self.input_bytes += octets


@dataclass(frozen=True)
class MulticastTarget:
    """Where a multicast push goes; ``interface`` is Junos' name of the outgoing interface."""

    group: str
    port: int
    interface: str | None


class Door(Enum):
    """Our ports: for GDOI, for those behind a translator, for pushes (RFC 6407 §2.2)."""

    GDOI = "gdoi"
    FLOATING = "floating"
    PUSH = "push"


@dataclass(frozen=True)
class Outgoing:
    """One datagram for many: to these addresses, or to a multicast group.

    ``door``: which of our ports it leaves from.
    """

    datagram: bytes
    to: MulticastTarget | tuple[Address, ...]
    door: Door = Door.GDOI


@dataclass(frozen=True, slots=True)
class Retransmission:
    """How a push is repeated that is not acknowledged; ``period`` in seconds."""

    tries: int
    period: int


@dataclass(eq=False)
class _Outstanding:
    """A unicast push that some members have not acknowledged yet.

    ``waiting``: who, and where it was counted as sent. It ends in the same counters, so that what
    was sent before an operator cleared them is not acknowledged in the new ones.
    """

    made: MadePush
    waiting: dict[Member, tuple[MemberCounters, MemberCounters]]
    retransmission: Retransmission
    tries_left: int


@dataclass(frozen=True)
class _Held:
    """A push, which a member gets when it has acknowledged the one before."""

    made: MadePush
    retransmission: Retransmission | None


class Pushes:
    """The pushes of one group; ``outbox`` grows by what is to be sent.

    Sequence numbers only grow (RFC 6407 §4.3): a member that has not acknowledged a push could
    not take it any more after the next. So each member gets them one after the other.
    """

    def __init__(
        self, port: int, counters: MemberCounters, unicast_port: int | None = None
    ) -> None:
        """``port``: of multicast pushes; ``unicast_port``: of others, None: that of the member."""
        self.outbox: list[Outgoing] = []
        self.traffic = Traffic()
        self.count = 0
        self.counters = counters
        self._port, self._unicast_port = port, unicast_port
        self._waiting: dict[Member, _Outstanding] = {}
        self._held: dict[Member, deque[_Held]] = {}
        # By when they are due; those that everybody has acknowledged drop out at the front.
        self._timers: list[tuple[float, int, _Outstanding]] = []
        self._numbers = itertools.count()

    # Sending

    def to_group(self, settings: KekSettings, datagram: bytes, *, counted: bool) -> None:
        """Send to the multicast group."""
        assert settings.multicast_group is not None
        interface = settings.multicast_interface
        target = MulticastTarget(settings.multicast_group, self._port, interface)
        self.outbox.append(Outgoing(datagram, target, Door.PUSH))
        self.traffic.sent(datagram, 1)
        self.counters.push_sent += counted

    def to_members(self, members: Collection[Member], datagram: bytes) -> None:
        """Send to these, and wait for nothing."""
        self.traffic.sent(datagram, len(members))
        by_way: dict[tuple[bool, bool], list[Address]] = {}
        for member in members:
            by_way.setdefault((member.peer.marked, member.peer.floated), []).append(
                self._place(member)
            )
        for (marked, floated), addresses in by_way.items():
            # A peer behind NAT-T takes the non-ESP marker of RFC 3948 in front.
            octets = NON_ESP_MARKER * marked + datagram
            door = Door.FLOATING if floated else Door.PUSH
            self.outbox.append(Outgoing(octets, tuple(addresses), door))

    def _place(self, member: Member) -> Address:
        """Where a member's pushes go: to where it came from, but for the reference implementation.

        A translator knows no other way than the one it came, and our own members, whatever profile
        they have, listen nowhere else.
        """
        peer = member.peer
        if self._unicast_port is None or peer.extended or peer.floated or peer.behind_nat:
            return peer.source
        return member.address, self._unicast_port

    def deliver(
        self,
        made: MadePush,
        members: list[Member],
        retransmission: Retransmission | None,
        now: float,
    ) -> None:
        """Send to these, in order; with ``retransmission`` until they acknowledge it.

        A heartbeat is not acknowledged, yet has a number of its own: it, too, comes to a member
        behind what that still waits for, and the next push finds no gap in front of it.
        """
        push = _Held(made, retransmission)
        ready = [member for member in members if member not in self._waiting]
        for member in members:
            if member in self._waiting:
                self._held.setdefault(member, deque()).append(push)
        self._begin(push, ready, now)

    def _sent(self, members: Collection[Member], made: MadePush) -> None:
        self.to_members(members, made.datagram)
        for member in members:
            member.counters.push_sent += 1
        self.counters.push_sent += len(members)

    def _begin(self, push: _Held, members: list[Member], now: float) -> None:
        if push.made.is_heartbeat:
            self.to_members(members, push.made.datagram)
            return
        self._sent(members, push.made)
        again = push.retransmission
        if again is None or not members:
            return
        waiting = {member: (member.counters, self.counters) for member in members}
        outstanding = _Outstanding(push.made, waiting, again, again.tries)
        self._waiting.update(dict.fromkeys(members, outstanding))
        self._schedule(outstanding, now)

    def _schedule(self, push: _Outstanding, now: float) -> None:
        due = now + push.retransmission.period
        heappush(self._timers, (due, next(self._numbers), push))

    # Waiting

    @property
    def is_finished(self) -> bool:
        """True when everybody has acknowledged everything."""
        return not self._waiting

    def unfinished(self) -> list[tuple[tuple[MadePush, ...], list[Member]]]:
        """Pushes in their order, and the members that have not acknowledged just these."""
        found: dict[tuple[int, ...], tuple[tuple[MadePush, ...], list[Member]]] = {}
        for member, push in self._waiting.items():
            behind = [held.made for held in self._held.get(member, ())]
            made = (push.made, *(one for one in behind if not one.is_heartbeat))
            found.setdefault(tuple(map(id, made)), (made, []))[1].append(member)
        return [*found.values()]

    def waits_for(self, member: Member) -> bool:
        """True while that member has not acknowledged everything."""
        return member in self._waiting

    def settle(self, member: Member) -> None:
        """Wait for that member no longer: what it has not acknowledged, it will not."""
        self._held.pop(member, None)
        push = self._waiting.pop(member, None)
        for counters in push.waiting.pop(member, ()) if push is not None else ():
            counters.push_unacknowledged += 1

    def knows(self, spi: bytes) -> bool:
        """True while a push under that KEK may be acknowledged."""
        return any(push.made.kek.spi == spi for _, _, push in self._timers)

    def acknowledge(self, member: Member, spi: bytes, ack: PushAck, now: float) -> bool:
        """A member acknowledged a push; False when that is not so."""
        push = self._waiting.get(member)
        if push is None or (push.made.kek.spi, push.made.sequence) != (spi, ack.sequence):
            return False
        if not _is_by(member, ack) or not ack.verify(push.made.kek, AckAlgorithm.KEK_SHA256):
            return False
        del self._waiting[member]
        for counters in push.waiting.pop(member):
            counters.push_acknowledged += 1
        self.traffic.received(ack.size)
        self._release(member, now)
        return True

    def _release(self, member: Member, now: float) -> None:
        held = self._held.get(member, ())
        while held and member not in self._waiting:
            self._begin(held.popleft(), [member], now)
        if not held:
            self._held.pop(member, None)

    # Time

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        while self._timers and not self._timers[0][2].waiting:
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def expire(self, now: float) -> list[Member]:
        """Repeat what is due; the members that did not acknowledge the last copy either."""
        silent: list[Member] = []
        while (due := self.deadline()) is not None and due <= now:
            _, _, push = heappop(self._timers)
            silent += self._repeat(push, now)
        return silent

    def _repeat(self, push: _Outstanding, now: float) -> list[Member]:
        members = list(push.waiting)
        if push.tries_left > 0:
            push.tries_left -= 1
            self.to_members(members, push.made.datagram)
            self._schedule(push, now)
            return []
        for member in members:
            self.settle(member)
        return members


def _is_by(member: Member, ack: PushAck) -> bool:
    """RFC 8263 §3: it names the address of the pull; behind NAT the member cannot know that."""
    own = Identification.address(member.address)
    return member.peer.marked or (ack.identity.type, ack.identity.data) == (own.type, own.data)

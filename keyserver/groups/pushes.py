# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a group has pushed: where to, how often, and who has not acknowledged it yet.

Junos: a unicast push is repeated ``number-of-retransmission`` times every
``retransmission-period`` seconds, and who then has not acknowledged it leaves the list; a multicast
push is neither acknowledged nor repeated.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..gdoi.acknowledgement import AckAlgorithm, PushAck
from ..gdoi.arrival import NON_ESP_MARKER, Address
from ..gdoi.push import Kek
from ..ike.payloads import Identification
from .keys import GroupKek
from .members import Member, MemberCounters
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


@dataclass(frozen=True)
class Outgoing:
    """One datagram for many: to these addresses, or to a multicast group."""

    datagram: bytes
    to: MulticastTarget | tuple[Address, ...]


@dataclass
class _Outstanding:
    """A unicast push that some members have not acknowledged yet."""

    kek: Kek
    sequence: int
    datagram: bytes
    waiting: dict[str, Member]
    tries_left: int
    period: int
    due: float


class Pushes:
    """The pushes of one group; ``outbox`` grows by what is to be sent."""

    def __init__(self, port: int, counters: MemberCounters) -> None:
        self.outbox: list[Outgoing] = []
        self.traffic = Traffic()
        self.count = 0
        self.counters = counters
        self._port = port
        self._outstanding: list[_Outstanding] = []

    # Sending

    def send(self, settings: KekSettings, datagram: bytes, members: list[Member]) -> int:
        """Send a push to these members, or to the multicast group; how many datagrams that is."""
        self.count += 1
        if settings.is_multicast and settings.multicast_group is not None:
            interface = settings.multicast_interface
            target = MulticastTarget(settings.multicast_group, self._port, interface)
            self.outbox.append(Outgoing(datagram, target))
            self.traffic.sent(datagram, 1)
            return 1
        self._to(members, datagram)
        return len(members)

    def _to(self, members: list[Member], datagram: bytes) -> None:
        self.traffic.sent(datagram, len(members))
        for marked in (False, True):
            addresses = tuple(m.source for m in members if m.marked is marked)
            if addresses:
                # A peer behind NAT-T takes the non-ESP marker of RFC 3948 in front.
                self.outbox.append(Outgoing(NON_ESP_MARKER * marked + datagram, addresses))

    def expect(
        self,
        kek: GroupKek,
        settings: KekSettings,
        datagram: bytes,
        members: list[Member],
        now: float,
    ) -> None:
        """Wait for these members' acknowledgements of what was pushed last under a KEK."""
        self._outstanding.append(
            _Outstanding(
                kek.kek,
                kek.sequence,
                datagram,
                {member.address: member for member in members},
                settings.retransmissions,
                settings.retransmission_period,
                now + settings.retransmission_period,
            )
        )

    def count_sent(self, members: list[Member]) -> None:
        """A unicast push went to these."""
        for member in members:
            member.counters.push_sent += 1
        self.counters.push_sent += len(members)

    # Waiting

    def waits_for(self, member: Member) -> bool:
        """True while the member has not acknowledged some push."""
        return any(member.address in push.waiting for push in self._outstanding)

    def settle(self, member: Member) -> None:
        """Wait for that member no longer."""
        for push in self._outstanding:
            push.waiting.pop(member.address, None)

    def clear(self) -> None:
        """Wait for nobody any more."""
        self._outstanding.clear()

    def knows(self, spi: bytes) -> bool:
        """True while a push under that KEK may be acknowledged."""
        return any(push.kek.spi == spi for push in self._outstanding)

    def acknowledge(self, spi: bytes, ack: PushAck, source: Address) -> bool:
        """A member acknowledged a push; False when that is not so."""
        for push in self._outstanding:
            member = push.waiting.get(source[0])
            if member is None or push.kek.spi != spi or push.sequence != ack.sequence:
                continue
            if not _is_by(member, ack, source) or not ack.verify(push.kek, AckAlgorithm.KEK_SHA256):
                return False
            del push.waiting[source[0]]
            member.counters.push_acknowledged += 1
            self.counters.push_acknowledged += 1
            self.traffic.received(ack.size)
            return True
        return False

    # Time

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        return min((push.due for push in self._outstanding), default=None)

    def expire(self, now: float) -> list[Member]:
        """Repeat what is due; the members that did not acknowledge the last copy either."""
        silent: list[Member] = []
        for push in self._outstanding:
            if now >= push.due:
                silent += self._repeat(push, now)
        for member in silent:
            self.settle(member)
        self._outstanding = [push for push in self._outstanding if push.waiting]
        return silent

    def _repeat(self, push: _Outstanding, now: float) -> list[Member]:
        members = list(push.waiting.values())
        if push.tries_left > 0:
            push.tries_left -= 1
            push.due = now + push.period
            self._to(members, push.datagram)
            return []
        for member in members:
            member.counters.push_unacknowledged += 1
        self.counters.push_unacknowledged += len(members)
        push.waiting.clear()
        return members


def _is_by(member: Member, ack: PushAck, source: Address) -> bool:
    """RFC 8263 §3: it names the address of the pull; behind NAT the member cannot know that."""
    own = Identification.address(source[0])
    return member.marked or (ack.identity.type, ack.identity.data) == (own.type, own.data)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One group of a key server: who is in it, its keys, and what it pushes when.

Times follow Junos' description of Group VPN: a rekey is due at lifetime - 4 x
activation-time-delay; a unicast push is repeated ``number-of-retransmission`` times every
``retransmission-period`` seconds, and who then has not acknowledged it leaves the list; a
multicast push is neither acknowledged nor repeated; heartbeats carry the sequence number alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ..gdoi.acknowledgement import AckAlgorithm, PushAck
from ..gdoi.key_server import Address, Peer
from ..gdoi.numbers import KEK_DELETE_PROTOCOL, TekProtocol
from ..gdoi.payloads import GroupSa, KeyDownload, Profile, Sequence
from ..gdoi.pull import Grant
from ..gdoi.push import KEK_SPI_LENGTH, Kek, Push, seal_push
from ..ike.authentication import Credentials
from ..ike.payloads import Delete, Identification
from .keys import (
    GroupKek,
    GroupTek,
    SigningKeys,
    SpiPool,
    associated_policy,
    new_kek,
    new_tek,
    shared_kek,
    shared_teks,
)
from .settings import GroupSettings, KekSettings, TekSettings

_REKEY_DELAYS = 4


class Acknowledgement(Enum):
    """Whether members are asked to acknowledge a unicast push."""

    RFC8263 = "rfc8263"
    NONE = "none"


@dataclass(frozen=True)
class KeyPlane:
    """How a device speaks GDOI.

    ``local`` is the address and port of its socket; ``heartbeats`` is false for Group VPNv2, which
    keeps the statement but has deprecated it; ``any_aggressive`` lets gateways whose IKE policy
    says main mode use aggressive mode too; ``credentials`` are the device's certificates by name.
    """

    local: Address
    signing_keys: SigningKeys
    profile: Profile = Profile.RFC6407
    accepted_dois: tuple[int, ...] = (2,)
    acknowledgement: Acknowledgement = Acknowledgement.RFC8263
    heartbeats: bool = True
    any_aggressive: bool = False
    credentials: Mapping[str, Credentials] = field(default_factory=dict)
    on_kek: Callable[[Kek], None] = lambda kek: None


@dataclass(slots=True)
class MemberCounters:
    """Per member and group, as ``registered-members detail`` shows them."""

    pull_succeeded: int = 0
    pull_failed: int = 0
    pull_exceed_member_threshold: int = 0
    push_sent: int = 0
    push_acknowledged: int = 0
    push_unacknowledged: int = 0


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


@dataclass(slots=True)
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


@dataclass(frozen=True)
class Pushed:
    """A push went out; ``receivers`` is 1 for multicast."""

    group: str
    kind: str
    sequence: int
    receivers: int


@dataclass(frozen=True)
class WentSilent:
    """A member acknowledged no copy of a push and left the list."""

    group: str
    gateway: str
    address: str


GroupEvent = Pushed | WentSilent


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


def _rekey_due(created: float, lifetime: int, activation_time_delay: int) -> float:
    # A lifetime that leaves no room for the margin is rekeyed at its half.
    return created + lifetime - min(_REKEY_DELAYS * activation_time_delay, lifetime / 2)


class Group:
    """Members, keys and pushes of one group; ``outbox`` and ``events`` grow by what happens."""

    def __init__(self, settings: GroupSettings, plane: KeyPlane) -> None:
        self.settings = settings
        self.members: dict[str, Member] = {}
        self.counters = MemberCounters()
        self.traffic = Traffic()
        self.kek: GroupKek | None = None
        self.outbox: list[Outgoing] = []
        self.events: list[GroupEvent] = []
        self.pushes = 0
        self._plane = plane
        self._spis = SpiPool()
        # Newest first: the others are still good until their lifetime ends.
        self._teks: dict[str, list[GroupTek]] = {}
        self._outstanding: list[_Outstanding] = []
        self._heartbeat_due: float | None = None
        # Another server of the cluster makes the keys.
        self.follower = False
        # Sub-servers whose members have these keys too.
        self.shared_with: set[str] = set()
        self.version = 0

    # Registration

    def grant(self, peer: Peer, now: float) -> Grant | None:
        """Policy and keys for a member; None when there is nothing to give."""
        heartbeat = None
        if peer.extended and self.settings.kek is not None:
            heartbeat = self.settings.kek.heartbeat
        return self._everything(now, heartbeat)

    def _everything(self, now: float, heartbeat: int | None = None) -> Grant | None:
        kek = self._current_kek(now)
        teks = [tek for s in self.settings.teks for tek in self._living_teks(s, now)]
        if not teks and (kek is None or self.follower):
            return None
        policy = self._policy(kek, teks, now, heartbeat)
        return Grant(policy, _download(kek, teks), Sequence(kek.sequence) if kek else None)

    def enter(self, peer: Peer, now: float) -> Member:
        """A member has proved itself: list it."""
        address = peer.source[0]
        member = self.members.get(address)
        if member is None or member.gateway != peer.gateway:
            member = Member(peer.gateway, peer.source, peer.marked, now, now)
            self.members[address] = member
        member.source, member.marked = peer.source, peer.marked
        member.last_update = now
        member.counters.pull_succeeded += 1
        self.counters.pull_succeeded += 1
        # It has the newest keys now: there is nothing to wait for.
        for push in self._outstanding:
            push.waiting.pop(address, None)
        return member

    def _current_kek(self, now: float) -> GroupKek | None:
        settings = self.settings.kek
        if settings is None:
            return None
        if self.follower:
            return self.kek if self.kek is not None and self.kek.expires > now else None
        if self.kek is None or now >= self._kek_due(self.kek):
            self.kek = self._fresh_kek(settings, now)
        if self._heartbeat_due is None and settings.heartbeat is not None:
            self._heartbeat_due = now + settings.heartbeat
        return self.kek

    def _fresh_kek(self, settings: KekSettings, now: float) -> GroupKek:
        fresh = new_kek(settings, self._spis, self._plane.signing_keys, now)
        self._plane.on_kek(fresh.kek)
        self.version += 1
        return fresh

    def _living_teks(self, settings: TekSettings, now: float) -> list[GroupTek]:
        teks = [tek for tek in self._teks.get(settings.name, []) if tek.expires > now]
        if not self.follower and (not teks or now >= self._tek_due(teks[0])):
            teks.insert(0, new_tek(settings, self._spis, now))
            self.version += 1
        if teks:
            self._teks[settings.name] = teks
        return teks

    def _kek_due(self, kek: GroupKek) -> float:
        return _rekey_due(kek.created, kek.settings.lifetime, self.settings.activation_time_delay)

    def _tek_due(self, tek: GroupTek) -> float:
        return _rekey_due(tek.created, tek.settings.lifetime, self.settings.activation_time_delay)

    def _policy(
        self, kek: GroupKek | None, teks: list[GroupTek], now: float, heartbeat: int | None = None
    ) -> GroupSa:
        source = (self.settings.server_address or self._plane.local[0], self._plane.local[1])
        return GroupSa(
            kek.policy(source, self._ack_algorithm(kek), now) if kek else None,
            associated_policy(self.settings.activation_time_delay, heartbeat),
            tuple(policy for tek in teks for policy in tek.policies(now)),
        )

    def _ack_algorithm(self, kek: GroupKek) -> int | None:
        asked = self._plane.acknowledgement is Acknowledgement.RFC8263
        return AckAlgorithm.KEK_SHA256 if asked and not kek.settings.is_multicast else None

    # Configuration

    def reconfigure(self, new: GroupSettings, now: float) -> None:
        """A commit changed the group: act on it at once."""
        old, self.settings = self.settings, new
        expelled = [a for a, m in self.members.items() if m.gateway not in new.gateways]
        for address in expelled:
            self._forget(address)
        if old.kek is None or new.kek is None:
            self._switch(old.kek, new.kek, now)
            self._drop_changed_teks(now)
            return
        if old.kek.heartbeat != new.kek.heartbeat:
            self._heartbeat_due = new.kek.heartbeat and now + new.kek.heartbeat
        replaced = self._drop_changed_teks(now)
        if self.kek is None or self.follower:
            # The root server's commit makes the keys that this one is for.
            return
        fresh = None
        if expelled or new.kek.needs_new_key(old.kek):
            fresh = self._fresh_kek(new.kek, now)
        else:
            self.kek.settings = new.kek
        deletes = _tek_deletion(replaced)
        known = {tek.name for tek in old.teks}
        if expelled:
            # RFC 6407 §7.4.1: who left must not read the new traffic keys, so they go out in a
            # second push under the new KEK; that one they were not sent.
            self._push("kek", now, kek=fresh)
            fresh = None
        names = [s.name for s in new.teks if expelled or self._is_new(s, known)]
        if fresh or names or deletes:
            self._push("policy", now, kek=fresh, teks=self._renew(names, now), deletes=deletes)

    def _is_new(self, settings: TekSettings, known: set[str]) -> bool:
        teks = self._teks.get(settings.name)
        return settings.name not in known or not teks or teks[0].settings != settings

    def _switch(self, old: KekSettings | None, new: KekSettings | None, now: float) -> None:
        if old is None and new is not None:
            # Junos: the list is cleared when server-member communication becomes configured.
            self.members.clear()
        elif new is None and self.kek is not None:
            spi = self.kek.kek.spi
            self._push("delete", now, deletes=(Delete(KEK_DELETE_PROTOCOL, (spi,)),))
        if old != new:
            self.kek, self._heartbeat_due = None, None
            self._outstanding.clear()

    def _drop_changed_teks(self, now: float) -> list[GroupTek]:
        """Forget TEKs whose traffic is no longer protected by them; those that went."""
        wanted = {tek.name: tek for tek in self.settings.teks}
        gone: list[GroupTek] = []
        for name, teks in list(self._teks.items()):
            settings = wanted.get(name)
            if settings is None or settings.selectors != teks[0].settings.selectors:
                gone += [tek for tek in self._teks.pop(name) if tek.expires > now]
        return gone

    def dissolve(self, now: float) -> None:
        """The group is gone, or cleared at once: tell its members to delete everything.

        RFC 6407 §5.9: an SPI of zero means all of them; KEK last.
        """
        if self.kek is not None:
            everything = (
                Delete(TekProtocol.ESP, (bytes(4),)),
                Delete(KEK_DELETE_PROTOCOL, (bytes(KEK_SPI_LENGTH),)),
            )
            self._push("delete", now, deletes=everything)
        self.members.clear()
        self._outstanding.clear()
        self._teks.clear()
        self.kek, self._heartbeat_due = None, None

    def clear(self, now: float) -> None:
        """Give everyone new keys once more and empty the list."""
        names = [settings.name for settings in self.settings.teks]
        if self.kek is not None and self.settings.kek is not None:
            fresh = self._fresh_kek(self.settings.kek, now)
            self._push("policy", now, kek=fresh, teks=self._renew(names, now))
        else:
            self._teks.clear()
        self._outstanding.clear()
        self.members.clear()

    def _forget(self, address: str) -> None:
        del self.members[address]
        for push in self._outstanding:
            push.waiting.pop(address, None)

    # Pushes

    def _renew(self, names: Iterable[str], now: float) -> list[GroupTek]:
        wanted = {settings.name: settings for settings in self.settings.teks}
        fresh = []
        self.version += 1
        for name in names:
            tek = new_tek(wanted[name], self._spis, now)
            living = [t for t in self._teks.get(name, []) if t.expires > now]
            self._teks[name] = [tek, *living]
            fresh.append(tek)
        return fresh

    def _push(
        self,
        kind: str,
        now: float,
        kek: GroupKek | None = None,
        teks: Iterable[GroupTek] = (),
        deletes: tuple[Delete, ...] = (),
    ) -> None:
        """Send under the current KEK; ``kek``, when given, is the current one from then on."""
        current, teks = self.kek, list(teks)
        assert current is not None
        current.sequence += 1
        # The reference implementation names the KEK in every push, a new one or not.
        named = kek
        if named is None and teks and self._plane.profile is Profile.CISCO_REFERENCE:
            named = current
        # RFC 6407 §4: SA and KD are left out when nothing remains to be said.
        policy = self._policy(named, teks, now) if named or teks else None
        push = Push(current.sequence, deletes, policy, _download(named, teks) if policy else None)
        datagram = seal_push(push, current.kek, current.signing_key, self._plane.profile)
        members = [m for m in self.members.values() if not self._is_waiting(m, push)]
        self._send(current, datagram, members)
        self.pushes += 1
        receivers = 1 if current.settings.is_multicast else len(members)
        self.events.append(Pushed(self.settings.name, kind, current.sequence, receivers))
        if not push.is_heartbeat:
            self._expect(current, push.sequence, datagram, members, now)
        if kek is not None:
            if self._plane.profile is Profile.CISCO_REFERENCE:
                kek.sequence = current.sequence
            self.kek = kek

    def _is_waiting(self, member: Member, push: Push) -> bool:
        # A heartbeat would make an older push that is still being repeated look replayed.
        return push.is_heartbeat and any(
            member.address in outstanding.waiting for outstanding in self._outstanding
        )

    def _send(self, kek: GroupKek, datagram: bytes, members: list[Member]) -> None:
        settings = kek.settings
        if settings.is_multicast and settings.multicast_group is not None:
            target = MulticastTarget(
                settings.multicast_group, self._plane.local[1], settings.multicast_interface
            )
            self.outbox.append(Outgoing(datagram, target))
            self.traffic.sent(datagram, 1)
            return
        self.traffic.sent(datagram, len(members))
        for marked in (False, True):
            addresses = tuple(m.source for m in members if m.marked is marked)
            if addresses:
                # A peer behind NAT-T takes the non-ESP marker of RFC 3948 in front.
                self.outbox.append(Outgoing(bytes(4) * marked + datagram, addresses))

    def _expect(
        self, kek: GroupKek, sequence: int, datagram: bytes, members: list[Member], now: float
    ) -> None:
        if kek.settings.is_multicast:
            self.counters.push_sent += 1
            return
        for member in members:
            member.counters.push_sent += 1
        self.counters.push_sent += len(members)
        if self._ack_algorithm(kek) is None or not members:
            return
        settings = self.settings.kek or kek.settings
        self._outstanding.append(
            _Outstanding(
                kek.kek,
                sequence,
                datagram,
                {member.address: member for member in members},
                settings.retransmissions,
                settings.retransmission_period,
                now + settings.retransmission_period,
            )
        )

    def acknowledge(self, spi: bytes, ack: PushAck, source: Address) -> bool:
        """A member acknowledged a push; False when that is not so."""
        for push in self._outstanding:
            member = push.waiting.get(source[0])
            if member is None or push.kek.spi != spi or push.sequence != ack.sequence:
                continue
            own = Identification.address(source[0])
            identity = ack.identity
            # RFC 8263 §3: the address of the pull; behind NAT the member cannot know it.
            if not member.marked and (identity.type, identity.data) != (own.type, own.data):
                return False
            if not ack.verify(push.kek, AckAlgorithm.KEK_SHA256):
                return False
            del push.waiting[source[0]]
            member.counters.push_acknowledged += 1
            self.counters.push_acknowledged += 1
            self.traffic.input_packets += 1
            self.traffic.input_bytes += ack.size
            return True
        return False

    def knows(self, spi: bytes) -> bool:
        """True while a push under that KEK may be acknowledged."""
        current = self.kek is not None and self.kek.kek.spi == spi
        return current or any(push.kek.spi == spi for push in self._outstanding)

    # Time

    @property
    def _in_use(self) -> bool:
        return bool(self.members or self.shared_with)

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        due = [push.due for push in self._outstanding]
        if self.kek is not None and self._in_use:
            if not self.follower:
                due.append(self._kek_due(self.kek))
                due += [self._tek_due(teks[0]) for teks in self._teks.values()]
            if self._heartbeat_due is not None:
                due.append(self._heartbeat_due)
        return min(due, default=None)

    def expire(self, now: float) -> None:
        """Do what is due: repeat, give up, rekey, show a sign of life."""
        for push in self._outstanding:
            if now >= push.due:
                self._repeat(push, now)
        self._outstanding = [push for push in self._outstanding if push.waiting]
        if self.kek is None or not self._in_use:
            return
        kek_due = now >= self._kek_due(self.kek)
        names = [name for name, teks in self._teks.items() if now >= self._tek_due(teks[0])]
        if (kek_due or names) and self.settings.kek is not None and not self.follower:
            fresh = self._fresh_kek(self.settings.kek, now) if kek_due else None
            self._push("rekey", now, kek=fresh, teks=self._renew(names, now))
        heartbeat = self.settings.kek.heartbeat if self.settings.kek else None
        if heartbeat and self._heartbeat_due is not None and now >= self._heartbeat_due:
            # A clock that jumped must not be made up for with a burst.
            missed = int((now - self._heartbeat_due) // heartbeat)
            self._heartbeat_due += (missed + 1) * heartbeat
            self._push("heartbeat", now)

    def _repeat(self, push: _Outstanding, now: float) -> None:
        members = list(push.waiting.values())
        if push.tries_left > 0:
            self.traffic.sent(push.datagram, len(members))
            push.tries_left -= 1
            push.due = now + push.period
            for marked in (False, True):
                addresses = tuple(m.source for m in members if m.marked is marked)
                if addresses:
                    self.outbox.append(Outgoing(bytes(4) * marked + push.datagram, addresses))
            return
        for member in members:
            member.counters.push_unacknowledged += 1
            self.counters.push_unacknowledged += 1
            self.events.append(WentSilent(self.settings.name, member.gateway, member.address))
            self.members.pop(member.address, None)
            for other in self._outstanding:
                other.waiting.pop(member.address, None)

    # Server clusters

    @property
    def has_keys(self) -> bool:
        """True when members may hold keys of this group."""
        return self.kek is not None or bool(self._teks)

    def share(self, now: float) -> Grant | None:
        """Every key that is still good, for another server of the cluster."""
        return self._everything(now)

    def lead(self) -> None:
        """Make keys from now on: this is the root, or the root is gone."""
        self.follower = False

    def follow(self, state: Grant | None, now: float) -> None:
        """Take over another server's keys, and push to our members what is new to them.

        Keys that do not fit our own configuration are left out: both servers need the same one.
        Raises MalformedPayload.
        """
        kek = shared_kek(state, self.settings.kek, self._plane.signing_keys, now)
        teks = shared_teks(state, self.settings.teks, now)
        self.follower = True
        if state is None:
            return
        known = {tek.spi: tek for tek in self.teks(now)}
        wanted = {tek.spi for tek in teks}
        fresh = [tek for tek in teks if tek.spi not in known]
        gone = [tek for tek in known.values() if tek.spi not in wanted]
        rolled = kek if kek and not (self.kek and self.kek.kek.spi == kek.kek.spi) else None
        for settings in self.settings.teks:
            own = [tek for tek in teks if tek.settings.name == settings.name]
            if own:
                self._teks[settings.name] = sorted(own, key=lambda t: t.created, reverse=True)
            else:
                self._teks.pop(settings.name, None)
        if self.kek is not None and (rolled or fresh or gone):
            self._push("rekey", now, kek=rolled, teks=fresh, deletes=_tek_deletion(gone))
        if self.kek is None:
            self.kek = kek
        elif kek is not None and rolled is None:
            self.kek.sequence = max(self.kek.sequence, kek.sequence)
        if rolled is not None:
            self._plane.on_kek(rolled.kek)

    # What operators see

    def teks(self, now: float) -> list[GroupTek]:
        """Every TEK that is still good."""
        return [tek for teks in self._teks.values() for tek in teks if tek.expires > now]

    def activated_at(self, kek: GroupKek) -> float:
        """When everyone is to use a KEK that was pushed."""
        return kek.created + self.settings.activation_time_delay

    def rekey_due(self) -> float | None:
        """When the next KEK is due; None without a KEK."""
        return None if self.kek is None else self._kek_due(self.kek)


def _download(kek: GroupKek | None, teks: Iterable[GroupTek]) -> KeyDownload:
    packets = [tek.packet() for tek in teks]
    return KeyDownload((*packets, kek.packet()) if kek else tuple(packets))


def _tek_deletion(teks: list[GroupTek]) -> tuple[Delete, ...]:
    spis = tuple(tek.spi for tek in teks)
    return (Delete(TekProtocol.ESP, spis),) if spis else ()

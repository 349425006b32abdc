# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One group of a key server: its members, its keys, and what it tells them when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from weakref import WeakSet

from ..gdoi.acknowledgement import PushAck
from ..gdoi.arrival import Peer
from ..gdoi.numbers import LAST_SEQUENCE
from ..gdoi.payloads import Profile
from ..gdoi.push import Push, seal_push
from ..ike.nat import Address
from ..ike.numbers import NotifyType
from ..ike.payloads import Delete
from ..ike.refusal import Refused
from ..ike.wire import MalformedPayload
from .audience import Audience
from .contents import contents, kek_deletion, tek_deletion, whole_deletion
from .durable import Unfinished, decode_state, kept
from .heartbeat import Heartbeat
from .keyring import Hearer, Keyring
from .keys import GroupKek, GroupTek, associated_policy
from .members import Member, MemberList
from .plane import KeyPlane
from .pushes import Pushes, Retransmission
from .registration import MadePush, Promise
from .settings import GroupSettings, KekSettings, TekSettings

_AT_ONCE = 0.0


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


@dataclass(frozen=True)
class KeysLost:
    """What was kept of a group's keys cannot be read: new ones are made."""

    group: str
    reason: str


GroupEvent = Pushed | WentSilent | KeysLost


class Group:
    """Members, keys and pushes of one group; ``events`` grows by what happens.

    ``shared_with`` names whoever passes these keys on to members of its own.
    """

    def __init__(self, settings: GroupSettings, plane: KeyPlane) -> None:
        self.settings = settings
        self.members = MemberList()
        self.keyring = Keyring(settings, plane)
        self.pushes = Pushes(plane.push_source[1], self.members.counters, plane.unicast_push_port)
        self.events: list[GroupEvent] = []
        self.shared_with: set[str] = set()
        # Others who make use of the same keys are to know of them before members do: until then.
        self.held_until = _AT_ONCE
        # TEKs that a commit took away here, where the next ones come from elsewhere: members have
        # them, and are told together with what comes in their place.
        self.orphans: list[GroupTek] = []
        self.profile = plane.profile
        self._audience = Audience(self.members, self.pushes)
        # Those whose member never came back are forgotten with the pull that they were made for.
        self._promises: WeakSet[Promise] = WeakSet()

        self.heartbeat = Heartbeat()
        self._store, self._kept = plane.key_store, self._fingerprint
        self._is_restored = False

    # Across a restart

    def restore(self, now: float) -> None:
        """Go on with the keys that were kept."""
        state = self._store.group_keys(self.settings.name)
        if state is None:
            return
        try:
            known = decode_state(state)
            # The clock may have been set back meanwhile: nothing was kept in the future.
            self.keyring.restore(known.grant, min(known.at, now), now)
        except MalformedPayload as error:
            self.events.append(KeysLost(self.settings.name, str(error)))
            return
        self._push_again(known.unfinished, now)
        self._kept = self._fingerprint
        self._is_restored = self.keyring.kek is not None
        if self.keyring.kek is not None:
            self.heartbeat.resume(self._interval, now)

    def _push_again(self, unfinished: Iterable[Unfinished], now: float) -> None:
        """Nobody is listed after a restart; yet who was being told something is told it."""
        had = self.keyring.teks.known(now)
        for one in unfinished:
            members = [
                self._audience.leaver(peer, had, now)
                for peer in one.peers
                if peer.gateway in self.settings.gateways
            ]
            for made in one.made:
                self.pushes.deliver(made, members, self._retransmission, now)

    @property
    def _fingerprint(self) -> tuple[object, ...]:
        """Differs when there is something else to keep."""
        return (self.keyring.fingerprint, self._audience.has_heard_all)

    def keep(self, now: float) -> None:
        """Keep the keys, before anything under them is sent, and what is still to be told."""
        fingerprint = self._fingerprint
        if fingerprint == self._kept:
            return
        state = kept(self.keyring.snapshot(now), now, self._audience.unfinished())
        self._store.set_group_keys(self.settings.name, state)
        self._kept = fingerprint

    def forget(self) -> None:
        """The group is configured no longer: nothing of it comes back."""
        self._store.set_group_keys(self.settings.name, None)

    # Registration

    def promise(self, peer: Peer, now: float) -> Promise | None:
        """Policy and keys for a member; None when there is nothing to give."""
        # What is due goes out to all before it is given to one.
        self.expire(now)
        interval = self._interval
        gap = associated_policy(
            self.keyring.teks.shortest_delay(now), interval if peer.extended else None
        )
        lag = self._audience.lag_of(peer, partial(self.keyring.teks.known, now))
        granted = self.keyring.grant(now, Hearer(gap, lag))
        if granted is None:
            return None
        if granted.sa.kek is not None:
            self.heartbeat.start(interval, now)
        promise = Promise(granted, now)
        self._promises.add(promise)
        return promise

    def succeed(self, before: Group) -> None:
        """This group has the name or the id of one that is no longer."""
        same_id = self.settings.group_id == before.settings.group_id
        self._audience.succeed(before._audience, same_members=same_id)
        if same_id:
            self.keyring.teks.gone.succeed(before.keyring.teks.gone)

    def enter(self, peer: Peer, promise: Promise, now: float) -> None:
        """A member has proved itself: list it, and push it what was pushed since message 2.

        Raises Refused when it would not have the keys that everybody has.
        """
        if promise.is_over(now) or not self._is_kept(promise, now):
            raise Refused(
                NotifyType.INVALID_MESSAGE_ID, "the group's keys have changed: register again"
            )
        self._promises.discard(promise)
        member = self._audience.enter(peer, now)
        for made in promise.missed:
            self._deliver(made, [member], now)

    def _is_kept(self, promise: Promise, now: float) -> bool:
        """True when who was promised this has, with what was pushed since, what everybody has."""
        kek, newest = self.keyring.kek, self.keyring.teks.newest_spis(now)
        if newest is None or (kek is None and self.settings.kek is not None):
            return not self.keyring.leads
        return promise.leads_to(kek.kek.spi if kek is not None else None, newest)

    @property
    def _interval(self) -> int | None:
        return self.settings.kek.heartbeat if self.settings.kek is not None else None

    # Configuration

    def reconfigure(self, new: GroupSettings, now: float) -> None:
        """A commit changed the group: act on it at once."""
        old, self.settings = self.settings, new
        self.keyring.configure(new, now)
        expelled = self.members.outside(new.gateways)
        for member in expelled:
            self._audience.expel(member)
        # It may be let in again: then it has keys still that the others have dropped meanwhile.
        self._left(expelled, now)
        if old.kek is None or new.kek is None:
            self._switch(old.kek, new.kek, now)
            self.keyring.teks.drop_changed(now)
            return
        if old.kek.heartbeat != new.kek.heartbeat:
            self.heartbeat.restart(new.kek.heartbeat, now)
        replaced = self.keyring.teks.drop_changed(now)
        if self.keyring.kek is not None and self.keyring.leads:
            self._rekey_changed(old, new.kek, replaced, bool(expelled), now)
        else:
            # Where keys come from elsewhere, a commit there makes those that this one is for.
            self.orphans += replaced

    def _rekey_changed(
        self,
        old: GroupSettings,
        kek: KekSettings,
        replaced: list[GroupTek],
        expelled: bool,
        now: float,
    ) -> None:
        fresh = None
        if expelled or (old.kek is not None and kek.needs_new_key(old.kek)):
            fresh = self.keyring.fresh_kek(kek, now)
        elif self.keyring.kek is not None:
            self.keyring.kek.settings = kek
        deletes = tek_deletion(replaced)
        known = {tek.name for tek in old.teks}
        if expelled:
            # RFC 6407 §7.4.1: who left must not read the new traffic keys, so they go out in a
            # second push under the new KEK; that one they were not sent.
            self.push("kek", now, kek=fresh)
            fresh = None
        names = [s.name for s in self.settings.teks if expelled or self._is_new(s, known)]
        if fresh or names or deletes:
            teks = self.keyring.teks.renew(names, now)
            self.push("policy", now, kek=fresh, teks=teks, deletes=deletes)
            if not (fresh or teks):
                self.keyring.teks.gone.withdraw(replaced, now)

    def lead(self, now: float) -> None:
        """The keys are made here from now on; a KEK of other settings is followed by another."""
        self.keyring.leads = True
        kek, wanted = self.keyring.kek, self.settings.kek
        if kek is not None and wanted is not None and wanted.needs_new_key(kek.settings):
            self.push("policy", now, kek=self.keyring.fresh_kek(wanted, now))

    def _is_new(self, settings: TekSettings, known: set[str]) -> bool:
        newest = self.keyring.teks.newest(settings.name)
        return settings.name not in known or newest is None or newest.settings != settings

    def _switch(self, old: KekSettings | None, new: KekSettings | None, now: float) -> None:
        kek = self.keyring.kek
        if old is None and new is not None:
            # Junos: the list is cleared when server-member communication becomes configured.
            self._empty(now)
        elif new is None and kek is not None:
            self.push("delete", now, deletes=(kek_deletion(kek),))
        if old != new:
            self.keyring.kek = None
            self.heartbeat.stop()

    def dissolve(self, now: float) -> None:
        """The group is gone, or cleared at once: tell its members to delete everything."""
        if self.keyring.kek is not None:
            teks = self.keyring.teks.good(now)
            deletes = whole_deletion(self.keyring.kek, teks, self.profile)
            self.push("delete", now, deletes=deletes)
            self.keyring.teks.withdraw_all(now)
        self._empty(now)
        self.keyring.teks.drop()
        self.orphans.clear()
        self.keyring.kek = None
        self.heartbeat.stop()

    def clear(self, now: float) -> None:
        """Give everyone new keys once more and empty the list.

        Where nobody would hear of new ones the keys stay: those who were on the list have them.
        """
        kek = self.keyring.kek
        if kek is not None and not (self._in_use or kek.settings.is_multicast):
            return
        names = [settings.name for settings in self.settings.teks]
        if self.keyring.kek is not None and self.settings.kek is not None:
            fresh = self.keyring.fresh_kek(self.settings.kek, now)
            self.push("policy", now, kek=fresh, teks=self.keyring.teks.renew(names, now))
        else:
            self.keyring.teks.drop()
        self._empty(now)

    def _empty(self, now: float) -> None:
        """Nobody is listed any more; what was pushed is repeated until they have it."""
        self._left(self.members, now)
        self.members.clear()

    def _left(self, members: Iterable[Member], now: float) -> None:
        """These are off the list."""
        self._audience.left(members, self.keyring.teks.known(now), now)

    # Pushes

    def push(
        self,
        kind: str,
        now: float,
        kek: GroupKek | None = None,
        teks: Iterable[GroupTek] = (),
        deletes: tuple[Delete, ...] = (),
    ) -> None:
        """Send under the current KEK; ``kek``, when given, is the current one from then on."""
        current = self.keyring.kek
        assert current is not None
        if current.sequence >= LAST_SEQUENCE:
            # Somebody else used them up, and makes the keys: members come back by themselves.
            return
        current.sequence += 1
        kek = kek or self._successor(current, now)
        push = contents(self.keyring, current, kek, list(teks), deletes, self.profile, now)
        datagram = seal_push(push, current.kek, current.signing_key, self.profile)
        made = MadePush(current.kek, current.sequence, datagram, push.is_heartbeat)
        receivers = self._send(push, made, current, now)
        self.events.append(Pushed(self.settings.name, kind, current.sequence, receivers))
        for promise in self._promises:
            promise.note(made, push)
        if kek is not None:
            if self.profile is Profile.CISCO_REFERENCE:
                kek.sequence = current.sequence
            self.keyring.kek = kek

    def _successor(self, current: GroupKek, now: float) -> GroupKek | None:
        """A KEK that comes with the last push of the current one: behind it is no number."""
        if current.sequence < LAST_SEQUENCE or not self.keyring.leads:
            return None
        # RFC 6407 §4.3: the next push is under another.
        return self.keyring.fresh_kek(current.settings, now)

    def _send(self, push: Push, made: MadePush, current: GroupKek, now: float) -> int:
        """Send to whom it concerns; how many that are."""
        self.pushes.count += 1
        if current.settings.is_multicast:
            self.pushes.to_group(current.settings, made.datagram, counted=not push.is_heartbeat)
            return 1
        members = list(self.members)
        self._deliver(made, members, now)
        return len(members)

    def _deliver(self, made: MadePush, members: list[Member], now: float) -> None:
        kek = self.keyring.kek
        asked = kek is not None and self.keyring.ack_algorithm(kek) is not None
        self.pushes.deliver(made, members, self._retransmission if asked else None, now)

    @property
    def _retransmission(self) -> Retransmission | None:
        kek = self.keyring.kek
        settings = self.settings.kek or (kek.settings if kek is not None else None)
        if settings is None:
            return None
        return Retransmission(settings.retransmissions, settings.retransmission_period)

    def acknowledge(self, spi: bytes, ack: PushAck, source: Address, now: float) -> bool:
        """A member acknowledged a push; False when that is not so."""
        return self._audience.acknowledge(spi, ack, source, now)

    def knows(self, spi: bytes) -> bool:
        """True while a push under that KEK may be acknowledged."""
        kek = self.keyring.kek
        return (kek is not None and kek.kek.spi == spi) or self.pushes.knows(spi)

    # Time

    @property
    def _in_use(self) -> bool:
        kek = self.keyring.kek
        listening = self._is_restored and kek is not None and kek.settings.is_multicast
        return bool(len(self.members) or self.shared_with or listening)

    @property
    def _feeds_others(self) -> bool:
        """True when keys that are made here are passed on by servers with members of their own."""
        return bool(self.shared_with) and self.keyring.leads

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        due = [self.pushes.deadline()]
        if self.pushes.outbox and self.held_until:
            due.append(self.held_until)
        if self.keyring.kek is not None and self._in_use:
            due += [self.keyring.deadline(), self.heartbeat.due]
        elif self._feeds_others:
            due.append(self.keyring.deadline())
        if self._feeds_others and self.keyring.lacks:
            due.append(_AT_ONCE)
        return min((d for d in due if d is not None), default=None)

    def is_held(self, now: float) -> bool:
        """True while members are not told yet."""
        return now < self.held_until

    @property
    def has_something_to_say(self) -> bool:
        """True while something is to be sent, repeated or told."""
        return bool(self.pushes.outbox or self.events or self.pushes.deadline() is not None)

    def expire(self, now: float) -> None:
        """Do what is due: repeat, give up, rekey, show a sign of life."""
        silent = [one for one in self.pushes.expire(now) if self.members.discard(one)]
        if silent:
            self._left(silent, now)
        name = self.settings.name
        self.events += [WentSilent(name, one.gateway, one.address) for one in silent]
        if self._feeds_others and (self.keyring.kek is None or self.keyring.lacks):
            # There may be nobody here who registers and so asks for keys, or for new ones.
            self.keyring.grant(now)
        if self.keyring.kek is None or not self._in_use:
            return
        kek_due, names = self.keyring.due(now)
        if (kek_due or names) and self.settings.kek is not None:
            fresh = self.keyring.fresh_kek(self.settings.kek, now) if kek_due else None
            self.push("rekey", now, kek=fresh, teks=self.keyring.teks.renew(names, now))
        if self.heartbeat.expire(self._interval, now):
            self.push("heartbeat", now)

    # What operators see

    def activated_at(self, kek: GroupKek) -> float:
        """When everyone is to use a KEK that was pushed."""
        return kek.created + self.settings.activation_time_delay

    def reset_counters(self) -> None:
        """Counters of the group and its members back to zero."""
        self.members.reset_counters()
        self.pushes.counters = self.members.counters

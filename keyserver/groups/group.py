# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One group of a key server: its members, its keys, and what it tells them when."""

from __future__ import annotations

from collections.abc import Iterable

from ..ike.wire import MalformedPayload
from .audience import Audience
from .contents import kek_deletion, tek_deletion, whole_deletion
from .events import GroupEvent, KeysLost, WentSilent
from .groupkey_pull import GroupkeyPull
from .groupkey_push import GroupkeyPush
from .heartbeat import Heartbeat
from .keyring import Keyring
from .keys import GroupTek
from .members import Member, MemberList
from .plane import KeyPlane
from .pushes import Pushes
from .record import GroupRecord
from .settings import GroupSettings, KekSettings, TekSettings

_AT_ONCE = 0.0


class Group:
    """Members, keys and pushes of one group, and what a commit makes of them; ``events`` grows.

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
        self.heartbeat = Heartbeat()
        self.audience = Audience(self.members, self.pushes)
        self.push = GroupkeyPush(
            self.keyring, self.members, self.pushes, plane.profile, self.events
        )
        self.pull = GroupkeyPull(self.keyring, self.audience, self.push, self.heartbeat)
        self.record = GroupRecord(plane.key_store, self.keyring, self.audience, self.push)
        self._profile = plane.profile
        self._is_restored = False

    def restore(self, now: float) -> None:
        """Go on with the keys that were kept."""
        try:
            self.record.restore(now)
        except MalformedPayload as error:
            self.events.append(KeysLost(self.settings.name, str(error)))
            return
        self._is_restored = self.keyring.kek is not None
        if self._is_restored:
            self.heartbeat.resume(self.settings.heartbeat, now)

    def succeed(self, before: Group) -> None:
        """This group has the name or the id of one that is no longer."""
        same_id = self.settings.group_id == before.settings.group_id
        self.audience.succeed(before.audience, same_members=same_id)
        if same_id:
            self.keyring.teks.gone.succeed(before.keyring.teks.gone)

    # Configuration

    def reconfigure(self, new: GroupSettings, now: float) -> None:
        """A commit changed the group: act on it at once."""
        old, self.settings = self.settings, new
        self.keyring.configure(new, now)
        expelled = self.members.outside(new.gateways)
        for member in expelled:
            self.audience.expel(member)
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
            self.push.send("kek", now, kek=fresh)
            fresh = None
        names = [s.name for s in self.settings.teks if expelled or self._is_new(s, known)]
        if fresh or names or deletes:
            teks = self.keyring.teks.renew(names, now)
            self.push.send("policy", now, kek=fresh, teks=teks, deletes=deletes)
            if not (fresh or teks):
                self.keyring.teks.gone.withdraw(replaced, now)

    def lead(self, now: float) -> None:
        """The keys are made here from now on; those of other settings are followed by others."""
        led, self.keyring.leads = self.keyring.leads, True
        kek, wanted, teks = self.keyring.kek, self.settings.kek, self.keyring.teks
        if led or kek is None or wanted is None:
            return
        fresh = self.keyring.fresh_kek(wanted, now) if wanted.needs_new_key(kek.settings) else None
        newest = {settings: teks.newest(settings.name) for settings in self.settings.teks}
        names = [s.name for s, tek in newest.items() if tek is not None and tek.settings != s]
        if fresh or names:
            self.push.send("policy", now, kek=fresh, teks=teks.renew(names, now))

    def _is_new(self, settings: TekSettings, known: set[str]) -> bool:
        newest = self.keyring.teks.newest(settings.name)
        return settings.name not in known or newest is None or newest.settings != settings

    def _switch(self, old: KekSettings | None, new: KekSettings | None, now: float) -> None:
        kek = self.keyring.kek
        if old is None and new is not None:
            # Junos: the list is cleared when server-member communication becomes configured.
            self._empty(now)
        elif new is None and kek is not None:
            self.push.send("delete", now, deletes=(kek_deletion(kek),))
        if old != new:
            self.keyring.kek = None
            self.heartbeat.stop()

    def dissolve(self, now: float) -> None:
        """The group is gone, or cleared at once: tell its members to delete everything."""
        if self.keyring.kek is not None:
            teks = self.keyring.teks.good(now)
            deletes = whole_deletion(self.keyring.kek, teks, self._profile)
            self.push.send("delete", now, deletes=deletes)
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
            self.push.send("policy", now, kek=fresh, teks=self.keyring.teks.renew(names, now))
        else:
            self.keyring.teks.drop()
        self._empty(now)

    def _empty(self, now: float) -> None:
        """Nobody is listed any more; what was pushed is repeated until they have it."""
        self._left(self.members, now)
        self.members.clear()

    def _left(self, members: Iterable[Member], now: float) -> None:
        """These are off the list."""
        self.audience.left(members, self.keyring.teks.known(now), now)

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
            self.push.send("rekey", now, kek=fresh, teks=self.keyring.teks.renew(names, now))
        if self.heartbeat.expire(self.settings.heartbeat, now):
            self.push.send("heartbeat", now)

    def reset_counters(self) -> None:
        """Counters of the group and its members back to zero."""
        self.members.reset_counters()
        self.pushes.counters = self.members.counters

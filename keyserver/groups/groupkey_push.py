# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""GROUPKEY-PUSH (RFC 6407 §4) of one group: what is told under its KEK, to everybody or to some."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakSet

from ..gdoi.numbers import LAST_SEQUENCE
from ..gdoi.payloads import Profile
from ..gdoi.push import Push, seal_push
from ..ike.payloads import Delete
from .contents import contents
from .events import GroupEvent, Pushed
from .keyring import Keyring
from .keys import GroupKek, GroupTek
from .members import Member, MemberList
from .pushes import Pushes, Retransmission
from .registration import MadePush, Promise


class GroupkeyPush:
    """Numbers and seals pushes, and sends them as the KEK says; ``events`` grows by each."""

    def __init__(
        self,
        keyring: Keyring,
        members: MemberList,
        pushes: Pushes,
        profile: Profile,
        events: list[GroupEvent],
    ) -> None:
        self._keyring, self._members, self._pushes = keyring, members, pushes
        self._profile, self._events = profile, events
        # Those whose member never came back are forgotten with the pull that they were made for.
        self._promises: WeakSet[Promise] = WeakSet()

    def begin(self, promise: Promise) -> None:
        """A member is between messages 2 and 4: what is pushed meanwhile is kept for it."""
        self._promises.add(promise)

    def complete(self, promise: Promise, member: Member, now: float) -> None:
        """It is on the list: it gets what was pushed since message 2."""
        self._promises.discard(promise)
        for made in promise.missed:
            self._deliver(made, [member], now)

    def send(
        self,
        kind: str,
        now: float,
        kek: GroupKek | None = None,
        teks: Iterable[GroupTek] = (),
        deletes: tuple[Delete, ...] = (),
    ) -> None:
        """Send under the current KEK; ``kek``, when given, is the current one from then on."""
        keyring, current = self._keyring, self._keyring.kek
        assert current is not None
        if current.sequence >= LAST_SEQUENCE:
            # Somebody else used them up, and makes the keys: members come back by themselves.
            return
        current.sequence += 1
        kek = kek or self._successor(current, now)
        push = contents(keyring, current, kek, list(teks), deletes, self._profile, now)
        datagram = seal_push(push, current.kek, current.signing_key, self._profile)
        made = MadePush(current.kek, current.sequence, datagram, push.is_heartbeat)
        receivers = self._to_all(push, made, current, now)
        self._events.append(Pushed(keyring.settings.name, kind, current.sequence, receivers))
        for promise in self._promises:
            promise.note(made, push)
        if kek is not None:
            if self._profile is Profile.CISCO_REFERENCE:
                kek.sequence = current.sequence
            keyring.kek = kek

    def _successor(self, current: GroupKek, now: float) -> GroupKek | None:
        """A KEK that comes with the last push of the current one: behind it is no number."""
        if current.sequence < LAST_SEQUENCE or not self._keyring.leads:
            return None
        # RFC 6407 §4.3: the next push is under another.
        return self._keyring.fresh_kek(current.settings, now)

    def _to_all(self, push: Push, made: MadePush, current: GroupKek, now: float) -> int:
        """Send to whom it concerns; how many that are."""
        self._pushes.count += 1
        if current.settings.is_multicast:
            self._pushes.to_group(current.settings, made.datagram, counted=not push.is_heartbeat)
            return 1
        members = list(self._members)
        self._deliver(made, members, now)
        return len(members)

    def _deliver(self, made: MadePush, members: list[Member], now: float) -> None:
        kek = self._keyring.kek
        asked = kek is not None and self._keyring.ack_algorithm(kek) is not None
        self._pushes.deliver(made, members, self._retransmission if asked else None, now)

    def again(self, made: MadePush, members: list[Member], now: float) -> None:
        """Send what these did not acknowledge before a restart."""
        self._pushes.deliver(made, members, self._retransmission, now)

    @property
    def _retransmission(self) -> Retransmission | None:
        kek = self._keyring.kek
        settings = self._keyring.settings.kek or (kek.settings if kek is not None else None)
        if settings is None:
            return None
        return Retransmission(settings.retransmissions, settings.retransmission_period)

    def knows(self, spi: bytes) -> bool:
        """True while a push under that KEK may be acknowledged."""
        kek = self._keyring.kek
        return (kek is not None and kek.kek.spi == spi) or self._pushes.knows(spi)

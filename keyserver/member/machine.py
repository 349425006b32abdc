# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A reference group member, sans-IO: registers, installs what it is granted, follows rekeys.

With which key server it registers, and how that ends, is :mod:`.registrations`' business, when
and why :mod:`.schedule`'s, what comes of pushes :mod:`.pushes`', when it changes keys
:mod:`.traffic`'s.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from ..gdoi.numbers import GdoiExchange
from ..ike.nat import Address
from ..ike.numbers import Exchange
from ..ike.proposal import PeerPolicy
from ..ike.refusal import Refused
from ..ike.wire import Header, MalformedPayload, without_marker
from .acknowledgements import Acknowledgements
from .associations import TrafficSelector
from .diary import Diary
from .events import HeldKeys, MemberEvent
from .keys import MemberKeys
from .options import MemberOptions
from .policy import multicast_of
from .pushes import PushReceiver
from .recovery import Recovery
from .registrations import MemberState, Registrations
from .schedule import Schedule
from .traffic import Changes

_DEFAULT_OPTIONS = MemberOptions()


class GroupMember:
    """One member of one group.

    :meth:`start`, :meth:`receive` and :meth:`tick` return datagrams for the key server that its
    ``registrations`` say; those of which they say that they float go to the server's port for
    that, with the non-ESP marker in front. ``wake_at`` says when :meth:`tick` is due; ``diary``
    notes what happened; ``multicast`` is the group and port to listen at; ``recovery`` is told of
    traffic. ``pushed_from`` is where an acknowledgement goes: the key server's last push came from
    there (RFC 8263 §3.1), and what only looks like one says nothing of that.
    """

    def __init__(
        self,
        name: str,
        group: int,
        policies: tuple[PeerPolicy, ...],
        options: MemberOptions = _DEFAULT_OPTIONS,
        jitter: Callable[[], float] = random.random,
        address: str | None = None,
    ) -> None:
        self.name, self.group, self.address = name, group, address
        self.pushed_from: Address | None = None
        self.keys = MemberKeys(options.profile, options.timing)
        self.recovery = Recovery(self.keys, jitter)
        self.diary = Diary(name, group, self.keys, self.recovery)
        self._schedule = Schedule(
            self.keys, self.recovery, options.heartbeat_threshold, jitter, len(policies)
        )
        self._acks = Acknowledgements(address, jitter)
        self._pushes = PushReceiver(self.keys, self.diary, self._schedule, self._acks)
        self.registrations = Registrations(
            group, policies, self.keys, self.diary, self._schedule, self._pushes
        )
        self.behave(options)

    def behave(self, options: MemberOptions) -> None:
        """Take other manners from now on; ``profile`` and ``timing`` are those of its keys."""
        self.options = options
        self.registrations.lifetime = options.lifetime
        self._schedule.threshold = options.heartbeat_threshold
        self.recovery.behave(probes=options.recovery_probe)

    # What there is

    @property
    def state(self) -> MemberState:
        """Where it stands."""
        return self.registrations.state

    @property
    def wake_at(self) -> float | None:
        """When :meth:`tick` has something to do; None: never."""
        registrations = self.registrations
        if registrations.state is MemberState.STOPPED:
            return None
        due = registrations.due()
        due += [self.keys.next_change(), self._acks.due, registrations.way.due]
        return min((d for d in due if d is not None), default=None)

    @property
    def events(self) -> list[MemberEvent]:
        """What happened since the diary was last emptied."""
        return self.diary.events

    @property
    def multicast(self) -> tuple[str, int] | None:
        """Group address and port that pushes come to; None when they come to the member.

        Known from message 2 on: a push may come before message 4.
        """
        kek = self.keys.kek
        if kek is not None:
            return kek.multicast
        promised = self.registrations.promised_kek
        return multicast_of(promised.destination) if promised is not None else None

    def held(self) -> HeldKeys:
        """What it sends with and receives with now."""
        return self.diary.held()

    # What somebody wants of it

    def start(self, now: float) -> list[bytes]:
        """Begin to register. Keys that are installed stay until new ones come."""
        return self.registrations.start(now)

    def leave(self, now: float) -> list[bytes]:
        """Stop being a member: phase 1 SAs are deleted, and every key forgotten."""
        self.stop()
        self.keys.clear()
        self.diary.tell(Changes(), now)
        self.diary.note("stopped", now, held=self.diary.held())
        return self.registrations.break_off()

    def stop(self) -> None:
        """Fall silent, without a word to the server: what a powered-off site does."""
        self.registrations.state = MemberState.STOPPED

    def forget_keys(self, now: float) -> None:
        """Drop every key, KEKs and TEKs."""
        dropped = self.keys.spis()
        self.keys.clear()
        self.diary.tell(Changes(dropped=dropped), now)

    def take_only(self, takes: Callable[[TrafficSelector], bool], now: float) -> None:
        """Install these policies of the group alone; keys of others go at once."""
        self.keys.takes = takes
        self.diary.tell(Changes(dropped=self.keys.keep_own()), now)

    # What comes, and when

    def receive(self, datagram: bytes, now: float, source: Address | None = None) -> list[bytes]:
        """Take a datagram from the key server, and from where it came."""
        if self.state is MemberState.STOPPED:
            return []
        message, before = without_marker(datagram), self._pushes.authentic
        try:
            return self._take(Header.decode(message), message, now)
        except (MalformedPayload, Refused) as error:
            # Anyone can send noise: it is noted and changes nothing; the timer goes on.
            self.diary.note("ignored", now, reason=str(error))
            return []
        finally:
            if self._pushes.authentic > before:
                self.pushed_from = source

    def _take(self, header: Header, message: bytes, now: float) -> list[bytes]:
        if header.exchange == GdoiExchange.GROUPKEY_PUSH:
            self._pushes.receive(header, message, self.registrations.promised_kek, now)
            return []
        if header.exchange == Exchange.INFORMATIONAL:
            return self.registrations.on_informational(header, message, now)
        answer = self.registrations.on_answer(header, message, now)
        if self.state is not MemberState.REGISTERED:
            return answer
        early = self._pushes.take_early()
        return answer + [out for push in early for out in self.receive(push, now)]

    def tick(self, now: float) -> list[bytes]:
        """Do what is due."""
        if self.wake_at is None or now < self.wake_at:
            return []
        out = self._acks.take(now) + self.registrations.way.keep_open(now)
        self._pushes.tell(self.keys.settle(now), now)
        return out + self.registrations.tick(now)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A reference group member, sans-IO: registers, installs what it is granted, follows rekeys.

It tries its key servers in order, takes pushes, acknowledges them, and answers dead peer detection.
When it registers again, and why, is :mod:`.schedule`'s business, when it changes keys
:mod:`.traffic`'s.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ..gdoi.citation import cited
from ..gdoi.numbers import LAST_SEQUENCE, GdoiExchange
from ..gdoi.payloads import Profile
from ..gdoi.pull import Grant, Unacceptable
from ..gdoi.push import Push
from ..ike.dpd import dpd_message, dpd_of
from ..ike.exchange import Phase1Sa, deletion, notification
from ..ike.informational import deletes, errors, informed, notifications
from ..ike.nat import NON_ESP_MARKER, Path
from ..ike.numbers import Exchange, NotifyType
from ..ike.proposal import Mode, PeerPolicy
from ..ike.refusal import Refused
from ..ike.wire import HEADER_LENGTH, Header, MalformedPayload, Payload, decode_chain
from .acknowledgements import Acknowledgements
from .associations import TrafficSelector
from .diary import Diary
from .events import HeldKeys, MemberEvent
from .keys import InstalledKek, MemberKeys
from .options import MemberOptions
from .policy import multicast_of
from .recovery import RecoveryProbe
from .registration import Registration, Step
from .schedule import Schedule
from .traffic import Changes
from .way import Way

UNKNOWN_KEK_PAUSE_SECONDS = 60.0
_EARLY_PUSHES = 4
_DEFAULT_OPTIONS = MemberOptions()


class MemberState(Enum):
    """Where a member stands."""

    STOPPED = "stopped"
    PHASE_1 = "phase 1"
    PULL = "pull"
    REGISTERED = "registered"
    WAITING = "waiting"


_STATES = {Step.PHASE_1: MemberState.PHASE_1, Step.PULL: MemberState.PULL}


@dataclass(frozen=True)
class EstablishedSa:
    """A phase 1 SA that stands until ``ends``, in seconds since the epoch."""

    sa: Phase1Sa
    ends: float
    mode: Mode


class GroupMember:
    """One member of one group.

    :meth:`start`, :meth:`receive` and :meth:`tick` return datagrams for the key server that
    ``server`` says, an index into ``policies``; ``wake_at`` says when :meth:`tick` is due;
    ``diary`` notes what happened; ``multicast`` is the group and port to listen at. ``paths``,
    one for each server, make it look for translators; those of its datagrams that :meth:`floats`
    is true of go to the server's port for that, with the non-ESP marker in front.
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
        self.name, self.group, self.policies, self.options = name, group, policies, options
        self.server = 0
        # The server that the keys came from; another may be tried meanwhile.
        self.granted_by: int | None = None
        self.paths: tuple[Path, ...] = ()
        self.state = MemberState.STOPPED
        self.keys = MemberKeys(options.profile, options.timing)
        self.diary = Diary(name, group, self.keys)
        self._jitter, self.address = jitter, address
        self._attempt: Registration | None = None
        self.established: EstablishedSa | None = None
        self._way = Way()
        self._schedule = Schedule(self.keys, options.heartbeat_threshold, jitter, len(policies))
        self._hint_after = 0.0
        self._acks = Acknowledgements(jitter)
        self._probe: RecoveryProbe | None = None
        self._begin_anew()
        self.behave(options)

    def _begin_anew(self) -> None:
        """Nothing was heard yet since an attempt began."""
        self.keys.begin()
        # What an unprotected notification said of the attempt that goes on.
        self._hinted = ""
        self._early: list[bytes] = []
        # The last push since then that took keys and brought none: KEK and number.
        self._deletion = b"", 0

    def behave(self, options: MemberOptions) -> None:
        """Take other manners from now on; ``profile`` and ``timing`` are those of its keys."""
        self.options = options
        self._schedule.threshold = options.heartbeat_threshold
        if not options.recovery_probe:
            self._probe = None
        elif self._probe is None:
            self._probe = RecoveryProbe(self._jitter)

    @property
    def wake_at(self) -> float | None:
        """When :meth:`tick` has something to do; None: never."""
        if self.state is MemberState.STOPPED:
            return None
        due = [self._schedule.due, self.keys.next_change(), self._acks.due, self._way.due]
        due.append(self._attempt.due if self._attempt is not None else None)
        due.append(self.established.ends if self.established is not None else None)
        if self.state is MemberState.REGISTERED:
            due += [self._schedule.heartbeat_due(), self._probe.due if self._probe else None]
        return min((d for d in due if d is not None), default=None)

    @property
    def events(self) -> list[MemberEvent]:
        """What happened since the diary was last emptied."""
        return self.diary.events

    @property
    def phase1(self) -> Phase1Sa | None:
        """The phase 1 that stands, if any."""
        return self.established.sa if self.established is not None else None

    def floats(self, datagram: bytes) -> bool:
        """True when a datagram goes to the port for those behind a translator (RFC 3947 §4).

        An attempt has to find out anew; what is not of it goes the way that was found before.
        """
        attempt = self._attempt
        if attempt is not None and attempt.sent(datagram):
            return attempt.phase1.floats
        return self._way.floats

    @property
    def multicast(self) -> tuple[str, int] | None:
        """Group address and port that pushes come to; None when they come to the member.

        Known from message 2 on: a push may come before message 4.
        """
        kek = self.keys.kek
        if kek is not None:
            return kek.multicast
        promised = self._attempt.promised_kek if self._attempt is not None else None
        return multicast_of(promised.destination) if promised is not None else None

    def start(self, now: float) -> list[bytes]:
        """Begin to register. Keys that are installed stay until new ones come."""
        ended = self.break_off()
        if self.state is MemberState.WAITING:
            # Not before: what an attempt says at its end is for the server that it was with.
            self.server = (self.server + 1) % len(self.policies)
        self._attempt = Registration(
            self.policies[self.server],
            self.group,
            self.options.profile,
            self.options.lifetime,
            self.keys.check_policy,
            self.paths[self.server] if self.paths else None,
            hurried=self._schedule.another_left,
        )
        self._schedule.begun()
        self._begin_anew()
        self.state = MemberState.PHASE_1
        return ended + self._attempt.start(now)

    def start_anew(self, now: float) -> list[bytes]:
        """As :meth:`start`, because somebody wants it: how often it has failed does not count."""
        self._schedule.meet(len(self.policies))
        return self.start(now)

    def break_off(self) -> list[bytes]:
        """End phase 1, and the attempt that goes on, if any."""
        self._attempt = None
        return self.end_phase1()

    def meet(
        self, policies: tuple[PeerPolicy, ...], paths: tuple[Path, ...], granted_by: int
    ) -> None:
        """Know these key servers from now on; the keys are that one's of them."""
        self.policies, self.paths = policies, paths
        self.server = self.granted_by = granted_by
        self._schedule.meet(len(policies))

    def leave(self, now: float) -> list[bytes]:
        """Stop being a member: phase 1 SAs are deleted, and every key forgotten."""
        self.state = MemberState.STOPPED
        self.keys.clear()
        self._tell(Changes(), now)
        self.diary.note("stopped", now, held=self.diary.held())
        return self.break_off()

    def held(self) -> HeldKeys:
        """What it sends with and receives with now."""
        return self.diary.held()

    def forget_keys(self, now: float) -> None:
        """Drop every key, KEKs and TEKs."""
        dropped = self.keys.spis()
        self.keys.clear()
        self._tell(Changes(dropped=dropped), now)

    def take_only(self, takes: Callable[[TrafficSelector], bool], now: float) -> None:
        """Install these policies of the group alone; keys of others go at once."""
        self.keys.takes = takes
        self._tell(Changes(dropped=self.keys.keep_own()), now)

    def knows(self, header: Header) -> bool:
        """True for a message under a phase 1 SA of ours, whole or in the making."""
        attempt = self._attempt
        if attempt is not None and attempt.owns(header):
            return True
        sa = self.phase1
        return sa is not None and sa.spi == header.spi

    def stop(self) -> None:
        """Fall silent, without a word to the server: what a powered-off site does."""
        self.state = MemberState.STOPPED

    def receive(self, datagram: bytes, now: float) -> list[bytes]:
        """Take a datagram from the key server."""
        if self.state is MemberState.STOPPED:
            return []
        message = datagram[4:] if datagram[:4] == NON_ESP_MARKER else datagram
        try:
            header = Header.decode(message)
            if header.exchange == GdoiExchange.GROUPKEY_PUSH:
                return self._on_push(header, message, now)
            if header.exchange == Exchange.INFORMATIONAL:
                return self._on_informational(header, message, now)
            return self._on_answer(header, message, now)
        except (MalformedPayload, Refused) as error:
            # Anyone can send noise: it is noted and changes nothing; the timer goes on.
            self.diary.note("ignored", now, reason=str(error))
            return []

    def tick(self, now: float) -> list[bytes]:
        """Do what is due."""
        if self.wake_at is None or now < self.wake_at:
            return []
        out = self._acks.take(now) + self._way.keep_open(now)
        self._tell(self.keys.settle(now), now)
        if self.established is not None and now >= self.established.ends:
            out += self.end_phase1() + self._without_phase1("phase 1 has ended", now)
        return out + self._register_if_due(now)

    # Registration

    def _register_if_due(self, now: float) -> list[bytes]:
        attempt = self._attempt
        if attempt is not None:
            again = attempt.repeat(now)
            if again is None:
                return self._fail(f"no answer from the key server{self._hinted}", now)
            return again
        if self.state is MemberState.REGISTERED:
            reason = self._reason_to_register(now)
            return self._register_again(reason, now) if reason else []
        return self.start(now) if self._schedule.is_due(now) else []

    def _reason_to_register(self, now: float) -> str | None:
        reason = self._schedule.reason(now)
        if reason is not None:
            return reason
        if self._probe is not None and self._probe.due is not None and now >= self._probe.due:
            return self._probe.fire(now)
        return None

    def _register_again(self, reason: str, now: float) -> list[bytes]:
        self.diary.note("reregistering", now, reason=reason)
        return self.start(now)

    def _on_answer(self, header: Header, datagram: bytes, now: float) -> list[bytes]:
        attempt = self._attempt
        if attempt is None or not attempt.owns(header):
            raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "not an answer to this exchange")
        try:
            outcome = attempt.receive(header, datagram, now)
        except Unacceptable as error:
            return self._abort(attempt, str(error), now)
        self.state = _STATES.get(attempt.step, self.state)
        self._note_phase1(attempt, now)
        self.keys.extended = attempt.phase1.peer_is_extended
        if not isinstance(outcome, Grant):
            return outcome
        if self._is_deleted(outcome):
            return self._register_again("the keys of message 4 are deleted meanwhile", now)
        try:
            changes = self.keys.install_grant(outcome, now)
        except MalformedPayload as error:
            return self._abort(attempt, cited(error), now)
        return self._registered(changes, now)

    def _is_deleted(self, grant: Grant) -> bool:
        """True for keys that were promised before the key server said to delete them."""
        spi, number = self._deletion
        if grant.sa.kek is None or grant.sequence is None:
            return False
        return grant.sa.kek.spi == spi and grant.sequence.number < number

    def _note_phase1(self, attempt: Registration, now: float) -> None:
        if attempt.sa is not None and self.established is None:
            ends = now + attempt.phase1.lifetime
            self.established = EstablishedSa(attempt.sa, ends, attempt.phase1.mode)
            self._way.found(attempt.phase1, now)

    def _registered(self, changes: Changes, now: float) -> list[bytes]:
        self.granted_by = self.server
        self._attempt, self.state = None, MemberState.REGISTERED
        self._schedule.registered(now)
        self.diary.keys_changed("registered", now)
        self._tell(changes, now)
        early, self._early = self._early, []
        return [answer for push in early for answer in self.receive(push, now)]

    def _abort(self, attempt: Registration, reason: str, now: float) -> list[bytes]:
        """RFC 6407 §3.3: who cannot accept a policy says so and deletes the phase 1 SA."""
        assert attempt.sa is not None
        told = notification(attempt.sa, NotifyType.ATTRIBUTES_NOT_SUPPORTED)
        return [told, *self._fail(reason, now)]

    def _fail(self, reason: str, now: float) -> list[bytes]:
        self.state = MemberState.WAITING
        self._schedule.failed(now)
        self.diary.note("refused", now, reason=reason)
        return self.break_off()

    def heard_spi(self, spi: str, now: float) -> None:
        """Traffic of the group came in under this SPI (hex), which may be one that is not held."""
        if self._probe is not None and spi not in self.keys.traffic.receives_with:
            self._probe.heard(spi, now)

    def sent_traffic(self, now: float) -> None:
        """Traffic of the group went out under its keys."""
        if self._probe is not None:
            self._probe.sent(self.keys.traffic.receives_with, now)

    def heard_traffic(self) -> None:
        """Traffic of the group came in and could be read."""
        if self._probe is not None:
            self._probe.received()

    # Under phase 1

    def end_phase1(self) -> list[bytes]:
        """RFC 2408 §3.15: tell the server that a phase 1 SA is not used any longer."""
        old, self.established = self.established, None
        return [deletion(old.sa)] if old is not None else []

    def _on_informational(self, header: Header, datagram: bytes, now: float) -> list[bytes]:
        attempt, sa = self._attempt, self.phase1
        if sa is not None and sa.spi == header.spi:
            return self._informed(sa, informed(sa, header, datagram), now)
        if attempt is None or not attempt.owns(header):
            raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "not under a phase 1 of ours")
        # Unprotected: a hint for the log, never a reason to give up (anyone can send it).
        payloads, _ = decode_chain(header.next_payload, datagram[HEADER_LENGTH:])
        for told in notifications(payloads)[:1]:
            self._hinted = f" (unproved hint: {told})"
            self.diary.note("hint", now, reason=str(told))
        return []

    def _informed(self, sa: Phase1Sa, payloads: list[Payload], now: float) -> list[bytes]:
        told = dpd_of(payloads)
        if told is not None:
            kind, sequence = told
            asked = kind is NotifyType.R_U_THERE
            return [dpd_message(sa, NotifyType.R_U_THERE_ACK, sequence)] if asked else []
        refusals = errors(payloads)
        if refusals and self.state is MemberState.PULL:
            return self._fail(str(refusals[0]), now)
        if any(deletes(payload, sa) for payload in payloads):
            self.established = None
            return self._without_phase1("the key server deleted phase 1", now)
        return []

    def _without_phase1(self, reason: str, now: float) -> list[bytes]:
        """There is none any longer: a pull under it is over too."""
        return self._fail(reason, now) if self.state is MemberState.PULL else []

    # Pushes

    def _on_push(self, header: Header, datagram: bytes, now: float) -> list[bytes]:
        installed = self.keys.keks.get(header.spi)
        known = installed.known(datagram) if installed is not None else None
        if installed is None:
            self._on_unknown_kek(header.spi, datagram, now)
        elif known is not None:
            # Our acknowledgement was lost: say it again, change nothing.
            self._acks.queue(installed, known, self.address, now)
        else:
            opened = installed.opened(header, datagram, self.options.profile)
            skipped = opened.sequence - installed.sequence - 1
            installed.count(opened.sequence)
            self._schedule.heard(now)
            try:
                self._take_push(opened.push, installed, datagram, now)
            except MalformedPayload as error:
                self._refuse_push(cited(error), now)
            else:
                self._on_skipped(skipped, now)
        return []

    def _take_push(self, push: Push, under: InstalledKek, datagram: bytes, now: float) -> None:
        """Install what an authentic push brings. Raises MalformedPayload."""
        changes = self.keys.install_push(push, under, now)
        if push.is_heartbeat:
            self.diary.note("heartbeat", now, sequence=push.sequence)
            self._tell(changes, now)
            return
        under.remember(datagram, push.sequence)
        if push.sa is None:
            self._deletion = under.kek.spi, push.sequence
        self._acks.queue(under, push.sequence, self.address, now)
        self._on_rekey(push, changes, now)

    def _refuse_push(self, reason: str, now: float) -> None:
        """The key server's own word, and it cannot be done: without these keys this member would
        soon hear nobody. It registers again, where a policy that stays so is refused for good."""
        self.diary.note("refused", now, reason=reason)
        if self.state is MemberState.REGISTERED:
            self._schedule.soon(reason, now)

    def _on_skipped(self, skipped: int, now: float) -> None:
        """What was skipped may have held keys, and cannot come any more: SEQ only grows."""
        registered = self.state is MemberState.REGISTERED
        if skipped and registered and self.options.profile is Profile.RFC6407:
            self._schedule.soon(f"{skipped} pushes missed", now)
        kek = self.keys.kek
        if registered and kek is not None and kek.sequence == LAST_SEQUENCE:
            self._schedule.soon("no push can follow under this KEK", now)

    def _on_unknown_kek(self, spi: bytes, datagram: bytes, now: float) -> None:
        """Perhaps the server restarted. Anyone can send this: keys stay, and not too often."""
        promised = self._attempt.promised_kek if self._attempt is not None else None
        if promised is not None and promised.spi == spi:
            # It has overtaken message 4, which brings its KEK.
            self._early = [*self._early, datagram][-_EARLY_PUSHES:]
            return
        if self.state is not MemberState.REGISTERED or now < self._hint_after:
            return
        if self.options.profile is Profile.CISCO_REFERENCE:
            return
        self._hint_after = now + UNKNOWN_KEK_PAUSE_SECONDS
        self._schedule.soon("pushes come under an unknown KEK", now)
        self.diary.note("unknown_kek", now, reason=f"push under KEK {spi.hex()}")

    def _on_rekey(self, push: Push, changes: Changes, now: float) -> None:
        self.diary.keys_changed("rekeyed" if push.sa else "deleted", now, push.sequence)
        self._tell(changes, now)
        if self.state is not MemberState.REGISTERED:
            return
        self._schedule.plan(now)
        if not self.keys.teks and push.sa is None:
            # RFC 6407 §5.9: begin anew; not all members of the group at the same instant.
            self._schedule.soon("the key server deleted all keys", now)

    def _tell(self, changes: Changes, now: float) -> None:
        self.diary.tell(changes, now)
        if self._probe is not None:
            self._probe.look(self.keys.traffic.receives_with)

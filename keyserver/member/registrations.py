# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A member's registrations: with which of its key servers, when again, and how an attempt ends."""

from __future__ import annotations

from enum import Enum

from ..gdoi.citation import cited
from ..gdoi.payloads import SaKek
from ..gdoi.pull import Grant, Unacceptable
from ..ike.dpd import dpd_message, dpd_of
from ..ike.exchange import Phase1Sa, notification
from ..ike.informational import deletes, errors, informed, notifications
from ..ike.nat import Path
from ..ike.numbers import NotifyType
from ..ike.proposal import PeerPolicy
from ..ike.refusal import Refused
from ..ike.wire import HEADER_LENGTH, Header, MalformedPayload, Payload, decode_chain
from .diary import Diary
from .keys import MemberKeys
from .pushes import PushReceiver
from .registration import Registration, Step
from .schedule import Schedule
from .way import Way


class MemberState(Enum):
    """Where a member stands."""

    STOPPED = "stopped"
    PHASE_1 = "phase 1"
    PULL = "pull"
    REGISTERED = "registered"
    WAITING = "waiting"


_STATES = {Step.PHASE_1: MemberState.PHASE_1, Step.PULL: MemberState.PULL}


class Registrations:
    """With one key server after another; ``server`` is an index into ``policies``.

    So is ``granted_by``, of the server that the keys came from: another may be tried meanwhile.
    ``paths``, one for each server, make it look for translators; ``lifetime`` of phase 1, in
    seconds, is what it offers.
    """

    def __init__(
        self,
        group: int,
        policies: tuple[PeerPolicy, ...],
        keys: MemberKeys,
        diary: Diary,
        schedule: Schedule,
        pushes: PushReceiver,
    ) -> None:
        self.policies = policies
        self.paths: tuple[Path, ...] = ()
        self.server = 0
        self.granted_by: int | None = None
        self.state = MemberState.STOPPED
        self.lifetime = 0
        self.way = Way()
        self._group, self._keys, self._diary = group, keys, diary
        self._schedule, self._pushes = schedule, pushes
        self._attempt: Registration | None = None
        # What an unprotected notification said of the attempt that goes on.
        self._hinted = ""

    # What there is

    @property
    def promised_kek(self) -> SaKek | None:
        """The KEK that message 2 promised, while message 4 is awaited."""
        return self._attempt.promised_kek if self._attempt is not None else None

    def due(self) -> list[float | None]:
        """When :meth:`tick` has something to do, of all that there may be; None: not of that."""
        attempt, schedule = self._attempt, self._schedule
        due = [schedule.due, self.way.ends, attempt.due if attempt is not None else None]
        if self.state is MemberState.REGISTERED:
            due += [schedule.heartbeat_due(), schedule.recovery.due]
        return due

    def floats(self, datagram: bytes) -> bool:
        """True when a datagram goes to the port for those behind a translator (RFC 3947 §4).

        An attempt has to find out anew; what is not of it goes the way that was found before.
        """
        attempt = self._attempt
        if attempt is not None and attempt.sent(datagram):
            return attempt.phase1.floats
        return self.way.floats

    def knows(self, header: Header) -> bool:
        """True for a message under a phase 1 SA of ours, whole or in the making."""
        attempt = self._attempt
        if attempt is not None and attempt.owns(header):
            return True
        sa = self.way.sa
        return sa is not None and sa.spi == header.spi

    # Beginning and ending

    def meet(
        self, policies: tuple[PeerPolicy, ...], paths: tuple[Path, ...], granted_by: int
    ) -> None:
        """Know these key servers from now on; the keys are that one's of them."""
        self.policies, self.paths = policies, paths
        self.server = self.granted_by = granted_by
        self._schedule.meet(len(policies))

    def start(self, now: float) -> list[bytes]:
        """Begin to register. Keys that are installed stay until new ones come."""
        ended = self.break_off()
        if self.state is MemberState.WAITING:
            # Not before: what an attempt says at its end is for the server that it was with.
            self.server = (self.server + 1) % len(self.policies)
        self._attempt = Registration(
            self.policies[self.server],
            self._group,
            self._keys.profile,
            self.lifetime,
            self._keys.check_policy,
            self.paths[self.server] if self.paths else None,
            hurried=self._schedule.another_left,
        )
        self._schedule.begun()
        self._keys.begin(now)
        self._pushes.begin()
        self._hinted = ""
        self.state = MemberState.PHASE_1
        return ended + self._attempt.start(now)

    def start_anew(self, now: float) -> list[bytes]:
        """As :meth:`start`, because somebody wants it: how often it has failed does not count."""
        self._schedule.meet(len(self.policies))
        return self.start(now)

    def break_off(self) -> list[bytes]:
        """End phase 1, and the attempt that goes on, if any."""
        self._attempt = None
        return self.way.end()

    def tick(self, now: float) -> list[bytes]:
        """Repeat, give up, register again, as far as that is due."""
        out: list[bytes] = []
        if self.way.ends is not None and now >= self.way.ends:
            out = self.way.end() + self._without_phase1("phase 1 has ended", now)
        return out + self._register_if_due(now)

    def _register_if_due(self, now: float) -> list[bytes]:
        attempt = self._attempt
        if attempt is not None:
            again = attempt.repeat(now)
            if again is None:
                return self._fail(f"no answer from the key server{self._hinted}", now)
            return again
        if self.state is MemberState.REGISTERED:
            reason = self._schedule.reason(now)
            return self._again(reason, now) if reason else []
        return self.start(now) if self._schedule.is_due(now) else []

    def _again(self, reason: str, now: float) -> list[bytes]:
        self._diary.note("reregistering", now, reason=reason)
        return self.start(now)

    # What the key server says

    def on_answer(self, header: Header, datagram: bytes, now: float) -> list[bytes]:
        """Its next message of an attempt. Raises Refused or MalformedPayload for noise."""
        attempt = self._attempt
        if attempt is None or not attempt.owns(header):
            raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "not an answer to this exchange")
        try:
            outcome = attempt.receive(header, datagram, now)
        except Unacceptable as error:
            return self._abort(attempt, str(error), now)
        self.state = _STATES.get(attempt.step, self.state)
        self.way.found(attempt, now)
        self._keys.extended = attempt.phase1.peer_is_extended
        return self._granted(attempt, outcome, now) if isinstance(outcome, Grant) else outcome

    def _granted(self, attempt: Registration, grant: Grant, now: float) -> list[bytes]:
        if self._pushes.has_deleted(grant):
            return self._again("the keys of message 4 are deleted meanwhile", now)
        try:
            changes = self._keys.install_grant(grant, now)
        except MalformedPayload as error:
            return self._abort(attempt, cited(error), now)
        self.granted_by = self.server
        self._attempt, self.state = None, MemberState.REGISTERED
        self._schedule.registered(now)
        self._diary.keys_changed("registered", now)
        self._diary.tell(changes, now)
        return []

    def _abort(self, attempt: Registration, reason: str, now: float) -> list[bytes]:
        """RFC 6407 §3.3: who cannot accept a policy says so and deletes the phase 1 SA."""
        assert attempt.sa is not None
        told = notification(attempt.sa, NotifyType.ATTRIBUTES_NOT_SUPPORTED)
        return [told, *self._fail(reason, now)]

    def _fail(self, reason: str, now: float) -> list[bytes]:
        self.state = MemberState.WAITING
        self._schedule.failed(now)
        self._diary.note("refused", now, reason=reason)
        return self.break_off()

    def on_informational(self, header: Header, datagram: bytes, now: float) -> list[bytes]:
        """What it says beside an exchange. Raises Refused or MalformedPayload for noise."""
        attempt, sa = self._attempt, self.way.sa
        if sa is not None and sa.spi == header.spi:
            return self._informed(sa, informed(sa, header, datagram), now)
        if attempt is None or not attempt.owns(header):
            raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "not under a phase 1 of ours")
        # Unprotected: a hint for the log, never a reason to give up (anyone can send it).
        payloads, _ = decode_chain(header.next_payload, datagram[HEADER_LENGTH:])
        for told in notifications(payloads)[:1]:
            self._hinted = f" (unproved hint: {told})"
            self._diary.note("hint", now, reason=str(told))
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
            self.way.lose()
            return self._without_phase1("the key server deleted phase 1", now)
        return []

    def _without_phase1(self, reason: str, now: float) -> list[bytes]:
        """There is none any longer: a pull under it is over too."""
        return self._fail(reason, now) if self.state is MemberState.PULL else []

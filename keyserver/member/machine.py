# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A reference group member, sans-IO: registers, installs what it is granted, follows rekeys.

It runs phase 1 and GROUPKEY-PULL, retransmits, gives up and tries again with back-off and
jitter; takes pushes, acknowledges them, counts heartbeats that do not come, and registers again
before its keys run out (Junos: at lifetime - 3 x activation delay).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ..gdoi.acknowledgement import encode_ack
from ..gdoi.numbers import GdoiExchange
from ..gdoi.payloads import Profile
from ..gdoi.pull import Grant, PullInitiator
from ..gdoi.push import Push, kek_spi, open_push
from ..ike.aggressive_mode import AggressiveModeInitiator
from ..ike.exchange import Phase1Sa, new_message_id
from ..ike.main_mode import MainModeInitiator
from ..ike.numbers import Exchange, NotifyType, PayloadType
from ..ike.payloads import Identification, Notification
from ..ike.phase1 import State
from ..ike.proposal import Mode, PeerPolicy
from ..ike.refusal import Refused
from ..ike.wire import HEADER_LENGTH, Header, MalformedPayload, Payload, decode_chain
from .keys import InstalledKek, MemberKeys

RETRANSMIT_SECONDS = (1.0, 2.0, 4.0, 8.0)
BACK_OFF_SECONDS = (2.0, 300.0)
ACK_JITTER_SECONDS = 1.0
UNKNOWN_KEK_PAUSE_SECONDS = 60.0
_RE_REGISTER_DELAYS = 3
_MARKER = bytes(4)
_FIRST_STATUS = 16384


class MemberState(Enum):
    """Where a member stands."""

    STOPPED = "stopped"
    PHASE_1 = "phase 1"
    PULL = "pull"
    REGISTERED = "registered"
    WAITING = "waiting"


@dataclass(frozen=True)
class MemberEvent:
    """Something that an observer of the member wants to know; never holds keys."""

    event: str
    member: str
    group: int
    time: float
    spis: tuple[str, ...] = ()
    kek_spi: str | None = None
    sequence: int | None = None
    reason: str | None = None


class GroupMember:
    """One member of one group.

    :meth:`start`, :meth:`receive` and :meth:`tick` return datagrams for the key server;
    ``wake_at`` says when :meth:`tick` is due; ``events`` grows by what happened; ``multicast`` is
    the group and port to listen at.
    """

    def __init__(
        self,
        name: str,
        group: int,
        policy: PeerPolicy,
        profile: Profile = Profile.RFC6407,
        jitter: Callable[[], float] = random.random,
        address: str | None = None,
        heartbeat_threshold: int = 3,
    ) -> None:
        self.name, self.group = name, group
        self.state = MemberState.STOPPED
        self.keys = MemberKeys(profile)
        self.events: list[MemberEvent] = []
        self._policy, self._profile, self._jitter = policy, profile, jitter
        self._address, self._threshold = address, heartbeat_threshold
        self._phase1: MainModeInitiator | AggressiveModeInitiator | None = None
        self._pull: PullInitiator | None = None
        self._sent: list[bytes] = []
        self._tries, self._failures = 0, 0
        self._exchange_due: float | None = None
        self._register_due: float | None = None
        self._register_reason = ""
        self._heard = 0.0
        self._hint_after = 0.0
        self._acks: list[tuple[float, bytes]] = []

    @property
    def wake_at(self) -> float | None:
        """When :meth:`tick` has something to do; None: never."""
        if self.state is MemberState.STOPPED:
            return None
        due = [self._exchange_due, self._register_due, self.keys.next_expiry()]
        due += [when for when, _ in self._acks]
        if self.state is MemberState.REGISTERED:
            due.append(self._heartbeat_due())
        return min((d for d in due if d is not None), default=None)

    @property
    def multicast(self) -> tuple[str, int] | None:
        """Group address and port that pushes come to; None when they come to the member."""
        kek = self.keys.kek
        return kek.multicast if kek is not None else None

    def start(self, now: float) -> list[bytes]:
        """Begin to register. Keys that are installed stay until new ones come."""
        aggressive = Mode.AGGRESSIVE in self._policy.modes
        self._phase1 = (AggressiveModeInitiator if aggressive else MainModeInitiator)(self._policy)
        self._pull = None
        self._register_due = None
        self.state = MemberState.PHASE_1
        return self._send([self._phase1.first()], now)

    def stop(self) -> None:
        """Fall silent, without a word to the server: what a powered-off site does."""
        self.state = MemberState.STOPPED

    def receive(self, datagram: bytes, now: float) -> list[bytes]:
        """Take a datagram from the key server."""
        if self.state is MemberState.STOPPED:
            return []
        message = datagram[4:] if datagram[:4] == _MARKER else datagram
        try:
            header = Header.decode(message)
            if header.exchange == GdoiExchange.GROUPKEY_PUSH:
                return self._on_push(header, message, now)
            return self._dispatch(header, message, now)
        except (MalformedPayload, Refused) as error:
            # Anyone can send noise: it is noted and changes nothing; the timer goes on.
            self._note("ignored", now, reason=str(error))
            return []

    def tick(self, now: float) -> list[bytes]:
        """Do what is due."""
        if self.wake_at is None or now < self.wake_at:
            return []
        out = [ack for when, ack in self._acks if when <= now]
        self._acks = [(when, ack) for when, ack in self._acks if when > now]
        gone = self.keys.expire(now)
        if gone:
            self._note("expired", now, spis=tuple(gone))
        if self.state in (MemberState.PHASE_1, MemberState.PULL):
            return out + self._repeat(now)
        if self.state is MemberState.REGISTERED:
            beat = self._heartbeat_due()
            if beat is not None and now >= beat:
                return out + self._register_again(f"{self._threshold} heartbeats missed", now)
        if self._register_due is not None and now >= self._register_due:
            if self.state is MemberState.REGISTERED:
                return out + self._register_again(self._register_reason, now)
            return out + self.start(now)
        return out

    # Registration

    def _repeat(self, now: float) -> list[bytes]:
        if self._exchange_due is None or now < self._exchange_due:
            return []
        if self._tries < len(RETRANSMIT_SECONDS):
            return self._transmit(now)
        self._fail("no answer from the key server", now)
        return []

    def _register_again(self, reason: str, now: float) -> list[bytes]:
        self._note("reregistering", now, reason=reason)
        return self.start(now)

    def _dispatch(self, header: Header, datagram: bytes, now: float) -> list[bytes]:
        phase1 = self._phase1
        if phase1 is None or header.initiator_cookie != phase1.cookies[0]:
            raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "not an answer to this exchange")
        if header.exchange == phase1.exchange and self.state is MemberState.PHASE_1:
            answer = phase1.receive(header, datagram, now)
            if phase1.state is State.ESTABLISHED:
                return self._begin_pull(phase1, answer, now)
            return self._send([answer] if answer else [], now)
        if header.exchange == GdoiExchange.GROUPKEY_PULL and self.state is MemberState.PULL:
            assert self._pull is not None
            outcome = self._pull.receive(header, datagram)
            if isinstance(outcome, Grant):
                self._install(outcome, now)
                return []
            return self._send([outcome], now)
        if header.exchange == Exchange.INFORMATIONAL:
            self._on_notification(phase1, header, datagram, now)
        return []

    def _begin_pull(
        self, phase1: MainModeInitiator | AggressiveModeInitiator, answer: bytes | None, now: float
    ) -> list[bytes]:
        assert phase1.keys is not None
        session = Phase1Sa(phase1.keys, phase1.cookies, phase1.last_block)
        exchange = session.exchange(GdoiExchange.GROUPKEY_PULL, new_message_id())
        self._pull = PullInitiator(exchange, self.group, self._profile)
        self.state = MemberState.PULL
        # Aggressive mode ends with our message: it is repeated together with the first pull.
        return self._send([*([answer] if answer else []), self._pull.first()], now)

    def _on_notification(
        self,
        phase1: MainModeInitiator | AggressiveModeInitiator,
        header: Header,
        datagram: bytes,
        now: float,
    ) -> None:
        if phase1.state is State.ESTABLISHED and phase1.keys is not None:
            session = Phase1Sa(phase1.keys, phase1.cookies, phase1.last_block)
            exchange = session.exchange(Exchange.INFORMATIONAL, header.message_id)
            errors = [p.body for p in exchange.open(header, datagram) if _is_error(p)]
            if errors and self.state is MemberState.PULL:
                self._fail(_reason(errors[0]), now)
            return
        # Unprotected: a hint for the log, never a reason to give up (anyone can send it).
        payloads, _ = decode_chain(header.next_payload, datagram[HEADER_LENGTH:])
        if payloads:
            self._note("hint", now, reason=_reason(payloads[0].body))

    def _send(self, datagrams: list[bytes], now: float) -> list[bytes]:
        self._sent, self._tries = datagrams, 0
        return self._transmit(now)

    def _transmit(self, now: float) -> list[bytes]:
        self._exchange_due = now + RETRANSMIT_SECONDS[self._tries]
        self._tries += 1
        return list(self._sent)

    def _fail(self, reason: str, now: float) -> None:
        lowest, highest = BACK_OFF_SECONDS
        pause = min(highest, lowest * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        self.state, self._exchange_due = MemberState.WAITING, None
        self._register_due = now + pause * (0.5 + self._jitter())
        self._note("refused", now, reason=reason)

    def _install(self, grant: Grant, now: float) -> None:
        self.keys.install_grant(grant, now)
        self._failures = 0
        self._heard = now
        self.state, self._exchange_due = MemberState.REGISTERED, None
        self._plan(now)
        self._note_keys("registered", now)

    def _plan(self, now: float) -> None:
        """Junos: register again at lifetime - 3 x activation delay when nothing came."""
        end = self.keys.first_end()
        if end is None:
            self._register_due = None
            return
        margin = min(_RE_REGISTER_DELAYS * self.keys.activation_time_delay, (end - now) / 2)
        self._register_due, self._register_reason = end - margin, "keys are about to expire"

    # Pushes

    def _on_push(self, header: Header, datagram: bytes, now: float) -> list[bytes]:
        spi = kek_spi(header)
        installed = self.keys.keks.get(spi)
        if installed is None:
            self._on_unknown_kek(spi, now)
            return []
        if datagram == installed.last_push:
            # Our acknowledgement was lost: say it again, change nothing.
            self._acknowledge(installed, installed.last_push_sequence, now)
            return []
        opened = open_push(header, datagram, installed.kek, self._profile)
        push = opened.push
        # RFC 6407 §7.3.4: the sequence number is looked at before the costly signature.
        if push.sequence <= installed.sequence:
            raise MalformedPayload(f"SEQ {push.sequence} after {installed.sequence}: replayed")
        if not opened.verify(installed.public_key):
            raise MalformedPayload("SIG does not match")
        skipped = push.sequence - installed.sequence - 1
        self.keys.install_push(push, installed, now)
        installed.sequence = push.sequence
        self._heard = now
        if push.is_heartbeat:
            return self._on_heartbeat(installed, skipped, now)
        installed.last_push, installed.last_push_sequence = datagram, push.sequence
        self._acknowledge(installed, push.sequence, now)
        self._on_rekey(push, now)
        return []

    def _on_unknown_kek(self, spi: bytes, now: float) -> None:
        """Perhaps the server restarted. Anyone can send this: keys stay, and not too often."""
        if self.state is not MemberState.REGISTERED or self._profile is Profile.CISCO_REFERENCE:
            return
        if now < self._hint_after:
            return
        self._hint_after = now + UNKNOWN_KEK_PAUSE_SECONDS
        self._register_soon("pushes come under an unknown KEK", now)
        self._note("unknown_kek", now, reason=f"push under KEK {spi.hex()}")

    def _acknowledge(self, installed: InstalledKek, sequence: int, now: float) -> None:
        if installed.ack_algorithm is None or installed.multicast or self._address is None:
            return
        identity = Identification.address(self._address)
        ack = encode_ack(installed.kek, installed.ack_algorithm, sequence, identity)
        # RFC 8263 §3.3: jitter, so that a server is not flooded by a whole group at once.
        self._acks.append((now + ACK_JITTER_SECONDS * self._jitter(), ack))

    def _on_heartbeat(self, installed: InstalledKek, skipped: int, now: float) -> list[bytes]:
        self._note("heartbeat", now, sequence=installed.sequence)
        if skipped and self._profile is Profile.RFC6407:
            return self._register_again(f"{skipped} pushes missed before a heartbeat", now)
        return []

    def _on_rekey(self, push: Push, now: float) -> None:
        self._note_keys("rekeyed" if push.policy else "deleted", now, push.sequence)
        if self.state is not MemberState.REGISTERED:
            return
        self._plan(now)
        if not self.keys.teks:
            # RFC 6407 §5.9: begin anew; not all members of the group at the same instant.
            self._register_soon("the key server deleted all keys", now)

    def _register_soon(self, reason: str, now: float) -> None:
        soon = now + BACK_OFF_SECONDS[0] * self._jitter()
        self._register_due = min(self._register_due or soon, soon)
        self._register_reason = reason

    def _heartbeat_due(self) -> float | None:
        """When too many heartbeats were missed; half an interval is left for delays."""
        interval = self.keys.heartbeat
        if not interval or not self._threshold or self.keys.kek is None:
            return None
        return self._heard + interval * (self._threshold + 0.5)

    # Events

    def _note_keys(
        self,
        event: str,
        now: float,
        sequence: int | None = None,
    ) -> None:
        kek = self.keys.kek
        if sequence is None and kek is not None:
            sequence = kek.sequence
        self._note(
            event,
            now,
            spis=self.keys.tek_spis(),
            kek_spi=kek.kek.spi.hex() if kek else None,
            sequence=sequence,
        )

    def _note(
        self,
        event: str,
        now: float,
        spis: tuple[str, ...] = (),
        kek_spi: str | None = None,
        sequence: int | None = None,
        reason: str | None = None,
    ) -> None:
        self.events.append(
            MemberEvent(event, self.name, self.group, now, spis, kek_spi, sequence, reason)
        )


def _is_error(payload: Payload) -> bool:
    """True for an error notification (RFC 2408 §3.14.1); others may come at any time."""
    if payload.type != PayloadType.NOTIFICATION:
        return False
    return Notification.decode(payload.body).type < _FIRST_STATUS


def _reason(body: bytes) -> str:
    try:
        kind = Notification.decode(body).type
    except MalformedPayload as error:
        return str(error)
    known = kind in set(NotifyType)
    return NotifyType(kind).name.replace("_", "-") if known else f"notification {kind}"

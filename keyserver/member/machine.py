# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A reference group member, sans-IO: registers with a key server and installs what it grants.

It runs phase 1 and GROUPKEY-PULL, retransmits, gives up and tries again with back-off and
jitter, and registers again before its keys run out (Junos: at lifetime - 3 x activation delay).
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ..gdoi.numbers import (
    Exchange,
    GapAttribute,
    IpsecAttribute,
    KekAttribute,
    KeyPacketType,
    NotifyType,
)
from ..gdoi.payloads import GroupSa, KeyPacket, Notification, Profile
from ..gdoi.phase1 import PeerPolicy, Phase1Initiator, Refused, State
from ..gdoi.pull import Grant, ProtectedExchange, PullInitiator
from ..gdoi.wire import HEADER_LENGTH, Header, MalformedPayload, decode_chain

RETRANSMIT_SECONDS = (1.0, 2.0, 4.0, 8.0)
BACK_OFF_SECONDS = (2.0, 300.0)
_DEFAULT_LIFETIME = 3600
_RE_REGISTER_DELAYS = 3


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


@dataclass(frozen=True)
class Installed:
    """The policy and keys in use."""

    policy: GroupSa
    teks: tuple[KeyPacket, ...]
    kek: KeyPacket | None
    sequence: int | None
    since: float

    def __repr__(self) -> str:
        return f"Installed({len(self.teks)} TEK, {'with' if self.kek else 'no'} KEK)"


class GroupMember:
    """One member of one group.

    :meth:`start`, :meth:`receive` and :meth:`tick` return datagrams for the key server;
    ``wake_at`` says when :meth:`tick` is due; ``events`` grows by what happened.
    """

    def __init__(
        self,
        name: str,
        group: int,
        policy: PeerPolicy,
        profile: Profile = Profile.RFC6407,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name, self.group = name, group
        self.state = MemberState.STOPPED
        self.installed: Installed | None = None
        self.events: list[MemberEvent] = []
        self.wake_at: float | None = None
        self._policy, self._profile, self._jitter = policy, profile, jitter
        self._phase1: Phase1Initiator | None = None
        self._pull: PullInitiator | None = None
        self._sent, self._tries, self._failures = b"", 0, 0

    def start(self, now: float) -> list[bytes]:
        """Begin to register."""
        self._phase1 = Phase1Initiator(self._policy)
        self._pull = None
        self.state = MemberState.PHASE_1
        return self._send(self._phase1.first(), now)

    def stop(self) -> None:
        """Fall silent, without a word to the server: what a powered-off site does."""
        self.state, self.wake_at = MemberState.STOPPED, None

    def receive(self, datagram: bytes, now: float) -> list[bytes]:
        """Take a datagram from the key server."""
        try:
            header = Header.decode(datagram)
            return self._dispatch(header, datagram, now)
        except (MalformedPayload, Refused) as error:
            # Anyone can send noise: it is noted and changes nothing; the timer goes on.
            self._note("ignored", now, reason=str(error))
            return []

    def tick(self, now: float) -> list[bytes]:
        """Do what is due."""
        if self.wake_at is None or now < self.wake_at:
            return []
        if self.state in (MemberState.PHASE_1, MemberState.PULL):
            if self._tries < len(RETRANSMIT_SECONDS):
                return self._transmit(now)
            self._fail("no answer from the key server", now)
            return []
        if self.state is MemberState.REGISTERED:
            self._note("reregistering", now, reason="keys are about to expire")
        return self.start(now)

    def _dispatch(self, header: Header, datagram: bytes, now: float) -> list[bytes]:
        phase1 = self._phase1
        if phase1 is None or header.initiator_cookie != phase1.cookies[0]:
            raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "not an answer to this exchange")
        if header.exchange == Exchange.IDENTITY_PROTECTION and self.state is MemberState.PHASE_1:
            answer = phase1.receive(header, datagram)
            if answer is not None:
                return self._send(answer, now)
            return self._begin_pull(phase1, now)
        if header.exchange == Exchange.GROUPKEY_PULL and self.state is MemberState.PULL:
            assert self._pull is not None
            outcome = self._pull.receive(header, datagram)
            if isinstance(outcome, Grant):
                self._install(outcome, now)
                return []
            return self._send(outcome, now)
        if header.exchange == Exchange.INFORMATIONAL:
            self._on_notification(phase1, header, datagram, now)
        return []

    def _begin_pull(self, phase1: Phase1Initiator, now: float) -> list[bytes]:
        assert phase1.keys is not None
        exchange = ProtectedExchange(
            phase1.keys,
            phase1.cookies,
            Exchange.GROUPKEY_PULL,
            secrets.randbelow(2**32 - 1) + 1,
            phase1.last_block,
        )
        self._pull = PullInitiator(exchange, self.group, self._profile)
        self.state = MemberState.PULL
        return self._send(self._pull.first(), now)

    def _on_notification(
        self, phase1: Phase1Initiator, header: Header, datagram: bytes, now: float
    ) -> None:
        if phase1.state is State.ESTABLISHED and phase1.keys is not None:
            exchange = ProtectedExchange(
                phase1.keys,
                phase1.cookies,
                Exchange.INFORMATIONAL,
                header.message_id,
                phase1.last_block,
            )
            payloads = exchange.open(header, datagram)
            if self.state is MemberState.PULL:
                self._fail(_reason(payloads[0].body if payloads else b""), now)
            return
        # Unprotected: a hint for the log, never a reason to give up (anyone can send it).
        payloads, _ = decode_chain(header.next_payload, datagram[HEADER_LENGTH:])
        if payloads:
            self._note("hint", now, reason=_reason(payloads[0].body))

    def _send(self, datagram: bytes, now: float) -> list[bytes]:
        self._sent, self._tries = datagram, 0
        return self._transmit(now)

    def _transmit(self, now: float) -> list[bytes]:
        self.wake_at = now + RETRANSMIT_SECONDS[self._tries]
        self._tries += 1
        return [self._sent]

    def _fail(self, reason: str, now: float) -> None:
        lowest, highest = BACK_OFF_SECONDS
        pause = min(highest, lowest * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        self.state = MemberState.WAITING
        self.wake_at = now + pause * (0.5 + self._jitter())
        self._note("refused", now, reason=reason)

    def _install(self, grant: Grant, now: float) -> None:
        teks = tuple(p for p in grant.keys.packets if p.type == KeyPacketType.TEK)
        keks = [p for p in grant.keys.packets if p.type == KeyPacketType.KEK]
        wanted = {tek.spi for tek in grant.policy.teks}
        if {packet.spi for packet in teks} != wanted or bool(keks) != bool(grant.policy.kek):
            raise Refused(NotifyType.PAYLOAD_MALFORMED, "keys do not match the policy")
        if grant.policy.kek and keks[0].spi != grant.policy.kek.spi:
            raise Refused(NotifyType.PAYLOAD_MALFORMED, "KEK SPI differs between SAK and KD")
        sequence = grant.sequence.number if grant.sequence else None
        self.installed = Installed(grant.policy, teks, keks[0] if keks else None, sequence, now)
        self._failures = 0
        self.state = MemberState.REGISTERED
        lifetime = _lifetime(grant.policy)
        margin = min(_RE_REGISTER_DELAYS * _activation_delay(grant.policy), lifetime / 2)
        self.wake_at = now + lifetime - margin
        self._note(
            "registered",
            now,
            spis=tuple(sorted(spi.hex() for spi in wanted)),
            kek_spi=keks[0].spi.hex() if keks else None,
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


def _reason(body: bytes) -> str:
    try:
        kind = Notification.decode(body).type
    except MalformedPayload as error:
        return str(error)
    known = kind in set(NotifyType)
    return NotifyType(kind).name.replace("_", "-") if known else f"notification {kind}"


def _lifetime(policy: GroupSa) -> int:
    """Seconds until the first key of a policy ends."""
    spans = [
        a.number
        for tek in policy.teks
        for a in tek.attributes
        if a.type == IpsecAttribute.LIFE_DURATION
    ]
    if policy.kek is not None:
        spans += [a.number for a in policy.kek.attributes if a.type == KekAttribute.KEY_LIFETIME]
    return max(1, min(spans, default=_DEFAULT_LIFETIME))


def _activation_delay(policy: GroupSa) -> int:
    attributes = policy.gap.attributes if policy.gap else ()
    return next((a.number for a in attributes if a.type == GapAttribute.ACTIVATION_TIME_DELAY), 0)

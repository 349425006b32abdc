# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One attempt of a member to register, sans-IO: phase 1, then GROUPKEY-PULL, with repetitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from ..gdoi.numbers import GdoiExchange
from ..gdoi.payloads import GroupSa, Profile, SaKek
from ..gdoi.pull import Grant, PullInitiator
from ..ike.aggressive_mode import AggressiveModeInitiator
from ..ike.exchange import Phase1Sa, new_message_id
from ..ike.main_mode import MainModeInitiator
from ..ike.nat import Path
from ..ike.numbers import NotifyType
from ..ike.phase1 import State
from ..ike.proposal import Mode, PeerPolicy
from ..ike.refusal import Refused
from ..ike.wire import Header

RETRANSMIT_SECONDS = (1.0, 1.5, 1.5, 2.0, 2.5, 3.0, 4.0)
"""After so many seconds a message is repeated; after the last, given up (RFC 2408 §5.1)."""
PATIENT_SECONDS = (1.0, 1.0, 1.5, 1.5, 2.0, 2.0, 2.0, 2.5, 2.5, 3.0, 3.0)
"""The same to a server that has answered: it is there, and to begin anew would take longer."""
HURRIED_SECONDS = RETRANSMIT_SECONDS[:4]
"""The same while another server is left to try: all of them have an activation delay or so."""


class Step(Enum):
    """How far an attempt has come."""

    PHASE_1 = "phase 1"
    PULL = "pull"
    DONE = "done"


class Registration:
    """An attempt with one key server.

    ``accept`` looks at the policy of message 2 and raises MalformedPayload when the member cannot
    do what it says; ``path``: where the ends are, to look for translators in between; ``hurried``:
    there is another server to try when this one is mute.
    """

    def __init__(
        self,
        policy: PeerPolicy,
        group: int,
        profile: Profile,
        lifetime: int,
        accept: Callable[[GroupSa], None],
        path: Path | None = None,
        *,
        hurried: bool = False,
    ) -> None:
        self.step = Step.PHASE_1
        self.due: float | None = None
        self.sa: Phase1Sa | None = None
        self._group, self._profile, self._accept = group, profile, accept
        aggressive = Mode.AGGRESSIVE in policy.modes
        initiator = AggressiveModeInitiator if aggressive else MainModeInitiator
        self._phase1 = initiator(replace(policy, lifetime=lifetime), path=path)
        self._pull: PullInitiator | None = None
        self._sent: list[bytes] = []
        self._intervals: tuple[float, ...] = HURRIED_SECONDS if hurried else RETRANSMIT_SECONDS
        self._tries = 0

    @property
    def phase1(self) -> MainModeInitiator | AggressiveModeInitiator:
        """Its end of phase 1."""
        return self._phase1

    @property
    def promised_kek(self) -> SaKek | None:
        """The KEK that message 2 promised, while message 4 is awaited."""
        policy = self._pull.sa if self._pull is not None and self.step is Step.PULL else None
        return policy.kek if policy is not None else None

    def start(self, now: float) -> list[bytes]:
        """The first message."""
        return self._send([self._phase1.first()], now)

    def owns(self, header: Header) -> bool:
        """True for a message under its cookies."""
        return header.initiator_cookie == self._phase1.cookies[0]

    def sent(self, datagram: bytes) -> bool:
        """True for one of ours under its cookies."""
        return datagram.startswith(self._phase1.cookies[0])

    def receive(self, header: Header, datagram: bytes, now: float) -> list[bytes] | Grant:
        """Take the server's next message: what to send, or at last what is granted.

        Raises Refused or MalformedPayload for what is to be ignored, Unacceptable for an authentic
        answer that ends the attempt.
        """
        if header.exchange == self._phase1.exchange and self.step is Step.PHASE_1:
            answer = self._phase1.receive(header, datagram, now)
            self._intervals = PATIENT_SECONDS
            if self._phase1.state is State.ESTABLISHED:
                return self._begin_pull(answer, now)
            return self._send([answer] if answer else [], now)
        if header.exchange == GdoiExchange.GROUPKEY_PULL and self._pull is not None:
            return self._on_pull(self._pull, header, datagram, now)
        raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "not an answer to this exchange")

    def _begin_pull(self, answer: bytes | None, now: float) -> list[bytes]:
        self.sa = self._phase1.sa
        exchange = self.sa.exchange(GdoiExchange.GROUPKEY_PULL, new_message_id())
        self._pull = PullInitiator(exchange, self._group, self._profile, self._accept)
        self.step = Step.PULL
        # Aggressive mode ends with our message: it is repeated together with the first pull.
        return self._send([*([answer] if answer else []), self._pull.first()], now)

    def _on_pull(
        self, pull: PullInitiator, header: Header, datagram: bytes, now: float
    ) -> list[bytes] | Grant:
        if self.step is not Step.PULL:
            raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "the pull is over")
        outcome = pull.receive(header, datagram)
        if isinstance(outcome, Grant):
            self.step, self.due = Step.DONE, None
            return outcome
        return self._send([outcome], now)

    def repeat(self, now: float) -> list[bytes] | None:
        """The last message once more, when that is due; None when all was in vain."""
        if self.due is None or now < self.due:
            return []
        if self._tries < len(self._intervals):
            return self._transmit(now)
        return None

    def _send(self, datagrams: list[bytes], now: float) -> list[bytes]:
        self._sent, self._tries = datagrams, 0
        return self._transmit(now)

    def _transmit(self, now: float) -> list[bytes]:
        self.due = now + self._intervals[self._tries]
        self._tries += 1
        return list(self._sent)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One other server of a cluster, for one group: how it is called, probed and told."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum

from ..groups.group import Group
from ..groups.plane import KeyPlane
from ..ike.dpd import dpd_message
from ..ike.exchange import Phase1Sa, ProtectedExchange
from ..ike.main_mode import MainModeInitiator
from ..ike.numbers import NotifyType
from ..ike.phase1 import State
from ..ike.wire import Header, MalformedPayload
from .messages import ClusterExchange, read_state, state_payloads
from .settings import ClusterPeer, ServerRole
from .sharing import follow

DIAL_REPEAT_SECONDS = 1.0
# Message ids under a phase 1 SA only grow: what is older than what was taken is a late copy, or
# was recorded. The sub-server's init is the first, the root's updates follow.
_INIT_NUMBER = 1
# The first time sooner than the period that is configured: a root that dies before its update has
# come parts the sub-server's members from its own.
UPDATE_REPEAT_SECONDS = 1.0
# So long a root's members wait until a sub-server has acknowledged new keys; of its delay a share
# at most, by which they then change later than others.
_HOLD_SECONDS, _HOLD_SHARE = 3.0, 0.2
# Before the root forgets a phase 1 of an hour.
RENEW_SECONDS = 2700.0
# A root that no longer answers is called for so long before the sub-server makes keys itself: it
# may have started anew, or the way to it is there again.
LAST_CALL_SECONDS = 3.0


class LinkState(Enum):
    """How one other server is reached."""

    DOWN = "Down"
    DIALING = "Dialing"
    UP = "Up"


@dataclass
class ClusterCounters:
    """What was said to one other server."""

    init_sent: int = 0
    init_received: int = 0
    update_sent: int = 0
    update_received: int = 0
    update_acknowledged: int = 0
    update_repeated: int = 0
    probe_sent: int = 0
    probe_answered: int = 0


@dataclass(frozen=True)
class ServerLost:
    """Another server of a cluster no longer answers."""

    group: str
    gateway: str


@dataclass(frozen=True)
class ServerFound:
    """Another server of a cluster answers."""

    group: str
    gateway: str


ClusterEvent = ServerLost | ServerFound


@dataclass
class _Update:
    """An update that is not acknowledged yet."""

    exchange: ProtectedExchange
    message_id: int
    datagram: bytes
    version: int
    due: float


class Link:
    """One other server, for one group."""

    def __init__(self, group: Group, peer: ClusterPeer, plane: KeyPlane, now: float) -> None:
        self.group, self.peer = group, peer
        self.address = (peer.address, plane.local[1])
        self._signing_keys = plane.signing_keys
        self.counters = ClusterCounters()
        self.outbox: list[bytes] = []
        self.events: list[ClusterEvent] = []
        self._last: bytes = b""
        # RFC 3706 §6.2: begins anywhere, with room to grow.
        self._probe = secrets.randbits(31)
        self._version = -1
        self._hang_up(now)
        # A root that does not answer from the start is dead after as long as one that stops.
        self._lost_at: float | None = now + self._patience

    @property
    def lost(self) -> bool:
        """True when the other server was given up."""
        return self.state is not LinkState.UP and self._lost_at is None

    @property
    def _patience(self) -> float:
        return float(self.peer.dpd_interval * self.peer.dpd_threshold)

    @property
    def dials(self) -> bool:
        """The sub-server calls, the root answers."""
        return self.peer.own_role is ServerRole.SUB

    def renew(self, now: float) -> None:
        """Begin anew: call the root again, or tell the sub-server everything again."""
        if self.dials:
            self.ended(now)
        self._version = -1

    def ended(self, now: float) -> None:
        """The root has given up the phase 1 SA, or it is to be met anew: call it."""
        self._hang_up(now)
        self._lost_at = now + self._patience

    def _met(self) -> None:
        """Under another phase 1 SA numbers begin anew: of our words, and of the other's probes."""
        self._number, self._probed = _INIT_NUMBER, -1

    def _hang_up(self, now: float) -> None:
        self.state = LinkState.DOWN
        self.sa: Phase1Sa | None = None
        self._dial: MainModeInitiator | None = None
        self._init: tuple[int, ProtectedExchange] | None = None
        self._update: _Update | None = None
        self._repeat_due: float | None = None
        self._renew_at: float | None = None
        self._unanswered = 0
        self._met()
        self._next = now

    # Time

    def deadline(self) -> float:
        """When :meth:`expire` has something to do."""
        due = [self._next, self._repeat_due, self._lost_at, self._renew_at]
        due.append(self._update.due if self._update else None)
        return min(d for d in due if d is not None)

    def expire(self, now: float) -> None:
        """Do what is due: call, probe, repeat, give up."""
        if self._lost_at is not None and now >= self._lost_at:
            self._lose()
        if self._repeat_due is not None and now >= self._repeat_due:
            self.outbox.append(self._last)
            self._repeat_due = now + DIAL_REPEAT_SECONDS
        if self._update is not None and now >= self._update.due:
            self._repeat_update(self._update, now)
        if self._renew_at is not None and now >= self._renew_at:
            self._renew_at = None
            self._call(now)
        if now < self._next:
            return
        self._next = now + self.peer.dpd_interval
        if self.state is LinkState.UP:
            self._probe_peer(now)
        elif self.dials:
            self._call(now)

    def _lose(self) -> None:
        self._lost_at = None
        self.events.append(ServerLost(self.group.settings.name, self.peer.policy.name))
        self.group.shared_with.discard(self.peer.policy.name)

    def _probe_peer(self, now: float) -> None:
        if self._unanswered >= self.peer.dpd_threshold:
            self._give_up(now)
            return
        assert self.sa is not None
        self._unanswered += 1
        self._probe = (self._probe + 1) & 0xFFFFFFFF
        self.counters.probe_sent += 1
        self.outbox.append(dpd_message(self.sa, NotifyType.R_U_THERE, self._probe))

    def _give_up(self, now: float) -> None:
        if self.dials:
            self._hang_up(now)
            self._lost_at = now + LAST_CALL_SECONDS
            return
        # It calls again, or it is heard again under the phase 1 SA that there is.
        self.state, self._update, self._unanswered = LinkState.DOWN, None, 0
        self._lose()

    def _call(self, now: float) -> None:
        if self.state is not LinkState.UP:
            self.state = LinkState.DIALING
        self._init = None
        self._dial = MainModeInitiator(self.peer.policy)
        self._say(self._dial.first(), now)

    def _say(self, datagram: bytes, now: float) -> None:
        self._last, self._repeat_due = datagram, now + DIAL_REPEAT_SECONDS
        self.outbox.append(datagram)

    # Calling the root

    def called_with(self, initiator_cookie: bytes) -> bool:
        """True when a message answers our call, or is under the phase 1 of one."""
        known = [self._dial.cookies[0]] if self._dial is not None else []
        if self.dials and self.sa is not None:
            known.append(self.sa.cookies[0])
        return initiator_cookie in known

    def answered(self, header: Header, datagram: bytes, now: float) -> None:
        """The root's next message of phase 1. Raises Refused or MalformedPayload."""
        if self._dial is None or self._dial.state is State.ESTABLISHED:
            return
        answer = self._dial.receive(header, datagram, now)
        if answer is not None:
            self._say(answer, now)
            return
        self.sa = self._dial.sa
        self._met()
        exchange = self.sa.exchange(ClusterExchange.INIT, _INIT_NUMBER)
        self._init = (_INIT_NUMBER, exchange)
        self.counters.init_sent += 1
        state = None if self.group.keyring.is_empty else self.group.keyring.grant(now)
        self._say(exchange.seal(state_payloads(self.group.settings.group_id, state)), now)

    def initialised(self, header: Header, datagram: bytes, now: float) -> None:
        """The root's answer to our init."""
        if self._init is None or self._init[0] != header.message_id:
            raise MalformedPayload("cluster: not an answer to our init")
        group_id, state = read_state(self._init[1].open(header, datagram))
        if group_id != self.group.settings.group_id:
            raise MalformedPayload(f"cluster: answer for group {group_id}")
        self._begun(now)
        follow(self.group, state, self._signing_keys, now)

    def _begun(self, now: float) -> None:
        """The root has our init."""
        self._init, self._repeat_due = None, None
        self._renew_at = now + RENEW_SECONDS
        self._up(now)

    def _up(self, now: float) -> None:
        if self.state is not LinkState.UP:
            self.events.append(ServerFound(self.group.settings.name, self.peer.policy.name))
        self.state, self._lost_at = LinkState.UP, None
        if not self.dials:
            self.group.shared_with.add(self.peer.policy.name)
        self._next = now + self.peer.dpd_interval
        self._unanswered = 0

    def probed(self, kind: NotifyType, sequence: int, now: float) -> None:
        """A probe, or the answer to ours: what came before proves no life (RFC 3706 §6)."""
        if kind is NotifyType.R_U_THERE_ACK:
            is_new = sequence == self._probe
            self.counters.probe_answered += is_new
        else:
            is_new, self._probed = sequence > self._probed, max(sequence, self._probed)
        if is_new:
            self.heard(now)

    def heard(self, now: float) -> None:
        """Something authentic came: the other server lives."""
        self._unanswered = 0
        if self.state is LinkState.DOWN and not self.dials:
            self._version = -1
            self._up(now)

    # Being called

    def init_received(self, sa: Phase1Sa, header: Header, datagram: bytes, now: float) -> bytes:
        """A sub-server asks for the keys, and may have some: the answer."""
        exchange = sa.exchange(ClusterExchange.INIT, header.message_id)
        _, state = read_state(exchange.open(header, datagram))
        self.counters.init_received += 1
        if state is not None and self.group.keyring.is_empty:
            # We were away, and it carried on: its members have these keys.
            follow(self.group, state, self._signing_keys, now)
            self.group.lead(now)
        self.sa, self._update = sa, None
        self._met()
        self._up(now)
        answer = exchange.seal(
            state_payloads(self.group.settings.group_id, self.group.keyring.grant(now))
        )
        self._version = self.group.keyring.version
        return answer

    # Updates

    def flush(self, now: float) -> None:
        """Tell the sub-server what has changed since it was told last."""
        if self.dials or self.state is not LinkState.UP or self._update is not None:
            return
        if self.group.keyring.version == self._version:
            return
        assert self.sa is not None
        self._number += 1
        message_id = self._number
        exchange = self.sa.exchange(ClusterExchange.UPDATE, message_id)
        state = self.group.keyring.grant(now)
        datagram = exchange.seal(state_payloads(self.group.settings.group_id, state))
        version, due = self.group.keyring.version, now + UPDATE_REPEAT_SECONDS
        delay = self.group.settings.activation_time_delay
        self.group.held_until = now + min(_HOLD_SECONDS, _HOLD_SHARE * delay)
        self._update = _Update(exchange, message_id, datagram, version, due)
        self.counters.update_sent += 1
        self.outbox.append(datagram)

    def _repeat_update(self, update: _Update, now: float) -> None:
        """Until it is acknowledged, or dead peer detection says that nobody is there."""
        held = self.group.is_held(now)
        update.due = now + (UPDATE_REPEAT_SECONDS if held else self.peer.retransmission_period)
        self.counters.update_repeated += 1
        self.outbox.append(update.datagram)

    def update_acknowledged(self, header: Header, datagram: bytes, now: float) -> None:
        """The sub-server has an update. Raises Refused."""
        update = self._update
        if update is None or update.message_id != header.message_id:
            return
        update.exchange.open(header, datagram)
        self._update, self._version = None, update.version
        self.group.held_until = now
        self.counters.update_acknowledged += 1
        self.heard(now)

    def update_received(self, header: Header, datagram: bytes, now: float) -> bytes:
        """The root's keys have changed: the acknowledgement."""
        assert self.sa is not None
        exchange = self.sa.exchange(ClusterExchange.UPDATE, header.message_id)
        group_id, state = read_state(exchange.open(header, datagram))
        if group_id != self.group.settings.group_id or state is None:
            raise MalformedPayload(f"cluster: update for group {group_id} without keys")
        self.counters.update_received += 1
        if self._init is not None:
            # Its answer was lost, or is late: it would bring the keys of before this.
            self._begun(now)
        self.heard(now)
        follow(self.group, state, self._signing_keys, now)
        return exchange.seal([])

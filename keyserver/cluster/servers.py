# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Group VPNv2 server clusters: several key servers share one group's keys, sans-IO.

The root server makes the keys; sub-servers fetch them, serve members with them and push to the
members that registered there. A sub-server that finds the root dead (dead peer detection of the
IKE gateway) carries on by itself; when the root answers again, it takes over the keys that there
are, and the sub-server follows. Every server signs its own pushes: its members have its key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ..gdoi.key_server import Address
from ..groups.group import Group, Outgoing
from ..ike.dpd import dpd_message
from ..ike.exchange import Phase1Sa, ProtectedExchange, new_message_id
from ..ike.main_mode import MainModeInitiator
from ..ike.numbers import Exchange, NotifyType
from ..ike.phase1 import State
from ..ike.refusal import Refused
from ..ike.wire import Header, MalformedPayload
from .messages import ClusterExchange, read_state, state_payloads
from .settings import ClusterPeer, ServerRole

DIAL_REPEAT_SECONDS = 1.0
# Before the root forgets a phase 1 of an hour.
RENEW_SECONDS = 2700.0
UPDATE_TRIES = 3


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
    tries_left: int


class Link:
    """One other server, for one group."""

    def __init__(self, group: Group, peer: ClusterPeer, port: int, now: float) -> None:
        self.group, self.peer = group, peer
        self.address = (peer.address, port)
        self.state = LinkState.DOWN
        self.counters = ClusterCounters()
        self.session: Phase1Sa | None = None
        self.outbox: list[bytes] = []
        self.events: list[ClusterEvent] = []
        self._dial: MainModeInitiator | None = None
        self._init: tuple[int, ProtectedExchange] | None = None
        self._last: bytes = b""
        self._repeat_due: float | None = None
        self._next: float = now
        self._unanswered = 0
        self._probe = 0
        self._update: _Update | None = None
        self._version = -1
        self._renew_at: float | None = None
        # A root that does not answer from the start is dead after as long as one that stops.
        self._lost_at: float | None = now + peer.dpd_interval * peer.dpd_threshold

    @property
    def lost(self) -> bool:
        """True when the other server was given up."""
        return self.state is not LinkState.UP and self._lost_at is None

    @property
    def dials(self) -> bool:
        """The sub-server calls, the root answers."""
        return self.peer.own_role is ServerRole.SUB

    def renew(self, now: float) -> None:
        """Begin anew: call the root again, or tell the sub-server everything again."""
        if self.dials:
            self._hang_up(now)
        self._version = -1

    def _hang_up(self, now: float) -> None:
        self.state, self.session, self._dial, self._init = LinkState.DOWN, None, None, None
        self._update, self._repeat_due, self._unanswered, self._next = None, None, 0, now
        self._renew_at = None

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
        if self.dials:
            self.group.lead()
        else:
            self.group.shared_with.discard(self.peer.policy.name)

    def _probe_peer(self, now: float) -> None:
        if self._unanswered >= self.peer.dpd_threshold:
            if self.dials:
                self._hang_up(now)
            else:
                # It calls again, or it is heard again under the session that there is.
                self.state, self._update, self._unanswered = LinkState.DOWN, None, 0
            self._lose()
            return
        assert self.session is not None
        self._unanswered += 1
        self._probe = (self._probe + 1) & 0xFFFFFFFF
        self.counters.probe_sent += 1
        self.outbox.append(dpd_message(self.session, NotifyType.R_U_THERE, self._probe))

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
        if self.dials and self.session is not None:
            known.append(self.session.cookies[0])
        return initiator_cookie in known

    def answered(self, header: Header, datagram: bytes, now: float) -> None:
        """The root's next message of phase 1. Raises Refused or MalformedPayload."""
        if self._dial is None or self._dial.state is State.ESTABLISHED:
            return
        answer = self._dial.receive(header, datagram, now)
        if answer is not None:
            self._say(answer, now)
            return
        assert self._dial.keys is not None
        self.session = Phase1Sa(self._dial.keys, self._dial.cookies, self._dial.last_block)
        message_id = new_message_id()
        exchange = self.session.exchange(ClusterExchange.INIT, message_id)
        self._init = (message_id, exchange)
        self.counters.init_sent += 1
        state = self.group.share(now) if self.group.has_keys else None
        self._say(exchange.seal(state_payloads(self.group.settings.group_id, state)), now)

    def initialised(self, header: Header, datagram: bytes, now: float) -> None:
        """The root's answer to our init."""
        if self._init is None or self._init[0] != header.message_id:
            raise MalformedPayload("cluster: not an answer to our init")
        group_id, state = read_state(self._init[1].open(header, datagram))
        if group_id != self.group.settings.group_id:
            raise MalformedPayload(f"cluster: answer for group {group_id}")
        self._init, self._repeat_due = None, None
        self._renew_at = now + RENEW_SECONDS
        self._up(now)
        self.group.follow(state, now)

    def _up(self, now: float) -> None:
        if self.state is not LinkState.UP:
            self.events.append(ServerFound(self.group.settings.name, self.peer.policy.name))
        self.state, self._lost_at = LinkState.UP, None
        if not self.dials:
            self.group.shared_with.add(self.peer.policy.name)
        self._next = now + self.peer.dpd_interval
        self._unanswered = 0

    def heard(self, now: float) -> None:
        """Something authentic came: the other server lives."""
        self._unanswered = 0
        if self.state is LinkState.DOWN and not self.dials:
            self._version = -1
            self._up(now)

    # Being called

    def init_received(
        self, session: Phase1Sa, header: Header, datagram: bytes, now: float
    ) -> bytes:
        """A sub-server asks for the keys, and may have some: the answer."""
        exchange = session.exchange(ClusterExchange.INIT, header.message_id)
        _, state = read_state(exchange.open(header, datagram))
        self.counters.init_received += 1
        if state is not None and not self.group.has_keys:
            # We were away, and it carried on: its members have these keys.
            self.group.follow(state, now)
            self.group.lead()
        self.session, self._update = session, None
        self._up(now)
        answer = exchange.seal(state_payloads(self.group.settings.group_id, self.group.share(now)))
        self._version = self.group.version
        return answer

    # Updates

    def flush(self, now: float) -> None:
        """Tell the sub-server what has changed since it was told last."""
        if self.dials or self.state is not LinkState.UP or self._update is not None:
            return
        if self.group.version == self._version:
            return
        assert self.session is not None
        message_id = new_message_id()
        exchange = self.session.exchange(ClusterExchange.UPDATE, message_id)
        state = self.group.share(now)
        datagram = exchange.seal(state_payloads(self.group.settings.group_id, state))
        period = self.peer.retransmission_period
        self._update = _Update(
            exchange, message_id, datagram, self.group.version, now + period, UPDATE_TRIES
        )
        self.counters.update_sent += 1
        self.outbox.append(datagram)

    def _repeat_update(self, update: _Update, now: float) -> None:
        if update.tries_left == 0:
            # Dead peer detection will say whether it lives; it asks again when it does.
            self._update, self._version = None, update.version
            return
        update.tries_left -= 1
        update.due = now + self.peer.retransmission_period
        self.counters.update_repeated += 1
        self.outbox.append(update.datagram)

    def update_acknowledged(self, header: Header, datagram: bytes, now: float) -> None:
        """The sub-server has an update. Raises Refused."""
        update = self._update
        if update is None or update.message_id != header.message_id:
            return
        update.exchange.open(header, datagram)
        self._update, self._version = None, update.version
        self.counters.update_acknowledged += 1
        self.heard(now)

    def update_received(self, header: Header, datagram: bytes, now: float) -> bytes:
        """The root's keys have changed: the acknowledgement."""
        assert self.session is not None
        exchange = self.session.exchange(ClusterExchange.UPDATE, header.message_id)
        group_id, state = read_state(exchange.open(header, datagram))
        if group_id != self.group.settings.group_id or state is None:
            raise MalformedPayload(f"cluster: update for group {group_id} without keys")
        self.counters.update_received += 1
        self.heard(now)
        self.group.follow(state, now)
        return exchange.seal([])


@dataclass
class _Replied:
    """The last datagram of an exchange that was answered: a copy gets the same answer."""

    datagram: bytes
    answer: bytes


class ServerCluster:
    """All links of one key server."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.links: dict[tuple[str, str], Link] = {}
        self._replied: dict[str, _Replied] = {}

    def configure(
        self, groups: Mapping[str, Group], peers: Mapping[str, tuple[ClusterPeer, ...]], now: float
    ) -> None:
        """A commit happened; links that did not change stay."""
        kept: dict[tuple[str, str], Link] = {}
        for name, group in groups.items():
            for peer in peers.get(name, ()):
                key = (name, peer.policy.name)
                known = self.links.get(key)
                same = known is not None and known.group is group and known.peer == peer
                kept[key] = (
                    known if known is not None and same else Link(group, peer, self._port, now)
                )
            roots = [link for (of, _), link in kept.items() if of == name and link.dials]
            group.follower = any(not link.lost for link in roots)
            group.shared_with &= {gateway for of, gateway in kept if of == name}
        self.links = kept

    def speaks(self, exchange: int) -> bool:
        """True for an exchange type of this protocol."""
        return exchange in set(ClusterExchange)

    def owns(self, header: Header, source: Address) -> bool:
        """True for an answer to one of our calls, or a message under the phase 1 of one."""
        link = self._by_cookie(header.initiator_cookie)
        return link is not None and link.peer.address == source[0]

    def _by_cookie(self, cookie: bytes) -> Link | None:
        return next((link for link in self.links.values() if link.called_with(cookie)), None)

    def under_call(self, header: Header, datagram: bytes, now: float) -> bytes | None:
        """A message under a phase 1 that we began. Raises Refused or MalformedPayload."""
        link = self._by_cookie(header.initiator_cookie)
        assert link is not None
        if header.exchange == Exchange.IDENTITY_PROTECTION:
            link.answered(header, datagram, now)
            return None
        if header.exchange == ClusterExchange.INIT:
            link.initialised(header, datagram, now)
            return None
        if header.exchange == ClusterExchange.UPDATE and link.session is not None:
            return self._once(
                link.peer.policy.name,
                datagram,
                lambda: link.update_received(header, datagram, now),
            )
        return None

    def under_association(
        self, session: Phase1Sa, gateway: str, header: Header, datagram: bytes, now: float
    ) -> bytes | None:
        """A message under a phase 1 that a sub-server began. Raises Refused."""
        if header.exchange == ClusterExchange.UPDATE:
            for link in self._of(gateway):
                link.update_acknowledged(header, datagram, now)
            return None

        def answer() -> bytes:
            probe = session.exchange(ClusterExchange.INIT, header.message_id)
            group_id, _ = read_state(probe.open(header, datagram))
            for link in self._of(gateway):
                if link.group.settings.group_id == group_id and not link.dials:
                    return link.init_received(session, header, datagram, now)
            raise Refused(
                NotifyType.INVALID_ID_INFORMATION, f"{gateway} is no sub-server of group {group_id}"
            )

        return self._once(gateway, datagram, answer)

    def _of(self, gateway: str) -> list[Link]:
        return [link for (_, name), link in self.links.items() if name == gateway]

    def _once(self, gateway: str, datagram: bytes, work: Callable[[], bytes]) -> bytes:
        replied = self._replied.get(gateway)
        if replied is None or replied.datagram != datagram:
            replied = self._replied[gateway] = _Replied(datagram, work())
        return replied.answer

    def heard(self, cookies: tuple[bytes, bytes], now: float, *, answer: bool) -> None:
        """A probe, or the answer to one of ours, came under that phase 1."""
        for link in self.links.values():
            if link.session is not None and link.session.cookies == cookies:
                link.counters.probe_answered += answer
                link.heard(now)

    def session_of_call(self, cookies: tuple[bytes, bytes]) -> Phase1Sa | None:
        """The phase 1 that we began, by its cookies."""
        sessions = (link.session for link in self.links.values())
        return next((s for s in sessions if s is not None and s.cookies == cookies), None)

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        return min((link.deadline() for link in self.links.values()), default=None)

    def expire(self, now: float) -> None:
        """Do what is due on every link."""
        for link in self.links.values():
            if now >= link.deadline():
                link.expire(now)

    def take(self, now: float) -> tuple[list[Outgoing], list[ClusterEvent]]:
        """What is to be sent, and what happened since the last call."""
        outgoing: list[Outgoing] = []
        events: list[ClusterEvent] = []
        for link in self.links.values():
            link.flush(now)
            outgoing += [Outgoing(datagram, (link.address,)) for datagram in link.outbox]
            events += link.events
            link.outbox.clear()
            link.events.clear()
        return outgoing, events


@dataclass(frozen=True)
class LinkView:
    """A link as operators see it."""

    gateway: str
    address: str
    own_role: str
    state: str
    leading: bool
    counters: ClusterCounters = field(default_factory=ClusterCounters)


def link_views(cluster: ServerCluster, group: str) -> list[LinkView]:
    """The links of a group."""
    return [
        LinkView(
            gateway,
            link.peer.address,
            link.peer.own_role.value,
            link.state.value,
            not link.group.follower,
            link.counters,
        )
        for (name, gateway), link in cluster.links.items()
        if name == group
    ]

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key server's GDOI endpoint, sans-IO: datagrams in, datagrams and events out.

It keeps the phase 1 associations and the pulls under them; who may have which keys is asked of
an :class:`Authority`. Nothing about a group's membership changes before message 3 of a pull has
proved that the member is alive (RFC 6407 §3.2 and §7.2.5).
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ..ike.aggressive_mode import AggressiveModeResponder, initial_identity
from ..ike.dpd import dpd_message, dpd_of
from ..ike.exchange import Phase1Sa, new_message_id, notification
from ..ike.main_mode import MainModeResponder
from ..ike.numbers import Exchange, NotifyType, PayloadType
from ..ike.payloads import Delete, Identification, Notification
from ..ike.phase1 import State
from ..ike.proposal import PROTO_ISAKMP, Mode, PeerPolicy
from ..ike.refusal import Refused
from ..ike.wire import COOKIE_LENGTH, Header, MalformedPayload, Payload, encode_message
from .acknowledgement import PushAck, decode_ack
from .numbers import GdoiExchange
from .payloads import Profile
from .pull import Grant, PullResponder
from .push import kek_spi

Address = tuple[str, int]

NON_ESP_MARKER = bytes(4)
HALF_OPEN_SECONDS = 30.0
HALF_OPEN_LIMIT = 2000
ASSOCIATION_SECONDS = 3600.0
ASSOCIATION_LIMIT = 100_000
PULLS_PER_ASSOCIATION = 8
_PHASE_1 = (Exchange.IDENTITY_PROTECTION, Exchange.AGGRESSIVE)


@dataclass(frozen=True, slots=True)
class Registered:
    """A member completed a pull."""

    gateway: str
    group_id: int
    address: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A member acknowledged a push."""

    address: str
    sequence: int


@dataclass(frozen=True, slots=True)
class RefusedPeer:
    """A datagram or request was refused; ``gateway`` and ``group_id`` as far as known."""

    address: str
    reason: str
    gateway: str | None = None
    group_id: int | None = None


Event = Registered | Acknowledged | RefusedPeer


@dataclass(frozen=True)
class Peer:
    """Who asks: an authenticated gateway at an address.

    ``marked``: its datagrams carry the non-ESP marker. ``extended``: it told by a vendor id that
    it knows our private attributes.
    """

    gateway: str
    source: Address
    marked: bool = False
    extended: bool = False


class Authority(Protocol):
    """Who is who and who gets which keys."""

    def peer(self, address: str) -> PeerPolicy | None:
        """The policy for a peer at that address; None for a stranger."""

    def dynamic_peer(self, identity: Identification) -> PeerPolicy | None:
        """The policy for a peer that is known by its identity only."""

    def anonymous_peer(self) -> PeerPolicy | None:
        """What may be agreed in main mode with a peer whose identity is still to come."""

    def grant(self, peer: Peer, group_id: int, now: float) -> Grant:
        """What the peer would get from the group. Raises Refused; changes nothing."""

    def register(self, peer: Peer, group_id: int, now: float) -> None:
        """The peer has proved itself: enter it. Raises Refused."""

    def knows_kek(self, spi: bytes) -> bool:
        """True for the SPI of a KEK whose pushes may be acknowledged."""

    def acknowledge(self, spi: bytes, ack: PushAck, source: Address) -> bool:
        """A push was acknowledged; False when nobody waits for that."""

    def count_refusal(self, gateway: str | None, group_id: int | None, now: float) -> None:
        """A pull of that gateway failed."""


class Cluster(Protocol):
    """The other key servers that groups are shared with."""

    def speaks(self, exchange: int) -> bool:
        """True for an exchange type of this protocol."""

    def owns(self, header: Header, source: Address) -> bool:
        """True for an answer to a call of ours, or a message under the phase 1 of one."""

    def under_call(self, header: Header, datagram: bytes, now: float) -> bytes | None:
        """Take such a message. Raises Refused or MalformedPayload."""

    def session_of_call(self, cookies: tuple[bytes, bytes]) -> Phase1Sa | None:
        """The phase 1 that a call of ours established."""

    def under_association(
        self, session: Phase1Sa, gateway: str, header: Header, datagram: bytes, now: float
    ) -> bytes | None:
        """Take a message under a phase 1 that the other end began. Raises Refused."""

    def heard(self, cookies: tuple[bytes, bytes], now: float, *, answer: bool) -> None:
        """The other end of that phase 1 has probed, or answered a probe."""


@dataclass
class _Pull:
    responder: PullResponder
    grant: Grant | None = None
    done: bool = False
    last_in: bytes = b""
    last_out: bytes = b""


@dataclass
class _Association:
    responder: MainModeResponder | AggressiveModeResponder
    source: Address
    since: float
    marked: bool
    last_in: bytes = b""
    last_out: bytes = b""
    pulls: dict[int, _Pull] = field(default_factory=dict)

    @property
    def established(self) -> bool:
        return self.responder.state is State.ESTABLISHED

    @property
    def session(self) -> Phase1Sa:
        """What exchanges under it begin with."""
        assert self.responder.keys is not None
        return Phase1Sa(self.responder.keys, self.responder.cookies, self.responder.last_block)

    @property
    def peer(self) -> Peer:
        return Peer(
            self.responder.policy.name, self.source, self.marked, self.responder.peer_is_extended
        )


@dataclass(frozen=True, slots=True)
class AssociationView:
    """A phase 1 association without its keys."""

    gateway: str
    address: str
    port: int
    initiator_cookie: str
    responder_cookie: str
    mode: str
    authentication: str
    hash_name: str
    cipher: str
    key_bits: int
    dh_group: int
    life_remaining: int


@dataclass
class Counters:
    """What happened at this endpoint since it started."""

    received: int = 0
    refused: int = 0
    malformed: int = 0
    replayed: int = 0
    associations: int = 0
    acknowledged: int = 0


class KeyServerEndpoint:
    """One key server on one UDP socket."""

    def __init__(
        self,
        authority: Authority,
        profile: Profile = Profile.RFC6407,
        on_keys: Callable[[bytes, bytes], None] = lambda cookie, key: None,
        cluster: Cluster | None = None,
    ) -> None:
        self._authority = authority
        self._cluster = cluster
        self._profile = profile
        self._on_keys = on_keys
        self._half_open: OrderedDict[bytes, _Association] = OrderedDict()
        # Responder cookies by what a first message is recognised by when it is repeated.
        self._firsts: dict[tuple[Address, bytes], bytes] = {}
        self._associations: OrderedDict[bytes, _Association] = OrderedDict()
        self.counters = Counters()

    def forget(self) -> None:
        """Drop every association (peers' keys or proposals changed)."""
        self._half_open.clear()
        self._firsts.clear()
        self._associations.clear()

    def associations(self, now: float) -> list[AssociationView]:
        """Established phase 1 associations."""
        self._expire(now)
        return [_association_view(one, now) for one in self._associations.values()]

    def receive(
        self, datagram: bytes, source: Address, now: float
    ) -> tuple[bytes | None, list[Event]]:
        """Take one datagram: the answer for its sender, if any, and what happened."""
        self.counters.received += 1
        # A peer behind NAT-T puts the non-ESP marker of RFC 3948 in front, on any port.
        marked = datagram[:4] == NON_ESP_MARKER and len(datagram) > 32
        message = datagram[4:] if marked else datagram
        events: list[Event] = []
        try:
            header = Header.decode(message)
            answer = self._dispatch(header, message, source, marked, now, events)
        except MalformedPayload as error:
            self.counters.malformed += 1
            events.append(RefusedPeer(source[0], str(error)))
            return None, events
        if answer is not None and marked:
            answer = NON_ESP_MARKER + answer
        return answer, events

    def _dispatch(
        self,
        header: Header,
        message: bytes,
        source: Address,
        marked: bool,
        now: float,
        events: list[Event],
    ) -> bytes | None:
        self._expire(now)
        if self._cluster is not None and self._cluster.owns(header, source):
            return self._of_cluster(self._cluster, header, message, source, now, events)
        if header.exchange in _PHASE_1 and header.message_id == 0:
            return self._phase1(header, message, source, marked, now, events)
        if header.exchange == GdoiExchange.GROUPKEY_PULL and header.message_id != 0:
            return self._pull(header, message, source, now, events)
        if header.exchange == GdoiExchange.GROUPKEY_PUSH_ACK:
            self._acknowledge(header, message, source, events)
            return None
        if header.exchange == Exchange.INFORMATIONAL:
            return self._informed(header, message, source, now)
        if self._cluster is not None and self._cluster.speaks(header.exchange):
            return self._of_cluster(self._cluster, header, message, source, now, events)
        self.counters.refused += 1
        events.append(RefusedPeer(source[0], f"exchange type {header.exchange} is not supported"))
        return None

    def _informed(
        self, header: Header, message: bytes, source: Address, now: float
    ) -> bytes | None:
        """Dead peer detection is answered, and a deletion obeyed, for whoever has a phase 1."""
        cookies = (header.initiator_cookie, header.responder_cookie)
        session = self._cluster.session_of_call(cookies) if self._cluster else None
        if session is None:
            association = self._associations.get(b"".join(cookies))
            if association is None or association.source[0] != source[0]:
                return None
            session = association.session
        exchange = session.exchange(Exchange.INFORMATIONAL, header.message_id)
        try:
            payloads = exchange.open(header, message)
        except Refused:
            self.counters.refused += 1
            return None
        for payload in payloads:
            if payload.type == PayloadType.DELETE:
                self._deleted(Delete.decode(payload.body), cookies)
        told = dpd_of(payloads)
        if told is None:
            return None
        kind, sequence = told
        asked = kind is NotifyType.R_U_THERE
        if self._cluster is not None:
            self._cluster.heard(cookies, now, answer=not asked)
        return dpd_message(session, NotifyType.R_U_THERE_ACK, sequence) if asked else None

    def _deleted(self, delete: Delete, cookies: tuple[bytes, bytes]) -> None:
        """RFC 2408 §3.15: the peer has given up this phase 1; it may name no other one."""
        if delete.protocol == PROTO_ISAKMP and b"".join(cookies) in delete.spis:
            self._associations.pop(b"".join(cookies), None)

    def _of_cluster(
        self,
        cluster: Cluster,
        header: Header,
        message: bytes,
        source: Address,
        now: float,
        events: list[Event],
    ) -> bytes | None:
        """Between key servers; what is refused there is counted and not answered."""
        try:
            if cluster.owns(header, source):
                if header.exchange == Exchange.INFORMATIONAL:
                    return self._informed(header, message, source, now)
                return cluster.under_call(header, message, now)
            cookies = header.initiator_cookie + header.responder_cookie
            association = self._associations.get(cookies)
            if association is None or association.source[0] != source[0]:
                raise Refused(NotifyType.INVALID_MESSAGE_ID, "no phase 1 with that key server")
            gateway = association.peer.gateway
            return cluster.under_association(association.session, gateway, header, message, now)
        except Refused as refusal:
            self.counters.refused += 1
            events.append(RefusedPeer(source[0], str(refusal)))
            return None

    def _acknowledge(
        self, header: Header, message: bytes, source: Address, events: list[Event]
    ) -> None:
        spi = kek_spi(header)
        # The SPI is compared first: noise must not cost us a decoding.
        if self._authority.knows_kek(spi):
            ack = decode_ack(header, message)
            if self._authority.acknowledge(spi, ack, source):
                self.counters.acknowledged += 1
                events.append(Acknowledged(source[0], ack.sequence))
                return
        self.counters.refused += 1
        events.append(RefusedPeer(source[0], "an acknowledgement that nobody waits for"))

    def _expire(self, now: float) -> None:
        while self._half_open:
            oldest = next(iter(self._half_open.values()))
            if now - oldest.since <= HALF_OPEN_SECONDS:
                break
            self._drop_oldest()
        while self._associations:
            oldest = next(iter(self._associations.values()))
            if now - oldest.since <= ASSOCIATION_SECONDS:
                break
            self._associations.popitem(last=False)

    def _drop_oldest(self) -> None:
        cookies, association = self._half_open.popitem(last=False)
        self._firsts.pop((association.source, cookies[:COOKIE_LENGTH]), None)

    # Phase 1

    def _phase1(
        self,
        header: Header,
        message: bytes,
        source: Address,
        marked: bool,
        now: float,
        events: list[Event],
    ) -> bytes | None:
        cookies = header.initiator_cookie + header.responder_cookie
        if header.responder_cookie == bytes(COOKIE_LENGTH):
            return self._first(header, message, source, marked, now, events)
        association = self._half_open.get(cookies) or self._associations.get(cookies)
        if association is None or association.source[0] != source[0]:
            self.counters.refused += 1
            events.append(RefusedPeer(source[0], "unknown cookies"))
            return None
        if hmac.compare_digest(message, association.last_in):
            self.counters.replayed += 1
            return association.last_out or None
        if association.established:
            self.counters.replayed += 1
            return None
        return self._advance(association, cookies, header, message, source, now, events)

    def _first(
        self,
        header: Header,
        message: bytes,
        source: Address,
        marked: bool,
        now: float,
        events: list[Event],
    ) -> bytes | None:
        known = self._half_open.get(self._firsts.get((source, header.initiator_cookie), b""))
        if known is not None and known.last_in == message:
            self.counters.replayed += 1
            return known.last_out
        try:
            responder = self._responder(header, message, source)
        except Refused as refusal:
            return self._refuse(refusal, header, source, events)
        association = _Association(responder, source, now, marked)
        try:
            answer = responder.receive(header, message, now)
        except Refused as refusal:
            return self._refuse(refusal, header, source, events, responder.policy.name)
        while len(self._half_open) >= HALF_OPEN_LIMIT:
            self._drop_oldest()
        association.last_in, association.last_out = message, answer or b""
        cookies = b"".join(association.responder.cookies)
        self._half_open[cookies] = association
        self._firsts[source, header.initiator_cookie] = cookies
        return answer

    def _responder(
        self, header: Header, message: bytes, source: Address
    ) -> MainModeResponder | AggressiveModeResponder:
        policy = self._authority.peer(source[0])
        if header.exchange == Exchange.AGGRESSIVE:
            if policy is None:
                policy = self._authority.dynamic_peer(initial_identity(header, message))
            return AggressiveModeResponder(_taking(policy, Mode.AGGRESSIVE))
        if policy is not None:
            return MainModeResponder(_taking(policy, Mode.MAIN))
        anonymous = _taking(self._authority.anonymous_peer(), Mode.MAIN)
        return MainModeResponder(anonymous, self._authority.dynamic_peer)

    def _advance(
        self,
        association: _Association,
        cookies: bytes,
        header: Header,
        message: bytes,
        source: Address,
        now: float,
        events: list[Event],
    ) -> bytes | None:
        try:
            answer = association.responder.receive(header, message, now)
        except Refused as refusal:
            gateway = association.responder.policy.name
            self._authority.count_refusal(gateway, None, association.since)
            return self._refuse(refusal, header, source, events, gateway)
        association.last_in, association.last_out = message, answer or b""
        if association.established:
            del self._half_open[cookies]
            self._firsts.pop((association.source, cookies[:COOKIE_LENGTH]), None)
            while len(self._associations) >= ASSOCIATION_LIMIT:
                self._associations.popitem(last=False)
            self._associations[cookies] = association
            self.counters.associations += 1
            keys = association.responder.keys
            assert keys is not None
            self._on_keys(header.initiator_cookie, keys.encryption_key)
        return answer

    def _refuse(
        self,
        refusal: Refused,
        header: Header,
        source: Address,
        events: list[Event],
        gateway: str | None = None,
    ) -> bytes:
        """An unprotected notification: phase 1 has no keys to protect it with."""
        self.counters.refused += 1
        events.append(RefusedPeer(source[0], str(refusal), gateway))
        cookies = header.initiator_cookie + header.responder_cookie
        body = Notification(refusal.notify, spi=cookies).encode()
        answer = Header(
            header.initiator_cookie,
            header.responder_cookie,
            0,
            Exchange.INFORMATIONAL,
            message_id=new_message_id(),
        )
        return encode_message(answer, [Payload(11, body)])

    # GROUPKEY-PULL

    def _pull(
        self, header: Header, message: bytes, source: Address, now: float, events: list[Event]
    ) -> bytes | None:
        cookies = header.initiator_cookie + header.responder_cookie
        association = self._associations.get(cookies)
        if association is None or association.source[0] != source[0]:
            self.counters.refused += 1
            events.append(RefusedPeer(source[0], "pull without phase 1"))
            return None
        pull = association.pulls.get(header.message_id)
        if pull is not None and message == pull.last_in:
            self.counters.replayed += 1
            return pull.last_out
        if pull is not None and pull.done:
            self.counters.replayed += 1
            return None
        session = association.session
        fresh = pull is None
        if pull is None:
            exchange = session.exchange(GdoiExchange.GROUPKEY_PULL, header.message_id)
            pull = _Pull(PullResponder(exchange, self._profile))
        peer = association.peer
        gateway = peer.gateway
        try:
            answer = self._step(pull, header, message, peer, now, events)
        except Refused as refusal:
            self.counters.refused += 1
            group_id = pull.responder.group_id
            self._authority.count_refusal(gateway, group_id, now)
            events.append(RefusedPeer(source[0], str(refusal), gateway, group_id))
            if group_id is None and fresh:
                # Not even the first HASH was right: anyone can send that. Stay silent.
                return None
            if fresh or pull.done:
                association.pulls[header.message_id] = pull
                pull.done = True
            return notification(session, refusal.notify)
        while len(association.pulls) >= PULLS_PER_ASSOCIATION:
            association.pulls.pop(next(iter(association.pulls)))
        association.pulls[header.message_id] = pull
        pull.last_in, pull.last_out = message, answer
        return answer

    def _step(
        self,
        pull: _Pull,
        header: Header,
        message: bytes,
        peer: Peer,
        now: float,
        events: list[Event],
    ) -> bytes:
        if pull.grant is None:
            group_id = pull.responder.asked(header, message)
            pull.grant = self._authority.grant(peer, group_id, now)
            return pull.responder.answer(pull.grant.policy)
        pull.responder.confirmed(header, message)
        group_id = pull.responder.group_id or 0
        pull.done = True
        self._authority.register(peer, group_id, now)
        events.append(Registered(peer.gateway, group_id, peer.source[0]))
        return pull.responder.deliver(pull.grant)


def _taking(policy: PeerPolicy | None, mode: Mode) -> PeerPolicy:
    """The policy, unless there is none or it does not take that mode."""
    if policy is None:
        raise Refused(NotifyType.NO_PROPOSAL_CHOSEN, "no IKE gateway has this address")
    if mode not in policy.modes:
        raise Refused(
            NotifyType.INVALID_EXCHANGE_TYPE,
            f"gateway {policy.name} does not take {mode.value} mode",
        )
    return policy


def _association_view(association: _Association, now: float) -> AssociationView:
    responder = association.responder
    proposal = responder.proposal
    assert proposal is not None
    initiator, own = responder.cookies
    return AssociationView(
        responder.policy.name,
        association.source[0],
        association.source[1],
        initiator.hex(),
        own.hex(),
        responder.mode.value,
        proposal.authentication.name.lower().replace("_", "-"),
        proposal.hash_name,
        proposal.cipher.name,
        proposal.cipher.key_length * 8,
        proposal.dh_group,
        max(0, int(association.since + ASSOCIATION_SECONDS - now)),
    )

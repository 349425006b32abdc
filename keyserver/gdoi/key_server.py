# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key server's GDOI endpoint, sans-IO: datagrams in, datagrams and events out.

It keeps the phase 1 associations and the pulls under them; who may have which keys is asked of
an :class:`Authority`. Nothing about a group's membership changes before message 3 of a pull has
proved that the member is alive (RFC 6407 §3.2 and §7.2.5).
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

from .numbers import Exchange, NotifyType
from .payloads import Notification, Profile
from .phase1 import PeerPolicy, Phase1Responder, Refused, State
from .pull import Grant, ProtectedExchange, PullResponder, notification
from .wire import COOKIE_LENGTH, Header, MalformedPayload, Payload, encode_message

Address = tuple[str, int]

NON_ESP_MARKER = bytes(4)
HALF_OPEN_SECONDS = 30.0
HALF_OPEN_LIMIT = 2000
ASSOCIATION_SECONDS = 3600.0
ASSOCIATION_LIMIT = 100_000
PULLS_PER_ASSOCIATION = 8


@dataclass(frozen=True, slots=True)
class Registered:
    """A member completed a pull."""

    gateway: str
    group_id: int
    address: str


@dataclass(frozen=True, slots=True)
class RefusedPeer:
    """A datagram or request was refused; ``gateway`` and ``group_id`` as far as known."""

    address: str
    reason: str
    gateway: str | None = None
    group_id: int | None = None


Event = Registered | RefusedPeer


class Authority(Protocol):
    """Who is who and who gets which keys."""

    def peer(self, address: str) -> PeerPolicy | None:
        """The policy for a peer at that address; None for a stranger."""

    def grant(self, gateway: str, group_id: int, address: str, now: float) -> Grant:
        """What the peer would get from the group. Raises Refused; changes nothing."""

    def register(self, gateway: str, group_id: int, address: str, now: float) -> None:
        """The peer has proved itself: enter it. Raises Refused."""

    def count_refusal(self, gateway: str | None, group_id: int | None, now: float) -> None:
        """A pull of that gateway failed."""


@dataclass
class _Pull:
    responder: PullResponder
    grant: Grant | None = None
    done: bool = False
    last_in: bytes = b""
    last_out: bytes = b""


@dataclass
class _Association:
    responder: Phase1Responder
    source: Address
    since: float
    last_in: bytes = b""
    last_out: bytes = b""
    pulls: dict[int, _Pull] = field(default_factory=dict)

    @property
    def established(self) -> bool:
        return self.responder.state is State.ESTABLISHED


@dataclass
class Counters:
    """What happened at this endpoint since it started."""

    received: int = 0
    refused: int = 0
    malformed: int = 0
    replayed: int = 0
    associations: int = 0


class KeyServerEndpoint:
    """One key server on one UDP socket."""

    def __init__(self, authority: Authority, profile: Profile = Profile.RFC6407) -> None:
        self._authority = authority
        self._profile = profile
        self._half_open: OrderedDict[bytes, _Association] = OrderedDict()
        self._associations: OrderedDict[bytes, _Association] = OrderedDict()
        self.counters = Counters()

    def forget(self) -> None:
        """Drop every association (peers' keys or proposals changed)."""
        self._half_open.clear()
        self._associations.clear()

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
            answer = self._dispatch(header, message, source, now, events)
        except MalformedPayload as error:
            self.counters.malformed += 1
            events.append(RefusedPeer(source[0], str(error)))
            return None, events
        if answer is not None and marked:
            answer = NON_ESP_MARKER + answer
        return answer, events

    def _dispatch(
        self, header: Header, message: bytes, source: Address, now: float, events: list[Event]
    ) -> bytes | None:
        self._expire(now)
        if header.exchange == Exchange.IDENTITY_PROTECTION and header.message_id == 0:
            return self._phase1(header, message, source, now, events)
        if header.exchange == Exchange.GROUPKEY_PULL and header.message_id != 0:
            return self._pull(header, message, source, now, events)
        if header.exchange == Exchange.INFORMATIONAL:
            return None
        self.counters.refused += 1
        events.append(RefusedPeer(source[0], f"exchange type {header.exchange} is not supported"))
        return None

    def _expire(self, now: float) -> None:
        for table, age in (
            (self._half_open, HALF_OPEN_SECONDS),
            (self._associations, ASSOCIATION_SECONDS),
        ):
            while table and now - next(iter(table.values())).since > age:
                table.popitem(last=False)

    # Phase 1

    def _phase1(
        self, header: Header, message: bytes, source: Address, now: float, events: list[Event]
    ) -> bytes | None:
        cookies = header.initiator_cookie + header.responder_cookie
        if header.responder_cookie == bytes(COOKIE_LENGTH):
            return self._first(header, message, source, now, events)
        association = self._half_open.get(cookies) or self._associations.get(cookies)
        if association is None or association.source[0] != source[0]:
            self.counters.refused += 1
            events.append(RefusedPeer(source[0], "unknown cookies"))
            return None
        if hmac.compare_digest(message, association.last_in):
            self.counters.replayed += 1
            return association.last_out
        if association.established:
            self.counters.replayed += 1
            return None
        return self._advance(association, cookies, header, message, source, events)

    def _first(
        self, header: Header, message: bytes, source: Address, now: float, events: list[Event]
    ) -> bytes | None:
        for known in self._half_open.values():
            if known.last_in == message and known.source == source:
                self.counters.replayed += 1
                return known.last_out
        policy = self._authority.peer(source[0])
        if policy is None:
            return self._refuse(
                Refused(NotifyType.NO_PROPOSAL_CHOSEN, "no IKE gateway has this address"),
                header,
                source,
                events,
            )
        association = _Association(Phase1Responder(policy), source, now)
        try:
            answer = association.responder.receive(header, message)
        except Refused as refusal:
            return self._refuse(refusal, header, source, events, policy.name)
        while len(self._half_open) >= HALF_OPEN_LIMIT:
            self._half_open.popitem(last=False)
        association.last_in, association.last_out = message, answer
        self._half_open[b"".join(association.responder.cookies)] = association
        return answer

    def _advance(
        self,
        association: _Association,
        cookies: bytes,
        header: Header,
        message: bytes,
        source: Address,
        events: list[Event],
    ) -> bytes | None:
        try:
            answer = association.responder.receive(header, message)
        except Refused as refusal:
            gateway = association.responder.policy.name
            self._authority.count_refusal(gateway, None, association.since)
            return self._refuse(refusal, header, source, events, gateway)
        association.last_in, association.last_out = message, answer
        if association.established:
            del self._half_open[cookies]
            while len(self._associations) >= ASSOCIATION_LIMIT:
                self._associations.popitem(last=False)
            self._associations[cookies] = association
            self.counters.associations += 1
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
            message_id=secrets.randbelow(2**32 - 1) + 1,
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
        keys = association.responder.keys
        assert keys is not None
        fresh = pull is None
        if pull is None:
            exchange = ProtectedExchange(
                keys,
                association.responder.cookies,
                Exchange.GROUPKEY_PULL,
                header.message_id,
                association.responder.last_block,
            )
            pull = _Pull(PullResponder(exchange, self._profile))
        gateway = association.responder.policy.name
        try:
            answer = self._step(pull, header, message, gateway, source, now, events)
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
            return notification(
                keys,
                association.responder.cookies,
                association.responder.last_block,
                refusal.notify,
            )
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
        gateway: str,
        source: Address,
        now: float,
        events: list[Event],
    ) -> bytes:
        if pull.grant is None:
            group_id = pull.responder.asked(header, message)
            pull.grant = self._authority.grant(gateway, group_id, source[0], now)
            return pull.responder.answer(pull.grant.policy)
        pull.responder.confirmed(header, message)
        group_id = pull.responder.group_id or 0
        pull.done = True
        self._authority.register(gateway, group_id, source[0], now)
        events.append(Registered(gateway, group_id, source[0]))
        return pull.responder.deliver(pull.grant)

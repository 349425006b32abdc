# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Exchanges under phase 1: GROUPKEY-PULL (RFC 6407 §3.2) and protected notifications.

member                          key server
HDR*, HASH(1), Ni, ID      ->
                           <-   HDR*, HASH(2), Nr, SA
HDR*, HASH(3) [, GAP]      ->
                           <-   HDR*, HASH(4), [SEQ,] KD
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from .crypto import Phase1Keys
from .numbers import Exchange, Flags, NotifyType, PayloadType
from .payloads import (
    GroupSa,
    Identification,
    KeyDownload,
    Notification,
    Profile,
    Sequence,
)
from .phase1 import NONCE_LENGTH, CipherChain, pick
from .refusal import Refused
from .wire import Header, MalformedPayload, Payload, decode_chain, encode_chain

_NONCE_LENGTHS = range(8, 129)
T = TypeVar("T")


class ProtectedExchange:
    """One exchange under a phase 1 SA: encrypted, and authenticated by a leading HASH."""

    def __init__(
        self,
        keys: Phase1Keys,
        cookies: tuple[bytes, bytes],
        exchange: Exchange,
        message_id: int,
        last_phase1_block: bytes,
    ) -> None:
        self._keys = keys
        self._header = Header(*cookies, 0, exchange, message_id=message_id)
        self._chain = CipherChain(keys, keys.phase2_iv(last_phase1_block, message_id))
        self._message_id = message_id.to_bytes(4, "big")

    def open(self, header: Header, datagram: bytes, known: bytes = b"") -> list[Payload]:
        """The payloads behind a HASH that proves them.

        ``known`` is what the HASH covers between the message id and the payloads (the nonces).
        Nothing changes unless the HASH is right.
        """
        if not header.flags & Flags.ENCRYPTION:
            raise Refused(NotifyType.PAYLOAD_MALFORMED, "message is not encrypted")
        plain = self._chain.open(datagram)
        try:
            payloads, padding = decode_chain(header.next_payload, plain)
        except MalformedPayload as error:
            raise Refused(NotifyType.PAYLOAD_MALFORMED, str(error)) from None
        if not payloads or payloads[0].type != PayloadType.HASH:
            raise Refused(NotifyType.PAYLOAD_MALFORMED, "HASH is not the first payload")
        covered = plain[payloads[0].size : len(plain) - len(padding)]
        expected = self._keys.prf(self._message_id + known + covered)
        if not hmac.compare_digest(payloads[0].body, expected):
            raise Refused(NotifyType.INVALID_HASH_INFORMATION, "HASH does not match")
        self._chain.advance(datagram)
        return payloads[1:]

    def seal(self, payloads: list[Payload], known: bytes = b"") -> bytes:
        """An encrypted datagram with HASH in front of the payloads."""
        covered = encode_chain(payloads)
        digest = self._keys.prf(self._message_id + known + covered)
        following = payloads[0].type if payloads else 0
        head = bytes([following, 0]) + (4 + len(digest)).to_bytes(2, "big") + digest
        return self._chain.seal(self._header, head + covered, PayloadType.HASH)


@dataclass(frozen=True)
class Session:
    """An established phase 1, and what exchanges under it begin with."""

    keys: Phase1Keys = field(repr=False)
    cookies: tuple[bytes, bytes]
    last_block: bytes = field(repr=False)

    def exchange(self, kind: Exchange, message_id: int) -> ProtectedExchange:
        """An exchange of that message id."""
        return ProtectedExchange(self.keys, self.cookies, kind, message_id, self.last_block)


def new_message_id() -> int:
    """Random and not zero (RFC 2408 §3.1)."""
    return secrets.randbelow(2**32 - 1) + 1


@dataclass(frozen=True, slots=True)
class Grant:
    """What a member gets: policy, keys and, where there is a KEK, the last sequence number."""

    policy: GroupSa
    keys: KeyDownload
    sequence: Sequence | None


class PullResponder:
    """The key server's end of one GROUPKEY-PULL."""

    def __init__(self, exchange: ProtectedExchange, profile: Profile) -> None:
        self._exchange = exchange
        self._profile = profile
        self._nonces = b""
        self.group_id: int | None = None

    def asked(self, header: Header, datagram: bytes) -> int:
        """Message 1: the group id that the member asks for."""
        payloads = self._exchange.open(header, datagram)
        nonce, identity = pick(payloads, PayloadType.NONCE, PayloadType.ID)
        _check_nonce(nonce)
        self._nonces = nonce
        self.group_id = _well_formed(Identification.decode(identity).group_id, self._profile)
        return self.group_id

    def answer(self, policy: GroupSa) -> bytes:
        """Message 2: the group's policy."""
        own = secrets.token_bytes(NONCE_LENGTH)
        chain = [Payload(PayloadType.NONCE, own), Payload(PayloadType.SA, policy.encode())]
        message = self._exchange.seal(chain, known=self._nonces)
        self._nonces += own
        return message

    def confirmed(self, header: Header, datagram: bytes) -> None:
        """Message 3: proves that the member is alive and accepts the policy."""
        payloads = self._exchange.open(header, datagram, known=self._nonces)
        if any(p.type != PayloadType.GAP for p in payloads):
            raise Refused(NotifyType.PAYLOAD_MALFORMED, "message 3 takes a GAP at most")

    def deliver(self, grant: Grant) -> bytes:
        """Message 4: the keys."""
        chain = [Payload(PayloadType.KD, grant.keys.encode())]
        if grant.sequence is not None:
            chain.insert(0, Payload(PayloadType.SEQ, grant.sequence.encode()))
        return self._exchange.seal(chain, known=self._nonces)


class PullInitiator:
    """The member's end of one GROUPKEY-PULL."""

    def __init__(self, exchange: ProtectedExchange, group_id: int, profile: Profile) -> None:
        self._exchange = exchange
        self._group_id = group_id
        self._profile = profile
        self._nonces = secrets.token_bytes(NONCE_LENGTH)
        self.policy: GroupSa | None = None

    def first(self) -> bytes:
        """Message 1."""
        identity = Identification.group(self._group_id, self._profile)
        chain = [
            Payload(PayloadType.NONCE, self._nonces),
            Payload(PayloadType.ID, identity.encode()),
        ]
        return self._exchange.seal(chain)

    def receive(self, header: Header, datagram: bytes) -> bytes | Grant:
        """Message 2 gives message 3 to send; message 4 gives what was granted."""
        payloads = self._exchange.open(header, datagram, known=self._nonces)
        if self.policy is None:
            nonce, policy = pick(payloads, PayloadType.NONCE, PayloadType.SA)
            _check_nonce(nonce)
            self.policy = _well_formed(GroupSa.decode, policy, self._profile)
            self._nonces += nonce
            return self._exchange.seal([], known=self._nonces)
        kinds = [PayloadType.SEQ, PayloadType.KD] if self.policy.kek else [PayloadType.KD]
        *sequence, keys = pick(payloads, *kinds)
        return Grant(
            self.policy,
            _well_formed(KeyDownload.decode, keys),
            _well_formed(Sequence.decode, sequence[0]) if sequence else None,
        )


def notification(session: Session, notify: NotifyType) -> bytes:
    """A protected Informational message (RFC 2409 §5.7)."""
    exchange = session.exchange(Exchange.INFORMATIONAL, new_message_id())
    body = Notification(notify, spi=b"".join(session.cookies)).encode()
    return exchange.seal([Payload(PayloadType.NOTIFICATION, body)])


def _well_formed(decode: Callable[..., T], *arguments: object) -> T:
    try:
        return decode(*arguments)
    except MalformedPayload as error:
        raise Refused(NotifyType.PAYLOAD_MALFORMED, str(error)) from None


def _check_nonce(nonce: bytes) -> None:
    if len(nonce) not in _NONCE_LENGTHS:
        raise Refused(NotifyType.PAYLOAD_MALFORMED, f"nonce of {len(nonce)} octets")

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

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from ..ike.exchange import ProtectedExchange
from ..ike.informational import errors
from ..ike.numbers import NotifyType, PayloadType
from ..ike.payloads import Identification
from ..ike.proposal import NONCE_LENGTH, pick
from ..ike.refusal import Refused
from ..ike.wire import Header, MalformedPayload, Payload, attribute_map
from .citation import cited
from .numbers import GapAttribute
from .payloads import (
    GroupAssociatedPolicy,
    GroupSa,
    KeyDownload,
    Profile,
    Sequence,
    group_id_of,
    group_identity,
    only_informs,
)

_NONCE_LENGTHS = range(8, 129)
T = TypeVar("T")


@dataclass(frozen=True)
class Grant:
    """What a member gets: policy, keys and, where there is a KEK, the last sequence number.

    Members that come together get the same one: its payloads are encoded once.
    """

    sa: GroupSa
    keys: KeyDownload
    sequence: Sequence | None

    @cached_property
    def sa_body(self) -> bytes:
        """The body of the SA payload."""
        return self.sa.encode()

    @cached_property
    def kd_body(self) -> bytes:
        """The body of the KD payload."""
        return self.keys.encode()


class PullResponder:
    """The key server's end of one GROUPKEY-PULL."""

    def __init__(self, exchange: ProtectedExchange, profile: Profile) -> None:
        self._exchange = exchange
        self._profile = profile
        self._nonces = b""
        self.group_id: int | None = None
        self.is_authentic = False
        self.sender_ids_asked = 0

    def asked(self, header: Header, datagram: bytes) -> int:
        """Message 1: the group id that the member asks for."""
        payloads = self._exchange.open(header, datagram)
        self.is_authentic = True
        _check_told(payloads)
        nonce, identity = pick(payloads, PayloadType.NONCE, PayloadType.ID)
        _check_nonce(nonce)
        self._nonces = nonce
        try:
            self.group_id = group_id_of(Identification.decode(identity), self._profile)
        except MalformedPayload as error:
            raise Refused(NotifyType.INVALID_ID_INFORMATION, cited(error)) from None
        return self.group_id

    def answer(self, grant: Grant) -> bytes:
        """Message 2: the group's policy."""
        own = secrets.token_bytes(NONCE_LENGTH)
        chain = [Payload(PayloadType.NONCE, own), Payload(PayloadType.SA, grant.sa_body)]
        message = self._exchange.seal(chain, known=self._nonces)
        self._nonces += own
        return message

    def confirmed(self, header: Header, datagram: bytes) -> None:
        """Message 3: proves that the member is alive and accepts the policy."""
        payloads = self._exchange.open(header, datagram, known=self._nonces)
        told = [payload for payload in payloads if not _well_formed(only_informs, payload)]
        if [payload.type for payload in told] not in ([], [PayloadType.GAP]):
            raise Refused(NotifyType.PAYLOAD_MALFORMED, "message 3 takes a GAP at most")
        for payload in told:
            self._asked_for(_well_formed(GroupAssociatedPolicy.decode, payload.body))

    def _asked_for(self, gap: GroupAssociatedPolicy) -> None:
        asked = _well_formed(attribute_map, gap.attributes, "GAP", set(GapAttribute))
        for kind in sorted(set(asked) - {GapAttribute.SENDER_ID_REQUEST}):
            # RFC 6407 §5.4: abort on what is not understood.
            raise Refused(NotifyType.ATTRIBUTES_NOT_SUPPORTED, f"GAP: attribute {kind}")
        request = asked.get(GapAttribute.SENDER_ID_REQUEST)
        self.sender_ids_asked = request.number if request is not None else 0

    def deliver(self, grant: Grant) -> bytes:
        """Message 4: the keys."""
        chain = [Payload(PayloadType.KD, grant.kd_body)]
        if grant.sequence is not None:
            chain.insert(0, Payload(PayloadType.SEQ, grant.sequence.encode()))
        return self._exchange.seal(chain, known=self._nonces)


class Unacceptable(Exception):
    """An authentic message of the key server that this member cannot do what it says."""


class PullInitiator:
    """The member's end of one GROUPKEY-PULL.

    ``accept`` sees the policy before message 3 says that the member can do what it asks; it raises
    MalformedPayload when that is not so.
    """

    def __init__(
        self,
        exchange: ProtectedExchange,
        group_id: int,
        profile: Profile,
        accept: Callable[[GroupSa], None] = lambda policy: None,
    ) -> None:
        self._accept = accept
        self._exchange = exchange
        self._group_id = group_id
        self._profile = profile
        self._nonces = secrets.token_bytes(NONCE_LENGTH)
        self.sa: GroupSa | None = None

    def first(self) -> bytes:
        """Message 1."""
        identity = group_identity(self._group_id, self._profile)
        chain = [
            Payload(PayloadType.NONCE, self._nonces),
            Payload(PayloadType.ID, identity.encode()),
        ]
        return self._exchange.seal(chain)

    def receive(self, header: Header, datagram: bytes) -> bytes | Grant:
        """Message 2 gives message 3 to send; message 4 gives what was granted.

        Raises Refused for what is not authentic, Unacceptable for what is and cannot be done.
        """
        payloads = self._exchange.open(header, datagram, known=self._nonces)
        number = 2 if self.sa is None else 4
        try:
            _check_told(payloads)
            return self._agree(payloads) if self.sa is None else self._granted(payloads)
        except MalformedPayload as error:
            raise Unacceptable(cited(error)) from None
        except Refused as error:
            raise Unacceptable(cited(f"message {number}: {error}")) from None

    def _agree(self, payloads: list[Payload]) -> bytes:
        nonce, body = pick(payloads, PayloadType.NONCE, PayloadType.SA)
        _check_nonce(nonce)
        policy = GroupSa.decode(body, self._profile)
        self._accept(policy)
        self.sa = policy
        self._nonces += nonce
        return self._exchange.seal([], known=self._nonces)

    def _granted(self, payloads: list[Payload]) -> Grant:
        assert self.sa is not None
        kinds = [PayloadType.SEQ, PayloadType.KD] if self.sa.kek else [PayloadType.KD]
        *sequence, keys = pick(payloads, *kinds)
        return Grant(
            self.sa,
            KeyDownload.decode(keys),
            Sequence.decode(sequence[0]) if sequence else None,
        )


def _well_formed(decode: Callable[..., T], *arguments: object) -> T:
    try:
        return decode(*arguments)
    except MalformedPayload as error:
        raise Refused(NotifyType.PAYLOAD_MALFORMED, cited(error)) from None


def _check_told(payloads: list[Payload]) -> None:
    """Refuse a message that brings an error beside what was asked for: it is not clear."""
    for told in _well_formed(errors, payloads):
        raise Refused(NotifyType.PAYLOAD_MALFORMED, f"{told} beside its payloads")


def _check_nonce(nonce: bytes) -> None:
    if len(nonce) not in _NONCE_LENGTHS:
        raise Refused(
            NotifyType.PAYLOAD_MALFORMED, f"nonce: {len(nonce)} octets, 8 to 128 expected"
        )

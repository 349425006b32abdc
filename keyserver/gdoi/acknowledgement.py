# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""GROUPKEY-PUSH-ACK (RFC 8263): a member says that it has a push.

    HDR, HASH, SEQ, ID          in the clear, under the SPI of the KEK that the push was under

RFC 8263 gives two sizes for L, the length that goes into the key derivation; the larger one is
sent, both are accepted.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import IntEnum

from ..ike.numbers import PayloadType
from ..ike.payloads import Identification
from ..ike.wire import (
    COOKIE_LENGTH,
    HEADER_LENGTH,
    Header,
    MalformedPayload,
    Payload,
    decode_chain,
    encode_chain,
    encode_message,
)
from .numbers import GdoiExchange
from .payloads import Sequence
from .push import Kek

_LABEL = b"GROUPKEY-PUSH ACK\0"


class AckAlgorithm(IntEnum):
    """KEK_ACK_REQUESTED (RFC 8263 §2): which key the acknowledgement is made with."""

    KEK_SHA256 = 1
    LKH_SHA256 = 2
    KEK_SHA512 = 3
    LKH_SHA512 = 4


# Hash, and the two readings of L in bits.
_PRFS: dict[int, tuple[str, tuple[int, int]]] = {
    AckAlgorithm.KEK_SHA256: ("sha256", (512, 256)),
    AckAlgorithm.KEK_SHA512: ("sha512", (1024, 512)),
}


def is_supported(algorithm: int) -> bool:
    """True for the algorithms that need no key tree."""
    return algorithm in _PRFS


def _hash(kek: Kek, algorithm: int, bits: int, covered: bytes) -> bytes:
    name = _PRFS[algorithm][0]
    key = hmac.digest(kek.key, _LABEL + kek.spi + bits.to_bytes(2, "big"), name)
    return hmac.digest(key, covered, name)


@dataclass(frozen=True, slots=True)
class PushAck:
    """A decoded acknowledgement."""

    sequence: int
    identity: Identification
    size: int
    _covered: bytes
    _hash: bytes

    def verify(self, kek: Kek, algorithm: int) -> bool:
        """True when a holder of the KEK made it."""
        right = False
        for bits in _PRFS[algorithm][1]:
            right |= hmac.compare_digest(_hash(kek, algorithm, bits, self._covered), self._hash)
        return right


def encode_ack(kek: Kek, algorithm: int, sequence: int, identity: Identification) -> bytes:
    """The datagram that acknowledges a push."""
    chain = [
        Payload(PayloadType.SEQ, Sequence(sequence).encode()),
        Payload(PayloadType.ID, identity.encode()),
    ]
    digest = _hash(kek, algorithm, _PRFS[algorithm][1][0], encode_chain(chain))
    header = Header(
        kek.spi[:COOKIE_LENGTH], kek.spi[COOKIE_LENGTH:], 0, GdoiExchange.GROUPKEY_PUSH_ACK
    )
    return encode_message(header, [Payload(PayloadType.HASH, digest), *chain])


def decode_ack(header: Header, datagram: bytes) -> PushAck:
    """Decode; nothing is authentic before ``verify``. Raises MalformedPayload."""
    if header.flags != 0 or header.message_id != 0:
        raise MalformedPayload("acknowledgement with flags or message id")
    body = datagram[HEADER_LENGTH:]
    payloads, rest = decode_chain(header.next_payload, body)
    kinds = [payload.type for payload in payloads]
    if kinds != [PayloadType.HASH, PayloadType.SEQ, PayloadType.ID] or rest:
        raise MalformedPayload(f"acknowledgement: payloads {kinds}")
    return PushAck(
        Sequence.decode(payloads[1].body).number,
        Identification.decode(payloads[2].body),
        len(datagram),
        body[payloads[0].size :],
        payloads[0].body,
    )

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Messages under a phase 1 SA: encrypted, and proved by a leading HASH (RFC 2409 §5.5, §5.7)."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

from .crypto import Phase1Keys
from .numbers import Exchange, Flags, NotifyType, PayloadType
from .payloads import PROTO_ISAKMP, Delete, Notification
from .refusal import Refused
from .wire import HEADER_LENGTH, Header, MalformedPayload, Payload, decode_chain, encode_chain


class MessageCipher:
    """The CBC chain of one exchange: each message continues from the last ciphertext block."""

    def __init__(self, keys: Phase1Keys, iv: bytes) -> None:
        self._keys = keys
        self.iv = iv

    def open(self, datagram: bytes) -> bytes:
        """The payloads of an encrypted datagram with their padding; does not move the chain."""
        return self._keys.cipher.decrypt(
            self._keys.encryption_key, self.iv, datagram[HEADER_LENGTH:]
        )

    def advance(self, datagram: bytes) -> None:
        """Continue behind a datagram that was accepted."""
        self.iv = datagram[-self._keys.cipher.block :]

    def seal(self, header: Header, plain: bytes, first_payload: int) -> bytes:
        """An encrypted datagram; moves the chain."""
        sealed = self._keys.cipher.encrypt(self._keys.encryption_key, self.iv, plain)
        header = header.leading(first_payload, len(sealed), Flags.ENCRYPTION)
        datagram = header.encode() + sealed
        self.advance(datagram)
        return datagram


class ProtectedExchange:
    """One exchange under a phase 1 SA: encrypted, and authenticated by a leading HASH."""

    def __init__(
        self,
        keys: Phase1Keys,
        cookies: tuple[bytes, bytes],
        exchange: int,
        message_id: int,
        last_phase1_block: bytes,
    ) -> None:
        self._keys = keys
        self._header = Header(*cookies, 0, exchange, message_id=message_id)
        self._chain = MessageCipher(keys, keys.phase2_iv(last_phase1_block, message_id))
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
class Phase1Sa:
    """An established phase 1, and what exchanges under it begin with."""

    keys: Phase1Keys = field(repr=False)
    cookies: tuple[bytes, bytes]
    last_block: bytes = field(repr=False)

    @property
    def spi(self) -> bytes:
        """Both cookies: by these it is known (RFC 2408 §2.5)."""
        return b"".join(self.cookies)

    def exchange(self, kind: int, message_id: int) -> ProtectedExchange:
        """An exchange of that message id."""
        return ProtectedExchange(self.keys, self.cookies, kind, message_id, self.last_block)


def new_message_id() -> int:
    """Random and not zero (RFC 2408 §3.1)."""
    return secrets.randbelow(2**32 - 1) + 1


def notification(sa: Phase1Sa, notify: NotifyType) -> bytes:
    """A protected Informational message (RFC 2409 §5.7)."""
    exchange = sa.exchange(Exchange.INFORMATIONAL, new_message_id())
    body = Notification(notify, spi=sa.spi).encode()
    return exchange.seal([Payload(PayloadType.NOTIFICATION, body)])


def deletion(sa: Phase1Sa) -> bytes:
    """What tells the other end that a phase 1 SA is given up (RFC 2408 §3.15)."""
    exchange = sa.exchange(Exchange.INFORMATIONAL, new_message_id())
    body = Delete(PROTO_ISAKMP, (sa.spi,)).encode()
    return exchange.seal([Payload(PayloadType.DELETE, body)])

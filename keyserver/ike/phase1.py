# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What main mode and aggressive mode, initiator and responder, have in common."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import ClassVar

from .agreement import Agreement, KeyExchange, agree
from .crypto import Phase1Keys
from .exchange import Phase1Sa
from .numbers import Exchange, PayloadType
from .proof import Role
from .proposal import Mode, PeerPolicy, Phase1Proposal
from .wire import (
    HEADER_LENGTH,
    Header,
    MalformedPayload,
    Payload,
    decode_chain,
    encode_chain,
    encode_message,
)

# RFC 2408 §3.16: a hash that names an extension; who sends it knows our private attributes.
VENDOR_ID = hashlib.sha256(b"groupvpn.junos GDOI extensions 1").digest()[:16]


class State(Enum):
    """How far a phase 1 exchange has come."""

    SA = "sa"
    KEY_EXCHANGE = "key exchange"
    AUTHENTICATION = "authentication"
    ESTABLISHED = "established"


class Phase1:
    """One end of phase 1, from its first message until it is established."""

    mode: ClassVar[Mode]
    role: ClassVar[Role]
    exchange: ClassVar[Exchange]

    def __init__(self, policy: PeerPolicy, cookies: tuple[bytes, bytes]) -> None:
        self.policy = policy
        self.cookies = cookies
        self.state = State.SA
        self.proposal: Phase1Proposal | None = None
        self.peer_is_extended = False
        self.last_block = b""
        self._agreed: Agreement | None = None

    @property
    def keys(self) -> Phase1Keys | None:
        """The keys, from the key exchange on."""
        return self._agreed.keys if self._agreed is not None else None

    @property
    def sa(self) -> Phase1Sa:
        """The phase 1 SA, once it is established."""
        return Phase1Sa(self._agreement.keys, self.cookies, self.last_block)

    @property
    def _agreement(self) -> Agreement:
        assert self._agreed is not None
        return self._agreed

    def _agree(self, own: KeyExchange, public: bytes, nonce: bytes, sa: bytes) -> Agreement:
        """Take the peer's half of the key exchange. Raises Refused."""
        assert self.proposal is not None
        self._agreed = agree(
            self.role, own, public, nonce, self.proposal, self.policy, self.cookies, sa
        )
        return self._agreed

    def _established(self) -> None:
        self.last_block = self._agreement.cipher.iv
        self.state = State.ESTABLISHED

    def _in_clear(self, payloads: list[Payload]) -> bytes:
        return encode_message(Header(*self.cookies, 0, self.exchange), payloads)

    def _sealed(self, payloads: list[Payload]) -> bytes:
        header = Header(*self.cookies, 0, self.exchange)
        return self._agreement.cipher.seal(header, encode_chain(payloads), payloads[0].type)


def clear_payloads(header: Header, datagram: bytes) -> list[Payload]:
    """The payloads of a message that is not encrypted. Raises MalformedPayload."""
    payloads, left = decode_chain(header.next_payload, datagram[HEADER_LENGTH:])
    if left:
        raise MalformedPayload(f"{len(left)} octets behind the last payload")
    return payloads


def sends_vendor_id(payloads: list[Payload]) -> bool:
    """True when the peer says that it knows our private attributes."""
    return Payload(PayloadType.VENDOR_ID, VENDOR_ID) in payloads

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What main mode and aggressive mode, initiator and responder, have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import ClassVar

from .agreement import Agreement, KeyExchange, agree
from .crypto import Phase1Keys
from .exchange import Phase1Sa
from .nat import Path, detection_payloads, translated
from .numbers import Exchange
from .proof import Role
from .proposal import Mode, PeerPolicy, Phase1Proposal
from .vendor import DEAD_PEER_DETECTION, NAT_TRAVERSAL, VENDOR_ID, vendor_payloads
from .wire import (
    HEADER_LENGTH,
    Header,
    MalformedPayload,
    Payload,
    decode_chain,
    encode_chain,
    encode_message,
)

PoliciesOf = Callable[[str], tuple[PeerPolicy, ...]]
"""A gateway's name to all policies that its peers can be met with."""


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

    def __init__(
        self, policy: PeerPolicy, cookies: tuple[bytes, bytes], path: Path | None = None
    ) -> None:
        """``path``: where the ends are, when they are to look for translators in between."""
        self.policy = policy
        self.cookies = cookies
        self.path = path
        self.lifetime = policy.lifetime
        self.behind_nat = self.peer_behind_nat = self.peer_begins_anew = False
        self.state = State.SA
        self.proposal: Phase1Proposal | None = None
        self.peers_vendor_ids: frozenset[bytes] = frozenset()
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
        (self._agreed,) = self._agree_with((self.policy,), own, public, nonce, sa).values()
        return self._agreed

    def _agree_with(
        self,
        policies: Iterable[PeerPolicy],
        own: KeyExchange,
        public: bytes,
        nonce: bytes,
        sa: bytes,
    ) -> dict[bytes | None, Agreement]:
        assert self.proposal is not None
        return agree(self.role, own, public, nonce, self.proposal, policies, self.cookies, sa)

    @property
    def peer_is_extended(self) -> bool:
        """True when the peer knows our private attributes."""
        return VENDOR_ID in self.peers_vendor_ids

    @property
    def floats(self) -> bool:
        """True when there is a translator in between (RFC 3947 §4)."""
        return self.behind_nat or self.peer_behind_nat

    @property
    def traverses_nat(self) -> bool:
        """True when both ends look for translators."""
        return self.path is not None and NAT_TRAVERSAL in self.peers_vendor_ids

    def _announcement(self, *more: bytes) -> list[Payload]:
        """What we know beside RFC 2409; ``more``: what only an initiator says unasked."""
        ours: tuple[bytes, ...] = (DEAD_PEER_DETECTION,)
        if self.role is Role.RESPONDER and self.peer_is_extended:
            ours = (VENDOR_ID, *ours)
        if self.path is not None and (self.role is Role.INITIATOR or self.traverses_nat):
            ours += (NAT_TRAVERSAL,)
        return vendor_payloads(*more, *ours)

    def _detection(self) -> list[Payload]:
        if self.path is None or not self.traverses_nat or self.proposal is None:
            return []
        return detection_payloads(self.proposal.hash_name, self.cookies, self.path)

    def _detect(self, payloads: list[Payload]) -> None:
        if self.path is None or not self.traverses_nat or self.proposal is None:
            return
        self.behind_nat, self.peer_behind_nat = translated(
            payloads, self.proposal.hash_name, self.cookies, self.path
        )

    def outlives(self, policies_of: PoliciesOf) -> bool:
        """After a commit: True when the peer is met as before; ``policies_of`` gives what holds."""
        return self.policy in policies_of(self.policy.name)

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

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IKEv1 phase 1 in main mode (RFC 2409 §5.1 and §5.4), both ends, sans-IO.

    initiator                    responder
    HDR, SA                 ->
                            <-   HDR, SA
    HDR, KE, Ni             ->
                            <-   HDR, KE, Nr
    HDR*, IDii, HASH_I      ->
                            <-   HDR*, IDir, HASH_R

With RSA signatures ``[CERT,] SIG`` stands where the hash stands. Each end takes a whole datagram
and returns the one to send back. A refusal raises :class:`Refused` with the notification that the
RFC has for it and changes nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from .crypto import Phase1Keys, derive_keys
from .dh import DH_GROUPS, DhSecret, InvalidPublicValue
from .exchange import MessageCipher
from .numbers import GDOI_DOI, Exchange, Flags, NotifyType, PayloadType
from .payloads import Identification, SaPayload
from .phase1 import (
    NONCE_LENGTH,
    VENDOR_ID,
    State,
    check_nonce,
    clear_payloads,
    pick,
    sends_vendor_id,
)
from .proof import Claim, Proof
from .proposal import Mode, PeerPolicy, Phase1Proposal, choose, chosen_of, offer
from .refusal import Refused
from .wire import (
    COOKIE_LENGTH,
    Header,
    MalformedPayload,
    Payload,
    decode_chain,
    encode_chain,
    encode_message,
)

Resolver = Callable[[Identification], PeerPolicy | None]
"""Gives the policy of a peer that is known by its identity only."""


class MainModeResponder:
    """The key server's end of main mode.

    ``resolve``: the peer is known by its identity only, which main mode tells last; ``policy``
    is what may be agreed with such a peer until then.
    """

    mode = Mode.MAIN

    def __init__(self, policy: PeerPolicy, resolve: Resolver | None = None) -> None:
        self.policy = policy
        self._resolve = resolve
        self.peer_is_extended = False
        self.state = State.SA
        self.cookies = (b"", b"")
        self.keys: Phase1Keys | None = None
        self.last_block = b""
        self.proposal: Phase1Proposal | None = None
        self.shared_secret = b""
        self._sa_body = b""
        self._proof: Proof | None = None
        self._chain: MessageCipher | None = None

    def receive(self, header: Header, datagram: bytes, now: float) -> bytes:
        """Take the next message of the exchange, give the answer."""
        handler = {
            State.SA: self._on_sa,
            State.KEY_EXCHANGE: self._on_key_exchange,
            State.AUTHENTICATION: self._on_authentication,
        }.get(self.state)
        if handler is None:
            raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "phase 1 is already established")
        encrypted = bool(header.flags & Flags.ENCRYPTION)
        if encrypted is not (self.state is State.AUTHENTICATION):
            raise Refused(
                NotifyType.PAYLOAD_MALFORMED, f"{self.state.value}: wrong encryption flag"
            )
        return handler(header, datagram, now)

    def _on_sa(self, header: Header, datagram: bytes, now: float) -> bytes:
        payloads = clear_payloads(header, datagram)
        (body,) = pick(payloads, PayloadType.SA)
        self.proposal, answer = choose(SaPayload.decode(body), self.policy)
        self.peer_is_extended = sends_vendor_id(payloads)
        self.cookies = (header.initiator_cookie, secrets.token_bytes(COOKIE_LENGTH))
        self._sa_body = body
        self.state = State.KEY_EXCHANGE
        return self._clear([Payload(PayloadType.SA, answer.encode())])

    def _clear(self, payloads: list[Payload]) -> bytes:
        return encode_message(Header(*self.cookies, 0, Exchange.IDENTITY_PROTECTION), payloads)

    def _on_key_exchange(self, header: Header, datagram: bytes, now: float) -> bytes:
        peer_public, peer_nonce = pick(
            clear_payloads(header, datagram), PayloadType.KE, PayloadType.NONCE
        )
        check_nonce(peer_nonce)
        assert self.proposal is not None
        group = DH_GROUPS[self.proposal.dh_group]
        secret, public = group.key_pair()
        try:
            shared = group.shared_secret(secret, peer_public)
        except InvalidPublicValue as error:
            raise Refused(NotifyType.INVALID_KEY_INFORMATION, str(error)) from None
        nonce = secrets.token_bytes(NONCE_LENGTH)
        publics = (peer_public, public)
        self.shared_secret = shared
        self.keys = derive_keys(
            self.proposal.hash_name,
            self.proposal.cipher,
            self.policy.key_for(self.proposal),
            (peer_nonce, nonce),
            publics,
            shared,
            b"".join(self.cookies),
        )
        self._proof = Proof(self.keys, self.proposal, publics, self.cookies, self._sa_body)
        self._chain = MessageCipher(self.keys, self.keys.first_iv)
        self.state = State.AUTHENTICATION
        return self._clear(
            [
                Payload(PayloadType.KE, public),
                Payload(PayloadType.NONCE, nonce),
                *self.policy.requests(self.proposal),
            ]
        )

    def _on_authentication(self, header: Header, datagram: bytes, now: float) -> bytes:
        assert self._chain is not None
        assert self._proof is not None
        plain = self._chain.open(datagram)
        try:
            payloads, _ = decode_chain(header.next_payload, plain)
            (identity, proof), certificates = self._proof.pick(payloads, PayloadType.ID)
        except (MalformedPayload, Refused):
            # With another pre-shared key the payloads decrypt to noise.
            raise Refused(
                NotifyType.PAYLOAD_MALFORMED, "authentication unreadable: wrong pre-shared key?"
            ) from None
        policy = self._policy_for(identity)
        self._proof.check_initiator(policy, Claim(identity, proof, certificates), now)
        self.policy = policy
        self._chain.advance(datagram)
        own = Payload(PayloadType.ID, policy.local_identity.encode())
        chain = [own, *self._proof.of_responder(policy)]
        header = Header(*self.cookies, 0, Exchange.IDENTITY_PROTECTION)
        answer = self._chain.seal(header, encode_chain(chain), PayloadType.ID)
        self.last_block = self._chain.iv
        self.state = State.ESTABLISHED
        return answer

    def _policy_for(self, identity: bytes) -> PeerPolicy:
        if self._resolve is None:
            return self.policy
        claimed = Identification.decode(identity)
        policy = self._resolve(claimed)
        if policy is None or self.proposal not in policy.proposals:
            raise Refused(
                NotifyType.INVALID_ID_INFORMATION, f"no IKE gateway is known as {claimed}"
            )
        return policy


class MainModeInitiator:
    """The member's end of main mode."""

    exchange = Exchange.IDENTITY_PROTECTION

    def __init__(self, policy: PeerPolicy, lifetime: int = 28800, doi: int = GDOI_DOI) -> None:
        self.policy = policy
        self.state = State.SA
        self.cookies = (secrets.token_bytes(COOKIE_LENGTH), bytes(COOKIE_LENGTH))
        self.keys: Phase1Keys | None = None
        self.last_block = b""
        self.proposal: Phase1Proposal | None = None
        self._sa_body = offer(policy.proposals, lifetime, doi)
        self._secret: DhSecret = 0
        self._public, self._nonce = b"", secrets.token_bytes(NONCE_LENGTH)
        self._proof: Proof | None = None
        self._chain: MessageCipher | None = None

    def first(self) -> bytes:
        """Message 1."""
        return self._clear(
            [
                Payload(PayloadType.SA, self._sa_body),
                Payload(PayloadType.VENDOR_ID, VENDOR_ID),
            ]
        )

    def receive(self, header: Header, datagram: bytes, now: float) -> bytes | None:
        """Take the responder's next message, give the answer; None when established."""
        handler = {
            State.SA: self._on_sa,
            State.KEY_EXCHANGE: self._on_key_exchange,
            State.AUTHENTICATION: self._on_authentication,
        }.get(self.state)
        if handler is None:
            raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "phase 1 is already established")
        return handler(header, datagram, now)

    def _clear(self, payloads: list[Payload]) -> bytes:
        return encode_message(Header(*self.cookies, 0, Exchange.IDENTITY_PROTECTION), payloads)

    def _on_sa(self, header: Header, datagram: bytes, now: float) -> bytes:
        (body,) = pick(clear_payloads(header, datagram), PayloadType.SA)
        chosen = self.proposal = chosen_of(body, self.policy)
        self.cookies = (self.cookies[0], header.responder_cookie)
        self._secret, self._public = DH_GROUPS[chosen.dh_group].key_pair()
        self.state = State.KEY_EXCHANGE
        return self._clear(
            [
                Payload(PayloadType.KE, self._public),
                Payload(PayloadType.NONCE, self._nonce),
                *self.policy.requests(chosen),
            ]
        )

    def _on_key_exchange(self, header: Header, datagram: bytes, now: float) -> bytes:
        peer_public, peer_nonce = pick(
            clear_payloads(header, datagram), PayloadType.KE, PayloadType.NONCE
        )
        check_nonce(peer_nonce)
        assert self.proposal is not None
        try:
            shared = DH_GROUPS[self.proposal.dh_group].shared_secret(self._secret, peer_public)
        except InvalidPublicValue as error:
            raise Refused(NotifyType.INVALID_KEY_INFORMATION, str(error)) from None
        publics = (self._public, peer_public)
        self.keys = derive_keys(
            self.proposal.hash_name,
            self.proposal.cipher,
            self.policy.key_for(self.proposal),
            (self._nonce, peer_nonce),
            publics,
            shared,
            b"".join(self.cookies),
        )
        self._proof = Proof(self.keys, self.proposal, publics, self.cookies, self._sa_body)
        self._chain = MessageCipher(self.keys, self.keys.first_iv)
        own = Payload(PayloadType.ID, self.policy.local_identity.encode())
        chain = [own, *self._proof.of_initiator(self.policy)]
        sealed = self._chain.seal(
            Header(*self.cookies, 0, Exchange.IDENTITY_PROTECTION),
            encode_chain(chain),
            PayloadType.ID,
        )
        self.state = State.AUTHENTICATION
        return sealed

    def _on_authentication(self, header: Header, datagram: bytes, now: float) -> None:
        assert self._chain is not None
        assert self._proof is not None
        if not header.flags & Flags.ENCRYPTION:
            raise Refused(NotifyType.PAYLOAD_MALFORMED, "authentication is not encrypted")
        payloads, _ = decode_chain(header.next_payload, self._chain.open(datagram))
        (identity, proof), certificates = self._proof.pick(payloads, PayloadType.ID)
        self._proof.check_responder(self.policy, Claim(identity, proof, certificates), now)
        self._chain.advance(datagram)
        self.last_block = self._chain.iv
        self.state = State.ESTABLISHED

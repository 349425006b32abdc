# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IKEv1 phase 1 in aggressive mode (RFC 2409 §5.1 and §5.4), both ends, sans-IO.

    initiator                    responder
    HDR, SA, KE, Ni, IDii   ->
                            <-   HDR, SA, KE, Nr, IDir, HASH_R
    HDR[*], HASH_I          ->

With RSA signatures ``[CERT,] SIG`` stands where the hash stands. The identity comes before the
keys, so that peers without a fixed address can be told apart. The price: HASH_R in the clear lets
anyone who asks try pre-shared keys at leisure.
"""

from __future__ import annotations

import secrets

from .authentication import proof_kind
from .crypto import Phase1Keys, derive_keys
from .dh import DH_GROUPS, InvalidPublicValue
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
from .proof import Claim, Proof, check_identity
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

_FIRST = (PayloadType.SA, PayloadType.KE, PayloadType.NONCE, PayloadType.ID)


def initial_identity(header: Header, datagram: bytes) -> Identification:
    """Who a first message says it is from; not authentic yet."""
    *_, identity = pick(clear_payloads(header, datagram), *_FIRST)
    return Identification.decode(identity)


class AggressiveModeResponder:
    """The key server's end of aggressive mode."""

    mode = Mode.AGGRESSIVE

    def __init__(self, policy: PeerPolicy) -> None:
        self.policy = policy
        self.state = State.SA
        self.cookies = (b"", b"")
        self.keys: Phase1Keys | None = None
        self.last_block = b""
        self.proposal: Phase1Proposal | None = None
        self.peer_is_extended = False
        self._identity = b""
        self._proof: Proof | None = None
        self._chain: MessageCipher | None = None

    def receive(self, header: Header, datagram: bytes, now: float) -> bytes | None:
        """Take the next message; the answer, None when there is none to give."""
        if self.state is State.SA:
            return self._on_first(header, datagram)
        if self.state is State.AUTHENTICATION:
            self._on_proof(header, datagram, now)
            return None
        raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "phase 1 is already established")

    def _on_first(self, header: Header, datagram: bytes) -> bytes:
        if header.flags & Flags.ENCRYPTION:
            raise Refused(NotifyType.PAYLOAD_MALFORMED, "sa: wrong encryption flag")
        payloads = clear_payloads(header, datagram)
        sa, peer_public, peer_nonce, identity = pick(payloads, *_FIRST)
        check_nonce(peer_nonce)
        proposal, answer = choose(SaPayload.decode(sa), self.policy)
        check_identity(identity, self.policy.remote_identity, "identity")
        group = DH_GROUPS[proposal.dh_group]
        secret, public = group.key_pair()
        try:
            shared = group.shared_secret(secret, peer_public)
        except InvalidPublicValue as error:
            raise Refused(NotifyType.INVALID_KEY_INFORMATION, str(error)) from None
        nonce = secrets.token_bytes(NONCE_LENGTH)
        cookies = (header.initiator_cookie, secrets.token_bytes(COOKIE_LENGTH))
        keys = derive_keys(
            proposal.hash_name,
            proposal.cipher,
            self.policy.key_for(proposal),
            (peer_nonce, nonce),
            (peer_public, public),
            shared,
            b"".join(cookies),
        )
        proof = Proof(keys, proposal, (peer_public, public), cookies, sa)
        self.proposal, self.cookies, self.keys = proposal, cookies, keys
        self.peer_is_extended = sends_vendor_id(payloads)
        self._identity, self._proof = identity, proof
        self._chain = MessageCipher(keys, keys.first_iv)
        self.state = State.AUTHENTICATION
        return encode_message(
            Header(*cookies, 0, Exchange.AGGRESSIVE),
            [
                Payload(PayloadType.SA, answer.encode()),
                Payload(PayloadType.KE, public),
                Payload(PayloadType.NONCE, nonce),
                Payload(PayloadType.ID, self.policy.local_identity.encode()),
                *self.policy.requests(proposal),
                *proof.of_responder(self.policy),
            ],
        )

    def _on_proof(self, header: Header, datagram: bytes, now: float) -> None:
        assert self._chain is not None
        assert self._proof is not None
        # RFC 2409 §5.4 leaves it to the initiator whether the last message is encrypted.
        encrypted = bool(header.flags & Flags.ENCRYPTION)
        try:
            if encrypted:
                payloads, _ = decode_chain(header.next_payload, self._chain.open(datagram))
            else:
                payloads = clear_payloads(header, datagram)
            (proof,), certificates = self._proof.pick(payloads)
        except (MalformedPayload, Refused):
            raise Refused(
                NotifyType.PAYLOAD_MALFORMED, "authentication unreadable: wrong pre-shared key?"
            ) from None
        self._proof.check_initiator(self.policy, Claim(self._identity, proof, certificates), now)
        if encrypted:
            self._chain.advance(datagram)
        self.last_block = self._chain.iv
        self.state = State.ESTABLISHED


class AggressiveModeInitiator:
    """The member's end of aggressive mode."""

    exchange = Exchange.AGGRESSIVE

    def __init__(self, policy: PeerPolicy, lifetime: int = 28800, doi: int = GDOI_DOI) -> None:
        self.policy = policy
        self.state = State.SA
        self.cookies = (secrets.token_bytes(COOKIE_LENGTH), bytes(COOKIE_LENGTH))
        self.keys: Phase1Keys | None = None
        self.last_block = b""
        # The public value goes out with the offer: one DH group only can be offered.
        group = policy.proposals[0].dh_group
        proposals = tuple(p for p in policy.proposals if p.dh_group == group)
        self._group = DH_GROUPS[group]
        self._sa_body = offer(proposals, lifetime, doi)
        self._secret, self._public = self._group.key_pair()
        self._nonce = secrets.token_bytes(NONCE_LENGTH)

    def first(self) -> bytes:
        """Message 1."""
        return encode_message(
            Header(*self.cookies, 0, Exchange.AGGRESSIVE),
            [
                Payload(PayloadType.SA, self._sa_body),
                Payload(PayloadType.KE, self._public),
                Payload(PayloadType.NONCE, self._nonce),
                Payload(PayloadType.ID, self.policy.local_identity.encode()),
                *self.policy.requests(self.policy.proposals[0]),
                Payload(PayloadType.VENDOR_ID, VENDOR_ID),
            ],
        )

    def receive(self, header: Header, datagram: bytes, now: float) -> bytes:
        """Message 2 gives message 3; phase 1 is established then."""
        if self.state is not State.SA:
            raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "phase 1 is already established")
        payloads = clear_payloads(header, datagram)
        certificates = [p.body for p in payloads if p.type == PayloadType.CERT]
        others = [p for p in payloads if p.type != PayloadType.CERT]
        signed = any(p.type == PayloadType.SIG for p in others)
        kind = PayloadType.SIG if signed else PayloadType.HASH
        sa, peer_public, peer_nonce, identity, proof = pick(others, *_FIRST, kind)
        check_nonce(peer_nonce)
        proposal = chosen_of(sa, self.policy)
        if proof_kind(proposal.authentication) is not kind:
            raise Refused(NotifyType.PAYLOAD_MALFORMED, "the proof is not of the agreed kind")
        check_identity(identity, self.policy.remote_identity, "key server")
        try:
            shared = self._group.shared_secret(self._secret, peer_public)
        except InvalidPublicValue as error:
            raise Refused(NotifyType.INVALID_KEY_INFORMATION, str(error)) from None
        cookies = (self.cookies[0], header.responder_cookie)
        publics = (self._public, peer_public)
        keys = derive_keys(
            proposal.hash_name,
            proposal.cipher,
            self.policy.key_for(proposal),
            (self._nonce, peer_nonce),
            publics,
            shared,
            b"".join(cookies),
        )
        proofs = Proof(keys, proposal, publics, cookies, self._sa_body)
        proofs.check_responder(self.policy, Claim(identity, proof, certificates), now)
        self.cookies, self.keys = cookies, keys
        chain = MessageCipher(keys, keys.first_iv)
        own = proofs.of_initiator(self.policy)
        header = Header(*cookies, 0, Exchange.AGGRESSIVE)
        sealed = chain.seal(header, encode_chain(own), own[0].type)
        self.last_block = chain.iv
        self.state = State.ESTABLISHED
        return sealed

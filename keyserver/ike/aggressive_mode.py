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

from .agreement import Agreement, KeyExchange
from .authentication import proof_kind
from .choice import Offer, choose
from .nat import Path
from .numbers import GDOI_DOI, Exchange, Flags, NotifyType, PayloadType
from .payloads import Identification, begins_anew
from .phase1 import Phase1, State, clear_payloads
from .proof import Claim, Role, check_identity
from .proposal import Mode, PeerPolicy, chosen_of, offer, pick
from .refusal import Refused
from .vendor import VENDOR_ID, vendor_ids
from .wire import COOKIE_LENGTH, Header, MalformedPayload, Payload, decode_chain

_FIRST = (PayloadType.SA, PayloadType.KE, PayloadType.NONCE, PayloadType.ID)


def initial_identity(header: Header, datagram: bytes) -> Identification:
    """Who a first message says it is from; not authentic yet."""
    *_, identity = pick(clear_payloads(header, datagram), *_FIRST)
    return Identification.decode(identity)


def _answer(payloads: list[Payload]) -> tuple[list[bytes], PayloadType, Claim]:
    """Message 2: SA, KE and Nr; of which kind its proof is; who claims to have sent it."""
    certificates = [p.body for p in payloads if p.type == PayloadType.CERT]
    others = [p for p in payloads if p.type != PayloadType.CERT]
    signed = any(p.type == PayloadType.SIG for p in others)
    kind = PayloadType.SIG if signed else PayloadType.HASH
    *keys, identity, proof = pick(others, *_FIRST, kind)
    return keys, kind, Claim(Identification.decode(identity), proof, certificates)


class _AggressiveMode(Phase1):
    mode = Mode.AGGRESSIVE
    exchange = Exchange.AGGRESSIVE


class AggressiveModeResponder(_AggressiveMode):
    """The key server's end of aggressive mode."""

    role = Role.RESPONDER

    def __init__(self, policy: PeerPolicy, path: Path | None = None) -> None:
        super().__init__(policy, (b"", b""), path)
        self._identity: Identification | None = None

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
        sa, public, nonce, body = pick(payloads, *_FIRST)
        choice = choose(Offer.decode(sa), self.policy)
        self._identity = Identification.decode(body)
        check_identity(self._identity, self.policy.remote_identity, "identity")
        self.proposal, self.lifetime = choice.proposal, choice.lifetime
        self.peers_vendor_ids = vendor_ids(payloads)
        self.cookies = (header.initiator_cookie, secrets.token_bytes(COOKIE_LENGTH))
        own = KeyExchange(choice.proposal.dh_group)
        agreement = self._agree(own, public, nonce, sa)
        self.state = State.AUTHENTICATION
        return self._in_clear(
            [
                Payload(PayloadType.SA, choice.answer),
                *own.payloads(),
                Payload(PayloadType.ID, self.policy.local_identity.encode()),
                *self.policy.requests(choice.proposal),
                *self._announcement(),
                *self._detection(),
                *agreement.proof.of(self.role, self.policy),
            ]
        )

    def _on_proof(self, header: Header, datagram: bytes, now: float) -> None:
        cipher, proofs = self._agreement.cipher, self._agreement.proof
        try:
            payloads = self._opened(header, datagram)
            (proof,), certificates = proofs.pick(payloads)
        except (MalformedPayload, Refused):
            raise Refused(
                NotifyType.PAYLOAD_MALFORMED, "authentication unreadable: wrong pre-shared key?"
            ) from None
        assert self._identity is not None
        claim = Claim(self._identity, proof, certificates)
        proofs.check(Role.INITIATOR, self.policy, claim, now)
        if header.flags & Flags.ENCRYPTION:
            # In clear anybody on the way could have put it there.
            self.peer_begins_anew = begins_anew(payloads)
            cipher.advance(datagram)
        self._detect(payloads)
        self._established()

    def _opened(self, header: Header, datagram: bytes) -> list[Payload]:
        """RFC 2409 §5.4 leaves it to the initiator whether the last message is encrypted."""
        if not header.flags & Flags.ENCRYPTION:
            return clear_payloads(header, datagram)
        return decode_chain(header.next_payload, self._agreement.cipher.open(datagram))[0]


class AggressiveModeInitiator(_AggressiveMode):
    """The member's end of aggressive mode."""

    role = Role.INITIATOR

    def __init__(self, policy: PeerPolicy, doi: int = GDOI_DOI, path: Path | None = None) -> None:
        super().__init__(policy, (secrets.token_bytes(COOKIE_LENGTH), bytes(COOKIE_LENGTH)), path)
        # The public value goes out with the offer: one DH group only can be offered.
        group = policy.proposals[0].dh_group
        proposals = tuple(p for p in policy.proposals if p.dh_group == group)
        self._sa_body = offer(proposals, policy.lifetime, doi)
        self._own = KeyExchange(group)

    def first(self) -> bytes:
        """Message 1."""
        return self._in_clear(
            [
                Payload(PayloadType.SA, self._sa_body),
                *self._own.payloads(),
                Payload(PayloadType.ID, self.policy.local_identity.encode()),
                *self.policy.requests(self.policy.proposals[0]),
                *self._announcement(VENDOR_ID),
            ]
        )

    def receive(self, header: Header, datagram: bytes, now: float) -> bytes:
        """Message 2 gives message 3; phase 1 is established then."""
        if self.state is not State.SA:
            raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "phase 1 is already established")
        payloads = clear_payloads(header, datagram)
        agreement = self._accept(header, payloads, now)
        self.peers_vendor_ids = vendor_ids(payloads)
        self._detect(payloads)
        sealed = self._sealed([*agreement.proof.of(self.role, self.policy), *self._detection()])
        self._established()
        return sealed

    def _accept(self, header: Header, payloads: list[Payload], now: float) -> Agreement:
        """What a message 2 agrees upon; nothing, when it is not the key server's."""
        (sa, public, nonce), kind, claim = _answer(payloads)
        chosen, begun = chosen_of(sa, self.policy), self.cookies
        if proof_kind(chosen.authentication) is not kind:
            raise Refused(NotifyType.PAYLOAD_MALFORMED, "the proof is not of the agreed kind")
        check_identity(claim.identity, self.policy.remote_identity, "key server")
        self.proposal, self.cookies = chosen, (begun[0], header.responder_cookie)
        try:
            agreement = self._agree(self._own, public, nonce, self._sa_body)
            agreement.proof.check(Role.RESPONDER, self.policy, claim, now)
        except Refused:
            # Anyone can send a message 2: the right one may still come.
            self.cookies, self._agreed = begun, None
            raise
        return agreement

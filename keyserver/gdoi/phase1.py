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

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from .authentication import (
    Credentials,
    certificate_requests,
    check_proof,
    proof_kind,
    prove,
)
from .crypto import HASH_NAMES, CbcCipher, Phase1Keys, derive_keys, oakley_cipher
from .dh import DH_GROUPS, DhSecret, InvalidPublicValue
from .numbers import (
    GDOI_DOI,
    LIFE_TYPE_SECONDS,
    Exchange,
    Flags,
    NotifyType,
    OakleyAttribute,
    OakleyAuthentication,
    OakleyCipher,
    PayloadType,
)
from .payloads import Identification, Phase1Sa, Proposal, Transform
from .refusal import Refused
from .wire import (
    COOKIE_LENGTH,
    HEADER_LENGTH,
    Attribute,
    Header,
    MalformedPayload,
    Payload,
    attribute_map,
    decode_chain,
    encode_chain,
    encode_message,
)

KEY_IKE = 1
PROTO_ISAKMP = 1
NONCE_LENGTH = 20
_NONCE_LENGTHS = range(8, 257)
_CIPHER_NUMBERS = {
    "des": OakleyCipher.DES_CBC,
    "3des": OakleyCipher.TRIPLE_DES_CBC,
    "aes": OakleyCipher.AES_CBC,
}
_HASH_NUMBERS = {name: number for number, name in HASH_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Phase1Proposal:
    """What one phase 1 transform stands for."""

    cipher: CbcCipher
    hash_name: str
    dh_group: int
    authentication: OakleyAuthentication = OakleyAuthentication.PRE_SHARED_KEY

    def transform(self, number: int, lifetime: int) -> Transform:
        """The transform payload that offers this; ``lifetime`` in seconds."""
        short = Attribute.short
        attributes = [
            short(OakleyAttribute.ENCRYPTION_ALGORITHM, _CIPHER_NUMBERS[self.cipher.name]),
            short(OakleyAttribute.HASH_ALGORITHM, _HASH_NUMBERS[self.hash_name]),
            short(OakleyAttribute.AUTHENTICATION_METHOD, self.authentication),
            short(OakleyAttribute.GROUP_DESCRIPTION, self.dh_group),
            short(OakleyAttribute.LIFE_TYPE, LIFE_TYPE_SECONDS),
            Attribute.long(OakleyAttribute.LIFE_DURATION, lifetime.to_bytes(4, "big")),
        ]
        if self.cipher.name == "aes":
            key_bits = self.cipher.key_length * 8
            attributes.append(short(OakleyAttribute.KEY_LENGTH, key_bits))
        return Transform(number, KEY_IKE, tuple(attributes))

    @classmethod
    def of(cls, transform: Transform) -> Phase1Proposal | None:
        """What a transform offers; None for anything that is not known here."""
        attributes = attribute_map(transform.attributes, "transform")

        def number(kind: OakleyAttribute) -> int:
            return attributes[kind].number if kind in attributes else 0

        cipher = oakley_cipher(
            number(OakleyAttribute.ENCRYPTION_ALGORITHM), number(OakleyAttribute.KEY_LENGTH)
        )
        hash_name = HASH_NAMES.get(number(OakleyAttribute.HASH_ALGORITHM))
        group = number(OakleyAttribute.GROUP_DESCRIPTION)
        method = number(OakleyAttribute.AUTHENTICATION_METHOD)
        if cipher is None or hash_name is None or group not in DH_GROUPS:
            return None
        if method not in set(OakleyAuthentication) or transform.identifier != KEY_IKE:
            return None
        return cls(cipher, hash_name, group, OakleyAuthentication(method))


class Mode(Enum):
    """How phase 1 runs (RFC 2409 §5), in Junos' words."""

    MAIN = "main"
    AGGRESSIVE = "aggressive"


# RFC 2408 §3.16: a hash that names an extension; who sends it knows our private attributes.
VENDOR_ID = hashlib.sha256(b"groupvpn.junos GDOI extensions 1").digest()[:16]


@dataclass(frozen=True, slots=True)
class PeerPolicy:
    """How one peer (a Junos IKE gateway) is met: its key, what it may propose, identities.

    ``pre_shared_key`` and ``credentials`` are there as the proposals' authentication needs them.
    """

    name: str
    pre_shared_key: bytes | None
    proposals: tuple[Phase1Proposal, ...]
    local_identity: Identification
    remote_identity: Identification
    accepted_dois: tuple[int, ...] = (GDOI_DOI,)
    modes: frozenset[Mode] = frozenset({Mode.MAIN})
    credentials: Credentials | None = None

    def key_for(self, proposal: Phase1Proposal) -> bytes | None:
        """What goes into SKEYID: the pre-shared key, unless signatures are to prove the ends."""
        is_shared = proposal.authentication is OakleyAuthentication.PRE_SHARED_KEY
        return self.pre_shared_key if is_shared else None

    def requests(self, proposal: Phase1Proposal) -> list[Payload]:
        """What asks the peer for its certificate, where signatures are to prove the ends."""
        return certificate_requests(proposal.authentication, self.credentials)

    def __repr__(self) -> str:
        return f"PeerPolicy({self.name!r})"


class CipherChain:
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
        header = replace(
            header,
            next_payload=first_payload,
            flags=header.flags | Flags.ENCRYPTION,
            length=HEADER_LENGTH + len(sealed),
        )
        datagram = header.encode() + sealed
        self.advance(datagram)
        return datagram


def pick(payloads: list[Payload], *kinds: PayloadType) -> list[bytes]:
    """The bodies of exactly these payloads; vendor ids and notifications may stand beside them."""
    ignorable = (PayloadType.VENDOR_ID, PayloadType.NOTIFICATION, PayloadType.CR)
    found = {p.type: p.body for p in payloads if p.type not in ignorable}
    counted = [p.type for p in payloads if p.type not in ignorable]
    if sorted(counted) != sorted(kinds):
        raise Refused(NotifyType.PAYLOAD_MALFORMED, f"payloads {counted}, {list(kinds)} expected")
    return [found[kind] for kind in kinds]


def clear_payloads(header: Header, datagram: bytes) -> list[Payload]:
    payloads, left = decode_chain(header.next_payload, datagram[HEADER_LENGTH:])
    if left:
        raise MalformedPayload(f"{len(left)} octets behind the last payload")
    return payloads


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a peer says it is (an ID payload's body), its proof, and certificates to go with it."""

    identity: bytes
    proof: bytes
    certificates: list[bytes]


class Proof:
    """What HASH_I and HASH_R are computed over (RFC 2409 §5), and the proofs made of them."""

    def __init__(
        self,
        keys: Phase1Keys,
        proposal: Phase1Proposal,
        public: tuple[bytes, bytes],
        cookies: tuple[bytes, bytes],
        sa: bytes,
    ) -> None:
        self._keys, self._public, self._cookies, self._sa = keys, public, cookies, sa
        self._authentication = proposal.authentication

    def _initiator(self, identity: bytes) -> bytes:
        data = b"".join((*self._public, *self._cookies, self._sa, identity))
        return hmac.digest(self._keys.skeyid, data, self._keys.hash_name)

    def _responder(self, identity: bytes) -> bytes:
        data = b"".join((*self._public[::-1], *self._cookies[::-1], self._sa, identity))
        return hmac.digest(self._keys.skeyid, data, self._keys.hash_name)

    def of_initiator(self, policy: PeerPolicy) -> list[Payload]:
        """The initiator's proof of its own identity."""
        digest = self._initiator(policy.local_identity.encode())
        return prove(self._authentication, policy.credentials, digest)

    def of_responder(self, policy: PeerPolicy) -> list[Payload]:
        """The responder's proof of its own identity."""
        digest = self._responder(policy.local_identity.encode())
        return prove(self._authentication, policy.credentials, digest)

    def pick(self, payloads: list[Payload], *kinds: PayloadType) -> tuple[list[bytes], list[bytes]]:
        """(these payloads' bodies, the proof's last; certificates beside them)."""
        certificates = [p.body for p in payloads if p.type == PayloadType.CERT]
        others = [p for p in payloads if p.type != PayloadType.CERT]
        return pick(others, *kinds, proof_kind(self._authentication)), certificates

    def check_initiator(self, policy: PeerPolicy, claim: Claim, now: float) -> None:
        """Refuse an initiator that is not who it says, or not who it must be."""
        self._check(policy, claim, self._initiator(claim.identity), now, "HASH_I")
        check_identity(claim.identity, policy.remote_identity, "identity")

    def check_responder(self, policy: PeerPolicy, claim: Claim, now: float) -> None:
        """Refuse a responder that is not who it says, or not who it must be.

        A member pins its key server (RFC 6407 §7.2.2): any key holder could answer otherwise.
        """
        self._check(policy, claim, self._responder(claim.identity), now, "HASH_R")
        check_identity(claim.identity, policy.remote_identity, "key server")

    def _check(
        self, policy: PeerPolicy, claim: Claim, digest: bytes, now: float, name: str
    ) -> None:
        check_proof(
            self._authentication,
            policy.credentials,
            claim.proof,
            digest,
            Identification.decode(claim.identity),
            claim.certificates,
            now,
            name,
        )


def choose(offered: Phase1Sa, policy: PeerPolicy) -> tuple[Phase1Proposal, Phase1Sa]:
    """The first offer that the policy takes, and the SA that says so. Raises Refused."""
    if offered.doi not in policy.accepted_dois:
        raise Refused(NotifyType.NO_PROPOSAL_CHOSEN, f"DOI {offered.doi} is not accepted")
    for proposal in offered.proposals:
        if proposal.protocol != PROTO_ISAKMP:
            continue
        for transform in proposal.transforms:
            known = Phase1Proposal.of(transform)
            if known is not None and known in policy.proposals:
                chosen = replace(proposal, spi=b"", transforms=(transform,))
                return known, Phase1Sa((chosen,), offered.doi, offered.situation)
    raise Refused(NotifyType.NO_PROPOSAL_CHOSEN, "no offered proposal is configured")


def offer(proposals: tuple[Phase1Proposal, ...], lifetime: int, doi: int) -> bytes:
    """The body of an SA payload that offers these, best first; ``lifetime`` in seconds."""
    transforms = tuple(p.transform(n, lifetime) for n, p in enumerate(proposals, 1))
    return Phase1Sa((Proposal(1, PROTO_ISAKMP, b"", transforms),), doi).encode()


def chosen_of(answer: bytes, policy: PeerPolicy) -> Phase1Proposal:
    """What a responder's SA payload chose, when it was offered. Raises Refused."""
    transforms = [t for p in Phase1Sa.decode(answer).proposals for t in p.transforms]
    chosen = Phase1Proposal.of(transforms[0]) if len(transforms) == 1 else None
    if chosen is None or chosen not in policy.proposals:
        raise Refused(NotifyType.NO_PROPOSAL_CHOSEN, "the answer is not what was offered")
    return chosen


def sends_vendor_id(payloads: list[Payload]) -> bool:
    """True when the peer says that it knows our private attributes."""
    return Payload(PayloadType.VENDOR_ID, VENDOR_ID) in payloads


def check_identity(identity: bytes, expected: Identification, who: str) -> None:
    """Refuse another identity than the configured one."""
    claimed = Identification.decode(identity)
    if (claimed.type, claimed.data) != (expected.type, expected.data):
        raise Refused(NotifyType.INVALID_ID_INFORMATION, f"{who} {claimed} is not {expected}")


class State(Enum):
    """How far a phase 1 exchange has come."""

    SA = "sa"
    KEY_EXCHANGE = "key exchange"
    AUTHENTICATION = "authentication"
    ESTABLISHED = "established"


Resolver = Callable[[Identification], PeerPolicy | None]
"""Gives the policy of a peer that is known by its identity only."""


class Phase1Responder:
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
        self._chain: CipherChain | None = None

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
        self.proposal, answer = choose(Phase1Sa.decode(body), self.policy)
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
        self._chain = CipherChain(self.keys, self.keys.first_iv)
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


class Phase1Initiator:
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
        self._chain: CipherChain | None = None

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
        self._chain = CipherChain(self.keys, self.keys.first_iv)
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


def check_nonce(nonce: bytes) -> None:
    if len(nonce) not in _NONCE_LENGTHS:
        raise Refused(NotifyType.PAYLOAD_MALFORMED, f"nonce of {len(nonce)} octets")

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
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from .agreement import Agreement, KeyExchange
from .choice import Offer, choose_among
from .nat import Path
from .numbers import GDOI_DOI, Exchange, Flags, NotifyType, PayloadType
from .payloads import Identification, begins_anew
from .phase1 import Phase1, PoliciesOf, State, clear_payloads
from .proof import Claim, Role
from .proposal import Mode, PeerPolicy, chosen_of, offer, pick
from .refusal import Refused
from .vendor import VENDOR_ID, vendor_ids
from .wire import COOKIE_LENGTH, Header, MalformedPayload, Payload, decode_chain

Resolver = Callable[[Identification], PeerPolicy | None]
"""Gives the policy of a peer that is known by its identity only."""


class _MainMode(Phase1, ABC):
    mode = Mode.MAIN
    exchange = Exchange.IDENTITY_PROTECTION

    def receive(self, header: Header, datagram: bytes, now: float) -> bytes | None:
        """Take the other end's next message: the answer, or None when there is none to give."""
        if self.state is State.ESTABLISHED:
            raise Refused(NotifyType.INVALID_EXCHANGE_TYPE, "phase 1 is already established")
        encrypted = bool(header.flags & Flags.ENCRYPTION)
        if encrypted is not (self.state is State.AUTHENTICATION):
            raise Refused(
                NotifyType.PAYLOAD_MALFORMED, f"{self.state.value}: wrong encryption flag"
            )
        if self.state is State.SA:
            return self._on_sa(header, clear_payloads(header, datagram))
        if self.state is State.KEY_EXCHANGE:
            return self._on_key_exchange(clear_payloads(header, datagram))
        return self._on_authentication(header, datagram, now)

    @abstractmethod
    def _on_sa(self, header: Header, payloads: list[Payload]) -> bytes: ...

    @abstractmethod
    def _on_key_exchange(self, payloads: list[Payload]) -> bytes: ...

    @abstractmethod
    def _on_authentication(self, header: Header, datagram: bytes, now: float) -> bytes | None: ...

    def _own_proof(self, policy: PeerPolicy) -> bytes:
        own = Payload(PayloadType.ID, policy.local_identity.encode())
        return self._sealed([own, *self._agreement.proof.of(self.role, policy)])

    def _claim(self, header: Header, datagram: bytes) -> Claim:
        """Who the peer says it is, with its proof. Raises MalformedPayload or Refused."""
        plain = self._agreement.cipher.open(datagram)
        payloads, _ = decode_chain(header.next_payload, plain)
        (identity, proof), certificates = self._agreement.proof.pick(payloads, PayloadType.ID)
        claimed = Identification.decode(identity)
        return Claim(claimed, proof, certificates, begins_anew(payloads))


class MainModeResponder(_MainMode):
    """The key server's end of main mode.

    ``policies``: one of them is the peer's, and main mode tells last which: the first whose key
    opens the peer's proof and whose identity that has. ``resolve``: the peer is known by its
    identity only; the policy is what may be agreed with such a peer until then.
    """

    role = Role.RESPONDER

    def __init__(
        self,
        policies: Sequence[PeerPolicy],
        resolve: Resolver | None = None,
        path: Path | None = None,
    ) -> None:
        super().__init__(policies[0], (b"", b""), path)
        self._policies, self._resolve = policies, resolve
        self._agreements: dict[bytes | None, Agreement] = {}
        self._sa_body = b""

    def outlives(self, policies_of: PoliciesOf) -> bool:
        """Before the peer has told who it is, the policies that a commit changed are forgotten."""
        if self.state is State.ESTABLISHED:
            return super().outlives(policies_of)
        if self._resolve is not None:
            return any(self.proposal in one.proposals for one in policies_of(self.policy.name))
        self._keep([one for one in self._policies if one in policies_of(one.name)])
        return bool(self._policies)

    def _keep(self, policies: Sequence[PeerPolicy]) -> None:
        assert self.proposal is not None
        keys = {one.key_for(self.proposal) for one in policies}
        self._policies = policies
        self.policy = policies[0] if policies else self.policy
        self._agreements = {key: one for key, one in self._agreements.items() if key in keys}

    def _on_sa(self, header: Header, payloads: list[Payload]) -> bytes:
        (self._sa_body,) = pick(payloads, PayloadType.SA)
        choice, self._policies = choose_among(Offer.decode(self._sa_body), self._policies)
        self.policy = self._policies[0]
        self.proposal, self.lifetime = choice.proposal, choice.lifetime
        self.peers_vendor_ids = vendor_ids(payloads)
        self.cookies = (header.initiator_cookie, secrets.token_bytes(COOKIE_LENGTH))
        self.state = State.KEY_EXCHANGE
        answer = Payload(PayloadType.SA, choice.answer)
        return self._in_clear([answer, *self._announcement()])

    def _on_key_exchange(self, payloads: list[Payload]) -> bytes:
        public, nonce = pick(payloads, PayloadType.KE, PayloadType.NONCE)
        assert self.proposal is not None
        own = KeyExchange(self.proposal.dh_group)
        self._agreements = self._agree_with(self._policies, own, public, nonce, self._sa_body)
        self._detect(payloads)
        self.state = State.AUTHENTICATION
        requests = self.policy.requests(self.proposal)
        return self._in_clear([*own.payloads(), *requests, *self._detection()])

    def _on_authentication(self, header: Header, datagram: bytes, now: float) -> bytes:
        refusal = Refused(
            NotifyType.PAYLOAD_MALFORMED, "authentication unreadable: wrong pre-shared key?"
        )
        for key, agreement in self._agreements.items():
            self._agreed = agreement
            try:
                claim = self._claim(header, datagram)
            except (MalformedPayload, Refused):
                # With another pre-shared key the payloads decrypt to noise.
                continue
            try:
                policy = self._policy_for(claim.identity, key)
                self._agreement.proof.check(Role.INITIATOR, policy, claim, now)
            except Refused as error:
                refusal = error
                continue
            self.peer_begins_anew = claim.anew
            return self._prove(policy, datagram)
        raise refusal

    def _prove(self, policy: PeerPolicy, datagram: bytes) -> bytes:
        self.policy, self.lifetime = policy, min(self.lifetime, policy.lifetime)
        self._agreement.cipher.advance(datagram)
        answer = self._own_proof(policy)
        self._established()
        return answer

    def _policy_for(self, claimed: Identification, key: bytes | None) -> PeerPolicy:
        assert self.proposal is not None
        if self._resolve is None:
            same = [one for one in self._policies if one.key_for(self.proposal) == key]
            return next((one for one in same if claimed.is_the(one.remote_identity)), same[0])
        policy = self._resolve(claimed)
        if policy is None or self.proposal not in policy.proposals:
            raise Refused(
                NotifyType.INVALID_ID_INFORMATION, f"no IKE gateway is known as {claimed}"
            )
        return policy


class MainModeInitiator(_MainMode):
    """The member's end of main mode."""

    role = Role.INITIATOR

    def __init__(self, policy: PeerPolicy, doi: int = GDOI_DOI, path: Path | None = None) -> None:
        super().__init__(policy, (secrets.token_bytes(COOKIE_LENGTH), bytes(COOKIE_LENGTH)), path)
        self._sa_body = offer(policy.proposals, policy.lifetime, doi)
        self._own: KeyExchange | None = None

    def first(self) -> bytes:
        """Message 1."""
        return self._in_clear(
            [Payload(PayloadType.SA, self._sa_body), *self._announcement(VENDOR_ID)]
        )

    def _on_sa(self, header: Header, payloads: list[Payload]) -> bytes:
        (body,) = pick(payloads, PayloadType.SA)
        self.proposal = chosen_of(body, self.policy)
        self.cookies = (self.cookies[0], header.responder_cookie)
        self.peers_vendor_ids = vendor_ids(payloads)
        self._own = KeyExchange(self.proposal.dh_group)
        self.state = State.KEY_EXCHANGE
        requests = self.policy.requests(self.proposal)
        return self._in_clear([*self._own.payloads(), *requests, *self._detection()])

    def _on_key_exchange(self, payloads: list[Payload]) -> bytes:
        public, nonce = pick(payloads, PayloadType.KE, PayloadType.NONCE)
        assert self._own is not None
        self._agree(self._own, public, nonce, self._sa_body)
        self._detect(payloads)
        self.state = State.AUTHENTICATION
        return self._own_proof(self.policy)

    def _on_authentication(self, header: Header, datagram: bytes, now: float) -> None:
        claim = self._claim(header, datagram)
        self._agreement.proof.check(Role.RESPONDER, self.policy, claim, now)
        self._agreement.cipher.advance(datagram)
        self._established()

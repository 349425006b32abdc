# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the ends of phase 1 prove themselves with: HASH_I and HASH_R (RFC 2409 §5)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from .authentication import check_proof, proof_kind, prove
from .crypto import Phase1Keys
from .numbers import NotifyType, PayloadType
from .payloads import Identification
from .phase1 import pick
from .proposal import PeerPolicy, Phase1Proposal
from .refusal import Refused
from .wire import Payload


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


def check_identity(identity: bytes, expected: Identification, who: str) -> None:
    """Refuse another identity than the configured one."""
    claimed = Identification.decode(identity)
    if (claimed.type, claimed.data) != (expected.type, expected.data):
        raise Refused(NotifyType.INVALID_ID_INFORMATION, f"{who} {claimed} is not {expected}")

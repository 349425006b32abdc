# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the ends of phase 1 prove themselves with: HASH_I and HASH_R (RFC 2409 §5)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum

from .authentication import check_proof, proof_kind, prove
from .crypto import Phase1Keys
from .numbers import NotifyType, PayloadType
from .payloads import Identification
from .proposal import PeerPolicy, Phase1Proposal, pick
from .refusal import Refused
from .wire import Payload


class Role(Enum):
    """Which end of phase 1 one is; the value is how a refusal calls that end's identity."""

    INITIATOR = "identity"
    RESPONDER = "key server"

    @property
    def peer(self) -> Role:
        """The other end."""
        return Role.RESPONDER if self is Role.INITIATOR else Role.INITIATOR

    def in_order(self, own: bytes, peers: bytes) -> tuple[bytes, bytes]:
        """This end's value and the other's, the initiator's first."""
        return (own, peers) if self is Role.INITIATOR else (peers, own)


_HASH_NAMES = {Role.INITIATOR: "HASH_I", Role.RESPONDER: "HASH_R"}


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a peer says it is, its proof, and certificates to go with it.

    ``anew``: it says, encrypted, that it has no SA left of those before.
    """

    identity: Identification
    proof: bytes
    certificates: list[bytes]
    anew: bool = False


class Proof:
    """What HASH_I and HASH_R are computed over, and the proofs made of them."""

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

    def _digest(self, prover: Role, identity: Identification) -> bytes:
        public, cookies = prover.in_order(*self._public), prover.in_order(*self._cookies)
        data = b"".join((*public, *cookies, self._sa, identity.encode()))
        return hmac.digest(self._keys.skeyid, data, self._keys.hash_name)

    def of(self, prover: Role, policy: PeerPolicy) -> list[Payload]:
        """The payloads that prove our own identity; we are ``prover``."""
        digest = self._digest(prover, policy.local_identity)
        return prove(self._authentication, policy.credentials, digest)

    def pick(self, payloads: list[Payload], *kinds: PayloadType) -> tuple[list[bytes], list[bytes]]:
        """(these payloads' bodies, the proof's last; certificates beside them)."""
        certificates = [p.body for p in payloads if p.type == PayloadType.CERT]
        others = [p for p in payloads if p.type != PayloadType.CERT]
        return pick(others, *kinds, proof_kind(self._authentication)), certificates

    def check(self, prover: Role, policy: PeerPolicy, claim: Claim, now: float) -> None:
        """Refuse a peer that is not who it says, or not who it must be.

        A member pins its key server (RFC 6407 §7.2.2): any key holder could answer otherwise.
        """
        check_proof(
            self._authentication,
            policy.credentials,
            claim.proof,
            self._digest(prover, claim.identity),
            claim.identity,
            claim.certificates,
            now,
            _HASH_NAMES[prover],
        )
        check_identity(claim.identity, policy.remote_identity, prover.value)


def check_identity(claimed: Identification, expected: Identification, who: str) -> None:
    """Refuse another identity than the configured one."""
    if not claimed.is_the(expected):
        raise Refused(NotifyType.INVALID_ID_INFORMATION, f"{who} {claimed} is not {expected}")

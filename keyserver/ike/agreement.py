# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Key agreement of phase 1: both ends' public values and nonces, and what follows from them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from .crypto import Phase1Keys, derive_keys
from .dh import DH_GROUPS, InvalidPublicValue
from .exchange import MessageCipher
from .numbers import NotifyType, PayloadType
from .proof import Proof, Role
from .proposal import NONCE_LENGTH, PeerPolicy, Phase1Proposal
from .refusal import Refused
from .wire import Payload

_NONCE_LENGTHS = range(8, 257)


class KeyExchange:
    """One end's half of a Diffie-Hellman exchange, with its nonce."""

    def __init__(self, dh_group: int) -> None:
        self._group = DH_GROUPS[dh_group]
        self._secret, self.public = self._group.key_pair()
        self.nonce = secrets.token_bytes(NONCE_LENGTH)

    def payloads(self) -> list[Payload]:
        """KE and nonce."""
        return [
            Payload(PayloadType.KE, self.public),
            Payload(PayloadType.NONCE, self.nonce),
        ]

    def shared_secret(self, public: bytes) -> bytes:
        """g^xy. Raises Refused."""
        try:
            return self._group.shared_secret(self._secret, public)
        except InvalidPublicValue as error:
            raise Refused(NotifyType.INVALID_KEY_INFORMATION, str(error)) from None


@dataclass(frozen=True)
class Agreement:
    """What both ends have from the moment they know each other's half."""

    keys: Phase1Keys
    proof: Proof
    cipher: MessageCipher


def agree(
    role: Role,
    own: KeyExchange,
    public: bytes,
    nonce: bytes,
    proposal: Phase1Proposal,
    policies: Iterable[PeerPolicy],
    cookies: tuple[bytes, bytes],
    sa: bytes,
) -> dict[bytes | None, Agreement]:
    """What is agreed with a peer of that public value and nonce, by pre-shared key. Raises Refused.

    ``role`` is ours; ``sa`` is the body of the SA payload that the initiator offered. Which of the
    ``policies`` is the peer's may be still to come: each key makes an agreement of its own.
    """
    if len(nonce) not in _NONCE_LENGTHS:
        raise Refused(
            NotifyType.PAYLOAD_MALFORMED, f"nonce: {len(nonce)} octets, 8 to 256 expected"
        )
    shared = own.shared_secret(public)
    publics = role.in_order(own.public, public)
    found: dict[bytes | None, Agreement] = {}
    for key in dict.fromkeys(policy.key_for(proposal) for policy in policies):
        keys = derive_keys(
            proposal.hash_name,
            proposal.cipher,
            key,
            role.in_order(own.nonce, nonce),
            publics,
            shared,
            b"".join(cookies),
        )
        proof = Proof(keys, proposal, publics, cookies, sa)
        found[key] = Agreement(keys, proof, MessageCipher(keys, keys.first_iv))
    return found

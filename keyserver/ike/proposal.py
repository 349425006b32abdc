# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What phase 1 may agree on: proposals, how a peer is met, and the choice (RFC 2409 Appendix A)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from .authentication import Credentials, certificate_requests
from .crypto import HASH_NAMES, CbcCipher, oakley_cipher
from .dh import DH_GROUPS
from .numbers import (
    DEFAULT_LIFE_SECONDS,
    GDOI_DOI,
    LIFE_TYPE_SECONDS,
    NotifyType,
    OakleyAttribute,
    OakleyAuthentication,
    OakleyCipher,
    PayloadType,
)
from .payloads import PROTO_ISAKMP, Identification, Proposal, SaPayload, Transform
from .refusal import Refused
from .wire import Attribute, Payload, attribute_map

KEY_IKE = 1
_METHODS = frozenset(OakleyAuthentication)
_UNDERSTOOD = frozenset(OakleyAttribute)
LIVES = (OakleyAttribute.LIFE_TYPE, OakleyAttribute.LIFE_DURATION)
"""A transform may have several of each (RFC 2409 Appendix A)."""
NONCE_LENGTH = 20
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
        attributes = attribute_map(_without_lives(transform), "transform", _UNDERSTOOD)
        if not _UNDERSTOOD.issuperset(attributes):
            # To choose it would be to promise what such an attribute asks for, a PRF for example.
            return None

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
        if method not in _METHODS or transform.identifier != KEY_IKE:
            return None
        return cls(cipher, hash_name, group, OakleyAuthentication(method))


def _without_lives(transform: Transform) -> tuple[Attribute, ...]:
    return tuple(a for a in transform.attributes if a.type not in LIVES)


class Mode(Enum):
    """How phase 1 runs (RFC 2409 §5), in Junos' words."""

    MAIN = "main"
    AGGRESSIVE = "aggressive"


@dataclass(frozen=True, slots=True)
class PeerPolicy:
    """How one peer (a Junos IKE gateway) is met: its key, what it may propose, identities.

    ``pre_shared_key`` and ``credentials`` are there as the proposals' authentication needs them.
    ``lifetime`` in seconds: what an initiator offers, and the most that a responder takes.
    """

    name: str
    pre_shared_key: bytes | None = field(repr=False)
    proposals: tuple[Phase1Proposal, ...]
    local_identity: Identification
    remote_identity: Identification
    accepted_dois: tuple[int, ...] = (GDOI_DOI,)
    modes: frozenset[Mode] = frozenset({Mode.MAIN})
    credentials: Credentials | None = None
    lifetime: int = DEFAULT_LIFE_SECONDS

    def key_for(self, proposal: Phase1Proposal) -> bytes | None:
        """What goes into SKEYID: the pre-shared key, unless signatures are to prove the ends."""
        is_shared = proposal.authentication is OakleyAuthentication.PRE_SHARED_KEY
        return self.pre_shared_key if is_shared else None

    def requests(self, proposal: Phase1Proposal) -> list[Payload]:
        """What asks the peer for its certificate, where signatures are to prove the ends."""
        return certificate_requests(proposal.authentication, self.credentials)

    def __repr__(self) -> str:
        return f"PeerPolicy({self.name!r})"


def offer(proposals: tuple[Phase1Proposal, ...], lifetime: int, doi: int) -> bytes:
    """The body of an SA payload that offers these, best first; ``lifetime`` in seconds."""
    transforms = tuple(p.transform(n, lifetime) for n, p in enumerate(proposals, 1))
    return SaPayload((Proposal(1, PROTO_ISAKMP, b"", transforms),), doi).encode()


def chosen_of(answer: bytes, policy: PeerPolicy) -> Phase1Proposal:
    """What a responder's SA payload chose, when it was offered. Raises Refused."""
    transforms = [t for p in SaPayload.decode(answer).proposals for t in p.transforms]
    chosen = Phase1Proposal.of(transforms[0]) if len(transforms) == 1 else None
    if chosen is None or chosen not in policy.proposals:
        raise Refused(NotifyType.NO_PROPOSAL_CHOSEN, "the answer is not what was offered")
    return chosen


_BESIDE = frozenset(
    {
        PayloadType.VENDOR_ID,
        PayloadType.NOTIFICATION,
        PayloadType.CR,
        PayloadType.NAT_D,
        PayloadType.NAT_OA,
    }
)


def pick(payloads: list[Payload], *kinds: PayloadType) -> list[bytes]:
    """The bodies of exactly these payloads; what only informs may stand beside them."""
    found = [payload for payload in payloads if payload.type not in _BESIDE]
    bodies = dict(found)
    if len(found) != len(kinds) or bodies.keys() != set(kinds):
        counted = [payload.type for payload in found]
        raise Refused(
            NotifyType.PAYLOAD_MALFORMED, f"payloads {counted}, {[*map(int, kinds)]} expected"
        )
    return [bodies[kind] for kind in kinds]

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a responder takes of what an initiator offers (RFC 2409 §5 and Appendix A).

Members of a group offer the same: what an offer stands for is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise

from .numbers import DEFAULT_LIFE_SECONDS, LIFE_TYPE_SECONDS, NotifyType, OakleyAttribute
from .payloads import PROTO_ISAKMP, SaPayload, Transform
from .proposal import LIVES, PeerPolicy, Phase1Proposal
from .refusal import Refused

# Long offers are rare, and anyone could send many of them.
_KNOWN_OFFERS, _SHORT_OFFER = 64, 1024


@dataclass(frozen=True)
class Candidate:
    """One transform of an offer; what it stands for is read when it is first asked for."""

    sa: SaPayload

    @property
    def _transform(self) -> Transform:
        return self.sa.proposals[0].transforms[0]

    @cached_property
    def proposal(self) -> Phase1Proposal | None:
        """What it offers; None for anything that is not known here. Raises MalformedPayload."""
        return Phase1Proposal.of(self._transform)

    @cached_property
    def lifetime(self) -> int:
        """In seconds."""
        return _lifetime(self._transform)

    @cached_property
    def answer(self) -> bytes:
        """The body of the SA payload that takes it."""
        return self.sa.encode()


@dataclass(frozen=True)
class Offer:
    """What an initiator's SA payload offers, in its order."""

    doi: int
    candidates: tuple[Candidate, ...]

    @classmethod
    def decode(cls, body: bytes) -> Offer:
        """Read the body of an SA payload. Raises MalformedPayload."""
        return _known_offer(body) if len(body) <= _SHORT_OFFER else _offer_of(body)


def _offer_of(body: bytes) -> Offer:
    sa = SaPayload.decode(body)
    candidates = (
        Candidate(
            SaPayload((replace(one, spi=b"", transforms=(transform,)),), sa.doi, sa.situation)
        )
        for one in sa.proposals
        if one.protocol == PROTO_ISAKMP
        for transform in one.transforms
    )
    return Offer(sa.doi, tuple(candidates))


_known_offer = lru_cache(maxsize=_KNOWN_OFFERS)(_offer_of)


@dataclass(frozen=True)
class Choice:
    """What a responder takes of an offer: the SA body that says so; ``lifetime`` in seconds."""

    proposal: Phase1Proposal
    answer: bytes
    lifetime: int


def choose(offered: Offer, policy: PeerPolicy) -> Choice:
    """The first offer that the policy takes. Raises Refused."""
    if offered.doi not in policy.accepted_dois:
        raise Refused(NotifyType.NO_PROPOSAL_CHOSEN, f"DOI {offered.doi} is not accepted")
    for one in offered.candidates:
        if one.proposal is not None and one.proposal in policy.proposals:
            return Choice(one.proposal, one.answer, min(one.lifetime, policy.lifetime))
    raise Refused(NotifyType.NO_PROPOSAL_CHOSEN, "no offered proposal is configured")


def choose_among(offered: Offer, policies: Sequence[PeerPolicy]) -> tuple[Choice, list[PeerPolicy]]:
    """What the first policy takes that takes anything, and all that take it. Raises Refused."""
    refusals = []
    for policy in policies:
        try:
            choice = choose(offered, policy)
        except Refused as refusal:
            refusals.append(refusal)
            continue
        agreeing = [one for one in policies if choice.proposal in one.proposals]
        return choice, [one for one in agreeing if offered.doi in one.accepted_dois]
    raise refusals[0]


def _lifetime(transform: Transform) -> int:
    """The seconds of a transform, which may say kilobytes too (RFC 2409 Appendix A)."""
    lives = [a for a in transform.attributes if a.type in LIVES]
    seconds = [
        duration.number
        for kind, duration in pairwise(lives)
        if kind.type == OakleyAttribute.LIFE_TYPE
        and kind.number == LIFE_TYPE_SECONDS
        and duration.type == OakleyAttribute.LIFE_DURATION
    ]
    return min((s for s in seconds if s > 0), default=DEFAULT_LIFE_SECONDS)

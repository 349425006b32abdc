# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two ends that say what they are told to: everything is authentic, but what is in it is odd."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from keyserver.gdoi.numbers import GdoiExchange
from keyserver.gdoi.payloads import GroupSa, KeyDownload, Sequence
from keyserver.gdoi.pull import Grant
from keyserver.gdoi.push import Kek
from keyserver.groups.gateways import phase1_proposal
from keyserver.ike.exchange import ProtectedExchange, new_message_id
from keyserver.ike.main_mode import MainModeInitiator, MainModeResponder
from keyserver.ike.numbers import Exchange, Flags, PayloadType
from keyserver.ike.payloads import Identification
from keyserver.ike.phase1 import State
from keyserver.ike.proposal import PeerPolicy
from keyserver.ike.wire import HEADER_LENGTH, Attribute, Header, Payload, encode_chain
from keyserver.member.machine import GroupMember
from tests.keyserver.world import GM, SERVER, World
from tests.lab import PSK

NONCE = Payload(PayloadType.NONCE, bytes(range(20)))
PROPOSAL = phase1_proposal("aes-128-cbc", "sha-256", "group14")
_MOST_DATAGRAMS = 50


def policy(own: str, other: str) -> PeerPolicy:
    """How either end meets the other."""
    ends = Identification.address(own), Identification.address(other)
    return PeerPolicy("odd", PSK.encode(), (PROPOSAL,), *ends)


@dataclass
class Words:
    """What a key server says: the payloads of messages 2 and 4."""

    sa: GroupSa
    kd: KeyDownload
    sequence: int | None
    second: list[Payload] | None = None
    fourth: list[Payload] | None = None

    @classmethod
    def of(cls, grant: Grant) -> Words:
        """Those of a grant."""
        return cls(grant.sa, grant.keys, grant.sequence.number if grant.sequence else None)

    def messages(self) -> tuple[list[Payload], list[Payload]]:
        """Payloads of message 2 and of message 4."""
        second = self.second or [NONCE, Payload(PayloadType.SA, self.sa.encode())]
        keys = [Payload(PayloadType.KD, self.kd.encode())]
        if self.sequence is not None:
            number = Sequence(self.sequence).encode()
            keys.insert(0, Payload(PayloadType.SEQ, number))
        return second, self.fourth or keys

    # Parts, altered

    def with_kek(self, **changes: Any) -> None:
        """Another SAK."""
        assert self.sa.kek is not None
        self.sa = replace(self.sa, kek=replace(self.sa.kek, **changes))

    def with_tek(self, **changes: Any) -> None:
        """Another SAT, the first."""
        first, *others = self.sa.teks
        self.sa = replace(self.sa, teks=(replace(first, **changes), *others))

    def with_packet(self, kind: int, **changes: Any) -> None:
        """Another key packet of that type."""
        self.kd = KeyDownload(
            tuple(replace(p, **changes) if p.type == kind else p for p in self.kd.packets)
        )


def other(attributes: tuple[Attribute, ...], *own: Attribute) -> tuple[Attribute, ...]:
    """These attributes; ``own`` take the places of those of their types, or come behind."""
    kinds = {attribute.type for attribute in own}
    return (*(a for a in attributes if a.type not in kinds), *own)


class OddServer:
    """A key server that does phase 1 well and then says what it is told to."""

    def __init__(self, words: Words) -> None:
        self.second, self.fourth = words.messages()
        self.told: list[Payload] = []
        self._responder = MainModeResponder((policy(SERVER, GM),))
        self._pull: ProtectedExchange | None = None
        self._nonces = b""

    def meet(self, member: GroupMember, now: float) -> None:
        """Answer a member that starts until it is silent."""
        queue = member.start(now)
        for _ in range(_MOST_DATAGRAMS):
            if not queue:
                return
            answer = self._answer(queue.pop(0), now)
            queue += member.receive(answer, now) if answer is not None else []
        raise AssertionError("they do not come to an end")

    def _answer(self, datagram: bytes, now: float) -> bytes | None:
        header = Header.decode(datagram)
        if header.exchange == Exchange.IDENTITY_PROTECTION:
            return self._responder.receive(header, datagram, now)
        if header.initiator_cookie != self._responder.cookies[0]:
            # It gives up what it had with another server.
            return None
        sa = self._responder.sa
        if header.exchange == Exchange.INFORMATIONAL:
            exchange = sa.exchange(Exchange.INFORMATIONAL, header.message_id)
            self.told += exchange.open(header, datagram)
            return None
        if self._pull is None:
            self._pull = sa.exchange(GdoiExchange.GROUPKEY_PULL, header.message_id)
            payloads = self._pull.open(header, datagram)
            asked = next(p.body for p in payloads if p.type == PayloadType.NONCE)
            message = self._pull.seal(self.second, known=asked)
            said = [p.body for p in self.second if p.type == PayloadType.NONCE]
            self._nonces = b"".join((asked, *said[:1]))
            return message
        self._pull.open(header, datagram, known=self._nonces)
        return self._pull.seal(self.fourth, known=self._nonces)


def sealed_push(payloads: list[Payload], kek: Kek, key: RSAPrivateKey) -> bytes:
    """A push of these payloads as a key server would seal it (RFC 6407 §4.2), SIG included:
    what comes before the signature is signed with ``key``, so that only the contents are odd."""
    size = (key.key_size + 7) // 8
    before = list(itertools.takewhile(lambda p: p.type != PayloadType.SIG, payloads))
    blank = [Payload(p.type, bytes(size)) if p.type == PayloadType.SIG else p for p in payloads]
    whole = encode_chain(blank)
    covered = whole[: sum(p.size for p in before)]
    header = Header(
        kek.spi[:8],
        kek.spi[8:],
        payloads[0].type,
        GdoiExchange.GROUPKEY_PUSH,
        Flags.ENCRYPTION,
        0,
        HEADER_LENGTH + len(whole),
    )
    digest = hashlib.sha256(b"rekey" + header.encode() + covered).digest()
    signed = key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    signature = Payload(PayloadType.SIG, signed)
    chain = encode_chain([signature if p.type == PayloadType.SIG else p for p in blank])
    sealed = kek.cipher.encrypt(kek.key, kek.iv, chain)
    return header._replace(length=HEADER_LENGTH + len(sealed)).encode() + sealed


@dataclass
class OddMember:
    """A peer of a world's key server that does phase 1 well and then says what it is told to."""

    world: World
    address: str = GM
    phase1: MainModeInitiator = field(init=False)
    reasons: list[str] = field(default_factory=list)
    gateways: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.phase1 = MainModeInitiator(policy(self.address, SERVER))
        datagram: bytes | None = self.phase1.first()
        while datagram is not None:
            answer = self.send(datagram)
            assert answer is not None
            datagram = self.phase1.receive(Header.decode(answer), answer, self.world.now)
        assert self.phase1.state is State.ESTABLISHED

    def send(self, datagram: bytes) -> bytes | None:
        """Send octets as they are; the answer."""
        source = (self.address, 848)
        answer, events = self.world.endpoint.receive(datagram, source, self.world.now)
        self.reasons += [e.reason for e in events if hasattr(e, "reason")]
        self.gateways += [e.gateway for e in events if hasattr(e, "reason")]
        return answer

    def exchange(self, kind: int = GdoiExchange.GROUPKEY_PULL) -> ProtectedExchange:
        """A new exchange under its phase 1."""
        return self.phase1.sa.exchange(kind, new_message_id())

    def ask(self, *payloads: Payload) -> str:
        """Message 1 of a pull with these payloads: what the server says of it."""
        self.send(self.exchange().seal(list(payloads)))
        return self.reasons[-1] if self.reasons else ""

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Another's key server, from the RFCs alone: nothing of the key server's code is in it.

Main mode with a pre-shared key (RFC 2409 §5.4; AES-256-CBC, SHA-256, group 14), GROUPKEY-PULL and
GROUPKEY-PUSH (RFC 6407 §3.2 and §4), the acknowledgement of RFC 8263. Policies and keys are octets
that a test lays out: that is what it is for.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.keyserver.stranger import (
    HASH,
    ID,
    INFORMATIONAL,
    KD,
    KE,
    MAIN,
    MODP_2048,
    NONCE,
    PULL,
    SA,
    SEQ,
    Pieces,
    chain,
    identity,
    pieces_of,
    tlv,
    tv,
)

SIG, SAK, SAT, GAP = 9, 15, 16, 22
PUSH, PUSH_ACK = 33, 35
TEK_PACKET, KEK_PACKET = 1, 2
_BLOCK = 16


# Policies and keys, as octets


def selector(kind: int, data: bytes, port: int = 0) -> bytes:
    """A source or destination of a SAK or SAT: RFC 6407 §5.3 and §5.5.1."""
    return struct.pack("!BHB", kind, port, len(data)) + data


def subnet(text: str) -> bytes:
    """An IPv4 network of 24 bits as a selector; ``text``: its first three numbers."""
    return selector(4, bytes([*map(int, text.split(".")), 0, 255, 255, 255, 0]))


def group_policy(*payloads: tuple[int, bytes]) -> bytes:
    """The body of an SA payload of GDOI (RFC 6407 §5.2) with these payloads of attributes."""
    first = payloads[0][0] if payloads else 0
    return struct.pack("!IIHH", 2, 0, first, 0) + chain(list(payloads))


def packet(kind: int, spi: bytes, attributes: bytes) -> bytes:
    """A key packet (RFC 6407 §5.6)."""
    body = bytes([len(spi)]) + spi + attributes
    return struct.pack("!BBH", kind, 0, 4 + len(body)) + body


def download(*packets: bytes) -> bytes:
    """The body of a KD payload."""
    return struct.pack("!HH", len(packets), 0) + b"".join(packets)


@dataclass
class Tek:
    """A TEK for ESP with AES-128 and HMAC-SHA-256; ``attributes``: what its SAT ends with."""

    source: bytes = subnet("198.51.100")
    destination: bytes = subnet("203.0.113")
    attributes: bytes = (
        tv(1, 1) + tlv(2, (3600).to_bytes(4, "big")) + tv(4, 1) + tv(5, 5) + tv(6, 128)
    )
    transform: int = 12
    protocol: int = 1
    spi: bytes = field(default_factory=lambda: b"\x5a" + secrets.token_bytes(3))

    def policy(self) -> tuple[int, bytes]:
        """Its SAT."""
        head = bytes([self.protocol, 0]) + self.source + self.destination
        return SAT, head + bytes([self.transform]) + self.spi + self.attributes

    def packet(self, more: bytes = b"") -> bytes:
        """Its keys; ``more``: attributes that stand behind them."""
        keys = tlv(1, secrets.token_bytes(16)) + tlv(2, secrets.token_bytes(32))
        return packet(TEK_PACKET, self.spi, keys + more)


KEK_ATTRIBUTES = tv(2, 3) + tv(3, 128) + tlv(4, (86400).to_bytes(4, "big")) + tv(5, 3) + tv(6, 1)
UDP = 17


@dataclass
class Kek:
    """A KEK of AES-128 whose pushes are signed with RSA."""

    signing_key: rsa.RSAPrivateKey = field(repr=False)
    attributes: bytes = KEK_ATTRIBUTES
    destination: bytes = selector(1, bytes([192, 0, 2, 11]), 848)
    hash: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)
    raw: bool = False
    spi: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    iv: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def policy(self) -> tuple[int, bytes]:
        """Its SAK; the reserved octets stand behind the SPI."""
        source = selector(1, bytes([192, 0, 2, 1]), 848)
        return SAK, bytes([UDP]) + source + self.destination + self.spi + bytes(4) + self.attributes

    def packet(self, named: bytes | None = None) -> bytes:
        """Its key, and the one that proves pushes; ``named``: the SPI that it goes by."""
        public = self.signing_key.public_key()
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return packet(KEK_PACKET, named or self.spi, tlv(1, self.iv + self.key) + tlv(2, der))

    def seal(self, sequence: int, pieces: Pieces, filler: bytes = b"\0", more: int = 0) -> bytes:
        """A push; ``filler`` fills up the last block, and so many octets ``more``.

        The length that is signed is the one without them (RFC 6407 §4.2: before encryption).
        """
        size = self.signing_key.key_size // 8
        whole = [(SEQ, struct.pack("!I", sequence)), *pieces, (SIG, bytes(size))]
        plain = chain(whole)
        head = self.spi + bytes([SEQ, 0x10, PUSH, 1]) + bytes(4)
        covered = plain[: -(4 + size)]
        signed = b"rekey" + head + struct.pack("!I", 28 + len(plain)) + covered
        # SIG's own header is not covered, and stands as it is.
        plain = plain[:-size] + self._signature(signed)
        plain += filler * (-len(plain) % _BLOCK + more)
        done = Cipher(algorithms.AES(self.key), modes.CBC(self.iv)).encryptor()
        sealed = done.update(plain)
        return head + struct.pack("!I", 28 + len(sealed)) + sealed

    def _signature(self, signed: bytes) -> bytes:
        digest = hashlib.new(self.hash.name, signed).digest()
        how = NoDigestInfo() if self.raw else Prehashed(self.hash)
        return self.signing_key.sign(digest, padding.PKCS1v15(), how)

    def acknowledges(self, datagram: bytes, sequence: int, address: bytes) -> bool:
        """True for the acknowledgement of that push by that member (RFC 8263 §3)."""
        if datagram[:20] != self.spi + bytes([HASH, 0x10, PUSH_ACK, 0]):
            return False
        found = pieces_of(HASH, datagram[28:])
        label = b"GROUPKEY-PUSH ACK\0" + self.spi + struct.pack("!H", 512)
        key = hmac.digest(self.key, label, "sha256")
        proof = hmac.digest(key, chain(found[1:]), "sha256")
        told = [(SEQ, struct.pack("!I", sequence)), (ID, identity(1, address))]
        return found == [(HASH, proof), *told]


class StrangeServer:
    """A key server that gives one member ``second`` and ``fourth``: what stands in messages 2
    and 4 of the pull, without nonce and hash."""

    def __init__(self, psk: bytes, address: bytes, second: Pieces, fourth: Pieces) -> None:
        self.psk, self.own = psk, identity(1, address)
        self.second, self.fourth = second, fourth
        self.nonce = secrets.token_bytes(20)
        # Asked for a message by its name: what else is sent in front of it.
        self.between: dict[str, Callable[[], list[bytes]]] = {}
        # The SA payload that it answers with; None: the offer itself.
        self.chosen: bytes | None = None
        self.group = b""
        self.told: Pieces = []
        self.cookies = b""
        self._private = secrets.randbits(256)
        self._asked: bytes | None = None

    def answers(self, datagram: bytes) -> list[bytes]:
        """What it says to a member's datagram."""
        exchange, flags = datagram[18], datagram[19]
        if exchange == PULL:
            return self._pull(datagram)
        if exchange == INFORMATIONAL:
            self.told += self.opened(datagram)
            return []
        assert exchange == MAIN
        if flags & 1:
            return [self._proved(datagram)]
        found = dict(pieces_of(datagram[16], datagram[28:]))
        return [self._exchanged(found) if KE in found else self._chosen(datagram, found)]

    # Phase 1

    def _message(self, exchange: int, first: int, body: bytes, number: int = 0, flags: int = 0):
        head = self.cookies + bytes([first, 0x10, exchange, flags])
        return head + struct.pack("!II", number, 28 + len(body)) + body

    def _chosen(self, datagram: bytes, found: dict[int, bytes]) -> bytes:
        """It takes the one transform that is offered, and says so with the same octets, or not."""
        self.cookies, self._offer = datagram[:8] + secrets.token_bytes(8), found[SA]
        return self._message(MAIN, SA, chain([(SA, self.chosen or found[SA])]))

    def _exchanged(self, found: dict[int, bytes]) -> bytes:
        own = pow(2, self._private, MODP_2048).to_bytes(256, "big")
        nonce = secrets.token_bytes(16)
        self._publics = found[KE], own
        shared = pow(int.from_bytes(found[KE], "big"), self._private, MODP_2048)
        tail = shared.to_bytes(256, "big") + self.cookies
        self._skeyid = self._prf(self.psk, found[NONCE] + nonce)
        keys = [self._prf(self._skeyid, tail + b"\0")]
        for number in (1, 2):
            keys.append(self._prf(self._skeyid, keys[-1] + tail + bytes([number])))
        _, self._skeyid_a, self._key = keys
        self._iv = hashlib.sha256(found[KE] + own).digest()[:_BLOCK]
        return self._message(MAIN, KE, chain([(KE, own), (NONCE, nonce)]))

    def _proved(self, datagram: bytes) -> bytes:
        found = dict(pieces_of(datagram[16], self._decrypt(self._iv, datagram[28:])))
        theirs, own = self._publics
        both = theirs + own + self.cookies + self._offer
        assert found[HASH] == self._prf(self._skeyid, both + found[ID])
        turned = own + theirs + self.cookies[8:] + self.cookies[:8] + self._offer
        proof = self._prf(self._skeyid, turned + self.own)
        sealed = self._encrypt(datagram[-_BLOCK:], chain([(ID, self.own), (HASH, proof)]))
        self._last = sealed[-_BLOCK:]
        return self._message(MAIN, ID, sealed, flags=1)

    @staticmethod
    def _prf(key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, "sha256")

    def _encrypt(self, iv: bytes, plain: bytes) -> bytes:
        plain += bytes(-len(plain) % _BLOCK)
        done = Cipher(algorithms.AES(self._key), modes.CBC(iv)).encryptor()
        return done.update(plain)

    def _decrypt(self, iv: bytes, sealed: bytes) -> bytes:
        return Cipher(algorithms.AES(self._key), modes.CBC(iv)).decryptor().update(sealed)

    # Under it

    def _first_iv(self, number: bytes) -> bytes:
        return hashlib.sha256(self._last + number).digest()[:_BLOCK]

    def opened(self, datagram: bytes, known: bytes = b"", iv: bytes | None = None) -> Pieces:
        """The payloads behind the HASH of a protected message; the hash is checked."""
        number = datagram[20:24]
        plain = self._decrypt(iv or self._first_iv(number), datagram[28:])
        (_, proof), *found = pieces_of(datagram[16], plain)
        assert proof == self._prf(self._skeyid_a, number + known + chain(found))
        return found

    def protected(
        self,
        exchange: int,
        pieces: Pieces,
        number: bytes | None = None,
        known: bytes = b"",
        iv: bytes | None = None,
    ) -> bytes:
        """A message under phase 1."""
        number = number or secrets.token_bytes(4)
        proof = self._prf(self._skeyid_a, number + known + chain(pieces))
        sealed = self._encrypt(iv or self._first_iv(number), chain([(HASH, proof), *pieces]))
        return self._message(exchange, HASH, sealed, int.from_bytes(number, "big"), 1)

    def _pull(self, datagram: bytes) -> list[bytes]:
        number = datagram[20:24]
        if self._asked is None:
            found = dict(self.opened(datagram))
            self.group, self._asked = found[ID], found[NONCE]
            pieces = [(NONCE, self.nonce), *self.second]
            answer = self.protected(PULL, pieces, number, self._asked, datagram[-_BLOCK:])
            self._chained = answer[-_BLOCK:]
            return [*self._before("message 2"), answer]
        both = self._asked + self.nonce
        assert self.opened(datagram, both, self._chained) == []
        answer = self.protected(PULL, self.fourth, number, both, datagram[-_BLOCK:])
        return [*self._before("message 4"), answer]

    def _before(self, message: str) -> list[bytes]:
        return self.between.get(message, list)()


def granted(
    teks: list[Tek], kek: Kek | None, gap: bytes | None = None, sequence: int = 0
) -> tuple[Pieces, Pieces]:
    """Messages 2 and 4 as they usually are."""
    policy = [kek.policy()] if kek else []
    policy += [(GAP, gap)] if gap is not None else []
    packets = [tek.packet() for tek in teks] + ([kek.packet()] if kek else [])
    fourth = [(SEQ, struct.pack("!I", sequence))] if kek else []
    return (
        [(SA, group_policy(*policy, *(tek.policy() for tek in teks)))],
        [*fourth, (KD, download(*packets))],
    )

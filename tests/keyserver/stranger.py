# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Another's group member, from the RFCs alone: nothing of the key server's code is in it.

Main mode and aggressive mode with a pre-shared key (RFC 2409), GROUPKEY-PULL (RFC 6407 §3.2) and
Informational exchanges, for AES-256-CBC, SHA-256 and group 14 (RFC 3526). What it sends can be laid
out otherwise piece by piece: that is what it is for.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SA, KE, ID, CERT, CR, HASH, NONCE, NOTIFY, DELETE, VENDOR = 1, 4, 5, 6, 7, 8, 10, 11, 12, 13
KD, SEQ, NAT_D, GAP = 17, 18, 20, 22
MAIN, AGGRESSIVE, INFORMATIONAL, PULL = 2, 4, 5, 32
MODP_2048 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)
_BLOCK = 16
Pieces = list[tuple[int, bytes]]


def tv(kind: int, value: int) -> bytes:
    """An attribute in its short form."""
    return struct.pack("!HH", 0x8000 | kind, value)


def tlv(kind: int, value: bytes) -> bytes:
    """An attribute in its long form."""
    return struct.pack("!HH", kind, len(value)) + value


ALGORITHMS = tv(1, 7) + tv(14, 256) + tv(2, 4) + tv(3, 1) + tv(4, 14)
DAY = tv(11, 1) + tlv(12, (86400).to_bytes(4, "big"))


def transform(attributes: bytes, number: int = 1, following: int = 0) -> bytes:
    """A transform payload, whole."""
    body = struct.pack("!BBH", number, 1, 0) + attributes
    return struct.pack("!BBH", following, 0, 4 + len(body)) + body


def proposal(*offered: bytes, number: int = 1, spi: bytes = b"", following: int = 0) -> bytes:
    """A proposal payload, whole, with transforms of these attributes."""
    last = len(offered)
    inner = b"".join(transform(a, n, 3 * (n < last)) for n, a in enumerate(offered, 1))
    body = struct.pack("!BBBB", number, 1, len(spi), last) + spi + inner
    return struct.pack("!BBH", following, 0, 4 + len(body)) + body


def sa(*proposals: bytes, doi: int = 2) -> bytes:
    """The body of an SA payload."""
    return struct.pack("!II", doi, 0) + b"".join(proposals)


USUAL_SA = sa(proposal(ALGORITHMS + DAY))


def identity(kind: int, data: bytes, protocol: int = 0, port: int = 0) -> bytes:
    """The body of an ID payload."""
    return struct.pack("!BBH", kind, protocol, port) + data


def notify(
    kind: int, spi: bytes = b"", data: bytes = b"", doi: int = 2, protocol: int = 1
) -> bytes:
    """The body of a notification."""
    return struct.pack("!IBBH", doi, protocol, len(spi), kind) + spi + data


def delete(protocol: int, size: int, *spis: bytes, doi: int = 2) -> bytes:
    """The body of a deletion."""
    return struct.pack("!IBBH", doi, protocol, size, len(spis)) + b"".join(spis)


def chain(pieces: Pieces) -> bytes:
    """Payloads with their headers."""
    following = [*(kind for kind, _ in pieces[1:]), 0][: len(pieces)]
    return b"".join(
        struct.pack("!BBH", after, 0, 4 + len(body)) + body
        for (_, body), after in zip(pieces, following, strict=True)
    )


def pieces_of(kind: int, data: bytes) -> Pieces:
    """The payloads of a chain; padding behind it is left out."""
    found: Pieces = []
    while kind:
        following, _, length = struct.unpack_from("!BBH", data)
        found.append((kind, data[4:length]))
        kind, data = following, data[length:]
    return found


@dataclass
class Manner:
    """How it lays out what it sends; ``beside``: payloads that are added to each message."""

    mode: int = MAIN
    sa: bytes = USUAL_SA
    nonce: int = 32
    version: int = 0x10
    flags: int = 0
    in_reverse: bool = False
    cookie: bytes = b""
    seals_last: bool = True
    beside: dict[int, Pieces] = field(default_factory=dict)


class Stranger:
    """One member at ``address``; ``say`` carries a datagram to the server and gives its answer."""

    def __init__(self, say, psk: bytes, address: bytes, manner: Manner | None = None, **own):
        self.say, self.psk = say, psk
        self.own = own.get("own_id", identity(1, address))
        self.manner = manner or Manner()
        self.cookies = (self.manner.cookie or secrets.token_bytes(8)) + bytes(8)
        self.private = secrets.randbits(256)
        self.nonce = secrets.token_bytes(self.manner.nonce)

    # Octets

    def message(self, exchange, pieces, message_id=0, flags=0, body=None):
        """A datagram; ``body``: what stands behind the header in place of the payloads."""
        body = chain(pieces) if body is None else body
        head = self.cookies + bytes([pieces[0][0], self.manner.version, exchange])
        head += bytes([flags | self.manner.flags])
        return head + struct.pack("!II", message_id, 28 + len(body)) + body

    def laid_out(self, number, pieces):
        """As this one's manner is: in another order, with more beside."""
        pieces = pieces[::-1] if self.manner.in_reverse else pieces
        return pieces + self.manner.beside.get(number, [])

    def prf(self, key, data):
        return hmac.digest(key, data, "sha256")

    def encrypt(self, iv, plain):
        plain += bytes(-len(plain) % _BLOCK)
        done = Cipher(algorithms.AES(self.key), modes.CBC(iv)).encryptor()
        return done.update(plain)

    def decrypt(self, iv, sealed):
        return Cipher(algorithms.AES(self.key), modes.CBC(iv)).decryptor().update(sealed)

    # Phase 1

    def public(self):
        return pow(2, self.private, MODP_2048).to_bytes(256, "big")

    def agree(self, theirs, nonce):
        """RFC 2409 §5 and Appendix B."""
        self.theirs = theirs
        shared = pow(int.from_bytes(theirs, "big"), self.private, MODP_2048).to_bytes(256, "big")
        self.skeyid = self.prf(self.psk, self.nonce + nonce)
        tail = shared + self.cookies
        keys = [self.prf(self.skeyid, tail + b"\0")]
        for number in (1, 2):
            keys.append(self.prf(self.skeyid, keys[-1] + tail + bytes([number])))
        _, self.skeyid_a, self.key = keys
        self.iv = hashlib.sha256(self.public() + theirs).digest()[:_BLOCK]

    def hash_i(self):
        both = self.public() + self.theirs + self.cookies
        return self.prf(self.skeyid, both + self.manner.sa + self.own)

    def hash_r(self, theirs):
        both = self.theirs + self.public() + self.cookies[8:] + self.cookies[:8]
        return self.prf(self.skeyid, both + self.manner.sa + theirs)

    def first(self):
        """Message 1 of phase 1."""
        pieces = [(SA, self.manner.sa)]
        if self.manner.mode == AGGRESSIVE:
            pieces += [(KE, self.public()), (NONCE, self.nonce), (ID, self.own)]
        # RFC 2409: the SA payload is the first one, whatever follows in whichever order.
        rest = self.laid_out(1, pieces[1:])
        return self.message(self.manner.mode, [pieces[0], *rest])

    def phase1(self):
        """The whole of it; the payloads of the last answer that there was."""
        answer = self.say(self.first())
        found = dict(self.read(answer))
        if self.is_told(answer):
            return found
        self.cookies = self.cookies[:8] + answer[8:16]
        if self.manner.mode == AGGRESSIVE:
            return self.end_aggressively(found)
        pieces = self.laid_out(3, [(KE, self.public()), (NONCE, self.nonce)])
        answer = self.say(self.message(MAIN, pieces))
        found = dict(self.read(answer))
        if self.is_told(answer):
            return found
        self.agree(found[KE], found[NONCE])
        sealed = self.encrypt(
            self.iv, chain([(ID, self.own), (HASH, self.hash_i()), *self.manner.beside.get(5, [])])
        )
        answer = self.say(self.message(MAIN, [(ID, b"")], flags=1, body=sealed))
        if answer is None or self.is_told(answer):
            return dict(self.read(answer)) if answer else {}
        found = dict(pieces_of(answer[16], self.decrypt(sealed[-_BLOCK:], answer[28:])))
        assert found[HASH] == self.hash_r(found[ID])
        self.last = answer[-_BLOCK:]
        return found

    def end_aggressively(self, found):
        self.agree(found[KE], found[NONCE])
        assert found[HASH] == self.hash_r(found[ID])
        pieces = [(HASH, self.hash_i()), *self.manner.beside.get(3, [])]
        self.last = self.iv
        if not self.manner.seals_last:
            assert self.say(self.message(AGGRESSIVE, pieces)) is None
            return found
        sealed = self.encrypt(self.iv, chain(pieces))
        assert self.say(self.message(AGGRESSIVE, pieces, flags=1, body=sealed)) is None
        self.last = sealed[-_BLOCK:]
        return found

    @staticmethod
    def is_told(answer):
        """True for an Informational answer."""
        return answer is None or answer[18] == INFORMATIONAL

    @staticmethod
    def read(answer):
        return pieces_of(answer[16], answer[28:]) if answer is not None else []

    # Under it

    def protected(self, exchange, pieces, message_id=None, known=b"", iv=None):
        """(datagram, message id, the chain's next IV)."""
        number = secrets.randbits(31) + 1 if message_id is None else message_id
        octets = struct.pack("!I", number)
        iv = iv or hashlib.sha256(self.last + octets).digest()[:_BLOCK]
        inner = chain(pieces)
        proof = self.prf(self.skeyid_a, octets + known + inner)
        plain = struct.pack("!BBH", pieces[0][0] if pieces else 0, 0, 36) + proof + inner
        sealed = self.encrypt(iv, plain)
        datagram = self.message(exchange, [(HASH, b"")], number, 1, sealed)
        return datagram, number, sealed[-_BLOCK:]

    def opened(self, answer, known=b"", iv=None):
        """The payloads of an answer behind its HASH, which is checked."""
        octets = answer[20:24]
        plain = self.decrypt(
            iv or hashlib.sha256(self.last + octets).digest()[:_BLOCK], answer[28:]
        )
        found = pieces_of(answer[16], plain)
        assert found[0][0] == HASH
        inner = chain(found[1:])
        assert found[0][1] == self.prf(self.skeyid_a, octets + known + inner)
        return found[1:]

    def told(self, answer):
        """The notification types of a protected answer."""
        assert answer is not None
        assert answer[18] == INFORMATIONAL
        found = self.opened(answer)
        return [struct.unpack_from("!H", body, 6)[0] for kind, body in found if kind == NOTIFY]

    def ask(self, asked=None, nonce=16, more=(), in_reverse=False):
        """Message 1 of a pull: (answer, message id, next IV, nonce)."""
        own = secrets.token_bytes(nonce)
        pieces = [(NONCE, own), (ID, asked or identity(11, b"\0\0\0\1"))]
        pieces = (pieces[::-1] if in_reverse else pieces) + list(more)
        datagram, number, iv = self.protected(PULL, pieces)
        return self.say(datagram), number, iv, own

    def confirm(self, asked, more=()):
        """Messages 2 and 3: (what message 4 brings, or the answer, message 3)."""
        answer, number, iv, own = asked
        found = dict(self.opened(answer, own, iv))
        both = own + found[NONCE]
        datagram, _, after = self.protected(PULL, list(more), number, both, answer[-_BLOCK:])
        last = self.say(datagram)
        if self.is_told(last):
            return last, datagram
        return dict(self.opened(last, both, after)), datagram

    def registers(self, **more):
        """A whole registration: True when message 4 brought keys."""
        self.phase1()
        brought, _ = self.confirm(self.ask(**more))
        return KD in brought and SEQ in brought

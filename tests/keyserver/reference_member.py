# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Cisco's reference implementation sees as a member, from the RFC and from how it was found.

Nothing of the key server's code is in it. It reads as little as that code does: numbers of a group
in its own host's order, attributes up to the first that it does not know, pushes whose signature is
over the bare digest, sequence numbers in a window of 32 that no new KEK resets, a new KEK under the
SPI of the old one. It says what it would not take.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.keyserver.stranger import (
    DELETE,
    GAP,
    KD,
    NONCE,
    PULL,
    SA,
    SEQ,
    Pieces,
    Stranger,
    identity,
    pieces_of,
)

PUSH, SIG, SAK, SAT = 33, 9, 15, 16
_UDP, _ESP, _ADDRESS, _SUBNET = 17, 1, 1, 4
_WINDOW = 32
_KEK_ATTRIBUTES, _TEK_ATTRIBUTES = range(1, 9), (1, 2, 4, 5, 6, 14, 15)
_CIPHERS = {2: (TripleDES, 8, 24), 3: (algorithms.AES, 16, 16)}
_HASHES = {1: "md5", 2: "sha1", 3: "sha256"}


class NotTaken(Exception):
    """What it would stop at."""


def attributes(data: bytes, known: range | tuple[int, ...]) -> dict[int, int | bytes]:
    """Up to the first that is unknown, where that code stops and goes on with what it has."""
    found: dict[int, int | bytes] = {}
    while data:
        kind, length = struct.unpack_from("!HH", data)
        value: int | bytes = length
        size = 4
        if not kind & 0x8000:
            value, size = data[4 : 4 + length], 4 + length
        if kind & 0x7FFF not in known:
            break
        found[kind & 0x7FFF] = value
        data = data[size:]
    return found


def end(data: bytes) -> tuple[tuple[int, int, bytes], bytes]:
    """An identity with its type and port, whose length is one octet; and what follows."""
    kind, port, length = struct.unpack_from("!BHB", data)
    if kind not in (_ADDRESS, _SUBNET) or length != 4 * (1 + (kind == _SUBNET)):
        raise NotTaken(f"identity of type {kind} with {length} octets")
    if kind == _SUBNET and data[8:12] == b"\xff" * 4:
        raise NotTaken("a subnet of one address")
    return (kind, port, data[4 : 4 + length]), data[4 + length :]


@dataclass
class RekeySa:
    """A KEK as its payloads say."""

    spi: bytes
    destination: tuple[int, int, bytes]
    numbers: dict[int, int | bytes]
    keys: dict[int, int | bytes] = field(default_factory=dict)

    def opened(self, datagram: bytes) -> Pieces:
        """The payloads of a push, whose signature is right."""
        cipher, block, size = _CIPHERS[self.numbers[2]]
        secret = self.keys[1]
        if len(secret) != block + size:
            raise NotTaken(f"KEK of {len(secret)} octets")
        iv, key = secret[:block], secret[block:]
        plain = Cipher(cipher(key), modes.CBC(iv)).decryptor().update(datagram[28:])
        found = pieces_of(datagram[16], plain)
        length = sum(4 + len(body) for _, body in found)
        head = datagram[:24] + struct.pack("!I", 28 + length)
        covered = plain[: length - 4 - len(found[-1][1])]
        digest = hashlib.new(_HASHES[self.numbers[5]], b"rekey" + head + covered).digest()
        public = load_der_public_key(self.keys[2]).public_numbers()
        bits = public.n.bit_length()
        if bits != self.numbers[7]:
            raise NotTaken(f"RSA key of {bits} bits, told {self.numbers[7]}")
        message = pow(int.from_bytes(found[-1][1]), public.e, public.n).to_bytes(bits // 8)
        padding = b"\xff" * (bits // 8 - 3 - len(digest))
        if found[-1][0] != SIG or message != b"\0\1" + padding + b"\0" + digest:
            raise NotTaken("Computed hash does not match")
        return found[:-1]


@dataclass
class Association:
    """A TEK as its payloads say."""

    spi: bytes
    source: tuple[int, int, bytes]
    destination: tuple[int, int, bytes]
    numbers: dict[int, int | bytes]
    keys: dict[int, int | bytes] = field(default_factory=dict)


def policy(body: bytes) -> tuple[RekeySa | None, list[Association]]:
    """What an SA payload says (RFC 6407 §5.2)."""
    doi, situation, first, reserved = struct.unpack_from("!IIHH", body)
    if (doi, situation, reserved) != (2, 0, 0):
        raise NotTaken("DOI, situation or reserved octets")
    rekey, teks = None, []
    for kind, data in pieces_of(first, body[12:]):
        if kind == SAK:
            rekey = _rekey(data)
        elif kind == SAT:
            teks.append(_association(data))
        elif kind != GAP or set(attributes(data, range(65536))) - {1, 2}:
            raise NotTaken(f"payload {kind} in the SA: {data.hex()}")
    return rekey, teks


def _rekey(data: bytes) -> RekeySa:
    if data[0] != _UDP:
        raise NotTaken(f"protocol {data[0]} in SAK")
    _, rest = end(data[1:])
    destination, rest = end(rest)
    if rest[16:20] != bytes(4):
        raise NotTaken("reserved octets in SAK")
    numbers = attributes(rest[20:], _KEK_ATTRIBUTES)
    for needed in (2, 4, 5, 6, 7):
        if needed not in numbers:
            raise NotTaken(f"SAK without attribute {needed}")
    return RekeySa(rest[:16], destination, numbers)


def _association(data: bytes) -> Association:
    if data[0] != _ESP:
        raise NotTaken(f"protocol {data[0]} in SAT")
    source, rest = end(data[2:])
    destination, rest = end(rest)
    numbers = attributes(rest[5:], _TEK_ATTRIBUTES)
    for needed in (1, 2, 4, 5):
        if needed not in numbers:
            raise NotTaken(f"SAT without attribute {needed}")
    return Association(rest[1:5], source, destination, numbers)


def packets(body: bytes) -> list[tuple[int, bytes, dict[int, int | bytes]]]:
    """(type, SPI, attributes) of a KD's key packets (RFC 6407 §5.6)."""
    count, _ = struct.unpack_from("!HH", body)
    body, found = body[4:], []
    for _ in range(count):
        kind, _, length, size = struct.unpack_from("!BBHB", body)
        keys = attributes(body[5 + size : length], (1, 2))
        found.append((kind, body[5 : 5 + size], keys))
        body = body[length:]
    if body:
        raise NotTaken("octets behind the last key packet")
    return found


class ReferenceMember(Stranger):
    """One of its members: what it holds. A heartbeat, to it, is a push that says nothing."""

    rekey: RekeySa | None = None

    def joins(self, group: int) -> None:
        """Register."""
        self.held: dict[bytes, Association] = {}
        self.highest, self.seen = 0, set()
        self.phase1()
        asked = self.ask(identity(11, struct.pack("<I", group)))
        answer, number, iv, own = asked
        second = dict(self.opened(answer, own, iv))
        both = own + second[NONCE]
        datagram, _, after = self.protected(PULL, [], number, both, answer[-16:])
        fourth = dict(self.opened(self.say(datagram), both, after))
        rekey, teks = policy(second[SA])
        self._install(rekey, teks, packets(fourth[KD]), rekey.spi if rekey else b"")
        if rekey is not None:
            self.highest = int.from_bytes(fourth[SEQ])

    def _install(self, rekey, teks, brought, name) -> None:
        keks = [keys for kind, spi, keys in brought if kind == 2 and spi == name]
        if (rekey is not None) != (len(keks) == 1):
            raise NotTaken(f"{len(keks)} KEK key packets of SPI {name.hex()}")
        keys = {spi: found for kind, spi, found in brought if kind == 1}
        if set(keys) != {tek.spi for tek in teks}:
            raise NotTaken("key packets of other SPIs than the policy's")
        for tek in teks:
            tek.keys = keys[tek.spi]
            self.held[tek.spi] = tek
        if rekey is not None:
            rekey.keys = keks[0]
            self.rekey = rekey

    def hears(self, datagram: bytes) -> Pieces:
        """Take a push."""
        under = self.rekey
        if under is None or datagram[:16] != under.spi:
            raise NotTaken("no rekey SA of that SPI")
        if (datagram[18], datagram[19], datagram[20:24]) != (PUSH, 1, bytes(4)):
            raise NotTaken("the push's header")
        found = under.opened(datagram)
        self._count(int.from_bytes(dict(found)[SEQ]))
        if SA in dict(found):
            rekey, teks = policy(dict(found)[SA])
            self._install(rekey, teks, packets(dict(found)[KD]), under.spi)
        for kind, body in found:
            if kind == DELETE:
                self._delete(body)
        return found

    def _count(self, number: int) -> None:
        if number in self.seen or number <= self.highest - _WINDOW or not number:
            raise NotTaken(f"sequence number {number} after {self.highest}")
        self.seen.add(number)
        self.highest = max(self.highest, number)

    def _delete(self, body: bytes) -> None:
        doi, protocol, size, count = struct.unpack_from("!IBBH", body)
        spis = [body[8 + size * n : 8 + size * (n + 1)] for n in range(count)]
        if doi != 2 or size != (4 if protocol else 16):
            raise NotTaken("a deletion of another DOI or size")
        for spi in spis:
            if protocol == 0 and self.rekey is not None and spi == self.rekey.spi:
                self.rekey = None
            elif protocol and self.held.pop(spi, None) is None:
                raise NotTaken(f"deletion of unknown SPI {spi.hex()}")

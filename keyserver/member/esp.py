# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ESP packets under the keys that a member holds (RFC 4303).

To see whether two members agree, a dummy packet is sent: next header 59, which every receiver
discards once it has proved and decrypted it (§2.6).
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from enum import Enum

from ..gdoi.numbers import TekProtocol
from ..ike.crypto import AES_BY_BITS, DES, TRIPLE_DES, CbcCipher
from .traffic import InstalledTek

SPI_LENGTH = 4
NO_NEXT_HEADER = 59
_HEADER_LENGTH = 8
_HASHES = {"hmac-md5-96": "md5", "hmac-sha1-96": "sha1", "hmac-sha-256-128": "sha256"}


class Fate(Enum):
    """What becomes of a packet at a receiver, in the words of Junos' statistics."""

    DECRYPTED = "esp-decrypted-packets"
    INVALID_SPI = "invalid-spi-errors"
    NOT_AUTHENTIC = "esp-authentication-failures"
    NOT_DECRYPTED = "esp-decryption-failures"
    BAD_TRAILER = "bad-trailers"


@dataclass(frozen=True)
class Opened:
    """What a receiver made of a packet; ``payload`` and its protocol where it is decrypted."""

    fate: Fate
    following: int = NO_NEXT_HEADER
    payload: bytes = b""


def can_encrypt(tek: InstalledTek) -> bool:
    """True for ESP with a key for its cipher."""
    return tek.sa.protocol is TekProtocol.ESP and bool(tek.keys.encryption)


def sealed(
    tek: InstalledTek, sequence: int, payload: bytes = b"", following: int = NO_NEXT_HEADER
) -> bytes:
    """SPI, sequence number, IV, what is encrypted, and the integrity check value.

    ``following`` is the protocol of ``payload``; the default is a dummy packet.
    """
    cipher = _cipher(tek)
    iv = secrets.token_bytes(cipher.block)
    # Monotonic padding (§2.4), its length and the next header fill the last block.
    length = -(len(payload) + 2) % cipher.block
    plain = payload + bytes(range(1, length + 1)) + bytes([length, following])
    head = tek.spi + sequence.to_bytes(4, "big")
    body = head + iv + cipher.encrypt(tek.keys.encryption, iv, plain)
    return body + _check_value(tek, body)


def opened(packet: bytes, tek: InstalledTek | None) -> Opened:
    """What a receiver that holds this association, or none for that SPI, makes of a packet."""
    if tek is None or not can_encrypt(tek):
        return Opened(Fate.INVALID_SPI)
    size = tek.sa.integrity.bits // 8 if tek.sa.integrity is not None else 0
    body, value = packet[: len(packet) - size], packet[len(packet) - size :]
    if not hmac.compare_digest(value, _check_value(tek, body)):
        return Opened(Fate.NOT_AUTHENTIC)
    cipher = _cipher(tek)
    start = _HEADER_LENGTH + cipher.block
    iv, hidden = body[_HEADER_LENGTH:start], body[start:]
    if len(iv) != cipher.block or not hidden or len(hidden) % cipher.block:
        return Opened(Fate.NOT_DECRYPTED)
    return _unpadded(cipher.decrypt(tek.keys.encryption, iv, hidden))


def _unpadded(plain: bytes) -> Opened:
    inner, length, following = plain[:-2], plain[-2], plain[-1]
    end = len(inner) - length
    if end < 0 or inner[end:] != bytes(range(1, length + 1)):
        return Opened(Fate.BAD_TRAILER)
    return Opened(Fate.DECRYPTED, following, inner[:end])


def _cipher(tek: InstalledTek) -> CbcCipher:
    assert tek.sa.cipher is not None
    if tek.sa.cipher.name == "aes-cbc":
        return AES_BY_BITS[tek.sa.key_length * 8]
    return DES if tek.sa.cipher.name == "des-cbc" else TRIPLE_DES


def _check_value(tek: InstalledTek, covered: bytes) -> bytes:
    """The truncated HMAC; nothing where the association has none."""
    integrity = tek.sa.integrity
    if integrity is None:
        return b""
    digest = hmac.digest(tek.keys.integrity, covered, _HASHES[integrity.name])
    return digest[: integrity.bits // 8]

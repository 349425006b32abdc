# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ESP packets under the keys that a member holds (RFC 4303), to see whether two of them agree.

What is sent is a dummy packet: next header 59, which every receiver discards once it has proved and
decrypted it (§2.6).
"""

from __future__ import annotations

import hmac
import secrets
from enum import Enum

from ..gdoi.numbers import TekProtocol
from ..ike.crypto import AES_BY_BITS, DES, TRIPLE_DES, CbcCipher
from .traffic import InstalledTek

SPI_LENGTH = 4
_NO_NEXT_HEADER = 59
_HASHES = {"hmac-md5-96": "md5", "hmac-sha1-96": "sha1", "hmac-sha-256-128": "sha256"}


class Fate(Enum):
    """What becomes of a packet at a receiver, in the words of Junos' statistics."""

    DECRYPTED = "esp-decrypted-packets"
    INVALID_SPI = "invalid-spi-errors"
    NOT_AUTHENTIC = "esp-authentication-failures"
    NOT_DECRYPTED = "esp-decryption-failures"
    BAD_TRAILER = "bad-trailers"


def can_encrypt(tek: InstalledTek) -> bool:
    """True for ESP with a key for its cipher."""
    return tek.sa.protocol is TekProtocol.ESP and bool(tek.keys.encryption)


def dummy_packet(tek: InstalledTek, sequence: int) -> bytes:
    """SPI, sequence number, IV, what is encrypted, and the integrity check value."""
    cipher = _cipher(tek)
    iv = secrets.token_bytes(cipher.block)
    # Nothing but the trailer: monotonic padding (§2.4), its length, the next header.
    padding = bytes(range(1, cipher.block - 1))
    plain = padding + bytes([len(padding), _NO_NEXT_HEADER])
    head = tek.spi + sequence.to_bytes(4, "big")
    body = head + iv + cipher.encrypt(tek.keys.encryption, iv, plain)
    return body + _check_value(tek, body)


def fate_of(packet: bytes, tek: InstalledTek | None) -> Fate:
    """What a receiver that holds this association, or none for that SPI, does with a packet."""
    if tek is None or not can_encrypt(tek):
        return Fate.INVALID_SPI
    size = len(_check_value(tek, b""))
    body, value = packet[: len(packet) - size], packet[len(packet) - size :]
    if not hmac.compare_digest(value, _check_value(tek, body)):
        return Fate.NOT_AUTHENTIC
    cipher = _cipher(tek)
    iv, sealed = body[8 : 8 + cipher.block], body[8 + cipher.block :]
    if len(iv) != cipher.block or not sealed or len(sealed) % cipher.block:
        return Fate.NOT_DECRYPTED
    *padding, length, following = cipher.decrypt(tek.keys.encryption, iv, sealed)
    whole = padding[-length:] == list(range(1, length + 1)) and following == _NO_NEXT_HEADER
    return Fate.DECRYPTED if whole else Fate.BAD_TRAILER


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

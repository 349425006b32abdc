# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ciphers of a KEK (RFC 6407 §5.3.3)."""

from __future__ import annotations

from ..ike.crypto import AES_BY_BITS, DES, TRIPLE_DES, CbcCipher
from .numbers import KekAlgorithm


def kek_cipher(algorithm: int, key_bits: int) -> CbcCipher | None:
    """The cipher of an SAK (RFC 6407 §5.3.3); None when it is not one of ours."""
    if algorithm == KekAlgorithm.AES:
        return AES_BY_BITS.get(key_bits)
    cipher, lengths = _KEK_FIXED_LENGTH.get(algorithm, (None, ()))
    return cipher if key_bits in lengths else None


# Their key has one length, which need not be stated; it is counted with parity or without.
_KEK_FIXED_LENGTH: dict[int, tuple[CbcCipher, tuple[int, ...]]] = {
    KekAlgorithm.DES: (DES, (0, 64, 56)),
    KekAlgorithm.TRIPLE_DES: (TRIPLE_DES, (0, 192, 168)),
}

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DES and 3DES (FIPS 46-3) in Python, for the day when the library drops them.

Slow, and not in constant time: single DES and 3DES are here for Group VPNv1 alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

_IP = (
    *(58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4),
    *(62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8),
    *(57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3),
    *(61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7),
)
_FP = tuple(_IP.index(n) + 1 for n in range(1, 65))
_P = (
    *(16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10),
    *(2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25),
)
_PC1 = (
    *(57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18),
    *(10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36),
    *(63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22),
    *(14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4),
)
_PC2 = (
    *(14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4),
    *(26, 8, 16, 7, 27, 20, 13, 2, 41, 52, 31, 37, 47, 55, 30, 40),
    *(51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32),
)
_SHIFTS = (1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1)
# The four rows of each S-box, one hex digit for each entry.
_S = tuple(
    tuple(int(digit, 16) for digit in rows)
    for rows in (
        "e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d",
        "f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9",
        "a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c",
        "7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e",
        "2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453",
        "c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d",
        "4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c",
        "d2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b",
    )
)


def _permute(value: int, bits: int, table: Sequence[int]) -> int:
    result = 0
    for position in table:
        result = result << 1 | value >> (bits - position) & 1
    return result


def _round_keys(key: bytes) -> list[int]:
    both = _permute(int.from_bytes(key, "big"), 64, _PC1)
    left, right, keys = both >> 28, both & 0xFFFFFFF, []
    for shift in _SHIFTS:
        left = (left << shift | left >> (28 - shift)) & 0xFFFFFFF
        right = (right << shift | right >> (28 - shift)) & 0xFFFFFFF
        keys.append(_permute(left << 28 | right, 56, _PC2))
    return keys


def _mixed(half: int, key: int) -> int:
    # The expansion takes four bits with their neighbours on both sides, around the ring.
    ring = (half & 1) << 33 | half << 1 | half >> 31
    result = 0
    for number, box in enumerate(_S):
        six = (ring >> (28 - 4 * number) ^ key >> (42 - 6 * number)) & 0x3F
        row = six >> 4 & 2 | six & 1
        result = result << 4 | box[row * 16 + (six >> 1 & 0xF)]
    return _permute(result, 32, _P)


def _crypt(block: int, keys: Sequence[int]) -> int:
    both = _permute(block, 64, _IP)
    left, right = both >> 32, both & 0xFFFFFFFF
    for key in keys:
        left, right = right, left ^ _mixed(right, key)
    return _permute(right << 32 | left, 64, _FP)


def _stages(key: bytes) -> tuple[Callable[[int], int], Callable[[int], int]]:
    """(encrypt, decrypt) of one block with an 8-octet or a 24-octet key."""
    schedules = [_round_keys(key[n : n + 8]) for n in range(0, len(key), 8)]
    backwards = [schedule[::-1] for schedule in schedules]
    if len(schedules) == 1:
        one, back = schedules[0], backwards[0]
        return lambda block: _crypt(block, one), lambda block: _crypt(block, back)
    first, second, third = schedules
    undo_first, undo_second, undo_third = backwards
    return (
        lambda block: _crypt(_crypt(_crypt(block, first), undo_second), third),
        lambda block: _crypt(_crypt(_crypt(block, undo_third), second), undo_first),
    )


def encrypt_cbc(key: bytes, iv: bytes, plain: bytes) -> bytes:
    """CBC over whole blocks of 8 octets."""
    encrypt, _ = _stages(key)
    last, out = int.from_bytes(iv, "big"), []
    for start in range(0, len(plain), 8):
        last = encrypt(int.from_bytes(plain[start : start + 8], "big") ^ last)
        out.append(last.to_bytes(8, "big"))
    return b"".join(out)


def decrypt_cbc(key: bytes, iv: bytes, sealed: bytes) -> bytes:
    """The reverse of :func:`encrypt_cbc`."""
    _, decrypt = _stages(key)
    last, out = int.from_bytes(iv, "big"), []
    for start in range(0, len(sealed), 8):
        block = int.from_bytes(sealed[start : start + 8], "big")
        out.append((decrypt(block) ^ last).to_bytes(8, "big"))
        last = block
    return b"".join(out)


def without_parity(key: bytes) -> bytes:
    """A key with the last bit of each octet, which DES does not look at, cleared."""
    return bytes(octet & 0xFE for octet in key)

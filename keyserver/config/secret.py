# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Junos' reversible ``$9$`` form of shared secrets.

It hides a secret from a glance and nothing more: whoever reads it can undo it. The form is kept
because clients send it back as they read it, and because an SRX never shows a key in the clear.
"""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import pairwise
from operator import mul

_MAGIC = "$9$"
_FAMILIES = ("QzF3n6/9CAtpu0O", "B1IREhcSyrleKvMW8LXx", "7N-dVbwsY2g4oaJZGUDj", "iHkq.mPf5T")
_ALPHABET = "".join(_FAMILIES)
_INDEX = {char: number for number, char in enumerate(_ALPHABET)}
_FILLER = {char: 3 - row for row, family in enumerate(_FAMILIES) for char in family}
_WEIGHTS = (
    (1, 4, 32),
    (1, 16, 32),
    (1, 8, 32),
    (1, 64),
    (1, 32),
    (1, 4, 16, 128),
    (1, 32, 64),
)


def is_obscured(text: str) -> bool:
    """True for text that claims to be in ``$9$`` form."""
    return text.startswith(_MAGIC)


def obscure(clear: str) -> str:
    """The ``$9$`` form of a Latin-1 secret; the same secret always gives the same text.

    Junos picks the salt at random. A salt taken from the secret keeps a reloaded, unchanged key
    from showing up as a difference.
    """
    digest = hashlib.sha256(clear.encode()).digest()
    salt = _ALPHABET[digest[0] % len(_ALPHABET)]
    filler = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[1 : 1 + _FILLER[salt]])
    shown, place = [salt, filler], _INDEX[salt]
    for position, byte in enumerate(clear.encode("latin-1", "replace")):
        for gap in _gaps(_WEIGHTS[position % len(_WEIGHTS)], byte):
            place = (place + gap + 1) % len(_ALPHABET)
            shown.append(_ALPHABET[place])
    return _MAGIC + "".join(shown)


@cache
def _gaps(weights: tuple[int, ...], byte: int) -> tuple[int, ...]:
    """How far the characters of one octet are from one another."""
    gaps: list[int] = []
    for weight in reversed(weights):
        gap, byte = divmod(byte, weight)
        gaps.insert(0, gap)
    return tuple(gaps)


def reveal(obscured: str) -> str:
    """The secret behind a ``$9$`` text; ValueError when it is not well-formed."""
    body = obscured.removeprefix(_MAGIC)
    if not body or not _INDEX.keys() >= set(body):
        raise ValueError("invalid encrypted data")
    numbers = [_INDEX[char] for char in body[0] + body[1 + _FILLER[body[0]] :]]
    gaps = [(after - before) % len(_ALPHABET) - 1 for before, after in pairwise(numbers)]
    clear, at = bytearray(), 0
    while at < len(gaps):
        weights = _WEIGHTS[len(clear) % len(_WEIGHTS)]
        chunk, at = gaps[at : at + len(weights)], at + len(weights)
        clear.append(sum(map(mul, chunk, weights)) % 256)
    if at > len(gaps):
        raise ValueError("invalid encrypted data")
    return clear.decode("latin-1")

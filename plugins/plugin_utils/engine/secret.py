# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets: compared by meaning, shown to nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import mul
from typing import Any

from .withheld import is_withheld

MASK = "********"
_MAGIC = "$9$"
# Junos' reversible scrambling: each character stands for its distance to the one before, within
# an alphabet of four families; the family of the first says how many characters of salt follow.
_FAMILIES = ("QzF3n6/9CAtpu0O", "B1IREhcSyrleKvMW8LXx", "7N-dVbwsY2g4oaJZGUDj", "iHkq.mPf5T")
_SALT = {letter: 3 - number for number, family in enumerate(_FAMILIES) for letter in family}
_PLACE = {letter: place for place, letter in enumerate("".join(_FAMILIES))}
_WEIGHTS = (
    (1, 4, 32),
    (1, 16, 32),
    (1, 8, 32),
    (1, 64),
    (1, 32),
    (1, 4, 16, 128),
    (1, 32, 64),
)


@dataclass(frozen=True)
class Secret:
    """A secret in the clear. It prints as a mask; :meth:`reveal` is for the device alone."""

    _text: str

    def __repr__(self) -> str:
        return MASK

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    @property
    def is_opaque(self) -> bool:
        """Whether it cannot be read, scrambled for good or withheld, so that it equals nothing."""
        return self.is_withheld or _LOOKS_SCRAMBLED.fullmatch(self._text) is not None

    @property
    def is_withheld(self) -> bool:
        """Whether the device shows that there is one, and not which: none is empty."""
        return not self._text or is_withheld(self._text)


def read_secret(text: str) -> Secret:
    """A secret as a configuration holds it: scrambled by ``$9$``, or in the clear.

    What is scrambled in a way that cannot be undone stays as it is, and equals nothing else.
    """
    return Secret(_unscrambled(text) if text.startswith(_MAGIC) else text)


def _unscrambled(text: str) -> str:
    letters = text.removeprefix(_MAGIC)
    if not letters or not set(letters) <= _PLACE.keys():
        return text
    last, rest = letters[0], letters[1 + _SALT[letters[0]] :]
    gaps = [
        (_PLACE[letter] - _PLACE[before]) % len(_PLACE) - 1
        for before, letter in pairwise((last, *rest))
    ]
    plain = ""
    while gaps:
        weights = _WEIGHTS[len(plain) % len(_WEIGHTS)]
        if len(gaps) < len(weights):
            return text
        plain += chr(sum(map(mul, gaps, weights)) % 256)
        del gaps[: len(weights)]
    return plain


_LOOKS_SCRAMBLED = re.compile(r"\$\d\$[^\s\"'<>;,)\]]+")
_SHORT = 4
"""Shorter secrets are parts of many words; they are hidden where they are one."""


def secrets_in(tree: Any) -> Iterator[Secret]:
    """Every secret of a configuration's data."""
    if isinstance(tree, Secret):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from secrets_in(value)


def hidden(text: str, secrets: Iterable[Secret]) -> str:
    """Somebody else's words without secrets, in the clear or scrambled."""
    text = _LOOKS_SCRAMBLED.sub(MASK, text)
    for plain in sorted({secret.reveal() for secret in secrets}, key=len, reverse=True):
        edges = ("", "") if len(plain) >= _SHORT else (r"(?<!\w)", r"(?!\w)")
        text = re.sub(re.escape(plain).join(edges), MASK, text)
    return text

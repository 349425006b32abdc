# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wildcards for names: ``*``, ``?``, ``[a-z]``, ``[!a-z]``.

Matched without going back more than once for each character: no pattern takes long.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PIECE = re.compile(r"\[[^\]]+\]|.", re.DOTALL)
_NO_LITERAL = re.compile(r"\[[^\]]+\]|[*?]", re.DOTALL)


class Wildcard:
    """A pattern, to be tried on many names.

    ``literal`` is in every name that it stands for: who has many patterns looks for that first.
    """

    __slots__ = ("_pieces", "literal")

    def __init__(self, pattern: str) -> None:
        self._pieces = _PIECE.findall(pattern)
        self.literal = max(_NO_LITERAL.split(pattern), key=len)

    def stands_for(self, name: str) -> bool:
        """True when the whole of ``name`` is what the pattern stands for."""
        return self.literal in name and _stand_for(self._pieces, name)


def _stand_for(pieces: Sequence[str], name: str) -> bool:
    place = at = 0
    star, mark = -1, 0
    while at < len(name):
        if place < len(pieces) and pieces[place] == "*":
            star, mark = place, at
            place += 1
        elif place < len(pieces) and _one(pieces[place], name[at]):
            place, at = place + 1, at + 1
        elif star >= 0:
            mark += 1
            place, at = star + 1, mark
        else:
            return False
    return all(piece == "*" for piece in pieces[place:])


def _one(piece: str, character: str) -> bool:
    if len(piece) == 1:
        return piece in ("?", character)
    inner = piece[1:-1]
    negated = inner.startswith(("!", "^")) and len(inner) > 1
    return _within(inner[1:] if negated else inner, character) is not negated


def _within(inner: str, character: str) -> bool:
    spans = re.findall(r".-.|.", inner, re.DOTALL)
    return any(span[0] <= character <= span[-1] for span in spans)

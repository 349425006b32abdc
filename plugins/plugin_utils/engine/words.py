# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Words as the CLI reads and writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..errors import MalformedReply
from .withheld import PATTERN

_PLAIN = re.compile(r"[A-Za-z0-9_./:*+=,%~^!?|<>-]+")
_ESCAPED = re.compile(r"\\(.)", re.S)
_MEANT = {"n": "\n", "t": "\t", "r": "\r"}
_ESCAPES = str.maketrans(
    {"\\": "\\\\", '"': '\\"', **{char: f"\\{letter}" for letter, char in _MEANT.items()}}
)
_MARKS = frozenset({"inactive:", "active:", "protect:", "unprotect:", "replace:", "delete:"})
_WORD = re.compile(
    rf"({PATTERN})"
    r'|\s+|#[^\n]*|/\*.*?\*/|("(?:[^"\\]|\\.)*")|([{};\[\]])|((?!/\*)[^\s{};\[\]"]+)',
    re.S,
)


def quote(word: str) -> str:
    """A word as Junos shows it: quoted when it is not plain, or could be read as a mark."""
    if _PLAIN.fullmatch(word) and not word.startswith("/*") and word not in _MARKS:
        return word
    return f'"{word.translate(_ESCAPES)}"'


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), text)


class Quoted(str):
    """A word that was quoted: never a bracket, a brace or a marker."""

    __slots__ = ()


class Withheld(Quoted):
    """The comment that stands where a device shows no value, or no statements."""

    __slots__ = ()


class Scanner:
    """The words and brackets of a text, comments left out but for those that withhold something.

    ``first``: the number of its first line.
    """

    def __init__(self, text: str, first: int = 1) -> None:
        self._text, self._line = text, first
        self._read = self._counted = 0

    @property
    def line(self) -> int:
        """The number of the line up to which was read."""
        self._line += self._text.count("\n", self._counted, self._read)
        self._counted = self._read
        return self._line

    def __iter__(self) -> Iterator[str]:
        """Each word. Raises MalformedReply."""
        text, end, matched, position = self._text, len(self._text), _WORD.match, 0
        while position < end:
            match = matched(text, position)
            self._read = position
            if match is None:
                # What stands behind a quote that nothing ends may be a secret.
                raise MalformedReply("nothing ends the quote or comment that begins there")
            position = match.end()
            withheld, quoted, bracket, word = match.groups()
            if withheld:
                yield Withheld(withheld)
            elif quoted is not None:
                yield Quoted(_unescaped(quoted[1:-1]))
            elif bracket or word:
                yield bracket or word


def words(text: str) -> Iterator[str]:
    """The words of a text in one line. Raises MalformedReply."""
    return iter(Scanner(text))


def refuse_apostrophes(statement: Sequence[str]) -> None:
    """Somebody else's quotes: Junos takes ``'a b'`` for two words. Raises MalformedReply."""
    plain = [word for word in statement if not isinstance(word, Quoted)]
    begins = next((n for n, w in enumerate(plain) if w[:1] == "'" and w.count("'") == 1), None)
    if begins is not None and any(word[-1:] == "'" for word in plain[begins + 1 :]):
        raise MalformedReply(f"{statement[0]!r}: Junos quotes with \", not with '")

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A reader of YANG modules (RFC 7950 §6): words, arguments, blocks; no meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_TOKEN = re.compile(
    r"""\s+ | //[^\n]* | /\*.*?\*/
      | "(?P<double>(?:[^"\\]|\\.)*)" | '(?P<single>[^']*)'
      | (?P<mark>[;{}]) | (?P<word>[^\s;{}"']+)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t"}


@dataclass(slots=True)
class Word:
    """One statement: ``keyword argument { children }``."""

    keyword: str
    argument: str = ""
    children: list[Word] = field(default_factory=list)

    def all(self, *keywords: str) -> Iterator[Word]:
        """The children with one of these keywords."""
        return (child for child in self.children if child.keyword in keywords)

    def get(self, keyword: str, default: str = "") -> str:
        """The argument of the first child with this keyword."""
        return next((child.argument for child in self.all(keyword)), default)


def _unescaped(text: str) -> str:
    # Juniper also writes \' inside double quotes, which RFC 7950 does not know.
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text, flags=re.DOTALL)


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Words and marks; True for what stood in quotes."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"not YANG near {text[position : position + 40]!r}")
        position = match.end()
        kind = match.lastgroup
        if kind == "double":
            yield _unescaped(match["double"]), True
        elif kind is not None:
            yield match[kind], kind == "single"


def _nest(token: str, statement: Word | None, open_blocks: list[Word]) -> None:
    if token == "}":
        open_blocks.pop()
    elif token == "{":
        assert statement is not None
        open_blocks.append(statement)


def read_module(path: Path) -> Word:
    """The ``module`` statement of a file."""
    top = Word("")
    open_blocks, statement, joining = [top], None, False
    for token, quoted in _tokens(path.read_text(encoding="utf-8")):
        if not quoted and token in (";", "{", "}"):
            _nest(token, statement, open_blocks)
            statement = None
        elif statement is None:
            statement = Word(token)
            open_blocks[-1].children.append(statement)
        elif token == "+" and not quoted:
            joining = True
        else:
            statement.argument = statement.argument + token if joining else token
            joining = False
    return top.children[0]

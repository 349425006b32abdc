# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Words as the CLI reads and writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import MalformedReply

_PLAIN = re.compile(r"[A-Za-z0-9_./:@*+=,%~^!?|-]+")
_WORD = re.compile(
    r'\s+|#[^\n]*|/\*.*?\*/|("(?:[^"\\]|\\.)*")|([{};\[\]])|((?!/\*)[^\s{};\[\]"]+)', re.S
)


def quote(word: str) -> str:
    """A word as Junos takes it in set lines: quoted when it is not plain."""
    if _PLAIN.fullmatch(word) and not word.startswith("/*"):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Quoted(str):
    """A word that was quoted: never a bracket, a brace or a marker."""

    __slots__ = ()


def words(text: str) -> Iterator[str]:
    """The words and brackets of a text, comments left out. Raises MalformedReply."""
    position = 0
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            raise MalformedReply(f"unreadable near {text[position : position + 20]!r}")
        position = match.end()
        quoted, bracket, word = match.groups()
        if quoted is not None:
            yield Quoted(re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.S))
        elif bracket or word:
            yield bracket or word

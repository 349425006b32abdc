# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Curly-brace text as statements, each with the line in which it begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import MalformedReply
from .words import Quoted, Scanner, Withheld, refuse_apostrophes

INACTIVE = "inactive:"
DELETE, REPLACE, ACTIVE = "delete:", "replace:", "active:"
A_COMPARISON = "this is a comparison; give the configuration itself, without '| compare'"
_MARK = re.compile(r"[a-z-]+:")
_MARKS = {INACTIVE, DELETE, ACTIVE, REPLACE, "protect:"}


class Placed(MalformedReply):
    """One whose words begin with the line."""


@dataclass
class Written:
    """One statement of curly-brace text.

    ``left_out``: the comment that stands for what is in it. ``line``: where it begins.
    """

    words: list[str]
    marks: frozenset[str] = frozenset()
    inside: list[Written] = field(default_factory=list)
    left_out: str = ""
    line: int = 0


def statements(text: str, first: int = 1) -> list[Written]:
    """The statements of curly-brace text, whose first line has that number.

    Raises MalformedReply, with line and path, when it breaks off.
    """
    scanner, around = Scanner(text, first), [Written([])]
    try:
        begun = _read(scanner, around)
    except MalformedReply as error:
        raise _placed(scanner.line, around, error) from None
    if begun or len(around) > 1:
        line = scanner.line if begun else around[-1].line
        raise _placed(line, around, "the text breaks off: unbalanced '{' or no ';' at its end")
    return around[0].inside


def _placed(line: int, around: Sequence[Written], why: object) -> Placed:
    # What is quoted, and what stands behind a statement's own word, may be a secret.
    path = [s.words[0] for s in around[1:] if not isinstance(s.words[0], Quoted)]
    return Placed(f"line {line}: {' '.join(path)}{': ' if path else ''}{why}")


def _read(scanner: Scanner, around: list[Written]) -> list[str]:
    """Put all statements into the outermost one; the words that no brace or semicolon ends."""
    begun: list[str] = []
    line = 0
    for word in scanner:
        mark = "" if isinstance(word, Quoted) else word
        if isinstance(word, Withheld) and not begun:
            around[-1].left_out = word
        elif mark not in ("{", "}", ";"):
            line = line if begun else scanner.line
            begun.append(word)
        else:
            _end(around, begun, mark, line)
            begun = []
    return begun


def _end(around: list[Written], begun: list[str], mark: str, line: int) -> None:
    """What a brace or semicolon does to the statements that it stands in, the innermost last."""
    if mark == "}":
        _close(around, begun)
    elif begun:
        around[-1].inside.append(_written(begun, line))
        around += around[-1].inside[-1:] if mark == "{" else []
    elif mark == "{" or not any(statement.left_out for statement in around[-1].inside[-1:]):
        # Behind "{ /* OMITTED */ }" a device puts a semicolon.
        raise MalformedReply(f"a statement without a word before {mark!r}")


def _close(around: list[Written], begun: Sequence[str]) -> None:
    if begun:
        raise MalformedReply(f"';' is missing behind the statement {begun[0]!r}")
    if len(around) == 1:
        raise MalformedReply("unbalanced '}'")
    around.pop()


def _written(begun: list[str], line: int) -> Written:
    count = 0
    while (
        count < len(begun) - 1 and begun[count] in _MARKS and not isinstance(begun[count], Quoted)
    ):
        count += 1
    first = begun[count]
    if not isinstance(first, Quoted):
        if first in ("+", "-"):
            raise MalformedReply(A_COMPARISON)
        if count < len(begun) - 1 and _MARK.fullmatch(first):
            raise MalformedReply(f"the mark {first!r} is not known")
    refuse_apostrophes(begun)
    for word in begun[count + 1 : -1]:
        if word in _MARKS and not isinstance(word, Quoted):
            raise MalformedReply(f"{word!r} stands behind {first!r}; it belongs before a statement")
    return Written(begun[count:], frozenset(begun[:count]), line=line)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Words of Junos' two text forms: how text falls into them, and how one is written."""

from __future__ import annotations

import re
from collections.abc import Iterator


class MalformedConfiguration(ValueError):
    """Input that cannot be read as a configuration at all."""


class Unended(MalformedConfiguration):
    """A word in quotes or a comment that nothing ends; ``mark`` is what it begins with."""

    def __init__(self, mark: str, line: int) -> None:
        super().__init__(f"line {line}: syntax error near '{mark}'")
        self.mark = mark
        self.line = line


class Quoted(str):
    """A word that stood in quotes: never a mark, and no keyword where a value may stand."""

    __slots__ = ()


class Comment(str):
    """``/* … */``, with its marks."""

    __slots__ = ()


def bare_comment(text: str) -> str:
    """What a comment says, without its marks."""
    return text.strip().removeprefix("/*").removesuffix("*/").strip()


def comment_of(text: str) -> str:
    """A comment as it is kept and shown; empty for one that says nothing or would not end."""
    bare = bare_comment(text)
    return f"/* {bare} */" if bare and "*/" not in bare else ""


Word = str
"""A word or one of the marks ``{ } ; [ ]``; :class:`Quoted` and :class:`Comment` are told apart."""

_TOKEN = re.compile(
    r"""\s+ | \#[^\n]*
      | (?P<comment>/\*.*?\*/)
      | "(?P<quoted>(?:[^"\\]|\\.)*)"
      | (?P<mark>[{};\[\]])
      | (?!/\*)(?P<word>[^\s{};\[\]"]+(?:\[[^\s{};\[\]"]+\][^\s{};\[\]"]*)*)""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN_LINE = re.compile(r'[^"\[\]{};#\\]*')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_UNQUOTED = re.compile(r"[A-Za-z0-9_./:*+=,%~^!?|<>-]+")
TAGS = frozenset(("replace:", "delete:", "inactive:", "active:", "protect:", "unprotect:"))


def words_of(text: str) -> Iterator[tuple[Word, int]]:
    """The words of curly-brace text, each with its line. Raises Unended."""
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            # What follows may be a secret.
            raise Unended('"' if text[position] == '"' else "/*", line)
        kind, found = match.lastgroup, match[0]
        if kind == "quoted":
            yield Quoted(_unescaped(match["quoted"])), line
        elif kind == "comment":
            yield Comment(found), line
        elif kind is not None:
            yield found, line
        position = match.end()
        line += found.count("\n")


def lines_of(text: str) -> list[str]:
    """Lines; str.splitlines would also break at separators that values may hold."""
    return text.replace("\r\n", "\n").split("\n")


def words_of_line(line: str) -> list[Word]:
    """The words of a CLI line. Raises MalformedConfiguration."""
    if _PLAIN_LINE.fullmatch(line):
        return line.split()
    return [word for word, _ in words_of(line)]


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)


def quote(word: str) -> str:
    """A word as Junos writes it: in quotes where it could be read as anything else."""
    if _UNQUOTED.fullmatch(word) and word not in TAGS and not word.startswith("/*"):
        return word
    return quoted(word)


def quote_value(value: str, *, expression: bool) -> str:
    """A leaf's value: as a word, but for an ``expression``, which is several."""
    several = expression and value.startswith("(") and balanced(value.split(" "))
    return value if several else quote(value)


def quoted(word: str) -> str:
    """A word in quotes."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'


def balanced(words: list[str]) -> bool:
    """True when the words are one parenthesised expression that can be written without quotes."""
    depth = 0
    for place, word in enumerate(words):
        if not re.fullmatch(r"[A-Za-z0-9_./:@*+=,%~^!?|&()<>-]+", word):
            return False
        depth += word.count("(") - word.count(")")
        if depth < 0 or (depth == 0 and place < len(words) - 1):
            return False
    return depth == 0 and bool(words)

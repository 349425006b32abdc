# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reader for what ``show | compare`` prints: the input of ``load patch``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .descent import Descent
from .edit import Edit, LoadError, MalformedConfiguration, Operation
from .read_text import keyed, read_text, say
from .schema import Statement
from .words import lines_of, words_of_line

_HEADING = re.compile(r"\[edit(?: (?P<path>.*))?\]\s*")
_SIGNS = " +-!"
_COLLAPSED = "{ ... }"
_MARKS = ("inactive:", "active:", "protect:", "unprotect:")


def read_patch(root: Statement, text: str) -> tuple[list[Edit], list[LoadError]]:
    """Edits of a difference, in its order; what cannot be understood is reported."""
    edits: list[Edit] = []
    problems: list[LoadError] = []
    for path, lines in _sections(text):
        way = Descent(root, [])
        problem = way.walk(words_of_line(path))
        listed = way.listed
        if way.several or (problem is not None and listed is None):
            problems.append(problem or LoadError("[edit]", "[", "syntax error"))
            continue
        # A heading may end with a list whose entries share braces.
        inner, wrong = _section(way.here if listed is None else keyed(listed), lines)
        problems += wrong
        for edit in inner:
            edit.statement = edit.statement if listed is None else listed
        edits += [_below(way.chain, edit) for edit in inner]
    # What is protected from now on was not while the rest was done, and the other way round.
    edits.sort(key=_turn)
    return edits, problems


def _below(chain: list[Edit], edit: Edit) -> Edit:
    """An edit in the levels that a heading leads through."""
    for level in reversed(chain):
        edit = Edit(level.statement, key=level.key, children=[edit])
    return edit


def _turn(edit: Edit, depth: int = 0) -> int:
    """Of an edit below or above zero when it takes a protection away or gives one.

    What is around takes it away first and gives it last.
    """
    if edit.protect is not None:
        return (_DEEPEST - depth) * (1 if edit.protect else -1)
    return max((_turn(one, depth + 1) for one in edit.children), key=abs, default=0)


_DEEPEST = 1000
"""More levels than a configuration has."""


def _section(statement: Statement, lines: list[str]) -> tuple[list[Edit], list[LoadError]]:
    """What stands under one heading."""
    page = _Page()
    for sign, line in _logical(lines):
        page.line(sign, line)
    inner, wrong = read_text(statement, "\n".join(page.text))
    _unmark(inner)
    # What comes takes the place of what excludes it: that is to go by its own line.
    inner.sort(key=lambda edit: edit.operation is not Operation.DELETE)
    for one in page.named:
        way = Descent(statement, [])
        problem = way.walk(words_of_line(one.words), naming=True)
        if problem is not None or way.last is None:
            wrong.append(problem or LoadError("[edit]", one.words, "syntax error"))
            continue
        way.top[0].operation = Operation.NONE
        way.last.comment = one.comment
        say(way.last, {one.mark})
        inner += way.top
    return inner, wrong


def _unmark(edits: list[Edit]) -> None:
    """What goes, goes with what was said of it: so does its protection."""
    for edit in edits:
        if edit.operation is Operation.DELETE:
            edit.protect, edit.activate = False if edit.protect else None, None
        _unmark(edit.children)


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    path, lines = None, []
    for line in lines_of(text):
        heading = _HEADING.fullmatch(line)
        if heading is None:
            if path is None and line.strip():
                raise MalformedConfiguration("syntax error: a patch begins with [edit ...]")
            lines.append(line)
            continue
        if path is not None:
            yield path, lines
        path, lines = heading["path"] or "", []
    if path is not None:
        yield path, lines


def _logical(lines: list[str]) -> Iterator[tuple[str, str]]:
    """(sign, line), a comment of several lines being one."""
    begun = ""
    for line in filter(str.strip, lines):
        sign, rest = line[0], line[1:].strip()
        if sign not in _SIGNS:
            raise MalformedConfiguration(f"syntax error near '{line[:20]}'")
        begun = f"{begun}\n{rest}" if begun else rest
        if not begun.startswith("/*") or begun.endswith("*/"):
            yield sign, begun
            begun = ""
    if begun:
        yield " ", begun


@dataclass(frozen=True)
class _Named:
    """A statement without what is in it, and what is said of it."""

    words: str
    mark: str
    comment: str | None


class _Page:
    """The lines under a heading: curly-brace text whose statements say what becomes of them."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.named: list[_Named] = []
        self._going = 0
        self._comments: dict[str, str] = {}

    def line(self, sign: str, rest: str) -> None:
        """Take one of them."""
        if rest.startswith("/*"):
            # It is about the next statement, and goes where that goes.
            self._comments[sign] = rest
            return
        if rest.endswith(_COLLAPSED):
            self._name(rest.removesuffix(_COLLAPSED).strip())
        elif sign != "-":
            self.text += [text for of, text in self._comments.items() if of != "-"]
            self.text.append(rest)
        else:
            self._gone(rest)
        self._comments = {}

    def _name(self, words: str) -> None:
        """Of what is not shown only what is said of it can have changed; else it is context."""
        mark = next((one for one in _MARKS if words.startswith(one)), "")
        comment = self._comments.get("+", "" if "-" in self._comments else None)
        if mark or comment is not None:
            self.named.append(_Named(words.removeprefix(mark).strip(), mark, comment))

    def _gone(self, rest: str) -> None:
        opens = rest.endswith("{")
        if self._going:
            # A branch that goes, goes with all that is in it.
            self._going += 1 if opens else -1 if rest == "}" else 0
            return
        self._going = 1 if opens else 0
        words = rest.removesuffix("{").strip()
        self.text.append(f"delete: {words};" if opens else f"delete: {rest}")

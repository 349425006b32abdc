# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reader for what ``show | compare`` prints: the input of ``load patch``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .descent import Descent
from .edit import Edit, LoadError, MalformedConfiguration, Operation, Place
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
    # A branch of which nothing stays for a moment would lose what is said of it.
    said: list[Edit] = []
    problems: list[LoadError] = []
    for path, lines in _sections(text):
        found = _under(root, path, lines)
        problems += found.problems
        edits += found.edits
        said += found.said
    edits += said
    # What is protected from now on was not while the rest was done, and the other way round.
    edits.sort(key=_turn)
    return edits, problems


def _turn(edit: Edit, depth: int = 0) -> int:
    """Of an edit below or above zero when it takes a protection away or gives one.

    What is around takes it away first and gives it last.
    """
    if edit.protect is not None:
        return (_DEEPEST - depth) * (1 if edit.protect else -1)
    return max((_turn(one, depth + 1) for one in edit.children), key=abs, default=0)


_DEEPEST = 1000
"""More levels than a configuration has."""


@dataclass
class _Section:
    """What comes and goes under one heading, and what is said of what is there then."""

    edits: list[Edit]
    said: list[Edit]
    problems: list[LoadError]


def _under(root: Statement, path: str, lines: list[str]) -> _Section:
    """What a heading and the lines under it say of the whole configuration."""
    way = Descent(root, [])
    problem = way.walk(words_of_line(path))
    listed = way.listed
    if way.several or (problem is not None and listed is None):
        return _Section([], [], [problem or LoadError("[edit]", "[", "syntax error")])
    # A heading may end with a list whose entries share braces.
    found = _section(way.here if listed is None else keyed(listed), lines)
    for edit in found.edits + found.said:
        edit.statement = listed or edit.statement
    edits = [_below(way.chain, edit) for edit in found.edits]
    return _Section(edits, [_below(way.chain, edit) for edit in found.said], found.problems)


def _below(chain: list[Edit], edit: Edit) -> Edit:
    """An edit in the levels that a heading leads through."""
    for level in reversed(chain):
        edit = Edit(level.statement, key=level.key, children=[edit])
    return edit


def _section(statement: Statement, lines: list[str]) -> _Section:
    page = _Page()
    for sign, line in _logical(lines):
        page.line(sign, line)
    inner, wrong = read_text(statement, "\n".join(page.text))
    _unmark(inner)
    # What comes takes the place of what excludes it: that is to go by its own line.
    inner.sort(key=lambda edit: edit.operation is not Operation.DELETE)
    found = _Section(inner, [], wrong)
    for one in page.named:
        _name(statement, one, found)
    _place(statement, page.order, found)
    return found


def _name(statement: Statement, one: _Named, found: _Section) -> None:
    way = Descent(statement, [])
    problem = way.walk(words_of_line(one.words), naming=True)
    if problem is not None or way.last is None:
        found.problems.append(problem or LoadError("[edit]", one.words, "syntax error"))
        return
    way.top[0].operation = Operation.NONE
    way.last.comment = one.comment
    say(way.last, {one.mark})
    found.said += way.top


def _place(statement: Statement, lines: list[tuple[str, str]], found: _Section) -> None:
    """Where what is new, or moved, goes in the lists that the user orders: its neighbours say."""
    entries = list(_ordered(statement, lines))
    before: dict[str, tuple[str, Edit]] = {}
    for (sign, edit), after in zip(entries, _behind(entries), strict=True):
        named, neighbour = before.get(edit.statement.name, (" ", None))
        before[edit.statement.name] = (sign, edit)
        if sign == "!" and named == "!":
            # It need not stand right behind the one that moved before it.
            words = " ".join(edit.words)
            found.problems.append(LoadError("[edit]", words, _UNKNOWN_PLACE))
        elif sign != " " and neighbour is not None:
            found.edits.append(_put(edit, Place(False, neighbour.key)))
        elif sign == "!" or (sign == "+" and after is not None):
            found.edits.append(_put(edit, Place(True, after.key if after else None)))


_UNKNOWN_PLACE = "its new place is not in the patch; use insert"


def _behind(entries: list[tuple[str, Edit]]) -> list[Edit | None]:
    """Of each entry the first behind it in its list that was there already."""
    there: dict[str, Edit] = {}
    found: list[Edit | None] = []
    for sign, edit in reversed(entries):
        found.append(there.get(edit.statement.name))
        if sign == " ":
            there[edit.statement.name] = edit
    return found[::-1]


def _put(edit: Edit, place: Place) -> Edit:
    return Edit(edit.statement, edit.key, operation=Operation.NONE, place=place)


def _ordered(statement: Statement, lines: list[tuple[str, str]]) -> Iterator[tuple[str, Edit]]:
    """The entries of such lists, each behind its sign."""
    for sign, words in lines:
        way = Descent(statement, [])
        way.walk(words_of_line(words), naming=True)
        for edit in way.top:
            if edit.statement.user_ordered and edit.key is not None:
                yield sign, edit


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
    begun, indent = "", None
    for line in filter(str.strip, lines):
        sign, rest = line[0], line[1:].rstrip()
        if sign not in _SIGNS:
            raise MalformedConfiguration(f"syntax error near '{line[:20]}'")
        if indent is None:
            indent = len(rest) - len(rest.lstrip())
        # A patch stands further right as a whole; what else is before it is the comment's own.
        further = rest.lstrip() if rest[:indent].strip() else rest[indent:]
        begun = f"{begun}\n{further}" if begun else rest.lstrip()
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


def _mark_of(words: str) -> tuple[str, str]:
    """What is said of a statement, and its words."""
    mark = next((one for one in _MARKS if words.startswith(one)), "")
    return mark, words.removeprefix(mark).strip()


class _Page:
    """The lines under a heading: curly-brace text whose statements say what becomes of them."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.named: list[_Named] = []
        self.order: list[tuple[str, str]] = []
        """What stays or comes at this level, in its order: (sign, words)."""
        self._going = self._coming = 0
        self._comments: dict[str, str] = {}

    def line(self, sign: str, rest: str) -> None:
        """Take one of them."""
        if rest.startswith("/*"):
            # It is about the next statement, and goes where that goes.
            self._comments[sign] = rest
            return
        if rest.endswith(_COLLAPSED):
            self._name(sign, rest.removesuffix(_COLLAPSED).strip())
        elif sign != "-":
            self.text += [text for of, text in self._comments.items() if of != "-"]
            self.text.append(rest)
            self._comes(sign, rest)
        else:
            self._gone(rest)
        self._comments = {}

    def _name(self, sign: str, words: str) -> None:
        """Of what is not shown only what is said of it can have changed; else it is context."""
        mark, name = _mark_of(words)
        comment = self._comments.get("+", "" if "-" in self._comments else None)
        if (mark and sign == "!") or comment is not None:
            self.named.append(_Named(name, mark, comment))
        else:
            self.order.append((sign, name))

    def _comes(self, sign: str, rest: str) -> None:
        if not self._coming and sign == "+":
            self.order.append((sign, _mark_of(rest.rstrip("{; "))[1]))
        self._coming += 1 if rest.endswith("{") else -1 if rest == "}" else 0

    def _gone(self, rest: str) -> None:
        opens = rest.endswith("{")
        if self._going:
            # A branch that goes, goes with all that is in it.
            self._going += 1 if opens else -1 if rest == "}" else 0
            return
        self._going = 1 if opens else 0
        words = rest.removesuffix("{").strip()
        self.text.append(f"delete: {words};" if opens else f"delete: {rest}")

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reader for curly-brace text."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

from .descent import Descent
from .edit import Edit, LoadError, Operation, edit_path, joined, remark
from .schema import Kind, Statement
from .words import (
    TAGS,
    Comment,
    MalformedConfiguration,
    Quoted,
    Unended,
    Word,
    comment_of,
    words_of,
)

_DEEPEST = 64


def read_text(root: Statement, text: str) -> tuple[list[Edit], list[LoadError]]:
    """Edits of curly-brace text; what cannot be understood is reported with its place."""
    reader = _Reader(text)
    edits = reader.block(root, [], 0)
    while reader.place < len(reader.words):
        # One brace too many; what follows stands at the top again.
        reader.surplus()
        edits += reader.block(root, [], 0)
    return edits, reader.problems


@dataclass
class _Opening:
    """What stands before ``{`` or ``;``: tags, a comment, words.

    ``odd`` is a tag that says something else about what an earlier one said, or the same again.
    """

    tags: set[str] = field(default_factory=set)
    odd: str | None = None
    comment: str | None = None
    words: list[Word] = field(default_factory=list)
    line: int = 0

    def say(self, tag: str) -> None:
        """Take a tag."""
        if any(tag in about and self.tags & about for about in _ABOUT):
            self.odd = self.odd or tag
        self.tags.add(tag)


_ABOUT = (
    {"replace:", "delete:"},
    {"active:", "inactive:"},
    {"protect:", "unprotect:"},
)
"""Tags about one thing, of which a statement has one."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.words: list[Word] = []
        self.lines: list[int] = []
        self.place = 0
        self.problems: list[LoadError] = []
        self.comment: str | None = None
        """Of a block that holds nothing else."""
        try:
            for word, line in words_of(text):
                self.words.append(word)
                self.lines.append(line)
        except Unended as end:
            # It reaches to the end of the text: what stands before it is all that there is.
            self.problems.append(LoadError("[edit]", end.mark, "syntax error", line=end.line))

    def surplus(self) -> None:
        """Object to a closing brace that closes nothing."""
        where = self.lines[self.place]
        self.problems.append(LoadError("[edit]", "}", "syntax error", line=where))
        self.place += 1

    def _at(self, mark: str) -> bool:
        word = self.words[self.place]
        return word == mark and not isinstance(word, Quoted)

    def block(self, statement: Statement, path: list[str], depth: int) -> list[Edit]:
        """The statements up to the closing brace or the end."""
        edits: list[Edit] = []
        while self.place < len(self.words) and not self._at("}"):
            opening = self._opening()
            if self.place >= len(self.words) or self._at("}"):
                unended = [*opening.words, *sorted(opening.tags)]
                if unended:
                    self._object(path, opening, str(unended[0]))
                self.comment = remark(edits, opening.comment)
                break
            edits += self._statement(statement, path, opening, depth)
        return edits

    def _object(self, path: list[str], opening: _Opening, word: str) -> None:
        self.problems.append(LoadError(edit_path(path), word, "syntax error", line=opening.line))

    def _opening(self) -> _Opening:
        opening = _Opening(line=self.lines[self.place])
        comments: list[str | None] = []
        while self.place < len(self.words):
            word = self.words[self.place]
            plain = not isinstance(word, Quoted)
            if isinstance(word, Comment):
                comments.append(comment_of(word) or None)
            elif plain and word in ("{", "}", ";"):
                break
            elif plain and not opening.words and word in TAGS:
                opening.say(word)
            else:
                opening.words.append(word)
            self.place += 1
        opening.comment = joined(*comments)
        return opening

    def _statement(
        self, statement: Statement, path: list[str], opening: _Opening, depth: int
    ) -> list[Edit]:
        descent = Descent(statement, path, opening.line)
        opens = self._at("{")
        if not opening.words and not opens and not opening.tags:
            # A lone semicolon.
            self.place += 1
            return []
        problem = _walked(descent, opening, opens=opens)
        if opens:
            return self._branch(descent, problem, opening, depth)
        self.place += 1
        if problem is not None:
            self.problems.append(problem)
            return []
        self._tag(descent, opening)
        return descent.top

    def _branch(
        self, descent: Descent, problem: LoadError | None, opening: _Opening, depth: int
    ) -> list[Edit]:
        if depth >= _DEEPEST:
            raise MalformedConfiguration(f"line {opening.line}: syntax error: nested too deeply")
        listed = descent.listed
        if listed is not None and opening.words:
            return self._list(descent, listed, opening, depth)
        if problem is not None or not descent.chain or descent.last is not descent.chain[-1]:
            word = str(opening.words[0]) if opening.words else "{"
            self.problems.append(
                problem
                or LoadError(edit_path(descent.path), word, "syntax error", line=opening.line)
            )
            self._skip()
            return []
        self.place += 1
        descent.chain[-1].children += self.block(descent.here, descent.words, depth + 1)
        self._close(descent.words, opening)
        self._take_comment(opening)
        self._tag(descent, opening)
        return descent.top

    def _list(
        self, descent: Descent, listed: Statement, opening: _Opening, depth: int
    ) -> list[Edit]:
        """``name { key; key { … } }``: statements that begin with the list's key."""
        if descent.last is not None and descent.last.statement is listed and not descent.last.key:
            # What ``delete:`` named is the list itself.
            home = descent.chain[-1].children if descent.chain else descent.top
            home.pop()
        self.place += 1
        entries = self.block(keyed(listed), [*descent.words, listed.shown], depth + 1)
        self._close(descent.words, opening)
        self._take_comment(opening)
        for entry in entries:
            entry.statement = listed
        # A list has no comment of its own: it goes to the first of what its braces hold.
        for first in (descent.top if descent.chain else entries)[:1]:
            first.comment = joined(opening.comment, first.comment)
        if "replace:" in opening.tags:
            entries.insert(0, Edit(listed, operation=Operation.REPLACE, line=opening.line))
        for entry in entries:
            say(entry, opening.tags - {"replace:"})
        (descent.chain[-1].children if descent.chain else descent.top).extend(entries)
        return descent.top

    def _take_comment(self, opening: _Opening) -> None:
        """What stood alone in a block is about the block."""
        opening.comment = joined(opening.comment, self.comment)
        self.comment = None

    def _close(self, path: list[str], opening: _Opening) -> None:
        if self.place >= len(self.words):
            self._object(path, opening, "}")
        else:
            self.place += 1

    def _tag(self, descent: Descent, opening: _Opening) -> None:
        last = descent.last
        if last is None:
            return
        say(_tagged(descent, last), opening.tags)
        if opening.comment is not None:
            _opened(descent).comment = opening.comment

    def _skip(self) -> None:
        """Past the block that begins here."""
        depth = 0
        while self.place < len(self.words):
            depth += self._at("{") - self._at("}")
            self.place += 1
            if depth == 0:
                return


def _walked(descent: Descent, opening: _Opening, *, opens: bool) -> LoadError | None:
    """Take in the words that a statement opens with; what is wrong with them."""
    problem = descent.walk(opening.words, naming="delete:" in opening.tags)
    odd = _odd(descent, opening, opens=opens, sound=problem is None)
    if odd is None:
        return problem
    descent.listed = None
    return LoadError(edit_path(descent.path), odd, "syntax error", line=opening.line)


def _opened(descent: Descent) -> Edit:
    """What a line opens: ``family inet`` is about inet."""
    opened = descent.top[0]
    return opened.children[0] if opened.statement.has_no_braces and opened.children else opened


def _odd(descent: Descent, opening: _Opening, *, opens: bool, sound: bool) -> str | None:
    """A mark that cannot be where it is; None when all can. ``sound``: the words mean something."""
    if opening.odd is not None:
        return opening.odd
    if descent.several and (opens or opening.tags):
        # What is said of several entries at once is said of none.
        return "["
    tags = sorted(opening.tags)
    return tags[0] if tags and sound and not _is_about_one(descent, opens=opens) else None


def _is_about_one(descent: Descent, *, opens: bool) -> bool:
    """Whether a tag in front of a line is about all that the line names.

    So it is where text has these words on one line. ``system host-name x`` stands in braces: of
    whether ``system`` goes or its host name nobody could be sure.
    """
    opened = _opened(descent) if descent.top else None
    if opened is None or descent.last is opened or not opened.statement.is_branch:
        return opened is not None
    statement = opened.statement
    return not opens and (statement.oneliner or statement.terse)


def _tagged(descent: Descent, last: Edit) -> Edit:
    """The statement that a tag in front of a line is about: the branch that the line opens."""
    opened = _opened(descent)
    return opened if opened is not descent.top[0] or opened.statement.is_branch else last


def say(edit: Edit, tags: set[str]) -> None:
    """Put into an edit what tags say."""
    if "delete:" in tags:
        edit.operation = Operation.DELETE
    elif "replace:" in tags:
        edit.operation = Operation.REPLACE
    if "inactive:" in tags:
        edit.activate = False
    elif "active:" in tags:
        edit.activate = True
    if "protect:" in tags:
        edit.protect = True
    elif "unprotect:" in tags:
        edit.protect = False


@cache
def keyed(listed: Statement) -> Statement:
    """A place in which entries of the list alone stand, each beginning with its key."""
    entry = replace(listed, spelled=False)
    return Statement(listed.name, Kind.CONTAINER, below=lambda: (entry,))

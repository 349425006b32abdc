# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reader for CLI lines: ``set``, ``delete`` and the other commands that edit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .descent import Descent, levels
from .edit import Edit, LoadError, Operation, Place
from .replacing import NoPattern, replacement
from .schema import KEY_SEPARATOR, Kind, Statement
from .words import MalformedConfiguration, Word, comment_of, lines_of, words_of_line

Found = Edit | LoadError
COMMANDS = frozenset(
    (
        *("set", "delete", "activate", "deactivate", "protect", "unprotect", "annotate"),
        *("rename", "copy", "insert", "wildcard", "replace", "edit", "up", "top", "exit", "quit"),
    )
)
"""What a line may begin with."""


def read_set(root: Statement, text: str) -> Iterator[Found]:
    """Edits of CLI lines, a chain for each; a line that cannot be understood is a LoadError.

    ``edit``, ``up``, ``top`` and ``exit`` move through the hierarchy as they do in the CLI.
    """
    reader = _Lines(root)
    for number, line in enumerate(lines_of(text), start=1):
        try:
            yield from reader.line(_words_of(line), number)
        except MalformedConfiguration:
            # Behind a quote that nothing ends there may be a secret.
            shown = line.partition('"')[0].strip()[:40]
            yield LoadError("[edit]", shown, "syntax error", line=number)


def _words_of(line: str) -> list[Word]:
    # A wildcard's brackets are not lists, and an expression's backslashes are its own.
    words = line.split()
    if words[:1] == ["wildcard"]:
        return list(words)
    if _REPLACE.match(line):
        return [quoted or bare for quoted, bare in _EXPRESSIONS.findall(line)]
    return words_of_line(line)


_REPLACE = re.compile(r"\s*((top|up(\s+[0-9]+)?|exit|quit)\s+)?replace\s")
_EXPRESSIONS = re.compile(r'"([^"]*)"|([^\s"]+)')


class _Refused(Exception):
    def __init__(self, problem: LoadError) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Lines:
    """Where the CLI stands, and what a line does from there."""

    def __init__(self, root: Statement) -> None:
        self.root = root
        self.here: list[Edit] = []
        self._left: list[list[Edit]] = []
        self._verb = ""
        self._verbs: dict[str, Callable[[list[Edit], list[Word], int], Edit]] = {
            "delete": self._delete,
            "activate": self._mark,
            "deactivate": self._mark,
            "protect": self._mark,
            "unprotect": self._mark,
            "annotate": self._annotate,
            "rename": self._rename,
            "copy": self._copy,
            "insert": self._insert,
            "wildcard": self._wildcard,
        }

    def line(self, words: list[Word], number: int) -> Iterator[Found]:
        """What one line asks for."""
        level, words = self._moved(words)
        if not words:
            self._go(level)
            return
        self._verb = str(words[0])
        try:
            for above, edit in self._edits(level, words[1:], number):
                yield _wrapped(above, edit)
        except _Refused as refused:
            yield refused.problem

    def _edits(
        self, level: list[Edit], words: list[Word], number: int
    ) -> Iterator[tuple[list[Edit], Edit]]:
        """(levels, edit below them) of a command."""
        if self._verb == "edit":
            there = self._levels(level, words)
            self._go(level)
            self._left.append(level)
            self.here = there
        elif self._verb == "set":
            for edit in self._descend(level, words, number, naming=False).top:
                yield level, edit
        elif self._verb == "replace":
            yield level[:-1], self._replace(level, words, number)
        elif self._verb in self._verbs:
            yield level, self._verbs[self._verb](level, words, number)
        else:
            self._refuse(self._verb, "unknown command.", number)

    def _moved(self, words: list[Word]) -> tuple[list[Edit], list[Word]]:
        """A command after "top" or "up" is carried out there, and leads nowhere but for "edit"."""
        level = self.here
        if words and words[0] == "top":
            return [], words[1:]
        if words and words[0] in ("exit", "quit"):
            # Back to where the last "edit" came from, which may be several levels up.
            return (self._left[-1] if self._left else []), words[1:]
        if words and words[0] == "up":
            count = 1
            if len(words) > 1 and re.fullmatch("[0-9]{1,3}", words[1]):
                count, words = int(words[1]), words[1:]
            return level[: max(0, len(level) - count)], words[1:]
        return level, words

    def _go(self, level: list[Edit]) -> None:
        """Stand on a level above, or the same; "edit" that led from there or below is undone."""
        self.here = level
        self._left = [left for left in self._left if len(left) < len(level)]

    def _start(self, level: list[Edit]) -> Statement:
        return level[-1].statement if level else self.root

    def _levels(self, level: list[Edit], words: list[Word]) -> list[Edit]:
        found = levels(self._start(level), words)
        if isinstance(found, LoadError):
            raise _Refused(found)
        return [*level, *found]

    def _descend(
        self, level: list[Edit], words: list[Word], number: int, *, naming: bool
    ) -> Descent:
        descent = Descent(self._start(level), _words(level), number)
        problem = descent.walk(words, naming=naming)
        if problem is not None:
            raise _Refused(problem)
        if descent.last is None:
            self._refuse(self._verb, "missing argument.", number)
        return descent

    def _refuse(self, word: str, message: str, number: int) -> None:
        raise _Refused(LoadError("[edit]", word, message, line=number))

    def _named(self, level: list[Edit], words: list[Word], number: int) -> tuple[Edit, Edit]:
        """(the first, the last) statement of words that name what is there already."""
        descent = self._descend(level, words, number, naming=True)
        descent.top[0].operation = Operation.NONE  # the way down must not create what it passes
        assert descent.last is not None
        return descent.top[0], descent.last

    def _delete(self, level: list[Edit], words: list[Word], number: int) -> Edit:
        if not words:
            # "delete" alone empties the level; it has nothing to name.
            self._refuse("delete", "missing argument.", number)
        first, last = self._named(level, words, number)
        last.operation = Operation.DELETE
        return first

    def _mark(self, level: list[Edit], words: list[Word], number: int) -> Edit:
        first, last = self._named(level, words, number)
        if self._verb.endswith("activate"):
            last.activate = self._verb == "activate"
        else:
            last.protect = self._verb == "protect"
        if last.protect and _is_whole(last):
            # What is not there is made, and protected then.
            first.operation = None
        return first

    def _annotate(self, level: list[Edit], words: list[Word], number: int) -> Edit:
        if len(words) < 2:
            self._refuse("annotate", "missing argument.", number)
        first, last = self._named(level, words[:-1], number)
        text = str(words[-1])
        if "*/" in text.removesuffix("*/"):
            self._refuse("*/", "syntax error", number)
        last.comment = comment_of(text)
        return first

    def _entry(self, level: list[Edit], words: list[Word], number: int) -> tuple[Edit, Edit]:
        first, last = self._named(level, words, number)
        if last.statement.kind is not Kind.LIST or last.key is None:
            self._refuse(str(words[-1]) if words else self._verb, "syntax error", number)
        return first, last

    def _split(self, words: list[Word], marks: tuple[str, ...], number: int) -> int:
        for place in range(len(words) - 1, 0, -1):
            if words[place] in marks:
                return place
        self._refuse(self._verb, "missing argument.", number)
        return 0

    def _rename(self, level: list[Edit], words: list[Word], number: int) -> Edit:
        first, last, new = self._to(level, words, number)
        last.rename = new
        return first

    def _copy(self, level: list[Edit], words: list[Word], number: int) -> Edit:
        first, last, new = self._to(level, words, number)
        last.copy = new
        return first

    def _to(self, level: list[Edit], words: list[Word], number: int) -> tuple[Edit, Edit, str]:
        place = self._split(words, ("to",), number)
        first, last = self._entry(level, words[:place], number)
        new = [str(word) for word in words[place + 1 :]]
        if new and last.statement.spelled and new[0] == last.statement.shown:
            new = new[1:]
        return first, last, self._key(last.statement, new, number)

    def _key(self, statement: Statement, words: list[str], number: int) -> str:
        """The keys of an entry that is named by what differs: its keys, with or without words."""
        keys = [
            word for word in words if word not in {key.word for key in statement.keys if key.word}
        ]
        if len(keys) != len(statement.keys):
            self._refuse(self._verb, "missing argument.", number)
        return KEY_SEPARATOR.join(keys)

    def _insert(self, level: list[Edit], words: list[Word], number: int) -> Edit:
        place = self._split(words, ("before", "after"), number)
        first, last = self._named(level, words[:place], number)
        listed = last.statement.kind is Kind.LIST and last.key is not None
        if not (listed or (last.statement.kind is Kind.LEAF_LIST and last.values)):
            self._refuse(str(words[0]), "syntax error", number)
        if not last.statement.user_ordered:
            self._refuse(last.statement.shown, "insert: statement is not ordered by user", number)
        reference = [str(word) for word in words[place + 1 :]]
        if len(reference) > 1 and reference[0] == last.statement.shown:
            reference = reference[1:]
        key = self._key(last.statement, reference, number) if listed else " ".join(reference)
        last.place = Place(words[place] == "before", key)
        return first

    def _wildcard(self, level: list[Edit], words: list[Word], number: int) -> Edit:
        if len(words) < 2 or words[0] != "delete":
            self._refuse("wildcard", "syntax error", number)
        first, last = self._entry(level, words[1:], number)
        last.operation, last.pattern = Operation.DELETE, True
        return first

    def _replace(self, level: list[Edit], words: list[Word], number: int) -> Edit:
        """Of the level at which the CLI stands."""
        said = [str(word) for word in words]
        if said[::2] not in (["pattern", "with"], ["pattern", "with", "upto"]) or len(said) % 2:
            raise _Refused(LoadError("[edit]", "replace", "syntax error", line=number))
        try:
            asked = replacement(said[1], said[3], said[5] if len(said) > 4 else "0")
        except NoPattern as refusal:
            raise _Refused(LoadError("[edit]", said[1], str(refusal), line=number)) from None
        edit = Edit(self._start(level), operation=Operation.NONE, replacement=asked, line=number)
        edit.key = level[-1].key if level else None
        return edit


def _is_whole(edit: Edit) -> bool:
    """Whether a name alone makes the statement: that of an entry, say, and not that of a leaf."""
    match edit.statement.kind:
        case Kind.LIST:
            return edit.key is not None
        case Kind.CONTAINER:
            return edit.statement.presence
    return edit.statement.kind is Kind.EMPTY


def _words(level: list[Edit]) -> list[str]:
    return [word for edit in level for word in edit.words]


def _wrapped(level: list[Edit], edit: Edit) -> Edit:
    """``edit`` below the levels at which the CLI stands."""
    for step in reversed(level):
        edit = Edit(
            step.statement, key=step.key, children=[edit], operation=edit.operation, line=edit.line
        )
    return edit

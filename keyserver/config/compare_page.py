# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page that ``show | compare`` prints: headings, signs, columns; :mod:`compare` fills it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .schema import Statement
from .show_text import item_text, shared_braces
from .tree import Item
from .words import quote

_MARK = "!"
_LEAF, _BRANCH, _MARKED = 1, 2, 3
"""Columns behind the levels of the path: of a leaf, a branch, a branch whose mark changed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a difference is: the words of the way, and how many statements they are.

    ``bare``: in the braces that the entries of a list share; ``repeated``: the word of a
    container that puts it before each of its statements and has no braces of its own.
    """

    words: tuple[str, ...] = ()
    levels: int = 0
    bare: bool = False
    repeated: str = ""

    def below(self, item: Item) -> Place:
        if self.bare:
            return Place((*self.words, *item.key_words), self.levels + 1)
        if self.repeated:
            return Place((*self.words, self.repeated, *item.words), self.levels + 1)
        return Place((*self.words, *item.words), self.levels + 1)

    def shared(self, statement: Statement) -> Place:
        """In the braces of a list."""
        return Place((*self.words, statement.shown), self.levels, bare=True)

    def repeating(self, statement: Statement) -> Place:
        """In a container without braces."""
        return Place(self.words, self.levels + 1, repeated=statement.shown)

    def lines(self, item: Item) -> Iterator[str]:
        """One statement as it stands here."""
        lead = f"{self.repeated} " if self.repeated else ""
        return item_text(item, bare=self.bare, repeated=lead)

    def name(self, item: Item) -> str:
        """The words with which one statement opens here."""
        words = item.key_words if self.bare else item.words
        return " ".join(map(quote, [self.repeated, *words] if self.repeated else words))

    @property
    def heading(self) -> str:
        return f"[edit {' '.join(map(quote, self.words))}]" if self.words else "[edit]"


@dataclass
class Page:
    """The lines so far, and what the last heading stands for.

    ``run``: the sign of what has come or gone last, while nothing stands behind it that stays.
    ``lead``: what is shown first of statements that exclude each other, when one comes for another.
    """

    lines: list[str] = field(default_factory=list)
    under: tuple[str, ...] | None = None
    indent: str = ""
    run: str = ""
    lead: Statement | None = None

    def put(self, sign: str, place: Place, item: Item) -> None:
        """One statement with all that is in it."""
        self._head(place, item.statement)
        self._signed(sign, place.lines(item))
        self.run = sign

    def whole(self, sign: str, place: Place, statement: Statement, entries: list[Item]) -> None:
        """A list with the braces that its entries share."""
        self._head(place)
        self._signed(sign, shared_braces(statement, entries))
        self.run = sign

    @contextmanager
    def listed(self, place: Place, sign: str) -> Iterator[None]:
        """The entries of a list; ``sign``: all of them come, or go."""
        if self.under == place.words and sign and sign == self.run:
            yield
            return
        self.leave()
        yield
        self.leave()

    def name(self, sign: str, place: Place, item: Item) -> None:
        """One statement without what is in it."""
        self._head(place, item.statement)
        self.lines.append(f"{sign}{self.indent}{place.name(item)} {{ ... }}")

    def mark(self, place: Place, item: Item, mark: str) -> None:
        """What is said of a statement now (``inactive:``), under a heading for that alone."""
        if self.under != (*place.words, _MARK):
            self.lines.append(place.heading)
            self.under = (*place.words, _MARK)
        indent = " " * (place.levels + _MARKED)
        self.lines.append(f"{_MARK}{indent}{mark} {place.name(item)} {{ ... }}")

    def context(self, place: Place, item: Item) -> None:
        """A neighbour of what is new, once where it is on both sides."""
        self._head(place, item.statement)
        mark = "inactive: " if item.inactive else ""
        line = f" {self.indent}{mark}{place.name(item)} {{ ... }}"
        if self.lines[-1] != line:
            self.lines.append(line)

    def say(self, sign: str, place: Place, item: Item, text: str) -> None:
        """A comment that comes or goes."""
        self._head(place, item.statement)
        self._signed(sign, [text])

    def _signed(self, sign: str, lines: Iterable[str]) -> None:
        """A comment has several lines, each with its sign."""
        for line in lines:
            self.lines += [f"{sign}{self.indent}{one}" for one in line.split("\n")]

    def passed(self, place: Place, statement: Statement) -> None:
        """A statement that does not differ stands between what does."""
        self.run = ""
        if statement.is_branch and not place.repeated:
            self.leave()

    def leave(self) -> None:
        """What follows is said under a heading of its own."""
        self.under = None

    def _head(self, place: Place, statement: Statement | None = None) -> None:
        if self.under == place.words:
            return
        first = self.lead or statement
        columns = _BRANCH if first is not None and first.is_branch else _LEAF
        self.lines.append(place.heading)
        self.under, self.indent = place.words, " " * (place.levels + columns)

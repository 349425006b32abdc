# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""POSIX extended expressions that are looked for in a time that grows with the text alone.

Python's own go back and try again: ``a*a*b`` takes 20 s for 2,000 letters, and meanwhile nothing
else is done in the process. Here all ways to match are followed at once, letter by letter; what a
set of places in the expression becomes with a letter is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .values import posix

_LONGEST = 250
_MOST_PLACES = 500
"""Of an expression in which each repetition is written out as often as it may be."""
_REMEMBERED = 20_000
_ATOM = re.compile(
    r"\[\^?\]?(?:\\.|[^\]\\])*\]|\\[dDsSwWtnrfv]|\\[^A-Za-z0-9]|[^\\|()*+?]", re.DOTALL
)
_CHOICE = re.compile(r"[*+?{|(]")
_TIMES = re.compile(r"[*+?]|\{\d+(?:,\d*)?\}")


class NoExpression(ValueError):
    """An expression that cannot be read, or is too long."""


@dataclass(slots=True, eq=False)
class _Place:
    """A place in an expression, and those behind it.

    ``takes``: what a letter must be to go on from here; None: nothing is needed. ``anchor``: goes
    on only at the start or the end of the text.
    """

    after: list[_Place] = field(default_factory=list)
    takes: Callable[[str], object] | None = None
    anchor: str = ""


_Part = Callable[[_Place], _Place]
"""A part of an expression: given what comes behind it, where it begins."""


class _Reader:
    """Reads an expression that Python, too, can read."""

    def __init__(self, pattern: str) -> None:
        self._pattern, self._at, self._places = pattern, 0, 0

    def whole(self) -> _Part:
        """All of the expression."""
        part = self._alternatives()
        if self._next():
            raise NoExpression(f"not understood at position {self._at}")
        return part

    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _place(self, *after: _Place) -> _Place:
        self._places += 1
        if self._places > _MOST_PLACES:
            raise NoExpression("too many repetitions")
        return _Place(list(after))

    def _alternatives(self) -> _Part:
        parts = [self._sequence()]
        while self._next() == "|":
            self._at += 1
            parts.append(self._sequence())
        return lambda after: self._place(*(part(after) for part in parts))

    def _sequence(self) -> _Part:
        parts: list[_Part] = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom()))

        def begin(after: _Place) -> _Place:
            for part in reversed(parts):
                after = part(after)
            return after

        return begin

    def _repeated(self, part: _Part) -> _Part:
        while times := _TIMES.match(self._pattern, self._at):
            self._at = times.end()
            part = self._times(part, *_bounds(times[0]))
        return part

    def _times(self, part: _Part, least: int, most: int | None) -> _Part:
        def begin(after: _Place) -> _Place:
            here = after
            if most is None:
                here = self._place(after)
                here.after.append(part(here))
            for _ in range(0 if most is None else most - least):
                here = self._place(after, part(here))
            for _ in range(least):
                here = part(here)
            return here

        return begin

    def _atom(self) -> _Part:
        found = _ATOM.match(self._pattern, self._at)
        if found is not None:
            self._at = found.end()
            return self._single(found[0])
        if self._next() != "(":
            raise NoExpression(f"not understood at position {self._at}")
        self._at += 1
        part = self._alternatives()
        self._at += 1
        return part

    def _single(self, atom: str) -> _Part:
        anchor = atom if atom in ("^", "$") else ""
        takes = re.compile(atom, re.IGNORECASE).fullmatch

        def begin(after: _Place) -> _Place:
            place = self._place(after)
            place.anchor, place.takes = anchor, None if anchor else takes
            return place

        return begin


def _bounds(times: str) -> tuple[int, int | None]:
    if times in "*+?":
        return int(times == "+"), 1 if times == "?" else None
    least, comma, most = times[1:-1].partition(",")
    return int(least), int(most or 0) if most else None if comma else int(least)


class _State:
    """All places that are reached at once, and what they become with a letter."""

    __slots__ = ("at_end", "found", "next", "places")

    def __init__(self, places: frozenset[_Place], *, found: bool, at_end: bool) -> None:
        self.places, self.found, self.at_end = places, found, at_end
        self.next: dict[str, _State] = {}


class Expression:
    """An expression without regard to letters' case. Raises NoExpression."""

    def __init__(self, pattern: str) -> None:
        if not 0 < len(pattern) <= _LONGEST:
            raise NoExpression("too long" if pattern else "empty")
        try:
            read = posix(pattern).pattern
        except (re.error, OverflowError, RecursionError) as error:
            raise NoExpression(str(error)) from None
        self._last = _Place()
        self._first = _Reader(read).whole()(self._last)
        self._forget()

        # Without a choice Python has nothing to go back to, and is faster.
        self._plain = None if _CHOICE.search(read) else re.compile(read, re.IGNORECASE)

    def _forget(self) -> None:
        self._states: dict[tuple[frozenset[_Place], str], _State] = {}
        self._known = 0

    def found_in(self, text: str) -> bool:
        """Whether it matches somewhere in a text."""
        if self._plain is not None:
            return self._plain.search(text) is not None
        state = self._state([self._first], "^")
        for letter in text:
            if state.found:
                return True
            state = state.next.get(letter) or self._step(state, letter)
        return state.found or state.at_end

    def _step(self, state: _State, letter: str) -> _State:
        taken = (place for place in state.places if place.takes is not None and place.takes(letter))
        following = self._state([self._first, *(one for place in taken for one in place.after)], "")
        self._known += 1
        if self._known > _REMEMBERED:
            self._forget()
        state.next[letter] = following
        return following

    def _state(self, places: Iterable[_Place], anchors: str) -> _State:
        reached = self._reached(places, anchors)
        state = self._states.get((reached, anchors))
        if state is None:
            at_end = self._last in self._reached(reached, anchors + "$")
            state = _State(reached, found=self._last in reached, at_end=at_end)
            self._states[reached, anchors] = state
        return state

    def _reached(self, places: Iterable[_Place], anchors: str) -> frozenset[_Place]:
        """The places themselves, and those that can be reached without a letter."""
        waiting, found = list(places), set(places)
        while waiting:
            place = waiting.pop()
            if place.takes is not None or (place.anchor and place.anchor not in anchors):
                continue
            new = [one for one in place.after if one not in found]
            found.update(new)
            waiting += new
        return frozenset(found)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Long pieces of a request, handed to whoever drives it.

Answering a request is a generator of :class:`Work`: what takes long is yielded as a function that
touches the configuration database alone, and its result is sent back in. A server runs it
beside its event loop, a test at once; the answer is the same. Where nothing is done for a while, a
:class:`Wait` is yielded: a server lets that time pass, a test goes on as if it had.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from lxml import etree

T = TypeVar("T")
C = TypeVar("C")

LIGHT = 20_000
"""Octets of input or configuration that are dealt with within a few milliseconds."""


@dataclass(frozen=True)
class Work:
    """A function to call, and how much it has to deal with, in octets.

    ``bare``: it has no elements, which others must not parse beside (:mod:`..config.parsing`).
    """

    run: Callable[[], Any]
    weight: int
    bare: bool = False

    @property
    def light(self) -> bool:
        """True when it may be called in the event loop itself."""
        return self.weight <= LIGHT


@dataclass(frozen=True)
class Wait:
    """Seconds of the device's clock that are to pass; so many are sent back in."""

    seconds: float

    def run(self) -> float:
        """As if they had passed."""
        return self.seconds


Steps = Generator[Work | Wait, Any, T]


def handed(function: Callable[[C], T], content: C) -> Callable[[], T]:
    """The call of a function that has the content to itself.

    What is large takes a while to be let go of, too: it is done where the function is.
    """
    held = [content]
    return lambda: function(held.pop())


def weight_of(content: Iterable[etree._Element | str]) -> int:
    """About how many octets a reply has; it need only be right about light or heavy."""
    octets = 0
    for part in content:
        octets += len(part) if isinstance(part, str) else 0
        for element in () if isinstance(part, str) else part.iter():
            octets += 50 + len(element.text or "")
            if octets > LIGHT:
                return octets
    return octets


def run(steps: Steps[T]) -> T:
    """Do all the work here and now; what the generator returns."""
    result: Any = None
    failure: BaseException | None = None
    while True:
        try:
            work = steps.send(result) if failure is None else steps.throw(failure)
        except StopIteration as end:
            value: T = end.value
            return value
        result, failure = None, None
        try:
            result = work.run()
        except Exception as error:
            failure = error

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Long pieces of a request, handed to whoever drives it.

Answering a request is a generator of :class:`Work`: what takes long is yielded as a function that
touches the configuration database alone, and its result is sent back in. A server runs it
beside its event loop, a test at once; the answer is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

LIGHT = 20_000
"""Octets of input or configuration that are dealt with within a few milliseconds."""


@dataclass(frozen=True)
class Work:
    """A function to call, and how much it has to deal with, in octets."""

    run: Callable[[], Any]
    weight: int

    @property
    def light(self) -> bool:
        """True when it may be called in the event loop itself."""
        return self.weight <= LIGHT


Steps = Generator[Work, Any, T]


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

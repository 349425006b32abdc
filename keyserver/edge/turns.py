# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose request is next: one at a time for each device, and long work beside the event loop.

Everything that a device's requests share is its configuration database. While a worker deals with
it for one request, the others of the same device wait; those of other devices, and the key planes,
go on. A request that lets time pass lets the others have their turns, too. All devices share two
workers, one for what may take seconds: more of them would only take the interpreter from each
other. Keys are made in a third, which does without the interpreter.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

from ..config.parsing import lent, work_for_us
from ..netconf.work import LIGHT, Steps, Wait, Work

T = TypeVar("T")

log = logging.getLogger("keyserver")

LONG = 10 * LIGHT
"""Octets that are dealt with in some tens of milliseconds; who has fewer waits for nobody who has
more."""


class Workers:
    """Threads in which long work is done beside the event loop, each piece when it is its turn."""

    def __init__(self) -> None:
        self._brief, self._long, self._early = (
            ThreadPoolExecutor(1, thread_name_prefix=name, initializer=work_for_us)
            for name in ("requests", "long requests", "what will be asked for")
        )

    def begin(self, work: Work) -> asyncio.Future[Any]:
        """What comes of it, as soon as it is done."""
        worker = self._long if work.weight > LONG else self._brief
        do = partial(_done_by, work)
        return asyncio.get_running_loop().run_in_executor(worker, do if work.bare else lent(do))

    def foreseen(self, make: Callable[[], T]) -> Callable[[], T]:
        """Begin what will be asked for soon and has no elements; what gives it, and waits for it.

        What is asked for before its turn has come is made then and there.
        """
        begun = self._early.submit(make)
        return lambda: make() if begun.cancel() else begun.result()

    def shutdown(self) -> None:
        """Wait until all is done that was begun; what nobody has asked for yet is let go of."""
        self._early.shutdown(cancel_futures=True)
        self._brief.shutdown()
        self._long.shutdown()


def _done_by(work: Work) -> Any:
    """What a worker does; of what it fails for it lets go there, too, not in the loop's turn."""
    try:
        return work.run()
    except Exception as error:
        traceback.clear_frames(error.__traceback__)
        raise


class Source(Protocol):
    """Where requests come from: one session on its transport."""

    def next_steps(self) -> Steps[bytes] | None:
        """The next request; None when there is none, or nobody reads the answers."""

    def answer(self, reply: bytes) -> None:
        """Send the answer to the last request."""

    def has_more(self) -> bool:
        """True while something that came in was not dealt with."""


class Turns:
    """The queue of one device.

    ``after_work`` is called when a request has kept the database for longer than a turn of the
    loop: deadlines have waited for it. ``speed``: how fast the device's clock goes.
    """

    def __init__(self, workers: Workers, after_work: Callable[[], None], speed: float = 1) -> None:
        self._workers, self._after_work, self._speed = workers, after_work, speed
        self._waiting: deque[Source] = deque()
        self._ended: deque[Callable[[], None]] = deque()
        self._pausing: dict[Source, list[Callable[[], None]]] = {}
        """Whose request lets time pass, and what is to be called when it is done."""
        self._due: deque[Callable[[], None]] = deque()
        self._busy = self._scheduled = False

    def wake(self, source: Source) -> None:
        """The source may have a request; it is asked when it is its turn."""
        if source not in self._waiting:
            self._waiting.append(source)
        self._schedule()

    def finish(self, source: Source, session_end: Callable[[], None]) -> None:
        """Call this as soon as no request is being worked on, and none of the source is pausing."""
        if self._busy:
            self._ended.append(partial(self.finish, source, session_end))
        elif source in self._pausing:
            self._pausing[source].append(session_end)
        else:
            session_end()

    def _schedule(self) -> None:
        if (self._waiting or self._due) and not self._busy and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """One request of one session, then the loop has its turn again."""
        self._scheduled = False
        if self._busy:
            return
        if self._due:
            self._busy = True
            self._due.popleft()()
        elif self._waiting:
            self._begin(self._waiting.popleft())

    def _begin(self, source: Source) -> None:
        # Who pauses is asked again when its request is done.
        steps = None if source in self._pausing else source.next_steps()
        if steps is None:
            self._schedule()
            return
        self._busy = True
        self._advance(source, steps, None, None)

    def _advance(
        self, source: Source, steps: Steps[bytes], result: Any, failure: BaseException | None
    ) -> None:
        while True:
            try:
                work = steps.send(result) if failure is None else steps.throw(failure)
            except StopIteration as end:
                self._done(source, end.value)
                return
            result, failure = None, None
            if isinstance(work, Wait):
                self._pause(source, steps, work.seconds)
                return
            if not work.light:
                running = self._workers.begin(work)
                running.add_done_callback(lambda done: self._resume(source, steps, done))
                return
            try:
                result = work.run()
            except Exception as error:
                failure = error

    def _pause(self, source: Source, steps: Steps[bytes], seconds: float) -> None:
        """The others have their turns until that time has passed."""
        self._pausing[source] = []
        go_on = partial(self._go_on, source, steps, seconds)
        asyncio.get_running_loop().call_later(seconds / self._speed, self._is_due, go_on)
        self._leave()

    def _is_due(self, go_on: Callable[[], None]) -> None:
        self._due.append(go_on)
        self._schedule()

    def _go_on(self, source: Source, steps: Steps[bytes], seconds: float) -> None:
        self._ended.extend(self._pausing.pop(source))
        self._advance(source, steps, seconds, None)
        self._after_work()

    def _resume(self, source: Source, steps: Steps[bytes], done: asyncio.Future[Any]) -> None:
        if done.cancelled():
            return
        failure = done.exception()
        self._advance(source, steps, None if failure else done.result(), failure)
        self._after_work()

    def _done(self, source: Source, reply: bytes) -> None:
        try:
            source.answer(reply)
        finally:
            # Whatever became of this one, the others have their turns.
            if source.has_more() and source not in self._waiting:
                self._waiting.append(source)
            self._leave()

    def _leave(self) -> None:
        """Nobody has the database now: those that ended meanwhile leave, and the next has it."""
        self._busy = False
        while self._ended:
            self._ended.popleft()()
        self._schedule()

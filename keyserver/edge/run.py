# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands that run an event loop until they are interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..capture.keylog import KeyLog
from ..capture.sa_log import SaLog
from ..config.parsing import work_for_us
from ..lab.specs import DeviceSpec, Lab, LabError
from ..member.events import MemberEvent, event_line
from .clock import lab_clock
from .counting import counted
from .looping import run_loop
from .members import MemberFleet
from .readiness import tell_ready
from .serve import LabServer

Log = TypeVar("Log", KeyLog, SaLog)


@dataclass(frozen=True)
class ServeOptions:
    """``serve``'s options.

    ``lenient``: start with what is understood of the configuration files; ``events``: a JSON line
    for each event of devices that are members.
    """

    keylog: Path | None = None
    sa_log: Path | None = None
    lenient: bool = False
    events: bool = False


def serve(lab: Lab, options: ServeOptions) -> None:
    """Run the lab's key servers until SIGINT, SIGTERM or SIGHUP. Raises LabError."""
    run_loop(_serve(lab, options))


def members(lab: Lab, events: bool, sa_log: Path | None = None) -> None:
    """Run the lab's members until the same signals; ``events``: a JSON line for each event."""
    run_loop(_members(lab, events, sa_log))


def _signals_set(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # The terminal is closed. Under nohup that is ignored, and stays so.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, stop.set)


def _allow_descriptors() -> None:
    """As many open files as we may have: a device takes two for its store and one a socket."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(lab: Lab, options: ServeOptions) -> None:
    tell = _Teller(0, options.events)
    with _opened(KeyLog, options.keylog) as sink, _opened(SaLog, options.sa_log) as log:
        server = LabServer(
            lab,
            key_sink=sink,
            lenient=options.lenient,
            sa_log=log,
            on_member=tell if options.events else lambda event: None,
        )
        await _serve_until_stopped(server, tell.stop)
    if tell.unheard is not None:
        raise tell.unheard


@contextlib.contextmanager
def _collector_at_rest() -> Iterator[None]:
    """What is made now stays: the collector need not look at it again and again."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


async def _serve_until_stopped(server: LabServer, stop: asyncio.Event) -> None:
    _allow_descriptors()
    # What is done in asyncio's own threads, names looked up and the like, has to do with no XML.
    own = ThreadPoolExecutor(initializer=work_for_us)
    asyncio.get_running_loop().set_default_executor(own)
    # The loop waits no longer than this for the worker to let it have the interpreter.
    sys.setswitchinterval(0.001)
    # Nor, as often as usual, for the collector to go through all that there is.
    gc.set_threshold(*gc.get_threshold()[:2], 100)
    with _collector_at_rest():
        await server.start()
    # Before anybody is told that all is ready, and may stop it.
    _signals_set(stop)
    try:
        for device in server.devices:
            print(_where(device.spec), flush=True)
        print(f"ready: {counted(len(server.devices), 'key server')}", flush=True)
        tell_ready()
        await stop.wait()
    finally:
        server.stop()


def _where(spec: DeviceSpec) -> str:
    """A device, and where it listens."""
    places = [
        f"{plane} {endpoint.host}:{endpoint.port}"
        for plane, endpoint in (("NETCONF", spec.netconf), ("GDOI", spec.gdoi))
        if endpoint is not None
    ]
    return f"{spec.name} ({spec.generation.value}): {', '.join(places)}"


class _Teller:
    """Prints what members experience; sets ``stop`` when that fails, and why is ``unheard``.

    Nobody reads it any more, or the disk is full: a stream with a hole in it would mislead.
    """

    def __init__(self, members: int, events: bool) -> None:
        self._members, self._events = members, events
        self._registered: set[str] = set()
        self.stop = asyncio.Event()
        self.unheard: OSError | None = None

    def __call__(self, event: MemberEvent) -> None:
        if self.unheard is not None:
            return
        try:
            self._tell(event)
        except OSError as error:
            self.unheard = error
            self.stop.set()

    def _tell(self, event: MemberEvent) -> None:
        if self._events:
            print(event_line(event), flush=True)
        elif event.event == "registered":
            self._registered.add(event.member)
            if len(self._registered) == self._members:
                print(f"all {counted(self._members, 'member')} registered", flush=True)
        elif event.event == "refused":
            print(f"{event.member}: refused: {event.reason}", file=sys.stderr, flush=True)


async def _members(lab: Lab, events: bool, sa_log: Path | None) -> None:
    tell = _Teller(len(lab.members), events)
    with _opened(SaLog, sa_log) as log:
        fleet = MemberFleet(lab.members, lab_clock(lab.speed), lab.speed, tell, log)
        try:
            await fleet.start()
            _signals_set(tell.stop)
            if not events:
                print(f"ready: {counted(len(lab.members), 'member')}", flush=True)
            tell_ready()
            await tell.stop.wait()
        finally:
            fleet.stop()
    if tell.unheard is not None:
        raise tell.unheard


@contextlib.contextmanager
def _opened(kind: Callable[[Path], Log], path: Path | None) -> Iterator[Log | None]:
    """A file for keys, where one is asked for; raises LabError for one that must not be used."""
    if path is None:
        yield None
        return
    try:
        log = kind(path)
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from None
    log.complain = logging.getLogger("keyserver").warning
    try:
        yield log
    finally:
        log.close()

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the operational RPCs need of the device that answers them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from lxml import etree

from ...config.database import ConfigurationDatabase
from ...gdoi.endpoint import KeyServerEndpoint
from ...groups.server import GroupServer
from ..arguments import Accepts, Argument
from ..session import NetconfSession, Request
from ..work import Steps, Work


@dataclass(frozen=True)
class Identity:
    """What the device says it is."""

    hostname: str
    model: str
    product: str
    release: str
    serial: str
    generation: str
    cluster_node: str | None = None

    @property
    def version_element(self) -> bool:
        """True for releases whose software information has ``junos-version``: after 15.1."""
        return self._release > (15, 1)

    @property
    def commit_results(self) -> bool:
        """True for releases that answer a commit in full: from 15.1 on, not a bare ``ok``."""
        return self._release >= (15, 1)

    @property
    def _release(self) -> tuple[int, ...]:
        return tuple(int(number) for number in re.findall(r"\d+", self.release)[:2])


Elements = list[etree._Element]
FORMATS = {"format": frozenset({"xml", "text", "ascii", "json"})}
"""Every operational RPC can be asked for in these."""


class Platform(Protocol):
    """What RPCs ask of a device."""

    database: ConfigurationDatabase
    groups: GroupServer
    endpoint: KeyServerEndpoint
    companions: Sequence[object]
    sessions: dict[int, NetconfSession]
    on_deadline_changed: Callable[[], None]
    rpcs: Mapping[str, OperationalRpc]
    """The operational RPCs that it knows, by element name."""
    internet: Callable[[bytes, float], list[bytes]]
    """Takes an IPv4 packet that it sends: what comes back at once."""
    commit_seconds: float
    """How long it is busy with a commit."""
    started: float
    """When the device came up, seconds since the epoch."""

    def identity(self) -> Identity:
        """What the device says it is."""


Handler = Callable[[Platform, Request], Elements]
LongHandler = Callable[[Platform, Request], Steps[Elements]]


@dataclass(frozen=True)
class OperationalRpc:
    """A show, clear or request command: what answers it, what it takes, how the CLI spells it.

    Exactly one of ``handler`` and ``long_handler`` is there. ``of_configuration``: the handler
    reads the configuration alone, and takes as long as that is large.
    """

    handler: Handler | None = None
    accepts: Accepts = field(default_factory=lambda: Accepts(attributes=FORMATS))
    command: str | None = None
    long_handler: LongHandler | None = None
    of_configuration: bool = False

    def steps(self, device: Platform, request: Request) -> Steps[Elements]:
        """Answer; what takes long is yielded."""
        if self.long_handler is not None:
            return (yield from self.long_handler(device, request))
        assert self.handler is not None
        if self.of_configuration:
            work = partial(self.handler, device, request)
            answer: Elements = yield Work(work, device.database.weight)
            return answer
        return self.handler(device, request)


def takes(
    *arguments: Argument,
    alternatives: tuple[frozenset[str], ...] = (),
    required: frozenset[str] = frozenset(),
) -> Accepts:
    """Those arguments, and the output formats that every operational RPC has."""
    return Accepts(arguments, FORMATS, alternatives, required)


def length(seconds: int) -> str:
    """A span of time as Junos prints it: ``1w2d 03:04`` or ``00:01:02``."""
    weeks, rest = divmod(max(0, seconds), 7 * 86400)
    days, rest = divmod(rest, 86400)
    hours, minutes = rest // 3600, rest // 60 % 60
    long = f"{weeks}w" * bool(weeks) + f"{days}d" * bool(weeks or days)
    if long:
        return f"{long} {hours:02}:{minutes:02}"
    return f"{hours:02}:{minutes:02}:{rest % 60:02}"

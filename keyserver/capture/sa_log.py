# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A log of the associations that members install: off unless asked for by ``--sa-log``.

One JSON object per line: what was installed with its keys, what is sent with, what is gone. The
log holds real keys; ``sa`` makes of it what other tools read.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .private_file import PrivateLog

_BEGINNING = '{"time": '


@dataclass(frozen=True)
class Holder:
    """Who holds something: a member of a group."""

    member: str
    group: int


@dataclass(frozen=True)
class LoggedSelector:
    """The traffic of an association: prefixes or addresses, ports and protocol, 0 for any."""

    source: str
    destination: str
    source_port: int
    destination_port: int
    protocol: int


@dataclass(frozen=True)
class LoggedSa:
    """An association as a member holds it; keys in hex, lengths as the names say.

    ``cipher`` and ``integrity`` are None where there is none; ``address`` is the member's own.
    """

    member: str
    group: int
    address: str
    spi: str
    protocol: str
    mode: str
    direction: str
    cipher: str | None
    encryption_key: str = field(repr=False)
    integrity: str | None
    integrity_bits: int
    integrity_key: str = field(repr=False)
    extended_sequence: bool
    selector: LoggedSelector


class SaLog(PrivateLog):
    """What members hold, as lines."""

    begins = re.compile(re.escape(_BEGINNING).encode())

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._installed: dict[Holder, set[LoggedSa]] = {}
        self._sent: dict[Holder, tuple[str, ...]] = {}

    def look(self, holder: Holder, held: set[LoggedSa], sends: tuple[str, ...], now: float) -> None:
        """A member holds these now, and sends with these SPIs: note what changed."""
        self.append([_line(now, *change) for change in self._changes(holder, held, sends)])
        self._installed[holder], self._sent[holder] = held, sends

    def _changes(
        self, holder: Holder, held: set[LoggedSa], sends: tuple[str, ...]
    ) -> Iterator[tuple[str, dict[str, object]]]:
        before, who = self._installed.get(holder, set()), dataclasses.asdict(holder)
        if holder not in self._installed:
            # Whatever an earlier run has written of it is over.
            yield "begins", who
        for one in sorted(held - before, key=lambda sa: sa.spi):
            yield "installed", dataclasses.asdict(one)
        if self._sent.get(holder) != sends:
            yield "sends", who | {"spis": sends}
        for one in sorted(before - held, key=lambda sa: sa.spi):
            yield "gone", who | {"spi": one.spi, "selector": dataclasses.asdict(one.selector)}


def _line(now: float, event: str, fields: dict[str, object]) -> str:
    return json.dumps({"time": now, "event": event, **fields})


class UnreadableLog(ValueError):
    """A line of something else stands in a log of associations; the text says which."""


@dataclass
class SaHistory:
    """What a log tells: every association ever installed, those still held, what is sent with."""

    installed: list[LoggedSa]
    held: list[LoggedSa]
    sends: dict[tuple[str, int], tuple[str, ...]]


def read_sa_log(lines: Iterable[str]) -> SaHistory:
    """Read a log. Raises UnreadableLog; a line that was cut off with its process tells nothing."""
    history = SaHistory([], [], {})
    for number, line in enumerate(lines, 1):
        try:
            fields = _fields(line)
            if fields is not None:
                _take(history, fields)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UnreadableLog(
                f"line {number}: a line of serve --sa-log is expected ({error})"
            ) from None
    return history


def _fields(line: str) -> dict[str, Any] | None:
    """What a line says; None for one that was cut off."""
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        if _is_cut_off(line.rstrip("\n"), error.pos):
            return None
        raise
    if not isinstance(found, dict):
        raise TypeError("no JSON object")
    return found


def _is_cut_off(line: str, objection: int) -> bool:
    """Whether a line of ours lacks its end; one that is damaged before that is not taken for it."""
    begins = _BEGINNING.startswith(line[: len(_BEGINNING)])
    return begins and (objection >= len(line) or not line.endswith("}"))


def _take(history: SaHistory, fields: dict[str, Any]) -> None:
    event, _time = fields.pop("event"), fields.pop("time")
    if event not in _EVENTS:
        raise ValueError(f"event {event!r}")
    _EVENTS[event](history, fields)


def _begins(history: SaHistory, fields: dict[str, Any]) -> None:
    who = fields["member"], fields["group"]
    history.held = [sa for sa in history.held if (sa.member, sa.group) != who]


def _installed(history: SaHistory, fields: dict[str, Any]) -> None:
    one = LoggedSa(**fields | {"selector": LoggedSelector(**fields["selector"])})
    history.installed.append(one)
    history.held.append(one)


def _sends(history: SaHistory, fields: dict[str, Any]) -> None:
    spis = fields["spis"]
    if not isinstance(spis, list):
        raise TypeError("spis")
    history.sends[str(fields["member"]), int(str(fields["group"]))] = tuple(map(str, spis))


def _gone(history: SaHistory, fields: dict[str, Any]) -> None:
    named = fields["member"], fields["group"], fields["spi"], LoggedSelector(**fields["selector"])
    history.held = [
        sa for sa in history.held if (sa.member, sa.group, sa.spi, sa.selector) != named
    ]


_EVENTS = {"begins": _begins, "installed": _installed, "sends": _sends, "gone": _gone}

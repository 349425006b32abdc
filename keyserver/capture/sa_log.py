# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A log of the associations that members install: off unless asked for by ``--sa-log``.

One JSON object per line: what was installed with its keys, what is sent with, what is gone. The
log holds real keys; ``sa`` makes of it what other tools read.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .private_file import open_private


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


class SaLog:
    """Appends to a file that only its owner may read; raises OSError for any other file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_private(path)
        self._installed: dict[Holder, set[LoggedSa]] = {}
        self._sent: dict[Holder, tuple[str, ...]] = {}

    def look(self, holder: Holder, held: set[LoggedSa], sends: tuple[str, ...], now: float) -> None:
        """A member holds these now, and sends with these SPIs: note what changed."""
        before, who = self._installed.get(holder, set()), dataclasses.asdict(holder)
        if holder not in self._installed:
            # Whatever an earlier run has written of it is over.
            self._write(now, "begins", who)
        for one in sorted(held - before, key=lambda sa: sa.spi):
            self._write(now, "installed", dataclasses.asdict(one))
        if self._sent.get(holder) != sends:
            self._sent[holder] = sends
            self._write(now, "sends", who | {"spis": sends})
        for one in sorted(before - held, key=lambda sa: sa.spi):
            selector = dataclasses.asdict(one.selector)
            self._write(now, "gone", who | {"spi": one.spi, "selector": selector})
        self._installed[holder] = held

    def _write(self, now: float, event: str, fields: dict[str, object]) -> None:
        self._file.write(json.dumps({"time": now, "event": event, **fields}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class UnreadableLog(ValueError):
    """A line of something else stands in a log of associations; the text says which."""


@dataclass
class SaHistory:
    """What a log tells: every association ever installed, those still held, what is sent with."""

    installed: list[LoggedSa]
    held: list[LoggedSa]
    sends: dict[tuple[str, int], tuple[str, ...]]


def read_sa_log(lines: Iterable[str]) -> SaHistory:
    """Read a log. Raises UnreadableLog."""
    history = SaHistory([], [], {})
    for number, line in enumerate(lines, 1):
        try:
            _take(history, json.loads(line))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UnreadableLog(
                f"line {number}: a line of serve --sa-log is expected ({error})"
            ) from None
    return history


def _take(history: SaHistory, fields: dict[str, object]) -> None:
    event = fields.pop("event")
    del fields["time"]
    if event == "installed":
        selector = fields.pop("selector")
        if not isinstance(selector, dict):
            raise TypeError("selector")
        one = LoggedSa(**fields, selector=LoggedSelector(**selector))  # type: ignore[arg-type]
        history.installed.append(one)
        history.held.append(one)
    elif event == "begins":
        who = [fields["member"], fields["group"]]
        history.held = [sa for sa in history.held if [sa.member, sa.group] != who]
    elif event == "sends":
        key = str(fields["member"]), int(str(fields["group"]))
        spis = fields["spis"]
        if not isinstance(spis, list):
            raise TypeError("spis")
        history.sends[key] = tuple(str(spi) for spi in spis)
    elif event == "gone":
        gone = LoggedSelector(**fields["selector"])  # type: ignore[arg-type]
        named = [fields[name] for name in ("member", "group", "spi")]
        history.held = [
            sa
            for sa in history.held
            if [sa.member, sa.group, sa.spi] != named or sa.selector != gone
        ]
    else:
        raise ValueError(f"event {event!r}")

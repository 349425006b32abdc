# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Times as devices print them."""

from __future__ import annotations

import calendar
import re
import time

_TIMES = (
    "%a %b %d %Y %H:%M:%S",
    "%a %b %d %H:%M:%S %Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
)
_UTC = re.compile(r"\s*(?:UTC|GMT|Z)$")
_ZONE = re.compile(r"\s*(?:Z|[A-Z]{2,5}|[+-]\d{2}:?\d{2})$")
_AGO = re.compile(r"\s*\([^()]*\bago\)$")
_RELATIVE = re.compile(r"\bago$")
_QUARTER = 900


def seconds_of(text: str | None) -> float | None:
    """A device's time, taken as UTC, in seconds since the epoch; None when unreadable."""
    return _read(_UTC.sub("", _plain(text)))


def local_seconds(text: str | None) -> float | None:
    """What a device's clock showed, whatever its zone: good for comparing with itself only."""
    return _read(_ZONE.sub("", _plain(text)))


def seconds_after(text: str | None, earlier: str | None) -> float | None:
    """How much later one of a device's times is than another; None where that cannot be told.

    Nor can it where the zones differ: a clock was put forward or back between the two.
    """
    times = [local_seconds(text), local_seconds(earlier)]
    if times[0] is None or times[1] is None or _in_two_zones(text, earlier):
        return None
    return times[0] - times[1]


def _in_two_zones(*texts: str | None) -> bool:
    return len({zone[0].strip() for text in texts if (zone := _ZONE.search(_plain(text)))}) > 1


def differ(one: str | None, other: str | None) -> bool:
    """Whether two texts tell different times, in whatever form; ``3 minutes ago`` tells none.

    Zones are whole quarters of an hour apart: in two of them such times may be the same one.
    """
    plain = [_plain(one), _plain(other)]
    times = [local_seconds(text) for text in plain]
    if times[0] is not None and times[1] is not None:
        apart = times[0] - times[1]
        return apart % _QUARTER != 0 if _in_two_zones(one, other) else apart != 0
    tell = all(text and not _RELATIVE.search(text) for text in plain)
    return tell and plain[0] != plain[1]


def _plain(text: str | None) -> str:
    """A time without what changes with every look: how long ago it was."""
    return _AGO.sub("", (text or "").strip())


def _read(text: str) -> float | None:
    for form in _TIMES:
        try:
            return float(calendar.timegm(time.strptime(text, form)))
        except ValueError:
            continue
    return None

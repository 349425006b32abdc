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


def seconds_of(text: str | None) -> float | None:
    """A device's time, taken as UTC, in seconds since the epoch; None when unreadable."""
    return _read(_UTC.sub("", _AGO.sub("", (text or "").strip())))


def local_seconds(text: str | None) -> float | None:
    """What a device's clock showed, whatever its zone: good for comparing with itself only."""
    return _read(_ZONE.sub("", _AGO.sub("", (text or "").strip())))


def _read(plain: str) -> float | None:
    for form in _TIMES:
        try:
            return float(calendar.timegm(time.strptime(plain, form)))
        except ValueError:
            continue
    return None

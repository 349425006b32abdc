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
_ZONE = re.compile(r"\s+(?:UTC|GMT|Z)$")


def seconds_of(text: str | None) -> float | None:
    """A device's time, taken as UTC, in seconds since the epoch; None when unreadable."""
    if not text:
        return None
    plain = _ZONE.sub("", text.strip())
    for form in _TIMES:
        try:
            return float(calendar.timegm(time.strptime(plain, form)))
        except ValueError:
            continue
    return None

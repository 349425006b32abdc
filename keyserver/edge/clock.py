# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clock of a lab."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


def lab_clock(speed: float) -> Clock:
    """Seconds since the epoch, running ``speed`` times as fast as the wall clock from now on."""
    if speed == 1:
        return time.time
    started, epoch = time.monotonic(), time.time()
    return lambda: epoch + (time.monotonic() - started) * speed

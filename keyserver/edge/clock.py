# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clock of a lab."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


def lab_clock(speed: float) -> Clock:
    """Seconds since the epoch, running ``speed`` times as fast as the wall clock from now on.

    Lives of keys are lengths of time: a wall clock that is set meanwhile neither ends nor prolongs
    them.
    """
    started, epoch = time.monotonic(), time.time()
    return lambda: epoch + (time.monotonic() - started) * speed

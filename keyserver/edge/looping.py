# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An event loop for a command, which an interrupt never meets half made or half closed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """What the work returns; an interrupt waits until the loop hears it, or is gone."""
    held = {signal.SIGINT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)

    async def heard() -> T:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            return await work
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, held)

    try:
        return asyncio.run(heard())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

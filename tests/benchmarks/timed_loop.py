# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python timed_loop.py -m keyserver ...``: the same, and the longest turn of its event loop.

At SIGUSR1 it prints one line: the longest callback since the last one, in milliseconds of wall time
and of the loop's own CPU time, and what it was.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
import keyserver.cli

longest = (0.0, 0.0, "nothing")
run = asyncio.Handle._run


def timed(handle: asyncio.Handle) -> None:
    global longest
    wall, cpu = time.perf_counter(), time.thread_time()
    try:
        run(handle)
    finally:
        wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        if cpu > longest[1]:
            longest = (wall, cpu, repr(handle)[:200])


def report(*_: object) -> None:
    global longest
    wall, cpu, what = longest
    print(f"longest turn: {1000 * wall:.1f} {1000 * cpu:.1f} {what}", flush=True)
    longest = (0.0, 0.0, "nothing")


asyncio.Handle._run = timed
signal.signal(signal.SIGUSR1, report)
sys.exit(keyserver.cli.main(sys.argv[3:]))

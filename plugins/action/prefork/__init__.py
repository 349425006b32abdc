# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is done once in Ansible's main process, before it forks a worker for each host.

Ansible loads an action's file there, so whatever is imported or looked up now is paid once for the
play and not once for each host. The modules of this package are the only ones of the collection
that act when they are imported. (A package, because each file in the folder of the actions would
need a module of its name.)
"""

from __future__ import annotations

import contextlib
import gc
from pathlib import Path

from .. import bytecode

_TIMER_SLACK = Path("/proc/self/timerslack_ns")

bytecode.keep()

# While all forks are busy, Ansible looks for a free one every 0.1 ms, and that takes the processor
# from those it waits for. Linux may let a sleep be 3 ms longer (proc(5)), which no user notices
# beside a login; other systems have no such file.
with contextlib.suppress(OSError):
    _TIMER_SLACK.write_text("3000000")

# A worker that collects garbage writes to every object that it inherited, and so copies the
# memory that it shares with the main process: a tenth of what a task costs.
gc.freeze()

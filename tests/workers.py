# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which tests one worker runs one after another: those of a file, as with ``--dist loadfile``.

Integration tests that have each a lab of their own are dealt one by one: a file of them takes a
worker for minutes while the others have nothing left to do.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_SLOW = "tests/integration/"


def scope(test: str) -> str:
    """What a test, by its name as pytest has it, stays together with."""
    file = test.partition("::")[0]
    return test if file.startswith(_SLOW) and not _shares(file) else file


@functools.cache
def _shares(file: str) -> bool:
    """Whether tests of a file share what is made once for all of them."""
    return 'scope="module"' in (ROOT / file).read_text("utf-8")


def scheduled(config: Any, log: Any) -> Any:
    """pytest-xdist's scheduler of whole files, with the scopes of this module."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduler(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope(nodeid)

    return Scheduler(config, log)

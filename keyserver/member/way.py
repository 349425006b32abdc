# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way to the key server, with a translator on it or without one."""

from __future__ import annotations

from ..ike.nat import KEEPS_OPEN
from ..ike.phase1 import Phase1

# RFC 3948 §4; pushes come an hour later, and most translators forget within minutes.
_KEEP_OPEN_SECONDS = 20.0


class Way:
    """As phase 1 found it last.

    ``floats``: it leads to the port for those behind a translator. ``due``: when a translator in
    front of us is to be told that the way is still needed; None without one.
    """

    def __init__(self) -> None:
        self.floats = False
        self.due: float | None = None

    def found(self, phase1: Phase1, now: float) -> None:
        """A phase 1 has come to its end."""
        self.floats = phase1.floats
        self.due = now + _KEEP_OPEN_SECONDS if phase1.behind_nat else None

    def keep_open(self, now: float) -> list[bytes]:
        """What is to be sent for that now."""
        if self.due is None or now < self.due:
            return []
        self.due = now + _KEEP_OPEN_SECONDS
        return [KEEPS_OPEN]

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How an exchange is refused."""

from __future__ import annotations

from .numbers import NotifyType


class Refused(Exception):
    """A message that is refused: why, and the notification to answer it with."""

    def __init__(self, notify: NotifyType, reason: str) -> None:
        super().__init__(reason)
        self.notify = notify

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When a group shows its members a sign of life (Group VPNv1)."""

from __future__ import annotations


class Heartbeat:
    """A beat every ``interval`` seconds from when it was started; None: never."""

    def __init__(self) -> None:
        self.due: float | None = None

    def start(self, interval: int | None, now: float) -> None:
        """Beat from now on, unless it beats already."""
        if self.due is None:
            self.restart(interval, now)

    def restart(self, interval: int | None, now: float) -> None:
        """Beat at this interval from now on."""
        self.due = now + interval if interval else None

    def resume(self, interval: int | None, now: float) -> None:
        """Beat at once: members have waited for it while nobody was here."""
        self.due = now if interval else None

    def stop(self) -> None:
        """Beat no more."""
        self.due = None

    def expire(self, interval: int | None, now: float) -> bool:
        """True when a beat is due; the next one keeps the interval."""
        if self.due is None or not interval or now < self.due:
            return False
        # A clock that jumped must not be made up for with a burst.
        missed = int((now - self.due) // interval)
        self.due += (missed + 1) * interval
        return True

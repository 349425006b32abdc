# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When a member begins to register, and why; times in seconds since the epoch."""

from __future__ import annotations

from collections.abc import Callable

from .keys import MemberKeys
from .recovery import Recovery

BACK_OFF_SECONDS = (2.0, 300.0)
# A server that was not tried yet is not waited for, but not called by all in the same instant.
_NEXT_SERVER_SECONDS = 1.0
_MOST_FAILURES = 16
_RE_REGISTER_DELAYS = 3
# Members do not register again all at once, but over so much of a delay.
_RE_REGISTER_SPREAD = 0.25
_RE_REGISTER_SHARE, _RE_REGISTER_SHARE_SPREAD = 0.35, 0.1
_HEARTBEAT_SPREAD = 0.5
# Of what is left of its keys, a member whose attempt failed sleeps so much at most.
_SHARE_ASLEEP = 0.25


class Schedule:
    """``due``: when to begin; None: not by itself. ``threshold``: of heartbeats; 0 for none.

    ``servers``: how many there are to try.
    """

    def __init__(
        self,
        keys: MemberKeys,
        recovery: Recovery,
        threshold: int,
        jitter: Callable[[], float],
        servers: int,
    ) -> None:
        self.recovery, self.threshold = recovery, threshold
        self.is_registered = False
        self._keys, self._jitter, self._servers = keys, jitter, servers
        self.due: float | None = None
        self._reason = ""
        # Something was missed, which no later push brings.
        self._hurries = False
        self._failures = 0
        self._heard = 0.0
        self._spread = jitter()

    def meet(self, servers: int) -> None:
        """There are so many to try from now on, and none has failed yet."""
        self._servers, self._failures = servers, 0

    def is_due(self, now: float) -> bool:
        """True when it is time."""
        return self.due is not None and now >= self.due

    def reason(self, now: float) -> str | None:
        """Why one that is registered begins anew; None while there is no reason to."""
        beat = self.heartbeat_due()
        if beat is not None and now >= beat:
            return f"{self.threshold} heartbeats missed"
        return self._reason if self.is_due(now) else self.recovery.reason(now)

    # What happened

    def begun(self) -> None:
        """An attempt goes on: its repetitions are its own affair."""
        self.due, self._hurries, self.is_registered = None, False, False

    def heard(self, now: float) -> None:
        """A push came, which is a sign of life."""
        self._heard = now

    def registered(self, now: float) -> None:
        """An attempt brought keys."""
        self._failures, self._heard, self.is_registered = 0, now, True
        self.plan(now)

    @property
    def another_left(self) -> bool:
        """True when, should this attempt fail, there is a server that none was made with."""
        return self._failures + 1 < self._servers

    def failed(self, now: float) -> None:
        """An attempt was in vain: the next is later each time, and not at once for all."""
        another, pause = self.another_left, self._pause(now)
        self._failures = min(self._failures + 1, _MOST_FAILURES)
        if another:
            self.due = now + _NEXT_SERVER_SECONDS * self._jitter()
        else:
            self.due = now + pause * (0.5 + self._jitter())

    def _pause(self, now: float) -> float:
        """Until the next attempt; it does not sleep until its keys have ended."""
        lowest, highest = BACK_OFF_SECONDS
        pause: float = min(highest, lowest * 2**self._failures)
        first = self._keys.first_end()
        left = first[0] - now if first is not None else 0.0
        return min(pause, max(lowest, _SHARE_ASLEEP * left)) if left > 0 else pause

    def plan(self, now: float) -> None:
        """Junos: register again at lifetime - 3 x activation time delay when nothing came.

        Up to a quarter of a delay earlier: not the whole group at once, and what comes of it must
        be in place two delays before the end, when all begin to use the new keys. Of a life that
        has no room for that a share: not before its half, when the next key is pushed.
        """
        if self._hurries or self.is_due(now):
            # Also what comes late to one that was stopped meanwhile: its keys are older than told.
            return
        first = self._keys.first_end()
        if first is None:
            self.due = None
            return
        end, life = first
        early = self._jitter()
        margin = (_RE_REGISTER_DELAYS + _RE_REGISTER_SPREAD * early) * self._keys.activation_delay
        share = (_RE_REGISTER_SHARE + _RE_REGISTER_SHARE_SPREAD * early) * life
        wanted, left = min(margin, share), end - now
        # A key that is all but over brings nobody back more often than an attempt that failed.
        self.due = max(end - (wanted if wanted < left else left / 2), now + BACK_OFF_SECONDS[0])
        self._reason = "keys are about to expire"

    def soon(self, reason: str, now: float) -> None:
        """Something was missed: within the shortest pause, not at once for all.

        Who is not registered is about to be told everything.
        """
        if not self.is_registered:
            return
        soon = now + BACK_OFF_SECONDS[0] * self._jitter()
        self.due = min(self.due or soon, soon)
        self._reason, self._hurries = reason, True

    def heartbeat_due(self) -> float | None:
        """When too many heartbeats were missed; half an interval is left for delays.

        All members heard the last one at the same time: they are spread over half a delay, within
        which a server that forgot its keys can give new ones to all before anyone sends with them.
        """
        interval = self._keys.heartbeat
        if not interval or not self.threshold or self._keys.kek is None:
            return None
        spread = self._spread * _HEARTBEAT_SPREAD * self._keys.activation_delay
        return self._heard + interval * (self.threshold + 0.5) + spread

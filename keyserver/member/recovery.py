# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Junos' ``recovery-probe``: traffic that cannot be understood makes a member register.

Its two triggers are traffic under an SPI that the member has no key for, and traffic that goes out
while none comes in. Anybody can forge an SPI, and the other end may be switched off, so the pauses
between probes double, and only what ends the trouble ends that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from .keys import MemberKeys

PAUSES = (10.0, 20.0, 40.0, 80.0, 160.0, 320.0)
"""Seconds from one probe to the next; after the last nothing more is tried."""
SPREAD_SECONDS = 10.0
"""Each member probes at a moment of its own within these."""
SILENCE_SECONDS = 10.0
"""For so long traffic has to go out without any coming in; Junos' own figure is not published."""
_SILENCE = "traffic goes out and none comes in"

Held = Collection[str]
"""SPIs in hex that are received with."""


class RecoveryProbe:
    """When to register because of traffic that cannot be read."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self.due: float | None = None
        self._jitter = jitter
        self._reason = ""
        self._is_over: Callable[[Held], bool] = lambda held: True
        self._unanswered_since: float | None = None
        self._tries = 0

    def heard(self, spi: str, now: float) -> None:
        """Traffic came under an SPI that is not held."""
        self._begin(f"traffic under unknown SPI {spi}", lambda held: spi in held, now)

    def sent(self, held: Held, now: float) -> None:
        """Traffic went out, while these are held."""
        if self._unanswered_since is None:
            self._unanswered_since = now
        elif now - self._unanswered_since >= SILENCE_SECONDS:
            before = list(held)
            self._begin(_SILENCE, lambda held: list(held) != before, now)

    def received(self) -> None:
        """Traffic came in, and could be read."""
        self._unanswered_since = None
        if self._reason == _SILENCE:
            self._end()

    def _begin(self, reason: str, is_over: Callable[[Held], bool], now: float) -> None:
        if not self._reason:
            self._reason, self._is_over = reason, is_over
            self._plan(now)

    def _plan(self, now: float) -> None:
        # The first is near at hand, yet not all members of a group probe in the same instant.
        pause = PAUSES[self._tries - 1] if self._tries else 0.0
        self.due = now + pause + SPREAD_SECONDS * self._jitter()

    def fire(self, now: float) -> str:
        """It is due: why."""
        assert self._reason
        self._tries += 1
        self.due = None
        if self._tries <= len(PAUSES):
            self._plan(now)
        return self._reason

    def look(self, held: Held) -> None:
        """These are held now: perhaps all is well again."""
        if self._reason and self._is_over(held):
            self._end()

    def _end(self) -> None:
        self._reason, self.due, self._tries = "", None, 0
        self._unanswered_since = None


class Recovery:
    """The probe, while it is configured, and what is received with under ``keys``."""

    def __init__(self, keys: MemberKeys, jitter: Callable[[], float]) -> None:
        self._keys, self._jitter = keys, jitter
        self._probe: RecoveryProbe | None = None

    def behave(self, *, probes: bool) -> None:
        """Probe from now on, or do not; one that goes on is not disturbed."""
        if not probes:
            self._probe = None
        elif self._probe is None:
            self._probe = RecoveryProbe(self._jitter)

    @property
    def due(self) -> float | None:
        """When :meth:`reason` is to be asked."""
        return self._probe.due if self._probe is not None else None

    def reason(self, now: float) -> str | None:
        """Why to register now, if that is due."""
        if self._probe is None or self._probe.due is None or now < self._probe.due:
            return None
        return self._probe.fire(now)

    def heard(self, spi: str, now: float) -> None:
        """Traffic of the group came in under this SPI (hex), which may be one that is not held."""
        if self._probe is not None and spi not in self._keys.traffic.receives_with:
            self._probe.heard(spi, now)

    def sent(self, now: float) -> None:
        """Traffic of the group went out under its keys."""
        if self._probe is not None:
            self._probe.sent(self._keys.traffic.receives_with, now)

    def received(self) -> None:
        """Traffic of the group came in and could be read."""
        if self._probe is not None:
            self._probe.received()

    def look(self) -> None:
        """The keys may have changed."""
        if self._probe is not None:
            self._probe.look(self._keys.traffic.receives_with)

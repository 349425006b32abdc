# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Junos' ``recovery-probe``: traffic under an SPI that a member has no key for makes it register.

Anybody can forge an SPI, so the pauses between probes double, and only success ends that.
"""

from __future__ import annotations

from collections.abc import Callable, Container

PAUSES = (10.0, 20.0, 40.0, 80.0, 160.0, 320.0)
"""Seconds from one probe to the next; after the last nothing more is tried."""
SPREAD_SECONDS = 10.0


class RecoveryProbe:
    """When to register because of traffic that cannot be read."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self.due: float | None = None
        self._jitter = jitter
        self._spi: str | None = None
        self._tries = 0

    def heard(self, spi: str, now: float) -> None:
        """Traffic came under an SPI that is not held."""
        if self._spi is None:
            self._spi = spi
            self._plan(now)

    def _plan(self, now: float) -> None:
        # The first is near at hand, yet not all members of a group probe in the same instant.
        pause = PAUSES[self._tries - 1] if self._tries else 0.0
        self.due = now + pause + SPREAD_SECONDS * self._jitter()

    def fire(self, now: float) -> str:
        """It is due: the SPI that it is for."""
        assert self._spi is not None
        self._tries += 1
        self.due = None
        if self._tries <= len(PAUSES):
            self._plan(now)
        return self._spi

    def look(self, held: Container[str]) -> None:
        """Keys changed: when that SPI is held now, all is well again."""
        if self._spi is not None and self._spi in held:
            self._spi, self.due, self._tries = None, None, 0

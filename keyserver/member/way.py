# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way to the key server: the phase 1 SA that stands, and translators, where there are any."""

from __future__ import annotations

from dataclasses import dataclass

from ..ike.exchange import Phase1Sa, deletion
from ..ike.nat import KEEPS_OPEN
from ..ike.proposal import Mode
from .registration import Registration

# RFC 3948 §4; pushes come an hour later, and most translators forget within minutes.
_KEEP_OPEN_SECONDS = 20.0


@dataclass(frozen=True)
class EstablishedSa:
    """A phase 1 SA that stands until ``ends``, in seconds since the epoch."""

    sa: Phase1Sa
    ends: float
    mode: Mode


class Way:
    """As phase 1 found it last.

    ``floats``: it leads to the port for those behind a translator. ``due``: when a translator in
    front of us is to be told that the way is still needed; None without one.
    """

    def __init__(self) -> None:
        self.floats = False
        self.established: EstablishedSa | None = None
        self.due: float | None = None

    @property
    def sa(self) -> Phase1Sa | None:
        """The phase 1 SA that stands, if any."""
        return self.established.sa if self.established is not None else None

    @property
    def ends(self) -> float | None:
        """Until when it stands."""
        return self.established.ends if self.established is not None else None

    def found(self, attempt: Registration, now: float) -> None:
        """An attempt has come as far as that, or not yet."""
        if attempt.sa is None or self.established is not None:
            return
        phase1 = attempt.phase1
        self.established = EstablishedSa(attempt.sa, now + phase1.lifetime, phase1.mode)
        self.floats = phase1.floats
        self.due = now + _KEEP_OPEN_SECONDS if phase1.behind_nat else None

    def lose(self) -> None:
        """The key server has given up the phase 1 SA."""
        self.established = None

    def end(self) -> list[bytes]:
        """RFC 2408 §3.15: tell the server that a phase 1 SA is not used any longer."""
        old, self.established = self.established, None
        return [deletion(old.sa)] if old is not None else []

    def keep_open(self, now: float) -> list[bytes]:
        """What is to be sent for that now."""
        if self.due is None or now < self.due:
            return []
        self.due = now + _KEEP_OPEN_SECONDS
        return [KEEPS_OPEN]

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A registration between messages 2 and 4 of its pull.

Message 2 promises SAs by their SPIs, and message 4 must deliver the keys of these (RFC 6407 §3.3).
What is pushed meanwhile is kept for the member, and sent to it behind message 4: it then has what
everybody has. Where that cannot be so, message 3 is refused and the member begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..gdoi.pull import Grant
from ..gdoi.push import Kek, Push

# A member answers at once; whoever comes back later begins anew.
REGISTRATION_SECONDS = 60.0


@dataclass(frozen=True)
class MadePush:
    """A push as it was sent: under which KEK, its number, and its octets."""

    kek: Kek
    sequence: int
    datagram: bytes
    is_heartbeat: bool = False


class Promise:
    """What message 2 promised, and what was pushed since."""

    def __init__(self, grant: Grant, now: float) -> None:
        self.grant = grant
        self.missed: list[MadePush] = []
        self._until = now + REGISTRATION_SECONDS
        self._kek = grant.sa.kek.spi if grant.sa.kek is not None else None
        self._teks = {tek.spi for tek in grant.sa.teks}

    def is_over(self, now: float) -> bool:
        """True when it was made too long ago."""
        return now > self._until

    def note(self, made: MadePush, push: Push) -> None:
        """Something was pushed: keep it when the member will be able to read it."""
        if made.kek.spi != self._kek:
            return
        self.missed.append(made)
        if push.sa is None:
            return
        self._teks |= {tek.spi for tek in push.sa.teks}
        if push.sa.kek is not None:
            self._kek = push.sa.kek.spi

    def leads_to(self, kek_spi: bytes | None, tek_spis: set[bytes]) -> bool:
        """True when the member will hold that KEK and these TEKs."""
        return self._kek == kek_spi and tek_spis <= self._teks

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a key's end overlaps with the next one: seconds that are left of the old key at each moment.

Pushed when 4 activation delays are left, sent with when 2 are, the old one dropped when 1 is
(Junos). A life that is shorter than 8 delays has no room for that: it is followed at its half, and
the moments behind move together towards its end.
"""

from __future__ import annotations

from dataclasses import dataclass

_PUSH_DELAYS, _KEPT_DELAYS = 4, 1
_SHARE_AT_PUSH = 0.5
# What a member holds of a key's end is late by the way that the key took, and by whole seconds: it
# changes so many seconds before the others drop the key, or so much of a delay where that is less.
_EARLIER_SECONDS, _EARLIER_SHARE = 2.0, 0.25
# So late is no first copy: with moments that lie close together even the shortest pause counts.
_LATE_SHARE, _LATE_SECONDS = 1 / 3, 1.5
_DOUBTFUL_DELAYS = 1.5
# For so long a registration that goes on has not failed.
_EARLY_SECONDS, _EARLY_SHARE = 20.0, 0.25


@dataclass(frozen=True)
class Overlap:
    """Seconds left of the old key when its successor is pushed, and what follows from that.

    ``wait``: how many delays a pushed key waits before it is sent with.
    """

    push: float
    delay: int
    wait: int = 2

    def is_doubtful(self, late: float) -> bool:
        """True when the key server may be what was late: then others change later than thought."""
        return late > _DOUBTFUL_DELAYS * self.delay

    @property
    def earlier(self) -> float:
        """How much sooner than they drop a key everybody stops to send with it."""
        return min(_EARLIER_SECONDS, _EARLIER_SHARE * self.delay)

    @property
    def change(self) -> float:
        """Seconds left when the successor is sent with."""
        return max(self.push - self.wait * self.delay, self.earlier)

    @property
    def drop(self) -> float:
        """Seconds left when it is dropped."""
        return max(self.push - (self.wait + _KEPT_DELAYS) * self.delay, 0.0)


def of_life(life: float, delay: int, wait: int = 2) -> Overlap:
    """For keys that live for so long."""
    return Overlap(min(_PUSH_DELAYS * delay, _SHARE_AT_PUSH * life), delay, wait)


def of_ends(end: float, next_end: float, delay: int, wait: int) -> Overlap:
    """For two keys that end then: what lies between is the life of the second up to that push."""
    return Overlap(min(_PUSH_DELAYS * delay, max(0.0, next_end - end)), delay, wait)


def lateness(end: float, life: float, delay: int, now: float) -> float:
    """How long after its time a rekey came that was due before the key's ``end``; 0: in time.

    Not the first copy, then: those that had it count from there, and so does the new key, which
    lives for ``life``.
    """
    push = of_life(life, delay).push
    late = now - (end - push)
    is_short = push < _PUSH_DELAYS * delay
    least = min(_LATE_SHARE * delay, _LATE_SECONDS) if is_short else _LATE_SHARE * delay
    return late if least < late < min(2 * delay, push) else 0.0


def earliness(end: float, life: float, delay: int, now: float) -> float:
    """How much earlier a key ends than was thought, by when its rekey came; 0: as was thought.

    Its life was told at the beginning of a registration, which may have taken long. With a whole
    life's room that does no harm.
    """
    push = of_life(life, delay).push
    early = end - push - now
    most = min(_EARLY_SECONDS, _EARLY_SHARE * push)
    return early if push < _PUSH_DELAYS * delay and 0 < early < most else 0.0

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who can read whom, at every instant: an observer above a group, and what it has seen.

It is told what each member sends with and receives with whenever that changes, and adds up for how
long which ordered pairs of members did not understand each other. It knows nothing of protocols:
states of machines feed it, or lines of ``members --events``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Standing:
    """What one member sends with (None: it holds no key to send with) and receives with."""

    sends_with: str | None
    receives_with: frozenset[str]


@dataclass(frozen=True)
class Report:
    """What was seen; all times in seconds.

    ``apart``: pair-seconds in which the second of a pair could not read the first, among
    ``together`` pair-seconds that there were. ``without_tek``, ``deaf`` (listed, yet another
    member's traffic is unreadable to it) and ``unlisted`` (alive, yet not in the list) are
    member-seconds; ``longest_without_tek`` is the worst that one member had at a stretch.
    """

    seconds: float
    together: float
    apart: float
    gaps: int
    without_tek: float
    longest_without_tek: float
    deaf: float
    unlisted: float

    @property
    def share(self) -> float:
        """The part of all pair-seconds without understanding."""
        return self.apart / self.together if self.together else 0.0


class Observer:
    """Adds up over time; everything before :meth:`begin` does not count."""

    def __init__(self) -> None:
        self._standings: dict[str, Standing] = {}
        self._listed: frozenset[str] = frozenset()
        self._silent_since: dict[str, float] = {}
        self._senders: Counter[str] = Counter()
        self._receivers: Counter[str] = Counter()
        self._understood = 0
        self._now = 0.0
        self.begin(0.0)

    def begin(self, now: float) -> None:
        """Count from now on."""
        self._began = self._now = now
        self._together = self._apart = self._without = self._deaf = self._unlisted = 0.0
        self._longest, self._gaps, self._in_gap = 0.0, 0, False
        self._silent_since = dict.fromkeys(self._silent_since, now)

    def saw(self, member: str, standing: Standing, now: float) -> None:
        """A member's keys are these from now on."""
        if self._standings.get(member) == standing:
            return
        self._until(now)
        self._count(self._standings.pop(member, None), -1)
        self._standings[member] = standing
        self._count(standing, 1)
        if standing.sends_with is None:
            self._silent_since.setdefault(member, now)
        else:
            self._end_silence(member, now)

    def told(self, event: Mapping[str, Any]) -> None:
        """A line of ``--events``, read; what changes no keys says nothing of who reads whom."""
        if "receives_with" in event:
            readable = frozenset(event["receives_with"])
            self.saw(event["member"], Standing(event["sends_with"], readable), event["time"])

    @property
    def members(self) -> set[str]:
        """Who is observed just now."""
        return set(self._standings)

    def gone(self, member: str, now: float) -> None:
        """A member is switched off: nobody expects to understand it."""
        self._until(now)
        self._count(self._standings.pop(member, None), -1)
        self._end_silence(member, now)

    def lists(self, members: Iterable[str], now: float) -> None:
        """The key server's list is this from now on."""
        listed = frozenset(members)
        if listed != self._listed:
            self._until(now)
            self._listed = listed

    def report(self, now: float) -> Report:
        """What was seen so far."""
        self._until(now)
        open_silences = [now - since for since in self._silent_since.values()]
        return Report(
            now - self._began,
            self._together,
            self._apart,
            self._gaps,
            self._without,
            max([self._longest, *open_silences]),
            self._deaf,
            self._unlisted,
        )

    def unreadable(self) -> dict[str, set[str]]:
        """Just now: for each member that misses something, the SPIs that it cannot read."""
        sent = set(self._senders)
        found = {name: sent - one.receives_with for name, one in self._standings.items()}
        return {name: missed for name, missed in found.items() if missed}

    def _end_silence(self, member: str, now: float) -> None:
        since = self._silent_since.pop(member, now)
        self._longest = max(self._longest, now - since)

    def _count(self, standing: Standing | None, step: int) -> None:
        """Enter or remove a member; ordered pairs are counted without its reading itself."""
        if standing is None:
            return
        spi, readable = standing.sends_with, standing.receives_with
        pairs = (self._receivers[spi] - (step < 0 and spi in readable)) if spi else 0
        pairs += sum(self._senders[s] for s in readable)
        pairs -= step < 0 and spi in readable
        self._understood += step * pairs
        if spi:
            self._senders[spi] += step
            if not self._senders[spi]:
                del self._senders[spi]
        for one in readable:
            self._receivers[one] += step
            if not self._receivers[one]:
                del self._receivers[one]

    def _until(self, now: float) -> None:
        passed, self._now = now - self._now, now
        if passed <= 0:
            return
        count = len(self._standings)
        pairs = count * (count - 1)
        apart = pairs - self._understood
        self._together += pairs * passed
        self._apart += apart * passed
        self._gaps += apart > 0 and not self._in_gap
        self._in_gap = apart > 0
        self._without += len(self._silent_since) * passed
        if apart:
            self._deaf += len(self._listed.intersection(self.unreadable())) * passed
        self._unlisted += len(self._standings.keys() - self._listed) * passed

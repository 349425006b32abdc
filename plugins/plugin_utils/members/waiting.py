# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waiting for signs of life: look, tell, sleep, until everybody was heard of or time is over.

The clock and the device are handed in: nothing here knows of either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .gate import Awaited, Cause, fullest, shown
from .life import UNDATED, Listed, Moment, Name, Roll, is_new, sent_since, sign_of_life

SAY_AGAIN_SECONDS = 60
"""An unchanged state is told again after this long."""


@dataclass(frozen=True)
class Look:
    """One look at a device: its lists, the time of its last commit, its keys for rekeying.

    ``commit`` is '' where the device does not tell, None where nothing is compared with it;
    ``fresh``: False for what was seen earlier, because the device could not be looked at now.
    """

    groups: Sequence[Mapping[str, Any]]
    commit: str | None = None
    keks: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = True


@dataclass(frozen=True)
class Progress:
    """How far one group is; ``unknown``: who of the missing may have been heard of since."""

    awaited: Awaited
    returned: tuple[str, ...]
    missing: tuple[str, ...]
    alive: int
    unknown: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Everybody who was waited for was heard of."""
        return not self.missing and self.alive >= self.awaited.min_members

    def __str__(self) -> str:
        """One line for a person."""
        entry = self.awaited
        head = f"{entry.group} ({entry.communication})"
        if not entry.proves:
            return f"{head}: {entry.cause.value}"
        if not entry.names and not entry.min_members:
            return f"{head}: nobody was listed before, there is nobody to wait for"
        return f"{head}: {'; '.join(self._parts()) or 'enough members are alive'}"

    def _parts(self) -> Iterator[str]:
        entry = self.awaited
        if entry.names:
            who = f": {', '.join(self.returned)}" if self.returned else ""
            yield f"{len(self.returned)} of {len(entry.names)} heard of{who}"
        if self.missing:
            yield f"waiting for {', '.join(self.missing)}"
        if self.unknown:
            who = ", ".join(self.unknown)
            yield f"unknown whether it was before or after the change: {who} registered"
        if self.alive < entry.min_members:
            yield f"{self.alive} of at least {entry.min_members} members alive"
        if not self.done and entry.clustered:
            yield "other servers have the group, too, and lists of their own"

    def as_result(self) -> dict[str, Any]:
        """One of the module's ``groups``."""
        entry = self.awaited
        return {
            "group": entry.group,
            "communication": entry.communication,
            "proof": entry.proves,
            "cause": entry.cause.name.lower(),
            "why": entry.cause.value,
            "seconds": entry.seconds,
            "cycle": entry.cycle,
            "min_members": entry.min_members,
            "expected": [shown(name) for name in entry.names],
            "returned": list(self.returned),
            "missing": list(self.missing),
            "unknown": list(self.unknown),
            "clustered": entry.clustered,
            "alive": self.alive,
        }


@dataclass
class Watch:
    """The groups that are waited for, and what was known of them before."""

    entries: Sequence[Awaited]
    before: Look
    _first: Look | None = None
    _rekeyed_at: dict[str, float] = field(default_factory=dict)
    _listed: dict[str, dict[Name, Listed]] = field(default_factory=dict)
    _came: dict[str, set[Name]] = field(default_factory=dict)

    def progress(self, now: Look, elapsed: float) -> list[Progress]:
        """How far each group is, ``elapsed`` seconds after the wait began."""
        if now.fresh:
            self._first = self._first or now
        lists = fullest(now.groups)
        return [
            self._of(entry, Roll(_members(lists, entry)), now, elapsed) for entry in self.entries
        ]

    def _of(self, entry: Awaited, listed: Roll, now: Look, elapsed: float) -> Progress:
        signs = self._signs(entry, listed, now, elapsed)
        rows = zip(entry.names, listed.each(entry.names), strict=True)
        seen = [(shown(name), signs.get(id(row))) for name, row in rows]
        return Progress(
            entry,
            tuple(name for name, sign in seen if sign not in (None, UNDATED)),
            tuple(name for name, sign in seen if sign in (None, UNDATED)),
            len({_name(m) for m in listed.members if signs[id(m)] not in (None, UNDATED)}),
            tuple(name for name, sign in seen if sign == UNDATED),
        )

    def _signs(
        self, entry: Awaited, listed: Roll, now: Look, elapsed: float
    ) -> dict[int, str | None]:
        """What shows of each who is listed that it lives."""
        rekeyed, came = self._rekeyed(entry, now, elapsed), self._arrivals(entry, listed)
        # Without a change there is no commit that a registration would have to follow.
        commit = now.commit if entry.cause is not Cause.ASKED else now.commit or None
        earlier, first = _roll(self.before, entry), _roll(self._first, entry)

        def sign(member: Listed) -> str | None:
            name = _name(member)
            before, begun = earlier.find(*name), first.find(*name)
            older = _older(entry, before, begun)
            return sign_of_life(before, member, Moment(commit, rekeyed, name in came, older))

        return {id(member): sign(member) for member in listed.members}

    def _arrivals(self, entry: Awaited, listed: Roll) -> set[Name]:
        """Who came, or registered again, between two looks; all of them are after the change."""
        if self._first is None:
            # Nothing was seen yet, and whoever is seen then need not have come.
            return set()
        there = {_name(member): member for member in listed.members}
        earlier = self._listed.get(entry.group, there)
        came = self._came.setdefault(entry.group, set())
        came |= {name for name, member in there.items() if is_new(earlier.get(name), member)}
        self._listed[entry.group] = there
        return came

    def _rekeyed(self, entry: Awaited, now: Look, elapsed: float) -> bool:
        """True when a unicast rekey was seen to have gone out a whole cycle ago.

        Where the change itself causes none, one that was there at the first look may be older.
        """
        asked_before = entry.cause in (Cause.PUSH, Cause.ASKED)
        since = self.before if asked_before else self._first or now
        old, new = since.keks.get(entry.group), now.keks.get(entry.group)
        if entry.communication != "unicast" or old is None or new in (None, old):
            return False
        return elapsed - self._rekeyed_at.setdefault(entry.group, elapsed) >= entry.cycle


def _roll(look: Look | None, entry: Awaited) -> Roll:
    return Roll(_members(fullest(look.groups if look is not None else ()), entry))


def _older(entry: Awaited, before: Listed | None, first: Listed | None) -> int:
    """How many rekeys may have gone out to a member before the change, by the first look after it.

    An acknowledgement of those is no sign that it lives with the change.
    """
    if entry.cause is Cause.ASKED or before is None or first is None:
        return 0
    return max(0, sent_since(before, first) - entry.pushes)


def _name(member: Listed) -> Name:
    return member.get("gateway"), member.get("address")


def _members(lists: Mapping[str, Mapping[str, Any]], entry: Awaited) -> Sequence[Mapping[str, Any]]:
    group = lists.get(entry.group)
    return group["members"] if group is not None else ()


@dataclass(frozen=True)
class Times:
    """How long to wait and how often to look, in seconds; and what tells and passes the time."""

    timeout: float
    poll: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]


class Waited(NamedTuple):
    """How far each group came, and the seconds that it took.

    ``seen``: the device could be looked at in the end, without which nothing is decided.
    """

    state: list[Progress]
    elapsed: float
    seen: bool


def wait(
    watch: Watch, look: Callable[[], Look], times: Times, say: Callable[[str], None]
) -> Waited:
    """Look until everybody was heard of. At the end ``done`` says who came back."""
    begin = times.clock()
    least = max((entry.cycle for entry in watch.entries if entry.names), default=0)
    told: dict[str, tuple[str, float]] = {}
    seen_at = 0.0
    while True:
        now = look()
        elapsed = times.clock() - begin
        seen_at = elapsed if now.fresh else seen_at
        state = watch.progress(now, seen_at)
        _tell(state, elapsed, told, say)
        ready = now.fresh and all(one.done for one in state) and elapsed >= least
        if ready or elapsed >= times.timeout:
            return Waited(state, elapsed, now.fresh)
        # Before the cycle is over nothing is decided: look again when it is.
        until = least if elapsed < least else times.timeout
        times.sleep(max(0.0, min(times.poll, until - elapsed)))


def _tell(
    state: Iterable[Progress],
    elapsed: float,
    told: dict[str, tuple[str, float]],
    say: Callable[[str], None],
) -> None:
    for one in state:
        line, when = told.get(one.awaited.group, ("", 0.0))
        if str(one) != line or elapsed - when >= SAY_AGAIN_SECONDS:
            told[one.awaited.group] = (str(one), elapsed)
            say(f"{elapsed:.0f} s: {one}")

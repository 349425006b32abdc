# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What happened on a device between two readings of its lists, as events.

A list that could not be read says nothing of its members: the next one is compared with the last
that was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from .gate import fullest
from .read import no_list

Event = dict[str, Any]
"""``event``, ``device``, and what the event is about."""


class Happened(StrEnum):
    """What events are about."""

    MEMBER_LOST = "member_lost"
    MEMBER_JOINED = "member_joined"
    UNACKNOWLEDGED = "unacknowledged"
    LIST_CLEARED = "list_cleared"
    CONFIGURATION_DRIFT = "configuration_drift"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    READ_AGAIN = "read_again"


_CONFIGURED = ("id", "communication", "gateways", "clustered")


class Watch:
    """One device; the first reading is what later ones are compared with."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._last: Mapping[str, Mapping[str, Any]] | None = None
        self._unlisted: frozenset[str] = frozenset()
        self._trouble: Happened | None = None

    def read(
        self, groups: Sequence[Mapping[str, Any]], unlisted: Collection[str] = ()
    ) -> list[Event]:
        """The events of a reading: ``groups`` as ``registered_members_info`` returns them.

        ``unlisted``: groups that are configured and of which the device shows no list. They are
        compared when it shows one again.
        """
        now = fullest(groups)
        events = []
        if self._trouble is not None:
            events.append(self._event(Happened.READ_AGAIN))
        events += self._listed_or_not(now, unlisted)
        last = {} if self._last is None else self._last
        for name in dict.fromkeys([*now, *last]):
            is_first = name not in last and name in self._unlisted
            if self._last is not None and name not in unlisted and not is_first:
                events += self._changes(name, last.get(name), now.get(name))
        kept = {name: last[name] for name in unlisted if name in last}
        self._last, self._unlisted, self._trouble = {**kept, **now}, frozenset(unlisted), None
        return events

    def _listed_or_not(self, now: Collection[str], unlisted: Collection[str]) -> list[Event]:
        """Of which groups it begins and ends that nobody knows who is registered."""
        begins = [name for name in unlisted if name not in self._unlisted]
        ends = [name for name in now if name in self._unlisted]
        return [
            *(self._event(Happened.UNKNOWN, group=name, why=no_list(name)) for name in begins),
            *(self._event(Happened.READ_AGAIN, group=name) for name in ends),
        ]

    def failed(self, what: Happened, why: str) -> list[Event]:
        """The event of a reading that failed: one for each time that it begins to."""
        begun = what is not self._trouble
        self._trouble = what
        return [self._event(what, why=why)] if begun else []

    def _event(self, what: Happened, **about: Any) -> Event:
        return {"event": what.value, "device": self._device, **about}

    def _changes(
        self, name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
    ) -> Iterator[Event]:
        before, after = _settings(old), _settings(new)
        if before != after:
            yield self._event(Happened.CONFIGURATION_DRIFT, group=name, before=before, after=after)
        was, now = _members(old), _members(new)
        means = (new or old or {}).get("list_shows")
        gone = [member for key, member in was.items() if key not in now]
        uneven = {key[:-1] for key in was.keys() ^ now.keys()}
        # A list of one is empty as well when that one is taken out of it.
        if gone and not now and (len(gone) > 1 or before != after):
            yield self._event(
                Happened.LIST_CLEARED, group=name, members=[_who(m) for m in gone], list_shows=means
            )
        else:
            for member in gone:
                yield self._event(
                    Happened.MEMBER_LOST, group=name, list_shows=means, **_who(member)
                )
        for key, member in now.items():
            if key not in was:
                yield self._event(
                    Happened.MEMBER_JOINED, group=name, list_shows=means, **_who(member)
                )
            elif key[:-1] not in uneven and (more := _more(was[key], member)) > 0:
                yield self._event(Happened.UNACKNOWLEDGED, group=name, pushes=more, **_who(member))


def _settings(group: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if group is None else {name: group.get(name) for name in _CONFIGURED}


def _members(group: Mapping[str, Any] | None) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    """By gateway, address and a number: several members may have one address."""
    found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    times: Counter[tuple[Any, Any]] = Counter()
    members = () if group is None else group["members"]
    # Which of them is which, nothing says: their counters are told apart by their size.
    for member in sorted(members, key=_unacknowledged):
        key = member.get("gateway"), member.get("address")
        found[(*key, times[key])] = member
        times[key] += 1
    return found


def _who(member: Mapping[str, Any]) -> dict[str, Any]:
    return {"gateway": member.get("gateway"), "address": member.get("address")}


def _more(before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    """By how much a counter grew; one that is smaller has begun anew."""
    was, now = _unacknowledged(before), _unacknowledged(after)
    return now - was if now >= was else now


def _unacknowledged(member: Mapping[str, Any]) -> int:
    return member.get("push_unacknowledged") or 0

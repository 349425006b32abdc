# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What happened on a device between two readings of its lists, as events.

A list that could not be read says nothing of its members: the next one is compared with the last
that was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from .gate import fullest

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
        self._trouble: Happened | None = None

    def read(self, groups: Sequence[Mapping[str, Any]]) -> list[Event]:
        """The events of a reading: ``groups`` as ``registered_members_info`` returns them."""
        now = fullest(groups)
        events = []
        if self._trouble is not None:
            events.append(self._event(Happened.READ_AGAIN))
        if self._last is not None:
            for name in [*now, *(n for n in self._last if n not in now)]:
                events += self._changes(name, self._last.get(name), now.get(name))
        self._last, self._trouble = now, None
        return events

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
            elif (more := _more(_unacknowledged(was[key]), _unacknowledged(member))) > 0:
                yield self._event(Happened.UNACKNOWLEDGED, group=name, pushes=more, **_who(member))


def _settings(group: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if group is None else {name: group.get(name) for name in _CONFIGURED}


def _members(group: Mapping[str, Any] | None) -> dict[tuple[Any, Any], Mapping[str, Any]]:
    members = () if group is None else group["members"]
    return {(member.get("gateway"), member.get("address")): member for member in members}


def _who(member: Mapping[str, Any]) -> dict[str, Any]:
    return {"gateway": member.get("gateway"), "address": member.get("address")}


def _more(was: int, now: int) -> int:
    """By how much a counter grew; one that is smaller has begun anew."""
    return now - was if now >= was else now


def _unacknowledged(member: Mapping[str, Any]) -> int:
    return member.get("push_unacknowledged") or 0

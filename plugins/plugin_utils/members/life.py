# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Signs of life: what shows that a listed member was heard of since an earlier list.

A place in the list is not one. A registration or an acknowledgement is, if it came later than the
earlier list and than the last commit. Devices print times to the second: a registration in the
commit's own second counts only for who was seen to come into the list after the commit. So does one
whose time, or whose commit's time, the device does not tell: else it may have been before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .addresses import canonical_address
from .times import differ, seconds_after

Listed = Mapping[str, Any]
"""A member of the ``groups`` that ``registered_members_info`` returns."""
Lists = Mapping[str, Sequence[Listed]]
"""One server's groups by name, each with the members that it lists, and what it counts of them."""
Name = tuple[str | None, str | None]
"""A member's gateway and address; either may be unknown."""

REGISTERED, ACKNOWLEDGED, KEPT = "registered", "acknowledged", "kept"
UNDATED = "undated"
"""A registration of which nobody knows whether it was before the commit or after it: no sign."""


@dataclass(frozen=True)
class Moment:
    """When signs of life begin to count.

    ``commit``: the last commit's time as the device prints it, '' where it does not tell, None
    where none is compared with; ``rekeyed``: a unicast rekey went out since, a full retransmission
    cycle ago: the device has kept in its list who acknowledged; ``came``: the member was missing
    in an earlier look after the commit, or has registered since that; ``older``: how many rekeys
    may have gone out between the earlier list and the commit.
    """

    commit: str | None = None
    rekeyed: bool = False
    came: bool = False
    older: int = 0


def sign_of_life(before: Listed | None, now: Listed, moment: Moment) -> str | None:
    """What shows that a member lives, or UNDATED; None when nothing does.

    ``before``: the member in the earlier list, None when it was not in it.
    """
    later = _later(now.get("last_update"), moment) if is_new(before, now) else False
    if later:
        return REGISTERED
    if before is not None and _acknowledged_since(before, now, moment.older):
        return ACKNOWLEDGED
    # Group VPNv1 has no counters: what its list means must do.
    if before is not None and moment.rekeyed and now.get("push_acknowledged") is None:
        return KEPT
    return UNDATED if later is None else None


def is_new(before: Listed | None, now: Listed) -> bool:
    """True for a member that came into the list or registered since the earlier one."""
    return before is None or _again(before, now)


def _again(before: Listed, now: Listed) -> bool:
    """True for a member that registered between two lists."""
    if differ(now.get("last_update"), before.get("last_update")):
        return True
    return _more(before, now, "pull_succeeded") > 0


def _later(heard: str | None, moment: Moment) -> bool | None:
    """Whether a member was heard of after the commit; None: that cannot be told."""
    if moment.commit is None:
        return True
    after = seconds_after(heard, moment.commit)
    if after is None:
        return moment.came or None
    return after > 0 or (after == 0 and moment.came)


def _acknowledged_since(before: Listed, now: Listed, older: int) -> bool:
    """True when more was acknowledged than what was on its way when the change was made."""
    return _more(before, now, "push_acknowledged") > max(0, in_flight(before) or 0) + older


def sent_since(before: Listed, now: Listed) -> int:
    """How many rekeys went out to a member between two lists."""
    return max(0, _more(before, now, "push_sent"))


def _more(before: Listed, now: Listed, name: str) -> int:
    """By how much a counter grew; 0 where one of the lists does not have it."""
    known = before.get(name) is not None and now.get(name) is not None
    return _count(now, name) - _count(before, name) if known else 0


def in_flight(member: Listed) -> int | None:
    """Rekeys that are neither acknowledged nor given up; None where nothing is counted."""
    if member.get("push_sent") is None:
        return None
    done = _count(member, "push_acknowledged") + _count(member, "push_unacknowledged")
    return _count(member, "push_sent") - done


def _count(member: Listed, name: str) -> int:
    value = member.get(name)
    return value if isinstance(value, int) else 0


# Who is who in two lists


def _one_form(address: str) -> str:
    """An address as it is compared: devices write IPv6 addresses in more than one way."""
    return canonical_address(address) or address


def _once(members: Iterable[Listed]) -> list[Listed]:
    found: dict[tuple[str, str], Listed] = {}
    for member in members:
        name = (str(member.get("gateway")), _one_form(str(member.get("address"))))
        after = seconds_after(member.get("last_update"), found.get(name, {}).get("last_update"))
        if name not in found or (after or 0) > 0:
            found[name] = member
    return list(found.values())


def _newest(rows: Sequence[Listed]) -> Listed | None:
    """The row that was heard of last; None where nobody can tell."""
    found = next(iter(rows), None)
    for row in rows[1:]:
        after = seconds_after(row.get("last_update"), (found or {}).get("last_update"))
        if after is None:
            return None
        found = row if after > 0 else found
    return found


@dataclass
class Roll:
    """The members of one group's list, found by name: a gateway, an address, or both.

    Of one that is listed more than once the row counts that was heard of last: two rows with two
    times are no registration.
    """

    members: Iterable[Listed]
    _by_address: dict[str, list[Listed]] = field(init=False, default_factory=dict)
    _by_gateway: dict[str, list[Listed]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.members = _once(self.members)
        for member in self.members:
            self._by_address.setdefault(_one_form(str(member.get("address"))), []).append(member)
            self._by_gateway.setdefault(str(member.get("gateway")), []).append(member)

    def at(self, address: str | None) -> list[Listed]:
        """The members at an address."""
        return self._by_address.get(_one_form(address), []) if address else []

    def called(self, gateway: str | None, address: str | None) -> list[Listed]:
        """All members of a name that is a gateway or an address."""
        return self.at(address) if address else self._by_gateway.get(gateway or "", [])

    def find(self, gateway: str | None, address: str | None) -> Listed | None:
        """A member; one whose address changed is found where it alone comes in by its gateway.

        By a gateway alone whoever came in by it last: until it is dropped, the row of a member's
        address from before stands beside its new one.
        """
        there = self.at(address)
        found = next((m for m in there if gateway in (None, m.get("gateway"))), None)
        if found is not None:
            return found
        by_gateway = self._by_gateway.get(gateway or "", [])
        if address is None:
            return _newest(by_gateway)
        return by_gateway[0] if len(by_gateway) == 1 else None

    def each(self, names: Sequence[Name]) -> Iterator[Listed | None]:
        """Who of the list each of several is: who was at another address is none of the others."""
        found = [(self.find(gateway, address), address) for gateway, address in names]
        taken = {id(member) for member, address in found if _is_at(member, address)}
        for member, address in found:
            moved = address is not None and not _is_at(member, address)
            yield None if moved and id(member) in taken else member
            taken |= {id(member)} if moved else set()


def _is_at(member: Listed | None, address: str | None) -> bool:
    there = None if member is None else member.get("address")
    return address is not None and _one_form(str(there)) == _one_form(address)

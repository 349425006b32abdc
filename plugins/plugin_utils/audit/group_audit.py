# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The audit of one group: its members against who is expected, told by what the list means."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engine.counting import counted
from ..members.addresses import canonical_address
from ..members.life import in_flight
from ..members.meaning import LIST_SHOWS
from ..members.times import seconds_of
from .expectations import ExpectedGroup, ExpectedMember, Role
from .findings import Finding, Kind, Severity, named
from .listing import Listing

DEFAULT_STALE_SECONDS = 86_400
DEFAULT_SETTLE_SECONDS = 3_600
CLOCK_TOLERANCE_SECONDS = 120


@dataclass(frozen=True)
class Options:
    """How to judge; times in seconds, ``now`` since the epoch.

    ``configured_ago``: how old the device's configuration is, None when not known; below 0 it is
    dated in the future.
    """

    now: float = field(default_factory=time.time)
    stale_after: int = DEFAULT_STALE_SECONDS
    settle: int = DEFAULT_SETTLE_SECONDS
    configured_ago: float | None = None

    @property
    def is_from_the_future(self) -> bool:
        """Whether the device dates its configuration so that its age is not known."""
        return (self.configured_ago or 0) < -CLOCK_TOLERANCE_SECONDS


_MEANS = {
    "registered": (
        "without server-member-communication the list shows all that registered, active or not"
    ),
    "active": "with unicast the list shows active members only",
    "registered_since_configured": (
        "with multicast the list shows who registered since it was configured, alive or not"
    ),
}
_ABSENT = {
    "registered": "it has not registered since the key server started or its list was cleared",
    "active": (
        "it never registered, did not acknowledge a rekey and was removed, or was cleared since"
    ),
    "registered_since_configured": (
        "it has not registered since multicast was configured or the list was cleared"
    ),
}


def means(list_shows: str) -> str:
    """What a list shows, as a clause."""
    return _MEANS.get(list_shows, "what the list shows is not known")


class Clock:
    """``seconds_of`` for many members: fleets register in bursts, equal times are read once."""

    def __init__(self) -> None:
        self._known: dict[str | None, float | None] = {}

    def read(self, text: str | None) -> float | None:
        if text not in self._known:
            self._known[text] = seconds_of(text)
        return self._known[text]


class GroupAudit:
    """One group."""

    def __init__(
        self,
        group: Mapping[str, Any],
        expected: ExpectedGroup | None,
        options: Options,
        clock: Clock,
    ) -> None:
        self.findings: list[Finding] = []
        self._absent: list[dict[str, Any]] = []
        self._name = str(group["name"])
        self._options, self._clock = options, clock
        communication = str(group.get("communication") or "none")
        self._shows = str(group.get("list_shows") or LIST_SHOWS.get(communication) or "registered")
        self._id, self._communication = group.get("id"), communication
        self._listed, self._expected = group["members"], expected
        self._members: list[dict[str, Any]] = []
        self._settling = False

    def run(self) -> dict[str, Any]:
        """Fill ``findings``; the group's view, a state for each member."""
        self._members = [self._member(member) for member in self._listed]
        self._settling = self._is_settling()
        self._duplicates()
        if self._expected is not None:
            self._compare(self._expected)
        self._ages_and_pushes()
        self._meaning()
        return self._view()

    def _view(self) -> dict[str, Any]:
        expected = self._expected
        return {
            "name": self._name,
            "id": self._id,
            "communication": self._communication,
            "list_shows": self._shows,
            "means": means(self._shows),
            "settling": self._settling,
            "member_count": len(self._members),
            "min_members": expected.min_members if expected else None,
            "expected_count": len(expected.members) if expected else None,
            "hosts": list(expected.hosts) if expected else [],
            "members": self._members,
            "absent": self._absent,
        }

    def _is_settling(self) -> bool:
        """True when the last commit may have emptied the list and members had no time since."""
        ago = self._options.configured_ago
        if ago is None or ago >= self._options.settle or self._options.is_from_the_future:
            return False
        # Who registered before that commit shows that it did not empty the list.
        known_from = ago + CLOCK_TOLERANCE_SECONDS
        return all(m["age"] is None or m["age"] <= known_from for m in self._members)

    def _find(self, member: str, kind: Kind, severity: Severity, why: str) -> None:
        self.findings.append(Finding(self._name, member, kind, severity, why))

    def _member(self, member: Mapping[str, Any]) -> dict[str, Any]:
        text = str(member.get("address") or "")
        address = canonical_address(text)
        gateway = str(member.get("gateway") or "")
        state = "listed"
        if address is None:
            state = "malformed"
            self._find(
                f"{gateway} {text}".strip(),
                Kind.MALFORMED,
                Severity.WARNING,
                f"the device lists {text!r} in the place of an address",
            )
        updated = self._clock.read(member.get("last_update"))
        age = None if updated is None else self._options.now - updated
        return {**member, "address": address or text, "state": state, "age": age}

    def _duplicates(self) -> None:
        seen: dict[str, str] = {}
        for member in self._members:
            address, gateway = member["address"], str(member.get("gateway") or "")
            if address in seen:
                self._mark(member, "duplicate")
                self._find(
                    named(member),
                    Kind.DUPLICATE,
                    Severity.WARNING,
                    f"{address} is listed more than once, as {seen[address]} and as {gateway}",
                )
            seen.setdefault(address, gateway)

    def _compare(self, expected: ExpectedGroup) -> None:
        listing = Listing(self._members, {wanted.address for wanted in expected.members})
        right: set[int] = set()
        for wanted in expected.members:
            found = listing.found(wanted.gateway, wanted.address, wanted.role.value)
            if not found:
                self._missing(wanted)
            count = len({member["address"] for member in found})
            for member in found:
                right.add(id(member))
                member["role"] = wanted.role.value
                member["about"] = dict(wanted.about)
                self._moved(wanted, member, count)
        if expected.members:
            for member in self._members:
                if id(member) not in right:
                    self._unexpected(member)
        self._count(expected)

    def _count(self, expected: ExpectedGroup) -> None:
        """Whether as many are listed as are expected at least."""
        minimum = expected.min_members
        there = len({m["address"] for m in self._members if m["state"] != "malformed"})
        if minimum is None or there >= minimum:
            return
        alone = len(expected.hosts) <= 1
        self._find(
            "",
            Kind.BELOW_MINIMUM,
            self._softened(Severity.ERROR) if alone else Severity.WARNING,
            f"{counted(there, 'member')} listed, at least {minimum} expected"
            f"{'' if alone else _not_alone(expected.hosts)}; "
            f"{means(self._shows)}{self._settling_note()}",
        )

    def _moved(self, wanted: ExpectedMember, member: dict[str, Any], count: int) -> None:
        gateway = str(member.get("gateway") or "")
        if wanted.address == member["address"] and wanted.gateway not in (None, gateway):
            self._mark(member, "unexpected")
            self._find(
                named(member),
                Kind.UNEXPECTED,
                Severity.ERROR,
                f"{wanted.address} is expected at gateway {wanted.gateway} and came in by "
                f"{gateway}",
            )
        elif wanted.address is None and wanted.role is Role.STATIC and count > 1:
            self._mark(member, "duplicate")
            self._find(
                named(member),
                Kind.DUPLICATE,
                Severity.WARNING,
                f"{count} came in by gateway {gateway}, one member is expected",
            )

    def _missing(self, wanted: ExpectedMember) -> None:
        self._absent.append(wanted.as_row("missing"))
        if len(wanted.hosts) > 1:
            severity = Severity.INFO if wanted.role is Role.DYNAMIC else Severity.WARNING
            why = f"it is not listed here{_not_alone(wanted.hosts)}"
        elif wanted.role is Role.DYNAMIC:
            severity = Severity.INFO
            why = "it is a dynamic peer: its absence is not an alarm by itself"
        else:
            severity = self._softened(Severity.ERROR)
            why = f"{_ABSENT.get(self._shows, 'it is not listed')}{self._settling_note()}"
        self._find(str(wanted), Kind.MISSING, severity, f"{why}; {means(self._shows)}")

    def _unexpected(self, member: dict[str, Any]) -> None:
        self._mark(member, "unexpected")
        self._find(
            named(member),
            Kind.UNEXPECTED,
            Severity.ERROR,
            f"it holds the group's keys and is not expected; {means(self._shows)}",
        )

    def _ages_and_pushes(self) -> None:
        for member in self._members:
            self._stale(member)
            self._counters(member)
            self._unacknowledged(member)
        ages = (member["age"] for member in self._members)
        future = sum(age is not None and age < -CLOCK_TOLERANCE_SECONDS for age in ages)
        if future:
            self._find(
                "",
                Kind.CLOCK,
                Severity.WARNING,
                f"{counted(future, 'member')} heard of in the future: the device's clock or time "
                "zone differs from the controller's, ages cannot be trusted",
            )

    def _stale(self, member: dict[str, Any]) -> None:
        age, limit = member["age"], self._options.stale_after
        if age is None or age <= limit:
            return
        self._mark(member, "stale")
        self._find(
            named(member),
            Kind.STALE,
            Severity.INFO if member.get("role") == "dynamic" else Severity.WARNING,
            f"last heard of {_span(age)} ago, more than {_span(limit)}; {means(self._shows)}",
        )

    def _unacknowledged(self, member: dict[str, Any]) -> None:
        count = member.get("push_unacknowledged")
        if not isinstance(count, int) or count <= 0:
            return
        self._mark(member, "unacknowledged")
        self._find(
            named(member),
            Kind.UNACKNOWLEDGED,
            Severity.WARNING,
            f"{count} of {member.get('push_sent') or '?'} rekeys without an acknowledgement: it "
            "may hold old keys",
        )

    def _counters(self, member: dict[str, Any]) -> None:
        """Rekeys that were sent are acknowledged, given up, or on their way."""
        member["push_in_flight"] = rest = in_flight(member)
        if rest is not None and rest < 0:
            self._find(
                named(member),
                Kind.COUNTERS,
                Severity.WARNING,
                f"the device counts {counted(member['push_sent'], 'rekey')} sent, and {-rest} more "
                "acknowledged or given up: its counters do not add up",
            )

    def _meaning(self) -> None:
        if self._members and self._shows != "active":
            self._find(
                "",
                Kind.NOT_PROOF_OF_LIVENESS,
                Severity.INFO,
                f"a member in this list is not thereby alive: {means(self._shows)}",
            )

    def _softened(self, severity: Severity) -> Severity:
        return Severity.WARNING if self._settling else severity

    def _settling_note(self) -> str:
        if not self._settling:
            return ""
        ago = max(0, self._options.configured_ago or 0)
        return (
            f" (cannot be judged yet: the configuration is {_span(ago)} old and members "
            "have had no time to register again)"
        )

    def _mark(self, member: dict[str, Any], state: str) -> None:
        if member["state"] == "listed":
            member["state"] = state


def _not_alone(hosts: Sequence[str]) -> str:
    return f"; {' and '.join(hosts)} are a cluster, whose lists count as one"


_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def _span(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Membership audit: members against expectations, told by what the list means.

Juniper's description of server-member communication says what ``registered-members`` shows:
without it all that registered, active or not; unicast active members only; multicast those that
registered since it was configured, alive or not. Every finding says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import Refused
from ..members.gate import fullest
from .expectations import Expectations, ExpectedGroup, Role
from .findings import SEVERITIES, Finding, Kind, Severity, summary
from .group_audit import Clock, GroupAudit, Options
from .rows import ABOUT, COLUMNS
from .shape import WORDS, Check, each, is_count, is_name, is_text


def audit(
    groups: Iterable[Mapping[str, Any]],
    expected: Expectations,
    options: Options,
) -> dict[str, Any]:
    """``compliant``, ``findings``, ``summary`` and ``groups`` with a state for each member.

    ``groups`` is what ``registered_members_info`` returns. Raises Refused when it is not.
    """
    findings: list[Finding] = []
    judged: list[dict[str, Any]] = []
    clock = Clock()
    by_name = fullest(checked(groups))
    for name, group in by_name.items():
        one = GroupAudit(group, expected.get(name), options, clock)
        judged.append(one.run())
        findings += one.findings
    for name, wanted in expected.items():
        if name not in by_name:
            findings.append(_absent_group(wanted))
            judged.append(unseen_group(wanted, "missing"))
    if options.is_from_the_future:
        findings.append(_FUTURE)
    findings.sort(key=lambda f: SEVERITIES.index(f.severity.value), reverse=True)
    return {
        "compliant": all(f.severity is Severity.INFO for f in findings),
        "findings": [finding.as_dict() for finding in findings],
        "summary": summary([g for g in judged if g["list_shows"]], findings),
        "groups": judged,
    }


_FUTURE = Finding(
    *("", "", Kind.CLOCK, Severity.WARNING),
    "the device dates its last commit in the future: how old its configuration is, and whether "
    "members had time to register again, is not known; set NTP there and here",
)


def add_finding(result: dict[str, Any], kind: Kind, severity: Severity, why: str) -> None:
    """Add one about the host as a whole to an audit's result."""
    finding = Finding("", "", kind, severity, why)
    result["findings"] = [finding.as_dict(), *result["findings"]]
    result["compliant"] = result["compliant"] and severity is Severity.INFO
    totals = result["summary"]
    totals["findings"] += 1
    totals["by_kind"][kind.value] = totals["by_kind"].get(kind.value, 0) + 1
    totals["by_severity"][severity.value] += 1


def checked(groups: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Groups that have what an audit needs. Raises Refused."""
    if isinstance(groups, (str, bytes, Mapping)) or not isinstance(groups, Iterable):
        raise Refused([f"groups: a list of groups is expected; {_GIVE}"])
    for number, group in enumerate(groups):
        objection = _objection(group)
        if objection:
            raise Refused([f"groups[{number}]{objection}; {_GIVE}"])
        yield group


_GIVE = "give what registered_members_info returned"
_LIST: Mapping[str, Check] = {**each(is_text, "communication", "list_shows"), "id": is_count}
_ROW: Mapping[str, Check] = {**COLUMNS, **ABOUT}


def _objection(group: Any) -> str | None:
    """What of a group is not as it is read of a device, with its place."""
    if not isinstance(group, Mapping) or not is_name(str(group.get("name") or "")):
        return ": a group with a name is expected"
    members = group.get("members")
    if isinstance(members, str) or not isinstance(members, Sequence) or not _are_rows(members):
        return ".members: a list of mappings is expected"
    wrong = _wrong(group, _LIST)
    if wrong:
        return f".{wrong}"
    rows = ((number, _wrong(member, _ROW)) for number, member in enumerate(members))
    return next((f".members[{number}].{wrong}" for number, wrong in rows if wrong), None)


def _are_rows(members: Sequence[Any]) -> bool:
    return all(isinstance(member, Mapping) for member in members)


def _wrong(said: Mapping[str, Any], fields: Mapping[str, Check]) -> str | None:
    for name, value in said.items():
        check = fields.get(name)
        if check is not None and value is not None and not check(value):
            return f"{name} {value!r}: {WORDS[check]} is expected"
    return None


def unseen_group(wanted: ExpectedGroup, state: str) -> dict[str, Any]:
    """The view of a group without a list: who is expected in it, each in that state."""
    return {
        "name": wanted.name,
        "id": None,
        "communication": None,
        "list_shows": None,
        "means": "the device showed no list of it",
        "settling": False,
        "member_count": 0,
        "min_members": wanted.min_members,
        "expected_count": len(wanted.members),
        "hosts": list(wanted.hosts),
        "members": [],
        "absent": [member.as_row(state) for member in wanted.members],
    }


def _absent_group(wanted: ExpectedGroup) -> Finding:
    only_dynamic = bool(wanted.members) and all(m.role is Role.DYNAMIC for m in wanted.members)
    severity = Severity.WARNING if only_dynamic else Severity.ERROR
    return Finding(wanted.name, "", Kind.GROUP_MISSING, severity, "the device lists no such group")

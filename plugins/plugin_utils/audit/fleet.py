# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The audits of a fleet as one document."""

from __future__ import annotations

import calendar
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain
from typing import Any

from ..errors import Refused
from .clusters import judge_as_one
from .findings import SEVERITIES, Finding, Kind, Severity, without_list

FORMAT = 1
MADE_AT = "%Y-%m-%dT%H:%M:%SZ"
_DAY = 86400


def plain(value: Any) -> Any:
    """Ansible's tagged values as plain data."""
    return json.loads(json.dumps(value, default=str))


def of_run(audits: Mapping[str, Any], run: str | None) -> dict[str, Mapping[str, Any]]:
    """Audits that were made in one run, of any when None; what is older says nothing of now.

    Nor does what another host was asked: a task that runs once gives all hosts its result. Raises
    Refused for what is not a result of an audit.
    """
    odd = [name for name, audit in audits.items() if not isinstance(audit, Mapping)]
    if odd:
        raise Refused(
            [
                f"audits.{name}: the registered result of an audit is expected; register it, or "
                "leave the host out"
                for name in odd
            ]
        )
    if run is None:
        return dict(audits)
    return {name: audit if _is_of(name, run, audit) else {} for name, audit in audits.items()}


def _is_of(name: str, run: str, audit: Mapping[str, Any]) -> bool:
    return audit.get("run") == run and name in audit.get("asked", (name,))


class State(StrEnum):
    """What became of a host."""

    READ = "read"
    NOT_REACHED = "not_reached"
    NOT_READ = "not_read"
    NOT_ASKED = "not_asked"


_WITHOUT_LIST = {
    State.NOT_REACHED: Kind.UNREACHABLE,
    State.NOT_READ: Kind.NOT_READ,
    State.NOT_ASKED: Kind.NOT_ASKED,
}


def document(
    audits: Mapping[str, Mapping[str, Any]],
    title: str,
    merged: Sequence[Mapping[str, Any]] = (),
    now: float | None = None,
    pending: Sequence[str] = (),
    findings: Sequence[Mapping[str, str]] = (),
    replaced: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One document of all hosts; ``merged`` are documents of other slices of the fleet.

    ``pending``: hosts whose turn is still to come, which is not a finding to act on. ``findings``:
    those about the fleet as a whole. ``replaced``: the document in whose place this one is
    written; what it says of pending hosts is kept as ``earlier``, to be compared with in their
    turn.
    """
    hosts = _hosts(audits, merged, pending)
    if replaced is not None:
        for name in hosts.keys() & pending:
            hosts[name]["earlier"] = earlier(replaced, name)
    for host in hosts.values():
        host.setdefault("state", State.NOT_REACHED if host.get("unreachable") else State.READ)
    judge_as_one(hosts)
    for host in hosts.values():
        host["compliant"] = host["state"] == State.READ and all(
            f["severity"] == Severity.INFO for f in host["findings"]
        )
    made = time.time() if now is None else now
    findings = [*findings, *_old_slices(merged, made)]
    totals = _totals(hosts, findings)
    return {
        "format": FORMAT,
        "title": title,
        "made_at": time.strftime(MADE_AT, time.gmtime(made)),
        "pending": list(pending),
        "findings": list(findings),
        "hosts": {name: hosts[name] for name in sorted(hosts, key=natural)},
        "summary": totals,
        "worst": next((s for s in reversed(SEVERITIES) if totals["by_severity"][s]), "none"),
    }


def _hosts(
    audits: Mapping[str, Mapping[str, Any]],
    merged: Sequence[Mapping[str, Any]],
    pending: Sequence[str],
) -> dict[str, Any]:
    """What is known of each host, by this audit or by slices of the fleet."""
    hosts: dict[str, Any] = {}
    for other in merged:
        hosts.update(json.loads(json.dumps(other["hosts"])))
        # That audit has ended: whose turn had not come then is somebody whom nobody asked.
        hosts.update({name: _host({}, False) for name in hosts.keys() & other.get("pending", ())})
    for name, audit in audits.items():
        found = _host(audit, name in pending)
        # What another slice has read is not replaced by not having asked.
        if found["state"] != State.NOT_ASKED or name not in hosts:
            hosts[name] = found
    return hosts


def is_later(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a report of the same run has seen more hosts have their turn than another one.

    Where hosts do not wait for one another, the report that was begun last may be there first.
    """
    same_run = one.get("run") is not None and one.get("run") == other["run"]
    return same_run and set(one.get("pending") or ()) < set(other["pending"])


def _old_slices(slices: Sequence[Mapping[str, Any]], now: float) -> Iterator[dict[str, str]]:
    """The whole is no newer than its parts: whoever reads its date must know of an old one."""
    for other in slices:
        made = calendar.timegm(time.strptime(other["made_at"], MADE_AT))
        if now - made > _DAY:
            named = ", ".join(sorted(other["hosts"], key=natural)[:5])
            why = (
                f"the slice with {named} was made at {other['made_at']}: its hosts "
                "are shown as they were then; audit them again"
            )
            yield Finding("", "", Kind.OLD_SLICE, Severity.WARNING, why).as_dict()


def earlier(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A host's part of an audit; of one that had not come to the host, what it keeps for it.

    Of a host that the audit does not know nothing is known: it was not asked.
    """
    host: Mapping[str, Any] = document["hosts"].get(name, {"state": State.NOT_ASKED.value})
    kept = host.get("earlier") if name in document.get("pending", ()) else None
    return kept if isinstance(kept, Mapping) else host


_DIGITS = re.compile(r"(\d+)")


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key that sorts ``gm-2`` before ``gm-10``."""
    parts = (part for part in _DIGITS.split(text.lower()) if part)
    return [_number(p.lstrip("0")) if p.isdecimal() else (1, 0, p) for p in parts]


def _number(digits: str) -> tuple[int, int, str]:
    # A device may call its members by more digits than Python makes a number of.
    return 0, len(digits), digits


def _host(audit: Mapping[str, Any], pending: bool) -> dict[str, Any]:
    state = _state(audit)
    if state is State.READ:
        return {
            "state": state.value,
            "compliant": bool(audit.get("compliant")),
            "findings": list(audit["findings"]),
            "summary": audit.get("summary") or {},
            "groups": [dict(group) for group in audit["groups"]],
            "drift": audit.get("drift"),
            "unreachable": False,
        }
    severity = Severity.INFO if pending else Severity.ERROR
    words = "its turn is still to come" if pending else "no audit was made of this host"
    view = without_list(_WITHOUT_LIST[state], severity, str(audit.get("msg") or words))
    # Who would have been looked for, where that is known.
    groups = [{**group, "absent": _unseen(group)} for group in audit.get("expected_groups") or []]
    unreachable = state is State.NOT_REACHED
    return {
        **view,
        "state": state.value,
        "groups": groups,
        "drift": None,
        "unreachable": unreachable,
    }


def _unseen(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**row, "state": "unknown"} for row in group["absent"]]


def _state(audit: Mapping[str, Any]) -> State:
    if audit.get("unreachable"):
        return State.NOT_REACHED
    if audit.get("failed"):
        return State.NOT_READ
    whole = isinstance(audit.get("groups"), list) and isinstance(audit.get("findings"), list)
    return State.READ if whole else State.NOT_ASKED


def _totals(
    hosts: Mapping[str, Mapping[str, Any]], findings: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    severities = dict.fromkeys(SEVERITIES, 0)
    kinds: dict[str, int] = {}
    states = dict.fromkeys((state.value for state in State), 0)
    for host in hosts.values():
        states[host["state"]] += 1
    for finding in chain(findings, *(host["findings"] for host in hosts.values())):
        severities[finding["severity"]] += 1
        kinds[finding["kind"]] = kinds.get(finding["kind"], 0) + 1
    groups = [g for host in hosts.values() for g in host["groups"]]
    return {
        "hosts": len(hosts),
        **states,
        "unreachable": states[State.NOT_REACHED],
        "compliant": sum(host["compliant"] for host in hosts.values()),
        "groups": sum(bool(group.get("list_shows")) for group in groups),
        "members": sum(group["member_count"] for group in groups),
        "absent": sum(len(group.get("absent") or ()) for group in groups),
        "findings": sum(severities.values()),
        "by_severity": severities,
        "by_kind": dict(sorted(kinds.items())),
        "drift": sum(len(host["drift"] or ()) for host in hosts.values()),
    }

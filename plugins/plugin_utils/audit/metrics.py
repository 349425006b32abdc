# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fleet's audit as metrics: Prometheus' text format, for its node exporter's textfile collector.

What is not known has no sample: a host that was not read has no number of members, not 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..members.times import seconds_of
from .findings import SEVERITIES
from .fleet import State
from .rows import rows_of

Sample = tuple[Mapping[str, str], float]
"""Labels and a value."""

_OUTCOMES = {
    "sent": "push_sent",
    "acknowledged": "push_acknowledged",
    "unacknowledged": "push_unacknowledged",
}
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def metrics(found: Mapping[str, Any]) -> str:
    """The document of a fleet in Prometheus' text format; times in seconds."""
    return "".join(
        line
        for name, (about, samples) in _families(found).items()
        for line in _lines(name, about, samples)
    )


def _families(found: Mapping[str, Any]) -> dict[str, tuple[str, Iterable[Sample]]]:
    hosts = found["hosts"]
    made = seconds_of(found["made_at"])
    return {
        "groupvpn_audit_timestamp_seconds": (
            "When the audit was made.",
            [] if made is None else [({}, made)],
        ),
        "groupvpn_audit_host": (
            "1 for what became of a host: read, not_reached, not_read or not_asked.",
            _host_states(hosts),
        ),
        "groupvpn_findings": (
            "Findings of the audit; those about the fleet as a whole have an empty host.",
            _findings(found),
        ),
        "groupvpn_members": ("Members listed or missing, by their state.", _members(hosts)),
        "groupvpn_members_expected": ("Members that should be listed.", _expected(hosts)),
        "groupvpn_pushes": (
            "Pushes to the members that are listed, since the device last cleared its counters.",
            _pushes(hosts),
        ),
        "groupvpn_member_age_seconds": (
            "Seconds since the sign of life of the member that is silent longest, and shortest.",
            _ages(hosts),
        ),
    }


def _lines(name: str, about: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {about}\n# TYPE {name} gauge\n"
    for labels, value in samples:
        inside = ",".join(f'{key}="{text.translate(_ESCAPED)}"' for key, text in labels.items())
        yield f"{name}{f'{{{inside}}}' if inside else ''} {value:.15g}\n"


def _host_states(hosts: Mapping[str, Any]) -> Iterator[Sample]:
    for name, host in hosts.items():
        for state in State:
            yield {"host": name, "state": state.value}, float(host["state"] == state)


def _findings(found: Mapping[str, Any]) -> Iterator[Sample]:
    lists = {name: host["findings"] for name, host in found["hosts"].items()}
    if found["findings"]:
        lists[""] = found["findings"]
    # Where nobody has looked, nothing was found to be well.
    unread = {n for n, host in found["hosts"].items() if host["state"] != State.READ}
    for name, findings in lists.items():
        counts = Counter(finding["severity"] for finding in findings)
        for severity in SEVERITIES:
            if counts[severity] or name not in unread:
                yield {"host": name, "severity": severity}, counts[severity]


def _groups(hosts: Mapping[str, Any]) -> Iterator[tuple[dict[str, str], Mapping[str, Any]]]:
    """The groups whose lists were read, with their labels."""
    for name, host in hosts.items():
        if host["state"] == State.READ:
            for group in host["groups"]:
                yield {"host": name, "group": group["name"]}, group


def _members(hosts: Mapping[str, Any]) -> Iterator[Sample]:
    for labels, group in _groups(hosts):
        counts = Counter(str(row.get("state") or "listed") for row in rows_of(group))
        if not counts:
            counts["listed"] = 0
        if group.get("expected_count") is not None:
            # That nobody is missing is known, too.
            counts.setdefault("missing", 0)
        for state in sorted(counts):
            yield {**labels, "state": state}, counts[state]


def _expected(hosts: Mapping[str, Any]) -> Iterator[Sample]:
    for labels, group in _groups(hosts):
        if group.get("expected_count") is not None:
            yield labels, group["expected_count"]


def _pushes(hosts: Mapping[str, Any]) -> Iterator[Sample]:
    for labels, group in _groups(hosts):
        for outcome, field in _OUTCOMES.items():
            counts = [m[field] for m in group["members"] if m.get(field) is not None]
            if counts:
                yield {**labels, "outcome": outcome}, sum(counts)


def _ages(hosts: Mapping[str, Any]) -> Iterator[Sample]:
    for labels, group in _groups(hosts):
        ages = [member["age"] for member in group["members"] if member.get("age") is not None]
        if ages:
            yield {**labels, "which": "oldest"}, max(ages)
            yield {**labels, "which": "newest"}, min(ages)

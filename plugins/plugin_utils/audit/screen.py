# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fleet's audit on one screen, and whether it is a failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..engine.counting import counted
from .attention import attention, counted_severities
from .findings import SEVERITIES, not_compared
from .fleet import State

_SCREEN_GROUPS = 12


def screen(found: Mapping[str, Any], directory: Path) -> list[str]:
    """One screen: the fleet, the groups that need attention, where the files are."""
    return [
        _fleet(found["summary"]),
        *(f"{f['severity']:<7} {f['why']}" for f in found["findings"]),
        *_groups(found),
        *_compared_with_nobody(found),
        f"page: {directory / 'audit.html'}",
        f"also: audit.json, members.csv, junit.xml, audit.prom in {directory}",
    ]


def _fleet(totals: Mapping[str, Any]) -> str:
    gaps = [
        f"{totals[state]} {state.value.replace('_', ' ')}"
        for state in State
        if state is State.NOT_REACHED or (state is not State.READ and totals[state])
    ]
    changes = counted(totals["drift"], "change")
    return (
        f"fleet: {counted(totals['hosts'], 'host')} ({', '.join(gaps)}), "
        f"{counted(totals['groups'], 'group')}, {counted(totals['members'], 'member')}; "
        f"{counted_severities(totals['by_severity'])}"
        + (f"; {changes} since the last audit" if totals["drift"] else "")
    )


def _groups(found: Mapping[str, Any]) -> Iterator[str]:
    """Those that need attention, the first of them."""
    rows = attention(found)
    for row in rows[:_SCREEN_GROUPS]:
        yield f"{row['worst']:<7} {row['host']} {row['group']}: {'; '.join(row['who'])}"
        yield f"        {row['first']}"
    if len(rows) > _SCREEN_GROUPS:
        yield f"... and {counted(len(rows) - _SCREEN_GROUPS, 'more group')} in need of attention"
    if not rows:
        read = found["summary"][State.READ]
        yield "no group needs attention" if read else "nothing was read"


def _compared_with_nobody(found: Mapping[str, Any]) -> list[str]:
    """Which lists nobody is expected in: no finding there is no sign that all is well."""
    places = [
        f"{name} {group['name']}"
        for name, host in found["hosts"].items()
        for group in not_compared(host["groups"])
    ]
    if not places:
        return []
    more = len(places) - _FIRST
    shown = ", ".join(places[:_FIRST]) + (f" and {more} more" if more > 0 else "")
    return [f"compared with nobody, since nothing is expected there: {shown}"]


_FIRST = 5


def verdict(found: Mapping[str, Any], fail_at: str, directory: Path) -> str | None:
    """Why a fleet's audit is a failure, as a sentence; None when it is not one.

    ``fail_at``: a severity, or ``never``. An audit that read nothing is always one; nothing is one
    while hosts are pending, who may be all that can be read.
    """
    if found["pending"]:
        return None
    totals = found["summary"]
    if not totals[State.READ]:
        hosts = counted(totals["hosts"], "host")
        return f"no list was read of {hosts}; {directory / 'audit.html'} says why"
    if fail_at == "never":
        return None
    too_bad = SEVERITIES[SEVERITIES.index(fail_at) :]
    if not any(totals["by_severity"][severity] for severity in too_bad):
        return None
    return (
        f"the audit found {counted_severities(totals['by_severity'])}, and {fail_at} or worse "
        f"fails it; {directory / 'audit.html'} tells which"
    )

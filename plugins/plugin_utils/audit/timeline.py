# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many members each list had, audit by audit.

An audit.json carries the counts of the audits before it, so one file gives the whole history. A
host that was not read in an audit has no count there: a gap in the line, not 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, groupby
from typing import Any

from ..netconf.libraries import etree
from .findings import Finding, Kind, Severity
from .fleet import MADE_AT, State
from .group_audit import CLOCK_TOLERANCE_SECONDS

MOST_AUDITS = 100
_WIDTH, _HEIGHT, _MARGIN = 300, 60, 6


def timeline(documents: Iterable[Mapping[str, Any]], newest: str | None = None) -> dict[str, Any]:
    """The counts of audits and of those that they carry; the last ``MOST_AUDITS`` of them.

    ``made_at``: times of the audits, oldest first, but ``newest`` last also where a clock was
    turned back. ``series``: one of each host's group, with a number or None for each time.
    """
    counts: dict[str, dict[tuple[str, str], int]] = {}
    for made_at, lists in chain.from_iterable(map(_audits, documents)):
        counts.setdefault(made_at, {}).update(lists)
    times = sorted(counts, key=lambda made_at: (made_at == newest, made_at))[-MOST_AUDITS:]
    places = sorted({place for made_at in times for place in counts[made_at]})
    return {
        "made_at": times,
        "series": [
            {"host": host, "group": group, "members": [counts[t].get((host, group)) for t in times]}
            for host, group in places
        ],
    }


def still_to_come(documents: Iterable[Mapping[str, Any]], now: float) -> list[dict[str, str]]:
    """A finding for each earlier audit that is dated after now: some clock cannot be trusted."""
    return [
        Finding(
            *("", "", Kind.CLOCK, Severity.WARNING),
            f"an earlier audit of the history is dated {made_at}, which is still to come: a clock "
            "is wrong now, or was then; set NTP",
        ).as_dict()
        for made_at in map(_dated, documents)
        if _seconds(made_at) > now + CLOCK_TOLERANCE_SECONDS
    ]


def _dated(document: Mapping[str, Any]) -> str:
    times: list[str] = [made_at for made_at, _counts in _audits(document)]
    return max(times, default=document["made_at"])


def _audits(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[tuple[str, str], int]]]:
    yield from _carried(document)
    # A report between two batches of one play is not an audit yet.
    if not document.get("pending"):
        yield document["made_at"], _lists(document)


def _lists(document: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    return {
        (name, group["name"]): group["member_count"]
        for name, host in document["hosts"].items()
        if host.get("state", State.READ) == State.READ and not host.get("unreachable")
        for group in host["groups"]
    }


def _carried(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[tuple[str, str], int]]]:
    history = document.get("history") or {"made_at": [], "series": []}
    for number, made_at in enumerate(history["made_at"]):
        yield (
            made_at,
            {
                (line["host"], line["group"]): line["members"][number]
                for line in history["series"]
                if line["members"][number] is not None
            },
        )


def is_whole(document: Mapping[str, Any]) -> bool:
    """Whether a document says when it was made, and what it carries fits together."""
    history = document.get("history") or {"made_at": [], "series": []}
    if not isinstance(history, dict) or not isinstance(history.get("made_at"), list):
        return False
    times, series = history["made_at"], history.get("series")
    return (
        all(_is_time(text) for text in (document.get("made_at"), *times))
        and isinstance(series, list)
        and all(_is_whole_line(line, len(times)) for line in series)
    )


def _is_time(text: Any) -> bool:
    try:
        _seconds(text)
    except (TypeError, ValueError):
        return False
    return True


def _is_whole_line(line: Any, length: int) -> bool:
    if not isinstance(line, dict) or not all(isinstance(line.get(k), str) for k in _PLACE):
        return False
    members = line.get("members")
    return (
        isinstance(members, list)
        and len(members) == length
        and all(number is None or _is_number(number) for number in members)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_PLACE = ("host", "group")


def most_changed(history: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The series of a history with their words, the largest loss first."""
    lines = [_described(line) for line in history["series"]]
    return sorted(lines, key=lambda line: (line["change"], line["host"], line["group"]))


def _described(line: Mapping[str, Any]) -> dict[str, Any]:
    *before, now = line["members"]
    known = [number for number in before if number is not None]
    change = 0 if now is None or not known else now - known[-1]
    words = "not read now" if now is None else f"{now} now"
    if known:
        least, most = min(known), max(known)
        words += f", {least if least == most else f'{least} to {most}'} before"
    return {**line, "change": change, "words": words}


def drawn(made_at: Sequence[str], members: Sequence[int | None]) -> str:
    """One series as SVG: a line where two audits in a row counted, a dot at each count."""
    svg = etree.Element("svg", {"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "aria-hidden": "true"})
    places = _places(made_at, members)
    for counted, run in groupby(places, key=lambda place: place is not None):
        points = [place for place in run if place is not None]
        if counted and len(points) > 1:
            etree.SubElement(svg, "polyline", points=" ".join(f"{x},{y}" for x, y in points))
        for x, y in points:
            etree.SubElement(svg, "circle", cx=str(x), cy=str(y), r="2")
    text: str = etree.tostring(svg, encoding="unicode")
    return text


def _places(
    made_at: Sequence[str], members: Sequence[int | None]
) -> list[tuple[float, float] | None]:
    times = [_seconds(text) for text in made_at]
    first, span = min(times), max(max(times) - min(times), 1)
    most = max((number for number in members if number is not None), default=0) or 1
    wide, high = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    return [
        None
        if number is None
        else (
            round(_MARGIN + wide * (time - first) / span, 1),
            round(_MARGIN + high * (1 - number / most), 1),
        )
        for time, number in zip(times, members, strict=True)
    ]


def _seconds(text: str) -> float:
    return datetime.strptime(text, MADE_AT).replace(tzinfo=UTC).timestamp()

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fleet's audit as a page that opens without a network.

Whatever a device or a file names stays text: the page gets its data as JSON in which no markup
can begin, and writes it as text.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import GroupVpnError, all_legible
from .attention import SEVERITY_ORDER, attention, counted_severities
from .findings import SEVERITIES, named
from .fleet import natural
from .rows import rows_of
from .timeline import drawn, most_changed

_TEMPLATE = Path(__file__).with_name("audit.html.j2")
_MOST_LISTED = 500
_MOST_DRAWN = 60


def page(found: Mapping[str, Any], template: Path | None = None) -> str:
    """One file that opens without a network. Raises GroupVpnError for a template's mistake."""
    template = template or _TEMPLATE
    try:
        text = template.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GroupVpnError(f"template {template}: {error}") from None
    values = all_legible(_values(found))
    try:
        return _rendered(text, values)
    except GroupVpnError:
        raise
    except Exception as error:
        # What an expression of a template may raise is Python's: any.
        line = f"line {number}: " if (number := _line_of(error)) else ""
        raise GroupVpnError(
            f"template {template}: {line}{type(error).__name__}: {error}; correct it (it is given "
            f"{', '.join(values)})"
        ) from None


def _line_of(error: BaseException) -> int | None:
    """The line of a template in which it went wrong: the last of its own."""
    line: int | None = getattr(error, "lineno", None)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _rendered(text: str, values: Mapping[str, Any]) -> str:
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise GroupVpnError("the page needs Jinja2; pip install jinja2") from None
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(text).render(values)


def _values(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a template is given."""
    return {
        "title": found["title"],
        "made_at": found["made_at"],
        "summary": found["summary"],
        "worst": found["worst"],
        "fleet_findings": found["findings"],
        "attention": _attention(found),
        "places": _places(found),
        "unlisted": max(0, sum(len(h["findings"]) for h in found["hosts"].values()) - _MOST_LISTED),
        "drift": _drift(found)[:_MOST_LISTED],
        "drift_total": found["summary"]["drift"],
        "history": _history(found.get("history")),
        "data": _embedded(all_legible(_table(found))),
    }


def _attention(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Groups that need attention; what a list means has a column of its own, and is said once."""
    return [
        {**row, "first": row["first"].removesuffix(f"; {row['means']}")}
        for row in attention(found)[:_MOST_LISTED]
    ]


def _embedded(data: Any) -> str:
    """JSON for a script element: no character in it can begin markup or end the script."""
    text = json.dumps(data, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _table(found: Mapping[str, Any]) -> dict[str, Any]:
    """Members by column, with hosts and groups named once."""
    groups: list[dict[str, Any]] = []
    columns: dict[str, list[Any]] = {name: [] for name in ("group", "age", "about", *_SHOWN)}
    for name, host in found["hosts"].items():
        for group in host["groups"]:
            groups.append(
                {
                    "host": name,
                    "name": group["name"],
                    "communication": group.get("communication"),
                    "shows": group.get("list_shows"),
                }
            )
            for row in rows_of(group):
                age = row.get("age")
                columns["group"].append(len(groups) - 1)
                columns["age"].append(None if age is None else round(age))
                columns["about"].append(" ".join((row.get("about") or {}).values()))
                for column, (field, default) in _SHOWN.items():
                    columns[column].append(default if row.get(field) is None else row[field])
    return {"groups": groups, "members": columns}


# Column of the page's data: field of a member, and what stands for one that has none.
_SHOWN: Mapping[str, tuple[str, str | None]] = {
    "gateway": ("gateway", ""),
    "address": ("address", ""),
    "state": ("state", "listed"),
    "sent": ("push_sent", None),
    "acked": ("push_acknowledged", None),
    "unacked": ("push_unacknowledged", None),
    "flying": ("push_in_flight", None),
}


def _findings(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Findings of all hosts, worst first, each with the site of its member or else its host."""
    rows = []
    for name, host in found["hosts"].items():
        sites = _sites(host)
        for finding in host["findings"]:
            site = sites.get((finding["group"], finding["member"]))
            place = f"Site {site}" if site else f"Host {name}"
            rows.append({"host": name, "place": place, **finding})
    rows.sort(key=lambda row: SEVERITY_ORDER[row["severity"]])
    return rows


def _sites(host: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Group and member to the free column ``site`` of the expectations."""
    return {
        (group["name"], named(row)): str(value)
        for group in host["groups"]
        for row in rows_of(group)
        for column, value in (row.get("about") or {}).items()
        if column.casefold() == "site" and value
    }


def _places(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The worst findings by their place; the place with the worst and the most of them first."""
    by_place: dict[str, list[dict[str, str]]] = {}
    for row in _findings(found)[:_MOST_LISTED]:
        by_place.setdefault(row["place"], []).append(row)
    places = [
        {"name": name, "rows": rows, "worst": rows[0]["severity"], "counted": _counted(rows)}
        for name, rows in by_place.items()
    ]
    return sorted(
        places,
        key=lambda p: (SEVERITY_ORDER[p["worst"]], -_as_bad(p), natural(p["name"])),
    )


def _as_bad(place: Mapping[str, Any]) -> int:
    """How many of a place's findings are as severe as its worst."""
    return sum(row["severity"] == place["worst"] for row in place["rows"])


def _counted(rows: Sequence[Mapping[str, str]]) -> str:
    counts = Counter(row["severity"] for row in rows)
    return counted_severities({severity: counts[severity] for severity in SEVERITIES})


def _history(history: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the page draws of a history; None where there was no earlier audit."""
    if history is None or len(history["made_at"]) < 2:
        return None
    lines = most_changed(history)
    # A level line says no more than its number, and a fleet has many.
    moving = [line for line in lines if len(set(line["members"])) > 1]
    made_at = history["made_at"]
    return {
        "made_at": made_at,
        "drawn": [
            {**line, "svg": drawn(made_at, line["members"])} for line in moving[:_MOST_DRAWN]
        ],
        "undrawn": max(0, len(moving) - _MOST_DRAWN),
        "level": len(lines) - len(moving),
        "lines": lines[:_MOST_LISTED],
        "unlisted": max(0, len(lines) - _MOST_LISTED),
    }


def _drift(found: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"host": name, **change}
        for name, host in found["hosts"].items()
        for change in host["drift"] or ()
    ]

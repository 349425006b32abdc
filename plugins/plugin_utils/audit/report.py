# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The audits of a fleet as one document, and that as JSON, CSV, JUnit XML, a page, a screen.

Whatever a device or a file names stays text: the page gets its data as JSON in which no markup
can begin, and writes it as text; a CSV cell cannot begin a formula.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..errors import GroupVpnError, Refused
from ..netconf.libraries import etree
from .clusters import judge_as_one
from .expectations import LARGEST_FILE
from .findings import SEVERITIES, Kind, Severity, named, without_list

FORMAT = 1
_LARGEST_DOCUMENT = 16 * LARGEST_FILE
_TEMPLATE = Path(__file__).with_name("audit.html.j2")
_MEMBER_FIELDS = (
    "gateway",
    "address",
    "state",
    "role",
    "age",
    "last_update",
    "vsys",
    "pull_succeeded",
    "pull_failed",
    "push_sent",
    "push_acknowledged",
    "push_unacknowledged",
    "push_in_flight",
)


def plain(value: Any) -> Any:
    """Ansible's tagged values as plain data."""
    return json.loads(json.dumps(value, default=str))


# The document


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
) -> dict[str, Any]:
    """One document of all hosts; ``merged`` are documents of other slices of the fleet.

    ``pending``: hosts whose turn is still to come, which is no finding to act on.
    """
    hosts: dict[str, Any] = {}
    for other in merged:
        hosts.update(json.loads(json.dumps(other["hosts"])))
    for name, audit in audits.items():
        found = _host(audit, name in pending)
        # What another slice has read is not replaced by not having asked.
        if found["state"] != State.NOT_ASKED or name not in hosts:
            hosts[name] = found
    for host in hosts.values():
        host.setdefault("state", State.NOT_REACHED if host.get("unreachable") else State.READ)
    judge_as_one(hosts)
    for host in hosts.values():
        host["compliant"] = all(f["severity"] == Severity.INFO for f in host["findings"])
    totals = _totals(hosts)
    made = time.time() if now is None else now
    return {
        "format": FORMAT,
        "title": title,
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made)),
        "hosts": {name: hosts[name] for name in sorted(hosts, key=natural)},
        "summary": totals,
        "worst": next((s for s in reversed(SEVERITIES) if totals["by_severity"][s]), "none"),
    }


_DIGITS = re.compile(r"(\d+)")


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key that sorts ``gm-2`` before ``gm-10``."""
    parts = (part for part in _DIGITS.split(text.lower()) if part)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts]


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


def _totals(hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    severities = dict.fromkeys(SEVERITIES, 0)
    kinds: dict[str, int] = {}
    states = dict.fromkeys((state.value for state in State), 0)
    for host in hosts.values():
        states[host["state"]] += 1
        for finding in host["findings"]:
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


def read_document(path: Path) -> dict[str, Any]:
    """An audit.json that was written earlier. Raises Refused for a damaged or foreign one."""
    try:
        if path.stat().st_size > _LARGEST_DOCUMENT:
            raise Refused([f"{path}: larger than {_LARGEST_DOCUMENT} octets"])
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused([f"{path}: {error.strerror}"]) from None
    except ValueError as error:
        raise Refused([f"{path}: damaged: {error}"]) from None
    if not isinstance(found, dict) or "format" not in found:
        raise Refused([f"{path}: not an audit.json of this collection"])
    if found["format"] != FORMAT:
        raise Refused(
            [f"{path}: format {found['format']!r}; this release reads {FORMAT}; audit again"]
        )
    if not _is_whole(found.get("hosts")):
        raise Refused([f"{path}: damaged: its hosts are incomplete"])
    return found


_FINDING = ("group", "member", "kind", "severity", "why")


def _is_whole(hosts: Any) -> bool:
    return isinstance(hosts, dict) and all(_is_whole_host(host) for host in hosts.values())


def _is_whole_host(host: Any) -> bool:
    if not isinstance(host, dict):
        return False
    findings, groups = host.get("findings"), host.get("groups")
    return (
        isinstance(findings, list)
        and isinstance(groups, list)
        and all(_is_whole_finding(finding) for finding in findings)
        and all(_is_whole_group(group) for group in groups)
        and isinstance(host.get("drift") or [], list)
        and host.get("state", State.READ) in list(State)
    )


def _is_whole_finding(finding: Any) -> bool:
    texts = isinstance(finding, dict) and all(isinstance(finding.get(f), str) for f in _FINDING)
    return texts and finding["severity"] in SEVERITIES


def _is_whole_group(group: Any) -> bool:
    if not isinstance(group, dict) or not isinstance(group.get("name"), str):
        return False
    members, absent = group.get("members"), group.get("absent") or []
    rows = [*members, *absent] if isinstance(members, list) and isinstance(absent, list) else [None]
    return isinstance(group.get("member_count"), int) and all(isinstance(r, dict) for r in rows)


# Files


def files(found: Mapping[str, Any], template: Path | None = None) -> dict[str, str]:
    """File name to content; the page by a template of one's own, or by ours."""
    return {
        "audit.json": json.dumps(found, indent=1) + "\n",
        "members.csv": members_csv(found),
        "junit.xml": junit(found),
        "audit.html": page(found, template),
    }


def write(directory: Path, contents: Mapping[str, str]) -> list[str]:
    """Write each file as a whole or not at all; the names of those that changed."""
    changed = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            target = directory / name
            if target.exists() and target.read_text(encoding="utf-8", errors="replace") == text:
                continue
            descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}-")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(temporary, 0o644)
            os.replace(temporary, target)
            changed.append(name)
    except OSError as error:
        raise GroupVpnError(f"{error.filename or directory}: {error.strerror}") from None
    return changed


def rows_of(group: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Members of a group's list and those who are missing in it, in the order of their names."""
    rows = [*group["members"], *(group.get("absent") or ())]
    return sorted(rows, key=lambda row: natural(named(row)))


def members_csv(found: Mapping[str, Any]) -> str:
    """Every member of every group, listed or missing, one in a row; free columns at the end."""
    everyone = [r for h in found["hosts"].values() for g in h["groups"] for r in rows_of(g)]
    free = sorted({key for row in everyone for key in row.get("about") or ()})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ("host", "group", "communication", "list_shows", *_MEMBER_FIELDS, *free)
    writer.writerow([_cell(name) for name in head])
    for name, host in found["hosts"].items():
        for group in host["groups"]:
            head = (name, group["name"], group.get("communication"), group.get("list_shows"))
            for row in rows_of(group):
                about = row.get("about") or {}
                cells = [row.get(f) for f in _MEMBER_FIELDS] + [about.get(key) for key in free]
                writer.writerow([_cell(value) for value in (*head, *cells)])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.0f}"
    text = str(value)
    # A spreadsheet would run what begins like this.
    return f"'{text}" if text[:1] in "=+-@\t\r" and not isinstance(value, int) else text


def _xml_text(text: str) -> str:
    return "".join(
        c if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff") else "?" for c in text
    )


def junit(found: Mapping[str, Any]) -> str:
    """One suite per host, one case per group; warnings and errors are failures."""
    root = etree.Element("testsuites", name=_xml_text(found["title"]))
    for name, host in found["hosts"].items():
        cases = [group["name"] for group in host["groups"]]
        by_group: dict[str, list[Mapping[str, str]]] = {case: [] for case in cases}
        for finding in host["findings"]:
            if finding["severity"] != Severity.INFO.value:
                by_group.setdefault(finding["group"], []).append(finding)
        failures = sum(bool(bad) for bad in by_group.values())
        suite = etree.SubElement(
            root,
            "testsuite",
            name=_xml_text(name),
            tests=str(len(by_group)),
            failures=str(failures),
            errors="0",
        )
        for group, bad in by_group.items():
            case = etree.SubElement(
                suite, "testcase", classname=_xml_text(name), name=_xml_text(group or "reachable")
            )
            if bad:
                failure = etree.SubElement(case, "failure", message=f"{len(bad)} findings")
                lines = (f"{f['severity']} {f['kind']} {f['member']}: {f['why']}" for f in bad)
                failure.text = _xml_text("\n".join(lines))
    etree.indent(root)
    text: str = etree.tostring(root, encoding="unicode")
    return f"{text}\n"


# The page

_SEVERITY_ORDER = {name: number for number, name in enumerate(reversed(SEVERITIES))}
_MOST_LISTED = 500


def page(found: Mapping[str, Any], template: Path | None = None) -> str:
    """One file that opens without a network."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise GroupVpnError("the page needs Jinja2; pip install jinja2") from None
    template = template or _TEMPLATE
    try:
        text = template.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GroupVpnError(f"template {template}: {error}") from None
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(text).render(
        title=found["title"],
        made_at=found["made_at"],
        summary=found["summary"],
        worst=found["worst"],
        attention=attention(found)[:_MOST_LISTED],
        findings=_findings(found)[:_MOST_LISTED],
        findings_total=found["summary"]["findings"],
        drift=_drift(found)[:_MOST_LISTED],
        drift_total=found["summary"]["drift"],
        data=_embedded(_table(found)),
    )


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


def attention(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Groups with findings above info, worst first."""
    rows = []
    for name, host in found["hosts"].items():
        by_group: dict[str, list[Mapping[str, str]]] = {}
        for finding in host["findings"]:
            if finding["severity"] != Severity.INFO.value:
                by_group.setdefault(finding["group"], []).append(finding)
        views = {group["name"]: group for group in host["groups"]}
        for group, bad in by_group.items():
            worst = min((f["severity"] for f in bad), key=_SEVERITY_ORDER.__getitem__)
            view = views.get(group, {})
            rows.append(
                {
                    "host": name,
                    "group": group or "(host)",
                    "worst": worst,
                    "count": len(bad),
                    "communication": view.get("communication", ""),
                    "means": view.get("means", ""),
                    "members": view.get("member_count", 0),
                    "expected": view.get("expected_count"),
                    "kinds": _counted(f["kind"] for f in bad),
                    "who": who(bad),
                    "first": bad[0]["why"],
                }
            )
    rows.sort(
        key=lambda r: (
            _SEVERITY_ORDER[r["worst"]],
            -r["count"],
            natural(r["host"]),
            natural(r["group"]),
        )
    )
    return rows


_FIRST_NAMES = 5


def who(bad: Sequence[Mapping[str, str]]) -> list[str]:
    """Of each kind of finding, how many and the first few by name."""
    by_kind: dict[str, list[str]] = {}
    for finding in bad:
        by_kind.setdefault(finding["kind"], []).append(finding["member"])
    lines = []
    for kind, members in by_kind.items():
        names = sorted(filter(None, members), key=natural)
        more = len(names) - _FIRST_NAMES
        shown = ", ".join(names[:_FIRST_NAMES]) + (f" and {more} more" if more > 0 else "")
        lines.append(f"{len(members)} {kind.replace('_', ' ')}{f': {shown}' if names else ''}")
    return lines


def _counted(kinds: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for kind in kinds:
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in counts.items())


def _findings(found: Mapping[str, Any]) -> list[dict[str, str]]:
    rows = [
        {"host": name, **finding}
        for name, host in found["hosts"].items()
        for finding in host["findings"]
    ]
    rows.sort(key=lambda row: _SEVERITY_ORDER[row["severity"]])
    return rows


def _drift(found: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"host": name, **change}
        for name, host in found["hosts"].items()
        for change in host["drift"] or ()
    ]


# The terminal

_SCREEN_GROUPS = 12


def screen(found: Mapping[str, Any], directory: Path) -> list[str]:
    """One screen: the fleet, the groups that need attention, where the files are."""
    totals = found["summary"]
    severities = totals["by_severity"]
    gaps = [
        f"{totals[state]} {state.value.replace('_', ' ')}"
        for state in State
        if state is State.NOT_REACHED or (state is not State.READ and totals[state])
    ]
    lines = [
        f"fleet: {totals['hosts']} hosts ({', '.join(gaps)}), "
        f"{totals['groups']} groups, {totals['members']} members; "
        f"{counted_severities(severities)}"
        + (f"; {totals['drift']} changes since the last audit" if totals["drift"] else "")
    ]
    rows = attention(found)
    for row in rows[:_SCREEN_GROUPS]:
        lines.append(f"{row['worst']:<7} {row['host']} {row['group']}: {'; '.join(row['who'])}")
        lines.append(f"        {row['first']}")
    if len(rows) > _SCREEN_GROUPS:
        lines.append(f"... and {len(rows) - _SCREEN_GROUPS} more groups that need attention")
    if not rows:
        lines.append("no group needs attention" if totals[State.READ] else "nothing was read")
    lines.append(f"page: {directory / 'audit.html'}")
    lines.append(f"also: audit.json, members.csv, junit.xml in {directory}")
    return lines


_WORDS = {"error": "error", "warning": "warning", "info": "note"}


def counted_severities(severities: Mapping[str, int]) -> str:
    """Severities as a sentence counts them, worst first."""
    return ", ".join(
        f"{severities[s]} {_WORDS[s]}{'' if severities[s] == 1 else 's'}"
        for s in reversed(SEVERITIES)
    )


def verdict(found: Mapping[str, Any], fail_at: str, directory: Path) -> str | None:
    """Why a fleet's audit is a failure, as a sentence; None when it is none.

    ``fail_at``: a severity, or ``never``. An audit that read nothing is always one.
    """
    totals = found["summary"]
    if not totals[State.READ]:
        return f"no list was read of {totals['hosts']} hosts; {directory / 'audit.html'} says why"
    if fail_at == "never":
        return None
    too_bad = SEVERITIES[SEVERITIES.index(fail_at) :]
    if not any(totals["by_severity"][severity] for severity in too_bad):
        return None
    return (
        f"the audit found {counted_severities(totals['by_severity'])}, and {fail_at} or worse "
        f"fails it; {directory / 'audit.html'} tells which"
    )

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
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import GroupVpnError, Refused
from ..netconf.libraries import etree
from .expectations import LARGEST_FILE
from .findings import SEVERITIES, Severity, unreachable

FORMAT = 1
_LARGEST_DOCUMENT = 16 * LARGEST_FILE
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
)


def plain(value: Any) -> Any:
    """Ansible's tagged values as plain data."""
    return json.loads(json.dumps(value, default=str))


# The document


def document(
    audits: Mapping[str, Mapping[str, Any]],
    title: str,
    merged: Sequence[Mapping[str, Any]] = (),
    now: float | None = None,
) -> dict[str, Any]:
    """One document of all hosts; ``merged`` are documents of other slices of the fleet."""
    hosts: dict[str, Any] = {}
    for other in merged:
        hosts.update(other["hosts"])
    hosts.update({name: _host(audit) for name, audit in audits.items()})
    totals = _totals(hosts)
    made = time.time() if now is None else now
    return {
        "format": FORMAT,
        "title": title,
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made)),
        "hosts": dict(sorted(hosts.items())),
        "summary": totals,
        "worst": next((s for s in reversed(SEVERITIES) if totals["by_severity"][s]), "none"),
    }


def _host(audit: Mapping[str, Any]) -> dict[str, Any]:
    groups, findings = audit.get("groups"), audit.get("findings")
    failed = audit.get("unreachable") or audit.get("failed")
    if failed or not isinstance(groups, list) or not isinstance(findings, list):
        why = str(audit.get("msg") or "no audit was made of this host")
        return {**unreachable(why), "drift": None, "unreachable": True}
    return {
        "compliant": bool(audit.get("compliant")),
        "findings": findings,
        "summary": audit.get("summary") or {},
        "groups": groups,
        "drift": audit.get("drift"),
        "unreachable": False,
    }


def _totals(hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    severities = dict.fromkeys(SEVERITIES, 0)
    kinds: dict[str, int] = {}
    for host in hosts.values():
        for finding in host["findings"]:
            severities[finding["severity"]] += 1
            kinds[finding["kind"]] = kinds.get(finding["kind"], 0) + 1
    return {
        "hosts": len(hosts),
        "unreachable": sum(host["unreachable"] for host in hosts.values()),
        "compliant": sum(host["compliant"] for host in hosts.values()),
        "groups": sum(len(host["groups"]) for host in hosts.values()),
        "members": sum(g["member_count"] for host in hosts.values() for g in host["groups"]),
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


def _is_whole(hosts: Any) -> bool:
    return isinstance(hosts, dict) and all(
        isinstance(host, dict)
        and isinstance(host.get("groups"), list)
        and isinstance(host.get("findings"), list)
        and all(isinstance(f, dict) and f.get("severity") in SEVERITIES for f in host["findings"])
        and all(
            isinstance(g, dict) and isinstance(g.get("members"), list) and "member_count" in g
            for g in host["groups"]
        )
        for host in hosts.values()
    )


# Files


def files(found: Mapping[str, Any], template: Path) -> dict[str, str]:
    """File name to content."""
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


def members_csv(found: Mapping[str, Any]) -> str:
    """Every member of every group, one in a row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("host", "group", "communication", "list_shows", *_MEMBER_FIELDS))
    for name, host in found["hosts"].items():
        for group in host["groups"]:
            head = (name, group["name"], group.get("communication"), group.get("list_shows"))
            for member in group["members"]:
                cells = (member.get(field) for field in _MEMBER_FIELDS)
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


def page(found: Mapping[str, Any], template: Path) -> str:
    """One file that opens without a network."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise GroupVpnError("the page needs Jinja2; pip install jinja2") from None
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
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("group", "gateway", "address", "state", "age", "sent", "acked", "unacked")
    }
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
            for member in group["members"]:
                age = member.get("age")
                columns["group"].append(len(groups) - 1)
                columns["gateway"].append(str(member.get("gateway") or ""))
                columns["address"].append(str(member.get("address") or ""))
                columns["state"].append(str(member.get("state") or "listed"))
                columns["age"].append(None if age is None else round(age))
                columns["sent"].append(member.get("push_sent"))
                columns["acked"].append(member.get("push_acknowledged"))
                columns["unacked"].append(member.get("push_unacknowledged"))
    return {"groups": groups, "members": columns}


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
                    "first": bad[0]["why"],
                }
            )
    rows.sort(key=lambda r: (_SEVERITY_ORDER[r["worst"]], -r["count"], r["host"], r["group"]))
    return rows


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
    lines = [
        f"fleet: {totals['hosts']} hosts ({totals['unreachable']} not reached), "
        f"{totals['groups']} groups, {totals['members']} members; "
        f"{severities['error']} errors, {severities['warning']} warnings, "
        f"{severities['info']} notes"
        + (f"; {totals['drift']} changes since the last audit" if totals["drift"] else "")
    ]
    rows = attention(found)
    for row in rows[:_SCREEN_GROUPS]:
        lines.append(
            f"{row['worst']:<7} {row['host']} {row['group']}: {row['kinds']}; {row['first']}"
        )
    if len(rows) > _SCREEN_GROUPS:
        lines.append(f"... and {len(rows) - _SCREEN_GROUPS} more groups that need attention")
    if not rows:
        lines.append("no group needs attention")
    lines.append(f"page: {directory / 'audit.html'}")
    lines.append(f"also: audit.json, members.csv, junit.xml in {directory}")
    return lines

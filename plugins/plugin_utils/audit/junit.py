# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fleet's audit as JUnit XML, for whatever shows test results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..netconf.libraries import etree
from .findings import Severity


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

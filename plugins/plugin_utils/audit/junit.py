# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fleet's audit as JUnit XML, for whatever shows test results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine.counting import counted
from ..errors import all_legible, legible
from ..netconf.libraries import etree
from .findings import Severity


def junit(found: Mapping[str, Any]) -> str:
    """One suite per host, one case per group; warnings and errors are failures."""
    root = etree.Element("testsuites", name=legible(found["title"]))
    for name, host in found["hosts"].items():
        cases: _Cases = {group["name"]: [] for group in host["groups"]}
        for finding in filter(_is_failure, host["findings"]):
            cases.setdefault(finding["group"] or "reachable", []).append(finding)
        _suite(root, name, cases)
    if found["findings"]:
        _suite(root, "(fleet)", {"history": list(filter(_is_failure, found["findings"]))})
    etree.indent(root)
    text: str = etree.tostring(root, encoding="unicode")
    return f"{text}\n"


_Cases = dict[str, list[Mapping[str, str]]]


def _is_failure(finding: Mapping[str, str]) -> bool:
    return finding["severity"] != Severity.INFO.value


def _suite(root: etree._Element, name: str, cases: _Cases) -> None:
    name, failures = legible(name), sum(bool(bad) for bad in cases.values())
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": "0"}
    suite = etree.SubElement(root, "testsuite", name=name, **counts)
    for group, bad in cases.items():
        case = etree.SubElement(suite, "testcase", classname=name, name=legible(group))
        if bad:
            failure = etree.SubElement(case, "failure", message=counted(len(bad), "finding"))
            lines = (f"{f['severity']} {f['kind']} {f['member']}: {f['why']}" for f in bad)
            failure.text = all_legible("\n".join(lines))

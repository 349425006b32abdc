# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The audit against the same job as it is written today, at scale, and in a browser."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.fleet import HEAD, junos_config, ours, row, values
from tests.benchmarks.limits import at_most
from tests.benchmarks.plays import LOCAL, NETCOMMON, NOTHING, fleet_of, median, play_cost
from tests.lab import COLLECTIONS

if str(COLLECTIONS) not in sys.path:
    sys.path.insert(0, str(COLLECTIONS))
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import expectations
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import files as audit_files
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import fleet as audit_fleet
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import judgement as audit
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import page as audit_page
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.group_audit import Options

_FLEET, _FORKS, _MANY, _MANY_FORKS, _MEMBERS, _REPEATS, _TASKS = 50, 20, 1000, 50, 100_000, 3, 4
_NOW = 1_795_105_920.0


def _ours() -> list[dict[str, Any]]:
    # As the role's page has it.
    role = {"name": "groupvpn.junos.membership_audit", "rolespec_validate": False}
    expected = {"membership_audit_expected": {"G1": ["127.0.9.1"]}}
    return [ours(), {"ansible.builtin.import_role": role, "vars": expected}]


def _todays(lifetime: int) -> list[dict[str, Any]]:
    pattern = "<group-vpn-member-address>\\\\s*(\\\\S+?)\\\\s*</group-vpn-member-address>"
    text = (
        "{% for host in ansible_play_hosts %}{{ host }} "
        "{{ hostvars[host].missing | join(',') }}\n{% endfor %}"
    )
    return [
        junos_config(lifetime),
        {
            "junipernetworks.junos.junos_rpc": {
                "rpc": "get-security-group-vpn-server-registered-members",
                "output": "xml",
            },
            "register": "reply",
        },
        {
            "ansible.builtin.set_fact": {
                "missing": "{{ ['127.0.9.1'] | difference(reply.output | string"
                f" | regex_findall('{pattern}')) }}}}"
            }
        },
        {
            "ansible.builtin.copy": {"content": text, "dest": "{{ playbook_dir }}/report.txt"},
            "run_once": True,
            "delegate_to": "localhost",
            "vars": {"ansible_connection": "local"},
        },
    ]


def job() -> Iterator[str]:
    """Configure, read and audit."""
    yield f"### Configure, read, audit, report: {_FLEET} devices, forks={_FORKS}"
    yield ""
    yield from HEAD
    with tempfile.TemporaryDirectory() as directory:
        lab = fleet_of(Path(directory), _FLEET)
        server = lab.serve()
        try:
            nothing, own = [], []
            for number in range(_REPEATS + 1):
                nothing.append(play_cost(lab, [NOTHING] * _TASKS, _FORKS, LOCAL))
                own.append(play_cost(lab, _ours(), _FORKS, values(600 + 60 * number)))
            todays = play_cost(lab, _todays(6000), _FORKS, NETCOMMON)
        finally:
            server.stop()
    # The first round made the bytecode.
    floor, cost = median(nothing[1:]), median(own[1:])
    yield row(f"{_TASKS} tasks that do nothing", floor, floor)
    yield row("ours", cost, floor, f"{todays.wall / cost.wall:.1f} x faster than the last row")
    yield row("junos_config, junos_rpc, filters, set_fact, a written report", todays, floor)
    yield ""


def scale() -> Iterator[str]:
    """A thousand devices in one process, one play."""
    yield f"### {_MANY:,} devices in one process: configure, read, audit, report in one play"
    yield ""
    yield from HEAD
    with tempfile.TemporaryDirectory() as directory:
        lab = fleet_of(Path(directory), _MANY)
        server = lab.serve()
        try:
            floor = play_cost(lab, [NOTHING] * _TASKS, _MANY_FORKS, LOCAL)
            cost = play_cost(lab, _ours(), _MANY_FORKS, values(900))
            held = server.peak_mb()
        finally:
            server.stop()
    yield row(f"{_TASKS} tasks that do nothing", floor, floor)
    said = f"largest Ansible process {cost.peak_mb:.0f} MB, key servers {held:.0f} MB"
    yield row("ours", cost, floor, said)
    yield ""
    what = f"a play over {_MANY:,} devices, wall time beside {_TASKS} tasks that do nothing"
    yield at_most(what, 1.6, cost.wall / floor.wall)
    yield ""


def _members(count: int) -> list[dict[str, Any]]:
    return [
        {
            "gateway": f"gm-{n}",
            "address": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}",
            "last_update": f"Thu Nov 19 2026 16:{n // 60 % 32:02}:{n % 60:02}",
            "vsys": "root",
            "push_sent": 4,
            "push_acknowledged": 4,
            "push_unacknowledged": 0,
        }
        for n in range(count)
    ]


def _cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def large() -> Iterator[str]:
    """Many members against as many expected ones."""
    yield "### Audit of members against as many expected ones"
    yield ""
    yield "| members | reading expectations, CPU s | audit, CPU s | report, CPU s |"
    yield "|---|---|---|---|"
    for count in (_MEMBERS // 10, _MEMBERS):
        members = _members(count)
        groups = [{"name": "G1", "communication": "unicast", "members": members}]
        raw = [{"group": "G1", "members": [{"address": m["address"]} for m in members]}]
        reading, expected = _cpu(lambda raw=raw: expectations.read_expected(raw))
        auditing, result = _cpu(
            lambda groups=groups, expected=expected: audit.audit(
                groups, expected, Options(now=_NOW)
            )
        )
        reporting, _ = _cpu(
            lambda result=result: audit_files.files(audit_fleet.document({"hub": result}, "x"))
        )
        yield f"| {count:,} | {reading:.2f} | {auditing:.2f} | {reporting:.2f} |"
    yield ""


_FILTERING = """
const search = document.getElementById("search"), times = [];
for (const word of ["gm-1", "10.0.7", "hub 99", ""]) {
  search.value = word;
  const started = performance.now();
  search.dispatchEvent(new Event("input"));
  document.body.offsetHeight;
  times.push(performance.now() - started);
}
return Math.max(...times);
"""


def browser() -> Iterator[str]:
    """The page with many members."""
    yield f"### audit.html with {_MEMBERS:,} members in Chromium"
    yield ""
    try:
        from tests.integration.browser import chromium
    except ImportError:
        yield "selenium is not installed"
        yield ""
        return
    groups = [{"name": "G1", "communication": "unicast", "members": _members(_MEMBERS)}]
    result = audit.audit(groups, {}, Options(now=_NOW))
    text = audit_page.page(audit_fleet.document({"hub": result}, "x"))
    with tempfile.TemporaryDirectory() as directory, chromium() as driver:
        path = Path(directory) / "audit.html"
        path.write_text(text)
        driver.get(path.as_uri())
        paint = driver.execute_script(
            "return performance.getEntriesByName('first-contentful-paint')[0].startTime"
        )
        filtering = driver.execute_script(_FILTERING)
    yield "| size, MB | first paint, ms | slowest of four searches, ms |"
    yield "|---|---|---|"
    yield f"| {len(text) / 1e6:.1f} | {paint:.0f} | {filtering:.0f} |"
    yield ""


SECTIONS = {"job": job, "thousand": scale, "audit": large, "browser": browser}

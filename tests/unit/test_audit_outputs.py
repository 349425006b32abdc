# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an audit takes, it can write and read again; its files and its screen agree on each number.

The numbers are counted here anew, from the lists and the expectations that went in.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import expectations
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import files as audit_files
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import fleet as audit_fleet
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import judgement as audit
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import rows as audit_rows
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import screen as audit_screen
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.group_audit import Options
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import Refused
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.test_audit import NOW, document, found, group, member

ODD = (5, 1.5, True, "5", "", "\ud800", [], ["a"], {}, {"a": 1}, 2**70, b"x", [None])
FIELDS = (*audit_rows.COLUMNS, *audit_rows.ABOUT)


@pytest.mark.parametrize("field", [*FIELDS, "communication", "list_shows", "id", "members", "name"])
def test_a_list_from_anywhere_is_refused_by_its_place_or_its_report_is_read_again(tmp_path, field):
    for odd in ODD:
        one, where = member("192.0.2.1"), rf"groups\[0\]\.members\[0\]\.{field} "
        groups = [group({**one, field: odd} if field in FIELDS else one)]
        if field not in FIELDS:
            groups[0][field], where = odd, r"groups\[0\]"
        result, objection = _judged(groups)
        if result is None:
            assert re.match(f"{where}.* expected; give what", objection), odd
            continue
        audit_files.write(tmp_path, audit_files.files(document(a=audit_fleet.plain(result))))
        audit_files.read_dated(tmp_path / "audit.json")


def _judged(groups):
    """(what was found, the objection)."""
    try:
        return found(groups), ""
    except Refused as refused:
        return None, str(refused)


# Numbers

NAMES = st.sampled_from(["gm-1", "gm-2", "gm 10", "=gm", 'g"m', "g,m;x", "Zürich", "<b>&"])
ADDRESSES = st.integers(1, 12).map(lambda n: f"192.0.2.{n}") | st.sampled_from(["2001:DB8::1", "?"])
COUNTS = st.none() | st.integers(0, 9)
MEMBERS = st.fixed_dictionaries(
    {
        "gateway": NAMES,
        "address": ADDRESSES,
        "last_update": st.sampled_from(
            [None, "Thu Nov 19 2026 16:31:09", "Tue Nov 17 2026 16:31:09"]
        ),
        **dict.fromkeys(("push_sent", "push_acknowledged", "push_unacknowledged"), COUNTS),
    }
)
GROUPS = st.dictionaries(NAMES, st.lists(MEMBERS, max_size=5), max_size=2)
WANTED = st.dictionaries(
    NAMES, st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True), max_size=2
)
LOST = ({"unreachable": True, "msg": "no route"}, {"failed": True, "msg": "bad"}, {})
HOSTS = st.dictionaries(
    st.sampled_from(["hub-1", "hub-10", "hüb", "h b"]),
    st.tuples(GROUPS, WANTED) | st.sampled_from(LOST),
    min_size=1,
    max_size=3,
)


def _audited(part):
    if isinstance(part, dict):
        return part
    lists, wanted = part
    expected = {name: [f"192.0.2.{n}" for n in numbers] for name, numbers in wanted.items()}
    groups = [group(*members, name=name) for name, members in lists.items()]
    return audit.audit(groups, expectations.read_expected(expected), Options(now=NOW))


def _samples(text):
    """(family, labels): value, of Prometheus' text format."""
    samples = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
            pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")
            plain = {key: json.loads(f'"{text}"', strict=False) for key, text in pairs}
            samples[name, tuple(sorted(plain.items()))] = float(value)
    return samples


def _of(samples, family, **labels):
    wanted = labels.items()
    return sum(v for (name, has), v in samples.items() if name == family and wanted <= set(has))


TEMPLATE = "{{ data | safe }}"


@settings(max_examples=60, deadline=None)
@given(HOSTS)
def test_files_and_screen_agree_on_every_number(tmp_path_factory, hosts):
    made = audit_fleet.document({n: _audited(p) for n, p in hosts.items()}, "Audit", now=NOW)
    place = tmp_path_factory.getbasetemp() / "short.j2"
    place.write_text(TEMPLATE)
    files = audit_files.files(made, place)
    rows = list(csv.DictReader(io.StringIO(files["members.csv"])))
    page = json.loads(files["audit.html"])
    samples = _samples(files["audit.prom"])
    totals = made["summary"]

    read = {name: part for name, part in hosts.items() if not isinstance(part, dict)}
    listed = sum(len(members) for lists, _wanted in read.values() for members in lists.values())
    groups = sum(len(lists) for lists, _wanted in read.values())
    missing = _missing(read)
    assert (totals["members"], totals["groups"], totals["absent"]) == (listed, groups, missing)
    assert len(rows) == len(page["members"]["address"]) == listed + missing
    assert _of(samples, "groupvpn_members") == listed + missing
    words = audit_screen.screen(made, Path("x"))[0]
    for number, what in ((len(hosts), "host"), (groups, "group"), (listed, "member")):
        assert f"{number} {what}{'' if number == 1 else 's'}" in words

    states = Counter(row["state"] for row in rows)
    assert states == Counter(page["members"]["state"])
    for state in (*states, "listed", "missing"):
        assert _of(samples, "groupvpn_members", state=state) == states[state]
    for state in ("read", "not_reached", "not_read", "not_asked"):
        assert _of(samples, "groupvpn_audit_host", state=state) == totals[state]
    for severity, count in totals["by_severity"].items():
        assert _of(samples, "groupvpn_findings", severity=severity) == count
    _pushes_agree(read, rows, page["members"], samples)


def _missing(read):
    return sum(
        f"192.0.2.{number}" not in {m["address"] for m in lists.get(name, ())}
        for lists, wanted in read.values()
        for name, numbers in wanted.items()
        for number in numbers
    )


def _pushes_agree(read, rows, page, samples):
    everyone = [
        m for lists, _wanted in read.values() for members in lists.values() for m in members
    ]
    for column, field, label in (
        ("sent", "push_sent", "sent"),
        ("acked", "push_acknowledged", "acknowledged"),
        ("unacked", "push_unacknowledged", "unacknowledged"),
    ):
        counted = sum(m[field] or 0 for m in everyone)
        assert counted == sum(int(row[field] or 0) for row in rows)
        assert counted == sum(number or 0 for number in page[column])
        assert counted == _of(samples, "groupvpn_pushes", outcome=label)
    for row in rows:
        if row["push_in_flight"]:
            words = ("sent", "acknowledged", "unacknowledged")
            sent, acked, lost = (int(row[f"push_{word}"] or 0) for word in words)
            assert sent == acked + lost + int(row["push_in_flight"])
    assert [row["age"] for row in rows] == ["" if age is None else str(age) for age in page["age"]]

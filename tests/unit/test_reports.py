# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files and the screen of a fleet's audit, each as a whole."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path
from textwrap import dedent

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import (
    attention as audit_attention,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import drift, expectations
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import files as audit_files
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import fleet as audit_fleet
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import judgement as audit
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import junit as audit_junit
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import page as audit_page
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import rows as audit_rows
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import screen as audit_screen
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import GroupVpnError, Refused
from lxml import html

from tests.unit.test_audit import NOW, found, group, member

EXPECTED = {
    "G1": {
        "members": [
            {"gateway": "gm-1", "address": "192.0.2.1", "site": "Bern"},
            {"gateway": "gm-2", "address": "192.0.2.2", "site": "Chur"},
            {"gateway": "gm-10", "address": "192.0.2.10"},
        ]
    }
}
MEANS = "with unicast the list shows active members only"
MISSING = (
    "it never registered, did not acknowledge a rekey and was removed, or was cleared since; "
    f"{MEANS}"
)
UNEXPECTED = f"it holds the group's keys and is not expected; {MEANS}"


def counted(number):
    return member(
        f"192.0.2.{number}",
        f"gm-{number}",
        vsys="root",
        pull_succeeded=1,
        pull_failed=0,
        push_sent=4,
        push_acknowledged=3,
        push_unacknowledged=0,
    )


@pytest.fixture(scope="module")
def fleet():
    """One host with gaps, one that is not reached, one whose file is bad, one still to come."""
    groups = [
        group(counted(1), counted(10), counted(3)),
        group(name="G2", communication="multicast"),
    ]
    hosts = {
        "hub-1": found(groups, EXPECTED),
        "hub-10": {"unreachable": True, "msg": "no route"},
        "hub-2": {"failed": True, "msg": "expected.csv: line 3"},
        "hub-3": {},
    }
    return audit_fleet.document(hosts, "Fleet", now=NOW, pending=["hub-3"])


def test_the_document_names_the_run_and_sorts_hosts_naturally(fleet):
    assert {k: fleet[k] for k in ("format", "title", "made_at", "worst")} == {
        "format": 1,
        "title": "Fleet",
        "made_at": "2026-11-19T16:33:20Z",
        "worst": "error",
    }
    assert list(fleet["hosts"]) == ["hub-1", "hub-2", "hub-3", "hub-10"]


def test_the_summary_counts_every_kind_apart(fleet):
    assert fleet["summary"] == {
        "hosts": 4,
        # The host whose turn is still to come is none of them: nobody looked.
        "compliant": 0,
        "read": 1,
        "not_reached": 1,
        "not_read": 1,
        "not_asked": 1,
        "unreachable": 1,
        "groups": 2,
        "members": 3,
        "absent": 1,
        "findings": 5,
        "by_severity": {"info": 1, "warning": 0, "error": 4},
        "by_kind": {
            "missing": 1,
            "not_asked": 1,
            "not_read": 1,
            "unexpected": 1,
            "unreachable": 1,
        },
        "drift": 0,
    }


@pytest.mark.parametrize(
    ("host", "kind", "severity", "why", "state", "unreachable"),
    [
        ("hub-10", "unreachable", "error", "no route", "not_reached", True),
        ("hub-2", "not_read", "error", "expected.csv: line 3", "not_read", False),
        ("hub-3", "not_asked", "info", "its turn is still to come", "not_asked", False),
    ],
)
def test_a_host_without_a_list_is_a_finding_of_its_own(
    fleet, host, kind, severity, why, state, unreachable
):
    one = fleet["hosts"][host]
    finding = {"group": "", "member": "", "kind": kind, "severity": severity, "why": why}
    assert one["findings"] == [finding]
    assert (one["state"], one["unreachable"]) == (state, unreachable)
    assert (one["groups"], one["drift"]) == ([], None)
    assert one["summary"]["by_kind"] == {kind: 1}
    assert one["summary"]["by_severity"][severity] == 1
    assert (one["summary"]["groups"], one["summary"]["members"]) == (0, 0)


def test_a_host_that_nobody_asked_is_an_error_once_its_turn_has_passed():
    one = audit_fleet.document({"a": {}}, "x", now=NOW)["hosts"]["a"]
    assert [(f["severity"], f["why"]) for f in one["findings"]] == [
        ("error", "no audit was made of this host")
    ]


def test_who_would_have_been_looked_for_is_kept_of_a_host_that_is_not_reached():
    absent = [{"gateway": "gm-1", "address": "192.0.2.1", "state": "missing"}]
    expected = [{"name": "G1", "members": [], "member_count": 0, "absent": absent}]
    audit = {"unreachable": True, "msg": "no route", "expected_groups": expected}
    (one,) = audit_fleet.document({"a": audit}, "x", now=NOW)["hosts"]["a"]["groups"]
    assert one["absent"] == [{**absent[0], "state": "unknown"}]


def test_members_csv_has_a_row_for_everybody_in_natural_order(fleet):
    row = "hub-1,G1,unicast,active,gm-{0},192.0.2.{0},{1},{2}"
    counters = ",131,Thu Nov 19 2026 16:31:09,root,1,0,4,3,0,1,"
    assert audit_rows.members_csv(fleet).splitlines() == [
        "host,group,communication,list_shows,gateway,address,state,role,age,last_update,vsys,"
        "pull_succeeded,pull_failed,push_sent,push_acknowledged,push_unacknowledged,push_in_flight,"
        "site",
        row.format(1, "listed", "static") + counters + "Bern",
        row.format(2, "missing", "static") + ",,,,,,,,,,Chur",
        row.format(3, "unexpected", "") + counters,
        row.format(10, "listed", "static") + counters,
    ]


def test_the_junit_file_has_a_suite_for_each_host_and_a_case_for_each_group(fleet):
    assert audit_junit.junit(fleet) == dedent(f"""
        <testsuites name="Fleet">
          <testsuite name="hub-1" tests="2" failures="1" errors="0">
            <testcase classname="hub-1" name="G1">
              <failure message="2 findings">error missing gm-2 192.0.2.2: {MISSING}
        error unexpected gm-3 192.0.2.3: {UNEXPECTED}</failure>
            </testcase>
            <testcase classname="hub-1" name="G2"/>
          </testsuite>
          <testsuite name="hub-2" tests="1" failures="1" errors="0">
            <testcase classname="hub-2" name="reachable">
              <failure message="1 finding">error not_read : expected.csv: line 3</failure>
            </testcase>
          </testsuite>
          <testsuite name="hub-3" tests="0" failures="0" errors="0"/>
          <testsuite name="hub-10" tests="1" failures="1" errors="0">
            <testcase classname="hub-10" name="reachable">
              <failure message="1 finding">error unreachable : no route</failure>
            </testcase>
          </testsuite>
        </testsuites>
        """).lstrip("\n")


def test_a_finding_about_a_group_that_no_list_names_is_a_case_too():
    host = found([group(name="G2")], EXPECTED)
    text = audit_junit.junit(audit_fleet.document({"a": host}, "x", now=NOW))
    assert re.findall(r'<testcase classname="a" name="(G\d)"(/?)>', text) == [
        ("G2", "/"),
        ("G1", ""),
    ]
    assert 'tests="2" failures="1"' in text


def test_the_page_holds_every_member_by_column(fleet):
    page = audit_page.page(fleet)
    (data,) = re.findall(r'type="application/json"[^>]*>(.*?)</script>', page, re.S)
    assert ", " not in data.replace("Nov 19", "")
    table = json.loads(data)
    assert table == {
        "groups": [
            {"host": "hub-1", "name": "G1", "communication": "unicast", "shows": "active"},
            {
                "host": "hub-1",
                "name": "G2",
                "communication": "multicast",
                "shows": "registered_since_configured",
            },
        ],
        "members": {
            "group": [0, 0, 0, 0],
            "age": [131, None, 131, 131],
            "about": ["Bern", "Chur", "", ""],
            "gateway": ["gm-1", "gm-2", "gm-3", "gm-10"],
            "address": ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.10"],
            "state": ["listed", "missing", "unexpected", "listed"],
            "sent": [4, None, 4, 4],
            "acked": [3, None, 3, 3],
            "unacked": [0, None, 0, 0],
            "flying": [1, None, 1, 1],
        },
    }


def test_the_screen_shows_the_fleet_the_worst_and_where_the_files_are(fleet):
    assert audit_screen.screen(fleet, Path("reports")) == [
        "fleet: 4 hosts (1 not reached, 1 not read, 1 not asked), 2 groups, 3 members; 4 errors, "
        "0 warnings, 1 note",
        "error   hub-1 G1: 1 missing: gm-2 192.0.2.2; 1 unexpected: gm-3 192.0.2.3",
        f"        {MISSING}",
        "error   hub-2 (host): 1 not read",
        "        expected.csv: line 3",
        "error   hub-10 (host): 1 unreachable",
        "        no route",
        "page: reports/audit.html",
        "also: audit.json, members.csv, junit.xml, audit.prom in reports",
    ]


def test_the_screen_of_a_fleet_without_findings_says_so():
    one = audit_fleet.document({"a": found([group(counted(1))])}, "x", now=NOW)
    assert audit_screen.screen(one, Path("r"))[0] == (
        "fleet: 1 host (0 not reached), 1 group, 1 member; 0 errors, 0 warnings, 0 notes"
    )
    assert audit_screen.screen(one, Path("r"))[1] == "no group needs attention"
    assert audit_screen.screen(one, Path("r"))[2] == (
        "compared with nobody, since nothing is expected there: a G1"
    )
    none = audit_fleet.document({"a": {}}, "x", now=NOW, pending=["a"])
    assert audit_screen.screen(none, Path("r"))[1] == "nothing was read"


def test_the_worst_of_a_fleet_without_findings_is_none():
    document = audit_fleet.document({"a": found([group(counted(1))])}, "x", now=NOW)
    assert (document["worst"], document["summary"]["findings"]) == ("none", 0)


def test_many_groups_and_many_names_are_cut_and_counted():
    members = [{"gateway": f"gm-{n}", "address": f"192.0.2.{n}"} for n in range(1, 8)]
    host = found([group()], {"G1": {"members": members}})
    hosts = {f"hub-{n}": host for n in range(1, 15)}
    lines = audit_screen.screen(audit_fleet.document(hosts, "x", now=NOW), Path("r"))
    assert lines[1] == (
        "error   hub-1 G1: 7 missing: gm-1 192.0.2.1, gm-2 192.0.2.2, gm-3 192.0.2.3, "
        "gm-4 192.0.2.4, gm-5 192.0.2.5 and 2 more"
    )
    assert lines[-3] == "... and 2 more groups in need of attention"
    assert len(lines) == 1 + 2 * 12 + 1 + 2
    assert [line.split()[1] for line in lines[1:25:2]] == [f"hub-{n}" for n in range(1, 13)]


@pytest.mark.parametrize(("count", "end"), [(5, "gm-5"), (6, "gm-5 and 1 more")])
def test_a_single_name_more_is_counted_too(count, end):
    bad = [{"kind": "missing", "member": f"gm-{n}"} for n in range(1, count + 1)]
    (line,) = audit_attention.who(bad)
    assert line == f"{count} missing: gm-1, gm-2, gm-3, gm-4, {end}"


def test_findings_of_one_kind_are_counted_together():
    finding = {"severity": "error", "group": "G1", "member": "gm-1", "why": "it is not there"}
    kinds = ("missing", "unexpected", "missing", "missing")
    host = {"findings": [{**finding, "kind": kind} for kind in kinds], "groups": []}
    (row,) = audit_attention.attention({"hosts": {"hub-1": host}})
    assert (row["kinds"], row["count"]) == ("3 missing, 1 unexpected", 4)


def test_what_needs_attention_has_all_that_its_row_shows(fleet):
    first, second, third = audit_attention.attention(fleet)
    assert first == {
        "host": "hub-1",
        "group": "G1",
        "worst": "error",
        "count": 2,
        "communication": "unicast",
        "means": MEANS,
        "members": 3,
        "expected": 3,
        "kinds": "1 missing, 1 unexpected",
        "who": ["1 missing: gm-2 192.0.2.2", "1 unexpected: gm-3 192.0.2.3"],
        "first": MISSING,
    }
    assert second == {
        "host": "hub-2",
        "group": "(host)",
        "worst": "error",
        "count": 1,
        "communication": "",
        "means": "",
        "members": None,
        "expected": None,
        "kinds": "1 not read",
        "who": ["1 not read"],
        "first": "expected.csv: line 3",
    }
    assert third["host"] == "hub-10"


@pytest.mark.parametrize(
    ("fail_at", "words"),
    [
        ("error", "4 errors, 0 warnings, 1 note, and error or worse fails it"),
        ("warning", "and warning or worse fails it"),
        ("info", "and info or worse fails it"),
        ("never", None),
    ],
)
def test_a_fleet_fails_at_the_severity_that_was_asked_for(fleet, fail_at, words):
    said = audit_screen.verdict({**fleet, "pending": []}, fail_at, Path("reports"))
    assert said is None if words is None else words in said
    assert said is None or said.endswith("; reports/audit.html tells which")


def test_what_is_less_bad_than_asked_for_fails_nothing_and_nothing_read_always_fails():
    notes = audit_fleet.document(
        {"a": found([group(counted(1), communication="multicast")]), "b": {}},
        "x",
        now=NOW,
        pending=["b"],
    )
    ended = {**notes, "pending": []}
    assert audit_screen.verdict(ended, "warning", Path("r")) is None
    assert audit_screen.verdict(ended, "info", Path("r")) is not None
    nothing = audit_fleet.document({"a": {}, "b": {}}, "x", now=NOW)
    for fail_at in ("never", "error"):
        assert audit_screen.verdict(nothing, fail_at, Path("r")) == (
            "no list was read of 2 hosts; r/audit.html says why"
        )


def test_an_audit_that_is_not_through_keeps_what_the_last_one_said_of_whom_it_has_not_asked():
    hosts = {"a": found([group(counted(1))]), "b": found([group(counted(2))])}
    last = audit_fleet.document(hosts, "x", now=NOW)
    first = audit_fleet.document(
        {"a": found([group()]), "b": {}, "c": {}}, "x", now=NOW, pending=["b", "c"], replaced=last
    )
    again = audit_fleet.document({"b": {}}, "x", now=NOW, pending=["b"], replaced=first)
    for document in (last, first, again):
        assert audit_fleet.earlier(document, "b") == last["hosts"]["b"]
    assert audit_fleet.earlier(first, "a") == first["hosts"]["a"]
    for document in (last, first):
        assert audit_fleet.earlier(document, "c")["state"] == "not_asked"


def test_a_slice_of_the_day_before_yesterday_is_named_with_its_date():
    old = audit_fleet.document({"a": found([group()], EXPECTED)}, "East", now=NOW - 90_000)
    fresh = audit_fleet.document({"b": found([group()], EXPECTED)}, "West", now=NOW - 80_000)
    whole = audit_fleet.document({}, "x", [old, fresh], NOW)
    (finding,) = whole["findings"]
    assert (finding["kind"], finding["severity"]) == ("old_slice", "warning")
    assert f"the slice with a was made at {old['made_at']}: " in finding["why"]


def test_a_host_whose_turn_never_came_in_a_slice_is_an_error_of_the_whole():
    slice_ = audit_fleet.document({"a": found([group()]), "b": {}}, "x", now=NOW, pending=["b"])
    whole = audit_fleet.document({"c": found([group()])}, "x", [slice_], NOW)
    assert [f["severity"] for f in whole["hosts"]["b"]["findings"]] == ["error"]
    assert whole["hosts"]["b"]["findings"][0]["why"] == "no audit was made of this host"
    assert audit_screen.verdict(whole, "error", Path("r")) is not None


# Slices of a fleet


def test_a_later_slice_replaces_what_it_read_and_keeps_what_it_did_not_ask():
    first = audit_fleet.document(
        {"a": found([group()], EXPECTED), "b": {}}, "x", now=NOW, pending=["b"]
    )
    second = audit_fleet.document(
        {"a": {}, "b": found([group(counted(1))])}, "x", [first], NOW, pending=["a"]
    )
    assert [second["hosts"][name]["state"] for name in "ab"] == ["read", "read"]
    assert second["summary"]["by_kind"]["missing"] == 3
    assert first["hosts"]["b"]["state"] == "not_asked"


@pytest.mark.parametrize(("unreachable", "state"), [(True, "not_reached"), (False, "read")])
def test_an_audit_of_an_earlier_release_that_has_no_states_is_merged(unreachable, state):
    old = audit_fleet.document({"a": found([group(counted(1))])}, "x", now=NOW)
    del old["hosts"]["a"]["state"]
    old["hosts"]["a"]["unreachable"] = unreachable
    assert audit_fleet.document({}, "x", [old], NOW)["hosts"]["a"]["state"] == state


# Files


def test_all_files_are_written_and_only_what_changed_is_told(fleet, tmp_path):
    contents = audit_files.files(fleet)
    assert list(contents) == [
        "audit.json",
        "members.csv",
        "junit.xml",
        "audit.prom",
        "audit.html",
    ]
    assert json.loads(contents["audit.json"]) == fleet
    assert contents["audit.json"].startswith('{\n "format": 1,\n')
    place = tmp_path / "new" / "reports"
    assert audit_files.write(place, contents) == list(contents)
    assert audit_files.write(place, {**contents, "members.csv": "x\n"}) == ["members.csv"]
    assert sorted(p.name for p in place.iterdir()) == sorted(contents)
    assert {p.stat().st_mode & 0o777 for p in place.iterdir()} == {0o644}
    assert audit_files.read_document(place / "audit.json") == fleet


def test_a_file_is_made_beside_its_place_so_that_it_appears_as_a_whole(tmp_path, monkeypatch):
    """What is not finished must be on the same file system, to be moved into place at once."""
    moved = []
    replace = os.replace

    def noted(source, target):
        moved.append((Path(source), Path(target)))
        replace(source, target)

    monkeypatch.setattr(os, "replace", noted)
    audit_files.write(tmp_path, {"a.txt": "ü"})
    ((source, target),) = moved
    assert (source.parent, target) == (tmp_path, tmp_path / "a.txt")
    assert source.name.startswith(".a.txt-")
    assert target.read_bytes() == "ü".encode()


def test_the_page_knows_no_number_of_members_of_a_host_that_was_not_read(fleet):
    needs_attention = "//section[@aria-labelledby='attention-heading']//tbody/tr"
    rows = html.fromstring(audit_page.page(fleet)).xpath(needs_attention)
    cells = [[cell.text_content().strip() for cell in row] for row in rows]
    assert [(row[0], row[4]) for row in cells] == [
        ("hub-1", "3, 3 expected"),
        ("hub-2", "not known"),
        ("hub-10", "not known"),
    ]
    # What the list means is said once in a row.
    assert sum(MEANS in cell for cell in cells[0]) == 1


def test_a_template_of_ones_own_makes_the_page_and_mistakes_in_it_are_named(fleet, tmp_path):
    own = tmp_path / "own.j2"
    own.write_text("{{ title }}: {{ summary.hosts }} <{{ worst }}>")
    assert audit_page.page(fleet, own) == "Fleet: 4 <error>"
    own.write_bytes(b"\xff")
    for template in (own, tmp_path / "none.j2"):
        with pytest.raises(GroupVpnError, match=str(template)):
            audit_page.page(fleet, template)


def test_an_audit_that_is_not_there_or_too_large_is_refused(tmp_path):
    with pytest.raises(Refused, match=r"none\.json: No such file"):
        audit_files.read_document(tmp_path / "none.json")
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(Refused, match="larger than"):
        audit_files.read_document(large)


def _places_in(value, here=()):
    """The way to everything in a document."""
    yield here
    listed = value if isinstance(value, list) else ()
    for key, part in value.items() if isinstance(value, dict) else enumerate(listed):
        yield from _places_in(part, (*here, key))


def _damaged(value, way, wrong):
    if not way:
        return wrong
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[way[0]] = _damaged(copy[way[0]], way[1:], wrong)
    return copy


WRONG = (True, {"a": 1}, [[]], "x", -1, None, [None], 1e30, "")


@pytest.mark.parametrize("shift", range(3))
def test_of_an_audit_that_is_damaged_anywhere_a_report_is_made_or_it_is_refused(tmp_path, shift):
    drifted = {**found([group(counted(1))]), "drift": drift.drift([], [group(counted(2))])}
    wanted = expectations.read_expected(EXPECTED)["G1"]
    unread = {"unreachable": True, "expected_groups": [audit.unseen_group(wanted, "unknown")]}
    audits = {"a": drifted, "b": unread, "c": {}}
    whole = audit_fleet.document(audits, "x", now=NOW, pending=["c"])
    path, refused = tmp_path / "audit.json", 0
    # Ours takes ten times as long to make.
    template = tmp_path / "short.j2"
    template.write_text(
        "{{ attention }}{{ places }}{{ data }}{{ drift | map(attribute='change') }}"
    )
    for number, way in enumerate(_places_in(whole)):
        wrong = WRONG[(number + shift * 3) % len(WRONG)]
        path.write_text(json.dumps(_damaged(whole, way, wrong)))
        try:
            one = audit_files.read_dated(path)
        except Refused:
            refused += 1
            continue
        made = audit_fleet.document({"d": {}}, "x", [one], pending=["a"], replaced=one)
        audit_files.files(made, template)
    assert refused > number / 3


@pytest.mark.parametrize("odd", ["NaN", "-Infinity", '"\\ud800"', "1" * 5000])
def test_an_audit_that_nobody_could_write_again_is_refused(fleet, tmp_path, odd):
    text = json.dumps({**fleet, "title": "here"}).replace('"here"', odd)
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(Refused, match="damaged"):
        audit_files.read_document(tmp_path / "audit.json")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\n{{ titel }}", "line 2: UndefinedError: 'titel' is undefined"),
        ("{% if %}", "line 1: TemplateSyntaxError"),
        ("\n\n{{ summary.hosts / 0 }}", "line 3: ZeroDivisionError"),
        ("{% include 'head.j2' %}", "no loader"),
    ],
)
def test_a_mistake_in_a_template_of_ones_own_is_named_with_its_line(fleet, tmp_path, text, words):
    own = tmp_path / "own.j2"
    own.write_text(text)
    with pytest.raises(GroupVpnError, match=rf"own\.j2: .*{words}.*given title, "):
        audit_page.page(fleet, own)


@pytest.mark.parametrize(
    "damage", [{"made_at": "now"}, {"made_at": None}, {"pending": [["a"]]}, {"history": 7}]
)
def test_a_slice_of_which_the_date_or_the_rest_is_damaged_is_refused(fleet, tmp_path, damage):
    (tmp_path / "audit.json").write_text(json.dumps({**fleet, **damage}))
    with pytest.raises(Refused, match="damaged"):
        audit_files.read_dated(tmp_path / "audit.json")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (131.4, "131"),
        (-3, "-3"),
        ("-3", "'-3"),
        ("+x", "'+x"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        (-0.3, "0"),
        ("=1", "'=1"),
        ("a=1", "a=1"),
        # Where a semicolon parts columns it begins one, quotes or not.
        ("a;=1;b;-c;d", "a;'=1;b;'-c;d"),
        ("a;b", "a;b"),
    ],
)
def test_cells_are_text_that_no_spreadsheet_runs(value, cell):
    row = {**counted(1), "gateway": value, "state": "listed"}
    host = {"groups": [{"name": "G1", "members": [row]}]}
    line = audit_rows.members_csv({"hosts": {"a": host}}).split("\n")[1]
    assert line.split(",")[4] == cell


@pytest.mark.parametrize(
    ("there", "later"),
    [
        ({"run": "b", "pending": []}, True),
        ({"run": "b", "pending": ["hub-2"]}, False),
        ({"run": "b", "pending": ["hub-3"]}, False),
        ({"run": "a", "pending": []}, False),
        ({}, False),
    ],
)
def test_a_report_does_not_take_the_place_of_one_that_has_seen_more(there, later):
    assert audit_fleet.is_later(there, {"run": "b", "pending": ["hub-2"]}) == later
    assert not audit_fleet.is_later(there, {"run": None, "pending": ["hub-2"]})


def test_audits_of_another_run_are_left_out_and_what_is_no_audit_is_named():
    audits = {"hub-1": {"run": "b", "groups": []}, "hub-2": {"run": "a"}, "hub-3": {}}
    assert audit_fleet.of_run(audits, "b") == {"hub-1": audits["hub-1"], "hub-2": {}, "hub-3": {}}
    assert audit_fleet.of_run(audits, None) == audits
    once = {"run": "b", "asked": ["hub-1"], "groups": []}
    looped = {"run": "b", "asked": ["localhost", "hub-2"], "groups": []}
    everybody = {"hub-1": once, "hub-2": looped, "hub-3": once}
    assert audit_fleet.of_run(everybody, "b") == {"hub-1": once, "hub-2": looped, "hub-3": {}}
    with pytest.raises(
        Refused, match=r"audits\.hub-4: the registered result of an audit is expected"
    ):
        audit_fleet.of_run({"hub-4": "skipped"}, None)


def test_while_one_looks_and_writes_no_other_does(tmp_path):
    place = tmp_path / "new" / "reports"
    entered = threading.Event()

    def other():
        with audit_files.alone(place):
            entered.set()

    waiting = threading.Thread(target=other)
    with audit_files.alone(place):
        waiting.start()
        assert not entered.wait(0.2)
        assert list(place.iterdir()) == []
    waiting.join(60)
    assert entered.is_set()


def test_a_directory_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(GroupVpnError, match=r"file: File exists"),
        audit_files.alone(tmp_path / "file"),
    ):
        pass

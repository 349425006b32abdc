# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Expectations for a fleet that exists: configured is expected, listed alone is not."""

from __future__ import annotations

import csv
import io
import json

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.groupvpn.junos.plugins.filter.expectations import FilterModule
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import (
    expectations,
    fleet,
    judgement,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.group_audit import Options
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.proposals import propose
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import Refused
from hypothesis import given, settings
from hypothesis import strategies as st


def server(gateways, members, **more):
    return {
        "groups": [
            {
                "name": "G1",
                "gateways": [{"name": n, "address": a} for n, a in gateways.items()],
                "members": [{"gateway": n, "address": a} for n, a in members],
                **more,
            }
        ]
    }


ONE = server(
    {"gm-1": "192.0.2.1", "gm-2": "192.0.2.2", "gm-3": "192.0.2.3", "home": None},
    [("gm-1", "192.0.2.1"), ("gm-3", "192.0.2.33"), ("home", "203.0.113.7"), ("odd", "192.0.2.9")],
)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([1], r"hub-1: groups\[0\]: a group with a name is expected"),
        ([{"name": "G1", "members": 5, "gateways": []}], r"hub-1: groups\[0\]\.members: a list"),
        ([{"name": "G1", "members": []}], "group G1 without its configured gateways"),
        ([{"name": "G1", "members": [], "gateways": [1]}], "without its configured gateways"),
        ([{"name": "G1", "members": [], "gateways": [{"name": "a"}]}], "without its configured"),
    ],
)
def test_what_was_not_read_of_a_device_is_refused_by_its_place(groups, words):
    with pytest.raises(AnsibleFilterError, match=f"expectations: .*{words}"):
        FilterModule().filters()["expectations"]({"hub-1": {"groups": groups}})


def test_what_was_warned_of_when_it_was_read_is_to_be_looked_at():
    read = {**ONE, "warnings": ["hub-1: group G2: no list", "group G3: no list"]}
    review = propose({"hub-1": read})["review"]
    assert review[:2] == ["hub-1: group G2: no list", "hub-1: group G3: no list"]


def test_what_is_configured_is_expected_and_what_is_doubtful_is_named():
    found = propose({"hub-1": ONE})
    (group,) = found["expected"]
    assert [tuple(member.values()) for member in group["members"]] == [
        ("gm-1", "192.0.2.1", "static", "registered"),
        ("gm-2", "192.0.2.2", "static", "configured, not registered"),
        ("gm-3", "192.0.2.3", "static", "registered"),
        ("home", "dynamic", "registered"),
    ]
    assert [line.partition("G1: ")[2].split()[0] for line in found["review"]] == [
        "gm-2",
        "gm-3",
        "odd",
    ]
    assert "registered from 192.0.2.33" in found["review"][1]


def test_of_who_is_not_registered_it_is_told_whether_that_means_anything():
    (static, dynamic) = propose({"hub-1": server({"gm-1": "192.0.2.1", "home": None}, [])})[
        "review"
    ]
    end = "is configured and not registered: is it still there?"
    assert static == f"hub-1 G1: gm-1 192.0.2.1 {end}"
    assert dynamic == f"hub-1 G1: home, a dynamic peer, {end}"


def test_the_list_of_another_host_is_nobody_elses():
    found = propose({"hub-1": {**ONE, "asked": ["hub-1"]}, "hub-2": {**ONE, "asked": ["hub-1"]}})
    assert {group["host"] for group in found["expected"]} == {"hub-1"}
    assert "hub-2: not in these expectations: hub-1 was asked in its place" in found["review"]


def test_both_files_read_as_the_same_expectations(tmp_path):
    found = propose({"hub-1": ONE, "hub-2": ONE})
    sheet, tree = tmp_path / "e.csv", tmp_path / "e.yml"
    sheet.write_text(found["csv"])
    tree.write_text(yaml.safe_dump(found["expected"]))
    for host in ("hub-1", "hub-2"):
        read = [expectations.read_expected_file(path, host)["G1"].members for path in (sheet, tree)]
        assert read[0] == read[1]
        assert len(read[0]) == 4


def test_a_cluster_is_expected_as_one():
    a = server({"gm-1": "192.0.2.1", "gm-2": "192.0.2.2"}, [("gm-1", "192.0.2.1")], clustered=True)
    b = server({"gm-1": "192.0.2.1", "gm-2": "192.0.2.2"}, [("gm-2", "192.0.2.2")], clustered=True)
    found = propose({"a": a, "b": b})
    (group,) = found["expected"]
    assert group["host"] == ["a", "b"]
    assert {member["seen"] for member in group["members"]} == {"registered"}
    assert found["csv"].splitlines()[1].startswith("a b,G1,gm-1,")
    assert found["review"] == []


def test_a_host_without_a_list_is_named():
    found = propose({"a": {"failed": True, "msg": "no route"}, "b": ONE})
    assert found["review"][0] == "a: not in these expectations: no route"


def test_lists_without_their_gateways_are_refused():
    with pytest.raises(Refused, match="without its configured gateways"):
        propose({"a": {"groups": [{"name": "G1", "members": []}]}})


@pytest.mark.parametrize("names", [["hub 1"], ["hub 1", "hub,2"], ["hub-1", "a|b"], ["=1+1"]])
def test_hosts_with_blanks_and_commas_in_their_names_keep_their_expectations(names, tmp_path):
    more = {"clustered": len(names) > 1}
    one = server({"gm-1": "192.0.2.1"}, [("gm-1", "192.0.2.1")], **more)
    found = propose({**dict.fromkeys(names, one), "other": ONE})
    for file, text in (("e.csv", found["csv"]), ("e.yml", yaml.safe_dump(found["expected"]))):
        (tmp_path / file).write_text(text)
        for host in names:
            (member,) = expectations.read_expected_file(tmp_path / file, host)["G1"].members
            assert member.hosts == tuple(names)
        known = {*names, "other"}
        assert expectations.hosts_named(expectations.load(tmp_path / file), known) == known


def test_of_gateways_at_one_address_the_one_by_which_the_member_came_is_expected(tmp_path):
    there = {"gm-1": "192.0.2.1", "gm-2": "192.0.2.1", "gm-3": "192.0.2.3", "a": None, "b": None}
    for came_by, expected in (("gm-2", "gm-2"), ("a", "gm-1")):
        found = propose({"hub-1": server(there, [(came_by, "192.0.2.1")])})
        (tmp_path / "e.csv").write_text(found["csv"])
        read = expectations.read_expected_file(tmp_path / "e.csv", "hub-1")["G1"].members
        assert [member.gateway for member in read] == [expected, "gm-3", "a", "b"]
        said = f"hub-1 G1: 192.0.2.1 is configured as gm-1, gm-2: {expected} is expected"
        assert said in found["review"]


def test_a_group_without_gateways_is_named():
    assert propose({"hub-1": server({}, [])}) == {
        "expected": [],
        "csv": "host,group,gateway,address,role,seen\n",
        "review": ["hub-1 G1: it has no gateway: nobody is expected"],
    }


NAMES = [
    "gm-1",
    "=1+1",
    "'=x",
    "''-y",
    "@a",
    "+b",
    "-c",
    'q"q',
    "a,b;c",
    "a;=b",
    "a;'=b",
    "g h",
    "Zürich",
    "010",
    "no",
]
NAMES += [
    "1e3",
    "null",
    "~",
    "{a",
    "&b",
    "*c",
    "!d",
    "#e",
    "%f",
    "x: y",
    "192.0.2.77",
    "😀",
    "group",
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["hub-1", "hub 2", "=hub", "hub,3"]), min_size=1, unique=True),
    st.dictionaries(st.sampled_from(NAMES), st.booleans(), min_size=1, max_size=6),
    st.sampled_from(NAMES),
    st.booleans(),
    st.sampled_from(["csv", "yml", "json"]),
)
def test_a_fleet_is_compliant_with_what_was_made_of_it(
    tmp_path_factory, hosts, dynamic, group, clustered, kind
):
    addresses = {name: f"192.0.2.{n}" for n, name in enumerate(dynamic, 1)}
    gateways = {name: None if dynamic[name] else addresses[name] for name in dynamic}
    one = server(gateways, addresses.items(), name=group, clustered=clustered, list_shows="active")
    made = propose(dict.fromkeys(hosts, one))
    path = tmp_path_factory.getbasetemp() / f"made.{kind}"
    texts = {"csv": made["csv"], "yml": yaml.safe_dump(made["expected"], allow_unicode=True)}
    path.write_text(texts.get(kind) or json.dumps(made["expected"], indent="\t"))
    audits = {
        host: judgement.audit(
            one["groups"], expectations.read_expected_file(path, host), Options(now=0.0)
        )
        for host in hosts
    }
    assert all(audit["groups"][0]["expected_count"] == len(gateways) for audit in audits.values())
    document = fleet.document(audits, "x", now=0.0)
    assert document["summary"]["compliant"] == len(hosts)
    cells = [cell for row in csv.reader(io.StringIO(made["csv"])) for cell in row]
    assert not any(cell[:1] in set("=+-@") for cell in cells)

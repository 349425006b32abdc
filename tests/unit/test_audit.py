# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an audit finds, and how bad that is, by what the list means."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re

import pytest
from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.groupvpn.junos.plugins.filter.audit import audit as audit_filter
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import (
    drift,
    expectations,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import files as audit_files
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import fleet as audit_fleet
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import judgement as audit
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import junit as audit_junit
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import options as audit_options
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import page as audit_page
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import rows as audit_rows
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import screen as audit_screen
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.findings import not_compared
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.group_audit import Options
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import GroupVpnError, Refused
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.meaning import LIST_SHOWS
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

NOW = 1_795_106_000.0
RECENT = "Thu Nov 19 2026 16:31:09"  # 131 seconds before NOW
KINDS = ("none", "unicast", "multicast")
# A refusal ends with what to do, or with what is expected in the place of what is there.
HELPS = re.compile(r"; [^;]+$| (?:is|are) expected$|did you mean|is it the right file|line \d+")


def member(address, gateway="gm-1", **more):
    return {"gateway": gateway, "address": address, "last_update": RECENT, **more}


def group(*members, communication="unicast", name="G1", **more):
    return {
        "name": name,
        "id": 1,
        "communication": communication,
        "list_shows": LIST_SHOWS[communication],
        "members": list(members),
        **more,
    }


def found(groups, expected=None, **options):
    options.setdefault("now", NOW)
    wanted = expectations.read_expected(expected or {})
    return audit.audit(groups, wanted, Options(**options))


def pairs(result, *without):
    return [
        (f["kind"], f["severity"])
        for f in result["findings"]
        if f["kind"] not in (*without, "not_proof_of_liveness")
    ]


@pytest.mark.parametrize("communication", KINDS)
def test_who_is_expected_and_listed_is_no_finding(communication):
    result = found([group(member("192.0.2.1"), communication=communication)], {"G1": ["192.0.2.1"]})
    assert pairs(result) == []
    assert result["compliant"]


@pytest.mark.parametrize(
    ("communication", "words"),
    [
        ("none", "all that registered, active or not"),
        ("unicast", "active members only"),
        ("multicast", "registered since it was configured, alive or not"),
    ],
)
def test_every_finding_says_what_the_list_means(communication, words):
    listed = group(member("192.0.2.9"), communication=communication)
    result = found([listed], {"G1": {"members": ["192.0.2.1"], "min_members": 5}})
    kinds = {f["kind"]: f["why"] for f in result["findings"]}
    assert {"missing", "unexpected", "below_minimum"} <= set(kinds)
    assert all(words in why for why in kinds.values())
    assert not result["compliant"]


@pytest.mark.parametrize(
    ("communication", "said"), list(zip(KINDS, (True, False, True), strict=True))
)
def test_only_a_unicast_list_is_proof_of_life(communication, said):
    result = found([group(member("192.0.2.1"), communication=communication)])
    notes = [f for f in result["findings"] if f["kind"] == "not_proof_of_liveness"]
    assert bool(notes) is said
    assert all(note["severity"] == "info" and note["member"] == "" for note in notes)
    assert result["compliant"]


def test_of_a_clusters_nodes_the_one_that_lists_its_members_is_judged():
    listed, empty = group(member("192.0.2.1")), group()
    for nodes in ([listed, empty], [empty, listed]):
        assert found(nodes, {"G1": ["192.0.2.1"]})["compliant"]


def test_a_dynamic_peers_absence_is_no_alarm():
    wanted = [{"group": "G1", "members": [{"gateway": "home", "role": "dynamic"}, "192.0.2.1"]}]
    result = found([group(member("192.0.2.1"))], wanted)
    assert pairs(result) == [("missing", "info")]
    assert result["compliant"]


def test_a_dynamic_peer_may_have_any_address_and_a_static_one_not():
    listed = [group(member("203.0.113.9", "home"))]
    entry = {"gateway": "home", "address": "192.0.2.7"}
    assert pairs(found(listed, {"G1": [{**entry, "role": "dynamic"}]})) == []
    assert pairs(found(listed, {"G1": [entry]})) == [("missing", "error"), ("unexpected", "error")]


def test_an_address_at_another_gateway_is_unexpected():
    listed = [group(member("192.0.2.1", "gm-9"))]
    assert pairs(found(listed, {"G1": [{"gateway": "gm-1", "address": "192.0.2.1"}]})) == [
        ("unexpected", "error")
    ]


ONE, OTHER = {"gateway": "gm-1", "address": "192.0.2.1"}, {"gateway": "gm-1"}


@pytest.mark.parametrize("role", ["static", "dynamic"])
def test_one_member_is_not_two_that_are_expected(role):
    wanted = {"G1": [{**OTHER, "role": role}, ONE]}
    absent = [("missing", "error" if role == "static" else "info")]
    assert pairs(found([group(member("192.0.2.1"))], wanted)) == absent
    # Who has an address of its own is none of those who come in by the gateway alone.
    both = [group(member("192.0.2.1"), member("192.0.2.2"))]
    assert pairs(found(both, wanted)) == []
    elsewhere = {"gateway": "gm-1", "address": "192.0.2.7", "role": "dynamic"}
    assert pairs(found([group(member("192.0.2.1"))], {"G1": [elsewhere, ONE]})) == [
        ("missing", "info")
    ]


@pytest.mark.parametrize("expected", ["192.0.2.1", ONE, OTHER])
def test_who_is_listed_twice_is_no_stranger_and_not_two(expected):
    twice = group(member("192.0.2.1"), member("192.0.2.1", last_update="2026-11-19 16:31:10"))
    assert pairs(found([twice], {"G1": [expected]})) == [("duplicate", "warning")]


def test_of_an_address_that_is_listed_twice_the_one_at_its_gateway_is_expected():
    listed = [group(member("192.0.2.1", "gm-9"), member("192.0.2.1"))]
    (stranger,) = [f for f in found(listed, {"G1": [ONE]})["findings"] if f["severity"] == "error"]
    assert (stranger["kind"], stranger["member"]) == ("unexpected", "gm-9 192.0.2.1")
    assert "it holds the group's keys and is not expected" in stranger["why"]


def test_without_expected_members_nobody_is_unexpected():
    assert pairs(found([group(member("192.0.2.1"))], {"G1": {"min_members": 1}})) == []


def test_duplicates_are_found():
    listed = group(member("192.0.2.1", "gm-1"), member("192.0.2.1", "gm-2"))
    assert pairs(found([listed])) == [("duplicate", "warning")]
    twice = group(member("192.0.2.1"), member("192.0.2.2"))
    assert pairs(found([twice], {"G1": [{"gateway": "gm-1"}]})) == [("duplicate", "warning")] * 2
    # Who is listed twice, or at no address, is not two.
    few = [("below_minimum", "error"), ("duplicate", "warning")]
    assert pairs(found([listed], {"G1": {"min_members": 2}})) == few
    nowhere = group(member("192.0.2.1"), member("192.0.2.999", "gm-2"))
    assert pairs(found([nowhere], {"G1": {"min_members": 2}}))[0] == few[0]


def test_stale_and_unacknowledged_members_are_found():
    listed = group(
        member("192.0.2.1", last_update="Thu Nov 12 2026 16:31:09"),
        member("192.0.2.2", "gm-2", push_sent=5, push_acknowledged=3, push_unacknowledged=2),
    )
    result = found([listed])
    assert pairs(result) == [("stale", "warning"), ("unacknowledged", "warning")]
    assert "7 d ago" in result["findings"][0]["why"]
    assert "2 of 5 rekeys" in result["findings"][1]["why"]
    assert [m["state"] for m in result["groups"][0]["members"]] == ["stale", "unacknowledged"]
    assert pairs(found([listed], stale_after=30 * 86400)) == [("unacknowledged", "warning")]


def test_a_clock_that_differs_is_named():
    listed = group(member("192.0.2.1", last_update="Fri Nov 20 2026 16:31:09"))
    assert pairs(found([listed])) == [("clock", "warning")]


def test_a_list_younger_than_its_configuration_is_judged_later():
    expected = {"G1": ["192.0.2.1", "192.0.2.2"]}
    young = found([group(member("192.0.2.1"))], expected, configured_ago=1000.0)
    assert pairs(young) == [("missing", "warning")]
    assert "cannot be judged yet" in young["findings"][0]["why"]
    assert not young["compliant"]
    # One member registered before the commit: that commit did not empty the list.
    older = found([group(member("192.0.2.1"))], expected, configured_ago=5.0)
    assert pairs(older) == [("missing", "error")]
    settled = found([group()], expected, configured_ago=7200.0)
    assert pairs(settled) == [("missing", "error")] * 2


def test_a_commit_dated_in_the_future_excuses_nobody():
    expected = {"G1": ["192.0.2.1"]}
    ahead = found([group()], expected, configured_ago=-86_400.0)
    assert pairs(ahead) == [("missing", "error"), ("clock", "warning")]
    assert "dates its last commit in the future" in ahead["findings"][1]["why"]
    assert ahead["summary"]["by_kind"] == {"missing": 1, "clock": 1}
    # Nobody is missing: the clock is told all the same. A little ahead is no other clock.
    assert pairs(found([group()], configured_ago=-86_400.0)) == [("clock", "warning")]
    little = found([group()], expected, configured_ago=-60.0)
    assert pairs(little) == [("missing", "warning")]
    assert "the configuration is 0 s old" in little["findings"][0]["why"]


@pytest.mark.parametrize(
    "raw",
    [
        {"G1": [{"address": "192.0.2.1", "host": "hub-2"}]},
        [{"group": "G1", "members": [{"address": "192.0.2.1", "host": ["hub-2", "hub-3"]}]}],
    ],
)
def test_a_group_whose_members_are_all_for_other_hosts_is_not_expected_here(raw):
    wanted = expectations.read_expected(raw, host="hub-1")
    # Neither missed where it is not, nor compared with nobody without a word where it is.
    assert pairs(audit.audit([], wanted, Options(now=NOW))) == []
    there = audit.audit([group(member("192.0.2.9"))], wanted, Options(now=NOW))
    assert not_compared(there["groups"])
    assert expectations.read_expected(raw, host="hub-2")["G1"].members


def test_a_group_that_the_device_does_not_list_is_an_error():
    assert pairs(found([], {"G1": ["192.0.2.1"]})) == [("group_missing", "error")]
    home = {"G1": [{"gateway": "home", "role": "dynamic"}]}
    assert pairs(found([], home)) == [("group_missing", "warning")]


def test_a_malformed_address_of_the_device_is_named():
    result = found([group(member("192.0.2.999"))])
    assert pairs(result) == [("malformed", "warning")]
    assert "192.0.2.999" in result["findings"][0]["why"]


def test_ipv6_addresses_are_compared_by_value():
    listed = group(member("2001:db8:0:0::1"))
    assert pairs(found([listed], {"G1": ["2001:DB8::1"]})) == []


def test_both_nodes_of_a_cluster_are_one_group():
    nodes = [group(member("192.0.2.1"), node="node0"), group(node="node1")]
    assert pairs(found(nodes, {"G1": ["192.0.2.1"]})) == []


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ({"G1": ["192.0.2.1", "192.0.2.1"]}, "expected twice"),
        (
            {
                "G1": [
                    {"gateway": "a", "address": "192.0.2.1"},
                    {"gateway": "b", "address": "192.0.2.1", "role": "dynamic"},
                ]
            },
            "as a 192.0.2.1 (static) and as b 192.0.2.1 (dynamic)",
        ),
        ({"G1": ["gm-1", {"gateway": "gm-1"}]}, "gm-1 is expected twice"),
        (
            {"G1": ["gm-1", {"gateway": "gm-1", "role": "dynamic"}]},
            "gateway gm-1 is expected as gm-1 (static) and as gm-1 (dynamic)",
        ),
        ({"G1": []}, "expected.G1: it names nobody; give members or min_members"),
        ({"G1": None}, "expected.G1: it names nobody"),
        ([{"group": "G1", "members": []}], "expected[0]: it names nobody"),
        ({"G1": ["gm\u20111"]}, "its dash is not a hyphen"),
        ({"G1": [{"gateway": "gm\u22121", "address": "192.0.2.1"}]}, "its dash is not a hyphen"),
        ({"G1": [{"address": "192.0.2"}]}, "'192.0.2': an IPv4"),
        ({"G1": [{"role": "static"}]}, "'address' or 'gateway' is missing"),
        ({"G1": [{"gateway": "a", "role": "sometimes"}]}, "static or dynamic is expected"),
        ({"G1": [{"gateway": "a", "role": False}]}, "role False: static or dynamic is expected"),
        ({"G1": [{"gateway": "a", "role": []}]}, "static or dynamic is expected"),
        ({"G1": {"members": ["a"], "host": False}}, "host False: a name or names are expected"),
        ({"G1": {"members": ["a"], "host": [None]}}, "a name or names are expected; write them"),
        ({"G1": [{"gateway": "a", "host": ["hub-1", True]}]}, "a name or names are expected"),
        ({"G1": {"min_members": -1}}, "min_members -1"),
        ({"G1": {"min_members": "many"}}, "min_members 'many'"),
        ({"G1": {"min_members": "\u00b2"}}, "min_members '\u00b2'"),
        ({"G\n1": {"min_members": 1}}, r"group 'G\n1': printable characters"),
        ([{"group": "G1", "gateway": "a", "site": "\ud800"}], "half a character"),
        ({" ": ["gm-1"]}, "group '': printable characters are expected"),
        ([{"group": ["G1"], "gateway": "a"}], "group ['G1']: a name is expected"),
        ({"G1": [{"gateway": ["gm-1"]}]}, "['gm-1']: a text is expected"),
        ({"G1": [{"gateway": "a", "address": {"x": 1}}]}, "{'x': 1}: a text is expected"),
        ({"G1": [{"gateway": False}]}, "False: a text is expected"),
        ({"G1": [{"gateway": " ", "address": ""}]}, "'address' or 'gateway' is missing"),
        ([{"members": []}], "'group' is missing"),
        (["G1"], "a mapping with 'group'"),
        (5, "a list of groups"),
        ({"G1": [7]}, "a mapping or a string"),
        ({"G1": {"members": "192.0.2.1"}}, "a list is expected"),
        (
            [{"group": "G1", "min_members": 1}, {"group": "G1", "min_members": 2}],
            "group G1 has 1 elsewhere; give one number",
        ),
    ],
)
def test_contradictions_and_malformed_expectations_are_refused_by_name(expected, words):
    with pytest.raises(Refused) as refusal:
        expectations.read_expected(expected)
    assert words in str(refusal.value)
    assert all(map(HELPS.search, refusal.value.objections))
    assert len(set(refusal.value.objections)) == len(refusal.value.objections)


def test_every_form_of_expectation_says_the_same():
    forms = (
        {"G1": [{"gateway": "gm-1", "address": "192.0.2.1"}]},
        {"G1": {"members": [{"gateway": "gm-1", "address": "192.0.2.1"}]}},
        [{"group": "G1", "members": [{"gateway": "gm-1", "address": "192.0.2.1"}]}],
        [{"group": "G1", "gateway": "gm-1", "address": "192.0.2.1"}],
    )
    first, *others = map(expectations.read_expected, forms)
    assert all(first == other for other in others)


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_file_is_read_as_spreadsheets_write_it(tmp_path, delimiter, ending):
    file = tmp_path / "members.csv"
    rows = ("", "Group,Gateway,Address,Role", "G1,gm-1,192.0.2.1,", "G1,home,,dynamic", "", ",,,")
    file.write_bytes(
        b"\xef\xbb\xbf" + ending.join(r.replace(",", delimiter) for r in rows).encode()
    )
    wanted = expectations.read_expected_file(file)
    assert [str(m) for m in wanted["G1"].members] == ["gm-1 192.0.2.1", "home"]
    # Excel's own first line; it does not count what the others hold.
    told = [f"sep={delimiter}", delimiter.join(("group", "gateway", '"a;;;,,,"'))]
    file.write_text(ending.join([*told, delimiter.join(("G1", "gm-1", ""))]), encoding="utf-8")
    (one,) = expectations.read_expected_file(file)["G1"].members
    assert str(one) == "gm-1"
    file.write_text(ending.join([*told, "G1"]), encoding="utf-8")
    with pytest.raises(Refused, match="line 3: 3 columns are expected"):
        expectations.read_expected_file(file)
    # A heading in quotes may hold what parts the columns of other files.
    others = 3 * ",;\t".replace(delimiter, "")
    rows = (f'"{others}"', "group", "gateway"), ("here", "G1", "gm-1")
    file.write_text(ending.join(map(delimiter.join, rows)), encoding="utf-8")
    (one,) = expectations.read_expected_file(file)["G1"].members
    assert (str(one), dict(one.about)) == ("gm-1", {others.strip(): "here"})
    assert [m.role.value for m in wanted["G1"].members] == ["static", "dynamic"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name,ip\nx,192.0.2.1\n", "columns name, ip"),
        (b"group,address\nG1\n", "line 2: 2 columns are expected"),
        (b"group,address\nG1,192.0.2.1,more\n", "line 2: 2 columns are expected"),
        ("group,address\nG1,Z\xfcrich\n".encode("latin-1"), "save it as UTF-8"),
        (b"", "columns none"),
        (b'group,address\nG1,"192.0.2.1\n', "line"),
        (b"group,gateway,Gateway\nG1,a,b\n", "column 'gateway' comes twice"),
        (b"group,gateway\nG1,a\0b\n", "gateway 'a\\x00b': printable"),
        (b"group,address\nG1,192.000.002.001\n", "an IPv4 or IPv6 address is expected"),
        (b"group,address\n", "it names nobody"),
        (b"group,address\n,\n\n,\n", "it names nobody"),
        (b"group,address,host\nG1,192.0.2.1,HUB-1\n", "host 'HUB-1': the inventory has 'hub-1'"),
        # The line in which a row begins, whatever other hosts' rows stand before it.
        (
            b'host,group,gateway,note\nhub-2,G1,a,"b\nc"\n\nhub-1,G1,d,e\nhub-1,G1,d\xe2\x80\x90f,\n',
            "csv: line 6: gateway",
        ),
        (b'group,gateway\nG1,a\nG1,"b"c\n', "line 3: ',' expected after"),
        (b"group,gateway\nG1,a\n,b\n", "line 3: 'group' is missing"),
        (b"group,gateway,,\nG1,a,,b\n", "line 2: 'b': its column has no name"),
        (b"group,gateway,host\nG1,a,hub-1\xe2\x80\x8b\n", "host 'hub-1\\u200b': printable"),
    ],
)
def test_a_csv_file_with_wrong_columns_or_encoding_is_refused(tmp_path, content, words):
    file = tmp_path / "members.csv"
    file.write_bytes(content)
    with pytest.raises(Refused) as refusal:
        expectations.read_expected_file(file, "hub-1")
    assert words in str(refusal.value)
    assert "members.csv" in str(refusal.value)
    assert all(map(HELPS.search, refusal.value.objections))


def test_what_was_found_is_counted_by_kind_and_severity():
    result = found([group(member("192.0.2.9"))], {"G1": ["192.0.2.1", "192.0.2.2"]})
    assert result["summary"] == {
        "groups": 1,
        "members": 1,
        "findings": 3,
        "by_kind": {"missing": 2, "unexpected": 1},
        "by_severity": {"info": 0, "warning": 0, "error": 3},
    }


def test_a_table_that_names_nobody_for_a_host_is_no_mistake(tmp_path):
    file = tmp_path / "members.csv"
    file.write_text("host,group,gateway\nhub-2,G1,gm-1\n")
    assert expectations.read_expected_file(file, "hub-1") == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        # The first would be lost without a word.
        ("G1: [192.0.2.1]\nG1: [192.0.2.2]\n", "'G1' comes twice"),
        ("- {group: G1, gateway: a, gateway: b}\n", "'gateway' comes twice"),
        ("{}", "it names nobody"),
        ("[]", "it names nobody"),
        ("G1: [192.0.2.300]\n", "'192.0.2.300': an IPv4 or IPv6 address is expected"),
        ("G1: [010.0.0.1]\n", "'010.0.0.1': an IPv4 or IPv6 address is expected"),
        ("G1: [192.0.2.1/32]\n", "'192.0.2.1/32': an IPv4 or IPv6 address is expected"),
        (
            "G1: ['2001:db8::g', '2001:db8:::1']\n",
            "'2001:db8:::1': an IPv4 or IPv6 address is expected",
        ),
        ("G1: no\n", "a list is expected"),
        ("- {group: G1, host: {a: b}, members: [c]}\n", "host {'a': 'b'}: a name or names"),
        ("- {group: G1, host: [[a]], members: [c]}\n", "a name or names are expected"),
        ("- {group: G1, gateway: a, members: [b]}\n", "'gateway' stands beside 'members'"),
        (
            "- {group: G1, min_member: 2, members: [b]}\n",
            "members.yml[0]: unknown key 'min_member'; did you mean 'min_members'?",
        ),
        ("- {group: ' ', members: [b]}\n", "'group' is missing"),
        ("G1: [{gateway: a, [b]: c}]\n", "unhashable key"),
        ("G1: [!!bool a]\n", "correct it"),
        ("G1: [!!timestamp a]\n", "correct it"),
        pytest.param(f"G1: {'[' * 3000}{']' * 3000}\n", "nested too deep", id="deep"),
    ],
)
def test_a_yaml_file_that_would_expect_less_than_it_says_is_refused(tmp_path, content, words):
    file = tmp_path / "members.yml"
    file.write_text(content)
    with pytest.raises(Refused) as refusal:
        expectations.read_expected_file(file)
    assert words in str(refusal.value)
    assert all(map(HELPS.search, refusal.value.objections))


def test_a_json_file_is_read_as_json_and_its_values_stay_as_they_are_written(tmp_path):
    file = tmp_path / "members.json"
    site = {"gateway": "a", "site": "\U0001f600", "spare": True, "rate": 1.5}
    file.write_text(json.dumps({"G1": [site]}, indent="\t").replace("1.5", "1.50"))
    (member,) = expectations.read_expected_file(file)["G1"].members
    assert dict(member.about) == {"site": "\U0001f600", "spare": "true", "rate": "1.50"}
    for text, words in (('{"G1": ["a"], "G1": []}', "'G1' comes twice"), ('{"G1": [', "line 1")):
        file.write_text(text)
        with pytest.raises(Refused, match=words):
            expectations.read_expected_file(file)


def test_values_of_a_yaml_file_stay_as_they_are_written(tmp_path):
    file = tmp_path / "members.yml"
    file.write_text(
        "G1:\n  min_members: 2\n  members:\n"
        "    - {gateway: 010, address: ~, ticket: 12:30}\n"
        "    - {gateway: 1_000, site: no}\n    - site-1\n    - {gateway: 192.0.2.300}\n"
    )
    group = expectations.read_expected_file(file)["G1"]
    assert [str(member) for member in group.members] == ["010", "1_000", "site-1", "192.0.2.300"]
    assert [dict(member.about) for member in group.members[:2]] == [
        {"ticket": "12:30"},
        {"site": "no"},
    ]
    assert group.min_members == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        *(({"host": host}, "a host's name is expected") for host in ("", " ", ["hub"], {}, True)),
        ({"stale_after": None}, "stale_after: seconds are expected"),
        ({"settle_seconds": None}, "settle_seconds: seconds are expected"),
    ],
)
def test_the_filter_refuses_a_host_that_is_nobody_and_no_seconds(given, words):
    with pytest.raises(AnsibleFilterError, match=words):
        audit_filter([group()], [{"host": "hub", "group": "G1", "address": "192.0.2.1"}], **given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"stale_after": "x"}, "stale_after: 'x': .*number is expected"),
        ({"stale_after": -5}, "stale_after -5.*: seconds from 0 up"),
        ({"configured_ago": -1.0}, "configured_ago -1.*: seconds from 0 up"),
        ({"now": "nan"}, "now: 'nan': a number is expected"),
        ({"settle_seconds": [1]}, "settle_seconds: .*number is expected"),
    ],
)
def test_the_filter_refuses_the_numbers_that_the_module_refuses(given, words):
    with pytest.raises(AnsibleFilterError, match=words):
        audit_filter([group(member("192.0.2.1"))], {"G1": ["192.0.2.1"]}, **given)
    found = audit_filter([group()], {"G1": {"min_members": 0}}, configured_ago="5")
    assert found["groups"][0]["settling"]


def test_drift_tells_who_came_left_moved_and_changed_gateway():
    before = [group(*(member(f"192.0.2.{n}", f"gm-{n}") for n in (1, 2, 3, 4)))]
    after = [
        group(
            member("192.0.2.1", "gm-1"),
            member("203.0.113.2", "gm-2"),
            member("192.0.2.3", "gm-9"),
            member("192.0.2.5", "gm-5"),
        )
    ]
    changes = {(d["change"], d["before"], d["after"]) for d in drift.drift(before, after)}
    assert changes == {
        ("address", "192.0.2.2", "203.0.113.2"),
        ("gateway", "gm-3", "gm-9"),
        ("came", "", "192.0.2.5"),
        ("left", "192.0.2.4", ""),
    }
    assert drift.drift(after, after) == []


def test_drift_names_who_has_no_gateway_by_the_address_and_who_has_no_address_by_the_gateway():
    nobody = [{"name": "G1", "members": []}]
    for listed, name, address in (
        ({"address": "192.0.2.1", "gateway": None}, "192.0.2.1", "192.0.2.1"),
        ({"address": None, "gateway": "gm-1"}, "gm-1", ""),
    ):
        there = [{"name": "G1", "members": [listed]}]
        (came,), (left,) = drift.drift(nobody, there), drift.drift(there, nobody)
        assert came == {
            "group": "G1",
            "member": name,
            "change": "came",
            "before": "",
            "after": address,
        }
        assert (left["member"], left["before"], left["after"]) == (name, address, "")


def test_of_two_members_at_one_address_each_that_goes_or_comes_is_told():
    """Behind one translator, or without an address, who is who is told by the gateway."""
    for address in ("192.0.2.1", None):
        first, second = ([member(address, name)] for name in ("gm-1", "gm-2"))
        both = [group(*first, *second)]
        for one, other in ((first, "gm-2"), (second, "gm-1")):
            (left,), (came,) = drift.drift(both, [group(*one)]), drift.drift([group(*one)], both)
            assert (left["change"], came["change"]) == ("left", "came")
            assert left["member"] == came["member"] == f"{other} {address or ''}".strip()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["group", "members", "address", "gateway", "role", "name", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_no_data_does_more_than_be_refused(data):
    for read in (expectations.read_expected, lambda d: found(d)):
        with contextlib.suppress(Refused):
            read(data)


# Reports


def document(**hosts):
    return audit_fleet.document(hosts, "Audit", now=NOW)


def test_a_report_survives_its_file_and_merges(tmp_path):
    one = document(a=found([group(member("192.0.2.1"))]))
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(one))
    both = audit_fleet.document(
        {"b": {"unreachable": True, "msg": "no route"}},
        "Audit",
        [audit_files.read_document(path)],
        NOW,
    )
    assert list(both["hosts"]) == ["a", "b"]
    assert both["summary"]["hosts"] == 2
    assert both["summary"]["unreachable"] == 1
    assert both["worst"] == "error"
    assert audit_screen.screen(both, tmp_path)[1:3] == [
        "error   b (host): 1 unreachable",
        " " * 8 + "no route",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "damaged"),
        pytest.param("[" * 100_000, "damaged", id="deep"),
        ("[]", "an audit.json of this collection is expected"),
        ('{"format": 2, "hosts": {}}', "format 2"),
        ('{"format": 1}', "incomplete"),
        ('{"format": 1, "hosts": {"a": {"groups": [{}], "findings": []}}}', "incomplete"),
        ('{"format": 1, "hosts": {"a": {"groups": [], "findings": [{}]}}}', "incomplete"),
        (
            '{"format": 1, "hosts": {"a": {"findings": [], '
            '"groups": [{"name": "G1", "member_count": 1, "members": [1]}]}}}',
            "incomplete",
        ),
        (
            '{"format": 1, "hosts": {"a": {"groups": [], "findings": [{"severity": "error"}]}}}',
            "incomplete",
        ),
    ],
)
def test_a_damaged_or_foreign_audit_is_refused(tmp_path, content, words):
    path = tmp_path / "audit.json"
    path.write_text(content)
    with pytest.raises(Refused) as refusal:
        audit_files.read_document(path)
    assert words in str(refusal.value)


def test_no_cell_of_the_csv_begins_a_formula():
    one = document(
        a=found([group(member("192.0.2.1", "=HYPERLINK(1)"), member("192.0.2.2", "-x"))])
    )
    rows = audit_rows.members_csv(one).splitlines()
    assert ",'-x," in rows[1]
    assert "'=HYPERLINK(1)" in rows[2]


def test_control_characters_do_not_break_the_junit_file():
    one = document(a=found([group(member("bad\x00address", "g\x1b[31m"))]))
    text = audit_junit.junit(one)
    assert r"bad\x00address" in text
    etree.fromstring(text)


def test_the_data_of_the_page_cannot_end_its_script():
    hostile = "</script><script>alert(1)</script><!--"
    page = audit_page.page(document(**{hostile: found([group(member("192.0.2.1", hostile))])}))
    assert page.count("</script>") == 2
    assert "<!--" not in page
    assert hostile not in page


def test_files_are_written_whole_or_not_at_all(tmp_path):
    assert audit_files.write(tmp_path / "new", {"a": "1"}) == ["a"]
    assert audit_files.write(tmp_path / "new", {"a": "1"}) == []
    (tmp_path / "file").write_text("")
    remedy = "name one that can be written to, or make room"
    with pytest.raises(GroupVpnError, match=f"file: File exists; {remedy}"):
        audit_files.write(tmp_path / "file", {"a": "1"})
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a"]


def test_a_disk_that_is_full_leaves_what_was_there_and_nothing_else(tmp_path, monkeypatch):
    audit_files.write(tmp_path, {"a": "1"})

    def full(*_paths):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(GroupVpnError, match=r"No space left on device; name one .* make room"):
        audit_files.write(tmp_path, {"a": "2"})
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "1")]


@pytest.mark.parametrize("previous", [{"groups": []}, "audit.json"])
def test_an_earlier_audit_is_given_as_it_is_or_by_its_file(previous):
    given_ = ArgumentSpecValidator(**audit_options.membership_audit()).validate(
        {"previous": previous}
    )
    assert given_.error_messages == []
    assert given_.validated_parameters["previous"] == previous

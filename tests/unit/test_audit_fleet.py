# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The audit of a fleet: one file for it, clusters as one, who by name, what kind of gap."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import expectations
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import fleet as audit_fleet
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import judgement as audit
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import page as audit_page
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import rows as audit_rows
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import screen as audit_screen
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.group_audit import Options
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import Refused
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = 1_795_106_000.0
RECENT = "Thu Nov 19 2026 16:31:09"
PLACE = Path("reports")


def member(number, **more):
    name = f"gm-{number}"
    return {"gateway": name, "address": f"192.0.2.{number}", "last_update": RECENT, **more}


def listing(*numbers, **more):
    members = [member(number, **more) for number in numbers]
    return [{"name": "G1", "communication": "unicast", "list_shows": "active", "members": members}]


def judged(expected, host, groups):
    wanted = expectations.read_expected(expected, host=host)
    return audit.audit(groups, wanted, Options(now=NOW))


def fleet(expected, **lists):
    """The document of hosts with these lists."""
    return audit_fleet.document(
        {h: judged(expected, h, g) for h, g in lists.items()}, "Audit", now=NOW
    )


def kinds(found, host):
    return [
        (f["kind"], f["severity"], f["member"])
        for f in found["hosts"][host]["findings"]
        if f["severity"] != "info"
    ]


ROWS = """host,group,gateway,address,site,Owner
hub_1,G1,gm-1,192.0.2.1,Bern,netops
hub_1,G1,gm-10,192.0.2.10,Basel,netops
hub_2,G1,gm-2,192.0.2.2,Chur,field team
,G2,gm-3,192.0.2.3,,
"""


def test_one_file_serves_a_fleet_and_keeps_what_else_it_says(tmp_path):
    path = tmp_path / "members.csv"
    path.write_text(ROWS)
    for host, names in (("hub_1", ["gm-1", "gm-10"]), ("hub_2", ["gm-2"]), ("hub_3", [])):
        found = expectations.read_expected_file(path, host)
        assert [m.gateway for m in found["G1"].members] == names if names else "G1" not in found
        assert [m.gateway for m in found["G2"].members] == ["gm-3"]
    found = expectations.read_expected_file(path, "hub_1")
    document = audit_fleet.document(
        {"hub_1": audit.audit(listing(1), found, Options(now=NOW))}, "Audit", now=NOW
    )
    header, *rows = audit_rows.members_csv(document).splitlines()
    assert header.endswith(",Owner,site")
    assert rows[0].startswith("hub_1,G1,unicast,active,gm-1,192.0.2.1,listed,static,")
    assert rows[0].endswith(",netops,Bern")
    assert rows[1].startswith("hub_1,G1,unicast,active,gm-10,192.0.2.10,missing,static,")
    assert rows[1].endswith(",netops,Basel")


def test_a_key_that_looks_like_a_known_one_is_a_mistake():
    with pytest.raises(Refused, match="did you mean 'address'"):
        expectations.read_expected([{"group": "G1", "gateway": "a", "adress": "192.0.2.1"}])


def test_the_same_member_may_be_expected_at_two_servers_that_are_no_cluster():
    rows = [{"group": "G1", "host": host, "address": "192.0.2.1"} for host in ("a", "b")]
    assert expectations.read_expected(rows)
    with pytest.raises(Refused, match="expected twice"):
        expectations.read_expected([{**row, "host": "a"} for row in rows])


CLUSTER = [
    {
        "group": "G1",
        "host": ["a", "b"],
        "min_members": 3,
        "members": [{"gateway": f"gm-{n}", "address": f"192.0.2.{n}"} for n in (1, 2, 3)],
    }
]


def test_a_member_that_another_server_of_the_cluster_lists_is_not_missing():
    found = fleet(CLUSTER, a=listing(1, 2), b=listing(3))
    assert [kinds(found, host) for host in ("a", "b")] == [[], []]
    assert found["summary"]["compliant"] == 2
    assert found["summary"]["absent"] == 0


def test_in_a_cluster_one_member_is_not_two_that_are_expected():
    members = [{"gateway": "gm-1", "address": "192.0.2.1"}, {"gateway": "gm-1"}]
    wanted = [{"group": "G1", "host": ["a", "b"], "members": members}]
    found = fleet(wanted, a=listing(1), b=listing())
    assert kinds(found, "a") == [("missing", "error", "gm-1")]
    assert kinds(found, "b") == []
    second = [{**member(1), "address": "192.0.2.7"}]
    found = fleet(wanted, a=listing(1), b=[{**listing()[0], "members": second}])
    assert found["summary"]["compliant"] == 2


def test_a_member_that_no_server_of_the_cluster_lists_is_missing_once():
    found = fleet(CLUSTER, a=listing(1), b=listing(2))
    assert kinds(found, "a") == [
        ("missing", "error", "gm-3 192.0.2.3"),
        ("below_minimum", "error", ""),
    ]
    assert kinds(found, "b") == []
    assert found["summary"]["absent"] == 1


def test_an_address_that_is_none_does_not_make_up_a_clusters_minimum():
    odd = listing(2)
    odd[0]["members"].append({"gateway": "gm-3", "address": "unknown"})
    found = fleet(CLUSTER, a=listing(1), b=odd)
    assert ("below_minimum", "error", "") in kinds(found, "a")


def test_with_a_server_unread_nobody_of_its_cluster_is_called_missing_for_sure():
    audits = {"a": judged(CLUSTER, "a", listing(1, 2)), "b": {"unreachable": True, "msg": "gone"}}
    found = audit_fleet.document(audits, "Audit", now=NOW)
    assert kinds(found, "a") == [
        ("missing", "warning", "gm-3 192.0.2.3"),
        ("below_minimum", "warning", ""),
    ]
    assert found["hosts"]["a"]["groups"][0]["absent"][0]["state"] == "unknown"


def test_a_cluster_finds_a_member_by_the_rule_of_one_server():
    # By the address, and not by the gateway; of one that came in elsewhere that is said alone.
    moved = listing(1, 2)
    moved[0]["members"][0]["address"] = "192.0.2.99"
    found = fleet(CLUSTER, a=listing(3), b=moved)
    assert kinds(found, "a") == [("missing", "error", "gm-1 192.0.2.1")]
    assert kinds(found, "b") == [("unexpected", "error", "gm-1 192.0.2.99")]
    moved[0]["members"][0] = member(1, gateway="gm-9")
    found = fleet(CLUSTER, a=listing(3), b=moved)
    assert kinds(found, "a") == []
    assert kinds(found, "b") == [("unexpected", "error", "gm-9 192.0.2.1")]


@pytest.mark.parametrize(
    ("there", "is_stale"),
    [
        ([member(3)], False),
        ([member(3, last_update="Mon Nov 16 2026 16:31:09")], True),
        ([member(3, last_update="some day")], True),
        ([member(2)], True),
    ],
)
def test_a_member_that_went_to_another_server_of_the_cluster_is_not_stale(there, is_stale):
    before = listing(1, 2, 3)
    before[0]["members"][2]["last_update"] = "Mon Nov 16 2026 16:31:09"
    found = fleet(CLUSTER, a=before, b=[{**listing()[0], "members": there}])
    assert (("stale", "warning", "gm-3 192.0.2.3") in kinds(found, "a")) is is_stale
    rows = found["hosts"]["a"]["groups"][0]["members"]
    assert rows[2]["state"] == ("stale" if is_stale else "listed")
    # Where servers are no cluster, each has its own list.
    apart = [{**CLUSTER[0], "host": host} for host in ("a", "b")]
    found = fleet(apart, a=before, b=[{**listing()[0], "members": there}])
    assert ("stale", "warning", "gm-3 192.0.2.3") in kinds(found, "a")


def test_the_server_that_shows_a_list_tells_for_its_cluster():
    for servers in (["a", "b"], ["b", "a"]):
        wanted = [{**CLUSTER[0], "host": servers}]
        told = [("missing", "error", "gm-3 192.0.2.3"), ("below_minimum", "error", "")]
        found = fleet(wanted, a=[], b=listing(1, 2))
        assert kinds(found, "a") == [("group_missing", "error", "")]
        assert kinds(found, "b") == told
        assert found["summary"]["absent"] == 1
        lost = {"unreachable": True, "msg": "gone"}
        lost["expected_groups"] = judged(wanted, "b", [])["groups"]
        audits = {"a": judged(wanted, "a", listing(1, 2)), "b": lost}
        found = audit_fleet.document(audits, "Audit", now=NOW)
        assert [name for name, _severity, _who in kinds(found, "a")] == ["missing", "below_minimum"]
        assert [row["state"] for row in found["hosts"]["a"]["groups"][0]["absent"]] == ["unknown"]
        assert found["summary"]["absent"] == 1


def test_slices_of_a_cluster_are_judged_anew_when_they_are_merged():
    one = fleet(CLUSTER, a=listing(1, 2))
    assert one["hosts"]["a"]["groups"][0]["absent"][0]["state"] == "unknown"
    merged = audit_fleet.document({"b": judged(CLUSTER, "b", listing(2))}, "x", [one], now=NOW)
    (row,) = merged["hosts"]["a"]["groups"][0]["absent"]
    assert (row["gateway"], row["state"]) == ("gm-3", "missing")
    assert kinds(merged, "a")[0] == ("missing", "error", "gm-3 192.0.2.3")
    # What one list had when they were judged together is missed by the other one now.
    both = fleet(CLUSTER, a=listing(1), b=listing(2, 3))
    merged = audit_fleet.document({"b": judged(CLUSTER, "b", listing(2))}, "x", [both], now=NOW)
    assert kinds(merged, "a") == []
    assert [(kind, who) for kind, _severity, who in kinds(merged, "b")] == [
        ("missing", "gm-3 192.0.2.3"),
        ("below_minimum", ""),
    ]


SERVERS = ("a", "b", "c")


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(SERVERS),
        st.none() | st.just([]) | st.lists(st.integers(1, 6), min_size=1, unique=True),
        min_size=1,
    ),
    st.permutations(SERVERS),
    st.sets(st.integers(1, 6), min_size=1),
    st.integers(0, 7),
)
def test_a_cluster_misses_whom_no_list_has_and_each_once(lists, order, numbers, minimum):
    members = [{"gateway": f"gm-{n}", "address": f"192.0.2.{n}"} for n in sorted(numbers)]
    wanted = [{"group": "G1", "host": order, "min_members": minimum, "members": members}]
    audits = {
        name: judged(wanted, name, listing(*numbers) if numbers else [])
        if numbers is not None
        else {"unreachable": True, "expected_groups": judged(wanted, name, [])["groups"]}
        for name, numbers in lists.items()
    }
    found = audit_fleet.document(audits, "Audit", now=NOW)
    listed = {n for there in lists.values() for n in there or ()}
    everywhere = all(lists.get(name) is not None for name in order)
    absent = [row for h in found["hosts"].values() for g in h["groups"] for row in g["absent"]]
    assert sorted(row["address"] for row in absent) == [
        f"192.0.2.{n}" for n in sorted(numbers - listed)
    ]
    assert {row["state"] for row in absent} <= {"missing" if everywhere else "unknown"}
    told = [f for host in found["hosts"].values() for f in host["findings"]]
    of_kind = {k: [f for f in told if f["kind"] == k] for k in ("missing", "below_minimum")}
    shown = any(lists.values())
    severity = {"error" if everywhere else "warning"}
    assert len(of_kind["missing"]) == (len(absent) if shown else 0)
    assert len(of_kind["below_minimum"]) == (shown and len(listed) < minimum)
    assert {f["severity"] for k in of_kind.values() for f in k} <= severity


def test_one_server_alone_cannot_be_compliant_for_its_cluster():
    alone = judged(CLUSTER, "a", listing(1, 2))
    assert not alone["compliant"]
    assert "a and b are a cluster" in alone["findings"][0]["why"]


def test_kinds_of_gaps_are_told_apart():
    audits = {
        "a": judged({}, "a", listing(1)),
        "b": {"unreachable": True, "msg": "no route"},
        "c": {"failed": True, "msg": "members.csv: line 2: 2 columns expected"},
        "d": {},
        "e": {},
    }
    found = audit_fleet.document(audits, "Audit", now=NOW, pending=["e"])
    states = {name: host["state"] for name, host in found["hosts"].items()}
    assert states == {
        "a": "read", "b": "not_reached", "c": "not_read", "d": "not_asked", "e": "not_asked",
    }  # fmt: skip
    assert [kinds(found, h)[0][:2] for h in "bcd"] == [
        ("unreachable", "error"),
        ("not_read", "error"),
        ("not_asked", "error"),
    ]
    assert kinds(found, "e") == []
    assert (
        "5 hosts (1 not reached, 1 not read, 2 not asked)" in audit_screen.screen(found, PLACE)[0]
    )


def test_who_would_have_been_looked_for_at_a_host_that_was_not_reached_is_listed():
    wanted = expectations.read_expected({"G1": ["192.0.2.1"]})
    groups = [audit.unseen_group(group, "unknown") for group in wanted.values()]
    lost = {"unreachable": True, "msg": "no route", "expected_groups": groups}
    found = audit_fleet.document({"a": lost}, "Audit", now=NOW)
    assert (
        audit_rows.members_csv(found).splitlines()[1].startswith("a,G1,,,,192.0.2.1,unknown,static")
    )


def test_the_terminal_names_the_first_five():
    wanted = {"G1": [f"192.0.2.{n}" for n in range(1, 9)]}
    found = fleet(wanted, a=listing(1))
    (line,) = [one for one in audit_screen.screen(found, PLACE) if one.startswith("error")]
    names = ", ".join(f"192.0.2.{n}" for n in range(2, 7))
    assert line == f"error   a G1: 7 missing: {names} and 2 more"


def test_names_are_sorted_as_people_count():
    found = fleet({}, **{f"hub{n}": listing(10, 9, 2) for n in (10, 2)})
    assert list(found["hosts"]) == ["hub2", "hub10"]
    names = [row.split(",")[4] for row in audit_rows.members_csv(found).splitlines()[1:4]]
    assert names == ["gm-2", "gm-9", "gm-10"]


@pytest.mark.parametrize(
    ("acked", "lost", "flying", "kind"),
    [(5, 0, 0, []), (3, 1, 1, ["unacknowledged"]), (5, 1, -1, ["counters", "unacknowledged"])],
)
def test_rekeys_sent_are_acknowledged_given_up_or_on_their_way(acked, lost, flying, kind):
    counted = {"push_sent": 5, "push_acknowledged": acked, "push_unacknowledged": lost}
    result = judged({}, "a", listing(1, **counted))
    assert result["groups"][0]["members"][0]["push_in_flight"] == flying
    assert [f["kind"] for f in result["findings"]] == kind


@pytest.mark.parametrize(
    ("fail_at", "words"),
    [("never", None), ("error", "1 error, 0 warnings, 0 notes, and error or worse fails it")],
)
def test_a_verdict_is_a_sentence(fail_at, words):
    found = fleet({"G1": ["192.0.2.1", "192.0.2.2"]}, a=listing(1))
    verdict = audit_screen.verdict(found, fail_at, PLACE)
    assert verdict is None if words is None else words in verdict


def test_an_audit_that_read_nothing_is_no_success():
    found = audit_fleet.document({"a": {"unreachable": True, "msg": "no route"}}, "Audit", now=NOW)
    assert audit_screen.verdict(found, "never", PLACE).startswith("no list was read of 1 host")


def test_while_others_have_their_turn_still_to_come_there_is_no_verdict():
    """Where hosts do not wait for one another, they may have had it when the verdict is read."""
    lost = {"a": {"unreachable": True, "msg": "no route"}, "b": {}}
    found = audit_fleet.document(lost, "Audit", now=NOW, pending=["b"])
    assert audit_screen.verdict(found, "error", PLACE) is None


def test_the_page_is_the_collections_own():
    page = audit_page.page(fleet({}, a=listing(1)))
    assert "gm-1" in page


def test_a_host_that_is_no_text_is_read_as_one():
    entry = {"group": "G1", "host": 5, "members": ["gm-1"]}
    assert len(expectations.read_expected([entry], host="5")["G1"].members) == 1
    assert expectations.read_expected([entry], host="6") == {}


def test_a_host_that_is_named_twice_is_no_cluster():
    for host in (["a", "a"], "a a"):
        wanted = [{"group": "G1", "host": host, "min_members": 1, "members": ["gm-1"]}]
        assert [f["severity"] for f in judged(wanted, "a", listing())["findings"]] == ["error"] * 2


def test_what_is_said_of_a_group_is_said_of_its_members():
    group = {"group": "G1", "owner": "netops", "members": ["gm-1", {"gateway": "b", "owner": "c"}]}
    for form in ([group], {"G1": {key: group[key] for key in ("owner", "members")}}):
        members = expectations.read_expected(form)["G1"].members
        assert [dict(member.about) for member in members] == [{"owner": "netops"}, {"owner": "c"}]


@pytest.mark.parametrize(
    ("text", "is_theirs"),
    [("hub 1", True), (" hub 1 ", True), ('hub-2 "hub 1"', True), ("hub 1 hub-2", False)],
)
def test_a_name_with_a_blank_needs_no_quotes_where_it_stands_alone(text, is_theirs):
    entry = {"group": "G1", "host": text, "members": ["gm-1"]}
    assert bool(expectations.read_expected([entry], host="hub 1")) is is_theirs
    assert expectations.hosts_named([{**entry, "host": "hub 1"}], {"hub 1"}) == {"hub 1"}

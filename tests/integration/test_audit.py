# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The audit's roles and modules in real plays: real devices, a real report."""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
import yaml

from tests.lab import PSK, LabDirectory, hub_config, listed_within, play
from tests.processes import Process

SMC = "groupvpn.junos.server_member_communication"
AUDIT = "groupvpn.junos.membership_audit"
SITES = {"gm-1": "127.0.1.1", "gm-2": "127.0.1.2"}
UNICAST = {
    "group": "G1",
    "encryption_algorithm": "aes-256-cbc",
    "sig_hash_algorithm": "sha-256",
    "retransmission_period": 2,
}
EXPECTED = [
    {
        "group": "G1",
        "min_members": 2,
        "members": [{"gateway": name, "address": address} for name, address in SITES.items()],
    }
]


@contextlib.contextmanager
def serving(lab: LabDirectory) -> Iterator[LabDirectory]:
    """Two hubs, v2 and v1, with two sites each; both sites of both are registered."""
    for number, generation in enumerate(("v2", "v1"), 1):
        name = f"hub-{number}"
        lab.add_device(name, generation, hub_config(name, generation, SITES))
        for site, address in SITES.items():
            lab.add_member(f"{name}-{site}", name, address)
    server = lab.serve()
    members = Process("members", lab.file, "--events")
    try:
        members.wait_for('"registered"', count=4)
        yield lab
    finally:
        members.stop()
        server.stop()


@pytest.fixture(scope="module")
def hubs(tmp_path_factory):
    """For those who only look."""
    with serving(LabDirectory(tmp_path_factory.mktemp("hubs"))) as lab:
        yield lab


@pytest.fixture
def fleet(hubs, tmp_path):
    """The hubs with an inventory and a directory for reports of a test's own."""
    shutil.copy(hubs.path / "inventory.yml", tmp_path)
    return LabDirectory(tmp_path)


def role(lab, *options: str, **variables: object):
    """Run the role over the lab's hosts, as its page has it."""
    variables.setdefault("membership_audit_directory", str(lab.path / "report"))
    variables.setdefault("membership_audit_expected", EXPECTED)
    imported = {"name": "groupvpn.junos.membership_audit", "rolespec_validate": False}
    return play(lab, [{"ansible.builtin.import_role": imported, "vars": variables}], *options)


def document(lab: LabDirectory, name: str = "report") -> dict:
    return json.loads((lab.path / name / "audit.json").read_text())


def kinds(host: dict) -> list[str]:
    return [finding["kind"] for finding in host["findings"]]


def test_the_role_audits_the_fleet_and_writes_one_report(fleet):
    result = role(fleet)
    assert result.code == 0, result.output[-3000:]
    found = document(fleet)
    assert set(found["hosts"]) == {"hub-1", "hub-2"}
    assert found["summary"]["members"] == 4
    assert found["worst"] == "info"
    assert all(host["compliant"] for host in found["hosts"].values())
    assert set(kinds(found["hosts"]["hub-1"])) == {"not_proof_of_liveness"}
    with (fleet.path / "report" / "members.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(r["host"], r["gateway"]) for r in rows} == {
        (hub, site) for hub in ("hub-1", "hub-2") for site in SITES
    }
    junit = ElementTree.parse(fleet.path / "report" / "junit.xml").getroot()
    assert [s.get("failures") for s in junit.iter("testsuite")] == ["0", "0"]
    assert "fleet: 2 hosts (0 not reached), 2 groups, 4 members" in result.output


def test_unreachable_hosts_are_findings_and_the_gate_fails_the_play(fleet):
    inventory = yaml.safe_load((fleet.path / "inventory.yml").read_text())
    lost = dict(inventory["all"]["hosts"]["hub-1"], ansible_port=1)
    inventory["all"]["hosts"]["hub-0"] = lost
    (fleet.path / "inventory.yml").write_text(yaml.safe_dump(inventory))
    result = role(fleet, membership_audit_fail_at="error")
    assert result.code != 0
    found = document(fleet)
    assert found["summary"]["unreachable"] == 1
    assert kinds(found["hosts"]["hub-0"]) == ["unreachable"]
    assert "nothing listens there" in found["hosts"]["hub-0"]["findings"][0]["why"]
    assert found["hosts"]["hub-1"]["compliant"]
    assert "not reached" in (fleet.path / "report" / "audit.html").read_text()


def test_a_stopped_unicast_member_is_missing_and_drift_says_that_it_left(lab):
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", SITES))
    lab.add_member("gm-1", "hub-1", SITES["gm-1"])
    lab.add_member("gm-2", "hub-1", SITES["gm-2"], faults={"stop_after": 2})
    server = lab.serve()
    members = None
    try:
        assert play(lab, [{SMC: {"config": [UNICAST]}}]).code == 0
        members = Process("members", lab.file, "--events")
        members.wait_for('"registered"', count=2)
        assert role(lab).code == 0
        members.wait_for('"stopped"')
        change = {**UNICAST, "encryption_algorithm": "aes-128-cbc"}
        assert play(lab, [{SMC: {"config": [change]}}]).code == 0
        listed_within(lab, ["gm-1"])
        result = role(
            lab,
            membership_audit_directory=str(lab.path / "second"),
            membership_audit_previous=str(lab.path / "report" / "audit.json"),
            membership_audit_settle_seconds=1,
        )
        assert result.code == 0, result.output[-3000:]
        host = document(lab, "second")["hosts"]["hub-1"]
        assert sorted(set(kinds(host))) == ["below_minimum", "missing"]
        (missing,) = [f for f in host["findings"] if f["kind"] == "missing"]
        assert missing["member"] == "gm-2 127.0.1.2"
        assert "active members only" in missing["why"]
        assert host["drift"] == [
            {
                "group": "G1",
                "member": "gm-2 127.0.1.2",
                "change": "left",
                "before": "127.0.1.2",
                "after": "",
            }
        ]
    finally:
        if members is not None:
            members.stop()
        server.stop()


def test_a_list_that_the_last_commit_emptied_cannot_be_judged_yet(lab):
    with serving(lab):
        assert play(lab, [{SMC: {"config": [UNICAST]}}], hosts="hub-1").code == 0
        result = play(lab, [{AUDIT: {"expected": EXPECTED}}], hosts="hub-1")
    assert result.code == 0, result.output[-2000:]
    found = result.tasks[0]["hub-1"]
    assert not found["compliant"]
    assert {f["severity"] for f in found["findings"]} == {"warning"}
    assert all("cannot be judged yet" in f["why"] for f in found["findings"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"expected": "nobody"}, "a list of groups"),
        ({"expected": [{"group": "G1", "members": [{"address": "192.0.2.300"}]}]}, "192.0.2.300"),
        ({"expected": [{"group": "G1", "members": [{"adress": "192.0.2.3"}]}]}, "did you mean"),
        ({"expected_file": "/nowhere.csv"}, "/nowhere.csv"),
        ({"groups": [], "stale_after": -1}, "stale_after -1: seconds from 0 up are expected"),
        ({"groups": [], "configured_ago": -0.5}, "configured_ago -0.5: seconds from 0 up"),
        ({"groups": [{"id": 1}]}, "a group with a name"),
    ],
)
def test_bad_input_is_named_and_no_traceback_is_shown(lab, options, words):
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", SITES))
    lab.write()
    options = {"groups": [], **options}
    result = play(lab, [{AUDIT: options}])
    assert result.code != 0
    assert words in result.tasks[0]["hub-1"]["msg"]
    assert "Traceback" not in result.output


@pytest.mark.parametrize("content", [None, "{", '{"format": 1, "hosts": {"hub-1": {}}}'])
def test_an_earlier_audit_that_cannot_be_read_is_a_finding(lab, content):
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", SITES))
    lab.write()
    earlier = lab.path / "earlier.json"
    if content is not None:
        earlier.write_text(content)
    result = play(lab, [{AUDIT: {"groups": [], "previous": str(earlier)}}])
    assert result.code == 0, result.output[-2000:]
    found = result.tasks[0]["hub-1"]
    assert [f["kind"] for f in found["findings"]] == ["previous_unreadable"]
    assert (found["compliant"], found["drift"]) == (False, None)


def test_an_earlier_result_without_members_is_a_finding_too(lab):
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", SITES))
    lab.write()
    result = play(lab, [{AUDIT: {"groups": [], "previous": {"groups": [{"name": "G1"}]}}}])
    assert [f["kind"] for f in result.tasks[0]["hub-1"]["findings"]] == ["previous_unreadable"]


def with_inventory(lab, change):
    inventory = yaml.safe_load((lab.path / "inventory.yml").read_text())
    change(inventory["all"]["hosts"])
    (lab.path / "inventory.yml").write_text(yaml.safe_dump(inventory))


def lost(hosts, name):
    hosts[name] = dict(hosts["hub-1"], ansible_port=1)


@pytest.mark.parametrize("where", ["hub-0", "hub-9"])
def test_under_serial_the_fleet_is_judged_once_at_its_end(fleet, where):
    with_inventory(fleet, lambda hosts: lost(hosts, where))
    include = {
        "ansible.builtin.include_role": {"name": "groupvpn.junos.membership_audit"},
        "vars": {
            "membership_audit_directory": str(fleet.path / "report"),
            "membership_audit_expected": EXPECTED,
            "membership_audit_fail_at": "error",
        },
    }
    result = play(fleet, [include], serial=1)
    assert result.code != 0
    found = document(fleet)
    # Every host had its turn, wherever the bad one stands.
    assert {name: host["state"] for name, host in found["hosts"].items()} == {
        where: "not_reached",
        "hub-1": "read",
        "hub-2": "read",
    }
    assert "the audit found 1 error, " in result.output


def test_under_serial_a_good_fleet_is_a_success_and_each_host_meets_its_own_last_audit(fleet):
    report = fleet.path / "report"
    variables = {
        "membership_audit_directory": str(report),
        "membership_audit_expected": EXPECTED,
        "membership_audit_fail_at": "error",
    }
    include = {"ansible.builtin.include_role": {"name": "groupvpn.junos.membership_audit"}}
    first = play(fleet, [{**include, "vars": variables}], serial=1)
    assert first.code == 0, first.output[-3000:]
    assert document(fleet)["summary"]["read"] == 2
    # The first batch writes where the second one's earlier audit stands.
    variables["membership_audit_previous"] = str(report / "audit.json")
    second = play(fleet, [{**include, "vars": variables}], serial=1)
    assert second.code == 0, second.output[-3000:]
    assert [host["drift"] for host in document(fleet)["hosts"].values()] == [[], []]


@pytest.mark.parametrize(
    "keywords",
    [
        {"serial": 1, "order": "reverse_sorted"},
        {"serial": 1, "order": "shuffle"},
        {"strategy": "free"},
    ],
    ids=["backwards", "shuffled", "free"],
)
def test_in_whatever_order_a_good_fleet_is_a_success(fleet, keywords):
    variables = {
        "membership_audit_directory": str(fleet.path / "report"),
        "membership_audit_expected": EXPECTED,
        # A variable that came out empty names no file.
        "membership_audit_expected_file": None,
        "membership_audit_fail_at": "error",
    }
    include = {"ansible.builtin.include_role": {"name": "groupvpn.junos.membership_audit"}}
    result = play(fleet, [{**include, "vars": variables}], **keywords)
    assert result.code == 0, result.output[-3000:]
    found = document(fleet)
    assert found["summary"]["compliant"] == 2
    assert {g["expected_count"] for h in found["hosts"].values() for g in h["groups"]} == {2}


def test_of_a_role_that_runs_once_only_whom_it_asked_counts_as_read(fleet):
    audit, propose = (
        {
            "ansible.builtin.include_role": {
                "name": "groupvpn.junos.membership_audit",
                "apply": {"run_once": True},
                **more,
            },
            "vars": {"membership_audit_directory": str(fleet.path / "report")},
        }
        for more in ({}, {"tasks_from": "expectations"})
    )
    result = play(fleet, [audit, propose])
    states = {name: host["state"] for name, host in document(fleet)["hosts"].items()}
    assert states == {"hub-1": "read", "hub-2": "not_asked"}
    assert "hub-2" not in (fleet.path / "report" / "expectations.csv").read_text()
    assert "hub-2: not in these expectations: hub-1 was asked in its place" in result.output


def test_what_an_earlier_audit_has_read_is_not_told_as_if_it_were_read_now(fleet):
    audit = {
        "ansible.builtin.include_role": {"name": "groupvpn.junos.membership_audit"},
        "vars": {
            "membership_audit_directory": str(fleet.path / "report"),
            "membership_audit_expected": [{**EXPECTED[0], "host": "hub-1"}],
        },
    }
    lose = {"ansible.builtin.fail": {"msg": "no more"}, "when": "inventory_hostname == 'hub-2'"}
    # Each asks the other one, and looks for whom is expected there.
    other = {
        AUDIT: {"expected": [{"group": "G1", "host": "hub-1", "members": ["gm-9"]}]},
        "delegate_to": "hub-{{ 3 - inventory_hostname[-1] | int }}",
    }
    file = {"name": "groupvpn.junos.membership_audit", "tasks_from": "expectations"}
    propose = {**audit, "ansible.builtin.include_role": file}
    result = play(fleet, [other, audit, propose, lose, audit, propose])
    asked = {name: found["compliant"] for name, found in result.tasks[0].items()}
    assert asked == {"hub-1": True, "hub-2": False}
    states = {name: host["state"] for name, host in document(fleet)["hosts"].items()}
    assert states == {"hub-1": "read", "hub-2": "not_asked"}
    assert "hub-2" not in (fleet.path / "report" / "expectations.csv").read_text()
    assert "hub-2: not in these expectations: no list was read" in result.output


def test_an_audit_that_read_nothing_fails_even_where_no_finding_would(fleet):
    result = role(fleet, membership_audit_expected_file="/nowhere.csv")
    assert result.code != 0
    assert "no list was read of 2 hosts" in result.output
    found = document(fleet)
    assert {host["state"] for host in found["hosts"].values()} == {"not_read"}


def test_one_file_for_a_fleet_with_what_else_is_known_of_a_site(fleet):
    rows = "".join(
        f"{hub},G1,{site},{address},{site} street\n"
        for hub in ("hub-1", "hub-2")
        for site, address in SITES.items()
    )
    file = fleet.path / "members.csv"
    file.write_text(f"host,group,gateway,address,street\n{rows}hub-2,G1,gm-9,192.0.2.9,Ninth\n")
    with file.open("a") as handle:
        handle.write("hub-one,G1,gm-1,127.0.1.1,misspelt\n")
    result = role(fleet, membership_audit_expected_file=str(file))
    assert result.code == 0, result.output[-3000:]
    assert "hub-1: expectations name the host hub-one, which the inventory" in result.output
    found = document(fleet)
    assert found["hosts"]["hub-1"]["compliant"]
    assert "missing" in kinds(found["hosts"]["hub-2"])
    with (fleet.path / "report" / "members.csv").open() as handle:
        listed = {(r["host"], r["gateway"]): r for r in csv.DictReader(handle)}
    assert listed["hub-1", "gm-1"]["street"] == "gm-1 street"
    assert listed["hub-2", "gm-9"]["state"] == "missing"
    assert "1 missing: gm-9 192.0.2.9" in result.output


def test_hosts_that_nobody_knows_are_told_when_the_first_host_is_lost_before_the_audit(fleet):
    lose = {"ansible.builtin.fail": {"msg": "no more"}, "when": "inventory_hostname == 'hub-1'"}
    ghost = {"group": "G1", "host": "hub-one", "members": ["127.0.1.1"]}
    result = play(fleet, [lose, {AUDIT: {"groups": [], "expected": [ghost]}}])
    assert result.output.count("expectations name the host hub-one, which the inventory") == 1
    assert "hub-2: expectations name the host hub-one" in result.output


def test_filters_do_the_same_for_data_from_anywhere(lab):
    lab.add_device("hub-1", "v2", "set system host-name hub-1\n")
    lab.write()
    text = (
        "Group: G1, Group Id: 1\nTotal number of registered members: 1\n"
        "Member Gateway       Member IP        Last Update               Vsys\n"
        "gm-1                 192.0.2.11       Thu Nov 19 2026 16:31:09  root\n"
    )
    expression = (
        "{{ (text | groupvpn.junos.members(communication={'G1': 'multicast'})"
        " | groupvpn.junos.audit({'G1': ['192.0.2.11', '192.0.2.12']}, now=1795105900)).findings"
        " | map(attribute='kind') | list }}"
    )
    result = play(lab, [{"ansible.builtin.debug": {"msg": expression}, "vars": {"text": text}}])
    assert result.code == 0, result.output[-2000:]
    assert result.tasks[0]["hub-1"]["msg"] == ["missing", "not_proof_of_liveness"]


def test_slices_of_a_fleet_merge_into_one_report(fleet):
    first = role(fleet, "--limit", "hub-1", membership_audit_directory=str(fleet.path / "slice"))
    assert first.code == 0, first.output[-2000:]
    second = role(
        fleet,
        "--limit",
        "hub-2",
        membership_audit_merge=[str(fleet.path / "slice" / "audit.json")],
    )
    assert second.code == 0, second.output[-2000:]
    assert set(document(fleet)["hosts"]) == {"hub-1", "hub-2"}


def test_a_report_that_is_given_back_grows_a_history(fleet):
    last = [str(fleet.path / "report" / "audit.json")]
    assert role(fleet, membership_audit_history=last).code == 0
    first = document(fleet)
    assert [f["severity"] for f in first["findings"]] == ["info"]
    # Two audits of the same second are one: on a fast machine these are.
    older = {**first, "made_at": "2025-01-01T00:00:00Z", "history": None}
    (fleet.path / "report" / "audit.json").write_text(json.dumps(older))
    again = role(fleet, "--limit", "hub-1", membership_audit_history=last)
    assert again.code == 0, again.output[-2000:]
    found = document(fleet)
    assert (found["findings"], len(found["history"]["made_at"])) == ([], 2)
    counts = {line["host"]: line["members"] for line in found["history"]["series"]}
    assert counts == {"hub-1": [2, 2], "hub-2": [2, None]}
    assert "Members over time" in (fleet.path / "report" / "audit.html").read_text()


def test_the_made_up_key_is_in_no_file_of_the_report(fleet):
    assert role(fleet).code == 0
    for file in (fleet.path / "report").iterdir():
        assert PSK not in file.read_text()


def test_expectations_of_a_fleet_that_exists_make_its_audit_compliant(fleet):
    include = {
        "ansible.builtin.include_role": {
            "name": "groupvpn.junos.membership_audit",
            "tasks_from": "expectations",
        },
        "vars": {"membership_audit_directory": str(fleet.path / "made")},
    }
    nowhere = play(fleet, [{**include, "vars": {"membership_audit_directory": ""}}])
    assert "membership_audit_directory: is empty; name a directory" in nowhere.output
    assert play(fleet, [include]).code == 0
    for name in ("expectations.yml", "expectations.csv"):
        file = str(fleet.path / "made" / name)
        result = role(fleet, membership_audit_expected_file=file)
        assert result.code == 0, result.output[-3000:]
        found = document(fleet)
        assert all(host["compliant"] for host in found["hosts"].values())
        assert found["hosts"]["hub-2"]["groups"][0]["expected_count"] == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"membership_audit_stale_after": "a while"},
            "stale_after: 'a while': a whole number is expected",
        ),
        ({"membership_audit_fail_at": "eror"}, "fail_at must be one of"),
        ({"membership_audit_expected_file": ""}, "hub-1: expected_file: no file is named"),
        ({"membership_audit_directory": " "}, "directory: no directory is named"),
        ({"membership_audit_history": ["/nowhere", ""]}, "history[1]: no file is named"),
    ],
    ids=["what the hosts use", "what the report uses", "no file", "no directory", "no history"],
)
def test_variables_that_ansible_has_not_checked_are_checked_by_the_modules(fleet, wrong, said):
    result = role(fleet, **wrong)
    assert result.code != 0
    assert said in result.output

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An audit's metrics, read by Prometheus' own parser; the dashboard asks for what is written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import fleet as audit_fleet
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.metrics import metrics
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.test_audit import NOW, found, group, member

DASHBOARD = Path(__file__).parents[2] / "docs" / "examples" / "grafana-dashboard.json"
EXPECTED = {"G1": {"members": [{"gateway": f"gm-{n}", "address": f"192.0.2.{n}"} for n in (1, 2)]}}
PUSHES = {"push_sent": 4, "push_acknowledged": 3, "push_unacknowledged": 1}


def document(**hosts):
    return audit_fleet.document(hosts, "Fleet", now=NOW)


def samples(text):
    """Name and labels to value."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def written():
    groups = [group(member("192.0.2.1", "gm-1", **PUSHES), member("192.0.2.9", "gm-9"))]
    return metrics(
        document(
            hub=found(groups, EXPECTED),
            gone={
                "unreachable": True,
                "msg": "no route",
                "expected_groups": [{"name": "G1", "member_count": 0, "members": [], "absent": []}],
            },
        )
    )


def test_members_are_counted_by_state_and_who_is_missing_is_one(written):
    here = {
        dict(key[1:])["state"]: value
        for key, value in samples(written).items()
        if key[0] == "groupvpn_members"
    }
    assert here == {"unacknowledged": 1, "missing": 1, "unexpected": 1}


def test_of_a_host_that_was_not_read_nothing_is_counted(written):
    about = [key for key in samples(written) if ("host", "gone") in key]
    assert {key[0] for key in about} == {"groupvpn_audit_host", "groupvpn_findings"}
    found_there = {
        dict(key[1:])["severity"]: value
        for key, value in samples(written).items()
        if key[0] == "groupvpn_findings" and ("host", "gone") in key
    }
    assert found_there == {"error": 1}
    assert samples(written)["groupvpn_audit_host", ("host", "gone"), ("state", "not_reached")] == 1
    assert samples(written)["groupvpn_audit_host", ("host", "gone"), ("state", "read")] == 0


def test_pushes_are_summed_over_those_whose_counters_the_device_gave(written):
    for outcome, count in (("sent", 4), ("acknowledged", 3), ("unacknowledged", 1)):
        key = ("groupvpn_pushes", ("group", "G1"), ("host", "hub"), ("outcome", outcome))
        assert samples(written)[key] == count


def test_counters_that_the_device_does_not_give_have_no_sample():
    text = metrics(document(hub=found([group(member("192.0.2.1"))])))
    assert not [key for key in samples(text) if key[0] == "groupvpn_pushes"]


def test_ages_are_those_of_the_longest_and_shortest_silence():
    old = member("192.0.2.1", last_update="Thu Nov 19 2026 16:23:20")
    new = member("192.0.2.2", last_update="Thu Nov 19 2026 16:33:10")
    text = metrics(document(hub=found([group(old, new)])))
    ages = {
        dict(key[1:])["which"]: value
        for key, value in samples(text).items()
        if key[0] == "groupvpn_member_age_seconds"
    }
    assert ages == {"oldest": 600, "newest": 10}


def test_the_audit_says_when_it_was_made(written):
    assert samples(written)[("groupvpn_audit_timestamp_seconds",)] == int(NOW)


def test_a_group_without_members_has_none():
    text = metrics(document(hub=found([group()])))
    key = ("groupvpn_members", ("group", "G1"), ("host", "hub"), ("state", "listed"))
    assert samples(text)[key] == 0


def test_that_nobody_is_missing_is_said_where_it_is_known_who_should_be_there():
    everybody = group(member("192.0.2.1", "gm-1"), member("192.0.2.2", "gm-2"))
    key = ("groupvpn_members", ("group", "G1"), ("host", "hub"), ("state", "missing"))
    assert samples(metrics(document(hub=found([everybody], EXPECTED))))[key] == 0
    assert key not in samples(metrics(document(hub=found([everybody]))))


def test_names_cannot_break_out_of_their_labels():
    name = 'G"1\\\n} 7'
    text = metrics(document(hub=found([group(member("192.0.2.1"), name=name)])))
    assert {dict(key[1:]).get("group") for key in samples(text)} == {None, name}


def test_the_dashboard_asks_for_metrics_that_are_written(written):
    asked = set(re.findall(r"groupvpn_\w+", DASHBOARD.read_text(encoding="utf-8")))
    known = set(re.findall(r"^# TYPE (\w+) gauge$", written, re.M))
    assert asked
    assert asked <= known


def test_every_panel_of_the_dashboard_has_a_query_and_a_place_of_its_own():
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places)
    assert all(target["expr"] for panel in board["panels"] for target in panel["targets"])

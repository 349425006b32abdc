# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``server_info`` and ``member_info`` in plays: both sides of a group show the same keys."""

from __future__ import annotations

import time

import pytest

from tests.integration.test_rude_ansible import run
from tests.integration.test_srx_member import SECONDS, SITE, add_both_sides
from tests.lab import play
from tests.rude import RudeServer, box

SERVER, MEMBER = "groupvpn.junos.server_info", "groupvpn.junos.member_info"
NATIVE = {"ansible_connection": "groupvpn.junos.netconf"}


def registered(lab):
    """What both sides show, once the member has its keys."""
    end = time.monotonic() + SECONDS
    tasks = [
        {SERVER: {}, "when": "inventory_hostname == 'hub-1'"},
        {MEMBER: {}, "when": "inventory_hostname == 'site-1'"},
    ]
    while True:
        done = play(lab, tasks)
        assert done.code == 0, done.output[-3000:]
        server, member = done.tasks[0]["hub-1"], done.tasks[1]["site-1"]
        # The server was asked first: the member may have come in between.
        if member["ipsec"] and server["kek"] and server["ipsec"]:
            return server, member
        assert time.monotonic() < end, member


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_both_sides_show_the_same_keys_in_each_generations_words(lab, generation):
    add_both_sides(lab, generation)
    process = lab.serve()
    try:
        server, member = registered(lab)
    finally:
        process.stop()
    cookies = [(k["initiator_cookie"], k["responder_cookie"]) for k in server["kek"]]
    assert cookies == [(k["initiator_cookie"], k["responder_cookie"]) for k in member["kek"]]
    assert {sa["spi"] for sa in server["ipsec"]} == {sa["spi"] for sa in member["ipsec"]}
    assert {sa["vpn"] for sa in member["ipsec"]} == {"V1"}
    assert {sa["remote_address"] for sa in server["ike"]} == {SITE}
    assert server["kek"][0]["group"] == "G1"
    assert 0 < member["kek"][0]["lifetime_remaining"] <= server["kek"][0]["lifetime_remaining"] + 1
    assert not server.get("warnings")
    assert not member.get("warnings")
    if generation == "v1":
        assert "statistics" not in server
        assert "policy" not in member
    else:
        assert server["statistics"][0]["pull_succeeded"] == 1
        assert server["server_cluster"] == []
        assert {entry["type"] for entry in member["policy"]} == {"dynamic", "fail-close"}


def test_an_answer_of_a_rude_device_is_not_taken_for_nothing(lab):
    foreign = "<security-group-vpn-server-kek-sa><k><n>1</n></k></security-group-vpn-server-kek-sa>"
    with RudeServer(box("G1")) as device:
        device.box.answers = {
            "get-security-group-vpn-server-kek-sa": foreign,
            "command": "<output>1 key</output>",
        }
        tasks = [{SERVER: {"gather_subset": ["kek"]}, "ignore_errors": True}, {SERVER: {}}]
        done = run(lab, device, tasks, NATIVE)
    named, everything = (task["hub-1"] for task in done.tasks)
    assert named["failed"]
    assert "<k>1</k>" in named["msg"]
    assert "1 key" in named["msg"]
    assert everything["kek"] is None
    assert any(line.startswith("hub-1: kek: not known") for line in everything["warnings"])

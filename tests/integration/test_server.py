# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``server`` in playbooks: a key server built, read, changed; its keys never shown."""

from __future__ import annotations

import json

import yaml

from tests.lab import ROOT, play

MODULE = "groupvpn.junos.server"
KEY = "made-up-key-of-a-play"


def example():
    source = (ROOT / "plugins" / "modules" / "server.py").read_text()
    text = source.partition('EXAMPLES = r"""')[2].partition('"""')[0]
    config = yaml.safe_load(text)[0][MODULE]["config"]
    config["ike"]["policies"][0]["pre_shared_key"] = KEY
    return config


def test_a_key_server_is_built_by_one_task_and_then_left_alone(lab):
    lab.add_device("hub-1", "v2", "set system host-name hub-1\n")
    process = lab.serve()
    try:
        built = play(
            lab,
            [
                {MODULE: {"config": example()}},
                {MODULE: {"config": example(), "state": "overridden"}},
                {MODULE: {"state": "gathered"}, "register": "there"},
                {MODULE: {"config": "{{ there.gathered }}", "state": "overridden"}},
                {MODULE: {"config": {"groups": [{"name": "GRP-0001"}]}, "state": "deleted"}},
            ],
            "--diff",
            "-vvv",
        )
    finally:
        process.stop()
    assert built.code == 0, built.output[-3000:]
    results = [task["hub-1"] for task in built.tasks]
    assert [result["changed"] for result in results] == [True, False, False, False, True]
    assert results[0]["membership_reset"] == ["GRP-0001"]
    assert results[2]["gathered"] == results[0]["after"]
    assert results[4]["commands"] == ["delete security group-vpn server group GRP-0001"]
    assert any("GRP-0001: the removal touches" in line for line in results[4]["warnings"])
    assert "********" in json.dumps(results[0])
    assert KEY not in json.dumps(results)
    assert KEY not in built.output


def test_a_refused_configuration_names_place_and_remedy_and_no_key(lab, hub):
    config = {
        "ike": {"policies": [{"name": "p", "pre_shared_key": "schlüssel-eins"}]},
        "groups": [{"name": "G1", "ike_gateways": ["nobody"], "no_anti_replay": True}],
    }
    result = play(lab, [{MODULE: {"config": config, "generation": "v2"}}]).tasks[0]["hub-1"]
    assert result["failed"]
    assert "printable ASCII" in result["msg"]
    assert "no-anti-replay: Group VPNv2 does not have this statement" in result["msg"]
    assert "schlüssel" not in json.dumps(result, ensure_ascii=False)
    del config["ike"], config["groups"][0]["no_anti_replay"]
    result = play(lab, [{MODULE: {"config": config}}]).tasks[0]["hub-1"]
    assert "ike-gateway nobody" in result["msg"]
    assert "correct 'ike_gateways' (it has" not in result["msg"]
    assert "(it has gm-1, gm-2)" in result["msg"]

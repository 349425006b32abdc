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


LIBRARY = """
ike proposal PSK-SHA256-DH14-AES256 authentication-method pre-shared-keys
ike proposal PSK-SHA256-DH14-AES256 authentication-algorithm sha-256
ike proposal PSK-SHA256-DH14-AES256 dh-group group14
ike proposal PSK-SHA256-DH14-AES256 encryption-algorithm aes-256-cbc
ike policy GMs mode main
ike policy GMs proposals PSK-SHA256-DH14-AES256
ike policy GMs pre-shared-key ascii-text KEY
ike gateway GM-0001 ike-policy GMs
ike gateway GM-0001 address 198.51.100.1
ike gateway GM-0001 local-address 192.0.2.1
ipsec proposal AES256-SHA256-L3600 authentication-algorithm hmac-sha-256-128
ipsec proposal AES256-SHA256-L3600 encryption-algorithm aes-256-cbc
ipsec proposal AES256-SHA256-L3600 lifetime-seconds 3600
group GROUP_ID-0001 group-id 1
group GROUP_ID-0001 member-threshold 2000
group GROUP_ID-0001 ike-gateway GM-0001
group GROUP_ID-0001 anti-replay-time-window 1000
group GROUP_ID-0001 server-member-communication communication-type unicast
group GROUP_ID-0001 server-member-communication lifetime-seconds 7200
group GROUP_ID-0001 server-member-communication encryption-algorithm aes-256-cbc
group GROUP_ID-0001 server-member-communication sig-hash-algorithm sha-256
group GROUP_ID-0001 ipsec-sa GROUP_ID-0001 proposal AES256-SHA256-L3600
group GROUP_ID-0001 ipsec-sa GROUP_ID-0001 match-policy 1 source 10.0.0.0/8
group GROUP_ID-0001 ipsec-sa GROUP_ID-0001 match-policy 1 destination 10.0.0.0/8
group GROUP_ID-0001 ipsec-sa GROUP_ID-0001 match-policy 1 protocol 0
"""
"""Juniper's example of a Group VPNv2 server, with other names and addresses."""

VARIABLES = """
ike:
  proposals:
    - name: PSK-SHA256-DH14-AES256
      authentication_method: pre-shared-keys
      authentication_algorithm: sha-256
      dh_group: group14
      encryption_algorithm: aes-256-cbc
  policies:
    - {name: GMs, mode: main, proposals: [PSK-SHA256-DH14-AES256]}
  gateways:
    - {name: GM-0001, ike_policy: GMs, address: 198.51.100.1, local_address: 192.0.2.1}
ipsec:
  proposals:
    - name: AES256-SHA256-L3600
      authentication_algorithm: hmac-sha-256-128
      encryption_algorithm: aes-256-cbc
      lifetime_seconds: 3600
groups:
  - name: GROUP_ID-0001
    group_id: 1
    member_threshold: 2000
    ike_gateways: [GM-0001]
    anti_replay_time_window: 1000
    server_member_communication:
      communication_type: unicast
      lifetime_seconds: 7200
      encryption_algorithm: aes-256-cbc
      sig_hash_algorithm: sha-256
    ipsec_sas:
      - name: GROUP_ID-0001
        proposal: AES256-SHA256-L3600
        match_policies:
          - {name: "1", source: 10.0.0.0/8, destination: 10.0.0.0/8, protocol: 0}
"""


def test_a_server_made_by_hand_becomes_the_variables_that_a_person_would_write(lab):
    lines = [f"set security group-vpn server {line}" for line in LIBRARY.split("\n") if line]
    by_hand = "\n".join(lines).replace("KEY", KEY)
    lab.add_device("hub-1", "v2", f"set system host-name hub-1\n{by_hand}\n")
    lab.add_device("hub-2", "v2", "set system host-name hub-2\n")
    variables = yaml.safe_load(VARIABLES)
    config = yaml.safe_load(VARIABLES)
    config["ike"]["policies"][0]["pre_shared_key"] = KEY
    process = lab.serve()
    try:
        done = play(
            lab,
            [
                {MODULE: {"state": "gathered"}},
                {MODULE: {"config": config, "state": "overridden"}},
            ],
        )
    finally:
        process.stop()
    assert done.code == 0, done.output[-3000:]
    gathered, built = done.tasks
    assert gathered["hub-1"]["gathered"] == variables
    assert gathered["hub-2"]["gathered"] == {}
    assert not built["hub-1"]["changed"]
    made = {line.replace("********", KEY) for line in built["hub-2"]["commands"]}
    assert made == set(by_hand.splitlines())


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

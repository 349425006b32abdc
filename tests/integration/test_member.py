# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``member`` in playbooks: a group member built, read, changed; its keys never shown."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.lab import ROOT, play

MODULE = "groupvpn.junos.member"
KEY = "made-up-key-of-a-play"
AROUND = """
set system host-name gm-1
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set security zones security-zone LAN
set security zones security-zone WAN interfaces ge-0/0/1.0
set security policies from-zone LAN to-zone WAN policy web match source-address any
set security policies from-zone LAN to-zone WAN policy web match destination-address any
set security policies from-zone LAN to-zone WAN policy web match application any
set security policies from-zone LAN to-zone WAN policy web then permit
set security policies default-policy deny-all
"""


def examples(generation):
    """The documentation's examples, as far as a generation has what is in them."""
    source = (ROOT / "plugins" / "modules" / "member.py").read_text()
    tasks = yaml.safe_load(source.partition('EXAMPLES = r"""')[2].partition('"""')[0])
    whole, exclude, scope = (task[MODULE]["config"] for task in tasks[:3])
    whole["ike"]["policies"][0]["pre_shared_key"] = KEY
    if generation == "v2":
        return whole, exclude
    gateway = whole["ike"]["gateways"][0]
    gateway["addresses"] = gateway.pop("server_addresses")
    del whole["ipsec"]["vpns"][0]["recovery_probe"]
    scope["policies"][0].update(source_addresses=["any"], destination_addresses=["any"])
    return whole, scope


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_member_is_built_by_one_task_changed_and_taken_away(lab, generation):
    lab.add_device("gm-1", generation, AROUND)
    whole, more = examples(generation)
    process = lab.serve()
    try:
        done = play(
            lab,
            [
                {MODULE: {"config": whole}, "check_mode": True},
                {MODULE: {"config": whole}},
                {MODULE: {"config": whole, "state": "overridden"}},
                {MODULE: {"state": "gathered"}, "register": "there"},
                {MODULE: {"config": "{{ there.gathered }}", "state": "overridden"}},
                {MODULE: {"config": more}, "check_mode": True},
                {MODULE: {"config": more}},
                {MODULE: {"config": {"policies": whole["policies"]}, "state": "deleted"}},
                {MODULE: {"all": True, "state": "deleted"}, "check_mode": True},
                {MODULE: {"all": True, "state": "deleted"}},
                {MODULE: {"state": "gathered"}},
            ],
            "--diff",
            "-vvv",
        )
    finally:
        process.stop()
    assert done.code == 0, done.output[-3000:]
    results = [task["gm-1"] for task in done.tasks]
    changed = [True, True, False, False, False, True, True, True, True, True, False]
    assert [result["changed"] for result in results] == changed
    for planned, made in ((0, 1), (5, 6), (8, 9)):
        assert results[made]["diff"]["prepared"] == results[planned]["diff"]["prepared"]
        assert results[planned]["after"] == results[made]["after"]
    assert results[3]["gathered"] == results[1]["after"]
    assert results[10]["gathered"] == {}
    assert KEY not in json.dumps(results)
    assert KEY not in done.output

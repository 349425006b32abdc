# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The roles that change something: a fleet's configuration, a lab."""

from __future__ import annotations

import json
import sys

import yaml

from tests.lab import ROOT, LabDirectory, Process, free_ports, hub_config, play

SITES = {"gm-1": "127.0.1.1", "gm-2": "127.0.1.2"}
BLOCK = {
    "group": "G1",
    "encryption_algorithm": "aes-256-cbc",
    "sig_hash_algorithm": "sha-256",
}


def applied(lab: LabDirectory, *options: str, **variables: object):
    named = {f"server_member_communication_{name}": value for name, value in variables.items()}
    named.setdefault("server_member_communication_config", [BLOCK])
    include = {
        "ansible.builtin.include_role": {"name": "groupvpn.junos.server_member_communication"}
    }
    return play(lab, [{**include, "vars": named}], *options)


def recap(result) -> bool:
    """True when a task of the role changed something."""
    return any(o.get("changed") for task in result.tasks for o in task.values())


def test_the_role_configures_a_fleet_and_a_second_run_changes_nothing(lab):
    for number, generation in enumerate(("v1", "v2"), 1):
        lab.add_device(f"hub-{number}", generation, hub_config(f"hub-{number}", generation, SITES))
    server = lab.serve()
    try:
        block = [{"group": "G1", "encryption_algorithm": "aes-128-cbc"}]
        hashes = {"hub-1": "sha1", "hub-2": "sha-256"}
        config = [{**block[0], "sig_hash_algorithm": "{{ hashes[inventory_hostname] }}"}]
        checked = applied(lab, "--check", "-e", json.dumps({"hashes": hashes}), config=config)
        assert checked.code == 0, checked.output[-2000:]
        assert recap(checked)
        assert recap(applied(lab, "-e", json.dumps({"hashes": hashes}), config=config))
        assert not recap(applied(lab, "-e", json.dumps({"hashes": hashes}), config=config))
    finally:
        server.stop()


def test_a_lab_starts_stays_and_stops(tmp_path):
    lab = LabDirectory(tmp_path)
    netconf, gdoi = free_ports(2)
    directory = tmp_path / "lab"
    variables = {
        "reference_key_server_directory": str(directory),
        "reference_key_server_python": sys.executable,
        "reference_key_server_working_directory": str(ROOT),
        "reference_key_server_members": True,
        "reference_key_server_configs": {"hub-1.conf": hub_config("hub-1", "v2", SITES)},
        "reference_key_server_lab": {
            "devices": [
                {
                    "name": "hub-1",
                    "netconf": {"address": "127.0.0.1", "port": netconf},
                    "gdoi": {"address": "127.0.0.1", "port": gdoi},
                    "users": [{"name": "netops", "password": "lab-Passw0rd"}],
                    "config": "hub-1.conf",
                }
            ],
            "members": [
                {
                    "name": "gm-1",
                    "server": "hub-1",
                    "group": 1,
                    "address": "127.0.1.1",
                    "psk": "made-up-key-1",
                }
            ],
        },
    }
    (tmp_path / "inventory.yml").write_text(
        yaml.safe_dump(
            {
                "all": {
                    "hosts": {
                        "box": {
                            "ansible_connection": "local",
                            "ansible_python_interpreter": sys.executable,
                        }
                    }
                }
            }
        )
    )

    def run(state: str):
        include = {"ansible.builtin.include_role": {"name": "groupvpn.junos.reference_key_server"}}
        result = play(
            lab, [{**include, "vars": {**variables, "reference_key_server_state": state}}]
        )
        assert result.code == 0, result.output[-3000:]
        return result

    try:
        assert recap(run("started"))
        assert not recap(run("started"))
        status = Process("status", directory / "lab.yml")
        status.wait_for("group G1 (id 1)")
        status.stop()
        assert recap(run("stopped"))
        assert not recap(run("stopped"))
        gone = Process("status", directory / "lab.yml")
        gone.wait_for("hub-1: not reachable")
        gone.stop()
    finally:
        run("absent")
    assert not directory.exists()

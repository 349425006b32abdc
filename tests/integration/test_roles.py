# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role that changes a fleet's configuration."""

from __future__ import annotations

import json

from tests.lab import LabDirectory, hub_config, play

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
    fatal = {"any_errors_fatal": True}
    return play(lab, [{**include, "vars": named}], *options, **fatal)


ONE_IS_MISSING = (
    "{{ [{'group': 'G1', 'members': ['gm-1']}] if inventory_hostname == 'hub-1' else [] }}"
)
GATED = {
    "confirm_minutes": 10,
    "wait_seconds": 2,
    "poll_seconds": 1,
    "wait_for": ONE_IS_MISSING,
}


def recap(result) -> bool:
    """True when a task of the role changed something."""
    return any(o.get("changed") for task in result.tasks for o in task.values())


def ran(result) -> int:
    """How many tasks did something on the first hub."""
    return sum(not task["hub-1"].get("skipped") for task in result.tasks)


def test_the_role_configures_a_fleet_and_a_second_run_changes_nothing(lab):
    for number, generation in enumerate(("v1", "v2"), 1):
        lab.add_device(f"hub-{number}", generation, hub_config(f"hub-{number}", generation, SITES))
    server = lab.serve()
    try:
        quick = {"retransmission_period": 2, "number_of_retransmission": 0}
        block = [{"group": "G1", "encryption_algorithm": "aes-128-cbc", **quick}]
        hashes = {"hub-1": "sha1", "hub-2": "sha-256"}
        config = [{**block[0], "sig_hash_algorithm": "{{ hashes[inventory_hostname] }}"}]
        extra = ("-e", json.dumps({"hashes": hashes}))
        # Minutes that came out empty are none: nothing is to be confirmed.
        checked = applied(lab, "--check", *extra, config=config, confirm_minutes=None)
        assert checked.code == 0, checked.output[-2000:]
        assert recap(checked)
        first = applied(lab, *extra, config=config, confirm_minutes="{{ omit }}")
        assert recap(first)
        second = applied(lab, *extra, config=config)
        assert not recap(second)
        assert ran(checked) == ran(first) == ran(second)
        fatal = applied(lab, *extra, config=[{**config[0], "lifetime_seconds": 7200}], **GATED)
        last = [o["msg"] for o in fatal.tasks[-1].values()]
        assert "waiting for gm-1; the change was not confirmed" in last[0]
        assert last[1].startswith(
            "hub-2: another host has failed, and any_errors_fatal ends the play for all; the "
            "change was not confirmed, and the device takes it back 10 minutes after the commit"
        )
    finally:
        server.stop()

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plays that are timed, on devices that are made for it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from tests.lab import LabDirectory, ansible_environment, hub_config

SMC = "security group-vpn server group G1 server-member-communication"
NETCOMMON = {
    "ansible_connection": "ansible.netcommon.netconf",
    "ansible_network_os": "junipernetworks.junos.junos",
    "ansible_host_key_checking": False,
}
# A connection that costs nothing: ours would be imported by every worker of a play that has no
# action of ours, and the floor would be none.
LOCAL = {"ansible_connection": "local"}
_NOTHING = '''
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Does nothing: what Ansible itself costs."""

    def run(self, tmp=None, task_vars=None):
        return {**super().run(tmp, task_vars), "changed": False}
'''


def fleet_of(path: Path, count: int) -> LabDirectory:
    """That many v2 devices with one group each, without state and key plane."""
    lab = LabDirectory(path)
    for number in range(1, count + 1):
        name = f"hub-{number}"
        config = hub_config(name, "v2", {"gm-1": "127.0.9.1"})
        # Each at its own address: so many ports picked one by one would collide.
        netconf = {"address": f"127.1.{number >> 8}.{number & 255}", "port": 8300}
        lab.add_device(name, "v2", config, state=None, gdoi=None, netconf=netconf)
    return lab


# A process between, whose only child is Ansible: what it has waited for is all of it.
_WATCHED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print("peak-kb:", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def timed_play(
    lab: LabDirectory, tasks: list[dict[str, Any]], forks: int, variables: dict[str, Any]
) -> float:
    """Wall seconds of one play over all devices."""
    return measured_play(lab, tasks, forks, variables)[0]


def measured_play(
    lab: LabDirectory, tasks: list[dict[str, Any]], forks: int, variables: dict[str, Any]
) -> tuple[float, float]:
    """(Wall seconds, MB of Ansible's largest process) of one play over all devices."""
    plugins = lab.path / "action_plugins"
    plugins.mkdir(exist_ok=True)
    (plugins / "do_nothing.py").write_text(_NOTHING)
    book = lab.path / "bench.yml"
    content = [{"hosts": "all", "gather_facts": False, "vars": variables, "tasks": tasks}]
    book.write_text(yaml.safe_dump(content))
    program = Path(sys.executable).with_name("ansible-playbook")
    started = time.perf_counter()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _WATCHED,
            str(program),
            "-i",
            str(lab.path / "inventory.yml"),
            "-f",
            str(forks),
            str(book),
        ],
        cwd=lab.path,
        env=ansible_environment(
            ANSIBLE_STDOUT_CALLBACK="ansible.builtin.default",
            ANSIBLE_ACTION_PLUGINS=str(plugins),
        ),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    elapsed = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"bench: a play failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return elapsed, float(done.stderr.rsplit("peak-kb:", 1)[1]) / 1024

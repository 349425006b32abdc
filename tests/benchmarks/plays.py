# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plays that are timed, on devices that are made for it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.lab import COLLECTIONS, ROOT, LabDirectory, ansible_environment, hub_config

SMC = "security group-vpn server group G1 server-member-communication"
NOTHING: dict[str, Any] = {"do_nothing": {}}
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
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("used:", used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
# As a user's Ansible has it, whatever this environment says.
BYTECODE = {
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "bytecode"),
}


class Cost(NamedTuple):
    """What a play took: seconds on the wall, CPU seconds of all processes, MB of the largest."""

    wall: float
    cpu: float
    peak_mb: float


def median(costs: Sequence[Cost]) -> Cost:
    """Each figure's median."""
    return Cost(*map(statistics.median, zip(*costs, strict=True)))


def play_cost(
    lab: LabDirectory,
    tasks: list[dict[str, Any]],
    forks: int,
    variables: dict[str, Any],
    collections: Path = COLLECTIONS,
) -> Cost:
    """One play over all devices, with cached bytecode; ``collections``: where ours is from."""
    plugins = lab.path / "action_plugins"
    plugins.mkdir(exist_ok=True)
    (plugins / "do_nothing.py").write_text(_NOTHING)
    book = lab.path / "bench.yml"
    content = [{"hosts": "all", "gather_facts": False, "vars": variables, "tasks": tasks}]
    book.write_text(yaml.safe_dump(content))
    inventory = str(lab.path / "inventory.yml")
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    play = [program, "-i", inventory, "-f", str(forks), str(book)]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, *play],
        cwd=lab.path,
        env=ansible_environment(
            ANSIBLE_STDOUT_CALLBACK="ansible.builtin.default",
            ANSIBLE_ACTION_PLUGINS=str(plugins),
            ANSIBLE_COLLECTIONS_PATH=str(collections),
            **BYTECODE,
        ),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    elapsed = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"bench: a play failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    cpu, peak_kb = map(float, done.stderr.rsplit("used:", 1)[1].split())
    return Cost(elapsed, cpu, peak_kb / 1024)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Ansible's main process does before it forks: workers find it done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.plays import fleet_of
from tests.lab import COLLECTIONS, PASSWORD, USER

_TIMER_SLACK = Path("/proc/self/timerslack_ns")
_PLUGINS = Path("ansible_collections", "groupvpn", "junos", "plugins")
_LOAD = """
import importlib, json, sys
# As any run of Ansible has by the time it loads an action.
import ansible.executor.playbook_executor, ansible.plugins.connection.local
from ansible.plugins.loader import action_loader, init_plugin_loader
init_plugin_loader([sys.argv[1]])
assert action_loader.get("groupvpn.junos.server_member_communication", class_only=True)
CORE = "ansible_collections.groupvpn.junos.plugins.plugin_utils."
def core(name):
    return importlib.import_module(CORE + name)
"""
_CHANGE = """
before = set(sys.modules)
from ansible.template import Templar, trust_as_template
host, port, user, password, known, lifetime = sys.argv[2:]
session, apply = core("netconf.session"), core("engine.apply")
requests = core("engine.request")
target = session.Target(host, int(port), user, password, known_hosts_file=known)
variables = {"lifetime": int(lifetime)}
wanted = Templar(variables=variables).template(trust_as_template("{{ lifetime }}"))
smc = core("resources.server_member_communication").RESOURCE
block = {"group": "G1", "encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}
want = requests.wanted_tree(smc, [{**block, "lifetime_seconds": wanted}], None)
rpc = core("netconf.rpc").SessionRpc(core("netconf.transports").open_session(target))
request = requests.Request(smc, want, core("engine.plan").State.MERGED)
changed = apply.apply(rpc, request)["changed"]
print(json.dumps([changed, sorted(set(sys.modules) - before)]))
"""


_COMPILED = """
import sys
compiled = []
sys.addaudithook(lambda event, args: event == "compile" and compiled.append(str(args[1])))
"""


def _python(script: str, collections: Path, *arguments: str, bytecode: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, str(collections), *arguments],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_worker_that_makes_a_change_imports_nothing_any_more(tmp_path):
    lab = fleet_of(tmp_path, 1)
    server = lab.serve()
    try:
        at, known = lab.devices[0]["netconf"], str(lab.path / "known_hosts")
        where = (at["address"], str(at["port"]), USER, PASSWORD, known)
        changed, imported = json.loads(_python(_LOAD + _CHANGE, COLLECTIONS, *where, "540"))
    finally:
        server.stop()
    assert changed
    assert imported == []


@pytest.mark.skipif(not _TIMER_SLACK.exists(), reason="only Linux has it")
def test_the_process_that_waits_for_workers_lets_its_sleeps_be_three_milliseconds_longer():
    read = f"print(open({str(_TIMER_SLACK)!r}).read())"
    assert int(_python(_LOAD + read, COLLECTIONS)) == 3_000_000


def test_a_second_run_compiles_nothing_of_the_collection(tmp_path):
    ours = f"print(sum({str(_PLUGINS)!r} in file for file in compiled))"
    script, kept = _COMPILED + _LOAD + ours, str(tmp_path)
    assert int(_python(script, COLLECTIONS, bytecode=kept)) > 40
    # Ansible itself asks for the packages that plugins of a kind are in.
    assert int(_python(script, COLLECTIONS, bytecode=kept)) <= 3

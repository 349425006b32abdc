# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the collection costs Ansible's main process before it forks a worker for each host."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

from tests.benchmarks.plays import BYTECODE
from tests.lab import ansible_environment

_REPEATS = 9
_ACTIONS = ("server_member_communication", "server", "server_info", "group_vpn", "group_vpn run")
# As ansible-playbook finds an action; what Ansible itself imports is there already.
_PROGRAM = """
import sys, time
from ansible.cli.playbook import PlaybookCLI
from ansible.executor import task_executor
from ansible.plugins.loader import action_loader, init_plugin_loader
init_plugin_loader()
# Any play looks for plugins of Ansible's own, for which it reads where they have moved to.
action_loader.get("ansible.builtin.debug", class_only=True)
action, _, part = sys.argv[1].partition(" ")
before = time.process_time()
if action_loader.get("groupvpn.junos." + action, class_only=True) is None:
    sys.exit("there is no such action")
if part:
    from ansible_collections.groupvpn.junos.plugins.action.whole import Whole
print(1000 * (time.process_time() - before))
"""


def _cost(action: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, action],
        env={**os.environ, **ansible_environment(**BYTECODE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"bench: {action} cannot be imported: {done.stderr[-1000:]}")
    return float(done.stdout)


def rows() -> Iterator[str]:
    """A table; the actions take turns."""
    yield "### Importing an action before the fork, once for each play"
    yield ""
    yield "What a run of `group_vpn` takes besides is imported by the one worker that has it."
    yield ""
    yield "| action | CPU ms | least |"
    yield "|---|---|---|"
    rounds = [{action: _cost(action) for action in _ACTIONS} for _ in range(_REPEATS + 1)]
    for action in _ACTIONS:
        # The first round made the bytecode.
        found = [costs[action] for costs in rounds[1:]]
        yield f"| {action} | {statistics.median(found):.0f} | {min(found):.0f} |"
    yield ""


SECTIONS = {"imports": rows}

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A whole Group VPN from one description, beside the same lines pushed and doing nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.fleet import HEAD, row
from tests.benchmarks.limits import at_least, at_most
from tests.benchmarks.plays import LOCAL, NETCOMMON, NOTHING, Cost, median, play_cost
from tests.lab import LabDirectory, by_ncclient
from tests.processes import Process
from tests.whole import UNICAST, WholeLab

_SERVERS, _SITES, _FORKS, _REPEATS = 2, 40, 20, 3
_ROLE = {
    "ansible.builtin.import_role": {"name": "groupvpn.junos.group_vpn", "rolespec_validate": False}
}
"""As the page of the role and the collection's playbooks have it."""
_PUSHED = {"junipernetworks.junos.junos_config": {"lines": "{{ bench_lines }}"}}


def _described(directory: str) -> WholeLab:
    """Empty devices, and the description of what they are to become."""
    whole = WholeLab(LabDirectory(Path(directory)))
    servers = whole.hubs(_SERVERS)
    whole.sites(_SITES)
    whole.group("BRANCHES", 70000, servers, server_member_communication=dict(UNICAST))
    whole.write()
    return whole


def _serve(whole: WholeLab) -> Process:
    process = Process("serve", whole.lab.file)
    process.wait_for("ready:", 60)
    return process


def _lines(lab: LabDirectory) -> dict[str, list[str]]:
    """What each device has by now and had not been given at first, as set lines."""
    from ncclient import manager

    found = {}
    for device in lab.devices:
        name = device["name"]
        with manager.connect(**by_ncclient(lab, name)) as session:
            reply = str(session.get_configuration(format="set"))
        text = reply[reply.index("<configuration-set>") + 19 : reply.index("</configuration-set>")]
        given = lab.configs[name].splitlines()
        lines = [line.strip() for line in text.replace("&quot;", '"').splitlines()]
        found[name] = [line for line in lines if line.startswith("set ") and line not in given]
    return found


def _built() -> tuple[dict[str, Cost], dict[str, list[str]]]:
    """What the description cost on empty devices, and which lines it came to."""
    with tempfile.TemporaryDirectory() as directory:
        whole = _described(directory)
        server = _serve(whole)
        try:
            costs = {
                "nothing": play_cost(whole.lab, [NOTHING], _FORKS, LOCAL),
                "built": play_cost(whole.lab, [_ROLE], _FORKS, {}),
                "again": play_cost(whole.lab, [_ROLE], _FORKS, {}),
            }
            return costs, _lines(whole.lab)
        finally:
            server.stop()


def _pushed(lines: dict[str, list[str]]) -> Cost:
    """The same lines by junos_config, on empty devices."""
    with tempfile.TemporaryDirectory() as directory:
        whole = _described(directory)
        file = whole.lab.path / "inventory.yml"
        inventory: dict[str, Any] = yaml.safe_load(file.read_text())
        for name, host in inventory["all"]["hosts"].items():
            host["bench_lines"] = lines[name]
        file.write_text(yaml.safe_dump(inventory))
        server = _serve(whole)
        try:
            return play_cost(whole.lab, [_PUSHED], _FORKS, NETCOMMON)
        finally:
            server.stop()


def whole() -> Iterator[str]:
    """Servers and members from empty devices."""
    yield f"### A whole Group VPN from empty devices: {_SERVERS} servers, {_SITES} members"
    yield ""
    yield from HEAD
    rounds = [_built() for _ in range(_REPEATS + 1)]
    # The first round made the bytecode.
    floor, built, again = (
        median([costs[name] for costs, _lines in rounds[1:]])
        for name in ("nothing", "built", "again")
    )
    lines = rounds[-1][1]
    peer = _pushed(lines)
    yield row("an action that does nothing", floor, floor)
    faster = f"{peer.wall / built.wall:.1f} x faster than the last row"
    yield row("the description, built", built, floor, faster)
    yield row("the description, nothing to do", again, floor)
    count = sum(map(len, lines.values()))
    yield row(f"junos_config, the same {count:,} lines", peer, floor)
    yield ""
    beside = "wall time beside doing nothing"
    yield at_most(f"a whole Group VPN, {beside}", 1.6, built.wall / floor.wall)
    yield ""
    yield at_most(f"a whole Group VPN's second run, {beside}", 1.4, again.wall / floor.wall)
    yield ""
    yield at_least("a whole Group VPN, junos_config beside it", 10, peer.wall / built.wall)
    yield ""


SECTIONS = {"whole": whole}

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make bench``: side by side with the named peers in one run; prints ratios, asserts nothing."""

from __future__ import annotations

import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible
import yaml
from lxml import etree

from tests.benchmarks import audit, configurations, key_plane, loop, resources, sessions
from tests.benchmarks.plays import LOCAL, NETCOMMON, SMC, fleet_of, timed_play
from tests.lab import COLLECTIONS

sys.path.insert(0, str(COLLECTIONS))
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.reply import (
    read_reply,
)

FLEET, FORKS, FEW, TASKS, MEMBERS, REPEATS = 50, 20, 10, 5, 100_000, 3


def _ours(lifetime: int) -> dict[str, Any]:
    block = {
        "group": "G1",
        "encryption_algorithm": "aes-256-cbc",
        "sig_hash_algorithm": "sha-256",
        "lifetime_seconds": lifetime,
    }
    return {"groupvpn.junos.server_member_communication": {"config": [block]}}


def _junos_config(lifetime: int) -> dict[str, Any]:
    lines = [
        f"set {SMC} encryption-algorithm aes-256-cbc",
        f"set {SMC} sig-hash-algorithm sha-256",
        f"set {SMC} lifetime-seconds {lifetime}",
    ]
    return {"junipernetworks.junos.junos_config": {"lines": lines}}


def _nothing(lifetime: int) -> dict[str, Any]:
    return {"do_nothing": {}}


def _row(name: str, seconds: float, floor: float, peer: float | None = None) -> str:
    times = f"{peer / seconds:.1f} x faster than junos_config" if peer else ""
    return f"| {name} | {seconds:.2f} | {seconds / floor:.2f} | {times} |"


def fleet() -> Iterator[str]:
    """One group on 50 devices: change, then nothing to do."""
    yield f"### {FLEET} devices, forks={FORKS}, one task"
    yield ""
    yield "| run | wall s | ratio to an action that does nothing | |"
    yield "|---|---|---|---|"
    with tempfile.TemporaryDirectory() as directory:
        lab = fleet_of(Path(directory), FLEET)
        server = lab.serve()
        try:
            lifetimes = iter(range(600, 86400, 60))
            floor = statistics.median(
                timed_play(lab, [_nothing(0)], FORKS, LOCAL) for _ in range(REPEATS)
            )
            change, idle = [], []
            for _ in range(REPEATS):
                lifetime = next(lifetimes)
                change.append(timed_play(lab, [_ours(lifetime)], FORKS, {}))
                idle.append(timed_play(lab, [_ours(lifetime)], FORKS, {}))
            lifetime = next(lifetimes)
            peer_change = timed_play(lab, [_junos_config(lifetime)], FORKS, NETCOMMON)
            peer_idle = timed_play(lab, [_junos_config(lifetime)], FORKS, NETCOMMON)
        finally:
            server.stop()
    yield _row("an action that does nothing", floor, floor)
    yield _row("ours, change", statistics.median(change), floor, peer_change)
    yield _row("ours, nothing to do", statistics.median(idle), floor, peer_idle)
    yield _row("junos_config, change", peer_change, floor)
    yield _row("junos_config, nothing to do", peer_idle, floor)
    yield ""


def five_tasks() -> Iterator[str]:
    """Five tasks in one play on ten devices."""
    yield f"### {TASKS} tasks in one play, {FEW} devices, forks={FEW}"
    yield ""
    yield "| run | wall s | ratio to an action that does nothing | |"
    yield "|---|---|---|---|"
    with tempfile.TemporaryDirectory() as directory:
        lab = fleet_of(Path(directory), FEW)
        server = lab.serve()
        try:
            floor = statistics.median(
                timed_play(lab, [_nothing(0)] * TASKS, FEW, LOCAL) for _ in range(REPEATS)
            )
            runs: dict[str, list[float]] = {"auto": [], "openssh": [], "paramiko": []}
            idle: list[float] = []
            for number in range(REPEATS):
                for transport, times in runs.items():
                    tasks = [_ours(600 + 60 * (number * 10 + n)) for n in range(TASKS)]
                    variables = {"ansible_netconf_transport": transport}
                    times.append(timed_play(lab, tasks, FEW, variables))
                idle.append(timed_play(lab, tasks[-1:] * TASKS, FEW, {}))
        finally:
            server.stop()
    yield _row("actions that do nothing", floor, floor)
    for transport, times in runs.items():
        yield _row(f"ours, five changes, {transport}", statistics.median(times), floor)
    yield _row("ours, nothing to do", statistics.median(idle), floor)
    yield ""


def _reply() -> bytes:
    root = etree.Element("security-group-vpn-server-registered-members")
    group = etree.SubElement(root, "group-vpn-registered-members")
    etree.SubElement(group, "group-vpn-group-name").text = "G1"
    etree.SubElement(group, "group-vpn-group-id").text = "1"
    for n in range(MEMBERS):
        member = etree.SubElement(group, "group-vpn-member")
        address = f"127.{n >> 16}.{n >> 8 & 255}.{n & 255}"
        for name, text in (
            ("gateway", f"gm-{n}"),
            ("address", address),
            ("last-update", "Thu Nov 19 2026 16:31:09"),
            ("vsys", "root"),
        ):
            etree.SubElement(member, f"group-vpn-member-{name}").text = f"\n{text}\n"
    return etree.tostring(root)


_FIELDS = ("gateway", "address", "last-update", "vsys")


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(65536):
            yield piece


def _by_stream(path: Path) -> int:
    return len(read_reply(_pieces(path)).groups[0].members)


def _by_xpath(path: Path) -> int:
    tree = etree.parse(str(path))
    return len(
        [
            {f: (m.xpath(f"string(group-vpn-member-{f})")).strip() for f in _FIELDS}
            for m in tree.xpath("//group-vpn-member")
        ]
    )


def _by_pyez(path: Path) -> int:
    from jnpr.junos.factory import loadyaml
    from ncclient.operations.rpc import RPCReply
    from ncclient.xml_ import NCElement

    definition = {
        "Members": {
            "rpc": "get-security-group-vpn-server-registered-members",
            "item": ".//group-vpn-member",
            "key": "group-vpn-member-address",
            "view": "MemberView",
        },
        "MemberView": {"fields": {f.replace("-", "_"): f"group-vpn-member-{f}" for f in _FIELDS}},
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump(definition, file)
        file.flush()
        table_class = loadyaml(file.name)["Members"]
    raw = f'<rpc-reply message-id="1">{path.read_text()}</rpc-reply>'
    from ncclient.devices.junos import JunosDeviceHandler

    reply = RPCReply(raw, huge_tree=True)
    reply.parse()
    handler = JunosDeviceHandler({"name": "junos"})
    document = NCElement(reply, handler.transform_reply(), huge_tree=True)
    table = table_class(xml=document._NCElement__doc)
    return len([[getattr(row, f.replace("-", "_")) for f in _FIELDS] for row in table])


READERS = {
    "ours, as a stream": _by_stream,
    "lxml.etree.parse and XPath": _by_xpath,
    "ncclient and a PyEZ table": _by_pyez,
}


def read_once(name: str, path: str) -> None:
    """Print CPU seconds and growth of memory in MB: in a process of its own, nothing warm."""
    # What a user has loaded anyway is not the reading's.
    for name_of_library in ("jnpr.junos.factory", "ncclient.manager"):
        importlib.import_module(name_of_library)

    before = _peak_mb()
    started = time.process_time()
    assert READERS[name](Path(path)) == MEMBERS
    cpu = time.process_time() - started
    print(cpu, _peak_mb() - before)


def _peak_mb() -> float:
    # Not getrusage: its figure is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _measure(name: str, path: Path) -> tuple[float, float]:
    command = f"from tests.benchmarks.__main__ import read_once; read_once({name!r}, {str(path)!r})"
    results = []
    for _ in range(REPEATS):
        done = subprocess.run(
            [sys.executable, "-c", command], capture_output=True, text=True, check=True
        )
        results.append(tuple(map(float, done.stdout.split())))
    cpu, grown = zip(*results, strict=True)
    return statistics.median(cpu), statistics.median(grown)


def parsing() -> Iterator[str]:
    """A reply of 100,000 members."""
    data = _reply()
    yield f"### Reading {MEMBERS:,} members ({len(data) / 1e6:.1f} MB of XML)"
    yield ""
    yield "| reader | CPU s | growth of RSS, MB | ratio of CPU to ours |"
    yield "|---|---|---|---|"
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "reply.xml"
        path.write_bytes(data)
        results = {name: _measure(name, path) for name in READERS}
    own = next(iter(results.values()))[0]
    for name, (cpu, grown) in results.items():
        yield f"| {name} | {cpu:.2f} | {grown:.0f} | {cpu / own:.2f} |"
    yield ""


def _bytecode() -> str:
    """Whether Ansible's start, which is in every floor, reads bytecode or makes it each time."""
    cached = importlib.util.cache_from_source(ansible.__file__)
    return "with" if Path(cached).exists() else "without"


def main() -> int:
    """Print the tables, and keep them in docs/benchmarks.md."""
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench`; medians, all rows of a table from one run on one machine.",
        f"Machine: {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()} {_bytecode()} cached bytecode; key servers and Ansible share "
        "the cores.",
        "",
    ]
    print("\n".join(lines), flush=True)
    for section in (
        fleet,
        five_tasks,
        parsing,
        *key_plane.SECTIONS,
        *audit.SECTIONS,
        sessions.rows,
        loop.rows,
        *configurations.SECTIONS,
        *resources.SECTIONS,
    ):
        for line in section():
            lines.append(line)
            print(line, flush=True)
    (Path(__file__).parents[2] / "docs" / "benchmarks.md").write_text("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())

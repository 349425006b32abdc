# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A reply of many members: our reader beside two others, each in a process of its own."""

from __future__ import annotations

import importlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml
from lxml import etree

from tests.lab import COLLECTIONS

if str(COLLECTIONS) not in sys.path:
    sys.path.insert(0, str(COLLECTIONS))
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.reply import (
    read_reply,
)

MEMBERS, REPEATS = 100_000, 5


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
    command = f"from tests.benchmarks.reading import read_once; read_once({name!r}, {str(path)!r})"
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


SECTIONS = {"reading": parsing}

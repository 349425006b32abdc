# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lab of emulated key servers and members that know nothing of a Group VPN yet."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.keyserver.observer import Observer
from tests.lab import LabDirectory, PlayResult, killed_play, play
from tests.processes import Process, free_ports, uninterrupted

INTERFACE = "ge-0/0/1.0"
ZONES = [{"from_zone": "LAN", "to_zone": "WAN"}]
ROLE = {"ansible.builtin.include_role": {"name": "groupvpn.junos.group_vpn"}}
UNICAST = {
    "communication_type": "unicast",
    "encryption_algorithm": "aes-256-cbc",
    "sig_hash_algorithm": "sha-256",
}


def empty_device(name: str, address: str) -> str:
    """Set lines of a device with its interface and zones, and nothing else."""
    return "\n".join(
        (
            f"set system host-name {name}",
            f"set interfaces ge-0/0/1 unit 0 family inet address {address}/24",
            "set security zones security-zone LAN",
            f"set security zones security-zone WAN interfaces {INTERFACE}",
            "",
        )
    )


@dataclass
class WholeLab:
    """Servers ``hub-1`` … and sites ``site-01`` …, all on one GDOI port of loopback addresses."""

    lab: LabDirectory
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=list)
    branches: list[str] = field(default_factory=list)
    process: Process | None = None
    _port: int = 0

    def hubs(self, count: int, generation: str = "v2", first: int = 1) -> list[str]:
        """More key servers; their names."""
        names = [f"hub-{n}" for n in range(first, first + count)]
        for number, name in enumerate(names, first):
            self._add(name, f"127.0.9.{number}", generation)
            self.variables[name]["group_vpn_pre_shared_key"] = "made-up-key-of-the-hubs"
        return names

    def sites(self, count: int, generation: str = "v2", first: int = 1) -> list[str]:
        """More members, in the inventory group ``branches``; their names."""
        names = [f"site-{n:02}" for n in range(first, first + count)]
        for number, name in enumerate(names, first):
            self._add(name, f"127.0.10.{number}", generation)
            self.variables[name] |= {
                "group_vpn_pre_shared_key": f"made-up-key-of-{name}",
                "group_vpn_external_interface": INTERFACE,
                "group_vpn_policies": ZONES,
            }
        self.branches += names
        return names

    def _add(self, name: str, address: str, generation: str) -> None:
        if not self._port:
            (self._port,) = free_ports(1, socket.SOCK_DGRAM)
        gdoi = {"address": address, "port": self._port}
        self.lab.add_device(name, generation, empty_device(name, address), gdoi=gdoi)
        self.variables[name] = {
            "group_vpn_address": address,
            "group_vpn_generation": generation,
        }

    def group(self, name: str, number: int, servers: list[str], **more: Any) -> dict[str, Any]:
        """Describe another group, of the branches unless it says of whom."""
        described = {
            "name": name,
            "group_id": number,
            "servers": servers,
            "members": ["branches"],
            "match_policies": [
                {"name": "all", "source": "10.0.0.0/8", "destination": "10.0.0.0/8"}
            ],
            **more,
        }
        self.groups.append(described)
        return described

    def write(self) -> None:
        """The lab file, and the inventory with the description."""
        self.lab.write()
        file = self.lab.path / "inventory.yml"
        inventory = yaml.safe_load(file.read_text())
        for name, more in self.variables.items():
            inventory["all"]["hosts"][name] |= more
        inventory["all"]["vars"] = {"group_vpn_groups": self.groups, "group_vpn_poll": 0.2}
        inventory["all"]["children"] = {"branches": {"hosts": {name: {} for name in self.branches}}}
        file.write_text(yaml.safe_dump(inventory))

    def start(self, *options: str) -> None:
        """Start every device; the observer sees all that happens to their keys."""
        self.write()
        self.process = Process("serve", self.lab.file, "--events", *options)
        self.process.wait_for("ready:")

    def run(self, *options: str, hosts: str = "all", **variables: Any) -> PlayResult:
        """The role, for the description as it is now."""
        self.write()
        return self.play([ROLE], *options, hosts=hosts, vars=variables)

    def unobserved(self) -> PlayResult:
        """The role, while no device runs."""
        self.write()
        return play(self.lab, [ROLE])

    def play(self, tasks: list[dict[str, Any]], *options: str, **more: Any) -> PlayResult:
        """Tasks, while the events are read that they cause."""
        with self.reading():
            return play(self.lab, tasks, *options, **more)

    def killed_at(self, step: str, **variables: Any) -> None:
        """The role, until it begins a step: then who runs it is killed."""
        self.write()
        with self.reading():
            killed_play(self.lab, [ROLE], step, vars=variables)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Read what devices print, while something else goes on."""
        over = threading.Event()
        reader = threading.Thread(target=self._read_until, args=(over,))
        try:
            with uninterrupted():
                reader.start()
            yield
        finally:
            over.set()
            if reader.is_alive():
                reader.join()

    def _read_until(self, over: threading.Event) -> None:
        assert self.process is not None
        while not over.is_set():
            if not self.process.read(0.2):
                over.wait(0.05)

    def events(self) -> list[dict[str, Any]]:
        """What happened to members so far."""
        assert self.process is not None
        while self.process.read(0.2):
            pass
        return [json.loads(line) for line in self.process.output if line.startswith("{")]

    def apart(self, since: int = 0) -> set[tuple[str, str]]:
        """Pairs of which the first could not read the second, at any instant since an event."""
        observer, standings = Observer(), {}
        found: set[tuple[str, str]] = set()
        for number, event in enumerate(self.events()):
            if "receives_with" in event:
                observer.told(event)
                standings[event["member"]] = event
                if number >= since and observer.unreadable():
                    found |= set(_apart(standings))
        return found

    def stop(self) -> None:
        """Stop every device."""
        if self.process is not None:
            self.process.stop()


def _apart(standings: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for one, reads in standings.items():
        for other, sends in standings.items():
            if sends["sends_with"] not in (None, *reads["receives_with"]):
                yield one.partition("/")[0], other.partition("/")[0]

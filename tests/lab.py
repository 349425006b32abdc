# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lab for tests and the demonstration: configurations, processes, playbooks."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.processes import ROOT, Process, end, ended, forget, free_ports, start

ANSIBLE_PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))
COLLECTIONS = ROOT / "build" / "collections"
USER, PASSWORD, PSK = "netops", "lab-Passw0rd", "made-up-key-1"

_PHASE_1 = {
    "v1": ("group2", "sha1", "3des-cbc", "hmac-sha1-96", "3des-cbc"),
    "v2": ("group14", "sha-256", "aes-256-cbc", "hmac-sha-256-128", "aes-256-cbc"),
}


def hub_config(
    name: str,
    generation: str,
    members: dict[str, str],
    groups: tuple[str, ...] = ("G1",),
    phase1: tuple[str, str, str] | None = None,
    extra: tuple[str, ...] = (),
) -> str:
    """Set lines of a key server: ``members`` maps gateway names to addresses."""
    dh, digest, cipher, esp_auth, esp_cipher = _PHASE_1[generation]
    dh, digest, cipher = phase1 or (dh, digest, cipher)
    server = "set security group-vpn server"
    lines = [
        f"set system host-name {name}",
        f"{server} ike proposal p1 authentication-method pre-shared-keys",
        f"{server} ike proposal p1 dh-group {dh}",
        f"{server} ike proposal p1 authentication-algorithm {digest}",
        f"{server} ike proposal p1 encryption-algorithm {cipher}",
        f"{server} ike policy pol proposals p1",
        f"{server} ike policy pol pre-shared-key ascii-text {PSK}",
        f"{server} ipsec proposal esp authentication-algorithm {esp_auth}",
        f"{server} ipsec proposal esp encryption-algorithm {esp_cipher}",
    ]
    for gateway, address in members.items():
        lines.append(f"{server} ike gateway {gateway} ike-policy pol")
        lines.append(f"{server} ike gateway {gateway} address {address}")
    for number, group in enumerate(groups, 1):
        path = f"{server} group {group}"
        lines.append(f"{path} group-id {number}")
        lines += [f"{path} ike-gateway {gateway}" for gateway in members]
        lines.append(f"{path} ipsec-sa sa-1 proposal esp")
        lines.append(f"{path} ipsec-sa sa-1 match-policy any source 198.51.100.0/24")
        lines.append(f"{path} ipsec-sa sa-1 match-policy any destination 203.0.113.0/24")
    return "\n".join([*lines, *extra]) + "\n"


@dataclass
class LabDirectory:
    """A lab file with everything beside it, and an inventory for Ansible."""

    path: Path
    devices: list[dict[str, Any]] = field(default_factory=list)
    members: list[dict[str, Any]] = field(default_factory=list)
    configs: dict[str, str] = field(default_factory=dict)
    clock: dict[str, Any] = field(default_factory=dict)

    def add_device(self, name: str, generation: str, config: str, **more: Any) -> dict[str, Any]:
        (port,) = free_ports(1)
        (gdoi,) = free_ports(1, socket.SOCK_DGRAM)
        device = {
            "name": name,
            "generation": generation,
            "netconf": {"address": "127.0.0.1", "port": port},
            "gdoi": {"address": "127.0.0.1", "port": gdoi},
            "users": [{"name": USER, "password": PASSWORD}],
            "config": f"{name}.conf",
            "state": f"state/{name}.db",
            **more,
        }
        self.devices.append(device)
        self.configs[name] = config
        return device

    def add_member(self, name: str, server: str, address: str, group: int = 1, **more: Any) -> None:
        self.members.append(
            {"name": name, "server": server, "group": group, "address": address, "psk": PSK, **more}
        )

    @property
    def file(self) -> Path:
        return self.path / "lab.yml"

    def write(self) -> None:
        for name, config in self.configs.items():
            (self.path / f"{name}.conf").write_text(config)
        document: dict[str, Any] = {"devices": self.devices, "known_hosts": "known_hosts"}
        if self.members:
            document["members"] = self.members
        if self.clock:
            document["clock"] = self.clock
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))
        hosts = {
            device["name"]: {
                "ansible_host": device["netconf"]["address"],
                "ansible_port": device["netconf"]["port"],
                "ansible_user": USER,
                "ansible_password": PASSWORD,
                "ansible_connection": "groupvpn.junos.netconf",
                "ansible_known_hosts_file": str(self.path / "known_hosts"),
                "ansible_python_interpreter": sys.executable,
            }
            for device in self.devices
        }
        (self.path / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))

    def serve(self, prefix: Sequence[str] = (sys.executable,)) -> Process:
        """Write everything and start the key servers."""
        self.write()
        process = Process("serve", self.file, prefix=prefix)
        try:
            process.wait_for("ready:")
        except BaseException:
            process.stop()
            raise
        return process

    def port(self, name: str) -> int:
        return int(next(d["netconf"]["port"] for d in self.devices if d["name"] == name))


@dataclass
class PlayResult:
    """What ansible-playbook said."""

    code: int
    output: str
    tasks: list[dict[str, dict[str, Any]]]
    """Per task, in order: host to result."""


def ansible_environment(**more: str) -> dict[str, str]:
    """Ansible with the built collection, JSON on standard output, no colours, no retries."""
    return {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        **more,
    }


def _ansible(
    lab: LabDirectory, tasks: list[dict[str, Any]], *options: str, hosts: str = "all", **more: Any
) -> tuple[list[str], dict[str, Any]]:
    """The command that runs tasks, and how it is started."""
    book = lab.path / "play.yml"
    content = [{"hosts": hosts, "gather_facts": False, "tasks": tasks, **more}]
    book.write_text(yaml.safe_dump(content, sort_keys=False))
    command = [ANSIBLE_PLAYBOOK, "-i", str(lab.path / "inventory.yml"), *options, str(book)]
    return command, {
        "cwd": lab.path,
        "env": ansible_environment(),
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def killed_play(lab: LabDirectory, tasks: list[dict[str, Any]], at: str, **more: Any) -> None:
    """Run tasks until a line of standard error begins so, then kill Ansible and its workers."""
    command, how = _ansible(lab, tasks, **more)
    process = start(command, **how)
    assert process.stderr is not None
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith(at):
                break
        else:
            raise AssertionError(f"{at!r} was not said:\n{''.join(said)}")
    finally:
        process.kill()
        process.wait()
        end(process)
        forget(process)


def play(
    lab: LabDirectory, tasks: list[dict[str, Any]], *options: str, hosts: str = "all", **more: Any
) -> PlayResult:
    """Run tasks on the lab's devices."""
    command, how = _ansible(lab, tasks, *options, hosts=hosts, **more)
    done = ended(command, **how)
    begin = done.stdout.find("{\n")
    results: list[dict[str, dict[str, Any]]] = []
    if begin >= 0:
        document, _ = json.JSONDecoder().raw_decode(done.stdout[begin:])
        results = [task["hosts"] for one in document["plays"] for task in one["tasks"]]
    return PlayResult(done.returncode, done.stdout + done.stderr, results)


def by_ncclient(lab: LabDirectory, name: str) -> dict[str, Any]:
    """How ncclient connects to one of the lab's devices."""
    return {
        "host": "127.0.0.1",
        "port": lab.port(name),
        "username": USER,
        "password": PASSWORD,
        "device_params": {"name": "junos"},
        "hostkey_verify": False,
        "allow_agent": False,
        "look_for_keys": False,
    }


def listed(lab: LabDirectory) -> tuple[list[str], str]:
    """Gateways in the list of G1, and what the list means."""
    result = play(lab, [{"groupvpn.junos.registered_members_info": {}}])
    assert result.code == 0, result.output
    (group,) = result.tasks[0]["hub-1"]["groups"]
    return sorted(m["gateway"] for m in group["members"]), group["list_shows"]


def listed_within(lab: LabDirectory, wanted: list[str], seconds: float = 90) -> None:
    """Wait until these gateways are in the list of G1."""
    end = time.monotonic() + seconds
    while listed(lab)[0] != wanted:
        assert time.monotonic() < end, f"{listed(lab)} instead of {wanted}"


def ask(lab: LabDirectory, name: str, operation: str) -> str:
    """A device's answer to an RPC without arguments, as text."""
    from ncclient import manager
    from ncclient.xml_ import new_ele

    with manager.connect(**by_ncclient(lab, name)) as session:
        return str(session.rpc(new_ele(operation)))

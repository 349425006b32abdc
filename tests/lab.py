# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lab for tests and the demonstration: configurations, processes, playbooks."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
COLLECTIONS = ROOT / "build" / "collections"
USER, PASSWORD, PSK = "netops", "lab-Passw0rd", "made-up-key-1"
START_SECONDS = 30

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


# Below what the system gives to those who connect: between our choice and the server's bind, some
# client might get the port otherwise. Parallel test processes choose from ranges of their own.
_LOWEST_PORT, _PORTS, _SHARES = 20000, 12768, 8
_share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
_mine = range(_LOWEST_PORT + _share, _LOWEST_PORT + _PORTS, _SHARES)
_ports = itertools.islice(itertools.cycle(_mine), os.getpid() % len(_mine), None)


def free_ports(count: int, kind: int = socket.SOCK_STREAM) -> list[int]:
    """Ports of the loopback address that nothing uses just now."""
    found: list[int] = []
    while len(found) < count:
        port = next(_ports)
        with socket.socket(socket.AF_INET, kind) as trial, contextlib.suppress(OSError):
            trial.bind(("127.0.0.1", port))
            found.append(port)
    return found


_RUNNING: set[subprocess.Popen[Any]] = set()
_MARK = "GROUPVPN_LAB_PROCESS"
_MARKS: dict[subprocess.Popen[Any], str] = {}
_INTERRUPTIONS = {signal.SIGINT, signal.SIGTERM}


def _start(command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """A process that :func:`stop_everything` knows, whatever interrupts us meanwhile."""
    with uninterrupted() as usual:
        process = subprocess.Popen(
            command,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, usual),
            env={**(options.pop("env", None) or os.environ), _MARK: _mark(len(_MARKS))},
            **options,
        )
        _MARKS[process] = _mark(len(_MARKS))
        _RUNNING.add(process)
    return process


@contextlib.contextmanager
def uninterrupted() -> Iterator[set[int]]:
    """Interruptions wait until the block ends; gives the signals that were blocked before.

    A thread takes over what is blocked where it is started. One that blocks nothing is where the
    kernel delivers the signal meanwhile, and Python then interrupts the main thread all the same.
    """
    usual = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTIONS)
    try:
        yield usual
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, usual)


def stop_everything() -> None:
    """End every process that still runs, and those that they started."""
    while _RUNNING:
        _end(_RUNNING.pop())


def _end(process: subprocess.Popen[Any]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    end = time.monotonic() + 10
    while (others := _marked(_MARKS[process])) and time.monotonic() < end:
        for other in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(other, signal.SIGKILL)
        # A signal is sent before it is obeyed.
        time.sleep(0.01)


def _mark(number: int) -> str:
    return f"{os.getpid()}-{number}"


def _marked(mark: str) -> list[int]:
    """Processes that were born with this mark.

    Ansible's workers sit in sessions of their own, and one that was forked while its parent was
    dying has another parent by now: what they all have is the environment.
    """
    words, found = f"{_MARK}={mark}\0".encode(), []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if words in file.read_bytes():
                found.append(int(file.parent.name))
    return found


def process_cpu(pid: int) -> float:
    """Seconds of CPU that a process has taken so far, to the nanosecond.

    Its clock has the number that Linux' ``clock_getcpuclockid(3)`` makes of the process id.
    """
    return time.clock_gettime((~pid << 3) | 2)


class Process:
    """``python -m keyserver COMMAND LAB`` in the background."""

    def __init__(
        self, command: str, lab: Path, *options: str, prefix: Sequence[str] = (sys.executable,)
    ) -> None:
        self._process = _start(
            [*prefix, "-m", "keyserver", command, *options, str(lab)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.output: list[str] = []
        self._rest = b""

    def wait_for(self, text: str, seconds: float = START_SECONDS, count: int = 1) -> None:
        """Wait until that many lines of output hold the text."""
        end = time.monotonic() + seconds
        while sum(text in line for line in self.output) < count:
            if not self.read(end - time.monotonic()):
                shown = "\n".join(self.output[-20:])
                raise AssertionError(f"{text!r} did not come {count} times in:\n{shown}")

    def read(self, seconds: float) -> bool:
        """Take more output, if some comes in time: who writes much stops when nobody does."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, seconds))
        data = os.read(self._process.stdout.fileno(), 65536) if ready else b""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.output += [line.decode() for line in lines]
        return bool(data)

    def peak_mb(self) -> float:
        """The most memory that the process has held."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def cpu_seconds(self) -> float:
        """CPU time that it has taken so far."""
        return process_cpu(self._process.pid)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def ended(self, seconds: float) -> int:
        """Its exit status, when it ends by itself within that time."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        """What a power cut is to a process."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Interrupt and wait."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        _RUNNING.discard(self._process)
        if self._process.stdout is not None:
            self._process.stdout.close()


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
) -> subprocess.Popen[str]:
    book = lab.path / "play.yml"
    content = [{"hosts": hosts, "gather_facts": False, "tasks": tasks, **more}]
    book.write_text(yaml.safe_dump(content, sort_keys=False))
    program = Path(sys.executable).with_name("ansible-playbook")
    return _start(
        [str(program), "-i", str(lab.path / "inventory.yml"), *options, str(book)],
        cwd=lab.path,
        env=ansible_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_play(lab: LabDirectory, tasks: list[dict[str, Any]], at: str, **more: Any) -> None:
    """Run tasks until a line of standard error begins so, then kill Ansible and its workers."""
    process = _ansible(lab, tasks, **more)
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
        _end(process)
        _RUNNING.discard(process)


def play(
    lab: LabDirectory, tasks: list[dict[str, Any]], *options: str, hosts: str = "all", **more: Any
) -> PlayResult:
    """Run tasks on the lab's devices."""
    process = _ansible(lab, tasks, *options, hosts=hosts, **more)
    try:
        output, errors = process.communicate(timeout=180)
    except subprocess.TimeoutExpired:
        _end(process)
        raise
    _RUNNING.discard(process)
    start = output.find("{\n")
    results: list[dict[str, dict[str, Any]]] = []
    if start >= 0:
        document, _ = json.JSONDecoder().raw_decode(output[start:])
        results = [task["hosts"] for one in document["plays"] for task in one["tasks"]]
    return PlayResult(process.returncode, output + errors, results)


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


def listed_within(lab: LabDirectory, wanted: list[str], seconds: float) -> None:
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

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members' associations in use: tshark reads their ESP, and Linux hosts ping through it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.utils import wrpcap

from keyserver.capture.sa_export import wireshark_table, xfrm_commands
from keyserver.capture.sa_log import SaLog
from tests.keyserver.test_sa_export import (
    FOREIGN,
    V1_SUITES,
    V2_SUITES,
    foreign,
    group,
    history,
    states,
)
from tests.keyserver.world import GM

OTHER = "192.0.2.12"
SECRET = b"only for members of the group"


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize(
    ("generation", "suite"),
    [("v1", suite) for suite in V1_SUITES] + [("v2", suite) for suite in V2_SUITES],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_wireshark_reads_esp_with_the_table(signing_key, tmp_path, generation, suite):
    _, log = group(signing_key, tmp_path, generation, suite)
    told = history(log)
    sender = states(xfrm_commands(told, "site-1", [OTHER]))[GM, OTHER]
    packet = IP(src="198.51.100.1", dst="203.0.113.1") / ICMP() / SECRET
    wrpcap(str(tmp_path / "esp.pcap"), [sender.encrypt(packet)], linktype=101)
    (row,) = wireshark_table(told)
    command = ["tshark", "-r", str(tmp_path / "esp.pcap"), "-T", "fields", "-e", "data.data"]
    command += ["-e", "esp.icv_good", "-o", "esp.enable_encryption_decode:TRUE"]
    command += ["-o", "esp.enable_authentication_check:TRUE", "-o", f"uat:esp_sa:{row}"]
    read = subprocess.run(command, capture_output=True, text=True, check=True)
    assert read.stdout.split() == [SECRET.hex(), "1"]


def _run(*words):
    return subprocess.run(words, capture_output=True, text=True)


def _in(namespace, command):
    done = _run("ip", "netns", "exec", namespace, "sh", "-c", command)
    assert done.returncode == 0, f"{command}: {done.stderr}"


def _kernel_without_esp() -> str | None:
    """Why this host cannot carry ESP between two network namespaces; None when it can."""
    if shutil.which("ip") is None or shutil.which("ping") is None:
        return "ip and ping are not installed"
    with _namespaces("groupvpn-probe") as (found, why):
        if not found:
            return f"network namespaces cannot be made: {why}"
        key, check = "0x" + "11" * 16, "0x" + "22" * 32
        state = "ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode tunnel "
        state += f"auth-trunc 'hmac(sha256)' {check} 128 enc 'cbc(aes)' {key}"
        done = _run("ip", "netns", "exec", "groupvpn-probe", "sh", "-c", state)
        return None if done.returncode == 0 else f"the kernel has no esp4: {done.stderr.strip()}"


@contextlib.contextmanager
def _namespaces(*names):
    """Network namespaces of these names, gone afterwards: (made, why not)."""
    why = ""
    try:
        for name in names:
            why = why or _run("ip", "netns", "add", name).stderr.strip()
        yield not why, why
    finally:
        for name in names:
            _run("ip", "netns", "delete", name)


# What a kernel without ESP, or without single DES, answers to what ``ip`` has read and sent whole.
_LACKS = {"Error: Requested type not found.", "Error: Requested CRYPT algorithm not found."}


@pytest.mark.skipif(shutil.which("ip") is None, reason="ip is not installed")
@pytest.mark.parametrize(
    ("generation", "suite"),
    [("v1", suite) for suite in V1_SUITES] + [("v2", suite) for suite in V2_SUITES],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_linux_takes_every_command(signing_key, tmp_path, generation, suite):
    _, log = group(signing_key, tmp_path, generation, suite)
    commands = list(xfrm_commands(history(log), "site-1", [OTHER]))
    assert {command.split()[2] for command in commands} == {"state", "policy"}
    with _namespaces("groupvpn-parse") as (made, why):
        if not made:
            pytest.skip(f"network namespaces cannot be made: {why}")
        for command in commands:
            done = _run("ip", "netns", "exec", "groupvpn-parse", "sh", "-c", command)
            said = done.stderr.strip()
            is_state = command.split()[2] == "state"
            assert done.returncode == 0 or (is_state and said in _LACKS), (command, said)
        policies = _run("ip", "-n", "groupvpn-parse", "xfrm", "policy").stdout
        assert "src 198.51.100.0/24 dst 203.0.113.0/24" in policies


@pytest.mark.skipif(shutil.which("ip") is None, reason="ip is not installed")
def test_linux_takes_a_strangers_selectors(tmp_path):
    with _namespaces("groupvpn-strange") as (made, why):
        if not made:
            pytest.skip(f"network namespaces cannot be made: {why}")
        for number, (protocol, source, destination, *_) in enumerate(FOREIGN):
            log = SaLog(tmp_path / f"{number}.log")
            for command in foreign(log, protocol, source, destination):
                done = _run("ip", "netns", "exec", "groupvpn-strange", "sh", "-c", command)
                assert done.returncode == 0 or done.stderr.strip() in _LACKS, (command, done.stderr)
        policies = _run("ip", "-n", "groupvpn-strange", "xfrm", "policy").stdout
    assert "src 2001:db8::/48 dst 2001:db8::7/128" in policies
    assert "src 198.51.100.2/31 dst 203.0.113.0/24" in policies


def test_two_linux_hosts_ping_through_the_groups_esp(signing_key, tmp_path):
    missing = _kernel_without_esp()
    if missing:
        pytest.skip(missing)
    _, log = group(signing_key, tmp_path)
    told = history(log)
    hosts = {"groupvpn-one": ("site-1", GM, OTHER), "groupvpn-two": ("site-2", OTHER, GM)}
    inside = {GM: "198.51.100.1", OTHER: "203.0.113.1"}
    with _namespaces(*hosts) as (made, why):
        assert made, why
        veth = "ip link add left netns groupvpn-one type veth peer name right netns groupvpn-two"
        assert _run(*veth.split()).returncode == 0
        for (namespace, (member, own, peer)), device in zip(
            hosts.items(), ("left", "right"), strict=True
        ):
            for command in (
                f"ip address add {own}/24 dev {device}",
                f"ip address add {inside[own]}/32 dev lo",
                "ip link set lo up",
                f"ip link set {device} up",
                f"ip route add {inside[peer]} via {peer} src {inside[own]}",
                *xfrm_commands(told, member, [peer]),
                *_reverse(xfrm_commands(told, member, [peer])),
            ):
                _in(namespace, command)
        _in("groupvpn-one", f"ping -c 1 -W 2 -I {inside[GM]} {inside[OTHER]}")
        counters = _run("ip", "netns", "exec", "groupvpn-two", "ip", "-s", "xfrm", "state").stdout
        assert "1(packets)" in counters


def _reverse(commands):
    """The same policies for traffic the other way: the group's policy names one direction."""
    for command in commands:
        words = command.split()
        if words[2] == "policy":
            words[5], words[7] = words[7], words[5]
            yield " ".join(words)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a playbook configures takes effect on the wire: real SSH, real UDP, real members."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.certificates import Authority, write_pem
from tests.lab import LabDirectory, ask, hub_config, listed, listed_within, play
from tests.processes import Process, free_ports

SMC = "groupvpn.junos.server_member_communication"
INFO = {"groupvpn.junos.registered_members_info": {"detail": True}}
SITES = {"gm-1": "127.0.1.1", "gm-2": "127.0.1.2"}
COPIES = {"number_of_retransmission": 2, "retransmission_period": 2}
UNICAST = {
    "group": "G1",
    "encryption_algorithm": "aes-128-cbc",
    "sig_hash_algorithm": "sha1",
    "communication_type": "unicast",
    **COPIES,
}
V2_UNICAST = {**UNICAST, "sig_hash_algorithm": "sha-256"}
MULTICAST = {
    "group": "G1",
    "encryption_algorithm": "aes-128-cbc",
    "sig_hash_algorithm": "sha1",
    "communication_type": "multicast",
    "multicast_group": "233.252.0.7",
    "multicast_outgoing_interface": "ge-0/0/1.0",
}


@contextmanager
def running(lab: LabDirectory) -> Iterator[Process]:
    """A v1 key server with both sites, on a fast clock."""
    lab.clock = lab.clock or {"speed": 5}
    if not lab.devices:
        lab.add_device("hub-1", "v1", hub_config("hub-1", "v1", SITES))
    server = lab.serve()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def fleet_of(lab: LabDirectory, **faults: dict) -> Iterator[Process]:
    """Members at both sites; ``faults`` by member name with an underscore."""
    lab.members.clear()
    for name, address in SITES.items():
        fault = faults.get(name.replace("-", "_"))
        lab.add_member(name, "hub-1", address, **({"faults": fault} if fault else {}))
    lab.write()
    fleet = Process("members", lab.file, "--events")
    try:
        fleet.wait_for('"registered"', count=len(SITES))
        yield fleet
    finally:
        fleet.stop()


def configure(lab: LabDirectory, block: dict, **more: object) -> None:
    result = play(lab, [{SMC: {"config": [{**block, **more}]}}])
    assert result.code == 0, result.output
    assert result.tasks[0]["hub-1"]["changed"]


def events(fleet: Process, name: str) -> list[dict]:
    found = [json.loads(line) for line in fleet.output if line.startswith("{")]
    return [event for event in found if event["event"] == name]


def joined(group: str) -> None:
    """Wait until somebody on this host listens to a multicast group."""
    word, end = socket.inet_aton(group)[::-1].hex().upper(), time.monotonic() + 60
    while word not in Path("/proc/net/igmp").read_text():
        assert time.monotonic() < end, f"nobody listens to {group}"
        time.sleep(0.02)


def pass_time(lab: LabDirectory, seconds: float) -> None:
    """Wait until the device's clock is so much further."""

    def told() -> int:
        reply = ask(lab, "hub-1", "get-system-uptime-information")
        return int(re.search(r'current-time>\s*<date-time [^>]*seconds="(\d+)"', reply)[1])

    wanted, end = told() + seconds, time.monotonic() + 60 + seconds
    while told() < wanted:
        assert time.monotonic() < end, "the device's clock stands still"
        time.sleep(0.05)


def test_without_the_block_who_registered_stays_listed_though_stopped(lab):
    with running(lab):
        with fleet_of(lab):
            pass
        assert listed(lab) == (["gm-1", "gm-2"], "registered")


def test_configuring_the_block_empties_the_list(lab):
    with running(lab):
        with fleet_of(lab):
            assert listed(lab)[0] == ["gm-1", "gm-2"]
        configure(lab, UNICAST)
        assert listed(lab) == ([], "active")


def test_unicast_a_stopped_member_leaves_after_the_retransmissions(lab):
    # A v1 list has no counters for each member. On this clock one has a moment to acknowledge.
    lab.clock = {"speed": 1}
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", SITES))
    with running(lab):
        configure(lab, V2_UNICAST)
        with fleet_of(lab, gm_2={"stop_after": 1}) as fleet:
            fleet.wait_for('"stopped"')
            assert listed(lab) == (["gm-1", "gm-2"], "active")
            configure(lab, V2_UNICAST, encryption_algorithm="aes-256-cbc")
            fleet.wait_for('"rekeyed"')
            # Three copies, two seconds apart.
            listed_within(lab, ["gm-1"])
            (result,) = play(lab, [INFO]).tasks
            (group,) = result["hub-1"]["groups"]
            (member,) = group["members"]
            assert (member["push_sent"], member["push_acknowledged"]) == (1, 1)


def test_multicast_a_stopped_member_stays_listed(lab):
    with running(lab):
        configure(lab, MULTICAST)
        with fleet_of(lab, gm_2={"stop_after": 1}) as fleet:
            fleet.wait_for('"stopped"')
            joined(MULTICAST["multicast_group"])
            configure(lab, {**MULTICAST, **COPIES}, encryption_algorithm="3des-cbc")
            fleet.wait_for('"rekeyed"')
            # By then an unacknowledged unicast rekey would have taken the member off the list.
            pass_time(
                lab, 2 * COPIES["retransmission_period"] * (1 + COPIES["number_of_retransmission"])
            )
            assert listed(lab) == (["gm-1", "gm-2"], "registered_since_configured")
            assert {e["member"] for e in events(fleet, "rekeyed")} == {"gm-1"}


def test_a_rekey_gets_through_a_bad_link(lab):
    with running(lab):
        configure(lab, UNICAST, number_of_retransmission=8)
        bad = {"drop": 0.3, "duplicate": 0.3, "reorder": 0.3, "delay": 0.05}
        with fleet_of(lab, gm_1=bad, gm_2=bad) as fleet:
            configure(lab, UNICAST, number_of_retransmission=8, encryption_algorithm="des-cbc")
            fleet.wait_for('"rekeyed"', count=2)
            rekeyed = events(fleet, "rekeyed")
            assert len({e["kek_spi"] for e in rekeyed}) == 1
            assert len(rekeyed) == 2


def test_a_killed_server_is_noticed_by_missing_heartbeats(lab):
    lab.clock = {"speed": 60}
    with running(lab) as server:
        configure(lab, UNICAST, heartbeat=60)
        with fleet_of(lab) as fleet:
            fleet.wait_for('"heartbeat"', count=2)
            server.kill()
            again = Process("serve", lab.file)
            try:
                again.wait_for("ready:")
                fleet.wait_for('"registered"', count=4)
                listed_within(lab, ["gm-1", "gm-2"])
                reasons = {e["reason"] for e in events(fleet, "reregistering")}
                assert reasons == {"3 heartbeats missed"}
            finally:
                again.stop()


def test_operators_see_keys_and_associations(lab):
    # Group VPNv1 has no statistics of a server.
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", SITES))
    with running(lab):
        configure(lab, V2_UNICAST)
        with fleet_of(lab):
            texts = [
                ask(lab, "hub-1", rpc)
                for rpc in (
                    "get-security-group-vpn-server-kek-sa",
                    "get-security-group-vpn-server-security-information",
                    "get-security-group-vpn-server-ike-security-associations-information",
                    "get-security-group-vpn-server-stats",
                )
            ]
            for text, words in zip(
                texts,
                (
                    ("life-remaining", "initiator-cookie"),
                    ("sa-spi", "sa-hard-lifetime"),
                    ("ike-sa-remote-address", "127.0.1.2"),
                    ("group-vpn-pull-succeeded",),
                ),
                strict=True,
            ):
                assert all(word in text for word in words), text


_NAMESPACES = os.geteuid() == 0 and shutil.which("ip") is not None


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@pytest.fixture
def veth() -> Iterator[tuple[str, str]]:
    """Two network namespaces with a cable between them: 192.0.2.1 and 192.0.2.11, .12."""
    names = (f"gv-hub-{os.getpid()}", f"gv-gm-{os.getpid()}")
    try:
        for name in names:
            _run("ip", "netns", "add", name)
    except subprocess.CalledProcessError as error:
        subprocess.run(["ip", "netns", "del", names[0]], check=False, capture_output=True)
        pytest.skip(f"network namespaces cannot be made: {error.stderr.decode().strip()}")
    try:
        cable = ("type", "veth", "peer", "wan", "netns", names[1])
        _run("ip", "-n", names[0], "link", "add", "ge1", *cable)
        for name, link, *addresses in (
            (names[0], "ge1", "192.0.2.1"),
            (names[1], "wan", "192.0.2.11", "192.0.2.12"),
        ):
            for address in addresses:
                _run("ip", "-n", name, "address", "add", f"{address}/24", "dev", link)
            for up in ("lo", link):
                _run("ip", "-n", name, "link", "set", up, "up")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.mark.skipif(not _NAMESPACES, reason="network namespaces need root and iproute2")
def test_multicast_leaves_by_the_configured_interface_between_namespaces(tmp_path, veth):
    smc = "set security group-vpn server group G1 server-member-communication "
    block = (
        smc + "communication-type multicast multicast-group 233.252.0.9",
        smc + "multicast-outgoing-interface ge-0/0/1.0 heartbeat 60",
        smc + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha1",
    )
    sites = {"gm-1": "192.0.2.11", "gm-2": "192.0.2.12"}
    lab = LabDirectory(tmp_path, clock={"speed": 60})
    lab.add_device(
        "hub-1",
        "v1",
        hub_config("hub-1", "v1", sites, extra=block),
        netconf={"address": "127.0.0.1", "port": 8300},
        gdoi={"address": "192.0.2.1", "port": 848},
        interfaces={"ge-0/0/1.0": "ge1"},
    )
    for name, address in sites.items():
        lab.add_member(name, "hub-1", address)
    lab.write()

    def inside(namespace: str, command: str, *options: str) -> Process:
        prefix = ["ip", "netns", "exec", namespace, sys.executable]
        return Process(command, lab.file, *options, prefix=prefix)

    server = inside(veth[0], "serve")
    fleet = None
    try:
        server.wait_for("ready:")
        fleet = inside(veth[1], "members", "--events")
        fleet.wait_for('"registered"', count=2)
        # A heartbeat every 60 s on a clock that runs 60 times as fast.
        fleet.wait_for('"heartbeat"', count=6)
        numbers = [e["sequence"] for e in events(fleet, "heartbeat") if e["member"] == "gm-1"]
        assert numbers == sorted(set(numbers))
    finally:
        for process in (fleet, server):
            if process is not None:
                process.stop()


def test_certificates_of_the_lab_file_prove_a_dynamic_member_and_sign_its_rekeys(lab):
    authority = Authority(time.time())
    lab.path.joinpath("ca.pem").write_bytes(
        authority.certificate.public_bytes(serialization.Encoding.PEM)
    )
    signed = (
        "ike proposal rsa authentication-method rsa-signatures",
        "ike proposal rsa dh-group group14",
        "ike policy certified proposals rsa",
        "ike policy certified certificate local-certificate hub",
        "ike gateway home ike-policy certified",
        "ike gateway home dynamic hostname home.example.net",
        "group G1 ike-gateway home",
    )
    lab.add_device(
        "hub-1",
        "v1",
        hub_config(
            "hub-1", "v1", {}, extra=tuple(f"set security group-vpn server {s}" for s in signed)
        ),
        trusted_ca=["ca.pem"],
        certificates={
            "hub": write_pem(lab.path, "hub", authority.credentials("127.0.0.1", "hub.example.net"))
        },
    )
    with running(lab):
        configure(lab, UNICAST, certificate="hub")
        lab.members.append(
            {
                "name": "home",
                "server": "hub-1",
                "group": 1,
                "address": "127.0.1.9",
                "identity": "home.example.net",
                "trusted_ca": ["ca.pem"],
                **write_pem(lab.path, "home", authority.credentials("home.example.net")),
            }
        )
        lab.write()
        fleet = Process("members", lab.file, "--events")
        try:
            fleet.wait_for('"registered"')
            configure(lab, UNICAST, encryption_algorithm="aes-256-cbc", certificate="hub")
            fleet.wait_for('"rekeyed"')
        finally:
            fleet.stop()


def up(lab: LabDirectory, name: str) -> str:
    """What a server shows of its cluster, once its peer has answered the last probe."""
    end = time.monotonic() + 60
    while True:
        shown = ask(lab, name, "get-security-group-vpn-svr-svr-cluster-info")
        if "<peer-status>Up</peer-status>" in shown:
            return shown
        assert time.monotonic() < end, shown


def test_a_sub_server_shares_the_roots_keys_and_carries_on_without_it(lab):
    """Two key servers, each at an address of its own: a cluster's servers use one port."""
    lab.clock = {"speed": 10}
    server = "set security group-vpn server"
    hubs = {"hub-1": ("127.0.2.1", "root-server"), "hub-2": ("127.0.2.2", "sub-server")}
    block = "group G1 server-member-communication"
    (port,) = free_ports(1, socket.SOCK_DGRAM)
    for name, (address, role) in hubs.items():
        other = next(a for n, (a, _) in hubs.items() if n != name)
        lines = (
            "ike gateway peer ike-policy pol",
            f"ike gateway peer address {other}",
            "ike gateway peer dead-peer-detection always-send",
            "ike gateway peer dead-peer-detection threshold 1",
            f"group G1 server-cluster server-role {role}",
            "group G1 server-cluster ike-gateway peer",
            f"{block} encryption-algorithm aes-256-cbc",
            f"{block} sig-hash-algorithm sha-256",
            f"{block} lifetime-seconds 300",
        )
        config = hub_config(name, "v2", SITES, extra=tuple(f"{server} {line}" for line in lines))
        lab.add_device(name, "v2", config, gdoi={"address": address, "port": port})
    lab.add_member("site-1", "hub-1", SITES["gm-1"])
    lab.add_member("site-2", "hub-2", SITES["gm-2"])
    lab.write()
    # A process for each, so that one can be killed.
    servers: dict[str, Process] = {}
    try:
        for name in hubs:
            alone = LabDirectory(lab.path / name)
            alone.path.mkdir()
            alone.devices = [d for d in lab.devices if d["name"] == name]
            alone.configs, alone.clock = {name: lab.configs[name]}, lab.clock
            servers[name] = alone.serve()
        hosts = [(lab.path / name / "known_hosts").read_text() for name in hubs]
        (lab.path / "known_hosts").write_text("".join(hosts))
        fleet = Process("members", lab.file, "--events")
        try:
            fleet.wait_for('"registered"', count=2)
            events = [json.loads(line) for line in fleet.output if '"registered"' in line]
            assert events[0]["kek_spi"] == events[1]["kek_spi"]
            assert events[0]["spis"] == events[1]["spis"]
            for name, (_, role) in hubs.items():
                assert role in up(lab, name)
            servers["hub-1"].kill()
            # A sub-server refuses members until it has its root's keys.
            before = sum('"member": "site-2"' in line for line in fleet.output)
            # The KEK lives half a minute of this clock: the next one is the sub-server's own.
            fleet.wait_for('"member": "site-2"', count=before + 1)
            line = [x for x in fleet.output if '"member": "site-2"' in x][before]
            assert '"rekeyed"' in line, fleet.output
        finally:
            fleet.stop()
    finally:
        for one in servers.values():
            one.stop()

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An emulated SRX that is a member, over real UDP and NETCONF: a commit changes it at once."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time

import pytest
from ncclient import manager

from keyserver.capture.sa_log import read_sa_log
from keyserver.edge.serve import LabServer
from keyserver.lab.reading import read_lab
from tests.keyserver.observer import Observer
from tests.keyserver.test_ping import MATCH, ZONES, inside
from tests.keyserver.test_srx_member import BLOCKS, MEMBER, SMC, site_config
from tests.lab import ask, by_ncclient, hub_config, listed_within
from tests.processes import Process, free_ports

HUB, SITE = "127.0.0.1", "127.0.1.1"
SECONDS = 60
NETWORKS = ("198.51.100", "203.0.113")


def member_config(generation: str, **more: tuple[str, ...]) -> str:
    """That of the other tests, on loopback addresses."""
    text = site_config(generation, (HUB,), **more)
    return text.replace("192.0.2.11", SITE).replace(f"address {SITE}/24", "address 192.0.2.11/24")


def add_both_sides(lab, generation):
    """A key server with rekeys, and an SRX that is its member."""
    (port,) = free_ports(1, socket.SOCK_DGRAM)
    block = SMC + BLOCKS[generation]
    hub = hub_config("hub-1", generation, {"gm-1": SITE}, extra=(block,))
    lab.add_device("hub-1", generation, hub, gdoi={"address": HUB, "port": port})
    own = {"address": SITE, "port": port}
    lab.add_device("site-1", generation, member_config(generation), gdoi=own)


@pytest.fixture(params=["v1", "v2"])
def running(lab, request):
    generation = request.param
    add_both_sides(lab, generation)
    lab.write()
    server = Process("serve", lab.file, "--sa-log", str(lab.path / "sa.log"))
    try:
        server.wait_for("ready:")
        yield lab, generation
    finally:
        server.stop()


def associations(lab, count):
    """The member's IPsec associations, once there are that many tunnels."""
    end = time.monotonic() + SECONDS
    while True:
        reply = ask(lab, "site-1", "get-gvpn-security-associations-information")
        if f"<total-active-tunnels>{count}</total-active-tunnels>" in reply:
            return reply
        assert time.monotonic() < end, reply
        time.sleep(0.2)


def test_a_member_registers_and_a_commit_takes_it_out_and_brings_it_back(running):
    lab, generation = running
    listed_within(lab, ["gm-1"], SECONDS)
    associations(lab, 1)
    assert SITE in ask(lab, "hub-1", "get-security-group-vpn-server-registered-members")
    with manager.connect(**by_ncclient(lab, "site-1")) as session:
        session.load_configuration(action="set", config=[f"delete {MEMBER[4:]}ipsec vpn V1"])
        session.commit()
    associations(lab, 0)
    with manager.connect(**by_ncclient(lab, "site-1")) as session:
        lines = [line for line in member_config(generation).splitlines() if " vpn V1 " in line]
        session.load_configuration(action="set", config=lines)
        session.commit()
    shown = associations(lab, 1)
    held = read_sa_log((lab.path / "sa.log").read_text().splitlines()).held
    assert {(sa.member, sa.address) for sa in held} == {("site-1/V1", SITE)}
    assert {sa.spi for sa in held} == set(re.findall("<sa-spi>([0-9a-f]+)</sa-spi>", shown))


def cookies(lab, device, rpc):
    """Initiator cookies of the KEKs that a device shows."""
    reply = ask(lab, device, rpc)
    return re.findall("<initiator-cookie>([0-9a-f]+)</initiator-cookie>", reply)


def test_a_v1_member_takes_rekeys_by_multicast(lab):
    (port,) = free_ports(1, socket.SOCK_DGRAM)
    where = "communication-type multicast multicast-group 233.252.0.9 multicast-outgoing-interface "
    lines = (SMC + BLOCKS["v1"], f"{SMC}{where}ge-0/0/1.0")
    hub = hub_config("hub-1", "v1", {"gm-1": SITE}, extra=lines)
    lab.add_device("hub-1", "v1", hub, gdoi={"address": HUB, "port": port})
    own = {"address": SITE, "port": port}
    lab.add_device("site-1", "v1", member_config("v1"), gdoi=own)
    server = lab.serve()
    try:
        associations(lab, 1)
        member = "get-gvpn-kek-security-associations-information"
        hubs = "get-security-group-vpn-server-kek-sa"
        before = cookies(lab, "site-1", member)
        assert before == cookies(lab, "hub-1", hubs) != []
        with manager.connect(**by_ncclient(lab, "hub-1")) as session:
            session.load_configuration(action="set", config=[f"{SMC}sig-hash-algorithm md5"])
            session.commit()
        end = time.monotonic() + SECONDS
        while cookies(lab, "site-1", member) == before:
            assert time.monotonic() < end
            time.sleep(0.2)
        assert cookies(lab, "site-1", member) == cookies(lab, "hub-1", hubs)
    finally:
        server.stop()


def told(observer, server, seen):
    """The observer learns of the lines that are new; how many there were."""
    lines = [line for line in server.output[seen:] if line.startswith("{")]
    for line in lines:
        observer.told(json.loads(line))
    return [json.loads(line)["event"] for line in lines]


def statistics(lab, device):
    """Counters of ``show security group-vpn member ipsec statistics``."""
    reply = ask(lab, device, "get-gvpn-ipsec-statistics-information")
    return {name: int(n) for name, n in re.findall(r"<([\w-]+)>(\d+)</", reply)}


def test_an_observer_follows_devices_that_are_members(lab):
    (port,) = free_ports(1, socket.SOCK_DGRAM)
    sites = {"gm-1": "127.0.1.1", "gm-2": "127.0.1.2"}
    block = SMC + BLOCKS["v2"]
    back = (f"{MATCH}source 203.0.113.0/24", f"{MATCH}destination 198.51.100.0/24")
    hub = hub_config("hub-1", "v2", sites, extra=(block, *back))
    lab.add_device("hub-1", "v2", hub, gdoi={"address": HUB, "port": port})
    for number, address in enumerate(sites.values(), 1):
        far = f"{NETWORKS[-number]}.0/24"
        text = member_config("v2", extra=inside(f"{NETWORKS[number - 1]}.1", far, ZONES))
        text = text.replace(SITE, address)
        own = {"address": address, "port": port}
        lab.add_device(f"site-{number}", "v2", text, gdoi=own)
    lab.write()
    observer = Observer()
    server = Process("serve", lab.file, "--events")
    try:
        server.wait_for("ready:")
        server.wait_for('"registered"', SECONDS, count=2)
        # What came twice, because an answer took its time, is ignored.
        assert set(told(observer, server, 0)) - {"ignored"} == {"registered"}
        assert observer.unreadable() == {}
        assert observer.members == {"site-1/V1", "site-2/V1"}
        seen = len(server.output)
        with manager.connect(**by_ncclient(lab, "hub-1")) as session:
            change = "set security group-vpn server ipsec proposal esp lifetime-seconds 7200"
            session.load_configuration(action="set", config=[change])
            session.commit()
        server.wait_for('"rekeyed"', SECONDS, count=2)
        assert "rekeyed" in told(observer, server, seen)
        # Both wait before they send with the new keys, and receive with both.
        assert observer.unreadable() == {}
        with manager.connect(**by_ncclient(lab, "site-1")) as session:
            line = f"ping {NETWORKS[1]}.1 source {NETWORKS[0]}.1 count 3"
            shown = session.command(line, format="text").tostring.decode()
        assert "3 packets transmitted, 3 packets received, 0% packet loss" in shown
        for site in ("site-1", "site-2"):
            counted = statistics(lab, site)
            assert counted["esp-encrypted-packets"] >= 2
            assert counted["esp-decrypted-packets"] >= 1, "neither understands the other"
            assert counted["esp-authentication-failures"] == 0
    finally:
        server.stop()


def test_a_device_says_nothing_before_it_listens(lab):
    """On a clock that stands nothing is said twice: what nobody carried would stay unsaid."""
    add_both_sides(lab, "v2")
    lab.write()
    told = []

    async def run():
        server = LabServer(read_lab(lab.file), clock=lambda: 1e9, on_member=told.append)
        await server.start()
        try:
            end = time.monotonic() + SECONDS
            while "registered" not in [one.event for one in told]:
                assert time.monotonic() < end, told
                await asyncio.sleep(0.01)
        finally:
            server.stop()

    asyncio.run(run())

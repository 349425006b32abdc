# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key server's ports, over real UDP: for GDOI, for those behind a translator, for pushes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from keyserver.config.junos_schema import Generation
from keyserver.edge.members import MemberFleet
from keyserver.edge.serve import LabServer
from keyserver.ike.main_mode import MainModeInitiator
from keyserver.ike.nat import Path
from keyserver.ike.numbers import PayloadType
from keyserver.ike.vendor import NAT_TRAVERSAL
from keyserver.ike.wire import HEADER_LENGTH, Header, Payload, decode_chain
from keyserver.lab.reading import read_lab
from keyserver.lab.specs import Lab, LabError
from tests.keyserver.test_rekey import V2_BLOCK
from tests.keyserver.world import World
from tests.lab import LabDirectory, hub_config
from tests.processes import free_ports

SECONDS = 60


def _lab(lab: LabDirectory, **gdoi) -> Lab:
    port, nat_port, push_port = free_ports(3, socket.SOCK_DGRAM)
    text = hub_config("hub-1", "v2", {"gm-1": "127.0.1.1"}, extra=(V2_BLOCK,))
    device = lab.add_device("hub-1", "v2", text)
    device["gdoi"] = {
        "address": "127.0.0.1",
        "port": port,
        "nat_port": nat_port,
        "push_port": push_port,
        **gdoi,
    }
    lab.add_member("site-1", "hub-1", "127.0.1.1")
    lab.write()
    return read_lab(lab.file)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


async def _first_message(port: int, signing_key) -> tuple[bytes, tuple[str, int]]:
    """What comes back for message 1 of main mode, with the marker, at that port; from where."""
    policy = World(signing_key, Generation.V2.value).member("127.0.1.1").registrations.policies[0]
    end = MainModeInitiator(policy, path=Path(("127.0.1.1", 5000), ("127.0.0.1", port)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.1.1", 0))
        peer.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(peer, bytes(4) + end.first(), ("127.0.0.1", port))
        async with asyncio.timeout(SECONDS):
            return await loop.sock_recvfrom(peer, 2000)


def test_who_is_behind_a_translator_is_met_at_the_port_for_it(lab, signing_key):
    made = _lab(lab)
    (device,) = made.devices

    async def meet() -> tuple[bytes, tuple[str, int]]:
        server = LabServer(Lab(made.devices, ()))
        await server.start()
        try:
            return await _first_message(device.floating_port, signing_key)
        finally:
            server.stop()

    answer, source = asyncio.run(meet())
    assert source[1] == device.floating_port
    assert answer[:4] == bytes(4)
    header = Header.decode(answer[4:])
    payloads, _ = decode_chain(header.next_payload, answer[4 + HEADER_LENGTH :])
    assert Payload(PayloadType.VENDOR_ID, NAT_TRAVERSAL) in payloads


def test_pushes_leave_from_their_own_port_and_are_acknowledged_there(lab):
    made = _lab(lab)
    seen: list[object] = []

    async def rekey() -> tuple[list[object], int]:
        async with _registered(made, seen) as server:
            groups = server.devices[0].groups
            groups.clear("G1", immediately=False, now=server.clock())
            await _until(lambda: groups.views(server.clock())[0].counters.push_acknowledged > 0)
            return seen, groups.views(server.clock())[0].counters.push_sent

    happened, sent = asyncio.run(rekey())
    assert "rekeyed" in happened
    assert sent == 1


@contextlib.asynccontextmanager
async def _registered(made: Lab, seen: list[object]) -> AsyncIterator[LabServer]:
    """The lab at work, a member of it registered; ``seen`` gets the members' events."""
    server = LabServer(Lab(made.devices, ()))
    await server.start()
    fleet = MemberFleet(made.members, server.clock, 1.0, lambda event: seen.append(event.event))
    try:
        await fleet.start()
        await _until(lambda: "registered" in seen)
        yield server
    finally:
        fleet.stop()
        server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows UDP to a raw socket")
def test_a_router_on_the_way_may_divide_what_does_not_fit(lab):
    """RFC 791: what must not be divided is lost where the way takes less than the first link."""
    made = _lab(lab)

    async def register() -> None:
        async with _registered(made, []):
            pass

    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        pytest.skip("headers of IP are for root to see")
    with raw:
        asyncio.run(register())
        assert _flags(raw, made.devices[0].gdoi.port) == {"from": {bytes(2)}, "to": {bytes(2)}}


def _flags(raw: socket.socket, port: int) -> dict[str, set[bytes]]:
    """Flags and offset in the headers of what came from and went to that port."""
    found: dict[str, set[bytes]] = {"from": set(), "to": set()}
    with contextlib.suppress(BlockingIOError):
        while packet := raw.recv(65535, socket.MSG_DONTWAIT):
            source, target = struct.unpack_from("!HH", packet, 20)
            for way, there in (("from", source), ("to", target)):
                if there == port:
                    found[way].add(packet[6:8])
    return found


def test_what_stirs_a_device_several_times_is_looked_at_once(lab):
    (spec,) = _lab(lab).devices

    async def looks() -> list[int]:
        server = LabServer(Lab((spec,), ()))
        await server.start()
        (device,) = server.devices
        seen, take = [], device.take
        device.take = lambda now: seen.append(now) or take(now)
        found = []
        for _turn in range(2):
            for _time in range(3):
                device.on_deadline_changed()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            found.append(len(seen))
        server.stop()
        return found

    assert asyncio.run(looks()) == [1, 2]


@pytest.mark.parametrize("gdoi", [{"nat_port": 8481, "port": 8481}, {"group_keys": "perhaps"}])
def test_ports_and_words_that_cannot_be_are_refused(lab, gdoi):
    with pytest.raises(LabError, match=r"nat_port|group_keys"):
        _lab(lab, **gdoi)

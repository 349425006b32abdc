# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key plane against the least that it could cost: sockets and primitives alone."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import socket
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec

from cryptography.hazmat.primitives.asymmetric import rsa

from keyserver.config.junos_schema import Generation
from keyserver.edge.udp import UdpSocket
from keyserver.gdoi.arrival import Peer
from keyserver.groups.plane import KeyPlane
from keyserver.groups.server import GroupServer
from keyserver.ike.crypto import AES_256
from keyserver.ike.dh import DH_GROUPS, DhGroup, IntegerSecret, OpenSslSecret, Provider
from keyserver.member.registrations import MemberState
from tests.benchmarks.limits import at_least, at_most
from tests.keyserver.world import V1_SMC, World, tree_of
from tests.lab import hub_config

_REGISTRATIONS, _REPEATS, _IDLE_SECONDS = 400, 5, 20
_AT_ONCE, _ASKED_PUSH = 5000, 10_000
_EXCHANGES = 40
_BLOCK = V1_SMC + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha1 heartbeat 60"
_FIRST = ipaddress.IPv4Address("127.1.0.1")


def _group_server(key: rsa.RSAPrivateKey, count: int, port: int) -> GroupServer:
    """A v1 key server with that many members of one dynamic gateway."""
    groups = GroupServer(KeyPlane(("127.0.0.1", 848), lambda _: key))
    text = hub_config("hub", "v1", {"gm-1": "127.0.0.2"}) + _BLOCK
    groups.configure(groups.read(tree_of(Generation.V1, text)), time.time())
    for n in range(count):
        peer = Peer("gm-1", (str(_FIRST + n), port))
        if n == 0:
            groups.begin(peer, 1, time.time())
        groups.by_name["G1"].members.enter(peer, time.time())
    groups.take(time.time())
    return groups


def _sink() -> socket.socket:
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(("0.0.0.0", 0))
    return sink


async def _pushed(groups: GroupServer) -> float:
    udp = await UdpSocket.bind(("127.0.0.1", 0), lambda data, source: None)
    try:
        deadline = groups.deadline()
        assert deadline is not None
        started = time.perf_counter()
        # The first thing that is due: a heartbeat or a rekey, signed and encrypted once.
        groups.expire(deadline)
        outgoing, _ = groups.take(time.time())
        for one in outgoing:
            assert isinstance(one.to, tuple)
            await udp.send_to_all(one.datagram, one.to)
        return time.perf_counter() - started
    finally:
        udp.close()


def _bare_loop(datagram: bytes, addresses: list[tuple[str, int]]) -> float:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bare:
        bare.bind(("127.0.0.1", 0))
        started = time.perf_counter()
        for address in addresses:
            bare.sendto(datagram, address)
        return time.perf_counter() - started


def push() -> Iterator[str]:
    """One rekey to many unicast members."""
    yield "### One unicast push, one signature (RSA-2048) and one encryption"
    yield ""
    yield "| members | push, ms | bare sendto loop, ms | ratio |"
    yield "|---|---|---|---|"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ratios: dict[int, float] = {}
    for count in (1_000, _ASKED_PUSH, 100_000):
        ours, bare = [], []
        for _ in range(_REPEATS):
            sink = _sink()
            port = sink.getsockname()[1]
            groups = _group_server(key, count, port)
            ours.append(asyncio.run(_pushed(groups)))
            addresses = [(str(_FIRST + n), port) for n in range(count)]
            bare.append(_bare_loop(bytes(620), addresses))
            sink.close()
        mine, floor = statistics.median(ours), statistics.median(bare)
        yield f"| {count:,} | {mine * 1e3:.1f} | {floor * 1e3:.1f} | {mine / floor:.2f} |"
        ratios[count] = mine / floor
    yield ""
    what = f"a push to {_ASKED_PUSH:,} members, time beside the bare loop"
    yield at_most(what, 1.35, ratios[_ASKED_PUSH])
    yield ""


def _registration_ms(key: rsa.RSAPrivateKey) -> float:
    """CPU of the key server alone for one registration, in ms."""
    world = World(lambda _: key, members=200)
    spent = 0.0
    for n in range(_REGISTRATIONS):
        address = f"192.0.2.{11 + n % 200}"
        member = world.member(address)
        queue = member.start(world.now)
        while queue:
            datagram = queue.pop(0)
            started = time.process_time()
            answer, _ = world.endpoint.receive(datagram, (address, 848), world.now)
            spent += time.process_time() - started
            if answer is not None:
                queue += member.receive(answer, world.now)
        assert member.state is MemberState.REGISTERED
    return spent / _REGISTRATIONS * 1e3


def _primitives_ms() -> float:
    """DH, PRF, hash and cipher calls of one registration and nothing else, in ms."""
    group = DH_GROUPS[14]
    _, peer = group.key_pair()
    started = time.process_time()
    for _ in range(_REGISTRATIONS):
        secret, _public = group.key_pair()
        shared = group.shared_secret(secret, peer)
        for data in (40, 300, 330, 360, 700, 700, 60, 400, 60, 400):
            hmac.digest(shared[:32], bytes(data), "sha256")
        for data in (512, 60, 60, 60):
            hashlib.sha256(bytes(data)).digest()
        for data in (64, 64, 96, 288, 64, 608):
            AES_256.encrypt(shared[:32], shared[:16], bytes(data))
    return (time.process_time() - started) / _REGISTRATIONS * 1e3


def registrations() -> Iterator[str]:
    """Registrations per second and core."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    # In turns: what else the machine does then falls on both.
    turns = [(_registration_ms(key), _primitives_ms()) for _ in range(3 * _REPEATS)]
    mine, floor = (statistics.median(side) for side in zip(*turns, strict=True))
    yield "### Registrations (main mode, DH group 14, SHA-256, AES-256), key server alone"
    yield ""
    yield "| what | CPU ms | per second and core | share |"
    yield "|---|---|---|---|"
    share = 100 * floor / mine
    yield f"| registration | {mine:.2f} | {1e3 / mine:.0f} | {share:.0f}% |"
    yield f"| its primitives alone | {floor:.2f} | {1e3 / floor:.0f} | 100% |"
    yield ""
    yield at_least("registrations, share of their primitives in their CPU", 65, share, " %")
    yield ""


async def _idle(groups: GroupServer) -> float:
    """Share of a core over some seconds of heartbeats and timers."""
    udp = await UdpSocket.bind(("127.0.0.1", 0), lambda data, source: None)
    started, cpu = time.monotonic(), time.process_time()
    try:
        while (left := started + _IDLE_SECONDS - time.monotonic()) > 0:
            deadline = groups.deadline()
            assert deadline is not None
            await asyncio.sleep(min(left, max(0.0, deadline - time.time()) + 0.001))
            groups.expire(time.time())
            for one in groups.take(time.time())[0]:
                assert isinstance(one.to, tuple)
                await udp.send_to_all(one.datagram, one.to)
        return (time.process_time() - cpu) / (time.monotonic() - started)
    finally:
        udp.close()


def idle() -> Iterator[str]:
    """Many members and nothing to do but heartbeats."""
    count = 10_000
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sink = _sink()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    groups = _group_server(key, count, sink.getsockname()[1])
    size = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    # Begin in the middle of a heartbeat interval, so that the seconds hold their share of one.
    groups.by_name["G1"].heartbeat.due = time.time() + _IDLE_SECONDS / 2
    share = asyncio.run(_idle(groups))
    sink.close()
    yield f"### {count:,} members at rest: a heartbeat every 60 s, rekey and retransmission timers"
    yield ""
    yield "| CPU over 20 s that hold one heartbeat to all | memory per member |"
    yield "|---|---|"
    yield f"| {share:.2%} of a core | {size:.0f} octets |"
    yield ""


def _crowd(world: World, count: int, measure: Callable[[], float]) -> tuple[int, float]:
    """(how many of so many members registered, what the key server's side of that measures)."""
    members = {address: world.member(address) for address in _gateways(count).values()}
    queue = [(a, d) for a, member in members.items() for d in member.start(world.now)]
    spent = 0.0
    while queue:
        before = measure()
        answers = [(a, world.device.datagram(d, (a, 848), world.now)[0]) for a, d in queue]
        spent += measure() - before
        queue = [
            (address, datagram)
            for address, answer in answers
            if answer is not None
            for datagram in members[address].receive(answer, world.now)
        ]
    return sum(m.state is MemberState.REGISTERED for m in members.values()), spent


def _kept(key: rsa.RSAPrivateKey) -> float:
    """Octets that the key server keeps of all that registered: phase 1s, pulls, the list."""
    world = World(lambda _: key, gateways=_gateways(_AT_ONCE))
    tracemalloc.start()
    try:
        _, kept = _crowd(world, _AT_ONCE, lambda: float(tracemalloc.get_traced_memory()[0]))
    finally:
        tracemalloc.stop()
    return kept


def at_once() -> Iterator[str]:
    """A large group comes at the same instant, and a device with as many gateways starts."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    started = time.process_time()
    world = World(lambda _: key, gateways=_gateways(_AT_ONCE))
    start = time.process_time() - started
    count, spent = _crowd(world, _AT_ONCE, time.process_time)
    memory, share = _kept(key) / 1e6, 100 * count / _AT_ONCE
    yield f"### {_AT_ONCE:,} members register at the same instant"
    yield ""
    yield (
        "| registered in the first round | key server's CPU | its memory "
        "| start with as many gateways, CPU |"
    )
    yield "|---|---|---|---|"
    yield f"| {count:,} | {spent:.1f} s | {memory:.0f} MB | {start:.2f} s |"
    yield ""
    yield at_least(f"{_AT_ONCE:,} members that register at once, share", 100, share, " %")
    yield ""
    yield at_most(f"a start with {_AT_ONCE:,} gateways, CPU", 2, start, " s")
    yield ""


def key_exchanges() -> Iterator[str]:
    """Both providers of finite-field Diffie-Hellman: OpenSSL, and integers when that ends.

    Beside them what GMP needs for the same two powers, where it is installed.
    """
    yield "### A key pair and a shared secret, CPU ms"
    yield ""
    yield "| DH group | OpenSSL | Python's integers | GMP (gmpy2) |"
    yield "|---|---|---|---|"
    for number in (1, 2, 5, 14, 24):
        group = DH_GROUPS[number]
        openssl = f"{_exchange_ms(group, OpenSslSecret):.2f}" if group.named else "not used"
        integers = f"{_exchange_ms(group, IntegerSecret):.2f}"
        yield f"| {number} | {openssl} | {integers} | {_gmp_ms(group)} |"
    yield ""


def _gmp_ms(group: DhGroup) -> str:
    """Two powers with an exponent of 256 bits; words where there is no gmpy2."""
    if find_spec("gmpy2") is None:
        return "not installed"
    power = import_module("gmpy2").powmod
    exponent, base = secrets.randbits(256) | 1 << 255, group.generator
    started = time.process_time()
    for _ in range(2 * _EXCHANGES):
        base = power(base, exponent, group.prime)
    return f"{(time.process_time() - started) / _EXCHANGES * 1e3:.2f}"


def _exchange_ms(group: DhGroup, provider: Provider) -> float:
    _, peer = group.key_pair(provider)
    started = time.process_time()
    for _ in range(_EXCHANGES):
        secret, _public = group.key_pair(provider)
        group.shared_secret(secret, peer)
    return (time.process_time() - started) / _EXCHANGES * 1e3


def _gateways(count: int) -> dict[str, str]:
    return {f"gm-{n}": str(_FIRST + n) for n in range(count)}


SECTIONS = {
    "push": push,
    "registrations": registrations,
    "exchanges": key_exchanges,
    "at_once": at_once,
    "rest": idle,
}

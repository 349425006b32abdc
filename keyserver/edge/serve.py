# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The edge: sockets, the clock and the event loop around sans-IO devices.

One loop serves all devices of a lab: NETCONF over SSH through asyncssh, GDOI over UDP.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from ..capture.keylog import KeySink, NoKeyLog
from ..capture.sa_log import Holder, SaLog
from ..config.store import StoreDamaged, StoreFailed
from ..config.tree import Tree
from ..gdoi.arrival import RefusedPeer
from ..groups.pushes import Door, MulticastTarget, Outgoing
from ..lab.known_hosts import with_keys
from ..lab.specs import DeviceSpec, Endpoint, Lab, LabError
from ..lab.text import read_text
from ..lab.writing import writing
from ..member.events import MemberEvent
from ..srx import Device, LabConfigurationError, Surroundings, read_initial, read_leniently
from ..srx_member.outbox import MemberOfGroup
from .addresses import why_unusable
from .channel import USUAL, Waits
from .clock import Clock, lab_clock
from .counting import counted
from .held import held_associations
from .ration import Ration
from .ssh import host_keys, listen
from .turns import Turns, Workers
from .udp import UdpSocket

log = logging.getLogger("keyserver")

# A turn of the loop costs what there are sockets: a thousand devices are not opened one by one.
_AT_ONCE = 50
# Of a thousand devices each would have to read what each of the others sends.
_MOST_HEAR = 100


@contextlib.contextmanager
def _named(device: str, endpoint: Endpoint) -> Iterator[None]:
    """What cannot be listened to is a fault of the lab file that says where."""
    try:
        yield
    except OSError as error:
        place, why = f"{endpoint.host}:{endpoint.port}", why_unusable(endpoint, error)
        raise LabError(f"{device}: cannot listen at {place}: {why}") from error


@contextlib.contextmanager
def _store_named(device: str) -> Iterator[None]:
    """What a store cannot do is said with its device: it need not be the first one's."""
    try:
        yield
    except (StoreDamaged, StoreFailed) as error:
        raise LabError(f"{device}: {error}") from None


class _KeyPlane:
    """The GDOI socket and the timers of one device."""

    def __init__(
        self,
        spec: DeviceSpec,
        initial: Callable[[], Tree],
        clock: Clock,
        speed: float,
        around: Surroundings,
        on_event: Callable[[object], None],
    ) -> None:
        # Deaf as yet: what the device stirs up in the meantime is done when it listens.
        self._soon = True
        self._on_event = on_event
        self.device = Device(spec, initial, clock(), replace(around, on_activity=self.stir))
        self._clock, self._speed = clock, speed
        self._sockets: dict[Door, UdpSocket] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._ration = Ration()
        self._groups: dict[tuple[str, int, str], asyncio.Task[UdpSocket | None]] = {}

    async def listen(self) -> None:
        """Open the sockets; raises OSError."""
        spec = self.device.spec
        if spec.gdoi is None:
            return
        for door, port in (
            (Door.GDOI, spec.gdoi.port),
            (Door.FLOATING, spec.floating_port),
            (Door.PUSH, spec.push_port),
        ):
            if port is not None:
                received = partial(self._received, door)
                self._sockets[door] = await UdpSocket.bind(
                    (spec.gdoi.host, port), received, spec.interfaces
                )

    def begin(self) -> None:
        """Look at the clock for the first time."""
        self._soon = False
        self.stir()

    def close(self) -> None:
        """Stop timers and close the sockets."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._sending:
            task.cancel()
        for joined in self._groups.values():
            joined.cancel()
            if joined.done() and not joined.cancelled() and (listener := joined.result()):
                listener.close()
        for one in self._sockets.values():
            one.close()

    def stir(self) -> None:
        """Something happened: send and look at the clock again, once, when the loop is free."""
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._work)

    def _received(self, door: Door, data: bytes, addr: tuple[str, int]) -> None:
        name, floated = self.device.spec.name, door is Door.FLOATING
        try:
            answer, events = self.device.datagram(data, addr, self._clock(), floated)
        except Exception:
            log.exception("%s: datagram from %s failed", name, addr[0])
            return
        for event in events:
            if isinstance(event, RefusedPeer):
                self._tell_refused(event)
            else:
                log.info("%s: %s", name, event)
        if answer is not None:
            self._sockets[door].send(answer, addr)
        self.stir()

    def _tell_refused(self, event: RefusedPeer) -> None:
        name, untold = self.device.spec.name, self._ration.take(asyncio.get_running_loop().time())
        if untold is None:
            return
        if untold:
            log.warning("%s: %s more refused in the meantime", name, counted(untold, "datagram"))
        log.warning("%s: %s", name, event)

    def _work(self) -> None:
        self._soon = False
        now = self._clock()
        deadline = self.device.deadline()
        if deadline is not None and now >= deadline:
            self.device.expire(now)
        outgoing, events = self.device.take(now)
        deadline = self.device.deadline()
        for event in events:
            log.info("%s: %s", self.device.spec.name, event)
            self._on_event(event)
        for one in outgoing:
            self._send(one)
        self._wind(deadline, now)
        for group in self.device.key_server.listens() - self._groups.keys():
            self._groups[group] = asyncio.get_running_loop().create_task(self._join(*group))

    def _wind(self, deadline: float | None, now: float) -> None:
        """Look at the clock again at that time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            delay = max(0.0, deadline - now) / self._speed + 0.001
            self._timer = asyncio.get_running_loop().call_later(delay, self._work)

    async def _join(self, address: str, port: int, interface: str) -> UdpSocket | None:
        """Listen to a multicast group that pushes come to."""
        spec = self.device.spec
        assert spec.gdoi is not None
        own, host_interface = spec.gdoi.host, spec.interfaces.get(interface)
        received = partial(self._received, Door.GDOI)
        try:
            return await UdpSocket.join((address, port), host_interface, own, received)
        except OSError as error:
            log.warning("%s: cannot join %s: %s", spec.name, address, error.strerror or error)
            return None

    def hear(self, group_id: int, packet: bytes) -> None:
        """An ESP packet of a group reaches this device."""
        self.device.key_server.overhears(group_id, packet, self._clock())

    def _send(self, outgoing: Outgoing) -> None:
        socket = self._sockets.get(outgoing.door) or self._sockets.get(Door.GDOI)
        if socket is None:
            return
        if isinstance(outgoing.to, MulticastTarget):
            try:
                socket.send_multicast(outgoing.datagram, outgoing.to)
            except OSError as error:
                log.warning("%s: multicast push: %s", self.device.spec.name, error)
            return
        task = asyncio.get_running_loop().create_task(
            socket.send_to_all(outgoing.datagram, outgoing.to)
        )
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)


class LabServer:
    """All devices of a lab, listening."""

    def __init__(
        self,
        lab: Lab,
        clock: Clock | None = None,
        key_sink: KeySink | None = None,
        *,
        lenient: bool = False,
        sa_log: SaLog | None = None,
        on_member: Callable[[MemberEvent], None] = lambda event: None,
        waits: Waits = USUAL,
    ) -> None:
        """``lenient``: what of a configuration file is not understood is left out and logged.

        ``sa_log``: told what devices that are members install; ``on_member``: what they
        experience, each as ``DEVICE/VPN``; ``waits``: how long clients are waited for.
        """
        self._sa_log, self._on_member, self._waits = sa_log, on_member, waits
        self.lab = lab
        self._lenient = lenient
        self._key_sink = key_sink
        self.clock = clock or lab_clock(lab.speed)
        self.devices: list[Device] = []
        self._closers: list[Callable[[], None]] = []
        self._planes: list[_KeyPlane] = []
        self._files: dict[Path, str] = {}
        self._host_keys: dict[str, list[str]] = {}
        self._workers = Workers()
        # Long requests that are done must not find their stores closed.
        self._closers.append(self._workers.shutdown)

    async def start(self) -> None:
        """Open every store and socket; LabError says which one cannot be had."""
        devices = iter(self.lab.devices)
        try:
            while some := list(islice(devices, _AT_ONCE)):
                await self._start([self._opened(spec) for spec in some])
            if self.lab.known_hosts is not None:
                self._write_known_hosts(self.lab.known_hosts)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close everything; idempotent."""
        while self._closers:
            self._closers.pop()()

    def _read(self, path: Path) -> str:
        if path not in self._files:
            self._files[path] = read_text(path)
        return self._files[path]

    def _initial(self, spec: DeviceSpec) -> Tree:
        """What the device's configuration file says; asked for once in a store's life."""
        if spec.config is None:
            return {}
        text = self._read(spec.config)
        try:
            if not self._lenient:
                return read_initial(spec, text)
            tree, left_out = read_leniently(spec, text)
        except (LabConfigurationError, ValueError) as error:
            raise LabError(f"{spec.config}: {error}") from None
        for what in left_out:
            log.warning("%s: left out: %s", spec.config, what)
        return tree

    def _opened(self, spec: DeviceSpec) -> _KeyPlane:
        """The device with its store, deaf as yet."""
        around = Surroundings(
            self._key_sink or NoKeyLog(),
            on_trouble=partial(log.error, "%s: %s", spec.name),
            internet=partial(self._carry, spec.name),
            begin=self._workers.foreseen,
        )
        happened = partial(self._happened, spec.name)
        initial = partial(self._initial, spec)
        with _store_named(spec.name):
            key_plane = _KeyPlane(spec, initial, self.clock, self.lab.speed, around, happened)
        device = key_plane.device
        self.devices.append(device)
        self._closers.append(device.close)
        self._closers.append(key_plane.close)
        self._planes.append(key_plane)
        return key_plane

    async def _start(self, planes: list[_KeyPlane]) -> None:
        # All end before one's error is raised: what is open by then is closed with the rest.
        ends = await asyncio.gather(*map(self._listen, planes), return_exceptions=True)
        for error in filter(None, ends):
            raise error
        for plane in planes:
            with _store_named(plane.device.spec.name):
                plane.device.rest()
            plane.begin()

    async def _listen(self, key_plane: _KeyPlane) -> None:
        device, spec = key_plane.device, key_plane.device.spec
        if spec.netconf is not None:
            with _store_named(spec.name), _named(spec.name, spec.netconf):
                await self._listen_ssh(device)
        if spec.gdoi is not None:
            with _named(spec.name, spec.gdoi):
                await key_plane.listen()

    def _happened(self, device: str, event: object) -> None:
        """What one device sends with, the others of its group hear."""
        if not isinstance(event, MemberOfGroup):
            return
        name = f"{device}/{event.vpn}"
        self._on_member(replace(event.event, member=name))
        if event.event.held is None:
            return
        if self._sa_log is not None:
            holder = Holder(name, event.event.group)
            held = held_associations(holder, event.address, event.traffic)
            self._sa_log.look(holder, held, event.traffic.sends_with, event.event.time)
        others = [plane for plane in self._planes if plane.device.spec.name != device]
        if event.packet:
            for plane in random.sample(others, min(len(others), _MOST_HEAR)):
                plane.hear(event.event.group, event.packet)

    def _carry(self, sender: str, packet: bytes, now: float) -> list[bytes]:
        """An IPv4 packet of one device reaches the others: those that have its address answer."""
        others = (device for device in self.devices if device.spec.name != sender)
        return [answer for other in others for answer in other.key_server.arrives(packet, now)]

    async def _listen_ssh(self, device: Device) -> None:
        endpoint = device.spec.netconf
        assert endpoint is not None
        turns = Turns(self._workers, lambda: device.on_deadline_changed(), self.lab.speed)
        keys = host_keys(device)
        self._host_keys[f"[{endpoint.host}]:{endpoint.port}"] = [
            " ".join(key.export_public_key().decode().split()[:2]) for key in keys
        ]
        self._closers.append(await listen(device, keys, endpoint, turns, self.clock, self._waits))

    def _write_known_hosts(self, path: Path) -> None:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            before = read_text(path) if path.exists() else ""
            path.write_text(with_keys(path, before, self._host_keys), encoding="utf-8")

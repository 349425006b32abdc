# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lab in an event loop of its own, in a thread, for callers that have none."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from ..lab.specs import DeviceSpec, Endpoint, Lab, LabError, MemberSpec
from ..member.events import MemberEvent
from ..srx import Device
from .addresses import why_unusable
from .members import MemberFleet
from .serve import LabServer

T = TypeVar("T")
_TRIES = 5
"""A port may be taken by somebody else between our choice and our bind."""


class BackgroundLab:
    """Key servers, and members when asked for; every call returns when it is done."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._server: LabServer | None = None
        self._fleet: MemberFleet | None = None
        self._missing: set[str] = set()
        self._all_in = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lab", daemon=True)

    def start(self) -> None:
        """Listen, at free ports and with nothing kept on disk. Raises LabError."""
        self._thread.start()
        try:
            self._run(self._listen)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything; idempotent."""
        if self._loop.is_closed():
            return
        self._run(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def devices(self) -> list[Device]:
        """The devices; what is done with them is done through :meth:`call`."""
        return self._server.devices if self._server is not None else []

    def call(self, work: Callable[[], T]) -> T:
        """What a function returns that the loop's thread carries out."""

        async def done() -> T:
            return work()

        return self._run(done)

    def start_members(self, seconds: float) -> None:
        """Start the lab's members, unless they run, and wait until all have registered.

        Raises LabError, and TimeoutError that names who has not registered after ``seconds``.
        """
        self._run(lambda: self._register(seconds))

    def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result()

    async def _listen(self) -> None:
        for left in reversed(range(_TRIES)):
            server = LabServer(_at_free_ports(self._lab))
            try:
                await server.start()
            except LabError as error:
                cause = error.__cause__
                taken = isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE
                if not taken or not left:
                    raise
            else:
                self._server, self._lab = server, server.lab
                return

    async def _close(self) -> None:
        if self._fleet is not None:
            self._fleet.stop()
        if self._server is not None:
            self._server.stop()
        # Connections that are being closed say so to their peers.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # A socket is closed in the turn behind the one that asks for it.
        await asyncio.sleep(0)

    async def _register(self, seconds: float) -> None:
        if self._fleet is None:
            await self._start_fleet()
        try:
            await asyncio.wait_for(self._all_in.wait(), seconds)
        except TimeoutError:
            names = ", ".join(sorted(self._missing))
            raise TimeoutError(
                f"not registered after {seconds:g} s: {names}; compare their psk and group with "
                "the key server's configuration, or wait longer"
            ) from None

    async def _start_fleet(self) -> None:
        assert self._server is not None
        self._missing = {member.name for member in self._lab.members}
        if not self._missing:
            self._all_in.set()
        clock, speed = self._server.clock, self._lab.speed
        self._fleet = MemberFleet(self._lab.members, clock, speed, self._observe)
        await self._fleet.start()

    def _observe(self, event: MemberEvent) -> None:
        if event.event == "registered":
            self._missing.discard(event.member)
        if not self._missing:
            self._all_in.set()


def _at_free_ports(lab: Lab) -> Lab:
    devices = {device.name: _moved(device) for device in lab.devices}
    members = tuple(_following(member, devices) for member in lab.members)
    return replace(lab, devices=tuple(devices.values()), members=members)


def _moved(device: DeviceSpec) -> DeviceSpec:
    netconf, gdoi = device.netconf, device.gdoi
    host = gdoi.host if gdoi is not None else ""
    return replace(
        device,
        state=None,
        netconf=netconf and Endpoint(netconf.host, _free_port(netconf.host, socket.SOCK_STREAM)),
        gdoi=gdoi and Endpoint(host, _free_port(host, socket.SOCK_DGRAM)),
        floating_port=device.floating_port and _free_port(host, socket.SOCK_DGRAM),
        push_port=device.push_port and _free_port(host, socket.SOCK_DGRAM),
    )


def _following(member: MemberSpec, devices: dict[str, DeviceSpec]) -> MemberSpec:
    device = devices.get(member.server_name)
    if device is None or device.gdoi is None:
        return member
    return replace(member, server=device.gdoi, server_nat_port=device.floating_port)


def _free_port(host: str, kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as trial:
        try:
            trial.bind((host, 0))
        except OSError as error:
            raise LabError(f"{host}: {why_unusable(Endpoint(host, 0), error)}") from error
        return int(trial.getsockname()[1])

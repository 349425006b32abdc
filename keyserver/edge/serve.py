# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The edge: sockets, the clock and the event loop around sans-IO devices.

One loop serves all devices of a lab: NETCONF over SSH through asyncssh, GDOI over UDP.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import socket
from collections.abc import Callable
from pathlib import Path

import asyncssh

from ..capture.keylog import KeySink
from ..config.tree import Tree
from ..gdoi.arrival import RefusedPeer
from ..groups.pushes import MulticastTarget, Outgoing
from ..lab import DeviceSpec, Lab, LabError, User
from ..netconf.session import NetconfSession
from ..srx import Device, LabConfigurationError, read_initial
from .clock import Clock, lab_clock
from .udp import UdpSocket

log = logging.getLogger("keyserver")
CHANNELS_PER_CONNECTION = 10
LOGIN_SECONDS = 30
_EXEC_FORMS = ("netconf", "xml-mode netconf need-trailer", "xml-mode netconf")


class _Channel(asyncssh.SSHServerSession[bytes]):
    """One SSH channel that carries NETCONF."""

    def __init__(self, device: Device, clock: Clock, user: str, ended: Callable[[], None]) -> None:
        self._device, self._clock, self._user, self._ended = device, clock, user, ended
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None
        self._session: NetconfSession | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def pty_requested(self, *_: object) -> bool:
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "netconf"

    def exec_requested(self, command: str) -> bool:
        return command in _EXEC_FORMS

    def session_started(self) -> None:
        assert self._channel is not None
        self._session = self._device.open_session(self._user, self._clock())
        self._session.terminate = self._channel.abort
        self._channel.write(self._session.greeting())

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self._session is None or self._channel is None or self._session.closing:
            return
        try:
            answer = self._session.receive(data, self._clock())
        except Exception:
            # A fault of ours must not take the other devices of the lab down.
            log.exception("%s: session failed", self._device.spec.name)
            self._session.closing = True
            answer = b""
        if answer:
            self._channel.write(answer)
        if self._session.closing:
            self._session.end(self._clock())
            self._channel.exit(0)

    def eof_received(self) -> bool:
        # What was asked has been answered already: writes are in order before the close. Like
        # sshd, end the session: a client that closed its input must not wait for its own kill.
        if self._channel is not None:
            self._channel.exit(0)
        return False

    def pause_writing(self) -> None:
        # A reader that is slower than its own requests must not fill our memory.
        if self._channel is not None:
            self._channel.pause_reading()

    def resume_writing(self) -> None:
        if self._channel is not None:
            self._channel.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._session is not None:
            self._session.end(self._clock())
        self._ended()


def _acknowledge_at_once(connection: asyncssh.SSHServerConnection) -> None:
    """Acknowledge every segment when it comes, not 40 ms later.

    OpenSSH's client leaves Nagle's algorithm on: small packets that follow one another, as those of
    a login do, wait for our kernel's acknowledgement. The kernel forgets that it was told so.
    """
    raw = connection.get_extra_info("socket")
    if raw is None or not hasattr(socket, "TCP_QUICKACK"):
        return
    take = connection.data_received

    def received(data: bytes, datatype: int | None = None) -> None:
        take(data, datatype)
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    # Put in its place: asyncssh has no hook between the packets of a key exchange.
    connection.data_received = received  # type: ignore[method-assign]


class _Login(asyncssh.SSHServer):
    """Authentication of one SSH connection."""

    def __init__(self, device: Device, clock: Clock) -> None:
        self._device, self._clock = device, clock
        self._users = {user.name: user for user in device.spec.users}
        self._user: User | None = None
        self._open = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        _acknowledge_at_once(conn)

    def begin_auth(self, username: str) -> bool:
        self._user = self._users.get(username)
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        known = self._users.get(username)
        expected = known.password if known is not None else None
        return expected is not None and hmac.compare_digest(expected.encode(), password.encode())

    def public_key_auth_supported(self) -> bool:
        return self._user is not None and self._user.authorized_key is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        if self._user is None or self._user.authorized_key is None:
            return False
        try:
            return key == asyncssh.import_public_key(self._user.authorized_key)
        except asyncssh.KeyImportError:
            return False

    def session_requested(self) -> _Channel | bool:
        if self._open >= CHANNELS_PER_CONNECTION or self._user is None:
            return False
        self._open += 1
        return _Channel(self._device, self._clock, self._user.name, self._channel_ended)

    def _channel_ended(self) -> None:
        self._open -= 1


class _KeyPlane:
    """The GDOI socket and the timers of one device."""

    def __init__(
        self, spec: DeviceSpec, initial: Tree, clock: Clock, speed: float, sink: KeySink | None
    ) -> None:
        self._soon = False
        self.device = Device(spec, initial, clock(), sink, on_activity=self.stir)
        self._clock, self._speed = clock, speed
        self._socket: UdpSocket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Open the socket; raises OSError."""
        endpoint = self.device.spec.gdoi
        if endpoint is not None:
            self._socket = await UdpSocket.bind(
                (endpoint.host, endpoint.port), self._received, self.device.spec.interfaces
            )

    def close(self) -> None:
        """Stop timers and close the socket."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._sending:
            task.cancel()
        if self._socket is not None:
            self._socket.close()

    def stir(self) -> None:
        """Something happened: send and look at the clock again, once, when the loop is free."""
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._work)

    def _received(self, data: bytes, addr: tuple[str, int]) -> None:
        name = self.device.spec.name
        try:
            answer, events = self.device.datagram(data, addr, self._clock())
        except Exception:
            log.exception("%s: datagram from %s failed", name, addr[0])
            return
        for event in events:
            level = logging.WARNING if isinstance(event, RefusedPeer) else logging.INFO
            log.log(level, "%s: %s", name, event)
        if answer is not None and self._socket is not None:
            self._socket.send(answer, addr)

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
        for one in outgoing:
            self._send(one)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            delay = max(0.0, deadline - now) / self._speed + 0.001
            self._timer = asyncio.get_running_loop().call_later(delay, self._work)

    def _send(self, outgoing: Outgoing) -> None:
        if self._socket is None:
            return
        if isinstance(outgoing.to, MulticastTarget):
            try:
                self._socket.send_multicast(outgoing.datagram, outgoing.to)
            except OSError as error:
                log.warning("%s: multicast push: %s", self.device.spec.name, error)
            return
        task = asyncio.get_running_loop().create_task(
            self._socket.send_to_all(outgoing.datagram, outgoing.to)
        )
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)


class LabServer:
    """All devices of a lab, listening."""

    def __init__(
        self, lab: Lab, clock: Clock | None = None, key_sink: KeySink | None = None
    ) -> None:
        self.lab = lab
        self._key_sink = key_sink
        self.clock = clock or lab_clock(lab.speed)
        self.devices: list[Device] = []
        self._closers: list[Callable[[], None]] = []
        self._files: dict[Path, str] = {}

    async def start(self) -> None:
        """Open every store and socket; LabError says which one cannot be had."""
        try:
            for spec in self.lab.devices:
                await self._start(spec)
        except BaseException:
            self.stop()
            raise
        if self.lab.known_hosts is not None:
            self._write_known_hosts(self.lab.known_hosts)

    def stop(self) -> None:
        """Close everything; idempotent."""
        while self._closers:
            self._closers.pop()()

    def _read(self, path: Path) -> str:
        if path not in self._files:
            try:
                self._files[path] = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise LabError(f"{path}: {error}") from None
        return self._files[path]

    async def _start(self, spec: DeviceSpec) -> None:
        try:
            initial = read_initial(spec, self._read(spec.config)) if spec.config else {}
        except (LabConfigurationError, ValueError) as error:
            raise LabError(f"{spec.config}: {error}") from None
        key_plane = _KeyPlane(spec, initial, self.clock, self.lab.speed, self._key_sink)
        device = key_plane.device
        self.devices.append(device)
        self._closers.append(device.close)
        self._closers.append(key_plane.close)
        try:
            if spec.netconf is not None:
                await self._listen_ssh(device)
            await key_plane.listen()
        except OSError as error:
            raise LabError(f"{spec.name}: cannot listen: {error.strerror or error}") from None
        key_plane.stir()

    async def _listen_ssh(self, device: Device) -> None:
        endpoint = device.spec.netconf
        assert endpoint is not None
        listener = await asyncssh.listen(
            endpoint.host,
            endpoint.port,
            server_factory=lambda: _Login(device, self.clock),
            # Key objects, not paths: asyncssh reads host key files again for every connection.
            server_host_keys=[device.host_key()],
            # Without ChaCha20, which OpenSSH would choose and which costs this library six times
            # what AES does.
            encryption_algs=[
                "aes128-gcm@openssh.com",
                "aes256-gcm@openssh.com",
                "aes128-ctr",
                "aes256-ctr",
            ],
            compression_algs=None,
            gss_host=None,
            line_editor=False,
            encoding=None,
            login_timeout=LOGIN_SECONDS,
            backlog=1024,
            reuse_address=True,
        )
        self._closers.append(listener.close)

    def _write_known_hosts(self, path: Path) -> None:
        lines = []
        for device in self.devices:
            endpoint = device.spec.netconf
            if endpoint is not None:
                key = device.host_key().export_public_key().decode().split()[:2]
                lines.append(f"[{endpoint.host}]:{endpoint.port} {' '.join(key)}\n")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), encoding="utf-8")

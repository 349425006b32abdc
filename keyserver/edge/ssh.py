# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NETCONF over SSH: logins, channels, and what keeps one client from hurting another."""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import socket
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import asyncssh

from ..lab import Endpoint, LabError, User
from ..netconf.work import Steps
from ..srx import Device
from .clock import Clock
from .turns import Turns

log = logging.getLogger("keyserver")

CHANNELS_PER_CONNECTION = 10
LOGIN_SECONDS = 30
PASSWORDS = 3
"""Wrong ones before the connection is closed."""
LOGIN_OCTETS = 32 * 1024
"""What a client may send before it is logged in: some fifty keys of an agent, or three passwords of
any use. A login has three to five thousand."""
KEEPALIVE_SECONDS = 60
"""A client that leaves out :data:`KEEPALIVES` of these in a row is gone, and its lock with it."""
KEEPALIVES = 3
IDLE_SECONDS = 3600
"""How long a session may ask nothing, where no idle-timeout is configured. Ansible and its like
keep sessions for minutes; one that was forgotten must not hold the lock for ever."""
BACKLOG = 256 * 1024
"""Octets of requests that wait; more is not read before they are dealt with."""
SLICE = 64 * 1024
READ = 16 * 1024
"""Octets that the kernel is asked to keep for us. All that it has is dealt with in one turn of the
loop: of the smallest packets, the 256 KiB of asyncio would be a turn of 120 ms."""
_EXEC_FORMS = ("netconf", "xml-mode netconf need-trailer", "xml-mode netconf")
# Without ChaCha20, which OpenSSH would choose and which costs this library six times what AES does.
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")
_MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)


class Waits(NamedTuple):
    """Seconds until a client is let go.

    ``hello``: until its hello is there; ``message``: from a message's first octet to its last.
    """

    hello: float = 30
    message: float = 120


USUAL = Waits()


class NetconfChannel(asyncssh.SSHServerSession[bytes]):
    """One SSH channel that carries NETCONF: a source of requests.

    A request is taken only while its answers are read, and read only while not too many wait.
    """

    def __init__(
        self,
        device: Device,
        turns: Turns,
        clock: Clock,
        waits: Waits,
        user: str,
        ended: Callable[[], None],
    ) -> None:
        self._device, self._turns, self._clock, self._waits = device, turns, clock, waits
        self._user, self._ended = user, ended
        self._outgoing: deque[bytes | memoryview] = deque()
        self._paused = self._eof = self._gone = False
        self._timer: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def pty_requested(self, *_: object) -> bool:
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "netconf"

    def exec_requested(self, command: str) -> bool:
        return command in _EXEC_FORMS

    def session_started(self) -> None:
        self._session = self._device.open_session(self._user, self._clock())
        self._session.terminate = self._channel.abort
        self._session.fault = self._fault
        self._await(self._waits.hello)
        self._watch()
        self._send(self._session.greeting())

    def _fault(self, what: str, error: Exception) -> None:
        log.error("%s: %s", self._device.spec.name, what, exc_info=error)

    # In

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self._gone:
            return
        self._last = asyncio.get_running_loop().time()
        self._session.feed(data)
        if self._session.backlog > BACKLOG:
            self._channel.pause_reading()
        self._turns.wake(self)

    def eof_received(self) -> bool:
        # What was asked is still answered; then, like sshd, the session ends.
        self._eof = True
        self._turns.wake(self)
        return True

    def _await(self, seconds: float) -> None:
        """Whole messages, a hello first, within that time."""
        self._timer = asyncio.get_running_loop().call_later(seconds, self._abandon)

    def _in_time(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        """End the session when it has asked nothing for too long."""
        configured = self._device.patience(self._user).idle
        self._idle_seconds = IDLE_SECONDS if configured is None else configured
        self._last = asyncio.get_running_loop().time()
        if self._idle_seconds:
            self._look_again(self._idle_seconds)

    def _look_again(self, seconds: float) -> None:
        self._idle = asyncio.get_running_loop().call_later(seconds, self._if_idle)

    def _if_idle(self) -> None:
        rest = self._last + self._idle_seconds - asyncio.get_running_loop().time()
        if rest > 0:
            # One timer, set again once in a while, not for every request.
            self._look_again(rest)
            return
        log.info("%s: session %d was idle", self._device.spec.name, self._session.holder.session_id)
        self._abandon()

    # Turns

    def next_steps(self) -> Steps[bytes] | None:
        if self._paused or self._gone:
            return None
        steps = self._session.turn(self._clock())
        if steps is not None:
            self._in_time()
        elif self._eof or self._session.closing:
            self._close()
        else:
            # No whole message: the rest of it has to be read.
            if self._timer is None and self._session.backlog:
                self._await(self._waits.message)
            self._channel.resume_reading()
        return steps

    def answer(self, reply: bytes) -> None:
        if self._gone:
            return
        self._last = asyncio.get_running_loop().time()
        if not self._session.greeted:
            self._await(self._waits.hello)
        self._send(reply)
        if self._session.closing:
            self._close()
        elif self._session.backlog <= BACKLOG:
            # Its last octets may have been one too many, before the message was whole.
            self._channel.resume_reading()

    def has_more(self) -> bool:
        return self._session.backlog > 0 or self._eof

    # Out

    def _send(self, data: bytes) -> None:
        """In slices: the library would move all the rest of one piece for every packet of it."""
        if len(data) <= SLICE:
            self._outgoing.append(data)
        else:
            whole = memoryview(data)
            self._outgoing.extend(whole[at : at + SLICE] for at in range(0, len(whole), SLICE))
        self._pump()

    def _pump(self) -> None:
        while self._outgoing and not self._paused:
            self._channel.write(bytes(self._outgoing.popleft()))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pump()
        self._turns.wake(self)

    # The end

    def _close(self) -> None:
        """Send what is left, then close the channel."""
        self._stop_watching()
        self._paused = False
        self._pump()
        self._turns.finish(self._end)
        self._channel.exit(0)

    def _abandon(self) -> None:
        """Let go of a client that does not do its part: it need not agree, or even be there."""
        self._forget()
        self._channel.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        self._ended()

    def _forget(self) -> None:
        self._gone = True
        self._stop_watching()
        self._outgoing.clear()
        if hasattr(self, "_session"):
            self._turns.finish(self._end)

    def _stop_watching(self) -> None:
        self._in_time()
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _end(self) -> None:
        self._session.end(self._clock())


class _Intake:
    """Stands where asyncssh takes what a client sends; it has no hook between a login's packets.

    A client that sends more than so many octets before it is let in is let go. Every segment is
    acknowledged when it comes, not 40 ms later: OpenSSH's client leaves Nagle's algorithm on, so
    small packets that follow one another, as those of a login do, wait for our kernel's
    acknowledgement. The kernel forgets that it was told so.
    """

    def __init__(self, connection: asyncssh.SSHServerConnection, octets: int) -> None:
        self._connection, self._take = connection, connection.data_received
        self._left: float = octets
        raw = connection.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ)
        self._raw = raw if hasattr(socket, "TCP_QUICKACK") else None
        connection.data_received = self._received  # type: ignore[method-assign]

    def let_in(self) -> None:
        """From now on it may send as much as it likes."""
        self._left = math.inf

    def _received(self, data: bytes, datatype: int | None = None) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._connection.abort()
            return
        self._take(data, datatype)
        if self._raw is not None:
            try:  # noqa: SIM105 (for every packet; a context manager would take as long again)
                self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            except OSError:
                pass


class Admission:
    """How many connections a device has and how fast they come, within what is configured."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.keys = _authorized_keys(device)
        self._open: set[asyncssh.SSHServerConnection] = set()
        self._recent: deque[float] = deque()

    def enter(self, connection: asyncssh.SSHServerConnection, now: float) -> str | None:
        """Count one in; why it must not stay, or None."""
        self._open.add(connection)
        self._recent.append(now)
        while self._recent[0] <= now - 60:
            self._recent.popleft()
        limits = self._device.connection_limits()
        if limits.at_once is not None and len(self._open) > limits.at_once:
            return f"connection limit of {limits.at_once} exceeded"
        if limits.a_minute is not None and len(self._recent) > limits.a_minute:
            return f"rate limit of {limits.a_minute} connections a minute exceeded"
        return None

    def leave(self, connection: asyncssh.SSHServerConnection) -> None:
        """One connection less."""
        self._open.discard(connection)

    def end(self) -> None:
        """Close what is open: the device is going."""
        for connection in list(self._open):
            connection.abort()


class Login(asyncssh.SSHServer):
    """Authentication of one SSH connection; the same methods are offered whoever asks."""

    def __init__(
        self, device: Device, turns: Turns, clock: Clock, waits: Waits, admission: Admission
    ) -> None:
        self._device, self._turns, self._clock, self._waits = device, turns, clock, waits
        self._admission = admission
        self._users = {user.name: user for user in device.spec.users}
        self._user: User | None = None
        self._doubts: asyncio.TimerHandle | None = None
        self._open = self._tried = 0
        self._next_try = 0.0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._intake = _Intake(conn, LOGIN_OCTETS)
        self._refused = self._admission.enter(conn, asyncio.get_running_loop().time())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._doubts is not None:
            self._doubts.cancel()
        self._admission.leave(self._connection)

    def begin_auth(self, username: str) -> bool:
        if self._refused is not None:
            # Not before: a client that still sends its first packets would not read the reason.
            self._connection.disconnect(asyncssh.DISC_TOO_MANY_CONNECTIONS, self._refused)
        self._user = self._users.get(username)
        return True

    def auth_completed(self) -> None:
        """Ask for signs of life, but no sooner than a first one can be missing.

        asyncssh sets its timer again for every packet; most connections end before it matters.
        """
        self._intake.let_in()
        patience = self._device.patience(self._user.name if self._user is not None else "")
        seconds = KEEPALIVE_SECONDS if patience.alive is None else patience.alive
        signs = KEEPALIVES if patience.signs is None else patience.signs
        # Otherwise asyncssh's default would hold until then.
        self._connection.set_keepalive(0)
        if seconds:
            self._doubts = asyncio.get_running_loop().call_later(
                seconds, self._connection.set_keepalive, seconds, signs
            )

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Compare, three times at most, and after a pause that grows.

        A client that asks again while it is to wait cancels this: its tries are counted before,
        and the pause holds for the next one too.
        """
        self._tried += 1
        if self._tried <= PASSWORDS:
            await self._pause()
            if self._is_password(username, password):
                return True
            self._next_try = asyncio.get_running_loop().time() + self._tried
            await self._pause()
        if self._tried >= PASSWORDS:
            self._connection.disconnect(
                asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "too many wrong passwords"
            )
        return False

    async def _pause(self) -> None:
        rest = self._next_try - asyncio.get_running_loop().time()
        if rest > 0:
            await asyncio.sleep(rest)

    def _is_password(self, username: str, password: str) -> bool:
        known = self._users.get(username)
        expected = known.password if known is not None else None
        same = hmac.compare_digest((expected or "").encode(), password.encode())
        return same and expected is not None

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._user is not None and key == self._admission.keys.get(self._user.name)

    def session_requested(self) -> NetconfChannel | bool:
        if self._open >= CHANNELS_PER_CONNECTION or self._user is None:
            return False
        self._open += 1
        return NetconfChannel(
            self._device,
            self._turns,
            self._clock,
            self._waits,
            self._user.name,
            self._channel_ended,
        )

    def _channel_ended(self) -> None:
        self._open -= 1


def _authorized_keys(device: Device) -> dict[str, asyncssh.SSHKey]:
    """The public keys of a device's users.

    Raises LabError: one that is none would keep its user out without a word.
    """
    return {
        user.name: _public_key(device, user, user.authorized_key)
        for user in device.spec.users
        if user.authorized_key is not None
    }


def _public_key(device: Device, user: User, text: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(text)
    except asyncssh.KeyImportError as error:
        raise LabError(
            f"{device.spec.name}: user {user.name}: authorized_key: a public key as "
            f"ssh-keygen writes it is expected ({error})"
        ) from None


def host_key(device: Device) -> asyncssh.SSHKey:
    """What the device proves itself with."""
    return asyncssh.import_private_key(device.host_key())


async def listen(
    device: Device,
    key: asyncssh.SSHKey,
    endpoint: Endpoint,
    turns: Turns,
    clock: Clock,
    waits: Waits,
) -> Callable[[], None]:
    """Take logins for one device, which has ``key``, until what is returned is called.

    Raises OSError, LabError.
    """
    admission = Admission(device)
    acceptor = await asyncssh.listen(
        endpoint.host,
        endpoint.port,
        server_factory=lambda: Login(device, turns, clock, waits, admission),
        # Key objects, not paths: asyncssh reads host key files again for every connection.
        server_host_keys=[key],
        encryption_algs=_CIPHERS,
        mac_algs=_MACS,
        compression_algs=None,
        gss_host=None,
        # Each session would cost a socket and a folder on the disk; nothing here asks an agent.
        agent_forwarding=False,
        line_editor=False,
        encoding=None,
        login_timeout=LOGIN_SECONDS,
        backlog=1024,
        reuse_address=True,
    )

    def close() -> None:
        acceptor.close()
        admission.end()

    return close

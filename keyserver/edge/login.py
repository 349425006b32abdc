# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logins of one SSH connection, and how long a client may be silent after its own."""

from __future__ import annotations

import asyncio
import hmac

import asyncssh

from ..lab.specs import User
from ..srx import Device
from .admission import Admission
from .channel import NetconfChannel, Waits
from .clock import Clock
from .intake import Intake
from .outlet import Outlet
from .turns import Turns

CHANNELS_PER_CONNECTION = 10
PASSWORDS = 3
"""Wrong ones before the connection is closed."""
LOGIN_OCTETS = 32 * 1024
"""What a client may send before it is logged in: some fifty keys of an agent, or three passwords of
any use. A login has three to five thousand."""
KEEPALIVE_SECONDS = 60
"""A client that leaves out :data:`KEEPALIVES` of these in a row is gone, and its lock with it."""
KEEPALIVES = 3


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
        self._intake, self._outlet = Intake(conn, LOGIN_OCTETS), Outlet(conn)
        # asyncssh would work its options out again, in a thread, for each name that logs in.
        conn.reload_config = _nothing_to_reload  # type: ignore[method-assign]
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
            self._intake,
            self._channel_ended,
        )

    def _channel_ended(self) -> None:
        self._open -= 1


async def _nothing_to_reload() -> None:
    """No file has options that depend on who logs in."""

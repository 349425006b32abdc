# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may come in to a device: how many connections, how fast, and with which public keys."""

from __future__ import annotations

from collections import deque

import asyncssh

from ..lab.specs import LabError, User
from ..srx import Device


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


def _authorized_keys(device: Device) -> dict[str, asyncssh.SSHKey]:
    """The public keys of a device's users.

    Raises LabError: a word that is not a key would keep its user out in silence.
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

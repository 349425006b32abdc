# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NETCONF over SSH: where a device listens, and which ciphers it offers."""

from __future__ import annotations

import socket
from collections.abc import Callable

import asyncssh
from asyncssh.kex import get_kex_algs

from ..config.store import damaged_key
from ..lab.specs import Endpoint
from ..srx import Device
from .addresses import family_of
from .admission import Admission
from .channel import Waits
from .clock import Clock
from .login import Login
from .turns import Turns

LOGIN_SECONDS = 30
# Without ChaCha20, which OpenSSH would choose and which costs this library six times what AES does.
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")
# What costs 2 ms of the loop at most, for whoever connects: an RSA key takes up to 80 ms, a
# Diffie-Hellman group of 8192 bits 11. And as among the digests below, no SHA-1.
_EXCHANGES = (
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
)
_MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)


def host_keys(device: Device) -> list[asyncssh.SSHKey]:
    """What the device proves itself with: a key of each kind. Raises StoreFailed."""
    try:
        return [asyncssh.import_private_key(key) for key in device.host_keys()]
    except (TypeError, ValueError):
        raise damaged_key(device.spec.state, "the SSH host key") from None


async def listen(
    device: Device,
    keys: list[asyncssh.SSHKey],
    endpoint: Endpoint,
    turns: Turns,
    clock: Clock,
    waits: Waits,
) -> Callable[[], None]:
    """Take logins for one device, which has ``keys``, until what is returned is called.

    Raises OSError, LabError.
    """
    admission = Admission(device)
    acceptor = await asyncssh.listen(
        sock=_listening(endpoint),
        server_factory=lambda: Login(device, turns, clock, waits, admission),
        # Key objects, not paths: asyncssh reads host key files again for every connection.
        server_host_keys=keys,
        # OpenSSL need not have all of them.
        kex_algs=[name for name in _EXCHANGES if name.encode() in get_kex_algs()],
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
    )

    def close() -> None:
        acceptor.close()
        admission.end()

    return close


def _listening(endpoint: Endpoint) -> socket.socket:
    # asyncio would look the address up in a thread, and since Python 3.13 hides why it failed.
    at = (endpoint.host, endpoint.port)
    return socket.create_server(at, family=family_of(endpoint.host))

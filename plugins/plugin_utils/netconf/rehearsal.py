# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A key exchange of libssh with nobody: a few octets that were laid ready (RFC 4253, RFC 8731).

OpenSSL looks an algorithm up when it is used first, which is two thirds of what a login costs. A
process that has tried them all leaves what was found to those that it forks. The exchange fails in
its last step, since nobody has signed it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Any

_KEXINIT, _NEWKEYS, _ECDH_REPLY = b"\x14", b"\x15", b"\x1f"
_HOST_KEY = "ssh-ed25519"
_CIPHER, _MAC = "aes256-gcm@openssh.com", "hmac-sha2-256"
_NAMES = ("curve25519-sha256", _HOST_KEY, _CIPHER, _CIPHER, _MAC, _MAC, "none", "none", "", "")
_COOKIE, _NO_GUESS = bytes(16), bytes(5)
_KEY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
"""A public key that anybody may have: RFC 8032, section 7.1, test 1."""
_HALF = bytes([9]) + bytes(31)
"""The base point of X25519 (RFC 7748, section 4.1)."""
_NO_SIGNATURE = bytes(64)


def rehearse(session: Any, refused: type[Exception]) -> None:
    """Have a session of the library begin; it raises ``refused`` in the end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"SSH-2.0-nobody\r\n" + _offer() + _reply() + _packet(_NEWKEYS))
        # Whatever the library still waits for, it does not come.
        theirs.shutdown(socket.SHUT_WR)
        session.set_socket(ours.dup().detach())
        with contextlib.suppress(refused):
            session.connect()


def _offer() -> bytes:
    return _packet(_KEXINIT + _COOKIE + b"".join(_string(n.encode()) for n in _NAMES) + _NO_GUESS)


def _reply() -> bytes:
    kind = _string(_HOST_KEY.encode())
    signed = _string(kind + _string(_NO_SIGNATURE))
    return _packet(_ECDH_REPLY + _string(kind + _string(_KEY)) + _string(_HALF) + signed)


def _string(octets: bytes) -> bytes:
    return struct.pack("!I", len(octets)) + octets


def _packet(payload: bytes) -> bytes:
    """A packet in clear, padded to whole blocks with four octets or more."""
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack("!IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)

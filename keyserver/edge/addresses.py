# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why an address of the lab file cannot be used on this host, and what helps."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket

from ..lab.specs import Endpoint

_USUAL_LOOPBACK = "127.0.0.1"
_FIRST_FREE_PORT = 1024


def family_of(host: str) -> socket.AddressFamily:
    """The family of an IP address."""
    version = ipaddress.ip_address(host).version
    return socket.AF_INET if version == 4 else socket.AF_INET6


def why_unusable(endpoint: Endpoint, error: OSError) -> str:
    """The system's words, with the remedy for an address or a port that we cannot have."""
    # asyncio puts the address, which the caller names, into words of its own.
    words = os.strerror(error.errno) if error.errno else str(error)
    find = _REMEDIES.get(error.errno or 0)
    remedy = find(endpoint) if find is not None else ""
    return f"{words} ({remedy})" if remedy else words


def _address(endpoint: Endpoint) -> str:
    host = endpoint.host
    if ipaddress.ip_address(host).is_loopback and host != _USUAL_LOOPBACK:
        # Linux answers for all of 127.0.0.0/8.
        return f"macOS and BSD: sudo ifconfig lo0 alias {host}"
    return f"{host} is not an address of this host"


def _port(endpoint: Endpoint) -> str:
    if not 0 < endpoint.port < _FIRST_FREE_PORT:
        return ""
    return f"ports below {_FIRST_FREE_PORT} are the system's: take a higher one, or run as root"


def _taken(_endpoint: Endpoint) -> str:
    return "stop who listens there, or take another port"


_REMEDIES = {errno.EADDRINUSE: _taken, errno.EADDRNOTAVAIL: _address, errno.EACCES: _port}

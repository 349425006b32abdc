# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why an address of the lab file cannot be used on this host, and what helps."""

from __future__ import annotations

import errno
import ipaddress

_USUAL_LOOPBACK = "127.0.0.1"


def why_unusable(host: str, error: OSError) -> str:
    """The system's words, with the remedy for an address that this host does not have."""
    words = error.strerror or str(error)
    if error.errno != errno.EADDRNOTAVAIL:
        return words
    if ipaddress.ip_address(host).is_loopback and host != _USUAL_LOOPBACK:
        # Linux answers for all of 127.0.0.0/8.
        return f"{words} (macOS and BSD: sudo ifconfig lo0 alias {host})"
    return f"{words} ({host} is no address of this host)"

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses in one form."""

from __future__ import annotations

import socket
from functools import lru_cache


@lru_cache(maxsize=4096)
def _parsed_v6(text: str) -> str | None:
    try:
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text))
    except (OSError, ValueError):
        return None


def canonical_address(text: str) -> str | None:
    """An IPv4 or IPv6 address in its one canonical form; None when it is none."""
    try:
        # inet_pton takes only four plain decimal numbers: what it took is canonical.
        socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return _parsed_v6(text)
    return text

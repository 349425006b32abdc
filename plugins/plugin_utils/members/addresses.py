# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses in one form."""

from __future__ import annotations

import re
import socket
from functools import lru_cache

# An IPv6 address has two colons at least; with one it is a name.
_LIKE_AN_ADDRESS = re.compile(
    r"(?:\d+(?:\.\d+){3}|[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)(?:/\d+)?"
)


def is_meant_as_address(text: str) -> bool:
    """Whether a name of a member is meant as an address, though it may not be one."""
    return _LIKE_AN_ADDRESS.fullmatch(text.strip()) is not None


@lru_cache(maxsize=4096)
def _parsed_v6(text: str) -> str | None:
    try:
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text))
    except (OSError, ValueError):
        return None


def canonical_address(text: str) -> str | None:
    """An IPv4 or IPv6 address in its one canonical form; None for another word."""
    try:
        # inet_pton takes only four plain decimal numbers: what it took is canonical.
        socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return _parsed_v6(text)
    return text

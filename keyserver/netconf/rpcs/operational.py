# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The operational RPCs of a device, by generation."""

from __future__ import annotations

from functools import cache

from .group_vpn.server import server_rpcs
from .platform import OperationalRpc
from .system import SYSTEM_RPCS


@cache
def operational_rpcs(generation: str) -> dict[str, OperationalRpc]:
    """Every operational RPC that a device of that generation knows, by element name."""
    return {**SYSTEM_RPCS, **server_rpcs(generation)}

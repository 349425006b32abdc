# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The operational RPCs of a device, by generation."""

from __future__ import annotations

from functools import cache

from .files import FILE_RPCS
from .group_vpn.server import server_rpcs
from .interfaces import INTERFACE_RPCS
from .platform import OperationalRpc
from .routes import ROUTE_RPCS
from .system import SYSTEM_RPCS
from .zones import ZONE_RPCS

_EVERYWHERE = {**SYSTEM_RPCS, **FILE_RPCS, **INTERFACE_RPCS, **ROUTE_RPCS, **ZONE_RPCS}


@cache
def operational_rpcs(generation: str) -> dict[str, OperationalRpc]:
    """Every operational RPC that a device of that generation knows, by element name."""
    return {**_EVERYWHERE, **server_rpcs(generation)}

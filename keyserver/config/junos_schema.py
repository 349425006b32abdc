# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The statements that the emulated SRX knows, for both Group VPN generations.

Everything is Juniper's YANG; of v1, which is older than that, ``security group-vpn`` stands in a
table of its own.
"""

from __future__ import annotations

from enum import Enum
from functools import cache

from .group_vpn_v1 import group_vpn_v1
from .schema import Statement
from .statements import Statements


class Generation(Enum):
    """Group VPN generation: v1 (RFC 3547, 10.2 to 12.3X48) or v2 (RFC 6407, 15.1X49 on)."""

    V1 = "v1"
    V2 = "v2"


@cache
def junos_schema(generation: Generation) -> Statement:
    """The whole ``[edit]`` hierarchy of the emulated SRX of that generation."""
    instead = {"security group-vpn": group_vpn_v1()} if generation is Generation.V1 else {}
    return Statements(instead).root(generation.value)

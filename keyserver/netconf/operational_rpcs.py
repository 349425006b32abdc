# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The operational RPCs under the names that the device asks for; see :mod:`.rpcs`."""

from __future__ import annotations

from .commands import command_operation
from .presentation import as_json, as_text
from .rpcs.group_vpn.server import SERVER_RPCS
from .rpcs.platform import Handler, Identity
from .rpcs.system import SYSTEM_RPCS

OPERATIONAL_RPCS: dict[str, Handler] = {**SYSTEM_RPCS, **SERVER_RPCS}

__all__ = ["OPERATIONAL_RPCS", "Identity", "as_json", "as_text", "command_operation"]

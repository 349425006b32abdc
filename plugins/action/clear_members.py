# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.clear_members``."""

from __future__ import annotations

from typing import Any

from ..plugin_utils.errors import Refused
from ..plugin_utils.members import clearing
from ..plugin_utils.members import options as member_options
from .on_device import DeviceAction


class ActionModule(DeviceAction):
    """Have members of a group, or of all groups, register anew."""

    options = member_options.clear_members()

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        if options.pop("all") == (options["group"] is not None):
            raise Refused(["group, all: give either 'group', or 'all: true' for every group"])
        request = clearing.Request(**options, check=self._task.check_mode)
        return clearing.clear(self.device(), request)

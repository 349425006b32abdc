# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.registered_members_info``."""

from __future__ import annotations

from typing import Any

from ..plugin_utils.members import options as member_options
from ..plugin_utils.members import read as members_info
from ..plugin_utils.members.asking import Choice
from .on_device import DeviceAction


class ActionModule(DeviceAction):
    """Read who is registered, and what the list means."""

    options = member_options.registered_members_info()

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        detail = options.pop("detail")
        found = members_info.read(self.device(), Choice(**options), detail)
        return {"changed": False, "asked": self._asked, **found}

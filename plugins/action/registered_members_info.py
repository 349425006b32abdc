# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.registered_members_info``."""

from __future__ import annotations

from typing import Any

from ansible_collections.groupvpn.junos.plugins.action import DeviceAction
from ansible_collections.groupvpn.junos.plugins.plugin_utils import members_info, options


class ActionModule(DeviceAction):
    """Read who is registered, and what the list means."""

    options = options.registered_members_info()

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"changed": False, **members_info.read(self.device(), **options)}

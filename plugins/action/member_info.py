# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.member_info``."""

from __future__ import annotations

from typing import Any

from ..plugin_utils.members import options as member_options
from ..plugin_utils.members import showing
from ..plugin_utils.members.shows import MEMBER
from .on_device import DeviceAction


class ActionModule(DeviceAction):
    """Read keys, associations and policies of a group member."""

    options = member_options.shown(MEMBER)

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        shown = showing.show(self.device(), MEMBER, options["gather_subset"])
        return {"changed": False, **shown}

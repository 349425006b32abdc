# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.wait_for_members``."""

from __future__ import annotations

from typing import Any

from ..plugin_utils.members import options as member_options
from ..plugin_utils.members.gate import wanted_of
from ..plugin_utils.members.wait_for import NotBack, Request, wait_for
from .on_device import DeviceAction


class ActionModule(DeviceAction):
    """Wait until members show a sign of life."""

    options = member_options.wait_for_members()

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        wanted = wanted_of(options.pop("groups"))
        request = Request(wanted, **options, check=self._task.check_mode)
        try:
            return {"changed": False, **wait_for(self.device(), request, self._say)}
        except NotBack as error:
            groups = [one.as_result() for one in error.state]
            result = {"elapsed": round(error.elapsed, 1), "groups": groups}
            return {"changed": False, "failed": True, "msg": f"{self._host}: {error}", **result}

    def _say(self, line: str) -> None:
        super()._say(f"{self._host}: {line}")

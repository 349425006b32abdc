# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.confirm_commit``."""

from __future__ import annotations

from typing import Any

from ..plugin_utils.engine import options
from ..plugin_utils.engine.transaction import CommitOptions, Device
from . import DeviceAction


class ActionModule(DeviceAction):
    """Make a confirmed commit permanent."""

    options = options.confirm_commit()

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        if not self._task.check_mode:
            commit = CommitOptions(comment=options["comment"])
            device = Device(self.device())
            # The lock is refused while somebody's uncommitted changes stand in the candidate.
            with device.editing(commit):
                device.commit(commit)
        return {"changed": True}

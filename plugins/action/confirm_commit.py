# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.confirm_commit``."""

from __future__ import annotations

from typing import Any

from ..plugin_utils.engine import confirm
from ..plugin_utils.engine.options import confirm_commit
from .on_device import DeviceAction


class ActionModule(DeviceAction):
    """Make a confirmed commit permanent."""

    options = confirm_commit()

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        request = confirm.Request(
            comment=options["comment"],
            change=confirm.change_of(options["change"]),
            untold=confirm.is_untold(options["change"]),
            made=confirm.made_by(options["change"]),
            check=self._task.check_mode,
        )
        return confirm.confirm(self.device(), request)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.server_member_communication``."""

from __future__ import annotations

from typing import Any

from ..plugin_utils.engine import apply, options
from ..plugin_utils.engine.device import CommitOptions
from ..plugin_utils.engine.plan import State
from ..plugin_utils.errors import Refused
from ..plugin_utils.resources.server_member_communication import Generation
from . import DeviceAction

LONGEST_CONFIRM_MINUTES = 65535


class ActionModule(DeviceAction):
    """Configure, read, render or parse ``server-member-communication``."""

    options = options.server_member_communication()

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        state = options["state"]
        wanted_generation = options["generation"]
        generation = None if wanted_generation == "auto" else Generation(wanted_generation)
        if state == "parsed":
            return {"changed": False, "parsed": apply.parse(options["running_config"])}
        want = apply.wanted(options["config"], generation)
        if state == "rendered":
            return {"changed": False, **apply.render(want, generation)}
        if state == "gathered":
            return {"changed": False, "gathered": apply.gather(self.device())}
        request = apply.Request(
            want=want,
            state=State(state),
            generation=generation,
            commit=_commit_options(options),
            validate_on_device=options["validate_on_device"],
            check=self._task.check_mode,
            diff=self._task.diff,
        )
        result = apply.apply(self.device(), request)
        text = result.pop("diff_text")
        if self._task.diff and text:
            result["diff"] = {"prepared": text}
        return result


def _commit_options(options: dict[str, Any]) -> CommitOptions:
    minutes = options["commit_confirmed"]
    private = options["edit_mode"] == "private"
    if minutes is not None and not 1 <= minutes <= LONGEST_CONFIRM_MINUTES:
        raise Refused(
            [f"commit_confirmed {minutes}: 1 to {LONGEST_CONFIRM_MINUTES} minutes are accepted"]
        )
    if minutes is not None and private:
        raise Refused(["commit_confirmed: not possible in private mode; use edit_mode exclusive"])
    return CommitOptions(
        comment=options["commit_comment"],
        confirmed=minutes,
        synchronize=options["commit_synchronize"],
        private=private,
        refuse_pending=options["pending_confirm"] == "refuse",
    )

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the actions of all resource modules do: states, options of the commit, the result's shape.

(A package, because each file beside the actions would need a module of its name.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...plugin_utils.engine import options, views
from ...plugin_utils.engine.apply import apply
from ...plugin_utils.engine.device import CommitOptions
from ...plugin_utils.engine.plan import State, UpdatePassword
from ...plugin_utils.engine.request import Request, refuse_unnamed, wanted_tree
from ...plugin_utils.engine.resource import Resource
from ...plugin_utils.engine.values import Generation
from ...plugin_utils.errors import Refused
from ...plugin_utils.netconf.rpc import Rpc
from ..on_device import DeviceAction

LONGEST_CONFIRM_MINUTES = 65535


class ResourceAction(DeviceAction):
    """Configure, read, render or parse a resource."""

    resource: Resource

    def __init_subclass__(cls) -> None:
        cls.resource.settle()
        cls.options = options.resource_options(cls.resource)
        super().__init_subclass__()

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do what the state asks for; the module's return values."""
        resource, state, config = self.resource, options["state"], options["config"]
        asked = options["generation"]
        generation = None if asked == "auto" else Generation(asked)
        if state == "parsed":
            return {"changed": False, **views.parse(resource, options["running_config"])}
        if state == "gathered":
            return {"changed": False, **views.gather(resource, self.device())}
        refuse_unnamed(config, state, options["all"])
        want = wanted_tree(resource, config, generation)
        if state == "rendered":
            return {"changed": False, **views.render(resource, want, generation)}
        request = Request(
            resource=resource,
            want=want,
            state=State(state),
            generation=generation,
            everything=options["all"],
            secrets=UpdatePassword(options.get("update_password") or "always"),
            commit=_commit_options(options),
            validate_on_device=options["validate_on_device"],
            check=self._task.check_mode,
            diff=self._task.diff,
            counted=_counted,
        )
        result = apply(self.device(), request)
        text = result.pop("diff_text")
        if self._task.diff and text:
            result["diff"] = {"prepared": text}
        return result


def _counted(rpc: Rpc) -> Mapping[str, int]:
    # Only a removal asks, so that nobody else pays for importing it.
    from ...plugin_utils.members.read import counted

    return counted(rpc)


def _commit_options(options: dict[str, Any]) -> CommitOptions:
    minutes = options["commit_confirmed"]
    private = options["edit_mode"] == "private"
    if minutes is not None and not 1 <= minutes <= LONGEST_CONFIRM_MINUTES:
        raise Refused(
            [
                f"commit_confirmed {minutes}: 1 to {LONGEST_CONFIRM_MINUTES} minutes are accepted; "
                "correct it"
            ]
        )
    if minutes is not None and private:
        raise Refused(
            [f"commit_confirmed {minutes}: not possible in private mode; use edit_mode exclusive"]
        )
    return CommitOptions(
        comment=options["commit_comment"],
        confirmed=minutes,
        synchronize=options["commit_synchronize"],
        private=private,
        refuse_pending=options["pending_confirm"] == "refuse",
        may_be_private=minutes is None,
    )

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.group_vpn``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.errors import Refused
from ..plugin_utils.group import options as group_options
from . import Action, named_of
from .chosen import is_for_one

_EXPECTED = "expected what 'groups' returned, or its variable"
_NO_OUTCOME = {
    "failed": "it has failed",
    "skipped": "it was skipped, and nobody has looked at any host",
}
"""Why a task that ran once has no outcome, by what its result says of it."""


class ActionModule(Action):
    """Build and run whole Group VPNs; for one host, say what became of it."""

    options = group_options.group_vpn()

    @classmethod
    def finalize_task_arg(cls, name: str, value: Any, templar: Any, context: Any) -> Any:
        """A task's argument; of a description that cannot be had whole, what can be had of it.

        Ansible ends a task with the first name that is not defined, and says not where it stands.
        """
        if name == "groups":
            # As the rest of what a run takes, nothing to the hosts that are only told of.
            from .rendered import rendered

            return rendered(value, templar)
        return super().finalize_task_arg(name, value, templar, context)

    @classmethod
    def check(cls, given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """As any action does it; a description has words of its own for what is wrong with it."""
        if "groups" not in given:
            return super().check(given)
        checked, objections = super().check({**given, "groups": []})
        return {**checked, "groups": given["groups"]}, objections

    def told(self, line: str) -> str:
        """Lines about a whole fleet say themselves who they are about."""
        return line

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["outcome"] is not None:
            return self._told_of(self._outcome(options["outcome"])["hosts"])
        # Dear to import, and nothing to the hosts that are only told of.
        from .whole import Whole

        return Whole(self._task, self._task_vars, self._templar).run(
            options, self._play_context, self._say
        )

    def _outcome(self, given: Any) -> Mapping[str, Any]:
        """What ran once has returned; a variable's name spares each host to read a template."""
        found = self._task_vars.get(given) if isinstance(given, str) else given
        if isinstance(found, Mapping) and isinstance(found.get("hosts"), Mapping):
            return found
        # A run that has failed tells of no host, and none of them is without a part in it.
        said = found if isinstance(found, Mapping) else {}
        why = next((why for word, why in _NO_OUTCOME.items() if said.get(word)), _EXPECTED)
        raise Refused([f"outcome{f' {given!r}' if isinstance(given, str) else ''}: {why}"])

    def _told_of(self, fates: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """What became of the host, or of all where one host says it for them."""
        host = str(self._task_vars.get("inventory_hostname"))
        if is_for_one(self._task, self._templar):
            return _of_all(
                {one: _of_one(one, fate, self._task.diff) for one, fate in fates.items()}
            )
        if host not in fates:
            why = "it was not in the play when the Group VPN was run, and nobody has looked at it"
            raise Refused([f"{host}: {why}; run it again"])
        return _of_one(host, fates[host], self._task.diff)


def _of_one(host: str, fate: Mapping[str, Any], diff: bool) -> dict[str, Any]:
    """A host's part in an outcome."""
    result = {
        "changed": fate["changed"],
        "did": fate["did"],
        "warnings": [named_of(host, line) for line in (*fate["warnings"], *fate["left"])],
        "msg": "; ".join([*fate["did"], *fate["left"]]) or "nothing to change",
    }
    if diff and fate["diff"]:
        result["diff"] = {"prepared": fate["diff"]}
    if fate["failures"]:
        result["msg"] = "\n".join(named_of(host, line) for line in fate["failures"])
        result["unreachable" if fate["unreachable"] else "failed"] = True
    return result


def _of_all(parts: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The parts of all hosts as one: who says it for all fails when one of them has failed."""
    failed = [part["msg"] for part in parts.values() if {"failed", "unreachable"} & part.keys()]
    did = [named_of(host, ", ".join(part["did"])) for host, part in parts.items() if part["did"]]
    return {
        "changed": any(part["changed"] for part in parts.values()),
        "failed": bool(failed),
        "did": did,
        "warnings": [line for part in parts.values() for line in part["warnings"]],
        "msg": "\n".join(failed) or "; ".join(did) or "nothing to change",
        "diff": [
            {"prepared": f"{host}:\n{part['diff']['prepared']}"}
            for host, part in parts.items()
            if "diff" in part
        ],
    }

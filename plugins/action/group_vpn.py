# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.group_vpn``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible import context
from ansible.errors import AnsibleError

from ..plugin_utils.errors import Refused
from ..plugin_utils.group import options as group_options
from ..plugin_utils.group.description import Contradiction, Description
from ..plugin_utils.group.expected import registrations
from ..plugin_utils.group.reading import HOST_VARIABLES, read
from ..plugin_utils.group.running.conduct import conduct
from ..plugin_utils.group.running.fate import Outcome
from ..plugin_utils.group.running.order import Order
from ..plugin_utils.group.running.screen import summary
from ..plugin_utils.group.variables import PREFIX, unknown, unreadable
from . import DeviceAction, _named, _plain
from .chosen import is_for_one, left_out
from .fleet import Fleet
from .rendered import rendered, unread, why

_OF_AN_ORDER = ("confirm_minutes", "timeout", "poll", "exclusive", "comment")
"""Options that the core knows by the same names."""

_IN_STEP = ("linear", "debug")
"""Strategies that run for one host alone what is to run once, by the end of their names."""
_EXPECTED = "expected what 'groups' returned, or its variable"
_NO_OUTCOME = {
    "failed": "it has failed",
    "skipped": "it was skipped, and nobody has looked at any host",
}
"""Why a task that ran once has no outcome, by what its result says of it."""


class ActionModule(DeviceAction):
    """Build and run whole Group VPNs; for one host, say what became of it."""

    options = group_options.group_vpn()

    @classmethod
    def finalize_task_arg(cls, name: str, value: Any, templar: Any, context: Any) -> Any:
        """A task's argument; of a description that cannot be had whole, what can be had of it.

        Ansible ends a task with the first name that is not defined, and says not where it stands.
        """
        if name == "groups":
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
        self._refuse_several()
        wrong: list[Contradiction] = []
        groups = _plain(unread(self._task.args["groups"], wrong))
        # Once for all that is read of a host: each look makes its variables anew.
        variables = {h: self._task_vars["hostvars"][h] for h in self._hosts(groups)}
        order = self._order(options, groups, variables, wrong)
        outcome = self._conducted(order, variables)
        screen = summary(order.description, outcome)
        for line in () if order.check else screen:
            self._say(line)
        return {
            "changed": False,
            "steps": [step.as_result() for step in outcome.plan.steps],
            "left": list(outcome.plan.left),
            "unverified": outcome.unverified,
            "expected": registrations(order.description),
            "hosts": {host: fate.as_result() for host, fate in outcome.hosts.items()},
            "screen": screen,
        }

    def _order(
        self,
        options: dict[str, Any],
        groups: Any,
        variables: Mapping[str, Mapping[str, Any]],
        wrong: list[Contradiction],
    ) -> Order:
        """What is asked for; ``variables``: host to its variables."""
        here = {host: variables[host] for host in self._in_play()}
        out = left_out(self._task, self._templar, here)
        return Order(
            description=self._description(groups, variables, wrong),
            hosts=tuple(host for host in variables if host in here and host not in out),
            check=self._task.check_mode,
            diff=self._task.diff,
            elsewhere=self._elsewhere(),
            left_out=tuple(host for host in here if host in out),
            **{name: options[name] for name in _OF_AN_ORDER},
        )

    def _conducted(self, order: Order, variables: Mapping[str, Mapping[str, Any]]) -> Outcome:
        at_once = context.CLIARGS.get("forks") or 5
        fleet = Fleet(variables, self._play_context, at_once, self._say)
        try:
            return conduct(order, fleet)
        finally:
            fleet.close()

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

    def _refuse_several(self) -> None:
        """Whole runs that each host had for itself would get in each other's way."""
        strategy, hosts = str(self._task.play.strategy), self._in_play()
        if len(hosts) < 2 or (self._task.run_once and strategy.endswith(_IN_STEP)):
            return
        what = f"strategy {strategy}" if self._task.run_once else "run_once false"
        raise Refused(
            [
                f"{what}: each of {len(hosts)} hosts would run the whole Group VPN, all at once; "
                "set 'run_once: true' for the task, and 'strategy: linear' for the play"
            ]
        )

    # Who and what

    def _in_play(self) -> list[str]:
        return [str(host) for host in self._task_vars.get("ansible_play_batch", ())]

    def _elsewhere(self) -> tuple[str, ...]:
        """Hosts of the play whose turn is another one, as under ``serial``."""
        here, play = set(self._in_play()), self._task_vars.get("ansible_play_hosts", ())
        return tuple(str(host) for host in play if str(host) not in here)

    def _inventory(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._task_vars.get("groups", {})
        return found

    def _hosts(self, groups: Any) -> list[str]:
        """Hosts that the description names, and those of the play, which it may have named."""
        inventory, known = self._inventory(), self._task_vars["hostvars"]
        named = [
            host
            for name in _names(groups)
            for host in ([name] if name in known else inventory.get(name, ()))
        ]
        return list(dict.fromkeys([*map(str, named), *self._in_play()]))

    def _description(
        self, groups: Any, hosts: Mapping[str, Mapping[str, Any]], wrong: list[Contradiction]
    ) -> Description:
        wrong += unknown(hosts)
        inventory = self._inventory()
        inside = {name: frozenset(map(str, inventory.get(name, ()))) for name in _names(groups)}
        devices = {host: self._device(host, there, inside, wrong) for host, there in hosts.items()}
        return read(groups, devices, wrong)

    def _device(
        self,
        host: str,
        variables: Mapping[str, Any],
        inside: Mapping[str, frozenset[str]],
        wrong: list[Contradiction],
    ) -> dict[str, Any]:
        """What only the host knows; variables that cannot be read are added to ``wrong``.

        ``inside``: the inventory's groups that the description names, and their hosts.
        """
        names = {name: f"{PREFIX}{name}" for name in HOST_VARIABLES}
        found: dict[str, Any] = {}
        for name, variable in {**names, "management": "ansible_host"}.items():
            try:
                value = variables.get(variable)
            except AnsibleError as error:
                wrong.append(unreadable(host, variable, why(error)))
                continue
            if value is not None:
                found[name] = _plain(value)
        if "management" in found:
            found["management"] = str(found["management"])
        found["inventory_groups"] = [name for name, own in inside.items() if host in own]
        return found


def _of_one(host: str, fate: Mapping[str, Any], diff: bool) -> dict[str, Any]:
    """A host's part in an outcome."""
    result = {
        "changed": fate["changed"],
        "did": fate["did"],
        "warnings": [_named(host, line) for line in (*fate["warnings"], *fate["left"])],
        "msg": "; ".join([*fate["did"], *fate["left"]]) or "nothing to change",
    }
    if diff and fate["diff"]:
        result["diff"] = {"prepared": fate["diff"]}
    if fate["failures"]:
        result["msg"] = "\n".join(_named(host, line) for line in fate["failures"])
        result["unreachable" if fate["unreachable"] else "failed"] = True
    return result


def _of_all(parts: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The parts of all hosts as one: who says it for all fails when one of them has failed."""
    failed = [part["msg"] for part in parts.values() if {"failed", "unreachable"} & part.keys()]
    did = [_named(host, ", ".join(part["did"])) for host, part in parts.items() if part["did"]]
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


def _names(groups: Any) -> Iterable[str]:
    """Hosts and groups of the inventory that a description names."""
    listed = groups if isinstance(groups, list) else []
    entries = [entry for entry in listed if isinstance(entry, Mapping)]
    parts = (entry.get(key) for entry in entries for key in ("servers", "members"))
    return dict.fromkeys(str(name) for part in parts if isinstance(part, list) for name in part)

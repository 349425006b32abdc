# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run of a whole Group VPN, as one task has it that speaks for all hosts of its play.

(A package, because each file beside the actions would need a module of its name.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible import context
from ansible.errors import AnsibleError

from ...plugin_utils.errors import GroupVpnError, Refused
from ...plugin_utils.group.description import Contradiction, Description
from ...plugin_utils.group.expected import registrations
from ...plugin_utils.group.reading import HOST_VARIABLES, read
from ...plugin_utils.group.running.conduct import conduct
from ...plugin_utils.group.running.order import Order
from ...plugin_utils.group.running.screen import summary
from ...plugin_utils.group.variables import PREFIX, unknown, unreadable
from ...plugin_utils.netconf import libraries
from .. import plain
from ..chosen import left_out
from ..fleet import Fleet
from ..rendered import unread, why

_OF_AN_ORDER = ("confirm_minutes", "timeout", "poll", "exclusive", "comment")
"""Options that the core knows by the same names."""

_WAY = {
    "management": "ansible_host",
    "port": "ansible_port",
    "user": "ansible_user",
    "through": "ansible_ssh_common_args",
}
"""What decides which device a session leads to: a console server may go by the user."""

_IN_STEP = ("linear", "debug")
"""Strategies that run for one host alone what is to run once, by the end of their names."""


class Whole:
    """A task, the variables of the host that runs it, and what reads its templates."""

    def __init__(self, task: Any, variables: Mapping[str, Any], templar: Any) -> None:
        self._task, self._task_vars, self._templar = task, variables, templar

    def run(
        self, options: Mapping[str, Any], play_context: Any, say: Callable[[str], None]
    ) -> dict[str, Any]:
        """Plan, carry out, verify; what the module returns. Raises Refused."""
        missing = libraries.complaint()
        if missing is not None:
            raise GroupVpnError(f"{self._task_vars.get('inventory_hostname')}: {missing}")
        self._refuse_several()
        wrong: list[Contradiction] = []
        groups = plain(unread(self._task.args["groups"], wrong))
        # Once for all that is read of a host: each look makes its variables anew.
        variables = {h: self._task_vars["hostvars"][h] for h in self._hosts(groups)}
        order = self._order(options, groups, variables, wrong)
        # As many at once as Ansible would have workers.
        fleet = Fleet(variables, play_context, context.CLIARGS.get("forks") or 5, say)
        try:
            outcome = conduct(order, fleet)
        finally:
            fleet.close()
        screen = summary(order.description, outcome)
        for line in () if order.check else screen:
            say(line)
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
        options: Mapping[str, Any],
        groups: Any,
        variables: Mapping[str, Mapping[str, Any]],
        wrong: list[Contradiction],
    ) -> Order:
        """What is asked for; ``variables``: host to its variables."""
        here = self._in_play()
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
        for name, variable in {**names, **_WAY}.items():
            try:
                value = variables.get(variable)
            except AnsibleError as error:
                wrong.append(unreadable(host, variable, why(error)))
                continue
            if value is not None:
                found[name] = plain(value)
        way = {name: str(found.pop(name)) for name in _WAY if name in found}
        if "management" in way:
            found["management"] = way["management"]
        found["reached"] = list({**_WAY, "management": host, "port": "830", **way}.values())
        found["inventory_groups"] = [name for name, own in inside.items() if host in own]
        return found


def _names(groups: Any) -> Iterable[str]:
    """Hosts and groups of the inventory that a description names."""
    listed = groups if isinstance(groups, list) else []
    entries = [entry for entry in listed if isinstance(entry, Mapping)]
    parts = (entry.get(key) for entry in entries for key in ("servers", "members"))
    return dict.fromkeys(str(name) for part in parts if isinstance(part, list) for name in part)

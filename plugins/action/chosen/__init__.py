# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""For which hosts of a play a task runs, by its own words and by those of what includes it.

(A package, because each file beside the actions would need a module of its name.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ansible.errors import AnsibleError


def is_for_one(task: Any, templar: Any) -> bool:
    """Whether one host runs it for all of them."""
    return any(templar.template(one.run_once) for one in _including(task))


def left_out(task: Any, templar: Any, hosts: Iterable[str]) -> set[str]:
    """Whom of the ``hosts`` it does not run for."""
    conditions = list(dict.fromkeys(when for one in _including(task) for when in one.when))
    if not conditions:
        return set()
    here = templar.available_variables
    # As a loop's item: no host has it for itself.
    more = here.keys() - _seen(task, here["inventory_hostname"]).keys()
    added = {name: here[name] for name in more}
    there = {host: {**_seen(task, host), **added} for host in hosts}
    return {
        host
        for host, seen in there.items()
        if not _hold(conditions, templar.copy_with_new_env(available_variables=seen))
    }


def _seen(task: Any, host: str) -> dict[str, Any]:
    """The variables that a task has for a host, as Ansible makes them: one host's are no other's.

    As templates: one that no condition asks for may be one of which nothing comes.
    """
    manager = task.get_variable_manager()
    # The inventory is told to no plugin otherwise, and ``hostvars`` know no play and no task.
    there = manager._inventory.get_host(host)
    found: dict[str, Any] = manager.get_vars(play=task.play, host=there, task=task)
    return found


def _including(task: Any) -> Iterator[Any]:
    """The task, which has what imports around it say, then the includes around it."""
    while task is not None:
        # Ansible brings nothing of an import into shape: a text is no list there, nor a truth.
        if not getattr(task, "statically_loaded", False):
            yield task
        task = task.get_first_parent_include()


def _hold(conditions: list[Any], templar: Any) -> bool:
    try:
        return all(map(templar.evaluate_conditional, conditions))
    except AnsibleError:
        # There the task failed, or will.
        return False

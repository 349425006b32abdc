# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""For which hosts of a play a task runs, by its own words and by those of what includes it.

(A package, because each file beside the actions would need a module of its name.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleError


def is_for_one(task: Any, templar: Any) -> bool:
    """Whether one host runs it for all of them."""
    return any(templar.template(one.run_once) for one in _including(task))


def left_out(task: Any, templar: Any, hosts: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Whom of the ``hosts``, with their variables, it does not run for."""
    conditions = list(dict.fromkeys(when for one in _including(task) for when in one.when))
    here = templar.available_variables
    return {
        host
        for host, own in hosts.items()
        if conditions
        and not _hold(conditions, templar.copy_with_new_env(available_variables={**here, **own}))
    }


def _including(task: Any) -> Iterator[Any]:
    """The task, then the includes and imports around it."""
    while task is not None:
        yield task
        task = task.get_first_parent_include()


def _hold(conditions: list[Any], templar: Any) -> bool:
    try:
        return all(map(templar.evaluate_conditional, conditions))
    except AnsibleError:
        # There the task failed, or will.
        return False

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the actions do that ask a device: reach it, and leave its session in order.

(A package, because each file beside the actions would need a module of its name.)
"""

from __future__ import annotations

# First, since what it freezes no later import makes the garbage collector walk through again.
from ..prefork import sessions

# isort: split

from collections.abc import Iterable, Iterator
from pkgutil import iter_modules
from typing import Any

from ansible.playbook.block import Block

from ...plugin_utils.errors import GroupVpnError
from ...plugin_utils.netconf import libraries
from ...plugin_utils.netconf.rpc import NetcommonRpc, Rpc
from .. import Action
from .. import __path__ as actions

_ELSEWHERE = {"group_vpn", "membership_report"}
"""The modules whose tasks want no login: they work with what other tasks have read."""
ON_DEVICES = {found.name for found in iter_modules(actions) if not found.ispkg} - _ELSEWHERE
"""The modules whose tasks want a login to the device."""


def _device_tasks(play: Any) -> list[str]:
    """The tasks of a play, as far as they are known beforehand, that are ours and for devices."""
    roles = [role.get_task_blocks() for role in play.get_roles()]
    blocks = [play.pre_tasks, roles, play.tasks, play.post_tasks]
    actions = ((task._uuid, str(getattr(task, "action", ""))) for task in _flat(blocks))
    return [uuid for uuid, action in actions if action.rpartition(".")[2] in ON_DEVICES]


def _flat(parts: Iterable[Any]) -> Iterator[Any]:
    """The tasks in blocks and lists, however deep, in the order in which they run."""
    for part in parts:
        if isinstance(part, list):
            yield from _flat(part)
        elif isinstance(part, Block):
            yield from _flat([*part.block, *part.rescue, *part.always])
        else:
            yield part


class DeviceAction(Action):
    """Base of the action plugins that ask a device."""

    _may_keep = False

    def _worked(self, options: dict[str, Any]) -> dict[str, Any]:
        missing = libraries.complaint()
        if missing is not None:
            return {"failed": True, "msg": f"{self._host}: {missing}"}
        return super()._worked(options)

    def _end_well(self) -> None:
        if self._connection.transport == sessions.CONNECTION:
            self._connection.finished(self._may_keep)

    def device(self) -> Rpc:
        """RPCs over the task's connection."""
        connection = self._connection
        if connection.transport == sessions.CONNECTION:
            tasks = _device_tasks(self._task.play)
            rpc: Rpc = connection.rpc(len(tasks) > 1)
            self._may_keep = tasks[-1:] != [self._task._uuid]
            return rpc
        # ansible.netcommon's connections run in a process of their own, behind this socket.
        path = getattr(connection, "socket_path", None)
        if path is not None:
            # Dear to import, and nothing to those who use our connection.
            from ansible.module_utils.connection import Connection as SocketConnection

            return NetcommonRpc(SocketConnection(path).rpc, self._play_context.remote_addr or "")
        raise GroupVpnError(
            f"connection {connection.transport!r} cannot carry NETCONF; set ansible_connection to "
            f"{sessions.CONNECTION}"
        )

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many devices from one task: a session for each, several at work at once.

For what needs one who sees all of them: an order over many devices, with gates in between. (A
package, because each file beside the actions would need a module of its name.)
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ansible import constants
from ansible.errors import AnsibleError
from ansible.plugins.loader import connection_loader

from ...plugin_utils.errors import GroupVpnError, TransportFailure
from ...plugin_utils.netconf.rpc import Rpc
from ..prefork import sessions

T = TypeVar("T")


class Fleet:
    """The devices of a play; sessions stay open until :meth:`close`.

    ``variables``: host to its variables, ``at_once``: how many devices are worked on together.
    """

    def __init__(
        self,
        variables: Mapping[str, Mapping[str, Any]],
        play_context: Any,
        at_once: int,
        say: Callable[[str], None],
    ) -> None:
        self._variables, self._play_context, self.say = variables, play_context, say
        self._connections: dict[str, Any] = {}
        self._pool = ThreadPoolExecutor(max_workers=max(1, at_once))

    def each(
        self, work: Mapping[str, Callable[[Rpc], T]]
    ) -> tuple[dict[str, T], dict[str, GroupVpnError]]:
        """Do it on all hosts at once: what came of it, and what failed.

        An error that nobody foresaw ends the run; what no host has begun by then is not begun.
        """
        done: dict[str, T] = {}
        failed = self._not_connected(work)
        jobs = {host: job for host, job in work.items() if host not in failed}
        waiting = {host: self._pool.submit(self._one, host, job) for host, job in jobs.items()}
        try:
            for host, future in waiting.items():
                try:
                    done[host] = future.result()
                except GroupVpnError as error:
                    failed[host] = error
        except BaseException:
            self._pool.shutdown(cancel_futures=True)
            raise
        return done, failed

    def _not_connected(self, hosts: Iterable[str]) -> dict[str, GroupVpnError]:
        """Hosts whose options for the connection cannot be had, and why; others have theirs."""
        failed: dict[str, GroupVpnError] = {}
        for host in hosts:
            if host not in self._connections:
                try:
                    self._connections[host] = self._connection(host)
                except AnsibleError as error:
                    failed[host] = TransportFailure(f"{host}: {error}")
        return failed

    def _one(self, host: str, job: Callable[[Rpc], T]) -> T:
        connection = self._connections[host]
        try:
            result = job(connection.rpc())
        except AnsibleError as error:
            raise TransportFailure(str(error)) from None
        except GroupVpnError:
            raise
        except BaseException:
            # By who meets it: until the one who waits hears of it, others would be begun.
            self._pool.shutdown(wait=False, cancel_futures=True)
            raise
        connection.finished(False)
        return result

    def _connection(self, host: str) -> Any:
        """A connection with the host's own options. Not for threads: templates are at work."""
        variables = self._variables[host]
        connection = connection_loader.get(sessions.CONNECTION, self._play_context, None)
        names = constants.config.get_plugin_vars("connection", connection._load_name)
        connection.set_options(var_options={n: variables[n] for n in names if n in variables})
        return connection

    def pause(self, seconds: float) -> None:
        """Wait before the next look: no device says by itself who has come."""
        time.sleep(seconds)

    def clock(self) -> float:
        """Seconds on a clock that only goes forward."""
        return time.monotonic()

    def close(self) -> None:
        """End every session."""
        for connection in self._connections.values():
            with contextlib.suppress(AnsibleError, GroupVpnError, OSError):
                connection.close()
        self._pool.shutdown()

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts of a run: what is known of each, what was done there, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from ...engine.device import CommitOptions
from ...errors import GroupVpnError, TransportFailure
from ...netconf.rpc import Rpc
from ..description import Group, some
from ..expand import Sides
from ..look import Holdings, Looked, agree, holdings
from ..planning.situation import has_part
from ..steps import Change
from . import work
from .fate import Fate
from .order import Hands, Order, T

SAY_SECONDS = 5
"""Who waits for longer is told for whom."""
_EAGER = 16
"""The first look comes after that part of the usual pause, and each later one twice as late."""


class Crew:
    """Everything that touches a device goes through here.

    ``looks``: hosts as they were found; ``foreseen``: what changes do there; ``sides`` and
    ``held``: what they have and hold by now; ``silent``: who did not answer when asked last;
    ``broken``: groups that were stopped, and why; ``unproved``: what of Group VPN servers are to
    take back; ``acted``: something was, or may have been, changed; ``slowest``: seconds that the
    longest change of a configuration has taken, None before the first; ``postponed``: whose last
    one was not begun; ``taken``: groups that stay as they are, by who may have their number.
    """

    def __init__(self, order: Order, hands: Hands) -> None:
        self.order, self.description = order, order.description
        self.fates = {host: Fate() for host in order.hosts}
        self.looks: dict[str, Looked] = {}
        self.foreseen: dict[str, work.Foreseen] = {}
        self.held: dict[str, Holdings] = {}
        self.sides: dict[str, Sides] = {}
        self.silent: dict[str, GroupVpnError] = {}
        self.broken: dict[str, str] = {}
        self.unproved: dict[str, work.Unproved] = {}
        self.taken: Mapping[str, str] = {}
        self.acted = False
        self.slowest: float | None = None
        self.postponed: list[str] = []
        self._hands = hands
        self._meant: dict[str, str] = {}

    def say(self, line: str) -> None:
        """Tell a person."""
        self._hands.say(line)

    # Who is there

    def whole(self) -> list[Group]:
        """Groups whose servers could all be looked at, and that nothing has stopped."""
        return [
            group
            for group in self.description.groups
            if group.name not in self.broken.keys() | self.taken.keys()
            and all(h in self.looks for h in group.servers)
        ]

    def takes_part(self, host: str) -> bool:
        """Whether any group names a host."""
        return any(host in (*g.servers, *g.members) for g in self.description.groups)

    def has(self, host: str, group: Group) -> bool:
        """Whether a host has anything of a group just now."""
        return has_part(self.sides[host], group)

    def is_cut(self, group: Group) -> bool:
        """Whether somebody who serves a group cannot be reached any more."""
        return any(isinstance(self.silent.get(h), TransportFailure) for h in group.servers)

    # What is done there

    def each(self, jobs: Mapping[str, Callable[[Rpc], T]]) -> dict[str, T]:
        """Do it on all hosts at once: what came of it; who failed has that for a fate."""
        done, failed = self._hands.each(jobs)
        for host, error in failed.items():
            self.fates[host].note(error)
            self.acted = self.acted or error.may_have_changed
        return done

    def do(self, jobs: Mapping[str, Callable[[Rpc], Any]], what: str) -> set[str]:
        """As :meth:`each`, of what changes something; the hosts that did it, or need not have."""
        done = self.each(jobs)
        for host, result in done.items():
            self.fates[host].warnings += (result or {}).get("warnings", ())
            if (result or {}).get("did", True):
                self.fates[host].changed = self.acted = True
                self.fates[host].did.append(what)
        return set(done)

    def change(
        self,
        changes: Mapping[str, Change],
        commit: CommitOptions,
        may_begin: Callable[[str], bool] = lambda _host: True,
    ) -> dict[str, dict[str, Any]]:
        """Change configurations; by host that has its now, what the change returned.

        ``may_begin``: asked for each host when it has its turn; for who may not nothing is done.
        """
        found = self.each(
            {
                host: partial(self._changed, host, change, commit, may_begin)
                for host, change in changes.items()
            }
        )
        self.postponed = [host for host, result in found.items() if result is None]
        done = {host: result for host, result in found.items() if result is not None}
        for host, result in done.items():
            fate = self.fates[host]
            fate.warnings += result["warnings"]
            if result["changed"]:
                fate.changed = self.acted = True
                fate.did.append("configured")
            side = changes[host].side
            self.sides[host] = {**self.sides[host], side: result["after"]}
        return done

    def _changed(
        self,
        host: str,
        what: Change,
        commit: CommitOptions,
        may_begin: Callable[[str], bool],
        rpc: Rpc,
    ) -> dict[str, Any] | None:
        if not may_begin(host):
            return None
        begun = self.clock()
        try:
            return work.change(rpc, what, self.looks[host], commit, self.foreseen[host])
        finally:
            self.slowest = max(self.slowest or 0.0, self.clock() - begun)

    def holds(self, found: Mapping[str, Holdings]) -> None:
        """What hosts have just said that they hold."""
        for held in found.values():
            held.at = self.clock()
        self.held |= found
        agree(self.held.values(), self._meant)

    def clock(self) -> float:
        """The time, on a clock that only goes forward."""
        return self._hands.clock()

    def ask(self, hosts: Iterable[str]) -> None:
        """What hosts hold by now; of who does not answer nothing is known."""
        found, failed = self._hands.each(
            {
                host: partial(
                    holdings,
                    sides=self.sides[host],
                    generation=self.looks[host].generation,
                )
                for host in hosts
            }
        )
        self.holds(found)
        for host in found:
            self.silent.pop(host, None)
        for host, error in failed.items():
            self.held.pop(host, None)
            self.silent[host] = error

    def shown(self, asking: Mapping[str, Callable[..., T]]) -> dict[str, T]:
        """What servers show; who cannot say anything shows nothing."""
        jobs = {
            host: partial(what, generation=self.looks[host].generation)
            for host, what in asking.items()
            if host in self.looks
        }
        return self._hands.each(jobs)[0] if jobs else {}

    def until(self, wrong: Callable[[], dict[str, str]], seconds: float) -> dict[str, str]:
        """What is still wrong when nothing is, or when time is over."""
        end = self.clock() + seconds
        told = self.clock() + SAY_SECONDS
        pause = self.order.poll / _EAGER
        while True:
            found = wrong()
            if not found or self.clock() >= end:
                return found
            if self.clock() >= told:
                told += SAY_SECONDS
                first = next(iter(found))
                self._hands.say(f"  waiting for {some(found)}; {first}: {found[first]}")
            self._hands.pause(pause)
            pause = min(2 * pause, self.order.poll)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Servers confirm what has proved good for somebody, and take back the rest by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from ..description import Group
from . import work
from .crew import Crew
from .standing import Standing

_UNPROVED = "{}: nothing proves the change, because none of its members is asked in this run"


class Keeper:
    """Has changes kept; ``is_uncleared``: whether a group has keys that were to go."""

    def __init__(
        self, crew: Crew, standing: Standing, is_uncleared: Callable[[Group], bool]
    ) -> None:
        self._crew, self._standing, self._is_uncleared = crew, standing, is_uncleared

    def keep(self, groups: list[Group], wrong: Mapping[str, str]) -> None:
        """Confirm on servers what is proved; say what becomes of the rest.

        ``groups``: those that were looked at; ``wrong``: hosts of them, and what is wrong there.
        """
        unconfirmed = sorted(self._standing.unconfirmed.items())
        good = [host for host, _made in unconfirmed if self.stands(host, groups, wrong)]
        self.confirm(good)
        minutes = self._crew.order.confirm_minutes
        left = {
            host: partial(work.becomes, minutes=minutes, made=made)
            for host, made in unconfirmed
            if host not in good
        }
        found = self._crew.each(left)
        for host in left:
            become = found.get(host, work.Becomes(work.taken_back(minutes)))
            self._crew.fates[host].failures.append(f"nothing proves the change: {become.words}")
            if become.kept:
                del self._standing.unconfirmed[host]

    def confirm(self, servers: Iterable[str]) -> None:
        """Have servers keep their change."""
        comment, minutes = self._crew.order.comment, self._crew.order.confirm_minutes
        made = self._standing.unconfirmed
        jobs = {
            host: partial(work.keep, comment=comment, minutes=minutes, made=made[host])
            for host in servers
        }
        for host in jobs:
            served = self._crew.description.of_server(host)
            self._crew.fates[host].warnings += [
                _UNPROVED.format(group.name) for group in served if not self._asked(group)
            ]
        for host in self._crew.do(jobs, "confirmed"):
            del made[host]

    def stands(self, server: str, groups: list[Group], wrong: Mapping[str, str]) -> bool:
        """Whether somebody proves the change of each group that a server serves."""
        served = self._crew.description.of_server(server)
        return all(group in groups and self._is_good(group, wrong) for group in served)

    def _asked(self, group: Group) -> list[str]:
        """Members that this run is to ask, whether they answer or not."""
        return [host for host in group.members if host in self._crew.fates]

    def _is_good(self, group: Group, wrong: Mapping[str, str]) -> bool:
        """Whether a member shows it; where the run has none, nobody is asked to."""
        asked = self._asked(group)
        good = [h for h in asked if h in self._crew.looks and h not in wrong]
        if self._is_uncleared(group):
            return False
        return not asked or any(not self._crew.fates[host].failures for host in good)

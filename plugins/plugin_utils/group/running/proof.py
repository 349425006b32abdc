# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What proves a change: members that are listed and hold the keys of their servers.

What is proved is confirmed on servers; what is not, they take back by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from itertools import chain

from ...members.asking import lists
from ...members.life import Lists
from ..description import Group
from ..look import Holdings
from .crew import Crew
from .keeper import Keeper
from .others import Start, servers_of_others, since_commit, unverified
from .standing import Standing
from .verify import due, faults, parted, together, uncleared, uncompared, undecided, unmade

SETTLE_SECONDS = 10
"""How long members may be on their way when nothing was changed, or nobody can ask them."""

_DELAYS_TO_CHANGE = 3
"""Activation delays after which nobody has the key of before: sent with for two, then received."""


class Proof:
    """Waits for members, and confirms.

    ``standing``: what servers would take back; ``doubted``: hosts of whose keys something is not
    known, and what; ``remade``: groups whose servers have just learnt what other traffic keys are
    for.
    """

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self.standing = Standing(crew)
        self.doubted: dict[str, str] = {}
        self.remade: tuple[str, ...] = ()
        self._starts: dict[str, Start] = {}
        self._void: dict[str, Mapping[str, Holdings]] = {}
        self._keeper = Keeper(crew, self.standing, lambda group: bool(self._uncleared(group)))

    def begin(self) -> None:
        """Remember the lists from before a change."""
        self._starts = {host: Start(found) for host, found in self._lists().items()}

    def committed(self, servers: Iterable[str]) -> None:
        """Servers have just made their change: signs of life count from now on."""
        starts = {host: self._starts[host] for host in servers if host in self._starts}
        # Of a server that cannot be looked at now, what came before its commit is not known.
        self._starts |= {host: Start(start.before, "") for host, start in starts.items()}
        self._starts |= self._crew.shown(
            {host: partial(since_commit, start=start) for host, start in starts.items()}
        )

    def voids(self, group: Group) -> None:
        """Whatever keys a group has now must go: nothing is proved while a server has them."""
        self._crew.ask(group.servers)
        self._void[group.name] = dict(self._crew.held)

    def proved(self, group: Group) -> bool:
        return group in self._crew.whole() and not any(
            self._crew.fates[h].failures
            for h in (*group.servers, *group.members)
            if h in self._crew.fates
        )

    # The gate

    def wait(self) -> None:
        """Until every group is as it should be; what is proved is kept."""
        groups = self._crew.whole()
        found = self._seen(groups)
        if found:
            # Only now: what is on its way looks like what cannot be compared.
            doubts = {g.name: uncompared(g, self._crew.held, self._before()) for g in groups}
            told = (*doubts.values(), self._unmade(groups))
            self.doubted = together(chain(*(one.items() for one in told)))
            found = self._wrong(groups, doubts)
        for host, why in self.doubted.items():
            self._crew.fates[host].warnings.append(why)
        for host, why in found.items():
            self._crew.fates[host].failures.append(why)
        self._keeper.keep(groups, found)

    def _most(self, groups: list[Group]) -> float:
        """Seconds to wait for; also without a change a key may look like one on its way."""
        if self._crew.acted:
            return self.standing.patience()
        held = self._crew.held
        until = max((max(undecided(g, held), *due(g, held).values(), 0) for g in groups), default=0)
        return max(SETTLE_SECONDS, min(until, self._crew.order.timeout))

    def _looks(self, groups: list[Group]) -> Callable[[], dict[str, str]]:
        """What is wrong, by host, whenever it is called."""
        concerned = self._concerned(groups)
        serving = {host for group in groups for host in group.servers}
        servers = [host for host in concerned if host in serving]
        missing = [host for host in concerned if host not in serving]
        is_new = not self._crew.acted

        def wrong() -> dict[str, str]:
            nonlocal missing, is_new
            if not is_new:
                self._ask(groups, servers, missing)
            is_new = False
            found = {**self._unmade(groups), **self._wrong(groups)}
            missing = [host for host in concerned if host in found and host not in serving]
            return found

        return wrong

    def _ask(self, groups: Iterable[Group], servers: list[str], missing: list[str]) -> None:
        """Ask the servers, then those members that one of them lists."""
        self._crew.ask(servers)
        # Whom no server lists has not come yet, and would say so in two more requests.
        listed, devices = self._listed(groups), self._crew.description.devices
        self._crew.ask(host for host in missing if devices[host].name in listed)

    def _listed(self, groups: Iterable[Group]) -> set[str]:
        """Gateways that some server lists in some group."""
        servers = {host for group in groups for host in group.servers} & self._crew.held.keys()
        return {
            name
            for host in servers
            for names in self._crew.held[host].listed.values()
            for name in names
        }

    def _there(self) -> list[str]:
        """Members that could be looked at and did what they were told."""
        return [host for host in self._crew.looks if not self._crew.fates[host].failures]

    def _wrong(
        self, groups: list[Group], doubts: Mapping[str, Collection[str]] | None = None
    ) -> dict[str, str]:
        """``doubts``: by group those whose keys cannot be compared."""
        description, held, there = self._crew.description, self._crew.held, self._there()
        found = (
            one.items()
            for group in groups
            for one in (
                faults(description, group, held, there, (doubts or {}).get(group.name, ())),
                self._uncleared(group),
            )
        )
        return together(chain(*found))

    def _before(self) -> dict[str, Holdings]:
        return {host: looked.holdings for host, looked in self._crew.looks.items()}

    def _unmade(self, groups: Iterable[Group]) -> dict[str, str]:
        before = self._before()
        found = (
            unmade(group, self._crew.held, before if group.name in self.remade else {})
            for group in groups
        )
        return together(chain(*(one.items() for one in found)))

    def _uncleared(self, group: Group) -> dict[str, str]:
        return uncleared(group, self._crew.held, self._void.get(group.name, {}))

    def _concerned(self, groups: Iterable[Group]) -> list[str]:
        hosts = dict.fromkeys(h for g in groups for h in (*g.servers, *g.members))
        return [host for host in hosts if host in self._crew.looks]

    def _seen(self, groups: list[Group]) -> dict[str, str]:
        """What is wrong when time is over; what some prove by half of it is kept by then.

        A look takes as long as the slowest who is asked, and who hangs must not cost the others
        what they have.
        """
        look, most = self._looks(groups), self._most(groups)
        end = self._crew.clock() + most
        found = self._crew.until(look, most / 2)
        if found:
            self._keeper.confirm(self._proved_by(found, groups))
        left = end - self._crew.clock()
        return self._crew.until(look, left) if found and left > 0 else found

    def _proved_by(self, found: Mapping[str, str], groups: list[Group]) -> list[str]:
        """Servers to be confirmed before all is as it should be; ``found``: what is wrong.

        One that has something wrong itself is given the rest of its time.
        """
        return [
            host
            for host in self.standing.lasting()
            if host not in found and self._keeper.stands(host, groups, found)
        ]

    def confirm_early(self, clearing: Collection[str]) -> None:
        """Have servers keep what some members prove already, since others take long to change.

        ``clearing``: groups whose keys have to go first, of which nothing is proved yet.
        """
        groups = [group for group in self._crew.whole() if group.name not in clearing]
        look, good = self._looks(groups), list[str]()
        unconfirmed, why = self.standing.lasting(), "no member proves its change yet"

        def unproved() -> dict[str, str]:
            nonlocal good
            good = self._proved_by(look(), groups)
            return dict.fromkeys((host for host in unconfirmed if host not in good), why)

        self._crew.until(unproved, self.standing.patience() / 2)
        self._keeper.confirm(good)

    def settle(self) -> None:
        """Until members send with keys that all have; devices do not show which one they send with.

        Who has lost its keys meanwhile was given the newest alone where their server knew no other.
        """
        groups = [group for group in self._crew.whole() if self.proved(group)]
        delay = max((group.activation_delay for group in groups), default=0)
        late: dict[str, str] = {}

        def apart() -> dict[str, str]:
            nonlocal late
            self._crew.ask(late)
            late = together(chain(*(parted(g, self._crew.held).items() for g in groups)))
            return late

        if self._crew.acted:
            enough, most = _DELAYS_TO_CHANGE * delay, self._crew.order.timeout
            found = self._crew.until(apart, min(enough, most))
            # Behind so many delays all send with the newest, whatever they show still.
            self.doubted |= found if most < enough else {}

    # Members that nobody here can ask

    def heard_of(self) -> dict[str, str]:
        """Of members out of reach, whom nothing shows to live; they get a moment for it."""

        def silent() -> dict[str, str]:
            return unverified(self._crew.description, self._starts, self._lists())

        found = self._crew.until(silent, SETTLE_SECONDS if self._crew.acted else 0)
        # They came while they were waited for: what is told of the lists is to be as new.
        self._crew.ask(self._starts)
        return found

    def _lists(self) -> dict[str, Lists]:
        ask = partial(lists, detail=True)
        return self._crew.shown(dict.fromkeys(servers_of_others(self._crew.description), ask))

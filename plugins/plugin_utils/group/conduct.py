# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carrying a plan out: looks, steps with gates that look at devices, the verdict at the end.

Everything that touches a device goes through :class:`Hands`. What fails on one host stops what
depends on it and nothing else; what was begun and not proved is taken back by the devices
themselves (confirmed commits on servers), and the next run goes on from what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from ..engine.counting import counted
from ..engine.device import CommitOptions
from ..errors import GroupVpnError, Refused, TransportFailure
from ..netconf.rpc import Rpc
from . import work
from .configurations import entries
from .contradictions import refusals
from .description import Contradiction, Description, Group, some
from .look import Holdings, Looked, holdings, look
from .others import Lists, Start, lists, servers_of_others, since_commit, unverified
from .plan import Plan, plan
from .screen import announced
from .steps import Change, Kind, Step
from .verify import faults, shared

T = TypeVar("T")
SETTLE_SECONDS = 10
"""How long members may be on their way when nothing was changed, or nobody can ask them."""
_MOST_MINUTES = 65535
MOST_SECONDS = 86400
"""How long a run may wait for members: a day, as long as a traffic key lives at the most."""
SAY_SECONDS = 5
"""Who waits for longer is told for whom."""
_EAGER = 16
"""The first look comes after that part of the usual pause, and each later one twice as late."""


class Hands(Protocol):
    """What touches devices, and time."""

    def each(
        self, work: Mapping[str, Callable[[Rpc], T]]
    ) -> tuple[dict[str, T], dict[str, GroupVpnError]]:
        """Do it on all hosts at once: what came of it, and what failed."""

    def pause(self, seconds: float) -> None:
        """Wait."""

    def clock(self) -> float:
        """Seconds on a clock that only goes forward."""

    def say(self, line: str) -> None:
        """Tell a person."""


@dataclass(frozen=True)
class Order:
    """What is asked for; ``hosts`` may be touched; ``timeout`` and ``poll`` in seconds.

    ``confirm_minutes``: after so long a server takes an unproved change back; 0: commit for good.
    ``diff``: the difference of each host is wanted too.
    """

    description: Description
    hosts: tuple[str, ...]
    confirm_minutes: int = 10
    timeout: int = 300
    poll: float = 1.0
    exclusive: bool = False
    comment: str | None = None
    check: bool = False
    diff: bool = False


@dataclass
class Fate:
    """What became of one host; ``left``: what of it nobody knows, and why nothing was done."""

    changed: bool = False
    unreachable: bool = False
    failures: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    diff: str = ""
    did: list[str] = field(default_factory=list)

    def as_result(self) -> dict[str, Any]:
        return {
            "changed": self.changed,
            "unreachable": self.unreachable,
            "failures": self.failures,
            "left": self.left,
            "warnings": list(dict.fromkeys(self.warnings)),
            "diff": self.diff,
            "did": self.did,
        }


@dataclass
class Outcome:
    """The plan, what became of each host, keys and lists before and after, groups given up.

    ``unverified``: members that Ansible does not reach, and why nothing shows that they live.
    """

    plan: Plan
    hosts: dict[str, Fate]
    before: dict[str, Holdings] = field(default_factory=dict)
    after: dict[str, Holdings] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    unverified: dict[str, str] = field(default_factory=dict)


def conduct(order: Order, hands: Hands) -> Outcome:
    """Bring the devices to what the description wants. Raises Refused before any is touched."""
    wrong = [*map(str, _limits(order)), *refusals(order.description)]
    if wrong:
        raise Refused(wrong)
    return _Conductor(order, hands).run()


def _limits(order: Order) -> Iterator[Contradiction]:
    """How long it may take, where that does not fit together."""
    for name, value, least, most in (
        ("confirm_minutes", order.confirm_minutes, 0, _MOST_MINUTES),
        ("timeout", order.timeout, 0, MOST_SECONDS),
        ("poll", order.poll, 0, max(1, order.timeout)),
    ):
        if not least <= value <= most:
            why = f"it is {least} to {most}"
            yield Contradiction((), f"group_vpn_{name}", value, why, f"correct '{name}'")
    if 0 < order.confirm_minutes * 60 <= order.timeout:
        yield Contradiction(
            (),
            "group_vpn_confirm_minutes",
            order.confirm_minutes,
            f"servers would take their change back while members may still come (for "
            f"{order.timeout} s, 'timeout')",
            f"set it to {order.timeout // 60 + 1} or more, or 0 for never, or shorten 'timeout'",
        )


class _Conductor:
    def __init__(self, order: Order, hands: Hands) -> None:
        self._order, self._hands = order, hands
        self._description = order.description
        self._fates = {host: Fate() for host in order.hosts}
        self._looks: dict[str, Looked] = {}
        self._held: dict[str, Holdings] = {}
        self._sides: dict[str, Any] = {}
        self._unconfirmed: set[str] = set()
        self._unproved: dict[str, str] = {}
        self._broken: dict[str, str] = {}
        self._silent: dict[str, GroupVpnError] = {}
        self._acted = False
        self._starts: dict[str, Start] = {}

    def run(self) -> Outcome:
        self._look()
        made = plan(
            {host: looked.sides for host, looked in self._looks.items()},
            self._description,
            exclusive=self._order.exclusive,
            readable=self._readable(),
            unshared={group.name for group in self._whole() if shared(group, self._held)},
        )
        self._foresee(made)
        self._leave_as_they_are()
        outcome = Outcome(made, self._fates, before=dict(self._held))
        for line in announced(made):
            self._hands.say(line)
        if not self._order.check:
            self._starts = {host: Start(found) for host, found in self._lists().items()}
            self._carry_out(made)
            outcome.unverified = self._heard_of()
            for host, error in self._silent.items():
                self._note(host, error)
        outcome.after = self._held
        outcome.broken = self._broken
        return outcome

    # Before anything is touched

    def _look(self) -> None:
        self._looks = self._each(dict.fromkeys(self._order.hosts, look))
        wrong = [
            f"{host}: group_vpn_generation {device.generation}: the device is of Group "
            f"VPN{looked.generation}; correct 'group_vpn_generation'"
            for host, looked in self._looks.items()
            if (device := self._description.devices[host]).generation is not looked.generation
            and self._takes_part(host)
        ]
        if wrong:
            raise Refused(wrong)
        for host, looked in self._looks.items():
            self._held[host], self._sides[host] = looked.holdings, looked.sides
            self._fates[host].warnings += looked.warnings
        servers = [h for h in self._looks if any(self._description.of_server(h))]
        found = self._each(dict.fromkeys(servers, work.unproved))
        self._unproved = {host: text for host, text in found.items() if text is not None}
        self._unconfirmed = set(self._unproved)

    def _readable(self) -> set[str]:
        """Groups that somebody who has gone can read, because an earlier run did not end.

        Either servers have sent somebody away in a commit that nothing has proved, or a host holds
        keys of the group and is no member of it.
        """
        return {
            group.name
            for group in self._description.groups
            if any(work.sends_away(self._unproved.get(host, "")) for host in group.servers)
            or any(self._reads(host, group) for host in self._held)
        }

    def _reads(self, host: str, group: Group) -> bool:
        serves = group.name in entries(self._sides[host]["server"], "groups")
        if serves or host in (*group.members, *group.servers):
            return False
        own = self._held[host].of(group.group_id)
        there = [self._held[h].of(group.group_id) for h in group.servers if h in self._held]
        return any(own.kek & one.kek or own.teks.keys() & one.teks.keys() for one in there)

    def _takes_part(self, host: str) -> bool:
        return any(host in (*g.servers, *g.members) for g in self._description.groups)

    def _foresee(self, made: Plan) -> None:
        """What each host will have been through; raises Refused for what a device must not get."""
        wrong = []
        for host, looked in self._looks.items():
            changes = [s.changes[host] for s in made.steps if host in s.changes]
            try:
                foreseen = work.foresee(looked, changes)
            except Refused as error:
                wrong += [f"{host}: {line.removeprefix(f'{host}: ')}" for line in error.objections]
                continue
            if self._order.diff:
                self._fates[host].diff = work.difference_to(looked, foreseen)
            self._fates[host].changed = bool(changes) and self._order.check
        if wrong:
            raise Refused(wrong)

    def _leave_as_they_are(self) -> None:
        """Nobody knows whether hosts are as wanted whose servers could not be looked at."""
        for group in self._description.groups:
            unseen = [host for host in group.servers if host not in self._looks]
            if unseen:
                why = (
                    f"{group.name}: whether anything is to be changed is not known, because "
                    f"{some(unseen)} was not looked at; the next run goes on"
                )
                for host in self._looks:
                    if host in (*group.servers, *group.members) or self._has(host, group):
                        self._fates[host].left.append(why)

    # Steps

    def _carry_out(self, made: Plan) -> None:
        todo: Mapping[Kind, Callable[[Step], None]] = {
            Kind.LEARN: self._learn,
            Kind.SHARE: self._share,
            Kind.MEMBERS: self._members,
            Kind.NEW_KEYS: self._new_keys,
            Kind.RENEW: self._renew,
            Kind.WAIT: self._wait,
            Kind.FORGET: self._clean,
            Kind.LEAVE: self._clean,
        }
        for step in made.steps:
            self._hands.say(f"{step.kind.value} ...")
            todo[step.kind](step)
        if not any(step.kind is Kind.WAIT for step in made.steps):
            self._wait(Step(Kind.WAIT, ()))

    def _whole(self) -> list[Group]:
        """Groups whose servers could all be looked at, and that nothing has stopped."""
        return [
            group
            for group in self._description.groups
            if group.name not in self._broken and all(h in self._looks for h in group.servers)
        ]

    def _learn(self, step: Step) -> None:
        """In turns: see :meth:`_turn`. What one does not take, later ones are not asked to."""
        minutes = self._order.confirm_minutes or None
        commit = CommitOptions(self._order.comment, confirmed=minutes)
        for turn in (0, 1, 2):
            going = {h for g in self._whole() for h in g.servers}
            changes = {
                host: change
                for host, change in step.changes.items()
                if self._turn(host) == turn and host in going
            }
            done = self._change(changes, commit)
            self._unconfirmed |= done if minutes else set()
            for group in self._description.groups:
                lost = [host for host in group.servers if host in changes and host not in done]
                if lost:
                    self._broken[group.name] = f"{', '.join(lost)} did not take the change"
            self._starts |= self._shown(
                {
                    host: partial(since_commit, start=self._starts[host])
                    for host in done & self._starts.keys()
                }
            )

    def _turn(self, host: str) -> int:
        """When a server of a cluster learns: sub-servers, the root, then new ones.

        The root makes keys for its new settings, and they must fit those of its sub-servers; a new
        one calls the root, which must know it.
        """
        if any(host == group.servers[0] for group in self._description.groups):
            return 1
        return 0 if entries(self._looks[host].sides["server"], "groups") else 2

    def _share(self, step: Step) -> None:
        groups = [g for g in self._whole() if g.name in step.groups]
        servers = list(dict.fromkeys(host for group in groups for host in group.servers))

        def wrong() -> dict[str, str]:
            self._ask(servers)
            found: dict[str, str] = {}
            for group in (g for g in groups if g.name not in self._broken):
                faults = "; ".join(map(str, shared(group, self._held)))
                # Who is gone shares no keys, however long the others are asked.
                stopped = self._broken if self._is_cut(group) else found
                stopped.update({group.name: faults} if faults else {})
            return found

        self._broken.update(self._until(wrong, self._order.timeout))

    def _is_cut(self, group: Group) -> bool:
        """Whether somebody who serves a group cannot be reached any more."""
        return any(isinstance(self._silent.get(h), TransportFailure) for h in group.servers)

    def _members(self, step: Step) -> None:
        going = {host for group in self._whole() for host in group.members}
        self._change(
            {host: change for host, change in step.changes.items() if host in going},
            CommitOptions(self._order.comment),
        )
        for group in self._description.groups:
            for host in step.changes.keys() & set(group.members) - going:
                self._fates[host].failures.append(
                    f"not configured, because {group.name} was stopped "
                    f"({self._broken[group.name]}); the next run goes on"
                )

    def _new_keys(self, step: Step) -> None:
        for group in self._whole():
            if group.name in step.groups:
                # The first server makes the keys, and comes last: a sub-server that still held the
                # old key for rekeying would push the new ones under it to whoever it lists.
                for host in reversed(group.servers):
                    self._do({host: partial(work.new_keys, group=group.name)}, "cleared")

    def _renew(self, step: Step) -> None:
        ids: dict[str, list[int]] = {}
        for group in self._whole():
            if group.name in step.groups and group.group_id is not None:
                for host in group.members:
                    if host in step.hosts:
                        ids.setdefault(host, []).append(group.group_id)
        self._do(
            {
                host: partial(
                    work.renew, generation=self._looks[host].generation, group_ids=numbers
                )
                for host, numbers in ids.items()
            },
            "registered anew",
        )

    def _clean(self, step: Step) -> None:
        """Only where nobody depends any more on what goes."""
        waiting = [group for group in self._description.groups if not self._proved(group)]
        changes = {
            host: change
            for host, change in step.changes.items()
            if not any(self._has(host, group) for group in waiting)
        }
        self._change(changes, CommitOptions(self._order.comment))
        for host in step.changes.keys() - changes.keys():
            self._fates[host].warnings.append(f"{step.kind.value}: left for the next run")

    def _has(self, host: str, group: Group) -> bool:
        """Whether a host has anything of a group just now."""
        sides = self._sides[host]
        vpns = entries(sides["member"], "ipsec", "vpns").values()
        return group.name in entries(sides["server"], "groups") or any(
            vpn.get("group") == group.group_id for vpn in vpns
        )

    def _proved(self, group: Group) -> bool:
        return group in self._whole() and not any(
            self._fates[h].failures for h in (*group.servers, *group.members) if h in self._fates
        )

    # The gate

    def _wait(self, step: Step) -> None:
        """Until every group is as it should be; what is proved is kept."""
        groups = self._whole()
        concerned = self._concerned(groups)
        serving = {host for group in groups for host in group.servers}
        servers = [host for host in concerned if host in serving]
        missing = [host for host in concerned if host not in serving]
        is_new = not self._acted

        def wrong() -> dict[str, str]:
            nonlocal missing, is_new
            if not is_new:
                self._ask(servers)
                # Whom no server lists has not come yet, and would say so in two more requests.
                listed = self._listed(groups)
                self._ask(
                    host for host in missing if self._description.devices[host].name in listed
                )
            is_new = False
            found = self._wrong(groups)
            missing = [host for host in concerned if host in found and host not in serving]
            return found

        found = self._until(wrong, self._order.timeout if self._acted else SETTLE_SECONDS)
        for host, why in found.items():
            self._fates[host].failures.append(why)
        self._keep(groups, found)

    def _listed(self, groups: Iterable[Group]) -> set[str]:
        """Gateways that some server lists in some group."""
        servers = {host for group in groups for host in group.servers} & self._held.keys()
        return {
            name for host in servers for names in self._held[host].listed.values() for name in names
        }

    def _there(self) -> list[str]:
        """Members that could be looked at and did what they were told."""
        return [host for host in self._looks if not self._fates[host].failures]

    def _wrong(self, groups: list[Group]) -> dict[str, str]:
        found: dict[str, str] = {}
        for group in groups:
            found.update(faults(self._description, group, self._held, self._there()))
        return found

    def _concerned(self, groups: Iterable[Group]) -> list[str]:
        hosts = dict.fromkeys(h for g in groups for h in (*g.servers, *g.members))
        return [host for host in hosts if host in self._looks]

    def _keep(self, groups: list[Group], wrong: Mapping[str, str]) -> None:
        """Confirm on servers what has proved good for somebody."""
        for host in sorted(self._unconfirmed):
            served = list(self._description.of_server(host))
            if all(g in groups and self._is_good(g, wrong) for g in served):
                if self._do({host: partial(work.keep, comment=self._order.comment)}, "confirmed"):
                    self._unconfirmed.discard(host)
            else:
                self._fates[host].failures.append(
                    f"nothing proves the change: it is not confirmed, and the device takes it back "
                    f"{counted(self._order.confirm_minutes, 'minute')} after the commit unless "
                    "somebody commits there before"
                )

    def _is_good(self, group: Group, wrong: Mapping[str, str]) -> bool:
        there = [host for host in group.members if host in self._looks]
        return not there or any(h not in wrong and not self._fates[h].failures for h in there)

    # Members that nobody here can ask

    def _heard_of(self) -> dict[str, str]:
        """Of members out of reach, whom nothing shows to live; they get a moment for it."""

        def silent() -> dict[str, str]:
            return unverified(self._description, self._starts, self._lists())

        found = self._until(silent, SETTLE_SECONDS if self._acted else 0)
        # They came while they were waited for: what is told of the lists is to be as new.
        self._ask(self._starts)
        return found

    def _lists(self) -> dict[str, Lists]:
        return self._shown(dict.fromkeys(servers_of_others(self._description), lists))

    def _shown(self, asking: Mapping[str, Callable[..., T]]) -> dict[str, T]:
        """What servers show; who cannot say anything shows nothing."""
        jobs = {
            host: partial(what, generation=self._looks[host].generation)
            for host, what in asking.items()
            if host in self._looks
        }
        return self._hands.each(jobs)[0] if jobs else {}

    # Hands

    def _each(self, jobs: Mapping[str, Callable[[Rpc], T]]) -> dict[str, T]:
        done, failed = self._hands.each(jobs)
        for host, error in failed.items():
            self._note(host, error)
        return done

    def _note(self, host: str, error: GroupVpnError) -> None:
        """What has failed on a host becomes its fate."""
        fate = self._fates[host]
        lines = error.objections if isinstance(error, Refused) else [str(error)]
        fate.failures += [line for line in lines if line not in fate.failures]
        fate.warnings += error.warnings
        fate.unreachable = isinstance(error, TransportFailure)
        # What may have been done is not reported as not done.
        fate.changed = fate.changed or error.may_have_changed

    def _do(self, jobs: Mapping[str, Callable[[Rpc], Any]], what: str) -> set[str]:
        done = self._each(jobs)
        for host in done:
            self._fates[host].changed = self._acted = True
            self._fates[host].did.append(what)
        return set(done)

    def _change(self, changes: Mapping[str, Change], commit: CommitOptions) -> set[str]:
        done = self._each(
            {
                host: partial(
                    work.change,
                    what=change,
                    generation=self._looks[host].generation,
                    commit=commit,
                )
                for host, change in changes.items()
            }
        )
        for host, result in done.items():
            fate = self._fates[host]
            fate.warnings += result["warnings"]
            if result["changed"]:
                fate.changed = self._acted = True
                fate.did.append("configured")
            side = changes[host].side
            self._sides[host] = {**self._sides[host], side: result["after"]}
        return set(done)

    def _ask(self, hosts: Iterable[str]) -> None:
        found, failed = self._hands.each(
            {
                host: partial(
                    holdings,
                    sides=self._sides[host],
                    generation=self._looks[host].generation,
                )
                for host in hosts
            }
        )
        self._held.update(found)
        for host in found:
            self._silent.pop(host, None)
        for host, error in failed.items():
            self._held.pop(host, None)
            self._silent[host] = error

    def _until(self, wrong: Callable[[], dict[str, str]], seconds: float) -> dict[str, str]:
        """What is still wrong when nothing is, or when time is over."""
        end = self._hands.clock() + seconds
        told = self._hands.clock() + SAY_SECONDS
        pause = self._order.poll / _EAGER
        while True:
            found = wrong()
            if not found or self._hands.clock() >= end:
                return found
            if self._hands.clock() >= told:
                told += SAY_SECONDS
                first = next(iter(found))
                self._hands.say(f"  waiting for {some(found)}; {first}: {found[first]}")
            self._hands.pause(pause)
            pause = min(2 * pause, self._order.poll)

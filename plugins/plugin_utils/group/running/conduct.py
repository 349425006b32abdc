# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carrying a plan out: looks, steps with gates that look at devices, the verdict at the end.

What fails on one host stops what depends on it and nothing else; what was begun and not proved is
taken back by the devices themselves (confirmed commits on servers), and the next run goes on from
what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from functools import partial

from ...engine.counting import counted
from ...engine.device import CommitOptions
from ...errors import Refused
from ..configurations import entries
from ..contradictions import refusals
from ..description import Group, some
from ..plan import Plan, plan
from ..planning.unserved import Unserved
from ..steps import Kind, Step
from . import scout, work
from .crew import Crew
from .fate import Outcome
from .order import Hands, Order, limits
from .proof import Proof
from .screen import announced
from .verify import shared

_LATER = "the next run goes on"
_UNKEPT = "the change of {} is not known to be confirmed"
_MEANWHILE = {
    Kind.NEW_KEYS: "who has gone can read on",
    Kind.NEW_ALGORITHMS: "traffic may go on with the old algorithms",
}
_FOR_GOOD = " until somebody clears the group (clear_members with 'now')"


def conduct(order: Order, hands: Hands) -> Outcome:
    """Bring the devices to what the description wants. Raises Refused before any is touched."""
    wrong = [*map(str, limits(order)), *refusals(order.description)]
    if wrong:
        raise Refused(wrong)
    crew = Crew(order, hands)
    scout.look_at_all(crew)
    made = _planned(crew)
    crew.taken = made.taken
    scout.foresee(crew, made)
    scout.leave_as_they_are(crew)
    outcome = Outcome(made, crew.fates, before=dict(crew.held))
    for line in announced(made):
        crew.say(line)
    if not order.check:
        outcome.unverified = _Conductor(crew).carry_out(made)
    outcome.unserved = tuple(_unserved(crew, made))
    outcome.after, outcome.broken, outcome.at = crew.held, crew.broken, crew.clock()
    return outcome


def _planned(crew: Crew) -> Plan:
    return plan(
        dict(crew.sides),
        crew.description,
        exclusive=crew.order.exclusive,
        readable=scout.readable(crew),
        outdated=scout.outdated(crew),
        unshared={group.name for group in crew.whole() if shared(group, crew.held)},
        stranded={group.name: scout.stranded(crew, group) for group in crew.whole()},
        readings={host: looked.readings for host, looked in crew.looks.items()},
    )


def _unserved(crew: Crew, made: Plan) -> Iterator[Unserved]:
    """Groups that have gone from under their members, or would; these, and servers, are told."""
    for one in made.unserved:
        gone = tuple(host for host in one.servers if _may_have_gone(crew, host, one.group))
        if gone:
            told = replace(one, servers=gone)
            for host in (*gone, *one.members):
                if host in crew.fates:
                    crew.fates[host].warnings.append(str(told))
            yield told


def _may_have_gone(crew: Crew, host: str, group: str) -> bool:
    """Whether a server has a group no more, or nobody knows; in check mode: would have."""
    if scout.LATER.format(Kind.FORGET.value) in crew.fates[host].warnings:
        return False
    unknown = crew.order.check or crew.fates[host].unreachable
    return unknown or group not in entries(crew.sides[host]["server"], "groups")


class _Conductor:
    def __init__(self, crew: Crew) -> None:
        self._crew, self._proof = crew, Proof(crew)

    def carry_out(self, made: Plan) -> dict[str, str]:
        """All steps; members of which nothing was heard, and why."""
        self._proof.begin()
        self._steps(made)
        self._proof.settle()
        unverified = self._proof.heard_of()
        for host, error in self._crew.silent.items():
            self._crew.fates[host].note(error)
        return {**self._proof.doubted, **unverified}

    def _steps(self, made: Plan) -> None:
        todo: Mapping[Kind, Callable[[Step], None]] = {
            Kind.LEARN: self._learn,
            Kind.SHARE: self._share,
            Kind.MEMBERS: self._members,
            Kind.NEW_KEYS: self._new_keys,
            Kind.NEW_ALGORITHMS: self._new_keys,
            Kind.RENEW: self._renew,
            Kind.WAIT: lambda _step: self._proof.wait(),
            Kind.FORGET: self._clean,
            Kind.LEAVE: self._clean,
        }
        self._clearing = {
            name for step in made.steps if step.kind in _MEANWHILE for name in step.groups
        }
        for step in made.steps:
            self._stop_what_is_over()
            self._crew.say(f"{step.kind.value} ...")
            todo[step.kind](step)
        if not any(step.kind is Kind.WAIT for step in made.steps):
            self._proof.wait()
        self._tell_stopped()

    def _stop_what_is_over(self) -> None:
        """No more is done for groups whose servers have taken back what it was for."""
        over = self._proof.standing.over()
        minutes = counted(self._crew.order.confirm_minutes, "minute")
        for group in self._crew.whole():
            if gone := [host for host in group.servers if host in over]:
                self._crew.broken[group.name] = (
                    f"nothing has proved the change of {some(gone)} within {minutes}; set "
                    "group_vpn_confirm_minutes to more"
                )

    def _tell_stopped(self) -> None:
        """Nothing is said to be as it should be in a group that was stopped.

        Nor of who was configured for what servers go back from.
        """
        taken_back = self._proof.standing.unconfirmed.keys()
        for group in self._crew.description.groups:
            unkept = taken_back >= {*group.servers}
            if unkept:
                self._crew.broken.setdefault(group.name, _UNKEPT.format(some(group.servers)))
            if group.name in self._crew.broken:
                why = f"{group.name}: stopped ({self._crew.broken[group.name]}); {_LATER}"
                for host in self._crew.fates.keys() & {*group.servers, *group.members}:
                    fate = self._crew.fates[host]
                    failed = host in group.servers or (unkept and "configured" in fate.did)
                    told = fate.failures if failed else fate.left
                    told += [] if fate.failures else [why]

    def _not_done(self, hosts: Iterable[str], what: str) -> None:
        """Whoever has no part in a step any more, since its groups were stopped."""
        for host in hosts:
            for group in self._crew.description.groups:
                why = self._crew.broken.get(group.name)
                if why is not None and host in (*group.servers, *group.members):
                    self._crew.fates[host].failures.append(
                        f"not {what}, because {group.name} was stopped ({why}); {_LATER}"
                    )

    def _learn(self, step: Step) -> None:
        """In turns: see :meth:`_turn`. What one does not take, later ones are not asked to."""
        self._proof.remade = step.remade
        minutes = self._crew.order.confirm_minutes or None
        commit = CommitOptions(self._crew.order.comment, confirmed=minutes)
        left = set(step.changes)
        for turn in (0, 1, 2):
            going = {h for g in self._crew.whole() for h in g.servers}
            changes = {
                host: change
                for host, change in step.changes.items()
                if self._turn(host) == turn and host in going
            }
            left -= changes.keys()
            since = self._crew.clock()
            done = self._crew.change(changes, commit)
            if minutes:
                self._proof.standing.began(done, since)
            self._stop_without(changes.keys() - done.keys())
            self._proof.committed(done)
        self._not_done(left, "configured")

    def _stop_without(self, lost: Set[str]) -> None:
        """Groups whose servers have not all taken the change, as far as is known."""
        for group in self._crew.description.groups:
            if own := [host for host in group.servers if host in lost]:
                doubtful = any(self._crew.fates[host].changed for host in own)
                did = "may not have taken" if doubtful else "did not take"
                self._crew.broken[group.name] = f"{', '.join(own)} {did} the change"

    def _turn(self, host: str) -> int:
        """When a server of a cluster learns: sub-servers, the root, then new ones.

        The root makes keys for its new settings, and they must fit those of its sub-servers; a new
        one calls the root, which must know it.
        """
        if any(host == group.servers[0] for group in self._crew.description.groups):
            return 1
        return 0 if entries(self._crew.looks[host].sides["server"], "groups") else 2

    def _share(self, step: Step) -> None:
        groups = [g for g in self._crew.whole() if g.name in step.groups]
        servers = list(dict.fromkeys(host for group in groups for host in group.servers))

        def wrong() -> dict[str, str]:
            self._crew.ask(servers)
            found: dict[str, str] = {}
            for group in (g for g in groups if g.name not in self._crew.broken):
                faults = "; ".join(map(str, shared(group, self._crew.held)))
                # Who is gone shares no keys, however long the others are asked.
                stopped = self._crew.broken if self._crew.is_cut(group) else found
                stopped.update({group.name: faults} if faults else {})
            return found

        self._crew.broken.update(self._crew.until(wrong, self._proof.standing.patience()))

    def _members(self, step: Step) -> None:
        """Once servers have no time left for it, only those whose servers have confirmed."""
        going = {host for group in self._crew.whole() for host in group.members}
        commit = CommitOptions(self._crew.order.comment)
        changes = {host: change for host, change in step.changes.items() if host in going}
        self._crew.change(changes, commit, self._proof.standing.has_time)
        if self._crew.postponed:
            self._crew.say(
                f"servers confirm what is proved: {len(self._crew.postponed)} go on then"
            )
            self._proof.confirm_early(self._clearing)
            left = {host: changes[host] for host in self._crew.postponed}
            self._crew.change(left, commit, self._proof.standing.has_time)
        for host in self._crew.postponed:
            self._crew.fates[host].failures.append(self._too_late())
        self._not_done(step.changes.keys() - going, "configured")

    def _too_late(self) -> str:
        minutes = counted(self._crew.order.confirm_minutes, "minute")
        return (
            f"not configured: its servers take their change back {minutes} after it, which nothing "
            f"proves yet, and a change takes up to {self._proof.standing.longest:.0f} s; set "
            f"group_vpn_confirm_minutes to more; {_LATER}"
        )

    def _new_keys(self, step: Step) -> None:
        """For a group at a time; without them it is stopped, or it would be forgotten."""
        until = "" if self._crew.order.confirm_minutes else _FOR_GOOD
        for group in self._crew.description.groups:
            if group.name in step.groups:
                left = self._cleared(group) if group in self._crew.whole() else [*group.servers]
                if left:
                    why = self._crew.broken.get(group.name, f"{left.pop()} was not cleared")
                    self._crew.broken[group.name] = f"{why}: {_MEANWHILE[step.kind]}{until}"
                self._not_done(left, "cleared")

    def _cleared(self, group: Group) -> list[str]:
        """Clear its servers one by one; those that are left, the one that would not last.

        The first server makes the keys, and comes last: a sub-server that still held the old key
        for rekeying would push the new ones under it to whoever it lists.
        """
        left = [*group.servers]
        self._proof.voids(group)
        new_keys = partial(work.new_keys, group=group.name)
        while left and self._crew.do({left[-1]: new_keys}, "cleared"):
            left.pop()
        return left

    def _renew(self, step: Step) -> None:
        ids: dict[str, list[int]] = {}
        for group in self._crew.whole():
            if group.name in step.groups and group.group_id is not None:
                for host in group.members:
                    if host in step.hosts:
                        ids.setdefault(host, []).append(group.group_id)
        self._crew.do(
            {
                host: partial(
                    work.renew,
                    generation=self._crew.looks[host].generation,
                    group_ids=numbers,
                    forget=host in step.forgetting,
                )
                for host, numbers in ids.items()
            },
            "registered anew",
        )
        self._not_done(set(step.hosts) - ids.keys(), "registered anew")

    def _clean(self, step: Step) -> None:
        """Only where nobody depends any more on what goes."""
        waiting = [
            group for group in self._crew.description.groups if not self._proof.proved(group)
        ]
        changes = {
            host: change
            for host, change in step.changes.items()
            if not any(self._crew.has(host, group) for group in waiting)
        }
        self._crew.change(changes, CommitOptions(self._crew.order.comment))
        for host in step.changes.keys() - changes.keys():
            self._crew.fates[host].warnings.append(scout.LATER.format(step.kind.value))

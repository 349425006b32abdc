# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what there is to what is wanted: the steps, in the order that cuts nobody off.

Servers learn before members ask; members change while servers still know the old; whoever left is
forgotten by the servers before the rest gets keys that it cannot read. Each step says who may be
unable to talk to whom until the members have been waited for; whoever it does not name goes on.

Hosts that nobody could look at are left as they are: what servers know of such a member stays what
it was, and a group of which a server is missing is not touched at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..engine.values import Generation
from .configurations import after, entries, joined
from .description import REREGISTER, RULES, Description, Group
from .expand import ROOT, Config, Sides, configurations, is_cluster
from .references import foreign, merged, orphans
from .steps import Apart, Change, Kind, Step

Fleet = Mapping[str, Sides]
"""Host to what ``server`` and ``member`` find there, secrets included."""

_REGISTRATION = "it has registered again"
_MOVED = "all have registered at a server that shares keys with theirs"
_NEW_KEYS = "all have registered for new keys"
_ITS_OWN = "somebody gives it the new proposal; it is not managed"


@dataclass(frozen=True)
class Plan:
    """Steps, and what is left as it is and why."""

    steps: tuple[Step, ...]
    left: tuple[str, ...] = ()


def plan(
    now: Fleet,
    description: Description,
    *,
    exclusive: bool = False,
    readable: Collection[str] = (),
) -> Plan:
    """The steps from ``now`` (hosts that could be looked at) to what a description wants.

    ``exclusive``: on the description's hosts, what it does not name goes; ``readable``: groups
    that servers have sent somebody away from who still holds their keys.
    """
    return _Planner(now, description, exclusive, readable).plan()


class _Planner:
    def __init__(
        self, now: Fleet, description: Description, exclusive: bool, readable: Collection[str]
    ) -> None:
        self._now, self._exclusive, self._readable = now, exclusive, readable
        self._devices = description.devices
        self._groups = [g for g in description.groups if all(h in now for h in g.servers)]
        self._left = [*_untouched(now, description), *_unseen(now, description, self._groups)]
        self._description = Description(tuple(self._groups), description.devices)
        self._wanted = configurations(self._description)

    def plan(self) -> Plan:
        servers = [host for host in self._now if self._server(host) or self._served(host)]
        learn = self._changes(self._learn, servers)
        settled = {**self._now, **{h: self._then(h, learn[h]) for h in learn}}
        forget = self._changes(self._forget, servers, settled)
        members = self._changes(self._join, [h for h in self._now if self._member(h)])
        joined_ = {**self._now, **{h: self._then(h, members[h]) for h in members}}
        leave = self._changes(self._leave, list(self._now), joined_)
        found = [
            _step(Kind.LEARN, learn, apart=self._moving()),
            self._sharing(),
            _step(Kind.MEMBERS, members, apart=self._registering(joined_, members)),
            *self._new_keys(),
            self._renewing(members),
        ]
        steps = [step for step in found if step is not None]
        if steps:
            steps.append(Step(Kind.WAIT, (), groups=tuple(g.name for g in self._groups)))
        cleaning = [
            _step(Kind.FORGET, forget, apart=self._outdated(forget)),
            _step(Kind.LEAVE, leave),
        ]
        steps += [step for step in cleaning if step is not None]
        return Plan(tuple(steps), tuple(self._left))

    # What a host has and is to have

    def _server(self, host: str) -> Config:
        return self._wanted.get(host, {}).get("server", {})

    def _member(self, host: str) -> Config:
        return self._wanted.get(host, {}).get("member", {})

    def _served(self, host: str) -> list[str]:
        """The description's groups that a host serves now."""
        return [g.name for g in self._groups if self._block(host, g) is not None]

    def _block(self, host: str, group: Group) -> Config | None:
        found: Config | None = entries(self._now[host]["server"], "groups").get(group.name)
        return found

    def _changes(
        self, what: Any, hosts: Iterable[str], fleet: Fleet | None = None
    ) -> dict[str, Change]:
        """Host to its change, where that changes anything."""
        found = {}
        for host in hosts:
            have = (fleet or self._now)[host]
            change = what(host, have)
            if change is not None and self._then(host, change, have) != have:
                found[host] = change
        return found

    def _then(self, host: str, change: Change, have: Sides | None = None) -> Sides:
        have = have or self._now[host]
        generation = self._generation(host)
        side = change.side
        return {**have, side: after(side, have[side], change.config, change.drop, generation)}

    def _generation(self, host: str) -> Any:
        return self._devices[host].generation

    def _with_orphans(self, host: str, have: Sides, change: Change) -> Change:
        """The change, and what nothing names once it is made."""
        then = self._then(host, change, have)[change.side]
        return Change(
            change.side,
            change.config,
            merged(change.drop, orphans(change.side, have[change.side], then)),
        )

    # Servers

    def _learn(self, host: str, have: Sides) -> Change | None:
        """Everything new, beside whatever of the old is still needed; without who left."""
        want, now = self._server(host), have["server"]
        if not want:
            return None
        held = self._held(now)
        gateways = entries(now, "ike", "gateways")
        policies = entries(now, "ike", "policies")

        def with_old(policy: Config) -> Config:
            old = policies.get(gateways.get(policy["name"], {}).get("ike_policy", ""), {})
            return {
                **policy,
                "proposals": joined(policy["proposals"], old.get("proposals") or ()),
            }

        config = {
            **want,
            "ike": {
                **want["ike"],
                "policies": [with_old(p) for p in want["ike"]["policies"] if p["name"] not in held],
                "gateways": [g for g in want["ike"]["gateways"] if g["name"] not in held],
            },
            "groups": [
                _with_old_peers(g, entries(now, "groups").get(g["name"], {}))
                for g in want["groups"]
            ],
        }
        return self._with_orphans(host, have, Change("server", config))

    def _held(self, now: Config) -> set[str]:
        """Members that could not be looked at and that a server knows already."""
        unseen = {
            self._devices[host].name
            for group in self._groups
            for host in group.members
            if host not in self._now and self._devices[host].managed
        }
        return unseen & entries(now, "ike", "gateways").keys()

    def _forget(self, host: str, have: Sides) -> Change | None:
        """Exactly what is wanted; groups that are served elsewhere now."""
        want = self._server(host)
        held = self._held(self._now[host]["server"])
        wanted_groups = entries(want, "groups")
        config = (
            {
                **want,
                "ike": {
                    **want["ike"],
                    "policies": [p for p in want["ike"]["policies"] if p["name"] not in held],
                    "gateways": [g for g in want["ike"]["gateways"] if g["name"] not in held],
                },
            }
            if want
            else {}
        )
        gone = [{"name": name} for name in self._served(host) if name not in wanted_groups]
        drop: Config = {"groups": gone} if gone else {}
        if self._exclusive and want:
            drop = merged(drop, foreign("server", have["server"], want))
        return self._with_orphans(host, have, Change("server", config, drop))

    def _sharing(self) -> Step | None:
        """Wait for the keys of a cluster where a server is new in it."""
        new = [
            group
            for group in self._groups
            if is_cluster(self._description, group)
            and any(_cluster(self._block(h, group)) is None for h in group.servers)
        ]
        hosts = joined((), (host for group in new for host in group.servers))
        return Step(Kind.SHARE, tuple(hosts), groups=tuple(g.name for g in new)) if new else None

    # Members

    def _join(self, host: str, have: Sides) -> Change | None:
        """What is wanted; a VPN of the same group under another name goes."""
        want, now = self._member(host), have["member"]
        ids = {vpn["group"]: name for name, vpn in entries(want, "ipsec", "vpns").items()}
        renamed = [
            name
            for name, vpn in entries(now, "ipsec", "vpns").items()
            if vpn.get("group") in ids and ids[vpn["group"]] != name
        ]
        if self._generation(host) is Generation.V1:
            want = {**want, "policies": _as_called(now, renamed, want["policies"])}
        drop = _attached(now, renamed, {_pair(p) for p in want["policies"]})
        if self._exclusive:
            drop = merged(drop, foreign("member", now, want))
        return self._with_orphans(host, have, Change("member", want, drop))

    def _leave(self, host: str, have: Sides) -> Change | None:
        """VPNs of the description's groups that the host is in no more."""
        now = have["member"]
        ids = {g.group_id for g in self._groups if host not in g.members}
        vpns = [n for n, v in entries(now, "ipsec", "vpns").items() if v.get("group") in ids]
        if not vpns:
            return None
        return self._with_orphans(host, have, Change("member", {}, _attached(now, vpns, set())))

    def _was_in(self, host: str, group: Group) -> bool:
        return _vpn(self._now[host]["member"], group) is not None if host in self._now else False

    def _stay(self, group: Group) -> list[str]:
        """Managed members that are in the group and remain."""
        return [host for host in group.members if self._was_in(host, group)]

    def _unmanaged(self, group: Group) -> list[str]:
        return [host for host in group.members if not self._devices[host].managed]

    def _registering(self, then: Fleet, members: Mapping[str, Change]) -> tuple[Apart, ...]:
        """Members that a commit makes register again."""
        found = []
        for group in self._groups:
            hosts = [
                host
                for host in self._stay(group)
                if host in members and _enrolment(then[host]) != _enrolment(self._now[host])
            ]
            if hosts:
                found.append(Apart(group.name, tuple(hosts), _REGISTRATION))
        return tuple(found)

    # Keys

    def _moving(self) -> tuple[Apart, ...]:
        """Groups whose keys will be made by another server."""
        found = []
        for group in self._groups:
            makers = {host for host in self._now if _makes_keys(self._block(host, group))}
            if makers and makers != {group.servers[0]}:
                found.append(Apart(group.name, tuple(self._stay(group)), _MOVED))
        return tuple(found)

    def _left_by(self, group: Group) -> list[str]:
        """Gateways of members that the group has had."""
        names = {self._devices[host].name for host in group.members}
        had = (self._block(host, group) or {} for host in group.servers)
        return [
            n
            for n in joined((), (n for b in had for n in b.get("ike_gateways", ())))
            if n not in names
        ]

    def _excludes(self, group: Group) -> bool:
        """Whether somebody has gone who must not read what the others say from now on."""
        gone = self._left_by(group) or group.name in self._readable
        return bool(gone) and group.exclude == REREGISTER

    def _new_keys(self) -> Iterator[Step]:
        for group in self._groups:
            stay = [*self._stay(group), *self._unmanaged(group)]
            if self._excludes(group) and stay:
                apart = Apart(group.name, tuple(stay), _NEW_KEYS)
                yield Step(Kind.NEW_KEYS, group.servers, {}, (group.name,), (apart,))

    def _renewing(self, members: Mapping[str, Change]) -> Step | None:
        """Members that no push reaches, and that have to ask for what is new."""
        hosts: list[str] = []
        groups, apart = [], []
        for group in self._groups:
            blocks = [b for h in group.servers if (b := self._block(h, group)) is not None]
            stay = self._stay(group)
            if not blocks or not stay:
                continue
            cut = self._unpushed(group, blocks)
            if cut or (
                group.communication is not None and _kinds(blocks) != {_kind(group.communication)}
            ):
                groups.append(group.name)
                hosts = joined(hosts, stay)
                if cut or any(self._generation(host) == "v1" for host in stay):
                    apart.append(Apart(group.name, tuple(stay), _NEW_KEYS))
        return Step(Kind.RENEW, tuple(hosts), {}, tuple(groups), tuple(apart)) if hosts else None

    def _unpushed(self, group: Group, blocks: list[Config]) -> bool:
        """Whether traffic keys change and nothing pushes them."""
        if group.communication is not None and _kinds(blocks) != {None}:
            return False
        want = entries(self._server(group.servers[0]), "groups")[group.name]["ipsec_sas"]
        proposal = entries(self._server(group.servers[0]), "ipsec", "proposals")[group.name]
        for host in group.servers:
            block = self._block(host, group)
            if block is None:
                continue
            there = entries(self._now[host]["server"], "ipsec", "proposals").get(group.name)
            if block.get("ipsec_sas") != want or there != proposal:
                return True
        return self._excludes(group)

    def _outdated(self, forget: Mapping[str, Change]) -> tuple[Apart, ...]:
        """Members that nobody here manages, whose old proposal goes."""
        gone = {
            entry["name"]
            for change in forget.values()
            for entry in change.drop.get("ike", {}).get("proposals", ())
        }
        found = []
        for group in self._groups:
            hosts = self._unmanaged(group)
            if gone and hosts:
                found.append(Apart(group.name, tuple(hosts), _ITS_OWN))
        return tuple(found)


def _untouched(now: Fleet, description: Description) -> Iterator[str]:
    for group in description.groups:
        blind = [host for host in group.servers if host not in now]
        if blind:
            yield f"{', '.join(blind)}: not looked at; group {group.name} stays as it is everywhere"


def _unseen(now: Fleet, description: Description, groups: list[Group]) -> Iterator[str]:
    for host in dict.fromkeys(host for group in groups for host in group.members):
        if host not in now and description.devices[host].managed:
            yield f"{host}: not looked at; it, and what servers know of it, stays as it is"


def _step(kind: Kind, changes: Mapping[str, Change], apart: tuple[Apart, ...] = ()) -> Step | None:
    if not changes:
        return None
    return Step(kind, tuple(changes), changes, apart=apart)


def _cluster(block: Config | None) -> Config | None:
    return (block or {}).get("server_cluster")


def _makes_keys(block: Config | None) -> bool:
    """Whether a server that has this block of a group makes its keys."""
    cluster = _cluster(block)
    return block is not None and (cluster is None or cluster.get("server_role") == ROOT)


def _with_old_peers(group: Config, old: Config) -> Config:
    """A group with the other servers that it has had, until the change is over."""
    cluster, before = group.get("server_cluster"), old.get("server_cluster")
    if before is None:
        return group
    if cluster is None:
        return {**group, "server_cluster": before}
    gateways = joined(cluster["ike_gateways"], before.get("ike_gateways") or ())
    return {**group, "server_cluster": {**before, **cluster, "ike_gateways": gateways}}


def _vpn(member: Config, group: Group) -> Config | None:
    vpns = entries(member, "ipsec", "vpns").values()
    return next((vpn for vpn in vpns if vpn.get("group") == group.group_id), None)


def _enrolment(sides: Sides) -> Any:
    """What a member's registrations depend on."""
    vpns = entries(sides["member"], "ipsec", "vpns")
    aside = ("df_bit", *RULES)
    core = {n: {o: v for o, v in vpn.items() if o not in aside} for n, vpn in vpns.items()}
    return sides["member"].get("ike"), core


def _pair(policy: Config) -> tuple[str | None, ...]:
    """What tells one attachment from others; in v1 the security policy's name is in it."""
    return tuple(policy.get(option) for option in _PAIR)


_PAIR = ("from_zone", "to_zone", "policy")


def _as_called(member: Config, renamed: Iterable[str], policies: Iterable[Config]) -> list[Config]:
    """Wanted attachments with the names of the security policies that are there for them.

    A policy of another name would stand behind all others of its zones, and match anything.
    """
    gone = set(renamed)
    named = [p for p in member.get("policies") or () if p.get("vpn") in gone and "policy" in p]
    found = []
    for policy in policies:
        there = [p["policy"] for p in named if _pair(p)[:2] == _pair(policy)[:2]]
        found += [{**policy, "policy": name} for name in there] or [policy]
    return found


def _attached(member: Config, vpns: Iterable[str], kept: set[tuple[str | None, ...]]) -> Config:
    """VPNs, and the pairs of zones that they are attached to."""
    gone = list(vpns)
    pairs = [
        {option: p[option] for option in _PAIR if option in p}
        for p in member.get("policies") or ()
        if p.get("vpn") in gone and _pair(p) not in kept
    ]
    found: Config = {"ipsec": {"vpns": [{"name": name} for name in gone]}} if gone else {}
    return {**found, "policies": pairs} if pairs else found


def _kind(communication: Any) -> str | None:
    return None if communication is None else communication.get("communication_type", "unicast")


def _kinds(blocks: list[Config]) -> set[str | None]:
    return {_kind(block.get("server_member_communication")) for block in blocks}

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members: they join and leave, and some cannot talk to others until they have registered again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from ...engine.values import Generation
from ..configurations import entries
from ..description import RULES
from ..expand import Config, Sides
from ..references import foreign, merged
from ..steps import Apart, Change
from .servers import numbers
from .situation import Fleet, Situation

_ONE, _EACH = "it has registered again", "each has registered again"
_CARRIED = "all whose traffic moves to it have registered in it"
_ITS_OWN = "somebody gives it the new proposal; it is not managed"
_PAIR = ("from_zone", "to_zone", "policy")
_KEPT = ("policy", "pair_policy")
"""What a security policy goes on with when its VPN gets another name."""


def join(here: Situation, host: str, have: Sides) -> Change | None:
    """What is wanted; a VPN of the same group under another name goes."""
    want, now = here.member(host), have["member"]
    renamed = _renamed(now, want)
    if here.generation(host) is Generation.V1:
        want = {**want, "policies": _as_called(now, renamed, want["policies"])}
    strange = foreign("member", now, want) if host in here.exclusive else {}
    gone = [*renamed, *entries(strange, "ipsec", "vpns")]
    drop = _attached(now, gone, {pair(policy) for policy in want["policies"]})
    drop = merged(merged(drop, _moved(now, want)), strange)
    return Change("member", want, drop)


def leave(here: Situation, host: str, have: Sides) -> Change | None:
    """VPNs of the description's groups that the host is in no more go."""
    now = have["member"]
    left = [group for group in here.groups if host not in group.members]
    ids = {number for group in left for number in (group.group_id, *numbers(here, group))}
    ids -= {vpn["group"] for vpn in entries(here.member(host), "ipsec", "vpns").values()}
    vpns = [n for n, vpn in entries(now, "ipsec", "vpns").items() if vpn.get("group") in ids]
    if not vpns:
        return None
    return Change("member", {}, _attached(now, vpns, set()))


def _renamed(now: Config, want: Config) -> list[str]:
    """VPNs of groups that get one of another name; a name may go on for another group."""
    wanted = entries(want, "ipsec", "vpns")
    groups = {vpn["group"] for vpn in wanted.values()}
    return [
        name
        for name, vpn in entries(now, "ipsec", "vpns").items()
        if vpn.get("group") in groups and name not in wanted
    ]


# Pairs of zones


def pair(policy: Config) -> tuple[str | None, ...]:
    """What tells one attachment from others; in v1 the security policy's name is in it."""
    return tuple(policy.get(option) for option in _PAIR)


def _zones(policy: Config) -> tuple[str | None, ...]:
    return pair(policy)[:2]


def _as_called(member: Config, renamed: Iterable[str], policies: Iterable[Config]) -> list[Config]:
    """Wanted attachments with the names of the security policies that are there for them.

    A policy of another name would stand behind all others of its zones, and match anything.
    """
    gone = set(renamed)
    named = [p for p in member.get("policies") or () if p.get("vpn") in gone and "policy" in p]
    found = []
    for policy in policies:
        there = [p for p in named if _zones(p) == _zones(policy)]
        kept = [{o: p[o] for o in _KEPT if o in p} for p in there]
        found += [{**policy, **one} for one in kept] or [policy]
    return found


def _attached(member: Config, vpns: Iterable[str], kept: set[tuple[str | None, ...]]) -> Config:
    """VPNs, and the pairs of zones that they are attached to."""
    gone = list(vpns)
    pairs = [
        {option: p[option] for option in _PAIR if option in p}
        for p in member.get("policies") or ()
        if p.get("vpn") in gone and pair(p) not in kept
    ]
    found: Config = {"ipsec": {"vpns": [{"name": name} for name in gone]}} if gone else {}
    return {**found, "policies": pairs} if pairs else found


def _moved(member: Config, want: Config) -> Config:
    """Pairs of zones that a wanted VPN is attached to, where others are wanted for it."""
    wanted: dict[str, set[tuple[str | None, ...]]] = {}
    kept = {pair(policy) for policy in want["policies"]}
    for policy in want["policies"]:
        wanted.setdefault(policy["vpn"], set()).add(_zones(policy))
    pairs = [
        {option: p[option] for option in _PAIR if option in p}
        for p in member.get("policies") or ()
        if pair(p) not in kept and _zones(p) not in wanted.get(p.get("vpn"), {_zones(p)})
    ]
    return {"policies": pairs} if pairs else {}


# Who is apart


def registering(here: Situation, then: Fleet) -> tuple[Apart, ...]:
    """Members that a commit makes register again."""
    found = []
    for group in here.groups:
        hosts = [h for h in here.stay(group) if _enrolment(then[h]) != _enrolment(here.now[h])]
        if hosts:
            found.append(Apart(group.name, tuple(hosts), _ONE if len(hosts) == 1 else _EACH))
    return tuple(found)


def carried(here: Situation, then: Fleet) -> tuple[Apart, ...]:
    """Members whose traffic goes from one group to another."""
    found = []
    for group in here.groups:
        hosts = [h for h in here.managed(group) if _moves(here.now[h], then[h], group.group_id)]
        if hosts:
            found.append(Apart(group.name, tuple(hosts), _CARRIED))
    return tuple(found)


def _moves(before: Sides, after: Sides, group_id: int | None) -> bool:
    """Whether traffic of some zones goes under a group's keys that went under others'."""
    old, new = _carriers(before["member"]), _carriers(after["member"])
    return any(group_id in new[zones] - old[zones] and old[zones] for zones in new)


def _carriers(member: Config) -> Mapping[tuple[str | None, ...], set[int | None]]:
    """By a pair of zones the groups under whose keys its traffic goes."""
    found: dict[tuple[str | None, ...], set[int | None]] = defaultdict(set)
    vpns = entries(member, "ipsec", "vpns")
    for policy in member.get("policies") or ():
        found[_zones(policy)].add(vpns.get(policy.get("vpn", ""), {}).get("group"))
    return found


def _enrolment(sides: Sides) -> Any:
    """What a member's registrations depend on."""
    vpns = entries(sides["member"], "ipsec", "vpns")
    aside = ("df_bit", *RULES)
    core = {n: {o: v for o, v in vpn.items() if o not in aside} for n, vpn in vpns.items()}
    return sides["member"].get("ike"), core


def outdated(here: Situation, forget: Mapping[str, Change]) -> tuple[Apart, ...]:
    """Members that nobody here manages, and whose old proposal servers forget."""
    if not any(change.drop.get("ike", {}).get("proposals") for change in forget.values()):
        return ()
    found = ((group.name, tuple(here.unmanaged(group))) for group in here.groups)
    return tuple(Apart(name, hosts, _ITS_OWN) for name, hosts in found if hosts)

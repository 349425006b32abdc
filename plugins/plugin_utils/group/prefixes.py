# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Protected traffic as prefixes: what covers an address, what overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from .description import Options


def network(text: Any) -> IPv4Network | None:
    """A prefix; None for another word, which the tables object to."""
    return _network(str(text))


# Each group's prefixes are held against those of every other.
@lru_cache(maxsize=16384)
def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None


def holds(prefix: Any, address: Any) -> bool:
    """Whether a prefix covers an address; one that nobody knows is in everybody's prefix."""
    here = network(prefix)
    if here is None:
        return False
    return here.prefixlen == 0 if address is None else is_ipv4(address) and _in(here, address)


def is_ipv4(text: Any) -> bool:
    """Whether a text is an address, and no name of a host."""
    try:
        IPv4Address(str(text))
    except ValueError:
        return False
    return True


def _in(prefix: IPv4Network, address: Any) -> bool:
    return IPv4Address(str(address)) in prefix


def overlapping(
    some: Iterable[Options], others: Iterable[Options]
) -> Iterator[tuple[Options, Options]]:
    """Pairs of policies that take some of the same traffic, in either direction."""
    there = list(others)
    for one in some:
        for other in there:
            if same_way(one, other) or same_way(one, _turned(other)):
                yield one, other


def same_way(one: Options, other: Options) -> bool:
    """Whether two policies take some of the same traffic."""
    if any(_differ(one.get(option), other.get(option)) for option in NUMBERS):
        return False
    for option in _ENDS:
        mine, theirs = network(one.get(option)), network(other.get(option))
        if mine is None or theirs is None or not mine.overlaps(theirs):
            return False
    return True


_ENDS = ("source", "destination")
_EVERYBODY = "0.0.0.0/0"
PORTS = ("source_port", "destination_port")
NUMBERS = ("protocol", *PORTS)


def _differ(one: Any, other: Any) -> bool:
    """Whether no packet has both; 0, or nothing, is any."""
    return bool(one) and bool(other) and one != other


def _turned(policy: Options) -> Options:
    """The policy of the answers."""
    ends = {"source": "destination", "source_port": "destination_port"}
    back = {**ends, **{value: key for key, value in ends.items()}}
    return {back.get(option, option): value for option, value in policy.items()}


def covered(policy: Options, rules: Iterable[Options]) -> list[Options]:
    """The rules that take all traffic of a policy, alone or together; none if some is left."""
    whole = _area(policy.get(option) for option in _ENDS)
    areas = [(rule, area) for rule in rules for area in _areas(rule)]
    if whole is None:
        return []
    alone = [rule for rule, area in areas if _within(whole, area)]
    if alone or _has_gap(whole, [area for _rule, area in areas]):
        return alone[:1]
    found: list[Options] = []
    for rule, area in areas:
        if _meet(whole, area) and rule not in found:
            found.append(rule)
    return found


_Area = tuple[IPv4Network, IPv4Network]


def _area(ends: Iterable[Any]) -> _Area | None:
    source, destination = map(network, ends)
    return None if source is None or destination is None else (source, destination)


def _areas(rule: Options) -> Iterator[_Area]:
    """What a rule takes, both ways; one for an application leaves the rest of it."""
    area = None if _is_partial(rule) else _area(ends_of(rule))
    if area is not None:
        yield area
        yield area[1], area[0]


def _is_partial(rule: Options) -> bool:
    return rule.get("application") not in (None, "", "any")


def _within(inner: _Area, outer: _Area) -> bool:
    return all(one.subnet_of(other) for one, other in zip(inner, outer, strict=True))


def _meet(one: _Area, other: _Area) -> bool:
    return all(mine.overlaps(theirs) for mine, theirs in zip(one, other, strict=True))


def _has_gap(whole: _Area, areas: list[_Area]) -> bool:
    """Whether areas leave something of one: it is halved until each part is in one or in none."""
    there = [area for area in areas if _meet(whole, area)]
    if any(_within(whole, area) for area in there):
        return False
    return not there or any(_has_gap(half, there) for half in _halves(whole, there))


def _halves(whole: _Area, areas: list[_Area]) -> list[_Area]:
    """Both halves of an area, cut at the end where another one is narrower."""
    source, destination = whole
    if any(area[0].prefixlen > source.prefixlen for area in areas):
        return [(half, destination) for half in source.subnets()]
    return [(source, half) for half in destination.subnets()]


def ends_of(rule: Options) -> tuple[str, str]:
    """The prefixes that a rule is for, either way; one that it does not name is everybody's."""
    source, destination = (rule.get(f"{end}_address") or _EVERYBODY for end in _ENDS)
    return source, destination


def covering(
    policies: Iterable[Options], one: Any, other: Any, excluded: Iterable[Options]
) -> Options | None:
    """The policy that takes traffic between two addresses, unless a rule excludes it."""
    if any(_between(ends_of(r), one, other) for r in excluded if not _is_partial(r)):
        return None
    return next((p for p in policies if _between(tuple(map(p.get, _ENDS)), one, other)), None)


def _between(ends: tuple[Any, ...], one: Any, other: Any) -> bool:
    source, destination = ends
    return (holds(source, one) and holds(destination, other)) or (
        holds(source, other) and holds(destination, one)
    )

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Protected traffic as prefixes: what covers an address, what overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from .description import Options


def network(text: Any) -> IPv4Network | None:
    """A prefix; None for what is none, which the tables object to."""
    try:
        return IPv4Network(str(text), strict=False)
    except ValueError:
        return None


def holds(prefix: Any, address: Any) -> bool:
    """Whether a prefix covers an address."""
    here = network(prefix)
    try:
        return here is not None and IPv4Address(str(address)) in here
    except ValueError:
        return False


def is_one_device(address: Any) -> bool:
    """Whether an address can be a device's; what is none is for the tables to object to."""
    try:
        one = IPv4Address(str(address))
    except ValueError:
        return True
    return not (one.is_multicast or one.is_unspecified or one == IPv4Address("255.255.255.255"))


def overlapping(
    some: Iterable[Options], others: Iterable[Options]
) -> Iterator[tuple[Options, Options]]:
    """Pairs of policies that take some of the same traffic, in either direction."""
    there = list(others)
    for one in some:
        for other in there:
            ends = (network(other.get("source")), network(other.get("destination")))
            if _meet(one, *ends) or _meet(one, *ends[::-1]):
                yield one, other


def _meet(policy: Options, source: IPv4Network | None, destination: IPv4Network | None) -> bool:
    mine = (network(policy.get("source")), network(policy.get("destination")))
    return all(
        a is not None and b is not None and a.overlaps(b)
        for a, b in zip(mine, (source, destination), strict=True)
    )


def covering(
    policies: Iterable[Options], one: Any, other: Any, excluded: Iterable[Options]
) -> Options | None:
    """The policy that takes traffic between two addresses, unless a rule excludes it."""
    if any(_between(r, one, other, "_address") for r in excluded if not r.get("application")):
        return None
    return next((p for p in policies if _between(p, one, other)), None)


def _between(rule: Options, one: Any, other: Any, suffix: str = "") -> bool:
    source, destination = (rule.get(f"{end}{suffix}") for end in ("source", "destination"))
    return (holds(source, one) and holds(destination, other)) or (
        holds(source, other) and holds(destination, one)
    )

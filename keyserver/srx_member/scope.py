# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Group VPNv1's scope policy: what of a group's policy a member takes.

A security policy that tunnels into a group VPN is its scope. A group policy is installed when its
addresses lie inside those of a scope policy and its protocol and ports are those of that policy's
application; nothing else of the group is (Junos 10.3, "dynamic policies").
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..config.schema import KEY_SEPARATOR
from ..config.tree import Tree, lookup
from ..gdoi.payloads import Selector
from ..ike.numbers import IdType
from ..member.associations import TrafficSelector
from .applications import Service, services_of

Network = ipaddress.IPv4Network
_EVERYWHERE = Network("0.0.0.0/0")
_ANY = ("any", "any-ipv4")
_MOST_SETS = 100
"""How deep address sets are followed into one another; they may name each other in a circle."""


@dataclass(frozen=True)
class Scope:
    """What one scope policy covers."""

    sources: tuple[Network, ...]
    destinations: tuple[Network, ...]
    services: tuple[Service, ...]

    def covers(self, policy: TrafficSelector) -> bool:
        """True when the traffic of a group policy lies inside."""
        asked = Service(policy.protocol, policy.source.port, policy.destination.port)
        source, destination = networks_of(policy.source), networks_of(policy.destination)
        return (
            asked in self.services
            and _inside(source, self.sources)
            and _inside(destination, self.destinations)
        )

    def holds(self, source: ipaddress.IPv4Address, destination: ipaddress.IPv4Address) -> bool:
        """True when traffic between these is what the policy is for."""
        ends = ((source, self.sources), (destination, self.destinations))
        return all(any(address in one for one in networks) for address, networks in ends)


def covered(policy: TrafficSelector, scopes: Iterable[Scope]) -> bool:
    """True when one of the scopes covers a group policy."""
    return any(scope.covers(policy) for scope in scopes)


def _inside(networks: list[Network], wider: tuple[Network, ...]) -> bool:
    found = (any(one.subnet_of(other) for other in wider) for one in networks)
    return bool(networks) and all(found)


def networks_of(selector: Selector) -> list[Network]:
    """The IPv4 networks that a selector stands for; none for those of IPv6."""
    data = selector.data
    if not data:
        return [_EVERYWHERE]
    first = ipaddress.IPv4Address(data[:4])
    if selector.type == IdType.IPV4_ADDR:
        return [Network(first)]
    if selector.type == IdType.IPV4_ADDR_SUBNET:
        length = int.from_bytes(data[4:], "big").bit_count()
        return [Network((first, length), strict=False)]
    if selector.type == IdType.IPV4_ADDR_RANGE:
        last = ipaddress.IPv4Address(data[4:])
        return [*ipaddress.summarize_address_range(first, last)]
    return []


def scopes_of(tree: Tree) -> Iterator[tuple[str, Scope]]:
    """(VPN, scope) of each security policy that tunnels into a group VPN."""
    security = lookup(tree, "security")
    for pair, body in lookup(security, "policies", "policy").items():
        zones = pair.split(KEY_SEPARATOR)
        for policy in body.get("policy", {}).values():
            vpn = lookup(policy, "then", "permit", "tunnel").get("ipsec-group-vpn")
            if vpn is not None:
                yield vpn, _scope(tree, zones, lookup(policy, "match"))


def _scope(tree: Tree, zones: list[str], match: Tree) -> Scope:
    sides = zip(zones, ("source-address", "destination-address"), strict=True)
    sources, destinations = (
        tuple(_addresses(_books(tree, zone), match.get(leaf, ()), _MOST_SETS))
        for zone, leaf in sides
    )
    return Scope(sources, destinations, tuple(services_of(tree, match.get("application", ()))))


def _books(tree: Tree, zone: str) -> list[Tree]:
    """The address books that a zone's names are looked up in."""
    books = lookup(tree, "security", "address-book")
    attached = [book for book in books.values() if zone in lookup(book, "attach", "zone")]
    own = lookup(tree, "security", "zones", "security-zone", zone, "address-book")
    return [own, *attached, lookup(books, "global")]


def _addresses(books: list[Tree], names: Iterable[str], most: int) -> Iterator[Network]:
    """The networks of names; a name that stands for no IPv4 addresses covers nothing."""
    for name in names:
        if name in _ANY:
            yield _EVERYWHERE
            continue
        for book in books:
            yield from _address(lookup(book, "address", name))
            inner = lookup(book, "address-set", name)
            if inner and most:
                more = [*inner.get("address", {}), *inner.get("address-set", {})]
                yield from _addresses(books, more, most - 1)


def _address(entry: Tree) -> Iterator[Network]:
    if "ip-prefix" in entry:
        network = ipaddress.ip_network(entry["ip-prefix"], strict=False)
        if isinstance(network, Network):
            yield network
    for low, rest in entry.get("range-address", {}).items():
        high = lookup(rest, "to").get("range-high", low)
        first, last = (ipaddress.IPv4Address(text) for text in (low, high))
        yield from ipaddress.summarize_address_range(first, last)

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
from ..gdoi.payloads import SaTek, Selector
from ..ike.numbers import IdType

Network = ipaddress.IPv4Network
_EVERYWHERE = Network("0.0.0.0/0")
_ANY = ("any", "any-ipv4")
_PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "ospf": 89}
_MOST_SETS = 100


@dataclass(frozen=True)
class Service:
    """A protocol with its ports; 0 stands for any."""

    protocol: int = 0
    source_port: int = 0
    destination_port: int = 0


@dataclass(frozen=True)
class Scope:
    """What one scope policy covers."""

    sources: tuple[Network, ...]
    destinations: tuple[Network, ...]
    services: tuple[Service, ...]

    def covers(self, policy: SaTek) -> bool:
        """True when a group policy lies inside."""
        asked = Service(policy.protocol, policy.source.port, policy.destination.port)
        source, destination = _networks(policy.source), _networks(policy.destination)
        return (
            asked in self.services
            and _inside(source, self.sources)
            and _inside(destination, self.destinations)
        )


def covered(policy: SaTek, scopes: Iterable[Scope]) -> bool:
    """True when one of the scopes covers a group policy."""
    return any(scope.covers(policy) for scope in scopes)


def _inside(networks: list[Network], wider: tuple[Network, ...]) -> bool:
    found = (any(one.subnet_of(other) for other in wider) for one in networks)
    return bool(networks) and all(found)


def _networks(selector: Selector) -> list[Network]:
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
    return Scope(sources, destinations, tuple(_services(tree, match.get("application", ()))))


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


def _services(tree: Tree, names: Iterable[str]) -> Iterator[Service]:
    """The services of applications; those that are not configured are not known here."""
    applications = lookup(tree, "applications", "application")
    for name in names:
        if name == "any":
            yield Service()
        elif name in applications:
            body = applications[name]
            ports = (_port(body.get(leaf)) for leaf in ("source-port", "destination-port"))
            yield Service(_protocol(body.get("protocol", "0")), *ports)


def _protocol(word: str) -> int:
    return int(word) if word.isdigit() else _PROTOCOLS.get(word, -1)


def _port(word: str | None) -> int:
    """A port's number; a range or a name is nothing that a group policy could equal."""
    if word is None:
        return 0
    return int(word) if word.isdigit() else -1

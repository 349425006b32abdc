# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The device as an IPv4 host: its addresses, their zones, and where its routes lead."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from ..config.tree import Tree, lookup
from ..netconf.rpcs.routes import Route, known_routes


@dataclass(frozen=True)
class Port:
    """An address of the device: the interface that has it, and that interface's security zone."""

    address: IPv4Address
    interface: str
    zone: str | None


class Host:
    """What an effective configuration says."""

    def __init__(self, tree: Tree) -> None:
        zones = dict(_zones(tree))
        self.ports = {port.address: port for port in _ports(tree, zones)}
        self._routes = [
            (route.network, route)
            for route in known_routes(tree)
            if isinstance(route.network, IPv4Network)
        ]

    def route_to(self, destination: IPv4Address) -> Route | None:
        """The longest match; None when nothing leads there, or a route that ends nowhere."""
        found = [(n.prefixlen, route) for n, route in self._routes if destination in n]
        route = max(found, key=lambda row: row[0])[1] if found else None
        return route if route is not None and not route.kind else None

    def source_towards(self, destination: IPv4Address) -> IPv4Address | None:
        """The address that the device itself sends from."""
        if destination in self.ports:
            return destination
        route = self.route_to(destination)
        if route is None:
            return None
        return next((a for a, port in self.ports.items() if port.interface == route.via), None)


def _ports(tree: Tree, zones: dict[str, str]) -> Iterator[Port]:
    for name, entry in lookup(tree, "interfaces", "interface").items():
        for unit, settings in lookup(entry, "unit").items():
            interface = f"{name}.{unit}"
            if "disable" in entry or "disable" in settings:
                continue
            for text in lookup(settings, "family", "inet", "address"):
                address = ipaddress.IPv4Interface(text).ip
                yield Port(address, interface, zones.get(interface) or zones.get("all"))


def _zones(tree: Tree) -> Iterator[tuple[str, str]]:
    """(interface, zone); a name without a unit stands for its unit 0."""
    for zone, body in lookup(tree, "security", "zones", "security-zone").items():
        for name in lookup(body, "interfaces"):
            yield (name if "." in name or name == "all" else f"{name}.0"), zone

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``get-route-information``: the routes that follow from the configuration alone.

Addresses of interfaces give direct and local routes, ``routing-options`` gives static ones. A
static route whose next hop is in no direct network is hidden on a device, and not shown here. Of
several routes to one prefix the most preferred is active.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from lxml import etree

from ...config.tree import Tree, lookup
from ..arguments import Argument, one_of, syntax_error, text_of
from ..session import Request
from .platform import Elements, OperationalRpc, Platform, length, takes

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_PREFERENCES = {"Direct": 0, "Local": 0, "Static": 5}
_TABLES = {4: "inet.0", 6: "inet6.0"}
_NOWHERE = {"discard": "Discard", "reject": "Reject"}
_NEXT_HOPS = {
    "Direct": ("Interface", "Int"),
    "Local": ("Local", "NoReadvrt Int"),
    "Static": ("Router", "Int Ext"),
}
"""The kind of next hop and the state that the long forms give of a protocol's routes."""
_TOLD = "Active Int Ext"
"""Nothing but the kernel takes routes over here, and it is told of static ones alone."""
_LONG = ("detail", "extensive")


@dataclass(frozen=True)
class Route:
    """One route: ``to`` is its next hop, ``via`` an interface, ``kind`` in place of both."""

    network: Network
    protocol: str
    via: str = ""
    to: str = ""
    kind: str = ""
    active: bool = True


def _routes(device: Platform, request: Request) -> Elements:
    wanted, protocol = request.text("table"), request.text("protocol")
    own = request.dialect.own
    information = own("route-information")
    prefix = _wanted_prefix(request)
    for table, routes in _tables(device):
        shown = [
            one
            for one in _asked(request, prefix, routes)
            if wanted in (None, table) and protocol in (None, one.protocol.lower())
        ]
        if shown:
            information.append(_table(device, request, table, routes, shown))
    return [information]


def _summary(device: Platform, request: Request) -> Elements:
    """How many routes each protocol has in each table."""
    own = request.dialect.own
    information = own("route-summary-information")
    for name, routes in _tables(device):
        table = own("route-table", None, own("table-name", name), *_counts(request, routes))
        for protocol in _PREFERENCES:
            of_it = [one.active for one in routes if one.protocol == protocol]
            if not of_it:
                continue
            table.append(
                own(
                    "protocols",
                    None,
                    own("protocol-name", protocol),
                    own("protocol-route-count", str(len(of_it))),
                    own("active-route-count", str(sum(of_it))),
                )
            )
        information.append(table)
    return [information]


def _tables(device: Platform) -> Iterator[tuple[str, list[Route]]]:
    """The tables that are not empty, in their order; of each prefix the active route first."""
    known = list(known_routes(device.database.effective.tree))
    for version, table in _TABLES.items():
        routes = [one for one in known if one.network.version == version]
        routes.sort(key=lambda one: (*_order(one), _PREFERENCES[one.protocol]))
        before: Network | None = None
        for place, one in enumerate(routes):
            routes[place] = replace(one, active=one.network != before)
            before = one.network
        if routes:
            yield table, routes


def _counts(request: Request, routes: list[Route]) -> Iterator[etree._Element]:
    active = sum(one.active for one in routes)
    for kind, count in (("destination", active), ("total-route", len(routes))):
        yield request.dialect.own(f"{kind}-count", str(count))
    for kind, count in (("active-route", active), ("holddown-route", 0), ("hidden-route", 0)):
        yield request.dialect.own(f"{kind}-count", str(count))


def known_routes(tree: Tree) -> Iterator[Route]:
    """The routes of an effective configuration."""
    direct = list(_of_interfaces(lookup(tree, "interfaces", "interface")))
    yield from direct
    options, reaching = lookup(tree, "routing-options"), _Reaching(direct)
    for static in (lookup(options, "static"), lookup(options, "rib", "inet6.0", "static")):
        for prefix, entry in lookup(static, "route").items():
            yield from _static(ipaddress.ip_network(prefix, strict=False), entry, reaching)


def _of_interfaces(interfaces: Tree) -> Iterator[Route]:
    for name, entry in interfaces.items():
        for unit, settings in lookup(entry, "unit").items():
            if "disable" in entry or "disable" in settings:
                continue
            for family in ("inet", "inet6"):
                for text in lookup(settings, "family", family, "address"):
                    yield from _of_address(ipaddress.ip_interface(text), f"{name}.{unit}")


def _of_address(
    address: ipaddress.IPv4Interface | ipaddress.IPv6Interface, interface: str
) -> Iterator[Route]:
    yield Route(address.network, "Direct", via=interface)
    if address.network.num_addresses > 1:
        yield Route(ipaddress.ip_network(address.ip), "Local", via=interface)


def _static(network: Network, entry: Tree, reaching: _Reaching) -> Iterator[Route]:
    for word, kind in _NOWHERE.items():
        if word in entry:
            yield Route(network, "Static", kind=kind)
            return
    for hop in lookup(entry, "next-hop"):
        address = _address(hop)
        direct = None if address is None else reaching.first(address)
        if direct is not None:
            yield Route(network, "Static", via=direct.via, to=hop)
            return


class _Reaching:
    """The direct networks, looked up by address: there may be thousands, and as many next hops."""

    def __init__(self, direct: list[Route]) -> None:
        self._places: dict[Network, int] = {}
        for place, route in enumerate(direct):
            self._places.setdefault(route.network, place)
        self._direct = direct
        self._lengths = {(n.version, n.prefixlen) for n in self._places}

    def first(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Route | None:
        """The first of those around an address."""
        around = (
            ipaddress.ip_network((address, length), strict=False)
            for version, length in self._lengths
            if version == address.version
        )
        places = [self._places[network] for network in around if network in self._places]
        return self._direct[min(places)] if places else None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """A next hop as an address; it may also be an interface's name."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _wanted_prefix(request: Request) -> Network | None:
    destination = request.text("destination")
    if destination is None:
        return None
    try:
        return ipaddress.ip_network(destination, strict=False)
    except ValueError:
        raise syntax_error(destination) from None


def _asked(request: Request, prefix: Network | None, routes: list[Route]) -> list[Route]:
    """The routes within a prefix, or the longest that leads to an address."""
    if prefix is None:
        return routes
    if request.child("exact") is not None:
        return [one for one in routes if one.network == prefix]
    within = [one for one in routes if _holds(prefix, one.network)]
    around = [one for one in routes if _holds(one.network, prefix)]
    return within or [one for one in around if one.network == around[-1].network]


def _holds(outer: Network, inner: Network) -> bool:
    return inner.network_address in outer and inner.prefixlen >= outer.prefixlen


def _order(route: Route) -> tuple[int, int]:
    return int(route.network.network_address), route.network.prefixlen


def _table(
    device: Platform, request: Request, name: str, known: list[Route], shown: list[Route]
) -> etree._Element:
    own = request.dialect.own
    table = own("route-table", None, own("table-name", name), *_counts(request, known))
    up = int(request.now - device.started)
    long = any(request.child(level) is not None for level in _LONG)
    for network, routes in groupby(shown, key=attrgetter("network")):
        entries = [(_long_entry if long else _entry)(request, one, up) for one in routes]
        table.append((_long_prefix if long else _prefix)(request, network, entries))
    return table


def _prefix(request: Request, network: Network, entries: Elements) -> etree._Element:
    own = request.dialect.own
    rt = own("rt", None, own("rt-destination", str(network)), *entries)
    return request.dialect.styled(rt, style="brief")


def _long_prefix(request: Request, network: Network, entries: Elements) -> etree._Element:
    own = request.dialect.own
    told = any(entry.findtext("{*}rt-entry-state") == _TOLD for entry in entries)
    count = f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}"
    rt = own(
        "rt",
        None,
        own("rt-destination", str(network.network_address)),
        own("rt-prefix-length", str(network.prefixlen)),
        request.dialect.styled(own("rt-entry-count", str(len(entries))), format=count),
        own("rt-announced-count", str(int(told))),
        *entries,
    )
    return request.dialect.styled(rt, style="detail")


def _entry(request: Request, route: Route, up: int) -> etree._Element:
    own = request.dialect.own
    entry = own("rt-entry", None, *_known(request, route), _age(request, up))
    if route.kind:
        entry.append(own("nh-type", route.kind))
    else:
        entry.append(own("nh", None, own("selected-next-hop"), *_hop(request, route)))
    return entry


def _long_entry(request: Request, route: Route, up: int) -> etree._Element:
    """As NAPALM's recorded reply has it, but for what the kernel and other protocols add."""
    own = request.dialect.own
    kind, state = _NEXT_HOPS[route.protocol]
    entry = own("rt-entry", None, *_known(request, route), own("nh-type", route.kind or kind))
    if not route.kind:
        said = own("nh-string", "Next hop"), *_hop(request, route), own("selected-next-hop")
        entry.append(own("nh", None, *said))
    entry.append(own("rt-entry-state", f"Active {state}" if route.active else state))
    if not route.active and _PREFERENCES[route.protocol]:
        entry.append(own("inactive-reason", "Route Preference"))
    entry.extend((_age(request, up), own("as-path", "AS path: I")))
    return entry


def _age(request: Request, up: int) -> etree._Element:
    own = request.dialect.own
    return request.dialect.styled(own("age", length(up)), seconds=str(up))


def _known(request: Request, route: Route) -> Elements:
    own = request.dialect.own
    active = [own("active-tag", "*"), own("current-active"), own("last-active")]
    return [
        *(active if route.active else [own("active-tag", " ")]),
        own("protocol-name", route.protocol),
        own("preference", str(_PREFERENCES[route.protocol])),
    ]


def _hop(request: Request, route: Route) -> Elements:
    own = request.dialect.own
    via = own("nh-local-interface" if route.protocol == "Local" else "via", route.via)
    return [own("to", route.to), via] if route.to else [via]


ROUTE_RPCS: dict[str, OperationalRpc] = {
    "get-route-information": OperationalRpc(
        _routes,
        takes(
            Argument("exact", needs="destination"),
            Argument("table", text_of(128)),
            Argument("protocol", one_of(*(name.lower() for name in _PREFERENCES))),
            Argument("destination", text_of(128), word=""),
            *(Argument(level) for level in ("brief", *_LONG)),
            alternatives=(frozenset(("brief", *_LONG)),),
        ),
        "show route",
        of_configuration=True,
    ),
    "get-route-summary-information": OperationalRpc(
        _summary, command="show route summary", of_configuration=True
    ),
}

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``get-route-information``: the routes that follow from the configuration alone.

Addresses of interfaces give direct and local routes, ``routing-options`` gives static ones. A
static route whose next hop is in no direct network is hidden on a device, and not shown here.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

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
    "Direct": ("Interface", "Active Int"),
    "Local": ("Local", "Active NoReadvrt Int"),
    "Static": ("Router", "Active Int Ext"),
}
"""The kind of next hop and the state that the long forms give of a protocol's routes."""
_LONG = ("detail", "extensive")


@dataclass(frozen=True)
class Route:
    """One active route: ``to`` is its next hop, ``via`` an interface, ``kind`` in place of both."""

    network: Network
    protocol: str
    via: str = ""
    to: str = ""
    kind: str = ""


def _routes(device: Platform, request: Request) -> Elements:
    wanted, protocol = request.text("table"), request.text("protocol")
    own = request.dialect.own
    information = own("route-information")
    known = list(known_routes(device.database.effective.tree))
    for version, table in _TABLES.items():
        routes = [one for one in known if one.network.version == version]
        shown = [
            one
            for one in _asked(request, routes)
            if wanted in (None, table) and protocol in (None, one.protocol.lower())
        ]
        if shown:
            information.append(_table(device, request, table, len(routes), shown))
    return [information]


def _summary(device: Platform, request: Request) -> Elements:
    """How many routes each protocol has in each table."""
    own = request.dialect.own
    information = own("route-summary-information")
    known = list(known_routes(device.database.effective.tree))
    for version, name in _TABLES.items():
        routes = [one for one in known if one.network.version == version]
        if not routes:
            continue
        table = own("route-table", None, own("table-name", name), *_counts(request, len(routes)))
        for protocol, count in Counter(one.protocol for one in routes).items():
            table.append(
                own(
                    "protocols",
                    None,
                    own("protocol-name", protocol),
                    own("protocol-route-count", str(count)),
                    own("active-route-count", str(count)),
                )
            )
        information.append(table)
    return [information]


def _counts(request: Request, count: int) -> Iterator[etree._Element]:
    for kind in ("destination", "total-route", "active-route"):
        yield request.dialect.own(f"{kind}-count", str(count))
    for kind in ("holddown-route", "hidden-route"):
        yield request.dialect.own(f"{kind}-count", "0")


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


def _asked(request: Request, routes: list[Route]) -> list[Route]:
    """The routes within a prefix, or the longest that leads to an address."""
    destination = request.text("destination")
    if destination is None:
        return sorted(routes, key=_order)
    try:
        prefix = ipaddress.ip_network(destination, strict=False)
    except ValueError:
        raise syntax_error(destination) from None
    if request.child("exact") is not None:
        return [one for one in routes if one.network == prefix]
    within = [one for one in routes if _holds(prefix, one.network)]
    around = [one for one in routes if _holds(one.network, prefix)]
    return sorted(within, key=_order) or sorted(around, key=_order)[-1:]


def _holds(outer: Network, inner: Network) -> bool:
    return inner.network_address in outer and inner.prefixlen >= outer.prefixlen


def _order(route: Route) -> tuple[int, int]:
    return int(route.network.network_address), route.network.prefixlen


def _table(
    device: Platform, request: Request, name: str, count: int, routes: list[Route]
) -> etree._Element:
    own = request.dialect.own
    table = own("route-table", None, own("table-name", name), *_counts(request, count))
    up = int(request.now - device.started)
    long = any(request.child(level) is not None for level in _LONG)
    for route in routes:
        age = request.dialect.styled(own("age", length(up)), seconds=str(up))
        table.append((_long_route if long else _route)(request, route, age))
    return table


def _route(request: Request, route: Route, age: etree._Element) -> etree._Element:
    own = request.dialect.own
    entry = own("rt-entry", None, *_known(request, route), age)
    if route.kind:
        entry.append(own("nh-type", route.kind))
    else:
        entry.append(own("nh", None, own("selected-next-hop"), *_hop(request, route)))
    rt = own("rt", None, own("rt-destination", str(route.network)), entry)
    return request.dialect.styled(rt, style="brief")


def _long_route(request: Request, route: Route, age: etree._Element) -> etree._Element:
    """As NAPALM's recorded reply has it, but for what the kernel and other protocols add.

    Nothing but the kernel takes routes over here, and it is told of static ones alone.
    """
    own = request.dialect.own
    kind, state = _NEXT_HOPS[route.protocol]
    entry = own("rt-entry", None, *_known(request, route), own("nh-type", route.kind or kind))
    if not route.kind:
        said = own("nh-string", "Next hop"), *_hop(request, route), own("selected-next-hop")
        entry.append(own("nh", None, *said))
    entry.extend((own("rt-entry-state", state), age, own("as-path", "AS path: I")))
    rt = own(
        "rt",
        None,
        own("rt-destination", str(route.network.network_address)),
        own("rt-prefix-length", str(route.network.prefixlen)),
        request.dialect.styled(own("rt-entry-count", "1"), format="1 entry"),
        own("rt-announced-count", str(int(route.protocol == "Static"))),
        entry,
    )
    return request.dialect.styled(rt, style="detail")


def _known(request: Request, route: Route) -> Elements:
    own = request.dialect.own
    return [
        own("active-tag", "*"),
        own("current-active"),
        own("last-active"),
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

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``get-interface-information``: what is configured, and the loopback that is always there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from ...config.tree import Tree, lookup, natural
from ...config.values import LOGICAL
from ...config.wildcards import Wildcard
from ..arguments import SHOWN, Argument, syntax_error, text_of
from ..reply import RpcError, RpcFailure, xml_text
from ..session import Request
from .files import INTERNAL_ADDRESS
from .platform import Elements, OperationalRpc, Platform, takes

_LOOPBACK_INDEX = 6
"""Junos' own for lo0; those of its ports begin higher."""
_PRIVATE_INSTANCE = "__juniper_private1__"
_PRIVATE: Tree = {
    "unit": {"16385": {"family": {"inet": {"address": {f"{INTERNAL_ADDRESS}/32": {}}}}}}
}
"""What a device talks to itself with; clients find the name of the routing engine by it."""
_FIRST_PORT_INDEX = 128
_FIRST_SNMP_INDEX = 501
_LEVELS = ("terse", "brief", "detail", "extensive", "media", "statistics", "descriptions")
_COUNTED = {"detail", "extensive", "statistics"}
_TRAFFIC = tuple(f"{way}-{unit}" for way in ("input", "output") for unit in ("bytes", "packets"))
_INPUT_ERRORS = ("input-errors", "input-drops", "framing-errors", "input-discards")
_OUTPUT_ERRORS = ("carrier-transitions", "output-errors", "output-drops", "output-collisions")


def _interfaces(device: Platform, request: Request) -> Elements:
    level = next((one for one in _LEVELS if request.child(one) is not None), "")
    root = request.dialect.own("interface-information")
    request.dialect.styled(root, style=level or "normal")
    wanted = request.text("interface-name") or ""
    for index, name, entry in _chosen(device, request):
        if LOGICAL.fullmatch(wanted):
            # A unit that is asked for by its name is shown without its device.
            root.extend(_logical(request, level, name, entry))
        elif level != "descriptions" or "description" in entry:
            root.append(_physical(request, level, index, name, entry))
    for leaf in (e for e in root.iter(tag=etree.Element) if e.text):
        # This reply has its values on lines of their own.
        leaf.text = f"\n{leaf.text}\n"
    return [root]


def _chosen(device: Platform, request: Request) -> list[tuple[int, str, Tree]]:
    """The interfaces that are asked for, by name, unit or wildcard, with their indexes."""
    wanted, instance = request.text("interface-name"), request.text("routing-instance")
    if instance == _PRIVATE_INSTANCE:
        return [(0, "lo0", _PRIVATE)]
    tree = device.database.effective.tree
    configured: Tree = {**lookup(tree, "interfaces", "interface")}
    configured.setdefault("lo0", {})
    of_instance = _of_instance(tree, instance)
    pattern = None if wanted is None else Wildcard(wanted)
    found = [
        (index, name, entry)
        for index, name in enumerate(sorted(configured, key=natural))
        if (held := _narrowed(name, configured[name], of_instance)) is not None
        and (entry := _named(name, held, pattern)) is not None
    ]
    if not found and wanted is not None and not set(wanted) & set("*?["):
        bad = wanted[:SHOWN]
        raise RpcFailure(RpcError(f"device {xml_text(bad)} not found", bad_element=xml_text(bad)))
    return found


def _of_instance(tree: Tree, instance: str | None) -> set[str] | None:
    """The logical interfaces of a routing instance; None for all of them."""
    if instance in (None, "all", "default"):
        return None
    instances = lookup(tree, "routing-instances", "instance")
    if instance not in instances:
        raise syntax_error(instance or "routing-instance")
    return set(lookup(instances[instance], "interface"))


def _narrowed(name: str, entry: Tree, of_instance: set[str] | None) -> Tree | None:
    if of_instance is None:
        return entry
    units = {u: held for u, held in lookup(entry, "unit").items() if f"{name}.{u}" in of_instance}
    return {**entry, "unit": units} if units else None


def _named(name: str, entry: Tree, wanted: Wildcard | None) -> Tree | None:
    """The interface when it or some of its units are meant, with these units alone."""
    if wanted is None or wanted.stands_for(name):
        return entry
    units = lookup(entry, "unit").items()
    units = {u: held for u, held in units if wanted.stands_for(f"{name}.{u}")}
    return {**entry, "unit": units} if units else None


def _status(request: Request, entry: Tree) -> tuple[etree._Element, ...]:
    state = "down" if "disable" in entry else "up"
    own = request.dialect.own
    return own("admin-status", state), own("oper-status", state)


def _physical(request: Request, level: str, index: int, name: str, entry: Tree) -> etree._Element:
    own = request.dialect.own
    physical = own("physical-interface", None, own("name", name), *_status(request, entry))
    if level != "terse":
        physical.extend(_indexes(request, index, name))
    if "description" in entry and level != "terse":
        physical.append(own("description", xml_text(entry["description"])))
    if level not in ("terse", "descriptions"):
        physical.extend(_properties(request, index, name, entry))
    if level in _COUNTED:
        physical.extend(_counters(request, level))
    if level not in ("media", "descriptions"):
        physical.extend(_logical(request, level, name, entry))
    return physical


def _indexes(request: Request, index: int, name: str) -> Iterator[etree._Element]:
    own = request.dialect.own
    loopback = name == "lo0"
    yield own("local-index", str(_LOOPBACK_INDEX if loopback else _FIRST_PORT_INDEX + index))
    yield own("snmp-index", str(_LOOPBACK_INDEX if loopback else _FIRST_SNMP_INDEX + index))


def _properties(request: Request, index: int, name: str, entry: Tree) -> Iterator[etree._Element]:
    own = request.dialect.own
    if name.startswith("lo"):
        yield own("if-type", "Loopback")
        yield own("mtu", "Unlimited")
        yield own("speed", "Unspecified")
        return
    yield own("if-type", "Ethernet")
    yield own("link-level-type", "Ethernet")
    yield own("mtu", str(entry.get("mtu", 1514)))
    yield own("link-mode", "Full-duplex")
    yield own("speed", "1000mbps")
    # Of the block for documentation (RFC 7042 §2.1.2).
    address = f"00:00:5e:00:53:{index % 256:02x}"
    yield own("current-physical-address", str(entry.get("mac", address)))
    yield own("hardware-physical-address", address)


def _counters(request: Request, level: str) -> Iterator[etree._Element]:
    """No packet passes an emulated device."""
    own = request.dialect.own
    yield own("traffic-statistics", None, *(own(name, "0") for name in _TRAFFIC))
    if level == "extensive":
        yield own("input-error-list", None, *(own(name, "0") for name in _INPUT_ERRORS))
        yield own("output-error-list", None, *(own(name, "0") for name in _OUTPUT_ERRORS))


def _logical(request: Request, level: str, name: str, entry: Tree) -> Iterator[etree._Element]:
    own = request.dialect.own
    for unit, settings in lookup(entry, "unit").items():
        if level == "descriptions" and "description" not in settings:
            continue
        logical = own("logical-interface", None, own("name", f"{name}.{unit}"))
        logical.extend(_status(request, {**settings, **_disabled(entry)}))
        if "description" in settings and level != "terse":
            logical.append(own("description", xml_text(settings["description"])))
        for family, held in lookup(settings, "family").items():
            logical.append(_family(request, family, held))
        yield logical


def _disabled(entry: Tree) -> Tree:
    return {key: entry[key] for key in ("disable",) if key in entry}


def _family(request: Request, family: str, held: Any) -> etree._Element:
    own = request.dialect.own
    addresses = lookup(held, "address") if isinstance(held, dict) else ()
    return own(
        "address-family",
        None,
        own("address-family-name", family),
        *(
            own(
                "interface-address",
                None,
                request.dialect.styled(own("ifa-local", address), emit="emit"),
            )
            for address in addresses
        ),
    )


INTERFACE_RPCS: dict[str, OperationalRpc] = {
    "get-interface-information": OperationalRpc(
        _interfaces,
        takes(
            *(Argument(level) for level in _LEVELS),
            Argument("routing-instance", text_of(128)),
            Argument("interface-name", text_of(128), word=""),
            alternatives=(frozenset(_LEVELS),),
        ),
        "show interfaces",
        of_configuration=True,
    ),
}

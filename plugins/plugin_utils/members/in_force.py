# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a key server's configuration decides who is in its lists, as far as it is in force.

Read from the inherited view; what is inactive, at whatever level, is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..engine.device import Device
from ..netconf.libraries import etree
from ..netconf.xml import local_name, text_of
from ..resources.server_member_communication import BLOCK, HIERARCHY

DEFAULT_KEY_LIFETIME = 3600
"""Seconds that a traffic key lives where the IPsec proposal does not say."""


@dataclass(frozen=True)
class Group:
    """One group of a key server.

    ``communication``: a key of ``meaning.LIST_SHOWS``; ``admits``: names of the gateways whose
    peers may be members; ``gateways``: those that are configured, name to address, None for a
    dynamic peer; ``clustered``: other servers have this group too, and lists of their own;
    ``key_lifetime``: seconds that the longest-lived traffic key lives.
    """

    name: str
    id: int | None = None
    communication: str = "none"
    admits: frozenset[str] = frozenset()
    gateways: Mapping[str, str | None] = field(default_factory=dict)
    clustered: bool = False
    key_lifetime: int = DEFAULT_KEY_LIFETIME


def read_groups(device: Device) -> dict[str, Group]:
    """The groups of a device. Raises DeviceError and TransportFailure."""
    return groups_of(device.read(_selection()))


def _selection() -> etree._Element:
    """Groups, and what they refer to; not the keys of their members."""
    configuration = etree.Element("configuration")
    server = configuration
    for name in HIERARCHY[:-1]:
        server = etree.SubElement(server, name)
    etree.SubElement(server, HIERARCHY[-1])
    for folder, entry in (("ike", "gateway"), ("ipsec", "proposal")):
        etree.SubElement(etree.SubElement(server, folder), entry)
    return configuration


def groups_of(reply: etree._Element) -> dict[str, Group]:
    """The groups of a configuration."""
    configuration = next(reply.iter("{*}configuration"), reply)
    servers = [configuration]
    for name in HIERARCHY[:-1]:
        servers = [part for server in servers for part in _active(server, name)]
    if not servers:
        return {}
    (server, *_rest) = servers
    gateways = {
        _name(gateway): next((text_of(a) for a in _active(gateway, "address")), None)
        for ike in _active(server, "ike")
        for gateway in _active(ike, "gateway")
    }
    lifetimes = {
        _name(proposal): _number(proposal, "lifetime-seconds")
        for ipsec in _active(server, "ipsec")
        for proposal in _active(ipsec, "proposal")
    }
    found = (_group(group, gateways, lifetimes) for group in _active(server, HIERARCHY[-1]))
    return {group.name: group for group in found}


def _group(
    element: etree._Element,
    gateways: Mapping[str, str | None],
    lifetimes: Mapping[str, int | None],
) -> Group:
    names = [_name(gateway) for gateway in _active(element, "ike-gateway")]
    used = [
        lifetimes.get(text_of(proposal)) or DEFAULT_KEY_LIFETIME
        for association in _active(element, "ipsec-sa")
        for proposal in _active(association, "proposal")
    ]
    return Group(
        _name(element),
        _number(element, "group-id"),
        _communication(element),
        frozenset(names),
        {name: gateways[name] for name in names if name in gateways},
        any(True for _cluster in _active(element, "server-cluster")),
        max(used, default=DEFAULT_KEY_LIFETIME),
    )


def _communication(group: etree._Element) -> str:
    for block in _active(group, BLOCK):
        return next((text_of(kind) for kind in _active(block, "communication-type")), "unicast")
    return "none"


def _active(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """Children of that name that are not inactive."""
    for child in element:
        marks = (etree.QName(attribute).localname for attribute in child.attrib)
        if local_name(child) == name and "inactive" not in marks:
            yield child


def _name(element: etree._Element) -> str:
    return next((text_of(name) for name in _active(element, "name")), text_of(element))


def _number(element: etree._Element, name: str) -> int | None:
    text = next((text_of(leaf) for leaf in _active(element, name)), "")
    return int(text) if text.isdigit() else None

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``get-zones-information``: the security zones that are configured."""

from __future__ import annotations

from lxml import etree

from ...config.tree import Tree, lookup
from ..arguments import Argument, syntax_error, text_of
from ..reply import xml_text
from ..session import Request
from .platform import Elements, OperationalRpc, Platform, takes


def _zones(device: Platform, request: Request) -> Elements:
    wanted = request.text("get-zones-named-information")
    zones: Tree = lookup(device.database.effective.tree, "security", "zones", "security-zone")
    if wanted is not None and wanted not in zones:
        raise syntax_error(wanted)
    information = request.dialect.own("zones-information")
    for name, zone in zones.items():
        if wanted in (None, name):
            information.append(_zone(request, name, zone))
    return [information]


def _zone(request: Request, name: str, zone: Tree) -> etree._Element:
    own = request.dialect.own
    bound = list(lookup(zone, "interfaces"))
    interfaces = own("zones-security-interfaces")
    interfaces.extend(own("zones-security-interface-name", one) for one in bound)
    return own(
        "zones-security",
        None,
        own("zones-security-zonename", xml_text(name)),
        own("zones-security-send-reset", "On" if "tcp-rst" in zone else "Off"),
        own("zones-security-policy-configurable", "Yes"),
        own("zones-security-interfaces-bound", str(len(bound))),
        interfaces,
    )


ZONE_RPCS: dict[str, OperationalRpc] = {
    "get-zones-information": OperationalRpc(
        _zones,
        takes(Argument("get-zones-named-information", text_of(63), word="")),
        "show security zones",
    ),
}

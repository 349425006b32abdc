# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The device itself: software, hardware, routing engine."""

from __future__ import annotations

from ..session import Request
from .platform import Elements, Handler, Platform


def _software_information(device: Platform, request: Request) -> Elements:
    identity = device.identity()
    own = request.dialect.own
    information = own(
        "software-information",
        None,
        own("host-name", identity.hostname),
        own("product-model", identity.model),
        own("product-name", identity.product),
    )
    if identity.modern:
        information.append(own("os-name", "junos-es"))
        information.append(own("junos-version", identity.release))
    information.append(
        own(
            "package-information",
            None,
            own("name", "junos"),
            own("comment", f"JUNOS Software Release [{identity.release}]"),
        )
    )
    return [information]


def _system_information(device: Platform, request: Request) -> Elements:
    identity = device.identity()
    own = request.dialect.own
    return [
        own(
            "system-information",
            None,
            own("hardware-model", identity.model),
            own("os-name", "junos-es" if identity.modern else "junos"),
            own("os-version", identity.release),
            own("serial-number", identity.serial),
            own("host-name", identity.hostname),
        )
    ]


def _chassis_inventory(device: Platform, request: Request) -> Elements:
    identity = device.identity()
    own = request.dialect.own
    chassis = own(
        "chassis",
        None,
        own("name", "Chassis"),
        own("serial-number", identity.serial),
        own("description", identity.model.upper()),
    )
    return [own("chassis-inventory", None, chassis)]


def _route_engine(device: Platform, request: Request) -> Elements:
    identity = device.identity()
    own = request.dialect.own
    engine = own(
        "route-engine",
        None,
        own("status", "OK"),
        own("model", f"RE-{identity.model.upper()}"),
        own("last-reboot-reason", "0x1:power cycle/failure"),
    )
    return [own("route-engine-information", None, engine)]


SYSTEM_RPCS: dict[str, Handler] = {
    "get-software-information": _software_information,
    "get-system-information": _system_information,
    "get-chassis-inventory": _chassis_inventory,
    "get-route-engine-information": _route_engine,
}

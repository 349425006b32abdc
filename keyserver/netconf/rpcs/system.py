# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The device itself: software, hardware, routing engine, memory, storage."""

from __future__ import annotations

from lxml import etree

from ...config.candidate import utc
from ..arguments import Argument
from ..reply import xml_text
from ..session import Request
from .platform import Elements, OperationalRpc, Platform, length, takes

MEMORY_KILOBYTES = 4_194_304
FREE_KILOBYTES = 2_097_152
"""Memory of the emulated model; the process's own is not a router's."""


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
    if identity.version_element:
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
            own("os-name", "junos-es" if identity.version_element else "junos"),
            own("os-version", identity.release),
            own("serial-number", identity.serial),
            own("host-name", identity.hostname),
        )
    ]


def _chassis_inventory(device: Platform, request: Request) -> Elements:
    identity = device.identity()
    own = request.dialect.own
    engine = own(
        "chassis-module",
        None,
        own("name", "Routing Engine"),
        own("description", f"RE-{identity.model.upper()}"),
    )
    chassis = own(
        "chassis",
        None,
        own("name", "Chassis"),
        own("serial-number", identity.serial),
        own("description", identity.model.upper()),
        engine,
    )
    return [own("chassis-inventory", None, chassis)]


def _route_engine(device: Platform, request: Request) -> Elements:
    identity = device.identity()
    own, dialect = request.dialect.own, request.dialect
    up = int(request.now - device.started)
    engine = own(
        "route-engine",
        None,
        own("slot", "0"),
        own("mastership-state", "master"),
        own("status", "OK"),
        own("model", f"RE-{identity.model.upper()}"),
        dialect.styled(own("start-time", utc(device.started)), seconds=str(int(device.started))),
        dialect.styled(own("up-time", length(up)), seconds=str(up)),
        own("last-reboot-reason", "0x1:power cycle/failure"),
    )
    return [own("route-engine-information", None, engine)]


def _uptime(device: Platform, request: Request) -> Elements:
    own = request.dialect.own
    last = device.database.archive.history[0]

    def moment(name: str, seconds: float, *more: etree._Element) -> etree._Element:
        past = int(request.now - seconds)
        stamp = request.dialect.styled(own("date-time", utc(seconds)), seconds=str(int(seconds)))
        ago = request.dialect.styled(own("time-length", length(past)), seconds=str(past))
        return own(name, None, stamp, ago, *more)

    now = request.dialect.styled(own("date-time", utc(request.now)), seconds=str(int(request.now)))
    return [
        own(
            "system-uptime-information",
            None,
            own("current-time", None, now),
            moment("system-booted-time", device.started),
            moment("protocols-started-time", device.started),
            moment("last-configured-time", last.time, own("user", xml_text(last.user))),
        )
    ]


def _memory(device: Platform, request: Request) -> Elements:
    own = request.dialect.own
    summary = own(
        "system-memory-summary-information",
        None,
        own("system-memory-total", str(MEMORY_KILOBYTES)),
        own("system-memory-free", str(FREE_KILOBYTES)),
        own("system-memory-free-percent", str(100 * FREE_KILOBYTES // MEMORY_KILOBYTES)),
    )
    return [own("system-memory-information", None, summary)]


_FILESYSTEMS = (("/dev/gpt/junos", "/.mount", 41_943_040), ("tmpfs", "/.mount/tmp", 2_097_152))
"""Of the emulated model: name, where it is mounted, blocks of 1024 octets; a quarter is used."""


def _storage(device: Platform, request: Request) -> Elements:
    own = request.dialect.own
    return [
        own(
            "system-storage-information",
            None,
            *(_filesystem(request, *one) for one in _FILESYSTEMS),
        )
    ]


def _filesystem(request: Request, name: str, mounted: str, blocks: int) -> etree._Element:
    own = request.dialect.own
    return own(
        "filesystem",
        None,
        own("filesystem-name", name),
        own("total-blocks", str(blocks)),
        own("used-blocks", str(blocks // 4)),
        own("available-blocks", str(blocks - blocks // 4)),
        own("used-percent", "25"),
        own("mounted-on", mounted),
    )


SYSTEM_RPCS: dict[str, OperationalRpc] = {
    "get-software-information": OperationalRpc(
        _software_information, takes(Argument("brief")), "show version"
    ),
    "get-system-information": OperationalRpc(
        _system_information, command="show system information"
    ),
    "get-chassis-inventory": OperationalRpc(_chassis_inventory, command="show chassis hardware"),
    "get-route-engine-information": OperationalRpc(
        _route_engine, command="show chassis routing-engine"
    ),
    "get-system-uptime-information": OperationalRpc(_uptime, command="show system uptime"),
    "get-system-memory-information": OperationalRpc(_memory, command="show system memory"),
    "get-system-storage": OperationalRpc(_storage, command="show system storage"),
}

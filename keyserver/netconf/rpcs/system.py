# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The device itself: software, hardware, routing engine, interfaces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from ...config.database import utc
from ...config.tree import lookup
from ..arguments import Argument, syntax_error, text_of
from ..reply import xml_text
from ..session import Request
from .platform import Elements, OperationalRpc, Platform, takes

MEMORY_KILOBYTES = 4_194_304
FREE_KILOBYTES = 2_097_152
"""Memory of the emulated model; the process's own is no router's."""


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
        dialect.styled(own("up-time", _length(up)), seconds=str(up)),
        own("last-reboot-reason", "0x1:power cycle/failure"),
    )
    return [own("route-engine-information", None, engine)]


def _length(seconds: int) -> str:
    """A span of time as Junos prints it: ``1w2d 03:04`` or ``00:01:02``."""
    weeks, rest = divmod(max(0, seconds), 7 * 86400)
    days, rest = divmod(rest, 86400)
    hours, minutes = rest // 3600, rest // 60 % 60
    long = f"{weeks}w" * bool(weeks) + f"{days}d" * bool(weeks or days)
    if long:
        return f"{long} {hours:02}:{minutes:02}"
    return f"{hours:02}:{minutes:02}:{rest % 60:02}"


def _uptime(device: Platform, request: Request) -> Elements:
    own = request.dialect.own
    last = device.database.history[0]

    def moment(name: str, seconds: float, *more: etree._Element) -> etree._Element:
        length = int(request.now - seconds)
        stamp = request.dialect.styled(own("date-time", utc(seconds)), seconds=str(int(seconds)))
        ago = request.dialect.styled(own("time-length", _length(length)), seconds=str(length))
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


def _storage(device: Platform, request: Request) -> Elements:
    own = request.dialect.own
    systems = (("/dev/gpt/junos", "/.mount"), ("tmpfs", "/.mount/tmp"))
    filesystems = [
        own("filesystem", None, own("filesystem-name", name), own("mounted-on", mounted))
        for name, mounted in systems
    ]
    return [own("system-storage-information", None, *filesystems)]


def _file_list(device: Platform, request: Request) -> Elements:
    """The home directory, which is empty; the emulator has no other files."""
    if request.text("path") not in (None, "~"):
        raise syntax_error(request.text("path") or "path")
    own = request.dialect.own
    home = f"/var/home/{request.holder.user}"
    directory = own("directory", None, own("directory-name", xml_text(f"{home}/")))
    listing = own("directory-list", None, directory)
    listing.set("root-path", xml_text(home))
    return [listing]


# Interfaces


def _interfaces(device: Platform, request: Request) -> Elements:
    """What is configured, and the loopback interface that is always there."""
    wanted = request.text("interface-name")
    instance = request.text("routing-instance")
    shape = _physical_terse if request.child("terse") is not None else _physical
    root = request.dialect.own("interface-information")
    if request.child("terse") is not None:
        request.dialect.styled(root, style="terse")
    if instance not in (None, "all", "default"):
        raise syntax_error(instance or "routing-instance")
    configured = dict(lookup(device.database.effective(), "interfaces", "interface"))
    configured.setdefault("lo0", {})
    names = [n for n in sorted(configured) if wanted in (None, n) or _unit_of(wanted) == n]
    if wanted is not None and not names:
        raise syntax_error(wanted)
    for index, name in enumerate(names):
        root.append(shape(request, name, configured[name], index))
    return [root]


def _unit_of(name: str | None) -> str:
    return (name or "").partition(".")[0]


def _status(request: Request, entry: dict[str, Any]) -> tuple[etree._Element, ...]:
    state = "down" if "disable" in entry else "up"
    own = request.dialect.own
    return own("admin-status", state), own("oper-status", state)


def _physical_terse(
    request: Request, name: str, entry: dict[str, Any], index: int
) -> etree._Element:
    own = request.dialect.own
    physical = own("physical-interface", None, own("name", name), *_status(request, entry))
    physical.extend(_logical(request, name, entry))
    return physical


def _physical(request: Request, name: str, entry: dict[str, Any], index: int) -> etree._Element:
    own = request.dialect.own
    loopback = name.startswith("lo")
    physical = own("physical-interface", None, own("name", name), *_status(request, entry))
    physical.append(own("local-index", str(128 + index)))
    if "description" in entry:
        physical.append(own("description", xml_text(entry["description"])))
    physical.append(own("if-type", "Loopback" if loopback else "Ethernet"))
    physical.append(own("mtu", "Unlimited" if loopback else str(entry.get("mtu", 1514))))
    physical.append(own("speed", "Unspecified" if loopback else "1000mbps"))
    if not loopback:
        # Of the block for documentation (RFC 7042 §2.1.2).
        address = own("hardware-physical-address", f"00:00:5e:00:53:{index % 256:02x}")
        physical.append(address)
    physical.extend(_logical(request, name, entry))
    return physical


def _logical(request: Request, name: str, entry: dict[str, Any]) -> Iterator[etree._Element]:
    own = request.dialect.own
    for unit, settings in lookup(entry, "unit").items():
        logical = own(
            "logical-interface", None, own("name", f"{name}.{unit}"), *_status(request, settings)
        )
        for family, held in lookup(settings, "family").items():
            addresses = [
                own(
                    "interface-address",
                    None,
                    request.dialect.styled(own("ifa-local", address), emit="emit"),
                )
                for address in (lookup(held, "address") if isinstance(held, dict) else ())
            ]
            logical.append(
                own("address-family", None, own("address-family-name", family), *addresses)
            )
        yield logical


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
    "file-list": OperationalRpc(
        _file_list, takes(Argument("path", text_of(1024), word="")), "file list"
    ),
    "get-interface-information": OperationalRpc(
        _interfaces,
        takes(
            Argument("terse"),
            Argument("brief"),
            Argument("detail"),
            Argument("routing-instance", text_of(128)),
            Argument("interface-name", text_of(128), word=""),
            alternatives=(frozenset({"terse", "brief", "detail"}),),
        ),
        "show interfaces",
    ),
}

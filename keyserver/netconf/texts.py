# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Operational replies as the CLI prints them, one function for each kind of reply."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from .xml import local_name

_LABELS = (
    ("group-vpn-pull-succeeded", "Pull Succeeded"),
    ("group-vpn-pull-failed", "Pull Failed"),
    ("group-vpn-pull-exceed-member-threshold", "Pull Exceed Member Threshold"),
    ("group-vpn-push-sent", "Push Sent"),
    ("group-vpn-push-acknowledged", "Push Acknowledged"),
    ("group-vpn-push-unacknowledged", "Push Unacknowledged"),
)


def _value(element: etree._Element, name: str) -> str:
    found = element.find(".//{*}" + name)
    return "" if found is None else (found.text or "").strip()


def _counters_text(element: etree._Element) -> str:
    lines = ["Stats:"]
    for name, label in _LABELS:
        if any(True for _ in element.iter("{*}" + name)):
            lines.append(f"    {label:<31}: {_value(element, name)}")
    return "\n".join(lines)


def _members_text(element: etree._Element) -> str:
    blocks = element.iter("{*}group-vpn-registered-members")
    return "\n".join(line for block in blocks for line in _group_lines(block))


def _group_lines(block: etree._Element) -> Iterator[str]:
    name, number = _value(block, "group-vpn-group-name"), _value(block, "group-vpn-group-id")
    yield f"Group: {name}, Group Id: {number}"
    yield f"Total number of registered members: {_value(block, 'group-vpn-member-count')}"
    members = list(block.iter("{*}group-vpn-member"))
    detail = any(True for _ in block.iter("{*}group-vpn-stats"))
    if members and not detail:
        yield f"{'Member Gateway':<20} {'Member IP':<16} {'Last Update':<24} Vsys"
    for member in members:
        yield from _member_lines(member, detail)
    yield ""


def _member_lines(member: etree._Element, detail: bool) -> Iterator[str]:
    gateway, address, update, vsys = (
        _value(member, f"group-vpn-member-{field}")
        for field in ("gateway", "address", "last-update", "vsys")
    )
    if detail:
        yield f"Member gateway: {gateway}, Member IP: {address}, Vsys: {vsys}"
        yield f"Last Update: {update}"
        yield _counters_text(member)
    else:
        yield f"{gateway:<20} {address:<16} {update:<24} {vsys}"


def _generic_text(element: etree._Element) -> str:
    lines = []
    for node in element.iter(tag=etree.Element):
        text = (node.text or "").strip()
        if text and not len(node):
            lines.append(f"{local_name(node)}: {text}")
    return "\n".join(lines)


def _version_text(element: etree._Element) -> str:
    return (
        f"Hostname: {_value(element, 'host-name')}\n"
        f"Model: {_value(element, 'product-model')}\n"
        f"{_value(element, 'comment')}"
    )


def _statistics_text(element: etree._Element) -> str:
    lines = []
    for node in element:
        name, text = local_name(node), (node.text or "").strip()
        if name == "group-vpn-group-name":
            lines.append(f"Group: {text}, Group Id: ")
        elif name == "group-vpn-group-id":
            lines[-1] += text
        else:
            lines.append(_counters_text(node))
    return "\n".join(lines)


def _uptime_text(element: etree._Element) -> str:
    booted = _value(element, "system-booted-time/{*}date-time")
    since = _value(element, "system-booted-time/{*}time-length")
    changed = _value(element, "last-configured-time/{*}date-time")
    ago = _value(element, "last-configured-time/{*}time-length")
    return (
        f"Current time: {_value(element, 'current-time/{*}date-time')}\n"
        f"System booted: {booted} ({since} ago)\n"
        f"Last configured: {changed} ({ago} ago) by {_value(element, 'user')}"
    )


def _history_text(element: etree._Element) -> str:
    lines = []
    for entry in element.iter("{*}commit-history"):
        number, user, client = (
            _value(entry, name) for name in ("sequence-number", "user", "client")
        )
        line = f"{number:<3} {_value(entry, 'date-time')} by {user} via {client}"
        lines.append(f"{line} {_value(entry, 'comment')}".rstrip())
        lines += [f"    {text}" for text in (_value(entry, "log"),) if text]
        lines += [f"    {text}" for text in (_value(entry, "commit-confirmed"),) if text]
    return "\n".join(lines)


_REVISION = {"Revision": "revision", "User": "user", "Client": "client", "Time": "date-time"}


def _revision_text(element: etree._Element) -> str:
    found = ((label, _value(element, name)) for label, name in _REVISION.items())
    return "\n".join(f"{label}: {value}" for label, value in found if value)


def _interfaces_text(element: etree._Element) -> str:
    styles = {
        attribute: value
        for name, value in element.attrib.items()
        for attribute in (etree.QName(str(name)).localname,)
    }
    if styles.get("style") == "terse":
        return _interfaces_table(element)
    if styles.get("style") == "descriptions":
        return _descriptions_table(element)
    return "\n\n".join("\n".join(_LINES[local_name(one)](one)) for one in element)


def _interfaces_table(element: etree._Element) -> str:
    lines = [f"{'Interface':<24}{'Admin':<6}{'Link':<5}{'Proto':<9}{'Local':<22}Remote"]
    for one in element.iter("{*}physical-interface", "{*}logical-interface"):
        name, admin, link = (_own_value(one, n) for n in ("name", "admin-status", "oper-status"))
        families = list(one.iterchildren("{*}address-family"))
        head = f"{name:<24}{admin:<6}{link:<5}"
        rows = [
            f"{_value(family, 'address-family-name'):<9}{_own_value(address, 'ifa-local')}"
            for family in families
            for address in family.iterchildren("{*}interface-address")
        ]
        lines.append((head + (rows[0] if rows else "")).rstrip())
        lines += [" " * len(head) + row for row in rows[1:]]
    return "\n".join(lines)


def _descriptions_table(element: etree._Element) -> str:
    lines = [f"{'Interface':<16}{'Admin':<6}{'Link':<5}Description"]
    for one in element:
        name, admin, link, text = (
            _own_value(one, n) for n in ("name", "admin-status", "oper-status", "description")
        )
        lines.append(f"{name:<16}{admin:<6}{link:<5}{text}")
    return "\n".join(lines)


def _interface_lines(one: etree._Element) -> Iterator[str]:
    enabled = "Enabled" if _own_value(one, "admin-status") == "up" else "Administratively down"
    link = _own_value(one, "oper-status").capitalize()
    yield f"Physical interface: {_own_value(one, 'name')}, {enabled}, Physical link is {link}"
    yield (
        f"  Interface index: {_own_value(one, 'local-index')}, "
        f"SNMP ifIndex: {_own_value(one, 'snmp-index')}"
    )
    if description := _own_value(one, "description"):
        yield f"  Description: {description}"
    kind, mtu, speed = (_own_value(one, name) for name in ("if-type", "mtu", "speed"))
    yield f"  Type: {kind}, MTU: {mtu}, Speed: {speed}"
    if current := _own_value(one, "current-physical-address"):
        hardware = _own_value(one, "hardware-physical-address")
        yield f"  Current address: {current}, Hardware address: {hardware}"
    for counters in one.iterchildren("{*}traffic-statistics", "{*}input-error-list"):
        yield from _counter_lines(counters)
    for logical in one.iterchildren("{*}logical-interface"):
        yield from _logical_lines(logical)


def _counter_lines(counters: etree._Element) -> Iterator[str]:
    yield f"  {local_name(counters).replace('-', ' ').capitalize()}:"
    for one in counters:
        label = local_name(one).replace("-", " ").capitalize()
        yield f"   {label:<16}: {(one.text or '').strip()}"


def _logical_lines(logical: etree._Element) -> Iterator[str]:
    yield f"  Logical interface {_own_value(logical, 'name')}"
    if description := _own_value(logical, "description"):
        yield f"    Description: {description}"
    for family in logical.iterchildren("{*}address-family"):
        yield f"    Protocol {_own_value(family, 'address-family-name')}"
        for address in family.iterchildren("{*}interface-address"):
            yield f"      Local: {_own_value(address, 'ifa-local')}"


_LINES = {"physical-interface": _interface_lines, "logical-interface": _logical_lines}


def _own_value(element: etree._Element, name: str) -> str:
    found = element.find("{*}" + name)
    return "" if found is None else (found.text or "").strip()


def _routes_text(element: etree._Element) -> str:
    tables = element.iter("{*}route-table")
    return "\n\n".join("\n".join(_table_lines(table)) for table in tables)


def _table_lines(table: etree._Element) -> Iterator[str]:
    name, destinations, routes, active, held, hidden = (
        _own_value(table, field)
        for field in (
            "table-name",
            "destination-count",
            "total-route-count",
            "active-route-count",
            "holddown-route-count",
            "hidden-route-count",
        )
    )
    yield (
        f"{name}: {destinations} destinations, {routes} routes "
        f"({active} active, {held} holddown, {hidden} hidden)"
    )
    if table.find("{*}rt/{*}rt-prefix-length") is not None:
        for rt in table.iterchildren("{*}rt"):
            yield from _long_route_lines(rt)
        return
    yield "+ = Active Route, - = Last Active, * = Both"
    yield ""
    for rt in table.iterchildren("{*}rt"):
        destination = _own_value(rt, "rt-destination")
        for entry in rt.iterchildren("{*}rt-entry"):
            tag, protocol, preference, age = (
                _own_value(entry, field)
                for field in ("active-tag", "protocol-name", "preference", "age")
            )
            yield f"{destination:<19}{tag or ' '}[{protocol}/{preference}] {age}"
            yield f"{'':<20}{_hop(entry)}"
            destination = ""


def _long_route_lines(rt: etree._Element) -> Iterator[str]:
    (count,) = map(str, next(rt.iterchildren("{*}rt-entry-count")).values())
    yield ""
    yield (
        f"{_value(rt, 'rt-destination')}/{_value(rt, 'rt-prefix-length')} "
        f"({count}, {_value(rt, 'rt-announced-count')} announced)"
    )
    for entry in rt.iterchildren("{*}rt-entry"):
        yield from _long_entry_lines(entry)


def _long_entry_lines(entry: etree._Element) -> Iterator[str]:
    to, via, local = (_value(entry, field) for field in ("to", "via", "nh-local-interface"))
    tag = _value(entry, "active-tag") or " "
    preference = _value(entry, "preference")
    yield f"{'':8}{tag}{_value(entry, 'protocol-name'):<7}Preference: {preference}"
    below = [f"Next hop type: {_value(entry, 'nh-type')}"]
    if local:
        below += ["Next hop:", f"Interface: {local}"]
    elif via:
        below.append(f"Next hop: {f'{to} via' if to else 'via'} {via}, selected")
    below.append(f"State: <{_value(entry, 'rt-entry-state')}>")
    if reason := _value(entry, "inactive-reason"):
        below.append(f"Inactive reason: {reason}")
    below += [f"Age: {_value(entry, 'age')}", _value(entry, "as-path")]
    yield from (f"{'':16}{line}" for line in below)


def _ping_text(element: etree._Element) -> str:
    failed = _value(element, "ping-error-message")
    if failed:
        return failed
    target, address, size = (
        _own_value(element, name) for name in ("target-host", "target-ip", "packet-size")
    )
    replies = (_reply_line(one) for one in element.iterchildren("{*}probe-result"))
    return "\n".join(
        [
            f"PING {target} ({address}): {size} data bytes",
            *(line for line in replies if line),
            "",
            f"--- {target} ping statistics ---",
            *_ping_summary(element),
        ]
    )


def _reply_line(result: etree._Element) -> str:
    size, source, sequence, hops, microseconds = (
        _own_value(result, name)
        for name in ("response-size", "ip-address", "sequence-number", "time-to-live", "rtt")
    )
    if not source:
        return ""
    line = f"{size} bytes from {source}: icmp_seq={sequence} ttl={hops}"
    return f"{line} time={_milliseconds(microseconds)} ms"


def _ping_summary(element: etree._Element) -> Iterator[str]:
    sent, received, lost = (
        _value(element, name) for name in ("probes-sent", "responses-received", "packet-loss")
    )
    yield f"{sent} packets transmitted, {received} packets received, {lost}% packet loss"
    figures = [
        _milliseconds(_value(element, f"rtt-{name}"))
        for name in ("minimum", "average", "maximum", "stddev")
        if _value(element, f"rtt-{name}")
    ]
    if figures:
        yield f"round-trip min/avg/max/stddev = {'/'.join(figures)} ms"


def _milliseconds(microseconds: str) -> str:
    return f"{int(microseconds) / 1000:.3f}"


def _listing_text(element: etree._Element) -> str:
    blocks = []
    for directory in element.iter("{*}directory"):
        names = [_own_value(one, "file-name") for one in directory.iter("{*}file-information")]
        head = f"{_own_value(directory, 'directory-name')}:"
        blocks.append("\n".join([head, *names, f"total files: {len(names)}"]))
    return "\n\n".join(blocks) or _value(element, "output")


def _hop(rt: etree._Element) -> str:
    """Where a route leads, behind its arrow."""
    local, to, via, kind = (
        _value(rt, field) for field in ("nh-local-interface", "nh/{*}to", "nh/{*}via", "nh-type")
    )
    if local:
        return f"   Local via {local}"
    if kind:
        return f"   {kind}"
    return f">  to {to} via {via}" if to else f">  via {via}"


_TEXT = {
    "system-uptime-information": _uptime_text,
    "commit-information": _history_text,
    "commit-revision-information": _revision_text,
    "directory-list": _listing_text,
    "file-content": lambda element: (element.text or "").strip("\n"),
    "ping-results": _ping_text,
    "rollback-information": lambda element: _value(element, "configuration-output"),
    "interface-information": _interfaces_text,
    "route-information": _routes_text,
    "security-group-vpn-server-registered-members": _members_text,
    "multi-routing-engine-results": _members_text,
    "security-group-vpn-server-stats": _statistics_text,
    "software-information": _version_text,
}


def cli_text(element: etree._Element) -> str:
    """An operational reply as the CLI prints it."""
    return _TEXT.get(local_name(element), _generic_text)(element)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Replies as the CLI's text and as JSON, and what pipes make of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from lxml import etree

from .commands import Command
from .reply import xml_text
from .rpcs.platform import Elements
from .session import Content, Request
from .xml import local_name, serialize

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
    lines = []
    for block in element.iter("{*}group-vpn-registered-members"):
        name, number = _value(block, "group-vpn-group-name"), _value(block, "group-vpn-group-id")
        lines.append(f"Group: {name}, Group Id: {number}")
        count = _value(block, "group-vpn-member-count")
        lines.append(f"Total number of registered members: {count}")
        members = list(block.iter("{*}group-vpn-member"))
        detail = any(True for _ in block.iter("{*}group-vpn-stats"))
        if members and not detail:
            lines.append(f"{'Member Gateway':<20} {'Member IP':<16} {'Last Update':<24} Vsys")
        for member in members:
            gateway, address, update, vsys = (
                _value(member, f"group-vpn-member-{field}")
                for field in ("gateway", "address", "last-update", "vsys")
            )
            if detail:
                lines.append(f"Member gateway: {gateway}, Member IP: {address}, Vsys: {vsys}")
                lines.append(f"Last Update: {update}")
                lines.append(_counters_text(member))
            else:
                lines.append(f"{gateway:<20} {address:<16} {update:<24} {vsys}")
        lines.append("")
    return "\n".join(lines)


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


def _interfaces_text(element: etree._Element) -> str:
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


def _own_value(element: etree._Element, name: str) -> str:
    found = element.find("{*}" + name)
    return "" if found is None else (found.text or "").strip()


_TEXT = {
    "system-uptime-information": _uptime_text,
    "commit-information": _history_text,
    "rollback-information": lambda element: _value(element, "configuration-output"),
    "interface-information": _interfaces_text,
    "security-group-vpn-server-registered-members": _members_text,
    "multi-routing-engine-results": _members_text,
    "security-group-vpn-server-stats": _statistics_text,
    "software-information": _version_text,
}


def as_text(elements: Elements, request: Request) -> Elements:
    """An operational reply as Junos' CLI text in ``<output>``."""
    text = "\n".join(_TEXT.get(local_name(e), _generic_text)(e) for e in elements)
    return [request.dialect.own("output", xml_text(f"\n{text}\n"))]


def as_json(elements: Elements) -> str:
    """An operational reply as Junos' JSON: each element a list, each text ``data``."""

    def value(element: etree._Element) -> object:
        inner = list(element.iterchildren(tag=etree.Element))
        if not inner:
            return {"data": (element.text or "").strip()}
        found: dict[str, list[object]] = {}
        for child in inner:
            found.setdefault(local_name(child), []).append(value(child))
        return found

    return json.dumps({local_name(e): [value(e)] for e in elements}, indent=4)


# Pipes

_FILTERS: dict[str, Callable[[list[str], str], list[str]]] = {
    "match": lambda lines, p: [one for one in lines if re.search(p, one, re.IGNORECASE)],
    "except": lambda lines, p: [one for one in lines if not re.search(p, one, re.IGNORECASE)],
    "find": lambda lines, p: lines[
        next((i for i, one in enumerate(lines) if re.search(p, one, re.IGNORECASE)), len(lines)) :
    ],
    "count": lambda lines, _: [f"Count: {len(lines)} lines"],
    "last": lambda lines, p: lines[max(0, len(lines) - int(p)) :],
    "trim": lambda lines, p: [one[int(p) :] for one in lines],
}
_TEXTS = ("output", "configuration-output", "configuration-text", "configuration-set")


def piped(content: Content, command: Command, request: Request) -> Content:
    """The reply of a command: filtered by its pipes, in the elements that clients look for.

    ``show configuration`` as text stands in ``configuration-information``, everything else that
    is text in ``output``; PyEZ's ``cli()`` and junos_command expect it so.
    """
    if not command.filters and not (command.of_configuration and command.display == "text"):
        return content
    lines = _lines(content)
    if command.display == "text" and command.operation.get("compare") is None:
        lines = _inside(lines, command.depth)
    for one in command.filters:
        lines = _FILTERS[one.name](lines, one.argument)
    text = xml_text("\n".join(["", *lines, ""]))
    own = request.dialect.own
    if not command.of_configuration:
        return [own("output", text)]
    return [own("configuration-information", None, own("configuration-output", text))]


def _inside(lines: list[str], depth: int) -> list[str]:
    """What stands in that many blocks, one in the other, as the CLI shows a path's content."""
    for _ in range(depth):
        head = next((at for at, line in enumerate(lines) if line.endswith("{")), None)
        if head is None:
            break
        lines = [line.removeprefix("    ") for line in lines[head + 1 : -1]]
    return lines


def _lines(content: Content) -> list[str]:
    """The text of a reply, or its XML where it is not text."""
    found: list[str] = []
    for part in content:
        if isinstance(part, str):
            found += part.splitlines()
            continue
        texts = [e for e in part.iter(tag=etree.Element) if local_name(e) in _TEXTS]
        if not texts:
            etree.indent(part, "    ")
            found += serialize(part).decode().splitlines()
        for one in texts:
            found += (one.text or "").strip("\n").splitlines()
    return found

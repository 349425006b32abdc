# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Operational replies as the CLI's text and as JSON."""

from __future__ import annotations

import json

from lxml import etree

from .reply import xml_text
from .rpcs.platform import Elements
from .session import Request
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
    found = next((e for e in element.iter("{*}" + name)), None)
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


_TEXT = {
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

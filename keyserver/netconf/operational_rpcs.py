# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Operational RPCs: software, system, the Group VPN show and clear commands, ``<command>``.

The child elements of ``registered-members`` are not published; the names here reuse the
vocabulary of the server's published statistics reply and are marked as assumed in the docs.
"""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from lxml import etree

from ..config.schema import InvalidValue, Kind, Statement, integer
from ..gdoi.key_server import AssociationView, KeyServerEndpoint
from ..groups.cluster import LinkView
from ..groups.group import Member
from ..groups.server import GroupServer, GroupView, KekView, TekView
from .reply import RpcError, RpcFailure, xml_text
from .session import Request
from .xml import local_name


@dataclass(frozen=True)
class Identity:
    """What the device says it is."""

    hostname: str
    model: str
    product: str
    release: str
    serial: str
    generation: str
    cluster_node: str | None = None

    @property
    def modern(self) -> bool:
        """True from Junos 15.1 on: version and commit results are reported in full."""
        return int(self.release.split(".")[0]) > 15


Elements = list[etree._Element]


class Platform(Protocol):
    """What operational commands ask of a device."""

    groups: GroupServer
    endpoint: KeyServerEndpoint

    def identity(self) -> Identity:
        """What the device says it is."""


Handler = Callable[[Platform, Request], Elements]


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


# Group VPN

_GROUP_NAME = (
    "group",
    "show-security-group-vpn-server-reg-group-name",
    "clear-security-group-vpn-server-group-name",
)
_GROUP_ID = (
    "group-id",
    "show-security-group-vpn-server-reg-group-id",
    "clear-security-group-vpn-server-group-id",
)
_NOW = ("clear-security-group-vpn-server-now", "now")
_operational_group_id = integer(1, 65535)


def _argument(request: Request, names: Iterable[str]) -> str | None:
    return next((text for name in names if (text := request.text(name)) is not None), None)


def _chosen_groups(groups: GroupServer, request: Request, now: float) -> list[GroupView]:
    """Groups that ``group`` or ``group-id`` picks; all of them without either."""
    name, number = _argument(request, _GROUP_NAME), _argument(request, _GROUP_ID)
    if number is not None:
        try:
            number = _operational_group_id(number)
        except InvalidValue as refusal:
            raise RpcFailure(RpcError(str(refusal), bad_element="group-id")) from None
    return [
        group
        for group in groups.views(now)
        if (name is None or group.name == name)
        and (number is None or str(group.group_id) == number)
    ]


def _is_detail(request: Request) -> bool:
    return request.child("detail") is not None or request.text("level") == "detail"


def _local_time(seconds: float) -> str:
    return time.strftime("%a %b %d %Y %H:%M:%S", time.gmtime(seconds))


def _statistics(request: Request, member: Member) -> etree._Element:
    own = request.dialect.own
    counters = member.counters
    return own(
        "group-vpn-stats",
        None,
        own("group-vpn-pull-succeeded", str(counters.pull_succeeded)),
        own("group-vpn-pull-failed", str(counters.pull_failed)),
        own("group-vpn-push-sent", str(counters.push_sent)),
        own("group-vpn-push-acknowledged", str(counters.push_acknowledged)),
        own("group-vpn-push-unacknowledged", str(counters.push_unacknowledged)),
    )


def _registered_members(device: Platform, request: Request) -> Elements:
    identity = device.identity()
    own, dialect = request.dialect.own, request.dialect
    detail = _is_detail(request)
    peer = request.text("peer-address")
    root = own("security-group-vpn-server-registered-members")
    dialect.styled(root, style="detail" if detail else "brief")
    for group in _chosen_groups(device.groups, request, request.now):
        members = [m for m in group.members if peer is None or m.address == peer]
        if peer is not None and not members:
            continue
        block = own(
            "group-vpn-registered-members",
            None,
            own("group-vpn-group-name", xml_text(group.name)),
            own("group-vpn-group-id", str(group.group_id)),
            own("group-vpn-member-count", str(len(members))),
        )
        for member in members:
            entry = own(
                "group-vpn-member",
                None,
                own("group-vpn-member-gateway", xml_text(member.gateway)),
                own("group-vpn-member-address", f"\n{member.address}\n"),
                dialect.styled(
                    own("group-vpn-member-last-update", _local_time(member.last_update)),
                    seconds=str(int(member.last_update)),
                ),
                own("group-vpn-member-vsys", "root"),
            )
            if detail:
                entry.append(_statistics(request, member))
            block.append(entry)
        root.append(block)
    if identity.cluster_node is None:
        return [root]
    item = own("multi-routing-engine-item", None, own("re-name", identity.cluster_node), root)
    return [own("multi-routing-engine-results", None, item)]


def _server_statistics(device: Platform, request: Request) -> Elements:
    own = request.dialect.own
    root = own("security-group-vpn-server-stats")
    for group in _chosen_groups(device.groups, request, request.now):
        total = group.counters
        root.append(own("group-vpn-group-name", xml_text(group.name)))
        root.append(own("group-vpn-group-id", str(group.group_id)))
        root.append(
            own(
                "server-stats",
                None,
                own(
                    "group-vpn-stats",
                    None,
                    own("group-vpn-pull-succeeded", str(total.pull_succeeded)),
                    own("group-vpn-pull-failed", str(total.pull_failed)),
                    own(
                        "group-vpn-pull-exceed-member-threshold",
                        str(total.pull_exceed_member_threshold),
                    ),
                    own("group-vpn-push-sent", str(total.push_sent)),
                    own("group-vpn-push-acknowledged", str(total.push_acknowledged)),
                    own("group-vpn-push-unacknowledged", str(total.push_unacknowledged)),
                ),
            )
        )
    return [root]


def _kek_index(kek: KekView) -> str:
    return str(int(kek.spi[:6], 16))


def _kek_associations(device: Platform, request: Request) -> Elements:
    own, dialect = request.dialect.own, request.dialect
    detail = _is_detail(request)
    index = request.text("index")
    root = dialect.styled(
        own("security-group-vpn-server-kek-sa"), style="detail" if detail else "brief"
    )
    shape = _kek_block if detail else _kek_line
    for group in _chosen_groups(device.groups, request, request.now):
        if group.kek is not None and index in (None, _kek_index(group.kek)):
            root.append(shape(request, group, group.kek))
    return [root]


def _kek_line(request: Request, group: GroupView, kek: KekView) -> etree._Element:
    own = request.dialect.own
    return own(
        "gvpn-server-kek-security-associations",
        None,
        own("security-association-index", _kek_index(kek)),
        own("life-remaining", str(kek.life_remaining)),
        own("initiator-cookie", kek.spi[:16]),
        own("responder-cookie", kek.spi[16:]),
        own("group-id", str(group.group_id)),
    )


def _kek_block(request: Request, group: GroupView, kek: KekView) -> etree._Element:
    """Element names and order of the published schema of KEK associations."""
    own = request.dialect.own
    cipher = kek.cipher if kek.cipher != "aes" else f"aes-{kek.key_bits}"
    window = [own("kek-sa-group-replay-window", group.replay_window)] * bool(group.replay_window)
    information = own(
        "kek-sa-group-info",
        None,
        *window,
        own("kek-sa-group-activation-delay", str(group.activation_delay)),
        own("kek-sa-group-multicast-group", group.communication.capitalize()),
    )
    return own(
        "gvpn-server-kek-security-associations-block",
        None,
        information,
        own("security-association-index", _kek_index(kek)),
        own("group-name", xml_text(group.name)),
        own("group-id", str(group.group_id)),
        own("initiator-cookie", kek.spi[:16]),
        own("responder-cookie", kek.spi[16:]),
        own("kek-sa-authentication-method", "RSA"),
        own("lifetime-remaining", f"Expires in {kek.life_remaining} seconds"),
        own("act-time-remaining", f"{kek.activation_remaining} seconds"),
        own("rekey-time-remaining", f"{kek.rekey_remaining} seconds"),
        own(
            "kek-sa-algorithms",
            None,
            own("kek-sa-authentication-algorithm", f"sig-hash-{kek.sig_hash}"),
            own("kek-sa-encryption-algorithm", f"{cipher}-cbc"),
        ),
        own(
            "kek-sa-traffic-statistics",
            None,
            own("kek-sa-input-bytes", str(group.traffic.input_bytes)),
            own("kek-sa-output-bytes", str(group.traffic.output_bytes)),
            own("kek-sa-input-packets", str(group.traffic.input_packets)),
            own("kek-sa-output-packets", str(group.traffic.output_packets)),
        ),
        own("kek-sa-misc", None, own("kek-sa-sequence-number", str(kek.sequence))),
        own(
            "kek-sa-server-info",
            None,
            own("kek-sa-server-retrans-period", str(kek.retransmission_period)),
            own("kek-sa-server-retrans-number", str(kek.retransmissions)),
        ),
        own("kek-sa-negotiations", None, own("kek-sa-num-of-negotiations", str(kek.pushes))),
    )


def _ipsec_associations(device: Platform, request: Request) -> Elements:
    """Children are not published: the names follow those of the other server replies."""
    own, dialect = request.dialect.own, request.dialect
    detail = _is_detail(request)
    root = dialect.styled(
        own("security-group-vpn-server-security-information"),
        style="detail" if detail else "brief",
    )
    for group in _chosen_groups(device.groups, request, request.now):
        block = own(
            "group-vpn-ipsec-security-associations",
            None,
            own("group-vpn-group-name", xml_text(group.name)),
            own("group-vpn-group-id", str(group.group_id)),
            own("total-active-sa", str(len(group.teks))),
        )
        block.extend(_ipsec_entry(request, tek, detail) for tek in group.teks)
        root.append(block)
    return [root]


def _ipsec_entry(request: Request, tek: TekView, detail: bool) -> etree._Element:
    own = request.dialect.own
    cipher = tek.cipher if tek.cipher != "aes" else f"aes-{tek.key_bits}"
    entry = own(
        "ipsec-security-association",
        None,
        own("ipsec-sa-name", xml_text(tek.name)),
        own("sa-spi", tek.spi),
        own("sa-protocol", "ESP"),
        own("sa-esp-encryption-algorithm", f"{cipher}-cbc"),
        own("sa-authentication-algorithm", tek.integrity),
        own("sa-hard-lifetime", str(tek.life_remaining)),
    )
    for source, destination in tek.selectors if detail else ():
        entry.append(
            own(
                "match-policy",
                None,
                own("sa-source", source),
                own("sa-destination", destination),
            )
        )
    return entry


def _ike_associations(device: Platform, request: Request) -> Elements:
    own, dialect = request.dialect.own, request.dialect
    detail = _is_detail(request)
    peer = request.text("peer-address")
    root = dialect.styled(
        own("security-group-vpn-server-ike-security-associations-information"),
        style="detail" if detail else "brief",
    )
    for association in device.endpoint.associations(request.now):
        if peer in (None, association.address):
            root.append(_ike_entry(request, association, detail))
    return [root]


def _ike_entry(request: Request, one: AssociationView, detail: bool) -> etree._Element:
    """Element names of Junos' published IKE associations."""
    own = request.dialect.own
    entry = own(
        "ike-security-associations-block" if detail else "ike-security-associations",
        None,
        own("ike-sa-index", str(int(one.responder_cookie[:6], 16))),
        own("ike-sa-remote-address", one.address),
        own("ike-sa-state", "UP"),
        own("ike-sa-initiator-cookie", one.initiator_cookie),
        own("ike-sa-responder-cookie", one.responder_cookie),
        own("ike-sa-exchange-type", one.mode.capitalize()),
    )
    if detail:
        cipher = one.cipher if one.cipher != "aes" else f"aes{one.key_bits}"
        entry.extend(
            (
                own("ike-sa-remote-port", str(one.port)),
                own("ike-sa-authentication-method", one.authentication),
                own("ike-sa-lifetime", str(one.life_remaining)),
                own("ike-gateway-name", xml_text(one.gateway)),
                own(
                    "ike-sa-algorithms",
                    None,
                    own("ike-sa-authentication-algorithm", f"hmac-{one.hash_name}"),
                    own("ike-sa-encryption-algorithm", f"{cipher}-cbc"),
                    own("ike-sa-dhgroup", f"DH-group-{one.dh_group}"),
                ),
            )
        )
    return entry


def _server_cluster(device: Platform, request: Request) -> Elements:
    """Children are not published: the names follow those of the other server replies."""
    own, dialect = request.dialect.own, request.dialect
    detail, peer = _is_detail(request), request.text("peer-gateway")
    root = dialect.styled(own("server-cluster-information"), style="detail" if detail else "brief")
    for group in _chosen_groups(device.groups, request, request.now):
        links = [link for link in device.groups.links(group.name) if peer in (None, link.gateway)]
        if not links:
            continue
        block = own(
            "server-cluster-group",
            None,
            own("group-vpn-group-name", xml_text(group.name)),
            own("group-vpn-group-id", str(group.group_id)),
            own("server-cluster-role", links[0].own_role),
            own("server-cluster-makes-keys", "yes" if links[0].leading else "no"),
        )
        block.extend(_cluster_peer(request, link, detail) for link in links)
        root.append(block)
    return [root]


def _cluster_peer(request: Request, link: LinkView, detail: bool) -> etree._Element:
    own = request.dialect.own
    entry = own(
        "server-cluster-peer",
        None,
        own("peer-gateway", xml_text(link.gateway)),
        own("peer-address", link.address),
        own("peer-status", link.state),
    )
    if detail:
        counters = dataclasses.asdict(link.counters)
        entry.append(
            own(
                "server-cluster-stats",
                None,
                *(own(name.replace("_", "-"), str(count)) for name, count in counters.items()),
            )
        )
    return entry


def _clear_cluster(device: Platform, request: Request) -> Elements:
    device.groups.clear_cluster(request.now)
    return []


def _clear_cluster_statistics(device: Platform, request: Request) -> Elements:
    for group in _chosen_groups(device.groups, request, request.now):
        device.groups.clear_cluster_statistics(group.name, request.text("peer-gateway"))
    return []


def _clear_server(device: Platform, request: Request) -> Elements:
    immediately = any(request.child(name) is not None for name in _NOW)
    for group in _chosen_groups(device.groups, request, request.now):
        device.groups.clear(group.name, immediately, request.now)
    return []


def _clear_statistics(device: Platform, request: Request) -> Elements:
    for group in _chosen_groups(device.groups, request, request.now):
        device.groups.clear_statistics(group.name)
    return []


# Text form and <command>

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


OPERATIONAL_RPCS: dict[str, Handler] = {
    "get-software-information": _software_information,
    "get-system-information": _system_information,
    "get-chassis-inventory": _chassis_inventory,
    "get-route-engine-information": _route_engine,
    "get-security-group-vpn-server-registered-members": _registered_members,
    "get-security-group-vpn-server-stats": _server_statistics,
    "get-security-group-vpn-server-kek-sa": _kek_associations,
    "get-security-group-vpn-server-security-information": _ipsec_associations,
    "get-security-group-vpn-server-ike-security-associations-information": _ike_associations,
    "get-security-group-vpn-svr-svr-cluster-info": _server_cluster,
    "clear-security-group-vpn-server": _clear_server,
    "clear-security-group-vpn-server-server-cluster": _clear_cluster,
    "clear-security-group-vpn-svr-svr-cluster-stats": _clear_cluster_statistics,
    "clear-security-group-vpn-server-statistics": _clear_statistics,
}

_SHOW = "show security group-vpn server"
COMMANDS: dict[str, str] = {
    "show version": "get-software-information",
    "show system information": "get-system-information",
    "show chassis hardware": "get-chassis-inventory",
    "show chassis routing-engine": "get-route-engine-information",
    f"{_SHOW} registered-members": "get-security-group-vpn-server-registered-members",
    f"{_SHOW} kek security-associations": "get-security-group-vpn-server-kek-sa",
    f"{_SHOW} ipsec security-associations": "get-security-group-vpn-server-security-information",
    f"{_SHOW} ike security-associations": (
        "get-security-group-vpn-server-ike-security-associations-information"
    ),
    f"{_SHOW} statistics": "get-security-group-vpn-server-stats",
    f"{_SHOW} server-cluster": "get-security-group-vpn-svr-svr-cluster-info",
    "clear security group-vpn server server-cluster statistics": (
        "clear-security-group-vpn-svr-svr-cluster-stats"
    ),
    "clear security group-vpn server server-cluster": (
        "clear-security-group-vpn-server-server-cluster"
    ),
    "clear security group-vpn server statistics": "clear-security-group-vpn-server-statistics",
    "clear security group-vpn server": "clear-security-group-vpn-server",
    "show configuration": "get-configuration",
    "show system commit": "get-commit-information",
    "show system configuration rescue": "get-rescue-information",
    "request system configuration rescue save": "request-save-rescue-configuration",
    "request system configuration rescue delete": "request-delete-rescue-configuration",
}
_FLAGS = ("detail", "brief", "now")
_ARGUMENTS = ("group", "group-id", "peer-address", "peer-gateway", "index")


def command_operation(line: str, schema: Statement) -> etree._Element | None:
    """The RPC behind a CLI command; None for commands that the device does not know."""
    line, *pipes = (part.strip() for part in line.split("|"))
    words = line.split()
    for count in range(len(words), 0, -1):
        rpc = COMMANDS.get(" ".join(words[:count]))
        if rpc is None:
            continue
        operation, rest = etree.Element(rpc), words[count:]
        if rpc == "get-configuration":
            return _show_configuration(operation, rest, pipes, schema)
        while rest:
            word = rest.pop(0)
            if word in _FLAGS:
                etree.SubElement(operation, word)
            elif rest and word in _ARGUMENTS:
                etree.SubElement(operation, word).text = rest.pop(0)
            else:
                return None
        return operation
    return None


_PIPES = re.compile(
    r"display (?P<format>set|xml|json|text)|(?P<compare>compare)( rollback (?P<n>\d+))?"
)


def _show_configuration(
    operation: etree._Element, path: list[str], pipes: list[str], schema: Statement
) -> etree._Element | None:
    """``show configuration PATH | display FORMAT | compare rollback N``."""
    operation.set("database", "committed")
    operation.set("format", "text")
    for pipe in pipes:
        known = _PIPES.fullmatch(pipe)
        if known is None and pipe != "no-more":
            return None
        if known is not None and known["format"]:
            operation.set("format", known["format"])
        elif known is not None:
            operation.set("compare", "rollback")
            operation.set("rollback", known["n"] or "1")
    node = etree.SubElement(operation, "configuration") if path else operation
    here, words = schema, list(path)
    while words:
        word = words.pop(0)
        child = here.children.get(word)
        if child is None and here.positional is not None:
            # Junos leaves some keywords out: the word is the entry's name already.
            child, words = here.children[here.positional], [word, *words]
        if child is None:
            return None
        node, here = etree.SubElement(node, child.name), child
        if child.kind is Kind.LIST and words:
            etree.SubElement(node, child.key).text = words.pop(0).strip('"')
    return operation


# JSON form


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

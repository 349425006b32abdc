# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a key server shows and clears.

The child elements of ``registered-members`` are not published; the names here reuse the
vocabulary of the server's published statistics reply and are marked as assumed in the docs.
"""

from __future__ import annotations

import datetime
from functools import partial

from lxml import etree

from ....gdoi.associations import AssociationView
from ....groups.members import Member
from ....groups.views import GroupView, KekView, TekView
from ...arguments import Argument, Arguments, address, number
from ...reply import xml_text
from ...session import Request
from ...work import Steps, Work
from ..level import LEVEL, LEVELS, TOGGLES, is_detail
from ..platform import Elements, OperationalRpc, Platform, takes
from .chosen import CHOICE, GROUP, NAME, NUMBER, chosen_gateways, chosen_groups
from .place import PLACE

_NOW = "clear-security-group-vpn-server-now"


def _local_time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%a %b %d %Y %H:%M:%S")


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


def _registered_members(device: Platform, request: Request) -> Steps[Elements]:
    groups = chosen_groups(device.groups, request, request.now)
    weight = sum(len(group.members) for group in groups) * _MEMBER_OCTETS
    root: etree._Element = yield Work(partial(_member_list, request, groups), weight)
    node = device.identity().cluster_node
    if node is None:
        return [root]
    own = request.dialect.own
    item = own("multi-routing-engine-item", None, own("re-name", node), root)
    return [own("multi-routing-engine-results", None, item)]


_MEMBER_OCTETS = 500
"""About how long the entry of one member is."""


def _member_list(request: Request, groups: list[GroupView]) -> etree._Element:
    own, dialect = request.dialect.own, request.dialect
    detail, peer = is_detail(request), request.text("peer-address")
    root = own("security-group-vpn-server-registered-members")
    dialect.styled(root, style="detail" if detail else "brief")
    for group in groups:
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
        block.extend(_member_entry(request, member, detail) for member in members)
        root.append(block)
    return root


def _member_entry(request: Request, member: Member, detail: bool) -> etree._Element:
    own = request.dialect.own
    entry = own(
        "group-vpn-member",
        None,
        own("group-vpn-member-gateway", xml_text(member.gateway)),
        own("group-vpn-member-address", f"\n{member.address}\n"),
        request.dialect.styled(
            own("group-vpn-member-last-update", _local_time(member.last_update)),
            seconds=str(int(member.last_update)),
        ),
        own("group-vpn-member-vsys", "root"),
    )
    if detail:
        entry.append(_statistics(request, member))
    return entry


def _server_statistics(device: Platform, request: Request) -> Elements:
    own = request.dialect.own
    root = own("security-group-vpn-server-stats")
    for group in chosen_groups(device.groups, request, request.now):
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
    detail = is_detail(request)
    index = request.text("index")
    root = dialect.styled(
        own("security-group-vpn-server-kek-sa"), style="detail" if detail else "brief"
    )
    shape = _kek_block if detail else _kek_line
    for group in chosen_groups(device.groups, request, request.now):
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
    window = [own("kek-sa-group-replay-window", group.anti_replay_time_window)] * bool(
        group.anti_replay_time_window
    )
    information = own(
        "kek-sa-group-info",
        None,
        *window,
        own("kek-sa-group-activation-delay", str(group.activation_time_delay)),
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
    detail = is_detail(request)
    root = dialect.styled(
        own("security-group-vpn-server-security-information"),
        style="detail" if detail else "brief",
    )
    for group in chosen_groups(device.groups, request, request.now):
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


def _ike_associations(device: Platform, request: Request) -> Steps[Elements]:
    known = device.endpoint.associations(request.now)
    gateways = chosen_gateways(device.groups, request, request.now)
    if gateways is not None:
        known = [association for association in known if association.gateway in gateways]
    root: etree._Element = yield Work(
        partial(_association_list, request, known), len(known) * _MEMBER_OCTETS
    )
    return [root]


def _association_list(request: Request, known: list[AssociationView]) -> etree._Element:
    own, dialect = request.dialect.own, request.dialect
    detail = is_detail(request)
    peer, index = request.text("peer-address"), request.text("index")
    root = dialect.styled(
        own("security-group-vpn-server-ike-security-associations-information"),
        style="detail" if detail else "brief",
    )
    for association in known:
        if peer in (None, association.address) and index in (None, _ike_index(association)):
            root.append(_ike_entry(request, association, detail))
    return root


def _ike_index(one: AssociationView) -> str:
    return str(int(one.responder_cookie[:6], 16))


def _ike_entry(request: Request, one: AssociationView, detail: bool) -> etree._Element:
    """Element names of Junos' published IKE associations."""
    own = request.dialect.own
    entry = own(
        "ike-security-associations-block" if detail else "ike-security-associations",
        None,
        own("ike-sa-index", _ike_index(one)),
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


def _clear_server(device: Platform, request: Request) -> Elements:
    immediately = request.child(_NOW) is not None
    for group in chosen_groups(device.groups, request, request.now):
        device.groups.clear(group.name, immediately, request.now)
    return []


def _clear_statistics(device: Platform, request: Request) -> Elements:
    for group in chosen_groups(device.groups, request, request.now):
        device.groups.clear_statistics(group.name)
    return []


_PEER = Argument("peer-address", address)
_INDEX = Argument("index", number(0, 4294967295))
_SHOW, _CLEAR = "show security group-vpn server", "clear security group-vpn server"

_LONG_GROUP = (
    Argument("show-security-group-vpn-server-reg-group-name", NAME, "group"),
    Argument("show-security-group-vpn-server-reg-group-id", NUMBER, "group-id"),
)
"""What registered-members takes in Group VPNv1, and nothing else."""
_CLEAR_GROUP = (
    Argument("clear-security-group-vpn-server-group-name", NAME, "group"),
    Argument("clear-security-group-vpn-server-group-id", NUMBER, "group-id"),
)
_CLEAR_NOW = Argument("clear-security-group-vpn-server-now", word="now")


def _names(arguments: tuple[Argument, ...]) -> frozenset[str]:
    return frozenset(argument.name for argument in arguments)


def _common(levels: Arguments, peer: Arguments = ()) -> dict[str, OperationalRpc]:
    """Known to both generations; v1 has no ``peer``."""
    return {
        "get-security-group-vpn-server-kek-sa": OperationalRpc(
            _kek_associations,
            takes(*levels, *GROUP, _INDEX, *PLACE, alternatives=(LEVELS, CHOICE)),
            f"{_SHOW} kek security-associations",
        ),
        "get-security-group-vpn-server-security-information": OperationalRpc(
            _ipsec_associations,
            takes(*levels, *GROUP, *PLACE, alternatives=(LEVELS, CHOICE)),
            f"{_SHOW} ipsec security-associations",
        ),
        "get-security-group-vpn-server-ike-security-associations-information": OperationalRpc(
            accepts=takes(*levels, *GROUP, *peer, _INDEX, *PLACE, alternatives=(LEVELS, CHOICE)),
            command=f"{_SHOW} ike security-associations",
            long_handler=_ike_associations,
        ),
        "clear-security-group-vpn-server": OperationalRpc(
            _clear_server,
            takes(*_CLEAR_GROUP, _CLEAR_NOW, alternatives=(_names(_CLEAR_GROUP),)),
            _CLEAR,
        ),
    }


def _v1() -> dict[str, OperationalRpc]:
    return {
        **_common(TOGGLES),
        "get-security-group-vpn-server-registered-members": OperationalRpc(
            accepts=takes(*_LONG_GROUP, *PLACE, alternatives=(_names(_LONG_GROUP),)),
            command=f"{_SHOW} registered-members",
            long_handler=_registered_members,
        ),
    }


def _v2() -> dict[str, OperationalRpc]:
    return {
        **_common(LEVEL, (_PEER,)),
        "get-security-group-vpn-server-registered-members": OperationalRpc(
            accepts=takes(*LEVEL, *GROUP, _PEER, *PLACE, alternatives=(LEVELS, CHOICE)),
            command=f"{_SHOW} registered-members",
            long_handler=_registered_members,
        ),
        "get-security-group-vpn-server-stats": OperationalRpc(
            _server_statistics, takes(*GROUP, *PLACE, alternatives=(CHOICE,)), f"{_SHOW} statistics"
        ),
        "clear-security-group-vpn-server-statistics": OperationalRpc(
            _clear_statistics, takes(*GROUP, alternatives=(CHOICE,)), f"{_CLEAR} statistics"
        ),
    }


def server_rpcs(generation: str) -> dict[str, OperationalRpc]:
    """What a key server of that generation answers (Juniper's YANG; 12.3R4's RPC table)."""
    return _v1() if generation == "v1" else _v2()

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All of ``[edit security group-vpn server]``: table and rules."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine import values
from ..engine.resource import Outlook, Resource, Rules
from ..engine.schema import Container, Leaf, List, Tree
from . import server_member_communication as communication
from .common import (
    ACTIVATION_TIME_DELAY,
    AES,
    DESCRIPTION,
    ONLY_V1,
    ONLY_V2,
    ROUTING_INSTANCE,
    V1,
    V1_CIPHERS,
    V2,
    flag,
    identity,
    ike_policy,
    ike_proposal,
    key,
    number,
    reference,
    references,
    traceoptions,
    words,
)

_DYNAMIC = Container(
    name="dynamic",
    summary="A peer whose address is not known beforehand, and how it is known.",
    oneline_if_one=True,
    exclusive=(("distinguished-name", "hostname", "inet", "user-at-hostname"),),
    children=(
        Container(
            name="distinguished-name",
            known=ONLY_V1,
            oneline_if_one=True,
            summary="Parts of the name in its certificate.",
            children=(
                Leaf(name="container", summary="Parts in their order."),
                Leaf(name="wildcard", summary="Parts in any order."),
            ),
        ),
        Leaf(name="hostname", summary="A host name."),
        Leaf(name="inet", summary="An IPv4 address.", form=values.ipv4_address),
        Leaf(name="user-at-hostname", summary="An e-mail address."),
    ),
)

_DEAD_PEER_DETECTION = Container(
    name="dead-peer-detection",
    known=ONLY_V2,
    presence=True,
    oneline_if_one=True,
    summary="Ask whether the peer is alive; for the other servers of a cluster.",
    children=(
        flag("always-send", "Ask whether there is traffic or not."),
        number("interval", "Time between two questions.", {V2: (10, 60)}, 10, "seconds"),
        number("threshold", "Questions without an answer until it is dead.", {V2: (1, 5)}, 5),
    ),
)

GATEWAY = List(
    name="gateway",
    called="gateways",
    summary="IKE gateways: the members, and the other servers of a cluster.",
    key=key("Name of the gateway."),
    exclusive=(("address", "dynamic"),),
    children=(
        reference("ike-policy", "Name of an IKE policy.", "ike", "policy"),
        Leaf(
            name="address",
            summary="Address or host name of the peer; in Group VPNv2 at most 32 characters.",
            longest=253,
            narrower={V2: (values.name, 32)},
        ),
        _DYNAMIC,
        _DEAD_PEER_DETECTION,
        identity("local-identity", "What the server says that it is."),
        identity("remote-identity", "What the peer has to say that it is.", ONLY_V2),
        Leaf(
            name="local-address",
            known=ONLY_V2,
            summary="Address that the server uses towards the peer.",
            form=values.ip_address,
        ),
        ROUTING_INSTANCE,
    ),
)

_IKE_PROPOSAL = ike_proposal(
    orders={
        V2: (
            "description",
            "authentication-method",
            "authentication-algorithm",
            "dh-group",
            "encryption-algorithm",
        )
    }
)

IPSEC_PROPOSAL = List(
    name="proposal",
    called="proposals",
    summary="IPsec proposals: the algorithms of protected traffic.",
    key=key("Name of the proposal.", values.identifier),
    children=(
        DESCRIPTION,
        words(
            "authentication-algorithm",
            "Integrity of protected traffic.",
            {V1: ("hmac-md5-96", "hmac-sha-256-128", "hmac-sha1-96"), V2: ("hmac-sha-256-128",)},
        ),
        words(
            "encryption-algorithm", "Encryption of protected traffic.", {V1: V1_CIPHERS, V2: AES}
        ),
        number(
            "lifetime-seconds",
            "Lifetime of traffic keys; the device uses 3600 when it is not set.",
            {V1: (180, 86400), V2: (180, 86400)},
            unit="seconds",
        ),
    ),
)

_MATCH_POLICY = List(
    name="match-policy",
    called="match_policies",
    most=10,
    summary="Traffic that is protected.",
    key=key("Name of the match policy."),
    children=(
        Leaf(name="source", summary="IPv4 prefix of senders.", form=values.ipv4_prefix),
        Leaf(name="destination", summary="IPv4 prefix of receivers.", form=values.ipv4_prefix),
        number("source-port", "Port of senders, 0 for any.", {V1: (0, 65535), V2: (0, 65535)}),
        number(
            "destination-port", "Port of receivers, 0 for any.", {V1: (0, 65535), V2: (0, 65535)}
        ),
        number("protocol", "IP protocol, 0 for any.", {V1: (0, 254), V2: (0, 254)}),
    ),
)

_IPSEC_SA = List(
    name="ipsec-sa",
    called="ipsec_sas",
    summary="Security associations that members receive.",
    key=key("Name of the security association."),
    children=(
        reference("proposal", "Name of an IPsec proposal.", "ipsec", "proposal"),
        _MATCH_POLICY,
    ),
)

_SERVER_CLUSTER = Container(
    name="server-cluster",
    known=ONLY_V2,
    summary="Servers that serve the group together.",
    children=(
        words("server-role", "Role of this server.", {V2: ("root-server", "sub-server")}),
        references("ike-gateway", "IKE gateways of the other servers.", "ike", "gateway"),
        number(
            "retransmission-period",
            "Time until a message to another server is sent again.",
            {V2: (2, 60)},
            10,
            "seconds",
        ),
    ),
)

GROUP = List(
    name="group",
    called="groups",
    summary="The groups that the server serves.",
    key=key("Name of the group."),
    exclusive=(("anti-replay-time-window", "no-anti-replay"),),
    orders={
        V1: (
            "description",
            "group-id",
            "ike-gateway",
            "activation-time-delay",
            "anti-replay-time-window",
            "no-anti-replay",
            "server-address",
            "server-member-communication",
            "ipsec-sa",
        )
    },
    children=(
        DESCRIPTION,
        number("group-id", "Number of the group.", {V1: (1, 65535), V2: (1, 4294967295)}),
        number("member-threshold", "Most members that may register.", {V2: (0, 4294967295)}),
        _SERVER_CLUSTER,
        references(
            "ike-gateway",
            "IKE gateways of the members that may register.",
            "ike",
            "gateway",
        ),
        ACTIVATION_TIME_DELAY,
        number(
            "anti-replay-time-window",
            "Largest age of a packet: seconds in Group VPNv1, milliseconds in Group VPNv2.",
            {V1: (60, 360), V2: (1, 60000)},
        ),
        flag("no-anti-replay", "Accept packets of any age.", ONLY_V1),
        Leaf(
            name="server-address",
            known=ONLY_V1,
            summary="Address that the server serves the group at.",
            form=values.ip_address,
        ),
        communication.TABLE,
        _IPSEC_SA,
    ),
)

_ROOT = Container(
    name="server",
    children=(
        traceoptions(),
        Container(
            name="ike",
            summary="Phase 1 with members and other servers.",
            children=(_IKE_PROPOSAL, ike_policy(), GATEWAY),
        ),
        Container(
            name="ipsec",
            summary="Protection of traffic between members.",
            children=(IPSEC_PROPOSAL,),
        ),
        GROUP,
    ),
)


def _objections(outlook: Outlook) -> list[str]:
    return [*communication.block_objections(outlook), *_group_ids(outlook.after)]


def _group_ids(after: Tree) -> Iterator[str]:
    seen: dict[int, str] = {}
    for name, group in after.get("group", {}).items():
        number = group.get("group-id")
        if number in seen:
            yield (
                f"{RESOURCE.where(('group', name), 'group-id')} {number}: group {seen[number]} has "
                "it already; correct 'group_id', or delete that group first"
            )
        elif number is not None:
            seen[number] = name


RESOURCE = Resource(
    name="server",
    prefix=communication.HIERARCHY[:-1],
    root=_ROOT,
    landmarks=("group",),
    around=communication.HIERARCHY[:-2],
    rules=Rules(_objections, communication.advice, communication.results, communication.touched),
)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All of ``[edit security group-vpn member]``, and what attaches it: table and rules."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine import values
from ..engine.resource import Outlook, Resource, Rules, Wording
from ..engine.schema import Container, Leaf, List, Tree
from . import attachment
from .common import (
    ONLY_V1,
    ONLY_V2,
    ROUTING_INSTANCE,
    V1,
    V2,
    flag,
    identity,
    ike_policy,
    ike_proposal,
    key,
    number,
    reference,
    traceoptions,
    words,
)

_MEMBER = ("group-vpn", "member")
_LIFETIME = (180, 86400)

_GATEWAY = List(
    name="gateway",
    called="gateways",
    summary="IKE gateways: the key servers.",
    key=key("Name of the gateway."),
    children=(
        reference("ike-policy", "Name of an IKE policy.", *_MEMBER, "ike", "policy"),
        Leaf(
            name="server-address",
            called="server_addresses",
            known=ONLY_V2,
            many=True,
            most=4,
            summary="Addresses of key servers, the one to try first in front; at most 4.",
            form=values.ipv4_address,
        ),
        Leaf(
            name="address",
            called="addresses",
            known=ONLY_V1,
            many=True,
            summary="Addresses or host names of key servers.",
            longest=255,
        ),
        identity("local-identity", "What the member says that it is."),
        identity("remote-identity", "What the server has to say that it is.", ONLY_V2),
        Leaf(
            name="local-address",
            summary="Address that the member uses towards the server.",
            form=values.ipv4_address,
        ),
        ROUTING_INSTANCE,
    ),
)


def _address(name: str, summary: str) -> Container:
    return Container(
        name=name,
        inline=True,
        hollow=True,
        summary=summary,
        children=(
            Leaf(
                name="address",
                called=name.replace("-", "_"),
                bare=True,
                summary=summary,
                form=values.ipv4_prefix,
            ),
        ),
    )


def _rules(name: str, called: str, summary: str) -> Container:
    return Container(
        name=name,
        known=ONLY_V2,
        inline=True,
        summary=summary,
        children=(
            List(
                name="rule",
                called=called,
                known=ONLY_V2,
                most=10,
                summary=summary,
                key=Leaf(
                    name="name",
                    summary="Name of the rule.",
                    longest=63,
                    form=values.identifier,
                ),
                children=(
                    _address("source-address", "IPv4 prefix of senders."),
                    _address("destination-address", "IPv4 prefix of receivers."),
                    Leaf(name="application", summary="Name of an application of the device."),
                ),
            ),
        ),
    )


_VPN = List(
    name="vpn",
    called="vpns",
    summary="The groups that the device is a member of.",
    key=key("Name of the VPN."),
    children=(
        reference("ike-gateway", "Name of an IKE gateway.", *_MEMBER, "ike", "gateway"),
        Leaf(
            name="group-vpn-external-interface",
            summary="Logical interface that protected traffic leaves and arrives by.",
            form=values.interface,
            longest=63,
        ),
        number("group", "Number of the group.", {V1: (1, 65535), V2: (1, 4294967295)}),
        number(
            "heartbeat-threshold",
            "Heartbeats that may be missed until the member registers again; deprecated in Group "
            "VPNv2.",
            {V1: (0, 10), V2: (0, 10)},
            3,
        ),
        flag("recovery-probe", "Ask the server when keys seem to be out of step.", ONLY_V2),
        words(
            "df-bit",
            "What becomes of the bit 'don't fragment' in the outer header.",
            {V2: ("clear", "set", "copy")},
            "clear",
        ),
        _rules(
            "fail-open",
            "fail_open_rules",
            "Traffic that passes in the clear as long as there are no keys.",
        ),
        _rules("exclude", "exclude_rules", "Traffic that always passes in the clear."),
    ),
)


_IKE = Container(
    name="ike",
    summary="Phase 1 with key servers.",
    children=(
        traceoptions(ONLY_V2),
        ike_proposal(
            number(
                "lifetime-seconds",
                "Lifetime of phase 1; the member's is the one that counts.",
                {V1: _LIFETIME, V2: _LIFETIME},
                180,
                "seconds",
            )
        ),
        ike_policy(*_MEMBER),
        _GATEWAY,
    ),
)
_IPSEC = Container(name="ipsec", summary="The groups.", children=(_VPN,))

_ROOT = Container(
    name="security",
    partial=True,
    children=(
        Container(
            name="group-vpn",
            inline=True,
            partial=True,
            summary="Group VPN.",
            children=(
                Container(
                    name="member",
                    inline=True,
                    summary="The device as a member.",
                    children=(_IKE, _IPSEC),
                ),
            ),
        ),
        attachment.IPSEC_POLICY,
        attachment.TUNNEL_POLICIES,
    ),
)

_OPTIONS = Container(
    name="member",
    children=(
        _IKE,
        _IPSEC,
        attachment.POLICIES,
    ),
)


# Rules


def _objections(outlook: Outlook) -> list[str]:
    vpns = outlook.after.get("group-vpn", {}).get("member", {}).get("ipsec", {}).get("vpn", {})
    return [*_groups(vpns), *_addresses(outlook), *attachment.objections(outlook, RESOURCE.where)]


def _groups(vpns: Tree) -> Iterator[str]:
    seen: dict[int, str] = {}
    for name, vpn in vpns.items():
        group = vpn.get("group")
        if group in seen:
            yield (
                f"{RESOURCE.where((*_MEMBER, 'ipsec', 'vpn', name), 'group')} {group}: vpn "
                f"{seen[group]} has it already; correct 'group'"
            )
        elif group is not None:
            seen[group] = name


def _addresses(outlook: Outlook) -> Iterator[str]:
    ike = outlook.after.get("group-vpn", {}).get("member", {}).get("ike", {})
    gateways = ike.get("gateway", {})
    servers = {
        address
        for gateway in gateways.values()
        for address in (*gateway.get("server-address", ()), *gateway.get("address", ()))
    }
    for name, gateway in gateways.items():
        own = gateway.get("local-address")
        if own in servers:
            yield (
                f"{RESOURCE.where((*_MEMBER, 'ike', 'gateway', name), 'local-address')} {own}: it "
                "is a key server's address; correct 'local_address'"
            )


RESOURCE = Resource(
    name="member",
    prefix=("security",),
    root=_ROOT,
    landmarks=("group-vpn", "ipsec-policy", "policies"),
    ways={"member": ("group-vpn",)},
    around=("security", "group-vpn"),
    about="group-vpn",
    wording=Wording(_OPTIONS, attachment.inward, attachment.outward),
    rules=Rules(objections=_objections, fitted=attachment.fitted),
)

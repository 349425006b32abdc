# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``server-member-communication`` of the groups of a Group VPN key server: table and rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..engine import values
from ..engine.resource import Outlook, Resource, Rules
from ..engine.schema import Container, Leaf, List, Tree
from .common import ACTIVATION_TIME_DELAY, AES, ONLY_V1, V1, V1_CIPHERS, V2, key, number, words

BLOCK = "server-member-communication"
HIERARCHY = ("security", "group-vpn", "server", "group")

TABLE = Container(
    name=BLOCK,
    presence=True,
    summary="Rekey messages from the server to the group's members.",
    children=(
        words(
            "communication-type",
            "Whether rekey messages go to each member (unicast) or to a multicast group.",
            {V1: ("unicast", "multicast"), V2: ("unicast",)},
            "unicast",
        ),
        Leaf(
            name="multicast-group",
            known=ONLY_V1,
            summary="Multicast group that rekey messages are sent to.",
            form=values.multicast_address,
        ),
        Leaf(
            name="multicast-outgoing-interface",
            known=ONLY_V1,
            summary="Interface that multicast rekey messages leave by.",
            form=values.interface,
            longest=63,
        ),
        number(
            "lifetime-seconds",
            "Lifetime of the key encryption key (KEK).",
            {V1: (180, 86400), V2: (300, 86400)},
            3600,
            "seconds",
        ),
        number(
            "retransmission-period",
            "Time between a unicast rekey message and its retransmission.",
            {V1: (2, 60), V2: (2, 60)},
            10,
            "seconds",
        ),
        number(
            "number-of-retransmission",
            "How often an unacknowledged unicast rekey message is sent again.",
            {V1: (0, 60), V2: (0, 60)},
            2,
        ),
        number(
            "heartbeat",
            "Interval of heartbeat messages; deprecated in Group VPNv2.",
            {V1: (60, 3600), V2: (60, 3600)},
            300,
            "seconds",
        ),
        words(
            "encryption-algorithm",
            "Encryption of rekey messages; the device has no default.",
            {V1: V1_CIPHERS, V2: AES},
            required=True,
        ),
        words(
            "sig-hash-algorithm",
            "Hash of the rekey signature; the device has no default.",
            {V1: ("md5", "sha1"), V2: ("sha-256", "sha-384")},
            required=True,
        ),
        Leaf(
            name="certificate",
            summary="Local certificate (RSA) whose key signs rekey messages.",
            longest=32,
        ),
    ),
)
"""The block itself, in the device's order of both generations."""

DEFAULTS: Mapping[str, Any] = {c.option: c.default for c in TABLE.children if isinstance(c, Leaf)}
"""What the device uses for each option that is not set; None: there is no default."""

_MULTICAST_ONLY = ("multicast-group", "multicast-outgoing-interface")


_ROOT = Container(
    name="server",
    partial=True,
    children=(
        Container(
            name="ike",
            context=True,
            partial=True,
            children=(
                List(
                    name="gateway",
                    context=True,
                    partial=True,
                    key=key("Gateway."),
                    children=(
                        Container(name="dynamic", context=True, presence=True, partial=True),
                    ),
                ),
            ),
        ),
        List(
            name="group",
            fixed=True,
            partial=True,
            key=replace(key("Name of an existing group."), called="group"),
            children=(
                List(name="ike-gateway", context=True, key=key("Gateway.")),
                replace(ACTIVATION_TIME_DELAY, context=True),
                replace(TABLE, inline=True),
            ),
        ),
    ),
)


def _changed(outlook: Outlook) -> Iterator[tuple[str, Tree]]:
    """Groups whose block changes and stays, with the block after the change."""
    before = _blocks(outlook.before)
    asleep = outlook.have.explicit.inactive - outlook.target.inactive
    for name, block in _blocks(outlook.after).items():
        woken = any(path[:2] == ("group", name) for path in asleep)
        if block is not None and (block != before.get(name) or woken):
            yield name, block


def _blocks(tree: Tree) -> dict[str, Tree | None]:
    return {name: group.get(BLOCK) for name, group in tree.get("group", {}).items()}


def effective(block: Tree, name: str) -> Any:
    """What the device uses: what is set, or its default."""
    leaf = TABLE.by_name[name]
    return block.get(name, leaf.default if isinstance(leaf, Leaf) else None)


def where(group: str, statement: str = "") -> str:
    """A statement's place as Junos writes it."""
    return RESOURCE.where(("group", group, BLOCK), statement)


def block_objections(outlook: Outlook) -> list[str]:
    """What the table cannot say against the blocks that change."""
    found: list[str] = []
    for name, block in _changed(outlook):
        found += _multicast(name, block)
        if outlook.generation is V1:
            found += _outlasts_activation(outlook, name, block)
    return found


def _multicast(group: str, block: Tree) -> Iterator[str]:
    multicast = effective(block, "communication-type") == "multicast"
    for name in _MULTICAST_ONLY:
        option = TABLE.by_name[name].option
        if multicast and name not in block:
            yield f"{where(group, name)}: multicast communication needs it; set '{option}'"
        elif not multicast and name in block:
            yield (
                f"{where(group, name)} {block[name]}: without effect in unicast communication; "
                f"set communication_type to multicast or leave '{option}' out"
            )


def _outlasts_activation(outlook: Outlook, group: str, block: Tree) -> Iterator[str]:
    settings = outlook.after["group"][group]
    delay = settings.get(ACTIVATION_TIME_DELAY.name, ACTIVATION_TIME_DELAY.default)
    lifetime = effective(block, "lifetime-seconds")
    if lifetime < 10 * delay:
        yield (
            f"{where(group, 'lifetime-seconds')} {lifetime}: less than 10 times the group's "
            f"activation-time-delay ({delay} s); set 'lifetime_seconds' to {10 * delay} or more"
        )


def _configured_first(outlook: Outlook) -> list[str]:
    before = _blocks(outlook.before)
    return [
        name
        for name, block in _blocks(outlook.after).items()
        if block is not None and before.get(name) is None
    ]


def advice(outlook: Outlook) -> list[str]:
    """What to know about the blocks that come or change."""
    found = [
        f"group {name}: configuring {BLOCK} clears its member list, and IKE phase 1 no longer "
        "protects every GDOI exchange; members register again"
        for name in _configured_first(outlook)
        # A new group has no list yet.
        if name in _blocks(outlook.before)
    ]
    gateways = outlook.after.get("ike", {}).get("gateway", {})
    for name, block in _changed(outlook):
        members = outlook.after["group"][name].get("ike-gateway", {})
        dynamic = [gateway for gateway in members if "dynamic" in gateways.get(gateway, {})]
        if dynamic:
            found.append(
                f"group {name}: IKE gateways {', '.join(dynamic)} are dynamic peers; the server "
                "may send needless rekey messages to members that are not there"
            )
        found += _slow_detection(name, block)
    return found


def _slow_detection(group: str, block: Tree) -> list[str]:
    if effective(block, "communication-type") != "unicast":
        return []
    period, number, lifetime = (
        effective(block, name)
        for name in ("retransmission-period", "number-of-retransmission", "lifetime-seconds")
    )
    detection = period * (number + 1)
    if detection <= lifetime:
        return []
    return [
        f"group {group}: a dead member is noticed after {detection} s "
        f"(retransmission-period x (number-of-retransmission + 1)), later than the KEK lifetime "
        f"of {lifetime} s; lower one of the two"
    ]


def results(outlook: Outlook | None) -> Mapping[str, Any]:
    """Groups whose list of members the change clears."""
    return {"membership_reset": [] if outlook is None else _configured_first(outlook)}


def touched(outlook: Outlook) -> list[str]:
    """Groups that lose their block, or go themselves."""
    after = _blocks(outlook.after)
    return [
        name
        for name, block in _blocks(outlook.before).items()
        if name not in after or (block is not None and after[name] is None)
    ]


RESOURCE = Resource(
    name="server_member_communication",
    prefix=HIERARCHY[:-1],
    root=_ROOT,
    landmarks=("group",),
    anchor="group",
    rules=Rules(block_objections, advice, results, touched),
)

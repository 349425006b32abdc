# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What commit checks beyond the form of each value: references, uniqueness, limits.

Message texts are Junos' own where Juniper's YANG publishes them (``mgd:`` rules). The rules that
only the Group VPN daemon could enforce are undocumented; they stand apart in ``DAEMON_RULES``
and apply when the device is ``strict`` (the default of a lab file).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .edit import edit_path
from .junos_schema import Generation
from .schema import Kind, Statement
from .tree import Tree, items, lookup


@dataclass(frozen=True)
class Violation:
    """One reason why a configuration cannot be committed."""

    path: str
    bad_element: str
    message: str
    source_daemon: str | None = None


Rule = Callable[[Tree, Generation], Iterator[Violation]]

_SERVER = ["security", "group-vpn", "server"]


def _server(tree: Tree) -> Tree:
    found: Tree = lookup(tree, *_SERVER)
    return found


def _mgd(path: list[str], bad_element: str, message: str) -> Violation:
    return Violation(edit_path(path), bad_element, f"mgd: {message}")


def _one_role(tree: Tree, generation: Generation) -> Iterator[Violation]:
    group_vpn = lookup(tree, "security", "group-vpn")
    if not (group_vpn.get("server") and group_vpn.get("member")):
        return
    if generation is Generation.V2:
        yield _mgd(
            ["security", "group-vpn"],
            "server",
            "Configuring both group-vpn server and group-vpn member is not supported",
        )
    elif "co-location" not in group_vpn:
        yield _mgd(
            ["security", "group-vpn"],
            "server",
            "co-location must be configured when both server and member are configured",
        )


def _unique_group_ids(tree: Tree, generation: Generation) -> Iterator[Violation]:
    groups = _server(tree).get("group", {})
    count = Counter(group.get("group-id") for group in groups.values())
    for name, group in groups.items():
        number = group.get("group-id")
        if number is not None and count[number] > 1:
            yield _mgd(
                [*_SERVER, "group", name],
                f"group-id {number}",
                "Group id must be unique among groups",
            )


def _gateways_of_groups(tree: Tree, generation: Generation) -> Iterator[Violation]:
    gateways = lookup(_server(tree), "ike", "gateway")
    for name, group in _server(tree).get("group", {}).items():
        for gateway in group.get("ike-gateway", {}):
            if gateway not in gateways:
                yield _mgd(
                    [*_SERVER, "group", name],
                    f"ike-gateway {gateway}",
                    "Referenced IKE gateway must be defined under "
                    "[edit security group-vpn server ike gateway]",
                )
            elif "dead-peer-detection" in gateways[gateway] and generation is Generation.V2:
                yield _mgd(
                    [*_SERVER, "group", name],
                    f"ike-gateway {gateway}",
                    "Referenced IKE gateway must NOT be defined with dead-peer-detection",
                )


def _cluster_gateways(tree: Tree, generation: Generation) -> Iterator[Violation]:
    gateways = lookup(_server(tree), "ike", "gateway")
    for name, group in _server(tree).get("group", {}).items():
        for gateway in lookup(group, "server-cluster", "ike-gateway"):
            path = [*_SERVER, "group", name, "server-cluster"]
            definition = gateways.get(gateway)
            if definition is None:
                yield _mgd(
                    path,
                    f"ike-gateway {gateway}",
                    "Referenced IKE gateway must be defined under "
                    "[edit security group-vpn server ike gateway]",
                )
                continue
            if "dynamic" in definition:
                yield _mgd(
                    path,
                    f"ike-gateway {gateway}",
                    "Referenced IKE gateway must not be dynamic gateway",
                )
            if "always-send" not in lookup(definition, "dead-peer-detection"):
                yield _mgd(
                    path,
                    f"ike-gateway {gateway}",
                    "Referenced IKE gateway must be defined with dead-peer-detection "
                    "always-send mode",
                )


def _references(tree: Tree, generation: Generation) -> Iterator[Violation]:
    server = _server(tree)
    for name, group in server.get("group", {}).items():
        for association, body in group.get("ipsec-sa", {}).items():
            proposal = body.get("proposal")
            if proposal is not None and proposal not in lookup(server, "ipsec", "proposal"):
                yield _mgd(
                    [*_SERVER, "group", name, "ipsec-sa", association],
                    f"proposal {proposal}",
                    "Referenced proposal is not defined",
                )
    for name, policy in lookup(server, "ike", "policy").items():
        path = [*_SERVER, "ike", "policy", name]
        for proposal in policy.get("proposals", []):
            if proposal not in lookup(server, "ike", "proposal"):
                yield _mgd(path, f"proposals {proposal}", "Referenced proposal is not defined")
        if not policy.get("proposals") and "proposal-set" not in policy:
            yield _mgd(
                path,
                name,
                "IKE policy must have either proposals or proposal-set configured",
            )
        if not policy.get("pre-shared-key") and not policy.get("certificate"):
            yield _mgd(
                path,
                name,
                "IKE policy must have either local certificate or pre-shared key configured",
            )


def _gateway_policies(tree: Tree, generation: Generation) -> Iterator[Violation]:
    ike = lookup(_server(tree), "ike")
    for name, gateway in ike.get("gateway", {}).items():
        path = [*_SERVER, "ike", "gateway", name]
        policy = ike.get("policy", {}).get(gateway.get("ike-policy"))
        if policy is None:
            if "ike-policy" in gateway:
                yield _mgd(
                    path,
                    f"ike-policy {gateway['ike-policy']}",
                    "Referenced IKE policy must be defined under "
                    "[edit security group-vpn server ike policy]",
                )
            continue
        if (
            "dynamic" in gateway
            and policy.get("mode", "main") == "main"
            and policy.get("pre-shared-key")
        ):
            yield _mgd(
                path,
                f"ike-policy {gateway['ike-policy']}",
                "Main mode for dynamic peer with Preshared key based authentication is not allowed",
            )


_DAEMON = "gkmd"


def _rekey_needs_algorithms(tree: Tree, generation: Generation) -> Iterator[Violation]:
    for name, group in _server(tree).get("group", {}).items():
        block = group.get("server-member-communication")
        if block is None:
            continue
        for leaf in ("encryption-algorithm", "sig-hash-algorithm"):
            if leaf not in block:
                yield Violation(
                    edit_path([*_SERVER, "group", name, "server-member-communication"]),
                    leaf,
                    f"{leaf} must be configured",
                    _DAEMON,
                )


def _multicast_is_whole(tree: Tree, generation: Generation) -> Iterator[Violation]:
    for name, group in _server(tree).get("group", {}).items():
        block = group.get("server-member-communication", {})
        if block.get("communication-type") != "multicast":
            continue
        for leaf in ("multicast-group", "multicast-outgoing-interface"):
            if leaf not in block:
                yield Violation(
                    edit_path([*_SERVER, "group", name, "server-member-communication"]),
                    leaf,
                    f"{leaf} must be configured for multicast communication",
                    _DAEMON,
                )


def _lifetimes_outlast_activation(tree: Tree, generation: Generation) -> Iterator[Violation]:
    if generation is Generation.V2:
        return
    server = _server(tree)
    for name, group in server.get("group", {}).items():
        shortest = 10 * int(group.get("activation-time-delay", "15"))
        block = group.get("server-member-communication")
        if block is not None and int(block.get("lifetime-seconds", "3600")) < shortest:
            yield Violation(
                edit_path([*_SERVER, "group", name, "server-member-communication"]),
                "lifetime-seconds",
                "lifetime-seconds must be at least 10 times activation-time-delay",
                _DAEMON,
            )
        for association, body in group.get("ipsec-sa", {}).items():
            proposal = lookup(server, "ipsec", "proposal", body.get("proposal", ""))
            if int(proposal.get("lifetime-seconds", "3600")) < shortest:
                yield Violation(
                    edit_path([*_SERVER, "group", name, "ipsec-sa", association]),
                    f"proposal {body.get('proposal', '')}",
                    "lifetime-seconds must be at least 10 times activation-time-delay",
                    _DAEMON,
                )


MGD_RULES: tuple[Rule, ...] = (
    _one_role,
    _unique_group_ids,
    _gateways_of_groups,
    _cluster_gateways,
    _references,
    _gateway_policies,
)
DAEMON_RULES: tuple[Rule, ...] = (
    _rekey_needs_algorithms,
    _multicast_is_whole,
    _lifetimes_outlast_activation,
)


def _limits(statement: Statement, tree: Tree, path: list[str]) -> Iterator[Violation]:
    """max-elements of every list, and what stands below it."""
    for child in statement.children.values():
        held: Any = tree.get(child.name)
        limit = child.limit if child.kind is Kind.LIST else None
        if limit is not None and held is not None and len(held) > limit:
            yield _mgd(path, child.name, f"number of elements exceeds limit of {limit}")
    for item in items(statement, tree):
        if item.statement.kind in (Kind.CONTAINER, Kind.LIST):
            yield from _limits(item.statement, item.value, [*path, *item.words])


def check(
    statement: Statement, tree: Tree, generation: Generation, *, strict: bool
) -> list[Violation]:
    """Every reason why ``tree`` (without inactive parts) cannot be committed."""
    rules = MGD_RULES + DAEMON_RULES if strict else MGD_RULES
    found = list(_limits(statement, tree, []))
    for rule in rules:
        found.extend(rule(tree, generation))
    return found

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What commit checks beyond the form of each value: references, uniqueness, limits.

``MUSTS`` are Juniper's own (``junos:must``) with their messages: those of ``security group-vpn``
and ``security ipsec-policy`` here, those around them in :mod:`.security_rules`.
The rules that only the Group VPN daemon could enforce are undocumented; they stand apart in
``DAEMON_RULES`` and apply when the device is ``strict`` (the default of a lab file).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from string import hexdigits

from .edit import edit_path
from .group_references import undefined_groups
from .junos_schema import Generation
from .musts import (
    INTERFACE_EXISTS,
    NO_BRIDGE,
    Condition,
    Must,
    absent,
    all_at,
    exists,
    traced,
    unique,
    zones_exist,
)
from .schema import KEY_SEPARATOR, Kind, Statement
from .secret import is_obscured, reveal
from .security_rules import SECURITY_RULES
from .survey import Needs, Site, Survey
from .tree import MARKS, NOTHING, Tree, differing, differing_branches, lookup
from .values import showable


@dataclass(frozen=True)
class Violation:
    """One reason why a configuration cannot be committed."""

    path: str
    bad_element: str
    message: str
    source_daemon: str | None = None


_SERVER = "security group-vpn server"
_MEMBER = "security group-vpn member"
_NO_PROPOSAL = "Referenced proposal is not defined"


def _one_key(site: Site) -> bool:
    """A certificate or a pre-shared key, and not both."""
    policy = site.parent[site.name][site.value]
    certificate = "local-certificate" in policy.get("certificate", {})
    return certificate != bool(policy.get("pre-shared-key"))


def _proposed(site: Site) -> bool:
    policy = site.parent[site.name][site.value]
    return bool(policy.get("proposals")) or "proposal-set" in policy


def _policy_rules(side: str) -> tuple[Must, ...]:
    policies = f"{side} ike policy *"
    return (
        Must(
            policies,
            Condition(_proposed),
            "IKE policy must have either proposals or proposal-set configured",
        ),
        Must(
            policies,
            Condition(_one_key),
            "IKE policy must have either local certificate or pre-shared key configured",
        ),
        Must(f"{policies} proposals", exists(f"{side} ike proposal $$"), _NO_PROPOSAL),
        Must(
            f"{side} ike gateway * ike-policy",
            exists(f"{side} ike policy $$"),
            f"Referenced IKE policy must be defined under [edit {side} ike policy]",
        ),
        Must(
            f"{side} ike gateway * routing-instance",
            exists("routing-instances instance $$"),
            "Referenced routing-instance must be defined",
        ),
    )


def _no_main_mode_for_dynamic_keys(site: Site) -> bool:
    policy = lookup(site.root, *_SERVER.split(), "ike", "policy", site.value)
    return not (
        "dynamic" in site.parent
        and policy.get("mode", "main") == "main"
        and policy.get("pre-shared-key")
    )


_SERVERS = tuple(f"{_MEMBER} ike gateway * {leaf}" for leaf in ("server-address", "address"))


def _server_is_elsewhere(site: Site) -> bool:
    return not any(site.count(servers)[site.value] for servers in _SERVERS)


def _known_application(site: Site) -> bool:
    # The predefined ones are part of Junos' defaults.
    predefined = site.value == "any" or site.value.startswith("junos-")
    return predefined or site.has(("applications", "application", "$$"))


_GATEWAY = f"{_SERVER} ike gateway $$"
_GROUP = f"{_SERVER} group *"
_UNDEFINED_GATEWAY = (
    "Referenced IKE gateway must be defined under [edit security group-vpn server ike gateway]"
)
_VPN = f"{_MEMBER} ipsec vpn"


def _always_probed(site: Site) -> bool:
    gateway = lookup(site.root, *_SERVER.split(), "ike", "gateway", site.value)
    return "always-send" in gateway.get("dead-peer-detection", {})


_SERVER_RULES = (
    Must(
        f"{_GROUP} group-id",
        unique(f"{_GROUP} group-id"),
        "Group id must be unique among groups",
    ),
    Must(f"{_GROUP} ike-gateway *", exists(_GATEWAY), _UNDEFINED_GATEWAY),
    Must(
        f"{_GROUP} ike-gateway *",
        absent(f"{_GATEWAY} dead-peer-detection"),
        "Referenced IKE gateway must NOT be defined with dead-peer-detection",
    ),
    Must(
        f"{_GROUP} server-cluster ike-gateway *",
        absent(f"{_GATEWAY} dynamic"),
        "Referenced IKE gateway must not be dynamic gateway",
    ),
    Must(
        f"{_GROUP} server-cluster ike-gateway *",
        Condition(
            _always_probed, Needs(names=f"{_SERVER} ike gateway", leaves=("dead-peer-detection",))
        ),
        "Referenced IKE gateway must be defined with dead-peer-detection always-send mode",
    ),
    Must(f"{_GROUP} ipsec-sa * proposal", exists(f"{_SERVER} ipsec proposal $$"), _NO_PROPOSAL),
    Must(
        f"{_SERVER} ike gateway * ike-policy",
        Condition(
            _no_main_mode_for_dynamic_keys,
            Needs(names=f"{_SERVER} ike policy", leaves=("mode", "pre-shared-key")),
        ),
        "Main mode for dynamic peer with Preshared key based authentication is not allowed",
    ),
    Must(
        f"{_SERVER} ike gateway * remote-identity",
        Condition(lambda site: "dynamic" not in site.parent),
        "Since the remote gateway is dynamic, Define remote identity under dynamic",
    ),
)
_MEMBER_RULES = (
    Must(
        f"{_MEMBER} ike gateway *",
        absent("security ike gateway $$"),
        "Gateway already defined under [security ike]",
    ),
    Must(
        f"{_MEMBER} ike gateway * local-address",
        Condition(_server_is_elsewhere, all_at(*_SERVERS)),
        "Member can not have the same local address as server",
    ),
    Must(
        f"{_VPN} *", absent("security ipsec vpn $$"), "VPN already defined under [security ipsec]"
    ),
    Must(
        f"{_VPN} * ike-gateway",
        exists(f"{_MEMBER} ike gateway $$"),
        "Referenced IKE gateway must be defined under [edit security group-vpn member ike gateway]",
    ),
    Must(
        f"{_VPN} * group-vpn-external-interface",
        NO_BRIDGE,
        "Bridge interface is not allowed as external-interface",
    ),
    Must(
        f"{_VPN} * group-vpn-external-interface",
        INTERFACE_EXISTS,
        "Referenced interface must be configured under [edit interfaces] hierarchy",
    ),
    Must(
        f"{_VPN} * group",
        unique(f"{_VPN} * group"),
        "Group id must be unique among group vpns",
    ),
    *(
        Must(
            f"{_VPN} * {rules} rule * application",
            Condition(_known_application, Needs(names="applications application")),
            "Application must be defined",
        )
        for rules in ("fail-open", "exclude")
    ),
)
_PAIR = "security ipsec-policy from-zone *"
_ATTACHMENT_RULES = (
    *zones_exist(_PAIR),
    Must(
        f"{_PAIR} ipsec-group-vpn",
        unique(f"{_PAIR} ipsec-group-vpn"),
        "Group VPN can only be referenced by one pair of from-zone and to-zone",
    ),
    Must(
        f"{_PAIR} ipsec-group-vpn",
        exists(f"{_VPN} $$"),
        "Group VPN must be defined",
    ),
)
_TRACE_RULES = tuple(traced(side) for side in (_SERVER, f"{_MEMBER} ike"))
_GROUP_VPN_RULES = (
    *_TRACE_RULES,
    *_policy_rules(_SERVER),
    *_SERVER_RULES,
    *_policy_rules(_MEMBER),
    *_MEMBER_RULES,
    *_ATTACHMENT_RULES,
)
MUSTS = (*_GROUP_VPN_RULES, *SECURITY_RULES)
_MUSTS_OF = {Generation.V1: _GROUP_VPN_RULES, Generation.V2: MUSTS}
"""Nobody published which of the others a v1 device has; those of Group VPN its documents imply."""


def _mgd(path: Iterable[str], bad_element: str, message: str) -> Violation:
    bad = " ".join(_spelled(bad_element.split(" ")))
    return Violation(edit_path(_spelled(path)), bad, f"mgd: {message}")


def _spelled(names: Iterable[str]) -> list[str]:
    """Names as text has them: the only ones here of two parts are pairs of zones."""
    words: list[str] = []
    for name in names:
        source, *destination = name.split(KEY_SEPARATOR)
        if destination and words:
            words[-1] = "from-zone"
        words += [source, "to-zone", *destination] if destination else [source]
    return words


@cache
def _alike(generation: Generation) -> list[tuple[str, Needs, list[Must]]]:
    """The rules, those together that are about the same statements."""
    found = groupby(_MUSTS_OF[generation], key=lambda m: (m.path, m.condition.needs))
    return [(path, needs, list(musts)) for (path, needs), musts in found]


def _musts(survey: Survey, generation: Generation) -> Iterator[Violation]:
    for path, needs, rules in _alike(generation):
        for site in survey.sites(path, needs):
            for must in rules:
                if not must.condition.holds(site):
                    yield _mgd(site.words, site.here, must.message)


Rule = Callable[[Survey, Generation], Iterator[Violation]]


def _one_role(survey: Survey, generation: Generation) -> Iterator[Violation]:
    group_vpn = survey.lookup("security group-vpn")
    if not (group_vpn.get("server") and group_vpn.get("member")):
        return
    if generation is Generation.V2:
        yield _mgd(
            ["security", "group-vpn"],
            "server",
            "Configuring both group-vpn server and group-vpn member is not supported",
        )
    elif _BOTH_ROLES not in group_vpn:
        yield _mgd(
            ["security", "group-vpn"],
            "server",
            "co-location must be configured when both server and member are configured",
        )


_BOTH_ROLES = "co-location"
_DAEMON = "gkmd"


@dataclass(frozen=True)
class Whole:
    """What a branch must have to be of use: the leaves of which none may be missing."""

    path: str
    leaves: tuple[str, ...]
    needed: Condition
    message: str = "{leaf} must be configured"
    only: Generation | None = None


_IS_THERE = Condition(lambda site: bool(site.value))
"""A branch whose statements are all deactivated is not."""
_IS_MULTICAST = Condition(lambda site: site.value.get("communication-type") == "multicast")


def _named_at(path: str) -> Condition:
    """True for a branch whose name stands at ``path``."""
    return Condition(lambda site: site.count(path)[site.name] > 0, all_at(path))


_SMC = f"{_GROUP} server-member-communication"
_WHOLES = (
    Whole(_SMC, ("encryption-algorithm", "sig-hash-algorithm"), _IS_THERE),
    Whole(
        _SMC,
        ("multicast-group", "multicast-outgoing-interface"),
        _IS_MULTICAST,
        "{leaf} must be configured for multicast communication",
    ),
    *(
        Whole(
            f"{side} ike proposal *",
            ("dh-group", "authentication-algorithm", "encryption-algorithm"),
            _named_at(f"{side} ike policy * proposals"),
            only=Generation.V2,
        )
        for side in (_SERVER, _MEMBER)
    ),
    Whole(
        f"{_SERVER} ipsec proposal *",
        ("authentication-algorithm", "encryption-algorithm"),
        _named_at(f"{_GROUP} ipsec-sa * proposal"),
        only=Generation.V2,
    ),
)


def _are_whole(survey: Survey, generation: Generation) -> Iterator[Violation]:
    for whole in _WHOLES:
        if whole.only not in (None, generation):
            continue
        for site in survey.branches(whole.path, whole.needed.needs):
            for leaf in whole.leaves:
                if leaf not in site.value and whole.needed.holds(site):
                    message = whole.message.format(leaf=leaf)
                    yield Violation(edit_path(list(site.words)), leaf, message, _DAEMON)


_UNREADABLE = "invalid encrypted data"
_HALF_AN_OCTET = "a key of an odd number of hexadecimal digits; add one"


def _keys_are_usable(survey: Survey, generation: Generation) -> Iterator[Violation]:
    """A key that only looks like ``$9$`` form, or ends amid an octet, could never be used."""
    for side in (_SERVER, _MEMBER):
        for site in survey.branches(f"{side} ike policy * pre-shared-key"):
            for name, text in site.value.items():
                if name not in MARKS and is_obscured(text) and (fault := _fault(name, text)):
                    yield _mgd(site.words, name, fault)


def _fault(name: str, text: str) -> str | None:
    """Why a key in ``$9$`` form cannot be used."""
    in_the_clear = bytes.fromhex if name == "hexadecimal" else showable
    try:
        clear = reveal(text)
    except ValueError:
        return _UNREADABLE
    try:
        return None if in_the_clear(clear) else _UNREADABLE
    except ValueError:
        digits = name == "hexadecimal" and set(hexdigits).issuperset(clear)
        return _HALF_AN_OCTET if digits else _UNREADABLE


_TOO_SHORT = "lifetime-seconds must be at least 10 times activation-time-delay"


def _lifetimes_outlast_activation(survey: Survey, generation: Generation) -> Iterator[Violation]:
    if generation is Generation.V2:
        return
    defined = f"{_SERVER} ipsec proposal"
    proposals = survey.lookup(defined)
    for site in survey.branches(_GROUP, Needs(reads=(defined,))):
        group = site.value
        shortest = 10 * int(group.get("activation-time-delay", "15"))
        block = group.get("server-member-communication")
        if block and int(block.get("lifetime-seconds", "3600")) < shortest:
            where = edit_path([*site.words, "server-member-communication"])
            yield Violation(where, "lifetime-seconds", _TOO_SHORT, _DAEMON)
        for association, body in group.get("ipsec-sa", {}).items():
            named = body.get("proposal", "")
            if int(proposals.get(named, {}).get("lifetime-seconds", "3600")) < shortest:
                where = edit_path([*site.words, "ipsec-sa", association])
                yield Violation(where, f"proposal {named}", _TOO_SHORT, _DAEMON)


MGD_RULES: tuple[Rule, ...] = (_one_role, _musts, _keys_are_usable)
# A member is told of all in one datagram of 65,507 octets: 59 octets each, and as much again while
# new keys take the place of those before.
_MOST_POLICIES = 500


def _policies_fit_a_datagram(survey: Survey, generation: Generation) -> Iterator[Violation]:
    for site in survey.branches(_GROUP):
        associations = site.value.get("ipsec-sa", {}).values()
        count = sum(len(body.get("match-policy", {})) for body in associations)
        if count > _MOST_POLICIES:
            message = f"{count} match policies, a registration has room for {_MOST_POLICIES}"
            yield Violation(edit_path(list(site.words)), "ipsec-sa", message, _DAEMON)


DAEMON_RULES: tuple[Rule, ...] = (
    _are_whole,
    _lifetimes_outlast_activation,
    _policies_fit_a_datagram,
)


def _limits(statement: Statement, tree: Tree, sound: Tree, path: list[str]) -> Iterator[Violation]:
    """max-elements of every list, and what stands below it, where it is not as in ``sound``."""
    for child in map(statement.children.get, differing(tree, sound)):
        most = child.limit if child is not None and child.kind is Kind.LIST else None
        if child is not None and most is not None and len(tree[child.name]) > most:
            yield _mgd(path, child.shown, f"number of elements exceeds limit of {most}")
    for words, child, held, was in differing_branches(statement, tree, sound):
        yield from _limits(child, held, was, [*path, *words])


def check(
    statement: Statement,
    tree: Tree,
    generation: Generation,
    *,
    strict: bool,
    sound: Tree | None = None,
) -> list[Violation]:
    """Every reason why ``tree`` (what is in force) cannot be committed.

    ``sound`` is one that was found to break no rule: what ``tree`` shares with it is left out.
    """
    rules = MGD_RULES + DAEMON_RULES if strict else MGD_RULES
    if sound is not None and next(_found(statement, tree, generation, rules, sound), None) is None:
        return []
    return list(_found(statement, tree, generation, rules, None))


def _found(
    statement: Statement,
    tree: Tree,
    generation: Generation,
    rules: tuple[Rule, ...],
    sound: Tree | None,
) -> Iterator[Violation]:
    yield from _limits(statement, tree, sound or NOTHING, [])
    for way, name, group in undefined_groups(statement, tree, sound or NOTHING):
        yield _mgd(way, f"{name} {group}", f"group '{group}' is not defined")
    survey = Survey(tree, sound)
    for rule in rules:
        yield from rule(survey, generation)

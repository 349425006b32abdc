# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What commit checks beyond the form of each value: references, uniqueness, limits.

``MUSTS`` are Juniper's own (``junos:must`` of ``security group-vpn``) with their messages.
The rules that only the Group VPN daemon could enforce are undocumented; they stand apart in
``DAEMON_RULES`` and apply when the device is ``strict`` (the default of a lab file).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from .edit import edit_path
from .junos_schema import Generation
from .schema import Kind, Statement
from .secret import is_obscured, reveal
from .tree import MARKS, Tree, lookup


@dataclass(frozen=True)
class Violation:
    """One reason why a configuration cannot be committed."""

    path: str
    bad_element: str
    message: str
    source_daemon: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A statement that a rule is about: where it stands, what it says, what is around it.

    ``words`` is the path to the branch that it stands in; ``around`` are the branches on the way,
    from ``[edit]`` on. ``counts`` keeps what was counted for the rules that look at all.
    """

    words: tuple[str, ...]
    name: str
    value: Any
    around: tuple[Tree, ...]
    counts: dict[str, Counter[str]]

    @property
    def root(self) -> Tree:
        """``[edit]``."""
        return self.around[0]

    @property
    def parent(self) -> Tree:
        """The branch that the statement stands in."""
        return self.around[-1]

    @property
    def here(self) -> str:
        """The statement as a bad element."""
        return f"{self.name} {self.value}" if isinstance(self.value, str) else self.name

    def has(self, steps: Sequence[str]) -> bool:
        """True when something stands at a path from ``[edit]``, ``$$`` being the value."""
        *way, last = (self.value if step == "$$" else step for step in steps)
        return last in lookup(self.root, *way)

    def count(self, path: str) -> Counter[str]:
        """How often each value stands at a path."""
        if path not in self.counts:
            found = _sites(self.root, path, self.counts)
            self.counts[path] = Counter(site.value for site in found)
        return self.counts[path]


Holds = Callable[[Site], bool]


@dataclass(frozen=True)
class Must:
    """What has to hold wherever ``path`` is; ``*`` stands for every entry of a list."""

    path: str
    holds: Holds
    message: str


def _sites(tree: Tree, path: str, counts: dict[str, Counter[str]]) -> Iterator[Site]:
    *way, last = path.split()
    entries = last == "*"
    if entries:
        last = way.pop()
    places: Places = [((), (tree,))]
    for step in way:
        places = list(_stepped(places, step))
    for words, around in places:
        held = around[-1].get(last)
        if held is None:
            continue
        for value in held if entries or isinstance(held, list) else [held]:
            yield Site(words, last, value, around, counts)


Places = list[tuple[tuple[str, ...], tuple[Tree, ...]]]


def _stepped(places: Places, step: str) -> Iterator[tuple[tuple[str, ...], tuple[Tree, ...]]]:
    for words, around in places:
        here = around[-1]
        for name in here if step == "*" else (step,):
            below = here.get(name)
            if isinstance(below, dict) and name not in MARKS:
                yield (*words, name), (*around, below)


def _exists(path: str) -> Holds:
    steps = path.split()
    return lambda site: site.has(steps)


def _absent(path: str) -> Holds:
    steps = path.split()
    return lambda site: not site.has(steps)


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
            policies, _proposed, "IKE policy must have either proposals or proposal-set configured"
        ),
        Must(
            policies,
            _one_key,
            "IKE policy must have either local certificate or pre-shared key configured",
        ),
        Must(f"{policies} proposals", _exists(f"{side} ike proposal $$"), _NO_PROPOSAL),
        Must(
            f"{side} ike gateway * ike-policy",
            _exists(f"{side} ike policy $$"),
            f"Referenced IKE policy must be defined under [edit {side} ike policy]",
        ),
        Must(
            f"{side} ike gateway * routing-instance",
            _exists("routing-instances instance $$"),
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


def _unique(path: str) -> Holds:
    """No two sites of ``path`` have one value."""
    return lambda site: site.count(path)[site.value] < 2


def _server_is_elsewhere(site: Site) -> bool:
    return not any(
        site.count(f"{_MEMBER} ike gateway * {servers}")[site.value]
        for servers in ("server-address", "address")
    )


def _unit(site: Site) -> Tree:
    name, _, unit = site.value.partition(".")
    found: Tree = lookup(site.root, "interfaces", "interface", name, "unit", unit or "0")
    return found


def _interface_exists(site: Site) -> bool:
    name, _, unit = site.value.partition(".")
    units = lookup(site.root, "interfaces", "interface", name, "unit")
    return (unit or "0") in units


def _no_bridge(site: Site) -> bool:
    return "bridge" not in _unit(site).get("family", {})


def _known_application(site: Site) -> bool:
    # The predefined ones are part of Junos' defaults.
    return site.value == "any" or site.value.startswith("junos-") or _defined_application(site)


_defined_application = _exists("applications application $$")
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
        _unique(f"{_GROUP} group-id"),
        "Group id must be unique among groups",
    ),
    Must(f"{_GROUP} ike-gateway *", _exists(_GATEWAY), _UNDEFINED_GATEWAY),
    Must(
        f"{_GROUP} ike-gateway *",
        _absent(f"{_GATEWAY} dead-peer-detection"),
        "Referenced IKE gateway must NOT be defined with dead-peer-detection",
    ),
    Must(f"{_GROUP} server-cluster ike-gateway *", _exists(_GATEWAY), _UNDEFINED_GATEWAY),
    Must(
        f"{_GROUP} server-cluster ike-gateway *",
        _absent(f"{_GATEWAY} dynamic"),
        "Referenced IKE gateway must not be dynamic gateway",
    ),
    Must(
        f"{_GROUP} server-cluster ike-gateway *",
        _always_probed,
        "Referenced IKE gateway must be defined with dead-peer-detection always-send mode",
    ),
    Must(f"{_GROUP} ipsec-sa * proposal", _exists(f"{_SERVER} ipsec proposal $$"), _NO_PROPOSAL),
    Must(
        f"{_SERVER} ike gateway * ike-policy",
        _no_main_mode_for_dynamic_keys,
        "Main mode for dynamic peer with Preshared key based authentication is not allowed",
    ),
    Must(
        f"{_SERVER} ike gateway * remote-identity",
        lambda site: "dynamic" not in site.parent,
        "Since the remote gateway is dynamic, Define remote identity under dynamic",
    ),
)
_MEMBER_RULES = (
    Must(
        f"{_MEMBER} ike gateway *",
        _absent("security ike gateway $$"),
        "Gateway already defined under [security ike]",
    ),
    Must(
        f"{_MEMBER} ike gateway * local-address",
        _server_is_elsewhere,
        "Member can not have the same local address as server",
    ),
    Must(
        f"{_VPN} *", _absent("security ipsec vpn $$"), "VPN already defined under [security ipsec]"
    ),
    Must(
        f"{_VPN} * ike-gateway",
        _exists(f"{_MEMBER} ike gateway $$"),
        "Referenced IKE gateway must be defined under [edit security group-vpn member ike gateway]",
    ),
    Must(
        f"{_VPN} * group-vpn-external-interface",
        _no_bridge,
        "Bridge interface is not allowed as external-interface",
    ),
    Must(
        f"{_VPN} * group-vpn-external-interface",
        _interface_exists,
        "Referenced interface must be configured under [edit interfaces] hierarchy",
    ),
    Must(
        f"{_VPN} * group",
        _unique(f"{_VPN} * group"),
        "Group id must be unique among group vpns",
    ),
    *(
        Must(
            f"{_VPN} * {rules} rule * application",
            _known_application,
            "Application must be defined",
        )
        for rules in ("fail-open", "exclude")
    ),
)
_TRACE_RULES = tuple(
    Must(
        f"{side} traceoptions no-remote-trace",
        _exists("system tracing"),
        "'no-remote-trace' is valid only when [system tracing] is configured",
    )
    for side in (_SERVER, f"{_MEMBER} ike")
)
MUSTS = (
    *_TRACE_RULES,
    *_policy_rules(_SERVER),
    *_SERVER_RULES,
    *_policy_rules(_MEMBER),
    *_MEMBER_RULES,
)


def _mgd(path: Iterable[str], bad_element: str, message: str) -> Violation:
    return Violation(edit_path(list(path)), bad_element, f"mgd: {message}")


def _musts(tree: Tree, generation: Generation) -> Iterator[Violation]:
    counts: dict[str, Counter[str]] = {}
    for path, musts in groupby(MUSTS, key=lambda must: must.path):
        rules = list(musts)
        for site in _sites(tree, path, counts):
            for must in rules:
                if not must.holds(site):
                    yield _mgd(site.words, site.here, must.message)


Rule = Callable[[Tree, Generation], Iterator[Violation]]


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
    needed: Holds
    message: str = "{leaf} must be configured"
    only: Generation | None = None


def _always(site: Site) -> bool:
    return True


def _is_multicast(site: Site) -> bool:
    return bool(site.value.get("communication-type") == "multicast")


def _named_at(path: str) -> Holds:
    """True for a branch whose name stands at ``path``."""
    return lambda site: site.count(path)[site.name] > 0


_SMC = f"{_GROUP} server-member-communication"
_WHOLES = (
    Whole(_SMC, ("encryption-algorithm", "sig-hash-algorithm"), _always),
    Whole(
        _SMC,
        ("multicast-group", "multicast-outgoing-interface"),
        _is_multicast,
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


def _branches(tree: Tree, path: str, counts: dict[str, Counter[str]]) -> Iterator[Site]:
    """The branches at a path: each with its name, its content and the way to it."""
    places: Places = [((), (tree,))]
    for step in path.split():
        places = list(_stepped(places, step))
    for words, around in places:
        yield Site(words, words[-1], around[-1], around, counts)


def _are_whole(tree: Tree, generation: Generation) -> Iterator[Violation]:
    counts: dict[str, Counter[str]] = {}
    for whole in _WHOLES:
        if whole.only not in (None, generation):
            continue
        for site in _branches(tree, whole.path, counts):
            for leaf in whole.leaves:
                if leaf not in site.value and whole.needed(site):
                    message = whole.message.format(leaf=leaf)
                    yield Violation(edit_path(list(site.words)), leaf, message, _DAEMON)


def _keys_are_readable(tree: Tree, generation: Generation) -> Iterator[Violation]:
    """A key in ``$9$`` form that is none could never be used."""
    for side in (_SERVER, _MEMBER):
        for site in _branches(tree, f"{side} ike policy * pre-shared-key", {}):
            for name, text in site.value.items():
                if name not in MARKS and is_obscured(text) and not _readable(text):
                    yield _mgd(site.words, name, "invalid encrypted data")


def _readable(text: str) -> bool:
    try:
        return bool(reveal(text))
    except ValueError:
        return False


_TOO_SHORT = "lifetime-seconds must be at least 10 times activation-time-delay"


def _lifetimes_outlast_activation(tree: Tree, generation: Generation) -> Iterator[Violation]:
    if generation is Generation.V2:
        return
    proposals = lookup(tree, *_SERVER.split(), "ipsec", "proposal")
    for site in _branches(tree, _GROUP, {}):
        group = site.value
        shortest = 10 * int(group.get("activation-time-delay", "15"))
        block = group.get("server-member-communication")
        if block is not None and int(block.get("lifetime-seconds", "3600")) < shortest:
            where = edit_path([*site.words, "server-member-communication"])
            yield Violation(where, "lifetime-seconds", _TOO_SHORT, _DAEMON)
        for association, body in group.get("ipsec-sa", {}).items():
            named = body.get("proposal", "")
            if int(proposals.get(named, {}).get("lifetime-seconds", "3600")) < shortest:
                where = edit_path([*site.words, "ipsec-sa", association])
                yield Violation(where, f"proposal {named}", _TOO_SHORT, _DAEMON)


MGD_RULES: tuple[Rule, ...] = (_one_role, _musts, _keys_are_readable)
DAEMON_RULES: tuple[Rule, ...] = (_are_whole, _lifetimes_outlast_activation)


def _limits(statement: Statement, tree: Tree, path: list[str]) -> Iterator[Violation]:
    """max-elements of every list, and what stands below it."""
    for name, held in tree.items():
        if name in MARKS or not isinstance(held, dict):
            continue
        child = statement.children[name]
        if child.kind is Kind.CONTAINER:
            yield from _limits(child, held, [*path, child.shown])
            continue
        if child.limit is not None and len(held) > child.limit:
            yield _mgd(path, child.shown, f"number of elements exceeds limit of {child.limit}")
        for key, entry in held.items():
            if entry:
                yield from _limits(child, entry, [*path, child.shown, key])


def check(
    statement: Statement, tree: Tree, generation: Generation, *, strict: bool
) -> list[Violation]:
    """Every reason why ``tree`` (what is in force) cannot be committed."""
    rules = MGD_RULES + DAEMON_RULES if strict else MGD_RULES
    found = list(_limits(statement, tree, []))
    for rule in rules:
        found.extend(rule(tree, generation))
    return found

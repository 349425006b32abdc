# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Juniper's commit rules (``junos:must``) of what stands around Group VPN under ``security``.

Those of ``ike``, ``ipsec``, ``policies``, ``zones`` and ``address-book`` whose meaning the mark
gives exactly, with their messages, in Junos 22.4R1. A rule about a branch stands with the entry
that holds it. What Junos' defaults define (``junos-…``) is there. Of ``logical-systems`` and
``tenants`` nothing is asked.
"""

from __future__ import annotations

from .musts import (
    INTERFACE_EXISTS,
    NO_BRIDGE,
    ZONES,
    Condition,
    Holds,
    Must,
    absent,
    exists,
    traced,
    unique,
    zones_exist,
)
from .survey import Needs, Site
from .tree import Tree, lookup

_IKE, _IPSEC = "security ike", "security ipsec"
_BOOK = "security address-book"
_NO_PROPOSAL = "Referenced proposal is not defined"
_NO_PROFILE = "access profile needs to be configured"


def _entry(site: Site) -> Tree:
    """The entry of a list that a rule is about."""
    found: Tree = site.parent[site.name][site.value]
    return found


def _has(tree: Tree, *path: str) -> bool:
    *way, last = path
    return last in lookup(tree, *way)


def _beside(*names: str) -> Condition:
    """All of these stand beside the statement."""
    return Condition(lambda site: all(name in site.parent for name in names))


def _not_beside(name: str) -> Condition:
    return Condition(lambda site: name not in site.parent)


def _only_one_of(*paths: str) -> Condition:
    """An entry does not have all of these."""
    return Condition(lambda site: not all(_has(_entry(site), *path.split()) for path in paths))


def _only_with(path: str, other: str) -> Condition:
    """An entry that has ``path`` has the other too."""
    return Condition(lambda site: not _has(_entry(site), path) or _has(_entry(site), other))


def _predefined_or(path: str) -> Condition:
    """There is one of that name, or one of Junos' defaults is meant."""
    defined = exists(path)
    return Condition(
        lambda site: site.value.startswith("junos-") or defined.holds(site), defined.needs
    )


def _if_it_is(word: str, holds: Holds) -> Condition:
    """What has to hold where a value has ``word`` in it."""
    return Condition(lambda site: word not in site.value or holds(site))


def _without(name: str) -> Holds:
    return lambda site: name not in site.parent


def _by_certificate_alone(site: Site) -> bool:
    return _has(site.parent, "certificate", "local-certificate") and _without("pre-shared-key")(
        site
    )


# IKE and IPsec


def _one_key(site: Site) -> bool:
    """A certificate or a pre-shared key, seeded or not, and not both."""
    policy = _entry(site)
    certificate = "local-certificate" in policy.get("certificate", {})
    return certificate != ("pre-shared-key" in policy or "seeded-pre-shared-key" in policy)


def _policy_of(site: Site) -> Tree:
    found: Tree = lookup(site.root, *_IKE.split(), "policy", site.value)
    return found


def _no_main_mode_for_dynamic_keys(site: Site) -> bool:
    policy = _policy_of(site)
    main = policy.get("mode") == "main" and "pre-shared-key" in policy
    return not (main and "dynamic" in site.parent)


def _no_user_type_with_keys(site: Site) -> bool:
    typed = _has(site.parent, "dynamic", "ike-user-type")
    second = site.parent.get("version") == "v2-only"
    return not (typed and second and "pre-shared-key" in _policy_of(site))


def _no_reauthentication_of_profiles(site: Site) -> bool:
    profiled = _has(site.parent, "aaa", "access-profile")
    return not (profiled and "reauth-frequency" in _policy_of(site))


def _about_policy(holds: Holds, *leaves: str) -> Condition:
    return Condition(holds, Needs(names=f"{_IKE} policy", leaves=leaves))


def _fragments_second_version(site: Site) -> bool:
    gateway = _entry(site)
    return "fragmentation" not in gateway or gateway.get("version") == "v2-only"


def _second_version_is_routed(site: Site) -> bool:
    vpn = _entry(site)
    gateway = lookup(site.root, *_IKE.split(), "gateway", vpn.get("ike", {}).get("gateway", ""))
    routed = "bind-interface" in vpn or "ha-link-encryption" in vpn
    return routed or gateway.get("version") != "v2-only"


_GATEWAY = f"{_IKE} gateway *"
_VPN = f"{_IPSEC} vpn *"
_IKE_RULES = (
    traced(_IKE),
    Must(
        f"{_IKE} policy *",
        Condition(_one_key),
        "IKE policy must have either local certificate or pre-shared key configured",
    ),
    Must(f"{_IKE} policy * proposals", exists(f"{_IKE} proposal $$"), _NO_PROPOSAL),
    Must(
        f"{_IKE} policy * proposal-set",
        _not_beside("proposals"),
        "IKE policy must not have both proposals and proposal-set configured",
    ),
    *(
        Must(
            f"{_IKE} policy * proposal-set",
            _if_it_is(word, _by_certificate_alone),
            f"{name} proposal-sets require certificate-based authentication.",
        )
        for word, name in (("suiteb", "Suite B"), ("prime", "PRIME"))
    ),
    Must(
        f"{_IKE} proposal * encryption-algorithm",
        _if_it_is("gcm", _without("authentication-algorithm")),
        "When using aes-gcm for Encryption the Authentication Algorithm must not be set.",
    ),
    Must(
        f"{_IKE} policy * certificate trusted-ca ca-profile",
        exists("security pki ca-profile $$"),
        "Referenced profile must be defined under [edit security pki ca-profile]",
    ),
    Must(
        f"{_IKE} policy * certificate trusted-ca trusted-ca-group",
        exists("security pki trusted-ca-group $$"),
        "Referenced group must be defined under [edit security pki trusted-ca-group]",
    ),
    Must(
        f"{_GATEWAY} ike-policy",
        exists(f"{_IKE} policy $$"),
        "Referenced IKE policy must be defined under [edit security ike policy]",
    ),
    Must(
        f"{_GATEWAY} ike-policy",
        _about_policy(_no_main_mode_for_dynamic_keys, "mode", "pre-shared-key"),
        "Main mode for dynamic peer with Preshared key based authentication is not allowed",
    ),
    Must(
        f"{_GATEWAY} ike-policy",
        _about_policy(_no_user_type_with_keys, "pre-shared-key"),
        "When dynamic ike-user-type is configured, IKEv2 with authentication-method pre-shared-key "
        "is not allowed",
    ),
    Must(
        f"{_GATEWAY} ike-policy",
        _about_policy(_no_reauthentication_of_profiles, "reauth-frequency"),
        "Reauth is not allowed with AAA access profile.",
    ),
    Must(
        f"{_GATEWAY} external-interface",
        NO_BRIDGE,
        "Bridge interface is not allowed as external-interface",
    ),
    Must(
        f"{_GATEWAY} external-interface",
        INTERFACE_EXISTS,
        "Referenced interface must be configured under [edit interfaces] hierarchy",
    ),
    Must(
        _GATEWAY,
        _only_one_of("remote-identity", "dynamic"),
        "Since the remote gateway is dynamic, Define remote identity under dynamic",
    ),
    Must(_GATEWAY, _only_one_of("aaa", "xauth"), "Keyword aaa is a replacement to xauth."),
    Must(
        _GATEWAY,
        _only_one_of("aaa access-profile", "address"),
        "For site-to-site tunnels, aaa access-profile configuration is not allowed",
    ),
    Must(
        _GATEWAY,
        _only_one_of("aaa access-profile", "aaa client"),
        "Cannot configure a gateway to be XAUTH/AAA server and client at the same time.",
    ),
    Must(
        _GATEWAY,
        _only_one_of("xauth access-profile", "xauth client"),
        "Cannot configure a gateway to be xauth server and client at the same time.",
    ),
    Must(f"{_GATEWAY} aaa client password", _beside("username"), "Username must be defined"),
    Must(f"{_GATEWAY} xauth client password", _beside("username"), "username must be defined"),
    Must(
        f"{_GATEWAY} aaa access-profile *",
        exists("access profile $$"),
        "Access profile needs to be configured",
    ),
    Must(f"{_GATEWAY} xauth access-profile", exists("access profile $$"), _NO_PROFILE),
    Must(
        f"{_GATEWAY} general-ikeid",
        _not_beside("remote-identity"),
        "general-ikeid option is not allowed when remote-identity is configured",
    ),
    Must(
        f"{_GATEWAY} general-ikeid",
        _not_beside("dynamic"),
        "general-ikd-id option is not available for dynamic peer.",
    ),
    Must(
        _GATEWAY,
        Condition(_fragments_second_version),
        "IKEv2 must be configured to use fragementation.",
    ),
    Must(
        f"{_GATEWAY} tcp-encap-profile",
        exists("security tcp-encap profile $$"),
        "Referenced tcp-encap profile must be defined",
    ),
)
_IPSEC_RULES = (
    traced(_IPSEC),
    Must(f"{_IPSEC} policy * proposals", exists(f"{_IPSEC} proposal $$"), _NO_PROPOSAL),
    Must(
        f"{_IPSEC} policy * proposal-set",
        _not_beside("proposals"),
        "IPSec policy must not have both proposals and proposal-set configured",
    ),
    Must(
        f"{_IPSEC} proposal * encryption-algorithm",
        _if_it_is("gcm", _without("authentication-algorithm")),
        "HMAC Authentication is not compatible with AES-GCM",
    ),
    Must(
        f"{_IPSEC} proposal * protocol",
        _if_it_is("ah", _without("encryption-algorithm")),
        "Encryption algorithm must not be defined for AH",
    ),
    Must(
        f"{_VPN} ike gateway",
        exists(f"{_IKE} gateway $$"),
        "Referenced IKE gateway must be defined under [edit security ike gateway]",
    ),
    Must(
        f"{_VPN} ike ipsec-policy",
        exists(f"{_IPSEC} policy $$"),
        "Referenced IPSec policy must be defined under [edit security ipsec policy]",
    ),
    Must(
        _VPN,
        Condition(_second_version_is_routed, Needs(reads=(f"{_IKE} gateway",))),
        "IKEv2 requires bind-interface configuration as only route-based is supported",
    ),
    Must(
        _VPN,
        _only_one_of("traffic-selector", "ike proxy-identity"),
        "Proxy-identity must not be configured with traffic-selector",
    ),
    Must(
        _VPN,
        _only_with("traffic-selector", "bind-interface"),
        "Bind-interface must be configured under [edit security ipsec vpn] hierarchy",
    ),
    Must(
        _VPN,
        _only_one_of("vpn-monitor", "traffic-selector"),
        "vpn-monitor with traffic selector is not supported",
    ),
    Must(
        _VPN,
        _only_one_of("vpn-monitor", "multi-sa"),
        "vpn-monitor with multi-sa is not supported",
    ),
    Must(
        f"{_VPN} establish-tunnels",
        _beside("ike"),
        "VPN must be IKE-keyed to define establish-tunnel method",
    ),
    Must(
        f"{_IPSEC} security-association *",
        Condition(lambda site: "manual" in _entry(site)),
        "Type must be defined for security-association",
    ),
)


def _bound(site: Site) -> bool:
    """An interface of the device's own, or of any of its logical systems."""
    return "logical-systems" in site.root or INTERFACE_EXISTS.holds(site)


_BOUND = Must(
    f"{_VPN} bind-interface",
    Condition(_bound, Needs(reads=("interfaces interface", "logical-systems"))),
    "Referenced interface must be configured under [edit interfaces] hierarchy",
)


# Policies

_SERVICES = {
    "utm-policy": ("security utm utm-policy", "utm-policy must be defined"),
    "gtp-profile": ("security gtp profile", "gtp profile must be defined"),
    "sctp-profile": ("security sctp profile", "sctp profile must be defined"),
    "icap-redirect": ("services icap-redirect profile", "icap-redirect profile must be defined"),
    "ssl-proxy profile-name": (
        "services ssl proxy profile",
        "Referenced SSL proxy profile is not defined",
    ),
    "application-firewall rule-set": (
        "security application-firewall rule-sets",
        "rule set must be defined",
    ),
    "application-traffic-control rule-set": (
        "class-of-service application-traffic-control rule-sets",
        "rule-set must be defined",
    ),
    "security-intelligence-policy": (
        "services security-intelligence policy",
        "security-intelligence policy must be defined",
    ),
    "advanced-anti-malware-policy": (
        "services advanced-anti-malware policy",
        "advanced-anti-malware policy must be defined",
    ),
    "anti-virus-policy": (
        "services anti-virus policy",
        "anti-virus policy must be defined",
    ),
}
"""What a policy hands its traffic to: where that is defined, and what is said when it is not."""


def _rules_of_policies(policies: str) -> tuple[Must, ...]:
    permit = f"{policies} then permit"
    return (
        Must(
            policies,
            _only_one_of("then permit tunnel", "match dynamic-application"),
            "Tunnel and dynamic-application can't be applied to same policy",
        ),
        Must(
            f"{permit} tunnel ipsec-vpn",
            exists(f"{_IPSEC} vpn $$"),
            "Security VPN must be defined",
        ),
        Must(
            f"{permit} tunnel ipsec-vpn",
            absent(f"{_IPSEC} vpn $$ bind-interface"),
            "Route based ipsec-vpn cannot be referenced for policy",
        ),
        Must(
            f"{permit} tunnel ipsec-group-vpn",
            exists("security group-vpn member ipsec vpn $$"),
            "Security group VPN must be defined",
        ),
        *(
            Must(f"{permit} application-services {leaf}", _predefined_or(f"{path} $$"), message)
            for leaf, (path, message) in _SERVICES.items()
        ),
        Must(
            f"{policies} scheduler-name",
            exists("schedulers scheduler $$"),
            "scheduler must be defined",
        ),
    )


_POLICY_RULES = (
    traced("security policies"),
    *zones_exist("security policies policy *"),
    *_rules_of_policies("security policies policy * policy *"),
    *_rules_of_policies("security policies global policy *"),
)


# Zones and address books


def _exceptions_have_a_rule(entry: Tree) -> bool:
    inbound = entry.get("host-inbound-traffic", {})
    return all(
        "all" in allowed or not any("except" in one for one in allowed.values())
        for allowed in (inbound.get(name, {}) for name in ("system-services", "protocols"))
    )


def _any_is_alone(site: Site) -> bool:
    services = _entry(site).get("host-inbound-traffic", {}).get("system-services", {})
    return "any-service" not in services or len(services) == 1


_EXCEPT = Condition(lambda site: _exceptions_have_a_rule(_entry(site)))
_NO_RULE = "'except'' statement can be included only along with 'system-services all' statement"


def _in_book(kind: str, book: int) -> Condition:
    """An address book (so many branches up) has an address or set of that name."""
    reads = Needs(reads=(_BOOK, ZONES))
    return Condition(lambda site: site.value in site.around[book].get(kind, {}), reads)


def _rules_of_books(books: str) -> tuple[Must, ...]:
    sets = f"{books} address-set *"
    undefined = "referenced address must be defined under address-book"
    return (
        Must(
            sets,
            Condition(lambda site: site.value not in site.parent.get("address", {})),
            "Security address and address-set cannot have same name",
        ),
        Must(f"{sets} address *", _in_book("address", -3), undefined),
        Must(f"{sets} address-set *", _in_book("address-set", -3), undefined),
    )


_ZONE = f"{ZONES} *"
_ZONE_RULES = (
    Must(
        f"{_ZONE} screen",
        exists("security screen ids-option $$"),
        "referenced ids-object must be defined under [security screen ids-option]",
    ),
    Must(
        _ZONE,
        Condition(
            lambda site: (
                not (_has(_entry(site), "address-book") and _has(site.root, *_BOOK.split()))
            ),
            Needs(reads=(_BOOK,)),
        ),
        "Zone specific address books are not allowed when there are global address books defined",
    ),
    *(
        Must(where, Condition(_any_is_alone), "If `any` is set other services are disallowed")
        for where in (_ZONE, f"{_ZONE} interfaces *")
    ),
    Must(_ZONE, _EXCEPT, _NO_RULE),
    Must(f"{_ZONE} interfaces *", _EXCEPT, _NO_RULE),
    *_rules_of_books(f"{_BOOK} *"),
    *_rules_of_books(f"{_ZONE} address-book"),
    Must(
        f"{_BOOK} *",
        Condition(lambda site: site.value != "global" or "attach" not in _entry(site)),
        "It is not allowed to attach the global address book to any particular interface, zone or "
        "routing-instance.",
    ),
    Must(
        f"{_BOOK} * attach zone *",
        unique(f"{_BOOK} * attach zone *"),
        "Security zone must be unique in address books",
    ),
    Must(f"{_BOOK} * attach zone *", exists(f"{ZONES} $$"), "Security zone must be defined"),
)

SECURITY_RULES = (*_IKE_RULES, *_IPSEC_RULES, _BOUND, *_POLICY_RULES, *_ZONE_RULES)

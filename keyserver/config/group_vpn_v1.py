# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``security group-vpn`` of Group VPNv1 (10.2 to 12.3X48), which was never published as YANG.

Names, nesting, choices and order are those that a 12.1X47 device tells of itself; values follow
the 10.3 CLI reference and the 13.2 statement hierarchy.
"""

from __future__ import annotations

from typing import Unpack

from .schema import Kind, Marks, Secrecy, Statement, container, flag, leaf, leaf_list, listing
from .values import (
    INTERFACE,
    enumeration,
    integer,
    ipv4_address,
    ipv4_multicast,
    ipv4_prefix,
    matching,
    secret,
    string,
)

_NAME = string(32)
_HOST = matching("^[[:alnum:]._-]{1,255}$", "invalid ip address or hostname")
# That the server of v1 takes hmac-sha-256-128 is unconfirmed; its members use it with v2 servers.
_INTEGRITY = enumeration("hmac-md5-96", "hmac-sha-256-128", "hmac-sha1-96")
_CIPHERS = enumeration("3des-cbc", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des-cbc")
_PROPOSAL_NAME = string(
    32,
    "^[[:alnum:]][[:alnum:]_-]*$",
    "Must be a string beginning with a number or letter and consisting of letters, numbers, "
    "dashes and underscores.",
)
_HEXADECIMAL = string(255, "^[[:xdigit:]]+$", "Must be hexadecimal digits (0-9, a-f, A-F)")
_FLAGS = enumeration(
    "timer",
    "routing-socket",
    "parse",
    "config",
    "ike",
    "policy-manager",
    "general",
    "database",
    "certificates",
    "snmp",
    "thread",
    "high-availability",
    "next-hop-tunnels",
    "all",
)


def _choice(*names: str) -> list[list[list[str]]]:
    return [[[name] for name in names]]


def _branch(
    name: str, *children: Statement, choice: tuple[str, ...], **marks: Unpack[Marks]
) -> Statement:
    marks["alternatives"] = lambda: _choice(*choice)
    return container(name, *children, **marks)


def _ike_proposal(*more: Statement) -> Statement:
    return listing(
        "proposal",
        _NAME,
        leaf("description", string(80)),
        leaf("authentication-method", enumeration("pre-shared-keys", "rsa-signatures")),
        leaf("dh-group", enumeration("group1", "group2", "group5", "group14")),
        leaf("authentication-algorithm", enumeration("md5", "sha-256", "sha1")),
        leaf("encryption-algorithm", _CIPHERS),
        *more,
        advanced=True,
    )


def _ike_policy() -> Statement:
    return listing(
        "policy",
        _NAME,
        leaf("mode", enumeration("main", "aggressive")),
        leaf("description", string(80)),
        leaf_list("proposals", _NAME),
        container(
            "certificate",
            leaf("local-certificate", _NAME),
            leaf("peer-certificate-type", enumeration("pkcs7", "x509-signature")),
            advanced=True,
        ),
        leaf("proposal-set", enumeration("basic", "compatible", "standard")),
        _branch(
            "pre-shared-key",
            leaf("ascii-text", secret(string(255)), secrecy=Secrecy.SECRET),
            leaf("hexadecimal", secret(_HEXADECIMAL), secrecy=Secrecy.SECRET),
            choice=("ascii-text", "hexadecimal"),
            oneliner=True,
        ),
        advanced=True,
    )


def _named(name: str, value: Statement) -> Statement:
    return container(name, value)


def _local_identity() -> Statement:
    return _branch(
        "local-identity",
        _named("inet", leaf("identity-ipv4", ipv4_address, spelled=False)),
        _named("hostname", leaf("identity-hostname", string(255), spelled=False)),
        _named("user-at-hostname", leaf("identity-user", string(255), spelled=False)),
        flag("distinguished-name"),
        choice=("inet", "hostname", "user-at-hostname", "distinguished-name"),
        oneliner=True,
    )


def _dynamic() -> Statement:
    return _branch(
        "dynamic",
        container(
            "distinguished-name",
            leaf("container", string(255)),
            leaf("wildcard", string(255)),
            presence=True,
            terse=True,
            advanced=True,
        ),
        leaf("hostname", string(255)),
        leaf("inet", ipv4_address),
        leaf("user-at-hostname", string(255)),
        choice=("distinguished-name", "hostname", "inet", "user-at-hostname"),
        terse=True,
        advanced=True,
    )


def _server_gateway() -> Statement:
    return listing(
        "gateway",
        _NAME,
        leaf("ike-policy", _NAME),
        leaf("address", _HOST),
        _dynamic(),
        _local_identity(),
        alternatives=lambda: _choice("address", "dynamic"),
        advanced=True,
    )


def _member_gateway() -> Statement:
    return listing(
        "gateway",
        _NAME,
        leaf("ike-policy", _NAME),
        leaf_list("address", _HOST, limit=4),
        _local_identity(),
        leaf("local-address", ipv4_address),
        advanced=True,
    )


def _traceoptions() -> Statement:
    trace_file = _branch(
        "file",
        leaf(
            "filename", string(1024, "![/ %]", "Must not contain '/', % or a space"), spelled=False
        ),
        leaf("size", string(16, "^[0-9]+[kmg]?$", "invalid size")),
        leaf("files", integer(2, 1000)),
        flag("world-readable"),
        flag("no-world-readable"),
        leaf("match", string(255)),
        choice=("world-readable", "no-world-readable"),
        oneliner=True,
    )
    flags = listing("flag", _FLAGS, oneliner=True)
    return container("traceoptions", flag("no-remote-trace"), trace_file, flags, advanced=True)


def _server_member_communication() -> Statement:
    return container(
        "server-member-communication",
        leaf("communication-type", enumeration("multicast", "unicast")),
        leaf("multicast-group", ipv4_multicast),
        leaf("multicast-outgoing-interface", INTERFACE),
        leaf("lifetime-seconds", integer(180, 86400)),
        leaf("retransmission-period", integer(2, 60)),
        leaf("number-of-retransmission", integer(0, 60)),
        leaf("heartbeat", integer(60, 3600)),
        leaf("encryption-algorithm", _CIPHERS),
        leaf("sig-hash-algorithm", enumeration("md5", "sha1")),
        leaf("certificate", _NAME),
        advanced=True,
    )


def _ipsec_sa() -> Statement:
    match_policy = listing(
        "match-policy",
        _NAME,
        leaf("source", ipv4_prefix),
        leaf("destination", ipv4_prefix),
        leaf("source-port", integer(0, 65535)),
        leaf("destination-port", integer(0, 65535)),
        leaf("protocol", integer(0, 254)),
        limit=10,
        advanced=True,
    )
    return listing("ipsec-sa", _NAME, leaf("proposal", _NAME), match_policy, advanced=True)


def _group() -> Statement:
    return listing(
        "group",
        _NAME,
        leaf("description", string(80)),
        leaf("group-id", integer(1, 65535)),
        listing("ike-gateway", _NAME, advanced=True),
        leaf("activation-time-delay", integer(10, 900)),
        leaf("anti-replay-time-window", integer(60, 360)),
        flag("no-anti-replay"),
        leaf("server-address", ipv4_address),
        _server_member_communication(),
        _ipsec_sa(),
        limit=50,
        alternatives=lambda: _choice("anti-replay-time-window", "no-anti-replay"),
        advanced=True,
    )


def _server() -> Statement:
    proposal = listing(
        "proposal",
        _PROPOSAL_NAME,
        leaf("description", string(80)),
        leaf("authentication-algorithm", _INTEGRITY),
        leaf("encryption-algorithm", _CIPHERS),
        leaf("lifetime-seconds", integer(180, 86400)),
        advanced=True,
    )
    return container(
        "server",
        _traceoptions(),
        container("ike", _ike_proposal(), _ike_policy(), _server_gateway(), advanced=True),
        container("ipsec", proposal, advanced=True),
        _group(),
        advanced=True,
    )


def _member() -> Statement:
    lifetime = leaf("lifetime-seconds", integer(180, 86400))
    vpn = listing(
        "vpn",
        _NAME,
        leaf("ike-gateway", _NAME),
        leaf("group-vpn-external-interface", INTERFACE),
        leaf("group", integer(1, 65535)),
        leaf("heartbeat-threshold", integer(0, 10)),
        advanced=True,
    )
    ike = container("ike", _ike_proposal(lifetime), _ike_policy(), _member_gateway(), advanced=True)
    return container("member", ike, container("ipsec", vpn, advanced=True), advanced=True)


def group_vpn_v1() -> Statement:
    """``group-vpn`` below ``security``."""
    return Statement(
        "group-vpn",
        Kind.CONTAINER,
        below=lambda: (_member(), _server(), flag("co-location")),
        advanced=True,
    )

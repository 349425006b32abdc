# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The statements that the emulated SRX knows, for both Group VPN generations.

v2 follows Juniper's YANG (``security group-vpn``, junos-es); v1 was never published as YANG and
follows the 10.3 CLI reference and the 13.2 statement hierarchy. Around Group VPN stands what a
key server's configuration needs to be a whole: ``system``, ``interfaces``, ``routing-options``.
"""

from __future__ import annotations

from enum import Enum
from functools import cache

from .schema import (
    Statement,
    container,
    enumeration,
    flag,
    integer,
    ip_prefix,
    ipv4_address,
    ipv4_multicast,
    ipv4_prefix,
    leaf,
    leaf_list,
    listing,
    secret,
    string,
)


class Generation(Enum):
    """Group VPN generation: v1 (RFC 3547, 10.2 to 12.3X48) or v2 (RFC 6407, 15.1X49 on)."""

    V1 = "v1"
    V2 = "v2"


_NAME = string(32)
_HEXADECIMAL = (r"[0-9a-fA-F]+", "Must be hexadecimal digits (0-9, a-f, A-F)")
_PROPOSAL_NAME = string(
    32,
    r"[A-Za-z0-9][A-Za-z0-9_-]*",
    "Must be a string beginning with a number or letter and consisting of letters, numbers, "
    "dashes and underscores.",
)
_INTERFACE = string(63, r"[A-Za-z][A-Za-z0-9-]*[0-9/:]*(\.[0-9]+)?", "invalid interface name")
_AES = ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc")
_LEGACY_CIPHERS = ("3des-cbc", *_AES, "des-cbc")


def _server_member_communication(generation: Generation) -> Statement:
    common = {
        "lifetime-seconds": leaf(
            "lifetime-seconds", integer(180 if generation is Generation.V1 else 300, 86400)
        ),
        "retransmission-period": leaf("retransmission-period", integer(2, 60)),
        "number-of-retransmission": leaf("number-of-retransmission", integer(0, 60)),
        "heartbeat": leaf("heartbeat", integer(60, 3600)),
        "certificate": leaf("certificate", _NAME),
    }
    if generation is Generation.V2:
        return container(
            "server-member-communication",
            leaf("communication-type", enumeration("unicast")),
            common["lifetime-seconds"],
            common["retransmission-period"],
            common["number-of-retransmission"],
            common["heartbeat"],
            leaf("encryption-algorithm", enumeration(*_AES)),
            leaf("sig-hash-algorithm", enumeration("sha-256", "sha-384")),
            common["certificate"],
        )
    return container(
        "server-member-communication",
        common["certificate"],
        leaf("communication-type", enumeration("multicast", "unicast")),
        leaf("encryption-algorithm", enumeration(*_LEGACY_CIPHERS)),
        common["heartbeat"],
        common["lifetime-seconds"],
        leaf("multicast-group", ipv4_multicast),
        leaf("multicast-outgoing-interface", _INTERFACE),
        common["number-of-retransmission"],
        common["retransmission-period"],
        leaf("sig-hash-algorithm", enumeration("md5", "sha1")),
    )


def _ipsec_sa() -> Statement:
    return listing(
        "ipsec-sa",
        _NAME,
        leaf("proposal", _NAME),
        listing(
            "match-policy",
            _NAME,
            leaf("source", ipv4_prefix),
            leaf("destination", ipv4_prefix),
            leaf("source-port", integer(0, 65535)),
            leaf("destination-port", integer(0, 65535)),
            leaf("protocol", integer(0, 254)),
            limit=10,
        ),
    )


def _group(generation: Generation) -> Statement:
    smc = _server_member_communication(generation)
    gateway = listing("ike-gateway", _NAME)
    delay = leaf("activation-time-delay", integer(10, 900))
    if generation is Generation.V2:
        return listing(
            "group",
            _NAME,
            leaf("description", string(80)),
            leaf("group-id", integer(1, 4294967295)),
            leaf("member-threshold", integer(0, 4294967295)),
            container(
                "server-cluster",
                leaf("server-role", enumeration("root-server", "sub-server")),
                gateway,
                leaf("retransmission-period", integer(2, 60)),
            ),
            gateway,
            delay,
            leaf("anti-replay-time-window", integer(1, 60000)),
            smc,
            _ipsec_sa(),
            limit=50,
        )
    return listing(
        "group",
        _NAME,
        leaf("description", string(80)),
        leaf("group-id", integer(1, 65535)),
        gateway,
        leaf("server-address", ipv4_address),
        delay,
        leaf("anti-replay-time-window", integer(60, 360)),
        flag("no-anti-replay"),
        smc,
        _ipsec_sa(),
        limit=50,
    )


def _ike_proposal(generation: Generation, *, lifetime: bool) -> Statement:
    if generation is Generation.V2:
        leaves = [
            leaf("description", string(80)),
            leaf("authentication-method", enumeration("pre-shared-keys")),
            leaf("dh-group", enumeration("group14", "group24")),
            leaf("authentication-algorithm", enumeration("sha-256", "sha-384")),
            leaf("encryption-algorithm", enumeration(*_AES)),
        ]
    else:
        leaves = [
            leaf("description", string(80)),
            leaf("authentication-method", enumeration("pre-shared-keys", "rsa-signatures")),
            leaf("dh-group", enumeration("group1", "group2", "group5", "group14")),
            leaf("authentication-algorithm", enumeration("md5", "sha-256", "sha1")),
            leaf("encryption-algorithm", enumeration(*_LEGACY_CIPHERS)),
        ]
    if lifetime:
        leaves.append(leaf("lifetime-seconds", integer(180, 86400)))
    return listing("proposal", _NAME, *leaves)


def _ike_policy(generation: Generation) -> Statement:
    statements = [
        leaf("mode", enumeration("main", "aggressive")),
        leaf("description", string(80)),
        leaf_list("proposals", _NAME),
        container(
            "pre-shared-key",
            leaf("ascii-text", secret(255), hidden=True),
            leaf("hexadecimal", secret(255, *_HEXADECIMAL), hidden=True),
            oneliner=True,
            choice=("ascii-text", "hexadecimal"),
        ),
    ]
    if generation is Generation.V1:
        statements[2:2] = [leaf("proposal-set", enumeration("basic", "compatible", "standard"))]
        statements.append(
            container(
                "certificate",
                leaf("local-certificate", _NAME),
                leaf("peer-certificate-type", enumeration("pkcs7", "x509-signature")),
            )
        )
    return listing("policy", _NAME, *statements)


def _identity(name: str) -> Statement:
    return container(
        name,
        container(
            "inet",
            leaf("identity-ipv4", ipv4_address),
            positional="identity-ipv4",
            oneliner=True,
        ),
        container(
            "hostname",
            leaf("identity-hostname", string(255)),
            positional="identity-hostname",
            oneliner=True,
        ),
        container(
            "user-at-hostname",
            leaf("identity-user", string(255)),
            positional="identity-user",
            oneliner=True,
        ),
        oneliner=True,
        choice=("inet", "hostname", "user-at-hostname"),
    )


def _server_gateway() -> Statement:
    return listing(
        "gateway",
        _NAME,
        leaf("ike-policy", _NAME),
        leaf("address", ipv4_address),
        container(
            "dynamic",
            leaf("hostname", string(255)),
            leaf("inet", ipv4_address),
            leaf("user-at-hostname", string(255)),
            presence=True,
            choice=("hostname", "inet", "user-at-hostname"),
        ),
        container(
            "dead-peer-detection",
            flag("always-send"),
            leaf("interval", integer(10, 60)),
            leaf("threshold", integer(1, 5)),
            presence=True,
        ),
        _identity("local-identity"),
        _identity("remote-identity"),
        leaf("local-address", ipv4_address),
        leaf("routing-instance", string(63)),
        choice=("address", "dynamic"),
    )


def _ipsec_proposal(generation: Generation) -> Statement:
    v2 = generation is Generation.V2
    authentication = ("hmac-sha-256-128",) if v2 else ("hmac-md5-96", "hmac-sha1-96")
    return listing(
        "proposal",
        _PROPOSAL_NAME,
        leaf("description", string(80)),
        leaf("authentication-algorithm", enumeration(*authentication)),
        leaf("encryption-algorithm", enumeration(*(_AES if v2 else _LEGACY_CIPHERS))),
        leaf("lifetime-seconds", integer(180, 86400)),
    )


def _traceoptions() -> Statement:
    flags = (
        "timer routing-socket parse config ike policy-manager general database certificates snmp "
        "thread high-availability next-hop-tunnels all"
    )
    return container(
        "traceoptions",
        flag("no-remote-trace"),
        container(
            "file",
            leaf("filename", string(1024)),
            leaf("size", string(16, r"[0-9]+[kmg]?", "invalid size")),
            leaf("files", integer(2, 1000)),
            flag("world-readable"),
            flag("no-world-readable"),
            leaf("match", string(255)),
            positional="filename",
            oneliner=True,
        ),
        leaf("level", enumeration("error", "warning", "notice", "info", "verbose", "all")),
        listing("flag", enumeration(*flags.split())),
    )


def _server(generation: Generation) -> Statement:
    return container(
        "server",
        _traceoptions(),
        container(
            "ike",
            _ike_proposal(generation, lifetime=generation is Generation.V1),
            _ike_policy(generation),
            _server_gateway(),
        ),
        container("ipsec", _ipsec_proposal(generation)),
        _group(generation),
    )


def _member(generation: Generation) -> Statement:
    v2 = generation is Generation.V2
    addresses = leaf_list("server-address" if v2 else "address", ipv4_address, limit=4)
    gateway = listing(
        "gateway",
        _NAME,
        leaf("ike-policy", _NAME),
        addresses,
        _identity("local-identity"),
        _identity("remote-identity"),
        leaf("local-address", ipv4_address),
        leaf("routing-instance", string(63)),
    )
    vpn = [
        leaf("ike-gateway", _NAME),
        leaf("group-vpn-external-interface", _INTERFACE),
        leaf("group", integer(1, 4294967295 if v2 else 65535)),
        leaf("heartbeat-threshold", integer(0, 10)),
    ]
    if v2:
        vpn += [flag("recovery-probe"), leaf("df-bit", enumeration("clear", "set", "copy"))]
    return container(
        "member",
        container(
            "ike", _ike_proposal(generation, lifetime=True), _ike_policy(generation), gateway
        ),
        container("ipsec", listing("vpn", _NAME, *vpn)),
    )


def _system() -> Statement:
    authentication = (
        leaf("encrypted-password", string(255), hidden=True),
        leaf("ssh-ed25519", string(4096)),
        leaf("ssh-rsa", string(8192)),
    )
    return container(
        "system",
        leaf("host-name", string(255, r"[A-Za-z0-9_.-]+", "invalid hostname")),
        leaf("domain-name", string(255)),
        leaf("time-zone", string(64)),
        container("root-authentication", *authentication),
        listing("name-server", ipv4_address),
        container(
            "login",
            leaf("message", string(2048)),
            listing(
                "user",
                string(64),
                leaf("full-name", string(255)),
                leaf("uid", integer(100, 64000)),
                leaf("class", string(64)),
                container("authentication", *authentication),
            ),
        ),
        container(
            "services",
            container(
                "ssh",
                leaf("root-login", enumeration("allow", "deny", "deny-password")),
                leaf("connection-limit", integer(1, 250)),
                leaf("rate-limit", integer(1, 250)),
                presence=True,
            ),
            container(
                "netconf",
                container("ssh", leaf("port", integer(1, 65535)), presence=True),
                flag("rfc-compliant"),
                flag("version-1.1"),
            ),
        ),
        container("ntp", listing("server", ipv4_address)),
    )


def _interfaces() -> Statement:
    address = container("inet", listing("address", ip_prefix), presence=True)
    address6 = container("inet6", listing("address", ip_prefix), presence=True)
    return container(
        "interfaces",
        listing(
            "interface",
            _INTERFACE,
            leaf("description", string(900)),
            flag("disable"),
            leaf("mtu", integer(256, 9500)),
            listing(
                "unit",
                integer(0, 1073741823),
                leaf("description", string(900)),
                leaf("vlan-id", integer(0, 4094)),
                container("family", address, address6),
                user_ordered=False,
            ),
            user_ordered=False,
        ),
        positional="interface",
    )


def _routing_options() -> Statement:
    return container(
        "routing-options",
        container(
            "static",
            listing("route", ip_prefix, leaf_list("next-hop", string(255)), flag("discard")),
        ),
    )


@cache
def junos_schema(generation: Generation) -> Statement:
    """The whole ``[edit]`` hierarchy of the emulated SRX of that generation."""
    group_vpn = [_member(generation), _server(generation)]
    if generation is Generation.V1:
        group_vpn.insert(0, flag("co-location"))
    return container(
        "configuration",
        leaf("version", string(64)),
        _system(),
        container("security", container("group-vpn", *group_vpn)),
        _interfaces(),
        _routing_options(),
    )

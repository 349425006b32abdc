# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Juniper's YANG leaves out or says otherwise than the CLI: the hand-written part.

Found by comparing the YANG with what devices print in public; ``*`` stands for any parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _words(text: str) -> list[str]:
    return text.split()


WORDS = {
    ("policies", "policy"): "from-zone",
    ("*", "src-nat-rule-match"): "match",
    ("*", "dest-nat-rule-match"): "match",
    ("*", "static-nat-rule-match"): "match",
    ("*", "ieee-802.3ad"): "802.3ad",
    ("member-range", "end-range"): "to",
    ("snmp", "system-name"): "name",
    ("speed", "ethernet-10m"): "10m",
    ("speed", "ethernet-100m"): "100m",
    ("speed", "ethernet-1g"): "1g",
    ("speed", "ethernet-10g"): "10g",
}
"""(parent, statement): the word in the CLI; XML and JSON keep the YANG name."""

KEY_WORDS = {"to-zone-name": "to-zone", "choice-ident": "", "choice-value": ""}
"""Keys of lists with several: the word before the value in the CLI."""

WORDS_AT = {
    "security log file filename": "name",
    "security log stream file localfilename": "name",
}
"""Words in the CLI of single statements (the tests of jeremmfr/junos for Terraform set them)."""

ENUM_WORDS = {"equal-literal": "=", "plus-literal": "+", "minus-literal": "-"}

SECRETS = frozenset(
    _words(
        """ascii-text hexadecimal authentication-key hello-authentication-key
    authentication-password privacy-password privacy-key secret password simple-password
    challenge-password chap-secret
    default-chap-secret default-password local-password pap-password preauthentication-secret
    passphrase auth_key encrypted-sim-unlock-code wep-key-1 wep-key-2 wep-key-3 wep-key-4"""
    )
)
"""Leaves that hold a secret in ``$9$`` form. ``jt:unreadable`` misses the most important ones."""

HASHES = frozenset({"encrypted-password"})
"""Leaves that hold the hash of a password."""

READABLE = frozenset({"br-address", "ipv4-prefix", "ipv6-prefix", "psid-offset", "community-name"})
"""``jt:unreadable``, yet no secrets."""

ONE_LINE = frozenset({"archive"})
"""oneliner-plus in the YANG; devices show them on one line with any number of leaves."""

ENABLE_BESIDE_DISABLE = frozenset({"interface", "unit", "interface-range", "ike-esp-nat"})
"""Where ``enable``, the opposite of ``disable``, is missing."""

ORDER = {
    ("instance", "interface"): "instance-type",
    ("dialer-options", "dial-string"): "always-on",
}
"""(parent, statement): the statement behind which devices show it."""

SPANS = {("session", "session-limit"): (1, 1024), ("unit", "vlan-id"): (0, 4094)}
"""(parent, leaf): what Juniper's pages give it, and devices hold; the YANG has 1 to 7, or any
string, where devices have a number in JSON."""

ALSO = {("group", "allow"): "all", ("dynamic-neighbor", "allow"): "all"}
"""(parent, leaf): a word that Juniper's pages give it beside what the YANG has, prefixes alone."""

NAMED: Mapping[tuple[str, str], tuple[Any, ...]] = {
    ("security-zone", "interfaces"): ("interface-logical",),
    ("management", "interfaces"): ("interface-logical",),
    ("instance", "interface"): ("interface-logical",),
    ("interface", "unit"): ("integer", 0, 1073741823),
}
"""(parent, list): what its entries are named by, where the YANG has no more than a string. A device
names interfaces with their unit, 0 where none was given (the integration tests of
junipernetworks.junos' junos_security_zones and junos_vrf); units are numbers in its JSON."""

SHOWN = {
    ("then", "next-interface", "c"): "O",
    ("next-interface", "interface-name", "f"): "K",
    ("next-interface", "routing-instance", "c"): "O",
    ("dynamic-vpn", "clients", "l"): "H",
    **{
        ("clients", name, "l"): "H"
        for name in ("remote-protected-resources", "remote-exceptions", "user")
    },
}
"""(parent, statement, kind): marks of what only releases have that mark hardly anything."""

UNDOCUMENTED: Mapping[str, Mapping[str, Any]] = {
    "system": {"phone-home": {"server": "value", "rfc-compliant": "flag"}},
    "system services web-management": {"http": {"port": "value", "interface": "values"}},
    "system services extension-service request-response grpc": {
        "clear-text": {"address": "value", "port": "value"},
        "skip-authentication": "flag",
    },
    "system processes ntp": {"enable": "flag"},
    "security pki ca-profile": {"pre-load": "flag"},
    "security ike traceoptions": {"level": "value"},
    "protocols": {"stp": {}},
    "interfaces interface unit family inet": {
        "dhcp-client": "dhcp",
    },
}
"""Statements that factory settings and real configurations hold and no YANG of 24.4R1 has: a
container's children, a flag, a leaf or a leaf-list, or the statement beside it that has the same in
it. What an earlier release has is as it was there."""

TOP = {
    "v1": _words(
        """rcsid version groups apply-groups dynamic-profiles system logical-systems chassis
        interfaces forwarding-options event-options snmp accounting-options routing-options
        multicast-snooping-options protocols policy-options class-of-service security firewall
        access routing-instances services tenants bridge-domains fabric switch-options
        access-profile multi-chassis jsrc jsrc-partition applications schedulers smtp poe wlan
        vlans"""
    ),
    "v2": _words(
        """rcsid version groups apply-groups system logical-systems chassis services
        access-profile security interfaces multi-chassis jsrc-partition snmp forwarding-options
        event-options accounting-options multicast-snooping-options policy-options
        class-of-service firewall access protocols routing-instances routing-options tenants
        bridge-domains fabric switch-options vlans vmhost jsrc applications diameter dialer isdn
        schedulers smtp poe wlan session-limit-group"""
    ),
}
"""The order in which devices show the top hierarchies (12.1X47 and 18.3 from codeout/junoser's
example schemas, moved by what 23.4 and 24.4 were seen to print)."""

VANISHING = {("interfaces", "interface"), ("inet", "filter"), ("inet6", "filter")}
"""(parent, list): an entry goes with the last that is deleted of it (the integration tests of
junipernetworks.junos' junos_interfaces and junos_acls); others stay with their name alone."""

IN_ORDER = {
    *(("class-of-service", "schedulers"), ("scheduler-maps", "forwarding-class")),
    *((code, "forwarding-class") for code in ("dscp", "dscp-ipv6", "exp", "ieee-802.1")),
    ("forwarding-class", "loss-priority"),
    *(("syslog", "file"), ("file", "contents")),
    ("policy-options", "route-filter-list"),
}
"""(parent, list): devices print the entries in the order in which they came, though the YANG does
not say so (configurations of Juniper's validated designs, github.com/Juniper/jvd; of the files of
syslog the integration tests of junipernetworks.junos' junos_logging_global)."""

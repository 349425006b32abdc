# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What security policies call an application: protocols and ports.

A name is one of ``applications``, a set of them, or predefined: part of Junos' own defaults
(``show configuration groups junos-defaults applications``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..config.tree import Tree, lookup

ICMP, TCP, UDP = 1, 6, 17
_PROTOCOLS = {
    "icmp": ICMP,
    "igmp": 2,
    "ipip": 4,
    "tcp": TCP,
    "egp": 8,
    "udp": UDP,
    "rsvp": 46,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ospf": 89,
    "pim": 103,
    "vrrp": 112,
    "sctp": 132,
}
_ANY_PORTS = ("0-65535", "1-65535")
_NOT_ONE = -1
_MOST_SETS = 100


@dataclass(frozen=True)
class Service:
    """A protocol with its ports; 0 stands for any, less for what no group policy could equal."""

    protocol: int = 0
    source_port: int = 0
    destination_port: int = 0

    def covers(self, protocol: int) -> bool:
        """True for traffic of a protocol that has no ports."""
        return self.protocol in (0, protocol)


# Ranges are left out, as are Sun's and Microsoft's RPC: the group's policy has no word for them.
_TCP_PORTS = {
    "junos-bgp": 179,
    "junos-chargen": 19,
    "junos-cvspserver": 2401,
    "junos-dns-tcp": 53,
    "junos-echo": 7,
    "junos-finger": 79,
    "junos-ftp": 21,
    "junos-ftp-data": 20,
    "junos-gopher": 70,
    "junos-http": 80,
    "junos-http-ext": 7001,
    "junos-https": 443,
    "junos-ident": 113,
    "junos-imap": 143,
    "junos-imaps": 993,
    "junos-internet-locator-service": 389,
    "junos-ldap": 389,
    "junos-ldp-tcp": 646,
    "junos-lpr": 515,
    "junos-mail": 25,
    "junos-ms-rpc-tcp": 135,
    "junos-ms-sql": 1433,
    "junos-msn": 1863,
    "junos-netbios-session": 139,
    "junos-nfsd-tcp": 2049,
    "junos-nntp": 119,
    "junos-ns-global": 15397,
    "junos-ns-global-pro": 15397,
    "junos-pop3": 110,
    "junos-pptp": 1723,
    "junos-printer": 515,
    "junos-realaudio": 554,
    "junos-rsh": 514,
    "junos-rtsp": 554,
    "junos-sccp": 2000,
    "junos-smb-session": 445,
    "junos-smtp": 25,
    "junos-smtps": 465,
    "junos-snmp-agentx": 705,
    "junos-snpp": 444,
    "junos-sqlnet-v1": 1525,
    "junos-sqlnet-v2": 1521,
    "junos-ssh": 22,
    "junos-sun-rpc-tcp": 111,
    "junos-tacacs": 49,
    "junos-tacacs-ds": 65,
    "junos-tcp-any": 0,
    "junos-telnet": 23,
    "junos-vnc": 5800,
    "junos-wais": 210,
    "junos-whois": 43,
    "junos-winframe": 1494,
    "junos-wxcontrol": 3578,
    "junos-xnm-clear-text": 3221,
    "junos-xnm-ssl": 3220,
}
_UDP_PORTS = {
    "junos-biff": 512,
    "junos-bootpc": 68,
    "junos-bootps": 67,
    "junos-dhcp-client": 68,
    "junos-dhcp-relay": 67,
    "junos-dhcp-server": 67,
    "junos-discard": 9,
    "junos-dns-udp": 53,
    "junos-ike": 500,
    "junos-ike-nat": 4500,
    "junos-l2tp": 1701,
    "junos-ldp-udp": 646,
    "junos-mgcp-ca": 2727,
    "junos-mgcp-ua": 2427,
    "junos-ms-rpc-udp": 135,
    "junos-nbds": 138,
    "junos-nbname": 137,
    "junos-nfs": 111,
    "junos-nfsd-udp": 2049,
    "junos-ntp": 123,
    "junos-pc-anywhere": 5632,
    "junos-r2cp": 28672,
    "junos-radacct": 1813,
    "junos-radius": 1812,
    "junos-rip": 520,
    "junos-sql-monitor": 1434,
    "junos-sun-rpc-udp": 111,
    "junos-syslog": 514,
    "junos-tftp": 69,
    "junos-udp-any": 0,
    "junos-uucp": 540,
    "junos-who": 513,
}
_BARE = {
    "junos-gre": 47,
    "junos-icmp-all": ICMP,
    "junos-icmp-ping": ICMP,
    "junos-ospf": 89,
    "junos-ping": ICMP,
    "junos-sctp-any": 132,
}
_PREDEFINED: dict[str, tuple[Service, ...]] = {
    "any": (Service(),),
    **{name: (Service(TCP, 0, port),) for name, port in _TCP_PORTS.items()},
    **{name: (Service(UDP, 0, port),) for name, port in _UDP_PORTS.items()},
    **{name: (Service(protocol),) for name, protocol in _BARE.items()},
    "junos-ntalk": (Service(UDP, 0, 518), Service(TCP, 0, 518)),
    "junos-sip": (Service(UDP, 0, 5060), Service(TCP, 0, 5060)),
    "junos-smb": (Service(TCP, 0, 139), Service(TCP, 0, 445)),
    "junos-talk": (Service(UDP, 0, 517), Service(TCP, 0, 517)),
}
_PREDEFINED_SETS = {
    "junos-cifs": ("junos-netbios-session", "junos-smb-session"),
    "junos-routing-inbound": ("junos-bgp", "junos-rip", "junos-ldp-tcp", "junos-ldp-udp"),
}
# Names of ports that Junos knows, as far as its predefined applications have them.
_PORT_NAMES = {
    "bgp": 179,
    "domain": 53,
    "ftp": 21,
    "ftp-data": 20,
    "http": 80,
    "https": 443,
    "imap": 143,
    "ldap": 389,
    "ntp": 123,
    "pop3": 110,
    "radius": 1812,
    "smtp": 25,
    "snmp": 161,
    "ssh": 22,
    "syslog": 514,
    "tacacs": 49,
    "telnet": 23,
    "tftp": 69,
}


def services_of(tree: Tree, names: Iterable[str], most: int = _MOST_SETS) -> Iterator[Service]:
    """The services of applications and sets of them; an unknown name stands for nothing."""
    for name in names:
        configured = lookup(tree, "applications", "application", name)
        members = lookup(tree, "applications", "application-set", name)
        if configured:
            yield from _configured(configured)
        elif members and most:
            inner = [*members.get("application", {}), *members.get("application-set", {})]
            yield from services_of(tree, inner, most - 1)
        elif name in _PREDEFINED_SETS:
            yield from services_of(tree, _PREDEFINED_SETS[name], 0)
        else:
            yield from _PREDEFINED.get(name, ())


def _configured(body: Tree) -> Iterator[Service]:
    """Terms have a service each; without them the application itself is one."""
    for one in lookup(body, "term").values() or [body]:
        ports = (_port(one.get(leaf)) for leaf in ("source-port", "destination-port"))
        yield Service(_protocol(one.get("protocol", "0")), *ports)


def _protocol(word: str) -> int:
    return int(word) if word.isdigit() else _PROTOCOLS.get(word, _NOT_ONE)


def _port(word: str | None) -> int:
    """A port's number, 0 for all of them; any other range is nothing that a policy could equal."""
    if word is None or word in _ANY_PORTS:
        return 0
    return int(word) if word.isdigit() else _PORT_NAMES.get(word, _NOT_ONE)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Associations in the words of other tools: Linux' ``ip xfrm`` and Wireshark's ESP SA table."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, summarize_address_range

from .sa_log import LoggedSa, LoggedSelector, SaHistory

# Names of the kernel's algorithms, and of Wireshark's (its preferences' own spelling).
_XFRM_CIPHERS = {"des-cbc": "cbc(des)", "3des-cbc": "cbc(des3_ede)", "aes-cbc": "cbc(aes)"}
_XFRM_INTEGRITIES = {
    "hmac-md5-96": "hmac(md5)",
    "hmac-sha1-96": "hmac(sha1)",
    "hmac-sha-256-128": "hmac(sha256)",
}
_SHARK_CIPHERS = {
    "des-cbc": "DES-CBC [RFC2405]",
    "3des-cbc": "TripleDES-CBC [RFC2451]",
    "aes-cbc": "AES-CBC [RFC3602]",
}
_SHARK_INTEGRITIES = {
    "hmac-md5-96": "HMAC-MD5-96 [RFC2403]",
    "hmac-sha1-96": "HMAC-SHA-1-96 [RFC2404]",
    "hmac-sha-256-128": "HMAC-SHA-256-128 [RFC4868]",
}
_UPPER_PROTOCOLS_WITH_PORTS = (6, 17, 33, 132)
_ANY = "0.0.0.0"


def xfrm_commands(history: SaHistory, member: str, peers: Iterable[str]) -> Iterator[str]:
    """``ip xfrm`` commands that give a Linux host what a member holds at the log's end.

    ``peers``: addresses of the hosts to talk to. Everybody may send under an SPI of a group, so one
    state from any source receives for all, and no replay window is kept (the counters of many
    senders would collide); to send there is one for each peer.
    """
    held = [sa for sa in history.held if sa.member == member and _has_its_key(sa)]
    for sa in held:
        if sa.direction != "sender_only":
            yield _state(sa, _ANY, sa.address)
            yield from _policies(sa, _ANY, sa.address, ("in", "fwd"))
    for sa in held:
        if sa.spi in history.sends.get((member, sa.group), ()):
            for peer in peers:
                yield _state(sa, sa.address, peer)
                yield from _policies(sa, sa.address, peer, ("out",))


def _state(sa: LoggedSa, source: str, destination: str) -> str:
    words = [f"ip xfrm state add src {source} dst {destination} proto {sa.protocol}"]
    words.append(f"spi 0x{sa.spi} mode {sa.mode} replay-window {32 if sa.extended_sequence else 0}")
    if sa.integrity is not None:
        name = _XFRM_INTEGRITIES[sa.integrity]
        words.append(f"auth-trunc '{name}' 0x{sa.integrity_key} {sa.integrity_bits}")
    if sa.cipher is not None:
        words.append(f"enc '{_XFRM_CIPHERS[sa.cipher]}' 0x{sa.encryption_key}")
    if sa.extended_sequence:
        words.append("flag esn")
    return " ".join(words)


def _policies(
    sa: LoggedSa, source: str, destination: str, directions: tuple[str, ...]
) -> Iterator[str]:
    ends = f"tmpl src {source} dst {destination} proto {sa.protocol}"
    if _lacks_ports(sa.selector):
        yield f"# SPI 0x{sa.spi} is for certain ports alone, which ip xfrm cannot say here"
    for direction, traffic in itertools.product(directions, _selectors(sa.selector)):
        # ip takes an SPI right behind the protocol, and nowhere else.
        spi = f" spi 0x{sa.spi}" if direction == "out" else ""
        template = f"{ends}{spi} mode {sa.mode}"
        yield f"ip xfrm policy update {traffic} dir {direction} {template}"


def _lacks_ports(selector: LoggedSelector) -> bool:
    """True for ports of a protocol, or of any, that ip knows none of."""
    has_ports = selector.source_port or selector.destination_port
    return bool(has_ports) and selector.protocol not in _UPPER_PROTOCOLS_WITH_PORTS


def _selectors(selector: LoggedSelector) -> Iterator[str]:
    """What ip calls the traffic of an association: a range is several prefixes there."""
    words = [f"proto {selector.protocol}"] if selector.protocol else []
    if selector.protocol in _UPPER_PROTOCOLS_WITH_PORTS:
        ports = (("sport", selector.source_port), ("dport", selector.destination_port))
        words += [f"{name} {number}" for name, number in ports if number]
    for source in _prefixes(selector.source):
        for destination in _prefixes(selector.destination):
            yield " ".join([f"src {source} dst {destination}", *words])


def _prefixes(addresses: str) -> list[str]:
    first, _, last = addresses.partition("-")
    if not last:
        return [first]
    return [str(one) for one in summarize_address_range(ip_address(first), ip_address(last))]


def wireshark_table(history: SaHistory) -> Iterator[str]:
    """Lines of Wireshark's ``esp_sa``: every ESP association ever installed, each once.

    A group's key is the same at every member, so the addresses are left open. Those of IPv6 traffic
    stay outside where the policy preserves them; between two hosts of IPv4 they do not.
    """
    rows: dict[tuple[str, str], str] = {}
    for sa in history.installed:
        if sa.protocol == "esp" and _has_its_key(sa):
            for version in ("IPv4", "IPv6") if ":" in sa.selector.source else ("IPv4",):
                rows.setdefault((version, sa.spi), _row(sa, version))
    yield from rows.values()


def _has_its_key(sa: LoggedSa) -> bool:
    """False for what the reference implementation hands out for AES: a cipher without a key."""
    return sa.cipher is None or bool(sa.encryption_key)


def _row(sa: LoggedSa, version: str) -> str:
    cipher = _SHARK_CIPHERS[sa.cipher] if sa.cipher is not None else "NULL"
    integrity = _SHARK_INTEGRITIES[sa.integrity] if sa.integrity is not None else "NULL"
    fields = (
        version,
        "*",
        "*",
        f"0x{sa.spi}",
        cipher,
        f"0x{sa.encryption_key}",
        integrity,
        f"0x{sa.integrity_key}" if sa.integrity_key else "",
    )
    return ",".join(f'"{value}"' for value in fields)


def everybody_else(history: SaHistory, member: str) -> list[str]:
    """Addresses of the others in a member's groups, as far as the log knows them."""
    groups = {sa.group for sa in history.held if sa.member == member}
    others = (sa for sa in history.held if sa.group in groups and sa.member != member)
    return list(dict.fromkeys(sa.address for sa in others))


def exported(
    history: SaHistory, form: str, member: str | None, peers: list[str] | None
) -> Iterator[str]:
    """Lines of ``sa``: ``form`` is xfrm or wireshark; ValueError for a member that holds nothing.

    ``member`` None: everybody, each under a comment with its name; ``peers`` None: the others.
    """
    if form == "wireshark":
        yield from wireshark_table(history)
        return
    names = list(dict.fromkeys(sa.member for sa in history.held))
    if member is not None and member not in names:
        there = ", ".join(names) or "nobody has any"
        raise ValueError(f"member {member!r} holds no associations at its end; who does: {there}")
    for name in names if member is None else [member]:
        yield f"# {name}"
        commands = xfrm_commands(history, name, peers or everybody_else(history, name))
        # Two keys of one traffic selector have one policy.
        yield from dict.fromkeys(commands)

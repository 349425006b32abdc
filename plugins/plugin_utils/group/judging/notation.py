# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How names, addresses, prefixes and keys of a description have to be written.

The tables judge what reaches a device, and name its statements; what a person wrote is named here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address

from ...engine import values
from ..description import RULES, Description, Device, Group, Options
from ..prefixes import PORTS, network
from ..sheet import called
from .places import Found, in_group, in_host, taking_part

LONGEST_NAME = 32
_SHOWN = ("as what a device shows of a key, encoded for itself", "give the key that it stands for")
_VAULTED = (
    "as what ansible-vault writes, which nothing has decrypted",
    "tag it with '!vault', or refer to a variable of an encrypted file",
)
_NO_KEYS = {"$8$": _SHOWN, "$9$": _SHOWN, "$ANSIBLE_VAULT": _VAULTED, "!vault": _VAULTED}
"""How what is no key begins: what it is, and what to do."""
_CORRECT = "correct the variable that it refers to"
_PORTED = {6: "TCP", 17: "UDP", 132: "SCTP"}
_PREFIXES = ("source", "destination", "source_address", "destination_address")
_TRAFFIC = ("source_address", "destination_address", "application")


def notation(description: Description) -> Found:
    """What is wrong with how devices, and then groups, are written down."""
    for device in taking_part(description).values():
        yield from _of_device(device)
    for group in description.groups:
        yield from _of_group(group)


# Of devices


def _of_device(device: Device) -> Found:
    objection = values.entry(device.name, LONGEST_NAME)
    if objection is not None:
        why = f"gateways get this name, and {objection}"
        yield in_host(device, "name", device.name, why, "set a shorter 'group_vpn_name'")
    yield from _address(device)
    yield from _identity(device)
    yield from _key(device)


def _address(device: Device) -> Found:
    if device.address is None:
        return
    why = _no_address(device.address, named=not device.managed)
    if why is not None:
        remedy = "set the one where its peers reach it"
        yield in_host(device, "address", device.address, why, remedy)


_NO_IPV6 = " (a Group VPN takes IPv4 alone)"


def _no_address(text: str, *, named: bool) -> str | None:
    """Why it is not an address of one device; ``named``: it may be a host name."""
    try:
        one = IPv4Address(text)
    except AddressValueError:
        if (
            named
            and text[:1].isalnum()
            and any(map(str.isalpha, text))
            and not set(":/ ") & set(text)
        ):
            return None
        is_ipv6 = ":" in text
        return f"an IPv4 address such as 192.0.2.1 is expected{_NO_IPV6 * is_ipv6}"
    if one.is_multicast or one.is_unspecified or one == IPv4Address("255.255.255.255"):
        return "the address of a single device is expected"
    return None


def _identity(device: Device) -> Found:
    if len(device.dynamic) > 1:
        kinds = ", ".join(device.dynamic)
        yield in_host(device, "dynamic", kinds, "a peer is known by one identity", "leave one")
    for kind, value in device.dynamic.items():
        where = f"dynamic.{kind}"
        if kind == "distinguished_name":
            why = "it belongs to certificates, and members prove themselves by keys here"
            remedy = "use 'hostname', 'inet' or 'user_at_hostname'"
            yield in_host(device, where, None, why, remedy)
        elif not isinstance(value, str) or not value.strip():
            yield in_host(device, where, None, "text is expected", "name the peer's identity")
        elif (wrong := _no_identity(kind, value)) is not None:
            yield in_host(device, where, value, wrong, "correct it")


def _no_identity(kind: str, value: str) -> str | None:
    """Why it cannot be who a member says that it is."""
    if kind == "inet":
        return _no_address(value, named=False)
    if any(map(str.isspace, value)):
        return "text without blanks is expected"
    user, at, host = value.partition("@")
    if kind == "user_at_hostname" and not (user and host):
        return "a user and a host are expected, as in site-1@example.net"
    return "a host name is expected, without a user" if kind == "hostname" and at else None


def _key(device: Device) -> Found:
    objection = _no_key(device.key) if device.key else None
    if objection is not None:
        yield in_host(device, "pre_shared_key", None, *objection)


def _no_key(key: str) -> tuple[str, str] | None:
    """Why it cannot be a pre-shared key, and what to do; the key itself is not told."""
    known = next((begin for begin in _NO_KEYS if key.startswith(begin)), None)
    if not key.strip() or "{{" in key:
        return "blank, or a template that nothing was put into", _CORRECT
    if known is not None:
        what, remedy = _NO_KEYS[known]
        return f"begins with {known}, {what}", remedy
    if key != key.strip():
        return "begins or ends with a blank or a new line, which peers rarely have", _CORRECT
    return None


# Of groups


def _of_group(group: Group) -> Found:
    objection = values.identifier(group.name, LONGEST_NAME) if group.name else None
    if objection is not None:
        yield in_group(group, "name", group.name, objection, "choose another 'name'")
    for where, policy in _named("match_policies", group.match_policies):
        yield from _name(group, where, policy)
        yield from _prefixes(group, where, policy)
        yield from _ports(group, where, policy)
        yield from _ends(group, where, policy)
    yield from _twice(group, "match_policies", group.match_policies)
    for found in _of_rules(group):
        # Members get them, and servers do not.
        yield replace(found, hosts=group.members)
    yield from _method(group)


def _of_rules(group: Group) -> Found:
    for option in RULES:
        rules = group.setting(option, ())
        yield from _twice(group, option, rules)
        for where, rule in _named(option, rules):
            yield from _name(group, where, rule)
            yield from _prefixes(group, where, rule)
            if not any(map(rule.get, _TRAFFIC)):
                why = "it does not say which traffic it is for"
                remedy = "add 'source_address' or 'destination_address'"
                yield in_group(group, where, None, why, remedy)


def _named(option: str, entries: Iterable[Options]) -> Iterator[tuple[str, Options]]:
    return ((f"{option}[{called(e, number)}]", e) for number, e in enumerate(entries))


def _twice(group: Group, option: str, entries: Iterable[Options]) -> Found:
    """Entries of one name, which a device has once."""
    names = [entry.get("name") for entry in entries]
    for name in dict.fromkeys(name for name in names if name and names.count(name) > 1):
        why = "more than one entry has this name"
        yield in_group(group, f"{option}[{name}].name", name, why, "give each its own 'name'")


def _name(group: Group, where: str, entry: Options) -> Found:
    if entry.get("name") is None:
        yield in_group(group, f"{where}.name", None, "missing", "set 'name'")


def _prefixes(group: Group, where: str, entry: Options) -> Found:
    for option in _PREFIXES:
        text = entry.get(option)
        if text is None:
            continue
        here = network(text)
        if here is None or "/" not in str(text):
            why, remedy = (
                "an IPv4 prefix with its length is expected",
                "write it as in 192.0.2.0/24",
            )
        elif str(here) != text:
            why = "bits of a host are set in it, or it is not as Junos writes it"
            remedy = f"write {here}, or the prefix that is meant"
        else:
            continue
        yield in_group(group, f"{where}.{option}", text, why, remedy)


def _ports(group: Group, where: str, policy: Options) -> Found:
    protocol = policy.get("protocol") or 0
    for option in PORTS:
        if policy.get(option) and protocol not in _PORTED:
            said = f"protocol {protocol} has no ports" if protocol else "it is for every protocol"
            names = ", ".join(f"{number} ({name})" for number, name in _PORTED.items())
            remedy = f"set 'protocol' to one of {names}"
            yield in_group(group, f"{where}.{option}", policy[option], said, remedy)


def _ends(group: Group, where: str, policy: Options) -> Found:
    for option in ("source", "destination"):
        if policy.get(option) is None:
            remedy = f"set '{option}'; 0.0.0.0/0 is everybody"
            yield in_group(group, f"{where}.{option}", None, "missing", remedy)


def _method(group: Group) -> Found:
    method = group.ike_proposal.get("authentication_method", "pre-shared-keys")
    if method != "pre-shared-keys":
        why = "both sides prove themselves by pre-shared keys here"
        yield in_group(group, "ike_proposal.authentication_method", method, why, "leave it out")

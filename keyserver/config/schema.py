# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The emulated Junos schema: which statements exist, what values they take, in which order.

A schema is a tree of :class:`Statement`. :mod:`keyserver.config.junos_schema` holds the tables
for both Group VPN generations; everything else (loading, showing, comparing, checking) walks
these trees and names no statement itself.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from .secret import is_obscured, obscure, reveal


class InvalidValue(ValueError):
    """A value that Junos would refuse; the text is Junos' own message."""


ValueCheck = Callable[[str], str]
"""Takes the value as loaded, returns it as Junos would show it, or raises InvalidValue."""


def integer(low: int, high: int) -> ValueCheck:
    """A ranged unsigned number."""

    def check(text: str) -> str:
        if not re.fullmatch(r"-?[0-9]+", text):
            raise InvalidValue(f"Invalid numeric value: '{text}'")
        number = int(text) if len(text) < 24 else high + 1
        if not low <= number <= high:
            raise InvalidValue(f"Value {text} is not within range ({low}..{high})")
        return str(number)

    return check


def enumeration(*allowed: str) -> ValueCheck:
    """One of a closed set of words; Junos answers anything else with 'syntax error'."""

    def check(text: str) -> str:
        if text not in allowed:
            raise InvalidValue("syntax error")
        return text

    return check


def string(longest: int, pattern: str | None = None, message: str | None = None) -> ValueCheck:
    """A string of 1 to ``longest`` characters, optionally of a pattern with its own message."""

    def check(text: str) -> str:
        if not 1 <= len(text) <= longest:
            raise InvalidValue(f"Must be string of {longest} characters or less")
        if pattern is not None and not re.fullmatch(pattern, text):
            raise InvalidValue(message or "syntax error")
        return text

    return check


def ipv4_address(text: str) -> str:
    """A plain IPv4 address."""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise InvalidValue(f"invalid ip address or hostname: {text}") from None


def ip_prefix(text: str) -> str:
    """An IPv4 or IPv6 prefix; the length is mandatory, host bits are allowed as in Junos."""
    try:
        if "/" not in text:
            raise ValueError(text)
        return str(ipaddress.ip_interface(text))
    except ValueError:
        raise InvalidValue(f"invalid prefix: '{text}'") from None


def ipv4_prefix(text: str) -> str:
    """An IPv4 prefix with a mandatory length."""
    shown = ip_prefix(text)
    if ":" in shown:
        raise InvalidValue(f"invalid prefix: '{text}'")
    return shown


def ipv4_multicast(text: str) -> str:
    """An IPv4 multicast group."""
    if not ipaddress.IPv4Address(ipv4_address(text)).is_multicast:
        raise InvalidValue(f"invalid multicast address: '{text}'")
    return text


def secret(longest: int, pattern: str | None = None, message: str | None = None) -> ValueCheck:
    """A reversible secret: kept and shown in Junos' ``$9$`` form, checked in the clear."""
    clear = string(longest, pattern, message)

    def check(text: str) -> str:
        if is_obscured(text):
            try:
                clear(reveal(text))
            except ValueError as error:
                raise InvalidValue(str(error)) from None
            return text
        return obscure(clear(text))

    return check


class Kind(Enum):
    """How a statement holds its value."""

    CONTAINER = "container"
    LIST = "list"
    LEAF = "leaf"
    LEAF_LIST = "leaf-list"
    EMPTY = "empty"


@dataclass(frozen=True)
class Statement:
    """One configuration statement.

    ``children`` is in schema order (the order in which Junos shows statements). A LIST's key is
    the child element ``key``; ``check`` of a LIST checks the key. ``positional`` names the one
    child leaf that is written without its keyword (Junos ``nokeyword``). ``oneliner`` containers
    are shown on one line. ``choice`` children exclude each other: setting one removes the rest.
    ``user_ordered`` lists keep the order in which their entries were put.
    """

    name: str
    kind: Kind
    children: Mapping[str, Statement] = field(default_factory=dict)
    check: ValueCheck | None = None
    key: str = "name"
    limit: int | None = None
    positional: str | None = None
    oneliner: bool = False
    presence: bool = False
    secret: bool = False
    choice: frozenset[str] = frozenset()
    user_ordered: bool = True


def _by_name(children: tuple[Statement, ...]) -> dict[str, Statement]:
    return {child.name: child for child in children}


def container(
    name: str,
    *children: Statement,
    positional: str | None = None,
    oneliner: bool = False,
    presence: bool = False,
    choice: tuple[str, ...] = (),
) -> Statement:
    """A container statement."""
    return Statement(
        name,
        Kind.CONTAINER,
        _by_name(children),
        positional=positional,
        oneliner=oneliner,
        presence=presence,
        choice=frozenset(choice),
    )


def listing(
    name: str,
    key_check: ValueCheck,
    *children: Statement,
    limit: int | None = None,
    oneliner: bool = False,
    choice: tuple[str, ...] = (),
    user_ordered: bool = True,
) -> Statement:
    """A list statement, keyed by its ``name`` element."""
    return Statement(
        name,
        Kind.LIST,
        _by_name(children),
        check=key_check,
        limit=limit,
        oneliner=oneliner,
        choice=frozenset(choice),
        user_ordered=user_ordered,
    )


def leaf(name: str, check: ValueCheck, *, hidden: bool = False) -> Statement:
    """A leaf with one value; ``hidden`` marks secret data."""
    return Statement(name, Kind.LEAF, check=check, secret=hidden)


def leaf_list(name: str, check: ValueCheck, limit: int | None = None) -> Statement:
    """A leaf with any number of values, in the user's order."""
    return Statement(name, Kind.LEAF_LIST, check=check, limit=limit)


def flag(name: str) -> Statement:
    """A statement that is present or absent."""
    return Statement(name, Kind.EMPTY)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The statements of ``server-member-communication``: one table, both Group VPN generations.

Argument checks, rendering, parsing, set lines, differences and documentation derive from
``STATEMENTS``; no other module names a statement in a branch.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum


class Generation(StrEnum):
    """Group VPN generation. v1: Junos 10.2 to 12.3X48; v2: 15.1X49 and later."""

    V1 = "v1"
    V2 = "v2"

    def __str__(self) -> str:
        return self.value


class ValueKind(Enum):
    """What a statement takes."""

    ENUMERATION = "enumeration"
    INTEGER = "integer"
    MULTICAST_ADDRESS = "IPv4 multicast address"
    INTERFACE = "logical interface name"
    NAME = "name"


Value = str | int
Block = dict[str, Value]
"""Settings of one group: option name to value, absent options left out."""


@dataclass(frozen=True)
class Statement:
    """One leaf of ``server-member-communication``.

    ``values`` (enumerations) and ``ranges`` (integers) say per generation what is legal; a
    generation that is missing there does not know the statement. ``rank`` orders the statements
    as that generation shows them. ``unit`` is that of integers, ``default`` what the device uses
    when the statement is absent.
    """

    name: str
    kind: ValueKind
    summary: str
    rank: Mapping[Generation, int]
    values: Mapping[Generation, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[Generation, tuple[int, int]] = field(default_factory=dict)
    default: Value | None = None
    unit: str | None = None
    longest: int = 32

    @property
    def option(self) -> str:
        """The Ansible option's name."""
        return self.name.replace("-", "_")

    def known_to(self, generation: Generation) -> bool:
        """True when that generation has the statement."""
        return generation in self.rank

    def all_values(self) -> tuple[str, ...]:
        """Every word that any generation takes, for enumerations."""
        return tuple(dict.fromkeys(word for words in self.values.values() for word in words))

    def objection(self, value: Value, generation: Generation | None) -> str | None:
        """Why the value is not legal, or None; generation None asks for any generation."""
        candidates = (generation,) if generation else tuple(Generation)
        known = [g for g in candidates if self.known_to(g)]
        if not known:
            return f"Group VPN{generation} does not have this statement"
        objections = [self._objection(value, g) for g in known]
        if None in objections:
            return None
        return "; ".join(dict.fromkeys(o for o in objections if o is not None))

    def _objection(self, value: Value, generation: Generation) -> str | None:
        if self.kind is ValueKind.ENUMERATION:
            words = self.values[generation]
            listed = ", ".join(words)
            return None if value in words else f"Group VPN{generation} takes {listed}"
        if self.kind is ValueKind.INTEGER:
            low, high = self.ranges[generation]
            unit = f" {self.unit}" if self.unit else ""
            if isinstance(value, int) and low <= value <= high:
                return None
            return f"Group VPN{generation} takes {low} to {high}{unit}"
        return _FORMS[self.kind](str(value), self.longest)


def _multicast_address(text: str, longest: int) -> str | None:
    try:
        if ipaddress.IPv4Address(text).is_multicast:
            return None
    except ValueError:
        pass
    return "an IPv4 multicast address (224.0.0.0 to 239.255.255.255) is expected"


_INTERFACE = re.compile(r"[A-Za-z][A-Za-z0-9-]*[0-9/:]*(\.[0-9]+)?")


def _interface(text: str, longest: int) -> str | None:
    if len(text) <= longest and _INTERFACE.fullmatch(text):
        return None
    return "an interface name such as ge-0/0/1.0 is expected"


def _name(text: str, longest: int) -> str | None:
    if 1 <= len(text) <= longest and text.isprintable():
        return None
    return f"a name of 1 to {longest} printable characters is expected"


_FORMS = {
    ValueKind.MULTICAST_ADDRESS: _multicast_address,
    ValueKind.INTERFACE: _interface,
    ValueKind.NAME: _name,
}

_V1, _V2 = Generation.V1, Generation.V2
_AES = ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc")

# Ranks: v2 as in Juniper's YANG, v1 as a 12.1X47 device has them.
STATEMENTS: tuple[Statement, ...] = (
    Statement(
        "communication-type",
        ValueKind.ENUMERATION,
        "Whether rekey messages go to each member (unicast) or to a multicast group.",
        {_V1: 0, _V2: 0},
        values={_V1: ("unicast", "multicast"), _V2: ("unicast",)},
        default="unicast",
    ),
    Statement(
        "lifetime-seconds",
        ValueKind.INTEGER,
        "Lifetime of the key encryption key (KEK).",
        {_V1: 3, _V2: 1},
        ranges={_V1: (180, 86400), _V2: (300, 86400)},
        default=3600,
        unit="seconds",
    ),
    Statement(
        "retransmission-period",
        ValueKind.INTEGER,
        "Time between a unicast rekey message and its retransmission.",
        {_V1: 4, _V2: 2},
        ranges={_V1: (2, 60), _V2: (2, 60)},
        default=10,
        unit="seconds",
    ),
    Statement(
        "number-of-retransmission",
        ValueKind.INTEGER,
        "How often an unacknowledged unicast rekey message is sent again.",
        {_V1: 5, _V2: 3},
        ranges={_V1: (0, 60), _V2: (0, 60)},
        default=2,
    ),
    Statement(
        "heartbeat",
        ValueKind.INTEGER,
        "Interval of heartbeat messages; deprecated in Group VPNv2.",
        {_V1: 6, _V2: 4},
        ranges={_V1: (60, 3600), _V2: (60, 3600)},
        default=300,
        unit="seconds",
    ),
    Statement(
        "encryption-algorithm",
        ValueKind.ENUMERATION,
        "Encryption of rekey messages; the device has no default.",
        {_V1: 7, _V2: 5},
        values={_V1: ("3des-cbc", *_AES, "des-cbc"), _V2: _AES},
    ),
    Statement(
        "sig-hash-algorithm",
        ValueKind.ENUMERATION,
        "Hash of the rekey signature; the device has no default.",
        {_V1: 8, _V2: 6},
        values={_V1: ("md5", "sha1"), _V2: ("sha-256", "sha-384")},
    ),
    Statement(
        "certificate",
        ValueKind.NAME,
        "Local certificate (RSA) whose key signs rekey messages.",
        {_V1: 9, _V2: 7},
    ),
    Statement(
        "multicast-group",
        ValueKind.MULTICAST_ADDRESS,
        "Multicast group that rekey messages are sent to; Group VPNv1 only.",
        {_V1: 1},
    ),
    Statement(
        "multicast-outgoing-interface",
        ValueKind.INTERFACE,
        "Interface that multicast rekey messages leave by; Group VPNv1 only.",
        {_V1: 2},
        longest=63,
    ),
)

BY_NAME: dict[str, Statement] = {statement.name: statement for statement in STATEMENTS}
BY_OPTION: dict[str, Statement] = {statement.option: statement for statement in STATEMENTS}

REQUIRED_AFTER_CHANGE = ("encryption_algorithm", "sig_hash_algorithm")
"""Options without a default that a configured block must have."""
MULTICAST_ONLY = ("multicast_group", "multicast_outgoing_interface")
LONGEST_GROUP_NAME = 32
BLOCK = "server-member-communication"
HIERARCHY = ("security", "group-vpn", "server", "group")
DEFAULT_ACTIVATION_DELAY = 15


def ordered(options: Mapping[str, Value], generation: Generation) -> list[tuple[Statement, Value]]:
    """(statement, value) pairs in the order in which that generation shows them."""
    pairs = [(BY_OPTION[option], value) for option, value in options.items()]
    return sorted(pairs, key=lambda pair: pair[0].rank.get(generation, len(STATEMENTS)))


def likely_generation(blocks: list[Block]) -> Generation:
    """The generation that settings fit when no device says it: v2 unless only v1 takes them."""
    for block in blocks:
        for option, value in block.items():
            if BY_OPTION[option].objection(value, Generation.V2) is not None:
                return Generation.V1
    return Generation.V2

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What values statements take: checks that give a value back as Junos shows it, or refuse it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from .secret import is_obscured, obscure


class InvalidValue(ValueError):
    """A value that Junos would refuse; the text is Junos' own message."""


ValueCheck = Callable[[str], str]
"""Takes the value as loaded, returns it as Junos would show it, or raises InvalidValue."""

_INTEGER = re.compile("-?[0-9]+")
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 cannot carry, and other control characters: a configuration that holds one could
not be read back in every format."""


def is_showable(text: str) -> bool:
    """Whether every format can show it."""
    return _UNSHOWABLE.search(text) is None


def showable(text: str) -> str:
    """``text``, when it can be shown in every format. Raises InvalidValue."""
    found = _UNSHOWABLE.search(text)
    if found is not None:
        raise InvalidValue(f"invalid character 0x{ord(found[0]):02x}")
    return text


def integer(low: int, high: int) -> ValueCheck:
    """A ranged number."""
    return integers((low, high))


class _Integers:
    """A number in one of several ranges."""

    def __init__(self, *spans: tuple[int, int]) -> None:
        self._spans = spans

    def __call__(self, text: str) -> str:
        if not _INTEGER.fullmatch(text):
            raise InvalidValue(f"Invalid numeric value: '{text}'")
        number = int(text) if len(text) < 24 else self._spans[-1][1] + 1
        if not any(low <= number <= high for low, high in self._spans):
            shown = ", ".join(f"{low}..{high}" for low, high in self._spans)
            raise InvalidValue(f"Value {text[:24]} is not within range ({shown})")
        return str(number)


def integers(*spans: tuple[int, int]) -> ValueCheck:
    """A number in one of several ranges."""
    return _Integers(*spans)


def in_json(check: ValueCheck | None, text: str) -> str | int:
    """A value as JSON has it: a number where the statement takes one (``"unit": 0``)."""
    checks = check.checks if isinstance(check, _Either) else (check,)
    numeric = any(isinstance(one, _Integers) for one in checks) and _INTEGER.fullmatch(text)
    return int(text) if numeric else text


def decimal(digits: int, span: str) -> ValueCheck:
    """A number with up to ``digits`` decimals, in a range such as ``0 .. 100``."""
    low, high = (Decimal(end) for end in span.split("..")) if span else (None, None)

    def check(text: str) -> str:
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise InvalidValue(f"Invalid numeric value: '{text}'") from None
        if not re.fullmatch(rf"-?[0-9]+(\.[0-9]{{1,{digits}}})?", text):
            raise InvalidValue(f"Invalid numeric value: '{text}'")
        if low is not None and high is not None and not low <= number <= high:
            raise InvalidValue(f"Value {text} is not within range ({low}..{high})")
        return text

    return check


def enumeration(*allowed: str) -> ValueCheck:
    """One of a closed set of words; Junos answers anything else with 'syntax error'."""
    words = frozenset(allowed)

    def check(text: str) -> str:
        if text not in words:
            raise InvalidValue("syntax error")
        return text

    return check


def spelled_enumeration(words: Sequence[tuple[str, str]]) -> ValueCheck:
    """Words that the CLI spells otherwise than XML: (in XML, in the CLI); kept as in the CLI."""
    spelled = {**dict(words), **{cli: cli for _, cli in words}}

    def check(text: str) -> str:
        if text not in spelled:
            raise InvalidValue("syntax error")
        return spelled[text]

    return check


class _Either:
    """What one of several checks takes; what all refuse is refused in the last one's words."""

    def __init__(self, *checks: ValueCheck) -> None:
        self.checks = checks

    def __call__(self, text: str) -> str:
        for accept in self.checks[:-1]:
            try:
                return accept(text)
            except InvalidValue:
                continue
        return self.checks[-1](text)


def either(*checks: ValueCheck) -> ValueCheck:
    """What one of several checks takes; what all refuse is refused in the last one's words."""
    return _Either(*checks)


def text_of(low: int = 0, high: int = 0) -> ValueCheck:
    """A string, with lengths where both are given."""

    def check(text: str) -> str:
        if high and not low <= len(text) <= high:
            raise InvalidValue(f"Must be string of {high} characters or less")
        return showable(text)

    return check


def string(longest: int, pattern: str | None = None, message: str | None = None) -> ValueCheck:
    """A string of 1 to ``longest`` characters, optionally of a pattern with its own message."""
    if pattern is None:
        return text_of(1, longest)
    return matching(pattern, message or "", 1, longest)


_CLASSES = {
    "[:alnum:]": "A-Za-z0-9",
    "[:alpha:]": "A-Za-z",
    "[:digit:]": "0-9",
    "[:xdigit:]": "0-9A-Fa-f",
    "[:space:]": r"\s",
    "[:upper:]": "A-Z",
    "[:lower:]": "a-z",
    "[:print:]": " -~",
    "[:graph:]": "!-~",
    "[:blank:]": r" \t",
    "[:cntrl:]": r"\x00-\x1f\x7f",
    "[:punct:]": re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
}


def posix(pattern: str) -> re.Pattern[str]:
    """A POSIX extended expression, as Juniper's YANG has them, for Python."""
    for name, characters in _CLASSES.items():
        pattern = pattern.replace(name, characters)
    # In POSIX a bracket may hold "[" without a sign before it.
    pattern = re.sub(r"\[(\^?\]?[^\]]*)\]", lambda m: "[" + m[1].replace("[", r"\[") + "]", pattern)
    return re.compile(pattern)


def matching(pattern: str, message: str, low: int = 0, high: int = 0) -> ValueCheck:
    """A string of a POSIX pattern; ``!`` in front: of anything else."""
    length = text_of(low, high)
    refused = pattern.startswith("!")
    compiled = posix(pattern.removeprefix("!"))

    def check(text: str) -> str:
        if (compiled.search(text) is not None) is refused:
            raise InvalidValue(message or "syntax error")
        return length(text)

    return check


def ipv4_address(text: str) -> str:
    """A plain IPv4 address."""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise InvalidValue(f"invalid ip address or hostname: {text}") from None


def ipv6_address(text: str) -> str:
    """A plain IPv6 address."""
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        raise InvalidValue(f"invalid ip address or hostname: {text}") from None


def ip_address(text: str) -> str:
    """An IPv4 or IPv6 address."""
    return ipv6_address(text) if ":" in text else ipv4_address(text)


def ip_prefix(text: str) -> str:
    """An IPv4 or IPv6 prefix; the length is mandatory, host bits are allowed as in Junos."""
    if "/" not in text:
        raise InvalidValue(f"invalid prefix: '{text}'")
    return ip_prefix_or_host(text)


def ip_prefix_or_host(text: str) -> str:
    """A prefix, or an address that stands for itself alone."""
    address, slash, length = text.partition("/")
    try:
        if not slash:
            return str(ipaddress.ip_interface(address))
        if "." in address and address.count(".") < 3:
            # Junos fills 10/8 up.
            address += ".0" * (3 - address.count("."))
        elif address.isdigit() and int(address) < 256:
            address += ".0.0.0"
        if not length.isascii() or not length.isdigit():
            raise ValueError(text)
        return str(ipaddress.ip_interface(f"{address}/{length}"))
    except ValueError:
        raise InvalidValue(f"invalid prefix: '{text}'") from None


def _masked(text: str) -> bool:
    """True for an address with a mask, which may have gaps: ``192.0.2.1/255.0.255.0``."""
    address, _, mask = text.partition("/")
    return "." in mask and bool(ipv4_address(mask) and ipv4_address(address))


def prefix_or_host(version: int) -> ValueCheck:
    """A prefix of one version of IP, or an address, which stands for itself alone."""

    def check(text: str) -> str:
        if text.startswith("$") or (version == 4 and _masked(text)):
            # A variable of a dynamic profile; or a mask of filters, which no length says.
            return text
        shown = ip_prefix_or_host(text)
        if (":" in shown) is not (version == 6):
            raise InvalidValue(f"invalid prefix: '{text}'")
        return shown

    return check


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


def area_id(text: str) -> str:
    """An OSPF area: an address or a number; shown as an address."""
    if text.isascii() and text.isdigit() and len(text) < 11 and int(text) < 2**32:
        return str(ipaddress.IPv4Address(int(text)))
    return ipv4_address(text)


INTERFACE = matching('^[^[:space:]"{};]{1,255}$', "invalid interface name")


def secret(clear: ValueCheck) -> ValueCheck:
    """A reversible secret: kept and shown in Junos' ``$9$`` form, checked in the clear.

    What claims to be in that form is kept as it is: published configurations have their keys
    blotted out, and what such words would hide is chance. What the key plane needs is checked at
    commit.
    """

    def check(text: str) -> str:
        if is_obscured(text):
            return showable(text)
        if not text.isascii():
            raise InvalidValue("Must be a string of ASCII characters")
        return obscure(clear(text))

    return check


_ANY = text_of()
_MAC = matching("^([[:xdigit:]]{1,2}[:.-]){1,7}[[:xdigit:]]{1,4}(/[0-9]+)?$", "invalid mac address")

LOGICAL = re.compile(r"(?P<device>[a-z][\w/:-]*)\.(?P<unit>\d+)")
"""``ge-0/0/0.0``: the CLI takes it for a device and its unit."""


def physical(text: str) -> str:
    """The name of an interface, which is none of a unit."""
    if LOGICAL.fullmatch(text):
        raise InvalidValue(f"invalid interface name '{text}': its unit is a statement of its own")
    return _DEVICE(text)


_DEVICE = text_of()

_WITHOUT_UNIT = re.compile(r"[a-z]+(-\d+/\d+/\d+(:\d+)?|\d+)")


def logical(text: str) -> str:
    """The name of a logical interface: of an interface without a unit it is unit 0."""
    name = INTERFACE(text)
    return f"{name}.0" if _WITHOUT_UNIT.fullmatch(name) else name


NAMED: dict[str, ValueCheck] = {
    "ipv4addr": ipv4_address,
    "ipv6addr": ipv6_address,
    "ipprefix-mandatory": ip_prefix,
    "ipv4prefix-mandatory": ipv4_prefix,
    "ipprefix-only": ip_prefix_or_host,
    "ipprefix": ip_prefix_or_host,
    "ipv4prefix": prefix_or_host(4),
    "ipv4prefix-only": prefix_or_host(4),
    "ipv6prefix": prefix_or_host(6),
    "ipv6prefix-mandatory": prefix_or_host(6),
    "ipv6prefix-only": prefix_or_host(6),
    "areaid": area_id,
    "interface-name": INTERFACE,
    "interface-unit": INTERFACE,
    "interface-logical": logical,
    "interface-device": INTERFACE,
    "mac-unicast": _MAC,
    "mac-addr": _MAC,
    "mac-multicast": _MAC,
}
"""Juniper's own types, where more is known of them than that they are strings."""


@lru_cache(maxsize=4096)
def wildcard(text: str) -> bool:
    """True for what stands for other names in a configuration group."""
    return text.startswith(("<", "$")) and not is_obscured(text)

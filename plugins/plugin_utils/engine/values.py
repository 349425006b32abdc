# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Group VPN generations, and what a value of a statement may be."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from enum import StrEnum


class Generation(StrEnum):
    """Group VPN generation. v1: Junos 10.2 to 12.3X48; v2: 15.1X49 and later."""

    V1 = "v1"
    V2 = "v2"

    def __str__(self) -> str:
        return self.value


Form = Callable[[str, int], str | None]
"""Why a text of at most so many characters is not legal, or None."""


def name(text: str, longest: int) -> str | None:
    """Names and free text; devices take blanks alone for nothing."""
    if text.strip() and len(text) <= longest and text.isprintable():
        return None
    return f"a name of 1 to {longest} printable characters is expected"


_EVERYWHERE = frozenset({"apply-groups", "apply-groups-except", "apply-macro", "apply-flags"})
"""Statements that stand at any level: an entry of that name could not be told from them."""


def entry(text: str, longest: int) -> str | None:
    """Names of a list's entries."""
    if text in _EVERYWHERE:
        return "another name is expected, since a statement of any level is called so"
    if text.startswith("<") and text.endswith(">"):
        return "a name is expected, and '<' and '>' around it make a wildcard of it"
    return name(text, longest)


_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def identifier(text: str, longest: int) -> str | None:
    """Names that Junos restricts."""
    if text in _EVERYWHERE:
        return entry(text, longest)
    if len(text) <= longest and _IDENTIFIER.fullmatch(text):
        return None
    return (
        f"1 to {longest} letters, digits, '-' and '_', beginning with a letter or digit, "
        "are expected"
    )


def ipv4_address(text: str, longest: int) -> str | None:
    """An IPv4 address."""
    return None if _is(ipaddress.IPv4Address, text) else "an IPv4 address is expected"


def ip_address(text: str, longest: int) -> str | None:
    """An IPv4 or IPv6 address."""
    return None if _is(ipaddress.ip_address, text) else "an IP address is expected"


_LENGTH = re.compile("3[0-2]|[12]?[0-9]")


def ipv4_prefix(text: str, longest: int) -> str | None:
    """An IPv4 prefix with its length."""
    if _LENGTH.fullmatch(text.partition("/")[2]) and _is(ipaddress.IPv4Interface, text):
        return None
    return "an IPv4 prefix with its length, such as 192.0.2.0/24, is expected"


def multicast_address(text: str, longest: int) -> str | None:
    """An IPv4 multicast address."""
    if _is(ipaddress.IPv4Address, text) and ipaddress.IPv4Address(text).is_multicast:
        return None
    return "an IPv4 multicast address (224.0.0.0 to 239.255.255.255) is expected"


def _is(kind: Callable[[str], object], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


_IN_A_SLOT = (
    "at|br|cau4|ce1|ci|cl|coc1|coc3|coc12|coc48|cp|cstm1|cstm4|cstm16|ct1|ct3|dl|ds|e1|e3|es|et"
    "|fe|ge|gr|ip|ls|lsq|lt|mg|ml|mo|ms|mt|oc3|pd|pe|pt|rms|se|si|so|sp|stm1|stm4|stm16|t1|t3|vc4"
    "|vms|vt|wl|wx|xe|xle"
)
"""Types of interfaces that are called after a slot, as ge-0/0/1 is."""
_NUMBERED = "ae|as|bme|demux|dl|em|fab|fti|fxp|lo|me|pp|ps|reth|rlsq|rsp|st|swfab|umd|vme|wlan"
"""Types that have a number of their own, as reth0."""
_ALONE = "demux|dsc|gre|ipip|irb|jsrv|lsi|mtun|pimd|pime|tap|vlan|vme|vtep"
_INTERFACE = re.compile(
    rf"(({_IN_A_SLOT})-[0-9]{{1,4}}/[0-9]{{1,4}}/[0-9]{{1,4}}(:[0-9]{{1,4}}){{0,2}}"
    rf"|({_NUMBERED})[0-9]{{1,4}}|{_ALONE})(\.(?P<unit>[0-9]{{1,10}}))?"
)
_LARGEST_UNIT = 1073741823


def interface(text: str, longest: int) -> str | None:
    """A logical interface, of a type that Junos knows."""
    found = _INTERFACE.fullmatch(text) if len(text) <= longest else None
    if found is not None and int(found["unit"] or 0) <= _LARGEST_UNIT:
        return None
    return "an interface name such as ge-0/0/1.0 is expected"


def hexadecimal(text: str, longest: int) -> str | None:
    """Hexadecimal digits."""
    if 1 <= len(text) <= longest and re.fullmatch("[0-9A-Fa-f]+", text):
        return None
    return f"1 to {longest} hexadecimal digits are expected"


def key_text(text: str, longest: int) -> str | None:
    """A key that a device can store: printable ASCII."""
    if 1 <= len(text) <= longest and text.isascii() and text.isprintable():
        return None
    return f"1 to {longest} printable ASCII characters are expected"


def file_name(text: str, longest: int) -> str | None:
    """A file's name without a directory."""
    if 1 <= len(text) <= longest and text.isprintable() and not set("/ %") & set(text):
        return None
    return f"a file name of 1 to {longest} characters without '/', '%' or blanks is expected"

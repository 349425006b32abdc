# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""House rules about whatever a file says, in code, data and prose alike."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

Fault = tuple[int, str]
Rule = Callable[[str], Iterator[Fault]]

# A home or a working directory of whoever writes; /root and /home/netops are those of a device.
_HOMES = re.compile(r"(?<![\w.~$}-])(?:/work\w*|/Users/\w+|/home/(?!netops\b)\w+|/builds)/[\w.-]+")
_V4 = re.compile(r"(?<![\w.§-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
_V6 = re.compile(r"(?<![\w:.])[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){2,7}(?![\w:.])")
# What a section of an RFC is called by: "RFC 6407 §5.6.1.2", "sections 5.4.1.2 and 5.5.1.1".
_SECTION = re.compile(r"(?:§|RFC|[Ss]ections?)[^\n]{0,40}$")
# RFC 4291 §2.4: the first three bits of global unicast as it is given out; the rest is nobody's.
_GIVEN_OUT = 0b001


def homes(text: str) -> Iterator[Fault]:
    """Paths that one machine has, and no other."""
    for match in _HOMES.finditer(text):
        yield _line(text, match), f"{match[0]} is a path of one machine"


def strangers(text: str) -> Iterator[Fault]:
    """Addresses that may be somebody's: neither for documentation (RFC 5737, 3849) nor private."""
    for pattern in (_V4, _V6):
        for match in pattern.finditer(text):
            if _is_somebodys(match[0]) and not _SECTION.search(text, 0, match.start()):
                yield _line(text, match), f"{match[0]} may be somebody's address"


def _is_somebodys(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.version == 6 and address.packed[0] >> 5 != _GIVEN_OUT:
        return False
    return address.is_global and not address.is_multicast


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1

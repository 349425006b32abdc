# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values of a lab file: each reader gives what the specs hold, or says what is expected."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def text(value: Any) -> str:
    """A name or a key. Numbers come as they are written, words such as yes as a flag."""
    if isinstance(value, bool):
        raise TypeError("text is expected, and a word that YAML takes for true or false in quotes")
    if not isinstance(value, str) or not value:
        raise TypeError("text is expected")
    return value


def line(value: Any) -> str:
    """A name, as it stands in what the commands print: a line for each."""
    given = text(value)
    if not given.isprintable():
        raise ValueError("printable characters in one line are expected")
    return given


def path(base: Path, value: Any) -> Path:
    """A path, relative to ``base``. A shell's ``~`` would become a directory of that name."""
    given = text(value)
    if given.startswith("~"):
        raise ValueError("no '~' is expected; write the home directory out")
    return base / given


def one_of(known: Iterable[str], value: Any) -> str:
    """One of these words."""
    if value not in tuple(known):
        raise ValueError(f"one of {', '.join(known)} is expected")
    return str(value)


def texts(value: Any) -> list[str]:
    """One or more of them."""
    if not isinstance(value, list):
        raise TypeError("a list is expected, as in [one, two]")
    return [text(one) for one in value]


def address(value: Any) -> str:
    """An IP address as it is usually written, to listen at: all zeros are every one of the host."""
    return _address(ipaddress.ip_address, value, "an IPv4 or IPv6 address is expected")


def gdoi_address(value: Any) -> str:
    """An address to speak GDOI from: Group VPN's own statements for them take no others."""
    return _address(
        ipaddress.IPv4Address, value, "an IPv4 address is expected; Group VPN knows no others"
    )


def peer_address(value: Any) -> str:
    """An address that another is to speak GDOI to: one of a single host, and no wildcard."""
    given = gdoi_address(value)
    if ipaddress.ip_address(given).is_unspecified:
        raise ValueError(_SINGLE)
    return given


_SINGLE = "the address of a single host is expected"
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


def _address(kind: Callable[[str], _Address], value: Any, expected: str) -> str:
    try:
        given = kind(text(value))
    except (TypeError, ValueError):
        raise ValueError(expected) from None
    if given.is_multicast or given == _BROADCAST:
        raise ValueError(_SINGLE)
    return str(given)


def _whole(value: Any, least: int, most: int, what: str) -> int:
    try:
        number = int(text(value))
    except (TypeError, ValueError):
        raise ValueError(f"{what} is a whole number") from None
    if not least <= number <= most:
        raise ValueError(f"{what} is {least} to {most}")
    return number


def _real(value: Any, most: float, what: str) -> float:
    try:
        number = float(text(value))
    except (TypeError, ValueError):
        raise ValueError(f"{what} is a number") from None
    if not 0 <= number <= most:
        raise ValueError(f"{what} is 0 to {most:g}")
    return number


def port(value: Any) -> int:
    """A port that may be bound."""
    return _whole(value, 1, 65535, "a port")


def group(value: Any) -> int:
    """The number of a group, in the four octets of an IKE identity."""
    return _whole(value, 1, 2**32 - 1, "a group's number")


def port_or_none(value: Any) -> int | None:
    """``false`` switches it off."""
    return None if value is False else port(value)


def speed(value: Any) -> float:
    """How fast a clock goes; one that stands still keeps everything waiting."""
    number = _real(value, 100_000, "a speed")
    if number == 0:
        raise ValueError("a speed is above 0")
    return number


def flag(value: Any) -> bool:
    """``true`` or ``false``, and no word that YAML takes for one."""
    if not isinstance(value, bool):
        raise TypeError("true or false is expected")
    return value


def dois(value: Any) -> tuple[int, ...]:
    """Domains of interpretation: GDOI's, or ISAKMP's besides."""
    numbers = tuple(value) if isinstance(value, list) else ()
    if not numbers or set(numbers) - {"1", "2"}:
        raise ValueError("[2] or [1, 2] is expected")
    return tuple(map(int, numbers))


def names(value: Any) -> dict[str, str]:
    """Junos' interfaces and those of the host that stand for them."""
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise TypeError("Junos' interfaces and the host's are expected, as in {ge-0/0/1.0: eth1}")
    return {str(name): host for name, host in value.items()}


def share(value: Any) -> float:
    """Part of all."""
    return _real(value, 1, "a share")


def seconds(value: Any) -> float:
    """At most a day."""
    return _real(value, 86400, "a time in seconds")


def threshold(value: Any) -> int:
    """Heartbeats that may be missed; 0 is off."""
    return _whole(value, 0, 10, "a threshold")


def phase1_seconds(value: Any) -> int:
    """What Junos takes for the life of a phase 1 SA."""
    return _whole(value, 180, 86400, "a lifetime in seconds")

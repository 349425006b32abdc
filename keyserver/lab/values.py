# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values of a lab file: each reader gives what the specs hold, or says what is expected."""

from __future__ import annotations

import ipaddress
from typing import Any


def address(value: Any) -> str:
    """An IP address as it is usually written."""
    return str(ipaddress.ip_address(str(value)))


def port(value: Any) -> int:
    """A port that may be bound."""
    number = int(value)
    if not 1 <= number <= 65535:
        raise ValueError("a port is 1 to 65535")
    return number


def port_or_none(value: Any) -> int | None:
    """``false`` switches it off."""
    return None if value is False else port(value)


def positive(value: Any) -> float:
    """How fast a clock goes."""
    number = float(value)
    if not 0 < number <= 100_000:
        raise ValueError("a speed is above 0 and at most 100000")
    return number


def flag(value: Any) -> bool:
    """``true`` or ``false``, and no word that YAML takes for one."""
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value


def dois(value: Any) -> tuple[int, ...]:
    """Domains of interpretation: GDOI's, or ISAKMP's besides."""
    numbers = tuple(int(n) for n in value)
    if not numbers or set(numbers) - {1, 2}:
        raise ValueError("[2] or [1, 2]")
    return numbers


def names(value: Any) -> dict[str, str]:
    """Junos' interfaces and those of the host that stand for them."""
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise TypeError("a mapping of Junos interface names to host interfaces")
    return {str(name): host for name, host in value.items()}


def share(value: Any) -> float:
    """Part of all."""
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError("a share is 0 to 1")
    return number


def seconds(value: Any) -> float:
    """At most a day."""
    number = float(value)
    if not 0 <= number <= 86400:
        raise ValueError("0 to 86400 seconds")
    return number


def threshold(value: Any) -> int:
    """Heartbeats that may be missed."""
    number = int(value)
    if not 0 <= number <= 10:
        raise ValueError("0 to 10; 0 is off")
    return number


def phase1_seconds(value: Any) -> int:
    """What Junos takes for the life of a phase 1 SA."""
    number = int(value)
    if not 180 <= number <= 86400:
        raise ValueError("180 to 86400 seconds")
    return number

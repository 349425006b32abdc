# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an observer of a member is told: a contract, for ``members --events`` and checks outside."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class HeldKeys:
    """What a member sends with, and receives with, after an event: SPIs of TEKs in hex.

    With several associations ``sends_with`` is that of the policy's first one.
    """

    sends_with: str | None = None
    receives_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class MemberEvent:
    """Something that an observer of the member wants to know; never holds keys.

    ``time`` in seconds of the device's clock; ``held`` is there when the event changed keys.
    """

    event: str
    member: str
    group: int
    time: float
    spis: tuple[str, ...] = ()
    kek_spi: str | None = None
    sequence: int | None = None
    reason: str | None = None
    held: HeldKeys | None = None


def event_line(event: MemberEvent) -> str:
    """An event as one line of JSON."""
    fields = dataclasses.asdict(event)
    held = fields.pop("held")
    shown = {key: value for key, value in fields.items() if value not in (None, ())}
    return json.dumps(shown | (held or {}))

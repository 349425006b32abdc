# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What happens to a group."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pushed:
    """A push went out; ``receivers`` is 1 for multicast."""

    group: str
    kind: str
    sequence: int
    receivers: int


@dataclass(frozen=True)
class WentSilent:
    """A member acknowledged no copy of a push and left the list."""

    group: str
    gateway: str
    address: str


@dataclass(frozen=True)
class KeysLost:
    """What was kept of a group's keys cannot be read: new ones are made."""

    group: str
    reason: str


GroupEvent = Pushed | WentSilent | KeysLost

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a member behaves, beside its identity."""

from __future__ import annotations

from dataclasses import dataclass

from ..gdoi.payloads import Profile
from ..lab.specs import DEFAULT_HEARTBEAT_THRESHOLD, DEFAULT_PHASE_1_SECONDS, Timing


@dataclass(frozen=True)
class MemberOptions:
    """What a member is told of its manners.

    ``heartbeat_threshold``: so many missed ones make it register again, 0: none; ``lifetime``: of
    phase 1 in seconds, as it is offered; ``recovery_probe``: as Junos' statement of that name.
    """

    profile: Profile = Profile.RFC6407
    heartbeat_threshold: int = DEFAULT_HEARTBEAT_THRESHOLD
    lifetime: int = DEFAULT_PHASE_1_SECONDS
    recovery_probe: bool = False
    timing: Timing = Timing.JUNOS

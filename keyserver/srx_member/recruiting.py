# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members as a device's configuration wants them."""

from __future__ import annotations

import random

from ..groups.plane import KeyPlane
from ..ike.nat import Path
from ..member.machine import GroupMember
from ..member.options import MemberOptions
from .settings import Enrolment, Manners, VpnSettings


class Recruiter:
    """Makes members that speak from the device's own socket."""

    def __init__(self, plane: KeyPlane) -> None:
        self._plane = plane

    def options(self, manners: Manners) -> MemberOptions:
        """How a member behaves."""
        return MemberOptions(
            self._plane.profile,
            manners.heartbeat_threshold,
            manners.lifetime,
            manners.recovery_probe,
        )

    def member(self, settings: VpnSettings, enrolment: Enrolment) -> GroupMember:
        """A new one, which has not begun."""
        member = GroupMember(
            settings.name,
            enrolment.group,
            enrolment.policies,
            self.options(settings.manners),
            random.random,
            enrolment.local_address,
        )
        member.registrations.paths = self.paths(enrolment)
        return member

    def paths(self, enrolment: Enrolment) -> tuple[Path, ...]:
        """Between which ends translators are looked for, if they are."""
        port = self._plane.local[1]
        if self._plane.floating_port is None:
            return ()
        own = (enrolment.local_address, port)
        return tuple(Path(own, (server, port)) for server in enrolment.servers)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The activation-time-delay of a group: what hangs on it, and which one held when.

Members go by the delay that they were told with a key. Junos: new keys are due at lifetime - 4 x
activation-time-delay, and members send with them 2 x activation-time-delay after they came.
"""

from __future__ import annotations

_REKEY_DELAYS = 4
_OVERLAP_DELAYS = 2
_KNOWN_DELAYS = 16


def rekey_due(created: float, lifetime: int, activation_time_delay: int) -> float:
    """When a key is to be followed by a new one."""
    # A lifetime that leaves no room for the margin is rekeyed at its half.
    return created + lifetime - min(_REKEY_DELAYS * activation_time_delay, lifetime / 2)


class ActivationDelays:
    """Since when members are told which delay, in seconds, and until when a key of then is kept."""

    def __init__(self, present: int) -> None:
        self._told = [(0.0, present)]

    @property
    def present(self) -> int:
        """The one that members are told now."""
        return self._told[-1][1]

    def tell(self, delay: int, now: float) -> None:
        """Members are told this one with what they get from now on."""
        if delay != self.present:
            self._told = [*self._told[-_KNOWN_DELAYS:], (now, delay)]

    def at(self, when: float) -> int:
        """The one that members were told then."""
        known = reversed(self._told)
        return next((one for since, one in known if since <= when), self._told[0][1])

    def changed(self, followed: float) -> float:
        """When members send with what followed then."""
        return followed + _OVERLAP_DELAYS * self.at(followed)

    def dropped(self, followed: float) -> float:
        """Until when members keep what was followed then; a later key may have told another."""
        changed = self.changed(followed)
        return changed + min(self.at(followed), self.at(changed))

    def ends(self, followed: float) -> float:
        """Until when what was followed then is given out at most."""
        return followed + _REKEY_DELAYS * self.at(followed)

    def followed(self, ends: float) -> float:
        """When a key was followed that is given out until then, by the delay that held then."""
        found = [(ends - _REKEY_DELAYS * delay, delay) for _, delay in reversed(self._told)]
        fitting = (at for at, delay in found if self.at(at) == delay)
        return next(fitting, found[0][0])

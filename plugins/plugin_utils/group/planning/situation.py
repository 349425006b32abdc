# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What hosts have, what they are to have, and what a change makes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ...engine.tree import Reading
from ...engine.values import Generation
from .. import brought
from ..configurations import after, entries
from ..description import Description, Device, Group
from ..expand import Config, Sides
from ..references import merged, orphans
from ..steps import Change

Fleet = Mapping[str, Sides]
"""Host to what ``server`` and ``member`` find there, secrets included."""
Readings = Mapping[str, Mapping[str, Reading]]
"""Host to what was read of it, by side."""


class Lost(Enum):
    """What a member holds that no server of its group lists."""

    NOTHING = "nothing"
    OLD_KEYS = "old keys"
    KEYS = "the keys of its servers"


Stranded = Mapping[str, Mapping[str, Lost]]
"""Group to those of its members that no server lists."""


def has_part(sides: Sides, group: Group) -> bool:
    """Whether who has these sides has anything of a group."""
    vpns = entries(sides["member"], "ipsec", "vpns").values()
    return group.name in entries(sides["server"], "groups") or any(
        vpn.get("group") == group.group_id for vpn in vpns
    )


@dataclass(frozen=True)
class Situation:
    """What a plan goes out from; ``now`` has the hosts that could be looked at.

    ``description`` has the groups that can be touched, ``wanted`` what they make of hosts, and
    ``exclusive`` the hosts on which what it does not name goes. For the rest see ``plan``.
    """

    now: Fleet
    description: Description
    wanted: Fleet
    exclusive: Collection[str]
    readable: Collection[str]
    outdated: Collection[str]
    unshared: Collection[str]
    stranded: Stranded
    readings: Readings
    _known: dict[tuple[int, int], tuple[Sides, Change, Sides]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that can be touched."""
        return self.description.groups

    def device(self, host: str) -> Device:
        """What the description says of a host."""
        return self.description.devices[host]

    def generation(self, host: str) -> Generation:
        """A host's generation, as described."""
        return self.device(host).generation

    # What a host is to have, and has

    def server(self, host: str) -> Config:
        """What a server is to have; empty for a host that serves no group."""
        return self.wanted.get(host, {}).get("server", {})

    def member(self, host: str) -> Config:
        """What a member is to have; empty for a host that is in no group."""
        return self.wanted.get(host, {}).get("member", {})

    def block(self, host: str, group: Group) -> Config | None:
        """What a server has of a group."""
        found: Config | None = entries(self.now[host]["server"], "groups").get(group.name)
        return found

    def blocks(self, group: Group) -> list[Config]:
        """What those servers of a group have that know it."""
        found = (self.block(host, group) for host in group.servers)
        return [block for block in found if block is not None]

    def served(self, host: str) -> list[str]:
        """The description's groups that a host serves now."""
        return [g.name for g in self.groups if self.block(host, g) is not None]

    def stay(self, group: Group, numbers: Collection[int | None] = ()) -> list[str]:
        """Managed members that are in the group and remain; ``numbers``: that it has had."""
        known = numbers or {group.group_id}
        return [host for host in group.members if self._was_in(host, known)]

    def managed(self, group: Group) -> list[str]:
        """Managed members that the group has at the end."""
        return [host for host in group.members if host in self.now]

    def _was_in(self, host: str, numbers: Collection[int | None]) -> bool:
        if host not in self.now:
            return False
        vpns = entries(self.now[host]["member"], "ipsec", "vpns").values()
        return any(vpn.get("group") in numbers for vpn in vpns)

    def unmanaged(self, group: Group) -> list[str]:
        """Members that somebody else configures."""
        return [host for host in group.members if not self.device(host).managed]

    # What a change makes of it

    def changes(
        self,
        make: Callable[[Situation, str, Sides], Change | None],
        hosts: Iterable[str],
        fleet: Fleet | None = None,
    ) -> dict[str, Change]:
        """Host to its change, where that changes anything of what it has (then, in ``fleet``).

        What nothing names once it is made goes with it.
        """
        found = {}
        for host in hosts:
            have = (fleet or self.now)[host]
            change = make(self, host, have)
            if change is not None:
                then = self._then(host, have, change)
                whole = self._with_orphans(host, have, change, then)
                # Most leave no orphans, and to work out again what they make of it is dear.
                if (then if whole is change else self._then(host, have, whole)) != have:
                    found[host] = whole
        return found

    def made(self, changes: Mapping[str, Change], fleet: Fleet | None = None) -> Fleet:
        """What hosts have once these changes are made to what they have (then, in ``fleet``)."""
        have = fleet or self.now
        then = {host: self._then(host, have[host], change) for host, change in changes.items()}
        return {**have, **then}

    def _with_orphans(self, host: str, have: Sides, change: Change, then: Sides) -> Change:
        """The change, and what nothing names once it is made (``then``)."""
        side = change.side
        needed = brought.needed(self.readings.get(host, {})).get(side, {})
        gone = orphans(side, have[side], then[side], needed)
        return Change(side, change.config, merged(change.drop, gone)) if gone else change

    def _then(self, host: str, have: Sides, change: Change) -> Sides:
        """What a host has once a change is made to what it has; each is worked out once."""
        key = id(have), id(change)
        if key not in self._known:
            # They are kept with it: no other one gets their identity.
            self._known[key] = have, change, self._worked_out(host, have, change)
        return self._known[key][-1]

    def _worked_out(self, host: str, have: Sides, change: Change) -> Sides:
        side, generation = change.side, self.generation(host)
        read = self.readings.get(host, {}).get(side)
        then = after(side, have[side], change.config, change.drop, generation, read)
        return {**have, side: then}

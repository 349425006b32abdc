# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key plane of one key server put together: groups, endpoint, and what speaks beside GDOI."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from .config.tree import Tree
from .gdoi.arrival import Event
from .gdoi.associations import Association
from .gdoi.companion import Companion
from .gdoi.endpoint import KeyServerEndpoint
from .gdoi.phase1_door import OnKeys, Ports
from .groups.plane import KeyPlane
from .groups.pushes import Door, Outgoing
from .groups.server import GroupServer, Wanted
from .ike.nat import Address


class ServerCompanion(Companion, Protocol):
    """A protocol beside GDOI that follows the configuration and keeps time.

    One without groups, or without traffic, of its own leaves out what is about them.
    """

    def followers(self, tree: Tree, groups: Iterable[str]) -> Iterable[str]:
        """Of a configuration's groups, those whose keys another server makes."""
        return ()

    def configure(self, tree: Tree, groups: GroupServer, now: float) -> Sequence[bytes]:
        """A commit happened, the groups know of it already: cookies of phase 1 SAs to give up."""

    def listens(self) -> frozenset[tuple[str, int, str]]:
        """Multicast groups to listen to: address, port, Junos' name of the interface."""
        return frozenset()

    def overhears(self, group_id: int, packet: bytes, now: float) -> None:
        """An ESP packet of a group reaches this device."""
        return

    def arrives(self, packet: bytes, now: float) -> bytes | None:
        """An IPv4 packet reaches this device: what it sends back, if anything."""
        return None

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""

    def expire(self, now: float) -> None:
        """Do what is due."""

    def take(self, now: float) -> tuple[list[Outgoing], Sequence[object]]:
        """What is to be sent, and what happened since the last call."""


def _door(association: Association) -> Door:
    return Door.FLOATING if association.floated else Door.GDOI


MakeCompanion = Callable[[KeyPlane, Callable[[], None]], ServerCompanion]


class KeyServer:
    """One key server without its socket.

    ``on_activity`` is called when there is something to send or a deadline may have changed.
    """

    def __init__(
        self,
        plane: KeyPlane,
        companions: Sequence[MakeCompanion],
        on_activity: Callable[[], None],
        on_keys: OnKeys,
    ) -> None:
        self.groups = GroupServer(plane, on_activity)
        self.companions = [make(plane, on_activity) for make in companions]
        self.endpoint = KeyServerEndpoint(
            self.groups,
            plane.profile,
            on_keys,
            self.companions,
            Ports(plane.local, plane.floating_port),
        )
        self._on_activity = on_activity

    def follow(self, tree: Tree) -> Callable[[float], None]:
        """How a configuration would be followed: read now, done when what is returned is called.

        Reading takes as long as the configuration is large, and changes nothing.
        """
        read = self.groups.read(tree)
        led = [one for c in self.companions for one in c.followers(tree, read.groups)]
        return partial(self._configure, tree, replace(read, followers=frozenset(led)))

    def configure(self, tree: Tree, now: float) -> None:
        """A commit happened: what it says holds from now on."""
        self.follow(tree)(now)

    def _configure(self, tree: Tree, wanted: Wanted, now: float) -> None:
        before = self.groups.peers
        self.groups.configure(wanted, now)
        if self.groups.peers is not before:
            self.endpoint.policies_changed()
        for companion in self.companions:
            self.endpoint.give_up(companion.configure(tree, self.groups, now))
        self._on_activity()

    def receive(
        self, datagram: bytes, source: Address, now: float, floated: bool = False
    ) -> tuple[bytes | None, tuple[Event, ...]]:
        """Take one datagram: the answer for its sender, if any, and what happened."""
        answer, events = self.endpoint.receive(datagram, source, now, floated)
        self.groups.keep(now)
        self._on_activity()
        return answer, events

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        due = [self.groups.deadline(), self.endpoint.deadline()]
        due += [companion.deadline() for companion in self.companions]
        return min((d for d in due if d is not None), default=None)

    def expire(self, now: float) -> None:
        """Do what is due: rekey, repeat, show a sign of life."""
        for companion in self.companions:
            companion.expire(now)
        self.groups.expire(now)
        self.endpoint.expire(now)

    def listens(self) -> frozenset[tuple[str, int, str]]:
        """Multicast groups to listen to: address, port, Junos' name of the interface."""
        return frozenset().union(*(companion.listens() for companion in self.companions))

    def overhears(self, group_id: int, packet: bytes, now: float) -> None:
        """An ESP packet of a group reaches this device."""
        for companion in self.companions:
            companion.overhears(group_id, packet, now)

    def arrives(self, packet: bytes, now: float) -> list[bytes]:
        """An IPv4 packet reaches this device: what it sends back."""
        answers = [companion.arrives(packet, now) for companion in self.companions]
        return [answer for answer in answers if answer is not None]

    def take(self, now: float) -> tuple[list[Outgoing], list[object]]:
        """What is to be sent, which the caller does, and what happened since the last call."""
        self.groups.keep(now)
        # Other servers hear of new keys before members do.
        taken = [companion.take(now) for companion in self.companions]
        outgoing, happened = self.groups.take(now)
        outgoing += [
            Outgoing(one.datagram, (one.association.source,), _door(one.association))
            for one in self.endpoint.take()
        ]
        first = [one for more, _ in taken for one in more]
        events = [*happened, *(event for _, found in taken for event in found)]
        return first + outgoing, events

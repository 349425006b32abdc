# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The groups of one key server: who may join, what is counted, what operators see.

The membership list follows Juniper's description of server-member communication: without it the
list shows all that registered, active or not; when it becomes configured the list is cleared;
unicast shows active members only, multicast those that registered since; after a restart the
list is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ..config.tree import Tree
from ..gdoi.acknowledgement import PushAck
from ..gdoi.arrival import Peer
from ..gdoi.pull import Grant
from ..ike.nat import Address
from ..ike.numbers import NotifyType
from ..ike.refusal import Refused
from .events import GroupEvent
from .gateways import PeerReader, Peers
from .group import Group
from .plane import KeyPlane
from .pushes import Outgoing
from .registration import Promise
from .settings import GroupReader, GroupSettings
from .views import GroupView, view_of

T = TypeVar("T")


@dataclass(frozen=True)
class Registration:
    """A member between messages 2 and 4 of its pull: what it gets, and how it is entered."""

    grant: Grant
    complete: Callable[[Peer, float], None]


@dataclass(frozen=True)
class Wanted:
    """What a configuration says: the settings of each group, and the gateways.

    ``peers`` is the very object that is in use when no gateway differs. ``followers``: groups
    whose keys another server makes.
    """

    groups: Mapping[str, GroupSettings]
    peers: Peers
    followers: frozenset[str] = frozenset()


class GroupServer:
    """The key server's groups: the Authority of its GDOI endpoint.

    ``on_activity`` is called when there is something to send or a deadline may have changed.
    """

    def __init__(self, plane: KeyPlane, on_activity: Callable[[], None] = lambda: None) -> None:
        self._plane, self._on_activity = plane, on_activity
        self._groups: dict[str, Group] = {}
        self._by_id: dict[int, Group] = {}
        self._gone: list[Group] = []
        self._followers: frozenset[str] = frozenset()
        self._group_reader = GroupReader(v1=plane.heartbeats)
        self._peer_reader = PeerReader(
            plane.local[0],
            plane.accepted_dois,
            plane.any_aggressive,
            plane.credentials,
            v1=plane.heartbeats,
        )
        self.peers = Peers({}, {}, None)

    @property
    def by_name(self) -> Mapping[str, Group]:
        """The groups, in configuration order."""
        return self._groups

    @property
    def _all(self) -> list[Group]:
        """The groups, and those whose members are still being told that they are gone."""
        return [*self._gone, *self._groups.values()]

    # Configuration

    def read(self, new: Tree) -> Wanted:
        """What a configuration says of groups and gateways; changes nothing in force."""
        return Wanted(self._group_reader.read(new), self._peer_reader.read(new))

    def configure(self, wanted: Wanted, now: float) -> None:
        """A commit happened: what it says holds from now on."""
        settings = wanted.groups
        for name in list(self._groups):
            known = settings.get(name)
            if known is None or known.group_id != self._groups[name].settings.group_id:
                self._dissolve(self._groups.pop(name), now)
        for name in (wanted.followers - self._followers) & self._groups.keys():
            # None for this commit either: members had keys that the new maker knows nothing of.
            self._groups[name].keyring.leads = False
        self._followers = wanted.followers
        self._groups = {name: self._configured(group, now) for name, group in settings.items()}
        self._by_id = {group.settings.group_id: group for group in self._groups.values()}
        self.peers = wanted.peers
        # At once: the configuration that these keys are for is durable already.
        self.keep(now)
        self._on_activity()

    def _configured(self, settings: GroupSettings, now: float) -> Group:
        group = self._groups.get(settings.name)
        if group is None:
            group = Group(settings, self._plane)
            for gone in self._gone:
                if settings.name == gone.settings.name or (
                    settings.group_id == gone.settings.group_id
                ):
                    group.succeed(gone)
            group.restore(now)
            return group
        group.reconfigure(settings, now)
        return group

    def _dissolve(self, group: Group, now: float) -> None:
        group.dissolve(now)
        # Another group may have its name at once.
        group.record.forget()
        self._gone.append(group)

    # Authority of the GDOI endpoint

    def begin(self, peer: Peer, group_id: int, now: float) -> Registration:
        """Policy and keys for a member; Refused for strangers and when the group is full."""
        group = self._admitting(peer, group_id)
        # What is due goes out to all before it is given to one.
        group.expire(now)
        promise = group.pull.promise(peer, now)
        if promise is None:
            raise Refused(NotifyType.INVALID_ID_INFORMATION, "the group has no policy to give")
        return Registration(promise.grant, partial(self._complete, group_id, promise))

    def _complete(self, group_id: int, promise: Promise, peer: Peer, now: float) -> None:
        self._admitting(peer, group_id).pull.enter(peer, promise, now)
        self._on_activity()

    def _admitting(self, peer: Peer, group_id: int) -> Group:
        group = self._authorized(peer.gateway, group_id)
        self._room(group, peer)
        return group

    def knows_kek(self, spi: bytes) -> bool:
        """True for the SPI of a KEK whose pushes may be acknowledged."""
        return any(group.push.knows(spi) for group in self._all)

    def acknowledge(self, spi: bytes, ack: PushAck, source: Address, now: float) -> bool:
        """A member acknowledged a push; False for acknowledgements that nobody waits for."""
        known = any(group.audience.acknowledge(spi, ack, source, now) for group in self._all)
        if known:
            self._on_activity()
        return known

    def count_refusal(self, gateway: str | None, group_id: int | None, now: float) -> None:
        """A pull failed: count it at the group, or at the groups that the gateway belongs to."""
        if group_id is not None and group_id in self._by_id:
            affected = [self._by_id[group_id]]
        else:
            affected = [g for g in self._groups.values() if gateway in g.settings.gateways]
        for group in affected:
            group.members.count_failed_pull(gateway)

    def _authorized(self, gateway: str, group_id: int) -> Group:
        group = self._by_id.get(group_id)
        # A stranger must not learn which groups exist: both cases look the same.
        if group is None or gateway not in group.settings.gateways:
            raise Refused(
                NotifyType.INVALID_ID_INFORMATION, f"group {group_id} is not for this gateway"
            )
        return group

    def _room(self, group: Group, peer: Peer) -> None:
        threshold, members = group.settings.member_threshold, group.members
        if threshold is None or len(members) < threshold or members.of(peer) is not None:
            return
        members.counters.pull_exceed_member_threshold += 1
        raise Refused(
            NotifyType.MEMBER_THRESHOLD_EXCEEDED, f"member threshold {threshold} is exceeded"
        )

    # Time and traffic

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        due = [group.deadline() for group in self._all]
        return min((d for d in due if d is not None), default=None)

    def expire(self, now: float) -> None:
        """Do what is due in every group."""
        for group in self._all:
            group.expire(now)
        self._gone = [group for group in self._gone if group.has_something_to_say]

    def keep(self, now: float) -> None:
        """Keep the groups' keys, where they are to outlive us."""
        for group in self._groups.values():
            group.record.keep(now)

    def take(self, now: float) -> tuple[list[Outgoing], list[GroupEvent]]:
        """What is to be sent, which the caller does, and what happened since the last call."""
        everyone = self._all
        speaking = [group for group in everyone if not group.is_held(now)]
        outgoing = [out for group in speaking for out in _drain(group.pushes.outbox)]
        return outgoing, [event for group in everyone for event in _drain(group.events)]

    # What operators see and do

    def views(self, now: float) -> list[GroupView]:
        """Every group, in configuration order."""
        return [view_of(group, now) for group in self._groups.values()]

    def clear(self, name: str, immediately: bool, now: float) -> None:
        """``clear security group-vpn server``: the list empties.

        ``immediately`` (``now``): members are told to delete their keys, and come back; without
        it they get new keys once more, and come back when those end.
        """
        group = self._groups[name]
        if immediately:
            group.dissolve(now)
        else:
            group.clear(now)
        self._on_activity()

    def clear_statistics(self, name: str) -> None:
        """Counters of a group and its members back to zero."""
        self._groups[name].reset_counters()


def _drain(items: list[T]) -> list[T]:
    taken, items[:] = list(items), []
    return taken

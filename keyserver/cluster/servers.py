# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Group VPNv2 server clusters: several key servers share one group's keys, sans-IO.

The root server makes the keys; sub-servers fetch them, serve members with them and push to the
members that registered there. A sub-server that finds the root dead (dead peer detection of the
IKE gateway) carries on by itself; when the root answers again, it takes over the keys that there
are, and the sub-server follows. Every server signs its own pushes: its members have its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ..config.tree import Tree
from ..gdoi.arrival import Arrival
from ..gdoi.associations import Association
from ..gdoi.informational_door import probe_answer
from ..groups.gateways import LONGEST_LIFETIME
from ..groups.group import Group
from ..groups.plane import KeyPlane
from ..groups.pushes import Outgoing
from ..groups.server import GroupServer
from ..ike.dpd import Probe, dpd_of
from ..ike.exchange import Phase1Sa
from ..ike.informational import deletes, informed
from ..ike.numbers import Exchange, NotifyType
from ..ike.refusal import Refused
from ..key_server import ServerCompanion
from .link import ClusterCounters, ClusterEvent, Link
from .messages import ClusterExchange, read_state
from .settings import ClusterPeer, cluster_peers, followers


@dataclass(frozen=True)
class _Replied:
    """The last message under a phase 1 SA that was answered: a copy gets the same answer."""

    datagram: bytes
    number: int
    answer: bytes
    at: float


_EXCHANGES = frozenset(ClusterExchange)


class ServerCluster(ServerCompanion):
    """All links of one key server."""

    def __init__(self, plane: KeyPlane, on_activity: Callable[[], None]) -> None:
        self._plane, self._on_activity = plane, on_activity
        self.links: dict[tuple[str, str], Link] = {}
        self._replied: dict[bytes, _Replied] = {}

    def followers(self, tree: Tree, groups: Iterable[str]) -> Iterable[str]:
        """Of these groups, those whose keys another server makes."""
        return followers(tree, groups)

    def configure(self, tree: Tree, groups: GroupServer, now: float) -> Sequence[bytes]:
        """A commit happened; links that did not change stay.

        What a sub-server has agreed on with a link that goes is given up: while its probes are
        answered it believes that it is told of new keys.
        """
        peers = cluster_peers(tree, groups.by_name, groups.peers)
        kept: dict[tuple[str, str], Link] = {}
        for name, group in groups.by_name.items():
            links = {p.policy.name: self._link(group, p, now) for p in peers.get(name, ())}
            kept |= {(name, gateway): link for gateway, link in links.items()}
            self._arrange(group, links, now)
        gone = [one for key, one in self.links.items() if kept.get(key) is not one]
        self.links = kept
        return [link.sa.spi for link in gone if link.sa and not link.dials]

    def _arrange(self, group: Group, links: Mapping[str, Link], now: float) -> None:
        """Who makes a group's keys from now on; ``links``: by gateway, to its other servers."""
        if links and group.settings.kek is not None:
            # As soon as they meet, and no other device is answered while a key is made then.
            self._plane.foresee(group.settings.kek.certificate or "")
        roots = [link for link in links.values() if link.dials]
        if all(link.lost for link in roots):
            group.lead(now)
        else:
            group.keyring.leads = False
        group.shared_with &= set(links)
        for link in roots:
            if not link.lost and group.keyring.lacks:
                # The root may have told us of it when there was no use for it here.
                link.renew(now)

    def _link(self, group: Group, peer: ClusterPeer, now: float) -> Link:
        """The link to another server: the one that is there, if nothing about it has changed."""
        known = self.links.get((group.settings.name, peer.policy.name))
        if known is not None and known.group is group and known.peer == peer:
            return known
        return Link(group, peer, self._plane, now)

    # Beside GDOI

    def claims(self, arrival: Arrival) -> bool:
        """True for its exchange types, and for what answers our calls or is under one."""
        if not self.links:
            return False
        if arrival.header.exchange in _EXCHANGES:
            return True
        return self._called(arrival) is not None

    def _called(self, arrival: Arrival) -> Link | None:
        cookie = arrival.header.initiator_cookie
        link = next((one for one in self.links.values() if one.called_with(cookie)), None)
        return link if link is not None and link.peer.address == arrival.source[0] else None

    def receive(self, arrival: Arrival, association: Association | None) -> bytes | None:
        """A message between key servers. Raises Refused or MalformedPayload."""
        link = self._called(arrival)
        if link is not None:
            return self._under_call(link, arrival)
        if association is None:
            raise Refused(NotifyType.INVALID_MESSAGE_ID, "no phase 1 with that key server")
        return self._under_association(association, arrival)

    def _under_call(self, link: Link, arrival: Arrival) -> bytes | None:
        header, message, now = arrival.header, arrival.message, arrival.now
        if header.exchange == Exchange.IDENTITY_PROTECTION:
            link.answered(header, message, now)
        elif header.exchange == ClusterExchange.INIT:
            link.initialised(header, message, now)
        elif link.sa is not None and header.exchange == ClusterExchange.UPDATE:
            return self._once(link.sa, arrival, partial(link.update_received, header, message, now))
        elif link.sa is not None and header.exchange == Exchange.INFORMATIONAL:
            return self._informed(link, link.sa, arrival)
        return None

    def _informed(self, link: Link, sa: Phase1Sa, arrival: Arrival) -> bytes | None:
        payloads = informed(sa, arrival.header, arrival.message)
        if any(deletes(payload, sa) for payload in payloads):
            link.ended(arrival.now)
            return None
        told = dpd_of(payloads)
        if told is not None:
            self.probed(arrival.header.spi, told, arrival.now)
        return probe_answer(sa, payloads)

    def _under_association(self, association: Association, arrival: Arrival) -> bytes | None:
        gateway = association.peer.gateway
        if arrival.header.exchange == ClusterExchange.UPDATE:
            for link in self._under(arrival.header.spi):
                link.update_acknowledged(arrival.header, arrival.message, arrival.now)
            return None
        sa = association.sa
        return self._once(sa, arrival, partial(self._init, sa, gateway, arrival))

    def _init(self, sa: Phase1Sa, gateway: str, arrival: Arrival) -> bytes:
        probe = sa.exchange(ClusterExchange.INIT, arrival.header.message_id)
        group_id, _ = read_state(probe.open(arrival.header, arrival.message))
        for link in self._of(gateway):
            if link.group.settings.group_id == group_id and not link.dials:
                return link.init_received(sa, arrival.header, arrival.message, arrival.now)
        raise Refused(
            NotifyType.INVALID_ID_INFORMATION,
            f"{gateway}: a sub-server of group {group_id} is expected",
        )

    def _under(self, cookies: bytes) -> list[Link]:
        """Each group's link has a phase 1 of its own, also where one gateway has several."""
        return [one for one in self.links.values() if one.sa is not None and one.sa.spi == cookies]

    def _of(self, gateway: str) -> list[Link]:
        return [link for (_, name), link in self.links.items() if name == gateway]

    def _once(self, sa: Phase1Sa, arrival: Arrival, work: Callable[[], bytes]) -> bytes:
        """Raises Refused for what is older than what was answered: a late copy, or a replay."""
        number, replied = arrival.header.message_id, self._replied.get(sa.spi)
        if replied is not None and replied.datagram == arrival.message:
            return replied.answer
        if replied is not None and number <= replied.number:
            raise Refused(
                NotifyType.INVALID_MESSAGE_ID, f"cluster: message {number} after {replied.number}"
            )
        answer, now = work(), arrival.now
        kept = {spi: one for spi, one in self._replied.items() if now < one.at + LONGEST_LIFETIME}
        self._replied = {**kept, sa.spi: _Replied(arrival.message, number, answer, now)}
        return answer

    def probed(self, cookies: bytes, told: Probe, now: float) -> None:
        """A probe, or the answer to one of ours, came under that phase 1 SA."""
        for link in self._under(cookies):
            link.probed(*told, now)

    # Time and traffic

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        return min((link.deadline() for link in self.links.values()), default=None)

    def expire(self, now: float) -> None:
        """Do what is due on every link."""
        for (name, _), link in self.links.items():
            if now >= link.deadline():
                link.expire(now)
                # One that answers may be the root: another sub-server never answers a call.
                others = (one.lost for (group, _), one in self.links.items() if group == name)
                if link.dials and all(others):
                    link.group.lead(now)

    def take(self, now: float) -> tuple[list[Outgoing], list[ClusterEvent]]:
        """What is to be sent, and what happened since the last call."""
        outgoing: list[Outgoing] = []
        events: list[ClusterEvent] = []
        for link in self.links.values():
            link.flush(now)
            outgoing += [Outgoing(datagram, (link.address,)) for datagram in link.outbox]
            events += link.events
            link.outbox.clear()
            link.events.clear()
        return outgoing, events

    # What operators see and do

    def views(self, group: str) -> list[LinkView]:
        """The links of a group."""
        return [
            LinkView(
                gateway,
                link.peer.address,
                link.peer.own_role.value,
                link.state.value,
                link.group.keyring.leads,
                link.counters,
            )
            for (name, gateway), link in self.links.items()
            if name == group
        ]

    def clear(self, now: float) -> None:
        """``clear security group-vpn server server-cluster``: meet the other servers anew."""
        for link in self.links.values():
            link.renew(now)
        self._on_activity()

    def clear_statistics(self, group: str, gateway: str | None) -> None:
        """Counters of a group's links back to zero."""
        for (name, peer), link in self.links.items():
            if name == group and gateway in (None, peer):
                link.counters = ClusterCounters()


@dataclass(frozen=True)
class LinkView:
    """A link as operators see it."""

    gateway: str
    address: str
    own_role: str
    state: str
    leading: bool
    counters: ClusterCounters = field(default_factory=ClusterCounters)

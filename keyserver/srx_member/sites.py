# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An emulated SRX as a member of groups, sans-IO: one reference member for each of its VPNs.

It speaks from the device's GDOI socket and calls its key servers at that socket's port. A commit
changes it at once: what a registration depends on begins a new one, and what is gone says so.
"""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..config.tree import Tree
from ..gdoi.arrival import Arrival
from ..gdoi.associations import Association
from ..gdoi.numbers import GdoiExchange
from ..groups.plane import KeyPlane
from ..groups.pushes import Door, Outgoing
from ..groups.server import GroupServer
from ..ike.nat import Path, floating
from ..ike.wire import exchange_of
from ..member.esp import can_encrypt
from ..member.events import MemberEvent
from ..member.machine import GroupMember
from ..member.options import MemberOptions
from ..member.registrations import MemberState
from ..member.traffic import Traffic
from .forwarding import Forwarding
from .host import Host
from .scope import covered
from .settings import Enrolment, Manners, VpnSettings, vpn_settings
from .site import Place, Site

_REMEMBERED = 64


@dataclass(frozen=True)
class MemberOfGroup:
    """What happened to a member VPN of this device, and the keys that it holds now.

    ``packet``: ESP for all others of the group, where keys changed; empty where there are none.
    """

    vpn: str
    event: MemberEvent
    address: str
    traffic: Traffic = field(repr=False)
    packet: bytes = field(default=b"", repr=False)


class SrxMembers:
    """All member VPNs of one device."""

    def __init__(self, plane: KeyPlane, on_activity: Callable[[], None]) -> None:
        self._plane, self._on_activity = plane, on_activity
        self.sites: dict[str, Site] = {}
        self._tree: Tree = {}
        self._host: Host | None = None
        self._outbox: list[Outgoing] = []
        # With `co-location` the key server is this device: what is said to it is not for us.
        self._to_self: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._events: list[MemberOfGroup] = []

    def configure(self, tree: Tree, groups: GroupServer, now: float) -> Sequence[bytes]:
        """A commit happened; VPNs whose registration it does not touch go on.

        Members answer nobody's phase 1, so that there is none to give up.
        """
        self._tree, self._host = tree, None
        wanted = vpn_settings(
            tree, self._plane.local[0], self._plane.credentials, v1=self._plane.heartbeats
        )
        for name in list(self.sites):
            if name not in wanted:
                self._leave(self.sites.pop(name), now)
        for name, one in wanted.items():
            self.sites[name] = self._configured(one, now)
        self.sites = {name: self.sites[name] for name in wanted}
        return ()

    def _configured(self, settings: VpnSettings, now: float) -> Site:
        site = self.sites.get(settings.name)
        if site is None:
            return self._begun(settings, self._unused(), now)
        before, other = site.settings, settings.enrolment
        anew = before.scopes != settings.scopes
        if other is not None and before.enrolment != other and (place := site.place_in(other)):
            anew |= self._meet(site, other, place)
        elif before.enrolment != other:
            self._leave(site, now)
            return self._begun(settings, site.index, now)
        return self._gone_on(site, settings, anew, now)

    def _meet(self, site: Site, other: Enrolment, place: Place) -> bool:
        """Its keys are from a server that it still has: whether it registers anew, keeping them.

        It does when it was about to: there may be one who answers now.
        """
        anew = place.member.state is not MemberState.REGISTERED
        self._act(site, place.member.registrations.break_off() if anew else [])
        place.member.registrations.meet(other.policies, self._paths(other), place.number)
        return anew

    def _gone_on(self, site: Site, settings: VpnSettings, anew: bool, now: float) -> Site:
        site.settings = settings
        if site.member is not None:
            site.member.behave(self._options(settings.manners))
        if anew:
            self._narrow(site, now)
            self.renew(site, now)
        return site

    def _unused(self) -> int:
        """The lowest index that no VPN has."""
        taken = {site.index for site in self.sites.values()}
        return next(number for number in itertools.count(1) if number not in taken)

    def _begun(self, settings: VpnSettings, index: int, now: float) -> Site:
        site = Site(settings, index)
        if settings.enrolment is not None:
            site.member = self._member(settings, settings.enrolment)
            self._narrow(site, now)
            self._act(site, site.member.start(now))
        return site

    def _options(self, manners: Manners) -> MemberOptions:
        return MemberOptions(
            self._plane.profile,
            manners.heartbeat_threshold,
            manners.lifetime,
            manners.recovery_probe,
        )

    def _member(self, settings: VpnSettings, enrolment: Enrolment) -> GroupMember:
        member = GroupMember(
            settings.name,
            enrolment.group,
            enrolment.policies,
            self._options(settings.manners),
            random.random,
            enrolment.local_address,
        )
        member.registrations.paths = self._paths(enrolment)
        return member

    def _paths(self, enrolment: Enrolment) -> tuple[Path, ...]:
        """Between which ends translators are looked for, if they are."""
        port = self._plane.local[1]
        if self._plane.floating_port is None:
            return ()
        own = (enrolment.local_address, port)
        return tuple(Path(own, (server, port)) for server in enrolment.servers)

    @staticmethod
    def _narrow(site: Site, now: float) -> None:
        """What lies outside the scope policies is not installed, and what was goes."""
        scopes = site.settings.scopes
        if site.member is not None:
            site.member.take_only(lambda policy: not scopes or covered(policy, scopes), now)

    def _leave(self, site: Site, now: float) -> None:
        if site.member is not None:
            self._act(site, site.member.leave(now))

    def renew(self, site: Site, now: float) -> None:
        """``clear security group-vpn member group``: register anew; keys stay until then."""
        if site.member is not None:
            self._act(site, site.member.registrations.start_anew(now))
            self._on_activity()

    def forget(self, site: Site, now: float) -> None:
        """``clear … ipsec security-associations``: drop every key, register anew."""
        if site.member is not None:
            site.member.forget_keys(now)
            self.renew(site, now)

    def forget_kek(self, site: Site, now: float) -> None:
        """``clear … kek security-associations``: no push can be read; register anew."""
        if site.member is not None:
            site.member.keys.forget_keks()
            self.renew(site, now)

    def end_phase1(self, site: Site, now: float) -> None:
        """``clear … ike security-associations``: group keys go on, a registration begins anew."""
        if site.member is not None and site.member.state is MemberState.PULL:
            self.renew(site, now)
        elif site.member is not None:
            self._act(site, site.member.registrations.way.end())
            self._on_activity()

    # Beside GDOI

    def claims(self, arrival: Arrival) -> bool:
        """True for pushes of our key servers, and for what is under a phase 1 of ours."""
        return bool(self.sites) and bool(self._for(arrival))

    def _for(self, arrival: Arrival) -> list[Site]:
        if arrival.message in self._to_self:
            return []
        called = [
            site
            for site in self.sites.values()
            if site.settings.enrolment is not None
            and arrival.source[0] in site.settings.enrolment.servers
        ]
        if arrival.header.exchange != GdoiExchange.GROUPKEY_PUSH:
            return [
                s
                for s in called
                if s.member is not None and s.member.registrations.knows(arrival.header)
            ]
        named = [
            s for s in called if s.member is not None and arrival.header.spi in s.member.keys.keks
        ]
        return named or called

    def receive(self, arrival: Arrival, association: Association | None) -> bytes | None:
        """Take such a message; what it brings about goes out with the next :meth:`take`."""
        for site in self._for(arrival):
            if site.member is None:
                continue
            if arrival.header.exchange == GdoiExchange.GROUPKEY_PUSH:
                site.pushed_from = arrival.source
            self._act(site, site.member.receive(arrival.message, arrival.now))
        self._on_activity()
        return None

    def _outgoing(self, site: Site, datagram: bytes) -> Outgoing:
        """Where a datagram goes: to the port of key servers, or that of RFC 3947."""
        port, sent, door = self._plane.floating_port, datagram, Door.GDOI
        to = (site.server, self._plane.local[1])
        if (
            site.member is not None
            and site.member.registrations.floats(datagram)
            and port is not None
        ):
            sent, door, to = floating(datagram), Door.FLOATING, (site.server, port)
        if exchange_of(datagram) == GdoiExchange.GROUPKEY_PUSH_ACK:
            # RFC 8263 §3.1: an acknowledgement goes to where the push came from.
            to = site.pushed_from or to
        if to[0] == self._plane.local[0]:
            self._to_self.append(datagram)
        return Outgoing(sent, (to,), door)

    def heard(self, cookies: bytes, now: float, *, answer: bool) -> None:
        """A probe came: a member answers its own in :meth:`receive`."""

    def listens(self) -> frozenset[tuple[str, int, str]]:
        """Multicast groups that pushes come to: address, port, Junos' name of the interface."""
        return frozenset(
            (*group, site.settings.external_interface)
            for site in self.sites.values()
            if site.member is not None and (group := site.member.multicast) is not None
        )

    def overhears(self, group_id: int, packet: bytes, now: float) -> None:
        """An ESP packet of a group reaches this device."""
        for site in self.sites.values():
            if site.member is not None and site.settings.group == group_id:
                site.open(packet, now)
                # Nobody else does anything about what it hears.
                if site.member.options.recovery_probe:
                    self._on_activity()

    def arrives(self, packet: bytes, now: float) -> bytes | None:
        """An IPv4 packet reaches this device, if it is for it: what it sends back."""
        self._on_activity()
        return self.forwarding.answer(packet, now)

    @property
    def forwarding(self) -> Forwarding:
        """How packets leave and reach the device."""
        return Forwarding(self.host, self.sites.values())

    @property
    def host(self) -> Host:
        """Its addresses and routes, read when they are asked for first."""
        if self._host is None:
            self._host = Host(self._tree)
        return self._host

    @staticmethod
    def _packet(site: Site, event: MemberEvent) -> bytes:
        """What a site sends to the others when its keys have changed: do they understand it?"""
        assert site.member is not None
        tek = site.member.keys.traffic.sending
        if event.held is None or tek is None or not can_encrypt(tek):
            return b""
        return site.seal(tek)

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        due = [site.member.wake_at for site in self.sites.values() if site.member is not None]
        return min((when for when in due if when is not None), default=None)

    def expire(self, now: float) -> None:
        """Do what is due at each."""
        for site in self.sites.values():
            if site.member is not None:
                self._act(site, site.member.tick(now))

    def take(self, now: float) -> tuple[list[Outgoing], Sequence[object]]:
        """What is to be sent, and what happened since the last call."""
        outgoing, self._outbox = self._outbox, []
        events, self._events = self._events, []
        return outgoing, events

    def _act(self, site: Site, datagrams: list[bytes]) -> None:
        self._outbox += [self._outgoing(site, datagram) for datagram in datagrams]
        if site.member is None:
            return
        for event in site.member.diary.take():
            site.pushes += event.event == "rekeyed"
            if event.event in ("refused", "registered"):
                site.last_failure = event.reason or ""
            address, traffic = site.member.address or "", site.member.keys.traffic
            packet = self._packet(site, event)
            self._events.append(MemberOfGroup(site.settings.name, event, address, traffic, packet))

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An emulated SRX as a member of groups, sans-IO: one reference member for each of its VPNs.

It speaks from the device's GDOI socket and calls its key servers at that socket's port. A commit
changes it at once: what a registration depends on begins a new one, and what is gone says so.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from ..config.tree import Tree
from ..gdoi.arrival import Arrival
from ..gdoi.associations import Association
from ..gdoi.numbers import GdoiExchange
from ..groups.plane import KeyPlane
from ..groups.pushes import Outgoing
from ..groups.server import GroupServer
from ..ike.dpd import Probe
from ..key_server import ServerCompanion
from ..member.registrations import MemberState
from .forwarding import Forwarding
from .host import Host
from .outbox import Outbox
from .recruiting import Recruiter
from .settings import Enrolment, VpnSettings, vpn_settings
from .site import Place, Site


class SrxMembers(ServerCompanion):
    """All member VPNs of one device."""

    def __init__(self, plane: KeyPlane, on_activity: Callable[[], None]) -> None:
        self._plane, self._on_activity = plane, on_activity
        self.sites: dict[str, Site] = {}
        self._tree: Tree = {}
        self._host: Host | None = None
        self._outbox, self._recruiter = Outbox(plane), Recruiter(plane)

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
                gone = self.sites.pop(name)
                self._outbox.add(gone, gone.leave(now))
        for name, one in wanted.items():
            self.sites[name] = self._configured(one, now)
        self.sites = {name: self.sites[name] for name in wanted}
        return ()

    def _configured(self, settings: VpnSettings, now: float) -> Site:
        site = self.sites.get(settings.name)
        if site is None:
            return self._begun(settings, _unused(self.sites.values()), now)
        before, other = site.settings, settings.enrolment
        anew = before.scopes != settings.scopes
        if other is not None and before.enrolment != other and (place := site.place_in(other)):
            anew |= self._meet(site, other, place)
        elif before.enrolment != other:
            self._outbox.add(site, site.leave(now))
            return self._begun(settings, site.index, now)
        return self._gone_on(site, settings, anew, now)

    def _meet(self, site: Site, other: Enrolment, place: Place) -> bool:
        """Its keys are from a server that it still has: whether it registers anew, keeping them.

        It does when it was about to: there may be one who answers now.
        """
        anew = place.member.state is not MemberState.REGISTERED
        self._outbox.add(site, place.member.registrations.break_off() if anew else [])
        place.member.registrations.meet(other.policies, self._recruiter.paths(other), place.number)
        return anew

    def _gone_on(self, site: Site, settings: VpnSettings, anew: bool, now: float) -> Site:
        site.settings = settings
        if site.member is not None:
            site.member.behave(self._recruiter.options(settings.manners))
        if anew:
            site.narrow(now)
            self.renew(site, now)
        return site

    def _begun(self, settings: VpnSettings, index: int, now: float) -> Site:
        site = Site(settings, index)
        if settings.enrolment is not None:
            site.member = self._recruiter.member(settings, settings.enrolment)
            site.narrow(now)
            self._outbox.add(site, site.member.start(now))
        return site

    def renew(self, site: Site, now: float) -> None:
        """``clear security group-vpn member group``: register anew; keys stay until then."""
        if site.member is not None:
            self._outbox.add(site, site.member.registrations.start_anew(now))
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
            self._outbox.add(site, site.member.registrations.way.end())
            self._on_activity()

    # Beside GDOI

    def claims(self, arrival: Arrival) -> bool:
        """True for pushes of our key servers, and for what is under a phase 1 of ours."""
        return bool(self.sites) and bool(self._for(arrival))

    def _for(self, arrival: Arrival) -> list[Site]:
        if self._outbox.is_own(arrival.message):
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
            answers = site.member.receive(arrival.message, arrival.now, arrival.source)
            self._outbox.add(site, answers)
        self._on_activity()
        return None

    def probed(self, cookies: bytes, told: Probe, now: float) -> None:
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

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        due = [site.member.wake_at for site in self.sites.values() if site.member is not None]
        return min((when for when in due if when is not None), default=None)

    def expire(self, now: float) -> None:
        """Do what is due at each."""
        for site in self.sites.values():
            if site.member is not None:
                self._outbox.add(site, site.member.tick(now))

    def take(self, now: float) -> tuple[list[Outgoing], Sequence[object]]:
        """What is to be sent, and what happened since the last call."""
        return self._outbox.take()


def _unused(sites: Iterable[Site]) -> int:
    """The lowest index that no VPN has."""
    taken = {site.index for site in sites}
    return next(number for number in itertools.count(1) if number not in taken)

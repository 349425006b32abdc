# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The edge around reference members: one UDP socket each, timers, events as JSON lines."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from itertools import product

from ..capture.sa_log import Holder, SaLog
from ..config.junos_schema import Generation
from ..gdoi.numbers import GdoiExchange
from ..groups.gateways import identity_of, phase1_proposal
from ..ike.nat import Path, floating
from ..ike.payloads import Identification
from ..ike.proposal import PeerPolicy, Phase1Proposal
from ..ike.wire import exchange_of
from ..lab.specs import Endpoint, Faults, LabError, MemberSpec
from ..member.events import HeldKeys, MemberEvent
from ..member.faults import FaultyLink
from ..member.machine import GroupMember
from ..member.options import MemberOptions
from ..member.registrations import MemberState
from ..member.traffic import Traffic
from .addresses import why_unusable
from .clock import Clock
from .held import held_associations
from .udp import UdpSocket

log = logging.getLogger("keyserver")

Observer = Callable[[MemberEvent], None]

# Everything that a generation's configuration allows, strongest first.
_OFFERS = {
    Generation.V2: (
        ("aes-256-cbc", "aes-192-cbc", "aes-128-cbc"),
        ("sha-384", "sha-256"),
        ("group24", "group14"),
    ),
    Generation.V1: (
        ("aes-256-cbc", "aes-192-cbc", "aes-128-cbc", "3des-cbc", "des-cbc"),
        ("sha-256", "sha1", "md5"),
        ("group14", "group5", "group2", "group1"),
    ),
}


def _offers(spec: MemberSpec) -> tuple[Phase1Proposal, ...]:
    words = spec.proposals or tuple(product(*_OFFERS[spec.generation or Generation.V2]))
    method = "pre-shared-keys" if spec.credentials is None else "rsa-signatures"
    return tuple(phase1_proposal(*w, method) for w in words)


def group_member(spec: MemberSpec) -> GroupMember:
    """The state machine for a member of the lab file."""
    policy = PeerPolicy(
        spec.server_name,
        spec.psk.encode("latin-1", "replace") if spec.psk is not None else None,
        _offers(spec),
        identity_of(spec.identity) if spec.identity else Identification.address(spec.address),
        identity_of(spec.server_identity)
        if spec.server_identity
        else Identification.address(spec.server.host),
        modes=frozenset({spec.mode}),
        credentials=spec.credentials,
    )
    return GroupMember(
        spec.name,
        spec.group,
        (policy,),
        MemberOptions(
            spec.profile,
            spec.heartbeat_threshold,
            spec.lifetime,
            spec.recovery_probe,
            spec.timing,
        ),
        address=spec.address,
    )


class _Listener:
    """Multicast groups that members of this process listen to: one socket for each."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, int, str], set[_MemberEdge]] = {}
        self._sockets: dict[tuple[str, int, str], UdpSocket] = {}

    async def join(self, group: tuple[str, int], edge: _MemberEdge) -> None:
        spec = edge.spec
        key = (*group, spec.interface or spec.address)
        members = self._members.setdefault(key, set())
        members.add(edge)
        if len(members) == 1:

            def arrived(data: bytes, source: tuple[str, int]) -> None:
                for member in list(members):
                    member.arrived(data, source)

            try:
                self._sockets[key] = await UdpSocket.join(
                    group, spec.interface, spec.address, arrived
                )
            except OSError as error:
                log.warning(
                    "member %s: cannot join %s: %s", spec.name, group[0], error.strerror or error
                )

    def leave(self, edge: _MemberEdge) -> None:
        for members in self._members.values():
            members.discard(edge)

    def close(self) -> None:
        for one in self._sockets.values():
            one.close()


class _Conversation:
    """Traffic inside groups: what one member of this process sends with, the others hear."""

    def __init__(self) -> None:
        self._edges: dict[tuple[str, int], list[_MemberEdge]] = {}
        self._heard: dict[tuple[str, int], set[str]] = {}

    def enter(self, edge: _MemberEdge) -> None:
        self._edges.setdefault((edge.spec.server_name, edge.spec.group), []).append(edge)

    def sent(self, edge: _MemberEdge, spi: str) -> None:
        group = edge.spec.server_name, edge.spec.group
        heard = self._heard.setdefault(group, set())
        if spi not in heard:
            heard.add(spi)
            for other in self._edges[group]:
                other.hear(spi)


class _MemberEdge:
    """A member on its own socket."""

    def __init__(
        self,
        spec: MemberSpec,
        clock: Clock,
        speed: float,
        observe: Observer,
        listener: _Listener,
        conversation: _Conversation,
        sa_log: SaLog | None = None,
    ) -> None:
        self.spec = spec
        self._conversation, self._sa_log = conversation, sa_log
        conversation.enter(self)
        self.member = group_member(spec)
        self._clock, self._speed, self._observe = clock, speed, observe
        self._listener = listener
        self._joined: tuple[str, int] | None = None
        self._joining: asyncio.Task[None] | None = None
        self._socket: UdpSocket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._server = (spec.server.host, spec.server.port)
        self._stop_after = spec.faults.stop_after
        self._link = FaultyLink(spec.faults, spec.name) if spec.faults != Faults() else None

    async def start(self) -> None:
        self._socket = await UdpSocket.bind((self.spec.address, self.spec.port), self._from_unicast)
        if self.spec.server_nat_port is not None:
            self.member.registrations.paths = (Path(self._socket.address, self._server),)
        self._act(self.member.start(self._clock()))

    def arrived(self, data: bytes, source: tuple[str, int]) -> None:
        """A datagram came in, from whichever socket."""
        self._over_link(partial(self._take, data, source))

    def _over_link(self, deliver: Callable[[], None]) -> None:
        """Deliver a datagram as the link does, which may lose, repeat or delay it."""
        for delay in self._link.deliveries() if self._link else (0.0,):
            if delay:
                self._later(delay, deliver)
            else:
                deliver()

    def stop(self) -> None:
        self.member.stop()
        self._listener.leave(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._joining is not None:
            self._joining.cancel()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _from_unicast(self, data: bytes, source: tuple[str, int]) -> None:
        # RFC 6407 §2.2 lets a key server push from another port than it answers from.
        if source[0] != self._server[0]:
            return
        is_answer = source[1] in (self._server[1], self.spec.server_nat_port)
        if is_answer or exchange_of(data) == GdoiExchange.GROUPKEY_PUSH:
            self.arrived(data, source)

    def _take(self, data: bytes, source: tuple[str, int]) -> None:
        if self.member.state is not MemberState.STOPPED:
            self._act(self.member.receive(data, self._clock(), source))

    def hear(self, spi: str) -> None:
        """Traffic under that SPI reaches this site."""
        if self.member.state is MemberState.REGISTERED:
            self.member.recovery.heard(spi, self._clock())
            self._act([])

    def _play_dead(self) -> None:
        now = self._clock()
        self._observe(MemberEvent("stopped", self.spec.name, self.spec.group, now, held=HeldKeys()))
        self._log_keys(Traffic(), now)
        self.stop()

    def _tick(self) -> None:
        self._act(self.member.tick(self._clock()))

    def _later(self, seconds: float, work: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds / self._speed, work)

    def _act(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            self._over_link(partial(self._transmit, datagram))
        for event in self.member.diary.take():
            self._observe(event)
            self._note_keys(event)
            if event.event == "registered" and self._stop_after is not None:
                self._later(self._stop_after, self._play_dead)
                self._stop_after = None
        group = self.member.multicast
        if group is not None and group != self._joined:
            self._joined = group
            self._joining = asyncio.get_running_loop().create_task(self._listener.join(group, self))
        self._wind()

    def _wind(self) -> None:
        """Wake up when the member wants to."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wake_at = self.member.wake_at
        if wake_at is not None:
            self._timer = self._later(max(0.0, wake_at - self._clock()) + 0.001, self._tick)

    def _note_keys(self, event: MemberEvent) -> None:
        if event.held is None:
            return
        self._log_keys(self.member.keys.traffic, event.time)
        if event.held.sends_with is not None:
            self._conversation.sent(self, event.held.sends_with)

    def _log_keys(self, traffic: Traffic, now: float) -> None:
        if self._sa_log is not None:
            holder = Holder(self.spec.name, self.spec.group)
            held = held_associations(holder, self.spec.address, traffic)
            self._sa_log.look(holder, held, traffic.sends_with, now)

    def _transmit(self, datagram: bytes) -> None:
        if self._socket is not None:
            # RFC 8263 §3.1: an acknowledgement goes to where the push came from.
            is_ack = exchange_of(datagram) == GdoiExchange.GROUPKEY_PUSH_ACK
            sent, to = datagram, self._server
            if self.member.registrations.floats(datagram) and self.spec.server_nat_port is not None:
                sent, to = floating(datagram), (self._server[0], self.spec.server_nat_port)
            self._socket.send(sent, self.member.pushed_from or to if is_ack else to)


class MemberFleet:
    """All members of a lab."""

    def __init__(
        self,
        specs: tuple[MemberSpec, ...],
        clock: Clock,
        speed: float,
        observe: Observer,
        sa_log: SaLog | None = None,
    ) -> None:
        self._specs, self._clock, self._speed = specs, clock, speed
        self._observe, self._sa_log = observe, sa_log
        self._listener, self._conversation = _Listener(), _Conversation()
        self._edges: dict[str, _MemberEdge] = {}

    async def start(self) -> None:
        """Start every member."""
        for spec in self._specs:
            edge = _MemberEdge(
                spec,
                self._clock,
                self._speed,
                self._observe,
                self._listener,
                self._conversation,
                self._sa_log,
            )
            try:
                await edge.start()
            except OSError as error:
                why = why_unusable(Endpoint(spec.address, spec.port), error)
                raise LabError(f"member {spec.name}: cannot use {spec.address}: {why}") from None
            self._edges[spec.name] = edge

    def members(self) -> dict[str, GroupMember]:
        """The state machines by name."""
        return {name: edge.member for name, edge in self._edges.items()}

    def stop(self) -> None:
        """Stop every member."""
        for edge in self._edges.values():
            edge.stop()
        self._listener.close()

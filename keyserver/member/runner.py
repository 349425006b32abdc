# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The edge around reference members: one UDP socket each, timers, events as JSON lines."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from itertools import product
from typing import cast

from ..config.junos_schema import Generation
from ..gdoi.payloads import Identification
from ..gdoi.phase1 import PeerPolicy, Phase1Proposal
from ..groups.policy import identity_of, phase1_proposal
from ..lab import LabError, MemberSpec
from .machine import GroupMember, MemberEvent, MemberState

Clock = Callable[[], float]
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
    try:
        return tuple(phase1_proposal(*w) for w in words)
    except KeyError as error:
        raise LabError(f"member {spec.name}: proposals: {error.args[0]!r} is unknown") from None


def group_member(spec: MemberSpec) -> GroupMember:
    """The state machine for a member of the lab file."""
    policy = PeerPolicy(
        spec.server_name,
        spec.psk.encode("latin-1", "replace"),
        _offers(spec),
        identity_of(spec.identity) if spec.identity else Identification.address(spec.address),
        identity_of(spec.server_identity)
        if spec.server_identity
        else Identification.address(spec.server.host),
    )
    return GroupMember(spec.name, spec.group, policy, spec.profile)


class _MemberSocket(asyncio.DatagramProtocol):
    """A member on its own socket."""

    def __init__(self, spec: MemberSpec, clock: Clock, speed: float, observe: Observer) -> None:
        self.member = group_member(spec)
        self._clock, self._speed, self._observe = clock, speed, observe
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._act(self.member.start(self._clock()))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.member.state is not MemberState.STOPPED:
            self._act(self.member.receive(data, self._clock()))

    def error_received(self, exc: Exception) -> None:
        # Nothing listens there (yet): the retransmission timer deals with it.
        return

    def stop(self) -> None:
        self.member.stop()
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()

    def _tick(self) -> None:
        self._act(self.member.tick(self._clock()))

    def _act(self, datagrams: list[bytes]) -> None:
        assert self._transport is not None
        for datagram in datagrams:
            self._transport.sendto(datagram)
        for event in self.member.events:
            self._observe(event)
        self.member.events.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.member.wake_at is not None:
            delay = max(0.0, self.member.wake_at - self._clock()) / self._speed
            self._timer = asyncio.get_running_loop().call_later(delay + 0.001, self._tick)


class MemberFleet:
    """All members of a lab."""

    def __init__(
        self, specs: tuple[MemberSpec, ...], clock: Clock, speed: float, observe: Observer
    ) -> None:
        self._specs, self._clock, self._speed = specs, clock, speed
        self._observe = observe
        self._sockets: dict[str, _MemberSocket] = {}

    async def start(self) -> None:
        """Start every member."""
        for spec in self._specs:
            try:
                _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda spec=spec: _MemberSocket(  # type: ignore[misc]
                        spec, self._clock, self._speed, self._observe
                    ),
                    local_addr=(spec.address, 0),
                    remote_addr=(spec.server.host, spec.server.port),
                )
            except OSError as error:
                raise LabError(
                    f"member {spec.name}: cannot use {spec.address}: {error.strerror or error}"
                ) from None
            self._sockets[spec.name] = protocol

    def members(self) -> dict[str, GroupMember]:
        """The state machines by name."""
        return {name: edge.member for name, edge in self._sockets.items()}

    def stop(self) -> None:
        """Stop every member."""
        for edge in self._sockets.values():
            edge.stop()


def event_line(event: MemberEvent) -> str:
    """An event as one line of JSON."""
    fields = dataclasses.asdict(event)
    return json.dumps({key: value for key, value in fields.items() if value not in (None, ())})

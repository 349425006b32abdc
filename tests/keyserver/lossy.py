# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A key server and many members behind lossy links, in one process on a hand-moved clock.

The server is a whole device, put together by the product's own constructor; the links are the
product's own too. The same seed gives the same run, but for the keys.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from keyserver.config.junos_schema import Generation
from keyserver.groups.gateways import phase1_proposal
from keyserver.groups.plane import GroupKeys, SigningKeys
from keyserver.groups.pushes import MulticastTarget, Outgoing
from keyserver.ike.payloads import Identification
from keyserver.ike.proposal import PeerPolicy
from keyserver.lab.specs import Faults
from keyserver.member.faults import FaultyLink
from keyserver.member.machine import GroupMember
from keyserver.member.registrations import MemberState
from keyserver.srx import Device, Surroundings
from tests.keyserver.observer import Observer, Standing
from tests.keyserver.world import commit, device_of
from tests.lab import PSK, hub_config

SERVER = ("192.0.2.1", 848)
BLOCK = (
    "set security group-vpn server group G1 server-member-communication "
    "encryption-algorithm aes-256-cbc sig-hash-algorithm {hash} lifetime-seconds 14400"
)
_SIG_HASH = {"v1": "sha1", "v2": "sha-256"}
_PHASE_1 = {"v1": ("3des-cbc", "sha1", "group2"), "v2": ("aes-256-cbc", "sha-256", "group14")}
_MOST_STEPS = 20_000_000
BEGINNING = 1_800_000_000.0
PORT = 848


@dataclass(frozen=True)
class Clock:
    """A member's clock: so many seconds off, and so many of its seconds to one."""

    offset: float = 0.0
    rate: float = 1.0

    def shows(self, now: float) -> float:
        """What it shows when it is ``now``."""
        return BEGINNING + self.offset + (now - BEGINNING) * self.rate

    def when(self, shown: float) -> float:
        """When it shows that."""
        return BEGINNING + (shown - BEGINNING - self.offset) / self.rate


TRUE_CLOCK = Clock()


def faults_of(loss: float) -> Faults:
    """A bad link: that share is lost; a tenth comes twice, a tenth late, all after 50 ms."""
    return Faults(drop=loss, duplicate=0.1, reorder=0.1, delay=0.05)


class LossyGroup:
    """One group: a server, ``count`` members, a link each way for each of them, an observer."""

    hubs: tuple[str, ...] = (SERVER[0],)

    def __init__(
        self,
        count: int,
        faults: Faults,
        seed: int = 1,
        generation: str = "v2",
        state: Path | None = None,
        extra: tuple[str, ...] = (),
        signing_keys: SigningKeys | None = None,
        group_keys: GroupKeys = GroupKeys.DURABLE,
        clocks: Callable[[random.Random], Clock] = lambda chance: TRUE_CLOCK,
    ) -> None:
        """``state``: where the server keeps what is durable, ``group_keys`` among it or not.

        ``clocks``: what sort of a clock a member gets.
        """
        self.now = BEGINNING
        self.observer = Observer()
        self.members: dict[str, GroupMember] = {}
        self._state, self._signing_keys = state, signing_keys
        self._group_keys, self._clock_for = group_keys, clocks
        self._generation, self._faults, self._seed = generation, faults, seed
        addresses = {f"gm-{n}": f"192.0.2.{n + 9}" for n in range(1, count + 1)}
        block = BLOCK.format(hash=_SIG_HASH[generation])
        self.text = hub_config("hub", generation, addresses, ("G1",), extra=(block, *extra))
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._wakes: dict[GroupMember, float] = {}
        self._links: dict[str, tuple[FaultyLink, FaultyLink]] = {}
        # Is everything lost now, beside what the links lose? Asked with (member, is from it).
        self.cut: Callable[[str, bool], bool] = lambda member, upward: False
        self.clocks: dict[str, Clock] = {}
        # Where a member is seen at, when it is not its own port.
        self.ports: dict[str, int] = {}
        self.servers: dict[str, Device] = {}
        self._server_wakes: dict[str, float] = {}
        for hub in self.hubs:
            self.start_server(hub)
        for address in addresses.values():
            self.add(address)

    # Who is there

    @property
    def server(self) -> Device | None:
        """The server, while it runs."""
        return self.servers.get(self.hubs[0])

    def homes_of(self, member: str) -> tuple[str, ...]:
        """The servers that a member registers with, in its order."""
        return self.hubs[:1]

    def text_of(self, hub: str) -> str:
        """What that server's configuration is."""
        return self.text

    def start_server(self, hub: str = SERVER[0]) -> None:
        """Power on: a device with its durable store, as far as it has one."""
        self.servers[hub] = device_of(
            hub,
            Generation(self._generation),
            self.text_of(hub),
            self.now,
            self._signing_keys,
            Surroundings(on_activity=partial(self._stir, hub)),
            state=self._state,
            group_keys=self._group_keys,
        )
        self._stir(hub)

    def restart_server(self, dead: float) -> None:
        """The server is killed, and comes back after so many seconds."""
        self.kill_server()
        self.run(dead)
        self.start_server()

    def kill_server(self, hub: str = SERVER[0]) -> None:
        """Power off without a word."""
        self.servers.pop(hub).close()
        self._server_wakes.pop(hub, None)
        self._look_at_lists()

    def add(self, address: str) -> GroupMember:
        """A member that begins to register within the next second."""
        words = _PHASE_1[self._generation]
        policies = tuple(
            PeerPolicy(
                "hub",
                PSK.encode(),
                (phase1_proposal(*words),),
                Identification.address(address),
                Identification.address(home),
            )
            for home in self.homes_of(address)
        )
        chance = random.Random(f"{self._seed} {address}")
        member = GroupMember(address, 1, policies, jitter=chance.random, address=address)
        self.members[address] = member
        self._links[address] = (
            FaultyLink(self._faults, f"{self._seed} to {address}"),
            FaultyLink(self._faults, f"{self._seed} from {address}"),
        )
        self._at(self.now + chance.random(), lambda: self._begin(member))
        self.clocks[address] = self._clock_for(chance)
        return member

    def _begin(self, member: GroupMember) -> None:
        self._act(member, member.start(self._shown(member)))

    def replace(self, address: str) -> GroupMember:
        """The member there is switched off; a new one takes its place, with nothing."""
        self.members[address].stop()
        self.observer.gone(address, self.now)
        return self.add(address)

    def register_again(self, address: str) -> None:
        """Somebody wants the member there to register anew."""
        member = self.members[address]
        self._act(member, member.registrations.start_anew(self._shown(member)))

    def commit(self, *lines: str) -> None:
        """The present configuration and these lines are committed."""
        self.text += "".join(f"{line}\n" for line in lines)
        for hub, server in self.servers.items():
            commit(server, self.text_of(hub), self.now)

    @property
    def registered(self) -> int:
        """How many members are registered."""
        return sum(m.state is MemberState.REGISTERED for m in self.members.values())

    # Time

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let that much time pass, or until something is so."""
        end = self.now + seconds
        for _ in range(_MOST_STEPS):
            if until() or not self._queue or self._queue[0][0] > end:
                break
            when, _, work = heapq.heappop(self._queue)
            self.now = max(self.now, when)
            work()
        else:
            raise AssertionError("time does not pass")
        if not until():
            self.now = end

    def settle(self, within: float = 600.0) -> None:
        """Until everybody is registered and what was pushed is acknowledged; then observe."""
        self.run(within, lambda: self.registered == len(self.members))
        assert self.registered == len(self.members), "not everybody registered"
        self.run(60.0)
        self.observer.begin(self.now)

    def _at(self, when: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._order), work))

    # The servers' side

    def _stir(self, hub: str) -> None:
        self._at(self.now, partial(self._server_work, hub))

    def _server_work(self, hub: str) -> None:
        server = self.servers.get(hub)
        if server is None:
            return
        deadline = server.deadline()
        if deadline is not None and self.now >= deadline:
            server.expire(self.now)
        outgoing, _ = server.take(self.now)
        for one in outgoing:
            for member in self._receivers(one.to):
                self._carry(one.datagram, member, self._reaches(member))
            self.between_servers(hub, one)
        self._look_at_lists()
        deadline = server.deadline()
        due_again = deadline is not None and deadline <= self.now
        if deadline is not None and (due_again or deadline != self._server_wakes.get(hub)):
            self._server_wakes[hub] = deadline
            self._at(deadline, partial(self._server_work, hub))

    def between_servers(self, hub: str, one: Outgoing) -> None:
        """What a server has for others of its cluster."""

    def _receivers(self, to: MulticastTarget | tuple[tuple[str, int], ...]) -> list[GroupMember]:
        if isinstance(to, MulticastTarget):
            return [m for m in self.members.values() if m.multicast is not None]
        return [self.members[host] for host, port in to if self._is_at(host, port)]

    def _is_at(self, host: str, port: int) -> bool:
        return host in self.members and self.ports.get(host, PORT) == port

    def _look_at_lists(self) -> None:
        views = [v for server in self.servers.values() for v in server.groups.views(self.now)]
        listed = [m.address for view in views if view.name == "G1" for m in view.members]
        self.observer.lists(listed, self.now)

    def _reaches(self, member: GroupMember) -> Callable[[bytes], None]:
        return lambda data: self._act(member, member.receive(data, self._shown(member)))

    # The members' side

    def _act(self, member: GroupMember, datagrams: list[bytes]) -> None:
        if self.members[member.name] is not member:
            # Another has its place: what is still on the way to it, or due, is nobody's.
            return
        for datagram in datagrams:
            self._carry(datagram, member, self._from(member), upward=True)
        self.observer.saw(member.name, standing_of(member), self.now)
        due = member.wake_at
        if due is not None and due != self._wakes.get(member):
            self._wakes[member] = due
            when = self.clocks[member.name].when(due)
            self._at(when, lambda: self._wake(member, due))

    def _wake(self, member: GroupMember, due: float) -> None:
        if self._wakes.get(member) == due:
            del self._wakes[member]
            # Where its clock is reckoned back and forth, the last digits differ.
            self._act(member, member.tick(max(due, self._shown(member))))

    def _shown(self, member: GroupMember) -> float:
        return self.clocks[member.name].shows(self.now)

    def _from(self, member: GroupMember) -> Callable[[bytes], None]:
        # When it is sent, not when it arrives: it may try another server meanwhile.
        hub = self.homes_of(member.name)[member.registrations.server]

        def arrive(data: bytes) -> None:
            if hub not in self.servers:
                return
            source = (member.name, self.ports.get(member.name, PORT))
            answer, events = self.servers[hub].datagram(data, source, self.now)
            if answer is not None:
                self._carry(answer, member, self._reaches(member))
            if events:
                self._stir(hub)

        return arrive

    def _carry(
        self,
        datagram: bytes,
        member: GroupMember,
        arrive: Callable[[bytes], None],
        *,
        upward: bool = False,
    ) -> None:
        deliveries = self._links[member.name][upward].deliveries()
        if self.cut(member.name, upward):
            return
        for delay in deliveries:
            self._at(self.now + delay, lambda: arrive(datagram))


def standing_of(member: GroupMember) -> Standing:
    """What a member sends with and receives with."""
    held = member.held()
    return Standing(held.sends_with, frozenset(held.receives_with))

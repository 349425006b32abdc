# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A key server and its members wired together without a socket, with a hand-moved clock."""

from __future__ import annotations

import math
from typing import Any

from keyserver.config.apply import apply
from keyserver.config.candidate import Holder
from keyserver.config.edit import LoadError, Operation
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.read_set import read_set
from keyserver.config.tree import Tree
from keyserver.gdoi.arrival import Event
from keyserver.gdoi.payloads import Profile
from keyserver.gdoi.pull import Grant
from keyserver.groups.gateways import identity_of, phase1_proposal
from keyserver.groups.plane import SigningKeys
from keyserver.groups.pushes import MulticastTarget
from keyserver.groups.server import Registration
from keyserver.groups.views import GroupView
from keyserver.ike.payloads import Identification
from keyserver.ike.proposal import Mode, PeerPolicy
from keyserver.lab.specs import DeviceSpec, Endpoint
from keyserver.member.machine import GroupMember
from keyserver.member.options import MemberOptions
from keyserver.member.registrations import MemberState
from keyserver.srx import Device, Surroundings
from tests.lab import PSK, hub_config

SERVER, GM = "192.0.2.1", "192.0.2.11"
NOTHING_AROUND = Surroundings()
V1_SMC = "set security group-vpn server group G1 server-member-communication "


def tree_of(generation: Generation, text: str) -> Tree:
    """A configuration from set lines, which must all be right."""
    schema = junos_schema(generation)
    tree: Tree = {}
    for edit in read_set(schema, text):
        assert not isinstance(edit, LoadError), edit
        assert apply(schema, tree, [edit], Operation.MERGE) == []
    return tree


def device_of(
    address: str,
    generation: Generation,
    text: str,
    now: float,
    signing_key: SigningKeys | None,
    around: Surroundings = NOTHING_AROUND,
    **spec: Any,
) -> Device:
    """An SRX with that configuration, as it ships, without its sockets."""
    made = DeviceSpec("hub", generation, gdoi=Endpoint(address, 848), **spec)
    return Device(made, tree_of(generation, text), now, around, signing_key)


def commit(device: Device, text: str, now: float) -> None:
    """These set lines become the whole configuration."""
    holder = Holder(1, "netops", now)
    candidate = device.database.workspace.writable(holder, now)
    candidate.edit(holder, now)
    candidate.tree = tree_of(device.spec.generation, text)
    device.database.commit(holder, now)


class World:
    """A key server and its members; ``lost`` holds addresses that nothing reaches."""

    def __init__(
        self,
        signing_key: SigningKeys,
        generation: str = "v2",
        phase1: tuple[str, str, str] | None = None,
        extra: tuple[str, ...] = (),
        members: int = 1,
        start: float = 1_800_000_000.0,
        gateways: dict[str, str] | None = None,
        **spec: Any,
    ) -> None:
        self.generation = Generation(generation)
        self.now, self.extra, self.count = start, extra, members
        gateways = gateways or {f"gm-{n}": f"192.0.2.{10 + n}" for n in range(1, members + 1)}
        self.text = hub_config("hub", generation, gateways, ("G1", "G2"), phase1, extra)
        self.phase1 = phase1 or (
            ("group2", "sha1", "3des-cbc")
            if generation == "v1"
            else ("group14", "sha-256", "aes-256-cbc")
        )
        self.profile = spec.get("profile", Profile.RFC6407)
        self.device = device_of(SERVER, self.generation, self.text, self.now, signing_key, **spec)
        self.groups, self.endpoint = self.device.groups, self.device.endpoint
        self.events: list[Event] = []
        self.happened: list[object] = []
        self.pushed: list[bytes] = []
        self.members: dict[str, GroupMember] = {}
        self.lost: set[str] = set()
        self.grants: list[Grant] = []
        begin = self.groups.begin

        def noted(*arguments: Any) -> Registration:
            registration = begin(*arguments)
            self.grants.append(registration.grant)
            return registration

        self.groups.begin = noted

    def commit(self, *lines: str) -> None:
        """The initial configuration and these lines are committed; pushes are delivered."""
        commit(self.device, self.text + "\n".join(lines), self.now)
        self.flush()

    def member(self, address: str = GM, group: int = 1, psk: str = PSK, **more: Any) -> GroupMember:
        """A member that is not started yet."""
        dh, digest, cipher = self.phase1
        identity, credentials = more.pop("identity", None), more.pop("credentials", None)
        method = "pre-shared-keys" if credentials is None else "rsa-signatures"
        policy = PeerPolicy(
            "ks",
            psk.encode(),
            (phase1_proposal(cipher, digest, dh, method),),
            identity_of(identity) if identity else Identification.address(address),
            Identification.address(more.pop("pinned", SERVER)),
            modes=frozenset({Mode(more.pop("mode", "main"))}),
            credentials=credentials,
        )
        return GroupMember(
            "site",
            group,
            (policy,),
            MemberOptions(more.pop("profile", self.profile), **more),
            jitter=lambda: 0.5,
            address=address,
        )

    def run(self, member: GroupMember, address: str = GM, source: str | None = None) -> list[bytes]:
        """Start it and exchange datagrams until both are silent; every datagram that was sent."""
        self.members[address] = member
        return self.exchange(member.start(self.now), member, address, source)

    def exchange(
        self,
        queue: list[bytes],
        member: GroupMember,
        address: str,
        source: str | None = None,
        port: int = 848,
    ) -> list[bytes]:
        """Deliver a member's datagrams, and the answers."""
        sent = []
        while queue:
            datagram = queue.pop(0)
            sent.append(datagram)
            answer, events = self.endpoint.receive(datagram, (source or address, port), self.now)
            self.events += events
            if answer is not None:
                sent.append(answer)
                queue += member.receive(answer, self.now)
        return sent

    def joined(self, count: int, **more: Any) -> list[GroupMember]:
        """That many members, registered."""
        for n in range(1, count + 1):
            self.run(self.member(f"192.0.2.{10 + n}", **more), f"192.0.2.{10 + n}")
        assert all(m.state is MemberState.REGISTERED for m in self.members.values())
        return list(self.members.values())

    def flush(self) -> None:
        """Deliver what the key server pushes."""
        outgoing, happened = self.device.take(self.now)
        self.happened += happened
        for out in outgoing:
            self.pushed.append(out.datagram)
            if isinstance(out.to, MulticastTarget):
                targets = [a for a, m in self.members.items() if m.multicast is not None]
            else:
                targets = [address for address, _port in out.to]
            for address in targets:
                if address in self.members and address not in self.lost:
                    member = self.members[address]
                    queue = member.receive(out.datagram, self.now)
                    self.exchange(queue, member, address)

    def pass_time(self, seconds: float) -> None:
        """Move the clock from deadline to deadline; everyone does what is due."""
        end = self.now + seconds
        for _ in range(100_000):
            due = [self.device.deadline()] + [m.wake_at for m in self.members.values()]
            following = min((d for d in due if d is not None), default=math.inf)
            if following > end:
                break
            self.now = max(self.now, following)
            self.device.expire(self.now)
            self.flush()
            for address, member in self.members.items():
                queue = member.tick(self.now)
                if address not in self.lost:
                    self.exchange(queue, member, address)
            self.flush()
        else:
            raise AssertionError("time does not pass")
        self.now = end

    def view(self, name: str = "G1") -> GroupView:
        """A group as operators see it."""
        return next(v for v in self.groups.views(self.now) if v.name == name)

    def listed(self, name: str = "G1") -> tuple[list[str], Any]:
        """Addresses in the membership list, and the group's counters."""
        view = self.view(name)
        return [m.address for m in view.members], view.counters

    def happenings(self, address: str = GM) -> list[str]:
        """Names of what a member noted."""
        return [event.event for event in self.members[address].events]

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole Group VPNs lived through in one process: devices, their keys, and who runs the role.

Key servers ``hub-1`` … and sites ``site-1`` … are whole devices of the product; the role's core
carries out descriptions on them. At every instant it is seen which members cannot read which.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    GroupVpnError,
    TransportFailure,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.reading import read
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.conduct import conduct
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.fate import Outcome
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.order import Order
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.screen import (
    announced,
    summary,
)
from lxml import etree

from keyserver.config.junos_schema import Generation
from keyserver.groups.plane import SigningKeys
from keyserver.member.events import HeldKeys
from keyserver.srx_member.sites import SrxMembers
from tests.keyserver.network import Network
from tests.keyserver.wire import Wire
from tests.keyserver.world import device_of

HUBS, SITES = 3, 5
GROUP_ID = 7
TIMEOUT = 120
TEXT = """set system host-name {0}
set interfaces ge-0/0/1 unit 0 family inet address {1}/24
set security zones security-zone LAN
set security zones security-zone DMZ
set security zones security-zone WAN interfaces ge-0/0/1.0
"""
PHASE_1 = {"dh_group": "group2", "authentication_algorithm": "sha1"}
OF_V1 = {
    "ike_proposal": {**PHASE_1, "encryption_algorithm": "3des-cbc"},
    "ipsec_proposal": {
        "authentication_algorithm": "hmac-sha1-96",
        "encryption_algorithm": "3des-cbc",
    },
}
REKEYS = {
    "v1": {"encryption_algorithm": "3des-cbc", "sig_hash_algorithm": "sha1", "certificate": "srv"},
    "v2": {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"},
}

Pair = tuple[int, str, str]
"""A group's number, a member, and another one that it cannot read."""


class Killed(BaseException):
    """Whoever runs the role is there no more."""


class Town(Network):
    """All devices, and what is described of them; ``apart``: pairs since it was emptied last.

    ``shown``: what comes of a host's answer on its way.
    """

    def __init__(
        self, signing_key: SigningKeys, generation: str, servers: int, rekeys: bool
    ) -> None:
        super().__init__()
        self.variables: dict[str, dict[str, Any]] = {}
        self.hosts: dict[str, str] = {}
        self.apart: set[Pair] = set()
        self.shown: Callable[[str, bytes], bytes] = lambda _host, answer: answer
        self._known: set[tuple[int, str]] = set()
        for number in range(1, HUBS + 1):
            self._add(f"hub-{number}", f"192.0.2.{number}", generation, signing_key)
        for number in range(1, SITES + 1):
            self._add(f"site-{number}", f"198.51.100.{number}", generation, signing_key)
        self.group: dict[str, Any] = {
            "name": "BRANCHES",
            "group_id": GROUP_ID,
            "servers": [f"hub-{n}" for n in range(1, servers + 1)],
            "members": [f"site-{n}" for n in range(1, SITES)],
            "match_policies": [{"name": "a", "source": "10.0.0.0/8", "destination": "10.0.0.0/8"}],
            **(copy.deepcopy(OF_V1) if generation == "v1" else {}),
            **({"server_member_communication": dict(REKEYS[generation])} if rekeys else {}),
        }
        self.groups = [self.group]

    def _add(self, host: str, address: str, generation: str, signing_key: SigningKeys) -> None:
        text = TEXT.format(host, address)
        kind = Generation(generation)
        self.devices[address] = device_of(address, kind, text, self.now, signing_key)
        self.hosts[address] = host
        self.variables[host] = {
            "address": address,
            "generation": generation,
            "pre_shared_key": "made-up-key-of-hubs" if "hub" in host else f"made-up-key-of-{host}",
            "inventory_groups": [],
        }
        if "site" in host:
            self.variables[host] |= {
                "external_interface": "ge-0/0/1.0",
                "policies": [{"from_zone": "LAN", "to_zone": "WAN"}],
            }

    # Who holds what

    def flush(self) -> None:
        """Deliver everything; then see who cannot read whom."""
        super().flush()
        for number, held in self.standings().items():
            self.apart |= {
                (number, one, other)
                for one, own in held.items()
                for other, theirs in held.items()
                if theirs.sends_with not in own.receives_with
                and {(number, one), (number, other)} <= self._known
            }
        # Who joins was never together with the others before it had a key.
        self._known = {
            (number, host)
            for number, held in self.standings().items()
            for host, own in held.items()
            if own.sends_with is not None or (number, host) in self._known
        }

    def standings(self) -> dict[int, dict[str, HeldKeys]]:
        """By group what each member holds just now."""
        found: dict[int, dict[str, HeldKeys]] = defaultdict(dict)
        for host, site in self.sites():
            if site.settings.enrolment is not None and site.member is not None:
                found[site.settings.enrolment.group][host] = site.member.held()
        return found

    def sites(self) -> Iterator[tuple[str, Any]]:
        """Each host that is a member, with its part of a VPN."""
        for address, device in self.devices.items():
            for companion in device.companions:
                if isinstance(companion, SrxMembers):
                    for site in companion.sites.values():
                        yield self.hosts[address], site

    def strangers(self) -> dict[int, set[str]]:
        """By group members that do not send with what all send with, and who is none of it."""
        held, found = self.standings(), {}
        for group in self.groups:
            own = held.pop(group["group_id"], {})
            keys = [own[host].sends_with for host in group["members"] if host in own]
            usual = max(set(keys), key=keys.count) if keys else None
            wrong = {h for h in group["members"] if h not in own or own[h].sends_with != usual}
            found[group["group_id"]] = wrong | (own.keys() - set(group["members"]))
        return {**found, **{number: set(own) for number, own in held.items()}}

    def configure(self, host: str, lines: Iterable[str]) -> None:
        """Somebody commits these set lines."""
        wire = Wire(self.devices[self.variables[host]["address"]], lambda: self.now)
        load = etree.Element("load-configuration", action="set", format="text")
        etree.SubElement(load, "configuration-set").text = "\n".join(lines)
        wire.call("load", load)
        wire.call("commit", etree.Element("commit-configuration"))
        wire.end()
        self.flush()

    # Who runs the role

    def run(self, hands: Hands | None = None, **more: Any) -> Run:
        """The role, for what is described now."""
        hands = hands or Hands(self)
        self.apart = set()
        description = read(copy.deepcopy(self.groups), copy.deepcopy(self.variables))
        order = Order(description, tuple(self.variables), timeout=TIMEOUT, **more)
        try:
            outcome = conduct(order, hands)
            return Run(outcome, self, [*announced(outcome.plan), *summary(description, outcome)])
        finally:
            hands.end()
            self.flush()


class Run:
    """What came of a run; ``beyond``: members apart whom its plan does not name.

    ``told``: lines for a person, before and after.
    """

    def __init__(self, outcome: Outcome, town: Town, told: list[str]) -> None:
        self.told = told
        steps = [step.as_result() for step in outcome.plan.steps]
        named = {h for step in steps for one in step["apart"] for h in one["members"]}
        inside = {host for group in town.groups for host in group["members"]}
        self.steps = [step["step"] for step in steps]
        self.named = named
        self.failures = {h: fate.failures for h, fate in outcome.hosts.items() if fate.failures}
        self.changed = {host for host, fate in outcome.hosts.items() if fate.changed}
        self.said = {
            host: ([did for did in fate.did if did != "confirmed"], fate.diff)
            for host, fate in outcome.hosts.items()
        }
        self.warnings = {h: fate.warnings for h, fate in outcome.hosts.items() if fate.warnings}
        self.left = {host: fate.left for host, fate in outcome.hosts.items()}
        self.unverified = outcome.unverified
        self.beyond = {p for p in town.apart if {*p[1:]} <= inside and not {*p[1:]} & named}

    @property
    def is_good(self) -> bool:
        """Whether nothing failed, and nobody was apart whom the plan does not name."""
        return not (self.failures or self.beyond)


class Hands:
    """Touches the devices of a town; ``killed_at``: the request before which its owner dies.

    ``lost``: hosts that do not answer from request ``from_``  on; ``takes``: seconds of a request;
    ``commits``: those that a site has to commit.
    """

    def __init__(
        self,
        town: Town,
        killed_at: int | None = None,
        lost: Iterable[str] = (),
        from_: int = 0,
        takes: float = 0,
        commits: float = 0,
    ) -> None:
        self._town, self._killed_at, self._takes = town, killed_at, takes
        self._commits = commits
        self._lost, self._from = frozenset(lost), from_
        self._wires: dict[str, CountedWire] = {}
        self.requests = 0

    def asked(self, host: str) -> None:
        """A request is about to be sent."""
        if self.requests == self._killed_at:
            raise Killed
        self.requests += 1
        self._town.pass_time(self._takes)
        self.reach(host)

    def works(self, host: str, operation: etree._Element) -> None:
        """A host has a request, and deals with it."""
        is_commit = operation.tag == "commit-configuration" and operation.find("check") is None
        if is_commit and "site" in host:
            self._town.pass_time(self._commits)

    def reach(self, host: str) -> None:
        """Raises TransportFailure for a host that is out of reach by now."""
        if host in self._lost and self.requests >= self._from:
            raise TransportFailure(f"{host}: no route")

    def each(self, work: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, GroupVpnError]]:
        done, failed = {}, {}
        for host, job in work.items():
            try:
                self.reach(host)
                if host not in self._wires:
                    self._wires[host] = CountedWire(self._town, host, self)
                done[host] = job(self._wires[host])
            except GroupVpnError as error:
                failed[host] = error
        return done, failed

    def pause(self, seconds: float) -> None:
        self._town.pass_time(seconds)

    def clock(self) -> float:
        return self._town.now

    def say(self, line: str) -> None:
        pass

    def end(self) -> None:
        """All sessions end, as they do with who holds them."""
        for wire in self._wires.values():
            wire.end()


class CountedWire(Wire):
    """A session whose requests are counted, and whose datagrams arrive."""

    def __init__(self, town: Town, host: str, hands: Hands) -> None:
        self._town, self._host, self._hands = town, host, hands
        address = town.variables[host]["address"]
        super().__init__(town.devices[address], lambda: town.now)

    def raw(self, operation: etree._Element) -> bytes:
        self._hands.asked(self._host)
        self._hands.works(self._host, operation)
        answer = super().raw(operation)
        self._town.flush()
        return self._town.shown(self._host, answer)

    def reconnect(self) -> bool:
        self._hands.reach(self._host)
        return super().reconnect()

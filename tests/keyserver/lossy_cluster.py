# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A root and a sub-server with members behind lossy links, and the way between the two."""

from __future__ import annotations

from functools import partial

from keyserver.groups.pushes import MulticastTarget, Outgoing
from keyserver.lab.specs import Faults
from keyserver.member.faults import FaultyLink
from tests.keyserver.lossy import PORT, LossyGroup
from tests.keyserver.test_cluster import ROOT, SUB, cluster_lines


class LossyCluster(LossyGroup):
    """Every other member is the sub-server's; ``parted`` servers are mute to each other.

    ``known``: how many of both servers a member has in its configuration, its own first.
    """

    hubs = (ROOT, SUB)

    def __init__(
        self, count: int, faults: Faults, seed: int = 1, generation: str = "v2", known: int = 1
    ) -> None:
        self.parted, self._known = False, known
        self._way = FaultyLink(faults, f"{seed} between")
        super().__init__(count, faults, seed, generation)

    def until_rekey(self) -> None:
        """Until the root has made the keys that are due."""
        keyring = self.servers[ROOT].groups.by_name["G1"].keyring
        version = keyring.version
        self.run(7200, lambda: keyring.version != version)

    def homes_of(self, member: str) -> tuple[str, ...]:
        """Neighbours have different servers."""
        first = int(member.rpartition(".")[2]) % 2
        return (self.hubs[first], self.hubs[1 - first])[: self._known]

    def text_of(self, hub: str) -> str:
        """The group, and what makes a cluster of both."""
        role, other = ("root-server", SUB) if hub == ROOT else ("sub-server", ROOT)
        return self.text + "".join(f"{line}\n" for line in cluster_lines(role, other))

    def between_servers(self, hub: str, one: Outgoing) -> None:
        """What one server has for the other."""
        if not isinstance(one.to, MulticastTarget):
            for other, _port in one.to:
                if other in self.hubs:
                    self._across(hub, other, one.datagram)

    def _across(self, source: str, target: str, datagram: bytes) -> None:
        for delay in self._way.deliveries() if not self.parted else ():
            self._at(self.now + delay, partial(self._arrive, source, target, datagram))

    def _arrive(self, source: str, target: str, datagram: bytes) -> None:
        if target not in self.servers:
            return
        answer, _ = self.servers[target].datagram(datagram, (source, PORT), self.now)
        if answer is not None:
            self._across(target, source, answer)
        self._stir(target)

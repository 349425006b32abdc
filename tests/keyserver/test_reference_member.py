# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The profile for Cisco's reference implementation, read by one that knows nothing of our code."""

from __future__ import annotations

import ipaddress

import pytest

from keyserver.gdoi.payloads import Profile
from keyserver.lab.specs import Acknowledgement
from tests.keyserver.reference_member import PUSH, ReferenceMember
from tests.keyserver.stranger import AGGRESSIVE, MAIN, Manner
from tests.keyserver.test_rekey import MULTICAST, V1_BLOCK
from tests.keyserver.world import GM, V1_SMC, World
from tests.lab import PSK

OTHER = "192.0.2.12"
AES_128 = V1_SMC + "encryption-algorithm aes-128-cbc sig-hash-algorithm sha-256"
AES_TEK = "set security group-vpn server ipsec proposal esp encryption-algorithm aes-128-cbc"
SA_1 = "set security group-vpn server group G1 ipsec-sa sa-1 match-policy "
ONE_HOST = (f"{SA_1}host source 198.51.100.0/24", f"{SA_1}host destination 203.0.113.7/32")
MODES = {
    "v2 unicast": ("v2", (AES_128, AES_TEK)),
    "v1 unicast": ("v1", (V1_BLOCK,)),
    "v1 multicast": ("v1", (MULTICAST,)),
}
PHASE_1 = ("group14", "sha-256", "aes-256-cbc")


class Cisco(World):
    """A key server in that profile, and members that are that implementation."""

    def __init__(self, signing_key, generation, lines, **more):
        spec = {"profile": Profile.CISCO_REFERENCE, "push_port": 8848, "aggressive": True}
        super().__init__(
            signing_key,
            generation,
            phase1=PHASE_1,
            extra=lines,
            members=2,
            acknowledgement=Acknowledgement.NONE,
            **spec | more,
        )
        self.foreign: list[ReferenceMember] = []

    def joins(self, address=GM, mode=MAIN):
        def say(datagram):
            return self.endpoint.receive(datagram, (address, 848), self.now)[0]

        octets = ipaddress.ip_address(address).packed
        member = ReferenceMember(say, PSK.encode(), octets, Manner(mode=mode))
        member.joins(1)
        self.foreign.append(member)
        return member

    def hear(self):
        """Everybody takes what is pushed; how many pushes there were."""
        pushes = [out.datagram for out in self.device.take(self.now)[0]]
        pushes = [one for one in pushes if one[18] == PUSH]
        for datagram in pushes:
            for member in self.foreign:
                member.hears(datagram)
        return len(pushes)

    def follow(self, seconds):
        """So much time passes, of which everybody hears."""
        end, count = self.now + seconds, 0
        while (due := self.device.deadline()) is not None and due <= end:
            self.now = due
            self.device.expire(due)
            count += self.hear()
        self.now = end
        return count

    def flush(self):
        self.hear()

    def agree(self):
        """All of them hold the keys that the server gives out, and its KEK."""
        view = self.view()
        for member in self.foreign:
            assert member.rekey.spi.hex() == view.kek.spi
            assert {tek.spi for tek in view.teks} <= {spi.hex() for spi in member.held}


@pytest.mark.parametrize("mode", [MAIN, AGGRESSIVE], ids=["main", "aggressive"])
@pytest.mark.parametrize("kind", MODES)
def test_it_follows_rekeys_rolls_and_the_deletion(signing_key, kind, mode):
    generation, lines = MODES[kind]
    world = Cisco(signing_key, generation, (*lines, *ONE_HOST))
    world.joins(mode=mode)
    world.agree()
    assert world.follow(3600) >= 1
    world.agree()
    roll = V1_SMC + "encryption-algorithm aes-128-cbc lifetime-seconds 7200"
    before = world.view().kek.spi
    world.commit(roll)
    assert world.view().kek.spi != before
    world.agree()
    # Who joins behind a roll goes on where the numbers are.
    late = world.joins(OTHER, mode)
    assert late.highest >= 2
    # More than its window of sequence numbers; v1 has heartbeats besides.
    hours = 24 if generation == "v2" else 4
    assert world.follow(hours * 3600) > 32
    world.agree()
    world.commit(roll, SA_1 + "third source 198.51.100.0/25", SA_1 + "third destination 0.0.0.0/0")
    world.agree()
    held = {spi for member in world.foreign for spi in member.held}
    world.groups.clear("G1", immediately=True, now=world.now)
    assert world.hear() == 1
    for member in world.foreign:
        assert member.rekey is None
        assert len(member.held) < len(held)

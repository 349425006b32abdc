# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything at once: commits in bursts, members in two groups, a group that goes and comes back.

Seeds are fixed: a run is the same each time, but for the keys.
"""

from __future__ import annotations

import random

import pytest

from keyserver.member.registrations import MemberState
from tests.keyserver.lossy import LossyGroup, faults_of
from tests.keyserver.world import GM, V1_SMC, World

MEMBERS = 6
SERVER = "set security group-vpn server"
GROUP = f"{SERVER} group G1"
SMC = f"{GROUP} server-member-communication"
ESP = f"{SERVER} ipsec proposal esp"
VALUES = {
    "v1": (
        (f"{ESP} lifetime-seconds", ("900", "1800", "3600", "7200")),
        (f"{ESP} encryption-algorithm", ("3des-cbc", "aes-128-cbc", "aes-256-cbc")),
        (f"{SMC} encryption-algorithm", ("3des-cbc", "aes-128-cbc")),
        (f"{SMC} lifetime-seconds", ("3600", "7200")),
        (f"{GROUP} activation-time-delay", ("10", "15", "30")),
    ),
    "v2": (
        (f"{ESP} lifetime-seconds", ("900", "1800", "3600", "7200")),
        (f"{ESP} encryption-algorithm", ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc")),
        (f"{SMC} encryption-algorithm", ("aes-128-cbc", "aes-256-cbc")),
        (f"{SMC} lifetime-seconds", ("3600", "7200")),
        (f"{GROUP} activation-time-delay", ("10", "15", "30")),
    ),
}
MULTICAST = (
    f"{SMC} communication-type multicast",
    f"{SMC} multicast-group 239.1.1.1",
    f"{SMC} multicast-outgoing-interface ge-0/0/0.0",
)
HOUR = 3600


def storm(group, generation, chance, commits=20):
    """That many commits within a second; a gateway goes and comes back in between."""
    whole = group.text
    for number in range(commits):
        leaf, values = chance.choice(VALUES[generation])
        if number == commits // 2:
            gone = f"{GROUP} ike-gateway gm-{chance.randint(1, MEMBERS)}\n"
            kept, group.text = group.text, group.text.replace(gone, "")
            group.commit()
            group.run(1 / commits * chance.random())
            group.text = kept
        group.commit(f"{leaf} {chance.choice(values)}")
        group.run(1 / commits)
    assert group.text.startswith(whole)


@pytest.mark.parametrize("during", ["registrations", "pushes"])
@pytest.mark.parametrize("loss", [0.0, 0.1])
@pytest.mark.parametrize("generation", ["v1", "v2"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_a_storm_of_commits_everybody_reads_everybody(generation, loss, during, seed):
    group = LossyGroup(MEMBERS, faults_of(loss), seed, generation)
    chance = random.Random(seed)
    if during == "pushes":
        group.settle()
        group.commit(f"{ESP} lifetime-seconds 2400")
    group.run(chance.random())
    storm(group, generation, chance)
    group.run(3 * HOUR)
    group.observer.begin(group.now)
    group.run(2 * HOUR)
    report = group.observer.report(group.now)
    assert group.registered == MEMBERS
    assert (report.apart, report.without_tek) == (0, 0)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_between_two_storms_of_commits_nobody_who_is_in_loses_anybody(seed):
    """Without losses it is not only healed: it never breaks."""
    group = LossyGroup(MEMBERS, faults_of(0.0), seed, "v2")
    chance = random.Random(seed)
    group.settle()
    for _ in range(20):
        leaf, values = chance.choice(VALUES["v2"])
        group.commit(f"{leaf} {chance.choice(values)}")
        group.run(1 / 20)
    group.run(2 * HOUR)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("seed", [1, 2])
def test_to_multicast_and_back_while_datagrams_are_lost(loss, seed):
    group = LossyGroup(MEMBERS, faults_of(loss), seed, "v1")
    group.settle()
    for lines in (MULTICAST, (f"{SMC} communication-type unicast",), MULTICAST):
        group.commit(*lines)
        group.run(random.Random(seed).random() * 40)
    group.run(3 * HOUR)
    group.observer.begin(group.now)
    group.run(2 * HOUR)
    report = group.observer.report(group.now)
    assert group.registered == MEMBERS
    # A multicast push is neither acknowledged nor repeated: a lost one is seen with the next.
    assert report.share <= {0.0: 0, 0.1: 0.05, 0.3: 0.15}[loss]


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_a_group_that_goes_and_comes_back_is_one_group_again(loss):
    group = LossyGroup(MEMBERS, faults_of(loss), 1, "v2")
    group.settle()
    whole = group.text
    for pause in (0.0, 0.02, 0.5, 20.0, 400.0):
        group.text = "".join(one for one in whole.splitlines(True) if " group G1 " not in one)
        group.commit(f"{SERVER} group G2 group-id 2")
        group.run(pause)
        group.text = whole
        group.commit()
        group.run(900)
    group.run(2 * HOUR)
    group.observer.begin(group.now)
    group.run(HOUR)
    report = group.observer.report(group.now)
    assert group.registered == MEMBERS
    assert (report.apart, report.without_tek) == (0, 0)


def test_a_device_may_be_a_member_of_two_groups(signing_key):
    block = "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"
    both = tuple(V1_SMC.replace("G1", name) + block for name in ("G1", "G2"))
    world = World(signing_key, extra=both)
    first, second = world.member(), world.member(group=2)
    for member in (first, second):
        world.exchange(member.start(world.now), member, GM)
    assert [m.state for m in (first, second)] == [MemberState.REGISTERED] * 2
    assert first.held().sends_with != second.held().sends_with
    assert world.listed("G1")[0] == world.listed("G2")[0] == [GM]
    # Pushes of both come to one address: each member takes its own.
    world.members[GM] = first
    world.commit(*both, f"{ESP} lifetime-seconds 3000")
    assert len(world.pushed) == 2
    for datagram in world.pushed:
        second.receive(datagram, world.now)
    for member in (first, second):
        assert [e.event for e in member.events].count("rekeyed") == 1
        assert len(member.held().receives_with) == 2
    assert set(first.held().receives_with).isdisjoint(second.held().receives_with)


def test_two_members_of_one_identity_at_two_addresses_do_not_take_each_others_place(signing_key):
    """A copied configuration: the gateway has one address, and the other one is refused."""
    block = V1_SMC + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"
    world = World(signing_key, extra=(block,), members=2)
    (member, _) = world.joined(2)
    held = member.held()
    copy = world.member(identity="gm.example.net")
    world.exchange(copy.start(world.now), copy, GM, source="192.0.2.99")
    assert copy.state is not MemberState.REGISTERED
    assert world.listed()[0] == [GM, "192.0.2.12"]
    assert member.held() == held

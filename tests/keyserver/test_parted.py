# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Servers of one cluster that cannot hear each other, or die, for a time, with members at both."""

from __future__ import annotations

import pytest

from keyserver.member.machine import GroupMember
from keyserver.member.registrations import MemberState
from tests.keyserver.lossy import BEGINNING, faults_of
from tests.keyserver.lossy_cluster import LossyCluster
from tests.keyserver.test_cluster import ROOT, SUB

MEMBERS = 12
# Ordered pairs of a member at one server and a member at the other.
ACROSS = 2 * (MEMBERS // 2) ** 2
REKEY = 3600 - 60
CHANGE = 3600 - 30


def settled(loss: float) -> LossyCluster:
    group = LossyCluster(MEMBERS, faults_of(loss))
    group.settle()
    return group


def until(group: LossyCluster, age: float) -> None:
    """Until so long after the first keys were made."""
    group.run(BEGINNING + age - group.now)


def parted(group: LossyCluster, since: float, for_seconds: float) -> None:
    until(group, since)
    group.parted = True
    group.run(for_seconds)
    group.parted = False


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_servers_that_are_parted_between_two_rekeys_go_on_with_the_same_keys(loss):
    group = settled(loss)
    parted(group, 600, 600)
    until(group, 2 * REKEY)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)
    assert group.registered == MEMBERS


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_servers_that_are_parted_over_a_rekey_part_their_members_and_meet_again(loss):
    group = settled(loss)
    parted(group, REKEY - 600, 1200)
    # From when new keys are sent with; members of one server understand each other all the time.
    asunder = ACROSS * (REKEY + 600 - CHANGE)
    report = group.observer.report(group.now)
    assert report.apart == pytest.approx(asunder, rel=0.005)
    # Found again within a probe's interval; what was the sub-server's is sent with for 2a more.
    group.run(60)
    assert group.observer.report(group.now).apart <= asunder + ACROSS / 2 * 45
    group.observer.begin(group.now)
    until(group, 3 * REKEY)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)


def without(group: LossyCluster, hub: str, seconds: float) -> None:
    """That server is dead from ten minutes before a rekey on, for so long."""
    group.settle()
    until(group, REKEY - 600)
    group.kill_server(hub)
    group.run(seconds)
    group.start_server(hub)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("hub", [ROOT, SUB])
def test_members_that_know_both_servers_do_not_notice_that_one_dies_over_a_rekey(hub, seed):
    group = LossyCluster(4, faults_of(0.0), seed, known=2)
    without(group, hub, 700)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)
    assert group.registered == 4


@pytest.mark.parametrize("seed", [7, 8])
def test_members_that_know_both_servers_stay_together_when_the_root_dies_as_it_makes_keys(seed):
    """Its word of them to the other server is lost at first: no member has heard of them either.

    The other server makes its own, later than they are due: what is apart then are seconds.
    """
    group = LossyCluster(12, faults_of(0.1), seed, known=2)
    group.settle()
    group.until_rekey()
    group.run(0.6)
    group.kill_server(ROOT)
    group.run(120)
    assert group.observer.report(group.now).apart < 10


def test_who_moves_to_a_server_that_has_pushed_less_hears_what_it_pushes():
    """The KEK is the same, and each server counts its pushes for itself."""
    group = LossyCluster(4, faults_of(0.0), known=2)
    group.settle()
    for _ in range(5):
        group.servers[SUB].groups.by_name["G1"].push.send("heartbeat", group.now)
    group.commit()
    group.run(60)
    group.kill_server(SUB)
    until(group, 3600)
    assert group.registered == 4
    group.observer.begin(group.now)
    group.commit("set security group-vpn server ipsec proposal esp lifetime-seconds 3000")
    group.run(120)
    report = group.observer.report(group.now)
    assert (report.apart, report.deaf, report.unlisted) == (0, 0, 0)


def test_members_are_told_when_the_other_server_does_not_acknowledge():
    group = settled(0.0)
    until(group, REKEY - 1)
    group.parted = True
    until(group, CHANGE - 20)
    held = [len(member.held().receives_with) for member in group.members.values()]
    assert sorted(held) == [1] * (MEMBERS // 2) + [2] * (MEMBERS // 2)


def test_members_that_know_the_dead_server_alone_have_no_key_until_it_is_back():
    """Nothing else can be had; who sleeps between two attempts sleeps 450 s at most."""
    group = LossyCluster(4, faults_of(0.0))
    without(group, SUB, 1500)
    group.run(450 + 20)
    assert group.registered == 4
    longest = 1500 - 600 - 60
    assert longest - 1 <= group.observer.report(group.now).longest_without_tek <= longest + 470


def attempts(servers: int) -> list[tuple[int, float]]:
    """Which servers a member begins with, and when, while none of them answers."""
    one = LossyCluster(1, faults_of(0.0)).members["192.0.2.10"].registrations.policies[0]
    member = GroupMember("m", 1, (one,) * servers, jitter=lambda: 0.5)
    member.start(0.0)
    found = [(member.registrations.server, 0.0)]
    while member.wake_at is not None and (now := member.wake_at) < 100:
        before = member.state
        member.tick(now)
        if before is MemberState.WAITING and member.state is MemberState.PHASE_1:
            found.append((member.registrations.server, now))
    return found


def test_every_server_is_tried_before_a_member_waits_and_a_mute_one_is_soon_left():
    """Four are the most that Junos takes: all but the last are given 6 s, and it 15.5 s."""
    began = attempts(4)
    assert began[:4] == [(0, 0.0), (1, 6.5), (2, 13.0), (3, 19.5)]
    # From then on as if there were one: the pauses double.
    assert began[4] == (0, 19.5 + 15.5 + 16.0)
    assert attempts(1)[:3] == [(0, 0.0), (0, 17.5), (0, 37.0)]

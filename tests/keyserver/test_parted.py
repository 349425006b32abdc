# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Servers of one cluster that cannot hear each other for a time, with members at both."""

from __future__ import annotations

import pytest

from tests.keyserver.lossy import BEGINNING, faults_of
from tests.keyserver.lossy_cluster import LossyCluster

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

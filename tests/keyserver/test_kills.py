# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A server and its members are killed at any instant of a change: durable keys keep them together.

Seeds are fixed: a run is the same each time, but for the keys.
"""

from __future__ import annotations

import random

import pytest

from tests.keyserver.lossy import LossyGroup, faults_of

MEMBERS = 5
SERVER = "set security group-vpn server"
GROUP = f"{SERVER} group G1"
CYCLE = 3600 - 60
# What is going on when the server is killed; the first is a rekey that is due by itself.
CHANGES: dict[str, tuple[str, ...]] = {
    "rekey": (),
    "lifetime": (f"{SERVER} ipsec proposal esp lifetime-seconds 3000",),
    "algorithm": (f"{SERVER} ipsec proposal esp encryption-algorithm aes-192-cbc",),
    "kek": (f"{GROUP} server-member-communication encryption-algorithm aes-192-cbc",),
    "policy": (
        f"{GROUP} ipsec-sa sa-1 match-policy p2 source 10.2.0.0/16",
        f"{GROUP} ipsec-sa sa-1 match-policy p2 destination 10.3.0.0/16",
    ),
}
# Seconds from the change to the kill: before anything is sent, between copies, behind the last.
LATEST = (0.01, 0.06, 0.5, 2, 12, 25, 35)


def killed(seed, generation, loss, path):
    """What the observer saw until somebody new came, and from when that one had keys."""
    chance = random.Random(seed)
    group = LossyGroup(MEMBERS, faults_of(loss), seed, generation, state=path / f"{seed}.db")
    begun = group.now
    group.settle()
    name = chance.choice(list(CHANGES))
    if CHANGES[name]:
        group.run(chance.random() * 500)
        group.commit(*CHANGES[name])
    else:
        group.run(CYCLE - 5 - (group.now - begun) + chance.random() * 10)
    group.run(chance.choice(LATEST) * chance.random())
    group.restart_server(chance.choice((1, 5, 30)))
    group.run(chance.random() * 300)
    before = group.observer.report(group.now)
    newcomer = group.replace(chance.choice(list(group.members)))
    group.run(120, lambda: newcomer.held().sends_with is not None)
    group.observer.begin(group.now)
    group.run(2 * CYCLE)
    assert group.registered == MEMBERS
    return name, before, group.observer.report(group.now)


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_kill_in_the_middle_of_a_change_takes_nobody_from_anybody(generation, seed, tmp_path):
    name, before, after = killed(seed, generation, 0.0, tmp_path)
    assert (before.apart, before.without_tek, after.without_tek) == (0, 0, 0), name
    # Keys of a policy that is no more do not come back: who joins before all have left them waits.
    assert after.apart <= (30 * 2 * (MEMBERS - 1) if name == "policy" else 0), name


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_with_losses_a_kill_costs_one_member_a_minute_at_most(generation, seed, tmp_path):
    name, *reports = killed(seed, generation, 0.1, tmp_path)
    minute = 60 * 2 * (MEMBERS - 1)
    assert all(r.apart <= minute and not r.without_tek for r in reports), (name, reports)

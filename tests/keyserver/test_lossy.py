# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who understands whom while datagrams are lost, doubled and late; `make soak` runs longer.

Seeds are fixed: a run is the same each time, but for the keys.
"""

from __future__ import annotations

import itertools
import random
import shutil

import pytest

from keyserver.lab.specs import Faults
from tests.keyserver.lossy import Clock, LossyGroup, faults_of

MEMBERS, FEW, REKEYS = 30, 12, 3
CYCLE = 3600 - 60


def rekeyed(loss, seed=1, **more):
    group = LossyGroup(MEMBERS, faults_of(loss), seed, **more)
    group.settle()
    group.run(REKEYS * CYCLE + 60)
    return group.observer.report(group.now)


@pytest.mark.parametrize(
    ("generation", "loss", "seed"),
    [("v2", 0.0, 1), ("v2", 0.1, 1), ("v2", 0.1, 3), ("v1", 0.1, 1)],
)
def test_rekeys_leave_no_pair_apart(generation, loss, seed):
    report = rekeyed(loss, seed, generation=generation)
    assert report.apart == 0
    assert report.without_tek == 0
    assert report.together == pytest.approx(MEMBERS * (MEMBERS - 1) * (REKEYS * CYCLE + 60))


@pytest.mark.parametrize("loss", [0.0, 0.1])
@pytest.mark.parametrize(
    ("delay", "life"), [(60, 180), (900, 180), (60, 300), (60, 360), (30, 180), (60, 420)]
)
def test_lives_that_leave_no_room_for_the_delays_leave_no_pair_apart(delay, life, loss):
    """Group VPNv2 takes them: a push at the half of a life may leave less than 2a of it."""
    server = "set security group-vpn server "
    extra = (
        f"{server}group G1 activation-time-delay {delay}",
        f"{server}ipsec proposal esp lifetime-seconds {life}",
    )
    group = LossyGroup(FEW // 2, faults_of(loss), extra=extra)
    group.settle()
    group.run(8 * life)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)
    again = [e for member in group.members.values() for e in member.events]
    assert sum(e.event == "reregistering" for e in again) <= (FEW if loss else 0)


@pytest.mark.parametrize("seed", [1, 2])
def test_at_three_lost_in_ten_a_thousandth_is_apart_at_most(seed):
    report = rekeyed(0.3, seed)
    assert report.share <= 0.001
    # A registration: five answers to be had, each repeated for some 20 s.
    assert report.longest_without_tek <= 60


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_server_that_is_killed_and_comes_back_takes_nobody_from_anybody(generation, tmp_path):
    group = LossyGroup(MEMBERS, faults_of(0.0), generation=generation, state=tmp_path / "hub.db")
    group.settle()
    group.run(600)
    group.restart_server(30)
    group.run(3 * CYCLE)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)
    assert group.registered == MEMBERS


def test_who_is_long_about_registering_again_is_waited_for(tmp_path):
    # After a restart nobody is pushed to. Of a hundred, one in this run needs eleven seconds.
    group = LossyGroup(100, faults_of(0.1), seed=3, state=tmp_path / "hub.db")
    group.settle()
    group.kill_server()
    group.start_server()
    group.run(CYCLE + 60)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)


def test_quick_commits_one_after_the_other_leave_no_pair_apart():
    group = LossyGroup(MEMBERS, faults_of(0.0))
    group.settle()
    for seconds in (4000, 5000, 6000):
        path = "set security group-vpn server ipsec proposal esp lifetime-seconds"
        group.commit(f"{path} {seconds}")
        group.run(8)
    group.run(120)
    assert group.observer.report(group.now).apart == 0


# What nobody lays a cable for; each case three cycles, with the first rekey at CYCLE.
CASES = [
    ("v2", 0.1, way, start) for way in ("both", "up", "down") for start in (0.0, 9.0, 29.0)
] + [("v1", 0.1, "both", 0.0), ("v1", 0.1, "down", 19.0)]


@pytest.mark.parametrize(("generation", "loss", "way", "start"), CASES)
def test_three_seconds_without_any_datagram_leave_no_pair_apart(generation, loss, way, start):
    group = LossyGroup(FEW, faults_of(loss), generation=generation)
    begun = group.now
    group.settle()

    def cut(member, upward):
        within = (group.now - begun - start) % CYCLE < 3 and group.now > begun + CYCLE - 1
        return within and way in ("both", "up" if upward else "down")

    group.cut = cut
    group.run(REKEYS * CYCLE)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_who_cannot_be_heard_for_a_whole_cycle_keeps_its_keys_and_is_back_in_time(generation):
    group = LossyGroup(FEW, faults_of(0.1), generation=generation)
    begun = group.now
    group.settle()
    unheard = set(list(group.members)[::3])
    group.cut = lambda member, upward: (
        upward and member in unheard and CYCLE <= group.now - begun < 2 * CYCLE
    )
    group.run(REKEYS * CYCLE)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)


@pytest.mark.parametrize(
    ("generation", "after"), [("v2", -0.5), ("v2", 0.06), ("v2", 2.0), ("v2", 25.0), ("v1", 12.0)]
)
def test_a_server_that_is_killed_while_the_kek_rolls_takes_nobody_from_anybody(
    generation, after, tmp_path
):
    group = LossyGroup(FEW, faults_of(0.1), generation=generation, state=tmp_path / "hub.db")
    begun = group.now
    group.settle()
    group.run(begun + 14400 - 60 + after - group.now)
    group.restart_server(7)
    group.run(2 * CYCLE)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)
    assert group.registered == FEW


@pytest.mark.parametrize("seconds", [25, 35])
def test_a_server_that_is_killed_over_a_multicast_rekey_is_late_once(seconds, tmp_path):
    """What comes once is late for all: nobody changes earlier or registers anew each time."""
    block = "set security group-vpn server group G1 server-member-communication "
    extra = (f"{block}communication-type multicast", f"{block}multicast-group 239.1.1.1")
    more = {"generation": "v1", "state": tmp_path / "hub.db", "extra": extra}
    group = LossyGroup(FEW // 2, faults_of(0.0), **more)
    begun = group.now
    group.settle()
    group.run(begun + CYCLE - 10 - group.now)
    group.restart_server(seconds)
    group.run(CYCLE / 2)
    for member in group.members.values():
        member.events.clear()
    group.run(2 * CYCLE)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)
    events = {e.event for member in group.members.values() for e in member.events}
    assert "reregistering" not in events


@pytest.mark.parametrize("before", [0.35, 0.4])
def test_a_heartbeat_that_overtakes_message_4_makes_its_keys_no_older(before):
    block = "set security group-vpn server group G1 server-member-communication "
    way = "multicast-group 239.1.1.1 multicast-outgoing-interface ge-0/0/1.0"
    extra = (f"{block}communication-type multicast", f"{block}{way}")
    group = LossyGroup(3, Faults(delay=0.05), generation="v1", extra=extra)
    group.settle()
    deaf = group.members["192.0.2.10"]
    group.cut = lambda name, upward: name == deaf.name
    group.commit(LIFETIME + "3500")
    group.run(100)
    group.cut = lambda name, upward: False
    group.run(group.server.groups.by_name["G1"].heartbeat.due - before - group.now)
    group.register_again(deaf.name)
    group.run(60)
    assert not group.observer.unreadable()


def test_a_server_that_comes_back_with_an_older_copy_of_its_file_is_followed(tmp_path):
    """Its numbers go back: who has registered again takes its pushes as they come."""
    state, copy = tmp_path / "hub.db", tmp_path / "copy"
    group = LossyGroup(3, Faults(delay=0.05), state=state)
    group.settle()
    copy.mkdir()
    for file in tmp_path.glob("hub.db*"):
        shutil.copy(file, copy)
    for life in (3500, 3400, 3300):
        group.commit(LIFETIME + str(life))
        group.run(70)
    group.kill_server()
    shutil.copytree(copy, tmp_path, dirs_exist_ok=True)
    group.start_server()
    group.run(CYCLE)
    for member in group.members.values():
        member.events.clear()
    group.run(2 * CYCLE)
    events = {e.event for member in group.members.values() for e in member.events}
    assert "rekeyed" in events
    assert "reregistering" not in events
    assert group.observer.report(group.now).apart == 0


@pytest.mark.parametrize("restarted", [False, True])
def test_clocks_that_are_off_and_run_otherwise_leave_no_pair_apart(restarted, tmp_path):
    def clock(chance):
        # Half a minute off; nine seconds a day too fast or too slow.
        return Clock(chance.uniform(-30, 30), 1 + chance.uniform(-1e-4, 1e-4))

    group = LossyGroup(MEMBERS, faults_of(0.1), state=tmp_path / "hub.db", clocks=clock)
    group.settle()
    if restarted:
        group.kill_server()
        group.start_server()
    group.run(REKEYS * CYCLE)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)


@pytest.mark.parametrize("at", [-1.0, 0.06, 10.5, 20.5])
def test_who_is_seen_at_another_port_while_a_push_is_repeated_is_in_time(at):
    group = LossyGroup(FEW, faults_of(0.1))
    begun = group.now
    group.ports = dict.fromkeys(group.members, 40000)
    group.settle()
    group.run(begun + CYCLE + at - group.now)
    for member in list(group.members)[::3]:
        group.ports[member] = 50000
    group.run(REKEYS * CYCLE)
    report = group.observer.report(group.now)
    assert (report.apart, report.without_tek) == (0, 0)


@pytest.mark.parametrize("seed", [13, 39])
def test_who_joins_in_the_middle_of_a_commit_reads_those_who_hear_of_it_late(seed):
    # In these runs somebody has the commit's push from its second copy only.
    chance = random.Random(seed)
    group = LossyGroup(8, faults_of(0.1), seed)
    group.settle()
    newcomer = group.replace(chance.choice(list(group.members)))
    group.run(chance.random() * 4)
    committed = group.now
    group.commit(LIFETIME + "4000")
    group.run(60, lambda: newcomer.held().sends_with is not None)
    group.observer.begin(group.now)
    group.run(110)
    told = [e.time for m in group.members.values() for e in m.events if e.event == "rekeyed"]
    assert max(told) > committed + 10
    assert group.observer.report(group.now).apart == 0


NEW_POLICY = "set security group-vpn server group G1 ipsec-sa sa-1 match-policy p2 "
LIFETIME = "set security group-vpn server ipsec proposal esp lifetime-seconds "


def _apart_once_joined(group: LossyGroup) -> float:
    """Pair-seconds without understanding, from when a newcomer sends until all keys are one."""
    newcomer = group.replace("192.0.2.10")
    group.run(5, lambda: newcomer.held().sends_with is not None)
    group.observer.begin(group.now)
    group.run(200)
    return group.observer.report(group.now).apart


@pytest.mark.parametrize(
    "lines",
    [
        (LIFETIME + "4000",),
        (LIFETIME + "900",),
        (NEW_POLICY + "source 10.2.0.0/16", NEW_POLICY + "destination 10.3.0.0/16"),
    ],
    ids=["longer", "shorter", "policy"],
)
@pytest.mark.parametrize("after", [1, 10, 29, 31, 38, 44, 46, 90])
def test_who_joins_behind_a_rekey_understands_the_others_and_is_understood(after, lines):
    group = LossyGroup(5, Faults(delay=0.05))
    group.settle()
    group.commit(*lines)
    group.run(after)
    assert _apart_once_joined(group) == 0


@pytest.mark.parametrize("pauses", [(1, 2, 12, 11), (0, 0, 0, 1, 1), (5, 9, 1, 40)])
def test_who_joins_among_quick_commits_is_read_by_those_who_have_got_later_keys(pauses):
    group = LossyGroup(4, Faults(delay=0.05))
    group.settle()
    group.commit(LIFETIME + "3500")
    group.run(0.1)
    group.commit(LIFETIME + "3450")
    group.run(1)
    newcomer = group.replace("192.0.2.10")
    group.run(5, lambda: newcomer.held().sends_with is not None)
    group.observer.begin(group.now)
    for number, pause in enumerate(pauses):
        group.run(pause)
        group.commit(LIFETIME + str(3400 - number))
    group.run(100)
    assert group.observer.report(group.now).apart == 0
    assert all(len(m.held().receives_with) == 1 for m in group.members.values())


def _all_is_read(group, seconds, step=1.0):
    """For so long everybody reads what the others send for any traffic, not only the first."""
    for _ in range(int(seconds / step)):
        group.run(step)
        for one, other in itertools.permutations(group.members.values(), 2):
            assert set(one.keys.traffic.sends_with) <= set(other.held().receives_with)


def _protect(group, before, after):
    group.text = group.text.replace(before, after)
    group.commit()


@pytest.mark.parametrize("kept", [(), ("source 10.2.0.0/16", "destination 10.3.0.0/16")])
@pytest.mark.parametrize("after", [0.2, 10, 28])
def test_who_joins_behind_changed_match_policies_sends_for_the_old_ones_while_others_read_it(
    after, kept
):
    group = LossyGroup(3, Faults(delay=0.05), extra=tuple(NEW_POLICY + one for one in kept))
    group.settle()
    _protect(group, "198.51.100.0/24", "198.51.100.0/25")
    group.run(after)
    newcomer = group.replace("192.0.2.10")
    group.run(5, lambda: newcomer.held().sends_with is not None)
    _all_is_read(group, 90)


def test_who_is_new_sends_with_no_key_that_those_who_were_there_are_told_the_last_second_of():
    group = LossyGroup(3, Faults(delay=0.05))
    group.settle()
    _protect(group, "198.51.100.0/24", "198.51.100.0/25")
    group.run(200)
    # The one that is switched off has not acknowledged this; the next one has its place.
    group.members["192.0.2.10"].stop()
    _protect(group, "198.51.100.0/25", "198.51.100.0/26")
    newcomer = group.replace("192.0.2.10")
    group.run(5, lambda: newcomer.held().sends_with is not None)
    _all_is_read(group, 3, step=0.1)


@pytest.mark.parametrize(("first", "then"), [(30, 10), (10, 30), (60, 15)])
@pytest.mark.parametrize(("after", "join"), [(1, 1), (15, 25), (40, 1)])
def test_who_joins_behind_a_commit_of_another_delay_goes_by_that_which_the_others_were_told(
    first, then, after, join
):
    delay = "set security group-vpn server group G1 activation-time-delay "
    group = LossyGroup(4, Faults(delay=0.05), extra=(f"{delay}{first}",))
    group.settle()
    group.commit(LIFETIME + "3500")
    group.run(after)
    group.commit(f"{delay}{then}")
    group.run(join)
    assert _apart_once_joined(group) == 0


@pytest.mark.parametrize(("left", "join"), [(90, 0.1), (90, 5), (65, 0.1)])
def test_who_joins_behind_a_rekey_that_came_with_little_left_keeps_what_others_send_with(
    left, join
):
    group = LossyGroup(4, Faults(delay=0.05))
    group.settle()
    ends = group.server.groups.by_name["G1"].keyring.teks.newest("sa-1").expires
    group.run(ends - left - group.now)
    # A longer delay makes the next key due at once: less than four of them are left.
    group.commit("set security group-vpn server group G1 activation-time-delay 60")
    group.run(join)
    assert _apart_once_joined(group) == 0


@pytest.mark.parametrize(("first", "then", "join"), [(10, 20, 9), (10, 20, 15), (15, 30, 15)])
def test_who_joins_among_commits_of_a_longer_delay_changes_before_others_drop_the_key_before(
    first, then, join
):
    delay = "set security group-vpn server group G1 activation-time-delay "
    group = LossyGroup(4, Faults(delay=0.05), extra=(f"{delay}{first}",))
    group.settle()
    group.commit(NEW_POLICY + "source 10.2.0.0/16", NEW_POLICY + "destination 10.3.0.0/16")
    group.run(0.1)
    group.commit(f"{delay}{then}")
    group.run(3)
    group.commit(LIFETIME + "3400")
    group.run(join)
    assert _apart_once_joined(group) == 0


def test_who_is_told_what_goes_is_told_it_by_the_delay_of_the_key_that_others_have_got_since():
    delay = "set security group-vpn server group G1 activation-time-delay "
    group = LossyGroup(4, Faults(delay=0.05), extra=(f"{delay}60",))
    group.settle()
    group.commit(LIFETIME + "3500")
    group.run(1)
    group.commit(f"{delay}15", LIFETIME + "3400")
    group.run(121)
    # The one that is switched off has not acknowledged this; the next one has its place.
    group.members["192.0.2.10"].stop()
    group.commit(LIFETIME + "3300")
    group.run(0.2)
    assert _apart_once_joined(group) == 0


@pytest.mark.parametrize("join", [25, 31, 40])
def test_a_key_that_a_quicker_one_has_overtaken_is_given_to_nobody(join):
    delay = "set security group-vpn server group G1 activation-time-delay "
    group = LossyGroup(4, Faults(delay=0.05), extra=(f"{delay}60",))
    group.settle()
    group.commit(LIFETIME + "3500")
    group.run(40)
    group.commit(f"{delay}15", LIFETIME + "3400")
    group.run(join)
    assert _apart_once_joined(group) == 0


def test_the_bench_sees_a_gap_where_there_is_one():
    group = LossyGroup(MEMBERS, faults_of(0.0))
    group.settle()
    for member in list(group.members.values())[:3]:
        # They are cut off; the others get new keys, and send with them.
        member.stop()
    group.run(CYCLE + 60)
    assert group.observer.report(group.now).gaps > 0


def test_events_tell_the_observer_what_the_machines_know():
    group = LossyGroup(MEMBERS, faults_of(0.3))
    group.settle()
    group.run(2 * CYCLE)
    for member in group.members.values():
        held = [event.held for event in member.events if event.held is not None]
        assert held[-1] == member.held()

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When a member changes keys: activation and removal, after a push, a registration, a deletion."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest

from keyserver.gdoi.payloads import Selector
from keyserver.lab.specs import Timing
from keyserver.member.associations import TrafficKeys, TrafficSelector, traffic_sa
from keyserver.member.events import event_line
from keyserver.member.registrations import MemberState
from keyserver.member.traffic import Arrival, GrantedTek, GroupDelays, Traffic
from tests.keyserver.test_associations import sat
from tests.keyserver.world import GM, V1_SMC, World

BLOCK = V1_SMC + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"
DELAY = "set security group-vpn server group G1 activation-time-delay 20"
OTHER = "192.0.2.12"
REKEY = 3600 - 60


def told(member, *kinds):
    """(event, seconds) of the member's events of these kinds."""
    return [(e.event, e.time) for e in member.events if e.event in kinds]


def last(member, kind):
    return [e for e in member.events if e.event == kind][-1]


def test_the_first_key_is_sent_with_at_once(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    (member,) = world.joined(1)
    held = last(member, "registered").held
    assert held.sends_with is not None
    assert held.receives_with == (held.sends_with,)
    assert told(member, "activated", "dropped") == []


def test_a_pushed_key_is_received_with_at_once_and_sent_with_after_two_delays(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    (member,) = world.joined(1)
    old = member.held().sends_with
    world.pass_time(REKEY + 60)
    pushed = last(member, "rekeyed")
    assert pushed.held.sends_with == old
    assert set(pushed.held.receives_with) > {old}
    active, dropped = last(member, "activated"), last(member, "dropped")
    assert active.time == pushed.time + 2 * 15
    assert active.held.sends_with == active.spis[0] != old
    assert set(active.held.receives_with) == {old, active.held.sends_with}
    assert (dropped.time, dropped.spis) == (active.time + 15, (old,))
    assert dropped.held.receives_with == (active.held.sends_with,)


def test_who_holds_no_key_sends_with_a_pushed_one_at_once(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    (member,) = world.joined(1)
    world.text = "".join(f"{n}\n" for n in world.text.splitlines() if "ipsec-sa" not in n)
    world.commit(BLOCK)
    world.pass_time(5)
    # It has asked since what else there is, and was not given again what it had to delete.
    assert (member.held().sends_with, member.held().receives_with) == (None, ())
    match = "set security group-vpn server group G1 ipsec-sa sa-2 match-policy any "
    sa = "set security group-vpn server group G1 ipsec-sa sa-2 proposal esp"
    world.commit(BLOCK, sa, f"{match}source 198.51.100.0/24", f"{match}destination 203.0.113.0/24")
    pushed = last(member, "rekeyed")
    assert pushed.held.receives_with == (pushed.held.sends_with,)
    assert told(member, "activated")[-1] == ("activated", pushed.time)


def test_the_delays_are_those_of_the_groups_policy(signing_key):
    world = World(signing_key, extra=(BLOCK, DELAY))
    (member,) = world.joined(1)
    world.pass_time(3600)
    pushed = last(member, "rekeyed").time
    assert told(member, "activated", "dropped") == [
        ("activated", pushed + 40),
        ("dropped", pushed + 60),
    ]


def test_who_registers_for_keys_that_end_changes_with_all_and_keeps_the_old_one_to_its_end(
    signing_key,
):
    world = World(signing_key, extra=())
    (member,) = world.joined(1)
    old = member.held().sends_with
    world.pass_time(3600)
    again = [e for e in member.events if e.event == "registered"][1]
    assert again.held.sends_with == old
    assert old in again.held.receives_with
    assert again.time < world.now - 3 * 15
    assert last(member, "activated").time == world.now - 2 * 15
    # The old key's life less what Junos leaves: this is when those drop it who were pushed to.
    assert last(member, "dropped").time == pytest.approx(world.now - 15)


@pytest.mark.parametrize("left", [61, 66, 75, 90, 105, 119, 135])
@pytest.mark.parametrize("joined_before", [False, True])
def test_who_registers_late_in_a_keys_life_asks_for_the_next_one_before_others_send_with_it(
    signing_key, left, joined_before
):
    """Without server-member-communication nobody is pushed to, and the first registration says
    what is left of a key, not how long it lives."""
    world = World(signing_key, extra=(), members=2)
    members = world.joined(1 + joined_before)
    ends = world.now + 3600
    world.pass_time(3600 - left)
    late = members[1] if joined_before else world.member(OTHER)
    world.run(late, OTHER)
    for _ in range(left):
        world.pass_time(1)
        both = [member.held() for member in world.members.values()]
        assert all(one.sends_with in other.receives_with for one in both for other in both)
    again = last(late, "registered").time
    assert ends - 3.25 * 15 <= again <= ends - 3 * 15


@pytest.mark.parametrize("joins", [5, 50, 100])
@pytest.mark.parametrize("lives", [(180,), (900, 240)])
@pytest.mark.parametrize("delay", [30, 45, 60])
def test_who_joins_behind_a_commit_of_shorter_lives_changes_with_the_others(
    signing_key, delay, lives, joins
):
    """A life below eight delays leaves the older key less time than a whole one does."""
    wait = f"set security group-vpn server group G1 activation-time-delay {delay}"
    world = World(signing_key, extra=(BLOCK, wait), members=2)
    world.joined(1)
    for life in lives:
        world.pass_time(20)
        world.commit(f"set security group-vpn server ipsec proposal esp lifetime-seconds {life}")
    world.pass_time(joins)
    world.run(world.member(OTHER), OTHER)
    for _ in range(400):
        world.pass_time(1)
        both = [member.held() for member in world.members.values()]
        assert all(one.sends_with in other.receives_with for one in both for other in both)


def test_a_server_that_forgot_its_keys_takes_the_old_one_from_nobody(signing_key):
    block = BLOCK.replace("aes-256-cbc", "3des-cbc").replace("sha-256", "sha1") + " heartbeat 60"
    world = World(signing_key, "v1", extra=(block,), members=2)
    members = world.joined(2)
    old = members[0].held().sends_with
    again = World(signing_key, "v1", extra=(block,), members=2)
    again.now, again.members = world.now, world.members
    again.pass_time(60 * 4)
    for member in members:
        assert told(member, "registered")[1:]
        assert old in member.held().receives_with
    assert members[0].held().sends_with == members[1].held().sends_with != old


def test_a_third_key_does_not_take_away_the_one_in_use(signing_key):
    world = World(signing_key, extra=(BLOCK,), members=2)
    one, two = world.joined(2)
    old = one.held().sends_with
    for algorithm in ("aes-128-cbc", "aes-192-cbc"):
        path = "set security group-vpn server ipsec proposal esp encryption-algorithm"
        world.commit(BLOCK, f"{path} {algorithm}")
        world.pass_time(5)
    assert one.held().sends_with == two.held().sends_with == old
    assert len(one.held().receives_with) == 3
    world.pass_time(60)
    assert one.held().sends_with != old
    assert one.held().receives_with == (one.held().sends_with,)
    assert one.held() == two.held()


def test_a_deletion_without_successor_holds_at_once(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    (member,) = world.joined(1)
    world.groups.clear("G1", immediately=True, now=world.now)
    world.flush()
    held = last(member, "deleted").held
    assert (held.sends_with, held.receives_with) == (None, ())
    line = json.loads(event_line(last(member, "deleted")))
    assert line["sends_with"] is None
    assert line["receives_with"] == []


def test_events_without_a_change_of_keys_say_nothing_of_keys(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    (member,) = world.joined(1)
    member.receive(b"noise", world.now)
    line = json.loads(event_line(last(member, "ignored")))
    assert "sends_with" not in line


def test_a_push_that_overtakes_message_4_is_read_behind_it(signing_key):
    world = World(signing_key, extra=(BLOCK,), members=2)
    world.joined(1)
    late = world.member(OTHER)
    queue, answers = late.start(world.now), []
    while late.state is not MemberState.PULL or len(answers) < 5:
        answer, _ = world.endpoint.receive(queue.pop(0), (OTHER, 848), world.now)
        answers.append(answer)
        if len(answers) < 5:
            queue += late.receive(answer, world.now)
    # Message 4 is under way; the server lists the member and rekeys.
    world.members[OTHER] = late
    world.commit(BLOCK, V1_SMC + "encryption-algorithm aes-128-cbc")
    assert late.state is MemberState.PULL
    world.exchange(late.receive(answers[-1], world.now), late, OTHER)
    assert [e.event for e in late.events][:2] == ["registered", "rekeyed"]
    assert late.keys.kek.kek.spi == world.members[GM].keys.kek.kek.spi


def test_an_older_grant_does_not_take_back_what_a_push_brought(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    (member,) = world.joined(1)
    old, kek = member.held().sends_with, member.keys.kek.kek.spi
    (granted,) = world.grants
    member.keys.begin(world.now)
    world.pass_time(REKEY + 1)
    new = member.keys.kek.kek.spi
    assert new != kek
    member.keys.install_grant(granted, world.now)
    assert member.keys.kek.kek.spi == new
    assert member.held().sends_with == old
    world.pass_time(30)
    assert member.held().sends_with not in (old, None)


def test_copies_of_any_recent_push_are_acknowledged_again(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    (member,) = world.joined(1)
    for seconds in (7, 8, 9):
        world.commit(BLOCK, f"{_LIFE}{3600 + seconds}")
        world.pass_time(2)
    known = len(world.happenings())
    for datagram in world.pushed:
        member.receive(datagram, world.now)
    assert len(world.happenings()) == known
    world.now = member.wake_at + 1
    assert len(member.tick(world.now)) == len(world.pushed) == 3


_MULTICAST = V1_SMC + (
    "encryption-algorithm 3des-cbc sig-hash-algorithm sha1 communication-type multicast "
    "multicast-group 239.1.2.3 multicast-outgoing-interface ge-0/0/1.0"
)
_LIFE = "set security group-vpn server ipsec proposal esp lifetime-seconds "


@pytest.mark.parametrize("more", [0, 1])
def test_a_member_that_missed_a_push_registers_again(signing_key, more):
    world = World(signing_key, "v1", extra=(_MULTICAST,))
    (member,) = world.joined(1)
    world.lost.add(GM)
    world.commit(_MULTICAST, _LIFE + "7000")
    world.lost.clear()
    # What comes behind does not bring what was missed.
    for number in range(1 + more):
        world.commit(_MULTICAST, _LIFE + str(8000 + number))
    world.pass_time(3)
    assert "1 pushes missed" in [e.reason for e in member.events]
    assert world.happenings().count("registered") == 2


def test_of_two_pushes_that_overtook_each_other_the_later_ones_key_is_sent_with(signing_key):
    world = World(signing_key, "v1", extra=(_MULTICAST,), members=2)
    one, two = world.joined(2)
    world.lost.add(GM)
    world.commit(_MULTICAST, _LIFE + "7000")
    world.lost.clear()
    world.commit(_MULTICAST, _LIFE + "8000")
    one.receive(world.pushed[-2], world.now)
    for _ in range(60):
        world.pass_time(1)
        assert one.held().sends_with in two.held().receives_with
        assert two.held().sends_with in one.held().receives_with
    assert one.held() == two.held()


def test_a_registration_brings_the_groups_delays_and_heartbeat_or_ends_them(signing_key):
    block = V1_SMC + "encryption-algorithm 3des-cbc sig-hash-algorithm sha1 heartbeat 60"
    world = World(signing_key, "v1", extra=(block,))
    (member,) = world.joined(1)
    assert (member.keys.heartbeat, member.keys.activation_delay) == (60, 15)
    world.text = world.text.replace(block, "")
    world.commit()
    world.exchange(member.start(world.now), member, GM)
    assert member.keys.heartbeat is None


def test_a_recovery_probe_registers_for_traffic_that_cannot_be_read(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    member = world.member(recovery_probe=True)
    world.run(member)
    member.recovery.heard(member.held().sends_with, world.now)
    world.pass_time(60)
    assert world.happenings().count("registered") == 1
    member.recovery.heard("deadbeef", world.now)
    started = world.now
    world.pass_time(1000)
    times = [e.time - started for e in member.events if e.event == "reregistering"]
    # With jitter 0.5: 5 s, and pauses of 10, 20, 40, 80, 160 and 320 s with 5 s each; then no more.
    assert times == [5, 20, 45, 90, 175, 340, 665]
    assert "unknown SPI deadbeef" in last(member, "reregistering").reason


def test_a_recovery_probe_ends_when_the_key_has_come(signing_key):
    world = World(signing_key, extra=(BLOCK,), members=2)
    member = world.member(recovery_probe=True)
    world.run(member)
    world.lost.add(GM)
    world.commit(BLOCK, "set security group-vpn server ipsec proposal esp lifetime-seconds 7200")
    world.lost.clear()
    world.run(world.member(OTHER), OTHER)
    new = world.members[OTHER].held().receives_with
    member.recovery.heard(new[0], world.now)
    world.pass_time(1000)
    assert [e.event for e in member.events].count("reregistering") == 1
    assert set(new) <= set(member.held().receives_with) | set(new[1:])


def test_without_recovery_probe_unknown_traffic_changes_nothing(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    (member,) = world.joined(1)
    member.recovery.heard("deadbeef", world.now)
    world.pass_time(600)
    assert world.happenings().count("registered") == 1


# The rules by themselves

KEY = TrafficSelector(
    1, 0, Selector.prefix("192.0.2.0/25", 0), Selector.prefix("192.0.2.128/25", 0)
)


def tek(number, seconds=3600, selector=KEY):
    sa = traffic_sa(sat(spi=number.to_bytes(4, "big"), seconds=seconds))
    return GrantedTek(dataclasses.replace(sa, selector=selector), TrafficKeys(b"", b""))


def traffic(delay=15, deactivation=None, timing=Timing.JUNOS):
    found = Traffic(timing)
    found.delays = GroupDelays(delay, deactivation)
    found.add([tek(0x1000)], Arrival.FIRST_REGISTRATION, 0.0)
    found.settle(0.0)
    return found


def moments(found, until=10_000.0):
    """(seconds, sends with, receives with) at every change."""
    rows = []
    while (due := found.next_change()) is not None and due <= until:
        found.settle(due)
        rows.append((due, found.sends_with, found.receives_with))
    return rows


def test_who_gets_the_last_copy_of_a_rekey_changes_with_the_others():
    found = traffic()
    # Pushed when 60 s were left; the copy that came is the third, 20 s later.
    found.add([tek(0x2000)], Arrival.PUSH, 3560.0)
    assert [row[0] for row in moments(found, 3600.0)] == [3570.0, 3585.0]
    early = traffic()
    early.add([tek(0x2000)], Arrival.PUSH, 3540.0)
    assert [row[0] for row in moments(early, 3600.0)] == [3570.0, 3585.0]


def test_where_the_key_server_itself_may_be_late_the_old_key_is_kept_to_its_end():
    """It hung over a rekey: whoever reckons a second otherwise goes on with the old key."""
    found, other = traffic(), traffic()
    found.add([tek(0x2000)], Arrival.PUSH, 3569.5)
    assert moments(found, 3600.0)[-1] == (3600.0, ("00002000",), ("00002000",))
    assert len(found.receives_with) == 1
    other.add([tek(0x2000)], Arrival.PUSH, 3570.5)
    assert [row[0] for row in moments(other, 3600.0)] == [3598.0, 3600.0]


def test_a_push_that_comes_once_is_late_for_everybody():
    found = traffic()
    found.repeats = False
    found.add([tek(0x2000)], Arrival.PUSH, 3560.0)
    assert [row[0] for row in moments(found, 3600.0)] == [3590.0, 3600.0]
    assert found.first_end() == (3560.0 + 3600, 3600)


def test_a_registration_says_anew_when_the_newest_key_ends():
    found = traffic()
    found.add([tek(0x1000, 100)], Arrival.REGISTRATION, 3490.0)
    assert found.first_end() == (3590.0, 3600)


@pytest.mark.parametrize(("asked", "ends"), [(3489.0, 3619.0), (3465.0, 3600.0), (3470.0, 3600.0)])
def test_a_later_end_is_news_only_beyond_what_a_registration_took(asked, ends):
    """On a bad link the seconds are told long before they come."""
    found = traffic()
    found.asked = asked
    found.add([tek(0x1000, 130)], Arrival.REGISTRATION, 3490.0)
    assert found.first_end() == (ends, 3600)


@pytest.mark.parametrize(("wrong", "left_wrong"), [(0, 0), (60, 30)])
def test_who_registers_again_on_a_slow_link_reckons_no_end_later(signing_key, wrong, left_wrong):
    """It sent with the key for as much longer, when the others had dropped it."""
    world = World(signing_key)
    (member,) = world.joined(1)
    (end, _), begun = member.keys.traffic.first_end(), world.now
    for (newest,) in member.keys.teks.values():
        newest.expires -= wrong
    queue = member.start(world.now)
    while queue:
        answer, _ = world.endpoint.receive(queue.pop(0), (GM, 848), world.now)
        world.now += 5
        queue += member.receive(answer, world.now) if answer is not None else []
    assert world.now >= begun + 25
    assert member.state is MemberState.REGISTERED
    assert end - left_wrong <= member.keys.traffic.first_end()[0] <= end


@pytest.mark.parametrize(
    ("registered", "sends"),
    [
        # In the middle of its life: one delay. While the key before is being replaced: not before
        # those that were pushed to, nor as late as when they drop it: what it holds of the end is
        # late by the way that the key took.
        (1000.0, 1015.0),
        (3539.0, 3554.0),
        (3540.0, 3570.0),
        (3555.0, 3570.0),
        (3562.0, 3577.0),
        (3570.0, 3583.0),
        (3580.0, 3583.0),
        (3590.0, 3590.0),
    ],
)
def test_a_key_from_registering_again_waits_one_delay_or_changes_with_the_others(registered, sends):
    found = traffic()
    found.settle(registered)
    found.add([tek(0x2000)], Arrival.REGISTRATION, registered)
    before = found.settle(registered)
    rows = [registered] if before.activated else [row[0] for row in moments(found, 3600.0)]
    assert rows[0] == sends
    assert found.sends_with == ("00002000",)


def test_rfc_timing_waits_one_delay_after_a_push():
    found = traffic(timing=Timing.RFC6407)
    found.add([tek(0x2000)], Arrival.PUSH, 100.0)
    assert [row[0] for row in moments(found, 200.0)] == [115.0, 130.0]


def test_a_deactivation_delay_keeps_the_old_key_longer_never_shorter():
    longer = traffic(deactivation=90)
    longer.add([tek(0x2000)], Arrival.PUSH, 100.0)
    assert [row[0] for row in moments(longer, 300.0)] == [130.0, 190.0]
    shorter = traffic(deactivation=5)
    shorter.add([tek(0x2000)], Arrival.PUSH, 100.0)
    assert [row[0] for row in moments(shorter, 300.0)] == [130.0, 145.0]


def test_a_deactivation_delay_holds_for_what_a_rekey_deletes():
    for told, gone in ((90, 190.0), (5, 145.0)):
        found = traffic(deactivation=told)
        found.delete(1, None, 100.0, at_once=False)
        assert [row[0] for row in moments(found, 300.0)] == [130.0, gone]


def test_without_delays_a_new_key_is_used_at_once_and_the_old_one_kept_to_its_end():
    found = traffic(delay=None)
    found.add([tek(0x2000, 7200)], Arrival.PUSH, 100.0)
    found.settle(100.0)
    assert found.sends_with == ("00002000",)
    assert [row[0] for row in moments(found, 3700.0)] == [3600.0]


def test_with_two_keys_in_a_first_grant_the_older_one_is_sent_with_until_the_others_change():
    found = Traffic()
    found.delays = GroupDelays(15)
    found.add([tek(0x2000, 3590), tek(0x1000, 50)], Arrival.FIRST_REGISTRATION, 0.0)
    found.settle(0.0)
    assert found.sends_with == ("00001000",)
    # Pushed when 60 s were left, sent with when 30 are: earlier than after a whole delay or not.
    assert moments(found, 45.0)[0][:2] == (15.0, ("00002000",))
    found = Traffic()
    found.delays = GroupDelays(15)
    found.add([tek(0x2000, 3590), tek(0x1000, 35)], Arrival.FIRST_REGISTRATION, 0.0)
    found.settle(0.0)
    assert moments(found, 30.0)[0][:2] == (5.0, ("00002000",))


def test_who_registers_first_with_two_keys_reads_the_older_one_while_the_others_may_send_with_it():
    found = Traffic()
    found.delays = GroupDelays(15)
    # One second behind a commit: the older one is told no more than four delays of life.
    found.add([tek(0x2000), tek(0x1000, 59)], Arrival.FIRST_REGISTRATION, 1.0)
    found.settle(1.0)
    both = ("00002000", "00001000")
    assert moments(found, 60.0) == [
        (16.0, ("00002000",), both),
        (45.0, ("00002000",), ("00002000",)),
    ]


def test_a_key_that_ends_early_is_followed_by_the_next_just_before():
    """Nobody sends with it to its very end: that of others is a little earlier."""
    found = traffic()
    found.add([tek(0x2000)], Arrival.PUSH, 3590.0)
    assert moments(found, 3600.0) == [
        (3598.0, ("00002000",), ("00002000", "00001000")),
        (3600.0, ("00002000",), ("00002000",)),
    ]


def test_a_key_that_is_deleted_early_is_followed_by_the_next_at_once():
    found = traffic()
    found.add([tek(0x2000)], Arrival.PUSH, 3540.0)
    found.delete(1, [(0x1000).to_bytes(4, "big")], 3545.0, at_once=True)
    found.settle(3545.0)
    assert (found.sends_with, found.receives_with) == (("00002000",), ("00002000",))


def test_no_order_of_arrivals_stops_the_clock_or_takes_the_last_key():
    chance = random.Random(7)
    for _ in range(300):
        found, now = traffic(delay=chance.choice([None, 0, 15])), 0.0
        for step in range(12):
            now += chance.choice([0, 1, 14, 15, 29, 31, 200])
            found.settle(now)
            kind = chance.choice(list(Arrival))
            stale = chance.random() < 0.2
            fresh = tek(0x2000 + step)
            found.add([fresh], kind, now, older=[fresh.sa.selector] * stale)
            if not stale and chance.random() < 0.2:
                found.delete(1, [(0x2000 + step - 1).to_bytes(4, "big")], now, at_once=False)
            found.settle(now)
            assert found.sends_with
            assert set(found.sends_with) <= set(found.receives_with)
            for _ in range(50):
                due = found.next_change()
                if due is None or due > now:
                    break
                found.settle(due)
            else:
                raise AssertionError("the clock stands still")


OTHER_WAY = KEY._replace(source=KEY.destination, destination=KEY.source)
SECONDS = (0, 1, 5, 14, 15, 30, 45, 200, 3000)


def at_random(found, chance, number, now):
    """Something that a key server may bring about at any time."""
    held = [one.spi for teks in found.selectors.values() for one in teks]
    what = chance.random()
    if what < 0.6:
        found.delays = GroupDelays(
            chance.choice((0, 15, 15, 900)), chance.choice((None, 60, 65535))
        )
        seconds = chance.choice((1, 30, 100, 3600, 86400))
        selectors = chance.choice(((KEY,), (OTHER_WAY,), (KEY, OTHER_WAY)))
        arrival = chance.choice((Arrival.PUSH, Arrival.REGISTRATION))
        teks = [tek(0x1000 + number, seconds, one) for one in selectors]
        found.add(teks, arrival, now, older=[one.sa.selector for one in teks] * (what < 0.05))
    elif what < 0.9 and held:
        found.delete(1, chance.sample(held, 1), now, at_once=chance.random() < 0.3)
    elif held:
        found.retire_others({KEY}, now)


def check_told(before, found, changes):
    """Who sends and who receives otherwise than before is named by what a look at the clock did."""
    sent, received = before
    gone = {*changes.dropped, *changes.expired}
    assert received - set(found.receives_with) <= gone
    assert sent - set(found.sends_with) <= gone | {*changes.retired} or changes.activated
    assert set(found.sends_with) - sent <= set(changes.activated)
    assert not gone & set(found.receives_with)


@pytest.mark.parametrize("seed", range(200))
def test_whatever_comes_every_change_is_told_and_time_passes(seed):
    chance, found, now = random.Random(seed), traffic(), 0.0
    for number in range(1, 30):
        before = set(found.sends_with), set(found.receives_with)
        at_random(found, chance, number, now)
        before = before[0], before[1] | set(found.receives_with)
        check_told(before, found, found.settle(now))
        end = now + chance.choice(SECONDS)
        while (due := found.next_change()) is not None and due <= end:
            # What is due once is not due again: a timer would spin.
            assert due > now
            now, before = due, (set(found.sends_with), set(found.receives_with))
            check_told(before, found, found.settle(now))
        now = end
        before = set(found.sends_with), set(found.receives_with)
        check_told(before, found, found.settle(now))

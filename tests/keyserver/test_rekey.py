# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pushes, both ends in one process with a hand-moved clock: rekeys, loss, silence, deletion."""

from __future__ import annotations

import itertools

import pytest

from keyserver.gdoi.payloads import Profile
from keyserver.groups.events import WentSilent
from keyserver.groups.plane import Acknowledgement
from keyserver.member.registrations import MemberState
from tests.keyserver.world import GM, V1_SMC, World

V2_BLOCK = V1_SMC + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"
V1_BLOCK = V1_SMC + "encryption-algorithm 3des-cbc sig-hash-algorithm sha1"
MULTICAST = (
    V1_BLOCK
    + " communication-type multicast multicast-group 239.1.2.3"
    + " multicast-outgoing-interface ge-0/0/1.0"
)
OTHER = "192.0.2.12"


def combinations(ciphers, hashes):
    return list(itertools.product(ciphers.split(), hashes.split()))


@pytest.mark.parametrize(
    ("generation", "algorithms"),
    [("v2", c) for c in combinations("aes-128-cbc aes-192-cbc aes-256-cbc", "sha-256 sha-384")]
    + [
        ("v1", c)
        for c in combinations("des-cbc 3des-cbc aes-128-cbc aes-192-cbc aes-256-cbc", "md5 sha1")
    ],
    ids=lambda p: p if isinstance(p, str) else "-".join(p),
)
@pytest.mark.parametrize("profile", list(Profile))
def test_a_rekey_is_decrypted_verified_and_installed(signing_key, generation, algorithms, profile):
    block = V1_SMC + "encryption-algorithm {} sig-hash-algorithm {}".format(*algorithms)
    world = World(signing_key, generation, extra=(block,), profile=profile)
    (member,) = world.joined(1)
    before = member.keys.tek_spis(), member.keys.kek.kek.spi
    world.pass_time(3600 - 60 + 1)
    assert world.happenings()[-1] == "rekeyed"
    assert len(member.held().receives_with) == 2
    world.pass_time(30)
    assert member.keys.tek_spis() != before[0]
    assert member.keys.kek.kek.spi != before[1]
    assert member.keys.kek.kek.spi.hex() == world.view().kek.spi
    assert world.view().counters.push_acknowledged == 1


def test_a_rekey_comes_at_lifetime_less_four_activation_delays(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,))
    world.joined(1)
    world.pass_time(3600 - 60 - 1)
    assert not world.pushed
    world.pass_time(1)
    assert len(world.pushed) == 1


def test_old_and_new_keys_overlap_until_the_old_ones_end(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,), members=2)
    (member, _) = world.joined(2)
    (old,) = member.keys.tek_spis()
    world.pass_time(3600 - 60)
    installed = [t.spi.hex() for teks in member.keys.teks.values() for t in teks]
    assert installed[1] == old
    assert member.keys.tek_spis() == (old,)
    new = installed[0]
    # Who registers meanwhile can read what is still sent under the old key.
    late = world.member(OTHER)
    world.run(late, OTHER)
    assert [t.spi.hex() for ts in late.keys.teks.values() for t in ts] == [new, old]
    world.pass_time(30)
    assert member.keys.tek_spis() == late.keys.tek_spis() == (new,)
    world.pass_time(15)
    installed = [t.spi.hex() for teks in member.keys.teks.values() for t in teks]
    assert installed == [new]
    assert world.happenings()[-3:] == ["rekeyed", "activated", "dropped"]


def test_members_follow_for_a_day_without_registering_again(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,), members=3)
    members = world.joined(3)
    world.pass_time(86_400)
    for address, member in world.members.items():
        assert world.happenings(address).count("registered") == 1
        assert member.keys.kek.kek.spi.hex() == world.view().kek.spi
    assert len(world.listed()[0]) == 3
    assert members[0].keys.teks == members[1].keys.teks


def test_one_datagram_is_signed_and_encrypted_for_the_whole_group(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,), members=5)
    world.joined(5)
    world.pass_time(3600 - 60 + 1)
    assert len(world.pushed) == 1
    assert world.listed()[1].push_sent == 5
    assert world.listed()[1].push_acknowledged == 5


@pytest.mark.parametrize("retransmissions", [0, 1, 5])
def test_a_silent_unicast_member_leaves_after_exactly_the_retransmissions(
    signing_key, retransmissions
):
    tuned = f" number-of-retransmission {retransmissions} retransmission-period 7"
    world = World(signing_key, extra=(V2_BLOCK + tuned,), members=2)
    world.joined(2)
    world.lost.add(OTHER)
    world.pass_time(3600 - 60)
    assert world.listed()[0] == [GM, OTHER]
    world.pass_time(7 * (retransmissions + 1) - 1)
    assert len(world.pushed) == 1 + retransmissions
    assert world.listed()[0] == [GM, OTHER]
    world.pass_time(1)
    assert world.listed()[0] == [GM]
    assert len(world.pushed) == 1 + retransmissions
    counters = world.listed()[1]
    assert (counters.push_sent, counters.push_unacknowledged) == (2, 1)
    assert WentSilent("G1", "gm-2", OTHER) in world.happened
    # It gets no more rekeys.
    world.lost.clear()
    known = len(world.members[OTHER].events)
    world.commit(V2_BLOCK + tuned, V1_SMC + "encryption-algorithm aes-128-cbc")
    assert len(world.members[OTHER].events) == known


def test_a_member_that_missed_one_copy_takes_the_next(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,))
    (member,) = world.joined(1)
    world.lost.add(GM)
    world.pass_time(3600 - 60 + 5)
    world.lost.clear()
    world.pass_time(10)
    assert world.happenings()[-1] == "rekeyed"
    assert world.listed()[1].push_acknowledged == 1
    assert member.state is MemberState.REGISTERED


def test_who_was_stopped_over_a_rekey_makes_its_key_no_younger_than_it_is(signing_key):
    """A suspended process finds the push that came meanwhile before it looks at its timers."""
    world = World(signing_key, extra=(V2_BLOCK,))
    (member,) = world.joined(1)
    del world.members[GM]
    world.pass_time(3600 - 60 + 300)
    world.exchange(member.receive(world.pushed[0], world.now), member, GM)
    world.exchange(member.tick(world.now), member, GM)
    assert world.listed()[0] == [GM]
    end = world.groups.by_name["G1"].keyring.teks.newest("sa-1").expires
    assert member.keys.first_end()[0] == pytest.approx(end, abs=1)


def test_a_lost_acknowledgement_is_said_again_and_nothing_is_installed_twice(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,))
    world.joined(1)
    swallow = world.groups.acknowledge
    world.groups.acknowledge = lambda *_: False
    world.pass_time(3600 - 60 + 5)
    assert world.happenings().count("rekeyed") == 1
    world.groups.acknowledge = swallow
    world.pass_time(10)
    assert world.happenings().count("rekeyed") == 1
    assert world.listed()[1].push_acknowledged == 1


def test_a_server_that_asks_for_no_acknowledgement_neither_repeats_nor_removes(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,), acknowledgement=Acknowledgement.NONE)
    world.joined(1)
    world.lost.add(GM)
    world.pass_time(3600 - 60 + 600)
    assert len(world.pushed) == 1
    assert world.listed()[0] == [GM]


def test_a_multicast_push_is_one_datagram_without_acknowledgement_and_removes_nobody(signing_key):
    world = World(signing_key, "v1", extra=(MULTICAST,), members=3)
    members = world.joined(3)
    assert members[0].multicast == ("239.1.2.3", 848)
    world.lost.add(OTHER)
    world.pass_time(3600 - 60)
    rekeys = [e for e in world.happened if e.kind == "rekey"]
    assert [e.receivers for e in rekeys] == [1]
    world.pass_time(600)
    assert len(world.listed()[0]) == 3
    assert world.listed()[1].push_sent == 1
    assert world.listed()[1].push_acknowledged == 0
    assert world.happenings("192.0.2.13").count("rekeyed") == 1


def test_heartbeats_keep_their_interval_and_count_up(signing_key):
    world = World(signing_key, "v1", extra=(V1_BLOCK + " heartbeat 100",))
    (member,) = world.joined(1)
    world.pass_time(1000)
    beats = [e for e in member.events if e.event == "heartbeat"]
    assert [e.sequence for e in beats] == list(range(1, 11))
    assert {round(b.time - a.time) for a, b in itertools.pairwise(beats)} == {100}
    assert world.listed()[1].push_sent == 0


def test_what_is_pushed_is_told_by_its_kind_and_to_how_many(signing_key):
    world = World(signing_key, "v1", extra=(V1_BLOCK + " heartbeat 100",), members=2)
    world.joined(2)
    world.pass_time(105)
    world.commit(V1_BLOCK + " heartbeat 100 lifetime-seconds 1800")
    world.pass_time(5)
    told = [(event.group, event.kind, event.receivers) for event in world.happened]
    assert told[0] == ("G1", "heartbeat", 2)
    assert told[1] == ("G1", "policy", 2)


def test_a_member_that_may_no_longer_be_there_is_not_waited_for(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,), members=2)
    world.joined(2)
    world.lost.add(OTHER)
    world.commit(V2_BLOCK + " lifetime-seconds 7200")
    world.text = world.text.replace("set security group-vpn server group G1 ike-gateway gm-2\n", "")
    world.commit(V2_BLOCK + " lifetime-seconds 7200")
    counted = world.view().counters.push_unacknowledged
    world.pass_time(120)
    members, counters = world.listed()
    assert (members, counters.push_unacknowledged) == ([GM], counted)
    assert all(event.receivers == 1 for event in world.happened[1:])


def sums(world):
    """(sent, acknowledged, unacknowledged) of the group and of the last member."""
    view = world.view()
    tallies = (view.counters, list(view.members)[-1].counters)
    return [(one.push_sent, one.push_acknowledged, one.push_unacknowledged) for one in tallies]


def in_flight(signing_key):
    """A world in which the second member's rekey is on its way."""
    world = World(signing_key, extra=(V2_BLOCK,), members=2)
    _, other = world.joined(2)
    world.lost.add(OTHER)
    world.pass_time(3600 - 60 + 2)
    assert sums(world) == [(2, 1, 0), (1, 0, 0)]
    return world, other


def test_what_was_sent_before_counters_were_cleared_is_not_counted_behind_that(signing_key):
    world, _ = in_flight(signing_key)
    world.groups.clear_statistics("G1")
    world.lost.clear()
    world.pass_time(40)
    assert "rekeyed" in world.happenings(OTHER)
    assert sums(world) == [(0, 0, 0), (0, 0, 0)]
    # Nor is what is given up; and the next one is counted again.
    world, _ = in_flight(signing_key)
    world.groups.clear_statistics("G1")
    world.pass_time(60)
    assert [member.address for member in world.view().members] == [GM]
    assert sums(world) == [(0, 0, 0), (0, 0, 0)]
    world.pass_time(3600)
    assert sums(world) == [(1, 1, 0), (1, 1, 0)]


def test_a_rekey_that_nobody_waits_for_any_longer_is_not_in_flight_for_ever(signing_key):
    world, other = in_flight(signing_key)
    world.run(other, OTHER)
    assert sums(world) == [(2, 1, 1), (1, 0, 1)]
    # One who left while it was on its way is counted where everybody is.
    world, _ = in_flight(signing_key)
    world.text = world.text.replace("set security group-vpn server group G1 ike-gateway gm-2\n", "")
    world.commit(V2_BLOCK)
    sent, acknowledged, unacknowledged = sums(world)[0]
    world.pass_time(60)
    assert (acknowledged, unacknowledged) == (1, 1)
    assert sums(world)[0][0] == sum(sums(world)[0][1:]) >= sent


def test_group_vpn_v2_sends_no_heartbeats(signing_key):
    world = World(signing_key, "v2", extra=(V2_BLOCK + " heartbeat 100",))
    world.joined(1)
    world.pass_time(1000)
    assert not world.pushed


@pytest.mark.parametrize(("threshold", "again"), [(3, True), (1, True), (0, False)])
def test_missed_heartbeats_make_a_member_register_again(signing_key, threshold, again):
    world = World(signing_key, "v1", extra=(V1_BLOCK + " heartbeat 100",))
    (member,) = world.joined(1, heartbeat_threshold=threshold)
    world.lost.add(GM)
    # Half an interval for delays, and up to half an activation delay for jitter.
    world.pass_time(100 * threshold + 50 + 3)
    assert "reregistering" not in world.happenings()
    world.pass_time(1)
    assert ("reregistering" in world.happenings()) is again
    if again:
        reasons = [e.reason for e in member.events if e.event == "reregistering"]
        assert reasons == [f"{threshold} heartbeats missed"]


def test_a_heartbeat_after_a_missed_rekey_shows_the_gap(signing_key):
    world = World(signing_key, "v1", extra=(MULTICAST + " heartbeat 100",), members=2)
    (member, _) = world.joined(2)
    world.lost.add(GM)
    more = "set security group-vpn server group G1 ipsec-sa sa-2 proposal esp"
    match = "set security group-vpn server group G1 ipsec-sa sa-2 match-policy m "
    new = (more, match + "source 192.0.2.0/25", match + "destination 192.0.2.128/25")
    world.commit(MULTICAST + " heartbeat 100", *new)
    assert "rekeyed" in world.happenings(OTHER)
    assert world.happenings()[-1] == "registered"
    world.lost.clear()
    world.pass_time(101)
    assert "reregistering" in world.happenings()
    assert world.happenings()[-1] == "registered"
    assert member.held().receives_with == world.members[OTHER].held().receives_with


def test_a_restarted_server_is_noticed(signing_key):
    world = World(signing_key, "v1", extra=(V1_BLOCK + " heartbeat 60",))
    (member,) = world.joined(1)
    again = World(signing_key, "v1", extra=(V1_BLOCK + " heartbeat 60",))
    again.now, again.members = world.now, world.members
    assert again.listed()[0] == []
    again.pass_time(60 * 4)
    assert again.listed()[0] == [GM]
    assert member.state is MemberState.REGISTERED


@pytest.mark.parametrize(
    "change",
    [
        "encryption-algorithm aes-128-cbc",
        "sig-hash-algorithm sha-384",
        "lifetime-seconds 900",
        "certificate another",
    ],
)
def test_a_commit_that_changes_the_kek_is_pushed_at_once(signing_key, change):
    world = World(signing_key, extra=(V2_BLOCK,))
    (member,) = world.joined(1)
    old = member.keys.kek.kek.spi
    world.commit(V2_BLOCK, V1_SMC + change)
    assert world.happenings()[-1] == "rekeyed"
    assert member.keys.kek.kek.spi != old
    assert world.view().kek.spi == member.keys.kek.kek.spi.hex()
    world.pass_time(2 * 86_400)
    assert world.happenings().count("registered") == 1


@pytest.mark.parametrize("change", ["retransmission-period 5", "number-of-retransmission 7"])
def test_a_commit_that_changes_only_timers_pushes_nothing_and_holds_at_once(signing_key, change):
    world = World(signing_key, extra=(V2_BLOCK,))
    world.joined(1)
    world.commit(V2_BLOCK, V1_SMC + change)
    assert not world.pushed
    view = world.view().kek
    assert f"{change.split()[-1]}" in (str(view.retransmissions), str(view.retransmission_period))


def test_lifetime_follows_the_commit_without_restart(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,))
    (member,) = world.joined(1)
    world.commit(V2_BLOCK, V1_SMC + "lifetime-seconds 300")
    assert member.keys.kek.expires == world.now + 300
    world.pass_time(240)
    assert len(world.pushed) == 2


@pytest.mark.parametrize("restarted", [False, True])
def test_a_key_that_a_shorter_lived_one_has_followed_does_not_come_back(
    signing_key, restarted, tmp_path
):
    spec = {"members": 2, "state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK,), **spec)
    world.run(world.member(OTHER), OTHER)
    path = "set security group-vpn server "
    shorter = (
        f"{path}ipsec proposal esp lifetime-seconds 180",
        f"{path}group G1 activation-time-delay 60",
    )
    world.commit(V2_BLOCK, *shorter)
    # The third of these has just been made; what was before them would live for an hour.
    world.pass_time(2 * 90 + 5)
    if restarted:
        world.device.close()
        before, block = world, (V2_BLOCK, *shorter)
        world = World(signing_key, extra=block, start=before.now, **spec)
        world.members = before.members
    world.run(world.member())
    one, other = world.members[GM].held(), world.members[OTHER].held()
    assert one.sends_with == other.sends_with
    assert one.receives_with == other.receives_with


def test_removing_the_block_deletes_the_kek_and_leaves_the_teks(signing_key):
    world = World(signing_key, extra=())
    world.commit(V2_BLOCK)
    (member,) = world.joined(1)
    world.commit()
    assert world.happenings()[-1] == "deleted"
    assert member.keys.kek is None
    assert member.keys.teks
    assert world.view().kek is None
    world.pass_time(3600)
    # On its own again: it comes back at lifetime - 3 x activation delay.
    assert world.happenings().count("registered") == 2


def test_removing_the_group_deletes_everything(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,))
    (member,) = world.joined(1)
    world.text = world.text.replace(" group G1 ", " group G3 ").replace("group-id 1", "group-id 3")
    world.commit()
    assert member.keys.kek is None
    assert not member.keys.teks
    world.pass_time(5)
    assert member.state is MemberState.WAITING
    assert "reregistering" in world.happenings()


def test_changed_policies_are_pushed_and_old_ones_deleted(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,))
    (member,) = world.joined(1)
    old = member.keys.tek_spis()
    world.text = world.text.replace("198.51.100.0/24", "198.51.100.0/25")
    world.commit()
    assert world.happenings()[-1] == "rekeyed"
    # Others have yet to hear of it: the old one goes when everybody sends with the new one.
    assert member.keys.tek_spis() == old
    world.pass_time(30)
    assert set(member.keys.tek_spis()).isdisjoint(old)
    world.pass_time(15)
    assert member.held().receives_with == member.keys.tek_spis()


def test_an_expelled_gateway_does_not_get_the_new_keys(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,), members=2)
    (stays, leaves) = world.joined(2)
    known = len(leaves.events)
    old = leaves.keys.tek_spis()
    path = "set security group-vpn server group G1 "
    world.text = world.text.replace(f"{path}ike-gateway gm-2\n", "")
    world.commit()
    world.pass_time(2)
    # RFC 6407 §7.4.1: first the KEK, then the traffic keys under it.
    assert len(world.pushed) == 2
    assert stays.keys.current_kek not in leaves.keys.keks
    assert len(leaves.events) == known
    world.pass_time(30)
    assert leaves.keys.tek_spis() == old
    assert stays.keys.tek_spis() != old
    assert world.listed()[0] == [GM]


def test_changing_to_multicast_tells_the_members_over_unicast(signing_key):
    world = World(signing_key, "v1", extra=(V1_BLOCK,))
    (member,) = world.joined(1)
    assert member.multicast is None
    world.commit(MULTICAST)
    assert member.multicast == ("239.1.2.3", 848)
    assert world.listed()[0] == [GM]


def test_clear_now_deletes_at_once_and_members_come_back(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,))
    (member,) = world.joined(1)
    world.groups.clear("G1", immediately=True, now=world.now)
    world.flush()
    assert world.listed()[0] == []
    assert not member.keys.teks
    world.pass_time(5)
    assert world.listed()[0] == [GM]


def test_clear_gives_new_keys_once_more_and_empties_the_list(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,))
    (member,) = world.joined(1)
    old = member.keys.tek_spis()
    world.groups.clear("G1", immediately=False, now=world.now)
    world.flush()
    assert world.listed()[0] == []
    world.pass_time(30)
    assert member.keys.tek_spis() != old
    world.pass_time(3600)
    assert world.listed()[0] == [GM]


def test_aggressive_mode_registers_a_peer_that_only_its_identity_tells(signing_key):
    server = "set security group-vpn server"
    dynamic = (
        f"{server} ike policy away mode aggressive",
        f"{server} ike policy away proposals p1",
        f"{server} ike policy away pre-shared-key ascii-text made-up-key-1",
        f"{server} ike gateway home ike-policy away",
        f"{server} ike gateway home dynamic hostname site-9.example.net",
        f"{server} group G1 ike-gateway home",
    )
    world = World(signing_key, extra=(V2_BLOCK, *dynamic))
    away = "198.51.100.77"
    member = world.member(away, identity="site-9.example.net", mode="aggressive")
    world.run(member, away)
    assert member.state is MemberState.REGISTERED
    assert world.view().members[0].gateway == "home"
    stranger = world.member(away, identity="site-8.example.net", mode="aggressive")
    world.run(stranger, away)
    assert stranger.state is not MemberState.REGISTERED
    # The gateways with addresses say main mode, and are held to it.
    fixed = world.member(GM, mode="aggressive")
    world.run(fixed)
    assert fixed.state is not MemberState.REGISTERED
    assert any("does not take aggressive" in getattr(e, "reason", "") for e in world.events)


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_aggressive_mode_can_be_allowed_for_every_gateway(signing_key, generation):
    world = World(signing_key, generation, aggressive=True)
    member = world.member(mode="aggressive")
    world.run(member)
    assert member.state is MemberState.REGISTERED
    (one,) = world.endpoint.associations(world.now)
    assert (one.gateway, one.mode) == ("gm-1", "aggressive")


def test_aggressive_mode_with_another_key_is_refused(signing_key):
    world = World(signing_key, aggressive=True)
    member = world.member(mode="aggressive", psk="another")
    world.run(member)
    assert member.state is not MemberState.REGISTERED
    assert world.listed()[0] == []


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_list_that_is_cleared_twice_parts_nobody_from_who_registers_then(signing_key, generation):
    block = {"v1": V1_BLOCK, "v2": V2_BLOCK}[generation]
    world = World(signing_key, generation, extra=(block,), members=3)
    world.joined(2)
    for _ in range(2):
        world.groups.clear("G1", False, world.now)
        world.flush()
        world.pass_time(5)
    late = world.member("192.0.2.13")
    world.run(late, "192.0.2.13")
    world.pass_time(120)
    assert len({member.held() for member in world.members.values()}) == 1

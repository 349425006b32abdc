# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A rekey in the middle of a registration: nobody ends up deaf."""

from __future__ import annotations

import gc

import pytest

from keyserver.gdoi.payloads import Profile
from keyserver.groups.keys import GroupTek
from keyserver.member.registrations import MemberState
from tests.keyserver.test_rekey import MULTICAST, OTHER, V1_BLOCK, V2_BLOCK
from tests.keyserver.world import GM, V1_SMC, World

PATH = "set security group-vpn server group G1 "
MESSAGES = 10
# In phase 1, before and after it, and around each message of the pull.
MOMENTS = (0, 3, 6, 7, 8, 9, 10)


def _kek(world: World, *block: str) -> None:
    world.commit(*block, V1_SMC + "encryption-algorithm aes-128-cbc")


def _policy(world: World, *block: str) -> None:
    world.text = world.text.replace("198.51.100.0/24", "198.51.100.0/25")
    world.commit(*block)


def _another_sa(world: World, *block: str) -> None:
    match = PATH + "ipsec-sa sa-2 match-policy m "
    wanted = (PATH + "ipsec-sa sa-2 proposal esp", match + "source 192.0.2.0/25")
    world.text += "".join(f"{line}\n" for line in (*wanted, match + "destination 192.0.2.128/25"))
    world.commit(*block)


def _expulsion(world: World, *block: str) -> None:
    world.text = world.text.replace(f"{PATH}ike-gateway gm-3\n", "")
    world.commit(*block)


def _twice(world: World, *block: str) -> None:
    _kek(world, *block)
    _policy(world, *block)


def _clear(world: World, *block: str) -> None:
    world.groups.clear("G1", immediately=False, now=world.now)
    world.flush()


def _clear_now(world: World, *block: str) -> None:
    world.groups.clear("G1", immediately=True, now=world.now)
    world.flush()


CHANGES = (_kek, _policy, _another_sa, _expulsion, _twice, _clear, _clear_now)


def _installed(member) -> set[str]:
    return {tek.spi.hex() for teks in member.keys.teks.values() for tek in teks}


def _register_around(world: World, change, messages: int) -> None:
    """Register a member; the change happens when that many messages have been delivered."""
    member = world.members[GM] = world.member()
    queue, delivered = [(True, d) for d in member.start(world.now)], 0
    while queue or delivered <= MESSAGES:
        if delivered == messages:
            change()
        delivered += 1
        if not queue:
            continue
        to_server, datagram = queue.pop(0)
        if to_server:
            answer, _ = world.endpoint.receive(datagram, (GM, 848), world.now)
            queue += [(False, answer)] if answer is not None else []
        else:
            queue += [(True, d) for d in member.receive(datagram, world.now)]
    world.flush()


@pytest.mark.parametrize("messages", MOMENTS)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_a_commit_between_any_two_messages_leaves_the_new_member_with_everybodys_keys(
    signing_key, change, messages
):
    world = World(signing_key, extra=(V2_BLOCK,), members=3)
    world.joined(3)
    del world.members[GM]
    _register_around(world, lambda: change(world, V2_BLOCK), messages)
    world.pass_time(25)
    new, old = world.members[GM], world.members[OTHER]
    assert new.state is old.state is MemberState.REGISTERED
    wanted = {tek.spi for tek in world.view().teks if tek.life_remaining > 3600 - 60}
    assert wanted
    assert wanted <= _installed(new)
    assert wanted <= _installed(old)
    assert new.keys.kek.kek.spi.hex() == old.keys.kek.kek.spi.hex() == world.view().kek.spi
    if change in (_clear, _clear_now):
        # Who is off the list comes back when its keys end.
        return
    world.commit(V2_BLOCK, V1_SMC + "encryption-algorithm aes-192-cbc")
    world.pass_time(25)
    assert new.keys.kek.kek.spi.hex() == world.view().kek.spi


@pytest.mark.parametrize("messages", MOMENTS)
def test_a_block_that_is_configured_meanwhile_reaches_the_new_member_too(signing_key, messages):
    world = World(signing_key, members=2)
    _register_around(world, lambda: world.commit(V2_BLOCK), messages)
    world.pass_time(25)
    member = world.members[GM]
    assert member.state is MemberState.REGISTERED
    listed = GM in world.listed()[0]
    # Junos clears the list when the block becomes configured: who was in it comes back later.
    assert listed is (member.keys.kek is not None)


@pytest.mark.parametrize("messages", MOMENTS)
def test_a_new_member_of_a_multicast_group_misses_nothing(signing_key, messages):
    world = World(signing_key, "v1", extra=(MULTICAST,), members=2)
    world.joined(2)
    del world.members[GM]
    _register_around(world, lambda: _kek(world, MULTICAST), messages)
    world.pass_time(25)
    new, old = world.members[GM], world.members[OTHER]
    assert new.keys.kek.kek.spi == old.keys.kek.kek.spi
    assert _installed(new) == _installed(old)


def _renamed(world: World, *block: str) -> None:
    world.text = world.text.replace("group G1 ", "group G9 ")
    world.commit(*(line.replace("group G1 ", "group G9 ") for line in block))


def _removed_sa(world: World, *block: str) -> None:
    world.text = "".join(line for line in world.text.splitlines(True) if " sa-2 " not in line)
    world.commit(*block)


def _again_around(world: World, change, moment: int, hears: bool) -> None:
    """One that is listed registers again; when that many messages have been delivered keys are
    deleted, which the others hear of, and it does or does not."""
    member = world.members[GM]
    queue, delivered = [(True, d) for d in member.start(world.now)], 0
    while queue or delivered <= moment:
        if delivered == moment:
            world.lost |= set() if hears else {GM}
            change(world, V2_BLOCK)
            world.lost.clear()
        delivered += 1
        to_server, datagram = queue.pop(0) if queue else (False, b"")
        if to_server:
            answer, _ = world.endpoint.receive(datagram, (GM, 848), world.now)
            queue += [(False, answer)] if answer is not None else []
        elif datagram:
            queue += [(True, d) for d in member.receive(datagram, world.now)]


@pytest.mark.parametrize("waits", [False, True])
# Who has its keys already hears of the deletion from the next copy.
@pytest.mark.parametrize(
    ("moment", "hears"),
    [(0, False), (6, False), (8, False), (9, False), (8, True), (9, True), (10, True)],
)
@pytest.mark.parametrize("change", [_clear_now, _renamed, _removed_sa])
def test_who_registers_again_while_keys_are_deleted_keeps_none_of_them(
    signing_key, change, moment, hears, waits
):
    world = World(signing_key, extra=(V2_BLOCK,), members=2)
    if change is _removed_sa:
        _another_sa(world, V2_BLOCK)
    one, two = world.joined(2)
    if waits:
        # What comes next is held back until this is acknowledged.
        world.lost.add(GM)
        world.text += V1_SMC + "lifetime-seconds 7200\n"
        world.commit(V2_BLOCK)
        world.lost.clear()
    old = {*two.held().receives_with}
    _again_around(world, change, moment, hears)
    # A refusal costs one pause, and what is to go has a second left.
    world.pass_time(4.5)
    gone = old - {*two.held().receives_with}
    assert gone
    assert gone.isdisjoint(one.held().receives_with)
    assert one.held().sends_with == two.held().sends_with
    world.pass_time(60)
    assert one.held() == two.held()
    # Nor is it told of the deletion again, under a KEK that it has still; who sees the keys of an
    # ipsec-sa end asks once what follows.
    assert hears or change is _removed_sa or world.happenings().count("registered") == 2
    assert "expired" not in world.happenings(OTHER)
    assert len(next(view for view in world.groups.views(world.now)).members) == 2


OWN_ESP = "set security group-vpn server ipsec proposal esp-2 "


@pytest.mark.parametrize("moment", MOMENTS[3:])
@pytest.mark.parametrize("block", [V1_BLOCK, MULTICAST], ids=["unicast", "multicast"])
@pytest.mark.parametrize("follows", ["another", "what it missed"])
def test_a_rekey_between_any_two_messages_makes_no_older_than_they_are_the_keys_that_it_has_not(
    signing_key, block, moment, follows
):
    """Who missed a rekey of one ipsec-sa hears another one's while it registers again."""
    names = ("authentication-algorithm hmac-sha1-96", "encryption-algorithm aes-128-cbc")
    extra = (block, *(OWN_ESP + name for name in names))
    world = World(signing_key, "v1", extra=extra, members=2)
    _another_sa(world, "")
    world.text = world.text.replace("sa-2 proposal esp\n", "sa-2 proposal esp-2\n")
    world.commit()
    one, two = world.joined(2)
    world.lost.add(GM)
    missed = "set security group-vpn server ipsec proposal esp lifetime-seconds"
    world.commit(f"{missed} 3000")
    world.lost.clear()

    def change(world, _block):
        again = (
            f"{missed} 2900" if follows == "what it missed" else f"{OWN_ESP}lifetime-seconds 900"
        )
        world.commit(f"{missed} 3000", again)

    _again_around(world, change, moment, hears=True)
    world.pass_time(1)
    for _ in range(100):
        world.pass_time(1)
        for sender, reader in ((one, two), (two, one)):
            assert set(sender.keys.traffic.sends_with) <= set(reader.held().receives_with)
    assert {*one.held().receives_with} == {*two.held().receives_with}
    assert len(two.held().receives_with) == 2


def test_who_has_deleted_a_key_is_not_given_it_again_for_a_second(signing_key):
    """The key server has no acknowledgement yet, and names it for those who may have it still."""
    world = World(signing_key, extra=(V2_BLOCK,), members=2)
    one, _two = world.joined(2)
    old = {*one.held().receives_with}
    _clear_now(world, V2_BLOCK)
    assert not old & {*one.held().receives_with}
    world.exchange(one.start(world.now), one, GM)
    assert {tek.spi.hex() for tek in world.grants[-1].sa.teks} & old
    assert one.held().sends_with
    assert not old & {*one.held().receives_with}


def test_a_deleted_key_is_told_to_nobody_who_came_behind_it(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,), members=2)
    _another_sa(world, V2_BLOCK)
    world.run(world.member(OTHER), OTHER)
    before = {*world.members[OTHER].held().receives_with}
    _removed_sa(world, V2_BLOCK)
    (removed,) = before - {*world.members[OTHER].held().receives_with}
    world.pass_time(1)
    world.run(world.member())
    _again_around(world, _clear_now, 0, hears=False)
    told = {tek.spi.hex() for tek in world.grants[-1].sa.teks}
    assert before - {removed} < told
    assert removed not in told


@pytest.mark.parametrize("pause", [0, 60])
def test_who_joins_as_keys_follow_each_other_begins_with_what_the_others_use(signing_key, pause):
    """Three keys for one traffic: all in force, or the oldest dropped before the last came."""
    world = World(signing_key, extra=(V2_BLOCK,), members=2)
    world.run(world.member(OTHER), OTHER)
    life = "set security group-vpn server ipsec proposal esp lifetime-seconds 1800"
    world.commit(V2_BLOCK, life)
    world.pass_time(pause)
    match = PATH + "ipsec-sa sa-1 match-policy further "
    wanted = (match + "source 192.0.2.0/25", match + "destination 192.0.2.128/25")
    world.commit(V2_BLOCK, life, *wanted)
    world.pass_time(1)
    world.run(world.member())
    for _ in range(60):
        ends = [member.keys.traffic for member in world.members.values()]
        for one, other in (ends, reversed(ends)):
            assert one.sending is not None
            assert other.receiving(one.sending.spi)
        world.pass_time(1)


def test_a_deleted_key_is_remembered_to_its_own_end(signing_key):
    life = "set security group-vpn server ipsec proposal esp lifetime-seconds 180"
    world = World(signing_key, extra=(V2_BLOCK, life))
    held = []
    for _ in range(2):
        for _ in range(4):
            world.run(world.member())
            _clear_now(world, V2_BLOCK, life)
            world.pass_time(200)
        gc.collect()
        held.append(sum(isinstance(one, GroupTek) for one in gc.get_objects()))
    assert held[0] == held[1]


@pytest.mark.parametrize(("cleared", "port"), [(False, 848), (True, 848), (False, 40848)])
def test_who_is_back_after_it_fell_silent_sends_with_nothing_that_the_others_have_dropped(
    signing_key, cleared, port
):
    world = World(signing_key, extra=(V2_BLOCK,), members=2)
    one, two = world.joined(2)
    world.lost.add(GM)
    world.commit(V2_BLOCK, "set security group-vpn server ipsec proposal esp lifetime-seconds 7200")
    world.pass_time(60)
    assert world.listed()[0] == [OTHER]
    if cleared:
        _clear_now(world, V2_BLOCK)
    world.lost.clear()
    world.exchange(one.start(world.now), one, GM, port=port)
    world.pass_time(2.5)
    assert one.held() == two.held()


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_who_was_let_go_and_is_let_in_again_is_told_what_of_its_keys_is_over_and_no_more(
    signing_key, generation
):
    block = {"v1": V1_BLOCK, "v2": V2_BLOCK}[generation]
    world = World(signing_key, generation, extra=(block,), members=2)
    one, two = world.joined(2)
    world.pass_time(60)
    before, whole = {*one.held().receives_with}, world.text
    world.text = whole.replace(f"{PATH}ike-gateway gm-1\n", "")
    world.commit(block)
    world.pass_time(60)
    without = {*two.held().receives_with}
    # Keys last as long as they were told to, whatever is configured since.
    life = "set security group-vpn server ipsec proposal esp lifetime-seconds 900"
    world.commit(block, life)
    world.pass_time(870)
    world.text = whole
    world.commit(block, life)
    world.exchange(one.start(world.now), one, GM)
    told = {tek.spi.hex() for tek in world.grants[-1].sa.teks}
    assert before < told
    assert told.isdisjoint(without)
    world.pass_time(2.5)
    assert one.held().sends_with == two.held().sends_with
    assert before.isdisjoint(one.held().receives_with)


def _beat(world: World) -> None:
    world.now = world.groups.by_name["G1"].heartbeat.due
    world.device.expire(world.now)
    world.flush()


@pytest.mark.parametrize("messages", MOMENTS)
def test_a_heartbeat_between_any_two_messages_takes_nobody_off_the_list(signing_key, messages):
    world = World(signing_key, "v1", extra=(V1_BLOCK, V1_SMC + "heartbeat 60"), members=2)
    world.joined(2)
    del world.members[GM]
    world.pass_time(40)
    _register_around(world, lambda: _beat(world), messages)
    # Longer than a push is repeated that nobody acknowledges.
    world.pass_time(45)
    assert GM in world.listed()[0]
    world.commit(V1_BLOCK, V1_SMC + "heartbeat 60", V1_SMC + "encryption-algorithm aes-128-cbc")
    world.pass_time(5)
    assert "reregistering" not in world.happenings()


def test_a_heartbeat_comes_behind_the_push_that_a_member_still_waits_for(signing_key):
    block = (V1_BLOCK, V1_SMC + "heartbeat 60")
    world = World(signing_key, "v1", extra=block)
    (member,) = world.joined(1)
    world.pass_time(55)
    world.lost.add(GM)
    _policy(world, *block)
    world.pass_time(6)
    world.lost.clear()
    world.pass_time(15)
    assert [event.event for event in member.events][-2:] == ["rekeyed", "heartbeat"]
    _policy(world, *block, V1_SMC + "encryption-algorithm aes-128-cbc")
    world.pass_time(40)
    assert "reregistering" not in world.happenings()


def test_who_registers_behind_the_removal_of_an_ipsec_sa_is_not_given_what_the_others_deleted(
    signing_key,
):
    world = World(signing_key, extra=(V2_BLOCK,), members=2)
    _another_sa(world, V2_BLOCK)
    old = world.member(OTHER)
    world.run(old, OTHER)
    _removed_sa(world, V2_BLOCK)
    new = world.member()
    world.run(new)
    assert set(new.keys.traffic.sends_with) == set(old.keys.traffic.sends_with)
    assert _installed(new) == _installed(old)


def test_pushes_come_to_a_member_in_order_although_one_is_lost(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,))
    (member,) = world.joined(1)
    world.lost.add(GM)
    _kek(world, V2_BLOCK)
    world.lost.clear()
    _policy(world, V2_BLOCK, V1_SMC + "encryption-algorithm aes-128-cbc")
    world.pass_time(15)
    assert member.keys.kek.kek.spi.hex() == world.view().kek.spi
    assert {tek.spi for tek in world.view().teks} <= _installed(member)
    counters = world.listed()[1]
    assert (counters.push_sent, counters.push_acknowledged) == (2, 2)
    assert "reregistering" not in world.happenings()


@pytest.mark.parametrize("profile", list(Profile))
def test_keys_that_are_due_go_out_to_all_before_one_gets_them(signing_key, profile):
    world = World(signing_key, "v1", extra=(V1_BLOCK,), members=2, profile=profile)
    member = world.member(OTHER)
    world.run(member, OTHER)
    # The timer is late: a registration comes first.
    world.now += 3600 - 60
    world.run(world.member())
    world.flush()
    assert world.happenings(OTHER)[-1] == "rekeyed"
    assert member.keys.kek.kek.spi == world.members[GM].keys.kek.kek.spi


def test_what_is_missed_amid_a_registration_is_no_reason_for_another(signing_key):
    world = World(signing_key, "v1", extra=(V1_BLOCK, MULTICAST))
    (member,) = world.joined(1)
    group, queue = world.groups.by_name["G1"], member.registrations.start_anew(world.now)
    for lost in (True, False):
        world.lost = {GM} if lost else set()
        group.push.send("heartbeat", world.now)
        world.flush()
    while queue:
        answer, _ = world.endpoint.receive(queue.pop(0), (GM, 848), world.now)
        queue += member.receive(answer, world.now) if answer is not None else []
    assert "heartbeat" in [one.event for one in member.events]
    member.events.clear()
    world.pass_time(25)
    assert "reregistering" not in [one.event for one in member.events]
    assert member.state is MemberState.REGISTERED

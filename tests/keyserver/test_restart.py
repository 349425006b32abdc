# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A group's keys outlive the server's process, unless it is to forget them as a real SRX does."""

from __future__ import annotations

import struct
import time
from contextlib import nullcontext
from dataclasses import replace

import pytest

from keyserver.config.store import RETRY_SECONDS
from keyserver.edge.clock import lab_clock
from keyserver.gdoi.numbers import IpsecAttribute
from keyserver.gdoi.payloads import Profile, Selector, Sequence
from keyserver.groups.adoption import teks_of_grant
from keyserver.groups.durable import Kept, Unfinished, decode_state, encode_state
from keyserver.groups.events import KeysLost
from keyserver.groups.plane import GroupKeys
from keyserver.groups.settings import ESP_INTEGRITY
from keyserver.ike.numbers import IdType
from keyserver.ike.wire import Attribute, MalformedPayload
from keyserver.member.registrations import MemberState
from keyserver.srx import Surroundings
from tests.keyserver.console import full_disk
from tests.keyserver.test_rekey import MULTICAST, OTHER, V1_BLOCK, V2_BLOCK
from tests.keyserver.world import GM, SERVER, V1_SMC, World, commit, device_of


def _restarted(world: World, signing_key, **spec) -> World:
    """The same device again: its store is what it has left."""
    world.device.close()
    again = World(
        signing_key,
        world.generation.value,
        extra=world.extra,
        members=world.count,
        start=world.now,
        **spec,
    )
    again.members = world.members
    return again


def _keys(world: World) -> tuple[str | None, set[str]]:
    view = world.view()
    return view.kek.spi if view.kek else None, {tek.spi for tek in view.teks}


def test_keys_outlive_the_process_and_the_list_does_not(signing_key, tmp_path):
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK,), members=2, **spec)
    (member, _) = world.joined(2)
    world.pass_time(100)
    before = _keys(world)
    again = _restarted(world, signing_key, **spec)
    assert _keys(again) == before
    assert again.listed()[0] == []
    again.run(again.member())
    assert _keys(again) == before
    # Who has been there all along still takes pushes: numbers go on where they were.
    again.run(again.member(OTHER), OTHER)
    again.commit(V2_BLOCK, V1_SMC + "encryption-algorithm aes-128-cbc")
    again.pass_time(5)
    assert again.happenings(OTHER)[-1] in ("rekeyed", "activated")
    assert member.state is MemberState.REGISTERED


def test_a_group_of_many_match_policies_is_served_rekeyed_and_kept(signing_key, tmp_path):
    """Ten for an ipsec-sa are the most that Junos takes; a group may have many of these."""
    path = "set security group-vpn server group G1 ipsec-sa x{} "
    many = [
        line.format(n, n=n, m=m)
        for n in range(10)
        for m in range(10)
        for line in (
            f"{path}proposal esp",
            f"{path}match-policy p{{m}} source 10.{{n}}.{{m}}.0/24",
            f"{path}match-policy p{{m}} destination 10.100.0.0/16",
        )
    ]
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK, *many), **spec)
    (member,) = world.joined(1)
    world.pass_time(3600)
    assert world.happenings()[:2] == ["registered", "rekeyed"]
    assert len(member.keys.teks) > 100
    before = _keys(world)
    again = _restarted(world, signing_key, **spec)
    assert _keys(again) == before


def test_a_push_after_the_restart_is_newer_than_those_before(signing_key, tmp_path):
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, "v1", extra=(MULTICAST + " heartbeat 60",), members=1, **spec)
    (member,) = world.joined(1)
    world.pass_time(200)
    sequence = member.keys.kek.sequence
    assert sequence == 3
    # Longer than a member would wait much more: the first sign of life comes at once.
    world.now += 149
    again = _restarted(world, signing_key, **spec)
    again.pass_time(0)
    assert member.keys.kek.sequence == sequence + 1
    again.pass_time(61)
    assert member.keys.kek.sequence == sequence + 2
    assert "reregistering" not in again.happenings()


@pytest.mark.parametrize("certificate", ["", "of-its-own"])
def test_a_full_disk_stops_no_rekey_and_what_was_not_written_is_written_later(
    tmp_path, certificate
):
    spec, troubles = {"state": tmp_path / "hub.db"}, []
    block = (V2_BLOCK, V1_SMC + f"certificate {certificate}") if certificate else (V2_BLOCK,)
    # The device's own store has the key that signs.
    around = Surroundings(on_trouble=troubles.append)
    world = World(None, extra=block, around=around, **spec)
    with full_disk():
        (member,) = world.joined(1)
        first = _keys(world)
        world.pass_time(4000)
        assert _keys(world)[1].isdisjoint(first[1])
        assert "rekeyed" in world.happenings()
        assert sum("keys of group G1 could not be written" in trouble for trouble in troubles) == 1
    world.pass_time(RETRY_SECONDS)
    before = _keys(world)
    again = _restarted(world, None, **spec)
    assert _keys(again) == before
    known = member.keys.kek.public_key
    assert again.device.safe.signing_key(certificate).public_key() == known


def test_a_server_that_forgets_makes_new_keys(signing_key, tmp_path):
    spec = {"state": tmp_path / "hub.db", "group_keys": GroupKeys.FORGOTTEN}
    world = World(signing_key, extra=(V2_BLOCK,), **spec)
    world.joined(1)
    before = _keys(world)
    again = _restarted(world, signing_key, **spec)
    again.run(again.member())
    assert _keys(again)[0] != before[0]
    assert _keys(again)[1].isdisjoint(before[1])


def test_keys_that_ended_meanwhile_are_not_given_out(signing_key, tmp_path):
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK,), **spec)
    world.joined(1)
    before = _keys(world)
    world.now += 4000
    again = _restarted(world, signing_key, **spec)
    again.run(again.member())
    assert _keys(again)[0] != before[0]
    assert _keys(again)[1].isdisjoint(before[1])


def test_keys_that_were_cleared_do_not_come_back(signing_key, tmp_path):
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK,), **spec)
    world.joined(1)
    world.groups.clear("G1", immediately=True, now=world.now)
    world.flush()
    again = _restarted(world, signing_key, **spec)
    assert _keys(again) == (None, set())


def test_a_push_that_nobody_acknowledged_is_repeated_after_the_restart(signing_key, tmp_path):
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK,), members=2, **spec)
    (member, other) = world.joined(2)
    world.lost.add(GM)
    world.commit(V2_BLOCK, V1_SMC + "encryption-algorithm aes-128-cbc")
    world.commit(
        V2_BLOCK,
        V1_SMC + "encryption-algorithm aes-128-cbc",
        "set security group-vpn server ipsec proposal esp lifetime-seconds 3000",
    )
    world.pass_time(3)
    assert member.keys.current_kek != other.keys.current_kek
    again = _restarted(world, signing_key, **spec)
    again.flush()
    again.pass_time(30)
    # Both pushes, in their order; and the list is as empty as Junos has it.
    assert again.happenings().count("rekeyed") == 2
    assert member.keys.current_kek == other.keys.current_kek
    assert set(member.held().receives_with) == set(other.held().receives_with)
    assert again.listed()[0] == []
    assert "reregistering" not in again.happenings()


@pytest.mark.parametrize(
    ("before", "after"), [("group G1 ", "group G9 "), ("group-id 1", "group-id 7")]
)
def test_who_missed_that_a_group_is_no_longer_is_told_after_the_restart(
    signing_key, tmp_path, before, after
):
    """The group that has its name or its number passes that on."""
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK,), members=2, **spec)
    (member, other) = world.joined(2)
    world.lost.add(GM)
    world.text = world.text.replace(before, after)
    world.commit(V2_BLOCK.replace(before, after))
    world.pass_time(3)
    old = member.held().sends_with
    assert old not in other.held().receives_with
    again = _restarted(world, signing_key, **spec)
    again.flush()
    again.pass_time(30)
    assert old not in member.held().receives_with


def test_a_push_that_everybody_acknowledged_is_not_repeated(signing_key, tmp_path):
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK,), **spec)
    world.joined(1)
    world.commit(V2_BLOCK, V1_SMC + "encryption-algorithm aes-128-cbc")
    world.pass_time(60)
    again = _restarted(world, signing_key, **spec)
    again.flush()
    assert again.pushed == []


def test_a_commit_that_nobody_was_told_of_waits_until_keys_are_due(signing_key, tmp_path):
    """Killed between a commit and its push: members hold the old key, and know of no other."""
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK,), members=2, **spec)
    (member, _) = world.joined(2)
    world.flush()
    held = member.held().sends_with
    world.groups.keep = lambda now: None
    proposal = "set security group-vpn server ipsec proposal esp "
    commit(world.device, world.text + proposal + "encryption-algorithm aes-192-cbc", world.now)
    again = _restarted(world, signing_key, **spec)
    again.run(again.member())
    assert again.members[GM].held().sends_with == held
    again.pass_time(3700)
    now_held = {m.held().sends_with for m in again.members.values()}
    assert len(now_held) == 1
    assert now_held != {held}
    assert again.view().teks[0].key_bits == 192


@pytest.mark.parametrize("way", ["deleted", "another id"])
def test_a_group_that_is_made_anew_has_nothing_of_the_one_before(signing_key, tmp_path, way):
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK,), members=2, **spec)
    (member, other) = world.joined(2)
    world.flush()
    old = _keys(world)
    lines = world.text
    if way == "deleted":
        world.text = "".join(one for one in lines.splitlines(True) if "group G1 " not in one)
        # Two commits, and nothing is sent between them.
        commit(world.device, world.text, world.now)
        world.text = lines
        commit(world.device, world.text, world.now)
    else:
        world.text = lines.replace("group G1 group-id 1\n", "group G1 group-id 7\n")
        commit(world.device, world.text, world.now)
    world.flush()
    assert _keys(world) == (None, set())
    assert (member.keys.teks, other.keys.teks) == ({}, {})
    if way == "deleted":
        world.pass_time(60)
        assert member.state is MemberState.REGISTERED
        assert member.held() == other.held()
        assert _keys(world)[1].isdisjoint(old[1])
    fresh = _keys(world)
    world.device.close()
    again = device_of(SERVER, world.generation, "", world.now, signing_key, **spec)
    (view,) = [v for v in again.groups.views(world.now) if v.name == "G1"]
    assert {tek.spi for tek in view.teks} == fresh[1]


@pytest.mark.parametrize("destination", ["203.0.113.0/24", "203.0.113.9/32"])
@pytest.mark.parametrize("first", list(Profile))
def test_a_server_that_comes_back_with_another_profile_has_its_keys(
    signing_key, tmp_path, first, destination
):
    (second,) = set(Profile) - {first}
    line = "set security group-vpn server group G1 ipsec-sa sa-1 match-policy any destination "
    extra, state = (V2_BLOCK, line + destination), tmp_path / "hub.db"
    world = World(signing_key, extra=extra, state=state, profile=first)
    world.joined(1)
    world.flush()
    world.device.close()
    again = World(signing_key, extra=extra, state=state, profile=second, start=world.now)
    assert _keys(again) == _keys(world)
    assert _keys(again)[1]


def test_keys_that_another_server_kept_are_not_taken_up_and_that_is_told(signing_key, tmp_path):
    """A copy of its file: under one KEK both would number pushes, each by itself."""
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK,), **spec)
    world.joined(1)
    world.flush()
    world.device.close()
    copy = device_of(OTHER, world.generation, "", world.now, signing_key, **spec)
    assert all(not view.teks and view.kek is None for view in copy.groups.views(world.now))
    told = f"{SERVER} kept these keys, this is {OTHER}"
    assert KeysLost("G1", told) in copy.take(world.now)[1]


def test_another_server_address_in_the_group_keeps_its_keys_across_a_restart(signing_key, tmp_path):
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, "v1", extra=(V1_BLOCK,), **spec)
    world.joined(1)
    world.flush()
    world.commit(V1_BLOCK, "set security group-vpn server group G1 server-address 192.0.2.3")
    before = _keys(world)
    assert before[0] is not None
    assert _keys(_restarted(world, signing_key, **spec)) == before


def test_keys_that_an_earlier_version_kept_are_read(signing_key, tmp_path):
    world = World(signing_key, extra=(V2_BLOCK,), state=tmp_path / "hub.db")
    world.joined(1)
    grant = world.groups.by_name["G1"].keyring.snapshot(world.now)
    sa = grant.sa.encode()
    old = struct.pack("!d?II", world.now, True, 7, len(sa)) + sa + grant.keys.encode()
    read = decode_state(old)
    assert (read.grant.sa, read.grant.keys, read.at) == (grant.sa, grant.keys, world.now)
    assert read.grant.sequence == Sequence(7)


@pytest.mark.parametrize("cut", [1, 20, 22, 30, -1, -200])
def test_what_was_kept_and_is_damaged_is_told_and_made_anew(signing_key, tmp_path, cut):
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK,), **spec)
    world.joined(1)
    world.lost.add(GM)
    world.commit(V2_BLOCK, V1_SMC + "encryption-algorithm aes-128-cbc")
    grant = world.groups.by_name["G1"].keyring.snapshot(world.now)
    pushes = world.groups.by_name["G1"].pushes.unfinished()
    peers = tuple(m.peer for m in pushes[0][1])
    whole = encode_state(Kept(grant, world.now, (Unfinished(pushes[0][0], peers),)))
    assert decode_state(whole) == Kept(grant, world.now, (Unfinished(pushes[0][0], peers),))
    with pytest.raises(MalformedPayload):
        decode_state(whole[:cut])
    # In the middle stands a key: with one bit of it lost it is another one.
    at = len(whole) // 2
    with pytest.raises(MalformedPayload):
        decode_state(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])


ODD_TEKS = {
    "a life of 8 octets": (
        {"attributes": (Attribute.long(IpsecAttribute.LIFE_DURATION, b"\xff" * 8),)},
        "a grant: a life of 8 octets",
    ),
    "an address of no octets": ({"source": Selector(IdType.IPV4_ADDR, 0, b"")}, ""),
}


@pytest.mark.parametrize("name", ODD_TEKS)
def test_keys_that_could_not_be_told_to_members_are_not_taken_over(signing_key, name):
    """Neither from the store nor from another server of a cluster."""
    world = World(signing_key, extra=(V2_BLOCK,))
    world.joined(1)
    group = world.groups.by_name["G1"]
    grant = group.keyring.snapshot(world.now)
    changes, reason = ODD_TEKS[name]
    first = grant.sa.teks[0]
    own = changes.get("attributes", ())
    others = tuple(a for a in first.attributes if a.type not in {one.type for one in own})
    odd = replace(first, **{**changes, "attributes": (*others, *own)})
    state = replace(grant, sa=replace(grant.sa, teks=(odd,)))
    with pytest.raises(MalformedPayload, match=reason) if reason else nullcontext():
        assert teks_of_grant(state, group.settings.teks, world.now) == []


def test_keys_that_are_taken_over_keep_the_algorithms_that_they_were_made_for(signing_key):
    """A commit may ask for others meanwhile: members hold these keys with what they were told."""
    world = World(signing_key, extra=(V2_BLOCK,))
    world.joined(1)
    group = world.groups.by_name["G1"]
    (made,) = group.keyring.teks.good(world.now)
    was = made.settings.integrity
    asked = next(one for one in ESP_INTEGRITY.values() if one != was)
    wanted = tuple(replace(one, integrity=asked) for one in group.settings.teks)
    (taken,) = teks_of_grant(group.keyring.snapshot(world.now), wanted, world.now)
    assert taken.settings.integrity == was
    assert taken.integrity_key == made.integrity_key


def test_no_bit_that_is_lost_of_what_was_kept_makes_another_key(signing_key):
    world = World(signing_key, extra=(V2_BLOCK,))
    world.joined(1)
    whole = encode_state(Kept(world.groups.by_name["G1"].keyring.snapshot(world.now), world.now))
    for at in range(len(whole)):
        with pytest.raises(MalformedPayload):
            decode_state(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])


@pytest.mark.parametrize(("step", "same"), [(-3600, True), (60, True), (3600, False)])
def test_a_clock_that_was_set_while_the_server_was_down(signing_key, tmp_path, step, same):
    """Set back, keys have what they had when they were kept; beyond their end they are gone."""
    spec = {"state": tmp_path / "hub.db"}
    world = World(signing_key, extra=(V2_BLOCK,), **spec)
    world.joined(1)
    world.flush()
    left = world.view().teks[0].life_remaining
    world.pass_time(600)
    before = _keys(world)
    world.now += step
    again = _restarted(world, signing_key, **spec)
    again.members = {}
    again.run(again.member())
    assert (_keys(again) == before) is same
    assert not same or again.view().teks[0].life_remaining <= left


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
@pytest.mark.parametrize("speed", [1, 60])
def test_a_wall_clock_that_is_set_moves_no_deadline(monkeypatch, speed, step):
    clock = lab_clock(speed)
    before, wall = clock(), time.time()
    monkeypatch.setattr(time, "time", lambda: wall + step)
    assert 0 <= clock() - before < 60 * speed


# Ends


@pytest.mark.parametrize("block", [V1_BLOCK, MULTICAST])
def test_the_last_sequence_number_takes_a_new_kek_along(signing_key, block):
    world = World(signing_key, "v1", extra=(block + " heartbeat 60",), members=2)
    (member, _) = world.joined(2)
    world.groups.by_name["G1"].keyring.kek.sequence = 0xFFFFFFFD
    first = member.keys.kek.kek.spi
    world.pass_time(200)
    assert member.keys.kek.kek.spi != first
    assert member.keys.kek.sequence == 1
    assert world.view().kek.spi == member.keys.kek.kek.spi.hex()
    assert {m.keys.kek.kek.spi for m in world.members.values()} == {member.keys.kek.kek.spi}
    assert GM in world.listed()[0]

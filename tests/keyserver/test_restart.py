# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A group's keys outlive the server's process, unless it is to forget them as a real SRX does."""

from __future__ import annotations

import pytest

from keyserver.groups.plane import GroupKeys
from keyserver.member.machine import MemberState
from tests.keyserver.test_rekey import MULTICAST, OTHER, V1_BLOCK, V2_BLOCK
from tests.keyserver.world import GM, V1_SMC, World


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

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members behind a translator: they move to the port for that, and are pushed to there."""

from __future__ import annotations

import pytest

from keyserver.groups.pushes import Door
from keyserver.ike.nat import Path
from keyserver.member.machine import MemberState
from tests.keyserver.world import GM, SERVER, V1_SMC, World

BLOCK = V1_SMC + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"
INSIDE, OUTSIDE = ("10.0.0.5", 848), (GM, 61234)
MARKER = bytes(4)


def talk(world, member, queue):
    """The member's datagrams pass a translator; what the server answers comes back."""
    floated = []
    while queue:
        datagram = queue.pop(0)
        floated.append(member.floats)
        sent, source = (MARKER + datagram, OUTSIDE) if member.floats else (datagram, (GM, 848))
        answer, _ = world.endpoint.receive(sent, source, world.now, floated=member.floats)
        if answer is not None:
            queue += member.receive(answer, world.now)
    return floated


@pytest.mark.parametrize("mode", ["main", "aggressive"])
def test_a_member_behind_a_translator_floats_registers_and_is_rekeyed(signing_key, mode):
    world = World(signing_key, extra=(BLOCK,), floating_port=4500, aggressive=True)
    member = world.member(mode=mode)
    member.paths = (Path(INSIDE, (SERVER, 848)),)
    floated = talk(world, member, member.start(world.now))
    assert member.state is MemberState.REGISTERED
    # RFC 3947 §4: from the first message behind the detection on, and never back.
    assert floated == sorted(floated)
    assert floated[-1] is True
    assert [m.source for m in world.view().members] == [OUTSIDE]
    world.now += 3600 - 60
    world.device.expire(world.now)
    (push,) = world.device.take(world.now)[0]
    assert (push.door, push.to) == (Door.FLOATING, (OUTSIDE,))
    assert push.datagram.startswith(MARKER)
    member.receive(push.datagram, world.now)
    assert member.events[-1].event == "rekeyed"
    world.now = member.wake_at
    talk(world, member, member.tick(world.now))
    assert world.listed()[1].push_acknowledged == 1


def test_a_member_without_a_translator_stays_where_it_is(signing_key):
    world = World(signing_key, extra=(BLOCK,), floating_port=4500)
    member = world.member()
    member.paths = (Path((GM, 848), (SERVER, 848)),)
    assert set(talk(world, member, member.start(world.now))) == {False}
    assert member.state is MemberState.REGISTERED


def test_a_server_that_does_not_look_for_translators_is_met_as_ever(signing_key):
    world = World(signing_key, extra=(BLOCK,))
    member = world.member()
    member.paths = (Path(INSIDE, (SERVER, 848)),)
    assert set(talk(world, member, member.start(world.now))) == {False}
    assert member.state is MemberState.REGISTERED

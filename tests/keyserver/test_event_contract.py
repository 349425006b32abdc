# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The events of members are enough to know who sends and receives with what, at every instant."""

from __future__ import annotations

import itertools
import json

import pytest

from keyserver.member.events import event_line
from tests.keyserver.lossy import LossyGroup, faults_of
from tests.keyserver.observer import Observer
from tests.keyserver.strange_server import (
    KEK_ATTRIBUTES,
    Kek,
    Tek,
    download,
    group_policy,
    subnet,
)
from tests.keyserver.stranger import DELETE, KD, SA, delete, tlv, tv
from tests.keyserver.test_foreign_server import (
    NOW,
    Given,
    pushed,
    registered,
    rekey,
)

CYCLE = 3600 - 60
SERVER = "set security group-vpn server"
POLICY = (
    f"{SERVER} group G1 ipsec-sa sa-1 match-policy p2 source 10.2.0.0/16",
    f"{SERVER} group G1 ipsec-sa sa-1 match-policy p2 destination 10.3.0.0/16",
)


@pytest.fixture
def given(signing_key):
    return Given(Kek(signing_key(""), KEK_ATTRIBUTES + tv(7, 1024)))


def lines_of(group):
    """What every member printed, in the order of time."""
    told = [json.loads(event_line(e)) for m in group.members.values() for e in m.events]
    return sorted(told, key=lambda line: line["time"])


def check(lines):
    """What one member's lines must say together: those of one instant belong to each other."""
    sends, receives = None, set()
    for _, same in itertools.groupby(lines, key=lambda line: line["time"]):
        telling = [line for line in same if "receives_with" in line]
        if not telling:
            continue
        kinds = {line["event"] for line in telling}
        named = {spi for line in telling for spi in line.get("spis", ())}
        after, held = telling[-1]["sends_with"], set(telling[-1]["receives_with"])
        assert after is None or after in held
        if after not in (sends, None) and sends is not None:
            assert "activated" in kinds
            assert after in named
        if after is None and sends is not None:
            assert kinds & {"dropped", "expired", "retired", "stopped"}
        for spi in receives - held:
            assert spi in named
            assert kinds & {"dropped", "expired"}
        if held - receives:
            assert kinds & {"registered", "rekeyed"}
        sends, receives = after, held


def plain(group):
    group.run(3 * CYCLE)


def restarted(group):
    group.run(300)
    group.restart_server(30)
    group.run(2 * CYCLE)


def committed(group):
    for lines in (POLICY, (f"{SERVER} ipsec proposal esp lifetime-seconds 1800",)):
        group.commit(*lines)
        group.run(100)
    group.run(CYCLE)


def cleared(group):
    group.run(100)
    group.server.groups.clear("G1", immediately=True, now=group.now)
    group.run(CYCLE)
    group.server.groups.clear("G1", immediately=False, now=group.now)
    group.run(CYCLE)


@pytest.mark.parametrize("course", [plain, restarted, committed, cleared])
@pytest.mark.parametrize(("generation", "loss"), [("v2", 0.0), ("v2", 0.3), ("v1", 0.3)])
def test_who_reads_only_the_events_sees_what_an_observer_sees(generation, loss, course, tmp_path):
    group = LossyGroup(8, faults_of(loss), 3, generation, state=tmp_path / "hub.db")
    group.settle()
    begun = group.now
    course(group)
    reader, lines = Observer(), lines_of(group)
    for line in (one for one in lines if one["time"] <= begun):
        reader.told(line)
    reader.begin(begun)
    for line in (one for one in lines if one["time"] > begun):
        reader.told(line)
    seen, told = group.observer.report(group.now), reader.report(group.now)
    assert (told.apart, told.gaps) == (pytest.approx(seen.apart), seen.gaps)
    assert told.without_tek == pytest.approx(seen.without_tek)
    assert told.together == pytest.approx(seen.together)
    for name in group.members:
        check([line for line in lines if line["member"] == name])


def test_a_sign_of_life_that_comes_as_a_key_is_due_tells_that_it_is_active(given):
    member = registered(given)
    fresh = Tek()
    assert pushed(member, given.kek, 1, rekey([fresh])) == "rekeyed"
    # Nobody has looked at the clock since.
    member.receive(given.kek.seal(2, []), NOW + 31)
    beat, active = member.events[-2:]
    assert (beat.event, active.event, active.spis) == ("heartbeat", "activated", (fresh.spi.hex(),))
    assert active.held.sends_with == fresh.spi.hex()


def test_a_deletion_tells_what_is_gone_and_what_is_sent_with_in_its_place(given):
    member, fresh = registered(given), Tek()
    assert pushed(member, given.kek, 1, rekey([fresh])) == "rekeyed"
    old = given.teks[0].spi
    member.receive(given.kek.seal(2, [(DELETE, delete(1, 4, old))]), NOW)
    told = {event.event: event for event in member.events}
    assert told["deleted"].held == told["activated"].held == told["dropped"].held
    assert told["activated"].spis == (fresh.spi.hex(),)
    assert told["dropped"].spis == (old.hex(),)
    assert told["dropped"].held.receives_with == (fresh.spi.hex(),)


def test_a_key_that_a_rekey_takes_without_another_is_told_of_when_it_is_sent_with_no_longer(given):
    member, other = registered(given), Kek(given.kek.signing_key, given.kek.attributes)
    old = given.teks[0].spi
    pieces = [(DELETE, delete(1, 4, old)), (SA, group_policy(other.policy()))]
    pieces.append((KD, download(other.packet())))
    member.receive(given.kek.seal(1, pieces), NOW)
    assert (member.events[-1].event, member.held().sends_with) == ("rekeyed", old.hex())
    member.tick(NOW + 30)
    retired = member.events[-1]
    assert (retired.event, retired.spis) == ("retired", (old.hex(),))
    assert (retired.held.sends_with, retired.held.receives_with) == (None, (old.hex(),))
    member.tick(NOW + 45)
    assert [e.event for e in member.events][-2:] == ["dropped", "reregistering"]


def test_when_the_first_association_ends_the_next_ones_key_is_told_of_as_active(given):
    one_minute = tv(1, 1) + tlv(2, (60).to_bytes(4, "big")) + tv(4, 1) + tv(5, 5) + tv(6, 128)
    reverse = {"source": subnet("203.0.113"), "destination": subnet("198.51.100")}
    given.teks = [Tek(attributes=one_minute), Tek(**reverse)]
    member = registered(given)
    first, second = (tek.spi.hex() for tek in given.teks)
    assert member.held().sends_with == first
    member.tick(NOW + 60)
    told = {event.event: event for event in member.events}
    assert told["expired"].spis == (first,)
    assert told["activated"].spis == (second,)
    assert told["activated"].held.sends_with == second


def test_who_forgets_its_keys_or_leaves_says_so(given):
    member = registered(given)
    every = {given.kek.spi.hex(), given.teks[0].spi.hex()}
    member.forget_keys(NOW)
    dropped = member.events[-1]
    assert (dropped.event, set(dropped.spis)) == ("dropped", every)
    assert (dropped.held.sends_with, dropped.held.receives_with) == (None, ())
    member = registered(given)
    member.leave(NOW)
    assert member.events[-1].event == "stopped"
    assert member.events[-1].held == dropped.held

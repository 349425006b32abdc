# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waiting for members on a clock that the waiting itself moves."""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.gate import Awaited, Cause
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.waiting import (
    SAY_AGAIN_SECONDS,
    Look,
    Times,
    Watch,
    wait,
)

MEMBER = {"gateway": "gm-1", "address": "192.0.2.1", "last_update": "2026-11-19 16:31:09 UTC"}
LISTED = [{"name": "G1", "members": [MEMBER]}]


class Clock:
    """Seconds that only sleep moves; looks that answer in turn, the last one again and again."""

    def __init__(self, *looks):
        self.now, self.told, self._looks = 0.0, [], list(looks)

    def look(self):
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]

    def sleep(self, seconds):
        self.now += seconds

    def waits(self, entry, before, timeout=120.0, poll=5.0):
        watch = Watch([entry], before)
        times = Times(timeout, poll, lambda: self.now, self.sleep)
        return wait(watch, self.look, times, self.told.append)


def g1(**more):
    names = [("gm-1", "192.0.2.1")]
    usual = {"cause": Cause.PUSH, "cycle": 30, "seconds": 60, "names": names}
    return Awaited("G1", "unicast", **{**usual, **more})


def test_what_stays_as_it_is_is_said_again_each_minute():
    clock = Clock(Look(LISTED))
    clock.waits(g1(), Look(LISTED), timeout=2 * SAY_AGAIN_SECONDS)
    assert [line.partition(" ")[0] for line in clock.told] == ["0", "60", "120"]


def test_who_is_waited_for_by_number_alone_is_not_waited_for_any_longer_than_needed():
    """A cycle is what somebody may stay in a list without a sign of life; a newcomer is one."""
    before = [{"name": "G1", "members": []}]
    clock = Clock(Look(LISTED, commit="2026-11-19 16:30:00 UTC"))
    waited = clock.waits(g1(names=[], min_members=1), Look(before))
    assert (waited.elapsed, waited.state[0].done) == (0, True)


def test_time_in_which_a_device_cannot_be_looked_at_proves_nothing():
    """Who acknowledges no rekey leaves the list a cycle later: that has to be seen."""
    before = Look(LISTED, keks={"G1": "old"})
    rekeyed = Look(LISTED, keks={"G1": "new"})
    gone = Look(LISTED, keks={"G1": "new"}, fresh=False)
    waited = Clock(rekeyed, gone).waits(g1(), before)
    assert (waited.seen, waited.state[0].missing) == (False, ("gm-1 192.0.2.1",))
    # While it can be looked at, the same list tells of it.
    waited = Clock(rekeyed).waits(g1(), before)
    assert (waited.seen, waited.state[0].missing) == (True, ())
    told = waited.state[0].as_result()
    assert told["expected"] == told["returned"] == ["gm-1 192.0.2.1"]


def test_who_stays_in_a_list_that_was_of_multicast_is_known_to_live_after_a_rekey_of_its_own():
    """What changed the group was sent to nobody by name, and nobody has acknowledged it."""
    before, rekeyed, later = (Look(LISTED, keks={"G1": key}) for key in ("old", "new", "newer"))
    keys_end = g1(cause=Cause.KEYS_END)
    waited = Clock(rekeyed).waits(keys_end, before)
    assert (waited.elapsed, waited.state[0].missing) == (120, ("gm-1 192.0.2.1",))
    waited = Clock(rekeyed, later).waits(keys_end, before)
    assert (waited.elapsed, waited.state[0].missing) == (35, ())


@pytest.mark.parametrize(
    ("now", "returned"),
    [
        # One of two who come in by one gateway is back, the other is not.
        ([("192.0.2.1", "11")], ["gm-1 192.0.2.1"]),
        ([("192.0.2.2", "11")], ["gm-1 192.0.2.2"]),
        # From somewhere else: it is one of them, and not both.
        ([("192.0.2.9", "11")], ["gm-1 192.0.2.1"]),
        ([("192.0.2.1", "09"), ("192.0.2.9", "11")], []),
        ([("192.0.2.2", "11"), ("192.0.2.1", "12")], ["gm-1 192.0.2.1", "gm-1 192.0.2.2"]),
    ],
)
def test_one_row_is_not_two_members_of_one_gateway(now, returned):
    def rows(*listed):
        members = [
            {**MEMBER, "address": address, "last_update": f"2026-11-19 16:31:{second} UTC"}
            for address, second in listed
        ]
        return Look([{"name": "G1", "members": members}], commit="2026-11-19 16:31:10 UTC")

    names = [("gm-1", "192.0.2.1"), ("gm-1", "192.0.2.2")]
    before = rows(("192.0.2.1", "08"), ("192.0.2.2", "09"))
    (one,) = Clock(rows(*now)).waits(g1(names=names), before).state
    assert list(one.returned) == returned


def test_a_member_that_is_named_in_two_ways_is_one():
    before = [{"name": "G1", "members": []}]
    asked = g1(cause=Cause.ASKED, cycle=0, names=[("gm-1", None), (None, "192.0.2.1")])
    assert Clock(Look(LISTED)).waits(asked, Look(before)).state[0].done


@pytest.mark.parametrize("newest_first", [True, False])
def test_two_rows_of_one_member_are_no_sign_of_life_and_hide_none(newest_first):
    def rows(*seconds):
        order = sorted(seconds, reverse=newest_first)
        members = [{**MEMBER, "last_update": f"2026-11-19 16:31:{s} UTC"} for s in order]
        return Look([{"name": "G1", "members": members}], commit="2026-11-19 16:30:00 UTC")

    asked = g1(cause=Cause.ASKED, cycle=0, min_members=1)
    (dead,) = Clock(rows("09", "10")).waits(asked, rows("09", "10")).state
    assert (dead.missing, dead.alive) == (("gm-1 192.0.2.1",), 0)
    (alive,) = Clock(rows("09", "11")).waits(asked, rows("09")).state
    assert (alive.missing, alive.alive) == ((), 1)


def test_who_is_in_the_first_list_that_can_be_read_was_not_seen_to_come():
    before, gone = Look(LISTED), Look((), fresh=False)
    named = [{"name": "G1", "members": [{**MEMBER, "last_update": "2026-11-19 16:31:10 UTC"}]}]
    waited = Clock(gone, Look(named, commit="")).waits(g1(), before)
    assert waited.state[0].unknown == ("gm-1 192.0.2.1",)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the rollout gate waits for, what it takes for a sign of life, and when it stops."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    MalformedReply,
    Refused,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members import gate
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.gate import Cause, Wanted
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.life import (
    ACKNOWLEDGED,
    KEPT,
    REGISTERED,
    UNDATED,
    Moment,
    Roll,
    sign_of_life,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.waiting import (
    Look,
    Times,
    Watch,
    wait,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.served import (
    Group,
    read_groups,
)
from lxml import etree

UNICAST = {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}
BEFORE, COMMIT, AFTER = (f"Thu Nov 19 2026 16:31:0{second}" for second in (1, 5, 9))


def member(name="gm-1", heard=BEFORE, pulls=1, sent=0, acked=0, **more):
    return {
        "gateway": name,
        "address": f"192.0.2.{name[-1]}",
        "last_update": heard,
        "pull_succeeded": pulls,
        "push_sent": sent,
        "push_acknowledged": acked,
        "push_unacknowledged": 0,
        **more,
    }


SUMMER = "2026-10-25 02:59:50 CEST"
NO_COUNTERS = dict.fromkeys(
    ("pull_succeeded", "push_sent", "push_acknowledged", "push_unacknowledged")
)


@pytest.mark.parametrize(
    ("before", "now", "moment", "sign"),
    [
        (member(), member(), Moment(COMMIT), None),
        (member(), member(heard=AFTER, pulls=2), Moment(COMMIT), REGISTERED),
        # In the commit's own second: before it or after it, unless it was seen to come.
        (member(), member(heard=COMMIT, pulls=2), Moment(COMMIT), None),
        (None, member(heard=COMMIT), Moment(COMMIT), None),
        (None, member(heard=COMMIT), Moment(COMMIT, came=True), REGISTERED),
        # Another node of a cluster lists who registered with it long ago.
        (None, member(heard=BEFORE), Moment(COMMIT, came=True), None),
        # It registered between the earlier list and the commit.
        (member(), member(heard=BEFORE.replace("01", "03"), pulls=2), Moment(COMMIT), None),
        (None, member(heard=AFTER), Moment(COMMIT), REGISTERED),
        (None, member(heard=BEFORE), Moment(COMMIT), None),
        (member(), member(sent=1, acked=1), Moment(COMMIT), ACKNOWLEDGED),
        (member(), member(sent=1), Moment(COMMIT), None),
        # What was on its way in the earlier list says nothing about what followed.
        (member(sent=1), member(sent=2, acked=1), Moment(COMMIT), None),
        (member(sent=1), member(sent=2, acked=2), Moment(COMMIT), ACKNOWLEDGED),
        # The counters were cleared meanwhile.
        (member(sent=5, acked=5), member(sent=1, acked=1), Moment(COMMIT), None),
        (member(**NO_COUNTERS), member(**NO_COUNTERS), Moment(COMMIT), None),
        (member(**NO_COUNTERS), member(**NO_COUNTERS), Moment(COMMIT, rekeyed=True), KEPT),
        (member(), member(), Moment(COMMIT, rekeyed=True), None),
        # A device that shows times in its own zone, or none that can be read.
        (member(), member(heard=f"{AFTER} CET"), Moment("2026-11-19 16:31:05 CET"), REGISTERED),
        # The clock was put back for winter in between.
        (None, member(heard="2026-10-25 02:00:10 CET"), Moment(SUMMER), UNDATED),
        (None, member(heard="2026-10-25 02:00:10 CET"), Moment(SUMMER, came=True), REGISTERED),
        (None, member(heard="2026-01-02 10:30:00 CET"), Moment("2026-01-02 10:00:00 UTC"), UNDATED),
        # The device got another time zone: who did nothing is shown at another hour.
        *(
            (member(heard=f"{BEFORE} CET"), member(heard=now), Moment(None, came=True), sign)
            for now, sign in (
                (f"{BEFORE.replace('16:', '15:')} UTC", None),
                (f"{BEFORE.replace('16:', '17:')} EET", None),
                (f"{AFTER.replace('16:', '15:')} UTC", REGISTERED),
            )
        ),
        # The same time in other words.
        (member(), member(heard="2026-11-19 16:31:01"), Moment(None), None),
        (member(heard=f"{BEFORE} (5 ago)"), member(heard=f"{BEFORE} (9 ago)"), Moment(None), None),
        (member(heard="5 s ago"), member(heard="9 s ago"), Moment("", came=True), None),
        (member(heard="5 s ago"), member(heard="9 s ago", pulls=2), Moment(None), REGISTERED),
        (member(heard=None), member(heard=BEFORE), Moment(None), None),
        # Of what the earlier list does not count, nothing is known to be new.
        (member(**NO_COUNTERS), member(sent=5, acked=5, pulls=3), Moment(COMMIT), None),
        (member(**NO_COUNTERS), member(sent=5, acked=5, pulls=3), Moment(None), None),
        # Whether it was before the commit or after it, nobody can tell unless it was seen.
        (member(), member(heard="just now"), Moment(COMMIT), UNDATED),
        (member(), member(heard="just now"), Moment(COMMIT, came=True), REGISTERED),
        (member(), member(heard=AFTER, pulls=2), Moment(""), UNDATED),
        (None, member(heard=AFTER), Moment(""), UNDATED),
        (None, member(heard=AFTER), Moment("", came=True), REGISTERED),
        (member(), member(heard=AFTER, pulls=2, sent=1, acked=1), Moment(""), ACKNOWLEDGED),
        (
            member(**NO_COUNTERS),
            member(**{**NO_COUNTERS, "last_update": AFTER}),
            Moment("", rekeyed=True),
            KEPT,
        ),
        (member(), member(), Moment(""), None),
        # Where nothing was changed, there is no commit that it would have to follow.
        (member(), member(heard=AFTER, pulls=2), Moment(None), REGISTERED),
        (member(), member(heard="just now"), Moment(None), REGISTERED),
    ],
)
def test_a_sign_of_life_is_later_than_the_list_before_and_than_the_commit(
    before, now, moment, sign
):
    assert sign_of_life(before, now, moment) == sign


@pytest.mark.parametrize(
    ("before", "after", "cleared", "cause", "seconds"),
    [
        (None, UNICAST, False, Cause.KEYS_END, 1800 + 30 + 30),
        (None, UNICAST, True, Cause.KEYS_END, 1800 + 30 + 30),
        (UNICAST, None, False, Cause.KEYS_END, 1800 + 30 + 30),
        # With its block, a group loses the key with which members could be told.
        (UNICAST, None, True, Cause.KEYS_END, 1800 + 30 + 30),
        (UNICAST, {**UNICAST, "lifetime_seconds": 7200}, False, Cause.PUSH, 30 + 30),
        (UNICAST, {**UNICAST, "heartbeat": 60}, False, Cause.NEXT_REKEY, 1800 + 30 + 30),
        (UNICAST, {**UNICAST, "heartbeat": 60}, True, Cause.CLEARED, 30 + 60),
        # Whoever hears the new address goes on without a word.
        (UNICAST, {**UNICAST, "communication_type": "multicast"}, False, Cause.NEVER, 0),
        (UNICAST, {**UNICAST, "communication_type": "multicast"}, True, Cause.CLEARED, 30 + 60),
        ({**UNICAST, "communication_type": "multicast"}, UNICAST, False, Cause.KEYS_END, 1860),
        (
            {**UNICAST, "communication_type": "multicast"},
            {**UNICAST, "communication_type": "multicast", "heartbeat": 60},
            False,
            Cause.NEVER,
            0,
        ),
    ],
)
def test_how_long_it_takes_depends_on_what_the_change_does(before, after, cleared, cause, seconds):
    assert gate.cause_of(before, after, cleared) is cause
    assert gate.seconds_for(cause, before, after, 1800) == seconds


def test_the_slower_retransmission_of_before_and_after_is_the_cycle():
    slow = {"retransmission_period": 60, "number_of_retransmission": 0}
    assert gate.retransmission_cycle(UNICAST) == 30
    assert gate.retransmission_cycle(UNICAST, slow) == 60
    assert gate.retransmission_cycle(None, None) == 0


def of_group(*members, node=None):
    return {"name": "G1", "members": list(members), **({"node": node} if node else {})}


def awaited(*members, wanted=None, before=UNICAST, after=None):
    change = {"G1": (before, after or {**UNICAST, "lifetime_seconds": 7200})}
    return gate.awaited([of_group(*members)], {"G1": Group("G1")}, change, wanted or {})


def test_everybody_who_was_listed_is_waited_for_but_those_who_may_stay_away():
    wanted = {"G1": Wanted(members=["gm-7", "gm-1"], absent=["192.0.2.2"])}
    (entry,) = awaited(member("gm-1"), member("gm-2"), wanted=wanted)
    assert entry.names == [("gm-1", "192.0.2.1"), ("gm-7", None)]


def test_both_rows_of_a_member_whose_address_changed_are_its_own():
    """Until it is dropped, that of the address from before stands beside the new one."""
    rows = member("gm-1"), {**member("gm-1"), "address": "192.0.2.91"}
    both = [("gm-1", "192.0.2.1"), ("gm-1", "192.0.2.91")]
    for wanted, names in (({"members": ["gm-1"]}, both), ({"absent": ["gm-1"]}, [])):
        (entry,) = awaited(*rows, wanted={"G1": Wanted(**wanted)})
        assert entry.names == names


@pytest.mark.parametrize(
    ("times", "found"),
    [((1, 2), 1), ((2, 1), 0), ((1, 1), 0), ((1, None), None), ((None, None), None)],
)
def test_by_a_gateway_alone_whoever_came_in_by_it_last_is_found(times, found):
    rows = [
        {
            "gateway": "gm-1",
            "address": f"192.0.2.{n}",
            "last_update": at and f"2027-01-15 08:0{at}:00",
        }
        for n, at in enumerate(times)
    ]
    assert Roll(rows).find("gm-1", None) == (None if found is None else rows[found])
    assert Roll(rows).find("gm-1", "192.0.2.9") is None


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"members": ["gm-1", "192.0.2.300"]}, r"members\[1\]: '192.0.2.300': an IPv4 or IPv6"),
        ({"absent": ["2001:db8::1::2"]}, r"absent\[0\]: '2001:db8::1::2': an IPv4 or IPv6"),
        ({"members": [" "]}, r"members\[0\]: a gateway or an address is expected"),
        ({"min_members": -1}, "min_members -1: a number from 0 up"),
        ({"members": ["gm-1"], "absent": ["gm-1"]}, r"members\[0\]: 'gm-1' is in 'absent', too"),
    ],
)
def test_who_can_never_come_is_refused_with_the_place(entry, words):
    nobody = {"group": "G1", "members": [], "absent": [], "min_members": 0}
    with pytest.raises(Refused, match=rf"groups\[1\]\.{words}"):
        gate.wanted_of([nobody, {**nobody, **entry}])


def test_entries_of_one_group_add_up():
    entries = [
        {"group": "G1", "members": ["gm-1.example"], "absent": [], "min_members": 3},
        {"group": "G1", "members": ["2001:db8::1"], "absent": ["gm-9"], "min_members": 1},
    ]
    assert gate.wanted_of(entries) == {"G1": Wanted(("gm-1.example", "2001:db8::1"), 3, ("gm-9",))}


class Device:
    """Lists that change with the time."""

    def __init__(self, *changes, commit=COMMIT):
        self.now, self._changes, self._commit = 0.0, changes, commit

    def look(self):
        return Look([of_group(*m) for t, m in self._changes if t <= self.now][-1:], self._commit)

    def sleep(self, seconds):
        self.now += seconds


def waited(device, entries, before, timeout=60):
    lines = []
    times = Times(timeout, 5, lambda: device.now, device.sleep)
    watch = Watch(entries, Look([of_group(*before)]))
    state, elapsed, _seen = wait(watch, device.look, times, lines.append)
    return state, elapsed, lines


def test_nobody_counts_before_a_retransmission_cycle_is_over():
    before = [member("gm-1"), member("gm-2")]
    acked = [member("gm-1", sent=1, acked=1), member("gm-2", sent=1, acked=1)]
    state, elapsed, _lines = waited(Device((0, acked)), awaited(*before), before)
    assert (state[0].done, elapsed) == (True, 30)


def test_who_left_the_list_within_the_cycle_is_not_back():
    before = [member("gm-1"), member("gm-2")]
    both = [member("gm-1", sent=1, acked=1), member("gm-2", sent=1, acked=1)]
    device = Device((0, both), (25, both[:1]))
    state, elapsed, _lines = waited(device, awaited(*before), before)
    assert (state[0].missing, elapsed) == (("gm-2 192.0.2.2",), 60)


def test_a_slow_member_is_waited_for_and_progress_is_told_by_name_when_it_changes():
    before = [member("gm-1"), member("gm-2")]
    first = [member("gm-1", sent=1, acked=1), member("gm-2", sent=1)]
    late = [first[0], member("gm-2", heard=AFTER, pulls=2)]
    state, elapsed, lines = waited(Device((0, first), (42, late)), awaited(*before), before)
    assert (state[0].done, elapsed) == (True, 45)
    assert lines == [
        "0 s: G1 (unicast): 1 of 2 heard of: gm-1 192.0.2.1; waiting for gm-2 192.0.2.2",
        "45 s: G1 (unicast): 2 of 2 heard of: gm-1 192.0.2.1, gm-2 192.0.2.2",
    ]


def test_a_cleared_list_counts_again_from_its_first_registration():
    before = [member("gm-1"), member("gm-2")]
    entries = awaited(*before, before=None, after=UNICAST)
    device = Device((0, []), (35, [member("gm-1", heard=AFTER)]))
    state, _elapsed, _lines = waited(device, entries, before)
    assert state[0].returned == ("gm-1 192.0.2.1",)
    assert state[0].missing == ("gm-2 192.0.2.2",)


def test_who_registers_in_the_commits_own_second_is_back_if_it_was_seen_to_come():
    before = [member("gm-1"), member("gm-2")]
    entries = awaited(*before, before=None, after=UNICAST)
    same = [member("gm-1", heard=COMMIT, pulls=2), member("gm-2", heard=COMMIT, pulls=2)]
    device = Device((0, same[:1]), (35, same))
    state, elapsed, _lines = waited(device, entries, before)
    assert state[0].returned == ("gm-2 192.0.2.2",)
    assert (state[0].missing, elapsed) == (("gm-1 192.0.2.1",), 60)


def test_where_the_commits_time_is_unknown_only_who_is_seen_to_come_or_register_is_back():
    before = [member(f"gm-{n}") for n in (1, 2, 3)]
    entries = awaited(*before, before=None, after=UNICAST)
    first = [member("gm-1", heard=AFTER, pulls=2), member("gm-3", heard=AFTER, pulls=2)]
    later = [first[0], member("gm-2", heard=AFTER, pulls=2), member("gm-3", heard=AFTER, pulls=3)]
    device = Device((0, first), (35, later), commit="")
    state, elapsed, lines = waited(device, entries, before)
    assert state[0].returned == ("gm-2 192.0.2.2", "gm-3 192.0.2.3")
    assert state[0].missing == state[0].unknown == ("gm-1 192.0.2.1",)
    assert (state[0].done, elapsed) == (False, 60)
    assert "unknown whether it was before or after the change: gm-1 192.0.2.1" in lines[-1]
    assert state[0].as_result()["unknown"] == ["gm-1 192.0.2.1"]


HEARTBEAT = {**UNICAST, "heartbeat": 60}


@pytest.mark.parametrize(
    ("after", "first", "later", "done"),
    [
        # A rekey went out and was acknowledged between the earlier list and the change.
        (HEARTBEAT, {"sent": 1, "acked": 1}, {"sent": 1, "acked": 1}, False),
        (HEARTBEAT, {"sent": 1, "acked": 1}, {"sent": 2, "acked": 1}, False),
        (HEARTBEAT, {"sent": 1, "acked": 1}, {"sent": 2, "acked": 2}, True),
        (HEARTBEAT, {"sent": 1, "acked": 0}, {"sent": 1, "acked": 1}, False),
        # The last one is that of the change itself.
        (None, {"sent": 2, "acked": 1}, {"sent": 2, "acked": 1}, False),
        (None, {"sent": 2, "acked": 1}, {"sent": 2, "acked": 2}, True),
    ],
)
def test_a_rekey_that_may_be_older_than_the_change_proves_nothing(after, first, later, done):
    before = [member("gm-1")]
    device = Device((0, [member("gm-1", **first)]), (35, [member("gm-1", **later)]))
    state, _elapsed, _lines = waited(device, awaited(*before, after=after), before)
    assert state[0].done is done


def test_a_minimum_counts_signs_of_life_and_not_rows():
    before = [member("gm-1"), member("gm-2")]
    wanted = {"G1": Wanted(min_members=2, absent=["gm-1", "gm-2"])}
    now = [member("gm-1", sent=1, acked=1)] * 2 + [member("gm-2", sent=1)]
    state, _elapsed, _lines = waited(Device((0, now)), awaited(*before, wanted=wanted), before)
    assert (state[0].alive, state[0].done) == (1, False)
    # Two behind one translator are two.
    there = member("gm-1")["address"]
    now = [member(name, sent=1, acked=1) | {"address": there} for name in ("gm-1", "gm-2")]
    before = [one | {"address": there} for one in before]
    state, _elapsed, _lines = waited(Device((0, now)), awaited(*before, wanted=wanted), before)
    assert (state[0].alive, state[0].done) == (2, True)


def groups_of(reply):
    return read_groups(SimpleNamespace(read=lambda _filter: reply, warn=[].append))


def test_what_is_inactive_at_any_level_is_not_in_force():
    def configuration(group="", block="", kind=""):
        return etree.fromstring(
            "<rpc-reply><configuration><security><group-vpn><server>"
            f"<group{group}><name>G1</name><server-member-communication{block}>"
            f"<communication-type{kind}>multicast</communication-type>"
            "</server-member-communication></group>"
            "</server></group-vpn></security></configuration></rpc-reply>"
        )

    off = ' inactive="inactive"'
    assert groups_of(configuration())["G1"].communication == "multicast"
    assert groups_of(configuration(kind=off))["G1"].communication == "unicast"
    assert groups_of(configuration(block=off))["G1"].communication == "none"
    assert groups_of(configuration(group=off)) == {}


def server(inside):
    return etree.fromstring(
        "<rpc-reply><configuration><security><group-vpn><server>"
        f"{inside}</server></group-vpn></security></configuration></rpc-reply>"
    )


def test_what_a_configuration_group_brings_in_is_in_force_and_what_is_set_counts_more():
    def block(kind):
        return (
            "<group><name>G1</name><server-member-communication>"
            f"{kind}</server-member-communication></group>"
        )

    brought = "<communication-type group='REKEY'>multicast</communication-type>"
    lives = "<proposal group='SUITE'><name>P</name><lifetime-seconds>900</lifetime-seconds>"
    used = "<ipsec-sa><name>S</name><proposal>P</proposal></ipsec-sa>"
    assert groups_of(server(block(brought)))["G1"].communication == "multicast"
    found = groups_of(
        server(f"<ipsec>{lives}</proposal></ipsec><group><name>G1</name>{used}</group>")
    )
    assert found["G1"].key_lifetime == 900
    # A proposal that is nowhere: the device's own lifetime, to be careful.
    assert groups_of(server(f"<group><name>G1</name>{used}</group>"))["G1"].key_lifetime == 3600
    asleep = "<communication-type inactive='inactive'>unicast</communication-type>"
    assert groups_of(server(block(asleep)))["G1"].communication == "unicast"


@pytest.mark.parametrize(
    "inside",
    [
        "<group><group-id>1</group-id></group>",
        "<group><name>G1</name><group-id>one</group-id></group>",
        "<ipsec><proposal><name>P</name><lifetime-seconds>1h</lifetime-seconds></proposal></ipsec>",
    ],
)
def test_a_group_that_cannot_be_read_is_not_taken_for_one_with_defaults(inside):
    with pytest.raises(MalformedReply):
        groups_of(server(inside))


def test_only_the_devices_own_key_server_is_read():
    server = "<group-vpn><server><group><name>G9</name></group></server></group-vpn>"
    inner = f"<groups><name>x</name><security>{server}</security></groups>"
    elsewhere = f"<configuration>{inner}</configuration>"
    assert groups_of(etree.fromstring(elsewhere)) == {}


@pytest.mark.parametrize("listed", ["2001:DB8::00AB", "2001:db8:0:0::ab"])
@pytest.mark.parametrize("wanted", [(None, "2001:db8::ab"), ("gm-1", "2001:DB8::AB")])
def test_a_member_is_found_however_its_address_is_written(listed, wanted):
    member = {"gateway": "gm-1", "address": listed}
    assert Roll([member]).find(*wanted) is member


@pytest.mark.parametrize(
    ("listed", "name", "found"),
    [
        ([("gm-1", "192.0.2.1")], ("gm-1", "192.0.2.9"), 0),
        # Several members come in by one gateway: which of them has another address now?
        ([("gm-1", "192.0.2.1"), ("gm-1", "192.0.2.2")], ("gm-1", "192.0.2.9"), None),
        ([("gm-1", "192.0.2.1"), ("gm-1", "192.0.2.2")], ("gm-1", "192.0.2.2"), 1),
        # An address that another one has now.
        ([("gm-2", "192.0.2.1")], ("gm-1", "192.0.2.1"), None),
        ([("gm-2", "192.0.2.1"), ("gm-1", "192.0.2.2")], ("gm-1", "192.0.2.1"), 1),
        # Two behind one translator, and somebody else by the gateway of the second.
        ([("a", "192.0.2.1"), ("b", "192.0.2.1"), ("b", "192.0.2.2")], ("b", "192.0.2.1"), 1),
    ],
)
def test_a_member_whose_address_changed_is_found_where_its_gateway_is_its_own(listed, name, found):
    members = [{"gateway": gateway, "address": address} for gateway, address in listed]
    assert Roll(members).find(*name) is (None if found is None else members[found])


@pytest.mark.parametrize("name", ["de:1", "a:b", "site:1/0", "gm.1.example"])
def test_a_name_with_one_colon_is_no_address(name):
    entry = {"group": "G1", "members": [name], "min_members": 0, "absent": []}
    assert gate.wanted_of([entry]) == {"G1": Wanted((name,))}

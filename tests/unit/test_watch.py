# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What happened between two readings of a device's lists."""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.watch import Happened, Watch


def member(number, unacknowledged=0):
    return {
        "gateway": f"gm-{number}",
        "address": f"192.0.2.{number}",
        "push_unacknowledged": unacknowledged,
    }


def group(*members, **settings):
    return {
        "name": "G1",
        "id": 1,
        "communication": "unicast",
        "list_shows": "active",
        "gateways": [{"name": "gm-1", "address": "192.0.2.1"}],
        "clustered": False,
        "members": list(members),
        "member_count": len(members),
        **settings,
    }


def after(first, second):
    watch = Watch("hub")
    assert watch.read(first) == []
    return watch.read(second)


def brief(events):
    return [(e["event"], e.get("gateway")) for e in events]


def test_a_list_that_stays_makes_no_event():
    assert after([group(member(1))], [group(member(1))]) == []
    assert after([group(member(1, 2))], [group(member(1, 2))]) == []


def test_who_came_and_who_left_is_named_with_what_the_list_shows():
    events = after([group(member(1), member(2))], [group(member(2), member(3))])
    assert brief(events) == [("member_lost", "gm-1"), ("member_joined", "gm-3")]
    assert events[0] == {
        "event": "member_lost",
        "device": "hub",
        "group": "G1",
        "list_shows": "active",
        "gateway": "gm-1",
        "address": "192.0.2.1",
    }


def test_a_list_that_is_empty_now_was_cleared_and_says_who_was_in_it():
    (event,) = after([group(member(1), member(2))], [group()])
    assert (event["event"], [m["gateway"] for m in event["members"]]) == (
        "list_cleared",
        ["gm-1", "gm-2"],
    )


def test_more_pushes_without_acknowledgement_are_told_and_fewer_are_not():
    (event,) = after([group(member(1, 2))], [group(member(1, 5))])
    assert (event["event"], event["pushes"]) == ("unacknowledged", 3)
    assert after([group(member(1, 5))], [group(member(1, 0))]) == []
    # A counter that is smaller was cleared: what it shows has come since.
    (event,) = after([group(member(1, 5))], [group(member(1, 3))])
    assert (event["event"], event["pushes"]) == ("unacknowledged", 3)


@pytest.mark.parametrize(
    "settings",
    [
        {"communication": "multicast"},
        {"gateways": []},
        {"clustered": True},
        {"id": 2},
    ],
)
def test_a_group_that_is_configured_otherwise_is_drift(settings):
    (event,) = after([group(member(1))], [group(member(1), **settings)])
    assert (event["event"], event["group"]) == ("configuration_drift", group()["name"])
    ((name, value),) = settings.items()
    assert event["after"][name] == value
    assert event["before"][name] == group()[name]


def test_a_group_that_is_gone_is_drift_and_its_list_cleared():
    events = after([group(member(1))], [])
    assert brief(events) == [("configuration_drift", None), ("list_cleared", None)]
    assert events[0]["after"] is None


def test_nobody_is_lost_because_a_list_was_not_read():
    watch = Watch("hub")
    watch.read([group(member(1))])
    (event,) = watch.failed(Happened.UNREACHABLE, "no route")
    assert event == {"event": "unreachable", "device": "hub", "why": "no route"}
    assert watch.failed(Happened.UNREACHABLE, "no route") == []
    assert brief(watch.failed(Happened.UNKNOWN, "not understood")) == [("unknown", None)]
    assert brief(watch.read([group()])) == [("read_again", None), ("member_lost", "gm-1")]


def test_nobody_is_lost_because_a_device_shows_no_list_of_a_group():
    """It is configured: another thing than one that is gone, or an empty list."""
    watch = Watch("hub")
    both = [group(member(1), member(2)), group(member(3), name="G2")]
    watch.read(both)
    for _again in range(2):
        events = watch.read([group(member(2))], unlisted=["G2"])
        assert brief(events) == [("unknown", None), ("member_lost", "gm-1")][2 * _again :]
        assert not _again or watch.failed(Happened.UNREACHABLE, "no route")
    assert brief(watch.read([group(member(2))], unlisted=["G2"])) == [("read_again", None)]
    events = watch.read([group(member(2)), group(name="G2")])
    assert [(e["event"], e["group"]) for e in events] == [
        ("read_again", "G2"),
        ("member_lost", "G2"),
    ]


def test_the_first_list_of_a_group_is_what_later_ones_are_compared_with():
    watch = Watch("hub")
    assert [e["group"] for e in watch.read([], unlisted=["G1"])] == ["G1"]
    assert brief(watch.read([group(member(1))])) == [("read_again", None)]
    assert brief(watch.read([group()])) == [("member_lost", "gm-1")]


def test_of_two_members_of_one_gateway_the_one_that_leaves_is_named():
    near, far = ({**member(1), "address": f"192.0.2.{number}"} for number in (1, 2))
    (event,) = after([group(near, far)], [group(far)])
    assert (event["event"], event["address"]) == ("member_lost", "192.0.2.1")


def test_of_several_members_at_one_address_one_that_leaves_is_told():
    one, other = member(1, 2), member(1, 5)
    assert brief(after([group(one, other)], [group(other)])) == [("member_lost", "gm-1")]
    assert brief(after([group(one)], [group(other, one)])) == [("member_joined", "gm-1")]
    assert after([group(one, other)], [group(other, one)]) == []
    third = member(1, 7)
    assert brief(after([group(one, other, third)], [group(one, other)])) == [
        ("member_lost", "gm-1")
    ]


@pytest.mark.parametrize(
    ("settings", "event"), [({}, "member_lost"), ({"communication": "multicast"}, "list_cleared")]
)
def test_who_was_alone_in_a_list_is_lost_unless_the_group_is_another(settings, event):
    """A device takes out who falls silent, whoever else is there; rules wait for that event."""
    assert after([group(member(1))], [group(**settings)])[-1]["event"] == event

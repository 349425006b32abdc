# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading, clearing and waiting for members of an emulated device in the same process."""

from __future__ import annotations

import copy
import re

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.confirm import (
    Request as ConfirmRequest,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.confirm import confirm
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    DeviceError,
    GroupVpnError,
    MalformedReply,
    Refused,
    TransportFailure,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members import gate
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.asking import Choice
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.clearing import Request, clear
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.read import (
    configured_at,
    counted,
    read,
    read_lists,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.wait_for import (
    NotBack,
    wait_for,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.wait_for import (
    Request as WaitRequest,
)
from lxml import etree

from tests.keyserver.wire import HELLO, Wire
from tests.keyserver.world import V1_SMC, World, commit

SMC = "set security group-vpn server group G1 server-member-communication "
BLOCK = (SMC + "encryption-algorithm aes-256-cbc", SMC + "sig-hash-algorithm sha-256")
V1_BLOCK = (V1_SMC + "encryption-algorithm 3des-cbc sig-hash-algorithm sha1",)
BOTH = ["gm-1 192.0.2.11", "gm-2 192.0.2.12"]
LIST = "get-security-group-vpn-server-registered-members"
CLEAR, STATISTICS = "clear-security-group-vpn-server", "get-security-group-vpn-server-stats"


class Fleet:
    """Two members of G1, registered a minute ago, and a session of the collection's core."""

    def __init__(self, signing_key, generation="v2", block=BLOCK, **spec):
        self.world = World(signing_key, generation, members=2, extra=block, **spec)
        self.block = block
        self.world.joined(2)
        self.world.pass_time(60)
        self.wire = Wire(self.world.device, lambda: self.world.now)
        self.said = []

    def wait(self, **request):
        return wait_for(
            self.wire,
            WaitRequest(**request),
            self.said.append,
            lambda: self.world.now,
            self.world.pass_time,
        )

    def change(self, *lines):
        """What the sites were before, and the change that is made of it."""
        before = self.wait(wanted={"G1": gate.Wanted()}, check=True)["since"]
        self.world.pass_time(5)
        self.world.commit(*self.block, *lines)
        return before


@pytest.fixture
def fleet(signing_key):
    return Fleet(signing_key)


def members(*numbers):
    return [{"gateway": f"gm-{n}", "address": f"192.0.2.1{n}"} for n in numbers]


# Reading


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_groups_are_read_with_what_their_lists_mean(signing_key, generation):
    fleet = Fleet(signing_key, generation, V1_BLOCK if generation == "v1" else BLOCK)
    result = read(fleet.wire)
    assert result["warnings"] == []
    first, second = result["groups"]
    gateways = [
        {"name": "gm-1", "address": "192.0.2.11"},
        {"name": "gm-2", "address": "192.0.2.12"},
    ]
    row = {"last_update": "Fri Jan 15 2027 08:00:00", "vsys": "root"}
    assert first == {
        "name": "G1",
        "id": 1,
        "communication": "unicast",
        "list_shows": "active",
        "member_count": 2,
        "members": [{**member, **row} for member in members(1, 2)],
        "gateways": gateways,
        "clustered": False,
    }
    assert (second["communication"], second["list_shows"]) == ("none", "registered")
    assert (second["member_count"], second["members"], second["id"]) == (0, [], 2)


def test_only_what_decides_about_lists_is_read(fleet):
    """Keys of members do not concern who asks for a list."""
    read(fleet.wire)
    assert fleet.wire.requests == [
        '<get-configuration format="xml" database="committed" inherit="inherit" groups="groups">'
        "<configuration><security><group-vpn><server><group/><ike><gateway/></ike>"
        "<ipsec><proposal/></ipsec></server></group-vpn></security></configuration>"
        "</get-configuration>",
        "<get-security-group-vpn-server-registered-members/>",
    ]


def test_what_awaits_confirmation_is_told_and_confirmed_once(fleet):
    session = fleet.world.device.open_session("netops", fleet.world.now)
    session.greeting()
    session.receive(HELLO, fleet.world.now)
    change = (
        "<rpc><load-configuration action='set'><configuration-set>set system host-name other"
        "</configuration-set></load-configuration></rpc>]]>]]>"
    )
    session.receive(change.encode(), fleet.world.now)
    rpc = (
        "<rpc><commit-configuration><confirmed/><confirm-timeout>7</confirm-timeout>"
        "</commit-configuration></rpc>]]>]]>"
    )
    assert b"commit-success" in session.receive(rpc.encode(), fleet.world.now)
    told = confirm(fleet.wire, ConfirmRequest(check=True))
    assert (told["changed"], told["warnings"]) == (True, [])
    assert told["pending_confirmation"]["user"] == "netops"
    assert told["msg"].startswith("would be confirmed: ")
    assert fleet.world.device.database.confirmed.pending is not None
    assert confirm(fleet.wire, ConfirmRequest())["changed"]
    assert fleet.world.device.database.confirmed.pending is None
    again = confirm(fleet.wire, ConfirmRequest())
    assert (again["changed"], again["pending_confirmation"]) == (False, None)


def test_the_members_of_each_group_are_counted(fleet):
    assert counted(fleet.wire) == {"G1": 2, "G2": 0}
    fleet.world.run(fleet.world.member("192.0.2.11", group=2), "192.0.2.11")
    assert counted(fleet.wire) == {"G1": 2, "G2": 1}


def test_the_fullest_node_of_a_cluster_counts(fleet):
    member = (
        "<group-vpn-member><group-vpn-member-gateway>gm-%d</group-vpn-member-gateway>"
        "<group-vpn-member-address>192.0.2.1%d</group-vpn-member-address></group-vpn-member>"
    )
    node = (
        "<multi-routing-engine-item><re-name>node%d</re-name>"
        "<security-group-vpn-server-registered-members><group-vpn-registered-members>"
        "<group-vpn-group-name>G1</group-vpn-group-name><group-vpn-group-id>1</group-vpn-group-id>"
        "<group-vpn-member-count>%d</group-vpn-member-count>%s</group-vpn-registered-members>"
        "</security-group-vpn-server-registered-members></multi-routing-engine-item>"
    )
    rows = [member % (n, n) for n in (1, 2)]
    nodes = (node % (0, 1, rows[0]), node % (1, 2, "".join(rows)))
    for order in (nodes, nodes[::-1]):
        fleet.wire.inject = {
            "get-security-group-vpn-server-registered-members": "<rpc-reply>"
            f"<multi-routing-engine-results>{''.join(order)}</multi-routing-engine-results>"
            "</rpc-reply>"
        }
        assert counted(fleet.wire) == {"G1": 2}


def test_what_cannot_be_counted_is_an_error_and_never_zero(fleet):
    name = "get-security-group-vpn-server-registered-members"
    fleet.wire.inject = {name: "<rpc-reply><frob/></rpc-reply>", "command": "<rpc-reply/>"}
    with pytest.raises(MalformedReply, match="not understood"):
        counted(fleet.wire)


def test_the_last_commit_is_told_in_seconds_as_far_as_the_device_tells_it(fleet):
    assert configured_at(fleet.wire) == 1_800_000_000.0
    history = "<rpc-reply><commit-information><commit-history>%s</commit-history>%s"
    rest = "</commit-information></rpc-reply>"
    for shown, seconds in (
        ("<date-time>2027-01-15 08:00:07 UTC</date-time>", 1_800_000_007.0),
        ('<date-time x="3">2027-01-15 08:00:07 UTC</date-time>', 1_800_000_007.0),
        ('<date-time seconds="4">2027-01-15 08:00:07 UTC</date-time>', 4.0),
        ("<date-time>some day</date-time>", None),
        ("", None),
    ):
        fleet.wire.inject = {"get-commit-information": history % (shown, "") + rest}
        assert configured_at(fleet.wire) == seconds
    denied = "<rpc-reply><rpc-error><error-message>permission denied</error-message></rpc-error>"
    fleet.wire.inject = {"get-commit-information": denied + "</rpc-reply>"}
    assert configured_at(fleet.wire) is None


@pytest.mark.parametrize(
    ("choice", "warns"),
    [
        (Choice(), True),
        (Choice(group="G2"), True),
        (Choice(group_id=2), True),
        (Choice(group="G1"), False),
        (Choice(peer_address="192.0.2.11"), False),
    ],
)
def test_a_group_that_is_configured_and_has_no_list_is_not_an_empty_one(fleet, choice, warns):
    reply = etree.fromstring(fleet.wire.raw(etree.Element(LIST)))
    (name,) = (element for element in reply.iter() if element.text == "G2")
    block = name.getparent()
    block.getparent().remove(block)
    fleet.wire.inject[LIST] = etree.tostring(reply).decode()
    found = read(fleet.wire, choice)
    assert "G2" not in [group["name"] for group in found["groups"]]
    unlisted = (
        "group G2: it is configured, and the device shows no list of it: who is registered there "
        "is not known"
    )
    assert found["warnings"] == [unlisted] * warns
    assert read_lists(fleet.wire, choice).unlisted == ["G2"] * warns
    if choice.group_id is None and choice.peer_address is None:
        # Nor is nothing to be cleared there, as far as is known.
        assert (
            clear(fleet.wire, Request(choice.group, check=True))["warnings"] == [unlisted] * warns
        )


def test_members_that_came_to_a_tenant_are_told_apart(fleet):
    reply = etree.fromstring(fleet.wire.raw(etree.Element(LIST)))
    last = [element for element in reply.iter() if element.text == "root"][-1]
    last.text = "TS1"
    fleet.wire.inject[LIST] = etree.tostring(reply).decode()
    found = read(fleet.wire)
    assert found["warnings"] == [
        "group G1: the device shows some of virtual system TS1, which is not its own, but a "
        "logical system's or a tenant's; tell it apart by that name"
    ]
    assert [one["vsys"] for one in found["groups"][0]["members"]] == ["root", "TS1"]


# Clearing

AS_BEFORE = (
    "group G1: the device has accepted the clear, and lists all of its members as before: whether "
    "it has cleared them is not known"
)


def test_a_check_says_who_would_be_cleared_and_clears_nobody(fleet):
    entry = {"group": "G1", "communication": "unicast", "members": members(1, 2)}
    told = clear(fleet.wire, Request(check=True))
    assert told == {"changed": True, "cleared": [entry], "warnings": []}
    assert not [name for name in fleet.wire.names if name.startswith("clear")]
    assert clear(fleet.wire, Request(group="G1", now=True)) == told
    assert fleet.wire.requests[-2] == (
        f"<{CLEAR}><{CLEAR}-group-name>G1</{CLEAR}-group-name><{CLEAR}-now/></{CLEAR}>"
    )
    assert fleet.world.listed()[0] == []


def test_a_group_without_members_is_left_alone(fleet):
    assert clear(fleet.wire, Request(group="G2")) == {
        "changed": False,
        "cleared": [],
        "warnings": [],
    }
    clear(fleet.wire, Request())
    # G2 is not cleared with it: it would be given new keys for nobody.
    assert (
        fleet.wire.requests[-2] == f"<{CLEAR}><{CLEAR}-group-name>G1</{CLEAR}-group-name></{CLEAR}>"
    )


def test_lists_of_a_groups_other_servers_are_said_to_be_left(fleet):
    fleet.world.commit(
        *fleet.block,
        "set security group-vpn server group G1 server-cluster server-role root-server",
    )
    left = "group G1: its other servers have lists of their own, which this does not clear"
    fleet.world.run(fleet.world.member("192.0.2.11"), "192.0.2.11")
    for request in (Request(check=True), Request(group="G1")):
        assert clear(fleet.wire, request)["warnings"] == [left]
    assert clear(fleet.wire, Request(statistics=True))["warnings"] == []


def test_where_every_group_has_members_one_clear_takes_them_all(fleet):
    fleet.world.run(fleet.world.member("192.0.2.11", group=2), "192.0.2.11")
    done = clear(fleet.wire, Request())
    assert [entry["group"] for entry in done["cleared"]] == ["G1", "G2"]
    assert [entry["communication"] for entry in done["cleared"]] == ["unicast", "none"]
    assert fleet.wire.requests[-2] == f"<{CLEAR}/>"
    assert counted(fleet.wire) == {"G1": 0, "G2": 0}


def test_a_group_that_only_the_list_has_is_cleared_without_the_others(fleet):
    """As many groups have members as are configured, and one of these has none."""
    listed = etree.fromstring(fleet.wire.raw(etree.Element(LIST)))
    (name,) = (element for element in listed.iter() if element.text == "G1")
    block = copy.deepcopy(name.getparent())
    block[name.getparent().index(name)].text = "G9"
    name.getparent().addnext(block)
    fleet.wire.inject[LIST] = etree.tostring(listed).decode()
    fleet.wire.inject[CLEAR] = "<rpc-reply><ok/></rpc-reply>"
    clear(fleet.wire, Request())
    sent = [request for request in fleet.wire.requests if request.startswith(f"<{CLEAR}")]
    assert [etree.fromstring(one).findtext(f"{CLEAR}-group-name") for one in sent] == [
        "G1",
        "G9",
    ]


def test_where_no_group_is_nothing_is_sent(fleet):
    commit(fleet.world.device, "set system host-name hub", fleet.world.now)
    assert not clear(fleet.wire, Request())["changed"]
    assert CLEAR not in fleet.wire.names


def test_statistics_are_cleared_where_anything_was_counted(fleet):
    entry = {"group": "G1", "communication": "unicast", "members": members(1, 2)}
    done = clear(fleet.wire, Request(statistics=True, now=True))
    assert done == {"changed": True, "cleared": [entry], "warnings": []}
    name = f"{CLEAR}-statistics"
    assert fleet.wire.requests[-1] == f"<{name}><group>G1</group></{name}>"
    # The members stay, and a second time there is nothing left to clear.
    assert counted(fleet.wire) == {"G1": 2, "G2": 0}
    again = clear(fleet.wire, Request(statistics=True))
    assert (again["changed"], again["cleared"]) == (False, [])


def test_only_the_named_groups_statistics_are_looked_at(fleet):
    assert not clear(fleet.wire, Request(group="G2", statistics=True))["changed"]
    assert clear(fleet.wire, Request(group="G1", statistics=True))["changed"]


@pytest.mark.parametrize(
    ("counter", "counts"),
    [
        ("group-vpn-pull-failed", True),
        ("group-vpn-push-unacknowledged", True),
        ("group-vpn-group-id", False),
        ("group-vpn-member-threshold", False),
    ],
)
def test_a_counter_above_nought_is_something_to_clear(fleet, counter, counts):
    fleet.wire.inject = {
        STATISTICS: "<rpc-reply><security-group-vpn-server-stats>"
        "<group-vpn-group-name>G2</group-vpn-group-name>"
        f"<group-vpn-stats><{counter}>7</{counter}></group-vpn-stats>"
        "</security-group-vpn-server-stats></rpc-reply>"
    }
    done = clear(fleet.wire, Request(statistics=True, check=True))
    assert [entry["group"] for entry in done["cleared"]] == ["G2"] * counts


def test_what_the_device_says_to_a_clear_is_returned(fleet):
    fleet.wire.inject = {
        CLEAR: "<rpc-reply><output>\n2 members\n cleared\n</output><output/><rpc-error>"
        "<error-severity>warning</error-severity><error-message>busy</error-message></rpc-error>"
        "</rpc-reply>"
    }
    assert clear(fleet.wire, Request())["warnings"] == [
        "busy",
        "the device says: 2 members cleared",
        AS_BEFORE,
    ]
    fleet.wire.inject = {CLEAR: "<rpc-reply><output>error: not running</output></rpc-reply>"}
    with pytest.raises(DeviceError, match="clear G1: error: not running"):
        clear(fleet.wire, Request())


@pytest.mark.parametrize("after", ["as before", "one is back", "unreadable", "refused"])
def test_a_list_is_looked_at_again_once_a_device_says_that_it_has_cleared_it(fleet, after):
    listed = fleet.wire.raw(etree.Element(LIST)).decode()
    second = "<group-vpn-member-gateway>gm-2</group-vpn-member-gateway>"
    told = {
        "as before": (listed, AS_BEFORE),
        "one is back": (listed.replace(second, second.replace("gm-2", "gm-3")), None),
        "unreadable": ("<rpc-reply/>", "whether the lists are empty now is not known: "),
        "refused": (
            "<rpc-reply><output>error: busy</output></rpc-reply>",
            "whether the lists are empty now is not known: read the registered members: error",
        ),
    }
    reply, warning = told[after]
    raw = fleet.wire.raw

    def answer(operation):
        if operation.tag == CLEAR:
            fleet.wire.inject = {
                LIST: reply,
                "command": reply,
                CLEAR: "<rpc-reply><ok/></rpc-reply>",
            }
        return raw(operation)

    fleet.wire.raw = answer
    done = clear(fleet.wire, Request(group="G1"))
    assert [entry["group"] for entry in done["cleared"]] == ["G1"]
    assert [one.startswith(warning or "?") for one in done["warnings"]] == [True] * bool(warning)


def test_a_clear_that_stops_half_way_says_what_was_done(fleet, monkeypatch):
    fleet.world.commit(*fleet.block, "set security group-vpn server group G3 group-id 3")
    fleet.world.run(fleet.world.member("192.0.2.11", group=2), "192.0.2.11")
    raw = fleet.wire.raw

    def second_fails(operation):
        if operation.tag == CLEAR and "G2" in etree.tostring(operation, encoding="unicode"):
            fleet.wire.inject = {CLEAR: "<rpc-reply><output>error: busy</output></rpc-reply>"}
        return raw(operation)

    monkeypatch.setattr(fleet.wire, "raw", second_fails)
    with pytest.raises(DeviceError, match="clear G2: error: busy") as raised:
        clear(fleet.wire, Request())
    assert raised.value.may_have_changed
    assert raised.value.warnings == ("cleared before that: G1",)
    assert counted(fleet.wire)["G1"] == 0


@pytest.mark.parametrize("failing", ["refused", "lost"])
def test_only_a_clear_whose_answer_was_lost_may_have_been_done(fleet, failing):
    if failing == "lost":
        fleet.wire.break_at = CLEAR
    else:
        fleet.wire.inject = {CLEAR: "<rpc-reply><output>error: busy</output></rpc-reply>"}
    with pytest.raises(GroupVpnError) as raised:
        clear(fleet.wire, Request())
    unknown = ("whether G1 was cleared is not known; run the task again",)
    assert raised.value.may_have_changed is (failing == "lost")
    assert raised.value.warnings == (unknown if failing == "lost" else ())


def test_statistics_that_are_not_understood_are_not_taken_for_none(fleet):
    fleet.wire.inject = {STATISTICS: "<rpc-reply><output>Pulls: 7</output></rpc-reply>"}
    with pytest.raises(MalformedReply, match="read statistics: counters of a group without a name"):
        clear(fleet.wire, Request(statistics=True))


def test_a_group_that_is_not_there_and_statistics_of_v1_are_refused(fleet, signing_key):
    place = r"\[edit security group-vpn server group\]: group 'G9' is not there; .* has G1, G2\)"
    with pytest.raises(Refused, match=place):
        clear(fleet.wire, Request(group="G9"))
    old = Fleet(signing_key, "v1", V1_BLOCK)
    with pytest.raises(Refused, match="Group VPNv1 has no statistics to clear"):
        clear(old.wire, Request(statistics=True))


# Waiting

LONGER = {
    "changed": True,
    "before": [{"group": "G1", "encryption_algorithm": "aes-256-cbc"}],
    "after": [{"group": "G1", "encryption_algorithm": "aes-256-cbc", "lifetime_seconds": 7200}],
}


def test_a_check_says_who_would_be_waited_for_and_how_long(fleet):
    result = fleet.wait(change=LONGER, check=True)
    assert (result["timeout"], result["elapsed"], result["warnings"]) == (60, 0.0, [])
    assert result["groups"] == [
        {
            "group": "G1",
            "communication": "unicast",
            "proof": True,
            "cause": "push",
            "why": "they acknowledge the rekey that the change causes",
            "seconds": 60,
            "cycle": 30,
            "min_members": 0,
            "expected": BOTH,
            "returned": [],
            "missing": BOTH,
            "unknown": [],
            "clustered": False,
            "alive": 0,
        }
    ]
    assert [group["name"] for group in result["since"]["groups"]] == ["G1", "G2"]
    assert fleet.said == []


def test_everybody_acknowledges_and_the_result_says_so(fleet):
    since = fleet.change(SMC + "lifetime-seconds 7200")
    result = fleet.wait(change=LONGER, since=since)
    assert (result["elapsed"], result["since"]) == (30.0, since)
    (group,) = result["groups"]
    assert (group["returned"], group["missing"], group["alive"]) == (BOTH, [], 2)
    assert fleet.said[-1].endswith("2 of 2 heard of: gm-1 192.0.2.11, gm-2 192.0.2.12")


def test_who_is_silent_is_named_with_the_time_that_passed(fleet):
    fleet.world.lost.add("192.0.2.12")
    since = fleet.change(SMC + "lifetime-seconds 7200")
    with pytest.raises(NotBack) as raised:
        fleet.wait(change=LONGER, since=since)
    assert str(raised.value) == (
        "not everybody was heard of within 60 s: G1 (unicast): 1 of 2 heard of: gm-1 192.0.2.11; "
        "waiting for gm-2 192.0.2.12"
    )
    assert (raised.value.elapsed, raised.value.state[0].missing) == (60.0, (BOTH[1],))


def test_v1_without_counters_is_asked_for_its_key_and_judged_by_its_list(signing_key):
    fleet = Fleet(signing_key, "v1", V1_BLOCK)
    fleet.world.lost.add("192.0.2.12")
    since = fleet.change(V1_SMC + "lifetime-seconds 7200")
    assert since["keks"]["G1"] != fleet.world.view().kek.spi
    assert re.fullmatch("[0-9a-f]{32}", since["keks"]["G1"])
    change = {**LONGER, "before": [{"group": "G1"}]}
    with pytest.raises(NotBack, match=r"1 of 2 heard of: gm-1 192\.0\.2\.11; waiting for gm-2"):
        fleet.wait(change=change, since=since, timeout=90)


def test_v1_members_that_died_with_their_multicast_are_not_kept_for_standing_in_the_list(
    signing_key,
):
    path = V1_SMC + "communication-type multicast multicast-group 233.252.0.1 "
    multicast = (*V1_BLOCK, path + "multicast-outgoing-interface ge-0/0/1.0")
    fleet = Fleet(signing_key, "v1", multicast)
    fleet.block = V1_BLOCK
    fleet.world.lost.update(("192.0.2.11", "192.0.2.12"))
    since = fleet.change()
    kind = {"group": "G1", "communication_type": "multicast"}
    change = {"changed": True, "before": [kind], "after": [{"group": "G1"}]}
    with pytest.raises(NotBack, match=r"G1 \(unicast\): 0 of 2 heard of"):
        fleet.wait(change=change, since=since, timeout=90)


def test_a_connection_that_breaks_while_waiting_is_opened_again(fleet):
    since = fleet.change(SMC + "lifetime-seconds 7200")
    looks = []
    say = fleet.said.append

    def breaking(line):
        say(line)
        looks.append(line)
        if len(looks) == 1:
            fleet.wire.session.end(fleet.world.now)

    fleet.said = type("Lines", (list,), {"append": lambda self, line: breaking(line)})()
    result = fleet.wait(change=LONGER, since=since)
    assert result["groups"][0]["missing"] == []


@pytest.mark.parametrize("first", [True, False])
def test_a_list_that_cannot_be_read_for_a_while_is_read_again(fleet, first):
    since = fleet.change(SMC + "lifetime-seconds 7200")
    away = {LIST: "<rpc-reply><output>error: not running</output></rpc-reply>"}
    fleet.wire.inject = away if first else {}

    def coming_and_going(seconds):
        fleet.world.pass_time(seconds)
        fleet.wire.inject = {} if fleet.wire.inject else away

    request = WaitRequest(change=LONGER, since=since)
    result = wait_for(
        fleet.wire, request, fleet.said.append, lambda: fleet.world.now, coming_and_going
    )
    assert (result["groups"][0]["missing"], result["warnings"]) == ([], [])
    failed = [line for line in fleet.said if line.startswith("the last look failed: ")]
    assert failed[0].endswith("error: not running")


def test_a_connection_that_stays_broken_is_told_with_who_is_missing(fleet):
    fleet.world.lost.update(("192.0.2.11", "192.0.2.12"))
    since = fleet.change(SMC + "lifetime-seconds 7200")

    def broken(seconds):
        fleet.world.pass_time(seconds)
        fleet.wire.break_at = LIST

    request = WaitRequest(change=LONGER, since=since)
    with pytest.raises(NotBack, match="the last look failed: hub-1: the connection broke"):
        wait_for(fleet.wire, request, fleet.said.append, lambda: fleet.world.now, broken)
    # Before anything was seen there is nothing to go on from.
    with pytest.raises(TransportFailure):
        fleet.wait(change=LONGER, since=since)


def test_what_was_seen_before_a_connection_broke_is_no_sign_of_life_later(signing_key):
    fleet = Fleet(signing_key, "v1", V1_BLOCK)
    fleet.world.lost.update(("192.0.2.11", "192.0.2.12"))
    since = fleet.change(V1_SMC + "lifetime-seconds 7200")

    def breaking(seconds):
        fleet.world.pass_time(seconds)
        fleet.wire.break_at = LIST

    change = {**LONGER, "before": [{"group": "G1"}]}
    request = WaitRequest(change=change, since=since, timeout=90)
    # Both stood in the list when the rekey had just gone out, and nobody saw them leave it.
    with pytest.raises(NotBack, match=r"within 90 s: G1 \(unicast\): 0 of 2 heard of; .*broke"):
        wait_for(fleet.wire, request, fleet.said.append, lambda: fleet.world.now, breaking)


def test_a_cycle_whose_end_nobody_saw_decides_nothing(fleet):
    since = fleet.change(SMC + "lifetime-seconds 7200")

    def breaking(seconds):
        fleet.world.pass_time(seconds)
        if fleet.said[-1].startswith("5 s: "):
            fleet.wire.break_at = LIST

    request = WaitRequest(change=LONGER, since=since)
    words = "who is there could not be seen in the end within 60 s: the last look failed: hub-1"
    with pytest.raises(NotBack, match=words) as raised:
        wait_for(fleet.wire, request, fleet.said.append, lambda: fleet.world.now, breaking)
    assert len(raised.value.state[0].returned) == 2


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (
            {"confirm_within": 1},
            r"a wait of 60 s \(G1: they acknowledge .*\) does not fit into a confirmation of 1 "
            "minute; give it 2 minutes or more",
        ),
        ({"timeout": 29}, "timeout 29: a retransmission cycle takes 30 s, .* set it to 30 or more"),
        ({"change": None}, "groups, change: there is nobody to wait for"),
        ({"timeout": -1}, "timeout -1: a number from 0 up is expected"),
        ({"poll": 0}, "poll 0: a number from 1 up is expected; correct 'poll'"),
        ({"confirm_within": 0}, "confirm_within 0: a number from 1 up is expected"),
        ({"wanted": {"G9": gate.Wanted()}}, r"group 'G9' is not there; .* \(it has G1, G2\)"),
        (
            {"since": {"groups": "all"}},
            "since: groups .* are expected; give what wait_for_members returned",
        ),
        ({"since": {}}, "since: groups .* are expected; give what wait_for_members returned"),
        (
            {"since": {"groups": ["G1"]}},
            "since: groups .* are expected; give what wait_for_members returned",
        ),
        (
            {"since": {"groups": [{"name": "G1", "members": members(1)}]}},
            "since: a list without counters, .* with registered_members_info and 'detail: true'",
        ),
        *(
            ({"change": change}, "change: 'before' and 'after' .* are expected; give the")
            for change in (
                {"changed": False, "failed": True},
                {"changed": True, "results": []},
                {"changed": True, "before": {"groups": []}, "after": {"groups": [{"name": "G1"}]}},
                {"before": [], "after": [{"name": "G1"}]},
            )
        ),
        (
            {"change": {"changed": True, "before": [], "after": []}},
            "made by an earlier run and awaits its confirmation",
        ),
    ],
)
def test_what_cannot_be_waited_for_is_refused_before_anything_is(fleet, request_, words):
    with pytest.raises(Refused, match=words):
        fleet.wait(**{"change": LONGER, **request_})
    assert fleet.said == []


@pytest.mark.parametrize(("minutes", "fits"), [(2, True), (1, False)])
def test_a_confirmation_must_hold_the_wait_a_look_and_the_confirming(fleet, minutes, fits):
    # 85 + 5 + 30 seconds are two minutes.
    request = {"change": LONGER, "timeout": 85, "confirm_within": minutes, "check": True}
    if fits:
        assert fleet.wait(**request)["timeout"] == 85
    with pytest.raises(Refused):
        fleet.wait(**{**request, "timeout": 86})


def test_named_members_are_waited_for_without_a_change(fleet):
    wanted = {"G1": gate.Wanted(members=["gm-2"], min_members=1), "G2": gate.Wanted()}
    result = fleet.wait(wanted=wanted, check=True)
    first, second = result["groups"]
    assert (first["cause"], first["expected"], first["min_members"]) == ("asked", ["gm-2"], 1)
    assert (second["communication"], second["expected"]) == ("none", [])
    assert result["timeout"] == 120
    fleet.world.pass_time(5)
    fleet.world.run(fleet.world.member("192.0.2.12"), "192.0.2.12")
    done = fleet.wait(wanted=wanted, since=result["since"])
    assert [group["returned"] for group in done["groups"]] == [["gm-2"], []]


def test_a_timeout_shorter_than_may_be_needed_is_warned_about(fleet):
    result = fleet.wait(change=LONGER, timeout=40, check=True)
    assert result["warnings"] == [
        "G1: it may take 60 s until they acknowledge the rekey that the change causes; the timeout "
        "is 40 s"
    ]
    kind = {"group": "G1", "communication_type": "multicast"}
    multicast = {**LONGER, "before": [kind], "after": [{**kind, "lifetime_seconds": 7200}]}
    told = fleet.wait(change=multicast, check=True)
    assert told["warnings"] == [
        "G1: multicast rekeys are not acknowledged: the list proves nothing, and nobody was waited "
        "for; who registered while it was unicast misses rekeys until it registers again"
    ]
    assert (told["groups"][0]["proof"], told["groups"][0]["expected"]) == (False, [])

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``wait_for_members`` against the emulated device: what cannot be seen is said, not waited out."""

from __future__ import annotations

import contextlib
import re

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import Refused
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.gate import Wanted
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.wait_for import (
    NotBack,
    Request,
    wait_for,
)
from lxml import etree

from tests.keyserver.console import Session, errors
from tests.keyserver.test_transaction import device
from tests.keyserver.wire import NOW, Wire

PATH = "set security group-vpn server group G1 server-member-communication"
BLOCK = {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha1"}
LINES = tuple(f"{PATH} {name.replace('_', '-')} {value}" for name, value in BLOCK.items())
CHANGE = {
    "changed": True,
    "before": [{"group": "G1", **BLOCK}],
    "after": [{"group": "G1", **BLOCK, "lifetime_seconds": 7200}],
}
KEKS, HISTORY = "get-security-group-vpn-server-kek-sa", "get-commit-information"
LIST = "security-group-vpn-server-registered-members"
WITH_COOKIE = (
    "<rpc-reply><kek><group-id>1</group-id><initiator-cookie>0123456789abcdef</initiator-cookie>"
    "{}</kek></rpc-reply>"
)
RESPONDER = "<responder-cookie>fedcba9876543210</responder-cookie>"


class Hub:
    """A device, and a clock that waiting moves."""

    def __init__(self, generation="v1", **inject):
        sha = {"v1": "sha1", "v2": "sha-256"}[generation]
        lines = [line.replace("sha1", sha) for line in LINES]
        self.wire = Wire(device(generation, extra=lines))
        self.now = 0.0
        self.wire.inject = inject
        self.told: list[str] = []

    def sleep(self, seconds):
        self.now += seconds

    def waits(self, **request):
        return wait_for(
            self.wire, Request(**request), self.told.append, lambda: self.now, self.sleep
        )


def g1(*members, **more):
    return {"G1": Wanted(members=members, **more)}


def test_who_was_not_heard_of_is_named_with_the_group_and_the_time():
    with pytest.raises(
        NotBack,
        match=r"^not everybody was heard of within 20 s: G1 \(unicast\): 0 of 1 heard of; "
        r"waiting for gm-1$",
    ) as raised:
        Hub().waits(wanted=g1("gm-1"), timeout=20)
    assert raised.value.elapsed == 20
    assert [one.missing for one in raised.value.state] == [("gm-1",)]


@pytest.mark.parametrize("members", [("gm-9",), ("gm-1", "gm-1.example.net")])
def test_a_gateway_that_the_group_does_not_have_is_refused_at_once(members):
    hub = Hub()
    with pytest.raises(
        Refused, match=r"server group G1\]: 'gm-\S+' is not one of its gateways.*gm-1"
    ):
        hub.waits(wanted=g1(*members))
    assert hub.now == 0


def test_who_need_not_come_back_may_be_gone_from_the_configuration():
    done = Hub().waits(wanted=g1(absent=["gm-9", "gm-1"]), timeout=120)
    assert done["groups"][0]["expected"] == []
    # Or misspelt, which nobody would notice.
    assert done["warnings"] == ["G1: absent 'gm-9': nobody of that name was listed, or may be"]


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (
            g1("192.0.2.99"),
            r"none of its gateways has the address 192\.0\.2\.99; correct 'members'",
        ),
        (g1(min_members=9), "min_members 9: each of its . gateways? lets one member in; correct"),
    ],
)
def test_more_members_than_a_group_lets_in_are_refused_at_once(wanted, why):
    hub = Hub()
    with pytest.raises(Refused, match=why):
        hub.waits(wanted=wanted)
    assert hub.now == 0


@pytest.mark.parametrize("wanted", [g1("192.0.2.77"), g1(absent=["192.0.2.77"])])
def test_an_address_that_two_members_share_names_neither(wanted):
    """Behind one translator: whoever of the two is back, the other may not be."""
    rows = "".join(
        f"<member><gateway>{name}</gateway><ip>192.0.2.77</ip></member>" for name in ("b", "a")
    )
    listed = f"<{LIST}><group><name>G1</name>{rows}</group></{LIST}>"
    hub = Hub(**{f"get-{LIST}": f"<rpc-reply>{listed}</rpc-reply>"})
    with pytest.raises(
        Refused, match=r"192\.0\.2\.77 is the address of a, b; name them by gateway"
    ):
        hub.waits(wanted=wanted)
    assert hub.now == 0


@pytest.mark.parametrize("times", [1, 2])
def test_who_is_listed_twice_is_said_to_be_waited_for_as_one(times):
    row = "<member><gateway>gm-1</gateway><ip>192.0.2.77</ip></member>"
    listed = f"<{LIST}><group><name>G1</name>{row * times}</group></{LIST}>"
    hub = Hub(**{f"get-{LIST}": f"<rpc-reply>{listed}</rpc-reply>"})
    done = hub.waits(change=CHANGE, check=True, timeout=60)
    told = "G1: gm-1 192.0.2.77 is listed 2 times, and waited for as one member"
    assert (told in done["warnings"]) is (times == 2)


def test_who_came_before_the_first_look_need_not_have_come_since_the_change():
    row = "<member><gateway>gm-1</gateway><ip>192.0.2.77</ip></member>"
    listed = f"<{LIST}><group><name>G1</name>{row}</group></{LIST}>"
    hub = Hub(**{f"get-{LIST}": f"<rpc-reply>{listed}</rpc-reply>", HISTORY: "<rpc-reply/>"})
    since = {"groups": [{"name": "G1", "members": []}], "keks": {}}
    with pytest.raises(NotBack) as raised:
        hub.waits(change=CHANGE, since=since, wanted=g1("gm-1"), timeout=120)
    assert [one.returned for one in raised.value.state] == [()]


def counted(sent, acknowledged):
    row = (
        "<member><gateway>gm-1</gateway><ip>192.0.2.77</ip><pull-succeeded>1</pull-succeeded>"
        f"<push-sent>{sent}</push-sent><push-acknowledged>{acknowledged}</push-acknowledged>"
        "<push-unacknowledged>0</push-unacknowledged></member>"
    )
    return f"<rpc-reply><{LIST}><group><name>G1</name>{row}</group></{LIST}></rpc-reply>"


@pytest.mark.parametrize(
    ("option", "first"),
    [
        # The next rekey tells of a heartbeat; a new lifetime is pushed at once.
        ({"heartbeat": 60}, (2, 2)),
        ({"lifetime_seconds": 7200}, (3, 2)),
    ],
)
@pytest.mark.parametrize("alive", [True, False])
def test_a_rekey_acknowledged_between_since_and_the_commit_is_no_sign_of_life(option, first, alive):
    list_now = f"get-{LIST}"
    hub = Hub("v2", **{list_now: counted(1, 1)})
    since = hub.waits(wanted=g1("gm-1"), check=True)["since"]
    hub.wire.inject[list_now] = counted(*first)

    def sleep(seconds):
        hub.now += seconds
        if alive and hub.now >= 15:
            hub.wire.inject[list_now] = counted(3, 3)

    hub.sleep = sleep
    change = {**CHANGE, "after": [{"group": "G1", **BLOCK, **option}]}
    with contextlib.nullcontext() if alive else pytest.raises(NotBack, match="0 of 1 heard of"):
        done = hub.waits(change=change, since=since, timeout=60)
        assert done["groups"][0]["returned"] == ["gm-1 192.0.2.77"]


def test_a_wait_that_leaves_no_time_to_confirm_is_refused_at_once():
    hub = Hub()
    why = "a wait of 26 s .* does not fit into a confirmation of 1 minute; give it 2 minutes"
    with pytest.raises(Refused, match=why):
        hub.waits(change=CHANGE, timeout=26, confirm_within=1, check=True)
    assert hub.now == 0
    assert hub.waits(change=CHANGE, timeout=25, confirm_within=1, check=True)["timeout"] == 25


def test_a_wait_whose_looks_are_long_needs_more_time_to_confirm(monkeypatch):
    """The last one may begin as the wait ends, and the device takes the change back meanwhile."""
    hub = Hub()
    answered = hub.wire.raw

    def slowly(operation):
        hub.now += 10
        return answered(operation)

    monkeypatch.setattr(hub.wire, "raw", slowly)
    with pytest.raises(Refused, match="does not fit into a confirmation of 1 minute; give it 2 "):
        hub.waits(change=CHANGE, timeout=25, confirm_within=1, check=True)
    assert hub.waits(change=CHANGE, timeout=25, confirm_within=2, check=True)["timeout"] == 25


def test_where_a_gateway_takes_whoever_comes_any_address_may_be_there():
    hub = Hub()
    server = "set security group-vpn server"
    gateway = f"{server} ike gateway road"
    more = (f"{gateway} ike-policy pol", f"{gateway} dynamic hostname road.example")
    hub.wire = Wire(device(extra=(*more, f"{server} group G1 ike-gateway road")))
    with pytest.raises(NotBack, match=r"waiting for 192\.0\.2\.99$"):
        hub.waits(wanted=g1("192.0.2.99"), timeout=20)


def test_who_is_missing_where_other_servers_have_the_group_may_be_there():
    hub = Hub()
    cluster = "set security group-vpn server group G1 server-cluster server-role"
    hub.wire = Wire(device(extra=(f"{cluster} sub-server",)))
    there = "waiting for gm-1; other servers have the group, too, and lists of their own$"
    with pytest.raises(NotBack, match=there) as raised:
        hub.waits(wanted=g1("gm-1"), timeout=20)
    assert raised.value.state[0].as_result()["clustered"] is True


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (WITH_COOKIE.format(""), "group G1: a key without its cookies"),
        ("<rpc-reply><kek><group-id>1</group-id></kek></rpc-reply>", "a key without its cookies"),
        ("<rpc-reply><output>Group 1\nKEK 0xabc</output></rpc-reply>", "'Group 1 KEK 0xabc'"),
        (
            "<rpc-reply><rpc-error><error-severity>error</error-severity>"
            "<error-message>permission denied</error-message></rpc-error></rpc-reply>",
            "permission denied",
        ),
    ],
)
def test_keys_for_rekeying_that_cannot_be_read_are_not_taken_for_none(reply, why):
    hub = Hub(**{KEKS: reply})
    words = rf"the keys for rekeying cannot be read \(.*{why}\), so that only registrations count"
    with pytest.raises(NotBack, match=words):
        hub.waits(wanted=g1("gm-1"), timeout=20)
    done = hub.waits(wanted=g1(), timeout=120)
    assert [why in line for line in done["warnings"]] == [True]


def test_keys_for_rekeying_that_are_read_are_no_news():
    done = Hub(**{KEKS: WITH_COOKIE.format(RESPONDER)}).waits(wanted=g1(), timeout=120)
    assert done["warnings"] == []
    assert done["since"]["keks"] == {"G1": "0123456789abcdeffedcba9876543210"}


@pytest.mark.parametrize(
    ("history", "why"),
    [
        (
            "<rpc-reply><rpc-error><error-severity>error</error-severity>"
            "<error-message>permission denied</error-message></rpc-error></rpc-reply>",
            "permission denied",
        ),
        ("<rpc-reply><commit-information/></rpc-reply>", "no time is shown"),
        (
            "<rpc-reply><commit-history><date-time>yesterday</date-time></commit-history>"
            "</rpc-reply>",
            "'yesterday': a time is expected",
        ),
    ],
)
def test_a_commit_without_a_time_is_said_after_a_change(history, why):
    hub = Hub(**{HISTORY: history})
    *_, warning = hub.waits(change=CHANGE, timeout=120)["warnings"]
    assert warning.startswith("the device does not tell when it committed (")
    assert why in warning
    assert hub.waits(wanted=g1(), timeout=120)["warnings"] == []


AWAITING = {
    "of others": "set system domain-name example.com",
    "of another group": "set security group-vpn server group G2 description changed",
}


def somebody_commits(hub, line):
    """What is to be confirmed within five minutes."""

    class At:
        device, now = hub.wire.device, NOW

    session = Session(At, ("urn:ietf:params:netconf:base:1.0",))
    session.set(line)
    assert errors(session.commit("<confirmed/><confirm-timeout>5</confirm-timeout>")) == []
    session.end()


@pytest.mark.parametrize("whose", AWAITING)
@pytest.mark.parametrize("marks", [True, False])
def test_a_change_over_what_awaits_is_refused_whatever_that_is_about(whose, marks):
    hub = Hub()
    somebody_commits(hub, AWAITING[whose])
    if not marks:
        told = hub.wire.raw(etree.Element(HISTORY)).decode()
        hub.wire.inject[HISTORY] = re.sub("<commit-confirmed>.*?</commit-confirmed>", "", told)
    awaits = "awaits" if marks else "may await"
    with pytest.raises(Refused, match=f"{awaits} confirmation.* nobody knows who was listed"):
        hub.waits(change=CHANGE, timeout=120, check=True)


def test_where_it_is_not_known_whether_a_commit_awaits_a_check_says_so():
    refused = "<rpc-reply><rpc-error><error-message>no</error-message></rpc-error></rpc-reply>"
    warnings = Hub(**{HISTORY: refused}).waits(change=CHANGE, timeout=120, check=True)["warnings"]
    assert any(one.startswith("whether another commit awaits") for one in warnings)


def test_a_wait_for_a_change_that_confirmed_another_is_refused():
    made = {**CHANGE, "confirms": {"user": "eve", "client": "cli", "at": "", "minutes": 5}}
    with pytest.raises(Refused, match="made over another that awaited its confirmation, so nobody"):
        Hub().waits(change=made, timeout=120)

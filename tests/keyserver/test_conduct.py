# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A whole Group VPN carried out on devices in one process, whose members never register."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.device import CommitOptions
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    CommitDiffers,
    GroupVpnError,
    Refused,
    TransportFailure,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.look import look
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.reading import read
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.conduct import conduct
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.crew import Crew
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.fate import Fate
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.keeper import Keeper
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.order import Order
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.proof import (
    SETTLE_SECONDS,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.standing import Standing
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.work import Unproved
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.steps import Change

from keyserver.config.junos_schema import Generation as EmulatedGeneration
from keyserver.lab.specs import DeviceSpec
from keyserver.srx import Device, read_initial
from tests.keyserver.console import Session, errors
from tests.keyserver.wire import NOW, Wire
from tests.unit.descriptions import SITES, UNICAST, group_of, hosts_of

HUB, SITE, COMMIT = "hub-1", SITES[0], "commit-configuration"
HISTORY, LISTS = "get-commit-information", "get-security-group-vpn-server-registered-members"
CLEAR = "clear-security-group-vpn-server"
MEMBER_KEYS = "get-gvpn-security-associations-information"
REFUSED = (
    "<rpc-reply><rpc-error><error-severity>error</error-severity>"
    "<error-message>permission denied</error-message></rpc-error></rpc-reply>"
)
CONFIRMED = "<confirmed/><confirm-timeout>5</confirm-timeout>"
OTHER = {"name": "other", "address": "203.0.113.9", "pre_shared_key": "made-up-key-of-other"}
TEXT = """set system host-name {0}
set interfaces ge-0/0/1 unit 0 family inet address {1}/24
set security zones security-zone LAN
set security zones security-zone WAN interfaces ge-0/0/1.0
"""


THEIRS = "security group-vpn server ipsec proposal theirs"
THEIR_NAMES = (
    f"set {THEIRS} authentication-algorithm hmac-sha-256-128",
    f"set {THEIRS} encryption-algorithm aes-256-cbc",
    "set security group-vpn server group BRANCHES ipsec-sa BRANCHES proposal theirs",
    "delete security group-vpn server ipsec proposal BRANCHES",
)


class Fleet:
    """Hands on devices in this process; waiting moves the clock."""

    def __init__(self, *hosts: str, members: tuple[str, ...] = (SITE,), **group: object) -> None:
        self.group = group
        self.describe(*members)
        self.asked: list[tuple[str, str]] = []
        self.now, self.said = NOW, []
        self.pauses: list[float] = []
        self.wires = {host: self._wire(host) for host in hosts}
        self.fails: dict[str, GroupVpnError] = {}

    def describe(self, *members: str) -> None:
        self.description = read([group_of(members=list(members), **self.group)], hosts_of())

    def _wire(self, host: str, generation: str = "v2") -> Wire:
        spec = DeviceSpec(host, EmulatedGeneration(generation))
        address = self.description.devices[host].address
        return Wire(
            Device(spec, read_initial(spec, TEXT.format(host, address)), NOW), lambda: self.now
        )

    def exchange(self, host: str, generation: str) -> Fleet:
        """Another device in a host's place."""
        self.wires[host] = self._wire(host, generation)
        return self

    def each(self, work):
        done, failed = {}, {}
        for host, job in work.items():
            try:
                if host in self.fails:
                    raise self.fails[host]
                begun = len(self.wires[host].names)
                done[host] = job(self.wires[host])
                self.asked += [(host, name) for name in self.wires[host].names[begun:]]
            except GroupVpnError as error:
                failed[host] = error
        return done, failed

    def pause(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds

    def clock(self):
        return self.now

    def say(self, line):
        self.said.append(line)

    def run(self, **more):
        return conduct(Order(self.description, tuple(self.wires), timeout=20, **more), self)

    def who(self, operation: str) -> list[str]:
        """Who was asked to do that, in turn."""
        return [host for host, name in self.asked if name == operation]

    def somebody(self, host: str, *lines: str, inner: str = CONFIRMED) -> None:
        """Somebody else's commit there."""

        class At:
            device, now = self.wires[host].device, self.now

        session = Session(At, ("urn:ietf:params:netconf:base:1.0",))
        session.set(*lines)
        assert errors(session.commit(inner)) == []
        session.end()

    def has(self, host: str) -> bool:
        return "group-vpn" in self.wires[host].device.database.committed.get("security", {})


def test_a_check_says_all_steps_and_touches_nothing():
    fleet = Fleet(HUB, SITE)
    outcome = fleet.run(check=True, diff=True)
    steps = [step.as_result() for step in outcome.plan.steps]
    assert [step["step"] for step in steps] == ["learn", "members", "wait"]
    assert steps[0] == {
        "step": "learn",
        "what": "servers learn what is new, and forget who is gone",
        "hosts": [HUB],
        "groups": [],
        "apart": [],
    }
    assert steps[-1]["groups"] == ["BRANCHES"]
    assert {host: fate.changed for host, fate in outcome.hosts.items()} == {HUB: True, SITE: True}
    assert "BRANCHES" in outcome.hosts[HUB].diff
    assert not any(fleet.has(host) for host in (HUB, SITE))
    assert "lock" not in [name for wire in fleet.wires.values() for name in wire.names]


IKE = "security group-vpn {} ike"
PROPOSAL = "aes-256-cbc-sha-256-group14"
OFFER = f"{IKE} proposal {PROPOSAL} authentication-method pre-shared-keys\n"
STRANGER = f"""
{IKE} proposal theirs dh-group group24
{IKE} policy {{policy}} mode main
{IKE} policy {{policy}} proposals {{proposal}}
{IKE} policy {{policy}} pre-shared-key ascii-text {{key}}
{IKE} gateway stranger ike-policy {{policy}}
"""
AT_HUB = STRANGER + "security group-vpn server ike gateway stranger address 203.0.113.9\n"
AT_SITE = STRANGER.replace("gateway stranger", "gateway BRANCHES") + (
    "security group-vpn member ike gateway BRANCHES server-address {address}\n"
    f"security group-vpn member ike gateway BRANCHES local-address {hosts_of()[SITE]['address']}\n"
    "security group-vpn member ipsec vpn theirs ike-gateway BRANCHES\n"
    "security group-vpn member ipsec vpn theirs group 9\n"
)
SAME = OFFER + "".join(
    f"{IKE} proposal {PROPOSAL} {word}\n"
    for word in (
        "dh-group group14",
        "authentication-algorithm sha-256",
        "encryption-algorithm aes-256-cbc",
    )
)
TRAFFIC = """
security group-vpn server ipsec proposal BRANCHES encryption-algorithm aes-128-cbc
security group-vpn server group theirs group-id 9
security group-vpn server group theirs ipsec-sa theirs proposal BRANCHES
"""
BORROWED = {
    "a policy": (HUB, AT_HUB, {"policy": SITE, "key": "theirs"}, f"ike policies {SITE}"),
    "a proposal": (HUB, AT_HUB + OFFER, {"proposal": PROPOSAL}, f"ike proposals {PROPOSAL}"),
    "a proposal of traffic": (HUB, TRAFFIC, {}, "ipsec proposals BRANCHES"),
    "a gateway": (SITE, AT_SITE, {"address": "192.0.2.9"}, "ike gateways BRANCHES"),
    "the same policy": (
        HUB,
        AT_HUB + SAME,
        {"policy": SITE, "key": f"key-of-{SITE}", "proposal": PROPOSAL},
        None,
    ),
    "the same gateway": (
        SITE,
        AT_SITE + SAME,
        {"address": "192.0.2.1", "key": f"key-of-{SITE}", "proposal": PROPOSAL},
        None,
    ),
}


@pytest.mark.parametrize("name", BORROWED)
def test_what_others_use_is_not_made_into_something_else(name):
    """Its name is one that the role would give; with ``exclusive`` nobody else stays."""
    host, text, words, what = BORROWED[name]
    fleet = Fleet(HUB, SITE)
    side = "server" if host == HUB else "member"
    more = {"policy": "theirs", "proposal": "theirs", "key": "theirs", **words}
    lines = text.replace("{}", side).format(**more).strip().splitlines()
    wire = fleet.wires[host]
    text = TEXT.format(host, fleet.description.devices[host].address)
    tree = read_initial(wire.device.spec, text + "".join(f"set {line}\n" for line in lines))
    fleet.wires[host] = Wire(Device(wire.device.spec, tree, NOW), lambda: fleet.now)
    if what is not None:
        with pytest.raises(Refused) as refused:
            fleet.run(check=True)
        (said,) = refused.value.objections
        assert said.startswith(f"{host}: {side} {what}: ")
        assert " uses it, too, " in said
    fleet.run(check=True, exclusive=what is not None)


def test_a_device_of_another_generation_than_described_is_refused_before_anything_is_touched():
    fleet = Fleet(HUB, SITE).exchange(SITE, "v1")
    with pytest.raises(Refused) as refused:
        fleet.run()
    assert refused.value.objections == [
        f"{SITE}: group_vpn_generation v2: the device is of Group VPNv1; "
        "correct 'group_vpn_generation'"
    ]
    assert not fleet.has(HUB)


def test_two_names_of_one_device_are_refused_before_anything_is_touched():
    """A host that was copied: the device was made both, and then one of the two had left."""
    one, through = ["203.0.113.7", "830", "netops", ""], ["203.0.113.7", "830", "netops", "-J hop"]
    reached = {"hub_1": one, "hub_2": through, "site_1": one, "site_2": through, "site_3": one}
    fleet = Fleet(HUB, "hub-2", *SITES[:4])
    given = hosts_of(**{host: {"reached": way} for host, way in reached.items()})
    fleet.description = read([group_of(members=[SITE])], given)
    # Of who does not answer nobody knows who would.
    fleet.fails[SITES[1]] = TransportFailure("203.0.113.7:830: connect: nobody answers")
    with pytest.raises(Refused) as refused:
        fleet.run()
    assert refused.value.objections == [
        "hub-1, site-1, site-3: ansible_host 203.0.113.7 port 830: a session for each of these "
        "leads to the same device; correct it, or leave all but one of them out of play and "
        "description"
    ]
    assert not fleet.who("lock")


@pytest.mark.parametrize("host", [HUB, SITE])
@pytest.mark.parametrize("check", [True, False])
def test_a_device_that_keeps_what_it_has_is_refused_before_anything_is_touched(host, check):
    fleet = Fleet(HUB, SITE)
    wire = fleet.wires[host]
    text = TEXT.format(host, fleet.description.devices[host].address)
    side = "server" if host == HUB else "member"
    kept = f"set security group-vpn {side} ike proposal theirs\nprotect security group-vpn\n"
    tree = read_initial(wire.device.spec, text + kept)
    fleet.wires[host] = Wire(Device(wire.device.spec, tree, NOW), lambda: fleet.now)
    with pytest.raises(Refused, match=rf"{host}.*: it is protected, and stays as it is"):
        fleet.run(check=check)
    assert not fleet.who("lock")


def test_a_difference_that_nobody_asked_for_is_not_laid_out():
    assert Fleet(HUB).run(check=True).hosts[HUB].diff == ""


def test_a_change_that_nobody_proves_is_not_confirmed_and_everybody_is_named():
    fleet = Fleet(HUB, SITE)
    outcome = fleet.run(comment="build")
    hub, site = (outcome.hosts[host].as_result() for host in (HUB, SITE))
    assert fleet.has(HUB)
    assert (hub["changed"], hub["did"], site["did"]) == (True, ["configured"], ["configured"])
    assert site["failures"] == ["no server lists it as a member of BRANCHES"]
    # Its key plane is not run here.
    assert hub["failures"] == [
        "shows no key for rekeying of BRANCHES",
        "nothing proves the change: it is not confirmed, and the device takes it back 10 minutes "
        "after the commit unless somebody commits there before",
    ]
    # Who is listed nowhere has nothing to show.
    assert not any(name.startswith("get-gvpn-") for name in fleet.wires[SITE].names)
    assert NOW + 20 <= fleet.now < NOW + 22
    assert [line for line in fleet.said if "waiting for" in line]
    assert fleet.pauses[:7] == [0.0625, 0.125, 0.25, 0.5, 1, 1, 1]
    assert outcome.before[HUB].listed == {}
    assert outcome.after[HUB].listed == {"BRANCHES": []}


def test_a_commit_that_needs_no_confirmation_is_not_said_to_be_taken_back():
    failures = Fleet(HUB, SITE).run(confirm_minutes=0).hosts[HUB].failures
    assert failures == ["shows no key for rekeying of BRANCHES"]


def test_a_new_server_learns_after_the_root_that_it_calls_and_a_known_one_before():
    fleet = Fleet(HUB, "hub-2", servers=[HUB, "hub-2"])
    fleet.run(confirm_minutes=0)
    assert fleet.who(COMMIT) == [HUB, "hub-2"]
    fleet.asked.clear()
    fleet.group["server_member_communication"] = {**UNICAST, "lifetime_seconds": 7200}
    fleet.describe(SITE)
    fleet.run(confirm_minutes=0)
    assert fleet.who(COMMIT) == ["hub-2", HUB]


def test_the_server_that_makes_new_keys_for_who_stays_is_cleared_last():
    """A sub-server that held the old keys still would push the new ones under them."""
    both = {"servers": [HUB, "hub-2"], "exclude": "reregister", "server_member_communication": None}
    fleet = Fleet(HUB, "hub-2", members=SITES[:2], **both)
    fleet.run(confirm_minutes=0)
    fleet.describe(SITE)
    fleet.run(confirm_minutes=0)
    assert fleet.who(CLEAR) == ["hub-2", HUB]


def failures(outcome, host: str) -> list[str]:
    return outcome.hosts[host].failures


def test_who_has_gone_is_not_forgotten_where_new_keys_cannot_be_made():
    """A confirmed commit would be all that was left of it: it could read on for good."""
    fleet = Fleet(HUB, members=SITES[:2])
    fleet.run()
    fleet.describe(SITE)
    fleet.wires[HUB].inject[CLEAR] = REFUSED
    stopped = fleet.run()
    assert stopped.hosts[HUB].did == ["configured"]
    assert stopped.broken == {"BRANCHES": f"{HUB} was not cleared: who has gone can read on"}
    assert failures(stopped, HUB)[0] == "clear BRANCHES: permission denied"
    assert failures(stopped, HUB)[1].startswith("nothing proves the change: it is not confirmed")
    fleet.wires[HUB].inject.clear()
    assert fleet.run().hosts[HUB].did == ["cleared", "confirmed"]


def test_who_can_read_on_is_told_where_no_server_takes_anything_back():
    both = {"servers": [HUB, "hub-2"], "server_member_communication": None}
    fleet = Fleet(HUB, "hub-2", members=SITES[:2], **both)
    fleet.run(confirm_minutes=0)
    fleet.describe(SITE)
    fleet.wires[HUB].inject[CLEAR] = REFUSED
    stopped = fleet.run(confirm_minutes=0)
    until = "until somebody clears the group (clear_members with 'now')"
    why = f"{HUB} was not cleared: who has gone can read on {until}"
    assert stopped.broken == {"BRANCHES": why}
    assert stopped.hosts["hub-2"].did == ["configured", "cleared"]
    assert failures(stopped, "hub-2") == [f"BRANCHES: stopped ({why}); the next run goes on"]


@pytest.mark.parametrize("renamed", [False, True])
def test_old_algorithms_are_not_forgotten_where_new_keys_cannot_be_made(renamed):
    fleet = Fleet(HUB, server_member_communication=None)
    fleet.run()
    if renamed:
        fleet.somebody(HUB, *THEIR_NAMES, inner="")
    fleet.group["ipsec_proposal"] = {"encryption_algorithm": "aes-128-cbc"}
    fleet.describe(SITE)
    fleet.wires[HUB].inject[CLEAR] = REFUSED
    stopped = fleet.run()
    why = f"{HUB} was not cleared: traffic may go on with the old algorithms"
    assert stopped.broken == {"BRANCHES": why}
    fleet.wires[HUB].inject.clear()
    again = fleet.run()
    assert [step.kind.name for step in again.plan.steps] == ["NEW_ALGORITHMS", "WAIT"]
    assert again.hosts[HUB].did == ["cleared", "confirmed"]
    assert fleet.run().plan.steps == ()


KEYS = {
    "get-security-group-vpn-server-kek-sa": "<kek><group-id>70000</group-id>"
    "<initiator-cookie>{0}</initiator-cookie><responder-cookie>{0}</responder-cookie></kek>",
    "get-security-group-vpn-server-security-information": "<sa>"
    "<group-vpn-group-id>70000</group-vpn-group-id><sa-spi>{0}</sa-spi></sa>",
}


@pytest.mark.parametrize(("kek", "tek"), [("0a", "0a"), ("0b", "0a"), ("0a", "0b"), ("0b", "0b")])
def test_a_clear_that_is_accepted_and_changes_no_keys_proves_nothing(kek, tek):
    fleet = Fleet(HUB, members=SITES[:2])
    fleet.run()
    fleet.describe(SITE)
    wire, answer = fleet.wires[HUB], fleet.wires[HUB].raw
    spis = dict.fromkeys(KEYS, "0a")

    def raw(operation):
        if operation.tag == CLEAR:
            spis.update(zip(KEYS, (kek, tek), strict=True))
            return "<rpc-reply><ok/></rpc-reply>"
        if operation.tag in KEYS:
            return f"<rpc-reply>{KEYS[operation.tag].format(spis[operation.tag])}</rpc-reply>"
        return answer(operation)

    wire.raw = raw
    hub = fleet.run().hosts[HUB]
    if {kek, tek} == {"0b"}:
        assert (hub.did, hub.failures) == (["configured", "cleared", "confirmed"], [])
        return
    assert hub.did == ["configured", "cleared"]
    assert hub.failures[0] == (
        "has accepted to be cleared, and goes on with the keys of BRANCHES from before"
    )
    assert hub.failures[1].startswith("nothing proves the change: it is not confirmed")


def refusing(fleet: Fleet, host: str, step: str = "servers learn") -> None:
    """A host that refuses everything from a step on."""
    say = fleet.say

    def tell(line):
        say(line)
        if line.startswith(step):
            fleet.fails[host] = GroupVpnError(f"{host}: refused")

    fleet.say = tell


def sharing() -> Fleet:
    """A cluster of two, which lists its member, shows the same keys and pushes none."""
    both = {"servers": [HUB, "hub-2"], "server_member_communication": None}
    fleet = Fleet(HUB, "hub-2", SITE, **both)
    fleet.wires[HUB].inject = fleet.wires["hub-2"].inject = {
        name: f"<rpc-reply>{reply.format('0a')}</rpc-reply>" for name, reply in KEYS.items()
    } | {LISTS: LISTED}
    fleet.run(confirm_minutes=0)
    return fleet


def test_what_a_server_or_a_member_is_not_asked_to_do_is_not_done():
    """A root whose sub-server has refused; a member that was to ask for what is new."""
    fleet = sharing()
    fleet.group["ipsec_proposal"] = {"lifetime_seconds": 1800}
    fleet.describe(SITE)
    refusing(fleet, "hub-2")
    stopped = fleet.run()
    assert failures(stopped, "hub-2") == ["hub-2: refused"]
    for host, what in ((HUB, "configured"), (SITE, "registered anew")):
        assert stopped.hosts[host].did == []
        assert failures(stopped, host) == [
            f"not {what}, because BRANCHES was stopped (hub-2 did not take the change); "
            "the next run goes on"
        ]


def test_a_member_that_has_no_keys_to_drop_is_not_said_to_register_anew():
    """One of v1 is told by its associations, and comes by itself where it has none."""
    fleet = Fleet(HUB, SITE, server_member_communication=None)
    variables = hosts_of(hub_1={"generation": "v1"}, site_1={"generation": "v1"})
    for life in (3600, 1800):
        group = group_of(members=[SITE], group_id=7, **fleet.group)
        group["ipsec_proposal"] = {"lifetime_seconds": life}
        group["ipsec_proposal"]["authentication_algorithm"] = "hmac-sha-256-128"
        fleet.description = read([group], variables)
        if not fleet.said:
            fleet.exchange(HUB, "v1").exchange(SITE, "v1")
        outcome = fleet.run(confirm_minutes=0)
    assert [step.kind.name for step in outcome.plan.steps] == ["LEARN", "RENEW", "WAIT"]
    site = outcome.hosts[SITE]
    assert (site.did, site.changed) == ([], False)


def test_servers_that_never_share_keys_have_failed_also_where_nothing_is_taken_back():
    fleet = sharing()
    again = fleet.exchange("hub-2", "v2").run(confirm_minutes=0)
    assert [step.kind.name for step in again.plan.steps] == ["LEARN", "SHARE", "WAIT"]
    why = f"BRANCHES: stopped ({again.broken['BRANCHES']}); the next run goes on"
    assert failures(again, HUB) == failures(again, "hub-2") == [why]
    # Whether it has its keys was not looked at.
    assert (failures(again, SITE), again.hosts[SITE].left) == ([], [why])


def test_who_is_in_a_group_that_was_stopped_and_in_one_that_is_out_of_reach_has_failed():
    fleet = Fleet(HUB, SITE)
    other = group_of(name="OTHER", group_id=2, servers=["hub-2"], members=[SITE])
    other["match_policies"] = [
        {"name": "b", "source": "172.16.0.0/12", "destination": "172.16.0.0/12"}
    ]
    hosts = hosts_of(site_1={"policies": None})
    fleet.description = read([group_of(members=[SITE]), other], hosts)
    refusing(fleet, HUB)
    assert failures(fleet.run(), SITE) == [
        f"not configured, because BRANCHES was stopped ({HUB} did not take the change); "
        "the next run goes on"
    ]


LISTED = f"""<rpc-reply><security-group-vpn-server-registered-members>
<group-vpn-registered-members><group-vpn-group-name>BRANCHES</group-vpn-group-name>
<group-vpn-group-id>70000</group-vpn-group-id><group-vpn-member>
<group-vpn-member-gateway>{SITE}</group-vpn-member-gateway>
<group-vpn-member-address>198.51.100.1</group-vpn-member-address></group-vpn-member>
</group-vpn-registered-members></security-group-vpn-server-registered-members></rpc-reply>"""


def test_who_is_listed_is_asked_for_keys_until_there_are_some():
    fleet = Fleet(HUB, SITE)

    def listed_later(line):
        fleet.wires[HUB].inject[LISTS] = LISTED

    fleet.say = listed_later
    outcome = fleet.run()
    asked = [name for name in fleet.wires[SITE].names if name.startswith("get-gvpn-")]
    assert len(asked) > 4 * len(set(asked)) > 0
    assert outcome.hosts[SITE].failures != ["no server lists it as a member of BRANCHES"]
    assert outcome.after[HUB].listed == {"BRANCHES": [SITE]}


def test_who_is_listed_without_a_gateway_is_called_by_its_address():
    fleet = Fleet(HUB)
    fleet.run(confirm_minutes=0)
    fleet.wires[HUB].inject[LISTS] = re.sub("<group-vpn-member-gateway>.*\n", "", LISTED)
    assert fleet.run().after[HUB].listed == {"BRANCHES": ["198.51.100.1"]}


def test_who_cannot_be_reached_stops_only_what_needs_it():
    fleet = Fleet(HUB, SITE)
    fleet.fails[HUB] = TransportFailure("hub-1: no route")
    outcome = fleet.run()
    assert outcome.hosts[HUB].as_result() == {
        "changed": False,
        "unreachable": True,
        "failures": ["hub-1: no route"],
        "left": [],
        "warnings": [],
        "diff": "",
        "did": [],
    }
    assert not fleet.has(SITE)
    # Whether the member is as it should be cannot be said without its server.
    assert outcome.hosts[SITE].left == [
        "BRANCHES: whether anything is to be changed is not known, because hub-1 was not looked "
        "at; the next run goes on"
    ]


def test_a_group_is_left_only_where_a_server_of_it_was_not_looked_at():
    fleet = Fleet(HUB, *SITES[:2])
    other = group_of(name="OTHER", group_id=2, servers=["hub-2"], members=[SITES[1]])
    other["match_policies"] = [
        {"name": "b", "source": "172.16.0.0/12", "destination": "172.16.0.0/12"}
    ]
    fleet.description = read([group_of(members=[SITE]), other], hosts_of())
    outcome = fleet.run(check=True)
    assert outcome.hosts[SITE].left == outcome.hosts[HUB].left == []
    (why,) = outcome.hosts[SITES[1]].left
    assert why.startswith("OTHER: whether anything is to be changed is not known, because hub-2")


def test_a_server_that_is_gone_is_not_waited_for_to_share_keys():
    fleet = Fleet(HUB, "hub-2", SITE)
    fleet.description = read([group_of(servers=[HUB, "hub-2"], members=[SITE])], hosts_of())
    say = fleet.say

    def tell(line):
        say(line)
        if line.startswith("servers of a cluster"):
            fleet.fails["hub-2"] = TransportFailure("hub-2: no route")

    fleet.say, begun = tell, fleet.now
    outcome = fleet.run()
    assert "hub-2: does not answer any more" in outcome.broken["BRANCHES"]
    assert fleet.now - begun < SETTLE_SECONDS
    assert not fleet.has(SITE)


IKE = "set security group-vpn member ike"
PROPOSAL = [
    f"{IKE} proposal theirs {end}"
    for end in (
        "authentication-method pre-shared-keys",
        "authentication-algorithm sha-256",
        "encryption-algorithm aes-128-cbc",
        "dh-group group14",
    )
]
POLICY = [
    f"{IKE} policy BRANCHES {end}" for end in ("proposals theirs", "pre-shared-key ascii-text odd")
]


@pytest.mark.parametrize("theirs", [[], PROPOSAL, PROPOSAL + POLICY])
def test_what_was_looked_at_before_is_looked_at_again_only_under_the_lock(theirs):
    fleet = Fleet(HUB, SITE)

    def say(line):
        if theirs and line.startswith("members are configured"):
            fleet.somebody(SITE, *theirs, inner="")

    fleet.say = say
    outcome, wire = fleet.run(), fleet.wires[SITE]
    assert outcome.hosts[SITE].did == ["configured"]
    assert wire.names[:3] == ["get-configuration", "lock", "get-configuration"]
    ike = look(Wire(wire.device, lambda: fleet.now)).sides["member"]["ike"]
    assert ("theirs" in [one["name"] for one in ike["proposals"]]) is bool(theirs)
    (policy,) = ike["policies"]
    assert policy["pre_shared_key"]["ascii_text"].reveal() == f"key-of-{SITE}"
    assert "theirs" not in policy["proposals"]


def test_what_was_committed_otherwise_than_it_was_asked_is_a_change():
    fleet = Fleet(HUB, SITE)
    say = fleet.say

    def tell(line):
        say(line)
        if line.startswith("servers learn"):
            fleet.fails[HUB] = CommitDiffers("commit: it lacks: set x")

    fleet.say = tell
    outcome = fleet.run()
    assert (outcome.hosts[HUB].changed, outcome.hosts[HUB].failures[0]) == (
        True,
        "commit: it lacks: set x",
    )
    assert outcome.broken == {"BRANCHES": f"{HUB} may not have taken the change"}
    assert not fleet.has(SITE)
    assert outcome.hosts[SITE].failures == [
        f"not configured, because BRANCHES was stopped ({HUB} may not have taken the change); "
        "the next run goes on"
    ]


def test_what_a_failure_warns_of_is_told_beside_what_was_before():
    fate, error = Fate(warnings=["before"]), GroupVpnError("failed")
    error.warnings = ("besides",)
    fate.note(error)
    assert (fate.warnings, fate.failures) == (["before", "besides"], ["failed"])


def test_where_nothing_is_to_be_done_members_have_a_little_time():
    fleet = Fleet(HUB, SITE)
    fleet.run()
    begun = fleet.now
    again = fleet.run()
    assert {host: fate.changed for host, fate in again.hosts.items()} == {HUB: False, SITE: False}
    assert begun + SETTLE_SECONDS <= fleet.now < begun + SETTLE_SECONDS + 2


def test_who_cannot_be_asked_has_a_little_time_to_be_heard_of_after_a_change_and_none_without():
    fleet = Fleet(HUB)
    fleet.description = read([group_of(members=[], unmanaged_members=[OTHER])], hosts_of())
    waited = []
    for changed in (True, False):
        before = fleet.now
        outcome = fleet.run()
        assert outcome.hosts[HUB].changed is changed
        assert outcome.unverified == {"other": "no server lists it as a member of BRANCHES"}
        waited.append(fleet.now - before)
    for seconds, least in zip(waited, (20 + SETTLE_SECONDS, SETTLE_SECONDS), strict=True):
        assert least <= seconds < least + 3


@pytest.mark.parametrize("history", ["<rpc-reply/>", REFUSED, None])
def test_who_came_before_a_commit_whose_time_is_not_told_is_not_verified(history):
    fleet = Fleet(HUB)
    fleet.description = read([group_of(members=[], unmanaged_members=[OTHER])], hosts_of())
    here = LISTED.replace(SITE, "other").replace("198.51.100.1", "203.0.113.9")
    wire, answer, made = fleet.wires[HUB], fleet.wires[HUB].raw, []

    def raw(operation):
        if made and history is None and operation.tag == HISTORY:
            raise TransportFailure("hub-1: the connection broke")
        made.extend([COMMIT] if operation.tag == COMMIT else [])
        wire.inject = {LISTS: here, HISTORY: history or ""} if made else {}
        return answer(operation)

    wire.raw = raw
    silent = "listed in BRANCHES, but not heard of in this run"
    assert fleet.run(confirm_minutes=0).unverified == {"other": silent}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_a_clusters_nodes_the_one_that_lists_its_members_tells_who_is_registered(order):
    fleet = Fleet(HUB)
    fleet.description = read([group_of(members=[], unmanaged_members=[OTHER])], hosts_of())
    fleet.run(confirm_minutes=0)
    root = LISTED.removeprefix("<rpc-reply>").removesuffix("</rpc-reply>")
    full = root.replace(SITE, "other").replace("198.51.100.1", "203.0.113.9")
    nodes = [full, re.sub("<group-vpn-member>.*</group-vpn-member>", "", full, flags=re.DOTALL)]
    items = "".join(
        f"<multi-routing-engine-item><re-name>node{n}</re-name>{nodes[n]}"
        "</multi-routing-engine-item>"
        for n in order
    )
    reply = f"<multi-routing-engine-results>{items}</multi-routing-engine-results>"
    fleet.wires[HUB].inject[LISTS] = f"<rpc-reply>{reply}</rpc-reply>"
    outcome = fleet.run()
    assert outcome.after[HUB].listed == {"BRANCHES": ["other"]}
    assert outcome.unverified == {"other": "listed in BRANCHES, but not heard of in this run"}


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("<output>\nTunnel 7, SPI 0xabc\n</output>", ["'Tunnel 7, SPI 0xabc'"]),
        ("<sas><sa-gvpn-groupid>7 (BRANCHES)</sa-gvpn-groupid></sas>", ["'7 (BRANCHES)'"]),
        ("<sas><sa><sa-gvpn-groupid/><sa-spi>abc</sa-spi></sa></sas>", ["'abc'"]),
        ("<associations><total-ipsec-sas>0</total-ipsec-sas></associations>", []),
        ("<output/>", []),
    ],
)
def test_keys_that_are_told_in_words_that_nobody_knows_are_not_none(check, said, told):
    """A site that has left may hold the group's keys: then others need new ones."""
    fleet = Fleet(HUB, SITE)
    fleet.run(confirm_minutes=0)
    fleet.wires[SITE].inject[MEMBER_KEYS] = f"<rpc-reply>{said}</rpc-reply>"
    warnings = [w for w in fleet.run(check=check).hosts[SITE].warnings if "which of them" in w]
    assert warnings == [
        f"read the traffic keys: not understood: {one}; which of them it holds is not known"
        for one in told
    ]


def test_a_server_none_of_whose_members_is_there_to_prove_it_is_confirmed():
    fleet = Fleet(HUB)
    outcome = fleet.run(comment="build it")
    assert outcome.hosts[HUB].did == ["configured", "confirmed"]
    commits = [r for r in fleet.wires[HUB].requests if "<commit-configuration" in r]
    assert ["confirmed" in request for request in commits] == [True, False]
    assert all("<log>build it</log>" in request for request in commits)
    assert not [line for line in outcome.hosts[HUB].failures if "not confirmed" in line]
    assert any("nothing proves the change" in line for line in outcome.hosts[HUB].warnings)


def test_a_server_none_of_whose_members_answers_is_not_confirmed():
    fleet = Fleet(HUB, SITE)
    fleet.fails[SITE] = TransportFailure("192.0.2.11:830: connect: nobody answers")
    hub = fleet.run().hosts[HUB]
    assert hub.did == ["configured"]
    assert any("nothing proves the change: it is not confirmed" in line for line in hub.failures)


OTHERS = "set system domain-name example.com"
OF_OURS = "set security group-vpn server group BRANCHES description changed"
AWAITS = "the commit of netops by netconf at 2027-01-15 08:00:"


def commits(fleet: Fleet) -> int:
    return fleet.who(COMMIT).count(HUB)


def test_a_run_without_a_change_does_not_confirm_what_somebody_else_awaits():
    fleet = Fleet(HUB)
    fleet.run()
    made = commits(fleet)
    fleet.somebody(HUB, OTHERS)
    for check in (True, False):
        hub = fleet.run(check=check).hosts[HUB]
        assert (hub.did, hub.changed, commits(fleet)) == ([], False, made)
        (warning,) = hub.warnings
        assert warning.startswith(AWAITS)
        assert warning.endswith("it does not concern Group VPN, and is left to who made it")


def test_what_somebody_awaits_for_group_vpn_is_named_and_confirmed_when_it_is_proved():
    fleet = Fleet(HUB, description="changed")
    fleet.run()
    fleet.somebody(HUB, "delete security group-vpn server group BRANCHES description")
    fleet.somebody(HUB, OF_OURS)
    hub = fleet.run().hosts[HUB]
    assert hub.did == ["confirmed"]
    assert hub.warnings[0].startswith(AWAITS)
    assert hub.warnings[0].endswith("it changed Group VPN, and is confirmed when members prove it")


@pytest.mark.parametrize(
    ("line", "inner", "did", "words"),
    [
        (OTHERS, CONFIRMED, ["configured", "confirmed"], "is confirmed with what was to be"),
        ("delete security group-vpn", "", ["configured"], "the device does not have what was to"),
        (OTHERS, "", ["configured"], "the change is there, and no commit awaits confirmation any"),
    ],
)
def test_what_somebody_commits_while_members_are_waited_for_is_told(line, inner, did, words):
    fleet = Fleet(HUB)
    meanwhile(fleet, lambda: fleet.somebody(HUB, line, inner=inner))
    hub = fleet.run().hosts[HUB]
    assert hub.did == did
    assert any(words in said for said in (*hub.warnings, *hub.failures))


def meanwhile(fleet: Fleet, happens: Callable[[], None]) -> None:
    """Something happens while members are waited for."""
    pause = fleet.pause

    def first(seconds):
        if not fleet.pauses:
            pause(1)
            happens()
        pause(seconds)

    fleet.pause = first


DROPS = "delete security group-vpn server group BRANCHES"
BECOMES = {
    "somebody confirms it": (
        lambda fleet: fleet.somebody(HUB, OTHERS, inner=""),
        r"the change is there, and no commit awaits .* and the device keeps it",
    ),
    "somebody takes it out": (
        lambda fleet: fleet.somebody(HUB, DROPS, inner=""),
        r"the device does not have what was to be confirmed: .*; make the change again",
    ),
    "somebody has another confirmed": (
        lambda fleet: fleet.somebody(HUB, OTHERS),
        rf"{AWAITS}.*; it was made since, and the change may be taken back together with it",
    ),
    "its time is over": (
        lambda fleet: fleet.wires[HUB].device.expire(fleet.now + 600),
        r"nothing to confirm: .* the device has taken it back; make the change again",
    ),
    "nobody does anything": (
        lambda fleet: None,
        r"it is not confirmed, and the device takes it back 10 minutes after the commit unless .*",
    ),
}


@pytest.mark.parametrize("name", BECOMES)
def test_what_becomes_of_a_change_that_nothing_proves_is_asked(name):
    """Any commit confirms it: it is not said to be taken back where the device keeps it."""
    happens, told = BECOMES[name]
    fleet = Fleet(HUB, SITE)
    meanwhile(fleet, lambda: happens(fleet))
    outcome = fleet.run()
    hub = outcome.hosts[HUB]
    assert hub.did == ["configured"]
    assert re.fullmatch(f"nothing proves the change: {told}", hub.failures[-1])
    assert bool(outcome.broken) == (name != "somebody confirms it")


@pytest.mark.parametrize("name", ["somebody confirms it", "nobody does anything"])
def test_what_an_earlier_run_left_unproved_is_said_to_be_taken_back_only_if_it_is(name):
    fleet = Fleet(HUB, SITE)
    fleet.run(confirm_minutes=7)
    meanwhile(fleet, lambda: BECOMES[name][0](fleet))
    fleet.pauses.clear()
    said = fleet.run().hosts[HUB].failures[-1].removeprefix("nothing proves the change: ")
    assert said.startswith(
        "it is not confirmed, and the device takes it back 7 minutes after"
        if name.startswith("nobody")
        else "no commit awaits confirmation any more: somebody else has committed since; the next"
    )


def test_a_server_that_is_lost_at_the_end_is_not_said_to_keep_the_change():
    fleet = Fleet(HUB, SITE)
    lost = TransportFailure("192.0.2.1:830: connect: nobody answers")
    meanwhile(fleet, lambda: fleet.fails.update({HUB: lost}))
    hub = fleet.run().hosts[HUB]
    assert hub.unreachable
    assert "and the device takes it back 10 minutes after the commit unless" in hub.failures[-1]


def test_who_leaves_a_group_that_is_not_proved_forgets_it_in_a_later_run():
    stays, leaves = SITES[:2]
    fleet = Fleet(HUB, stays, leaves, members=(stays, leaves))
    fleet.run()
    assert fleet.has(leaves)
    fleet.describe(stays)
    outcome = fleet.run()
    assert [step.kind.name for step in outcome.plan.steps][-1] == "LEAVE"
    assert fleet.has(leaves)
    assert outcome.hosts[leaves].warnings[-1] == (
        "members that left forget the group: left for the next run"
    )
    assert not outcome.hosts[leaves].changed
    assert not [w for w in outcome.hosts[stays].warnings if "left for the next run" in w]


def waiting(slowest=None, **left):
    """A run that has 10 minutes to confirm; ``left``: seconds that an earlier one has left."""
    fleet = Fleet()
    other = group_of(name="OTHER", group_id=2, servers=["hub-2"], members=[SITES[1]])
    description = read([group_of(members=[SITE]), other], hosts_of())
    crew = Crew(Order(description, (HUB, "hub-2", *SITES[:2]), timeout=300), fleet)
    crew.slowest = slowest
    crew.unproved = {
        host.replace("_", "-"): Unproved("", {}, left=seconds) for host, seconds in left.items()
    }
    return fleet, Standing(crew)


MADE = {"changed": True}


@pytest.mark.parametrize(("slowest", "longest"), [(None, 30), (50, 50)])
def test_who_begins_to_change_is_done_with_it_while_servers_can_be_told(slowest, longest):
    fleet, standing = waiting(slowest)
    since = fleet.now
    standing.began({HUB: MADE}, since)
    standing.began({"hub-2": MADE}, since - 200)
    fleet.now = since + 300 - longest
    assert (standing.has_time(SITE), standing.has_time(SITES[1])) == (True, False)
    fleet.now += 1
    assert not standing.has_time(SITE)
    # Whose servers await nothing has all the time there is.
    standing.unconfirmed.clear()
    assert standing.has_time(SITE)


def test_members_are_waited_for_as_long_as_the_first_server_can_be_told_and_never_longer():
    fleet, standing = waiting()
    since = fleet.now
    assert standing.patience() == 300
    standing.began({HUB: MADE}, since)
    standing.began({"hub-2": MADE}, since + 50)
    patience = []
    for passed in (0, 500, 590):
        fleet.now = since + passed
        patience.append(standing.patience())
    assert patience == [300, 55, 0]
    fleet.now = since + 601
    assert (standing.over(), standing.lasting()) == ([HUB], ["hub-2"])


def test_what_changed_nothing_awaits_nothing():
    fleet, standing = waiting()
    standing.began({HUB: {"changed": False}}, fleet.now)
    assert standing.unconfirmed == {}


@pytest.mark.parametrize("left", [None, 0, -40])
def test_a_change_that_awaits_still_when_its_time_is_over_is_not_given_up(left):
    """The device's own times say so, and it says as well that the change awaits confirmation."""
    fleet, standing = waiting(hub_1=left, hub_2=20)
    fleet.now += 21
    assert (standing.over(), standing.lasting()) == (["hub-2"], [HUB])
    assert standing.has_time(SITE)


@pytest.mark.parametrize(
    ("wrong", "failed", "unseen", "stands"),
    [
        ((), (), (), True),
        (SITES[:1], (), (), True),
        (SITES[:2], (), (), False),
        (SITES[2:3], (), (), False),
        ((), SITES[:1], (), True),
        ((), SITES[2:3], (), False),
        ((), (), SITES[:1], True),
        ((), (), SITES[2:3], False),
        (SITES[:1], SITES[1:2], (), False),
    ],
)
def test_a_server_is_confirmed_where_each_of_its_groups_has_somebody_who_proves_it(
    wrong, failed, unseen, stands
):
    others = group_of(name="OTHER", group_id=2, members=SITES[2:3])
    description = read([group_of(members=SITES[:2]), others], hosts_of())
    crew = Crew(Order(description, (HUB, *SITES[:3])), Fleet())
    crew.looks = dict.fromkeys({HUB, *SITES[:3]} - {*unseen})
    for host in failed:
        crew.fates[host].failures.append("it did not do what it was told")
    keeper = Keeper(crew, Standing(crew), lambda _group: False)
    found = dict.fromkeys(wrong, "it holds no key")
    assert keeper.stands(HUB, description.groups, found) is stands


def test_who_may_not_begin_says_nothing_of_how_long_a_change_takes():
    crew = Crew(Order(Fleet().description, (SITE,)), Fleet(SITE))
    assert crew.change({SITE: Change("member")}, CommitOptions(), lambda _host: False) == {}
    assert (crew.postponed, crew.slowest) == ([SITE], None)

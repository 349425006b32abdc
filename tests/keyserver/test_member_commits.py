# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A device that is a member: what comes in the way of a registration, and what then is left."""

from __future__ import annotations

import pytest

from keyserver.config.junos_schema import Generation
from keyserver.gdoi.numbers import GdoiExchange
from keyserver.ike.wire import exchange_of
from keyserver.member.registrations import MemberState
from keyserver.srx_member.outbox import MemberOfGroup
from tests.keyserver import network as networks
from tests.keyserver.test_srx_member import (
    BLOCKS,
    HUB,
    MEMBER,
    OTHER_HUB,
    SITE,
    SMC,
    Network,
    site_config,
)
from tests.lab import hub_config

BOTH = (HUB, OTHER_HUB)
NOBODY = "set system host-name site\n"


class Halting(Network):
    """Two key servers and one site; what these say in a pull is lost while ``mute`` is set."""

    def __init__(self, signing_key, generation="v2", *, mute=False, more=""):
        networks.Network.__init__(self)
        self.generation, self.mute = Generation(generation), mute
        smc = tuple(SMC.replace("G1", group) + BLOCKS[generation] for group in ("G1", "G2"))
        for address in BOTH:
            hub = hub_config("hub", generation, {"gm-1": SITE}, ("G1", "G2"), extra=smc)
            self.add(address, hub, signing_key)
        self.text = site_config(generation, BOTH) + more
        self.add(SITE, self.text, signing_key)

    def carry(self, source, to, datagram):
        is_pull = exchange_of(datagram) == GdoiExchange.GROUPKEY_PULL
        if not (self.mute and source in BOTH and is_pull):
            super().carry(source, to, datagram)

    def at_hubs(self):
        """How many phase 1 SAs each key server has."""
        return [len(self.devices[hub].endpoint.associations(self.now)) for hub in BOTH]


@pytest.fixture(params=["v1", "v2"])
def generation(request):
    return request.param


COMMITS = {
    "deleted": lambda text: NOBODY,
    "another server": lambda text: without(text, HUB),
    "another key": lambda text: text.replace("ascii-text ", "ascii-text other-"),
    "another group": lambda text: text.replace("vpn V1 group 1", "vpn V1 group 2"),
    "another name": lambda text: text.replace("vpn V1 ", "vpn V2 "),
}


def without(text, server):
    return "".join(f"{line}\n" for line in text.splitlines() if not line.endswith(f" {server}"))


def shown_phase_1(network, peer=None):
    """(server, cookies) of the member's phase 1 SAs."""
    which = f"<peer-address>{peer}</peer-address>" if peer else ""
    rpc = "get-gvpn-ike-security-associations-information"
    names = ("ike-sa-remote-address", "ike-sa-initiator-cookie", "ike-sa-responder-cookie")
    entries = network.ask(f"<{rpc}>{which}</{rpc}>").iter("ike-security-associations")
    return [tuple(entry.findtext(name) for name in names) for entry in entries]


def test_both_ends_show_the_phase_1_of_a_pull(signing_key, generation):
    network = Halting(signing_key, generation)
    network.down.add(HUB)
    network.mute = True
    while network.site.server == HUB:
        network.pass_time(600)
    while network.site.member.state is not MemberState.PULL:
        network.pass_time(1)
    (view,) = network.devices[OTHER_HUB].endpoint.associations(network.now)
    shown = [(OTHER_HUB, view.initiator_cookie, view.responder_cookie)]
    assert shown_phase_1(network) == shown_phase_1(network, OTHER_HUB) == shown
    assert shown_phase_1(network, HUB) == []
    network.mute = False
    network.ask("<clear-group-vpn-ike-security-associations/>")
    network.flush()
    ((hub, *_),) = shown_phase_1(network)
    assert (hub, network.site.keys_from, network.at_hubs()[1]) == (OTHER_HUB, OTHER_HUB, 1)


@pytest.mark.parametrize("commit", COMMITS)
def test_a_commit_in_a_pull_leaves_no_phase_1_behind(signing_key, generation, commit):
    network = Halting(signing_key, generation, mute=True)
    assert network.at_hubs() == [1, 0]
    network.mute = False
    network.commit(SITE, COMMITS[commit](network.text))
    servers = [server for server, *_ in shown_phase_1(network)]
    assert network.at_hubs() == [servers.count(hub) for hub in BOTH]


def test_an_operator_who_has_it_register_anew_in_a_pull_leaves_none_either(signing_key):
    network = Halting(signing_key, mute=True)
    network.ask("<clear-gvpn-group-information/>")
    network.flush()
    assert network.at_hubs() == [1, 0]


@pytest.mark.parametrize("trouble", ["no answer", "refused"])
def test_attempts_in_vain_do_not_pile_up_at_the_key_server(signing_key, generation, trouble):
    unknown = f"{MEMBER}ipsec vpn V1 group 9\n" if trouble == "refused" else ""
    network = Halting(signing_key, generation, mute=trouble == "no answer", more=unknown)
    network.pass_time(3000)
    assert network.at_hubs() in ([0, 0], [1, 0], [0, 1])
    told = [one.event.event for one in network.happened]
    assert told.count("refused") > 10


def test_a_phase_1_that_the_key_server_deletes_in_a_pull_ends_the_attempt(signing_key):
    network = Halting(signing_key, mute=True)
    network.mute = False
    lines = hub_config("hub", "v2", {"gm-1": SITE}, ("G1",), extra=(SMC + BLOCKS["v2"],))
    network.commit(HUB, lines.replace("dh-group group14", "dh-group group24"))
    assert network.site.member.state is MemberState.WAITING
    assert network.site.last_failure == "the key server deleted phase 1"
    network.pass_time(4)
    assert network.site.keys_from == OTHER_HUB
    assert network.site.is_up


# Another list of key servers, another phase 1: keys stay

THIRD = "192.0.2.3"
STRONGER = "".join(
    f"{MEMBER}ike {words}\n"
    for words in (
        "proposal p0 authentication-method pre-shared-keys",
        "proposal p0 dh-group group14",
        "proposal p0 authentication-algorithm sha-256",
        "proposal p0 encryption-algorithm aes-128-cbc",
        "policy pol proposals p0",
    )
)


def with_third(text):
    line = next(line for line in text.splitlines() if line.endswith(f" {HUB}"))
    return text + line.replace(HUB, THIRD) + "\n"


def events(network):
    return [one.event.event for one in network.happened if isinstance(one, MemberOfGroup)]


@pytest.mark.parametrize(
    "commit",
    [with_third, lambda text: without(text, OTHER_HUB)],
)
@pytest.mark.parametrize("seconds", [0, 3600 - 60 + 1])
def test_another_list_with_the_server_of_its_keys_costs_nothing(
    signing_key, generation, commit, seconds
):
    network = Halting(signing_key, generation)
    network.pass_time(seconds)
    held, member = network.site.member.held(), network.site.member
    network.happened.clear()
    network.commit(SITE, commit(network.text))
    assert (network.site.member, member.held()) == (member, held)
    assert not {"stopped", "registered"} & {*events(network)}
    members = network.devices[HUB].groups.views(network.now)[0].members
    assert [member.address for member in members] == [SITE]


def test_servers_in_another_order_are_tried_in_it_the_next_time(signing_key):
    network = Halting(signing_key)
    held = network.site.member.held()
    second = next(line for line in network.text.splitlines() if line.endswith(OTHER_HUB))
    network.commit(SITE, f"{second}\n{without(network.text, OTHER_HUB)}")
    assert network.site.settings.enrolment.servers == (OTHER_HUB, HUB)
    assert (network.site.member.held(), network.site.keys_from) == (held, HUB)
    network.down.add(HUB)
    network.pass_time(3600)
    assert network.site.keys_from == OTHER_HUB


@pytest.mark.parametrize(
    "commit", [lambda text: text + STRONGER, lambda text: text.replace("hub", "hq")]
)
def test_another_phase_1_begins_without_the_keys_of_the_old_one(signing_key, commit):
    network = Halting(signing_key)
    old = network.site.member.registrations.way.established.sa.cookies
    network.happened.clear()
    network.commit(SITE, commit(network.text))
    assert network.site.member.registrations.way.established.sa.cookies != old
    assert events(network) == ["stopped", "registered"]
    assert network.at_hubs() == [1, 0]


def test_a_server_more_is_tried_at_once_where_the_others_are_silent(signing_key, generation):
    network = Halting(signing_key, generation)
    network.down.update(BOTH)
    while network.site.member.state is not MemberState.WAITING:
        network.pass_time(5)
    held = network.site.member.held()
    hub = hub_config("hub", generation, {"gm-1": SITE}, extra=(SMC + BLOCKS[generation],))
    network.add(THIRD, hub, network.devices[HUB].safe.signing_key)
    network.commit(SITE, with_third(network.text))
    assert (network.site.member.held(), network.site.member.state) == (held, MemberState.PHASE_1)
    network.pass_time(15)
    assert network.site.keys_from == THIRD


def test_the_server_of_its_keys_is_taken_away_and_they_go(signing_key, generation):
    network = Halting(signing_key, generation)
    held = network.site.member.held()
    network.commit(SITE, without(network.text, HUB))
    assert network.site.keys_from == OTHER_HUB
    assert held.sends_with not in network.site.member.held().receives_with


def test_a_vpn_keeps_its_index_when_another_goes(signing_key, generation):
    second = "".join(
        f"{MEMBER}ipsec vpn V2 {words}\n"
        for words in ("ike-gateway hub", "group-vpn-external-interface ge-0/0/1.0", "group 2")
    )
    network = Halting(signing_key, generation, more=second)

    def indexes():
        shown = network.ask("<get-gvpn-security-associations-information/>")
        blocks = shown.iter("ipsec-security-associations")
        return {e.findtext("sa-gvpn-groupid"): e.findtext("sa-tunnel-index") for e in blocks}

    assert indexes() == {"1": "1", "2": "2"}
    lines = (line for line in network.text.splitlines() if "vpn V1 " not in line)
    network.commit(SITE, "".join(f"{line}\n" for line in lines))
    assert indexes() == {"2": "2"}
    network.commit(SITE, network.text)
    assert indexes() == {"1": "1", "2": "2"}


def test_a_trouble_that_is_over_is_not_the_reason_of_the_next(signing_key):
    network = Halting(signing_key, mute=True)
    network.pass_time(60)
    assert network.site.last_failure == "no answer from the key server"
    network.mute = False
    network.pass_time(600)
    assert network.site.is_up
    network.mute = True
    network.ask("<clear-gvpn-ipsec-security-association/>")
    network.flush()
    down = network.ask("<get-gvpn-inactive-tunnels/>")
    assert down.findtext(".//sa-down-reason") == "registration is not complete"

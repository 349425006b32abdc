# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A device that is a member: what comes in the way of a registration, and what then is left."""

from __future__ import annotations

import pytest

from keyserver.config.junos_schema import Generation
from keyserver.gdoi.numbers import GdoiExchange
from keyserver.ike.wire import exchange_of
from keyserver.member.machine import MemberState
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


@pytest.mark.parametrize("commit", COMMITS)
def test_a_commit_in_a_pull_leaves_no_phase_1_behind(signing_key, generation, commit):
    network = Halting(signing_key, generation, mute=True)
    assert network.at_hubs() == [1, 0]
    network.mute = False
    network.commit(SITE, COMMITS[commit](network.text))
    shown = network.ask("<get-gvpn-ike-security-associations-information/>")
    servers = [e.text for e in shown.iter("ike-sa-remote-address")]
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

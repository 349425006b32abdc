# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A device that is a member of two groups: whatever is done to it, in whatever order, what it has
told, what it shows, and what its key server shows are the same."""

from __future__ import annotations

import random

import pytest

from keyserver.config.junos_schema import Generation
from keyserver.member.events import HeldKeys
from keyserver.srx_member.outbox import MemberOfGroup
from keyserver.srx_member.sites import SrxMembers
from tests.keyserver import network as networks
from tests.keyserver.test_srx_member import BLOCKS, HUB, MEMBER, SITE, SMC, Network, site_config
from tests.lab import PSK, hub_config

NOWHERE = "192.0.2.99"
GROUPS = ((1,), (2,), (1, 2), (2, 1), ())
STEPS = 30


class Walk(Network):
    """Steps at random, each of which must leave everybody of one mind."""

    def __init__(self, signing_key, generation, seed):
        networks.Network.__init__(self)
        self.generation, self.chance = Generation(generation), random.Random(seed)
        self.groups, self.servers, self.key = (1,), (HUB,), PSK
        self.life, self.told = 0, {}
        smc = tuple(SMC.replace("G1", group) + BLOCKS[generation] for group in ("G1", "G2"))
        self.hub = hub_config("hub", generation, {"gm-1": SITE}, ("G1", "G2"), extra=smc)
        self.add(HUB, self.hub, signing_key)
        self.add(SITE, self.text(), signing_key)

    def text(self):
        """The member's configuration as it is now."""
        lines = site_config(self.generation.value, self.servers, self.key).splitlines()
        lines = [line for line in lines if " vpn V1 " not in line]
        for group in self.groups:
            vpn = f"{MEMBER}ipsec vpn V{group} "
            lines += [f"{vpn}ike-gateway hub", f"{vpn}group {group}"]
            lines += [f"{vpn}group-vpn-external-interface ge-0/0/1.0"]
        if self.life:
            lines.append(f"{MEMBER}ike proposal p1 lifetime-seconds {self.life}")
        return "\n".join(lines) + "\n"

    # What may happen

    def another_list_of_groups(self):
        self.groups = self.chance.choice(GROUPS)

    def other_servers(self):
        self.servers = self.chance.choice(((HUB,), (HUB, NOWHERE), (NOWHERE, HUB)))

    def another_key(self):
        self.key = self.chance.choice((PSK, PSK, "another-made-up-key"))

    def another_life(self):
        self.life = self.chance.choice((180, 600))

    def keys_cleared(self):
        self.ask("<clear-gvpn-ipsec-security-association/>")

    def phase_1_cleared(self):
        self.ask("<clear-group-vpn-ike-security-associations/>")

    def time(self):
        self.pass_time(self.chance.choice((1, 3, 10, 40)))

    def much_time(self):
        self.pass_time(self.chance.choice((170, 600, 3550, 4000)))

    def another_policy(self):
        life = "set security group-vpn server ipsec proposal esp lifetime-seconds 1800\n"
        self.commit(HUB, self.hub + self.chance.choice(("", life)))

    def cleared_at_the_server(self):
        at_once = self.chance.random() < 0.5
        self.devices[HUB].groups.clear("G1", immediately=at_once, now=self.now)

    def step(self):
        """One of these."""
        commits = (
            self.another_list_of_groups,
            self.other_servers,
            self.another_key,
            self.another_life,
        )
        others = (
            self.keys_cleared,
            self.phase_1_cleared,
            self.another_policy,
            self.cleared_at_the_server,
            self.time,
            self.time,
            self.much_time,
        )
        done = self.chance.choice(commits + others)
        done()
        if done in commits:
            self.commit(SITE, self.text())
        self.flush()
        return done.__name__

    # What everybody says

    def check(self):
        sites = next(c for c in self.devices[SITE].companions if isinstance(c, SrxMembers)).sites
        for one in self.happened:
            if isinstance(one, MemberOfGroup) and one.event.held is not None:
                self.told[one.vpn] = one.event.held
        self.happened.clear()
        for name, held in self.told.items():
            assert held == (sites[name].member.held() if name in sites else HeldKeys())
        shown = self.ask("<get-gvpn-security-associations-information/>")
        up = {name for name, site in sites.items() if site.is_up}
        assert int(shown.findtext(".//total-active-tunnels")) == len(up)
        assert up <= set(self.told)
        mine = self.ask("<get-gvpn-ike-security-associations-information/>")
        cookies = [entry.text for entry in mine.iter("ike-sa-initiator-cookie")]
        theirs = self.devices[HUB].endpoint.associations(self.now)
        assert sorted(cookies) == sorted(view.initiator_cookie for view in theirs)
        due = self.devices[SITE].deadline()
        assert due is None or due >= self.now


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_whatever_happens_all_say_the_same(signing_key, generation):
    walk = Walk(signing_key, generation, 3)
    steps = []
    for _ in range(STEPS):
        steps.append(walk.step())
        try:
            walk.check()
        except AssertionError as error:
            raise AssertionError(f"after {', '.join(steps)}: {error}") from error
    walk.key = PSK
    walk.commit(SITE, walk.text())
    walk.pass_time(1000)
    walk.check()

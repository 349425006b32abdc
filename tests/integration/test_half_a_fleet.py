# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Devices that vanish in the middle of a rollout, exactly between two of its steps.

A whole Group VPN is carried out over real SSH on emulated devices; what a person would be told
before a step is where something is done to them.
"""

from __future__ import annotations

import re
import time

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import GroupVpnError
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.reading import read
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.conduct import conduct
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.order import Order
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.screen import summary
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.steps import Kind
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.rpc import SessionRpc
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.session import Target
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.transports import open_session

from tests.lab import PASSWORD, USER, LabDirectory
from tests.processes import Process
from tests.whole import UNICAST, WholeLab

NAME, NUMBER = "BRANCHES", 70000
NOBODY = 1
"""A port where nobody listens."""


class Controller:
    """Who runs it: a session for each host, and what is done before the steps of a plan."""

    def __init__(self, ports, before):
        self.ports = dict(ports)
        self.before = {f"{kind.value} ...": act for kind, act in before.items()}
        self._sessions = {}

    def _rpc(self, host):
        if host not in self._sessions:
            options = {"user": USER, "password": PASSWORD, "host_key_checking": False, "persist": 0}
            target = Target("127.0.0.1", self.ports[host], **options)
            self._sessions[host] = open_session(target, "paramiko")
        return SessionRpc(self._sessions[host])

    def each(self, work):
        done, failed = {}, {}
        for host, job in work.items():
            try:
                done[host] = job(self._rpc(host))
            except GroupVpnError as error:
                failed[host] = error
                self.lose(host)
        return done, failed

    def pause(self, seconds):
        time.sleep(seconds)

    def clock(self):
        return time.monotonic()

    def say(self, line):
        self.before.get(line, lambda _controller: None)(self)

    def lose(self, *hosts):
        for host in hosts:
            if host in self._sessions:
                self._sessions.pop(host).close()

    def cut(self, *hosts):
        """Nobody reaches these hosts any more."""
        self.lose(*hosts)
        self.ports |= dict.fromkeys(hosts, NOBODY)


class Rollout:
    """A whole lab, one description, and runs of it."""

    def __init__(self, lab, hubs, sites):
        self.whole = WholeLab(lab)
        self.servers = self.whole.hubs(hubs)
        self.sites = self.whole.sites(sites)
        block = dict(UNICAST)
        self.group = self.whole.group(NAME, NUMBER, self.servers, server_member_communication=block)
        self.ports = {d["name"]: d["netconf"]["port"] for d in lab.devices}
        self.others: list[Process] = []

    def alone(self, host):
        """Give a device a process of its own, which can be killed; call it to start it."""
        lab = self.whole.lab
        other = LabDirectory(lab.path / host)
        other.path.mkdir()
        other.devices = [d for d in lab.devices if d["name"] == host]
        other.configs[host] = lab.configs.pop(host)
        lab.devices = [d for d in lab.devices if d["name"] != host]
        return other.serve

    def start(self):
        self.whole.lab.write()
        self.whole.process = Process("serve", self.whole.lab.file, "--events")
        self.whole.process.wait_for("ready:", 60)

    def stop(self):
        for process in self.others:
            process.stop()
        self.whole.stop()

    def rotate(self, *sites):
        """Describe other keys of these."""
        for site in sites:
            self.whole.variables[site]["group_vpn_pre_shared_key"] = f"rotated-{site}"

    def seen(self):
        """How many events there were."""
        return len(self.whole.events())

    def apart(self, since, *named):
        """Pairs of which one could not read the other since then, without those named."""
        return {pair for pair in self.whole.apart(since) if set(pair).isdisjoint(named)}

    def run(self, before=None, hosts=None, **more):
        """Carry the description out; what is done to devices ``before`` a kind of step."""
        devices = {host: self._device(host) for host in self.whole.variables}
        description = read(self.whole.groups, devices)
        controller = Controller(self.ports, before or {})
        more = {"timeout": 20, **more}
        order = Order(description, hosts or tuple(devices), poll=0.2, **more)
        with self.whole.reading():
            outcome = conduct(order, controller)
        controller.lose(*devices)
        return outcome, "\n".join(summary(description, outcome))

    def _device(self, host):
        """A host's variables as the role gives them."""
        given = self.whole.variables[host].items()
        inside = ["branches"] if host in self.whole.branches else []
        return {
            **{name.removeprefix("group_vpn_"): value for name, value in given},
            "inventory_groups": inside,
        }


@pytest.fixture
def fleet(lab):
    one = Rollout(lab, hubs=2, sites=4)
    try:
        yield one
    finally:
        one.stop()


def steps(outcome):
    return [step.kind.name.lower() for step in outcome.plan.steps]


def named(outcome):
    """Members that the plan says may be apart from the others."""
    return {m for step in outcome.plan.steps for apart in step.apart for m in apart.members}


def changed(outcome):
    return {host for host, fate in outcome.hosts.items() if fate.changed}


def unreachable(outcome):
    return {host for host, fate in outcome.hosts.items() if fate.unreachable}


def test_a_second_server_that_is_gone_before_it_shares_keys_leaves_members_as_they_are(fleet):
    start = fleet.alone("hub-2")
    fleet.start()
    fleet.group["servers"] = ["hub-1"]
    fleet.run(hosts=("hub-1", *fleet.sites))
    fleet.others.append(start())
    fleet.group["servers"] = fleet.servers
    fleet.rotate("site-01", "site-02")
    seen = fleet.seen()
    cut, screen = fleet.run({Kind.SHARE: lambda _controller: fleet.others.pop().kill()}, timeout=1)
    assert steps(cut) == ["learn", "share", "members", "wait"]
    assert unreachable(cut) == {"hub-2"}
    assert changed(cut) == {"hub-1", "hub-2"}
    assert f"{NAME} (group {NUMBER}): 4 of 4 members registered at hub-1; of hub-2 " in screen
    assert "stopped: hub-2: does not answer any more" in screen
    for host in fleet.servers:
        assert f"{host}: nothing proves the change: it is not confirmed" in screen
    for host in fleet.sites:
        assert (
            f"{host}: not configured, because {NAME} was stopped (hub-2: does not answer any "
            "more); the next run goes on; cut off in "
        ) in screen
    # Nobody has lost a key meanwhile.
    assert fleet.apart(seen) == set()
    fleet.others.append(start())
    rest, screen = fleet.run()
    assert steps(rest)[-2:] == ["members", "wait"]
    assert "4 of 4 members registered at hub-1, hub-2" in screen
    assert not any(fate.failures for fate in rest.hosts.values())
    assert fleet.apart(seen, *named(rest)) == set()
    assert fleet.run()[0].plan.steps == ()


def test_half_of_the_members_gone_before_they_are_configured_are_named_with_their_end(fleet):
    fleet.start()
    fleet.run()
    gone, there = fleet.sites[:2], fleet.sites[2:]
    fleet.rotate(*fleet.sites)
    seen = fleet.seen()
    half, screen = fleet.run({Kind.MEMBERS: lambda controller: controller.cut(*gone)}, timeout=5)
    assert unreachable(half) == set(gone)
    assert changed(half) == {*fleet.servers, *there}
    for host in gone:
        (line,) = [line for line in screen.splitlines() if line.startswith(f"  {host}: ")]
        assert re.search(r"cut off in \d+ s, when its keys end, unless it registers$", line)
    # What the others have proved is kept, and whoever is out of reach goes on with its keys.
    assert all(half.hosts[host].did == ["configured", "confirmed"] for host in fleet.servers)
    assert fleet.apart(seen, *there) == set()
    rest, screen = fleet.run()
    assert steps(rest) == ["members", "wait"]
    assert changed(rest) == set(gone)
    assert "4 of 4 members registered at hub-1, hub-2" in screen
    assert fleet.run()[0].plan.steps == ()

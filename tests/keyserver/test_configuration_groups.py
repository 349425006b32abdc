# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Devices whose configuration groups have a part of a Group VPN, taken over by the role.

What a group matches by a wildcard goes with the entry; what it calls by its name stays in part.
"""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.device import CommitOptions
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import Refused
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.configurations import entries
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.describe import describe
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.look import look
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.plan import plan
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running import work

from keyserver.config.junos_schema import Generation
from keyserver.lab.specs import DeviceSpec
from keyserver.srx import Device, read_initial
from tests.keyserver.test_describe import HUB, SITE, as_read, member, server
from tests.keyserver.wire import NOW, Wire

MEMBER = "security group-vpn member"
AROUND = "set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24\n"


def site(*moved, into=None):
    """A member of which a configuration group has these lines, or others instead of them."""
    kept = "\n".join(line for line in SITE.splitlines() if line not in moved)
    lines = "".join(f"set groups G {MEMBER} {line}\n" for line in into or moved)
    return f"{AROUND}{member(kept)}{lines}set apply-groups G\n"


class Fleet:
    """A server and a member, and what the role makes of them."""

    def __init__(self, text):
        self.wires = {"hub-1": self.of("hub-1", server(HUB)), "ny": self.of("ny", text)}
        self.looks = {host: look(wire) for host, wire in self.wires.items()}
        found = describe(
            {
                host: {**one.sides, "generation": one.generation.value}
                for host, one in self.looks.items()
            }
        )
        assert found["unfit"] == []
        self.description = as_read(found)

    @staticmethod
    def of(host, text):
        spec = DeviceSpec(host, Generation.V2)
        text = f"set system host-name {host}\n{text}"
        return Wire(Device(spec, read_initial(spec, text), NOW), lambda: NOW)

    def plan(self):
        looks = {host: look(wire) for host, wire in self.wires.items()}
        return plan(
            {host: one.sides for host, one in looks.items()},
            self.description,
            readings={host: one.readings for host, one in looks.items()},
        )

    def take_over(self):
        steps = self.plan().steps
        foreseen = {
            host: work.foresee(looked, [s.changes[host] for s in steps if host in s.changes])
            for host, looked in self.looks.items()
        }
        for step in steps:
            for host, change in step.changes.items():
                looked = self.looks[host]
                work.change(self.wires[host], change, looked, CommitOptions(), foreseen[host])

    def ike(self, part):
        return list(entries(look(self.wires["ny"]).sides["member"], "ike", part))


PROPOSALS, POLICY = "ike policy hub proposals mine", "ike gateway hub ike-policy hub"


def test_what_a_group_refers_to_for_entries_of_any_name_stays():
    fleet = Fleet(site(PROPOSALS, into=[PROPOSALS.replace("policy hub", "policy <*>")]))
    fleet.take_over()
    assert fleet.ike("policies") == ["Offices"]
    assert "mine" in fleet.ike("proposals")


def test_what_a_wildcard_brings_into_an_entry_goes_with_the_entry():
    """It was taken to stay, and the new VPN to be a second one of the same group."""
    into = ["ike gateway <*> local-address 198.51.100.1", "ipsec vpn <*> group 42"]
    moved = [line.replace("<*>", name) for line, name in zip(into, ("hub", "its-vpn"), strict=True)]
    fleet = Fleet(site(*moved, into=into))
    fleet.take_over()
    assert fleet.ike("gateways") == fleet.ike("policies") == ["Offices"]
    assert fleet.plan().steps == ()


def test_an_entry_that_a_group_calls_by_its_name_is_left_whole():
    """Without what the device itself has of it, it would be none that a device takes."""
    fleet = Fleet(site("ike policy hub mode main", PROPOSALS))
    fleet.take_over()
    assert fleet.ike("gateways") == ["Offices"]
    assert set(fleet.ike("policies")) == {"Offices", "hub"}
    assert fleet.plan().steps == ()


OLD = """ike gateway old ike-policy hub
ike gateway old server-address 192.0.2.9
ike gateway old local-address 198.51.100.1
"""


def test_what_an_inactive_statement_refers_to_stays():
    """Its policy went, with the key, as one that nothing names any more."""
    fleet = Fleet(f"{AROUND}{member(SITE + OLD)}deactivate {MEMBER} ike gateway old\n")
    fleet.take_over()
    assert fleet.ike("policies") == ["hub", "Offices"]
    assert fleet.plan().steps == ()


@pytest.mark.parametrize("line", ["ipsec vpn its-vpn recovery-probe", "ipsec vpn its-vpn group 42"])
def test_a_vpn_that_a_group_calls_by_its_name_cannot_be_called_otherwise(line):
    fleet = Fleet(site(line))
    sent = list(fleet.wires["ny"].names)
    why = "member ipsec vpns its-vpn: a configuration group has it by this name, .* take it out"
    with pytest.raises(Refused, match=why):
        fleet.take_over()
    assert fleet.wires["ny"].names[len(sent) :].count("commit-configuration") == 0


def test_what_a_group_brings_in_and_nobody_described_is_no_change_without_end():
    """Each run wanted to take it away, and confirmed what it had not changed."""
    fleet = Fleet(AROUND + member(SITE))
    brings = "set groups G security group-vpn server group <*> member-threshold 55\n"
    fleet.wires["hub-1"] = fleet.of("hub-1", f"{server(HUB)}{brings}set apply-groups G\n")
    fleet.looks["hub-1"] = look(fleet.wires["hub-1"])
    fleet.take_over()
    assert fleet.plan().steps == ()


def test_devices_without_groups_are_not_asked_for_them():
    fleet = Fleet(AROUND + member(SITE))
    assert fleet.wires["ny"].names.count("get-configuration") == 1
    assert Fleet(site(PROPOSALS)).wires["ny"].names.count("get-configuration") == 2


def test_who_may_not_see_the_groups_is_told_and_goes_on_without():
    wire = Fleet.of("ny", site(PROPOSALS))
    ask = wire.raw

    def denied(operation):
        name = "get-configuration"
        if operation.find("configuration/groups") is not None:
            said = "<error-severity>error</error-severity><error-message>denied</error-message>"
            wire.inject[name] = f"<rpc-reply><rpc-error>{said}</rpc-error></rpc-reply>"
        answer = ask(operation)
        wire.inject.pop(name, None)
        return answer

    wire.raw = denied
    found = look(wire)
    assert [r.groups for r in found.readings.values()] == [None, None]
    (told,) = [line for line in found.warnings if "not known" in line]
    assert told.startswith("read the configuration groups: denied; what they would keep")

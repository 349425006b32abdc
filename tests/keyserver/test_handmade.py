# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Devices as engineers leave them: configuration groups, inactive parts, odd values.

What was gathered of such a device describes it: given back in any state it changes nothing.
"""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.apply import apply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import State
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import (
    Request,
    wanted_tree,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import Refused
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources import member, server

from keyserver.config.compare import compare
from keyserver.config.junos_schema import Generation
from keyserver.lab.specs import DeviceSpec
from keyserver.srx import Device, read_initial
from tests.keyserver.wire import NOW, Wire

RESOURCES = {"server": server.RESOURCE, "member": member.RESOURCE}
PHASE_1 = {
    "v1": ("group2", "sha1", "3des-cbc"),
    "v2": ("group14", "sha-256", "aes-256-cbc"),
}
SERVER, MEMBER = "security group-vpn server", "security group-vpn member"
GROUP, POLICY, GATEWAY = f"{SERVER} group G1", f"{SERVER} ike policy pol", f"{MEMBER} ike gateway g"
LINES = {
    "server": """
{ike}
set {0} ike gateway gm-1 ike-policy pol
set {0} ike gateway gm-1 address 192.0.2.11
set {0} ike gateway gm-2 ike-policy pol
set {0} ike gateway gm-2 address 192.0.2.12
set {0} ike gateway gm-2 local-identity user-at-hostname "hub@example.net"
set {0} ipsec proposal esp authentication-algorithm hmac-sha-256-128
set {0} ipsec proposal esp encryption-algorithm aes-256-cbc
set {0} group G1 group-id 1
set {0} group G1 ike-gateway gm-1
set {0} group G1 ike-gateway gm-2
set {0} group G1 activation-time-delay 30
set {0} group G1 ipsec-sa sa-1 proposal esp
set {0} group G1 ipsec-sa sa-1 match-policy a source 10.1.0.0/16
set {0} group G1 ipsec-sa sa-1 match-policy a destination 10.2.0.0/16
set {0} group G1 ipsec-sa sa-1 match-policy b source 10.2.0.0/16
set {0} group G1 ipsec-sa sa-1 match-policy b destination 10.1.0.0/16
""",
    "member": """
{ike}
set {0} ike gateway g ike-policy pol
set {0} ike gateway g {servers} 192.0.2.1
set {0} ike gateway g {servers} 192.0.2.2
set {0} ike gateway g local-address 198.51.100.1
set {0} ipsec vpn v ike-gateway g
set {0} ipsec vpn v group-vpn-external-interface ge-0/0/1.0
set {0} ipsec vpn v group 1
set {0} ipsec vpn v heartbeat-threshold 5
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set security zones security-zone LAN
set security zones security-zone WAN interfaces ge-0/0/1.0
""",
}
IKE = """
set system host-name by-hand
set {0} ike proposal p1 authentication-method pre-shared-keys
set {0} ike proposal p1 dh-group {1}
set {0} ike proposal p1 authentication-algorithm {2}
set {0} ike proposal p1 encryption-algorithm {3}
set {0} ike proposal p2 authentication-method pre-shared-keys
set {0} ike proposal p2 dh-group {1}
set {0} ike proposal p2 authentication-algorithm {2}
set {0} ike proposal p2 encryption-algorithm {3}
set {0} ike policy pol proposals p1
set {0} ike policy pol proposals p2
set {0} ike policy pol pre-shared-key ascii-text made-up-key-1
"""
HABITS = [
    *(
        ("server", f"deactivate {path}")
        for path in (
            f"{GROUP} activation-time-delay",
            f"{GROUP} ipsec-sa sa-1 match-policy a",
            f"{GROUP} ipsec-sa sa-1 match-policy b",
            f"{GROUP} ike-gateway gm-1",
            GROUP,
            f"{SERVER} ike gateway gm-2",
            f"{SERVER} ike gateway gm-2 local-identity",
            f"{SERVER} ike proposal p2",
            f"{SERVER} ipsec",
            POLICY,
        )
    ),
    *(
        ("member", f"deactivate {path}")
        for path in (
            f"{MEMBER} ipsec vpn v heartbeat-threshold",
            f"{MEMBER} ipsec vpn v",
            f"{MEMBER} ike proposal p2",
            f"{GATEWAY} local-address",
            f"{MEMBER} ipsec",
        )
    ),
    # Brought in, beside what is there, in its place, by a wildcard, and not at all.
    (
        "server",
        f"set groups X {GROUP} description brought\nset apply-groups X",
    ),
    (
        "server",
        f"set groups X {SERVER} ike gateway <gm-*> ike-policy pol\nset apply-groups X\n"
        f"delete {SERVER} ike gateway gm-2 ike-policy",
    ),
    ("server", f"set groups X {GROUP} ike-gateway gm-2\nset {GROUP} apply-groups X"),
    ("server", f"set groups X {POLICY} proposals p2\nset apply-groups X"),
    (
        "server",
        f"set groups X {GROUP} description brought\nset apply-groups X\n"
        f"set {GROUP} apply-groups-except X",
    ),
    ("member", f"set groups X {GATEWAY} {{servers}} 192.0.2.3\nset apply-groups X"),
    ("member", f"set groups X {GATEWAY} {{servers}} 192.0.2.2\nset apply-groups X"),
]


def by_hand(generation: str, side: str, habit: str = "") -> Device:
    """A device that somebody has typed."""
    servers = {"v1": "address", "v2": "server-address"}[generation]
    where = f"security group-vpn {side}"
    ike = IKE.format(where, *PHASE_1[generation])
    text = LINES[side].format(where, ike=ike, servers=servers)
    spec = DeviceSpec("by-hand", Generation(generation))
    lines = f"{text}{habit.replace('{servers}', servers)}\n"
    return Device(spec, read_initial(spec, lines), NOW)


def bring(wire: Wire, side: str, state: str, config, **more):
    resource = RESOURCES[side]
    return apply(wire, Request(resource, wanted_tree(resource, config, None), State(state), **more))


@pytest.mark.parametrize("generation", ["v1", "v2"])
@pytest.mark.parametrize(("side", "habit"), HABITS, ids=[habit for _, habit in HABITS])
def test_what_was_gathered_of_a_device_changes_nothing_there(generation, side, habit):
    wire = Wire(by_hand(generation, side, habit))
    gathered = views.gather(RESOURCES[side], wire)["gathered"]
    for state in ("overridden", "replaced", "merged"):
        wire.names.clear()
        done = bring(wire, side, state, gathered)
        assert (done["commands"], done["after"]) == ([], gathered), state
        assert wire.names == ["get-configuration"]


def test_what_is_inactive_keeps_its_place_beside_what_is_wanted_and_goes_by_its_name():
    policies = "\n".join(
        f"set {GROUP} ipsec-sa sa-1 match-policy {name} {end} 10.{n}.0.0/16"
        for n, name in enumerate(("c", "d"), 3)
        for end in ("source", "destination")
    )
    off = f"deactivate {GROUP} ipsec-sa sa-1 match-policy"
    target = by_hand("v2", "server", f"{policies}\n{off} b\n{off} d")
    wire = Wire(target)
    want = views.gather(RESOURCES["server"], wire)["gathered"]
    want["groups"][0]["description"] = "new"
    done = bring(wire, "server", "overridden", want)
    assert done["commands"] == [f"set {GROUP} description new"]
    there = target.database.committed["security"]["group-vpn"]["server"]["group"]["G1"]
    assert list(there["ipsec-sa"]["sa-1"]["match-policy"]) == ["a", "b", "c", "d"]
    gone = bring(wire, "server", "deleted", {"groups": [{"name": "G1"}]})
    assert "group" not in target.database.committed["security"]["group-vpn"]["server"]
    assert gone["changed"]


def test_more_than_a_device_takes_is_refused_together_with_what_is_there():
    wire = Wire(by_hand("v2", "member"))
    more = {"name": "g", "server_addresses": ["192.0.2.3", "192.0.2.4", "192.0.2.5"]}
    with pytest.raises(Refused) as refused:
        bring(wire, "member", "merged", {"ike": {"gateways": [more]}}, check=True)
    assert refused.value.objections == [
        f"[edit {GATEWAY}] server-address: 5 values after the change, and a device takes 4; "
        "shorten 'server_addresses', or take others away first"
    ]
    rules = [{"name": f"r{n}", "source_address": f"10.{n}.0.0/16"} for n in range(7)]
    for first in (rules[:4], rules):
        config = {"ipsec": {"vpns": [{"name": "v", "exclude_rules": first}]}}
        assert bring(wire, "member", "merged", config)["changed"]
    other = [{**rule, "name": f"{rule['name']}-b"} for rule in rules[:4]]
    config = {"ipsec": {"vpns": [{"name": "v", "exclude_rules": other}]}}
    with pytest.raises(Refused, match="rule]: 11 entries after the change, and a device takes 10"):
        bring(wire, "member", "merged", config)
    assert bring(wire, "member", "replaced", config)["changed"]


@pytest.mark.parametrize("generation", ["v1", "v2"])
@pytest.mark.parametrize("which", ["server", "member"])
def test_an_identity_of_another_kind_is_shown_as_the_device_shows_it(generation, which):
    target = by_hand(generation, which)
    wire = Wire(target)
    gateway = {"server": "gm-1", "member": "g"}[which]
    for identity in (
        {"user_at_hostname": {"identity_user": "site@example.net"}},
        {"hostname": {"identity_hostname": "site.example.net"}},
        {"inet": {"identity_ipv4": "192.0.2.9"}},
        None,
    ):
        given = {"name": gateway, "local_identity": identity or {}}
        if identity is None:
            given = {**views.gather(RESOURCES[which], wire)["gathered"]["ike"]["gateways"][0]}
            del given["local_identity"]
        config = {"ike": {"gateways": [given]}}
        state = "merged" if identity else "replaced"
        predicted = bring(wire, which, state, config, check=True)["diff_text"]
        old = target.database.committed
        assert bring(wire, which, state, config)["changed"]
        assert predicted == compare(target.database.schema, old, target.database.committed)


FLAGS = [
    ("v1", "server", GROUP, "no-anti-replay", lambda v: {"groups": [{"name": "G1", **v}]}),
    (
        "v2",
        "member",
        f"{MEMBER} ipsec vpn v",
        "recovery-probe",
        lambda v: {"ipsec": {"vpns": [{"name": "v", **v}]}},
    ),
]


@pytest.mark.parametrize(
    ("generation", "side", "place", "word", "within"), FLAGS, ids=[f[3] for f in FLAGS]
)
def test_a_statement_without_a_value_goes_where_it_is_false(generation, side, place, word, within):
    wire = Wire(by_hand(generation, side))
    option = word.replace("-", "_")
    for value, commands in (
        (False, []),
        (True, [f"set {place} {word}"]),
        (True, []),
        (False, [f"delete {place} {word}"]),
        (False, []),
    ):
        done = bring(wire, side, "merged", within({option: value}))
        assert done["commands"] == commands
        assert views.gather(RESOURCES[side], wire)["gathered"] == done["after"]
    gathered = views.gather(RESOURCES[side], wire)["gathered"]
    (entry,) = gathered["groups"] if side == "server" else gathered["ipsec"]["vpns"]
    assert option not in entry
    whole = {**entry, option: False}
    del whole["name"]
    assert not bring(wire, side, "replaced", within(whole))["changed"]


@pytest.mark.parametrize("state", ["merged", "replaced"])
def test_a_statement_that_a_group_brings_in_is_not_said_to_be_gone(state):
    place = f"{MEMBER} ipsec vpn v"
    wire = Wire(by_hand("v2", "member", f"set groups X {place} recovery-probe\nset apply-groups X"))
    (vpn,) = views.gather(RESOURCES["member"], wire)["gathered"]["ipsec"]["vpns"]
    with pytest.raises(Refused) as refused:
        bring(wire, "member", state, {"ipsec": {"vpns": [{**vpn, "recovery_probe": False}]}})
    assert refused.value.objections == [
        f"[edit {place}] recovery-probe: configuration group X brings it in, and only a change of "
        "that group takes it away; change it, or leave out 'recovery_probe'"
    ]


@pytest.mark.parametrize(
    ("generation", "side", "config"),
    [
        ("v2", "server", {"groups": [{"name": "G1", "no_anti_replay": False}]}),
        ("v1", "member", {"ipsec": {"vpns": [{"name": "v", "recovery_probe": False}]}}),
    ],
)
def test_what_a_generation_does_not_have_may_be_false_there(generation, side, config):
    assert not bring(Wire(by_hand(generation, side)), side, "merged", config)["changed"]


def test_what_is_false_pushes_nothing_out():
    wire = Wire(by_hand("v1", "server", f"set {GROUP} anti-replay-time-window 120"))
    config = {"groups": [{"name": "G1", "no_anti_replay": False}]}
    assert not bring(wire, "server", "merged", config)["changed"]
    both = {"groups": [{"name": "G1", "no_anti_replay": False, "anti_replay_time_window": 100}]}
    assert bring(wire, "server", "merged", both)["commands"] == [
        f"set {GROUP} anti-replay-time-window 100"
    ]

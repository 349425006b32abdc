# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of whole key servers: complete, and true in every form and state."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.groupvpn.junos.plugins.modules import server as module
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.apply import apply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import State
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import (
    Request,
    wanted_tree,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.schema import (
    Container,
    Kind,
    Leaf,
    walk,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.secret import (
    Secret,
    hidden,
    read_secret,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import DeviceError, Refused
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import RESOURCE
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from keyserver.config.secret import obscure
from tests.unit.paper import Paper, inside_of, planned
from tests.unit.referee import YANG, described, kept_empty, lasting, nodes_of

V1, V2 = Generation.V1, Generation.V2
KEY = "made-up-key-1"
SCRAMBLED = obscure(KEY)
EXAMPLE = yaml.safe_load(module.EXAMPLES)[0]["groupvpn.junos.server"]["config"]


def example(**more):
    config = json.loads(json.dumps(EXAMPLE))
    config["ike"]["policies"][0]["pre_shared_key"] = KEY
    return {**config, **more}


def built(config=None, **more):
    """The configuration that a device without any comes to."""
    result = planned(RESOURCE, "", config or example(), "merged", **more)
    return inside_of(result["xml"]).replace("********", KEY)


def test_a_server_is_built_in_one_change_and_then_nothing_is_left_to_do():
    inside = built()
    for state in ("merged", "replaced", "overridden"):
        again = planned(RESOURCE, inside, example(), state)
        assert not again["changed"], (state, again["commands"])
    assert again["after"]["groups"][0]["ipsec_sas"] == EXAMPLE["groups"][0]["ipsec_sas"]


def test_what_is_gathered_overrides_without_a_change():
    inside = built()
    gathered = planned(RESOURCE, inside, example(), "merged")["after"]
    assert not planned(RESOURCE, inside, gathered, "overridden")["changed"]


@pytest.mark.parametrize("asleep", ["ike", "policy", "gateway"])
def test_what_slept_in_a_branch_that_an_overriding_task_wakes_goes(asleep):
    """It would be in force, and nobody has asked for it."""
    parked = example()
    parked["ike"]["policies"][0]["name"] = "parked"
    for gateway in parked["ike"]["gateways"]:
        gateway["ike_policy"] = "parked"
    inside = built(parked).replace(f"<{asleep}>", f'<{asleep} inactive="inactive">')
    awake = planned(RESOURCE, inside, example(), "overridden")
    assert awake["after"] == planned(RESOURCE, "", example(), "overridden")["after"]
    assert "parked" not in json.dumps(awake["after"])


def test_what_means_something_when_it_is_empty_goes_with_what_sleeps_in_it():
    with_it = example()
    with_it["ike"]["gateways"][0]["dead_peer_detection"] = {"threshold": 4}
    inside = built(with_it).replace("<threshold>", '<threshold inactive="inactive">')
    for state in ("replaced", "overridden"):
        gone = planned(RESOURCE, inside, example(), state)
        assert "dead_peer_detection" not in gone["after"]["ike"]["gateways"][0], state


def test_only_a_group_that_is_there_has_a_list_that_rekeys_clear():
    def cleared(inside):
        told = planned(RESOURCE, inside, example(), "merged")["warnings"]
        return any("clears its member list" in line for line in told)

    bare = example()
    del bare["groups"][0]["server_member_communication"]
    assert (cleared(""), cleared(built(bare))) == (False, True)


# Secrets


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255))
def test_what_a_device_scrambled_is_read(text):
    assert read_secret(obscure(text)) == Secret(text)


def test_what_junos_scrambled_is_read_and_what_cannot_be_equals_nothing():
    # A pair that is public with the first description of the scheme.
    assert read_secret("$9$LbHX-wg4Z") == Secret("lc")
    for broken in ("$9$", "$9$\u00e4", "$9$LbHX-wg4", "$8$aes256-gcm$x"):
        assert read_secret(broken) == Secret(broken)
    assert "lc" not in f"{Secret('lc')} {Secret('lc')!r} {[Secret('lc')]}"


def test_a_key_is_compared_by_its_meaning_and_shown_to_nobody():
    scrambled = built().replace(KEY, SCRAMBLED)
    same = planned(RESOURCE, scrambled, example(), "merged", diff=True)
    assert not same["changed"]
    other = example()
    other["ike"]["policies"][0]["pre_shared_key"] = {"ascii_text": "another-made-up-key"}
    change = planned(RESOURCE, scrambled, other, "merged", diff=True)
    assert change["changed"]
    assert change["commands"] == [
        "set security group-vpn server ike policy members pre-shared-key ascii-text ********"
    ]
    assert "********" in change["diff_text"]
    shown = json.dumps(change)
    for secret in (KEY, "another-made-up-key", SCRAMBLED):
        assert secret not in shown
        assert secret not in json.dumps(same)
    kept = planned(RESOURCE, scrambled, other, "merged", update_password="on_create")
    assert not kept["changed"]


def test_a_key_that_is_not_given_stays_and_goes_with_its_policy():
    without = json.loads(json.dumps(EXAMPLE))
    del without["ike"]["policies"][0]["pre_shared_key"]
    assert not planned(RESOURCE, built(), without, "overridden")["changed"]
    gone = planned(RESOURCE, built(), {"traceoptions": {"flags": ["all"]}}, "overridden")
    assert "delete security group-vpn server ike" in gone["commands"]


class Repeating(Paper):
    """A device that refuses, or warns, with the key in its own words."""

    def call(self, step, operation, then=()):
        if operation.tag == "load-configuration":
            raise DeviceError(step, [f"invalid value '{KEY}' or \"{SCRAMBLED}\" in p"])
        if operation.tag == "get-configuration":
            return super().call(step, operation)
        return etree.fromstring("<rpc-reply><ok/></rpc-reply>")


def test_a_device_that_repeats_a_key_in_its_own_words_is_not_quoted():
    request = Request(RESOURCE, wanted_tree(RESOURCE, example(), V2), State.MERGED)
    with pytest.raises(DeviceError) as refused:
        apply(Repeating(), request)
    assert "invalid value '********' or \"********\" in p" in str(refused.value)


def test_a_short_key_is_hidden_where_it_is_a_word():
    said = hidden("a policy 'a' of all", [Secret("a")])
    assert said == "******** policy '********' of all"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("schl\u00fcssel", "printable ASCII"),
        ("x" * 256, "1 to 255"),
        ({"hexadecimal": "xyz"}, "hexadecimal digits"),
        ({"ascii_text": "a", "hexadecimal": "ab"}, "exclude each other"),
        ({"text": "a"}, "an option that it does not have; it has ascii_text, hexadecimal"),
        ({"xxx": None}, "an option that it does not have"),
    ],
)
def test_keys_that_a_device_cannot_store_are_refused_without_being_shown(key, words):
    config = example()
    config["ike"]["policies"][0]["pre_shared_key"] = key
    with pytest.raises(Refused, match=words) as refused:
        wanted_tree(RESOURCE, config, V2)
    assert "schl\u00fcssel" not in str(refused.value)
    assert "xxx" not in str(refused.value)


# States


def test_replaced_makes_named_entries_what_is_given_and_leaves_the_others():
    config = {"groups": [{"name": "GRP-0001", "group_id": 2, "ike_gateways": ["site-02"]}]}
    change = planned(RESOURCE, built(), config, "replaced")
    assert change["after"]["groups"] == config["groups"]
    assert change["after"]["ike"] == change["before"]["ike"]


def test_deleted_takes_named_entries_whole():
    inside = built()
    config = {"groups": [{"name": "GRP-0001", "group_id": 1}]}
    change = planned(RESOURCE, inside, config, "deleted")
    assert change["commands"] == ["delete security group-vpn server group GRP-0001"]
    assert any("GRP-0001" in w and "is removed" in w for w in change["warnings"])
    everything = planned(RESOURCE, inside, None, "deleted", everything=True)
    assert everything["after"] == {}


def test_a_reference_to_what_is_not_there_after_the_change_is_refused_by_name():
    for config, what in (
        ({"groups": [{"name": "GRP-0001", "ike_gateways": ["nobody"]}]}, "nobody"),
        ({"ike": {"policies": [{"name": "members", "proposals": ["nothing"]}]}}, "nothing"),
        (
            {"groups": [{"name": "GRP-0001", "ipsec_sas": [{"name": "SA-1", "proposal": "no"}]}]},
            "no",
        ),
    ):
        with pytest.raises(Refused, match=rf"{what}: .* has no .* of that name after the change"):
            planned(RESOURCE, built(), config, "merged")
    with pytest.raises(Refused, match="site-01"):
        planned(RESOURCE, built(), {"ike": {"gateways": [{"name": "site-01"}]}}, "deleted")


def test_a_group_id_used_twice_is_refused():
    config = {"groups": [{"name": "GRP-0002", "group_id": 1}]}
    with pytest.raises(Refused, match="group GRP-0001 has it already"):
        planned(RESOURCE, built(), config, "merged")


def test_of_what_excludes_each_other_the_newer_takes_the_olders_place():
    config = {"ike": {"gateways": [{"name": "site-01", "dynamic": {"hostname": "a.example"}}]}}
    change = planned(RESOURCE, built(), config, "merged")
    gateway = "security group-vpn server ike gateway site-01"
    assert change["commands"] == [
        f"delete {gateway} address",
        f"set {gateway} dynamic hostname a.example",
    ]


def test_the_order_of_proposals_is_kept_and_changed():
    config = example()
    config["ike"]["proposals"].append({"name": "SECOND", "dh_group": "group24"})
    config["ike"]["policies"][0]["proposals"] = ["PSK-SHA256", "SECOND"]
    inside = built(config)
    turned = json.loads(json.dumps(config))
    turned["ike"]["policies"][0]["proposals"] = ["SECOND", "PSK-SHA256"]
    change = planned(RESOURCE, inside, turned, "overridden")
    assert change["after"]["ike"]["policies"][0]["proposals"] == ["SECOND", "PSK-SHA256"]
    place = "security group-vpn server ike policy members proposals"
    assert change["commands"] == [
        f"delete {place} PSK-SHA256",
        f"delete {place} SECOND",
        f"set {place} SECOND",
        f"set {place} PSK-SHA256",
    ]


def test_what_a_generation_does_not_have_is_refused():
    cluster = {"groups": [{"name": "G", "server_cluster": {"server_role": "root-server"}}]}
    with pytest.raises(Refused, match="VPNv1 does not have this statement"):
        wanted_tree(RESOURCE, cluster, V1)
    with pytest.raises(Refused, match="no-anti-replay: Group VPNv2 does not have this statement"):
        wanted_tree(RESOURCE, {"groups": [{"name": "G", "no_anti_replay": True}]}, V2)


# The referees: Juniper's YANG for v2, a device's own schema for v1


@pytest.mark.skipif(YANG is None, reason="JUNOS_YANG_DIR is not set: no YANG to check against")
def test_the_v2_table_is_junipers_yang():
    theirs = nodes_of("gvpn-server")
    assert len(theirs) > 80
    assert described(RESOURCE.root, V2) == theirs
    # The table keeps an empty server-member-communication as well, should a device show one.
    assert {"ike/gateway/dead-peer-detection"} == lasting("gvpn-server")
    assert lasting("gvpn-server") <= kept_empty(RESOURCE.root)


V1_SCHEMA = """
traceoptions traceoptions/no-remote-trace traceoptions/file traceoptions/file/filename
traceoptions/file/size traceoptions/file/files traceoptions/file/world-readable
traceoptions/file/no-world-readable traceoptions/file/match traceoptions/flag
ike ike/proposal ike/proposal/description ike/proposal/authentication-method ike/proposal/dh-group
ike/proposal/authentication-algorithm ike/proposal/encryption-algorithm
ike/policy ike/policy/mode ike/policy/description ike/policy/proposals ike/policy/certificate
ike/policy/certificate/local-certificate ike/policy/certificate/peer-certificate-type
ike/policy/proposal-set ike/policy/pre-shared-key ike/policy/pre-shared-key/ascii-text
ike/policy/pre-shared-key/hexadecimal
ike/gateway ike/gateway/ike-policy ike/gateway/address ike/gateway/dynamic
ike/gateway/dynamic/distinguished-name ike/gateway/dynamic/distinguished-name/container
ike/gateway/dynamic/distinguished-name/wildcard ike/gateway/dynamic/hostname
ike/gateway/dynamic/inet ike/gateway/dynamic/user-at-hostname
ike/gateway/local-identity ike/gateway/local-identity/inet
ike/gateway/local-identity/inet/identity-ipv4 ike/gateway/local-identity/hostname
ike/gateway/local-identity/hostname/identity-hostname ike/gateway/local-identity/user-at-hostname
ike/gateway/local-identity/user-at-hostname/identity-user
ike/gateway/local-identity/distinguished-name
ipsec ipsec/proposal ipsec/proposal/description ipsec/proposal/authentication-algorithm
ipsec/proposal/encryption-algorithm ipsec/proposal/lifetime-seconds
group group/description group/group-id group/ike-gateway group/activation-time-delay
group/anti-replay-time-window group/no-anti-replay group/server-address
group/server-member-communication group/server-member-communication/communication-type
group/server-member-communication/multicast-group
group/server-member-communication/multicast-outgoing-interface
group/server-member-communication/lifetime-seconds
group/server-member-communication/retransmission-period
group/server-member-communication/number-of-retransmission
group/server-member-communication/heartbeat
group/server-member-communication/encryption-algorithm
group/server-member-communication/sig-hash-algorithm group/server-member-communication/certificate
group/ipsec-sa group/ipsec-sa/proposal group/ipsec-sa/match-policy
group/ipsec-sa/match-policy/source group/ipsec-sa/match-policy/destination
group/ipsec-sa/match-policy/source-port group/ipsec-sa/match-policy/destination-port
group/ipsec-sa/match-policy/protocol
"""


def test_the_v1_table_is_a_12_1x47_devices_schema():
    assert [name for name, _kind in described(RESOURCE.root, V1)] == V1_SCHEMA.split()


def test_every_statement_says_what_it_is():
    for path, node in walk(RESOURCE.root):
        assert node.summary.endswith("."), path
        if isinstance(node, Leaf) and node.kind in (Kind.INTEGER, Kind.ENUMERATION):
            assert set(node.ranges or node.values) == node.known, path
        assert not isinstance(node, Container) or node.children, path


def test_what_excludes_each_other_is_what_devices_take_one_of():
    identity = ("inet", "hostname", "user-at-hostname", "distinguished-name")
    found = {
        " ".join(p): n.exclusive for p, n in walk(RESOURCE.root) if getattr(n, "exclusive", ())
    }
    assert found == {
        "traceoptions file": (("world-readable", "no-world-readable"),),
        "ike policy": (("proposals", "proposal-set"),),
        "ike policy pre-shared-key": (("ascii-text", "hexadecimal"),),
        "ike gateway": (("address", "dynamic"),),
        "ike gateway dynamic": (("distinguished-name", "hostname", "inet", "user-at-hostname"),),
        "ike gateway local-identity": (identity,),
        "ike gateway remote-identity": (identity,),
        "group": (("anti-replay-time-window", "no-anti-replay"),),
    }


def test_references_lead_to_what_a_device_looks_them_up_in():
    found = {" ".join(p): n.refers for p, n in walk(RESOURCE.root) if getattr(n, "refers", ())}
    gateway = ("ike", "gateway")
    assert found == {
        "ike policy proposals": ("ike", "proposal"),
        "ike gateway ike-policy": ("ike", "policy"),
        "group server-cluster ike-gateway": gateway,
        "group ike-gateway": gateway,
        "group ipsec-sa proposal": ("ipsec", "proposal"),
    }

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of whole group members: complete, and true in every form and state."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from ansible_collections.groupvpn.junos.plugins.modules import member as module
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.apply import apply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import State
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import (
    Request,
    wanted_tree,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.schema import walk
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import DeviceError, Refused
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.member import RESOURCE

from tests.unit.paper import Paper, inside_of, planned
from tests.unit.referee import YANG, described, kept_empty, lasting, nodes_of

V1, V2 = Generation.V1, Generation.V2
KEY = "made-up-key-1"
EXAMPLE = yaml.safe_load(module.EXAMPLES)[0]["groupvpn.junos.member"]["config"]
PAIR = "security policies from-zone LAN to-zone WAN"
POLICY = f"{PAIR} policy"


def example(generation="v2", **more):
    """The documentation's example; without what v1 does not have."""
    config = json.loads(json.dumps(EXAMPLE))
    config["ike"]["policies"][0]["pre_shared_key"] = KEY
    if generation == "v1":
        gateway = config["ike"]["gateways"][0]
        gateway["addresses"] = gateway.pop("server_addresses")
        del config["ipsec"]["vpns"][0]["recovery_probe"]
    return {**config, **more}


def built(generation="v2", **more):
    """The configuration that a device without any comes to."""
    result = planned(RESOURCE, "", example(generation, **more), "merged", generation)
    return inside_of(result["xml"]).replace("********", KEY)


def policies(*inside):
    """Security policies from LAN to WAN, beside a default policy."""
    zones = "<from-zone-name>LAN</from-zone-name><to-zone-name>WAN</to-zone-name>"
    return (
        f"<policies><policy>{zones}{''.join(inside)}</policy>"
        "<default-policy><deny-all/></default-policy></policies>"
    )


def policy(name, then, source="any"):
    match = f"<source-address>{source}</source-address><application>any</application>"
    return f"<policy><name>{name}</name><match>{match}</match><then>{then}</then></policy>"


def tunnel(vpn):
    return f"<permit><tunnel><ipsec-group-vpn>{vpn}</ipsec-group-vpn></tunnel></permit>"


def beside(inside, other):
    """A device's ``security`` with something else in it."""
    return inside.replace("</security>", f"{other}</security>")


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_member_is_built_in_one_change_and_then_nothing_is_left_to_do(generation):
    inside = built(generation)
    for state in ("merged", "replaced", "overridden"):
        again = planned(RESOURCE, inside, example(generation), state, generation)
        assert not again["changed"], (state, again["commands"])
    gathered = again["after"]
    assert not planned(RESOURCE, inside, gathered, "overridden", generation)["changed"]
    assert again["diff_text"] == ""
    assert gathered["ipsec"] == example(generation)["ipsec"]
    assert gathered["policies"][0].items() >= EXAMPLE["policies"][0].items()


def test_what_attaches_a_vpn_is_each_generations_own():
    v2 = planned(RESOURCE, "", example(), "merged")["commands"]
    assert v2[-1] == "set security ipsec-policy from-zone LAN to-zone WAN ipsec-group-vpn GRP-0001"
    v1 = planned(RESOURCE, "", example("v1"), "merged", "v1")["commands"]
    assert v1[-4:] == [
        f"set {POLICY} GRP-0001 match source-address any",
        f"set {POLICY} GRP-0001 match destination-address any",
        f"set {POLICY} GRP-0001 match application any",
        f"set {POLICY} GRP-0001 then permit tunnel ipsec-group-vpn GRP-0001",
    ]


def test_an_attachment_that_a_v1_device_has_under_another_name_is_enough():
    there = beside(built("v1", policies=[]), policies(policy("scope", tunnel("GRP-0001"), "nets")))
    again = planned(RESOURCE, there, example("v1"), "overridden", "v1")
    assert not again["changed"], again["commands"]
    entry = again["after"]["policies"][0]
    assert (entry["policy"], entry["source_addresses"]) == ("scope", ["nets"])
    gone = planned(RESOURCE, there, {"policies": EXAMPLE["policies"]}, "deleted", "v1")
    assert gone["commands"] == [f"delete {PAIR}"]
    gone = planned(
        RESOURCE, there, {"policies": [{"from_zone": "LAN", "to_zone": "WAN"}]}, "deleted", "v1"
    )
    assert gone["commands"] == [f"delete {PAIR}"]


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_other_security_policies_are_neither_shown_nor_touched(generation):
    other = policies(policy("web", "<permit/>"), policy("scope", tunnel("GRP-0001")))
    if generation == "v2":
        other = policies(policy("web", "<permit/>"))
    there = beside(built(generation, policies=[]), other)
    empty = example(generation, policies=[])
    for state, more in (("overridden", {}), ("deleted", {"everything": True})):
        config = None if more else empty
        change = planned(RESOURCE, there, config, state, generation, diff=True, **more)
        touched = [line for line in change["commands"] if " policies " in line]
        assert touched == ([f"delete {POLICY} scope"] if generation == "v1" else []), state
        assert "web" not in json.dumps([change["before"], change["after"], change["warnings"]])
        assert "web" not in change["diff_text"].replace("policy web { ... }", "")
        assert "policies" not in change["after"]


@pytest.mark.parametrize("state", ["overridden", "deleted"])
def test_security_policies_stay_when_the_last_with_a_tunnel_goes(state):
    """Juniper's schema: they mean something when nothing is in them."""
    there = built("v1")
    config = {**example("v1", policies=[])} if state == "overridden" else None
    more = {} if config else {"everything": True}
    gone = planned(RESOURCE, there, config, state, "v1", diff=True, **more)
    assert (
        f"[edit security policies]\n-    {PAIR.removeprefix('security policies ')} {{\n"
        in (gone["diff_text"])
    )


def test_one_tunnel_policy_of_a_pair_that_is_overridden_goes_and_what_is_not_ours_stays():
    ours = [policy(name, tunnel("GRP-0001")) for name in ("GRP-0001", "scope")]
    there = beside(built("v1", policies=[]), policies(policy("web", "<permit/>"), *ours))
    named = {**EXAMPLE["policies"][0], "policy": "GRP-0001"}
    change = planned(RESOURCE, there, example("v1", policies=[named]), "overridden", "v1")
    assert change["commands"] == [f"delete {POLICY} scope"]


def test_a_sleeping_policy_of_somebody_else_is_nobodys_news():
    asleep = policy("web", "<permit/>").replace("<policy>", '<policy inactive="inactive">', 1)
    there = beside(built("v1"), policies(asleep))
    assert not planned(RESOURCE, there, example("v1"), "merged", "v1")["warnings"]
    ours = policy("GRP-0001", tunnel("GRP-0001")).replace(
        "<policy>", '<policy inactive="inactive">', 1
    )
    change = planned(
        RESOURCE, beside(built("v1", policies=[]), policies(ours)), example("v1"), "merged", "v1"
    )
    assert f"activate {POLICY} GRP-0001" in change["commands"]
    assert any("is inactive" in line for line in change["warnings"])


@pytest.mark.parametrize(
    "asleep",
    [
        "<policies>",
        "<policy><from-zone-name>",
        "<policy><name>GRP-0001",
        "<match><source-address>nets",
        "<source-address>nets",
        "<permit><tunnel>",
        "<tunnel>",
        "<ipsec-group-vpn>GRP-0001",
    ],
)
def test_what_is_gathered_beside_what_sleeps_of_a_policy_overrides_without_a_change(asleep):
    """Where its tunnel sleeps, a policy that lets traffic pass is somebody else's."""
    there = policies(
        policy("web", "<permit/>"),
        policy("GRP-0001", tunnel("GRP-0001"), "nets</source-address><source-address>more"),
    )
    mark, rest = asleep.split(">", 1)
    marked = there.replace(asleep, f'{mark} inactive="inactive">{rest}', 1)
    assert marked != there
    inside = beside(built("v1", policies=[]), marked)
    gathered = planned(RESOURCE, inside, {}, "merged", "v1")["after"]
    change = planned(
        RESOURCE, inside, {**gathered, "ike": example("v1")["ike"]}, "overridden", "v1"
    )
    assert not change["changed"], change["commands"]
    gone = planned(RESOURCE, inside, None, "deleted", "v1", everything=True)
    theirs = "GRP-0001" not in json.dumps(gathered.get("policies", []))
    assert (f"delete {POLICY} GRP-0001" not in gone["commands"]) is theirs, gone["commands"]
    assert "delete security group-vpn member" in gone["commands"]


@pytest.mark.parametrize(
    ("asleep", "where"),
    [
        ("<group-vpn>", "[edit security group-vpn]"),
        ("<policies>", "[edit security policies]"),
        ("<policy><from-zone-name>", f"[edit {PAIR}]"),
    ],
)
@pytest.mark.parametrize("state", ["merged", "overridden"])
def test_a_branch_in_which_others_have_a_part_is_not_put_in_force(asleep, where, state):
    mark, rest = asleep.split(">", 1)
    there = beside(built("v1", policies=[]), policies(policy("web", "<permit/>")))
    inside = there.replace(asleep, f'{mark} inactive="inactive">{rest}', 1)
    with pytest.raises(Refused, match=re.escape(f"{where}: it is inactive, and to activate it")):
        planned(RESOURCE, inside, example("v1"), state, "v1")


def test_a_tunnel_policy_that_a_configuration_group_brings_in_is_there():
    """What it does not match is not widened to anything, and somebody else's is not taken over."""
    there = policies(
        policy("scope", tunnel("GRP-0001"), "nets").replace("<policy>", '<policy junos:group="G">'),
        policy("web", "<permit/>").replace("<policy>", '<policy junos:group="G">'),
    )
    inside = beside(built("v1", policies=[]), there)
    gathered = planned(RESOURCE, inside, {}, "merged", "v1")["after"]["policies"]
    assert [one["policy"] for one in gathered] == ["scope"]
    narrow = {k: v for k, v in gathered[0].items() if k != "applications"}
    for entry in (*EXAMPLE["policies"], gathered[0], narrow):
        change = planned(RESOURCE, inside, {"policies": [entry]}, "merged", "v1")
        assert not change["changed"], change["commands"]
    taken = {**EXAMPLE["policies"][0], "policy": "web"}
    with pytest.raises(Refused, match=r"policy web.*not for a group VPN; name another"):
        planned(RESOURCE, inside, {"policies": [taken]}, "merged", "v1")


def test_a_policy_is_attached_without_waking_what_it_matched_once():
    asleep = '<source-address>nets</source-address><source-address inactive="inactive">more'
    inside = beside(
        built("v1", policies=[]),
        policies(policy("scope", tunnel("GRP-0001"), "NETS")).replace(
            "<source-address>NETS", asleep
        ),
    )
    for state in ("merged", "replaced"):
        change = planned(RESOURCE, inside, {"policies": EXAMPLE["policies"]}, state, "v1")
        assert not change["changed"], change["commands"]


def test_what_else_a_tunnel_policy_matches_is_nobodys_news_and_stays():
    more = "<source-identity>any</source-identity>"
    ours = policy("scope", tunnel("GRP-0001")).replace("</match>", f"{more}</match>")
    there = beside(built("v1", policies=[]), policies(ours))
    entry = {**EXAMPLE["policies"][0], "policy": "scope", "source_addresses": ["a", "b"]}
    change = planned(RESOURCE, there, {"policies": [entry]}, "merged", "v1")
    assert change["warnings"] == []
    assert f"set {POLICY} scope match source-address a" in change["commands"]
    gone = planned(RESOURCE, there, example("v1", policies=[]), "overridden", "v1")
    assert gone["commands"] == [f"delete {PAIR}"]
    assert not [line for line in gone["warnings"] if "not known" in line]


def test_a_policy_that_is_there_for_something_else_is_not_made_a_tunnel():
    there = beside(built("v1", policies=[]), policies(policy("GRP-0001", "<deny/>")))
    with pytest.raises(Refused, match=r"policy GRP-0001.*not for a group VPN; name another"):
        planned(RESOURCE, there, example("v1"), "merged", "v1")


def test_where_a_tunnel_goes_and_what_it_matches_can_be_given():
    entry = {**EXAMPLE["policies"][0], "policy": "scope", "source_addresses": ["a", "b"]}
    change = planned(RESOURCE, built("v1", policies=[]), {"policies": [entry]}, "merged", "v1")
    assert f"set {POLICY} scope match source-address a" in change["commands"]
    assert change["after"]["policies"] == [
        {**entry, "destination_addresses": ["any"], "applications": ["any"]}
    ]
    # v2 still has such policies, and they are what a name asks for.
    v2 = planned(RESOURCE, built(), {"policies": [entry]}, "merged", "v2")
    assert f"set {POLICY} scope then permit tunnel ipsec-group-vpn GRP-0001" in v2["commands"]


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_second_vpn_of_a_pair_of_zones_wants_a_policy_of_its_own(generation):
    first = EXAMPLE["policies"][0]
    second = {**first, "vpn": "GRP-0002"}
    with pytest.raises(
        Refused, match=r"from-zone LAN to-zone WAN\]: .*twice.*give each further one a 'policy'"
    ):
        wanted_tree(RESOURCE, {"policies": [first, second]}, generation)
    named = {**second, "policy": "GRP-0002"}
    vpn = {**example(generation)["ipsec"]["vpns"][0], "name": "GRP-0002", "group": 2}
    config = {"ipsec": {"vpns": [vpn]}, "policies": [first, named]}
    there = built(generation)
    change = planned(RESOURCE, there, config, "merged", generation)
    assert (
        f"set {POLICY} GRP-0002 then permit tunnel ipsec-group-vpn GRP-0002" in change["commands"]
    )
    assert {"from_zone": "LAN", "to_zone": "WAN", "vpn": "GRP-0001"}.items() <= (
        change["after"]["policies"][0].items()
    )
    assert len(change["after"]["policies"]) == 2


def test_two_entries_of_one_policy_are_merged_or_one_gets_another_name():
    entry = {**EXAMPLE["policies"][0], "policy": "scope"}
    with pytest.raises(Refused, match=r"policy scope\]: .*twice.*another 'policy'"):
        wanted_tree(RESOURCE, {"policies": [entry, {**entry, "vpn": "GRP-0002"}]}, "v1")


class Stern(Paper):
    """A device of the older generation that refuses to read what it has never heard of."""

    def call(self, step, operation):
        if operation.find(".//ipsec-policy") is not None:
            self.asked.append(operation)
            raise DeviceError(step, ["syntax error (ipsec-policy)"])
        return super().call(step, operation)


@pytest.mark.parametrize("known", [None, V1])
def test_a_v1_device_is_not_asked_for_what_only_v2_has(known):
    device = Stern(built("v1"), "v1")
    want = wanted_tree(RESOURCE, example("v1"), known)
    request = Request(RESOURCE, want, State.OVERRIDDEN, generation=known)
    assert not apply(device, request)["changed"]
    assert len(device.asked) == (2 if known is None else 1)
    assert views.gather(RESOURCE, device)["gathered"]["policies"]


def test_a_server_beside_a_v1_member_stays():
    server = "<server><group><name>G</name></group></server>"
    there = built("v1").replace("</group-vpn>", f"{server}</group-vpn>")
    change = planned(RESOURCE, there, None, "deleted", "v1", everything=True)
    assert change["commands"] == ["delete security group-vpn member", f"delete {PAIR}"]
    assert change["after"] == {}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"policies": [{"from_zone": "A", "to_zone": "B", "vpn": "no"}]}, "no: .* has no vpn"),
        ({"ipsec": {"vpns": [{"name": "V", "ike_gateway": "no"}]}}, "no: .* has no gateway"),
        ({"ike": {"gateways": [{"name": "g", "ike_policy": "no"}]}}, "no: .* has no policy"),
        ({"ike": {"policies": [{"name": "p", "proposals": ["no"]}]}}, "no: .* has no proposal"),
        ({"ipsec": {"vpns": [{"name": "V", "group": 1}]}}, "vpn GRP-0001 has it already"),
        (
            {"ike": {"gateways": [{"name": "servers", "local_address": "192.0.2.2"}]}},
            "192.0.2.2: it is a key server's address",
        ),
        (
            {"policies": [{"from_zone": "A", "to_zone": "B", "vpn": "GRP-0001"}]},
            "from-zone LAN to-zone WAN has it already",
        ),
        ({"policies": [{"from_zone": "A", "to_zone": "B"}]}, "ipsec-group-vpn: missing"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(config, words):
    with pytest.raises(Refused, match=words):
        planned(RESOURCE, built(), config, "merged")


def test_what_is_still_needed_is_not_taken_away():
    for config in (
        {"ipsec": {"vpns": [{"name": "GRP-0001"}]}},
        {"ike": {"gateways": [{"name": "servers"}]}},
    ):
        for generation in ("v1", "v2"):
            with pytest.raises(Refused, match="of that name after the change"):
                planned(RESOURCE, built(generation), config, "deleted", generation)


@pytest.mark.parametrize(
    ("config", "words", "generation"),
    [
        ({"ike": {"gateways": [{"name": "g", "server_addresses": ["192.0.2.1"]}]}}, "not have", V1),
        ({"ike": {"gateways": [{"name": "g", "addresses": ["192.0.2.1"]}]}}, "not have", V2),
        ({"ike": {"traceoptions": {"flags": ["all"]}}}, "not have", V1),
        ({"ipsec": {"vpns": [{"name": "V", "group": 65536}]}}, "1 to 65535", V1),
        ({"ipsec": {"vpns": [{"name": "V", "group": 2**32}]}}, "1 to 4294967295", V2),
        ({"ipsec": {"vpns": [{"name": "x" * 33}]}}, "1 to 32", V2),
        (
            {
                "ike": {
                    "gateways": [
                        {"name": "g", "server_addresses": [f"192.0.2.{n}" for n in range(1, 6)]}
                    ]
                }
            },
            "5 values, and a device takes 4",
            V2,
        ),
        ({"policies": [{"from_zone": "x" * 64, "to_zone": "B", "vpn": "V"}]}, "1 to 63", V2),
        (
            {"policies": [{"from_zone": "A", "to_zone": "B", "vpn": "V", "pair_policy": "x" * 64}]},
            "1 to 63",
            V1,
        ),
    ],
)
def test_what_a_generation_does_not_take_is_refused(config, words, generation):
    with pytest.raises(Refused, match=words):
        wanted_tree(RESOURCE, config, generation)


def test_text_from_any_place_around_it_is_read():
    body = "ike { gateway g { server-address [ 192.0.2.1 192.0.2.2 ]; } }"
    want = {"ike": {"gateways": [{"name": "g", "server_addresses": ["192.0.2.1", "192.0.2.2"]}]}}
    for text in (
        f"security {{ group-vpn {{ member {{ {body} }} }} }}",
        f"group-vpn {{ member {{ {body} }} }}",
        f"member {{ {body} }}",
        f"[edit security group-vpn member]\n{body}",
        "set security group-vpn member ike gateway g server-address [ 192.0.2.1 192.0.2.2 ]",
        "<member><ike><gateway><name>g</name><server-address>192.0.2.1</server-address>"
        "<server-address>192.0.2.2</server-address></gateway></ike></member>",
    ):
        assert views.parse(RESOURCE, text)["parsed"] == want, text


def test_pairs_of_zones_are_read_from_every_form():
    want = {"policies": [{"from_zone": "my zone", "to_zone": "WAN", "vpn": "V"}]}
    for text in (
        'security { ipsec-policy { from-zone "my zone" to-zone WAN { ipsec-group-vpn V; } } }',
        'set security ipsec-policy from-zone "my zone" to-zone WAN ipsec-group-vpn V',
        'edit security ipsec-policy from-zone "my zone" to-zone WAN\nset ipsec-group-vpn V\nup\n',
        "<configuration><security><ipsec-policy><from-zone><from-zone-name>my zone</from-zone-name>"
        "<to-zone>WAN</to-zone><ipsec-group-vpn>V</ipsec-group-vpn></from-zone></ipsec-policy>"
        "</security></configuration>",
        json.dumps(
            {
                "configuration": {
                    "security": {
                        "ipsec-policy": {
                            "from-zone": [
                                {
                                    "from-zone-name": "my zone",
                                    "to-zone": "WAN",
                                    "ipsec-group-vpn": "V",
                                }
                            ]
                        }
                    }
                }
            }
        ),
    ):
        assert views.parse(RESOURCE, text)["parsed"] == want, text


def test_the_second_run_is_one_reading_and_no_lock():
    device = Paper(built())
    request = Request(RESOURCE, wanted_tree(RESOURCE, example(), None), State.MERGED)
    assert not apply(device, request)["changed"]
    assert len(device.asked) == 1


# The referees: Juniper's YANG for v2, a device's own schema for v1

MEMBER = RESOURCE.root.by_name["group-vpn"].by_name["member"]


@pytest.mark.skipif(YANG is None, reason="JUNOS_YANG_DIR is not set: no YANG to check against")
def test_the_v2_table_is_junipers_yang():
    theirs = nodes_of("gvpn-member")
    assert len(theirs) > 60
    assert described(MEMBER, V2) == theirs
    assert len(lasting("gvpn-member")) == 4
    assert lasting("gvpn-member") == kept_empty(MEMBER)
    attached = described(RESOURCE.root.by_name["ipsec-policy"], V2)
    assert ("from-zone", "list") in attached
    assert [
        pair
        for pair in nodes_of("security-ipsec-policies")
        if "-zone-name" not in pair[0] and not pair[0].endswith("to-zone")
    ] == attached


V1_SCHEMA = """
ike ike/proposal ike/proposal/description ike/proposal/authentication-method ike/proposal/dh-group
ike/proposal/authentication-algorithm ike/proposal/encryption-algorithm
ike/proposal/lifetime-seconds
ike/policy ike/policy/mode ike/policy/description ike/policy/proposals ike/policy/certificate
ike/policy/certificate/local-certificate ike/policy/certificate/peer-certificate-type
ike/policy/proposal-set ike/policy/pre-shared-key ike/policy/pre-shared-key/ascii-text
ike/policy/pre-shared-key/hexadecimal
ike/gateway ike/gateway/ike-policy ike/gateway/address ike/gateway/local-identity
ike/gateway/local-identity/inet ike/gateway/local-identity/inet/identity-ipv4
ike/gateway/local-identity/hostname ike/gateway/local-identity/hostname/identity-hostname
ike/gateway/local-identity/user-at-hostname
ike/gateway/local-identity/user-at-hostname/identity-user
ike/gateway/local-identity/distinguished-name ike/gateway/local-address
ipsec ipsec/vpn ipsec/vpn/ike-gateway ipsec/vpn/group-vpn-external-interface ipsec/vpn/group
ipsec/vpn/heartbeat-threshold
"""


def test_the_v1_table_is_a_12_1x47_devices_schema():
    assert [name for name, _kind in described(MEMBER, V1)] == V1_SCHEMA.split()


def test_every_statement_says_what_it_is():
    for path, node in walk(RESOURCE.root):
        assert node.summary.endswith("."), path


def test_more_rules_than_a_device_takes_are_refused_with_where_they_are():
    rules = [{"name": f"r{n}", "application": "junos-ssh"} for n in range(11)]
    config = example()
    config["ipsec"]["vpns"][0]["fail_open_rules"] = rules
    name = config["ipsec"]["vpns"][0]["name"]
    with pytest.raises(Refused) as refused:
        planned(RESOURCE, "", config, "merged", "v2")
    assert refused.value.objections == [
        f"[edit security group-vpn member ipsec vpn {name} fail-open rule]: 11 entries, and a "
        "device takes 10; shorten 'fail_open_rules'"
    ]
    config["ipsec"]["vpns"][0]["fail_open_rules"] = rules[:10]
    assert planned(RESOURCE, "", config, "merged", "v2")["changed"]

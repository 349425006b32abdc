# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a commit refuses, in Juniper's words, and what it does not."""

from __future__ import annotations

import pytest

from keyserver.config.constraints import MUSTS, check
from keyserver.config.inherit import in_force
from keyserver.config.junos_schema import Generation, junos_schema
from tests.keyserver.security_cases import PROPOSALS, SECURITY_CASES, SITE_TO_SITE
from tests.keyserver.test_formats import from_set

V2 = junos_schema(Generation.V2)
S, M = "set security group-vpn server", "set security group-vpn member"
SERVER = f"""
{S} ike proposal p dh-group group14
{S} ike proposal p authentication-algorithm sha-256
{S} ike proposal p encryption-algorithm aes-256-cbc
{S} ike policy pol proposals p
{S} ike policy pol pre-shared-key ascii-text secret
{S} ike gateway gm ike-policy pol
{S} ike gateway gm address 192.0.2.11
{S} ike gateway other ike-policy pol
{S} ike gateway other address 192.0.2.12
{S} ike gateway other dead-peer-detection always-send
{S} ipsec proposal e authentication-algorithm hmac-sha-256-128
{S} ipsec proposal e encryption-algorithm aes-256-cbc
{S} group G group-id 1
{S} group G ike-gateway gm
{S} group G ipsec-sa sa proposal e
"""
MEMBER = f"""
{M} ike proposal p dh-group group14
{M} ike proposal p authentication-algorithm sha-256
{M} ike proposal p encryption-algorithm aes-256-cbc
{M} ike policy pol proposals p
{M} ike policy pol pre-shared-key ascii-text secret
{M} ike gateway ks ike-policy pol
{M} ike gateway ks server-address 192.0.2.1
{M} ipsec vpn v ike-gateway ks
{M} ipsec vpn v group-vpn-external-interface ge-0/0/0.0
{M} ipsec vpn v group 1
set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.11/24
"""
P = "set security ipsec-policy"
ZONES = """
set security zones security-zone LAN
set security zones security-zone WAN
"""
ATTACHED = f"{MEMBER}{ZONES}{P} from-zone LAN to-zone WAN ipsec-group-vpn v"
NO_ZONE, NO_VPN = "Security zone must be defined", "Group VPN must be defined"
NO_PROPOSAL = "Referenced proposal is not defined"
NO_INSTANCE = "Referenced routing-instance must be defined"
NO_TRACING = "'no-remote-trace' is valid only when [system tracing] is configured"
ONE_KEY = "IKE policy must have either local certificate or pre-shared key configured"
PROPOSED = "IKE policy must have either proposals or proposal-set configured"
NO_GATEWAY = (
    "Referenced IKE gateway must be defined under [edit security group-vpn server ike gateway]"
)


def violations(text: str, *, strict: bool = True) -> list[str]:
    tree = in_force(V2, from_set(V2, text)).tree
    found = check(V2, tree, Generation.V2, strict=strict)
    return [violation.message.removeprefix("mgd: ") for violation in found]


@pytest.mark.parametrize(
    "text",
    [
        SERVER,
        MEMBER,
        ATTACHED,
        ATTACHED.replace("zone LAN to", "zone junos-host to"),
        SITE_TO_SITE,
        PROPOSALS,
        "",
    ],
    ids=[
        "server",
        "member",
        "attached",
        "the device's own zone",
        "site to site",
        "proposals",
        "nothing",
    ],
)
def test_what_is_whole_is_committed(text):
    assert violations(text) == []


CASES = [
    (SERVER, f"{S} group H group-id 1", "Group id must be unique among groups"),
    (SERVER, f"{S} group G ike-gateway nobody", NO_GATEWAY),
    (
        SERVER,
        f"{S} group G ike-gateway other",
        "Referenced IKE gateway must NOT be defined with dead-peer-detection",
    ),
    *(
        (
            SERVER,
            f"{S} group G server-cluster ike-gateway {gateway}",
            "Referenced IKE gateway must be defined with dead-peer-detection always-send mode",
        )
        for gateway in ("gm", "nobody")
    ),
    (
        SERVER,
        f"{S} ike policy agg mode aggressive\n{S} ike policy agg proposals p\n"
        f"{S} ike policy agg pre-shared-key ascii-text x\n{S} ike gateway dyn ike-policy agg\n"
        f"{S} ike gateway dyn dynamic hostname a\n"
        f"{S} ike gateway dyn dead-peer-detection always-send\n"
        f"{S} group G server-cluster ike-gateway dyn",
        "Referenced IKE gateway must not be dynamic gateway",
    ),
    (SERVER, f"{S} group G ipsec-sa sa proposal nothing", NO_PROPOSAL),
    (
        SERVER,
        f"{S} ike gateway dyn ike-policy pol\n{S} ike gateway dyn dynamic hostname a",
        "Main mode for dynamic peer with Preshared key based authentication is not allowed",
    ),
    (
        SERVER,
        f"{S} ike policy agg mode aggressive\n{S} ike policy agg proposals p\n"
        f"{S} ike policy agg pre-shared-key ascii-text x\n{S} ike gateway dyn ike-policy agg\n"
        f"{S} ike gateway dyn dynamic hostname a\n"
        f"{S} ike gateway dyn remote-identity hostname b",
        "Since the remote gateway is dynamic, Define remote identity under dynamic",
    ),
    (
        MEMBER,
        "set security ike gateway ks ike-policy x",
        "Gateway already defined under [security ike]",
    ),
    (
        MEMBER,
        f"{M} ike gateway ks local-address 192.0.2.1",
        "Member can not have the same local address as server",
    ),
    (
        MEMBER,
        "set security ipsec vpn v bind-interface st0.0",
        "VPN already defined under [security ipsec]",
    ),
    (
        MEMBER,
        f"{M} ipsec vpn v ike-gateway nobody",
        "Referenced IKE gateway must be defined under [edit security group-vpn member ike gateway]",
    ),
    (
        MEMBER,
        "set interfaces ge-0/0/0 unit 0 family bridge",
        "Bridge interface is not allowed as external-interface",
    ),
    (
        MEMBER,
        f"{M} ipsec vpn v group-vpn-external-interface ge-0/0/1.0",
        "Referenced interface must be configured under [edit interfaces] hierarchy",
    ),
    (
        MEMBER,
        f"{M} ipsec vpn w ike-gateway ks\n{M} ipsec vpn w group 1\n"
        f"{M} ipsec vpn w group-vpn-external-interface ge-0/0/0.0",
        "Group id must be unique among group vpns",
    ),
    *(
        (MEMBER, f"{M} ipsec vpn v {rules} rule r application x", "Application must be defined")
        for rules in ("exclude", "fail-open")
    ),
    *(
        case
        for base, side, words in ((SERVER, S, "server"), (MEMBER, M, "member"))
        for case in (
            (base, f"{side} ike policy pol proposals nothing", NO_PROPOSAL),
            (base, f"{side} ike policy new pre-shared-key ascii-text x", PROPOSED),
            (base, f"{side} ike policy new proposals p", ONE_KEY),
            (
                base,
                f"{side} ike gateway new ike-policy none",
                "Referenced IKE policy must be defined under "
                f"[edit security group-vpn {words} ike policy]",
            ),
            (
                base,
                f"{side} ike gateway new ike-policy pol\n"
                f"{side} ike gateway new routing-instance VR",
                NO_INSTANCE,
            ),
        )
    ),
    *(
        (MEMBER, f"{ZONES}\n{P} {pair} ipsec-group-vpn v", NO_ZONE)
        for pair in ("from-zone LAN to-zone DMZ", "from-zone DMZ to-zone WAN")
    ),
    (MEMBER, f"{ZONES}\n{P} from-zone LAN to-zone WAN ipsec-group-vpn w", NO_VPN),
    (
        MEMBER,
        f"{ZONES}\n{P} from-zone LAN to-zone WAN ipsec-group-vpn v\n"
        f"{P} from-zone WAN to-zone LAN ipsec-group-vpn v",
        "Group VPN can only be referenced by one pair of from-zone and to-zone",
    ),
    (SERVER, f"{S} traceoptions no-remote-trace", NO_TRACING),
    (MEMBER, f"{M} ike traceoptions no-remote-trace", NO_TRACING),
    *SECURITY_CASES,
]


@pytest.mark.parametrize(("base", "more", "message"), CASES)
def test_junipers_commit_rules_are_kept_in_their_words(base, more, message):
    assert message in violations(f"{base}\n{more}")
    assert message not in violations(base)


def test_a_pair_of_zones_is_named_as_text_has_it():
    text = f"{ZONES}set security policies from-zone LAN to-zone DMZ policy p scheduler-name x"
    found = check(V2, in_force(V2, from_set(V2, text)).tree, Generation.V2, strict=True)
    assert [(one.path, one.bad_element) for one in found] == [
        ("[edit security policies]", "from-zone LAN to-zone DMZ"),
        ("[edit security policies from-zone LAN to-zone DMZ policy p]", "scheduler-name x"),
    ]


def test_every_rule_of_junipers_has_its_case():
    assert {message for _, _, message in CASES} == {must.message for must in MUSTS}


def without(tree, name, *way):
    """A tree that shares all else with ``tree``, as a commit's does with what is in force."""
    left = dict(tree)
    gone = left.pop(name)
    return {**left, name: without(gone, *way)} if way else left


@pytest.mark.parametrize(
    ("gone", "complaint"),
    [
        ("security zones security-zone WAN", NO_ZONE),
        ("security zones", NO_ZONE),
        ("security group-vpn member ipsec vpn v", NO_VPN),
    ],
)
def test_what_a_pair_of_zones_needs_cannot_be_taken_from_under_it(gone, complaint):
    sound = in_force(V2, from_set(V2, ATTACHED)).tree
    tree = without(sound, *gone.split())
    found = check(V2, tree, Generation.V2, strict=True, sound=sound)[0]
    assert found.message == f"mgd: {complaint}"
    assert "from-zone LAN to-zone WAN" in f"{found.path} {found.bad_element}"


@pytest.mark.parametrize(
    "repair",
    [
        "set routing-instances VR instance-type virtual-router",
        "deactivate security group-vpn server ike gateway gm",
    ],
)
def test_a_rule_looks_at_what_is_in_force(repair):
    text = f"{SERVER}\n{S} ike gateway gm routing-instance VR\n{repair}"
    assert NO_INSTANCE not in violations(text)


def test_what_came_from_a_group_is_one_statement():
    """And not also the note of where it came from."""
    dynamic = f"{S} ike gateway gm ike-policy pol\n{S} ike gateway gm dynamic hostname h"
    inherited = f"set groups g {S.removeprefix('set ')} ike gateway gm remote-identity hostname h"
    text = f"{dynamic}\n{inherited}\nset apply-groups g"
    found = check(V2, in_force(V2, from_set(V2, text)).tree, Generation.V2, strict=False)
    about = [one.bad_element for one in found if "remote identity" in one.message]
    assert about == ["remote-identity hostname"]


def test_a_block_of_which_everything_is_deactivated_is_none():
    block = f"{S} group G server-member-communication communication-type unicast"
    off = block.replace("set ", "deactivate ", 1).removesuffix(" unicast")
    assert violations(f"{SERVER}\n{block}\n{off}") == []
    assert violations(f"{SERVER}\n{block}") != []


@pytest.mark.parametrize(
    ("left_out", "complaint"),
    [
        ("ike proposal p dh-group", "dh-group must be configured"),
        ("ike proposal p encryption-algorithm", "encryption-algorithm must be configured"),
        (
            "ipsec proposal e authentication-algorithm",
            "authentication-algorithm must be configured",
        ),
    ],
)
def test_v2_has_no_values_of_its_own_for_what_a_proposal_leaves_unsaid(left_out, complaint):
    text = f"{SERVER}\ndelete security group-vpn server {left_out}"
    assert violations(text) == [complaint]
    assert violations(text, strict=False) == []


def test_more_match_policies_than_a_registration_can_tell_are_refused():
    path = f"{S} group G ipsec-sa x"
    lines = [f"{path}{n} match-policy p{m} source 10.0.0.0/8" for n in range(51) for m in range(10)]
    proposals = [f"{path}{n} proposal e" for n in range(51)]
    text = "\n".join((SERVER, *proposals, *lines))
    complaint = "510 match policies, a registration has room for 500"
    assert any(complaint in line for line in violations(text))
    assert violations("\n".join((SERVER, *proposals, *lines[:500]))) == []


@pytest.mark.parametrize("hidden", ["$9$x", "$9$SECRETSTRINGORSOMETHING"])
@pytest.mark.parametrize("form", ["ascii-text", "hexadecimal"])
def test_a_key_that_cannot_be_read_is_refused(form, hidden):
    text = SERVER.replace("ascii-text secret", f'{form} "{hidden}"')
    assert violations(text) == ["invalid encrypted data"]


@pytest.mark.parametrize(("digits", "faults"), [("abc", 1), ("0", 1), ("0abc", 0)])
def test_half_an_octet_of_a_key_is_named_as_what_it_is(digits, faults):
    text = SERVER.replace("ascii-text secret", f"hexadecimal {digits}")
    complaint = "a key of an odd number of hexadecimal digits; add one"
    assert violations(text) == [complaint] * faults


GROUP = "set groups G system host-name from-a-group"


@pytest.mark.parametrize(
    ("lines", "undefined"),
    [
        ("set apply-groups H", ["[edit] apply-groups H"]),
        ("set apply-groups [ G H ]", ["[edit] apply-groups H"]),
        ("set apply-groups-except H", ["[edit] apply-groups-except H"]),
        ("set security zones apply-groups H", ["[edit security zones] apply-groups H"]),
        (
            "set security zones security-zone LAN apply-groups-except H",
            ["[edit security zones security-zone LAN] apply-groups-except H"],
        ),
        ("set groups G security apply-groups H", ["[edit groups G security] apply-groups H"]),
        ("set groups H\ndeactivate groups H\nset apply-groups H", ["[edit] apply-groups H"]),
        ("set apply-groups H\ndeactivate apply-groups H", []),
        ('set apply-groups [ junos-defaults "${node}" G ]', []),
        ("set security zones apply-groups-except G", []),
    ],
)
def test_a_group_that_is_applied_or_kept_out_has_to_be_there(lines, undefined):
    tree = in_force(V2, from_set(V2, f"{GROUP}\n{lines}")).tree
    found = check(V2, tree, Generation.V2, strict=False)
    assert [f"{one.path} {one.bad_element}" for one in found] == undefined
    assert {one.message for one in found} <= {"mgd: group 'H' is not defined"}


def test_a_group_that_is_still_applied_is_missed_when_it_goes():
    """What applies it is as it was found to be sound."""
    nested = "set security zones apply-groups G"
    before = in_force(V2, from_set(V2, f"{GROUP}\n{nested}")).tree
    after = {name: value for name, value in before.items() if name != "groups"}
    (found,) = check(V2, after, Generation.V2, strict=True, sound=before)
    assert found.path == "[edit security zones]"

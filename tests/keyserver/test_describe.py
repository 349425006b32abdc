# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fleets that people have typed, gathered from devices in one process, and described."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.groupvpn.junos.plugins.filter.describe import FilterModule
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.configurations import (
    RESOURCES,
    after,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.contradictions import refusals
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.describe import describe
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.look import look
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.plan import plan
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.reading import read

from keyserver.config.junos_schema import Generation
from keyserver.lab.specs import DeviceSpec
from keyserver.srx import Device, read_initial
from tests.keyserver.wire import NOW, Wire

SIDES = ("server", "member")
FILTER = FilterModule().filters()["describe"]
KEY = "pre-shared-key ascii-text made-up-key"


def gathered(fleet):
    """What devices that have these lines give back."""
    found = {}
    for host, (generation, text) in fleet.items():
        spec = DeviceSpec(host, Generation(generation))
        device = Device(spec, read_initial(spec, f"set system host-name {host}\n{text}"), NOW)
        looked = look(Wire(device, lambda: NOW))
        found[host] = {**looked.sides, "generation": looked.generation.value}
    return found


def lines(prefix, text):
    """Set lines below a statement."""
    return "".join(f"set {prefix} {line.strip()}\n" for line in text.strip().splitlines())


def server(text):
    return lines("security group-vpn server", text)


def member(text, zones="ipsec-policy from-zone LAN to-zone WAN ipsec-group-vpn"):
    """A v2 member of one VPN, ``its-vpn``, and where it is attached."""
    base = "set security zones security-zone LAN\nset security zones security-zone WAN\n"
    attached = f"set security {zones} its-vpn\n" if zones else ""
    return base + lines("security group-vpn member", text) + attached


HUB = f"""
ike proposal phase-one authentication-method pre-shared-keys
ike proposal phase-one dh-group group14
ike proposal phase-one authentication-algorithm sha-384
ike proposal phase-one encryption-algorithm aes-128-cbc
ike policy everybody mode main
ike policy everybody proposals phase-one
ike policy everybody {KEY}
ike gateway NewYork ike-policy everybody
ike gateway NewYork address 198.51.100.1
ike gateway NewYork local-address 192.0.2.1
ike gateway Boston ike-policy everybody
ike gateway Boston address 198.51.100.2
ike gateway Boston local-address 192.0.2.1
ipsec proposal traffic authentication-algorithm hmac-sha-256-128
ipsec proposal traffic encryption-algorithm aes-256-cbc
ipsec proposal traffic lifetime-seconds 7200
group Offices group-id 42
group Offices ike-gateway NewYork
group Offices ike-gateway Boston
group Offices ipsec-sa offices-sa proposal traffic
group Offices ipsec-sa offices-sa match-policy ten source 10.0.0.0/8
group Offices ipsec-sa offices-sa match-policy ten destination 10.0.0.0/8
group Offices ipsec-sa offices-sa match-policy ten protocol 0
"""
SITE = f"""
ike proposal mine authentication-method pre-shared-keys
ike proposal mine dh-group group14
ike proposal mine authentication-algorithm sha-384
ike proposal mine encryption-algorithm aes-128-cbc
ike policy hub mode main
ike policy hub proposals mine
ike policy hub {KEY}
ike gateway hub ike-policy hub
ike gateway hub server-address 192.0.2.1
ike gateway hub local-address 198.51.100.1
ipsec vpn its-vpn ike-gateway hub
ipsec vpn its-vpn group-vpn-external-interface ge-0/0/1.0
ipsec vpn its-vpn group 42
ipsec vpn its-vpn recovery-probe
"""
BOSTON = SITE.replace("198.51.100.1", "198.51.100.2")
V1_HUB = "".join(
    line.replace("sha-384", "sha-256").replace("hmac-sha-256-128", "hmac-sha1-96") + "\n"
    for line in HUB.splitlines()
    if "local-address" not in line
) + ("group Offices server-address 192.0.2.1\n")
V1_SITE = SITE.replace("sha-384", "sha-256").replace("server-address", "address")
V1_SITE = V1_SITE.replace("ipsec vpn its-vpn recovery-probe\n", "")
V1_ZONES = """policies from-zone LAN to-zone WAN policy secret match source-address any
set security policies from-zone LAN to-zone WAN policy secret match destination-address any
set security policies from-zone LAN to-zone WAN policy secret match application any
set security policies from-zone LAN to-zone WAN policy secret then permit tunnel ipsec-group-vpn"""


def cluster(text, own, other, role):
    """A server of a cluster of two."""
    return (
        text.replace("192.0.2.1", own)
        + f"""
ike policy other mode main
ike policy other proposals phase-one
ike policy other {KEY}
ike gateway other ike-policy other
ike gateway other address {other}
ike gateway other local-address {own}
ike gateway other dead-peer-detection always-send
group Offices server-cluster server-role {role}
group Offices server-cluster ike-gateway other
group Offices server-member-communication communication-type unicast
group Offices server-member-communication encryption-algorithm aes-256-cbc
group Offices server-member-communication sig-hash-algorithm sha-256
"""
    )


CASH = """
group Cash group-id 43
group Cash ike-gateway NewYork
group Cash ipsec-sa cash proposal traffic
group Cash ipsec-sa cash match-policy ten source 172.16.0.0/12
group Cash ipsec-sa cash match-policy ten destination 172.16.0.0/12
group Cash ipsec-sa cash match-policy ten protocol 0
"""
IN_BOTH = (
    SITE
    + """
ipsec vpn cash-vpn ike-gateway hub
ipsec vpn cash-vpn group-vpn-external-interface ge-0/0/1.0
ipsec vpn cash-vpn group 43
ipsec vpn cash-vpn recovery-probe
"""
)
TILLS = "set security zones security-zone TILLS\n" + (
    "set security ipsec-policy from-zone TILLS to-zone WAN ipsec-group-vpn cash-vpn\n"
)
OTHER_PROPOSAL = f"""
ike proposal cash-one authentication-method pre-shared-keys
ike proposal cash-one dh-group group24
ike proposal cash-one authentication-algorithm sha-256
ike proposal cash-one encryption-algorithm aes-256-cbc
ike policy both mode main
ike policy both proposals phase-one
ike policy both proposals cash-one
ike policy both {KEY}
ike gateway NewYork ike-policy both
"""
CASH_GATEWAY = f"""
ike proposal cash-one authentication-method pre-shared-keys
ike proposal cash-one dh-group group24
ike proposal cash-one authentication-algorithm sha-256
ike proposal cash-one encryption-algorithm aes-256-cbc
ike policy cash mode main
ike policy cash proposals cash-one
ike policy cash {KEY}
ike gateway cash ike-policy cash
ike gateway cash server-address 192.0.2.1
ike gateway cash local-address 198.51.100.1
"""
TWO = SITE + "ike gateway hub server-address 192.0.2.2\n"
INHERITED = lines(
    "groups everywhere security group-vpn server",
    """
ipsec proposal <*> lifetime-seconds 7200
group <*> activation-time-delay 30
""",
) + ("set apply-groups everywhere\n")
INHERITING = server("\n".join(line for line in HUB.splitlines() if "lifetime" not in line))
FITTING = {
    "v2": {
        "hub-1": ("v2", server(HUB)),
        "ny": ("v2", member(SITE)),
        "boston": ("v2", member(BOSTON)),
    },
    "two groups, a member of both in zones of their own": {
        "hub-1": ("v2", server(HUB + CASH)),
        "ny": ("v2", member(IN_BOTH) + TILLS),
        "boston": ("v2", member(BOSTON)),
    },
    "two groups of other algorithms, a member of both": {
        "hub-1": ("v2", server(HUB + CASH + OTHER_PROPOSAL)),
        "ny": (
            "v2",
            member(
                IN_BOTH.replace("cash-vpn ike-gateway hub", "cash-vpn ike-gateway cash")
                + CASH_GATEWAY
            )
            + TILLS,
        ),
        "boston": ("v2", member(BOSTON)),
    },
    "v1, one member elsewhere": {
        "hub-1": ("v1", server(V1_HUB)),
        "ny": ("v1", member(V1_SITE, V1_ZONES)),
    },
    "a cluster, the sub-server first": {
        "sub": ("v2", server(cluster(HUB, "192.0.2.2", "192.0.2.1", "sub-server"))),
        "root": ("v2", server(cluster(HUB, "192.0.2.1", "192.0.2.2", "root-server"))),
        "ny": ("v2", member(TWO)),
        "boston": ("v2", member(TWO.replace("198.51.100.1", "198.51.100.2"))),
    },
    "what configuration groups give": {
        "hub-1": ("v2", INHERITED + INHERITING),
        "ny": ("v2", member(SITE)),
    },
}


def as_read(found):
    """A description that somebody has filled the keys into."""
    own = {
        host: {name.removeprefix("group_vpn_"): value for name, value in variables.items()}
        for host, variables in found["hosts"].items()
    }
    groups = [
        {
            **group,
            "unmanaged_members": [
                {**one, "pre_shared_key": "made-up-key"}
                for one in group.get("unmanaged_members", ())
            ],
        }
        for group in found["group_vpn_groups"]
    ]
    return read(
        groups, {host: {**one, "pre_shared_key": "made-up-key"} for host, one in own.items()}
    )


def carried_out(fleet, description):
    """The fleet, when every step of the plan is done."""
    made = plan({host: {s: sides[s] for s in SIDES} for host, sides in fleet.items()}, description)
    then = {host: dict(sides) for host, sides in fleet.items()}
    for step in made.steps:
        for host, change in step.changes.items():
            one = then[host]
            generation = description.devices[host].generation
            one[change.side] = after(
                change.side, one[change.side], change.config, change.drop, generation
            )
    return then


@pytest.mark.parametrize("name", FITTING)
def test_a_fleet_that_fits_is_described_alike_before_and_after_the_role_has_built_it(name):
    fleet = gathered(FITTING[name])
    found = describe(fleet)
    assert found["unfit"] == []
    description = as_read(found)
    assert refusals(description) == []
    built = carried_out(fleet, description)
    assert plan(built, description).steps == ()
    assert describe(built) == found


@pytest.mark.parametrize("name", FITTING)
def test_the_generation_is_seen_in_what_was_gathered_where_nobody_says_it(name):
    fleet = gathered(FITTING[name])
    told = {host: {side: given[side] for side in SIDES} for host, given in fleet.items()}
    assert FILTER(told) == FILTER(fleet)
    assert FILTER(told)["unfit"] == []


BAD_SIDES = {
    "ny: generation V2: it is v1 or v2": {"server": {}, "generation": "V2"},
    "ny: member: 'none': a mapping is expected: not what the modules gather": {"member": "none"},
    "ny: server.groups.0.: 'name' is missing: not .* give 'gathered'": {
        "server": {"groups": [{"group_id": 1}]}
    },
    "ny: server.groups.0.: 'name' is missing: not": {"server": {"groups": [{"name": ""}]}},
    "ny: server.groups.0..group_id: True: a whole number is expected": {
        "server": {"groups": [{"name": "Offices", "group_id": True}]}
    },
    "ny: server.grups: not known; correct it, or take it out": {"server": {"grups": []}},
    "ny: neither 'server' nor 'member' is there": {"inactive": []},
    "ny: servers: not known": {"servers": {}},
    "ny: inactive: 'ike': a list is expected": {"member": {}, "inactive": "ike"},
    "ny: .* NY.: the gateway is listed twice": {
        "server": {"ike": {"gateways": [{"name": "NY"}, {"name": "NY"}]}}
    },
    "ny: server.ike.policies.0..pre_shared_key: a text or a mapping is expected": {
        "server": {"ike": {"policies": [{"name": "p", "pre_shared_key": ["made-up-key"]}]}}
    },
}


@pytest.mark.parametrize("why", BAD_SIDES)
def test_what_no_module_gathers_is_refused_by_host(why):
    with pytest.raises(AnsibleFilterError, match=why) as refused:
        FILTER({"ny": BAD_SIDES[why]})
    assert "made-up-key" not in str(refused.value)


def test_what_a_host_does_not_have_may_be_said_by_nothing():
    given = gathered({"hub-1": FITTING["v2"]["hub-1"]})["hub-1"]
    fleet = {"hub-1": {**given, "member": None, "inactive": None, "unread": None}}
    assert FILTER(fleet) == FILTER({"hub-1": given})


ODD = (None, "", " x", 0, True, 1.5, [], {}, [None], ["x"], {"a": 1}, "a long text" * 300)


def places(value, path=()):
    """Every place in what is nested."""
    yield path
    inside = value.items() if isinstance(value, dict) else ()
    for key, one in enumerate(value) if isinstance(value, list) else inside:
        yield from places(one, (*path, key))


def mangled(value, path, instead):
    """Another value there."""
    if not path:
        return instead
    copied = list(value) if isinstance(value, list) else dict(value)
    copied[path[0]] = mangled(value[path[0]], path[1:], instead)
    return copied


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:12])
def test_whatever_a_hand_has_mangled_is_described_or_refused_in_words(odd):
    fleet = gathered({host: FITTING["v2"][host] for host in ("hub-1", "ny")})
    for path in places(fleet):
        said = refusal(mangled(fleet, path, odd))
        assert said is None or said.startswith(f"groupvpn.junos.describe: {''.join(path[:1])}")


def refusal(fleet):
    """The words in which it is refused; None where it is described."""
    try:
        FILTER(fleet)
    except AnsibleFilterError as refused:
        return str(refused)
    return None


def test_zones_are_described_with_the_group_whose_traffic_goes_through_them():
    fleet = gathered(FITTING["two groups, a member of both in zones of their own"])
    assert describe(fleet)["hosts"]["ny"]["group_vpn_policies"] == [
        {"from_zone": "LAN", "to_zone": "WAN", "group": "Offices"},
        {"from_zone": "TILLS", "to_zone": "WAN", "group": "Cash"},
    ]


def test_servers_are_described_in_the_order_in_which_members_try_them():
    fleet = gathered(FITTING["a cluster, the sub-server first"])
    (group,) = describe(fleet)["group_vpn_groups"]
    assert group["servers"] == ["root", "sub"]


def test_servers_of_a_cluster_keep_the_names_that_they_call_one_another():
    """Each is called otherwise by nobody; where both call the other alike, that is no name."""
    alike = dict(FITTING["a cluster, the sub-server first"])
    (generation, sub), (_generation, root) = alike["sub"], alike["root"]
    named = {
        **alike,
        "sub": (generation, sub.replace(" other", " KS-1")),
        "root": (generation, root.replace(" other", " KS-2")),
    }
    for fleet, names in ((alike, (None, None)), (named, ("KS-1", "KS-2"))):
        found = describe(gathered(fleet))
        assert found["unfit"] == []
        hosts = found["hosts"]
        assert tuple(hosts[host].get("group_vpn_name") for host in ("root", "sub")) == names


def test_a_v1_member_keeps_its_security_policies_where_they_are():
    text = member(V1_SITE, V1_ZONES)
    back = [line for line in text.splitlines() if " policy secret " in line]
    back = [
        line.replace("LAN to-zone WAN policy secret", "WAN to-zone LAN policy b") for line in back
    ]
    there = "set security policies from-zone LAN to-zone WAN policy secret then permit tunnel"
    text += "\n".join([*back, f"{there} pair-policy b"])
    fleet = gathered({**FITTING["v1, one member elsewhere"], "ny": ("v1", text)})
    built = carried_out(fleet, as_read(describe(fleet)))
    one = {"from_zone": "LAN", "to_zone": "WAN", "policy": "secret", "vpn": "Offices"}
    assert built["ny"]["member"]["policies"] == [
        {**one, "pair_policy": "b"},
        {"from_zone": "WAN", "to_zone": "LAN", "policy": "b", "vpn": "Offices"},
    ]
    assert [vpn["name"] for vpn in built["ny"]["member"]["ipsec"]["vpns"]] == ["Offices"]


ODD = (
    SITE.replace("policy hub mode main", "policy hub mode aggressive")
    + """
ike gateway elsewhere ike-policy hub
ike gateway elsewhere server-address 192.0.2.99
ike gateway elsewhere local-address 198.51.100.1
ipsec vpn other-vpn ike-gateway elsewhere
ipsec vpn other-vpn group-vpn-external-interface ge-0/0/1.0
ipsec vpn other-vpn group 43
"""
)
SUB = cluster(HUB, "192.0.2.2", "192.0.2.1", "sub-server")
ROOT = cluster(HUB, "192.0.2.1", "192.0.2.2", "root-server")
TWICE = """
ike gateway again ike-policy everybody
ike gateway again address 198.51.100.1
ike gateway again local-address 192.0.2.2
group Offices ike-gateway again
"""
SPARE = (
    TWO
    + """
ipsec vpn spare ike-gateway hub
ipsec vpn spare group-vpn-external-interface ge-0/0/1.0
ipsec vpn spare group 42
ipsec vpn spare recovery-probe
"""
)
MISFITS = {
    "generations": {
        "hub-1": ("v2", server(HUB.replace("sha-384", "sha-256"))),
        "ny": ("v2", member(SITE.replace("sha-384", "sha-256"))),
        "boston": ("v1", member(V1_SITE.replace("198.51.100.1", "198.51.100.2"), V1_ZONES)),
    },
    "proposals": {
        "sub": ("v2", server(SUB.replace("sha-384", "sha-256").replace("7200", "1800"))),
        "root": ("v2", server(ROOT)),
        "ny": ("v2", member(TWO)),
        "boston": ("v2", member(SITE.replace("198.51.100.1", "198.51.100.2"))),
    },
    "strangers": {
        "one": ("v2", server(HUB)),
        "two": ("v2", server(HUB.replace("192.0.2.1", "192.0.2.2"))),
        "ny": ("v2", member(ODD)),
    },
    "no other server": {
        "root": ("v2", server(ROOT)),
        "sub": ("v2", server(SUB.replace("group Offices server-cluster ike-gateway other\n", ""))),
        "ny": ("v2", member(TWO)),
        "boston": ("v2", member(TWO.replace("198.51.100.1", "198.51.100.2"))),
    },
    "a second one": {
        "root": ("v2", server(ROOT)),
        "sub": (
            "v2",
            server(
                SUB
                + """
group Offices ipsec-sa more proposal traffic
group Offices ipsec-sa more match-policy x source 172.16.0.0/12
group Offices ipsec-sa more match-policy x destination 172.16.0.0/12
"""
            ),
        ),
        "ny": ("v2", member(TWO)),
        "boston": ("v2", member(TWO.replace("198.51.100.1", "198.51.100.2"))),
    },
    "one peer twice": {
        "root": ("v2", server(ROOT)),
        "sub": ("v2", server(SUB + TWICE)),
        "ny": ("v2", member(SPARE, zones="")),
        "boston": ("v2", member(TWO.replace("198.51.100.1", "198.51.100.2"))),
    },
    "both": {
        "hub-1": ("v2", server(HUB + HUB.replace("Offices", "Cash").replace(" 42", " 43"))),
        "ny": ("v2", member(SITE)),
    },
}


UNFIT = {
    "generations": [
        "boston: group_vpn_groups[Offices].recovery_probe True: Group VPNv1 does not have this "
        "statement; leave it out",
        "boston: VPN of group 42: heartbeat_threshold 3: the description makes it 0",
        "boston: VPN of group 42: recovery_probe is not set: the description makes it True",
    ],
    "proposals": [
        "sub: group Offices 192.0.2.1: server_cluster policy proposals 1 authentication_algorithm "
        "sha-256: the description makes it sha-384",
        "sub: group Offices 198.51.100.1, 198.51.100.2: policy proposals 1 "
        "authentication_algorithm sha-256: the description makes it sha-384",
        "sub: group Offices: ipsec_sas 1 proposal lifetime_seconds 1800: the description makes it "
        "7200",
        "boston: VPN of group 42: gateway server_addresses 2 is not set: the description makes it "
        "192.0.2.2",
    ],
    "strangers": [
        "two: group Offices: no server cluster with one; its keys are its own",
        "one: group Offices: server_cluster is not set: the description has it",
        "two: group Offices: server_cluster is not set: the description has it",
        "ny: VPN of group 42: gateway policy mode aggressive: the description makes it main",
        "ny: VPN of group 42: gateway server_addresses 2 is not set: the description makes it "
        "192.0.2.2",
        "ny: VPN of group 43: no place in a description",
    ],
    "a second one": ["sub: group Offices: ipsec_sas more: a second one"],
    "one peer twice": [
        "sub: group Offices 198.51.100.1 as again: has no place in a description",
        "ny: VPN spare of group 42: no place in a description",
    ],
    "no other server": [
        "sub: group Offices: server_cluster ike_gateways is not set: the description has it",
    ],
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_a_description_would_make_otherwise_is_named(name):
    assert describe(gathered(MISFITS[name]))["unfit"] == UNFIT[name]


def test_what_is_inactive_is_named():
    """It goes with an entry that gets another name."""
    parked = "security group-vpn server group Offices ipsec-sa offices-sa match-policy b"
    text = f"{server(HUB)}set {parked} source 172.16.0.0/12\ndeactivate {parked}\n"
    spec = DeviceSpec("hub-1", Generation.V2)
    found = views.gather(RESOURCES["server"], Wire(Device(spec, read_initial(spec, text), NOW)))
    given = {"hub-1": {"server": found["gathered"], "inactive": found["inactive"]}}
    assert FILTER(given)["unfit"] == [
        f"hub-1: [edit {parked}]: inactive, and no place in a description"
    ]


def test_what_is_not_known_is_named():
    """It, too, goes with an entry that gets another name."""
    strange = "security group-vpn member ipsec vpn boston tunnel-mtu"
    found = views.parse(RESOURCES["member"], f"set {strange} 1400")
    given = {"boston": {"member": found["parsed"], "unread": found["unread"]}}
    assert (
        f"boston: {strange}: not read here, and no place in a description" in FILTER(given)["unfit"]
    )


@pytest.mark.parametrize("side", ["server", "member"])
def test_what_stands_in_a_tenant_is_named(side):
    place = f"tenants TS1 security group-vpn {side}"
    found = views.parse(RESOURCES[side], f"set {place} ike policy p mode main")
    given = {"hub-1": {side: found["parsed"], "unread": found["unread"]}}
    assert f"hub-1: {place}: not read here, and no place in a description" in FILTER(given)["unfit"]


def test_a_peer_that_only_one_side_has_is_named_whole():
    fleet = gathered(FITTING["v2"])
    identity = {"hostname": {"identity_hostname": "ny.example.net"}}
    fleet["ny"]["member"]["ike"]["gateways"][0]["local_identity"] = identity
    assert (
        "hub-1: group Offices 198.51.100.1: has no place in a description"
        in (describe(fleet)["unfit"])
    )


def test_why_the_role_would_refuse_a_description_is_named():
    unfit = "\n".join(describe(gathered(MISFITS["both"]))["unfit"])
    assert "ny, NewYork: group_vpn_name NewYork: these have the same name" in unfit
    assert "overlaps ten (10.0.0.0/8 to 10.0.0.0/8) of group Cash" in unfit
    assert "key-of" not in unfit


def test_a_group_that_nobody_may_join_yet_is_described():
    joined = "group Offices ike-gateway"
    nobody = "\n".join(line for line in HUB.splitlines() if not line.startswith(joined))
    (group,) = describe(gathered({"hub-1": ("v2", server(nobody))}))["group_vpn_groups"]
    assert (group["name"], group.get("members", [])) == ("Offices", [])

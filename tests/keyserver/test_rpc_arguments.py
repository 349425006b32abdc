# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is not done is refused, in Junos' words; what is taken is what Juniper's models take."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from lxml import etree

from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.netconf.arguments import Accepts
from keyserver.netconf.commands import read_command
from tests.keyserver.console import Console, Session, errors, tags

V2 = junos_schema(Generation.V2)

MEMBERS = "get-security-group-vpn-server-registered-members"
SET_HOST = "<configuration><system><host-name>other</host-name></system></configuration>"


def bad(reply: etree._Element) -> list[str]:
    return [e.text for e in reply.iter("bad-element")]


CONTACT = "<configuration><snmp><contact>x</contact></snmp></configuration>"


def group(name: str) -> str:
    return (
        "<load-configuration><configuration><security><group-vpn><server>"
        f"<group>{name}<description>x</description></group>"
        "</server></group-vpn></security></configuration></load-configuration>"
    )


def in_json(text: str) -> str:
    return (
        f"<load-configuration><configuration-json>{text}</configuration-json></load-configuration>"
    )


def written(inner: str, attribute: str = "") -> str:
    return (
        "<edit-config><target><candidate/></target>"
        f"<config-text{attribute}>{inner}</config-text></edit-config>"
    )


REFUSED = {
    # Text where elements belong.
    "<lock-configuration>now</lock-configuration>": "now",
    "<discard-changes>all</discard-changes>": "all",
    "<open-configuration>please</open-configuration>": "please",
    "<commit>now</commit>": "now",
    "<commit-configuration>now</commit-configuration>": "now",
    "<lock><target>the<candidate/></target></lock>": "the",
    "<lock><target><candidate>x</candidate></target></lock>": "candidate",
    "<get-config><source>the<running/></source></get-config>": "the",
    "<get-config><source><running/></source><filter>system</filter></get-config>": "system",
    "<get-config><source><running/></source><filter><configuration>snmp</configuration></filter>"
    "</get-config>": "snmp",
    "<get><filter><configuration>snmp</configuration></filter></get>": "snmp",
    written("this:<configuration-text>snmp { contact x; }</configuration-text>"): "this:",
    written("<configuration-text>snmp { contact x; }</configuration-text>that"): "that",
    written('<configuration-text a="b">snmp { contact x; }</configuration-text>'): (
        "configuration-text"
    ),
    written('<configuration-text xmlns="urn:x">snmp { contact x; }</configuration-text>'): (
        "configuration-text"
    ),
    written("snmp { contact x; }", ' format="text"'): "config-text",
    "<get-configuration>system</get-configuration>": "system",
    "<get-configuration><configuration>system</configuration></get-configuration>": "system",
    "<get-configuration><configuration><system>all</system></configuration></get-configuration>": (
        "all"
    ),
    "<get-configuration><configuration/>and more</get-configuration>": "and more",
    f"<load-configuration>this:{CONTACT}</load-configuration>": "this:",
    f"<edit-config><target><candidate/></target><config>this:{CONTACT}</config></edit-config>": (
        "this:"
    ),
    # One of two ways to give the same, whichever comes first.
    f"<edit-config><target><candidate/></target><config>{CONTACT}</config><config-text>"
    "<configuration-text>snmp { contact x; }</configuration-text></config-text></edit-config>": (
        "config-text"
    ),
    "<edit-config><target><candidate/></target><config-text><configuration-text>"
    "snmp { contact x; }</configuration-text></config-text>"
    f"<config>{CONTACT}</config></edit-config>": "config",
    # Elements of somebody else's.
    '<get-configuration><configuration><system xmlns="urn:x"/></configuration>'
    "</get-configuration>": "system",
    "<edit-config><target><candidate/></target><config>"
    '<configuration xmlns="urn:x"><snmp/></configuration></config></edit-config>': "configuration",
    '<lock-configuration xmlns="urn:x"/>': "lock-configuration",
    '<commit-configuration><check xmlns="urn:x"/></commit-configuration>': "check",
    '<get-config><source xmlns="urn:x"><running/></source></get-config>': "source",
    '<get-config><source><running xmlns="urn:x"/></source></get-config>': "source",
    '<get-configuration><configuration><system><host-name xmlns="urn:x"/></system>'
    "</configuration></get-configuration>": "host-name",
    '<load-configuration><configuration><system><host-name xmlns="urn:x">a</host-name></system>'
    "</configuration></load-configuration>": "host-name",
    '<load-configuration><configuration><snmp xmlns:x="urn:x" x:delete="delete"/>'
    "</configuration></load-configuration>": "delete",
    # Text beside an operation, and within a filter.
    "now<lock-configuration/>": "now",
    "<get-config><source><running/></source><filter><configuration>all<system/></configuration>"
    "</filter></get-config>": "all",
    # Names that say more than which entry, or say it twice.
    group('<name delete="delete">G1</name>'): "name",
    group("<name>G1</name><name>G2</name>"): "name",
    group("<name>G1<frob/></name>"): "name",
    '<load-configuration><configuration><system operation=""/></configuration>'
    "</load-configuration>": "operation",
    # JSON that says nothing, two things, or something beside the configuration.
    in_json('{"configuration": {}, "snmp": {}}'): "configuration-json",
    in_json('{"snmp": {"contact": NaN}}'): "configuration-json",
    in_json('{"snmp": {}, "snmp": {}}'): "configuration-json",
    in_json('{"snmp": {"contact": ["a", "b"]}}'): "contact",
    # Of nothing, and of something beside nothing, nobody knows what is meant.
    in_json('{"system": {"no-redirects": []}}'): "[]",
    in_json('{"system": {"authentication-order": ["password", null]}}'): "null",
    # Attributes of what is not a statement, and those that contradict each other.
    '<load-configuration><configuration delete="delete"/></load-configuration>': "delete",
    '<load-configuration><configuration operation="delete"/></load-configuration>': "operation",
    '<load-configuration><configuration replace-pattern="gm-1"/></load-configuration>': (
        "replace-pattern"
    ),
    '<load-configuration><configuration frob="1"/></load-configuration>': "frob",
    '<load-configuration><configuration replace="replace"><snmp/></configuration>'
    "</load-configuration>": "replace",
    '<load-configuration><configuration><snmp delete="delete" replace="replace"/></configuration>'
    "</load-configuration>": "replace",
    '<load-configuration><configuration><snmp active="active" inactive="inactive"/>'
    "</configuration></load-configuration>": "inactive",
    '<load-configuration><configuration><snmp protect="protect" unprotect="unprotect"/>'
    "</configuration></load-configuration>": "unprotect",
    f'<edit-config><target><candidate/></target><config operation="delete">{CONTACT}</config>'
    "</edit-config>": "config",
    # Two values of one leaf, and two cases of one choice.
    "<load-configuration><configuration><snmp><contact>a</contact><contact>b</contact></snmp>"
    "</configuration></load-configuration>": "contact",
    "<edit-config><target><candidate/></target><config><configuration><security><group-vpn><server>"
    "<ike><gateway><name>gm-1</name><address>192.0.2.9</address><dynamic><hostname>a</hostname>"
    "</dynamic></gateway></ike></server></group-vpn></security></configuration></config>"
    "</edit-config>": "dynamic",
    in_json(
        '{"system": {"internet-options": {"path-mtu-discovery":'
        ' [null], "no-path-mtu-discovery": [null]}}}'
    ): "no-path-mtu-discovery",
    # What cannot go together.
    f'<load-configuration compare="rollback">{CONTACT}</load-configuration>': "compare",
    '<load-configuration rescue="rescue" rollback="0"/>': "rescue",
    '<load-configuration rollback="0" action="merge"/>': "action",
    f'<load-configuration action="patch">{CONTACT}</load-configuration>': "configuration",
    "<commit-configuration><check/><confirmed/></commit-configuration>": "confirmed",
    "<commit-configuration><check/><confirm-timeout>5</confirm-timeout></commit-configuration>": (
        "confirm-timeout"
    ),
    '<get-configuration compare="rollback" changed="changed"/>': "changed",
    '<get-configuration database="frob"/>': "get-configuration",
    '<get-configuration compare="frob"/>': "get-configuration",
    '<get-configuration compare="rollback" format="json"/>': "compare",
    '<get-configuration compare="rollback" format="set"/>': "compare",
    '<get-configuration compare="rollback" inherit="inherit"/>': "inherit",
    '<get-configuration rollback="1"/>': "rollback",
    '<get-configuration format="yaml"/>': "get-configuration",
    '<get-configuration recurse="false"/>': "get-configuration",
    '<get-configuration changed="yes"/>': "get-configuration",
    '<get-configuration inherit="yes"/>': "get-configuration",
    "<get-configuration><configuration/><configuration/></get-configuration>": "configuration",
    "<get-configuration><frob/></get-configuration>": "frob",
    "<get-configuration><configuration><system><frob/></system></configuration>"
    "</get-configuration>": "frob",
    "<get-configuration><configuration><security><group-vpn><server><group><name><odd/></name>"
    "</group></server></group-vpn></security></configuration></get-configuration>": "odd",
    '<get-configuration><configuration><system matching="h*"/></configuration>'
    "</get-configuration>": "system",
    "<get-config/>": "source",
    "<get-config><source><startup/></source></get-config>": "startup",
    "<get-config><source><running/></source><with-defaults>trim</with-defaults></get-config>": (
        "with-defaults"
    ),
    '<get-config><source><running/></source><filter type="xpath" select="/"/></get-config>': (
        "filter"
    ),
    '<get-config><source><running/></source><filter><configuration a="b"/></filter></get-config>': (
        "configuration"
    ),
    "<get><source><running/></source></get>": "source",
    "<validate/>": "source",
    "<validate><source><url>file:///x</url></source></validate>": "url",
    "<lock/>": "target",
    "<lock><target><startup/></target></lock>": "target",
    "<lock-configuration><frob/></lock-configuration>": "frob",
    "<open-configuration><batch/></open-configuration>": "batch",
    "<open-configuration><dynamic/></open-configuration>": "dynamic",
    "<open-configuration><ephemeral/></open-configuration>": "ephemeral",
    "<open-configuration><ephemeral-instance>e</ephemeral-instance></open-configuration>": (
        "ephemeral-instance"
    ),
    "<open-configuration><private/><exclusive/></open-configuration>": "exclusive",
    "<commit-configuration><synchronize/></commit-configuration>": "synchronize",
    "<commit-configuration><force-synchronize/></commit-configuration>": "force-synchronize",
    "<commit-configuration><at-time>23:00</at-time></commit-configuration>": "at-time",
    '<commit-configuration detail="detail"/>': "commit-configuration",
    "<commit-configuration><log>a</log><log>b</log></commit-configuration>": "log",
    "<commit-configuration><check>x</check></commit-configuration>": "x",
    "<commit><log>x</log></commit>": "log",
    "<load-configuration/>": "load-configuration",
    '<load-configuration url="/var/tmp/x"/>': "load-configuration",
    f'<load-configuration action="frob">{SET_HOST}</load-configuration>': "load-configuration",
    f'<load-configuration format="yaml">{SET_HOST}</load-configuration>': "load-configuration",
    f'<load-configuration action="set">{SET_HOST}</load-configuration>': "configuration",
    # A format that is not that of what comes.
    f'<load-configuration format="json">{SET_HOST}</load-configuration>': "configuration",
    f'<load-configuration format="text">{SET_HOST}</load-configuration>': "configuration",
    '<load-configuration format="xml"><configuration-set>set snmp contact x</configuration-set>'
    "</load-configuration>": "configuration-set",
    '<load-configuration format="text"><configuration-json>{"snmp": {"contact": "x"}}'
    "</configuration-json></load-configuration>": "configuration-json",
    '<load-configuration rollback="0" format="json"/>': "format",
    # What is asked for the whole and not understood is not done with its parts either.
    '<load-configuration><configuration operation="delete"><snmp><contact>x</contact></snmp>'
    "</configuration></load-configuration>": "operation",
    '<get-configuration inherit="inherit" groups="groups" format="set"/>': "groups",
    '<get-configuration xmlns:x="urn:x" x:format="text"/>': "get-configuration",
    '<get-configuration xmlns:x="http://xml.juniper.net/x" x:database="committed"/>': (
        "get-configuration"
    ),
    f"<load-configuration>{SET_HOST}{SET_HOST}</load-configuration>": "configuration",
    f'<load-configuration rollback="1">{SET_HOST}</load-configuration>': "configuration",
    "<load-configuration><configuration-text>system<b/></configuration-text>"
    "</load-configuration>": "b",
    "<edit-config><target><running/></target></edit-config>": "target",
    "<edit-config><target><candidate/></target><url>file:///x</url></edit-config>": "url",
    "<edit-config><target><candidate/></target></edit-config>": "config",
    "<edit-config><target><candidate/></target><test-option>maybe</test-option><config/>"
    "</edit-config>": "maybe",
    "<edit-config><target><candidate/></target><error-option>retry</error-option><config/>"
    "</edit-config>": "retry",
    "<edit-config><target><candidate/></target><config><frob/></config></edit-config>": "frob",
    f"<edit-config><target><candidate/></target><config>{SET_HOST}<configuration/></config>"
    "</edit-config>": "configuration",
    "<copy-config/>": "target",
    "<copy-config><target><candidate/></target></copy-config>": "source",
    "<copy-config><target><candidate/></target><source><startup/></source></copy-config>": (
        "startup"
    ),
    "<copy-config><target><running/></target><source><candidate/></source></copy-config>": "target",
    "<copy-config><target><candidate/></target><source><candidate/></source></copy-config>": (
        "candidate"
    ),
    "<delete-config><target><running/></target></delete-config>": "target",
    "<get-interface-information><terse/><detail/></get-interface-information>": "detail",
    "<get-interface-information><interface-name>ge-9/0/0</interface-name>"
    "</get-interface-information>": "ge-9/0/0",
    "<get-route-information><protocol>bgp</protocol></get-route-information>": "bgp",
    "<get-route-information><destination>frob</destination></get-route-information>": "frob",
    "<get-route-information><exact/></get-route-information>": "destination",
    "<file-show/>": "filename",
    "<ping/>": "host",
    "<ping><host>192.0.2.1</host><source>192.0.2.2</source><interface>lo0</interface></ping>": (
        "interface"
    ),
    "<kill-session><frob/></kill-session>": "frob",
    "<close-session><frob/></close-session>": "frob",
    "<get-commit-information><frob/></get-commit-information>": "frob",
    "<get-commit-revision-information><level>x</level></get-commit-revision-information>": "x",
    "<get-rollback-information><rollback>50</rollback></get-rollback-information>": "rollback",
    "<get-rollback-information><frob/></get-rollback-information>": "frob",
    "<get-software-information><detail/></get-software-information>": "detail",
    '<get-software-information format="yaml"/>': "get-software-information",
    "<file-list><brief/></file-list>": "brief",
    f"<{MEMBERS}><frob/></{MEMBERS}>": "frob",
    f"<{MEMBERS}><group>G1</group><group-id>1</group-id></{MEMBERS}>": "group-id",
    f"<{MEMBERS}><group>G1</group><group>G2</group></{MEMBERS}>": "group",
    f"<{MEMBERS}><group/></{MEMBERS}>": "group",
    f"<{MEMBERS}><group-id>65536</group-id></{MEMBERS}>": "group-id",
    f"<{MEMBERS}><group-id>²</group-id></{MEMBERS}>": "group-id",
    f"<{MEMBERS}><peer-address>nobody</peer-address></{MEMBERS}>": "peer-address",
    f"<{MEMBERS}><level>extensive</level></{MEMBERS}>": "extensive",
    f"<{MEMBERS}><detail/><brief/></{MEMBERS}>": "brief",
    f"<{MEMBERS}><detail><b/></detail></{MEMBERS}>": "b",
    f"<{MEMBERS}><fpc>7</fpc></{MEMBERS}>": "fpc",
    "<command>show frob</command>": "show frob",
    "<command>show version frob</command>": "frob",
    "<command>show version | frob</command>": "frob",
    "<command>show version |</command>": "|",
    "<command>show version | last x</command>": "last x",
    "<command>show version | match</command>": "match",
    "<command>show version | display set</command>": "set",
    "<command>show version | save x</command>": "save x",
    "<command>show configuration frob</command>": "frob",
    "<command>show route exact</command>": "destination",
    "<command>file show</command>": "filename",
    "<command>ping count 3</command>": "host",
    # Of two formats, or of a format and a comparison that has it not, one would not be shown.
    "<command>show configuration | display xml | display json</command>": "display json",
    "<command>show configuration | display set | no-more | display set</command>": "display set",
    "<command>show version | display json | display text</command>": "display text",
    "<command>show configuration | display set | compare rollback 0</command>": "set",
    "<command>show configuration | compare rollback 0 | display json</command>": "json",
    '<command format="set">show configuration | compare rollback 0</command>': "set",
    "<command>show configuration | compare | compare rollback 0</command>": "compare rollback 0",
    "<command>show version | compare</command>": "compare",
    '<command>show version | match "</command>': 'show version | match "',
    '<command format="yaml">show version</command>': "command",
    "<partial-lock/>": "partial-lock",
    "<create-subscription/>": "create-subscription",
    "<get-schema/>": "get-schema",
}


@pytest.mark.parametrize("operation", REFUSED)
def test_what_is_not_done_is_refused_by_name_and_changes_nothing(console, session, operation):
    session.set("set system domain-name example.com")
    before = session.compare()
    reply = session.rpc(operation)
    assert errors(reply), etree.tostring(reply)
    assert reply.find(".//ok") is None
    assert bad(reply)[-1] == REFUSED[operation]
    assert session.compare() == before
    assert console.device.database.workspace.lock_holder is None
    assert len(console.device.database.archive.history) == 1


@pytest.mark.parametrize(
    "namespace",
    [
        "urn:ietf:params:netconf:capability:validate:1.1",
        "urn:ietf:params:xml:ns:netconf:base:1.0",
        "http://xml.juniper.net/xnm/1.1/xnm",
        "http://yang.juniper.net/junos/rpc/junos-configuration",
        "",
    ],
)
def test_an_operation_may_stand_in_any_namespace_of_netconf_or_juniper(session, namespace):
    reply = session.rpc(f'<validate xmlns="{namespace}"><source><candidate/></source></validate>')
    assert errors(reply) == []
    assert reply.find(".//ok") is not None


KEK = "get-security-group-vpn-server-kek-sa"
LIMITS = {
    f"<{MEMBERS}><group>{'x' * 32}</group></{MEMBERS}>": None,
    f"<{MEMBERS}><group>{'x' * 33}</group></{MEMBERS}>": "Must be string of 32 characters or less",
    f"<{MEMBERS}><group-id>1</group-id></{MEMBERS}>": None,
    f"<{MEMBERS}><group-id>0</group-id></{MEMBERS}>": "Value 0 is not within range (1..65535)",
    f"<{MEMBERS}><group-id>65535</group-id></{MEMBERS}>": None,
    f"<{MEMBERS}><group-id>65536</group-id></{MEMBERS}>": (
        "Value 65536 is not within range (1..65535)"
    ),
    f"<{KEK}><index>0</index></{KEK}>": None,
    f"<{KEK}><index>4294967295</index></{KEK}>": None,
    f"<{KEK}><index>4294967296</index></{KEK}>": (
        "Value 4294967296 is not within range (0..4294967295)"
    ),
    f"<{KEK}><fpc>0</fpc><pic>0</pic><kmd-instance>kmd1</kmd-instance></{KEK}>": None,
    f"<{KEK}><kmd-instance>all</kmd-instance></{KEK}>": None,
    f"<{KEK}><pic>1</pic></{KEK}>": "Value 1 is not within range (0..0)",
    f"<{MEMBERS}><peer-address>192.0.2.256</peer-address></{MEMBERS}>": (
        "invalid ip address: 192.0.2.256"
    ),
    f"<{MEMBERS}><peer-address>2001:db8::1</peer-address></{MEMBERS}>": None,
    f"<file-list><path>{'x' * 1025}</path></file-list>": (
        "Must be string of 1024 characters or less"
    ),
    "<get-interface-information><interface-name>lo0</interface-name></get-interface-information>": (
        None
    ),
    f"<get-interface-information><interface-name>{'x' * 129}</interface-name>"
    "</get-interface-information>": "Must be string of 128 characters or less",
    "<get-rollback-information><rollback>0</rollback></get-rollback-information>": None,
    "<get-rollback-information><compare>50</compare></get-rollback-information>": (
        "Value 50 is not within range (0..49)"
    ),
}


@pytest.mark.parametrize("operation", LIMITS)
def test_values_are_taken_up_to_their_limits(session, operation):
    problem = LIMITS[operation]
    assert errors(session.rpc(operation)) == ([problem] if problem else [])


LONG = "show-security-group-vpn-server-reg-group-"


@pytest.mark.parametrize(
    ("generation", "argument", "bad_element"),
    [
        ("v1", "<group>G1</group>", "group"),
        ("v1", "<group-id>1</group-id>", "group-id"),
        ("v1", "<peer-address>192.0.2.11</peer-address>", "peer-address"),
        ("v1", "<detail/>", "detail"),
        ("v1", "<level>detail</level>", "level"),
        ("v2", f"<{LONG}name>G1</{LONG}name>", f"{LONG}name"),
    ],
)
def test_a_generation_knows_its_own_words_alone(generation, argument, bad_element):
    session = Console(generation).session()
    reply = session.rpc(f"<{MEMBERS}>{argument}</{MEMBERS}>")
    assert errors(reply) == ["syntax error"]
    assert bad(reply) == [bad_element]


@pytest.mark.parametrize(
    ("generation", "name", "number"),
    [("v1", f"{LONG}name", f"{LONG}id"), ("v2", "group", "group-id")],
)
def test_members_are_asked_for_by_group_in_each_generations_words(generation, name, number):
    session = Console(generation).session()
    for argument in (f"<{name}>G2</{name}>", f"<{number}>2</{number}>"):
        reply = session.rpc(f"<{MEMBERS}>{argument}</{MEMBERS}>")
        assert [e.text for e in reply.iter("group-vpn-group-name")] == ["G2"]
    command = "show security group-vpn server registered-members group G2"
    text = session.rpc(f'<command format="text">{command}</command>')
    assert "Group: G2, Group Id: 2" in text.findtext("output")


@pytest.mark.parametrize(
    "name", ["get-security-group-vpn-server-stats", "get-gvpn-policy-information"]
)
def test_v1_does_not_know_what_came_with_v2(name):
    assert errors(Console("v1").session().rpc(f"<{name}/>")) == ["syntax error"]


def test_a_cluster_has_something_to_synchronize():
    session = Console(cluster_node="node0").session()
    assert errors(session.commit("<synchronize/><force-synchronize/>")) == []


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("^inet", ["inet.0"]),
        ("[[:digit:]]$", ["inet.0"]),
        ("^[[:alpha:]-]+$", ["lo"]),
        ("[[]", ["[x]"]),
    ],
)
def test_patterns_are_posix_expressions(pattern, shown):
    command = read_command(f'show configuration | match "{pattern}"', V2, {}, "text")
    found = [one for one in ("inet.0", "lo", "[x]") if command.filters[0].found_in(one)]
    assert found == shown


@pytest.mark.parametrize("pattern", ["(a{99}){99}", "[", "x" * 251])
def test_a_pattern_that_is_too_large_or_none_is_refused(session, pattern):
    reply = session.rpc(f'<command>show configuration | match "{pattern}"</command>')
    assert "regular expression" in errors(reply)[0]


def test_a_flood_of_attributes_is_an_error_and_the_session_goes_on(session):
    flood = " ".join(f'a{n}="1"' for n in range(101))
    answer = session.raw(f"<rpc {flood}><get-system-information/></rpc>".encode())
    assert b"too-big" in answer
    assert b"a100" not in answer
    assert errors(session.rpc("<get-system-information/>")) == []


# The models


def _inputs(module: str) -> dict[str, tuple[set[str], set[frozenset[str]]]]:
    """(RPC: its leaves, and which of them exclude each other) of a YANG module."""
    found = {}
    for name, body in re.findall(r"^   rpc ([\w-]+) \{(.*?)^   \}", module, re.M | re.S):
        given = body.split("output {")[0]
        choices = re.findall(r"^       choice [\w-]+ \{(.*?)^       \}", given, re.M | re.S)
        found[name] = (_leaves(given), {frozenset(_leaves(choice)) for choice in choices})
    return found


def _leaves(text: str) -> set[str]:
    return set(re.findall(r"\bleaf ([\w-]+)", text))


def _group_vpn(generation: str) -> dict[str, Accepts]:
    rpcs = Console(generation).device.rpcs
    return {n: r.accepts for n, r in rpcs.items() if "gvpn" in n or "group-vpn" in n}


def _names(accepts: Accepts) -> set[str]:
    return {argument.name for argument in accepts.arguments}


def _excluding(accepts: Accepts) -> set[frozenset[str]]:
    own = (one & _names(accepts) - {"level", "brief", "detail"} for one in accepts.alternatives)
    return {one for one in own if len(one) > 1}


@pytest.mark.skipif(not os.environ.get("JUNOS_YANG_DIR"), reason="JUNOS_YANG_DIR is not set")
def test_group_vpn_commands_take_what_junipers_models_say_and_no_more():
    """Beside ``level``'s own words as elements, which the CLI has and PyEZ sends."""
    directory = Path(os.environ["JUNOS_YANG_DIR"]) / "rpc"
    modelled = {
        name: arguments
        for file in sorted(directory.glob("*.yang"))
        for name, arguments in _inputs(file.read_text()).items()
        if "gvpn" in name or "group-vpn" in name
    }
    known = _group_vpn("v2")
    assert set(modelled) <= set(known)
    for name, accepts in known.items():
        taken = _names(accepts)
        assert (taken - {"brief", "detail"}, _excluding(accepts)) == modelled[name], name
        assert ("level" in taken) == ("detail" in taken)


IN_V1 = {
    "clear-group-vpn-ike-security-associations": "peer-address index",
    "clear-group-vpn-kek-security-associations": "index",
    "clear-gvpn-ipsec-security-association": "index",
    "clear-gvpn-ipsec-statistics": "index -kmd-instance",
    "clear-security-group-vpn-server": (
        "clear-security-group-vpn-server-group-name clear-security-group-vpn-server-group-id "
        "clear-security-group-vpn-server-now -kmd-instance -fpc -pic"
    ),
    "get-gvpn-ike-security-associations-information": "brief detail peer-address index",
    "get-gvpn-ipsec-statistics-information": "show-gvpn-index-ipsec-statistics -kmd-instance",
    "get-gvpn-kek-security-associations-information": "brief detail peer-address index",
    "get-gvpn-security-associations-information": (
        "brief detail show-gvpn-index-ipsec-security-association"
    ),
    MEMBERS: f"{LONG}name {LONG}id",
    KEK: "brief detail group group-id index",
    "get-security-group-vpn-server-security-information": "brief detail group group-id",
    "get-security-group-vpn-server-ike-security-associations-information": (
        "brief detail group group-id index"
    ),
}
"""Of the table of RPCs that came with Junos 12.3R4, without (or, behind -, not with) a place."""


def test_a_v1_device_takes_what_its_generations_table_says_and_no_more():
    known = _group_vpn("v1")
    assert set(known) == set(IN_V1)
    for name, words in IN_V1.items():
        listed = set(words.split())
        apart = {word[1:] for word in listed if word.startswith("-")}
        place = {"fpc", "pic", "kmd-instance"} - apart
        assert _names(known[name]) == {w for w in listed if w[0] != "-"} | place, name


def test_xml_behind_a_pipe_has_the_prefixes_of_the_reply(session):
    reply = session.rpc("<command>show configuration | display xml | match host-name</command>")
    assert reply.findtext(".//configuration-output").strip() == "<host-name>hub-1</host-name>"
    reply = session.rpc("<command>show version | display xml | match host-name</command>")
    assert reply.findtext(".//output").strip() == "<host-name>hub-1</host-name>"


# Filters


def selected(session: Session, subtree: str) -> etree._Element:
    reply = session.rpc(
        f"<get-config><source><running/></source><filter>{subtree}</filter></get-config>"
    )
    assert errors(reply) == []
    return reply.find("data")


@pytest.mark.parametrize(
    "foreign",
    [
        "<frob/>",
        "<security/>",
        '<configuration xmlns="urn:foreign"/>',
        '<configuration><system><host-name xmlns="urn:foreign"/></system></configuration>',
        '<configuration><system><host-name xmlns="urn:foreign">hub-1</host-name><services/>'
        "</system></configuration>",
        "<frob><configuration/></frob>",
        "",
    ],
)
def test_a_foreign_or_empty_filter_selects_nothing(session, foreign):
    data = selected(session, foreign)
    assert data.find(".//system") is None
    assert "$9$" not in etree.tostring(data, encoding="unicode")


def test_several_subtrees_select_each_of_theirs(session):
    data = selected(
        session,
        "<configuration><system><host-name/></system></configuration>"
        "<configuration><security><group-vpn><server><group><name>G2</name></group></server>"
        "</group-vpn></security></configuration>"
        '<configuration xmlns="urn:foreign"/>',
    )
    assert data.findtext(".//host-name") == "hub-1"
    assert [e.text for e in data.iterfind(".//group/name")] == ["G2"]
    assert data.find(".//ike") is None
    assert len(data) == 1


def test_two_entries_of_one_list_are_selected_by_their_names(session):
    data = selected(
        session,
        "<configuration><security><group-vpn><server><group><name>G1</name><group-id/></group>"
        "<group><name>G2</name></group></server></group-vpn></security></configuration>",
    )
    groups = {e.findtext("name"): e for e in data.iter("group")}
    assert set(groups) == {"G1", "G2"}
    assert [e.tag for e in groups["G1"]] == ["name", "group-id"]
    assert groups["G2"].find("ipsec-sa") is not None


# Edits


def edit(session: Session, config: str, more: str = "") -> etree._Element:
    return session.rpc(
        f"<edit-config><target><candidate/></target>{more}<config><configuration>{config}"
        "</configuration></config></edit-config>"
    )


HALF = "<system><host-name>other</host-name><domain-name>a_b c</domain-name><frob/></system>"
DANGLING = (
    "<security><group-vpn><server><group><name>G2</name><group-id>1</group-id></group></server>"
    "</group-vpn></security>"
)


@pytest.mark.parametrize("option", ["stop-on-error", "rollback-on-error"])
def test_an_edit_with_an_error_leaves_nothing_behind(session, option):
    assert errors(edit(session, HALF, f"<error-option>{option}</error-option>"))
    assert session.compare() == ""


def test_an_edit_that_goes_on_after_errors_keeps_what_could_be_done(session):
    reply = edit(session, HALF, "<error-option>continue-on-error</error-option>")
    assert "frob" in bad(reply)
    assert "other" in session.compare()


def test_test_options_check_before_they_set(session):
    good = "<system><host-name>other</host-name></system>"
    assert errors(edit(session, good, "<test-option>test-only</test-option>")) == []
    assert session.compare() == ""
    for option in ("test-only", "test-then-set"):
        reply = edit(session, DANGLING, f"<test-option>{option}</test-option>")
        assert "Group id must be unique among groups" in errors(reply)[0]
        assert session.compare() == ""
        go_on = f"<test-option>{option}</test-option><error-option>continue-on-error</error-option>"
        assert errors(edit(session, DANGLING, go_on)) == errors(reply)
        assert session.compare() == ""
    assert errors(edit(session, DANGLING, "<test-option>set</test-option>")) == []
    assert session.compare()


# Modes of editing


def test_open_exclusive_locks_until_it_is_closed(console, session):
    other = console.session()
    assert errors(session.rpc("<open-configuration><exclusive/></open-configuration>")) == []
    assert tags(other.set("set system host-name other")) == ["lock-denied"]
    assert tags(other.rpc("<lock-configuration/>")) == ["lock-denied"]
    session.set("set system host-name mine")
    assert errors(session.rpc("<close-configuration/>")) == []
    assert session.compare() == ""
    assert errors(other.rpc("<lock-configuration/>")) == []


@pytest.mark.parametrize("mode", ["", "<exclusive/>", "<private/>"])
def test_what_is_open_is_not_opened_again_and_what_is_not_open_is_not_closed(session, mode):
    opened = f"<open-configuration>{mode}</open-configuration>"
    assert errors(session.rpc("<close-configuration/>")) == ["Configuration database is not open"]
    session.rpc(opened)
    again = errors(session.rpc(opened))
    assert "Configuration database is already open" in again
    assert errors(session.rpc("<close-configuration/>")) == []
    assert errors(session.rpc("<close-configuration/>")) == ["Configuration database is not open"]


# Earlier configurations


def test_the_difference_of_two_rollbacks_leads_from_the_first_to_the_second(session):
    for name in ("one", "two"):
        session.set(f"set system host-name {name}")
        session.commit()
    reply = session.rpc(
        "<get-rollback-information><rollback>2</rollback><compare>0</compare>"
        "</get-rollback-information>"
    )
    text = reply.findtext(".//configuration-output")
    assert "-  host-name hub-1;" in text
    assert "+  host-name two;" in text
    command = session.rpc('<command format="text">show system rollback compare 2 0</command>')
    assert text.strip() in command.findtext("output")


def test_what_changed_is_marked_up_to_the_root(session):
    session.set(
        "set security group-vpn server group G1 description new",
        "delete security group-vpn server group G2 ike-gateway",
    )
    reply = session.rpc('<get-configuration changed="changed"/>')
    marked = [
        e.tag
        for e in reply.iter()
        if any(etree.QName(str(name)).localname == "changed" for name in e.attrib)
    ]
    assert marked == [
        "configuration",
        "security",
        "group-vpn",
        "server",
        "group",
        "description",
        "group",
    ]
    session.commit()
    again = session.rpc('<get-configuration changed="changed"/>')
    assert not any(name.endswith("}changed") for e in again.iter() for name in e.attrib)
    last = session.rpc('<get-configuration database="committed" changed="changed"/>')
    assert any(name.endswith("}changed") for e in last.iter("description") for name in e.attrib)


def test_where_something_went_is_marked_up_to_the_root(session):
    session.set("delete security group-vpn server group G2 ike-gateway")
    reply = session.rpc('<get-configuration changed="changed"/>')
    marked = [e.tag for e in reply.iter() if any(name.endswith("}changed") for name in e.attrib)]
    assert marked == ["configuration", "security", "group-vpn", "server", "group"]


@pytest.mark.parametrize(
    ("attributes", "order"),
    [
        ('insert="first"', "cab"),
        ('insert="last"', "abc"),
        ('insert="before" name="b"', "acb"),
        ('insert="after" name="a"', "acb"),
        ('yang:insert="after" yang:key="[name=\'a\']"', "acb"),
        ('yang:insert="before" yang:key="[name=&quot;a&quot;]"', "cab"),
        ('yang:insert="first"', "cab"),
    ],
)
def test_an_entry_goes_where_xml_wants_it(console, attributes, order):
    session = console.session()
    path = "policy-options policy-statement p term"
    session.set(*(f"set {path} {name}" for name in "abc"))
    reply = session.rpc(
        '<load-configuration xmlns:yang="urn:ietf:params:xml:ns:yang:1"><configuration>'
        f"<policy-options><policy-statement><name>p</name><term {attributes}><name>c</name></term>"
        "</policy-statement></policy-options></configuration></load-configuration>"
    )
    assert errors(reply) == []
    shown = session.rpc("<get-configuration/>")
    assert "".join(shown.xpath("//policy-statement/term/name/text()")) == order


@pytest.mark.parametrize(
    "attributes",
    [
        'insert="first" name="b"',
        'insert="after"',
        'insert="between" name="a"',
        'insert="after" name="nobody"',
        'yang:insert="after" yang:key="name=a"',
        'yang:insert="after" yang:key="[other=\'a\']"',
    ],
)
def test_a_place_that_is_none_is_refused(console, attributes):
    session = console.session()
    path = "policy-options policy-statement p term"
    session.set(*(f"set {path} {name}" for name in "abc"))
    reply = session.rpc(
        '<load-configuration xmlns:yang="urn:ietf:params:xml:ns:yang:1"><configuration>'
        f"<policy-options><policy-statement><name>p</name><term {attributes}><name>c</name></term>"
        "</policy-statement></policy-options></configuration></load-configuration>"
    )
    assert errors(reply) != []
    shown = session.rpc("<get-configuration/>")
    assert "".join(shown.xpath("//policy-statement/term/name/text()")) == "abc"


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("system domain-name b", "set system domain-name b\n"),
        ("system domain-name c", ""),
        ("system login user u class operator", "set system login user u class operator\n"),
        (
            "system authentication-order [ password radius ]",
            "set system authentication-order radius\nset system authentication-order password\n",
        ),
        ("system authentication-order [ password tacplus ]", ""),
    ],
)
def test_a_path_that_ends_with_a_value_shows_no_more_than_its_statement(session, path, lines):
    session.set(
        "set system domain-name b",
        "set system authentication-order [ radius password ]",
        "set system login user u class operator",
        "set system login user u full-name f",
    )
    session.commit()
    reply = session.rpc(f"<command>show configuration {path} | display set</command>")
    assert reply.findtext(".//configuration-output", "\n") == f"\n{lines}"

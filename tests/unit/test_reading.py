# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading configurations: whose they are, what of them is in force, and what is none at all."""

from __future__ import annotations

import contextlib
import json

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import MalformedReply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.member import (
    RESOURCE as MEMBER,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import (
    RESOURCE as SERVER,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server_member_communication import (  # noqa: E501
    RESOURCE,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keyserver.config.junos_schema import Generation as EmulatedGeneration
from keyserver.config.junos_schema import junos_schema
from tests.unit.paper import Paper, planned

GOOD = {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}
OWN = [{"group": "G1", **GOOD}]
WHOLE = {"parsed": OWN, "inactive": [], "unread": [], "warnings": []}
SMC = "security group-vpn server group G1 server-member-communication"
LINES = f"set {SMC} encryption-algorithm aes-256-cbc\nset {SMC} sig-hash-algorithm sha-256\n"
BLOCK = "encryption-algorithm aes-256-cbc;\nsig-hash-algorithm sha-256;\n"
SERVER_TEXT = f"group G1 {{\ngroup-id 1;\nserver-member-communication {{\n{BLOCK}}}\n}}\n"
CURLY = f"security {{\ngroup-vpn {{\nserver {{\n{SERVER_TEXT}}}\n}}\n}}\n"
XML_BLOCK = (
    "<encryption-algorithm>aes-256-cbc</encryption-algorithm>"
    "<sig-hash-algorithm>sha-256</sig-hash-algorithm>"
)


def in_xml(block=XML_BLOCK, mark="", group="", around="", server=""):
    return (
        f"<security{around}><group-vpn><server{server}><group{group}><name>G1</name>"
        f"<server-member-communication{mark}>{block}</server-member-communication></group>"
        "</server></group-vpn></security>"
    )


XML = f"<configuration>{in_xml()}</configuration>"
TREE = {"encryption-algorithm": "aes-256-cbc", "sig-hash-algorithm": "sha-256"}
GROUP = {"name": "G1", "server-member-communication": TREE}
JSON = {"configuration": {"security": {"group-vpn": {"server": {"group": [GROUP]}}}}}
OLD_JSON = {
    "configuration": [
        {
            "attributes": {"xmlns": "http://xml.juniper.net/xnm/1.1/xnm"},
            "security": [
                {
                    "group-vpn": [
                        {
                            "server": [
                                {
                                    "group": [
                                        {
                                            "name": [{"data": "G1"}],
                                            "server-member-communication": [
                                                {k: [{"data": v}] for k, v in TREE.items()}
                                            ],
                                        }
                                    ]
                                }
                            ]
                        }
                    ]
                }
            ],
        }
    ]
}


JSON_ONE = json.dumps(JSON)
PROMPT = "user@host>"
WARNING = "<rpc-error><error-severity>warning</error-severity></rpc-error>"
ERROR = "<rpc-error><error-message>timed out</error-message></rpc-error>"


def in_items(*configurations):
    """A cluster's reply, in which each node answers for itself."""
    name = "multi-routing-engine"
    items = "".join(f"<{name}-item>{one}</{name}-item>" for one in configurations)
    return f"<rpc-reply><{name}-results>{items}</{name}-results></rpc-reply>"


def in_group(**said):
    """JSON of a group of the server."""
    server = {"group": [{"name": "G1", **{name.replace("_", "-"): v for name, v in said.items()}}]}
    return json.dumps({"configuration": {"security": {"group-vpn": {"server": server}}}})


def parsed(text):
    return views.parse(RESOURCE, text)["parsed"]


@pytest.mark.parametrize(
    "text",
    [
        LINES,
        f"# a comment\n## Last commit: 2026-01-02 10:00:00 UTC by root\n{LINES}",
        f"/* note */\n{LINES}",
        f"\ufeff{LINES}",
        LINES.replace("\n", "\r\n"),
        f"activate {SMC}\n{LINES}",
        f'{LINES}annotate {SMC} "why"\nprotect security\n',
        f'annotate security "why"\n{LINES}',
        f"top\n{LINES}",
        "edit security group-vpn server group G1 server-member-communication\n"
        "set encryption-algorithm aes-256-cbc\nup\n"
        "set server-member-communication sig-hash-algorithm sha-256\ntop\n",
        "edit system\nset host-name a\ntop edit security group-vpn\n"
        f"{LINES.replace(' security group-vpn', '')}",
        LINES.replace("security group-vpn server ", ""),
        LINES.replace("security group-vpn ", ""),
        f"{LINES}set {SMC} heartbeat 90\ndelete {SMC} heartbeat\n",
        f"set {SMC} encryption-algorithm aes-128-cbc\n{LINES}",
        f"{{primary:node0}}\nuser@host> show configuration | display set\n{LINES}\n"
        "{primary:node0}\nuser@host> ",
        f"[edit]\nuser@host# show security | display set\n{LINES}\n[edit]\nuser@host# ",
        f"[edit security group-vpn server]\nuser@host# show | display set relative\n"
        f"{LINES.replace('security group-vpn server ', '')}",
        f"[edit security group-vpn server group G1]\nuser@host# show | display set relative\n"
        f"{LINES.replace('security group-vpn server group G1 ', '')}",
        CURLY,
        f"## Last changed: 2026-01-02\nversion 22.4R1;\nsystem {{ host-name a; }}\n{CURLY}",
        f"\ufeff{CURLY}".replace("\n", "\r\n"),
        CURLY.replace("group G1", "protect: group G1"),
        CURLY.replace("group-id 1;", '/* why */ group-id 1; description "a } # b"; ## no'),
        f"{{primary:node0}}[edit]\nuser@host# show\n{CURLY}".replace("}[edit]", "}\n[edit]"),
        f"user@host> show configuration\n{CURLY}\nuser@host> ",
        f"user@host> show configuration security group-vpn server\n{SERVER_TEXT}",
        f"[edit security group-vpn]\nuser@host# show server\n{SERVER_TEXT}",
        SERVER_TEXT,
        f"server {{\n{SERVER_TEXT}}}\n",
        f"group-vpn {{ server {{\n{SERVER_TEXT}}} }}\n",
        XML,
        f'<?xml version="1.0" encoding="UTF-8"?>\n{XML}',
        f"<rpc-reply><data>{XML}</data></rpc-reply>",
        f'<rpc-reply xmlns:junos="http://xml.juniper.net/junos/22.4R1/junos">{XML}'
        "<cli><banner>{primary:node0}</banner></cli></rpc-reply>",
        f"user@host> show configuration | display xml\n<rpc-reply>{XML}</rpc-reply>\n\nuser@host> ",
        XML.replace(
            "<configuration>", '<configuration xmlns="http://xml.juniper.net/xnm/1.1/xnm">'
        ),
        XML.replace(
            "<security>", '<security xmlns="http://yang.juniper.net/junos-es/conf/security">'
        ),
        XML.replace("<name>G1</name>", "<name>\nG1\n</name><description>a\x01b</description>"),
        XML.replace("<configuration>", '<configuration xmlns="a" xmlns="a">'),
        in_xml(),
        f"<rpc-reply><configuration-set>{LINES}</configuration-set></rpc-reply>",
        f"<rpc-reply><configuration-text>\n{CURLY}</configuration-text></rpc-reply>",
        f"<rpc-reply><output>\n{CURLY}</output></rpc-reply>",
        f"<rpc-reply>\n{json.dumps(JSON)}\n</rpc-reply>",
        json.dumps(JSON),
        f"user@host> show configuration | display json\n{json.dumps(JSON, indent=2)}\nuser@host> ",
        json.dumps(OLD_JSON),
        f"root> show configuration\n{CURLY}system {{ host-name a; }}\nroot> ",
        "[edit interfaces]\nuser@host# run show configuration security group-vpn server group G1\n"
        f"group-id 1;\nserver-member-communication {{\n{BLOCK}}}\n",
        f"[edit security group-vpn server]\nuser@host# show | display set\n{LINES}",
        f"edit {SMC}\nset encryption-algorithm aes-256-cbc\nup 1 set group-id 1\n"
        "set sig-hash-algorithm sha-256\n",
        f"edit {SMC} \nset encryption-algorithm aes-256-cbc\nup 2 edit group G1\n"
        "set server-member-communication sig-hash-algorithm sha-256\nexit configuration-mode\n",
        CURLY.replace("group-id 1;", 'group-id 1; description "a\u2028b\x85c\\" { ; } #";'),
        f'set security group-vpn server group G1 description "a\u2028b"\n{LINES}',
        LINES.replace("group-vpn", '"group-vpn"'),
        CURLY.replace("group G1 {", "group /* } */ G1 # {\n{"),
        CURLY.replace("group-id 1;", "group-id/* x */1; apply-groups-except [ KS other ];"),
        CURLY.replace("\n", "\t\r\n\t").replace(" ", "\t"),
        CURLY.replace("group-id 1;", "description it's;"),
        # "exit" leads to where the last "edit" came from, however deep that led.
        f"edit security group-vpn server group G9\nset group-id 9\nexit\n{LINES}",
        f"edit security\nedit group-vpn server\nset group G9 group-id 9\nquit\nexit\n{LINES}",
        f"edit security group-vpn\nup\nset group-vpn server group G9\nexit\n{LINES}",
        f"edit security\nedit group-vpn\nup 2\nexit\n{LINES}",
        # What names another value than the one that is there is about nothing.
        f"{LINES}delete {SMC} sig-hash-algorithm sha-384\n",
        f"{LINES}deactivate {SMC} sig-hash-algorithm sha-384\n",
        f"{LINES}set {SMC} heartbeat 90\ndelete {SMC} heartbeat 90\n",
        # The entries of a list alone.
        f"[edit security group-vpn server]\nuser@host# show group\n{SERVER_TEXT}",
        f"user@host> show configuration security group-vpn server group\n{SERVER_TEXT}",
        # Shown from the top, wherever one stands.
        f"[edit interfaces]\nuser@host# top show\n{CURLY}",
        f"[edit interfaces]\nuser@host# top show security group-vpn server\n{SERVER_TEXT}",
        f"[edit interfaces]\nuser@host# top show | display set relative\n{LINES}",
        # A cluster says on one line who it is and where one stands.
        f"{{primary:node0}}[edit]\nuser@host# show\n{CURLY}\n{{primary:node0}}[edit]\nuser@host# ",
        f"{{secondary:node1}}[edit security group-vpn]\nuser@host# show server\n{SERVER_TEXT}",
        # A whole session, from its login to its end.
        f"Last login: Mon Nov  2 from 192.0.2.1\n--- JUNOS 22.4R3 Kernel 64-bit\n{PROMPT} configure"
        f"\nEntering configuration mode\n\n[edit]\nuser@host# show | display set\n{LINES}\n[edit]\n"
        f"user@host# exit\nExiting configuration mode\n\n{PROMPT}",
        f"[edit]\nuser@host# set system host-name a\n\n[edit]\nuser@host# commit\ncommit complete\n"
        f"\n[edit]\nuser@host# show\n{CURLY}",
        f"top {LINES}",
        f"root@> show configuration | no-more\n{CURLY}",
        f"{PROMPT} show configuration | display set | match group-vpn\n{LINES}",
        f'{PROMPT} show configuration | display set | match "security group-vpn"\n{LINES}',
        # What is not there is not deactivated, and is in force when it comes.
        f"deactivate {SMC}\n{LINES}",
        f"{LINES}deactivate security group-vpn server group G9\n",
        f"set policy-options policy-statement p then community set services\n{LINES}",
        # As a cluster answers, and as NETCONF's own wrapper has it.
        in_items(XML),
        f"<config>{XML}</config>",
        f"<rpc-reply>{WARNING}{XML}</rpc-reply>",
        # Others' elements and attributes, whatever their names.
        XML.replace("<group-vpn>", '<group-vpn><x:server xmlns:x="urn:x"><group/></x:server>'),
        XML.replace("<group>", '<group x:inactive="inactive" xmlns:x="urn:x">'),
        XML.replace("<group>", '<group inactive="false">'),
        # Names and texts that are called like hierarchies.
        SERVER_TEXT + "group system {\ngroup-id 2;\n}\n",
        f"[edit security group-vpn server group G1]\nuser@host# show\ndescription security;\n"
        f"ike-gateway interfaces;\nserver-member-communication {{\n{BLOCK}}}\n",
        # What is left out or withheld elsewhere.
        f"interfaces {{ /* OMITTED */ }};\nsystem {{ login {{ /* ACCESS-DENIED */ }}; }}\n{CURLY}",
        f"set system root-authentication encrypted-password /* SECRET-DATA */\n{LINES}",
        CURLY.replace("group-id 1;", "---(more 50%)---\rgroup-id 1;"),
        f"interfaces {{ interface-range r {{ member ge-0/0/0; unit 0; }} }}\n{CURLY}",
        f"groups {{ A {{ groups {{ B {{ {CURLY.replace('G1', 'G9')} }} }} }} }}\n{CURLY}",
        f"inactive: groups {{ KS {{ {CURLY.replace('G1', 'G9')} }} }}\n{CURLY}",
        XML.replace("aes-256-cbc", "aes-256<!-- x -->-cbc").replace("G1", "G<?x y?>1"),
        XML.replace("aes-256-cbc", "<![CDATA[aes-256-cbc]]>"),
        XML.replace("<group>", '<group replace="replace">'),
        XML.replace(
            "<encryption-algorithm>",
            '<junos:comment xmlns:junos="http://xml.juniper.net/junos/22.4R1/junos">/* why */'
            "</junos:comment><encryption-algorithm>",
        ),
        # What drops namespaces drops this one, too.
        XML.replace("<encryption-algorithm>", "<comment>/* why */</comment><encryption-algorithm>"),
        XML.replace("<group>", '<group delete="delete"><name>G9</name></group><group>'),
        XML.replace("<group>", '<group operation="remove"><name>G9</name></group><group>'),
        json.dumps({"configuration": {"security": {"group-vpn": {"server": {"group": GROUP}}}}}),
    ],
)
def test_every_form_in_which_a_device_gives_its_configuration_is_read(text):
    found = views.parse(RESOURCE, text)
    assert found == WHOLE


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "hello world",
        "hello { world; }",
        f"SET {CURLY}",
        # What does not stand where the heading says.
        f"[edit security]\nuser@host# show\n{CURLY}",
        f"[edit security group-vpn]\n{CURLY}",
        f"user@host> show configuration security group-vpn\n{CURLY}",
        f"[edit security group-vpn server group G1]\nuser@host# up show\n{SERVER_TEXT}",
        f"[edit security group-vpn server group G1]\nuser@host# show\n{SERVER_TEXT}",
        f"[edit security group-vpn]\nuser@host# show | display set relative\n{LINES}",
        "Could not resolve hostname",
        "<html><body>login</body></html>",
        "<rpc-reply><ok/></rpc-reply>",
        "<rpc-reply><rpc-error><error-message>no</error-message></rpc-error></rpc-reply>",
        "{}",
        '{"a": 1}',
        "[]",
        '{"configuration": ',
        "user@host> ",
        "set\n",
        "set foo bar",
        "security { group-vpn {",
        "security { group-vpn }",
        "security { /* group-vpn { }",
        "}",
        f"set {SMC} heartbeat",
        f"{LINES}rename group G1 to group G2",
        f"set {SMC} heartbeat often",
        "ike { gateway a { address 192.0.2.1; } }",
        "[edit interfaces]\nuser@host# show\nge-0/0/0 { unit 0; }",
        "set security { group-vpn; }",
        f"{LINES}{CURLY}",
        f"{CURLY}{LINES}",
        f"{XML}\n{LINES}",
        LINES.encode("utf-16-le").decode("latin-1"),
        f"user@host> show configuration\n\x1b[K{CURLY}",
        # Text and numbers where statements are expected.
        f"<configuration>{LINES}</configuration>",
        "<configuration><security>group-vpn</security></configuration>",
        XML.replace("aes-256-cbc", "<x>aes-256-cbc</x>"),
        '{"configuration": "security"}',
        '{"configuration": 5}',
        '{"configuration": {"security": "group-vpn"}}',
        CURLY.replace("aes-256-cbc", "[ aes-256-cbc ]"),
        # Quotes of others, and marks where none belongs.
        LINES.replace("G1", "'G 1'"),
        CURLY.replace("G1", "'G 1'"),
        CURLY.replace("group G1", "group inactive: G1"),
        # Marks that mean something else, and nobody knows what.
        CURLY.replace("group G1", "unprotect: group G1"),
        CURLY.replace("group G1", "frozen: group G1"),
    ],
)
def test_what_holds_no_configuration_is_refused_and_never_nothing(text):
    with pytest.raises(MalformedReply):
        parsed(text)


FOLDED = LINES.replace("\n", " ")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{LINES}rename group G1 to group G2", "line 3: 'rename' is not carried out here; give"),
        (f"rename group G1 to group G2\n{LINES}", "line 1: 'rename' is not carried out here; give"),
        (f"{LINES}edit system\ntop copy interfaces a to b", "line 4: 'copy' is not carried out"),
        (f"{LINES}wildcard delete system a.*", "line 3: 'wildcard' is not carried out"),
        (f"configure\n{LINES}commit\n", "line 1: 'configure' is not carried out"),
        (f"[edit]\nuser@host# set {SMC} heartbeat 90\n\n[edit]\nuser@host# ", "'set' was typed"),
        # Lines that have become one, whether the first is of this hierarchy or of another.
        (FOLDED, "line 1: 'set security' in the middle of a line .* one command a line"),
        (f"set system host-name a {FOLDED}", "line 1: 'set security' in the middle"),
        (f"set system host-name a\n{FOLDED}", "line 2: 'set security' in the middle"),
        ("set group G1 group-id 1 set group G2 group-id 2", "line 1: 'set group' in the middle"),
        (LINES.replace("\n", "; "), "line 1: ';' in a line of commands"),
        (LINES.replace("\n", ";\n"), "line 1: ';' in a line of commands"),
        (
            f"{PROMPT} show configuration | display set | match group-id\n{LINES}",
            r"'\| match group-id' leaves out some",
        ),
        (
            f"{PROMPT} show configuration | display set relative | match group\n{LINES}",
            r"'\| match group' leaves out some",
        ),
        (f"{PROMPT} show configuration | match group-vpn\n{CURLY}", "leaves out some of it"),
        (f"{PROMPT} show configuration | except SECRET-DATA\n{CURLY}", "leaves out some of it"),
        (f"{LINES}deactivate\n", "line 3: 'deactivate': the statement .* is missing"),
        (
            "security {\n group-vpn {\n  server {\n   group",
            "line 4: security .*the text breaks off",
        ),
        ("security {\n group-vpn {\n  server {\n", "line 3: security .*the text breaks off"),
        (f"{PROMPT} show configuration security\n\n{PROMPT} ", "no Junos configuration is"),
        (LINES.upper(), "no Junos configuration is recognised"),
        (f"<rpc-reply>{XML}{ERROR}</rpc-reply>", "holds an error of the device: timed out"),
        (XML.replace("aes-256-cbc", ""), "encryption-algorithm: its value is missing"),
        (in_group(no_anti_replay=False), "no-anti-replay: 'false': it takes no value"),
        (in_group(no_anti_replay="no"), "no-anti-replay: 'no': it takes no value"),
        (in_group(group_id=[1, 2]), "group-id: takes one value, and a list is given"),
        (in_group(**{"@group-id": {"inactive": True}}), "is about 'group-id', which is not there"),
        (
            in_group(group_id=1, **{"@group-id": [None, {}]}),
            "is about more values than 'group-id' has",
        ),
    ],
)
def test_what_cannot_be_read_whole_is_refused_with_its_place_and_reason(text, why):
    with pytest.raises(MalformedReply, match=why):
        views.parse(SERVER, text)


@pytest.mark.parametrize("value", [None, [None], True, "", {}])
def test_a_statement_without_a_value_is_there_however_json_says_so(value):
    (group,) = views.parse(SERVER, in_group(no_anti_replay=value))["parsed"]["groups"]
    assert group == {"name": "G1", "no_anti_replay": True}


@pytest.mark.parametrize("odd", ["\xa0", "\xad", "\u200b", "\u202e", "\U000e0041", "\x01"])
def test_a_name_is_the_same_in_json_and_in_xml(odd):
    """Each letter that is not to be seen was a question mark in JSON, and two names became one."""
    in_json = in_group(name=f"G{odd}1", group_id=1)
    in_xml = f"<name>G{odd}1</name><group-id>1</group-id>"
    for tag in ("group", "server", "group-vpn", "security", "configuration"):
        in_xml = f"<{tag}>{in_xml}</{tag}>"
    (group,) = views.parse(SERVER, in_json)["parsed"]["groups"]
    assert group["name"] == f"G{odd}1".replace("\x01", "\ufffd")
    assert views.parse(SERVER, in_xml)["parsed"]["groups"] == [group]


def test_elements_of_others_are_named_and_not_taken_for_ours():
    strange = '<x:group-id xmlns:x="urn:x">7</x:group-id>'
    text = XML.replace("<server-member", f"<group-id>1</group-id>{strange}<server-member")
    found = views.parse(SERVER, text)
    assert found["parsed"]["groups"][0]["group_id"] == 1
    assert found["warnings"] == [
        "not read, because it is not known here: security group-vpn server group G1 group-id"
    ]


@pytest.mark.parametrize("written", [r'"a\nb\t\"c\\d"', '"a\nb\t\\"c\\\\d"'])
def test_what_is_escaped_in_quotes_reads_as_what_it_stands_for(written):
    (group,) = views.parse(SERVER, f"group G1 {{ description {written}; }}")["parsed"]["groups"]
    assert group["description"] == 'a\nb\t"c\\d'


OTHER = CURLY.replace("G1", "G9")
TWICE = '"group": [{"name": "G7"}], "group": ['


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"a@b> show configuration\n{CURLY}\na@c> show configuration\n{OTHER}", "several commands"),
        (f"<data><configuration/>{XML}</data>", "more than one"),
        (f"<rpc-reply>{XML}{XML}</rpc-reply>", "more than one"),
        (in_items(XML, XML), "more than one"),
        (f"<rpc-reply><output>{CURLY}</output><output>{CURLY}</output></rpc-reply>", "more than"),
        (json.dumps(JSON).replace('"group": [', TWICE), "'group' comes twice"),
        (f"{json.dumps(JSON)}\n{json.dumps(JSON)}", "malformed JSON"),
    ],
)
def test_two_configurations_are_not_taken_for_one(text, why):
    with pytest.raises(MalformedReply, match=why):
        parsed(text)


@pytest.mark.parametrize(
    "text",
    [
        "[edit security group-vpn server group G1]\n+   group-id 5;\n-   group-id 4;\n",
        f"user@host# show | compare\n[edit]\n{CURLY}",
        "[edit security group-vpn server]\n+    group G1 {\n+        group-id 1;\n+    }\n",
    ],
)
def test_a_comparison_is_no_configuration(text):
    with pytest.raises(MalformedReply, match="comparison"):
        parsed(text)


RELATIVE = "user@host# show | display set relative"


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        (f"user@host> show configuration groups KS\n{CURLY}", "groups KS"),
        (f"[edit groups KS]\nuser@host# show\n{CURLY}", "groups KS"),
        (f"[edit groups KS]\n{RELATIVE}\n{LINES}", "groups KS"),
        (f"[edit groups KS]\n{LINES}", "groups KS"),
        (f"[edit logical-systems LS]\nuser@host# show\n{CURLY}", "logical-systems LS"),
        (f"user@host:LS> show configuration\n{CURLY}", "logical-systems LS"),
        (f"user@host:LS> show configuration | display set\n{LINES}", "logical-systems LS"),
        (f"user@host:LS> show configuration | display xml\n{XML}", "logical-systems LS"),
        (f"user@host:LS> show configuration | display json\n{json.dumps(JSON)}", "systems LS"),
    ],
)
def test_what_is_shown_of_somebody_else_is_refused_by_name(text, whose):
    with pytest.raises(MalformedReply, match=whose):
        parsed(text)


LEFT_OUT = {
    "omitted": (
        "security {\n    group-vpn {\n        server { /* OMITTED */ };\n    }\n}\n",
        CURLY.replace("group-id 1;", "").replace(BLOCK, "/* OMITTED */"),
        XML.replace(XML_BLOCK, "<!-- OMITTED -->"),
    ),
    "denied": (
        "system { host-name a; }\nsecurity { /* ACCESS-DENIED */ }\n",
        CURLY.replace("aes-256-cbc", "/* ACCESS-DENIED */"),
        LINES.replace("aes-256-cbc", "/* ACCESS-DENIED */"),
        "<configuration><security>/* ACCESS-DENIED */</security></configuration>",
        '{"configuration": {"security": "/* ACCESS-DENIED */"}}',
    ),
}


LACK = {
    "in a comment": "<!-- %s -->",
    "in a comment with its marks": "<!-- /* %s */ -->",
    "in an element": "<junos:comment xmlns:junos='http://xml.juniper.net/junos/1/junos'>/* %s */"
    "</junos:comment>",
    "without a namespace": "<comment>/* %s */</comment>",
    "undocumented": "<undocumented>%s</undocumented>",
    "in the text": "/* %s */",
}


@pytest.mark.parametrize("how", LACK)
@pytest.mark.parametrize("word", ["OMITTED", "ACCESS-DENIED", "SECRET-DATA"])
def test_a_lack_is_seen_in_whatever_form_xml_has_it_and_where_it_matters(how, word):
    lack = LACK[how] % word
    for text in (
        f"<configuration>{lack}</configuration>",
        f"<configuration><security>{lack}</security></configuration>",
        f"<configuration>{in_xml(lack)}</configuration>",
        f"<configuration>{in_xml(XML_BLOCK + lack)}</configuration>",
    ):
        with pytest.raises(MalformedReply, match=rf"\[edit.*\]: what .* left out \({word}\)"):
            parsed(text)
    assert parsed(f"<configuration><system>{lack}</system>{in_xml()}</configuration>") == OWN


@pytest.mark.parametrize("name", ["comment", "junos:comment"])
def test_a_lack_is_seen_in_the_remarks_of_json(name):
    def remarked(text):
        remark = {"@": {name: text}}
        return json.dumps({"configuration": {**JSON["configuration"], **remark}})

    with pytest.raises(MalformedReply, match=r"left out \(ACCESS-DENIED\)"):
        parsed(remarked("/* ACCESS-DENIED */"))
    assert parsed(remarked("/* made up */")) == OWN


@pytest.mark.parametrize(("why", "remedy"), [("omitted", "display omit"), ("denied", "as a user")])
def test_what_is_left_out_of_a_configuration_is_not_taken_for_nothing(why, remedy):
    for text in LEFT_OUT[why]:
        with pytest.raises(MalformedReply, match=rf"\[edit security.* left out .*{remedy}"):
            parsed(text)


def test_a_group_that_is_left_out_or_written_in_one_line_may_bring_something_in():
    hidden = "<groups><name>KS</name><comment>/* OMITTED */</comment></groups>"
    texts = [XML.replace("<security>", f"{hidden}<apply-groups>KS</apply-groups><security>")]
    for groups in (
        "groups { KS { security group-vpn { server { group x server-member-communication; } } } }",
        "groups { KS { /* OMITTED */ }; }",
        "groups { KS { security { /* OMITTED */ } } }",
    ):
        texts.append(f"{groups}\napply-groups KS;\n{CURLY}")
    for text in texts:
        found = views.parse(RESOURCE, text)
        assert found["parsed"] == OWN
        assert ["apply-groups KS: " in warned for warned in found["warnings"]] == [True]


POLICY = "security group-vpn server ike policy p"
IN_POLICY = "security { group-vpn { server { ike { policy p { %s } } } } }"
KEY = "pre-shared-key ascii-text /* SECRET-DATA */"
KEY_XML = (
    "<ike><policy><name>p</name><pre-shared-key><ascii-text>/* SECRET-DATA */</ascii-text>"
    "</pre-shared-key></policy></ike>"
)


@pytest.mark.parametrize(
    "text",
    [
        f"set {POLICY} mode main\nset {POLICY} {KEY}\n",
        IN_POLICY % f"mode main; {KEY}; ## SECRET-DATA\n",
        XML.replace("<group>", f"{KEY_XML.replace('<pre', '<mode>main</mode><pre')}<group>"),
        "<configuration><security><group-vpn><server><ike><policy><name>p</name><mode>main</mode>"
        "<pre-shared-key><ascii-text/></pre-shared-key></policy></ike></server></group-vpn>"
        "</security></configuration>",
    ],
)
def test_a_secret_that_the_reader_may_not_see_is_there_and_unknown(text):
    found = views.parse(SERVER, text)
    assert found["parsed"]["ike"]["policies"] == [{"name": "p", "mode": "main"}]
    (warned,) = found["warnings"]
    assert warned.startswith(f"[edit {POLICY} pre-shared-key] ascii-text: the device does not show")


def test_nothing_is_said_of_a_withheld_secret_that_goes_again():
    text = f"set {POLICY} mode main\nset {POLICY} {KEY}\ndelete {POLICY} pre-shared-key\n"
    assert views.parse(SERVER, text)["warnings"] == []


def test_a_secret_that_cannot_be_compared_is_set_again_and_said_to_be_unknown():
    inside = f"<security><group-vpn><server>{KEY_XML}</server></group-vpn></security>"
    wish = {"ike": {"policies": [{"name": "p", "pre_shared_key": {"ascii_text": "made-up"}}]}}
    change = planned(SERVER, inside, wish, "merged")
    assert change["changed"]
    assert any("ascii-text: the device does not show it" in line for line in change["warnings"])


@pytest.mark.parametrize(
    "text",
    [
        f'set {POLICY} pre-shared-key ascii-text "made-up\n',
        f"set {POLICY} pre-shared-key ascii-text 'made-up key'\n",
        f"set {POLICY} pre-shared-key ascii made-up\n",
        IN_POLICY % "pre-shared-key ascii made-up;",
        IN_POLICY % "pre-shared-key ascii-text made-up",
        IN_POLICY % 'pre-shared-key ascii-text "made-up;',
        f"SET {POLICY} pre-shared-key ascii-text made-up;",
    ],
)
def test_no_refusal_and_no_warning_quotes_what_may_be_a_secret(text):
    try:
        said = str(views.parse(SERVER, text))
    except MalformedReply as refusal:
        said = str(refusal)
    assert "made-up" not in said


def test_marks_of_a_change_are_carried_out_in_the_order_of_the_text():
    """``replace:`` and ``delete:`` are about what stands before them, in every form."""
    for form in (
        f"{CURLY}security {{ group-vpn {{ server {{ delete: group G1; }} }} }}",
        f"{CURLY}security {{ group-vpn {{ replace: server {{ group G2; }} }} }}",
        f"{CURLY}delete: security;",
        XML.replace("</server>", "<group delete='delete'><name>G1</name></group></server>"),
        XML.replace("</server>", "<group operation='replace'><name>G1</name></group></server>"),
        JSON_ONE.replace("]}}}}", ', {"name": "G1", "@": {"operation": "delete"}}]}}}}'),
        JSON_ONE.replace("]}}}}", ', {"name": "G1", "@": {"replace": "replace"}}]}}}}'),
    ):
        assert parsed(form) == [], form
    for form in (
        f"inactive: {CURLY}active: security {{ group-vpn; }}",
        XML.replace("<security>", "<security inactive='inactive'/><security active='active'>"),
    ):
        assert parsed(form) == OWN, form


@pytest.mark.parametrize("rest", ["{ group-vpn; }", "x;"])
def test_a_mark_that_nobody_knows_is_refused_before_one_word_too(rest):
    with pytest.raises(MalformedReply, match="the mark 'odd:' is not known"):
        views.parse(RESOURCE, f"odd: security {rest}\n{CURLY}")


def test_groups_that_a_change_takes_away_bring_nothing_in():
    for marked in ("delete: apply-groups KS;", "delete: apply-groups [ KS ];"):
        found = views.parse(RESOURCE, f"apply-groups KS;\n{CURLY}{marked}\n")
        assert found == WHOLE
    for stay in ("", "LS"):
        text = f"apply-groups [ KS {stay} ];\nsecurity {{ apply-groups MS; }}\n{CURLY}"
        found = views.parse(RESOURCE, f"{text}delete: apply-groups KS;\n")["warnings"]
        assert [one.partition(": ")[0] for one in found] == [
            "[edit security] apply-groups MS",
            *["[edit] apply-groups LS"] * bool(stay),
        ]


def test_lines_from_the_top_say_themselves_whose_they_are():
    shown = "[edit logical-systems LS]\nuser@host# show | display set\n"
    assert parsed(f"{shown}{LINES.replace('set ', 'set logical-systems LS ')}{LINES}") == OWN


def test_a_configuration_without_the_hierarchy_is_read_as_empty():
    for text in ("system { host-name a; }", "set system host-name a", "<configuration/>"):
        assert parsed(text) == []


OLDER = {"ethernet-switching-options", "fabric", "virtual-chassis"}
"""What releases before the table's have at the top, and switches."""


@pytest.mark.parametrize(
    "top", sorted(OLDER.union(*(junos_schema(g).children for g in EmulatedGeneration)))
)
def test_whatever_a_configuration_has_at_its_top_it_is_one(top):
    assert parsed(f"set {top} of others\n") == []
    assert parsed(f"{top} {{ of others; }}\n") == []


def enclosing(name, curly_head, xml_head, set_head):
    """The same settings, for somebody else."""
    server = in_xml().replace("G1", "G9")
    other = CURLY.replace("G1", "G9")
    document = {name: [{"name": "KS", **JSON["configuration"]}]}
    return {
        "curly": f"{curly_head} {{\n{other}}}\n{CURLY}",
        "set": LINES.replace("set ", f"set {set_head} ").replace("G1", "G9") + LINES,
        "xml": f"<configuration>{xml_head}{server}</{name}>{in_xml()}</configuration>",
        "json": json.dumps({"configuration": {**document, **JSON["configuration"]}}),
    }


@pytest.mark.parametrize("form", ["curly", "set", "xml", "json"])
@pytest.mark.parametrize("name", ["groups", "logical-systems", "tenants"])
def test_what_belongs_to_somebody_else_is_not_the_devices_own(name, form):
    head = f"{name} {{\nKS" if name == "groups" else f"{name} KS"
    texts = enclosing(name, head, f"<{name}><name>KS</name>", f"{name} KS")
    text = (
        texts[form]
        if name != "groups" or form != "curly"
        else texts[form].replace(f"}}\n{CURLY}", f"}} }}\n{CURLY}", 1)
    )
    found = views.parse(RESOURCE, text)
    assert found["parsed"] == OWN
    whose = f"[edit {name} KS security group-vpn server]"
    told = [f"{whose}: not the device's own, and not read"] if name != "groups" else []
    assert [line.partition(";")[0] for line in found["warnings"]] == told
    assert found["unread"] == [whose[len("[edit ") : -1]] * len(told)


@pytest.mark.parametrize("resource", [RESOURCE, MEMBER], ids=lambda one: one.name)
def test_what_others_have_of_another_hierarchy_is_no_warning(resource):
    """Of zones, policies and the other side of Group VPN nothing is said; of what goes neither."""
    side = {"member": "server"}.get(resource.name, "member")
    line = "set tenants {} security {}"
    there = [line.format("T", f"group-vpn {side} ike"), line.format("T", "policies default-policy")]
    gone = [line.format("U", f"group-vpn {one} ike") for one in ("server", "member")]
    for text in (
        "\n".join([*there, *gone, "delete tenants U"]),
        "<configuration><tenants/><logical-systems><name>L</name></logical-systems></configuration>",
        "set logical-systems L",
    ):
        assert views.parse(resource, text)["warnings"] == []


def test_what_others_have_is_not_read_for_its_values():
    text = (
        "tenants T { security { group-vpn { member { ipsec { vpn V { group many; odd; } } } } } }"
    )
    found = views.parse(MEMBER, text)
    there = ["tenants T security group-vpn member"]
    assert (found["parsed"], found["unread"], len(found["warnings"])) == ({}, there, 1)


@pytest.mark.parametrize("group", ["node0", "KS"])
def test_a_backup_that_begins_with_groups_is_read(group):
    text = (
        f'groups {{ {group} {{ system {{ host-name a; }} }} }}\napply-groups "${{node}}";\n{CURLY}'
    )
    assert views.parse(RESOURCE, text) == WHOLE


def test_configuration_groups_that_touch_the_hierarchy_are_named():
    wild = "server { group <*> { server-member-communication { heartbeat 60; } } }"
    groups = f"groups {{ KS {{ security {{ group-vpn {{ {wild} }} }} }} }}"
    path = "security group-vpn server group <*> server-member-communication"
    for text in (
        f"{groups}\napply-groups KS;\n{CURLY}",
        f"set groups KS {path} heartbeat 60\nset apply-groups KS\n{LINES}",
        f"<configuration><groups><name>KS</name>{in_xml()}</groups><apply-groups>KS</apply-groups>"
        f"{in_xml()}</configuration>",
    ):
        found = views.parse(RESOURCE, text)
        assert found["parsed"] == OWN
        assert ["KS" in w and "not part of this reading" in w for w in found["warnings"]] == [True]


def group_texts(groups, applied):
    """A whole configuration that defines groups as set lines (name to lines), in every form."""
    inside_json = [{"name": n, **in_json(g)} for n, g in groups.items()]
    lines = [f"set groups {name} {line}" for name, inside in groups.items() for line in inside]
    curly = {n: " ".join(braced(line.split()) for line in g) for n, g in groups.items()}
    xml = {n: "".join(nested(line.split()) for line in g) for n, g in groups.items()}
    return {
        "set": "\n".join([*lines, f'set apply-groups "{applied}"', LINES]),
        "curly": "".join(f"groups {{ {n} {{ {inside} }} }}\n" for n, inside in curly.items())
        + f'apply-groups "{applied}";\n{CURLY}',
        "xml": "<configuration>"
        + "".join(f"<groups><name>{n}</name>{inside}</groups>" for n, inside in xml.items())
        + f"<apply-groups>{applied}</apply-groups>{in_xml()}</configuration>",
        "json": json.dumps(
            {
                "configuration": {
                    "groups": inside_json,
                    "apply-groups": [applied],
                    **JSON["configuration"],
                }
            }
        ),
    }


def in_json(lines):
    top = {}
    for line in lines:
        *path, name, value = line.split()
        here = top
        for word in path:
            here = here.setdefault(word, {})
        here[name] = value
    return top


def braced(words):
    *path, name, value = words
    return "".join(f"{word} {{ " for word in path) + f"{name} {value};" + " }" * len(path)


def nested(words):
    *path, name, value = words
    inside = f"<{name}>{value}</{name}>"
    for word in reversed(path):
        inside = f"<{word}>{inside}</{word}>"
    return inside


THERE = "security group-vpn server traceoptions level all"
ELSEWHERE = "system host-name a"


@pytest.mark.parametrize(
    ("groups", "applied", "said"),
    [
        ({"A": [THERE]}, "A", True),
        ({"A": [ELSEWHERE]}, "A", False),
        ({"A": [ELSEWHERE, THERE]}, "A", True),
        # A group that applies another may bring in what that one holds.
        ({"A": ["apply-groups B"], "B": [THERE]}, "A", True),
        ({"A": ["security apply-groups B"], "B": [THERE]}, "A", True),
        # Each node of a chassis cluster takes its own.
        ({"node0": [THERE], "node1": [ELSEWHERE]}, "${node}", True),
        ({"node0": [ELSEWHERE], "node1": [ELSEWHERE], "A": [THERE]}, "${node}", False),
        # What the text does not show may hold anything.
        ({"A": [ELSEWHERE]}, "B", True),
        ({}, "${node}", True),
    ],
)
@pytest.mark.parametrize("form", ["set", "curly", "xml", "json"])
def test_what_groups_may_bring_in_is_said_however_they_are_applied(form, groups, applied, said):
    found = views.parse(SERVER, group_texts(groups, applied)[form])
    assert found["parsed"]["groups"]
    warned = [f"apply-groups {applied}: " in w for w in found["warnings"]]
    assert warned == ([True] if said else [])


LEVELS = ("security", "group-vpn", "server", "group G1", "server-member-communication")


def applied_at(depth):
    """KS and KT applied below that many of the levels, in every form."""
    document = json.loads(json.dumps(JSON))
    here = document["configuration"]
    for level in LEVELS[:depth]:
        here = here[level.split()[0]]
        here = here[0] if isinstance(here, list) else here
    here["apply-groups"] = ["KS", "KT"]
    head, level = "".join(LEVELS[:depth][-1:]), " ".join(LEVELS[:depth])
    lines, braces = "apply-groups [ KS KT ]", f"{head} {{"
    tag = f"<{head.split()[0] if head else 'configuration'}>"
    elements = "<apply-groups>KS</apply-groups><apply-groups>KT</apply-groups>"
    return {
        "set": f"set {level} {lines}\n{LINES}",
        "curly": CURLY.replace(braces, f"{braces} {lines};") if head else f"{lines};\n{CURLY}",
        "xml": XML.replace(tag, f"{tag}{elements}"),
        "json": json.dumps(document),
    }


@pytest.mark.parametrize("form", ["set", "curly", "xml", "json"])
@pytest.mark.parametrize("depth", range(len(LEVELS) + 1))
@pytest.mark.parametrize("resource", [SERVER, RESOURCE], ids=lambda r: r.name)
def test_groups_that_are_applied_at_any_level_are_named_with_that_level(resource, depth, form):
    found = views.parse(resource, applied_at(depth)[form])
    assert "aes-256-cbc" in str(found["parsed"])
    (warned,) = found["warnings"]
    where = " ".join(["[edit", *LEVELS[:depth]])
    assert warned.startswith(f"{where}] apply-groups KS KT: ")
    assert "the text does not show KS, KT" in warned


@pytest.mark.parametrize(
    "text",
    [
        SERVER_TEXT,
        f"server {{ {SERVER_TEXT} }}",
        f"group-vpn {{ server {{ {SERVER_TEXT} }} }}",
        LINES.replace("set security group-vpn server ", "set "),
    ],
)
def test_a_part_that_begins_with_the_groups_it_applies_is_read_like_any_other(text):
    applied = "set apply-groups KS\n" if text.startswith("set") else "apply-groups KS;\n"
    found = views.parse(RESOURCE, applied + text)
    assert found["parsed"] == OWN
    assert ["apply-groups KS: " in warned for warned in found["warnings"]] == [True]


NOT_APPLIED = {
    "inactive in braces": f"inactive: apply-groups KS;\n{CURLY}",
    "to be deleted in braces": f"delete: apply-groups KS;\n{CURLY}",
    "inactive in lines": f"set apply-groups KS\n{LINES}deactivate apply-groups KS\n",
    "all of them inactive in lines": f"set apply-groups KS\n{LINES}deactivate apply-groups\n",
    "inactive below": f"set {SMC} apply-groups KS\n{LINES}deactivate {SMC} apply-groups KS\n",
    "deleted in lines": f"set apply-groups KS\n{LINES}delete apply-groups KS\n",
    "deleted from several": f"set apply-groups [ KS KT ]\n{LINES}delete apply-groups KS\n"
    "delete apply-groups KT\n",
    "deleted with everything": f"set apply-groups KS\ndelete\n{LINES}",
    "deleted with all around": f"set security apply-groups KS\ndelete security\n{LINES}",
    "inactive in XML": "<configuration><apply-groups inactive='inactive'>KS</apply-groups>"
    f"{in_xml()}</configuration>",
    "to be deleted in XML": "<configuration><apply-groups delete='delete'>KS</apply-groups>"
    f"{in_xml()}</configuration>",
    "inactive in JSON": json.dumps(
        {
            "configuration": {
                "apply-groups": ["KS"],
                "@apply-groups": [{"inactive": True}],
                **JSON["configuration"],
            }
        }
    ),
}


@pytest.mark.parametrize("form", NOT_APPLIED)
def test_groups_that_are_not_applied_bring_nothing_in(form):
    found = views.parse(RESOURCE, NOT_APPLIED[form])
    assert found == WHOLE


def test_groups_are_applied_until_the_last_command_says_so():
    text = f"set apply-groups [ KS KT ]\n{LINES}deactivate apply-groups KS\n"
    (warned,) = views.parse(RESOURCE, text)["warnings"]
    assert "apply-groups KT: " in warned
    (warned,) = views.parse(RESOURCE, f"{text}activate apply-groups KS\n")["warnings"]
    assert "apply-groups KS KT: " in warned


def test_groups_are_told_with_where_they_stand():
    text = (
        f"groups {{ KS {{ <*> {{ group-vpn {{ server; }} }} }} }}\napply-groups [ KS KT ];\n{CURLY}"
    )
    (warned,) = views.parse(SERVER, text)["warnings"]
    assert "they stand in [edit groups KS]; the text does not show KT" in warned


def test_nothing_is_said_to_be_missing_where_groups_have_brought_theirs_in():
    applied = "<apply-groups>KS</apply-groups>"
    marked = in_xml(f"{applied}{XML_BLOCK}").replace(
        "<sig-hash-algorithm>", '<sig-hash-algorithm group="KS">'
    )
    found = views.parse(RESOURCE, f"<configuration>{applied}{marked}</configuration>")
    assert found["parsed"] == OWN
    assert not any("not part of this reading" in warned for warned in found["warnings"])


# Inactive, at any level, in every form

MARK = {"@": {"inactive": True}}
ASLEEP = ' inactive="inactive"'


def json_with(mark):
    group = json.loads(json.dumps(GROUP))
    if mark == "leaf":
        group["server-member-communication"]["@encryption-algorithm"] = {"inactive": True}
    if mark == "block":
        group["server-member-communication"].update(MARK)
    if mark == "entry":
        group.update(MARK)
    document = {"server": {"group": [group]}, **(MARK if mark == "ancestor" else {})}
    return json.dumps({"configuration": {"security": {"group-vpn": document}}})


INACTIVE = {
    "leaf": (
        CURLY.replace("encryption", "inactive: encryption"),
        f"{LINES}deactivate {SMC} encryption-algorithm\n",
        XML.replace("<encryption-algorithm>", '<encryption-algorithm inactive="inactive">'),
    ),
    "block": (
        CURLY.replace("server-member", "inactive: server-member"),
        f"{LINES}deactivate {SMC}\n",
        f"<configuration>{in_xml(mark=ASLEEP)}</configuration>",
    ),
    "entry": (
        CURLY.replace("group G1", "inactive: group G1"),
        f"{LINES}deactivate security group-vpn server group G1\n",
        f"<configuration>{in_xml(group=ASLEEP)}</configuration>",
    ),
    "ancestor": (
        CURLY.replace("group-vpn", "inactive: group-vpn"),
        f"{LINES}deactivate security group-vpn\n",
        f"<configuration>{in_xml(around=ASLEEP)}</configuration>",
    ),
}


@pytest.mark.parametrize("level", INACTIVE)
def test_what_is_inactive_is_not_in_force_and_is_named(level):
    expected = [{"group": "G1", "sig_hash_algorithm": "sha-256"}] if level == "leaf" else []
    for text in (*INACTIVE[level], json_with(level)):
        found = views.parse(RESOURCE, text)
        assert found["parsed"] == expected, text
        assert any("inactive" in warning for warning in found["warnings"]), text


RULE = "security group-vpn member ipsec vpn V exclude rule r"
HOLLOW = (
    f"set {RULE} source-address\nset {RULE} destination-address 192.0.2.0/24\n",
    "security { group-vpn { member { ipsec { vpn V { exclude { rule r { source-address; "
    "destination-address { 192.0.2.0/24; } } } } } } } }",
    "<configuration><security><group-vpn><member><ipsec><vpn><name>V</name><exclude><rule>"
    "<name>r</name><source-address/><destination-address><address>192.0.2.0/24</address>"
    "</destination-address></rule></exclude></vpn></ipsec></member></group-vpn></security>"
    "</configuration>",
)


@pytest.mark.parametrize("text", HOLLOW)
def test_what_stands_there_without_the_value_that_an_option_has_is_said_to_be_unread(text):
    """Built elsewhere from what is read, the rule would be another one."""
    found = views.parse(MEMBER, text)
    (vpn,) = found["parsed"]["ipsec"]["vpns"]
    assert vpn["exclude_rules"] == [{"name": "r", "destination_address": "192.0.2.0/24"}]
    assert found["unread"] == [f"{RULE} source-address"]
    assert any(f"{RULE} source-address" in line for line in found["warnings"])


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("traceoptions { inactive: file trace size 10m; }", "traceoptions file"),
        ("traceoptions { inactive: file trace { size 10m; } }", "traceoptions file"),
        ("traceoptions { inactive: file { size 10m; } }", "traceoptions file"),
        ("ike { inactive: gateway m address 192.0.2.1; }", "ike gateway m"),
        ('ike { inactive: policy m pre-shared-key ascii-text "x y"; }', "ike policy m"),
    ],
)
def test_a_mark_before_several_words_is_about_the_statement_that_they_begin(statement, place):
    found = views.parse(SERVER, f"security {{ group-vpn {{ server {{ {statement} }} }} }}")
    assert found["parsed"] == {}
    (warned,) = found["warnings"]
    assert warned.startswith(f"[edit security group-vpn server {place}] is inactive")


PROPOSALS = {"name": "p", "proposals": ["a", "b"]}


@pytest.mark.parametrize(
    ("marks", "left"),
    [
        ({"inactive": True}, None),
        ([{"inactive": True}, {"inactive": True}], None),
        ([{"inactive": True}], ["b"]),
        ([None, {"inactive": True}], ["a"]),
        ({"inactive": False}, ["a", "b"]),
    ],
)
def test_a_mark_in_json_is_about_the_values_beside_it_or_about_all_of_them(marks, left):
    policy = {**PROPOSALS, "@proposals": marks}
    document = {"security": {"group-vpn": {"server": {"ike": {"policy": [policy]}}}}}
    found = views.parse(SERVER, json.dumps({"configuration": document}))
    assert found["parsed"]["ike"]["policies"][0].get("proposals") == left


def test_a_setting_that_is_inactive_is_activated_when_it_is_wanted():
    block = XML_BLOCK + '<lifetime-seconds inactive="inactive">5000</lifetime-seconds>'
    same = [{"group": "G1", "lifetime_seconds": 5000}]
    change = planned(RESOURCE, in_xml(block), same, "merged")
    assert change["commands"] == [
        f"activate {SMC} lifetime-seconds",
        f"set {SMC} lifetime-seconds 5000",
    ]
    assert "lifetime_seconds" not in change["before"][0]
    assert change["after"][0]["lifetime_seconds"] == 5000
    assert 'active="active">5000<' in change["xml"]


def test_an_inactive_group_is_not_activated_behind_its_owners_back():
    change = planned(RESOURCE, in_xml(group=ASLEEP), OWN, "merged")
    assert not change["changed"]
    assert change["after"] == []
    assert any("group G1] is inactive" in warning for warning in change["warnings"])


# Inheritance


def inherited(block):
    return block.replace("<sig-hash-algorithm>", '<sig-hash-algorithm junos:group="KS">').replace(
        "<lifetime-seconds>", '<lifetime-seconds junos:group="KS">'
    )


INHERITING = inherited(in_xml(XML_BLOCK + "<lifetime-seconds>4800</lifetime-seconds>"))


def test_both_views_are_asked_for_in_one_request():
    paper = Paper(INHERITING)
    views.gather(RESOURCE, paper)
    (request,) = paper.asked
    assert (request.get("inherit"), request.get("groups")) == ("inherit", "groups")


def test_what_configuration_groups_bring_in_is_in_force_and_named():
    found = views.gather(RESOURCE, Paper(INHERITING))
    assert found["gathered"] == [{"group": "G1", "lifetime_seconds": 4800, **GOOD}]
    assert sum("configuration group KS" in warning for warning in found["warnings"]) == 2


def test_what_is_inherited_is_neither_missing_nor_set_again_nor_removed():
    wish = [{"group": "G1", "lifetime_seconds": 4800, "encryption_algorithm": "aes-256-cbc"}]
    for state in ("merged", "replaced", "overridden"):
        assert not planned(RESOURCE, INHERITING, wish, state)["changed"]
    changed = planned(RESOURCE, INHERITING, [{"group": "G1", "lifetime_seconds": 900}], "merged")
    assert changed["commands"] == [f"set {SMC} lifetime-seconds 900"]
    assert changed["after"][0] == {"group": "G1", **GOOD, "lifetime_seconds": 900}
    deleted = planned(RESOURCE, INHERITING, [{"group": "G1"}], "deleted")
    assert deleted["commands"] == [f"delete {SMC}"]
    assert deleted["after"] == [
        {"group": "G1", "lifetime_seconds": 4800, "sig_hash_algorithm": "sha-256"}
    ]
    assert any("configuration group KS" in warning for warning in deleted["warnings"])


UNKNOWN = "apply-groups KS: the device was asked"
SIGNS = (
    XML_BLOCK.replace("<sig-hash-algorithm>", "<sig-hash-algorithm junos:group='KS'>"),
    f"<junos:comment>## 'x' was inherited from group 'KS'</junos:comment>{XML_BLOCK}",
    f"<!-- ## 'x' was inherited from group 'KS' -->{XML_BLOCK}",
)
DEFINED = (
    "<groups><name>KS</name><{0}><group-vpn><server><group><name>&lt;*&gt;</name>"
    "<server-member-communication/></group></server></group-vpn></{0}></groups>"
)


@pytest.mark.parametrize("block", [XML_BLOCK, *SIGNS])
@pytest.mark.parametrize("told", ["", DEFINED.format("security"), DEFINED.format("system")])
def test_a_device_that_does_not_show_what_the_groups_it_applies_bring_in_leaves_that_unknown(
    block, told
):
    inside = in_xml(f"<apply-groups>KS</apply-groups>{block}")
    unknown = block is XML_BLOCK and "<system>" not in told
    wish = [{"group": "G1"}]
    for result in (
        views.gather(RESOURCE, Paper(told + inside)),
        planned(RESOURCE, told + inside, wish, "deleted"),
    ):
        assert any(UNKNOWN in warned for warned in result["warnings"]) == unknown


def test_a_mark_beside_the_settings_tells_as_well_that_the_device_shows_what_groups_bring_in():
    marked = "<description junos:group='KS'>x</description></group>"
    inside = in_xml(f"<apply-groups>KS</apply-groups>{XML_BLOCK}").replace("</group>", marked)
    assert not any(UNKNOWN in line for line in views.gather(RESOURCE, Paper(inside))["warnings"])


def test_many_places_where_groups_are_applied_are_not_all_told():
    blocks = (f"<group><name>G{n}</name><apply-groups>KS</apply-groups></group>" for n in range(50))
    server = f"<security><group-vpn><server>{''.join(blocks)}</server></group-vpn></security>"
    warned = views.gather(RESOURCE, Paper(server))["warnings"]
    assert sum(UNKNOWN in line for line in warned) == 20
    assert len(warned) == 21


@pytest.mark.parametrize(
    "inactive", [{"mark": ASLEEP}, {"group": ASLEEP}, {"server": ASLEEP}, {"around": ASLEEP}]
)
def test_what_groups_bring_into_what_is_inactive_is_not_taken_to_be_in_force(inactive):
    found = views.gather(RESOURCE, Paper(inherited(in_xml(**inactive))))
    assert found["gathered"] == []
    (warned,) = (one for one in found["warnings"] if "configuration group KS" in one)
    assert "not taken to be in force" in warned


def test_what_groups_bring_into_an_inactive_block_comes_in_force_with_it():
    change = planned(RESOURCE, inherited(in_xml(mark=ASLEEP)), OWN, "merged")
    assert change["before"] == []
    assert change["commands"] == [f"activate {SMC}"]
    assert change["after"] == OWN


def test_a_block_that_is_inherited_whole_is_nothing_to_delete_and_clears_no_list():
    block = '<server-member-communication junos:group="KS">'
    inside = inherited(in_xml()).replace("<server-member-communication>", block)
    inside = inside.replace("<encryption-algorithm>", '<encryption-algorithm junos:group="KS">')
    deleted = planned(RESOURCE, inside, [{"group": "G1"}], "deleted")
    assert not deleted["changed"]
    assert any("configuration group KS" in warning for warning in deleted["warnings"])
    merged = planned(RESOURCE, inside, [{"group": "G1", "heartbeat": 90}], "merged")
    assert merged["membership_reset"] == []
    assert merged["commands"] == [f"set {SMC} heartbeat 90"]


# What is not known


def test_what_the_table_does_not_know_is_said():
    for text in (
        CURLY.replace("encryption", "new-thing 5;\nencryption"),
        f"{LINES}set {SMC} new-thing 5\n",
        XML.replace("<encryption", "<new-thing>5</new-thing><encryption"),
    ):
        found = views.parse(RESOURCE, text)
        assert found["parsed"] == OWN
        assert any("not read" in w and "new-thing" in w for w in found["warnings"])


def test_a_neighbour_whose_name_begins_alike_is_not_said_to_be_unread():
    prefix = " ".join(RESOURCE.prefix)
    found = views.parse(RESOURCE, f"{LINES}set {prefix}-of-others new-thing 5\n")
    assert (found["parsed"], found["warnings"]) == (OWN, views.parse(RESOURCE, LINES)["warnings"])


def test_devices_replies_without_a_configuration():
    class Odd(Paper):
        def __init__(self, reply):
            super().__init__()
            self._reply = reply

    assert views.gather(RESOURCE, Odd("<rpc-reply><data/></rpc-reply>"))["gathered"] == []
    with pytest.raises(MalformedReply):
        views.gather(RESOURCE, Odd("<rpc-reply><output>busy</output></rpc-reply>"))


def test_the_whole_server_is_read_from_the_example_of_a_device():
    text = """
security {
    group-vpn {
        server {
            traceoptions {
                file gkmp.log size 10m files 3 world-readable;
                flag all;
            }
            ike {
                policy p {
                    mode main;
                    proposals [ a b ];
                    pre-shared-key ascii-text "$9$LbHX-wg4Z"; ## SECRET-DATA
                }
                gateway gw {
                    ike-policy p;
                    dynamic hostname a.example;
                    local-identity inet 192.0.2.1;
                }
            }
            group G1 {
                ike-gateway gw;
                ike-gateway gx;
                no-anti-replay;
            }
        }
    }
}
"""
    assert views.parse(SERVER, text)["parsed"] == {
        "traceoptions": {
            "file": {"filename": "gkmp.log", "size": "10m", "files": 3, "world_readable": True},
            "flags": ["all"],
        },
        "ike": {
            "policies": [{"name": "p", "mode": "main", "proposals": ["a", "b"]}],
            "gateways": [
                {
                    "name": "gw",
                    "ike_policy": "p",
                    "dynamic": {"hostname": "a.example"},
                    "local_identity": {"inet": {"identity_ipv4": "192.0.2.1"}},
                }
            ],
        },
        "groups": [{"name": "G1", "ike_gateways": ["gw", "gx"], "no_anti_replay": True}],
    }


PIECES = st.sampled_from(
    [
        *f"{LINES} {CURLY} {SERVER_TEXT}".split(),
        *("set ", "delete ", "edit ", "top ", "up ", "insert ", "after ", "deactivate ", "\n", " "),
        *(
            "{",
            "}",
            ";",
            "[",
            "]",
            '"',
            "\\",
            "/*",
            "*/",
            "#",
            "\x00",
            "ä",
            "\ufeff",
            "<",
            ">",
            "&",
        ),
        *("<configuration>", "</configuration>", "<security>", "<group inactive='a'>", "<name>"),
        *('{"configuration":', '{"security":', "[null]", "[", "]", "}", '"@":', "1e999", "-1"),
        *("inactive: ", "groups ", "apply-groups ", "user@host> ", "[edit security]\n"),
    ]
)


def test_a_delete_without_a_path_takes_everything_there_is():
    lines = "set security group-vpn server group G1 group-id 1\n{}"
    assert views.parse(SERVER, lines.format(""))["parsed"]
    assert not views.parse(SERVER, lines.format("delete"))["parsed"]
    relative = "[edit security group-vpn server]\nset group G1\ndelete\nset group G2 group-id 2"
    assert [group["name"] for group in views.parse(SERVER, relative)["parsed"]["groups"]] == ["G2"]
    again = lines.format("delete\nset security group-vpn server group G2 group-id 2")
    assert [group["name"] for group in views.parse(SERVER, again)["parsed"]["groups"]] == ["G2"]


@settings(max_examples=500, deadline=None)
@example(pieces=["delete ", '{"security":'], glue="\n")
@example(pieces=["set security\ninsert security before x"], glue="")
@given(pieces=st.lists(PIECES, max_size=25), glue=st.sampled_from([" ", "", "\n"]))
def test_whatever_text_is_given_it_is_read_or_refused(pieces, glue):
    for resource in (RESOURCE, SERVER):
        with contextlib.suppress(MalformedReply):
            views.parse(resource, glue.join(pieces))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "security",
                    "group-vpn",
                    "server",
                    "group",
                    "name",
                    "@",
                    "data",
                    "attributes",
                    "@x",
                ]
            ),
            inside,
            max_size=3,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None)
@given(value=JSON_VALUES)
@example(value={"@": {"group": "\x1f"}})
def test_whatever_json_is_given_it_is_read_or_refused(value):
    for document in (value, {"configuration": value}):
        with contextlib.suppress(MalformedReply):
            views.parse(SERVER, json.dumps(document))


@pytest.mark.parametrize("depth", [400, 600, 5_000, 100_000])
def test_deep_nesting_is_refused_and_never_a_traceback(depth):
    block = "security { group-vpn { server { group G1 { "
    for text in (
        "a { " * depth + "} " * depth,
        block + "group-id 1 { " * depth + "} " * (depth + 4),
        '{"configuration": ' + "[" * depth + "]" * depth + "}",
        '{"configuration": ' + '{"security": ' * depth + "1" + "}" * (depth + 1),
        "<configuration>" + "<security>" * depth + "</security>" * depth + "</configuration>",
    ):
        with contextlib.suppress(MalformedReply):
            views.parse(SERVER, text)

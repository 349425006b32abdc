# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole SRX configurations in every format: read, shown as a device shows them, read again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from keyserver.config.apply import apply
from keyserver.config.compare import compare
from keyserver.config.edit import LoadError, Operation, copy_tree
from keyserver.config.files import read_file
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.read_json import read_json
from keyserver.config.read_patch import read_patch
from keyserver.config.read_set import read_set
from keyserver.config.read_text import read_text
from keyserver.config.read_xml import read_xml
from keyserver.config.show import to_json, to_set, to_text, to_xml
from keyserver.config.tree import COMMENTS
from tests.keyserver.console import Console, errors

FOLDER = Path(__file__).parent / "configurations"
CONFIGURATIONS = sorted(FOLDER.glob("*.conf"))
TYPED = sorted(FOLDER.glob("*.set"))
V2 = junos_schema(Generation.V2)
FORMATS = {
    "text": (
        lambda schema, tree: to_text(schema, tree),
        lambda schema, text: read_text(schema, text),
    ),
    "xml": (
        lambda schema, tree: etree.tostring(
            to_xml(schema, tree, etree.Element("configuration")), pretty_print=True
        ),
        lambda schema, text: read_xml(schema, etree.fromstring(text)),
    ),
    "json": (
        lambda schema, tree: json.dumps(to_json(schema, tree), indent=4),
        lambda schema, text: read_json(schema, text),
    ),
}


def from_edits(schema, edits, problems):
    tree = {}
    assert problems + apply(schema, tree, edits, Operation.MERGE) == []
    return tree


def from_set(schema, text):
    tree = {}
    for edit in read_set(schema, text):
        assert not isinstance(edit, LoadError), edit
        assert apply(schema, tree, [edit], Operation.MERGE) == []
    return tree


def without_comments(tree):
    return {
        name: without_comments(value) if isinstance(value, dict) else value
        for name, value in tree.items()
        if name != COMMENTS
    }


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_a_whole_configuration_is_shown_line_for_line_as_it_was_written(path):
    text = path.read_text()
    assert to_text(V2, from_edits(V2, *read_text(V2, text))) == text


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_what_a_format_shows_of_a_whole_configuration_it_also_reads(path, form):
    tree = from_edits(V2, *read_text(V2, path.read_text()))
    show, read = FORMATS[form]
    again = from_edits(V2, *read(V2, show(V2, tree)))
    assert again == tree
    assert to_text(V2, again) == to_text(V2, tree)  # the order of the user's lists, too


@pytest.mark.parametrize("path", TYPED, ids=lambda path: path.stem)
def test_lines_as_an_engineer_types_them_are_shown_again_each_of_them(path):
    lines = path.read_text().splitlines()
    assert sorted(to_set(V2, from_set(V2, path.read_text()))) == sorted(lines)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("path", TYPED, ids=lambda path: path.stem)
def test_what_was_typed_is_the_same_after_any_format(path, form):
    tree = from_set(V2, path.read_text())
    show, read = FORMATS[form]
    again = from_edits(V2, *read(V2, show(V2, tree)))
    assert list(to_set(V2, again)) == list(to_set(V2, tree))


def loaded(session, action, text):
    results = session.rpc(
        f'<load-configuration action="{action}" format="text">'
        f"<configuration-text>{escape(text)}</configuration-text></load-configuration>"
    )
    assert results.find(".//rpc-error") is None, etree.tostring(results)


@pytest.mark.parametrize("path", [*TYPED, *CONFIGURATIONS], ids=lambda path: path.stem)
def test_a_device_commits_it_and_its_own_text_is_no_difference(path):
    session = Console().session()
    read = (
        from_set
        if path in TYPED
        else lambda schema, text: from_edits(schema, *read_text(schema, text))
    )
    loaded(session, "override", to_text(V2, read(V2, path.read_text())))
    committed = session.rpc("<commit-configuration/>")
    assert committed.find(".//rpc-error") is None, etree.tostring(committed)
    shown = session.rpc('<get-configuration format="text"/>').findtext("configuration-text")
    loaded(session, "override", shown)
    compared = session.rpc('<get-configuration compare="rollback" rollback="0" format="text"/>')
    assert "".join(compared.itertext()).strip() == ""


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_set_lines_say_everything_but_the_comments(path):
    tree = from_edits(V2, *read_text(V2, path.read_text()))
    again = from_set(V2, "\n".join(to_set(V2, tree)))
    assert without_comments(again) == without_comments(tree)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("<contact>a</contact>", "a"),
        ("<contact> a </contact>", " a "),
        ("<contact>\n    a\n  </contact>", "a"),
        ("<contact>\n a\n b\n</contact>", "\n a\n b\n"),
        ("<contact>a<?odd?>b<!-- c -->c</contact>", "abc"),
        ('<contact xml:space="preserve">\na\n</contact>', "\na\n"),
        ('<contact xml:space="preserve"/>', ""),
    ],
)
def test_blanks_in_xml_are_the_values_unless_they_only_lay_it_out(written, kept):
    root = etree.fromstring(f"<configuration><snmp>{written}</snmp></configuration>")
    assert from_edits(V2, *read_xml(V2, root)) == {"snmp": {"contact": kept}}


@pytest.mark.parametrize("text", ["<contact/>", "<contact> </contact>", "<contact>\n</contact>"])
def test_an_element_without_a_value_is_none(text):
    root = etree.fromstring(f"<configuration><snmp>{text}</snmp></configuration>")
    _, problems = read_xml(V2, root)
    assert [problem.message for problem in problems] == ["missing argument."]


def test_a_number_has_no_blanks_around_it():
    root = etree.fromstring(
        "<configuration><system><services><netconf><ssh><port> 830 </port></ssh></netconf>"
        "</services></system></configuration>"
    )
    assert list(to_set(V2, from_edits(V2, *read_xml(V2, root)))) == [
        "set system services netconf ssh port 830"
    ]


LSP = "set protocols mpls label-switched-path a"
PLACES = {
    f"{LSP} priority 4 3": (
        "<priority/><setup-priority>4</setup-priority>"
        "<reservation-priority>3</reservation-priority>"
    ),
    f"{LSP} priority 4": "<priority/><setup-priority>4</setup-priority>",
    f"{LSP} priority": "<priority/>",
    "set routing-options static route 10.0.0.0/8 as-path aggregator 65500 192.0.2.1": (
        "<as-path><aggregator/><as-number>65500</as-number><address>192.0.2.1</address></as-path>"
    ),
    "set services app-engine monitor-cpu 10 20": (
        "<monitor-cpu><normal>10</normal><threshold>20</threshold></monitor-cpu>"
    ),
}


@pytest.mark.parametrize("line", PLACES)
def test_values_that_their_places_tell_apart_stand_beside_each_other_in_xml(line):
    tree = from_set(V2, line)
    assert list(to_set(V2, tree)) == [line]
    xml = etree.tostring(to_xml(V2, tree, etree.Element("configuration"))).decode()
    assert PLACES[line] in xml
    for show, read in FORMATS.values():
        assert from_edits(V2, *read(V2, show(V2, tree))) == tree


BLANK = 'set system login user netops authentication ssh-rsa "ssh-rsa AAAAB3NzaC1yc2E= a@b "'


def test_a_name_keeps_the_blanks_around_it_in_every_format():
    tree = from_set(V2, BLANK)
    for show, read in FORMATS.values():
        assert from_edits(V2, *read(V2, show(V2, tree))) == tree
    assert [*to_set(V2, tree)] == [BLANK]
    empty = list(read_set(V2, BLANK.replace("ssh-rsa AAAAB3NzaC1yc2E= a@b", "")))
    assert apply(V2, {}, empty, Operation.MERGE) != []
    session = Console().session()
    session.set(BLANK)
    difference = session.rpc('<get-configuration compare="rollback" format="xml"/>')
    (name,) = (one.text for one in difference.iter("name") if one.text.startswith("ssh-rsa"))
    assert name.endswith("a@b ")
    assert errors(session.commit()) == []
    path = BLANK.removeprefix("set ")
    shown = session.rpc(f"<command>show configuration {path} | display set</command>")
    assert BLANK in shown.findtext(".//configuration-output")
    assert errors(session.set(BLANK.replace("set", "delete", 1))) == []
    assert '-         ssh-rsa "ssh-rsa AAAAB3NzaC1yc2E= a@b ";' in session.compare()


IN_JSON = """
set system login user netops uid 2000
set system services ssh
set system ntp threshold 400
set system ntp threshold action accept
set interfaces ge-0/0/1 mtu 1400
set interfaces ge-0/0/1 unit 0 vlan-id 100
set interfaces ge-0/0/1 unit 0 family iso
set routing-options autonomous-system 65000
set security group-vpn server group G group-id 4294967295
set groups all interfaces <*> unit <*> mtu 1400
"""


def test_json_has_numbers_and_empty_braces_as_devices_have_them():
    tree = from_set(V2, IN_JSON)
    shown = to_json(V2, tree)
    unit = {"name": 0, "vlan-id": 100, "family": {"iso": [None]}}
    system = shown["system"]
    assert system["login"] == {"user": [{"name": "netops", "uid": 2000}]}
    assert system["services"] == {"ssh": [None]}
    assert system["ntp"] == {"threshold": {"value": 400, "action": "accept"}}
    assert shown["interfaces"] == {"interface": [{"name": "ge-0/0/1", "mtu": 1400, "unit": [unit]}]}
    assert shown["routing-options"] == {"autonomous-system": {"as-number": "65000"}}
    assert shown["security"]["group-vpn"]["server"]["group"] == [
        {"name": "G", "group-id": 4294967295}
    ]
    (every,) = shown["groups"][0]["interfaces"]["interface"]
    assert every["unit"] == [{"name": "<*>", "mtu": 1400}]
    assert from_edits(V2, *read_json(V2, json.dumps(shown))) == tree
    assert sorted(to_set(V2, tree)) == sorted(IN_JSON.split("\n")[1:-1])


@pytest.mark.parametrize("before", list(PLACES)[:3])
@pytest.mark.parametrize("after", list(PLACES)[:3])
def test_values_that_their_places_tell_apart_change_as_one(before, after):
    old, new = from_set(V2, before), from_set(V2, after)
    text = compare(V2, old, new)
    assert (text == "") == (before == after)
    tree = copy_tree(old)
    edits, problems = read_patch(V2, text)
    assert problems + apply(V2, tree, edits, Operation.MERGE) == []
    assert tree == new


def test_the_first_of_values_that_their_places_tell_apart_may_come_last():
    entry = {"name": "a", "reservation-priority": "3", "setup-priority": "4"}
    text = json.dumps({"protocols": {"mpls": {"label-switched-path": [entry]}}})
    assert list(to_set(V2, from_edits(V2, *read_json(V2, text)))) == [f"{LSP} priority 4 3"]


def test_the_second_of_values_that_their_places_tell_apart_is_refused_without_the_first():
    root = etree.fromstring(
        "<configuration><protocols><mpls><label-switched-path><name>a</name>"
        "<reservation-priority>3</reservation-priority></label-switched-path></mpls></protocols>"
        "</configuration>"
    )
    edits, problems = read_xml(V2, root)
    problems += apply(V2, {}, edits, Operation.MERGE)
    assert [(one.bad_element, one.message) for one in problems] == [
        ("priority", "missing argument.")
    ]


BARE = {
    "<system><name-server>192.0.2.1</name-server></system>": "set system name-server 192.0.2.1",
    "<routing-options><autonomous-system>65534<loops>3</loops></autonomous-system>"
    "</routing-options>": (
        "set routing-options autonomous-system 65534\nset routing-options autonomous-system loops 3"
    ),
    "<system><name-server>192.0.2.1<name>192.0.2.2</name></name-server></system>": "192.0.2.1",
    "<system><name-server><name>192.0.2.2</name>192.0.2.1</name-server></system>": "192.0.2.1",
    "<security><policies><policy>a</policy></policies></security>": "from-zone",
    "<protocols><mpls><label-switched-path><name>a</name><priority>3</priority>"
    "</label-switched-path></mpls></protocols>": "3",
    "<system>a</system>": "a",
}


@pytest.mark.parametrize("written", BARE)
def test_a_value_that_text_gives_without_a_word_may_have_no_element_in_xml(written):
    tree = {}
    edits, problems = read_xml(V2, etree.fromstring(f"<configuration>{written}</configuration>"))
    problems += apply(V2, tree, edits, Operation.MERGE)
    said = [one.bad_element for one in problems]
    assert "\n".join(said or to_set(V2, tree)) == BARE[written]


FILTER_FROM = "firewall family inet{} filter f term t from source-address"
ADDRESSES = {
    f"{FILTER_FROM.format('')} 192.0.2.1": f"{FILTER_FROM.format('')} 192.0.2.1/32",
    f"{FILTER_FROM.format('')} 192.0.2.1/255.0.255.0": (
        f"{FILTER_FROM.format('')} 192.0.2.1/255.0.255.0"
    ),
    f"{FILTER_FROM.format(6)} 2001:DB8:0::1": f"{FILTER_FROM.format(6)} 2001:db8::1/128",
    f"{FILTER_FROM.format(6)} 192.0.2.1": "",
    "interfaces lo0 unit 0 family inet address 192.0.2.1": (
        "interfaces lo0 unit 0 family inet address 192.0.2.1/32"
    ),
    "interfaces lo0 unit 0 family inet address frob": "",
    "security group-vpn member ipsec vpn v fail-open rule r source-address 2001:db8::/32": "",
}


@pytest.mark.parametrize("written", ADDRESSES)
def test_an_address_that_stands_for_a_prefix_is_one_and_nothing_else_is_taken(written):
    tree, problems = read_file(V2, f"set {written}")
    shown = ADDRESSES[written]
    assert bool(problems) == (not shown)
    assert list(to_set(V2, tree)) == ([f"set {shown}"] if shown else [])


TWICE = {
    "policy-options as-path A 65000 65001": "65001",
    "system host-name a host-name b": "host-name",
    "security ike traceoptions file a b": "b",
    "routing-options static route 0.0.0.0/0 preference 3 preference 4": "preference",
    "policy-options policy-statement p then accept reject": "reject",
    "policy-options policy-statement p then accept accept": "accept",
}


@pytest.mark.parametrize("form", ["set {}", "{};"])
@pytest.mark.parametrize("words", TWICE)
def test_of_two_values_that_one_statement_gives_none_is_lost(words, form):
    _, problems = read_file(V2, form.format(words))
    assert [(one.bad_element, one.message) for one in problems] == [(TWICE[words], "syntax error")]


GATEWAY = "security group-vpn server ike gateway g remote-identity hostname"
FILE = "security ike traceoptions file"
WRITTEN_OUT = {
    f"{GATEWAY} identity-hostname a.example.net": [f"{GATEWAY} a.example.net"],
    f"{GATEWAY} identity-hostname": [f'{GATEWAY} "identity-hostname"'],
    f"{FILE} filename size 10k": [f'{FILE} "filename"', f"{FILE} size 10k"],
    f"{FILE} filename trace size 10k": [f"{FILE} trace", f"{FILE} size 10k"],
}


def test_quotes_say_that_a_value_is_none_that_could_be_left_out():
    written = f'set {GATEWAY} "identity-hostname" a.example.net'
    _, problems = read_file(V2, written)
    assert [(one.bad_element, one.message) for one in problems] == [
        ("a.example.net", "syntax error")
    ]


@pytest.mark.parametrize("form", ["set {}", "{};"])
@pytest.mark.parametrize("words", WRITTEN_OUT)
def test_a_word_that_text_leaves_out_may_stand_before_its_value(words, form):
    # Juniper's models say only from 23.1 on that it is left out.
    tree, problems = read_file(V2, form.format(words))
    assert (problems, list(to_set(V2, tree))) == ([], [f"set {one}" for one in WRITTEN_OUT[words]])


BRACKETS = {
    'policy-options as-path A "65000[1-3]"': "policy-options as-path A 65000[1-3]",
    'policy-options community c members "65[0-9]:1[0-9]"': (
        "policy-options community c members [65[0-9]:1[0-9]]"
    ),
    'groups g interfaces "<ge-0/0/[0-3]>" unit 0': "groups g interfaces <ge-0/0/[0-3]> unit 0",
    'system syslog file x match "/[A-Z]*/gm"': "system syslog file x match /[A-Z]*/gm",
    "system name-server 192.0.2.1": "system name-server [192.0.2.1]",
    "protocols bgp group a allow all": "protocols bgp group a allow [ all ]",
}


@pytest.mark.parametrize("shown", BRACKETS)
def test_brackets_right_behind_a_character_are_of_the_word(shown):
    for written in (f"set {BRACKETS[shown]}", f"{BRACKETS[shown]};"):
        tree, problems = read_file(V2, written)
        assert problems == []
        assert list(to_set(V2, tree)) == [f"set {shown}"]


FILTER = "policy-options policy-statement p from route-filter 192.0.2.0/24"
FILTERS = {
    ("exact", None): f"set {FILTER} exact",
    ("upto", "/30"): f"set {FILTER} upto /30",
    ("exact", "/30"): ("/30", "syntax error"),
    ("upto", None): ("choice-value", "missing argument."),
}


@pytest.mark.parametrize("words", FILTERS, ids=str)
@pytest.mark.parametrize("form", ["xml", "json", "device"])
def test_a_value_stands_behind_the_words_that_take_one_and_behind_no_other(form, words):
    word, value = words[0], words[1] or ""
    entry = {"address": "192.0.2.0/24", "choice-ident": word, "choice-value": value}
    by_word = {"address": "192.0.2.0/24", word: value}
    term = {"name": "p", "from": {"route-filter": [entry]}}
    given = by_word if form == "device" else entry
    elements = "".join(f"<{name}>{text}</{name}>" for name, text in given.items())
    written = {
        "xml": "<configuration><policy-options><policy-statement><name>p</name><from><route-filter>"
        f"{elements}</route-filter></from></policy-statement></policy-options></configuration>",
        "json": json.dumps({"policy-options": {"policy-statement": [term]}}),
    }["json" if form == "json" else "xml"]
    tree = {}
    edits, problems = FORMATS["json" if form == "json" else "xml"][1](V2, written)
    problems += apply(V2, tree, edits, Operation.MERGE)
    said = [(one.bad_element, one.message) for one in problems]
    assert (said or list(to_set(V2, tree))) == [FILTERS[words]]


WORDS = (
    "policy-statement p from route-filter 192.0.2.0/24 exact accept",
    "policy-statement p from route-filter 192.0.2.0/24 upto /30",
    "policy-statement p then community + c",
)
AS_ELEMENTS = (
    "<policy-options><policy-statement><name>p</name><from><route-filter>"
    "<address>192.0.2.0/24</address><exact/><accept/></route-filter><route-filter>"
    "<address>192.0.2.0/24</address><upto>/30</upto></route-filter></from><then><community>"
    "<plus-literal/><community-name>c</community-name></community></then></policy-statement>"
    "</policy-options>"
)
AROUND = (
    "<configuration><policy-options><policy-statement><name>p</name><from>{}</from>"
    "</policy-statement></policy-options></configuration>"
)
ONE = "<route-filter{}><address>192.0.2.0/24</address><exact/></route-filter>"


def test_a_word_that_names_an_entry_is_an_element_as_on_devices():
    """Juniper's junos-terraform: "A device writes a choice as an element naming the case"; its
    example configurations of vSRX do, and those of several other public clients."""
    session = Console().session()
    session.set(*(f"set policy-options {line}" for line in WORDS))
    whole = "<configuration><policy-options/></configuration>"
    shown = session.raw(f"<rpc><get-configuration>{whole}</get-configuration></rpc>".encode())
    assert AS_ELEMENTS in shown.decode()
    asked = AROUND.format(ONE.format(""))
    source = "<source><candidate/></source>"
    for read in (
        f"<get-configuration>{asked}</get-configuration>",
        f"<get-config>{source}<filter>{asked}</filter></get-config>",
    ):
        (found,) = session.rpc(read).iter("route-filter")
        assert [e.tag for e in found][:2] == ["address", "exact"]
    session.commit()
    gone = AROUND.format(ONE.format(' delete="delete"'))
    session.rpc(f"<load-configuration>{gone}</load-configuration>")
    assert "-     route-filter 192.0.2.0/24 exact accept;" in session.compare()
    difference = session.rpc('<get-configuration compare="rollback" format="xml"/>')
    assert [e.tag for e in next(difference.iter("route-filter"))] == ["address", "exact"]


def test_a_word_that_a_branch_has_is_an_element_as_on_devices():
    session = Console().session()
    around = "<configuration><security><policies>{}</policies></security></configuration>"
    policy = around.format("<default-policy>{}</default-policy>")
    load = "<load-configuration>{}</load-configuration>"
    assert errors(session.rpc(load.format(policy.format("<permit-all>all</permit-all>"))))
    session.rpc(load.format(policy.format("<permit-all/>")))
    assert "+           permit-all;" in session.compare()
    asked = policy.format("<permit-all/>")
    shown = session.rpc(f"<get-configuration>{asked}</get-configuration>")
    assert [e.tag for e in shown.find(".//default-policy")] == ["permit-all"]
    session.commit()
    gone = policy.format('<permit-all operation="delete"/><log-profile>p</log-profile>')
    session.rpc(load.format(gone))
    difference = session.rpc('<get-configuration compare="rollback" format="xml"/>')
    assert [e.tag for e in difference.find(".//default-policy")] == ["permit-all", "log-profile"]
    assert "-    permit-all;" in session.compare()


def test_a_word_that_names_an_entry_is_a_key_where_the_models_are_to_be_kept():
    console = Console()
    session = console.session()
    session.set("set system services netconf yang-compliant")
    session.set("set security policies default-policy deny-all")
    session.set(*(f"set policy-options {line}" for line in WORDS))
    session.commit()
    reading = "<get-config><source><running/></source></get-config>"
    shown = console.session().rpc(reading)
    assert shown.findtext(".//default-action") == "deny-all"
    first, second = shown.iter("route-filter")
    assert first.findtext("choice-ident") == "exact"
    assert second.findtext("choice-value") == "/30"


def test_one_of_several_values_goes_from_xml_and_is_filtered_by_its_own_name():
    session = Console().session()
    session.set(f"{LSP} to 192.0.2.1", f"{LSP} priority 4 3")
    around = (
        "<configuration><protocols><mpls><label-switched-path><name>a</name>{}"
        "</label-switched-path></mpls></protocols></configuration>"
    )
    asked = around.format("<setup-priority/>")
    shown = session.rpc(f"<get-configuration>{asked}</get-configuration>")
    assert shown.findtext(".//setup-priority") == "4"
    assert shown.find(".//reservation-priority") is None
    gone = around.format('<reservation-priority delete="delete"/>')
    session.rpc(f"<load-configuration>{gone}</load-configuration>")
    assert "priority 4;" in session.compare()


UNIT = "interfaces { ge-0/0/0 { unit 0 { %s } } }"
FAMILIES = (
    "set interfaces ge-0/0/0 unit 0 family inet\nset interfaces ge-0/0/0 unit 0 family inet6\n"
)
ZONE = "security zones functional-zone management"
MARKED = {
    UNIT % "/* lan */ family inet; /* also */ family inet6;": [
        "/* lan */",
        "family inet;",
        "/* also */",
        "family inet6;",
    ],
    UNIT % "/* lan */ inactive: family inet { mtu 1400; } family inet6;": [
        "/* lan */",
        "inactive: family inet {",
        "mtu 1400;",
        "}",
        "family inet6;",
    ],
    f"{FAMILIES}deactivate interfaces ge-0/0/0 unit 0 family": [
        "inactive: family inet;",
        "inactive: family inet6;",
    ],
    f"{FAMILIES}protect interfaces ge-0/0/0 unit 0 family": [
        "protect: family inet;",
        "protect: family inet6;",
    ],
    f'{FAMILIES}annotate interfaces ge-0/0/0 unit 0 family "lan"': [
        "/* lan */",
        "family inet;",
        "family inet6;",
    ],
    f"{FAMILIES}deactivate interfaces ge-0/0/0 unit 0 family\n"
    "activate interfaces ge-0/0/0 unit 0 family": ["family inet;", "family inet6;"],
}


@pytest.mark.parametrize("opened", ["access address-assignment pool p family inet", ZONE])
def test_a_word_without_braces_goes_with_what_it_opened(opened):
    tree, problems = read_file(V2, f"set {opened}\ndelete {opened}")
    assert problems == []
    assert to_text(V2, tree) == (
        "access {\n    address-assignment {\n        pool p;\n    }\n}\n" if opened != ZONE else ""
    )


@pytest.mark.parametrize("written", MARKED)
def test_what_is_said_of_a_word_without_braces_is_said_of_what_it_opens(written):
    tree, problems = read_file(V2, written)
    assert problems == []
    text = to_text(V2, tree)
    assert [line.strip() for line in text.splitlines()[3:-3]] == MARKED[written]
    for show, read in FORMATS.values():
        assert from_edits(V2, *read(V2, show(V2, tree))) == tree


HALF = '{"configuration": {"security": {"policies": {"policy": [%s]}}}}'
HALF %= '{"@": {"operation": "delete"}, "from-zone-name": "trust"}'


@pytest.mark.parametrize("verb", ["delete", "deactivate", "protect"])
@pytest.mark.parametrize("key", ["from-zone trust", "from-zone trust to-zone", "from-zone nowhere"])
def test_half_of_an_entrys_name_is_not_the_whole_list(verb, key):
    (problem,) = read_set(V2, f"{verb} security policies {key}")
    assert problem.message == "missing argument."
    (problem,) = read_json(V2, HALF)[1]
    assert problem.message == "missing argument."
    (edit,) = read_set(V2, f"{verb} security policies from-zone")
    assert not isinstance(edit, LoadError)


@pytest.mark.parametrize("mark", ["deactivate", "protect"])
def test_set_lines_mark_a_value_that_has_no_word_by_itself(mark):
    file = "security group-vpn server traceoptions file"
    lines = [f"set {file} kmd", f"{mark} {file} kmd", f"set {file} size 1m"]
    assert [*to_set(V2, from_set(V2, "\n".join(lines)))] == lines


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_no_comment_before_a_statement_is_lost(path):
    tree = without_comments(from_edits(V2, *read_text(V2, path.read_text())))
    lines = to_text(V2, tree).splitlines()
    opens = [place for place, line in enumerate(lines) if line.strip() != "}"]
    for place in reversed(opens):
        lines.insert(place, f"/* above {place} */")
    commented = from_edits(V2, *read_text(V2, "\n".join(lines)))
    text = to_text(V2, commented)
    assert re.findall(r"above \d+", text) == [f"above {place}" for place in opens]
    assert from_edits(V2, *read_text(V2, text)) == commented
    assert without_comments(commented) == tree


def test_two_comments_before_a_statement_are_one():
    tree = from_edits(V2, *read_text(V2, "/* one */ /* two */ snmp { contact a; }"))
    assert to_text(V2, tree).startswith("/* one\ntwo */\nsnmp {")


@pytest.mark.parametrize(
    "line",
    [
        "set protocols mpls statistics no-transit-statistics-polling",
        "set system services ssh ciphers arcfour",
        "set system login password format sha1",
        "set security ipsec proposal p lifetime-kilobytes 64",
    ],
)
def test_what_went_with_a_later_release_is_still_known(line):
    assert list(to_set(V2, from_set(V2, line))) == [line]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("set interfaces ge-0/0/0.7 family inet", "set interfaces ge-0/0/0 unit 7 family inet"),
        ("edit interfaces st0.1\nset description a", "set interfaces st0 unit 1 description a"),
        ("set interfaces lo0.0\nrename interfaces lo0.0 to unit 2", "set interfaces lo0 unit 2"),
        ("interfaces { lo0.0 { family inet; } }", "set interfaces lo0 unit 0 family inet"),
        ("set groups g interfaces lo0.0", "set groups g interfaces lo0 unit 0"),
        ("set protocols lldp interface ge-0/0/0.0", "set protocols lldp interface ge-0/0/0.0"),
    ],
)
def test_a_logical_interface_may_be_named_as_one_word(typed, kept):
    tree, problems = read_file(V2, typed)
    assert problems == []
    assert list(to_set(V2, tree)) == [kept]


TRUST = "security zones security-zone z interfaces"
FUNCTIONAL = "security zones functional-zone management interfaces"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (f"set {TRUST} ge-0/0/0", f"set {TRUST} ge-0/0/0.0"),
        (f"set {TRUST} xe-1/0/11:3", f"set {TRUST} xe-1/0/11:3.0"),
        (f"set {TRUST} reth1.7", f"set {TRUST} reth1.7"),
        (f"set {TRUST} all", f"set {TRUST} all"),
        (f"set {TRUST} st0\ndelete {TRUST} st0\nset {TRUST} lo0", f"set {TRUST} lo0.0"),
        ("security { zones { security-zone z { interfaces { irb1; } } } }", f"set {TRUST} irb1.0"),
        (f"set groups g {TRUST} <ge-*>", f"set groups g {TRUST} <ge-*>"),
        (f"set tenants t {TRUST} ge-0/0/0", f"set tenants t {TRUST} ge-0/0/0.0"),
        (f"set {FUNCTIONAL} fxp0", f"set {FUNCTIONAL} fxp0.0"),
        (
            "set routing-instances r interface ge-0/0/5",
            "set routing-instances r interface ge-0/0/5.0",
        ),
    ],
)
def test_unit_0_is_added_where_devices_add_it(typed, kept):
    tree, problems = read_file(V2, typed)
    assert problems == []
    assert list(to_set(V2, tree)) == [kept]


def test_a_logical_interface_is_no_device_where_its_name_is_a_value():
    interface = "<interface><name>ge-0/0/0.7</name><description>a</description></interface>"
    written = f"<configuration><interfaces>{interface}</interfaces></configuration>"
    tree, problems = read_file(V2, written)
    assert "ge-0/0/0.7" in problems[0].message
    assert list(to_set(V2, tree)) == []


SORTED = {
    "vlans {}": ("vn1400", "vn1401", "vn400", "vn401"),
    "routing-instances {} instance-type vrf": ("VR-V10", "VR-V100", "VR-V2", "VR-V21", "VR-V3"),
    "interfaces {} mtu 1500": (
        *("et-0/0/0", "xe-0/0/0", "et-0/0/2", "et-0/0/10", "xe-0/0/48:0", "et-0/0/48:1"),
        *("xe-0/0/48:1", "et-0/0/48:2", "ae2", "ae10"),
    ),
    "protocols rstp interface {}": ("ge-0/0/2", "ge-0/0/10"),
    "policy-options prefix-list p {}": ("192.0.2.4/32", "192.0.2.16/32"),
}


UNSORTED = {
    "class-of-service schedulers {} priority low": ("SC-SIGNALING", "SC-LLQ", "SC-HIGH"),
    "class-of-service scheduler-maps M forwarding-class {} scheduler S": ("FC-HIGH", "CONTROL"),
    "class-of-service classifiers dscp D forwarding-class {} loss-priority low code-points ef": (
        *("FC-SIGNALING", "FC-LLQ"),
    ),
    "system syslog file {} any any": ("messages", "audit"),
    "system syslog file f {} info": ("kernel", "any", "authorization"),
    "policy-options route-filter-list {} 0.0.0.0/0 exact": ("To", "From"),
}


@pytest.mark.parametrize("path", UNSORTED)
def test_what_came_in_an_order_is_shown_in_it_where_devices_do_so(path):
    lines = [f"set {path.format(name)}" for name in UNSORTED[path]]
    tree, problems = read_file(V2, "\n".join(lines))
    assert problems == []
    assert list(to_set(V2, tree)) == lines


@pytest.mark.parametrize("path", SORTED)
def test_what_is_sorted_is_sorted_as_devices_print_it(path):
    """As 177 configurations of Juniper's validated designs (github.com/Juniper/jvd) have it."""
    lines = [f"set {path.format(name)}" for name in SORTED[path]]
    tree, problems = read_file(V2, "\n".join(reversed(lines)))
    assert problems == []
    assert list(to_set(V2, tree)) == lines

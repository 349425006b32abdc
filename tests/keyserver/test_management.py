# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The management plane without a socket: framing, sessions, formats, locks, commits."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from keyserver.config.apply import apply
from keyserver.config.compare import compare
from keyserver.config.edit import LoadError, Operation, copy_tree
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.merge import Conflict, merge
from keyserver.config.namespaces import XNM
from keyserver.config.read_json import read_json
from keyserver.config.read_patch import read_patch
from keyserver.config.read_set import read_set
from keyserver.config.read_text import read_text
from keyserver.config.read_xml import read_xml
from keyserver.config.schema import Key, Kind, Statement
from keyserver.config.show import to_json, to_set, to_text, to_xml
from keyserver.srx import Device
from tests.keyserver.console import (
    BASE_1_0,
    BASE_1_1,
    END,
    SITES,
    START,
    Console,
    errors,
    tags,
)
from tests.lab import hub_config

# Framing and sessions


def test_bytes_may_come_one_by_one_or_all_at_once(console):
    session = console.session()
    message = b'<rpc message-id="7"><get-system-information/></rpc>' + END
    slow = b"".join(session.netconf.receive(bytes([octet]), console.now) for octet in message)
    assert slow.count(b"<host-name>hub-1</host-name>") == 1
    many = session.netconf.receive(message * 20, console.now)
    assert many.count(b'message-id="7"') == 20


def test_chunks_are_for_sessions_where_both_ends_want_them(console):
    session = console.session()
    session.set("set system services netconf rfc-compliant")
    session.set("set system services netconf version-1.1")
    session.commit()
    chunked = console.session(BASE_1_0, BASE_1_1)
    assert BASE_1_1.encode() in chunked.greeting
    body = b'<rpc message-id="1"><get-system-information/></rpc>'
    pieces = [body[n : n + 7] for n in range(0, len(body), 7)]
    framed = b"".join(b"\n#%d\n%b" % (len(piece), piece) for piece in pieces) + b"\n##\n"
    answer = chunked.netconf.receive(framed, console.now)
    assert answer.startswith(b"\n#")
    assert b"nc:rpc-reply" in answer
    # RFC 6242 §4.2: a chunk of no known form ends the session.
    chunked.netconf.receive(b"\n#0\n", console.now)
    assert chunked.netconf.closing
    assert BASE_1_1.encode() in console.session(BASE_1_0).greeting


@pytest.mark.parametrize(
    "hello",
    [
        b"<hello><capabilities><capability>urn:x</capability></capabilities></hello>",
        b"<hello><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>"
        b"</capabilities><session-id>4</session-id></hello>",
        b'<rpc message-id="1"><get-system-information/></rpc>',
        b"<hello",
    ],
)
def test_who_does_not_begin_with_a_proper_hello_is_let_go(console, hello):
    session = console.device.open_session("netops", console.now)
    session.greeting()
    assert session.receive(hello + END, console.now) == b""
    assert session.closing


def test_attributes_of_the_rpc_come_back(console):
    session = console.session()
    answer = session.raw(
        b'<rpc message-id="a&amp;b" xmlns:x="urn:x" x:y="1"><get-system-information/></rpc>'
    )
    assert b'message-id="a&amp;b"' in answer
    assert etree.fromstring(answer.removesuffix(END)).get("{urn:x}y") == "1"


def test_attributes_come_back_with_a_refusal_too_unless_there_are_too_many(console):
    session = console.session()

    def refused(attributes):
        answer = etree.fromstring(session.raw(f"<rpc {attributes}/>".encode()).removesuffix(END))
        return answer.findtext(".//{*}error-message").strip(), dict(answer.attrib)

    said, echoed = refused('message-id="7" a="b"')
    assert (said, echoed) == ("exactly one operation is expected", {"message-id": "7", "a": "b"})
    said, echoed = refused(" ".join(f'a{n}="b"' for n in range(101)))
    assert (said, echoed) == ("more than 100 attributes", {})


@pytest.mark.parametrize(
    ("message", "tag"),
    [
        (b"<rpc><a></rpc>", "malformed-message"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><rpc><a>&b;</a></rpc>', "malformed-message"),
        (b"<rpc>" + b"<a>" * 300 + b"</a>" * 300 + b"</rpc>", "malformed-message"),
        (b"<rpc>\xff</rpc>", "malformed-message"),
        # RFC 6241 §3: UTF-8, whatever a message says of itself.
        ("<rpc><discard-changes/></rpc>".encode("utf-16"), "malformed-message"),
        (b"<?xml version='1.0' encoding='latin-1'?><rpc><a>\xe4</a></rpc>", "malformed-message"),
        (
            b"<?xml version='1.0' encoding='utf-7'?><rpc>+ADw-discard-changes/+AD4-</rpc>",
            "operation-failed",
        ),
        (b"<rpc></rpc>", "operation-failed"),
        (b"<rpc><discard-changes/><discard-changes/></rpc>", "operation-failed"),
        (b"<rpc><no-such-operation/></rpc>", "operation-failed"),
        (b"<rpc><kill-session><session-id>0</session-id></kill-session></rpc>", "invalid-value"),
    ],
)
def test_what_cannot_be_done_is_answered_and_the_session_lives(console, message, tag):
    session = console.session()
    answer = etree.fromstring(session.raw(message).removesuffix(END))
    assert [e.text for e in answer.iter("{*}error-tag")] == [tag]
    assert errors(session.rpc("<discard-changes/>")) == []


# Formats

GROUPS = (
    "<security><group-vpn><server><group>",
    "</group></server></group-vpn></security>",
)
MORE = {
    "v2": (
        'set security group-vpn server group G1 description "a \\"quoted\\" [name]; {x}"',
        "set security group-vpn server group G1 member-threshold 10",
        "set security group-vpn server group G1 activation-time-delay 20",
        "set security group-vpn server group G1 anti-replay-time-window 1000",
        "set security group-vpn server group G1 server-member-communication lifetime-seconds 900",
        "set security group-vpn server group G1 server-member-communication certificate c-1",
        "set security group-vpn server group G1 ipsec-sa sa-1 match-policy any protocol 6",
        "set security group-vpn server group G1 ipsec-sa sa-1 match-policy any source-port 0",
        "set security group-vpn server ike gateway gm-1 local-identity hostname h.example.net",
        "set security group-vpn server ike gateway far dynamic hostname f.example.net",
        "set security group-vpn server ike gateway far ike-policy pol",
        "set security group-vpn server traceoptions file trace size 1m files 3",
        "set security group-vpn server traceoptions flag ike",
        "set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.1/24",
        "set routing-options static route 0.0.0.0/0 next-hop 192.0.2.254",
        "deactivate security group-vpn server group G2",
        "deactivate security group-vpn server group G1 description",
    ),
    "v1": (
        "set security group-vpn co-location",
        "set security group-vpn server group G1 no-anti-replay",
        "set security group-vpn server group G1 server-address 192.0.2.1",
        "set security group-vpn server group G1 server-member-communication "
        "communication-type multicast",
        "set security group-vpn server group G1 server-member-communication "
        "multicast-group 233.252.0.1",
        "set security group-vpn server ike policy pol proposal-set standard",
        "set security group-vpn server ike policy cert certificate local-certificate hub",
    ),
}


def tree_of(generation: Generation, lines: str):
    schema, tree = junos_schema(generation), {}
    for edit in read_set(schema, lines):
        assert not isinstance(edit, LoadError), edit
        assert apply(schema, tree, [edit], Operation.MERGE) == []
    return tree


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("<system><services/></system>", []),
        ("<system><host-name/></system>", ["hub-1"]),
        (f"{GROUPS[0]}<name>G9</name><group-id/>{GROUPS[1]}", []),
        (f"{GROUPS[0]}<name>G2</name><group-id/>{GROUPS[1]}", ["G2", "2"]),
        (f"{GROUPS[0]}<name/>{GROUPS[1]}", ["G1", "G2"]),
        # Siblings one after the other, of every entry.
        (
            f"{GROUPS[0]}<group-id/><ike-gateway/>{GROUPS[1]}",
            ["G1", "1", "gm-1", "G2", "2", "gm-1"],
        ),
    ],
)
def test_a_filter_selects_what_it_names_and_nothing_else(console, wanted, found):
    session = console.session()
    for operation in (
        f"<get-configuration><configuration>{wanted}</configuration></get-configuration>",
        '<get-config><source><running/></source><filter type="subtree"><configuration>'
        f"{wanted}</configuration></filter></get-config>",
    ):
        reply = session.rpc(operation)
        assert errors(reply) == []
        leaves = [e.text.strip() for e in reply.iter() if not len(e) and (e.text or "").strip()]
        assert leaves == found
    # Every format shows the same part.
    lines = session.rpc(operation_in_set_form(wanted)).findtext("configuration-set")
    assert all(leaf in lines for leaf in found)
    assert bool(lines.strip()) is bool(found)


def operation_in_set_form(wanted: str) -> str:
    return (
        f'<get-configuration format="set"><configuration>{wanted}</configuration>'
        "</get-configuration>"
    )


def test_set_lines_move_through_the_hierarchy():
    moving = """
        edit security group-vpn server
        edit group "G 1"
        set group-id 1
        edit server-member-communication
        up set ike-gateway gm-1
        set heartbeat 60
        up 2
        set ike policy pol mode main
        up 99 set system host-name hub-1
        top edit interfaces ge-0/0/0
        set unit 0 description wan
        top
        delete security group-vpn server group "G 1" server-member-communication heartbeat
    """
    server = "set security group-vpn server"
    plain = f"""
        {server} group "G 1" group-id 1
        {server} group "G 1" ike-gateway gm-1
        {server} ike policy pol mode main
        set system host-name hub-1
        set interfaces ge-0/0/0 unit 0 description wan
    """
    assert tree_of(Generation.V1, moving) == tree_of(Generation.V1, plain)
    schema = junos_schema(Generation.V1)
    wrong = "edit security nonsense\nset system host-name a\nedit system host-name b\nup x"
    bad = [edit for edit in read_set(schema, wrong) if isinstance(edit, LoadError)]
    assert [error.bad_element for error in bad] == ["nonsense", "b", "x"]


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_shown_difference_can_be_loaded_as_a_patch(generation):
    kind = Generation(generation)
    schema = junos_schema(kind)
    base = hub_config("hub-1", generation, SITES, ("G1", "G2"))
    trees = [tree_of(kind, base), tree_of(kind, "\n".join([base, *MORE[generation]])), {}]
    for old, new in itertools.permutations(trees, 2):
        edits, problems = read_patch(schema, compare(schema, old, new))
        tree = copy_tree(old)
        assert problems + apply(schema, tree, edits, Operation.MERGE) == []
        assert tree == new


def test_a_patch_that_does_not_fit_says_where(console):
    session = console.session()

    def load(patch: str) -> etree._Element:
        return session.rpc(
            '<load-configuration action="patch" format="text"><configuration-patch>'
            f"{patch}</configuration-patch></load-configuration>"
        )

    fits = "[edit system]\n-  host-name hub-1;\n+  host-name hub-9;\n"
    assert errors(load(fits)) == []
    assert "+  host-name hub-9;" in session.compare()
    gone = load("[edit system]\n-  host-name hub-7;\n")
    assert "statement not found" in "".join(gone.itertext())
    for wrong in (
        "+ host-name a;",
        "[edit nonsense]\n+ a b;",
        "[edit system host-name x]\n+ a b;",
        "[edit system]\n* host-name a;",
        "[edit system]\n+ services {\n",
    ):
        assert errors(load(wrong)), wrong


@pytest.mark.parametrize("generation", ["v1", "v2"])
@pytest.mark.parametrize("form", ["set", "text", "xml", "json"])
def test_what_a_format_shows_it_also_loads(generation, form):
    kind = Generation(generation)
    schema = junos_schema(kind)
    lines = hub_config("hub", generation, SITES, ("G1", "G2"), extra=MORE[generation])
    tree, again = tree_of(kind, lines), {}
    if form == "set":
        edits = list(read_set(schema, "\n".join(to_set(schema, tree))))
        assert not any(isinstance(edit, LoadError) for edit in edits)
        problems = []
        for edit in edits:
            problems += apply(schema, again, [edit], Operation.MERGE)
    else:
        xml = to_xml(schema, tree, etree.Element("configuration"))
        edits, problems = {
            "text": lambda: read_text(schema, to_text(schema, tree)),
            "xml": lambda: read_xml(schema, etree.fromstring(etree.tostring(xml))),
            "json": lambda: read_json(schema, json.dumps({"configuration": to_json(schema, tree)})),
        }[form]()
        problems += apply(schema, again, edits, Operation.MERGE)
    assert problems == []
    assert again == tree


YANG = os.environ.get("JUNOS_YANG_DIR")
_CONF = "http://yang.juniper.net/junos-es/conf/"


@pytest.mark.skipif(YANG is None, reason="JUNOS_YANG_DIR is not set: no YANG to check against")
@pytest.mark.skipif(shutil.which("yanglint") is None, reason="yanglint is not installed")
def test_a_v2_configuration_of_the_emulator_validates_under_junipers_yang(tmp_path):
    lines = hub_config("hub", "v2", SITES, ("G1", "G2"), extra=MORE["v2"])
    kept = [
        line
        for line in lines.splitlines()
        if line.startswith("set security") and "traceoptions file" not in line
    ]
    tree = tree_of(Generation.V2, "\n".join(kept))
    configuration = to_xml(junos_schema(Generation.V2), tree, etree.Element("configuration"))
    for element in configuration.iter():
        place = "root" if element is configuration else "security"
        element.tag = f"{{{_CONF}{place}}}{etree.QName(element).localname}"
    file, directory = tmp_path / "config.xml", Path(YANG or "")
    file.write_bytes(etree.tostring(configuration))
    modules = [next(directory.glob(f"junos-es-conf-{n}@*.yang")) for n in ("root", "security")]
    done = subprocess.run(
        ["yanglint", "-p", str(directory), "-t", "config", *map(str, modules), str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_filters_pick_by_path_and_content(console):
    session = console.session()

    def asked(inner: str) -> etree._Element:
        return session.rpc(
            f'<get-config><source><running/></source><filter type="subtree">{inner}</filter>'
            "</get-config>"
        )

    path = "<configuration><security><group-vpn><server><group>%s</group></server></group-vpn>"
    whole = path + "</security></configuration>"
    names = asked(whole % "<name>G2</name>").findall(".//group/name")
    assert [name.text for name in names] == ["G2"]
    assert len(asked(whole % "").findall(".//group")) == 2
    assert asked("<configuration><system><ntp/></system></configuration>").find(".//ntp") is None
    # RFC 6241 §6.4.2: an empty filter selects nothing.
    assert len(asked("").find(".//configuration")) == 0


def test_json_stands_in_the_reply_itself(console):
    session = console.session()
    reply = session.rpc('<get-configuration format="json"><system/></get-configuration>')
    shown = json.loads(reply.text)["configuration"]
    assert shown["@"]["xmlns"] == XNM
    assert shown["system"] == {"host-name": "hub-1"}
    reply = session.rpc('<command format="json">show version</command>')
    (software,) = json.loads(reply.text)["software-information"]
    assert software["host-name"] == [{"data": "hub-1"}]


@pytest.mark.parametrize(
    ("command", "found", "not_found"),
    [
        ("show configuration system", "host-name hub-1;", "group-vpn"),
        (
            "show configuration security group-vpn server group G2 | display set",
            "set security group-vpn server group G2 group-id 2",
            "G1",
        ),
        ("show configuration sec group-v serv gr G2 | display set", "G2 group-id 2", "G1"),
        ("show configuration | display xml", "<group-id>2</group-id>", "set security"),
        ("show configuration | compare rollback 1", "+  host-name other;", "group-vpn"),
        ("show security group-vpn server statistics group G1", "Pull Succeeded", "G2"),
    ],
)
def test_commands_show_what_the_cli_shows(console, command, found, not_found):
    session = console.session()
    if "compare" in command:
        session.set("set system host-name other")
        session.commit()
    reply = session.rpc(f'<command format="text">{command}</command>')
    text = re.sub(r"\n\+ +", "\n+  ", etree.tostring(reply, encoding="unicode"))
    assert found in text
    assert not_found not in text


@pytest.mark.parametrize(
    "command",
    [
        "request system reboot",
        "show configuration nonsense",
        "show configuration s",  # security, snmp, services, system
        "show configuration | frobnicate",
    ],
)
def test_an_unknown_command_is_a_syntax_error(console, command):
    assert errors(console.session().rpc(f"<command>{command}</command>")) == ["syntax error"]


# Editing and locks


def test_a_lock_is_one_sessions_and_goes_with_it(console):
    one, other = console.session(), console.session()
    assert errors(one.rpc("<lock><target><candidate/></target></lock>")) == []
    one.set("set system host-name half-done")
    for attempt in (
        other.rpc("<lock-configuration/>"),
        other.set("set system host-name mine"),
        other.commit(),
        other.rpc("<discard-changes/>"),
    ):
        assert tags(attempt) == ["lock-denied"]
        assert "locked by" in errors(attempt)[0]
        assert "netops" in errors(attempt)[0]
    one.end()
    assert other.compare() == ""
    assert errors(other.rpc("<lock-configuration/>")) == []


def test_an_unlock_discards_and_a_dirty_candidate_cannot_be_locked(console):
    one, other = console.session(), console.session()
    one.rpc("<lock-configuration/>")
    one.set("set system host-name gone")
    one.rpc("<unlock-configuration/>")
    assert one.compare() == ""
    one.set("set system host-name shared")
    assert errors(other.rpc("<lock-configuration/>")) == ["configuration database modified"]
    assert tags(other.rpc("<unlock-configuration/>")) == ["operation-failed"]


def test_private_copies_are_apart_and_are_merged_when_committed(console):
    one, other = console.session(), console.session()
    for session in (one, other):
        reply = session.rpc("<open-configuration><private/></open-configuration>")
        assert [e.findtext("error-severity") for e in reply.iter("rpc-error")] == ["warning"]
    one.set("set system host-name one", "delete security group-vpn server group G2")
    other.set("set system domain-name other.example")
    assert "host-name" not in other.compare()
    assert errors(one.commit()) == []
    assert errors(other.commit()) == []
    tree = console.device.database.committed
    assert tree["system"] == {"host-name": "one", "domain-name": "other.example"}
    assert list(tree["security"]["group-vpn"]["server"]["group"]) == ["G1"]


def test_private_changes_of_the_same_statement_are_a_conflict(console):
    one, other = console.session(), console.session()
    for session, name in ((one, "one"), (other, "other")):
        session.rpc("<open-configuration><private/></open-configuration>")
        session.set(f"set system host-name {name}")
    assert errors(one.commit()) == []
    assert "[edit system host-name]" in errors(other.commit())[0]
    assert console.hostname() == "one"
    other.rpc("<close-configuration/>")
    assert other.compare() == ""


def test_a_check_of_a_private_copy_says_what_a_commit_would(console):
    one, other = console.session(), console.session()
    for session, name in ((one, "one"), (other, "other")):
        session.rpc("<open-configuration><private/></open-configuration>")
        session.set(f"set system host-name {name}")
    validate = "<validate><source><candidate/></source></validate>"
    assert errors(other.rpc(validate)) == []
    assert errors(one.commit()) == []
    assert "[edit system host-name]" in errors(other.commit("<check/>"))[0]
    assert "[edit system host-name]" in errors(other.rpc(validate))[0]
    other.rpc("<discard-changes/>")
    assert errors(other.commit("<check/>")) == []


def _leaf(name):
    return Statement(name, Kind.LEAF)


MERGED = Statement(
    "",
    Kind.CONTAINER,
    below=lambda: (
        *(_leaf("a"), _leaf("b"), Statement("v", Kind.LEAF_LIST)),
        Statement("l", Kind.LIST, keys=(Key("name", "", str),), below=lambda: (_leaf("a"),)),
        Statement("c", Kind.CONTAINER, below=lambda: (_leaf("a"), _leaf("b"))),
        Statement("p", Kind.CONTAINER, presence=True, below=lambda: (_leaf("a"), _leaf("b"))),
        *(_leaf("this"), _leaf("that")),
    ),
    alternatives=lambda: (({"this"}, {"that"}),),
)


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "merged"),
    [
        ({"c": {"a": "1"}}, {}, {"c": {"a": "1", "b": "1"}}, {"c": {"b": "1"}}),
        ({"l": {"x": {}}}, {}, {"l": {"x": {}, "y": {}}}, {"l": {"y": {}}}),
        ({"l": {"x": {}, "y": {}}}, {"l": {"x": {}}}, {"l": {"y": {}}}, {}),
        ({"v": ["1"]}, {"v": ["1", "2"]}, {}, {"v": ["2"]}),
        ({"v": ["1", "2"]}, {"v": ["1"]}, {"v": ["2"]}, {}),
        ({"a": "1"}, {"a": "2"}, {"a": "1", "b": "1"}, {"a": "2", "b": "1"}),
        ({"a": "1"}, {}, {"a": "1"}, {}),
        ({"a": "1"}, {"a": "1"}, {}, {}),
        ({"l": {"x": {}}}, {"l": {"x": {}, "y": {}}}, {"l": {}}, {"l": {"y": {}}}),
        ({}, {"a": "1"}, {"a": "1"}, {"a": "1"}),
        ({}, {"@inactive": {"a"}}, {"@inactive": {"b"}}, {"@inactive": {"a", "b"}}),
    ],
)
def test_merging_keeps_both_changes(base, mine, theirs, merged):
    assert merge(MERGED, base, mine, theirs) == merged
    assert merge(MERGED, base, theirs, mine) == merged


def test_values_of_both_are_there_after_merging():
    both = merge(MERGED, {"v": ["1"]}, {"v": ["1", "2"]}, {"v": ["1", "3"]})
    assert both == {"v": ["1", "3", "2"]}


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "where"),
    [
        ({"l": {"x": {"a": "1"}}}, {"l": {"x": {"a": "2"}}}, {"l": {"x": {}}}, "l x a"),
        ({"l": {"x": {}}}, {}, {"l": {"x": {"a": "1"}}}, "l x"),
        ({"p": {"a": "1"}}, {}, {"p": {"a": "1", "b": "1"}}, "p"),
        ({}, {"this": "1"}, {"that": "1"}, "th(is|at)"),
        ({"v": ["1", "2"]}, {"v": ["2", "1"]}, {"v": ["2", "1", "3"]}, "v"),
        (
            {"c": {"a": "1"}, "@inactive": {"c"}},
            {},
            {"c": {"a": "1", "b": "1"}, "@inactive": {"c"}},
            "c",
        ),
    ],
)
def test_merging_says_where_two_changes_meet(base, mine, theirs, where):
    for one, other in ((mine, theirs), (theirs, mine)):
        if where != "v" or one is mine:
            with pytest.raises(Conflict, match=where):
                merge(MERGED, base, one, other)


@pytest.mark.parametrize(
    ("operation", "leaf", "tag"),
    [
        ("create", "<host-name>x</host-name>", "data-exists"),
        ("delete", "<time-zone>UTC</time-zone>", "data-missing"),
        ("remove", "<time-zone>UTC</time-zone>", None),
        ("frobnicate", "<time-zone>UTC</time-zone>", "bad-attribute"),
    ],
)
def test_edit_config_does_what_rfc_6241_says(console, operation, leaf, tag):
    session = console.session()
    name = leaf[1:].partition(">")[0]
    marked = leaf.replace(f"<{name}>", f'<{name} nc:operation="{operation}">', 1)
    reply = session.rpc(
        "<edit-config><target><candidate/></target><config><configuration>"
        f'<system xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0">{marked}</system>'
        "</configuration></config></edit-config>"
    )
    assert tags(reply) == ([tag] if tag else [])
    assert session.compare() == ""


def test_lines_before_and_behind_an_error_are_loaded_and_the_error_is_counted(console):
    session = console.session()
    reply = session.set(
        "set system host-name ok", "set system nonsense 1", "set system domain-name d.example"
    )
    assert errors(reply) == ["syntax error"]
    assert reply.findtext(".//load-error-count") == "1"
    assert "ok" in session.compare()


# Commits


def test_a_commit_says_every_reason_against_it_and_changes_nothing(console):
    session = console.session()
    session.set(
        "set security group-vpn server group G3 group-id 1",
        "set security group-vpn server group G2 ike-gateway nobody",
    )
    before = console.device.database.committed
    found = errors(session.commit())
    assert any("unique" in message for message in found)
    assert any("must be defined" in message for message in found)
    assert found[-1] == "commit failed: (statements constraint check failed)"
    assert console.device.database.committed is before
    check = errors(session.commit("<check/>"))
    assert check[-1] == "configuration check-out failed: (statements constraint check failed)"


def test_an_unconfirmed_commit_is_taken_back_at_its_time(console):
    session = console.session()
    session.set("set system host-name trial")
    session.commit("<confirmed/><confirm-timeout>5</confirm-timeout>")
    console.pass_time(299)
    assert console.hostname() == "trial"
    console.pass_time(1)
    assert console.hostname() == "hub-1"
    assert session.compare() == ""


def test_a_second_confirmed_commit_keeps_the_point_of_return(console):
    session = console.session()
    for name in ("first", "second"):
        session.set(f"set system host-name {name}")
        session.commit("<confirmed/>")
        console.pass_time(500)
    assert console.hostname() == "second"
    console.pass_time(101)
    assert console.hostname() == "hub-1"


@pytest.mark.parametrize("confirmation", ["<commit-configuration/>", "<commit/>"])
def test_a_commit_confirms(console, confirmation):
    session, other = console.session(), console.session()
    session.set("set system host-name kept")
    session.commit("<confirmed/><confirm-timeout>1</confirm-timeout>")
    assert errors(other.rpc(confirmation)) == []
    console.pass_time(3600)
    assert console.hostname() == "kept"


def test_an_rfc_confirmed_commit_counts_seconds_and_ends_with_its_session(console):
    session = console.session()
    session.set("set system host-name trial")
    session.rpc("<commit><confirmed/><confirm-timeout>600</confirm-timeout></commit>")
    console.pass_time(599)
    assert console.hostname() == "trial"
    session.end()
    assert console.hostname() == "hub-1"


def test_a_restart_does_not_forget_that_a_commit_is_unconfirmed(tmp_path):
    console = Console(state=tmp_path / "hub.db")
    session = console.session()
    session.set("set system host-name trial")
    session.commit("<confirmed/><confirm-timeout>5</confirm-timeout>")
    console.device.close()
    again = Device(console.spec, {}, START + 299)
    assert again.identity().hostname == "trial"
    again.close()
    late = Device(console.spec, {}, START + 301)
    assert late.identity().hostname == "hub-1"
    late.close()


def test_the_rescue_configuration_is_the_one_that_ran_and_survives_a_restart(tmp_path):
    console = Console(state=tmp_path / "hub.db")
    session = console.session()
    assert errors(session.rpc('<load-configuration rescue="rescue"/>'))
    session.set("set system host-name uncommitted")
    assert errors(session.rpc("<request-save-rescue-configuration/>")) == []
    session.commit()
    console.device.close()
    console.device = Device(console.spec, {}, START)
    session = console.session()
    saved = session.rpc("<get-rescue-information/>").findtext(".//configuration-output")
    assert "host-name hub-1;" in saved
    assert errors(session.rpc('<load-configuration rollback="rescue"/>')) == []
    session.commit()
    assert console.device.identity().hostname == "hub-1"
    command = "<command>request system configuration rescue delete</command>"
    assert errors(session.rpc(command)) == []
    assert errors(session.rpc("<get-rescue-information/>")) == ["rescue configuration not found"]
    console.device.close()


@pytest.mark.parametrize(
    "request_",
    [
        "<commit-configuration><at-time>23:59</at-time></commit-configuration>",
        "<commit><confirmed/><persist>token</persist></commit>",
        "<commit><persist-id>token</persist-id></commit>",
        "<commit-configuration><confirmed/><confirm-timeout>0</confirm-timeout>"
        "</commit-configuration>",
    ],
)
def test_a_commit_that_cannot_be_made_as_asked_is_not_made(console, request_):
    session = console.session()
    session.set("set system host-name asked")
    assert errors(session.rpc(request_)) != []
    assert console.hostname() == "hub-1"


def test_fifty_configurations_are_kept_and_come_back(console):
    session = console.session()
    for number in range(60):
        session.set(f"set system host-name name-{number}")
        session.commit(f"<log>number {number}</log>")
    session.rpc('<load-configuration rollback="49"/>')
    session.commit()
    assert console.hostname() == "name-10"
    assert errors(session.rpc('<load-configuration rollback="50"/>')) != []
    history = session.rpc("<get-commit-information/>")
    assert len(history.findall(".//commit-history")) == 50
    assert history.findtext(".//log") == "number 59"


def test_marks_comments_and_groups_survive_a_restart(tmp_path):
    console = Console(state=tmp_path / "hub.db")
    session = console.session()
    text = (
        "groups { g { security { group-vpn { server { group &lt;*> { "
        "description inherited; } } } } } } apply-groups g;"
        "system { /* the name */ protect: host-name hub-1; }"
    )
    load = "<load-configuration format='text'><configuration-text>"
    reply = session.rpc(f"{load}{text}</configuration-text></load-configuration>")
    assert errors(reply) == []
    assert errors(session.commit()) == []
    console.device.close()
    again = Device(console.spec, {}, START)
    shown = to_text(again.database.schema, again.database.committed)
    assert "    /* the name */\n    protect: host-name hub-1;\n" in shown
    groups = again.database.effective.tree["security"]["group-vpn"]["server"]["group"]
    assert all(group["description"] == "inherited" for group in groups.values())
    again.close()


def test_an_inherited_configuration_names_the_groups_on_request(console):
    session = console.session()
    session.set("set groups g system domain-name example.com")
    session.set("set apply-groups g")
    reply = session.rpc('<get-configuration inherit="inherit" groups="groups"/>')
    assert errors(reply) == []
    (element,) = reply.iter("{*}domain-name")
    assert [str(v) for k, v in element.attrib.items() if str(k).endswith("}group")] == ["g"]
    assert not list(reply.iter("{*}apply-groups", "{*}groups"))
    bare = session.rpc('<get-configuration inherit="inherit"/>')
    assert not next(bare.iter("{*}domain-name")).attrib

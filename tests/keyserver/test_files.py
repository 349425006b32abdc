# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configuration files as people have them: saved, pasted, edited elsewhere."""

from __future__ import annotations

import json

import pytest

from keyserver.config.edit import MalformedConfiguration
from keyserver.config.files import read_file
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.show import to_set, to_text
from keyserver.lab.specs import DeviceSpec
from keyserver.srx import LabConfigurationError, read_initial, read_leniently

V2 = junos_schema(Generation.V2)
SHOWN = "system {\n    host-name hub;\n    time-zone UTC;\n}\n"
SET = "set system host-name hub\nset system time-zone UTC\n"
XML = "<system><host-name>hub</host-name><time-zone>UTC</time-zone></system>"
WHOLE = f"<configuration>{XML}</configuration>"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"## Last commit: 2026-01-01 10:00:00 UTC by root\n{SHOWN}", id="text"),
        pytest.param(f"# a note of mine\n\n{SET}", id="set lines below a comment"),
        pytest.param(f"/* a note\n of mine */\n{SET}", id="set lines below a long comment"),
        pytest.param(f"\ufeff{SHOWN}", id="a byte order mark"),
        pytest.param(
            f'set system location building "a; b {{"\ndelete system location\n{SET}',
            id="set lines below quotes with marks of text",
        ),
        pytest.param(SHOWN.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(SET.replace("\n", "\r\n"), id="CRLF in set lines"),
        pytest.param(f"{SHOWN}\n{{primary:node0}}\n", id="a cluster's prompt at the end"),
        pytest.param(
            f"root@hub> show configuration | no-more \n{SHOWN}\n"
            "{primary:node0}[edit]\nroot@hub# ",
            id="prompts around it",
        ),
        pytest.param(
            "root@hub# set system host-name hub\n\n[edit]\nroot@hub# set system time-zone UTC \n"
            "\n[edit]\nroot@hub# commit\ncommit complete\n",
            id="what was typed",
        ),
        pytest.param(f"configure\n{SET}commit and-quit\nexit\n", id="a script for the CLI"),
        pytest.param(
            f'configure\n{SET}commit confirmed 5 comment "a first; try" and-quit\n',
            id="a script that comments its commit",
        ),
        pytest.param(f"<configuration>{XML}</configuration>", id="xml"),
        pytest.param(
            '<?xml version="1.0"?>\n<rpc-reply xmlns:junos="http://xml.juniper.net/junos/22.4R1/'
            'junos"><configuration xmlns="http://xml.juniper.net/xnm/1.1/xnm" '
            f'junos:commit-seconds="1">{XML}</configuration><cli><banner></banner></cli>'
            "</rpc-reply>\n\n{primary:node0}\n",
            id="display xml with its wrapper",
        ),
        pytest.param(
            f"<rpc-reply><configuration-text>\n{SHOWN}</configuration-text></rpc-reply>",
            id="text in a reply",
        ),
        pytest.param(
            f"root@> show configuration | display xml\n<rpc-reply>{WHOLE}<cli><banner>"
            "{primary:node0}</banner></cli></rpc-reply>\n\n{primary:node0}\nroot@> ",
            id="xml behind a prompt without a host",
        ),
        pytest.param(XML, id="xml without its root"),
        pytest.param(
            '{"configuration": {"system": {"host-name": "hub", "time-zone": "UTC"}}}', id="json"
        ),
        pytest.param(
            "edit system\nset host-name other\nset time-zone UTC\ntop\n"
            "delete system host-name\nset system host-name hub",
            id="a file that moves and deletes",
        ),
        pytest.param("edit system\nset host-name hub\nexit\nset system time-zone UTC", id="exit"),
        pytest.param(
            "edit system services ssh\nexit\nset system host-name hub\nset system time-zone UTC",
            id="exit from several levels below",
        ),
        pytest.param(
            "edit system\nset host-name hub\nedit services ssh\nquit\nset time-zone UTC",
            id="quit from several levels below",
        ),
        pytest.param(
            "edit system\nedit services\nup 2\nexit\n"
            "set system host-name hub\nset system time-zone UTC",
            id="exit behind up",
        ),
        pytest.param("top edit system\nset host-name hub\nup\nset system time-zone UTC", id="up"),
        pytest.param(
            "Last login: Mon Nov  2 10:00:00 from 192.0.2.1\n--- JUNOS 22.4R3 Kernel 64-bit\n"
            f"root@hub> show configuration\n{SHOWN}",
            id="a session from its login on",
        ),
    ],
)
def test_a_file_says_the_same_however_it_was_saved(text):
    tree, problems = read_file(V2, text)
    assert problems == []
    assert to_text(V2, tree) == SHOWN


def test_what_a_file_says_of_its_octets_does_not_spoil_its_words():
    text = "<?xml version='1.0' encoding='iso-8859-1'?><system><location><building>Süd</building>"
    tree, problems = read_file(V2, f"{text}</location></system>")
    assert (problems, tree["system"]["location"]) == ([], {"building": "Süd"})


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (
            'deactivate system time-zone\nedit system\nannotate host-name "ours"\n'
            "protect host-name",
            "system {\n    /* ours */\n    protect: host-name hub;\n"
            "    inactive: time-zone UTC;\n}\n",
        ),
        ("deactivate system time-zone\nactivate system time-zone", SHOWN),
    ],
)
def test_marks_and_comments_can_be_lines_of_a_file(lines, shown):
    tree, problems = read_file(V2, SET + lines)
    assert problems == []
    assert to_text(V2, tree) == shown


ZONES = "set security zones security-zone {}\n"


@pytest.mark.parametrize(
    ("line", "zones"),
    [
        ("rename security zones security-zone a to security-zone d", ["d", "b", "c"]),
        ("copy security zones security-zone a to security-zone d", ["a", "b", "c", "d"]),
        ("insert security zones security-zone c before security-zone a", ["c", "a", "b"]),
        ("insert security zones security-zone a after b", ["b", "a", "c"]),
        ("wildcard delete security zones security-zone [ab]", ["c"]),
        ("delete security zones security-zone b", ["a", "c"]),
    ],
)
def test_entries_are_renamed_copied_moved_and_deleted(line, zones):
    tree, problems = read_file(V2, "".join(map(ZONES.format, "abc")) + line)
    assert problems == []
    assert list(tree["security"]["zones"]["security-zone"]) == zones


@pytest.mark.parametrize(
    "line",
    [
        "rename security zones security-zone x to security-zone d",
        "copy security zones security-zone x to security-zone d",
        "insert security zones security-zone x before security-zone a",
        "rename interfaces ge-0/0/0 to ge-0/0/1",
    ],
)
def test_what_is_not_there_is_not_renamed_copied_or_moved_without_a_word(line):
    _, problems = read_file(V2, f"{ZONES.format('a')}{line}")
    assert [(p.line, p.message) for p in problems] == [(2, "statement not found")]


def test_an_entry_that_is_put_beside_another_has_to_be_there():
    for mark in ('insert="first"', 'rename="rename" name="b"'):
        entry = f"<security-zone {mark}><name>a</name></security-zone>"
        _, problems = read_file(V2, f"<security><zones>{entry}</zones></security>")
        assert problems, mark


def test_a_mark_that_is_about_no_value_is_refused():
    zones = {"security-zone": [{"name": "a"}], "@security-zone": {"inactive": True}}
    text = json.dumps({"configuration": {"security": {"zones": zones}}})
    _, problems = read_file(V2, text)
    assert [(p.path, p.bad_element) for p in problems] == [
        ("[edit security zones]", "@security-zone")
    ]


def test_a_configuration_behind_a_prompt_on_its_line_is_not_taken_for_a_command():
    _, problems = read_file(V2, f"root@hub> show configuration {SHOWN}".replace("\n", " "))
    assert [(p.line, p.bad_element) for p in problems] == [(1, "root@hub>")]


def test_every_objection_is_named_with_its_line_and_place():
    text = "system {\n    host-name hub;\n    nonsense 5;\n    services {\n        ssh {\n"
    text += "            connection-limit 999;\n        }\n    }\n}\nmore-nonsense;\n"
    tree, problems = read_file(V2, text)
    assert [(p.line, p.path, p.bad_element) for p in problems] == [
        (3, "[edit system]", "nonsense"),
        (6, "[edit system services ssh]", "connection-limit"),
        (10, "[edit]", "more-nonsense"),
    ]
    assert tree["system"]["host-name"] == "hub"


@pytest.mark.parametrize(
    "text",
    [
        *("<configuration>", "<hello/>", "{", "<!DOCTYPE a><configuration/>"),
        pytest.param(f"<configuration>{XML}</configuration>\n{SHOWN}", id="xml, then text"),
        pytest.param(WHOLE * 2, id="xml twice"),
        pytest.param(
            f"<data>{f'<configuration>{XML}</configuration>' * 2}</data>", id="two in one"
        ),
        pytest.param(
            f"<data>{f'<configuration-set>{SET}</configuration-set>' * 2}</data>",
            id="set lines twice in a reply",
        ),
        pytest.param('{"configuration": {}}\n{"configuration": {}}', id="json twice"),
        pytest.param("<configuration><version>\0</version></configuration>", id="NUL in xml"),
        pytest.param('{"configuration": {"system": {"host-name": "hu', id="json that ends early"),
    ],
)
def test_what_is_no_configuration_is_refused_whole(text):
    with pytest.raises(MalformedConfiguration):
        read_file(V2, text)


HUB = DeviceSpec("hub-1", generation=Generation.V2)
HOST, ZONE, MESSAGE = "host-name hub", "time-zone UTC", "login message"


@pytest.mark.parametrize(
    ("text", "kept", "left_out"),
    [
        pytest.param(
            "system {\n host-name hub;\n services {\n  ssh;\n }\nsnmp {\n location a;\n}\n",
            [HOST, "services ssh"],
            [
                "line 1: [edit system]: syntax error (})",
                "line 6: [edit system]: syntax error (snmp)",
            ],
            id="a brace that is not closed",
        ),
        pytest.param(
            "system {\n host-name hub;\n}\n}\nsystem {\n time-zone UTC;\n}\n",
            [HOST, ZONE],
            ["line 4: [edit]: syntax error (})"],
            id="a brace that closes nothing",
        ),
        pytest.param(
            'system {\n host-name hub;\n login {\n  message "never told',
            [HOST],
            [
                "line 1: [edit system]: syntax error (})",
                "line 3: [edit system login]: syntax error (})",
                'line 4: [edit]: syntax error (")',
                "line 4: [edit system login]: syntax error (message)",
            ],
            id="text that ends within a string",
        ),
        pytest.param(
            "system {\n host-name hub;\n /* never told;\n time-zone UTC;\n",
            [HOST],
            ["line 1: [edit system]: syntax error (})", "line 3: [edit]: syntax error (/*)"],
            id="text that ends within a comment",
        ),
        pytest.param(
            f'{SET}set system login message "never told\nset system services ssh\n',
            [HOST, ZONE, "services ssh"],
            ["line 3: [edit]: syntax error (set system login message)"],
            id="a line that ends within a string",
        ),
        pytest.param(
            "system {\n host-name h\0b;\n time-zone UTC;\n\0}\n",
            [ZONE],
            [
                "line 2: [edit system]: invalid character 0x00 (host-name)",
                "line 4: [edit system]: syntax error (\\x00)",
            ],
            id="NULs",
        ),
        pytest.param(
            f"These are the lines:\n\nroot@hub> show configuration | display set\n{SET}"
            "-- what about this one?\nset system services ssh\n",
            [HOST, ZONE, "services ssh"],
            ["line 1: [edit]: unknown command. (These)", "line 6: [edit]: unknown command. (--)"],
            id="set lines in a letter",
        ),
        pytest.param(
            f"{SET}{SHOWN}",
            [HOST, ZONE],
            [
                f"line {n}: [edit]: unknown command. ({word})"
                for n, word in enumerate(("system", "host-name", "time-zone", "}"), start=3)
            ],
            id="set lines, then text",
        ),
        pytest.param(
            f"{SHOWN}{SHOWN.replace('UTC', 'GMT')}",
            [HOST, "time-zone GMT"],
            [],
            id="two files in one",
        ),
        pytest.param(
            f'system {{ login {{ {MESSAGE[6:]} "{"x" * 1_000_000}"; }} host-name hub; }}',
            [HOST],
            ["line 1: [edit system login]: Must be string of 2048 characters or less (message)"],
            id="a line of a megabyte",
        ),
        pytest.param(
            "apply-groups all;\ngroups {\n    all {\n        system {\n            time-zone UTC;\n"
            "        }\n    }\n}\nsystem {\n    host-name hub;\n    ##\n"
            "    ## 'UTC' was inherited from group 'all'\n    ##\n    time-zone UTC;\n}\n",
            ["", HOST, ZONE],
            [],
            id="display inheritance",
        ),
    ],
)
def test_of_a_damaged_file_what_is_understood_is_kept_and_the_rest_is_named(text, kept, left_out):
    tree, said = read_leniently(HUB, text)
    shown = [line for line in to_set(V2, tree) if "groups" not in line]
    assert sorted(shown) == sorted(f"set system {one}" for one in kept if one)
    assert said == left_out
    assert "never told" not in "".join(said)
    if said:
        with pytest.raises(LabConfigurationError):
            read_initial(HUB, text)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "system name-server [ 192.0.2.1 192.0.2.2 ]",
            ["system name-server 192.0.2.1", "system name-server 192.0.2.2"],
        ),
        (
            "policy-options prefix-list p [ 192.0.2.0/24 198.51.100.0/24 ]",
            [f"policy-options prefix-list p {net}" for net in ("192.0.2.0/24", "198.51.100.0/24")],
        ),
        ('snmp community "["', ['snmp community "["']),
        ("snmp community [", None),
        ("snmp community ]", None),
        ("snmp location [ a b ]", None),
        ("system name-server [ [ 192.0.2.1 ] ]", None),
        ("system name-server [ 192.0.2.1", None),
        ("protocols ospf area 0 interface [ a.0 b.0 ] metric 1", None),
        ("security policies from-zone a to-zone [ policy ]", None),
    ],
)
def test_brackets_hold_entries_or_values_and_are_none_themselves(line, shown):
    for text in (f"set {line}\n", f"{line};\n"):
        tree, problems = read_file(V2, text)
        if shown is None:
            assert problems
            assert not any("[" in said for said in to_set(V2, tree))
        else:
            assert problems == []
            assert list(to_set(V2, tree)) == [f"set {one}" for one in shown]


@pytest.mark.parametrize(
    "text",
    [
        "set system name-server [ 192.0.2.1 192.0.2.2 ]\ndelete system name-server [ 192.0.2.1 ]",
        "deactivate system name-server [ 192.0.2.1 192.0.2.2 ]",
        "system { inactive: name-server [ 192.0.2.1 192.0.2.2 ]; }",
        "protocols { ospf { area 0 { interface [ a.0 b.0 ] { metric 1; } } } }",
    ],
)
def test_what_is_said_of_several_entries_at_once_is_refused(text):
    _, problems = read_file(V2, text)
    assert [(p.message, p.bad_element) for p in problems] == [("syntax error", "[")]

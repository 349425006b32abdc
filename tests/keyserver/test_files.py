# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configuration files as people have them: saved, pasted, edited elsewhere."""

from __future__ import annotations

import pytest

from keyserver.config.edit import MalformedConfiguration
from keyserver.config.files import read_file
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.show import to_text

V2 = junos_schema(Generation.V2)
SHOWN = "system {\n    host-name hub;\n    time-zone UTC;\n}\n"
SET = "set system host-name hub\nset system time-zone UTC\n"
XML = "<system><host-name>hub</host-name><time-zone>UTC</time-zone></system>"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"## Last commit: 2026-01-01 10:00:00 UTC by root\n{SHOWN}", id="text"),
        pytest.param(f"# a note of mine\n\n{SET}", id="set lines below a comment"),
        pytest.param(f"/* a note\n of mine */\n{SET}", id="set lines below a long comment"),
        pytest.param(f"\ufeff{SHOWN}", id="a byte order mark"),
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
        pytest.param("top edit system\nset host-name hub\nup\nset system time-zone UTC", id="up"),
    ],
)
def test_a_file_says_the_same_however_it_was_saved(text):
    tree, problems = read_file(V2, text)
    assert problems == []
    assert to_text(V2, tree) == SHOWN


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
    "text", ["system {\n}\n}\n", "<configuration>", "<hello/>", "{", "<!DOCTYPE a><configuration/>"]
)
def test_what_is_no_configuration_is_refused_whole(text):
    with pytest.raises(MalformedConfiguration):
        read_file(V2, text)

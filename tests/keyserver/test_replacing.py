# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``replace pattern``, in the CLI's words and in XML, as Juniper's CLI guide describes it."""

from __future__ import annotations

import pytest

from tests.keyserver.console import Console, errors

NAMES = """
set interfaces ge-0/0/0 description "mkt 010101"
set interfaces ge-0/0/0 unit 0 description "mkt 010101"
set interfaces fe-0/0/1 description "mkt 010101"
set system name-server 192.0.2.1
set system name-server 192.0.2.2
set system login message "a.b a-b"
"""


@pytest.fixture
def session():
    session = Console().session()
    assert errors(session.set(*NAMES.strip().splitlines())) == []
    session.commit()
    return session


def shown(session, path: str) -> list[str]:
    reply = session.rpc(f"<command>show configuration {path} | display set relative</command>")
    text = reply.findtext(".//configuration-output", "\n")
    if session.compare():
        session.commit()
        return shown(session, path)
    return text.split("\n")[1:-1]


def replaced(session, *lines: str) -> list[str]:
    """The set lines of all interfaces and of what is below system, after CLI commands."""
    assert errors(session.set(*lines)) == []
    return [line for path in ("interfaces", "system") for line in shown(session, path)]


BEFORE = [
    'set ge-0/0/0 description "mkt 010101"',
    'set ge-0/0/0 unit 0 description "mkt 010101"',
    'set fe-0/0/1 description "mkt 010101"',
    "set host-name hub-1",
    'set login message "a.b a-b"',
    "set name-server 192.0.2.1",
    "set name-server 192.0.2.2",
]


@pytest.mark.parametrize(
    ("lines", "changes"),
    [
        # Of two objects both siblings come before the child of one, each as a whole.
        (
            ["edit interfaces", "replace pattern 01 with 02 upto 2"],
            {
                0: 'set ge-0/0/0 description "mkt 020202"',
                2: 'set fe-0/0/1 description "mkt 020202"',
            },
        ),
        (
            ["replace pattern ge-0/0/0 with xe-0/0/0"],
            {
                0: 'set xe-0/0/0 description "mkt 010101"',
                1: 'set xe-0/0/0 unit 0 description "mkt 010101"',
            },
        ),
        (
            ["edit system", 'replace pattern "192.0.2.(.)" with "198.51.100.\\1"'],
            {5: "set name-server 198.51.100.1", 6: "set name-server 198.51.100.2"},
        ),
        (
            [r'replace pattern "a\.b" with "(&amp;)"'],
            {4: 'set login message "(a.b) a-b"'},
        ),
        (["replace pattern nothing with something"], {}),
        (["replace pattern 01 with 02 upto 0", "replace pattern 02 with 01"], {}),
    ],
)
def test_a_pattern_is_replaced_in_names_and_values_where_the_cli_stands(session, lines, changes):
    assert replaced(session, *lines) == [changes.get(at, line) for at, line in enumerate(BEFORE)]


@pytest.mark.parametrize(
    ("xml", "changed"),
    [
        ('<configuration replace-pattern="gm-1" with="gm-2"/>', 3),
        ('<configuration replace-pattern="gm-1" with="gm-2" upto="2"/>', 2),
        (
            '<configuration><security><group-vpn><server><ike replace-pattern="gm-1" with="gm-2"/>'
            "</server></group-vpn></security></configuration>",
            1,
        ),
    ],
)
def test_xml_says_in_which_hierarchy(session, xml, changed):
    assert errors(session.rpc(f"<load-configuration>{xml}</load-configuration>")) == []
    assert sum("gm-2" in line for line in session.compare().splitlines()) == changed


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("replace pattern a with b c", "syntax error"),
        ("replace a with b", "syntax error"),
        ("replace pattern a with b upto x", "Invalid numeric value: 'x'"),
        ('replace pattern "(a+)+" with b', "invalid regular expression"),
        ('replace pattern "a*?" with b', "invalid regular expression"),
        ('replace pattern "[" with b', "invalid regular expression"),
        (r'replace pattern "(a)" with "\2"', "invalid back reference"),
        ('replace pattern ".*a.*b.*" with b', "regular expression too complex"),
        (f'replace pattern "{"a?" * 9}" with b', "regular expression too complex"),
        ('replace pattern "^hub-1$" with "a b"', "Must be a string of alphanumericals"),
        ("edit snmp\nreplace pattern a with b", "statement not found"),
    ],
)
def test_what_cannot_be_replaced_is_said_and_nothing_changes(session, line, said):
    assert said in errors(session.set(*line.split("\n")))[0]
    assert session.compare() == ""


def test_a_value_that_would_take_long_to_match_is_refused(session):
    long = f"b{'a' * 2000}"
    assert errors(session.set(f"set snmp contact {long}")) == []
    for held_up_nobody in ('"^b$"', '"a*a*!"'):
        assert errors(session.set(f"replace pattern {held_up_nobody} with c")) == []
    said = errors(session.set('replace pattern "^ba*a*" with c'))
    assert said == ["regular expression too complex for a value of 2001 characters"]
    assert long in session.compare()


@pytest.mark.parametrize(
    "load",
    [
        '<load-configuration action="override"><configuration replace-pattern="a" with="b"/>'
        "</load-configuration>",
        "<load-configuration><configuration><interfaces><interface replace-pattern='a' with='b'>"
        "<name>ge-0/0/0</name></interface></interfaces></configuration></load-configuration>",
        "<load-configuration><configuration replace-pattern='a' with='b'><system/>"
        "</configuration></load-configuration>",
        "<edit-config><target><candidate/></target><default-operation>replace</default-operation>"
        "<config><configuration replace-pattern='a' with='b'/></config></edit-config>",
    ],
)
def test_a_pattern_beside_something_else_is_refused(session, load):
    assert errors(session.rpc(load)) == ["syntax error"]
    assert session.compare() == ""


def test_secrets_and_what_is_protected_stay(session):
    session.set("protect interfaces ge-0/0/0", "set snmp community zz")
    session.commit()
    before = session.rpc("<get-configuration/>").findtext(".//ascii-text")
    said = errors(session.set('replace pattern "[$]9[$]|ge-" with xe-'))
    assert said == ["[interfaces ge-0/0/0] is protected, 'interfaces ge-0/0/0' cannot be changed"]
    assert session.rpc("<get-configuration/>").findtext(".//ascii-text") == before
    assert "ge-0/0/0" in [e.text for e in session.rpc("<get-configuration/>").iter("name")]

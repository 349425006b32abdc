# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a load says of statements (marks, comments, places) is done, in every format, or refused."""

from __future__ import annotations

import random
from html import escape

import pytest
from lxml import etree

from keyserver.config import edit
from tests.keyserver.console import END, Console, Session, errors

BASE = (
    "set system domain-name a",
    "set system name-server 192.0.2.53",
    'annotate system name-server 192.0.2.53 "old one"',
    "set system login user u class super-user",
    "set interfaces ge-0/0/0 unit 0 family inet",
    "set policy-options policy-statement P term a from protocol [ static direct ]",
    "set policy-options policy-statement P term b then accept",
    "set security zones security-zone A",
)
PROTOCOL = "policy-options policy-statement P term a from protocol"


@pytest.fixture
def session():
    session = Console().session()
    session.set(*map(escape, BASE))
    assert errors(session.commit()) == []
    return session


def shown(session: Session) -> str:
    return session.rpc('<get-configuration format="text"/>').findtext(".//configuration-text")


def load(session: Session, form: str, text: str, action: str = "merge") -> etree._Element:
    inner = f"<configuration{form}>{text if not form else escape(text)}</configuration{form}>"
    return session.rpc(f'<load-configuration action="{action}">{inner}</load-configuration>')


XML, TEXT, JSON, SET = "", "-text", "-json", "-set"
TERM_B = (
    "<policy-options><policy-statement><name>P</name>"
    "<term {}><name>b</name>{}</term></policy-statement></policy-options>"
)
PROTOCOLS = (
    '{"policy-options": {"policy-statement": [{"name": "P", "term": [{"name": "a", '
    '"from": {"protocol": ["static", "direct"], "@protocol": %s}}]}]}}'
)
NOT_DONE = [
    # Attributes of what is not a statement, or not where those of a branch stand.
    (JSON, '{"configuration": {"@": {"operation": "delete"}, "snmp": {"contact": "x"}}}'),
    (JSON, '{"configuration": {"@": "delete", "snmp": {"contact": "x"}}}'),
    (JSON, '{"@system": {"operation": "delete"}, "system": {}}'),
    (JSON, '{"system": {"login": {"@user": [{"inactive": true}], "user": [{"name": "u"}]}}}'),
    (JSON, '{"system": {"undocumented": {"@": {"inactive": true}, "domain-name": "b"}}}'),
    (
        XML,
        '<system><undocumented delete="delete"><domain-name>b</domain-name>'
        "</undocumented></system>",
    ),
    (XML, "<system><undocumented>all<domain-name>b</domain-name></undocumented></system>"),
    (XML, '<system><comment delete="delete">c</comment></system>'),
    (XML, "<system><comment>c<b/></comment></system>"),
    # One value of several cannot be told apart.
    (JSON, PROTOCOLS % '[{"operation": "delete"}]'),
    (JSON, PROTOCOLS % '[{"operation": "delete"}, null]'),
    (SET, f"deactivate {PROTOCOL} static"),
    (SET, f"protect {PROTOCOL} direct"),
    (TEXT, "policy-options { policy-statement P { term a { from { inactive: protocol bgp; } } } }"),
    # Tags that contradict each other, or of nothing.
    (TEXT, "inactive: active: snmp { contact x; }"),
    (TEXT, "delete: replace: system { domain-name b; }"),
    (TEXT, "protect: unprotect: system { domain-name b; }"),
    (TEXT, "delete: delete: system;"),
    (TEXT, "system { protect: delete: domain-name; }"),
    (TEXT, "system { inactive: delete: domain-name; }"),
    (XML, '<system><domain-name active="active" delete="delete"/></system>'),
    (TEXT, "system { inactive: }"),
    (TEXT, "system { inactive: ; }"),
    # Whether the branch goes or what is in it nobody could be sure.
    (TEXT, "delete: system domain-name;"),
    (TEXT, "inactive: interfaces ge-0/0/0 unit 0;"),
    (TEXT, "delete: interfaces ge-0/0/0 { unit 0; }"),
    # A new name with something else, and one of what has none.
    (XML, TERM_B.format('rename="rename" name="c" inactive="inactive"', "")),
    (XML, TERM_B.format('rename="rename" name="c" delete="delete"', "")),
    (XML, TERM_B.format('rename="rename" name="c"', "<then><reject/></then>")),
    (XML, TERM_B.format('insert="first" delete="delete"', "")),
    (
        XML,
        TERM_B.replace("<name>b</name>", "<name>a</name>").format(
            "", '<from><protocol rename="rename" name="bgp">static</protocol></from>'
        ),
    ),
    # A name that no format could show.
    (SET, 'set policy-options policy-statement "" then accept'),
    (XML, "<policy-options><policy-statement><name> </name></policy-statement></policy-options>"),
    (JSON, '{"policy-options": {"policy-statement": [{"name": ""}]}}'),
    (JSON, '{"policy-options": {"policy-statement": [{"name": "a\\u001fb"}]}}'),
    (JSON, '{"policy-options": {"policy-statement": [{"name": "\\u001f"}]}}'),
    # Words of an expression that nothing closes.
    (SET, "set policy-options policy-statement Q from policy ( a && b"),
    # What was made for the sake of a value that is refused.
    (SET, "set interfaces ge-0/0/7 unit 0 family inet mtu many"),
    (SET, 'set groups g system host-name "no name"'),
    (TEXT, "snmp { community c { authorization frob; } }"),
]


@pytest.mark.parametrize(("form", "text"), NOT_DONE)
def test_what_cannot_be_done_with_a_statement_is_an_error_and_nothing_is(session, form, text):
    before = shown(session)
    problems = load(session, form, text, "set" if form == SET else "merge")
    assert errors(problems), text
    assert problems.find(".//ok") is None
    assert shown(session) == before


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (SET, "deactivate system domain-name b"),
        (SET, "activate system domain-name b"),
        (SET, "protect system login user u class operator"),
        (SET, 'annotate system domain-name b "x"'),
        (SET, f"deactivate {PROTOCOL} bgp"),
        (XML, '<system><syslog inactive="inactive"/></system>'),
        (XML, '<system><syslog protect="protect"/></system>'),
        # As junos_system sends what a task does not give.
        (XML, '<system><time-zone active="active"/></system>'),
        (XML, '<system><domain-search active="active" operation="merge"/></system>'),
        (XML, '<system><ntp><server inactive="inactive"/></ntp></system>'),
        (JSON, '{"system": {"ntp": {"server": [{"@": {"protect": true}}]}}}'),
        (TEXT, "system { inactive: syslog; }"),
        (JSON, '{"system": {"syslog": {"@": {"inactive": true}}}}'),
    ],
)
def test_a_mark_of_what_is_not_there_is_a_warning(session, form, text):
    before = shown(session)
    reply = load(session, form, text, "set" if form == SET else "merge")
    assert errors(reply) == ["statement not found"]
    assert reply.find(".//ok") is not None
    assert shown(session) == before


MADE = {
    "system login user new": "protect: user new;",
    "interfaces ge-0/0/9 unit 0 family inet": "protect: family inet;",
    "system no-redirects": "protect: no-redirects;",
}


@pytest.mark.parametrize(("path", "line"), MADE.items())
def test_what_is_to_be_protected_and_is_not_there_is_made_first(session, path, line):
    """As Juniper's page on the protect attribute has it."""
    assert errors(load(session, SET, f"protect {path}", "set")) == []
    assert line in session.compare()
    assert "is protected" in errors(load(session, SET, f"delete {path}", "set"))[0]


@pytest.mark.parametrize("path", ["system login user new class", "system time-zone", "snmp"])
def test_what_cannot_be_made_of_its_name_alone_is_not_protected(session, path):
    assert errors(load(session, SET, f"protect {path}", "set")) == ["statement not found"]
    assert session.compare() == ""


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (SET, f"deactivate {PROTOCOL}"),
        (SET, f"deactivate {PROTOCOL} [ static direct ]"),
        (JSON, PROTOCOLS % '{"inactive": true}'),
        (JSON, PROTOCOLS % '[{"inactive": true}, {"inactive": true}]'),
        (
            XML,
            TERM_B.replace("<name>b</name>", "<name>a</name>").format(
                "",
                "<from>"
                '<protocol inactive="inactive">static</protocol>'
                '<protocol inactive="inactive">direct</protocol></from>',
            ),
        ),
    ],
)
def test_a_mark_of_all_values_is_one_of_the_statement(session, form, text):
    assert errors(load(session, form, text, "set" if form == SET else "merge")) == []
    assert "inactive: protocol [ static direct ];" in shown(session)


# Comments

PLACES = {
    # In text: behind the last statement, alone, within a statement, at the end of everything.
    (TEXT, "snmp { contact x; /* c */ }"): ["/* c */", "contact x;"],
    (TEXT, "snmp { /* a */ contact x; /* c */ }"): ["/* a", "c */", "contact x;"],
    (TEXT, "system { /* c */ }"): ["/* c */", "system {"],
    (TEXT, "snmp { contact /* c */ x; }"): ["/* c */", "contact x;"],
    (TEXT, "snmp { contact x /* c */; }"): ["/* c */", "contact x;"],
    (TEXT, "snmp { contact x; } /* c */"): ["/* c */", "snmp {"],
    (TEXT, "system { name-server { 192.0.2.9; /* c */ } }"): ["/* c */", "192.0.2.9;"],
    (TEXT, "interfaces { /* c */ }"): ["/* c */", "interfaces {"],
    (TEXT, "snmp { contact x; delete: location; /* c */ }"): ["/* c */", "contact x;"],
    (XML, "<snmp><contact>x</contact><comment>c</comment></snmp>"): ["/* c */", "contact x;"],
    (XML, "<snmp><comment>a</comment><comment>c</comment><contact>x</contact></snmp>"): [
        "/* a",
        "c */",
        "contact x;",
    ],
    (XML, "<system><comment>c</comment></system>"): ["/* c */", "system {"],
    (
        XML,
        "<system><comment>c</comment><undocumented><domain-name>b</domain-name></undocumented>"
        "<host-name>h</host-name></system>",
    ): ["/* c */", "domain-name b;"],
}


@pytest.mark.parametrize(("form", "text"), PLACES)
def test_no_comment_is_lost_wherever_it_stands(session, form, text):
    assert [e for e in errors(load(session, form, text)) if e != "statement not found"] == []
    lines = [line.strip() for line in shown(session).splitlines()]
    wanted = PLACES[form, text]
    at = lines.index(wanted[0])
    assert lines[at : at + len(wanted)] == wanted


CHANGES = (
    'annotate system domain-name "x"',
    'annotate system "one\\ntwo"',
    "protect system domain-name",
    "protect system",
    "deactivate system domain-name",
    "deactivate interfaces ge-0/0/0",
    'annotate system name-server 192.0.2.53 "new"',
    'annotate system name-server 192.0.2.53 ""',
    'annotate interfaces ge-0/0/0 unit 0 family inet "f"',
    f"deactivate {PROTOCOL}",
    f'annotate {PROTOCOL} "p"',
    "delete system name-server 192.0.2.53",
    "deactivate security zones security-zone A",
    "protect system login user u class",
    "set system login user u full-name q",
    'annotate system login user u "one\\ntwo"',
)


@pytest.mark.parametrize("seed", range(40))
def test_marks_and_comments_come_with_a_difference_as_text_and_as_xml(session, seed):
    """And go with the one the other way round."""
    chance = random.Random(seed)
    lines = [CHANGES[seed]] if seed < len(CHANGES) else chance.sample(CHANGES, 5)
    # What is protected is not changed any more.
    lines.sort(key=lambda line: line.startswith("protect"))
    first = shown(session)
    session.set(*map(escape, lines))
    there = shown(session)
    for before, after, change in ((first, there, session.commit), (there, first, None)):
        number = 0 if after is there else 1
        if change is None:
            # Back to what was before, of which nothing is protected.
            session.rpc("<load-configuration rollback='1'/>")
            number = 0
        patch, written = differences(session, number)
        session.rpc("<discard-changes/>")
        assert shown(session) == before
        assert errors(load(session, "-patch", patch, "patch")) == []
        assert shown(session) == after
        session.rpc("<discard-changes/>")
        assert errors(edited(session, written)) == []
        assert shown(session) == after
        if change is not None:
            change()


def differences(session: Session, number: int) -> tuple[str, str]:
    """What makes the candidate of a committed configuration: as text and as XML."""
    ask = f'<get-configuration compare="rollback" rollback="{number}" format="{{}}"/>'
    patch = session.rpc(ask.format("text")).findtext(".//configuration-output")
    answer = session.raw(f'<rpc message-id="1">{ask.format("xml")}</rpc>'.encode())
    return patch, etree.tostring(etree.fromstring(answer.removesuffix(END))[0]).decode()


def edited(session: Session, configuration: str) -> etree._Element:
    return session.rpc(
        "<edit-config><target><candidate/></target><default-operation>none</default-operation>"
        f"<config>{configuration}</config></edit-config>"
    )


@pytest.mark.parametrize("value", ["\u2028", "a\u0085b", "\u2029 \x0b".replace("\x0b", "")])
def test_a_difference_has_lines_where_lines_end_and_nowhere_else(session, value):
    session.set(escape(f'set system login message "{value}"'))
    there, (patch, _) = shown(session), differences(session, 0)
    session.rpc("<discard-changes/>")
    assert errors(load(session, "-patch", patch, "patch")) == []
    assert shown(session) == there


@pytest.mark.parametrize(
    ("form", "comment", "around"),
    [
        (TEXT, "/* a */ ", "{}snmp {{ contact x; }}"),
        (XML, "<comment>a</comment>", "{}<snmp><contact>x</contact></snmp>"),
    ],
)
def test_many_comments_are_put_together_once(session, monkeypatch, form, comment, around):
    octets = []
    monkeypatch.setattr(edit, "bare_comment", lambda text: octets.append(len(text)) or "a")
    assert errors(load(session, form, around.format(comment * 300))) == []
    assert sum(octets) < 300 * 20


# What is protected stays

GUARDED = (
    "set system login user v class operator",
    "set system login user v full-name x",
    "set system services ssh",
    "protect system domain-name",
    "protect system login user u",
    "protect system login user v full-name",
)
U, FULL_NAME, DOMAIN = "system login user u", "system login user v full-name", "system domain-name"
TAKEN_AWAY = {
    (SET, "delete system", "set"): {U, FULL_NAME, DOMAIN},
    (SET, "delete system login user", "set"): {U, FULL_NAME},
    (SET, "wildcard delete system login user *", "set"): {U, FULL_NAME},
    (SET, "delete system login user v", "set"): {FULL_NAME},
    (TEXT, "system { replace: login { user w { class operator; } } }", "replace"): {U, FULL_NAME},
    (XML, '<system><login delete="delete"/></system>', "merge"): {U, FULL_NAME},
    (TEXT, "system { host-name h; }", "override"): {U, FULL_NAME, DOMAIN},
    (JSON, '{"system": {"host-name": "h"}}', "update"): {U, FULL_NAME, DOMAIN},
    (TEXT, "system { protect: domain-name a; }", "override"): {U, FULL_NAME},
}


@pytest.mark.parametrize(("form", "text", "action"), TAKEN_AWAY)
def test_of_what_goes_that_stays_which_is_protected_and_it_is_said(session, form, text, action):
    """All else in it goes, as Juniper's guide to the Junos XML protocol has it."""
    session.set(*GUARDED)
    reply = load(session, form, text, action)
    stays = TAKEN_AWAY[form, text, action]
    assert set(errors(reply)) == {f"[{s}] is protected, '{s}' cannot be deleted" for s in stays}
    assert reply.find(".//ok") is not None
    whole = shown(session)
    assert whole.count("protect: ") == 3
    for kept in ("protect: domain-name a;", "protect: user u {", "protect: full-name x;"):
        assert kept in whole
    assert ("class operator;" in whole) == ("user w {" in whole)
    assert ("ssh" in whole) == (DOMAIN not in stays and action != "override")


def test_an_edit_that_would_take_away_what_is_protected_does_nothing(session):
    session.set(*GUARDED)
    before = shown(session)
    reply = session.rpc(
        "<edit-config><target><candidate/></target><default-operation>replace</default-operation>"
        "<config><configuration><system><host-name>h</host-name></system></configuration></config>"
        "</edit-config>"
    )
    assert f"[{U}] is protected, '{U}' cannot be deleted" in errors(reply)
    assert shown(session) == before


def test_a_candidate_is_not_emptied_of_what_is_protected(session):
    session.set("protect system domain-name")
    there = shown(session)
    emptied = "<delete-config><target><candidate/></target></delete-config>"
    said = ["[system domain-name] is protected, 'system domain-name' cannot be deleted"]
    assert (errors(session.rpc(emptied)), shown(session)) == (said, there)
    session.set("unprotect system domain-name")
    assert (errors(session.rpc(emptied)), shown(session).strip()) == ([], "")


TERM_A = "policy-options policy-statement P term a"
MARKED = (
    "set system login user u full-name q",
    "protect system login user u class",
    "protect system login user u",
    "protect system domain-name",
    f"protect {PROTOCOL}",
    f"protect {TERM_A}",
    "protect policy-options policy-statement P term b then accept",
    "protect interfaces ge-0/0/0 unit 0 family",
)
IN_P = "policy-options {{ policy-statement P {{ {} }} }}"
SAID_AGAIN = {
    # What a load marks as protected is changed by it no more than what it does not.
    (TEXT, "system { protect: domain-name b; }"): DOMAIN,
    (TEXT, "system { replace: protect: domain-name b; }"): DOMAIN,
    (TEXT, "system { protect: inactive: domain-name a; }"): DOMAIN,
    (TEXT, "system { /* why */ protect: domain-name a; }"): DOMAIN,
    (XML, '<system><domain-name protect="protect">b</domain-name></system>'): DOMAIN,
    (XML, '<system><domain-name protect="protect" inactive="inactive"/></system>'): DOMAIN,
    (JSON, '{"system": {"domain-name": "b", "@domain-name": {"protect": true}}}'): DOMAIN,
    ("-patch", "[edit system]\n+   protect: domain-name b;\n"): DOMAIN,
    (TEXT, "system { login { protect: user u { full-name x; } } }"): U,
    (TEXT, "system { login { protect: user u { protect: class operator; } } }"): U,
    (TEXT, "system { login { protect: user u { unprotect: class super-user; } } }"): U,
    (TEXT, "system { login { protect: user u { delete: full-name; } } }"): U,
    (TEXT, "system { login { protect: replace: user u { class super-user; } } }"): U,
    (TEXT, "system { replace: login { protect: user u { class super-user; } } }"): U,
    (TEXT, IN_P.format("protect: term a { from { protocol bgp; } }")): TERM_A,
    (TEXT, IN_P.format("protect: term a { from { protect: protocol [ bgp ]; } }")): TERM_A,
    (
        XML,
        TERM_B.replace("<name>b</name>", "<name>a</name>").format(
            'protect="protect" insert="last"', ""
        ),
    ): TERM_A,
    # What would go, or be marked, because of something else.
    (TEXT, IN_P.format("term b { then { reject; } }")): (
        "policy-options policy-statement P term b then accept"
    ),
    (SET, "deactivate policy-options policy-statement P term"): (
        "policy-options policy-statement P term"
    ),
    (SET, "deactivate system login user"): "system login user",
    (SET, "deactivate interfaces ge-0/0/0 unit 0 family"): "interfaces ge-0/0/0 unit 0 family",
    (SET, f"rename {TERM_A} to term c"): TERM_A,
    (SET, f"insert {TERM_A} after term b"): TERM_A,
}


@pytest.mark.parametrize(("form", "text"), SAID_AGAIN)
def test_what_is_protected_is_changed_by_no_load_that_leaves_it_protected(session, form, text):
    session.set(*MARKED)
    before, thing = shown(session), SAID_AGAIN[form, text]
    action = {SET: "set", "-patch": "patch"}.get(form, "merge")
    reply = load(session, form, text, action)
    verb = "deleted" if thing.endswith("accept") else "changed"
    assert errors(reply) == [f"[{thing}] is protected, '{thing}' cannot be {verb}"]
    assert (reply.find(".//ok"), shown(session)) == (None, before)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (TEXT, "system { protect: domain-name a; login { protect: user u { full-name q; } } }"),
        (TEXT, "system { protect: replace: domain-name a; login { protect: user u; } }"),
        (XML, '<system><login><user protect="protect"><name>u</name></user></login></system>'),
        (TEXT, IN_P.format("protect: term a { from { protect: protocol static; } }")),
        (TEXT, IN_P.format("protect: term a { from { protocol [ direct static ]; } }")),
    ],
)
def test_what_is_protected_may_be_said_again(session, form, text):
    session.set(*MARKED)
    before = shown(session)
    assert (errors(load(session, form, text)), shown(session)) == ([], before)
    assert errors(load(session, TEXT, before, "override")) == []
    assert shown(session) == before


def test_what_is_protected_stays_what_it_is_whatever_a_whole_configuration_has_of_it(session):
    session.set(*MARKED)
    was = shown(session)
    for other in (was.replace("domain-name a", "domain-name b"), was.replace("full-name q;", "")):
        assert " cannot be changed" in "".join(errors(load(session, TEXT, other, "override")))
        assert shown(session) == was


def test_a_copy_of_what_is_protected_leaves_it_as_it_is(session):
    """Juniper's guides forbid to copy something into what is protected, and no more."""
    session.set(*MARKED)
    copied = session.set(f"copy {TERM_A} to term c", "copy system login user u to user w")
    assert errors(copied) == []
    assert "    term c {\n" in shown(session)
    whole = shown(session)
    assert "        user w {\n            full-name q;\n            protect: class" in whole
    assert errors(session.set(f"unprotect {TERM_A}", f"delete {TERM_A}")) == [
        f"[{PROTOCOL}] is protected, '{PROTOCOL}' cannot be deleted"
    ]


def test_what_stays_of_a_branch_that_is_replaced_twice_is_told_once(session):
    session.set("protect system domain-name")
    told = load(
        session, TEXT, "system { host-name h; } replace: system { host-name i; }", "override"
    )
    assert errors(told) == [
        "[system domain-name] is protected, 'system domain-name' cannot be deleted"
    ]


def test_what_goes_by_a_difference_goes_with_its_protection(session):
    session.set("protect system domain-name")
    patch = "[edit system]\n-   protect: domain-name a;\n+   protect: domain-name b;\n"
    assert errors(load(session, "-patch", patch, "patch")) == []
    assert "protect: domain-name b;" in shown(session)


def test_that_a_statement_stays_is_looked_up_as_often_as_there_are_statements(session, monkeypatch):
    lines = [f"set system login user u{n} class operator" for n in range(300)]
    session.set(*lines, *(f"protect system login user u{n}" for n in range(300)))
    there, looked_at = shown(session), []
    words = edit.Edit.words.fget
    monkeypatch.setattr(
        edit.Edit, "words", property(lambda self: looked_at.append(self) or words(self))
    )
    assert errors(load(session, TEXT, there, "override")) == []
    assert len(looked_at) < 300 * 30


TERMS = (
    "set policy-options policy-statement P term c from protocol bgp",
    "set policy-options policy-statement P term d then accept",
    "protect policy-options policy-statement P term b",
    "protect policy-options policy-statement P term d then",
)


@pytest.mark.parametrize("around", [(), ("protect policy-options",)])
@pytest.mark.parametrize("form", ["xml", "text", "json"])
def test_what_stays_of_a_list_is_where_the_load_has_it(session, form, around):
    """The order of terms is what a policy does: what stays is not put before all others."""
    session.set(*TERMS, *around)
    there = shown(session)
    answer = session.raw(
        f'<rpc message-id="1"><get-configuration format="{form}"/></rpc>'.encode()
    ).removesuffix(END)
    given = etree.fromstring(answer)
    if form == "xml":
        given = etree.tostring(given[0]).decode()
        loaded = session.rpc(f'<load-configuration action="override">{given}</load-configuration>')
    else:
        loaded = load(session, f"-{form}", "".join(given.itertext()), "override")
    assert (errors(loaded), shown(session)) == ([], there)


def test_what_stays_and_is_not_in_the_load_stands_before_what_is(session):
    session.set(*TERMS)
    text = IN_P.format("term d { protect: then { accept; } } term a { then { reject; } }")
    told = errors(load(session, TEXT, text, "override"))
    assert told[0].endswith("term b' cannot be deleted")
    terms = [line.split()[-2] for line in shown(session).splitlines() if "term " in line]
    assert terms == ["b", "d", "a"]


def test_what_stays_of_the_configuration_groups_is_where_the_load_has_it(session):
    session.set("set groups g system no-redirects", "set groups h system host-name x")
    session.set("protect groups h")
    there = shown(session)
    assert errors(load(session, TEXT, there, "override")) == []
    assert shown(session) == there


MEANWHILE = {
    "set system domain-name b": "protect system domain-name",
    "delete system domain-name": "protect system domain-name",
    "deactivate system domain-name": "protect system domain-name",
    'annotate system domain-name "x"': "protect system domain-name",
    "set system login user u class operator": "protect system login",
    "set system login user w class operator": "protect system login",
    "delete system login user u": "protect system login user u",
}


@pytest.mark.parametrize("change", MEANWHILE)
def test_a_private_copy_changes_nothing_that_was_protected_meanwhile(change):
    console = Console()
    first, second = console.session(), console.session()
    first.set(*map(escape, BASE))
    assert errors(first.commit()) == []
    for session in (first, second):
        session.rpc("<open-configuration><private/></open-configuration>")
    assert errors(first.set(escape(change), "set snmp contact x")) == []
    assert errors(second.set(MEANWHILE[change])) == errors(second.commit()) == []
    there = console.device.database.committed
    (said,) = errors(first.commit())
    assert said.endswith("changed by another user too; discard or change it")
    assert console.device.database.committed is there


def test_what_was_protected_meanwhile_keeps_nobody_from_changing_what_is_beside_it():
    console = Console()
    first, second = console.session(), console.session()
    first.set(*map(escape, BASE))
    first.commit()
    for session in (first, second):
        session.rpc("<open-configuration><private/></open-configuration>")
    first.set("set system domain-name b")
    second.set("protect system login")
    assert errors(second.commit()) == errors(first.commit()) == []
    whole = shown(console.session())
    assert "protect: login {" in whole
    assert "domain-name b;" in whole


ENTRY = (
    "<configuration><interfaces><interface><name>ge-0/0/1</name>{}</interface></interfaces>"
    "</configuration>"
)
FILTER_TERM = (
    "<configuration><firewall><family><inet><filter><name>f</name><term{}><name>t</name>{}</term>"
    "</filter></inet></family></firewall></configuration>"
)


@pytest.mark.parametrize(
    ("before", "load"),
    [
        ("interfaces ge-0/0/1 description d", ENTRY.format('<description delete="delete"/>')),
        (
            "interfaces ge-0/0/1 gigether-options no-flow-control",
            ENTRY.format(
                '<gigether-options><no-flow-control operation="delete"/></gigether-options>'
            ),
        ),
        (
            "firewall family inet filter f term t then accept",
            FILTER_TERM.format(' delete="delete"', ""),
        ),
    ],
)
def test_some_entries_go_with_their_last_statement(before, load):
    """junos_interfaces and junos_acls of junipernetworks.junos leave such entries, and their
    integration tests look for them in vain."""
    session = Console().session()
    session.set("set snmp contact x")
    session.commit()
    for _ in range(2):
        session.set(f"set {before}")
        session.rpc(f"<load-configuration>{load}</load-configuration>")
        assert session.compare() == ""
    # What is not there is not made for the sake of what is to go from it.
    session.rpc(f"<load-configuration>{load}</load-configuration>")
    assert session.compare() == ""


def test_an_entry_that_is_made_or_left_with_its_name_alone_stays():
    session = Console().session()
    session.set("set interfaces ge-0/0/1", "set policy-options prefix-list p 192.0.2.0/24")
    session.set("delete policy-options prefix-list p 192.0.2.0/24")
    assert "ge-0/0/1;" in session.compare()
    assert "prefix-list p;" in session.compare()
    session.set("set interfaces ge-0/0/1 mtu 1500", "delete interfaces ge-0/0/1 mtu")
    assert "ge-0/0/1" not in session.compare()

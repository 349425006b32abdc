# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole replies about the configuration: results, errors, history, comparisons, marks."""

from __future__ import annotations

import json
import re

import pytest
from lxml import etree

from tests.keyserver.console import BASE_1_0, BASE_1_1, END, Console, errors, outlined, text


def error(message, *, tag="operation-failed", kind="protocol", severity="error", **more):
    """The outline of one rpc-error; ``more``: path, daemon, and what stands in error-info."""
    lines = ["rpc-error", f"  error-type: {kind}", f"  error-tag: {tag}"]
    lines.append(f"  error-severity: {severity}")
    if "daemon" in more:
        lines.append(f"  source-daemon: {more.pop('daemon')}")
    if "path" in more:
        lines.append(f"  error-path: {more.pop('path')}")
    lines.append(f"  error-message: {message}")
    information = [f"    {name.replace('_', '-')}: {value}" for name, value in more.items()]
    return "\n".join([*lines, *["  error-info"] * bool(information), *information])


def results(name, *lines):
    """What stands in load-configuration-results or commit-results."""
    return "\n".join([name, *("  " + line for text in lines for line in text.splitlines())])


# Errors and results

CHECKED = text("""
    commit-results
      routing-engine [style=normal]
        name: re0
        commit-check-success
    ok
    """)
LOADED = "load-configuration-results\n  ok"
SET_RESULTS = "load-configuration-results [action=set]"
SET = (
    "<load-configuration action='set'><configuration-set>%s</configuration-set>"
    "</load-configuration>"
)
TEXT = (
    "<load-configuration format='text'><configuration-text>%s</configuration-text>"
    "</load-configuration>"
)
EDIT = "<edit-config><target><candidate/></target>%s</edit-config>"
CONFIG = "<config><configuration>%s</configuration></config>"
ANSWERS = {
    # Sessions
    "<frob/>": error("syntax error", bad_element="frob"),
    "<kill-session><session-id>9</session-id></kill-session>": error(
        "invalid session-id", tag="invalid-value", bad_element="session-id"
    ),
    "<kill-session><session-id/></kill-session>": error(
        "invalid session-id", tag="invalid-value", bad_element="session-id"
    ),
    # Locks and private copies
    "<lock><target><candidate/></target></lock>": "ok",
    "<lock><target><running/></target></lock>": "ok",
    "<lock-configuration/>": "ok",
    "<lock/>": error("target is missing", tag="missing-element", bad_element="target"),
    "<lock><target><startup/></target></lock>": error(
        "target must be candidate or running", tag="invalid-value", bad_element="target"
    ),
    "<lock><target><candidate/><running/></target></lock>": error(
        "target must be candidate or running", tag="invalid-value", bad_element="target"
    ),
    '<lock><target a="b"><candidate/></target></lock>': error(
        "syntax error", bad_attribute="a", bad_element="target"
    ),
    "<unlock-configuration/>": error("configuration database is not locked"),
    "<unlock><target><candidate/></target></unlock>": error("configuration database is not locked"),
    "<open-configuration/>": "",
    "<open-configuration><exclusive/></open-configuration>": "",
    "<open-configuration><private/></open-configuration>": error(
        "uncommitted changes will be discarded on exit", severity="warning"
    ),
    "<close-configuration/>": error("Configuration database is not open"),
    "<discard-changes/>": "ok",
    # Commits
    "<commit/>": "ok",
    "<commit><confirmed/></commit>": "ok",
    "<commit><confirm-timeout>5</confirm-timeout></commit>": error(
        "syntax error", bad_element="confirm-timeout"
    ),
    "<commit><confirmed/><confirm-timeout>0</confirm-timeout></commit>": error(
        "Value 0 is not within range (1..4294967295)", bad_element="confirm-timeout"
    ),
    "<commit-configuration/>": CHECKED.replace("check-", ""),
    "<commit-configuration><check/></commit-configuration>": CHECKED,
    "<commit-configuration><confirmed/></commit-configuration>": text("""
        commit-results
          routing-engine [style=normal]
            name: re0
            commit-success
          output: commit confirmed will be automatically rolled back in 10 minutes unless confirmed
        ok
        """),
    "<commit-configuration><confirm-timeout>3</confirm-timeout></commit-configuration>": text("""
        commit-results
          routing-engine [style=normal]
            name: re0
            commit-success
          output: commit confirmed will be automatically rolled back in 3 minutes unless confirmed
        ok
        """),
    "<commit-configuration><confirm-timeout>65536</confirm-timeout></commit-configuration>": error(
        "Value 65536 is not within range (1..65535)", bad_element="confirm-timeout"
    ),
    "<commit-configuration><confirm-timeout>x</confirm-timeout></commit-configuration>": error(
        "Invalid numeric value: 'x'", bad_element="confirm-timeout"
    ),
    f"<commit-configuration><log>{'x' * 513}</log></commit-configuration>": error(
        "Must be string of 512 characters or less", bad_element="log"
    ),
    "<validate><source><running/></source></validate>": CHECKED,
    "<validate><source><candidate/></source></validate>": CHECKED,
    "<validate/>": error("source is missing", tag="missing-element", bad_element="source"),
    # Loads
    SET % "set system host-name other": f"{SET_RESULTS}\n  ok",
    SET % "set system frob 1": results(
        SET_RESULTS,
        error("syntax error", path="[edit system]", bad_element="frob"),
        "load-error-count: 1",
    ),
    SET % "frob": results(
        SET_RESULTS,
        error("unknown command.", bad_element="frob"),
        "load-error-count: 1",
    ),
    SET % "delete system domain-name": results(
        SET_RESULTS,
        error(
            "statement not found",
            severity="warning",
            path="[edit system]",
            bad_element="domain-name",
        ),
        "ok",
    ),
    # Beside errors no warnings are shown.
    SET % "delete system domain-name\nset frob": results(
        SET_RESULTS,
        error("syntax error", bad_element="frob"),
        "load-error-count: 1",
    ),
    TEXT % "system { host-name other; }": LOADED,
    TEXT % "frob { a; }": results(
        "load-configuration-results",
        error("syntax error", bad_element="frob"),
        "load-error-count: 1",
    ),
    "<load-configuration rollback='9'/>": error("rollback configuration 9 not found"),
    "<load-configuration rollback='x'/>": error("Invalid numeric value: 'x'", bad_element="x"),
    "<load-configuration rescue='rescue'/>": error("rescue configuration not found"),
    "<load-configuration rollback='0'/>": LOADED,
    "<load-configuration/>": error("syntax error", bad_element="load-configuration"),
    # edit-config
    EDIT % (CONFIG % "<system><host-name>other</host-name></system>"): "ok",
    EDIT % "<config/>": "ok",
    EDIT % "<config-text><configuration-text>system { }</configuration-text></config-text>": "ok",
    EDIT % "<config/><config-text/>": error("syntax error", bad_element="config-text"),
    EDIT % "<config-text/><config/>": error("syntax error", bad_element="config"),
    EDIT % "": error("config is missing", tag="missing-element", bad_element="config"),
    EDIT % "<config><frob/></config>": error(
        "syntax error", tag="unknown-element", bad_element="frob"
    ),
    EDIT % (CONFIG % "<system><frob/></system>"): error(
        "syntax error", kind="application", path="[edit system]", bad_element="frob"
    ),
    EDIT % "<config-text>frob</config-text>": error(
        "syntax error", kind="application", path="[edit]", bad_element="frob"
    ),
    EDIT % "<config-text><frob/></config-text>": error("syntax error", bad_element="frob"),
}


@pytest.mark.parametrize("operation", ANSWERS)
def test_every_answer_is_whole(session, operation):
    assert outlined(session.rpc(operation)) == ANSWERS[operation]


def test_who_finds_the_database_locked_is_told_by_whom(console, session):
    holder = console.session()
    holder.rpc("<lock-configuration/>")
    console.pass_time(65)
    number = holder.netconf.holder.session_id
    message = (
        "configuration database locked by:\n"
        f"  netops terminal  (pid {number}) on since 2027-01-15 08:00:00 UTC, idle 00:01:05\n"
        "      exclusive [edit]"
    )
    refused = error(message, tag="lock-denied", session_id=number)
    assert outlined(session.rpc("<lock-configuration/>")) == refused


def test_another_session_is_ended_with_what_it_holds_and_ones_own_is_not(console, session):
    victim = console.session()
    victim.rpc("<lock-configuration/>")
    victim.set("set system host-name half-done")
    cut = []
    victim.netconf.terminate = lambda: cut.append(True)
    kill = "<kill-session><session-id>%d</session-id></kill-session>"
    number = victim.netconf.holder.session_id
    assert outlined(session.rpc(kill % number)) == "ok"
    assert (victim.netconf.closing, cut) == (True, [True])
    assert session.compare() == ""
    assert outlined(session.rpc("<lock-configuration/>")) == "ok"
    refused = error("invalid session-id", tag="invalid-value", bad_element="session-id")
    for other in (number, session.netconf.holder.session_id):
        assert outlined(session.rpc(kill % other)) == refused
    assert not session.netconf.closing


def test_an_open_candidate_with_a_pending_confirmation_says_when_it_ends(console, session):
    session.commit("<confirmed/><confirm-timeout>7</confirm-timeout>")
    warning = error("commit confirmed will be rolled back in 7 minutes", severity="warning")
    assert outlined(session.rpc("<lock-configuration/>")) == f"{warning}\nok"
    session.rpc("<unlock-configuration/>")
    console.pass_time(61)
    warning = warning.replace("7 minutes", "6 minutes")
    assert outlined(session.rpc("<open-configuration/>")) == warning
    private = console.session().rpc("<open-configuration><private/></open-configuration>")
    assert outlined(private).startswith(warning)


def test_every_reason_against_a_commit_is_an_error_of_its_own(session):
    session.set("set security group-vpn server group G3 group-id 1")
    server = "[edit security group-vpn server group %s]"
    twice = [
        error(
            "mgd: Group id must be unique among groups",
            tag="invalid-value",
            kind="application",
            path=server % group,
            bad_element="group-id 1",
        )
        for group in ("G1", "G3")
    ]
    last = "%s: (statements constraint check failed)"
    refused = results("commit-results", *twice, error(last % "commit failed"))
    checked = results("commit-results", *twice, error(last % "configuration check-out failed"))
    assert outlined(session.commit()) == refused
    assert outlined(session.commit("<check/>")) == checked
    assert outlined(session.rpc("<commit/>")) == refused
    validated = session.rpc("<validate><source><candidate/></source></validate>")
    assert outlined(validated) == checked
    group = (
        "<security><group-vpn><server><group><name>G3</name><group-id>1</group-id></group></server>"
        "</group-vpn></security>"
    )
    session.rpc("<discard-changes/>")
    for option in ("test-only", "test-then-set"):
        inner = f"<test-option>{option}</test-option>{CONFIG % group}"
        assert outlined(session.rpc(EDIT % inner)) == "\n".join(twice)
        assert session.compare() == ""


def test_releases_before_15_1_answer_a_commit_with_a_bare_ok():
    for release, whole in (("12.3X48-D105", False), ("15.1X49-D10", True)):
        session = Console("v1", release=release).session()
        assert (outlined(session.commit()) != "ok") is whole


# edit-config's options

HOST = "<system><host-name>other</host-name></system>"
BAD = "<system><host-name>other</host-name><frob/></system>"


@pytest.mark.parametrize(
    ("options", "configuration", "difference"),
    [
        ("", HOST, True),
        ("<test-option>set</test-option>", HOST, True),
        ("<test-option>test-then-set</test-option>", HOST, True),
        ("<test-option>test-only</test-option>", HOST, False),
        ("<default-operation>none</default-operation>", HOST, False),
        ("<default-operation>merge</default-operation>", HOST, True),
        ("", BAD, False),
        ("<error-option>stop-on-error</error-option>", BAD, False),
        ("<error-option>rollback-on-error</error-option>", BAD, False),
        ("<error-option>continue-on-error</error-option>", BAD, True),
        (
            "<error-option>continue-on-error</error-option><test-option>test-only</test-option>",
            BAD,
            False,
        ),
    ],
)
def test_what_is_edited_depends_on_the_options(session, options, configuration, difference):
    session.rpc(EDIT % (options + CONFIG % configuration))
    assert session.compare() == (
        "[edit system]\n-  host-name hub-1;\n+  host-name other;" if difference else ""
    )


def test_default_operation_replace_leaves_what_was_given_and_nothing_else(console, session):
    options = "<default-operation>replace</default-operation>"
    assert outlined(session.rpc(EDIT % (options + CONFIG % HOST))) == "ok"
    lines = session.rpc('<get-configuration format="set"/>').findtext("configuration-set")
    assert lines == "\nset system host-name other\n"
    assert errors(session.rpc("<commit/>")) == []
    assert console.device.database.committed == {"system": {"host-name": "other"}}


# History


def test_the_history_says_who_when_how_and_why(console, session):
    console.pass_time(60)
    session.set("set system domain-name example.com")
    session.commit("<confirmed/><confirm-timeout>7</confirm-timeout><log>try &amp; see</log>")
    pending = """
        commit-information
          commit-history
            sequence-number: 0
            user: netops
            client: netconf
            date-time [seconds=1800000060]: 2027-01-15 08:01:00 UTC
            comment: commit confirmed, rollback in 7mins
            log: try & see
            commit-confirmed: rollback pending
          commit-history
            sequence-number: 1
            user: root
            client: other
            date-time [seconds=1800000000]: 2027-01-15 08:00:00 UTC
            log: initial configuration
        """
    assert outlined(session.rpc("<get-commit-information/>")) == text(pending)
    shown = session.rpc('<command format="text">show system commit</command>').findtext("output")
    assert shown == (
        "\n"
        "0   2027-01-15 08:01:00 UTC by netops via netconf commit confirmed, rollback in 7mins\n"
        "    try & see\n"
        "    rollback pending\n"
        "1   2027-01-15 08:00:00 UTC by root via other\n"
        "    initial configuration\n"
    )
    console.pass_time(30)
    session.commit()
    newest, before, _first = session.rpc("<get-commit-information/>").iter("commit-history")
    said = [[entry.findtext(name) for name in ("comment", "log")] for entry in (newest, before)]
    assert said == [[None, None], ["commit confirmed, rollback in 7mins", "try & see"]]
    assert [entry.find("commit-confirmed") for entry in (newest, before)] == [None, None]


def test_the_configuration_in_force_has_a_name_that_it_keeps(console):
    """As Juniper's page of the command has it, and as NAPALM reads a pending confirmation."""
    session = console.session()
    brief = """
        commit-revision-information
          revision: re0-1800000000-1
        """
    assert outlined(session.rpc("<get-commit-revision-information/>")) == text(brief)
    console.pass_time(60)
    session.set("set system domain-name example.com")
    session.commit("<confirmed/><confirm-timeout>7</confirm-timeout><log>mine</log>")
    detail = """
        commit-revision-information
          revision: re0-1800000060-2
          user: netops
          client: netconf
          date-time [seconds=1800000060]: 2027-01-15 08:01:00 UTC
          comment: commit confirmed, rollback in 7mins
        """
    for said in ("<detail/>", "<level>detail</level>"):
        asked = f"<get-commit-revision-information>{said}</get-commit-revision-information>"
        assert outlined(session.rpc(asked)) == text(detail)
    shown = session.rpc('<command format="text">show system commit revision detail</command>')
    assert shown.findtext("output") == (
        "\nRevision: re0-1800000060-2\nUser: netops\nClient: netconf\n"
        "Time: 2027-01-15 08:01:00 UTC\n"
    )
    session.commit()
    confirmed = session.rpc(
        "<get-commit-revision-information><detail/></get-commit-revision-information>"
    )
    assert confirmed.find(".//comment") is None


def test_committed_configurations_are_shown_and_compared_by_number(session):
    session.set("set system domain-name example.com")
    session.commit()

    def asked(arguments):
        reply = session.rpc(f"<get-rollback-information>{arguments}</get-rollback-information>")
        assert [e.tag for e in reply.iter()][1:] == [
            "rollback-information",
            "configuration-information",
            "configuration-output",
        ]
        return reply.findtext(".//configuration-output")

    added = "\n[edit system]\n+  domain-name example.com;\n"
    assert asked("<rollback>1</rollback><compare>0</compare>") == added
    assert asked("<compare>1</compare>") == added.replace("+", "-")
    now, before = asked(""), asked("<rollback>1</rollback>")
    assert now.startswith("\nsystem {\n    host-name hub-1;\n    domain-name example.com;\n}\n")
    assert before == now.replace("    domain-name example.com;\n", "")
    line = "show system rollback compare 1 0"
    assert session.rpc(f'<command format="text">{line}</command>').findtext("output") == added
    missing = session.rpc(
        "<get-rollback-information><rollback>7</rollback></get-rollback-information>"
    )
    assert outlined(missing) == error("rollback configuration 7 not found")


def test_the_rescue_configuration_is_shown_as_text_and_as_xml(session):
    none = error("rescue configuration not found")
    assert outlined(session.rpc("<get-rescue-information/>")) == none
    assert outlined(session.rpc("<request-save-rescue-configuration/>")) == "ok"
    shown = session.rpc("<get-rescue-information/>")
    assert [e.tag for e in shown.iter()][1:] == [
        "rescue-information",
        "configuration-information",
        "configuration-output",
    ]
    assert shown.findtext(".//configuration-output").startswith("\nsystem {\n    host-name hub-1;")
    for asked in (
        "<get-rescue-information format='xml'/>",
        "<get-rescue-information><format>xml</format></get-rescue-information>",
    ):
        lines = outlined(session.rpc(asked)).splitlines()
        assert [line.strip() for line in lines[:4]] == [
            "rescue-information",
            "configuration",
            "system",
            "host-name: hub-1",
        ]
    assert outlined(session.rpc("<request-delete-rescue-configuration/>")) == "ok"
    assert outlined(session.rpc("<get-rescue-information/>")) == none


# Reading


def test_a_configuration_says_when_it_was_committed_or_changed(console, session):
    console.pass_time(60)
    session.set("set system domain-name example.com")
    shown = """
        configuration [changed-seconds=1800000060] [changed-localtime=2027-01-15 08:01:00 UTC]
          system
            host-name: hub-1
            domain-name: example.com
        """
    ask = "<get-configuration %s><system/></get-configuration>"
    assert outlined(session.rpc(ask % "")) == text(shown)
    assert outlined(session.rpc(ask % "database='candidate'")) == text(shown)
    committed = """
        configuration [commit-seconds=1800000000] [commit-localtime=2027-01-15 08:00:00 UTC]USER
          system
            host-name: hub-1
        """.replace("USER", " [commit-user=root]")
    assert outlined(session.rpc(ask % "database='committed'")) == text(committed)
    get = "<get><filter><configuration><system/></configuration></filter></get>"
    assert outlined(session.rpc(get)) == results("data", text(committed))
    assert outlined(session.rpc("<get><filter/></get>")) == results(
        "data", text(committed).splitlines()[0]
    )
    session.rpc("<discard-changes/>")
    assert outlined(session.rpc(ask % "")) == text("""
        configuration [changed-seconds=1800000000] [changed-localtime=2027-01-15 08:00:00 UTC]
          system
            host-name: hub-1
        """)


def marked(reply):
    """The paths of what is marked as changed."""
    found = []
    for element in reply.iter():
        if any(str(name).endswith("}changed") for name in element.attrib):
            above = [a.tag for a in element.iterancestors()][::-1][1:]
            found.append(" ".join([*above, element.tag, (element.text or "").strip()]).strip())
    return found


GROUP = "configuration security group-vpn server group"


def test_what_changed_is_marked_from_the_root_down(session):
    session.set(
        "set system domain-name example.com",
        "set security group-vpn server group G1 description new",
        "delete security group-vpn server group G2 ipsec-sa",
        "set security group-vpn server ike gateway gm-2 address 192.0.2.12",
        "set security group-vpn server ike gateway gm-2 ike-policy pol",
    )
    above = [GROUP.rsplit(" ", n)[0] for n in (4, 3, 2, 1)]
    wanted = [
        above[0],
        "configuration system",
        "configuration system domain-name example.com",
        *above[1:],
        f"{above[-1]} ike",
        f"{above[-1]} ike gateway",
        GROUP,
        f"{GROUP} description new",
        GROUP,
    ]
    ask = "<get-configuration changed='changed' %s/>"
    assert marked(session.rpc(ask % "")) == wanted
    session.commit()
    assert marked(session.rpc(ask % "")) == []
    assert marked(session.rpc(ask % "database='committed'")) == wanted
    assert errors(session.rpc(ask % "format='text'")) == ["syntax error"]


def test_nothing_is_marked_where_nothing_was_before(session):
    assert marked(session.rpc("<get-configuration changed='changed' database='committed'/>")) == []


@pytest.mark.parametrize(
    ("line", "leaf"),
    [
        ("deactivate system host-name", "configuration system host-name hub-1"),
        ("set system host-name other", "configuration system host-name other"),
    ],
)
def test_marks_and_values_are_changes_too(session, line, leaf):
    session.set(line)
    reply = session.rpc("<get-configuration changed='changed'><system/></get-configuration>")
    assert marked(reply)[-1] == leaf


@pytest.mark.parametrize("form", ["text", "set", "json"])
def test_other_formats_stand_in_elements_of_their_own_and_hold_the_chosen_part(session, form):
    ask = "<get-configuration format='%s' database='committed'>%s</get-configuration>"
    reply = session.rpc(ask % (form, "<system/>"))
    whole = {
        "text": "configuration-text\n\nsystem {\n    host-name hub-1;\n}\n",
        "set": "configuration-set\n\nset system host-name hub-1\n",
        "json": 'rpc-reply\n\n{\n    "configuration": {\n        "@": {\n            '
        '"xmlns": "http://xml.juniper.net/xnm/1.1/xnm",\n            '
        '"junos:commit-seconds": "1800000000",\n            '
        '"junos:commit-localtime": "2027-01-15 08:00:00 UTC",\n            '
        '"junos:commit-user": "root"\n        },\n        "system": {\n            '
        '"host-name": "hub-1"\n        }\n    }\n}\n',
    }[form]
    element = reply if form == "json" else reply[0]
    assert f"{element.tag}\n{element.text}" == whole
    nothing = session.rpc(
        ask % (form, "<configuration><system><services/></system></configuration>")
    )
    assert "hub-1" not in "".join(nothing.itertext())


MINIFIED = (
    '<get-configuration format="{}"/>',
    '<get-configuration compare="rollback" format="{}"/>',
    '<get-interface-information format="{}"/>',
    '<command format="{}">show interfaces</command>',
)


@pytest.mark.parametrize("operation", MINIFIED)
def test_minified_formats_say_the_same_without_blanks(session, operation):
    session.set('set system login message "a  b"')
    full, short = (session.rpc(operation.format(form)) for form in ("xml", "xml-minified"))
    assert outlined(short) == outlined(full)
    assert not any("\n" in (e.text or "") + (e.tail or "") for e in short.iterdescendants())
    if "compare" not in operation:
        full, short = (session.rpc(operation.format(form)).text for form in FORMS_OF_JSON)
        assert json.loads(short) == json.loads(full)
        assert len(short.splitlines()) == 2


FORMS_OF_JSON = ("json", "json-minified")


def test_what_is_loaded_is_in_no_minified_format(session):
    load = '<load-configuration format="json-minified"><configuration-json>{}'
    assert errors(session.rpc(f"{load}</configuration-json></load-configuration>")) == [
        "syntax error"
    ]


def test_a_comparison_is_of_the_chosen_part_and_never_empty(session):
    ask = "<get-configuration compare='rollback' rollback='0' format='text'>%s</get-configuration>"
    reply = session.rpc(ask % "")
    assert outlined(reply) == "configuration-information\n  configuration-output"
    assert reply.findtext(".//configuration-output") == "\n"
    session.set("set system domain-name example.com", "delete security group-vpn server group G2")
    part = session.rpc(ask % "<configuration><system/></configuration>")
    assert part.findtext(".//configuration-output") == (
        "\n[edit system]\n+  domain-name example.com;\n"
    )
    missing = session.rpc((ask % "").replace("rollback='0'", "rollback='5'"))
    assert outlined(missing) == error("rollback configuration 5 not found")


# The RFC's way of writing


@pytest.fixture
def compliant(session, console):
    session.set("set system services netconf rfc-compliant")
    session.commit()
    return console.session()


def raw(session, operation):
    answer = session.raw(f'<rpc message-id="1">{operation}</rpc>'.encode())
    head, _, rest = answer.decode().partition('message-id="1">\n')
    assert head.startswith('<nc:rpc-reply xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"')
    return rest.removesuffix("</nc:rpc-reply>\n]]>]]>").replace("\n", "")


def test_rfc_compliant_replies_have_prefixes_and_namespaces(compliant):
    conf = "http://yang.juniper.net/junos-es/conf"
    assert raw(
        compliant, "<get-configuration><system><host-name/></system></get-configuration>"
    ) == (
        f'<configuration xmlns="{conf}/root" junos:changed-seconds="1800000000" '
        f'junos:changed-localtime="2027-01-15 08:00:00 UTC"><system xmlns="{conf}/system">'
        "<host-name>hub-1</host-name></system></configuration>"
    )
    empty = "<get-config><source><running/></source><filter/></get-config>"
    assert raw(compliant, empty) == "<nc:data/>"
    assert raw(compliant, "<get-system-storage/>").startswith("<system-storage-information>")
    assert raw(compliant, "<validate><source><running/></source></validate>") == "<nc:ok/>"
    assert raw(compliant, "<open-configuration><private/></open-configuration>") == ""
    assert raw(compliant, "<frob/>") == (
        "<nc:rpc-error><nc:error-type>protocol</nc:error-type>"
        "<nc:error-tag>operation-failed</nc:error-tag>"
        "<nc:error-severity>error</nc:error-severity>"
        "<nc:error-message>syntax error</nc:error-message>"
        "<nc:error-info><nc:bad-element>frob</nc:bad-element></nc:error-info></nc:rpc-error>"
    )


def test_rfc_compliant_replies_leave_out_warnings_beside_ok(compliant):
    warned = SET % "delete system domain-name"
    assert (
        raw(compliant, warned)
        == '<load-configuration-results action="set"><nc:ok/></load-configuration-results>'
    )
    compliant.raw(
        b'<rpc message-id="1"><commit-configuration><confirmed/></commit-configuration></rpc>'
    )
    assert raw(compliant, "<lock-configuration/>") == "<nc:ok/>"


# Beginning and end


def test_a_fault_of_ours_answers_the_request_that_it_was_in(console, session):
    def failing(request):
        raise ZeroDivisionError

    console.device.perform = failing
    answer = session.raw(b'<rpc message-id="7" of="client"><get-system-information/></rpc>')
    reply = etree.fromstring(answer.removesuffix(END))
    assert dict(reply.attrib) == {"message-id": "7", "of": "client"}
    assert reply.findtext(".//{*}error-message").strip() == "internal error"


def test_a_name_with_hyphens_ends_no_comment(console):
    greeting = console.device.open_session("a--b", console.now).greeting()
    assert b"<!-- user a__b, class j-super-user -->" in greeting


def test_the_hello_is_whole(session):
    comments, _, hello = session.greeting.decode().partition("<hello")
    assert comments == (
        "<!-- No zombies were killed during the creation of this user interface -->\n"
        "<!-- user netops, class j-super-user -->\n"
    )
    ietf = ("base", "candidate", "confirmed-commit", "validate", "url")
    names = [
        f"urn:ietf:params:{family}netconf:{'' if name == 'base' else 'capability:'}{name}:1.0"
        + "?scheme=http,ftp,file" * (name == "url")
        for family in ("", "xml:ns:")
        for name in ietf
    ]
    names += ["http://xml.juniper.net/netconf/junos/1.0", "http://xml.juniper.net/dmi/system/1.0"]
    lines = "".join(f"    <capability>{name}</capability>\n" for name in names)
    number = session.netconf.holder.session_id
    assert f"<hello{hello}" == (
        f'<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">\n  <capabilities>\n{lines}'
        f"  </capabilities>\n  <session-id>{number}</session-id>\n</hello>\n]]>]]>"
    )


def test_a_session_says_when_it_ended_and_does_nothing_after_it(session):
    answer = session.raw(b'<rpc message-id="1"><close-session/></rpc>')
    assert answer.endswith(b"]]>]]><!-- session end at 2027-01-15 08:00:00 UTC -->\n")
    assert session.netconf.closing
    assert session.raw(b'<rpc message-id="2"><get-system-storage/></rpc>') == b""


def test_a_client_of_base_1_1_alone_is_told_what_would_let_it_in(console):
    session = console.device.open_session("netops", console.now)
    session.greeting()
    hello = f"<hello><capabilities><capability>{BASE_1_1}</capability></capabilities></hello>"
    answer = session.receive(hello.encode() + END, console.now)
    assert b"base:1.1 needs [system services netconf] rfc-compliant and version-1.1" in answer
    assert b"<error-type>rpc</error-type>" in answer
    assert session.closing


@pytest.mark.parametrize("family", [BASE_1_0, "urn:ietf:params:xml:ns:netconf:base:1.0"])
def test_either_family_of_names_is_a_common_base(console, family):
    assert console.session(family).netconf.greeted


def test_in_chunks_nothing_stands_outside_the_framing(console, session):
    session.set("set system services netconf rfc-compliant")
    session.set("set system services netconf version-1.1")
    session.commit()
    chunked = console.session(BASE_1_0, BASE_1_1)
    body = b'<rpc message-id="9"><close-session/></rpc>'
    answer = chunked.netconf.receive(b"\n#%d\n%b\n##\n" % (len(body), body), console.now)
    head, size, rest = answer.split(b"\n", 2)
    assert (head, size) == (b"", b"#%d" % (len(rest) - len(b"\n##\n")))
    assert rest.endswith(b"</nc:rpc-reply>\n\n##\n")
    assert chunked.netconf.closing


def test_in_chunks_a_request_without_a_message_id_is_an_error(console, session):
    session.set("set system services netconf rfc-compliant")
    session.set("set system services netconf version-1.1")
    session.commit()
    chunked = console.session(BASE_1_0, BASE_1_1)
    body = b"<rpc><get-system-storage/></rpc>"
    answer = chunked.netconf.receive(b"\n#%d\n%b\n##\n" % (len(body), body), console.now)
    for part in (
        b"<nc:error-type>rpc</nc:error-type>",
        b"<nc:error-tag>missing-attribute</nc:error-tag>",
        b"<nc:error-message>message-id is missing</nc:error-message>",
        b"<nc:bad-attribute>message-id</nc:bad-attribute>",
        b"<nc:bad-element>rpc</nc:bad-element>",
    ):
        assert part in answer


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (
            b"<frob/>",
            error("rpc expected", tag="malformed-message", kind="rpc", bad_element="frob"),
        ),
        (
            b'<rpc xmlns="urn:x"><discard-changes/></rpc>',
            error("rpc expected", tag="malformed-message", kind="rpc", bad_element="rpc"),
        ),
        (
            b"<rpc/><rpc/>",
            error(
                "Extra content at the end of the document, line 1, column 7",
                tag="malformed-message",
                kind="rpc",
            ),
        ),
        (b"<rpc/>", error("exactly one operation is expected", kind="rpc")),
        (b"<rpc><a/><b/></rpc>", error("exactly one operation is expected", kind="rpc")),
        (
            b"<rpc " + b" ".join(b'a%d="1"' % n for n in range(101)) + b"><a/></rpc>",
            error("more than 100 attributes", tag="too-big", kind="rpc", bad_element="rpc"),
        ),
        (
            b"<!DOCTYPE a><rpc><a/></rpc>",
            error(
                "document type declarations are not accepted", tag="malformed-message", kind="rpc"
            ),
        ),
        (
            b"<rpc>" + b"<a>" * 200 + b"</a>" * 200 + b"</rpc>",
            error("elements nested deeper than 200", tag="malformed-message", kind="rpc"),
        ),
    ],
)
def test_messages_that_are_no_requests_are_answered_in_full(session, message, answer):
    reply = etree.fromstring(session.raw(message).removesuffix(END))
    assert outlined(reply) == answer
    assert errors(session.rpc("<discard-changes/>")) == []


@pytest.mark.parametrize(("attributes", "echoed"), [(99, True), (100, False)])
def test_attributes_come_back_with_errors_too_as_far_as_they_are_taken(session, attributes, echoed):
    more = " ".join(f'a{number}="1"' for number in range(attributes))
    answer = session.raw(f'<rpc message-id="7" {more}><a/><b/></rpc>'.encode())
    reply = etree.fromstring(answer.removesuffix(END))
    assert (reply.get("message-id"), reply.get("a98")) == (("7", "1") if echoed else (None, None))


@pytest.mark.parametrize("form", ["xml", "text", "set", "json"])
@pytest.mark.parametrize(
    "asked",
    ["<policy/>", "<from-zone-name>trust</from-zone-name><policy/>", "<to-zone-name/><policy/>"],
)
def test_an_entry_that_a_filter_keeps_has_all_its_keys_whatever_they_are_called(form, asked):
    session = Console().session()
    between = "security policies from-zone trust to-zone untrust policy p"
    session.set(
        *(f"set security zones security-zone {zone}" for zone in ("trust", "untrust")),
        *(f"set {between} match {word} any" for word in ("source-address", "destination-address")),
        f"set {between} match application any",
        f"set {between} then permit",
    )
    path = f"<security><policies><policy>{asked}</policy></policies></security>"
    reply = session.rpc(
        f'<get-configuration format="{form}"><configuration>{path}</configuration>'
        "</get-configuration>"
    )
    said = etree.tostring(reply, encoding="unicode")
    assert re.search("from-zone.*trust.*to-zone.*untrust.*permit", said, re.DOTALL)


def test_what_changed_is_told_by_all_keys_of_an_entry():
    session = Console().session()
    pairs = [("trust", "untrust"), ("untrust", "trust")]
    session.set(*(f"set security zones security-zone {zone}" for zone in pairs[0]))
    for source, to in pairs:
        between = f"set security policies from-zone {source} to-zone {to} policy p"
        words = ("source-address", "destination-address", "application")
        session.set(*(f"{between} match {word} any" for word in words), f"{between} then permit")
    assert session.commit().find(".//commit-success") is not None
    session.set("set security policies from-zone untrust to-zone trust policy p then deny")
    reply = session.rpc('<get-configuration changed="changed"/>')
    policies = reply.findall(".//policies/policy")
    marked = [{etree.QName(name).localname for name in one.attrib} for one in policies]
    assert marked == [set(), {"changed"}]

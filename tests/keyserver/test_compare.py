# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The layout of ``show | compare``, as devices printed it in public (names changed)."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from keyserver.config.apply import apply
from keyserver.config.compare import compare
from keyserver.config.edit import LoadError, Operation
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.namespaces import NETCONF
from keyserver.config.read_set import read_set
from tests.keyserver.console import Console, errors

SCHEMA = junos_schema(Generation.V2)


def tree_of(text: str):
    tree = {}
    for edit in read_set(SCHEMA, text):
        assert not isinstance(edit, LoadError), edit
        assert apply(SCHEMA, tree, [edit], Operation.MERGE) == []
    return tree


SERVER = "security group-vpn server"
SA = f"{SERVER} group A ipsec-sa s"


@pytest.mark.parametrize(
    ("common", "gone", "added", "shown"),
    [
        pytest.param(
            "set system time-zone UTC",
            "",
            "set system host-name localhost",
            "[edit system]\n+  host-name localhost;\n",
            id="a leaf stands one column behind its levels",
        ),
        pytest.param(
            "",
            "",
            "set system host-name localhost",
            "[edit]\n+  system {\n+      host-name localhost;\n+  }\n",
            id="a branch stands two behind its levels, and its inside four further",
        ),
        pytest.param(
            "set interfaces ge-0/0/1 mtu 1500",
            "",
            "set interfaces ge-0/0/0 unit 0 vlan-id 7",
            "[edit interfaces]\n+   ge-0/0/0 {\n+       unit 0 {\n+           vlan-id 7;\n"
            "+       }\n+   }\n",
            id="a sorted list has no context",
        ),
        pytest.param(
            "set system time-zone UTC",
            "",
            "set system host-name h\nset system root-authentication encrypted-password k",
            "[edit system]\n+  host-name h;\n+  root-authentication {\n"
            '+      encrypted-password "k"; ## SECRET-DATA\n+  }\n',
            id="the first entry below a heading sets the indentation of all",
        ),
        pytest.param(
            f"set {SERVER} group A group-id 1",
            "",
            f"set {SERVER} group B group-id 2",
            "[edit security group-vpn server]\n      group A { ... }\n"
            "+     group B {\n+         group-id 2;\n+     }\n",
            id="what is new in a list of the user's order stands behind its predecessor",
        ),
        pytest.param(
            f"set {SERVER} group A group-id 1",
            f"set {SERVER} group B group-id 2",
            f"set {SERVER} group C group-id 3",
            "[edit security group-vpn server]\n      group A { ... }\n"
            "-     group B {\n-         group-id 2;\n-     }\n"
            "+     group C {\n+         group-id 3;\n+     }\n",
            id="context, then what goes, then what comes",
        ),
        pytest.param(
            f"set {SERVER} group A group-id 1",
            f"set {SERVER} group B group-id 2",
            "",
            "[edit security group-vpn server]\n-     group B {\n-         group-id 2;\n-     }\n",
            id="what only goes has no context",
        ),
        pytest.param(
            "",
            f"set {SERVER} group A group-id 1",
            f"set {SERVER} group A group-id 2",
            "[edit security group-vpn server group A]\n-     group-id 1;\n+     group-id 2;\n",
            id="a value that changes goes and comes",
        ),
        pytest.param(
            f"set {SERVER} group A group-id 1",
            "",
            f"deactivate {SERVER} group A",
            "[edit security group-vpn server]\n!      inactive: group A { ... }\n",
            id="a branch that is deactivated is named one column further",
        ),
        pytest.param(
            "",
            f"set {SERVER} group A group-id 1\nset {SERVER} group B group-id 2",
            f"set {SERVER} group B group-id 2\nset {SERVER} group A group-id 1",
            "[edit security group-vpn server]\n!     group B { ... }\n",
            id="what moved is marked",
        ),
        pytest.param(
            f"set {SA} match-policy p protocol 6",
            f"set {SA} proposal a",
            f"set {SA} match-policy q protocol 6",
            f"[edit {SA}]\n-      proposal a;\n       match-policy p {{ ... }}\n"
            "+      match-policy q {\n+          protocol 6;\n+      }\n",
            id="context stands in the column of the first statement",
        ),
        pytest.param(
            "",
            f"set {SERVER} group A description x\nset {SERVER} group A ike-gateway [ a b ]",
            f"set {SERVER} group A ike-gateway [ b a ]",
            f"[edit {SERVER} group A]\n-     description x;\n"
            f"[edit {SERVER} group A]\n!      ike-gateway b {{ ... }}\n",
            id="what moved stands below a heading of its own",
        ),
        pytest.param(
            f"set {SERVER} group B group-id 1",
            "",
            "",
            "",
            id="no difference, no text",
        ),
    ],
)
def test_a_difference_is_laid_out_as_junos_does(common, gone, added, shown):
    old, new = tree_of(f"{common}\n{gone}"), tree_of(f"{common}\n{added}")
    assert compare(SCHEMA, old, new) == shown


def test_an_entry_in_front_of_all_others_is_followed_by_the_next_one():
    old = tree_of(f"set {SERVER} group B group-id 2")
    new = tree_of(f"set {SERVER} group A group-id 1\nset {SERVER} group B group-id 2")
    assert compare(SCHEMA, old, new) == (
        "[edit security group-vpn server]\n+     group A {\n+         group-id 1;\n+     }\n"
        "      group B { ... }\n"
    )


CHANGES = (
    "set system host-name third",
    "set policy-options policy-statement p term a then reject",
    "insert policy-options policy-statement p term a before term b",
    "delete snmp",
    "deactivate security group-vpn server group G1",
    "set system name-server 192.0.2.53",
    "set security ike traceoptions file world-readable",
)
BEFORE = (
    "set policy-options policy-statement p term b then accept",
    "set snmp contact somebody",
    "set system name-server 192.0.2.52",
    "set security ike traceoptions file no-world-readable",
)


@pytest.mark.parametrize("mode", ["", "rfc-compliant"])
def test_a_comparison_as_xml_says_what_an_edit_would_and_is_one(mode):
    console = Console("v2")
    session = console.session()
    session.set(*BEFORE, *([f"set system services netconf {mode}"] if mode else []))
    assert errors(session.commit()) == []
    session.set(*CHANGES)
    wanted = session.compare()
    reply = session.rpc('<get-configuration compare="rollback" rollback="0" format="xml"/>')
    operation = f"{{{NETCONF}}}operation"
    found = {
        (element.tag, element.get(operation)) for element in reply.iter() if element.get(operation)
    }
    assert found == {
        ("host-name", "replace"),
        ("name-server", "create"),
        ("snmp", "delete"),
        ("term", "create"),
        ("no-world-readable", "delete"),
        ("world-readable", "create"),
    }
    assert [group.get("inactive") for group in reply.iter("group")] == ["inactive"]
    (configuration,) = reply.iter("configuration")
    edit = etree.tostring(configuration).decode()
    session.rpc("<discard-changes/>")
    answer = session.rpc(
        "<edit-config><target><candidate/></target><default-operation>none</default-operation>"
        f"<config>{edit}</config></edit-config>"
    )
    assert errors(answer) == []
    assert session.compare() == wanted


def test_show_compare_is_shown_as_xml_too():
    session = Console("v2").session()
    session.set("set system host-name other")
    session.commit()
    reply = session.rpc("<command>show configuration | compare | display xml</command>")
    (name,) = reply.iter("host-name")
    assert (name.text, name.get(f"{{{NETCONF}}}operation")) == ("other", "replace")
    assert reply.find("configuration") is not None


def test_where_something_was_inherited_from_is_said_in_comments():
    session = Console("v2").session()
    session.set(
        "set groups g snmp community public authorization read-only",
        "set groups g system syslog file messages any notice",
        "set snmp contact me",
        "set system syslog file messages match x",
        "set apply-groups g",
    )
    assert errors(session.commit()) == []
    text = session.rpc(
        '<command format="text">show configuration snmp | display inheritance</command>'
    ).xpath("string()")
    assert text.strip().splitlines() == [
        "contact me;",
        "##",
        "## 'public' was inherited from group 'g'",
        "##",
        "community public {",
        "    ##",
        "    ## 'read-only' was inherited from group 'g'",
        "    ##",
        "    authorization read-only;",
        "}",
    ]
    bare = session.rpc(
        '<command format="text">show configuration snmp | display inheritance no-comments</command>'
    ).xpath("string()")
    assert "##" not in bare
    assert "read-only" in bare
    shown = session.rpc(
        '<get-configuration format="json" inherit="inherit" groups="groups"><configuration><snmp/>'
        "</configuration></get-configuration>"
    )
    (community,) = json.loads(shown.xpath("string()"))["configuration"]["snmp"]["community"]
    assert community["@"] == {"junos:group": "g"}

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
from keyserver.config.read_patch import read_patch
from keyserver.config.read_set import read_set
from keyserver.config.read_text import read_text
from keyserver.config.show import to_text
from keyserver.config.tree import copy_tree
from tests.keyserver.console import Console, errors
from tests.keyserver.test_formats import V2, from_edits

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
            "+     group C {\n+         group-id 3;\n+     }\n"
            "-     group B {\n-         group-id 2;\n-     }\n",
            id="context, then what comes, then what goes",
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
            f"[edit {SA}]\n-      proposal a;\n[edit {SA}]\n        match-policy p {{ ... }}\n"
            "+       match-policy q {\n+           protocol 6;\n+       }\n",
            id="a list that both have stands below a heading of its own",
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


BGP = "set protocols bgp group G "
NAT = "set security nat source "
NTP = "set system ntp "
SNMP = "set snmp "
SYSLOG = "set system syslog "
TERM = "set policy-options policy-statement P term "
FILTER = "set firewall family inet filter F term T then"
USER = "set system login user j"
LSP = "set logical-systems l protocols mpls label-switched-path p"

# What devices printed in public: name, before, after, difference (names and addresses changed).
PUBLISHED = {
    "a list in braces of its own stands in the column of a leaf": (
        "set system time-zone UTC",
        "set system time-zone UTC\nset system name-server 192.0.2.1",
        "[edit system]\n+  name-server {\n+      192.0.2.1;\n+  }\n",
    ),
    "leaves, then entries of a list that both have": (
        f"{SNMP}community n authorization read-only",
        f"{SNMP}community n authorization read-only\n{SNMP}location S\n"
        f"{SNMP}community p authorization read-write\n{SNMP}contact J",
        "[edit snmp]\n+  location S;\n+  contact J;\n[edit snmp]\n    community n { ... }\n"
        "+   community p {\n+       authorization read-write;\n+   }\n",
    ),
    "entries of a list that comes right behind leaves that come": (
        f"{SNMP}location S",
        f"{SNMP}location T\n{SNMP}contact J\n{SNMP}community p authorization read-write",
        "[edit snmp]\n-  location S;\n+  location T;\n+  contact J;\n"
        "+  community p {\n+      authorization read-write;\n+  }\n",
    ),
    "entries of a list that comes behind a leaf that goes": (
        "set interfaces xe-0/0/0 disable",
        "set interfaces xe-0/0/0 unit 0 family inet",
        "[edit interfaces xe-0/0/0]\n-   disable;\n[edit interfaces xe-0/0/0]\n"
        "+    unit 0 {\n+        family inet;\n+    }\n",
    ),
    "a list that stays between two statements that come": (
        f"{SYSLOG}user * any emergency\n{SYSLOG}file messages any notice",
        f"{SYSLOG}user * any emergency\n{SYSLOG}file messages any notice\n"
        f"{SYSLOG}archive size 10m\n{SYSLOG}archive files 10\n{SYSLOG}host 192.0.2.1 any notice\n"
        f"{SYSLOG}file messages explicit-priority\n{SYSLOG}source-address 192.0.2.2",
        "[edit system syslog]\n+    archive size 10m files 10;\n"
        "[edit system syslog]\n+    host 192.0.2.1 {\n+        any notice;\n+    }\n"
        "[edit system syslog file messages]\n+    explicit-priority;\n"
        "[edit system syslog]\n+   source-address 192.0.2.2;\n",
    ),
    "what goes from a list behind what comes, wherever it stood": (
        f"{BGP}neighbor 192.0.2.1\n{BGP}neighbor 192.0.2.5\n{BGP}neighbor 192.0.2.6",
        f"{BGP}neighbor 192.0.2.5\n{BGP}neighbor 192.0.2.99",
        "[edit protocols bgp group G]\n      neighbor 192.0.2.5 { ... }\n"
        "+     neighbor 192.0.2.99;\n-     neighbor 192.0.2.1;\n-     neighbor 192.0.2.6;\n",
    ),
    "all of a list is another": (
        f"{NTP}boot-server 192.0.2.1\n{NTP}server 192.0.2.1",
        f"{NTP}server 192.0.2.6\n{NTP}server 192.0.2.7\n{NTP}trusted-key 24",
        "[edit system ntp]\n-   boot-server 192.0.2.1;\n[edit system ntp]\n+    server 192.0.2.6;\n"
        "+    server 192.0.2.7;\n-    server 192.0.2.1;\n[edit system ntp]\n+   trusted-key 24;\n",
    ),
    "between its neighbours": (
        f"{TERM}1 then accept\n{TERM}final then reject",
        f"{TERM}1 then accept\n{TERM}2 then accept\n{TERM}final then reject",
        "[edit policy-options policy-statement P]\n     term 1 { ... }\n"
        "+    term 2 {\n+        then accept;\n+    }\n     term final { ... }\n",
    ),
    "behind one that is inactive": (
        f"{TERM}1 then accept\ndeactivate {TERM[4:]}1",
        f"{TERM}1 then accept\ndeactivate {TERM[4:]}1\n{TERM}2 then accept",
        "[edit policy-options policy-statement P]\n     inactive: term 1 { ... }\n"
        "+    term 2 {\n+        then accept;\n+    }\n",
    ),
    "another action in the place of the one that is shown first": (
        f"{FILTER} accept",
        f"{FILTER} reject",
        "[edit firewall family inet filter F term T then]\n-       accept;\n+       reject;\n",
    ),
    "another action in the place of the one that is shown last": (
        f"{FILTER} reject",
        f"{FILTER} accept",
        "[edit firewall family inet filter F term T then]\n-       reject;\n+       accept;\n",
    ),
    "an entry that is another, and goes to sleep": (
        f"{USER} uid 2001\n{USER} class operator",
        f"{USER} uid 3000\n{USER} class operator\ndeactivate {USER[4:]}",
        "[edit system login]\n!     inactive: user j { ... }\n"
        "[edit system login user j]\n-    uid 2001;\n+    uid 3000;\n",
    ),
    "entries that had nothing in them wake up": (
        f"{LSP} install 192.0.2.7/32\n{LSP} install 192.0.2.8/32\n"
        f"deactivate {LSP[4:]} install 192.0.2.7/32\ndeactivate {LSP[4:]} install 192.0.2.8/32",
        f"{LSP} install 192.0.2.7/32\n{LSP} install 192.0.2.8/32",
        "[edit logical-systems l protocols mpls label-switched-path p]\n"
        "!       active: install 192.0.2.7/32 { ... }\n"
        "!       active: install 192.0.2.8/32 { ... }\n",
    ),
    "behind an entry that keys make": (
        f"{TERM}T from route-filter 192.0.2.0/24 exact",
        f"{TERM}T from route-filter 192.0.2.0/24 exact\n"
        f"{TERM}T from route-filter 198.51.100.0/24 exact",
        "[edit policy-options policy-statement P term T from]\n"
        "       route-filter 192.0.2.0/24 exact { ... }\n"
        "+      route-filter 198.51.100.0/24 exact;\n",
    ),
    "in a configuration group": (
        "set groups A interfaces <*> description x",
        "set groups A interfaces <*> description x\nset groups A interfaces <*> mtu 1400",
        "[edit groups A interfaces <*>]\n+    mtu 1400;\n",
    ),
    "one family beside another": (
        f"{BGP}family inet unicast",
        f"{BGP}family inet unicast\n{BGP}family route-target",
        "[edit protocols bgp group G]\n+      family route-target;\n",
    ),
    "families, and a leaf behind them": (
        f"{BGP}type internal",
        f"{BGP}type internal\n{BGP}family inet unicast\n{BGP}cluster 192.0.2.10",
        "[edit protocols bgp group G]\n+     family inet {\n+         unicast;\n+     }\n"
        "+     cluster 192.0.2.10;\n",
    ),
    "a pool in front of rule-sets": (
        f"{NAT}rule-set K rule A match source-address 192.0.2.0/24",
        f"{NAT}pool P address 192.0.2.5/32\n"
        f"{NAT}rule-set K rule A match source-address 192.0.2.0/24\n"
        f"{NAT}rule-set K rule B match destination-address 198.51.100.0/29",
        "[edit security nat source]\n+     pool P {\n+         address {\n"
        "+             192.0.2.5/32;\n+         }\n+     }\n"
        "[edit security nat source rule-set K]\n       rule A { ... }\n+      rule B {\n"
        "+          match {\n+              destination-address 198.51.100.0/29;\n+          }\n"
        "+      }\n",
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_difference_is_what_a_device_printed(name):
    before, after, printed = PUBLISHED[name]
    assert compare(SCHEMA, tree_of(before), tree_of(after)) == printed


BESIDE_INACTIVE = (
    f"{TERM}1 then accept\n{TERM}final then reject\ndeactivate {TERM[4:]}1",
    f"{TERM}1 then accept\n{TERM}2 then accept\n{TERM}final then reject\ndeactivate {TERM[4:]}1",
)


@pytest.mark.parametrize("sides", [*(rows[:2] for rows in PUBLISHED.values()), BESIDE_INACTIVE])
def test_a_difference_is_a_patch_as_well(sides):
    old, new = map(tree_of, sides)
    edits, problems = read_patch(SCHEMA, compare(SCHEMA, old, new))
    assert problems == []
    assert apply(SCHEMA, old, edits, Operation.MERGE) == []
    assert compare(SCHEMA, old, new) == ""


RED = "set routing-instances red"
ONE_LINE = {
    (f"{RED} route-distinguisher 192.0.2.3:10", f"{RED} route-distinguisher 192.0.2.1:10"): [
        "[edit routing-instances red]",
        "-    route-distinguisher 192.0.2.3:10;",
        "+    route-distinguisher 192.0.2.1:10;",
    ],
    (f"{RED} vrf-target target:1:1", f"{RED} vrf-target target:1:2"): [
        "[edit routing-instances red]",
        "-    vrf-target target:1:1;",
        "+    vrf-target target:1:2;",
    ],
    ("set protocols bgp local-as 65000 loops 2", "set protocols bgp local-as 65000 loops 3"): [
        "[edit protocols bgp local-as]",
        "-    loops 2;",
        "+    loops 3;",
    ],
}


@pytest.mark.parametrize(("sides", "lines"), ONE_LINE.items())
def test_another_value_behind_its_word_is_another_line(sides, lines):
    old, new = map(tree_of, sides)
    text = compare(SCHEMA, old, new)
    assert text.splitlines() == lines
    edits, problems = read_patch(SCHEMA, text)
    assert problems + apply(SCHEMA, old, edits, Operation.MERGE) == []
    assert old == new


def test_two_that_come_around_one_that_stays_name_it_once():
    old = tree_of(f"{TERM}b then accept")
    new = tree_of(f"{TERM}a then accept\n{TERM}b then accept\n{TERM}c then accept")
    assert [line for line in compare(SCHEMA, old, new).splitlines() if "..." in line] == [
        "     term b { ... }"
    ]


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


def test_a_comment_of_several_lines_comes_out_of_a_patch_as_it_was():
    old = from_edits(V2, *read_text(V2, "/* a\n *  b\n   c */\nsystem {\n    host-name h;\n}\n"))
    new = "/* a\n  *  d\ne */\nsystem {\n    /* x\n     * y */\n    host-name h;\n}\n"
    for before in ({}, old):
        tree = copy_tree(before)
        patch = compare(V2, before, from_edits(V2, *read_text(V2, new)))
        edits, problems = read_patch(V2, patch)
        assert problems + apply(V2, tree, edits, Operation.MERGE) == []
        assert to_text(V2, tree) == new


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

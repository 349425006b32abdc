# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What configuration groups bring into a configuration."""

from __future__ import annotations

import pytest
from lxml import etree

from keyserver.config.files import read_file
from keyserver.config.inherit import in_force, shown_inherited
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.show import to_set, to_xml
from keyserver.config.show_text import to_text
from keyserver.config.tree import effective, lookup
from tests.keyserver.console import Console, errors
from tests.keyserver.test_formats import from_set

V2 = junos_schema(Generation.V2)
SERVER = "security group-vpn server"


def acted_on(text: str) -> list[str]:
    tree = in_force(V2, from_set(V2, text)).tree
    own = {name: value for name, value in tree.items() if name not in ("groups", "apply-groups")}
    return list(to_set(V2, own))


WHEN = """
set groups ours when peers [ a b ]
set groups ours snmp contact ours
set groups others when peers b
set groups others snmp location others
set groups now when time 08:00 to 09:00
set groups now snmp description now
set apply-groups [ ours others now ]
set system host-name a
"""


def test_a_group_with_conditions_is_for_the_peers_that_it_names():
    assert acted_on(WHEN) == ["set system host-name a", "set snmp contact ours"]
    shown = shown_inherited(V2, from_set(V2, WHEN), marked=True)
    assert list(to_set(V2, shown)) == acted_on(WHEN)
    session = Console().session()
    session.set(*WHEN.split("\n"))
    assert errors(session.commit()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(
            "set groups g system host-name a\nset apply-groups g",
            ["set system host-name a"],
            id="a group fills what is missing",
        ),
        pytest.param(
            "set groups g system host-name a\nset apply-groups g\nset system host-name b",
            ["set system host-name b"],
            id="what is there stays",
        ),
        pytest.param(
            "set groups g system host-name a\nset groups h system host-name b\n"
            "set apply-groups [ h g ]",
            ["set system host-name b"],
            id="the group named first wins",
        ),
        pytest.param(
            f"set groups g {SERVER} group <*> server-member-communication heartbeat 60\n"
            f"set groups g {SERVER} group <B*> member-threshold 7\n"
            f"set apply-groups g\nset {SERVER} group A group-id 1\n"
            f"set {SERVER} group B1 group-id 2",
            [
                f"set {SERVER} group A group-id 1",
                f"set {SERVER} group A server-member-communication heartbeat 60",
                f"set {SERVER} group B1 group-id 2",
                f"set {SERVER} group B1 member-threshold 7",
                f"set {SERVER} group B1 server-member-communication heartbeat 60",
            ],
            id="a wildcard stands for the entries that are there",
        ),
        pytest.param(
            f"set groups g {SERVER} group A group-id 1\nset {SERVER} apply-groups g",
            [f"set {SERVER} apply-groups g", f"set {SERVER} group A group-id 1"],
            id="a group may be applied anywhere, and bring entries",
        ),
        pytest.param(
            "set groups g system host-name a\nset apply-groups g\n"
            "set system time-zone UTC\nset system apply-groups-except g",
            ["set system apply-groups-except g", "set system time-zone UTC"],
            id="except keeps a group out",
        ),
        pytest.param(
            "set groups g system host-name a\nset apply-groups g\ndeactivate groups g",
            [],
            id="a deactivated group brings nothing",
        ),
        pytest.param(
            "set groups g system host-name a\nset apply-groups g\ndeactivate apply-groups",
            [],
            id="nor does one that is not applied for the time being",
        ),
        pytest.param(
            "set groups g system host-name a\nset apply-groups g\nset system time-zone UTC\n"
            "set system apply-groups-except g\ndeactivate system apply-groups-except",
            ["set system host-name a", "set system time-zone UTC"],
            id="one that is not kept out for the time being does",
        ),
        pytest.param(
            "set groups g system host-name a\ndeactivate groups g system host-name\n"
            "set apply-groups g\nset system host-name b\ndeactivate system host-name\n"
            "set system time-zone UTC",
            ["set system time-zone UTC"],
            id="what is deactivated is not there, in groups neither",
        ),
        pytest.param(
            f"set groups g {SERVER} ike gateway <*> address 192.0.2.1\nset apply-groups g\n"
            f"set {SERVER} ike gateway x dynamic hostname a",
            [f"set {SERVER} ike gateway x dynamic hostname a"],
            id="a choice that was made is not made otherwise",
        ),
        pytest.param(
            f"set groups g {SERVER} ike gateway <*> dynamic hostname a\n"
            f"set groups g {SERVER} ike gateway <*> local-identity hostname a\nset apply-groups g\n"
            f"set {SERVER} ike gateway x address 192.0.2.1\n"
            f"set {SERVER} ike gateway x local-identity inet 192.0.2.2",
            [
                f"set {SERVER} ike gateway x address 192.0.2.1",
                f"set {SERVER} ike gateway x local-identity inet 192.0.2.2",
            ],
            id="nor does a container",
        ),
    ],
)
def test_groups_bring_in_what_is_not_there_and_it_is_shown(text, found):
    assert acted_on(text) == found
    shown = effective(shown_inherited(V2, from_set(V2, text), marked=False))
    kept = [line for line in found if "apply-groups" not in line]
    assert sorted(to_set(V2, shown)) == sorted(kept)


@pytest.mark.parametrize(
    "value", ["group A group-id <*>", "group A group-id $id", "ike proposal a dh-group <group*>"]
)
def test_a_wildcard_stands_for_names_and_for_no_value(value):
    _tree, problems = read_file(V2, f"set groups g {SERVER} {value}\nset apply-groups g\n")
    assert [problem.line for problem in problems] == [1]


def test_what_is_shown_with_its_groups_says_where_it_came_from_and_hides_them():
    tree = from_set(
        V2, "set groups g system host-name a\nset apply-groups g\nset system time-zone UTC"
    )
    shown = shown_inherited(V2, tree, marked=True)
    assert list(to_set(V2, shown)) == ["set system host-name a", "set system time-zone UTC"]
    assert lookup(shown, "system", "@inherited") == {"host-name": "g"}
    assert "@inherited" not in shown_inherited(V2, tree, marked=False)["system"]


def test_each_value_of_a_list_says_where_it_came_from():
    path = "security group-vpn member ike gateway g server-address"
    lines = f"""set {path} 192.0.2.1
set {path} 192.0.2.2
set groups g {path} 192.0.2.2
set groups g {path} 192.0.2.3
set groups h {path} 192.0.2.3
set groups h {path} 192.0.2.4
set apply-groups g
set apply-groups h"""
    shown = shown_inherited(V2, from_set(V2, lines), marked=True)
    values = to_xml(V2, shown, etree.Element("configuration")).iter("server-address")
    assert [(value.text[-1], value.get("group")) for value in values] == [
        ("1", None),
        ("2", None),
        ("3", "g"),
        ("4", "h"),
    ]
    text = to_text(V2, shown)
    assert "## '192.0.2.3' was inherited from group 'g'\n" in text
    assert "'192.0.2.2' was" not in text

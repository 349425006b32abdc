# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of commands and curly text that move, remove and mark: what is left of them."""

from __future__ import annotations

import re

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import MalformedReply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.member import (
    RESOURCE as MEMBER,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import RESOURCE

SERVER = "security group-vpn server"
ABC = "\n".join(f"set {SERVER} group {name} group-id {n}" for n, name in enumerate("ABC", 1))
PROPOSALS = f"set {SERVER} ike policy p proposals [ one two three ]"
GROUPS = {name: {"group-id": n} for n, name in enumerate("ABC", 1)}


def explicit(text):
    return RESOURCE.parse(text).explicit


def groups(text):
    """Names and contents of the groups, in their order."""
    return list(explicit(text).tree.get("group", {}).items())


def in_order(names):
    return [(name, GROUPS[name]) for name in names]


@pytest.mark.parametrize(
    ("line", "order"),
    [
        (f"insert {SERVER} group C before group A", "CAB"),
        (f"insert {SERVER} group C before group B", "ACB"),
        (f"insert {SERVER} group A after group B", "BAC"),
        (f"insert {SERVER} group A after group C", "BCA"),
        (f"insert {SERVER} group A before group B", "ABC"),
        (f"edit {SERVER}\ninsert group C before group A", "CAB"),
        (f"delete {SERVER} group B", "AC"),
        (f"delete {SERVER} group Z", "ABC"),
        (f"delete {SERVER} group", ""),
        (f"delete {SERVER}\n{ABC}", "ABC"),
    ],
)
def test_entries_are_moved_and_removed_as_the_lines_say(line, order):
    assert groups(f"{ABC}\n{line}") == in_order(order)


GATEWAY = f"{SERVER} ike gateway g"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            f"set {GATEWAY} address 192.0.2.1\nset {GATEWAY} dynamic hostname x",
            {"dynamic": {"hostname": "x"}},
        ),
        (
            f"set {GATEWAY} dynamic hostname x\ndeactivate {GATEWAY} dynamic\n"
            f"set {GATEWAY} address 192.0.2.1",
            {"address": "192.0.2.1"},
        ),
        (
            f"set {GATEWAY} dynamic hostname x\nset {GATEWAY} dynamic inet 192.0.2.1",
            {"dynamic": {"inet": "192.0.2.1"}},
        ),
        (
            "security { group-vpn { server { ike { gateway g {"
            " dynamic { hostname x; } address 192.0.2.1; } } } } }",
            {"address": "192.0.2.1"},
        ),
    ],
)
def test_of_statements_that_exclude_one_another_the_last_counts(text, left):
    found = explicit(text)
    assert found.tree["ike"]["gateway"] == {"g": left}
    assert not found.inactive


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (f"insert {SERVER} ike policy p proposals three before one", ("three", "one", "two")),
        (f"insert {SERVER} ike policy p proposals one after two", ("two", "one", "three")),
        (f"delete {SERVER} ike policy p proposals two", ("one", "three")),
        (f"delete {SERVER} ike policy p proposals four", ("one", "two", "three")),
    ],
)
def test_values_of_a_list_are_moved_and_removed_one_by_one(line, left):
    tree = explicit(f"{PROPOSALS}\n{line}").tree
    assert tree == {"ike": {"policy": {"p": {"proposals": left}}}}


@pytest.mark.parametrize(
    "line",
    [
        f"insert {SERVER} group A before group Z",
        f"insert {SERVER} group Z before group A",
        f"insert {SERVER} group A",
        f"insert {SERVER} ike policy q before policy r",
        f"rename {SERVER} group A to group D",
        f"copy {SERVER} group A to group D",
        "frobnicate",
    ],
)
def test_a_line_that_cannot_be_followed_is_refused_with_its_number(line):
    with pytest.raises(MalformedReply, match="line 4: "):
        explicit(f"{ABC}\n{line}")


@pytest.mark.parametrize(
    ("moves", "where"),
    [
        (f"edit {SERVER} group A", "group A"),
        (f"edit {SERVER}\nedit group A", "group A"),
        (f"edit {SERVER} group A server-member-communication\nup", "group A"),
        (f"edit {SERVER} group A\nedit server-member-communication\nexit", "group A"),
        (f"edit {SERVER} group A\nedit server-member-communication\nquit", "group A"),
        (
            f"edit {SERVER} group A server-member-communication\nexit\nedit {SERVER} group A",
            "group A",
        ),
        (f"edit {SERVER} group A server-member-communication\nup 2\nedit group A", "group A"),
        (f"edit {SERVER} ike policy p\nup 2\nedit group A", "group A"),
        (f"edit interfaces ge-0/0/0\ntop edit {SERVER} group A", "group A"),
        (f"edit {SERVER} ike\ntop\nedit {SERVER} group A", "group A"),
        (f"edit {SERVER} ike\nup 99\nedit {SERVER} group A", "group A"),
        (f"edit {SERVER} group A\ntop set system host-name h", "group A"),
        (f"edit {SERVER} group A\nannotate description why", "group A"),
    ],
)
def test_lines_are_taken_where_the_moves_before_them_lead(moves, where):
    found = groups(f"{moves}\nset group-id 7")
    assert found == [(where.split()[1], {"group-id": 7})]


def inactive(text):
    return {" ".join(path) for path in explicit(text).inactive}


@pytest.mark.parametrize(
    ("lines", "asleep"),
    [
        (f"deactivate {SERVER} group A", {"group A"}),
        (f"deactivate {SERVER} group A group-id", {"group A group-id"}),
        (f"deactivate {SERVER} group A\nactivate {SERVER} group A", set()),
        (f"deactivate {SERVER} group A\ndeactivate {SERVER} group B", {"group A", "group B"}),
        (f"deactivate {SERVER} group A\ndelete {SERVER} group A", set()),
        (f"deactivate {SERVER} group A group-id\ndelete {SERVER} group A", set()),
        (f"deactivate {SERVER} group A\ndelete {SERVER} group B", {"group A"}),
        (f"protect {SERVER} group A\nunprotect {SERVER} group A", set()),
    ],
)
def test_what_is_deactivated_sleeps_until_it_is_activated_or_goes(lines, asleep):
    assert inactive(f"{ABC}\n{lines}") == asleep


CURLY = "security { group-vpn { server { %s } } }"


@pytest.mark.parametrize(
    ("inside", "found", "asleep"),
    [
        ("group A { group-id 1; }", "A", set()),
        ("inactive: group A { group-id 1; }", "A", {"group A"}),
        ("group A { inactive: group-id 1; }", "A", {"group A group-id"}),
        ("active: group A { group-id 1; }", "A", set()),
        ("replace: group A { group-id 1; }", "A", set()),
        ("protect: inactive: group A { group-id 1; }", "A", {"group A"}),
        ("group A { group-id 1; } delete: group B;", "A", set()),
        ("delete: group A { group-id 1; }", "", set()),
    ],
)
def test_marks_in_curly_text_are_read_and_are_no_names(inside, found, asleep):
    text = CURLY % inside
    assert groups(text) == in_order(found)
    assert inactive(text) == asleep


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("security { group-vpn {", "unbalanced '{' or no ';' at its end"),
        ("security { group-vpn }", "';' is missing behind the statement 'group-vpn'"),
        ("security { } }", "unbalanced '}'"),
        ("security { ; }", "a statement without a word before ';'"),
        ("security { { } }", "a statement without a word before '{'"),
        (CURLY % "group A { group-id 1 }", "';' is missing behind the statement 'group-id'"),
    ],
)
def test_curly_text_that_does_not_fit_says_what_is_wrong(text, words):
    with pytest.raises(MalformedReply) as refused:
        explicit(text)
    assert words in str(refused.value)


AROUND = "security {\n  group-vpn {\n    server {\n%s\n    }\n  }\n}\n"
PLACE = "line 5: security group-vpn server"


@pytest.mark.parametrize(
    ("inside", "place"),
    [
        ("group A {\ngroup-id 1\n}", f"running_config: line 6: {PLACE[8:]} group: ';' is missing"),
        ("\n}\n}\n}\n}", "line 8: unbalanced '}'"),
        ("\n;", f"{PLACE}: a statement without a word"),
        ("\ngroup A { group-id 1;", "line 3: security group-vpn server: the text breaks off"),
        ("\ngroup A { group-id", f"line 6{PLACE[6:]} group: ';' is missing behind"),
        ("\n+ group A;", f"{PLACE}: this is a comparison"),
        ("\ngroup A { ike-gateway [ a ; b ]; }", f"{PLACE} group A ike-gateway: unbalanced '['"),
        ("\nfoo: group A;", f"{PLACE}: the mark 'foo:'"),
        ("\ngroup inactive: A;", f"{PLACE}: 'inactive:' stands behind"),
        ("\ngroup 'A B' { group-id 1; }", f"{PLACE}: 'group': Junos quotes with"),
        ('\ngroup "A { group-id 1; }', f"{PLACE}: nothing ends the quote or comment"),
        ("\n/* group A { group-id 1; }", f"{PLACE}: nothing ends the quote or comment"),
        ('group A {\ndescription "a\nb";\ngroup-id;\n}', "line 7: security group-vpn"),
        ("\ngroup A {\ngroup-id [ 1 2 ];\n}", "line 6: security group-vpn server group"),
        # A key whose semicolon is missing is not told with the path.
        (
            'ike {\npolicy p {\npre-shared-key ascii-text "GEHEIM"\nproposals {\n;',
            "line 8: security group-vpn server ike policy pre-shared-key: a statement without",
        ),
    ],
)
@pytest.mark.parametrize(
    ("head", "more"), [("", 0), ("\n\n{master}\na@b> show configuration\n\n", 5)]
)
def test_curly_text_that_does_not_fit_says_its_line_and_path(inside, place, head, more):
    text = AROUND % inside
    if "breaks off" in place:
        text = text.removesuffix("}\n").removesuffix("  }\n")
    with pytest.raises(MalformedReply) as refused:
        explicit(head + text)
    number = re.search(r"line (\d+)", place)
    placed = place.replace(number[0], f"line {int(number[1]) + more}")
    assert placed in str(refused.value)
    assert "GEHEIM" not in str(refused.value)


def test_a_quote_that_nothing_ends_is_found_by_its_line_behind_a_prompt_too():
    with pytest.raises(MalformedReply, match="line 3: nothing ends the quote or comment"):
        explicit('a@b> show configuration\n\n"security {')


def test_lines_that_a_terminal_adds_count_where_a_command_is_refused():
    text = (
        f"a@b> show configuration | display set\n{ABC}\n{{master}}\nset {SERVER} group\nfoo bar\n"
    )
    with pytest.raises(MalformedReply, match=rf"line {len(ABC.splitlines()) + 4}: 'foo'"):
        explicit(text)


ABC_CURLY = " ".join(f"group {name} {{ group-id {n}; }}" for n, name in enumerate("ABC", 1))


@pytest.mark.parametrize(
    ("lines", "touches"),
    [
        (f"set groups g {SERVER} group A group-id 1", True),
        (f"set groups g {SERVER} group <*> description x", True),
        ("set groups g security group-vpn member ike", False),
        ("set groups g security zones", False),
        ("set groups g system host-name h", False),
    ],
)
@pytest.mark.parametrize("form", ["set", "curly"])
def test_configuration_groups_that_lead_to_the_hierarchy_are_named(lines, touches, form):
    words = lines.split()[2:]
    if form == "curly":
        inner = f"groups {{ {' { '.join(words)}; {'} ' * (len(words) - 1)} }} apply-groups g;"
        whole = f"{inner} {CURLY % ABC_CURLY}"
    else:
        whole = f"{lines}\nset apply-groups g\n{ABC}"
    reading = RESOURCE.parse(whole)
    assert ["apply-groups g:" in note for note in reading.notes] == [True] * touches
    assert list(reading.explicit.tree["group"]) == list("ABC")


@pytest.mark.parametrize(
    ("lines", "touches"),
    [
        ("security ipsec-policy from-zone a to-zone b ipsec-group-vpn v", True),
        ("security policies from-zone a to-zone b policy p match application any", True),
        ("security policies from-zone a to-zone b policy p then log session-init", False),
    ],
)
def test_behind_an_entry_whose_name_is_of_several_words_groups_are_followed(lines, touches):
    text = f"set groups g {lines}\nset apply-groups g\nset security group-vpn member ike"
    notes = MEMBER.parse(text).notes
    assert ["apply-groups g:" in note for note in notes] == [True] * touches

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A load costs what it says, whatever is beside it, and its lines do what they do one by one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from keyserver.config.apply import apply
from keyserver.config.descent import Descent
from keyserver.config.edit import LoadError, Operation, copy_tree
from keyserver.config.inherit import in_force
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.read_set import read_set
from keyserver.config.show import to_set
from keyserver.config.tree import Tree
from tests.keyserver.steps import Steps

SCHEMA = junos_schema(Generation.V2)
POLICY = "security policies from-zone a to-zone b policy"
GATEWAY = "security group-vpn server ike gateway"
SOURCE = f"{POLICY} p0 match source-address"


def load(tree: Tree, lines: list[str]) -> list[str]:
    """Carry out the lines as one load; what is said against them."""
    read = list(read_set(SCHEMA, "\n".join(lines)))
    edits = [one for one in read if not isinstance(one, LoadError)]
    refused = [one.message for one in read if isinstance(one, LoadError)]
    return refused + [one.message for one in apply(SCHEMA, tree, edits, Operation.MERGE)]


NAMES = st.sampled_from(["p0", "p1", "p2", "p3"])
VALUES = st.sampled_from(["s0", "s1", "s2", "s3"])
LISTS = st.sampled_from([POLICY, GATEWAY, "policy-options prefix-list"])


@st.composite
def command(draw: Callable) -> str:
    """A line about one of a few entries, or of a few values."""
    place = draw(st.sampled_from(["before", "after"]))
    if draw(st.integers(0, 4)) == 0:
        value, other = draw(VALUES), draw(VALUES)
        line = draw(st.sampled_from(["set", "delete", "insert", "two", "deactivate", "activate"]))
        return {
            "insert": f"insert {SOURCE} {value} {place} {other}",
            "two": f"set {SOURCE} [ {value} {other} ]",
            "deactivate": f"deactivate {SOURCE}",
            "activate": f"activate {SOURCE}",
        }.get(line, f"{line} {SOURCE} {value}")
    path, one, other = draw(LISTS), draw(NAMES), draw(NAMES)
    kind = path.split()[-1]
    moved = ["insert", "insert"] if kind != "prefix-list" else []
    verb = draw(st.sampled_from(["set", "delete", "rename", "copy", *moved, *MARKS]))
    return {
        "rename": f"rename {path} {one} to {kind} {other}",
        "copy": f"copy {path} {one} to {kind} {other}",
        "insert": f"insert {path} {one} {place} {kind} {other}",
    }.get(verb, f"{verb} {path} {one}")


MARKS = ("deactivate", "activate", "protect", "unprotect")


def shown(tree: Tree) -> list[str]:
    return list(to_set(SCHEMA, tree))


@given(lines=st.lists(command(), min_size=2, max_size=14))
def test_lines_of_one_load_do_what_they_do_one_by_one(lines):
    beginning = [f"set {POLICY} p{n} then permit" for n in range(3)]
    together, apart = copy_tree({}), copy_tree({})
    for tree in (together, apart):
        assert load(tree, beginning) == []
    before = copy_tree(together)
    kept = shown(before)
    said = [message for line in lines for message in load(apart, [line])]
    assert load(together, lines) == said
    event(f"{len(said)} refused")
    assert shown(together) == shown(apart)
    assert shown(before) == kept


BESIDE, EACH = 1000, 8000
"""Entries of a list, and steps of the interpreter that a line about one of them may take."""


@pytest.fixture(scope="module")
def long_lists() -> Tree:
    """Lists whose entries are all deactivated."""
    tree = copy_tree({})
    for path in (POLICY, GATEWAY):
        some = "then deny" if path is POLICY else "ike-policy pol"
        lines = [f"set {path} x {some}", *(f"set {path} p{n} {some}" for n in range(BESIDE))]
        marks = [f"deactivate {path} p{n}" for n in range(BESIDE)]
        assert load(tree, lines + marks) == []
    return tree


LINES = {
    "insert": f"insert {POLICY} p{{n}} before policy x",
    "rename": f"rename {POLICY} p{{n}} to policy q{{n}}",
    "delete": f"delete {GATEWAY} p{{n}}",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_a_line_costs_the_same_however_long_the_list_is(long_lists, line):
    def steps(count: int) -> int:
        tree = copy_tree(long_lists)
        with Steps(each="opcode") as counted:
            assert load(tree, [line.format(n=n) for n in range(count)]) == []
        return counted.count

    # What is done once for a load may grow with the list.
    assert (steps(21) - steps(1)) / 20 < EACH


LONG = {
    "policy-options prefix-list p": "192.0.2.{}/32",
    "firewall filter f term t from": "source-address 192.0.2.{}/32",
    "routing-options static route 0.0.0.0/0": "next-hop [ 192.0.2.{} ]",
}


class Counted(list):
    """Words, and how many of them were copied."""

    copied = 0

    def __getitem__(self, place):
        found = super().__getitem__(place)
        self.copied += len(found) if isinstance(place, slice) else 0
        return found


@pytest.mark.parametrize("path", LONG)
def test_the_words_of_a_line_are_not_copied_for_each_of_them(path):
    words = Counted(f"{path} {' '.join(LONG[path].format(n) for n in range(200))}".split())
    assert Descent(SCHEMA, []).walk(words) is None
    assert words.copied < 10 * len(words)


def named_in_a_group(count: int) -> list[str]:
    return [f"set groups X {GATEWAY} p{n} routing-instance r" for n in range(count)]


def groups_of_their_own(count: int) -> list[str]:
    return [
        *(f"set groups X{n} system location building b" for n in range(count)),
        *(f"set apply-groups X{n}" for n in range(count)),
        *(f"set system apply-groups-except X{n}" for n in range(count)),
    ]


@pytest.mark.parametrize("lines", [named_in_a_group, groups_of_their_own])
def test_what_groups_bring_costs_what_they_have(lines):
    def steps(count: int) -> int:
        tree = copy_tree({})
        own = [f"set {GATEWAY} p{n} ike-policy pol" for n in range(count)]
        assert load(tree, ["set apply-groups X", *own, *lines(count)]) == []
        with Steps(each="opcode") as counted:
            in_force(SCHEMA, tree)
        return counted.count

    assert steps(200) < 2.5 * steps(100)


def test_a_wildcard_costs_little_for_each_entry_that_it_does_not_stand_for():
    def steps(count: int) -> int:
        tree = copy_tree({})
        own = [f"set {GATEWAY} p{n} ike-policy pol" for n in range(100)]
        patterns = [f"set groups X {GATEWAY} <*-q{n}> routing-instance r" for n in range(count)]
        assert load(tree, ["set apply-groups X", *own, *patterns]) == []
        with Steps(each="opcode") as counted:
            in_force(SCHEMA, tree)
        return counted.count

    # Besides, each is taken apart once.
    assert (steps(101) - steps(1)) / 100 / 100 < 20


def test_a_first_deactivation_costs_what_is_new():
    def steps(count: int) -> int:
        tree = copy_tree({})
        assert load(tree, [f"set {GATEWAY} p{n} ike-policy pol" for n in range(count)]) == []
        before = in_force(SCHEMA, tree)
        new = copy_tree(tree)
        assert load(new, [f"deactivate {GATEWAY} p0 ike-policy"]) == []
        with Steps() as counted:
            in_force(SCHEMA, new, before)
        return counted.count

    assert steps(400) < 1.5 * steps(100)

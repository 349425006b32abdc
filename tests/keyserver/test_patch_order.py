# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order of entries in a patch: what is new, or moved, goes where its neighbours say."""

from __future__ import annotations

import itertools

import pytest

from keyserver.config.apply import apply
from keyserver.config.compare import compare
from keyserver.config.edit import Operation, copy_tree
from keyserver.config.files import read_file
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.read_patch import read_patch
from keyserver.config.tree import says_the_same
from tests.keyserver.generated import Maker
from tests.keyserver.test_generated import mix

V2 = junos_schema(Generation.V2)
UNKNOWN = "its new place is not in the patch; use insert"
ZONES = "security policies from-zone trust to-zone untrust policy"


def policies(names):
    lines = (f"set {ZONES} {name} match source-address any" for name in names)
    return read_file(V2, "\n".join(lines))[0]


def patched(old, new):
    """What the difference of two makes of the first, and what it refuses."""
    edits, problems = read_patch(V2, compare(V2, old, new))
    tree = copy_tree(old)
    return tree, problems + apply(V2, tree, edits, Operation.MERGE)


@pytest.mark.parametrize("old", ["ab", "abc", "c"])
@pytest.mark.parametrize("length", range(1, 5))
def test_new_entries_stand_in_a_patch_where_they_stood(old, length):
    """All orders of one to four out of five policies, of which some were there."""
    for new in itertools.permutations("abcxy", length):
        tree, problems = patched(policies(old), policies(new))
        assert says_the_same(V2, tree, policies(new)) or {p.message for p in problems} == {UNKNOWN}
        stay = [name for name in new if name in old]
        if stay == sorted(stay):
            assert problems == []


@pytest.mark.parametrize(
    ("old", "new"), [("abc", "cab"), ("abc", "bac"), ("abcd", "adbc"), ("abc", "xcayb")]
)
def test_an_entry_that_moved_is_moved_by_a_patch(old, new):
    tree, problems = patched(policies(old), policies(new))
    assert problems == []
    assert says_the_same(V2, tree, policies(new))


def test_of_several_that_moved_a_patch_says_too_little():
    old, new = policies("abcd"), policies("dbca")
    tree, problems = patched(old, policies("dcba"))
    assert [(one.bad_element, one.message) for one in problems] == [
        (f"policy {name}", UNKNOWN) for name in "cb"
    ]
    assert patched(old, new)[1]
    assert tree != {}


# In 15 and 29 an entry is called like a statement beside it, which no heading tells apart.
@pytest.mark.parametrize("seed", sorted({*range(40)} - {15, 29}))
def test_any_patch_keeps_the_order_or_says_that_it_cannot(seed):
    maker = Maker(V2, seed)
    old = maker.tree(60)
    new = copy_tree(old)
    mix(maker, V2, new)
    tree, problems = patched(old, new)
    assert {one.message for one in problems} <= {UNKNOWN}
    assert problems or says_the_same(V2, tree, new)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Any configuration that is valid under the schema survives every format."""

from __future__ import annotations

import pytest

from keyserver.config.apply import apply
from keyserver.config.compare import compare
from keyserver.config.edit import Operation, copy_tree
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.read_patch import read_patch
from keyserver.config.show import to_set
from tests.keyserver.generated import Maker
from tests.keyserver.test_formats import FORMATS, from_edits, from_set

V2 = junos_schema(Generation.V2)
SEEDS = range(40)
LEAVES = 60


@pytest.mark.parametrize("generation", Generation, ids=lambda g: g.value)
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_generated_from_the_schema_survives_every_format(seed, generation):
    schema = junos_schema(generation)
    tree = Maker(schema, seed).tree(LEAVES)
    for show, read in FORMATS.values():
        assert from_edits(schema, *read(schema, show(schema, tree))) == tree
    assert from_set(schema, "\n".join(to_set(schema, tree))) == tree


@pytest.mark.parametrize("seed", SEEDS)
def test_the_difference_of_any_two_configurations_is_a_patch(seed):
    old, new = (Maker(V2, number).tree(LEAVES) for number in (seed, 1000 + seed))
    edits, problems = read_patch(V2, compare(V2, old, new))
    tree = copy_tree(old)
    assert problems + apply(V2, tree, edits, Operation.MERGE) == []
    assert tree == new


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_of_statement_can_be_made(seed):
    maker = Maker(junos_schema(Generation.V2), seed)
    maker.tree(LEAVES)
    # Some patterns no sample of the generator matches.
    assert len(maker.unmade) < LEAVES / 4

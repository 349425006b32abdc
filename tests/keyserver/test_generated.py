# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Any configuration that is valid under the schema survives every format."""

from __future__ import annotations

import os

import pytest
from lxml import etree

from dev.schema.__main__ import main
from dev.schema.besides import Besides
from dev.schema.earlier import Difference, modules
from dev.schema.table import Body
from keyserver.config.apply import apply
from keyserver.config.compare import compare
from keyserver.config.compare_xml import difference_xml
from keyserver.config.edit import Operation, copy_tree
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.read_patch import read_patch
from keyserver.config.read_xml import read_xml
from keyserver.config.schema import Kind
from keyserver.config.show import to_set
from keyserver.config.tree import INACTIVE, MARKS, says_the_same
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


@pytest.mark.parametrize("seed", SEEDS)
def test_the_difference_of_any_two_configurations_as_xml_makes_one_of_the_other(seed):
    maker = Maker(V2, seed)
    old = maker.tree(LEAVES)
    new = copy_tree(old)
    mix(maker, V2, new)
    for before, after in ((old, new), (new, old), (old, Maker(V2, 1000 + seed).tree(LEAVES))):
        element = etree.Element("configuration")
        written = etree.tostring(difference_xml(V2, before, after, element, ""))
        tree = copy_tree(before)
        edits, problems = read_xml(V2, etree.fromstring(written))
        assert problems + apply(V2, tree, edits, Operation.NONE) == [], written
        assert says_the_same(V2, tree, after), written
        assert not len(difference_xml(V2, tree, after, etree.Element("configuration"), ""))


@pytest.mark.skipif(
    "JUNOS_YANG_DIR" not in os.environ, reason="JUNOS_YANG_DIR is not set: no YANG to compare with"
)
def test_the_kept_table_is_what_junipers_modules_give(capsys):
    assert main([]) == 0, capsys.readouterr().out


def release(folder, leaves):
    """A release whose only hierarchy has these leaves."""
    folder.mkdir()
    (folder / "root.yang").write_text(
        "module junos-es-conf-root { prefix jc; container configuration { } }"
    )
    inside = " ".join(f"leaf {name} {{ type {kind}; }}" for name, kind in leaves.items())
    top = f'augment "/jc:configuration" {{ container system {{ {inside} }} }}'
    (folder / "system.yang").write_text(f"module system {{ prefix s; {top} }}")
    return modules(folder)


def test_what_an_earlier_release_alone_had_stands_where_it_stood(tmp_path):
    now = release(tmp_path / "now", {"a": "string", "b": "enumeration { enum p; }", "c": "empty"})
    leaves = {"a": "string", "old": "empty", "b": "enumeration { enum p; enum q; }"}
    before = release(tmp_path / "before", leaves)
    difference = Difference(now, before)
    root = difference.nodes(tuple(now.root().nodes), tuple(before.root().nodes))
    part = difference.kept
    assert "c" not in {node[0] for node in part.nodes.values}
    body = Besides(now, part).body(now.root(), Body(list(root)))
    (system,) = (now.nodes.values[number] for number in body.nodes)
    both = [now.nodes.values[number] for number in now.children.values[system[2]][0]]
    assert [node[0] for node in both] == ["a", "old", "b", "c"]
    assert now.types.values[both[2][2]] == ("enum", "p", "q")


def mix(maker, schema, tree) -> None:
    """Some statements go, some are marked, some that the user orders stand elsewhere."""
    inactive = set(tree.get(INACTIVE, ()))
    for name in [name for name in tree if name not in MARKS]:
        child, chance = schema.children[name], maker.random.random()
        if chance > 0.15:
            tree[name] = mixed(maker, child, tree[name])
        if chance <= 0.15 or (child.is_branch and not child.presence and not tree[name]):
            del tree[name]
            inactive.discard(name)
        elif chance < 0.3 and child.kind is not Kind.LIST and not child.has_no_braces:
            inactive ^= {name}
    tree.pop(INACTIVE, None)
    if inactive:
        tree[INACTIVE] = frozenset(inactive)
    if schema is V2:
        maker.tree_into(tree, LEAVES // 4)


def mixed(maker, child, value):
    if child.kind is Kind.LEAF_LIST:
        return maker.random.sample(value, len(value))
    if child.kind is Kind.CONTAINER:
        value = copy_tree(value)
        mix(maker, child, value)
    elif child.kind is Kind.LIST:
        keys = [key for key in value if maker.random.random() < 0.9]
        maker.random.shuffle(keys)
        value = {key: copy_tree(value[key]) for key in keys}
        for entry in value.values():
            mix(maker, child, entry)
    return value

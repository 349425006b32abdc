# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection's tables of settings, leaf by leaf, against the schema of the emulated SRX.

The two were written apart, one by hand, the other (v2) generated from Juniper's YANG: a limit that
one of them has otherwise is a mistake of one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from itertools import chain
from typing import Any

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.compare import difference
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.schema import Kind as KindOfLeaf
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.schema import Leaf, List, walk
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources import (
    member,
    server,
    server_member_communication,
)

from keyserver.config.compare import compare
from keyserver.config.junos_schema import Generation as EmulatedGeneration
from keyserver.config.junos_schema import junos_schema
from keyserver.config.schema import Key, Kind, Statement
from keyserver.config.show import to_set
from keyserver.config.tree import MARKS, copy_tree
from keyserver.config.values import InvalidValue
from tests.keyserver.generated import Maker
from tests.keyserver.test_compare import tree_of
from tests.keyserver.test_generated import mix

RESOURCES = (server.RESOURCE, member.RESOURCE, server_member_communication.RESOURCE)


def leaves(resource: Any, generation: Generation) -> Iterator[tuple[str, Leaf, Statement]]:
    """Every leaf that a generation has: its path, what the table says, what the schema says."""
    for path, leaf in walk(resource.root):
        if not isinstance(leaf, Leaf) or generation not in leaf.known:
            continue
        there: Any = junos_schema(EmulatedGeneration(generation.value))
        for name in (*resource.prefix, *path):
            there = None if there is None else there.children.get(name)
        if there is not None:
            yield " ".join(path), leaf, there


def keys(resource: Any, generation: Generation) -> Iterator[tuple[str, Leaf, Key]]:
    """Every key of a list that a generation has, alike."""
    for path, node in walk(resource.root):
        if isinstance(node, List):
            there = reduce(
                lambda one, name: one and one.children.get(name),
                (*resource.prefix, *path),
                junos_schema(EmulatedGeneration(generation.value)),
            )
            for leaf, key in zip(node.keys, there.keys if there else (), strict=False):
                yield " ".join(path), leaf, key


def takes(statement: Statement | Key, value: str) -> bool:
    assert statement.check is not None
    try:
        statement.check(value)
    except InvalidValue:
        return False
    return True


@pytest.mark.parametrize("generation", Generation)
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_numbers_end_where_the_device_ends(resource, generation):
    tried = 0
    for path, leaf, there in leaves(resource, generation):
        for low, high in [leaf.ranges[generation]] if generation in leaf.ranges else []:
            for value in (low - 1, low, high, high + 1):
                refused = leaf.objection(value, generation) is not None
                assert refused != takes(there, str(value)), (path, value)
                tried += 1
    assert tried


@pytest.mark.parametrize("generation", Generation)
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_words_are_those_that_the_device_takes(resource, generation):
    tried = 0
    for path, leaf, there in leaves(resource, generation):
        for word in leaf.all_values():
            refused = leaf.objection(word, generation) is not None
            assert refused != takes(there, word), (path, word)
            tried += 1
    assert tried


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_what_is_an_address_or_the_like_to_every_generation_has_a_form(resource):
    no_form, plain = set(), set()
    for generation in Generation:
        for path, leaf, there in leaves(resource, generation):
            if there.check is None or takes(there, "x"):
                plain.add(path)
            elif leaf.objection("x", generation) is None:
                no_form.add(path)
    assert no_form <= plain


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_no_text_is_taken_that_the_device_would_refuse(resource):
    """Of v2, which Juniper's YANG has: nobody published the forms of v1."""
    odd = ("a b", "-a", "_a", "a.b", "a/b", "a%b", "\xe9", "<a>", "[")
    values = (*odd, *("x" * length for length in range(1, 1026)))
    both = chain(leaves(resource, Generation.V2), keys(resource, Generation.V2))
    for path, leaf, there in both:
        for value in values if leaf.kind is KindOfLeaf.TEXT else ():
            assert leaf.objection(value, Generation.V2) or takes(there, value), (path, value)


# What is about other statements: the tables leave it to the engine, which changes none of it.
ABOUT = {*MARKS, "apply-groups", "apply-groups-except", "apply-macro", "apply-flags"}
# The two mask secrets otherwise.
SECRET = re.compile(r"(ascii-text|hexadecimal) .*")


def tidy(statement: Statement, tree: dict) -> dict:
    """A tree without such statements, and without branches that are empty then."""
    for name in [*tree]:
        child = statement.children.get(name)
        if name in ABOUT or child is None:
            del tree[name]
        elif child.kind is Kind.LIST:
            for entry in tree[name].values():
                tidy(child, entry)
        elif child.kind is Kind.CONTAINER and not tidy(child, tree[name]) and not child.presence:
            del tree[name]
    return tree


def two_configurations(statement: Statement, seed: int) -> Iterator[dict]:
    """What a device has below a statement, and something that it might have next."""
    maker = Maker(statement, seed)
    tree = tidy(statement, maker.tree(60))
    yield tree
    new = copy_tree(tree)
    mix(maker, statement, new)
    maker.tree_into(new, 6)
    yield tidy(statement, new)


@pytest.mark.parametrize("generation", Generation)
@pytest.mark.parametrize("resource", RESOURCES[:2], ids=lambda resource: resource.name)
def test_a_predicted_difference_is_the_devices(resource, generation):
    schema = junos_schema(EmulatedGeneration(generation.value))
    around = schema.children["security"].children["group-vpn"]
    for seed in range(4):
        trees = [
            {"security": {"group-vpn": {resource.name: tree}}}
            for tree in two_configurations(around.children[resource.name], seed)
        ]
        texts = ["\n".join(to_set(schema, tree)) for tree in trees]
        sides = [resource.parse(text).explicit for text in texts]
        predicted = difference(resource.prefix, resource.root, *sides, generation)
        shown = compare(schema, *trees)
        assert SECRET.sub(r"\1", predicted) == SECRET.sub(r"\1", shown), seed


TRACE = "set security group-vpn server traceoptions"
GROUP = "set security group-vpn server group"
GATEWAY = "set security group-vpn server ike gateway g"
# What changes, and what stays as it is beside it.
CHANGES = [
    (f"{TRACE} no-remote-trace", f"{TRACE} flag timer", f"{TRACE} level all\n{TRACE} flag config"),
    (f"{TRACE} file a", f"{TRACE} file b", f"{TRACE} level all"),
    (f"{GATEWAY} address 192.0.2.1", f"{GATEWAY} dynamic hostname h", f"{GATEWAY} ike-policy p"),
    (f"{GATEWAY} dynamic hostname h", f"{GATEWAY} address 192.0.2.1", f"{GATEWAY} ike-policy p"),
    (f"{GATEWAY} local-identity inet 192.0.2.1", f"{GATEWAY} local-identity hostname h", ""),
    (
        f"deactivate {GROUP[4:]} a\ndeactivate {GROUP[4:]} b",
        "",
        f"{GROUP} a group-id 1\n{GROUP} b group-id 2",
    ),
]


@pytest.mark.parametrize(("gone", "comes", "stays"), CHANGES)
def test_a_predicted_difference_of_few_statements_is_the_devices(gone, comes, stays):
    schema = junos_schema(EmulatedGeneration.V2)
    texts = [f"{stays}\n{gone}", f"{stays}\n{comes}"]
    sides = [server.RESOURCE.parse(text).explicit for text in texts]
    resource = server.RESOURCE
    predicted = difference(resource.prefix, resource.root, *sides, Generation.V2)
    assert predicted == compare(schema, *map(tree_of, texts))

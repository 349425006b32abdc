# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection's tables of settings, leaf by leaf, against the schema of the emulated SRX.

The two were written apart, one by hand, the other (v2) generated from Juniper's YANG: a limit that
one of them has otherwise is a mistake of one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.schema import Leaf, walk
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources import (
    member,
    server,
    server_member_communication,
)

from keyserver.config.junos_schema import Generation as EmulatedGeneration
from keyserver.config.junos_schema import junos_schema
from keyserver.config.schema import Statement
from keyserver.config.values import InvalidValue

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


def takes(statement: Statement, value: str) -> bool:
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

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What configuration groups have of both sides: entries that no change of the device itself ends.

A device marks what is inherited, and not whether a group names the entry or matches it by a
wildcard. An entry that a group names stays, in part, when it is deleted; what it refers to is
needed as long as the group is applied.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..engine.device import Device
from ..engine.reply import configuration_of
from ..engine.resource import Resource
from ..engine.schema import Branch, Leaf, List, Path, Tree
from ..engine.shape import as_config
from ..engine.tree import Reading, is_wildcard
from ..netconf.libraries import etree
from ..netconf.xml import local_name
from .configurations import RESOURCES
from .expand import Sides


def with_groups(device: Device, readings: Mapping[str, Reading]) -> dict[str, Reading]:
    """Readings with what the groups have that brought something in; one request, where any did."""
    sources = {group for reading in readings.values() for group in reading.sources.values()}
    if not sources:
        return dict(readings)
    root = configuration_of(device.read_groups(sorted(sources)))
    groups = () if root is None else tuple(root.iterchildren("{*}groups"))
    return {
        side: replace(reading, groups=tuple(_tree(RESOURCES[side], group) for group in groups))
        for side, reading in readings.items()
    }


def _tree(resource: Resource, group: etree._Element) -> Tree:
    root = etree.Element("configuration")
    root.extend(copy.deepcopy(part) for part in group if local_name(part) != "name")
    return resource.read(root).explicit.tree


def named(readings: Mapping[str, Reading]) -> Sides:
    """Entries that groups name, by side."""
    return _sides(readings, lambda resource, tree: _spelled(resource.root, tree))


def needed(readings: Mapping[str, Reading]) -> Sides:
    """Entries that groups name or refer to, by side."""
    return _sides(
        readings,
        lambda resource, tree: [*_spelled(resource.root, tree), *_referred(resource.root, tree)],
    )


def _sides(readings: Mapping[str, Reading], places: Any) -> Sides:
    found: Sides = {}
    for side, reading in readings.items():
        resource = RESOURCES[side]
        tree: Tree = {}
        for group in reading.groups or ():
            for path in places(resource, group):
                _put(tree, path)
        config = as_config(resource, tree)
        found[side] = config if isinstance(config, dict) else {}
    return found


def _spelled(node: Branch, tree: Tree, path: Path = ()) -> Iterator[Path]:
    """Paths of the outermost entries that are named."""
    for name, value in tree.items():
        child = node.by_name[name]
        if isinstance(child, List):
            yield from ((*path, name, key) for key in value if not is_wildcard(key))
        elif isinstance(child, Branch):
            yield from _spelled(child, value, (*path, name))


def _referred(node: Branch, tree: Tree) -> Iterator[Path]:
    """Paths of entries that something refers to, in entries of any name."""
    for name, value in tree.items():
        child = node.by_name[name]
        if isinstance(child, List):
            yield from ((*child.refers, key) for key in value if child.refers)
            for entry in value.values():
                yield from _referred(child, entry)
        elif isinstance(child, Branch):
            yield from _referred(child, value)
        elif isinstance(child, Leaf) and child.refers:
            for one in value if isinstance(value, tuple) else (value,):
                yield (*child.refers, str(one))


def _put(tree: Tree, path: Path) -> None:
    for name in path:
        tree = tree.setdefault(name, {})

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What configuration groups have of both sides: entries that no change of the device itself ends.

A device marks what is inherited, and not whether a group names the entry or matches it by a
wildcard. An entry that a group names stays, in part, when it is deleted; what it refers to is
needed as long as the group is applied. So is what an inactive statement refers to.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..engine.device import Device
from ..engine.reply import configuration_of
from ..engine.resource import Resource
from ..engine.schema import Branch, List, Path, Tree
from ..engine.shape import as_config
from ..engine.tree import Reading, is_wildcard, references
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
    return _sides(readings, _named)


def needed(readings: Mapping[str, Reading]) -> Sides:
    """Entries that groups name or refer to, or inactive statements refer to, by side."""
    return _sides(readings, _needed)


def _sides(readings: Mapping[str, Reading], places: Callable[[Branch, Reading], Any]) -> Sides:
    found: Sides = {}
    for side, reading in readings.items():
        resource = RESOURCES[side]
        tree: Tree = {}
        for path in places(resource.root, reading):
            _put(tree, path)
        config = as_config(resource, tree)
        found[side] = config if isinstance(config, dict) else {}
    return found


def _named(root: Branch, reading: Reading) -> Iterator[Path]:
    for group in reading.groups or ():
        yield from _spelled(root, group)


def _needed(root: Branch, reading: Reading) -> Iterator[Path]:
    yield from _named(root, reading)
    for group in reading.groups or ():
        yield from _referred(root, group)
    if reading.explicit.inactive:
        # Whoever activates it again finds what it refers to.
        yield from _referred(root, reading.explicit.tree, reading.is_asleep)


def _spelled(node: Branch, tree: Tree, path: Path = ()) -> Iterator[Path]:
    """Paths of the outermost entries that are named."""
    for name, value in tree.items():
        child = node.by_name[name]
        if isinstance(child, List):
            yield from ((*path, name, key) for key in value if not is_wildcard(key))
        elif isinstance(child, Branch):
            yield from _spelled(child, value, (*path, name))


def _referred(
    node: Branch, tree: Tree, counts: Callable[[Path], bool] = lambda path: True
) -> Iterator[Path]:
    """Paths of entries that statements which count refer to, in entries of any name."""
    for path, statement, name in references(node, tree):
        if counts((*path, statement.name, name)):
            yield (*statement.refers, name)


def _put(tree: Tree, path: Path) -> None:
    for name in path:
        tree = tree.setdefault(name, {})

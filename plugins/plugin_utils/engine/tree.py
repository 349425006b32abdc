# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations as data: what is set, what is inactive, what is inherited."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .schema import Branch, Container, Leaf, List, Path, Tree, along, trees, value_at


@dataclass(frozen=True)
class Configuration:
    """Statements, and which of them are inactive."""

    tree: Tree = field(default_factory=dict)
    inactive: frozenset[Path] = frozenset()


@dataclass(frozen=True)
class Reading:
    """What was read below a resource's hierarchy.

    ``explicit`` is what is configured there, ``inherited`` what configuration groups bring in,
    ``sources`` the group behind each inherited statement. ``notes`` say what could not be read,
    and what keeps all of it from being in force; ``unread``: statements that no table has.
    ``groups``: what those groups have here, where it was read; without it nobody knows whether an
    entry stays by their doing when it is deleted. ``beside``: a container that others have a part
    in, from the top of the configuration on; () for none. ``protected``: what a device keeps as it
    is, from the top on, too.
    """

    explicit: Configuration = field(default_factory=Configuration)
    inherited: Tree = field(default_factory=dict)
    sources: Mapping[Path, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ancestor_inactive: bool = False
    groups: tuple[Tree, ...] | None = None
    unread: tuple[str, ...] = ()
    beside: Path = ()
    protected: frozenset[Path] = frozenset()

    def in_force(self, node: Branch) -> Tree:
        """What the device acts on."""
        if self.ancestor_inactive:
            return {}
        # Whether groups bring anything into what is inactive is not public: it does not count.
        inherited = active(node, replace(self.explicit, tree=self.inherited))
        if self.groups is not None:
            inherited = _brought(node, inherited, self.explicit.tree, self.groups)
        return overlaid(node, inherited, active(node, self.explicit))

    def is_as(self, other: Reading) -> bool:
        """Whether another reading has found the same, in the same order."""
        return self == other and all(
            _in_order(one) == _in_order(another)
            for one, another in (
                (self.explicit.tree, other.explicit.tree),
                (self.inherited, other.inherited),
            )
        )

    def is_asleep(self, path: Path) -> bool:
        """Whether a path leads into what is inactive."""
        above = (path[:length] for length in range(1, len(path) + 1))
        return self.ancestor_inactive or not self.explicit.inactive.isdisjoint(above)


def _in_order(value: Any) -> Any:
    """A tree as what compares by its order, too."""
    return [(k, _in_order(v)) for k, v in value.items()] if isinstance(value, dict) else value


def _brought(node: Branch, tree: Tree, explicit: Tree, groups: tuple[Tree, ...]) -> Tree:
    """What groups bring in: by a wildcard only into entries that are there without them."""
    kept: Tree = {}
    for name, value in tree.items():
        child, mine = node.by_name[name], explicit.get(name, {})
        theirs = tuple(group[name] for group in groups if name in group)
        if isinstance(child, List):
            kept[name] = {
                key: _brought(child, entry, mine.get(key, {}), _matching(theirs, key))
                for key, entry in value.items()
                if key in mine or any(key in entries for entries in theirs)
            }
        elif isinstance(child, Branch):
            kept[name] = _brought(child, value, mine, theirs)
        else:
            kept[name] = value
    return kept


def _matching(lists: tuple[Tree, ...], key: str) -> tuple[Tree, ...]:
    """Entries of groups' lists that may be meant for one of that name."""
    return tuple(e for entries in lists for k, e in entries.items() if k == key or is_wildcard(k))


def is_wildcard(name: str) -> bool:
    """Whether a name in a configuration group stands for others."""
    return name.startswith("<") and name.endswith(">")


def active(node: Branch, configuration: Configuration) -> Tree:
    """A configuration without its inactive parts."""
    if not configuration.inactive:
        return configuration.tree
    tree = copy.deepcopy(configuration.tree)
    for path in configuration.inactive:
        cut(tree, path)
    return tidied(node, tree)


def tidied(node: Branch, tree: Tree) -> Tree:
    """A tree without what vanishes by itself: branches with nothing in them, lists, leaf-lists."""
    kept: Tree = {}
    for name, value in tree.items():
        child = node.by_name[name]
        if isinstance(child, List):
            value = {key: tidied(child, entry) for key, entry in value.items()}
            if child.shell:
                value = {key: entry for key, entry in value.items() if entry}
        elif isinstance(child, Branch):
            value = tidied(child, value)
        if value not in ({}, ()) or (isinstance(child, Container) and child.presence):
            kept[name] = value
    return kept


def overlaid(node: Branch, below: Tree, above: Tree) -> Tree:
    """``below`` where ``above`` says nothing; a choice made above is not undone below."""
    if not below:
        return above
    merged = dict(above)
    for name, value in below.items():
        child = node.by_name[name]
        if name not in merged:
            if merged.keys().isdisjoint(node.rivals(name)):
                merged[name] = value
        elif isinstance(child, List):
            mine = merged[name]
            both = {key: overlaid(child, entry, mine.get(key, {})) for key, entry in value.items()}
            merged[name] = {**mine, **both}
        elif isinstance(child, Branch):
            merged[name] = overlaid(child, value, merged[name])
        elif isinstance(child, Leaf) and child.many:
            merged[name] = tuple(dict.fromkeys((*merged[name], *value)))
    return merged


def is_there(tree: Tree, path: Path) -> bool:
    """Whether a path leads to a statement, an entry or a leaf-list's item."""
    above = value_at(tree, path[:-1])
    return not path or (isinstance(above, dict | tuple) and path[-1] in above)


def is_ours(node: Branch, tree: Tree, path: Path) -> bool:
    """Whether a path leads into nobody else's entry."""
    return all(
        statement.is_ours(value_at(tree, here) or {})
        for here, statement, key in along(node, path)
        if isinstance(statement, List) and key is not None
    )


def references(
    node: Branch, tree: Tree, path: Path = ()
) -> Iterator[tuple[Path, Leaf | List, str]]:
    """What refers to entries of lists: the branch that it stands in, the statement, the name."""
    for child in (c for c in node.children if c.name in tree):
        value, here = tree[child.name], (*path, child.name)
        if isinstance(child, Leaf | List) and child.refers:
            several = isinstance(child, List) or child.many
            yield from ((path, child, name) for name in (value if several else (value,)))
        for keys, branch, inside in trees(child, value):
            yield from references(branch, inside, (*here, *keys))


def parent_of(tree: Tree, path: Path) -> Tree | None:
    """What holds the last name of a path; None when nothing does."""
    parent = value_at(tree, path[:-1])
    return parent if isinstance(parent, dict) else None


def cut(tree: Tree, path: Path) -> None:
    """Take away what a path leads to: a statement, an entry or a leaf-list's item."""
    parent = parent_of(tree, path)
    if parent is not None:
        parent.pop(path[-1], None)
        return
    owner = parent_of(tree, path[:-1])
    if owner is not None and isinstance(owner.get(path[-2]), tuple):
        owner[path[-2]] = tuple(item for item in owner[path[-2]] if item != path[-1])

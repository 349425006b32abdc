# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings as options: what a task gives, and what it is given back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .resource import Resource
from .schema import Branch, Container, Kind, Leaf, List, Path, Tree
from .secret import Secret

Config = list[dict[str, Any]] | dict[str, Any]


class Given:
    """The ``config`` option as a tree, and what is wrong with it."""

    def __init__(self, resource: Resource, config: Any) -> None:
        self.objections: list[str] = []
        self._resource = resource
        anchored = resource.anchored
        self.tree: Tree = {}
        if config and anchored is not None:
            self.tree = {anchored.name: self._list(anchored, config, (anchored.name,))}
        elif config:
            inward = dict if resource.wording is None else resource.wording.inward
            self.tree = self._branch(resource.root, inward(config), ())

    def _branch(self, node: Branch, options: Mapping[str, Any], path: Path) -> Tree:
        tree: Tree = {}
        for child in node.children:
            here = (*path, child.name)
            if isinstance(child, Container) and child.inline:
                inside = self._branch(child, options, here)
                if inside:
                    tree[child.name] = inside
            elif not child.context and options.get(child.option) is not None:
                tree[child.name] = self._value(child, options[child.option], here)
        return tree

    def _value(self, child: Any, value: Any, path: Path) -> Any:
        if isinstance(child, List):
            return self._list(child, value, path)
        if isinstance(child, Container) and child.shorthand is not None:
            return self._short(child, value, path)
        if isinstance(child, Branch):
            return self._branch(child, value, path)
        return _leaf_value(child, value)

    def _list(self, node: List, entries: Sequence[Any], path: Path) -> Tree:
        tree: Tree = {}
        for entry in entries:
            names = [entry] if node.is_bare else [entry[leaf.option] for leaf in node.keys]
            key = node.joined([str(name) for name in names])
            if key in tree:
                self.objections.append(
                    f"{self._resource.where((*path, key))}: the {node.name} is listed twice; "
                    f"{node.twice}"
                )
            tree[key] = {} if node.is_bare else self._branch(node, entry, (*path, key))
        return tree

    def _short(self, node: Container, value: Any, path: Path) -> Tree:
        """A container that may be given as the one value that it usually holds."""
        if not isinstance(value, Mapping):
            return {str(node.shorthand): _leaf_value(node.by_name[str(node.shorthand)], value)}
        options = [child.option for child in node.children]
        if not set(value) <= set(options):
            # Braces around a secret make a name of it: it is not repeated.
            self.objections.append(
                f"{self._resource.where(path)}: an option that it does not have; "
                f"it has {', '.join(options)}"
            )
        return self._branch(node, value, path)


def _leaf_value(leaf: Any, value: Any) -> Any:
    if not isinstance(leaf, Leaf):
        raise AssertionError(leaf)
    if leaf.many:
        return tuple(dict.fromkeys(str(item) for item in value))
    if leaf.kind is Kind.FLAG:
        return bool(value)
    if leaf.kind is Kind.INTEGER:
        return int(value)
    if leaf.secret:
        return value if isinstance(value, Secret) else Secret(str(value))
    return str(value)


def as_config(resource: Resource, tree: Tree, *, secrets: bool = False) -> Config:
    """Settings as the module's ``config``.

    Secrets are left out, unless they are asked for: as :class:`.Secret`, to be compared.
    """
    anchored = resource.anchored
    if anchored is None:
        options = _options(resource.root, tree, secrets)
        return options if resource.wording is None else resource.wording.outward(options)
    return _entries(anchored, tree.get(anchored.name, {}), secrets)


def _options(node: Branch, tree: Tree, secrets: bool) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for child in node.managed:
        if child.name not in tree:
            continue
        value = tree[child.name]
        if isinstance(child, List):
            options[child.option] = _entries(child, value, secrets)
        elif isinstance(child, Container):
            inside = _options(child, value, secrets)
            if child.inline:
                options.update(inside)
            elif inside or not child.holds_secrets:
                options[child.option] = inside
        elif isinstance(child, Leaf) and (secrets or not child.secret):
            options[child.option] = list(value) if child.many else value
    return options


def _entries(node: List, entries: Tree, secrets: bool) -> list[Any]:
    if node.is_bare:
        return list(entries)
    inline = [c.name for c in node.children if isinstance(c, Container) and c.inline]
    return [
        {**_names(node, key), **_options(node, entry, secrets)}
        for key, entry in entries.items()
        # An entry that is only there for what stands in it, and has nothing of it.
        if (not node.fixed or not inline or any(name in entry for name in inline))
        and node.is_ours(entry)
    ]


def _names(node: List, key: str) -> dict[str, Any]:
    return {leaf.option: part for leaf, part in zip(node.keys, node.parts(key), strict=True)}

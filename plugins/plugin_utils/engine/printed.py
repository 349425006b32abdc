# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Statements as a device prints them: in braces, on one line, inactive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .change import headed, shown
from .schema import Branch, Leaf, List, Path, Statement, Tree
from .tree import Configuration
from .values import Generation
from .words import quote

INACTIVE = "inactive: "
_INSIDE = 4


def collapsed(node: Branch, key: str | None) -> str:
    """What is named without its content; devices write an entry that has none in the same way."""
    return f"{headed(node, key)} {{ ... }}"


def printed(
    node: Statement,
    key: str | None,
    value: Any,
    path: Path,
    side: Configuration,
    generation: Generation | None,
    within: bool = False,
) -> Iterator[tuple[int, str]]:
    """A statement and what is in it: (indentation, text); ``within``: as part of a line."""
    mark = INACTIVE if path in side.inactive else ""
    head = f"{mark}{headed(node, key)}"
    if isinstance(node, Leaf):
        yield from _leaf_statements(node, value, mark, path, side)
    elif isinstance(node, Branch):
        inside = list(_inside(node, value, path, side, generation))
        if not inside:
            yield 0, f"{head};"
        elif _on_one_line(node, value, inside, within):
            yield 0, f"{head} {' '.join(text.removesuffix(';') for _depth, text in inside)};"
        else:
            yield 0, f"{head} {{"
            yield from ((depth + _INSIDE, text) for depth, text in inside)
            yield 0, "}"


def _on_one_line(node: Branch, tree: Tree, inside: list[tuple[int, str]], within: bool) -> bool:
    if len(inside) > len(tree) or any(text.startswith(INACTIVE) for _depth, text in inside):
        return False
    if within and node.oneline_within:
        return True
    if node.oneline or not node.oneline_if_one or len(inside) != 1:
        return node.oneline
    return all(isinstance(node.by_name[name], Leaf) for name in tree)


def _inside(
    node: Branch, tree: Tree, path: Path, side: Configuration, generation: Generation | None
) -> Iterator[tuple[int, str]]:
    for child in node.ordered(tree, generation):
        here = (*path, child.name)
        value = tree[child.name]
        if isinstance(child, List):
            for key in value if child.user_ordered else sorted(value):
                yield from printed(child, key, value[key], (*here, key), side, generation)
        else:
            yield from printed(child, None, value, here, side, generation, node.oneline)


def _leaf_statements(
    leaf: Leaf, value: Any, mark: str, path: Path, side: Configuration
) -> Iterator[tuple[int, str]]:
    """A leaf; the values of a leaf-list one by one when some of them are inactive."""
    asleep = {item for item in value if (*path, item) in side.inactive} if leaf.many else set()
    if not asleep:
        yield 0, f"{mark}{_leaf_text(leaf, value)};"
        return
    for item in value:
        yield 0, f"{INACTIVE if item in asleep else mark}{_leaf_text(leaf, (item,))};"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _leaf_text(leaf: Leaf, value: Any) -> str:
    if value is True:
        return leaf.said
    # Devices quote what is scrambled.
    write = _quoted if leaf.secret else quote
    words = [write(shown(item)) for item in (value if leaf.many else [value])]
    text = words[0] if len(words) == 1 else f"[ {' '.join(words)} ]"
    return text if leaf.bare else f"{leaf.said} {text}"

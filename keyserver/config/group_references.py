# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configuration groups that are applied, or kept out, and that nobody has defined.

They bring nothing: whoever misspelled one would have less in force than is thought.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from .schema import Statement
from .tree import NOTHING, Tree, differing, differing_branches

GROUPS, APPLY, EXCEPT = "groups", "apply-groups", "apply-groups-except"
_PREDEFINED = frozenset({"junos-defaults"})
_OWN = "${"
"""A name that each node, engine or member of a device puts itself into: ``${node}``."""

Reference = tuple[list[str], str, str]
"""The way to a branch, what stands there (``apply-groups``), and the group that it names."""


def undefined_groups(root: Statement, tree: Tree, sound: Tree) -> Iterator[Reference]:
    """Names of groups that are not there; what ``sound`` has too is left out.

    Unless one of its groups is gone: then everything is looked at.
    """
    defined = tree.get(GROUPS, NOTHING).keys() | _PREDEFINED
    gone = sound.get(GROUPS, NOTHING).keys() - defined
    return _below(root, tree, NOTHING if gone else sound, [], defined)


def _below(
    statement: Statement, tree: Tree, sound: Tree, way: list[str], defined: Set[str]
) -> Iterator[Reference]:
    for name in differing(tree, sound):
        if name in (APPLY, EXCEPT):
            yield from ((way, name, one) for one in tree[name] if not _is_known(one, defined))
    for words, child, held, was in differing_branches(statement, tree, sound):
        yield from _below(child, held, was, [*way, *words], defined)


def _is_known(name: str, defined: Set[str]) -> bool:
    return name in defined or _OWN in name

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a user should know about a configuration or a change, as far as a table says it."""

from __future__ import annotations

from collections.abc import Iterator

from .resource import Outlook, Resource
from .schema import Branch, Leaf, List, Path, Tree, along, trees, value_at
from .tree import Reading, is_ours, is_there

_MOST = 20


def reading_warnings(resource: Resource, have: Reading) -> list[str]:
    """What of a configuration is not in force, comes from elsewhere, or could not be read."""
    asleep = [f"{place} is inactive: it is not in force" for place in inactive(resource, have)]
    found = _capped(list(have.notes)) + _capped(asleep)
    return found + _capped(list(_inherited(resource, have)))


def inactive(resource: Resource, have: Reading) -> list[str]:
    """Statements that are there and do nothing."""
    root, tree = resource.root, have.explicit.tree
    paths = sorted(path for path in have.explicit.inactive if is_ours(root, tree, path))
    return [resource.where(path) for path in paths if _concerns(root, path)]


def _capped(found: list[str]) -> list[str]:
    more = len(found) - _MOST
    return found if more <= 0 else [*found[:_MOST], f"and {more} more of this kind"]


def _inherited(resource: Resource, have: Reading) -> Iterator[str]:
    for path, group in have.sources.items():
        above = (path[:n] for n in range(1, len(path)))
        if not any(place in have.sources for place in above) and _concerns(resource.root, path):
            meaning = (
                "it stands in what is inactive, and is not taken to be in force"
                if have.is_asleep(path)
                else "it is in force, and only a change of that group takes it away"
            )
            yield f"{resource.where(path)} comes from configuration group {group}: {meaning}"


def _concerns(root: Branch, path: Path) -> bool:
    """Whether a path is managed, or leads to what is."""
    return not any(statement.context for _here, statement, _key in along(root, path))


def change_warnings(resource: Resource, outlook: Outlook) -> list[str]:
    """What goes with a change."""
    found = [
        f"{resource.where(path)} was deactivated on the device; this change activates it"
        f"{_with_all_in_it(outlook.target.tree, path)}"
        for path in sorted(outlook.have.explicit.inactive - outlook.target.inactive)
        if is_there(outlook.target.tree, path) and _concerns(resource.root, path)
    ]
    return found + removals(resource, outlook) + resource.rules.advice(outlook)


def _with_all_in_it(tree: Tree, path: Path) -> str:
    inside = value_at(tree, path)
    return ", with all that is in it" if inside and isinstance(inside, dict) else ""


def removals(resource: Resource, outlook: Outlook) -> list[str]:
    """What is taken away whole, by name."""
    return [
        f"{place} is removed: {names}"
        for place, names in _removed(
            resource, resource.root, outlook.have.explicit.tree, outlook.target.tree, ()
        )
    ]


def _removed(
    resource: Resource, node: Branch, old: Tree, new: Tree, path: Path
) -> Iterator[tuple[str, str]]:
    for child in node.managed:
        was, now, here = old.get(child.name), new.get(child.name), (*path, child.name)
        if was is None or was is now or isinstance(child, Leaf):
            continue
        gone = [key for key in was if key not in (now or {})] if isinstance(child, List) else []
        if gone or (now is None and not isinstance(child, List)):
            yield resource.where(path, child.name), ", ".join(gone) or "all of it"
        for keys, branch, inside in trees(child, was):
            left = value_at(now, keys)
            if left is not None:
                yield from _removed(resource, branch, inside, left, (*here, *keys))

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configuration groups: what ``apply-groups`` brings into a configuration.

A group's statements come in where the configuration has none of its own; of several groups the
one nearest to the statement wins, then the one named first. ``<*>`` in a group stands for every
entry that is there. Lists and leaf-lists take what the groups add to them.
"""

from __future__ import annotations

from collections.abc import Iterator

from .schema import KEY_SEPARATOR, Kind, Statement
from .tree import INACTIVE, INHERITED, MARKS, Branch, Tree, effective
from .values import wildcard
from .wildcards import matches

_GROUPS, _APPLY, _EXCEPT = "groups", "apply-groups", "apply-groups-except"

Source = tuple[str, Tree]
"""A group's name and its branch at some place."""


def in_force(root: Statement, tree: Tree) -> Tree:
    """What the device acts on: nothing that is deactivated, everything that is inherited."""
    active = effective(tree)
    if _GROUPS not in active:
        return active
    return _inherited(root, active, active[_GROUPS])


def shown_inherited(root: Statement, tree: Tree, *, marked: bool) -> Tree:
    """A configuration with what it inherits, without groups and what applies them.

    Deactivated statements stay; when ``marked``, what came from a group has its name.
    """
    groups = effective({_GROUPS: tree.get(_GROUPS, {})}).get(_GROUPS, {})
    kept = {name for name in groups if (_GROUPS, name) not in tree.get(INACTIVE, ())}
    whole = _inherited(root, tree, {name: groups[name] for name in kept})
    return _without(whole, {_GROUPS, _APPLY, _EXCEPT} | (set() if marked else {INHERITED}))


def _inherited(root: Statement, tree: Tree, groups: Tree) -> Tree:
    return _merged(root, tree, list(groups.items()), ())


def _without(tree: Tree, names: set[str]) -> Tree:
    return {
        name: value if name in MARKS or not isinstance(value, dict) else _without(value, names)
        for name, value in tree.items()
        if name not in names
    }


def _merged(
    statement: Statement, here: Tree, located: list[Source], applied: tuple[str, ...]
) -> Tree:
    """A branch with what the groups bring into it.

    ``located``: what each group has at this place; ``applied``: the groups in force here, those
    applied nearest first.
    """
    if not located:
        return here
    own = [name for name in here.get(_APPLY, ()) if name not in applied]
    out = here.get(_EXCEPT, ())
    applied = tuple(name for name in (*own, *applied) if name not in out)
    sources = sorted(
        (source for source in located if source[0] in applied),
        key=lambda source: applied.index(source[0]),
    )
    names = dict.fromkeys(
        [*here, *(name for _, branch in sources for name in branch if name != _APPLY)]
    )
    merged = Branch({mark: here[mark] for mark in MARKS & here.keys()}, None)
    origin: dict[object, str] = {}
    for name in names:
        if name in MARKS:
            continue
        child = statement.children[name]
        below = [(group, branch[name]) for group, branch in located if name in branch]
        if child.kind is Kind.CONTAINER:
            _container(child, here, below, applied, merged, origin)
        elif child.kind is Kind.LIST:
            _list(child, here.get(name, {}), below, applied, merged, origin)
        else:
            active = [source for source in below if source[0] in applied]
            active.sort(key=lambda source: applied.index(source[0]))
            _leaf(statement, child, here, active, merged, origin)
    if origin:
        merged[INHERITED] = origin
    return merged


def _container(
    child: Statement,
    here: Tree,
    below: list[Source],
    applied: tuple[str, ...],
    merged: Tree,
    origin: dict[object, str],
) -> None:
    name = child.name
    value = _merged(child, here.get(name, {}), below, applied)
    brought = [group for group, _ in below if group in applied]
    if name in here or brought or value:
        merged[name] = value
        if name not in here and brought:
            origin[name] = brought[0]


def _list(
    child: Statement,
    here: Tree,
    below: list[Source],
    applied: tuple[str, ...],
    merged: Tree,
    origin: dict[object, str],
) -> None:
    keys: dict[str, str | None] = dict.fromkeys(here)
    for group, entries in below:
        if group in applied:
            for key in entries:
                if not any(map(wildcard, key.split(KEY_SEPARATOR))):
                    keys.setdefault(key, group)
    held = Branch({}, None)
    for key, brought in keys.items():
        inside = [(name, branch) for name, entries in below for branch in _matching(entries, key)]
        held[key] = _merged(child, here.get(key, {}), inside, applied)
        if brought is not None:
            origin[child.name, key] = brought
    if held:
        merged[child.name] = held


def _matching(entries: Tree, key: str) -> Iterator[Tree]:
    """What a group says about an entry: by its name first, then by wildcards."""
    if key in entries:
        yield entries[key]
    for pattern, branch in entries.items():
        if pattern != key and _stands_for(pattern, key):
            yield branch


def _stands_for(pattern: str, key: str) -> bool:
    ours, theirs = pattern.split(KEY_SEPARATOR), key.split(KEY_SEPARATOR)
    if not any(map(wildcard, ours)) or len(ours) != len(theirs):
        return False
    return all(
        matches(one.removeprefix("<").removesuffix(">"), other) if wildcard(one) else one == other
        for one, other in zip(ours, theirs, strict=True)
    )


def _leaf(
    parent: Statement,
    child: Statement,
    here: Tree,
    below: list[Source],
    merged: Tree,
    origin: dict[object, str],
) -> None:
    name = child.name
    if child.kind is Kind.LEAF_LIST and below and not name.startswith(_APPLY):
        added = [value for _, values in below for value in values]
        merged[name] = list(dict.fromkeys([*here.get(name, []), *added]))
        if name not in here:
            origin[name] = below[0][0]
    elif name in here:
        merged[name] = here[name]
    elif below and not any(other in here or other in merged for other in _rivals(parent, name)):
        merged[name] = below[0][1]
        origin[name] = below[0][0]


def _rivals(parent: Statement, name: str) -> frozenset[str]:
    return parent.excluded.get(name, frozenset())

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configuration groups: what ``apply-groups`` brings into a configuration.

A group's statements come in where the configuration has none of its own; of several groups the
one nearest to the statement wins, then the one named first. ``<*>`` in a group stands for every
entry that is there. Lists and leaf-lists take what the groups add to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from .schema import KEY_SEPARATOR, Kind, Statement
from .tree import INACTIVE, INHERITED, MARKS, NOTHING, Branch, Tree, effective
from .values import wildcard
from .wildcards import matches

_GROUPS, _APPLY, _EXCEPT = "groups", "apply-groups", "apply-groups-except"

Source = tuple[str, Tree]
"""A group's name and its branch at some place."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A configuration, what of it is active, and ``tree``: what the device acts on."""

    written: Tree
    active: Tree
    tree: Tree


_NO_CONFIGURATION = InForce(NOTHING, NOTHING, NOTHING)


def in_force(root: Statement, tree: Tree, before: InForce = _NO_CONFIGURATION) -> InForce:
    """What the device acts on: nothing that is deactivated, everything that is inherited.

    What ``tree`` shares with the configuration that was in force ``before`` is not gone through
    again, and stays the same objects.
    """
    if tree is before.written:
        return before
    active = effective(tree, before.written, before.active)
    if _GROUPS not in active:
        return InForce(tree, active, active)
    known = _Known(before.active, _groups(before.active), (), before.tree)
    return InForce(tree, active, _merged(root, active, _groups(active), (), known))


def _groups(tree: Tree) -> list[Source]:
    return list(tree.get(_GROUPS, NOTHING).items())


def shown_inherited(root: Statement, tree: Tree, *, marked: bool) -> Tree:
    """A configuration with what it inherits, without groups and what applies them.

    Deactivated statements stay; when ``marked``, what came from a group has its name.
    """
    groups = effective({_GROUPS: tree.get(_GROUPS, {})}).get(_GROUPS, {})
    kept = {name for name in groups if (_GROUPS, name) not in tree.get(INACTIVE, ())}
    whole = _merged(root, tree, [source for source in groups.items() if source[0] in kept], ())
    return without(whole, {_GROUPS, _APPLY, _EXCEPT} | (set() if marked else {INHERITED}))


def without(tree: Tree, names: Set[str]) -> Tree:
    """A tree without what has one of these names, marks too, wherever it stands."""
    return {
        name: value if name in MARKS or not isinstance(value, dict) else without(value, names)
        for name, value in tree.items()
        if name not in names
    }


@dataclass(frozen=True, slots=True)
class _Known:
    """What was merged before at a place, and from what."""

    here: Tree
    located: Sequence[Source]
    applied: tuple[str, ...]
    merged: Tree

    def holds(self, here: Tree, located: Sequence[Source], applied: tuple[str, ...]) -> bool:
        """True when the very same would be merged again."""
        return here is self.here and applied == self.applied and _same(located, self.located)

    def below(self, name: str, applied: tuple[str, ...]) -> _Known:
        """The same of a container or list in it, in which ``applied`` were in force."""
        return _Known(
            self.here.get(name, NOTHING),
            _located(self.located, name),
            applied,
            self.merged.get(name, NOTHING),
        )

    def entry(self, key: str) -> _Known:
        """The same of an entry of the list that this is about."""
        return _Known(
            self.here.get(key, NOTHING),
            _inside(self.located, key),
            self.applied,
            self.merged.get(key, NOTHING),
        )


_NOTHING_KNOWN = _Known(NOTHING, (), (), NOTHING)


def _same(ours: Sequence[Source], theirs: Sequence[Source]) -> bool:
    return len(ours) == len(theirs) and all(
        one[0] == other[0] and one[1] is other[1] for one, other in zip(ours, theirs, strict=True)
    )


def _located(located: Sequence[Source], name: str) -> list[Source]:
    return [(group, branch[name]) for group, branch in located if name in branch]


def _inside(located: Sequence[Source], key: str) -> list[Source]:
    """What groups say about an entry of a list."""
    return [(group, one) for group, entries in located for one in _matching(entries, key)]


def _applied_here(here: Tree, applied: tuple[str, ...]) -> tuple[str, ...]:
    """The groups in force in a branch, those applied nearest first."""
    own = [name for name in here.get(_APPLY, ()) if name not in applied]
    out = here.get(_EXCEPT, ())
    return tuple(name for name in (*own, *applied) if name not in out)


def _merged(
    statement: Statement,
    here: Tree,
    located: Sequence[Source],
    applied: tuple[str, ...],
    known: _Known = _NOTHING_KNOWN,
) -> Tree:
    """A branch with what the groups bring into it.

    ``located``: what each group has at this place; ``applied``: the groups in force around it.
    """
    if not located:
        return here
    if known.holds(here, located, applied):
        return known.merged
    applied, before = _applied_here(here, applied), _applied_here(known.here, known.applied)
    sources = _ranked(located, applied)
    merged = Branch({mark: here[mark] for mark in MARKS & here.keys()}, None)
    origin: dict[object, str] = {}
    brought = (name for _, branch in sources for name in branch if name != _APPLY)
    for name in dict.fromkeys([*here, *brought]):
        if name in MARKS:
            continue
        child, below = statement.children[name], _located(located, name)
        if child.kind is Kind.CONTAINER:
            _container(child, here, below, applied, merged, origin, known.below(name, before))
        elif child.kind is Kind.LIST:
            entries = here.get(name, NOTHING)
            _list(child, entries, below, applied, merged, origin, known.below(name, before))
        else:
            _leaf(statement, child, here, _ranked(below, applied), merged, origin)
    if origin:
        merged[INHERITED] = origin
    return merged


def _ranked(sources: Sequence[Source], applied: tuple[str, ...]) -> list[Source]:
    """What is applied of it, nearest first."""
    found = [source for source in sources if source[0] in applied]
    return sorted(found, key=lambda source: applied.index(source[0]))


def _container(
    child: Statement,
    here: Tree,
    below: list[Source],
    applied: tuple[str, ...],
    merged: Tree,
    origin: dict[object, str],
    known: _Known,
) -> None:
    name = child.name
    value = _merged(child, here.get(name, NOTHING), below, applied, known)
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
    known: _Known,
) -> None:
    keys: dict[str, str | None] = dict.fromkeys(here)
    for group, entries in below:
        if group in applied:
            for key in entries:
                if not any(map(wildcard, key.split(KEY_SEPARATOR))):
                    keys.setdefault(key, group)
    held = Branch({}, None)
    unchanged = applied == known.applied and _same(below, known.located)
    for key, brought in keys.items():
        entry = here.get(key, NOTHING)
        if unchanged and key in known.merged and entry is known.here.get(key, NOTHING):
            held[key] = known.merged[key]
        else:
            held[key] = _merged(child, entry, _inside(below, key), applied, known.entry(key))
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

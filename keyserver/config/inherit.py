# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configuration groups: what ``apply-groups`` brings into a configuration.

A group's statements come in where the configuration has none of its own; of several groups the
one nearest to the statement wins, then the one named first. ``<*>`` in a group stands for every
entry that is there. Lists and leaf-lists take what the groups add to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from .group_references import APPLY as _APPLY
from .group_references import EXCEPT as _EXCEPT
from .group_references import GROUPS as _GROUPS
from .schema import KEY_SEPARATOR, Kind, Statement
from .tree import INACTIVE, INHERITED, MARKS, NOTHING, Branch, Tree, effective
from .values import wildcard
from .wildcards import Wildcard

_WHEN = "when"
"""What a group alone has: its conditions."""
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
    known = _Known(before.active, _Groups(_groups(before.active)), before.tree)
    return InForce(tree, active, _merged(root, active, _Groups(_groups(active)), known))


def _groups(tree: Tree) -> list[Source]:
    """The groups of a configuration that are for this device."""
    own = tree.get("system", NOTHING).get("host-name")
    groups: Tree = tree.get(_GROUPS, NOTHING)
    return [source for source in groups.items() if _is_for(source[1].get(_WHEN, NOTHING), own)]


def _is_for(when: Tree, own: str | None) -> bool:
    """Whether a group's conditions hold: ``peers`` that have the device among them.

    Of time, model and the like nothing is known here: what asks for them is for others.
    """
    return all(name in MARKS or (name == "peers" and own in when[name]) for name in when)


def shown_inherited(root: Statement, tree: Tree, *, marked: bool) -> Tree:
    """A configuration with what it inherits, without groups and what applies them.

    Deactivated statements stay; when ``marked``, what came from a group has its name.
    """
    heads = {name: tree[name] for name in (_GROUPS, "system") if name in tree}
    inactive = tree.get(INACTIVE, ())
    sources = [one for one in _groups(effective(heads)) if (_GROUPS, one[0]) not in inactive]
    whole = _merged(root, tree, _Groups(sources, named=marked))
    return without(whole, {_GROUPS, _APPLY, _EXCEPT})


def without(tree: Tree, names: Set[str]) -> Tree:
    """A tree without what has one of these names, marks too, wherever it stands."""
    return {
        name: value if name in MARKS or not isinstance(value, dict) else without(value, names)
        for name, value in tree.items()
        if name not in names
    }


@dataclass(frozen=True, slots=True)
class _Groups:
    """What each group has at a place, and which groups are applied around it, nearest first.

    ``named``: what is brought in says from which. What a device acts on does not.
    """

    located: Sequence[Source]
    applied: Mapping[str, int] = field(default_factory=dict)
    named: bool = False

    def within(self, here: Tree) -> _Groups:
        """The same, with those applied in the branch itself, and without those kept out of it."""
        if _APPLY not in here and _EXCEPT not in here:
            return self
        own = [name for name in _standing(here, _APPLY) if name not in self.applied]
        out = set(_standing(here, _EXCEPT))
        names = dict.fromkeys(name for name in (*own, *self.applied) if name not in out)
        return _Groups(self.located, {name: n for n, name in enumerate(names)}, self.named)

    def below(self, name: str) -> _Groups:
        """What they have of a statement."""
        return self.have(
            [(group, branch[name]) for group, branch in self.located if name in branch]
        )

    def have(self, found: Sequence[Source]) -> _Groups:
        """The same groups at another place."""
        return _Groups(found, self.applied, self.named)

    def ranked(self) -> list[Source]:
        """What is applied of it, nearest first."""
        found = [source for source in self.located if source[0] in self.applied]
        return sorted(found, key=lambda source: self.applied[source[0]])

    def first(self) -> str | None:
        """The first that is applied, in the order in which they are defined."""
        return next((group for group, _ in self.located if group in self.applied), None)

    def same(self, other: _Groups) -> bool:
        """True for the very same branches of the same groups."""
        ours, theirs = self.located, other.located
        return (
            (self.applied is other.applied or [*self.applied] == [*other.applied])
            and len(ours) == len(theirs)
            and all(a[0] == b[0] and a[1] is b[1] for a, b in zip(ours, theirs, strict=True))
        )


def _standing(here: Tree, name: str) -> Sequence[str]:
    """The values of a leaf-list that is there and not deactivated: what is shown has both."""
    return () if name in here.get(INACTIVE, ()) else here.get(name, ())


@dataclass(frozen=True, slots=True)
class _Known:
    """What was merged before at a place, and from what."""

    here: Tree
    groups: _Groups
    merged: Tree

    def holds(self, here: Tree, groups: _Groups) -> bool:
        """True when the very same would be merged again."""
        return here is self.here and groups.same(self.groups)

    def within(self) -> _Known:
        """The same for what stands in the branch."""
        return _Known(self.here, self.groups.within(self.here), self.merged)

    def below(self, name: str) -> _Known:
        """The same of a container or list in it."""
        return _Known(
            self.here.get(name, NOTHING), self.groups.below(name), self.merged.get(name, NOTHING)
        )

    def entry(self, key: str, groups: _Groups) -> _Known:
        """The same of an entry of the list that this is about, of which the groups say that."""
        return _Known(self.here.get(key, NOTHING), groups, self.merged.get(key, NOTHING))


_NOTHING_KNOWN = _Known(NOTHING, _Groups(()), NOTHING)


@dataclass(frozen=True, slots=True)
class _Made:
    """What is made of a branch: ``here`` as written, ``tree``, and which group something is of."""

    here: Tree
    tree: Tree
    origin: dict[object, str]


def _merged(
    statement: Statement, here: Tree, groups: _Groups, known: _Known = _NOTHING_KNOWN
) -> Tree:
    """A branch with what the groups bring into it."""
    if not groups.located:
        return here
    if known.holds(here, groups):
        return known.merged
    return _anew(statement, here, groups.within(here), known.within())


def _anew(statement: Statement, here: Tree, groups: _Groups, known: _Known) -> Tree:
    made = _Made(here, Branch({mark: here[mark] for mark in MARKS & here.keys()}, None), {})
    for name in _names(statement, here, groups):
        if name not in here and not made.tree.keys().isdisjoint(statement.excluded.get(name, ())):
            continue
        child, below = statement.children[name], groups.below(name)
        if child.is_branch:
            merge = _container if child.kind is Kind.CONTAINER else _list
            merge(child, below, made, known.below(name))
        else:
            _leaf(child, below.ranked(), made)
    if made.origin and groups.named:
        made.tree[INHERITED] = made.origin
    return made.tree


def _names(statement: Statement, here: Tree, groups: _Groups) -> list[str]:
    """What a branch has itself, then what the groups have for it: not their own conditions."""
    brought = (name for _, branch in groups.ranked() for name in branch if name != _APPLY)
    names = dict.fromkeys([*here, *brought])
    return [name for name in names if name in statement.children and name not in MARKS]


def _container(child: Statement, groups: _Groups, made: _Made, known: _Known) -> None:
    name, brought = child.name, groups.first()
    value = _merged(child, made.here.get(name, NOTHING), groups, known)
    if name in made.here or brought is not None or value:
        made.tree[name] = value
        if name not in made.here and brought is not None:
            made.origin[name] = brought


def _list(child: Statement, groups: _Groups, made: _Made, known: _Known) -> None:
    here = made.here.get(child.name, NOTHING)
    held = Branch({}, None)
    unchanged, now, before = groups.same(known.groups), _Entries(groups), _Entries(known.groups)
    for key, brought in _keys(here, groups).items():
        entry = here.get(key, NOTHING)
        if unchanged and key in known.merged and entry is known.here.get(key, NOTHING):
            held[key] = known.merged[key]
        else:
            held[key] = _merged(child, entry, now.of(key), known.entry(key, before.of(key)))
        if brought is not None:
            made.origin[child.name, key] = brought
    if held:
        made.tree[child.name] = held


def _keys(here: Tree, groups: _Groups) -> dict[str, str | None]:
    """The entries of a list, and the group that brings one which is not ``here``."""
    keys: dict[str, str | None] = dict.fromkeys(here)
    for group, entries in groups.located:
        if group in groups.applied:
            for key in entries:
                if not _wild(key):
                    keys.setdefault(key, group)
    return keys


class _Entries:
    """What groups say about the entries of a list: by their names first, then by wildcards."""

    def __init__(self, groups: _Groups) -> None:
        self._groups = groups
        self._patterns = [
            (group, entries, [(_Pattern(key), key, entries[key]) for key in entries if _wild(key)])
            for group, entries in groups.located
        ]

    def of(self, key: str) -> _Groups:
        """What they say about one."""
        found: list[Source] = []
        for group, entries, patterns in self._patterns:
            if key in entries:
                found.append((group, entries[key]))
            found += [
                (group, branch)
                for pattern, written, branch in patterns
                if pattern.literal in key and written != key and pattern.stands_for(key)
            ]
        return self._groups.have(found)


def _wild(key: str) -> bool:
    return any(map(wildcard, key.split(KEY_SEPARATOR)))


class _Pattern:
    """The keys of an entry of a group, of which some are wildcards.

    ``literal`` is in every key that they stand for: most of many patterns are ruled out by that.
    """

    def __init__(self, key: str) -> None:
        self._parts = [
            Wildcard(one.removeprefix("<").removesuffix(">")) if wildcard(one) else one
            for one in key.split(KEY_SEPARATOR)
        ]
        literals = (one if isinstance(one, str) else one.literal for one in self._parts)
        self.literal = max(literals, key=len)

    def stands_for(self, key: str) -> bool:
        theirs = key.split(KEY_SEPARATOR)
        return len(theirs) == len(self._parts) and all(
            one == other if isinstance(one, str) else one.stands_for(other)
            for one, other in zip(self._parts, theirs, strict=True)
        )


def _leaf(child: Statement, below: list[Source], made: _Made) -> None:
    name, here = child.name, made.here
    if child.kind is Kind.LEAF_LIST and below and not name.startswith(_APPLY):
        brought: dict[str, str] = {}
        for group, values in below:
            for value in values:
                brought.setdefault(value, group)
        own = here.get(name, [])
        made.tree[name] = list(dict.fromkeys([*own, *brought]))
        # Each value has come from where it stands first.
        made.origin.update({(name, v): group for v, group in brought.items() if v not in own})
    elif name in here:
        made.tree[name] = here[name]
    elif below:
        made.tree[name] = below[0][1]
        made.origin[name] = below[0][0]

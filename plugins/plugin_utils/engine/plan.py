# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""have + want + state = change: pure functions on settings, nothing about XML or devices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .schema import Branch, Container, Leaf, List, Path, Statement, Tree
from .tree import Configuration, Reading, is_there, tidied


class State(StrEnum):
    """What is to be reached; meanings as in Ansible's network resource modules."""

    MERGED = "merged"
    REPLACED = "replaced"
    OVERRIDDEN = "overridden"
    DELETED = "deleted"


class UpdatePassword(StrEnum):
    """Whether a secret that is there is changed."""

    ALWAYS = "always"
    ON_CREATE = "on_create"


def plan(
    root: Branch,
    have: Reading,
    want: Tree,
    state: State,
    *,
    everything: bool = False,
    secrets: UpdatePassword = UpdatePassword.ALWAYS,
) -> Configuration:
    """The configuration to come to.

    merged adds to what is there; replaced makes each named entry of a list, and each container
    that stands in none, what is given; overridden makes the whole what is given; deleted removes
    the named entries (``everything``: all there is). What is inherited already is not set again,
    what is wanted and inactive is activated. Of what is not given, what is inactive stays, since it
    is not in force, and so does a secret.
    """
    planner = _Planner(secrets, have.explicit.inactive)
    site = _Site(root, have.explicit.tree, have.inherited)
    acts: dict[State, _Act] = {
        State.MERGED: planner.merged,
        State.REPLACED: planner.replaced,
        State.OVERRIDDEN: planner.overridden,
        State.DELETED: lambda site, want: planner.without(site, want, everything),
    }
    after = {**_left_standing(root, have.explicit.tree), **tidied(root, acts[state](site, want))}
    asleep = {p for p in have.explicit.inactive - planner.woken if is_there(after, p)}
    return Configuration(after, frozenset(asleep))


def _left_standing(root: Branch, have: Tree) -> Tree:
    """Containers that others have a part in, and that mean something when nothing is in them."""
    lasting = (
        c.name for c in root.children if isinstance(c, Container) and c.partial and c.presence
    )
    return {name: {} for name in lasting if name in have}


@dataclass
class _Site:
    """A branch, an entry of a list or a whole list: what is there, what is inherited, and where.

    ``after`` is what is to be there, as far as it is planned.
    """

    node: Branch
    have: Tree
    come: Tree
    path: Path = ()
    after: Tree = field(default_factory=dict)

    def inside(self, child: Branch) -> _Site:
        """A container's inside, or the entries of a list."""
        return self._further(child, child.name)

    def entry(self, key: str) -> _Site:
        """Of a list: one entry."""
        return self._further(self.node, key)

    def _further(self, node: Branch, word: str) -> _Site:
        there, inherited = self.have.get(word, {}), self.come.get(word, {})
        return _Site(node, there, inherited, (*self.path, word))


_Act = Callable[[_Site, Tree], Tree]
"""A place and what is wanted there: what is to be there."""


@dataclass
class _Planner:
    secrets: UpdatePassword
    asleep: frozenset[Path]
    woken: set[Path] = field(default_factory=set)

    def merged(self, site: _Site, want: Tree) -> Tree:
        """What is there, and what is wanted beside it."""
        return self._amended(site, want, exactly=False)

    def replaced(self, site: _Site, want: Tree) -> Tree:
        """What is there, with each given part as it is given."""
        return self._amended(site, want, exactly=True)

    def _amended(self, site: _Site, want: Tree, exactly: bool) -> Tree:
        site.after = dict(site.have)
        for name, value in want.items():
            child = site.node.by_name[name]
            if value is False:
                self._unset(site, name)
                continue
            for rival in site.node.rivals(name):
                site.after.pop(rival, None)
            if isinstance(child, List):
                given = _each(self._inside(child, exactly), site.inside(child), value)
                self._entries(site, child, site.after.get(name, {}), given)
            elif isinstance(child, Branch):
                act = self._inside(child, exactly)
                self._branch(site, child, act(site.inside(child), value))
            else:
                self._value(site, child, value, exactly)
        return site.after

    def _inside(self, node: Branch, exactly: bool) -> _Act:
        """What becomes of the inside of a list's entry, or of a container."""
        if not exactly:
            return self.merged
        if isinstance(node, List):
            return self.replaced if node.fixed or node.shell else self.exact
        return self.exact if node.is_unit else self.replaced

    def overridden(self, site: _Site, want: Tree) -> Tree:
        """What is given, and what is not managed."""
        after = self.exact(site, want)
        for child in site.node.children:
            if isinstance(child, List) and child.fixed and child.name in site.have:
                entries, given = site.inside(child), want.get(child.name, {})
                after[child.name] = {
                    key: self._fixed(entries.entry(key), given.get(key)) for key in entries.have
                }
        return after

    def _fixed(self, site: _Site, want: Tree | None) -> Tree:
        """An entry that stays, with what is given of it."""
        if want is None:
            return {**_unmanaged(site.node, site.have), **self._sleeping(site)}
        return self.replaced(site, want)

    def exact(self, site: _Site, want: Tree) -> Tree:
        """What is given and nothing else, but for secrets that are not given."""
        site.after = others(site.node, site.have)
        for name, value in want.items():
            child = site.node.by_name[name]
            if value is False:
                continue
            if isinstance(child, List):
                self._exact_list(site, child, value)
            elif isinstance(child, Branch):
                mine = self.exact(site.inside(child), value)
                self._branch(site, child, mine, was=name in site.have)
            else:
                if name in site.have:
                    site.after[name] = site.have[name]
                self._value(site, child, value, exactly=True)
        self._keep_secrets(site, want)
        self._keep_sleeping(site, want)
        return site.after

    def _exact_list(self, site: _Site, child: List, want: Tree) -> None:
        entries, act = site.inside(child), self.replaced if child.fixed else self.exact
        given = _each(act, entries, want)
        theirs = site.after.get(child.name, {})
        kept = {k: e for k, e in entries.have.items() if k in given or k in theirs}
        self._entries(site, child, {**kept, **theirs}, given)
        if not theirs:
            _arrange(site.after, child, given)

    def without(self, site: _Site, want: Tree, everything: bool) -> Tree:
        """What is there without what is named."""
        after: Tree = {}
        for name, value in site.have.items():
            child = site.node.by_name[name]
            if child.context or not (everything or name in want):
                after[name] = value
            elif isinstance(child, List):
                entries, named = site.inside(child), value if everything else want[name]
                left = self._entries_without(child, entries, named, everything)
                if left:
                    after[name] = left
            elif isinstance(child, Container) and (
                child.partial if everything else not child.is_unit or child.partial
            ):
                after[name] = self.without(site.inside(child), want.get(name, {}), everything)
        return after

    def _entries_without(self, node: List, part: _Site, named: Tree, everything: bool) -> Tree:
        if node.fixed:
            return {k: _unmanaged(node, e) if k in named else e for k, e in part.have.items()}
        if node.shell:
            return {
                k: self.without(part.entry(k), {} if everything else named[k], everything)
                if k in named
                else e
                for k, e in part.have.items()
            }
        return {
            k: e
            for k, e in part.have.items()
            if k not in named
            or not node.is_ours(e)
            # Nobody has named it, and it may be somebody else's.
            or (everything and node.mark and self._sleeps(node, (*part.path, k), 1))
        }

    def _keep_secrets(self, site: _Site, want: Tree) -> None:
        for name, value in site.have.items():
            child = site.node.by_name[name]
            if name in want or not want.keys().isdisjoint(site.node.rivals(name)):
                continue
            if (isinstance(child, Leaf) and child.secret) or (
                isinstance(child, Container) and child.holds_secrets
            ):
                site.after[name] = value

    def _keep_sleeping(self, site: _Site, want: Tree) -> None:
        """What is inactive and not wanted: nobody who reads what is in force knows of it."""
        for name, value in self._sleeping(site).items():
            if any(want.get(rival) not in (None, False) for rival in site.node.rivals(name)):
                continue
            if name not in want or isinstance(site.node.by_name[name], List):
                _put_back(site.node, site.after, site.have, name, value)

    def _sleeping(self, site: _Site) -> Tree:
        """The inactive parts of a branch that is active."""
        kept: Tree = {}
        for name, value in site.have.items() if self.asleep else ():
            child, here = site.node.by_name[name], (*site.path, name)
            if here in self.asleep:
                kept[name] = value
            elif isinstance(child, List):
                kept[name] = self._sleeping_entries(child, site.inside(child))
            elif isinstance(child, Container) and (child.partial or not child.presence):
                kept[name] = self._sleeping(site.inside(child))
            elif isinstance(child, Leaf) and child.many:
                kept[name] = tuple(v for v in value if (*here, v) in self.asleep)
        return {name: value for name, value in kept.items() if value not in ({}, ())}

    def _sleeps(self, node: List, here: Path, first: int) -> bool:
        """Whether an entry is inactive, or somebody else's as long as what marks it is.

        ``first``: how much of its path counts at least; what is around it may be about to wake.
        """
        mark = (*here, *node.mark)
        return any(mark[:length] in self.asleep for length in range(first, len(mark) + 1))

    def _sleeping_entries(self, node: List, part: _Site) -> Tree:
        """Entries that sleep, and what sleeps in those that live by it."""
        kept: Tree = {}
        for key, entry in part.have.items():
            here = (*part.path, key)
            if self._sleeps(node, here, len(here)):
                kept[key] = entry
            elif node.shell and (inside := self._sleeping(part.entry(key))):
                kept[key] = inside
        return kept

    def _unset(self, site: _Site, name: str) -> None:
        """A flag that is not wanted; one that is inactive is not there already."""
        if (*site.path, name) not in self.asleep:
            site.after.pop(name, None)

    def _value(self, site: _Site, child: Statement, value: Any, exactly: bool) -> None:
        if not isinstance(child, Leaf):
            raise AssertionError(child)
        name = child.name
        self.woken.add((*site.path, name))
        if child.many:
            self._items(site, name, value, exactly)
        elif child.secret and name in site.after and self.secrets is UpdatePassword.ON_CREATE:
            return
        elif name in site.after or site.come.get(name) != value:
            site.after[name] = value

    def _items(self, site: _Site, name: str, want: tuple[str, ...], exactly: bool) -> None:
        """The values of a leaf-list; one that is inherited is not set again."""
        here, there, come = (*site.path, name), site.after.get(name, ()), site.come.get(name, ())
        self.woken.update((*here, item) for item in want)
        fresh = tuple(v for v in want if v in there or v not in come)
        asleep = [v for v in there if (*here, v) in self.asleep]
        site.after[name] = _in_place(there, fresh, asleep) if exactly else _joined(there, fresh)
        if not site.after[name]:
            del site.after[name]

    def _branch(self, site: _Site, child: Branch, mine: Tree, was: bool = False) -> None:
        name = child.name
        self.woken.add((*site.path, name))
        # What is inherited whole needs no shell of its own.
        if mine or was or name in site.after or name not in site.come:
            site.after[name] = mine

    def _entries(self, site: _Site, child: List, entries: Tree, given: Tree) -> None:
        here, come = (*site.path, child.name), site.inside(child).come
        if not child.fixed:
            self.woken.add(here)
            self.woken.update((*here, key) for key in given)
        needed = {k: e for k, e in given.items() if e or k in entries or k not in come}
        if needed or entries:
            site.after[child.name] = {**entries, **needed}


def _each(act: _Act, entries: _Site, want: Tree) -> Tree:
    """The wanted entries of a list, each as ``act`` makes it."""
    return {key: act(entries.entry(key), entry) for key, entry in want.items()}


def _arrange(after: Tree, node: List, order: Iterable[str]) -> None:
    """Entries in the order that is given, where the device keeps one."""
    entries = after.get(node.name, {})
    if node.user_ordered and entries:
        after[node.name] = {key: entries[key] for key in order if key in entries}


def _put_back(node: Branch, after: Tree, have: Tree, name: str, value: Any) -> None:
    """Something that was there, beside what is to be there."""
    child, there = node.by_name[name], after.get(name)
    if not isinstance(child, Branch) or there is None:
        after.setdefault(name, value)
    elif isinstance(child, List):
        order = _in_place(have[name], there, value)
        after[name] = {key: there[key] if key in there else value[key] for key in order}
        for key in value.keys() & there.keys() if child.shell else ():
            _put_all_back(child, after[name], have[name], key, value[key])
    else:
        _put_all_back(child, after, have, name, value)


def _put_all_back(node: Branch, after: Tree, have: Tree, name: str, value: Tree) -> None:
    after[name] = dict(after[name])
    for inside in value:
        _put_back(node, after[name], have[name], inside, value[inside])


def _joined(first: Iterable[str], then: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *then)))


def _in_place(there: Iterable[str], names: Iterable[str], more: Collection[str]) -> tuple[str, ...]:
    """Names and some that were there, each of these behind who stands before it now."""
    order, at = list(names), 0
    for name in there:
        if name in order:
            at = order.index(name) + 1
        elif name in more:
            order.insert(at, name)
            at += 1
    return tuple(order)


def others(node: Branch, tree: Tree) -> Tree:
    """What of a branch is not managed: what is only read, and what is somebody else's."""
    kept: Tree = {}
    for name, value in tree.items():
        child = node.by_name[name]
        if child.context:
            kept[name] = value
        elif isinstance(child, List) and (child.mark or child.shared):
            entries = {
                k: others(child, e) if child.is_ours(e) else e
                for k, e in value.items()
                if child.shared or not child.is_ours(e)
            }
            left = {k: e for k, e in entries.items() if e or not child.shell}
            if left:
                kept[name] = left
        elif isinstance(child, Branch) and child.shared:
            inside = others(child, value)
            if inside:
                kept[name] = inside
    return kept


def _unmanaged(node: Branch, entry: Tree) -> Tree:
    return {name: value for name, value in entry.items() if node.by_name[name].context}

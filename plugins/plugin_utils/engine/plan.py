# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""have + want + state = change: pure functions on settings, nothing about XML or devices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .schema import Branch, Container, Leaf, List, Path, Statement, Tree, value_at
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
    come = have.inherited
    tree = have.explicit.tree
    if state is State.DELETED:
        after = _without(root, tree, want, everything)
    elif state is State.MERGED:
        after = planner.merged(root, tree, come, want, ())
    elif state is State.REPLACED:
        after = planner.replaced(root, tree, come, want, ())
    else:
        after = planner.overridden(root, tree, come, want, ())
    after = tidied(root, after)
    asleep = {p for p in have.explicit.inactive - planner.woken if is_there(after, p)}
    return Configuration(after, frozenset(asleep))


_Act = Callable[[Branch, Tree, Tree, Tree, Path], Tree]
"""Branch, what is there, what is inherited, what is wanted, where: what is to be there."""


@dataclass
class _Planner:
    secrets: UpdatePassword
    asleep: frozenset[Path]
    woken: set[Path] = field(default_factory=set)

    def merged(self, node: Branch, have: Tree, come: Tree, want: Tree, path: Path) -> Tree:
        """What is there, and what is wanted beside it."""
        return self._amended(node, have, come, want, path, exactly=False)

    def replaced(self, node: Branch, have: Tree, come: Tree, want: Tree, path: Path) -> Tree:
        """What is there, with each given part as it is given."""
        return self._amended(node, have, come, want, path, exactly=True)

    def _amended(
        self, node: Branch, have: Tree, come: Tree, want: Tree, path: Path, exactly: bool
    ) -> Tree:
        after = dict(have)
        for name, value in want.items():
            child, here = node.by_name[name], (*path, name)
            if value is False:
                self._unset(after, name, here)
                continue
            for rival in node.rivals(name):
                after.pop(rival, None)
            if isinstance(child, List):
                entries, inherited = after.get(name, {}), _in(come, name)
                act = self._inside(child, exactly)
                given = _each(act, child, entries, inherited, value, here)
                self._entries(after, child, entries, given, inherited, here)
            elif isinstance(child, Branch):
                act = self._inside(child, exactly)
                mine = act(child, have.get(name, {}), _in(come, name), value, here)
                self._branch(after, name, mine, come, here)
            else:
                self._value(after, child, value, come, path, exactly)
        return after

    def _inside(self, node: Branch, exactly: bool) -> _Act:
        """What becomes of the inside of a list's entry, or of a container."""
        if not exactly:
            return self.merged
        if isinstance(node, List):
            return self.replaced if node.fixed or node.shell else self.exact
        return self.exact if node.is_unit else self.replaced

    def overridden(self, node: Branch, have: Tree, come: Tree, want: Tree, path: Path) -> Tree:
        """What is given, and what is not managed."""
        after = self.exact(node, have, come, want, path)
        for child in node.children:
            if isinstance(child, List) and child.fixed and child.name in have:
                given = want.get(child.name, {})
                here, brought = (*path, child.name), _in(come, child.name)
                after[child.name] = {
                    key: self._fixed(child, entry, _in(brought, key), given.get(key), (*here, key))
                    for key, entry in have[child.name].items()
                }
        return after

    def _fixed(self, node: List, have: Tree, come: Tree, want: Tree | None, path: Path) -> Tree:
        """An entry that stays, with what is given of it."""
        if want is None:
            return {**_unmanaged(node, have), **self._sleeping(node, have, path)}
        return self.replaced(node, have, come, want, path)

    def exact(self, node: Branch, have: Tree, come: Tree, want: Tree, path: Path) -> Tree:
        """What is given and nothing else, but for secrets that are not given."""
        after = others(node, have)
        for name, value in want.items():
            child, here = node.by_name[name], (*path, name)
            if value is False:
                continue
            if isinstance(child, List):
                self._exact_list(after, child, have.get(name, {}), _in(come, name), value, here)
            elif isinstance(child, Branch):
                mine = self.exact(child, have.get(name, {}), _in(come, name), value, here)
                self._branch(after, name, mine, come, here, was=name in have)
            else:
                if name in have:
                    after[name] = have[name]
                self._value(after, child, value, come, path, exactly=True)
        self._keep_secrets(after, node, have, want)
        self._keep_sleeping(after, node, have, want, path)
        return after

    def _exact_list(
        self, after: Tree, child: List, entries: Tree, come: Tree, value: Tree, here: Path
    ) -> None:
        act = self.replaced if child.fixed else self.exact
        given = _each(act, child, entries, come, value, here)
        theirs = after.get(child.name, {})
        kept = {k: e for k, e in entries.items() if k in given or k in theirs}
        self._entries(after, child, {**kept, **theirs}, given, come, here)
        if not theirs:
            self._arrange(after, child, list(given))

    def _keep_secrets(self, after: Tree, node: Branch, have: Tree, want: Tree) -> None:
        for name, value in have.items():
            child = node.by_name[name]
            if name in want or not want.keys().isdisjoint(node.rivals(name)):
                continue
            if (isinstance(child, Leaf) and child.secret) or (
                isinstance(child, Container) and child.holds_secrets
            ):
                after[name] = value

    def _keep_sleeping(self, after: Tree, node: Branch, have: Tree, want: Tree, path: Path) -> None:
        """What is inactive and not wanted: nobody who reads what is in force knows of it."""
        for name, value in self._sleeping(node, have, path).items():
            if any(want.get(rival) not in (None, False) for rival in node.rivals(name)):
                continue
            if name not in want or isinstance(node.by_name[name], List):
                _put_back(node, after, have, name, value)

    def _sleeping(self, node: Branch, have: Tree, path: Path) -> Tree:
        """The inactive parts of a branch that is active."""
        kept: Tree = {}
        for name, value in have.items() if self.asleep else ():
            child, here = node.by_name[name], (*path, name)
            if here in self.asleep:
                kept[name] = value
            elif isinstance(child, List):
                kept[name] = self._sleeping_entries(child, value, here)
            elif isinstance(child, Branch):
                kept[name] = self._sleeping(child, value, here)
            elif isinstance(child, Leaf) and child.many:
                kept[name] = tuple(v for v in value if (*here, v) in self.asleep)
        return {name: value for name, value in kept.items() if value not in ({}, ())}

    def _sleeping_entries(self, node: List, entries: Tree, here: Path) -> Tree:
        """Entries that are inactive, or somebody else's as long as what marks them is."""
        marks = [node.mark[:length] for length in range(len(node.mark) + 1)]
        kept: Tree = {}
        for key, entry in entries.items():
            if any((*here, key, *mark) in self.asleep for mark in marks):
                kept[key] = entry
            elif node.shell and (inside := self._sleeping(node, entry, (*here, key))):
                kept[key] = inside
        return kept

    def _unset(self, after: Tree, name: str, here: Path) -> None:
        """A flag that is not wanted; one that is inactive is not there already."""
        if here not in self.asleep:
            after.pop(name, None)

    def _value(
        self, after: Tree, child: Statement, value: Any, come: Tree, path: Path, exactly: bool
    ) -> None:
        if not isinstance(child, Leaf):
            raise AssertionError(child)
        name, here = child.name, (*path, child.name)
        self.woken.add(here)
        if child.many:
            there = after.get(name, ())
            self.woken.update((*here, item) for item in value)
            fresh = tuple(v for v in value if v in there or v not in come.get(name, ()))
            rest = [v for v in there if (*here, v) in self.asleep] if exactly else []
            after[name] = _in_place(there, fresh, rest) if exactly else _joined(there, fresh)
            if not after[name]:
                del after[name]
        elif child.secret and name in after and self.secrets is UpdatePassword.ON_CREATE:
            return
        elif name in after or come.get(name) != value:
            after[name] = value

    def _branch(
        self, after: Tree, name: str, mine: Tree, come: Tree, here: Path, was: bool = False
    ) -> None:
        self.woken.add(here)
        # What is inherited whole needs no shell of its own.
        if mine or was or name in after or name not in come:
            after[name] = mine

    def _entries(
        self, after: Tree, node: List, entries: Tree, given: Tree, come: Tree, here: Path
    ) -> None:
        if not node.fixed:
            self.woken.add(here)
            self.woken.update((*here, key) for key in given)
        needed = {k: e for k, e in given.items() if e or k in entries or k not in come}
        if needed or entries:
            after[node.name] = {**entries, **needed}

    def _arrange(self, after: Tree, node: List, order: list[str]) -> None:
        """The order that is given, where the device keeps one."""
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


def _each(act: _Act, node: List, have: Tree, come: Tree, want: Tree, here: Path) -> Tree:
    """The wanted entries of a list, each as ``act`` makes it."""
    return {
        key: act(node, have.get(key, {}), _in(come, key), entry, (*here, key))
        for key, entry in want.items()
    }


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


def _in(tree: Tree, *path: str) -> Tree:
    return value_at(tree, path) or {}


def _without(node: Branch, have: Tree, want: Tree, everything: bool) -> Tree:
    """What is there without what is named."""
    after: Tree = {}
    for name, value in have.items():
        child = node.by_name[name]
        if child.context or not (everything or name in want):
            after[name] = value
        elif isinstance(child, List):
            left = _entries_without(child, value, value if everything else want[name], everything)
            if left:
                after[name] = left
        elif isinstance(child, Container) and not everything and not child.is_unit:
            after[name] = _without(child, value, want[name], everything)
        elif isinstance(child, Container) and child.partial:
            after[name] = _without(child, value, want.get(name, {}), everything)
    return after


def _entries_without(node: List, have: Tree, named: Tree, everything: bool) -> Tree:
    if node.fixed:
        return {k: _unmanaged(node, e) if k in named else e for k, e in have.items()}
    if node.shell:
        return {
            k: _without(node, e, {} if everything else named[k], everything) if k in named else e
            for k, e in have.items()
        }
    return {k: e for k, e in have.items() if k not in named or not node.is_ours(e)}


def _unmanaged(node: Branch, entry: Tree) -> Tree:
    return {name: value for name, value in entry.items() if node.by_name[name].context}

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where in a configuration a rule has to be looked at.

A rule is about every statement at a path, and may depend on others (:class:`Needs`). Beside a
configuration that is known to break no rule, only what differs from it has to be looked at: trees
share what they have in common, so that the rest is left out by being the same objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .tree import MARKS, NOTHING, Tree, continues, differing, lookup


@dataclass(frozen=True, slots=True)
class Needs:
    """What a rule depends on besides the branch or entry that it is about.

    ``reads``: paths to branches, any change of which may break it anywhere. ``names``: the path to
    a list of which it looks at the entry that the statement's value names: whether that is there,
    and its ``leaves``.
    """

    reads: tuple[str, ...] = ()
    names: str | None = None
    leaves: tuple[str, ...] = ()


OWN = Needs()
"""Nothing else."""

_KEPT = 100
"""Places that are kept for the next rule; of more, finding them anew is not what takes long."""


@dataclass(frozen=True, slots=True)
class Site:
    """A statement that a rule is about: where it stands, what it says, what is around it.

    ``words`` is the path to the branch that it stands in; ``around`` are the branches on the way,
    from ``[edit]`` on.
    """

    words: tuple[str, ...]
    name: str
    value: Any
    around: tuple[Tree, ...]
    survey: Survey

    @property
    def root(self) -> Tree:
        """``[edit]``."""
        return self.around[0]

    @property
    def parent(self) -> Tree:
        """The branch that the statement stands in."""
        return self.around[-1]

    @property
    def here(self) -> str:
        """The statement as a bad element."""
        return f"{self.name} {self.value}" if isinstance(self.value, str) else self.name

    def has(self, steps: Sequence[str]) -> bool:
        """True when something stands at a path from ``[edit]``, ``$$`` being the value."""
        *way, last = (self.value if step == "$$" else step for step in steps)
        return last in lookup(self.root, *way)

    def count(self, path: str) -> Counter[str]:
        """How often each value stands at a path."""
        return self.survey.count(path)


@dataclass(frozen=True, slots=True)
class _Place:
    """A branch on the way, and what is known to be sound there."""

    words: tuple[str, ...]
    around: tuple[Tree, ...]
    was: Tree

    def below(self, name: str, branch: Tree) -> _Place:
        return _Place((*self.words, name), (*self.around, branch), self.was.get(name, NOTHING))


class Survey:
    """Finds the sites of rules in ``tree``; beside ``sound`` those alone that may differ."""

    def __init__(self, tree: Tree, sound: Tree | None = None) -> None:
        self.tree = tree
        self._sound = sound
        self._counts: dict[str, Counter[str]] = {}
        self._differing: dict[tuple[int, int], list[str]] = {}
        self._went: dict[tuple[int, int], set[str]] = {}
        self._reached: dict[tuple[bool | str, ...], list[_Place]] = {}

    def lookup(self, path: str) -> Tree:
        """The branch at a path; empty where there is none."""
        return _branch(self.tree, path)

    def count(self, path: str) -> Counter[str]:
        """How often each value stands at a path, of all that there are."""
        if path not in self._counts:
            self._counts[path] = Counter(site.value for site in self._at(path, everything=True))
        return self._counts[path]

    def sites(self, path: str, needs: Needs = OWN) -> Iterator[Site]:
        """The leaves at ``path``, or with ``*`` at its end the entries of a list by their names."""
        everything = self._is_everything(needs)
        yield from self._at(path, everything=everything)
        if not everything and needs.names is not None:
            named = self._changed_entries(needs.names, needs.leaves)
            if named:
                yield from self._at(path, everything=True, only=named)

    def branches(self, path: str, needs: Needs = OWN) -> Iterator[Site]:
        """The branches at ``path``: each with its name and its content."""
        for place in self._places(path.split(), everything=self._is_everything(needs)):
            yield Site(place.words, place.words[-1], place.around[-1], place.around, self)

    def _is_everything(self, needs: Needs) -> bool:
        sound = self._sound
        return sound is None or any(
            _branch(self.tree, path) is not _branch(sound, path) for path in needs.reads
        )

    def _changed_entries(self, path: str, leaves: tuple[str, ...]) -> set[str]:
        """The entries of a list that came or went, or that have other leaves."""
        now, was = _branch(self.tree, path), _branch(self._sound or NOTHING, path)
        if now is was:
            return set()
        return self._gone(now, was).union(
            name
            for name in self._names(now, was)
            if name not in was or any(now[name].get(x) is not was[name].get(x) for x in leaves)
        )

    def _gone(self, now: Tree, was: Tree) -> set[str]:
        """What was there and is not; of many rules about one list only the first has to look."""
        pair = (id(now), id(was))
        if pair not in self._went:
            self._went[pair] = set() if continues(now, was) else was.keys() - now.keys()
        return self._went[pair]

    def _names(self, here: Tree, was: Tree) -> list[str]:
        """What is in ``here`` and was not, or was otherwise."""
        pair = (id(here), id(was))
        if pair not in self._differing:
            self._differing[pair] = differing(here, was)
        return self._differing[pair]

    def _at(self, path: str, *, everything: bool, only: set[str] | None = None) -> Iterator[Site]:
        *way, last = path.split()
        entries = last == "*"
        if entries:
            last = way.pop()
        for place in self._places(way, everything=everything):
            held = place.around[-1].get(last)
            # A rule about a leaf may look at its neighbours, one about an entry at the entry.
            if entries and held is not None and not everything:
                held = self._names(held, place.was.get(last, NOTHING))
            for value in _values(held):
                if only is None or value in only:
                    yield Site(place.words, last, value, place.around, self)

    def _places(self, way: Sequence[str], *, everything: bool) -> list[_Place]:
        """Where a way leads; most rules are about statements that stand close together."""
        if not way:
            return [_Place((), (self.tree,), self._sound or NOTHING)]
        key: tuple[bool | str, ...] = (everything, *way)
        if (known := self._reached.get(key)) is not None:
            return known
        found = [
            below
            for place in self._places(way[:-1], everything=everything)
            for below in self._stepped(place, way[-1], everything=everything)
        ]
        if len(found) <= _KEPT:
            self._reached[key] = found
        return found

    def _stepped(self, place: _Place, step: str, *, everything: bool) -> Iterator[_Place]:
        here = place.around[-1]
        names: Iterable[str] = (step,)
        if step == "*":
            names = here if everything else self._names(here, place.was)
        for name in names:
            below = here.get(name)
            if not isinstance(below, dict) or name in MARKS:
                continue
            if everything or below is not place.was.get(name):
                yield place.below(name, below)


def _branch(tree: Tree, path: str) -> Tree:
    """The branch at a path; always the same one where there is nothing."""
    return lookup(tree, *path.split()) or NOTHING


def _values(held: Any) -> Iterable[str]:
    if held is None:
        return ()
    return held if isinstance(held, (list, dict)) else (held,)

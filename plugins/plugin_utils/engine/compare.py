# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A change as ``show | compare`` prints it.

Junos' layout, from public samples of devices: under each ``[edit PATH]`` stand the statements of
that level. With *levels* the statements on the path (a list's entry is one), the first statement
under a heading decides the column of all: a leaf stands at levels + 1 blanks behind the sign,
anything else at levels + 2. What is inside a printed statement is indented by four more. A list's
entries have a heading of their own, but for those of a list that comes or goes as a whole right
behind something else that does. What comes in the place of something that it excludes stands right
behind that, where the first of the two is shown. The heading is said again behind a branch that
stays as it is. In a list of the user's order added entries stand between their neighbours, which
are named, and removed ones behind all of these; moved entries, and what is activated, are marked
``!``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .change import headed
from .printed import INACTIVE, collapsed, printed
from .schema import Branch, Container, Leaf, List, Path, Statement, Tree
from .tree import Configuration
from .values import Generation


def difference(
    prefix: Path,
    root: Branch,
    before: Configuration,
    after: Configuration,
    generation: Generation | None,
    beside: Path = (),
) -> str:
    """The difference as text, secrets masked; empty when there is none.

    A hierarchy that comes or goes whole takes the containers around it along, up to the one that
    others have something in (``beside``); the first is never empty.
    """
    around = prefix if before.tree and after.tree else prefix[: max(1, len(beside))]
    if around != prefix:
        out = prefix[len(around) :]
        root, before, after = _around(out, root), _moved(out, before), _moved(out, after)
    stays = beside[len(prefix) :]
    before, after = _standing(stays, before), _standing(stays, after)
    page = _Page(before, after, generation)
    page.level(root, before.tree, after.tree, _Place(around, len(around)))
    return "".join(f"{line}\n" for line in page.lines)


def _around(path: Path, root: Branch) -> Branch:
    node: Branch = root
    for name in reversed(path[:-1]):
        node = Container(name=name, children=(node,))
    return Container(name="", children=(node,))


def _moved(path: Path, configuration: Configuration) -> Configuration:
    """A configuration as it stands some containers further out."""
    tree = configuration.tree
    for name in reversed(path) if tree else ():
        tree = {name: tree}
    return Configuration(tree, frozenset((*path, *place) for place in configuration.inactive))


def _standing(path: Path, configuration: Configuration) -> Configuration:
    """A configuration with a container that is there whatever becomes of what is in it."""
    tree = configuration.tree
    inside: Tree = {name: {} for name in path[:1] if name not in tree}
    return Configuration({**inside, **tree}, configuration.inactive) if inside else configuration


@dataclass(frozen=True)
class _Place:
    """A heading: its words, how many statements they are, and the path below the resource."""

    words: Path
    levels: int
    path: Path = ()

    def below(self, node: Statement, key: str | None = None) -> _Place:
        steps = (node.name,) if key is None else (node.name, key)
        return _Place((*self.words, headed(node, key)), self.levels + 1, (*self.path, *steps))


@dataclass
class _Page:
    before: Configuration
    after: Configuration
    generation: Generation | None
    lines: list[str] = field(default_factory=list)
    _heading: Path | None = None
    _column: int = 0
    # The sign of the statement right before, while it comes or goes.
    _run: str = ""
    # What is shown first of statements of which one comes in the place of the others.
    _lead: Statement | None = None

    def level(self, node: Branch, old: Tree, new: Tree, place: _Place) -> None:
        """Everything below one heading."""
        for several in _in_order(node, old, new, self.generation):
            self._lead = several[0] if len(several) > 1 else None
            for child in sorted(several, key=lambda one: one.name in new):
                was, now, said = old.get(child.name), new.get(child.name), len(self.lines)
                if not child.context and (was is not now or self._woken(place.below(child).path)):
                    self._child(child, was, now, place)
                if len(self.lines) == said:
                    self._pass(child)

    def _pass(self, child: Statement) -> None:
        """Something stays as it is."""
        self._run = ""
        if isinstance(child, Branch):
            self._heading = None

    def _child(self, child: Statement, was: Any, now: Any, place: _Place) -> None:
        if isinstance(child, List):
            self._entries(child, was or {}, now or {}, place)
        elif isinstance(child, Branch):
            self._branch(child, None, was, now, place)
        else:
            self._leaf(child, was, now, place)

    def _woken(self, path: Path) -> bool:
        length = len(path)
        return any(p[:length] == path for p in self.before.inactive - self.after.inactive)

    def _put(
        self, sign: str, place: _Place, lines: list[tuple[int, str]], leaf: bool = False
    ) -> None:
        if self._heading != place.words:
            self._heading = place.words
            first = isinstance(self._lead, Leaf) if self._lead is not None else leaf
            self._column = place.levels + (1 if first else 2)
            self.lines.append(f"[edit {' '.join(place.words)}]")
        self.lines += [f"{sign}{' ' * (self._column + depth)}{text}" for depth, text in lines]
        self._run = sign

    def _leaf(self, child: Statement, was: Any, now: Any, place: _Place) -> None:
        if not isinstance(child, Leaf):
            raise AssertionError(child)
        path = place.below(child).path
        texts = [
            ("-", self._texts(child, was, path, self.before)),
            ("+", self._texts(child, now, path, self.after)),
        ]
        # Masks of different secrets are alike.
        if was != now or texts[0][1] != texts[1][1]:
            for sign, lines in texts:
                if lines:
                    self._put(sign, place, lines, leaf=True)

    def _texts(
        self, child: Leaf, value: Any, path: Path, side: Configuration
    ) -> list[tuple[int, str]]:
        return (
            [] if value is None else list(printed(child, None, value, path, side, self.generation))
        )

    def _branch(
        self, child: Branch, key: str | None, was: Tree | None, now: Tree | None, place: _Place
    ) -> None:
        here = place.below(child, key)
        if was is None or now is None or _is_another(child, was, now):
            for sign, tree, side in (("-", was, self.before), ("+", now, self.after)):
                if tree is not None:
                    block = printed(child, key, tree, here.path, side, self.generation)
                    self._put(sign, place, list(block))
            return
        if here.path in self.before.inactive and here.path not in self.after.inactive:
            self._wake(place, collapsed(child, key))
        said, heading = len(self.lines), self._heading
        self.level(child, was, now, here)
        if len(self.lines) == said:
            self._heading = heading

    def _wake(self, place: _Place, name: str) -> None:
        """Under a heading for such statements alone."""
        heading = (*place.words, "!")
        if self._heading != heading:
            self.lines.append(f"[edit {' '.join(place.words)}]")
            self._heading = heading
        self.lines.append(f"!{' ' * (place.levels + 3)}active: {name}")

    def _entries(self, node: List, was: Tree, now: Tree, place: _Place) -> None:
        comes_or_goes = not (was and now)
        sign = "+" if now else "-"
        continues = self._heading == place.words and comes_or_goes and self._run == sign
        if not continues:
            self._heading = None
        if node.user_ordered:
            self._in_order(node, was, now, place)
        else:
            for key in sorted({**was, **now}):
                self._branch(node, key, was.get(key), now.get(key), place)
        if not continues:
            self._heading = None

    def _in_order(self, node: List, was: Tree, now: Tree, place: _Place) -> None:
        self._moved(node, was, now, place)
        order = [None, *now, None]
        for before, key, after in zip(order, now, order[2:], strict=False):
            if key in was:
                self._branch(node, key, was[key], now[key], place)
                continue
            if before in was:
                self._neighbour(node, before, place)
            self._branch(node, key, None, now[key], place)
            if after in was:
                self._neighbour(node, after, place)
        for key in was:
            if key not in now:
                self._branch(node, key, was[key], None, place)

    def _neighbour(self, node: List, key: str | None, place: _Place) -> None:
        """An entry beside an added one; it is named once where it has one on both sides."""
        asleep = place.below(node, key).path in self.after.inactive
        line = f"{INACTIVE if asleep else ''}{collapsed(node, key)}"
        if self._heading != place.words or self.lines[-1].strip() != line:
            self._put(" ", place, [(0, line)])

    def _moved(self, node: List, was: Tree, now: Tree, place: _Place) -> None:
        moved = list(_out_of_order(list(was), list(now)))
        if not moved:
            return
        behind = _before(list(now), moved[0], was)
        self._heading = None
        if behind is not None:
            self._put(" ", place, [(0, collapsed(node, behind))])
        for key in moved:
            self._put("!", place, [(0, collapsed(node, key))])
        self._heading = None


def _in_order(
    node: Branch, old: Tree, new: Tree, generation: Generation | None
) -> list[list[Statement]]:
    """Statements as shown; those that go together with the one that comes in their place."""
    place = {
        gone: name
        for name in new.keys() - old.keys()
        for gone in node.rivals(name)
        if gone in old and gone not in new
    }
    found: dict[str, list[Statement]] = {}
    for child in node.ordered({**old, **new}, generation):
        found.setdefault(place.get(child.name, child.name), []).append(child)
    return list(found.values())


def _out_of_order(was: list[str], now: list[str]) -> Iterator[str]:
    """Entries that are not the next one of the old order that is still expected."""
    stays = set(now)
    expected = deque(key for key in was if key in stays)
    both, gone_by = set(expected), set()
    for key in (key for key in now if key in both):
        while expected[0] in gone_by:
            expected.popleft()
        if expected[0] == key:
            expected.popleft()
        else:
            gone_by.add(key)
            yield key


def _is_another(node: Branch, was: Tree, now: Tree) -> bool:
    """Whether a container on one line has another value behind its word: devices show two lines."""
    if node.bare is None or not isinstance(node, Container):
        return False
    one_line = node.oneline or (node.oneline_if_one and len(was) == len(now) == 1)
    values = was.get(node.bare.name), now.get(node.bare.name)
    return one_line and None not in values and values[0] != values[1]


def _before(order: list[str], key: str, among: Tree) -> str | None:
    """The entry before ``key`` that was there before."""
    earlier = [other for other in order[: order.index(key)] if other in among]
    return earlier[-1] if earlier else None

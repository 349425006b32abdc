# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a table of statements is made of.

A resource's statements are a tree of :class:`Leaf`, :class:`Container` and :class:`List`, in the
order in which a device shows them. Argument specs, documentation, checks, reading, rendering and
differences all derive from it.

Data has the tree's shape: a container is a dictionary by statement name, a list one by its
entries' names, a leaf its value (``True`` for one without a value), a leaf-list a tuple.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from .secret import Secret
from .values import Form, Generation
from .values import name as name_form

Value = str | int | bool | Secret | tuple[str, ...]
Tree = dict[str, Any]
Path = tuple[str, ...]
"""Words that lead to a statement: names, and behind a list's name that of the entry."""

BOTH = frozenset(Generation)


class Kind(Enum):
    """What a leaf takes."""

    ENUMERATION = "enumeration"
    INTEGER = "integer"
    TEXT = "text"
    FLAG = "flag"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Statement:
    """What every statement has.

    ``known``: the generations that have it. ``context``: read because checks need it, and never
    changed or returned. ``option``: the Ansible option's name. ``word``: what the CLI calls it,
    where that is not the element's name.
    """

    name: str
    summary: str = ""
    known: frozenset[Generation] = BOTH
    context: bool = False
    called: str | None = None
    word: str | None = None

    @property
    def said(self) -> str:
        """The CLI's word for it."""
        return self.word or self.name

    @cached_property
    def option(self) -> str:
        """The Ansible option's name."""
        return self.called or self.name.replace("-", "_")

    def known_to(self, generation: Generation | None) -> bool:
        """Whether that generation (None: any) has the statement."""
        return generation is None or generation in self.known


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Leaf(Statement):
    """A statement with a value, with several (``many``), or with none (``Kind.FLAG``).

    ``values`` (enumerations) and ``ranges`` (integers) say per generation what is legal, ``form``
    judges text of at most ``longest`` characters; ``narrower`` has both for a generation that takes
    less. ``unit`` is that of integers, ``default`` what the device uses when the statement is
    absent. ``bare``: the CLI writes the value without the statement's name. ``refers``: the list
    whose entries the value names. ``secret``: the device returns it scrambled, and nobody is shown
    it. ``required``: it must be there, and the device has no default.
    """

    kind: Kind = Kind.TEXT
    values: Mapping[Generation, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[Generation, tuple[int, int]] = field(default_factory=dict)
    form: Form = name_form
    longest: int = 255
    narrower: Mapping[Generation, tuple[Form, int]] = field(default_factory=dict)
    default: str | int | None = None
    unit: str | None = None
    many: bool = False
    most: int | None = None
    bare: bool = False
    refers: Path = ()
    secret: bool = False
    required: bool = False

    def all_values(self) -> tuple[str, ...]:
        """Every word that any generation takes, for enumerations."""
        return tuple(dict.fromkeys(word for words in self.values.values() for word in words))

    def objection(self, value: Value, generation: Generation | None) -> str | None:
        """Why the value is not legal, or None; generation None asks for any generation."""
        candidates = (generation,) if generation else tuple(Generation)
        known = [g for g in candidates if g in self.known]
        if not known:
            return _unknown(generation)
        objections = [self._objection(value, g) for g in known]
        if None in objections:
            return None
        return "; ".join(dict.fromkeys(o for o in objections if o is not None))

    def _objection(self, value: Value, generation: Generation) -> str | None:
        if self.kind is Kind.ENUMERATION:
            words = self.values[generation]
            return None if value in words else f"Group VPN{generation} takes {', '.join(words)}"
        if self.kind is Kind.INTEGER:
            low, high = self.ranges[generation]
            unit = f" {self.unit}" if self.unit else ""
            if isinstance(value, int) and low <= value <= high:
                return None
            return f"Group VPN{generation} takes {low} to {high}{unit}"
        text = value.reveal() if isinstance(value, Secret) else str(value)
        form, longest = self.narrower.get(generation, (self.form, self.longest))
        return None if self.kind is Kind.FLAG else form(text, longest)


def _unknown(generation: Generation | None) -> str:
    return f"Group VPN{generation} does not have this statement"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Branch(Statement):
    """A statement with statements inside.

    ``exclusive``: sets of names of which at most one may be there. ``orders``: a generation's own
    order of names, where it is not that of ``children``. ``oneline``: the CLI shows it without
    braces, ``oneline_if_one``: only when one statement is in it, ``oneline_within``: only as part
    of a line. ``partial``: a device has statements here that the table leaves out.
    """

    children: tuple[Statement, ...] = ()
    exclusive: tuple[tuple[str, ...], ...] = ()
    orders: Mapping[Generation, tuple[str, ...]] = field(default_factory=dict)
    oneline: bool = False
    oneline_if_one: bool = False
    oneline_within: bool = False
    partial: bool = False

    @cached_property
    def by_name(self) -> Mapping[str, Statement]:
        """Children by name."""
        return {child.name: child for child in self.children}

    @cached_property
    def by_word(self) -> Mapping[str, Statement]:
        """Children by the CLI's word."""
        return {child.said: child for child in self.children}

    @cached_property
    def shared(self) -> bool:
        """Whether entries that are somebody else's may be anywhere inside."""
        return any(
            isinstance(c, Branch) and (c.shared or bool(getattr(c, "mark", ())))
            for c in self.children
        )

    @cached_property
    def holds_hollow(self) -> bool:
        """Whether it may be there with nothing in it that an option says, or anything inside."""
        inside = (c.holds_hollow for c in self.children if isinstance(c, Branch))
        return getattr(self, "hollow", False) or any(inside)

    @cached_property
    def bare(self) -> Leaf | None:
        """The child whose value the CLI writes without its name."""
        return next((c for c in self.children if isinstance(c, Leaf) and c.bare), None)

    @cached_property
    def managed(self) -> tuple[Statement, ...]:
        """Children that may be changed."""
        return tuple(child for child in self.children if not child.context)

    @cached_property
    def _ranks(self) -> Mapping[Generation | None, Mapping[str, int]]:
        plain = {child.name: rank for rank, child in enumerate(self.children)}
        ranks: dict[Generation | None, Mapping[str, int]] = {None: plain}
        for generation in Generation:
            own = self.orders.get(generation)
            ranks[generation] = {n: r for r, n in enumerate(own)} if own else plain
        return ranks

    def ordered(
        self, names: Sequence[str] | Tree, generation: Generation | None
    ) -> list[Statement]:
        """The children of those names, in the order in which that generation shows them."""
        ranks = self._ranks[generation]
        last = len(self.children)
        return [self.by_name[n] for n in sorted(names, key=lambda n: ranks.get(n, last))]

    def rivals(self, name: str) -> Iterator[str]:
        """Names that cannot be there beside ``name``."""
        for names in self.exclusive:
            if name in names:
                yield from (other for other in names if other != name)

    @cached_property
    def holds_secrets(self) -> bool:
        """Whether secrets are directly inside."""
        return any(isinstance(c, Leaf) and c.secret for c in self.children)

    @cached_property
    def is_unit(self) -> bool:
        """Whether it is replaced and deleted as one."""
        return getattr(self, "unit", False) or not self.holds_lists

    @cached_property
    def holds_lists(self) -> bool:
        """Whether lists are anywhere inside."""
        return any(
            isinstance(c, List) or (isinstance(c, Branch) and c.holds_lists) for c in self.children
        )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Container(Branch):
    """A statement that is there once.

    ``presence``: it means something even when nothing is in it; others vanish with what is in
    them. ``hollow``: a device may have it with nothing in it, and no option says so. ``inline``:
    its options stand among its parent's. ``unit``: replaced and deleted as one, though it holds
    lists. ``shorthand``: the leaf that a plain value is taken for.
    """

    presence: bool = False
    hollow: bool = False
    inline: bool = False
    shorthand: str | None = None
    unit: bool = False


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class List(Branch):
    """A statement that is there once for each entry's name.

    ``key`` is the leaf that names an entry. ``user_ordered``: the user's order is kept; else
    entries are shown by letter (no table has such a list; Junos sorts numbers in names by value).
    ``most``: how many entries there may be. ``refers``: the list that the names are taken from.
    ``fixed``: entries are neither made nor removed here, only what is in them is changed.
    ``second``: a second leaf that names an entry; in data its name is then ``A WORD B``, as the CLI
    writes it. ``shell``: an entry lives by what stands in it, and vanishes with it. ``mark``:
    what is in every entry that is ours; others are somebody else's, neither shown nor changed.
    ``twice``: what to do about a task that lists an entry twice.
    """

    key: Leaf
    second: Leaf | None = None
    shell: bool = False
    mark: Path = ()
    user_ordered: bool = True
    most: int | None = None
    refers: Path = ()
    fixed: bool = False
    twice: str = "merge the two entries"

    @property
    def is_bare(self) -> bool:
        """Whether an entry consists of its name alone."""
        return not self.children

    @property
    def keys(self) -> tuple[Leaf, ...]:
        """The leaves that name an entry."""
        return (self.key,) if self.second is None else (self.key, self.second)

    @property
    def width(self) -> int:
        """How many words name an entry."""
        return 1 if self.second is None else 3

    def parts(self, key: str) -> tuple[str, ...]:
        """The values that an entry's name consists of."""
        if self.second is None:
            return (key,)
        first, _word, last = key.partition(f" {self.second.said} ")
        return first, last

    def joined(self, parts: Sequence[str]) -> str:
        """An entry's name from its values."""
        return parts[0] if self.second is None else f" {self.second.said} ".join(parts)

    def words(self, key: str) -> list[str]:
        """An entry's name as words of the CLI."""
        parts = self.parts(key)
        return [*parts] if self.second is None else [parts[0], self.second.said, parts[1]]

    def is_ours(self, entry: Tree) -> bool:
        """Whether an entry is this resource's; a shell is when anything in it is."""
        if self.shell:
            lists = [child for child in self.children if isinstance(child, List)]
            return any(c.is_ours(e) for c in lists for e in entry.get(c.name, {}).values())
        return value_at(entry, self.mark) is not None


def walk(node: Branch, path: Path = ()) -> Iterator[tuple[Path, Statement]]:
    """Every statement below ``node`` with the names that lead to it."""
    for child in node.children:
        yield (*path, child.name), child
        if isinstance(child, Branch):
            yield from walk(child, (*path, child.name))


def along(node: Branch, path: Path) -> Iterator[tuple[Path, Statement, str | None]]:
    """The statements that a path leads through, with the entry of each list; None: no entry.

    Before each the path to it, or to its entry.
    """
    here: Statement = node
    taken = 0
    while taken < len(path) and isinstance(here, Branch) and path[taken] in here.by_name:
        here = here.by_name[path[taken]]
        key = path[taken + 1] if isinstance(here, List) and taken + 1 < len(path) else None
        taken += 1 if key is None else 2
        yield path[:taken], here, key


def value_at(here: Any, path: Path) -> Any:
    """What stands at a place in data; None: nothing."""
    for name in path:
        here = here.get(name) if isinstance(here, dict) else None
    return here


def trees(statement: Statement, value: Any) -> Iterator[tuple[Path, Branch, Tree]]:
    """The trees in a statement's value: a container's own, or each entry's behind its name."""
    if isinstance(statement, List):
        yield from (((key,), statement, entry) for key, entry in (value or {}).items())
    elif isinstance(statement, Branch) and value is not None:
        yield (), statement, value


def spoken(node: Branch, path: Path) -> list[str]:
    """A path in the CLI's words; what leads out of the table stays as it is."""
    words: list[str] = []
    for _here, statement, key in along(node, path):
        words += [statement.said] if key is None else [statement.said, key]
    return [*words, *path[len(words) :]]

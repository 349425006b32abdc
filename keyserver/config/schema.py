# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The emulated Junos schema: which statements exist, what values they take, in which order.

A schema is a tree of :class:`Statement`; equal branches are one object. What there is comes from
:mod:`.statements` (Juniper's YANG) and :mod:`.group_vpn_v1`; everything else (loading, showing,
comparing, checking) walks these trees and names no statement itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TypedDict, Unpack

from .values import InvalidValue, ValueCheck, integer, ipv4_address, string, text_of
from .words import quote_value

__all__ = ["InvalidValue", "Kind", "Statement", "integer", "ipv4_address"]

KEY_SEPARATOR = "\x1f"
"""Between the keys of a list that has several; no value can hold it."""

_VALUED = frozenset(("upto", "through", "prefix-length-range", "address-mask"))
"""Words of a key behind which a value stands; the others (``exact``, ``add``) say all."""


Alternatives = Callable[[], Iterable[Iterable[Iterable[str]]]]
"""Gives the choices among children: cases of names."""


class Kind(Enum):
    """How a statement holds its value."""

    CONTAINER = "container"
    LIST = "list"
    LEAF = "leaf"
    LEAF_LIST = "leaf-list"
    EMPTY = "empty"


class Secrecy(Enum):
    """What a leaf's value gives away."""

    NONE = ""
    SECRET = "secret"  # kept in $9$ form
    HASH = "hash"


@dataclass(frozen=True)
class Key:
    """One key of a list: its element in XML, its word in the CLI ("" for none)."""

    name: str
    word: str
    check: ValueCheck

    @property
    def optional(self) -> bool:
        """True for the value of a word that may say all alone (``route-filter … exact``)."""
        return self.name == "choice-value"


_NAME = Key("name", "", text_of(1, 255))


@dataclass(frozen=True, eq=False)
class Statement:
    """One configuration statement.

    ``name`` is its element in XML, ``word`` what the CLI calls it. ``below`` gives the children
    in the order in which Junos shows them. ``spelled`` is False where text has no word for it
    (``nokeyword``). ``oneliner`` containers are shown on one line, ``terse`` ones when they hold
    one simple statement. ``homogeneous`` lists put their entries into one pair of braces,
    ``homogeneous`` containers repeat their word before every child. ``alternatives`` are the
    choices among the children: cases of names, of which one excludes the others. ``advanced``
    statements take apply-groups, apply-groups-except and apply-macro. What a ``flat`` container
    holds in text stands beside it in XML and JSON. An entry of a ``vanishing`` list goes with the
    last that is deleted of it. ``expression`` values are several words without
    quotes, as ``( a && ! b )``.
    """

    name: str
    kind: Kind
    word: str = ""
    below: Callable[[], Iterable[Statement]] = field(default=tuple, repr=False)
    check: ValueCheck | None = None
    keys: tuple[Key, ...] = ()
    limit: int | None = None
    spelled: bool = True
    oneliner: bool = False
    terse: bool = False
    homogeneous: bool = False
    user_ordered: bool = False
    presence: bool = False
    advanced: bool = False
    undocumented: bool = False
    flat: bool = False
    vanishing: bool = False
    expression: bool = False
    secrecy: Secrecy = Secrecy.NONE
    alternatives: Alternatives = field(default=tuple, repr=False)

    @cached_property
    def children(self) -> Mapping[str, Statement]:
        """The children by their name in XML, in shown order."""
        first = APPLY if self.advanced else ()
        return {child.name: child for child in (*first, *self.below())}

    @cached_property
    def rank(self) -> Mapping[str, int]:
        """The place of each child in shown order, by its name."""
        return {name: place for place, name in enumerate(self.children)}

    @cached_property
    def key_names(self) -> frozenset[str]:
        """The elements in XML that name an entry."""
        return frozenset(key.name for key in self.keys)

    @cached_property
    def words(self) -> Mapping[str, Statement]:
        """The children that have a word, by it."""
        return {child.word or child.name: child for child in self.children.values()}

    @cached_property
    def unspelled(self) -> tuple[Statement, ...]:
        """The children that text writes without a word: leaves, then lists."""
        found = [child for child in self.children.values() if not child.spelled]
        return tuple(sorted(found, key=lambda child: child.kind is Kind.LIST))

    @cached_property
    def plain(self) -> Statement | None:
        """The leaf that has no word in text, when there is one such."""
        leaves = [child for child in self.unspelled if child.kind is not Kind.LIST]
        return leaves[0] if len(leaves) == 1 else None

    @cached_property
    def in_their_places(self) -> tuple[str, ...]:
        """The leaves that only their order tells apart in text; none where one has no word."""
        several = tuple(child.name for child in self.unspelled if child.kind is Kind.LEAF)
        return several if len(several) > 1 else ()

    @cached_property
    def beside(self) -> Mapping[str, Statement]:
        """The flat container of each statement that XML and JSON have beside it, by its name."""
        flat = [child for child in self.children.values() if child.flat]
        return {name: container for container in flat for name in container.children}

    def in_xml(self, name: str) -> Statement | None:
        """What stands in it by that name in XML and JSON."""
        flat = self.beside.get(name)
        return self.children.get(name) or (flat and flat.children[name])

    @cached_property
    def excluded(self) -> Mapping[str, frozenset[str]]:
        """What a child's presence rules out, by the child's name."""
        found: dict[str, frozenset[str]] = {}
        for choice in self.alternatives():
            cases = [frozenset(case) for case in choice]
            for case in cases:
                others = frozenset().union(*cases) - case
                for name in case:
                    found[name] = found.get(name, frozenset()) | others
        return found

    @cached_property
    def is_branch(self) -> bool:
        """True for statements whose value is itself a tree."""
        return self.kind in (Kind.CONTAINER, Kind.LIST)

    @cached_property
    def shown(self) -> str:
        """The statement's word in text."""
        return self.word or self.name

    @property
    def has_no_braces(self) -> bool:
        """True for containers that are only the word before each of their statements."""
        return self.homogeneous and self.kind is Kind.CONTAINER

    @property
    def is_secret(self) -> bool:
        """True where a value is marked in listings and kept out of messages."""
        return self.secrecy is not Secrecy.NONE

    def written(self, value: str) -> str:
        """A value as text has it, in quotes where it needs them."""
        return quote_value(value, expression=self.expression)

    def key_words(self, key: str) -> list[str]:
        """An entry's keys as text has them: ``A to-zone B``."""
        words: list[str] = []
        for own, value in zip(self.keys, key.split(KEY_SEPARATOR), strict=False):
            if own.word:
                words.append(own.word)
            if value or not own.optional:
                words.append(value)
        return words


def value_follows(key: Key, words: list[str]) -> bool:
    """True when ``key`` takes a word after those that were read for the keys before."""
    return not key.optional or not words or words[-1] in _VALUED


class Marks(TypedDict, total=False):
    """What may be said of a statement beside its kind: fields of :class:`Statement`."""

    word: str
    limit: int | None
    spelled: bool
    oneliner: bool
    terse: bool
    homogeneous: bool
    user_ordered: bool
    presence: bool
    advanced: bool
    secrecy: Secrecy
    alternatives: Alternatives


def container(name: str, *children: Statement, **marks: Unpack[Marks]) -> Statement:
    """A container statement."""
    return Statement(name, Kind.CONTAINER, below=lambda: children, **marks)


def listing(
    name: str, key_check: ValueCheck, *children: Statement, **marks: Unpack[Marks]
) -> Statement:
    """A list statement, keyed by its ``name`` element, in the user's order."""
    keys = (Key("name", "", key_check),)
    all_marks: Marks = {"user_ordered": True, **marks}
    return Statement(name, Kind.LIST, below=lambda: children, keys=keys, **all_marks)


def leaf(name: str, check: ValueCheck, **marks: Unpack[Marks]) -> Statement:
    """A leaf with one value."""
    return Statement(name, Kind.LEAF, check=check, **marks)


def leaf_list(name: str, check: ValueCheck, limit: int | None = None) -> Statement:
    """A leaf with any number of values, in the user's order."""
    return Statement(name, Kind.LEAF_LIST, check=check, limit=limit, user_ordered=True)


def flag(name: str) -> Statement:
    """A statement that is present or absent."""
    return Statement(name, Kind.EMPTY)


_DATA = listing(
    "data",
    string(255),
    leaf("value", text_of(), spelled=False),
    spelled=False,
    homogeneous=True,
    oneliner=True,
    user_ordered=False,
)
APPLY = (
    leaf_list("apply-groups", string(254)),
    leaf_list("apply-groups-except", string(254)),
    listing("apply-macro", text_of(1, 255), _DATA),
)
"""What nearly every branch takes beside its own statements."""

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A resource: a subtree of the configuration, described by a table, and its rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from ..errors import legible
from ..netconf.libraries import etree
from ..netconf.xml import local_name
from .found import heart_of
from .plan import State
from .reply import configuration_of, read_reply
from .schema import Branch, Container, Leaf, List, Path, Statement, Tree, spoken, walk
from .tree import Configuration, Reading
from .values import Generation


class Outlook(NamedTuple):
    """A change that is about to be made; trees hold what is in force."""

    have: Reading
    target: Configuration
    before: Tree
    after: Tree
    want: Tree
    generation: Generation | None
    state: State = State.MERGED


Opinion = Callable[[Outlook], list[str]]


def _nothing(outlook: Outlook) -> list[str]:
    return []


def _as_it_is(want: Tree, have: Reading, generation: Generation) -> Tree:
    return want


class Rules(NamedTuple):
    """What a table cannot say.

    ``objections``: why a change must not be made. ``advice``: what a user should know about it.
    ``results``: further return values, from the change. ``touched``: groups whose members a removal
    touches. ``fitted``: what is wanted, as a generation has it on a device that has what was read.
    """

    objections: Opinion = _nothing
    advice: Opinion = _nothing
    results: Callable[[Outlook | None], Mapping[str, Any]] = lambda outlook: {}
    touched: Opinion = _nothing
    fitted: Callable[[Tree, Reading, Generation], Tree] = _as_it_is

    @property
    def fits(self) -> bool:
        """Whether generations have what is wanted in different places."""
        return self.fitted is not _as_it_is


class Wording(NamedTuple):
    """Options that are not the tree in another shape.

    ``root``: the options as a table. ``inward`` makes them those of the resource's table,
    ``outward`` leads back.
    """

    root: Container
    inward: Callable[[Mapping[str, Any]], dict[str, Any]]
    outward: Callable[[Mapping[str, Any]], dict[str, Any]]


RULELESS = Rules()


@dataclass(frozen=True, eq=False, repr=False)
class Resource:
    """A subtree of the configuration.

    ``prefix`` leads to ``root`` and includes its name. ``anchor``: the list whose entries the
    module's ``config`` is; without it ``config`` is a dictionary. ``landmarks``: names by which
    text from ``[edit PREFIX]`` is known, ``ways``: those of text from further inside, with where.
    ``around``: what a device is asked for whole, since it may show nothing of an inactive
    hierarchy in which nothing was asked for. ``wording``: options that differ from the tree.
    ``about``: a word that a comparison has when it concerns these settings, if that is not the
    second of ``prefix``.
    """

    name: str
    prefix: Path
    root: Container
    landmarks: tuple[str, ...]
    anchor: str | None = None
    ways: Mapping[str, Path] = field(default_factory=dict)
    around: Path = ()
    wording: Wording | None = None
    about: str | None = None
    rules: Rules = RULELESS

    @cached_property
    def anchored(self) -> List | None:
        """The list that ``config`` is."""
        node = self.root.by_name.get(self.anchor or "")
        return node if isinstance(node, List) else None

    @property
    def subject(self) -> str:
        """The word that a comparison has when it concerns these settings."""
        return self.about or self.prefix[1]

    @property
    def asked(self) -> Container:
        """The options of ``config`` as a table."""
        return self.root if self.wording is None else self.wording.root

    @cached_property
    def has_secrets(self) -> bool:
        """Whether there is anything that nobody may see."""
        return any(isinstance(node, Leaf) and node.secret for _path, node in walk(self.root))

    @cached_property
    def divided(self) -> bool:
        """Whether a generation may refuse to read what only the other one has."""
        return any(
            not node.known_to(generation)
            for node in _selected(self.root)
            for generation in Generation
        )

    def settle(self) -> None:
        """Derive now what is derived at first use: processes that are forked later have it."""
        for part in (self, self.root, *(statement for _path, statement in walk(self.root))):
            for kind in type(part).__mro__:
                for name, member in vars(kind).items():
                    if isinstance(member, cached_property):
                        getattr(part, name)

    def read_filter(self, generation: Generation | None = None) -> etree._Element:
        """What to ask a device for; without a generation: what any of them has."""
        root = etree.Element("configuration")
        here = root
        for name in self.prefix:
            here = etree.SubElement(here, name)
        _select(here, self.root, generation)
        whole = root.find("/".join(self.around)) if self.around else None
        if whole is not None:
            del whole[:]
        return root

    def read(self, reply: etree._Element) -> Reading:
        """The settings in a device's reply."""
        reading = read_reply(self.prefix, self.root, reply)
        return replace(reading, beside=self.around) if self._has_company(reply) else reading

    def _has_company(self, reply: etree._Element) -> bool:
        """Whether anything but these settings stands in what is asked for whole."""
        own = heart_of(self.prefix, self.root)[-1]
        around = "/".join(f"{{*}}{name}" for name in self.around)
        found = configuration_of(reply) if self.around else None
        inside = () if found is None else found.iterfind(f"{around}/{{*}}*")
        return any(local_name(element) != own for element in inside)

    def parse(self, text: str) -> Reading:
        """The settings in a configuration of any form."""
        # Few tasks read text, and all would pay for importing it.
        from .read import read_text

        ways = {**dict.fromkeys(self.landmarks, ()), **self.ways}
        return read_text(self.prefix, self.root, ways, text)

    def where(self, path: Path = (), statement: str = "") -> str:
        """A statement's place as Junos writes it."""
        said = spoken(self.root, path)
        words = legible(" ".join(said))
        place = f"[edit {' '.join(self.prefix)} {words}".rstrip()
        return f"{place}]{' ' + statement if statement else ''}"


def _select(parent: etree._Element, node: Branch, generation: Generation | None) -> None:
    """Ask for a branch whole, but for one of which the table holds only a part."""
    if not node.partial or isinstance(node, List):
        return
    for child in node.children:
        if child.known_to(generation):
            element = etree.SubElement(parent, child.name)
            if isinstance(child, Branch):
                _select(element, child, generation)


def _selected(node: Branch) -> Iterator[Statement]:
    """What a filter names."""
    if not node.partial or isinstance(node, List):
        return
    for child in node.children:
        yield child
        if isinstance(child, Branch):
            yield from _selected(child)

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A change between two configurations: as Junos XML to load, and as set lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from ..netconf.libraries import etree
from .schema import Branch, Leaf, List, Path, Statement, Tree
from .secret import MASK, Secret
from .tree import Configuration
from .values import Generation
from .words import quote

INDENT = "    "


class Action(Enum):
    """What is done to a statement."""

    DELETE = "delete"
    SET = "set"
    WITHIN = "within"


class Edit(NamedTuple):
    """What is done to one statement, or to one entry or value (``key``) of it.

    ``behind``: the entry that it is put behind, "" for the front; None: it stays where it is.
    """

    node: Statement
    action: Action
    key: str | None = None
    value: Any = None
    activate: bool = False
    behind: str | None = None
    first: str | None = None
    inside: tuple[Edit, ...] = ()


def edits(
    node: Branch,
    before: Configuration,
    after: Configuration,
    generation: Generation | None,
) -> list[Edit]:
    """What leads from one configuration to the other: removals first, then the rest in order."""
    return _Difference(before.inactive, after.inactive, generation).of(
        node, before.tree, after.tree, ()
    )


class _Difference:
    def __init__(
        self,
        was_inactive: frozenset[Path],
        is_inactive: frozenset[Path],
        generation: Generation | None,
    ) -> None:
        self.was_inactive, self.is_inactive = was_inactive, is_inactive
        self.generation = generation

    def of(self, node: Branch, old: Tree, new: Tree, path: Path) -> list[Edit]:
        if old is new and not self.was_inactive:
            return []
        found: list[Edit] = []
        for child in node.ordered({**old, **new}, self.generation):
            if not child.context:
                found += self._child(child, old.get(child.name), new.get(child.name), path)
        removals = [edit for edit in found if edit.action is Action.DELETE]
        return removals + [edit for edit in found if edit.action is not Action.DELETE]

    def _child(self, child: Statement, old: Any, new: Any, path: Path) -> Iterator[Edit]:
        here = (*path, child.name)
        if isinstance(child, List):
            yield from self._entries(child, old or {}, new or {}, here)
        elif isinstance(child, Leaf) and child.many:
            yield from self._values(child, old or (), new or (), here)
        elif new is None and isinstance(child, Branch) and child.partial:
            # What else stands in it is nobody's to delete.
            yield from self._branch(child, None, old, {}, here, None)
        elif new is None:
            yield Edit(child, Action.DELETE, value=old)
        elif isinstance(child, Branch):
            yield from self._branch(child, None, old, new, here, None)
        elif old != new or self._wakes(here):
            yield Edit(child, Action.SET, value=new, activate=self._wakes(here))

    def _wakes(self, path: Path) -> bool:
        return path in self.was_inactive and path not in self.is_inactive

    def _branch(
        self,
        node: Branch,
        key: str | None,
        old: Tree | None,
        new: Tree,
        path: Path,
        behind: tuple[str, str] | None,
    ) -> Iterator[Edit]:
        inside = tuple(self.of(node, old or {}, new, path))
        wakes = self._wakes(path)
        if old is None or inside or wakes or behind is not None:
            action = Action.SET if old is None else Action.WITHIN
            place, first = behind or (None, None)
            yield Edit(node, action, key, None, wakes, place, first, inside)

    def _entries(self, node: List, old: Tree, new: Tree, path: Path) -> Iterator[Edit]:
        yield from (Edit(node, Action.DELETE, key) for key in old if key not in new)
        places = _places(list(old), list(new)) if node.user_ordered else {}
        if self._wakes(path):
            yield Edit(node, Action.WITHIN, activate=True)
        for key, entry in new.items():
            yield from self._branch(node, key, old.get(key), entry, (*path, key), places.get(key))

    def _values(
        self, leaf: Leaf, old: tuple[str, ...], new: tuple[str, ...], path: Path
    ) -> Iterator[Edit]:
        stays = 0
        left = [item for item in old if item in new]
        while stays < min(len(left), len(new)) and left[stays] == new[stays]:
            stays += 1
        kept = set(new[:stays])
        yield from (Edit(leaf, Action.DELETE, item) for item in old if item not in kept)
        if self._wakes(path):
            yield Edit(leaf, Action.WITHIN, activate=True)
        yield from (
            Edit(leaf, Action.SET, item, activate=self._wakes((*path, item)))
            for item in new
            if item not in kept or self._wakes((*path, item))
        )


def _places(old: list[str], new: list[str]) -> Mapping[str, tuple[str, str]]:
    """Entries that must be moved: behind which one (and which one stands first until then).

    Those that are new are added at the end by themselves.
    """
    kept = [key for key in old if key in new]
    current = kept + [key for key in new if key not in old]
    if current == new:
        return {}
    places = {}
    for number, key in enumerate(new):
        if current[number] != key:
            places[key] = (new[number - 1] if number else "", current[0])
            current.remove(key)
            current.insert(number, key)
    return places


# As XML


def change_xml(path: Path, change: list[Edit], *, reveal: bool = False) -> etree._Element:
    """``<configuration>`` for load-configuration (merge): only the difference.

    ``reveal``: with secrets as they are; this is for the device alone.
    """
    root = etree.Element("configuration")
    here = root
    for name in path:
        here = etree.SubElement(here, name)
    _fill(here, change, reveal)
    return root


def _fill(parent: etree._Element, change: list[Edit] | tuple[Edit, ...], reveal: bool) -> None:
    for edit in change:
        if edit.behind is None or edit.action is Action.SET or edit.inside or edit.activate:
            _fill_one(_named(parent, edit), edit, reveal)
        if edit.behind is not None:
            # By itself and last: what is moved must be there, and nothing in it is changed with it.
            _placed(_named(parent, edit), edit.behind)


def _named(parent: etree._Element, edit: Edit) -> etree._Element:
    element = etree.SubElement(parent, edit.node.name)
    if isinstance(edit.node, List) and edit.key is not None:
        for leaf, part in zip(edit.node.keys, edit.node.parts(edit.key), strict=True):
            etree.SubElement(element, leaf.name).text = part
    return element


def _fill_one(element: etree._Element, edit: Edit, reveal: bool) -> None:
    if edit.action is Action.DELETE:
        element.set("delete", "delete")
    if edit.activate:
        element.set("active", "active")
    if isinstance(edit.node, List | Branch):
        _fill(element, edit.inside, reveal)
    else:
        _text(element, edit, reveal)


def _placed(element: etree._Element, behind: str) -> None:
    element.set("insert", "after" if behind else "first")
    if behind:
        element.set("name", behind)


def _text(element: etree._Element, edit: Edit, reveal: bool) -> None:
    if edit.key is not None:
        element.text = edit.key
    elif edit.action is Action.SET and edit.value is not True:
        element.text = shown(edit.value, reveal)


def shown(value: Any, reveal: bool = False) -> str:
    """A value as text; a secret as a mask, but for the device."""
    if isinstance(value, Secret):
        return value.reveal() if reveal else MASK
    return str(value)


def to_string(element: etree._Element) -> str:
    """Indented XML text."""
    etree.indent(element, INDENT)
    text: str = etree.tostring(element, encoding="unicode")
    return text


# As set lines


def set_lines(path: Path, change: list[Edit] | tuple[Edit, ...]) -> list[str]:
    """The change as ``set``, ``delete``, ``activate`` and ``insert`` commands; secrets masked."""
    lines: list[str] = []
    for edit in change:
        lines += _lines(" ".join(path), edit)
    return lines


def _lines(path: str, edit: Edit) -> Iterator[str]:
    if isinstance(edit.node, Leaf):
        yield from _leaf_lines(path, edit.node, edit)
        return
    here = f"{path} {headed(edit.node, edit.key)}"
    if edit.action is Action.DELETE:
        yield f"delete {here}"
        return
    if edit.activate:
        yield f"activate {here}"
    for inner in edit.inside:
        yield from _lines(here, inner)
    if edit.action is Action.SET and not edit.inside:
        yield f"set {here}"
    if edit.behind:
        yield f"insert {here} after {headed(edit.node, edit.behind)}"
    elif edit.behind is not None:
        yield f"insert {here} before {headed(edit.node, edit.first)}"


def headed(node: Statement, key: str | None) -> str:
    """A statement's name, and behind a list's that of the entry, as the CLI writes them."""
    if key is None or not isinstance(node, List):
        return node.said
    return " ".join([node.said, *(quote(word) for word in node.words(key))])


def _leaf_lines(path: str, leaf: Leaf, edit: Edit) -> Iterator[str]:
    here = path if leaf.bare else f"{path} {leaf.said}"
    value = edit.key if leaf.many else edit.value
    whole = here if value is None or value is True else f"{here} {quote(shown(value))}"
    if edit.action is Action.DELETE:
        yield f"delete {whole if leaf.many or leaf.bare else here}"
        return
    if edit.activate:
        yield f"activate {whole if leaf.many or leaf.bare else here}"
    if edit.action is Action.SET:
        yield f"set {whole}"

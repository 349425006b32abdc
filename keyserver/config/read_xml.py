# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reader for Junos XML configuration, with Junos' attributes and RFC 6241 operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from lxml import etree

from .cases import modelled
from .edit import (
    Edit,
    LoadError,
    Operation,
    Place,
    edit_path,
    joined,
    put_within,
    remark,
    without_rivals,
)
from .layout import PRESERVED, SPACE, name_of, value_of
from .namespaces import STAMPS, YANG, is_style, own_name
from .predicates import entry_named
from .replacing import NoPattern, replacement
from .schema import KEY_SEPARATOR, Kind, Statement
from .values import InvalidValue
from .words import comment_of

_TRANSPARENT = "undocumented"
_COMMENT = "comment"
REPLACES = "replace-pattern"


def read_xml(root: Statement, configuration: etree._Element) -> tuple[list[Edit], list[LoadError]]:
    """Edits below a ``<configuration>`` element, or one that wraps it."""
    reader = _Reader()
    inner = list(_elements(configuration))
    if len(inner) == 1 and _name(inner[0]) == _name(configuration):
        # ncclient wraps what it is given, also when that is rooted already.
        configuration = inner[0]
    if configuration.get(REPLACES) is not None:
        whole = reader.replacement(root, configuration, [])
        return [whole] if whole is not None else [], reader.problems
    reader.no_attributes(configuration)
    if reader.problems:
        # Something is to be done with the whole of it that nobody knows: it is not merged instead.
        return [], reader.problems
    reader.no_text(configuration, [])
    return reader.children(root, configuration, [], frozenset()), reader.problems


def _elements(element: etree._Element) -> list[etree._Element]:
    return list(element.iterchildren(tag=etree.Element))


def _name(element: etree._Element) -> str:
    tag = str(element.tag)
    return tag.rpartition("}")[2]


class _Reader:
    def __init__(self) -> None:
        self.problems: list[LoadError] = []
        self.comments: list[str | None] = []
        """Those that wait for their statement."""

    def object(
        self, path: list[str], element: etree._Element, bad: str, message: str, **more: str
    ) -> None:
        """Note a complaint."""
        line = element.sourceline
        self.problems.append(LoadError(edit_path(path), bad, message, line=line, **more))  # type: ignore[arg-type]

    def unfit(self, path: list[str], element: etree._Element, attribute: str) -> bool:
        """Note an attribute that cannot be meant, and say that it cannot."""
        bad = attribute.rpartition("}")[2]
        self.object(path, element, bad, "syntax error", tag="bad-attribute")
        return False

    def no_text(self, element: etree._Element, path: list[str], alone: str = "") -> None:
        """Text beside elements means nothing, so that someone meant something else.

        ``alone`` is what was taken for a value.
        """
        pieces = ["" if alone else element.text, *(child.tail for child in element)]
        stray = next((piece.strip() for piece in pieces if piece and piece.strip()), None)
        if stray is not None:
            self.object(path, element, stray[:40], "syntax error")

    def no_attributes(self, configuration: etree._Element) -> None:
        """The whole configuration is not a statement: its attributes only say where it is from."""
        for raw in configuration.attrib:
            if str(raw).rpartition("}")[2] not in STAMPS and not is_style(str(raw)):
                self.unfit([], configuration, str(raw))

    def children(
        self,
        statement: Statement,
        element: etree._Element,
        path: list[str],
        skip: frozenset[str],
    ) -> list[Edit]:
        """Edits of an element's children but for those named in ``skip``.

        A comment that is left over is about the element.
        """
        edits: list[Edit] = []
        for child in _elements(element):
            name = own_name(str(child.tag))
            if name in skip:
                continue
            if name == _COMMENT and name not in statement.children:
                self._comment(child, path)
            elif name == _TRANSPARENT:
                edits += self._wrapped(statement, child, path, skip)
            else:
                self._child(statement, child, path, edits)
        self.comments = [remark(edits, joined(*self.comments))]
        kept, rivals = without_rivals(statement, edits)
        for edit in rivals:
            self.object(path, element, edit.statement.shown, "syntax error")
        return kept

    def _wrapped(
        self,
        statement: Statement,
        child: etree._Element,
        path: list[str],
        skip: frozenset[str],
    ) -> list[Edit]:
        """What stands in an element that is not a statement, if nothing else is asked of it."""
        before = len(self.problems)
        self._says_nothing(child, path)
        self.no_text(child, path)
        return self.children(statement, child, path, skip) if len(self.problems) == before else []

    def _child(
        self, statement: Statement, child: etree._Element, path: list[str], edits: list[Edit]
    ) -> None:
        """Put the edit of one statement to the others."""
        name = own_name(str(child.tag))
        known = statement.children.get(name)
        flat = statement.beside.get(name) if known is None else None
        known = flat.children[name] if flat is not None else known
        before, self.comments = self.comments, []
        if known is None:
            self.object(path, child, _name(child), "syntax error")
            return
        edit = self._edit(known, child, path)
        if edit is None:
            return
        # What stood in it alone is about it, too.
        edit.comment = joined(*before, edit.comment, *self.comments)
        self.comments = []
        if flat is not None:
            put_within(flat, edit, edits)
        else:
            _put(edit, edits)

    def _comment(self, child: etree._Element, path: list[str]) -> None:
        """A comment, which is about the statement behind it."""
        before = len(self.problems)
        self._says_nothing(child, path)
        for inner in _elements(child):
            self.object(path, inner, _name(inner), "syntax error")
        if len(self.problems) > before:
            return
        self.comments.append(comment_of(name_of(child)))

    def _says_nothing(self, child: etree._Element, path: list[str]) -> None:
        """Nothing can be done with what is not a statement."""
        for raw in child.attrib:
            if not _only_says(str(raw)):
                self.unfit(path, child, str(raw))

    def _edit(self, statement: Statement, element: etree._Element, path: list[str]) -> Edit | None:
        if element.get(REPLACES) is not None:
            return self.replacement(statement, element, path)
        edit = Edit(statement, line=cast("int | None", element.sourceline))
        if not self._attributes(edit, element, path):
            return None
        if statement.is_branch:
            modelled(statement, element)
        if statement.kind is Kind.CONTAINER:
            return self._container(edit, element, path)
        if statement.kind is Kind.LIST:
            return self._entry(edit, element, path)
        return self._value(edit, element, path)

    def _container(self, edit: Edit, element: etree._Element, path: list[str]) -> Edit:
        below, plain = [*path, *edit.words], edit.statement.plain
        alone = _alone(element, plain.name) if plain is not None else ""
        self.no_text(element, below, alone)
        edit.children = self.children(edit.statement, element, below, frozenset())
        if plain is not None and alone:
            edit.children.append(Edit(plain, values=[alone], line=edit.line))
        return edit

    def replacement(
        self, statement: Statement, element: etree._Element, path: list[str]
    ) -> Edit | None:
        """``replace-pattern="a" with="b" upto="2"`` within the hierarchy that an element names."""
        given = {str(name): str(value) for name, value in element.attrib.items()}
        pattern, text, upto = given.pop(REPLACES), given.pop("with", None), given.pop("upto", "0")
        beside = next((name for name in given if not _only_says(name)), None)
        if statement.kind is not Kind.CONTAINER or text is None or beside is not None:
            self.unfit(path, element, beside or REPLACES)
            return None
        if not self._is_empty(element, path):
            return None
        try:
            asked = replacement(pattern, text, upto)
        except NoPattern as refusal:
            self.object(path, element, pattern[:40], str(refusal))
            return None
        line = cast("int | None", element.sourceline)
        return Edit(statement, operation=Operation.NONE, replacement=asked, line=line)

    def _is_empty(self, element: etree._Element, path: list[str]) -> bool:
        """Whether there is nothing in it; what is there is noted."""
        before = len(self.problems)
        self.no_text(element, path)
        for child in _elements(element):
            self.object(path, child, _name(child), "syntax error")
        return len(self.problems) == before

    def _value(self, edit: Edit, element: etree._Element, path: list[str]) -> Edit | None:
        for inner in _elements(element):
            self.object([*path, edit.statement.shown], inner, _name(inner), "syntax error")
            return None
        if edit.statement.kind is Kind.EMPTY:
            return self._flag(edit, element, path)
        text = _taken(edit.statement, element)
        edit.values = [text] if text or element.get(SPACE) == PRESERVED else []
        naming = edit.operation in (Operation.DELETE, Operation.REMOVE) or _marks_only(edit)
        if not edit.values and not naming:
            self.object(path, element, edit.statement.shown, "missing argument.")
            return None
        return edit

    def _flag(self, edit: Edit, element: etree._Element, path: list[str]) -> Edit | None:
        text = name_of(element)
        if not text:
            return edit
        self.object([*path, edit.statement.shown], element, text[:40], "syntax error")
        return None

    def _entry(self, edit: Edit, element: etree._Element, path: list[str]) -> Edit | None:
        statement = edit.statement
        given = self._names(statement, element, path)
        if given is None:
            return None
        alone = _alone(element, statement.keys[0].name) if len(statement.keys) == 1 else ""
        keys = [
            name_of(given[key.name]) if key.name in given else "" if key.optional else alone or None
            for key in statement.keys
        ]
        if any(key is None for key in keys):
            if keys == [None] * len(keys) and (
                edit.operation in (Operation.DELETE, Operation.REMOVE) or _marks_only(edit)
            ):
                return edit
            self.object(path, element, statement.shown, "missing argument.")
            return None
        edit.key = KEY_SEPARATOR.join(key for key in keys if key is not None)
        below = [*path, *edit.words]
        self.no_text(element, below, alone)
        edit.children = self.children(statement, element, below, statement.key_names)
        return edit

    def _names(
        self, statement: Statement, element: etree._Element, path: list[str]
    ) -> dict[str, etree._Element] | None:
        """An entry's keys, each of which is there once and is nothing but a value."""
        given: dict[str, etree._Element] = {}
        for child in _elements(element):
            name = own_name(str(child.tag))
            if name not in statement.key_names:
                continue
            asks = any(not _only_says(str(raw)) for raw in child.attrib)
            if name in given or asks or _elements(child):
                self.object(path, child, name, "syntax error")
                return None
            given[name] = child
        return given

    def _attributes(self, edit: Edit, element: etree._Element, path: list[str]) -> bool:
        references: dict[str, str] = {}
        said: set[str] = set()
        for raw, value in element.attrib.items():
            name = own_name(str(raw))
            attribute = ATTRIBUTES.get(name)
            if attribute is not None and str(value) in attribute.values:
                if attribute.about in said:
                    return self.unfit(path, element, name)
                said.add(attribute.about)
                attribute.say(edit, str(value))
            elif (reference := _reference_in(edit.statement, str(raw))) is not None:
                references[reference] = str(value)
            elif not _only_says(str(raw)):
                return self.unfit(path, element, str(raw))
        return not references or self._references(edit, element, path, references)

    def _references(
        self, edit: Edit, element: etree._Element, path: list[str], given: dict[str, str]
    ) -> bool:
        """``rename="rename" name="new"``, ``insert="before" name="other"``."""
        wanted, moved = given.get("rename"), given.get("insert")
        reference = _reference(edit.statement, given)
        named = edit.statement.kind is Kind.LIST
        if wanted == "rename" and reference and moved is None and named:
            edit.rename = reference
            return True
        if moved in _MOVES and wanted is None and edit.statement.user_ordered:
            before, beside = _MOVES[moved]
            if beside == bool(reference):
                edit.place = Place(before, reference or None)
                edit.operation = edit.operation or Operation.NONE
                return True
            self.object(path, element, "insert", "missing argument.", tag="bad-attribute")
            return False
        bad = next((name for name in ("rename", "insert") if name in given), next(iter(given)))
        return self.unfit(path, element, bad)


def _alone(element: etree._Element, named: str) -> str:
    """A value that stands in its branch without an element of its own.

    Where text has no word for it, clients write ``<loops>4</loops>`` for what is shown with one
    more ``<loops>`` within, and devices take it.
    """
    if any(own_name(str(child.tag)) == named for child in _elements(element)):
        return ""
    return (element.text or "").strip()


def _put(edit: Edit, edits: list[Edit]) -> None:
    """Values of one leaf-list of which the same is said are one edit: together they may be all."""
    last = edits[-1] if edits else None
    if last is not None and _marks_only(edit) and _says_the_same(last, edit):
        last.values += edit.values
    else:
        edits.append(edit)


def _says_the_same(one: Edit, other: Edit) -> bool:
    if one.statement is not other.statement or one.statement.kind is not Kind.LEAF_LIST:
        return False
    return replace(one, values=[], line=0, comment=None) == replace(other, values=[], line=0)


def _taken(statement: Statement, element: etree._Element) -> str:
    """A value with the blanks around it where it may have some: a number or a word has none."""
    exact, bare = value_of(element), name_of(element)
    if exact == bare or statement.check is None:
        return exact
    try:
        statement.check(exact)
    except InvalidValue:
        return bare
    return exact


_MOVES = {
    "first": (True, False),
    "last": (False, False),
    "before": (True, True),
    "after": (False, True),
}
"""Values of ``insert``: whether before or behind, and whether another entry is named."""


def _reference_in(statement: Statement, attribute: str) -> str | None:
    """What an attribute says of where an entry or a value goes; None for all others."""
    if attribute.startswith(f"{{{YANG}}}"):
        name = attribute.rpartition("}")[2]
        return name if name in ("insert", "key", "value") else None
    name = own_name(attribute)
    beside = {"name"} if statement.kind is Kind.LEAF_LIST else statement.key_names
    return name if name in ("insert", "rename") or name in beside else None


def _reference(statement: Statement, given: dict[str, str]) -> str:
    """The entry or value that attributes name: Junos' own or those of RFC 7950."""
    if "key" in given:
        return entry_named(statement, given["key"]) or ""
    if statement.kind is Kind.LEAF_LIST:
        return given.get("value", given.get("name", ""))
    keys = [given.get(key.name, "") for key in statement.keys]
    return KEY_SEPARATOR.join(keys) if any(keys) else ""


def _marks_only(edit: Edit) -> bool:
    return edit.activate is not None or edit.protect is not None


class _Attribute:
    """An attribute's values, what it is about, and what it says of an edit.

    Of those that are about one thing a statement has one.
    """

    def __init__(
        self, values: tuple[str, ...], about: str, say: Callable[[Edit, str], None]
    ) -> None:
        self.values = values
        self.about = about
        self.say = say


def _operation(edit: Edit, value: str) -> None:
    edit.operation = Operation(value)


def _junos(operation: Operation) -> Callable[[Edit, str], None]:
    def say(edit: Edit, value: str) -> None:
        edit.operation = operation

    return say


def _activate(wanted: bool) -> Callable[[Edit, str], None]:
    def say(edit: Edit, value: str) -> None:
        edit.activate = wanted if value != "false" else not wanted

    return say


def _protect(wanted: bool) -> Callable[[Edit, str], None]:
    def say(edit: Edit, value: str) -> None:
        edit.protect = wanted if value != "false" else not wanted

    return say


ATTRIBUTES = {
    "operation": _Attribute(tuple(o.value for o in Operation), "operation", _operation),
    "delete": _Attribute(("delete", ""), "operation", _junos(Operation.DELETE)),
    "replace": _Attribute(("replace", ""), "operation", _junos(Operation.REPLACE)),
    "create": _Attribute(("create", ""), "operation", _junos(Operation.CREATE)),
    "inactive": _Attribute(("inactive", ""), "activity", _activate(False)),
    "active": _Attribute(("active", "true", "false", ""), "activity", _activate(True)),
    "protect": _Attribute(("protect", "true", "false", ""), "protection", _protect(True)),
    "unprotect": _Attribute(("unprotect", ""), "protection", _protect(False)),
}
_READ_ONLY = frozenset(("changed", "key"))


def _only_says(attribute: str) -> bool:
    """True for an attribute that a reply has and that asks for nothing when it is loaded."""
    return attribute == SPACE or own_name(attribute) in _READ_ONLY or is_style(attribute)

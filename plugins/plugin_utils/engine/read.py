# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings out of a configuration: Junos XML, JSON, set lines or curly-brace text.

Only ``/configuration/PREFIX`` is a device's own: configuration groups, logical systems and tenants
hold the same statements for somebody else. Text in which no configuration is recognised is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..errors import MalformedReply
from ..netconf.libraries import etree
from ..netconf.xml import child as child_of
from ..netconf.xml import local_name, parse_document, text_of
from .curly import Written, statements
from .elements import elements_of_json, take_elements
from .found import APPLY_GROUPS, OTHERS, Found
from .hierarchies import TOP
from .lines import VERBS, about, lines_of, take_lines
from .match import Entries, Place, follow
from .reply import configuration_of, whole
from .schema import Container, Path
from .terminal import Cut, cut_of
from .text import take_curly
from .tree import Reading
from .words import Scanner

Ways = Mapping[str, Path]
_TEXTS = ("configuration-set", "configuration-text", "configuration-json", "output")
_MARKS = frozenset("{;")
"""Without either, a text is none with curly braces."""
_COMMENT = re.compile(r"^[ \t]*/\*.*?\*/", re.M | re.S)


def read_text(prefix: Path, root: Container, ways: Ways, text: str) -> Reading:
    """The settings in a configuration of any form. Raises MalformedReply.

    ``ways`` are the names that tell text from ``[edit PREFIX]``, and from places inside it, from
    text from anywhere else.
    """
    reader = _Reader(prefix, whole(prefix, root), ways)
    try:
        reader.take(cut_of(text))
    except MalformedReply as error:
        raise MalformedReply(f"running_config: {error}") from None
    except RecursionError:
        raise MalformedReply("running_config: nested too deeply to be a configuration") from None
    return reader.found.reading(prefix, root)


class _Reader:
    """One text, whose form is found out."""

    def __init__(self, prefix: Path, node: Container, ways: Ways) -> None:
        self.found = Found()
        self._prefix, self._node, self._ways = prefix, node, ways

    def take(self, cut: Cut) -> None:
        """Put a text into what was found. Raises MalformedReply."""
        cut.refuse_part(self._prefix)
        if cut.text.startswith("<"):
            self._take_xml(cut.text)
        elif cut.text.startswith("{"):
            take_elements(self.found, self._node, elements_of_json(cut.text))
        elif _first_word(cut) in VERBS:
            self._take_commands(cut)
        elif _MARKS.isdisjoint(cut.text):
            raise self._not_recognised()
        else:
            self._take_statements(cut)

    def _take_commands(self, cut: Cut) -> None:
        commands = list(lines_of(_COMMENT.sub(_same_lines, cut.text), cut.first))
        heads = [head for _number, command in commands if (head := about(command))]
        if commands[0][1][0] == "edit":
            heads = heads[:1]
        from_top = cut.where[:1] == self._prefix[:1] and any(
            head[0] == self._prefix[0] for head in heads
        )
        where = () if cut.absolute or (from_top and not cut.relative) else cut.where
        take_lines(self.found, self._start(where, heads), commands)

    def _take_statements(self, cut: Cut) -> None:
        written = statements(cut.text, cut.first)
        start = self._start(cut.where, [statement.words for statement in written])
        if not cut.where:
            _refuse_strangers(start, written)
        take_curly(self.found, start, written)

    def _take_xml(self, text: str) -> None:
        root = parse_document(text.encode())
        _refuse_errors(root)
        element = configuration_of(root)
        if element is None:
            element = self._put_back(root)
        if element is not None:
            take_elements(self.found, self._node, element)
        else:
            self.take(cut_of(_text_in(root)))

    def _put_back(self, part: etree._Element) -> etree._Element | None:
        """A part of a configuration by itself, where it belongs in a whole one."""
        around = self._around(local_name(part))
        if around is None:
            return None
        for name in (*reversed(around), "configuration"):
            outer = etree.Element(name)
            outer.append(part)
            part = outer
        return part

    def _around(self, name: str) -> Path | None:
        """What a statement of that name stands in."""
        if name in self._prefix:
            return self._prefix[: self._prefix.index(name)]
        # Names right below the prefix may be those of other hierarchies, too.
        way = self._ways.get(name)
        return (*self._prefix, *way) if way else None

    def _start(self, where: Path, heads: Sequence[Sequence[str]]) -> Place:
        """Where a text's first level stands in the configuration."""
        # Groups are applied at any level: they tell none where something else stands beside them.
        firsts = {head[0] for head in heads}
        firsts = firsts - {APPLY_GROUPS} or firsts
        if where:
            return self._below(where, firsts)
        if firsts & TOP:
            return self._at(())
        for level in range(1, len(self._prefix)):
            if self._prefix[level] in firsts:
                return self._at(self._prefix[:level])
        for first in firsts & self._ways.keys():
            return self._at((*self._prefix, *self._ways[first]))
        raise self._not_recognised()

    def _at(self, path: Path) -> Place:
        return follow(self.found, Place(self._node, self.found.tree), path)

    def _below(self, where: Path, firsts: set[str]) -> Place:
        """The level that a text says it is shown from."""
        place = self._at(where)
        if isinstance(place.node, Entries) and place.node.entries.said in firsts:
            # Entries that are shown for their list's sake are shown with its word all the same.
            place = self._at(where[:-1])
        if not place.known or where[0] in OTHERS:
            raise MalformedReply(
                f"this is [edit {' '.join(where)}], which holds nothing of "
                f"[edit {' '.join(self._prefix)}]"
            )
        # A show of some level further up, whose answer stands under this level's heading.
        for first in firsts.intersection(where) - place.node.by_word.keys():
            raise MalformedReply(f"{first!r} does not stand in [edit {' '.join(where)}]")
        return place

    def _not_recognised(self) -> MalformedReply:
        return MalformedReply(
            "no Junos configuration is recognised in it; give a device's configuration, or the "
            f"part below [edit {' '.join(self._prefix)}], as text, set lines, XML or JSON"
        )


def _first_word(cut: Cut) -> str:
    scanner = Scanner(cut.text, cut.first)
    try:
        return next(iter(scanner), "")
    except MalformedReply as error:
        raise MalformedReply(f"line {scanner.line}: {error}") from None


def _refuse_strangers(start: Place, written: Sequence[Written]) -> None:
    """Words before a hierarchy's name that no configuration has there, such as somebody's SET."""
    for statement in written:
        first, *rest = statement.words
        known = first in TOP or first in start.node.by_word
        if not known and not TOP.isdisjoint(rest):
            said = f"no statement of a configuration begins with {first!r}"
            raise MalformedReply(f"line {statement.line}: {said}")


def _same_lines(comment: re.Match[str]) -> str:
    return "\n" * comment[0].count("\n")


def _refuse_errors(root: etree._Element) -> None:
    """What stands beside an error may be half of what there is."""
    for error in root.iter("{*}rpc-error"):
        if text_of(child_of(error, "error-severity")) != "warning":
            said = text_of(child_of(error, "error-message"))
            raise MalformedReply(f"it holds an error of the device: {said or 'no reason given'}")


def _text_in(root: etree._Element) -> str:
    """The configuration that stands in a reply as text."""
    texts = [element for element in root.iter("*") if local_name(element) in _TEXTS]
    # A reply in JSON has it as its own text.
    texts = texts or [root] * text_of(root).startswith("{")
    if len(texts) > 1:
        raise MalformedReply("it holds more than one configuration")
    if not texts:
        raise MalformedReply(f"<{local_name(root)}> holds no Junos configuration")
    return texts[0].text or ""

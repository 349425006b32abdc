# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Replies about keys and associations, read through the tables of :mod:`.shows`.

A reply is read completely, or it is not understood: nothing is absent because a word was not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..netconf.libraries import etree
from ..netconf.xml import local_name, text_of
from .doubts import Doubts
from .shows import ASIDE, IDENTITY, NUMBERS, SYSTEM, TEXTS, Show
from .vocabulary import is_of_another, plain

Entry = dict[str, Any]
_AROUND = frozenset(("multi-routing-engine-results", "rpc-reply", "data"))
_ITEM, _NODE, _TEXT = "multi-routing-engine-item", "re-name", "output"
_SILENT = frozenset(("", _NODE, "rpc-error", "warning"))
"""Comments, and what is read elsewhere."""
_NODE_FIELD = "node"
_SECONDS = re.compile(
    r"(?:expires in )?(?P<number>\d{1,20})(?: ?(?:s|secs?|seconds))?", re.IGNORECASE
)


@dataclass
class Shown(Doubts):
    """What was read of a reply. It is all of it only when nothing is ``unclear``."""

    entries: list[Entry] = field(default_factory=list)
    unknown: dict[str, None] = field(default_factory=dict)
    answered: bool = False

    @property
    def hollow(self) -> str:
        """An answer without an entry."""
        return "" if self.entries else "nothing"


def put(shown: Shown, entry: Entry, word: str, text: str) -> None:
    """A value of an entry, by the word that a device has for it."""
    name = NUMBERS.get(word) or TEXTS.get(word)
    if name is None:
        entry.setdefault("other", {})[word] = text
        shown.unknown[word] = None
        return
    value = _number(text) if word in NUMBERS else text
    if name == IDENTITY and not isinstance(value, int):
        shown.doubt(f"{word} {text!r}: a number is expected")
    if entry.setdefault(name, value) != value:
        shown.doubt(f"{word} is {entry[name]!r} and {value!r}")


def _number(text: str) -> int | str:
    """A number, of seconds where it is a time; another word stays what it is."""
    match = _SECONDS.fullmatch(text)
    return int(match["number"]) if match else text


def read_elements(show: Show, reply: etree._Element) -> Shown:
    """Everything that a reply says."""
    reader = _Elements(show)
    reader.walk(reply, {})
    if any(entry.keys() <= {_NODE_FIELD} for entry in reader.shown.entries):
        reader.shown.doubt("an entry of which nothing is told")
    if not reader.shown.answered and not reader.shown.unclear:
        reader.shown.doubt(f"a reply without <{min(show.roots)}>")
    return reader.shown


def _is_aside(word: str, text: str) -> bool:
    """Whether a value says nothing about an entry, as that it is the device's own."""
    return word in ASIDE or (TEXTS.get(word) == SYSTEM and not is_of_another(text))


def _is_silent(element: etree._Element) -> bool:
    return not len(element) and _is_aside(local_name(element), text_of(element))


class _Elements:
    """One reply, in XML."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self.shown = Shown()

    def walk(self, element: etree._Element, context: Entry) -> None:
        """What stands in a reply, or in the answer of one node."""
        before, current = len(self.shown.entries), None
        self._loose(element)
        for child in element:
            name = local_name(child)
            if name in self._show.entries:
                self._entry(child, context)
            elif self._leads_on(child, name, context) or name in _SILENT or _is_silent(child):
                continue
            elif name == self._show.first or current is not None:
                current = self._flat(child, name, context, current)
            elif name not in self._show.total:
                self._left_over(child, name)
        self._count(element, len(self.shown.entries) - before)

    def _count(self, element: etree._Element, read: int) -> None:
        """Compare with the device's own number of entries, where it has one."""
        totals = [text_of(part) for part in element if local_name(part) in self._show.total]
        if any(total != str(read) for total in totals):
            self.shown.doubt(f"entries read: {read}, where the device counts {totals[0]}")

    def _leads_on(self, child: etree._Element, name: str, context: Entry) -> bool:
        """Whether entries stand further inside."""
        if name in self._show.roots or name == _TEXT:
            self.shown.answered = True
        if name == _TEXT:
            self._lines(text_of(child), context)
        elif name == _ITEM:
            self._item(child, context)
        elif name in self._show.blocks:
            self._block(child, context)
        elif name in self._show.roots or name in _AROUND:
            self.walk(child, context)
        else:
            return False
        return True

    def _lines(self, text: str, context: Entry) -> None:
        """The CLI's text: one without an entry says that there is none."""
        if not text:
            self.shown.doubt("an answer without a word")
        before = len(self.shown.entries) + len(self.shown.unclear)
        for line in read_lines(text, self.shown, context):
            self.shown.doubt(line)
        told = len(self.shown.entries) + len(self.shown.unclear) > before
        if text and not told and not _SAYS_NONE.search(text):
            self.shown.doubt("a heading without an entry")

    def _item(self, element: etree._Element, context: Entry) -> None:
        """What one node of a chassis cluster answers."""
        node = next((text_of(part) for part in element if local_name(part) == _NODE), "")
        before, self.shown.answered = self.shown.answered, False
        entries = len(self.shown.entries)
        self.walk(element, {**context, **({_NODE_FIELD: node} if node else {})})
        if not self.shown.answered and len(self.shown.entries) == entries:
            self.shown.doubt(f"{node or 'a node'} gave no answer")
        self.shown.answered = self.shown.answered or before

    def _loose(self, element: etree._Element) -> None:
        """Text beside elements, or in their place, which nothing claims."""
        texts = [element.text, *(child.tail for child in element)]
        text = " ".join(filter(None, (text and text.strip() for text in texts)))
        if text:
            self.shown.doubt(f"{text!r} in <{local_name(element)}>")

    def _block(self, element: etree._Element, context: Entry) -> None:
        """The entries of a block, each with what belongs to all of them."""
        block = dict(context)
        self._values(element, block, self._show.entries | self._show.total)
        entries = [part for part in element if local_name(part) in self._show.entries]
        for entry in entries:
            self._entry(entry, block)
        self._count(element, len(entries))
        counted = any(local_name(part) in self._show.total for part in element)
        if not entries and not counted:
            self.shown.doubt(f"<{local_name(element)}> without an entry that is known")

    def _entry(self, element: etree._Element, context: Entry) -> None:
        own: Entry = {}
        self._values(element, own, frozenset())
        if not own:
            self.shown.doubt(f"<{local_name(element)}> of which nothing is told")
        self.shown.entries.append({**context, **own})

    def _flat(
        self, child: etree._Element, name: str, context: Entry, current: Entry | None
    ) -> Entry:
        """A value of an entry that has no element of its own."""
        if name == self._show.first or current is None:
            current = dict(context)
            self.shown.entries.append(current)
        if len(child):
            self._values(child, current, frozenset())
        elif text_of(child):
            put(self.shown, current, name, text_of(child))
        return current

    def _values(self, element: etree._Element, into: Entry, but: frozenset[str]) -> None:
        """The values inside an element, however deep."""
        self._loose(element)
        for child in element:
            name = local_name(child)
            if not name or name in but or _is_silent(child):
                continue
            if name in self._show.lists:
                inside: Entry = {}
                self._values(child, inside, frozenset())
                into.setdefault(self._show.lists[name], []).append(inside)
            elif len(child):
                self._values(child, into, but)
            elif text_of(child):
                put(self.shown, into, name, text_of(child))

    def _left_over(self, element: etree._Element, name: str) -> None:
        """What no entry claims: it may be an entry in words that nobody here knows."""
        said = [text_of(part) for part in element.iter(etree.Element)]
        self.shown.doubt(f"<{name}>{' '.join(filter(None, said))}</{name}>")


# The CLI's text

_LABEL = re.compile(r"(?:^|,\s*|\s{2,})(?P<label>[A-Za-z][A-Za-z0-9 /_-]*?)\s*:(?:\s+|$)")
_SAYS_NONE = re.compile(r"^\s*total\b[^:]*:\s*0+\s*$", re.IGNORECASE | re.MULTILINE)
_RULE = re.compile(r"[-=\s]*|\{\w+:node\d+\}|\S+@\S+[>#%].*")
_CELLS = re.compile(r"\s{2,}")
_COLUMN_WORDS = {"life:sec": "life-sec", "gid": "gid", "groupid": "groupid"}


def read_lines(text: str, shown: Shown, context: Mapping[str, Any]) -> Iterator[str]:
    """Put the entries of a CLI text into what is shown; the lines that are not understood.

    An entry begins where a label comes again, or with each row below a line of column names.
    """
    entry: Entry | None = None
    columns: list[str] = []
    for line in text.splitlines():
        short = line.strip()
        if _RULE.fullmatch(short):
            continue
        labels = list(_labelled(short))
        names = _columns(short)
        if labels:
            entry = _labels(shown, context, labels, entry)
        elif names:
            columns, entry = names, None
        elif not (columns and _row(shown, context, columns, short)):
            yield short


def _labelled(line: str) -> Iterator[tuple[str, str]]:
    matches = list(_LABEL.finditer(line))
    if not matches or matches[0].start() != 0:
        return
    ends = [match.start() for match in matches[1:]] + [len(line)]
    for match, end in zip(matches, ends, strict=True):
        yield plain(match["label"]), line[match.end() : end].strip().rstrip(",")


def _labels(
    shown: Shown, context: Mapping[str, Any], labels: list[tuple[str, str]], entry: Entry | None
) -> Entry | None:
    for word, value in labels:
        name = NUMBERS.get(word) or TEXTS.get(word)
        if _is_aside(word, value) or word.startswith("total-"):
            continue
        if not value:
            if entry is not None and name in entry:
                shown.doubt(f"{word}: an entry begins, and nothing is told of it")
            continue
        if entry is None or (name is not None and name in entry):
            entry = dict(context)
            shown.entries.append(entry)
        put(shown, entry, word, value)
    return entry


def _columns(line: str) -> list[str]:
    """The columns that a line names; none when one of them is not known."""
    cells = [_COLUMN_WORDS.get(cell.lower(), plain(cell)) for cell in _CELLS.split(line)]
    known = all(c in NUMBERS or c in TEXTS or c in _COLUMN_WORDS.values() for c in cells)
    return cells if known and len(cells) > 1 else []


def _row(shown: Shown, context: Mapping[str, Any], columns: list[str], line: str) -> bool:
    cells = line.split() if len(line.split()) == len(columns) else _CELLS.split(line)
    if len(cells) != len(columns):
        return False
    entry: Entry = dict(context)
    for word, cell in zip(columns, cells, strict=True):
        if not _is_aside(word, cell):
            put(shown, entry, word, cell)
    shown.entries.append(entry)
    return True

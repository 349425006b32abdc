# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ``registered-members`` reply, read as a stream that keeps its result alone.

Elements are matched by local name through :mod:`.vocabulary`. Text that nothing claims is not
understood: the reader says so, and its caller asks for the CLI's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..errors import DeviceError, MalformedReply
from ..netconf.libraries import etree
from .assembler import Assembler
from .model import Reading
from .text import STEP, read_text
from .vocabulary import ASIDE, NODE, place_of

REPLY_ROOT = "security-group-vpn-server-registered-members"
RPC_NAME = f"get-{REPLY_ROOT}"

_TEXT = "output"
_ITEM = "multi-routing-engine-item"
_ERRORS = ("rpc-error", "error", "warning")
_TELLING = frozenset({*_ERRORS, _ITEM, REPLY_ROOT})
_AROUND = frozenset({"rpc-reply", "data", "ok", "cli", "multi-routing-engine-results", _TEXT})
"""What may be empty beside the list."""
_NEEDED = frozenset({"group.name", "group.count", "member.address"})
_DEEPEST = 64
_MEMBER = "member."


def read_reply(pieces: Iterable[bytes]) -> Reading:
    """Everything that a reply says, which comes in pieces; CLI text in it is read too.

    Raises DeviceError for an error in the reply, in whatever form, and MalformedReply for one
    that is cut off, damaged or hostile.
    """
    target = _Target()
    # NETCONF is UTF-8 (RFC 6241 §3): what announces another encoding could hide a document type.
    parser = etree.XMLParser(
        target=target,
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
    )
    try:
        for piece in _harmless(pieces):
            parser.feed(piece)
        reading: Reading = parser.close()
    except etree.XMLSyntaxError as error:
        raise MalformedReply(f"registered-members: malformed or cut off reply: {error}") from None
    return reading


def _harmless(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of a document without a document type, from its first element on."""
    tail = b""
    started = False
    for piece in pieces:
        guard = tail + piece
        if b"<!DOCTYPE" in guard or b"<!ENTITY" in guard:
            raise MalformedReply("XML with a document type or entities is refused")
        tail = guard[-16:]
        begun = piece if started else piece.lstrip()
        started = started or bool(begun)
        yield begun


class _Meaning(NamedTuple):
    """What an element is, by its name and that of the one that holds it.

    ``tells``: it means something before it ends. ``needed``: where it is empty, something is lost.
    """

    name: str
    place: str | None
    of_member: str
    tells: bool
    needed: bool


def _meaning(tag: str, holder: str) -> _Meaning:
    name = tag.rpartition("}")[2]
    place = place_of(name, holder)
    of_member = place.removeprefix(_MEMBER) if place and place.startswith(_MEMBER) else ""
    tells = name in _TELLING
    needed = not tells and name not in _AROUND and (place is None or place in _NEEDED)
    return _Meaning(name, place, of_member, tells, needed)


_Frame = tuple[_Meaning, int]
"""An open element, and its number."""


class _Target:
    """What lxml's parser tells, element by element."""

    def __init__(self) -> None:
        self._out = Assembler()
        self._frames: list[_Frame] = []
        self._text: list[str] = []
        self._known: dict[tuple[str, str], _Meaning] = {}
        self._count = 0
        self._found: list[Reading] = []
        self._node: str | None = None
        self._answered = False
        self._rooted = False
        # How much was told before the list began.
        self._before = 0
        self._error: dict[str, str] | None = None
        self._error_at = 0
        self._errors: list[str] = []
        self._warnings: list[str] = []

    # The parser's calls

    def start(self, tag: str, attributes: Any) -> None:
        """An element begins."""
        frames = self._frames
        holder = frames[-1][0].name if frames else ""
        if self._text:
            self._unclaimed(holder)
        meaning = self._known.get((tag, holder))
        if meaning is None:
            meaning = self._known[tag, holder] = _meaning(tag, holder)
        if len(frames) >= _DEEPEST:
            raise MalformedReply(f"registered-members: elements nested deeper than {_DEEPEST}")
        self._count += 1
        frames.append((meaning, self._count))
        if meaning.tells:
            self._told(meaning.name)
        # To walk through none is dear, and most have none.
        if attributes:
            for attribute, value in attributes.items():
                self._attribute(meaning.name, attribute.rpartition("}")[2], value)

    def _attribute(self, name: str, attribute: str, value: str) -> None:
        """What is told of a member in an attribute is not understood, and not nothing."""
        if self._error is None and place_of(attribute) is not None:
            self._out.reading.doubt(f"{self._where()}{attribute} {value!r} in <{name}>")

    def _told(self, name: str) -> None:
        """An element begins that means something before it ends."""
        if name in _ERRORS and self._error is None:
            self._error, self._error_at = {}, len(self._frames)
        elif name == REPLY_ROOT:
            self._answered = self._rooted = True
            self._before = self._told_yet
        elif name == _ITEM:
            self._node, self._answered = None, False

    def data(self, text: str) -> None:
        """Characters, in as many calls as the parser likes."""
        self._text.append(text)

    def end(self, tag: str) -> None:
        """An element ends."""
        meaning, number = self._frames.pop()
        # Nothing has begun since it did.
        leaf = number == self._count
        if self._error is not None:
            self._end_in_error(self._error, meaning.name, leaf)
        elif not leaf:
            self._end_holder(meaning.name, number)
        elif meaning.name == _ITEM:
            self._end_item()
        elif self._text:
            content, self._text = "".join(self._text).strip(), []
            if content and meaning.of_member and self._frames:
                self._out.member_value(meaning.of_member, content, self._frames[-1][1])
            elif content:
                self._leaf(meaning, content)
        else:
            self._end_empty(meaning)

    def _end_empty(self, meaning: _Meaning) -> None:
        if meaning.of_member == "gateway" and self._frames:
            # A member has begun, though nothing else may follow.
            self._out.member_value("gateway", "", self._frames[-1][1])
        elif meaning.needed:
            self._out.reading.doubt(f"{self._where()}an empty <{meaning.name}>")

    def close(self) -> Reading:
        """Nothing follows."""
        whole = self._out.finished()
        if not self._rooted:
            self._doubt_bare_names(whole)
        for part in self._found:
            whole.groups += part.groups
            for doubt in part.unclear:
                whole.doubt(doubt)
        whole.warnings = self._warnings
        if self._errors:
            raise DeviceError(STEP, list(dict.fromkeys(self._errors)))
        if not (self._answered or whole.groups or whole.unclear):
            whole.doubt("a reply without a list of registered members")
        return whole

    @staticmethod
    def _doubt_bare_names(whole: Reading) -> None:
        """Other answers than this list name groups, too."""
        for group in whole.groups:
            if group.count is None and not group.members:
                whole.doubt(
                    f"group {group.name}: neither a list nor a count, without <{REPLY_ROOT}>"
                )

    # What they mean

    def _end_holder(self, name: str, number: int) -> None:
        """An element ends that others were in."""
        if self._text:
            self._unclaimed(name)
        if name == _ITEM:
            self._end_item()
        self._out.close(number)
        if name == REPLY_ROOT and self._told_yet == self._before:
            self._out.reading.doubt(f"{self._where()}a heading without a list")

    def _leaf(self, meaning: _Meaning, content: str) -> None:
        if meaning.name == _TEXT:
            self._answered = True
            self._found.append(read_text(content, self._node))
        elif meaning.place is None:
            self._out.reading.doubt(f"{self._where()}<{meaning.name}>{content}</{meaning.name}>")
        else:
            if meaning.place == NODE:
                self._node = content
            elif meaning.place != ASIDE:
                self._answered = True
            holder = self._frames[-1][1] if self._frames else 0
            self._out.value(meaning.place, content, holder)

    def _unclaimed(self, name: str) -> None:
        """Text beside elements."""
        text = "".join(self._text).strip()
        self._text.clear()
        if text and self._error is None:
            self._out.reading.doubt(f"{self._where()}{text!r} in <{name}>")

    @property
    def _told_yet(self) -> int:
        """How much was said until now, by the list or instead of it."""
        return self._out.said + len(self._found) + len(self._warnings)

    def _where(self) -> str:
        return f"{self._node}: " if self._node else ""

    def _end_item(self) -> None:
        if not self._answered:
            self._out.reading.doubt(f"{self._node or 'a node'} gave no list")
        self._out.node(None)
        self._node, self._answered = None, True

    def _end_in_error(self, error: dict[str, str], name: str, leaf: bool) -> None:
        text = " ".join("".join(self._text).split())
        self._text.clear()
        if leaf and text:
            error.setdefault(name, text)
        if len(self._frames) + 1 > self._error_at:
            return
        self._error = None
        message = error.get("error-message") or error.get("message") or error.get(name, "")
        bad = error.get("bad-element", "")
        words = f"{self._where()}{message or name}{f' ({bad})' if bad else ''}"
        if name == "warning" or error.get("error-severity", "").lower() == "warning":
            self._warnings.append(words)
        else:
            self._errors.append(words)

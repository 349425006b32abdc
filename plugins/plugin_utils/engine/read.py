# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings out of a configuration: Junos XML, JSON, set lines or curly-brace text.

Only ``/configuration/PREFIX`` is a device's own: configuration groups, logical systems and tenants
hold the same statements for somebody else. Text in which no configuration is recognised is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import MalformedReply
from ..netconf.libraries import etree
from ..netconf.xml import child as child_of
from ..netconf.xml import local_name, parse_document, text_of
from .curly import Written, statements
from .elements import elements_of_json, take_elements
from .found import APPLY_GROUPS, Found
from .hierarchies import TOP
from .match import Entries, Place, follow
from .reply import configuration_of, whole
from .schema import Container, Path
from .text import LINE_END, VERBS, about, acts, lines_of, take_curly, take_lines
from .tree import Reading
from .words import Scanner

Ways = Mapping[str, Path]
_TEXTS = ("configuration-set", "configuration-text", "configuration-json", "output")
# user@host>, of a logical system user@host:LS>; without a host name, only in front of a command.
_PROMPT = re.compile(
    r"^\s*(?:[\w.-]+@[\w.-]*(?::(?P<of>[\w.-]+))?[>#%]\s*(?P<said>.*)"
    r"|[\w.-]+[>#%]\s*(?P<asked>(?:run\s+)?show\b.*|))$"
)
_MASTERSHIP = r"\{(?:[a-z-]+:)?[\w.-]+(?::[\w.-]+)*\}"
_BANNER = re.compile(
    rf"^\s*(?:{_MASTERSHIP}|(?:Entering|Exiting) configuration mode|(?:commit|load) complete"
    r"|Last login: .*|--- JUNOS .*)\s*$"
)
# In a cluster the mastership and the level stand on one line.
_EDIT = re.compile(rf"^\s*(?:{_MASTERSHIP}\s*)?\[edit((?:\s+[^\]]*)?)\]\s*$")
_PARTS = frozenset(("match", "except", "find", "last", "count"))
"""Behind a pipe, what keeps some of the lines."""
_MARKS = frozenset("{;")
"""Without either, a text is none with curly braces."""
_COMMENT = re.compile(r"^[ \t]*/\*.*?\*/", re.M | re.S)
_MORE = re.compile(r"^-+\(more(?:\s+\d+%)?\)-+\s*")


def read_text(prefix: Path, root: Container, ways: Ways, text: str) -> Reading:
    """The settings in a configuration of any form. Raises MalformedReply.

    ``ways`` are the names that tell text from ``[edit PREFIX]``, and from places inside it, from
    text from anywhere else.
    """
    found, node = Found(), whole(prefix, root)
    try:
        _take(found, node, _Cut.of(text), prefix, ways)
    except MalformedReply as error:
        raise MalformedReply(f"running_config: {error}") from None
    except RecursionError:
        raise MalformedReply("running_config: nested too deeply to be a configuration") from None
    return found.reading(prefix, root)


def _take(found: Found, node: Container, cut: _Cut, prefix: Path, ways: Ways) -> None:
    _refuse_part(cut, prefix)
    if cut.text.startswith("<"):
        _take_xml(found, node, cut, prefix, ways)
    elif cut.text.startswith("{"):
        take_elements(found, node, elements_of_json(cut.text))
    elif _first_word(cut) in VERBS:
        commands = list(lines_of(_COMMENT.sub(_same_lines, cut.text), cut.first))
        heads = [head for _number, command in commands if (head := about(command))]
        if commands[0][1][0] == "edit":
            heads = heads[:1]
        whole_paths = cut.where[:1] == prefix[:1] and prefix[0] in {head[0] for head in heads}
        if cut.absolute or (whole_paths and not cut.relative):
            cut = _Cut(cut.text, cut.first)
        take_lines(found, _start(found, node, cut, prefix, ways, heads), commands)
    else:
        if _MARKS.isdisjoint(cut.text):
            raise _not_recognised(prefix)
        written = statements(cut.text, cut.first)
        heads = [statement.words for statement in written]
        start = _start(found, node, cut, prefix, ways, heads)
        if not cut.where:
            _refuse_strangers(start, written)
        take_curly(found, start, written)


def _refuse_part(cut: _Cut, prefix: Path) -> None:
    """An answer without some of its lines; set lines that all name the hierarchy are whole."""
    pipe, *words_of_it = cut.part or ("",)
    pattern = " ".join(words_of_it).strip('"')
    whole = cut.absolute and pipe == "match" and pattern != "" and pattern in " ".join(prefix)
    if pipe and not whole:
        raise MalformedReply(
            f"'| {' '.join(cut.part)}' leaves out some of it; give the whole answer"
        )


def _first_word(cut: _Cut) -> str:
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
            said = f"{first!r} begins no statement of a configuration"
            raise MalformedReply(f"line {statement.line}: {said}")


def _same_lines(comment: re.Match[str]) -> str:
    return "\n" * comment[0].count("\n")


def _take_xml(found: Found, node: Container, cut: _Cut, prefix: Path, ways: Ways) -> None:
    root = parse_document(cut.text.encode())
    _refuse_errors(root)
    element = configuration_of(root)
    texts = [e for e in root.iter("*") if local_name(e) in _TEXTS]
    # A reply in JSON has it as its own text.
    texts = texts or [root] * text_of(root).startswith("{")
    around = _around(prefix, ways, local_name(root))
    if element is None and around is not None:
        # A part of a configuration by itself: put back where it belongs.
        for name in reversed(around):
            outer = etree.Element(name)
            outer.append(root)
            root = outer
        element = etree.Element("configuration")
        element.append(root)
    if element is not None:
        take_elements(found, node, element)
    elif len(texts) > 1:
        raise MalformedReply("it holds more than one configuration")
    elif texts:
        _take(found, node, _Cut.of(texts[0].text or ""), prefix, ways)
    else:
        raise MalformedReply(f"<{local_name(root)}> holds no Junos configuration")


def _refuse_errors(root: etree._Element) -> None:
    """What stands beside an error may be half of what there is."""
    for error in root.iter("{*}rpc-error"):
        if text_of(child_of(error, "error-severity")) != "warning":
            said = text_of(child_of(error, "error-message"))
            raise MalformedReply(f"it holds an error of the device: {said or 'without a word'}")


def _around(prefix: Path, ways: Ways, name: str) -> Path | None:
    """What a statement of that name stands in."""
    if name in prefix:
        return prefix[: prefix.index(name)]
    # Names right below the prefix may be those of other hierarchies, too.
    return (*prefix, *ways[name]) if ways.get(name) else None


def _start(
    found: Found,
    node: Container,
    cut: _Cut,
    prefix: Path,
    ways: Ways,
    heads: Sequence[Sequence[str]],
) -> Place:
    """Where a text's first level stands in the configuration."""
    # Groups are applied at any level: they tell none where something else stands beside them.
    firsts = {head[0] for head in heads}
    firsts = firsts - {APPLY_GROUPS} or firsts
    top = Place(node, found.tree)
    if cut.where:
        place = follow(found, top, cut.where)
        if isinstance(place.node, Entries) and place.node.entries.said in firsts:
            # Entries that are shown for their list's sake are shown with its word all the same.
            place = follow(found, top, cut.where[:-1])
        if not place.known:
            raise MalformedReply(
                f"this is [edit {' '.join(cut.where)}], which holds nothing of "
                f"[edit {' '.join(prefix)}]"
            )
        # A show of some level further up, whose answer stands under this level's heading.
        for first in firsts.intersection(cut.where) - place.node.by_word.keys():
            raise MalformedReply(f"{first!r} does not stand in [edit {' '.join(cut.where)}]")
        return place
    if firsts & TOP:
        return top
    for level in range(1, len(prefix)):
        if prefix[level] in firsts:
            return follow(found, top, prefix[:level])
    for first in firsts & ways.keys():
        return follow(found, top, (*prefix, *ways[first]))
    raise _not_recognised(prefix)


def _not_recognised(prefix: Path) -> MalformedReply:
    return MalformedReply(
        "no Junos configuration is recognised in it; give a device's configuration, or the part "
        f"below [edit {' '.join(prefix)}], as text, set lines, XML or JSON"
    )


@dataclass(frozen=True)
class _Cut:
    """A text without what a terminal puts around it.

    ``first``: the number of its first line. ``where``: where it says that it stands. ``absolute``:
    set lines from the top wherever that is, ``relative``: set lines from there. ``part``: what has
    left out some of its lines.
    """

    text: str
    first: int = 1
    where: tuple[str, ...] = ()
    absolute: bool = False
    relative: bool = False
    part: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> _Cut:
        """Prompts, banners and paging are taken off, whatever they tell is kept.

        Raises MalformedReply for what shows no configuration, or several.
        """
        edit: tuple[str, ...] = ()
        asked = _Asked()
        typed: tuple[str, ...] = ()
        kept: list[str] = []
        more, before = False, 0
        for line in LINE_END.split(text.removeprefix("\ufeff")):
            plain = _MORE.sub("", line)
            heading, prompt = _EDIT.match(plain), _PROMPT.match(plain)
            if heading and not kept:
                edit = tuple(heading[1].split())
            elif prompt and not kept:
                asked = _Asked.by(prompt)
                typed += asked.words[:1] if acts(asked.words) else ()
            elif prompt:
                more = more or _Asked.by(prompt).shows
            elif not (heading or _BANNER.match(plain)) and (kept or plain.strip()):
                if more and plain.strip():
                    raise MalformedReply(
                        "it holds the answers to several commands; give each alone"
                    )
                kept.append(plain)
                continue
            # A line that goes counts all the same.
            before += not kept
            kept += [""] * bool(kept)
        if typed and not kept:
            raise MalformedReply(
                f"{typed[0]!r} was typed at a prompt; give what 'show configuration' shows after it"
            )
        return asked.cut("\n".join(kept).strip(), 1 + before, edit)


@dataclass(frozen=True)
class _Asked:
    """What a prompt's line asks for; ``of``: the logical system that it belongs to."""

    words: tuple[str, ...] = ()
    behind: tuple[tuple[str, ...], ...] = ()
    of: str | None = None

    @classmethod
    def by(cls, prompt: re.Match[str]) -> _Asked:
        command, *pipes = (prompt["said"] or prompt["asked"] or "").split("|")
        return cls(tuple(command.split()), tuple(tuple(p.split()) for p in pipes), prompt["of"])

    @property
    def shows(self) -> bool:
        """Whether anything is asked for."""
        return "show" in self.words[:3]

    def cut(self, text: str, first: int, edit: tuple[str, ...]) -> _Cut:
        """The answer, from the level ``edit`` on."""
        words = self.words
        if self.of is not None:
            raise MalformedReply(
                f"this is of [edit logical-systems {self.of}], not the device's own"
            )
        if words[:1] == ("up",):
            raise MalformedReply("'up' says not from which level; give what 'show' shows there")
        if words[:1] == ("top",):
            edit, words = (), words[1:]
        if any(pipe[:1] == ("compare",) for pipe in self.behind):
            raise MalformedReply("this is a comparison, no configuration")
        if words[:1] == ("run",) or words[:2] == ("show", "configuration"):
            edit, words = (), words[1:] if words[0] == "run" else words
        if words[:1] == ("show",):
            edit = (*edit, *(words[2:] if words[1:2] == ("configuration",) else words[1:]))
        lines = [pipe for pipe in self.behind if pipe[:2] == ("display", "set")]
        relative = any("relative" in pipe for pipe in lines)
        part = next((pipe for pipe in self.behind if pipe[:1] and pipe[0] in _PARTS), ())
        return _Cut(text, first, edit, bool(lines) and not relative, relative, part)

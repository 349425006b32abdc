# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a terminal shows around a configuration: prompts, headings, banners, paging.

They are taken off, and tell where the text stands in the configuration and what of it is shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import MalformedReply
from .curly import A_COMPARISON
from .lines import acts
from .schema import Path
from .text import LINE_END

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
_MORE = re.compile(r"^-+\(more(?:\s+\d+%)?\)-+\s*")


@dataclass(frozen=True)
class Cut:
    """A text without what a terminal puts around it.

    ``first``: the number of its first line. ``where``: where it says that it stands. ``absolute``:
    set lines from the top wherever that is, ``relative``: set lines from there. ``part``: what has
    left out some of its lines.
    """

    text: str
    first: int = 1
    where: Path = ()
    absolute: bool = False
    relative: bool = False
    part: Path = ()

    def refuse_part(self, prefix: Path) -> None:
        """Raise MalformedReply where lines about ``prefix`` may be left out.

        Set lines that all name the hierarchy are whole.
        """
        pipe, *words = self.part or ("",)
        pattern = " ".join(words).strip('"')
        whole = self.absolute and pipe == "match" and pattern != "" and pattern in " ".join(prefix)
        if pipe and not whole:
            raise MalformedReply(
                f"'| {' '.join(self.part)}' leaves out some of it; give the whole answer"
            )


def cut_of(text: str) -> Cut:
    """What is left of a text, and what the rest told.

    Raises MalformedReply for what shows no configuration, or several.
    """
    screen = _Screen()
    for line in LINE_END.split(text.removeprefix("\ufeff")):
        screen.line(_MORE.sub("", line))
    return screen.cut()


class _Screen:
    """Lines of a terminal, one after the other."""

    def __init__(self) -> None:
        self._edit: Path = ()
        self._asked = _Asked()
        # The first word of each command that changes something.
        self._typed: Path = ()
        self._kept: list[str] = []
        self._before = 0
        self._shows_more = False

    def line(self, line: str) -> None:
        """Keep a line, or hear what it tells."""
        heading, prompt = _EDIT.match(line), _PROMPT.match(line)
        if prompt:
            self._prompted(_Asked.by(prompt))
        elif heading and not self._kept:
            self._edit = tuple(heading[1].split())
        elif not (heading or _BANNER.match(line)) and (self._kept or line.strip()):
            self._keep(line)
            return
        # A line that goes counts all the same.
        if self._kept:
            self._kept.append("")
        else:
            self._before += 1

    def _prompted(self, asked: _Asked) -> None:
        if self._kept:
            self._shows_more = self._shows_more or asked.shows
            return
        self._asked = asked
        self._typed += asked.words[:1] if acts(asked.words) else ()

    def _keep(self, line: str) -> None:
        if self._shows_more and line.strip():
            raise MalformedReply("it holds the answers to several commands; give each alone")
        self._kept.append(line)

    def cut(self) -> Cut:
        """What was kept."""
        if self._typed and not self._kept:
            raise MalformedReply(
                f"{self._typed[0]!r} was typed at a prompt; give what 'show configuration' shows "
                "after it"
            )
        return self._asked.cut("\n".join(self._kept).strip(), 1 + self._before, self._edit)


@dataclass(frozen=True)
class _Asked:
    """What a prompt's line asks for; ``of``: the logical system that it belongs to."""

    words: Path = ()
    behind: tuple[Path, ...] = ()
    of: str | None = None

    @classmethod
    def by(cls, prompt: re.Match[str]) -> _Asked:
        command, *pipes = (prompt["said"] or prompt["asked"] or "").split("|")
        return cls(tuple(command.split()), tuple(tuple(p.split()) for p in pipes), prompt["of"])

    @property
    def shows(self) -> bool:
        """Whether anything is asked for."""
        return "show" in self.words[:3]

    def cut(self, text: str, first: int, edit: Path) -> Cut:
        """The answer, from the level ``edit`` on."""
        self._refuse()
        lines = [pipe for pipe in self.behind if pipe[:2] == ("display", "set")]
        relative = any("relative" in pipe for pipe in lines)
        part = next((pipe for pipe in self.behind if pipe[:1] and pipe[0] in _PARTS), ())
        return Cut(text, first, self._level(edit), bool(lines) and not relative, relative, part)

    def _refuse(self) -> None:
        if self.of is not None:
            raise MalformedReply(
                f"this is of [edit logical-systems {self.of}], not the device's own"
            )
        if self.words[:1] == ("up",):
            raise MalformedReply("'up' does not say from which level; give what 'show' shows there")
        if any(pipe[:1] == ("compare",) for pipe in self.behind):
            raise MalformedReply(A_COMPARISON)

    def _level(self, edit: Path) -> Path:
        """Where the answer to it stands, when it is asked at ``edit``."""
        words = self.words
        if words[:1] in (("top",), ("run",)):
            edit, words = (), words[1:]
        if words[:2] == ("show", "configuration"):
            return words[2:]
        return (*edit, *words[1:]) if words[:1] == ("show",) else edit

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reader for what ``show | compare`` prints: the input of ``load patch``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .descent import Descent
from .edit import Edit, LoadError, MalformedConfiguration, Operation
from .read_text import keyed, read_text
from .schema import Statement
from .words import words_of_line

_HEADING = re.compile(r"\[edit(?: (?P<path>.*))?\]\s*")
_SIGNS = " +-!"
_COLLAPSED = "{ ... }"
_MARKS = ("inactive:", "active:")


def read_patch(root: Statement, text: str) -> tuple[list[Edit], list[LoadError]]:
    """Edits of a difference, in its order; what cannot be understood is reported."""
    edits: list[Edit] = []
    problems: list[LoadError] = []
    for path, lines in _sections(text):
        way = Descent(root, [])
        problem = way.walk(words_of_line(path))
        listed = way.listed
        if way.several or (problem is not None and listed is None):
            problems.append(problem or LoadError("[edit]", "[", "syntax error"))
            continue
        # A heading may end with a list whose entries share braces.
        statement = way.here if listed is None else keyed(listed)
        inner, wrong = read_text(statement, "\n".join(_as_text(lines)))
        problems += wrong
        # What comes takes the place of what excludes it: that is to go by its own line.
        inner.sort(key=lambda edit: edit.operation is not Operation.DELETE)
        for edit in inner:
            edit.statement = edit.statement if listed is None else listed
        for level in reversed(way.chain):
            level.children, inner = inner, [level]
        edits += inner
    return edits, problems


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    path, lines = None, []
    for line in text.splitlines():
        heading = _HEADING.fullmatch(line)
        if heading is None:
            if path is None and line.strip():
                raise MalformedConfiguration("syntax error: a patch begins with [edit ...]")
            lines.append(line)
            continue
        if path is not None:
            yield path, lines
        path, lines = heading["path"] or "", []
    if path is not None:
        yield path, lines


def _as_text(lines: list[str]) -> Iterator[str]:
    """Signed lines as curly-brace text whose statements say what becomes of them."""
    going = 0
    for line in filter(str.strip, lines):
        sign, rest = line[0], line[1:].strip()
        if sign not in _SIGNS:
            raise MalformedConfiguration(f"syntax error near '{line[:20]}'")
        opens = rest.endswith("{")
        if rest.endswith(_COLLAPSED):
            # What is in a branch whose activation changes is not shown; the rest is context.
            if rest.startswith(_MARKS):
                yield f"{rest.removesuffix(_COLLAPSED).strip()};"
        elif sign != "-":
            yield rest
        elif going:
            # A branch that goes, goes with all that is in it.
            going += 1 if opens else -1 if rest == "}" else 0
        else:
            going = 1 if opens else 0
            yield f"delete: {rest.removesuffix('{').strip()};" if opens else f"delete: {rest}"

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations that are written with curly braces, and what words do in any text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..errors import MalformedReply
from .curly import ACTIVE, DELETE, INACTIVE, REPLACE, Placed, Written
from .found import APPLY_GROUPS, GROUPS, Found
from .match import Place, follow, resolve
from .schema import Branch, List, Path
from .withheld import left_out

LINE_END = re.compile(r"\r\n|\r|\n")
"""Where lines end; other characters that Unicode calls line ends stand in descriptions."""
_GOES_FIRST = {DELETE, REPLACE}
"""Marks of a change: what stands so far goes, in the order of the text."""


def take_curly(found: Found, place: Place, written: Iterable[Written]) -> None:
    """Put statements into what was found, from ``place`` on."""
    for statement in written:
        try:
            _take(found, place, statement)
        except Placed:
            raise
        except MalformedReply as error:
            raise Placed(f"line {statement.line}: {error}") from None


def _take(found: Found, place: Place, statement: Written) -> None:
    if statement.marks & _GOES_FIRST:
        take_away(found, place, statement.words)
    if DELETE in statement.marks or _applies_nothing(statement):
        return
    reached = follow(found, place, statement.words)
    if reached.known:
        if statement.left_out:
            raise left_out(" ".join(["[edit", *reached.path]) + "]", statement.left_out)
        _mark(found, statement.marks, reached.first)
        take_curly(found, reached, statement.inside)
    elif reached.path == (GROUPS,):
        define_groups(found, place.node, statement)


def _mark(found: Found, marks: frozenset[str], path: Path) -> None:
    if INACTIVE in marks:
        found.inactive.add(path)
    if ACTIVE in marks:
        found.inactive.discard(path)


def take_away(found: Found, place: Place, path: Sequence[str]) -> None:
    """Take away what words name, or groups that are applied there."""
    where, groups = named(place, path), applied(place, path)
    if groups is not None:
        found.apply_no_more(*groups)
    elif where == place.path:
        # As the CLI: without words, everything below where one is.
        found.apply_no_more(where)
        for name in [*place.tree]:
            found.delete((*where, name))
    elif where is not None:
        found.delete(where)


def named(place: Place, path: Sequence[str]) -> Path | None:
    """The path of what words name at a place; None when they lead out of the tables."""
    found = resolve(place, path)
    return None if found is None else (*place.path, *found)


def applied(place: Place, path: Sequence[str]) -> tuple[Path, list[str]] | None:
    """Where a path that leads to groups that are applied leads to, and which they are."""
    if APPLY_GROUPS not in path:
        return None
    at = path.index(APPLY_GROUPS)
    where = named(place, path[:at])
    return None if where is None else (where, [n for n in path[at + 1 :] if n not in ("[", "]")])


def _applies_nothing(statement: Written) -> bool:
    """Groups that are named and not applied."""
    return INACTIVE in statement.marks and statement.words[0] == APPLY_GROUPS


def define_groups(found: Found, node: Branch, statement: Written) -> None:
    """Configuration groups: only which of them touch the hierarchy matters."""
    groups = statement.inside
    if statement.words[1:]:
        groups = [Written(statement.words[1:], inside=groups)]
    for group in groups:
        touches = bool(statement.left_out or group.left_out) or _touches(group.inside, node)
        found.group(group.words[0], touches)


def _touches(inside: Iterable[Written], node: Branch) -> bool:
    """Whether statements lead to where the tables are; wildcards and groups they apply may."""
    for statement in inside:
        child = node.by_word.get(statement.words[0])
        if statement.words[0] == APPLY_GROUPS or statement.words[0].startswith("<"):
            return True
        if child is None:
            continue
        if statement.left_out or not isinstance(child, Branch) or not child.partial:
            return True
        behind = statement.words[1 + child.width if isinstance(child, List) else 1 :]
        inside = [Written(behind, inside=statement.inside)] if behind else statement.inside
        if _touches(inside, child):
            return True
    return False

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations that are written as text: curly braces, and lines of commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ..errors import MalformedReply
from .curly import ACTIVE, DELETE, INACTIVE, REPLACE, Placed, Written
from .found import APPLY_GROUPS, GROUPS, Found
from .hierarchies import TOP
from .match import Place, follow, resolve
from .schema import Branch, List, Path, Tree
from .tree import is_there, parent_of
from .withheld import left_out
from .words import Quoted, refuse_apostrophes, words

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
        _delete(found, place, statement.words)
    if DELETE in statement.marks or _applies_nothing(statement):
        return
    reached = follow(found, place, statement.words)
    if reached.known:
        if statement.left_out:
            raise left_out(" ".join(["[edit", *reached.path]) + "]", statement.left_out)
        _mark(found, statement.marks, reached.first)
        take_curly(found, reached, statement.inside)
    elif reached.path == (GROUPS,):
        _define(found, place.node, statement)


def _mark(found: Found, marks: frozenset[str], path: Path) -> None:
    if INACTIVE in marks:
        found.inactive.add(path)
    if ACTIVE in marks:
        found.inactive.discard(path)


def _delete(found: Found, place: Place, path: Sequence[str]) -> None:
    """Take away what words name, or groups that are applied there."""
    where, applied = _reached(place, path), _applied(place, path)
    if applied is not None:
        found.apply_no_more(*applied)
    elif where == place.path:
        # As the CLI: without words, everything below where one is.
        found.apply_no_more(where)
        for name in [*place.tree]:
            found.delete((*where, name))
    elif where is not None:
        found.delete(where)


def _reached(place: Place, path: Sequence[str]) -> Path | None:
    found = resolve(place, path)
    return None if found is None else (*place.path, *found)


def _applied(place: Place, path: Sequence[str]) -> tuple[Path, list[str]] | None:
    """Where a path that leads to groups that are applied leads to, and which they are."""
    if APPLY_GROUPS not in path:
        return None
    at = path.index(APPLY_GROUPS)
    where = _reached(place, path[:at])
    return None if where is None else (where, [n for n in path[at + 1 :] if n not in ("[", "]")])


def _applies_nothing(statement: Written) -> bool:
    """Groups that are named and not applied."""
    return INACTIVE in statement.marks and statement.words[0] == APPLY_GROUPS


def _define(found: Found, node: Branch, statement: Written) -> None:
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


# Lines of commands

_QUIET = frozenset(("annotate", "protect", "unprotect"))
_ACTS = frozenset(("set", "delete", "activate", "deactivate", "insert"))
_OF_SOMETHING = frozenset(("activate", "deactivate", "insert"))
_MOVES = frozenset(("edit", "top", "up", "exit", "quit"))
_NOT_CARRIED_OUT = frozenset(
    (
        *("rename", "copy", "replace", "wildcard"),
        *("configure", "load", "show", "run", "rollback", "commit"),
    )
)
VERBS = _QUIET | _ACTS | _MOVES | _NOT_CARRIED_OUT
_OF_TEXT = frozenset("{};")


def acts(command: Sequence[str]) -> bool:
    """Whether a command changes a configuration, rather than to move about in it or to show it."""
    return bool(command) and command[0] in _ACTS | _QUIET | {"rename", "copy", "replace"}


def about(command: Sequence[str]) -> Sequence[str]:
    """What a command is about: its words without those that move, and without the verb."""
    left = list(command)
    while left and left[0] in _MOVES - {"edit"}:
        left = left[2:] if left[0] == "up" and left[1:] and left[1].isdigit() else left[1:]
    return left[1:]


def _refuse_several(line: Sequence[str]) -> None:
    """Lines that have become one, as in a folded block of YAML: the second would be lost."""
    if not _OF_TEXT.isdisjoint(line):
        for word in line:
            if word in _OF_TEXT and not isinstance(word, Quoted):
                raise MalformedReply(f"{word!r} in a line of commands; give one command a line")
    if _ACTS.isdisjoint(line[1:]):
        return
    for before, word, behind in zip(line, line[1:], line[2:], strict=False):
        # "then community set NAME" is a statement of its own.
        again = behind in TOP or behind == line[1]
        if again and word in _ACTS and before != "community" and not isinstance(word, Quoted):
            raise MalformedReply(
                f"'{word} {behind}' in the middle of a line of commands; give one command a line "
                "(YAML keeps lines behind '|', and folds them into one behind '>')"
            )


class Script:
    """Lines of commands, taken in one after the other as the CLI would."""

    def __init__(self, found: Found, start: Place) -> None:
        self._found, self._start = found, start
        self._edit: list[str] = []
        self._left: list[list[str]] = []

    def take(self, line: Sequence[str]) -> None:
        """One command's words. Raises MalformedReply for other words."""
        verb, rest = line[0], list(line[1:])
        if verb in _NOT_CARRIED_OUT:
            raise MalformedReply(
                f"{verb!r} is not carried out here; give what 'show configuration' shows after it"
            )
        if verb not in _MOVES or verb == "edit":
            _refuse_several(line)
        if verb in _QUIET:
            return
        moves = {
            "edit": self._go,
            "top": self._top,
            "up": self._up,
            "exit": self._exit,
            "quit": self._exit,
        }
        if verb in moves:
            moves[verb](rest)
            return
        path = [*self._edit, *rest]
        doing = {
            "set": self._set,
            "delete": self._delete,
            "activate": self._activate,
            "deactivate": self._deactivate,
            "insert": self._insert,
        }
        if verb not in doing:
            raise MalformedReply(f"{verb!r}: set, delete or the like is expected")
        if not path and verb in _OF_SOMETHING:
            raise MalformedReply(f"{verb!r}: the statement that it is about is missing")
        doing[verb](path)

    def _go(self, rest: list[str]) -> None:
        self._left.append(self._edit)
        self._edit = [*self._edit, *rest]

    def _top(self, rest: list[str]) -> None:
        self._from([], rest)

    def _up(self, rest: list[str]) -> None:
        count, then = (int(rest[0]), rest[1:]) if rest and rest[0].isdecimal() else (1, rest)
        self._from(_shortened(self._start.node, self._edit, count), then)

    def _from(self, above: list[str], then: list[str]) -> None:
        """Go to a level above; a command that is not ``edit`` is carried out there alone."""
        kept, self._edit = self._edit, above
        if then and then[0] != "edit":
            self.take(then)
            self._edit = kept
            return
        self._left = [level for level in self._left if len(level) < len(above)]
        if then:
            self._go(then[1:])

    def _exit(self, _rest: list[str]) -> None:
        """Back to where the last ``edit`` came from, which may be several levels up."""
        self._edit = self._left.pop() if self._left else []

    def _set(self, path: list[str]) -> None:
        if path[:1] == [GROUPS] and len(path) > 2:
            _define(self._found, self._start.node, Written(path[:2], inside=[Written(path[2:])]))
            return
        follow(self._found, self._start, path)

    def _where(self, path: list[str]) -> Path | None:
        return _reached(self._start, path)

    def _applied(self, path: list[str]) -> tuple[Path, list[str]] | None:
        return _applied(self._start, path)

    def _deactivate(self, path: list[str]) -> None:
        where, applied = self._where(path), self._applied(path)
        if applied is not None:
            place, names = applied
            self._found.asleep |= {(place, name) for name in names or [""]}
        elif where is not None and is_there(self._found.tree, where):
            # As the CLI: what comes later is active.
            self._found.inactive.add(where)

    def _activate(self, path: list[str]) -> None:
        where, applied = self._where(path), self._applied(path)
        if applied is not None:
            place, names = applied
            self._found.asleep -= {(place, name) for name in names or [""]}
        elif where is not None:
            self._found.inactive.discard(where)

    def _delete(self, path: list[str]) -> None:
        _delete(self._found, self._start, path)

    def _insert(self, path: list[str]) -> None:
        for word in ("before", "after"):
            if word in path[1:]:
                at = path.index(word)
                what, other = self._where(path[:at]), path[at + 1 :]
                if what is not None and other:
                    _move(self._found.tree, what, self._entry(path[:at], other), word == "after")
                return
        raise MalformedReply("insert: 'before' or 'after' is missing")

    def _entry(self, what: list[str], other: list[str]) -> str:
        """The name of the entry that another one is put beside, as ``LIST NAME``."""
        where = self._where([*_shortened(self._start.node, what, 1), *other])
        return other[-1] if where is None else where[-1]


def _shortened(node: Branch, path: list[str], count: int) -> list[str]:
    """A path without its last ``count`` statements."""
    starts, left = [0], list(path)
    while left:
        child = node.by_word.get(left[0])
        taken = 1 + child.width if isinstance(child, List) else 1
        node = child if isinstance(child, Branch) else Branch(name="", partial=True)
        left = left[taken:]
        starts.append(starts[-1] + taken)
    return path[: starts[max(0, len(starts) - 1 - count)]]


def _move(tree: Tree, what: Path, other: str, behind: bool) -> None:
    owner = parent_of(tree, what[:-1]) if len(what) > 1 else None
    entries = None if owner is None else owner.get(what[-2])
    if owner is None or entries is None or not {what[-1], other} <= set(entries):
        raise MalformedReply(f"insert {' '.join(what)}: it, or {other}, is not there")
    order = [name for name in entries if name != what[-1]]
    order.insert(order.index(other) + behind, what[-1])
    is_list = isinstance(entries, dict)
    owner[what[-2]] = {n: entries[n] for n in order} if is_list else tuple(order)


def lines_of(text: str, first: int = 1) -> Iterator[tuple[int, list[str]]]:
    """The commands of a text by line number, without comments and empty lines."""
    for number, line in enumerate(LINE_END.split(text), start=first):
        try:
            found = list(words(line))
            refuse_apostrophes(found)
        except MalformedReply as error:
            raise MalformedReply(f"line {number}: {error}") from None
        if found:
            yield number, found


def take_lines(found: Found, place: Place, commands: Iterable[tuple[int, Sequence[str]]]) -> None:
    """Put commands into what was found, from ``place`` on."""
    script = Script(found, place)
    for number, line in commands:
        try:
            script.take(line)
        except MalformedReply as error:
            raise MalformedReply(f"line {number}: {error}") from None

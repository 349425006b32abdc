# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations that are written as text: curly braces, and lines of commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..errors import MalformedReply
from .found import APPLY_GROUPS, GROUPS, Found
from .match import Place, follow, is_bracket, resolve
from .schema import Branch, List, Path, Tree
from .words import Quoted, words

_INACTIVE = "inactive:"
_DELETE = "delete:"
LINE_END = re.compile(r"\r\n|\r|\n")
"""Where lines end; other characters that Unicode calls line ends stand in descriptions."""
_MARK = re.compile(r"[a-z-]+:")
_MARKS = {_INACTIVE, _DELETE, "active:", "protect:", "replace:"}


@dataclass
class Written:
    """One statement of curly-brace text."""

    words: list[str]
    marks: frozenset[str] = frozenset()
    inside: list[Written] = field(default_factory=list)


def statements(text: str) -> list[Written]:
    """The statements of curly-brace text. Raises MalformedReply when it breaks off."""
    top: list[Written] = []
    stack = [top]
    begun: list[str] = []
    in_list = False
    for word in words(text):
        mark = "" if isinstance(word, Quoted) else word
        in_list = (in_list or mark == "[") and mark != "]"
        if in_list or mark not in ("{", "}", ";"):
            begun.append(word)
            continue
        if mark == "}":
            _close(stack, begun)
        elif not begun:
            raise MalformedReply(f"a statement without a word before {word!r}")
        else:
            stack[-1].append(_written(begun))
            if mark == "{":
                stack.append(stack[-1][-1].inside)
        begun = []
    if begun or len(stack) > 1:
        raise MalformedReply("the text breaks off: unbalanced '{' or no ';' at its end")
    return top


def _close(stack: list[list[Written]], begun: Sequence[str]) -> None:
    if begun:
        raise MalformedReply(f"';' is missing behind {' '.join(begun)!r}")
    if len(stack) == 1:
        raise MalformedReply("unbalanced '}'")
    stack.pop()


def _written(begun: list[str]) -> Written:
    count = 0
    while (
        count < len(begun) - 1 and begun[count] in _MARKS and not isinstance(begun[count], Quoted)
    ):
        count += 1
    first = begun[count]
    if not isinstance(first, Quoted):
        if first in ("+", "-"):
            raise MalformedReply("this is a comparison, no configuration")
        if count < len(begun) - 1 and _MARK.fullmatch(first):
            raise MalformedReply(f"{' '.join(begun)!r}: the mark {first!r} is not known")
    return Written(begun[count:], frozenset(begun[:count]))


def take_curly(found: Found, place: Place, written: Iterable[Written]) -> None:
    """Put statements into what was found, from ``place`` on."""
    for statement in written:
        if _DELETE in statement.marks or _applies_nothing(statement):
            continue
        reached = follow(found, place, statement.words)
        if reached.known:
            if _INACTIVE in statement.marks:
                found.inactive.add(reached.first)
            take_curly(found, reached, statement.inside)
        elif reached.path == (GROUPS,):
            _define(found, place.node, statement)


def _applies_nothing(statement: Written) -> bool:
    """Groups that are named and not applied."""
    return _INACTIVE in statement.marks and statement.words[0] == APPLY_GROUPS


def _define(found: Found, node: Branch, statement: Written) -> None:
    """Configuration groups: only which of them touch the hierarchy matters."""
    groups = statement.inside
    if statement.words[1:]:
        groups = [Written(statement.words[1:], inside=groups)]
    for group in groups:
        found.group(group.words[0], _touches(group.inside, node))


def _touches(inside: Iterable[Written], node: Branch) -> bool:
    """Whether statements lead to where the tables are; wildcards and groups they apply may."""
    for statement in inside:
        child = node.by_word.get(statement.words[0])
        if statement.words[0] == APPLY_GROUPS or statement.words[0].startswith("<"):
            return True
        if child is None:
            continue
        if not isinstance(child, Branch) or not child.partial:
            return True
        behind = statement.words[1 + child.width if isinstance(child, List) else 1 :]
        if _touches([Written(behind)] if behind else statement.inside, child):
            return True
    return False


# Lines of commands

_QUIET = frozenset(("annotate", "protect", "unprotect"))
_ACTS = frozenset(("set", "delete", "activate", "deactivate", "insert"))
_MOVES = frozenset(("edit", "top", "up", "exit"))
VERBS = _QUIET | _ACTS | _MOVES


class Script:
    """Lines of commands, taken in one after the other as the CLI would."""

    def __init__(self, found: Found, start: Place) -> None:
        self._found, self._start = found, start
        self._edit: list[str] = []

    def take(self, line: Sequence[str]) -> None:
        """One command's words. Raises MalformedReply for other words."""
        if any(is_bracket(word, brace) for word in line for brace in "{}"):
            raise MalformedReply("a brace in a line of commands")
        verb, rest = line[0], list(line[1:])
        if verb in _QUIET:
            return
        moves = {"edit": self._go, "top": self._top, "up": self._up, "exit": self._exit}
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
        doing[verb](path)

    def _go(self, rest: list[str]) -> None:
        self._edit += rest

    def _top(self, rest: list[str]) -> None:
        kept, self._edit = self._edit, []
        if rest and rest[0] == "edit":
            self._edit = rest[1:]
        elif rest:
            self.take(rest)
            self._edit = kept

    def _up(self, rest: list[str]) -> None:
        count, then = (int(rest[0]), rest[1:]) if rest and rest[0].isdigit() else (1, rest)
        kept, self._edit = self._edit, _shortened(self._start.node, self._edit, count)
        if then and then[0] == "edit":
            self._edit += then[1:]
        elif then:
            self.take(then)
            self._edit = kept

    def _exit(self, _rest: list[str]) -> None:
        self._up([])

    def _set(self, path: list[str]) -> None:
        if path[:1] == [GROUPS] and len(path) > 2:
            _define(self._found, self._start.node, Written(path[:2], inside=[Written(path[2:])]))
            return
        follow(self._found, self._start, path)

    def _where(self, path: list[str]) -> Path | None:
        found = resolve(self._start.node, path)
        return None if found is None else (*self._start.path, *found)

    def _applied(self, path: list[str]) -> tuple[Path, list[str]] | None:
        """Where a path that leads to groups that are applied leads to, and which they are."""
        if APPLY_GROUPS not in path:
            return None
        at = path.index(APPLY_GROUPS)
        where = self._where(path[:at])
        return None if where is None else (where, path[at + 1 :])

    def _deactivate(self, path: list[str]) -> None:
        where, applied = self._where(path), self._applied(path)
        if applied is not None:
            place, names = applied
            self._found.asleep |= {(place, name) for name in names or [""]}
        elif where is not None:
            self._found.inactive.add(where)

    def _activate(self, path: list[str]) -> None:
        where, applied = self._where(path), self._applied(path)
        if applied is not None:
            place, names = applied
            self._found.asleep -= {(place, name) for name in names or [""]}
        elif where is not None:
            self._found.inactive.discard(where)

    def _delete(self, path: list[str]) -> None:
        where, applied = self._where(path), self._applied(path)
        if applied is not None:
            self._found.apply_no_more(*applied)
        elif where is not None:
            _cut(self._found.tree, where)
            self._found.delete(where)

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


def _parent(tree: Tree, path: Path) -> Tree | None:
    here: object = tree
    for name in path[:-1]:
        here = here.get(name) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else None


def _cut(tree: Tree, path: Path) -> None:
    if not path:
        # As the CLI: without a path, everything below where one is.
        tree.clear()
        return
    parent = _parent(tree, path)
    if parent is not None:
        parent.pop(path[-1], None)
        return
    owner = _parent(tree, path[:-1])
    if owner is not None and isinstance(owner.get(path[-2]), tuple):
        owner[path[-2]] = tuple(item for item in owner[path[-2]] if item != path[-1])


def _move(tree: Tree, what: Path, other: str, behind: bool) -> None:
    owner = _parent(tree, what[:-1]) if len(what) > 1 else None
    entries = None if owner is None else owner.get(what[-2])
    if owner is None or entries is None or not {what[-1], other} <= set(entries):
        raise MalformedReply(f"insert {' '.join(what)}: it, or {other}, is not there")
    order = [name for name in entries if name != what[-1]]
    order.insert(order.index(other) + behind, what[-1])
    is_list = isinstance(entries, dict)
    owner[what[-2]] = {n: entries[n] for n in order} if is_list else tuple(order)


def lines_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """The commands of a text by line number, without comments and empty lines."""
    for number, line in enumerate(LINE_END.split(text), start=1):
        try:
            found = list(words(line))
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

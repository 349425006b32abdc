# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations that are written as lines of commands: ``set``, ``delete`` and the like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from ..errors import MalformedReply
from .curly import Written
from .found import GROUPS, Found
from .hierarchies import TOP
from .match import Place, follow
from .schema import Branch, List, Path, Tree
from .text import LINE_END, applied, define_groups, named, take_away
from .tree import is_there, parent_of
from .words import Quoted, refuse_apostrophes, words

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
_COUNT = re.compile("[0-9]{1,9}")


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


class _Script:
    """Lines of commands, taken in one after the other as the CLI would."""

    def __init__(self, found: Found, start: Place) -> None:
        self._found, self._start = found, start
        self._edit: list[str] = []
        self._left: list[list[str]] = []
        self._moves: dict[str, Callable[[list[str]], None]] = {
            "edit": self._go,
            "top": self._top,
            "up": self._up,
            "exit": self._exit,
            "quit": self._exit,
        }
        self._acts: dict[str, Callable[[list[str]], None]] = {
            "set": self._set,
            "delete": self._delete,
            "activate": self._activate,
            "deactivate": self._deactivate,
            "insert": self._insert,
        }

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
        if verb in _MOVES:
            self._moves[verb](rest)
        elif verb not in self._acts:
            raise MalformedReply(f"{verb!r}: set, delete or the like is expected")
        else:
            self._act(verb, [*self._edit, *rest])

    def _act(self, verb: str, path: list[str]) -> None:
        if not path and verb in _OF_SOMETHING:
            raise MalformedReply(f"{verb!r}: the statement that it is about is missing")
        self._acts[verb](path)

    def _go(self, rest: list[str]) -> None:
        self._left.append(self._edit)
        self._edit = [*self._edit, *rest]

    def _top(self, rest: list[str]) -> None:
        self._from([], rest)

    def _up(self, rest: list[str]) -> None:
        count, then = (int(rest[0]), rest[1:]) if rest and _COUNT.fullmatch(rest[0]) else (1, rest)
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
            defined = Written(path[:2], inside=[Written(path[2:])])
            define_groups(self._found, self._start.node, defined)
            return
        follow(self._found, self._start, path)

    def _deactivate(self, path: list[str]) -> None:
        where, groups = named(self._start, path), applied(self._start, path)
        if groups is not None:
            place, names = groups
            self._found.asleep |= {(place, name) for name in names or [""]}
        elif where is not None and is_there(self._found.tree, where):
            # As the CLI: what comes later is active.
            self._found.inactive.add(where)

    def _activate(self, path: list[str]) -> None:
        where, groups = named(self._start, path), applied(self._start, path)
        if groups is not None:
            place, names = groups
            self._found.asleep -= {(place, name) for name in names or [""]}
        elif where is not None:
            self._found.inactive.discard(where)

    def _delete(self, path: list[str]) -> None:
        take_away(self._found, self._start, path)

    def _insert(self, path: list[str]) -> None:
        for word in ("before", "after"):
            if word in path[1:]:
                at = path.index(word)
                what, other = named(self._start, path[:at]), path[at + 1 :]
                if what is not None and other:
                    _move(self._found.tree, what, self._entry(path[:at], other), word == "after")
                return
        raise MalformedReply("insert: 'before' or 'after' is missing")

    def _entry(self, what: list[str], other: list[str]) -> str:
        """The name of the entry that another one is put beside, as ``LIST NAME``."""
        where = named(self._start, [*_shortened(self._start.node, what, 1), *other])
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
    script = _Script(found, place)
    for number, line in commands:
        try:
            script.take(line)
        except MalformedReply as error:
            raise MalformedReply(f"line {number}: {error}") from None

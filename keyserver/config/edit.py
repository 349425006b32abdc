# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a load asks for, free of the format it came in.

Readers (:mod:`.read_xml`, :mod:`.read_text`, :mod:`.read_set`, :mod:`.read_json`) turn each format
into a tree of :class:`Edit`; :func:`.apply.apply` carries it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from .schema import Kind, Statement
from .tree import Identity, Tree, copy_tree
from .words import MalformedConfiguration, bare_comment, comment_of, quote

__all__ = [
    "Edit",
    "LoadError",
    "MalformedConfiguration",
    "Operation",
    "Place",
    "Replacement",
    "Severity",
    "Tree",
    "copy_tree",
    "edit_path",
    "joined",
    "put_within",
    "remark",
    "without_rivals",
]


class Operation(Enum):
    """What happens to one statement (Junos element attributes, RFC 6241 §7.2 operations)."""

    MERGE = "merge"
    REPLACE = "replace"
    CREATE = "create"
    DELETE = "delete"
    REMOVE = "remove"
    NONE = "none"


_REMOVING = (Operation.DELETE, Operation.REMOVE)


class Severity(Enum):
    """``error-severity`` of an rpc-error."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class LoadError:
    """One complaint about a load: where, about which word, in Junos' words.

    ``line`` is where it stands in the text that was loaded, where that has lines.
    """

    path: str
    bad_element: str
    message: str
    severity: Severity = Severity.ERROR
    tag: str = "operation-failed"
    line: int | None = None


@dataclass(frozen=True)
class Place:
    """Where an entry of a list in the user's order goes: before or behind another one.

    Without a key before or behind all others.
    """

    before: bool
    key: str | None


@dataclass(frozen=True)
class Replacement:
    """What comes instead of a pattern, in so many (0: in all) identifiers and values."""

    pattern: re.Pattern[str]
    text: str
    upto: int
    found_in: Callable[[str], bool]


@dataclass(slots=True)
class Edit:
    """One statement of a load.

    ``key`` is the list entry's key, ``values`` a leaf's or leaf-list's values. ``operation`` is
    None where the load's default applies. ``activate`` and ``protect`` are True or False where
    the load says ``active:``, ``inactive:``, ``protect:`` or ``unprotect:``. ``comment`` is
    ``/* … */``, empty to take one away. ``rename`` and ``copy`` are an entry's new key, ``place``
    where it goes. ``pattern``: the key is a wildcard for entries that go. ``replacement`` is done
    within the statement, ``[edit]`` included.
    """

    statement: Statement
    key: str | None = None
    values: list[str] = field(default_factory=list)
    operation: Operation | None = None
    activate: bool | None = None
    protect: bool | None = None
    comment: str | None = None
    rename: str | None = None
    copy: str | None = None
    place: Place | None = None
    pattern: bool = False
    replacement: Replacement | None = None
    children: list[Edit] = field(default_factory=list)
    line: int | None = None

    @property
    def identity(self) -> Identity:
        """How the parent's tree knows this statement."""
        if self.statement.kind is Kind.LIST and self.key is not None:
            return (self.statement.name, self.key)
        return self.statement.name

    @property
    def words(self) -> list[str]:
        """The statement as part of an ``[edit ...]`` path."""
        words = [self.statement.shown] if self.statement.spelled else []
        return words + (self.statement.key_words(self.key) if self.key is not None else [])


def put_within(container: Statement, edit: Edit, edits: list[Edit]) -> None:
    """Add to ``edits`` one of what a flat container holds in text and XML and JSON have beside it.

    Values that belong together become one edit, in whichever order they come.
    """
    operation = Operation.NONE if edit.operation in _REMOVING else None
    for other in edits:
        if other.statement is container and other.operation is operation:
            other.children.append(edit)
            return
    edits.append(Edit(container, operation=operation, children=[edit], line=edit.line))


def without_rivals(statement: Statement, edits: list[Edit]) -> tuple[list[Edit], list[Edit]]:
    """A branch's edits that agree, and those that undo what one before them asks for.

    Of two values of a leaf, or two cases of a choice, in one document nobody knows which was meant.
    """
    said: dict[str, Edit] = {}
    rivals: list[Edit] = []
    contested: set[str] = set()
    for edit in (edit for edit in edits if edit.operation is None):
        name = edit.statement.name
        others = said.keys() & statement.excluded.get(name, ())
        if edit.statement.kind is Kind.LEAF and said.setdefault(name, edit).values != edit.values:
            others.add(name)
        said[name] = edit
        if others:
            rivals.append(edit)
            contested |= {name, *others}
    agreed = [e for e in edits if e.operation is not None or e.statement.name not in contested]
    return agreed, rivals


def joined(*comments: str | None) -> str | None:
    """Several comments as one: a statement has no more. Empty, when they say nothing."""
    found = [one for one in comments if one is not None]
    if len(found) < 2:
        return found[0] if found else None
    return comment_of("\n".join(bare_comment(one) for one in found))


def remark(edits: list[Edit], comment: str | None) -> str | None:
    """Give a comment that no statement follows to the last one before it; what is left of it."""
    stays = [edit for edit in edits if edit.operation not in _REMOVING]
    if comment is None or not stays:
        return comment
    last = stays[-1]
    if last.statement.has_no_braces and last.children:
        last = last.children[-1]
    last.comment = joined(last.comment, comment)
    return None


def edit_path(words: list[str]) -> str:
    """Junos' ``[edit a b c]``."""
    return f"[edit {' '.join(map(quote, words))}]" if words else "[edit]"

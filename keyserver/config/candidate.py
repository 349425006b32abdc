# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A configuration that is being edited, and by whom."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from .edit import copy_tree
from .schema import Statement
from .tree import Tree, says_the_same


@dataclass(frozen=True)
class Holder:
    """Who uses the database: a NETCONF session and the user behind it."""

    session_id: int
    user: str
    since: float


class DatabaseRefusal(Exception):
    """A request that the database refuses; carries the rpc-error tag and Junos' text."""

    def __init__(self, tag: str, message: str, session_id: int | None = None) -> None:
        super().__init__(message)
        self.tag = tag
        self.message = message
        self.session_id = session_id


@dataclass
class Candidate:
    """A configuration being edited: the shared candidate or a session's private copy."""

    base: Tree
    tree: Tree = field(default_factory=dict)
    touched_by: Holder | None = None
    changed_at: float = 0.0

    def __post_init__(self) -> None:
        self.tree = self.base

    def edit(self, holder: Holder, now: float) -> Tree:
        """The tree to write to; copied from its base on the first write."""
        if self.tree is self.base:
            self.tree = copy_tree(self.base)
        self.touched_by, self.changed_at = holder, now
        return self.tree

    def settle(self, schema: Statement) -> None:
        """After an edit: forget a copy that says the same as its base."""
        if self.tree is not self.base and says_the_same(schema, self.tree, self.base):
            self.tree, self.touched_by = self.base, None

    @property
    def modified(self) -> bool:
        """True while there is something uncommitted."""
        return self.tree is not self.base


def utc(seconds: float) -> str:
    """A time as Junos prints it."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")

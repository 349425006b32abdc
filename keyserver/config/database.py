# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration database of one device: committed, candidate and private copies, locks.

Time comes in as ``now`` (seconds since the epoch); nothing here sleeps or opens a socket. The
rules are those of Junos' CLI and NETCONF guides: the exclusive lock covers the shared candidate,
an unlock or the end of the session discards what was not committed, a confirmed commit is taken
back at its deadline unless another commit confirms it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field

from .compare import compare
from .constraints import Violation, check
from .edit import copy_tree
from .junos_schema import Generation, junos_schema
from .merge import Conflict, merge
from .store import ROLLBACKS, CommitRecord, PendingConfirmation, Store
from .tree import Tree, effective


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


class CommitRefused(Exception):
    """A commit or check that found violations."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__(violations[0].message)
        self.violations = violations


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

    def settle(self) -> None:
        """After an edit: forget a copy that came out equal to its base."""
        if self.tree is not self.base and self.tree == self.base:
            self.tree, self.touched_by = self.base, None

    @property
    def modified(self) -> bool:
        """True while there is something uncommitted."""
        return self.tree is not self.base


CommitListener = Callable[[Tree, Tree, float], None]
"""Called after each commit with the effective old and new configuration and the time."""


class ConfigurationDatabase:
    """Committed configuration, history, shared candidate, private copies and the lock."""

    def __init__(
        self, generation: Generation, store: Store, initial: Tree, now: float, *, strict: bool
    ) -> None:
        self.generation = generation
        self.schema = junos_schema(generation)
        self.strict = strict
        self._store = store
        self.history = store.history()
        self.pending = store.pending()
        self.on_commit: list[CommitListener] = []
        self.lock_holder: Holder | None = None
        self.private: dict[int, Candidate] = {}
        if not self.history:
            self._record(initial, "root", "other", "initial configuration", now, None)
        self.shared = Candidate(self.committed)
        self.expire(now)

    @property
    def committed(self) -> Tree:
        """The running configuration."""
        return self.history[0].tree

    def effective(self) -> Tree:
        """The running configuration without its inactive parts."""
        return effective(self.committed)

    # Locks and private copies

    def lock(self, holder: Holder, now: float) -> None:
        """Take the exclusive lock on the shared candidate."""
        if self.lock_holder is not None:
            raise self._locked(self.lock_holder, now)
        if self.private:
            raise DatabaseRefusal(
                "lock-denied",
                "private edits in use. Try 'configure private' or 'configure dynamic'.",
            )
        if self.shared.modified:
            by = self.shared.touched_by
            raise DatabaseRefusal(
                "lock-denied",
                "configuration database modified",
                by.session_id if by is not None else 0,
            )
        self.lock_holder = holder

    def _locked(self, owner: Holder, now: float) -> DatabaseRefusal:
        idle = max(0, int(now - owner.since))
        clock = f"{idle // 3600:02}:{idle // 60 % 60:02}:{idle % 60:02}"
        return DatabaseRefusal(
            "lock-denied",
            "\nconfiguration database locked by:\n"
            f"  {owner.user} terminal  (pid {owner.session_id}) on since "
            f"{utc(owner.since)}, idle {clock}\n"
            "      exclusive [edit]\n",
            owner.session_id,
        )

    def unlock(self, holder: Holder) -> None:
        """Give the lock back; what was not committed is discarded."""
        if self.lock_holder is None or self.lock_holder.session_id != holder.session_id:
            raise DatabaseRefusal("operation-failed", "configuration database is not locked")
        self.lock_holder = None
        self.discard()

    def open_private(self, holder: Holder, now: float) -> None:
        """Give the session its own copy of the running configuration."""
        if holder.session_id in self.private:
            raise DatabaseRefusal("operation-failed", "Configuration database is already open")
        if self.lock_holder is not None:
            raise self._locked(self.lock_holder, now)
        if self.shared.modified:
            raise DatabaseRefusal("operation-failed", "shared configuration database modified")
        self.private[holder.session_id] = Candidate(self.committed)

    def close_private(self, holder: Holder) -> None:
        """Drop the session's private copy with everything uncommitted in it."""
        if self.private.pop(holder.session_id, None) is None:
            raise DatabaseRefusal("operation-failed", "Configuration database is not open")

    def session_ended(self, holder: Holder) -> None:
        """Whatever ended the session: its lock, private copy and uncommitted edits go."""
        self.private.pop(holder.session_id, None)
        by = self.shared.touched_by
        if self.lock_holder is not None and self.lock_holder.session_id == holder.session_id:
            self.lock_holder = None
            self.discard()
        elif by is not None and by.session_id == holder.session_id and self.lock_holder is None:
            self.discard()

    # Editing

    def candidate(self, holder: Holder) -> Candidate:
        """What the session sees as the candidate."""
        return self.private.get(holder.session_id, self.shared)

    def writable(self, holder: Holder, now: float) -> Candidate:
        """The candidate, provided that the session may change it now."""
        private = self.private.get(holder.session_id)
        if private is not None:
            return private
        owner = self.lock_holder
        if owner is not None and owner.session_id != holder.session_id:
            raise self._locked(owner, now)
        if self.private:
            raise DatabaseRefusal("lock-denied", "private edits in use")
        return self.shared

    def discard(self, holder: Holder | None = None) -> None:
        """Make the (session's) candidate the running configuration again."""
        if holder is not None and holder.session_id in self.private:
            self.private[holder.session_id] = Candidate(self.committed)
        else:
            self.shared = Candidate(self.committed)

    def rollback(self, number: int) -> Tree:
        """Committed configuration ``number`` (0 is the running one)."""
        if not 0 <= number < ROLLBACKS:
            raise DatabaseRefusal(
                "operation-failed", f"Value {number} is not within range (0..{ROLLBACKS - 1})"
            )
        if number >= len(self.history):
            raise DatabaseRefusal("operation-failed", f"rollback configuration {number} not found")
        return self.history[number].tree

    def rescue(self) -> Tree:
        """The rescue configuration."""
        tree = self._store.rescue()
        if tree is None:
            raise DatabaseRefusal("operation-failed", "rescue configuration not found")
        return tree

    def save_rescue(self) -> None:
        """Make the running configuration the rescue configuration."""
        self._store.set_rescue(self.committed)

    def delete_rescue(self) -> None:
        """Forget the rescue configuration."""
        self._store.set_rescue(None)

    def difference(self, old: Tree, new: Tree) -> str:
        """``show | compare`` text from ``old`` to ``new``."""
        return "" if old is new else compare(self.schema, old, new)

    # Committing

    def check(self, tree: Tree) -> None:
        """Raise CommitRefused when ``tree`` breaks a constraint."""
        violations = check(self.schema, effective(tree), self.generation, strict=self.strict)
        if violations:
            raise CommitRefused(violations)

    def commit(
        self,
        holder: Holder,
        now: float,
        comment: str = "",
        confirm_seconds: float | None = None,
    ) -> None:
        """Commit the session's candidate; with ``confirm_seconds`` it must be confirmed.

        A commit while a confirmation is awaited confirms it. A second confirmed commit renews
        the deadline and keeps the original point of return.
        """
        candidate = self.candidate(holder)
        if candidate is self.shared:
            self.writable(holder, now)
        elif confirm_seconds is not None:
            raise DatabaseRefusal(
                "operation-failed", "commit confirmed is not supported in private mode"
            )
        if candidate is not self.shared and candidate.base is not self.committed:
            candidate = self._merged(holder, candidate, now)
        self.check(candidate.tree)
        pending = None
        if confirm_seconds is not None:
            restore = self.pending.restore if self.pending else self.history[0].sequence
            pending = PendingConfirmation(now + confirm_seconds, restore)
        if candidate.modified:
            self._record(candidate.tree, holder.user, "netconf", comment, now, pending)
        elif pending != self.pending:
            self._store.set_pending(pending)
            self.pending = pending
        self._rebase(holder)

    def _merged(self, holder: Holder, private: Candidate, now: float) -> Candidate:
        """A private copy brought up to what others have committed meanwhile."""
        try:
            tree = merge(private.base, private.tree, self.committed)
        except Conflict as conflict:
            raise DatabaseRefusal(
                "operation-failed",
                f"[edit {conflict}]: changed by another user too; discard or change it",
            ) from None
        merged = Candidate(self.committed)
        if tree != self.committed:
            merged.edit(holder, now)
            merged.tree = tree
        self.private[holder.session_id] = merged
        return merged

    def _rebase(self, holder: Holder) -> None:
        if holder.session_id in self.private:
            self.private[holder.session_id] = Candidate(self.committed)
            if not self.shared.modified:
                self.shared = Candidate(self.committed)
        else:
            self.shared = Candidate(self.committed)

    def _record(
        self,
        tree: Tree,
        user: str,
        client: str,
        comment: str,
        now: float,
        pending: PendingConfirmation | None,
    ) -> None:
        sequence = self.history[0].sequence + 1 if self.history else 1
        record = CommitRecord(sequence, now, user, client, comment, tree)
        self._store.commit(record, pending)
        old = effective(self.committed) if self.history else {}
        self.history.insert(0, record)
        del self.history[ROLLBACKS:]
        self.pending = pending
        new = effective(tree)
        for listener in self.on_commit:
            listener(old, new, now)

    def expire(self, now: float) -> bool:
        """Take an unconfirmed commit back when its time is over; True when that happened."""
        if self.pending is None or now < self.pending.deadline:
            return False
        restore = self.pending.restore
        target = next((r for r in self.history if r.sequence == restore), self.history[-1])
        self._record(target.tree, "root", "other", "rollback (commit confirmed timeout)", now, None)
        if self.lock_holder is None or not self.shared.modified:
            self.shared = Candidate(self.committed)
        return True

    @property
    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do next."""
        return self.pending.deadline if self.pending else None


def utc(seconds: float) -> str:
    """A time as Junos prints it."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")

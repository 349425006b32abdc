# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who edits what: the shared candidate, private copies of the running configuration, the lock.

The exclusive lock covers the shared candidate; an unlock, a close or the end of a session discards
what was not committed.
"""

from __future__ import annotations

from .candidate import Candidate, DatabaseRefusal, Holder, utc
from .merge import Conflict, merge
from .schema import Statement
from .tree import Tree


class Workspace:
    """``committed`` is what every candidate begins with."""

    def __init__(self, committed: Tree) -> None:
        self.committed = committed
        self.shared = Candidate(committed)
        self.lock_holder: Holder | None = None
        self.private: dict[int, Candidate] = {}
        self.opened: dict[int, bool] = {}
        """Sessions that opened the shared candidate, and whether exclusively."""

    @property
    def edited(self) -> bool:
        """True while somebody has something uncommitted."""
        return self.shared.modified or any(one.modified for one in self.private.values())

    def lock(self, holder: Holder, now: float, *, bound: int | None = None) -> None:
        """Take the exclusive lock on the shared candidate.

        ``bound``: the session whose confirmed commit is pending, where that forbids it.
        """
        if self.lock_holder is not None:
            raise self._locked(self.lock_holder, now)
        if bound not in (None, holder.session_id):
            raise DatabaseRefusal("lock-denied", "a confirmed commit is pending", bound)
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

    def open_shared(self, holder: Holder, now: float, *, exclusive: bool) -> None:
        """Open the shared candidate for the session, if asked with its lock."""
        self._not_open(holder)
        if exclusive:
            self.lock(holder, now)
        else:
            self.writable(holder, now)
        self.opened[holder.session_id] = exclusive

    def open_private(self, holder: Holder, now: float) -> None:
        """Give the session its own copy of the running configuration."""
        self._not_open(holder)
        if self.lock_holder is not None:
            raise self._locked(self.lock_holder, now)
        if self.shared.modified:
            raise DatabaseRefusal("operation-failed", "shared configuration database modified")
        self.private[holder.session_id] = Candidate(self.committed)

    def _not_open(self, holder: Holder) -> None:
        if holder.session_id in self.private or holder.session_id in self.opened:
            raise DatabaseRefusal("operation-failed", "Configuration database is already open")

    def close(self, holder: Holder) -> None:
        """Close what the session opened; what it did not commit is discarded."""
        number = holder.session_id
        if self.private.pop(number, None) is not None:
            return
        exclusive = self.opened.pop(number, None)
        if exclusive is None:
            raise DatabaseRefusal("operation-failed", "Configuration database is not open")
        if exclusive and self._owns_lock(holder):
            self.unlock(holder)
        else:
            self._discard_edits_of(holder)

    def _owns_lock(self, holder: Holder) -> bool:
        return self.lock_holder is not None and self.lock_holder.session_id == holder.session_id

    def _discard_edits_of(self, holder: Holder) -> None:
        by = self.shared.touched_by
        if by is not None and by.session_id == holder.session_id and self.lock_holder is None:
            self.discard()

    def end(self, holder: Holder) -> None:
        """The session is over: its lock, private copy and uncommitted edits go."""
        self.private.pop(holder.session_id, None)
        self.opened.pop(holder.session_id, None)
        if self._owns_lock(holder):
            self.lock_holder = None
            self.discard()
        else:
            self._discard_edits_of(holder)

    def candidate(self, holder: Holder) -> Candidate:
        """What the session sees as the candidate."""
        return self.private.get(holder.session_id, self.shared)

    def writable(self, holder: Holder, now: float) -> Candidate:
        """The candidate, provided that the session may change it now."""
        private = self.private.get(holder.session_id)
        if private is not None:
            return private
        shared = self.unlocked(holder, now)
        if self.private:
            raise DatabaseRefusal("lock-denied", "private edits in use")
        return shared

    def unlocked(self, holder: Holder, now: float) -> Candidate:
        """The shared candidate, provided that no other session has it locked."""
        owner = self.lock_holder
        if owner is not None and owner.session_id != holder.session_id:
            raise self._locked(owner, now)
        return self.shared

    def committable(self, schema: Statement, holder: Holder, now: float) -> Candidate:
        """The session's candidate, provided that it may commit it, on the ground of today."""
        candidate = self.candidate(holder)
        if candidate is self.shared:
            # Others' private copies stand against edits; who confirms a commit has made none.
            return (self.writable if candidate.modified else self.unlocked)(holder, now)
        if candidate.base is self.committed:
            return candidate
        tree = self.brought_up(schema, candidate)
        merged = self.private[holder.session_id] = Candidate(self.committed)
        merged.edit(holder, now)
        merged.tree = tree
        merged.settle(schema)
        return merged

    def brought_up(self, schema: Statement, private: Candidate) -> Tree:
        """A private copy with what others have committed meanwhile. Raises DatabaseRefusal."""
        try:
            return merge(schema, private.base, private.tree, self.committed)
        except Conflict as conflict:
            raise DatabaseRefusal(
                "operation-failed",
                f"[edit {conflict}]: changed by another user too; discard or change it",
            ) from None

    def discard(self, holder: Holder | None = None) -> None:
        """Make the (session's) candidate the running configuration again."""
        if holder is not None and holder.session_id in self.private:
            self.private[holder.session_id] = Candidate(self.committed)
        else:
            self.shared = Candidate(self.committed)

    def follow_commit(self, holder: Holder, committed: Tree) -> None:
        """Begin anew after a commit of the session."""
        self.committed = committed
        if holder.session_id in self.private:
            self.private[holder.session_id] = Candidate(committed)
            if not self.shared.modified:
                self.shared = Candidate(committed)
        else:
            self.shared = Candidate(committed)

    def follow_return(self, committed: Tree) -> None:
        """Begin anew after a commit was taken back."""
        self.committed = committed
        if self.lock_holder is None or not self.shared.modified:
            self.shared = Candidate(committed)
        else:
            # Whoever holds the lock goes on with his edits, which are on another ground now.
            self.shared.base = committed

# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration database of one device: what is committed, and how a commit becomes that.

Time comes in as ``now`` (seconds since the epoch); nothing here sleeps or opens a socket. The
rules are those of Junos' CLI and NETCONF guides: a confirmed commit is taken back at its deadline
unless another commit confirms it. RFC 6241's confirmed commit (§8.4) is bound to its session
besides: its end takes the commit back at once, and another session's ``commit`` cannot confirm it.

A commit has three steps, so that the dear ones can be done beside an event loop: :meth:`stage`
merges and checks, :meth:`write` makes it durable, :meth:`activate` puts it in force.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .archive import Archive
from .candidate import Candidate, DatabaseRefusal, Holder
from .compare import compare
from .constraints import Violation, check
from .inherit import InForce, in_force
from .junos_schema import Generation, junos_schema
from .merge import Conflict, merge
from .store import (
    ROLLBACKS,
    CommitEntry,
    CommitRecord,
    PendingConfirmation,
    Store,
)
from .tree import Tree
from .workspace import Workspace


class CommitRefused(Exception):
    """A commit or check that found violations."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__(violations[0].message)
        self.violations = violations


Follower = Callable[[Tree], Callable[[float], None]]
"""Somebody who acts on the configuration.

Called with an effective configuration that may come in force, it says how it would follow: what it
returns is called with the time when that has happened. Preparing may be done beside the event loop
and changes nothing.
"""


@dataclass(frozen=True)
class Confirmation:
    """What a commit asks for: to be confirmed within ``seconds``.

    ``bound`` is RFC 6241's form, which the end of the session takes back.
    """

    seconds: float
    bound: bool = False


@dataclass(frozen=True)
class Commit:
    """A commit that passed its checks.

    ``record`` is None when nothing differs from the running configuration: then only
    ``pending`` changes. ``in_force`` is what the device will act on, ``follow`` what is to be
    done when it does.
    """

    holder: Holder
    record: CommitRecord | None
    in_force: InForce
    pending: PendingConfirmation | None
    follow: Sequence[Callable[[float], None]] = ()


class ConfigurationDatabase:
    """The running configuration; who edits what is its ``workspace``'s business."""

    def __init__(
        self,
        generation: Generation,
        store: Store,
        initial: Callable[[], Tree],
        now: float,
        *,
        strict: bool,
        on_trouble: Callable[[str], None] = lambda text: None,
    ) -> None:
        """``initial`` is asked for what a store begins with that has nothing yet.

        ``on_trouble`` gets a sentence when something was not written that nobody is told of.
        """
        self.generation = generation
        self.schema = junos_schema(generation)
        self.strict = strict
        self._archive = Archive(store, initial, now)
        self.followers: list[Follower] = []
        self._on_trouble = on_trouble
        self._loaded = 0
        self._sound = False
        """Whether what is in force is known to break no rule; a lab file's first one is not."""
        self._in_progress = False
        running = self._archive.tree(self.history[0].sequence)
        self.workspace = Workspace(running)
        self._in_force = in_force(self.schema, running)
        self._resume(running, now)

    def _resume(self, running: Tree, now: float) -> None:
        """What awaited confirmation when the device was stopped."""
        self.pending = self._archive.pending()
        self._restore = self._archive.tree(self.pending.restore) if self.pending else running
        if self.pending is not None and self.pending.session is not None:
            # RFC 6241 §8.4: a session does not outlive a restart, nor does what is bound to it.
            self._take_back(now)
        self.expire(now)

    @property
    def history(self) -> list[CommitEntry]:
        """What was committed, the newest first."""
        return self._archive.history

    @property
    def committed(self) -> Tree:
        """The running configuration."""
        return self.workspace.committed

    def effective(self) -> Tree:
        """The running configuration without its inactive parts."""
        return self._in_force.tree

    @property
    def weight(self) -> int:
        """About how many octets a request on the configuration has to deal with.

        The largest configuration that was committed, for a request may ask for it, and what was
        loaded since.
        """
        return self._archive.octets + self._loaded

    def loading(self, octets: int) -> None:
        """Take note of how much is loaded into a candidate."""
        # What was loaded before may have been discarded.
        self._loaded = octets + (self._loaded if self.workspace.edited else 0)

    @contextlib.contextmanager
    def in_progress(self) -> Iterator[None]:
        """While a request is being worked on beside the event loop, deadlines wait."""
        self._in_progress = True
        try:
            yield
        finally:
            self._in_progress = False

    # Editing

    def lock(self, holder: Holder, now: float, *, running: bool = False) -> None:
        """Take the exclusive lock on the shared candidate.

        ``running``: RFC 6241's lock of the running configuration, which another session's
        confirmed commit forbids (§7.5).
        """
        self.workspace.lock(holder, now, bound=self._bound() if running else None)

    def _bound(self) -> int | None:
        """The session that a pending confirmed commit is bound to, if any."""
        return self.pending.session if self.pending is not None else None

    def session_ended(self, holder: Holder, now: float) -> None:
        """Whatever ended the session: its lock, private copy and uncommitted edits go.

        So does, at once, a confirmed commit that is bound to it and that it did not confirm.
        """
        self.workspace.end(holder)
        if self._bound() == holder.session_id:
            self._take_back(now)

    # What there is to show

    def rollback(self, number: int) -> Tree:
        """Committed configuration ``number`` (0 is the running one)."""
        if not 0 <= number < ROLLBACKS:
            raise DatabaseRefusal(
                "operation-failed", f"Value {number} is not within range (0..{ROLLBACKS - 1})"
            )
        if number == 0:
            return self.committed
        if number >= len(self.history):
            raise DatabaseRefusal("operation-failed", f"rollback configuration {number} not found")
        return self._archive.tree(self.history[number].sequence)

    def rescue(self) -> Tree:
        """The rescue configuration."""
        tree = self._archive.rescue()
        if tree is None:
            raise DatabaseRefusal("operation-failed", "rescue configuration not found")
        return tree

    def save_rescue(self) -> None:
        """Make the running configuration the rescue configuration."""
        self._archive.set_rescue(self.committed)

    def delete_rescue(self) -> None:
        """Forget the rescue configuration."""
        self._archive.set_rescue(None)

    def difference(self, old: Tree, new: Tree) -> str:
        """``show | compare`` text from ``old`` to ``new``."""
        return "" if old is new else compare(self.schema, old, new)

    # Committing

    def check(self, tree: Tree) -> InForce:
        """What the device would act on; raises CommitRefused when that breaks a constraint.

        Only what differs from the running configuration is looked at, once that is sound.
        """
        new = in_force(self.schema, tree, self._in_force)
        violations = check(
            self.schema,
            new.tree,
            self.generation,
            strict=self.strict,
            sound=self._in_force.tree if self._sound else None,
        )
        if violations:
            raise CommitRefused(violations)
        return new

    def check_candidate(self, holder: Holder) -> InForce:
        """:meth:`check` of what a commit of the session would make of the configuration.

        That is more than a private copy when somebody else has committed since.
        """
        candidate = self.workspace.candidate(holder)
        if candidate is self.workspace.shared or candidate.base is self.committed:
            return self.check(candidate.tree)
        return self.check(self._brought_up(candidate))

    def commit(
        self,
        holder: Holder,
        now: float,
        comment: str = "",
        confirmation: Confirmation | None = None,
    ) -> None:
        """All three steps of a commit at once."""
        staged = self.stage(holder, now, comment, confirmation)
        self.write(staged)
        self.activate(staged, now)

    def stage(
        self,
        holder: Holder,
        now: float,
        comment: str = "",
        confirmation: Confirmation | None = None,
        *,
        by_rfc: bool = False,
    ) -> Commit:
        """Check the session's candidate and say what committing it means.

        A commit while a confirmation is awaited confirms it. A second confirmed commit renews
        the deadline and keeps the original point of return. ``by_rfc``: RFC 6241's ``commit``,
        which must not confirm what is bound to another session. Raises DatabaseRefusal and
        CommitRefused.
        """
        candidate = self._committable(holder, now, confirmation)
        self._may_confirm(holder, by_rfc)
        new = self.check(candidate.tree)
        pending = self._awaited(holder, now, confirmation)
        # What confirms a commit is one itself, also where it changes nothing.
        if not candidate.modified and (self.pending is None or confirmation is not None):
            return Commit(holder, None, new, pending)
        confirm = confirmation.seconds if confirmation else None
        entry = self._archive.entry(now, holder.user, "netconf", comment, confirm)
        record = CommitRecord(entry, candidate.tree)
        return Commit(holder, record, new, pending, self._prepared(new))

    def confirmation(self, holder: Holder, now: float) -> Commit:
        """What makes a commit that awaits its confirmation stay, and changes nothing else.

        Raises DatabaseRefusal when another session has the database locked.
        """
        self.workspace.unlocked(holder, now)
        return Commit(holder, None, self._in_force, None)

    def _prepared(self, new: InForce) -> list[Callable[[float], None]]:
        return [follower(new.tree) for follower in self.followers]

    def _committable(
        self, holder: Holder, now: float, confirmation: Confirmation | None
    ) -> Candidate:
        space = self.workspace
        candidate = space.candidate(holder)
        if candidate is space.shared:
            # Others' private copies stand against edits; who confirms a commit has made none.
            return (space.writable if candidate.modified else space.unlocked)(holder, now)
        if confirmation is not None:
            raise DatabaseRefusal(
                "operation-failed", "commit confirmed is not supported in private mode"
            )
        return (
            candidate if candidate.base is self.committed else self._merged(holder, candidate, now)
        )

    def _may_confirm(self, holder: Holder, by_rfc: bool) -> None:
        bound = self._bound()
        if by_rfc and bound not in (None, holder.session_id):
            raise DatabaseRefusal(
                "in-use", f"confirmed commit of session {bound} is pending", bound
            )

    def _awaited(
        self, holder: Holder, now: float, confirmation: Confirmation | None
    ) -> PendingConfirmation | None:
        if confirmation is None:
            return None
        restore = self.pending.restore if self.pending else self.history[0].sequence
        session = holder.session_id if confirmation.bound else None
        return PendingConfirmation(now + confirmation.seconds, restore, session)

    def write(self, commit: Commit) -> None:
        """Make a staged commit durable. Raises StoreFailed: then nothing has changed."""
        if commit.record is not None:
            self._archive.write(commit.record, commit.pending)
            self._loaded = 0
            return
        self._archive.write_owed()
        if commit.pending != self.pending:
            self._archive.set_pending(commit.pending)

    def activate(self, commit: Commit, now: float) -> None:
        """Put in force what was written, and let the followers act."""
        if commit.pending is not None and self.pending is None:
            self._restore = self.committed
        self.pending = commit.pending
        running = self.committed
        if commit.record is not None:
            running = commit.record.tree
            self._put_in_force(commit.record, commit.in_force)
        self._sound = True
        self.workspace.follow_commit(commit.holder, running)
        _follow(commit.follow, now)

    def _put_in_force(self, record: CommitRecord, new: InForce) -> None:
        self._archive.take_in(record.entry)
        self._in_force = new

    def _merged(self, holder: Holder, private: Candidate, now: float) -> Candidate:
        """A private copy brought up to what others have committed meanwhile."""
        tree = self._brought_up(private)
        merged = Candidate(self.committed)
        merged.edit(holder, now)
        merged.tree = tree
        merged.settle(self.schema)
        self.workspace.private[holder.session_id] = merged
        return merged

    def _brought_up(self, private: Candidate) -> Tree:
        try:
            return merge(self.schema, private.base, private.tree, self.committed)
        except Conflict as conflict:
            raise DatabaseRefusal(
                "operation-failed",
                f"[edit {conflict}]: changed by another user too; discard or change it",
            ) from None

    # Taking an unconfirmed commit back

    def expire(self, now: float) -> bool:
        """Take an unconfirmed commit back when its time is over; True when that happened."""
        if self._in_progress:
            return False
        self._write_again(now)
        if self.pending is None or now < self.pending.deadline:
            return False
        self._take_back(now)
        return True

    def _take_back(self, now: float) -> None:
        """Return to what was committed before; in force even when the disk is full.

        Until it can be written, the disk holds the unconfirmed commit and its deadline: a
        restart takes it back too.
        """
        record = CommitRecord(self._archive.entry(now, "root", "other"), self._restore)
        self.pending = None
        self._archive.owe(record, now)
        self._write_again(now)
        new = in_force(self.schema, record.tree, self._in_force)
        follow = self._prepared(new)
        self._put_in_force(record, new)
        self._sound = False
        self.workspace.follow_return(record.tree)
        _follow(follow, now)

    def _write_again(self, now: float) -> None:
        trouble = self._archive.try_again(now)
        if trouble is not None:
            self._on_trouble(f"an unconfirmed commit was taken back, but not written: {trouble}")

    @property
    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do next."""
        if self._in_progress:
            return None
        awaited = self.pending.deadline if self.pending else None
        return min((d for d in (awaited, self._archive.due) if d is not None), default=None)

    def minutes_left(self, now: float) -> int | None:
        """Minutes, rounded up, until an unconfirmed commit is taken back; None without one."""
        if self.pending is None:
            return None
        return max(0, math.ceil((self.pending.deadline - now) / 60))


def _follow(follow: Sequence[Callable[[float], None]], now: float) -> None:
    """The database knows what holds, and nobody who acts on it can leave it half told."""
    for act in follow:
        act(now)

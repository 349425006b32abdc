# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration database of one device: what is committed, and how a commit becomes that.

Time comes in as ``now`` (seconds since the epoch); nothing here sleeps or opens a socket.

A commit has three steps, so that the dear ones can be done beside an event loop: :meth:`stage`
merges and checks, :meth:`write` makes it durable, :meth:`activate` puts it in force.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .archive import Archive
from .candidate import DatabaseRefusal, Holder
from .confirmed import Confirmation, ConfirmedCommit
from .effective import EffectiveConfiguration
from .inherit import InForce
from .junos_schema import Generation, junos_schema
from .store import ROLLBACKS, CommitRecord, PendingConfirmation, Store
from .tree import Tree
from .workspace import Workspace


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
    """The running configuration and what was before it, its ``archive``.

    Who edits what is its ``workspace``'s business, what the device acts on its ``effective``
    configuration's, what is taken back its ``confirmed`` commit's.
    """

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
        self.schema = junos_schema(generation)
        self.archive = Archive(store, initial, now)
        self._on_trouble = on_trouble
        self._loaded = 0
        self._in_progress = 0
        running = self.archive.tree(self.archive.history[0].sequence)
        self.workspace = Workspace(running)
        self.effective = EffectiveConfiguration(generation, running, strict=strict)
        self.confirmed = self._resumed(running)
        if self.confirmed.bound is not None:
            # RFC 6241 §8.4: a session does not outlive a restart, nor does what is bound to it.
            self._take_back(now)
        self.expire(now)

    def _resumed(self, running: Tree) -> ConfirmedCommit:
        """What awaited confirmation when the device was stopped."""
        pending = self.archive.pending()
        return ConfirmedCommit(pending, self.archive.tree(pending.restore) if pending else running)

    @property
    def committed(self) -> Tree:
        """The running configuration."""
        return self.workspace.committed

    @property
    def weight(self) -> int:
        """About how many octets a request on the configuration has to deal with.

        The largest configuration that was committed, for a request may ask for it, and what was
        loaded since.
        """
        return self.archive.octets + self._loaded

    def loading(self, octets: int) -> None:
        """Take note of how much is loaded into a candidate."""
        # What was loaded before may have been discarded.
        self._loaded = octets + (self._loaded if self.workspace.edited else 0)

    @contextlib.contextmanager
    def in_progress(self) -> Iterator[None]:
        """While requests are being worked on beside the event loop, deadlines wait."""
        self._in_progress += 1
        try:
            yield
        finally:
            self._in_progress -= 1

    # Editing

    def lock(self, holder: Holder, now: float, *, running: bool = False) -> None:
        """Take the exclusive lock on the shared candidate.

        ``running``: RFC 6241's lock of the running configuration, which another session's
        confirmed commit forbids (§7.5).
        """
        self.workspace.lock(holder, now, bound=self.confirmed.bound if running else None)

    def session_ended(self, holder: Holder, now: float) -> None:
        """Whatever ended the session: its lock, private copy and uncommitted edits go.

        So does, at once, a confirmed commit that is bound to it and that it did not confirm.
        """
        self.workspace.end(holder)
        if self.confirmed.bound == holder.session_id:
            self._take_back(now)

    def rollback(self, number: int) -> Tree:
        """Committed configuration ``number`` (0 is the running one)."""
        if not 0 <= number < ROLLBACKS:
            raise DatabaseRefusal(
                "operation-failed", f"Value {number} is not within range (0..{ROLLBACKS - 1})"
            )
        if number == 0:
            return self.committed
        if number >= len(self.archive.history):
            raise DatabaseRefusal("operation-failed", f"rollback configuration {number} not found")
        return self.archive.tree(self.archive.history[number].sequence)

    # Committing

    def check_candidate(self, holder: Holder) -> InForce:
        """What a commit of the session would put in force. Raises CommitRefused.

        That is more than a private copy when somebody else has committed since.
        """
        candidate = self.workspace.candidate(holder)
        if candidate is self.workspace.shared or candidate.base is self.committed:
            return self.effective.check(candidate.tree)
        return self.effective.check(self.workspace.brought_up(self.schema, candidate))

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

        A commit while a confirmation is awaited confirms it. ``by_rfc``: RFC 6241's ``commit``,
        which must not confirm what is bound to another session. Raises DatabaseRefusal and
        CommitRefused.
        """
        if confirmation is not None and holder.session_id in self.workspace.private:
            raise DatabaseRefusal(
                "operation-failed", "commit confirmed is not supported in private mode"
            )
        candidate = self.workspace.committable(self.schema, holder, now)
        if by_rfc:
            self.confirmed.may_be_confirmed(holder)
        new = self.effective.check(candidate.tree)
        running = self.archive.history[0].sequence
        pending = self.confirmed.renewed(holder, now, confirmation, running)
        # What confirms a commit is one itself, also where it changes nothing.
        if not candidate.modified and (self.confirmed.pending is None or confirmation is not None):
            return Commit(holder, None, new, pending)
        confirm = confirmation.seconds if confirmation else None
        entry = self.archive.entry(now, holder.user, "netconf", comment, confirm)
        record = CommitRecord(entry, candidate.tree)
        return Commit(holder, record, new, pending, self.effective.prepared(new))

    def confirmation(self, holder: Holder, now: float) -> Commit:
        """What makes a commit that awaits its confirmation stay, and changes nothing else.

        Raises DatabaseRefusal when another session has the database locked.
        """
        self.workspace.unlocked(holder, now)
        return Commit(holder, None, self.effective.present, None)

    def write(self, commit: Commit) -> None:
        """Make a staged commit durable. Raises StoreFailed: then nothing has changed."""
        if commit.record is not None:
            self.archive.write(commit.record, commit.pending)
            self._loaded = 0
            return
        self.archive.write_owed()
        if commit.pending != self.confirmed.pending:
            self.archive.set_pending(commit.pending)

    def activate(self, commit: Commit, now: float) -> None:
        """Put in force what was written, and let the followers act."""
        running = self.committed
        self.confirmed.follow(commit.pending, running)
        if commit.record is not None:
            running = commit.record.tree
            self._put_in_force(commit.record, commit.in_force)
        self.effective.sound = True
        self.workspace.follow_commit(commit.holder, running)
        _follow(commit.follow, now)

    def _put_in_force(self, record: CommitRecord, new: InForce) -> None:
        self.archive.take_in(record.entry)
        self.effective.present = new

    # Taking an unconfirmed commit back

    def expire(self, now: float) -> bool:
        """Take an unconfirmed commit back when its time is over; True when that happened."""
        if self._in_progress:
            return False
        self._write_again(now)
        if not self.confirmed.is_over(now):
            return False
        self._take_back(now)
        return True

    def _take_back(self, now: float) -> None:
        """Return to what was committed before; in force even when the disk is full.

        Until it can be written, the disk holds the unconfirmed commit and its deadline: a
        restart takes it back too.
        """
        record = CommitRecord(self.archive.entry(now, "root", "other"), self.confirmed.restore)
        self.confirmed.end()
        self.archive.owe(record, now)
        self._write_again(now)
        new = self.effective.of(record.tree)
        follow = self.effective.prepared(new)
        self._put_in_force(record, new)
        self.effective.sound = False
        self.workspace.follow_return(record.tree)
        _follow(follow, now)

    def _write_again(self, now: float) -> None:
        trouble = self.archive.try_again(now)
        if trouble is not None:
            self._on_trouble(f"an unconfirmed commit was taken back, but not written: {trouble}")

    @property
    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do next."""
        if self._in_progress:
            return None
        due = (self.confirmed.deadline, self.archive.due)
        return min((d for d in due if d is not None), default=None)


def _follow(follow: Sequence[Callable[[float], None]], now: float) -> None:
    """The database knows what holds, and nobody who acts on it can leave it half told."""
    for act in follow:
        act(now)

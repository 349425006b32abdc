# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration database of one device: committed, candidate and private copies, locks.

Time comes in as ``now`` (seconds since the epoch); nothing here sleeps or opens a socket. The
rules are those of Junos' CLI and NETCONF guides: the exclusive lock covers the shared candidate,
an unlock or the end of the session discards what was not committed, a confirmed commit is taken
back at its deadline unless another commit confirms it. RFC 6241's confirmed commit (§8.4) is bound
to its session besides: its end takes the commit back at once, and another session's ``commit``
cannot confirm it.

A commit has three steps, so that the dear ones can be done beside an event loop: :meth:`stage`
merges and checks, :meth:`write` makes it durable, :meth:`activate` puts it in force.
"""

from __future__ import annotations

import contextlib
import datetime
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from .compare import compare
from .constraints import Violation, check
from .edit import copy_tree
from .inherit import InForce, in_force
from .junos_schema import Generation, junos_schema
from .merge import Conflict, merge
from .schema import Statement
from .store import (
    RETRY_SECONDS,
    ROLLBACKS,
    CommitEntry,
    CommitRecord,
    PendingConfirmation,
    Store,
    StoreFailed,
)
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

    def settle(self, schema: Statement) -> None:
        """After an edit: forget a copy that says the same as its base."""
        if self.tree is not self.base and says_the_same(schema, self.tree, self.base):
            self.tree, self.touched_by = self.base, None

    @property
    def modified(self) -> bool:
        """True while there is something uncommitted."""
        return self.tree is not self.base


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
    """Committed configuration, history, shared candidate, private copies and the lock."""

    def __init__(
        self,
        generation: Generation,
        store: Store,
        initial: Callable[[], Tree],
        now: float,
        *,
        strict: bool,
    ) -> None:
        """``initial`` is asked for what a store begins with that has nothing yet."""
        self.generation = generation
        self.schema = junos_schema(generation)
        self.strict = strict
        self._store = store
        self.followers: list[Follower] = []
        self.on_trouble: Callable[[str], None] = lambda text: None
        """Called with a sentence when something was not written that nobody is told of."""
        self.lock_holder: Holder | None = None
        self.private: dict[int, Candidate] = {}
        self.opened: dict[int, bool] = {}
        """Sessions that opened the shared candidate, and whether exclusively."""
        self.history: list[CommitEntry] = []
        self.committed: Tree = {}
        """The running configuration."""
        self._octets = 0
        self._loaded = 0
        self._sound = False
        """Whether what is in force is known to break no rule; a lab file's first one is not."""
        self._unwritten: CommitRecord | None = None
        self._write_again_at = 0.0
        self._in_progress = False
        self._load(store, initial, now)
        self.shared = Candidate(self.committed)
        if self.pending is not None and self.pending.session is not None:
            # RFC 6241 §8.4: a session does not outlive a restart, nor does what is bound to it.
            self._take_back(now)
        self.expire(now)

    def _load(self, store: Store, initial: Callable[[], Tree], now: float) -> None:
        self.history = store.history()
        self.pending = store.pending()
        if not self.history:
            entry = CommitEntry(1, now, "root", "other", "initial configuration")
            record = CommitRecord(entry, initial())
            store.commit(record, None)
            self.history = store.history()
        self._octets = store.heaviest()
        self.committed = store.tree(self.history[0].sequence)
        self._in_force = in_force(self.schema, self.committed)
        self._restore = store.tree(self.pending.restore) if self.pending else self.committed

    def effective(self) -> Tree:
        """The running configuration without its inactive parts."""
        return self._in_force.tree

    @property
    def weight(self) -> int:
        """About how many octets a request on the configuration has to deal with.

        The largest configuration that was committed, for a request may ask for it, and what was
        loaded since.
        """
        return self._octets + self._loaded

    def loading(self, octets: int) -> None:
        """Take note of how much is loaded into a candidate."""
        self._loaded += octets

    @contextlib.contextmanager
    def in_progress(self) -> Iterator[None]:
        """While a request is being worked on beside the event loop, deadlines wait."""
        self._in_progress = True
        try:
            yield
        finally:
            self._in_progress = False

    # Locks and private copies

    def lock(self, holder: Holder, now: float, *, running: bool = False) -> None:
        """Take the exclusive lock on the shared candidate.

        ``running``: RFC 6241's lock of the running configuration, which another session's
        confirmed commit forbids (§7.5).
        """
        if self.lock_holder is not None:
            raise self._locked(self.lock_holder, now)
        bound = self.pending.session if self.pending is not None else None
        if running and bound not in (None, holder.session_id):
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

    def session_ended(self, holder: Holder, now: float) -> None:
        """Whatever ended the session: its lock, private copy and uncommitted edits go.

        So does, at once, a confirmed commit that is bound to it and that it did not confirm.
        """
        self.private.pop(holder.session_id, None)
        self.opened.pop(holder.session_id, None)
        if self._owns_lock(holder):
            self.lock_holder = None
            self.discard()
        else:
            self._discard_edits_of(holder)
        if self.pending is not None and self.pending.session == holder.session_id:
            self._take_back(now)

    # Editing

    def candidate(self, holder: Holder) -> Candidate:
        """What the session sees as the candidate."""
        return self.private.get(holder.session_id, self.shared)

    def writable(self, holder: Holder, now: float) -> Candidate:
        """The candidate, provided that the session may change it now."""
        private = self.private.get(holder.session_id)
        if private is not None:
            return private
        shared = self._unlocked(holder, now)
        if self.private:
            raise DatabaseRefusal("lock-denied", "private edits in use")
        return shared

    def _unlocked(self, holder: Holder, now: float) -> Candidate:
        """The shared candidate, provided that no other session has it locked."""
        owner = self.lock_holder
        if owner is not None and owner.session_id != holder.session_id:
            raise self._locked(owner, now)
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
        if number == 0:
            return self.committed
        if number >= len(self.history):
            raise DatabaseRefusal("operation-failed", f"rollback configuration {number} not found")
        return self._store.tree(self.history[number].sequence)

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
        candidate = self.candidate(holder)
        if candidate is self.shared or candidate.base is self.committed:
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
        if not candidate.modified:
            return Commit(holder, None, new, pending)
        entry = CommitEntry(
            self.history[0].sequence + 1,
            now,
            holder.user,
            "netconf",
            comment,
            confirmation.seconds if confirmation else None,
        )
        record = CommitRecord(entry, candidate.tree)
        return Commit(holder, record, new, pending, self._prepared(new))

    def _prepared(self, new: InForce) -> list[Callable[[float], None]]:
        return [follower(new.tree) for follower in self.followers]

    def _committable(
        self, holder: Holder, now: float, confirmation: Confirmation | None
    ) -> Candidate:
        candidate = self.candidate(holder)
        if candidate is self.shared:
            # Others' private copies stand against edits; who confirms a commit has made none.
            return self.writable(holder, now) if candidate.modified else self._unlocked(holder, now)
        if confirmation is not None:
            raise DatabaseRefusal(
                "operation-failed", "commit confirmed is not supported in private mode"
            )
        return (
            candidate if candidate.base is self.committed else self._merged(holder, candidate, now)
        )

    def _may_confirm(self, holder: Holder, by_rfc: bool) -> None:
        bound = self.pending.session if self.pending is not None else None
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
        self._write_unwritten()
        if commit.record is not None:
            self._octets = max(self._octets, self._store.commit(commit.record, commit.pending))
            self._loaded = 0
        elif commit.pending != self.pending:
            self._store.set_pending(commit.pending)

    def activate(self, commit: Commit, now: float) -> None:
        """Put in force what was written, and let the followers act."""
        if commit.pending is not None and self.pending is None:
            self._restore = self.committed
        self.pending = commit.pending
        if commit.record is not None:
            self._put_in_force(commit.record, commit.in_force)
        self._sound = True
        if commit.holder.session_id in self.private:
            self.private[commit.holder.session_id] = Candidate(self.committed)
            if not self.shared.modified:
                self.shared = Candidate(self.committed)
        else:
            self.shared = Candidate(self.committed)
        _follow(commit.follow, now)

    def _put_in_force(self, record: CommitRecord, new: InForce) -> None:
        self.history.insert(0, record.entry)
        del self.history[ROLLBACKS:]
        self._in_force = new
        self.committed = record.tree

    def _merged(self, holder: Holder, private: Candidate, now: float) -> Candidate:
        """A private copy brought up to what others have committed meanwhile."""
        tree = self._brought_up(private)
        merged = Candidate(self.committed)
        merged.edit(holder, now)
        merged.tree = tree
        merged.settle(self.schema)
        self.private[holder.session_id] = merged
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
        self._try_unwritten(now)
        if self.pending is None or now < self.pending.deadline:
            return False
        self._take_back(now)
        return True

    def _take_back(self, now: float) -> None:
        """Return to what was committed before; in force even when the disk is full.

        Until it can be written, the disk holds the unconfirmed commit and its deadline: a
        restart takes it back too.
        """
        entry = CommitEntry(self.history[0].sequence + 1, now, "root", "other", "")
        record = CommitRecord(entry, self._restore)
        self.pending = None
        self._unwritten, self._write_again_at = record, now
        self._try_unwritten(now)
        new = in_force(self.schema, record.tree, self._in_force)
        follow = self._prepared(new)
        self._put_in_force(record, new)
        self._sound = False
        if self.lock_holder is None or not self.shared.modified:
            self.shared = Candidate(self.committed)
        else:
            # Whoever holds the lock goes on with his edits, which are on another ground now.
            self.shared.base = self.committed
        _follow(follow, now)

    def _try_unwritten(self, now: float) -> None:
        if self._unwritten is None or now < self._write_again_at:
            return
        try:
            self._write_unwritten()
        except StoreFailed as error:
            self.on_trouble(f"an unconfirmed commit was taken back, but not written: {error}")
            self._write_again_at = now + RETRY_SECONDS

    def _write_unwritten(self) -> None:
        if self._unwritten is not None:
            self._store.commit(self._unwritten, None)
            self._unwritten = None

    @property
    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do next."""
        if self._in_progress:
            return None
        awaited = self.pending.deadline if self.pending else None
        again = self._write_again_at if self._unwritten is not None else None
        return min((d for d in (awaited, again) if d is not None), default=None)

    def minutes_left(self, now: float) -> int | None:
        """Minutes, rounded up, until an unconfirmed commit is taken back; None without one."""
        if self.pending is None:
            return None
        return max(0, math.ceil((self.pending.deadline - now) / 60))


def _follow(follow: Sequence[Callable[[float], None]], now: float) -> None:
    """The database knows what holds, and nobody who acts on it can leave it half told."""
    for act in follow:
        act(now)


def utc(seconds: float) -> str:
    """A time as Junos prints it."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")

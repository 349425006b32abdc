# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was committed, as a store keeps it; what it could not write waits and is tried again."""

from __future__ import annotations

from collections.abc import Callable

from .candidate import DatabaseRefusal
from .store import (
    RETRY_SECONDS,
    ROLLBACKS,
    CommitEntry,
    CommitRecord,
    PendingConfirmation,
    Store,
    StoreFailed,
)
from .tree import Tree


class Archive:
    """``history`` has the newest commit first; ``octets`` is the largest configuration's size."""

    def __init__(self, store: Store, initial: Callable[[], Tree], now: float) -> None:
        self._store = store
        self._owed: CommitRecord | None = None
        self._again_at = 0.0
        self.history: list[CommitEntry] = store.history()
        if not self.history:
            entry = CommitEntry(1, now, "root", "other", "initial configuration")
            store.commit(CommitRecord(entry, initial()), None)
            self.history = store.history()
        self.octets = store.heaviest()

    def pending(self) -> PendingConfirmation | None:
        """The confirmation that is awaited, as it is written."""
        return self._store.pending()

    def tree(self, sequence: int) -> Tree:
        """What was committed then."""
        return self._store.tree(sequence)

    def rescue(self) -> Tree:
        """The rescue configuration. Raises DatabaseRefusal where there is none."""
        tree = self._store.rescue()
        if tree is None:
            raise DatabaseRefusal("operation-failed", "rescue configuration not found")
        return tree

    def set_rescue(self, tree: Tree | None) -> None:
        """Keep a rescue configuration, or none."""
        self._store.set_rescue(tree)

    def entry(
        self, now: float, user: str, client: str, comment: str = "", confirm: float | None = None
    ) -> CommitEntry:
        """What the next commit is called."""
        return CommitEntry(self.history[0].sequence + 1, now, user, client, comment, confirm)

    def take_in(self, entry: CommitEntry) -> None:
        """It is in force."""
        self.history.insert(0, entry)
        del self.history[ROLLBACKS:]

    def write(self, record: CommitRecord, pending: PendingConfirmation | None) -> None:
        """Make a commit durable. Raises StoreFailed: then nothing has changed."""
        self.write_owed()
        self.octets = max(self.octets, self._store.commit(record, pending))

    def set_pending(self, pending: PendingConfirmation | None) -> None:
        """Await a confirmation, or none any more. Raises StoreFailed."""
        self.write_owed()
        self._store.set_pending(pending)

    # What is in force already

    def owe(self, record: CommitRecord, now: float) -> None:
        """Write this as soon as it can be written."""
        self._owed, self._again_at = record, now

    def try_again(self, now: float) -> StoreFailed | None:
        """Write what is owed when it is time; what is in the way, or None."""
        if self._owed is None or now < self._again_at:
            return None
        try:
            self.write_owed()
        except StoreFailed as error:
            self._again_at = now + RETRY_SECONDS
            return error
        return None

    def write_owed(self) -> None:
        """Write what is owed. Raises StoreFailed."""
        if self._owed is not None:
            self._store.commit(self._owed, None)
            self._owed = None

    @property
    def due(self) -> float | None:
        """When :meth:`try_again` has something to do; None: never."""
        return self._again_at if self._owed is not None else None

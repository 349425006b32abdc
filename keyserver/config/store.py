# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Durable storage: committed configurations and the rescue one, what awaits confirmation, keys.

One sqlite file per device, write-ahead log, ``synchronous=FULL``: a commit is acknowledged only
after it is on disk, and a kill at any instant leaves the old or the new configuration. The file is
held exclusively for as long as the store is open: a second server on it is refused.

A commit is kept as what it changed of the one before it (``base``), so that it costs what it
changes; a whole configuration comes in between before the differences are larger than that.

Calls may come from the event loop's thread and from its worker: each is one transaction, and they
take turns.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from .packing import pack, pack_difference, patched, sealed, unpack
from .tree import Tree

ROLLBACKS = 50
"""Committed configurations that are kept: rollback 0 (current) to rollback 49."""

RETRY_SECONDS = 10.0
"""How often what goes on without having been written, as the disk was full, is tried again."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS commit_log (
    sequence INTEGER PRIMARY KEY, time REAL NOT NULL, user TEXT NOT NULL, client TEXT NOT NULL,
    comment TEXT NOT NULL, body BLOB NOT NULL, confirm_seconds REAL, base INTEGER);
CREATE TABLE IF NOT EXISTS pending (
    one INTEGER PRIMARY KEY CHECK (one = 1), deadline REAL NOT NULL, restore INTEGER NOT NULL,
    session INTEGER);
CREATE TABLE IF NOT EXISTS rescue (one INTEGER PRIMARY KEY CHECK (one = 1), body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS signing_key (name TEXT PRIMARY KEY, pem BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS group_keys (name TEXT PRIMARY KEY, state BLOB NOT NULL);
"""
_TABLES = frozenset({"commit_log", "pending", "rescue", "signing_key", "group_keys"})
_APPLICATION, _VERSION = 0x67766B73, 3
"""What sqlite keeps in the file's header: whose it is, and which version of these tables it has."""
_ADDED_LATER = (
    ("commit_log", "confirm_seconds REAL"),
    ("commit_log", "base INTEGER"),
    ("pending", "session INTEGER"),
)
"""Columns that stores of earlier versions do not have."""

_WHOLE = "(SELECT max(sequence) FROM commit_log WHERE base IS NULL AND sequence <= :{})"
_CHAIN = (
    "SELECT sequence, base, body FROM commit_log "
    f"WHERE sequence BETWEEN {_WHOLE.format('sequence')} AND :sequence "
    "AND EXISTS (SELECT 1 FROM commit_log WHERE sequence = :sequence) ORDER BY sequence"
)
"""A whole configuration and the differences that lead from it to the one asked for."""
_PRUNE = (
    f"DELETE FROM commit_log WHERE sequence < {_WHOLE.format('oldest')} "
    f"AND sequence NOT BETWEEN {_WHOLE.format('keep')} AND :keep"
)
"""What can go: the history and the configuration to return to do without it."""


@dataclass(frozen=True)
class CommitEntry:
    """What the history says of one commit: who, when (seconds since the epoch) and why.

    ``confirm_seconds`` is the time that was given to confirm it; None for an ordinary commit. The
    configuration is read when it is asked for.
    """

    sequence: int
    time: float
    user: str
    client: str
    comment: str
    confirm_seconds: float | None = None


class CommitRecord(NamedTuple):
    """A commit with its configuration."""

    entry: CommitEntry
    tree: Tree


@dataclass(frozen=True)
class PendingConfirmation:
    """A confirmed commit that is rolled back at ``deadline`` to commit ``restore``.

    ``session`` is the NETCONF session that it is bound to (RFC 6241 §8.4), if any.
    """

    deadline: float
    restore: int
    session: int | None = None


class StoreDamaged(Exception):
    """The state file is not a store, cannot be read, or is from another program."""


class StoreInUse(StoreDamaged):
    """Another process has the state file open."""


_UNREADABLE = (sqlite3.Error, zlib.error, TypeError, ValueError)
"""What reading comes upon in a damaged file; a damaged row may have another type, or nothing."""


class StoreFailed(Exception):
    """Something could not be written or read: a full disk, a file that went away."""


def damaged_key(path: Path | None, what: str) -> StoreFailed:
    """A key that cannot be read: another one in its place would not be what others know."""
    return StoreFailed(f"{path or 'memory'}: {what} is damaged; put a copy of the file back")


_PACKED = 10
"""How many times smaller a configuration is when it is packed, about."""


@dataclass
class _Head:
    """The last commit, and what has to be read for it: a whole one and the differences since."""

    sequence: int
    tree: Tree
    octets: int
    whole: int
    differences: int = 0
    length: int = 0

    def takes(self, difference: bytes) -> bool:
        """True while one more difference is better than a whole configuration."""
        return self.length < ROLLBACKS and self.differences + len(difference) < self.whole

    def followed(self, record: CommitRecord, difference: bytes) -> _Head:
        """The head after a commit that is kept as a difference."""
        size = len(difference)
        return _Head(
            record.entry.sequence,
            record.tree,
            self.octets + size,
            self.whole,
            self.differences + size,
            self.length + 1,
        )


class Store:
    """The durable side of one device. ``path`` None keeps everything in memory.

    ``conform`` brings configurations of earlier versions into the form of this one, once; it
    raises ValueError for what it does not know.
    Opening raises StoreInUse or StoreDamaged; every other method StoreFailed, also for what is
    damaged inside.
    """

    def __init__(
        self, path: Path | None, conform: Callable[[Tree], Tree] = lambda tree: tree
    ) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._head: _Head | None = None
        self._database = _open(path)
        self._files: dict[Path, _Place] = {}
        try:
            _prepare(self._database, conform)
            self._files = _places(path)
            for file in self._files:
                # It holds private keys; what is somebody else's has been refused as it was.
                file.chmod(0o600)
        except (*_UNREADABLE, _Foreign, OSError) as error:
            self._database.close()
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                text = "is in use by another server; stop that one, or name another file"
                raise StoreInUse(f"{path}: {text}") from None
            raise StoreDamaged(f"{path}: {_told(error)}") from None

    def rest(self) -> None:
        """Give back the memory that reading took: of many stores few are asked again soon."""
        with self._reading() as database:
            database.execute("PRAGMA shrink_memory")

    def close(self) -> None:
        """Close the file; everything acknowledged is already on disk."""
        with self._lock:
            self._database.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                # A disk that fails may have refused that, too, when a transaction was given up.
                _roll_back(self._database)
                yield self._database
            except _UNREADABLE as error:
                raise StoreFailed(f"{self.path or 'memory'}: {_told(error)}") from None

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as database:
            self._refuse_if_gone()
            with _transaction(database):
                yield database

    def _refuse_if_gone(self) -> None:
        """What is written to files that were removed is lost when they are closed."""
        for file, place in self._files.items():
            if _place_of(file) != place:
                raise StoreFailed(
                    f"{file}: gone, or another file than was opened; put it back, "
                    "or start the server anew"
                )

    def history(self) -> list[CommitEntry]:
        """Committed configurations, newest (rollback 0) first."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT sequence, time, user, client, comment, confirm_seconds FROM commit_log "
                "ORDER BY sequence DESC LIMIT ?",
                (ROLLBACKS,),
            )
            return [CommitEntry(*row) for row in rows]

    def tree(self, sequence: int) -> Tree:
        """The configuration of one commit."""
        with self._reading() as database:
            rows = database.execute(_CHAIN, {"sequence": sequence}).fetchall()
            (newest,) = database.execute("SELECT max(sequence) FROM commit_log").fetchone()
            if not rows:
                raise StoreFailed(f"{self.path or 'memory'}: commit {sequence} is not there")
            tree = unpack(rows[0][2])
            for (last, _, _), (_, base, body) in pairwise(rows):
                if base != last:
                    raise StoreFailed(f"{self.path or 'memory'}: commit {sequence} is damaged")
                tree = patched(tree, body)
        if self._head is None and sequence == newest:
            whole, *since = (len(body) for _, _, body in rows)
            octets = _PACKED * whole + sum(since)
            self._head = _Head(sequence, tree, octets, whole, sum(since), len(since))
        return tree

    def heaviest(self) -> int:
        """About how many octets the largest committed configuration has, unpacked."""
        with self._reading() as database:
            (packed,) = database.execute("SELECT max(length(body)) FROM commit_log").fetchone()
            return _PACKED * (packed or 0)

    def commit(self, record: CommitRecord, pending: PendingConfirmation | None) -> int:
        """Make ``record`` the running configuration, in one transaction with ``pending``.

        Returns about how many octets it has before they are compressed.
        """
        head, base, body = self._kept_as(record)
        keep = pending.restore if pending is not None else record.entry.sequence
        with self._writing() as database:
            database.execute(
                "INSERT INTO commit_log (sequence, time, user, client, comment, confirm_seconds, "
                "body, base) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*astuple(record.entry), body, base),
            )
            database.execute(_PRUNE, {"oldest": record.entry.sequence - ROLLBACKS, "keep": keep})
            _write_pending(database, pending)
        self._head = head
        return head.octets

    def _kept_as(self, record: CommitRecord) -> tuple[_Head, int | None, bytes]:
        """What the head will be, and the commit's base and body."""
        head = self._head
        if head is not None and head.sequence == record.entry.sequence - 1:
            difference = pack_difference(head.tree, record.tree)
            if head.takes(difference):
                return head.followed(record, difference), head.sequence, difference
        body, octets = pack(record.tree)
        return _Head(record.entry.sequence, record.tree, octets, len(body)), None, body

    def set_pending(self, pending: PendingConfirmation | None) -> None:
        """Record or clear the confirmation that a commit still waits for."""
        with self._writing() as database:
            _write_pending(database, pending)

    def pending(self) -> PendingConfirmation | None:
        """The confirmation that was still awaited when the store was last written."""
        with self._reading() as database:
            row = database.execute("SELECT deadline, restore, session FROM pending").fetchone()
            return PendingConfirmation(*row) if row else None

    def rescue(self) -> Tree | None:
        """The configuration that was saved for emergencies."""
        with self._reading() as database:
            row = database.execute("SELECT body FROM rescue").fetchone()
            return unpack(row[0]) if row else None

    def set_rescue(self, tree: Tree | None) -> None:
        """Save a configuration for emergencies, or forget the one that was saved."""
        with self._writing() as database:
            database.execute("DELETE FROM rescue")
            if tree is not None:
                database.execute("INSERT INTO rescue VALUES (1, ?)", (pack(tree)[0],))

    def signing_key(self, name: str) -> bytes | None:
        """The PEM of a rekey signing key by certificate name."""
        with self._reading() as database:
            row = database.execute("SELECT pem FROM signing_key WHERE name = ?", (name,)).fetchone()
            return row[0] if row else None

    def add_signing_key(self, name: str, pem: bytes) -> None:
        """Keep a signing key for as long as the store lives."""
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO signing_key VALUES (?, ?)", (name, pem))

    def group_keys(self, name: str) -> bytes | None:
        """The keys of a group as they were kept last."""
        with self._reading() as database:
            row = database.execute("SELECT state FROM group_keys WHERE name = ?", (name,))
            found = row.fetchone()
            return found[0] if found else None

    def set_group_keys(self, name: str, state: bytes | None) -> None:
        """Keep the keys of a group, or forget them."""
        with self._writing() as database:
            database.execute("DELETE FROM group_keys WHERE name = ?", (name,))
            if state is not None:
                database.execute("INSERT INTO group_keys VALUES (?, ?)", (name, state))


class _Foreign(Exception):
    """A database of another program."""


def _open(path: Path | None) -> sqlite3.Connection:
    """The file; a new one can be read by its owner alone."""
    try:
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.is_dir():
                raise StoreDamaged(f"{path}: is a directory; name a file")
            path.touch(mode=0o600)
        return sqlite3.connect(
            path or ":memory:", isolation_level=None, timeout=0, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as error:
        place = getattr(error, "filename", None) or path
        raise StoreDamaged(f"{place}: {_told(error)}") from None


def _told(error: Exception) -> str:
    """An error with what helps; what sqlite says of a disk stands for itself."""
    if isinstance(error, OSError):
        return f"{error.strerror or error}; see who may write there, or name another file"
    if isinstance(error, sqlite3.OperationalError | _Foreign):
        return str(error)
    return f"{error}; put a copy of the file back, or name another file"


_Place = tuple[int, int]
"""Device and inode of a file."""


def _places(path: Path | None) -> dict[Path, _Place]:
    """Where a store's files are: what was committed last is in its write-ahead log."""
    files = [] if path is None else [path, path.with_name(f"{path.name}-wal")]
    return {file: place for file in files if (place := _place_of(file)) is not None}


def _place_of(file: Path) -> _Place | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _prepare(database: sqlite3.Connection, conform: Callable[[Tree], Tree]) -> None:
    """Take the file for this process, see that it is a store, bring it up to date."""
    # Before the journal mode: without shared memory, one file less for each device.
    database.execute("PRAGMA locking_mode=EXCLUSIVE")
    is_ours = _number(database, "application_id") == _APPLICATION
    if not is_ours:
        _refuse_foreign(database)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.executescript("BEGIN EXCLUSIVE;COMMIT;")
    if is_ours and _number(database, "user_version") == _VERSION:
        return
    if is_ours and _number(database, "user_version") > _VERSION:
        raise _Foreign("written by a later version; use that one, or name another file")
    database.executescript(_SCHEMA)
    with _transaction(database):
        _bring_up_to_date(database, conform)


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        _roll_back(database)
        raise


def _roll_back(database: sqlite3.Connection) -> None:
    """Give a transaction up; when the disk was full, sqlite has done so by itself."""
    if database.in_transaction:
        database.execute("ROLLBACK")


def _bring_up_to_date(database: sqlite3.Connection, conform: Callable[[Tree], Tree]) -> None:
    for table, column in _ADDED_LATER:
        name = column.split()[0]
        if name not in {row[1] for row in database.execute(f"PRAGMA table_info({table})")}:
            database.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    for table, number in (("commit_log", "sequence"), ("rescue", "one")):
        whole = "WHERE base IS NULL" if table == "commit_log" else ""
        rows = database.execute(f"SELECT {number}, body FROM {table} {whole}").fetchall()
        for row, body in rows:
            kept = pack(conform(unpack(body)))[0]
            database.execute(f"UPDATE {table} SET body = ? WHERE {number} = ?", (kept, row))
    bare = database.execute("SELECT sequence, body FROM commit_log WHERE base IS NOT NULL")
    for sequence, body in bare.fetchall():
        kept = sealed(body)
        database.execute("UPDATE commit_log SET body = ? WHERE sequence = ?", (kept, sequence))
    database.execute(f"PRAGMA application_id={_APPLICATION}")
    database.execute(f"PRAGMA user_version={_VERSION}")


def _number(database: sqlite3.Connection, pragma: str) -> int:
    (number,) = database.execute(f"PRAGMA {pragma}").fetchone()
    return int(number)


def _refuse_foreign(database: sqlite3.Connection) -> None:
    """Stores of early versions have no number, but tables of ours alone."""
    names = {n for (n,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if {name for name in names if not name.startswith("sqlite_")} - _TABLES:
        raise _Foreign("a database of another program; name another file")


def _write_pending(database: sqlite3.Connection, pending: PendingConfirmation | None) -> None:
    database.execute("DELETE FROM pending")
    if pending is not None:
        database.execute(
            "INSERT INTO pending (one, deadline, restore, session) VALUES (1, ?, ?, ?)",
            (pending.deadline, pending.restore, pending.session),
        )

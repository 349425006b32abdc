# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Durable storage: committed configurations and the rescue one, what awaits confirmation, keys.

One sqlite file per device, write-ahead log, ``synchronous=FULL``: a commit is acknowledged only
after it is on disk, and a kill at any instant leaves the old or the new configuration.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .tree import INACTIVE, Tree

ROLLBACKS = 50
"""Committed configurations that are kept: rollback 0 (current) to rollback 49."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS commit_log (
    sequence INTEGER PRIMARY KEY, time REAL NOT NULL, user TEXT NOT NULL, client TEXT NOT NULL,
    comment TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS pending (
    one INTEGER PRIMARY KEY CHECK (one = 1), deadline REAL NOT NULL, restore INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rescue (one INTEGER PRIMARY KEY CHECK (one = 1), body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS signing_key (name TEXT PRIMARY KEY, pem BLOB NOT NULL);
"""


@dataclass(frozen=True)
class CommitRecord:
    """One committed configuration with who, when (seconds since the epoch) and why."""

    sequence: int
    time: float
    user: str
    client: str
    comment: str
    tree: Tree


@dataclass(frozen=True)
class PendingConfirmation:
    """A confirmed commit that is rolled back at ``deadline`` to commit ``restore``."""

    deadline: float
    restore: int


class StoreDamaged(Exception):
    """The state file is not a store, or is from another program."""


def _encode(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: sorted(map(list_or_name, inner)) if key == INACTIVE else _encode(inner)
            for key, inner in value.items()
        }
    return value


def list_or_name(identity: Any) -> list[str]:
    """An inactive mark as JSON: ``[name]`` or ``[name, key]``."""
    return list(identity) if isinstance(identity, tuple) else [identity]


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: {m[0] if len(m) == 1 else (m[0], m[1]) for m in inner}
            if key == INACTIVE
            else _decode(inner)
            for key, inner in value.items()
        }
    return value


def _pack(tree: Tree) -> bytes:
    return zlib.compress(json.dumps(_encode(tree)).encode(), 1)


def _unpack(body: bytes) -> Tree:
    tree: Tree = _decode(json.loads(zlib.decompress(body)))
    return tree


class Store:
    """The durable side of one device. ``path`` None keeps everything in memory."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = sqlite3.connect(path or ":memory:", isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise StoreDamaged(f"{path}: {error}") from None
        self._body: tuple[Tree, bytes] | None = None

    def close(self) -> None:
        """Close the file; everything acknowledged is already on disk."""
        self._database.close()

    def history(self) -> list[CommitRecord]:
        """Committed configurations, newest (rollback 0) first."""
        rows = self._database.execute(
            "SELECT sequence, time, user, client, comment, body FROM commit_log "
            "ORDER BY sequence DESC LIMIT ?",
            (ROLLBACKS,),
        )
        return [
            CommitRecord(number, time, user, client, text, _unpack(body))
            for number, time, user, client, text, body in rows
        ]

    def commit(self, record: CommitRecord, pending: PendingConfirmation | None) -> None:
        """Make ``record`` the running configuration, in one transaction with ``pending``."""
        body = _pack(record.tree)
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            database.execute(
                "INSERT INTO commit_log VALUES (?, ?, ?, ?, ?, ?)",
                (record.sequence, record.time, record.user, record.client, record.comment, body),
            )
            database.execute(
                "DELETE FROM commit_log WHERE sequence <= ?", (record.sequence - ROLLBACKS - 1,)
            )
            self._write_pending(pending)
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")

    def set_pending(self, pending: PendingConfirmation | None) -> None:
        """Record or clear the confirmation that a commit still waits for."""
        self._write_pending(pending)

    def _write_pending(self, pending: PendingConfirmation | None) -> None:
        if pending is None:
            self._database.execute("DELETE FROM pending")
        else:
            self._database.execute(
                "INSERT OR REPLACE INTO pending VALUES (1, ?, ?)",
                (pending.deadline, pending.restore),
            )

    def pending(self) -> PendingConfirmation | None:
        """The confirmation that was still awaited when the store was last written."""
        row = self._database.execute("SELECT deadline, restore FROM pending").fetchone()
        return PendingConfirmation(*row) if row else None

    def rescue(self) -> Tree | None:
        """The configuration that was saved for emergencies."""
        row = self._database.execute("SELECT body FROM rescue").fetchone()
        return _unpack(row[0]) if row else None

    def set_rescue(self, tree: Tree | None) -> None:
        """Save a configuration for emergencies, or forget the one that was saved."""
        if tree is None:
            self._database.execute("DELETE FROM rescue")
        else:
            self._database.execute("INSERT OR REPLACE INTO rescue VALUES (1, ?)", (_pack(tree),))

    def signing_key(self, name: str) -> bytes | None:
        """The PEM of a rekey signing key by certificate name."""
        row = self._database.execute(
            "SELECT pem FROM signing_key WHERE name = ?", (name,)
        ).fetchone()
        return row[0] if row else None

    def add_signing_key(self, name: str, pem: bytes) -> None:
        """Keep a signing key for as long as the store lives."""
        self._database.execute("INSERT OR REPLACE INTO signing_key VALUES (?, ?)", (name, pem))

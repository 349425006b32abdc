# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A configuration database, and what it keeps apart: who edits what, what was committed."""

from __future__ import annotations

import sqlite3
from functools import partial

import pytest

from keyserver.config.archive import Archive
from keyserver.config.candidate import DatabaseRefusal, Holder
from keyserver.config.confirmed import Confirmation
from keyserver.config.database import ConfigurationDatabase
from keyserver.config.effective import CommitRefused
from keyserver.config.files import read_file
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.store import (
    RETRY_SECONDS,
    ROLLBACKS,
    CommitEntry,
    CommitRecord,
    PendingConfirmation,
    Store,
    StoreFailed,
)
from keyserver.config.workspace import Workspace

NOW = 1_800_000_000.0
ANN, BOB = Holder(7, "ann", NOW), Holder(8, "bob", NOW)
OLD, NEW = {"version": "1"}, {"version": "2"}


def test_after_a_private_commit_the_shared_candidate_is_what_was_committed():
    space = Workspace(OLD)
    space.open_private(ANN, NOW)
    space.follow_commit(ANN, NEW)
    assert (space.shared.tree, space.candidate(ANN).tree, space.candidate(BOB).tree) == (NEW,) * 3
    assert not space.shared.modified


def test_after_a_private_commit_what_others_have_edited_is_still_theirs():
    space = Workspace(OLD)
    space.open_private(ANN, NOW)
    space.shared.edit(BOB, NOW)["version"] = "3"
    space.follow_commit(ANN, NEW)
    assert (space.candidate(BOB).tree, space.shared.base) == ({"version": "3"}, OLD)


def test_who_holds_the_lock_goes_on_with_his_edits_when_a_commit_is_taken_back():
    space = Workspace(NEW)
    space.lock(ANN, NOW)
    space.writable(ANN, NOW).edit(ANN, NOW)["version"] = "3"
    space.follow_return(OLD)
    assert (space.shared.tree, space.shared.base) == ({"version": "3"}, OLD)
    space.unlock(ANN)
    assert space.shared.tree == OLD


@pytest.mark.parametrize("holder", [ANN, BOB])
def test_a_lock_that_uncommitted_edits_refuse_names_whose_they_are(holder):
    space = Workspace(OLD)
    space.writable(holder, NOW).edit(holder, NOW)["version"] = "3"
    with pytest.raises(DatabaseRefusal, match="configuration database modified") as refused:
        space.lock(BOB, NOW)
    assert refused.value.session_id == holder.session_id


def test_a_lock_that_a_confirmed_commit_refuses_names_whose_that_is():
    space = Workspace(OLD)
    with pytest.raises(DatabaseRefusal, match="a confirmed commit is pending") as refused:
        space.lock(BOB, NOW, bound=ANN.session_id)
    assert refused.value.session_id == ANN.session_id
    space.lock(ANN, NOW, bound=ANN.session_id)
    assert space.lock_holder == ANN


class Full(Store):
    """A store whose disk may be full."""

    full = False

    def commit(self, record, pending):
        if self.full:
            raise StoreFailed("memory: disk is full")
        return super().commit(record, pending)


@pytest.fixture
def store():
    return Full(None)


@pytest.fixture
def archive(store):
    return Archive(store, lambda: OLD, NOW)


def committed(archive, tree, pending=None):
    record = CommitRecord(archive.entry(NOW, "ann", "netconf"), tree)
    archive.write(record, pending)
    archive.take_in(record.entry)


def test_fifty_configurations_are_kept(archive):
    for number in range(ROLLBACKS + 5):
        committed(archive, {"version": str(number)})
    assert len(archive.history) == ROLLBACKS == 50
    assert archive.tree(archive.history[-1].sequence) == {"version": "5"}


def test_what_could_not_be_written_is_tried_again_after_a_while_and_not_before(store, archive):
    store.full = True
    archive.owe(CommitRecord(archive.entry(NOW, "root", "other"), NEW), NOW)
    assert isinstance(archive.try_again(NOW), StoreFailed)
    assert archive.due == NOW + RETRY_SECONDS
    store.full = False
    assert archive.try_again(NOW + RETRY_SECONDS - 1) is None
    assert len(store.history()) == 1
    assert archive.try_again(NOW + RETRY_SECONDS) is None
    assert (archive.due, len(store.history())) == (None, 2)


def test_what_is_owed_is_written_before_what_comes_later(store, archive):
    committed(archive, NEW, PendingConfirmation(NOW + 60, 1))
    back = CommitRecord(archive.entry(NOW, "root", "other"), OLD)
    archive.owe(back, NOW)
    archive.take_in(back.entry)
    committed(archive, {"version": "3"})
    assert [store.tree(entry.sequence)["version"] for entry in store.history()] == list("3121")
    assert archive.pending() is None


def test_a_confirmation_is_written_behind_what_is_owed(store, archive):
    archive.owe(CommitRecord(archive.entry(NOW, "root", "other"), NEW), NOW)
    archive.set_pending(PendingConfirmation(NOW + 60, 1))
    assert (len(store.history()), archive.pending().restore) == (2, 1)


def test_a_commit_that_failed_half_way_does_not_stand_in_the_way_of_the_next(store):
    entry = CommitEntry(1, NOW, "ann", "netconf", "")
    store.commit(CommitRecord(entry, OLD), None)
    with pytest.raises(StoreFailed):
        store.commit(CommitRecord(entry, NEW), None)
    store.commit(CommitRecord(CommitEntry(2, NOW, "ann", "netconf", ""), NEW), None)
    assert [store.tree(number) for number in (1, 2)] == [OLD, NEW]


class Failing(sqlite3.Connection):
    """A connection to a disk that may fail at some statement, and at those behind it."""

    left, failures = 0, 0

    def execute(self, *args):
        type(self).left -= 1
        if -self.failures <= self.left < 0:
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(*args)


@pytest.mark.parametrize("failures", [1, 2])
@pytest.mark.parametrize("left", range(6))
def test_wherever_a_disk_fails_nothing_of_that_commit_is_seen_and_the_next_goes_in(
    monkeypatch, left, failures
):
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Failing))
    store = Store(None)
    store.commit(CommitRecord(CommitEntry(1, NOW, "ann", "netconf", ""), OLD), None)
    second = CommitRecord(CommitEntry(2, NOW, "ann", "netconf", ""), NEW)
    with monkeypatch.context() as failing:
        failing.setattr(Failing, "failures", failures)
        failing.setattr(Failing, "left", left)
        with pytest.raises(StoreFailed, match="disk I/O error"):
            store.commit(second, PendingConfirmation(NOW + 60, 1))
    assert ([entry.sequence for entry in store.history()], store.pending()) == ([1], None)
    store.commit(second, None)
    assert [store.tree(number) for number in (1, 2)] == [OLD, NEW]


# The whole

GROUP = "set security group-vpn server group G1"
UNSOUND = f"set system host-name hub\n{GROUP} server-member-communication heartbeat 90\n"


@pytest.fixture
def database(store):
    schema = junos_schema(Generation.V2)
    tree, problems = read_file(schema, UNSOUND)
    assert problems == []
    return ConfigurationDatabase(Generation.V2, store, lambda: tree, NOW, strict=True)


def mended(database, now=NOW):
    """A confirmed commit without what no commit would take."""
    database.workspace.writable(ANN, now).edit(ANN, now).pop("security")
    database.commit(ANN, now, confirmation=Confirmation(60))


def test_what_is_taken_back_to_is_no_sounder_than_it_was(database):
    with pytest.raises(CommitRefused):
        database.effective.check(database.committed)
    mended(database)
    database.effective.check(database.committed)
    assert database.expire(NOW + 60)
    with pytest.raises(CommitRefused):
        database.effective.check(database.committed)


def test_nothing_is_taken_back_while_a_request_is_worked_on(database):
    mended(database)
    with database.in_progress():
        assert (database.deadline, database.expire(NOW + 60)) == (None, False)
    assert (database.deadline, database.expire(NOW + 60)) == (NOW + 60, True)


def test_what_was_loaded_weighs_until_it_is_committed(database):
    before = database.weight
    database.loading(1_000_000)
    assert database.weight == before + 1_000_000
    mended(database)
    assert database.weight < 1_000_000
